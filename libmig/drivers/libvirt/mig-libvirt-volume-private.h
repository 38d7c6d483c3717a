/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-volume.h>

#include "libmig/drivers/libvirt/mig-libvirt-scratch-private.h"

G_BEGIN_DECLS

/* On a call thread: finding, making and deleting volumes. The errors are those of MigVolumeBackend. */

MigVolume *mig_libvirt_volume_lookup (const MigLibvirtPlace  *place,
                                      MigDiskSource          *source,
                                      GError                **error);
/* Files only. */
MigVolume *mig_libvirt_volume_create (const MigLibvirtPlace  *place,
                                      MigDiskSource          *source,
                                      gint64                  capacity,
                                      GError                **error);
/* Files, and block devices that are volumes of a pool. */
gboolean   mig_libvirt_volume_remove (const MigLibvirtPlace  *place,
                                      MigDiskSource          *source,
                                      GError                **error);

G_END_DECLS
