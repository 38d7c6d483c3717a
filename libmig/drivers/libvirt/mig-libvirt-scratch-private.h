/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/* Objects that libmig makes on a host for the time of one call, and that are seen by everybody meanwhile: pools over a
 * directory that has none, and domains that only name a disk. The books say which of them this process uses, so that
 * the last user removes them. What a crash, a broken connection or another process's crash left behind is swept when a
 * host is first used, and after a removal that failed. A sweep may hit what another process is using: it looks again,
 * as everybody does whose object has gone.
 *
 * Their names begin with a prefix and are made of what they are for, so that they are recognised by all processes. */

#define MIG_LIBVIRT_SCRATCH_POOL "libmig-pool-"
#define MIG_LIBVIRT_SCRATCH_DOMAIN "libmig-probe-"

typedef struct _MigLibvirtScratch MigLibvirtScratch;

/* Where a call works: what its functions hand on. */
typedef struct
{
  virConnectPtr      connection;
  MigLibvirtScratch *scratch;
  const char        *host; /* what tells it from others in the books */
} MigLibvirtPlace;

MigLibvirtScratch *mig_libvirt_scratch_new         (void);
MigLibvirtScratch *mig_libvirt_scratch_ref         (MigLibvirtScratch     *self);
void               mig_libvirt_scratch_unref       (MigLibvirtScratch     *self);

/* A UUID that is made of a text: always the same. */
char              *mig_libvirt_scratch_make_uuid   (const char            *text);
gboolean           mig_libvirt_scratch_owns_pool   (virStoragePoolPtr      pool);
/* Whether a domain is one of these, which no list of domains should show. */
gboolean           mig_libvirt_scratch_owns_domain (const char            *name,
                                                    const char            *uuid);

/* Counts a user of a name in, and out: TRUE when that was the last one. */
void               mig_libvirt_scratch_enter       (const MigLibvirtPlace *place,
                                                    const char            *name);
gboolean           mig_libvirt_scratch_leave       (const MigLibvirtPlace *place,
                                                    const char            *name);
/* Something could not be removed there. */
void               mig_libvirt_scratch_soil        (const MigLibvirtPlace *place);
/* On a call thread: removes what was left behind. Does nothing when there is no reason to look. */
void               mig_libvirt_scratch_sweep       (const MigLibvirtPlace *place);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigLibvirtScratch, mig_libvirt_scratch_unref)

G_END_DECLS
