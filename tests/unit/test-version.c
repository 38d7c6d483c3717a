/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <libmig/mig.h>

#include "mig-test.h"

/* Each row differs from the running version by these amounts. */
static const struct
{
  int major, minor, micro;
  gboolean expected;
} version_rows[] = {
  { 0, 0, 0, TRUE },
  { 0, 0, 1, FALSE },
  { 0, 1, 0, FALSE },
  { 0, 1, -1, FALSE },
  { 1, 0, 0, FALSE },
  { 1, -1, -1, FALSE },
  { 0, -1, 1, TRUE },
  { 0, 0, -1, TRUE },
  { -1, 1, 1, TRUE },
};

START_TEST (library_is_at_least)
{
  int major = MIG_MAJOR_VERSION + version_rows[_i].major;
  int minor = MIG_MINOR_VERSION + version_rows[_i].minor;
  int micro = MIG_MICRO_VERSION + version_rows[_i].micro;

  /* There are no negative versions. */
  if (major < 0 || minor < 0 || micro < 0)
    return;

  ck_assert_int_eq (mig_check_version (major, minor, micro), version_rows[_i].expected);
  ck_assert_int_eq (MIG_CHECK_VERSION (major, minor, micro), version_rows[_i].expected);
}
END_TEST

START_TEST (library_is_of_the_headers)
{
  g_autofree char *text = g_strdup_printf ("%u.%u.%u", mig_get_major_version (), mig_get_minor_version (),
                                           mig_get_micro_version ());

  ck_assert_str_eq (text, MIG_VERSION_S);
  ck_assert_str_eq (text, PACKAGE_VERSION);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("version");
  TCase *tcase = mig_test_add_case (suite, "checks");

  tcase_add_loop_test (tcase, library_is_at_least, 0, G_N_ELEMENTS (version_rows));
  tcase_add_test (tcase, library_is_of_the_headers);

  return suite;
}

MIG_TEST_MAIN (create_suite)
