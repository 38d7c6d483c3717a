/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-operation.h>

#include "libmig/core/mig-waiter-private.h"
#include "libmig/saga/mig-facts-private.h"

G_BEGIN_DECLS

/* A workflow is a const table of steps; one engine runs every table (doc/architecture.md). */

typedef struct _MigStepRun MigStepRun; /* one call of a step function: what it may read, write, publish and wait on */

typedef enum {
  MIG_STEP_PURE = 1 << 0,    /* only looks and chooses: not journalled, no undo, not repeated by recovery */
  MIG_STEP_LONG = 1 << 1,    /* starts a job and watches it: its progress counts by its own fraction */
  MIG_STEP_DECIDES = 1 << 2, /* once it is done the operation only goes forward */
  MIG_STEP_FORWARD = 1 << 3, /* after the decision: retried, then left as a debt; never undone */
  MIG_STEP_SETTLES = 1 << 4, /* its call may take effect late: NOT_STARTED is believed only after the settle time */
} MigStepFlags;

typedef enum {
  MIG_PROBE_NOT_STARTED,
  MIG_PROBE_RUNNING,
  MIG_PROBE_DONE,
  MIG_PROBE_FAILED,    /* it will not happen any more, and all is as before */
  MIG_PROBE_ABANDONED, /* it will not happen any more, but something is left that only undoing it removes */
  MIG_PROBE_UNKNOWN,   /* with the reason in the error: CONNECTION or TIMED_OUT when a host did not answer */
} MigProbe;

typedef struct
{
  const char   *id; /* area.verb; on disk: never renamed, never reused */
  MigPhase      phase;
  guint         weight;
  MigStepFlags  flags;

  /* Idempotent under its token. A step that starts a job does it unless its probe says RUNNING, watches, and judges by
   * looking; MIG_ERROR_OUTCOME_UNKNOWN means that it could not judge. */
  gboolean    (*run)   (MigOperation *operation, MigStepRun *run, GError **error);
  /* Idempotent; may find the effect absent, half there or whole. Its run has no cancellable. */
  gboolean    (*undo)  (MigOperation *operation, MigStepRun *run, GError **error);
  /* Looks at the world only. */
  MigProbe    (*probe) (MigOperation *operation, MigStepRun *run, GError **error);
  /* NULL: always. FALSE: this operation has nothing to do here, and its journal does not mention the step. */
  gboolean    (*applies) (MigOperation *operation);
} MigStep;

typedef struct
{
  const char    *kind;     /* of the operations that it makes; on disk */
  guint          revision; /* raised when the rows change, so that a journal of other rows is not misread */
  const MigStep *steps;
  guint          n_steps;
} MigStepTable;

/* For the test of each table: ids, order of phases, one decision; every effect has an undo, or a flag that says why it
 * has none. */
gboolean mig_step_table_check (const MigStepTable  *self,
                               GError             **error);

/* What a long step knows of its progress; -1 = unknown. */
typedef struct
{
  double fraction; /* of this step, 0 to 1 */
  gint64 memory_total, memory_processed, memory_remaining;
  gint64 disk_total, disk_processed, disk_remaining;
  double rate, dirty_rate; /* bytes per second */
  gint64 iteration;
  double expected_downtime, eta; /* seconds */
} MigProgressSample;

#define MIG_PROGRESS_SAMPLE_INIT { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 }

const MigStep *mig_step_run_get_step        (MigStepRun              *self);
/* "<operation id>/<step id>/<epoch>": the same after a crash, so that drivers can recognise a repetition. */
const char    *mig_step_run_get_token       (MigStepRun              *self);
/* The operation's facts: shared by all of its steps; what a step writes is durable with the step's next journal
 * line. */
MigFacts      *mig_step_run_get_facts       (MigStepRun              *self);
/* NULL in undo and after the decision: nothing interrupts those. For looks and waits: a short call that changes
 * something is better not given up, since only its answer tells without the settle time whether there is something to
 * undo; the engine hears of the abort before the next step. */
GCancellable  *mig_step_run_get_cancellable (MigStepRun              *self);
gboolean       mig_step_run_is_cancelled    (MigStepRun              *self);
/* TRUE when this process found the step begun: another one may have got anywhere in it. */
gboolean       mig_step_run_is_recovering   (MigStepRun              *self);
/* TRUE when the process wants to leave (mig_cluster_close with DETACH): a step whose job goes on without this process
 * returns at once, with any error, and nothing is undone; recovery will find the job. Others carry on to their end. */
gboolean       mig_step_run_is_detaching    (MigStepRun              *self);
/* May this process still act on the world? The engine has asked before it called the step; a step that has waited since
 * asks again right before each call that changes something. CONFLICT: another process has taken the operation over; the
 * step returns, and nothing is undone here. After any other error the store has not answered for some seconds: the step
 * may ask again later, or return the error. */
gboolean       mig_step_run_holds            (MigStepRun              *self,
                                              GError                 **error);
/* For a call whose sender cannot ask: until when (mig_clock_boottime()) it may be sent, which is told without waiting.
 * The past: not now; -1, with CONFLICT: never. */
gint64         mig_step_run_holds_until      (MigStepRun              *self,
                                              GError                 **error);
/* From the next intent to the end of the operation no other one may claim the same: "guest/<uuid>" is the whole guest,
 * "guest/<uuid>:vda" one of its disks. BUSY, with who has it; or from the intent, when another one was quicker. What is
 * only looked at once it is claimed is claimed at once, by mig_step_run_commit(). */
gboolean       mig_step_run_claim            (MigStepRun              *self,
                                              const char              *claim,
                                              GError                 **error);

void           mig_step_run_publish_phase    (MigStepRun              *self,
                                              MigPhase                 phase);
void           mig_step_run_publish_status   (MigStepRun              *self,
                                              MigStatus                status);
void           mig_step_run_publish_progress (MigStepRun              *self,
                                              const MigProgressSample *sample);
/* Signal and journal line (written with the next commit). @inputs is a floating or owned a{sv}. */
void           mig_step_run_decide           (MigStepRun              *self,
                                              const char              *text,
                                              GVariant                *inputs);
/* From here on abort is refused with @reason; NULL allows it again. */
void           mig_step_run_forbid_abort     (MigStepRun              *self,
                                              const char              *reason);
/* Makes the facts durable now, in the middle of the step, with a journal line of kind @kind ("committed"). */
gboolean       mig_step_run_commit           (MigStepRun              *self,
                                              const char              *kind,
                                              GError                 **error);
/* A request of the user or of another process ("force-complete"), taken once; and again when the step is called
 * again. */
gboolean       mig_step_run_take_request     (MigStepRun              *self,
                                              const char              *name);

/* Waking is anybody's: driver events, the return of a call, requests, cancellation. */
MigWaiter     *mig_step_run_get_waiter       (MigStepRun              *self);
/* Waits for news younger than @ticket, at most @seconds. */
void           mig_step_run_wait             (MigStepRun              *self,
                                              guint64                  ticket,
                                              double                   seconds);
/* The settle rule: probes again until the answer is no longer NOT_STARTED or two NOT_STARTED lie the settle time
 * apart. */
MigProbe       mig_step_run_settle           (MigStepRun              *self,
                                              GError                 **error);

G_END_DECLS
