/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two swaps that want one volume. */

#include "config.h"

#include "swap-kit.h"

static MigOperation *second;
static int n_starts, started, start_released;

static void
wait_for (int *flag)
{
  gint64 until = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  while (!g_atomic_int_get (flag) && g_get_monotonic_time () < until)
    g_thread_yield ();
}

/* The first of them has a volume and no mirror. */
static gboolean
start_later (MigBlockJobDriver    *driver,
             MigBlockCopyRequest  *request,
             GCancellable         *cancellable,
             GError              **error)
{
  if (g_atomic_int_add (&n_starts, 1) == 0)
    {
      g_atomic_int_set (&started, TRUE);
      wait_for (&start_released);
    }

  return kit.jobs.start (driver, request, cancellable, error);
}

static void
set_up (void)
{
  swap_kit_set_up ();
  swap_kit_jobs ()->start = start_later;
}

static void
tear_down (void)
{
  g_clear_object (&second);
  swap_kit_tear_down ();
}

static MigOperation *
new_swap (MigHost    *host,
          const char *domain,
          const char *target,
          const char *destination,
          const char *options)
{
  g_autoptr (MigBlockDevice) device = mig_block_device_new (kit.cluster, host, domain, target);
  g_autoptr (MigDiskSource) source = mig_disk_source_parse (destination, "raw", NULL);
  g_autoptr (MigSwapOptions) parsed = mig_swap_options_new_from_json (options, NULL);

  return MIG_OPERATION (mig_block_device_new_swap (device, source, parsed, NULL));
}

static void
add_volume (const char *host,
            const char *path,
            gint64      length)
{
  g_autoptr (GError) error = NULL;

  mig_sim_driver_add_volume (kit.driver, host, path, length, &error);
  mig_assert_no_error (error);
}

static void
add_other_guest (gint64 length)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *uuid = NULL;

  add_volume ("b", "/local/o.raw", length);
  uuid = mig_sim_driver_add_domain (kit.driver, "b", "o", "{\"disks\": [\"vda=/local/o.raw\"]}", &error);
  mig_assert_no_error (error);
}

static void
check_no_claim (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) claims = mig_state_store_list (kit.store, "volume/", NULL, 0, NULL, &error);

  mig_assert_no_error (error);
  ck_assert_uint_eq (claims->len, 0);
}

static void
finish_first (GError **end)
{
  g_atomic_int_set (&start_released, TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, end, 20);
  swap_kit_assert_success (*end);
  g_clear_error (end);
  check_no_claim ();
}

/* As a back end does that knows the storage of each host. */
static MigVolume *
lookup_with_identity (MigVolumeBackend  *backend,
                      MigHost           *host,
                      MigDiskSource     *source,
                      GCancellable      *cancellable,
                      GError           **error)
{
  g_autoptr (MigVolume) volume = kit.volumes.lookup (backend, host, source, cancellable, error);
  g_autofree char *identity = NULL;

  if (volume == NULL)
    return NULL;

  identity = g_strdup_printf ("%s:%s", mig_host_get_name (host), mig_disk_source_get_path (source));

  return g_object_new (MIG_TYPE_VOLUME, "source", mig_volume_get_source (volume), "capacity",
                       mig_volume_get_capacity (volume), "allocation", mig_volume_get_allocation (volume), "identity",
                       identity, NULL);
}

#define SHARED "/shared/new.raw"
#define LOCAL "/local/new.raw"

typedef struct
{
  const char *path;
  gboolean    made;         /* by both, where nothing is */
  gboolean    on_two_hosts; /* or two disks of one guest */
  gboolean    known;        /* identities */
  gint64      length;       /* of the second one's */
  gboolean    both;
} PairRow;

static const PairRow pair_rows[] = {
  { SHARED, FALSE, TRUE, FALSE, SWAP_LENGTH, FALSE },
  { SHARED, FALSE, FALSE, FALSE, SWAP_LENGTH, FALSE },
  { LOCAL, FALSE, FALSE, FALSE, SWAP_LENGTH, FALSE },
  { LOCAL, FALSE, FALSE, TRUE, SWAP_LENGTH, FALSE },
  { LOCAL, FALSE, TRUE, TRUE, SWAP_LENGTH, TRUE },
  { LOCAL, FALSE, TRUE, FALSE, 2 * SWAP_LENGTH, TRUE },
  { LOCAL, FALSE, TRUE, FALSE, SWAP_LENGTH, FALSE }, /* nothing tells the two apart */
  { LOCAL, TRUE, TRUE, FALSE, SWAP_LENGTH, TRUE },
};

START_TEST (pairs)
{
  const PairRow *row = &pair_rows[_i];
  const char *options = row->made ? "{}" : "{\"reuse\": true}";
  gboolean shared = g_str_equal (row->path, SHARED);
  g_autoptr (GError) error = NULL;
  GError *end = NULL;
  gboolean ok;

  add_other_guest (row->length);
  if (!row->made)
    add_volume (shared ? NULL : "a", row->path, SWAP_LENGTH);
  if (!row->made && !shared)
    add_volume ("b", row->path, row->length);
  if (row->known)
    swap_kit_volumes ()->lookup = lookup_with_identity;

  kit.operation = new_swap (kit.host, "g", "vda", row->path, options);
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &started, 10);

  second = row->on_two_hosts ? new_swap (kit.other_host, "o", "vda", row->path, options) :
                               new_swap (kit.host, "g", "vdb", row->path, options);
  ok = mig_operation_run (second, NULL, &error);
  ck_assert_msg (ok == row->both, "%s", error != NULL ? error->message : "no error");
  if (!ok)
    {
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
      ck_assert_ptr_nonnull (strstr (error->message, mig_operation_get_id (kit.operation)));
    }
  finish_first (&end);
  swap_kit_check_source ("vda", row->path);
}
END_TEST

/* A qcow2 image tells another length to whoever asks for its format. */
static MigVolume *
lookup_by_format (MigVolumeBackend  *backend,
                  MigHost           *host,
                  MigDiskSource     *source,
                  GCancellable      *cancellable,
                  GError           **error)
{
  MigVolume *volume = kit.volumes.lookup (backend, host, source, cancellable, error);
  gboolean qcow2 = g_strcmp0 (mig_disk_source_get_format (source), "qcow2") == 0;
  g_autoptr (MigVolume) found = volume;

  if (volume == NULL || !qcow2)
    return g_steal_pointer (&found);

  return g_object_new (MIG_TYPE_VOLUME, "source", source, "capacity", (gint64) 2 * SWAP_LENGTH, "allocation",
                       mig_volume_get_allocation (volume), NULL);
}

START_TEST (one_file_of_two_lengths)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *uuid = NULL;
  g_autoptr (MigBlockDevice) device = NULL;
  g_autoptr (MigDiskSource) source = mig_disk_source_parse (LOCAL, "qcow2", NULL);
  g_autoptr (MigSwapOptions) options = mig_swap_options_new_from_json ("{\"reuse\": true}", NULL);
  GError *end = NULL;

  add_volume ("a", LOCAL, SWAP_LENGTH);
  add_volume ("a", "/local/o.raw", 2 * SWAP_LENGTH);
  uuid = mig_sim_driver_add_domain (kit.driver, "a", "o", "{\"disks\": [\"vda=/local/o.raw\"]}", &error);
  mig_assert_no_error (error);
  swap_kit_volumes ()->lookup = lookup_by_format;
  kit.operation = new_swap (kit.host, "g", "vda", LOCAL, "{\"reuse\": true}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &started, 10);

  device = mig_block_device_new (kit.cluster, kit.host, "o", "vda");
  second = MIG_OPERATION (mig_block_device_new_swap (device, source, options, NULL));
  ck_assert (!mig_operation_run (second, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  finish_first (&end);
  swap_kit_check_source ("vda", LOCAL);
}
END_TEST

static int n_commits, committing, commit_released;
static guint64 (*commit) (MigStateStore *, MigTransaction *, GCancellable *, GError **);

static guint64
commit_later (MigStateStore   *store,
              MigTransaction  *transaction,
              GCancellable    *cancellable,
              GError         **error)
{
  if (g_atomic_int_add (&n_commits, 1) == 0)
    {
      g_atomic_int_set (&committing, TRUE);
      wait_for (&commit_released);
    }

  return commit (store, transaction, cancellable, error);
}

/* It was made first, and could not be seen by the other one: which of them has the volume is not a question of time. */
START_TEST (the_older_one_comes_late)
{
  MigStateStoreInterface *slots = MIG_STATE_STORE_GET_IFACE (kit.store);
  GError *end = NULL;
  GError *second_end = NULL;

  add_other_guest (SWAP_LENGTH);
  add_volume (NULL, SHARED, SWAP_LENGTH);
  /* Not of its lease, which is there then. */
  second = new_swap (kit.host, "g", "vda", SHARED, "{\"resize-to\": 512}");
  ck_assert (!mig_operation_run (second, NULL, NULL));
  g_clear_object (&second);
  commit = slots->commit;
  slots->commit = commit_later;

  second = new_swap (kit.other_host, "o", "vda", SHARED, "{\"reuse\": true}");
  mig_operation_run_async (second, NULL, swap_kit_on_run, &second_end);
  mig_test_wait (NULL, swap_kit_is_set, &committing, 10);
  kit.operation = new_swap (kit.host, "g", "vda", SHARED, "{\"reuse\": true}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &started, 10);

  g_atomic_int_set (&commit_released, TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &second_end, 20);
  mig_assert_error (second_end, MIG_ERROR, MIG_ERROR_BUSY);
  finish_first (&end);
  swap_kit_check_source ("vda", SHARED);
  g_clear_error (&second_end);
}
END_TEST

static int created, create_released;

static MigVolume *
create_and_wait (MigVolumeBackend  *backend,
                 MigHost           *host,
                 MigDiskSource     *source,
                 gint64             capacity,
                 const char        *token,
                 GCancellable      *cancellable,
                 GError           **error)
{
  MigVolume *volume = kit.volumes.create (backend, host, source, capacity, token, cancellable, error);

  g_atomic_int_set (&created, TRUE);
  wait_for (&create_released);

  return volume;
}

/* As soon as it is there somebody else may take it: then it is not removed. */
START_TEST (taken_from_who_made_it)
{
  GError *end = NULL;
  GError *second_end = NULL;

  swap_kit_volumes ()->create = create_and_wait;
  second = new_swap (kit.host, "g", "vda", LOCAL, "{}");
  mig_operation_run_async (second, NULL, swap_kit_on_run, &second_end);
  mig_test_wait (NULL, swap_kit_is_set, &created, 10);
  kit.operation = new_swap (kit.host, "g", "vdb", LOCAL, "{\"reuse\": true}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &started, 10);

  g_atomic_int_set (&create_released, TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &second_end, 20);
  mig_assert_error (second_end, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_int_eq (mig_operation_get_status (second), MIG_STATUS_FAILED);
  ck_assert (swap_kit_exists (LOCAL));
  finish_first (&end);
  swap_kit_check_source ("vda", "/local/old.raw");
  swap_kit_check_source ("vdb", LOCAL);
  g_clear_error (&second_end);
}
END_TEST

static gboolean
is_mirrored (gpointer unused G_GNUC_UNUSED)
{
  g_autoptr (MigDomainInfo) domain = swap_kit_look ();

  return mig_disk_get_mirror (mig_domain_info_find_disk (domain, "vda")) != NULL;
}

/* Whoever recovers the swap has the volume, and lets it go in the end. */
START_TEST (outlives_the_process)
{
  g_autoptr (GError) error = NULL;
  GError *end = NULL;

  g_atomic_int_set (&start_released, TRUE);
  add_volume ("a", LOCAL, SWAP_LENGTH);
  kit.operation = new_swap (kit.host, "g", "vda", LOCAL, "{\"reuse\": true, \"bandwidth\": 1024}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, is_mirrored, NULL, 10);
  swap_kit_leave ();
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  g_clear_error (&end);

  second = new_swap (kit.host, "g", "vdb", LOCAL, "{\"reuse\": true}");
  ck_assert (!mig_operation_run (second, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  g_clear_error (&error);
  g_clear_object (&second);

  kit.operation = swap_kit_recover ();
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  ck_assert (mig_operation_abort (kit.operation, &error));
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  mig_assert_error (end, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&end);
  check_no_claim ();

  second = new_swap (kit.host, "g", "vdb", LOCAL, "{\"reuse\": true}");
  ck_assert (mig_operation_run (second, NULL, &error));
  mig_assert_no_error (error);
  check_no_claim ();
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("swap-claim");
  TCase *tcase = mig_test_add_case (suite, "claims");

  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, pairs, 0, G_N_ELEMENTS (pair_rows));
  tcase_add_test (tcase, one_file_of_two_lengths);
  tcase_add_test (tcase, the_older_one_comes_late);
  tcase_add_test (tcase, taken_from_who_made_it);
  tcase_add_test (tcase, outlives_the_process);

  return suite;
}

MIG_TEST_MAIN (create_suite)
