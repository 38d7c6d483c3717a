/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-block-job-driver.h>

#include "libmig/drivers/libvirt/mig-libvirt-driver-private.h"

G_BEGIN_DECLS

/* The half of the driver that is MigBlockJobDriver. */
void  mig_libvirt_block_init         (MigBlockJobDriverInterface  *iface);

/* The definition with another source, in the format that it states, for one disk; what was known of the files below the
 * disk is left out. NOT_FOUND when there is no such disk. */
char *mig_libvirt_xml_replace_source (const char                  *definition,
                                      const char                  *target,
                                      MigDiskSource               *source,
                                      GError                     **error);

G_END_DECLS
