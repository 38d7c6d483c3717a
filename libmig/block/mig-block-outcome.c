/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-outcome-private.h"

#include <libmig/mig-error.h>

/* A full file system keeps less than this; what is cut off a write that did not fit is smaller. */
#define FULL (1024 * 1024)

/* Nothing says how much the write that failed was. Storage of which more is promised than there is lacks something all
 * the time, whatever failed: only where it is full that is the cause. */
static char *
find_lack_of_space (MigVolume  *volume,
                    const char *text)
{
  const char *format = mig_disk_source_get_format (mig_volume_get_source (volume));
  gint64 available = mig_volume_get_available (volume);
  gint64 missing = mig_volume_get_capacity (volume) - mig_volume_get_allocation (volume);
  /* Formats with a map of their own may need more than their capacity. */
  gboolean full = available < FULL && (missing > 0 || g_strcmp0 (format, "raw") != 0);

  if (available < 0 || (!full && available >= missing))
    return NULL;

  return g_strdup_printf ("%s %s: it has %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes, and %" G_GINT64_FORMAT
                          " are free", full ? "there is no space left for the destination" :
                                              "an I/O error, perhaps for want of space at the destination",
                          text, mig_volume_get_allocation (volume), mig_volume_get_capacity (volume), available);
}

static char *
find_cause_at_destination (const MigBlockRef *ref,
                           MigVolumeBackend  *backend,
                           MigDiskSource     *destination)
{
  g_autofree char *text = mig_disk_source_to_string (destination);
  g_autoptr (GError) error = NULL;
  g_autoptr (MigVolume) volume = NULL;
  gint64 slice = mig_disk_source_get_slice (destination);
  gint64 length, capacity;

  volume = mig_volume_backend_lookup (backend, ref->host, destination, NULL, &error);
  if (g_error_matches (error, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return g_strdup_printf ("the destination %s does not exist any more", text);
  if (volume == NULL)
    return g_strdup_printf ("the destination %s cannot be looked at: %s", text, error->message);

  length = mig_block_job_driver_get_length (mig_block_ref_get_jobs (ref), ref->host, ref->domain, ref->target, NULL,
                                            NULL);
  capacity = mig_volume_get_capacity (volume);
  if (slice >= 0 && capacity >= 0)
    capacity = MIN (slice, capacity);
  if (length >= 0 && capacity >= 0 && capacity != length)
    return g_strdup_printf ("the destination %s has %" G_GINT64_FORMAT " bytes, and the disk %" G_GINT64_FORMAT, text,
                            capacity, length);

  return find_lack_of_space (volume, text);
}

/* What the hypervisor holds against the disk, and the guest. */
static char *
find_cause_at_guest (const MigBlockRef *ref)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  const char *what;

  if (!mig_block_look (ref, TRUE, &sight, NULL, NULL) || sight.domain == NULL)
    return NULL;

  switch (sight.job != NULL ? mig_block_job_info_get_disk_error (sight.job) : MIG_DISK_ERROR_NONE)
    {
    case MIG_DISK_ERROR_NO_SPACE:
      what = "there is no space left";
      break;
    case MIG_DISK_ERROR_UNSPECIFIED:
      what = "the guest had an I/O error";
      break;
    case MIG_DISK_ERROR_NONE:
    default:
      return mig_domain_info_get_state (sight.domain) == MIG_DOMAIN_STATE_PAUSED_IO_ERROR ?
             g_strdup ("the guest is paused because of an I/O error") : NULL;
    }

  return g_strdup_printf ("%s where disk %s itself is", what, ref->target);
}

/* QEMU cannot let go of an image that was deleted while it is open, and so cannot switch to another one. */
static char *
find_cause_at_source (const MigBlockRef *ref,
                      MigVolumeBackend  *backend)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  MigDiskSource *source = mig_block_look (ref, FALSE, &sight, NULL, NULL) && sight.disk != NULL ?
                          mig_disk_get_source (sight.disk) : NULL;
  g_autoptr (MigVolume) volume = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (source == NULL)
    return NULL;

  volume = mig_volume_backend_lookup (backend, ref->host, source, NULL, &error);
  if (!g_error_matches (error, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return NULL;
  text = mig_disk_source_to_string (source);

  return g_strdup_printf ("the volume %s of disk %s does not exist any more", text, ref->target);
}

char *
mig_block_find_cause (const MigBlockRef *ref,
                      MigVolumeBackend  *backend,
                      MigDiskSource     *destination)
{
  char *cause = find_cause_at_guest (ref);

  if (cause == NULL && backend != NULL && destination != NULL)
    cause = find_cause_at_destination (ref, backend, destination);
  if (cause == NULL && backend != NULL)
    cause = find_cause_at_source (ref, backend);

  return cause;
}

gboolean
mig_block_outcome_check (MigBlockOutcome   outcome,
                         const char       *what,
                         const char       *cause,
                         GError          **error)
{
  switch (outcome)
    {
    case MIG_BLOCK_OUTCOME_COMPLETED:
      return TRUE;
    case MIG_BLOCK_OUTCOME_ABORTED:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "%s was aborted", what);
      return FALSE;
    case MIG_BLOCK_OUTCOME_ABORTED_ELSEWHERE:
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "%s was aborted by somebody else", what);
      return FALSE;
    case MIG_BLOCK_OUTCOME_FAILED:
      g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "%s failed: %s", what,
                   cause != NULL ? cause : "an I/O error, for which no cause was found");
      return FALSE;
    case MIG_BLOCK_OUTCOME_GUEST_STOPPED:
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "%s ended because the guest stopped", what);
      return FALSE;
    case MIG_BLOCK_OUTCOME_DOMAIN_GONE:
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "%s ended because the domain does not exist any more", what);
      return FALSE;
    case MIG_BLOCK_OUTCOME_UNKNOWN:
    default:
      g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "%s ended: %s", what,
                   cause != NULL ? cause : "nothing tells whether somebody aborted it or it failed");
      return FALSE;
    }
}
