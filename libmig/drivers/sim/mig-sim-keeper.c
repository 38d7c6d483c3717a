/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-keeper-private.h"

#include <time.h>

#include <libmig/mig-error.h>

/* How often a shared file is looked at for what other processes do, in microseconds: while jobs run, and else. */
#define BUSY_INTERVAL (2 * G_TIME_SPAN_MILLISECOND)
#define IDLE_INTERVAL (20 * G_TIME_SPAN_MILLISECOND)

struct _MigSimKeeper
{
  gatomicrefcount ref_count;

  GMutex        mutex; /* all below, but what is set once */
  GCond         cond;
  MigSimWorld  *world;
  MigSimFile   *file; /* or NULL */
  MigSimFaults *faults;
  MigSimClient  client;
  gboolean      events;
  int           closed; /* atomic */
  guint64       announced;   /* the world's n_changes when the waiting were last woken */
  guint64       seen_serial; /* of the last event that was told */
  GThread      *ticker;
  GHashTable   *hosts; /* name → MigHost, for events */
  gpointer      driver; /* borrowed: it closes this before it goes, which waits for the thread */
};

static gint64
boottime (void)
{
  struct timespec now;

  clock_gettime (CLOCK_BOOTTIME, &now);

  return now.tv_sec * (gint64) G_USEC_PER_SEC + now.tv_nsec / 1000;
}

void
mig_sim_keeper_unref (MigSimKeeper *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_hash_table_unref (self->hosts);
  mig_sim_faults_free (self->faults);
  mig_sim_world_free (self->world);
  g_clear_pointer (&self->file, mig_sim_file_close);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/* Takes the world as it is now. The mutex is held. */
static MigSimWorld *
take (MigSimKeeper  *self,
      GError       **error)
{
  if (self->file != NULL && !mig_sim_file_lock (self->file, error))
    return NULL;
  if (self->file != NULL && !mig_sim_file_load (self->file, &self->world, error))
    {
      mig_sim_file_unlock (self->file);
      return NULL;
    }

  self->world->self = self->client;
  self->world->halts = mig_sim_faults_awaits (self->faults, MIG_SIM_SWITCH_OVER);
  mig_sim_world_advance (self->world, boottime ());

  return self->world;
}

/* Something in this process may have to end at the switch-over of one of its migrations. */
static gboolean
count_switch_overs (MigSimKeeper *self)
{
  gboolean ends = FALSE;
  MigSimFault fault;

  for (; self->world->n_switch_overs > 0; self->world->n_switch_overs--)
    ends |= mig_sim_faults_count (self->faults, MIG_SIM_SWITCH_OVER, &fault);

  return ends;
}

static gpointer tick (gpointer data);

/* Gives the world back. The mutex stays held. */
static gboolean
give (MigSimKeeper  *self,
      GError       **error)
{
  gboolean ends = count_switch_overs (self);
  gboolean ok = TRUE;

  if (self->file != NULL)
    {
      ok = mig_sim_file_save (self->file, self->world, error);
      mig_sim_file_unlock (self->file);
    }
  if (ends)
    mig_sim_end_process ();

  if (self->announced != self->world->n_changes)
    {
      self->announced = self->world->n_changes;
      g_cond_broadcast (&self->cond);
      if (self->ticker == NULL && !self->closed)
        {
          g_atomic_ref_count_inc (&self->ref_count);
          self->ticker = g_thread_new ("mig-sim", tick, self);
        }
    }

  return ok;
}

/* What has not been told yet. */
static GPtrArray *
collect_events (MigSimKeeper *self)
{
  GPtrArray *events = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_sim_event_free);

  for (GList *link = self->world->events->head; link != NULL; link = link->next)
    {
      MigSimEvent *event = link->data;

      if (event->serial <= self->seen_serial)
        continue;
      self->seen_serial = event->serial;
      if (!self->events)
        continue;

      event = g_memdup2 (event, sizeof *event);
      event->host = g_strdup (event->host);
      event->domain = g_strdup (event->domain);
      event->detail = g_strdup (event->detail);
      g_ptr_array_add (events, event);
    }
  if (self->file == NULL)
    g_queue_clear_full (self->world->events, (GDestroyNotify) mig_sim_event_free);

  return events;
}

/* Called on the ticker's thread only. */
static MigHost *
get_host (MigSimKeeper *self,
          const char   *name)
{
  MigHost *host = g_hash_table_lookup (self->hosts, name);

  if (host == NULL)
    {
      g_autofree char *uri = g_strconcat ("sim:///", name, NULL);

      host = mig_host_new (name, uri);
      g_hash_table_insert (self->hosts, g_strdup (name), host);
    }

  return host;
}

static void
tell (MigSimKeeper *self,
      GPtrArray    *events)
{
  g_mutex_unlock (&self->mutex);
  for (guint i = 0; i < events->len; i++)
    {
      MigSimEvent *event = g_ptr_array_index (events, i);

      /* A handler may have dropped the last reference but the one that the emission held. */
      if (g_atomic_int_get (&self->closed))
        break;
      mig_compute_driver_emit_event (self->driver, get_host (self, event->host), event->domain, event->event,
                                     event->detail);
    }
  g_mutex_lock (&self->mutex);
}

/* When to look again, by g_get_monotonic_time(); -1: when there is news. */
static gint64
next_look (MigSimKeeper *self)
{
  gint64 due = mig_sim_world_get_next_due (self->world);
  gint64 wait = due == MIG_SIM_NEVER ? -1 : MAX (0, due - boottime ());
  gboolean busy = due != MIG_SIM_NEVER || self->world->migrations->len > 0;
  gint64 limit = busy ? BUSY_INTERVAL : IDLE_INTERVAL;

  if (self->file != NULL)
    wait = wait < 0 ? limit : MIN (wait, limit);

  return wait < 0 ? -1 : g_get_monotonic_time () + wait;
}

static gpointer
tick (gpointer data)
{
  MigSimKeeper *self = data;

  g_mutex_lock (&self->mutex);
  while (!self->closed)
    {
      g_autoptr (GPtrArray) events = NULL;
      gint64 until;

      if (take (self, NULL) == NULL)
        {
          g_cond_wait_until (&self->cond, &self->mutex, g_get_monotonic_time () + IDLE_INTERVAL);
          continue;
        }
      events = collect_events (self);
      until = next_look (self);
      give (self, NULL);

      if (events->len > 0 && self->driver != NULL)
        tell (self, events);
      else if (until < 0)
        g_cond_wait (&self->cond, &self->mutex);
      else
        g_cond_wait_until (&self->cond, &self->mutex, until);
    }
  g_mutex_unlock (&self->mutex);
  mig_sim_keeper_unref (self);

  return NULL;
}

MigSimKeeper *
mig_sim_keeper_new (const char  *path,
                    GError     **error)
{
  g_autoptr (MigSimFile) file = NULL;
  MigSimKeeper *self;

  if (path != NULL)
    {
      file = mig_sim_file_open (path, error);
      if (file == NULL)
        return NULL;
    }

  self = g_new0 (MigSimKeeper, 1);
  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  self->hosts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->faults = mig_sim_faults_new ();
  self->world = mig_sim_world_new ();
  self->file = g_steal_pointer (&file);
  self->events = TRUE;
  mig_sim_client_init (&self->client);

  if (mig_sim_keeper_enter (self, error) == NULL)
    {
      mig_sim_keeper_unref (self);
      return NULL;
    }
  self->seen_serial = self->world->last_serial;
  mig_sim_world_changed (self->world);
  if (!mig_sim_keeper_leave (self, error))
    {
      mig_sim_keeper_close (self);
      mig_sim_keeper_unref (self);
      return NULL;
    }

  return self;
}

void
mig_sim_keeper_set_driver (MigSimKeeper     *self,
                           MigComputeDriver *driver)
{
  g_mutex_lock (&self->mutex);
  self->driver = driver;
  g_mutex_unlock (&self->mutex);
}

void
mig_sim_keeper_set_events (MigSimKeeper *self,
                           gboolean      enabled)
{
  g_mutex_lock (&self->mutex);
  self->events = enabled;
  g_mutex_unlock (&self->mutex);
}

static void
hang_up (MigSimKeeper *self,
         MigSimWorld  *world)
{
  for (guint i = 0; i < world->migrations->len; i++)
    {
      MigSimMigration *migration = g_ptr_array_index (world->migrations, i);

      if (!mig_sim_client_equal (&migration->client, &self->client))
        continue;
      migration->client_gone = TRUE;
      migration->silent = TRUE;
      mig_sim_world_changed (world);
    }
}

void
mig_sim_keeper_close (MigSimKeeper *self)
{
  MigSimWorld *world;
  GThread *ticker;

  g_mutex_lock (&self->mutex);
  g_atomic_int_set (&self->closed, TRUE);
  world = take (self, NULL);
  if (world != NULL)
    {
      hang_up (self, world);
      give (self, NULL);
    }
  ticker = g_steal_pointer (&self->ticker);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);

  if (ticker == g_thread_self ())
    g_thread_unref (ticker);
  else if (ticker != NULL)
    g_thread_join (ticker);
}

MigSimWorld *
mig_sim_keeper_enter (MigSimKeeper  *self,
                      GError       **error)
{
  MigSimWorld *world;

  g_mutex_lock (&self->mutex);
  world = take (self, error);
  if (world == NULL)
    g_mutex_unlock (&self->mutex);

  return world;
}

gboolean
mig_sim_keeper_leave (MigSimKeeper  *self,
                      GError       **error)
{
  gboolean ok = give (self, error);

  g_mutex_unlock (&self->mutex);

  return ok;
}

void
mig_sim_keeper_end_process (MigSimKeeper *self)
{
  /* The mutex stays held, so that no other thread carries anything on in between. */
  give (self, NULL);
  mig_sim_end_process ();
}

MigSimWorld *
mig_sim_keeper_wait (MigSimKeeper  *self,
                     gint64         until,
                     GError       **error)
{
  MigSimWorld *world = NULL;

  if (give (self, error))
    {
      g_cond_wait_until (&self->cond, &self->mutex, until);
      world = take (self, error);
    }
  if (world == NULL)
    g_mutex_unlock (&self->mutex);

  return world;
}

gboolean
mig_sim_keeper_wait_for_news (MigSimKeeper  *self,
                              gint64         deadline,
                              GCancellable  *cancellable,
                              const char    *what,
                              GError       **error)
{
  gint64 now = g_get_monotonic_time ();

  if (g_cancellable_is_cancelled (cancellable) || now >= deadline)
    {
      if (!mig_sim_keeper_leave (self, error))
        return FALSE;
      if (!g_cancellable_set_error_if_cancelled (cancellable, error))
        g_set_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT, "%s: no answer in time", what);
      return FALSE;
    }

  return mig_sim_keeper_wait (self, deadline, error) != NULL;
}

void
mig_sim_keeper_lock (MigSimKeeper *self)
{
  g_mutex_lock (&self->mutex);
}

void
mig_sim_keeper_unlock (MigSimKeeper *self)
{
  g_mutex_unlock (&self->mutex);
}

void
mig_sim_keeper_wake (MigSimKeeper *self)
{
  g_mutex_lock (&self->mutex);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
}

const MigSimClient *
mig_sim_keeper_get_client (MigSimKeeper *self)
{
  return &self->client;
}

MigSimFaults *
mig_sim_keeper_get_faults (MigSimKeeper *self)
{
  return self->faults;
}

MigSimWorld *
mig_sim_keeper_get_world (MigSimKeeper *self)
{
  return self->world;
}
