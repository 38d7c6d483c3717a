/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/model/mig-swap-options-private.h"

#include <libmig/mig-error.h>

#include "mig-test.h"

#include "libmig/model/mig-options-json-private.h"

static const char all_json[] =
  "{\"reuse\":true,\"format\":\"qcow2\",\"bandwidth\":1048576,\"resize-to\":134217728,\"verify\":true,"
  "\"max-pause\":2.5,\"synchronous\":true,\"time-limit\":0.5,\"granularity\":65536}";

START_TEST (defaults)
{
  g_autoptr (MigSwapOptions) options = mig_swap_options_new ();
  g_autofree char *json = mig_swap_options_to_json (options);
  g_autoptr (GError) error = NULL;

  ck_assert_str_eq (json, "{}");
  ck_assert (!options->reuse && !options->verify && !options->synchronous);
  ck_assert_ptr_null (options->format);
  ck_assert_int_eq (options->bandwidth, 0);
  ck_assert_int_eq (options->resize_to, 0);
  ck_assert_int_eq (options->granularity, 0);
  ck_assert (options->time_limit == -1);
  ck_assert (options->max_pause == 10);
  ck_assert (mig_swap_options_validate (options, &error));
  mig_assert_no_error (error);
}
END_TEST

START_TEST (round_trip)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigSwapOptions) options = mig_swap_options_new_from_json (all_json, &error);
  g_autoptr (MigSwapOptions) copy = NULL;
  g_autofree char *json = NULL;

  mig_assert_no_error (error);
  ck_assert (options->reuse && options->verify && options->synchronous);
  ck_assert_str_eq (options->format, "qcow2");
  ck_assert_int_eq (options->bandwidth, 1048576);
  ck_assert_int_eq (options->resize_to, 134217728);
  ck_assert_int_eq (options->granularity, 65536);
  ck_assert (options->max_pause == 2.5);
  ck_assert (options->time_limit == 0.5);

  copy = mig_options_copy (options);
  json = mig_swap_options_to_json (copy);
  ck_assert_str_eq (json, all_json);
}
END_TEST

/* What must be refused, and the key that the message names. */
typedef struct
{
  const char *json;
  const char *key;
} BadRow;

static const BadRow bad_rows[] = {
  { "{\"shallow\":true}", "shallow" },
  { "{\"reuse\":1}", "reuse" },
  { "{\"format\":\"vmdk\"}", "format" },
  { "{\"format\":\"\"}", "format" },
  { "{\"bandwidth\":-1}", "bandwidth" },
  { "{\"bandwidth\":1125899906842625}", "bandwidth" },
  { "{\"bandwidth\":1.5}", "bandwidth" },
  { "{\"resize-to\":-1}", "resize-to" },
  { "{\"resize-to\":1000}", "resize-to" },
  { "{\"resize-to\":1152921504606847488}", "resize-to" },
  { "{\"max-pause\":0}", "max-pause" },
  { "{\"max-pause\":-1}", "max-pause" },
  { "{\"time-limit\":0}", "time-limit" },
  { "{\"time-limit\":-0.5}", "time-limit" },
  { "{\"granularity\":511}", "granularity" },
  { "{\"granularity\":256}", "granularity" },
  { "{\"granularity\":134217728}", "granularity" },
};

START_TEST (bad_json)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (mig_swap_options_new_from_json (bad_rows[_i].json, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  ck_assert_msg (g_str_has_prefix (error->message, "swap options: "), "%s", error->message);
  ck_assert_msg (strstr (error->message, bad_rows[_i].key) != NULL, "%s", error->message);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("swap-options");
  TCase *tcase = mig_test_add_case (suite, "options");

  tcase_add_test (tcase, defaults);
  tcase_add_test (tcase, round_trip);
  tcase_add_loop_test (tcase, bad_json, 0, G_N_ELEMENTS (bad_rows));

  return suite;
}

MIG_TEST_MAIN (create_suite)
