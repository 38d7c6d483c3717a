/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-call-private.h"

#include <string.h>

#include <libmig/mig-error.h>

/* Between a copy and what the interfaces speak of: descriptions, figures, definitions. */

static MigDisk *
describe_disk (MigSimWorld *world,
               MigSimCopy  *copy,
               MigSimDisk  *disk,
               gboolean     live)
{
  MigSimMirror *mirror = live ? mig_sim_mirror_find (world, copy, disk->target) : NULL;

  return g_object_new (MIG_TYPE_DISK,
                       "target", disk->target,
                       "device", "disk",
                       "source", disk->source,
                       "mirror", mirror != NULL ? mirror->destination : NULL,
                       "mirror-ready", mirror != NULL && mirror->ready,
                       NULL);
}

static GPtrArray *
describe_disks (MigSimWorld *world,
                MigSimCopy  *copy,
                GPtrArray   *disks,
                gboolean     live)
{
  GPtrArray *array = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < disks->len; i++)
    g_ptr_array_add (array, describe_disk (world, copy, g_ptr_array_index (disks, i), live));

  return array;
}

static MigJobKind
job_of (MigSimWorld *world,
        MigSimCopy  *copy)
{
  MigSimMigration *migration = mig_sim_migration_find (world, copy->guest);

  if (migration == NULL)
    return MIG_JOB_KIND_NONE;
  if (migration->source == copy->host)
    return MIG_JOB_KIND_MIGRATION_OUT;

  return migration->destination == copy->host ? MIG_JOB_KIND_MIGRATION_IN : MIG_JOB_KIND_NONE;
}

MigDomainInfo *
mig_sim_copy_describe (MigSimWorld *world,
                       MigSimCopy  *copy)
{
  GPtrArray *own = copy->live ? copy->disks : copy->defined_disks;
  g_autoptr (GPtrArray) disks = describe_disks (world, copy, own, copy->live);
  g_autoptr (GPtrArray) defined = describe_disks (world, copy, copy->defined_disks, FALSE);
  g_autofree char *definition = mig_sim_copy_print_definition (copy, !copy->live);
  g_autofree char *persistent = copy->defined ? mig_sim_copy_print_definition (copy, TRUE) : NULL;

  return g_object_new (MIG_TYPE_DOMAIN_INFO,
                       "uuid", copy->guest->uuid,
                       "name", copy->guest->name,
                       "state", copy->live ? copy->state : copy->off_state,
                       "id", copy->live ? (gint64) copy->run : -1,
                       "persistent", copy->defined,
                       "memory", copy->guest->memory,
                       "mark", copy->live ? copy->mark : copy->defined_mark,
                       "job", job_of (world, copy),
                       "disks", disks,
                       "persistent-disks", defined,
                       "definition", definition,
                       "persistent-definition", persistent,
                       NULL);
}

#define LAG 4096 /* bytes */

static MigJobStats *
describe_outgoing (MigSimWorld     *world,
                   MigSimMigration *migration)
{
  double seconds = (double) (world->now - migration->stage_start) / G_USEC_PER_SEC;
  gint64 moved = (gint64) MIN ((double) migration->remaining, seconds * migration->rate);
  gint64 left = migration->remaining - moved;
  gboolean memory = migration->stage != MIG_SIM_STAGE_DISKS && migration->stage != MIG_SIM_STAGE_SETUP;
  gboolean writing = memory && mig_sim_migration_get_source (migration)->state == MIG_DOMAIN_STATE_RUNNING;
  gint64 disk_left = migration->stage == MIG_SIM_STAGE_DISKS ? left : 0;

  /* The mirrors of a guest that writes are never quite there. */
  if (writing && migration->guest->dirty_rate > 0)
    disk_left = MIN (migration->disk_total, LAG);

  /* While disks are copied QEMU knows nothing of memory. */
  return g_object_new (MIG_TYPE_JOB_STATS,
                       "kind", MIG_JOB_KIND_MIGRATION_OUT,
                       "elapsed", (double) (world->now - migration->started) / G_USEC_PER_SEC,
                       "downtime", memory ? (double) left / migration->rate : -1.0,
                       "memory-total", memory ? migration->guest->memory : 0,
                       "memory-processed", memory ? migration->processed + moved : 0,
                       "memory-remaining", memory ? left : 0,
                       "disk-total", migration->disk_total,
                       "disk-processed", migration->disk_total - disk_left,
                       "disk-remaining", disk_left,
                       "rate", (double) migration->rate,
                       "dirty-rate", memory ? migration->guest->dirty_rate * migration->throttle : -1.0,
                       "iteration", migration->iteration,
                       NULL);
}

static MigJobStats *
describe_completed (MigSimCopy *copy)
{
  if (copy->n_passes == 0)
    return g_object_new (MIG_TYPE_JOB_STATS, NULL);

  return g_object_new (MIG_TYPE_JOB_STATS,
                       "kind", MIG_JOB_KIND_MIGRATION_IN,
                       "completed", TRUE,
                       "elapsed", (double) copy->elapsed / G_USEC_PER_SEC,
                       "downtime", (double) copy->downtime / G_USEC_PER_SEC,
                       "memory-total", copy->guest->memory,
                       "memory-processed", copy->moved_memory,
                       "memory-remaining", G_GINT64_CONSTANT (0),
                       "disk-total", copy->moved_disk,
                       "disk-processed", copy->moved_disk,
                       "disk-remaining", G_GINT64_CONSTANT (0),
                       "iteration", copy->n_passes,
                       NULL);
}

MigJobStats *
mig_sim_copy_get_job (MigSimWorld *world,
                      MigSimCopy  *copy,
                      gboolean     completed)
{
  MigSimMigration *migration = mig_sim_migration_find (world, copy->guest);

  if (completed)
    return describe_completed (copy);
  if (migration != NULL && migration->source == copy->host)
    return describe_outgoing (world, migration);
  if (migration != NULL && migration->destination == copy->host)
    return g_object_new (MIG_TYPE_JOB_STATS, "kind", MIG_JOB_KIND_MIGRATION_IN, NULL);

  return g_object_new (MIG_TYPE_JOB_STATS, NULL);
}

#define DEFINITION_TYPE "(ssxxmsa(sss))"

char *
mig_sim_copy_print_definition (MigSimCopy *copy,
                               gboolean    persistent)
{
  GPtrArray *disks = persistent ? copy->defined_disks : copy->disks;
  const char *mark = persistent ? copy->defined_mark : copy->mark;
  g_autoptr (GVariant) variant = NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sss)"));
  for (guint i = 0; i < disks->len; i++)
    {
      MigSimDisk *disk = g_ptr_array_index (disks, i);
      const char *format = mig_disk_source_get_format (disk->source);
      g_autofree char *place = mig_disk_source_to_string (disk->source);

      g_variant_builder_add (&builder, "(sss)", disk->target, place, format != NULL ? format : "");
    }
  variant = g_variant_ref_sink (g_variant_new ("(ssxxmsa(sss))", copy->guest->uuid, copy->guest->name,
                                               copy->guest->memory, copy->guest->dirty_rate, mark, &builder));

  return g_variant_print (variant, FALSE);
}

static GPtrArray *
read_disks (GVariant  *variant,
            GError   **error)
{
  g_autoptr (GPtrArray) disks = mig_sim_disks_new ();
  const char *target;
  const char *place;
  const char *format;
  GVariantIter iter;

  g_variant_iter_init (&iter, variant);
  while (g_variant_iter_next (&iter, "(&s&s&s)", &target, &place, &format))
    {
      g_autoptr (MigDiskSource) source = mig_disk_source_parse (place, *format != '\0' ? format : NULL, error);

      if (source == NULL)
        return NULL;
      mig_sim_disks_add (disks, target, source);
    }

  return g_steal_pointer (&disks);
}

gboolean
mig_sim_host_define (MigSimWorld  *world,
                     MigSimHost   *host,
                     const char   *definition,
                     GError      **error)
{
  g_autoptr (GVariant) variant = g_variant_parse (G_VARIANT_TYPE (DEFINITION_TYPE), definition, NULL, NULL, NULL);
  g_autoptr (GVariant) disk_list = NULL;
  g_autoptr (GPtrArray) disks = NULL;
  const char *uuid;
  const char *name;
  const char *mark;
  gint64 memory;
  gint64 dirty_rate;
  MigSimGuest *guest;
  MigSimCopy *copy;

  if (variant == NULL)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "this is no definition of a domain");
      return FALSE;
    }

  g_variant_get (variant, "(&s&sxxm&s@a(sss))", &uuid, &name, &memory, &dirty_rate, &mark, &disk_list);
  disks = read_disks (disk_list, error);
  if (disks == NULL)
    return FALSE;
  copy = mig_sim_host_find_copy (host, name, NULL);
  if (copy != NULL && strcmp (copy->guest->uuid, uuid) != 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "%s has another domain named %s", host->name, name);
      return FALSE;
    }

  guest = g_hash_table_lookup (world->guests, uuid);
  if (guest == NULL)
    {
      guest = mig_sim_world_add_guest (world, uuid, name);
      guest->memory = memory;
      guest->dirty_rate = dirty_rate;
    }
  copy = g_hash_table_lookup (host->copies, uuid);
  if (copy == NULL)
    copy = mig_sim_world_add_copy (world, host, guest);
  copy->defined = TRUE;
  g_free (copy->defined_mark);
  copy->defined_mark = g_strdup (mark);
  g_ptr_array_unref (copy->defined_disks);
  copy->defined_disks = g_steal_pointer (&disks);
  mig_sim_world_changed (world);

  return TRUE;
}
