/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-cluster.h>

#include "libmig/cluster/mig-keeper-private.h"
#include "libmig/cluster/mig-lease-private.h"
#include "libmig/cluster/mig-turns-private.h"
#include "libmig/saga/mig-engine-private.h"
#include "libmig/saga/mig-operation-record-private.h"

G_BEGIN_DECLS

struct _MigCluster
{
  GObject           parent_instance;

  MigStateStore    *store;
  MigComputeDriver *driver;
  MigEngine        *engine;
  MigTurns         *turns;
  MigKeeper        *keeper;
  gint64            pid;

  GMutex            mutex; /* of what follows; nothing is called out to under it */
  MigVolumeBackend *volume_backend;
  GPtrArray        *hosts;     /* in the order of their coming */
  double            settle_time;
  double            lease_ttl;
  MigLease         *lease;     /* made when the first operation needs it */
  gboolean          holding;   /* it is held */
};

/* The operations that have not ended, oldest first: as mig_cluster_list_operations(), without a look at the others. */
GPtrArray *mig_cluster_list_unfinished (MigCluster    *self,
                                        GCancellable  *cancellable,
                                        GError       **error);
MigOperationRecord *mig_cluster_read_record (MigCluster    *self,
                                             const char    *id,
                                             GCancellable  *cancellable,
                                             GError       **error);
/* INVALID_STATE in a child of the process that made the cluster, INVALID_ARGUMENT when it was made without a store. */
gboolean  mig_cluster_check_usable  (MigCluster  *self,
                                     GError     **error);
/* Made when it is first needed. */
MigLease *mig_cluster_get_lease     (MigCluster  *self);
/* This process owns operations, or may take some: its lease is in the store. */
gboolean  mig_cluster_hold_lease    (MigCluster  *self,
                                     double       margin,
                                     GError     **error);
void      mig_cluster_drop_lease    (MigCluster  *self);

/* Runs what blocks for the task, on a thread of its own: it may take as long as an operation. */
void      mig_cluster_run_task      (GTask       *task,
                                     void       (*func) (GTask *task));

extern const MigEngineHooks mig_cluster_hooks;

G_END_DECLS
