/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Threads for calls that cannot be cancelled and may never return. The caller waits for the result, for its
 * cancellable, or for a deadline; past that the call is abandoned: it keeps its thread and what it was given until it
 * returns by itself, if ever. */

typedef struct _MigLibvirtCalls MigLibvirtCalls;

/* Runs on a thread of the pool. NULL means failure, with an error. */
typedef gpointer (*MigLibvirtCallFunc) (gpointer   data,
                                        GError   **error);

/* What a call without a value returns. */
#define MIG_LIBVIRT_DONE GINT_TO_POINTER (TRUE)

/* For threads of ours that may write to a daemon: libvirt does not ask the kernel to leave SIGPIPE out, and the end of
 * a daemon must not be the end of the process. Only the calling thread is concerned. */
void             mig_libvirt_block_sigpipe         (void);

typedef enum {
  MIG_LIBVIRT_CALL_RETURNED,  /* the result, or the call's own error */
  MIG_LIBVIRT_CALL_REFUSED,   /* it never ran: cancelled in time, too many abandoned calls, pool closed */
  MIG_LIBVIRT_CALL_CANCELLED, /* abandoned, because the caller lost interest */
  MIG_LIBVIRT_CALL_LATE,      /* abandoned at its deadline */
} MigLibvirtCallEnd;

/* The calls to one host that were abandoned and have not returned yet. */
typedef struct _MigLibvirtTally MigLibvirtTally;

MigLibvirtTally *mig_libvirt_tally_new             (void);
MigLibvirtTally *mig_libvirt_tally_ref             (MigLibvirtTally     *self);
void             mig_libvirt_tally_unref           (MigLibvirtTally     *self);

/* @max_abandoned: so many calls to one host may be abandoned and still out; with as many every new call to that host is
 * refused with BUSY. */
MigLibvirtCalls *mig_libvirt_calls_new             (guint                max_abandoned);
MigLibvirtCalls *mig_libvirt_calls_ref             (MigLibvirtCalls     *self);
void             mig_libvirt_calls_unref           (MigLibvirtCalls     *self);
void             mig_libvirt_calls_set_max         (MigLibvirtCalls     *self,
                                                    guint                max_abandoned);
/* Calls that were abandoned and have not returned yet. */
guint            mig_libvirt_calls_get_abandoned   (MigLibvirtCalls     *self);
guint            mig_libvirt_calls_get_threads     (MigLibvirtCalls     *self);

/* @tally: of the host that is called. @data and @free_data: what the call reads; it belongs to the call, which frees it
 * on whatever thread it ends. @free_result frees the result of a call that nobody waits for any more. @what names the
 * call in messages ("reading the domain"). @seconds: -1 = for ever. Errors beside the call's own: CANCELLED, TIMED_OUT,
 * BUSY. */
gpointer         mig_libvirt_calls_run             (MigLibvirtCalls     *self,
                                                    MigLibvirtTally     *tally,
                                                    const char          *what,
                                                    MigLibvirtCallFunc   func,
                                                    gpointer             data,
                                                    GDestroyNotify       free_data,
                                                    GDestroyNotify       free_result,
                                                    double               seconds,
                                                    GCancellable        *cancellable,
                                                    MigLibvirtCallEnd   *end,
                                                    GError             **error);
/* A call that nobody waits for, such as closing a connection. Also accepted by a closed pool; when there is no thread
 * to be had, it runs at once. */
void             mig_libvirt_calls_push            (MigLibvirtCalls     *self,
                                                    MigLibvirtCallFunc   func,
                                                    gpointer             data,
                                                    GDestroyNotify       free_data);
/* No new calls; waits until all but the abandoned ones have returned and their threads have gone, at most so many
 * seconds. */
void             mig_libvirt_calls_close           (MigLibvirtCalls     *self,
                                                    double               seconds);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigLibvirtCalls, mig_libvirt_calls_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigLibvirtTally, mig_libvirt_tally_unref)

G_END_DECLS
