/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-host.h>

#include "libmig/core/mig-value-private.h"

/**
 * MigHost:
 *
 * A hypervisor host, as the embedder describes it. Immutable.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigHost
{
  GObject parent_instance;

  char *name;
  char *uri;
  char *peer_uri;
  char *migration_uri;
};

G_DEFINE_FINAL_TYPE (MigHost, mig_host, G_TYPE_OBJECT)

static const MigField fields[] = {
  { "name", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigHost, name), NULL, 0 },
  { "uri", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigHost, uri), NULL, 0 },
  { "peer-uri", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigHost, peer_uri), NULL, 0 },
  { "migration-uri", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigHost, migration_uri), NULL, 0 },
};

static void
mig_host_class_init (MigHostClass *klass)
{
  /**
   * MigHost:name:
   *
   * The unique name by which operations and the journal call the host.
   *
   * Since: 0.1
   */
  /**
   * MigHost:uri:
   *
   * The URI that this process opens.
   *
   * Since: 0.1
   */
  /**
   * MigHost:peer-uri:
   *
   * The URI that another host's daemon opens; with it a move to this host is peer-to-peer.
   *
   * Since: 0.1
   */
  /**
   * MigHost:migration-uri:
   *
   * The URI on which the host receives migrations; %NULL lets the hypervisor choose.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_host_init (MigHost *self)
{
}

/**
 * mig_host_get_name:
 * @self: a value
 *
 * Gets the unique name by which operations and the journal call the host.
 *
 * Returns: the unique name by which operations and the journal call the host
 *
 * Since: 0.1
 */
const char *
mig_host_get_name (MigHost *self)
{
  g_return_val_if_fail (MIG_IS_HOST (self), NULL);

  return self->name;
}

/**
 * mig_host_get_uri:
 * @self: a value
 *
 * Gets the URI that this process opens.
 *
 * Returns: the URI that this process opens
 *
 * Since: 0.1
 */
const char *
mig_host_get_uri (MigHost *self)
{
  g_return_val_if_fail (MIG_IS_HOST (self), NULL);

  return self->uri;
}

/**
 * mig_host_get_peer_uri:
 * @self: a value
 *
 * Gets the URI that another host's daemon opens.
 *
 * Returns: (nullable): the URI that another host's daemon opens; with it a move to this host is peer-to-peer
 *
 * Since: 0.1
 */
const char *
mig_host_get_peer_uri (MigHost *self)
{
  g_return_val_if_fail (MIG_IS_HOST (self), NULL);

  return self->peer_uri;
}

/**
 * mig_host_get_migration_uri:
 * @self: a value
 *
 * Gets the URI on which the host receives migrations.
 *
 * Returns: (nullable): the URI on which the host receives migrations; %NULL lets the hypervisor choose
 *
 * Since: 0.1
 */
const char *
mig_host_get_migration_uri (MigHost *self)
{
  g_return_val_if_fail (MIG_IS_HOST (self), NULL);

  return self->migration_uri;
}

/**
 * mig_host_new:
 * @name: the unique name of the host
 * @uri: the URI that this process opens
 *
 * Describes a host that has neither a peer URI nor a migration URI; set those as construct properties.
 *
 * Returns: (transfer full): a host
 *
 * Since: 0.1
 */
MigHost *
mig_host_new (const char *name,
              const char *uri)
{
  g_return_val_if_fail (name != NULL, NULL);
  g_return_val_if_fail (uri != NULL, NULL);

  return g_object_new (MIG_TYPE_HOST, "name", name, "uri", uri, NULL);
}
