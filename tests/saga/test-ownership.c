/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fault-store.h"
#include "mig-test.h"
#include "toy.h"

#include <string.h>

#include <libmig/mig-memory-store.h>

#include "libmig/cluster/mig-cluster-private.h"
#include "libmig/saga/mig-engine-private.h"
#include "libmig/saga/mig-journal-private.h"

/* Two clusters of one store, as two processes would be: who may act for an operation while the store does not answer
 * one of them, or while the other one takes it over. */

#define TTL 0.6

static char *world;
static char *second_world;
static MigStateStore *store;

/* One of the two, and its view of the store. */
typedef struct
{
  FaultStore *store;
  MigCluster *cluster;
  gint        silent; /* atomic: its lease is not renewed */
  gint        blind;  /* atomic: nothing can be read */
} Side;

static Side owner;
static Side rival;

static gboolean
is_unanswered (const char *verb,
               const char *key,
               gpointer    data)
{
  Side *side = data;

  return g_str_equal (verb, "commit") ? g_atomic_int_get (&side->silent) && g_str_has_prefix (key, "lease/")
                                      : g_atomic_int_get (&side->blind);
}

static void
open_side (Side *side)
{
  *side = (Side) { .store = fault_store_new (store) };
  fault_store_watch (side->store, is_unanswered, side);
  side->cluster = toy_cluster_new (MIG_STATE_STORE (side->store));
  g_object_set (side->cluster, "lease-ttl", TTL, NULL);
}

static void
close_side (Side *side)
{
  toy_cluster_close (side->cluster);
  while (g_main_context_iteration (NULL, FALSE)) /* what nobody heard yet keeps its operation */
    continue;
  g_clear_object (&side->cluster);
  g_clear_object (&side->store);
}

static void
set_up (void)
{
  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good */
  mig_test_settle_descriptors ();
  world = mig_test_make_directory ();
  second_world = mig_test_make_directory ();
  store = mig_memory_store_new ();
  open_side (&owner);
  open_side (&rival);
}

static void
tear_down (void)
{
  close_side (&owner);
  close_side (&rival);
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

/* Of its own lease, as it is in the store; 0: there is none. */
static guint64
revision_of (Side *side)
{
  g_autofree char *key = g_strconcat ("lease/", mig_engine_get_owner (mig_engine_of (G_OBJECT (side->cluster))), NULL);
  g_autoptr (MigRecord) record = mig_state_store_get (store, key, NULL, NULL);

  return record != NULL ? mig_record_get_revision (record) : 0;
}

static void
check_calls (const char *where,
             const char *expected)
{
  g_autofree char *calls = toy_calls (where);

  ck_assert_str_eq (calls, expected);
}

static void
start (ToyOperation *toy,
       const char   *call,
       ToyAct        act)
{
  toy_script (toy, call, act, 0, 0);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
}

/* The second operation is taken over at the moment at which its owner comes back to life. */
static gboolean
revive_owner (const char *verb,
              const char *key,
              gpointer    n_commits)
{
  guint64 before;

  if (!g_str_equal (verb, "commit") || g_str_has_prefix (key, "lease/") || ++*(guint *) n_commits != 2)
    return FALSE;

  before = revision_of (&owner);
  g_atomic_int_set (&owner.silent, FALSE);
  while (revision_of (&owner) == before)
    g_thread_yield ();
  g_atomic_int_set (&owner.silent, TRUE);

  return FALSE;
}

START_TEST (who_lives_again_keeps_its_lease)
{
  g_autoptr (ToyOperation) first = toy_operation_new (owner.cluster, "first", world);
  g_autoptr (ToyOperation) second = toy_operation_new (owner.cluster, "second", second_world);
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (GError) error = NULL;
  guint n_commits = 0;

  start (first, "run toy.a", TOY_FLAG);
  start (second, "run toy.a", TOY_FLAG);
  while (!toy_has (world, "toy.a") || !toy_has (second_world, "toy.a"))
    g_thread_yield ();

  g_atomic_int_set (&owner.silent, TRUE);
  fault_store_watch (rival.store, revive_owner, &n_commits);
  found = mig_cluster_recover (rival.cluster, NULL, &error);
  mig_assert_no_error (error);
  fault_store_watch (rival.store, is_unanswered, &rival);
  ck_assert_uint_eq (found->len, 1);
  ck_assert_uint_ne (revision_of (&owner), 0);

  g_atomic_int_set (&owner.silent, FALSE);
  toy_set (world, "go", TRUE);
  toy_set (second_world, "go", TRUE);
  mig_operation_wait (MIG_OPERATION (first), NULL, NULL);
  mig_operation_wait (MIG_OPERATION (second), NULL, NULL);
  ck_assert (mig_operation_run (g_ptr_array_index (found, 0), NULL, NULL));
  ck_assert_int_eq (toy_outcome (world), 1);
  ck_assert_int_eq (toy_outcome (second_world), 1);
}
END_TEST

/* A step that does not care whether a commit succeeded learns of it when it asks. */
START_TEST (what_a_commit_has_lost_stays_lost)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (owner.cluster, "key", world);
  g_autoptr (ToyOperation) taken = NULL;
  g_autoptr (GError) error = NULL;

  start (toy, "run toy.b", TOY_NOTE);
  wait_until_there ("toy.b");
  taken = toy_operation_claim (rival.cluster, "key", world, &error);
  mig_assert_no_error (error);
  toy_set (world, "go", TRUE);
  ck_assert (!mig_operation_wait (MIG_OPERATION (toy), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
  check_calls (world, "a+");
  ck_assert (mig_operation_run (MIG_OPERATION (taken), NULL, NULL));
}
END_TEST

static gboolean
is_late (gpointer side)
{
  return mig_lease_get_margin (mig_cluster_get_lease (((Side *) side)->cluster)) < 0;
}

static void
note_failure (MigOperation *operation,
              const char   *step,
              double        seconds,
              GError       *error,
              gboolean     *failed)
{
  *failed = *failed || error != NULL;
}

/* Nobody has taken the operation over: it is carried to an end. */
START_TEST (late_lease_is_no_take_over)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (owner.cluster, "key", world);
  g_autoptr (GError) error = NULL;
  static gboolean failed; /* told until the cluster is closed, after the test */

  g_object_set (owner.cluster, "settle-time", 5.0, NULL);
  g_signal_connect (toy, "step-finished", G_CALLBACK (note_failure), &failed);
  start (toy, "run toy.a", TOY_ASK);
  wait_until_there ("toy.a");
  g_atomic_int_set (&owner.silent, TRUE);
  mig_test_wait (NULL, is_late, &owner, 10);
  toy_set (world, "go", TRUE);
  mig_test_wait (NULL, mig_test_flag_is_set, &failed, 20);
  g_atomic_int_set (&owner.silent, FALSE);

  ck_assert (!mig_operation_wait (MIG_OPERATION (toy), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (toy)), MIG_STATUS_FAILED);
  ck_assert_int_eq (toy_outcome (world), 0);
}
END_TEST

static gboolean
unsilence (gpointer side)
{
  g_atomic_int_set (&((Side *) side)->silent, FALSE);

  return G_SOURCE_REMOVE;
}

/* A cluster that cannot own anything for a moment finds the operations all the same. */
START_TEST (late_lease_does_not_hide_anything)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (owner.cluster, "key", world);
  g_autoptr (ToyOperation) own = toy_operation_new (rival.cluster, "own", second_world);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert (mig_operation_run (MIG_OPERATION (own), NULL, NULL)); /* from here on it has a lease */
  start (toy, "run toy.a", TOY_FLAG);
  wait_until_there ("toy.a");
  ck_assert (mig_cluster_close (owner.cluster, MIG_CLOSE_MODE_DETACH, NULL, NULL));

  g_atomic_int_set (&rival.silent, TRUE);
  mig_test_wait (NULL, is_late, &rival, 10);
  g_timeout_add (500, unsilence, &rival);
  mig_cluster_recover_async (rival.cluster, NULL, mig_test_store_result, &result);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 20);
  found = mig_cluster_recover_finish (rival.cluster, result, &error);
  mig_assert_no_error (error);
  ck_assert_uint_eq (found->len, 1);
  toy_set (world, "go", TRUE);
  ck_assert (mig_operation_run (g_ptr_array_index (found, 0), NULL, NULL));
}
END_TEST

static gboolean
note_request (const char *verb,
              const char *key,
              gpointer    heard)
{
  if (g_str_has_prefix (key, "request/") && !g_str_equal (verb, "list"))
    *(gboolean *) heard = TRUE;

  return FALSE;
}

/* Whoever heard it may end before there is anything to do for it. */
START_TEST (request_outlives_who_heard_it)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (owner.cluster, "key", world);
  g_autoptr (MigOperation) seen = NULL;
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (GPtrArray) left = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  gboolean heard = FALSE;

  start (toy, "run toy.b", TOY_WAIT);
  wait_until_there ("toy.b");
  fault_store_watch (owner.store, note_request, &heard);
  seen = mig_cluster_open_operation (rival.cluster, mig_operation_get_id (MIG_OPERATION (toy)), NULL, NULL);
  ck_assert (mig_operation_request (seen, "hurry", NULL));
  mig_test_wait (NULL, mig_test_flag_is_set, &heard, 10);
  ck_assert (mig_cluster_close (owner.cluster, MIG_CLOSE_MODE_DETACH, NULL, NULL));
  fault_store_watch (owner.store, NULL, NULL);

  found = mig_cluster_recover (rival.cluster, NULL, NULL);
  ck_assert_uint_eq (found->len, 1);
  toy_script (g_ptr_array_index (found, 0), "run toy.b", TOY_REQUEST, 0, 0);
  mig_operation_run_async (g_ptr_array_index (found, 0), NULL, mig_test_store_result, &result);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 10);
  ck_assert (mig_operation_run_finish (g_ptr_array_index (found, 0), result, &error));
  left = mig_state_store_list (store, "request/", NULL, 0, NULL, NULL);
  ck_assert_uint_eq (left->len, 0);
}
END_TEST

/* A store that was busy for a moment, and a process that leaves at that moment: nothing has been undone, nor has
 * undoing failed. */
START_TEST (leaving_is_no_failed_undo)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (owner.cluster, "key", world);
  g_autoptr (GError) error = NULL;

  mig_engine_set_retry_pause (mig_engine_of (G_OBJECT (owner.cluster)), 20);
  fault_store_arm (owner.store, FAULT_FAIL, 5, 1 + _i); /* the commit that intends to undo */
  toy_script_probe (toy, "toy.move", MIG_PROBE_FAILED, 0);
  toy_script (toy, "run toy.move", TOY_FAIL, MIG_ERROR_NOT_CONVERGING, 1);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  while (fault_store_n_commits (owner.store) < 5)
    g_thread_yield ();
  ck_assert (mig_cluster_close (owner.cluster, MIG_CLOSE_MODE_DETACH, NULL, NULL));
  ck_assert (!mig_operation_wait (MIG_OPERATION (toy), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  check_calls (world, "a+ b+");
}
END_TEST

/* That the store does not answer says nothing of the operation. */
START_TEST (unread_journal_is_left)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (owner.cluster, "key", world);
  g_autoptr (GPtrArray) found = NULL;
  g_autoptr (GPtrArray) again = NULL;
  g_autoptr (GError) error = NULL;

  start (toy, "run toy.b", TOY_WAIT);
  wait_until_there ("toy.b");
  ck_assert (mig_cluster_close (owner.cluster, MIG_CLOSE_MODE_DETACH, NULL, NULL));
  found = mig_cluster_recover (rival.cluster, NULL, NULL);
  ck_assert_uint_eq (found->len, 1);
  g_atomic_int_set (&rival.blind, TRUE);
  ck_assert (!mig_operation_run (g_ptr_array_index (found, 0), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_int_eq (mig_operation_get_status (g_ptr_array_index (found, 0)), MIG_STATUS_RECOVERING);
  g_atomic_int_set (&rival.blind, FALSE);

  again = mig_cluster_recover (rival.cluster, NULL, NULL);
  ck_assert_uint_eq (again->len, 1);
  ck_assert (mig_operation_run (g_ptr_array_index (again, 0), NULL, NULL));
}
END_TEST

static gboolean
recover_too (const char *verb,
             const char *key,
             gpointer    found)
{
  if (!g_str_equal (verb, "get") || !g_str_has_prefix (key, "op/"))
    return FALSE;

  fault_store_watch (rival.store, NULL, NULL); /* once */
  *(GPtrArray **) found = mig_cluster_recover (rival.cluster, NULL, NULL);

  return FALSE;
}

/* Two threads of one process look at the same moment: one of them has it. */
START_TEST (claimed_by_one_thread)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (owner.cluster, "key", world);
  g_autoptr (GPtrArray) first = NULL;
  g_autoptr (GPtrArray) second = NULL;

  start (toy, "run toy.b", TOY_WAIT);
  wait_until_there ("toy.b");
  ck_assert (mig_cluster_close (owner.cluster, MIG_CLOSE_MODE_DETACH, NULL, NULL));
  fault_store_watch (rival.store, recover_too, &first);
  second = mig_cluster_recover (rival.cluster, NULL, NULL);
  ck_assert_uint_eq (first->len, 1);
  ck_assert_uint_eq (second->len, 0);
  ck_assert (mig_operation_run (g_ptr_array_index (first, 0), NULL, NULL));
}
END_TEST

/* What one thread sees of an operation's journal. */
static MigJournal *
open_journal (Side       *side,
              const char *id,
              MigFacts   *facts)
{
  g_autoptr (GError) error = NULL;
  MigJournal *journal = mig_journal_open (mig_engine_of (G_OBJECT (side->cluster)), id, facts, &error);

  mig_assert_no_error (error);

  return journal;
}

/* It was written, and for a while nobody could tell. */
START_TEST (doubtful_commit)
{
  g_autoptr (ToyOperation) toy = toy_operation_new (owner.cluster, "key", world);
  const char *id = mig_operation_get_id (MIG_OPERATION (toy));
  g_autoptr (MigFacts) facts = mig_facts_new ();
  g_autoptr (MigFacts) read = mig_facts_new ();
  g_autoptr (MigJournal) journal = NULL;
  g_autoptr (MigJournal) again = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert (mig_operation_run (MIG_OPERATION (toy), NULL, NULL));
  journal = open_journal (&owner, id, facts);
  mig_facts_set_boolean (facts, "stopped", TRUE);
  mig_journal_add (journal, MIG_LINE_COMMITTED, NULL);
  fault_store_arm (owner.store, FAULT_LOST, 1, 1);
  g_atomic_int_set (&owner.blind, TRUE);
  ck_assert (!mig_journal_commit (journal, NULL, NULL));
  mig_facts_remove (facts, "stopped"); /* so it is not done */

  /* Nobody else has written anything. */
  ck_assert (!mig_journal_check (journal, &error));
  ck_assert (!g_error_matches (error, MIG_ERROR, MIG_ERROR_CONFLICT));
  g_clear_error (&error);
  g_atomic_int_set (&owner.blind, FALSE);
  if (_i == 0)
    ck_assert (mig_journal_check (journal, &error));
  mig_assert_no_error (error);

  mig_journal_add (journal, MIG_LINE_COMMITTED, NULL);
  ck_assert (mig_journal_commit (journal, NULL, &error));
  mig_assert_no_error (error);
  again = open_journal (&owner, id, read);
  ck_assert (mig_facts_equal (read, facts));
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("ownership");
  TCase *tcase = mig_test_add_case (suite, "two");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, who_lives_again_keeps_its_lease);
  tcase_add_test (tcase, what_a_commit_has_lost_stays_lost);
  tcase_add_test (tcase, late_lease_is_no_take_over);
  tcase_add_test (tcase, late_lease_does_not_hide_anything);
  tcase_add_test (tcase, request_outlives_who_heard_it);
  tcase_add_loop_test (tcase, leaving_is_no_failed_undo, 0, 2);
  tcase_add_test (tcase, unread_journal_is_left);
  tcase_add_test (tcase, claimed_by_one_thread);
  tcase_add_loop_test (tcase, doubtful_commit, 0, 2);

  return suite;
}

MIG_TEST_MAIN (create_suite)
