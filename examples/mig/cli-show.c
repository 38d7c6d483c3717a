/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mig-cli.h"

#include <stdio.h>

/* What a store tells of operations. */

gboolean
is_damaged (MigOperationInfo *info)
{
  return mig_operation_info_get_kind (info) == NULL;
}

static void
tell_operation (Output           *output,
                MigOperationInfo *info)
{
  JsonObject *fields = json_object_new ();
  const char *phase = enum_nick (MIG_TYPE_PHASE, mig_operation_info_get_phase (info));
  const char *status = enum_nick (MIG_TYPE_STATUS, mig_operation_info_get_status (info));

  set_text (fields, "key", mig_operation_info_get_key (info));
  set_text (fields, "kind", mig_operation_info_get_kind (info));
  set_text (fields, "subject", mig_operation_info_get_subject (info));
  set_text (fields, "source", mig_operation_info_get_source (info));
  set_text (fields, "destination", mig_operation_info_get_destination (info));
  set_text (fields, "phase", is_damaged (info) ? NULL : phase);
  set_text (fields, "status", is_damaged (info) ? NULL : status);
  set_bytes (fields, "attempt", is_damaged (info) ? -1 : (gint64) mig_operation_info_get_attempt (info));
  set_time (fields, "created", mig_operation_info_get_created (info));
  set_time (fields, "updated", mig_operation_info_get_updated (info));
  set_text (fields, "owner", mig_operation_info_get_owner (info));
  set_error (fields, mig_operation_info_get_error (info));
  set_texts (fields, "debts", mig_operation_info_get_debts (info));

  output->operation = mig_operation_info_get_id (info);
  output_event (output, "operation", fields);
  output->operation = NULL;
}

/* What may be long comes last. */
static void
print_operation (Output           *output,
                 MigOperationInfo *info)
{
  g_autoptr (GDateTime) time = NULL;
  g_autofree char *created = NULL;
  const char *const *debts = mig_operation_info_get_debts (info);
  const GError *error = mig_operation_info_get_error (info);
  const char *source = mig_operation_info_get_source (info);
  const char *destination = mig_operation_info_get_destination (info);

  if (is_damaged (info))
    {
      output_line (output, "%s  %s", mig_operation_info_get_id (info), error->message);
      return;
    }

  time = g_date_time_new_from_unix_local (mig_operation_info_get_created (info) / G_USEC_PER_SEC);
  created = g_date_time_format (time, "%Y-%m-%d %H:%M:%S");
  output_line (output, "%s  %s  %-14s  %-10s  %-10s  %s  %s -> %s", mig_operation_info_get_id (info), created,
               mig_operation_info_get_kind (info),
               enum_nick (MIG_TYPE_STATUS, mig_operation_info_get_status (info)),
               enum_nick (MIG_TYPE_PHASE, mig_operation_info_get_phase (info)),
               mig_operation_info_get_subject (info), source != NULL ? source : "?",
               destination != NULL ? destination : "?");
  if (error != NULL)
    output_line (output, "  %s", error->message);
  for (guint i = 0; debts[i] != NULL; i++)
    output_line (output, "  left to do: %s", debts[i]);
}

/* Of those that have this id, or of all. Returns the first that is damaged, or NULL. */
static MigOperationInfo *
show_operations (Output     *output,
                 GPtrArray  *infos,
                 const char *id)
{
  MigOperationInfo *damaged = NULL;
  gboolean headed = FALSE;

  for (guint i = 0; i < infos->len; i++)
    {
      MigOperationInfo *info = g_ptr_array_index (infos, i);

      if (id != NULL && !g_str_equal (mig_operation_info_get_id (info), id))
        continue;
      if (damaged == NULL && is_damaged (info))
        damaged = info;
      if (output->options->json)
        {
          tell_operation (output, info);
          continue;
        }
      if (!headed)
        output_line (output, "%-36s  %-19s  %-14s  %-10s  %-10s  %s", "operation", "created", "kind", "status", "phase",
                     "what");
      headed = TRUE;
      print_operation (output, info);
    }

  return damaged;
}

char *
dup_operation_id (Options     *options,
                  MigCluster  *cluster,
                  GError     **error)
{
  g_autoptr (GPtrArray) infos = NULL;

  if (options->key == NULL)
    return g_strdup (options->arguments[0]);

  infos = mig_cluster_list_operations (cluster, NULL, error);
  if (infos == NULL)
    return NULL;
  for (guint i = 0; i < infos->len; i++)
    if (g_strcmp0 (mig_operation_info_get_key (g_ptr_array_index (infos, i)), options->key) == 0)
      return g_strdup (mig_operation_info_get_id (g_ptr_array_index (infos, i)));

  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "no operation has the key “%s”", options->key);
  return NULL;
}

ExitCode
list (Options *options,
      Output  *output)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) infos = NULL;
  g_autofree char *id = NULL;
  MigOperationInfo *damaged;
  ExitCode code;
  MigCluster *cluster = session_open (options, output, NULL, SESSION_READ, &code);

  if (cluster == NULL)
    return code;

  output->tells = TRUE;
  infos = mig_cluster_list_operations (cluster, NULL, &error);
  if (infos != NULL && options->key != NULL)
    id = dup_operation_id (options, cluster, &error);
  if (error == NULL)
    {
      damaged = show_operations (output, infos, id);
      if (damaged != NULL)
        error = g_error_copy (mig_operation_info_get_error (damaged));
    }
  session_close (cluster);

  return error == NULL ? EXIT_COMPLETED : fail (output, code_of_error (error), error);
}

static void
print_line (Output     *output,
            JsonObject *line)
{
  const char *time = json_object_get_string_member (line, "time");
  const char *step = json_object_get_string_member_with_default (line, "step", "");
  const char *text = json_object_get_string_member_with_default (line, "text", "");

  if (json_object_has_member (line, "error"))
    text = json_object_get_string_member_with_default (json_object_get_object_member (line, "error"), "message", "");
  output_line (output, "%s  %-10s %-14s %s", time, json_object_get_string_member (line, "kind"), step, text);
}

/* The library has checked it. */
static void
show_journal (Output     *output,
              const char *id,
              const char *journal)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *lines;

  json_parser_load_from_data (parser, journal, -1, NULL);
  lines = json_node_get_array (json_parser_get_root (parser));
  output->operation = id;
  for (guint i = 0; i < json_array_get_length (lines); i++)
    {
      JsonObject *line = json_array_get_object_element (lines, i);
      JsonObject *fields;

      if (!output->options->json)
        {
          print_line (output, line);
          continue;
        }
      if (json_object_has_member (line, "error"))
        name_code (json_object_get_object_member (line, "error"));
      fields = json_object_new ();
      json_object_set_object_member (fields, "line", json_object_ref (line));
      output_event (output, "journal", fields);
    }
  output->operation = NULL;
}

ExitCode
show (Options *options,
      Output  *output)
{
  g_autofree char *id = NULL;
  g_autofree char *journal = NULL;
  g_autoptr (GPtrArray) infos = NULL;
  g_autoptr (GError) error = NULL;
  ExitCode code;
  MigCluster *cluster = session_open (options, output, NULL, SESSION_READ, &code);

  if (cluster == NULL)
    return code;

  output->tells = TRUE;
  id = dup_operation_id (options, cluster, &error);
  if (id != NULL)
    infos = mig_cluster_list_operations (cluster, NULL, &error);
  if (infos != NULL)
    {
      show_operations (output, infos, id);
      journal = mig_cluster_dup_journal (cluster, id, NULL, &error);
    }
  if (journal != NULL)
    show_journal (output, id, journal);
  session_close (cluster);

  return journal != NULL ? EXIT_COMPLETED : fail (output, code_of_error (error), error);
}
