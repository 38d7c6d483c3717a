/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/core/mig-json-reader-private.h"

#include <math.h>

static void
check_names (MigJsonReader      *self,
             const char * const *names)
{
  JsonObjectIter iter;
  const char *name;

  json_object_iter_init (&iter, self->object);
  while (json_object_iter_next (&iter, &name, NULL))
    {
      if (!g_strv_contains (names, name))
        {
          mig_json_reader_fail (self, name, "is not known");
          return;
        }
    }
}

void
mig_json_reader_begin (MigJsonReader      *self,
                       JsonNode           *node,
                       MigError            code,
                       const char         *what,
                       const char * const *names)
{
  *self = (MigJsonReader) { .what = what, .code = code };

  if (!JSON_NODE_HOLDS_OBJECT (node))
    {
      g_set_error (&self->error, MIG_ERROR, code, "%s: %s where an object was expected", what,
                   mig_json_describe_node (node));
      return;
    }

  self->object = json_node_get_object (node);
  if (names != NULL)
    check_names (self, names);
}

gboolean
mig_json_reader_end (MigJsonReader  *self,
                     GError        **error)
{
  self->object = NULL;
  if (self->error == NULL)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&self->error));

  return FALSE;
}

void
mig_json_reader_fail (MigJsonReader *self,
                      const char    *name,
                      const char    *why)
{
  self->object = NULL;
  if (self->error == NULL)
    self->error = g_error_new (MIG_ERROR, (int) self->code, "%s: “%s” %s", self->what, name, why);
}

static void
fail_type (MigJsonReader *self,
           const char    *name,
           JsonNode      *node,
           const char    *expected)
{
  g_autofree char *why = g_strdup_printf ("is %s, not %s", mig_json_describe_node (node), expected);

  mig_json_reader_fail (self, name, why);
}

JsonNode *
mig_json_reader_member (MigJsonReader *self,
                        const char    *name)
{
  return self->object != NULL ? json_object_get_member (self->object, name) : NULL;
}

static gboolean
holds (JsonNode *node,
       GType     type)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type;
}

const char *
mig_json_reader_string (MigJsonReader *self,
                        const char    *name)
{
  JsonNode *node = mig_json_reader_member (self, name);

  if (node == NULL)
    return NULL;
  if (!holds (node, G_TYPE_STRING))
    {
      fail_type (self, name, node, "a string");
      return NULL;
    }

  return json_node_get_string (node);
}

const char *
mig_json_reader_need_string (MigJsonReader *self,
                             const char    *name)
{
  const char *text = mig_json_reader_string (self, name);

  if (text != NULL && *text != '\0')
    return text;

  mig_json_reader_fail (self, name, text == NULL ? "is missing" : "is empty");

  return "";
}

gint64
mig_json_reader_int (MigJsonReader *self,
                     const char    *name,
                     gint64         minimum,
                     gint64         fallback)
{
  JsonNode *node = mig_json_reader_member (self, name);

  if (node == NULL)
    return fallback;
  if (!holds (node, G_TYPE_INT64))
    {
      fail_type (self, name, node, "an integer");
      return fallback;
    }
  if (json_node_get_int (node) < minimum)
    {
      mig_json_reader_fail (self, name, "is too small");
      return fallback;
    }

  return json_node_get_int (node);
}

double
mig_json_reader_double (MigJsonReader *self,
                        const char    *name,
                        double         minimum,
                        double         fallback)
{
  JsonNode *node = mig_json_reader_member (self, name);
  double value;

  if (node == NULL)
    return fallback;
  if (!holds (node, G_TYPE_INT64) && !holds (node, G_TYPE_DOUBLE))
    {
      fail_type (self, name, node, "a number");
      return fallback;
    }

  value = json_node_get_double (node);
  if (!isfinite (value) || value < minimum)
    {
      mig_json_reader_fail (self, name, "is too small, or no number");
      return fallback;
    }

  return value;
}

char **
mig_json_reader_strv (MigJsonReader *self,
                      const char    *name)
{
  JsonNode *node = mig_json_reader_member (self, name);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  JsonArray *array;

  if (node == NULL)
    return NULL;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    {
      fail_type (self, name, node, "a list of strings");
      return NULL;
    }

  array = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *element = json_array_get_element (array, i);

      if (!holds (element, G_TYPE_STRING))
        {
          fail_type (self, name, element, "a string, as all in this list have to be");
          return NULL;
        }
      g_ptr_array_add (texts, json_node_dup_string (element));
    }
  g_ptr_array_add (texts, NULL);

  return (char **) g_ptr_array_steal (texts, NULL);
}
