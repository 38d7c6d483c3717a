/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_HOST_INFO (mig_host_info_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigHostInfo, mig_host_info, MIG, HOST_INFO, GObject)

MIG_AVAILABLE_IN_ALL
const char *mig_host_info_get_uuid               (MigHostInfo *self);
MIG_AVAILABLE_IN_ALL
const char *mig_host_info_get_hostname           (MigHostInfo *self);
MIG_AVAILABLE_IN_ALL
const char *mig_host_info_get_daemon_incarnation (MigHostInfo *self);
MIG_AVAILABLE_IN_ALL
gint64      mig_host_info_get_free_memory        (MigHostInfo *self);

G_END_DECLS
