/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libmig/core/mig-waiter-private.h"

G_BEGIN_DECLS

/* A blocking call on a thread of its own. When it returns it wakes a waiter; until then its caller looks at the world.
 * Dropping the last reference does not end the call: it keeps what it needs until it returns by itself. */

typedef struct _MigCall MigCall;

typedef gboolean (*MigCallFunc) (gpointer       data,
                                 GCancellable  *cancellable,
                                 GError       **error);

/* @data is freed on the call's thread when the call has returned. The name of the thread is @name. When no thread can
 * be started, the call has returned BUSY at once, and @data is freed. */
MigCall  *mig_call_start        (const char      *name,
                                 MigCallFunc      func,
                                 gpointer         data,
                                 GDestroyNotify   free_data,
                                 MigWaiter       *waiter);
MigCall  *mig_call_ref          (MigCall         *self);
void      mig_call_unref        (MigCall         *self);
gboolean  mig_call_has_returned (MigCall         *self);
/* What it returned; FALSE without an error while it has not. */
gboolean  mig_call_get_result   (MigCall         *self,
                                 GError         **error);
/* Cancels the call's cancellable; what that means is up to the function. */
void      mig_call_cancel       (MigCall         *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigCall, mig_call_unref)

G_END_DECLS
