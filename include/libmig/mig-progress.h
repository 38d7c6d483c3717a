/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-enums.h>
#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_PROGRESS (mig_progress_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigProgress, mig_progress, MIG, PROGRESS, GObject)

MIG_AVAILABLE_IN_ALL
MigPhase mig_progress_get_phase             (MigProgress *self);
MIG_AVAILABLE_IN_ALL
double   mig_progress_get_fraction          (MigProgress *self);
MIG_AVAILABLE_IN_ALL
gint64   mig_progress_get_memory_total      (MigProgress *self);
MIG_AVAILABLE_IN_ALL
gint64   mig_progress_get_memory_processed  (MigProgress *self);
MIG_AVAILABLE_IN_ALL
gint64   mig_progress_get_memory_remaining  (MigProgress *self);
MIG_AVAILABLE_IN_ALL
gint64   mig_progress_get_disk_total        (MigProgress *self);
MIG_AVAILABLE_IN_ALL
gint64   mig_progress_get_disk_processed    (MigProgress *self);
MIG_AVAILABLE_IN_ALL
gint64   mig_progress_get_disk_remaining    (MigProgress *self);
MIG_AVAILABLE_IN_ALL
double   mig_progress_get_rate              (MigProgress *self);
MIG_AVAILABLE_IN_ALL
double   mig_progress_get_dirty_rate        (MigProgress *self);
MIG_AVAILABLE_IN_ALL
gint64   mig_progress_get_iteration         (MigProgress *self);
MIG_AVAILABLE_IN_ALL
double   mig_progress_get_expected_downtime (MigProgress *self);
MIG_AVAILABLE_IN_ALL
double   mig_progress_get_eta               (MigProgress *self);

G_END_DECLS
