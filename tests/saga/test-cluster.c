/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"
#include "toy.h"

#include <sys/wait.h>
#include <unistd.h>

#include <libmig/mig-memory-store.h>
#include <libmig/mig-operation-info.h>

#include "libmig/core/mig-json-private.h"
#include "libmig/saga/mig-engine-private.h"
#include "libmig/saga/mig-index-private.h"
#include "libmig/saga/mig-operation-core-private.h"

/* What a cluster does for its operations, and shows of them. */

static char *world;
static char *second_world;
static MigStateStore *store;
static MigCluster *cluster;

static void
set_up (void)
{
  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good */
  mig_test_settle_descriptors ();
  world = mig_test_make_directory ();
  second_world = mig_test_make_directory ();
  store = mig_memory_store_new ();
  cluster = toy_cluster_new (store);
}

static void
tear_down (void)
{
  toy_cluster_close (cluster);
  while (g_main_context_iteration (NULL, FALSE)) /* what nobody heard yet keeps its operation */
    continue;
  g_clear_object (&cluster);
  g_clear_object (&store);
  mig_test_remove_directory (world);
  mig_test_remove_directory (second_world);
  g_clear_pointer (&world, g_free);
  g_clear_pointer (&second_world, g_free);
}

static gboolean
is_there (gpointer step)
{
  return toy_has (world, step);
}

static void
wait_until_there (const char *step)
{
  mig_test_wait (NULL, is_there, (gpointer) step, 10);
}

static MigOperationInfo *
find_info (const char *id)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) infos = mig_cluster_list_operations (cluster, NULL, &error);

  mig_assert_no_error (error);
  for (guint i = 0; i < infos->len; i++)
    {
      if (g_strcmp0 (mig_operation_info_get_id (g_ptr_array_index (infos, i)), id) == 0)
        return g_object_ref (g_ptr_array_index (infos, i));
    }

  return NULL;
}

static gboolean
is_listed_as_queued (gpointer operation)
{
  g_autoptr (MigOperationInfo) info = find_info (mig_operation_get_id (operation));

  return info != NULL && mig_operation_info_get_status (info) == MIG_STATUS_QUEUED;
}

static void
start_two (ToyOperation **first,
           ToyOperation **second)
{
  ck_assert (mig_cluster_configure (cluster, "{\"limits\":{\"running\":1}}", NULL));
  *first = toy_operation_new (cluster, "first", world);
  *second = toy_operation_new (cluster, "second", second_world);
  toy_script (*first, "run toy.a", TOY_FLAG, 0, 0);
  mig_operation_run_async (MIG_OPERATION (*first), NULL, NULL, NULL);
  wait_until_there ("toy.a");
  mig_operation_run_async (MIG_OPERATION (*second), NULL, NULL, NULL);
}

START_TEST (queued_until_there_is_room)
{
  g_autoptr (ToyOperation) first = NULL;
  g_autoptr (ToyOperation) second = NULL;
  g_autofree char *calls = NULL;

  start_two (&first, &second);
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (second)), MIG_STATUS_QUEUED);
  mig_test_wait (NULL, is_listed_as_queued, second, 10);
  calls = toy_calls (second_world);
  ck_assert_str_eq (calls, "");

  toy_set (world, "go", TRUE);
  ck_assert (mig_operation_wait (MIG_OPERATION (second), NULL, NULL));
  ck_assert (mig_operation_wait (MIG_OPERATION (first), NULL, NULL));
  ck_assert_int_eq (toy_outcome (second_world), 1);
}
END_TEST

START_TEST (g5_abort_in_the_queue)
{
  g_autoptr (ToyOperation) first = NULL;
  g_autoptr (ToyOperation) second = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *calls = NULL;

  start_two (&first, &second);
  if (_i == 1)
    mig_test_wait (NULL, is_listed_as_queued, second, 10);
  ck_assert (mig_operation_can_abort (MIG_OPERATION (second)));
  ck_assert (mig_operation_abort (MIG_OPERATION (second), NULL));
  ck_assert (!mig_operation_wait (MIG_OPERATION (second), NULL, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  calls = toy_calls (second_world);
  ck_assert_str_eq (calls, "");

  toy_set (world, "go", TRUE);
  ck_assert (mig_operation_wait (MIG_OPERATION (first), NULL, NULL));
}
END_TEST

START_TEST (close_aborts)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, NULL, world);
  g_autoptr (ToyOperation) late = toy_operation_new (cluster, NULL, second_world);
  g_autoptr (GError) error = NULL;

  toy_script (toy, "run toy.b", TOY_WAIT, 0, 0);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  wait_until_there ("toy.b");
  ck_assert (mig_cluster_close (cluster, MIG_CLOSE_MODE_ABORT, NULL, NULL));
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (toy)), MIG_STATUS_CANCELLED);

  ck_assert (!mig_operation_run (MIG_OPERATION (late), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
}
END_TEST

START_TEST (close_can_be_given_up)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, NULL, world);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  toy_script (toy, "run toy.b", TOY_FLAG, 0, 0);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  wait_until_there ("toy.b");
  mig_cluster_close_async (cluster, MIG_CLOSE_MODE_WAIT, cancellable, mig_test_store_result, &result);
  g_cancellable_cancel (cancellable);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 10);
  ck_assert (!mig_cluster_close_finish (cluster, result, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  toy_set (world, "go", TRUE);
  ck_assert (mig_operation_wait (MIG_OPERATION (toy), NULL, NULL));
}
END_TEST

/* Through the store, as another process would. */
START_TEST (seen_and_asked_from_elsewhere)
{
  g_autoptr (MigCluster) other = toy_cluster_new (store);
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, NULL, world);
  g_autoptr (MigOperation) seen = NULL;
  g_autoptr (GError) error = NULL;

  toy_script (toy, "run toy.move", _i == 0 ? TOY_REQUEST : TOY_WAIT, 0, 0);
  toy_script_probe (toy, "toy.move", MIG_PROBE_FAILED, 0);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  wait_until_there ("toy.move");

  seen = mig_cluster_open_operation (other, mig_operation_get_id (MIG_OPERATION (toy)), NULL, &error);
  mig_assert_no_error (error);
  ck_assert_ptr_ne (seen, toy);
  ck_assert_int_eq (mig_operation_get_phase (seen), MIG_PHASE_TRANSFER);
  ck_assert_int_eq (mig_operation_get_status (seen), MIG_STATUS_RUNNING);
  if (_i == 0)
    ck_assert (mig_operation_request (seen, "hurry", NULL));
  else
    ck_assert (mig_operation_abort (seen, NULL));
  ck_assert_int_eq (mig_operation_wait (seen, NULL, NULL), _i == 0);
  ck_assert_int_eq (mig_operation_get_status (seen), _i == 0 ? MIG_STATUS_COMPLETED : MIG_STATUS_CANCELLED);

  ck_assert (!mig_operation_abort (seen, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  toy_cluster_close (other);
}
END_TEST

/* Once it is decided, that is seen from elsewhere too. */
START_TEST (g5_abort_after_the_decision_is_refused_elsewhere)
{
  g_autoptr (MigCluster) other = toy_cluster_new (store);
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, NULL, world);
  g_autoptr (MigOperation) seen = NULL;
  g_autoptr (GError) error = NULL;

  toy_script (toy, "run toy.c", TOY_FLAG, 0, 0);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  wait_until_there ("toy.c");
  seen = mig_cluster_open_operation (other, mig_operation_get_id (MIG_OPERATION (toy)), NULL, NULL);
  ck_assert (!mig_operation_abort (seen, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  ck_assert_ptr_nonnull (strstr (error->message, "point of no return"));

  toy_set (world, "go", TRUE);
  ck_assert (mig_operation_wait (MIG_OPERATION (toy), NULL, NULL));
  toy_cluster_close (other);
}
END_TEST

START_TEST (nobody_watches_after_the_close)
{
  g_autoptr (MigCluster) other = toy_cluster_new (store);
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, NULL, world);
  g_autoptr (MigOperation) seen = NULL;
  g_autoptr (GError) error = NULL;

  toy_script (toy, "run toy.b", TOY_FLAG, 0, 0);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  wait_until_there ("toy.b");
  seen = mig_cluster_open_operation (other, mig_operation_get_id (MIG_OPERATION (toy)), NULL, NULL);
  toy_cluster_close (other);
  ck_assert (!mig_operation_wait (seen, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  /* And nobody keeps it. */
  g_object_add_weak_pointer (G_OBJECT (other), (gpointer *) &other);
  g_clear_object (&seen);
  g_object_unref (other);
  ck_assert_ptr_null (other);

  toy_set (world, "go", TRUE);
  ck_assert (mig_operation_wait (MIG_OPERATION (toy), NULL, NULL));
}
END_TEST

/* It is this process's by the record, and does not run here any more. */
START_TEST (what_was_let_go_of_is_not_waited_for)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, "key", world);
  g_autoptr (ToyOperation) again = toy_operation_new (cluster, "key", world);
  g_autoptr (MigOperationState) state = mig_operation_ref_state (MIG_OPERATION (toy));
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (GError) error = NULL;

  g_object_set (cluster, "lease-ttl", 1.0, NULL);
  toy_script (toy, "run toy.b", TOY_WAIT, 0, 0);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  wait_until_there ("toy.b");
  mig_operation_state_detach (state);
  ck_assert (!mig_operation_wait (MIG_OPERATION (toy), NULL, NULL));

  ck_assert (!mig_operation_run (MIG_OPERATION (again), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);

  found = mig_cluster_recover_all (cluster, NULL, NULL);
  ck_assert_uint_eq (found->len, 1);
  ck_assert_int_eq (toy_outcome (world), 1);
  /* Nothing of it is left to a main context that nobody may turn. */
  ck_assert_uint_eq (G_OBJECT (g_ptr_array_index (found, 0))->ref_count, 1);
}
END_TEST

static void
put (const char *key)
{
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();

  mig_transaction_put (transaction, key, "{\"v\":1}");
  ck_assert_uint_ne (mig_state_store_commit (store, transaction, NULL, NULL), 0);
}

/* What was asked of an operation of which nothing is left is not asked of the next one. */
START_TEST (old_requests_are_forgotten)
{
  MigEngine *engine = mig_engine_of (G_OBJECT (cluster));
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, "key", world);
  g_autofree char *abort = g_strdup_printf ("request/%s/abort", mig_operation_get_id (MIG_OPERATION (toy)));

  put (abort);
  ck_assert (mig_operation_run (MIG_OPERATION (toy), NULL, NULL));
  put (abort);
  ck_assert_uint_eq (mig_index_prune (engine, -1, 0, 1), 1);
  ck_assert_ptr_null (mig_state_store_get (store, abort, NULL, NULL));
}
END_TEST

START_TEST (no_threads)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, NULL, world);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  if (!mig_test_starve_threads ())
    return;
  ck_assert (!mig_operation_run (MIG_OPERATION (toy), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  g_clear_error (&error);
  mig_cluster_recover_async (cluster, NULL, mig_test_store_result, &result);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 10);
  ck_assert_ptr_null (mig_cluster_recover_finish (cluster, result, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
}
END_TEST

START_TEST (opens_what_there_is)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, "key", world);
  g_autoptr (MigOperation) ended = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;
  const char *id = mig_operation_get_id (MIG_OPERATION (toy));

  ck_assert_ptr_null (mig_cluster_open_operation (cluster, id, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  ck_assert (mig_operation_run (MIG_OPERATION (toy), NULL, NULL));

  ended = mig_cluster_open_operation (cluster, id, NULL, NULL);
  ck_assert_int_eq (mig_operation_get_status (ended), MIG_STATUS_COMPLETED);
  ck_assert_str_eq (mig_operation_get_key (ended), "key");
  result = mig_operation_dup_result (ended);
  ck_assert (g_variant_lookup (result, "bytes", "x", NULL));
  ck_assert (mig_operation_wait (ended, NULL, NULL));
}
END_TEST

START_TEST (lists_and_tells)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, "key", world);
  g_autoptr (ToyOperation) failing = toy_operation_new (cluster, "other", second_world);
  g_autoptr (GPtrArray) infos = NULL;
  g_autofree char *journal = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;
  MigOperationInfo *info;

  toy_script (failing, "run toy.b", TOY_FAIL, MIG_ERROR_NO_CAPACITY, 0);
  ck_assert (mig_operation_run (MIG_OPERATION (toy), NULL, NULL));
  ck_assert (!mig_operation_run (MIG_OPERATION (failing), NULL, NULL));

  infos = mig_cluster_list_operations (cluster, NULL, NULL);
  ck_assert_uint_eq (infos->len, 2);
  info = g_ptr_array_index (infos, 0);
  ck_assert_str_eq (mig_operation_info_get_key (info), "key");
  ck_assert_str_eq (mig_operation_info_get_source (info), "here");
  ck_assert_int_eq (mig_operation_info_get_status (info), MIG_STATUS_COMPLETED);
  ck_assert_int_eq (mig_operation_info_get_phase (info), MIG_PHASE_DONE);
  ck_assert (mig_operation_info_is_finished (info));
  ck_assert_ptr_null (mig_operation_info_get_owner (info));
  ck_assert_int_ge (mig_operation_info_get_updated (info), mig_operation_info_get_created (info));
  info = g_ptr_array_index (infos, 1);
  ck_assert_int_eq (mig_operation_info_get_status (info), MIG_STATUS_FAILED);
  ck_assert_ptr_nonnull (strstr (mig_operation_info_get_error (info)->message, "toy.b"));

  journal = mig_cluster_dup_journal (cluster, mig_operation_get_id (MIG_OPERATION (toy)), NULL, NULL);
  node = mig_json_parse (journal, 1024 * 1024, MIG_ERROR_CORRUPT, "journal", &error);
  mig_assert_no_error (error);
  /* accepted, intent and done of five steps, end */
  ck_assert_uint_eq (json_array_get_length (json_node_get_array (node)), 12);
  ck_assert_ptr_null (mig_cluster_dup_journal (cluster, "nothing", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
}
END_TEST

static guint
count_records (const char *prefix)
{
  g_autoptr (GPtrArray) records = mig_state_store_list (store, prefix, NULL, 0, NULL, NULL);

  return records->len;
}

START_TEST (forgets_the_oldest)
{
  MigEngine *engine = mig_engine_of (G_OBJECT (cluster));

  for (int i = 0; i < 5; i++)
    {
      g_autofree char *key = g_strdup_printf ("%d", i);
      g_autoptr (ToyOperation) toy = toy_operation_new (cluster, key, world);

      ck_assert (mig_operation_run (MIG_OPERATION (toy), NULL, NULL));
    }
  ck_assert_uint_eq (count_records (MIG_INDEX_FINISHED), 5);
  ck_assert_uint_eq (count_records (MIG_INDEX_UNFINISHED), 0);

  ck_assert_uint_eq (mig_index_prune (engine, MIG_INDEX_MAX_AGE, 0, 100), 0);
  ck_assert_uint_eq (mig_index_prune (engine, MIG_INDEX_MAX_AGE, 3, 100), 2);
  ck_assert_uint_eq (count_records (MIG_INDEX_FINISHED), 3);
  ck_assert_uint_eq (mig_index_prune (engine, -1, 0, 2), 2); /* all are older than the future */
  ck_assert_uint_eq (mig_index_prune (engine, -1, 0, 2), 1);
  ck_assert_uint_eq (count_records ("op/"), 0);
  ck_assert_uint_eq (count_records (MIG_INDEX_FINISHED), 0);
}
END_TEST

START_TEST (leaves_nothing_in_the_store)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (cluster, NULL, world);

  toy_script (toy, "run toy.b", TOY_WAIT, 0, 0);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  wait_until_there ("toy.b");
  ck_assert_uint_eq (count_records ("lease/"), 1);
  ck_assert (mig_operation_abort (MIG_OPERATION (toy), NULL));
  ck_assert (!mig_operation_wait (MIG_OPERATION (toy), NULL, NULL));
  toy_cluster_close (cluster);
  ck_assert_uint_eq (count_records ("lease/"), 0);
  ck_assert_uint_eq (count_records ("request/"), 0);
  ck_assert_uint_eq (count_records (MIG_INDEX_UNFINISHED), 0);
}
END_TEST

START_TEST (finds_hosts)
{
  g_autoptr (MigHost) by_name = NULL;
  g_autoptr (MigHost) by_uri = NULL;
  g_autoptr (MigHost) fresh = NULL;
  g_autoptr (GPtrArray) hosts = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert (mig_cluster_configure (cluster, "{\"hosts\":[{\"name\":\"a\",\"uri\":\"qemu:///system\","
                                             "\"peer-uri\":\"qemu+tcp://a/system\"}]}", NULL));
  by_name = mig_cluster_find_host (cluster, "a", NULL);
  by_uri = mig_cluster_find_host (cluster, "qemu:///system", NULL);
  ck_assert_ptr_eq (by_name, by_uri);
  fresh = mig_cluster_find_host (cluster, "qemu+ssh://c/system", NULL);
  ck_assert_str_eq (mig_host_get_name (fresh), "qemu+ssh://c/system");
  ck_assert_ptr_null (mig_host_get_peer_uri (fresh));
  hosts = mig_cluster_list_hosts (cluster);
  ck_assert_uint_eq (hosts->len, 1);

  ck_assert_ptr_null (mig_cluster_find_host (cluster, "b", &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  g_clear_error (&error);
  ck_assert_ptr_null (mig_cluster_find_host (cluster, "", &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  ck_assert (!mig_cluster_add_host (cluster, by_name, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  /* All of it or nothing. */
  ck_assert (!mig_cluster_configure (cluster, "{\"hosts\":[{\"name\":\"z\",\"uri\":\"qemu:///system\"},"
                                              "{\"name\":\"a\",\"uri\":\"qemu:///system\"}]}", &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  ck_assert_ptr_null (mig_cluster_find_host (cluster, "z", NULL));
}
END_TEST

START_TEST (refuses_a_forked_child)
{
  pid_t pid = fork ();
  int status;

  if (pid == 0)
    {
      g_autoptr (GError) error = NULL;
      gboolean refused = mig_cluster_find_host (cluster, "a", &error) == NULL &&
                         g_error_matches (error, MIG_ERROR, MIG_ERROR_INVALID_STATE) &&
                         mig_cluster_recover (cluster, NULL, NULL) == NULL &&
                         mig_cluster_list_operations (cluster, NULL, NULL) == NULL &&
                         !mig_cluster_close (cluster, MIG_CLOSE_MODE_WAIT, NULL, NULL);

      _exit (refused ? 0 : 1);
    }

  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("cluster");
  TCase *tcase = mig_test_add_case (suite, "operations");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, queued_until_there_is_room);
  tcase_add_loop_test (tcase, g5_abort_in_the_queue, 0, 2);
  tcase_add_test (tcase, close_aborts);
  tcase_add_test (tcase, close_can_be_given_up);
  tcase_add_loop_test (tcase, seen_and_asked_from_elsewhere, 0, 2);
  tcase_add_test (tcase, g5_abort_after_the_decision_is_refused_elsewhere);
  tcase_add_test (tcase, nobody_watches_after_the_close);
  tcase_add_test (tcase, what_was_let_go_of_is_not_waited_for);
  tcase_add_test (tcase, old_requests_are_forgotten);
  tcase_add_test (tcase, no_threads);
  tcase_add_test (tcase, opens_what_there_is);
  tcase_add_test (tcase, lists_and_tells);
  tcase_add_test (tcase, forgets_the_oldest);
  tcase_add_test (tcase, leaves_nothing_in_the_store);
  tcase_add_test (tcase, finds_hosts);
  tcase_add_test (tcase, refuses_a_forked_child);

  return suite;
}

MIG_TEST_MAIN (create_suite)
