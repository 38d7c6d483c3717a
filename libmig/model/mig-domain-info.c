/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-domain-info.h>

#include <libmig/mig-enum-types.h>

#include "libmig/core/mig-value-private.h"

/**
 * MigDomainInfo:
 *
 * A domain as it is on one host at one moment. Immutable.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigDomainInfo
{
  GObject parent_instance;

  char      *uuid;
  char      *name;
  int        state;
  gint64     id;
  gboolean   persistent;
  gint64     memory;
  char      *mark;
  int        job;
  gboolean   snapshots;
  GPtrArray *disks;
  GPtrArray *persistent_disks;
  char      *definition;
  char      *persistent_definition;
};

G_DEFINE_FINAL_TYPE (MigDomainInfo, mig_domain_info, G_TYPE_OBJECT)

static const MigField fields[] = {
  { "uuid", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigDomainInfo, uuid), NULL, 0 },
  { "name", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigDomainInfo, name), NULL, 0 },
  { "state", MIG_FIELD_ENUM, G_STRUCT_OFFSET (MigDomainInfo, state), mig_domain_state_get_type, 0 },
  { "id", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigDomainInfo, id), NULL, -1 },
  { "persistent", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (MigDomainInfo, persistent), NULL, 0 },
  { "memory", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigDomainInfo, memory), NULL, -1 },
  { "mark", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigDomainInfo, mark), NULL, 0 },
  { "job", MIG_FIELD_ENUM, G_STRUCT_OFFSET (MigDomainInfo, job), mig_job_kind_get_type, 0 },
  { "snapshots", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (MigDomainInfo, snapshots), NULL, 0 },
  { "disks", MIG_FIELD_BOXED, G_STRUCT_OFFSET (MigDomainInfo, disks), g_ptr_array_get_type, 0 },
  { "persistent-disks", MIG_FIELD_BOXED, G_STRUCT_OFFSET (MigDomainInfo, persistent_disks), g_ptr_array_get_type, 0 },
  { "definition", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigDomainInfo, definition), NULL, 0 },
  { "persistent-definition", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigDomainInfo, persistent_definition), NULL, 0 },
};

static void
mig_domain_info_constructed (GObject *object)
{
  MigDomainInfo *self = MIG_DOMAIN_INFO (object);

  G_OBJECT_CLASS (mig_domain_info_parent_class)->constructed (object);

  if (self->disks == NULL)
    self->disks = g_ptr_array_new_with_free_func (g_object_unref);
  if (self->persistent_disks == NULL)
    self->persistent_disks = g_ptr_array_new_with_free_func (g_object_unref);
}

static void
mig_domain_info_class_init (MigDomainInfoClass *klass)
{
  G_OBJECT_CLASS (klass)->constructed = mig_domain_info_constructed;

  /**
   * MigDomainInfo:uuid:
   *
   * Its UUID.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:name:
   *
   * Its name.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:state:
   *
   * What it does.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:id:
   *
   * The number that its host's daemon gave the running domain when it started or arrived there; -1 when it does not run
   * or nothing tells.
   *
   * On the same host another number is another run of the domain. The same number does not prove the same run:
   * libvirt's daemon, when it starts, goes on from the highest number that a guest still has.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:persistent:
   *
   * Whether a definition remains when it ends.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:memory:
   *
   * Its memory in bytes.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:mark:
   *
   * The ownership mark in its metadata, or %NULL.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:job:
   *
   * The job that occupies it.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:snapshots:
   *
   * Whether it has snapshot metadata.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:disks: (type GPtrArray(MigDisk))
   *
   * The disks of the running domain, or of its definition when it does not run.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:persistent-disks: (type GPtrArray(MigDisk))
   *
   * The disks of the persistent definition; empty for a transient domain.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:definition:
   *
   * The live definition, opaque to all but the driver; holds no secrets.
   *
   * Since: 0.1
   */
  /**
   * MigDomainInfo:persistent-definition:
   *
   * The persistent definition, likewise; %NULL for a transient domain.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_domain_info_init (MigDomainInfo *self)
{
}

/**
 * mig_domain_info_get_uuid:
 * @self: a value
 *
 * Gets its UUID.
 *
 * Returns: its UUID
 *
 * Since: 0.1
 */
const char *
mig_domain_info_get_uuid (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), NULL);

  return self->uuid;
}

/**
 * mig_domain_info_get_name:
 * @self: a value
 *
 * Gets its name.
 *
 * Returns: its name
 *
 * Since: 0.1
 */
const char *
mig_domain_info_get_name (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), NULL);

  return self->name;
}

/**
 * mig_domain_info_get_state:
 * @self: a value
 *
 * Tells what it does.
 *
 * Returns: what it does
 *
 * Since: 0.1
 */
MigDomainState
mig_domain_info_get_state (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), 0);

  return self->state;
}

/**
 * mig_domain_info_get_id:
 * @self: a value
 *
 * Gets the number that its host's daemon gave the running domain: on the same host another number is another run of it.
 *
 * Returns: the number, or -1 when it does not run or nothing tells
 *
 * Since: 0.1
 */
gint64
mig_domain_info_get_id (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), -1);

  return self->id;
}

/**
 * mig_domain_info_is_persistent:
 * @self: a value
 *
 * Tells whether a definition remains when it ends.
 *
 * Returns: whether a definition remains when it ends
 *
 * Since: 0.1
 */
gboolean
mig_domain_info_is_persistent (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), FALSE);

  return self->persistent;
}

/**
 * mig_domain_info_get_memory:
 * @self: a value
 *
 * Gets its memory in bytes.
 *
 * Returns: its memory in bytes
 *
 * Since: 0.1
 */
gint64
mig_domain_info_get_memory (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), -1);

  return self->memory;
}

/**
 * mig_domain_info_get_mark:
 * @self: a value
 *
 * Gets the ownership mark in its metadata.
 *
 * Returns: (nullable): the ownership mark in its metadata, or %NULL
 *
 * Since: 0.1
 */
const char *
mig_domain_info_get_mark (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), NULL);

  return self->mark;
}

/**
 * mig_domain_info_get_job:
 * @self: a value
 *
 * Gets the job that occupies it.
 *
 * Returns: the job that occupies it
 *
 * Since: 0.1
 */
MigJobKind
mig_domain_info_get_job (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), 0);

  return self->job;
}

/**
 * mig_domain_info_has_snapshots:
 * @self: a value
 *
 * Tells whether it has snapshot metadata.
 *
 * Returns: whether it has snapshot metadata
 *
 * Since: 0.1
 */
gboolean
mig_domain_info_has_snapshots (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), FALSE);

  return self->snapshots;
}

/**
 * mig_domain_info_get_disks:
 * @self: a value
 *
 * Gets the disks of the running domain.
 *
 * Returns: (transfer none) (element-type MigDisk): the disks of the running domain, or of its definition when it does
 *   not run
 *
 * Since: 0.1
 */
GPtrArray *
mig_domain_info_get_disks (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), NULL);

  return self->disks;
}

/**
 * mig_domain_info_get_persistent_disks:
 * @self: a value
 *
 * Gets the disks of the persistent definition.
 *
 * Returns: (transfer none) (element-type MigDisk): the disks of the persistent definition; empty for a transient domain
 *
 * Since: 0.1
 */
GPtrArray *
mig_domain_info_get_persistent_disks (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), NULL);

  return self->persistent_disks;
}

/**
 * mig_domain_info_get_definition:
 * @self: a value
 *
 * Gets the live definition, opaque to all but the driver.
 *
 * Returns: the live definition, opaque to all but the driver; holds no secrets
 *
 * Since: 0.1
 */
const char *
mig_domain_info_get_definition (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), NULL);

  return self->definition;
}

/**
 * mig_domain_info_get_persistent_definition:
 * @self: a value
 *
 * Gets the persistent definition, opaque to all but the driver.
 *
 * Returns: (nullable): the persistent definition, likewise; %NULL for a transient domain
 *
 * Since: 0.1
 */
const char *
mig_domain_info_get_persistent_definition (MigDomainInfo *self)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), NULL);

  return self->persistent_definition;
}

/**
 * mig_domain_info_find_disk:
 * @self: a value
 * @target: the name of a disk in the guest
 *
 * Finds a disk of the running domain.
 *
 * Returns: (transfer none) (nullable): the disk, or %NULL when the domain has no such disk
 *
 * Since: 0.1
 */
MigDisk *
mig_domain_info_find_disk (MigDomainInfo *self,
                           const char    *target)
{
  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), NULL);
  g_return_val_if_fail (target != NULL, NULL);

  for (guint i = 0; i < self->disks->len; i++)
    {
      MigDisk *disk = g_ptr_array_index (self->disks, i);

      if (g_strcmp0 (mig_disk_get_target (disk), target) == 0)
        return disk;
    }

  return NULL;
}

static GPtrArray *
own_all (GPtrArray *borrowed)
{
  GPtrArray *owned = g_ptr_array_new_full (borrowed->len, g_object_unref);

  for (guint i = 0; i < borrowed->len; i++)
    g_ptr_array_add (owned, g_object_ref (g_ptr_array_index (borrowed, i)));

  return owned;
}

/**
 * mig_domain_info_with_disks:
 * @self: a description of a domain
 * @disks: (element-type MigDisk): the disks of the running domain, or of its definition when it does not run
 * @persistent_disks: (element-type MigDisk): the disks of the persistent definition
 *
 * Makes a description that says the same, but for the disks. This is for drivers in languages that cannot give lists
 * as properties.
 *
 * Returns: (transfer full): another description
 *
 * Since: 0.1
 */
MigDomainInfo *
mig_domain_info_with_disks (MigDomainInfo *self,
                            GPtrArray     *disks,
                            GPtrArray     *persistent_disks)
{
  g_autoptr (GPtrArray) own_disks = NULL;
  g_autoptr (GPtrArray) own_persistent_disks = NULL;

  g_return_val_if_fail (MIG_IS_DOMAIN_INFO (self), NULL);
  g_return_val_if_fail (disks != NULL, NULL);
  g_return_val_if_fail (persistent_disks != NULL, NULL);

  own_disks = own_all (disks);
  own_persistent_disks = own_all (persistent_disks);

  return g_object_new (MIG_TYPE_DOMAIN_INFO,
                       "uuid", self->uuid,
                       "name", self->name,
                       "state", self->state,
                       "id", self->id,
                       "persistent", self->persistent,
                       "memory", self->memory,
                       "mark", self->mark,
                       "job", self->job,
                       "snapshots", self->snapshots,
                       "disks", own_disks,
                       "persistent-disks", own_persistent_disks,
                       "definition", self->definition,
                       "persistent-definition", self->persistent_definition,
                       NULL);
}
