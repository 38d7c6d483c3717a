/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mig-cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>

static void
print_help (FILE *file)
{
  fprintf (file, "Usage:\n");
  for (guint i = 0; i < n_commands; i++)
    fprintf (file, "  mig %-15s %-26s %s\n", commands[i].name, commands[i].arguments, commands[i].summary);
  fprintf (file, "“mig COMMAND --help” tells the options of a command, “mig --version” the version.\n");
}

static const Command *
find_command (const char *name)
{
  for (guint i = 0; i < n_commands; i++)
    if (g_strcmp0 (commands[i].name, name) == 0)
      return &commands[i];

  return NULL;
}

static gboolean
has_word (char       **argv,
          const char  *word)
{
  return g_strv_contains ((const char *const *) argv + 1, word);
}

/* Options may stand before the command: it is the first word that is neither one nor the value of one; or 0. */
static int
find_command_word (int    argc,
                   char **argv)
{
  for (int i = 1; i < argc; i++)
    {
      if (*argv[i] != '-')
        return i;
      if (option_takes_value (argv[i]))
        i++;
    }

  return 0;
}

/* Before the options are read nobody knows whether JSON is wanted; a script that asked for it shall get it in any
 * case. */
static ExitCode
refuse (int           argc,
        char        **argv,
        const GError *error)
{
  Options options = { .json = has_word (argv, "--json") };
  Output output;

  output_begin (&output, &options);
  if (!options.json && argc < 2)
    print_help (stderr);

  return output_end (&output, fail (&output, EXIT_USAGE, error));
}

/* GOption takes its vector apart: it gets one of its own, in which the command has the place of the program. */
static gboolean
parse (const Command  *command,
       int             argc,
       char          **argv,
       int             at,
       Options        *options,
       GError        **error)
{
  g_autofree char **words = g_new0 (char *, (gsize) argc + 1);
  char **left = words;
  int n = 0;

  words[n++] = argv[at];
  for (int i = 1; i < argc; i++)
    if (i != at)
      words[n++] = argv[i];

  return options_parse (command, &n, &left, options, error);
}

/* What the library warns of is for the same reader as all else. */
static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         output)
{
  if (level > G_LOG_LEVEL_WARNING)
    return g_log_writer_default (level, fields, n_fields, NULL);

  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "MESSAGE"))
      output_message (output, "mig: %s", (const char *) fields[i].value);

  return G_LOG_WRITER_HANDLED;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) error = NULL;
  Options options = { NULL };
  const Command *command;
  Output output;
  int at = find_command_word (argc, argv);

  setlocale (LC_ALL, "");
  g_set_prgname ("mig");
  signal (SIGPIPE, SIG_IGN);

  if (at == 0 ? has_word (argv, "--help") || has_word (argv, "-h") : g_str_equal (argv[at], "help"))
    {
      print_help (stdout);
      return EXIT_COMPLETED;
    }
  if (at == 0 && has_word (argv, "--version"))
    {
      printf ("mig %s\n", MIG_VERSION_S);
      return EXIT_COMPLETED;
    }

  command = at > 0 ? find_command (argv[at]) : NULL;
  if (command == NULL)
    {
      g_set_error (&error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, at > 0
                   ? "“%s” is not a command" : "a command is missing",
                   at > 0 ? argv[at] : "");
      return refuse (argc, argv, error);
    }

  if (!parse (command, argc, argv, at, &options, &error))
    {
      options_clear (&options);
      return refuse (argc, argv, error);
    }

  output_begin (&output, &options);
  g_log_set_writer_func (write_log, &output, NULL);

  return output_end (&output, command->run (&options, &output));
}
