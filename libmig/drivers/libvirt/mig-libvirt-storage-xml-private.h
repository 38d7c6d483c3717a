/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-disk-source.h>

G_BEGIN_DECLS

/* What the pool back end reads of libvirt's documents about storage, and what it writes. No connection is used.
 * Texts of libvirt's that make no sense are CORRUPT; texts that XML cannot say are INVALID_ARGUMENT. */

typedef struct
{
  char   *name;
  char   *type;
  char   *target;    /* the directory of its volumes, or NULL */
  gint64  available; /* bytes; -1 when it is not stated */
  char   *source;    /* the name of what it is made of: a volume group, a pool of Ceph's; or NULL */
  char   *server;    /* the first of its source, or NULL */
  gint64  port;      /* of @server; 0 when it is not stated */
  char   *place;     /* what network storage it is, the same text on every host; NULL for storage of the host's own */
} MigLibvirtPoolInfo;

typedef struct
{
  char     *name;
  char     *path;   /* or NULL */
  char     *type;   /* file, block, dir, network, ... */
  char     *format; /* as the pool probed it, or NULL */
  gint64    capacity;
  gint64    allocation;     /* bytes; -1 when it is not stated */
  gint64    physical;       /* the length of the file or device; -1 when it is not stated */
  char     *backing;        /* the layer below: a path, or whatever the volume says; or NULL */
  char     *backing_format; /* or NULL */
  gboolean  encrypted;
} MigLibvirtVolumeInfo;

MigLibvirtPoolInfo   *mig_libvirt_pool_info_parse      (const char                *xml,
                                                        GError                   **error);
void                  mig_libvirt_pool_info_free       (MigLibvirtPoolInfo        *self);
/* A text that is the same on two hosts exactly when the volume of that name is the same data on both; NULL when that
 * cannot be told. */
char                 *mig_libvirt_pool_info_identify   (const MigLibvirtPoolInfo  *self,
                                                        const char                *volume);
/* Where a guest has the volume of that name, as a disk that states its place itself says it, if that follows from the
 * definition: then the pool need not be active, nor know the volume. NULL when it does not. */
MigDiskSource        *mig_libvirt_pool_info_locate     (const MigLibvirtPoolInfo  *self,
                                                        const char                *volume,
                                                        const char                *format);
/* Whether volumes are made behind its back, by other means than libvirt. libvirt stops a pool whose list it cannot
 * read: to stop one of these takes nothing away from a guest, unlike to end the sessions of iSCSI. */
gboolean              mig_libvirt_pool_info_is_group   (const MigLibvirtPoolInfo  *self);

MigLibvirtVolumeInfo *mig_libvirt_volume_info_parse    (const char                *xml,
                                                        GError                   **error);
void                  mig_libvirt_volume_info_free     (MigLibvirtVolumeInfo      *self);
/* The layer below it; NULL when there is none. */
MigDiskSource        *mig_libvirt_volume_info_backing  (const MigLibvirtVolumeInfo *self);
/* How long a guest sees it that uses it in that format (NULL: the one that was probed). A guest may have written a
 * header of another format into a raw volume: the probed format does not count then. */
gint64                mig_libvirt_volume_info_length   (const MigLibvirtVolumeInfo *self,
                                                        const char                *format);

char                 *mig_libvirt_storage_xml_pool     (const char                *name,
                                                        const char                *directory,
                                                        GError                   **error);
/* Sparse, of that capacity in bytes. */
char                 *mig_libvirt_storage_xml_volume   (const char                *name,
                                                        gint64                     capacity,
                                                        const char                *format,
                                                        GError                   **error);
/* A domain with that disk as vda, to be read only, and nothing else. */
char                 *mig_libvirt_storage_xml_probe    (const char                *name,
                                                        const char                *uuid,
                                                        MigDiskSource             *source,
                                                        GError                   **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigLibvirtPoolInfo, mig_libvirt_pool_info_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigLibvirtVolumeInfo, mig_libvirt_volume_info_free)

G_END_DECLS
