/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-watch-private.h"

/* Beside events a poll goes on, slowly: events can be lost. */
#define SLOW_INTERVAL 1.0
/* Without events the job is asked, ever less often, but soon when what it has copied so far says that it is nearly
 * ready. */
#define FIRST_INTERVAL 0.002
#define LONG_INTERVAL 0.25
/* It may be faster than before: so much of the time that it seems to need is waited for. */
#define CAUTION 0.9
/* Asking more often than this, as a part of the time it has taken, would not make a difference. */
#define FINENESS 0.02
/* An event may be so much later than what it tells can be seen. */
#define LAST_WORD_TIME 2.0

struct _MigBlockWatch
{
  MigBlockRef  *ref;
  MigWaiter    *waiter;
  gulong        handler;
  gboolean      has_events;
  double        interval;
  gint64        begun; /* when it was first asked how long to wait */
  gint64        end_seen;

  GMutex        mutex; /* of what the handler writes, in any thread */
  MigBlockWord  word;
  guint         n_words;
};

static gboolean
is_about_us (const MigBlockRef *ref,
             MigHost           *host,
             const char        *domain)
{
  return g_strcmp0 (mig_host_get_name (host), mig_host_get_name (ref->host)) == 0 &&
         (g_strcmp0 (domain, ref->domain) == 0 || g_strcmp0 (domain, "*") == 0);
}

static gboolean
note_word (MigBlockWatch *self,
           MigBlockWord   word,
           gboolean       our_disk)
{
  if (our_disk)
    {
      self->word = word;
      self->n_words++;
    }

  return our_disk;
}

/* FALSE: of no interest here. */
static gboolean
note_event (MigBlockWatch  *self,
            MigDriverEvent  event,
            gboolean        our_disk)
{
  switch (event)
    {
    case MIG_DRIVER_EVENT_BLOCK_JOB_READY:
      return our_disk;
    case MIG_DRIVER_EVENT_BLOCK_JOB_COMPLETED:
      return note_word (self, MIG_BLOCK_WORD_COMPLETED, our_disk);
    case MIG_DRIVER_EVENT_BLOCK_JOB_CANCELLED:
      return note_word (self, MIG_BLOCK_WORD_CANCELLED, our_disk);
    case MIG_DRIVER_EVENT_BLOCK_JOB_FAILED:
      return note_word (self, MIG_BLOCK_WORD_FAILED, our_disk);
    case MIG_DRIVER_EVENT_STARTED:
    case MIG_DRIVER_EVENT_STOPPED:
    case MIG_DRIVER_EVENT_SUSPENDED:
    case MIG_DRIVER_EVENT_CONNECTION_LOST:
      return TRUE;
    case MIG_DRIVER_EVENT_ITERATION:
    case MIG_DRIVER_EVENT_RESUMED:
    case MIG_DRIVER_EVENT_JOB_COMPLETED:
    default:
      return FALSE;
    }
}

static void
on_event (MigComputeDriver *driver G_GNUC_UNUSED,
          MigHost          *host,
          const char       *domain,
          MigDriverEvent    event,
          const char       *detail,
          gpointer          data)
{
  MigBlockWatch *self = data;
  gboolean news;

  if (!is_about_us (self->ref, host, domain))
    return;

  g_mutex_lock (&self->mutex);
  news = note_event (self, event, g_strcmp0 (detail, self->ref->target) == 0);
  g_mutex_unlock (&self->mutex);

  if (news)
    mig_waiter_wake (self->waiter);
}

static void
clear_watch (gpointer data)
{
  MigBlockWatch *self = data;

  mig_block_ref_free (self->ref);
  mig_waiter_unref (self->waiter);
  g_mutex_clear (&self->mutex);
}

static void
drop_watch (gpointer  data,
            GClosure *closure G_GNUC_UNUSED)
{
  g_atomic_rc_box_release_full (data, clear_watch);
}

MigBlockWatch *
mig_block_watch_new (const MigBlockRef *ref,
                     MigWaiter         *waiter)
{
  MigBlockWatch *self = g_atomic_rc_box_new0 (MigBlockWatch);

  self->ref = mig_block_ref_copy (ref);
  self->waiter = mig_waiter_ref (waiter);
  self->has_events = mig_block_has_events (ref->driver);
  g_mutex_init (&self->mutex);
  /* The handler has a reference of its own: it may be running while the watch is freed. */
  self->handler = g_signal_connect_data (ref->driver, "event", G_CALLBACK (on_event), g_atomic_rc_box_acquire (self),
                                         drop_watch, 0);

  return self;
}

void
mig_block_watch_free (MigBlockWatch *self)
{
  g_signal_handler_disconnect (self->ref->driver, self->handler);
  g_atomic_rc_box_release_full (self, clear_watch);
}

MigBlockWord
mig_block_watch_get_word (MigBlockWatch *self)
{
  MigBlockWord word;

  g_mutex_lock (&self->mutex);
  word = self->word;
  g_mutex_unlock (&self->mutex);

  return word;
}

guint
mig_block_watch_count_words (MigBlockWatch *self)
{
  guint n_words;

  g_mutex_lock (&self->mutex);
  n_words = self->n_words;
  g_mutex_unlock (&self->mutex);

  return n_words;
}

void
mig_block_watch_forget_words (MigBlockWatch *self,
                              guint          n_words)
{
  g_mutex_lock (&self->mutex);
  if (self->n_words == n_words)
    self->word = MIG_BLOCK_WORD_NONE;
  g_mutex_unlock (&self->mutex);
}

double
mig_block_poll_interval (double   last,
                         double   elapsed,
                         double   fraction,
                         gboolean ready,
                         gboolean has_events)
{
  double interval = last * 2;

  /* What is ready stays so, until somebody who knows that asks for its end. */
  if (has_events || ready)
    return SLOW_INTERVAL;
  if (last <= 0)
    return FIRST_INTERVAL;
  if (fraction > 0)
    interval = MIN (interval, elapsed * (1 - fraction) / fraction * CAUTION);

  return MIN (MAX (interval, MAX (FIRST_INTERVAL, elapsed * FINENESS)), LONG_INTERVAL);
}

double
mig_block_watch_next_interval (MigBlockWatch *self,
                               double         fraction,
                               gboolean       ready)
{
  gint64 now = g_get_monotonic_time ();

  if (self->interval <= 0)
    self->begun = now;
  self->interval = mig_block_poll_interval (self->interval, (double) (now - self->begun) / G_USEC_PER_SEC, fraction,
                                            ready, self->has_events);

  return self->interval;
}

double
mig_block_watch_await_word (MigBlockWatch *self)
{
  gint64 now = g_get_monotonic_time ();

  if (self->end_seen == 0)
    self->end_seen = now;

  return MAX (LAST_WORD_TIME - (double) (now - self->end_seen) / G_USEC_PER_SEC, 0);
}
