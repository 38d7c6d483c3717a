/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-host.h>
#include <libmig/mig-libvirt-driver.h>

#include "libmig/drivers/libvirt/mig-libvirt-call-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-connection-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-job-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-moves-private.h"

G_BEGIN_DECLS

/* A host as the driver sees it: its connections. There is one for queries and for events, and as many as it takes for
 * what blocks; those are closed when they have been idle for a while.
 *
 * Each connection belongs to one call at a time. Two threads in one are asking for trouble: up to libvirt 10 the one
 * that polls the socket may miss that the other has something to send, which then waits for the end of the first; and
 * a daemon answers only so many requests of one client at once, 5 by default, with all others behind them. */

typedef struct _MigLibvirtEndpoint MigLibvirtEndpoint;

typedef enum {
  MIG_LIBVIRT_LANE_CONTROL, /* asks, or kicks off something: returns within a second */
  MIG_LIBVIRT_LANE_WORK,    /* may block: waits for the domain's job, or for a move */
} MigLibvirtLane;

MigLibvirtEndpoint   *mig_libvirt_endpoint_new      (MigLibvirtDriver      *driver,
                                                     MigLibvirtCalls       *calls,
                                                     MigHost               *host,
                                                     guint                  max_moves,
                                                     double                 connect_seconds);
MigLibvirtEndpoint   *mig_libvirt_endpoint_ref      (MigLibvirtEndpoint    *self);
void                  mig_libvirt_endpoint_unref    (MigLibvirtEndpoint    *self);
/* Closes what is idle, and everything else as soon as it is. */
void                  mig_libvirt_endpoint_close    (MigLibvirtEndpoint    *self);
MigHost              *mig_libvirt_endpoint_get_host (MigLibvirtEndpoint    *self);
/* A new reference to the driver, or NULL when it is going. */
MigLibvirtDriver     *mig_libvirt_endpoint_ref_driver (MigLibvirtEndpoint  *self);

MigLibvirtCalls      *mig_libvirt_endpoint_get_calls (MigLibvirtEndpoint   *self);
MigLibvirtTally      *mig_libvirt_endpoint_get_tally (MigLibvirtEndpoint   *self);
double                mig_libvirt_endpoint_get_connect_seconds (MigLibvirtEndpoint *self);
MigLibvirtHistory    *mig_libvirt_endpoint_get_history (MigLibvirtEndpoint *self);
MigLibvirtMoves      *mig_libvirt_endpoint_get_moves (MigLibvirtEndpoint   *self);
/* Those who wait for a connection look again. */
void                  mig_libvirt_endpoint_wake     (MigLibvirtEndpoint    *self);

/* Whether its control connection does not tell of events, because no event loop turned when it was opened, or not yet.
 * A little later than one does, it is replaced. */
gboolean              mig_libvirt_endpoint_is_deaf  (MigLibvirtEndpoint    *self);

/* A connection for one call of that kind; given back with release(), on any thread. @seconds: how long such a call may
 * take; for so long, and for the time that connecting may take, it is waited for one. -1: for ever. */
MigLibvirtConnection *mig_libvirt_endpoint_acquire  (MigLibvirtEndpoint    *self,
                                                     MigLibvirtLane         lane,
                                                     double                 seconds,
                                                     GCancellable          *cancellable,
                                                     GError               **error);
void                  mig_libvirt_endpoint_release  (MigLibvirtEndpoint    *self,
                                                     MigLibvirtConnection  *connection);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigLibvirtEndpoint, mig_libvirt_endpoint_unref)

G_END_DECLS
