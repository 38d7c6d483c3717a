/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-disk-source.h>

#include "libmig/drivers/libvirt/mig-libvirt-scratch-private.h"

G_BEGIN_DECLS

typedef struct
{
  gint64   capacity;
  gint64   allocation;
  gboolean encrypted; /* a device that begins as LUKS does; what an export holds is not seen */
} MigLibvirtDevice;

/* On a call thread: how long a block device or an NBD export is, as the host sees it.
 *
 * A device is named by a domain that is defined for a moment and never started: libvirt then opens it itself, only to
 * read, however it is used meanwhile. An export takes a domain that is started paused, never runs, and that libvirt
 * destroys should the connection break; its QEMU asks the server.
 *
 * Errors: NOT_FOUND when there is no such device, INVALID_ARGUMENT when it is none, and libvirt's. */
gboolean mig_libvirt_probe_run (const MigLibvirtPlace  *place,
                                MigDiskSource          *source,
                                MigLibvirtDevice       *device,
                                GError                **error);

G_END_DECLS
