/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "libmig/core/mig-log-private.h"

#define MAX_FIELDS 12

static const char *
priority_of (GLogLevelFlags level)
{
  /* The numbers of syslog.h. */
  if ((level & G_LOG_LEVEL_WARNING) != 0)
    return "4";
  if ((level & G_LOG_LEVEL_MESSAGE) != 0)
    return "5";
  if ((level & G_LOG_LEVEL_INFO) != 0)
    return "6";
  return "7";
}

static void
add_field (GLogField  *fields,
           gsize      *n_fields,
           const char *key,
           const char *value)
{
  if (value == NULL)
    return;

  g_assert (*n_fields < MAX_FIELDS);
  fields[*n_fields] = (GLogField) { key, value, -1 };
  *n_fields += 1;
}

/* Hands one line to whatever log writer the process has. */
void
mig_log (GLogLevelFlags      level,
         const MigLogFields *fields,
         const char         *file,
         const char         *line,
         const char         *func,
         const char         *format,
         ...)
{
  g_autofree char *message = NULL;
  GLogField out[MAX_FIELDS];
  gsize n_out = 0;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);

  add_field (out, &n_out, "PRIORITY", priority_of (level));
  add_field (out, &n_out, "GLIB_DOMAIN", G_LOG_DOMAIN);
  add_field (out, &n_out, "CODE_FILE", file);
  add_field (out, &n_out, "CODE_LINE", line);
  add_field (out, &n_out, "CODE_FUNC", func);
  add_field (out, &n_out, "MESSAGE", message);

  if (fields != NULL)
    {
      add_field (out, &n_out, "MESSAGE_ID", fields->message_id);
      add_field (out, &n_out, "MIG_TASK_ID", fields->operation);
      add_field (out, &n_out, "MIG_STEP", fields->step);
      add_field (out, &n_out, "MIG_PHASE", fields->phase);
      add_field (out, &n_out, "MIG_DOMAIN", fields->domain);
    }

  g_log_structured_array (level, out, n_out);
}
