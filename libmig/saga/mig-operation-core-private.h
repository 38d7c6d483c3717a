/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/saga/mig-engine-private.h"
#include "libmig/saga/mig-journal-private.h"
#include "libmig/saga/mig-operation-private.h"
#include "libmig/saga/mig-operation-record-private.h"
#include "libmig/saga/mig-operation-state-private.h"

G_BEGIN_DECLS

/* An operation as saga/, cluster/ and recovery/ see it; those who derive from it need mig-operation-private.h only. */

typedef enum {
  MIG_ROLE_NEW,      /* constructed by a user: it will run */
  MIG_ROLE_CLAIMED,  /* found unfinished, and this process owns it: it will be carried to its end */
  MIG_ROLE_OBSERVER, /* somebody else runs it, or it is over */
} MigRole;

typedef struct
{
  GObject           *cluster;
  char              *id;
  char              *key;
  MigFacts          *facts; /* of the runner's thread */

  GMutex             mutex; /* of what follows */
  MigOperationState *state;
  MigFacts          *request;
  char              *subject;
  MigRole            role;
  gboolean           run; /* somebody has run it */
  MigJournal        *journal; /* while it is queued */
} MigOperationPrivate;

MigOperationPrivate *mig_operation_get_private (MigOperation           *self);
MigEngine         *mig_operation_get_engine    (MigOperation           *self);
MigOperationState *mig_operation_ref_state     (MigOperation           *self);
/* What the caller asked for. Made when it is first needed; not changed afterwards. */
MigFacts          *mig_operation_get_request   (MigOperation           *self);
MigRole            mig_operation_get_role      (MigOperation           *self);
void               mig_operation_set_role      (MigOperation           *self,
                                                MigRole                 role);
/* The journal of an operation that was accepted before its thread began. */
void               mig_operation_give_journal  (MigOperation           *self,
                                                MigJournal             *journal);
MigJournal        *mig_operation_take_journal  (MigOperation           *self);
/* TRUE: it had not been run, and now has. */
gboolean           mig_operation_take_run      (MigOperation           *self);

/* Makes an operation that was just constructed stand for a record. */
void               mig_operation_claim         (MigOperation           *self,
                                                MigOperationRecord     *record);
void               mig_operation_observe       (MigOperation           *self,
                                                MigOperationRecord     *record);
/* Lets it show the state of another object of the same id. */
void               mig_operation_share_state   (MigOperation           *self,
                                                MigOperationState      *state);

/* Emits on the object, in the calling thread. */
void               mig_operation_emit          (MigOperation           *self,
                                                const MigEvent         *event);
/* What run() and wait() return once it has ended. */
gboolean           mig_operation_conclude      (MigOperation           *self,
                                                GError                **error);

/* Runs it, if nobody has, without anybody to hear of it. */
void               mig_operation_start         (MigOperation           *self);
/* Its turn has come: starts its thread. */
void               mig_operation_admit         (MigOperation           *self);
/* FALSE and CONFLICT when @record is of another request. */
gboolean           mig_operation_matches       (MigOperation           *self,
                                                MigOperationRecord     *record,
                                                GError                **error);
/* Publishes what a record says; TRUE when that was the end. */
gboolean           mig_operation_show_record   (MigOperation           *self,
                                                MigOperationRecord     *record);

/* The runner's thread. Takes a reference. */
void               mig_runner_main             (gpointer                operation);

G_END_DECLS
