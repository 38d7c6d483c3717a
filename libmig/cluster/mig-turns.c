/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/cluster/mig-turns-private.h"

#include "libmig/saga/mig-operation-core-private.h"
#include "libmig/saga/mig-runner-private.h"

struct _MigTurns
{
  MigAdmission *admission;
  GMutex        mutex;
  GHashTable   *turns; /* id → Turn */
};

/* One operation's. Counted, since its call may still return when the operation has left already. */
typedef struct
{
  MigTurns     *turns;     /* not owned */
  MigOperation *operation; /* not owned: the engine keeps it until it has left */
  guint64       ticket;
  gboolean      called;    /* its turn has come */
  gboolean      recorded;  /* or just being */
  gboolean      waiting;   /* who entered has gone: whoever calls it starts it */
} Turn;

static void
turns_clear (gpointer data)
{
  MigTurns *self = data;

  mig_admission_free (self->admission);
  g_hash_table_unref (self->turns);
  g_mutex_clear (&self->mutex);
}

MigTurns *
mig_turns_new (void)
{
  MigTurns *self = g_atomic_rc_box_new0 (MigTurns);

  self->admission = mig_admission_new ();
  self->turns = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_atomic_rc_box_release);
  g_mutex_init (&self->mutex);

  return self;
}

MigTurns *
mig_turns_ref (MigTurns *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
mig_turns_unref (MigTurns *self)
{
  g_atomic_rc_box_release_full (self, turns_clear);
}

void
mig_turns_set_limits (MigTurns        *self,
                      const MigLimits *limits)
{
  mig_admission_set_limits (self->admission, limits);
}

static void
on_turn (gpointer data)
{
  Turn *turn = g_atomic_rc_box_acquire (data);
  gboolean waiting;

  g_mutex_lock (&turn->turns->mutex);
  turn->called = TRUE;
  waiting = turn->waiting;
  g_mutex_unlock (&turn->turns->mutex);

  if (waiting)
    mig_operation_admit (turn->operation);
  g_atomic_rc_box_release (turn);
}

static gboolean
is_called (Turn *turn)
{
  gboolean called;

  g_mutex_lock (&turn->turns->mutex);
  called = turn->called;
  g_mutex_unlock (&turn->turns->mutex);

  return called;
}

/* From now on whoever makes room starts it; TRUE: somebody has made room already. */
static gboolean
begin_waiting (Turn *turn)
{
  gboolean called;

  g_mutex_lock (&turn->turns->mutex);
  turn->waiting = TRUE;
  called = turn->called;
  g_mutex_unlock (&turn->turns->mutex);

  return called;
}

gboolean
mig_turns_enter (MigTurns     *self,
                 MigOperation *operation)
{
  MigFacts *request = mig_operation_get_request (operation);
  g_autoptr (MigOperationState) state = mig_operation_ref_state (operation);
  Turn *turn = g_atomic_rc_box_new0 (Turn);

  turn->turns = self;
  turn->operation = operation;
  g_mutex_lock (&self->mutex);
  g_hash_table_replace (self->turns, g_strdup (mig_operation_get_id (operation)), turn);
  g_mutex_unlock (&self->mutex);

  mig_admission_enter (self->admission, mig_facts_get_string (request, MIG_FACT_SOURCE),
                       mig_facts_get_string (request, MIG_FACT_DESTINATION), on_turn, turn, &turn->ticket);
  if (is_called (turn))
    return TRUE;

  mig_operation_state_publish_queued (state);

  return begin_waiting (turn);
}

static Turn *
find_turn (MigTurns     *self,
           MigOperation *operation)
{
  Turn *turn;

  g_mutex_lock (&self->mutex);
  turn = g_hash_table_lookup (self->turns, mig_operation_get_id (operation));
  if (turn != NULL)
    g_atomic_rc_box_acquire (turn);
  g_mutex_unlock (&self->mutex);

  return turn;
}

void
mig_turns_leave (MigTurns     *self,
                 MigOperation *operation)
{
  Turn *turn = find_turn (self, operation);

  if (turn == NULL)
    return;

  g_mutex_lock (&self->mutex);
  g_hash_table_remove (self->turns, mig_operation_get_id (operation));
  g_mutex_unlock (&self->mutex);
  mig_admission_leave (self->admission, turn->ticket);
  g_atomic_rc_box_release (turn);
}

/* Whoever calls it meanwhile leaves it to this thread to start it. */
static gboolean
begin_recording (Turn *turn)
{
  gboolean begun;

  g_mutex_lock (&turn->turns->mutex);
  begun = turn->waiting && !turn->called && !turn->recorded;
  if (begun)
    {
      turn->waiting = FALSE;
      turn->recorded = TRUE;
    }
  g_mutex_unlock (&turn->turns->mutex);

  return begun;
}

void
mig_turns_record (MigTurns     *self,
                  MigOperation *operation)
{
  Turn *turn = find_turn (self, operation);

  if (turn != NULL && begin_recording (turn))
    {
      MigJournal *journal = mig_runner_accept (operation, NULL);
      gboolean useless = FALSE;

      /* What cannot be recorded need not wait: its thread fails in the same way, and says so. */
      if (journal != NULL)
        mig_operation_give_journal (operation, journal);
      else
        useless = mig_admission_withdraw (self->admission, turn->ticket);
      if (begin_waiting (turn) || useless)
        mig_operation_admit (operation);
    }

  g_clear_pointer (&turn, g_atomic_rc_box_release);
}

void
mig_turns_hurry (MigTurns     *self,
                 MigOperation *operation)
{
  Turn *turn = find_turn (self, operation);
  gboolean waiting;

  if (turn == NULL)
    return;

  g_mutex_lock (&self->mutex);
  waiting = turn->waiting;
  g_mutex_unlock (&self->mutex);

  if (waiting && mig_admission_withdraw (self->admission, turn->ticket))
    mig_operation_admit (operation);
  g_atomic_rc_box_release (turn);
}
