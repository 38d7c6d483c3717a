/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-disk-source.h>
#include <libmig/mig-host.h>

G_BEGIN_DECLS

#define MIG_TYPE_BLOCK_COPY_REQUEST (mig_block_copy_request_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigBlockCopyRequest, mig_block_copy_request, MIG, BLOCK_COPY_REQUEST, GObject)

MIG_AVAILABLE_IN_ALL
MigHost           *mig_block_copy_request_get_host        (MigBlockCopyRequest *self);
MIG_AVAILABLE_IN_ALL
const char        *mig_block_copy_request_get_domain      (MigBlockCopyRequest *self);
MIG_AVAILABLE_IN_ALL
const char        *mig_block_copy_request_get_target      (MigBlockCopyRequest *self);
MIG_AVAILABLE_IN_ALL
MigDiskSource     *mig_block_copy_request_get_destination (MigBlockCopyRequest *self);
MIG_AVAILABLE_IN_ALL
const char        *mig_block_copy_request_get_base        (MigBlockCopyRequest *self);
MIG_AVAILABLE_IN_ALL
const char        *mig_block_copy_request_get_top         (MigBlockCopyRequest *self);
MIG_AVAILABLE_IN_ALL
MigBlockJobVerb    mig_block_copy_request_get_verb        (MigBlockCopyRequest *self);
MIG_AVAILABLE_IN_ALL
MigBlockCopyFlags  mig_block_copy_request_get_flags       (MigBlockCopyRequest *self);
MIG_AVAILABLE_IN_ALL
gint64             mig_block_copy_request_get_bandwidth   (MigBlockCopyRequest *self);
MIG_AVAILABLE_IN_ALL
gint64             mig_block_copy_request_get_granularity (MigBlockCopyRequest *self);
MIG_AVAILABLE_IN_ALL
gint64             mig_block_copy_request_get_buffer_size (MigBlockCopyRequest *self);

G_END_DECLS
