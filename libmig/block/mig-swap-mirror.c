/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

#include <libmig/mig-error.h>

#include "libmig/block/mig-block-outcome-private.h"
#include "libmig/block/mig-block-patience-private.h"
#include "libmig/block/mig-block-watch-private.h"
#include "libmig/saga/mig-engine-private.h"

/* The mirror of a swap, from its start until it is ready, and its end when the swap is undone. */

/* Between two looks at a host that does not answer, in seconds. */
#define RETRY_INTERVAL 0.5
/* An abort returns when the job has gone; if it does not, or the host does not answer, it is looked for so long. */
#define ABORT_TIME 60.0

typedef struct
{
  MigSwap          *swap;
  MigBlockWatch    *watch;
  gint64            begun;
  gint64            last_time; /* of the last sample */
  gint64            last_processed;
  MigBlockPatience  patience;
  gint64            whole_since; /* see mig_block_sight_note_whole() */
} Mirror;

static double
seconds_since (gint64 time)
{
  return (double) (g_get_monotonic_time () - time) / G_USEC_PER_SEC;
}

static void
publish (Mirror          *self,
         MigBlockJobInfo *info)
{
  MigProgressSample sample = MIG_PROGRESS_SAMPLE_INIT;
  gint64 now = g_get_monotonic_time ();

  if (info == NULL || mig_block_job_info_get_end (info) <= 0)
    return;

  sample.disk_total = mig_block_job_info_get_end (info);
  sample.disk_processed = mig_block_job_info_get_current (info);
  sample.disk_remaining = MAX (sample.disk_total - sample.disk_processed, 0);
  sample.fraction = CLAMP ((double) sample.disk_processed / (double) sample.disk_total, 0, 1);
  if (self->last_time > 0 && now > self->last_time && sample.disk_processed >= self->last_processed)
    {
      sample.rate = (double) (sample.disk_processed - self->last_processed) * G_USEC_PER_SEC /
                    (double) (now - self->last_time);
      if (sample.rate > 0)
        sample.eta = (double) sample.disk_remaining / sample.rate;
    }
  self->last_time = now;
  self->last_processed = sample.disk_processed;
  mig_step_run_publish_progress (self->swap->run, &sample);
}

static void
publish_whole (Mirror *self)
{
  MigProgressSample sample = MIG_PROGRESS_SAMPLE_INIT;

  sample.fraction = 1;
  sample.disk_total = MAX (mig_swap_get_length (self->swap), self->last_processed);
  sample.disk_processed = sample.disk_total;
  sample.disk_remaining = 0;
  mig_step_run_publish_progress (self->swap->run, &sample);
}

gboolean
mig_swap_is_foreign (MigSwap             *self,
                     const MigBlockSight *sight)
{
  return mig_block_sight_mirror (sight) != MIG_BLOCK_MIRROR_ABSENT &&
         !mig_block_same_place (mig_disk_get_mirror (sight->disk), self->destination);
}

int
mig_swap_judge (MigSwap             *self,
                const MigBlockSight *sight,
                MigBlockWord         word)
{
  gboolean foreign = mig_swap_is_foreign (self, sight);
  const MigBlockEvidence evidence = {
    .place = sight->place,
    .job = foreign ? MIG_BLOCK_JOB_KIND_NONE : mig_block_sight_job (sight),
    .started = MIG_BLOCK_JOB_KIND_COPY,
    .source = mig_block_sight_source (sight, self->old, self->destination),
    .word = word,
  };
  int outcome = mig_block_judge (&evidence);

  /* Nobody can start another job on the disk before ours has ended; it was not we who made room for it. */
  return foreign && outcome == MIG_BLOCK_OUTCOME_UNKNOWN ? MIG_BLOCK_OUTCOME_ABORTED_ELSEWHERE : outcome;
}

void
mig_swap_explain (MigSwap          *self,
                  MigBlockOutcome   outcome,
                  GError          **error)
{
  g_autofree char *disk = mig_swap_describe (self);
  g_autofree char *text = mig_swap_describe_destination (self);
  g_autofree char *what = g_strdup_printf ("the copy of %s to %s", disk, text);
  g_autofree char *cause = NULL;

  if (outcome == MIG_BLOCK_OUTCOME_FAILED || outcome == MIG_BLOCK_OUTCOME_UNKNOWN)
    cause = mig_block_find_cause (self->ref, self->backend, self->destination);
  mig_block_outcome_check (outcome, what, cause, error);
}

/* Between the checks and the claim of the disk another swap may have begun and ended. */
static gboolean
check_old (MigSwap              *self,
           const MigBlockSight  *sight,
           GError              **error)
{
  g_autofree char *what = NULL;

  if (mig_block_sight_source (sight, self->old, self->destination) == MIG_BLOCK_SOURCE_OLD)
    return TRUE;

  what = mig_swap_describe (self);
  g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "%s is on another volume than when it was checked", what);

  return FALSE;
}

/* NOT_STARTED also stands for a mirror that has ended: a look cannot tell them apart. */
static MigProbe
judge_sight (MigSwap             *self,
             const MigBlockSight *sight,
             GError             **error)
{
  if (sight->place != MIG_BLOCK_PLACE_ACTIVE)
    {
      if (sight->place == MIG_BLOCK_PLACE_STOPPED &&
          mig_block_sight_source (sight, self->old, self->destination) == MIG_BLOCK_SOURCE_NEW)
        return MIG_PROBE_DONE;
      mig_swap_explain (self, sight->place == MIG_BLOCK_PLACE_STOPPED ? MIG_BLOCK_OUTCOME_GUEST_STOPPED :
                                                                        MIG_BLOCK_OUTCOME_DOMAIN_GONE, error);
      return MIG_PROBE_FAILED;
    }

  if (mig_block_sight_source (sight, self->old, self->destination) == MIG_BLOCK_SOURCE_NEW)
    return MIG_PROBE_DONE;

  switch (mig_block_sight_mirror (sight))
    {
    case MIG_BLOCK_MIRROR_ABSENT:
      if (mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_SWITCHING) &&
          mig_swap_is_another_run (self, sight, self->ref))
        {
          mig_swap_explain (self, MIG_BLOCK_OUTCOME_GUEST_STOPPED, error);
          return MIG_PROBE_FAILED;
        }
      return check_old (self, sight, error) ? MIG_PROBE_NOT_STARTED : MIG_PROBE_FAILED;
    case MIG_BLOCK_MIRROR_COPYING:
    case MIG_BLOCK_MIRROR_READY:
    default:
      break;
    }

  if (mig_swap_is_foreign (self, sight))
    {
      g_autofree char *what = mig_swap_describe (self);

      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "%s has somebody else's block job", what);
      return MIG_PROBE_FAILED;
    }

  return mig_block_sight_mirror (sight) == MIG_BLOCK_MIRROR_READY ? MIG_PROBE_DONE : MIG_PROBE_RUNNING;
}

/* That too many calls are still out for another one is silence as well, and no reason to end what goes on. */
static gboolean
look_at_mirror (MigSwap        *self,
                gboolean        with_job,
                MigBlockSight  *sight,
                GCancellable   *cancellable,
                GError        **error)
{
  g_autoptr (GError) local = NULL;

  if (mig_block_look (self->ref, with_job, sight, cancellable, &local))
    return TRUE;

  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_BUSY) || g_error_matches (local, MIG_ERROR, MIG_ERROR_TIMED_OUT))
    local->code = MIG_ERROR_CONNECTION;
  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

MigProbe
mig_swap_probe_mirror (MigSwap  *self,
                       GError  **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;

  if (!look_at_mirror (self, FALSE, &sight, NULL, error))
    return MIG_PROBE_UNKNOWN;

  return judge_sight (self, &sight, error);
}

static MigBlockCopyRequest *
make_request (MigSwap *self)
{
  const MigSwapOptions *options = self->request->options;
  MigBlockCopyFlags flags = MIG_BLOCK_COPY_FLAGS_REUSE | MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB;

  if (options->synchronous)
    flags |= MIG_BLOCK_COPY_FLAGS_SYNCHRONOUS;

  return g_object_new (MIG_TYPE_BLOCK_COPY_REQUEST, "host", self->ref->host, "domain", self->ref->domain,
                       "target", self->ref->target, "verb", MIG_BLOCK_JOB_VERB_COPY,
                       "destination", self->destination, "flags", flags, "bandwidth", options->bandwidth,
                       "granularity", options->granularity, NULL);
}

/* Starts the mirror unless it is there already. */
static gboolean
ensure_started (MigSwap  *self,
                GError  **error)
{
  g_autoptr (MigBlockCopyRequest) request = NULL;
  g_autoptr (GError) local = NULL;
  MigProbe probe = mig_swap_probe_mirror (self, error);

  if (probe == MIG_PROBE_RUNNING || probe == MIG_PROBE_DONE)
    return TRUE;
  if (probe != MIG_PROBE_NOT_STARTED)
    return FALSE;

  request = make_request (self);
  /* Not given up for an abort: its answer tells whether there is something to undo. */
  if (mig_block_job_driver_start (mig_block_ref_get_jobs (self->ref), request, NULL, &local))
    return TRUE;

  /* The engine waits until it is certain whether it began, and comes back if it did. */
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_TIMED_OUT))
    local->code = MIG_ERROR_CONNECTION;
  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

static gboolean
is_ready (Mirror              *self,
          const MigBlockSight *sight)
{
  return sight->place == MIG_BLOCK_PLACE_ACTIVE && mig_block_sight_mirror (sight) == MIG_BLOCK_MIRROR_READY &&
         !mig_swap_is_foreign (self->swap, sight);
}

typedef enum {
  LOOK_WAIT,
  LOOK_READY,
  LOOK_ENDED, /* with an error */
} Look;

/* The copy goes on while nobody sees it, and is waited for as long as recovery would. What another error than silence
 * says may still pass, but not so long, counted from when it was first said. */
static Look
wait_blindly (Mirror  *self,
              GError  *failure,
              double  *interval,
              GError **error)
{
  MigEngine *engine = mig_engine_of (G_OBJECT (self->swap->cluster));
  g_autofree char *what = mig_swap_describe (self->swap);
  g_autofree char *text = NULL;

  if (self->patience.blind_since == 0 && !mig_step_run_is_cancelled (self->swap->run))
    {
      text = g_strdup_printf ("the copy of %s cannot be looked at, and is waited for: %s", what, failure->message);
      mig_step_run_decide (self->swap->run, text, NULL);
    }

  *interval = RETRY_INTERVAL;
  if (mig_block_patience_lasts (&self->patience, mig_engine_get_wait_limit (engine),
                                mig_engine_get_settle_time (engine), failure))
    return LOOK_WAIT;

  g_propagate_prefixed_error (error, g_error_copy (failure), "the copy of %s cannot be looked at: ", what);

  return LOOK_ENDED;
}

/* What libvirt has overlooked it sees when it is asked to pivot, which it then refuses: so that is tried. */
static gboolean
is_overlooked (Mirror              *self,
               const MigBlockSight *sight)
{
  MigEngine *engine = mig_engine_of (G_OBJECT (self->swap->cluster));

  mig_block_sight_note_whole (sight, &self->whole_since);

  return self->whole_since != 0 && seconds_since (self->whole_since) >= mig_engine_get_settle_time (engine);
}

/* Its job is asked for only while the mirror is not ready: after that nobody needs the figures any more. */
static gboolean
look_once (Mirror         *self,
           MigBlockSight  *sight,
           GError        **error)
{
  MigSwap *swap = self->swap;

  if (!look_at_mirror (swap, FALSE, sight, swap->cancellable, error))
    return FALSE;

  return is_ready (self, sight) || look_at_mirror (swap, TRUE, sight, swap->cancellable, error);
}

/* One look at the mirror, and how long to wait before the next. */
static Look
look (Mirror  *self,
      double  *interval,
      GError **error)
{
  MigSwap *swap = self->swap;
  guint n_words = mig_block_watch_count_words (self->watch);
  MigBlockWord word;
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (GError) local = NULL;
  int outcome;

  if (!look_once (self, &sight, &local))
    return wait_blindly (self, local, interval, error);
  self->patience = (MigBlockPatience) { 0 };
  if (is_ready (self, &sight))
    {
      mig_swap_note_run (swap, &sight);
      return LOOK_READY;
    }

  word = mig_block_watch_get_word (self->watch); /* what is seen may be older than it, not younger */
  /* Somebody switched the guest, perhaps, and it ended: the next step says what can be said of that. */
  if (word == MIG_BLOCK_WORD_COMPLETED && sight.place != MIG_BLOCK_PLACE_ACTIVE)
    return LOOK_READY;

  outcome = mig_swap_judge (swap, &sight, word);
  if (outcome == MIG_BLOCK_STILL_RUNNING)
    {
      publish (self, sight.job);
      /* It may have been started anew since the checks. */
      if (mig_block_sight_mirror (&sight) != MIG_BLOCK_MIRROR_ABSENT)
        mig_swap_note_run (swap, &sight);
      if (is_overlooked (self, &sight))
        return LOOK_READY;
      if (mig_block_sight_mirror (&sight) == MIG_BLOCK_MIRROR_COPYING)
        mig_block_watch_forget_words (self->watch, n_words);
      *interval = mig_block_watch_next_interval (self->watch, self->last_processed > 0 && sight.job != NULL ?
                                                 (double) self->last_processed /
                                                 (double) mig_block_job_info_get_end (sight.job) : -1, FALSE);
      return LOOK_WAIT;
    }

  /* Somebody switched the guest: the next step sees that it is done. Or cannot tell any more, as above. */
  if (outcome == MIG_BLOCK_OUTCOME_COMPLETED ||
      (word == MIG_BLOCK_WORD_COMPLETED && mig_swap_is_another_run (swap, &sight, swap->ref)))
    return LOOK_READY;

  if (outcome == MIG_BLOCK_OUTCOME_UNKNOWN)
    {
      *interval = mig_block_watch_await_word (self->watch);
      if (*interval > 0)
        return LOOK_WAIT;
    }

  mig_swap_explain (swap, (MigBlockOutcome) outcome, error);

  return LOOK_ENDED;
}

static gboolean
check_limits (Mirror  *self,
              GError **error)
{
  double limit = self->swap->request->options->time_limit;
  g_autofree char *what = NULL;

  if (g_cancellable_set_error_if_cancelled (self->swap->cancellable, error))
    return FALSE;
  if (mig_step_run_is_detaching (self->swap->run))
    return mig_swap_set_detached (error);
  if (limit < 0 || seconds_since (self->begun) < limit)
    return TRUE;

  what = mig_swap_describe (self->swap);
  g_set_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT, "the copy of %s is not ready after %g s", what, limit);

  return FALSE;
}

static gboolean
wait_until_ready (Mirror  *self,
                  guint64  ticket,
                  GError **error)
{
  double limit = self->swap->request->options->time_limit;
  /* A mirror that was found may have been ready for long: then no event comes. */
  double interval = mig_step_run_is_recovering (self->swap->run) ? 0 :
                    mig_block_watch_next_interval (self->watch, -1, FALSE);

  for (;;)
    {
      if (limit >= 0)
        interval = MIN (interval, MAX (limit - seconds_since (self->begun), 0));
      mig_step_run_wait (self->swap->run, ticket, interval);
      ticket = mig_waiter_ticket (mig_step_run_get_waiter (self->swap->run));

      /* That it is ready is seen, not heard: an event that comes late may be of the job before. */
      if (!check_limits (self, error))
        return FALSE;

      switch (look (self, &interval, error))
        {
        case LOOK_READY:
          return TRUE;
        case LOOK_ENDED:
          return FALSE;
        case LOOK_WAIT:
        default:
          break;
        }
    }
}

/* The time limit is the copy's: whoever finds it again, or takes it over, goes on counting. Clocks of two machines may
 * differ, and one may be set; then it has the whole time again at most. */
static gint64
find_begin (MigSwap *self)
{
  gint64 begun = mig_facts_get_int (self->facts, MIG_SWAP_FACT_BEGUN, 0);
  gint64 age = begun > 0 ? g_get_real_time () - begun : 0;

  return g_get_monotonic_time () - MAX (age, 0);
}

gboolean
mig_swap_mirror (MigSwap  *self,
                 GError  **error)
{
  MigWaiter *waiter = mig_step_run_get_waiter (self->run);
  g_autoptr (MigBlockWatch) watch = mig_block_watch_new (self->ref, waiter);
  Mirror mirror = { .swap = self, .watch = watch, .begun = find_begin (self) };
  guint64 ticket = mig_waiter_ticket (waiter);
  gboolean ready = ensure_started (self, error) && wait_until_ready (&mirror, ticket, error);

  /* Also of a copy that is given up: who undoes it hears no more of this. */
  if (mig_block_watch_get_word (watch) == MIG_BLOCK_WORD_COMPLETED)
    mig_facts_set_boolean (self->facts, MIG_SWAP_FACT_SWITCHING, TRUE);
  if (!ready)
    return FALSE;

  publish_whole (&mirror);
  mig_swap_keep_watch (self, g_steal_pointer (&watch));

  return TRUE;
}

/* TRUE: the mirror is gone and the guest is where it was. FALSE without an error: it is still there. */
static gboolean
is_gone (MigSwap  *self,
         GError  **error)
{
  gboolean switching = mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_SWITCHING);
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) found = NULL;
  MigBlockSource source;

  if (switching ? !mig_swap_look_everywhere (self, &sight, &found, error) :
                  !mig_block_look (self->ref, FALSE, &sight, NULL, error))
    return FALSE;

  source = mig_block_sight_source (&sight, self->old, self->destination);
  if (source == MIG_BLOCK_SOURCE_NEW)
    {
      g_autofree char *what = mig_swap_describe (self);

      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT,
                   "%s is on the destination already: somebody else switched it", what);
      return FALSE;
    }

  if (switching && sight.place != MIG_BLOCK_PLACE_ACTIVE)
    {
      mig_swap_doubt (self, &sight, error);
      return FALSE;
    }
  if (sight.place == MIG_BLOCK_PLACE_GONE || sight.disk == NULL)
    return TRUE;

  /* Another job than ours is not ours to end. */
  if (mig_block_sight_mirror (&sight) != MIG_BLOCK_MIRROR_ABSENT && !mig_swap_is_foreign (self, &sight))
    return FALSE;
  if (switching && source == MIG_BLOCK_SOURCE_OLD && mig_swap_is_another_run (self, &sight, found))
    {
      mig_swap_doubt (self, &sight, error);
      return FALSE;
    }
  if (source == MIG_BLOCK_SOURCE_OLD)
    mig_facts_remove (self->facts, MIG_SWAP_FACT_SWITCHING);

  return TRUE;
}

gboolean
mig_swap_end_mirror (MigSwap  *self,
                     GError  **error)
{
  gint64 begun = g_get_monotonic_time ();
  g_autofree char *what = mig_swap_describe (self);

  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (mig_step_run_get_waiter (self->run));
      g_autoptr (GError) local = NULL;

      if (is_gone (self, &local))
        return TRUE;
      if (local != NULL && !mig_swap_is_ambiguous (local))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }

      /* A daemon that is away comes back, and the mirror with it. */
      if (local == NULL)
        {
          if (!mig_step_run_holds (self->run, error))
            return FALSE;
          mig_block_job_driver_abort (mig_block_ref_get_jobs (self->ref), self->ref->host, self->ref->domain,
                                      self->ref->target, MIG_BLOCK_ABORT_FLAGS_NONE, NULL, &local);
          if (is_gone (self, NULL))
            return TRUE;
        }
      if (mig_step_run_is_detaching (self->run))
        return mig_swap_set_detached (error);
      if (seconds_since (begun) > ABORT_TIME)
        {
          g_set_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT, "the block job of %s does not end: %s", what,
                       local != NULL ? local->message : "its abort had no effect");
          return FALSE;
        }
      mig_swap_wait (self, ticket, RETRY_INTERVAL);
    }
}
