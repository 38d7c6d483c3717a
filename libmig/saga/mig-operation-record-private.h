/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-types.h>

#include "libmig/saga/mig-facts-private.h"

G_BEGIN_DECLS

/* The record `op/<id>`: an operation as everybody sees it. A plain struct: whoever has one may write its fields. */
typedef struct
{
  char     *id; /* not in the value: the record's key has it */
  char     *kind;
  guint     revision; /* of the step table */
  char     *key;
  char     *subject;
  char     *source;
  char     *destination;
  MigPhase  phase;
  MigStatus status;
  guint     attempt;
  char     *owner; /* NULL when nobody runs it */
  guint64   epoch; /* raised whenever the owner changes */
  gint64    created;
  gint64    updated;
  guint     n_lines; /* of the journal */
  GError   *error;
  char    **debts;   /* or NULL */
  MigFacts *request;
  MigFacts *result;  /* NULL before the end */
} MigOperationRecord;

MigOperationRecord *mig_operation_record_new  (const char         *id);
void                mig_operation_record_free (MigOperationRecord *self);

char               *mig_operation_record_key  (const char         *id); /* "op/<id>" */
/* Nothing is left to be done, by anybody. */
gboolean            mig_operation_record_is_over (MigOperationRecord *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigOperationRecord, mig_operation_record_free)

G_END_DECLS
