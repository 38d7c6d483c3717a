/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-compute-driver.h>

#include "libmig/core/mig-waiter-private.h"

G_BEGIN_DECLS

/* What the driver reports of one guest by itself: flags that its threads set and the runner reads, and a wake-up. */

typedef struct _MigLiveEvents MigLiveEvents;

MigLiveEvents *mig_live_events_new           (MigComputeDriver *driver,
                                              MigHost          *source,
                                              const char       *uuid,
                                              MigWaiter        *waiter);
void           mig_live_events_free          (MigLiveEvents    *self);
/* Has there been any? Then the next ones can be waited for. */
gboolean       mig_live_events_flow          (MigLiveEvents    *self);
/* By the last one the migration has stopped the source: not 0, and another number each time. */
int            mig_live_events_get_stop      (MigLiveEvents    *self);
/* A look that was begun when that was @stop shows that it runs. */
void           mig_live_events_deny_stop     (MigLiveEvents    *self,
                                              int               stop);
/* Something that may have been the end; told once. */
gboolean       mig_live_events_take_end      (MigLiveEvents    *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigLiveEvents, mig_live_events_free)

G_END_DECLS
