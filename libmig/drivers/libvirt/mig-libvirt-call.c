/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <signal.h>

#include <libmig/mig-error.h>

#include "libmig/core/mig-waiter-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-call-private.h"

/* How long a thread waits for another call before it goes. */
#define IDLE_SECONDS 5

typedef enum {
  QUEUED,
  RUNNING,
  RETURNED,
  ABANDONED,
} CallState;

/* Guarded by the mutex of the pool that makes the calls. */
struct _MigLibvirtTally
{
  guint n_abandoned;
};

/* One call. The caller and the thread hold a reference each; everything but the constants is guarded by the pool's
 * mutex. */
typedef struct
{
  MigLibvirtCallFunc func;
  gpointer           data;
  GDestroyNotify     free_data;
  GDestroyNotify     free_result;
  MigLibvirtTally   *tally; /* NULL when nobody waits for it */
  MigWaiter         *waiter;
  CallState          state;
  gpointer           result;
  GError            *error;
} Call;

struct _MigLibvirtCalls
{
  GMutex      mutex;
  GCond       work;    /* a call was queued, or the pool was closed */
  GCond       changed; /* a thread went, or a call was given up */
  GQueue      queue;   /* of Call */
  GHashTable *threads; /* set of GThread: those that have not ended yet */
  gboolean    closed;
  guint       max_abandoned;
  guint       n_abandoned; /* of all hosts */
  guint       n_idle;
};

static void
call_clear (gpointer data)
{
  Call *call = data;

  if (call->data != NULL && call->free_data != NULL)
    call->free_data (call->data);
  if (call->result != NULL && call->free_result != NULL)
    call->free_result (call->result);
  g_clear_error (&call->error);
  g_clear_pointer (&call->tally, mig_libvirt_tally_unref);
  mig_waiter_unref (call->waiter);
}

MigLibvirtTally *
mig_libvirt_tally_new (void)
{
  return g_atomic_rc_box_new0 (MigLibvirtTally);
}

MigLibvirtTally *
mig_libvirt_tally_ref (MigLibvirtTally *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
mig_libvirt_tally_unref (MigLibvirtTally *self)
{
  g_atomic_rc_box_release (self);
}

static Call *
call_new (MigLibvirtCallFunc func,
          gpointer           data,
          GDestroyNotify     free_data,
          GDestroyNotify     free_result)
{
  Call *call = g_atomic_rc_box_new0 (Call);

  call->func = func;
  call->data = data;
  call->free_data = free_data;
  call->free_result = free_result;
  call->waiter = mig_waiter_new ();

  return call;
}

static void
call_unref (Call *call)
{
  g_atomic_rc_box_release_full (call, call_clear);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_unref)

/* Only ever run by one thread, without the lock. */
static void
call_execute (Call      *call,
              gpointer  *result,
              GError   **error)
{
  gpointer data = g_steal_pointer (&call->data);

  *result = call->func (data, error);
  if (data != NULL && call->free_data != NULL)
    call->free_data (data);
}

static void
pool_clear (gpointer data)
{
  MigLibvirtCalls *self = data;

  g_queue_clear_full (&self->queue, (GDestroyNotify) call_unref);
  g_hash_table_unref (self->threads);
  g_cond_clear (&self->changed);
  g_cond_clear (&self->work);
  g_mutex_clear (&self->mutex);
}

MigLibvirtCalls *
mig_libvirt_calls_new (guint max_abandoned)
{
  MigLibvirtCalls *self = g_atomic_rc_box_new0 (MigLibvirtCalls);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->work);
  g_cond_init (&self->changed);
  g_queue_init (&self->queue);
  self->threads = g_hash_table_new (NULL, NULL);
  self->max_abandoned = max_abandoned;

  return self;
}

MigLibvirtCalls *
mig_libvirt_calls_ref (MigLibvirtCalls *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
mig_libvirt_calls_unref (MigLibvirtCalls *self)
{
  g_atomic_rc_box_release_full (self, pool_clear);
}

void
mig_libvirt_calls_set_max (MigLibvirtCalls *self,
                           guint            max_abandoned)
{
  g_mutex_lock (&self->mutex);
  self->max_abandoned = max_abandoned;
  g_mutex_unlock (&self->mutex);
}

guint
mig_libvirt_calls_get_abandoned (MigLibvirtCalls *self)
{
  guint n;

  g_mutex_lock (&self->mutex);
  n = self->n_abandoned;
  g_mutex_unlock (&self->mutex);

  return n;
}

guint
mig_libvirt_calls_get_threads (MigLibvirtCalls *self)
{
  guint n;

  g_mutex_lock (&self->mutex);
  n = g_hash_table_size (self->threads);
  g_mutex_unlock (&self->mutex);

  return n;
}

/* With the lock: the next call, or NULL when the thread shall go. */
static Call *
wait_for_work (MigLibvirtCalls *self)
{
  gint64 until = g_get_monotonic_time () + IDLE_SECONDS * G_USEC_PER_SEC;

  self->n_idle++;
  while (g_queue_is_empty (&self->queue) && !self->closed)
    {
      if (!g_cond_wait_until (&self->work, &self->mutex, until))
        break;
    }
  self->n_idle--;

  return g_queue_pop_head (&self->queue);
}

void
mig_libvirt_block_sigpipe (void)
{
  sigset_t set;

  sigemptyset (&set);
  sigaddset (&set, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &set, NULL);
}

static gpointer
thread_main (gpointer data)
{
  g_autoptr (MigLibvirtCalls) self = data;
  Call *call;

  mig_libvirt_block_sigpipe ();
  g_mutex_lock (&self->mutex);
  while ((call = wait_for_work (self)) != NULL)
    {
      GError *error = NULL;
      gpointer result;

      call->state = RUNNING;
      g_mutex_unlock (&self->mutex);

      call_execute (call, &result, &error);

      g_mutex_lock (&self->mutex);
      call->result = result;
      call->error = error;
      if (call->state == ABANDONED)
        {
          self->n_abandoned--;
          call->tally->n_abandoned--;
        }
      call->state = RETURNED;
      g_mutex_unlock (&self->mutex);

      /* Outside the lock: what nobody waits for is freed here. */
      mig_waiter_wake (call->waiter);
      call_unref (call);
      g_mutex_lock (&self->mutex);
    }
  g_hash_table_remove (self->threads, g_thread_self ());
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->mutex);

  return NULL;
}

/* With the lock: makes sure that somebody will take what is queued. */
static gboolean
ensure_thread (MigLibvirtCalls  *self,
               GError          **error)
{
  GThread *thread;

  if (self->n_idle >= g_queue_get_length (&self->queue) + 1)
    return TRUE;

  thread = g_thread_try_new ("mig-call", thread_main, mig_libvirt_calls_ref (self), NULL);
  if (thread == NULL)
    {
      mig_libvirt_calls_unref (self);
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_BUSY, "No thread can be started for another call");
      return FALSE;
    }
  g_hash_table_add (self->threads, thread);
  g_thread_unref (thread);

  return TRUE;
}

/* Takes @call over when it succeeds. */
static gboolean
submit (MigLibvirtCalls  *self,
        Call             *call,
        GError          **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  if (self->closed)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "The driver has been closed");
      return FALSE;
    }
  if (call->tally->n_abandoned >= self->max_abandoned)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "%u calls that the host has not answered are still out",
                   call->tally->n_abandoned);
      return FALSE;
    }
  if (!ensure_thread (self, error))
    return FALSE;

  g_queue_push_tail (&self->queue, call);
  g_cond_signal (&self->work);

  return TRUE;
}

/* Takes the outcome out of a call that has returned, or gives the call up. */
static gpointer
settle (MigLibvirtCalls    *self,
        Call               *call,
        gboolean            cancelled,
        MigLibvirtCallEnd  *end,
        GError            **error)
{
  gpointer result = NULL;
  gboolean withdrawn = FALSE;

  g_mutex_lock (&self->mutex);
  switch (call->state)
    {
    case QUEUED:
      withdrawn = g_queue_remove (&self->queue, call);
      *end = MIG_LIBVIRT_CALL_REFUSED;
      break;
    case RUNNING:
      call->state = ABANDONED;
      self->n_abandoned++;
      call->tally->n_abandoned++;
      g_cond_broadcast (&self->changed);
      *end = cancelled ? MIG_LIBVIRT_CALL_CANCELLED : MIG_LIBVIRT_CALL_LATE;
      break;
    case RETURNED:
      result = g_steal_pointer (&call->result);
      if (call->error != NULL)
        g_propagate_error (error, g_steal_pointer (&call->error));
      *end = MIG_LIBVIRT_CALL_RETURNED;
      break;
    case ABANDONED:
    default:
      g_assert_not_reached ();
    }
  g_mutex_unlock (&self->mutex);

  /* The queue's reference. */
  if (withdrawn)
    call_unref (call);

  return result;
}

gpointer
mig_libvirt_calls_run (MigLibvirtCalls     *self,
                       MigLibvirtTally     *tally,
                       const char          *what,
                       MigLibvirtCallFunc   func,
                       gpointer             data,
                       GDestroyNotify       free_data,
                       GDestroyNotify       free_result,
                       double               seconds,
                       GCancellable        *cancellable,
                       MigLibvirtCallEnd   *end,
                       GError             **error)
{
  g_autoptr (Call) call = call_new (func, data, free_data, free_result);
  gint64 until = seconds < 0 ? -1 : g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  guint64 ticket = mig_waiter_ticket (call->waiter);
  gboolean cancelled;
  gpointer result;

  call->tally = mig_libvirt_tally_ref (tally);
  *end = MIG_LIBVIRT_CALL_REFUSED;
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;

  g_atomic_rc_box_acquire (call);
  if (!submit (self, call, error))
    {
      call_unref (call);
      return NULL;
    }

  mig_waiter_wait (call->waiter, ticket, until, cancellable);
  cancelled = g_cancellable_is_cancelled (cancellable);
  result = settle (self, call, cancelled, end, error);
  if (*end != MIG_LIBVIRT_CALL_RETURNED && cancelled)
    g_cancellable_set_error_if_cancelled (cancellable, error);
  else if (*end != MIG_LIBVIRT_CALL_RETURNED)
    g_set_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT, "No answer after %g s while %s", seconds, what);

  return result;
}

void
mig_libvirt_calls_push (MigLibvirtCalls    *self,
                        MigLibvirtCallFunc  func,
                        gpointer            data,
                        GDestroyNotify      free_data)
{
  g_autoptr (Call) call = call_new (func, data, free_data, NULL);
  gpointer result;
  gboolean queued;

  g_mutex_lock (&self->mutex);
  queued = ensure_thread (self, NULL);
  if (queued)
    {
      g_queue_push_tail (&self->queue, g_atomic_rc_box_acquire (call));
      g_cond_signal (&self->work);
    }
  g_mutex_unlock (&self->mutex);

  if (!queued)
    call_execute (call, &result, NULL);
}

void
mig_libvirt_calls_close (MigLibvirtCalls *self,
                         double           seconds)
{
  gint64 until = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  guint n_others;

  g_mutex_lock (&self->mutex);
  self->closed = TRUE;
  g_cond_broadcast (&self->work);
  /* Each abandoned call occupies one thread; neither those nor the calling thread are waited for. */
  n_others = g_hash_table_contains (self->threads, g_thread_self ()) ? 1 : 0;
  while (g_hash_table_size (self->threads) > self->n_abandoned + n_others)
    {
      if (!g_cond_wait_until (&self->changed, &self->mutex, until))
        break;
    }
  g_mutex_unlock (&self->mutex);
}
