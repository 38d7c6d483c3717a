/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-event-private.h"

MigEvent *
mig_event_new (MigEventKind kind)
{
  MigEvent *self = g_new0 (MigEvent, 1);

  self->kind = kind;

  return self;
}

MigEvent *
mig_event_copy (const MigEvent *self)
{
  MigEvent *copy = g_new (MigEvent, 1);

  *copy = *self;
  copy->text = g_strdup (self->text);
  if (self->progress != NULL)
    g_object_ref (copy->progress);
  if (self->inputs != NULL)
    g_variant_ref (copy->inputs);
  if (self->error != NULL)
    copy->error = g_error_copy (self->error);

  return copy;
}

void
mig_event_free (MigEvent *self)
{
  g_clear_object (&self->progress);
  g_free (self->text);
  g_clear_error (&self->error);
  g_clear_pointer (&self->inputs, g_variant_unref);
  g_free (self);
}
