/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-block-job-driver.h>

#include "libmig/model/mig-disk-source-private.h"
#include "libmig/task/mig-live-private.h"

/* Which disks are copied, and the volumes that the copies need. */

static void
live_disk_free (gpointer data)
{
  MigLiveDisk *self = data;

  g_object_unref (self->source);
  g_free (self->target);
  g_free (self);
}

static GPtrArray *
new_list (void)
{
  return g_ptr_array_new_with_free_func (live_disk_free);
}

GPtrArray *
mig_live_list_disks (MigLive *self)
{
  g_auto (GStrv) targets = mig_facts_dup_strv (self->facts, MIG_LIVE_FACT_DISKS);
  g_auto (GStrv) paths = mig_facts_dup_strv (self->facts, MIG_LIVE_FACT_DISK_PATHS);
  g_auto (GStrv) kinds = mig_facts_dup_strv (self->facts, MIG_LIVE_FACT_DISK_KINDS);
  g_auto (GStrv) formats = mig_facts_dup_strv (self->facts, MIG_LIVE_FACT_DISK_FORMATS);
  g_auto (GStrv) lengths = mig_facts_dup_strv (self->facts, MIG_LIVE_FACT_DISK_LENGTHS);
  guint n_disks = MIN (MIN (g_strv_length (targets), g_strv_length (paths)),
                       MIN (g_strv_length (formats), g_strv_length (lengths)));
  GPtrArray *list = new_list ();

  n_disks = MIN (n_disks, g_strv_length (kinds));
  for (guint i = 0; i < n_disks; i++)
    {
      gboolean block = g_str_equal (kinds[i], "block");
      MigLiveDisk *disk = g_new0 (MigLiveDisk, 1);

      disk->target = g_strdup (targets[i]);
      disk->source = mig_disk_source_new (block ? MIG_DISK_SOURCE_KIND_BLOCK : MIG_DISK_SOURCE_KIND_FILE, paths[i],
                                          formats[i]);
      disk->length = g_ascii_strtoll (lengths[i], NULL, 10);
      g_ptr_array_add (list, disk);
    }

  return list;
}

static void
note_disks (MigLive   *self,
            GPtrArray *list)
{
  g_autoptr (GStrvBuilder) targets = g_strv_builder_new ();
  g_autoptr (GStrvBuilder) paths = g_strv_builder_new ();
  g_autoptr (GStrvBuilder) kinds = g_strv_builder_new ();
  g_autoptr (GStrvBuilder) formats = g_strv_builder_new ();
  g_autoptr (GStrvBuilder) lengths = g_strv_builder_new ();
  const char *names[] = { MIG_LIVE_FACT_DISKS, MIG_LIVE_FACT_DISK_PATHS, MIG_LIVE_FACT_DISK_KINDS,
                          MIG_LIVE_FACT_DISK_FORMATS, MIG_LIVE_FACT_DISK_LENGTHS };
  GStrvBuilder *builders[] = { targets, paths, kinds, formats, lengths };

  for (guint i = 0; i < list->len; i++)
    {
      MigLiveDisk *disk = g_ptr_array_index (list, i);
      gboolean block = mig_disk_source_get_kind (disk->source) == MIG_DISK_SOURCE_KIND_BLOCK;
      g_autofree char *length = g_strdup_printf ("%" G_GINT64_FORMAT, disk->length);
      const char *format = mig_disk_source_get_format (disk->source);

      g_strv_builder_add (targets, disk->target);
      g_strv_builder_add (paths, mig_disk_source_get_path (disk->source));
      g_strv_builder_add (kinds, block ? "block" : "file");
      g_strv_builder_add (formats, format != NULL ? format : "raw");
      g_strv_builder_add (lengths, length);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_auto (GStrv) values = g_strv_builder_end (builders[i]);

      mig_facts_set_strv (self->facts, names[i], (const char * const *) values);
    }
}

/* Only such a disk can be copied: the guest writes to it, and alone; and it is on the host itself, or may be. */
static gboolean
is_local (MigDisk *disk)
{
  MigDiskSource *source = mig_disk_get_source (disk);
  MigDiskSourceKind kind = source != NULL ? mig_disk_source_get_kind (source) : MIG_DISK_SOURCE_KIND_NONE;

  return g_strcmp0 (mig_disk_get_device (disk), "disk") == 0 && !mig_disk_is_read_only (disk) &&
         !mig_disk_is_shareable (disk) &&
         (kind == MIG_DISK_SOURCE_KIND_FILE || kind == MIG_DISK_SOURCE_KIND_BLOCK ||
          (source != NULL && (mig_disk_source_is_lost (source) || mig_disk_source_is_piece (source))));
}

/* What the back end says is at a disk's place; *volume is NULL when nothing is, or when it knows nothing of the
 * place. */
static gboolean
look_up (MigLive        *self,
         MigHost        *host,
         MigDiskSource  *source,
         gboolean        may_be_foreign,
         MigVolume     **volume,
         GError        **error)
{
  g_autoptr (GError) local = NULL;

  *volume = mig_volume_backend_lookup (self->backend, host, source, self->cancellable, &local);
  if (*volume != NULL || g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return TRUE;
  if (may_be_foreign && g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED))
    return TRUE;

  g_propagate_prefixed_error (error, g_steal_pointer (&local), "storage of “%s” at “%s”: ",
                              mig_disk_source_get_path (source), mig_host_get_name (host));

  return FALSE;
}

/* Both hosts report the same, known, storage behind the disk. Without a back end nothing is known. */
static gboolean
find_shared (MigLive   *self,
             MigHost   *destination,
             MigDisk   *disk,
             gboolean  *shared,
             GError   **error)
{
  MigDiskSource *source = mig_disk_get_source (disk);
  g_autoptr (MigVolume) here = NULL;
  g_autoptr (MigVolume) there = NULL;
  const char *identity, *identity_there;

  *shared = FALSE;
  if (self->backend == NULL)
    return TRUE;
  if (!look_up (self, self->source, source, TRUE, &here, error) ||
      !look_up (self, destination, source, TRUE, &there, error))
    return FALSE;

  identity = here != NULL ? mig_volume_get_identity (here) : NULL;
  identity_there = there != NULL ? mig_volume_get_identity (there) : NULL;
  *shared = identity != NULL && g_strcmp0 (identity, identity_there) == 0;
  if ((identity != NULL) == (identity_there != NULL))
    return TRUE;

  /* The same storage, perhaps, that one of them has not mounted: a copy would take its place and supersede it. */
  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE,
               "disk “%s” (%s) is on network storage as “%s” sees it, but not as “%s” does: is that mounted there?",
               mig_disk_get_target (disk), mig_disk_source_get_path (source),
               mig_host_get_name (identity != NULL ? self->source : destination),
               mig_host_get_name (identity != NULL ? destination : self->source));

  return FALSE;
}

static gint64
read_length (MigLive  *self,
             MigDisk  *disk,
             GError  **error)
{
  gint64 length;

  if (!MIG_IS_BLOCK_JOB_DRIVER (self->driver))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "the driver cannot tell the length of disk “%s”",
                   mig_disk_get_target (disk));
      return -1;
    }

  length = mig_block_job_driver_get_length (MIG_BLOCK_JOB_DRIVER (self->driver), self->source, mig_live_uuid (self),
                                            mig_disk_get_target (disk), self->cancellable, error);
  if (length < 0)
    g_prefix_error (error, "disk “%s”: ", mig_disk_get_target (disk));

  return length;
}

static gboolean
refuse_copy (MigLive     *self,
             MigDisk     *disk,
             int          code,
             const char  *why,
             GError     **error)
{
  g_autofree char *guest = mig_live_describe (self);

  g_set_error (error, MIG_ERROR, code, "disk “%s” (%s) of domain %s cannot be copied: %s", mig_disk_get_target (disk),
               mig_disk_source_get_path (mig_disk_get_source (disk)), guest, why);

  return FALSE;
}

static gboolean
check_copy (MigLive    *self,
            MigHost    *destination,
            MigDisk    *disk,
            GPtrArray  *list,
            GError    **error)
{
  MigDiskSource *source = mig_disk_get_source (disk);
  g_autoptr (MigVolume) there = NULL;
  MigLiveDisk *copy;
  gint64 length;

  if (self->backend == NULL)
    return refuse_copy (self, disk, MIG_ERROR_NOT_SUPPORTED, "the cluster has no back end of volumes", error);
  if (mig_disk_is_encrypted (disk))
    return refuse_copy (self, disk, MIG_ERROR_NOT_SUPPORTED, "it is encrypted", error);
  if (mig_disk_has_backing (disk))
    return refuse_copy (self, disk, MIG_ERROR_NOT_SUPPORTED, "it has a backing file", error);
  if (!look_up (self, destination, source, FALSE, &there, error))
    return FALSE;
  if (there != NULL)
    {
      g_autofree char *why = g_strdup_printf ("something is there already on “%s”", mig_host_get_name (destination));

      return refuse_copy (self, disk, MIG_ERROR_CONFLICT, why, error);
    }
  length = read_length (self, disk, error);
  if (length < 0)
    return FALSE;

  copy = g_new0 (MigLiveDisk, 1);
  copy->target = g_strdup (mig_disk_get_target (disk));
  copy->source = g_object_ref (source);
  copy->length = length;
  g_ptr_array_add (list, copy);

  return TRUE;
}

static gboolean
check_disk (MigLive    *self,
            MigHost    *destination,
            MigDisk    *disk,
            GPtrArray  *list,
            GError    **error)
{
  MigDiskSource *source = mig_disk_get_source (disk);
  gboolean shared;

  if (!is_local (disk))
    return TRUE;
  if (mig_disk_source_is_lost (source))
    return refuse_copy (self, disk, MIG_ERROR_NOT_SUPPORTED, "its pool does not say where it is", error);
  if (mig_disk_source_is_piece (source))
    return refuse_copy (self, disk, MIG_ERROR_NOT_SUPPORTED, "it is a piece from within a file or device", error);
  if (!find_shared (self, destination, disk, &shared, error))
    return FALSE;
  if (shared && self->options->disks == MIG_DISK_MODE_COPY)
    return refuse_copy (self, disk, MIG_ERROR_INVALID_ARGUMENT, "both hosts share the storage that it is on", error);

  return shared || check_copy (self, destination, disk, list, error);
}

gboolean
mig_live_check_disks (MigLive  *self,
                      MigHost  *destination,
                      GError  **error)
{
  g_autoptr (MigDomainInfo) info = NULL;
  g_autoptr (GPtrArray) list = new_list ();
  GPtrArray *disks;

  if (self->options->disks == MIG_DISK_MODE_SHARED)
    {
      note_disks (self, list);
      return TRUE;
    }

  info = mig_compute_driver_get_domain (self->driver, self->source, mig_live_uuid (self), self->cancellable, error);
  if (info == NULL)
    return FALSE;

  disks = mig_domain_info_get_disks (info);
  for (guint i = 0; i < disks->len; i++)
    {
      if (!check_disk (self, destination, g_ptr_array_index (disks, i), list, error))
        return FALSE;
    }
  note_disks (self, list);

  return TRUE;
}
