/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mig-cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Results and JSON go to standard output, everything that is said on the way to standard error. */

#define COLUMNS 80 /* of a terminal that does not say how many it has */
#define PLAIN_PERIOD (2 * G_USEC_PER_SEC)

const char *
enum_nick (GType type,
           int   value)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (type);
  const GEnumValue *row = g_enum_get_value (klass, value);

  return row != NULL ? row->value_nick : "?"; /* nicks are static */
}

void
output_begin (Output  *output,
              Options *options)
{
  *output = (Output) { .options = options, .terminal = isatty (STDERR_FILENO) == 1 };
}

void
output_clear_bar (Output *output)
{
  if (output->bar)
    fputs ("\r\033[K", stderr);
  output->bar = FALSE;
}

/* What names and messages hold is not for the terminal to interpret. */
static char *
plain_text (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *plain = g_string_new (NULL);

  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar c = g_utf8_get_char (at);

      if (g_unichar_isprint (c))
        g_string_append_unichar (plain, c);
      else if (c == '\n')
        g_string_append (plain, "\\n");
      else
        g_string_append_printf (plain, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
    }

  return g_string_free (plain, FALSE);
}

void
output_message (Output     *output,
                const char *format,
                ...)
{
  g_autofree char *text = NULL;
  g_autofree char *plain = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);

  plain = plain_text (text);
  output_clear_bar (output);
  if (output->several && output->operation != NULL)
    fprintf (stderr, "%.8s: ", output->operation);
  fprintf (stderr, "%s\n", plain);
}

static void
put_line (Output     *output,
          const char *line)
{
  if ((printf ("%s\n", line) < 0 || fflush (stdout) != 0) && output->write_error == 0)
    output->write_error = errno;
}

void
output_line (Output     *output,
             const char *format,
             ...)
{
  g_autofree char *text = NULL;
  g_autofree char *plain = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);

  plain = plain_text (text);
  put_line (output, plain);
}

/* Takes @fields. */
void
output_event (Output     *output,
              const char *event,
              JsonObject *fields)
{
  g_autoptr (JsonObject) line = json_object_new ();
  g_autoptr (GList) names = json_object_get_members (fields);
  g_autofree char *text = NULL;

  json_object_set_int_member (line, "v", 1);
  json_object_set_string_member (line, "event", event);
  set_time (line, "time", g_get_real_time ());
  set_text (line, "operation", output->operation);
  for (GList *name = names; name != NULL; name = name->next)
    json_object_set_member (line, name->data, json_object_dup_member (fields, name->data));
  json_object_unref (fields);

  text = json_line (line);
  put_line (output, text);
}

static void
set_stream (JsonObject *object,
            const char *name,
            gint64      total,
            gint64      processed,
            gint64      remaining)
{
  JsonObject *stream = json_object_new ();

  set_bytes (stream, "total", total);
  set_bytes (stream, "processed", processed);
  set_bytes (stream, "remaining", remaining);
  json_object_set_object_member (object, name, stream);
}

void
output_phase (Output   *output,
              MigPhase  old_phase,
              MigPhase  new_phase,
              guint     attempt)
{
  const char *old_nick = enum_nick (MIG_TYPE_PHASE, old_phase);
  const char *new_nick = enum_nick (MIG_TYPE_PHASE, new_phase);

  output->last_text = g_get_monotonic_time ();
  if (output->options->json)
    {
      JsonObject *fields = json_object_new ();

      json_object_set_string_member (fields, "old", old_nick);
      json_object_set_string_member (fields, "new", new_nick);
      json_object_set_int_member (fields, "attempt", attempt);
      output_event (output, "phase", fields);
    }
  else if (!output->options->quiet && new_phase != MIG_PHASE_DONE)
    {
      output_message (output, "%s", new_nick);
    }
}

static JsonObject *
progress_fields (MigProgress *progress)
{
  JsonObject *fields = json_object_new ();

  json_object_set_string_member (fields, "phase", enum_nick (MIG_TYPE_PHASE, mig_progress_get_phase (progress)));
  json_object_set_double_member (fields, "fraction", mig_progress_get_fraction (progress));
  set_stream (fields, "memory", mig_progress_get_memory_total (progress), mig_progress_get_memory_processed (progress),
              mig_progress_get_memory_remaining (progress));
  set_stream (fields, "disk", mig_progress_get_disk_total (progress), mig_progress_get_disk_processed (progress),
              mig_progress_get_disk_remaining (progress));
  set_number (fields, "rate", mig_progress_get_rate (progress));
  set_number (fields, "dirty-rate", mig_progress_get_dirty_rate (progress));
  set_bytes (fields, "iteration", mig_progress_get_iteration (progress));
  set_number (fields, "expected-downtime", mig_progress_get_expected_downtime (progress));
  set_number (fields, "eta", mig_progress_get_eta (progress));

  return fields;
}

static guint
count_columns (void)
{
  struct winsize size;

  return ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS;
}

void
output_progress (Output      *output,
                 MigProgress *progress)
{
  gint64 now = g_get_monotonic_time ();

  if (output->options->json)
    {
      output_event (output, "progress", progress_fields (progress));
    }
  else if (!output->options->quiet && output->terminal && !output->several)
    {
      g_autofree char *text = bar_text (progress, count_columns () - 1); /* the last one would begin a line */

      fprintf (stderr, output->options->no_color ? "\r%s\033[K" : "\r\033[36m%s\033[0m\033[K", text);
      fflush (stderr);
      output->bar = TRUE;
    }
  else if (!output->options->quiet && now - output->last_text >= PLAIN_PERIOD)
    {
      g_autofree char *text = bar_text (progress, 0);

      output_message (output, "%s", text);
      output->last_text = now;
    }
}

void
output_step (Output       *output,
             const char   *step,
             double        seconds,
             const GError *error)
{
  if (output->options->json)
    {
      JsonObject *fields = json_object_new ();

      json_object_set_string_member (fields, "step", step);
      json_object_set_double_member (fields, "seconds", seconds);
      set_error (fields, error);
      output_event (output, "step", fields);
    }
  else if (error != NULL && !output->options->quiet)
    {
      output_message (output, "%s", error->message); /* it begins with the step */
      g_free (output->said);
      output->said = g_strdup (error->message);
    }
}

void
output_decision (Output     *output,
                 const char *text,
                 GVariant   *inputs)
{
  if (output->options->json)
    {
      JsonObject *fields = json_object_new ();

      json_object_set_string_member (fields, "text", text);
      json_object_set_member (fields, "inputs", inputs != NULL
                              ? json_gvariant_serialize (inputs) : json_node_new (JSON_NODE_NULL));
      output_event (output, "decision", fields);
    }
  else if (!output->options->quiet)
    {
      output_message (output, "%s", text);
    }
}

typedef struct
{
  const char *source;
  const char *destination;
  double      seconds;
  double      downtime;
  gint64      bytes;
} Result;

static void
read_result (GVariant *result,
             Result   *fields)
{
  *fields = (Result) { .seconds = -1, .downtime = -1, .bytes = -1 };
  if (result == NULL)
    return;

  g_variant_lookup (result, "source", "&s", &fields->source);
  g_variant_lookup (result, "destination", "&s", &fields->destination);
  g_variant_lookup (result, "seconds", "d", &fields->seconds);
  g_variant_lookup (result, "downtime", "d", &fields->downtime);
  g_variant_lookup (result, "bytes", "x", &fields->bytes);
}

static void
print_result (Output       *output,
              const char   *status,
              MigOperation *operation,
              Result       *fields,
              char        **debts)
{
  GString *text = g_string_new (status);

  if (fields->source != NULL)
    g_string_append_printf (text, " %s %s", MIG_IS_VOLUME_SWAP (operation) ? "on" : "from", fields->source);
  if (fields->destination != NULL)
    g_string_append_printf (text, " to %s", fields->destination);
  if (fields->seconds >= 0)
    g_string_append_printf (text, " in %.2f s", fields->seconds);
  if (fields->downtime >= 0)
    g_string_append_printf (text, ", downtime %.0f ms", fields->downtime * 1000);
  if (fields->bytes >= 0)
    {
      g_autofree char *bytes = bytes_text (fields->bytes);

      g_string_append_printf (text, ", %s moved", bytes);
    }
  output_line (output, "%s", text->str);
  output_line (output, "operation %s", mig_operation_get_id (operation));
  for (guint i = 0; debts[i] != NULL; i++)
    output_line (output, "left to do: %s", debts[i]);
  g_string_free (text, TRUE);
}

static void
print_error (Output       *output,
             const GError *error)
{
  if (g_strcmp0 (output->said, error->message) != 0)
    output_message (output, "mig: %s", error->message);
  g_clear_pointer (&output->said, g_free);
}

void
output_result (Output       *output,
               const char   *status,
               MigOperation *operation,
               const GError *error)
{
  g_autoptr (GVariant) result = operation != NULL ? mig_operation_dup_result (operation) : NULL;
  g_auto (GStrv) debts = operation != NULL ? mig_operation_dup_debts (operation) : NULL;
  JsonObject *object;
  Result fields;

  read_result (result, &fields);
  if (!output->options->json)
    {
      output_clear_bar (output);
      if (error != NULL)
        print_error (output, error);
      if (operation != NULL)
        print_result (output, status, operation, &fields, debts);
      return;
    }

  object = json_object_new ();
  json_object_set_string_member (object, "status", status);
  set_number (object, "seconds", fields.seconds);
  set_number (object, "downtime-seconds", fields.downtime);
  set_bytes (object, "bytes", fields.bytes);
  set_text (object, "source", fields.source);
  set_text (object, "destination", fields.destination);
  set_texts (object, "debts", (const char *const *) debts);
  set_error (object, error);
  output_event (output, "result", object);
}

/* What could not be written: the command has failed if that was all that it was for. */
ExitCode
output_end (Output   *output,
            ExitCode  code)
{
  options_clear (output->options);
  g_clear_pointer (&output->said, g_free);
  if (output->write_error == 0 || output->write_error == EPIPE)
    return code;

  output_message (output, "mig: cannot write to standard output: %s", g_strerror (output->write_error));

  return output->tells && code == EXIT_COMPLETED ? EXIT_FAILED : code;
}
