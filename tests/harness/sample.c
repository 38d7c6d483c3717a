/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tests that must fail, each in its own way, and some that must pass: test-harness.py looks at the results. The names
 * say which is which. */

#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <libmig/mig.h>

#include "mig-test.h"

static int inherited = -1;

static void
open_one (void)
{
  inherited = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  mig_test_settle_descriptors ();
}

static gboolean
never (gpointer user_data)
{
  return FALSE;
}

static gpointer
set_flag (gpointer user_data)
{
  g_atomic_int_set ((gint *) user_data, 1);
  return NULL;
}

START_TEST (passes_without_touching_anything)
{
  ck_assert_int_ne (inherited, -1);
}
END_TEST

START_TEST (passes_waiting_for_a_thread)
{
  gint flag = 0;
  GThread *thread = g_thread_new ("flag", set_flag, &flag);

  mig_test_wait (NULL, mig_test_flag_is_set, &flag, 10);
  g_thread_join (thread);
}
END_TEST

START_TEST (passes_with_the_right_error)
{
  g_autoptr (GError) error = g_error_new_literal (MIG_ERROR, MIG_ERROR_BUSY, "busy");

  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  mig_assert_no_error (NULL);
}
END_TEST

START_TEST (passes_removing_its_directory)
{
  g_autofree char *path = mig_test_make_directory ();
  g_autofree char *inner = g_build_filename (path, "a", "b", NULL);
  g_autofree char *file = g_build_filename (inner, "c", NULL);

  ck_assert_int_eq (g_mkdir_with_parents (inner, 0700), 0);
  ck_assert (g_file_set_contents (file, "text", -1, NULL));
  mig_test_remove_directory (path);
  ck_assert (!g_file_test (path, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST (fails_leaving_a_descriptor)
{
  ck_assert_int_ne (open ("/dev/zero", O_RDONLY | O_CLOEXEC), -1);
}
END_TEST

START_TEST (fails_closing_a_descriptor)
{
  close (inherited);
}
END_TEST

START_TEST (fails_waiting_too_long)
{
  mig_test_wait (NULL, never, NULL, 0.05);
}
END_TEST

START_TEST (fails_with_an_error)
{
  g_autoptr (GError) error = g_error_new_literal (MIG_ERROR, MIG_ERROR_BUSY, "busy");

  mig_assert_no_error (error);
}
END_TEST

START_TEST (fails_with_another_error)
{
  g_autoptr (GError) error = g_error_new_literal (MIG_ERROR, MIG_ERROR_BUSY, "busy");

  mig_assert_error (error, MIG_ERROR, MIG_ERROR_FAILED);
}
END_TEST

START_TEST (fails_without_an_error)
{
  mig_assert_error (NULL, MIG_ERROR, MIG_ERROR_FAILED);
}
END_TEST

START_TEST (fails_by_a_critical)
{
  g_return_if_fail (inherited == -1);
}
END_TEST

START_TEST (fails_by_a_crash)
{
  abort ();
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("sample");
  TCase *tcase = mig_test_add_case (suite, "all");

  tcase_add_checked_fixture (tcase, open_one, NULL);
  tcase_add_test (tcase, passes_without_touching_anything);
  tcase_add_test (tcase, passes_waiting_for_a_thread);
  tcase_add_test (tcase, passes_with_the_right_error);
  tcase_add_test (tcase, passes_removing_its_directory);
  tcase_add_test (tcase, fails_leaving_a_descriptor);
  tcase_add_test (tcase, fails_closing_a_descriptor);
  tcase_add_test (tcase, fails_waiting_too_long);
  tcase_add_test (tcase, fails_with_an_error);
  tcase_add_test (tcase, fails_with_another_error);
  tcase_add_test (tcase, fails_without_an_error);
  tcase_add_test (tcase, fails_by_a_critical);
  tcase_add_test (tcase, fails_by_a_crash);

  return suite;
}

static const char *
requirement (void)
{
  return g_getenv ("MIG_SAMPLE_SKIP");
}

MIG_TEST_MAIN_IF (create_suite, requirement)
