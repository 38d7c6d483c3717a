/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-facts-private.h"

#include <math.h>

struct _MigFacts
{
  GHashTable *values; /* char * to GVariant */
};

MigFacts *
mig_facts_new (void)
{
  MigFacts *self = g_atomic_rc_box_new0 (MigFacts);

  self->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);

  return self;
}

MigFacts *
mig_facts_ref (MigFacts *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
facts_clear (gpointer data)
{
  MigFacts *self = data;

  g_hash_table_unref (self->values);
}

void
mig_facts_unref (MigFacts *self)
{
  g_atomic_rc_box_release_full (self, facts_clear);
}

MigFacts *
mig_facts_copy (MigFacts *self)
{
  MigFacts *copy = mig_facts_new ();

  mig_facts_merge (copy, self);

  return copy;
}

gboolean
mig_facts_equal (MigFacts *self,
                 MigFacts *other)
{
  GHashTableIter iter;
  gpointer name, value;

  if (g_hash_table_size (self->values) != g_hash_table_size (other->values))
    return FALSE;

  g_hash_table_iter_init (&iter, self->values);
  while (g_hash_table_iter_next (&iter, &name, &value))
    {
      GVariant *theirs = g_hash_table_lookup (other->values, name);

      if (theirs == NULL || !g_variant_equal (value, theirs))
        return FALSE;
    }

  return TRUE;
}

gboolean
mig_facts_has (MigFacts   *self,
               const char *name)
{
  return g_hash_table_contains (self->values, name);
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return g_strcmp0 (*(const char * const *) a, *(const char * const *) b);
}

char **
mig_facts_list_names (MigFacts *self)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, self->values);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, g_strdup (name));

  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);

  return (char **) g_ptr_array_steal (names, NULL);
}

void
mig_facts_remove (MigFacts   *self,
                  const char *name)
{
  g_hash_table_remove (self->values, name);
}

void
mig_facts_merge (MigFacts *self,
                 MigFacts *other)
{
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init (&iter, other->values);
  while (g_hash_table_iter_next (&iter, &name, &value))
    g_hash_table_replace (self->values, g_strdup (name), g_variant_ref (value));
}

static gboolean
is_of_a_known_type (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) || g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) ||
         g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE) || g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN) ||
         g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY);
}

static void
add_variant (MigFacts   *self,
             const char *name,
             GVariant   *value)
{
  g_autofree char *printed = NULL;

  if (is_of_a_known_type (value))
    mig_facts_set_variant (self, name, value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64))
    mig_facts_set_int (self, name, (gint64) MIN (g_variant_get_uint64 (value), G_MAXINT64));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    mig_facts_set_int (self, name, g_variant_get_uint32 (value));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT32))
    mig_facts_set_int (self, name, g_variant_get_int32 (value));
  else
    mig_facts_set_string (self, name, printed = g_variant_print (value, FALSE));
}

MigFacts *
mig_facts_new_from_variant (GVariant *dictionary)
{
  MigFacts *self = mig_facts_new ();
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_iter_init (&iter, dictionary);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    add_variant (self, name, value);

  return self;
}

GVariant *
mig_facts_to_variant (MigFacts *self)
{
  g_auto (GStrv) names = mig_facts_list_names (self);
  GVariantDict dictionary;

  g_variant_dict_init (&dictionary, NULL);
  for (char **name = names; *name != NULL; name++)
    g_variant_dict_insert_value (&dictionary, *name, mig_facts_get_variant (self, *name));

  return g_variant_ref_sink (g_variant_dict_end (&dictionary));
}

GVariant *
mig_facts_get_variant (MigFacts   *self,
                       const char *name)
{
  return g_hash_table_lookup (self->values, name);
}

void
mig_facts_set_variant (MigFacts   *self,
                       const char *name,
                       GVariant   *value)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);

  g_assert (is_of_a_known_type (owned));

  g_hash_table_replace (self->values, g_strdup (name), g_steal_pointer (&owned));
}

void
mig_facts_set_string (MigFacts   *self,
                      const char *name,
                      const char *value)
{
  if (value == NULL)
    mig_facts_remove (self, name);
  else
    mig_facts_set_variant (self, name, g_variant_new_take_string (g_utf8_make_valid (value, -1)));
}

void
mig_facts_set_int (MigFacts   *self,
                   const char *name,
                   gint64      value)
{
  mig_facts_set_variant (self, name, g_variant_new_int64 (value));
}

void
mig_facts_set_double (MigFacts   *self,
                      const char *name,
                      double      value)
{
  /* JSON has no words for the others. */
  if (isfinite (value))
    mig_facts_set_variant (self, name, g_variant_new_double (value));
  else
    mig_facts_remove (self, name);
}

void
mig_facts_set_boolean (MigFacts   *self,
                       const char *name,
                       gboolean    value)
{
  mig_facts_set_variant (self, name, g_variant_new_boolean (value));
}

void
mig_facts_set_strv (MigFacts           *self,
                    const char         *name,
                    const char * const *value)
{
  if (value == NULL)
    mig_facts_remove (self, name);
  else
    mig_facts_set_variant (self, name, g_variant_new_strv (value, -1));
}

static GVariant *
get_typed (MigFacts           *self,
           const char         *name,
           const GVariantType *type)
{
  GVariant *value = g_hash_table_lookup (self->values, name);

  return value != NULL && g_variant_is_of_type (value, type) ? value : NULL;
}

const char *
mig_facts_get_string (MigFacts   *self,
                      const char *name)
{
  GVariant *value = get_typed (self, name, G_VARIANT_TYPE_STRING);

  return value != NULL ? g_variant_get_string (value, NULL) : NULL;
}

gint64
mig_facts_get_int (MigFacts   *self,
                   const char *name,
                   gint64      fallback)
{
  GVariant *value = get_typed (self, name, G_VARIANT_TYPE_INT64);

  return value != NULL ? g_variant_get_int64 (value) : fallback;
}

double
mig_facts_get_double (MigFacts   *self,
                      const char *name,
                      double      fallback)
{
  GVariant *value = get_typed (self, name, G_VARIANT_TYPE_DOUBLE);

  if (value == NULL)
    {
      value = get_typed (self, name, G_VARIANT_TYPE_INT64);
      return value != NULL ? (double) g_variant_get_int64 (value) : fallback;
    }

  return g_variant_get_double (value);
}

gboolean
mig_facts_get_boolean (MigFacts   *self,
                       const char *name)
{
  GVariant *value = get_typed (self, name, G_VARIANT_TYPE_BOOLEAN);

  return value != NULL && g_variant_get_boolean (value);
}

char **
mig_facts_dup_strv (MigFacts   *self,
                    const char *name)
{
  GVariant *value = get_typed (self, name, G_VARIANT_TYPE_STRING_ARRAY);

  return value != NULL ? g_variant_dup_strv (value, NULL) : g_new0 (char *, 1);
}
