/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-document-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-xml-private.h"

/* What libvirt leaves out of a definition unless it is asked for it. */

static const char *const secrets[] = { "passwd", "passwdValidTo", "connected" };

char *
mig_libvirt_xml_read_uuid (const char *definition)
{
  g_autoptr (xmlDoc) document = mig_libvirt_document_parse (definition, "domain", "the domain's definition", NULL);

  if (document == NULL)
    return NULL;

  return mig_libvirt_document_dup_text (mig_libvirt_document_child (xmlDocGetRootElement (document), "uuid"));
}

static xmlNode *
first_display (xmlDoc *document)
{
  xmlNode *devices = mig_libvirt_document_child (xmlDocGetRootElement (document), "devices");

  return mig_libvirt_document_child (devices, "graphics");
}

/* A domain has one display of each type. */
static xmlNode *
find_display (xmlDoc     *document,
              const char *wanted)
{
  for (xmlNode *node = first_display (document); node != NULL; node = mig_libvirt_document_next (node))
    {
      g_autofree char *type = mig_libvirt_document_dup_attribute (node, "type");

      if (g_strcmp0 (type, wanted) == 0)
        return node;
    }

  return NULL;
}

static void
add_secrets (xmlNode *display,
             xmlNode *secure)
{
  g_autofree char *password = mig_libvirt_document_dup_attribute (display, secrets[0]);

  for (gsize i = 0; password == NULL && i < G_N_ELEMENTS (secrets); i++)
    {
      g_autofree char *value = mig_libvirt_document_dup_attribute (secure, secrets[i]);

      mig_libvirt_document_set (display, secrets[i], value);
    }
}

char *
mig_libvirt_xml_add_secrets (const char  *definition,
                             const char  *secure,
                             GError     **error)
{
  static const char what[] = "the domain's definition";
  g_autoptr (xmlDoc) document = mig_libvirt_document_parse (definition, "domain", what, error);
  g_autoptr (xmlDoc) secure_document = NULL;

  if (document == NULL)
    return NULL;
  secure_document = mig_libvirt_document_parse (secure, "domain", what, error);
  if (secure_document == NULL)
    return NULL;

  for (xmlNode *display = first_display (document); display != NULL; display = mig_libvirt_document_next (display))
    {
      g_autofree char *type = mig_libvirt_document_dup_attribute (display, "type");

      add_secrets (display, find_display (secure_document, type));
    }

  return mig_libvirt_document_to_text (document);
}
