/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include <libmig/mig-job-stats.h>

G_BEGIN_DECLS

/* libvirt's statistics of a job, in bytes, seconds and bytes per second. @type is a virDomainJobType. */
MigJobStats *mig_libvirt_job_stats_new (int                   type,
                                        virTypedParameterPtr  parameters,
                                        int                   n_parameters,
                                        gboolean              completed);

/* The final figures of moves that ended well, by the domain's UUID. They come with an event, after which the source
 * may know the domain no more. Only so many of the newest are kept. */
typedef struct _MigLibvirtHistory MigLibvirtHistory;

MigLibvirtHistory *mig_libvirt_history_new    (guint              max);
void               mig_libvirt_history_free   (MigLibvirtHistory *self);
void               mig_libvirt_history_add    (MigLibvirtHistory *self,
                                               const char        *uuid,
                                               const char        *name,
                                               MigJobStats       *stats);
/* A new move of it begins. */
void               mig_libvirt_history_remove (MigLibvirtHistory *self,
                                               const char        *domain);
/* A new reference, or NULL. */
MigJobStats       *mig_libvirt_history_lookup (MigLibvirtHistory *self,
                                               const char        *domain);

G_END_DECLS
