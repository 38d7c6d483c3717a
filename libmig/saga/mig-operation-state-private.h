/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-operation.h>

#include "libmig/core/mig-waiter-private.h"
#include "libmig/saga/mig-emitter-private.h"
#include "libmig/saga/mig-step-private.h"

G_BEGIN_DECLS

/* How an operation stands, seen from all threads: written by the thread that runs or observes it, read by anybody.
 * Several MigOperation objects of one id share one. What is published here goes to every emitter. */

typedef struct _MigOperationState MigOperationState;

typedef struct
{
  MigPhase     phase;
  MigStatus    status;
  guint        attempt;
  gboolean     can_abort;
  gboolean     ended;
  MigProgress *progress;
  GError      *error;
  char       **debts;  /* never NULL */
  GVariant    *result; /* NULL before the end */
} MigSnapshot;

MigOperationState *mig_operation_state_new   (void);
MigOperationState *mig_operation_state_ref   (MigOperationState *self);
void               mig_operation_state_unref (MigOperationState *self);

void               mig_operation_state_read  (MigOperationState *self,
                                              MigSnapshot       *snapshot);
void               mig_snapshot_clear        (MigSnapshot       *self);
MigPhase           mig_operation_state_get_phase  (MigOperationState *self);
MigStatus          mig_operation_state_get_status (MigOperationState *self);
gboolean           mig_operation_state_has_ended  (MigOperationState *self);

/* An emitter that comes after the end is told at once that it ended. */
void               mig_operation_state_add_emitter    (MigOperationState *self,
                                                       MigEmitter        *emitter);
void               mig_operation_state_remove_emitter (MigOperationState *self,
                                                       MigEmitter        *emitter);
/* From now on those who listen to @self, and who will, hear of @successor instead. */
void               mig_operation_state_follow         (MigOperationState *self,
                                                       MigOperationState *successor);
/* Does anybody listen at all? */
gboolean           mig_operation_state_has_emitters   (MigOperationState *self);
/* Does anybody emit on this object? */
gboolean           mig_operation_state_has_voice      (MigOperationState *self,
                                                       MigOperation      *operation);

void               mig_operation_state_publish_phase    (MigOperationState       *self,
                                                         MigPhase                 phase);
void               mig_operation_state_publish_status   (MigOperationState       *self,
                                                         MigStatus                status);
/* Only if nothing has happened to it yet. */
void               mig_operation_state_publish_queued   (MigOperationState       *self);
/* @fraction is of the whole operation; whatever would decrease stays as it was. */
void               mig_operation_state_publish_progress (MigOperationState       *self,
                                                         double                   fraction,
                                                         const MigProgressSample *sample);
void               mig_operation_state_publish_debts    (MigOperationState       *self,
                                                         const char * const      *debts);
void               mig_operation_state_publish_event    (MigOperationState       *self,
                                                         const MigEvent          *event);
/* Nothing may be published after it. */
void               mig_operation_state_publish_end      (MigOperationState       *self,
                                                         MigStatus                status,
                                                         const GError            *error,
                                                         GVariant                *result);
/* The same without an end: somebody else has it, or will; phase and status stay as they are. */
void               mig_operation_state_publish_left     (MigOperationState       *self,
                                                         const GError            *error);

/* Somebody wants the operation to be aborted. request: INVALID_STATE with the reason when that can't be; want: then it
 * is kept for the moment at which it can be. */
gboolean           mig_operation_state_request_abort  (MigOperationState *self,
                                                       GError           **error);
void               mig_operation_state_want_abort     (MigOperationState *self);
/* An abort was wanted that is not in the store yet; and now it is. */
gboolean           mig_operation_state_has_abort_to_note (MigOperationState *self);
void               mig_operation_state_note_abort        (MigOperationState *self);
/* Why abort is refused; NULL allows it again. */
void               mig_operation_state_forbid_abort   (MigOperationState *self,
                                                       const char        *reason);
/* The same, for good. */
void               mig_operation_state_seal           (MigOperationState *self,
                                                       const char        *reason);
gboolean           mig_operation_state_is_cancelled   (MigOperationState *self);
/* Cancelled by an abort that was allowed, and by nothing else. */
GCancellable      *mig_operation_state_get_cancellable (MigOperationState *self);

/* The store has a record of it, which this process wrote: what is asked of it through the store is meant for it. */
void               mig_operation_state_note_accepted  (MigOperationState *self);
gboolean           mig_operation_state_is_accepted    (MigOperationState *self);

/* The process wants to leave the operation to recovery. */
void               mig_operation_state_detach         (MigOperationState *self);
gboolean           mig_operation_state_is_detached    (MigOperationState *self);

/* @revision: of the record in the store that asks, which stays there until the end, for whoever might have to carry on,
 * and is heard once; 0: there is none. */
void               mig_operation_state_add_request    (MigOperationState *self,
                                                       const char        *name,
                                                       guint64            revision);
/* How often it was asked for. */
guint              mig_operation_state_get_request    (MigOperationState *self,
                                                       const char        *name);
MigWaiter         *mig_operation_state_get_waiter     (MigOperationState *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigOperationState, mig_operation_state_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MigSnapshot, mig_snapshot_clear)

G_END_DECLS
