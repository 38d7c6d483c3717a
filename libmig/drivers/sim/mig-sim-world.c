/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-world-private.h"

#include <string.h>

#include <libmig/mig-error.h>

/* A reader that sleeps longer than this many events misses some, as with any hypervisor. */
#define MAX_EVENTS 4096

static void
disk_free (MigSimDisk *self)
{
  g_free (self->target);
  g_object_unref (self->source);
  g_free (self);
}

static void
volume_free (MigSimVolume *self)
{
  g_free (self->key);
  g_object_unref (self->source);
  g_free (self->token);
  g_free (self->content);
  g_free (self);
}

static void
copy_free (MigSimCopy *self)
{
  g_free (self->mark);
  g_ptr_array_unref (self->disks);
  g_free (self->defined_mark);
  g_ptr_array_unref (self->defined_disks);
  g_free (self);
}

static void
guest_free (MigSimGuest *self)
{
  g_free (self->uuid);
  g_free (self->name);
  g_hash_table_unref (self->versions);
  g_ptr_array_unref (self->copies);
  g_free (self);
}

static void
host_free (MigSimHost *self)
{
  g_free (self->name);
  g_hash_table_unref (self->copies);
  g_hash_table_unref (self->volumes);
  g_free (self);
}

void
mig_sim_call_free (MigSimCall *self)
{
  g_free (self->host);
  g_free (self->domain);
  g_free (self->target);
  g_free (self->text);
  g_free (self->destination);
  g_clear_object (&self->source);
  g_strfreev (self->disks);
  g_free (self);
}

void
mig_sim_event_free (MigSimEvent *self)
{
  g_free (self->host);
  g_free (self->domain);
  g_free (self->detail);
  g_free (self);
}

void
mig_sim_result_free (MigSimResult *self)
{
  g_free (self->message);
  g_free (self);
}

MigSimWorld *
mig_sim_world_new (void)
{
  MigSimWorld *self = g_new0 (MigSimWorld, 1);

  self->settings = g_object_new (MIG_TYPE_SIM_SETTINGS,
                                 "setup", 0.001,
                                 "switch-over", 0.001,
                                 "ready-lag", 0.001,
                                 "late-delay", 0.05,
                                 "link-timeout", 0.02,
                                 NULL);
  self->hosts = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) host_free);
  self->guests = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) guest_free);
  self->shared = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) volume_free);
  self->links = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->migrations = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_sim_migration_free);
  self->mirrors = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_sim_mirror_free);
  self->late = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_sim_call_free);
  self->results = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_sim_result_free);
  self->events = g_queue_new ();
  self->violations = g_string_new (NULL);

  return self;
}

void
mig_sim_world_free (MigSimWorld *self)
{
  g_ptr_array_unref (self->migrations);
  g_ptr_array_unref (self->mirrors);
  g_ptr_array_unref (self->late);
  g_ptr_array_unref (self->results);
  g_queue_free_full (self->events, (GDestroyNotify) mig_sim_event_free);
  g_hash_table_unref (self->links);
  g_hash_table_unref (self->shared);
  g_hash_table_unref (self->guests);
  g_hash_table_unref (self->hosts);
  g_object_unref (self->settings);
  g_string_free (self->violations, TRUE);
  g_free (self);
}

void
mig_sim_world_changed (MigSimWorld *self)
{
  self->n_changes++;
}

void
mig_sim_world_emit (MigSimWorld    *self,
                    MigSimHost     *host,
                    const char     *domain,
                    MigDriverEvent  event,
                    const char     *detail)
{
  MigSimEvent *entry = g_new0 (MigSimEvent, 1);

  entry->serial = ++self->last_serial;
  entry->host = g_strdup (host->name);
  entry->domain = g_strdup (domain);
  entry->event = event;
  entry->detail = g_strdup (detail);
  g_queue_push_tail (self->events, entry);
  if (g_queue_get_length (self->events) > MAX_EVENTS)
    mig_sim_event_free (g_queue_pop_head (self->events));
  mig_sim_world_changed (self);
}

gint64
mig_sim_seconds (double seconds)
{
  double exact = seconds * G_USEC_PER_SEC;
  gint64 whole = (gint64) exact;

  return whole < exact ? whole + 1 : whole;
}

MigSimHost *
mig_sim_world_add_host (MigSimWorld *self,
                        const char  *name)
{
  MigSimHost *host = g_new0 (MigSimHost, 1);

  host->name = g_strdup (name);
  host->reachable = TRUE;
  host->incarnation = 1;
  host->copies = g_hash_table_new (g_str_hash, g_str_equal);
  host->volumes = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) volume_free);
  g_hash_table_insert (self->hosts, host->name, host);
  mig_sim_world_changed (self);

  return host;
}

MigSimHost *
mig_sim_world_find_host (MigSimWorld  *self,
                         const char   *name,
                         GError      **error)
{
  MigSimHost *host = g_hash_table_lookup (self->hosts, name);

  if (host != NULL && host->reachable)
    return host;

  g_set_error (error, MIG_ERROR, MIG_ERROR_CONNECTION, host == NULL ? "%s: no such host" : "%s does not answer", name);

  return NULL;
}

MigSimGuest *
mig_sim_world_add_guest (MigSimWorld *self,
                         const char  *uuid,
                         const char  *name)
{
  MigSimGuest *guest = g_new0 (MigSimGuest, 1);

  guest->uuid = g_strdup (uuid);
  guest->name = g_strdup (name);
  guest->versions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guest->copies = g_ptr_array_new_with_free_func ((GDestroyNotify) copy_free);
  g_hash_table_insert (self->guests, guest->uuid, guest);
  mig_sim_world_changed (self);

  return guest;
}

MigSimCopy *
mig_sim_world_add_copy (MigSimWorld *self,
                        MigSimHost  *host,
                        MigSimGuest *guest)
{
  MigSimCopy *copy = g_new0 (MigSimCopy, 1);

  copy->guest = guest;
  copy->host = host;
  copy->off_state = MIG_DOMAIN_STATE_SHUT_OFF;
  copy->disks = mig_sim_disks_new ();
  copy->defined_disks = mig_sim_disks_new ();
  g_ptr_array_add (guest->copies, copy);
  g_hash_table_insert (host->copies, guest->uuid, copy);
  mig_sim_world_changed (self);

  return copy;
}

void
mig_sim_world_drop_copy (MigSimWorld *self,
                         MigSimCopy  *copy)
{
  mig_sim_world_changed (self);
  if (copy->live || copy->defined)
    return;

  g_hash_table_remove (copy->host->copies, copy->guest->uuid);
  g_ptr_array_remove (copy->guest->copies, copy);
}

MigSimCopy *
mig_sim_host_find_copy (MigSimHost  *self,
                        const char  *domain,
                        GError     **error)
{
  g_autofree char *uuid = g_ascii_strdown (domain, -1);
  MigSimCopy *copy = g_hash_table_lookup (self->copies, uuid);
  GHashTableIter iter;

  if (copy != NULL)
    return copy;

  g_hash_table_iter_init (&iter, self->copies);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &copy))
    {
      if (strcmp (copy->guest->name, domain) == 0)
        return copy;
    }
  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "%s has no domain “%s”", self->name, domain);

  return NULL;
}

MigSimDisk *
mig_sim_find_disk (GPtrArray   *disks,
                   const char  *target,
                   GError     **error)
{
  for (guint i = 0; i < disks->len; i++)
    {
      MigSimDisk *disk = g_ptr_array_index (disks, i);

      if (strcmp (disk->target, target) == 0)
        return disk;
    }
  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "the domain has no disk “%s”", target);

  return NULL;
}

GPtrArray *
mig_sim_disks_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) disk_free);
}

void
mig_sim_disks_add (GPtrArray     *disks,
                   const char    *target,
                   MigDiskSource *source)
{
  MigSimDisk *disk = g_new0 (MigSimDisk, 1);

  disk->target = g_strdup (target);
  disk->source = g_object_ref (source);
  g_ptr_array_add (disks, disk);
}

GPtrArray *
mig_sim_disks_copy (GPtrArray *disks)
{
  GPtrArray *copy = mig_sim_disks_new ();

  for (guint i = 0; i < disks->len; i++)
    {
      MigSimDisk *disk = g_ptr_array_index (disks, i);

      mig_sim_disks_add (copy, disk->target, disk->source);
    }

  return copy;
}

MigSimVolume *
mig_sim_world_find_volume (MigSimWorld   *self,
                           MigSimHost    *host,
                           MigDiskSource *source)
{
  g_autofree char *key = mig_disk_source_to_string (source);
  MigSimVolume *volume = g_hash_table_lookup (host->volumes, key);

  return volume != NULL ? volume : g_hash_table_lookup (self->shared, key);
}

MigSimVolume *
mig_sim_world_add_volume (MigSimWorld   *self,
                          MigSimHost    *host,
                          MigDiskSource *source,
                          gint64         capacity)
{
  MigSimVolume *volume = g_new0 (MigSimVolume, 1);

  volume->key = mig_disk_source_to_string (source);
  volume->source = g_object_ref (source);
  volume->capacity = capacity;
  g_hash_table_insert (host != NULL ? host->volumes : self->shared, volume->key, volume);
  mig_sim_world_changed (self);

  return volume;
}

gboolean
mig_sim_volume_is_shared (MigSimWorld  *self,
                          MigSimVolume *volume)
{
  return g_hash_table_lookup (self->shared, volume->key) == volume;
}

void
mig_sim_volume_take (MigSimVolume *self,
                     MigSimGuest  *guest,
                     const char   *target)
{
  guint version = GPOINTER_TO_UINT (g_hash_table_lookup (guest->versions, target)) + 1;

  g_hash_table_insert (guest->versions, g_strdup (target), GUINT_TO_POINTER (version));
  g_free (self->content);
  self->content = g_strconcat (guest->uuid, "/", target, NULL);
  self->version = version;
}

void
mig_sim_volume_spoil (MigSimVolume *self)
{
  g_free (self->content);
  self->content = g_strdup ("a part of a copy");
  self->version = 0;
}

static char *
link_key (const char *from,
          const char *to)
{
  return g_strconcat (from, ">", to, NULL);
}

gint64
mig_sim_world_get_link (MigSimWorld *self,
                        MigSimHost  *from,
                        MigSimHost  *to)
{
  g_autofree char *key = link_key (from->name, to->name);
  gint64 *rate = g_hash_table_lookup (self->links, key);

  return rate != NULL ? *rate : self->settings->rate;
}
