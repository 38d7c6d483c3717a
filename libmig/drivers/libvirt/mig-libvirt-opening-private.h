/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/drivers/libvirt/mig-libvirt-connection-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-endpoint-private.h"

G_BEGIN_DECLS

/* The attempts to connect to one host that were given up and have not returned. Each keeps a thread, so while there
 * are any, new attempts are rare. */
typedef struct
{
  int     n;    /* atomic */
  GMutex  mutex;
  gint64  last; /* when the last one was given up */
} MigLibvirtHangs;

/* Opens a connection on a call thread, with a deadline. Errors: CONNECTION, INVALID_ARGUMENT, BUSY, CANCELLED. @hangs
 * lives as long as @endpoint. */
MigLibvirtConnection *mig_libvirt_opening_run (MigLibvirtEndpoint  *endpoint,
                                               MigLibvirtLane       lane,
                                               MigLibvirtHangs     *hangs,
                                               GCancellable        *cancellable,
                                               GError             **error);

G_END_DECLS
