/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-world-private.h"

#include <libmig/mig-error.h>

/* What befalls a world from outside: things are put there, links are cut, daemons restart. */

MigSimHost *
mig_sim_world_require_host (MigSimWorld  *world,
                            const char   *name,
                            GError      **error)
{
  MigSimHost *host = g_hash_table_lookup (world->hosts, name);

  if (host == NULL)
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "there is no host “%s”", name);

  return host;
}

gboolean
mig_sim_world_place_volume (MigSimWorld    *world,
                            const char     *name,
                            MigDiskSource  *source,
                            gint64          capacity,
                            GError        **error)
{
  MigSimHost *host = name != NULL ? mig_sim_world_require_host (world, name, error) : NULL;
  g_autofree char *place = mig_disk_source_to_string (source);

  if (name != NULL && host == NULL)
    return FALSE;
  if (g_hash_table_contains (host != NULL ? host->volumes : world->shared, place))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "there is a volume %s already", place);
      return FALSE;
    }
  mig_sim_world_add_volume (world, host, source, capacity);

  return TRUE;
}

static gboolean
attach (MigSimWorld  *world,
        MigSimCopy   *copy,
        const char   *text,
        GError      **error)
{
  g_auto (GStrv) words = g_strsplit (text, "=", 2);
  g_autoptr (MigDiskSource) source = NULL;
  MigSimVolume *volume;

  if (g_strv_length (words) != 2)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "simulated domain: a disk is target=place, not “%s”",
                   text);
      return FALSE;
    }
  source = mig_disk_source_parse (words[1], "raw", error);
  if (source == NULL)
    return FALSE;
  volume = mig_sim_world_find_volume (world, copy->host, source);
  if (volume == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "%s has no volume %s", copy->host->name, words[1]);
      return FALSE;
    }

  if (volume->content == NULL)
    mig_sim_volume_take (volume, copy->guest, words[0]);
  mig_sim_disks_add (copy->disks, words[0], source);
  if (copy->defined)
    mig_sim_disks_add (copy->defined_disks, words[0], source);

  return TRUE;
}

/* Has nothing else than an identity. */
static MigSimCopy *
add_copy (MigSimWorld         *world,
          MigSimHost          *host,
          const char          *name,
          MigSimGuestOptions  *options,
          GError             **error)
{
  g_autofree char *uuid = options->uuid != NULL ? g_ascii_strdown (options->uuid, -1) : g_uuid_string_random ();
  MigSimGuest *guest = g_hash_table_lookup (world->guests, uuid);

  if (!g_uuid_string_is_valid (uuid))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "simulated domain: “%s” is no UUID", uuid);
      return NULL;
    }
  if (mig_sim_host_find_copy (host, name, NULL) != NULL || mig_sim_host_find_copy (host, uuid, NULL) != NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "%s has such a domain already", host->name);
      return NULL;
    }
  if (guest == NULL)
    guest = mig_sim_world_add_guest (world, uuid, name);
  guest->memory = options->memory;
  guest->dirty_rate = options->dirty_rate;

  return mig_sim_world_add_copy (world, host, guest);
}

static gboolean
check_options (MigSimGuestOptions  *options,
               GError             **error)
{
  gboolean live = options->state == MIG_DOMAIN_STATE_RUNNING || options->state == MIG_DOMAIN_STATE_PAUSED;
  gboolean off = options->state == MIG_DOMAIN_STATE_SHUT_OFF && !options->transient;

  if (options->memory >= 0 && options->dirty_rate >= 0 && (live || off))
    return TRUE;

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                       "simulated domain: there can be none of that memory, dirty rate or state");

  return FALSE;
}

char *
mig_sim_world_place_domain (MigSimWorld         *world,
                            const char          *host_name,
                            const char          *name,
                            MigSimGuestOptions  *options,
                            GError             **error)
{
  MigSimHost *host = mig_sim_world_require_host (world, host_name, error);
  MigSimCopy *copy;

  if (host == NULL || !check_options (options, error))
    return NULL;
  copy = add_copy (world, host, name, options, error);
  if (copy == NULL)
    return NULL;

  copy->live = options->state != MIG_DOMAIN_STATE_SHUT_OFF;
  copy->state = options->state;
  copy->run = ++world->last_id;
  copy->defined = !options->transient;
  for (guint i = 0; options->disks != NULL && options->disks[i] != NULL; i++)
    {
      if (!attach (world, copy, options->disks[i], error))
        {
          copy->live = copy->defined = FALSE;
          mig_sim_world_drop_copy (world, copy);
          return NULL;
        }
    }
  copy->guest->alive |= copy->live;
  mig_sim_check_guest (world, copy->guest);

  return g_strdup (copy->guest->uuid);
}

void
mig_sim_world_set_link (MigSimWorld *self,
                        const char  *from,
                        const char  *to,
                        gint64       rate)
{
  gint64 *value = g_new (gint64, 1);

  *value = rate;
  g_hash_table_insert (self->links, g_strconcat (from, ">", to, NULL), value);
  mig_sim_world_changed (self);
  for (guint i = 0; i < self->migrations->len; i++)
    {
      MigSimMigration *migration = g_ptr_array_index (self->migrations, i);

      if (rate == 0 && migration->stage != MIG_SIM_STAGE_ENDED && g_str_equal (migration->source->name, from) &&
          g_str_equal (migration->destination->name, to))
        mig_sim_migration_cut (self, migration);
    }
}

static gboolean
concerns (MigSimMigration *migration,
          MigSimHost      *host)
{
  return migration->stage != MIG_SIM_STAGE_ENDED && (migration->source == host || migration->destination == host);
}

void
mig_sim_host_lose_clients (MigSimWorld *world,
                           MigSimHost  *host)
{
  for (guint i = 0; i < world->migrations->len; i++)
    {
      MigSimMigration *migration = g_ptr_array_index (world->migrations, i);

      if (concerns (migration, host))
        migration->client_gone = TRUE;
    }
  mig_sim_world_emit (world, host, "*", MIG_DRIVER_EVENT_CONNECTION_LOST, "");
}

void
mig_sim_host_restart (MigSimWorld *world,
                      MigSimHost  *host)
{
  for (guint i = world->late->len; i > 0; i--)
    {
      MigSimCall *call = g_ptr_array_index (world->late, i - 1);

      if (g_str_equal (call->host, host->name))
        g_ptr_array_remove_index (world->late, i - 1);
    }
  for (guint i = 0; i < world->migrations->len; i++)
    {
      MigSimMigration *migration = g_ptr_array_index (world->migrations, i);

      if (!concerns (migration, host) || migration->stage == MIG_SIM_STAGE_POST_COPY ||
          migration->stage == MIG_SIM_STAGE_BROKEN)
        continue;
      mig_sim_migration_fail (world, migration, MIG_ERROR_CONNECTION, "a daemon ended");
      mig_sim_check_guest (world, migration->guest);
    }
  host->incarnation++;
  mig_sim_world_emit (world, host, "*", MIG_DRIVER_EVENT_CONNECTION_LOST, "");
}
