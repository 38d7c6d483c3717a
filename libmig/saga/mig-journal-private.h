/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/saga/mig-engine-private.h"
#include "libmig/saga/mig-journal-line-private.h"
#include "libmig/saga/mig-operation-record-private.h"

G_BEGIN_DECLS

/* The record and the journal of one operation, as the one thread that owns them sees them. Lines are added, and become
 * durable together, with the record and with the facts that have changed, at the next commit. Every commit requires the
 * record to be as this thread left it: whoever takes the operation over writes the record, and from then on every
 * commit here fails with CONFLICT. */

typedef struct _MigJournal MigJournal;

/* Of an operation that is not in the store yet. Takes @record. */
MigJournal         *mig_journal_new        (MigEngine           *engine,
                                            MigOperationRecord  *record,
                                            MigFacts            *facts);
/* Reads the record, all lines, and the facts, into @facts. CORRUPT when they do not make a whole. */
MigJournal         *mig_journal_open       (MigEngine           *engine,
                                            const char          *id,
                                            MigFacts            *facts,
                                            GError             **error);
void                mig_journal_free       (MigJournal          *self);

MigOperationRecord *mig_journal_get_record (MigJournal          *self); /* may be written */
GPtrArray          *mig_journal_get_lines  (MigJournal          *self); /* as read by open() */

/* The line is the journal's; the caller may complete it at once. */
MigJournalLine     *mig_journal_add        (MigJournal          *self,
                                            const char          *kind,
                                            const char          *step);
/* Takes back a line that a commit failed to write; FALSE when it may have been written all the same. */
gboolean            mig_journal_take_back  (MigJournal          *self,
                                            MigJournalLine      *line);
/* @transaction, if not NULL, has further conditions and changes. CONFLICT: somebody else owns the operation. After any
 * other error nothing is durable, or, while the store cannot be asked, it is not known; the next commit finds out, and
 * the lines that are not there wait for it. */
gboolean            mig_journal_commit     (MigJournal          *self,
                                            MigTransaction      *transaction,
                                            GError             **error);
/* Is the record still as this thread left it? CONFLICT: it is not; after any other error nobody knows. */
gboolean            mig_journal_check      (MigJournal          *self,
                                            GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigJournal, mig_journal_free)

G_END_DECLS
