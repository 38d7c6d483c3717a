/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-block-job-driver.h>
#include <libmig/mig-compute-driver.h>
#include <libmig/mig-volume-backend.h>

G_BEGIN_DECLS

#define MIG_TYPE_SIM_DRIVER (mig_sim_driver_get_type ())

/**
 * MIG_SIM_EXIT_STATUS:
 *
 * With what the process ends when a fault of [class@SimDriver] says so.
 *
 * Since: 0.1
 */
#define MIG_SIM_EXIT_STATUS 86

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigSimDriver, mig_sim_driver, MIG, SIM_DRIVER, GObject)

MIG_AVAILABLE_IN_ALL
MigSimDriver  *mig_sim_driver_new            (const char    *world,
                                              GError       **error) G_GNUC_WARN_UNUSED_RESULT;

MIG_AVAILABLE_IN_ALL
gboolean       mig_sim_driver_configure      (MigSimDriver  *self,
                                              const char    *json,
                                              GError       **error);
MIG_AVAILABLE_IN_ALL
gboolean       mig_sim_driver_add_host       (MigSimDriver  *self,
                                              const char    *name,
                                              GError       **error);
MIG_AVAILABLE_IN_ALL
gboolean       mig_sim_driver_add_volume     (MigSimDriver  *self,
                                              const char    *host,
                                              const char    *place,
                                              gint64         capacity,
                                              GError       **error);
MIG_AVAILABLE_IN_ALL
char          *mig_sim_driver_add_domain     (MigSimDriver  *self,
                                              const char    *host,
                                              const char    *name,
                                              const char    *json,
                                              GError       **error) G_GNUC_WARN_UNUSED_RESULT;

MIG_AVAILABLE_IN_ALL
gboolean       mig_sim_driver_set_reachable  (MigSimDriver  *self,
                                              const char    *host,
                                              gboolean       reachable,
                                              GError       **error);
MIG_AVAILABLE_IN_ALL
gboolean       mig_sim_driver_set_link       (MigSimDriver  *self,
                                              const char    *from,
                                              const char    *to,
                                              gint64         rate,
                                              GError       **error);
MIG_AVAILABLE_IN_ALL
gboolean       mig_sim_driver_restart_daemon (MigSimDriver  *self,
                                              const char    *host,
                                              GError       **error);
MIG_AVAILABLE_IN_ALL
void           mig_sim_driver_set_fault      (MigSimDriver  *self,
                                              const char    *call,
                                              guint          nth,
                                              MigSimFault    fault);

MIG_AVAILABLE_IN_ALL
guint          mig_sim_driver_get_n_calls    (MigSimDriver  *self);
MIG_AVAILABLE_IN_ALL
char         **mig_sim_driver_dup_calls      (MigSimDriver  *self) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
char          *mig_sim_driver_dup_world      (MigSimDriver  *self,
                                              GError       **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
char          *mig_sim_driver_dup_violations (MigSimDriver  *self,
                                              GError       **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
gboolean       mig_sim_driver_wait_idle      (MigSimDriver  *self,
                                              double         timeout,
                                              GCancellable  *cancellable,
                                              GError       **error);

G_END_DECLS
