/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What tells one process from every other, also after its number has been given to another one. */

char    *mig_process_dup_boot_id       (void);        /* of the running kernel; "" when it cannot be read */
char    *mig_process_dup_pid_namespace (void);        /* in which process numbers mean something; "" likewise */
gint64   mig_process_get_start_time    (gint64 pid);  /* in clock ticks since boot; -1 when it cannot be read */

typedef enum {
  MIG_PROCESS_UNKNOWN, /* it cannot be told */
  MIG_PROCESS_THERE,
  MIG_PROCESS_GONE,    /* provably */
} MigProcessState;

/* Of the process of this number that started then. One of which nothing is left but its entry has gone. */
MigProcessState mig_process_judge      (gint64 pid,
                                        gint64 start);

G_END_DECLS
