/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-cluster.h>
#include <libmig/mig-migration-task.h>

#include "libmig/model/mig-migration-options-private.h"
#include "libmig/saga/mig-operation-private.h"

G_BEGIN_DECLS

#define MIG_MIGRATION_TASK_KIND "live-migration"

/* The task of an operation that is in the store: what recovery and observers run or look at. */
MigOperation        *mig_migration_task_revive       (MigCluster        *cluster,
                                                      const char        *id,
                                                      const char        *key,
                                                      MigFacts          *request,
                                                      GError           **error);

/* What the steps run by: the copy that was taken when the task began to run. */
MigMigrationOptions *mig_migration_task_get_options  (MigMigrationTask  *self);

/* The host of that name: the one that the task was given, else the cluster's. */
MigHost             *mig_migration_task_find_host    (MigMigrationTask  *self,
                                                      const char        *name,
                                                      GError           **error);

/* What a step has found or chosen. */
void                 mig_migration_task_set_source      (MigMigrationTask *self,
                                                         MigHost          *source);
void                 mig_migration_task_set_destination (MigMigrationTask *self,
                                                         MigHost          *destination);

/* What comes before the transfer has been done by this process: it may make the call, once. A task that finds the
 * transfer begun by another process, or has made its call, only watches. */
void                 mig_migration_task_allow_start     (MigMigrationTask *self);
gboolean             mig_migration_task_take_start      (MigMigrationTask *self);

G_END_DECLS
