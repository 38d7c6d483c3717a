/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/task/mig-live-events-private.h"

/* Outlives the watcher while a driver's thread is still in the handler. */
typedef struct
{
  char      *source;
  char      *uuid;
  MigWaiter *waiter;
  gint       flowing;   /* these four: atomic */
  gint       n_stops;   /* of the source by the migration */
  gint       stop;      /* the number of the last one; 0: it has run since */
  gint       ended;
} Flags;

struct _MigLiveEvents
{
  MigComputeDriver *driver;
  gulong            handler;
  Flags            *flags;
};

static void
flags_clear (gpointer data)
{
  Flags *flags = data;

  g_free (flags->source);
  g_free (flags->uuid);
  mig_waiter_unref (flags->waiter);
}

static void
flags_unref (gpointer  data,
             GClosure *closure G_GNUC_UNUSED)
{
  g_atomic_rc_box_release_full (data, flags_clear);
}

static void
note_at_source (Flags          *flags,
                MigDriverEvent  event,
                const char     *detail)
{
  if (event == MIG_DRIVER_EVENT_SUSPENDED &&
      (g_strcmp0 (detail, "migration") == 0 || g_strcmp0 (detail, "post-copy") == 0))
    g_atomic_int_set (&flags->stop, g_atomic_int_add (&flags->n_stops, 1) + 1);
  else if (event == MIG_DRIVER_EVENT_RESUMED)
    g_atomic_int_set (&flags->stop, 0);
}

static void
on_event (MigComputeDriver *driver G_GNUC_UNUSED,
          MigHost          *host,
          const char       *domain,
          MigDriverEvent    event,
          const char       *detail,
          gpointer          user_data)
{
  Flags *flags = user_data;

  if (event == MIG_DRIVER_EVENT_CONNECTION_LOST)
    {
      /* What happens from now on is told no more: look, until there are events again. */
      g_atomic_int_set (&flags->flowing, FALSE);
      g_atomic_int_set (&flags->stop, 0);
      g_atomic_int_set (&flags->ended, TRUE);
    }
  else if (g_strcmp0 (domain, flags->uuid) == 0)
    {
      g_atomic_int_set (&flags->flowing, TRUE);
      if (g_strcmp0 (mig_host_get_name (host), flags->source) == 0)
        note_at_source (flags, event, detail);
      if (event == MIG_DRIVER_EVENT_STOPPED || event == MIG_DRIVER_EVENT_JOB_COMPLETED)
        g_atomic_int_set (&flags->ended, TRUE);
    }
  else
    return;

  mig_waiter_wake (flags->waiter);
}

MigLiveEvents *
mig_live_events_new (MigComputeDriver *driver,
                     MigHost          *source,
                     const char       *uuid,
                     MigWaiter        *waiter)
{
  MigLiveEvents *self = g_new0 (MigLiveEvents, 1);

  self->flags = g_atomic_rc_box_new0 (Flags);
  self->flags->source = g_strdup (mig_host_get_name (source));
  self->flags->uuid = g_strdup (uuid);
  self->flags->waiter = mig_waiter_ref (waiter);
  self->driver = g_object_ref (driver);
  self->handler = g_signal_connect_data (driver, "event", G_CALLBACK (on_event),
                                         g_atomic_rc_box_acquire (self->flags), flags_unref, 0);

  return self;
}

void
mig_live_events_free (MigLiveEvents *self)
{
  g_signal_handler_disconnect (self->driver, self->handler);
  g_object_unref (self->driver);
  flags_unref (self->flags, NULL);
  g_free (self);
}

gboolean
mig_live_events_flow (MigLiveEvents *self)
{
  return g_atomic_int_get (&self->flags->flowing);
}

int
mig_live_events_get_stop (MigLiveEvents *self)
{
  return g_atomic_int_get (&self->flags->stop);
}

void
mig_live_events_deny_stop (MigLiveEvents *self,
                           int            stop)
{
  g_atomic_int_compare_and_exchange (&self->flags->stop, stop, 0);
}

gboolean
mig_live_events_take_end (MigLiveEvents *self)
{
  return g_atomic_int_compare_and_exchange (&self->flags->ended, TRUE, FALSE);
}
