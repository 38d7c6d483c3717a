/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/model/mig-disk-source-private.h"
#include "libmig/task/mig-live-private.h"

/* The volumes at the destination that the copies are written to, and those at the source that they supersede. */

/* One token for each volume: the step's own is the same for all of them. */
static char *
make_token (MigLive     *self,
            MigLiveDisk *disk)
{
  return g_strdup_printf ("%s/%s", mig_step_run_get_token (self->run), disk->target);
}

static void
note_created (MigLive     *self,
              const char  *target,
              gboolean     created)
{
  g_auto (GStrv) before = mig_facts_dup_strv (self->facts, MIG_LIVE_FACT_CREATED);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) after = NULL;

  for (gsize i = 0; before[i] != NULL; i++)
    {
      if (!g_str_equal (before[i], target))
        g_strv_builder_add (builder, before[i]);
    }
  if (created)
    g_strv_builder_add (builder, target);
  after = g_strv_builder_end (builder);
  mig_facts_set_strv (self->facts, MIG_LIVE_FACT_CREATED, (const char * const *) after);
}

/* Made, or perhaps made, by this operation: the journal says so since before the call that makes it. */
static gboolean
may_have_created (MigLive     *self,
                  MigLiveDisk *disk)
{
  g_auto (GStrv) created = mig_facts_dup_strv (self->facts, MIG_LIVE_FACT_CREATED);

  return g_strv_contains ((const char * const *) created, disk->target);
}

/* 1, 0, or -1 with an error. */
static int
is_there (MigLive      *self,
          MigHost      *host,
          MigLiveDisk  *disk,
          gint64       *length,
          GError      **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (MigVolume) volume = NULL;

  volume = mig_volume_backend_lookup (self->backend, host, disk->source, NULL, &local);
  if (volume != NULL)
    {
      *length = mig_volume_get_capacity (volume);
      return 1;
    }
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return 0;

  g_propagate_prefixed_error (error, g_steal_pointer (&local), "volume “%s” on “%s”: ",
                              mig_disk_source_get_path (disk->source), mig_host_get_name (host));

  return -1;
}

/* The process that began the step died in it, and the tokens of back ends die with their process: what was proved
 * absent before, and is there now, was made by the call that the journal tells of. */
static gboolean
is_ours (MigLive     *self,
         MigLiveDisk *disk)
{
  gint64 length = -1;

  return is_there (self, self->destination, disk, &length, NULL) > 0 && length == disk->length;
}

static gboolean
is_refusal (const GError *error)
{
  return g_error_matches (error, MIG_ERROR, MIG_ERROR_CONFLICT) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_NO_CAPACITY) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED);
}

static gboolean
create_volume (MigLive      *self,
               MigLiveDisk  *disk,
               GError      **error)
{
  gboolean begun = may_have_created (self, disk);
  g_autofree char *token = make_token (self, disk);
  g_autoptr (MigVolume) volume = NULL;
  g_autoptr (GError) local = NULL;

  /* Durable before the call, for it may do its work and fail; only a refusal says that it did not. */
  note_created (self, disk->target, TRUE);
  if (!begun && !mig_step_run_commit (self->run, "creating", error))
    {
      note_created (self, disk->target, FALSE);
      return FALSE;
    }
  /* And not given up for an abort. */
  volume = mig_volume_backend_create (self->backend, self->destination, disk->source, disk->length, token, NULL,
                                      &local);
  if (volume != NULL)
    return TRUE;
  if (begun && g_error_matches (local, MIG_ERROR, MIG_ERROR_CONFLICT) && is_ours (self, disk))
    return TRUE;

  if (is_refusal (local))
    {
      note_created (self, disk->target, FALSE);
      mig_step_run_commit (self->run, "refused", NULL); /* else with the next line */
    }
  g_propagate_prefixed_error (error, g_steal_pointer (&local), "volume “%s” on “%s”: ",
                              mig_disk_source_get_path (disk->source), mig_host_get_name (self->destination));

  return FALSE;
}

gboolean
mig_live_create_volumes (MigLive  *self,
                         GError  **error)
{
  g_autoptr (GPtrArray) disks = mig_live_list_disks (self);

  for (guint i = 0; i < disks->len; i++)
    {
      if (i > 0 && g_cancellable_set_error_if_cancelled (self->cancellable, error))
        return FALSE;
      if (!create_volume (self, g_ptr_array_index (disks, i), error))
        return FALSE;
    }

  return TRUE;
}

MigProbe
mig_live_probe_volumes (MigLive  *self,
                        GError  **error)
{
  g_autoptr (GPtrArray) disks = mig_live_list_disks (self);
  guint n_there = 0;

  for (guint i = 0; i < disks->len; i++)
    {
      gint64 length;
      int there = is_there (self, self->destination, g_ptr_array_index (disks, i), &length, error);

      if (there < 0)
        return MIG_PROBE_UNKNOWN;
      n_there += there;
    }

  if (n_there == disks->len)
    return MIG_PROBE_DONE;

  return n_there == 0 ? MIG_PROBE_NOT_STARTED : MIG_PROBE_ABANDONED;
}

/* How the disk uses the volume. */
static MigDiskMatch
match_disk (MigDisk       *disk,
            MigDiskSource *source)
{
  GPtrArray *chain = mig_disk_get_backing_chain (disk);
  MigDiskSource *tops[] = { mig_disk_get_source (disk), mig_disk_get_mirror (disk) };
  MigDiskMatch match = MIG_DISK_MATCH_NONE;

  for (gsize i = 0; i < G_N_ELEMENTS (tops) && match == MIG_DISK_MATCH_NONE; i++)
    match = tops[i] != NULL ? mig_disk_source_match (tops[i], source) : MIG_DISK_MATCH_NONE;
  for (guint i = 0; i < chain->len && match == MIG_DISK_MATCH_NONE; i++)
    match = mig_disk_source_match (g_ptr_array_index (chain, i), source);

  return match;
}

static MigDiskMatch
match_disks (GPtrArray     *disks,
             MigDiskSource *source)
{
  MigDiskMatch match = MIG_DISK_MATCH_NONE;

  for (guint i = 0; i < disks->len && match == MIG_DISK_MATCH_NONE; i++)
    match = match_disk (g_ptr_array_index (disks, i), source);

  return match;
}

/* Fails when a domain of the host, running or only defined, has the volume somewhere below its disks, or may have it
 * there. */
static gboolean
prove_unused (MigLive        *self,
              MigHost        *host,
              GPtrArray      *domains,
              MigDiskSource  *source,
              GError        **error)
{
  for (guint i = 0; i < domains->len; i++)
    {
      MigDomainInfo *info = g_ptr_array_index (domains, i);
      MigDiskMatch match = match_disks (mig_domain_info_get_disks (info), source);

      if (match == MIG_DISK_MATCH_NONE)
        match = match_disks (mig_domain_info_get_persistent_disks (info), source);
      if (match == MIG_DISK_MATCH_NONE)
        continue;
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "volume “%s” is kept: domain “%s” (%s) on “%s” %s",
                   mig_disk_source_get_path (source), mig_domain_info_get_name (info),
                   mig_domain_info_get_uuid (info), mig_host_get_name (host),
                   match == MIG_DISK_MATCH_SAME ? "uses it"
                                                : "has a disk of which cannot be told where it is, perhaps there");
      return FALSE;
    }

  return TRUE;
}

static gboolean
remove_volume (MigLive      *self,
               MigHost      *host,
               MigLiveDisk  *disk,
               GPtrArray    *domains,
               GError      **error)
{
  g_autofree char *token = make_token (self, disk);

  if (!prove_unused (self, host, domains, disk->source, error) || !mig_step_run_holds (self->run, error))
    return FALSE;

  if (!mig_volume_backend_remove (self->backend, host, disk->source, token, NULL, error))
    {
      g_prefix_error (error, "volume “%s” on “%s”: ", mig_disk_source_get_path (disk->source),
                      mig_host_get_name (host));
      return FALSE;
    }

  return TRUE;
}

static gboolean
remove_one_created (MigLive      *self,
                    MigLiveDisk  *disk,
                    GPtrArray    *domains,
                    GError      **error)
{
  gint64 length = -1;
  int there = is_there (self, self->destination, disk, &length, error);

  if (there <= 0)
    return there == 0;

  /* Not ours: what we make has the length of the disk. */
  if (length != -1 && length != disk->length)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT,
                   "volume “%s” on “%s” is kept: it has %" G_GINT64_FORMAT " bytes, not the %" G_GINT64_FORMAT
                   " that were asked for", mig_disk_source_get_path (disk->source),
                   mig_host_get_name (self->destination), length, disk->length);
      return FALSE;
    }

  return remove_volume (self, self->destination, disk, domains, error);
}

gboolean
mig_live_remove_created (MigLive  *self,
                         GError  **error)
{
  g_autoptr (GPtrArray) disks = mig_live_list_disks (self);
  g_autoptr (GPtrArray) domains = NULL;
  gboolean ok = TRUE;

  if (disks->len == 0)
    return TRUE;
  domains = mig_compute_driver_list_domains (self->driver, self->destination, NULL, error);
  if (domains == NULL)
    return FALSE;

  /* The rest is removed even if one cannot be. */
  for (guint i = 0; i < disks->len; i++)
    {
      MigLiveDisk *disk = g_ptr_array_index (disks, i);

      if (may_have_created (self, disk))
        ok = remove_one_created (self, disk, domains, ok ? error : NULL) && ok;
    }

  return ok;
}

gboolean
mig_live_remove_superseded (MigLive  *self,
                            GError  **error)
{
  g_autoptr (GPtrArray) disks = mig_live_list_disks (self);
  g_autoptr (GPtrArray) domains = NULL;
  g_autoptr (MigDomainInfo) moved = NULL;
  gboolean ok = TRUE;

  if (disks->len == 0 || self->options->keep_source_disks)
    return TRUE;

  /* Superseded is what the guest has a copy of, at the destination, in use; and what nobody uses at the source. */
  moved = mig_compute_driver_get_domain (self->driver, self->destination, mig_live_uuid (self), NULL, error);
  if (moved == NULL)
    return FALSE;
  domains = mig_compute_driver_list_domains (self->driver, self->source, NULL, error);
  if (domains == NULL)
    return FALSE;

  for (guint i = 0; i < disks->len; i++)
    {
      MigLiveDisk *disk = g_ptr_array_index (disks, i);
      MigDisk *copy = mig_domain_info_find_disk (moved, disk->target);

      if (copy != NULL && mig_disk_get_source (copy) != NULL &&
          mig_disk_source_equal (mig_disk_get_source (copy), disk->source))
        ok = remove_volume (self, self->source, disk, domains, ok ? error : NULL) && ok;
      else
        {
          if (ok)
            g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "volume “%s” on “%s” is kept: disk “%s” is not its copy",
                         mig_disk_source_get_path (disk->source), mig_host_get_name (self->source), disk->target);
          ok = FALSE;
        }
    }

  return ok;
}
