/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-block-job-info.h>

#include <libmig/mig-enum-types.h>

#include "libmig/core/mig-value-private.h"

/**
 * MigBlockJobInfo:
 *
 * A disk's job at one moment. Immutable.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigBlockJobInfo
{
  GObject parent_instance;

  int      kind;
  gint64   current;
  gint64   end;
  gint64   bandwidth;
  gboolean ready;
  int      disk_error;
};

G_DEFINE_FINAL_TYPE (MigBlockJobInfo, mig_block_job_info, G_TYPE_OBJECT)

static const MigField fields[] = {
  { "kind", MIG_FIELD_ENUM, G_STRUCT_OFFSET (MigBlockJobInfo, kind), mig_block_job_kind_get_type, 0 },
  { "current", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigBlockJobInfo, current), NULL, -1 },
  { "end", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigBlockJobInfo, end), NULL, -1 },
  { "bandwidth", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigBlockJobInfo, bandwidth), NULL, 0 },
  { "ready", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (MigBlockJobInfo, ready), NULL, 0 },
  { "disk-error", MIG_FIELD_ENUM, G_STRUCT_OFFSET (MigBlockJobInfo, disk_error), mig_disk_error_get_type, 0 },
};

static void
mig_block_job_info_class_init (MigBlockJobInfoClass *klass)
{
  /**
   * MigBlockJobInfo:kind:
   *
   * The job.
   *
   * Since: 0.1
   */
  /**
   * MigBlockJobInfo:current:
   *
   * How far it is, in bytes, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigBlockJobInfo:end:
   *
   * Where it ends, in bytes; grows while the guest writes; -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigBlockJobInfo:bandwidth:
   *
   * Its limit in bytes per second, 0 for none.
   *
   * Since: 0.1
   */
  /**
   * MigBlockJobInfo:ready:
   *
   * Whether the hypervisor says that it may pivot; never concluded from the figures.
   *
   * Since: 0.1
   */
  /**
   * MigBlockJobInfo:disk-error:
   *
   * What the hypervisor holds against the disk itself; it is asked when there is no job, for a job that failed says
   * nothing any more.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_block_job_info_init (MigBlockJobInfo *self)
{
}

/**
 * mig_block_job_info_get_kind:
 * @self: a value
 *
 * Gets the job.
 *
 * Returns: the job
 *
 * Since: 0.1
 */
MigBlockJobKind
mig_block_job_info_get_kind (MigBlockJobInfo *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_JOB_INFO (self), 0);

  return self->kind;
}

/**
 * mig_block_job_info_get_current:
 * @self: a value
 *
 * Tells how far it is, in bytes.
 *
 * Returns: how far it is, in bytes, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_block_job_info_get_current (MigBlockJobInfo *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_JOB_INFO (self), -1);

  return self->current;
}

/**
 * mig_block_job_info_get_end:
 * @self: a value
 *
 * Tells where it ends, in bytes.
 *
 * Returns: where it ends, in bytes; grows while the guest writes; -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_block_job_info_get_end (MigBlockJobInfo *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_JOB_INFO (self), -1);

  return self->end;
}

/**
 * mig_block_job_info_get_bandwidth:
 * @self: a value
 *
 * Gets its limit in bytes per second, 0 for none.
 *
 * Returns: its limit in bytes per second, 0 for none
 *
 * Since: 0.1
 */
gint64
mig_block_job_info_get_bandwidth (MigBlockJobInfo *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_JOB_INFO (self), -1);

  return self->bandwidth;
}

/**
 * mig_block_job_info_is_ready:
 * @self: a value
 *
 * Tells whether the hypervisor says that it may pivot.
 *
 * Returns: whether the hypervisor says that it may pivot; never concluded from the figures
 *
 * Since: 0.1
 */
gboolean
mig_block_job_info_is_ready (MigBlockJobInfo *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_JOB_INFO (self), FALSE);

  return self->ready;
}

/**
 * mig_block_job_info_get_disk_error:
 * @self: a value
 *
 * Tells what the hypervisor holds against the disk itself, if it has no job.
 *
 * Returns: the disk's error
 *
 * Since: 0.1
 */
MigDiskError
mig_block_job_info_get_disk_error (MigBlockJobInfo *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_JOB_INFO (self), MIG_DISK_ERROR_NONE);

  return (MigDiskError) self->disk_error;
}
