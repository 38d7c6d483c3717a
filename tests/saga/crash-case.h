/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "crash-kit.h"

G_BEGIN_DECLS

/* One case of the crash matrix: what happens in its processes. */

typedef struct
{
  const CrashScenario  *scenario;
  const CrashReference *reference;
  CrashAccident         accident;
  char                 *directory;
  pid_t                 pid; /* of the process that lives through it, while it does */
} CrashCase;

/* Each of these is the work of one process, and returns its exit status. What it has to say is in a file. */
int         crash_case_make_world      (CrashCase  *self);
int         crash_case_run_undisturbed (CrashCase  *self);
/* All of it: make the world, suffer, recover, judge. */
int         crash_case_live_through    (CrashCase  *self);

/* Runs one of them in a process of its own. Its status, or minus the signal. */
int         crash_case_play            (CrashCase  *self,
                                        int        (*part) (CrashCase *self));
/* A file of the directory, or NULL. */
char       *crash_case_read            (CrashCase  *self,
                                        const char *name);
const char *crash_case_nick            (GType       type,
                                        int         value);

G_END_DECLS
