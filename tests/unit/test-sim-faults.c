/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls of the simulated hypervisor that go wrong, and clients that die. */

#include "config.h"

#include "sim-test.h"

#include <signal.h>
#include <unistd.h>

#define GUEST "{\"disks\": [\"vda=/shared/g.raw\"]}"

START_TEST (daemon_restart_forgets_late_calls)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, GUEST);
  g_autoptr (MigHostInfo) before = NULL;
  g_autoptr (MigHostInfo) after = NULL;
  g_autoptr (GError) error = NULL;

  before = mig_compute_driver_get_host_info (MIG_COMPUTE_DRIVER (driver), sim.a, NULL, &error);
  mig_sim_driver_set_fault (driver, "migrate", 1, MIG_SIM_FAULT_LATE);
  ck_assert (!sim_migrate (driver, MIG_MIGRATE_MODE_PEER_TO_PEER, MIG_MIGRATE_FLAGS_NONE, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONNECTION);
  g_clear_error (&error);
  mig_sim_driver_restart_daemon (driver, "a", &error);
  sim_wait_idle (driver);
  sim_expect_states (driver, MIG_DOMAIN_STATE_RUNNING, MIG_DOMAIN_STATE_UNKNOWN);
  after = mig_compute_driver_get_host_info (MIG_COMPUTE_DRIVER (driver), sim.a, NULL, &error);
  ck_assert_str_ne (mig_host_info_get_daemon_incarnation (before), mig_host_info_get_daemon_incarnation (after));
}
END_TEST

/* What a fault does to a peer-to-peer migration, as seen at once and when all has come to rest. */
static const struct
{
  MigSimFault fault;
  int         code;
  gboolean    moves;
} fault_rows[] = {
  { MIG_SIM_FAULT_FAIL, MIG_ERROR_FAILED, FALSE },
  { MIG_SIM_FAULT_ANSWER_LOST, MIG_ERROR_CONNECTION, TRUE },
  { MIG_SIM_FAULT_LATE, MIG_ERROR_CONNECTION, TRUE },
};

START_TEST (fault_befalls_the_nth_call)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, GUEST);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) calls = NULL;

  sim_expect_states (driver, MIG_DOMAIN_STATE_RUNNING, MIG_DOMAIN_STATE_UNKNOWN);
  mig_sim_driver_set_fault (driver, "*", 3, fault_rows[_i].fault);
  ck_assert (!sim_migrate (driver, MIG_MIGRATE_MODE_PEER_TO_PEER, MIG_MIGRATE_FLAGS_NONE, &error));
  mig_assert_error (error, MIG_ERROR, fault_rows[_i].code);
  if (fault_rows[_i].fault == MIG_SIM_FAULT_LATE)
    sim_expect_states (driver, MIG_DOMAIN_STATE_RUNNING, MIG_DOMAIN_STATE_UNKNOWN);

  sim_wait_idle (driver);
  if (fault_rows[_i].moves)
    sim_expect_states (driver, MIG_DOMAIN_STATE_UNKNOWN, MIG_DOMAIN_STATE_RUNNING);
  else
    sim_expect_states (driver, MIG_DOMAIN_STATE_RUNNING, MIG_DOMAIN_STATE_UNKNOWN);
  calls = mig_sim_driver_dup_calls (driver);
  ck_assert_str_eq (calls[0], "get_domain");
  ck_assert_str_eq (calls[2], "migrate");
  ck_assert_uint_eq (mig_sim_driver_get_n_calls (driver), g_strv_length (calls));
  sim_expect_violation (driver, NULL);
}
END_TEST

static gpointer
cancel_soon (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);

  return NULL;
}

START_TEST (hanging_call_ends_by_cancelling_or_its_deadline)
{
  g_autoptr (MigSimDriver) driver = sim_make (NULL, GUEST);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (MigMigrateRequest) request = sim_new_request (MIG_MIGRATE_MODE_PEER_TO_PEER, MIG_MIGRATE_FLAGS_NONE, NULL);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  mig_sim_driver_configure (driver, "{\"call-deadline\": 0.01}", &error);
  mig_sim_driver_set_fault (driver, "set_mark", 1, MIG_SIM_FAULT_HANG);
  ck_assert (!mig_compute_driver_set_mark (MIG_COMPUTE_DRIVER (driver), sim.a, sim.uuid, "mark", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
  g_clear_error (&error);

  mig_sim_driver_set_fault (driver, "migrate", 1, MIG_SIM_FAULT_HANG);
  thread = g_thread_new ("cancel", cancel_soon, cancellable);
  ck_assert (!mig_compute_driver_migrate (MIG_COMPUTE_DRIVER (driver), request, cancellable, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  sim_expect_states (driver, MIG_DOMAIN_STATE_RUNNING, MIG_DOMAIN_STATE_UNKNOWN);
}
END_TEST

static MigMigrateMode child_mode;
static const char *child_call;
static MigSimFault child_fault;

static void
migrate_in_child (void)
{
  g_autoptr (MigSimDriver) driver = sim_open (sim.path);

  if (child_call != NULL)
    mig_sim_driver_set_fault (driver, child_call, 1, child_fault);
  if (!sim_migrate (driver, child_mode, MIG_MIGRATE_FLAGS_NONE, NULL))
    _exit (1);
}

/* What is left of a migration whose client ends. */
static const struct
{
  MigMigrateMode mode;
  const char    *call;
  MigSimFault    fault;
  MigDomainState at_a;
  MigDomainState at_b;
} death_rows[] = {
  { MIG_MIGRATE_MODE_PEER_TO_PEER, "migrate", MIG_SIM_FAULT_EXIT_BEFORE, MIG_DOMAIN_STATE_RUNNING, 0 },
  { MIG_MIGRATE_MODE_PEER_TO_PEER, "migrate", MIG_SIM_FAULT_EXIT_AFTER, 0, MIG_DOMAIN_STATE_RUNNING },
  { MIG_MIGRATE_MODE_PEER_TO_PEER, "migrate", MIG_SIM_FAULT_EXIT_LATE, 0, MIG_DOMAIN_STATE_RUNNING },
  { MIG_MIGRATE_MODE_PEER_TO_PEER, "switch-over", MIG_SIM_FAULT_EXIT_AFTER, 0, MIG_DOMAIN_STATE_RUNNING },
  { MIG_MIGRATE_MODE_DIRECT, "migrate", MIG_SIM_FAULT_EXIT_BEFORE, MIG_DOMAIN_STATE_RUNNING, 0 },
  { MIG_MIGRATE_MODE_DIRECT, "migrate", MIG_SIM_FAULT_EXIT_AFTER, MIG_DOMAIN_STATE_RUNNING, 0 },
  { MIG_MIGRATE_MODE_DIRECT, "migrate", MIG_SIM_FAULT_EXIT_LATE, MIG_DOMAIN_STATE_RUNNING, 0 },
  { MIG_MIGRATE_MODE_DIRECT, "switch-over", MIG_SIM_FAULT_EXIT_AFTER, MIG_DOMAIN_STATE_PAUSED_MIGRATION, 0 },
};

START_TEST (death_of_the_client)
{
  g_autoptr (MigSimDriver) driver = sim_make (sim.path, GUEST);
  g_autoptr (GError) error = NULL;

  g_clear_object (&driver);
  child_mode = death_rows[_i].mode;
  child_call = death_rows[_i].call;
  child_fault = death_rows[_i].fault;
  ck_assert_int_eq (mig_test_wait_child (sim_start_child (migrate_in_child)), MIG_SIM_EXIT_STATUS);

  driver = sim_open (sim.path);
  sim_wait_idle (driver);
  sim_expect_states (driver, death_rows[_i].at_a, death_rows[_i].at_b);
  if (death_rows[_i].at_a == MIG_DOMAIN_STATE_PAUSED_MIGRATION)
    {
      ck_assert (mig_compute_driver_resume (MIG_COMPUTE_DRIVER (driver), sim.a, sim.uuid, NULL, &error));
      sim_expect_states (driver, MIG_DOMAIN_STATE_RUNNING, MIG_DOMAIN_STATE_UNKNOWN);
    }
  sim_expect_violation (driver, NULL);
}
END_TEST

START_TEST (stopped_client_of_a_direct_move)
{
  g_autoptr (MigSimDriver) driver = sim_make (sim.path, GUEST);
  g_autoptr (GError) error = NULL;
  pid_t pid;

  mig_sim_driver_configure (driver, "{\"switch-over\": 2}", &error);
  g_clear_object (&driver);
  child_mode = MIG_MIGRATE_MODE_DIRECT;
  child_call = NULL;
  pid = sim_start_child (migrate_in_child);
  driver = sim_open (sim.path);
  sim_wait_state (driver, sim.a, MIG_DOMAIN_STATE_PAUSED_MIGRATION);
  sim_stop_child (pid);

  /* Both stand still for as long as it does. */
  ck_assert (!mig_sim_driver_wait_idle (driver, 0.2, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
  g_clear_error (&error);
  sim_expect_states (driver, MIG_DOMAIN_STATE_PAUSED_MIGRATION, MIG_DOMAIN_STATE_PAUSED_MIGRATION);
  ck_assert_int_eq (kill (pid, _i == 0 ? SIGCONT : SIGKILL), 0);
  ck_assert_int_eq (mig_test_wait_child (pid), _i == 0 ? 0 : -SIGKILL);
  sim_wait_idle (driver);
  if (_i == 0)
    sim_expect_states (driver, MIG_DOMAIN_STATE_UNKNOWN, MIG_DOMAIN_STATE_RUNNING);
  else
    sim_expect_states (driver, MIG_DOMAIN_STATE_PAUSED_MIGRATION, MIG_DOMAIN_STATE_UNKNOWN);
  sim_expect_violation (driver, NULL);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("sim faults");
  TCase *faults = mig_test_add_case (suite, "faults");

  tcase_add_checked_fixture (faults, sim_set_up, sim_tear_down);
  tcase_add_test (faults, daemon_restart_forgets_late_calls);
  tcase_add_loop_test (faults, fault_befalls_the_nth_call, 0, G_N_ELEMENTS (fault_rows));
  tcase_add_test (faults, hanging_call_ends_by_cancelling_or_its_deadline);
  tcase_add_loop_test (faults, death_of_the_client, 0, G_N_ELEMENTS (death_rows));
  tcase_add_loop_test (faults, stopped_client_of_a_direct_move, 0, 2);

  return suite;
}

MIG_TEST_MAIN (create_suite)
