/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A file as storage pools see it: a directory, and the name in it. */
typedef struct
{
  char *directory;
  char *name;
} MigLibvirtFile;

/* Errors: INVALID_ARGUMENT for what is no plain absolute path, NOT_SUPPORTED for a directory that libvirt must not
 * list. */
gboolean mig_libvirt_file_parse (MigLibvirtFile  *self,
                                 const char      *path,
                                 GError         **error);
void     mig_libvirt_file_clear (MigLibvirtFile  *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MigLibvirtFile, mig_libvirt_file_clear)

G_END_DECLS
