/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/drivers/libvirt/mig-libvirt-connection-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-endpoint-private.h"

G_BEGIN_DECLS

/* Registers for what the driver's signal tells. What a hypervisor does not offer is left out: events make it fast,
 * never correct. FALSE when something was left out. */
gboolean mig_libvirt_event_register (MigLibvirtConnection *connection,
                                     MigLibvirtEndpoint   *endpoint);

G_END_DECLS
