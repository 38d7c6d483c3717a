/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib-unix.h>
#include <libvirt/libvirt.h>
#include <unistd.h>

#include <libmig/mig-error.h>
#include <libmig/mig-libvirt-driver.h>

#include "libmig/drivers/libvirt/mig-libvirt-call-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-event-loop-private.h"

/* How long a registered loop has to fire a timeout of 0 ms; how long an answer of either kind is believed. */
#define PATIENCE (1 * G_USEC_PER_SEC)
#define TURNS_FOR (1 * G_USEC_PER_SEC)
#define STANDS_FOR (5 * G_USEC_PER_SEC)

/* A descriptor or a timer that libvirt watches. Its source is made anew at each change, so that nothing of a source
 * has to be changed while another thread may be looking at it. */
typedef struct
{
  int                     id;
  int                     fd;    /* -1 for a timer */
  int                     value; /* events, or milliseconds; 0 events and -1 ms: not watched */
  virEventHandleCallback  on_handle;
  virEventTimeoutCallback on_timeout;
  void                   *opaque;
  virFreeCallback         free_opaque;
  GSource                *source;
  gboolean                removed;
} Watch;

/* There is one loop in a process, as libvirt has it. It lives as long as the process. */
static struct
{
  GMutex        mutex;
  GMainContext *context;
  GHashTable   *watches; /* id -> Watch */
  int           last_id;
  int           stop; /* atomic */
  int           pid;  /* atomic: of the process that started it; 0: not started */
} loop;

static void
watch_clear (gpointer data)
{
  Watch *watch = data;

  g_clear_pointer (&watch->source, g_source_unref);
}

static void
watch_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, watch_clear);
}

static GIOCondition
condition_of (int events)
{
  GIOCondition condition = 0;

  if ((events & VIR_EVENT_HANDLE_READABLE) != 0)
    condition |= G_IO_IN;
  if ((events & VIR_EVENT_HANDLE_WRITABLE) != 0)
    condition |= G_IO_OUT;
  if ((events & VIR_EVENT_HANDLE_ERROR) != 0)
    condition |= G_IO_ERR;
  if ((events & VIR_EVENT_HANDLE_HANGUP) != 0)
    condition |= G_IO_HUP;

  return condition;
}

static int
events_of (GIOCondition condition)
{
  int events = 0;

  if ((condition & G_IO_IN) != 0)
    events |= VIR_EVENT_HANDLE_READABLE;
  if ((condition & G_IO_OUT) != 0)
    events |= VIR_EVENT_HANDLE_WRITABLE;
  if ((condition & (G_IO_ERR | G_IO_NVAL)) != 0)
    events |= VIR_EVENT_HANDLE_ERROR;
  if ((condition & G_IO_HUP) != 0)
    events |= VIR_EVENT_HANDLE_HANGUP;

  return events;
}

static gboolean
is_removed (Watch *watch)
{
  gboolean removed;

  g_mutex_lock (&loop.mutex);
  removed = watch->removed;
  g_mutex_unlock (&loop.mutex);

  return removed;
}

static gboolean
dispatch_handle (int          fd,
                 GIOCondition condition,
                 gpointer     data)
{
  Watch *watch = data;

  if (!is_removed (watch))
    watch->on_handle (watch->id, fd, events_of (condition), watch->opaque);

  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_timeout (gpointer data)
{
  Watch *watch = data;

  if (!is_removed (watch))
    watch->on_timeout (watch->id, watch->opaque);

  return G_SOURCE_CONTINUE;
}

/* With the lock. A callback may still be running on the loop's thread when this returns, as with any source. */
static void
watch_stop (Watch *watch)
{
  if (watch->source != NULL)
    g_source_destroy (watch->source);
  g_clear_pointer (&watch->source, g_source_unref);
}

/* With the lock. */
static void
watch_start (Watch *watch)
{
  if (watch->fd >= 0 && watch->value != 0)
    {
      watch->source = g_unix_fd_source_new (watch->fd, condition_of (watch->value));
      g_source_set_callback (watch->source, G_SOURCE_FUNC (dispatch_handle), g_atomic_rc_box_acquire (watch),
                             watch_unref);
    }
  else if (watch->fd < 0 && watch->value >= 0)
    {
      watch->source = g_timeout_source_new ((guint) watch->value);
      g_source_set_callback (watch->source, dispatch_timeout, g_atomic_rc_box_acquire (watch), watch_unref);
    }

  if (watch->source != NULL)
    g_source_attach (watch->source, loop.context);
}

static int
watch_add (Watch *watch)
{
  g_mutex_lock (&loop.mutex);
  watch->id = ++loop.last_id;
  g_hash_table_insert (loop.watches, GINT_TO_POINTER (watch->id), watch);
  watch_start (watch);
  g_mutex_unlock (&loop.mutex);

  return watch->id;
}

static int
add_handle (int                     fd,
            int                     events,
            virEventHandleCallback  callback,
            void                   *opaque,
            virFreeCallback         free_opaque)
{
  Watch *watch = g_atomic_rc_box_new0 (Watch);

  watch->fd = fd;
  watch->value = events;
  watch->on_handle = callback;
  watch->opaque = opaque;
  watch->free_opaque = free_opaque;

  return watch_add (watch);
}

static int
add_timeout (int                      milliseconds,
             virEventTimeoutCallback  callback,
             void                    *opaque,
             virFreeCallback          free_opaque)
{
  Watch *watch = g_atomic_rc_box_new0 (Watch);

  watch->fd = -1;
  watch->value = milliseconds;
  watch->on_timeout = callback;
  watch->opaque = opaque;
  watch->free_opaque = free_opaque;

  return watch_add (watch);
}

static void
update (int id,
        int value)
{
  Watch *watch;

  g_mutex_lock (&loop.mutex);
  watch = g_hash_table_lookup (loop.watches, GINT_TO_POINTER (id));
  if (watch != NULL && watch->value != value)
    {
      watch_stop (watch);
      watch->value = value;
      watch_start (watch);
    }
  g_mutex_unlock (&loop.mutex);
}

static gboolean
free_opaque_later (gpointer data)
{
  Watch *watch = data;

  watch->free_opaque (watch->opaque);

  return G_SOURCE_REMOVE;
}

static int
remove_watch (int id)
{
  GSource *source;
  Watch *watch;

  g_mutex_lock (&loop.mutex);
  watch = g_hash_table_lookup (loop.watches, GINT_TO_POINTER (id));
  if (watch != NULL)
    {
      watch_stop (watch);
      watch->removed = TRUE;
      g_hash_table_steal (loop.watches, GINT_TO_POINTER (id));
    }
  g_mutex_unlock (&loop.mutex);
  if (watch == NULL)
    return -1;

  /* libvirt holds locks now that freeing would take, and a callback may be running: not before the loop has come
   * round. */
  if (watch->free_opaque != NULL)
    {
      source = g_idle_source_new ();
      g_source_set_priority (source, G_PRIORITY_DEFAULT);
      g_source_set_callback (source, free_opaque_later, g_atomic_rc_box_acquire (watch), watch_unref);
      g_source_attach (source, loop.context);
      g_source_unref (source);
    }
  watch_unref (watch);

  return 0;
}

static gpointer
loop_main (gpointer data)
{
  mig_libvirt_block_sigpipe ();
  while (!g_atomic_int_get (&loop.stop))
    g_main_context_iteration (loop.context, TRUE);

  return NULL;
}

static void
nothing (int   timer,
         void *opaque)
{
}

static gboolean
set_taken (GError **error)
{
  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE,
                       "This process has registered an event loop with libvirt already");

  return FALSE;
}

/* libvirt keeps the loop that was registered first, without a word to the others: it is ours if a timer ends up with
 * us. */
static gboolean
is_ours (void)
{
  int before, after, timer;

  g_mutex_lock (&loop.mutex);
  before = loop.last_id;
  g_mutex_unlock (&loop.mutex);

  timer = virEventAddTimeout (-1, nothing, NULL, NULL);
  if (timer >= 0)
    virEventRemoveTimeout (timer);

  g_mutex_lock (&loop.mutex);
  after = loop.last_id;
  g_mutex_unlock (&loop.mutex);

  return after != before;
}

static gboolean
start_loop (GError **error)
{
  GThread *thread;

  loop.context = g_main_context_new ();
  loop.watches = g_hash_table_new (NULL, NULL);
  thread = g_thread_try_new ("mig-libvirt", loop_main, NULL, error);
  if (thread != NULL)
    virEventRegisterImpl (add_handle, update, remove_watch, add_timeout, update, remove_watch);
  if (thread != NULL && is_ours ())
    {
      g_thread_unref (thread);
      return TRUE;
    }

  if (thread != NULL)
    {
      g_atomic_int_set (&loop.stop, TRUE);
      g_main_context_wakeup (loop.context);
      g_thread_join (thread);
      g_atomic_int_set (&loop.stop, FALSE);
      set_taken (error);
    }
  g_clear_pointer (&loop.watches, g_hash_table_unref);
  g_clear_pointer (&loop.context, g_main_context_unref);

  return FALSE;
}

/**
 * mig_libvirt_start_event_thread:
 * @error: return location of an error
 *
 * Gives libvirt an event loop on a thread of its own, for the whole process and for good. Without a loop that turns
 * libmig polls; with one it does not wait for a poll, and dead connections are noticed.
 *
 * A program that runs a loop of its own for libvirt (virEventRegisterDefaultImpl and what turns it) needs this not.
 * Call it before the first connection to libvirt is opened: connections that are open already do not take part, and
 * those of libmig that should are replaced only a little later. Calling it again is harmless.
 *
 * Errors: %MIG_ERROR_INVALID_STATE when the process has registered another event loop with libvirt, and in a child
 * that was forked after it.
 *
 * Returns: whether the loop turns
 *
 * Since: 0.1
 */
gboolean
mig_libvirt_start_event_thread (GError **error)
{
  static GMutex starting;
  int owner = g_atomic_int_get (&loop.pid);
  gboolean started = FALSE;
  int timer;

  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (owner != 0 && owner != getpid ())
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE,
                           "The event thread was started before this process was forked");
      return FALSE;
    }

  virInitialize ();
  g_mutex_lock (&starting);
  if (g_atomic_int_get (&loop.pid) != 0)
    {
      started = TRUE;
    }
  else if ((timer = virEventAddTimeout (-1, nothing, NULL, NULL)) >= 0)
    {
      virEventRemoveTimeout (timer);
      set_taken (error);
    }
  else
    {
      started = start_loop (error);
      g_atomic_int_set (&loop.pid, started ? getpid () : 0);
    }
  g_mutex_unlock (&starting);

  return started;
}

/* One timer of ours in whatever loop there is; it sleeps unless somebody asks. */
static struct
{
  GMutex mutex;
  GCond  fired;
  int    timer; /* -1: none yet */
  gint64 last_fired;
  gint64 last_missed;
} pulse = { .timer = -1 };

static void
on_pulse (int   timer,
          void *opaque)
{
  virEventUpdateTimeout (timer, -1);

  g_mutex_lock (&pulse.mutex);
  pulse.last_fired = g_get_monotonic_time ();
  g_cond_broadcast (&pulse.fired);
  g_mutex_unlock (&pulse.mutex);
}

/* With the lock, which libvirt's loop may need while it is asked. */
static gboolean
ask_for_pulse (void)
{
  int timer = pulse.timer;

  g_mutex_unlock (&pulse.mutex);
  if (timer < 0)
    timer = virEventAddTimeout (0, on_pulse, NULL, NULL);
  else
    virEventUpdateTimeout (timer, 0);
  g_mutex_lock (&pulse.mutex);

  if (timer < 0)
    return FALSE;

  /* Two threads may both have been the first; the spare timer sleeps for ever once it has fired. */
  pulse.timer = timer;

  return TRUE;
}

gboolean
mig_libvirt_event_loop_turns (void)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&pulse.mutex);
  gint64 now = g_get_monotonic_time ();

  if (pulse.last_fired != 0 && now - pulse.last_fired < TURNS_FOR)
    return TRUE;
  if (pulse.last_missed != 0 && now - pulse.last_missed < STANDS_FOR)
    return FALSE;
  if (!ask_for_pulse ())
    return FALSE;

  while (pulse.last_fired < now)
    {
      if (!g_cond_wait_until (&pulse.fired, &pulse.mutex, now + PATIENCE))
        {
          pulse.last_missed = g_get_monotonic_time ();
          return FALSE;
        }
    }

  return TRUE;
}
