/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_HOST (mig_host_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigHost, mig_host, MIG, HOST, GObject)

MIG_AVAILABLE_IN_ALL
MigHost    *mig_host_new               (const char *name,
                                        const char *uri) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
const char *mig_host_get_name          (MigHost    *self);
MIG_AVAILABLE_IN_ALL
const char *mig_host_get_uri           (MigHost    *self);
MIG_AVAILABLE_IN_ALL
const char *mig_host_get_peer_uri      (MigHost    *self);
MIG_AVAILABLE_IN_ALL
const char *mig_host_get_migration_uri (MigHost    *self);

G_END_DECLS
