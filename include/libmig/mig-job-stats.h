/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-enums.h>
#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_JOB_STATS (mig_job_stats_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigJobStats, mig_job_stats, MIG, JOB_STATS, GObject)

MIG_AVAILABLE_IN_ALL
MigJobKind mig_job_stats_get_kind              (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
gboolean   mig_job_stats_is_completed          (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
double     mig_job_stats_get_elapsed           (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
double     mig_job_stats_get_downtime          (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
gint64     mig_job_stats_get_memory_total      (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
gint64     mig_job_stats_get_memory_processed  (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
gint64     mig_job_stats_get_memory_remaining  (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
gint64     mig_job_stats_get_disk_total        (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
gint64     mig_job_stats_get_disk_processed    (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
gint64     mig_job_stats_get_disk_remaining    (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
double     mig_job_stats_get_rate              (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
double     mig_job_stats_get_dirty_rate        (MigJobStats *self);
MIG_AVAILABLE_IN_ALL
gint64     mig_job_stats_get_iteration         (MigJobStats *self);

G_END_DECLS
