/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-cluster.h>
#include <libmig/mig-volume-swap.h>

#include "libmig/block/mig-block-sight-private.h"
#include "libmig/saga/mig-operation-private.h"

G_BEGIN_DECLS

#define MIG_VOLUME_SWAP_KIND "volume-swap"

/* @options are copied; NULL: the defaults. */
MigVolumeSwap *mig_volume_swap_new         (MigCluster         *cluster,
                                            MigHost            *host,
                                            const char         *domain,
                                            const char         *target,
                                            MigDiskSource      *destination,
                                            MigSwapOptions     *options,
                                            const char         *key);

/* For recovery: an operation that another process left, from the request that it stored. */
MigOperation  *mig_volume_swap_revive      (MigCluster         *cluster,
                                            const char         *id,
                                            const char         *key,
                                            MigFacts           *request,
                                            GError            **error);

/* BUSY while a swap of the cluster, in any process, runs on the disk of this domain (of this name) or has to be
 * recovered. */
gboolean       mig_volume_swap_check_none  (MigCluster         *cluster,
                                            const MigBlockRef  *ref,
                                            const char         *name,
                                            GCancellable       *cancellable,
                                            GError            **error);

G_END_DECLS
