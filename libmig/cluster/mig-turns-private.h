/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-operation.h>

#include "libmig/cluster/mig-admission-private.h"

G_BEGIN_DECLS

/* Whose turn it is: the operations of one cluster in its admission. */

typedef struct _MigTurns MigTurns;

MigTurns *mig_turns_new        (void);
MigTurns *mig_turns_ref        (MigTurns        *self);
void      mig_turns_unref      (MigTurns        *self);
void      mig_turns_set_limits (MigTurns        *self,
                                const MigLimits *limits);
/* TRUE: it may start now. FALSE: it is queued, and is started when its turn comes. */
gboolean  mig_turns_enter      (MigTurns        *self,
                                MigOperation    *operation);
void      mig_turns_leave      (MigTurns        *self,
                                MigOperation    *operation);
/* Makes a queued operation durable, once. Blocks, while nothing before it does. */
void      mig_turns_record     (MigTurns        *self,
                                MigOperation    *operation);
/* Starts the operation at once if it is still queued: it is to end, and its thread will see to that. */
void      mig_turns_hurry      (MigTurns        *self,
                                MigOperation    *operation);

G_END_DECLS
