/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-cluster.h>

#include "libmig/saga/mig-operation-record-private.h"

G_BEGIN_DECLS

/* The object of an operation that is in the store, made by what its kind says. NOT_SUPPORTED for a kind that this
 * libmig does not know. */
MigOperation *mig_revive (MigCluster          *cluster,
                          MigOperationRecord  *record,
                          GError             **error);

typedef MigOperation *(*MigReviveFunc) (MigCluster  *cluster,
                                        const char  *id,
                                        const char  *key,
                                        MigFacts    *request,
                                        GError     **error);

/* One more kind, in one cluster: for tests of operations that are not in the library. */
void          mig_revive_teach (MigCluster    *cluster,
                                const char    *kind,
                                MigReviveFunc  revive);

G_END_DECLS
