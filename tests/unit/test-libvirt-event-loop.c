/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libmig/mig.h>
#include <libvirt/libvirt.h>

#include "libmig/drivers/libvirt/mig-libvirt-event-loop-private.h"

#include "mig-test.h"

/* Each test is a process of its own, and needs that: a loop is registered for good. */

typedef struct
{
  int n_calls; /* atomic */
  int events;  /* atomic */
  int n_freed; /* atomic */
  int remove;  /* atomic: remove it from within the callback */
} Witness;

static void
start (void)
{
  g_autoptr (GError) error = NULL;

  ck_assert (mig_libvirt_start_event_thread (&error));
  mig_assert_no_error (error);
  /* The loop's own descriptor stays. */
  mig_test_settle_descriptors ();
}

static void
on_handle (int   watch,
           int   fd,
           int   events,
           void *data)
{
  Witness *witness = data;
  char byte;

  if ((events & VIR_EVENT_HANDLE_READABLE) != 0)
    ck_assert_int_eq (read (fd, &byte, 1), 1);
  g_atomic_int_or ((guint *) &witness->events, (guint) events);
  if (g_atomic_int_get (&witness->remove))
    ck_assert_int_eq (virEventRemoveHandle (watch), 0);
  g_atomic_int_inc (&witness->n_calls);
}

static void
on_timeout (int   timer,
            void *data)
{
  Witness *witness = data;

  g_atomic_int_inc (&witness->n_calls);
}

static void
on_free (void *data)
{
  Witness *witness = data;

  g_atomic_int_inc (&witness->n_freed);
}

static gboolean
was_called_thrice (gpointer data)
{
  Witness *witness = data;

  return g_atomic_int_get (&witness->n_calls) >= 3;
}

START_TEST (nothing_turns_by_itself)
{
  ck_assert (!mig_libvirt_event_loop_turns ());
}
END_TEST

START_TEST (thread_turns)
{
  start ();
  ck_assert (mig_libvirt_event_loop_turns ());
  ck_assert (mig_libvirt_start_event_thread (NULL));
  ck_assert (mig_libvirt_event_loop_turns ());
}
END_TEST

START_TEST (other_loop_is_left_alone)
{
  g_autoptr (GError) error = NULL;
  gint64 began = g_get_monotonic_time ();

  ck_assert_int_eq (virEventRegisterDefaultImpl (), 0);
  mig_test_settle_descriptors ();
  ck_assert (!mig_libvirt_start_event_thread (&error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);

  /* Nobody turns it: that takes a second to find out, and then is known for a while. */
  ck_assert (!mig_libvirt_event_loop_turns ());
  ck_assert_int_ge (g_get_monotonic_time () - began, G_USEC_PER_SEC);
  began = g_get_monotonic_time ();
  ck_assert (!mig_libvirt_event_loop_turns ());
  ck_assert_int_lt (g_get_monotonic_time () - began, G_USEC_PER_SEC / 2);
}
END_TEST

static gpointer
ask (gpointer data)
{
  int *answer = data;

  g_atomic_int_set (answer, mig_libvirt_event_loop_turns () ? 1 : 2);

  return NULL;
}

START_TEST (other_loop_that_turns_counts)
{
  GThread *thread;
  int answer = 0;

  ck_assert_int_eq (virEventRegisterDefaultImpl (), 0);
  mig_test_settle_descriptors ();
  thread = g_thread_new (NULL, ask, &answer);
  /* libvirt's implementation runs in the default context. */
  mig_test_wait (NULL, mig_test_flag_is_set, &answer, 10);
  ck_assert_int_eq (answer, 1);
  g_thread_join (thread);
}
END_TEST

START_TEST (descriptors_are_watched)
{
  Witness witness = { 0 };
  int ends[2], watch;

  start ();
  ck_assert_int_eq (pipe2 (ends, O_CLOEXEC), 0);
  watch = virEventAddHandle (ends[0], VIR_EVENT_HANDLE_READABLE, on_handle, &witness, on_free);
  ck_assert_int_gt (watch, 0);
  ck_assert_int_eq (write (ends[1], "x", 1), 1);
  mig_test_wait (NULL, mig_test_flag_is_set, &witness.n_calls, 10);
  ck_assert_int_eq (witness.events, VIR_EVENT_HANDLE_READABLE);

  /* Watched for nothing, not even for the other end going away; then again. */
  virEventUpdateHandle (watch, 0);
  close (ends[1]);
  g_atomic_int_set (&witness.n_calls, 0);
  g_atomic_int_set (&witness.events, 0);
  g_atomic_int_set (&witness.remove, TRUE);
  virEventUpdateHandle (watch, VIR_EVENT_HANDLE_HANGUP);
  mig_test_wait (NULL, mig_test_flag_is_set, &witness.n_freed, 10);
  ck_assert_int_eq (witness.n_calls, 1);
  ck_assert_int_eq (witness.events, VIR_EVENT_HANDLE_HANGUP);
  ck_assert_int_eq (virEventRemoveHandle (watch), -1);
  close (ends[0]);
}
END_TEST

START_TEST (timers_repeat_and_rest)
{
  Witness witness = { 0 };
  Witness other = { 0 };
  int timer, proof;

  start ();
  timer = virEventAddTimeout (-1, on_timeout, &witness, on_free);
  ck_assert_int_gt (timer, 0);
  virEventUpdateTimeout (timer, 1);
  mig_test_wait (NULL, was_called_thrice, &witness, 10);

  virEventRemoveTimeout (timer);
  mig_test_wait (NULL, mig_test_flag_is_set, &witness.n_freed, 10);
  g_atomic_int_set (&witness.n_calls, 0);
  /* The loop goes round, and the removed one stays silent. */
  proof = virEventAddTimeout (0, on_timeout, &other, NULL);
  mig_test_wait (NULL, was_called_thrice, &other, 10);
  virEventRemoveTimeout (proof);
  ck_assert_int_eq (witness.n_calls, 0);
  ck_assert_int_eq (witness.n_freed, 1);
}
END_TEST

START_TEST (removing_does_not_free_at_once)
{
  Witness witness = { 0 };
  int timer;

  start ();
  timer = virEventAddTimeout (-1, on_timeout, &witness, on_free);
  ck_assert_int_eq (virEventRemoveTimeout (timer), 0);
  mig_test_wait (NULL, mig_test_flag_is_set, &witness.n_freed, 10);
  ck_assert_int_eq (virEventRemoveTimeout (timer), -1);
  virEventUpdateTimeout (timer, 1);
  ck_assert (mig_libvirt_event_loop_turns ());
  ck_assert_int_eq (witness.n_calls, 0);
}
END_TEST

START_TEST (forked_child_is_told)
{
  int status;
  pid_t child;

  start ();
  child = fork ();
  if (child == 0)
    {
      g_autoptr (GError) error = NULL;
      gboolean started = mig_libvirt_start_event_thread (&error);

      _exit (!started && g_error_matches (error, MIG_ERROR, MIG_ERROR_INVALID_STATE) ? 0 : 1);
    }
  ck_assert_int_gt (child, 0);
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert_int_eq (status, 0);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-event-loop");
  TCase *tcase = mig_test_add_case (suite, "loop");

  tcase_add_test (tcase, nothing_turns_by_itself);
  tcase_add_test (tcase, thread_turns);
  tcase_add_test (tcase, other_loop_is_left_alone);
  tcase_add_test (tcase, other_loop_that_turns_counts);
  tcase_add_test (tcase, descriptors_are_watched);
  tcase_add_test (tcase, timers_repeat_and_rest);
  tcase_add_test (tcase, removing_does_not_free_at_once);
  tcase_add_test (tcase, forked_child_is_told);

  return suite;
}

MIG_TEST_MAIN (create_suite)
