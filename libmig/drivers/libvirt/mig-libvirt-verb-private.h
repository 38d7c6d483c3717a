/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/drivers/libvirt/mig-libvirt-endpoint-private.h"

G_BEGIN_DECLS

/* One kind of call to a host: a const table row beside the function that does it. */

/* What a call does on its thread. NULL means failure, with an error. */
typedef gpointer (*MigLibvirtVerbFunc) (virConnectPtr   connection,
                                        gpointer        data,
                                        GError        **error);

typedef struct
{
  const char         *what; /* "reading the domain": for messages */
  MigLibvirtLane      lane;
  double              seconds; /* its deadline; -1 = none */
  MigLibvirtVerbFunc  func;
  GDestroyNotify      free_data;   /* or NULL */
  GDestroyNotify      free_result; /* NULL for results that are not memory */
} MigLibvirtVerb;

/* Deadlines. libvirt itself waits 30 s for a domain's job before it gives up. */
#define MIG_LIBVIRT_QUERY_SECONDS 10
#define MIG_LIBVIRT_CHANGE_SECONDS 45

/* Makes a call. @data belongs to it from here on, however it ends.
 *
 * Errors beside the verb's own: CONNECTION (the host cannot be reached, the connection broke, or a call of the
 * control lane got no answer in time), TIMED_OUT (a call of the work lane got none: it may still happen), BUSY,
 * CANCELLED. */
gpointer mig_libvirt_verb_call (const MigLibvirtVerb  *verb,
                                MigLibvirtEndpoint    *endpoint,
                                gpointer               data,
                                GCancellable          *cancellable,
                                GError               **error);

G_END_DECLS
