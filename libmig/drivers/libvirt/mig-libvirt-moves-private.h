/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The moves away from one host. Each occupies a worker of the daemon until it has ended, and statistics and aborts need
 * one too: so only so many run at once, and the others wait here, where they can be withdrawn. */

typedef struct _MigLibvirtMoves MigLibvirtMoves;

MigLibvirtMoves *mig_libvirt_moves_new       (guint             max);
MigLibvirtMoves *mig_libvirt_moves_ref       (MigLibvirtMoves  *self);
void             mig_libvirt_moves_unref     (MigLibvirtMoves  *self);
void             mig_libvirt_moves_set_max   (MigLibvirtMoves  *self,
                                              guint             max);
/* Waits for a place. Errors: CANCELLED; FAILED when it was withdrawn. */
gboolean         mig_libvirt_moves_enter     (MigLibvirtMoves  *self,
                                              const char       *domain,
                                              GCancellable     *cancellable,
                                              GError          **error);
/* Likewise; while there is no room, @audit is called every so many seconds, to have it found out whether those who are
 * inside still move: the call of one whose daemon was lost without a sound never returns. */
typedef void (*MigLibvirtAuditFunc) (gpointer data);

gboolean         mig_libvirt_moves_enter_full (MigLibvirtMoves      *self,
                                               const char           *domain,
                                               double                seconds,
                                               MigLibvirtAuditFunc   audit,
                                               gpointer              data,
                                               GCancellable         *cancellable,
                                               GError              **error);
/* However many there are: for one whose guest stands still until it is done. */
void             mig_libvirt_moves_enter_at_once (MigLibvirtMoves *self,
                                                  const char      *domain);
/* For an audit: the domains that have been inside for so long, and were not listed for as long; owned. */
char           **mig_libvirt_moves_list_old  (MigLibvirtMoves  *self,
                                              double            seconds);
/* What the host says of one of them. Twice that it does not move: its place is free. */
void             mig_libvirt_moves_note      (MigLibvirtMoves  *self,
                                              const char       *domain,
                                              gboolean          moving);
void             mig_libvirt_moves_leave     (MigLibvirtMoves  *self,
                                              const char       *domain);
guint            mig_libvirt_moves_get_n_waiting (MigLibvirtMoves *self);
/* TRUE when the domain was waiting: it does not any more. */
gboolean         mig_libvirt_moves_withdraw  (MigLibvirtMoves  *self,
                                              const char       *domain);
/* Waits at most @seconds for the move of a domain that has entered to leave. TRUE while it has not. */
gboolean         mig_libvirt_moves_is_inside (MigLibvirtMoves  *self,
                                              const char       *domain,
                                              double            seconds);

G_END_DECLS
