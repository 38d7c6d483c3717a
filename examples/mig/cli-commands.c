/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mig-cli.h"

/* One function for each command; the table of them is at the end. */

static MigMigrationOptions *
migration_options (Options  *options,
                   GError  **error)
{
  static const char *const modes[] = { "auto", "p2p", "direct", NULL };
  static const char *const disks[] = { "auto", "shared", "copy", NULL };
  int mode = MIG_MIGRATE_MODE_AUTO, disk_mode = MIG_DISK_MODE_AUTO;
  g_autoptr (MigMigrationOptions) result = NULL;
  g_autofree char *json = NULL;

  if (!read_choice ("--mode", options->mode, modes, &mode, error) ||
      !read_choice ("--disks", options->disks, disks, &disk_mode, error))
    return NULL;

  result = mig_migration_options_new ();
  g_object_set (result, "mode", mode, "disks", disk_mode, "unsafe", options->unsafe, "keep-source-disks",
                options->keep_source_disks, "post-copy", options->post_copy, "throttle", options->throttle, NULL);
  if (options->max_downtime >= 0)
    g_object_set (result, "max-downtime", options->max_downtime, NULL);
  if (options->deadline >= 0)
    g_object_set (result, "deadline", options->deadline, NULL);
  if (options->bandwidth >= 0)
    g_object_set (result, "bandwidth", options->bandwidth, NULL);

  /* Reading them is what checks their ranges. */
  json = mig_migration_options_to_json (result);

  return mig_migration_options_new_from_json (json, error);
}

static ExitCode
live_migrate (Options *options,
              Output  *output)
{
  const char *const hosts[] = { options->from, options->to, NULL };
  g_autoptr (MigMigrationOptions) migration = NULL;
  g_autoptr (MigHost) source = NULL;
  g_autoptr (MigHost) destination = NULL;
  g_autoptr (GError) error = NULL;
  MigOperation *task;
  MigCluster *cluster;
  ExitCode code;

  if (options->from == NULL)
    g_set_error (&error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "--from HOST is missing");
  else
    migration = migration_options (options, &error);
  if (migration == NULL)
    return fail (output, EXIT_USAGE, error);

  cluster = session_open (options, output, hosts, SESSION_BEGIN, &code);
  if (cluster == NULL)
    return code;

  source = mig_cluster_find_host (cluster, options->from, NULL);
  destination = options->to != NULL ? mig_cluster_find_host (cluster, options->to, NULL) : NULL;
  task = g_object_new (MIG_TYPE_MIGRATION_TASK, "cluster", cluster, "domain", options->arguments[0], "source", source,
                       "destination", destination, "options", migration, "key", options->key, NULL);

  return run_operation (output, cluster, task, FALSE, -1);
}

/* The device that swap-volume and block-job are about; opens the session. */
static MigBlockDevice *
open_device (Options     *options,
             Output      *output,
             MigCluster **cluster,
             ExitCode    *code)
{
  const char *const hosts[] = { options->on, NULL };
  g_autoptr (MigHost) host = NULL;
  g_autoptr (GError) error = NULL;

  if (options->on == NULL)
    {
      g_set_error (&error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "--on HOST is missing");
      *code = fail (output, EXIT_USAGE, error);
      return NULL;
    }

  *cluster = session_open (options, output, hosts, SESSION_BEGIN, code);
  if (*cluster == NULL)
    return NULL;

  host = mig_cluster_find_host (*cluster, options->on, NULL);

  return mig_block_device_new (*cluster, host, options->arguments[0], options->arguments[1]);
}

static MigSwapOptions *
swap_options (Options  *options,
              GError  **error)
{
  static const char *const formats[] = { "raw", "qcow2", NULL };
  g_autoptr (MigSwapOptions) result = mig_swap_options_new ();
  g_autofree char *json = NULL;
  int unused;

  if (!read_choice ("--format", options->format, formats, &unused, error))
    return NULL;

  g_object_set (result, "reuse", options->reuse, "verify", options->verify, "synchronous", options->synchronous, NULL);
  if (options->bandwidth >= 0)
    g_object_set (result, "bandwidth", options->bandwidth, NULL);
  if (options->resize_to >= 0)
    g_object_set (result, "resize-to", options->resize_to, NULL);
  if (options->time_limit >= 0)
    g_object_set (result, "time-limit", options->time_limit, NULL);
  if (options->granularity >= 0)
    g_object_set (result, "granularity", options->granularity, NULL);
  if (options->max_pause >= 0)
    g_object_set (result, "max-pause", options->max_pause, NULL);

  json = mig_swap_options_to_json (result);

  return mig_swap_options_new_from_json (json, error);
}

/* What "." and ".." in a path mean is for the host to say. */
static MigDiskSource *
read_destination (Options  *options,
                  GError  **error)
{
  const char *text = options->arguments[2];
  g_autoptr (MigDiskSource) destination = mig_disk_source_parse (text, options->format, error);
  g_auto (GStrv) names = g_strsplit (text, "/", -1);

  if (destination == NULL || mig_disk_source_get_kind (destination) == MIG_DISK_SOURCE_KIND_NBD ||
      !(g_strv_contains ((const char *const *) names, ".") || g_strv_contains ((const char *const *) names, "..")))
    return g_steal_pointer (&destination);

  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the path “%s” has “.” or “..” in it", text);
  return NULL;
}

static ExitCode
swap_volume (Options *options,
             Output  *output)
{
  g_autoptr (MigSwapOptions) how = NULL;
  g_autoptr (MigDiskSource) destination = NULL;
  g_autoptr (MigBlockDevice) device = NULL;
  g_autoptr (GError) error = NULL;
  MigVolumeSwap *swap;
  MigCluster *cluster = NULL;
  ExitCode code;

  how = swap_options (options, &error);
  if (how != NULL)
    destination = read_destination (options, &error);
  if (destination == NULL)
    return fail (output, EXIT_USAGE, error);

  device = open_device (options, output, &cluster, &code);
  if (device == NULL)
    return code;

  swap = mig_block_device_new_swap (device, destination, how, options->key);
  g_clear_object (&device);

  return run_operation (output, cluster, MIG_OPERATION (swap), FALSE, -1);
}

static void
show_job (Output          *output,
          MigBlockJobInfo *info)
{
  const char *kind = enum_nick (MIG_TYPE_BLOCK_JOB_KIND, mig_block_job_info_get_kind (info));

  if (output->options->json)
    {
      JsonObject *fields = json_object_new ();

      json_object_set_string_member (fields, "kind", kind);
      json_object_set_int_member (fields, "current", mig_block_job_info_get_current (info));
      json_object_set_int_member (fields, "end", mig_block_job_info_get_end (info));
      json_object_set_int_member (fields, "bandwidth", mig_block_job_info_get_bandwidth (info));
      json_object_set_boolean_member (fields, "ready", mig_block_job_info_is_ready (info));
      output_event (output, "block-job", fields);
    }
  else
    {
      g_autofree char *current = bytes_text (mig_block_job_info_get_current (info));
      g_autofree char *end = bytes_text (mig_block_job_info_get_end (info));

      if (mig_block_job_info_get_kind (info) == MIG_BLOCK_JOB_KIND_NONE)
        output_line (output, "no job");
      else
        output_line (output, "%s, %s of %s%s", kind, current, end, mig_block_job_info_is_ready (info) ? ", ready" : "");
    }
}

static ExitCode
block_job (Options *options,
           Output  *output)
{
  g_autoptr (MigBlockDevice) device = NULL;
  g_autoptr (MigBlockJobInfo) info = NULL;
  g_autoptr (GError) error = NULL;
  MigCluster *cluster = NULL;
  ExitCode code;

  if (options->abort && options->pivot)
    {
      g_set_error (&error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "--abort and --pivot exclude each other");
      return fail (output, EXIT_USAGE, error);
    }

  device = open_device (options, output, &cluster, &code);
  if (device == NULL)
    return code;

  code = EXIT_COMPLETED;

  if (options->abort)
    mig_block_device_abort_job (device, MIG_BLOCK_ABORT_FLAGS_NONE, NULL, &error);
  else if (options->pivot)
    mig_block_device_pivot (device, NULL, &error);
  else
    info = mig_block_device_get_job_info (device, NULL, &error);

  output->tells = info != NULL;
  if (info != NULL)
    show_job (output, info);
  if (error != NULL)
    code = code_of_error (error);
  output_result (output, code == EXIT_COMPLETED ? "completed" : code == EXIT_UNKNOWN ? "error" : "failed", NULL, error);
  g_clear_object (&device);
  session_close (cluster);

  return code;
}

/* Opens the operation that the command names; the session stays open. */
static MigOperation *
open_operation (Options     *options,
                Output      *output,
                MigCluster **cluster,
                ExitCode    *code)
{
  g_autofree char *id = NULL;
  g_autoptr (GError) error = NULL;
  MigOperation *operation = NULL;

  *cluster = session_open (options, output, NULL, SESSION_ASK, code);
  if (*cluster == NULL)
    return NULL;

  id = dup_operation_id (options, *cluster, &error);
  if (id != NULL)
    operation = mig_cluster_open_operation (*cluster, id, NULL, &error);
  if (operation == NULL)
    {
      session_close (*cluster);
      *code = fail (output, code_of_error (error), error);
    }

  return operation;
}

/* What is refused says nothing of how the operation stands: then the result is the command's, as any other failure. */
static ExitCode
request (Options    *options,
         Output     *output,
         const char *what,
         gboolean  (*ask) (MigOperation *operation, GError **error))
{
  g_autoptr (GError) error = NULL;
  MigCluster *cluster = NULL;
  ExitCode code = EXIT_COMPLETED;
  MigOperation *operation = open_operation (options, output, &cluster, &code);

  if (operation == NULL)
    return code;

  if (!ask (operation, &error))
    {
      g_prefix_error (&error, "operation %s: ", mig_operation_get_id (operation));
      code = fail (output, code_of_error (error), error);
    }
  else if (options->json)
    {
      output->operation = mig_operation_get_id (operation);
      output_result (output, enum_nick (MIG_TYPE_STATUS, mig_operation_get_status (operation)), operation, NULL);
      output->operation = NULL;
    }
  else
    {
      output_line (output, "%s of operation %s requested", what, mig_operation_get_id (operation));
    }
  g_object_unref (operation);
  session_close (cluster);

  return code;
}

static gboolean
ask_force_complete (MigOperation *operation,
                    GError      **error)
{
  if (MIG_IS_MIGRATION_TASK (operation))
    return mig_migration_task_force_complete (MIG_MIGRATION_TASK (operation), error);

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "it is no migration");
  return FALSE;
}

static ExitCode
abort_operation (Options *options,
                 Output  *output)
{
  return request (options, output, "abort", mig_operation_abort);
}

static ExitCode
force_complete (Options *options,
                Output  *output)
{
  return request (options, output, "forced completion", ask_force_complete);
}

static ExitCode
wait_for (Options *options,
          Output  *output)
{
  MigCluster *cluster = NULL;
  ExitCode code;
  MigOperation *operation = open_operation (options, output, &cluster, &code);

  if (operation == NULL)
    return code;

  return run_operation (output, cluster, operation, TRUE, options->timeout);
}

const Command commands[] = {
  { "live-migrate", "DOMAIN", "Moves a running guest to another host.", "ml", live_migrate },
  { "swap-volume", "DOMAIN TARGET DESTINATION", "Puts another volume under a disk of a running guest.", "osl",
    swap_volume },
  { "block-job", "DOMAIN TARGET", "Shows, aborts or pivots the job of a disk.", "ob", block_job },
  { "list", "", "Lists the operations in the store.", "", list },
  { "show", "OPERATION", "Shows an operation and its journal.", "", show },
  { "abort", "OPERATION", "Asks for the end of an operation.", "", abort_operation },
  { "wait", "OPERATION", "Waits for the end of an operation.", "t", wait_for },
  { "force-complete", "OPERATION", "Asks a migration to end now, at the price of a pause.", "", force_complete },
  { "recover", "", "Carries unfinished operations of dead processes to their end.", "t", recover },
};

const guint n_commands = G_N_ELEMENTS (commands);
