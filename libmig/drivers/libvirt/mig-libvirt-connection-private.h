/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* One connection to a libvirt daemon. Who uses it counts itself in and out in the endpoint's books
 * (mig-libvirt-endpoint.c). Opening, greeting and closing block, for ever if the daemon does: on call threads only. */

typedef struct _MigLibvirtConnection MigLibvirtConnection;

/* Tells, from any thread, that a connection died. Called once. */
typedef void (*MigLibvirtLostFunc) (MigLibvirtConnection *connection,
                                    gpointer              data);

/* Fills in the answer to one question of the daemon: a text that the caller frees, or NULL for a refusal. */
typedef char *(*MigLibvirtAskFunc) (const char *prompt,
                                    gboolean    secret,
                                    gpointer    data);

/* @data is borrowed by @ask for the time of the call, and kept by the connection for @lost as long as it exists. */
MigLibvirtConnection *mig_libvirt_connection_open      (const char            *uri,
                                                        MigLibvirtAskFunc      ask,
                                                        MigLibvirtLostFunc     lost,
                                                        gpointer               data,
                                                        GDestroyNotify         free_data,
                                                        GError               **error);
MigLibvirtConnection *mig_libvirt_connection_ref       (MigLibvirtConnection  *self);
void                  mig_libvirt_connection_unref     (MigLibvirtConnection  *self);
/* Idempotent. The last reference must not go before this. */
void                  mig_libvirt_connection_close     (MigLibvirtConnection  *self);
virConnectPtr         mig_libvirt_connection_get       (MigLibvirtConnection  *self);
/* Whether an event loop turned when it was opened: only then its death is noticed at once, and it can have events. */
gboolean              mig_libvirt_connection_has_events (MigLibvirtConnection *self);
/* Whether all events of its domains are registered. Set before anybody else sees it. */
gboolean              mig_libvirt_connection_tells     (MigLibvirtConnection  *self);
void                  mig_libvirt_connection_set_tells (MigLibvirtConnection  *self,
                                                        gboolean               tells);
/* Looks, and tells nobody; only for who uses it, or keeps it from being closed. */
gboolean              mig_libvirt_connection_is_alive  (MigLibvirtConnection  *self);
/* Tells of its death, unless that was done, or it is closed. Not with a lock: whoever hears of it may do anything. */
void                  mig_libvirt_connection_mark_dead (MigLibvirtConnection  *self);
/* Registers for an event of all domains until the connection is closed. @data belongs to the registration. */
gboolean              mig_libvirt_connection_watch     (MigLibvirtConnection  *self,
                                                        int                    event,
                                                        virConnectDomainEventGenericCallback callback,
                                                        gpointer               data,
                                                        GDestroyNotify         free_data,
                                                        GError               **error);
/* Asks the daemon for something cheap; also while it is being closed. */
gboolean              mig_libvirt_connection_greet     (MigLibvirtConnection  *self,
                                                        GError               **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigLibvirtConnection, mig_libvirt_connection_unref)

G_END_DECLS
