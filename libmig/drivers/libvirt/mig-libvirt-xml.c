/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-xml-private.h"

#include "libmig/drivers/libvirt/mig-libvirt-document-private.h"

#define KIB 1024
#define NBD_PORT 10809 /* assigned by IANA; libvirt's default too */

/* Reading sources of disks */

static gboolean
parse_number (const char *text,
              gint64     *number)
{
  guint64 value;

  if (text == NULL || !g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, &value, NULL))
    return FALSE;

  *number = (gint64) value;

  return TRUE;
}

/* The length of the piece that a disk is limited to; -1 without a limit. A piece that begins further on is no source
 * that this version knows. */
static gint64
read_slice (xmlNode           *source,
            MigDiskSourceKind *kind)
{
  xmlNode *slice = mig_libvirt_document_child (mig_libvirt_document_child (source, "slices"), "slice");
  g_autofree char *text = mig_libvirt_document_dup_attribute (slice, "size");
  g_autofree char *offset_text = mig_libvirt_document_dup_attribute (slice, "offset");
  gint64 size = -1, offset = 0;

  if (!parse_number (text, &size))
    return -1;
  if (offset_text != NULL && (!parse_number (offset_text, &offset) || offset != 0))
    *kind = MIG_DISK_SOURCE_KIND_OTHER;

  return size;
}

static MigDiskSource *
read_network_source (xmlNode    *source,
                     const char *format)
{
  xmlNode *server = mig_libvirt_document_child (source, "host");
  g_autofree char *protocol = mig_libvirt_document_dup_attribute (source, "protocol");
  g_autofree char *path = mig_libvirt_document_dup_attribute (source, "name");
  g_autofree char *host = mig_libvirt_document_dup_attribute (server, "name");
  g_autofree char *socket = mig_libvirt_document_dup_attribute (server, "socket");
  g_autofree char *port_text = mig_libvirt_document_dup_attribute (server, "port");
  gboolean nbd = g_strcmp0 (protocol, "nbd") == 0 && host != NULL;
  MigDiskSourceKind kind = nbd ? MIG_DISK_SOURCE_KIND_NBD : MIG_DISK_SOURCE_KIND_NETWORK;
  gint64 slice = read_slice (source, &kind);
  g_autofree char *place = NULL;
  gint64 port = 0;

  place = nbd ? g_strdup (path != NULL ? path : "")
              : g_strdup_printf ("%s:%s", protocol != NULL ? protocol : "", path != NULL ? path : "");
  if (!parse_number (port_text, &port) && nbd)
    port = NBD_PORT;

  return g_object_new (MIG_TYPE_DISK_SOURCE,
                       "kind", kind,
                       "path", place,
                       "format", format,
                       "host", host != NULL ? host : socket,
                       "port", port,
                       "slice", slice,
                       NULL);
}

static MigDiskSource *
read_volume_source (xmlNode                  *source,
                    const char               *format,
                    const MigLibvirtResolver *resolver)
{
  g_autofree char *pool = mig_libvirt_document_dup_attribute (source, "pool");
  g_autofree char *volume = mig_libvirt_document_dup_attribute (source, "volume");
  g_autofree char *path = NULL;
  MigDiskSource *found = NULL;

  if (pool == NULL || volume == NULL)
    return NULL;

  if (resolver != NULL)
    found = resolver->find_volume (pool, volume, format, resolver->data);
  if (found != NULL)
    return found;

  path = g_strdup_printf ("%s/%s", pool, volume);

  return g_object_new (MIG_TYPE_DISK_SOURCE, "kind", MIG_DISK_SOURCE_KIND_OTHER, "path", path, "format", format, NULL);
}

/* What this version does not know; the path is whatever tells it from others. */
static MigDiskSource *
read_other_source (xmlNode    *source,
                   const char *format)
{
  static const char *const names[] = { "dir", "path", "dev", "file", "name" };
  g_autofree char *path = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (names) && path == NULL; i++)
    path = mig_libvirt_document_dup_attribute (source, names[i]);

  return g_object_new (MIG_TYPE_DISK_SOURCE, "kind", MIG_DISK_SOURCE_KIND_OTHER, "path", path, "format", format, NULL);
}

static MigDiskSource *
read_local_source (xmlNode           *source,
                   MigDiskSourceKind  kind,
                   const char        *format)
{
  g_autofree char *path = mig_libvirt_document_dup_attribute (source,
                                                              kind == MIG_DISK_SOURCE_KIND_FILE ? "file" : "dev");
  gint64 slice = read_slice (source, &kind);

  return path == NULL ? NULL : g_object_new (MIG_TYPE_DISK_SOURCE, "kind", kind, "path", path, "format", format,
                                             "slice", slice, NULL);
}

/* NULL when there is none, as in an empty drive. */
static MigDiskSource *
read_source (xmlNode                  *source,
             const char               *type,
             const char               *format,
             const MigLibvirtResolver *resolver)
{
  if (source == NULL)
    return NULL;
  if (g_strcmp0 (type, "file") == 0)
    return read_local_source (source, MIG_DISK_SOURCE_KIND_FILE, format);
  if (g_strcmp0 (type, "block") == 0)
    return read_local_source (source, MIG_DISK_SOURCE_KIND_BLOCK, format);
  if (g_strcmp0 (type, "network") == 0)
    return read_network_source (source, format);
  if (g_strcmp0 (type, "volume") == 0)
    return read_volume_source (source, format, resolver);

  return read_other_source (source, format);
}

/* A <mirror> or a <backingStore>: both state the type, the format and the source. */
static MigDiskSource *
read_layer (xmlNode                  *layer,
            const MigLibvirtResolver *resolver)
{
  g_autofree char *type = mig_libvirt_document_dup_attribute (layer, "type");
  g_autofree char *format = mig_libvirt_document_dup_attribute (mig_libvirt_document_child (layer, "format"), "type");

  return read_source (mig_libvirt_document_child (layer, "source"), type, format, resolver);
}

/* Reading disks */

static GPtrArray *
read_backing_chain (xmlNode                  *disk,
                    const MigLibvirtResolver *resolver)
{
  g_autoptr (GPtrArray) chain = g_ptr_array_new_with_free_func (g_object_unref);

  for (xmlNode *layer = mig_libvirt_document_child (disk, "backingStore"); layer != NULL;
       layer = mig_libvirt_document_child (layer, "backingStore"))
    {
      MigDiskSource *source = read_layer (layer, resolver);

      if (source == NULL)
        break;
      g_ptr_array_add (chain, source);
    }

  return g_steal_pointer (&chain);
}

static gboolean
says_encrypted (xmlNode *layer)
{
  return mig_libvirt_document_child (layer, "encryption") != NULL ||
         mig_libvirt_document_child (mig_libvirt_document_child (layer, "source"), "encryption") != NULL;
}

/* The disk's own layer, or one below it. */
static gboolean
is_encrypted (xmlNode *disk)
{
  for (xmlNode *layer = disk; layer != NULL; layer = mig_libvirt_document_child (layer, "backingStore"))
    if (says_encrypted (layer))
      return TRUE;

  return FALSE;
}

static MigDisk *
read_disk (xmlNode                   *node,
           const MigLibvirtResolver  *resolver,
           GError                   **error)
{
  xmlNode *source_node = mig_libvirt_document_child (node, "source");
  xmlNode *mirror_node = mig_libvirt_document_child (node, "mirror");
  g_autofree char *type = mig_libvirt_document_dup_attribute (node, "type");
  g_autofree char *device = mig_libvirt_document_dup_attribute (node, "device");
  g_autofree char *target = mig_libvirt_document_dup_attribute (mig_libvirt_document_child (node, "target"), "dev");
  g_autofree char *format = mig_libvirt_document_dup_attribute (mig_libvirt_document_child (node, "driver"), "type");
  g_autofree char *serial = mig_libvirt_document_dup_text (mig_libvirt_document_child (node, "serial"));
  g_autofree char *ready = mig_libvirt_document_dup_attribute (mirror_node, "ready");
  g_autoptr (GPtrArray) chain = read_backing_chain (node, resolver);
  g_autoptr (MigDiskSource) source = read_source (source_node, type, format, resolver);
  g_autoptr (MigDiskSource) mirror = read_layer (mirror_node, resolver);

  if (target == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "a disk has no target");
      return NULL;
    }

  return g_object_new (MIG_TYPE_DISK,
                       "target", target,
                       "device", device != NULL ? device : "disk",
                       "source", source,
                       "serial", serial,
                       "read-only", mig_libvirt_document_child (node, "readonly") != NULL,
                       "shareable", mig_libvirt_document_child (node, "shareable") != NULL,
                       "encrypted", is_encrypted (node),
                       "backing", chain->len > 0,
                       "backing-chain", chain,
                       "mirror", mirror,
                       "mirror-ready", g_strcmp0 (ready, "yes") == 0,
                       NULL);
}

static GPtrArray *
read_disks (xmlNode                   *domain,
            const MigLibvirtResolver  *resolver,
            GError                   **error)
{
  g_autoptr (GPtrArray) disks = g_ptr_array_new_with_free_func (g_object_unref);
  xmlNode *devices = mig_libvirt_document_child (domain, "devices");

  for (xmlNode *node = mig_libvirt_document_child (devices, "disk"); node != NULL;
       node = mig_libvirt_document_next (node))
    {
      MigDisk *disk = read_disk (node, resolver, error);

      if (disk == NULL)
        return NULL;
      g_ptr_array_add (disks, disk);
    }

  return g_steal_pointer (&disks);
}

/* Reading domains */

static gboolean
is_mark (xmlNode *node)
{
  return node->type == XML_ELEMENT_NODE && node->ns != NULL &&
         g_strcmp0 ((const char *) node->ns->href, MIG_LIBVIRT_MARK_URI) == 0;
}

static char *
read_mark (xmlNode *domain)
{
  xmlNode *metadata = mig_libvirt_document_child (domain, "metadata");

  for (xmlNode *node = metadata != NULL ? metadata->children : NULL; node != NULL; node = node->next)
    {
      if (is_mark (node))
        return mig_libvirt_document_dup_text (node);
    }

  return NULL;
}

static gboolean
read_memory (xmlNode  *domain,
             gint64   *bytes,
             GError  **error)
{
  xmlNode *memory = mig_libvirt_document_child (domain, "memory");

  if (memory == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "it has no <memory>");
      return FALSE;
    }

  return mig_libvirt_document_read_size (memory, KIB, bytes, error);
}

static char *
read_required (xmlNode     *parent,
               const char  *name,
               GError     **error)
{
  char *text = mig_libvirt_document_dup_text (mig_libvirt_document_child (parent, name));

  if (text == NULL)
    g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "it has no <%s>", name);

  return text;
}

/* What one document says of a domain. */
typedef struct
{
  char      *uuid;
  char      *name;
  char      *mark;
  gint64     id; /* -1: it has none, as one that is not running */
  gint64     memory;
  GPtrArray *disks;
} Definition;

static void
definition_clear (Definition *self)
{
  g_free (self->uuid);
  g_free (self->name);
  g_free (self->mark);
  g_clear_pointer (&self->disks, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Definition, definition_clear)

static gboolean
read_definition (xmlNode                   *domain,
                 const MigLibvirtResolver  *resolver,
                 Definition                *definition,
                 GError                   **error)
{
  g_autofree char *id = mig_libvirt_document_dup_attribute (domain, "id");

  definition->uuid = read_required (domain, "uuid", error);
  if (definition->uuid == NULL)
    return FALSE;
  definition->name = read_required (domain, "name", error);
  if (definition->name == NULL || !read_memory (domain, &definition->memory, error))
    return FALSE;

  if (!parse_number (id, &definition->id))
    definition->id = -1;
  definition->mark = read_mark (domain);
  definition->disks = read_disks (domain, resolver, error);

  return definition->disks != NULL;
}

static gboolean
parse_definition (const char                *xml,
                  const char                *what,
                  const MigLibvirtResolver  *resolver,
                  Definition                *definition,
                  GError                   **error)
{
  g_autoptr (xmlDoc) document = mig_libvirt_document_parse (xml, "domain", what, error);

  if (document == NULL)
    return FALSE;

  if (!read_definition (xmlDocGetRootElement (document), resolver, definition, error))
    {
      g_prefix_error (error, "%s makes no sense: ", what);
      return FALSE;
    }

  return TRUE;
}

MigDomainInfo *
mig_libvirt_xml_parse (const char                *live_xml,
                       const char                *persistent_xml,
                       MigDomainState             state,
                       MigJobKind                 job,
                       gboolean                   has_snapshots,
                       const MigLibvirtResolver  *resolver,
                       GError                   **error)
{
  g_auto (Definition) live = { NULL };
  g_auto (Definition) persistent = { NULL };

  if (!parse_definition (live_xml, "the domain's definition", resolver, &live, error))
    return NULL;
  if (persistent_xml != NULL &&
      !parse_definition (persistent_xml, "the domain's persistent definition", resolver, &persistent, error))
    return NULL;

  return g_object_new (MIG_TYPE_DOMAIN_INFO,
                       "uuid", live.uuid,
                       "name", live.name,
                       "state", state,
                       "id", live.id,
                       "persistent", persistent_xml != NULL,
                       "memory", live.memory,
                       "mark", live.mark,
                       "job", job,
                       "snapshots", has_snapshots,
                       "disks", live.disks,
                       "persistent-disks", persistent.disks,
                       "definition", live_xml,
                       "persistent-definition", persistent_xml,
                       NULL);
}

char *
mig_libvirt_xml_host_uuid (const char  *capabilities,
                           GError     **error)
{
  static const char what[] = "the host's list of capabilities";
  g_autoptr (xmlDoc) document = mig_libvirt_document_parse (capabilities, "capabilities", what, error);
  char *uuid;

  if (document == NULL)
    return NULL;

  uuid = read_required (mig_libvirt_document_child (xmlDocGetRootElement (document), "host"), "uuid", error);
  if (uuid == NULL)
    g_prefix_error (error, "%s makes no sense: ", what);

  return uuid;
}

/* The mark */

char *
mig_libvirt_xml_format_mark (const char  *mark,
                             GError     **error)
{
  g_autoptr (xmlDoc) document = NULL;

  if (!mig_libvirt_document_check_text (mark, "the mark", error))
    return NULL;

  document = mig_libvirt_document_new ("mark", mark);

  return mig_libvirt_document_to_text (document);
}

char *
mig_libvirt_xml_parse_mark (const char  *element,
                            GError     **error)
{
  g_autoptr (xmlDoc) document = mig_libvirt_document_parse (element, "mark", "the domain's mark", error);
  char *mark;

  if (document == NULL)
    return NULL;

  mark = mig_libvirt_document_dup_text (xmlDocGetRootElement (document));

  return mark != NULL ? mark : g_strdup ("");
}
