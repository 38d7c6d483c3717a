/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-operation-record-private.h"

MigOperationRecord *
mig_operation_record_new (const char *id)
{
  MigOperationRecord *self = g_new0 (MigOperationRecord, 1);

  self->id = g_strdup (id);
  self->attempt = 1;
  self->epoch = 1;

  return self;
}

void
mig_operation_record_free (MigOperationRecord *self)
{
  g_free (self->id);
  g_free (self->kind);
  g_free (self->key);
  g_free (self->subject);
  g_free (self->source);
  g_free (self->destination);
  g_free (self->owner);
  g_clear_error (&self->error);
  g_strfreev (self->debts);
  g_clear_pointer (&self->request, mig_facts_unref);
  g_clear_pointer (&self->result, mig_facts_unref);
  g_free (self);
}

char *
mig_operation_record_key (const char *id)
{
  return g_strconcat ("op/", id, NULL);
}

/* An operation that ended in ERROR can be carried on when what stood in its way is gone. */
gboolean
mig_operation_record_is_over (MigOperationRecord *self)
{
  return self->status == MIG_STATUS_COMPLETED || self->status == MIG_STATUS_CANCELLED ||
         self->status == MIG_STATUS_FAILED;
}
