/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/core/mig-log-private.h"
#include "libmig/task/mig-live-transfer-private.h"

/* Aborting: always possible, never late. In the switch-over of a peer-to-peer migration that copies disks an abort can
 * end the guest. So nothing is aborted but on what the hosts showed a moment ago, with room for the time that looking
 * and asking take; and what is not known counts as late. */

/* Seconds. */
#define USUAL_DOWNTIME 0.3  /* what hypervisors allow by default */
#define ASKING         0.25 /* from the look until the hypervisor aborts, where that is near ... */
#define ASKING_MOST    5.0  /* ... and far away */
#define LIFTED         2.0  /* after a limit was lifted, until how fast it goes is what is seen */
#define ABANDON        2.0  /* for how long a call that began nothing may be out once it is to be aborted */

static gboolean
is_stopped_by_us (MigLive *live)
{
  return mig_facts_get_boolean (live->facts, MIG_LIVE_FACT_STOPPED);
}

/* Whether the last bytes matter. Of a guest that we stopped the state says nothing of the switch-over. */
static gboolean
has_to_be_early (MigLive *live)
{
  return is_stopped_by_us (live) || (!mig_live_is_direct (live) && mig_live_copies_disks (live));
}

/* The end is near when what remains may be gone in so many seconds. Disks come first, and never get to nothing while
 * the guest writes: once there is memory to tell of, only that counts. */
static MigLiveLateness
judge_remains (MigLiveTransfer *self,
               double           seconds)
{
  MigProgressSample *sample = &self->sample;

  if (self->lifted != 0 && self->sampled < self->lifted + (gint64) (LIFTED * G_USEC_PER_SEC))
    return MIG_LIVE_LATE;
  if (sample->memory_total > 0)
    {
      if (self->speed < 0)
        return MIG_LIVE_UNSURE;
      return sample->memory_remaining <= self->speed * seconds ? MIG_LIVE_LATE : MIG_LIVE_EARLY;
    }
  if (sample->disk_total <= 0 || self->speed < 0)
    return MIG_LIVE_UNSURE;

  return sample->disk_remaining <= self->speed * seconds ? MIG_LIVE_UNSURE : MIG_LIVE_EARLY;
}

static MigLiveLateness
judge (MigLiveTransfer *self,
       double           latency)
{
  MigLive *live = self->live;
  double downtime = live->options->max_downtime > 0 ? live->options->max_downtime : USUAL_DOWNTIME;

  if (self->source_stopped || mig_facts_get_boolean (live->facts, MIG_LIVE_FACT_COMMITTED))
    return MIG_LIVE_LATE;

  return has_to_be_early (live) ? judge_remains (self, downtime + latency) : MIG_LIVE_EARLY;
}

MigLiveLateness
mig_live_transfer_lateness (MigLiveTransfer *self)
{
  return judge (self, ASKING);
}

/* How much time there is to ask after a look that took @latency: no less than the hypervisor needs to do it, or it
 * would never be done. */
static double
time_to_ask (double latency)
{
  return CLAMP (2 * latency, ASKING, ASKING_MOST);
}

/* An event hurries this; what is looked at after it decides. */
void
mig_live_transfer_note_source (MigLiveTransfer *self,
                               MigDomainInfo   *info,
                               int              stop)
{
  MigDomainState state = mig_domain_info_get_state (info);

  if (state == MIG_DOMAIN_STATE_RUNNING)
    mig_live_events_deny_stop (self->events, stop);
  self->source_stopped = state == MIG_DOMAIN_STATE_PAUSED_POST_COPY || state == MIG_DOMAIN_STATE_POST_COPY_FAILED ||
                         (!is_stopped_by_us (self->live) && (state == MIG_DOMAIN_STATE_PAUSED_MIGRATION ||
                                                             mig_live_events_get_stop (self->events) != 0));
}

/* Where the source's state says nothing, the destination's does. */
static MigLiveLateness
judge_destination (MigLive *live)
{
  g_autoptr (MigDomainInfo) info = NULL;

  if (!is_stopped_by_us (live))
    return MIG_LIVE_EARLY;

  info = mig_compute_driver_get_domain (live->driver, live->destination, mig_live_uuid (live), NULL, NULL);
  if (info == NULL)
    return MIG_LIVE_UNSURE;

  return mig_domain_info_get_state (info) == MIG_DOMAIN_STATE_PAUSED_MIGRATION ? MIG_LIVE_EARLY : MIG_LIVE_LATE;
}

/* How it is at this moment. @job: whether there is one to abort; @until: when that holds no more, -1 = as long as there
 * is one. */
static MigLiveLateness
look_afresh (MigLiveTransfer *self,
             gboolean        *job,
             gint64          *until)
{
  MigLive *live = self->live;
  int stop = mig_live_events_get_stop (self->events);
  gint64 begun = g_get_monotonic_time ();
  MigLiveLateness there = judge_destination (live);
  g_autoptr (MigJobStats) stats = NULL;
  g_autoptr (MigDomainInfo) info = NULL;
  double latency, seconds;

  *job = TRUE;
  *until = begun;
  stats = mig_compute_driver_get_job (live->driver, live->source, mig_live_uuid (live), FALSE, NULL, NULL);
  info = mig_compute_driver_get_domain (live->driver, live->source, mig_live_uuid (live), NULL, NULL);
  if (stats == NULL || info == NULL)
    return MIG_LIVE_UNSURE;
  if (mig_job_stats_get_kind (stats) != MIG_JOB_KIND_MIGRATION_OUT)
    {
      *job = FALSE;
      return MIG_LIVE_UNSURE;
    }

  mig_live_transfer_note_stats (self, stats);
  mig_live_transfer_note_source (self, info, stop);

  latency = mig_live_seconds_since (begun);
  seconds = latency + time_to_ask (latency);
  *until = has_to_be_early (live) ? begun + (gint64) (seconds * G_USEC_PER_SEC) : -1;

  return MAX (there, judge (self, seconds));
}

/* Nothing is there to abort, and the call is out. What is held back is called off, and has no effect. What was sent may
 * hang for ever, so that nobody waits for it any more; whether it takes effect all the same is for the settle rule to
 * find out, and a job that it begins is aborted then. */
static void
call_off (MigLiveTransfer *self)
{
  if (!mig_live_transfer_is_out (self))
    return;
  if (mig_live_transfer_is_held (self))
    {
      mig_call_cancel (self->call);
      return;
    }

  if (self->refused == 0)
    self->refused = g_get_monotonic_time ();
  if (mig_live_seconds_since (self->refused) < ABANDON || self->abandoned)
    return;

  self->abandoned = TRUE;
  mig_step_run_decide (self->live->run, "the call neither begins nor returns, and is abandoned",
                       g_variant_new ("a{sv}", NULL));
  mig_call_cancel (self->call);
}

static void
tell_late (MigLiveTransfer *self)
{
  if (!self->told_late)
    mig_step_run_decide (self->live->run, "too late to abort: the guest is changing hands",
                         g_variant_new ("a{sv}", NULL));
  self->told_late = TRUE;
}

/* A driver refuses to abort on what was seen too long ago: that is said, and tried again. */
static void
tell_slow (MigLiveTransfer *self,
           const GError    *error)
{
  if (g_error_matches (error, MIG_ERROR, MIG_ERROR_BUSY) && !self->told_slow)
    {
      mig_step_run_decide (self->live->run, "not aborted yet: the host answers too slowly to do it safely",
                           g_variant_new_parsed ("{'error': <%s>}", error->message));
      self->told_slow = TRUE;
    }
  mig_log_debug (NULL, "abort: %s", error->message);
}

/* The driver gets what is left of the time, since whatever came between has had its part of it. */
static gboolean
ask (MigLive  *live,
     gint64    until,
     GError  **error)
{
  double within = -1;

  if (!mig_step_run_holds (live->run, error))
    return FALSE;
  if (until >= 0)
    within = -mig_live_seconds_since (until);
  if (until >= 0 && within <= 0)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_BUSY, "it took too long to ask");
      return FALSE;
    }

  return mig_compute_driver_abort_job (live->driver, live->source, mig_live_uuid (live), within, NULL, error);
}

void
mig_live_transfer_try_abort (MigLiveTransfer *self)
{
  g_autoptr (GError) error = NULL;
  gboolean job;
  gint64 until;

  /* This touches nothing, and needs nobody's leave. */
  if (mig_live_transfer_is_held (self))
    {
      mig_call_cancel (self->call);
      return;
    }
  /* It may have to wait: before the look, which is to be fresh. */
  if (!mig_step_run_holds (self->live->run, NULL))
    return;

  switch (look_afresh (self, &job, &until))
    {
    case MIG_LIVE_EARLY:
      self->refused = 0;
      /* Refused or not: the next look tells, and asks again while there is something to abort. */
      if (!ask (self->live, until, &error))
        tell_slow (self, error);
      break;
    case MIG_LIVE_LATE:
      tell_late (self);
      break;
    case MIG_LIVE_UNSURE:
    default:
      if (!job)
        call_off (self);
      break;
    }
}

void
mig_live_transfer_tell_lateness (MigLiveTransfer *self)
{
  MigStepRun *run = self->live->run;

  if (mig_facts_get_boolean (self->live->facts, MIG_LIVE_FACT_COMMITTED))
    mig_step_run_forbid_abort (run, "the guest has been switched to post-copy");
  else
    mig_step_run_forbid_abort (run, mig_live_transfer_lateness (self) == MIG_LIVE_LATE ? "the guest is changing hands"
                                                                                      : NULL);
}
