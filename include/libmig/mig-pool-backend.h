/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-libvirt-driver.h>
#include <libmig/mig-volume-backend.h>

G_BEGIN_DECLS

#define MIG_TYPE_POOL_BACKEND (mig_pool_backend_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigPoolBackend, mig_pool_backend, MIG, POOL_BACKEND, GObject)

MIG_AVAILABLE_IN_ALL
MigVolumeBackend *mig_pool_backend_new (MigLibvirtDriver *driver) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
