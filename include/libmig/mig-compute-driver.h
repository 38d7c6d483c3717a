/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-domain-info.h>
#include <libmig/mig-host-info.h>
#include <libmig/mig-job-stats.h>
#include <libmig/mig-migrate-request.h>

G_BEGIN_DECLS

#define MIG_TYPE_COMPUTE_DRIVER (mig_compute_driver_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (MigComputeDriver, mig_compute_driver, MIG, COMPUTE_DRIVER, GObject)

/**
 * MigComputeDriverInterface::get_domains:
 *
 * Does the work of [method@ComputeDriver.list_domains]. It has another name because bindings pass on what it returns in
 * another way: an implementer gives the objects away, while a caller owns the array only.
 *
 * Returns: (transfer full) (element-type MigDomainInfo): the domains, or %NULL with an error
 *
 * Since: 0.1
 */

/**
 * MigComputeDriverInterface:
 * @event: signal: something happened to a domain; may come from any thread.
 * @get_name: a short name for messages; never %NULL.
 * @get_host_info: facts about a host; also the test whether it answers.
 * @get_domain: one domain by UUID, else by name; %MIG_ERROR_NOT_FOUND when it is proved absent.
 * @set_mark: writes or removes (%NULL) the ownership mark in the domain's metadata.
 * @migrate: starts a migration and blocks until the call has returned. What it returns is never the verdict.
 * @get_job: statistics of the domain's job; with @completed those of the last one that ended well.
 * @abort_job: asks for the end of the domain's job and returns at once; not later than @within seconds from now.
 * @tune: changes a running migration: downtime limit, bandwidth, or the switch to post-copy.
 * @pause: stops the guest's processors.
 * @resume: lets the guest's processors run.
 * @destroy: ends a domain at once; %MIG_ERROR_NOT_FOUND when there is none.
 * @define: writes a persistent definition.
 * @undefine: removes the persistent definition of a domain that is not running.
 * @get_domains: every domain of a host, running or only defined: what a volume is used by can be told from it.
 *
 * What a hypervisor driver has to do. See [iface@ComputeDriver] for the contract of each slot.
 *
 * Since: 0.1
 */
struct _MigComputeDriverInterface
{
  GTypeInterface g_iface;

  /* Signals */
  void            (*event)         (MigComputeDriver   *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    MigDriverEvent      event,
                                    const char         *detail);

  /* Virtual table */
  const char *    (*get_name)      (MigComputeDriver   *self);
  MigHostInfo *   (*get_host_info) (MigComputeDriver   *self,
                                    MigHost            *host,
                                    GCancellable       *cancellable,
                                    GError            **error);
  MigDomainInfo * (*get_domain)    (MigComputeDriver   *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    GCancellable       *cancellable,
                                    GError            **error);
  gboolean        (*set_mark)      (MigComputeDriver   *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    const char         *mark,
                                    GCancellable       *cancellable,
                                    GError            **error);
  gboolean        (*migrate)       (MigComputeDriver   *self,
                                    MigMigrateRequest  *request,
                                    GCancellable       *cancellable,
                                    GError            **error);
  MigJobStats *   (*get_job)       (MigComputeDriver   *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    gboolean            completed,
                                    GCancellable       *cancellable,
                                    GError            **error);
  gboolean        (*abort_job)     (MigComputeDriver   *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    double              within,
                                    GCancellable       *cancellable,
                                    GError            **error);
  gboolean        (*tune)          (MigComputeDriver   *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    MigTunable          tunable,
                                    double              value,
                                    GCancellable       *cancellable,
                                    GError            **error);
  gboolean        (*pause)         (MigComputeDriver   *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    GCancellable       *cancellable,
                                    GError            **error);
  gboolean        (*resume)        (MigComputeDriver   *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    GCancellable       *cancellable,
                                    GError            **error);
  gboolean        (*destroy)       (MigComputeDriver   *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    GCancellable       *cancellable,
                                    GError            **error);
  gboolean        (*define)        (MigComputeDriver   *self,
                                    MigHost            *host,
                                    const char         *definition,
                                    GCancellable       *cancellable,
                                    GError            **error);
  gboolean        (*undefine)      (MigComputeDriver   *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    GCancellable       *cancellable,
                                    GError            **error);
  GPtrArray *     (*get_domains)   (MigComputeDriver   *self,
                                    MigHost            *host,
                                    GCancellable       *cancellable,
                                    GError            **error);

  /*< private >*/
  gpointer padding[7];
};

MIG_AVAILABLE_IN_ALL
const char      *mig_compute_driver_get_name      (MigComputeDriver    *self);
MIG_AVAILABLE_IN_ALL
MigHostInfo     *mig_compute_driver_get_host_info (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   GCancellable        *cancellable,
                                                   GError             **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigDomainInfo   *mig_compute_driver_get_domain    (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   const char          *domain,
                                                   GCancellable        *cancellable,
                                                   GError             **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
gboolean         mig_compute_driver_set_mark      (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   const char          *domain,
                                                   const char          *mark,
                                                   GCancellable        *cancellable,
                                                   GError             **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_compute_driver_migrate       (MigComputeDriver    *self,
                                                   MigMigrateRequest   *request,
                                                   GCancellable        *cancellable,
                                                   GError             **error);
MIG_AVAILABLE_IN_ALL
MigJobStats     *mig_compute_driver_get_job       (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   const char          *domain,
                                                   gboolean             completed,
                                                   GCancellable        *cancellable,
                                                   GError             **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
gboolean         mig_compute_driver_abort_job     (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   const char          *domain,
                                                   double               within,
                                                   GCancellable        *cancellable,
                                                   GError             **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_compute_driver_tune          (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   const char          *domain,
                                                   MigTunable           tunable,
                                                   double               value,
                                                   GCancellable        *cancellable,
                                                   GError             **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_compute_driver_pause         (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   const char          *domain,
                                                   GCancellable        *cancellable,
                                                   GError             **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_compute_driver_resume        (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   const char          *domain,
                                                   GCancellable        *cancellable,
                                                   GError             **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_compute_driver_destroy       (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   const char          *domain,
                                                   GCancellable        *cancellable,
                                                   GError             **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_compute_driver_define        (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   const char          *definition,
                                                   GCancellable        *cancellable,
                                                   GError             **error);
MIG_AVAILABLE_IN_ALL
gboolean         mig_compute_driver_undefine      (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   const char          *domain,
                                                   GCancellable        *cancellable,
                                                   GError             **error);
MIG_AVAILABLE_IN_ALL
GPtrArray       *mig_compute_driver_list_domains  (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   GCancellable        *cancellable,
                                                   GError             **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
void             mig_compute_driver_emit_event    (MigComputeDriver    *self,
                                                   MigHost             *host,
                                                   const char          *domain,
                                                   MigDriverEvent       event,
                                                   const char          *detail);

G_END_DECLS
