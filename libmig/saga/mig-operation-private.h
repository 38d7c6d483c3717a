/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-operation.h>

#include "libmig/saga/mig-step-private.h"

G_BEGIN_DECLS

/* The names of facts that every kind of operation uses in the same meaning. */
#define MIG_FACT_SOURCE "source"           /* name of the host where the subject was */
#define MIG_FACT_DESTINATION "destination" /* name of the host, or text of the disk source, where it goes */
#define MIG_FACT_CLAIMS "claims"           /* what is this operation's until its end: mig_step_run_claim() */
#define MIG_FACT_DOWNTIME "downtime"       /* seconds, double */
#define MIG_FACT_BYTES "bytes"             /* moved, int */

struct _MigOperation
{
  GObject parent_instance;
};

struct _MigOperationClass
{
  GObjectClass parent_class;

  const MigStepTable *table;

  /* Refuses what can be seen to be wrong without asking anybody: no record is written then. */
  gboolean (*validate)      (MigOperation *self, GError **error);
  /* All that the caller asked for, so that it can be compared and revived. */
  void     (*save_request)  (MigOperation *self, MigFacts *request);
  char *   (*dup_subject)   (MigOperation *self);
};

#define MIG_OPERATION_GET_CLASS(obj) (G_TYPE_INSTANCE_GET_CLASS ((obj), MIG_TYPE_OPERATION, MigOperationClass))

/* Steps and subclasses may read these at any time from the runner's thread. */
MigFacts *mig_operation_get_facts   (MigOperation  *self);
/* Something a subclass's public method asks of the running steps ("force-complete"); INVALID_STATE when it is not
 * running. Stored for another process when this one only observes. */
gboolean  mig_operation_request     (MigOperation  *self,
                                     const char    *name,
                                     GError       **error);

G_END_DECLS
