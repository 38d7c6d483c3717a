/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-operation.h>

#include "libmig/saga/mig-event-private.h"

G_BEGIN_DECLS

/* Carries events to one main context and emits them there, on one operation. Threads that push never wait for that
 * context: events queue up in it. Progress is coalesced (about five times a second) but never overtaken by what was
 * pushed after it, so the last one before a phase change is emitted before that change. */

typedef struct _MigEmitter MigEmitter;

/* Called in the context, once, after the last event. */
typedef void (*MigEmitterEnded) (MigEmitter *self, gpointer user_data);

/* A @silent one emits nothing, and only says when it ended. The operation is referenced until then. */
MigEmitter *mig_emitter_new      (MigOperation    *operation,
                                  GMainContext    *context,
                                  gboolean         silent,
                                  MigEmitterEnded  ended,
                                  gpointer         user_data);
MigEmitter *mig_emitter_ref      (MigEmitter      *self);
void        mig_emitter_unref    (MigEmitter      *self);
void        mig_emitter_push     (MigEmitter      *self,
                                  const MigEvent  *event);
gboolean    mig_emitter_is_silent (MigEmitter     *self);
MigOperation *mig_emitter_get_operation (MigEmitter *self);
/* Nothing is emitted any more, and no state takes it any more. In the emitter's own context. */
void        mig_emitter_close    (MigEmitter      *self);
gboolean    mig_emitter_is_closed (MigEmitter     *self);
/* The same, and the operation is let go of. When no state has it. */
void        mig_emitter_stop     (MigEmitter      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigEmitter, mig_emitter_unref)

G_END_DECLS
