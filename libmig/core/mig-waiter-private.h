/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A counter that threads can wait on. Whoever has news wakes it; whoever waits first takes a ticket, then looks at the
 * world, then waits for news younger than the ticket, so that no news between look and wait is lost. */

typedef struct _MigWaiter MigWaiter;

MigWaiter *mig_waiter_new       (void);
MigWaiter *mig_waiter_ref       (MigWaiter    *self);
void       mig_waiter_unref     (MigWaiter    *self);
void       mig_waiter_wake      (MigWaiter    *self);
guint64    mig_waiter_ticket    (MigWaiter    *self);
/* FALSE when @until (g_get_monotonic_time; -1 = for ever) passed, or @cancellable was cancelled, without news. */
gboolean   mig_waiter_wait      (MigWaiter    *self,
                                 guint64       ticket,
                                 gint64        until,
                                 GCancellable *cancellable);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigWaiter, mig_waiter_unref)

G_END_DECLS
