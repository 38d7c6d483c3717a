/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/model/mig-options-json-private.h"

#include "libmig/core/mig-json-private.h"

/* Options are a dozen of numbers and words. */
#define MAX_SIZE (64 * 1024)

static gboolean
is_option (GParamSpec *pspec)
{
  return (pspec->flags & G_PARAM_WRITABLE) != 0 && (pspec->flags & G_PARAM_CONSTRUCT_ONLY) == 0;
}

static GParamSpec *
find_option (GObject    *options,
             const char *key)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (options), key);

  /* The lookup takes "max_downtime" for "max-downtime"; in JSON an option has one name. */
  if (pspec == NULL || !is_option (pspec) || !g_str_equal (pspec->name, key))
    return NULL;

  return pspec;
}

/* What JSON has to hold for the property, in words. */
static const char *
describe_type (GParamSpec *pspec)
{
  GType type = G_PARAM_SPEC_VALUE_TYPE (pspec);

  if (type == G_TYPE_BOOLEAN)
    return "true or false";
  if (type == G_TYPE_INT64 || type == G_TYPE_UINT64)
    return "an integer";
  if (type == G_TYPE_DOUBLE)
    return "a number";
  if (type == G_TYPE_STRV)
    return "a list of strings";

  return "a string";
}

static gboolean
node_is (JsonNode *node,
         GType     type)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type;
}

static gboolean
read_strv (JsonNode *node,
           GValue   *value)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  JsonArray *array;

  if (!JSON_NODE_HOLDS_ARRAY (node))
    return FALSE;

  array = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *element = json_array_get_element (array, i);

      if (!node_is (element, G_TYPE_STRING))
        return FALSE;
      g_strv_builder_add (builder, json_node_get_string (element));
    }
  g_value_take_boxed (value, g_strv_builder_end (builder));

  return TRUE;
}

/* FALSE: the node is of another type than the property. */
static gboolean
read_value (JsonNode *node,
            GValue   *value)
{
  GType type = G_VALUE_TYPE (value);

  if (type == G_TYPE_STRV)
    return read_strv (node, value);

  if (type == G_TYPE_BOOLEAN && node_is (node, G_TYPE_BOOLEAN))
    g_value_set_boolean (value, json_node_get_boolean (node));
  else if (type == G_TYPE_INT64 && node_is (node, G_TYPE_INT64))
    g_value_set_int64 (value, json_node_get_int (node));
  else if (type == G_TYPE_UINT64 && node_is (node, G_TYPE_INT64) && json_node_get_int (node) >= 0)
    g_value_set_uint64 (value, json_node_get_int (node));
  else if (type == G_TYPE_DOUBLE && (node_is (node, G_TYPE_INT64) || node_is (node, G_TYPE_DOUBLE)))
    g_value_set_double (value, json_node_get_double (node));
  else if (type == G_TYPE_STRING && node_is (node, G_TYPE_STRING))
    g_value_set_string (value, json_node_get_string (node));
  else
    return FALSE;

  return TRUE;
}

static char *
list_nicks (GEnumClass *klass)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < klass->n_values; i++)
    g_string_append_printf (text, "%s%s", i == 0 ? "" : ", ", klass->values[i].value_nick);

  return g_string_free (text, FALSE);
}

static gboolean
read_enum (GParamSpec *pspec,
           JsonNode   *node,
           const char *what,
           GValue     *value,
           GError    **error)
{
  GEnumClass *klass = G_PARAM_SPEC_ENUM (pspec)->enum_class;
  GEnumValue *found = g_enum_get_value_by_nick (klass, json_node_get_string (node));
  g_autofree char *nicks = NULL;

  if (found != NULL)
    {
      g_value_set_enum (value, found->value);
      return TRUE;
    }

  nicks = list_nicks (klass);
  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s: “%s” must be one of %s, not “%s”", what,
               pspec->name, nicks, json_node_get_string (node));

  return FALSE;
}

static gboolean
load_option (GObject    *options,
             GParamSpec *pspec,
             JsonNode   *node,
             const char *what,
             GError    **error)
{
  g_auto (GValue) value = G_VALUE_INIT;
  gboolean fits;

  g_value_init (&value, G_PARAM_SPEC_VALUE_TYPE (pspec));
  if (G_IS_PARAM_SPEC_ENUM (pspec) && node_is (node, G_TYPE_STRING))
    {
      if (!read_enum (pspec, node, what, &value, error))
        return FALSE;
      fits = TRUE;
    }
  else
    fits = read_value (node, &value);

  if (!fits)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s: “%s” must be %s, not %s", what, pspec->name,
                   describe_type (pspec), mig_json_describe_node (node));
      return FALSE;
    }

  /* TRUE: it had to be changed. */
  if (g_param_value_validate (pspec, &value))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s: “%s” is out of range", what, pspec->name);
      return FALSE;
    }
  g_object_set_property (options, pspec->name, &value);

  return TRUE;
}

gboolean
mig_options_load_json (GObject     *options,
                       const char  *json,
                       const char  *what,
                       GError     **error)
{
  g_autoptr (JsonNode) root = mig_json_parse (json, MAX_SIZE, MIG_ERROR_INVALID_ARGUMENT, what, error);
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;

  if (root == NULL)
    return FALSE;

  if (!JSON_NODE_HOLDS_OBJECT (root))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s: must be an object, not %s", what,
                   mig_json_describe_node (root));
      return FALSE;
    }

  json_object_iter_init_ordered (&iter, json_node_get_object (root));
  while (json_object_iter_next_ordered (&iter, &key, &node))
    {
      GParamSpec *pspec = find_option (options, key);

      if (pspec == NULL)
        {
          g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s: unknown key “%s”", what, key);
          return FALSE;
        }
      if (!load_option (options, pspec, node, what, error))
        return FALSE;
    }

  return TRUE;
}

static void
add_strv (JsonBuilder        *builder,
          const char * const *strv)
{
  json_builder_begin_array (builder);
  for (gsize i = 0; strv != NULL && strv[i] != NULL; i++)
    json_builder_add_string_value (builder, strv[i]);
  json_builder_end_array (builder);
}

static void
add_value (JsonBuilder  *builder,
           const GValue *value)
{
  GType type = G_VALUE_TYPE (value);

  if (G_TYPE_IS_ENUM (type))
    {
      GEnumClass *klass = g_type_class_peek (type);

      json_builder_add_string_value (builder, g_enum_get_value (klass, g_value_get_enum (value))->value_nick);
    }
  else if (type == G_TYPE_BOOLEAN)
    json_builder_add_boolean_value (builder, g_value_get_boolean (value));
  else if (type == G_TYPE_INT64)
    json_builder_add_int_value (builder, g_value_get_int64 (value));
  else if (type == G_TYPE_UINT64)
    json_builder_add_int_value (builder, g_value_get_uint64 (value));
  else if (type == G_TYPE_DOUBLE)
    json_builder_add_double_value (builder, g_value_get_double (value));
  else if (type == G_TYPE_STRV)
    add_strv (builder, g_value_get_boxed (value));
  else
    json_builder_add_string_value (builder, g_value_get_string (value));
}

char *
mig_options_save_json (GObject *options)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  g_autofree GParamSpec **pspecs = NULL;
  g_autoptr (JsonNode) root = NULL;
  guint n_pspecs;

  pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (options), &n_pspecs);
  json_builder_begin_object (builder);
  for (guint i = 0; i < n_pspecs; i++)
    {
      g_auto (GValue) value = G_VALUE_INIT;

      if (!is_option (pspecs[i]))
        continue;
      g_value_init (&value, G_PARAM_SPEC_VALUE_TYPE (pspecs[i]));
      g_object_get_property (options, pspecs[i]->name, &value);
      if (g_param_value_defaults (pspecs[i], &value))
        continue;
      json_builder_set_member_name (builder, pspecs[i]->name);
      add_value (builder, &value);
    }
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);

  return mig_json_to_text (root);
}

gpointer
mig_options_copy (gpointer options)
{
  GObject *copy = g_object_new (G_OBJECT_TYPE (options), NULL);
  g_autofree GParamSpec **pspecs = NULL;
  guint n_pspecs;

  pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (options), &n_pspecs);
  for (guint i = 0; i < n_pspecs; i++)
    {
      g_auto (GValue) value = G_VALUE_INIT;

      if (!is_option (pspecs[i]))
        continue;
      g_value_init (&value, G_PARAM_SPEC_VALUE_TYPE (pspecs[i]));
      g_object_get_property (options, pspecs[i]->name, &value);
      g_object_set_property (copy, pspecs[i]->name, &value);
    }

  return copy;
}
