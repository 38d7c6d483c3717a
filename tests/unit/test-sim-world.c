/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the simulated hypervisor does beyond the contract of drivers: convergence, links, and the watch over what must
 * never be. */

#include "config.h"

#include "sim-test.h"

#include <string.h>

#include "libmig/core/mig-waiter-private.h"

START_TEST (time_depends_on_memory_and_rate)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, "{\"memory\": 104857600, \"disks\": [\"vda=/shared/g.raw\"]}");
  g_autoptr (MigJobStats) stats = NULL;
  g_autoptr (GError) error = NULL;

  mig_sim_driver_configure (driver, "{\"rate\": 1048576000}", &error);
  ck_assert (sim_migrate (driver, MIG_MIGRATE_MODE_PEER_TO_PEER, MIG_MIGRATE_FLAGS_NONE, &error));
  mig_assert_no_error (error);
  stats = mig_compute_driver_get_job (MIG_COMPUTE_DRIVER (driver), sim.b, sim.uuid, TRUE, NULL, &error);
  ck_assert (mig_job_stats_get_elapsed (stats) > 0.1 && mig_job_stats_get_elapsed (stats) < 0.3);
  ck_assert_int_eq (mig_job_stats_get_memory_processed (stats), 100 * MiB);
  ck_assert_int_eq (mig_job_stats_get_iteration (stats), 1);
  sim_expect_violation (driver, NULL);
}
END_TEST

START_TEST (dirty_memory_takes_more_passes)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, "{\"memory\": 52428800, \"dirty-rate\": 314572800, "
                                                      "\"disks\": [\"vda=/shared/g.raw\"]}");
  g_autoptr (MigMigrateRequest) request = NULL;
  g_autoptr (MigJobStats) stats = NULL;
  g_autoptr (GError) error = NULL;

  mig_sim_driver_configure (driver, "{\"rate\": 1048576000}", &error);
  request = g_object_new (MIG_TYPE_MIGRATE_REQUEST, "source", sim.a, "destination", sim.b, "domain", sim.uuid, "mode",
                          MIG_MIGRATE_MODE_PEER_TO_PEER, "max-downtime", 0.001, "token", "test", NULL);
  ck_assert (mig_compute_driver_migrate (MIG_COMPUTE_DRIVER (driver), request, NULL, &error));
  mig_assert_no_error (error);
  stats = mig_compute_driver_get_job (MIG_COMPUTE_DRIVER (driver), sim.b, sim.uuid, TRUE, NULL, &error);
  /* 50, 15, 4.5, 1.35 MiB, and then what fits into a millisecond. */
  ck_assert_int_eq (mig_job_stats_get_iteration (stats), 4);
  ck_assert_int_gt (mig_job_stats_get_memory_processed (stats), 70 * MiB);
}
END_TEST

static gpointer
run_migrate (gpointer driver)
{
  g_autoptr (MigMigrateRequest) request = NULL;

  request = sim_new_request (MIG_MIGRATE_MODE_PEER_TO_PEER, MIG_MIGRATE_FLAGS_POST_COPY, NULL);
  mig_compute_driver_migrate (driver, request, NULL, NULL);

  return NULL;
}

static GThread *
begin_hopeless_move (MigSimDriver *driver)
{
  g_autoptr (GError) error = NULL;
  GThread *thread;

  mig_sim_driver_configure (driver, "{\"rate\": 419430400}", &error);
  mig_assert_no_error (error);
  thread = g_thread_new ("move", run_migrate, driver);
  sim_wait_state (driver, sim.b, MIG_DOMAIN_STATE_PAUSED_MIGRATION);

  return thread;
}

static void
switch_to_post_copy (MigSimDriver *driver)
{
  MigComputeDriver *compute = MIG_COMPUTE_DRIVER (driver);
  g_autoptr (MigWaiter) waiter = mig_waiter_new ();
  g_autoptr (GError) error = NULL;

  /* Not possible before the first pass has begun. */
  while (!mig_compute_driver_tune (compute, sim.a, sim.uuid, MIG_TUNABLE_POST_COPY, 0, NULL, &error))
    {
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
      g_clear_error (&error);
      mig_waiter_wait (waiter, 0, g_get_monotonic_time () + 100, NULL);
    }
}

#define HOPELESS "{\"memory\": 41943040, \"dirty-rate\": 1048576000, \"disks\": [\"vda=/shared/g.raw\"]}"

START_TEST (post_copy_ends_what_never_converges)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, HOPELESS);
  GThread *thread = begin_hopeless_move (driver);
  g_autoptr (GError) error = NULL;

  switch_to_post_copy (driver);
  sim_expect_states (driver, MIG_DOMAIN_STATE_PAUSED_POST_COPY, MIG_DOMAIN_STATE_POST_COPY);
  ck_assert (!mig_compute_driver_abort_job (MIG_COMPUTE_DRIVER (driver), sim.a, sim.uuid, -1, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  g_thread_join (thread);
  sim_expect_states (driver, MIG_DOMAIN_STATE_UNKNOWN, MIG_DOMAIN_STATE_RUNNING);
  sim_expect_violation (driver, NULL);
}
END_TEST

START_TEST (broken_post_copy_is_taken_up_again)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, HOPELESS);
  GThread *thread = begin_hopeless_move (driver);
  g_autoptr (GError) error = NULL;

  switch_to_post_copy (driver);
  mig_sim_driver_configure (driver, "{\"call-deadline\": 0.01}", &error);
  mig_sim_driver_set_link (driver, "a", "b", 0, &error);
  sim_expect_states (driver, MIG_DOMAIN_STATE_POST_COPY_FAILED, MIG_DOMAIN_STATE_POST_COPY_FAILED);
  ck_assert (!mig_compute_driver_resume (MIG_COMPUTE_DRIVER (driver), sim.a, sim.uuid, NULL, NULL));
  sim_expect_states (driver, MIG_DOMAIN_STATE_POST_COPY_FAILED, MIG_DOMAIN_STATE_POST_COPY_FAILED);

  mig_sim_driver_set_link (driver, "a", "b", 1000 * MiB, &error);
  /* Only by a call that says so. */
  ck_assert (!sim_migrate (driver, MIG_MIGRATE_MODE_PEER_TO_PEER, MIG_MIGRATE_FLAGS_POST_COPY, NULL));
  sim_expect_states (driver, MIG_DOMAIN_STATE_POST_COPY_FAILED, MIG_DOMAIN_STATE_POST_COPY_FAILED);
  ck_assert (sim_migrate (driver, MIG_MIGRATE_MODE_PEER_TO_PEER, MIG_MIGRATE_FLAGS_POST_COPY | MIG_MIGRATE_FLAGS_RESUME,
                          &error));
  mig_assert_no_error (error);
  sim_expect_states (driver, MIG_DOMAIN_STATE_UNKNOWN, MIG_DOMAIN_STATE_RUNNING);
  g_thread_join (thread);
  sim_expect_violation (driver, NULL);
}
END_TEST

#define GUEST "{\"disks\": [\"vda=/shared/g.raw\"]}"

START_TEST (mark_waits_for_the_end_of_a_migration)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, HOPELESS);
  GThread *thread = begin_hopeless_move (driver);
  g_autoptr (GError) error = NULL;

  mig_sim_driver_configure (driver, "{\"call-deadline\": 0.02}", &error);
  ck_assert (!mig_compute_driver_set_mark (MIG_COMPUTE_DRIVER (driver), sim.a, sim.uuid, "mark", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
  g_clear_error (&error);
  ck_assert (mig_compute_driver_abort_job (MIG_COMPUTE_DRIVER (driver), sim.a, sim.uuid, -1, NULL, &error));
  ck_assert (mig_compute_driver_set_mark (MIG_COMPUTE_DRIVER (driver), sim.a, sim.uuid, "mark", NULL, &error));
  mig_assert_no_error (error);
  g_thread_join (thread);
}
END_TEST

START_TEST (cut_link_ends_a_migration)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, HOPELESS);
  GThread *thread = begin_hopeless_move (driver);
  g_autoptr (GError) error = NULL;

  mig_sim_driver_set_link (driver, "a", "b", 0, &error);
  g_thread_join (thread);
  sim_expect_states (driver, MIG_DOMAIN_STATE_RUNNING, MIG_DOMAIN_STATE_UNKNOWN);
  ck_assert (!sim_migrate (driver, MIG_MIGRATE_MODE_PEER_TO_PEER, MIG_MIGRATE_FLAGS_NONE, &error));
  ck_assert_ptr_nonnull (error);
  sim_expect_states (driver, MIG_DOMAIN_STATE_RUNNING, MIG_DOMAIN_STATE_UNKNOWN);
  sim_expect_violation (driver, NULL);
}
END_TEST

START_TEST (second_copy_is_noticed)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, GUEST);
  g_autofree char *json = g_strdup_printf ("{\"uuid\": \"%s\", \"state\": \"paused\", "
                                           "\"disks\": [\"vda=/shared/g.raw\"]}", sim.uuid);
  g_autofree char *second = NULL;
  g_autoptr (GError) error = NULL;

  second = mig_sim_driver_add_domain (driver, "b", "g", json, &error);
  mig_assert_no_error (error);
  sim_expect_violation (driver, NULL);
  ck_assert (mig_compute_driver_resume (MIG_COMPUTE_DRIVER (driver), sim.b, second, NULL, &error));
  sim_expect_violation (driver, "g runs on a and on b\n");

  /* It is not forgotten. */
  ck_assert (mig_compute_driver_destroy (MIG_COMPUTE_DRIVER (driver), sim.b, second, NULL, &error));
  sim_expect_violation (driver, "g runs on a and on b\n");
}
END_TEST

START_TEST (lost_guest_is_noticed)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, GUEST);
  g_autoptr (GError) error = NULL;

  ck_assert (mig_compute_driver_destroy (MIG_COMPUTE_DRIVER (driver), sim.a, sim.uuid, NULL, &error));
  sim_expect_violation (driver, "g is lost\n");
}
END_TEST

START_TEST (removed_disk_is_noticed)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, GUEST);
  g_autoptr (MigDiskSource) place = mig_disk_source_parse ("/shared/g.raw", "raw", NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (mig_volume_backend_remove (MIG_VOLUME_BACKEND (driver), sim.a, place, "test", NULL, &error));
  sim_expect_violation (driver, "g uses /shared/g.raw on a, which is not there\n");
}
END_TEST

START_TEST (old_disk_is_noticed)
{
  const char *copy_disks[] = { "vda", NULL };
  g_autoptr (MigSimDriver) driver = sim_make (NULL, "{\"disks\": [\"vda=/local/g.raw\"]}");
  g_autoptr (MigMigrateRequest) copying = sim_new_request (MIG_MIGRATE_MODE_PEER_TO_PEER, 0, copy_disks);
  g_autoptr (MigMigrateRequest) back = NULL;
  g_autoptr (GError) error = NULL;

  mig_sim_driver_add_volume (driver, "b", "/local/g.raw", MiB, &error);
  ck_assert (mig_compute_driver_migrate (MIG_COMPUTE_DRIVER (driver), copying, NULL, &error));
  mig_assert_no_error (error);
  sim_expect_violation (driver, NULL);

  /* Back without its disk: to what it had before. */
  back = g_object_new (MIG_TYPE_MIGRATE_REQUEST, "source", sim.b, "destination", sim.a, "domain", sim.uuid, "mode",
                       MIG_MIGRATE_MODE_PEER_TO_PEER, "flags", MIG_MIGRATE_FLAGS_UNSAFE, "token", "test", NULL);
  ck_assert (mig_compute_driver_migrate (MIG_COMPUTE_DRIVER (driver), back, NULL, &error));
  sim_expect_violation (driver, "g uses /local/g.raw on a, which is out of date\n");
}
END_TEST

START_TEST (abort_in_the_switch_over_with_local_disks_loses_the_guest)
{
  const char *copy_disks[] = { "vda", NULL };
  g_autoptr (MigSimDriver) driver = sim_make (NULL, "{\"disks\": [\"vda=/local/g.raw\"]}");
  g_autoptr (GError) error = NULL;
  g_autoptr (MigMigrateRequest) request = sim_new_request (MIG_MIGRATE_MODE_PEER_TO_PEER, 0, copy_disks);

  mig_sim_driver_add_volume (driver, "b", "/local/g.raw", MiB, &error);
  mig_sim_driver_configure (driver, "{\"switch-over\": 20}", &error);
  mig_sim_driver_set_fault (driver, "migrate", 1, MIG_SIM_FAULT_ANSWER_LOST);
  ck_assert (!mig_compute_driver_migrate (MIG_COMPUTE_DRIVER (driver), request, NULL, &error));
  g_clear_error (&error);
  sim_wait_state (driver, sim.a, MIG_DOMAIN_STATE_PAUSED_MIGRATION);
  ck_assert (mig_compute_driver_abort_job (MIG_COMPUTE_DRIVER (driver), sim.a, sim.uuid, -1, NULL, &error));
  sim_expect_states (driver, MIG_DOMAIN_STATE_CRASHED, MIG_DOMAIN_STATE_UNKNOWN);
  sim_expect_violation (driver, "g is lost\n");
}
END_TEST

START_TEST (unshared_disk_needs_copying)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, "{\"disks\": [\"vda=/local/g.raw\"]}");
  g_autoptr (MigMigrateRequest) request = NULL;
  g_autoptr (GError) error = NULL;

  request = g_object_new (MIG_TYPE_MIGRATE_REQUEST, "source", sim.a, "destination", sim.b, "domain", sim.uuid, "token",
                          "test", NULL);
  ck_assert (!mig_compute_driver_migrate (MIG_COMPUTE_DRIVER (driver), request, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INCOMPATIBLE);
}
END_TEST

START_TEST (world_survives_its_process)
{
  g_autoptr (MigSimDriver) driver = sim_make (sim.path, "{\"transient\": true, \"state\": \"paused\", "
                                                      "\"disks\": [\"vda=/shared/g.raw\"]}");
  g_autoptr (GError) error = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  ck_assert (mig_compute_driver_set_mark (MIG_COMPUTE_DRIVER (driver), sim.a, sim.uuid, "mark", NULL, &error));
  before = mig_sim_driver_dup_world (driver, &error);
  g_clear_object (&driver);
  driver = sim_open (sim.path);
  after = mig_sim_driver_dup_world (driver, &error);
  ck_assert_str_eq (after, before);
  ck_assert_str_eq (after, "host a\n"
                           "  domain g paused vda=/shared/g.raw:raw mark “mark”\n"
                           "  volume /local/g.raw 1048576: empty\n"
                           "host b\n"
                           "shared\n"
                           "  volume /shared/g.raw 1048576: vda of g\n");
}
END_TEST

static const char * const bad_files[] = { "", "not a world", "MigSim1\0........", "MigSim1\0........and more" };

START_TEST (other_files_are_refused)
{
  g_autoptr (GError) error = NULL;
  gsize length = _i == 2 ? 16 : _i == 3 ? 24 : strlen (bad_files[_i]);

  ck_assert (g_file_set_contents (sim.path, bad_files[_i], length, NULL));
  ck_assert_ptr_null (mig_sim_driver_new (sim.path, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
}
END_TEST

static const char * const bad_guests[] = {
  "[]", "{\"memory\": -2}", "{\"state\": \"crashed\"}", "{\"state\": \"shut-off\", \"transient\": true}",
  "{\"disk\": []}", "{\"disks\": [\"/no/target\"]}", "{\"disks\": [\"vda=relative\"]}", "{\"uuid\": \"short\"}",
};

START_TEST (bad_parameters_are_refused)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, GUEST);
  g_autoptr (GError) error = NULL;
  g_autofree char *world = mig_sim_driver_dup_world (driver, NULL);
  g_autofree char *after = NULL;

  ck_assert_ptr_null (mig_sim_driver_add_domain (driver, "a", "bad", bad_guests[_i], &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  after = mig_sim_driver_dup_world (driver, NULL);
  ck_assert_str_eq (after, world);
}
END_TEST

START_TEST (bad_settings_are_refused)
{
  g_autoptr (MigSimDriver) driver = sim_open (NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (!mig_sim_driver_configure (driver, "{\"rate\": 0}", &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  ck_assert (!mig_sim_driver_configure (driver, "{\"setup\": -0.5}", &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  ck_assert (!mig_sim_driver_configure (driver, "{\"speed\": 1}", &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  ck_assert (mig_sim_driver_configure (driver, "{\"setup\": 0}", &error));
  mig_assert_no_error (error);
}
END_TEST

static void
count_event (MigComputeDriver *driver,
             MigHost          *host,
             const char       *domain,
             MigDriverEvent    event,
             const char       *detail,
             gpointer          n_events)
{
  g_atomic_int_inc ((int *) n_events);
}

START_TEST (hosts_can_be_silent)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, GUEST);
  g_autoptr (GError) error = NULL;
  int n_events = 0;

  g_object_set (driver, "events", FALSE, NULL);
  g_signal_connect (driver, "event", G_CALLBACK (count_event), &n_events);
  ck_assert (sim_migrate (driver, MIG_MIGRATE_MODE_PEER_TO_PEER, MIG_MIGRATE_FLAGS_NONE, &error));
  /* Its thread has ended with it, so nothing is on its way. */
  g_clear_object (&driver);
  ck_assert_int_eq (n_events, 0);
}
END_TEST

static void
drop_driver (MigComputeDriver *driver,
             MigHost          *host,
             const char       *domain,
             MigDriverEvent    event,
             const char       *detail,
             gpointer          owned)
{
  g_clear_object ((MigSimDriver **) owned);
}

static gboolean
is_gone (gpointer weak)
{
  g_autoptr (GObject) object = g_weak_ref_get (weak);

  return object == NULL;
}

START_TEST (handler_may_drop_the_driver)
{
  MigSimDriver *driver = sim_make (NULL, GUEST);
  GWeakRef weak;

  g_weak_ref_init (&weak, driver);
  g_signal_connect (driver, "event", G_CALLBACK (drop_driver), &driver);
  ck_assert (mig_compute_driver_pause (MIG_COMPUTE_DRIVER (driver), sim.a, sim.uuid, NULL, NULL));
  mig_test_wait (NULL, is_gone, &weak, 5);
  g_weak_ref_clear (&weak);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("sim world");
  TCase *moves = mig_test_add_case (suite, "moves");
  TCase *watch = mig_test_add_case (suite, "watch");
  TCase *worlds = mig_test_add_case (suite, "worlds");

  tcase_add_checked_fixture (moves, sim_set_up, sim_tear_down);
  tcase_add_test (moves, time_depends_on_memory_and_rate);
  tcase_add_test (moves, dirty_memory_takes_more_passes);
  tcase_add_test (moves, post_copy_ends_what_never_converges);
  tcase_add_test (moves, broken_post_copy_is_taken_up_again);
  tcase_add_test (moves, mark_waits_for_the_end_of_a_migration);
  tcase_add_test (moves, cut_link_ends_a_migration);
  tcase_add_test (moves, unshared_disk_needs_copying);

  tcase_add_checked_fixture (watch, sim_set_up, sim_tear_down);
  tcase_add_test (watch, second_copy_is_noticed);
  tcase_add_test (watch, lost_guest_is_noticed);
  tcase_add_test (watch, removed_disk_is_noticed);
  tcase_add_test (watch, old_disk_is_noticed);
  tcase_add_test (watch, abort_in_the_switch_over_with_local_disks_loses_the_guest);

  tcase_add_checked_fixture (worlds, sim_set_up, sim_tear_down);
  tcase_add_test (worlds, world_survives_its_process);
  tcase_add_loop_test (worlds, other_files_are_refused, 0, G_N_ELEMENTS (bad_files));
  tcase_add_loop_test (worlds, bad_parameters_are_refused, 0, G_N_ELEMENTS (bad_guests));
  tcase_add_test (worlds, bad_settings_are_refused);
  tcase_add_test (worlds, hosts_can_be_silent);
  tcase_add_test (worlds, handler_may_drop_the_driver);

  return suite;
}

MIG_TEST_MAIN (create_suite)
