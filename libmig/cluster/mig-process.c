/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/cluster/mig-process-private.h"

#include <errno.h>
#include <signal.h>

#include <gio/gio.h>

char *
mig_process_dup_boot_id (void)
{
  char *text = NULL;

  if (!g_file_get_contents ("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
    return g_strdup ("");

  return g_strstrip (text);
}

char *
mig_process_dup_pid_namespace (void)
{
  char *text = g_file_read_link ("/proc/self/ns/pid", NULL);

  return text != NULL ? text : g_strdup ("");
}

typedef struct
{
  char   state;
  gint64 n_threads;
  gint64 start;
} Stat;

static gboolean
read_stat (gint64  pid,
           Stat   *stat)
{
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/stat", pid);
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;
  const char *rest;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;

  /* The second field is the program's name in brackets, in which anything may stand. The state is the third field, the
   * number of threads the 20th, the start time the 22nd. */
  rest = strrchr (text, ')');
  if (rest == NULL)
    return FALSE;
  words = g_strsplit (g_strchug ((char *) rest + 1), " ", 21);
  if (g_strv_length (words) < 20)
    return FALSE;

  stat->state = *words[0];
  stat->n_threads = g_ascii_strtoll (words[17], NULL, 10);
  stat->start = g_ascii_strtoll (words[19], NULL, 10);

  return TRUE;
}

gint64
mig_process_get_start_time (gint64 pid)
{
  Stat stat;

  return read_stat (pid, &stat) ? stat.start : -1;
}

static gboolean
has_no_entry (gint64 pid)
{
  return kill ((pid_t) pid, 0) != 0 && errno == ESRCH;
}

/* That it cannot be read proves nothing: descriptors may have run out, or /proc hides what belongs to others. */
MigProcessState
mig_process_judge (gint64 pid,
                   gint64 start)
{
  Stat stat;

  if (pid <= 0 || pid > G_MAXINT32)
    return MIG_PROCESS_UNKNOWN;
  if (has_no_entry (pid))
    return MIG_PROCESS_GONE;
  if (!read_stat (pid, &stat))
    return has_no_entry (pid) ? MIG_PROCESS_GONE : MIG_PROCESS_UNKNOWN; /* it may just have ended */
  if (stat.start != start || stat.state == 'X')
    return MIG_PROCESS_GONE;

  /* Its first thread may have ended and others go on. */
  return stat.state == 'Z' && stat.n_threads < 2 ? MIG_PROCESS_GONE : MIG_PROCESS_THERE;
}
