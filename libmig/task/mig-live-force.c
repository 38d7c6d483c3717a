/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/task/mig-live-transfer-private.h"

/* Forcing the end: post-copy, or a guest that stands still. The fact is durable before the hypervisor is asked; while
 * it holds and the guest still runs at the source, the hypervisor is asked again, by whichever process carries the
 * operation: the first time it may not have heard, or the process may have ended in between. */

#define FIRST_PAUSE  2.5 /* between two attempts, in pauses of the engine: doubling from here... */
#define LAST_PAUSE   40  /* ... to here */
#define MAX_REFUSALS 5   /* in a row; whoever refuses so often always does */

typedef struct
{
  const char *fact;
  const char *kind; /* of the journal's line */
  const char *done;
} Way;

static const Way post_copy = { MIG_LIVE_FACT_COMMITTED, "committed", "switched to post-copy" };
static const Way standstill = { MIG_LIVE_FACT_STOPPED, "stopping", "the guest was stopped so that the migration ends" };

/* What was begun is gone on with. */
static const Way *
find_way (MigLive *live)
{
  if (mig_facts_get_boolean (live->facts, MIG_LIVE_FACT_COMMITTED))
    return &post_copy;
  if (mig_facts_get_boolean (live->facts, MIG_LIVE_FACT_STOPPED))
    return &standstill;

  return live->options->post_copy ? &post_copy : &standstill;
}

/* Durable before the world is touched, and once is enough. FALSE: it is not, and the facts are as before. */
static gboolean
write_facts (MigLiveTransfer  *self,
             const Way        *way,
             GError          **error)
{
  MigFacts *facts = self->live->facts;
  gboolean begun = mig_facts_get_boolean (facts, way->fact);
  gboolean asked = mig_facts_get_boolean (facts, MIG_LIVE_FACT_STOP_ASKED);
  gboolean stops = way == &standstill;

  mig_facts_set_boolean (facts, way->fact, TRUE);
  if (stops)
    mig_facts_set_boolean (facts, MIG_LIVE_FACT_STOP_ASKED, TRUE);
  self->force_written = self->force_written || (begun && (asked || !stops)) ||
                        mig_step_run_commit (self->live->run, way->kind, error);
  if (!self->force_written)
    {
      mig_facts_set_boolean (facts, way->fact, begun);
      mig_facts_set_boolean (facts, MIG_LIVE_FACT_STOP_ASKED, asked);
    }

  return self->force_written;
}

static gboolean
ask (MigLive    *live,
     const Way  *way,
     GError    **error)
{
  if (!mig_step_run_holds (live->run, error))
    return FALSE;
  if (way == &post_copy)
    return mig_compute_driver_tune (live->driver, live->source, mig_live_uuid (live), MIG_TUNABLE_POST_COPY, 0, NULL,
                                    error);

  return mig_compute_driver_pause (live->driver, live->source, mig_live_uuid (live), NULL, error);
}

/* A guest that stands still is to do so for as short as can be. How fast it goes from here on nobody has seen yet. */
static void
lift_limit (MigLiveTransfer *self)
{
  MigLive *live = self->live;
  g_autoptr (GError) error = NULL;

  if (live->options->bandwidth <= 0 || self->lifted != 0)
    return;

  self->lifted = g_get_monotonic_time ();
  mig_live_transfer_tell_lateness (self);
  if (mig_live_transfer_is_ending (self)) /* an abort came just before that */
    {
      self->lifted = 0;
      return;
    }
  if (mig_compute_driver_tune (live->driver, live->source, mig_live_uuid (live), MIG_TUNABLE_BANDWIDTH, 0, NULL,
                               &error))
    return;

  if (!mig_live_is_ambiguous (error))
    self->lifted = 0;
  if (!self->told_limit)
    mig_step_run_decide (live->run, "the limit of the bandwidth could not be lifted",
                         g_variant_new_parsed ("{'error': <%s>}", error->message));
  self->told_limit = TRUE;
}

/* FALSE: the source does not tell. */
static gboolean
look_at_source (MigLive         *live,
                MigDomainState  *state,
                MigJobKind      *job)
{
  g_autoptr (MigDomainInfo) info = NULL;

  info = mig_compute_driver_get_domain (live->driver, live->source, mig_live_uuid (live), NULL, NULL);
  *job = info != NULL ? mig_domain_info_get_job (info) : MIG_JOB_KIND_NONE;
  *state = info != NULL ? mig_domain_info_get_state (info) : MIG_DOMAIN_STATE_UNKNOWN;

  return info != NULL;
}

/* A guest that its user has paused does not run before a switch to post-copy either. */
static gboolean
shows_nothing_of (const Way       *way,
                  MigDomainState   state)
{
  return state == MIG_DOMAIN_STATE_RUNNING || (way == &post_copy && state == MIG_DOMAIN_STATE_PAUSED);
}

/* What was refused may have happened all the same, unless the guest runs; and without an answer, as one has not come
 * before (@asked), it may happen later. Then nothing but the fact tells that the guest is to run again. */
static void
note_refusal (MigLiveTransfer *self,
              const Way       *way,
              gboolean         asked,
              const GError    *error)
{
  MigLive *live = self->live;
  GVariant *inputs = g_variant_new_parsed ("{'error': <%s>}", error->message);
  MigDomainState state;
  MigJobKind job;

  if (!mig_live_is_ambiguous (error))
    {
      if (!asked && look_at_source (live, &state, &job) && shows_nothing_of (way, state))
        mig_facts_set_boolean (live->facts, way->fact, FALSE);
      self->n_refusals++;
      self->force_wanted = self->n_refusals < MAX_REFUSALS;
      if (!self->force_wanted)
        {
          mig_step_run_decide (live->run, "the migration cannot be forced to its end", inputs);
          return;
        }
    }

  if (self->told_refused)
    g_variant_unref (g_variant_ref_sink (inputs));
  else
    mig_step_run_decide (live->run, "the migration could not be forced to its end yet", inputs);
  self->told_refused = TRUE;
}

/* Who is to be aborted is not forced any more, unless that has been done. */
static gboolean
is_too_late (MigLiveTransfer *self)
{
  return mig_live_transfer_is_ending (self) && !mig_facts_get_boolean (self->live->facts, MIG_LIVE_FACT_COMMITTED);
}

static void
attempt (MigLiveTransfer *self,
         const Way       *way)
{
  MigLive *live = self->live;
  double pause = mig_live_retry_pause (live);
  gboolean asked = way == &standstill && mig_facts_get_boolean (live->facts, MIG_LIVE_FACT_STOP_ASKED);
  g_autoptr (GError) error = NULL;
  gboolean done;

  self->forced = g_get_monotonic_time ();
  self->force_pause = CLAMP (2 * self->force_pause, FIRST_PAUSE * pause, LAST_PAUSE * pause);
  if (way == &post_copy) /* from here on there is only forward */
    mig_step_run_forbid_abort (live->run, "the guest is being switched to post-copy");
  /* One that came just before that; or a store that does not answer, which is no refusal of the host. */
  if (is_too_late (self) || !mig_step_run_holds (live->run, NULL))
    return;

  done = write_facts (self, way, &error) && ask (live, way, &error);
  if (way == &standstill && (done || !mig_live_is_ambiguous (error)))
    mig_facts_set_boolean (live->facts, MIG_LIVE_FACT_STOP_ASKED, asked);
  if (!done)
    {
      note_refusal (self, way, asked, error);
      return;
    }

  self->force_wanted = FALSE;
  self->n_refusals = 0;
  if (!self->told_forced)
    mig_step_run_decide (live->run, way->done, g_variant_new ("a{sv}", NULL));
  self->told_forced = TRUE;
  if (way == &standstill)
    lift_limit (self);
  if (way == &post_copy)
    mig_step_run_publish_status (live->run, MIG_STATUS_POST_COPY);
}

/* It was asked for: again, if nothing of it is to be seen. */
static void
follow_up (MigLiveTransfer *self,
           const Way       *way)
{
  MigDomainState state;
  MigJobKind job;

  self->forced = g_get_monotonic_time ();
  if (!look_at_source (self->live, &state, &job) || job != MIG_JOB_KIND_MIGRATION_OUT)
    return;

  if (shows_nothing_of (way, state))
    attempt (self, way);
  else if (way == &standstill && state == MIG_DOMAIN_STATE_PAUSED)
    lift_limit (self);
}

/* Memory has to be on its way, for that is what is to be shortened. Once the guest is changing hands there is nothing
 * left to force. */
void
mig_live_transfer_force (MigLiveTransfer *self)
{
  MigLive *live = self->live;
  const Way *way = find_way (live);
  gboolean begun = mig_facts_get_boolean (live->facts, way->fact);

  if ((!self->force_wanted && !begun) || self->n_refusals >= MAX_REFUSALS || is_too_late (self))
    return;
  if (self->switched || self->source_stopped || self->sample.memory_total <= 0 ||
      mig_live_seconds_since (self->forced) < self->force_pause)
    return;

  if (!begun && way == &standstill && mig_facts_get_boolean (live->facts, MIG_LIVE_FACT_PAUSED_BEFORE))
    {
      self->force_wanted = FALSE; /* it stands still already */
      return;
    }
  if (begun)
    follow_up (self, way);
  else
    attempt (self, way);
}
