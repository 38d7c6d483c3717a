/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/drivers/libvirt/mig-libvirt-driver-private.h"

G_BEGIN_DECLS

MigHostInfo *mig_libvirt_get_host_info       (MigComputeDriver  *driver,
                                              MigHost           *host,
                                              GCancellable      *cancellable,
                                              GError           **error);

/* A text that stays the same as long as the daemon at the other end of our local connections lives, also between
 * processes; NULL when that cannot be told, as for a daemon on another machine. */
char        *mig_libvirt_daemon_incarnation  (const char        *uri);

G_END_DECLS
