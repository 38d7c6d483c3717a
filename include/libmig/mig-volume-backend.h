/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-host.h>
#include <libmig/mig-volume.h>

G_BEGIN_DECLS

#define MIG_TYPE_VOLUME_BACKEND (mig_volume_backend_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (MigVolumeBackend, mig_volume_backend, MIG, VOLUME_BACKEND, GObject)

/**
 * MigVolumeBackendInterface:
 * @get_name: a short name for messages; never %NULL.
 * @lookup: what is at a source on a host; %MIG_ERROR_NOT_FOUND when it is proved that nothing is there.
 * @create: makes a volume of exactly the stated length; %MIG_ERROR_CONFLICT when something is there already.
 * @remove: deletes a volume; a volume that is not there is a success.
 * @compare: the offset of the first byte in which two volumes differ, or @length; -1 on error.
 * @attach: makes a volume usable by the guests of a host; without this slot it always is.
 * @detach: takes it away from the host again; a volume that is not attached is a success.
 *
 * What a back end of volumes has to do. See [iface@VolumeBackend] for the contract of each slot.
 *
 * Since: 0.1
 */
struct _MigVolumeBackendInterface
{
  GTypeInterface g_iface;

  const char * (*get_name) (MigVolumeBackend  *self);
  MigVolume *  (*lookup)   (MigVolumeBackend  *self,
                            MigHost           *host,
                            MigDiskSource     *source,
                            GCancellable      *cancellable,
                            GError           **error);
  MigVolume *  (*create)   (MigVolumeBackend  *self,
                            MigHost           *host,
                            MigDiskSource     *source,
                            gint64             capacity,
                            const char        *token,
                            GCancellable      *cancellable,
                            GError           **error);
  gboolean     (*remove)   (MigVolumeBackend  *self,
                            MigHost           *host,
                            MigDiskSource     *source,
                            const char        *token,
                            GCancellable      *cancellable,
                            GError           **error);
  gint64       (*compare)  (MigVolumeBackend  *self,
                            MigHost           *host,
                            MigDiskSource     *one,
                            MigDiskSource     *other,
                            gint64             length,
                            GCancellable      *cancellable,
                            GError           **error);
  gboolean     (*attach)   (MigVolumeBackend  *self,
                            MigHost           *host,
                            MigDiskSource     *source,
                            const char        *token,
                            GCancellable      *cancellable,
                            GError           **error);
  gboolean     (*detach)   (MigVolumeBackend  *self,
                            MigHost           *host,
                            MigDiskSource     *source,
                            const char        *token,
                            GCancellable      *cancellable,
                            GError           **error);

  /*< private >*/
  gpointer padding[9];
};

MIG_AVAILABLE_IN_ALL
const char *mig_volume_backend_get_name (MigVolumeBackend  *self);
MIG_AVAILABLE_IN_ALL
MigVolume  *mig_volume_backend_lookup   (MigVolumeBackend  *self,
                                         MigHost           *host,
                                         MigDiskSource     *source,
                                         GCancellable      *cancellable,
                                         GError           **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigVolume  *mig_volume_backend_create   (MigVolumeBackend  *self,
                                         MigHost           *host,
                                         MigDiskSource     *source,
                                         gint64             capacity,
                                         const char        *token,
                                         GCancellable      *cancellable,
                                         GError           **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
gboolean    mig_volume_backend_remove   (MigVolumeBackend  *self,
                                         MigHost           *host,
                                         MigDiskSource     *source,
                                         const char        *token,
                                         GCancellable      *cancellable,
                                         GError           **error);
MIG_AVAILABLE_IN_ALL
gint64      mig_volume_backend_compare  (MigVolumeBackend  *self,
                                         MigHost           *host,
                                         MigDiskSource     *one,
                                         MigDiskSource     *other,
                                         gint64             length,
                                         GCancellable      *cancellable,
                                         GError           **error);
MIG_AVAILABLE_IN_ALL
gboolean    mig_volume_backend_attach   (MigVolumeBackend  *self,
                                         MigHost           *host,
                                         MigDiskSource     *source,
                                         const char        *token,
                                         GCancellable      *cancellable,
                                         GError           **error);
MIG_AVAILABLE_IN_ALL
gboolean    mig_volume_backend_detach   (MigVolumeBackend  *self,
                                         MigHost           *host,
                                         MigDiskSource     *source,
                                         const char        *token,
                                         GCancellable      *cancellable,
                                         GError           **error);

G_END_DECLS
