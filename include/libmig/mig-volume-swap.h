/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-disk-source.h>
#include <libmig/mig-operation.h>
#include <libmig/mig-swap-options.h>

G_BEGIN_DECLS

#define MIG_TYPE_VOLUME_SWAP (mig_volume_swap_get_type ())

MIG_AVAILABLE_IN_ALL
MIG_DECLARE_CLOSED_TYPE (MigVolumeSwap, mig_volume_swap, MIG, VOLUME_SWAP)

MIG_AVAILABLE_IN_ALL
const char    *mig_volume_swap_get_domain      (MigVolumeSwap *self);
MIG_AVAILABLE_IN_ALL
const char    *mig_volume_swap_get_target      (MigVolumeSwap *self);
MIG_AVAILABLE_IN_ALL
MigDiskSource *mig_volume_swap_get_destination (MigVolumeSwap *self);

G_END_DECLS
