/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-domain-info.h>

G_BEGIN_DECLS

/* The guard between the library and implementers, who may have written their slots in any language. Every public
 * wrapper of a slot goes through it:
 *
 *   MigFooInterface *iface = MIG_FOO_GET_IFACE (self);
 *   GError *local = NULL;
 *   gboolean ok;
 *
 *   if (iface->bar == NULL)
 *     return mig_contract_missing (self, "bar", error);
 *   ok = iface->bar (self, cancellable, &local);
 *
 *   return mig_contract_check (self, "bar", ok, local, error);
 *
 * so that a missing slot is NOT_SUPPORTED, a failure without an error is CONTRACT, and an error beside a success is
 * dropped with one warning. */

/* Sets NOT_SUPPORTED "<Type> does not implement <slot>"; always FALSE. */
gboolean    mig_contract_missing     (gpointer         instance,
                                      const char      *slot,
                                      GError         **error);
/* Judges what a slot gave back; takes @local. TRUE: it succeeded. */
gboolean    mig_contract_check       (gpointer         instance,
                                      const char      *slot,
                                      gboolean         ok,
                                      GError          *local,
                                      GError         **error);
/* The same for a slot that returns an array of things which it gives away. An array that a language binding made does
 * not know how to free them: from here on @unref does. */
gboolean    mig_contract_check_array (gpointer         instance,
                                      const char      *slot,
                                      GPtrArray       *array,
                                      GDestroyNotify   unref,
                                      GError          *local,
                                      GError         **error);
/* What the other layers rely on in a description of a domain; @domain: the UUID or name that was asked for, or NULL. */
gboolean    mig_contract_check_info  (gpointer         instance,
                                      const char      *slot,
                                      MigDomainInfo   *info,
                                      const char      *domain,
                                      GError         **error);
/* Sets CONTRACT "<Type>: <slot> …": what a slot gave back breaks its contract in another way; always FALSE. */
gboolean    mig_contract_broken      (gpointer         instance,
                                      const char      *slot,
                                      GError         **error,
                                      const char      *format,
                                      ...) G_GNUC_PRINTF (4, 5);

/* What a caller gives, before a slot sees it. */
gboolean    mig_contract_check_domain (const char  *domain,
                                       GError     **error);

typedef const char *(*MigContractNameFunc) (gpointer instance);

/* What the slot get_name of the interface (NULL when it is missing) says, else the name of the type. It is asked once
 * and kept as long as @instance, because the text that an interpreter returns may not live that long. */
const char *mig_contract_get_name    (gpointer             instance,
                                      const char          *interface,
                                      MigContractNameFunc  get_name);

G_END_DECLS
