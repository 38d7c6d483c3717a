/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-world-private.h"

#include <string.h>

/* What must never be, at no moment and whatever fails. What was seen once stays written down. */

/* The guest's processors run here. */
static gboolean
is_running (MigSimCopy *copy)
{
  return copy->live && (copy->state == MIG_DOMAIN_STATE_RUNNING || copy->state == MIG_DOMAIN_STATE_POST_COPY);
}

/* The guest could go on here. Of a post-copy pair both are needed. */
static gboolean
is_whole (MigSimCopy *copy)
{
  return copy->live && !copy->incoming && copy->state != MIG_DOMAIN_STATE_CRASHED;
}

static gboolean
is_half (MigSimCopy *copy)
{
  return copy->live && (copy->state == MIG_DOMAIN_STATE_POST_COPY || copy->state == MIG_DOMAIN_STATE_PAUSED_POST_COPY ||
                        copy->state == MIG_DOMAIN_STATE_POST_COPY_FAILED);
}

static void
add_violation (MigSimWorld *world,
               const char  *format,
               ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);

  /* A state that lasts is looked at often. */
  if (strstr (world->violations->str, text) != NULL)
    return;

  g_string_append_printf (world->violations, "%s\n", text);
  mig_sim_world_changed (world);
}

static void
check_disks (MigSimWorld *world,
             MigSimCopy  *copy)
{
  for (guint i = 0; i < copy->disks->len; i++)
    {
      MigSimDisk *disk = g_ptr_array_index (copy->disks, i);
      MigSimVolume *volume = mig_sim_world_find_volume (world, copy->host, disk->source);
      g_autofree char *place = mig_disk_source_to_string (disk->source);
      g_autofree char *content = g_strconcat (copy->guest->uuid, "/", disk->target, NULL);
      guint version = GPOINTER_TO_UINT (g_hash_table_lookup (copy->guest->versions, disk->target));

      if (volume == NULL)
        add_violation (world, "%s uses %s on %s, which is not there", copy->guest->name, place, copy->host->name);
      else if (g_strcmp0 (volume->content, content) != 0)
        add_violation (world, "%s uses %s on %s, which is not its disk", copy->guest->name, place, copy->host->name);
      else if (volume->version != version)
        add_violation (world, "%s uses %s on %s, which is out of date", copy->guest->name, place, copy->host->name);
    }
}

void
mig_sim_check_guest (MigSimWorld *world,
                     MigSimGuest *guest)
{
  MigSimCopy *running = NULL;
  guint n_whole = 0;
  guint n_halves = 0;

  for (guint i = 0; i < guest->copies->len; i++)
    {
      MigSimCopy *copy = g_ptr_array_index (guest->copies, i);

      if (is_running (copy) && running != NULL)
        add_violation (world, "%s runs on %s and on %s", guest->name, running->host->name, copy->host->name);
      if (is_running (copy))
        {
          running = copy;
          check_disks (world, copy);
        }
      if (is_half (copy))
        n_halves++;
      else if (is_whole (copy))
        n_whole++;
    }

  if (guest->alive && n_whole == 0 && n_halves < 2)
    add_violation (world, "%s is lost", guest->name);
}

void
mig_sim_check_all (MigSimWorld *world)
{
  GHashTableIter iter;
  MigSimGuest *guest;

  g_hash_table_iter_init (&iter, world->guests);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &guest))
    mig_sim_check_guest (world, guest);
}
