/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-block-job-driver.h>
#include <libmig/mig-compute-driver.h>
#include <libmig/mig-operation-info.h>
#include <libmig/mig-operation.h>
#include <libmig/mig-state-store.h>
#include <libmig/mig-volume-backend.h>

G_BEGIN_DECLS

#define MIG_TYPE_CLUSTER (mig_cluster_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigCluster, mig_cluster, MIG, CLUSTER, GObject)

MIG_AVAILABLE_IN_ALL
MigCluster       *mig_cluster_new                (MigStateStore        *store,
                                                  MigComputeDriver     *driver) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
gboolean          mig_cluster_configure          (MigCluster           *self,
                                                  const char           *json,
                                                  GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean          mig_cluster_add_host           (MigCluster           *self,
                                                  MigHost              *host,
                                                  GError              **error);
MIG_AVAILABLE_IN_ALL
MigHost          *mig_cluster_find_host          (MigCluster           *self,
                                                  const char           *name,
                                                  GError              **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
GPtrArray        *mig_cluster_list_hosts         (MigCluster           *self) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigStateStore    *mig_cluster_get_store          (MigCluster           *self);
MIG_AVAILABLE_IN_ALL
MigComputeDriver *mig_cluster_get_driver         (MigCluster           *self);
MIG_AVAILABLE_IN_ALL
MigVolumeBackend *mig_cluster_get_volume_backend (MigCluster           *self);

MIG_AVAILABLE_IN_ALL
GPtrArray        *mig_cluster_list_operations    (MigCluster           *self,
                                                  GCancellable         *cancellable,
                                                  GError              **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
char             *mig_cluster_dup_journal        (MigCluster           *self,
                                                  const char           *id,
                                                  GCancellable         *cancellable,
                                                  GError              **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigOperation     *mig_cluster_open_operation     (MigCluster           *self,
                                                  const char           *id,
                                                  GCancellable         *cancellable,
                                                  GError              **error) G_GNUC_WARN_UNUSED_RESULT;

MIG_AVAILABLE_IN_ALL
GPtrArray        *mig_cluster_recover            (MigCluster           *self,
                                                  GCancellable         *cancellable,
                                                  GError              **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
void              mig_cluster_recover_async      (MigCluster           *self,
                                                  GCancellable         *cancellable,
                                                  GAsyncReadyCallback   callback,
                                                  gpointer              user_data);
MIG_AVAILABLE_IN_ALL
GPtrArray        *mig_cluster_recover_finish     (MigCluster           *self,
                                                  GAsyncResult         *result,
                                                  GError              **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
GPtrArray        *mig_cluster_recover_all        (MigCluster           *self,
                                                  GCancellable         *cancellable,
                                                  GError              **error) G_GNUC_WARN_UNUSED_RESULT;

MIG_AVAILABLE_IN_ALL
gboolean          mig_cluster_close              (MigCluster           *self,
                                                  MigCloseMode          mode,
                                                  GCancellable         *cancellable,
                                                  GError              **error);
MIG_AVAILABLE_IN_ALL
void              mig_cluster_close_async        (MigCluster           *self,
                                                  MigCloseMode          mode,
                                                  GCancellable         *cancellable,
                                                  GAsyncReadyCallback   callback,
                                                  gpointer              user_data);
MIG_AVAILABLE_IN_ALL
gboolean          mig_cluster_close_finish       (MigCluster           *self,
                                                  GAsyncResult         *result,
                                                  GError              **error);

G_END_DECLS
