/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mig-cli.h"

#include <errno.h>
#include <unistd.h>

/* What one run of the program works with: the store, the driver, and a cluster made of both. */

static char *
default_store (void)
{
  return g_build_filename (g_get_user_state_dir (), "libmig", "state.db", NULL);
}

ExitCode
fail (Output       *output,
      ExitCode      code,
      const GError *error)
{
  output_result (output, "failed", NULL, error);
  return code;
}

/* Of something that was asked when all had been opened. */
ExitCode
code_of_error (const GError *error)
{
  if (g_error_matches (error, MIG_ERROR, MIG_ERROR_BUSY) || g_error_matches (error, MIG_ERROR, MIG_ERROR_TIMED_OUT))
    return EXIT_ELSEWHERE;
  if (g_error_matches (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN))
    return EXIT_UNKNOWN;

  return EXIT_FAILED;
}

static gboolean
read_cluster_file (Options  *options,
                   char    **json,
                   GError  **error)
{
  g_autoptr (GError) local = NULL;

  if (options->cluster == NULL || g_file_get_contents (options->cluster, json, NULL, &local))
    return TRUE;

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, local->message);
  return FALSE;
}

static MigCluster *
make_cluster (Options        *options,
              MigStateStore  *store,
              const char     *json,
              GError        **error)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (MigVolumeBackend) backend = mig_pool_backend_new (MIG_LIBVIRT_DRIVER (driver));
  g_autoptr (MigCluster) cluster = NULL;

  cluster = g_object_new (MIG_TYPE_CLUSTER, "store", store, "driver", driver, "volume-backend", backend, NULL);
  if (json == NULL || mig_cluster_configure (cluster, json, error))
    return g_steal_pointer (&cluster);

  g_prefix_error (error, "%s: ", options->cluster);
  return NULL;
}

/* On a cluster that has no store to speak of: what is wrong shall leave nothing behind. */
static gboolean
check (Options            *options,
       const char         *json,
       const char *const  *hosts,
       GError            **error)
{
  g_autoptr (MigStateStore) store = mig_memory_store_new ();
  g_autoptr (MigCluster) cluster = make_cluster (options, store, json, error);
  g_autoptr (MigHost) first = NULL;

  if (cluster == NULL)
    return FALSE;

  for (guint i = 0; hosts != NULL && hosts[i] != NULL; i++)
    {
      g_autoptr (MigHost) host = mig_cluster_find_host (cluster, hosts[i], error);

      if (host == NULL)
        {
          if (json == NULL)
            g_prefix_error (error, "without --cluster FILE: ");
          return FALSE;
        }
      if (first != NULL && (g_str_equal (mig_host_get_name (first), mig_host_get_name (host)) ||
                            g_str_equal (mig_host_get_uri (first), mig_host_get_uri (host))))
        {
          g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "source and destination are the same host: “%s”",
                       mig_host_get_name (first));
          return FALSE;
        }
      g_set_object (&first, host);
    }

  return TRUE;
}

/* One that is made where nothing is to be begun would only say that there is nothing. */
static MigStateStore *
open_store (const char   *path,
            SessionKind   kind,
            GError      **error)
{
  if (kind == SESSION_BEGIN)
    return mig_sqlite_store_new (path, error);
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return g_initable_new (MIG_TYPE_SQLITE_STORE, NULL, error, "path", path, "read-only",
                           kind == SESSION_READ && access (path, W_OK) != 0 && errno == EROFS, NULL);

  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "there is no store %s", path);
  return NULL;
}

MigCluster *
session_open (Options            *options,
              Output             *output,
              const char *const  *hosts,
              SessionKind         kind,
              ExitCode           *code)
{
  g_autofree char *path = options->store != NULL ? g_strdup (options->store) : default_store ();
  g_autofree char *json = NULL;
  g_autoptr (MigStateStore) store = NULL;
  g_autoptr (MigCluster) cluster = NULL;
  g_autoptr (GError) error = NULL;

  if (read_cluster_file (options, &json, &error) && check (options, json, hosts, &error))
    store = open_store (path, kind, &error);
  if (store != NULL)
    cluster = make_cluster (options, store, json, &error);
  if (cluster == NULL)
    {
      /* A store that others keep locked is not a bad one. */
      *code = fail (output, g_error_matches (error, MIG_ERROR, MIG_ERROR_BUSY) ? EXIT_ELSEWHERE : EXIT_USAGE, error);
      return NULL;
    }

  /* Faster with events, right without them. */
  if (kind >= SESSION_EVENTS)
    mig_libvirt_start_event_thread (NULL);

  return g_steal_pointer (&cluster);
}

void
session_close (MigCluster *cluster)
{
  mig_cluster_close (cluster, MIG_CLOSE_MODE_WAIT, NULL, NULL);
  g_object_unref (cluster);
}
