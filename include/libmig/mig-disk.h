/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-disk-source.h>

G_BEGIN_DECLS

#define MIG_TYPE_DISK (mig_disk_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigDisk, mig_disk, MIG, DISK, GObject)

MIG_AVAILABLE_IN_ALL
const char    *mig_disk_get_target    (MigDisk *self);
MIG_AVAILABLE_IN_ALL
const char    *mig_disk_get_device    (MigDisk *self);
MIG_AVAILABLE_IN_ALL
MigDiskSource *mig_disk_get_source    (MigDisk *self);
MIG_AVAILABLE_IN_ALL
const char    *mig_disk_get_serial    (MigDisk *self);
MIG_AVAILABLE_IN_ALL
gboolean       mig_disk_is_read_only  (MigDisk *self);
MIG_AVAILABLE_IN_ALL
gboolean       mig_disk_is_shareable  (MigDisk *self);
MIG_AVAILABLE_IN_ALL
gboolean       mig_disk_is_encrypted  (MigDisk *self);
MIG_AVAILABLE_IN_ALL
gboolean       mig_disk_has_backing   (MigDisk *self);
MIG_AVAILABLE_IN_ALL
GPtrArray     *mig_disk_get_backing_chain (MigDisk *self);
MIG_AVAILABLE_IN_ALL
MigDiskSource *mig_disk_get_mirror    (MigDisk *self);
MIG_AVAILABLE_IN_ALL
gboolean       mig_disk_is_mirror_ready (MigDisk *self);

G_END_DECLS
