/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-device-private.h"

#include <libmig/mig-error.h>

#include "libmig/saga/mig-engine-private.h"

/* Following the job of a MigBlockDevice: telling its signals, and waiting for it. */

/* Telling what the monitor's thread saw: by the main context of who started the job, or by who waits for it. One at a
 * time, so that the order stays. */

static MigBlockNews *
pop_news (MigBlockDevice *self)
{
  MigBlockNews *news;

  g_mutex_lock (&self->mutex);
  news = g_queue_pop_head (&self->news);
  if (news == NULL)
    self->draining = FALSE;
  g_mutex_unlock (&self->mutex);

  return news;
}

static void
drain_news (MigBlockDevice *self)
{
  MigBlockNews *news;
  gboolean other;

  g_mutex_lock (&self->mutex);
  other = self->draining;
  self->draining = TRUE;
  g_mutex_unlock (&self->mutex);
  if (other)
    return;

  while ((news = pop_news (self)) != NULL)
    {
      mig_block_device_emit (self, news);
      mig_block_news_free (news);
    }
}

/* In a program without a main loop it waits there as long as the device lives: so there is one at most, which keeps
 * nothing alive. */
static gboolean
on_news_in_context (gpointer data)
{
  g_autoptr (MigBlockDevice) self = g_weak_ref_get (data);

  if (self == NULL)
    return G_SOURCE_REMOVE;

  g_mutex_lock (&self->mutex);
  if (self->source == g_main_current_source ())
    g_clear_pointer (&self->source, g_source_unref);
  g_mutex_unlock (&self->mutex);
  drain_news (self);

  return G_SOURCE_REMOVE;
}

void
mig_block_device_free_weak_ref (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

GWeakRef *
mig_block_device_new_weak_ref (MigBlockDevice *self)
{
  GWeakRef *weak = g_new0 (GWeakRef, 1);

  g_weak_ref_init (weak, self);

  return weak;
}

/* With the mutex. */
static void
drop_source (MigBlockDevice *self)
{
  if (self->source != NULL)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
}

/* With the mutex. */
static void
schedule (MigBlockDevice *self)
{
  if (self->source != NULL || g_queue_is_empty (&self->news))
    return;

  self->source = g_idle_source_new ();
  g_source_set_priority (self->source, G_PRIORITY_DEFAULT);
  g_source_set_callback (self->source, on_news_in_context, mig_block_device_new_weak_ref (self),
                         mig_block_device_free_weak_ref);
  g_source_attach (self->source, self->context);
}

static void
on_news (MigBlockNews *news,
         gpointer      data)
{
  g_autoptr (MigBlockDevice) self = g_weak_ref_get (data);

  if (self == NULL)
    {
      mig_block_news_free (news);
      return;
    }

  g_mutex_lock (&self->mutex);
  g_queue_push_tail (&self->news, news);
  schedule (self);
  g_mutex_unlock (&self->mutex);
}

MigBlockMonitor *
mig_block_device_listen (MigBlockDevice    *self,
                         const MigBlockRef *ref)
{
  return mig_block_monitor_new (ref, on_news, mig_block_device_new_weak_ref (self), mig_block_device_free_weak_ref);
}

/* With the mutex. From now on the monitor's news is told, in this thread's context. */
static void
set_monitor (MigBlockDevice  *self,
             MigBlockMonitor *monitor)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

  g_clear_pointer (&self->monitor, mig_block_monitor_unref);
  self->monitor = mig_block_monitor_ref (monitor);
  if (context == self->context)
    return;

  drop_source (self);
  g_clear_pointer (&self->context, g_main_context_unref);
  self->context = g_steal_pointer (&context);
  schedule (self);
}

void
mig_block_device_add_facts (MigBlockDevice   *self,
                            MigBlockJobFacts *facts)
{
  MigEngine *engine = mig_engine_of (G_OBJECT (self->cluster));

  facts->backend = mig_cluster_get_volume_backend (self->cluster);
  facts->settle_time = mig_engine_get_settle_time (engine);
  facts->wait_limit = mig_engine_get_wait_limit (engine);
}

void
mig_block_device_follow (MigBlockDevice         *self,
                         MigBlockMonitor        *monitor,
                         const MigBlockJobFacts *facts,
                         MigBlockMonitor        *last)
{
  g_autoptr (MigBlockMonitor) current = NULL;

  g_mutex_lock (&self->mutex);
  current = self->monitor != NULL ? mig_block_monitor_ref (self->monitor) : NULL;
  set_monitor (self, monitor);
  g_mutex_unlock (&self->mutex);

  /* Another thread may have come upon the job before its start returned. Else the job that was followed has ended, or
   * this one could not have begun. */
  if (current != NULL && current != last)
    mig_block_monitor_stop (current);
  else if (current != NULL)
    mig_block_monitor_supersede (current);

  mig_block_monitor_start (monitor, facts, current);
}

MigBlockMonitor *
mig_block_device_ref_monitor (MigBlockDevice *self)
{
  MigBlockMonitor *monitor;

  g_mutex_lock (&self->mutex);
  monitor = self->monitor != NULL ? mig_block_monitor_ref (self->monitor) : NULL;
  g_mutex_unlock (&self->mutex);

  return monitor;
}

/* Of several threads that come upon a job, one follows it for all. */
static MigBlockMonitor *
follow_found (MigBlockDevice         *self,
              MigBlockMonitor        *monitor,
              const MigBlockJobFacts *facts)
{
  MigBlockMonitor *current = NULL;

  g_mutex_lock (&self->mutex);
  if (self->monitor != NULL && !mig_block_monitor_is_finished (self->monitor, NULL, NULL))
    current = mig_block_monitor_ref (self->monitor);
  else
    set_monitor (self, monitor);
  g_mutex_unlock (&self->mutex);

  if (current != NULL)
    return current;

  mig_block_monitor_start (monitor, facts, NULL);

  return mig_block_monitor_ref (monitor);
}

/* A job that somebody else started, or another process. */
static MigBlockMonitor *
adopt_job (MigBlockDevice  *self,
           GCancellable    *cancellable,
           GError         **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) ref = mig_block_device_find (self, FALSE, &sight, cancellable, error);
  g_autoptr (MigBlockMonitor) monitor = NULL;
  MigBlockJobFacts facts = { .n_layers = -1 };

  if (ref == NULL)
    return NULL;

  /* It listens before the job is looked at, so that nothing is missed. */
  monitor = mig_block_device_listen (self, ref);
  if (!mig_block_look (ref, TRUE, &sight, cancellable, error))
    return NULL;
  facts.kind = mig_block_sight_job (&sight);
  if (facts.kind == MIG_BLOCK_JOB_KIND_NONE || sight.disk == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "disk %s of %s has no job", self->target, self->domain);
      return NULL;
    }

  mig_block_device_add_facts (self, &facts);
  facts.name = mig_domain_info_get_name (sight.domain);
  facts.old_source = mig_disk_get_source (sight.disk);
  facts.destination = mig_disk_get_mirror (sight.disk);
  /* The job was looked at before the definition: it may have ended between. */
  if (mig_disk_get_backing_chain (sight.disk)->len > 0)
    facts.n_layers = (int) mig_disk_get_backing_chain (sight.disk)->len;

  return follow_found (self, monitor, &facts);
}

/* The monitor of the disk's job; that of a job which has ended only if there is no newer one. */
static MigBlockMonitor *
find_monitor (MigBlockDevice  *self,
              GCancellable    *cancellable,
              GError         **error)
{
  g_autoptr (MigBlockMonitor) last = mig_block_device_ref_monitor (self);
  g_autoptr (GError) local = NULL;
  MigBlockMonitor *adopted;

  if (last != NULL && !mig_block_monitor_is_finished (last, NULL, NULL))
    return g_steal_pointer (&last);

  adopted = adopt_job (self, cancellable, &local);
  if (adopted != NULL)
    return adopted;
  if (last != NULL && g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return g_steal_pointer (&last);

  g_propagate_error (error, g_steal_pointer (&local));

  return NULL;
}

/**
 * mig_block_device_wait_ready:
 * @self: a block device
 * @timeout: seconds; -1 for no limit
 * @cancellable: (nullable): ends the wait; the job goes on
 * @error: return location for an error
 *
 * Waits until the disk's job may pivot, or, for a job that ends by itself, until it has completed. The object's signals
 * are emitted meanwhile, in this thread.
 *
 * It is ready when that is seen in the guest's definition; events only hurry the look. That its position is equal to
 * its end says nothing, unless it stays so for the cluster's settle time: libvirt forgets that a job is ready when
 * another job, such as a dump, holds the guest for 30 s, and [method@BlockDevice.pivot] reminds it.
 *
 * A host that does not answer is waited for, for eight times the cluster's settle time at most, and one that answers
 * with other errors for the settle time. The job is followed all the same, and may be waited for anew.
 *
 * Errors: %MIG_ERROR_NOT_FOUND when the disk has no job or the domain has gone, %MIG_ERROR_TIMED_OUT,
 * %MIG_ERROR_FAILED with the cause when the job failed, %MIG_ERROR_CONFLICT when somebody else aborted it,
 * %G_IO_ERROR_CANCELLED when this object did, %MIG_ERROR_INVALID_STATE when the guest stopped, %MIG_ERROR_CONNECTION
 * when the host did not answer for so long, %MIG_ERROR_OUTCOME_UNKNOWN when it did, but the job could not be looked at.
 *
 * Returns: whether the job is ready, or has completed
 *
 * Since: 0.1
 */
gboolean
mig_block_device_wait_ready (MigBlockDevice  *self,
                             double           timeout,
                             GCancellable    *cancellable,
                             GError         **error)
{
  g_autoptr (MigBlockMonitor) monitor = NULL;
  gint64 until;

  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), FALSE);
  g_return_val_if_fail (timeout >= 0 || timeout == -1, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  until = timeout < 0 ? -1 : g_get_monotonic_time () + (gint64) (timeout * G_USEC_PER_SEC);

  for (;;)
    {
      g_autoptr (GError) end = NULL;
      gboolean finished, ready;
      guint64 ticket;

      /* One that was stopped will not tell: another one follows the job, or nobody does. */
      if (monitor != NULL && mig_block_monitor_is_stopped (monitor))
        g_clear_pointer (&monitor, mig_block_monitor_unref);
      if (monitor == NULL)
        monitor = find_monitor (self, cancellable, error);
      if (monitor == NULL)
        return FALSE;

      ticket = mig_waiter_ticket (mig_block_monitor_get_waiter (monitor));
      finished = mig_block_monitor_is_finished (monitor, NULL, &end);
      ready = mig_block_monitor_is_ready (monitor);
      drain_news (self); /* of what has been seen nothing is left to tell */
      if (finished)
        {
          if (end == NULL)
            return TRUE;
          g_propagate_error (error, g_steal_pointer (&end));
          return FALSE;
        }
      if (ready)
        return TRUE;
      if (g_cancellable_set_error_if_cancelled (cancellable, error) || mig_block_monitor_is_blind (monitor, error))
        return FALSE;
      if (until >= 0 && g_get_monotonic_time () >= until)
        {
          g_set_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT, "the job of disk %s of %s is not ready after %g s",
                       self->target, self->domain, timeout);
          return FALSE;
        }
      mig_waiter_wait (mig_block_monitor_get_waiter (monitor), ticket, until, cancellable);
    }
}
