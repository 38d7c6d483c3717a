/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-host.h>
#include <libmig/mig-migration-options.h>
#include <libmig/mig-operation.h>

G_BEGIN_DECLS

#define MIG_TYPE_MIGRATION_TASK (mig_migration_task_get_type ())

MIG_AVAILABLE_IN_ALL
MIG_DECLARE_CLOSED_TYPE (MigMigrationTask, mig_migration_task, MIG, MIGRATION_TASK)

MIG_AVAILABLE_IN_ALL
MigMigrationTask    *mig_migration_task_new             (MigCluster           *cluster,
                                                         const char           *domain,
                                                         MigHost              *source,
                                                         MigHost              *destination,
                                                         MigMigrationOptions  *options) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
const char          *mig_migration_task_get_domain      (MigMigrationTask     *self);
MIG_AVAILABLE_IN_ALL
MigHost             *mig_migration_task_ref_source      (MigMigrationTask     *self) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigHost             *mig_migration_task_ref_destination (MigMigrationTask     *self) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
gboolean             mig_migration_task_force_complete  (MigMigrationTask     *self,
                                                         GError              **error);

G_END_DECLS
