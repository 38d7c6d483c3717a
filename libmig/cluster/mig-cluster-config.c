/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/cluster/mig-cluster-config-private.h"
#include "libmig/core/mig-json-reader-private.h"

#define MAX_SIZE (1024 * 1024)
#define MAX_SECONDS 86400

gboolean
mig_uri_check (const char  *uri,
               const char  *what,
               GError     **error)
{
  g_autoptr (GError) local = NULL;

  if (*uri == '\0')
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s is empty", what);
      return FALSE;
    }

  /* libvirt allows what GLib calls relaxed (a socket path in the query is often written bare). */
  if (strstr (uri, ":") == NULL || !g_uri_is_valid (uri, G_URI_FLAGS_PARSE_RELAXED, &local))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s “%s” is not a URI%s%s", what, uri,
                   local != NULL ? ": " : "", local != NULL ? local->message : "");
      return FALSE;
    }

  return TRUE;
}

gboolean
mig_host_check (MigHost  *host,
                GError  **error)
{
  const struct
  {
    const char *key;
    const char *uri;
  } rows[] = {
    { "uri", mig_host_get_uri (host) },
    { "peer-uri", mig_host_get_peer_uri (host) },
    { "migration-uri", mig_host_get_migration_uri (host) },
  };
  const char *name = mig_host_get_name (host);

  if (name == NULL || *name == '\0' || rows[0].uri == NULL)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "a host has to have a name and a uri");
      return FALSE;
    }
  if (strstr (name, "://") != NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "name “%s” of a host has the form of a URI", name);
      return FALSE;
    }

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *what = g_strdup_printf ("%s of host “%s”", rows[i].key, name);

      if (rows[i].uri != NULL && !mig_uri_check (rows[i].uri, what, error))
        return FALSE;
    }

  return TRUE;
}

static MigHost *
parse_host (JsonNode  *node,
            GError   **error)
{
  static const char *const names[] = { "name", "uri", "peer-uri", "migration-uri", NULL };
  g_autoptr (MigHost) host = NULL;
  const char *name, *uri, *peer_uri, *migration_uri;
  MigJsonReader reader;

  mig_json_reader_begin (&reader, node, MIG_ERROR_INVALID_ARGUMENT, "host", names);
  name = mig_json_reader_need_string (&reader, "name");
  uri = mig_json_reader_need_string (&reader, "uri");
  peer_uri = mig_json_reader_string (&reader, "peer-uri");
  migration_uri = mig_json_reader_string (&reader, "migration-uri");
  if (!mig_json_reader_end (&reader, error))
    return NULL;

  host = g_object_new (MIG_TYPE_HOST, "name", name, "uri", uri, "peer-uri", peer_uri, "migration-uri", migration_uri,
                       NULL);

  return mig_host_check (host, error) ? g_steal_pointer (&host) : NULL;
}

static gboolean
parse_hosts (JsonNode   *node,
             GPtrArray  *hosts,
             GError    **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  JsonArray *array;

  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "hosts is %s instead of a list",
                   mig_json_describe_node (node));
      return FALSE;
    }

  array = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      MigHost *host = parse_host (json_array_get_element (array, i), error);

      if (host == NULL)
        {
          g_prefix_error (error, "hosts[%u]: ", i);
          return FALSE;
        }
      g_ptr_array_add (hosts, host);
      if (!g_hash_table_add (seen, (gpointer) mig_host_get_name (host)))
        {
          g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "hosts[%u]: name “%s” is there twice", i,
                       mig_host_get_name (host));
          return FALSE;
        }
    }

  return TRUE;
}

static gboolean
parse_limits (JsonNode   *node,
              MigLimits  *limits,
              GError    **error)
{
  static const char *const names[] = { "running", "outgoing", "incoming", NULL };
  MigJsonReader reader;
  gint64 running, outgoing, incoming;

  mig_json_reader_begin (&reader, node, MIG_ERROR_INVALID_ARGUMENT, "limits", names);
  running = mig_json_reader_int (&reader, "running", 0, 0);
  outgoing = mig_json_reader_int (&reader, "outgoing", 0, 0);
  incoming = mig_json_reader_int (&reader, "incoming", 0, 0);
  if (!mig_json_reader_end (&reader, error))
    return FALSE;

  limits->running = (guint) MIN (running, G_MAXINT);
  limits->outgoing = (guint) MIN (outgoing, G_MAXINT);
  limits->incoming = (guint) MIN (incoming, G_MAXINT);

  return TRUE;
}

static gboolean
parse_members (JsonNode          *root,
               MigClusterConfig  *config,
               GError           **error)
{
  static const char *const names[] = { "hosts", "limits", "settle-time", "lease-ttl", NULL };
  JsonNode *hosts, *limits;
  MigJsonReader reader;

  mig_json_reader_begin (&reader, root, MIG_ERROR_INVALID_ARGUMENT, "the cluster's description", names);
  hosts = mig_json_reader_member (&reader, "hosts");
  limits = mig_json_reader_member (&reader, "limits");
  config->settle_time = mig_json_reader_double (&reader, "settle-time", 0, -1);
  config->lease_ttl = mig_json_reader_double (&reader, "lease-ttl", 0, -1);
  config->has_limits = limits != NULL;
  if (!mig_json_reader_end (&reader, error))
    return FALSE;

  if ((config->lease_ttl >= 0 && config->lease_ttl < 0.1) || config->lease_ttl > MAX_SECONDS ||
      config->settle_time > MAX_SECONDS)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                   "the cluster's description: “lease-ttl” has to be from 0.1, and “settle-time” from 0, to %d seconds",
                   MAX_SECONDS);
      return FALSE;
    }

  return parse_hosts (hosts, config->hosts, error) && (limits == NULL || parse_limits (limits, &config->limits, error));
}

gboolean
mig_cluster_config_parse (const char        *json,
                          MigClusterConfig  *config,
                          GError           **error)
{
  g_autoptr (JsonNode) root = mig_json_parse (json, MAX_SIZE, MIG_ERROR_INVALID_ARGUMENT,
                                              "the cluster's description", error);

  *config = (MigClusterConfig) { .hosts = g_ptr_array_new_with_free_func (g_object_unref) };
  if (root != NULL && parse_members (root, config, error))
    return TRUE;

  mig_cluster_config_clear (config);
  return FALSE;
}

void
mig_cluster_config_clear (MigClusterConfig *config)
{
  g_clear_pointer (&config->hosts, g_ptr_array_unref);
}
