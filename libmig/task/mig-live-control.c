/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/task/mig-live-transfer-private.h"

/* What the user sees and asks for while the guest moves. */

#define SHORTEST 0.02 /* seconds between two samples that tell a speed */
#define MEMORY   1.0  /* of speeds, seconds */

static double
fraction_of (MigLiveTransfer *self)
{
  MigProgressSample *sample = &self->sample;
  double total = (double) mig_live_known (sample->memory_total) + mig_live_known (sample->disk_total);
  double remaining = (double) mig_live_known (sample->memory_remaining) + mig_live_known (sample->disk_remaining);

  /* While disks are copied the memory is still to come, and not told. */
  if (sample->memory_total <= 0)
    {
      gint64 memory = mig_live_known (mig_facts_get_int (self->live->facts, MIG_LIVE_FACT_MEMORY, 0));

      total += memory;
      remaining += memory;
    }

  return total > 0 ? CLAMP (1 - remaining / total, 0, 0.99) : -1;
}

/* The hypervisor's rate is one of bytes on the wire; memory that is all zeros goes by far faster. What was fast a
 * moment ago may be so again. */
static void
note_speed (MigLiveTransfer *self,
            MigJobStats     *stats)
{
  gint64 now = g_get_monotonic_time ();
  gboolean memory = mig_job_stats_get_memory_total (stats) > 0;
  gint64 before = memory ? self->sample.memory_remaining : self->sample.disk_remaining;
  gint64 remaining = memory ? mig_job_stats_get_memory_remaining (stats) : mig_job_stats_get_disk_remaining (stats);
  gboolean same = self->sampled > 0 && memory == (self->sample.memory_total > 0) && before >= 0 && remaining >= 0;
  double speed = mig_job_stats_get_rate (stats);
  double seconds = (now - self->sampled) / (double) G_USEC_PER_SEC;

  if (speed <= 0)
    speed = -1;
  if (same)
    speed = MAX (speed, MAX (before - remaining, 0) / MAX (seconds, SHORTEST));
  if (same && seconds < MEMORY)
    speed = MAX (speed, self->speed * (1 - seconds / MEMORY));
  self->speed = speed;
  self->sampled = now;
}

/* A job that has only begun does not know how much there is, and says 0. */
static gint64
unless_new (gint64   bytes,
            gint64   total,
            gboolean expected)
{
  return total > 0 || !expected ? bytes : -1;
}

void
mig_live_transfer_note_stats (MigLiveTransfer *self,
                              MigJobStats     *stats)
{
  MigProgressSample *sample = &self->sample;
  gint64 memory = mig_job_stats_get_memory_total (stats);
  gint64 disk = mig_job_stats_get_disk_total (stats);
  gboolean copies = mig_live_copies_disks (self->live);
  double remaining;

  self->job_seen = TRUE;
  note_speed (self, stats);
  sample->memory_total = unless_new (memory, memory, TRUE);
  sample->memory_processed = unless_new (mig_job_stats_get_memory_processed (stats), memory, TRUE);
  sample->memory_remaining = unless_new (mig_job_stats_get_memory_remaining (stats), memory, TRUE);
  sample->disk_total = unless_new (disk, disk, copies);
  sample->disk_processed = unless_new (mig_job_stats_get_disk_processed (stats), disk, copies);
  sample->disk_remaining = unless_new (mig_job_stats_get_disk_remaining (stats), disk, copies);
  sample->rate = mig_job_stats_get_rate (stats);
  sample->dirty_rate = mig_job_stats_get_dirty_rate (stats);
  sample->iteration = mig_job_stats_get_iteration (stats);
  sample->expected_downtime = mig_job_stats_get_downtime (stats);
  sample->fraction = fraction_of (self);
  remaining = (double) mig_live_known (sample->memory_remaining) + mig_live_known (sample->disk_remaining);
  sample->eta = sample->rate > 0 ? remaining / sample->rate : -1;

  mig_step_run_publish_progress (self->live->run, sample);
}

/* What the source says of the job; the domain too where no event tells that it was stopped. */
void
mig_live_transfer_observe (MigLiveTransfer *self)
{
  MigLive *live = self->live;
  int stop = mig_live_events_get_stop (self->events);
  g_autoptr (MigJobStats) stats = NULL;

  stats = mig_compute_driver_get_job (live->driver, live->source, mig_live_uuid (live), FALSE, NULL, NULL);
  if (stats != NULL && mig_job_stats_get_kind (stats) == MIG_JOB_KIND_MIGRATION_OUT)
    mig_live_transfer_note_stats (self, stats);
  else if (self->job_seen)
    self->job_gone = TRUE;

  /* An event says when the switch-over begins; only a look says that it has not, or is over. */
  if (!mig_live_events_flow (self->events) || self->source_stopped || stop != 0)
    {
      g_autoptr (MigDomainInfo) info = NULL;

      info = mig_compute_driver_get_domain (live->driver, live->source, mig_live_uuid (live), NULL, NULL);
      if (info != NULL)
        mig_live_transfer_note_source (self, info, stop);
    }
  if (self->source_stopped)
    mig_step_run_publish_phase (live->run, MIG_PHASE_SWITCHOVER);
}

/* What the user asks for meanwhile. */

static void
check_deadline (MigLiveTransfer *self)
{
  MigProgressSample *sample = &self->sample;
  double deadline = self->live->options->deadline;
  gboolean repeats;

  if (deadline <= 0 || self->reason != NULL || mig_live_seconds_since (self->begun) < deadline)
    return;

  /* A guest that writes faster than the link carries is another matter than a slow link. */
  repeats = sample->iteration > 2 || (sample->memory_total > 0 && sample->memory_processed > sample->memory_total);
  g_set_error (&self->reason, MIG_ERROR, repeats ? MIG_ERROR_NOT_CONVERGING : MIG_ERROR_TIMED_OUT,
               "not done after %g s: %" G_GINT64_FORMAT " bytes of memory and %" G_GINT64_FORMAT " of disks remained, "
               "%.0f bytes were moved and %.0f dirtied a second", deadline, mig_live_known (sample->memory_remaining),
               mig_live_known (sample->disk_remaining), MAX (sample->rate, 0), MAX (sample->dirty_rate, 0));
}

gboolean
mig_live_transfer_is_ending (MigLiveTransfer *self)
{
  return self->reason != NULL || mig_step_run_is_cancelled (self->live->run);
}

void
mig_live_transfer_attend (MigLiveTransfer *self)
{
  mig_live_transfer_tell_lateness (self);
  if (mig_step_run_take_request (self->live->run, MIG_LIVE_REQUEST_FORCE_COMPLETE))
    {
      self->force_wanted = TRUE;
      self->n_refusals = 0;
    }
  check_deadline (self);
  mig_live_transfer_force (self);
  if (mig_live_transfer_is_ending (self))
    mig_live_transfer_try_abort (self);
}
