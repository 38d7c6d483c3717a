/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

#include <libmig/mig-error.h>

#include "libmig/saga/mig-engine-private.h"

/* The proof that the copy is equal to the disk: while the guest stands still nothing changes either of them, so both
 * can be read and compared. That the guest goes on afterwards is worth more than the proof. */

/* Between two looks at a mirror that still copies, in seconds. */
#define DRAIN_INTERVAL 0.01
/* For so long the guest is tried to be resumed. */
#define RESUME_TIME 60.0
#define RESUME_INTERVAL 0.5
/* So often it is compared when somebody else resumes the guest meanwhile. */
#define MAX_TRIES 3

/* What cuts a comparison short. */
typedef enum {
  LIMIT_NONE,
  LIMIT_TIME,
  LIMIT_ABORT,
  LIMIT_DETACH,
} LimitReason;

/* Cancels when one of them is there. */
typedef struct
{
  MigSwap      *swap;
  GCancellable *cancellable;
  gint64        until;
  GThread      *thread;
  int           over;   /* atomic */
  int           reason; /* atomic, a LimitReason; written before the cancellable is cancelled */
} Limit;

static LimitReason
find_reason (Limit *self)
{
  if (g_cancellable_is_cancelled (self->swap->cancellable))
    return LIMIT_ABORT;
  if (mig_step_run_is_detaching (self->swap->run))
    return LIMIT_DETACH;

  return g_get_monotonic_time () >= self->until ? LIMIT_TIME : LIMIT_NONE;
}

static gpointer
keep_limit (gpointer data)
{
  Limit *self = data;
  MigWaiter *waiter = mig_step_run_get_waiter (self->swap->run);
  LimitReason reason = LIMIT_NONE;

  while (reason == LIMIT_NONE)
    {
      guint64 ticket = mig_waiter_ticket (waiter);

      if (g_atomic_int_get (&self->over))
        return NULL;
      reason = find_reason (self);
      if (reason == LIMIT_NONE)
        mig_waiter_wait (waiter, ticket, self->until, self->swap->cancellable);
    }

  g_atomic_int_set (&self->reason, reason);
  g_cancellable_cancel (self->cancellable);

  return NULL;
}

/* FALSE when there is no thread for it: a guest is not paused without a limit. */
static gboolean
limit_begin (Limit    *self,
             MigSwap  *swap,
             GError  **error)
{
  *self = (Limit) { .swap = swap };
  self->until = g_get_monotonic_time () +
                (gint64) (MIN (swap->request->options->max_pause, 86400) * G_USEC_PER_SEC);
  self->cancellable = g_cancellable_new ();
  self->thread = g_thread_try_new ("mig-limit", keep_limit, self, error);
  if (self->thread == NULL)
    g_clear_object (&self->cancellable);

  return self->thread != NULL;
}

static void
limit_end (Limit *self)
{
  if (self->thread == NULL)
    return;

  g_atomic_int_set (&self->over, TRUE);
  mig_waiter_wake (mig_step_run_get_waiter (self->swap->run));
  g_thread_join (self->thread);
  g_object_unref (self->cancellable);
}

/* TRUE, with an error, once it has cut the comparison short. */
static gboolean
limit_explain (Limit   *self,
               GError **error)
{
  g_autofree char *what = mig_swap_describe (self->swap);

  switch ((LimitReason) g_atomic_int_get (&self->reason))
    {
    case LIMIT_TIME:
      g_set_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT,
                   "%s was not compared with its copy within the %g s for which the guest may be paused", what,
                   self->swap->request->options->max_pause);
      return TRUE;
    case LIMIT_ABORT:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "%s was being compared with its copy", what);
      return TRUE;
    case LIMIT_DETACH:
      mig_swap_set_detached (error);
      return TRUE;
    case LIMIT_NONE:
    default:
      return FALSE;
    }
}

gboolean
mig_swap_check_comparable (MigSwap    *self,
                           MigVolume  *volume,
                           GError    **error)
{
  gboolean raw = g_strcmp0 (mig_disk_source_get_format (self->old), "raw") == 0 &&
                 g_strcmp0 (mig_disk_source_get_format (self->destination), "raw") == 0;

  if (!self->request->options->verify)
    return TRUE;
  if (!raw)
    {
      g_autofree char *what = mig_swap_describe (self);
      g_autofree char *text = mig_swap_describe_destination (self);

      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED,
                   "only raw volumes can be compared, and %s or its copy in %s would not be raw", what, text);
      return FALSE;
    }

  /* Nothing is read; but whether it could be is told. */
  return mig_volume_backend_compare (self->backend, self->ref->host, self->old,
                                     volume != NULL ? mig_volume_get_source (volume) : self->old, 0,
                                     self->cancellable, error) >= 0;
}

/* How much the mirror has had to copy; it grows with every write of the guest. -1 with an error, and without one when
 * the mirror has gone. */
static gint64
read_end (MigSwap       *self,
          gboolean      *drained,
          GCancellable  *cancellable,
          GError       **error)
{
  g_autoptr (MigBlockJobInfo) info = NULL;
  g_autoptr (GError) local = NULL;

  info = mig_block_job_driver_get_info (mig_block_ref_get_jobs (self->ref), self->ref->host, self->ref->domain,
                                        self->ref->target, cancellable, &local);
  self->ended = info != NULL ? mig_block_job_info_get_kind (info) != MIG_BLOCK_JOB_KIND_COPY :
                               g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND) ||
                               g_error_matches (local, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  if (info == NULL && !self->ended)
    g_propagate_error (error, g_steal_pointer (&local));
  if (info == NULL || self->ended)
    return -1;
  *drained = mig_block_job_info_get_current (info) == mig_block_job_info_get_end (info);

  return mig_block_job_info_get_end (info);
}

/* What the guest wrote before it stood still has reached the mirror only when this is at its end. Returns that end, or
 * -1. */
static gint64
drain (MigSwap       *self,
       GCancellable  *cancellable,
       GError       **error)
{
  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (mig_step_run_get_waiter (self->run));
      gboolean drained = FALSE;
      gint64 end = read_end (self, &drained, cancellable, error);

      if (end < 0 || drained)
        return end;
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return -1;
      mig_swap_wait (self, ticket, DRAIN_INTERVAL);
    }
}

typedef enum {
  EQUAL,
  FAILED,    /* with an error, or the mirror has gone */
  DISTURBED, /* the guest did not stand still: it proves nothing */
} Result;

/* Whoever resumes the guest meanwhile makes the comparison void, whatever it found. */
static Result
check_stood_still (MigSwap       *self,
                   gint64         end,
                   GCancellable  *cancellable,
                   GError       **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  gboolean drained = FALSE;
  gint64 now = read_end (self, &drained, cancellable, error);

  if (now < 0 || !mig_block_look (self->ref, FALSE, &sight, cancellable, error))
    return FAILED;

  return now != end || !drained || sight.domain == NULL ||
         mig_domain_info_get_state (sight.domain) == MIG_DOMAIN_STATE_RUNNING ? DISTURBED : EQUAL;
}

static Result
compare_images (MigSwap       *self,
                GCancellable  *cancellable,
                GError       **error)
{
  gint64 length = mig_facts_get_int (self->facts, MIG_SWAP_FACT_GROW, mig_swap_get_length (self));
  gint64 end = drain (self, cancellable, error);
  g_autofree char *what = mig_swap_describe (self);
  gint64 offset;
  Result result;

  if (end < 0 || g_cancellable_set_error_if_cancelled (cancellable, error))
    return FAILED;
  offset = mig_volume_backend_compare (self->backend, self->ref->host, self->old, self->destination, length,
                                       cancellable, error);
  if (offset < 0)
    return FAILED;

  result = check_stood_still (self, end, cancellable, error);
  if (result != EQUAL || offset == length)
    return result;

  g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "the copy of %s differs from it at byte %" G_GINT64_FORMAT, what,
               offset);

  return FAILED;
}

static Result
compare_in_time (MigSwap  *self,
                 Limit    *limit,
                 GError  **error)
{
  g_autoptr (GError) local = NULL;
  Result result = compare_images (self, limit->cancellable, &local);

  if ((result != FAILED || self->ended || !limit_explain (limit, error)) && local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));

  return result;
}

static void
forget_pause (MigSwap *self)
{
  mig_facts_remove (self->facts, MIG_SWAP_FACT_PAUSED);
  mig_facts_remove (self->facts, MIG_SWAP_FACT_PAUSE_ANSWERED);
}

/* TRUE: the guest does not stand still because of us, nor will it. A call whose answer did not come may pause it later:
 * so a guest that runs is believed after the settle time only. */
static gboolean
is_resumed (MigSwap  *self,
            double    waited,
            GError  **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;

  if (!mig_block_look (self->ref, FALSE, &sight, NULL, error))
    return FALSE;
  if (sight.domain == NULL || !mig_block_domain_is_active (sight.domain))
    return TRUE;
  if (mig_domain_info_get_state (sight.domain) != MIG_DOMAIN_STATE_RUNNING)
    return mig_compute_driver_resume (self->ref->driver, self->ref->host, self->ref->domain, NULL, error);

  return mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_PAUSE_ANSWERED) ||
         waited >= mig_engine_get_settle_time (mig_engine_of (G_OBJECT (self->cluster)));
}

gboolean
mig_swap_resume (MigSwap  *self,
                 GError  **error)
{
  double settle_time = mig_engine_get_settle_time (mig_engine_of (G_OBJECT (self->cluster)));
  gint64 begun = g_get_monotonic_time ();

  if (!mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_PAUSED))
    return TRUE;

  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (mig_step_run_get_waiter (self->run));
      double waited = (double) (g_get_monotonic_time () - begun) / G_USEC_PER_SEC;
      g_autoptr (GError) local = NULL;

      /* A guest that has ended in the meantime does not stand still. */
      if (is_resumed (self, waited, &local) || g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND) ||
          g_error_matches (local, MIG_ERROR, MIG_ERROR_INVALID_STATE))
        {
          forget_pause (self);
          return TRUE;
        }
      if (mig_step_run_is_detaching (self->run))
        return mig_swap_set_detached (error);
      if (waited > RESUME_TIME + settle_time)
        {
          g_propagate_prefixed_error (error, g_steal_pointer (&local), "the guest was paused and cannot be resumed: ");
          return FALSE;
        }
      mig_swap_wait (self, ticket, RESUME_INTERVAL);
    }
}

static gboolean
has_ended (MigSwap *self)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;

  return mig_block_look (self->ref, FALSE, &sight, NULL, NULL) &&
         (sight.domain == NULL || !mig_block_domain_is_active (sight.domain));
}

/* FALSE, without an error: the guest has ended, and the switch says how.
 *
 * From here on whoever recovers the swap resumes the guest. Nothing cuts the call short: it would take effect all the
 * same, when nobody expects it any more. The time begins with it, and not while the guest runs. */
static gboolean
pause_guest (MigSwap  *self,
             Limit    *limit,
             GError  **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (GError) local = NULL;

  if (!mig_block_look (self->ref, FALSE, &sight, self->cancellable, error))
    return FALSE;
  if (sight.domain == NULL || mig_domain_info_get_state (sight.domain) != MIG_DOMAIN_STATE_RUNNING)
    return limit_begin (limit, self, error); /* it stands still, and stays so; or the switch says what is wrong */

  mig_facts_set_boolean (self->facts, MIG_SWAP_FACT_PAUSED, TRUE);
  mig_facts_remove (self->facts, MIG_SWAP_FACT_PAUSE_ANSWERED);
  if (!mig_step_run_commit (self->run, "pausing", error) ||
      g_cancellable_set_error_if_cancelled (self->cancellable, error) || !limit_begin (limit, self, error))
    {
      forget_pause (self);
      return FALSE;
    }

  if (mig_compute_driver_pause (self->ref->driver, self->ref->host, self->ref->domain, NULL, &local))
    {
      mig_facts_set_boolean (self->facts, MIG_SWAP_FACT_PAUSE_ANSWERED, TRUE);
      return TRUE;
    }

  if (!mig_swap_is_ambiguous (local))
    mig_facts_set_boolean (self->facts, MIG_SWAP_FACT_PAUSE_ANSWERED, TRUE);
  self->ended = has_ended (self);
  if (!self->ended)
    g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

static Result
compare_once (MigSwap  *self,
              GError  **error)
{
  g_autoptr (GError) local = NULL;
  Result result = FAILED;
  Limit limit = { 0 };

  if (pause_guest (self, &limit, &local))
    result = compare_in_time (self, &limit, &local);
  limit_end (&limit);

  if (!mig_swap_resume (self, local == NULL ? &local : NULL))
    {
      result = FAILED;
      self->ended = FALSE; /* a guest that stands still is not passed over, whatever became of the mirror */
    }
  else if (result == FAILED && local != NULL && has_ended (self))
    {
      /* Whatever failed did so because of that, and the switch says how it ended. */
      self->ended = TRUE;
      g_clear_error (&local);
    }
  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));

  return result;
}

static gboolean
compare_in_turn (MigSwap  *self,
                 GError  **error)
{
  g_autofree char *what = mig_swap_describe (self);
  Result result = DISTURBED;

  for (guint i = 0; i < MAX_TRIES && result == DISTURBED; i++)
    result = compare_once (self, error);

  if (result == DISTURBED)
    g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED,
                 "it is not proved that the copy of %s is equal: each time somebody else resumed the guest", what);

  return result == EQUAL || (result == FAILED && self->ended);
}

gboolean
mig_swap_compare (MigSwap  *self,
                  GError  **error)
{
  gboolean equal;

  if (!self->request->options->verify)
    return TRUE;
  /* The process that was here before may have come further than the comparison. */
  if (mig_step_run_is_recovering (self->run) && mig_swap_probe_pivot (self, NULL) != MIG_PROBE_RUNNING)
    return mig_swap_resume (self, error);

  if (!mig_swap_take_turn (self, error))
    return FALSE;
  equal = compare_in_turn (self, error);
  mig_swap_leave_turn (self);

  return equal;
}
