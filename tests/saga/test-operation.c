/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"
#include "toy.h"

#include <libmig/mig-memory-store.h>

#include "libmig/saga/mig-engine-private.h"

/* Running an operation, and what is heard of it: in which thread, in which order. */

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

static MigOperation *
make (const char *key)
{
  return MIG_OPERATION (toy_operation_new (cluster, key, world));
}

START_TEST (runs_to_the_end)
{
  g_autoptr (MigOperation) operation = make (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = NULL;
  g_autofree char *calls = NULL;
  g_auto (GStrv) debts = NULL;
  const char *source;
  double seconds;
  gint64 bytes;

  ck_assert (mig_operation_run (operation, NULL, &error));
  mig_assert_no_error (error);
  calls = toy_calls (world);
  ck_assert_str_eq (calls, "a+ b+ move+ c+ d+");
  ck_assert_int_eq (mig_operation_get_status (operation), MIG_STATUS_COMPLETED);
  ck_assert_int_eq (mig_operation_get_phase (operation), MIG_PHASE_DONE);
  ck_assert_ptr_null (mig_operation_dup_error (operation));
  debts = mig_operation_dup_debts (operation);
  ck_assert_uint_eq (g_strv_length (debts), 0);

  result = mig_operation_dup_result (operation);
  ck_assert (g_variant_lookup (result, "source", "&s", &source));
  ck_assert_str_eq (source, "here");
  ck_assert (g_variant_lookup (result, "bytes", "x", &bytes));
  ck_assert_int_eq (bytes, 4096);
  ck_assert (g_variant_lookup (result, "seconds", "d", &seconds));
  ck_assert (seconds >= 0 && seconds < 30);
  ck_assert (!g_variant_lookup (result, "downtime", "d", NULL));
}
END_TEST

START_TEST (has_an_identity)
{
  g_autoptr (MigOperation) operation = make ("a key");
  g_autoptr (MigOperation) same = make ("a key");
  g_autoptr (MigOperation) other = make (NULL);
  g_autofree char *subject = mig_operation_dup_subject (operation);
  g_autofree char *base = g_path_get_basename (world);

  ck_assert_str_eq (mig_operation_get_key (operation), "a key");
  ck_assert_str_eq (mig_operation_get_kind (operation), "toy");
  ck_assert_str_eq (mig_operation_get_id (operation), mig_operation_get_id (same));
  ck_assert_str_ne (mig_operation_get_id (operation), mig_operation_get_id (other));
  ck_assert (g_uuid_string_is_valid (mig_operation_get_id (operation)));
  ck_assert (g_uuid_string_is_valid (mig_operation_get_key (other)));
  ck_assert_str_eq (subject, base);
  ck_assert_ptr_eq (mig_operation_get_cluster (operation), cluster);
}
END_TEST

START_TEST (runs_once)
{
  g_autoptr (MigOperation) operation = make (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  ck_assert (mig_operation_run (operation, NULL, NULL));
  ck_assert (!mig_operation_run (operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  g_clear_error (&error);

  mig_operation_run_async (operation, NULL, mig_test_store_result, &result);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 5);
  ck_assert (!mig_operation_run_finish (operation, result, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
}
END_TEST

START_TEST (refuses_what_is_wrong)
{
  g_autoptr (MigOperation) operation = MIG_OPERATION (toy_operation_new (cluster, NULL, "nowhere"));
  g_autoptr (GPtrArray) records = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert (!mig_operation_run (operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  ck_assert_int_eq (mig_operation_get_status (operation), MIG_STATUS_FAILED);

  /* Nothing was written. */
  records = mig_state_store_list (store, "", NULL, 0, NULL, NULL);
  ck_assert_uint_eq (records->len, 0);
}
END_TEST

/* What could not be read back later. */
START_TEST (refuses_a_key_that_is_none)
{
  const char *keys[] = { "", "\xff" };
  g_autoptr (MigOperation) operation = make (keys[_i % 2]);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) records = NULL;
  g_autoptr (GError) error = NULL;

  if (_i < 2)
    ck_assert (!mig_operation_run (operation, NULL, &error));
  else
    {
      mig_operation_run_async (operation, NULL, mig_test_store_result, &result);
      mig_test_wait (NULL, mig_test_pointer_is_set, &result, 5);
      ck_assert (!mig_operation_run_finish (operation, result, &error));
    }
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  records = mig_state_store_list (store, "", NULL, 0, NULL, NULL);
  ck_assert_uint_eq (records->len, 0);
}
END_TEST

START_TEST (has_no_cluster)
{
  g_autoptr (MigOperation) operation = MIG_OPERATION (toy_operation_new (NULL, NULL, world));
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  if (_i % 2 == 0)
    g_cancellable_cancel (cancellable);
  if (_i < 2)
    ck_assert (!mig_operation_run (operation, cancellable, &error));
  else
    {
      mig_operation_run_async (operation, cancellable, mig_test_store_result, &result);
      mig_test_wait (NULL, mig_test_pointer_is_set, &result, 5);
      ck_assert (!mig_operation_run_finish (operation, result, &error));
    }
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
}
END_TEST

/* What a listener hears, as text. */
typedef struct
{
  GString *text;
  GThread *thread; /* in which all of it has to come */
  double   fraction;
  gint64   processed;
  guint    n_progress;
} Ear;

static void
check_thread (Ear *ear)
{
  ck_assert_ptr_eq (g_thread_self (), ear->thread);
}

static void
on_phase (MigOperation *operation,
          MigPhase      old_phase,
          MigPhase      new_phase,
          Ear          *ear)
{
  check_thread (ear);
  g_string_append_printf (ear->text, " %d>%d", old_phase, new_phase);
}

static void
on_progress (MigOperation *operation,
             MigProgress  *progress,
             Ear          *ear)
{
  check_thread (ear);
  ck_assert (mig_progress_get_fraction (progress) >= ear->fraction);
  ck_assert_int_ge (mig_progress_get_memory_processed (progress), ear->processed);
  ear->fraction = mig_progress_get_fraction (progress);
  ear->processed = mig_progress_get_memory_processed (progress);
  ear->n_progress++;
}

static void
on_step (MigOperation *operation,
         const char   *step,
         double        seconds,
         GError       *error,
         Ear          *ear)
{
  check_thread (ear);
  ck_assert (seconds >= 0);
  g_string_append_printf (ear->text, " %s%s", strrchr (step, '.') + 1, error != NULL ? "!" : "");
}

static void
on_rolled_back (MigOperation *operation,
                Ear          *ear)
{
  check_thread (ear);
  g_string_append (ear->text, " rolled-back");
}

static void
on_finished (MigOperation *operation,
             Ear          *ear)
{
  check_thread (ear);
  g_string_append_printf (ear->text, " finished:%d", mig_operation_get_status (operation));
}

static void
listen (MigOperation *operation,
        Ear          *ear)
{
  *ear = (Ear) { g_string_new (NULL), g_thread_self (), 0, -1, 0 };
  g_signal_connect (operation, "phase-changed", G_CALLBACK (on_phase), ear);
  g_signal_connect (operation, "progress", G_CALLBACK (on_progress), ear);
  g_signal_connect (operation, "step-finished", G_CALLBACK (on_step), ear);
  g_signal_connect (operation, "rolled-back", G_CALLBACK (on_rolled_back), ear);
  g_signal_connect (operation, "finished", G_CALLBACK (on_finished), ear);
}

#define HEARD " 0>1 toy 1>3 a b 3>4 4>5 move 5>6 c d 6>8 finished:6"

START_TEST (g9_emits_in_the_calling_thread)
{
  g_autoptr (MigOperation) operation = make (NULL);
  Ear ear;

  listen (operation, &ear);
  ck_assert (mig_operation_run (operation, NULL, NULL));
  ck_assert_str_eq (ear.text->str, HEARD);
  ck_assert_uint_gt (ear.n_progress, 0);
  ck_assert (ear.fraction == 1);
  ck_assert_int_eq (ear.processed, 1000);
  g_string_free (ear.text, TRUE);
}
END_TEST

START_TEST (hears_of_a_failure)
{
  g_autoptr (MigOperation) operation = make (NULL);
  Ear ear;

  toy_script (TOY_OPERATION (operation), "run toy.b", TOY_FAIL, MIG_ERROR_NO_CAPACITY, 0);
  listen (operation, &ear);
  ck_assert (!mig_operation_run (operation, NULL, NULL));
  ck_assert_str_eq (ear.text->str, " 0>1 toy 1>3 a b! 3>7 a rolled-back 7>8 finished:8");
  ck_assert (ear.fraction < 0.1);
  g_string_free (ear.text, TRUE);
}
END_TEST

START_TEST (run_does_not_turn_the_callers_context)
{
  g_autoptr (MigOperation) operation = make (NULL);
  gboolean turned = FALSE;
  GSource *idle = g_idle_source_new ();

  g_source_set_callback (idle, G_SOURCE_FUNC (g_atomic_int_inc), &turned, NULL);
  g_source_attach (idle, NULL);
  ck_assert (mig_operation_run (operation, NULL, NULL));
  ck_assert (!turned);
  g_source_destroy (idle);
  g_source_unref (idle);
}
END_TEST

START_TEST (async_emits_in_the_context_of_the_call)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (MigOperation) operation = make (NULL);
  g_autoptr (GAsyncResult) result = NULL;
  Ear ear;

  listen (operation, &ear);
  g_main_context_push_thread_default (context);
  mig_operation_run_async (operation, NULL, mig_test_store_result, &result);
  g_main_context_pop_thread_default (context);
  mig_test_wait (context, mig_test_pointer_is_set, &result, 5);

  ck_assert (mig_operation_run_finish (operation, result, NULL));
  ck_assert_str_eq (ear.text->str, HEARD);
  g_string_free (ear.text, TRUE);
}
END_TEST

static gboolean
has_ended (gpointer operation)
{
  return mig_operation_get_status (operation) >= MIG_STATUS_COMPLETED;
}

/* A context that does not turn delays what is heard, not the operation. */
START_TEST (async_does_not_wait_for_the_context)
{
  g_autoptr (GMainContext) still = g_main_context_new ();
  g_autoptr (MigOperation) operation = make (NULL);
  g_autoptr (GAsyncResult) result = NULL;
  Ear ear;

  listen (operation, &ear);
  g_main_context_push_thread_default (still);
  mig_operation_run_async (operation, NULL, mig_test_store_result, &result);
  g_main_context_pop_thread_default (still);

  mig_test_wait (NULL, has_ended, operation, 5);
  ck_assert_str_eq (ear.text->str, "");
  mig_test_wait (still, mig_test_pointer_is_set, &result, 5);
  ck_assert_str_eq (ear.text->str, HEARD);
  g_string_free (ear.text, TRUE);
}
END_TEST

/* Nobody needs to keep a running operation. */
START_TEST (is_kept_by_the_cluster)
{
  MigOperation *operation = make ("kept");
  g_autoptr (MigOperation) found = NULL;
  g_autofree char *calls = NULL;

  toy_script (TOY_OPERATION (operation), "run toy.b", TOY_FLAG, 0, 0);
  mig_operation_run_async (operation, NULL, NULL, NULL);
  found = mig_engine_lookup (mig_engine_of (G_OBJECT (cluster)), mig_operation_get_id (operation));
  ck_assert_ptr_eq (found, operation);
  g_clear_object (&found);
  g_object_unref (operation);

  toy_set (world, "go", TRUE);
  toy_cluster_close (cluster);
  calls = toy_calls (world);
  ck_assert_str_eq (calls, "a+ b+ move+ c+ d+");
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}
END_TEST

static gpointer
wait_for (gpointer operation)
{
  return GINT_TO_POINTER (mig_operation_wait (operation, NULL, NULL) ? 1 : 2);
}

START_TEST (others_can_wait)
{
  g_autoptr (MigOperation) operation = make (NULL);
  g_autoptr (GAsyncResult) result = NULL;
  GThread *waiter;

  toy_script (TOY_OPERATION (operation), "run toy.move", TOY_FLAG, 0, 0);
  mig_operation_run_async (operation, NULL, NULL, NULL);
  waiter = g_thread_new ("waiter", wait_for, operation);
  mig_operation_wait_async (operation, NULL, mig_test_store_result, &result);
  toy_set (world, "go", TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 5);
  ck_assert (mig_operation_wait_finish (operation, result, NULL));
  ck_assert_int_eq (GPOINTER_TO_INT (g_thread_join (waiter)), 1);

  /* And afterwards, at once. */
  ck_assert (mig_operation_wait (operation, NULL, NULL));
}
END_TEST

/* Calls begun in a thread whose context turns in another: they end there, perhaps before they have returned here. */
typedef struct
{
  MigOperation *operation;
  GCancellable *cancellable;
  gint          n_ended;
  guint         n;
} Crowd;

static void
note_end (GObject      *source,
          GAsyncResult *result,
          gpointer      data)
{
  Crowd *crowd = data;

  g_atomic_int_inc (&crowd->n_ended);
}

static gpointer
begin_waits (gpointer data)
{
  Crowd *crowd = data;

  for (guint i = 0; i < crowd->n; i++)
    mig_operation_wait_async (crowd->operation, crowd->cancellable, note_end, crowd);

  return NULL;
}

static gpointer
begin_runs (gpointer data)
{
  Crowd *crowd = data;

  for (guint i = 0; i < crowd->n; i++)
    {
      g_autoptr (MigOperation) wrong = make ("");

      mig_operation_run_async (wrong, crowd->cancellable, note_end, crowd);
    }

  return NULL;
}

static gboolean
have_ended (gpointer data)
{
  Crowd *crowd = data;

  return g_atomic_int_get (&crowd->n_ended) == (gint) crowd->n;
}

START_TEST (calls_end_in_another_thread)
{
  g_autoptr (MigOperation) operation = make (NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Crowd crowd = { operation, cancellable, 0, 500 };
  GThread *thread;

  ck_assert (mig_operation_run (operation, NULL, NULL));
  if (_i == 1) /* who is cancelled and who has ended come at the same time */
    g_cancellable_cancel (cancellable);
  thread = g_thread_new ("crowd", _i < 2 ? begin_waits : begin_runs, &crowd);
  mig_test_wait (NULL, have_ended, &crowd, 30);
  g_thread_join (thread);
}
END_TEST

/* Cancelling a wait leaves the operation alone. */
START_TEST (g5_cancelling_a_wait_ends_the_wait_only)
{
  g_autoptr (MigOperation) operation = make (NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  toy_script (TOY_OPERATION (operation), "run toy.move", TOY_FLAG, 0, 0);
  mig_operation_run_async (operation, NULL, NULL, NULL);
  mig_operation_wait_async (operation, cancellable, mig_test_store_result, &result);
  g_cancellable_cancel (cancellable);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 5);
  ck_assert (!mig_operation_wait_finish (operation, result, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  ck_assert (!mig_operation_wait (operation, cancellable, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  toy_set (world, "go", TRUE);
  ck_assert (mig_operation_wait (operation, NULL, NULL));
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("operation");
  TCase *tcase = mig_test_add_case (suite, "run");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, runs_to_the_end);
  tcase_add_test (tcase, has_an_identity);
  tcase_add_test (tcase, runs_once);
  tcase_add_test (tcase, refuses_what_is_wrong);
  tcase_add_loop_test (tcase, refuses_a_key_that_is_none, 0, 4);
  tcase_add_loop_test (tcase, has_no_cluster, 0, 4);
  tcase_add_test (tcase, g9_emits_in_the_calling_thread);
  tcase_add_test (tcase, hears_of_a_failure);
  tcase_add_test (tcase, run_does_not_turn_the_callers_context);
  tcase_add_test (tcase, async_emits_in_the_context_of_the_call);
  tcase_add_test (tcase, async_does_not_wait_for_the_context);
  tcase_add_test (tcase, is_kept_by_the_cluster);
  tcase_add_test (tcase, others_can_wait);
  tcase_add_loop_test (tcase, calls_end_in_another_thread, 0, 3);
  tcase_add_test (tcase, g5_cancelling_a_wait_ends_the_wait_only);

  return suite;
}

MIG_TEST_MAIN (create_suite)
