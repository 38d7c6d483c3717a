/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said of a copy that failed, where the hypervisor does not say why. */

#include "config.h"

#include "swap-kit.h"

#include "libmig/block/mig-block-outcome-private.h"

#define MIB (G_GINT64_CONSTANT (1) << 20)
#define LENGTH (8 * MIB)

typedef struct
{
  const char *format;
  gint64      capacity;
  gint64      allocation;
  gint64      available;
  gint64      slice;
  const char *cause; /* how it begins; NULL: none */
} CauseRow;

static const CauseRow cause_rows[] = {
  { "raw", LENGTH, 0, 100 * MIB, -1, NULL },
  { "raw", LENGTH, 0, -1, -1, NULL },
  { "raw", LENGTH, 5 * MIB, MIB / 2, -1, "there is no space left" },
  { "raw", LENGTH, LENGTH, MIB / 2, -1, NULL },
  { "qcow2", LENGTH, LENGTH, MIB / 2, -1, "there is no space left" },
  /* As it is wherever more is promised than there is. */
  { "raw", LENGTH, 0, 4 * MIB, -1, "an I/O error, perhaps for want of space" },
  { "raw", LENGTH / 2, LENGTH / 2, 100 * MIB, -1, "the destination /local/new.raw has 4194304 bytes" },
  { "raw", 2 * LENGTH, 2 * LENGTH, 100 * MIB, LENGTH, NULL },
  { "raw", 2 * LENGTH, 2 * LENGTH, 100 * MIB, LENGTH / 2, "the destination /local/new.raw has 4194304 bytes" },
};

static const CauseRow *row;

static MigVolume *
lookup (MigVolumeBackend  *backend G_GNUC_UNUSED,
        MigHost           *host G_GNUC_UNUSED,
        MigDiskSource     *source G_GNUC_UNUSED,
        GCancellable      *cancellable G_GNUC_UNUSED,
        GError           **error G_GNUC_UNUSED)
{
  g_autoptr (MigDiskSource) found = mig_disk_source_parse ("/local/new.raw", row->format, NULL);

  return g_object_new (MIG_TYPE_VOLUME, "source", found, "capacity", row->capacity, "allocation", row->allocation,
                       "available", row->available, NULL);
}

START_TEST (causes)
{
  g_autoptr (MigBlockRef) ref = NULL;
  g_autoptr (MigDiskSource) destination = NULL;
  g_autofree char *uuid = NULL;
  g_autofree char *cause = NULL;
  g_autoptr (GError) error = NULL;

  row = &cause_rows[_i];
  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/local/t.raw", LENGTH, &error));
  uuid = mig_sim_driver_add_domain (kit.driver, "a", "t", "{\"disks\": [\"vda=/local/t.raw\"]}", &error);
  mig_assert_no_error (error);
  swap_kit_volumes ()->lookup = lookup;

  destination = g_object_new (MIG_TYPE_DISK_SOURCE, "kind", MIG_DISK_SOURCE_KIND_FILE, "path", "/local/new.raw",
                              "format", row->format, "slice", row->slice, NULL);
  ref = mig_block_ref_new (MIG_COMPUTE_DRIVER (kit.driver), kit.host, uuid, "vda", &error);
  mig_assert_no_error (error);
  cause = mig_block_find_cause (ref, MIG_VOLUME_BACKEND (kit.driver), destination);
  ck_assert_msg (row->cause != NULL ? cause != NULL && g_str_has_prefix (cause, row->cause) : cause == NULL, "%s",
                 cause != NULL ? cause : "no cause");
}
END_TEST

static MigVolume *
lookup_what_is_left (MigVolumeBackend  *backend,
                     MigHost           *host,
                     MigDiskSource     *source,
                     GCancellable      *cancellable,
                     GError           **error)
{
  if (g_strcmp0 (mig_disk_source_get_path (source), "/local/old.raw") != 0)
    return kit.volumes.lookup (backend, host, source, cancellable, error);

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "there is no such volume");

  return NULL;
}

START_TEST (the_old_volume_was_deleted)
{
  g_autoptr (MigBlockRef) ref = NULL;
  g_autoptr (MigDiskSource) destination = mig_disk_source_parse ("/local/second.raw", "raw", NULL);
  g_autofree char *cause = NULL;
  g_autoptr (GError) error = NULL;

  swap_kit_volumes ()->lookup = lookup_what_is_left;
  ref = mig_block_ref_new (MIG_COMPUTE_DRIVER (kit.driver), kit.host, kit.uuid, "vda", &error);
  mig_assert_no_error (error);
  cause = mig_block_find_cause (ref, MIG_VOLUME_BACKEND (kit.driver), destination);
  ck_assert_str_eq (cause, "the volume /local/old.raw of disk vda does not exist any more");
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("block-cause");
  TCase *tcase = mig_test_add_case (suite, "cause");

  tcase_add_checked_fixture (tcase, swap_kit_set_up, swap_kit_tear_down);
  tcase_add_loop_test (tcase, causes, 0, G_N_ELEMENTS (cause_rows));
  tcase_add_test (tcase, the_old_volume_was_deleted);

  return suite;
}

MIG_TEST_MAIN (create_suite)
