/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-volume-backend.h>

#include "libmig/block/mig-block-sight-private.h"

G_BEGIN_DECLS

/* A hypervisor does not say why a mirror died. What can be seen of the places says it in most cases: the errors of the
 * guest's disk, the destination's length, the space left where it is. NULL when nothing is wrong with them, or it
 * cannot be seen. @destination and @backend may be NULL. */
char *mig_block_find_cause  (const MigBlockRef    *ref,
                             MigVolumeBackend     *backend,
                             MigDiskSource        *destination);

/* Sets the error that an outcome other than COMPLETED is; TRUE for COMPLETED. @what: "the copy of vda of g1". */
gboolean mig_block_outcome_check (MigBlockOutcome    outcome,
                                  const char        *what,
                                  const char        *cause,
                                  GError           **error);

G_END_DECLS
