/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fault-store.h"
#include "mig-test.h"
#include "toy.h"

#include <sys/wait.h>
#include <unistd.h>

#include <libmig/mig-sqlite-store.h>

/* Whatever happens, and whenever: wholly done, or wholly undone, and the record says which (G3, G6). */

#define N_COMMITS 7 /* of an operation that nothing happens to */
#define N_UNDO_COMMITS 8
#define MAX_FAILURES 8 /* of the store, one after the other: more than it is tried */

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

static FaultStore *
open_store (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigStateStore) real = mig_sqlite_store_new (path, &error);

  mig_assert_no_error (error);

  return fault_store_new (real);
}

typedef struct
{
  Fault       fault;
  guint       commit;
  const char *call; /* scripted with @act, or NULL */
  ToyAct      act;
} Accident;

static void
script (MigOperation   *operation,
        const Accident *accident,
        const Accident *failure)
{
  if (accident->call != NULL)
    toy_script (TOY_OPERATION (operation), accident->call, accident->act, MIG_ERROR_FAILED, 1);
  if (failure != NULL)
    toy_script (TOY_OPERATION (operation), failure->call, failure->act, MIG_ERROR_FAILED, 1);
}

/* In a process of its own, which may die of it. Returns its exit status. */
static int
live_through (const Accident *accident,
              const Accident *failure,
              gboolean        recovering)
{
  pid_t pid = mig_test_fork ();
  int status;

  ck_assert_int_ge (pid, 0);
  if (pid == 0)
    {
      g_autoptr (FaultStore) store = open_store ();
      g_autoptr (MigCluster) cluster = toy_cluster_new (MIG_STATE_STORE (store));
      g_autoptr (MigOperation) operation = NULL;

      if (recovering)
        operation = MIG_OPERATION (toy_operation_claim (cluster, "key", world, NULL));
      else
        operation = MIG_OPERATION (toy_operation_new (cluster, "key", world));
      if (operation == NULL)
        _exit (97);
      script (operation, accident, failure);
      fault_store_arm (store, accident->fault, accident->commit, 1);
      _exit (mig_operation_run (operation, NULL, NULL) ? 0 : 1);
    }

  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  ck_assert (WIFEXITED (status));

  return WEXITSTATUS (status);
}

/* In this process. */
static void
recover_and_judge (void)
{
  g_autoptr (FaultStore) store = open_store ();
  g_autoptr (MigCluster) cluster = toy_cluster_new (MIG_STATE_STORE (store));
  g_autoptr (GError) error = NULL;
  g_autoptr (MigOperation) operation = MIG_OPERATION (toy_operation_claim (cluster, "key", world, &error));
  int outcome;

  if (operation == NULL)
    {
      /* It died before it was accepted. */
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
      ck_assert_int_eq (toy_outcome (world), 0);
      toy_cluster_close (cluster);
      return;
    }

  mig_operation_run (operation, NULL, NULL);
  outcome = toy_outcome (world);
  ck_assert_int_ne (outcome, -1);
  ck_assert_int_eq (mig_operation_get_status (operation), outcome == 1 ? MIG_STATUS_COMPLETED : MIG_STATUS_FAILED);
  toy_cluster_close (cluster);
}

static void
die_and_recover (const Accident *accident,
                 const Accident *failure,
                 gboolean        must_die)
{
  int status = live_through (accident, failure, FALSE);

  ck_assert (!must_die || status >= 98);
  recover_and_judge ();
}

START_TEST (g6_dies_before_any_commit)
{
  const Accident accident = { FAULT_DIE_BEFORE, _i };

  die_and_recover (&accident, NULL, TRUE);
}
END_TEST

START_TEST (g6_dies_after_any_commit)
{
  const Accident accident = { FAULT_DIE_AFTER, _i };

  if (_i < N_COMMITS)
    die_and_recover (&accident, NULL, TRUE);
  else
    ck_assert_int_eq (live_through (&accident, NULL, FALSE), 98);
}
END_TEST

static const Accident fails = { FAULT_NONE, 0, "run toy.move", TOY_FAIL };

START_TEST (g6_dies_before_any_commit_of_an_undo)
{
  const Accident accident = { FAULT_DIE_BEFORE, _i };

  die_and_recover (&accident, &fails, _i < N_UNDO_COMMITS);
}
END_TEST

START_TEST (g6_dies_after_any_commit_of_an_undo)
{
  const Accident accident = { FAULT_DIE_AFTER, _i };

  die_and_recover (&accident, &fails, FALSE);
}
END_TEST

static const char * const runs[] = { "run toy.a", "run toy.b", "run toy.move", "run toy.c", "run toy.d" };
static const char * const undos[] = { "undo toy.b", "undo toy.a" };

START_TEST (g6_dies_in_any_step)
{
  const Accident accident = { FAULT_NONE, 0, runs[_i / 2], _i % 2 == 0 ? TOY_DIE : TOY_DIE_LATE };

  die_and_recover (&accident, NULL, TRUE);
}
END_TEST

START_TEST (g6_dies_in_any_undo)
{
  const Accident accident = { FAULT_NONE, 0, undos[_i / 2], _i % 2 == 0 ? TOY_DIE : TOY_DIE_LATE };

  die_and_recover (&accident, &fails, TRUE);
}
END_TEST

/* Whoever recovers may die too, again and again. */
START_TEST (g6_dies_while_recovering)
{
  const Accident first = { FAULT_NONE, 0, runs[_i % 5], TOY_DIE_LATE };

  ck_assert_int_ge (live_through (&first, NULL, FALSE), 98);
  for (guint commit = 1;; commit++)
    {
      const Accident accident = { _i < 5 ? FAULT_DIE_BEFORE : FAULT_DIE_AFTER, commit };

      if (live_through (&accident, NULL, TRUE) < 98)
        break;
    }

  ck_assert_int_ne (toy_outcome (world), -1);
}
END_TEST

static void
suffer (Fault           fault,
        guint           commit,
        guint           times,
        const Accident *failure)
{
  g_autoptr (FaultStore) store = open_store ();
  g_autoptr (MigCluster) cluster = toy_cluster_new (MIG_STATE_STORE (store));
  g_autoptr (MigOperation) operation = MIG_OPERATION (toy_operation_new (cluster, "key", world));
  MigStatus status;
  int outcome;

  if (failure != NULL)
    toy_script (TOY_OPERATION (operation), failure->call, failure->act, MIG_ERROR_FAILED, 1);
  fault_store_arm (store, fault, commit, times);
  mig_operation_run (operation, NULL, NULL);
  status = mig_operation_get_status (operation);
  outcome = toy_outcome (world);

  if (status == MIG_STATUS_COMPLETED)
    {
      g_auto (GStrv) debts = mig_operation_dup_debts (operation);

      ck_assert (outcome == 1 || g_strv_length (debts) > 0);
    }
  else if (status == MIG_STATUS_FAILED)
    ck_assert_int_eq (outcome, 0);
  else if (status != MIG_STATUS_ERROR)
    {
      g_autoptr (GError) error = mig_operation_dup_error (operation);

      mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY); /* left, for recovery */
      ck_assert_uint_ne (times, 1);
    }

  /* One that passes leaves nothing behind. */
  if (times == 1)
    ck_assert_int_ne (outcome, -1);
  toy_cluster_close (cluster);
}

START_TEST (g3_one_commit_fails)
{
  suffer (FAULT_FAIL, _i, 1, NULL);
}
END_TEST

START_TEST (g3_one_commit_fails_in_an_undo)
{
  suffer (FAULT_FAIL, _i, 1, &fails);
}
END_TEST

START_TEST (g3_one_commit_has_no_answer)
{
  suffer (FAULT_UNKNOWN, _i, 1, NULL);
}
END_TEST

START_TEST (g3_one_answer_is_lost)
{
  suffer (FAULT_LOST, _i, 1, NULL);
  ck_assert_int_eq (toy_outcome (world), 1);
}
END_TEST

START_TEST (g3_one_answer_is_mute)
{
  suffer (FAULT_MUTE, _i, 1, NULL);
  ck_assert_int_eq (toy_outcome (world), 1);
}
END_TEST

/* No step is dropped because the store was away when its turn came. */
START_TEST (g12_store_fails_for_a_while_and_heals)
{
  suffer (FAULT_FAIL, 1 + _i / MAX_FAILURES, 1 + _i % MAX_FAILURES, NULL);
  if (toy_outcome (world) != 0)
    recover_and_judge ();
}
END_TEST

START_TEST (g3_store_fails_for_good_and_heals)
{
  suffer (FAULT_FAIL, _i, 0, NULL);
  recover_and_judge ();
}
END_TEST

START_TEST (g3_store_falls_silent_and_heals)
{
  suffer (FAULT_UNKNOWN, _i, 0, NULL);
  recover_and_judge ();
}
END_TEST

/* With a store that takes nothing, nothing is done. */
START_TEST (g3_nothing_is_done_that_is_not_recorded)
{
  suffer (FAULT_FAIL, _i, 0, NULL);
  ck_assert_int_eq (toy_outcome (world), 0);
}
END_TEST

START_TEST (commits_are_few)
{
  g_autoptr (FaultStore) store = open_store ();
  g_autoptr (MigCluster) cluster = toy_cluster_new (MIG_STATE_STORE (store));
  g_autoptr (MigOperation) operation = MIG_OPERATION (toy_operation_new (cluster, "key", world));

  ck_assert (mig_operation_run (operation, NULL, NULL));
  ck_assert_uint_eq (fault_store_n_commits (store), N_COMMITS);
  toy_cluster_close (cluster);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("crash");
  TCase *tcase = mig_test_add_case (suite, "matrix");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, g6_dies_before_any_commit, 1, N_COMMITS + 1);
  tcase_add_loop_test (tcase, g6_dies_after_any_commit, 1, N_COMMITS + 1);
  tcase_add_loop_test (tcase, g6_dies_before_any_commit_of_an_undo, 1, N_UNDO_COMMITS + 1);
  tcase_add_loop_test (tcase, g6_dies_after_any_commit_of_an_undo, 1, N_UNDO_COMMITS);
  tcase_add_loop_test (tcase, g6_dies_in_any_step, 0, 10);
  tcase_add_loop_test (tcase, g6_dies_in_any_undo, 0, 4);
  tcase_add_loop_test (tcase, g6_dies_while_recovering, 0, 10);
  tcase_add_loop_test (tcase, g3_one_commit_fails, 1, N_COMMITS + 1);
  tcase_add_loop_test (tcase, g3_one_commit_fails_in_an_undo, 1, N_UNDO_COMMITS + 1);
  tcase_add_loop_test (tcase, g3_one_commit_has_no_answer, 1, N_COMMITS + 1);
  tcase_add_loop_test (tcase, g3_one_answer_is_lost, 1, N_COMMITS + 1);
  tcase_add_loop_test (tcase, g3_one_answer_is_mute, 1, N_COMMITS + 1);
  tcase_add_loop_test (tcase, g12_store_fails_for_a_while_and_heals, 0, N_COMMITS * MAX_FAILURES);
  tcase_add_loop_test (tcase, g3_store_fails_for_good_and_heals, 1, N_COMMITS + 1);
  tcase_add_loop_test (tcase, g3_store_falls_silent_and_heals, 1, N_COMMITS + 1);
  tcase_add_loop_test (tcase, g3_nothing_is_done_that_is_not_recorded, 1, 3);
  tcase_add_test (tcase, commits_are_few);

  return suite;
}

MIG_TEST_MAIN (create_suite)
