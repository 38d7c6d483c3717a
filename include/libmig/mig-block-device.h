/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-block-copy-request.h>
#include <libmig/mig-block-job-info.h>
#include <libmig/mig-cluster.h>
#include <libmig/mig-volume-swap.h>

G_BEGIN_DECLS

#define MIG_TYPE_BLOCK_DEVICE (mig_block_device_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigBlockDevice, mig_block_device, MIG, BLOCK_DEVICE, GObject)

MIG_AVAILABLE_IN_ALL
MigBlockDevice  *mig_block_device_new             (MigCluster           *cluster,
                                                   MigHost              *host,
                                                   const char           *domain,
                                                   const char           *target) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigHost         *mig_block_device_get_host        (MigBlockDevice       *self);
MIG_AVAILABLE_IN_ALL
const char      *mig_block_device_get_domain      (MigBlockDevice       *self);
MIG_AVAILABLE_IN_ALL
const char      *mig_block_device_get_target      (MigBlockDevice       *self);

MIG_AVAILABLE_IN_ALL
gboolean         mig_block_device_copy            (MigBlockDevice       *self,
                                                   MigDiskSource        *destination,
                                                   MigBlockCopyFlags     flags,
                                                   gint64                bandwidth,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_device_rebase          (MigBlockDevice       *self,
                                                   const char           *base,
                                                   MigBlockCopyFlags     flags,
                                                   gint64                bandwidth,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_device_commit          (MigBlockDevice       *self,
                                                   const char           *base,
                                                   const char           *top,
                                                   MigBlockCopyFlags     flags,
                                                   gint64                bandwidth,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_device_abort_job       (MigBlockDevice       *self,
                                                   MigBlockAbortFlags    flags,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_device_pivot           (MigBlockDevice       *self,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
MIG_AVAILABLE_IN_ALL
MigBlockJobInfo *mig_block_device_get_job_info    (MigBlockDevice       *self,
                                                   GCancellable         *cancellable,
                                                   GError              **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_device_is_job_complete (MigBlockDevice       *self,
                                                   gboolean             *complete,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_device_wait_ready      (MigBlockDevice       *self,
                                                   double                timeout,
                                                   GCancellable         *cancellable,
                                                   GError              **error);

MIG_AVAILABLE_IN_ALL
gboolean         mig_block_device_set_bandwidth   (MigBlockDevice       *self,
                                                   gint64                bandwidth,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_device_resize          (MigBlockDevice       *self,
                                                   gint64                length,
                                                   GCancellable         *cancellable,
                                                   GError              **error);

MIG_AVAILABLE_IN_ALL
MigVolumeSwap   *mig_block_device_new_swap        (MigBlockDevice       *self,
                                                   MigDiskSource        *destination,
                                                   MigSwapOptions       *options,
                                                   const char           *key) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_device_swap            (MigBlockDevice       *self,
                                                   MigDiskSource        *destination,
                                                   MigSwapOptions       *options,
                                                   GCancellable         *cancellable,
                                                   GError              **error);
MIG_AVAILABLE_IN_ALL
void             mig_block_device_swap_async      (MigBlockDevice       *self,
                                                   MigDiskSource        *destination,
                                                   MigSwapOptions       *options,
                                                   GCancellable         *cancellable,
                                                   GAsyncReadyCallback   callback,
                                                   gpointer              user_data);
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_device_swap_finish     (MigBlockDevice       *self,
                                                   GAsyncResult         *result,
                                                   GError              **error);

G_END_DECLS
