/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shows that the crash matrix can fail: a libmig that is broken on purpose, or a world that is tampered with, is
 * noticed. */

#include "config.h"

#include "crash-kit.h"

#include <string.h>

#include <libmig/mig-block-device.h>

#define LENGTH (G_GINT64_CONSTANT (1) << 20)
#define UUID "7d0f5a9e-6f0e-4c39-8b1c-7a0a3e6f7b10"

static void
make_world (MigSimDriver *driver)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *uuid = NULL;

  mig_sim_driver_add_volume (driver, NULL, "/shared/old.raw", LENGTH, &error);
  g_assert_no_error (error);
  uuid = mig_sim_driver_add_domain (driver, "a", "g", "{\"uuid\": \"" UUID "\", \"disks\": [\"vda=/shared/old.raw\"]}",
                                    &error);
  g_assert_no_error (error);
}

static MigOperation *
make_swap (MigCluster *cluster)
{
  g_autoptr (MigHost) host = mig_cluster_find_host (cluster, "a", NULL);
  g_autoptr (MigBlockDevice) device = mig_block_device_new (cluster, host, "g", "vda");
  g_autoptr (MigDiskSource) destination = mig_disk_source_parse ("/local/new.raw", "raw", NULL);

  return MIG_OPERATION (mig_block_device_new_swap (device, destination, NULL, "key"));
}

static void
start_second_copy (MigSimDriver *driver)
{
  g_autofree char *uuid = mig_sim_driver_add_domain (driver, "b", "g", "{\"uuid\": \"" UUID "\", \"disks\": []}", NULL);
}

static void
leave_volume (MigSimDriver *driver)
{
  mig_sim_driver_add_volume (driver, "b", "/local/rest.raw", LENGTH, NULL);
}

static void
leave_mark (MigSimDriver *driver)
{
  g_autoptr (MigHost) host = mig_host_new ("a", "sim:///a");

  mig_compute_driver_set_mark (MIG_COMPUTE_DRIVER (driver), host, "g", "somebody", NULL, NULL);
}

static void
leave_paused (MigSimDriver *driver)
{
  g_autoptr (MigHost) host = mig_host_new ("a", "sim:///a");

  mig_compute_driver_pause (MIG_COMPUTE_DRIVER (driver), host, "g", NULL, NULL);
}

static void
lose_guest (MigSimDriver *driver)
{
  g_autoptr (MigHost) host = mig_host_new ("a", "sim:///a");

  mig_compute_driver_destroy (MIG_COMPUTE_DRIVER (driver), host, "g", NULL, NULL);
}

static const struct
{
  CrashScenario scenario;
  const char   *complaint;
} rows[] = {
  { { "second copy", 0.02, -1, make_world, make_swap, NULL, start_second_copy }, "g runs on a and on b" },
  { { "left volume", 0.02, -1, make_world, make_swap, NULL, leave_volume }, "/local/rest.raw" },
  { { "left mark", 0.02, -1, make_world, make_swap, NULL, leave_mark }, "mark “somebody”" },
  { { "left paused", 0.02, -1, make_world, make_swap, NULL, leave_paused }, "g paused" },
  { { "lost guest", 0.02, -1, make_world, make_swap, NULL, lose_guest }, "g is lost" },
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

START_TEST (tampering_is_noticed)
{
  const CrashScenario *scenario = &rows[_i].scenario;
  g_autofree char *complaints = NULL;

  reference = crash_kit_run_undisturbed (scenario);
  crash_kit_add (scenario, reference,
                 &(CrashAccident) { CRASH_CALL, "block.start", MIG_SIM_FAULT_EXIT_AFTER, 0, 1, NULL, 0 });
  ck_assert_uint_eq (crash_kit_run (&complaints), 1);
  ck_assert_ptr_nonnull (complaints);
  ck_assert_msg (strstr (complaints, rows[_i].complaint) != NULL, "no “%s” in: %s", rows[_i].complaint, complaints);
}
END_TEST

/* A libmig that believes at once that nothing has begun undoes what then happens. */
START_TEST (missing_settle_rule_is_noticed)
{
  static const CrashScenario scenario = { "no settle time", 0.2, 0, make_world, make_swap, NULL, NULL };
  g_autofree char *complaints = NULL;

  reference = crash_kit_run_undisturbed (&scenario);
  crash_kit_add_calls (&scenario, reference, MIG_SIM_FAULT_LATE, TRUE);
  crash_kit_add_calls (&scenario, reference, MIG_SIM_FAULT_EXIT_LATE, TRUE);
  crash_kit_run (&complaints);
  ck_assert_msg (complaints != NULL, "nobody noticed");
}
END_TEST

START_TEST (another_world_is_noticed)
{
  static const CrashScenario scenario = { "undisturbed", 0.02, -1, make_world, make_swap, NULL, NULL };
  g_autofree char *complaints = NULL;

  reference = crash_kit_run_undisturbed (&scenario);
  g_free (reference->before);
  reference->before = g_strdup ("another world");
  crash_kit_add (&scenario, reference,
                 &(CrashAccident) { CRASH_CALL, "volume.create", MIG_SIM_FAULT_FAIL, 0, 1, NULL, 0 });
  crash_kit_run (&complaints);
  ck_assert_ptr_nonnull (complaints);
  ck_assert_ptr_nonnull (strstr (complaints, "another world"));
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("crash kit");
  TCase *tcase = mig_test_add_case (suite, "kit");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, tampering_is_noticed, 0, G_N_ELEMENTS (rows));
  tcase_add_test (tcase, missing_settle_rule_is_noticed);
  tcase_add_test (tcase, another_world_is_noticed);

  return suite;
}

MIG_TEST_MAIN (create_suite)
