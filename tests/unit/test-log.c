/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "libmig/core/mig-log-private.h"

#include "mig-test.h"

/* What the writer was given last. */
static GLogLevelFlags seen_level;
static GHashTable *seen;

static GLogWriterOutput
remember (GLogLevelFlags   level,
          const GLogField *fields,
          gsize            n_fields,
          gpointer         user_data)
{
  seen_level = level;
  g_hash_table_remove_all (seen);
  for (gsize i = 0; i < n_fields; i++)
    g_hash_table_insert (seen, g_strdup (fields[i].key), g_strdup (fields[i].value));

  return G_LOG_WRITER_HANDLED;
}

static void
watch_log (void)
{
  seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  mig_test_set_log_writer (remember);
}

static void
forget_log (void)
{
  mig_test_set_log_writer (NULL);
  g_clear_pointer (&seen, g_hash_table_unref);
}

static const char *
field (const char *key)
{
  return g_hash_table_lookup (seen, key);
}

START_TEST (line_has_its_fields)
{
  const MigLogFields fields = {
    .message_id = MIG_LOG_ID_PHASE_CHANGED,
    .operation = "op-1",
    .step = "vm.migrate",
    .phase = "transfer",
    .domain = "guest",
  };

  mig_log_info (&fields, "%s %d", "text", 5);

  ck_assert_int_eq (seen_level, G_LOG_LEVEL_INFO);
  ck_assert_str_eq (field ("MESSAGE"), "text 5");
  ck_assert_str_eq (field ("MESSAGE_ID"), MIG_LOG_ID_PHASE_CHANGED);
  ck_assert_str_eq (field ("MIG_TASK_ID"), "op-1");
  ck_assert_str_eq (field ("MIG_STEP"), "vm.migrate");
  ck_assert_str_eq (field ("MIG_PHASE"), "transfer");
  ck_assert_str_eq (field ("MIG_DOMAIN"), "guest");
  ck_assert_str_eq (field ("GLIB_DOMAIN"), "Mig");
  ck_assert_str_eq (field ("CODE_FUNC"), G_STRFUNC);
  ck_assert_ptr_nonnull (strstr (field ("CODE_FILE"), "test-log.c"));
}
END_TEST

START_TEST (unknown_fields_are_left_out)
{
  const MigLogFields fields = { .step = "vm.migrate" };

  mig_log_debug (&fields, "text");
  ck_assert_str_eq (field ("MIG_STEP"), "vm.migrate");
  ck_assert_ptr_null (field ("MIG_TASK_ID"));
  ck_assert_ptr_null (field ("MESSAGE_ID"));

  mig_log_debug (NULL, "text");
  ck_assert_ptr_null (field ("MIG_STEP"));
}
END_TEST

START_TEST (level_has_its_priority)
{
  mig_log_debug (NULL, "text");
  ck_assert_str_eq (field ("PRIORITY"), "7");
  mig_log_info (NULL, "text");
  ck_assert_str_eq (field ("PRIORITY"), "6");
  mig_log_message (NULL, "text");
  ck_assert_str_eq (field ("PRIORITY"), "5");
  mig_log_warning (NULL, "text");
  ck_assert_str_eq (field ("PRIORITY"), "4");
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("log");
  TCase *tcase = mig_test_add_case (suite, "fields");

  tcase_add_checked_fixture (tcase, watch_log, forget_log);
  tcase_add_test (tcase, line_has_its_fields);
  tcase_add_test (tcase, unknown_fields_are_left_out);
  tcase_add_test (tcase, level_has_its_priority);

  return suite;
}

MIG_TEST_MAIN (create_suite)
