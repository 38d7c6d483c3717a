/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-error.h>

#include "libmig/core/mig-waiter-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-endpoint-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-event-loop-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-opening-private.h"

#define GREET_SECONDS 5
/* A connection without events is greeted before use when it was idle for so long, or since another one died: nobody
 * would have told us of its end. */
#define STALE_AFTER (1 * G_USEC_PER_SEC)
/* An idle work connection is closed after so long. */
#define IDLE_FOR (5 * G_USEC_PER_SEC)
/* The final figures of so many moves are remembered. */
#define HISTORY 256

/* So often a control connection without events is looked at, whether it could have some; and ever more rarely. */
#define LISTEN_AFTER (2 * G_USEC_PER_SEC)
#define LISTEN_AT_LAST (300 * G_USEC_PER_SEC)

/* So many queries beside the one on the control connection borrow work connections; further ones wait. A query that
 * takes longer than any may has been given up, and does not count. */
#define MAX_LENT 4
#define LENT_FOR (10 * G_USEC_PER_SEC)
#define LOOK_EVERY (1 * G_USEC_PER_SEC)

/* A connection in the books. */
typedef struct
{
  MigLibvirtConnection *connection;
  MigLibvirtLane        lane;
  gboolean              used;
  gboolean              lent; /* a work connection, used by a query */
  gboolean              outdated; /* another one could have events */
  gint64                last_used;
  gint64                taken; /* when its use began */
} Slot;

struct _MigLibvirtEndpoint
{
  GWeakRef           driver;
  MigLibvirtCalls   *calls;
  MigLibvirtTally   *tally;
  MigHost           *host;
  double             connect_seconds;
  MigLibvirtHangs    hangs;
  MigLibvirtHistory *history;
  MigLibvirtMoves   *moves;
  MigWaiter         *waiter; /* woken when anything below changes */

  GMutex     mutex;
  GPtrArray *slots;     /* of Slot */
  guint      n_opening; /* queries that are opening a work connection */
  gboolean   opening;   /* the control connection is being opened */
  gint64     listen_at;    /* when the control connection is looked at, whether it could have events */
  gint64     listen_after; /* how long after that again */
  guint64    n_failures; /* of that */
  GError    *failure;   /* the last one */
  gint64     last_loss; /* when a connection was last given back dead */
  gboolean   reaping;
  gboolean   closed;
};

static void
endpoint_clear (gpointer data)
{
  MigLibvirtEndpoint *self = data;

  g_assert (self->slots->len == 0);
  g_clear_error (&self->failure);
  g_ptr_array_unref (self->slots);
  g_mutex_clear (&self->hangs.mutex);
  mig_libvirt_moves_unref (self->moves);
  mig_libvirt_history_free (self->history);
  mig_waiter_unref (self->waiter);
  g_object_unref (self->host);
  mig_libvirt_tally_unref (self->tally);
  mig_libvirt_calls_unref (self->calls);
  g_weak_ref_clear (&self->driver);
  g_mutex_clear (&self->mutex);
}

MigLibvirtEndpoint *
mig_libvirt_endpoint_new (MigLibvirtDriver *driver,
                          MigLibvirtCalls  *calls,
                          MigHost          *host,
                          guint             max_moves,
                          double            connect_seconds)
{
  MigLibvirtEndpoint *self = g_atomic_rc_box_new0 (MigLibvirtEndpoint);

  g_weak_ref_init (&self->driver, driver);
  g_mutex_init (&self->mutex);
  self->calls = mig_libvirt_calls_ref (calls);
  self->tally = mig_libvirt_tally_new ();
  self->listen_after = LISTEN_AFTER;
  self->host = g_object_ref (host);
  g_mutex_init (&self->hangs.mutex);
  self->history = mig_libvirt_history_new (HISTORY);
  self->moves = mig_libvirt_moves_new (max_moves);
  self->connect_seconds = connect_seconds;
  self->waiter = mig_waiter_new ();
  self->slots = g_ptr_array_new_with_free_func (g_free);

  return self;
}

MigLibvirtEndpoint *
mig_libvirt_endpoint_ref (MigLibvirtEndpoint *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
mig_libvirt_endpoint_unref (MigLibvirtEndpoint *self)
{
  g_atomic_rc_box_release_full (self, endpoint_clear);
}

void
mig_libvirt_endpoint_wake (MigLibvirtEndpoint *self)
{
  mig_waiter_wake (self->waiter);
}

MigLibvirtCalls *
mig_libvirt_endpoint_get_calls (MigLibvirtEndpoint *self)
{
  return self->calls;
}

MigLibvirtTally *
mig_libvirt_endpoint_get_tally (MigLibvirtEndpoint *self)
{
  return self->tally;
}

double
mig_libvirt_endpoint_get_connect_seconds (MigLibvirtEndpoint *self)
{
  return self->connect_seconds;
}

MigLibvirtHistory *
mig_libvirt_endpoint_get_history (MigLibvirtEndpoint *self)
{
  return self->history;
}

MigLibvirtMoves *
mig_libvirt_endpoint_get_moves (MigLibvirtEndpoint *self)
{
  return self->moves;
}

MigHost *
mig_libvirt_endpoint_get_host (MigLibvirtEndpoint *self)
{
  return self->host;
}

MigLibvirtDriver *
mig_libvirt_endpoint_ref_driver (MigLibvirtEndpoint *self)
{
  return g_weak_ref_get (&self->driver);
}

/* Closing */

static gpointer
close_connection (gpointer   data,
                  GError   **error)
{
  MigLibvirtConnection *connection = data;

  /* It may have died without anybody being told. */
  if (!mig_libvirt_connection_is_alive (connection))
    mig_libvirt_connection_mark_dead (connection);
  mig_libvirt_connection_close (connection);

  return MIG_LIBVIRT_DONE;
}

/* Closing asks the daemon too, and may hang: that is nobody's business here. Takes the references. */
static void
close_later (MigLibvirtEndpoint *self,
             GPtrArray          *connections)
{
  for (guint i = 0; i < connections->len; i++)
    mig_libvirt_calls_push (self->calls, close_connection, g_ptr_array_index (connections, i),
                            (GDestroyNotify) mig_libvirt_connection_unref);
  g_ptr_array_unref (connections);
}

/* With the lock: takes the slots that nobody uses and that are dead or outdated, or that have been idle since
 * @idle_since, out of the books. */
static GPtrArray *
take_unused (MigLibvirtEndpoint *self,
             gint64              idle_since)
{
  GPtrArray *taken = g_ptr_array_new ();

  for (guint i = self->slots->len; i > 0; i--)
    {
      Slot *slot = g_ptr_array_index (self->slots, i - 1);
      gboolean idle = self->closed || slot->outdated ||
                      (slot->lane == MIG_LIBVIRT_LANE_WORK && slot->last_used <= idle_since);

      if (!slot->used && (idle || !mig_libvirt_connection_is_alive (slot->connection)))
        {
          g_ptr_array_add (taken, slot->connection);
          g_ptr_array_remove_index (self->slots, i - 1);
        }
    }

  return taken;
}

/* With the lock: when the next idle work connection has been idle for long enough, or -1 when there is none. */
static gint64
next_idle_end (MigLibvirtEndpoint *self)
{
  gint64 end = -1;

  for (guint i = 0; i < self->slots->len; i++)
    {
      Slot *slot = g_ptr_array_index (self->slots, i);

      if (slot->lane == MIG_LIBVIRT_LANE_WORK && !slot->used)
        end = end < 0 ? slot->last_used + IDLE_FOR : MIN (end, slot->last_used + IDLE_FOR);
    }

  return end;
}

/* Stays on its call thread until no work connection is idle. */
static gpointer
reap (gpointer   data,
      GError   **error)
{
  MigLibvirtEndpoint *self = data;
  gint64 until;

  do
    {
      guint64 ticket = mig_waiter_ticket (self->waiter);
      GPtrArray *taken;

      g_mutex_lock (&self->mutex);
      taken = take_unused (self, g_get_monotonic_time () - IDLE_FOR);
      until = next_idle_end (self);
      if (until < 0)
        self->reaping = FALSE;
      g_mutex_unlock (&self->mutex);

      close_later (self, taken);
      if (until >= 0)
        mig_waiter_wait (self->waiter, ticket, until, NULL);
    }
  while (until >= 0);

  return MIG_LIBVIRT_DONE;
}

void
mig_libvirt_endpoint_close (MigLibvirtEndpoint *self)
{
  GPtrArray *taken;

  g_mutex_lock (&self->mutex);
  self->closed = TRUE;
  taken = take_unused (self, 0);
  g_mutex_unlock (&self->mutex);

  close_later (self, taken);
  mig_waiter_wake (self->waiter);
}

void
mig_libvirt_endpoint_release (MigLibvirtEndpoint   *self,
                              MigLibvirtConnection *connection)
{
  gboolean reaper = FALSE;
  GPtrArray *taken;

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->slots->len; i++)
    {
      Slot *slot = g_ptr_array_index (self->slots, i);

      if (slot->connection != connection)
        continue;
      slot->used = slot->lent = FALSE;
      slot->last_used = g_get_monotonic_time ();
      if (!mig_libvirt_connection_is_alive (connection))
        self->last_loss = slot->last_used;
      reaper = slot->lane == MIG_LIBVIRT_LANE_WORK && !self->closed && !self->reaping;
    }
  self->reaping = self->reaping || reaper;
  taken = take_unused (self, 0);
  g_mutex_unlock (&self->mutex);

  close_later (self, taken);
  mig_waiter_wake (self->waiter);
  mig_libvirt_connection_unref (connection);
  if (reaper)
    mig_libvirt_calls_push (self->calls, reap, mig_libvirt_endpoint_ref (self),
                            (GDestroyNotify) mig_libvirt_endpoint_unref);
}

/* Opening */

/* With the lock. */
static void
note_failure (MigLibvirtEndpoint *self,
              const GError       *failure)
{
  self->n_failures++;
  g_clear_error (&self->failure);
  self->failure = g_error_copy (failure);
}

/* With the lock: the caller uses it. */
static void
enter (MigLibvirtEndpoint   *self,
       MigLibvirtConnection *connection,
       MigLibvirtLane        lane,
       gboolean              lent)
{
  Slot *slot = g_new0 (Slot, 1);

  slot->connection = mig_libvirt_connection_ref (connection);
  slot->lane = lane;
  slot->used = TRUE;
  slot->lent = lent;
  slot->taken = g_get_monotonic_time ();
  g_ptr_array_add (self->slots, slot);
}

static MigLibvirtConnection *
open_and_enter (MigLibvirtEndpoint  *self,
                MigLibvirtLane       lane,
                gboolean             lent,
                GCancellable        *cancellable,
                GError             **error)
{
  g_autoptr (GError) local = NULL;
  MigLibvirtConnection *connection = mig_libvirt_opening_run (self, lane, &self->hangs, cancellable, &local);

  g_mutex_lock (&self->mutex);
  if (lane == MIG_LIBVIRT_LANE_CONTROL)
    self->opening = FALSE;
  if (connection != NULL)
    enter (self, connection, lane, lent);
  if (lent)
    self->n_opening--;
  /* Those who waited for it wanted no more than this; but the cancellation of one is none of theirs. */
  if (connection == NULL && lane == MIG_LIBVIRT_LANE_CONTROL &&
      !g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    note_failure (self, local);
  g_mutex_unlock (&self->mutex);

  mig_waiter_wake (self->waiter);
  if (connection == NULL)
    g_propagate_error (error, g_steal_pointer (&local));

  return connection;
}

/* Choosing */

typedef enum {
  TAKE,
  OPEN_CONTROL,
  OPEN_WORK,
  WAIT,
  FAIL,
} Choice;

typedef struct
{
  MigLibvirtLane        lane;
  guint64               n_failures; /* of the control connection, when the search began */
  MigLibvirtConnection *connection; /* what it found */
  gboolean              stale;      /* it may have died unnoticed */
  gboolean              deaf;       /* it is to be looked at, whether it could have events */
  gboolean              lent;
} Search;

/* With the lock: one that lives, and that nobody uses unless @also_used. */
static Slot *
find_slot (MigLibvirtEndpoint *self,
           MigLibvirtLane      lane,
           gboolean            also_used)
{
  for (guint i = 0; i < self->slots->len; i++)
    {
      Slot *slot = g_ptr_array_index (self->slots, i);

      if (slot->lane == lane && (also_used || !slot->used) && !slot->outdated &&
          mig_libvirt_connection_is_alive (slot->connection))
        return slot;
    }

  return NULL;
}

/* With the lock: the queries that use, or are about to use, a work connection. On one that died the call may never
 * return; nor where nobody waits for it any more. */
static guint
count_lent (MigLibvirtEndpoint *self)
{
  gint64 now = g_get_monotonic_time ();
  guint n = self->n_opening;

  for (guint i = 0; i < self->slots->len; i++)
    {
      Slot *slot = g_ptr_array_index (self->slots, i);

      if (slot->lent && now - slot->taken < LENT_FOR && mig_libvirt_connection_is_alive (slot->connection))
        n++;
    }

  return n;
}

/* With the lock. */
static gboolean
is_deaf (Slot *slot)
{
  return slot->lane == MIG_LIBVIRT_LANE_CONTROL && !slot->outdated && !mig_libvirt_connection_tells (slot->connection);
}

/* With the lock. */
static Choice
take (MigLibvirtEndpoint *self,
      Slot               *slot,
      Search             *search)
{
  gint64 now = g_get_monotonic_time ();
  gint64 idle = now - slot->last_used;

  slot->used = TRUE;
  slot->lent = search->lent;
  slot->taken = now;
  search->deaf = is_deaf (slot) && now >= self->listen_at;
  if (search->deaf)
    {
      self->listen_at = now + self->listen_after;
      self->listen_after = MIN (2 * self->listen_after, LISTEN_AT_LAST);
    }
  search->connection = mig_libvirt_connection_ref (slot->connection);
  search->stale = !mig_libvirt_connection_has_events (slot->connection) &&
                  (idle > STALE_AFTER || slot->last_used <= self->last_loss);

  return TAKE;
}

/* With the lock: a query goes over the control connection, which is made first; when that is busy it borrows a work
 * connection. Few do at once: a daemon has few workers. */
static Choice
look_for_query (MigLibvirtEndpoint  *self,
                Search              *search,
                GError             **error)
{
  Slot *slot = find_slot (self, MIG_LIBVIRT_LANE_CONTROL, FALSE);

  search->lent = FALSE;
  if (slot != NULL)
    return take (self, slot, search);
  if (self->n_failures != search->n_failures)
    {
      g_propagate_error (error, g_error_copy (self->failure));
      return FAIL;
    }
  if (self->opening)
    return WAIT;
  if (find_slot (self, MIG_LIBVIRT_LANE_CONTROL, TRUE) == NULL)
    {
      self->opening = TRUE;
      return OPEN_CONTROL;
    }
  if (count_lent (self) >= MAX_LENT)
    return WAIT;

  search->lent = TRUE;
  slot = find_slot (self, MIG_LIBVIRT_LANE_WORK, FALSE);
  if (slot != NULL)
    return take (self, slot, search);
  self->n_opening++;

  return OPEN_WORK;
}

/* With the lock. */
static Choice
look (MigLibvirtEndpoint  *self,
      Search              *search,
      GError             **error)
{
  Slot *slot;

  if (self->closed)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "The driver has been closed");
      return FAIL;
    }
  if (search->lane == MIG_LIBVIRT_LANE_CONTROL)
    return look_for_query (self, search, error);

  slot = find_slot (self, MIG_LIBVIRT_LANE_WORK, FALSE);

  return slot != NULL ? take (self, slot, search) : OPEN_WORK;
}

static gpointer
greet (gpointer   data,
       GError   **error)
{
  return mig_libvirt_connection_greet (data, error) ? MIG_LIBVIRT_DONE : NULL;
}

/* FALSE when the connection turned out to be dead, or the caller lost interest. */
static gboolean
is_fresh (MigLibvirtEndpoint   *self,
          MigLibvirtConnection *connection,
          GCancellable         *cancellable)
{
  MigLibvirtCallEnd end;
  gpointer done = mig_libvirt_calls_run (self->calls, self->tally, "greeting", greet,
                                         mig_libvirt_connection_ref (connection),
                                         (GDestroyNotify) mig_libvirt_connection_unref, NULL, GREET_SECONDS,
                                         cancellable, &end, NULL);

  /* Also when nobody waits for the answer any more: it is still being used for it. */
  if (done == NULL && end != MIG_LIBVIRT_CALL_REFUSED)
    mig_libvirt_connection_mark_dead (connection);

  return done != NULL;
}

gboolean
mig_libvirt_endpoint_is_deaf (MigLibvirtEndpoint *self)
{
  gboolean deaf;

  g_mutex_lock (&self->mutex);
  deaf = self->opening;
  for (guint i = 0; i < self->slots->len; i++)
    {
      Slot *slot = g_ptr_array_index (self->slots, i);

      deaf = deaf || (slot->lane == MIG_LIBVIRT_LANE_CONTROL && !mig_libvirt_connection_tells (slot->connection));
    }
  g_mutex_unlock (&self->mutex);

  return deaf;
}

/* What look() finds; those that it does not want any more are closed. */
static Choice
look_and_tidy (MigLibvirtEndpoint  *self,
               Search              *search,
               GError             **error)
{
  GPtrArray *taken;
  Choice choice;

  g_mutex_lock (&self->mutex);
  taken = take_unused (self, 0);
  choice = look (self, search, error);
  g_mutex_unlock (&self->mutex);

  close_later (self, taken);

  return choice;
}

/* On a call thread: looking whether a loop turns may take a second. What is outdated goes when nobody uses it. */
static gpointer
listen (gpointer   data,
        GError   **error)
{
  MigLibvirtEndpoint *self = data;
  MigLibvirtConnection *connection;

  if (!mig_libvirt_event_loop_turns ())
    return MIG_LIBVIRT_DONE;

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->slots->len; i++)
    {
      Slot *slot = g_ptr_array_index (self->slots, i);

      slot->outdated = slot->outdated || is_deaf (slot);
    }
  g_mutex_unlock (&self->mutex);

  connection = mig_libvirt_endpoint_acquire (self, MIG_LIBVIRT_LANE_CONTROL, 0, NULL, NULL);
  if (connection != NULL)
    mig_libvirt_endpoint_release (self, connection);

  return MIG_LIBVIRT_DONE;
}

/* What was taken, if it is good. */
static MigLibvirtConnection *
try_taken (MigLibvirtEndpoint *self,
           Search             *search,
           GCancellable       *cancellable)
{
  if (search->deaf)
    mig_libvirt_calls_push (self->calls, listen, mig_libvirt_endpoint_ref (self),
                            (GDestroyNotify) mig_libvirt_endpoint_unref);
  if (!search->stale || is_fresh (self, search->connection, cancellable))
    return search->connection;

  mig_libvirt_endpoint_release (self, search->connection);

  return NULL;
}

MigLibvirtConnection *
mig_libvirt_endpoint_acquire (MigLibvirtEndpoint  *self,
                              MigLibvirtLane       lane,
                              double               seconds,
                              GCancellable        *cancellable,
                              GError             **error)
{
  Search search = { .lane = lane };
  double patience = seconds + self->connect_seconds;
  gint64 until = seconds < 0 ? -1 : g_get_monotonic_time () + (gint64) (patience * G_USEC_PER_SEC);
  MigLibvirtConnection *connection;
  gint64 now;

  g_mutex_lock (&self->mutex);
  search.n_failures = self->n_failures;
  g_mutex_unlock (&self->mutex);

  while (!g_cancellable_set_error_if_cancelled (cancellable, error))
    {
      guint64 ticket = mig_waiter_ticket (self->waiter);

      switch (look_and_tidy (self, &search, error))
        {
        case TAKE:
          connection = try_taken (self, &search, cancellable);
          if (connection != NULL)
            return connection;
          break;
        case OPEN_CONTROL:
          return open_and_enter (self, MIG_LIBVIRT_LANE_CONTROL, FALSE, cancellable, error);
        case OPEN_WORK:
          return open_and_enter (self, MIG_LIBVIRT_LANE_WORK, search.lent, cancellable, error);
        case WAIT:
          now = g_get_monotonic_time ();
          if (until < 0 || now < until)
            {
              mig_waiter_wait (self->waiter, ticket, now + LOOK_EVERY, cancellable);
              break;
            }
          g_set_error (error, MIG_ERROR, MIG_ERROR_CONNECTION, "%s: no connection was free within %g s",
                       mig_host_get_name (self->host), patience);
          return NULL;
        case FAIL:
        default:
          return NULL;
        }
    }

  return NULL;
}
