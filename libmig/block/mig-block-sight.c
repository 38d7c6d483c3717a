/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-sight-private.h"

#include <string.h>

#include <libmig/mig-error.h>

MigBlockRef *
mig_block_ref_new (MigComputeDriver  *driver,
                   MigHost           *host,
                   const char        *domain,
                   const char        *target,
                   GError           **error)
{
  MigBlockRef *self;

  if (!MIG_IS_BLOCK_JOB_DRIVER (driver))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "the driver “%s” has no block jobs",
                   mig_compute_driver_get_name (driver));
      return NULL;
    }

  self = g_new0 (MigBlockRef, 1);
  self->driver = g_object_ref (driver);
  self->host = g_object_ref (host);
  self->domain = g_strdup (domain);
  self->target = g_strdup (target);

  return self;
}

MigBlockRef *
mig_block_ref_copy (const MigBlockRef *self)
{
  return mig_block_ref_new (self->driver, self->host, self->domain, self->target, NULL);
}

void
mig_block_ref_free (MigBlockRef *self)
{
  g_object_unref (self->driver);
  g_object_unref (self->host);
  g_free (self->domain);
  g_free (self->target);
  g_free (self);
}

MigBlockJobDriver *
mig_block_ref_get_jobs (const MigBlockRef *self)
{
  return MIG_BLOCK_JOB_DRIVER (self->driver);
}

gboolean
mig_block_has_events (MigComputeDriver *driver)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (driver), "has-events");
  gboolean has = TRUE;

  if (pspec != NULL && pspec->value_type == G_TYPE_BOOLEAN && (pspec->flags & G_PARAM_READABLE) != 0)
    g_object_get (driver, "has-events", &has, NULL);

  return has;
}

gboolean
mig_block_domain_is_active (MigDomainInfo *domain)
{
  switch (mig_domain_info_get_state (domain))
    {
    case MIG_DOMAIN_STATE_SHUT_OFF:
    case MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED:
    case MIG_DOMAIN_STATE_CRASHED:
      return FALSE;
    case MIG_DOMAIN_STATE_UNKNOWN:
    case MIG_DOMAIN_STATE_RUNNING:
    case MIG_DOMAIN_STATE_PAUSED:
    case MIG_DOMAIN_STATE_PAUSED_MIGRATION:
    case MIG_DOMAIN_STATE_PAUSED_POST_COPY:
    case MIG_DOMAIN_STATE_POST_COPY:
    case MIG_DOMAIN_STATE_POST_COPY_FAILED:
    case MIG_DOMAIN_STATE_PAUSED_IO_ERROR:
    default:
      return TRUE;
    }
}

MigDisk *
mig_block_find_disk (GPtrArray  *disks,
                     const char *target)
{
  for (guint i = 0; i < disks->len; i++)
    if (g_strcmp0 (mig_disk_get_target (g_ptr_array_index (disks, i)), target) == 0)
      return g_ptr_array_index (disks, i);

  return NULL;
}

static gboolean
is_path (MigDiskSource *source)
{
  MigDiskSourceKind kind = mig_disk_source_get_kind (source);

  return kind == MIG_DISK_SOURCE_KIND_FILE || kind == MIG_DISK_SOURCE_KIND_BLOCK;
}

/* The next name in a path: doubled slashes and "." stand for nothing. */
static const char *
next_name (const char *path,
           gsize      *length)
{
  for (;;)
    {
      path += strspn (path, "/");
      *length = strcspn (path, "/");
      if (*length != 1 || *path != '.')
        return path;
      path++;
    }
}

static gboolean
is_same_path (const char *one,
              const char *other)
{
  gsize length, other_length;

  if (one == NULL || other == NULL)
    return one == other;

  do
    {
      one = next_name (one, &length);
      other = next_name (other, &other_length);
      if (length != other_length || strncmp (one, other, length) != 0)
        return FALSE;
      one += length;
      other += length;
    }
  while (length > 0);

  return TRUE;
}

gboolean
mig_block_same_place (MigDiskSource *one,
                      MigDiskSource *other)
{
  if (one == NULL || other == NULL)
    return FALSE;
  if (is_path (one) && is_path (other))
    return is_same_path (mig_disk_source_get_path (one), mig_disk_source_get_path (other));

  return mig_disk_source_equal (one, other);
}

gboolean
mig_block_look (const MigBlockRef  *ref,
                gboolean            with_job,
                MigBlockSight      *sight,
                GCancellable       *cancellable,
                GError            **error)
{
  g_autoptr (GError) local = NULL;

  mig_block_sight_clear (sight);

  sight->domain = mig_block_job_driver_look (mig_block_ref_get_jobs (ref), ref->host, ref->domain, ref->target,
                                             with_job ? &sight->job : NULL, cancellable, &local);
  if (sight->domain == NULL)
    {
      if (!g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      sight->place = MIG_BLOCK_PLACE_GONE;
      return TRUE;
    }

  sight->place = mig_block_domain_is_active (sight->domain) ? MIG_BLOCK_PLACE_ACTIVE : MIG_BLOCK_PLACE_STOPPED;
  if (sight->place == MIG_BLOCK_PLACE_STOPPED)
    g_clear_object (&sight->job);
  sight->disk = mig_block_find_disk (sight->place == MIG_BLOCK_PLACE_ACTIVE ?
                                     mig_domain_info_get_disks (sight->domain) :
                                     mig_domain_info_get_persistent_disks (sight->domain), ref->target);

  return TRUE;
}

void
mig_block_sight_clear (MigBlockSight *self)
{
  g_clear_object (&self->domain);
  g_clear_object (&self->job);
  self->disk = NULL;
  self->place = MIG_BLOCK_PLACE_UNKNOWN;
}

MigBlockMirror
mig_block_sight_mirror (const MigBlockSight *self)
{
  if (self->disk == NULL || mig_disk_get_mirror (self->disk) == NULL)
    return MIG_BLOCK_MIRROR_ABSENT;

  return mig_disk_is_mirror_ready (self->disk) ? MIG_BLOCK_MIRROR_READY : MIG_BLOCK_MIRROR_COPYING;
}

void
mig_block_sight_note_whole (const MigBlockSight *self,
                            gint64              *since)
{
  gint64 end = self->job != NULL ? mig_block_job_info_get_end (self->job) : 0;

  if (mig_block_sight_mirror (self) != MIG_BLOCK_MIRROR_COPYING ||
      mig_domain_info_get_job (self->domain) != MIG_JOB_KIND_NONE)
    *since = 0;
  else if (*since == 0 && end > 0 && mig_block_job_info_get_current (self->job) == end)
    *since = g_get_monotonic_time ();
}

MigBlockJobKind
mig_block_sight_job (const MigBlockSight *self)
{
  return self->job != NULL ? mig_block_job_info_get_kind (self->job) : MIG_BLOCK_JOB_KIND_NONE;
}

MigBlockSource
mig_block_sight_source (const MigBlockSight *self,
                        MigDiskSource       *old_source,
                        MigDiskSource       *new_source)
{
  MigDiskSource *source = self->disk != NULL ? mig_disk_get_source (self->disk) : NULL;

  if (source == NULL)
    return MIG_BLOCK_SOURCE_NONE;
  if (mig_block_same_place (source, new_source))
    return MIG_BLOCK_SOURCE_NEW;
  if (mig_block_same_place (source, old_source))
    return MIG_BLOCK_SOURCE_OLD;

  return MIG_BLOCK_SOURCE_OTHER;
}

MigBlockLayers
mig_block_sight_layers (const MigBlockSight *self,
                        int                  n_before)
{
  if (self->disk == NULL || self->place != MIG_BLOCK_PLACE_ACTIVE || n_before < 0)
    return MIG_BLOCK_LAYERS_UNKNOWN;

  return n_before == 0 || mig_disk_get_backing_chain (self->disk)->len < (guint) n_before ? MIG_BLOCK_LAYERS_GONE :
                                                                                           MIG_BLOCK_LAYERS_THERE;
}
