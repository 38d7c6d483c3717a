/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/saga/mig-engine-private.h"

G_BEGIN_DECLS

/* Who works on what, so that no two operations of one store change the same thing at the same time. A claim is the key
 * of a record ("guest/<uuid>"), which is to be the claimant's alone, or such a key with a part ("guest/<uuid>:vda"),
 * which leaves the other parts to others. The record has the operations that hold it; it is taken in the commit of the
 * first intent and dropped in the commit of the end, with the record's revision as a condition of both. What an
 * operation that is over has left behind does not count. */

/* BUSY when another operation has it. @transaction, if not NULL, gets what takes it, unless @id has it already. */
gboolean mig_claim_take (MigEngine       *engine,
                         const char      *id,
                         const char      *claim,
                         MigTransaction  *transaction,
                         GError         **error);
gboolean mig_claim_drop (MigEngine       *engine,
                         const char      *id,
                         const char      *claim,
                         MigTransaction  *transaction,
                         GError         **error);

G_END_DECLS
