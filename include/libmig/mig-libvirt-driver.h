/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-auth-request.h>
#include <libmig/mig-compute-driver.h>

G_BEGIN_DECLS

#define MIG_TYPE_LIBVIRT_DRIVER (mig_libvirt_driver_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigLibvirtDriver, mig_libvirt_driver, MIG, LIBVIRT_DRIVER, GObject)

MIG_AVAILABLE_IN_ALL
MigComputeDriver *mig_libvirt_driver_new                 (void) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
guint             mig_libvirt_driver_get_abandoned_calls (MigLibvirtDriver  *self);
MIG_AVAILABLE_IN_ALL
gboolean          mig_libvirt_start_event_thread         (GError           **error);

G_END_DECLS
