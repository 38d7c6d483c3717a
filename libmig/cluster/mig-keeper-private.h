/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/cluster/mig-turns-private.h"
#include "libmig/saga/mig-engine-private.h"

G_BEGIN_DECLS

/* One thread that does for all operations of a cluster what none of them can do for itself: it finds what other
 * processes ask of them, records what was asked here, lets a queued one out that shall end, and watches those that
 * others run. */

typedef struct _MigKeeper MigKeeper;

MigKeeper *mig_keeper_new     (MigEngine    *engine,
                               MigTurns     *turns);
/* Starts the thread, if it does not run. */
void       mig_keeper_wake    (MigKeeper    *self);
/* Publishes what another process does with the operation, until its end. */
void       mig_keeper_observe (MigKeeper    *self,
                               MigOperation *operation);
/* Ends the thread; it is not started again. From the thread itself it only asks for the end. */
void       mig_keeper_stop    (MigKeeper    *self);
void       mig_keeper_unref   (MigKeeper    *self);

G_END_DECLS
