/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-xml-disk-private.h"

#include "libmig/drivers/libvirt/mig-libvirt-xml-private.h"

static gboolean
check_disk (MigDiskSource  *source,
            const char     *format,
            GError        **error)
{
  MigDiskSourceKind kind = mig_disk_source_get_kind (source);
  const char *path = mig_disk_source_get_path (source);
  gboolean nbd = kind == MIG_DISK_SOURCE_KIND_NBD;

  if (kind != MIG_DISK_SOURCE_KIND_FILE && kind != MIG_DISK_SOURCE_KIND_BLOCK && !nbd)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "“%s” is neither a file nor a block device nor an NBD "
                   "export", path != NULL ? path : "");
      return FALSE;
    }
  if ((nbd && mig_disk_source_get_host (source) == NULL) || (!nbd && (path == NULL || !g_path_is_absolute (path))))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "“%s” is not %s", path != NULL ? path : "",
                   nbd ? "the export of a named server" : "an absolute path");
      return FALSE;
    }

  return mig_libvirt_document_check_text (path, "the path", error) &&
         mig_libvirt_document_check_text (mig_disk_source_get_host (source), "the server", error) &&
         mig_libvirt_document_check_text (format, "the format", error);
}

static void
add_slice (xmlNode *source,
           gint64   size)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, size);
  xmlNode *slice = mig_libvirt_document_add (mig_libvirt_document_add (source, "slices", NULL), "slice", NULL);

  mig_libvirt_document_set (slice, "type", "storage");
  mig_libvirt_document_set (slice, "offset", "0");
  mig_libvirt_document_set (slice, "size", text);
}

static void
add_server (xmlNode       *parent,
            MigDiskSource *source)
{
  guint number = mig_disk_source_get_port (source);
  g_autofree char *port = number > 0 ? g_strdup_printf ("%u", number) : NULL;
  xmlNode *server = mig_libvirt_document_add (parent, "host", NULL);

  mig_libvirt_document_set (server, "name", mig_disk_source_get_host (source));
  mig_libvirt_document_set (server, "port", port);
}

gboolean
mig_libvirt_xml_fill_disk (xmlNode        *disk,
                           MigDiskSource  *source,
                           const char     *default_format,
                           GError        **error)
{
  const char *format = mig_disk_source_get_format (source) != NULL ? mig_disk_source_get_format (source)
                                                                   : default_format;
  const char *path = mig_disk_source_get_path (source);
  gboolean nbd = mig_disk_source_get_kind (source) == MIG_DISK_SOURCE_KIND_NBD;
  gboolean block = mig_disk_source_get_kind (source) == MIG_DISK_SOURCE_KIND_BLOCK;
  xmlNode *node;

  if (!check_disk (source, format, error))
    return FALSE;

  mig_libvirt_document_set (disk, "type", nbd ? "network" : block ? "block" : "file");
  node = mig_libvirt_document_add (disk, "source", NULL);
  mig_libvirt_document_set (node, "protocol", nbd ? "nbd" : NULL);
  mig_libvirt_document_set (node, nbd ? "name" : block ? "dev" : "file", path);
  if (nbd)
    add_server (node, source);
  if (mig_disk_source_get_slice (source) >= 0)
    add_slice (node, mig_disk_source_get_slice (source));
  if (format != NULL)
    mig_libvirt_document_set (mig_libvirt_document_add (disk, "driver", NULL), "type", format);

  return TRUE;
}

char *
mig_libvirt_xml_disk (MigDiskSource  *source,
                      const char     *default_format,
                      GError        **error)
{
  g_autoptr (xmlDoc) document = mig_libvirt_document_new ("disk", NULL);

  if (!mig_libvirt_xml_fill_disk (xmlDocGetRootElement (document), source, default_format, error))
    return NULL;

  return mig_libvirt_document_to_text (document);
}
