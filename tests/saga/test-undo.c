/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"
#include "toy.h"

#include <libmig/mig-memory-store.h>

/* How an operation that does not complete ends: aborted, failed, or not known. */

static char *world;
static MigStateStore *store;
static MigCluster *cluster;

static void
set_up (void)
{
  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good */
  mig_test_settle_descriptors ();
  world = mig_test_make_directory ();
  store = mig_memory_store_new ();
  cluster = toy_cluster_new (store);
}

static void
tear_down (void)
{
  toy_cluster_close (cluster);
  g_clear_object (&cluster);
  g_clear_object (&store);
  mig_test_remove_directory (world);
  g_clear_pointer (&world, g_free);
}

static ToyOperation *
make (void)
{
  return toy_operation_new (cluster, "key", world);
}

/* Runs it; what it did, how it ended. */
static void
expect (ToyOperation *toy,
        const char   *expected_calls,
        MigStatus     expected_status,
        GQuark        domain,
        int           code)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *calls = NULL;
  gboolean ok = mig_operation_run (MIG_OPERATION (toy), NULL, &error);

  calls = toy_calls (world);
  ck_assert_str_eq (calls, expected_calls);
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (toy)), expected_status);
  ck_assert_int_eq (ok, expected_status == MIG_STATUS_COMPLETED);
  if (!ok)
    mig_assert_error (error, domain, code);
}

static const struct
{
  const char *step;
  const char *calls;
} cancels[] = {
  { "toy.a", "a+ a-" },
  { "toy.b", "a+ b+ b- a-" },
  { "toy.move", "a+ b+ move+ move- b- a-" },
};

typedef struct
{
  MigOperation *operation;
  const char   *step; /* that is waited for */
} Abort;

static gpointer
abort_in_step (gpointer data)
{
  Abort *call = data;

  while (!toy_has (world, call->step))
    g_thread_yield ();
  ck_assert (mig_operation_abort (call->operation, NULL));

  return NULL;
}

START_TEST (g5_abort_at_each_step)
{
  g_autoptr (ToyOperation) toy = make ();
  g_autofree char *run = g_strconcat ("run ", cancels[_i].step, NULL);
  Abort call = { MIG_OPERATION (toy), cancels[_i].step };
  GThread *thread;

  toy_script (toy, run, TOY_WAIT, 0, 1);
  toy_script_probe (toy, "toy.move", MIG_PROBE_FAILED, 0);
  thread = g_thread_new ("abort", abort_in_step, &call);
  expect (toy, cancels[_i].calls, MIG_STATUS_CANCELLED, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  ck_assert_int_eq (toy_outcome (world), 0);
}
END_TEST

static void
cancel_in_step (MigOperation *operation,
                MigPhase      old_phase,
                MigPhase      new_phase,
                GCancellable *cancellable)
{
  if (new_phase == MIG_PHASE_SWITCHOVER) /* the step has begun */
    g_cancellable_cancel (cancellable);
}

START_TEST (g5_cancelling_run_is_abort)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (ToyOperation) toy = make ();
  g_autoptr (GError) error = NULL;
  g_autofree char *calls = NULL;

  toy_script (toy, "run toy.move", TOY_WAIT, 0, 1);
  toy_script_probe (toy, "toy.move", MIG_PROBE_FAILED, 0);
  g_signal_connect (toy, "phase-changed", G_CALLBACK (cancel_in_step), cancellable);
  ck_assert (!mig_operation_run (MIG_OPERATION (toy), cancellable, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  calls = toy_calls (world);
  ck_assert_str_eq (calls, "a+ b+ move+ move- b- a-");
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (toy)), MIG_STATUS_CANCELLED);
}
END_TEST

START_TEST (g5_cancelled_before_it_runs)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (ToyOperation) toy = make ();
  g_autofree char *calls = NULL;

  g_cancellable_cancel (cancellable);
  ck_assert (!mig_operation_run (MIG_OPERATION (toy), cancellable, NULL));
  calls = toy_calls (world);
  ck_assert_str_eq (calls, "");
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (toy)), MIG_STATUS_CANCELLED);
}
END_TEST

static void
abort_in_finish (MigOperation *operation,
                 MigPhase      old_phase,
                 MigPhase      new_phase,
                 GPtrArray    *errors)
{
  GError *error = NULL;

  if (new_phase != MIG_PHASE_FINISH)
    return;

  ck_assert (!mig_operation_can_abort (operation));
  ck_assert (!mig_operation_abort (operation, &error));
  g_ptr_array_add (errors, error);
}

START_TEST (g5_no_abort_after_the_decision)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (ToyOperation) toy = make ();

  g_signal_connect (toy, "phase-changed", G_CALLBACK (abort_in_finish), errors);
  expect (toy, "a+ b+ move+ c+ d+", MIG_STATUS_COMPLETED, 0, 0);
  ck_assert_uint_eq (errors->len, 1);
  mig_assert_error ((GError *) errors->pdata[0], MIG_ERROR, MIG_ERROR_INVALID_STATE);
}
END_TEST

START_TEST (g5_no_abort_before_or_after)
{
  g_autoptr (ToyOperation) toy = make ();
  g_autoptr (GError) error = NULL;

  ck_assert (!mig_operation_can_abort (MIG_OPERATION (toy)));
  ck_assert (!mig_operation_abort (MIG_OPERATION (toy), &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  g_clear_error (&error);

  ck_assert (mig_operation_run (MIG_OPERATION (toy), NULL, NULL));
  ck_assert (!mig_operation_abort (MIG_OPERATION (toy), &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
}
END_TEST

START_TEST (g5_abort_twice_is_harmless)
{
  g_autoptr (ToyOperation) toy = make ();

  toy_script (toy, "run toy.a", TOY_WAIT, 0, 1);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  ck_assert (mig_operation_abort (MIG_OPERATION (toy), NULL));
  ck_assert (!mig_operation_can_abort (MIG_OPERATION (toy)));
  ck_assert (mig_operation_abort (MIG_OPERATION (toy), NULL) ||
             mig_operation_get_status (MIG_OPERATION (toy)) == MIG_STATUS_CANCELLED);
  ck_assert (!mig_operation_wait (MIG_OPERATION (toy), NULL, NULL));
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (toy)), MIG_STATUS_CANCELLED);
}
END_TEST

START_TEST (one_step_fails_without_effect)
{
  g_autoptr (ToyOperation) toy = make ();

  /* Its probe says that nothing has begun. */
  toy_script (toy, "run toy.b", TOY_FAIL, MIG_ERROR_BUSY, 0);
  expect (toy, "a+ a-", MIG_STATUS_FAILED, MIG_ERROR, MIG_ERROR_BUSY);
}
END_TEST

START_TEST (one_step_fails_with_effect)
{
  g_autoptr (ToyOperation) toy = make ();

  toy_script (toy, "run toy.b", TOY_FAIL_LATE, MIG_ERROR_INCOMPATIBLE, 0);
  expect (toy, "a+ b+ b- a-", MIG_STATUS_FAILED, MIG_ERROR, MIG_ERROR_INCOMPATIBLE);
}
END_TEST

START_TEST (a_check_fails)
{
  g_autoptr (ToyOperation) toy = make ();

  toy_script (toy, "run check.toy", TOY_FAIL, MIG_ERROR_INCOMPATIBLE, 0);
  expect (toy, "", MIG_STATUS_FAILED, MIG_ERROR, MIG_ERROR_INCOMPATIBLE);
}
END_TEST

START_TEST (undo_fails_and_the_rest_is_undone)
{
  g_autoptr (ToyOperation) toy = make ();
  g_autoptr (GError) error = NULL;

  toy_script (toy, "run toy.move", TOY_FAIL, MIG_ERROR_FAILED, 0);
  toy_script (toy, "undo toy.b", TOY_FAIL, MIG_ERROR_NOT_SUPPORTED, 0);
  expect (toy, "a+ b+ a-", MIG_STATUS_ERROR, MIG_ERROR, MIG_ERROR_ROLLBACK_FAILED);
  error = mig_operation_dup_error (MIG_OPERATION (toy));
  ck_assert_ptr_nonnull (strstr (error->message, "toy.b"));
  ck_assert_ptr_nonnull (strstr (error->message, "toy.move"));
}
END_TEST

START_TEST (undo_is_tried_again)
{
  g_autoptr (ToyOperation) toy = make ();

  toy_script (toy, "run toy.move", TOY_FAIL, MIG_ERROR_FAILED, 0);
  toy_script (toy, "undo toy.b", TOY_FAIL, MIG_ERROR_CONNECTION, 2);
  expect (toy, "a+ b+ b- a-", MIG_STATUS_FAILED, MIG_ERROR, MIG_ERROR_FAILED);
}
END_TEST

/* A host that is away for a while: longer than a few tries take. */
static const struct
{
  const char *undo;
  int         code;
} patient_undos[] = {
  { "undo toy.b", MIG_ERROR_CONNECTION },
  { "undo toy.b", MIG_ERROR_TIMED_OUT },
  { "undo toy.b", MIG_ERROR_BUSY },
  { "undo toy.move", MIG_ERROR_CONNECTION },
  { "undo toy.move", MIG_ERROR_FAILED }, /* the guest stands still until it is undone */
};

START_TEST (g1_undo_waits_for_a_host)
{
  g_autoptr (ToyOperation) toy = make ();

  g_object_set (cluster, "settle-time", 600.0, NULL);
  toy_script (toy, "run toy.move", TOY_FAIL_LATE, MIG_ERROR_NOT_CONVERGING, 0);
  toy_script_probe (toy, "toy.move", MIG_PROBE_ABANDONED, 0);
  toy_script (toy, patient_undos[_i].undo, TOY_FAIL, patient_undos[_i].code, 8);
  expect (toy, "a+ b+ move+ move- b- a-", MIG_STATUS_FAILED, MIG_ERROR, MIG_ERROR_NOT_CONVERGING);
}
END_TEST

/* An undo that has waited long enough itself is not begun again. */
START_TEST (long_undo_has_one_limit)
{
  g_autoptr (ToyOperation) toy = make ();
  int codes[] = { MIG_ERROR_CONNECTION, MIG_ERROR_OUTCOME_UNKNOWN };

  toy_script (toy, "run toy.move", TOY_FAIL, MIG_ERROR_FAILED, 0);
  toy_script (toy, "undo toy.b", TOY_FAIL_SLOWLY, codes[_i], 0);
  expect (toy, "a+ b+ b- a-", MIG_STATUS_ERROR, MIG_ERROR, MIG_ERROR_ROLLBACK_FAILED);
}
END_TEST

/* A process that wants to leave does not wait for it. */
START_TEST (undo_that_waits_can_be_left)
{
  g_autoptr (ToyOperation) toy = make ();
  g_autoptr (GError) error = NULL;

  g_object_set (cluster, "settle-time", 600.0, NULL);
  toy_script (toy, "run toy.move", TOY_FAIL_LATE, MIG_ERROR_NOT_CONVERGING, 0);
  toy_script_probe (toy, "toy.move", MIG_PROBE_ABANDONED, 0);
  toy_script (toy, "undo toy.move", TOY_FAIL, MIG_ERROR_CONNECTION, 0);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  while (mig_operation_get_phase (MIG_OPERATION (toy)) != MIG_PHASE_ROLLBACK)
    g_thread_yield ();
  ck_assert (mig_cluster_close (cluster, MIG_CLOSE_MODE_DETACH, NULL, NULL));
  error = mig_operation_dup_error (MIG_OPERATION (toy));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_int_eq (toy_outcome (world), -1);
}
END_TEST

/* The call that an abort gave up takes effect after the first look. */
static const struct
{
  int code;
} given_up[] = { { -1 }, { MIG_ERROR_CONTRACT }, { MIG_ERROR_CONNECTION }, { MIG_ERROR_OUTCOME_UNKNOWN } };

START_TEST (g2_given_up_call_settles)
{
  g_autoptr (ToyOperation) toy = make ();
  int code = given_up[_i].code;

  toy_script (toy, "run toy.b", TOY_FAIL_LATE, code, 0);
  toy_script_probe (toy, "toy.b", MIG_PROBE_NOT_STARTED, 1);
  expect (toy, "a+ b+ b- a-", code < 0 ? MIG_STATUS_CANCELLED : MIG_STATUS_FAILED,
          code < 0 ? G_IO_ERROR : MIG_ERROR, code < 0 ? G_IO_ERROR_CANCELLED : code);
  ck_assert_int_eq (toy_outcome (world), 0);
}
END_TEST

/* Nor does a host that cannot be asked for a moment say that nothing has begun. */
START_TEST (g2_given_up_call_is_looked_for)
{
  g_autoptr (ToyOperation) toy = make ();

  toy_script (toy, "run toy.b", TOY_FAIL, MIG_ERROR_CONNECTION, 0);
  toy_script_probe (toy, "toy.b", MIG_PROBE_UNKNOWN, 2);
  expect (toy, "a+ a-", MIG_STATUS_FAILED, MIG_ERROR, MIG_ERROR_CONNECTION);
}
END_TEST

/* What the probe of the deciding step says after it gave up decides what comes. */
static const struct
{
  ToyAct      act;
  int         code;
  int         answer; /* -1: it looks */
  guint       times;
  const char *calls;
  MigStatus   status;
  int         error;
} verdicts[] = {
  { TOY_FAIL, MIG_ERROR_FAILED, -1, 0, "a+ b+ b- a-", MIG_STATUS_FAILED, MIG_ERROR_FAILED },
  { TOY_FAIL, MIG_ERROR_CONNECTION, -1, 0, "a+ b+ b- a-", MIG_STATUS_FAILED, MIG_ERROR_CONNECTION },
  /* A lost answer: it had happened. */
  { TOY_FAIL_LATE, MIG_ERROR_CONNECTION, -1, 0, "a+ b+ move+ move+ c+ d+", MIG_STATUS_COMPLETED, 0 },
  { TOY_FAIL_LATE, MIG_ERROR_OUTCOME_UNKNOWN, -1, 0, "a+ b+ move+ move+ c+ d+", MIG_STATUS_COMPLETED, 0 },
  { TOY_FAIL_LATE, MIG_ERROR_FAILED, -1, 0, "a+ b+ move+ move+ c+ d+", MIG_STATUS_COMPLETED, 0 },
  /* It goes on without us: watched to its end, unless the step has had enough. */
  { TOY_FAIL, MIG_ERROR_OUTCOME_UNKNOWN, MIG_PROBE_RUNNING, 1, "a+ b+ move+ c+ d+", MIG_STATUS_COMPLETED, 0 },
  { TOY_FAIL, MIG_ERROR_TIMED_OUT, MIG_PROBE_RUNNING, 1, "a+ b+ move- b- a-", MIG_STATUS_FAILED, MIG_ERROR_TIMED_OUT },
  { TOY_FAIL, MIG_ERROR_NOT_CONVERGING, MIG_PROBE_RUNNING, 1, "a+ b+ move- b- a-", MIG_STATUS_FAILED,
    MIG_ERROR_NOT_CONVERGING },
  { TOY_FAIL, MIG_ERROR_FAILED, MIG_PROBE_FAILED, 1, "a+ b+ move- b- a-", MIG_STATUS_FAILED, MIG_ERROR_FAILED },
  /* Nobody can tell: nothing more is touched. */
  { TOY_FAIL, MIG_ERROR_OUTCOME_UNKNOWN, MIG_PROBE_UNKNOWN, 0, "a+ b+", MIG_STATUS_ERROR, MIG_ERROR_OUTCOME_UNKNOWN },
  { TOY_FAIL, MIG_ERROR_FAILED, MIG_PROBE_UNKNOWN, 0, "a+ b+", MIG_STATUS_ERROR, MIG_ERROR_OUTCOME_UNKNOWN },
  /* It can be seen again before patience ends. */
  { TOY_FAIL, MIG_ERROR_CONNECTION, MIG_PROBE_UNKNOWN, 2, "a+ b+ b- a-", MIG_STATUS_FAILED, MIG_ERROR_CONNECTION },
};

START_TEST (g6_verdict_on_the_deciding_step)
{
  g_autoptr (ToyOperation) toy = make ();

  toy_script (toy, "run toy.move", verdicts[_i].act, verdicts[_i].code, 1);
  if (verdicts[_i].answer >= 0)
    toy_script_probe (toy, "toy.move", verdicts[_i].answer, verdicts[_i].times);
  expect (toy, verdicts[_i].calls, verdicts[_i].status, MIG_ERROR, verdicts[_i].error);
}
END_TEST

/* While it was being undone it completed: forward, for what came before it is in use now. */
START_TEST (g1_undo_that_comes_too_late)
{
  g_autoptr (ToyOperation) toy = make ();

  toy_script (toy, "run toy.move", TOY_FAIL_LATE, MIG_ERROR_NOT_CONVERGING, 1);
  toy_script_probe (toy, "toy.move", MIG_PROBE_RUNNING, 1);
  toy_script (toy, "undo toy.move", TOY_FAIL, MIG_ERROR_INVALID_STATE, 0);
  expect (toy, "a+ b+ move+ move+ c+ d+", MIG_STATUS_COMPLETED, 0, 0);
}
END_TEST

/* And when nobody can tell, nothing that it may use is taken away. */
START_TEST (g2_nothing_is_undone_below_the_unknown)
{
  g_autoptr (ToyOperation) toy = make ();

  toy_script (toy, "run toy.move", TOY_FAIL_LATE, MIG_ERROR_NOT_CONVERGING, 1);
  toy_script_probe (toy, "toy.move", MIG_PROBE_RUNNING, 0);
  toy_script (toy, "undo toy.move", TOY_FAIL, MIG_ERROR_INVALID_STATE, 0);
  expect (toy, "a+ b+ move+", MIG_STATUS_ERROR, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN);
}
END_TEST

/* NOT_STARTED is believed the second time, one settle time later; meanwhile the call may still take effect. */
START_TEST (g6_settle_rule)
{
  g_autoptr (ToyOperation) toy = make ();

  toy_script (toy, "run toy.move", TOY_FAIL_LATE, MIG_ERROR_CONNECTION, 1);
  toy_script_probe (toy, "toy.move", MIG_PROBE_NOT_STARTED, 1);
  expect (toy, "a+ b+ move+ move+ c+ d+", MIG_STATUS_COMPLETED, 0, 0);
}
END_TEST

START_TEST (g12_debts_do_not_fail)
{
  g_autoptr (ToyOperation) toy = make ();
  g_auto (GStrv) debts = NULL;

  toy_script (toy, "run toy.c", TOY_FAIL, MIG_ERROR_CONNECTION, 0);
  expect (toy, "a+ b+ move+ d+", MIG_STATUS_COMPLETED, 0, 0);
  debts = mig_operation_dup_debts (MIG_OPERATION (toy));
  ck_assert_uint_eq (g_strv_length (debts), 1);
  ck_assert_ptr_nonnull (strstr (debts[0], "toy.c"));
  ck_assert_ptr_nonnull (strstr (debts[0], "was told to fail"));
}
END_TEST

START_TEST (g12_finishing_is_tried_again)
{
  g_autoptr (ToyOperation) toy = make ();
  g_auto (GStrv) debts = NULL;

  toy_script (toy, "run toy.c", TOY_FAIL, MIG_ERROR_CONNECTION, 2);
  expect (toy, "a+ b+ move+ c+ d+", MIG_STATUS_COMPLETED, 0, 0);
  debts = mig_operation_dup_debts (MIG_OPERATION (toy));
  ck_assert_uint_eq (g_strv_length (debts), 0);
}
END_TEST

START_TEST (requests_are_heard)
{
  g_autoptr (ToyOperation) toy = make ();
  g_autoptr (GError) error = NULL;

  ck_assert (!mig_operation_request (MIG_OPERATION (toy), "hurry", &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  toy_script (toy, "run toy.move", TOY_REQUEST, 0, 1);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  ck_assert (mig_operation_request (MIG_OPERATION (toy), "hurry", NULL));
  ck_assert (mig_operation_wait (MIG_OPERATION (toy), NULL, NULL));
}
END_TEST

/* What was asked for holds when it is found again. */
START_TEST (g5_abort_outlives_an_error)
{
  g_autoptr (ToyOperation) toy = make ();
  g_autoptr (GPtrArray) found = NULL;
  ToyOperation *again;

  toy_script (toy, "run toy.move", TOY_WAIT, 0, 1);
  toy_script_probe (toy, "toy.move", MIG_PROBE_UNKNOWN, 0);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  while (!toy_has (world, "toy.move"))
    g_thread_yield ();
  ck_assert (mig_operation_abort (MIG_OPERATION (toy), NULL));
  ck_assert (!mig_operation_wait (MIG_OPERATION (toy), NULL, NULL));
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (toy)), MIG_STATUS_ERROR);

  found = mig_cluster_recover (cluster, NULL, NULL);
  ck_assert_uint_eq (found->len, 1);
  again = g_ptr_array_index (found, 0);
  toy_set (world, "go", TRUE);
  toy_script (again, "run toy.move", TOY_FLAG, 0, 0);
  toy_script_probe (again, "toy.move", MIG_PROBE_RUNNING, 0);
  ck_assert (!mig_operation_run (MIG_OPERATION (again), NULL, NULL));
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (again)), MIG_STATUS_CANCELLED);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("undo");
  TCase *tcase = mig_test_add_case (suite, "ends");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, g5_abort_at_each_step, 0, G_N_ELEMENTS (cancels));
  tcase_add_test (tcase, g5_cancelling_run_is_abort);
  tcase_add_test (tcase, g5_cancelled_before_it_runs);
  tcase_add_test (tcase, g5_no_abort_after_the_decision);
  tcase_add_test (tcase, g5_no_abort_before_or_after);
  tcase_add_test (tcase, g5_abort_twice_is_harmless);
  tcase_add_test (tcase, one_step_fails_without_effect);
  tcase_add_test (tcase, one_step_fails_with_effect);
  tcase_add_test (tcase, a_check_fails);
  tcase_add_test (tcase, undo_fails_and_the_rest_is_undone);
  tcase_add_test (tcase, undo_is_tried_again);
  tcase_add_loop_test (tcase, g1_undo_waits_for_a_host, 0, G_N_ELEMENTS (patient_undos));
  tcase_add_loop_test (tcase, long_undo_has_one_limit, 0, 2);
  tcase_add_test (tcase, undo_that_waits_can_be_left);
  tcase_add_loop_test (tcase, g2_given_up_call_settles, 0, G_N_ELEMENTS (given_up));
  tcase_add_test (tcase, g2_given_up_call_is_looked_for);
  tcase_add_loop_test (tcase, g6_verdict_on_the_deciding_step, 0, G_N_ELEMENTS (verdicts));
  tcase_add_test (tcase, g1_undo_that_comes_too_late);
  tcase_add_test (tcase, g2_nothing_is_undone_below_the_unknown);
  tcase_add_test (tcase, g6_settle_rule);
  tcase_add_test (tcase, g12_debts_do_not_fail);
  tcase_add_test (tcase, g12_finishing_is_tried_again);
  tcase_add_test (tcase, requests_are_heard);
  tcase_add_test (tcase, g5_abort_outlives_an_error);

  return suite;
}

MIG_TEST_MAIN (create_suite)
