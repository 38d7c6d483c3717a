/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which places are the same, and what may be written to. */

#include "config.h"

#include "swap-kit.h"

typedef struct
{
  const char *destination;
  const char *options;
  MigError    code;
  const char *text; /* in the message */
} PathRow;

static const PathRow path_rows[] = {
  { "/local//old.raw", "{}", MIG_ERROR_INVALID_ARGUMENT, "already" },
  { "/local//taken.raw", "{\"reuse\": true}", MIG_ERROR_CONFLICT, "is the source of disk vda of o on a" },
  { "/local/./new.raw", "{}", MIG_ERROR_INVALID_ARGUMENT, "plain" },
  { "/local/x/../taken.raw", "{\"reuse\": true}", MIG_ERROR_INVALID_ARGUMENT, "plain" },
  { "/dev/vg/long", "{\"reuse\": true, \"resize-to\": 2097152}", 0, NULL },
};

START_TEST (paths)
{
  const PathRow *row = &path_rows[_i];
  g_autoptr (GError) error = NULL;
  g_autofree char *other = NULL;
  gboolean ok;

  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/local/taken.raw", SWAP_LENGTH, &error));
  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/dev/vg/long", 2 * SWAP_LENGTH, &error));
  other = mig_sim_driver_add_domain (kit.driver, "a", "o", "{\"disks\": [\"vda=/local/taken.raw\"]}", &error);
  mig_assert_no_error (error);

  kit.operation = swap_kit_new ("vda", row->destination, row->options);
  ok = mig_operation_run (kit.operation, NULL, &error);
  ck_assert_msg (row->text == NULL ? ok : g_error_matches (error, MIG_ERROR, (int) row->code) &&
                                          strstr (error->message, row->text) != NULL, "%s: %s", row->destination,
                 error != NULL ? error->message : "no error");
}
END_TEST

START_TEST (a_device_does_not_grow)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *other = NULL;

  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/dev/vg/old", SWAP_LENGTH, &error));
  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/dev/vg/long", 2 * SWAP_LENGTH, &error));
  other = mig_sim_driver_add_domain (kit.driver, "a", "o", "{\"disks\": [\"vda=/dev/vg/old\"]}", &error);
  mig_assert_no_error (error);

  kit.operation = swap_kit_new_of ("o", "vda", "/dev/vg/long",
                                   "{\"reuse\": true, \"resize-to\": 2097152, \"format\": \"raw\"}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED);
  ck_assert_ptr_nonnull (strstr (error->message, "grow before"));
}
END_TEST

/* Pools of directories say nothing of what is below them, as simulated ones do; other back ends may know. */
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

typedef struct
{
  gboolean known;  /* identities */
  gint64   length; /* at the other kit.host */
  gboolean allowed;
} OtherHostRow;

static const OtherHostRow other_host_rows[] = {
  { TRUE, SWAP_LENGTH, TRUE },
  { FALSE, SWAP_LENGTH, FALSE },
  { FALSE, 2 * SWAP_LENGTH, TRUE },
};

START_TEST (a_path_of_another_host)
{
  const OtherHostRow *row = &other_host_rows[_i];
  g_autoptr (GError) error = NULL;
  g_autofree char *other = NULL;
  gboolean ok;

  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/local/new.raw", SWAP_LENGTH, &error));
  ck_assert (mig_sim_driver_add_volume (kit.driver, "b", "/local/new.raw", row->length, &error));
  other = mig_sim_driver_add_domain (kit.driver, "b", "o", "{\"disks\": [\"vda=/local/new.raw\"]}", &error);
  mig_assert_no_error (error);
  if (row->known)
    swap_kit_volumes ()->lookup = lookup_with_identity;

  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"reuse\": true}");
  ok = mig_operation_run (kit.operation, NULL, &error);
  ck_assert_msg (ok == row->allowed, "%s", error != NULL ? error->message : "no error");
  if (!row->allowed)
    {
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
      ck_assert_ptr_nonnull (strstr (error->message, "cannot be told from"));
    }
}
END_TEST

/* On the other host a pool that is not active hides where a path of that name leads to; or nothing is there. */
static const MigError lookup_codes[] = { MIG_ERROR_INVALID_STATE, MIG_ERROR_CONNECTION, MIG_ERROR_NOT_FOUND };
static MigError lookup_code;

static MigVolume *
lookup_in_vain (MigVolumeBackend  *backend,
                MigHost           *host,
                MigDiskSource     *source,
                GCancellable      *cancellable,
                GError           **error)
{
  if (g_str_equal (mig_host_get_name (host), "a"))
    return lookup_with_identity (backend, host, source, cancellable, error);

  g_set_error_literal (error, MIG_ERROR, lookup_code, "nothing is seen");

  return NULL;
}

START_TEST (another_path_that_tells_nothing)
{
  gboolean allowed = lookup_codes[_i] == MIG_ERROR_NOT_FOUND;
  g_autoptr (GError) error = NULL;
  g_autofree char *other = NULL;
  gboolean ok;

  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/local/new.raw", SWAP_LENGTH, &error));
  ck_assert (mig_sim_driver_add_volume (kit.driver, "b", "/elsewhere/new.raw", SWAP_LENGTH, &error));
  other = mig_sim_driver_add_domain (kit.driver, "b", "o", "{\"disks\": [\"vda=/elsewhere/new.raw\"]}", &error);
  mig_assert_no_error (error);
  lookup_code = lookup_codes[_i];
  swap_kit_volumes ()->lookup = lookup_in_vain;

  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"reuse\": true}");
  ok = mig_operation_run (kit.operation, NULL, &error);
  ck_assert_msg (ok == allowed, "%s", error != NULL ? error->message : "no error");
  if (!allowed)
    {
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
      ck_assert_ptr_nonnull (strstr (error->message, "cannot be told from"));
    }
}
END_TEST

/* Simulated disks are never shareable. */
static GPtrArray *
share_disks (GPtrArray *disks)
{
  GPtrArray *shared = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < disks->len; i++)
    {
      MigDisk *disk = g_ptr_array_index (disks, i);

      g_ptr_array_add (shared, g_object_new (MIG_TYPE_DISK, "target", mig_disk_get_target (disk), "source",
                                             mig_disk_get_source (disk), "mirror", mig_disk_get_mirror (disk),
                                             "mirror-ready", mig_disk_is_mirror_ready (disk), "shareable", TRUE, NULL));
    }

  return shared;
}

static MigDomainInfo *
get_domain_that_shares (MigComputeDriver  *driver,
                        MigHost           *host,
                        const char        *name,
                        GCancellable      *cancellable,
                        GError           **error)
{
  g_autoptr (MigDomainInfo) domain = kit.compute.get_domain (driver, host, name, cancellable, error);
  g_autoptr (GPtrArray) disks = NULL;
  g_autoptr (GPtrArray) persistent = NULL;

  if (domain == NULL)
    return NULL;

  disks = share_disks (mig_domain_info_get_disks (domain));
  persistent = share_disks (mig_domain_info_get_persistent_disks (domain));

  return g_object_new (MIG_TYPE_DOMAIN_INFO, "uuid", mig_domain_info_get_uuid (domain), "name",
                       mig_domain_info_get_name (domain), "state", mig_domain_info_get_state (domain), "persistent",
                       mig_domain_info_is_persistent (domain), "disks", disks, "persistent-disks", persistent, NULL);
}

typedef struct
{
  const char *host;
  const char *disks; /* of another domain there */
  const char *text;  /* in the message; NULL: it is allowed */
} WriterRow;

static const WriterRow writer_rows[] = {
  { "a", "\"vda=/local/taken.raw\"", NULL },
  { "b", "\"vda=/local/old.raw\"", NULL },
  { "a", "\"vda=/local/taken.raw\", \"vdb=/local/old.raw\"", "shared with disk vdb of o on a" },
};

START_TEST (other_writers)
{
  const WriterRow *row = &writer_rows[_i];
  g_autofree char *json = g_strdup_printf ("{\"disks\": [%s]}", row->disks);
  g_autofree char *other = NULL;
  g_autoptr (GError) error = NULL;
  gboolean ok;

  ck_assert (mig_sim_driver_add_volume (kit.driver, row->host, "/local/taken.raw", SWAP_LENGTH, &error));
  if (g_str_equal (row->host, "b"))
    ck_assert (mig_sim_driver_add_volume (kit.driver, "b", "/local/old.raw", SWAP_LENGTH, &error));
  other = mig_sim_driver_add_domain (kit.driver, row->host, "o", json, &error);
  mig_assert_no_error (error);
  swap_kit_volumes ()->lookup = lookup_with_identity;
  swap_kit_compute ()->get_domain = get_domain_that_shares;

  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"format\": \"raw\"}");
  ok = mig_operation_run (kit.operation, NULL, &error);
  ck_assert_msg (row->text == NULL ? ok : g_error_matches (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED) &&
                                          strstr (error->message, row->text) != NULL, "%s", error != NULL ?
                 error->message : "no error");
}
END_TEST

START_TEST (another_disk_of_the_guest_writes_too)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *other = NULL;

  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/local/s.raw", SWAP_LENGTH, &error));
  other = mig_sim_driver_add_domain (kit.driver, "a", "s",
                                     "{\"disks\": [\"vda=/local/s.raw\", \"vdb=/local/s.raw\"]}", &error);
  mig_assert_no_error (error);
  swap_kit_compute ()->get_domain = get_domain_that_shares;

  kit.operation = swap_kit_new_of ("s", "vda", "/local/new.raw", "{\"format\": \"raw\"}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED);
  ck_assert_ptr_nonnull (strstr (error->message, "disk vdb of s"));
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("swap-paths");
  TCase *tcase = mig_test_add_case (suite, "paths");

  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, swap_kit_set_up, swap_kit_tear_down);
  tcase_add_test (tcase, a_device_does_not_grow);
  tcase_add_test (tcase, another_disk_of_the_guest_writes_too);
  tcase_add_loop_test (tcase, other_writers, 0, G_N_ELEMENTS (writer_rows));
  tcase_add_loop_test (tcase, paths, 0, G_N_ELEMENTS (path_rows));
  tcase_add_loop_test (tcase, a_path_of_another_host, 0, G_N_ELEMENTS (other_host_rows));
  tcase_add_loop_test (tcase, another_path_that_tells_nothing, 0, G_N_ELEMENTS (lookup_codes));

  return suite;
}

MIG_TEST_MAIN (create_suite)
