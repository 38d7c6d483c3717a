/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

#include <libmig/mig-error.h>

/* Storage that a host does not see by itself. */

/* A storage that does not answer while the swap is undone is asked again for so long, in seconds. */
#define PATIENCE 60.0
#define RETRY_INTERVAL 0.5

gboolean
mig_swap_attach (MigSwap  *self,
                 GError  **error)
{
  /* Not given up for an abort: its answer tells whether there is something to undo. */
  if (!mig_volume_backend_attach (self->backend, self->ref->host, self->destination,
                                  mig_step_run_get_token (self->run), NULL, error))
    return FALSE;

  /* The copy is next; this is written with its intent. */
  mig_facts_set_int (self->facts, MIG_SWAP_FACT_BEGUN, g_get_real_time ());

  return TRUE;
}

/* Never what a disk names, here or, for all that can be told, elsewhere. */
static gboolean
detach (MigSwap        *self,
        MigDiskSource  *source,
        GError        **error)
{
  return mig_swap_check_still_unused (self, source, error) && mig_step_run_holds (self->run, error) &&
         mig_volume_backend_detach (self->backend, self->ref->host, source, mig_step_run_get_token (self->run), NULL,
                                    error);
}

gboolean
mig_swap_undo_attach (MigSwap  *self,
                      GError  **error)
{
  gint64 until = g_get_monotonic_time () + (gint64) (PATIENCE * G_USEC_PER_SEC);

  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (mig_step_run_get_waiter (self->run));
      g_autoptr (GError) local = NULL;

      if (detach (self, self->destination, &local))
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

gboolean
mig_swap_detach_old (MigSwap  *self,
                     GError  **error)
{
  g_autofree char *text = mig_disk_source_to_string (self->old);

  if (detach (self, self->old, error))
    return TRUE;

  g_prefix_error (error, "the old volume %s stays attached: ", text);

  return FALSE;
}
