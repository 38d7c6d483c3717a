/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-device-private.h"

#include <libmig/mig-error.h>

#include "libmig/block/mig-block-patience-private.h"
#include "libmig/block/mig-volume-swap-private.h"

/* Between two looks at a host that does not answer, in microseconds. */
#define RETRY_INTERVAL (G_USEC_PER_SEC / 2)

/* The bare verbs of MigBlockDevice on a job that is there; those that start one are in mig-block-job-start.c. */

/* Finds the guest and its disk. The reference that comes back has the guest's UUID. */
MigBlockRef *
mig_block_device_find (MigBlockDevice  *self,
                       gboolean         with_job,
                       MigBlockSight   *sight,
                       GCancellable    *cancellable,
                       GError         **error)
{
  g_autoptr (MigBlockRef) ref = NULL;

  ref = mig_block_ref_new (mig_cluster_get_driver (self->cluster), self->host, self->domain, self->target, error);
  if (ref == NULL || !mig_block_look (ref, with_job, sight, cancellable, error))
    return NULL;

  if (sight->domain == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "there is no domain “%s” on %s", self->domain,
                   mig_host_get_name (self->host));
      return NULL;
    }
  if (sight->disk == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "the domain %s has no disk “%s”",
                   mig_domain_info_get_name (sight->domain), self->target);
      return NULL;
    }

  g_free (ref->domain);
  ref->domain = g_strdup (mig_domain_info_get_uuid (sight->domain));

  return g_steal_pointer (&ref);
}

/* The same for a verb that changes something: the guest has to be there, and the disk nobody else's. */
MigBlockRef *
mig_block_device_find_to_change (MigBlockDevice  *self,
                                 gboolean         with_job,
                                 MigBlockSight   *sight,
                                 GCancellable    *cancellable,
                                 GError         **error)
{
  g_autoptr (MigBlockRef) ref = mig_block_device_find (self, with_job, sight, cancellable, error);

  if (ref == NULL)
    return NULL;

  if (sight->place != MIG_BLOCK_PLACE_ACTIVE)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "the domain %s does not run, and its disks have no jobs",
                   mig_domain_info_get_name (sight->domain));
      return NULL;
    }
  if (!mig_volume_swap_check_none (self->cluster, ref, mig_domain_info_get_name (sight->domain), cancellable, error))
    return NULL;

  return g_steal_pointer (&ref);
}

/* Whether the call may have had its effect all the same. */
static gboolean
is_unclear (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_CONNECTION) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_TIMED_OUT) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN);
}

/* Without an answer the call may have had its effect, or have it later: whoever asked has to look. */
void
mig_block_device_propagate_unclear (const MigBlockRef  *ref,
                                    const char         *what,
                                    GError             *local,
                                    GError            **error)
{
  if (is_unclear (local) && local->domain == MIG_ERROR)
    {
      local->code = MIG_ERROR_OUTCOME_UNKNOWN;
      g_prefix_error (&local, "whether %s disk %s of %s on %s had an effect is not known: ", what, ref->target,
                      ref->domain, mig_host_get_name (ref->host));
    }
  g_propagate_error (error, local);
}

/* A host that does not answer is waited for as long as by a swap, and another error may pass as soon. */
static gboolean
look_patiently (MigBlockDevice     *self,
                const MigBlockRef  *ref,
                MigBlockSight      *sight,
                GCancellable       *cancellable,
                GError            **error)
{
  g_autoptr (MigWaiter) waiter = mig_waiter_new ();
  MigBlockPatience patience = { 0 };
  MigBlockJobFacts facts = { 0 };

  mig_block_device_add_facts (self, &facts);
  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (waiter);
      g_autoptr (GError) local = NULL;

      if (mig_block_look (ref, FALSE, sight, NULL, &local))
        return TRUE;
      if (g_cancellable_is_cancelled (cancellable) ||
          !mig_block_patience_lasts (&patience, facts.wait_limit, facts.settle_time, local))
        {
          g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN,
                       "whether disk %s of %s on %s was switched to its copy cannot be seen: %s", ref->target,
                       ref->domain, mig_host_get_name (ref->host), local->message);
          return FALSE;
        }
      mig_waiter_wait (waiter, ticket, g_get_monotonic_time () + RETRY_INTERVAL, cancellable);
    }
}

static gboolean
switch_to_copy (MigBlockDevice     *self,
                const MigBlockRef  *ref,
                MigBlockSight      *sight,
                GCancellable       *cancellable,
                GError            **error)
{
  g_autoptr (MigBlockMonitor) monitor = mig_block_device_ref_monitor (self);
  g_autoptr (MigDiskSource) old_source = g_object_ref (mig_disk_get_source (sight->disk));
  g_autoptr (MigDiskSource) mirror = g_object_ref (mig_disk_get_mirror (sight->disk));
  gboolean was_ready = mig_block_sight_mirror (sight) == MIG_BLOCK_MIRROR_READY;
  g_autoptr (GError) local = NULL;

  mig_block_job_driver_abort (mig_block_ref_get_jobs (ref), ref->host, ref->domain, ref->target,
                              MIG_BLOCK_ABORT_FLAGS_PIVOT, cancellable, &local);
  if (monitor != NULL)
    mig_block_monitor_hurry (monitor);

  /* What the call returned is not the verdict. */
  if (!look_patiently (self, ref, sight, cancellable, error))
    return FALSE;
  if (mig_block_sight_mirror (sight) == MIG_BLOCK_MIRROR_ABSENT &&
      mig_block_sight_source (sight, old_source, mirror) == MIG_BLOCK_SOURCE_NEW)
    return TRUE;

  /* That it was refused made the hypervisor's daemon see what it had overlooked. */
  if (local != NULL && !is_unclear (local) && !was_ready &&
      mig_block_sight_mirror (sight) == MIG_BLOCK_MIRROR_READY &&
      mig_block_same_place (mig_disk_get_mirror (sight->disk), mirror))
    return switch_to_copy (self, ref, sight, cancellable, error);

  if (local != NULL)
    mig_block_device_propagate_unclear (ref, "switching", g_steal_pointer (&local), error);
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN,
                 "the pivot of disk %s of %s on %s returned a success, but the guest is not on the copy", ref->target,
                 ref->domain, mig_host_get_name (ref->host));

  return FALSE;
}

/* @was_ready: it has been seen so, by figures that need not be equal again in this very moment. */
static gboolean
check_can_pivot (const MigBlockRef    *ref,
                 const MigBlockSight  *sight,
                 gboolean              was_ready,
                 GError              **error)
{
  MigBlockJobKind kind = mig_block_sight_job (sight);
  gint64 whole_since = 0;

  if (kind == MIG_BLOCK_JOB_KIND_NONE)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "disk %s of %s has no job", ref->target,
                   mig_domain_info_get_name (sight->domain));
      return FALSE;
    }
  if (!mig_block_job_pivots (kind))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE,
                   "the job of disk %s of %s ends by itself: it cannot pivot", ref->target,
                   mig_domain_info_get_name (sight->domain));
      return FALSE;
    }
  mig_block_sight_note_whole (sight, &whole_since);
  if (mig_block_sight_mirror (sight) != MIG_BLOCK_MIRROR_READY && whole_since == 0 && !was_ready)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE,
                   "the job of disk %s of %s is still copying: it is not ready to pivot", ref->target,
                   mig_domain_info_get_name (sight->domain));
      return FALSE;
    }

  return TRUE;
}

/**
 * mig_block_device_pivot:
 * @self: a block device
 * @cancellable: (nullable): ends the wait; the pivot goes on
 * @error: return location for an error
 *
 * Switches the guest to the copy, when the job is ready, and returns when it runs on it.
 *
 * What the call returns is not believed: the guest is looked at. A host that does not answer then is waited for, for
 * eight times the cluster's settle time at most, and one that answers with other errors for the settle time.
 *
 * Errors: %MIG_ERROR_NOT_FOUND when the disk has no job, %MIG_ERROR_INVALID_STATE when the job is not ready,
 * %MIG_ERROR_BUSY while a swap runs on the disk or another job of the hypervisor's, such as a dump, holds the guest,
 * %MIG_ERROR_OUTCOME_UNKNOWN when the hypervisor did not answer, or nobody could look at the guest afterwards.
 *
 * Returns: whether the guest runs on the copy
 *
 * Since: 0.1
 */
gboolean
mig_block_device_pivot (MigBlockDevice  *self,
                        GCancellable    *cancellable,
                        GError         **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockMonitor) monitor = NULL;
  g_autoptr (MigBlockRef) ref = NULL;
  gboolean was_ready;

  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  monitor = mig_block_device_ref_monitor (self);
  was_ready = monitor != NULL && mig_block_monitor_is_ready (monitor);
  ref = mig_block_device_find_to_change (self, TRUE, &sight, cancellable, error);
  if (ref == NULL || !check_can_pivot (ref, &sight, was_ready, error))
    return FALSE;

  return switch_to_copy (self, ref, &sight, cancellable, error);
}

/* The end that comes of it is ours, and is told as such: known before it is asked for, for it may come at once. */
static gboolean
end_job (MigBlockDevice      *self,
         const MigBlockRef   *ref,
         MigBlockAbortFlags   flags,
         GCancellable        *cancellable,
         GError             **error)
{
  g_autoptr (MigBlockMonitor) monitor = mig_block_device_ref_monitor (self);
  gboolean aborts = (flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) == 0;
  g_autoptr (GError) local = NULL;
  gboolean done;

  if (monitor != NULL && aborts)
    mig_block_monitor_note_abort (monitor, TRUE);

  done = mig_block_job_driver_abort (mig_block_ref_get_jobs (ref), ref->host, ref->domain, ref->target, flags,
                                     cancellable, &local);

  if (monitor != NULL && aborts && !done && !is_unclear (local))
    mig_block_monitor_note_abort (monitor, FALSE);
  if (monitor != NULL)
    mig_block_monitor_hurry (monitor);
  if (!done)
    mig_block_device_propagate_unclear (ref, "ending the job of", g_steal_pointer (&local), error);

  return done;
}

/**
 * mig_block_device_abort_job:
 * @self: a block device
 * @flags: how
 * @cancellable: (nullable): ends the wait; the abort goes on
 * @error: return location for an error
 *
 * Ends the disk's job: cancels it, so that the guest stays where it is, or, with %MIG_BLOCK_ABORT_FLAGS_PIVOT, switches
 * the guest to the copy. Returns when the job has gone, or with %MIG_BLOCK_ABORT_FLAGS_ASYNC at once. What has been
 * copied stays at the destination.
 *
 * Errors: %MIG_ERROR_NOT_FOUND when the disk has no job, %MIG_ERROR_INVALID_STATE when it cannot pivot yet,
 * %MIG_ERROR_BUSY while a swap runs on the disk, %MIG_ERROR_OUTCOME_UNKNOWN when the hypervisor did not answer: the job
 * may have ended, or end later.
 *
 * Returns: whether the job has gone, or was asked to end
 *
 * Since: 0.1
 */
gboolean
mig_block_device_abort_job (MigBlockDevice      *self,
                            MigBlockAbortFlags   flags,
                            GCancellable        *cancellable,
                            GError             **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) ref = NULL;
  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (flags == MIG_BLOCK_ABORT_FLAGS_PIVOT)
    return mig_block_device_pivot (self, cancellable, error);

  ref = mig_block_device_find_to_change (self, FALSE, &sight, cancellable, error);
  if (ref == NULL)
    return FALSE;

  return end_job (self, ref, flags, cancellable, error);
}

/**
 * mig_block_device_get_job_info:
 * @self: a block device
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * The job of the disk, as it is now; one of kind %MIG_BLOCK_JOB_KIND_NONE when there is none.
 *
 * Returns: (transfer full): the job, or %NULL on error
 *
 * Since: 0.1
 */
MigBlockJobInfo *
mig_block_device_get_job_info (MigBlockDevice  *self,
                               GCancellable    *cancellable,
                               GError         **error)
{
  g_autoptr (MigBlockRef) ref = NULL;

  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  ref = mig_block_ref_new (mig_cluster_get_driver (self->cluster), self->host, self->domain, self->target, error);
  if (ref == NULL)
    return NULL;

  return mig_block_job_driver_get_info (mig_block_ref_get_jobs (ref), ref->host, ref->domain, ref->target, cancellable,
                                        error);
}

/**
 * mig_block_device_is_job_complete:
 * @self: a block device
 * @complete: (out): whether there is nothing left to wait for
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Tells whether the disk has no job, or one that is ready to pivot. A job that is gone may have failed:
 * [signal@BlockDevice::job-finished] knows.
 *
 * Returns: whether it could be told
 *
 * Since: 0.1
 */
gboolean
mig_block_device_is_job_complete (MigBlockDevice  *self,
                                  gboolean        *complete,
                                  GCancellable    *cancellable,
                                  GError         **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) ref = NULL;

  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), FALSE);
  g_return_val_if_fail (complete != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  ref = mig_block_device_find (self, TRUE, &sight, cancellable, error);
  if (ref == NULL)
    return FALSE;

  *complete = mig_block_job_is_complete (mig_block_sight_job (&sight), MIG_BLOCK_CURSOR_BEFORE,
                                         mig_block_sight_mirror (&sight));

  return TRUE;
}

/**
 * mig_block_device_set_bandwidth:
 * @self: a block device
 * @bandwidth: bytes per second; 0 for no limit
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Changes the limit of the disk's job while it runs.
 *
 * Errors: %MIG_ERROR_NOT_FOUND when the disk has no job, %MIG_ERROR_BUSY while a swap runs on it.
 *
 * Returns: whether the limit holds
 *
 * Since: 0.1
 */
gboolean
mig_block_device_set_bandwidth (MigBlockDevice  *self,
                                gint64           bandwidth,
                                GCancellable    *cancellable,
                                GError         **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) ref = NULL;

  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), FALSE);
  g_return_val_if_fail (bandwidth >= 0, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  ref = mig_block_device_find_to_change (self, FALSE, &sight, cancellable, error);
  if (ref == NULL)
    return FALSE;

  return mig_block_job_driver_set_bandwidth (mig_block_ref_get_jobs (ref), ref->host, ref->domain, ref->target,
                                             bandwidth, cancellable, error);
}

/**
 * mig_block_device_resize:
 * @self: a block device
 * @length: bytes
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Sets the length of the disk while the guest runs. What a disk that becomes shorter held at its end is lost.
 *
 * Errors: %MIG_ERROR_BUSY when the disk has a job or a swap.
 *
 * Returns: whether the disk has that length
 *
 * Since: 0.1
 */
gboolean
mig_block_device_resize (MigBlockDevice  *self,
                         gint64           length,
                         GCancellable    *cancellable,
                         GError         **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) ref = NULL;

  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), FALSE);
  g_return_val_if_fail (length > 0, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  ref = mig_block_device_find_to_change (self, TRUE, &sight, cancellable, error);
  if (ref == NULL)
    return FALSE;
  if (mig_block_sight_job (&sight) != MIG_BLOCK_JOB_KIND_NONE)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "disk %s of %s has a block job, and cannot be resized",
                   ref->target, mig_domain_info_get_name (sight.domain));
      return FALSE;
    }

  return mig_block_job_driver_resize (mig_block_ref_get_jobs (ref), ref->host, ref->domain, ref->target, length,
                                      cancellable, error);
}
