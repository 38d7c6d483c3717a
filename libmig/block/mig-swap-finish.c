/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

#include <libmig/mig-error.h>

#include "libmig/model/mig-disk-source-private.h"

/* What follows the switch: the definitions, and the disk's length. Nothing here is ever a reason to go back. */

/* Nothing of the old volume may be below the new one, which is whole by itself. */
static char *
find_old_layer (MigSwap    *self,
                GPtrArray  *chain,
                const char *which)
{
  g_auto (GStrv) old = mig_facts_dup_strv (self->facts, MIG_SWAP_FACT_OLD_CHAIN);

  for (guint i = 0; i < chain->len; i++)
    {
      MigDiskSource *layer = g_ptr_array_index (chain, i);
      g_autofree char *text = mig_disk_source_to_string (layer);

      if (mig_block_same_place (layer, self->old) || g_strv_contains ((const char * const *) old, text))
        return g_strdup_printf ("the %s still names %s, of the old volume, as a backing file", which, text);
    }

  return NULL;
}

/* What the two definitions must say of the disk afterwards. */
static char *
find_fault (MigSwap *self,
            MigDisk *disk,
            gboolean live)
{
  MigDiskSource *source = disk != NULL ? mig_disk_get_source (disk) : NULL;
  const char *serial = mig_facts_get_string (self->facts, live ? MIG_SWAP_FACT_SERIAL :
                                                                 MIG_SWAP_FACT_PERSISTENT_SERIAL);
  const char *format = source != NULL ? mig_disk_source_get_format (source) : NULL;
  const char *which = live ? "running guest" : "persistent definition";
  g_autofree char *found = NULL;

  if (source == NULL)
    return g_strdup_printf ("the disk is missing in the %s", which);
  found = mig_disk_source_to_string (source);
  if (!mig_block_same_place (source, self->destination))
    return g_strdup_printf ("the %s names %s", which, found);
  if (mig_disk_source_get_kind (source) != mig_disk_source_get_kind (self->destination))
    return g_strdup_printf ("the %s names %s as another kind of place than it is", which, found);
  if (g_strcmp0 (format != NULL ? format : "raw", mig_disk_source_get_format (self->destination)) != 0)
    return g_strdup_printf ("the %s says that %s is %s, not %s", which, found, format != NULL ? format : "raw",
                            mig_disk_source_get_format (self->destination));
  if (g_strcmp0 (mig_disk_get_serial (disk), serial) != 0)
    return g_strdup_printf ("the serial number in the %s has changed", which);

  return find_old_layer (self, mig_disk_get_backing_chain (disk), which);
}

static MigDisk *
find_persistent_disk (MigSwap             *self,
                      const MigBlockSight *sight)
{
  return mig_block_find_disk (mig_domain_info_get_persistent_disks (sight->domain), self->ref->target);
}

/* Nothing tells now what the definition names: it is not a reason to write another one, but to look again. */
static gboolean
is_lost (MigSwap             *self,
         const MigBlockSight *sight)
{
  MigDisk *disk = find_persistent_disk (self, sight);

  return disk != NULL && mig_disk_get_source (disk) != NULL && mig_disk_source_is_lost (mig_disk_get_source (disk));
}

/* The persistent definition follows the guest if it names the volume that the guest had. One that names another on
 * purpose, or no such disk, is left alone: NULL, and @other says what it names. */
static char *
find_persistent_fault (MigSwap              *self,
                       const MigBlockSight  *sight,
                       char                **other)
{
  MigDisk *disk = find_persistent_disk (self, sight);
  MigDiskSource *source = disk != NULL ? mig_disk_get_source (disk) : NULL;

  if (!mig_domain_info_is_persistent (sight->domain))
    return NULL;
  if (mig_block_same_place (source, self->old) || mig_block_same_place (source, self->destination) ||
      is_lost (self, sight))
    return find_fault (self, disk, FALSE);

  g_free (*other);
  *other = source != NULL ? mig_disk_source_to_string (source) : g_strdup ("no volume");

  return NULL;
}

/* Reading, changing and writing the definition is three things: in turn with whoever else changes it. */
static gboolean
correct_definition (MigSwap            *self,
                    const MigBlockRef  *found,
                    GError            **error)
{
  gboolean ok;

  if (!mig_swap_take_turn (self, error))
    return FALSE;

  ok = mig_step_run_holds (self->run, error) &&
       mig_block_job_driver_define_source (mig_block_ref_get_jobs (found), found->host, found->domain, found->target,
                                           self->destination, NULL, error);
  mig_swap_leave_turn (self);

  return ok;
}

static void
tell_other (MigSwap    *self,
            const char *other)
{
  g_autofree char *what = mig_swap_describe (self);
  g_autofree char *text = g_strdup_printf ("the persistent definition names %s for %s, and is left alone", other, what);

  mig_step_run_decide (self->run, text, NULL);
}

gboolean
mig_swap_verify (MigSwap  *self,
                 GError  **error)
{
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) found = NULL;
  g_autofree char *what = mig_swap_describe (self);
  g_autofree char *fault = NULL;
  g_autofree char *other = NULL;

  if (!mig_swap_look_everywhere (self, &sight, &found, error))
    return FALSE;
  if (sight.domain == NULL)
    return TRUE; /* it was transient, and has ended since */

  fault = find_persistent_fault (self, &sight, &other);
  if (fault != NULL && !is_lost (self, &sight))
    {
      if (!correct_definition (self, found, error) || !mig_block_look (found, FALSE, &sight, NULL, error))
        return FALSE;
      g_free (fault);
      fault = sight.domain != NULL ? find_persistent_fault (self, &sight, &other) : NULL;
    }
  if (fault == NULL && sight.place == MIG_BLOCK_PLACE_ACTIVE)
    fault = find_fault (self, sight.disk, TRUE);
  if (fault == NULL)
    {
      if (other != NULL)
        tell_other (self, other);
      return TRUE;
    }

  g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "%s was swapped, but %s", what, fault);

  return FALSE;
}

static gboolean
grow_to (MigSwap            *self,
         const MigBlockRef  *found,
         gint64              wanted,
         GError            **error)
{
  MigBlockJobDriver *jobs = mig_block_ref_get_jobs (found);
  gint64 length = mig_block_job_driver_get_length (jobs, found->host, found->domain, found->target, NULL, error);

  if (length < 0 || length >= wanted)
    return length >= 0;

  return mig_block_job_driver_resize (jobs, found->host, found->domain, found->target, wanted, NULL, error);
}

gboolean
mig_swap_resize (MigSwap  *self,
                 GError  **error)
{
  gint64 wanted = self->request->options->resize_to;
  g_auto (MigBlockSight) sight = MIG_BLOCK_SIGHT_INIT;
  g_autoptr (MigBlockRef) found = NULL;
  g_autofree char *what = mig_swap_describe (self);

  if (wanted == 0)
    return TRUE; /* a journal from before such a step was passed over */

  if (!mig_swap_look_everywhere (self, &sight, &found, error) || !grow_to (self, found, wanted, error))
    {
      g_prefix_error (error, "%s was swapped, but did not grow to %" G_GINT64_FORMAT " bytes: ", what, wanted);
      return FALSE;
    }

  return TRUE;
}
