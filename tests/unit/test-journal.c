/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"

#include "libmig/core/mig-clock-private.h"
#include "libmig/saga/mig-journal-codec-private.h"

/* The form of records and lines in the store. The golden files were written by the first version: whatever can't be
 * read back exactly breaks the operations of people who upgrade. */

#define ID "2c70e12b-7a06-846f-8922-79f427c7b38e"
#define TIME G_GINT64_CONSTANT (1795175545123456) /* 2026-11-20T11:52:25.123456Z */

static char *
read_golden (const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("G_TEST_SRCDIR"), "data", "journal", name, NULL);
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  mig_assert_no_error (error);

  return g_strchomp (text);
}

static MigFacts *
make_facts (void)
{
  const char * const disks[] = { "vda", "vdb", NULL };
  MigFacts *facts = mig_facts_new ();

  mig_facts_set_string (facts, "source", "hosta");
  mig_facts_set_int (facts, "bytes", 9007199254740993);
  mig_facts_set_double (facts, "downtime", 0.25);
  mig_facts_set_double (facts, "whole", 2);
  mig_facts_set_boolean (facts, "paused", TRUE);
  mig_facts_set_strv (facts, "disks", disks);
  mig_facts_set_string (facts, "text", "“quotes” \"and\" \\ \n");

  return facts;
}

static MigOperationRecord *
make_record (void)
{
  MigOperationRecord *record = mig_operation_record_new (ID);
  const char * const debts[] = { "volumes.remove: no space", NULL };

  record->kind = g_strdup ("live-migration");
  record->revision = 3;
  record->key = g_strdup ("a key/with everything “in it”");
  record->subject = g_strdup ("g1");
  record->source = g_strdup ("hosta");
  record->destination = g_strdup ("hostb");
  record->phase = MIG_PHASE_FINISH;
  record->status = MIG_STATUS_POST_COPY;
  record->attempt = 2;
  record->owner = g_strdup ("controller.4711.89abcdef");
  record->epoch = 7;
  record->created = TIME;
  record->updated = TIME + 1;
  record->n_lines = 12;
  record->error = g_error_new_literal (MIG_ERROR, MIG_ERROR_TIMED_OUT, "too slow");
  record->debts = g_strdupv ((char **) debts);
  record->request = make_facts ();
  record->result = make_facts ();

  return record;
}

static MigJournalLine *
make_line (void)
{
  MigJournalLine *line = mig_journal_line_new (MIG_LINE_FAILED, "vm.migrate", 7);
  const char * const removed[] = { "attempted", NULL };

  line->number = 9;
  line->time = TIME;
  line->facts = make_facts ();
  line->removed = g_strdupv ((char **) removed);
  line->error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
  line->text = g_strdup ("raise the downtime limit");
  line->inputs = make_facts ();

  return line;
}

START_TEST (record_is_as_ever)
{
  g_autoptr (MigOperationRecord) record = make_record ();
  g_autofree char *golden = read_golden ("record.json");
  g_autofree char *text = mig_journal_encode_record (record);
  g_autoptr (GError) error = NULL;
  g_autoptr (MigOperationRecord) read = mig_journal_decode_record (ID, golden, &error);
  g_autofree char *again = NULL;

  mig_assert_no_error (error);
  ck_assert_str_eq (text, golden);
  again = mig_journal_encode_record (read);
  ck_assert_str_eq (again, golden);
  ck_assert (mig_facts_equal (read->request, record->request));
  ck_assert (g_error_matches (read->error, MIG_ERROR, MIG_ERROR_TIMED_OUT));
  ck_assert_int_eq (read->created, TIME);
}
END_TEST

START_TEST (line_is_as_ever)
{
  g_autoptr (MigJournalLine) line = make_line ();
  g_autofree char *golden = read_golden ("line.json");
  g_autofree char *text = mig_journal_encode_line (line);
  g_autoptr (GError) error = NULL;
  g_autoptr (MigJournalLine) read = mig_journal_decode_line ("op/x/journal/00000009", golden, &error);
  g_autofree char *again = NULL;

  mig_assert_no_error (error);
  ck_assert_str_eq (text, golden);
  again = mig_journal_encode_line (read);
  ck_assert_str_eq (again, golden);
  ck_assert (mig_facts_equal (read->facts, line->facts));
  ck_assert_str_eq (read->removed[0], "attempted");
}
END_TEST

#define LINE "\"v\":1,\"number\":1,\"epoch\":1,\"time\":\"2026-11-20T11:52:25.123456Z\",\"kind\":\"intent\""

static const struct
{
  const char *text;
  const char *named; /* in the message */
} wrong_lines[] = {
  { "", "not JSON" },
  { "[]", "object" },
  { "{" LINE, "not JSON" },
  { "{" LINE "} {}", "not JSON" },
  { "{" LINE ",\"colour\":1}", "colour" },
  { "{" LINE ",\"step\":1}", "step" },
  { "{" LINE ",\"facts\":[]}", "facts" },
  { "{" LINE ",\"facts\":{\"a\":{}}}", "a" },
  { "{" LINE ",\"facts\":{\"a\":[1]}}", "a" },
  { "{" LINE ",\"error\":{\"code\":1}}", "domain" },
  { "{" LINE ",\"error\":{\"domain\":\"d\",\"code\":\"x\"}}", "code" },
  { "{\"number\":1,\"epoch\":1,\"time\":\"2026-11-20T11:52:25.123456Z\",\"kind\":\"end\"}", "“v”" },
  { "{\"v\":2,\"news\":1}", "newer version" },
  { "{\"v\":1,\"number\":0,\"epoch\":1,\"time\":\"2026-11-20T11:52:25.123456Z\",\"kind\":\"end\"}", "number" },
  { "{\"v\":1,\"number\":1,\"epoch\":-1,\"time\":\"2026-11-20T11:52:25.123456Z\",\"kind\":\"end\"}", "epoch" },
  { "{\"v\":1,\"number\":1,\"epoch\":1,\"time\":\"yesterday\",\"kind\":\"end\"}", "time" },
  { "{\"v\":1,\"number\":1,\"epoch\":1,\"time\":\"2026-11-20T11:52:25.123456Z\",\"kind\":\"\"}", "kind" },
};

START_TEST (wrong_line_is_corrupt)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (mig_journal_decode_line ("op/x/journal/00000001", wrong_lines[_i].text, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
  ck_assert_ptr_nonnull (strstr (error->message, "op/x/journal/00000001"));
  ck_assert_msg (strstr (error->message, wrong_lines[_i].named) != NULL, "%s", error->message);
}
END_TEST

START_TEST (too_much_is_corrupt)
{
  g_autoptr (GString) deep = g_string_new ("{" LINE ",\"facts\":");
  g_autoptr (GString) long_one = g_string_new ("{" LINE ",\"text\":\"");
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 100; i++)
    g_string_append (deep, "[");
  for (int i = 0; i < 100; i++)
    g_string_append (deep, "]");
  g_string_append (deep, "}");
  ck_assert_ptr_null (mig_journal_decode_line ("key", deep->str, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
  g_clear_error (&error);

  for (int i = 0; i < 512 * 1024; i++)
    g_string_append_c (long_one, 'x');
  g_string_append (long_one, "\"}");
  ck_assert_ptr_null (mig_journal_decode_line ("key", long_one->str, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
}
END_TEST

START_TEST (unknown_words_are_corrupt)
{
  g_autofree char *golden = read_golden ("record.json");
  const char * const words[] = { "\"phase\":\"finish\"", "\"status\":\"post-copy\"" };
  g_auto (GStrv) parts = g_strsplit (golden, words[_i], 2);
  const char *odd = _i == 0 ? "\"phase\":\"teleport\"" : "\"status\":\"odd\"";
  g_autofree char *text = g_strjoin (odd, parts[0], parts[1], NULL);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (mig_journal_decode_record (ID, text, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
}
END_TEST

START_TEST (times_keep_microseconds)
{
  static const gint64 times[] = { 0, 1, 999999, 1000000, TIME, G_GINT64_CONSTANT (4102444799999999) };
  g_autofree char *text = mig_clock_format (times[_i]);
  gint64 time = -1;

  ck_assert (mig_clock_parse (text, &time));
  ck_assert_int_eq (time, times[_i]);
  text[strlen (text) - 1] = 'z';
  ck_assert (!mig_clock_parse (text, &time));
}
END_TEST

START_TEST (facts_are_typed)
{
  g_autoptr (MigFacts) facts = make_facts ();
  g_autoptr (MigFacts) copy = mig_facts_copy (facts);
  g_autoptr (GVariant) variant = mig_facts_to_variant (facts);
  g_autoptr (MigFacts) back = mig_facts_new_from_variant (variant);
  g_auto (GStrv) none = mig_facts_dup_strv (facts, "source");

  ck_assert (mig_facts_equal (facts, copy));
  ck_assert (mig_facts_equal (facts, back));
  ck_assert_ptr_null (mig_facts_get_string (facts, "bytes"));
  ck_assert_int_eq (mig_facts_get_int (facts, "source", -7), -7);
  ck_assert_int_eq (mig_facts_get_int (facts, "bytes", 0), 9007199254740993);
  ck_assert (mig_facts_get_double (copy, "downtime", -1) == 0.25);
  ck_assert (mig_facts_get_double (facts, "absent", 4.5) == 4.5);
  ck_assert_uint_eq (g_strv_length (none), 0);

  mig_facts_set_double (copy, "downtime", G_MAXDOUBLE * 10);
  ck_assert (!mig_facts_has (copy, "downtime"));
  mig_facts_set_string (copy, "source", NULL);
  ck_assert (!mig_facts_has (copy, "source"));
  ck_assert (!mig_facts_equal (facts, copy));
  mig_facts_set_string (copy, "text", "\xff");
  ck_assert (g_utf8_validate (mig_facts_get_string (copy, "text"), -1, NULL));
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("journal");
  TCase *tcase = mig_test_add_case (suite, "codec");

  tcase_add_test (tcase, record_is_as_ever);
  tcase_add_test (tcase, line_is_as_ever);
  tcase_add_loop_test (tcase, wrong_line_is_corrupt, 0, G_N_ELEMENTS (wrong_lines));
  tcase_add_test (tcase, too_much_is_corrupt);
  tcase_add_loop_test (tcase, unknown_words_are_corrupt, 0, 2);
  tcase_add_loop_test (tcase, times_keep_microseconds, 0, 6);
  tcase_add_test (tcase, facts_are_typed);

  return suite;
}

MIG_TEST_MAIN (create_suite)
