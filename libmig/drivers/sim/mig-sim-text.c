/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-world-private.h"

#include <string.h>

#include <libmig/mig-enum-types.h>

/* Two worlds in which the same things are the same way give the same text: no times, versions or numbers of jobs. */

static int
compare_lines (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static void
add_sorted (GString   *text,
            GPtrArray *lines)
{
  g_ptr_array_sort (lines, compare_lines);
  for (guint i = 0; i < lines->len; i++)
    g_string_append (text, g_ptr_array_index (lines, i));
}

static const char *
nick_of (MigDomainState state)
{
  GEnumClass *klass = g_type_class_ref (MIG_TYPE_DOMAIN_STATE);
  const char *nick = g_enum_get_value (klass, state)->value_nick;

  g_type_class_unref (klass);

  return nick;
}

static void
add_disks (GString   *line,
           GPtrArray *disks)
{
  for (guint i = 0; i < disks->len; i++)
    {
      MigSimDisk *disk = g_ptr_array_index (disks, i);
      g_autofree char *place = mig_disk_source_to_string (disk->source);
      const char *format = mig_disk_source_get_format (disk->source);

      g_string_append_printf (line, " %s=%s%s%s", disk->target, place, format != NULL ? ":" : "",
                              format != NULL ? format : "");
    }
}

static void
add_copy (GPtrArray   *lines,
          MigSimWorld *world,
          MigSimCopy  *copy)
{
  GString *line = g_string_new (NULL);

  g_string_append_printf (line, "  domain %s %s", copy->guest->name,
                          nick_of (copy->live ? copy->state : copy->off_state));
  if (copy->live)
    add_disks (line, copy->disks);
  if (copy->live && copy->mark != NULL)
    g_string_append_printf (line, " mark “%s”", copy->mark);
  if (copy->incoming)
    g_string_append (line, " incoming");
  if (mig_sim_migration_find (world, copy->guest) != NULL)
    g_string_append (line, " migrating");
  if (mig_sim_mirror_find (world, copy, NULL) != NULL)
    g_string_append (line, " mirroring");
  if (copy->defined)
    {
      g_string_append (line, "; defined");
      add_disks (line, copy->defined_disks);
      if (copy->defined_mark != NULL)
        g_string_append_printf (line, " mark “%s”", copy->defined_mark);
    }
  g_string_append_c (line, '\n');
  g_ptr_array_add (lines, g_string_free (line, FALSE));
}

static void
add_volume (GPtrArray    *lines,
            MigSimWorld  *world,
            MigSimVolume *volume)
{
  const char *content = volume->content != NULL ? volume->content : "empty";
  const char *slash = strchr (content, '/');
  g_autofree char *uuid = slash != NULL ? g_strndup (content, slash - content) : NULL;
  MigSimGuest *guest = uuid != NULL ? g_hash_table_lookup (world->guests, uuid) : NULL;
  guint version = guest != NULL ? GPOINTER_TO_UINT (g_hash_table_lookup (guest->versions, slash + 1)) : 0;

  if (guest == NULL)
    g_ptr_array_add (lines, g_strdup_printf ("  volume %s %" G_GINT64_FORMAT ": %s\n", volume->key, volume->capacity,
                                             content));
  else
    g_ptr_array_add (lines, g_strdup_printf ("  volume %s %" G_GINT64_FORMAT ": %s of %s%s\n", volume->key,
                                             volume->capacity, slash + 1, guest->name,
                                             version == volume->version ? "" : ", out of date"));
}

static void
add_volumes (GPtrArray   *lines,
             MigSimWorld *world,
             GHashTable  *volumes)
{
  GHashTableIter iter;
  MigSimVolume *volume;

  g_hash_table_iter_init (&iter, volumes);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &volume))
    add_volume (lines, world, volume);
}

static char *
print_host (MigSimWorld *world,
            MigSimHost  *host)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  GString *text = g_string_new (NULL);
  GHashTableIter iter;
  MigSimCopy *copy;

  g_string_append_printf (text, "host %s%s\n", host->name, host->reachable ? "" : " unreachable");
  g_hash_table_iter_init (&iter, host->copies);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &copy))
    add_copy (lines, world, copy);
  add_volumes (lines, world, host->volumes);
  add_sorted (text, lines);

  return g_string_free (text, FALSE);
}

char *
mig_sim_world_to_text (MigSimWorld *self)
{
  g_autoptr (GPtrArray) hosts = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) shared = g_ptr_array_new_with_free_func (g_free);
  GString *text = g_string_new (NULL);
  GHashTableIter iter;
  MigSimHost *host;

  g_hash_table_iter_init (&iter, self->hosts);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &host))
    g_ptr_array_add (hosts, print_host (self, host));
  add_sorted (text, hosts);
  if (g_hash_table_size (self->shared) > 0)
    g_string_append (text, "shared\n");
  add_volumes (shared, self, self->shared);
  add_sorted (text, shared);

  return g_string_free (text, FALSE);
}
