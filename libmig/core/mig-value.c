/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/core/mig-value-private.h"

typedef struct {
  const MigField *fields;
  gsize           n_fields;
  GObjectClass   *parent_class;
} ValueTable;

static GQuark
table_quark (void)
{
  return g_quark_from_static_string ("mig-value-table");
}

static const ValueTable *
table_of (GObject *object)
{
  return g_type_get_qdata (G_OBJECT_TYPE (object), table_quark ());
}

static gpointer
field_of (GObject        *object,
          const MigField *field)
{
  return G_STRUCT_MEMBER_P (object, field->offset);
}

static void
clear_field (const MigField *field,
             gpointer        at)
{
  if (field->kind == MIG_FIELD_STRING)
    g_clear_pointer ((char **) at, g_free);
  else if (field->kind == MIG_FIELD_STRV)
    g_clear_pointer ((char ***) at, g_strfreev);
  else if (field->kind == MIG_FIELD_OBJECT)
    g_clear_object ((GObject **) at);
  else if (field->kind == MIG_FIELD_BOXED && *(gpointer *) at != NULL)
    {
      g_boxed_free (field->get_type (), *(gpointer *) at);
      *(gpointer *) at = NULL;
    }
}

static void
set_property (GObject      *object,
              guint         id,
              const GValue *value,
              GParamSpec   *pspec)
{
  const MigField *field = &table_of (object)->fields[id - 1];
  gpointer at = field_of (object, field);

  clear_field (field, at);

  switch (field->kind)
    {
    case MIG_FIELD_STRING:
      *(char **) at = g_value_dup_string (value);
      break;
    case MIG_FIELD_STRV:
      *(char ***) at = g_value_dup_boxed (value);
      break;
    case MIG_FIELD_BOOLEAN:
      *(gboolean *) at = g_value_get_boolean (value);
      break;
    case MIG_FIELD_INT64:
      *(gint64 *) at = g_value_get_int64 (value);
      break;
    case MIG_FIELD_DOUBLE:
      *(double *) at = g_value_get_double (value);
      break;
    case MIG_FIELD_ENUM:
      *(int *) at = g_value_get_enum (value);
      break;
    case MIG_FIELD_FLAGS:
      *(guint *) at = g_value_get_flags (value);
      break;
    case MIG_FIELD_OBJECT:
      *(GObject **) at = g_value_dup_object (value);
      break;
    case MIG_FIELD_BOXED:
      *(gpointer *) at = g_value_dup_boxed (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
get_property (GObject    *object,
              guint       id,
              GValue     *value,
              GParamSpec *pspec)
{
  const MigField *field = &table_of (object)->fields[id - 1];
  gpointer at = field_of (object, field);

  switch (field->kind)
    {
    case MIG_FIELD_STRING:
      g_value_set_string (value, *(char **) at);
      break;
    case MIG_FIELD_STRV:
    case MIG_FIELD_BOXED:
      g_value_set_boxed (value, *(gpointer *) at);
      break;
    case MIG_FIELD_BOOLEAN:
      g_value_set_boolean (value, *(gboolean *) at);
      break;
    case MIG_FIELD_INT64:
      g_value_set_int64 (value, *(gint64 *) at);
      break;
    case MIG_FIELD_DOUBLE:
      g_value_set_double (value, *(double *) at);
      break;
    case MIG_FIELD_ENUM:
      g_value_set_enum (value, *(int *) at);
      break;
    case MIG_FIELD_FLAGS:
      g_value_set_flags (value, *(guint *) at);
      break;
    case MIG_FIELD_OBJECT:
      g_value_set_object (value, *(GObject **) at);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
finalize (GObject *object)
{
  const ValueTable *table = table_of (object);

  for (gsize i = 0; i < table->n_fields; i++)
    clear_field (&table->fields[i], field_of (object, &table->fields[i]));

  table->parent_class->finalize (object);
}

static GParamSpec *
make_pspec (const MigField *field,
            GParamFlags     when)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | when;

  switch (field->kind)
    {
    case MIG_FIELD_STRING:
      return g_param_spec_string (field->name, NULL, NULL, NULL, flags);
    case MIG_FIELD_STRV:
      return g_param_spec_boxed (field->name, NULL, NULL, G_TYPE_STRV, flags);
    case MIG_FIELD_BOOLEAN:
      return g_param_spec_boolean (field->name, NULL, NULL, field->fallback != 0, flags);
    case MIG_FIELD_INT64:
      return g_param_spec_int64 (field->name, NULL, NULL, -1, G_MAXINT64, field->fallback, flags);
    case MIG_FIELD_DOUBLE:
      return g_param_spec_double (field->name, NULL, NULL, -1, G_MAXDOUBLE, field->fallback, flags);
    case MIG_FIELD_ENUM:
      return g_param_spec_enum (field->name, NULL, NULL, field->get_type (), field->fallback, flags);
    case MIG_FIELD_FLAGS:
      return g_param_spec_flags (field->name, NULL, NULL, field->get_type (), field->fallback, flags);
    case MIG_FIELD_OBJECT:
      return g_param_spec_object (field->name, NULL, NULL, field->get_type (), flags);
    case MIG_FIELD_BOXED:
      return g_param_spec_boxed (field->name, NULL, NULL, field->get_type (), flags);
    default:
      g_assert_not_reached ();
    }
}

static void
install (GObjectClass   *klass,
         const MigField *fields,
         gsize           n_fields,
         GParamFlags     when)
{
  ValueTable *table = g_new0 (ValueTable, 1); /* as long as the type: for ever */

  table->fields = fields;
  table->n_fields = n_fields;
  table->parent_class = g_type_class_peek_parent (klass);
  g_type_set_qdata (G_OBJECT_CLASS_TYPE (klass), table_quark (), table);

  klass->set_property = set_property;
  klass->get_property = get_property;
  klass->finalize = finalize;

  for (gsize i = 0; i < n_fields; i++)
    g_object_class_install_property (klass, i + 1, make_pspec (&fields[i], when));
}

void
mig_value_class_install (GObjectClass   *klass,
                         const MigField *fields,
                         gsize           n_fields)
{
  install (klass, fields, n_fields, G_PARAM_CONSTRUCT_ONLY);
}

void
mig_value_class_install_mutable (GObjectClass   *klass,
                                 const MigField *fields,
                                 gsize           n_fields)
{
  /* Defaults arrive by construction, so that the fields have them. */
  install (klass, fields, n_fields, G_PARAM_CONSTRUCT);
}
