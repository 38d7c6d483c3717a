/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/saga/mig-journal-line-private.h"
#include "libmig/saga/mig-operation-record-private.h"

G_BEGIN_DECLS

/* Records and lines to and from the JSON that is stored. Whatever does not read is CORRUPT; a format number above ours
 * was written by a newer libmig and is refused too. */

#define MIG_JOURNAL_FORMAT 1

char               *mig_journal_encode_record (MigOperationRecord *record);
MigOperationRecord *mig_journal_decode_record (const char         *id,
                                               const char         *text,
                                               GError            **error);

char               *mig_journal_encode_line   (MigJournalLine     *line);
MigJournalLine     *mig_journal_decode_line   (const char         *key,
                                               const char         *text,
                                               GError            **error);

/* Of a claim (mig-claim-private.h): ids to the parts that they have. */
char               *mig_journal_encode_holders (MigFacts          *holders);
MigFacts           *mig_journal_decode_holders (const char        *key,
                                                const char        *text,
                                                GError           **error);

G_END_DECLS
