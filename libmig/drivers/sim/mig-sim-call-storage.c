/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-call-private.h"

#include <libmig/mig-block-job-info.h>
#include <libmig/mig-error.h>
#include <libmig/mig-volume.h>

/* What can be asked of a host about disks and volumes. */

gboolean
mig_sim_block_start (MigSimWorld  *world,
                     MigSimCall   *call,
                     MigSimReply  *reply,
                     GError      **error)
{
  MigSimCopy *copy = mig_sim_call_find_copy (world, call, error);

  if (copy == NULL || mig_sim_call_is_blocked (world, copy, reply))
    return FALSE;

  return mig_sim_mirror_start (world, call, error);
}

static MigSimDisk *
find_disk (MigSimWorld  *world,
           MigSimCall   *call,
           MigSimCopy  **copy,
           GError      **error)
{
  *copy = mig_sim_call_find_copy (world, call, error);
  if (*copy == NULL)
    return NULL;

  return mig_sim_find_disk ((*copy)->live ? (*copy)->disks : (*copy)->defined_disks, call->target, error);
}

static MigSimMirror *
find_mirror (MigSimWorld  *world,
             MigSimCall   *call,
             GError      **error)
{
  MigSimCopy *copy;
  MigSimMirror *mirror;

  if (find_disk (world, call, &copy, error) == NULL)
    return NULL;

  mirror = mig_sim_mirror_find (world, copy, call->target);
  if (mirror == NULL)
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "disk “%s” does not have an active block job", call->target);

  return mirror;
}

gboolean
mig_sim_block_abort (MigSimWorld  *world,
                     MigSimCall   *call,
                     MigSimReply  *reply,
                     GError      **error)
{
  MigSimMirror *mirror = find_mirror (world, call, error);

  if (mirror == NULL)
    return FALSE;
  if ((call->flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) != 0)
    return mig_sim_mirror_pivot (world, mirror, error);
  mig_sim_mirror_cancel (world, mirror);

  return TRUE;
}

gboolean
mig_sim_block_get_info (MigSimWorld  *world,
                        MigSimCall   *call,
                        MigSimReply  *reply,
                        GError      **error)
{
  MigSimMirror *mirror;
  MigSimCopy *copy;

  if (find_disk (world, call, &copy, error) == NULL)
    return FALSE;

  mirror = mig_sim_mirror_find (world, copy, call->target);
  if (mirror == NULL)
    reply->object = g_object_new (MIG_TYPE_BLOCK_JOB_INFO, NULL);
  else
    reply->object = g_object_new (MIG_TYPE_BLOCK_JOB_INFO,
                                  "kind", MIG_BLOCK_JOB_KIND_COPY,
                                  "current", mig_sim_mirror_get_current (world, mirror),
                                  "end", mirror->end,
                                  "bandwidth", mirror->bandwidth,
                                  "ready", mirror->ready,
                                  NULL);

  return TRUE;
}

gboolean
mig_sim_block_set_bandwidth (MigSimWorld  *world,
                             MigSimCall   *call,
                             MigSimReply  *reply,
                             GError      **error)
{
  MigSimMirror *mirror = find_mirror (world, call, error);

  if (mirror != NULL)
    mig_sim_mirror_set_bandwidth (world, mirror, call->number);

  return mirror != NULL;
}

/* The volume behind a disk of the domain. */
static MigSimVolume *
find_storage (MigSimWorld  *world,
              MigSimCall   *call,
              MigSimCopy  **copy,
              GError      **error)
{
  MigSimDisk *disk = find_disk (world, call, copy, error);
  MigSimVolume *volume = disk != NULL ? mig_sim_world_find_volume (world, (*copy)->host, disk->source) : NULL;

  if (disk != NULL && volume == NULL)
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "disk “%s” has no storage", call->target);

  return volume;
}

gboolean
mig_sim_block_resize (MigSimWorld  *world,
                      MigSimCall   *call,
                      MigSimReply  *reply,
                      GError      **error)
{
  MigSimCopy *copy;
  MigSimVolume *volume = find_storage (world, call, &copy, error);

  if (volume == NULL || mig_sim_call_is_blocked (world, copy, reply))
    return FALSE;
  if (mig_sim_mirror_find (world, copy, call->target) != NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "disk “%s” has an active block job", call->target);
      return FALSE;
    }
  volume->capacity = call->number;
  mig_sim_world_changed (world);

  return TRUE;
}

gboolean
mig_sim_block_get_length (MigSimWorld  *world,
                          MigSimCall   *call,
                          MigSimReply  *reply,
                          GError      **error)
{
  MigSimCopy *copy;
  MigSimVolume *volume = find_storage (world, call, &copy, error);

  if (volume != NULL)
    reply->number = volume->capacity;

  return volume != NULL;
}

static gpointer
describe_volume (MigSimWorld  *world,
                 MigSimVolume *volume)
{
  g_autofree char *name = g_path_get_basename (volume->key);
  g_autofree char *identity = NULL;

  /* Storage of a host's own has none, as with real pools. */
  if (mig_sim_volume_is_shared (world, volume))
    identity = g_strconcat ("shared:", volume->key, NULL);

  return g_object_new (MIG_TYPE_VOLUME,
                       "source", volume->source,
                       "pool", "sim",
                       "name", name,
                       "capacity", volume->capacity,
                       "allocation", volume->content != NULL ? volume->capacity : 0,
                       "identity", identity,
                       "backing-known", TRUE,
                       NULL);
}

gboolean
mig_sim_volume_lookup (MigSimWorld  *world,
                       MigSimCall   *call,
                       MigSimReply  *reply,
                       GError      **error)
{
  MigSimHost *host = mig_sim_world_find_host (world, call->host, error);
  MigSimVolume *volume = host != NULL ? mig_sim_world_find_volume (world, host, call->source) : NULL;
  g_autofree char *place = NULL;

  if (volume != NULL)
    {
      reply->object = describe_volume (world, volume);
      return TRUE;
    }

  place = mig_disk_source_to_string (call->source);
  if (host != NULL)
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "%s has no volume %s", call->host, place);

  return FALSE;
}

gboolean
mig_sim_volume_create (MigSimWorld  *world,
                       MigSimCall   *call,
                       MigSimReply  *reply,
                       GError      **error)
{
  MigSimHost *host = mig_sim_world_find_host (world, call->host, error);
  MigSimVolume *volume = host != NULL ? mig_sim_world_find_volume (world, host, call->source) : NULL;
  g_autofree char *place = NULL;
  g_autofree char *token = NULL;

  if (host == NULL)
    return FALSE;

  /* A repetition is known to the object that made the volume, and to no other. */
  token = g_strdup_printf ("%s@%" G_GUINT64_FORMAT, call->text, call->client.nonce);
  if (volume != NULL && g_strcmp0 (volume->token, token) != 0)
    {
      place = mig_disk_source_to_string (call->source);
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "%s has a volume %s already", call->host, place);
      return FALSE;
    }
  if (volume == NULL)
    {
      volume = mig_sim_world_add_volume (world, host, call->source, call->number);
      volume->token = g_steal_pointer (&token);
    }
  reply->object = describe_volume (world, volume);

  return TRUE;
}

gboolean
mig_sim_volume_remove (MigSimWorld  *world,
                       MigSimCall   *call,
                       MigSimReply  *reply,
                       GError      **error)
{
  MigSimHost *host = mig_sim_world_find_host (world, call->host, error);
  g_autofree char *key = NULL;

  if (host == NULL)
    return FALSE;

  key = mig_disk_source_to_string (call->source);
  if (!g_hash_table_remove (host->volumes, key) && !g_hash_table_remove (world->shared, key))
    return TRUE;
  mig_sim_world_changed (world);
  mig_sim_check_all (world);

  return TRUE;
}

gboolean
mig_sim_block_define_source (MigSimWorld  *world,
                             MigSimCall   *call,
                             MigSimReply  *reply,
                             GError      **error)
{
  MigSimCopy *copy = mig_sim_call_find_copy (world, call, error);
  MigSimDisk *disk;

  if (copy == NULL || mig_sim_call_is_blocked (world, copy, reply))
    return FALSE;
  if (!copy->defined)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "%s is transient", copy->guest->name);
      return FALSE;
    }
  disk = mig_sim_find_disk (copy->defined_disks, call->target, error);
  if (disk == NULL)
    return FALSE;
  g_set_object (&disk->source, call->source);
  mig_sim_world_changed (world);

  return TRUE;
}
