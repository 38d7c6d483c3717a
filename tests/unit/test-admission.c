/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"

#include "libmig/cluster/mig-admission-private.h"

static void
admit (gpointer data)
{
  guint *n = data;

  (*n)++;
}

START_TEST (without_limits)
{
  g_autoptr (MigAdmission) admission = mig_admission_new ();
  guint n = 0;

  for (int i = 0; i < 30; i++)
    mig_admission_enter (admission, "a", "b", admit, &n, NULL);

  ck_assert_uint_eq (n, 30);
}
END_TEST

START_TEST (each_limit_holds)
{
  static const MigLimits limits[] = { { 2, 0, 0 }, { 0, 2, 0 }, { 0, 0, 2 } };
  g_autoptr (MigAdmission) admission = mig_admission_new ();
  guint64 tickets[4];
  guint n[4] = { 0 };

  mig_admission_set_limits (admission, &limits[_i]);
  for (int i = 0; i < 4; i++)
    mig_admission_enter (admission, "a", "b", admit, &n[i], &tickets[i]);
  ck_assert_uint_eq (n[0] + n[1], 2);
  ck_assert_uint_eq (n[2] + n[3], 0);

  ck_assert (!mig_admission_leave (admission, tickets[0]));
  ck_assert_uint_eq (n[2], 1);
  ck_assert_uint_eq (n[3], 0);

  /* Out of the queue: never called. */
  ck_assert (mig_admission_leave (admission, tickets[3]));
  ck_assert (!mig_admission_leave (admission, tickets[1]));
  ck_assert (!mig_admission_leave (admission, tickets[2]));
  ck_assert_uint_eq (n[3], 0);
}
END_TEST

START_TEST (a_busy_host_holds_up_nobody_else)
{
  static const MigLimits limits = { 0, 1, 0 };
  g_autoptr (MigAdmission) admission = mig_admission_new ();
  guint first = 0, second = 0, other = 0;

  mig_admission_set_limits (admission, &limits);
  mig_admission_enter (admission, "a", "b", admit, &first, NULL);
  mig_admission_enter (admission, "a", "c", admit, &second, NULL);
  mig_admission_enter (admission, "b", "a", admit, &other, NULL);

  ck_assert_uint_eq (first, 1);
  ck_assert_uint_eq (second, 0);
  ck_assert_uint_eq (other, 1);
}
END_TEST

START_TEST (raised_limits_let_in)
{
  static const MigLimits narrow = { 1, 0, 0 }, wide = { 0, 0, 0 };
  g_autoptr (MigAdmission) admission = mig_admission_new ();
  guint n = 0;

  mig_admission_set_limits (admission, &narrow);
  for (int i = 0; i < 5; i++)
    mig_admission_enter (admission, NULL, NULL, admit, &n, NULL);
  ck_assert_uint_eq (n, 1);

  mig_admission_set_limits (admission, &wide);
  ck_assert_uint_eq (n, 5);
}
END_TEST

typedef struct
{
  MigAdmission *admission;
  guint64       ticket;
  guint         left;
} Chain;

/* Leaves while it is being admitted, which lets the next one in: calls are made without the lock. */
static void
admit_and_make_room (gpointer data)
{
  Chain *chain = data;

  chain->left++;
  if (chain->ticket != 0)
    mig_admission_leave (chain->admission, chain->ticket);
}

START_TEST (may_leave_from_the_call)
{
  static const MigLimits limits = { 1, 0, 0 };
  g_autoptr (MigAdmission) admission = mig_admission_new ();
  Chain chain = { admission, 0, 0 };
  guint n = 0;

  mig_admission_set_limits (admission, &limits);
  mig_admission_enter (admission, NULL, NULL, admit, &n, &chain.ticket);
  mig_admission_enter (admission, NULL, NULL, admit_and_make_room, &chain, NULL);
  mig_admission_leave (admission, chain.ticket);

  ck_assert_uint_eq (chain.left, 1);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("admission");
  TCase *tcase = mig_test_add_case (suite, "limits");

  tcase_add_test (tcase, without_limits);
  tcase_add_loop_test (tcase, each_limit_holds, 0, 3);
  tcase_add_test (tcase, a_busy_host_holds_up_nobody_else);
  tcase_add_test (tcase, raised_limits_let_in);
  tcase_add_test (tcase, may_leave_from_the_call);

  return suite;
}

MIG_TEST_MAIN (create_suite)
