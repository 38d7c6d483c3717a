/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <gio/gio.h>

#include "libmig/drivers/libvirt/mig-libvirt-storage-xml-private.h"

#include "libmig/drivers/libvirt/mig-libvirt-document-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-xml-disk-private.h"

/* What identifies the storage behind a pool. */

typedef enum {
  PART_HOST = 1 << 0,
  PART_DIRECTORY = 1 << 1,
  PART_DEVICE = 1 << 2,
  PART_NAME = 1 << 3,
  PART_FORMAT = 1 << 4,
} Part;

/* Types of pools that every host can have, each with the parts of its source that say which storage it is. Pools of any
 * other type are on the host, or cannot be compared: a directory may be on network storage, but nobody says so. */
static const struct
{
  const char *type;
  Part        parts;
} network_types[] = {
  { "gluster", PART_HOST | PART_NAME | PART_DIRECTORY },
  { "iscsi", PART_HOST | PART_DEVICE },
  { "iscsi-direct", PART_HOST | PART_DEVICE },
  { "netfs", PART_HOST | PART_DIRECTORY | PART_FORMAT },
  { "rbd", PART_HOST | PART_NAME },
  { "sheepdog", PART_HOST | PART_NAME },
};

/* Types of pools whose definition says where each volume is. */
static const struct
{
  const char        *type;
  MigDiskSourceKind  kind;
} plain_types[] = {
  { "dir", MIG_DISK_SOURCE_KIND_FILE },
  { "fs", MIG_DISK_SOURCE_KIND_FILE },
  { "netfs", MIG_DISK_SOURCE_KIND_FILE },
  { "vstorage", MIG_DISK_SOURCE_KIND_FILE },
  { "logical", MIG_DISK_SOURCE_KIND_BLOCK },
  { "rbd", MIG_DISK_SOURCE_KIND_NETWORK },
};

static Part
parts_of (const char *type)
{
  for (gsize i = 0; i < G_N_ELEMENTS (network_types); i++)
    {
      if (g_strcmp0 (network_types[i].type, type) == 0)
        return network_types[i].parts;
    }

  return 0;
}

static int
compare_texts (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Pieces are escaped, so that what separates them is never part of one. */
static void
append_part (GString    *place,
             const char *text)
{
  g_string_append_c (place, ' ');
  g_string_append_uri_escaped (place, text != NULL ? text : "", "/:", FALSE);
}

/* A name that means another machine to each who uses it. */
static gboolean
is_loopback (const char *name)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (name);

  if (address != NULL)
    return g_inet_address_get_is_loopback (address) || g_inet_address_get_is_any (address) ||
           g_str_has_prefix (name, "::ffff:127.");

  return *name == '\0' || g_str_equal (name, "localhost") || g_str_has_prefix (name, "localhost.") ||
         g_str_has_suffix (name, ".localhost");
}

/* Several servers of one storage may be listed in any order. FALSE when there is none, or one that says nothing. */
static gboolean
append_hosts (GString *place,
              xmlNode *source)
{
  g_autoptr (GPtrArray) hosts = g_ptr_array_new_with_free_func (g_free);

  for (xmlNode *host = mig_libvirt_document_child (source, "host"); host != NULL;
       host = mig_libvirt_document_next (host))
    {
      g_autofree char *name = mig_libvirt_document_dup_attribute (host, "name");
      g_autofree char *port = mig_libvirt_document_dup_attribute (host, "port");
      g_autofree char *folded = name != NULL ? g_ascii_strdown (name, -1) : NULL;

      if (folded != NULL && is_loopback (folded))
        return FALSE;
      if (folded != NULL)
        g_ptr_array_add (hosts, port != NULL ? g_strdup_printf ("%s:%s", folded, port) : g_strdup (folded));
    }

  g_ptr_array_sort (hosts, compare_texts);
  for (guint i = 0; i < hosts->len; i++)
    append_part (place, g_ptr_array_index (hosts, i));

  return hosts->len > 0;
}

static char *
read_place (xmlNode    *source,
            const char *type)
{
  Part parts = parts_of (type);
  g_autofree char *directory = mig_libvirt_document_dup_attribute (mig_libvirt_document_child (source, "dir"), "path");
  g_autofree char *device = mig_libvirt_document_dup_attribute (mig_libvirt_document_child (source, "device"), "path");
  g_autofree char *format = mig_libvirt_document_dup_attribute (mig_libvirt_document_child (source, "format"), "type");
  g_autofree char *name = mig_libvirt_document_dup_text (mig_libvirt_document_child (source, "name"));
  g_autoptr (GString) place = g_string_new (type);

  if (parts == 0 || !append_hosts (place, source) || ((parts & PART_NAME) != 0 && name == NULL) ||
      ((parts & PART_DEVICE) != 0 && device == NULL) || (parts == parts_of ("netfs") && directory == NULL))
    return NULL;

  if ((parts & PART_NAME) != 0)
    append_part (place, name);
  if ((parts & PART_DEVICE) != 0)
    append_part (place, device);
  if ((parts & PART_DIRECTORY) != 0)
    append_part (place, directory);
  /* Without a format, libvirt lets mount find out, for which it is NFS. */
  if ((parts & PART_FORMAT) != 0)
    append_part (place, format == NULL || g_strcmp0 (format, "auto") == 0 ? "nfs" : format);

  return g_strdup (place->str);
}

/* Reading */

/* @bytes stays as it is when there is no such element. */
static gboolean
read_size (xmlNode     *parent,
           const char  *name,
           gint64      *bytes,
           GError     **error)
{
  xmlNode *node = mig_libvirt_document_child (parent, name);

  return node == NULL || mig_libvirt_document_read_size (node, 1, bytes, error);
}

MigLibvirtPoolInfo *
mig_libvirt_pool_info_parse (const char  *xml,
                             GError     **error)
{
  g_autoptr (xmlDoc) document = mig_libvirt_document_parse (xml, "pool", "the pool's definition", error);
  g_autoptr (MigLibvirtPoolInfo) self = NULL;
  g_autofree char *port = NULL;
  xmlNode *root, *source;

  if (document == NULL)
    return NULL;

  root = xmlDocGetRootElement (document);
  self = g_new0 (MigLibvirtPoolInfo, 1);
  self->name = mig_libvirt_document_dup_text (mig_libvirt_document_child (root, "name"));
  self->type = mig_libvirt_document_dup_attribute (root, "type");
  self->available = -1;
  if (self->name == NULL || self->type == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "the pool's definition makes no sense: it has no %s",
                   self->name == NULL ? "<name>" : "type");
      return NULL;
    }
  if (!read_size (root, "available", &self->available, error))
    return NULL;

  self->target = mig_libvirt_document_dup_text (
    mig_libvirt_document_child (mig_libvirt_document_child (root, "target"), "path"));
  source = mig_libvirt_document_child (root, "source");
  self->source = mig_libvirt_document_dup_text (mig_libvirt_document_child (source, "name"));
  self->server = mig_libvirt_document_dup_attribute (mig_libvirt_document_child (source, "host"), "name");
  port = mig_libvirt_document_dup_attribute (mig_libvirt_document_child (source, "host"), "port");
  self->port = port != NULL ? g_ascii_strtoll (port, NULL, 10) : 0;
  self->place = read_place (source, self->type);

  return g_steal_pointer (&self);
}

void
mig_libvirt_pool_info_free (MigLibvirtPoolInfo *self)
{
  g_free (self->name);
  g_free (self->type);
  g_free (self->target);
  g_free (self->source);
  g_free (self->server);
  g_free (self->place);
  g_free (self);
}

char *
mig_libvirt_pool_info_identify (const MigLibvirtPoolInfo *self,
                                const char               *volume)
{
  g_autoptr (GString) identity = g_string_new (self->place);

  if (self->place == NULL)
    return NULL;

  append_part (identity, volume);

  return g_strdup (identity->str);
}

MigDiskSource *
mig_libvirt_pool_info_locate (const MigLibvirtPoolInfo *self,
                              const char               *volume,
                              const char               *format)
{
  MigDiskSourceKind kind = MIG_DISK_SOURCE_KIND_NONE;
  const char *top;
  g_autofree char *path = NULL;
  gboolean network;

  for (gsize i = 0; i < G_N_ELEMENTS (plain_types); i++)
    {
      if (g_str_equal (plain_types[i].type, self->type))
        kind = plain_types[i].kind;
    }
  network = kind == MIG_DISK_SOURCE_KIND_NETWORK;
  top = network ? self->source : self->target;
  if (kind == MIG_DISK_SOURCE_KIND_NONE || top == NULL)
    return NULL;

  path = g_strdup_printf (network ? "rbd:%s/%s" : "%s/%s", top, volume);

  return g_object_new (MIG_TYPE_DISK_SOURCE,
                       "kind", kind,
                       "path", path,
                       "format", format,
                       "host", network ? self->server : NULL,
                       "port", network ? self->port : (gint64) 0,
                       NULL);
}

gboolean
mig_libvirt_pool_info_is_group (const MigLibvirtPoolInfo *self)
{
  return g_str_equal (self->type, "logical") || g_str_equal (self->type, "zfs");
}

MigLibvirtVolumeInfo *
mig_libvirt_volume_info_parse (const char  *xml,
                               GError     **error)
{
  g_autoptr (xmlDoc) document = mig_libvirt_document_parse (xml, "volume", "the volume's description", error);
  g_autoptr (MigLibvirtVolumeInfo) self = NULL;
  xmlNode *root, *target, *backing;

  if (document == NULL)
    return NULL;

  root = xmlDocGetRootElement (document);
  target = mig_libvirt_document_child (root, "target");
  backing = mig_libvirt_document_child (root, "backingStore");
  self = g_new0 (MigLibvirtVolumeInfo, 1);
  self->name = mig_libvirt_document_dup_text (mig_libvirt_document_child (root, "name"));
  self->type = mig_libvirt_document_dup_attribute (root, "type");
  self->path = mig_libvirt_document_dup_text (mig_libvirt_document_child (target, "path"));
  self->format = mig_libvirt_document_dup_attribute (mig_libvirt_document_child (target, "format"), "type");
  self->encrypted = mig_libvirt_document_child (target, "encryption") != NULL;
  self->backing = mig_libvirt_document_dup_text (mig_libvirt_document_child (backing, "path"));
  self->backing_format = mig_libvirt_document_dup_attribute (mig_libvirt_document_child (backing, "format"), "type");
  self->capacity = self->allocation = self->physical = -1;
  if (!read_size (root, "capacity", &self->capacity, error) ||
      !read_size (root, "allocation", &self->allocation, error) ||
      !read_size (root, "physical", &self->physical, error))
    return NULL;
  if (self->name == NULL || self->capacity < 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "the volume's description makes no sense: it has no <%s>",
                   self->name == NULL ? "name" : "capacity");
      return NULL;
    }

  return g_steal_pointer (&self);
}

void
mig_libvirt_volume_info_free (MigLibvirtVolumeInfo *self)
{
  g_free (self->name);
  g_free (self->path);
  g_free (self->type);
  g_free (self->format);
  g_free (self->backing);
  g_free (self->backing_format);
  g_free (self);
}

MigDiskSource *
mig_libvirt_volume_info_backing (const MigLibvirtVolumeInfo *self)
{
  g_autofree char *path = NULL;
  MigDiskSource *source;

  if (self->backing == NULL)
    return NULL;

  /* A volume may name it from its own directory. */
  path = g_path_is_absolute (self->backing) ? g_canonicalize_filename (self->backing, "/") : g_strdup (self->backing);
  source = mig_disk_source_parse (path, self->backing_format, NULL);
  if (source != NULL)
    return source;

  return mig_disk_source_new (MIG_DISK_SOURCE_KIND_OTHER, path, self->backing_format);
}

gint64
mig_libvirt_volume_info_length (const MigLibvirtVolumeInfo *self,
                                const char                 *format)
{
  return g_strcmp0 (format, "raw") == 0 && self->physical >= 0 ? self->physical : self->capacity;
}

/* Writing */

char *
mig_libvirt_storage_xml_pool (const char  *name,
                              const char  *directory,
                              GError     **error)
{
  g_autoptr (xmlDoc) document = NULL;
  xmlNode *root;

  if (!mig_libvirt_document_check_text (name, "the pool", error) ||
      !mig_libvirt_document_check_text (directory, "the directory", error))
    return NULL;

  document = mig_libvirt_document_new ("pool", NULL);
  root = xmlDocGetRootElement (document);
  mig_libvirt_document_set (root, "type", "dir");
  mig_libvirt_document_add (root, "name", name);
  mig_libvirt_document_add (mig_libvirt_document_add (root, "target", NULL), "path", directory);

  return mig_libvirt_document_to_text (document);
}

static void
add_bytes (xmlNode    *parent,
           const char *name,
           gint64      bytes)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, bytes);

  mig_libvirt_document_set (mig_libvirt_document_add (parent, name, text), "unit", "bytes");
}

char *
mig_libvirt_storage_xml_volume (const char  *name,
                                gint64       capacity,
                                const char  *format,
                                GError     **error)
{
  g_autoptr (xmlDoc) document = NULL;
  xmlNode *root, *target;

  if (!mig_libvirt_document_check_text (name, "the volume", error) ||
      !mig_libvirt_document_check_text (format, "the format", error))
    return NULL;

  document = mig_libvirt_document_new ("volume", NULL);
  root = xmlDocGetRootElement (document);
  mig_libvirt_document_add (root, "name", name);
  add_bytes (root, "capacity", capacity);
  add_bytes (root, "allocation", 0);
  target = mig_libvirt_document_add (root, "target", NULL);
  mig_libvirt_document_set (mig_libvirt_document_add (target, "format", NULL), "type", format);
  /* libvirt's default is the version of 2006, which lacks zero clusters. */
  if (g_strcmp0 (format, "qcow2") == 0)
    mig_libvirt_document_add (target, "compat", "1.1");

  return mig_libvirt_document_to_text (document);
}

char *
mig_libvirt_storage_xml_probe (const char     *name,
                               const char     *uuid,
                               MigDiskSource  *source,
                               GError        **error)
{
  g_autoptr (xmlDoc) document = mig_libvirt_document_new ("domain", NULL);
  xmlNode *root = xmlDocGetRootElement (document);
  xmlNode *devices, *disk, *node;

  mig_libvirt_document_set (root, "type", "qemu");
  mig_libvirt_document_add (root, "name", name);
  mig_libvirt_document_add (root, "uuid", uuid);
  mig_libvirt_document_set (mig_libvirt_document_add (root, "memory", "2"), "unit", "MiB");
  mig_libvirt_document_add (mig_libvirt_document_add (root, "os", NULL), "type", "hvm");
  devices = mig_libvirt_document_add (root, "devices", NULL);

  disk = mig_libvirt_document_add (devices, "disk", NULL);
  if (!mig_libvirt_xml_fill_disk (disk, source, "raw", error))
    return NULL;
  node = mig_libvirt_document_add (disk, "target", NULL);
  mig_libvirt_document_set (node, "dev", "vda");
  mig_libvirt_document_set (node, "bus", "virtio");
  mig_libvirt_document_add (disk, "readonly", NULL);

  node = mig_libvirt_document_add (devices, "controller", NULL);
  mig_libvirt_document_set (node, "type", "usb");
  mig_libvirt_document_set (node, "model", "none");
  mig_libvirt_document_set (mig_libvirt_document_add (devices, "memballoon", NULL), "model", "none");

  return mig_libvirt_document_to_text (document);
}
