/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-enums.h>
#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_DISK_SOURCE (mig_disk_source_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigDiskSource, mig_disk_source, MIG, DISK_SOURCE, GObject)

MIG_AVAILABLE_IN_ALL
MigDiskSource    *mig_disk_source_new        (MigDiskSourceKind  kind,
                                              const char        *path,
                                              const char        *format) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigDiskSource    *mig_disk_source_parse      (const char        *text,
                                              const char        *format,
                                              GError           **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigDiskSourceKind mig_disk_source_get_kind   (MigDiskSource     *self);
MIG_AVAILABLE_IN_ALL
const char       *mig_disk_source_get_path   (MigDiskSource     *self);
MIG_AVAILABLE_IN_ALL
const char       *mig_disk_source_get_format (MigDiskSource     *self);
MIG_AVAILABLE_IN_ALL
const char       *mig_disk_source_get_host   (MigDiskSource     *self);
MIG_AVAILABLE_IN_ALL
guint             mig_disk_source_get_port   (MigDiskSource     *self);
MIG_AVAILABLE_IN_ALL
gint64            mig_disk_source_get_slice  (MigDiskSource     *self);
MIG_AVAILABLE_IN_ALL
gboolean          mig_disk_source_equal      (MigDiskSource     *self,
                                              MigDiskSource     *other);
MIG_AVAILABLE_IN_ALL
char             *mig_disk_source_to_string  (MigDiskSource     *self) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
