/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-disk.h>

#include "libmig/core/mig-value-private.h"

/**
 * MigDisk:
 *
 * One disk of a domain. Immutable.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigDisk
{
  GObject parent_instance;

  char          *target;
  char          *device;
  MigDiskSource *source;
  char          *serial;
  gboolean       read_only;
  gboolean       shareable;
  gboolean       encrypted;
  gboolean       backing;
  GPtrArray     *backing_chain;
  MigDiskSource *mirror;
  gboolean       mirror_ready;
};

G_DEFINE_FINAL_TYPE (MigDisk, mig_disk, G_TYPE_OBJECT)

static const MigField fields[] = {
  { "target", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigDisk, target), NULL, 0 },
  { "device", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigDisk, device), NULL, 0 },
  { "source", MIG_FIELD_OBJECT, G_STRUCT_OFFSET (MigDisk, source), mig_disk_source_get_type, 0 },
  { "serial", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigDisk, serial), NULL, 0 },
  { "read-only", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (MigDisk, read_only), NULL, 0 },
  { "shareable", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (MigDisk, shareable), NULL, 0 },
  { "encrypted", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (MigDisk, encrypted), NULL, 0 },
  { "backing", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (MigDisk, backing), NULL, 0 },
  { "backing-chain", MIG_FIELD_BOXED, G_STRUCT_OFFSET (MigDisk, backing_chain), g_ptr_array_get_type, 0 },
  { "mirror", MIG_FIELD_OBJECT, G_STRUCT_OFFSET (MigDisk, mirror), mig_disk_source_get_type, 0 },
  { "mirror-ready", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (MigDisk, mirror_ready), NULL, 0 },
};

static void
mig_disk_constructed (GObject *object)
{
  MigDisk *self = MIG_DISK (object);

  G_OBJECT_CLASS (mig_disk_parent_class)->constructed (object);

  if (self->backing_chain == NULL)
    self->backing_chain = g_ptr_array_new_with_free_func (g_object_unref);
}

static void
mig_disk_class_init (MigDiskClass *klass)
{
  G_OBJECT_CLASS (klass)->constructed = mig_disk_constructed;

  /**
   * MigDisk:target:
   *
   * The name of the disk in the guest, such as `vda`.
   *
   * Since: 0.1
   */
  /**
   * MigDisk:device:
   *
   * `disk`, `cdrom`, `floppy` or `lun`.
   *
   * Since: 0.1
   */
  /**
   * MigDisk:source:
   *
   * Where its data is; %NULL for an empty drive.
   *
   * Since: 0.1
   */
  /**
   * MigDisk:serial:
   *
   * The serial number that the guest sees, or %NULL.
   *
   * Since: 0.1
   */
  /**
   * MigDisk:read-only:
   *
   * Whether the guest may only read.
   *
   * Since: 0.1
   */
  /**
   * MigDisk:shareable:
   *
   * Whether several guests may use it at once.
   *
   * Since: 0.1
   */
  /**
   * MigDisk:encrypted:
   *
   * Whether the hypervisor decrypts it, or a file below its source (LUKS).
   *
   * Since: 0.1
   */
  /**
   * MigDisk:backing:
   *
   * Whether it has a backing file.
   *
   * Since: 0.1
   */
  /**
   * MigDisk:backing-chain: (type GPtrArray(MigDiskSource))
   *
   * The files below its source, the nearest first, as far as the hypervisor tells: it does for a running guest.
   *
   * Since: 0.1
   */
  /**
   * MigDisk:mirror:
   *
   * The destination of a running mirror job, or %NULL.
   *
   * Since: 0.1
   */
  /**
   * MigDisk:mirror-ready:
   *
   * Whether that mirror may pivot.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_disk_init (MigDisk *self)
{
}

/**
 * mig_disk_get_target:
 * @self: a value
 *
 * Gets the name of the disk in the guest, such as `vda`.
 *
 * Returns: the name of the disk in the guest, such as `vda`
 *
 * Since: 0.1
 */
const char *
mig_disk_get_target (MigDisk *self)
{
  g_return_val_if_fail (MIG_IS_DISK (self), NULL);

  return self->target;
}

/**
 * mig_disk_get_device:
 * @self: a value
 *
 * Gets the kind of device: `disk`, `cdrom`, `floppy` or `lun`.
 *
 * Returns: `disk`, `cdrom`, `floppy` or `lun`
 *
 * Since: 0.1
 */
const char *
mig_disk_get_device (MigDisk *self)
{
  g_return_val_if_fail (MIG_IS_DISK (self), NULL);

  return self->device;
}

/**
 * mig_disk_get_source:
 * @self: a value
 *
 * Tells where its data is.
 *
 * Returns: (transfer none) (nullable): where its data is; %NULL for an empty drive
 *
 * Since: 0.1
 */
MigDiskSource *
mig_disk_get_source (MigDisk *self)
{
  g_return_val_if_fail (MIG_IS_DISK (self), NULL);

  return self->source;
}

/**
 * mig_disk_get_serial:
 * @self: a value
 *
 * Gets the serial number that the guest sees.
 *
 * Returns: (nullable): the serial number that the guest sees, or %NULL
 *
 * Since: 0.1
 */
const char *
mig_disk_get_serial (MigDisk *self)
{
  g_return_val_if_fail (MIG_IS_DISK (self), NULL);

  return self->serial;
}

/**
 * mig_disk_is_read_only:
 * @self: a value
 *
 * Tells whether the guest may only read.
 *
 * Returns: whether the guest may only read
 *
 * Since: 0.1
 */
gboolean
mig_disk_is_read_only (MigDisk *self)
{
  g_return_val_if_fail (MIG_IS_DISK (self), FALSE);

  return self->read_only;
}

/**
 * mig_disk_is_shareable:
 * @self: a value
 *
 * Tells whether several guests may use it at once.
 *
 * Returns: whether several guests may use it at once
 *
 * Since: 0.1
 */
gboolean
mig_disk_is_shareable (MigDisk *self)
{
  g_return_val_if_fail (MIG_IS_DISK (self), FALSE);

  return self->shareable;
}

/**
 * mig_disk_is_encrypted:
 * @self: a value
 *
 * Tells whether the hypervisor decrypts it (LUKS).
 *
 * Returns: whether the hypervisor decrypts it (LUKS)
 *
 * Since: 0.1
 */
gboolean
mig_disk_is_encrypted (MigDisk *self)
{
  g_return_val_if_fail (MIG_IS_DISK (self), FALSE);

  return self->encrypted;
}

/**
 * mig_disk_has_backing:
 * @self: a value
 *
 * Tells whether it has a backing file.
 *
 * Returns: whether it has a backing file
 *
 * Since: 0.1
 */
gboolean
mig_disk_has_backing (MigDisk *self)
{
  g_return_val_if_fail (MIG_IS_DISK (self), FALSE);

  return self->backing;
}

/**
 * mig_disk_get_backing_chain:
 * @self: a value
 *
 * Gets the files below its source, the nearest first, as far as the hypervisor tells.
 *
 * Returns: (transfer none) (element-type MigDiskSource): the files below its source, the nearest first, as far as the
 *   hypervisor tells
 *
 * Since: 0.1
 */
GPtrArray *
mig_disk_get_backing_chain (MigDisk *self)
{
  g_return_val_if_fail (MIG_IS_DISK (self), NULL);

  return self->backing_chain;
}

/**
 * mig_disk_get_mirror:
 * @self: a value
 *
 * Gets the destination of a running mirror job.
 *
 * Returns: (transfer none) (nullable): the destination of a running mirror job, or %NULL
 *
 * Since: 0.1
 */
MigDiskSource *
mig_disk_get_mirror (MigDisk *self)
{
  g_return_val_if_fail (MIG_IS_DISK (self), NULL);

  return self->mirror;
}

/**
 * mig_disk_is_mirror_ready:
 * @self: a value
 *
 * Tells whether that mirror may pivot.
 *
 * Returns: whether that mirror may pivot
 *
 * Since: 0.1
 */
gboolean
mig_disk_is_mirror_ready (MigDisk *self)
{
  g_return_val_if_fail (MIG_IS_DISK (self), FALSE);

  return self->mirror_ready;
}
