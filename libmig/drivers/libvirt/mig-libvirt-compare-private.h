/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/drivers/libvirt/mig-libvirt-scratch-private.h"

#include <libmig/mig-disk-source.h>

G_BEGIN_DECLS

/* On a call thread: reads two raw volumes by libvirt's streams, which pass over holes, and compares their first @length
 * bytes. Returns the offset of the first difference, @length when there is none, -1 with an error: NOT_SUPPORTED for
 * what is no raw volume of a pool. With a length of 0 nothing is read. @cancellable ends it between two pieces. */
gint64 mig_libvirt_compare (const MigLibvirtPlace  *place,
                            MigDiskSource          *one,
                            MigDiskSource          *other,
                            gint64                  length,
                            GCancellable           *cancellable,
                            GError                **error);

G_END_DECLS
