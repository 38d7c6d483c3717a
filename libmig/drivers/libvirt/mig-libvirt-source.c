/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-block-private.h"

#include "libmig/drivers/libvirt/mig-libvirt-document-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-xml-private.h"

/* Another source for one disk of a definition. */

static xmlNode *
find_disk (xmlNode    *domain,
           const char *target)
{
  xmlNode *devices = mig_libvirt_document_child (domain, "devices");

  for (xmlNode *disk = mig_libvirt_document_child (devices, "disk"); disk != NULL;
       disk = mig_libvirt_document_next (disk))
    {
      g_autofree char *name = mig_libvirt_document_dup_attribute (mig_libvirt_document_child (disk, "target"), "dev");

      if (g_strcmp0 (name, target) == 0)
        return disk;
    }

  return NULL;
}

static void
drop_child (xmlNode    *node,
            const char *name)
{
  xmlNode *child = mig_libvirt_document_child (node, name);

  if (child == NULL)
    return;

  xmlUnlinkNode (child);
  xmlFreeNode (child);
}

static void
copy_attribute (xmlNode    *to,
                xmlNode    *from,
                const char *name)
{
  g_autofree char *value = mig_libvirt_document_dup_attribute (from, name);

  xmlUnsetProp (to, (const xmlChar *) name);
  mig_libvirt_document_set (to, name, value);
}

static void
set_source (xmlNode *disk,
            xmlNode *wanted)
{
  xmlNode *driver = mig_libvirt_document_child (disk, "driver");
  xmlNode *source = xmlDocCopyNode (mig_libvirt_document_child (wanted, "source"), disk->doc, 1);

  copy_attribute (disk, wanted, "type");
  drop_child (disk, "source");
  drop_child (disk, "backingStore");
  drop_child (disk, "mirror");
  xmlAddChild (disk, source);
  if (driver == NULL)
    driver = mig_libvirt_document_add (disk, "driver", NULL);
  copy_attribute (driver, mig_libvirt_document_child (wanted, "driver"), "type");
}

char *
mig_libvirt_xml_replace_source (const char     *definition,
                                const char     *target,
                                MigDiskSource  *source,
                                GError        **error)
{
  static const char what[] = "the domain's definition";
  g_autoptr (xmlDoc) document = mig_libvirt_document_parse (definition, "domain", what, error);
  g_autofree char *wanted_text = document != NULL ? mig_libvirt_xml_disk (source, "raw", error) : NULL;
  g_autoptr (xmlDoc) wanted = NULL;
  xmlNode *disk;

  if (wanted_text == NULL)
    return NULL;
  wanted = mig_libvirt_document_parse (wanted_text, "disk", "the new source", error);
  if (wanted == NULL)
    return NULL;

  disk = find_disk (xmlDocGetRootElement (document), target);
  if (disk == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "The definition has no disk %s", target);
      return NULL;
    }
  set_source (disk, xmlDocGetRootElement (wanted));

  return mig_libvirt_document_to_text (document);
}
