/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/drivers/libvirt/mig-libvirt-driver-private.h"

G_BEGIN_DECLS

/* libvirt counts bandwidth in MiB/s: a limit in bytes per second is rounded up to the next one, and 0, no limit,
 * becomes the most that libvirt takes. */
guint64      mig_libvirt_bandwidth   (double              bytes_per_second);
/* Milliseconds, at least one. */
guint64      mig_libvirt_downtime    (double              seconds);
/* The flags of libvirt that a request comes to. */
unsigned int mig_libvirt_move_flags  (MigMigrateRequest  *request);
gboolean     mig_libvirt_is_peer     (MigMigrateRequest  *request);

/* What the host itself says of a domain's job. */
MigJobStats *mig_libvirt_ask_job     (MigLibvirtEndpoint *endpoint,
                                      const char         *domain,
                                      gboolean            completed,
                                      GCancellable       *cancellable,
                                      GError            **error);

/* Slots of the driver. */
gboolean     mig_libvirt_migrate     (MigComputeDriver   *driver,
                                      MigMigrateRequest  *request,
                                      GCancellable       *cancellable,
                                      GError            **error);
MigJobStats *mig_libvirt_get_job     (MigComputeDriver   *driver,
                                      MigHost            *host,
                                      const char         *domain,
                                      gboolean            completed,
                                      GCancellable       *cancellable,
                                      GError            **error);
gboolean     mig_libvirt_abort_job   (MigComputeDriver   *driver,
                                      MigHost            *host,
                                      const char         *domain,
                                      double              within,
                                      GCancellable       *cancellable,
                                      GError            **error);
gboolean     mig_libvirt_tune        (MigComputeDriver   *driver,
                                      MigHost            *host,
                                      const char         *domain,
                                      MigTunable          tunable,
                                      double              value,
                                      GCancellable       *cancellable,
                                      GError            **error);

G_END_DECLS
