/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "fault-store.h"
#include "live.h"

/* Moves whose driver lets only so many begin at once; and whoever carries an operation on with less than it needs. */

#define N_GUESTS 30

static void
add_guest (LiveWorld *world,
           guint      number)
{
  g_autofree char *place = g_strdup_printf ("/disks/g%u.raw", number);
  g_autofree char *name = g_strdup_printf ("g%u", number);
  g_autofree char *json = g_strdup_printf ("{\"disks\": [\"vda=%s\"]}", place);
  g_autofree char *uuid = NULL;
  g_autoptr (GError) error = NULL;

  mig_sim_driver_add_volume (world->sim, NULL, place, LIVE_DISK_LENGTH, &error);
  mig_assert_no_error (error);
  uuid = mig_sim_driver_add_domain (world->sim, "a", name, json, &error);
  mig_assert_no_error (error);
}

static MigOperation *
new_task (LiveWorld *world,
          guint      number)
{
  g_autofree char *name = g_strdup_printf ("g%u", number);

  return MIG_OPERATION (mig_migration_task_new (world->cluster, name, world->a, world->b, NULL));
}

static gpointer
run (gpointer data)
{
  GError *error = NULL;

  mig_operation_run (data, NULL, &error);

  return error;
}

/* Each waits far longer for its turn than a call may take that does nothing. */
START_TEST (many_from_one_host)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_SHARED);
  MigOperation *tasks[N_GUESTS];
  GThread *threads[N_GUESTS];

  g_object_set (world->cluster, "settle-time", 0.05, NULL);
  live_world_configure (world, "{\"max-moves\": 4, \"rate\": 33554432}");
  for (guint i = 0; i < N_GUESTS; i++)
    {
      add_guest (world, i);
      tasks[i] = new_task (world, i);
      threads[i] = g_thread_new ("task", run, tasks[i]);
    }

  for (guint i = 0; i < N_GUESTS; i++)
    {
      g_autoptr (GError) failure = g_thread_join (threads[i]);

      mig_assert_no_error (failure);
      ck_assert_int_eq (mig_operation_get_status (tasks[i]), MIG_STATUS_COMPLETED);
      g_object_unref (tasks[i]);
    }
  live_world_check (world);
}
END_TEST

static void
note_held (MigOperation *task,
           const char   *text,
           GVariant     *inputs,
           gpointer      data)
{
  if (strstr (text, "waiting for other migrations") != NULL)
    *(gboolean *) data = TRUE;
}

/* One move that takes its time, and another that waits for it. */
static void
begin_two (LiveWorld     *world,
           MigOperation **first,
           MigOperation **second,
           GAsyncResult **results)
{
  gboolean held = FALSE;
  gulong handler;

  live_world_configure (world, "{\"max-moves\": 1, \"rate\": 4194304}");
  add_guest (world, 1);
  *first = live_world_task (world, NULL);
  mig_operation_run_async (*first, NULL, mig_test_store_result, &results[0]);
  /* It has begun when it is seen at its destination. */
  for (gboolean begun = FALSE; !begun;)
    {
      g_autoptr (MigDomainInfo) info = live_world_look (world, world->b);

      begun = info != NULL;
      g_main_context_iteration (NULL, FALSE);
    }
  *second = new_task (world, 1);
  handler = g_signal_connect (*second, "decision", G_CALLBACK (note_held), &held);
  mig_operation_run_async (*second, NULL, mig_test_store_result, &results[1]);
  mig_test_wait (NULL, mig_test_flag_is_set, &held, 10);
  g_signal_handler_disconnect (*second, handler);
}

static void
expect_unmoved (LiveWorld *world)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) info = NULL;

  mig_sim_driver_wait_idle (world->sim, 10, NULL, &error);
  mig_assert_no_error (error);
  info = mig_compute_driver_get_domain (MIG_COMPUTE_DRIVER (world->sim), world->a, "g1", NULL, &error);
  mig_assert_no_error (error);
  ck_assert_int_eq (mig_domain_info_get_state (info), MIG_DOMAIN_STATE_RUNNING);
  ck_assert_ptr_null (mig_domain_info_get_mark (info));
  live_world_check (world);
}

/* What waits is aborted at once, and nobody has to find out whether it has begun. */
START_TEST (aborted_while_held)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_SHARED);
  g_autoptr (MigOperation) first = NULL;
  g_autoptr (MigOperation) second = NULL;
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[2] = { NULL, NULL };

  g_object_set (world->cluster, "settle-time", 30.0, NULL);
  begin_two (world, &first, &second, results);
  ck_assert (mig_operation_abort (second, &error));
  mig_test_wait (NULL, mig_test_pointer_is_set, &results[1], 10);
  ck_assert (!mig_operation_run_finish (second, results[1], &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mig_test_wait (NULL, mig_test_pointer_is_set, &results[0], 20);
  expect_unmoved (world);
  g_object_unref (results[0]);
  g_object_unref (results[1]);
}
END_TEST

static MigCluster *
new_cluster (LiveWorld        *world,
             MigStateStore    *store,
             MigComputeDriver *driver)
{
  MigCluster *cluster = mig_cluster_new (store, driver);
  g_autoptr (GError) error = NULL;

  g_object_set (cluster, "settle-time", 0.08, "volume-backend", NULL, NULL);
  mig_cluster_add_host (cluster, world->a, &error);
  mig_cluster_add_host (cluster, world->b, &error);
  mig_assert_no_error (error);

  return cluster;
}

static void
close_cluster (MigCluster   *cluster,
               MigCloseMode  mode)
{
  g_autoptr (GError) error = NULL;

  ck_assert (mig_cluster_close (cluster, mode, NULL, &error));
  mig_assert_no_error (error);
}

/* The process leaves while the move waits: when its turn comes, nobody moves the guest, who has been given up. */
START_TEST (detached_while_held)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_SHARED);
  g_autoptr (MigCluster) cluster = NULL;
  g_autoptr (MigOperation) first = NULL;
  g_autoptr (MigOperation) second = NULL;
  g_autoptr (GPtrArray) recovered = NULL;
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[2] = { NULL, NULL };

  begin_two (world, &first, &second, results);
  close_cluster (world->cluster, MIG_CLOSE_MODE_DETACH);
  mig_test_wait (NULL, mig_test_pointer_is_set, &results[0], 10);
  mig_test_wait (NULL, mig_test_pointer_is_set, &results[1], 10);

  cluster = new_cluster (world, world->store, MIG_COMPUTE_DRIVER (world->sim));
  recovered = mig_cluster_recover_all (cluster, NULL, &error);
  mig_assert_no_error (error);
  ck_assert_uint_eq (recovered->len, 2);
  expect_unmoved (world);
  close_cluster (cluster, MIG_CLOSE_MODE_WAIT);
  g_object_unref (results[0]);
  g_object_unref (results[1]);
}
END_TEST

static gboolean
is_lease (const char *verb,
          const char *key,
          gpointer    silent)
{
  return g_atomic_int_get ((gint *) silent) && g_str_equal (verb, "commit") && g_str_has_prefix (key, "lease/");
}

static gboolean
has_passed (gpointer moment)
{
  return g_get_monotonic_time () > *(gint64 *) moment;
}

/* For longer than the lease lasts, and somebody who waits for it is patient, it cannot be renewed: nothing is sent, and
 * nothing is given up. */
START_TEST (lease_late_while_held)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_SHARED);
  g_autoptr (FaultStore) store = fault_store_new (world->store);
  g_autoptr (MigCluster) cluster = new_cluster (world, MIG_STATE_STORE (store), MIG_COMPUTE_DRIVER (world->sim));
  g_autoptr (MigOperation) first = NULL;
  g_autoptr (MigOperation) second = NULL;
  g_autoptr (MigDomainInfo) info = NULL;
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[2] = { NULL, NULL };
  MigCluster *own = world->cluster;
  gint silent = FALSE;
  gint64 until;

  g_object_set (cluster, "settle-time", 2.0, "lease-ttl", 0.6, "volume-backend", world->sim, NULL);
  fault_store_watch (store, is_lease, &silent);
  world->cluster = cluster;
  begin_two (world, &first, &second, results);
  g_atomic_int_set (&silent, TRUE);
  until = g_get_monotonic_time () + 7 * G_USEC_PER_SEC;
  mig_test_wait (NULL, has_passed, &until, 20);
  info = mig_compute_driver_get_domain (MIG_COMPUTE_DRIVER (world->sim), world->a, "g1", NULL, &error);
  mig_assert_no_error (error);
  ck_assert_int_eq (mig_domain_info_get_job (info), MIG_JOB_KIND_NONE);
  ck_assert_int_eq (mig_domain_info_get_state (info), MIG_DOMAIN_STATE_RUNNING);

  g_atomic_int_set (&silent, FALSE);
  for (guint i = 0; i < 2; i++)
    {
      mig_test_wait (NULL, mig_test_pointer_is_set, &results[i], 20);
      mig_operation_run_finish (i == 0 ? first : second, results[i], &error);
      mig_assert_no_error (error);
      g_object_unref (results[i]);
    }
  close_cluster (cluster, MIG_CLOSE_MODE_WAIT);
  world->cluster = own;
  live_world_check (world);
}
END_TEST

/* It never can be: whoever waits is told, and recovery has it. */
START_TEST (lease_lost_while_held)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_SHARED);
  g_autoptr (FaultStore) store = fault_store_new (world->store);
  g_autoptr (MigCluster) cluster = new_cluster (world, MIG_STATE_STORE (store), MIG_COMPUTE_DRIVER (world->sim));
  g_autoptr (MigOperation) first = NULL;
  g_autoptr (MigOperation) second = NULL;
  g_autoptr (GError) error = NULL;
  GAsyncResult *results[2] = { NULL, NULL };
  MigCluster *own = world->cluster;
  gint silent = FALSE;

  g_object_set (cluster, "settle-time", 0.2, "lease-ttl", 0.6, "volume-backend", world->sim, NULL);
  fault_store_watch (store, is_lease, &silent);
  world->cluster = cluster;
  begin_two (world, &first, &second, results);
  g_atomic_int_set (&silent, TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &results[1], 40);
  ck_assert (!mig_operation_run_finish (second, results[1], &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);

  g_atomic_int_set (&silent, FALSE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &results[0], 40);
  close_cluster (cluster, MIG_CLOSE_MODE_DETACH);
  g_object_unref (results[0]);
  g_object_unref (results[1]);
  world->cluster = own;
  live_world_check (world);
}
END_TEST

/* A cluster without a back end, or without a driver, finds an operation that needs it. */
START_TEST (recovered_with_less)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autoptr (MigOperation) found = NULL;
  g_autoptr (MigCluster) cluster = NULL;
  g_autoptr (GPtrArray) recovered = NULL;
  g_autoptr (GError) error = NULL;
  GAsyncResult *result = NULL;

  live_world_configure (world, "{\"rate\": 524288}");
  mig_operation_run_async (task, NULL, mig_test_store_result, &result);
  for (gboolean begun = FALSE; !begun;)
    {
      g_autoptr (MigDomainInfo) info = live_world_look (world, world->b);

      begun = info != NULL;
      g_main_context_iteration (NULL, FALSE);
    }
  close_cluster (world->cluster, MIG_CLOSE_MODE_DETACH);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 10);

  cluster = new_cluster (world, world->store, _i == 0 ? MIG_COMPUTE_DRIVER (world->sim) : NULL);
  recovered = mig_cluster_recover_all (cluster, NULL, &error);
  mig_assert_no_error (error);
  ck_assert_uint_eq (recovered->len, 1);
  found = g_object_ref (g_ptr_array_index (recovered, 0));
  ck_assert_int_eq (mig_operation_get_status (found), MIG_STATUS_ERROR);
  error = mig_operation_dup_error (found);
  ck_assert_msg (strstr (error->message, _i == 0 ? "volume back end" : "driver") != NULL, "%s", error->message);
  close_cluster (cluster, MIG_CLOSE_MODE_WAIT);
  g_object_unref (result);
}
END_TEST

static void
restart_at_prepare (MigOperation *task,
                    MigPhase      old,
                    MigPhase      new,
                    gpointer      data)
{
  g_autoptr (GError) error = NULL;

  if (new != MIG_PHASE_PREPARE)
    return;
  mig_sim_driver_restart_daemon (data, "a", &error);
  mig_assert_no_error (error);
}

static gboolean
restart_and_migrate (MigComputeDriver   *driver,
                     MigMigrateRequest  *request,
                     GCancellable       *cancellable,
                     GError            **error)
{
  g_autoptr (GError) failure = NULL;

  mig_sim_driver_restart_daemon (MIG_SIM_DRIVER (driver), "a", &failure);
  mig_assert_no_error (failure);

  return live_slots.migrate (driver, request, cancellable, error);
}

/* The daemon that gets the call is another one than that which was checked, or even than that which was there when the
 * call began: so the call may be alive, whatever daemon is there now. */
START_TEST (daemon_restarts_before_the_call)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_SHARED);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autoptr (GError) failure = NULL;

  /* Slow enough for the signal to be heard between the checks and the call. */
  live_world_configure (world, "{\"call-time\": 0.2, \"late-delay\": 3}");
  g_object_set (world->cluster, "settle-time", 4.0, NULL);
  mig_sim_driver_set_fault (world->sim, "migrate", 1, MIG_SIM_FAULT_LATE);
  if (_i == 0)
    g_signal_connect (task, "phase-changed", G_CALLBACK (restart_at_prepare), world->sim);
  else
    live_world_get_slots (world)->migrate = restart_and_migrate;
  failure = live_run (task);
  mig_assert_no_error (failure);
  live_world_check (world);
}
END_TEST

static void
set_up (void)
{
  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good */
  mig_test_settle_descriptors ();
}

static void
tear_down (void)
{
}

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("live-held");
  TCase *held = mig_test_add_case (suite, "held");
  TCase *recovered = mig_test_add_case (suite, "recovered");

  tcase_set_timeout (held, 120);
  tcase_set_timeout (recovered, 60);
  tcase_add_checked_fixture (held, set_up, tear_down);
  tcase_add_checked_fixture (recovered, set_up, tear_down);
  tcase_add_test (held, many_from_one_host);
  tcase_add_test (held, aborted_while_held);
  tcase_add_test (held, detached_while_held);
  tcase_add_test (held, lease_late_while_held);
  tcase_add_test (held, lease_lost_while_held);
  tcase_add_loop_test (recovered, recovered_with_less, 0, 2);
  tcase_add_loop_test (recovered, daemon_restarts_before_the_call, 0, 2);

  return suite;
}

MIG_TEST_MAIN (create_suite)
