/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

#include <string.h>

#include <libmig/mig-error.h>

/* Whether the destination may be written to: because nothing is there, or because it is as long as the disk and is
 * proved to be nobody's. And making it, and taking it away again. */

/* A host or a storage that does not answer while the swap is undone is asked again for so long, in seconds. */
#define PATIENCE 60.0
#define RETRY_INTERVAL 0.5
/* Of a volume, in a key of the store, in bytes. */
#define MAX_NAME 256

/* What a key of the store may be made of; of a longer text its checksum stands for it. */
static char *
make_name (const char *text)
{
  g_autofree char *escaped = g_uri_escape_string (text, "/", TRUE);

  return strlen (escaped) <= MAX_NAME ? g_steal_pointer (&escaped)
                                      : g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
}

/* What one host means by a path is one thing, whatever its length is called: that depends on the format that is asked
 * for. Several may mean one storage by it, or not: where no identity tells, lengths do, and what they cannot tell apart
 * counts as one. But a volume that a host has just made is none that another one has just made. */
static gboolean
claim_place (MigSwap    *self,
             MigVolume  *volume,
             GError    **error)
{
  const char *host = mig_host_get_name (self->ref->host);
  g_autofree char *place = mig_disk_source_to_string (mig_volume_get_source (volume));
  g_autofree char *plain = g_path_is_absolute (place) ? g_canonicalize_filename (place, NULL) : g_strdup (place);
  g_autofree char *name = make_name (plain);
  g_autofree char *on_host = g_strdup_printf ("volume/on/%s/%s", host, name);
  gboolean created = mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_CREATE);
  g_autofree char *anywhere = NULL;

  anywhere = g_strdup_printf ("volume/at/%" G_GINT64_FORMAT "/%s%s%s", mig_volume_get_capacity (volume), name,
                              created ? ":" : "", created ? host : "");

  return mig_step_run_claim (self->run, on_host, error) && mig_step_run_claim (self->run, anywhere, error);
}

/* Who is to write to a volume, and be alone with it. */
static gboolean
claim_volume (MigSwap    *self,
              MigVolume  *volume,
              GError    **error)
{
  g_autofree char *name = NULL;
  g_autofree char *claim = NULL;

  if (mig_volume_get_identity (volume) == NULL)
    return claim_place (self, volume, error);

  name = make_name (mig_volume_get_identity (volume));
  claim = g_strconcat ("volume/id/", name, NULL);

  return mig_step_run_claim (self->run, claim, error);
}

/* Two swaps that look at the same time would both find the destination unused: so it is claimed before it is looked
 * at, and the claim is durable by then. */
static gboolean
reserve (MigSwap    *self,
         MigVolume  *volume,
         GError    **error)
{
  return claim_volume (self, volume, error) && mig_step_run_commit (self->run, "reserved", error);
}

/* Only files grow. A new volume that has to grow after the switch is another matter: somebody may make its device
 * longer by then, and that it fails is a debt. */
static gboolean
check_growth (MigSwap  *self,
              GError  **error)
{
  g_autofree char *text = NULL;

  if (mig_disk_source_get_kind (self->old) == MIG_DISK_SOURCE_KIND_FILE)
    return TRUE;

  text = mig_disk_source_to_string (self->old);
  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED,
               "the disk would have to grow before the copy to the length of its destination, and %s is not a file: a "
               "hypervisor cannot make it longer", text);

  return FALSE;
}

/* A disk can be mirrored to a destination of its own length only. */
static gboolean
check_capacity (MigSwap    *self,
                MigVolume  *volume,
                GError    **error)
{
  gint64 length = mig_swap_get_length (self);
  gint64 capacity = mig_volume_get_capacity (volume);
  gint64 wanted = self->request->options->resize_to;
  g_autofree char *what = NULL;
  g_autofree char *text = NULL;

  if (capacity == length)
    return TRUE;

  if (capacity > length && capacity == wanted)
    {
      if (!check_growth (self, error))
        return FALSE;
      mig_facts_set_int (self->facts, MIG_SWAP_FACT_GROW, capacity);
      return TRUE;
    }

  what = mig_swap_describe (self);
  text = mig_swap_describe_destination (self);
  if (capacity < 0)
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "the length of %s cannot be found out", text);
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                 "%s has %" G_GINT64_FORMAT " bytes, and %s %" G_GINT64_FORMAT ": they must be equal%s", text, capacity,
                 what, length, capacity > length ? ", or the disk be resized to the length of the destination" : "");

  return FALSE;
}

static gboolean
check_format (MigSwap    *self,
              MigVolume  *volume,
              GError    **error)
{
  const char *wanted = mig_disk_source_get_format (self->destination);
  const char *found = mig_disk_source_get_format (mig_volume_get_source (volume));
  g_autofree char *text = NULL;

  /* Anything else may be overwritten as raw. */
  if (found == NULL || g_strcmp0 (wanted, "raw") == 0 || g_strcmp0 (wanted, found) == 0)
    return TRUE;

  text = mig_swap_describe_destination (self);
  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s is %s, not %s", text, found, wanted);

  return FALSE;
}

/* A mirror would write plain text over it, header and all. */
static gboolean
check_not_encrypted (MigSwap    *self,
                     MigVolume  *volume,
                     GError    **error)
{
  g_autofree char *text = NULL;

  if (!mig_volume_is_encrypted (volume))
    return TRUE;

  text = mig_swap_describe_destination (self);
  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED,
               "%s is encrypted (LUKS): a swap would overwrite it with plain data", text);

  return FALSE;
}

/* The back end may know the place under another name. */
static gboolean
check_other_name (MigSwap    *self,
                  MigVolume  *volume,
                  GError    **error)
{
  gboolean devices = mig_disk_source_get_kind (self->old) == MIG_DISK_SOURCE_KIND_BLOCK &&
                     mig_disk_source_get_kind (self->destination) == MIG_DISK_SOURCE_KIND_BLOCK;
  g_autoptr (MigVolume) old = NULL;
  g_autofree char *what = NULL;
  g_autofree char *text = NULL;

  if (devices)
    old = mig_volume_backend_lookup (self->backend, self->ref->host, self->old, self->cancellable, NULL);
  if (!mig_block_same_place (mig_volume_get_source (volume),
                             old != NULL ? mig_volume_get_source (old) : self->old))
    return TRUE;

  what = mig_swap_describe (self);
  text = mig_swap_describe_destination (self);
  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s is on %s already, by another name", what, text);

  return FALSE;
}

static gboolean
check_reuse (MigSwap    *self,
             MigVolume  *volume,
             GError    **error)
{
  if (!self->request->options->reuse)
    {
      g_autofree char *text = mig_swap_describe_destination (self);

      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT,
                   "%s exists already; it is overwritten only with the option “reuse”", text);
      return FALSE;
    }

  return check_other_name (self, volume, error) && check_not_encrypted (self, volume, error) &&
         check_format (self, volume, error) && check_capacity (self, volume, error) &&
         mig_swap_check_comparable (self, volume, error) && reserve (self, volume, error) &&
         mig_swap_prove_unused (self, self->destination, volume, error);
}

static gboolean
check_absent (MigSwap  *self,
              GError  **error)
{
  g_autofree char *text = mig_swap_describe_destination (self);

  if (self->request->options->reuse || mig_disk_source_get_kind (self->destination) != MIG_DISK_SOURCE_KIND_FILE)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "there is no %s on %s%s", text,
                   mig_host_get_name (self->ref->host),
                   self->request->options->reuse ? " that could be reused" : ", and only files can be created");
      return FALSE;
    }

  if (!mig_swap_check_comparable (self, NULL, error))
    return FALSE;

  mig_facts_set_boolean (self->facts, MIG_SWAP_FACT_CREATE, TRUE);

  return TRUE;
}

gboolean
mig_swap_check_destination (MigSwap  *self,
                            GError  **error)
{
  g_autoptr (MigVolume) volume = NULL;
  g_autoptr (GError) local = NULL;

  if (self->backend == NULL)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED,
                           "the cluster has no back end of volumes, and nothing else knows the destination");
      return FALSE;
    }

  volume = mig_volume_backend_lookup (self->backend, self->ref->host, self->destination, self->cancellable, &local);
  if (volume != NULL)
    return check_reuse (self, volume, error);
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return check_absent (self, error);

  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

static gboolean
grow_disk (MigSwap  *self,
           gint64    length,
           GError  **error)
{
  g_autofree char *what = mig_swap_describe (self);
  GVariantDict inputs;

  g_variant_dict_init (&inputs, NULL);
  g_variant_dict_insert (&inputs, "from", "x", mig_swap_get_length (self));
  g_variant_dict_insert (&inputs, "to", "x", length);
  mig_step_run_decide (self->run, "the disk grows before the copy, and stays so", g_variant_dict_end (&inputs));

  if (!mig_block_job_driver_resize (mig_block_ref_get_jobs (self->ref), self->ref->host, self->ref->domain,
                                    self->ref->target, length, self->cancellable, error))
    {
      g_prefix_error (error, "growing %s from %" G_GINT64_FORMAT " to the %" G_GINT64_FORMAT
                      " bytes of its destination: ", what, mig_swap_get_length (self), length);
      return FALSE;
    }

  return TRUE;
}

/* Nothing is in it, so nothing can be lost, whoever made it: it has the length that we would have given it, and not one
 * byte of data. That can be seen of raw volumes only. */
static gboolean
is_empty (MigSwap   *self,
          MigVolume *volume)
{
  return g_strcmp0 (mig_disk_source_get_format (self->destination), "raw") == 0 &&
         mig_volume_get_capacity (volume) == mig_swap_get_length (self) && mig_volume_get_allocation (volume) == 0;
}

/* Something is at the destination, where nothing was when the intent was written: a call of ours made it whose answer
 * was lost, with a process perhaps, or somebody else did. A back end that keeps tokens knows. */
static gboolean
is_ours (MigSwap   *self,
         MigVolume *volume)
{
  g_autoptr (MigVolume) made = NULL;

  if (mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_MADE) || is_empty (self, volume))
    return TRUE;

  made = mig_volume_backend_create (self->backend, self->ref->host, self->destination, mig_swap_get_length (self),
                                    mig_step_run_get_token (self->run), NULL, NULL);

  return made != NULL;
}

static gboolean
create_volume (MigSwap  *self,
               GError  **error)
{
  g_autoptr (MigVolume) volume = NULL;
  g_autoptr (GError) local = NULL;

  /* Not given up for an abort: its answer tells whether there is something to undo. */
  volume = mig_volume_backend_create (self->backend, self->ref->host, self->destination, mig_swap_get_length (self),
                                      mig_step_run_get_token (self->run), NULL, &local);
  if (volume == NULL && g_error_matches (local, MIG_ERROR, MIG_ERROR_CONFLICT) &&
      mig_step_run_is_recovering (self->run))
    {
      volume = mig_volume_backend_lookup (self->backend, self->ref->host, self->destination, self->cancellable, NULL);
      if (volume != NULL && !is_empty (self, volume))
        g_clear_object (&volume);
    }
  if (volume != NULL)
    {
      mig_facts_set_boolean (self->facts, MIG_SWAP_FACT_MADE, TRUE);
      return claim_volume (self, volume, error);
    }

  /* Somebody made something there after it was found absent: that is theirs, whatever the journal expects. */
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_CONFLICT))
    mig_facts_set_boolean (self->facts, MIG_SWAP_FACT_CREATE, FALSE);
  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

gboolean
mig_swap_prepare (MigSwap  *self,
                  GError  **error)
{
  gint64 grown = mig_facts_get_int (self->facts, MIG_SWAP_FACT_GROW, 0);

  if (grown > 0 ? !grow_disk (self, grown, error) :
                  mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_CREATE) && !create_volume (self, error))
    return FALSE;

  /* The copy is next; this is written with its intent. */
  mig_facts_set_int (self->facts, MIG_SWAP_FACT_BEGUN, g_get_real_time ());

  return TRUE;
}

static gboolean
leave_volume (MigSwap    *self,
              const char *why)
{
  g_autofree char *destination = mig_swap_describe_destination (self);
  g_autofree char *text = g_strdup_printf ("%s is left: %s", destination, why);

  mig_step_run_decide (self->run, text, NULL);

  return TRUE;
}

static gboolean
remove_volume (MigSwap  *self,
               GError  **error)
{
  g_autoptr (MigVolume) volume = NULL;
  g_autoptr (GError) local = NULL;

  volume = mig_volume_backend_lookup (self->backend, self->ref->host, self->destination, NULL, &local);
  if (volume == NULL && g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return TRUE;
  if (volume == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }

  /* Only what we made, and never what a guest has come to use. */
  if (!is_ours (self, volume))
    return leave_volume (self, "it is not proved that this swap made it");
  if (mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_DOUBTFUL) ||
      mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_SWITCHING))
    return leave_volume (self, "the guest may have been on it when it ended");
  if (!claim_volume (self, volume, &local))
    {
      if (g_error_matches (local, MIG_ERROR, MIG_ERROR_BUSY))
        return leave_volume (self, local->message);
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }

  return mig_swap_check_still_unused (self, self->destination, error) && mig_step_run_holds (self->run, error) &&
         mig_volume_backend_remove (self->backend, self->ref->host, self->destination,
                                    mig_step_run_get_token (self->run), NULL, error);
}

gboolean
mig_swap_undo_prepare (MigSwap  *self,
                       GError  **error)
{
  gint64 until = g_get_monotonic_time () + (gint64) (PATIENCE * G_USEC_PER_SEC);

  /* A disk that has grown stays so: the guest may have data there already. */
  if (!mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_CREATE))
    return TRUE;

  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (mig_step_run_get_waiter (self->run));
      g_autoptr (GError) local = NULL;

      if (remove_volume (self, &local))
        return TRUE;
      if (mig_step_run_is_detaching (self->run))
        return mig_swap_set_detached (error);
      if (!mig_swap_is_ambiguous (local) || g_get_monotonic_time () >= until)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      mig_swap_wait (self, ticket, RETRY_INTERVAL);
    }
}

MigProbe
mig_swap_probe_prepare (MigSwap  *self,
                        GError  **error)
{
  gint64 grown = mig_facts_get_int (self->facts, MIG_SWAP_FACT_GROW, 0);
  g_autoptr (MigVolume) volume = NULL;
  g_autoptr (GError) local = NULL;

  if (grown > 0)
    {
      gint64 length = mig_block_job_driver_get_length (mig_block_ref_get_jobs (self->ref), self->ref->host,
                                                       self->ref->domain, self->ref->target, NULL, error);

      return length < 0 ? MIG_PROBE_UNKNOWN : length >= grown ? MIG_PROBE_DONE : MIG_PROBE_NOT_STARTED;
    }
  if (!mig_facts_get_boolean (self->facts, MIG_SWAP_FACT_CREATE))
    return MIG_PROBE_DONE;

  volume = mig_volume_backend_lookup (self->backend, self->ref->host, self->destination, NULL, &local);
  if (volume != NULL)
    return MIG_PROBE_DONE;
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return MIG_PROBE_NOT_STARTED;

  g_propagate_error (error, g_steal_pointer (&local));

  return MIG_PROBE_UNKNOWN;
}
