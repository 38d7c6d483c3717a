/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/task/mig-live-private.h"

/* TRUE: the host answered; @info is NULL then if the domain is proved absent. Looks are never cancelled: what they show
 * decides, and the driver bounds them. */
static gboolean
look_at (MigLive        *self,
         MigHost        *host,
         MigDomainInfo **info,
         GError        **error)
{
  g_autoptr (GError) local = NULL;

  *info = mig_compute_driver_get_domain (self->driver, host, mig_live_uuid (self), NULL, &local);
  if (*info != NULL || g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return TRUE;

  /* The first host's trouble is told; one is enough. */
  if (error != NULL && *error == NULL)
    g_propagate_prefixed_error (error, g_steal_pointer (&local), "host “%s”: ", mig_host_get_name (host));

  return FALSE;
}

void
mig_live_look (MigLive     *self,
               gboolean     owner,
               MigLiveLook *look)
{
  gboolean answered;

  mig_live_look_clear (look);

  /* The destination first: the guest stops at the source before it runs there, so that this order never shows it
   * running twice. */
  answered = look_at (self, self->destination, &look->destination, &look->trouble);
  look->view.destination = answered ? mig_live_destination_of (look->destination) : MIG_LIVE_DESTINATION_UNREACHABLE;
  answered = look_at (self, self->source, &look->source, &look->trouble);
  look->view.source = answered ? mig_live_source_of (look->source) : MIG_LIVE_SOURCE_UNREACHABLE;

  look->view.job = look->source != NULL && mig_domain_info_get_job (look->source) == MIG_JOB_KIND_MIGRATION_OUT;
  look->view.owner = owner;
  look->view.paused_before = mig_facts_get_boolean (self->facts, MIG_LIVE_FACT_PAUSED_BEFORE);
  look->row = mig_live_verdict_find (&look->view);
}

void
mig_live_look_clear (MigLiveLook *self)
{
  g_clear_object (&self->source);
  g_clear_object (&self->destination);
  g_clear_error (&self->trouble);
}

char *
mig_live_look_describe (MigLive     *self,
                        MigLiveLook *look)
{
  g_autofree char *guest = mig_live_describe (self);

  return g_strdup_printf ("%s is %s at “%s” and %s at “%s”: %s", guest, mig_live_source_name (look->view.source),
                          mig_host_get_name (self->source), mig_live_destination_name (look->view.destination),
                          mig_host_get_name (self->destination), look->row->reason);
}

double
mig_live_patience (MigLivePatience *self,
                   MigLiveVerdict   verdict)
{
  gint64 now = g_get_monotonic_time ();

  if (!self->any || self->verdict != verdict)
    {
      self->any = TRUE;
      self->verdict = verdict;
      self->since = now;
    }

  return (now - self->since) / (double) G_USEC_PER_SEC;
}

void
mig_live_set_unknown (MigLive      *self,
                      MigLiveLook  *look,
                      GError      **error)
{
  g_autofree char *seen = mig_live_look_describe (self, look);

  g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN, "%s%s%s", seen, look->trouble != NULL ? "; " : "",
               look->trouble != NULL ? look->trouble->message : "");
}
