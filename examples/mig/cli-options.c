/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mig-cli.h"

#include <errno.h>
#include <math.h>

static gboolean
refuse (GError     **error,
        const char  *text,
        const char  *what)
{
  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "“%s” is not %s", text, what);
  return FALSE;
}

gboolean
parse_seconds (const char *text,
               double     *seconds,
               GError    **error)
{
  char *end = NULL;
  double value = g_ascii_strtod (text, &end);

  if (end == text || *end != '\0' || !isfinite (value) || value < 0)
    return refuse (error, text, "a number of seconds");

  *seconds = value;
  return TRUE;
}

gboolean
parse_bytes (const char *text,
             gint64     *bytes,
             GError    **error)
{
  static const char suffixes[] = "KMGT"; /* powers of 1024 */
  char *end = NULL;
  guint64 value;
  guint shift = 0;

  errno = 0;
  value = g_ascii_strtoull (text, &end, 10);
  if (end == text || *text == '-' || errno != 0)
    return refuse (error, text, "a number of bytes");

  if (*end != '\0')
    {
      const char *at = strchr (suffixes, g_ascii_toupper (*end));

      if (at == NULL || end[1] != '\0')
        return refuse (error, text, "a number of bytes, with K, M, G or T behind it or nothing");
      shift = 10 * (guint) (at - suffixes + 1);
    }

  if (value > ((guint64) G_MAXINT64 >> shift))
    return refuse (error, text, "a number of bytes below 8 EiB");

  *bytes = (gint64) (value << shift);
  return TRUE;
}

gboolean
read_choice (const char         *option,
             const char         *text,
             const char *const  *words,
             int                *choice,
             GError            **error)
{
  g_autofree char *all = g_strjoinv (", ", (char **) words);

  if (text == NULL)
    return TRUE;

  for (int i = 0; words[i] != NULL; i++)
    if (g_str_equal (text, words[i]))
      {
        *choice = i;
        return TRUE;
      }

  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s: “%s” is not one of %s", option, text, all);
  return FALSE;
}

/* GOption has no unit of its own: the texts are collected, then read. */
typedef struct
{
  char *max_downtime;
  char *deadline;
  char *bandwidth;
  char *resize_to;
  char *timeout;
  char *time_limit;
  char *granularity;
  char *max_pause;
} Texts;

static gboolean
read_texts (Texts   *texts,
            Options *options,
            GError **error)
{
  const struct
  {
    const char *name;
    const char *text;
    double     *seconds;
    gint64     *bytes;
  } rows[] = {
    { "--max-downtime", texts->max_downtime, &options->max_downtime, NULL },
    { "--deadline", texts->deadline, &options->deadline, NULL },
    { "--timeout", texts->timeout, &options->timeout, NULL },
    { "--bandwidth", texts->bandwidth, NULL, &options->bandwidth },
    { "--resize-to", texts->resize_to, NULL, &options->resize_to },
    { "--time-limit", texts->time_limit, &options->time_limit, NULL },
    { "--granularity", texts->granularity, NULL, &options->granularity },
    { "--max-pause", texts->max_pause, &options->max_pause, NULL },
  };

  options->max_downtime = options->deadline = options->timeout = options->time_limit = options->max_pause = -1;
  options->bandwidth = options->resize_to = options->granularity = -1;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      gboolean ok = TRUE;

      if (rows[i].text != NULL)
        ok = rows[i].seconds != NULL ? parse_seconds (rows[i].text, rows[i].seconds, error)
                                     : parse_bytes (rows[i].text, rows[i].bytes, error);
      if (!ok)
        {
          g_prefix_error (error, "%s: ", rows[i].name);
          return FALSE;
        }
    }

  return TRUE;
}

/* All are read as bytes, whatever the locale; what is no path, or one on a host, has to be UTF-8. */
static void
add_group (GOptionContext *context,
           Options        *options,
           Texts          *texts,
           char            letter)
{
  const GOptionEntry migrate[] = {
    { "from", 0, 0, G_OPTION_ARG_FILENAME, &options->from, "Where the guest runs", "HOST" },
    { "to", 0, 0, G_OPTION_ARG_FILENAME, &options->to,
      "Where it shall run; without it the first host that can take it", "HOST" },
    { "mode", 0, 0, G_OPTION_ARG_FILENAME, &options->mode, "Who manages the move", "auto|p2p|direct" },
    { "disks", 0, 0, G_OPTION_ARG_FILENAME, &options->disks, "What is done with the disks", "auto|shared|copy" },
    { "unsafe", 0, 0, G_OPTION_ARG_NONE, &options->unsafe, "Skip the hypervisor's check of shared storage", NULL },
    { "max-downtime", 0, 0, G_OPTION_ARG_FILENAME, &texts->max_downtime, "Standstill allowed", "SECONDS" },
    { "keep-source-disks", 0, 0, G_OPTION_ARG_NONE, &options->keep_source_disks,
      "Do not delete the disks left behind", NULL },
    { "deadline", 0, 0, G_OPTION_ARG_FILENAME, &texts->deadline, "Give up after so long", "SECONDS" },
    { "post-copy", 0, 0, G_OPTION_ARG_NONE, &options->post_copy, "Post-copy may be used", NULL },
    { "throttle", 0, 0, G_OPTION_ARG_NONE, &options->throttle, "The guest may be slowed", NULL },
    { NULL },
  };
  const GOptionEntry swap[] = {
    { "reuse", 0, 0, G_OPTION_ARG_NONE, &options->reuse, "The destination exists and may be overwritten", NULL },
    { "format", 0, 0, G_OPTION_ARG_FILENAME, &options->format, "Format of the destination", "raw|qcow2" },
    { "resize-to", 0, 0, G_OPTION_ARG_FILENAME, &texts->resize_to, "Grow the disk to this length", "BYTES" },
    { "verify", 0, 0, G_OPTION_ARG_NONE, &options->verify, "Compare both images before the switch", NULL },
    { "max-pause", 0, 0, G_OPTION_ARG_FILENAME, &texts->max_pause, "How long that may pause the guest", "SECONDS" },
    { "time-limit", 0, 0, G_OPTION_ARG_FILENAME, &texts->time_limit, "Give up when the copy takes longer", "SECONDS" },
    { "synchronous", 0, 0, G_OPTION_ARG_NONE, &options->synchronous,
      "The guest's writes wait for the destination", NULL },
    { "granularity", 0, 0, G_OPTION_ARG_FILENAME, &texts->granularity, "What is tracked as one", "BYTES" },
    { NULL },
  };
  const GOptionEntry on[] = {
    { "on", 0, 0, G_OPTION_ARG_FILENAME, &options->on, "Where the guest runs", "HOST" },
    { NULL },
  };
  const GOptionEntry block_job[] = {
    { "abort", 0, 0, G_OPTION_ARG_NONE, &options->abort, "End the job; the disk stays where it was", NULL },
    { "pivot", 0, 0, G_OPTION_ARG_NONE, &options->pivot, "End the job by switching to the copy", NULL },
    { NULL },
  };
  const GOptionEntry limit[] = {
    { "bandwidth", 0, 0, G_OPTION_ARG_FILENAME, &texts->bandwidth, "Bytes per second", "BYTES" },
    { NULL },
  };
  const GOptionEntry timeout[] = {
    { "timeout", 0, 0, G_OPTION_ARG_FILENAME, &texts->timeout, "Stop waiting after so long", "SECONDS" },
    { NULL },
  };
  const GOptionEntry *entries = letter == 'm'   ? migrate
                                : letter == 's' ? swap
                                : letter == 'o' ? on
                                : letter == 'b' ? block_job
                                : letter == 'l' ? limit
                                                : timeout;

  g_option_context_add_main_entries (context, entries, NULL);
}

gboolean
option_takes_value (const char *word)
{
  static const char *const words[] = { "--cluster", "--store", "--key", NULL };

  return g_strv_contains (words, word);
}

static gboolean
check_word (const char  *name,
            const char  *text,
            GError     **error)
{
  if (text == NULL || (*text != '\0' && g_utf8_validate (text, -1, NULL)))
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, *text == '\0' ? "%s is empty" : "%s is not UTF-8: “%s”",
               name, text);
  return FALSE;
}

/* An operation may be named by its key instead. */
static gboolean
check_words (const Command *command,
             Options       *options,
             GError       **error)
{
  guint n = options->arguments != NULL ? g_strv_length (options->arguments) : 0;
  gboolean by_key = options->key != NULL && g_str_equal (command->arguments, "OPERATION");
  g_auto (GStrv) names = g_strsplit (command->arguments, " ", -1);

  if (n != (by_key ? 0 : g_strv_length (names)))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "“mig %s” takes %s%s; it got %u", command->name,
                   names[0] == NULL ? "no arguments" : command->arguments, by_key ? " or --key KEY" : "", n);
      return FALSE;
    }
  for (guint i = 0; i < n; i++)
    if (!check_word (names[i], options->arguments[i], error))
      return FALSE;

  return check_word ("--from", options->from, error) && check_word ("--to", options->to, error) &&
         check_word ("--on", options->on, error) && check_word ("--key", options->key, error);
}

gboolean
options_parse (const Command  *command,
               int            *argc,
               char         ***argv,
               Options        *options,
               GError        **error)
{
  const GOptionEntry common[] = {
    { "cluster", 0, 0, G_OPTION_ARG_FILENAME, &options->cluster, "The hosts, as JSON", "FILE" },
    { "store", 0, 0, G_OPTION_ARG_FILENAME, &options->store, "Where operations are recorded", "PATH" },
    { "key", 0, 0, G_OPTION_ARG_FILENAME, &options->key, "Asking twice under one key is asking once", "KEY" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "One JSON object per line on standard output", NULL },
    { "quiet", 0, 0, G_OPTION_ARG_NONE, &options->quiet, "Only results and errors", NULL },
    { "no-color", 0, 0, G_OPTION_ARG_NONE, &options->no_color, "No colours on a terminal", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->arguments, NULL, NULL },
    { NULL },
  };
  g_autofree char *words = g_strdup_printf ("%s %s", command->name, command->arguments);
  g_autoptr (GOptionContext) context = g_option_context_new (words);
  g_autoptr (GError) local = NULL;
  Texts texts = { NULL };
  gboolean ok;

  g_option_context_set_summary (context, command->summary);
  g_option_context_add_main_entries (context, common, NULL);
  for (const char *letter = command->option_groups; *letter != '\0'; letter++)
    add_group (context, options, &texts, *letter);

  ok = g_option_context_parse (context, argc, argv, &local);
  if (!ok)
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, local->message);
  ok = ok && check_words (command, options, error) && read_texts (&texts, options, error);

  g_free (texts.max_downtime);
  g_free (texts.deadline);
  g_free (texts.bandwidth);
  g_free (texts.resize_to);
  g_free (texts.timeout);
  g_free (texts.time_limit);
  g_free (texts.granularity);
  g_free (texts.max_pause);

  return ok;
}

void
options_clear (Options *options)
{
  g_free (options->cluster);
  g_free (options->store);
  g_free (options->key);
  g_free (options->from);
  g_free (options->to);
  g_free (options->mode);
  g_free (options->disks);
  g_free (options->on);
  g_free (options->format);
  g_strfreev (options->arguments);
}
