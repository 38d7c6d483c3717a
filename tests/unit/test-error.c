/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <libmig/mig.h>

#include "mig-test.h"

/* The numbers are stored in journals and compared by programs: they are spelled out here a second time on purpose. */
static const struct
{
  int number;
  const char *nick;
} error_rows[] = {
  { 0, "failed" },
  { 1, "invalid-argument" },
  { 2, "not-found" },
  { 3, "not-supported" },
  { 4, "invalid-state" },
  { 5, "busy" },
  { 6, "conflict" },
  { 7, "incompatible" },
  { 8, "no-capacity" },
  { 9, "timed-out" },
  { 10, "not-converging" },
  { 11, "connection" },
  { 12, "outcome-unknown" },
  { 13, "corrupt" },
  { 14, "contract" },
  { 15, "rollback-failed" },
};

START_TEST (code_has_number_and_nick)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (MIG_TYPE_ERROR);
  GEnumValue *value = g_enum_get_value (klass, error_rows[_i].number);

  ck_assert_ptr_nonnull (value);
  ck_assert_str_eq (value->value_nick, error_rows[_i].nick);
}
END_TEST

START_TEST (no_other_codes)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (MIG_TYPE_ERROR);

  ck_assert_uint_eq (klass->n_values, G_N_ELEMENTS (error_rows));
}
END_TEST

START_TEST (domain_is_named)
{
  ck_assert_str_eq (g_quark_to_string (MIG_ERROR), "mig-error-quark");
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("error");
  TCase *tcase = mig_test_add_case (suite, "codes");

  tcase_add_loop_test (tcase, code_has_number_and_nick, 0, G_N_ELEMENTS (error_rows));
  tcase_add_test (tcase, no_other_codes);
  tcase_add_test (tcase, domain_is_named);

  return suite;
}

MIG_TEST_MAIN (create_suite)
