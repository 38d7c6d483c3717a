/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/model/mig-migration-options-private.h"

#include <libmig/mig-enum-types.h>
#include <libmig/mig-error.h>

#include "libmig/core/mig-value-private.h"
#include "libmig/model/mig-options-json-private.h"

#include <math.h>

/**
 * MigMigrationOptions:
 *
 * How a guest is moved: what the caller wants, not which knobs are turned.
 *
 * The properties may be set at any time; a [class@Mig.MigrationTask] takes a copy when it runs. In JSON the options are
 * one object, with the properties' names as keys and enumerations by their nicks: `{"disks": "copy", "max-downtime":
 * 0.5}`.
 *
 * Not thread-safe: one thread at a time.
 *
 * Since: 0.1
 */

/* The journal's text of a request is compared with the one of a repetition; see mig_options_save_json(). */

/* Nothing above is meant, and QEMU refuses it: 2000 seconds. */
#define MAX_DOWNTIME 2000.0

/* What libvirt can express: MiB per second in 63 bits of bytes, with room. */
#define MAX_BANDWIDTH (G_GINT64_CONSTANT (1) << 50)

G_DEFINE_FINAL_TYPE (MigMigrationOptions, mig_migration_options, G_TYPE_OBJECT)

#define FIELD(kind, member) MIG_FIELD_##kind, G_STRUCT_OFFSET (MigMigrationOptions, member)

static const MigField fields[] = {
  { "mode", FIELD (ENUM, mode), mig_migrate_mode_get_type, MIG_MIGRATE_MODE_AUTO },
  { "disks", FIELD (ENUM, disks), mig_disk_mode_get_type, MIG_DISK_MODE_AUTO },
  { "unsafe", FIELD (BOOLEAN, unsafe), NULL, FALSE },
  { "max-downtime", FIELD (DOUBLE, max_downtime), NULL, -1 },
  { "keep-source-disks", FIELD (BOOLEAN, keep_source_disks), NULL, FALSE },
  { "deadline", FIELD (DOUBLE, deadline), NULL, -1 },
  { "post-copy", FIELD (BOOLEAN, post_copy), NULL, FALSE },
  { "throttle", FIELD (BOOLEAN, throttle), NULL, FALSE },
  { "bandwidth", FIELD (INT64, bandwidth), NULL, 0 },
};

G_STATIC_ASSERT (sizeof (MigMigrateMode) == sizeof (int) && sizeof (MigDiskMode) == sizeof (int));

static void
mig_migration_options_class_init (MigMigrationOptionsClass *klass)
{
  /**
   * MigMigrationOptions:mode:
   *
   * Who manages the migration.
   *
   * Since: 0.1
   */
  /**
   * MigMigrationOptions:disks:
   *
   * Which disks are copied.
   *
   * Since: 0.1
   */
  /**
   * MigMigrationOptions:unsafe:
   *
   * Skip the hypervisor's check that disks which are not copied are on storage that it knows to be shared.
   *
   * Since: 0.1
   */
  /**
   * MigMigrationOptions:max-downtime:
   *
   * How long the guest may stand still at the switch-over, in seconds; -1 for the hypervisor's default.
   *
   * Since: 0.1
   */
  /**
   * MigMigrationOptions:keep-source-disks:
   *
   * Keep the source's volumes after their disks were copied. Without it they are deleted once the guest is proved to
   * run from the copies and nothing else at the source uses them.
   *
   * Since: 0.1
   */
  /**
   * MigMigrationOptions:deadline:
   *
   * Give up when the guest has not switched over after so many seconds of transfer; -1 for no limit. What has begun
   * to switch over is finished.
   *
   * Since: 0.1
   */
  /**
   * MigMigrationOptions:post-copy:
   *
   * The guest may be switched over before all of its memory has arrived; the rest follows on demand. From then on the
   * operation cannot be aborted, and the loss of either host loses the guest.
   *
   * Since: 0.1
   */
  /**
   * MigMigrationOptions:throttle:
   *
   * The guest's processors may be slowed so that the migration converges.
   *
   * Since: 0.1
   */
  /**
   * MigMigrationOptions:bandwidth:
   *
   * What memory and disks may use together, in bytes per second; 0 for no limit.
   *
   * Since: 0.1
   */
  mig_value_class_install_mutable (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_migration_options_init (MigMigrationOptions *self)
{
}

/**
 * mig_migration_options_new:
 *
 * Options with their defaults.
 *
 * Returns: (transfer full): new options
 *
 * Since: 0.1
 */
MigMigrationOptions *
mig_migration_options_new (void)
{
  return g_object_new (MIG_TYPE_MIGRATION_OPTIONS, NULL);
}

/**
 * mig_migration_options_new_from_json:
 * @json: the text of one JSON object
 * @error: return location for an error
 *
 * Options from JSON; what the text leaves out has its default.
 *
 * Fails with %MIG_ERROR_INVALID_ARGUMENT when the text is not JSON, and for a key that is unknown or has a value of
 * the wrong type or out of range; the message names the key.
 *
 * Returns: (transfer full): new options, or %NULL with an error
 *
 * Since: 0.1
 */
MigMigrationOptions *
mig_migration_options_new_from_json (const char  *json,
                                     GError     **error)
{
  g_autoptr (MigMigrationOptions) self = NULL;

  g_return_val_if_fail (json != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  self = mig_migration_options_new ();
  if (!mig_options_load_json (G_OBJECT (self), json, "migration options", error) ||
      !mig_migration_options_validate (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

/**
 * mig_migration_options_to_json:
 * @self: options
 *
 * One JSON object on one line, with the options that differ from their defaults.
 *
 * Returns: (transfer full): JSON
 *
 * Since: 0.1
 */
char *
mig_migration_options_to_json (MigMigrationOptions *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATION_OPTIONS (self), NULL);

  return mig_options_save_json (G_OBJECT (self));
}

gboolean
mig_migration_options_validate (MigMigrationOptions  *self,
                                GError              **error)
{
  const char *wrong = NULL;

  /* Written so that NaN is refused too. */
  if (self->max_downtime != -1 && !(self->max_downtime > 0 && self->max_downtime <= MAX_DOWNTIME))
    wrong = "“max-downtime” must be more than 0 and at most 2000 seconds, or -1";
  else if (self->deadline != -1 && !(self->deadline > 0 && isfinite (self->deadline)))
    wrong = "“deadline” must be more than 0 seconds, or -1";
  else if (self->bandwidth < 0 || self->bandwidth > MAX_BANDWIDTH)
    wrong = "“bandwidth” must be from 0 to 2^50 bytes per second";

  if (wrong == NULL)
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "migration options: %s", wrong);

  return FALSE;
}
