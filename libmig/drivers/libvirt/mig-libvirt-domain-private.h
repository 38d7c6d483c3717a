/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/drivers/libvirt/mig-libvirt-driver-private.h"

G_BEGIN_DECLS

/* What most verbs need: which domain, and a text or a number besides. */
typedef struct
{
  char  *domain;
  char  *text; /* or NULL */
  double value;
} MigLibvirtDomainCall;

MigLibvirtDomainCall *mig_libvirt_domain_call_new  (const char    *domain,
                                                    const char    *text,
                                                    double         value);
void                  mig_libvirt_domain_call_free (gpointer       data);

/* What libvirt's pair (state, reason) means. */
MigDomainState        mig_libvirt_domain_state_map (int            state,
                                                    int            reason);

/* On a call thread. @job: may be NULL; NONE only when the host says that there is none, at a time at which the domain
 * was in that state. */
gboolean              mig_libvirt_read_state       (virDomainPtr   domain,
                                                    MigDomainState *state,
                                                    MigJobKind     *job,
                                                    GError        **error);
/* 1, 0, or -1 with an error. */
int                   mig_libvirt_read_active      (virDomainPtr   domain,
                                                    GError       **error);
int                   mig_libvirt_read_persistent  (virDomainPtr   domain,
                                                    GError       **error);

/* How much of a domain is read; each takes a question to the daemon, or two. */
typedef enum {
  MIG_LIBVIRT_DEPTH_DISKS, /* its state and its definitions; of its job OTHER is said */
  MIG_LIBVIRT_DEPTH_JOB,   /* and its job */
  MIG_LIBVIRT_DEPTH_ALL,   /* and whether it has snapshots */
} MigLibvirtDepth;

MigDomainInfo        *mig_libvirt_read_domain      (virDomainPtr       domain,
                                                    MigLibvirtDepth    depth,
                                                    GError           **error);

/* Slots of the driver. */
MigDomainInfo        *mig_libvirt_get_domain       (MigComputeDriver  *driver,
                                                    MigHost           *host,
                                                    const char        *domain,
                                                    GCancellable      *cancellable,
                                                    GError           **error);
GPtrArray            *mig_libvirt_get_domains      (MigComputeDriver  *driver,
                                                    MigHost           *host,
                                                    GCancellable      *cancellable,
                                                    GError           **error);
gboolean              mig_libvirt_set_mark         (MigComputeDriver  *driver,
                                                    MigHost           *host,
                                                    const char        *domain,
                                                    const char        *mark,
                                                    GCancellable      *cancellable,
                                                    GError           **error);
gboolean              mig_libvirt_pause            (MigComputeDriver  *driver,
                                                    MigHost           *host,
                                                    const char        *domain,
                                                    GCancellable      *cancellable,
                                                    GError           **error);
gboolean              mig_libvirt_resume           (MigComputeDriver  *driver,
                                                    MigHost           *host,
                                                    const char        *domain,
                                                    GCancellable      *cancellable,
                                                    GError           **error);
gboolean              mig_libvirt_destroy          (MigComputeDriver  *driver,
                                                    MigHost           *host,
                                                    const char        *domain,
                                                    GCancellable      *cancellable,
                                                    GError           **error);
gboolean              mig_libvirt_define           (MigComputeDriver  *driver,
                                                    MigHost           *host,
                                                    const char        *definition,
                                                    GCancellable      *cancellable,
                                                    GError           **error);
gboolean              mig_libvirt_undefine         (MigComputeDriver  *driver,
                                                    MigHost           *host,
                                                    const char        *domain,
                                                    GCancellable      *cancellable,
                                                    GError           **error);

G_END_DECLS
