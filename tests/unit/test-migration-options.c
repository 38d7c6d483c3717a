/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <math.h>

#include <libmig/mig-enum-types.h>

#include "mig-test.h"

#include "libmig/core/mig-value-private.h"
#include "libmig/model/mig-migration-options-private.h"
#include "libmig/model/mig-options-json-private.h"

/* Options of every type that there is. */
typedef struct
{
  GObject parent_instance;

  gboolean yes;
  gint64   count;
  double   seconds;
  char    *word;
  char   **words;
  int      mode;
} Sample;

typedef struct
{
  GObjectClass parent_class;
} SampleClass;

GType sample_get_type (void);

G_DEFINE_FINAL_TYPE (Sample, sample, G_TYPE_OBJECT)

static const MigField sample_fields[] = {
  { "yes", MIG_FIELD_BOOLEAN, G_STRUCT_OFFSET (Sample, yes), NULL, TRUE },
  { "count", MIG_FIELD_INT64, G_STRUCT_OFFSET (Sample, count), NULL, 5 },
  { "seconds", MIG_FIELD_DOUBLE, G_STRUCT_OFFSET (Sample, seconds), NULL, -1 },
  { "word", MIG_FIELD_STRING, G_STRUCT_OFFSET (Sample, word), NULL, 0 },
  { "words", MIG_FIELD_STRV, G_STRUCT_OFFSET (Sample, words), NULL, 0 },
  { "disk-mode", MIG_FIELD_ENUM, G_STRUCT_OFFSET (Sample, mode), mig_disk_mode_get_type, MIG_DISK_MODE_SHARED },
};

static void
sample_class_init (SampleClass *klass)
{
  mig_value_class_install_mutable (G_OBJECT_CLASS (klass), sample_fields, G_N_ELEMENTS (sample_fields));
}

static void
sample_init (Sample *self)
{
}

/* What must be refused, and a part of the message that names why. */
typedef struct
{
  const char *json;
  const char *message;
} BadRow;

static const BadRow bad_rows[] = {
  { "", "no end" },
  { "   ", "no end" },
  { "null", "no object or list" },
  { "3", "no object or list" },
  { "var x = {}", "no object or list" },
  { "[]", "must be an object, not a list" },
  { "{", "no end" },
  { "}", "never opened" },
  { "{}}", "after its end" },
  { "{} {}", "after its end" },
  { "{\"yes\" true}", "not JSON" },
  { "{\"yes\": yes}", "not JSON" },
  { "{/* why */}", "JSON does not have" },
  { "{'yes': true}", "JSON does not have" },
  { "{\"yes\": true,}", "not JSON" },
  { "{\"word\": \"a\nb\"}", "control character" },
  { "{\"word\": \"\xff\"}", "not UTF-8" },
  { "{\"no\": true}", "unknown key “no”" },
  { "{\"disk_mode\": \"copy\"}", "unknown key “disk_mode”" },
  { "{\"yes\": \"true\"}", "“yes” must be true or false, not a string" },
  { "{\"yes\": 1}", "“yes” must be true or false, not an integer" },
  { "{\"yes\": null}", "“yes” must be true or false, not null" },
  { "{\"count\": 1.5}", "“count” must be an integer, not a number with a fraction" },
  { "{\"count\": \"1\"}", "“count” must be an integer, not a string" },
  { "{\"count\": -2}", "“count” is out of range" },
  { "{\"seconds\": \"1\"}", "“seconds” must be a number, not a string" },
  { "{\"seconds\": true}", "“seconds” must be a number, not true or false" },
  { "{\"seconds\": -7}", "“seconds” is out of range" },
  { "{\"word\": 3}", "“word” must be a string, not an integer" },
  { "{\"word\": {}}", "“word” must be a string, not an object" },
  { "{\"words\": \"a\"}", "“words” must be a list of strings, not a string" },
  { "{\"words\": [\"a\", 1]}", "“words” must be a list of strings" },
  { "{\"disk-mode\": \"none\"}", "“disk-mode” must be one of auto, shared, copy, not “none”" },
  { "{\"disk-mode\": 1}", "“disk-mode” must be a string, not an integer" },
};

static void
refuses (int i)
{
  g_autoptr (GObject) options = g_object_new (sample_get_type (), NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (!mig_options_load_json (options, bad_rows[i].json, "sample", &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  ck_assert_msg (g_str_has_prefix (error->message, "sample: "), "%s", error->message);
  ck_assert_msg (strstr (error->message, bad_rows[i].message) != NULL, "“%s” is not in: %s", bad_rows[i].message,
                 error->message);
}

START_TEST (bad_json)
{
  refuses (_i);
}
END_TEST

START_TEST (deep_json)
{
  g_autoptr (GObject) options = g_object_new (sample_get_type (), NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *json = g_strnfill (60000, '[');

  ck_assert (!mig_options_load_json (options, json, "sample", &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST (long_json)
{
  g_autoptr (GObject) options = g_object_new (sample_get_type (), NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *spaces = g_strnfill (70000, ' ');
  g_autofree char *json = g_strconcat ("{", spaces, "}", NULL);

  ck_assert (!mig_options_load_json (options, json, "sample", &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  ck_assert_ptr_nonnull (strstr (error->message, "too many bytes"));
}
END_TEST

START_TEST (every_type)
{
  const char *json = "{\"yes\":false,\"count\":9007199254740993,\"seconds\":0.125,"
                     "\"word\":\"a \\\"b\\\" {\",\"words\":[\"x\",\"\"],\"disk-mode\":\"copy\"}";
  g_autoptr (GObject) options = g_object_new (sample_get_type (), NULL);
  g_autoptr (GObject) copy = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_autofree char *text_of_copy = NULL;
  Sample *sample = (Sample *) options;

  ck_assert (mig_options_load_json (options, json, "sample", &error));
  mig_assert_no_error (error);
  ck_assert (!sample->yes);
  ck_assert_int_eq (sample->count, G_GINT64_CONSTANT (9007199254740993));
  ck_assert (sample->seconds == 0.125);
  ck_assert_str_eq (sample->word, "a \"b\" {");
  ck_assert_uint_eq (g_strv_length (sample->words), 2);
  ck_assert_int_eq (sample->mode, MIG_DISK_MODE_COPY);

  text = mig_options_save_json (options);
  ck_assert_str_eq (text, json);

  copy = mig_options_copy (options);
  text_of_copy = mig_options_save_json (copy);
  ck_assert_str_eq (text_of_copy, json);
}
END_TEST

START_TEST (integer_as_number)
{
  g_autoptr (GObject) options = g_object_new (sample_get_type (), NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (mig_options_load_json (options, " {\"seconds\": 3} \n", "sample", &error));
  mig_assert_no_error (error);
  ck_assert (((Sample *) options)->seconds == 3);
}
END_TEST

START_TEST (defaults_are_left_out)
{
  g_autoptr (GObject) options = g_object_new (sample_get_type (), NULL);
  g_autofree char *text = mig_options_save_json (options);

  ck_assert_str_eq (text, "{}");
}
END_TEST

START_TEST (migration_defaults)
{
  g_autoptr (MigMigrationOptions) options = mig_migration_options_new ();
  g_autofree char *text = mig_migration_options_to_json (options);
  g_autoptr (GError) error = NULL;

  ck_assert_str_eq (text, "{}");
  ck_assert_int_eq (options->mode, MIG_MIGRATE_MODE_AUTO);
  ck_assert (options->max_downtime == -1);
  ck_assert (options->deadline == -1);
  ck_assert_int_eq (options->bandwidth, 0);
  ck_assert (mig_migration_options_validate (options, &error));
  mig_assert_no_error (error);
}
END_TEST

START_TEST (migration_round_trip)
{
  const char *json = "{\"mode\":\"direct\",\"disks\":\"copy\",\"unsafe\":true,\"max-downtime\":0.25,"
                     "\"keep-source-disks\":true,\"deadline\":60.5,\"post-copy\":true,\"throttle\":true,"
                     "\"bandwidth\":1048576}";
  g_autoptr (GError) error = NULL;
  g_autoptr (MigMigrationOptions) options = mig_migration_options_new_from_json (json, &error);
  g_autofree char *text = NULL;

  mig_assert_no_error (error);
  text = mig_migration_options_to_json (options);
  ck_assert_str_eq (text, json);
}
END_TEST

static const BadRow bad_options[] = {
  { "{\"max-downtime\": 0}", "“max-downtime”" },
  { "{\"max-downtime\": -0.5}", "“max-downtime”" },
  { "{\"max-downtime\": 2000.1}", "“max-downtime”" },
  { "{\"deadline\": 0}", "“deadline”" },
  { "{\"deadline\": 1e999}", "deadline" },
  { "{\"bandwidth\": -1}", "“bandwidth”" },
  { "{\"bandwidth\": 9223372036854775807}", "“bandwidth”" },
  { "{\"bandwidth\": 9223372036854775808}", "“bandwidth”" },
  { "{\"bandwidth\": 1e3}", "“bandwidth” must be an integer" },
  { "{\"mode\": \"p2p\"}", "“mode” must be one of auto, peer-to-peer, direct" },
  { "{\"disks\": true}", "“disks” must be a string, not true or false" },
  { "{\"max_downtime\": 1}", "unknown key “max_downtime”" },
};

START_TEST (migration_bad_options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigMigrationOptions) options = mig_migration_options_new_from_json (bad_options[_i].json, &error);

  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  ck_assert_ptr_null (options);
  ck_assert_msg (strstr (error->message, bad_options[_i].message) != NULL, "%s", error->message);
}
END_TEST

/* What JSON cannot say, a program can set. */
START_TEST (migration_not_a_number)
{
  g_autoptr (MigMigrationOptions) options = mig_migration_options_new ();
  g_autoptr (GError) error = NULL;

  options->deadline = NAN;
  ck_assert (!mig_migration_options_validate (options, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("migration-options");
  TCase *json = mig_test_add_case (suite, "json");
  TCase *options = mig_test_add_case (suite, "options");

  tcase_add_loop_test (json, bad_json, 0, G_N_ELEMENTS (bad_rows));
  tcase_add_test (json, deep_json);
  tcase_add_test (json, long_json);
  tcase_add_test (json, every_type);
  tcase_add_test (json, integer_as_number);
  tcase_add_test (json, defaults_are_left_out);
  tcase_add_test (options, migration_defaults);
  tcase_add_test (options, migration_round_trip);
  tcase_add_loop_test (options, migration_bad_options, 0, G_N_ELEMENTS (bad_options));
  tcase_add_test (options, migration_not_a_number);

  return suite;
}

MIG_TEST_MAIN (create_suite)
