/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"

#include <sys/resource.h>
#include <unistd.h>

#include <libmig/mig-error.h>

#include "libmig/core/mig-call-private.h"

/* A call that returns when it is let go, or cancelled. */
typedef struct
{
  MigWaiter *gate;
  gint       open;
  gint       freed;
} Gate;

static gboolean
pass_gate (gpointer       data,
           GCancellable  *cancellable,
           GError       **error)
{
  Gate *gate = data;

  while (g_atomic_int_get (&gate->open) == 0)
    {
      guint64 ticket = mig_waiter_ticket (gate->gate);

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (g_atomic_int_get (&gate->open) == 0)
        mig_waiter_wait (gate->gate, ticket, -1, cancellable);
    }

  return TRUE;
}

static void
note_freed (gpointer data)
{
  Gate *gate = data;

  g_atomic_int_set (&gate->freed, 1);
}

static void
open_gate (Gate *gate)
{
  g_atomic_int_set (&gate->open, 1);
  mig_waiter_wake (gate->gate);
}

START_TEST (returns)
{
  g_autoptr (MigWaiter) door = mig_waiter_new ();
  g_autoptr (MigWaiter) waiter = mig_waiter_new ();
  Gate gate = { door, 0, 0 };
  g_autoptr (MigCall) call = mig_call_start ("test", pass_gate, &gate, note_freed, waiter);
  g_autoptr (GError) error = NULL;
  guint64 ticket = mig_waiter_ticket (waiter);

  ck_assert (!mig_call_has_returned (call));
  ck_assert (!mig_call_get_result (call, &error));
  ck_assert_ptr_null (error);

  open_gate (&gate);
  ck_assert (mig_waiter_wait (waiter, ticket, g_get_monotonic_time () + 10 * G_USEC_PER_SEC, NULL));
  ck_assert (mig_call_has_returned (call));
  ck_assert (mig_call_get_result (call, &error));
  mig_assert_no_error (error);
  ck_assert_int_eq (gate.freed, 1);
}
END_TEST

START_TEST (fails)
{
  g_autoptr (MigWaiter) door = mig_waiter_new ();
  g_autoptr (MigWaiter) waiter = mig_waiter_new ();
  Gate gate = { door, 0, 0 };
  g_autoptr (MigCall) call = mig_call_start ("test", pass_gate, &gate, NULL, waiter);
  guint64 ticket = mig_waiter_ticket (waiter);

  mig_call_cancel (call);
  ck_assert (mig_waiter_wait (waiter, ticket, g_get_monotonic_time () + 10 * G_USEC_PER_SEC, NULL));
  /* As often as one likes. */
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;

      ck_assert (!mig_call_get_result (call, &error));
      mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
}
END_TEST

/* Nobody waits any more: the call goes on, and frees what it has. */
START_TEST (abandoned)
{
  g_autoptr (MigWaiter) door = mig_waiter_new ();
  g_autoptr (MigWaiter) waiter = mig_waiter_new ();
  Gate gate = { door, 0, 0 };
  MigCall *call = mig_call_start ("test", pass_gate, &gate, note_freed, waiter);

  mig_call_unref (call);
  ck_assert_int_eq (g_atomic_int_get (&gate.freed), 0);
  open_gate (&gate);
  mig_test_wait (NULL, mig_test_flag_is_set, &gate.freed, 10);
}
END_TEST

/* In a process whose memory may be limited: not that of the other tests, and without a tool that needs room itself. */
static gboolean
is_alone (void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return FALSE;
#else
  return g_strcmp0 (g_getenv ("CK_FORK"), "no") != 0;
#endif
}

/* The stack of a thread does not fit any more. */
static void
allow_no_thread (void)
{
  struct rlimit limit = { 0, 0 };
  g_autofree char *text = NULL;

  ck_assert (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  limit.rlim_cur = limit.rlim_max = g_ascii_strtoull (text, NULL, 10) * (guint64) sysconf (_SC_PAGESIZE) + (1 << 20);
  ck_assert_int_eq (setrlimit (RLIMIT_AS, &limit), 0);
}

START_TEST (no_thread)
{
  g_autoptr (MigWaiter) door = mig_waiter_new ();
  g_autoptr (MigWaiter) waiter = mig_waiter_new ();
  Gate gate = { door, 0, 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (MigCall) call = NULL;
  guint64 ticket = mig_waiter_ticket (waiter);

  allow_no_thread ();
  call = mig_call_start ("test", pass_gate, &gate, note_freed, waiter);
  ck_assert (mig_call_has_returned (call));
  ck_assert (!mig_call_get_result (call, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_int_eq (gate.freed, 1);
  ck_assert_uint_ne (mig_waiter_ticket (waiter), ticket);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("call");
  TCase *tcase = mig_test_add_case (suite, "call");

  tcase_add_test (tcase, returns);
  tcase_add_test (tcase, fails);
  tcase_add_test (tcase, abandoned);
  if (is_alone ())
    tcase_add_test (tcase, no_thread);

  return suite;
}

MIG_TEST_MAIN (create_suite)
