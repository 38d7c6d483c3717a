/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <libmig/mig.h>

#include "libmig/drivers/libvirt/mig-libvirt-call-private.h"

#include "mig-test.h"

/* A call under the test's control: it returns when the gate is opened. */
typedef struct
{
  GMutex   mutex;
  GCond    cond;
  gboolean open;
  int      n_entered; /* atomic */
  int      n_data;    /* atomic: call data that exist */
  int      n_results; /* atomic: results that exist */
} Gate;

static Gate gate;

static MigLibvirtTally *tally; /* of the host that the calls are to */

typedef struct
{
  gboolean waits;
  gboolean fails;
} Data;

static void
set_up (void)
{
  memset (&gate, 0, sizeof gate);
  g_mutex_init (&gate.mutex);
  g_cond_init (&gate.cond);
  tally = mig_libvirt_tally_new ();
}

static void
tear_down (void)
{
  mig_libvirt_tally_unref (tally);
}

static void
open_gate (void)
{
  g_mutex_lock (&gate.mutex);
  gate.open = TRUE;
  g_cond_broadcast (&gate.cond);
  g_mutex_unlock (&gate.mutex);
}

static Data *
data_new (gboolean waits,
          gboolean fails)
{
  Data *data = g_new (Data, 1);

  data->waits = waits;
  data->fails = fails;
  g_atomic_int_inc (&gate.n_data);

  return data;
}

static void
data_free (gpointer data)
{
  g_atomic_int_add (&gate.n_data, -1);
  g_free (data);
}

static void
result_free (gpointer result)
{
  g_atomic_int_add (&gate.n_results, -1);
  g_free (result);
}

static gpointer
work (gpointer   user_data,
      GError   **error)
{
  Data *data = user_data;

  g_atomic_int_inc (&gate.n_entered);
  g_mutex_lock (&gate.mutex);
  while (data->waits && !gate.open)
    g_cond_wait (&gate.cond, &gate.mutex);
  g_mutex_unlock (&gate.mutex);

  if (data->fails)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_BUSY, "as told");
      return NULL;
    }
  g_atomic_int_inc (&gate.n_results);

  return g_strdup ("result");
}

static gpointer
run (MigLibvirtCalls    *calls,
     gboolean            waits,
     gboolean            fails,
     double              seconds,
     GCancellable       *cancellable,
     MigLibvirtCallEnd  *end,
     GError            **error)
{
  return mig_libvirt_calls_run (calls, tally, "testing", work, data_new (waits, fails), data_free, result_free, seconds,
                                cancellable, end, error);
}

static gboolean
nothing_is_left (gpointer user_data)
{
  return g_atomic_int_get (&gate.n_data) == 0 && g_atomic_int_get (&gate.n_results) == 0;
}

static gboolean
none_abandoned (gpointer calls)
{
  return mig_libvirt_calls_get_abandoned (calls) == 0;
}

START_TEST (result_is_handed_over)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (1);
  g_autoptr (GError) error = NULL;
  MigLibvirtCallEnd end;
  char *result = run (calls, FALSE, FALSE, 10, NULL, &end, &error);

  mig_assert_no_error (error);
  ck_assert_str_eq (result, "result");
  ck_assert_int_eq (end, MIG_LIBVIRT_CALL_RETURNED);
  result_free (result);
  ck_assert (nothing_is_left (NULL));
  mig_libvirt_calls_close (calls, 10);
  ck_assert_uint_eq (mig_libvirt_calls_get_threads (calls), 0);
}
END_TEST

START_TEST (error_is_handed_over)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (1);
  g_autoptr (GError) error = NULL;
  MigLibvirtCallEnd end;

  ck_assert_ptr_null (run (calls, FALSE, TRUE, -1, NULL, &end, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_int_eq (end, MIG_LIBVIRT_CALL_RETURNED);
  ck_assert (nothing_is_left (NULL));
  mig_libvirt_calls_close (calls, 10);
}
END_TEST

START_TEST (threads_are_reused)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (1);

  for (int i = 0; i < 50; i++)
    {
      MigLibvirtCallEnd end;
      char *result = run (calls, FALSE, FALSE, 10, NULL, &end, NULL);

      ck_assert_ptr_nonnull (result);
      result_free (result);
    }

  /* The thread of a call may still be on its way back when the next one is made, on a busy machine more than once. */
  ck_assert_uint_lt (mig_libvirt_calls_get_threads (calls), 10);
  mig_libvirt_calls_close (calls, 10);
}
END_TEST

START_TEST (deadline_abandons)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (4);
  g_autoptr (GError) error = NULL;
  MigLibvirtCallEnd end;
  gint64 began = g_get_monotonic_time ();

  ck_assert_ptr_null (run (calls, TRUE, FALSE, 0.1, NULL, &end, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
  ck_assert_int_eq (end, MIG_LIBVIRT_CALL_LATE);
  ck_assert_int_ge (g_get_monotonic_time () - began, 100000);
  ck_assert_uint_eq (mig_libvirt_calls_get_abandoned (calls), 1);
  ck_assert_int_eq (gate.n_data, 1);

  /* It frees what it was given, and its result, when it returns. */
  open_gate ();
  mig_test_wait (NULL, none_abandoned, calls, 10);
  mig_test_wait (NULL, nothing_is_left, NULL, 10);
  mig_libvirt_calls_close (calls, 10);
  ck_assert_uint_eq (mig_libvirt_calls_get_threads (calls), 0);
}
END_TEST

static gpointer
cancel_when_entered (gpointer cancellable)
{
  mig_test_wait (NULL, mig_test_flag_is_set, &gate.n_entered, 10);
  g_cancellable_cancel (cancellable);

  return NULL;
}

START_TEST (cancelling_abandons)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (4);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *canceller = g_thread_new (NULL, cancel_when_entered, cancellable);
  MigLibvirtCallEnd end;

  ck_assert_ptr_null (run (calls, TRUE, FALSE, -1, cancellable, &end, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  ck_assert_int_eq (end, MIG_LIBVIRT_CALL_CANCELLED);
  ck_assert_uint_eq (mig_libvirt_calls_get_abandoned (calls), 1);
  g_thread_join (canceller);

  open_gate ();
  mig_test_wait (NULL, nothing_is_left, NULL, 10);
  mig_libvirt_calls_close (calls, 10);
}
END_TEST

START_TEST (cancelled_before_it_begins)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (4);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  MigLibvirtCallEnd end;

  g_cancellable_cancel (cancellable);
  ck_assert_ptr_null (run (calls, FALSE, FALSE, -1, cancellable, &end, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  ck_assert_int_eq (end, MIG_LIBVIRT_CALL_REFUSED);
  ck_assert_int_eq (gate.n_entered, 0);
  ck_assert (nothing_is_left (NULL));
}
END_TEST

START_TEST (too_many_abandoned_are_busy)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (2);
  g_autoptr (GError) error = NULL;
  MigLibvirtCallEnd end;
  char *result;

  for (int i = 0; i < 2; i++)
    ck_assert_ptr_null (run (calls, TRUE, FALSE, 0.05, NULL, &end, NULL));
  ck_assert_ptr_null (run (calls, FALSE, FALSE, 10, NULL, &end, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_int_eq (end, MIG_LIBVIRT_CALL_REFUSED);
  ck_assert_int_eq (gate.n_data, 2);

  /* A higher limit counts at once; and so does the return of a call. */
  mig_libvirt_calls_set_max (calls, 3);
  result = run (calls, FALSE, FALSE, 10, NULL, &end, NULL);
  ck_assert_ptr_nonnull (result);
  result_free (result);
  mig_libvirt_calls_set_max (calls, 1);
  open_gate ();
  mig_test_wait (NULL, none_abandoned, calls, 10);
  result = run (calls, FALSE, FALSE, 10, NULL, &end, NULL);
  ck_assert_ptr_nonnull (result);
  result_free (result);
  mig_test_wait (NULL, nothing_is_left, NULL, 10);
  mig_libvirt_calls_close (calls, 10);
}
END_TEST

START_TEST (other_hosts_are_not_busy)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (1);
  g_autoptr (MigLibvirtTally) other = mig_libvirt_tally_new ();
  g_autoptr (GError) error = NULL;
  MigLibvirtCallEnd end;
  char *result;

  ck_assert_ptr_null (run (calls, TRUE, FALSE, 0.05, NULL, &end, NULL));
  result = mig_libvirt_calls_run (calls, other, "testing", work, data_new (FALSE, FALSE), data_free, result_free, 10,
                                  NULL, &end, &error);
  mig_assert_no_error (error);
  result_free (result);
  ck_assert_ptr_null (run (calls, FALSE, FALSE, 10, NULL, &end, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);

  open_gate ();
  mig_test_wait (NULL, nothing_is_left, NULL, 10);
  mig_libvirt_calls_close (calls, 10);
}
END_TEST

START_TEST (closing_does_not_wait_for_the_abandoned)
{
  MigLibvirtCalls *calls = mig_libvirt_calls_new (4);
  g_autoptr (GError) error = NULL;
  MigLibvirtCallEnd end;
  gint64 began;

  ck_assert_ptr_null (run (calls, TRUE, FALSE, 0.05, NULL, &end, NULL));
  began = g_get_monotonic_time ();
  mig_libvirt_calls_close (calls, 20);
  ck_assert_int_lt (g_get_monotonic_time () - began, 5 * G_USEC_PER_SEC);
  ck_assert_uint_eq (mig_libvirt_calls_get_threads (calls), 1);

  ck_assert_ptr_null (run (calls, FALSE, FALSE, 10, NULL, &end, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);

  /* The last reference is the thread's. */
  mig_libvirt_calls_unref (calls);
  open_gate ();
  mig_test_wait (NULL, nothing_is_left, NULL, 10);
}
END_TEST

START_TEST (pushed_calls_run_also_when_closed)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (1);

  mig_libvirt_calls_close (calls, 10);
  mig_libvirt_calls_push (calls, work, data_new (FALSE, TRUE), data_free);
  mig_test_wait (NULL, nothing_is_left, NULL, 10);
  ck_assert_int_eq (gate.n_entered, 1);
  mig_libvirt_calls_close (calls, 10);
  ck_assert_uint_eq (mig_libvirt_calls_get_threads (calls), 0);
}
END_TEST

static gpointer
close_pool (gpointer   calls,
            GError   **error)
{
  mig_libvirt_calls_close (calls, 20);

  return MIG_LIBVIRT_DONE;
}

static gpointer
write_into_nothing (gpointer   data,
                    GError   **error)
{
  int ends[2];

  if (pipe (ends) < 0)
    return NULL;
  close (ends[0]);
  *(gboolean *) data = write (ends[1], "", 1) < 0 && errno == EPIPE;
  close (ends[1]);

  return MIG_LIBVIRT_DONE;
}

START_TEST (broken_pipe_does_not_end_the_process)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (1);
  g_autoptr (GError) error = NULL;
  gboolean failed = FALSE;
  MigLibvirtCallEnd end;

  signal (SIGPIPE, SIG_DFL);
  mig_libvirt_calls_run (calls, tally, "writing", write_into_nothing, &failed, NULL, NULL, 10, NULL, &end, &error);
  mig_assert_no_error (error);
  ck_assert (failed);
  mig_libvirt_calls_close (calls, 10);
}
END_TEST

START_TEST (closing_from_a_call_does_not_wait_for_itself)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (1);
  MigLibvirtCallEnd end;
  gint64 began = g_get_monotonic_time ();

  ck_assert_ptr_nonnull (mig_libvirt_calls_run (calls, tally, "closing", close_pool, calls, NULL, NULL, -1, NULL, &end,
                                                NULL));
  ck_assert_int_lt (g_get_monotonic_time () - began, 5 * G_USEC_PER_SEC);
  mig_libvirt_calls_close (calls, 10);
}
END_TEST

static gpointer
hammer (gpointer calls)
{
  for (int i = 0; i < 200; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      MigLibvirtCallEnd end;
      char *result = run (calls, FALSE, i % 3 == 0, i % 7 == 0 ? 0 : 10, cancellable, &end, NULL);

      if (result != NULL)
        result_free (result);
    }

  return NULL;
}

START_TEST (many_at_once)
{
  g_autoptr (MigLibvirtCalls) calls = mig_libvirt_calls_new (10000);
  GThread *threads[16];

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new (NULL, hammer, calls);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  mig_test_wait (NULL, none_abandoned, calls, 10);
  mig_test_wait (NULL, nothing_is_left, NULL, 10);
  mig_libvirt_calls_close (calls, 10);
  ck_assert_uint_eq (mig_libvirt_calls_get_threads (calls), 0);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-call");
  TCase *tcase = mig_test_add_case (suite, "calls");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, result_is_handed_over);
  tcase_add_test (tcase, error_is_handed_over);
  tcase_add_test (tcase, threads_are_reused);
  tcase_add_test (tcase, deadline_abandons);
  tcase_add_test (tcase, cancelling_abandons);
  tcase_add_test (tcase, cancelled_before_it_begins);
  tcase_add_test (tcase, too_many_abandoned_are_busy);
  tcase_add_test (tcase, other_hosts_are_not_busy);
  tcase_add_test (tcase, closing_does_not_wait_for_the_abandoned);
  tcase_add_test (tcase, pushed_calls_run_also_when_closed);
  tcase_add_test (tcase, broken_pipe_does_not_end_the_process);
  tcase_add_test (tcase, closing_from_a_call_does_not_wait_for_itself);
  tcase_add_test (tcase, many_at_once);

  return suite;
}

MIG_TEST_MAIN (create_suite)
