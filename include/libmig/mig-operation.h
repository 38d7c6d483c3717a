/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-enums.h>
#include <libmig/mig-progress.h>

G_BEGIN_DECLS

#define MIG_TYPE_OPERATION (mig_operation_get_type ())

MIG_AVAILABLE_IN_ALL
MIG_DECLARE_CLOSED_TYPE (MigOperation, mig_operation, MIG, OPERATION)

MIG_AVAILABLE_IN_ALL
gboolean      mig_operation_run           (MigOperation         *self,
                                           GCancellable         *cancellable,
                                           GError              **error);
MIG_AVAILABLE_IN_ALL
void          mig_operation_run_async     (MigOperation         *self,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MIG_AVAILABLE_IN_ALL
gboolean      mig_operation_run_finish    (MigOperation         *self,
                                           GAsyncResult         *result,
                                           GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean      mig_operation_abort         (MigOperation         *self,
                                           GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean      mig_operation_wait          (MigOperation         *self,
                                           GCancellable         *cancellable,
                                           GError              **error);
MIG_AVAILABLE_IN_ALL
void          mig_operation_wait_async    (MigOperation         *self,
                                           GCancellable         *cancellable,
                                           GAsyncReadyCallback   callback,
                                           gpointer              user_data);
MIG_AVAILABLE_IN_ALL
gboolean      mig_operation_wait_finish   (MigOperation         *self,
                                           GAsyncResult         *result,
                                           GError              **error);

MIG_AVAILABLE_IN_ALL
MigCluster   *mig_operation_get_cluster   (MigOperation         *self);
MIG_AVAILABLE_IN_ALL
const char   *mig_operation_get_id        (MigOperation         *self);
MIG_AVAILABLE_IN_ALL
const char   *mig_operation_get_key       (MigOperation         *self);
MIG_AVAILABLE_IN_ALL
const char   *mig_operation_get_kind      (MigOperation         *self);
MIG_AVAILABLE_IN_ALL
char         *mig_operation_dup_subject   (MigOperation         *self) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigPhase      mig_operation_get_phase     (MigOperation         *self);
MIG_AVAILABLE_IN_ALL
MigStatus     mig_operation_get_status    (MigOperation         *self);
MIG_AVAILABLE_IN_ALL
guint         mig_operation_get_attempt   (MigOperation         *self);
MIG_AVAILABLE_IN_ALL
gboolean      mig_operation_can_abort     (MigOperation         *self);
MIG_AVAILABLE_IN_ALL
MigProgress  *mig_operation_ref_progress  (MigOperation         *self) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
GError       *mig_operation_dup_error     (MigOperation         *self) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
char        **mig_operation_dup_debts     (MigOperation         *self) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
GVariant     *mig_operation_dup_result    (MigOperation         *self) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
