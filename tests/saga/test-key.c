/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"
#include "toy.h"

#include <libmig/mig-memory-store.h>

/* Asking twice is harmless (G4): within a cluster, and from two clusters on one store, as if of two processes. */

static char *world;
static MigStateStore *store;
static MigCluster *cluster;
static MigCluster *other;

static void
set_up (void)
{
  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good */
  mig_test_settle_descriptors ();
  world = mig_test_make_directory ();
  store = mig_memory_store_new ();
  cluster = toy_cluster_new (store);
  other = toy_cluster_new (store);
}

static void
tear_down (void)
{
  toy_cluster_close (cluster);
  toy_cluster_close (other);
  g_clear_object (&cluster);
  g_clear_object (&other);
  g_clear_object (&store);
  mig_test_remove_directory (world);
  g_clear_pointer (&world, g_free);
}

static void
check_once (void)
{
  g_autofree char *calls = toy_calls (world);

  ck_assert_str_eq (calls, "a+ b+ move+ c+ d+");
}

/* _i: the second one comes from the other cluster. */
static MigCluster *
second_cluster (int i)
{
  return i == 0 ? cluster : other;
}

START_TEST (g4_stored_result)
{
  g_autoptr (ToyOperation) first = toy_operation_new (cluster, "key", world);
  g_autoptr (ToyOperation) second = toy_operation_new (second_cluster (_i), "key", world);
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GVariant) same = NULL;

  ck_assert (mig_operation_run (MIG_OPERATION (first), NULL, NULL));
  ck_assert (mig_operation_run (MIG_OPERATION (second), NULL, NULL));
  check_once ();
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (second)), MIG_STATUS_COMPLETED);
  result = mig_operation_dup_result (MIG_OPERATION (first));
  same = mig_operation_dup_result (MIG_OPERATION (second));
  ck_assert (g_variant_equal (result, same));
}
END_TEST

START_TEST (g4_stored_failure)
{
  g_autoptr (ToyOperation) first = toy_operation_new (cluster, "key", world);
  g_autoptr (ToyOperation) second = toy_operation_new (second_cluster (_i), "key", world);
  g_autoptr (GError) error = NULL;
  g_autofree char *calls = NULL;

  toy_script (first, "run toy.a", TOY_FAIL, MIG_ERROR_NO_CAPACITY, 0);
  ck_assert (!mig_operation_run (MIG_OPERATION (first), NULL, NULL));
  ck_assert (!mig_operation_run (MIG_OPERATION (second), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NO_CAPACITY);
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (second)), MIG_STATUS_FAILED);
  calls = toy_calls (world);
  ck_assert_str_eq (calls, "");
}
END_TEST

START_TEST (g4_another_request_is_a_conflict)
{
  g_autofree char *elsewhere = mig_test_make_directory ();
  g_autoptr (ToyOperation) first = toy_operation_new (cluster, "key", world);
  g_autoptr (ToyOperation) second = toy_operation_new (second_cluster (_i % 2), "key", elsewhere);
  g_autoptr (GError) error = NULL;
  g_autofree char *calls = NULL;

  /* While the first one runs, or when it has ended. */
  if (_i < 2)
    {
      toy_script (first, "run toy.b", TOY_FLAG, 0, 0);
      mig_operation_run_async (MIG_OPERATION (first), NULL, NULL, NULL);
      while (!toy_has (world, "toy.b"))
        g_thread_yield ();
    }
  else
    ck_assert (mig_operation_run (MIG_OPERATION (first), NULL, NULL));

  ck_assert (!mig_operation_run (MIG_OPERATION (second), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
  calls = toy_calls (elsewhere);
  ck_assert_str_eq (calls, "");
  toy_set (world, "go", TRUE);
  ck_assert (mig_operation_wait (MIG_OPERATION (first), NULL, NULL));
  check_once ();
  mig_test_remove_directory (elsewhere);
}
END_TEST

static void
count_finished (MigOperation *operation,
                guint        *n)
{
  *n += 1;
}

START_TEST (g4_attaches_to_the_running_one)
{
  g_autoptr (ToyOperation) first = toy_operation_new (cluster, "key", world);
  g_autoptr (ToyOperation) second = toy_operation_new (second_cluster (_i), "key", world);
  g_autoptr (GAsyncResult) result = NULL;
  guint n_finished = 0;

  g_signal_connect (second, "finished", G_CALLBACK (count_finished), &n_finished);
  toy_script (first, "run toy.move", TOY_FLAG, 0, 0);
  mig_operation_run_async (MIG_OPERATION (first), NULL, NULL, NULL);
  while (!toy_has (world, "toy.move"))
    g_thread_yield ();

  mig_operation_run_async (MIG_OPERATION (second), NULL, mig_test_store_result, &result);
  toy_set (world, "go", TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 10);
  ck_assert (mig_operation_run_finish (MIG_OPERATION (second), result, NULL));
  ck_assert_uint_eq (n_finished, 1);
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (second)), MIG_STATUS_COMPLETED);
  ck_assert (mig_operation_wait (MIG_OPERATION (first), NULL, NULL));
  check_once ();
}
END_TEST

/* Whoever began to wait for the second one before it was run hears of the end too; and may stop waiting. */
START_TEST (g4_waits_before_it_attaches)
{
  g_autoptr (ToyOperation) first = toy_operation_new (cluster, "key", world);
  g_autoptr (ToyOperation) second = toy_operation_new (second_cluster (0), "key", world);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) waited = NULL;
  g_autoptr (GAsyncResult) cancelled = NULL;
  g_autoptr (GError) error = NULL;

  toy_script (first, "run toy.move", TOY_FLAG, 0, 0);
  mig_operation_run_async (MIG_OPERATION (first), NULL, NULL, NULL);
  while (!toy_has (world, "toy.move"))
    g_thread_yield ();

  mig_operation_wait_async (MIG_OPERATION (second), NULL, mig_test_store_result, &waited);
  mig_operation_wait_async (MIG_OPERATION (second), cancellable, mig_test_store_result, &cancelled);
  mig_operation_run_async (MIG_OPERATION (second), NULL, NULL, NULL);
  g_cancellable_cancel (cancellable);
  mig_test_wait (NULL, mig_test_pointer_is_set, &cancelled, 10);
  ck_assert (!mig_operation_wait_finish (MIG_OPERATION (second), cancelled, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  toy_set (world, "go", TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &waited, 10);
  ck_assert (mig_operation_wait_finish (MIG_OPERATION (second), waited, NULL));
  ck_assert (mig_operation_wait (MIG_OPERATION (first), NULL, NULL));
  check_once ();
}
END_TEST

/* Whoever attached may abort too. */
START_TEST (g5_the_second_one_aborts)
{
  g_autoptr (ToyOperation) first = toy_operation_new (cluster, "key", world);
  g_autoptr (ToyOperation) second = toy_operation_new (second_cluster (_i), "key", world);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  toy_script (first, "run toy.b", TOY_WAIT, 0, 0);
  mig_operation_run_async (MIG_OPERATION (first), NULL, NULL, NULL);
  while (!toy_has (world, "toy.b"))
    g_thread_yield ();

  mig_operation_run_async (MIG_OPERATION (second), cancellable, mig_test_store_result, &result);
  g_cancellable_cancel (cancellable);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 10);
  ck_assert (!mig_operation_run_finish (MIG_OPERATION (second), result, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (first)), MIG_STATUS_CANCELLED);
  ck_assert_int_eq (toy_outcome (world), 0);
}
END_TEST

#define N_RIVALS 8

/* All at once, from both clusters: one of them does it, all have the result. */
START_TEST (g4_many_at_once)
{
  g_autoptr (GPtrArray) rivals = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < N_RIVALS; i++)
    g_ptr_array_add (rivals, toy_operation_new (i % 2 == 0 ? cluster : other, "key", world));
  for (guint i = 0; i < N_RIVALS; i++)
    mig_operation_run_async (g_ptr_array_index (rivals, i), NULL, NULL, NULL);
  for (guint i = 0; i < N_RIVALS; i++)
    ck_assert (mig_operation_wait (g_ptr_array_index (rivals, i), NULL, NULL));
  check_once ();
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("key");
  TCase *tcase = mig_test_add_case (suite, "twice");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, g4_stored_result, 0, 2);
  tcase_add_loop_test (tcase, g4_stored_failure, 0, 2);
  tcase_add_loop_test (tcase, g4_another_request_is_a_conflict, 0, 4);
  tcase_add_loop_test (tcase, g4_attaches_to_the_running_one, 0, 2);
  tcase_add_test (tcase, g4_waits_before_it_attaches);
  tcase_add_loop_test (tcase, g5_the_second_one_aborts, 0, 2);
  tcase_add_test (tcase, g4_many_at_once);

  return suite;
}

MIG_TEST_MAIN (create_suite)
