/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-progress.h>

G_BEGIN_DECLS

/* Something that happened to an operation, on its way from the thread where it happened to the one that emits it. */

typedef enum {
  MIG_EVENT_STATUS,      /* only a notification: what changed is read from the object */
  MIG_EVENT_CAN_ABORT,   /* likewise */
  MIG_EVENT_PHASE,
  MIG_EVENT_PROGRESS,
  MIG_EVENT_STEP,
  MIG_EVENT_DECISION,
  MIG_EVENT_ROLLED_BACK,
  MIG_EVENT_FINISHED,    /* the last */
} MigEventKind;

typedef struct
{
  MigEventKind kind;
  MigPhase     old_phase;
  MigPhase     new_phase;
  MigProgress *progress;
  char        *text;     /* a step's id, or what was decided */
  double       seconds;
  GError      *error;
  GVariant    *inputs;
} MigEvent;

MigEvent *mig_event_new  (MigEventKind    kind);
MigEvent *mig_event_copy (const MigEvent *self);
void      mig_event_free (MigEvent       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigEvent, mig_event_free)

G_END_DECLS
