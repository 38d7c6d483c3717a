/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-block-copy-request.h>
#include <libmig/mig-block-job-info.h>
#include <libmig/mig-domain-info.h>

G_BEGIN_DECLS

#define MIG_TYPE_BLOCK_JOB_DRIVER (mig_block_job_driver_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (MigBlockJobDriver, mig_block_job_driver, MIG, BLOCK_JOB_DRIVER, GObject)

/**
 * MigBlockJobDriverInterface:
 * @start: starts a copy, rebase or commit of one disk and returns once the job exists.
 * @abort: ends the disk's job: cancels it, or pivots to the copy; %MIG_ERROR_NOT_FOUND when the disk has no job.
 * @get_info: the disk's job; a job of kind %MIG_BLOCK_JOB_KIND_NONE when there is none.
 * @set_bandwidth: changes the limit of the running job, in bytes per second; 0 is no limit.
 * @resize: sets the length of the guest's disk, in bytes.
 * @get_length: the length of the guest's disk as the guest sees it, in bytes; -1 on error.
 * @define_source: writes another source of the disk into the persistent definition.
 * @look: optional: the domain, and with @job the disk's job, for less than two questions take.
 *
 * What a driver of block jobs has to do. See [iface@BlockJobDriver] for the contract of each slot. Events of block
 * jobs come by the `event` signal of [iface@ComputeDriver] of the same object.
 *
 * Since: 0.1
 */
struct _MigBlockJobDriverInterface
{
  GTypeInterface g_iface;

  gboolean          (*start)         (MigBlockJobDriver    *self,
                                      MigBlockCopyRequest  *request,
                                      GCancellable         *cancellable,
                                      GError              **error);
  gboolean          (*abort)         (MigBlockJobDriver    *self,
                                      MigHost              *host,
                                      const char           *domain,
                                      const char           *target,
                                      MigBlockAbortFlags    flags,
                                      GCancellable         *cancellable,
                                      GError              **error);
  MigBlockJobInfo * (*get_info)      (MigBlockJobDriver    *self,
                                      MigHost              *host,
                                      const char           *domain,
                                      const char           *target,
                                      GCancellable         *cancellable,
                                      GError              **error);
  gboolean          (*set_bandwidth) (MigBlockJobDriver    *self,
                                      MigHost              *host,
                                      const char           *domain,
                                      const char           *target,
                                      gint64                bandwidth,
                                      GCancellable         *cancellable,
                                      GError              **error);
  gboolean          (*resize)        (MigBlockJobDriver    *self,
                                      MigHost              *host,
                                      const char           *domain,
                                      const char           *target,
                                      gint64                length,
                                      GCancellable         *cancellable,
                                      GError              **error);
  gint64            (*get_length)    (MigBlockJobDriver    *self,
                                      MigHost              *host,
                                      const char           *domain,
                                      const char           *target,
                                      GCancellable         *cancellable,
                                      GError              **error);
  gboolean          (*define_source) (MigBlockJobDriver    *self,
                                      MigHost              *host,
                                      const char           *domain,
                                      const char           *target,
                                      MigDiskSource        *source,
                                      GCancellable         *cancellable,
                                      GError              **error);
  /**
   * MigBlockJobDriverInterface::look:
   * @job: (out) (optional) (nullable) (transfer full): the disk's job
   */
  MigDomainInfo *   (*look)          (MigBlockJobDriver    *self,
                                      MigHost              *host,
                                      const char           *domain,
                                      const char           *target,
                                      MigBlockJobInfo     **job,
                                      GCancellable         *cancellable,
                                      GError              **error);

  /*< private >*/
  gpointer padding[6];
};

MIG_AVAILABLE_IN_ALL
gboolean         mig_block_job_driver_start         (MigBlockJobDriver    *self,
                                                     MigBlockCopyRequest  *request,
                                                     GCancellable         *cancellable,
                                                     GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_job_driver_abort         (MigBlockJobDriver    *self,
                                                     MigHost              *host,
                                                     const char           *domain,
                                                     const char           *target,
                                                     MigBlockAbortFlags    flags,
                                                     GCancellable         *cancellable,
                                                     GError              **error);
MIG_AVAILABLE_IN_ALL
MigBlockJobInfo *mig_block_job_driver_get_info      (MigBlockJobDriver    *self,
                                                     MigHost              *host,
                                                     const char           *domain,
                                                     const char           *target,
                                                     GCancellable         *cancellable,
                                                     GError              **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_job_driver_set_bandwidth (MigBlockJobDriver    *self,
                                                     MigHost              *host,
                                                     const char           *domain,
                                                     const char           *target,
                                                     gint64                bandwidth,
                                                     GCancellable         *cancellable,
                                                     GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_job_driver_resize        (MigBlockJobDriver    *self,
                                                     MigHost              *host,
                                                     const char           *domain,
                                                     const char           *target,
                                                     gint64                length,
                                                     GCancellable         *cancellable,
                                                     GError              **error);
MIG_AVAILABLE_IN_ALL
gint64           mig_block_job_driver_get_length    (MigBlockJobDriver    *self,
                                                     MigHost              *host,
                                                     const char           *domain,
                                                     const char           *target,
                                                     GCancellable         *cancellable,
                                                     GError              **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_block_job_driver_define_source (MigBlockJobDriver    *self,
                                                     MigHost              *host,
                                                     const char           *domain,
                                                     const char           *target,
                                                     MigDiskSource        *source,
                                                     GCancellable         *cancellable,
                                                     GError              **error);
MIG_AVAILABLE_IN_ALL
MigDomainInfo   *mig_block_job_driver_look          (MigBlockJobDriver    *self,
                                                     MigHost              *host,
                                                     const char           *domain,
                                                     const char           *target,
                                                     MigBlockJobInfo     **job,
                                                     GCancellable         *cancellable,
                                                     GError              **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
