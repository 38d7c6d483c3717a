/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-progress.h>

#include <libmig/mig-enum-types.h>

#include "libmig/core/mig-value-private.h"

/**
 * MigProgress:
 *
 * How far an operation is. Immutable.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigProgress
{
  GObject parent_instance;

  int    phase;
  double fraction;
  gint64 memory_total;
  gint64 memory_processed;
  gint64 memory_remaining;
  gint64 disk_total;
  gint64 disk_processed;
  gint64 disk_remaining;
  double rate;
  double dirty_rate;
  gint64 iteration;
  double expected_downtime;
  double eta;
};

G_DEFINE_FINAL_TYPE (MigProgress, mig_progress, G_TYPE_OBJECT)

static const MigField fields[] = {
  { "phase", MIG_FIELD_ENUM, G_STRUCT_OFFSET (MigProgress, phase), mig_phase_get_type, 0 },
  { "fraction", MIG_FIELD_DOUBLE, G_STRUCT_OFFSET (MigProgress, fraction), NULL, 0 },
  { "memory-total", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigProgress, memory_total), NULL, -1 },
  { "memory-processed", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigProgress, memory_processed), NULL, -1 },
  { "memory-remaining", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigProgress, memory_remaining), NULL, -1 },
  { "disk-total", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigProgress, disk_total), NULL, -1 },
  { "disk-processed", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigProgress, disk_processed), NULL, -1 },
  { "disk-remaining", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigProgress, disk_remaining), NULL, -1 },
  { "rate", MIG_FIELD_DOUBLE, G_STRUCT_OFFSET (MigProgress, rate), NULL, -1 },
  { "dirty-rate", MIG_FIELD_DOUBLE, G_STRUCT_OFFSET (MigProgress, dirty_rate), NULL, -1 },
  { "iteration", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigProgress, iteration), NULL, -1 },
  { "expected-downtime", MIG_FIELD_DOUBLE, G_STRUCT_OFFSET (MigProgress, expected_downtime), NULL, -1 },
  { "eta", MIG_FIELD_DOUBLE, G_STRUCT_OFFSET (MigProgress, eta), NULL, -1 },
};

static void
mig_progress_class_init (MigProgressClass *klass)
{
  /**
   * MigProgress:phase:
   *
   * The phase.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:fraction:
   *
   * 0 to 1; never decreases.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:memory-total:
   *
   * Bytes of memory to move, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:memory-processed:
   *
   * Bytes of memory moved, -1 if unknown; never decreases within an attempt.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:memory-remaining:
   *
   * Bytes of memory still to move, -1 if unknown; may grow.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:disk-total:
   *
   * Bytes of disks to move, -1 if unknown; may grow.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:disk-processed:
   *
   * Bytes of disks moved, -1 if unknown; never decreases within an attempt.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:disk-remaining:
   *
   * Bytes of disks still to move, -1 if unknown; may grow.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:rate:
   *
   * Bytes per second, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:dirty-rate:
   *
   * Bytes per second that the guest dirties, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:iteration:
   *
   * The pass over memory, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:expected-downtime:
   *
   * Seconds, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigProgress:eta:
   *
   * Seconds to the end, -1 if unknown.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_progress_init (MigProgress *self)
{
}

/**
 * mig_progress_get_phase:
 * @self: a value
 *
 * Gets the phase.
 *
 * Returns: the phase
 *
 * Since: 0.1
 */
MigPhase
mig_progress_get_phase (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), 0);

  return self->phase;
}

/**
 * mig_progress_get_fraction:
 * @self: a value
 *
 * Gets how much of the whole operation is done, 0 to 1.
 *
 * Returns: 0 to 1; never decreases
 *
 * Since: 0.1
 */
double
mig_progress_get_fraction (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->fraction;
}

/**
 * mig_progress_get_memory_total:
 * @self: a value
 *
 * Gets bytes of memory to move.
 *
 * Returns: bytes of memory to move, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_progress_get_memory_total (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->memory_total;
}

/**
 * mig_progress_get_memory_processed:
 * @self: a value
 *
 * Gets bytes of memory moved.
 *
 * Returns: bytes of memory moved, -1 if unknown; never decreases within an attempt
 *
 * Since: 0.1
 */
gint64
mig_progress_get_memory_processed (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->memory_processed;
}

/**
 * mig_progress_get_memory_remaining:
 * @self: a value
 *
 * Gets bytes of memory still to move.
 *
 * Returns: bytes of memory still to move, -1 if unknown; may grow
 *
 * Since: 0.1
 */
gint64
mig_progress_get_memory_remaining (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->memory_remaining;
}

/**
 * mig_progress_get_disk_total:
 * @self: a value
 *
 * Gets bytes of disks to move.
 *
 * Returns: bytes of disks to move, -1 if unknown; may grow
 *
 * Since: 0.1
 */
gint64
mig_progress_get_disk_total (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->disk_total;
}

/**
 * mig_progress_get_disk_processed:
 * @self: a value
 *
 * Gets bytes of disks moved.
 *
 * Returns: bytes of disks moved, -1 if unknown; never decreases within an attempt
 *
 * Since: 0.1
 */
gint64
mig_progress_get_disk_processed (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->disk_processed;
}

/**
 * mig_progress_get_disk_remaining:
 * @self: a value
 *
 * Gets bytes of disks still to move.
 *
 * Returns: bytes of disks still to move, -1 if unknown; may grow
 *
 * Since: 0.1
 */
gint64
mig_progress_get_disk_remaining (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->disk_remaining;
}

/**
 * mig_progress_get_rate:
 * @self: a value
 *
 * Gets how fast data is moved, in bytes per second.
 *
 * Returns: bytes per second, -1 if unknown
 *
 * Since: 0.1
 */
double
mig_progress_get_rate (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->rate;
}

/**
 * mig_progress_get_dirty_rate:
 * @self: a value
 *
 * Gets bytes per second that the guest dirties.
 *
 * Returns: bytes per second that the guest dirties, -1 if unknown
 *
 * Since: 0.1
 */
double
mig_progress_get_dirty_rate (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->dirty_rate;
}

/**
 * mig_progress_get_iteration:
 * @self: a value
 *
 * Gets the pass over memory.
 *
 * Returns: the pass over memory, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_progress_get_iteration (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->iteration;
}

/**
 * mig_progress_get_expected_downtime:
 * @self: a value
 *
 * Gets how long the guest will stand still at the switch-over, in seconds.
 *
 * Returns: seconds, -1 if unknown
 *
 * Since: 0.1
 */
double
mig_progress_get_expected_downtime (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->expected_downtime;
}

/**
 * mig_progress_get_eta:
 * @self: a value
 *
 * Gets seconds to the end.
 *
 * Returns: seconds to the end, -1 if unknown
 *
 * Since: 0.1
 */
double
mig_progress_get_eta (MigProgress *self)
{
  g_return_val_if_fail (MIG_IS_PROGRESS (self), -1);

  return self->eta;
}
