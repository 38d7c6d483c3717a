/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>

#include <glib.h>

#include <libmig/mig-enum-types.h>

#include "libmig/block/mig-swap-private.h"
#include "libmig/task/mig-live-private.h"

/* Prints a table of the library as Markdown, for check-tables.py: print-tables NAME. */

/* The names of the bits set, or "any". */
static char *
list_bits (guint         bits,
           guint         n_bits,
           const char *(*name_of) (int))
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (bits == (1u << n_bits) - 1)
    return g_strdup ("any");

  for (guint i = 0; i < n_bits; i++)
    {
      if ((bits & (1u << i)) != 0)
        g_string_append_printf (text, "%s%s", text->len > 0 ? "; " : "", name_of (i));
    }

  return g_strdup (text->str);
}

static const char *
name_of_source (int source)
{
  return mig_live_source_name (source);
}

static const char *
name_of_destination (int destination)
{
  return mig_live_destination_name (destination);
}

static const char *
name_of_flag (int flag)
{
  return flag < 0 ? "" : flag != 0 ? "yes" : "no";
}

static void
print_live_verdict (void)
{
  gsize n_rows;
  const MigLiveVerdictRow *rows = mig_live_verdict_get_rows (&n_rows);

  g_print ("| source | destination | job | call | paused before | verdict | because |\n"
           "|---|---|---|---|---|---|---|\n");
  for (gsize i = 0; i < n_rows; i++)
    {
      g_autofree char *sources = list_bits (rows[i].sources, MIG_LIVE_N_SOURCES, name_of_source);
      g_autofree char *destinations = list_bits (rows[i].destinations, MIG_LIVE_N_DESTINATIONS, name_of_destination);

      g_print ("| %s | %s | %s | %s | %s | **%s** | %s |\n", sources, destinations, name_of_flag (rows[i].job),
               name_of_flag (rows[i].owner), name_of_flag (rows[i].paused_before),
               mig_live_verdict_name (rows[i].verdict), rows[i].reason);
    }
}

static const struct
{
  MigStepFlags flag;
  const char  *name;
} step_flags[] = {
  { MIG_STEP_PURE, "pure" },
  { MIG_STEP_LONG, "long" },
  { MIG_STEP_DECIDES, "decides" },
  { MIG_STEP_SETTLES, "settles" },
  { MIG_STEP_FORWARD, "forward only" },
};

static void
print_steps (const MigStepTable *table)
{
  g_autoptr (GEnumClass) phases = g_type_class_ref (MIG_TYPE_PHASE);

  g_print ("| step | phase | kind | undo | probe |\n|---|---|---|---|---|\n");
  for (guint i = 0; i < table->n_steps; i++)
    {
      const MigStep *step = &table->steps[i];
      g_autoptr (GString) flags = g_string_new (NULL);

      for (gsize j = 0; j < G_N_ELEMENTS (step_flags); j++)
        {
          if ((step->flags & step_flags[j].flag) != 0)
            g_string_append_printf (flags, "%s%s", flags->len > 0 ? ", " : "", step_flags[j].name);
        }
      g_print ("| `%s` | %s | %s | %s | %s |\n", step->id, g_enum_get_value (phases, step->phase)->value_nick,
               flags->str, step->undo != NULL ? "yes" : "", step->probe != NULL ? "yes" : "");
    }
}

static void
print_live_steps (void)
{
  print_steps (&mig_live_table);
}

static void
print_swap_steps (void)
{
  print_steps (&mig_swap_table);
}

typedef struct
{
  const char *name;
  void      (*print) (void);
} Table;

static const Table tables[] = {
  { "live-steps", print_live_steps },
  { "live-verdict", print_live_verdict },
  { "swap-steps", print_swap_steps },
};

int
main (int    argc,
      char **argv)
{
  for (gsize i = 0; argc == 2 && i < G_N_ELEMENTS (tables); i++)
    {
      if (g_str_equal (argv[1], tables[i].name))
        {
          tables[i].print ();
          return EXIT_SUCCESS;
        }
    }

  g_printerr ("print-tables: no such table\n");

  return EXIT_FAILURE;
}
