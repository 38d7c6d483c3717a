/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-monitor-private.h"

#include <libmig/mig-error.h>

#include "libmig/block/mig-block-outcome-private.h"
#include "libmig/block/mig-block-patience-private.h"
#include "libmig/block/mig-block-watch-private.h"

/* Progress is told at most so often, in microseconds. */
#define PROGRESS_INTERVAL (G_USEC_PER_SEC / 5)
/* Between two looks at a host that does not answer, in seconds. */
#define RETRY_INTERVAL 0.5

struct _MigBlockMonitor
{
  MigBlockRef      *ref;
  MigWaiter        *news; /* wakes the thread */
  MigWaiter        *told; /* wakes those who wait for the job */
  MigBlockWatch    *watch;
  GCancellable     *cancellable;
  MigBlockNewsFunc  tell;
  gpointer          data;
  GDestroyNotify    free_data;

  /* The thread's own, once it runs. */
  MigBlockJobFacts  facts;
  char             *what; /* "the job of disk vda of g1" */
  MigBlockMonitor  *after; /* or NULL */
  gint64            last_progress;
  gboolean          whole; /* the progress of a mirror that is ready was told */
  gint64            whole_since; /* see mig_block_sight_note_whole() */
  MigBlockPatience  patience;

  GMutex            mutex; /* of what follows */
  gboolean          asked;
  gboolean          superseded;
  gboolean          ready;
  gboolean          finished;
  MigBlockOutcome   outcome;
  GError           *error;
  GError           *blind; /* or NULL */
};

void
mig_block_news_free (MigBlockNews *self)
{
  g_clear_object (&self->info);
  g_clear_error (&self->error);
  g_free (self);
}

static void
clear_monitor (gpointer data)
{
  MigBlockMonitor *self = data;

  g_clear_pointer (&self->watch, mig_block_watch_free);
  mig_block_ref_free (self->ref);
  mig_waiter_unref (self->news);
  mig_waiter_unref (self->told);
  g_object_unref (self->cancellable);
  if (self->free_data != NULL)
    self->free_data (self->data);
  g_clear_pointer (&self->after, mig_block_monitor_unref);
  g_clear_object (&self->facts.backend);
  g_clear_object (&self->facts.old_source);
  g_clear_object (&self->facts.destination);
  g_clear_error (&self->error);
  g_clear_error (&self->blind);
  g_free (self->what);
  g_mutex_clear (&self->mutex);
}

MigBlockMonitor *
mig_block_monitor_new (const MigBlockRef *ref,
                       MigBlockNewsFunc   tell,
                       gpointer           data,
                       GDestroyNotify     free_data)
{
  MigBlockMonitor *self = g_atomic_rc_box_new0 (MigBlockMonitor);

  self->ref = mig_block_ref_copy (ref);
  self->news = mig_waiter_new ();
  self->told = mig_waiter_new ();
  self->watch = mig_block_watch_new (ref, self->news);
  self->cancellable = g_cancellable_new ();
  self->tell = tell;
  self->data = data;
  self->free_data = free_data;
  g_mutex_init (&self->mutex);

  return self;
}

MigBlockMonitor *
mig_block_monitor_ref (MigBlockMonitor *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
mig_block_monitor_unref (MigBlockMonitor *self)
{
  g_atomic_rc_box_release_full (self, clear_monitor);
}

void
mig_block_monitor_stop (MigBlockMonitor *self)
{
  g_cancellable_cancel (self->cancellable);
  mig_waiter_wake (self->news);
  mig_waiter_wake (self->told);
}

gboolean
mig_block_monitor_is_stopped (MigBlockMonitor *self)
{
  return g_cancellable_is_cancelled (self->cancellable);
}

void
mig_block_monitor_supersede (MigBlockMonitor *self)
{
  g_mutex_lock (&self->mutex);
  self->superseded = TRUE;
  g_mutex_unlock (&self->mutex);
  mig_waiter_wake (self->news);
}

static gboolean
is_superseded (MigBlockMonitor *self)
{
  gboolean superseded;

  g_mutex_lock (&self->mutex);
  superseded = self->superseded;
  g_mutex_unlock (&self->mutex);

  return superseded;
}

void
mig_block_monitor_note_abort (MigBlockMonitor *self,
                              gboolean         asked)
{
  g_mutex_lock (&self->mutex);
  self->asked = asked;
  g_mutex_unlock (&self->mutex);
}

void
mig_block_monitor_hurry (MigBlockMonitor *self)
{
  mig_waiter_wake (self->news);
}

MigWaiter *
mig_block_monitor_get_waiter (MigBlockMonitor *self)
{
  return self->told;
}

gboolean
mig_block_monitor_is_ready (MigBlockMonitor *self)
{
  gboolean ready;

  g_mutex_lock (&self->mutex);
  ready = self->ready;
  g_mutex_unlock (&self->mutex);

  return ready;
}

gboolean
mig_block_monitor_is_finished (MigBlockMonitor  *self,
                               MigBlockOutcome  *outcome,
                               GError          **error)
{
  gboolean finished;

  g_mutex_lock (&self->mutex);
  finished = self->finished;
  if (outcome != NULL)
    *outcome = self->outcome;
  if (error != NULL && self->error != NULL)
    *error = g_error_copy (self->error);
  g_mutex_unlock (&self->mutex);

  return finished;
}

gboolean
mig_block_monitor_is_blind (MigBlockMonitor  *self,
                            GError          **error)
{
  gboolean blind;

  g_mutex_lock (&self->mutex);
  blind = self->blind != NULL;
  if (blind && error != NULL)
    *error = g_error_copy (self->blind);
  g_mutex_unlock (&self->mutex);

  return blind;
}

static void
tell (MigBlockMonitor *self,
      MigBlockNews    *news)
{
  if (g_cancellable_is_cancelled (self->cancellable))
    mig_block_news_free (news);
  else
    self->tell (news, self->data);
}

static void
publish_progress (MigBlockMonitor *self,
                  MigBlockJobInfo *info,
                  gboolean         last)
{
  gint64 now = g_get_monotonic_time ();
  MigBlockNews *news;

  if (info == NULL || (!last && now - self->last_progress < PROGRESS_INTERVAL))
    return;

  self->last_progress = now;
  news = g_new0 (MigBlockNews, 1);
  news->kind = MIG_BLOCK_NEWS_PROGRESS;
  news->info = g_object_ref (info);
  tell (self, news);
}

static void
publish_ready (MigBlockMonitor *self)
{
  MigBlockNews *news = g_new0 (MigBlockNews, 1);

  news->kind = MIG_BLOCK_NEWS_READY;
  tell (self, news);

  /* First the word, then the state: who waits for the state, waits for the word too. */
  g_mutex_lock (&self->mutex);
  self->ready = TRUE;
  g_mutex_unlock (&self->mutex);
  mig_waiter_wake (self->told);
}

static void
publish_end (MigBlockMonitor *self,
             MigBlockOutcome  outcome)
{
  g_autofree char *cause = NULL;
  MigBlockNews *news = g_new0 (MigBlockNews, 1);

  if (outcome == MIG_BLOCK_OUTCOME_FAILED || outcome == MIG_BLOCK_OUTCOME_UNKNOWN)
    cause = mig_block_find_cause (self->ref, self->facts.backend, self->facts.destination);

  news->kind = MIG_BLOCK_NEWS_FINISHED;
  news->outcome = outcome;
  mig_block_outcome_check (outcome, self->what, cause, &news->error);

  g_mutex_lock (&self->mutex);
  self->outcome = outcome;
  self->error = news->error != NULL ? g_error_copy (news->error) : NULL;
  g_mutex_unlock (&self->mutex);

  /* As above. */
  tell (self, news);
  g_mutex_lock (&self->mutex);
  self->finished = TRUE;
  g_mutex_unlock (&self->mutex);
  mig_waiter_wake (self->told);
}

static int
judge (MigBlockMonitor     *self,
       const MigBlockSight *sight,
       gboolean             superseded)
{
  MigBlockEvidence evidence = { .place = sight->place, .started = self->facts.kind };

  /* A job that was not described by who started it says where it goes while it runs. */
  if (!superseded && self->facts.destination == NULL && sight->disk != NULL &&
      mig_disk_get_mirror (sight->disk) != NULL)
    self->facts.destination = g_object_ref (mig_disk_get_mirror (sight->disk));

  /* Whatever the disk has then is another one. */
  evidence.job = superseded ? MIG_BLOCK_JOB_KIND_NONE : mig_block_sight_job (sight);
  evidence.layers = mig_block_sight_layers (sight, self->facts.n_layers);
  evidence.source = mig_block_sight_source (sight, self->facts.old_source, self->facts.destination);
  evidence.word = mig_block_watch_get_word (self->watch);
  g_mutex_lock (&self->mutex);
  evidence.asked = self->asked;
  g_mutex_unlock (&self->mutex);

  return mig_block_judge (&evidence);
}

static double
fraction_of (MigBlockJobInfo *info)
{
  gint64 end = info != NULL ? mig_block_job_info_get_end (info) : 0;

  return end > 0 ? (double) mig_block_job_info_get_current (info) / (double) end : -1;
}

/* NULL: it is looked at again. */
static void
set_blind (MigBlockMonitor *self,
           GError          *blind)
{
  g_mutex_lock (&self->mutex);
  g_clear_error (&self->blind);
  self->blind = blind;
  g_mutex_unlock (&self->mutex);
  if (blind != NULL)
    mig_waiter_wake (self->told);
}

static void
note_sight (MigBlockMonitor *self)
{
  if (self->patience.blind_since != 0)
    set_blind (self, NULL);
  self->patience = (MigBlockPatience) { 0 };
}

/* The job goes on while nobody sees it; who waits for it gives up some time. */
static void
note_blindness (MigBlockMonitor *self,
                const GError    *failure)
{
  MigError code = mig_block_patience_is_silence (failure) ? MIG_ERROR_CONNECTION : MIG_ERROR_OUTCOME_UNKNOWN;

  if (!mig_block_patience_lasts (&self->patience, self->facts.wait_limit, self->facts.settle_time, failure))
    set_blind (self, g_error_new (MIG_ERROR, code, "%s on %s cannot be looked at: %s", self->what,
                                  mig_host_get_name (self->ref->host), failure->message));
}

/* That it is ready is seen, not heard: an event that comes late may be of the job before. But what the hypervisor's
 * daemon has overlooked is not waited for without end; a pivot makes it look. */
static gboolean
is_ready (MigBlockMonitor     *self,
          const MigBlockSight *sight)
{
  if (!mig_block_job_pivots (self->facts.kind))
    return FALSE;
  if (mig_block_job_is_complete (self->facts.kind, MIG_BLOCK_CURSOR_BEFORE, mig_block_sight_mirror (sight)))
    return TRUE;

  mig_block_sight_note_whole (sight, &self->whole_since);

  return self->whole_since != 0 &&
         (double) (g_get_monotonic_time () - self->whole_since) / G_USEC_PER_SEC >= self->facts.settle_time;
}

/* One look; FALSE when the job is over. Sets how long to wait before the next. */
static gboolean
step (MigBlockMonitor *self,
      double          *interval)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  gboolean superseded = is_superseded (self);
  guint n_words = mig_block_watch_count_words (self->watch);
  g_autoptr (GError) failure = NULL;
  MigBlockMirror mirror;
  int outcome;

  if (!mig_block_look (self->ref, TRUE, &sight, self->cancellable, &failure) && !superseded)
    {
      note_blindness (self, failure);
      *interval = RETRY_INTERVAL;
      return TRUE;
    }
  note_sight (self);

  outcome = judge (self, &sight, superseded);
  if (outcome == MIG_BLOCK_OUTCOME_UNKNOWN)
    {
      *interval = mig_block_watch_await_word (self->watch);
      if (*interval > 0)
        return TRUE;
    }
  if (outcome != MIG_BLOCK_STILL_RUNNING)
    {
      publish_end (self, outcome);
      return FALSE;
    }

  mirror = mig_block_sight_mirror (&sight);
  /* What was said before it was seen is of another job. */
  if (mirror == MIG_BLOCK_MIRROR_COPYING &&
      mig_block_same_place (mig_disk_get_mirror (sight.disk), self->facts.destination))
    mig_block_watch_forget_words (self->watch, n_words);
  publish_progress (self, sight.job, mirror == MIG_BLOCK_MIRROR_READY && !self->whole);
  self->whole |= mirror == MIG_BLOCK_MIRROR_READY;
  if (!mig_block_monitor_is_ready (self) && is_ready (self, &sight))
    publish_ready (self);

  *interval = mig_block_watch_next_interval (self->watch, fraction_of (sight.job), mirror == MIG_BLOCK_MIRROR_READY);

  return TRUE;
}

/* The end of the job before is told before anything of this one. */
static void
wait_for_last (MigBlockMonitor *self)
{
  MigBlockMonitor *last = self->after;

  while (last != NULL && !mig_block_monitor_is_stopped (self))
    {
      guint64 ticket = mig_waiter_ticket (last->told);

      if (mig_block_monitor_is_finished (last, NULL, NULL) || mig_block_monitor_is_stopped (last))
        break;
      mig_waiter_wait (last->told, ticket, -1, self->cancellable);
    }

  g_clear_pointer (&self->after, mig_block_monitor_unref);
}

static gpointer
follow (gpointer data)
{
  g_autoptr (MigBlockMonitor) self = data;
  double interval;

  wait_for_last (self);
  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (self->news);

      if (g_cancellable_is_cancelled (self->cancellable) || !step (self, &interval))
        break;
      mig_waiter_wait (self->news, ticket, g_get_monotonic_time () + (gint64) (interval * G_USEC_PER_SEC),
                       self->cancellable);
    }

  return NULL;
}

void
mig_block_monitor_start (MigBlockMonitor        *self,
                         const MigBlockJobFacts *facts,
                         MigBlockMonitor        *after)
{
  self->after = after != NULL ? mig_block_monitor_ref (after) : NULL;
  self->facts = *facts;
  self->facts.name = NULL;
  self->what = g_strdup_printf ("the job of disk %s of %s", self->ref->target, facts->name);
  if (facts->backend != NULL)
    g_object_ref (facts->backend);
  if (facts->old_source != NULL)
    g_object_ref (facts->old_source);
  if (facts->destination != NULL)
    g_object_ref (facts->destination);

  g_thread_unref (g_thread_new ("mig-block-job", follow, mig_block_monitor_ref (self)));
}
