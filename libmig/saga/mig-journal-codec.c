/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-journal-codec-private.h"

#include <libmig/mig-enum-types.h>

#include <json-glib/json-glib.h>

#include "libmig/core/mig-clock-private.h"
#include "libmig/core/mig-json-reader-private.h"

#define MAX_TEXT (512 * 1024)
#define MAX_DOMAIN 64

static const char * const record_names[] = {
  "v",      "kind",  "revision", "key",     "subject", "source", "destination", "phase",   "status", "attempt",
  "owner",  "epoch", "created",  "updated", "lines",   "error",  "debts",       "request", "result", NULL,
};

static const char * const line_names[] = {
  "v", "number", "epoch", "time", "kind", "step", "facts", "error", "text", "inputs", NULL,
};

static const char * const holders_names[] = { "v", "holders", NULL };

static const char * const error_names[] = { "domain", "code", "message", NULL };

static void
add_string (JsonObject *object,
            const char *name,
            const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, name, value);
}

static void
add_strv (JsonObject         *object,
          const char         *name,
          const char * const *values)
{
  JsonArray *array;

  if (values == NULL || *values == NULL)
    return;

  array = json_array_new ();
  for (const char * const *value = values; *value != NULL; value++)
    json_array_add_string_element (array, *value);
  json_object_set_array_member (object, name, array);
}

static void
add_time (JsonObject *object,
          const char *name,
          gint64      time)
{
  g_autofree char *text = mig_clock_format (time);

  json_object_set_string_member (object, name, text);
}

static void
add_error (JsonObject   *object,
           const GError *error)
{
  JsonObject *member;
  g_autofree char *message = NULL;

  if (error == NULL)
    return;

  member = json_object_new ();
  message = g_utf8_make_valid (error->message, -1);
  json_object_set_string_member (member, "domain", g_quark_to_string (error->domain));
  json_object_set_int_member (member, "code", error->code);
  json_object_set_string_member (member, "message", message);
  json_object_set_object_member (object, "error", member);
}

static void
add_fact (JsonObject *object,
          const char *name,
          GVariant   *value)
{
  g_autofree const char **texts = NULL;
  JsonArray *array;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    json_object_set_string_member (object, name, g_variant_get_string (value, NULL));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    json_object_set_int_member (object, name, g_variant_get_int64 (value));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    json_object_set_double_member (object, name, g_variant_get_double (value));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    json_object_set_boolean_member (object, name, g_variant_get_boolean (value));
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY))
    return;

  array = json_array_new ();
  texts = g_variant_get_strv (value, NULL);
  for (const char **text = texts; *text != NULL; text++)
    json_array_add_string_element (array, *text);
  json_object_set_array_member (object, name, array);
}

static void
add_facts (JsonObject *object,
           const char *name,
           MigFacts   *facts,
           char      **removed)
{
  g_auto (GStrv) names = facts != NULL ? mig_facts_list_names (facts) : NULL;
  JsonObject *member;

  if ((names == NULL || *names == NULL) && (removed == NULL || *removed == NULL))
    return;

  member = json_object_new ();
  for (char **fact = names; fact != NULL && *fact != NULL; fact++)
    add_fact (member, *fact, mig_facts_get_variant (facts, *fact));
  for (char **fact = removed; fact != NULL && *fact != NULL; fact++)
    json_object_set_null_member (member, *fact);
  json_object_set_object_member (object, name, member);
}

static const char *
nick_of (GType type,
         int   value)
{
  GEnumClass *klass = g_type_class_ref (type); /* of a static type: never freed */
  GEnumValue *entry = g_enum_get_value (klass, value);

  g_type_class_unref (klass);

  return entry != NULL ? entry->value_nick : "?";
}

static char *
to_text (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  char *text = mig_json_to_text (node);

  json_object_unref (object);

  return text;
}

char *
mig_journal_encode_record (MigOperationRecord *record)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "v", MIG_JOURNAL_FORMAT);
  add_string (object, "kind", record->kind);
  json_object_set_int_member (object, "revision", record->revision);
  add_string (object, "key", record->key);
  add_string (object, "subject", record->subject);
  add_string (object, "source", record->source);
  add_string (object, "destination", record->destination);
  add_string (object, "phase", nick_of (MIG_TYPE_PHASE, record->phase));
  add_string (object, "status", nick_of (MIG_TYPE_STATUS, record->status));
  json_object_set_int_member (object, "attempt", record->attempt);
  add_string (object, "owner", record->owner);
  json_object_set_int_member (object, "epoch", (gint64) record->epoch);
  add_time (object, "created", record->created);
  add_time (object, "updated", record->updated);
  json_object_set_int_member (object, "lines", record->n_lines);
  add_error (object, record->error);
  add_strv (object, "debts", (const char * const *) record->debts);
  add_facts (object, "request", record->request, NULL);
  add_facts (object, "result", record->result, NULL);

  return to_text (object);
}

char *
mig_journal_encode_line (MigJournalLine *line)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "v", MIG_JOURNAL_FORMAT);
  json_object_set_int_member (object, "number", line->number);
  json_object_set_int_member (object, "epoch", (gint64) line->epoch);
  add_time (object, "time", line->time);
  add_string (object, "kind", line->kind);
  add_string (object, "step", line->step);
  add_facts (object, "facts", line->facts, line->removed);
  add_error (object, line->error);
  add_string (object, "text", line->text);
  add_facts (object, "inputs", line->inputs, NULL);

  return to_text (object);
}

char *
mig_journal_encode_holders (MigFacts *holders)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "v", MIG_JOURNAL_FORMAT);
  add_facts (object, "holders", holders, NULL);

  return to_text (object);
}

static gint64
read_time (MigJsonReader *reader,
           const char    *name)
{
  const char *text = mig_json_reader_need_string (reader, name);
  gint64 time = 0;

  if (!mig_clock_parse (text, &time))
    mig_json_reader_fail (reader, name, "is no time");

  return time;
}

static int
read_nick (MigJsonReader *reader,
           const char    *name,
           GType          type)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (type);
  GEnumValue *entry = g_enum_get_value_by_nick (klass, mig_json_reader_need_string (reader, name));

  if (entry == NULL)
    mig_json_reader_fail (reader, name, "is a word that this version does not know");

  return entry != NULL ? entry->value : 0;
}

static GError *
read_error (MigJsonReader *reader)
{
  JsonNode *node = mig_json_reader_member (reader, "error");
  g_autoptr (GError) wrong = NULL;
  MigJsonReader member;
  const char *domain, *message;
  gint64 code;

  if (node == NULL)
    return NULL;

  mig_json_reader_begin (&member, node, reader->code, reader->what, error_names);
  domain = mig_json_reader_need_string (&member, "domain");
  message = mig_json_reader_string (&member, "message");
  code = mig_json_reader_int (&member, "code", G_MININT, 0);
  if (strlen (domain) > MAX_DOMAIN)
    mig_json_reader_fail (&member, "domain", "is too long");
  if (!mig_json_reader_end (&member, &wrong))
    {
      mig_json_reader_fail (reader, "error", wrong->message);
      return NULL;
    }

  return g_error_new_literal (g_quark_from_string (domain), (int) code, message != NULL ? message : "");
}

static void
read_fact (MigJsonReader *facts_reader,
           const char    *name,
           JsonNode      *node,
           MigFacts      *facts,
           GPtrArray     *removed)
{
  if (JSON_NODE_HOLDS_NULL (node) && removed != NULL)
    g_ptr_array_add (removed, g_strdup (name));
  else if (JSON_NODE_HOLDS_ARRAY (node))
    {
      g_auto (GStrv) texts = mig_json_reader_strv (facts_reader, name);

      mig_facts_set_strv (facts, name, (const char * const *) texts);
    }
  else if (!JSON_NODE_HOLDS_VALUE (node))
    mig_json_reader_fail (facts_reader, name, "is of a kind that facts do not have");
  else if (json_node_get_value_type (node) == G_TYPE_STRING)
    mig_facts_set_string (facts, name, json_node_get_string (node));
  else if (json_node_get_value_type (node) == G_TYPE_INT64)
    mig_facts_set_int (facts, name, json_node_get_int (node));
  else if (json_node_get_value_type (node) == G_TYPE_DOUBLE)
    mig_facts_set_double (facts, name, json_node_get_double (node));
  else
    mig_facts_set_boolean (facts, name, json_node_get_boolean (node));
}

/* @removed, if it is not NULL, gets the names that have null. */
static MigFacts *
read_facts (MigJsonReader *reader,
            const char    *name,
            GPtrArray     *removed)
{
  JsonNode *node = mig_json_reader_member (reader, name);
  g_autoptr (MigFacts) facts = mig_facts_new ();
  g_autoptr (GError) wrong = NULL;
  MigJsonReader member;
  JsonObjectIter iter;
  const char *fact;
  JsonNode *value;

  if (node == NULL)
    return g_steal_pointer (&facts);

  mig_json_reader_begin (&member, node, reader->code, reader->what, NULL);
  if (member.object != NULL)
    {
      json_object_iter_init_ordered (&iter, member.object);
      while (json_object_iter_next_ordered (&iter, &fact, &value))
        read_fact (&member, fact, value, facts, removed);
    }
  if (!mig_json_reader_end (&member, &wrong))
    mig_json_reader_fail (reader, name, wrong->message);

  return g_steal_pointer (&facts);
}

static void
read_format (MigJsonReader *reader)
{
  gint64 format = mig_json_reader_int (reader, "v", 1, 0);

  if (format > MIG_JOURNAL_FORMAT)
    mig_json_reader_fail (reader, "v", "was written by a newer version");
  else if (format == 0)
    mig_json_reader_fail (reader, "v", "is missing");
}

/* The format number is looked at before anything else: a newer one may have other members. */
static gboolean
begin (MigJsonReader      *reader,
       JsonNode           *node,
       const char         *what,
       const char * const *names)
{
  g_autoptr (GError) wrong = NULL;

  mig_json_reader_begin (reader, node, MIG_ERROR_CORRUPT, what, NULL);
  read_format (reader);
  if (reader->error == NULL)
    mig_json_reader_begin (reader, node, MIG_ERROR_CORRUPT, what, names);

  return reader->error == NULL;
}

MigOperationRecord *
mig_journal_decode_record (const char *id,
                           const char *text,
                           GError    **error)
{
  g_autofree char *what = mig_operation_record_key (id);
  g_autoptr (JsonNode) node = mig_json_parse (text, MAX_TEXT, MIG_ERROR_CORRUPT, what, error);
  g_autoptr (MigOperationRecord) record = mig_operation_record_new (id);
  MigJsonReader reader;

  if (node == NULL)
    return NULL;

  begin (&reader, node, what, record_names);
  record->kind = g_strdup (mig_json_reader_need_string (&reader, "kind"));
  record->revision = (guint) mig_json_reader_int (&reader, "revision", 1, 0);
  record->key = g_strdup (mig_json_reader_need_string (&reader, "key"));
  record->subject = g_strdup (mig_json_reader_string (&reader, "subject"));
  record->source = g_strdup (mig_json_reader_string (&reader, "source"));
  record->destination = g_strdup (mig_json_reader_string (&reader, "destination"));
  record->phase = read_nick (&reader, "phase", MIG_TYPE_PHASE);
  record->status = read_nick (&reader, "status", MIG_TYPE_STATUS);
  record->attempt = (guint) mig_json_reader_int (&reader, "attempt", 1, 1);
  record->owner = g_strdup (mig_json_reader_string (&reader, "owner"));
  record->epoch = (guint64) mig_json_reader_int (&reader, "epoch", 1, 1);
  record->created = read_time (&reader, "created");
  record->updated = read_time (&reader, "updated");
  record->n_lines = (guint) mig_json_reader_int (&reader, "lines", 0, 0);
  record->error = read_error (&reader);
  record->debts = mig_json_reader_strv (&reader, "debts");
  record->request = read_facts (&reader, "request", NULL);
  record->result = mig_json_reader_member (&reader, "result") != NULL ? read_facts (&reader, "result", NULL) : NULL;

  return mig_json_reader_end (&reader, error) ? g_steal_pointer (&record) : NULL;
}

MigJournalLine *
mig_journal_decode_line (const char *key,
                         const char *text,
                         GError    **error)
{
  g_autoptr (JsonNode) node = mig_json_parse (text, MAX_TEXT, MIG_ERROR_CORRUPT, key, error);
  g_autoptr (MigJournalLine) line = g_new0 (MigJournalLine, 1);
  g_autoptr (GPtrArray) removed = g_ptr_array_new_with_free_func (g_free);
  MigJsonReader reader;

  if (node == NULL)
    return NULL;

  begin (&reader, node, key, line_names);
  line->number = (guint) mig_json_reader_int (&reader, "number", 1, 0);
  line->epoch = (guint64) mig_json_reader_int (&reader, "epoch", 1, 0);
  line->time = read_time (&reader, "time");
  line->kind = g_strdup (mig_json_reader_need_string (&reader, "kind"));
  line->step = g_strdup (mig_json_reader_string (&reader, "step"));
  line->facts = read_facts (&reader, "facts", removed);
  line->error = read_error (&reader);
  line->text = g_strdup (mig_json_reader_string (&reader, "text"));
  line->inputs = read_facts (&reader, "inputs", NULL);
  g_ptr_array_add (removed, NULL);
  line->removed = (char **) g_ptr_array_steal (removed, NULL);

  return mig_json_reader_end (&reader, error) ? g_steal_pointer (&line) : NULL;
}

MigFacts *
mig_journal_decode_holders (const char *key,
                            const char *text,
                            GError    **error)
{
  g_autoptr (JsonNode) node = mig_json_parse (text, MAX_TEXT, MIG_ERROR_CORRUPT, key, error);
  g_autoptr (MigFacts) holders = NULL;
  MigJsonReader reader;

  if (node == NULL)
    return NULL;

  begin (&reader, node, key, holders_names);
  holders = read_facts (&reader, "holders", NULL);

  return mig_json_reader_end (&reader, error) ? g_steal_pointer (&holders) : NULL;
}
