/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mig-cli.h"

/* mig recover: what is known at once to be nobody's runs at once; meanwhile those are waited for of which only time
 * will tell whether somebody still runs them. */

#define FIRST_CLAIM 500 /* milliseconds */

typedef struct
{
  Output       *output;
  MigCluster   *cluster;
  Drive        *drive;
  GCancellable *first;   /* of the first claim */
  gboolean      waiting; /* that one is over, and was cut short */
} Recovery;

static void claim (Recovery     *self,
                   GCancellable *cancellable);

static void
on_claimed (GObject      *object,
            GAsyncResult *result,
            gpointer      data)
{
  Recovery *self = data;
  GCancellable *stopped = drive_get_stopped (self->drive);
  gboolean cut_short = g_cancellable_is_cancelled (self->waiting ? stopped : self->first);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) operations = mig_cluster_recover_finish (MIG_CLUSTER (object), result, &error);

  for (guint i = 0; operations != NULL && i < operations->len; i++)
    {
      MigOperation *operation = g_ptr_array_index (operations, i);

      /* One that could not be carried to an end a moment ago is left. */
      if (!drive_has (self->drive, mig_operation_get_id (operation)))
        drive_add (self->drive, operation);
    }

  if (g_cancellable_is_cancelled (stopped) && (cut_short || error != NULL))
    {
      drive_join (self->drive, EXIT_ELSEWHERE); /* somebody may still run what is not ours now, or not */
    }
  else if (error != NULL && !cut_short)
    {
      drive_join (self->drive, fail (self->output, code_of_error (error), error));
    }
  else if (cut_short)
    {
      self->waiting = TRUE;
      claim (self, stopped);
    }

  drive_release (self->drive);
}

static void
claim (Recovery     *self,
       GCancellable *cancellable)
{
  drive_hold (self->drive);
  mig_cluster_recover_async (self->cluster, cancellable, on_claimed, self);
}

static gboolean
on_first (gpointer data)
{
  Recovery *self = data;

  g_cancellable_cancel (self->first);

  return G_SOURCE_REMOVE;
}

/* Of hosts that were named when it began, or NULL. */
static const char *
find_unknown_host (MigOperation *operation)
{
  g_autoptr (MigHost) source = NULL;
  g_autoptr (MigHost) destination = NULL;

  if (!MIG_IS_MIGRATION_TASK (operation))
    return NULL;

  source = mig_migration_task_ref_source (MIG_MIGRATION_TASK (operation));
  destination = mig_migration_task_ref_destination (MIG_MIGRATION_TASK (operation));
  if (source != NULL && mig_host_get_uri (source) == NULL)
    return mig_host_get_name (source);

  return destination != NULL && mig_host_get_uri (destination) == NULL ? mig_host_get_name (destination) : NULL;
}

/* Why it was not taken up; FALSE: somebody runs it. */
static gboolean
explain (Recovery          *self,
         MigOperationInfo  *info,
         MigOperation     **operation,
         GError           **error)
{
  const char *id = mig_operation_info_get_id (info);
  g_autofree char *journal = NULL;
  const char *unknown;

  if (is_damaged (info))
    {
      g_propagate_error (error, g_error_copy (mig_operation_info_get_error (info)));
      return TRUE;
    }

  *operation = mig_cluster_open_operation (self->cluster, id, NULL, error);
  if (*operation != NULL)
    journal = mig_cluster_dup_journal (self->cluster, id, NULL, error);
  if (journal == NULL)
    return TRUE;

  unknown = find_unknown_host (*operation);
  if (unknown != NULL)
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "operation %s is left: no host is named “%s”", id, unknown);
  else if (g_cancellable_is_cancelled (drive_get_stopped (self->drive)))
    g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "operation %s is left: process “%s” may still run it", id,
                 mig_operation_info_get_owner (info));

  return *error != NULL;
}

/* What is in error can be carried on when its reason has gone. */
static gboolean
is_over (MigOperationInfo *info)
{
  if (is_damaged (info))
    return mig_operation_info_get_phase (info) == MIG_PHASE_DONE;

  return mig_operation_info_is_finished (info) && mig_operation_info_get_status (info) != MIG_STATUS_ERROR;
}

/* What is unfinished, and was not taken up. */
static void
tell_left (Recovery *self)
{
  g_autoptr (GPtrArray) infos = mig_cluster_list_operations (self->cluster, NULL, NULL);

  for (guint i = 0; infos != NULL && i < infos->len; i++)
    {
      MigOperationInfo *info = g_ptr_array_index (infos, i);
      const char *id = mig_operation_info_get_id (info);
      const char *status = enum_nick (MIG_TYPE_STATUS, mig_operation_info_get_status (info));
      g_autoptr (MigOperation) operation = NULL;
      g_autoptr (GError) error = NULL;

      if (is_over (info) || drive_has (self->drive, id) || !explain (self, info, &operation, &error))
        continue;

      self->output->operation = id;
      output_result (self->output, status, operation, error);
      self->output->operation = NULL;
      drive_join (self->drive, g_error_matches (error, MIG_ERROR, MIG_ERROR_CORRUPT) ? EXIT_UNKNOWN : EXIT_ELSEWHERE);
    }
}

ExitCode
recover (Options *options,
         Output  *output)
{
  Recovery self = { .output = output };
  ExitCode code;
  guint timer;

  self.cluster = session_open (options, output, NULL, SESSION_EVENTS, &code);
  if (self.cluster == NULL)
    return code;

  self.first = g_cancellable_new ();
  self.drive = drive_new (output, self.cluster, FALSE, options->timeout);
  timer = g_timeout_add (FIRST_CLAIM, on_first, &self);
  claim (&self, self.first);
  drive_run (self.drive);
  tell_left (&self);

  if (options->json)
    {
      JsonObject *fields = json_object_new ();

      json_object_set_int_member (fields, "count", drive_get_n_ended (self.drive));
      output_event (output, "recovered", fields);
    }
  else if (!options->quiet)
    {
      output_line (output, "%u recovered", drive_get_n_ended (self.drive));
    }

  code = drive_end (self.drive);
  if (g_main_context_find_source_by_id (NULL, timer) != NULL)
    g_source_remove (timer);
  g_object_unref (self.first);

  return code;
}
