/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-device-private.h"

#include <libmig/mig-error.h>

/* The verbs of MigBlockDevice that start a job. */

static gboolean
start_job (MigBlockDevice       *self,
           MigBlockCopyRequest  *request,
           MigBlockJobFacts     *facts,
           const MigBlockRef    *ref,
           GCancellable         *cancellable,
           GError              **error)
{
  g_autoptr (MigBlockMonitor) last = mig_block_device_ref_monitor (self);
  g_autoptr (MigBlockMonitor) monitor = mig_block_device_listen (self, ref);
  g_autoptr (GError) local = NULL;

  if (!mig_block_job_driver_start (mig_block_ref_get_jobs (ref), request, cancellable, &local))
    {
      mig_block_device_propagate_unclear (ref, "beginning a job of", g_steal_pointer (&local), error);
      return FALSE;
    }

  mig_block_device_add_facts (self, facts);
  mig_block_device_follow (self, monitor, facts, last);

  return TRUE;
}

/**
 * mig_block_device_copy:
 * @self: a block device
 * @destination: where to
 * @flags: of [flags@BlockCopyFlags]: shallow, reuse, transient-job, synchronous
 * @bandwidth: bytes per second; 0 for no limit
 * @cancellable: (nullable): ends the wait; a copy that has begun goes on
 * @error: return location for an error
 *
 * Begins to mirror the disk, and returns once the job exists. It becomes ready, and then stays so until it is pivoted
 * or aborted. A persistent domain needs %MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB.
 *
 * A destination that exists (%MIG_BLOCK_COPY_FLAGS_REUSE) must be exactly as long as the disk. The hypervisor accepts
 * others, and the job dies at once: [signal@BlockDevice::job-finished] then says why.
 *
 * Errors: %MIG_ERROR_NOT_FOUND for an unknown domain or disk, %MIG_ERROR_INVALID_STATE when the guest does not run,
 * %MIG_ERROR_BUSY when the disk has a job or a swap, %MIG_ERROR_OUTCOME_UNKNOWN when the hypervisor did not answer: the
 * job may have begun, or begin later.
 *
 * Returns: whether the job was started
 *
 * Since: 0.1
 */
gboolean
mig_block_device_copy (MigBlockDevice     *self,
                       MigDiskSource      *destination,
                       MigBlockCopyFlags   flags,
                       gint64              bandwidth,
                       GCancellable       *cancellable,
                       GError            **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) ref = NULL;
  g_autoptr (MigBlockCopyRequest) request = NULL;
  MigBlockJobFacts facts = { .kind = MIG_BLOCK_JOB_KIND_COPY, .destination = destination };

  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), FALSE);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (destination), FALSE);
  g_return_val_if_fail (bandwidth >= 0, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  ref = mig_block_device_find_to_change (self, FALSE, &sight, cancellable, error);
  if (ref == NULL)
    return FALSE;

  facts.name = mig_domain_info_get_name (sight.domain);
  facts.old_source = mig_disk_get_source (sight.disk);
  facts.n_layers = (int) mig_disk_get_backing_chain (sight.disk)->len;
  request = g_object_new (MIG_TYPE_BLOCK_COPY_REQUEST, "host", ref->host, "domain", ref->domain, "target", ref->target,
                          "verb", MIG_BLOCK_JOB_VERB_COPY, "destination", destination, "flags", flags,
                          "bandwidth", bandwidth, NULL);

  return start_job (self, request, &facts, ref, cancellable, error);
}

/**
 * mig_block_device_rebase:
 * @self: a block device
 * @base: (nullable): the file below which the chain stays, or, with %MIG_BLOCK_COPY_FLAGS_COPY, the path to copy to;
 *   %NULL to pull all of the chain
 * @flags: of [flags@BlockCopyFlags]: shallow, reuse, copy, copy-raw, copy-device, relative
 * @bandwidth: bytes per second; 0 for no limit
 * @cancellable: (nullable): ends the wait; a job that has begun goes on
 * @error: return location for an error
 *
 * The hypervisor's older verb. Without %MIG_BLOCK_COPY_FLAGS_COPY it pulls the data of the files between the disk and
 * @base into the disk, and ends by itself; with it, it mirrors the disk to a path as [method@BlockDevice.copy] does,
 * but only for a transient domain.
 *
 * Errors: as for [method@BlockDevice.copy].
 *
 * Returns: whether the job was started
 *
 * Since: 0.1
 */
gboolean
mig_block_device_rebase (MigBlockDevice     *self,
                         const char         *base,
                         MigBlockCopyFlags   flags,
                         gint64              bandwidth,
                         GCancellable       *cancellable,
                         GError            **error)
{
  const gboolean copies = (flags & MIG_BLOCK_COPY_FLAGS_COPY) != 0;
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) ref = NULL;
  g_autoptr (MigBlockCopyRequest) request = NULL;
  g_autoptr (MigDiskSource) destination = NULL;
  MigBlockJobFacts facts = { .kind = copies ? MIG_BLOCK_JOB_KIND_COPY : MIG_BLOCK_JOB_KIND_PULL };

  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), FALSE);
  g_return_val_if_fail (bandwidth >= 0, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (copies && base == NULL)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                           "a rebase that copies needs a path to copy to");
      return FALSE;
    }

  ref = mig_block_device_find_to_change (self, FALSE, &sight, cancellable, error);
  if (ref == NULL)
    return FALSE;

  if (copies)
    destination = mig_disk_source_new ((flags & MIG_BLOCK_COPY_FLAGS_COPY_DEVICE) != 0 ? MIG_DISK_SOURCE_KIND_BLOCK :
                                       MIG_DISK_SOURCE_KIND_FILE, base, NULL);
  facts.name = mig_domain_info_get_name (sight.domain);
  facts.old_source = mig_disk_get_source (sight.disk);
  facts.n_layers = (int) mig_disk_get_backing_chain (sight.disk)->len;
  facts.destination = destination;
  request = g_object_new (MIG_TYPE_BLOCK_COPY_REQUEST, "host", ref->host, "domain", ref->domain, "target", ref->target,
                          "verb", MIG_BLOCK_JOB_VERB_REBASE, "base", base, "flags", flags,
                          "bandwidth", bandwidth, NULL);

  return start_job (self, request, &facts, ref, cancellable, error);
}

/**
 * mig_block_device_commit:
 * @self: a block device
 * @base: (nullable): the file to commit into; %NULL for the lowest of the chain
 * @top: (nullable): the topmost file whose data is committed; %NULL for the disk itself
 * @flags: of [flags@BlockCopyFlags]: shallow, active, delete, relative
 * @bandwidth: bytes per second; 0 for no limit
 * @cancellable: (nullable): ends the wait; a job that has begun goes on
 * @error: return location for an error
 *
 * Begins to move the data of a part of the disk's chain of files into the file below it. With
 * %MIG_BLOCK_COPY_FLAGS_ACTIVE, which the disk itself as @top needs, the job becomes ready and ends by
 * [method@BlockDevice.pivot]; else it ends by itself.
 *
 * Errors: as for [method@BlockDevice.copy].
 *
 * Returns: whether the job was started
 *
 * Since: 0.1
 */
gboolean
mig_block_device_commit (MigBlockDevice     *self,
                         const char         *base,
                         const char         *top,
                         MigBlockCopyFlags   flags,
                         gint64              bandwidth,
                         GCancellable       *cancellable,
                         GError            **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) ref = NULL;
  g_autoptr (MigBlockCopyRequest) request = NULL;
  MigBlockJobFacts facts = { 0 };

  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), FALSE);
  g_return_val_if_fail (bandwidth >= 0, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  ref = mig_block_device_find_to_change (self, FALSE, &sight, cancellable, error);
  if (ref == NULL)
    return FALSE;

  facts.kind = (flags & MIG_BLOCK_COPY_FLAGS_ACTIVE) != 0 ? MIG_BLOCK_JOB_KIND_ACTIVE_COMMIT :
                                                            MIG_BLOCK_JOB_KIND_COMMIT;
  facts.name = mig_domain_info_get_name (sight.domain);
  facts.old_source = mig_disk_get_source (sight.disk);
  facts.n_layers = (int) mig_disk_get_backing_chain (sight.disk)->len;
  request = g_object_new (MIG_TYPE_BLOCK_COPY_REQUEST, "host", ref->host, "domain", ref->domain, "target", ref->target,
                          "verb", MIG_BLOCK_JOB_VERB_COMMIT, "base", base, "top", top, "flags", flags,
                          "bandwidth", bandwidth, NULL);

  return start_job (self, request, &facts, ref, cancellable, error);
}
