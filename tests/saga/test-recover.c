/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fault-store.h"
#include "mig-test.h"
#include "toy.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <libmig/mig-sqlite-store.h>

/* What other processes do with an operation whose process has ended, was stopped, or wants to leave (G6). */

#define TTL 2.0

static char *world;
static char *path;

static void
set_up (void)
{
  world = mig_test_make_directory ();
  path = g_build_filename (world, "state.db", NULL);
}

static void
tear_down (void)
{
  mig_test_remove_directory (world);
  g_clear_pointer (&world, g_free);
  g_clear_pointer (&path, g_free);
}

static FaultStore *faults;

static MigCluster *
open_cluster (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigStateStore) real = mig_sqlite_store_new (path, &error);
  g_autoptr (FaultStore) store = NULL;
  MigCluster *cluster;

  mig_assert_no_error (error);
  faults = store = fault_store_new (real);
  cluster = toy_cluster_new (MIG_STATE_STORE (store));
  g_object_set (cluster, "lease-ttl", TTL, NULL);

  return cluster;
}

/* A process that runs an operation; it exits with the code of the operation's error, or with 0. */
static pid_t
start_process_as (const char *key,
                  const char *call,
                  ToyAct      act)
{
  pid_t pid = mig_test_fork ();

  ck_assert_int_ge (pid, 0);
  if (pid == 0)
    {
      g_autoptr (MigCluster) cluster = open_cluster ();
      g_autoptr (ToyOperation) toy = toy_operation_new (cluster, key, world);
      g_autoptr (GError) error = NULL;

      toy_script (toy, call, act, 0, 0);
      _exit (mig_operation_run (MIG_OPERATION (toy), NULL, &error) ? 0 : error->code);
    }

  return pid;
}

static pid_t
start_process (const char *call,
               ToyAct      act)
{
  return start_process_as ("key", call, act);
}

static void
wait_until_there (const char *step)
{
  while (!toy_has (world, step))
    g_thread_yield ();
}

/* Once it is in the step, and where it keeps nobody out of the store. */
static void
stop_in (pid_t       pid,
         const char *step)
{
  wait_until_there (step);
  mig_test_stop_child (pid, path);
}

static void
check_calls (const char *expected)
{
  g_autofree char *calls = toy_calls (world);

  ck_assert_str_eq (calls, expected);
}

static GPtrArray *
recover (MigCluster *cluster)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *found = mig_cluster_recover (cluster, NULL, &error);

  mig_assert_no_error (error);

  return found;
}

/* Until there is one: a process that only stopped is believed to live for one ttl. */
static MigOperation *
recover_one (MigCluster *cluster)
{
  for (;;)
    {
      g_autoptr (GPtrArray) found = recover (cluster);

      ck_assert_uint_le (found->len, 1);
      if (found->len == 1)
        return g_object_ref (g_ptr_array_index (found, 0));
      g_thread_yield ();
    }
}

START_TEST (g6_killed_process)
{
  pid_t pid = start_process ("run toy.b", TOY_FLAG);
  g_autoptr (MigCluster) cluster = NULL;
  g_autoptr (GPtrArray) found = NULL;
  MigOperation *operation;

  wait_until_there ("toy.b");
  kill (pid, SIGKILL);
  ck_assert_int_eq (mig_test_wait_child (pid), -SIGKILL);

  /* At once: that the process is gone can be seen. */
  cluster = open_cluster ();
  found = recover (cluster);
  ck_assert_uint_eq (found->len, 1);
  operation = g_ptr_array_index (found, 0);
  ck_assert_str_eq (mig_operation_get_key (operation), "key");
  ck_assert_int_eq (mig_operation_get_status (operation), MIG_STATUS_RECOVERING);
  ck_assert_int_eq (mig_operation_get_phase (operation), MIG_PHASE_PREPARE);

  ck_assert (mig_operation_run (operation, NULL, NULL));
  check_calls ("a+ b+ b+ move+ c+ d+");
  toy_cluster_close (cluster);
}
END_TEST

START_TEST (g6_stopped_process_is_taken_over_and_lets_go)
{
  pid_t pid = start_process ("run toy.b", TOY_FLAG);
  g_autoptr (MigCluster) cluster = NULL;
  g_autoptr (MigOperation) operation = NULL;

  stop_in (pid, "toy.b");
  cluster = open_cluster ();
  operation = recover_one (cluster);
  ck_assert (mig_operation_run (operation, NULL, NULL));

  /* It wakes up, finds its step done, and that it owns nothing any more. */
  toy_set (world, "go", TRUE);
  kill (pid, SIGCONT);
  ck_assert_int_eq (mig_test_wait_child (pid), MIG_ERROR_CONFLICT);
  check_calls ("a+ b+ b+ move+ c+ d+");
  toy_cluster_close (cluster);
}
END_TEST

/* In the middle of a step too: it asks before it goes on. */
START_TEST (g6_taken_over_in_the_middle_of_a_step)
{
  pid_t pid = start_process ("run toy.b", TOY_ASK);
  g_autoptr (MigCluster) cluster = NULL;
  g_autoptr (MigOperation) operation = NULL;

  stop_in (pid, "toy.b");
  cluster = open_cluster ();
  operation = recover_one (cluster);
  ck_assert (mig_operation_run (operation, NULL, NULL));

  toy_set (world, "go", TRUE);
  kill (pid, SIGCONT);
  ck_assert_int_eq (mig_test_wait_child (pid), MIG_ERROR_CONFLICT);
  check_calls ("a+ b+ move+ c+ d+");
  toy_cluster_close (cluster);
}
END_TEST

START_TEST (g6_living_process_is_left_alone)
{
  pid_t pid = start_process ("run toy.b", TOY_FLAG);
  g_autoptr (MigCluster) cluster = NULL;
  gint64 until;

  wait_until_there ("toy.b");
  cluster = open_cluster ();
  until = g_get_monotonic_time () + (gint64) (1.5 * TTL * G_USEC_PER_SEC);
  while (g_get_monotonic_time () < until)
    {
      g_autoptr (GPtrArray) found = recover (cluster);

      ck_assert_uint_eq (found->len, 0);
    }

  toy_set (world, "go", TRUE);
  ck_assert_int_eq (mig_test_wait_child (pid), 0);
  check_calls ("a+ b+ move+ c+ d+");
  toy_cluster_close (cluster);
}
END_TEST

#define N_RIVALS 4

/* All find the same operation; one of them gets it. */
START_TEST (g6_rivals_for_one_operation)
{
  pid_t first = start_process ("run toy.b", TOY_DIE_LATE);
  pid_t rivals[N_RIVALS];
  guint n_claimed = 0;

  ck_assert_int_eq (mig_test_wait_child (first), 99);
  for (guint i = 0; i < N_RIVALS; i++)
    {
      rivals[i] = mig_test_fork ();
      if (rivals[i] == 0)
        {
          g_autoptr (MigCluster) cluster = open_cluster ();
          g_autoptr (GPtrArray) done = mig_cluster_recover_all (cluster, NULL, NULL);

          _exit (done != NULL ? (int) done->len : 90);
        }
    }
  for (guint i = 0; i < N_RIVALS; i++)
    {
      int n = mig_test_wait_child (rivals[i]);

      ck_assert_int_ge (n, 0);
      ck_assert_int_le (n, 1);
      n_claimed += (guint) n;
    }

  ck_assert_uint_eq (n_claimed, 1);
  check_calls ("a+ b+ b+ move+ c+ d+");
}
END_TEST

START_TEST (g6_nobody_knows_is_asked_again_later)
{
  g_autoptr (MigCluster) cluster = open_cluster ();
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, "key", world);
  g_autoptr (MigOperation) again = NULL;

  toy_script (toy, "run toy.move", TOY_FAIL_LATE, MIG_ERROR_OUTCOME_UNKNOWN, 1);
  toy_script_probe (toy, "toy.move", MIG_PROBE_UNKNOWN, 0);
  ck_assert (!mig_operation_run (MIG_OPERATION (toy), NULL, NULL));
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (toy)), MIG_STATUS_ERROR);

  again = recover_one (cluster);
  ck_assert (mig_operation_run (again, NULL, NULL));
  check_calls ("a+ b+ move+ move+ c+ d+");
  toy_cluster_close (cluster);
}
END_TEST

START_TEST (g6_failed_undo_is_tried_again_later)
{
  g_autoptr (MigCluster) cluster = open_cluster ();
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, "key", world);
  g_autoptr (MigOperation) again = NULL;
  g_autoptr (GError) error = NULL;

  toy_script (toy, "run toy.move", TOY_FAIL, MIG_ERROR_NOT_CONVERGING, 1);
  toy_script (toy, "undo toy.b", TOY_FAIL, MIG_ERROR_NOT_SUPPORTED, 1);
  ck_assert (!mig_operation_run (MIG_OPERATION (toy), NULL, NULL));
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (toy)), MIG_STATUS_ERROR);

  again = recover_one (cluster);
  ck_assert (!mig_operation_run (again, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_CONVERGING); /* the first cause */
  ck_assert_int_eq (mig_operation_get_status (again), MIG_STATUS_FAILED);
  ck_assert_int_eq (toy_outcome (world), 0);
  toy_cluster_close (cluster);
}
END_TEST

/* What is left of the deciding step has to be undone; until it is, nothing below it is touched. */
START_TEST (g1_failed_undo_of_the_decision_is_tried_again_later)
{
  g_autoptr (MigCluster) cluster = open_cluster ();
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, "key", world);
  g_autoptr (MigOperation) again = NULL;
  g_autoptr (GError) error = NULL;

  toy_script (toy, "run toy.move", TOY_FAIL_LATE, MIG_ERROR_FAILED, 1);
  toy_script (toy, "undo toy.move", TOY_FAIL, MIG_ERROR_NOT_SUPPORTED, 1);
  toy_script_probe (toy, "toy.move", MIG_PROBE_ABANDONED, 0);
  ck_assert (!mig_operation_run (MIG_OPERATION (toy), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_ROLLBACK_FAILED);
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (toy)), MIG_STATUS_ERROR);
  check_calls ("a+ b+ move+");
  g_clear_error (&error);

  again = recover_one (cluster);
  ck_assert (!mig_operation_run (again, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_FAILED);
  ck_assert_int_eq (mig_operation_get_status (again), MIG_STATUS_FAILED);
  check_calls ("a+ b+ move+ move- b- a-");
  toy_cluster_close (cluster);
}
END_TEST

/* What a host that does not answer may be doing is not ended for that. */
START_TEST (g6_unreachable_is_left_for_later)
{
  pid_t pid = start_process ("run toy.move", TOY_DIE_LATE);
  g_autoptr (MigCluster) cluster = NULL;
  g_autoptr (MigOperation) operation = NULL;
  g_autoptr (MigOperation) again = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (mig_test_wait_child (pid), 99);
  cluster = open_cluster ();
  operation = recover_one (cluster);
  toy_script_probe (TOY_OPERATION (operation), "toy.move", MIG_PROBE_UNKNOWN, 0);
  ck_assert (!mig_operation_run (operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  check_calls ("a+ b+ move+");

  again = recover_one (cluster);
  ck_assert (mig_operation_run (again, NULL, NULL));
  check_calls ("a+ b+ move+ move+ c+ d+");
  toy_cluster_close (cluster);
}
END_TEST

/* What cannot be run any more has not ended. */
START_TEST (g6_claimed_by_a_cluster_that_closed)
{
  pid_t pid = start_process ("run toy.b", TOY_DIE_LATE);
  g_autoptr (MigCluster) cluster = NULL;
  g_autoptr (MigCluster) next = NULL;
  g_autoptr (MigOperation) operation = NULL;
  g_autoptr (MigOperation) again = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (mig_test_wait_child (pid), 99);
  cluster = open_cluster ();
  operation = recover_one (cluster);
  toy_cluster_close (cluster);
  ck_assert (!mig_operation_run (operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_int_eq (mig_operation_get_status (operation), MIG_STATUS_RECOVERING);

  next = open_cluster ();
  again = recover_one (next);
  ck_assert (mig_operation_run (again, NULL, NULL));
  check_calls ("a+ b+ b+ move+ c+ d+");
  toy_cluster_close (next);
}
END_TEST

START_TEST (g6_abort_outlives_the_process)
{
  pid_t pid = start_process ("run toy.b", TOY_FLAG);
  g_autoptr (MigCluster) cluster = NULL;
  g_autoptr (MigOperation) seen = NULL;
  g_autoptr (MigOperation) operation = NULL;
  g_autoptr (ToyOperation) name = NULL;

  stop_in (pid, "toy.b");
  cluster = open_cluster ();
  name = toy_operation_new (cluster, "key", world);
  seen = mig_cluster_open_operation (cluster, mig_operation_get_id (MIG_OPERATION (name)), NULL, NULL);
  ck_assert (mig_operation_abort (seen, NULL));
  kill (pid, SIGKILL);
  ck_assert_int_eq (mig_test_wait_child (pid), -SIGKILL);

  operation = recover_one (cluster);
  ck_assert (!mig_operation_run (operation, NULL, NULL));
  ck_assert_int_eq (mig_operation_get_status (operation), MIG_STATUS_CANCELLED);
  check_calls ("a+ b+ b- a-");
  toy_cluster_close (cluster);
}
END_TEST

START_TEST (detached_operation_is_recovered)
{
  g_autoptr (MigCluster) cluster = NULL;
  g_autoptr (MigCluster) next = NULL;
  g_autoptr (ToyOperation) toy = NULL;
  g_autoptr (MigOperation) operation = NULL;
  g_autoptr (GError) error = NULL;

  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good */
  mig_test_settle_descriptors ();
  cluster = open_cluster ();
  toy = toy_operation_new (cluster, "key", world);
  toy_script (toy, "run toy.move", TOY_WAIT, 0, 0);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  wait_until_there ("toy.move");
  ck_assert (mig_cluster_close (cluster, MIG_CLOSE_MODE_DETACH, NULL, NULL));
  ck_assert (!mig_operation_wait (MIG_OPERATION (toy), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  check_calls ("a+ b+ move+");

  next = open_cluster ();
  operation = recover_one (next);
  ck_assert (mig_operation_run (operation, NULL, NULL));
  check_calls ("a+ b+ move+ move+ c+ d+");
  toy_cluster_close (next);
  while (g_main_context_iteration (NULL, FALSE)) /* the end of the first one is still to be heard */
    continue;
}
END_TEST

START_TEST (claimed_once_and_again_when_dropped)
{
  g_autoptr (MigCluster) cluster = open_cluster ();
  g_autoptr (MigOperation) operation = NULL;
  g_autoptr (GPtrArray) more = NULL;

  ck_assert_int_eq (mig_test_wait_child (start_process ("run toy.b", TOY_DIE_LATE)), 99);
  operation = recover_one (cluster);
  more = recover (cluster);
  ck_assert_uint_eq (more->len, 0);

  g_clear_object (&operation);
  operation = recover_one (cluster);
  ck_assert (mig_operation_run (operation, NULL, NULL));
  toy_cluster_close (cluster);
}
END_TEST

/* A store that does not take one commit is asked again. */
START_TEST (claimed_when_the_store_answers_again)
{
  g_autoptr (MigCluster) cluster = open_cluster ();
  g_autoptr (GPtrArray) found = NULL;

  ck_assert_int_eq (mig_test_wait_child (start_process ("run toy.b", TOY_DIE_LATE)), 99);
  fault_store_arm (faults, _i == 0 ? FAULT_FAIL : FAULT_LOST, 1, 1);
  found = recover (cluster);
  ck_assert_uint_eq (found->len, 1);
  ck_assert (mig_operation_run (g_ptr_array_index (found, 0), NULL, NULL));
  toy_cluster_close (cluster);
}
END_TEST

START_TEST (a_store_that_takes_nothing_is_an_error)
{
  g_autoptr (MigCluster) cluster = open_cluster ();
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (mig_test_wait_child (start_process ("run toy.b", TOY_DIE_LATE)), 99);
  fault_store_arm (faults, FAULT_FAIL, 1, 0);
  ck_assert_ptr_null (mig_cluster_recover (cluster, NULL, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "nothing can be recovered now"));
  fault_store_arm (faults, FAULT_NONE, 0, 0);
  found = recover (cluster);
  ck_assert_uint_eq (found->len, 1);
  ck_assert (mig_operation_run (g_ptr_array_index (found, 0), NULL, NULL));
  toy_cluster_close (cluster);
}
END_TEST

static gboolean
cancel (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);

  return G_SOURCE_REMOVE;
}

/* What is certain does not wait for what is not. */
START_TEST (cancelled_it_returns_what_it_has)
{
  g_autoptr (MigCluster) cluster = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) found = NULL;
  pid_t pid;

  if (_i == 0)
    {
      ck_assert_int_eq (mig_test_wait_child (start_process ("run toy.b", TOY_DIE_LATE)), 99);
      toy_set (world, "toy.a", FALSE); /* it was there before the other one came */
    }
  pid = start_process_as ("other", "run toy.a", TOY_FLAG);
  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good, and starts a thread */
  mig_test_settle_descriptors ();
  stop_in (pid, "toy.a");

  cluster = open_cluster ();
  g_object_set (cluster, "lease-ttl", 1000.0, NULL);
  g_timeout_add (300, cancel, cancellable);
  mig_cluster_recover_async (cluster, cancellable, mig_test_store_result, &result);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 10);
  found = mig_cluster_recover_finish (cluster, result, NULL);
  ck_assert_int_eq (found != NULL, _i == 0);
  if (found != NULL)
    ck_assert_uint_eq (found->len, 1);

  kill (pid, SIGKILL);
  ck_assert_int_eq (mig_test_wait_child (pid), -SIGKILL);
  g_clear_pointer (&found, g_ptr_array_unref);
  toy_cluster_close (cluster);
}
END_TEST

START_TEST (a_closed_cluster_claims_nothing)
{
  g_autoptr (MigCluster) cluster = open_cluster ();
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (mig_test_wait_child (start_process ("run toy.b", TOY_DIE_LATE)), 99);
  toy_cluster_close (cluster);
  ck_assert_ptr_null (mig_cluster_recover (cluster, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
}
END_TEST

static void
put (MigCluster *cluster,
     const char *key,
     const char *value)
{
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();

  if (value != NULL)
    mig_transaction_put (transaction, key, value);
  else
    mig_transaction_delete (transaction, key);
  ck_assert_uint_ne (mig_state_store_commit (mig_cluster_get_store (cluster), transaction, NULL, NULL), 0);
}

/* A journal with a line missing, or one that is not JSON, is not guessed at: nothing is touched. */
START_TEST (corrupt_journal_is_not_touched)
{
  g_autoptr (MigCluster) cluster = open_cluster ();
  g_autoptr (ToyOperation) name = toy_operation_new (cluster, "key", world);
  g_autofree char *key = g_strdup_printf ("op/%s/journal/00000002", mig_operation_get_id (MIG_OPERATION (name)));
  g_autoptr (MigOperation) operation = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (mig_test_wait_child (start_process ("run toy.b", TOY_DIE_LATE)), 99);
  operation = recover_one (cluster);
  put (cluster, key, _i == 0 ? NULL : "gibberish");
  ck_assert (!mig_operation_run (operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
  ck_assert_int_eq (mig_operation_get_status (operation), MIG_STATUS_ERROR);
  check_calls ("a+ b+");
  toy_cluster_close (cluster);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("recover");
  TCase *tcase = mig_test_add_case (suite, "processes");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, g6_killed_process);
  tcase_add_test (tcase, g6_stopped_process_is_taken_over_and_lets_go);
  tcase_add_test (tcase, g6_taken_over_in_the_middle_of_a_step);
  tcase_add_test (tcase, g6_living_process_is_left_alone);
  tcase_add_test (tcase, g6_rivals_for_one_operation);
  tcase_add_test (tcase, g6_nobody_knows_is_asked_again_later);
  tcase_add_test (tcase, g6_failed_undo_is_tried_again_later);
  tcase_add_test (tcase, g1_failed_undo_of_the_decision_is_tried_again_later);
  tcase_add_test (tcase, g6_unreachable_is_left_for_later);
  tcase_add_test (tcase, g6_claimed_by_a_cluster_that_closed);
  tcase_add_test (tcase, g6_abort_outlives_the_process);
  tcase_add_test (tcase, detached_operation_is_recovered);
  tcase_add_test (tcase, claimed_once_and_again_when_dropped);
  tcase_add_loop_test (tcase, claimed_when_the_store_answers_again, 0, 2);
  tcase_add_test (tcase, a_store_that_takes_nothing_is_an_error);
  tcase_add_loop_test (tcase, cancelled_it_returns_what_it_has, 0, 2);
  tcase_add_test (tcase, a_closed_cluster_claims_nothing);
  tcase_add_loop_test (tcase, corrupt_journal_is_not_touched, 0, 2);

  return suite;
}

MIG_TEST_MAIN (create_suite)
