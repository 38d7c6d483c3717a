/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/core/mig-clock-private.h"

#include <string.h>
#include <time.h>

#define FORM "dddd-dd-ddTdd:dd:dd.ddddddZ"

gint64
mig_clock_boottime (void)
{
  struct timespec now;

  if (clock_gettime (CLOCK_BOOTTIME, &now) != 0)
    return g_get_monotonic_time ();

  return (gint64) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

char *
mig_clock_format (gint64 time)
{
  gint64 seconds = time / G_USEC_PER_SEC;
  gint64 rest = time % G_USEC_PER_SEC;
  g_autoptr (GDateTime) date = NULL;
  g_autofree char *text = NULL;

  if (rest < 0)
    {
      rest += G_USEC_PER_SEC;
      seconds--;
    }

  date = g_date_time_new_from_unix_utc (seconds);
  if (date == NULL) /* beyond the year 9999 */
    return g_strdup ("1970-01-01T00:00:00.000000Z");

  text = g_date_time_format (date, "%Y-%m-%dT%H:%M:%S");

  return g_strdup_printf ("%s.%06" G_GINT64_FORMAT "Z", text, rest);
}

static gboolean
has_form (const char *text)
{
  if (strlen (text) != strlen (FORM))
    return FALSE;

  for (gsize i = 0; FORM[i] != '\0'; i++)
    {
      if (FORM[i] == 'd' ? !g_ascii_isdigit (text[i]) : text[i] != FORM[i])
        return FALSE;
    }

  return TRUE;
}

static int
number_at (const char *text,
           int         length)
{
  int number = 0;

  for (int i = 0; i < length; i++)
    number = number * 10 + (text[i] - '0');

  return number;
}

gboolean
mig_clock_parse (const char *text,
                 gint64     *time)
{
  g_autoptr (GDateTime) date = NULL;

  if (!has_form (text))
    return FALSE;

  date = g_date_time_new_utc (number_at (text, 4), number_at (text + 5, 2), number_at (text + 8, 2),
                              number_at (text + 11, 2), number_at (text + 14, 2), number_at (text + 17, 2));
  if (date == NULL)
    return FALSE;

  *time = g_date_time_to_unix (date) * G_USEC_PER_SEC + number_at (text + 20, 6);

  return TRUE;
}
