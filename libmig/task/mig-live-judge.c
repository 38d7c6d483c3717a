/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/task/mig-live-transfer-private.h"

/* How a migration stands, and whether that is the end of it. */

static void
note_look (MigLiveTransfer *self,
           MigLiveLook     *look,
           int              stop)
{
  if (look->source != NULL)
    mig_live_transfer_note_source (self, look->source, stop);
  if (self->source_stopped)
    mig_step_run_publish_phase (self->live->run, MIG_PHASE_SWITCHOVER);
  if (look->view.source == MIG_LIVE_SOURCE_POST_COPY || look->view.destination == MIG_LIVE_DESTINATION_POST_COPY)
    {
      self->switched = TRUE;
      mig_facts_set_boolean (self->live->facts, MIG_LIVE_FACT_COMMITTED, TRUE);
      mig_step_run_publish_status (self->live->run, MIG_STATUS_POST_COPY);
    }
  if (look->view.job || look->view.source == MIG_LIVE_SOURCE_PAUSED_MIGRATION ||
      look->view.destination == MIG_LIVE_DESTINATION_PAUSED_INCOMING)
    self->job_seen = TRUE;
}

/* The guest is where it was. May the call still take effect? Not if its effect was seen, nor if it was never sent, nor
 * if the hypervisor answered it: otherwise the engine waits for the settle time. */
static MigLiveTurn
judge_not_started (MigLiveTransfer *self)
{
  g_autoptr (GError) returned = NULL;

  if (self->call != NULL)
    mig_call_get_result (self->call, &returned);
  if (self->job_seen || (self->call != NULL && !mig_live_is_ambiguous (returned)) ||
      (self->request != NULL && mig_migrate_request_is_held (self->request)))
    mig_facts_set_boolean (self->live->facts, MIG_LIVE_FACT_OVER, TRUE);

  return MIG_LIVE_TURN_FAILED;
}

static void
tell_waiting (MigLiveTransfer *self,
              MigLiveLook     *look)
{
  const char *trouble = look->trouble != NULL ? look->trouble->message : look->row->reason;

  if (self->told_waiting)
    return;

  self->told_waiting = TRUE;
  mig_step_run_decide (self->live->run, "waiting for a host that does not answer",
                       g_variant_new_parsed ("{'error': <%s>}", trouble));
}

/* Two looks at two hosts are not one moment, so that a doubt has to last. */
static MigLiveTurn
judge_doubt (MigLiveTransfer  *self,
             MigLiveLook      *look,
             double            limit,
             GError          **error)
{
  if (mig_live_patience (&self->patience, look->row->verdict) < limit)
    return MIG_LIVE_TURN_ON;

  mig_live_set_unknown (self->live, look, error);

  return MIG_LIVE_TURN_FAILED;
}

/* The hypervisor is at work on other guests, so that the call may be waiting its turn there. */
static gboolean
source_is_busy (MigLive *live)
{
  g_autoptr (GPtrArray) domains = mig_compute_driver_list_domains (live->driver, live->source, NULL, NULL);

  for (guint i = 0; domains != NULL && i < domains->len; i++)
    {
      if (mig_domain_info_get_job (g_ptr_array_index (domains, i)) == MIG_JOB_KIND_MIGRATION_OUT)
        return TRUE;
    }

  return FALSE;
}

/* Nobody reports a job, but somebody should be at work: the call that has not returned, or the last pages on their way.
 * A call that never returns, and has moved nothing, is given up; but not while the driver holds it back, nor while its
 * host is busy. */
static MigLiveTurn
judge_running (MigLiveTransfer  *self,
               MigLiveLook      *look,
               GError          **error)
{
  gboolean untouched = (look->view.source == MIG_LIVE_SOURCE_RUNNING || look->view.source == MIG_LIVE_SOURCE_PAUSED) &&
                       look->view.destination == MIG_LIVE_DESTINATION_ABSENT;

  if (look->view.job || mig_live_transfer_is_held (self))
    {
      self->patience.any = FALSE;
      return MIG_LIVE_TURN_ON;
    }

  if (!look->view.owner || !untouched)
    return judge_doubt (self, look, mig_live_wait_limit (self->live), error);
  if (mig_live_patience (&self->patience, look->row->verdict) < mig_live_wait_limit (self->live))
    return MIG_LIVE_TURN_ON;

  if (source_is_busy (self->live))
    self->patience.any = FALSE;
  else
    mig_call_cancel (self->call);

  return MIG_LIVE_TURN_ON;
}

/* Broken post-copy has a time of its own, which goes on while a call that is to take it up is out. */
static gboolean
is_broken_for_good (MigLiveTransfer  *self,
                    MigLiveLook      *look,
                    GError          **error)
{
  g_autofree char *seen = NULL;

  if (look->view.source != MIG_LIVE_SOURCE_POST_COPY_FAILED &&
      look->view.destination != MIG_LIVE_DESTINATION_POST_COPY_FAILED)
    {
      self->broken = 0;
      self->taken_up = 0;
      return FALSE;
    }

  if (self->broken == 0)
    self->broken = g_get_monotonic_time ();
  if (mig_live_seconds_since (self->broken) < mig_live_wait_limit (self->live))
    return FALSE;

  seen = mig_live_look_describe (self->live, look);
  g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN,
               "%s, and it could not be taken up again: the guest's memory is on both hosts, so leave both domains "
               "alone; see that “%s” reaches “%s”, end connections of the migration that hang there, and recover the "
               "operation", seen, mig_host_get_name (self->live->source),
               mig_host_get_name (self->live->destination));

  return TRUE;
}

MigLiveTurn
mig_live_transfer_judge (MigLiveTransfer  *self,
                         GError          **error)
{
  g_auto (MigLiveLook) look = { 0 };
  MigLive *live = self->live;
  int stop = mig_live_events_get_stop (self->events);

  mig_live_look (live, mig_live_transfer_is_out (self), &look);
  self->looked = g_get_monotonic_time ();
  self->job_gone = FALSE;
  note_look (self, &look, stop);
  mig_live_patience (&self->patience, look.row->verdict);
  if (is_broken_for_good (self, &look, error))
    return MIG_LIVE_TURN_FAILED;

  switch (look.row->verdict)
    {
    case MIG_LIVE_VERDICT_DONE:
      return MIG_LIVE_TURN_DONE;
    case MIG_LIVE_VERDICT_NOT_STARTED:
      return judge_not_started (self);
    case MIG_LIVE_VERDICT_ENDED:
    case MIG_LIVE_VERDICT_RESUME:
    case MIG_LIVE_VERDICT_DROP:
    case MIG_LIVE_VERDICT_DROP_RESUME:
      mig_facts_set_boolean (live->facts, MIG_LIVE_FACT_OVER, TRUE);
      return MIG_LIVE_TURN_FAILED;
    case MIG_LIVE_VERDICT_WAIT:
      tell_waiting (self, &look);
      return judge_doubt (self, &look, mig_live_wait_limit (live), error);
    case MIG_LIVE_VERDICT_RECOVER:
      mig_live_transfer_take_up (self);
      return MIG_LIVE_TURN_ON;
    case MIG_LIVE_VERDICT_RUNNING:
      return judge_running (self, &look, error);
    case MIG_LIVE_VERDICT_UNKNOWN:
    default:
      return judge_doubt (self, &look, mig_live_settle_time (live), error);
    }
}

/* The guest is at the source alone, and stands still only because we stopped it, or may be about to. */
static gboolean
is_still_stopped (MigLive     *self,
                  MigLiveLook *look)
{
  return mig_facts_get_boolean (self->facts, MIG_LIVE_FACT_STOPPED) &&
         (mig_facts_get_boolean (self->facts, MIG_LIVE_FACT_STOP_ASKED) ||
          mig_domain_info_get_state (look->source) == MIG_DOMAIN_STATE_PAUSED);
}

MigProbe
mig_live_probe (MigLive  *self,
                GError  **error)
{
  g_auto (MigLiveLook) look = { 0 };

  mig_live_look (self, FALSE, &look);
  switch (look.row->verdict)
    {
    case MIG_LIVE_VERDICT_DONE:
      return MIG_PROBE_DONE;
    case MIG_LIVE_VERDICT_RUNNING:
    case MIG_LIVE_VERDICT_RECOVER:
    case MIG_LIVE_VERDICT_WAIT: /* whoever watches also waits */
      return MIG_PROBE_RUNNING;
    case MIG_LIVE_VERDICT_NOT_STARTED:
      if (is_still_stopped (self, &look))
        return MIG_PROBE_ABANDONED;
      /* FAILED: it has been, or never will be. */
      return mig_facts_get_boolean (self->facts, MIG_LIVE_FACT_OVER) ||
             mig_facts_get_boolean (self->facts, MIG_LIVE_FACT_STOPPED) ? MIG_PROBE_FAILED : MIG_PROBE_NOT_STARTED;
    case MIG_LIVE_VERDICT_ENDED:
      return MIG_PROBE_FAILED;
    case MIG_LIVE_VERDICT_RESUME:
    case MIG_LIVE_VERDICT_DROP:
    case MIG_LIVE_VERDICT_DROP_RESUME:
      return MIG_PROBE_ABANDONED;
    case MIG_LIVE_VERDICT_UNKNOWN:
    default:
      mig_live_set_unknown (self, &look, error);
      return MIG_PROBE_UNKNOWN;
    }
}
