/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/cluster/mig-keeper-private.h"

#include "libmig/cluster/mig-cluster-private.h"
#include "libmig/core/mig-log-private.h"
#include "libmig/core/mig-waiter-private.h"
#include "libmig/saga/mig-journal-codec-private.h"
#include "libmig/saga/mig-operation-core-private.h"
#include "libmig/saga/mig-request-private.h"

#define PERIOD (G_USEC_PER_SEC / 5) /* another process's requests are heard after this */
#define ORPHAN_TIME 5.0 /* seconds for which an unowned operation may stay as it is; a lease's ttl, if that is less */
#define REQUESTS "request/"

struct _MigKeeper
{
  MigEngine *engine; /* not owned: what owns this owns it */
  MigTurns  *turns;
  MigWaiter *waiter;

  GMutex     mutex;
  GThread   *thread;
  gboolean   stop;
  GPtrArray *observed; /* of Observed */
};

typedef struct
{
  MigOperation *operation;
  guint64       revision; /* of its record, as seen last */
  gint64        since;    /* when it was seen first */
} Observed;

static void
clear_observed (gpointer data)
{
  Observed *observed = data;

  g_object_unref (observed->operation);
}

static void
observed_unref (gpointer observed)
{
  g_atomic_rc_box_release_full (observed, clear_observed);
}

static void
keeper_clear (gpointer data)
{
  MigKeeper *self = data;

  g_assert (self->thread == NULL);
  mig_turns_unref (self->turns);
  mig_waiter_unref (self->waiter);
  g_ptr_array_unref (self->observed);
  g_mutex_clear (&self->mutex);
}

MigKeeper *
mig_keeper_new (MigEngine *engine,
                MigTurns  *turns)
{
  MigKeeper *self = g_atomic_rc_box_new0 (MigKeeper);

  self->engine = engine;
  self->turns = mig_turns_ref (turns);
  self->waiter = mig_waiter_new ();
  self->observed = g_ptr_array_new_with_free_func (observed_unref);
  g_mutex_init (&self->mutex);

  return self;
}

void
mig_keeper_unref (MigKeeper *self)
{
  g_atomic_rc_box_release_full (self, keeper_clear);
}

static gboolean
is_stopped (MigKeeper *self)
{
  gboolean stop;

  g_mutex_lock (&self->mutex);
  stop = self->stop;
  g_mutex_unlock (&self->mutex);

  return stop;
}

/* Requests of other processes. They stay until the end, for whoever might have to carry on. */
static void
hear (MigKeeper *self,
      MigRecord *record)
{
  const char *key = mig_record_get_key (record);
  g_auto (GStrv) words = g_strsplit (key, "/", 3);
  g_autoptr (MigOperationState) state = NULL;
  g_autoptr (MigOperation) operation = NULL;
  g_autoptr (MigRecord) still = NULL;

  operation = g_strv_length (words) == 3 ? mig_engine_lookup (self->engine, words[1]) : NULL;
  if (operation == NULL)
    return;

  /* It may have been asked of an earlier operation of this id. Those requests are gone once this one is accepted. */
  state = mig_operation_ref_state (operation);
  if (!mig_operation_state_is_accepted (state))
    return;
  still = mig_state_store_get (mig_engine_get_store (self->engine), key, NULL, NULL);
  if (still == NULL)
    return;

  if (!g_str_equal (words[2], MIG_REQUEST_ABORT))
    {
      mig_operation_state_add_request (state, words[2], mig_record_get_revision (still));
      return;
    }
  mig_operation_state_note_abort (state);
  mig_operation_state_want_abort (state);
}

static void
hear_all (MigKeeper *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) records = NULL;

  records = mig_state_store_list (mig_engine_get_store (self->engine), REQUESTS, NULL, 0, NULL, &error);
  if (records == NULL)
    mig_log_debug (NULL, "requests cannot be read: %s", error->message);
  for (guint i = 0; records != NULL && i < records->len; i++)
    hear (self, g_ptr_array_index (records, i));
}

static void
note_abort (MigKeeper         *self,
            MigOperation      *operation,
            MigOperationState *state)
{
  g_autoptr (GError) error = NULL;

  if (!mig_operation_state_has_abort_to_note (state))
    return;

  /* Refused: there is nothing left that could be aborted, by anybody. */
  if (mig_request_put (self->engine, mig_operation_get_id (operation), MIG_REQUEST_ABORT, &error) ||
      g_error_matches (error, MIG_ERROR, MIG_ERROR_INVALID_STATE))
    mig_operation_state_note_abort (state);
  else
    mig_log_debug (NULL, "the abort of %s is not recorded: %s", mig_operation_get_id (operation), error->message);
}

static void
tend (MigKeeper    *self,
      MigOperation *operation)
{
  g_autoptr (MigOperationState) state = mig_operation_ref_state (operation);

  mig_turns_record (self->turns, operation);
  note_abort (self, operation, state);
  if (mig_operation_state_is_cancelled (state) || mig_operation_state_is_detached (state))
    mig_turns_hurry (self->turns, operation);
}

/* An operation whose owner is gone does not end by waiting. It gets the time that another one may need to find it. */
static gboolean
is_orphaned (MigKeeper          *self,
             Observed           *observed,
             MigOperationRecord *record,
             guint64             revision)
{
  MigCluster *cluster = mig_operation_get_cluster (observed->operation);
  gint64 now = g_get_monotonic_time ();
  gint64 patience;
  MigOwner owner;
  double ttl;

  if (revision != observed->revision)
    {
      observed->revision = revision;
      observed->since = now;
    }
  g_object_get (cluster, "lease-ttl", &ttl, NULL);
  patience = (gint64) (MIN (ttl, ORPHAN_TIME) * G_USEC_PER_SEC);
  if (record->owner == NULL || now - observed->since < patience)
    return FALSE;

  /* Once in a while: it reads the store again. */
  observed->since = now - patience / 2;

  owner = mig_lease_judge (mig_cluster_get_lease (cluster), record->owner, NULL);

  /* What this process owns, and does not run, was let go of, or it is not known whether it was accepted. */
  return owner.state == MIG_OWNER_DEAD ||
         (owner.state == MIG_OWNER_SELF && !mig_engine_has (self->engine, record->id));
}

static gboolean
show (MigKeeper  *self,
      Observed   *observed,
      MigRecord  *stored,
      GError    **error)
{
  const char *id = mig_operation_get_id (observed->operation);
  g_autoptr (MigOperationRecord) record = mig_journal_decode_record (id, mig_record_get_value (stored), error);

  if (record == NULL)
    return FALSE;
  if (mig_operation_show_record (observed->operation, record))
    return TRUE;
  if (!is_orphaned (self, observed, record, mig_record_get_revision (stored)))
    return FALSE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "%s, which ran it, has let go: it waits for recovery", record->owner);

  return FALSE;
}

static void
look_at (MigKeeper *self,
         Observed  *observed)
{
  g_autofree char *key = mig_operation_record_key (mig_operation_get_id (observed->operation));
  g_autoptr (MigOperationState) state = mig_operation_ref_state (observed->operation);
  g_autoptr (MigRecord) stored = NULL;
  g_autoptr (GError) unread = NULL;
  g_autoptr (GError) error = NULL;

  if (mig_operation_state_has_ended (state))
    return;

  note_abort (self, observed->operation, state);
  if (!mig_operation_state_has_emitters (state))
    return;

  stored = mig_state_store_get (mig_engine_get_store (self->engine), key, NULL, &unread);
  if (stored != NULL && show (self, observed, stored, &error))
    return;
  if (g_error_matches (unread, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    error = g_steal_pointer (&unread);
  if (error != NULL) /* otherwise it goes on, or the store may answer the next time */
    mig_operation_state_publish_left (state, error);
}

/* With the lock, for whoever begins to wait looks under it whether it is watched: it has ended, or whoever listened has
 * gone. */
static gboolean
is_unwanted (Observed *observed)
{
  g_autoptr (MigOperationState) state = mig_operation_ref_state (observed->operation);

  return mig_operation_state_has_ended (state) || !mig_operation_state_has_emitters (state);
}

/* The keeper's thread alone removes rows, so that it may look at them without the lock. */
static GPtrArray *
list_observed (MigKeeper *self)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (observed_unref);

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->observed->len; i++)
    g_ptr_array_add (list, g_atomic_rc_box_acquire (g_ptr_array_index (self->observed, i)));
  g_mutex_unlock (&self->mutex);

  return list;
}

static void
look_at_all (MigKeeper *self,
             GPtrArray *observed)
{
  for (guint i = 0; i < observed->len; i++)
    {
      Observed *row = g_ptr_array_index (observed, i);

      look_at (self, row);
      g_mutex_lock (&self->mutex);
      if (is_unwanted (row))
        g_ptr_array_remove_fast (self->observed, row);
      g_mutex_unlock (&self->mutex);
    }
}

/* One round; FALSE when there was nothing to do and nothing to wait for. The lists keep the operations, and they the
 * cluster and its engine, until the round is over: then nothing of it is used before is_stopped() has been asked. */
static gboolean
go_round (MigKeeper *self)
{
  g_autoptr (GPtrArray) operations = mig_engine_list (self->engine);
  g_autoptr (GPtrArray) observed = list_observed (self);

  if (operations->len > 0)
    hear_all (self);
  for (guint i = 0; i < operations->len; i++)
    tend (self, g_ptr_array_index (operations, i));
  look_at_all (self, observed);

  return operations->len > 0 || observed->len > 0;
}

static gpointer
keep (gpointer data)
{
  MigKeeper *self = data;

  while (!is_stopped (self))
    {
      guint64 ticket = mig_waiter_ticket (self->waiter);
      gboolean busy = go_round (self);

      if (!is_stopped (self))
        mig_waiter_wait (self->waiter, ticket, busy ? g_get_monotonic_time () + PERIOD : -1, NULL);
    }

  mig_keeper_unref (self);

  return NULL;
}

/* With the lock. */
static gboolean
start_locked (MigKeeper  *self,
              GError    **error)
{
  g_autoptr (GError) local = NULL;

  if (self->stop)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_BUSY, "the cluster has been closed");
      return FALSE;
    }
  if (self->thread != NULL)
    return TRUE;

  self->thread = g_thread_try_new ("mig-keeper", keep, g_atomic_rc_box_acquire (self), &local);
  if (self->thread != NULL)
    return TRUE;

  g_atomic_rc_box_release (self); /* the thread's; there is another */
  g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "no thread could be started: %s", local->message);

  return FALSE;
}

/* Without a thread requests of other processes are not heard; the next one who wakes it tries again. */
void
mig_keeper_wake (MigKeeper *self)
{
  g_autoptr (GError) error = NULL;
  gboolean started, stopped;

  g_mutex_lock (&self->mutex);
  stopped = self->stop;
  started = start_locked (self, &error);
  g_mutex_unlock (&self->mutex);

  if (started)
    mig_waiter_wake (self->waiter);
  else if (!stopped)
    mig_log_warning (NULL, "requests are not heard: %s", error->message);
}

static gboolean
add_observed (MigKeeper     *self,
              MigOperation  *operation,
              GError       **error)
{
  gboolean known = FALSE, started;

  g_mutex_lock (&self->mutex);
  started = start_locked (self, error);
  for (guint i = 0; i < self->observed->len; i++)
    known = known || ((Observed *) g_ptr_array_index (self->observed, i))->operation == operation;
  if (started && !known)
    {
      Observed *observed = g_atomic_rc_box_new0 (Observed);

      observed->operation = g_object_ref (operation);
      g_ptr_array_add (self->observed, observed);
    }
  g_mutex_unlock (&self->mutex);

  return started;
}

/* Nobody watches it: those who wait are told. */
static void
publish_unobserved (MigOperation *operation,
                    const GError *error)
{
  g_autoptr (MigOperationState) state = mig_operation_ref_state (operation);

  if (!mig_operation_state_has_ended (state))
    mig_operation_state_publish_left (state, error);
}

void
mig_keeper_observe (MigKeeper    *self,
                    MigOperation *operation)
{
  g_autoptr (GError) error = NULL;

  if (add_observed (self, operation, &error))
    mig_waiter_wake (self->waiter);
  else
    publish_unobserved (operation, error);
}

/* Nobody watches them any more. */
static void
leave_observed (GPtrArray *observed)
{
  g_autoptr (GError) error = g_error_new_literal (MIG_ERROR, MIG_ERROR_BUSY, "the cluster has been closed");

  for (guint i = 0; i < observed->len; i++)
    publish_unobserved (((Observed *) g_ptr_array_index (observed, i))->operation, error);
}

void
mig_keeper_stop (MigKeeper *self)
{
  g_autoptr (GPtrArray) observed = g_ptr_array_new_with_free_func (observed_unref); /* let go without the lock */
  GThread *thread;

  g_mutex_lock (&self->mutex);
  self->stop = TRUE;
  thread = g_steal_pointer (&self->thread);
  g_ptr_array_extend_and_steal (observed, g_steal_pointer (&self->observed));
  self->observed = g_ptr_array_new_with_free_func (observed_unref);
  g_mutex_unlock (&self->mutex);

  mig_waiter_wake (self->waiter);
  if (thread == g_thread_self ())
    g_thread_unref (thread);
  else if (thread != NULL)
    g_thread_join (thread);

  leave_observed (observed);
}
