/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/core/mig-waiter-private.h"

struct _MigWaiter
{
  GMutex  mutex;
  GCond   cond;
  guint64 news;
};

static void
waiter_clear (gpointer data)
{
  MigWaiter *self = data;

  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
}

MigWaiter *
mig_waiter_new (void)
{
  MigWaiter *self = g_atomic_rc_box_new0 (MigWaiter);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);

  return self;
}

MigWaiter *
mig_waiter_ref (MigWaiter *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
mig_waiter_unref (MigWaiter *self)
{
  g_atomic_rc_box_release_full (self, waiter_clear);
}

void
mig_waiter_wake (MigWaiter *self)
{
  g_mutex_lock (&self->mutex);
  self->news++;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
}

guint64
mig_waiter_ticket (MigWaiter *self)
{
  guint64 ticket;

  g_mutex_lock (&self->mutex);
  ticket = self->news;
  g_mutex_unlock (&self->mutex);

  return ticket;
}

static void
on_cancelled (GCancellable *cancellable G_GNUC_UNUSED,
              gpointer      data)
{
  MigWaiter *self = data;

  /* Wakes without being news: the waiter looks at the cancellable itself. */
  g_mutex_lock (&self->mutex);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
}

gboolean
mig_waiter_wait (MigWaiter    *self,
                 guint64       ticket,
                 gint64        until,
                 GCancellable *cancellable)
{
  gulong handler = 0;
  gboolean news;

  if (cancellable != NULL)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), mig_waiter_ref (self),
                                     (GDestroyNotify) mig_waiter_unref);

  g_mutex_lock (&self->mutex);
  while (self->news == ticket && !g_cancellable_is_cancelled (cancellable))
    {
      if (until < 0)
        g_cond_wait (&self->cond, &self->mutex);
      else if (!g_cond_wait_until (&self->cond, &self->mutex, until))
        break;
    }
  news = self->news != ticket;
  g_mutex_unlock (&self->mutex);

  /* Outside the lock: disconnecting waits for a handler that may be waiting for the lock. */
  if (handler != 0)
    g_cancellable_disconnect (cancellable, handler);

  return news;
}
