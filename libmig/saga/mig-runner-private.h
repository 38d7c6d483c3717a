/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/saga/mig-journal-private.h"
#include "libmig/saga/mig-operation-core-private.h"

G_BEGIN_DECLS

/* Carries one operation through its table, on a thread of its own: forward (mig-runner-forward.c), or backwards
 * (mig-runner-undo.c), from the start or from what a journal says (mig-runner-recover.c). */

/* How far a step is, by the journal. */
typedef enum {
  MIG_MARK_NONE,
  MIG_MARK_INTENT,
  MIG_MARK_DONE,
  MIG_MARK_UNDOING,
  MIG_MARK_UNDO_FAILED,
  MIG_MARK_UNDONE,
} MigMark;

typedef struct
{
  MigMark mark;
  guint64 epoch; /* of the intent: part of the step's token */
} MigStepMark;

/* What to do next. */
typedef enum {
  MIG_COURSE_FORWARD,
  MIG_COURSE_UNDO,
  MIG_COURSE_STOP,  /* what happened can't be proved: leave all as it is */
  MIG_COURSE_LEAVE, /* the operation is somebody else's, or recovery's */
  MIG_COURSE_END,
} MigCourse;

/* What is published last, when the runner has let go of everything: whoever hears of the end finds nothing held. */
typedef struct
{
  gboolean  known;
  gboolean  left; /* no end: somebody else has the operation, or will */
  MigStatus status;
  GError   *error;
  GVariant *result;
} MigRunnerEnd;

typedef struct
{
  MigOperation       *operation;
  MigEngine          *engine;
  GObject            *cluster;
  MigOperationState  *state;
  const MigStepTable *table;
  MigJournal         *journal;
  MigFacts           *facts;
  MigStepMark        *marks;
  guint               next;       /* the step to take */
  guint               weight;     /* of all steps */
  gboolean            decided;
  gboolean            recovering;
  guint               n_lapses;   /* of the lease, when the record was last seen to be ours */
  gboolean            lost;       /* another process owns it now */
  gboolean            adrift;     /* the store has not told for too long whose it is */
  gboolean            ending;     /* the record has its last phase and status */
  GError             *cause;      /* why it does not complete */
  GPtrArray          *wanted;     /* claims that the next commit takes; NULL when there is none */
  GPtrArray          *debts;
  MigRunnerEnd        end;
  GString            *undone_not; /* the steps that could not be undone, with causes; NULL when there is none */
} MigRunner;

typedef void (*MigRunnerExtra) (MigRunner *self, MigTransaction *transaction);

/* One call of a step's function. */
struct _MigStepRun
{
  MigRunner  *runner;
  guint       index;
  gboolean    undoing;
  char       *token;
  GHashTable *taken; /* request → its serial: what this call has heard */
};

void      mig_step_run_begin      (MigStepRun    *self,
                                   MigRunner     *runner,
                                   guint          index,
                                   gboolean       undoing);
void      mig_step_run_end        (MigStepRun    *self);

/* The record first gets what has been published. */
gboolean  mig_runner_commit       (MigRunner      *self,
                                   MigRunnerExtra  extra,
                                   GError        **error);
/* The same, tried again for a while. @extra, if not NULL, adds to each transaction. */
gboolean  mig_runner_insist       (MigRunner      *self,
                                   MigRunnerExtra  extra,
                                   GError        **error);
/* Takes the claim with the next commit, which fails with BUSY when somebody was quicker. */
gboolean  mig_runner_claim        (MigRunner      *self,
                                   const char     *claim,
                                   GError        **error);
/* May this process act on the world? CONFLICT: never again, the operation is lost. After any other error the store has
 * not answered for some seconds, and it is not known. */
gboolean  mig_runner_owns         (MigRunner      *self,
                                   GError        **error);
/* The same; a store that does not answer is waited for, for as long as a host is. FALSE also when the process wants to
 * leave. */
gboolean  mig_runner_holds        (MigRunner      *self);
/* It is not this process that carries it on: nothing more is done, and nothing is concluded. */
gboolean  mig_runner_has_to_leave (MigRunner      *self);
/* Until when it may, as far as is known without waiting: mig_clock_boottime(); -1, with CONFLICT: the operation is
 * lost. */
gint64    mig_runner_owns_until   (MigRunner      *self,
                                   GError        **error);
/* FALSE: the process wants to leave. */
gboolean  mig_runner_pause        (MigRunner      *self,
                                   double          seconds);
gboolean  mig_runner_may_pass     (const GError   *error);
/* Nobody answered: neither what was asked for nor a refusal is known. */
gboolean  mig_runner_is_unanswered (const GError  *error);
/* The first cause counts. */
void      mig_runner_set_cause    (MigRunner      *self,
                                   const GError   *error);
gboolean  mig_runner_call         (MigRunner      *self,
                                   guint           index,
                                   gboolean        undo,
                                   GError        **error);
/* @settle: NOT_STARTED has to be believed only after the settle time. @patient: UNKNOWN is asked again for a while. */
MigProbe  mig_runner_probe        (MigRunner      *self,
                                   guint           index,
                                   gboolean        settle,
                                   gboolean        patient,
                                   GError        **error);
void      mig_runner_note_done    (MigRunner      *self,
                                   guint           index);

MigCourse mig_runner_forward      (MigRunner      *self);
MigCourse mig_runner_undo         (MigRunner      *self);
/* Reads the journal of a claimed operation, and says where to go on. */
gboolean  mig_runner_resume       (MigRunner      *self,
                                   MigCourse      *course,
                                   GError        **error);
void      mig_runner_end          (MigRunner      *self,
                                   MigCourse       course);
/* Without an end: somebody else has it, or will. */
void      mig_runner_leave        (MigRunner      *self);
/* Puts a new operation into the store. */
MigJournal *mig_runner_accept     (MigOperation   *operation,
                                   GError        **error);

G_END_DECLS
