/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The crash matrix of the live migration. With LIVE_CRASH_QUICK, the part of it that every run of the tests includes:
 * local disks, peer-to-peer and direct, and no hanging calls or second accidents. */

#include "config.h"

#include "crash-kit.h"

#include <libmig/mig-migration-task.h>

#define LENGTH (G_GINT64_CONSTANT (1) << 20)

static void
add_guest (MigSimDriver *driver,
           const char   *host,
           const char   *json)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *uuid = NULL;

  mig_sim_driver_add_volume (driver, host, "/images/g.raw", LENGTH, &error);
  g_assert_no_error (error);
  uuid = mig_sim_driver_add_domain (driver, "a", "g", json, &error);
  g_assert_no_error (error);
}

static void
make_shared (MigSimDriver *driver)
{
  add_guest (driver, NULL, "{\"disks\": [\"vda=/images/g.raw\"]}");
}

static void
make_transient (MigSimDriver *driver)
{
  add_guest (driver, NULL, "{\"transient\": true, \"disks\": [\"vda=/images/g.raw\"]}");
}

static void
make_paused (MigSimDriver *driver)
{
  add_guest (driver, NULL, "{\"state\": \"paused\", \"disks\": [\"vda=/images/g.raw\"]}");
}

static void
make_local (MigSimDriver *driver)
{
  add_guest (driver, "a", "{\"disks\": [\"vda=/images/g.raw\"]}");
}

static void
make_local_transient (MigSimDriver *driver)
{
  add_guest (driver, "a", "{\"transient\": true, \"disks\": [\"vda=/images/g.raw\"]}");
}

static MigOperation *
new_task (MigCluster     *cluster,
          MigMigrateMode  mode,
          MigDiskMode     disks)
{
  g_autoptr (MigHost) a = mig_cluster_find_host (cluster, "a", NULL);
  g_autoptr (MigHost) b = mig_cluster_find_host (cluster, "b", NULL);
  g_autoptr (MigMigrationOptions) options = mig_migration_options_new ();

  /* A call that hangs is given up by then. */
  g_object_set (options, "mode", mode, "disks", disks, "deadline", 2.0, NULL);

  return MIG_OPERATION (mig_migration_task_new (cluster, "g", a, b, options));
}

static MigOperation *
move_peer (MigCluster *cluster)
{
  return new_task (cluster, MIG_MIGRATE_MODE_PEER_TO_PEER, MIG_DISK_MODE_SHARED);
}

static MigOperation *
move_direct (MigCluster *cluster)
{
  return new_task (cluster, MIG_MIGRATE_MODE_DIRECT, MIG_DISK_MODE_SHARED);
}

static MigOperation *
move_peer_copying (MigCluster *cluster)
{
  return new_task (cluster, MIG_MIGRATE_MODE_PEER_TO_PEER, MIG_DISK_MODE_COPY);
}

static MigOperation *
move_direct_copying (MigCluster *cluster)
{
  return new_task (cluster, MIG_MIGRATE_MODE_DIRECT, MIG_DISK_MODE_COPY);
}

/* The first of each mode is looked at more closely. */
static const CrashScenario scenarios[] = {
  { "peer-to-peer, local disks", 0.03, -1, make_local, move_peer_copying },
  { "direct, local disks", 0.03, -1, make_local, move_direct_copying },
  { "peer-to-peer, persistent", 0.03, -1, make_shared, move_peer },
  { "peer-to-peer, transient", 0.03, -1, make_transient, move_peer },
  { "peer-to-peer, paused", 0.03, -1, make_paused, move_peer },
  { "peer-to-peer, local disks, transient", 0.03, -1, make_local_transient, move_peer_copying },
  { "direct, persistent", 0.03, -1, make_shared, move_direct },
  { "direct, transient", 0.03, -1, make_transient, move_direct },
  { "direct, paused", 0.03, -1, make_paused, move_direct },
};

#ifdef LIVE_CRASH_QUICK
#define N_SCENARIOS 2
#define N_CLOSELY 0
#else
#define N_SCENARIOS G_N_ELEMENTS (scenarios)
#define N_CLOSELY 2
#endif

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

START_TEST (g1_g6_any_call_goes_wrong)
{
  reference = crash_kit_run_undisturbed (&scenarios[_i]);
#ifdef LIVE_CRASH_QUICK
  crash_kit_add_calls (&scenarios[_i], reference, MIG_SIM_FAULT_EXIT_AFTER, TRUE);
  crash_kit_add_calls (&scenarios[_i], reference, MIG_SIM_FAULT_EXIT_LATE, TRUE);
  crash_kit_add_calls (&scenarios[_i], reference, MIG_SIM_FAULT_LATE, TRUE);
#else
  crash_kit_add_all_calls (&scenarios[_i], reference, _i >= N_CLOSELY);
#endif
  crash_kit_expect_success ();
}
END_TEST

/* Where both sides stand still. */
START_TEST (g1_g6_dies_in_the_switch_over)
{
  reference = crash_kit_run_undisturbed (&scenarios[_i]);
  crash_kit_add (&scenarios[_i], reference,
                 &(CrashAccident) { CRASH_CALL, "switch-over", MIG_SIM_FAULT_EXIT_AFTER, 0, 1, NULL, 0 });
  for (guint again = 1; again <= 14; again++)
    crash_kit_add (&scenarios[_i], reference,
                   &(CrashAccident) { CRASH_CALL, "switch-over", MIG_SIM_FAULT_EXIT_AFTER, 0, 1, NULL, again });
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

START_TEST (g2_g6_undo_goes_wrong)
{
  reference = crash_kit_run_undisturbed (&scenarios[_i]);
  crash_kit_add_undo (&scenarios[_i], reference, "migrate", 16);
  crash_kit_expect_success ();
}
END_TEST

START_TEST (g6_recovery_dies_too)
{
  reference = crash_kit_run_undisturbed (&scenarios[_i]);
  crash_kit_add_recovery (&scenarios[_i], reference, 16);
  crash_kit_expect_success ();
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("live crash");
  TCase *tcase = mig_test_add_case (suite, "matrix");

  tcase_set_timeout (tcase, 120);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, g1_g6_any_call_goes_wrong, 0, N_SCENARIOS);
  tcase_add_loop_test (tcase, g1_g6_dies_in_the_switch_over, 0, N_SCENARIOS);
  tcase_add_loop_test (tcase, g3_any_commit_goes_wrong, 0, N_SCENARIOS);
  tcase_add_loop_test (tcase, g2_g6_undo_goes_wrong, 0, N_CLOSELY);
  tcase_add_loop_test (tcase, g6_recovery_dies_too, 0, N_CLOSELY);

  return suite;
}

MIG_TEST_MAIN (create_suite)
