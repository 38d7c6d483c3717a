/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-enums.h>
#include <libmig/mig-host.h>

G_BEGIN_DECLS

#define MIG_TYPE_MIGRATE_REQUEST (mig_migrate_request_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigMigrateRequest, mig_migrate_request, MIG, MIGRATE_REQUEST, GObject)

MIG_AVAILABLE_IN_ALL
MigHost            *mig_migrate_request_get_source       (MigMigrateRequest *self);
MIG_AVAILABLE_IN_ALL
MigHost            *mig_migrate_request_get_destination  (MigMigrateRequest *self);
MIG_AVAILABLE_IN_ALL
const char         *mig_migrate_request_get_domain       (MigMigrateRequest *self);
MIG_AVAILABLE_IN_ALL
MigMigrateMode      mig_migrate_request_get_mode         (MigMigrateRequest *self);
MIG_AVAILABLE_IN_ALL
MigMigrateFlags     mig_migrate_request_get_flags        (MigMigrateRequest *self);
MIG_AVAILABLE_IN_ALL
const char * const *mig_migrate_request_get_copy_disks   (MigMigrateRequest *self);
MIG_AVAILABLE_IN_ALL
gint64              mig_migrate_request_get_bandwidth    (MigMigrateRequest *self);
MIG_AVAILABLE_IN_ALL
double              mig_migrate_request_get_max_downtime (MigMigrateRequest *self);
MIG_AVAILABLE_IN_ALL
const char         *mig_migrate_request_get_token        (MigMigrateRequest *self);

MIG_AVAILABLE_IN_ALL
gboolean            mig_migrate_request_is_held          (MigMigrateRequest *self);
MIG_AVAILABLE_IN_ALL
void                mig_migrate_request_set_held         (MigMigrateRequest *self,
                                                          gboolean           held);
MIG_AVAILABLE_IN_ALL
void                mig_migrate_request_set_until        (MigMigrateRequest *self,
                                                          gint64             until);
MIG_AVAILABLE_IN_ALL
gboolean            mig_migrate_request_may_be_sent      (MigMigrateRequest *self);
MIG_AVAILABLE_IN_ALL
gboolean            mig_migrate_request_begin            (MigMigrateRequest *self,
                                                          GCancellable      *cancellable,
                                                          GError           **error);

G_END_DECLS
