/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/core/mig-json-private.h"

#include <string.h>

/* What json-glib must not get to see, or NULL: all that is outside of strings is punctuation, numbers, and literals;
 * brackets are balanced and not too deep; after the one value there is nothing. Whether it is JSON otherwise is
 * json-glib's to say. @place gets where it is. */
static const char *
find_flaw (const char  *text,
           const char **place)
{
  guint depth = 0;
  gboolean in_string = FALSE, ended = FALSE;
  const char *at;

  for (at = text; *at != '\0'; at++)
    {
      *place = at;
      if (in_string)
        {
          if (*at == '\\' && at[1] != '\0')
            at++;
          else if (*at == '"')
            in_string = FALSE;
          else if ((guchar) *at < 0x20)
            return "a control character in a string";
          continue;
        }

      if (strchr (" \t\r\n", *at) != NULL)
        continue;
      if (ended)
        return "something after its end";
      if (!g_ascii_isalnum (*at) && strchr ("{}[]\":,+-.", *at) == NULL)
        return "a character that JSON does not have";

      if (*at == '"')
        in_string = TRUE;
      else if ((*at == '{' || *at == '[') && ++depth > MIG_JSON_MAX_DEPTH)
        return "too many brackets inside each other";
      else if (*at == '}' || *at == ']')
        {
          if (depth == 0)
            return "a bracket that was never opened";
          ended = --depth == 0;
        }
      else if (depth == 0)
        return "no object or list";
    }

  *place = at;

  return ended ? NULL : "no end";
}

static void
set_flaw (const char  *text,
          const char  *place,
          const char  *flaw,
          MigError     code,
          const char  *what,
          GError     **error)
{
  guint line = 1;
  const char *start = text;

  for (const char *at = text; at < place; at++)
    if (*at == '\n')
      {
        line++;
        start = at + 1;
      }

  g_set_error (error, MIG_ERROR, code, "%s: not JSON: it has %s (line %u, column %ld)", what, flaw, line,
               g_utf8_strlen (start, place - start) + 1);
}

JsonNode *
mig_json_parse (const char *text,
                gsize       max_size,
                MigError    code,
                const char *what,
                GError    **error)
{
  g_autoptr (JsonParser) parser = NULL;
  g_autoptr (GError) local = NULL;
  const char *flaw, *place = text;

  g_assert (text != NULL);

  if (strnlen (text, max_size + 1) > max_size)
    {
      g_set_error (error, MIG_ERROR, code, "%s: it has too many bytes, more than %" G_GSIZE_FORMAT,
                   what, max_size);
      return NULL;
    }

  flaw = g_utf8_validate (text, -1, &place) ? find_flaw (text, &place) : "bytes that are not UTF-8";
  if (flaw != NULL)
    {
      set_flaw (text, place, flaw, code, what, error);
      return NULL;
    }

  parser = json_parser_new_immutable ();
  if (!json_parser_load_from_data (parser, text, -1, &local))
    {
      g_set_error (error, MIG_ERROR, code, "%s: not JSON: %s", what, local->message);
      return NULL;
    }

  return json_parser_steal_root (parser);
}

const char *
mig_json_describe_node (JsonNode *node)
{
  if (JSON_NODE_HOLDS_OBJECT (node))
    return "an object";
  if (JSON_NODE_HOLDS_ARRAY (node))
    return "a list";
  if (JSON_NODE_HOLDS_NULL (node))
    return "null";

  switch (json_node_get_value_type (node))
    {
    case G_TYPE_STRING:
      return "a string";
    case G_TYPE_BOOLEAN:
      return "true or false";
    case G_TYPE_INT64:
      return "an integer";
    default:
      return "a number with a fraction";
    }
}

char *
mig_json_to_text (JsonNode *node)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();

  json_generator_set_root (generator, node);

  return json_generator_to_data (generator, NULL);
}
