/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The crash matrix of the volume swap. */

#include "config.h"

#include "crash-kit.h"

#include <libmig/mig-block-device.h>

#define LENGTH (G_GINT64_CONSTANT (1) << 20)

static void
add_guest (MigSimDriver *driver,
           const char   *json)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *uuid = NULL;

  mig_sim_driver_add_volume (driver, "a", "/local/old.raw", LENGTH, &error);
  g_assert_no_error (error);
  uuid = mig_sim_driver_add_domain (driver, "a", "g", json, &error);
  g_assert_no_error (error);
}

static void
make_persistent (MigSimDriver *driver)
{
  add_guest (driver, "{\"disks\": [\"vda=/local/old.raw\"]}");
}

static void
make_transient (MigSimDriver *driver)
{
  add_guest (driver, "{\"transient\": true, \"disks\": [\"vda=/local/old.raw\"]}");
}

static void
make_paused (MigSimDriver *driver)
{
  add_guest (driver, "{\"state\": \"paused\", \"disks\": [\"vda=/local/old.raw\"]}");
}

static void
make_with_destination (MigSimDriver *driver)
{
  g_autoptr (GError) error = NULL;

  make_persistent (driver);
  mig_sim_driver_add_volume (driver, "a", "/local/new.raw", LENGTH, &error);
  g_assert_no_error (error);
}

static MigOperation *
new_swap (MigCluster *cluster,
          gboolean    reuse)
{
  g_autoptr (MigHost) host = mig_cluster_find_host (cluster, "a", NULL);
  g_autoptr (MigBlockDevice) device = mig_block_device_new (cluster, host, "g", "vda");
  g_autoptr (MigDiskSource) destination = mig_disk_source_parse ("/local/new.raw", "raw", NULL);
  g_autoptr (MigSwapOptions) options = mig_swap_options_new ();

  g_object_set (options, "reuse", reuse, NULL);

  return MIG_OPERATION (mig_block_device_new_swap (device, destination, options, "key"));
}

static MigOperation *
swap_to_new (MigCluster *cluster)
{
  return new_swap (cluster, FALSE);
}

static MigOperation *
swap_to_reused (MigCluster *cluster)
{
  return new_swap (cluster, TRUE);
}

static const CrashScenario scenarios[] = {
  { "persistent guest, new volume", 0.03, -1, make_persistent, swap_to_new },
  { "transient guest, new volume", 0.03, -1, make_transient, swap_to_new },
  { "paused guest, new volume", 0.03, -1, make_paused, swap_to_new },
  { "persistent guest, reused volume", 0.03, -1, make_with_destination, swap_to_reused, "/local/new.raw" },
};

static CrashReference *reference;

static void
set_up (void)
{
  crash_kit_set_up ();
}

static void
tear_down (void)
{
  g_clear_pointer (&reference, crash_reference_free);
  crash_kit_tear_down ();
}

START_TEST (g6_any_call_goes_wrong)
{
  reference = crash_kit_run_undisturbed (&scenarios[_i]);
  crash_kit_add_all_calls (&scenarios[_i], reference, _i > 0);
  crash_kit_expect_success ();
}
END_TEST

START_TEST (g3_any_commit_goes_wrong)
{
  reference = crash_kit_run_undisturbed (&scenarios[_i]);
  crash_kit_add_all_commits (&scenarios[_i], reference);
  crash_kit_expect_success ();
}
END_TEST

/* Something fails, and then something else goes wrong while it is undone. */
START_TEST (g6_undo_goes_wrong)
{
  reference = crash_kit_run_undisturbed (&scenarios[0]);
  crash_kit_add_undo (&scenarios[0], reference, "block.start", 10);
  crash_kit_add_undo (&scenarios[0], reference, "block.abort", 16);
  crash_kit_expect_success ();
}
END_TEST

START_TEST (g6_recovery_dies_too)
{
  reference = crash_kit_run_undisturbed (&scenarios[0]);
  crash_kit_add_recovery (&scenarios[0], reference, 14);
  crash_kit_expect_success ();
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("swap crash");
  TCase *tcase = mig_test_add_case (suite, "matrix");

  tcase_set_timeout (tcase, 120);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, g6_any_call_goes_wrong, 0, G_N_ELEMENTS (scenarios));
  tcase_add_loop_test (tcase, g3_any_commit_goes_wrong, 0, G_N_ELEMENTS (scenarios));
  tcase_add_test (tcase, g6_undo_goes_wrong);
  tcase_add_test (tcase, g6_recovery_dies_too);

  return suite;
}

MIG_TEST_MAIN (create_suite)
