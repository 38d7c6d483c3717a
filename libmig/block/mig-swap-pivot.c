/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

#include <libmig/mig-error.h>

#include "libmig/block/mig-block-watch-private.h"
#include "libmig/saga/mig-engine-private.h"

/* The switch of the guest to the new volume. What a call returns is never the verdict; where the disk is, is. */

/* Between two looks, in seconds. */
#define LOOK_INTERVAL 0.5
/* For so many settle times a host that does not answer is asked again, and a mirror that is not ready any more is
 * waited for. */
#define PATIENCE 2
/* A mirror that is ready and refuses to pivot, though nothing else holds the guest, is asked so often. */
#define MAX_REFUSALS 3

/* A guest that has moved may have left its definition behind. */
static gboolean
is_elsewhere (const MigBlockSight *sight)
{
  return sight->place == MIG_BLOCK_PLACE_GONE ||
         (sight->place == MIG_BLOCK_PLACE_STOPPED &&
          mig_domain_info_get_state (sight->domain) == MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED);
}

/* On the cluster's other hosts. NULL, without an error: it is not there. */
static MigBlockRef *
find_elsewhere (MigSwap        *self,
                MigBlockSight  *sight,
                GError        **error)
{
  g_autoptr (GPtrArray) hosts = mig_cluster_list_hosts (self->cluster);
  g_autoptr (GError) silent = NULL;

  for (guint i = 0; i < hosts->len; i++)
    {
      MigHost *host = g_ptr_array_index (hosts, i);
      g_autoptr (MigBlockRef) ref = NULL;

      if (g_strcmp0 (mig_host_get_name (host), mig_host_get_name (self->ref->host)) == 0)
        continue;
      ref = mig_block_ref_new (self->ref->driver, host, self->ref->domain, self->ref->target, NULL);
      if (ref != NULL && mig_block_look (ref, FALSE, sight, NULL, silent == NULL ? &silent : NULL) &&
          !is_elsewhere (sight))
        return g_steal_pointer (&ref);
    }

  if (silent != NULL)
    g_propagate_prefixed_error (error, g_steal_pointer (&silent),
                                "the guest is not on %s any more, and may be on a host that does not answer: ",
                                mig_host_get_name (self->ref->host));

  return NULL;
}

gboolean
mig_swap_look_everywhere (MigSwap        *self,
                          MigBlockSight  *sight,
                          MigBlockRef   **found,
                          GError        **error)
{
  g_autoptr (MigBlockRef) ref = NULL;
  g_autoptr (GError) local = NULL;

  if (!mig_block_look (self->ref, FALSE, sight, NULL, error))
    return FALSE;

  if (is_elsewhere (sight))
    ref = find_elsewhere (self, sight, &local);
  else
    ref = mig_block_ref_copy (self->ref);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  /* What was left behind is all there is. */
  if (ref == NULL && !mig_block_look (self->ref, FALSE, sight, NULL, error))
    return FALSE;
  if (found != NULL)
    *found = ref != NULL ? g_steal_pointer (&ref) : mig_block_ref_copy (self->ref);

  return TRUE;
}

void
mig_swap_note_run (MigSwap             *self,
                   const MigBlockSight *sight)
{
  gint64 id = mig_domain_info_get_id (sight->domain);

  if (id >= 0)
    mig_facts_set_int (self->facts, MIG_SWAP_FACT_RUN, id);
  else
    mig_facts_remove (self->facts, MIG_SWAP_FACT_RUN);
}

/* On an operation that has said in this process that its end is doubtful. */
static G_DEFINE_QUARK (mig-swap-doubt, doubt)

static gboolean
is_told (MigSwap *self)
{
  return mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_DOUBTFUL) &&
         g_object_get_qdata (G_OBJECT (self->operation), doubt_quark ()) == NULL;
}

gboolean
mig_swap_is_another_run (MigSwap             *self,
                         const MigBlockSight *sight,
                         const MigBlockRef   *ref)
{
  gint64 before = mig_facts_get_int (self->facts, MIG_SWAP_FACT_RUN, -1);

  if (sight->place != MIG_BLOCK_PLACE_ACTIVE || is_told (self))
    return FALSE;
  /* Each host counts for itself; nothing tells a guest that was moved from one that was started there. */
  if (g_strcmp0 (mig_host_get_name (ref->host), mig_host_get_name (self->ref->host)) != 0)
    return TRUE;

  return before >= 0 && mig_domain_info_get_id (sight->domain) != before;
}

void
mig_swap_doubt (MigSwap             *self,
                const MigBlockSight *sight,
                GError             **error)
{
  g_autofree char *what = mig_swap_describe (self);

  mig_facts_set_boolean (self->facts, MIG_SWAP_FACT_DOUBTFUL, TRUE);
  g_object_set_qdata (G_OBJECT (self->operation), doubt_quark (), self->operation);
  if (sight->place == MIG_BLOCK_PLACE_GONE)
    g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN,
                 "the guest ended while %s was being switched, and no definition is left that tells its volume", what);
  else if (sight->place == MIG_BLOCK_PLACE_ACTIVE)
    g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN,
                 "the guest runs on the old volume, but was perhaps started again while %s was being switched: its "
                 "latest data may be in the new one", what);
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN,
                 "the guest stopped while %s was being switched: its definition names the old volume, and its latest "
                 "data may be in the new one", what);
}

/* A call to switch the guest may have had an effect that nobody saw. */
static gboolean
may_be_switched (MigSwap *self)
{
  return mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_SWITCHING);
}

static MigProbe
judge_sight (MigSwap              *self,
             const MigBlockSight  *sight,
             const MigBlockRef    *ref,
             GError              **error)
{
  gboolean mirrored = mig_block_sight_mirror (sight) != MIG_BLOCK_MIRROR_ABSENT && !mig_swap_is_foreign (self, sight);
  g_autofree char *what = NULL;

  switch (mig_block_sight_source (sight, self->old, self->destination))
    {
    case MIG_BLOCK_SOURCE_NEW:
      return MIG_PROBE_DONE;
    case MIG_BLOCK_SOURCE_OLD:
      /* A definition follows the switch only once the hypervisor's daemon has heard of it. */
      if (may_be_switched (self) && (sight->place == MIG_BLOCK_PLACE_STOPPED ||
                                     (!mirrored && mig_swap_is_another_run (self, sight, ref))))
        {
          mig_swap_doubt (self, sight, error);
          return MIG_PROBE_UNKNOWN;
        }
      /* While our mirror is there the switch is still to be had; somebody else's leads elsewhere. */
      return mirrored ? MIG_PROBE_RUNNING : MIG_PROBE_FAILED;
    case MIG_BLOCK_SOURCE_NONE:
    case MIG_BLOCK_SOURCE_OTHER:
    default:
      break;
    }

  if (sight->place == MIG_BLOCK_PLACE_GONE)
    {
      /* No call to switch it was made. */
      if (!may_be_switched (self))
        return MIG_PROBE_FAILED;
      mig_swap_doubt (self, sight, error);
      return MIG_PROBE_UNKNOWN;
    }

  what = mig_swap_describe (self);
  g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN, "%s is neither on its old volume nor on the new one", what);

  return MIG_PROBE_UNKNOWN;
}

/* How the mirror ended; NONE is said of it: the guest is where it was. */
static MigBlockOutcome
judge_end (MigSwap             *self,
           const MigBlockSight *sight,
           MigBlockWord         word)
{
  int outcome = mig_swap_judge (self, sight, word);

  return outcome == MIG_BLOCK_STILL_RUNNING || outcome == MIG_BLOCK_OUTCOME_COMPLETED ? MIG_BLOCK_OUTCOME_UNKNOWN :
                                                                                       (MigBlockOutcome) outcome;
}

MigProbe
mig_swap_probe_pivot (MigSwap  *self,
                      GError  **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) found = NULL;
  g_autoptr (GError) local = NULL;
  MigProbe probe;

  /* The process that was here before may have made the call. */
  if (mig_step_run_is_recovering (self->run))
    mig_facts_set_boolean (self->facts, MIG_SWAP_FACT_SWITCHING, TRUE);
  if (!mig_swap_look_everywhere (self, &sight, &found, error))
    return MIG_PROBE_UNKNOWN;

  probe = judge_sight (self, &sight, found, &local);
  if (probe == MIG_PROBE_FAILED)
    mig_swap_explain (self, judge_end (self, &sight, MIG_BLOCK_WORD_NONE), error);
  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  /* All is as before but the guest, which has to be resumed. */
  if (probe == MIG_PROBE_FAILED && mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_PAUSED))
    return MIG_PROBE_ABANDONED;

  return probe;
}

typedef struct
{
  MigSwap       *swap;
  MigBlockWatch *watch;
  gint64         begun;
  guint          refusals;
  gboolean       ready;
  gboolean       held;    /* and that was told */
  GError        *refusal; /* what the last call returned */
} Pivot;

typedef enum {
  NEXT_DONE,
  NEXT_FAILED, /* with an error */
  NEXT_TRY,
  NEXT_LOOK,
} Next;

static double
seconds_spent (Pivot *self)
{
  return (double) (g_get_monotonic_time () - self->begun) / G_USEC_PER_SEC;
}

static gboolean
is_patient (Pivot *self)
{
  MigEngine *engine = mig_engine_of (G_OBJECT (self->swap->cluster));

  return seconds_spent (self) < PATIENCE * mig_engine_get_settle_time (engine);
}

/* A guest that another job of the hypervisor's holds, a dump for example, is let go some time, and its copy stays equal
 * until then: nothing is lost by waiting. */
static gboolean
waits_for_holder (Pivot *self)
{
  MigEngine *engine = mig_engine_of (G_OBJECT (self->swap->cluster));
  g_autofree char *what = mig_swap_describe (self->swap);
  g_autofree char *text = NULL;

  if (seconds_spent (self) >= mig_engine_get_wait_limit (engine))
    return FALSE;

  if (!self->held)
    {
      text = g_strdup_printf ("%s cannot be switched yet, and that is waited for: %s", what, self->refusal->message);
      mig_step_run_decide (self->swap->run, text, NULL);
    }
  self->held = TRUE;

  return TRUE;
}

static gboolean
may_try_again (Pivot    *self,
               gboolean  was_ready)
{
  /* Writes of the guest may have unmade it since it was ready; it will be again. */
  if (!self->ready && is_patient (self))
    return TRUE;
  if ((!self->ready || was_ready) && g_error_matches (self->refusal, MIG_ERROR, MIG_ERROR_BUSY))
    return waits_for_holder (self);

  return ++self->refusals < MAX_REFUSALS;
}

static Next
fail_with_refusal (Pivot   *self,
                   GError **error)
{
  g_autofree char *what = mig_swap_describe (self->swap);

  if (self->refusal != NULL)
    g_propagate_prefixed_error (error, g_steal_pointer (&self->refusal), "switching %s: ", what);
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "%s was not switched, though no call failed", what);

  return NEXT_FAILED;
}

/* The guest is on its old volume, and our mirror has gone. */
static Next
explain_end (Pivot               *self,
             const MigBlockSight *sight,
             GError             **error)
{
  MigBlockOutcome outcome = judge_end (self->swap, sight, mig_block_watch_get_word (self->watch));

  if (outcome == MIG_BLOCK_OUTCOME_UNKNOWN && mig_block_watch_await_word (self->watch) > 0)
    return NEXT_LOOK;
  if (outcome == MIG_BLOCK_OUTCOME_UNKNOWN && self->refusal != NULL)
    return fail_with_refusal (self, error);
  mig_swap_explain (self->swap, outcome, error);

  return NEXT_FAILED;
}

static Next
look (Pivot   *self,
      GError **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) found = NULL;
  g_autoptr (GError) local = NULL;

  if (!mig_swap_look_everywhere (self->swap, &sight, &found, &local))
    {
      if (is_patient (self))
        return NEXT_LOOK;
      g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN, "nothing tells whether the guest was switched: %s",
                   local->message);
      return NEXT_FAILED;
    }

  /* Somebody else's call, perhaps; the guest has its data in the new volume now. */
  if (mig_block_watch_get_word (self->watch) == MIG_BLOCK_WORD_COMPLETED)
    mig_facts_set_boolean (self->swap->facts, MIG_SWAP_FACT_SWITCHING, TRUE);

  self->ready = mig_block_sight_mirror (&sight) == MIG_BLOCK_MIRROR_READY;
  switch (judge_sight (self->swap, &sight, found, &local))
    {
    case MIG_PROBE_DONE:
      return NEXT_DONE;
    case MIG_PROBE_RUNNING:
      return NEXT_TRY;
    case MIG_PROBE_FAILED:
      return explain_end (self, &sight, error);
    case MIG_PROBE_NOT_STARTED:
    case MIG_PROBE_ABANDONED:
    case MIG_PROBE_UNKNOWN:
    default:
      g_propagate_error (error, g_steal_pointer (&local));
      return NEXT_FAILED;
    }
}

/* A call that was refused has no effect. After another failure the mirror says so, if it is still there. */
static gboolean
is_refused (const GError *answer,
            gboolean      mirrored)
{
  if (answer == NULL || mig_swap_is_ambiguous (answer))
    return FALSE;

  return mirrored || g_error_matches (answer, MIG_ERROR, MIG_ERROR_INVALID_STATE) ||
         g_error_matches (answer, MIG_ERROR, MIG_ERROR_NOT_FOUND) ||
         g_error_matches (answer, MIG_ERROR, MIG_ERROR_BUSY);
}

/* Only ever called when the look before has shown that the mirror is ours: a pivot takes whatever is there. */
static Next
try_to_switch (Pivot   *self,
               GError **error)
{
  const MigBlockRef *ref = self->swap->ref;
  gboolean switching = mig_facts_get_boolean (self->swap->facts, MIG_SWAP_FACT_SWITCHING);
  gboolean was_ready = self->ready;
  g_autoptr (GError) local = NULL;
  Next next;

  /* While the store does not answer nothing is done; nor is the copy thrown away. */
  if (!mig_step_run_holds (self->swap->run, &local))
    {
      if (g_error_matches (local, MIG_ERROR, MIG_ERROR_CONFLICT))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return NEXT_FAILED;
        }
      if (is_patient (self))
        return NEXT_LOOK;
      g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN, "the guest was not switched: %s", local->message);
      return NEXT_FAILED;
    }

  g_clear_error (&self->refusal);
  mig_facts_set_boolean (self->swap->facts, MIG_SWAP_FACT_SWITCHING, TRUE);
  mig_block_job_driver_abort (mig_block_ref_get_jobs (ref), ref->host, ref->domain, ref->target,
                              MIG_BLOCK_ABORT_FLAGS_PIVOT, NULL, &self->refusal);

  if (is_refused (self->refusal, FALSE))
    mig_facts_set_boolean (self->swap->facts, MIG_SWAP_FACT_SWITCHING, switching);
  next = look (self, error);
  if (next == NEXT_TRY && is_refused (self->refusal, TRUE))
    mig_facts_set_boolean (self->swap->facts, MIG_SWAP_FACT_SWITCHING, switching);
  if (next != NEXT_TRY || may_try_again (self, was_ready))
    return next;

  return fail_with_refusal (self, error);
}

/* A look and a try in turn: a definition that is being written by another swap of this guest would lose the switch. */
static Next
look_and_try (Pivot   *self,
              GError **error)
{
  gint64 before = g_get_monotonic_time ();
  Next next;

  if (!mig_swap_take_turn (self->swap, error))
    return NEXT_FAILED;
  /* Waiting for the turn is not counted. */
  if (self->begun == 0)
    self->begun = before;
  self->begun += g_get_monotonic_time () - before;

  next = look (self, error);
  if (next == NEXT_TRY && self->swap->ended)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_FAILED, "there is another mirror than the one to be compared");
      next = NEXT_FAILED;
    }
  if (next == NEXT_TRY)
    next = try_to_switch (self, error);
  mig_swap_leave_turn (self->swap);

  return next;
}

static gboolean
switch_guest (Pivot   *self,
              GError **error)
{
  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (mig_step_run_get_waiter (self->swap->run));
      Next next = look_and_try (self, error);

      if (next == NEXT_DONE || next == NEXT_FAILED)
        return next == NEXT_DONE;
      if (mig_step_run_is_detaching (self->swap->run))
        return mig_swap_set_detached (error);
      mig_swap_wait (self->swap, ticket, LOOK_INTERVAL);
    }
}

gboolean
mig_swap_pivot (MigSwap  *self,
                GError  **error)
{
  g_autoptr (MigBlockWatch) watch = mig_swap_take_watch (self);
  Pivot pivot = { .swap = self, .watch = watch };
  gboolean ok;

  if (!mig_swap_compare (self, error))
    return FALSE;

  mig_step_run_forbid_abort (self->run, "the guest is being switched to the new volume");
  if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
    return FALSE;

  ok = switch_guest (&pivot, error);
  g_clear_error (&pivot.refusal);

  return ok;
}
