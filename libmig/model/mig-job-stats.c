/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-job-stats.h>

#include <libmig/mig-enum-types.h>

#include "libmig/core/mig-value-private.h"

/**
 * MigJobStats:
 *
 * Statistics of a domain's job. Immutable.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigJobStats
{
  GObject parent_instance;

  int      kind;
  gboolean completed;
  double   elapsed;
  double   downtime;
  gint64   memory_total;
  gint64   memory_processed;
  gint64   memory_remaining;
  gint64   disk_total;
  gint64   disk_processed;
  gint64   disk_remaining;
  double   rate;
  double   dirty_rate;
  gint64   iteration;
};

G_DEFINE_FINAL_TYPE (MigJobStats, mig_job_stats, G_TYPE_OBJECT)

static const MigField fields[] = {
  { "kind", MIG_FIELD_ENUM, G_STRUCT_OFFSET (MigJobStats, kind), mig_job_kind_get_type, 0 },
  { "completed", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (MigJobStats, completed), NULL, 0 },
  { "elapsed", MIG_FIELD_DOUBLE, G_STRUCT_OFFSET (MigJobStats, elapsed), NULL, -1 },
  { "downtime", MIG_FIELD_DOUBLE, G_STRUCT_OFFSET (MigJobStats, downtime), NULL, -1 },
  { "memory-total", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigJobStats, memory_total), NULL, -1 },
  { "memory-processed", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigJobStats, memory_processed), NULL, -1 },
  { "memory-remaining", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigJobStats, memory_remaining), NULL, -1 },
  { "disk-total", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigJobStats, disk_total), NULL, -1 },
  { "disk-processed", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigJobStats, disk_processed), NULL, -1 },
  { "disk-remaining", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigJobStats, disk_remaining), NULL, -1 },
  { "rate", MIG_FIELD_DOUBLE, G_STRUCT_OFFSET (MigJobStats, rate), NULL, -1 },
  { "dirty-rate", MIG_FIELD_DOUBLE, G_STRUCT_OFFSET (MigJobStats, dirty_rate), NULL, -1 },
  { "iteration", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigJobStats, iteration), NULL, -1 },
};

static void
mig_job_stats_class_init (MigJobStatsClass *klass)
{
  /**
   * MigJobStats:kind:
   *
   * The job.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:completed:
   *
   * Whether these are the final figures of a job that ended well.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:elapsed:
   *
   * Seconds since its start, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:downtime:
   *
   * Seconds of standstill: expected while it runs, measured once completed; -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:memory-total:
   *
   * Bytes of memory to move, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:memory-processed:
   *
   * Bytes of memory moved, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:memory-remaining:
   *
   * Bytes of memory still to move, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:disk-total:
   *
   * Bytes of disks to move, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:disk-processed:
   *
   * Bytes of disks moved, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:disk-remaining:
   *
   * Bytes of disks still to move, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:rate:
   *
   * Bytes per second, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:dirty-rate:
   *
   * Bytes per second that the guest dirties, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigJobStats:iteration:
   *
   * The pass over memory, -1 if unknown.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_job_stats_init (MigJobStats *self)
{
}

/**
 * mig_job_stats_get_kind:
 * @self: a value
 *
 * Gets the job.
 *
 * Returns: the job
 *
 * Since: 0.1
 */
MigJobKind
mig_job_stats_get_kind (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), 0);

  return self->kind;
}

/**
 * mig_job_stats_is_completed:
 * @self: a value
 *
 * Tells whether these are the final figures of a job that ended well.
 *
 * Returns: whether these are the final figures of a job that ended well
 *
 * Since: 0.1
 */
gboolean
mig_job_stats_is_completed (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), FALSE);

  return self->completed;
}

/**
 * mig_job_stats_get_elapsed:
 * @self: a value
 *
 * Gets seconds since its start.
 *
 * Returns: seconds since its start, -1 if unknown
 *
 * Since: 0.1
 */
double
mig_job_stats_get_elapsed (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), -1);

  return self->elapsed;
}

/**
 * mig_job_stats_get_downtime:
 * @self: a value
 *
 * Gets seconds of standstill: expected while it runs, measured once completed.
 *
 * Returns: seconds of standstill: expected while it runs, measured once completed; -1 if unknown
 *
 * Since: 0.1
 */
double
mig_job_stats_get_downtime (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), -1);

  return self->downtime;
}

/**
 * mig_job_stats_get_memory_total:
 * @self: a value
 *
 * Gets bytes of memory to move.
 *
 * Returns: bytes of memory to move, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_job_stats_get_memory_total (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), -1);

  return self->memory_total;
}

/**
 * mig_job_stats_get_memory_processed:
 * @self: a value
 *
 * Gets bytes of memory moved.
 *
 * Returns: bytes of memory moved, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_job_stats_get_memory_processed (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), -1);

  return self->memory_processed;
}

/**
 * mig_job_stats_get_memory_remaining:
 * @self: a value
 *
 * Gets bytes of memory still to move.
 *
 * Returns: bytes of memory still to move, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_job_stats_get_memory_remaining (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), -1);

  return self->memory_remaining;
}

/**
 * mig_job_stats_get_disk_total:
 * @self: a value
 *
 * Gets bytes of disks to move.
 *
 * Returns: bytes of disks to move, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_job_stats_get_disk_total (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), -1);

  return self->disk_total;
}

/**
 * mig_job_stats_get_disk_processed:
 * @self: a value
 *
 * Gets bytes of disks moved.
 *
 * Returns: bytes of disks moved, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_job_stats_get_disk_processed (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), -1);

  return self->disk_processed;
}

/**
 * mig_job_stats_get_disk_remaining:
 * @self: a value
 *
 * Gets bytes of disks still to move.
 *
 * Returns: bytes of disks still to move, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_job_stats_get_disk_remaining (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), -1);

  return self->disk_remaining;
}

/**
 * mig_job_stats_get_rate:
 * @self: a value
 *
 * Gets how fast data is moved, in bytes per second.
 *
 * Returns: bytes per second, -1 if unknown
 *
 * Since: 0.1
 */
double
mig_job_stats_get_rate (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), -1);

  return self->rate;
}

/**
 * mig_job_stats_get_dirty_rate:
 * @self: a value
 *
 * Gets bytes per second that the guest dirties.
 *
 * Returns: bytes per second that the guest dirties, -1 if unknown
 *
 * Since: 0.1
 */
double
mig_job_stats_get_dirty_rate (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), -1);

  return self->dirty_rate;
}

/**
 * mig_job_stats_get_iteration:
 * @self: a value
 *
 * Gets the pass over memory.
 *
 * Returns: the pass over memory, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_job_stats_get_iteration (MigJobStats *self)
{
  g_return_val_if_fail (MIG_IS_JOB_STATS (self), -1);

  return self->iteration;
}
