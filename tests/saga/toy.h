/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-cluster.h>
#include <libmig/mig-operation.h>

#include "libmig/saga/mig-operation-private.h"

G_BEGIN_DECLS

/* An operation whose world is a directory: the effect of a step is a file of the step's name, and every call is a line
 * of the file "log". So processes share it, and a test that kills one looks at it afterwards. What a step does beside
 * that is scripted.
 *
 *   check.toy  pure
 *   toy.a      undo, probe
 *   toy.b      settles, undo, probe
 *   toy.move   long, decides, settles, undo, probe
 *   toy.c      forward
 *   toy.d      forward
 */

#define TOY_TYPE_OPERATION (toy_operation_get_type ())

typedef struct _ToyOperation ToyOperation;
MIG_DECLARE_CLOSED_TYPE (ToyOperation, toy_operation, TOY, OPERATION)

typedef enum {
  TOY_WORK,        /* as it should be */
  TOY_FAIL,        /* fails with the code, and has no effect */
  TOY_FAIL_LATE,   /* fails with the code, and has its effect */
  TOY_FAIL_SLOWLY, /* likewise, after a quarter of a second */
  TOY_WAIT,        /* waits for an abort, or a detachment; has its effect first */
  TOY_DIE,         /* the process ends before the effect */
  TOY_DIE_LATE,    /* the process ends after the effect */
  TOY_REQUEST,     /* waits for the request "hurry" */
  TOY_FLAG,        /* waits until the file "go" exists */
  TOY_NOTE,        /* like TOY_ASK, but first writes into the journal, or does not */
  TOY_ASK,         /* has its effect; waits until "go" exists; asks whether it may still act, and only then is a call */
} ToyAct;

/* A new one for the cluster. The world is a directory; it and @key are the request. */
ToyOperation *toy_operation_new  (MigCluster   *cluster,
                                  const char   *key,
                                  const char   *world);
/* The same, for an operation that another process left unfinished: this one owns it from now on. */
ToyOperation *toy_operation_claim (MigCluster  *cluster,
                                   const char  *key,
                                   const char  *world,
                                   GError     **error);
/* How often: 0: always; then the step works. @code is of MIG_ERROR, or -1: cancelled. */
void          toy_script         (ToyOperation *self,
                                  const char   *call, /* "run toy.a", "undo toy.a", "probe toy.a" */
                                  ToyAct        act,
                                  int           code,
                                  guint         times);
/* What a probe answers instead of looking; -1: it looks. */
void          toy_script_probe   (ToyOperation *self,
                                  const char   *step,
                                  int           answer,
                                  guint         times);
/* What its check claims. With @wait it then makes a file of that name in the world, and waits for the file "go". */
void          toy_claim          (ToyOperation *self,
                                  const char   *claim,
                                  const char   *wait);
extern const MigStepTable toy_table;

/* A cluster that waits for nothing long; and its end, with all of its threads. */
MigCluster   *toy_cluster_new    (MigStateStore *store);
void          toy_cluster_close  (MigCluster    *cluster);

/* The world. */
gboolean      toy_has            (const char   *world,
                                  const char   *step);
void          toy_set            (const char   *world,
                                  const char   *step,
                                  gboolean      there);
/* The calls, separated by spaces: "a+ b+ b- a-", of runs and undos only. */
char         *toy_calls          (const char   *world);
/* Wholly done or wholly undone? 1, 0, or -1: neither. */
int           toy_outcome        (const char   *world);

G_END_DECLS
