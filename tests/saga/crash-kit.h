/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <libmig/mig-cluster.h>
#include <libmig/mig-sim-driver.h>

#include "fault-store.h"
#include "mig-test.h"

G_BEGIN_DECLS

/* The crash matrix. A scenario is a world and an operation in it. A case is one accident: something goes wrong with the
 * n-th call of the hypervisor or the n-th commit of the store, or the process ends there. Then a fresh process
 * recovers, and the world must be wholly as it was, or wholly as an undisturbed operation leaves it, and the records
 * must say which; and nothing that must never be may have been for a moment.
 *
 * Each case is lived through in processes of its own, several cases at a time. The world is a file in memory. */

typedef struct
{
  const char    *name;
  double         late_delay;  /* seconds; the settle time is longer, unless given */
  double         settle_time; /* -1: what is right */
  /* Puts everything there, in a driver of an empty world. */
  void          (*make_world)     (MigSimDriver *driver);
  /* Not yet running. */
  MigOperation *(*make_operation) (MigCluster *cluster);
  /* A volume that was there before and whose content the caller gave up, or NULL. */
  const char     *given_up;
  /* Before the world is judged; NULL: nothing. What a broken libmig might do, so that it is seen to be noticed. */
  void          (*sabotage)       (MigSimDriver *driver);
} CrashScenario;

typedef enum {
  CRASH_NOTHING,
  CRASH_CALL,   /* of the driver: @call and @sim_fault */
  CRASH_COMMIT, /* of the store: @store_fault */
} CrashKind;

typedef struct
{
  CrashKind   kind;
  const char *call; /* as mig_sim_driver_set_fault() has it */
  MigSimFault sim_fault;
  Fault       store_fault;
  guint       nth;
  const char *failing;      /* a call that fails too, the first time: so that there is something to undo; or NULL */
  guint       recovery_nth; /* the recovering process ends at this call too, and another one recovers; 0: it does not */
} CrashAccident;

/* What an undisturbed run looks like. */
typedef struct
{
  char  *before;
  char  *after;
  char **calls; /* of the driver */
  guint  n_commits;
} CrashReference;

void            crash_kit_set_up          (void);
void            crash_kit_tear_down       (void);

CrashReference *crash_kit_run_undisturbed (const CrashScenario  *scenario);
void            crash_reference_free      (CrashReference       *self);

/* Adds to the cases; several scenarios may be mixed. @reference must live until they are run. */
void            crash_kit_add             (const CrashScenario  *scenario,
                                           const CrashReference *reference,
                                           const CrashAccident  *accident);
/* The same accident at every call of the reference and some beyond. */
void            crash_kit_add_calls       (const CrashScenario  *scenario,
                                           const CrashReference *reference,
                                           MigSimFault           fault,
                                           gboolean              only_changes);
void            crash_kit_add_all_calls   (const CrashScenario  *scenario,
                                           const CrashReference *reference,
                                           gboolean              only_changes);
/* Each thing that can go wrong with a commit, at every commit of the reference. */
void            crash_kit_add_all_commits (const CrashScenario  *scenario,
                                           const CrashReference *reference);
/* After the first call of that name has failed, the process ends at one of so many calls that follow, or an answer is
 * lost. */
void            crash_kit_add_undo        (const CrashScenario  *scenario,
                                           const CrashReference *reference,
                                           const char           *failing,
                                           guint                 n_calls);
/* The process ends after each changing call, and each process that recovers after each of so many of its calls. */
void            crash_kit_add_recovery    (const CrashScenario  *scenario,
                                           const CrashReference *reference,
                                           guint                 n_calls);
/* Runs what was added, and fails the test unless all went well. */
void            crash_kit_expect_success  (void);
/* Runs what was added. Returns the number of cases, and a text that tells of those that went wrong, or NULL. */
guint           crash_kit_run             (char                **complaints);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CrashReference, crash_reference_free)

G_END_DECLS
