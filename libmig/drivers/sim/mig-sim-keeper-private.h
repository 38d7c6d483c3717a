/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-compute-driver.h>

#include "libmig/drivers/sim/mig-sim-call-private.h"

G_BEGIN_DECLS

/* Who holds the world: one lock around it in the process, a file and a lock around that between processes, the clock,
 * a thread that lets time pass and tells of events, and the faults that this process's calls meet. */

typedef struct _MigSimKeeper MigSimKeeper;

/* @path NULL: in memory. A file that is not there is made. */
MigSimKeeper *mig_sim_keeper_new         (const char        *path,
                                          GError           **error);
void          mig_sim_keeper_unref       (MigSimKeeper      *self);
/* Whose signal tells of events; borrowed, until close. */
void          mig_sim_keeper_set_driver  (MigSimKeeper      *self,
                                          MigComputeDriver  *driver);
void          mig_sim_keeper_set_events  (MigSimKeeper      *self,
                                          gboolean           enabled);
/* Ends the thread, and the connections of this process as its hypervisors see them. No event is on its way after that,
 * unless this is called from one's handler. */
void          mig_sim_keeper_close       (MigSimKeeper      *self);

/* Between these the world is the caller's: at the present moment, and nobody else's. */
MigSimWorld  *mig_sim_keeper_enter       (MigSimKeeper      *self,
                                          GError           **error);
gboolean      mig_sim_keeper_leave       (MigSimKeeper      *self,
                                          GError           **error);
/* Leaves the world written down, and ends the process with it. */
void          mig_sim_keeper_end_process (MigSimKeeper      *self) G_GNUC_NORETURN;
/* Gives the world out of hand until something has changed, or until that time of g_get_monotonic_time(). Pointers into
 * the world are void then. NULL: it could not be got back, and there is nothing to leave. */
MigSimWorld  *mig_sim_keeper_wait        (MigSimKeeper      *self,
                                          gint64             until,
                                          GError           **error);
/* The same, unless cancelled or out of time, which are errors. FALSE: there is nothing to leave. */
gboolean      mig_sim_keeper_wait_for_news (MigSimKeeper    *self,
                                          gint64             deadline,
                                          GCancellable      *cancellable,
                                          const char        *what,
                                          GError           **error);
/* For what is not the world's, but this process's. */
void          mig_sim_keeper_lock        (MigSimKeeper      *self);
void          mig_sim_keeper_unlock      (MigSimKeeper      *self);
/* Wakes those who wait, to look at something else than the world. */
void          mig_sim_keeper_wake        (MigSimKeeper      *self);
const MigSimClient *mig_sim_keeper_get_client (MigSimKeeper *self);
/* Between enter and leave. */
MigSimWorld  *mig_sim_keeper_get_world   (MigSimKeeper      *self);

/* fault.c; takes @call. */
gboolean      mig_sim_keeper_perform     (MigSimKeeper      *self,
                                          MigSimCall        *call,
                                          MigSimReply       *reply,
                                          GCancellable      *cancellable,
                                          GError           **error);
/* Blocks until the migration has ended. */
gboolean      mig_sim_keeper_wait_result (MigSimKeeper      *self,
                                          guint64            id,
                                          GCancellable      *cancellable,
                                          GError           **error);

typedef struct _MigSimFaults MigSimFaults;

MigSimFaults *mig_sim_faults_new         (void);
void          mig_sim_faults_free        (MigSimFaults      *self);
void          mig_sim_faults_add         (MigSimFaults      *self,
                                          const char        *call,
                                          guint              nth,
                                          MigSimFault        fault);
/* Counts the call. FALSE: nothing happens to it. */
gboolean      mig_sim_faults_count       (MigSimFaults      *self,
                                          const char        *call,
                                          MigSimFault       *fault);
gboolean      mig_sim_faults_awaits      (MigSimFaults      *self,
                                          const char        *call);
char        **mig_sim_faults_dup_calls   (MigSimFaults      *self);
guint         mig_sim_faults_get_n_calls (MigSimFaults      *self);
MigSimFaults *mig_sim_keeper_get_faults  (MigSimKeeper      *self);
/* Ends the process as a kill would: nothing is flushed, nobody is told. */
void          mig_sim_end_process        (void) G_GNUC_NORETURN;

/* file.c: the world's file. All with the file's lock held but the first and the last. */
typedef struct _MigSimFile MigSimFile;

MigSimFile   *mig_sim_file_open          (const char        *path,
                                          GError           **error);
void          mig_sim_file_close         (MigSimFile        *self);
gboolean      mig_sim_file_lock          (MigSimFile        *self,
                                          GError           **error);
void          mig_sim_file_unlock        (MigSimFile        *self);
/* Replaces @world when the file holds a younger one. */
gboolean      mig_sim_file_load          (MigSimFile        *self,
                                          MigSimWorld      **world,
                                          GError           **error);
gboolean      mig_sim_file_save          (MigSimFile        *self,
                                          MigSimWorld       *world,
                                          GError           **error);

#define MIG_SIM_SWITCH_OVER "switch-over" /* stands for a call in faults: a migration of this process reaches it */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigSimFile, mig_sim_file_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigSimKeeper, mig_sim_keeper_unref)

G_END_DECLS
