/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/saga/mig-engine-private.h"
#include "libmig/saga/mig-operation-record-private.h"

G_BEGIN_DECLS

/* Records that say where to look, so that neither recovery nor pruning has to read all operations: `unfinished/<id>`
 * while there is something to be done, and then `finished/<time>/<id>`. They are written in the commits that begin and
 * end an operation. */

#define MIG_INDEX_UNFINISHED "unfinished/"
#define MIG_INDEX_FINISHED "finished/"

#define MIG_INDEX_MAX_FINISHED 10000
#define MIG_INDEX_MAX_AGE (90 * (gint64) 86400 * G_USEC_PER_SEC)

/* Forgets what was asked of an earlier operation of this id. */
gboolean mig_index_begin (MigEngine          *engine,
                          const char         *id,
                          MigTransaction     *transaction,
                          GError            **error);
/* @record is as it will be written. If it is over, what was asked of it is forgotten. */
void     mig_index_end   (MigEngine          *engine,
                          MigOperationRecord *record,
                          MigTransaction     *transaction);
/* Forgets operations that ended more than @max_age microseconds ago, and the oldest of more than @max_finished; 0: any
 * number. At most @max at once. Returns how many it forgot. */
guint    mig_index_prune (MigEngine          *engine,
                          gint64              max_age,
                          guint               max_finished,
                          guint               max);

G_END_DECLS
