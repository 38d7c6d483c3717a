/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mig-cli.h"

#include <math.h>

/* The progress bar: one line for the phase, how far it is, and what moves. */

char *
bytes_text (gint64 bytes)
{
  static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
  double value = bytes;
  guint unit = 0;

  if (bytes < 0)
    return g_strdup ("?");

  while (value >= 1024 && unit + 1 < G_N_ELEMENTS (units))
    {
      value /= 1024;
      unit++;
    }

  return unit == 0 ? g_strdup_printf ("%" G_GINT64_FORMAT " B", bytes) : g_strdup_printf ("%.1f %s", value,
                                                                                          units[unit]);
}

/* What does not fit is left out. */
static void
append (GString    *text,
        guint       columns,
        const char *piece)
{
  if (columns == 0 || text->len + strlen (piece) <= columns)
    g_string_append (text, piece);
}

static void
append_stream (GString    *text,
               guint       columns,
               const char *name,
               gint64      remaining,
               gint64      total)
{
  g_autofree char *left = bytes_text (remaining);
  g_autofree char *all = bytes_text (total);
  g_autofree char *piece = g_strdup_printf ("  %s %s of %s left", name, left, all);

  if (total > 0)
    append (text, columns, piece);
}

static void
append_bar (GString *text,
            guint    width,
            double   fraction)
{
  guint filled = (guint) floor (fraction * width);

  g_string_append_c (text, '[');
  for (guint i = 0; i < width; i++)
    g_string_append_c (text, i < filled ? '#' : '.');
  g_string_append (text, "] ");
}

char *
bar_text (MigProgress *progress,
          guint        columns)
{
  GString *text = g_string_new (NULL);
  double fraction = CLAMP (mig_progress_get_fraction (progress), 0, 1);
  double rate = mig_progress_get_rate (progress);
  double eta = mig_progress_get_eta (progress);

  g_string_append_printf (text, "%-10s ", enum_nick (MIG_TYPE_PHASE, mig_progress_get_phase (progress)));
  if (columns >= 30)
    append_bar (text, columns >= 100 ? 24 : 10, fraction);
  g_string_append_printf (text, "%3d %%", (int) floor (fraction * 100));

  if (eta >= 0)
    {
      g_autofree char *piece = g_strdup_printf ("  ETA %.0f s", ceil (eta));

      append (text, columns, piece);
    }
  append_stream (text, columns, "memory", mig_progress_get_memory_remaining (progress),
                 mig_progress_get_memory_total (progress));
  append_stream (text, columns, "disks", mig_progress_get_disk_remaining (progress),
                 mig_progress_get_disk_total (progress));
  if (rate > 0)
    {
      g_autofree char *speed = bytes_text ((gint64) rate);
      g_autofree char *piece = g_strdup_printf ("  %s/s", speed);

      append (text, columns, piece);
    }
  if (columns > 0 && text->len > columns)
    g_string_truncate (text, columns);

  return g_string_free (text, FALSE);
}
