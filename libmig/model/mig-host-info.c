/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-host-info.h>

#include "libmig/core/mig-value-private.h"

/**
 * MigHostInfo:
 *
 * What a driver found out about a host. Immutable.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigHostInfo
{
  GObject parent_instance;

  char  *uuid;
  char  *hostname;
  char  *daemon_incarnation;
  gint64 free_memory;
};

G_DEFINE_FINAL_TYPE (MigHostInfo, mig_host_info, G_TYPE_OBJECT)

static const MigField fields[] = {
  { "uuid", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigHostInfo, uuid), NULL, 0 },
  { "hostname", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigHostInfo, hostname), NULL, 0 },
  { "daemon-incarnation", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigHostInfo, daemon_incarnation), NULL, 0 },
  { "free-memory", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigHostInfo, free_memory), NULL, -1 },
};

static void
mig_host_info_class_init (MigHostInfoClass *klass)
{
  /**
   * MigHostInfo:uuid:
   *
   * The host's own UUID: two URIs with the same one are the same host.
   *
   * Since: 0.1
   */
  /**
   * MigHostInfo:hostname:
   *
   * The name that the host gives itself.
   *
   * Since: 0.1
   */
  /**
   * MigHostInfo:daemon-incarnation:
   *
   * A text that changes when the host's daemon restarts; %NULL when that cannot be told.
   *
   * Since: 0.1
   */
  /**
   * MigHostInfo:free-memory:
   *
   * Free memory in bytes, -1 if unknown.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_host_info_init (MigHostInfo *self)
{
}

/**
 * mig_host_info_get_uuid:
 * @self: a value
 *
 * Gets the host's own UUID: two URIs with the same one are the same host.
 *
 * Returns: the host's own UUID: two URIs with the same one are the same host
 *
 * Since: 0.1
 */
const char *
mig_host_info_get_uuid (MigHostInfo *self)
{
  g_return_val_if_fail (MIG_IS_HOST_INFO (self), NULL);

  return self->uuid;
}

/**
 * mig_host_info_get_hostname:
 * @self: a value
 *
 * Gets the name that the host gives itself.
 *
 * Returns: the name that the host gives itself
 *
 * Since: 0.1
 */
const char *
mig_host_info_get_hostname (MigHostInfo *self)
{
  g_return_val_if_fail (MIG_IS_HOST_INFO (self), NULL);

  return self->hostname;
}

/**
 * mig_host_info_get_daemon_incarnation:
 * @self: a value
 *
 * Gets a text that changes when the host's daemon restarts.
 *
 * Returns: (nullable): a text that changes when the host's daemon restarts; %NULL when that cannot be told
 *
 * Since: 0.1
 */
const char *
mig_host_info_get_daemon_incarnation (MigHostInfo *self)
{
  g_return_val_if_fail (MIG_IS_HOST_INFO (self), NULL);

  return self->daemon_incarnation;
}

/**
 * mig_host_info_get_free_memory:
 * @self: a value
 *
 * Gets free memory in bytes.
 *
 * Returns: free memory in bytes, -1 if unknown
 *
 * Since: 0.1
 */
gint64
mig_host_info_get_free_memory (MigHostInfo *self)
{
  g_return_val_if_fail (MIG_IS_HOST_INFO (self), -1);

  return self->free_memory;
}
