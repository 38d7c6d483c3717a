/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mig-cli.h"

/* One line of JSON. json-glib's own writer gives every number with a fraction 17 digits. */

static void
append_double (GString *text,
               double   value)
{
  static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };
  char digits[G_ASCII_DTOSTR_BUF_SIZE];
  guint i = 0;

  do
    g_ascii_formatd (digits, sizeof digits, formats[i++], value);
  while (i < G_N_ELEMENTS (formats) && g_ascii_strtod (digits, NULL) != value);

  g_string_append (text, digits);
  if (strpbrk (digits, ".e") == NULL)
    g_string_append (text, ".0");
}

static void
append_string (GString    *text,
               const char *value)
{
  g_autofree char *valid = g_utf8_make_valid (value, -1); /* a path need not be */
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (), valid);
  g_autofree char *quoted = json_to_string (node, FALSE);

  g_string_append (text, quoted);
}

static void
append_node (GString  *text,
             JsonNode *node)
{
  const char *separator = "";

  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      JsonObjectIter iter;
      const char *name;
      JsonNode *value;

      g_string_append_c (text, '{');
      json_object_iter_init_ordered (&iter, json_node_get_object (node));
      while (json_object_iter_next_ordered (&iter, &name, &value))
        {
          g_string_append (text, separator);
          append_string (text, name);
          g_string_append_c (text, ':');
          append_node (text, value);
          separator = ",";
        }
      g_string_append_c (text, '}');
    }
  else if (JSON_NODE_HOLDS_ARRAY (node))
    {
      JsonArray *array = json_node_get_array (node);

      g_string_append_c (text, '[');
      for (guint i = 0; i < json_array_get_length (array); i++)
        {
          g_string_append (text, i > 0 ? "," : "");
          append_node (text, json_array_get_element (array, i));
        }
      g_string_append_c (text, ']');
    }
  else if (JSON_NODE_HOLDS_NULL (node))
    g_string_append (text, "null");
  else if (json_node_get_value_type (node) == G_TYPE_STRING)
    append_string (text, json_node_get_string (node));
  else if (json_node_get_value_type (node) == G_TYPE_DOUBLE)
    append_double (text, json_node_get_double (node));
  else if (json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    g_string_append (text, json_node_get_boolean (node) ? "true" : "false");
  else
    g_string_append_printf (text, "%" G_GINT64_FORMAT, json_node_get_int (node));
}

char *
json_line (JsonObject *object)
{
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);
  GString *text = g_string_new (NULL);

  append_node (text, root);

  return g_string_free (text, FALSE);
}

void
set_text (JsonObject *object,
          const char *name,
          const char *text)
{
  if (text != NULL)
    json_object_set_string_member (object, name, text);
  else
    json_object_set_null_member (object, name);
}

void
set_texts (JsonObject        *object,
           const char        *name,
           const char *const *texts)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; texts != NULL && texts[i] != NULL; i++)
    json_array_add_string_element (array, texts[i]);
  json_object_set_array_member (object, name, array);
}

void
set_bytes (JsonObject *object,
           const char *name,
           gint64      value)
{
  if (value >= 0)
    json_object_set_int_member (object, name, value);
  else
    json_object_set_null_member (object, name);
}

void
set_number (JsonObject *object,
            const char *name,
            double      value)
{
  if (value >= 0)
    json_object_set_double_member (object, name, value);
  else
    json_object_set_null_member (object, name);
}

void
set_time (JsonObject *object,
          const char *name,
          gint64      micros)
{
  g_autoptr (GDateTime) time = micros >= 0 ? g_date_time_new_from_unix_utc (micros / G_USEC_PER_SEC) : NULL;
  g_autofree char *seconds = time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%S") : NULL;
  g_autofree char *text = NULL;

  if (seconds != NULL)
    text = g_strdup_printf ("%s.%06dZ", seconds, (int) (micros % G_USEC_PER_SEC));
  set_text (object, name, text);
}

/* The nick, where the domain has nicks. */
static void
set_code (JsonObject *object,
          const char *domain,
          int         code)
{
  if (g_str_equal (domain, g_quark_to_string (MIG_ERROR)))
    json_object_set_string_member (object, "code", enum_nick (MIG_TYPE_ERROR, code));
  else if (g_str_equal (domain, g_quark_to_string (G_IO_ERROR)))
    json_object_set_string_member (object, "code", enum_nick (G_TYPE_IO_ERROR_ENUM, code));
  else
    json_object_set_int_member (object, "code", code);
}

void
set_error (JsonObject   *object,
           const GError *error)
{
  JsonObject *member;

  if (error == NULL)
    {
      json_object_set_null_member (object, "error");
      return;
    }

  member = json_object_new ();
  json_object_set_string_member (member, "domain", g_quark_to_string (error->domain));
  set_code (member, g_quark_to_string (error->domain), error->code);
  json_object_set_string_member (member, "message", error->message);
  json_object_set_object_member (object, "error", member);
}

/* An error that came out of a store: its code is a number there. */
void
name_code (JsonObject *error)
{
  gint64 code = json_object_get_int_member_with_default (error, "code", 0);

  set_code (error, json_object_get_string_member (error, "domain"), (int) code);
}
