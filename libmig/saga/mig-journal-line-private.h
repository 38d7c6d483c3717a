/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "libmig/saga/mig-facts-private.h"

G_BEGIN_DECLS

/* What a line says. Steps may write lines of other kinds (mig_step_run_commit). */
#define MIG_LINE_ACCEPTED "accepted"
#define MIG_LINE_CLAIMED "claimed"         /* another owner carries on */
#define MIG_LINE_INTENT "intent"           /* the step is about to touch the world */
#define MIG_LINE_DONE "done"
#define MIG_LINE_FAILED "failed"           /* the step gave up; its effect may be there */
#define MIG_LINE_ABORTED "aborted"         /* somebody asked for it, and it was not too late */
#define MIG_LINE_COMMITTED "committed"     /* no abort any more */
#define MIG_LINE_UNDO_INTENT "undo-intent"
#define MIG_LINE_UNDO_DONE "undo-done"
#define MIG_LINE_UNDO_FAILED "undo-failed"
#define MIG_LINE_DECISION "decision"
#define MIG_LINE_DEBT "debt"
#define MIG_LINE_END "end"

/* One record `op/<id>/journal/<number>`. A plain struct. */
typedef struct
{
  guint      number; /* not in the key only: a line says itself which it is */
  guint64    epoch;
  gint64     time;
  char      *kind;
  char      *step;    /* or NULL */
  MigFacts  *facts;   /* what has changed since the line before; or NULL */
  char     **removed; /* names of facts that are gone; or NULL */
  GError    *error;
  char      *text;
  MigFacts  *inputs;
} MigJournalLine;

MigJournalLine *mig_journal_line_new    (const char     *kind,
                                         const char     *step,
                                         guint64         epoch);
void            mig_journal_line_free   (MigJournalLine *self);

char           *mig_journal_line_prefix (const char     *id); /* "op/<id>/journal/" */
char           *mig_journal_line_key    (const char     *id,
                                         guint           number);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigJournalLine, mig_journal_line_free)

G_END_DECLS
