/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>

#include "libmig/drivers/libvirt/mig-libvirt-scratch-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-storage-xml-private.h"

G_BEGIN_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC (virStoragePool, virStoragePoolFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (virStorageVol, virStorageVolFree)

typedef enum {
  MIG_LIBVIRT_POOL_DONE,
  MIG_LIBVIRT_POOL_FAILED,
  MIG_LIBVIRT_POOL_GONE, /* somebody removed the pool, or writes in it: look again */
} MigLibvirtPoolEnd;

/* Works in a pool. It may be called again with another pool over the same directory when this one goes away under it:
 * then it returns GONE, and keeps in @data what it has done so far. */
typedef MigLibvirtPoolEnd (*MigLibvirtPoolFunc) (virStoragePoolPtr  pool,
                                                 gpointer           data,
                                                 GError           **error);

/* On a call thread: runs a function in the pool over a directory, with its list just read: an active one of the
 * host's, or else one made for this. The directory itself is never made or removed.
 *
 * Errors beside the function's own: NOT_FOUND when there is no such directory, INVALID_STATE when a pool that is not
 * active is defined over it, BUSY when the pool is too busy to be read for long, and libvirt's. */
gboolean          mig_libvirt_pool_run    (const MigLibvirtPlace  *place,
                                           const char             *directory,
                                           MigLibvirtPoolFunc      func,
                                           gpointer                data,
                                           GError                **error);

/* For such functions: sets the error of a call of libvirt's that has just failed ("Cannot <what>"), and says whether
 * the pool has gone. */
MigLibvirtPoolEnd mig_libvirt_pool_failed (virStoragePoolPtr       pool,
                                           const char             *what,
                                           GError                **error);

/* What its definition says. */
MigLibvirtPoolInfo *mig_libvirt_pool_read  (virStoragePoolPtr      pool,
                                            GError               **error);

/* Reads the list of volumes anew. libvirt stops a pool whose list it cannot read, and it was we who asked: one that is
 * defined is started again. */
MigLibvirtPoolEnd mig_libvirt_pool_refresh (virStoragePoolPtr      pool,
                                            GError               **error);

/* Fails with INVALID_STATE when a pool that is not active has that directory, or one above it: what is not seen there
 * is not proved absent. */
gboolean          mig_libvirt_pool_check_asleep (const MigLibvirtPlace  *place,
                                                 const char             *path,
                                                 GError                **error);

G_END_DECLS
