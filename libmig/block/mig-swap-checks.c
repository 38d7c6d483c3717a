/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

#include <libmig/mig-error.h>

/* What has to hold before a swap touches anything. */

/* Whether the guest, as it is, may have its disk mirrored. */
static gboolean
check_domain (MigSwap        *self,
              MigDomainInfo  *domain,
              GError        **error)
{
  const char *name = mig_domain_info_get_name (domain);

  if (!mig_block_domain_is_active (domain))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE,
                   "the domain %s does not run; swapping the volume of an inactive guest is not available yet", name);
      return FALSE;
    }

  switch (mig_domain_info_get_state (domain))
    {
    case MIG_DOMAIN_STATE_PAUSED_MIGRATION:
    case MIG_DOMAIN_STATE_PAUSED_POST_COPY:
    case MIG_DOMAIN_STATE_POST_COPY:
    case MIG_DOMAIN_STATE_POST_COPY_FAILED:
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "the domain %s is being migrated", name);
      return FALSE;
    case MIG_DOMAIN_STATE_UNKNOWN:
    case MIG_DOMAIN_STATE_RUNNING:
    case MIG_DOMAIN_STATE_PAUSED:
    case MIG_DOMAIN_STATE_SHUT_OFF:
    case MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED:
    case MIG_DOMAIN_STATE_CRASHED:
    case MIG_DOMAIN_STATE_PAUSED_IO_ERROR:
    default:
      break;
    }

  switch (mig_domain_info_get_job (domain))
    {
    case MIG_JOB_KIND_NONE:
      return TRUE;
    case MIG_JOB_KIND_MIGRATION_OUT:
    case MIG_JOB_KIND_MIGRATION_IN:
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "the domain %s is being migrated", name);
      return FALSE;
    case MIG_JOB_KIND_OTHER:
    default:
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "the domain %s has another job: a snapshot, save, dump or backup",
                   name);
      return FALSE;
    }
}

static gboolean
check_kind_of_disk (MigSwap  *self,
                    MigDisk  *disk,
                    GError  **error)
{
  g_autofree char *what = mig_swap_describe (self);
  const char *device = mig_disk_get_device (disk);
  const char *why = NULL;

  if (g_strcmp0 (device, "cdrom") == 0 || g_strcmp0 (device, "floppy") == 0)
    why = "a drive for media that can be changed";
  else if (g_strcmp0 (device, "lun") == 0)
    why = "a SCSI device that the guest commands itself (lun)";
  else if (mig_disk_get_source (disk) == NULL)
    why = "empty";
  else if (mig_disk_is_read_only (disk))
    why = "read-only";
  else if (mig_disk_is_encrypted (disk))
    why = "encrypted by the hypervisor (LUKS)";

  if (why == NULL)
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "%s is %s: its volume cannot be swapped", what, why);

  return FALSE;
}

static gboolean
check_no_job (MigSwap              *self,
              const MigBlockSight  *sight,
              GError              **error)
{
  g_autofree char *what = NULL;

  if (mig_block_sight_job (sight) == MIG_BLOCK_JOB_KIND_NONE &&
      mig_block_sight_mirror (sight) == MIG_BLOCK_MIRROR_ABSENT)
    return TRUE;

  what = mig_swap_describe (self);
  g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "%s has a block job already", what);

  return FALSE;
}

/* The destination's format: asked for, stated with the destination, or the disk's. */
static const char *
choose_format (MigSwap  *self,
               MigDisk  *disk,
               GError  **error)
{
  const char *format = self->request->options->format;

  if (format == NULL)
    format = mig_disk_source_get_format (self->request->destination);
  if (format == NULL)
    format = mig_disk_source_get_format (mig_disk_get_source (disk));

  if (g_strcmp0 (format, "raw") == 0 || g_strcmp0 (format, "qcow2") == 0)
    return format;

  if (format != NULL && g_str_has_prefix (format, "luks"))
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "an encrypted destination (LUKS) is not supported");
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED,
                 "a destination in the format “%s” is not supported; ask for raw or qcow2",
                 format != NULL ? format : "unknown");

  return NULL;
}

static gboolean
check_length (MigSwap  *self,
              gint64    length,
              GError  **error)
{
  gint64 wanted = self->request->options->resize_to;
  g_autofree char *what = NULL;

  if (wanted == 0 || wanted >= length)
    return TRUE;

  what = mig_swap_describe (self);
  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
               "%s has %" G_GINT64_FORMAT " bytes: it cannot be shortened to %" G_GINT64_FORMAT, what, length, wanted);

  return FALSE;
}

/* All that later steps, and whoever reads the journal, need to know of the world before. */
static void
record (MigSwap             *self,
        const MigBlockSight *sight,
        const char          *format,
        gint64               length)
{
  MigDiskSource *source = mig_disk_get_source (sight->disk);
  MigDisk *persistent = mig_block_find_disk (mig_domain_info_get_persistent_disks (sight->domain), self->ref->target);
  GPtrArray *chain = mig_disk_get_backing_chain (sight->disk);
  g_autoptr (GPtrArray) places = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < chain->len; i++)
    g_ptr_array_add (places, mig_disk_source_to_string (g_ptr_array_index (chain, i)));
  g_ptr_array_add (places, NULL);

  mig_facts_set_string (self->facts, MIG_FACT_SOURCE, mig_host_get_name (self->ref->host));
  mig_facts_set_string (self->facts, MIG_SWAP_FACT_FORMAT, format);
  mig_facts_set_int (self->facts, MIG_SWAP_FACT_LENGTH, length);
  mig_swap_save_source (self->facts, MIG_SWAP_FACT_OLD, source);
  mig_facts_set_strv (self->facts, MIG_SWAP_FACT_OLD_CHAIN, (const char * const *) places->pdata);
  mig_swap_note_run (self, sight);
  mig_facts_set_string (self->facts, MIG_SWAP_FACT_SERIAL, mig_disk_get_serial (sight->disk));
  mig_facts_set_string (self->facts, MIG_SWAP_FACT_PERSISTENT_SERIAL,
                        persistent != NULL ? mig_disk_get_serial (persistent) : NULL);
  mig_facts_set_string (self->facts, MIG_SWAP_FACT_DEFINITION, mig_domain_info_get_definition (sight->domain));
  mig_facts_set_string (self->facts, MIG_SWAP_FACT_PERSISTENT_DEFINITION,
                        mig_domain_info_get_persistent_definition (sight->domain));
}

static gboolean
find_disk (MigSwap        *self,
           MigBlockSight  *sight,
           GError        **error)
{
  if (!mig_block_look (self->ref, TRUE, sight, self->cancellable, error))
    return FALSE;

  if (sight->domain == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "there is no domain “%s” on %s", self->request->domain,
                   mig_host_get_name (self->ref->host));
      return FALSE;
    }

  mig_facts_set_string (self->facts, MIG_SWAP_FACT_UUID, mig_domain_info_get_uuid (sight->domain));
  mig_facts_set_string (self->facts, MIG_SWAP_FACT_NAME, mig_domain_info_get_name (sight->domain));
  if (!check_domain (self, sight->domain, error))
    return FALSE;

  if (sight->disk == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "the domain %s has no disk “%s”",
                   mig_domain_info_get_name (sight->domain), self->ref->target);
      return FALSE;
    }

  return TRUE;
}

/* Other disks of the guest may be swapped at the same time, but it must not be moved. */
static gboolean
claim_disk (MigSwap        *self,
            MigDomainInfo  *domain,
            GError        **error)
{
  g_autofree char *claim = g_strdup_printf ("guest/%s:%s", mig_domain_info_get_uuid (domain), self->ref->target);

  return mig_step_run_claim (self->run, claim, error);
}

gboolean
mig_swap_check_disk (MigSwap  *self,
                     GError  **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  const char *format;
  gint64 length;

  if (!find_disk (self, &sight, error) || !check_kind_of_disk (self, sight.disk, error) ||
      !check_no_job (self, &sight, error) || !claim_disk (self, sight.domain, error))
    return FALSE;

  if (mig_block_same_place (mig_disk_get_source (sight.disk), self->request->destination))
    {
      g_autofree char *what = mig_swap_describe (self);
      g_autofree char *text = mig_swap_describe_destination (self);

      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s is on %s already", what, text);
      return FALSE;
    }

  format = choose_format (self, sight.disk, error);
  if (format == NULL || (mig_disk_is_shareable (sight.disk) && !mig_swap_check_one_writer (self, sight.disk, error)))
    return FALSE;

  length = mig_block_job_driver_get_length (mig_block_ref_get_jobs (self->ref), self->ref->host,
                                            mig_domain_info_get_uuid (sight.domain), self->ref->target,
                                            self->cancellable, error);
  if (length < 0 || !check_length (self, length, error))
    return FALSE;

  record (self, &sight, format, length);

  return TRUE;
}
