/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-world-private.h"

#include <libmig/mig-error.h>

/* A migration as QEMU and libvirt do it: set-up, local disks, passes over memory until what the guest dirtied in the
 * last one fits into the downtime limit, then the switch-over, in which both sides stand still. A peer-to-peer one is
 * driven by the daemons and goes on without its client. A direct one is driven by its client: it is cancelled when the
 * client dies before the switch-over; in the switch-over it waits for the client, and when that is dead, the
 * destination is destroyed and the source stays paused. */

#define MAX_PASS (G_GINT64_CONSTANT (1) << 50) /* microseconds */

MigSimCopy *
mig_sim_migration_get_source (MigSimMigration *self)
{
  return g_hash_table_lookup (self->source->copies, self->guest->uuid);
}

MigSimCopy *
mig_sim_migration_get_destination (MigSimMigration *self)
{
  return g_hash_table_lookup (self->destination->copies, self->guest->uuid);
}

void
mig_sim_migration_free (MigSimMigration *self)
{
  g_strfreev (self->copy_disks);
  g_free (self);
}

MigSimMigration *
mig_sim_migration_find (MigSimWorld *world,
                        MigSimGuest *guest)
{
  for (guint i = 0; i < world->migrations->len; i++)
    {
      MigSimMigration *migration = g_ptr_array_index (world->migrations, i);

      if (migration->guest == guest && migration->stage != MIG_SIM_STAGE_ENDED)
        return migration;
    }

  return NULL;
}

static gint64
rate_of (MigSimWorld     *world,
         MigSimMigration *self)
{
  gint64 rate = mig_sim_world_get_link (world, self->source, self->destination);
  gint64 n_sharing = 1;

  for (guint i = 0; i < world->migrations->len; i++)
    {
      MigSimMigration *other = g_ptr_array_index (world->migrations, i);

      if (other != self && other->source == self->source && other->stage != MIG_SIM_STAGE_ENDED)
        n_sharing++;
    }
  rate /= n_sharing;
  if (self->bandwidth > 0)
    rate = MIN (rate, self->bandwidth);

  return MAX (rate, 1);
}

void
mig_sim_migration_begin_stage (MigSimWorld     *world,
                               MigSimMigration *self,
                               MigSimStage      stage,
                               gint64           bytes,
                               double           seconds)
{
  double needed;

  self->stage = stage;
  self->stage_start = world->now;
  self->rate = rate_of (world, self);
  self->remaining = bytes;
  needed = (double) bytes / self->rate * G_USEC_PER_SEC;
  self->stage_end = world->now + MAX (mig_sim_seconds (seconds), (gint64) MIN (needed, (double) MAX_PASS));
  mig_sim_world_changed (world);
}

static void
begin_pass (MigSimWorld     *world,
            MigSimMigration *self,
            gint64           bytes)
{
  g_autofree char *number = NULL;

  self->iteration++;
  if ((self->flags & MIG_MIGRATE_FLAGS_THROTTLE) != 0 && self->iteration > 2)
    self->throttle = MAX (0.01, 0.8 - 0.1 * (self->iteration - 3));
  mig_sim_migration_begin_stage (world, self, MIG_SIM_STAGE_PASS, bytes, 0);
  number = g_strdup_printf ("%" G_GINT64_FORMAT, self->iteration);
  mig_sim_world_emit (world, self->source, self->guest->uuid, MIG_DRIVER_EVENT_ITERATION, number);
}

static MigSimVolume *
find_copied (MigSimWorld     *world,
             MigSimMigration *self,
             MigSimHost      *host,
             const char      *target)
{
  MigSimDisk *disk = mig_sim_find_disk (mig_sim_migration_get_destination (self)->disks, target, NULL);

  return disk != NULL ? mig_sim_world_find_volume (world, host, disk->source) : NULL;
}

static void
begin_disks (MigSimWorld     *world,
             MigSimMigration *self)
{
  for (guint i = 0; self->copy_disks[i] != NULL; i++)
    {
      MigSimVolume *from = find_copied (world, self, self->source, self->copy_disks[i]);
      MigSimVolume *to = find_copied (world, self, self->destination, self->copy_disks[i]);

      if (from != NULL)
        self->disk_total += from->capacity;
      if (to != NULL)
        mig_sim_volume_spoil (to);
    }
  mig_sim_migration_begin_stage (world, self, MIG_SIM_STAGE_DISKS, self->disk_total, 0);
}

/* The hypervisor notices only now that a disk has another length than its copy, or has gone. */
static gboolean
disks_fit (MigSimWorld     *world,
           MigSimMigration *self)
{
  for (guint i = 0; self->copy_disks[i] != NULL; i++)
    {
      MigSimVolume *from = find_copied (world, self, self->source, self->copy_disks[i]);
      MigSimVolume *to = find_copied (world, self, self->destination, self->copy_disks[i]);

      if (from == NULL || to == NULL || from->capacity != to->capacity)
        return FALSE;
    }

  return TRUE;
}

static void
hand_over_disks (MigSimWorld     *world,
                 MigSimMigration *self)
{
  for (guint i = 0; self->copy_disks != NULL && self->copy_disks[i] != NULL; i++)
    {
      MigSimVolume *to = find_copied (world, self, self->destination, self->copy_disks[i]);

      if (to != NULL)
        mig_sim_volume_take (to, self->guest, self->copy_disks[i]);
    }
}

/* The call that started it returns; what it returns is one thing, and what becomes of the migration another. */
static void
answer (MigSimWorld     *world,
        MigSimMigration *self,
        int              code,
        const char      *reason)
{
  MigSimResult *result;

  mig_sim_world_changed (world);
  if (self->silent)
    return;

  result = g_new0 (MigSimResult, 1);
  result->id = self->id;
  result->client = self->client;
  result->code = code;
  result->message = g_strdup (reason);
  g_ptr_array_add (world->results, result);
  self->silent = TRUE;
}

static void
end (MigSimWorld     *world,
     MigSimMigration *self,
     int              code,
     const char      *reason)
{
  self->stage = MIG_SIM_STAGE_ENDED;
  answer (world, self, code, reason);
}

void
mig_sim_migration_forget (MigSimWorld *world,
                          guint64      id)
{
  for (guint i = 0; i < world->migrations->len; i++)
    {
      MigSimMigration *migration = g_ptr_array_index (world->migrations, i);

      if (migration->id == id)
        migration->silent = TRUE;
    }
  for (guint i = 0; i < world->results->len; i++)
    {
      MigSimResult *result = g_ptr_array_index (world->results, i);

      if (result->id == id)
        {
          g_ptr_array_remove_index (world->results, i);
          break;
        }
    }
  mig_sim_world_changed (world);
}

static void
drop_destination (MigSimWorld     *world,
                  MigSimMigration *self)
{
  MigSimCopy *destination = mig_sim_migration_get_destination (self);

  if (destination == NULL || !destination->live)
    return;

  destination->live = FALSE;
  destination->incoming = FALSE;
  mig_sim_world_drop_copy (world, destination);
  mig_sim_world_emit (world, self->destination, self->guest->uuid, MIG_DRIVER_EVENT_STOPPED, "failed");
}

void
mig_sim_migration_fail (MigSimWorld     *world,
                        MigSimMigration *self,
                        MigError         code,
                        const char      *reason)
{
  MigSimCopy *source = mig_sim_migration_get_source (self);

  drop_destination (world, self);
  /* Also a source that somebody paused meanwhile: the hypervisor goes by how it found the guest. */
  if (source != NULL && source->live && source->state == MIG_DOMAIN_STATE_PAUSED_MIGRATION)
    {
      source->state = self->before;
      if (source->state == MIG_DOMAIN_STATE_RUNNING)
        mig_sim_world_emit (world, self->source, self->guest->uuid, MIG_DRIVER_EVENT_RESUMED, "migration");
    }
  end (world, self, code, reason);
}

void
mig_sim_migration_orphan (MigSimWorld     *world,
                          MigSimMigration *self)
{
  if (self->stage == MIG_SIM_STAGE_POST_COPY || self->stage == MIG_SIM_STAGE_BROKEN)
    {
      self->direct = FALSE;
      mig_sim_world_changed (world);
    }
  else if (self->stage == MIG_SIM_STAGE_SWITCH_OVER)
    {
      drop_destination (world, self);
      end (world, self, MIG_ERROR_CONNECTION, "the client is gone");
    }
  else
    mig_sim_migration_fail (world, self, MIG_ERROR_CONNECTION, "the client is gone");
}

void
mig_sim_migration_bereave (MigSimWorld     *world,
                           MigSimMigration *self,
                           MigSimCopy      *gone)
{
  MigSimCopy *left = mig_sim_migration_get_destination (self);

  if (left == gone)
    left = mig_sim_migration_get_source (self);
  if (self->stage == MIG_SIM_STAGE_POST_COPY || self->stage == MIG_SIM_STAGE_BROKEN)
    {
      left->state = MIG_DOMAIN_STATE_POST_COPY_FAILED;
      end (world, self, MIG_ERROR_FAILED, "a side of a post-copy migration was destroyed");
    }
  else
    mig_sim_migration_fail (world, self, MIG_ERROR_FAILED, "a side of the migration was destroyed");
}

static void
record_figures (MigSimWorld     *world,
                MigSimMigration *self,
                MigSimCopy      *copy)
{
  copy->elapsed = world->now - self->started;
  copy->downtime = self->window_start > 0 ? world->now - self->window_start : 0;
  copy->moved_memory = self->processed;
  copy->moved_disk = self->disk_total;
  copy->n_passes = self->iteration;
}

static void
complete (MigSimWorld     *world,
          MigSimMigration *self)
{
  MigSimCopy *source = mig_sim_migration_get_source (self);
  MigSimCopy *destination = mig_sim_migration_get_destination (self);

  self->processed += self->remaining;
  if (self->stage != MIG_SIM_STAGE_POST_COPY)
    hand_over_disks (world, self);
  destination->incoming = FALSE;
  destination->state = self->before;
  record_figures (world, self, destination);
  if ((self->flags & MIG_MIGRATE_FLAGS_PERSIST) != 0)
    {
      destination->defined = TRUE;
      destination->off_state = MIG_DOMAIN_STATE_SHUT_OFF;
      g_free (destination->defined_mark);
      destination->defined_mark = g_strdup (source->mark);
      g_ptr_array_unref (destination->defined_disks);
      destination->defined_disks = mig_sim_disks_copy (source->defined ? source->defined_disks : source->disks);
      source->defined = FALSE;
    }
  mig_sim_world_emit (world, self->destination, self->guest->uuid,
                      self->before == MIG_DOMAIN_STATE_RUNNING ? MIG_DRIVER_EVENT_RESUMED : MIG_DRIVER_EVENT_SUSPENDED,
                      "migration");

  source->live = FALSE;
  source->off_state = MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED;
  mig_sim_world_emit (world, self->source, self->guest->uuid, MIG_DRIVER_EVENT_STOPPED, "migration");
  mig_sim_world_emit (world, self->source, self->guest->uuid, MIG_DRIVER_EVENT_JOB_COMPLETED, "");
  mig_sim_world_drop_copy (world, source);
  end (world, self, -1, NULL);
}

static void
begin_switch_over (MigSimWorld     *world,
                   MigSimMigration *self,
                   gint64           bytes)
{
  MigSimCopy *source = mig_sim_migration_get_source (self);

  self->window_start = world->now;
  mig_sim_migration_begin_stage (world, self, MIG_SIM_STAGE_SWITCH_OVER, bytes, world->settings->switch_over);
  if (mig_sim_client_equal (&self->client, &world->self))
    world->n_switch_overs++;
  if (source->state != MIG_DOMAIN_STATE_RUNNING)
    return;

  source->state = MIG_DOMAIN_STATE_PAUSED_MIGRATION;
  mig_sim_world_emit (world, self->source, self->guest->uuid, MIG_DRIVER_EVENT_SUSPENDED, "migration");
}

/* A pass has ended: what did the guest write meanwhile? */
static void
end_pass (MigSimWorld     *world,
          MigSimMigration *self)
{
  double seconds = (double) (self->stage_end - self->stage_start) / G_USEC_PER_SEC;
  double written = mig_sim_migration_get_source (self)->state == MIG_DOMAIN_STATE_RUNNING
                     ? self->guest->dirty_rate * self->throttle * seconds
                     : 0;
  gint64 dirty = (gint64) MIN (written, (double) self->guest->memory);

  self->processed += self->remaining;
  if (dirty <= self->rate * self->max_downtime)
    begin_switch_over (world, self, dirty);
  else
    begin_pass (world, self, dirty);
}

void
mig_sim_migration_turn (MigSimWorld     *world,
                        MigSimMigration *self)
{
  if (self->failing)
    {
      mig_sim_migration_fail (world, self, MIG_ERROR_FAILED, "the connection between the hosts broke");
      return;
    }

  switch (self->stage)
    {
    case MIG_SIM_STAGE_SETUP:
      if (self->copy_disks != NULL && self->copy_disks[0] != NULL)
        begin_disks (world, self);
      else
        begin_pass (world, self, self->guest->memory);
      break;
    case MIG_SIM_STAGE_DISKS:
      if (disks_fit (world, self))
        begin_pass (world, self, self->guest->memory);
      else
        mig_sim_migration_fail (world, self, MIG_ERROR_FAILED, "source and target image have different sizes");
      break;
    case MIG_SIM_STAGE_PASS:
      end_pass (world, self);
      break;
    case MIG_SIM_STAGE_SWITCH_OVER:
    case MIG_SIM_STAGE_POST_COPY:
      complete (world, self);
      break;
    case MIG_SIM_STAGE_BROKEN:
    case MIG_SIM_STAGE_ENDED:
    default:
      break;
    }
}

/* With local disks, aborting in the switch-over ends QEMU by an assertion: its disks are handed over already. */
static void
crash_source (MigSimWorld     *world,
              MigSimMigration *self)
{
  MigSimCopy *source = mig_sim_migration_get_source (self);

  drop_destination (world, self);
  source->live = FALSE;
  source->off_state = MIG_DOMAIN_STATE_CRASHED;
  mig_sim_world_emit (world, self->source, self->guest->uuid, MIG_DRIVER_EVENT_STOPPED, "crashed");
  mig_sim_world_drop_copy (world, source);
  end (world, self, MIG_ERROR_FAILED, "the source's hypervisor process crashed");
}

gboolean
mig_sim_migration_abort (MigSimWorld      *world,
                         MigSimMigration  *self,
                         GError          **error)
{
  if (self->stage == MIG_SIM_STAGE_POST_COPY || self->stage == MIG_SIM_STAGE_BROKEN)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "cannot abort a migration in post-copy");
      return FALSE;
    }

  if (self->stage == MIG_SIM_STAGE_SWITCH_OVER && self->disk_total > 0 && !self->direct)
    crash_source (world, self);
  else
    mig_sim_migration_fail (world, self, MIG_ERROR_FAILED, "cancelled by a client");

  return TRUE;
}

static gboolean
start_post_copy (MigSimWorld      *world,
                 MigSimMigration  *self,
                 GError          **error)
{
  if (self->stage == MIG_SIM_STAGE_POST_COPY)
    return TRUE;
  if ((self->flags & MIG_MIGRATE_FLAGS_POST_COPY) == 0 || self->stage != MIG_SIM_STAGE_PASS ||
      mig_sim_migration_get_source (self)->state != MIG_DOMAIN_STATE_RUNNING)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "the migration cannot switch to post-copy now");
      return FALSE;
    }

  hand_over_disks (world, self);
  mig_sim_migration_get_source (self)->state = MIG_DOMAIN_STATE_PAUSED_POST_COPY;
  mig_sim_migration_get_destination (self)->state = MIG_DOMAIN_STATE_POST_COPY;
  mig_sim_migration_get_destination (self)->incoming = FALSE;
  mig_sim_migration_begin_stage (world, self, MIG_SIM_STAGE_POST_COPY, self->remaining, world->settings->switch_over);
  mig_sim_world_emit (world, self->source, self->guest->uuid, MIG_DRIVER_EVENT_SUSPENDED, "post-copy");
  mig_sim_world_emit (world, self->destination, self->guest->uuid, MIG_DRIVER_EVENT_RESUMED, "post-copy");

  return TRUE;
}

/* Changes the speed of the stage that runs: what has been moved so far stays moved. */
static void
change_rate (MigSimWorld     *world,
             MigSimMigration *self)
{
  double moved = (double) (world->now - self->stage_start) / G_USEC_PER_SEC * self->rate;
  gint64 left = MAX (0, self->remaining - (gint64) moved);

  if (self->stage != MIG_SIM_STAGE_PASS && self->stage != MIG_SIM_STAGE_DISKS)
    return;

  if (self->stage == MIG_SIM_STAGE_PASS)
    self->processed += self->remaining - left;
  mig_sim_migration_begin_stage (world, self, self->stage, left, 0);
}

gboolean
mig_sim_migration_tune (MigSimWorld      *world,
                        MigSimMigration  *self,
                        MigTunable        tunable,
                        double            value,
                        GError          **error)
{
  switch (tunable)
    {
    case MIG_TUNABLE_MAX_DOWNTIME:
      self->max_downtime = value;
      break;
    case MIG_TUNABLE_BANDWIDTH:
      self->bandwidth = (gint64) value;
      change_rate (world, self);
      break;
    case MIG_TUNABLE_POST_COPY:
      return start_post_copy (world, self, error);
    default:
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "unknown tunable %d", tunable);
      return FALSE;
    }
  mig_sim_world_changed (world);

  return TRUE;
}

void
mig_sim_migration_cut (MigSimWorld     *world,
                       MigSimMigration *self)
{
  mig_sim_world_changed (world);
  if (self->stage != MIG_SIM_STAGE_POST_COPY)
    {
      self->failing = TRUE;
      self->stage_end = world->now + mig_sim_seconds (world->settings->link_timeout);
      return;
    }

  self->stage = MIG_SIM_STAGE_BROKEN;
  answer (world, self, MIG_ERROR_FAILED, "the migration failed in post-copy");
  mig_sim_migration_get_source (self)->state = MIG_DOMAIN_STATE_POST_COPY_FAILED;
  mig_sim_migration_get_destination (self)->state = MIG_DOMAIN_STATE_POST_COPY_FAILED;
  mig_sim_world_emit (world, self->source, self->guest->uuid, MIG_DRIVER_EVENT_SUSPENDED, "post-copy");
  mig_sim_world_emit (world, self->destination, self->guest->uuid, MIG_DRIVER_EVENT_RESUMED, "post-copy");
}
