/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-volume.h>

#include "libmig/core/mig-value-private.h"

/**
 * MigVolume:
 *
 * A volume as a back end sees it on one host. Immutable.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigVolume
{
  GObject parent_instance;

  MigDiskSource *source;
  char          *pool;
  char          *name;
  gint64         capacity;
  gint64         allocation;
  gint64         available;
  char          *identity;
  MigDiskSource *backing;
  gboolean       backing_known;
  gboolean       encrypted;
};

G_DEFINE_FINAL_TYPE (MigVolume, mig_volume, G_TYPE_OBJECT)

static const MigField fields[] = {
  { "source", MIG_FIELD_OBJECT, G_STRUCT_OFFSET (MigVolume, source), mig_disk_source_get_type, 0 },
  { "pool", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigVolume, pool), NULL, 0 },
  { "name", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigVolume, name), NULL, 0 },
  { "capacity", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigVolume, capacity), NULL, -1 },
  { "allocation", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigVolume, allocation), NULL, -1 },
  { "available", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigVolume, available), NULL, -1 },
  { "identity", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigVolume, identity), NULL, 0 },
  { "backing", MIG_FIELD_OBJECT, G_STRUCT_OFFSET (MigVolume, backing), mig_disk_source_get_type, 0 },
  { "backing-known", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (MigVolume, backing_known), NULL, 0 },
  { "encrypted", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (MigVolume, encrypted), NULL, 0 },
};

static void
mig_volume_class_init (MigVolumeClass *klass)
{
  /**
   * MigVolume:source:
   *
   * Where it is.
   *
   * Since: 0.1
   */
  /**
   * MigVolume:pool:
   *
   * The pool that holds it, or %NULL.
   *
   * Since: 0.1
   */
  /**
   * MigVolume:name:
   *
   * Its name in the pool.
   *
   * Since: 0.1
   */
  /**
   * MigVolume:capacity:
   *
   * Its length as a guest sees it, in bytes, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigVolume:allocation:
   *
   * Bytes allocated, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigVolume:available:
   *
   * Free bytes beside it, -1 if unknown.
   *
   * Since: 0.1
   */
  /**
   * MigVolume:identity:
   *
   * Equal on two hosts exactly when it is the same storage; %NULL for storage of one host.
   *
   * Since: 0.1
   */
  /**
   * MigVolume:backing:
   *
   * The volume that this one is a layer above of, as it names it itself: its backing file. %NULL when there is none,
   * or it is not known.
   *
   * Since: 0.1
   */
  /**
   * MigVolume:backing-known:
   *
   * Whether the back end has found out what [property@Volume:backing] is. Without that, nothing that a guest which
   * uses this volume may stand on is proved to be unused.
   *
   * Since: 0.1
   */
  /**
   * MigVolume:encrypted:
   *
   * Whether it begins with a header of LUKS, or its format encrypts what it holds.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_volume_init (MigVolume *self)
{
}

/**
 * mig_volume_get_source:
 * @self: a value
 *
 * Tells where it is.
 *
 * Returns: (transfer none): where it is
 *
 * Since: 0.1
 */
MigDiskSource *
mig_volume_get_source (MigVolume *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME (self), NULL);

  return self->source;
}

/**
 * mig_volume_get_pool:
 * @self: a value
 *
 * Gets the pool that holds it.
 *
 * Returns: (nullable): the pool that holds it, or %NULL
 *
 * Since: 0.1
 */
const char *
mig_volume_get_pool (MigVolume *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME (self), NULL);

  return self->pool;
}

/**
 * mig_volume_get_name:
 * @self: a value
 *
 * Gets its name in the pool.
 *
 * Returns: its name in the pool
 *
 * Since: 0.1
 */
const char *
mig_volume_get_name (MigVolume *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME (self), NULL);

  return self->name;
}

/**
 * mig_volume_get_capacity:
 * @self: a value
 *
 * Gets its length as a guest sees it, in bytes.
 *
 * Returns: its length as a guest sees it, in bytes, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_volume_get_capacity (MigVolume *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME (self), -1);

  return self->capacity;
}

/**
 * mig_volume_get_allocation:
 * @self: a value
 *
 * Gets bytes allocated.
 *
 * Returns: bytes allocated, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_volume_get_allocation (MigVolume *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME (self), -1);

  return self->allocation;
}

/**
 * mig_volume_get_available:
 * @self: a value
 *
 * Gets the free bytes of the place where it is.
 *
 * Returns: free bytes beside it, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_volume_get_available (MigVolume *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME (self), -1);

  return self->available;
}

/**
 * mig_volume_get_identity:
 * @self: a value
 *
 * Gets a text that is equal on two hosts exactly when it is the same storage.
 *
 * Returns: (nullable): equal on two hosts exactly when it is the same storage; %NULL for storage of one host
 *
 * Since: 0.1
 */
const char *
mig_volume_get_identity (MigVolume *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME (self), NULL);

  return self->identity;
}

/**
 * mig_volume_get_backing:
 * @self: a value
 *
 * Gets the volume that this one is a layer above of.
 *
 * Returns: (nullable) (transfer none): its backing file; %NULL when it has none, or it is not known
 *
 * Since: 0.1
 */
MigDiskSource *
mig_volume_get_backing (MigVolume *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME (self), NULL);

  return self->backing;
}

/**
 * mig_volume_knows_backing:
 * @self: a value
 *
 * Tells whether the back end has found out what its backing file is.
 *
 * Returns: whether [method@Volume.get_backing] means what it says
 *
 * Since: 0.1
 */
gboolean
mig_volume_knows_backing (MigVolume *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME (self), FALSE);

  return self->backing_known;
}

/**
 * mig_volume_is_encrypted:
 * @self: a value
 *
 * Tells whether it begins with a header of LUKS, or its format encrypts what it holds.
 *
 * Returns: whether it is encrypted
 *
 * Since: 0.1
 */
gboolean
mig_volume_is_encrypted (MigVolume *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME (self), FALSE);

  return self->encrypted;
}
