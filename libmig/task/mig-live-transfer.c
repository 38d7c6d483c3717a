/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/task/mig-live-transfer-private.h"

/* The one step that moves the guest. It starts the migration unless it runs already, waits for the first of {the call
 * returned, an event, a tick, a request}, and judges by what both hosts show. A process that finds the migration of
 * another one does the same without a call of its own. */

#define SLOW_TICK  1.0   /* seconds between looks while events come */
#define FIRST_TICK 0.002 /* and while none do: doubling from here... */
#define LAST_TICK  0.25  /* ... to here */
#define HELD       0.5   /* so long any call may be held back, before that is worth telling */
#define FINAL_WAIT 2.0   /* for the call to return once the guest has arrived */
#define TAKE_UP    3.0   /* between two attempts to take up a broken post-copy: doubling from here... */
#define LAST_TAKE_UP 30.0 /* ... to here */

gboolean
mig_live_transfer_is_out (MigLiveTransfer *self)
{
  return self->call != NULL && !mig_call_has_returned (self->call);
}

gboolean
mig_live_transfer_is_held (MigLiveTransfer *self)
{
  return mig_live_transfer_is_out (self) && mig_migrate_request_is_held (self->request);
}

/* The call tidies up behind the guest; the steps that follow need not meet it. */
static void
let_call_return (MigLiveTransfer *self)
{
  MigWaiter *waiter = mig_step_run_get_waiter (self->live->run);
  gint64 until = g_get_monotonic_time () + (gint64) (FINAL_WAIT * G_USEC_PER_SEC);

  while (g_get_monotonic_time () < until)
    {
      guint64 ticket = mig_waiter_ticket (waiter);

      if (!mig_live_transfer_is_out (self))
        break;
      mig_waiter_wait (waiter, ticket, until, NULL);
    }
}

/* Whoever carries the operation on shall not meet a call that nobody waits for any more. What was sent goes on all the
 * same, which is what the settle rule is for; what was held back is never sent. */
static void
leave_call (MigLiveTransfer *self)
{
  gboolean held = mig_live_transfer_is_held (self);

  if (!mig_live_transfer_is_out (self))
    return;
  mig_call_cancel (self->call);
  if (held)
    let_call_return (self);
}

static void
transfer_clear (MigLiveTransfer *self)
{
  leave_call (self);
  g_clear_pointer (&self->call, mig_call_unref);
  g_clear_object (&self->request);
  g_clear_pointer (&self->events, mig_live_events_free);
  g_clear_error (&self->reason);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MigLiveTransfer, transfer_clear)

/* Starting. */

typedef struct
{
  MigComputeDriver  *driver;
  MigMigrateRequest *request;
} CallData;

static void
call_data_free (gpointer data)
{
  CallData *self = data;

  g_object_unref (self->driver);
  g_object_unref (self->request);
  g_free (self);
}

static gboolean
call_migrate (gpointer       data,
              GCancellable  *cancellable,
              GError       **error)
{
  CallData *self = data;

  return mig_compute_driver_migrate (self->driver, self->request, cancellable, error);
}

static MigMigrateRequest *
make_request (MigLive         *live,
              MigMigrateFlags  flags)
{
  MigMigrationOptions *options = live->options;
  g_auto (GStrv) disks = mig_facts_dup_strv (live->facts, MIG_LIVE_FACT_DISKS);

  if (mig_facts_get_boolean (live->facts, MIG_LIVE_FACT_PERSISTENT))
    flags |= MIG_MIGRATE_FLAGS_PERSIST;
  if (options->unsafe)
    flags |= MIG_MIGRATE_FLAGS_UNSAFE;
  if (options->post_copy)
    flags |= MIG_MIGRATE_FLAGS_POST_COPY;
  if (options->throttle)
    flags |= MIG_MIGRATE_FLAGS_THROTTLE;

  return g_object_new (MIG_TYPE_MIGRATE_REQUEST,
                       "source", live->source,
                       "destination", live->destination,
                       "domain", mig_live_uuid (live),
                       "mode", mig_live_is_direct (live) ? MIG_MIGRATE_MODE_DIRECT : MIG_MIGRATE_MODE_PEER_TO_PEER,
                       "flags", flags,
                       "copy-disks", disks,
                       "bandwidth", options->bandwidth,
                       "max-downtime", options->max_downtime,
                       "token", mig_step_run_get_token (live->run),
                       NULL);
}

static void
announce_hazard (MigLive *live)
{
  mig_step_run_decide (live->run,
                       "direct migration: this process carries the switch-over; if it stops or dies in it, the guest "
                       "stands still until it goes on or is recovered",
                       g_variant_new_parsed ("{'source': <%s>, 'destination': <%s>}", mig_host_get_name (live->source),
                                             mig_host_get_name (live->destination)));
}

/* The driver sends what it holds back as soon as it can: never for an operation that somebody else has taken over.
 * FALSE: somebody has, or nobody knows for too long. */
static gboolean
vouch (MigLiveTransfer  *self,
       GError          **error)
{
  gint64 until = mig_step_run_holds_until (self->live->run, error);

  mig_migrate_request_set_until (self->request, until);
  if (until < 0)
    return FALSE;

  if (mig_migrate_request_may_be_sent (self->request))
    self->late = 0;
  else if (self->late == 0)
    self->late = g_get_monotonic_time ();
  if (self->late == 0 || mig_live_seconds_since (self->late) < mig_live_wait_limit (self->live))
    return TRUE;

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_BUSY,
                       "the store does not answer, and another process may have taken the operation over");

  return FALSE;
}

static void
start_call (MigLiveTransfer *self,
            MigMigrateFlags  flags)
{
  MigLive *live = self->live;
  CallData *data = g_new0 (CallData, 1);

  g_clear_pointer (&self->call, mig_call_unref);
  g_clear_object (&self->request);
  self->request = make_request (live, flags);
  vouch (self, NULL);
  data->driver = g_object_ref (live->driver);
  data->request = g_object_ref (self->request);
  self->call = mig_call_start ("mig-migrate", call_migrate, data, call_data_free,
                               mig_step_run_get_waiter (live->run));
}

void
mig_live_transfer_take_up (MigLiveTransfer *self)
{
  if (self->taken_up != 0 && mig_live_seconds_since (self->taken_up) < self->take_up_pause)
    return;

  if (self->taken_up == 0)
    mig_step_run_decide (self->live->run, "post-copy broke and is taken up again", g_variant_new ("a{sv}", NULL));
  self->take_up_pause = self->taken_up == 0 ? TAKE_UP : MIN (2 * self->take_up_pause, LAST_TAKE_UP);
  self->taken_up = g_get_monotonic_time ();
  if (!mig_step_run_holds (self->live->run, NULL))
    return;
  start_call (self, MIG_MIGRATE_FLAGS_POST_COPY | MIG_MIGRATE_FLAGS_RESUME);
}

/* Watching. */

/* The call's return and an event that may be the end wake; a slow tick looks even if neither comes. */
static gboolean
must_judge (MigLiveTransfer *self)
{
  return mig_live_events_take_end (self->events) || !mig_live_transfer_is_out (self) || self->job_gone ||
         mig_live_seconds_since (self->looked) >= SLOW_TICK;
}

/* A migration that goes on without this process can be left to recovery, and so can one that has not begun. A direct
 * one cannot. */
static gboolean
may_leave (MigLiveTransfer *self)
{
  return mig_step_run_is_detaching (self->live->run) &&
         (!mig_live_transfer_is_out (self) || mig_live_transfer_is_held (self) || !mig_live_is_direct (self->live));
}

/* While the driver holds the call back no time passes for it. */
static void
note_held (MigLiveTransfer *self)
{
  if (!mig_live_transfer_is_held (self))
    return;

  self->begun = g_get_monotonic_time ();
  if (self->held == 0)
    self->held = self->begun;
  if (self->told_held || mig_live_seconds_since (self->held) < HELD)
    return;
  self->told_held = TRUE;
  mig_step_run_decide (self->live->run, "waiting for other migrations from the same host",
                       g_variant_new ("a{sv}", NULL));
}

static MigLiveTurn
take_turn (MigLiveTransfer  *self,
           GError          **error)
{
  MigLiveTurn turn = MIG_LIVE_TURN_ON;

  if (mig_live_transfer_is_held (self) && !vouch (self, error))
    return MIG_LIVE_TURN_FAILED;

  note_held (self);
  mig_live_transfer_observe (self);
  if (must_judge (self))
    turn = mig_live_transfer_judge (self, error);
  if (turn != MIG_LIVE_TURN_ON)
    return turn;

  if (may_leave (self))
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN, "the migration is left to recovery");
      return MIG_LIVE_TURN_FAILED;
    }
  mig_live_transfer_attend (self);

  return MIG_LIVE_TURN_ON;
}

static void
wait_for_news (MigLiveTransfer *self,
               guint64          ticket)
{
  MigStepRun *run = self->live->run;
  GCancellable *cancellable = mig_step_run_is_cancelled (run) ? NULL : self->live->cancellable;
  double seconds = SLOW_TICK;

  if (!mig_live_events_flow (self->events) || !mig_live_transfer_is_out (self))
    {
      seconds = self->tick;
      self->tick = MIN (2 * self->tick, LAST_TICK);
    }
  /* An abort that has not taken effect yet is tried again soon. */
  if (cancellable == NULL)
    seconds = MIN (seconds, LAST_TICK);
  mig_waiter_wait (mig_step_run_get_waiter (run), ticket,
                   g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC), cancellable);
}

static MigLiveTurn
watch (MigLiveTransfer  *self,
       GError          **error)
{
  MigWaiter *waiter = mig_step_run_get_waiter (self->live->run);

  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (waiter);
      MigLiveTurn turn = take_turn (self, error);

      if (turn != MIG_LIVE_TURN_ON)
        return turn;
      wait_for_news (self, ticket);
    }
}

/* The end. */

static void
note_result (MigLiveTransfer *self)
{
  MigLive *live = self->live;
  g_autoptr (MigJobStats) stats = NULL;
  gint64 bytes = mig_live_known (self->sample.memory_processed) + mig_live_known (self->sample.disk_processed);

  stats = mig_compute_driver_get_job (live->driver, live->destination, mig_live_uuid (live), TRUE, NULL, NULL);
  if (stats != NULL && mig_job_stats_get_kind (stats) != MIG_JOB_KIND_NONE)
    {
      bytes = MAX (bytes, mig_live_known (mig_job_stats_get_memory_processed (stats)) +
                          mig_live_known (mig_job_stats_get_disk_processed (stats)));
      if (mig_job_stats_get_downtime (stats) >= 0)
        mig_facts_set_double (live->facts, MIG_FACT_DOWNTIME, mig_job_stats_get_downtime (stats));
    }
  mig_facts_set_int (live->facts, MIG_FACT_BYTES, bytes);
}

/* Without an answer the engine has to find out whether the call may still take effect; it tells that by the code. */
static void
set_unanswered (const GError  *reason,
                const GError  *returned,
                GError       **error)
{
  g_set_error (error, MIG_ERROR, MIG_ERROR_CONNECTION, "%s%sno answer came: %s",
               reason != NULL ? reason->message : "", reason != NULL ? "; " : "",
               returned != NULL ? returned->message : "the call was made by another process");
}

static void
set_failure (MigLiveTransfer  *self,
             GError          **error)
{
  g_autoptr (GError) returned = NULL;

  if (self->call != NULL)
    mig_call_get_result (self->call, &returned);

  if (!mig_facts_get_boolean (self->live->facts, MIG_LIVE_FACT_OVER))
    set_unanswered (self->reason, returned, error);
  else if (self->reason != NULL)
    g_propagate_error (error, g_steal_pointer (&self->reason));
  else if (mig_step_run_is_cancelled (self->live->run))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "aborted");
  else if (returned != NULL)
    g_propagate_error (error, g_steal_pointer (&returned));
  else
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_FAILED, "the migration ended, and the guest is at the source");
}

gboolean
mig_live_transfer (MigLive  *live,
                   GError  **error)
{
  g_auto (MigLiveTransfer) self = { .live = live, .sample = MIG_PROGRESS_SAMPLE_INIT, .tick = FIRST_TICK, .speed = -1 };
  g_autoptr (GError) local = NULL;

  self.begun = self.looked = g_get_monotonic_time ();
  self.events = mig_live_events_new (live->driver, live->source, mig_live_uuid (live),
                                     mig_step_run_get_waiter (live->run));
  if (mig_migration_task_take_start (live->task))
    {
      if (mig_live_is_direct (live))
        announce_hazard (live);
      start_call (&self, MIG_MIGRATE_FLAGS_NONE);
    }

  if (watch (&self, &local) == MIG_LIVE_TURN_DONE)
    {
      /* It was there, though perhaps too short to be seen. */
      mig_step_run_publish_phase (live->run, MIG_PHASE_SWITCHOVER);
      let_call_return (&self);
      note_result (&self);
      return TRUE;
    }

  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  else
    set_failure (&self, error);

  return FALSE;
}
