/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-world-private.h"

#include <string.h>

#include <libmig/mig-error.h>

/* A block copy: bytes until the end, a moment in which all of them are there and it is not ready yet, then ready until
 * somebody pivots or cancels. The job is the hypervisor's: it needs no client. */

void
mig_sim_mirror_free (MigSimMirror *self)
{
  g_free (self->uuid);
  g_free (self->target);
  g_object_unref (self->destination);
  g_free (self);
}

MigSimMirror *
mig_sim_mirror_find (MigSimWorld *world,
                     MigSimCopy  *copy,
                     const char  *target)
{
  for (guint i = 0; i < world->mirrors->len; i++)
    {
      MigSimMirror *mirror = g_ptr_array_index (world->mirrors, i);

      if (mirror->host == copy->host && strcmp (mirror->uuid, copy->guest->uuid) == 0 &&
          (target == NULL || strcmp (mirror->target, target) == 0))
        return mirror;
    }

  return NULL;
}

static MigSimCopy *
copy_of (MigSimMirror *self)
{
  return g_hash_table_lookup (self->host->copies, self->uuid);
}

static gint64
rate_of (MigSimWorld  *world,
         MigSimMirror *self)
{
  gint64 rate = world->settings->rate;

  return self->bandwidth > 0 ? MIN (rate, self->bandwidth) : rate;
}

gint64
mig_sim_mirror_get_current (MigSimWorld  *world,
                            MigSimMirror *self)
{
  double copied = (double) (world->now - self->base_time) / G_USEC_PER_SEC * rate_of (world, self);

  return (gint64) MIN ((double) self->end, self->base + copied);
}

static void
set_pace (MigSimWorld  *world,
          MigSimMirror *self,
          gint64        bandwidth)
{
  self->base = mig_sim_mirror_get_current (world, self);
  self->base_time = world->now;
  self->bandwidth = bandwidth;
  self->due = world->now + mig_sim_seconds ((double) (self->end - self->base) / rate_of (world, self) +
                                            world->settings->ready_lag);
  mig_sim_world_changed (world);
}

void
mig_sim_mirror_set_bandwidth (MigSimWorld  *world,
                              MigSimMirror *self,
                              gint64        bandwidth)
{
  if (!self->ready)
    set_pace (world, self, bandwidth);
  self->bandwidth = bandwidth;
}

/* The destination, made unless the caller says that it is there. */
static MigSimVolume *
get_destination (MigSimWorld   *world,
                 MigSimHost    *host,
                 MigSimCall    *call,
                 gint64         capacity,
                 GError       **error)
{
  MigSimVolume *volume = mig_sim_world_find_volume (world, host, call->source);
  g_autofree char *place = mig_disk_source_to_string (call->source);
  gboolean reuse = (call->flags & MIG_BLOCK_COPY_FLAGS_REUSE) != 0;

  if (reuse && volume == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "missing destination %s for disk %s", place, call->target);
      return NULL;
    }
  if (!reuse && volume != NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "destination %s for disk %s exists", place, call->target);
      return NULL;
    }

  return volume != NULL ? volume : mig_sim_world_add_volume (world, host, call->source, capacity);
}

static gboolean
check_start (MigSimWorld  *world,
             MigSimCopy   *copy,
             MigSimCall   *call,
             GError      **error)
{
  if (!copy->live)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "%s does not run", copy->guest->name);
      return FALSE;
    }
  if (mig_sim_mirror_find (world, copy, call->target) != NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "disk “%s” has an active block job", call->target);
      return FALSE;
    }
  if (copy->defined && (call->flags & MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB) == 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "%s is not transient", copy->guest->name);
      return FALSE;
    }

  return TRUE;
}

gboolean
mig_sim_mirror_start (MigSimWorld  *world,
                      MigSimCall   *call,
                      GError      **error)
{
  MigSimHost *host = mig_sim_world_find_host (world, call->host, error);
  MigSimCopy *copy = host != NULL ? mig_sim_host_find_copy (host, call->domain, error) : NULL;
  MigSimDisk *disk = copy != NULL ? mig_sim_find_disk (copy->disks, call->target, error) : NULL;
  MigSimVolume *from = disk != NULL ? mig_sim_world_find_volume (world, host, disk->source) : NULL;
  MigSimVolume *to;
  MigSimMirror *self;
  gint64 slice;

  if (disk == NULL || !check_start (world, copy, call, error))
    return FALSE;
  if (from == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "disk “%s” has no storage", call->target);
      return FALSE;
    }
  to = get_destination (world, host, call, from->capacity, error);
  if (to == NULL)
    return FALSE;

  slice = mig_disk_source_get_slice (call->source);
  self = g_new0 (MigSimMirror, 1);
  self->id = ++world->last_id;
  self->uuid = g_strdup (copy->guest->uuid);
  self->target = g_strdup (call->target);
  self->host = host;
  self->destination = g_object_ref (call->source);
  self->end = from->capacity;
  self->base_time = world->now;
  self->doomed = (slice > 0 ? slice : to->capacity) != from->capacity || slice > to->capacity || to == from;
  g_ptr_array_add (world->mirrors, self);
  if (to != from)
    mig_sim_volume_spoil (to);
  set_pace (world, self, call->number);
  if (self->doomed)
    self->due = world->now;

  return TRUE;
}

static void
drop (MigSimWorld    *world,
      MigSimMirror   *self,
      MigDriverEvent  event)
{
  mig_sim_world_emit (world, self->host, self->uuid, event, self->target);
  g_ptr_array_remove (world->mirrors, self);
}

void
mig_sim_mirror_turn (MigSimWorld  *world,
                     MigSimMirror *self)
{
  if (self->doomed)
    {
      drop (world, self, MIG_DRIVER_EVENT_BLOCK_JOB_FAILED);
      return;
    }

  self->ready = TRUE;
  self->due = MIG_SIM_NEVER;
  mig_sim_world_emit (world, self->host, self->uuid, MIG_DRIVER_EVENT_BLOCK_JOB_READY, self->target);
}

void
mig_sim_mirror_cancel (MigSimWorld  *world,
                       MigSimMirror *self)
{
  drop (world, self, MIG_DRIVER_EVENT_BLOCK_JOB_CANCELLED);
}

static void
replace_source (GPtrArray     *disks,
                const char    *target,
                MigDiskSource *source)
{
  MigSimDisk *disk = mig_sim_find_disk (disks, target, NULL);

  if (disk != NULL)
    g_set_object (&disk->source, source);
}

gboolean
mig_sim_mirror_pivot (MigSimWorld   *world,
                      MigSimMirror  *self,
                      GError       **error)
{
  MigSimCopy *copy = copy_of (self);
  MigSimVolume *volume;

  if (!self->ready)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "the block job of disk “%s” is not ready for pivot yet",
                   self->target);
      return FALSE;
    }

  volume = mig_sim_world_find_volume (world, self->host, self->destination);
  if (volume != NULL)
    mig_sim_volume_take (volume, copy->guest, self->target);
  replace_source (copy->disks, self->target, self->destination);
  replace_source (copy->defined_disks, self->target, self->destination);
  drop (world, self, MIG_DRIVER_EVENT_BLOCK_JOB_COMPLETED);

  return TRUE;
}

void
mig_sim_mirror_drop_all (MigSimWorld *world,
                         MigSimCopy  *copy)
{
  MigSimMirror *mirror;

  /* No event tells of these: only that the domain has stopped. */
  while ((mirror = mig_sim_mirror_find (world, copy, NULL)) != NULL)
    g_ptr_array_remove (world->mirrors, mirror);
  mig_sim_world_changed (world);
}
