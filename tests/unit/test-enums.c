/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <libmig/mig.h>

#include "mig-test.h"

/* Numbers and nicks are in journals and in the output of programs: they are spelled out here a second time on purpose,
 * in the order of their numbers. */
static const char *const phases[] = {
  "none", "check", "schedule", "prepare", "transfer", "switchover", "finish", "rollback", "done", NULL,
};

static const char *const statuses[] = {
  "accepted", "queued", "preparing", "running", "post-copy", "recovering", "completed", "cancelled", "failed", "error",
  NULL,
};

static const struct
{
  const char *name;
  GType (*get_type) (void);
  const char *const *nicks;
} enum_rows[] = {
  { "MigPhase", mig_phase_get_type, phases },
  { "MigStatus", mig_status_get_type, statuses },
};

START_TEST (numbers_and_nicks_are_fixed)
{
  GType type = enum_rows[_i].get_type ();
  g_autoptr (GEnumClass) klass = g_type_class_ref (type);
  const char *const *nicks = enum_rows[_i].nicks;

  ck_assert_str_eq (g_type_name (type), enum_rows[_i].name);
  ck_assert_uint_eq (klass->n_values, g_strv_length ((char **) nicks));

  for (int number = 0; nicks[number] != NULL; number++)
    {
      GEnumValue *value = g_enum_get_value (klass, number);

      ck_assert_ptr_nonnull (value);
      ck_assert_str_eq (value->value_nick, nicks[number]);
    }
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("enums");
  TCase *tcase = mig_test_add_case (suite, "values");

  tcase_add_loop_test (tcase, numbers_and_nicks_are_fixed, 0, G_N_ELEMENTS (enum_rows));

  return suite;
}

MIG_TEST_MAIN (create_suite)
