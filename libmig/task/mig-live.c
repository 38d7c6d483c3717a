/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/task/mig-live-private.h"

#include "libmig/saga/mig-engine-private.h"

static gboolean
find_host (MigLive     *self,
           const char  *fact,
           MigHost    **host,
           GError     **error)
{
  const char *name = mig_facts_get_string (self->facts, fact);

  if (name == NULL)
    return TRUE;
  *host = mig_migration_task_find_host (self->task, name, error);

  return *host != NULL;
}

static gboolean
check_cluster (MigLive  *self,
               GError  **error)
{
  if (self->driver == NULL)
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED,
                         "the cluster has no driver, which a migration needs");
  else if (self->backend == NULL && mig_live_copies_disks (self))
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED,
                         "the cluster has no volume back end, which the disks that are copied need");
  else
    return TRUE;

  return FALSE;
}

gboolean
mig_live_open (MigLive       *self,
               MigOperation  *operation,
               MigStepRun    *run,
               GError       **error)
{
  MigCluster *cluster = mig_operation_get_cluster (operation);

  self->task = MIG_MIGRATION_TASK (operation);
  self->run = run;
  self->facts = mig_step_run_get_facts (run);
  self->options = mig_migration_task_get_options (self->task);
  self->driver = mig_cluster_get_driver (cluster);
  self->backend = mig_cluster_get_volume_backend (cluster);
  self->cancellable = mig_step_run_get_cancellable (run);
  self->source = NULL;
  self->destination = NULL;

  return check_cluster (self, error) && find_host (self, MIG_FACT_SOURCE, &self->source, error) &&
         find_host (self, MIG_FACT_DESTINATION, &self->destination, error);
}

void
mig_live_clear (MigLive *self)
{
  g_clear_object (&self->source);
  g_clear_object (&self->destination);
}

const char *
mig_live_uuid (MigLive *self)
{
  return mig_facts_get_string (self->facts, MIG_LIVE_FACT_UUID);
}

const char *
mig_live_mark (MigLive *self)
{
  return mig_facts_get_string (self->facts, MIG_LIVE_FACT_MARK);
}

char *
mig_live_describe (MigLive *self)
{
  const char *uuid = mig_live_uuid (self);
  const char *name = mig_facts_get_string (self->facts, MIG_LIVE_FACT_NAME);

  if (uuid == NULL || name == NULL)
    return g_strdup_printf ("“%s”", mig_migration_task_get_domain (self->task));

  return g_strdup_printf ("“%s” (%s)", name, uuid);
}

gboolean
mig_live_is_direct (MigLive *self)
{
  return g_strcmp0 (mig_facts_get_string (self->facts, MIG_LIVE_FACT_MODE), "direct") == 0;
}

gboolean
mig_live_copies_disks (MigLive *self)
{
  g_auto (GStrv) targets = mig_facts_dup_strv (self->facts, MIG_LIVE_FACT_DISKS);

  return targets[0] != NULL;
}

static MigEngine *
engine_of (MigLive *self)
{
  return mig_engine_of (G_OBJECT (mig_operation_get_cluster (MIG_OPERATION (self->task))));
}

double
mig_live_settle_time (MigLive *self)
{
  return mig_engine_get_settle_time (engine_of (self));
}

double
mig_live_wait_limit (MigLive *self)
{
  return mig_engine_get_wait_limit (engine_of (self));
}

double
mig_live_retry_pause (MigLive *self)
{
  return mig_engine_get_retry_pause (engine_of (self));
}

double
mig_live_seconds_since (gint64 moment)
{
  return (g_get_monotonic_time () - moment) / (double) G_USEC_PER_SEC;
}

gint64
mig_live_known (gint64 value)
{
  return MAX (value, 0);
}

gboolean
mig_live_is_ambiguous (const GError *error)
{
  if (error == NULL)
    return FALSE;

  return g_error_matches (error, MIG_ERROR, MIG_ERROR_CONNECTION) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_TIMED_OUT) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_CONTRACT) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}
