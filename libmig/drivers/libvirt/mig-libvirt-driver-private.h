/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-libvirt-driver.h>

#include "libmig/drivers/libvirt/mig-libvirt-error-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-verb-private.h"

G_BEGIN_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC (virDomain, virDomainFree)

/* Makes a call to a host; see mig_libvirt_verb_call(). */
gpointer            mig_libvirt_driver_call         (MigLibvirtDriver      *self,
                                                     MigHost               *host,
                                                     const MigLibvirtVerb  *verb,
                                                     gpointer               data,
                                                     GCancellable          *cancellable,
                                                     GError               **error);
/* The endpoint of a host; made when there is none yet. INVALID_STATE in a forked child. */
MigLibvirtEndpoint *mig_libvirt_driver_ref_endpoint (MigLibvirtDriver      *self,
                                                     MigHost               *host,
                                                     GError               **error);
/* Asks whoever listens to the driver's signal; blocks until the answer. NULL: refused. */
char               *mig_libvirt_driver_ask          (MigLibvirtDriver      *self,
                                                     const char            *uri,
                                                     const char            *prompt,
                                                     gboolean               secret);

/* On a call thread: the domain by UUID, else by name; NOT_FOUND when it is not there. */
virDomainPtr        mig_libvirt_find_domain         (virConnectPtr          connection,
                                                     const char            *domain,
                                                     GError               **error);

G_END_DECLS
