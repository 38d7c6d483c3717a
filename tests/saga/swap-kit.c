/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "swap-kit.h"

#define SETTLE_TIME 1.0

SwapKit kit;

static GThread *late;

static MigCluster *
open_cluster (void)
{
  MigCluster *cluster = mig_cluster_new (kit.store, MIG_COMPUTE_DRIVER (kit.driver));
  g_autoptr (GError) error = NULL;

  g_object_set (cluster, "volume-backend", kit.driver, "settle-time", SETTLE_TIME, NULL);
  ck_assert (mig_cluster_add_host (cluster, kit.host, &error) &&
             mig_cluster_add_host (cluster, kit.other_host, &error));

  return cluster;
}

gboolean
swap_kit_is_away (GError **error)
{
  if (!g_atomic_int_get (&kit.away))
    return FALSE;

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CONNECTION, "the daemon is away");

  return TRUE;
}

gboolean
swap_kit_is_set (gpointer number)
{
  return g_atomic_int_get ((int *) number) != 0;
}

static MigDomainInfo *
get_domain (MigComputeDriver  *driver,
            MigHost           *host,
            const char        *domain,
            GCancellable      *cancellable,
            GError           **error)
{
  return swap_kit_is_away (error) ? NULL : kit.compute.get_domain (driver, host, domain, cancellable, error);
}

static MigVolume *
lookup (MigVolumeBackend  *backend,
        MigHost           *host,
        MigDiskSource     *source,
        GCancellable      *cancellable,
        GError           **error)
{
  return swap_kit_is_away (error) ? NULL : kit.volumes.lookup (backend, host, source, cancellable, error);
}

gint64
swap_kit_compare (MigVolumeBackend  *backend G_GNUC_UNUSED,
                  MigHost           *host G_GNUC_UNUSED,
                  MigDiskSource     *one G_GNUC_UNUSED,
                  MigDiskSource     *other G_GNUC_UNUSED,
                  gint64             length,
                  GCancellable      *cancellable G_GNUC_UNUSED,
                  GError           **error G_GNUC_UNUSED)
{
  if (length > 0)
    g_atomic_int_inc (&kit.n_compares);

  return length;
}

gboolean
swap_kit_pause (MigComputeDriver  *driver,
                MigHost           *host,
                const char        *domain,
                GCancellable      *cancellable,
                GError           **error)
{
  g_atomic_int_inc (&kit.n_pauses);

  return kit.compute.pause (driver, host, domain, cancellable, error);
}

void
swap_kit_set_up (void)
{
  g_autoptr (GError) error = NULL;

  kit.store = mig_memory_store_new ();
  kit.driver = mig_sim_driver_new (NULL, &error);
  mig_assert_no_error (error);
  kit.compute = *swap_kit_compute ();
  kit.jobs = *swap_kit_jobs ();
  kit.volumes = *swap_kit_volumes ();
  swap_kit_compute ()->get_domain = get_domain;
  swap_kit_compute ()->pause = swap_kit_pause;
  swap_kit_volumes ()->lookup = lookup;
  swap_kit_volumes ()->compare = swap_kit_compare;

  kit.host = mig_host_new ("a", "sim://a");
  kit.other_host = mig_host_new ("b", "sim://b");
  ck_assert (mig_sim_driver_add_host (kit.driver, "a", &error) && mig_sim_driver_add_host (kit.driver, "b", &error));
  kit.cluster = open_cluster ();
  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/local/old.raw", SWAP_LENGTH, &error));
  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/local/second.raw", SWAP_LENGTH, &error));
  kit.uuid = mig_sim_driver_add_domain (kit.driver, "a", "g", "{\"disks\": [\"vda=/local/old.raw\", "
                                        "\"vdb=/local/second.raw\"]}", &error);
  mig_assert_no_error (error);
  /* The first task starts a thread of GLib's that stays. */
  g_type_ensure (G_TYPE_TASK);
  mig_test_settle_descriptors ();
}

void
swap_kit_tear_down (void)
{
  swap_kit_join ();
  g_atomic_int_set (&kit.away, FALSE);
  g_clear_object (&kit.operation);
  mig_cluster_close (kit.cluster, MIG_CLOSE_MODE_ABORT, NULL, NULL);
  g_clear_object (&kit.cluster);
  g_clear_object (&kit.host);
  g_clear_object (&kit.other_host);
  g_clear_object (&kit.driver);
  g_clear_object (&kit.store);
  g_clear_pointer (&kit.uuid, g_free);
}

MigOperation *
swap_kit_new_of (const char *domain,
                 const char *target,
                 const char *destination,
                 const char *options)
{
  g_autoptr (MigBlockDevice) device = mig_block_device_new (kit.cluster, kit.host, domain, target);
  g_autoptr (MigDiskSource) source = mig_disk_source_parse (destination, NULL, NULL);
  g_autoptr (MigSwapOptions) parsed = mig_swap_options_new_from_json (options, NULL);

  ck_assert_ptr_nonnull (parsed);

  return MIG_OPERATION (mig_block_device_new_swap (device, source, parsed, NULL));
}

MigOperation *
swap_kit_new (const char *target,
              const char *destination,
              const char *options)
{
  return swap_kit_new_of ("g", target, destination, options);
}

MigDomainInfo *
swap_kit_look (void)
{
  g_autoptr (GError) error = NULL;
  MigDomainInfo *domain = kit.compute.get_domain (MIG_COMPUTE_DRIVER (kit.driver), kit.host, kit.uuid, NULL, &error);

  mig_assert_no_error (error);

  return domain;
}

gboolean
swap_kit_is_running (gpointer unused G_GNUC_UNUSED)
{
  g_autoptr (MigDomainInfo) domain = swap_kit_look ();

  return mig_domain_info_get_state (domain) == MIG_DOMAIN_STATE_RUNNING;
}

void
swap_kit_check_source (const char *target,
                       const char *path)
{
  g_autoptr (MigDomainInfo) domain = swap_kit_look ();
  MigDisk *live = mig_domain_info_find_disk (domain, target);
  MigDisk *defined = mig_block_find_disk (mig_domain_info_get_persistent_disks (domain), target);

  ck_assert_str_eq (mig_disk_source_get_path (mig_disk_get_source (live)), path);
  ck_assert_str_eq (mig_disk_source_get_path (mig_disk_get_source (defined)), path);
}

gboolean
swap_kit_exists (const char *path)
{
  g_autoptr (MigDiskSource) source = mig_disk_source_parse (path, NULL, NULL);
  g_autoptr (MigVolume) volume = kit.volumes.lookup (MIG_VOLUME_BACKEND (kit.driver), kit.host, source, NULL, NULL);

  return volume != NULL;
}

void
swap_kit_on_run (GObject      *source,
                 GAsyncResult *result,
                 gpointer      end)
{
  GError **error = end;

  if (mig_operation_run_finish (MIG_OPERATION (source), result, error))
    *error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_EXISTS, "it succeeded");
}

void
swap_kit_leave (void)
{
  mig_cluster_close (kit.cluster, MIG_CLOSE_MODE_DETACH, NULL, NULL);
  g_clear_object (&kit.operation);
  g_clear_object (&kit.cluster);
  g_atomic_int_set (&kit.away, FALSE);
  kit.cluster = open_cluster ();
}

MigOperation *
swap_kit_recover (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = mig_cluster_recover (kit.cluster, NULL, &error);

  mig_assert_no_error (error);
  ck_assert_int_eq (found->len, 1);

  return g_object_ref (g_ptr_array_index (found, 0));
}

typedef struct
{
  gint64      time;
  GThreadFunc func;
} Later;

static gpointer
do_later (gpointer data)
{
  Later *later = data;
  GMutex mutex;
  GCond cond;

  g_mutex_init (&mutex);
  g_cond_init (&cond);
  g_mutex_lock (&mutex);
  while (g_cond_wait_until (&cond, &mutex, later->time))
    continue;
  g_mutex_unlock (&mutex);
  g_cond_clear (&cond);
  g_mutex_clear (&mutex);
  later->func (NULL);
  g_free (later);

  return NULL;
}

void
swap_kit_do_later (double      seconds,
                   GThreadFunc func)
{
  Later *later = g_new0 (Later, 1);

  later->time = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  later->func = func;
  late = g_thread_new ("later", do_later, later);
}

void
swap_kit_join (void)
{
  if (late != NULL)
    g_thread_join (g_steal_pointer (&late));
}
