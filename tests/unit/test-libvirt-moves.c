/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <libmig/mig.h>

#include "libmig/drivers/libvirt/mig-libvirt-moves-private.h"

#include "mig-test.h"

/* A move on a thread of its own, which enters and reports. */
typedef struct
{
  MigLibvirtMoves *moves;
  const char      *domain;
  GCancellable    *cancellable;
  GThread         *thread;
  int              entered; /* atomic */
  int              ended;   /* atomic */
  GError          *error;
} Mover;

static gpointer
mover_main (gpointer data)
{
  Mover *mover = data;

  if (mig_libvirt_moves_enter (mover->moves, mover->domain, mover->cancellable, &mover->error))
    g_atomic_int_set (&mover->entered, TRUE);
  g_atomic_int_set (&mover->ended, TRUE);

  return NULL;
}

static void
mover_start (Mover           *mover,
             MigLibvirtMoves *moves,
             const char      *domain)
{
  mover->moves = moves;
  mover->domain = domain;
  mover->cancellable = g_cancellable_new ();
  mover->thread = g_thread_new (domain, mover_main, mover);
}

static void
mover_clear (Mover *mover)
{
  g_thread_join (mover->thread);
  g_object_unref (mover->cancellable);
  g_clear_error (&mover->error);
}

typedef struct
{
  MigLibvirtMoves *moves;
  guint            n;
} Count;

static gboolean
so_many_wait (gpointer data)
{
  Count *count = data;

  return mig_libvirt_moves_get_n_waiting (count->moves) == count->n;
}

static void
wait_for_waiting (MigLibvirtMoves *moves,
                  guint            n)
{
  Count count = { moves, n };

  mig_test_wait (NULL, so_many_wait, &count, 10);
}

START_TEST (only_so_many_enter)
{
  MigLibvirtMoves *moves = mig_libvirt_moves_new (2);
  Mover third = { 0 };

  ck_assert (mig_libvirt_moves_enter (moves, "a", NULL, NULL));
  ck_assert (mig_libvirt_moves_enter (moves, "b", NULL, NULL));
  mover_start (&third, moves, "c");
  wait_for_waiting (moves, 1);
  ck_assert (!g_atomic_int_get (&third.entered));

  mig_libvirt_moves_leave (moves, "a");
  mig_test_wait (NULL, mig_test_flag_is_set, &third.entered, 10);
  mover_clear (&third);
  mig_libvirt_moves_leave (moves, "b");
  mig_libvirt_moves_leave (moves, "c");
  ck_assert (!mig_libvirt_moves_is_inside (moves, "a", 0));
  mig_libvirt_moves_unref (moves);
}
END_TEST

/* Neither the limit nor those who came before hold up a post-copy that is taken up. */
START_TEST (some_enter_at_once)
{
  MigLibvirtMoves *moves = mig_libvirt_moves_new (1);
  Mover waiting = { 0 };

  ck_assert (mig_libvirt_moves_enter (moves, "a", NULL, NULL));
  mover_start (&waiting, moves, "b");
  wait_for_waiting (moves, 1);
  mig_libvirt_moves_enter_at_once (moves, "a"); /* whose first call has not returned yet */
  mig_libvirt_moves_enter_at_once (moves, "c");
  ck_assert (mig_libvirt_moves_is_inside (moves, "c", 0));

  /* And they count as much as others. */
  mig_libvirt_moves_leave (moves, "a");
  ck_assert (mig_libvirt_moves_is_inside (moves, "a", 0));
  mig_libvirt_moves_leave (moves, "a");
  ck_assert_uint_eq (mig_libvirt_moves_get_n_waiting (moves), 1);
  mig_libvirt_moves_leave (moves, "c");
  mig_test_wait (NULL, mig_test_flag_is_set, &waiting.entered, 10);
  mover_clear (&waiting);
  mig_libvirt_moves_leave (moves, "b");
  mig_libvirt_moves_unref (moves);
}
END_TEST

static void
on_audit (gpointer data)
{
  MigLibvirtMoves *moves = data;
  g_auto (GStrv) domains = mig_libvirt_moves_list_old (moves, 0.01);

  for (gsize i = 0; domains[i] != NULL; i++)
    mig_libvirt_moves_note (moves, domains[i], g_str_equal (domains[i], "moving"));
}

static gpointer
enter_with_audit (gpointer data)
{
  Mover *mover = data;

  if (mig_libvirt_moves_enter_full (mover->moves, mover->domain, 0.02, on_audit, mover->moves, mover->cancellable,
                                    &mover->error))
    g_atomic_int_set (&mover->entered, TRUE);

  return NULL;
}

/* Who comes all the time keeps nobody from finding out. */
START_TEST (audited_while_others_come_and_go)
{
  MigLibvirtMoves *moves = mig_libvirt_moves_new (1);
  Mover mover = { .moves = moves, .domain = "next", .cancellable = g_cancellable_new () };
  gint64 until = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  ck_assert (mig_libvirt_moves_enter (moves, "lost", NULL, NULL));
  mover.thread = g_thread_new ("next", enter_with_audit, &mover);
  while (!g_atomic_int_get (&mover.entered) && g_get_monotonic_time () < until)
    mig_libvirt_moves_withdraw (moves, "other");
  ck_assert (g_atomic_int_get (&mover.entered));
  mover_clear (&mover);

  mig_libvirt_moves_leave (moves, "lost");
  mig_libvirt_moves_leave (moves, "next");
  mig_libvirt_moves_unref (moves);
}
END_TEST

/* The call of one that is lost never returns, or much later. */
START_TEST (lost_moves_make_room)
{
  MigLibvirtMoves *moves = mig_libvirt_moves_new (2);
  Mover mover = { .moves = moves, .domain = "next", .cancellable = g_cancellable_new () };

  ck_assert (mig_libvirt_moves_enter (moves, "lost", NULL, NULL));
  ck_assert (mig_libvirt_moves_enter (moves, "moving", NULL, NULL));
  mover.thread = g_thread_new ("next", enter_with_audit, &mover);
  mig_test_wait (NULL, mig_test_flag_is_set, &mover.entered, 10);
  mover_clear (&mover);

  ck_assert (!mig_libvirt_moves_is_inside (moves, "lost", 0));
  ck_assert (mig_libvirt_moves_is_inside (moves, "moving", 0));
  mig_libvirt_moves_leave (moves, "lost");
  ck_assert (mig_libvirt_moves_is_inside (moves, "moving", 0) && mig_libvirt_moves_is_inside (moves, "next", 0));
  mig_libvirt_moves_leave (moves, "moving");
  mig_libvirt_moves_leave (moves, "next");
  mig_libvirt_moves_unref (moves);
}
END_TEST

START_TEST (one_miss_is_none)
{
  MigLibvirtMoves *moves = mig_libvirt_moves_new (1);

  ck_assert (mig_libvirt_moves_enter (moves, "a", NULL, NULL));
  mig_libvirt_moves_note (moves, "a", FALSE);
  mig_libvirt_moves_note (moves, "a", TRUE);
  mig_libvirt_moves_note (moves, "a", FALSE);
  ck_assert (mig_libvirt_moves_is_inside (moves, "a", 0));
  mig_libvirt_moves_note (moves, "a", FALSE);
  ck_assert (!mig_libvirt_moves_is_inside (moves, "a", 0));
  mig_libvirt_moves_leave (moves, "a");
  mig_libvirt_moves_unref (moves);
}
END_TEST

START_TEST (who_came_first_enters_first)
{
  static const char * const names[] = { "b", "c", "d", "e" };
  MigLibvirtMoves *moves = mig_libvirt_moves_new (1);
  Mover movers[G_N_ELEMENTS (names)] = { 0 };

  ck_assert (mig_libvirt_moves_enter (moves, "a", NULL, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      mover_start (&movers[i], moves, names[i]);
      wait_for_waiting (moves, (guint) i + 1);
    }

  mig_libvirt_moves_leave (moves, "a");
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      mig_test_wait (NULL, mig_test_flag_is_set, &movers[i].entered, 10);
      for (gsize j = i + 1; j < G_N_ELEMENTS (names); j++)
        ck_assert (!g_atomic_int_get (&movers[j].entered));
      mig_libvirt_moves_leave (moves, names[i]);
      mover_clear (&movers[i]);
    }
  mig_libvirt_moves_unref (moves);
}
END_TEST

START_TEST (waiting_is_withdrawn)
{
  MigLibvirtMoves *moves = mig_libvirt_moves_new (1);
  Mover mover = { 0 };

  ck_assert (mig_libvirt_moves_enter (moves, "a", NULL, NULL));
  mover_start (&mover, moves, "b");
  wait_for_waiting (moves, 1);

  ck_assert (!mig_libvirt_moves_withdraw (moves, "a"));
  ck_assert (!mig_libvirt_moves_withdraw (moves, "c"));
  ck_assert (mig_libvirt_moves_withdraw (moves, "b"));
  mig_test_wait (NULL, mig_test_flag_is_set, &mover.ended, 10);
  mig_assert_error (mover.error, MIG_ERROR, MIG_ERROR_FAILED);
  ck_assert (!mover.entered);
  mover_clear (&mover);
  ck_assert_uint_eq (mig_libvirt_moves_get_n_waiting (moves), 0);

  mig_libvirt_moves_leave (moves, "a");
  mig_libvirt_moves_unref (moves);
}
END_TEST

START_TEST (waiting_is_cancelled)
{
  MigLibvirtMoves *moves = mig_libvirt_moves_new (1);
  Mover mover = { 0 };

  ck_assert (mig_libvirt_moves_enter (moves, "a", NULL, NULL));
  mover_start (&mover, moves, "b");
  wait_for_waiting (moves, 1);
  g_cancellable_cancel (mover.cancellable);
  mig_test_wait (NULL, mig_test_flag_is_set, &mover.ended, 10);
  mig_assert_error (mover.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mover_clear (&mover);
  ck_assert_uint_eq (mig_libvirt_moves_get_n_waiting (moves), 0);

  mig_libvirt_moves_leave (moves, "a");
  mig_libvirt_moves_unref (moves);
}
END_TEST

START_TEST (a_higher_limit_lets_in_at_once)
{
  MigLibvirtMoves *moves = mig_libvirt_moves_new (1);
  Mover mover = { 0 };

  ck_assert (mig_libvirt_moves_enter (moves, "a", NULL, NULL));
  mover_start (&mover, moves, "b");
  wait_for_waiting (moves, 1);
  mig_libvirt_moves_set_max (moves, 2);
  mig_test_wait (NULL, mig_test_flag_is_set, &mover.entered, 10);
  mover_clear (&mover);

  /* The same domain twice is two moves. */
  mig_libvirt_moves_set_max (moves, 3);
  ck_assert (mig_libvirt_moves_enter (moves, "b", NULL, NULL));
  mig_libvirt_moves_leave (moves, "b");
  ck_assert (mig_libvirt_moves_is_inside (moves, "b", 0));
  mig_libvirt_moves_leave (moves, "b");
  mig_libvirt_moves_leave (moves, "a");
  mig_libvirt_moves_unref (moves);
}
END_TEST

static gpointer
leave_soon (gpointer moves)
{
  mig_libvirt_moves_leave (moves, "a");

  return NULL;
}

START_TEST (waits_for_one_to_leave)
{
  MigLibvirtMoves *moves = mig_libvirt_moves_new (1);
  GThread *thread;

  ck_assert (mig_libvirt_moves_enter (moves, "a", NULL, NULL));
  ck_assert (mig_libvirt_moves_is_inside (moves, "a", 0.02));
  thread = g_thread_new (NULL, leave_soon, moves);
  ck_assert (!mig_libvirt_moves_is_inside (moves, "a", 10));
  g_thread_join (thread);
  mig_libvirt_moves_unref (moves);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-moves");
  TCase *tcase = mig_test_add_case (suite, "moves");

  tcase_add_test (tcase, only_so_many_enter);
  tcase_add_test (tcase, lost_moves_make_room);
  tcase_add_test (tcase, audited_while_others_come_and_go);
  tcase_add_test (tcase, some_enter_at_once);
  tcase_add_test (tcase, one_miss_is_none);
  tcase_add_test (tcase, who_came_first_enters_first);
  tcase_add_test (tcase, waiting_is_withdrawn);
  tcase_add_test (tcase, waiting_is_cancelled);
  tcase_add_test (tcase, a_higher_limit_lets_in_at_once);
  tcase_add_test (tcase, waits_for_one_to_leave);

  return suite;
}

MIG_TEST_MAIN (create_suite)
