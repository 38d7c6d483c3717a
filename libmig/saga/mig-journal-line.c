/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-journal-line-private.h"

MigJournalLine *
mig_journal_line_new (const char *kind,
                      const char *step,
                      guint64     epoch)
{
  MigJournalLine *self = g_new0 (MigJournalLine, 1);

  self->kind = g_strdup (kind);
  self->step = g_strdup (step);
  self->epoch = epoch;
  self->time = g_get_real_time ();

  return self;
}

void
mig_journal_line_free (MigJournalLine *self)
{
  g_free (self->kind);
  g_free (self->step);
  g_clear_pointer (&self->facts, mig_facts_unref);
  g_strfreev (self->removed);
  g_clear_error (&self->error);
  g_free (self->text);
  g_clear_pointer (&self->inputs, mig_facts_unref);
  g_free (self);
}

char *
mig_journal_line_prefix (const char *id)
{
  return g_strdup_printf ("op/%s/journal/", id);
}

char *
mig_journal_line_key (const char *id,
                      guint       number)
{
  return g_strdup_printf ("op/%s/journal/%08u", id, number);
}
