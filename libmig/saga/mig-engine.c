/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-engine-private.h"

#include <unistd.h>

#include "libmig/core/mig-waiter-private.h"
#include "libmig/saga/mig-operation-core-private.h"

#define SETTLE_TIME 35.0
#define WAIT_LIMIT 8 /* settle times: long enough for a host to start anew, and a multiple of what the user can set */
#define RETRY_PAUSE 0.2

struct _MigEngine
{
  GObject              *cluster; /* not owned: it owns this */
  MigStateStore        *store;
  const MigEngineHooks *hooks;
  char                 *owner;
  MigWaiter            *waiter; /* woken when an operation leaves */

  GMutex                mutex; /* of all that follows */
  double                settle_time;
  double                retry_pause;
  gboolean              closed;
  GHashTable           *operations; /* id to MigOperation */
  GHashTable           *claims;     /* id to GWeakRef of an operation that has not been run */
  GPtrArray            *threads;    /* of Thread, running or not yet joined */
};

typedef struct
{
  GThread       *thread;
  MigEngineFunc  func;
  gpointer       data;
  gint           ended;
} Thread;

static GQuark
engine_quark (void)
{
  return g_quark_from_static_string ("mig-engine");
}

/* For people who read the owner of an operation: which machine, which process, and something that no other cluster
 * has. */
static char *
make_owner (void)
{
  g_autofree char *unique = g_uuid_string_random ();

  return g_strdup_printf ("%s.%d.%.8s", g_get_host_name (), (int) getpid (), unique);
}

static void
engine_free (gpointer data)
{
  MigEngine *self = data;

  mig_engine_join (self);
  g_ptr_array_unref (self->threads);
  g_hash_table_unref (self->operations);
  g_hash_table_unref (self->claims);
  mig_waiter_unref (self->waiter);
  g_mutex_clear (&self->mutex);
  g_clear_object (&self->store);
  g_free (self->owner);
  g_free (self);
}

static void
free_weak (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

MigEngine *
mig_engine_attach (GObject              *cluster,
                   MigStateStore        *store,
                   const MigEngineHooks *hooks)
{
  MigEngine *self = g_new0 (MigEngine, 1);

  self->cluster = cluster;
  g_set_object (&self->store, store);
  self->hooks = hooks;
  self->owner = make_owner ();
  self->waiter = mig_waiter_new ();
  g_mutex_init (&self->mutex);
  self->settle_time = SETTLE_TIME;
  self->retry_pause = RETRY_PAUSE;
  self->operations = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->claims = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_weak);
  self->threads = g_ptr_array_new ();
  g_object_set_qdata_full (cluster, engine_quark (), self, engine_free);

  return self;
}

MigEngine *
mig_engine_of (GObject *cluster)
{
  MigEngine *self = g_object_get_qdata (cluster, engine_quark ());

  g_assert (self != NULL);

  return self;
}

MigStateStore *
mig_engine_get_store (MigEngine *self)
{
  return self->store;
}

const char *
mig_engine_get_owner (MigEngine *self)
{
  return self->owner;
}

const MigEngineHooks *
mig_engine_get_hooks (MigEngine *self)
{
  return self->hooks;
}

static double
read_double (MigEngine *self,
             double    *field)
{
  double value;

  g_mutex_lock (&self->mutex);
  value = *field;
  g_mutex_unlock (&self->mutex);

  return value;
}

static void
write_double (MigEngine *self,
              double    *field,
              double     value)
{
  g_mutex_lock (&self->mutex);
  *field = value;
  g_mutex_unlock (&self->mutex);
}

double
mig_engine_get_settle_time (MigEngine *self)
{
  return read_double (self, &self->settle_time);
}

void
mig_engine_set_settle_time (MigEngine *self,
                            double     seconds)
{
  write_double (self, &self->settle_time, seconds);
}

double
mig_engine_get_wait_limit (MigEngine *self)
{
  return WAIT_LIMIT * mig_engine_get_settle_time (self);
}

double
mig_engine_get_retry_pause (MigEngine *self)
{
  return read_double (self, &self->retry_pause);
}

void
mig_engine_set_retry_pause (MigEngine *self,
                            double     seconds)
{
  write_double (self, &self->retry_pause, seconds);
}

/* With the lock; owned, to be let go of without it. NULL: there is none any more. */
static MigOperation *
ref_claim (MigEngine  *self,
           const char *id)
{
  GWeakRef *weak = g_hash_table_lookup (self->claims, id);
  MigOperation *operation = weak != NULL ? g_weak_ref_get (weak) : NULL;

  if (operation == NULL)
    g_hash_table_remove (self->claims, id);

  return operation;
}

MigOperation *
mig_engine_register (MigEngine     *self,
                     MigOperation  *operation,
                     GError       **error)
{
  const char *id = mig_operation_get_id (operation);
  g_autoptr (MigOperation) claim = NULL;
  MigOperation *other;

  g_mutex_lock (&self->mutex);
  claim = ref_claim (self, id);
  if (claim == operation) /* from here on it runs, or nobody will run it */
    g_hash_table_remove (self->claims, id);
  other = g_hash_table_lookup (self->operations, id);
  if (other != NULL)
    g_object_ref (other);
  else if (self->closed)
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "the cluster has been closed");
  else
    g_hash_table_insert (self->operations, g_strdup (id), g_object_ref (operation));
  g_mutex_unlock (&self->mutex);

  return other;
}

void
mig_engine_unregister (MigEngine    *self,
                       MigOperation *operation)
{
  const char *id = mig_operation_get_id (operation);
  g_autoptr (MigOperation) kept = NULL; /* let go without the lock */

  g_mutex_lock (&self->mutex);
  if (g_hash_table_lookup (self->operations, id) == operation)
    {
      kept = g_object_ref (operation);
      g_hash_table_remove (self->operations, id);
    }
  g_mutex_unlock (&self->mutex);

  mig_waiter_wake (self->waiter);
}

MigOperation *
mig_engine_lookup (MigEngine  *self,
                   const char *id)
{
  MigOperation *operation;

  g_mutex_lock (&self->mutex);
  operation = g_hash_table_lookup (self->operations, id);
  if (operation != NULL)
    g_object_ref (operation);
  g_mutex_unlock (&self->mutex);

  return operation;
}

GPtrArray *
mig_engine_list (MigEngine *self)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  gpointer operation;

  g_mutex_lock (&self->mutex);
  g_hash_table_iter_init (&iter, self->operations);
  while (g_hash_table_iter_next (&iter, NULL, &operation))
    g_ptr_array_add (list, g_object_ref (operation));
  g_mutex_unlock (&self->mutex);

  return list;
}

gboolean
mig_engine_note_claim (MigEngine    *self,
                       MigOperation *operation)
{
  const char *id = mig_operation_get_id (operation);
  g_autoptr (MigOperation) before = NULL;
  gboolean first;

  g_mutex_lock (&self->mutex);
  before = ref_claim (self, id);
  first = !g_hash_table_contains (self->operations, id) && (before == NULL || before == operation);
  if (first && before == NULL)
    {
      GWeakRef *weak = g_new0 (GWeakRef, 1);

      g_weak_ref_init (weak, operation);
      g_hash_table_insert (self->claims, g_strdup (id), weak);
    }
  g_mutex_unlock (&self->mutex);

  return first;
}

gboolean
mig_engine_has (MigEngine  *self,
                const char *id)
{
  g_autoptr (MigOperation) claim = NULL;
  gboolean found;

  g_mutex_lock (&self->mutex);
  claim = ref_claim (self, id);
  found = claim != NULL || g_hash_table_contains (self->operations, id);
  g_mutex_unlock (&self->mutex);

  return found;
}

static gpointer
thread_main (gpointer data)
{
  Thread *thread = data;

  thread->func (thread->data);
  g_atomic_int_set (&thread->ended, 1);
  g_atomic_rc_box_release (thread);

  return NULL;
}

/* A thread can end up here itself, when it held the last reference to the cluster: it cannot join itself. */
static void
thread_free (Thread *thread)
{
  if (thread->thread == g_thread_self ())
    g_thread_unref (thread->thread);
  else
    g_thread_join (thread->thread);
  g_atomic_rc_box_release (thread);
}

static void
take_threads (MigEngine *self,
              gboolean   all,
              GPtrArray *taken)
{
  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->threads->len;)
    {
      Thread *thread = g_ptr_array_index (self->threads, i);

      if (all || g_atomic_int_get (&thread->ended) != 0)
        g_ptr_array_add (taken, g_ptr_array_remove_index_fast (self->threads, i));
      else
        i++;
    }
  g_mutex_unlock (&self->mutex);
}

gboolean
mig_engine_spawn (MigEngine     *self,
                  const char    *name,
                  MigEngineFunc  func,
                  gpointer       data,
                  GError       **error)
{
  g_autoptr (GPtrArray) ended = g_ptr_array_new_with_free_func ((GDestroyNotify) thread_free);
  Thread *thread = g_atomic_rc_box_new0 (Thread); /* the list's */
  g_autoptr (GError) local = NULL;

  take_threads (self, FALSE, ended);

  thread->func = func;
  thread->data = data;

  /* Under the lock, so that whoever finds the thread in the list finds it whole. */
  g_mutex_lock (&self->mutex);
  thread->thread = g_thread_try_new (name, thread_main, g_atomic_rc_box_acquire (thread), &local);
  if (thread->thread != NULL)
    g_ptr_array_add (self->threads, thread);
  g_mutex_unlock (&self->mutex);

  if (thread->thread == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "no thread could be started: %s", local->message);
      g_atomic_rc_box_release (thread); /* the thread's */
      g_atomic_rc_box_release (thread);
      return FALSE;
    }

  return TRUE;
}

void
mig_engine_close (MigEngine *self)
{
  g_mutex_lock (&self->mutex);
  self->closed = TRUE;
  g_mutex_unlock (&self->mutex);
}

gboolean
mig_engine_is_closed (MigEngine *self)
{
  gboolean closed;

  g_mutex_lock (&self->mutex);
  closed = self->closed;
  g_mutex_unlock (&self->mutex);

  return closed;
}

static gboolean
is_empty (MigEngine *self)
{
  gboolean empty;

  g_mutex_lock (&self->mutex);
  empty = g_hash_table_size (self->operations) == 0;
  g_mutex_unlock (&self->mutex);

  return empty;
}

gboolean
mig_engine_wait (MigEngine     *self,
                 GCancellable  *cancellable,
                 GError       **error)
{
  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (self->waiter);

      if (is_empty (self))
        return TRUE;
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      mig_waiter_wait (self->waiter, ticket, -1, cancellable);
    }
}

void
mig_engine_join (MigEngine *self)
{
  g_autoptr (GPtrArray) threads = g_ptr_array_new_with_free_func ((GDestroyNotify) thread_free);

  take_threads (self, TRUE, threads);
}
