/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-enums.h>
#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_BLOCK_JOB_INFO (mig_block_job_info_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigBlockJobInfo, mig_block_job_info, MIG, BLOCK_JOB_INFO, GObject)

MIG_AVAILABLE_IN_ALL
MigBlockJobKind mig_block_job_info_get_kind       (MigBlockJobInfo *self);
MIG_AVAILABLE_IN_ALL
gint64          mig_block_job_info_get_current    (MigBlockJobInfo *self);
MIG_AVAILABLE_IN_ALL
gint64          mig_block_job_info_get_end        (MigBlockJobInfo *self);
MIG_AVAILABLE_IN_ALL
gint64          mig_block_job_info_get_bandwidth  (MigBlockJobInfo *self);
MIG_AVAILABLE_IN_ALL
gboolean        mig_block_job_info_is_ready       (MigBlockJobInfo *self);
MIG_AVAILABLE_IN_ALL
MigDiskError    mig_block_job_info_get_disk_error (MigBlockJobInfo *self);

G_END_DECLS
