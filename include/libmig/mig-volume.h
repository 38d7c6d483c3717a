/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-disk-source.h>

G_BEGIN_DECLS

#define MIG_TYPE_VOLUME (mig_volume_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigVolume, mig_volume, MIG, VOLUME, GObject)

MIG_AVAILABLE_IN_ALL
MigDiskSource *mig_volume_get_source     (MigVolume *self);
MIG_AVAILABLE_IN_ALL
const char    *mig_volume_get_pool       (MigVolume *self);
MIG_AVAILABLE_IN_ALL
const char    *mig_volume_get_name       (MigVolume *self);
MIG_AVAILABLE_IN_ALL
gint64         mig_volume_get_capacity   (MigVolume *self);
MIG_AVAILABLE_IN_ALL
gint64         mig_volume_get_allocation (MigVolume *self);
MIG_AVAILABLE_IN_ALL
gint64         mig_volume_get_available  (MigVolume *self);
MIG_AVAILABLE_IN_ALL
const char    *mig_volume_get_identity   (MigVolume *self);
MIG_AVAILABLE_IN_ALL
MigDiskSource *mig_volume_get_backing    (MigVolume *self);
MIG_AVAILABLE_IN_ALL
gboolean       mig_volume_knows_backing  (MigVolume *self);
MIG_AVAILABLE_IN_ALL
gboolean       mig_volume_is_encrypted   (MigVolume *self);

G_END_DECLS
