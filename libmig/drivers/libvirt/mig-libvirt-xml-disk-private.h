/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-disk-source.h>

#include "libmig/drivers/libvirt/mig-libvirt-document-private.h"

G_BEGIN_DECLS

/* Fills an empty <disk>, whose document the caller writes, with what mig_libvirt_xml_disk() says of a source. */
gboolean mig_libvirt_xml_fill_disk (xmlNode        *disk,
                                    MigDiskSource  *source,
                                    const char     *default_format,
                                    GError        **error);

G_END_DECLS
