/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-block-job-driver.h>

#include "libmig/drivers/libvirt/mig-libvirt-driver-private.h"

G_BEGIN_DECLS

/* What the verbs on a disk need. */
typedef struct
{
  char                *domain;
  char                *target;
  gint64               number;   /* a length or a rate */
  unsigned int         flags;
  gboolean             with_job;
  MigDiskSource       *source;   /* owned; or NULL */
  MigBlockCopyRequest *request;  /* owned; or NULL */
} MigLibvirtBlockCall;

MigLibvirtBlockCall *mig_libvirt_block_call_new  (const char *domain,
                                                  const char *target);
void                 mig_libvirt_block_call_free (gpointer    data);

/* The half of the driver that is MigBlockJobDriver, and those of its slots that only look. */
void             mig_libvirt_block_init       (MigBlockJobDriverInterface  *iface);
MigBlockJobInfo *mig_libvirt_block_get_info   (MigBlockJobDriver           *driver,
                                               MigHost                     *host,
                                               const char                  *domain,
                                               const char                  *target,
                                               GCancellable                *cancellable,
                                               GError                     **error);
gint64           mig_libvirt_block_get_length (MigBlockJobDriver           *driver,
                                               MigHost                     *host,
                                               const char                  *domain,
                                               const char                  *target,
                                               GCancellable                *cancellable,
                                               GError                     **error);
MigDomainInfo   *mig_libvirt_block_look       (MigBlockJobDriver           *driver,
                                               MigHost                     *host,
                                               const char                  *domain,
                                               const char                  *target,
                                               MigBlockJobInfo            **job,
                                               GCancellable                *cancellable,
                                               GError                     **error);

/* The definition with another source, in the format that it states, for one disk; what was known of the files below the
 * disk is left out. NOT_FOUND when there is no such disk. */
char *mig_libvirt_xml_replace_source (const char                  *definition,
                                      const char                  *target,
                                      MigDiskSource               *source,
                                      GError                     **error);

G_END_DECLS
