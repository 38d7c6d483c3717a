/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-world-private.h"

#include <libmig/mig-error.h>

/* What is looked at before a migration starts, and its start. */

#define DEFAULT_DOWNTIME 0.3

static gboolean
is_copied (char       **copy_disks,
           const char  *target)
{
  return copy_disks != NULL && g_strv_contains ((const char * const *) copy_disks, target);
}

static gboolean
check_disk (MigSimWorld  *world,
            MigSimCall   *call,
            MigSimHost   *from,
            MigSimHost   *to,
            MigSimDisk   *disk,
            GError      **error)
{
  MigSimVolume *here = mig_sim_world_find_volume (world, from, disk->source);
  MigSimVolume *there = mig_sim_world_find_volume (world, to, disk->source);

  if (!is_copied (call->disks, disk->target) && here != NULL && here != there &&
      (call->flags & MIG_MIGRATE_FLAGS_UNSAFE) == 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INCOMPATIBLE, "migration of disk %s without shared storage is unsafe",
                   disk->target);
      return FALSE;
    }
  if (is_copied (call->disks, disk->target) && there == here)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "disk %s is the same on both hosts", disk->target);
      return FALSE;
    }
  if (there == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "%s cannot access the storage of disk %s", to->name,
                   disk->target);
      return FALSE;
    }

  return TRUE;
}

static gboolean
check_disks (MigSimWorld  *world,
             MigSimCall   *call,
             MigSimCopy   *copy,
             MigSimHost   *to,
             GError      **error)
{
  for (guint i = 0; call->disks != NULL && call->disks[i] != NULL; i++)
    {
      if (mig_sim_find_disk (copy->disks, call->disks[i], error) == NULL)
        return FALSE;
    }
  for (guint i = 0; i < copy->disks->len; i++)
    {
      if (!check_disk (world, call, copy->host, to, g_ptr_array_index (copy->disks, i), error))
        return FALSE;
    }

  return TRUE;
}

static gboolean
check_source (MigSimWorld  *world,
              MigSimCopy   *copy,
              GError      **error)
{
  if (!copy->live || (copy->state != MIG_DOMAIN_STATE_RUNNING && copy->state != MIG_DOMAIN_STATE_PAUSED))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "%s does not run on %s", copy->guest->name,
                   copy->host->name);
      return FALSE;
    }
  if (mig_sim_migration_find (world, copy->guest) != NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "another migration job is already running for %s",
                   copy->guest->name);
      return FALSE;
    }
  if (mig_sim_mirror_find (world, copy, NULL) != NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "%s has an active block job", copy->guest->name);
      return FALSE;
    }

  return TRUE;
}

static gboolean
check_destination (MigSimGuest  *guest,
                   MigSimHost   *host,
                   GError      **error)
{
  MigSimCopy *other = mig_sim_host_find_copy (host, guest->uuid, NULL);

  if (other == NULL)
    other = mig_sim_host_find_copy (host, guest->name, NULL);
  if (other == NULL || (other->guest == guest && !other->live))
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "%s already has a domain %s", host->name, guest->name);

  return FALSE;
}

static void
receive (MigSimWorld     *world,
         MigSimMigration *self)
{
  MigSimCopy *source = mig_sim_migration_get_source (self);
  MigSimCopy *destination = mig_sim_migration_get_destination (self);

  if (destination == NULL)
    destination = mig_sim_world_add_copy (world, self->destination, self->guest);
  destination->live = TRUE;
  destination->incoming = TRUE;
  destination->run = ++world->last_id;
  destination->state = MIG_DOMAIN_STATE_PAUSED_MIGRATION;
  g_free (destination->mark);
  destination->mark = g_strdup (source->mark);
  g_ptr_array_unref (destination->disks);
  destination->disks = mig_sim_disks_copy (source->disks);
  mig_sim_world_emit (world, self->destination, self->guest->uuid, MIG_DRIVER_EVENT_STARTED, "migration");
}

/* The post-copy whose connection broke goes on. */
static gboolean
take_up_again (MigSimWorld      *world,
               MigSimMigration  *self,
               MigSimCall       *call,
               guint64          *id,
               GError          **error)
{
  if (mig_sim_world_get_link (world, self->source, self->destination) == 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONNECTION, "%s cannot reach %s", self->source->name,
                   self->destination->name);
      return FALSE;
    }

  self->id = *id = ++world->last_id;
  self->client = call->client;
  self->silent = call->silent;
  mig_sim_migration_get_source (self)->state = MIG_DOMAIN_STATE_PAUSED_POST_COPY;
  mig_sim_migration_get_destination (self)->state = MIG_DOMAIN_STATE_POST_COPY;
  mig_sim_migration_begin_stage (world, self, MIG_SIM_STAGE_POST_COPY, self->remaining, 0);

  return TRUE;
}

gboolean
mig_sim_migration_start (MigSimWorld  *world,
                         MigSimCall   *call,
                         guint64      *id,
                         GError      **error)
{
  MigSimHost *from = mig_sim_world_find_host (world, call->host, error);
  MigSimHost *to = from != NULL ? mig_sim_world_find_host (world, call->destination, error) : NULL;
  MigSimCopy *copy = to != NULL ? mig_sim_host_find_copy (from, call->domain, error) : NULL;
  MigSimMigration *self;

  if (copy == NULL)
    return FALSE;
  if (from == to)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "source and destination are the same host");
      return FALSE;
    }

  self = mig_sim_migration_find (world, copy->guest);
  if (self != NULL && self->stage == MIG_SIM_STAGE_BROKEN && self->destination == to &&
      (call->flags & MIG_MIGRATE_FLAGS_RESUME) != 0)
    return take_up_again (world, self, call, id, error);
  if ((call->flags & MIG_MIGRATE_FLAGS_RESUME) != 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "%s has no post-copy migration that broke",
                   copy->guest->name);
      return FALSE;
    }
  if (!check_source (world, copy, error) || !check_destination (copy->guest, to, error) ||
      !check_disks (world, call, copy, to, error))
    return FALSE;

  self = g_new0 (MigSimMigration, 1);
  self->id = *id = ++world->last_id;
  self->guest = copy->guest;
  self->source = from;
  self->destination = to;
  self->direct = call->direct;
  self->flags = call->flags;
  self->copy_disks = g_strdupv (call->disks);
  self->bandwidth = call->number;
  self->max_downtime = call->value > 0 ? call->value : DEFAULT_DOWNTIME;
  self->client = call->client;
  self->silent = call->silent;
  self->before = copy->state;
  self->started = world->now;
  self->throttle = 1;
  g_ptr_array_add (world->migrations, self);
  receive (world, self);
  mig_sim_migration_begin_stage (world, self, MIG_SIM_STAGE_SETUP, 0, world->settings->setup);
  if (mig_sim_world_get_link (world, from, to) == 0)
    mig_sim_migration_cut (world, self);

  return TRUE;
}
