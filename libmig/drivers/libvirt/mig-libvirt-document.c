/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libxml/chvalid.h>
#include <libxml/parser.h>
#include <string.h>

#include "libmig/drivers/libvirt/mig-libvirt-document-private.h"

#define X(text) ((const xmlChar *) (text))

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlParserCtxt, xmlFreeParserCtxt)

/* The parser comes here before it has looked at anything in the document type. */
static void
refuse_document_type (void          *context,
                      const xmlChar *name,
                      const xmlChar *external,
                      const xmlChar *system)
{
  xmlParserCtxt *parser = context;

  parser->_private = parser;
  xmlStopParser (parser);
}

static void
set_parse_error (xmlParserCtxt  *parser,
                 const char     *what,
                 GError        **error)
{
  const xmlError *failure = xmlCtxtGetLastError (parser);
  g_autofree char *reason = NULL;

  if (parser->_private != NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "%s has a document type, which libvirt never writes", what);
      return;
    }

  reason = g_utf8_make_valid (failure != NULL && failure->message != NULL ? failure->message : "no document", -1);
  g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "%s is not well-formed, line %d: %s", what,
               failure != NULL ? failure->line : 0, g_strstrip (reason));
}

static xmlDoc *
parse (const char  *text,
       const char  *what,
       GError     **error)
{
  static gsize initialised = 0;
  g_autoptr (xmlParserCtxt) parser = NULL;
  g_autoptr (xmlDoc) document = NULL;

  if (g_once_init_enter (&initialised))
    {
      xmlInitParser ();
      g_once_init_leave (&initialised, 1);
    }

  parser = xmlNewParserCtxt ();
  g_assert (parser != NULL);
  parser->sax->internalSubset = refuse_document_type;
  document = xmlCtxtReadMemory (parser, text, (int) strlen (text), NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
  if (document == NULL || parser->_private != NULL || xmlDocGetRootElement (document) == NULL)
    {
      set_parse_error (parser, what, error);
      return NULL;
    }

  return g_steal_pointer (&document);
}

xmlDoc *
mig_libvirt_document_parse (const char  *text,
                            const char  *root,
                            const char  *what,
                            GError     **error)
{
  g_autoptr (xmlDoc) document = NULL;
  xmlNode *node;

  if (text == NULL || strnlen (text, MIG_LIBVIRT_DOCUMENT_MAX_SIZE + 1) > MIG_LIBVIRT_DOCUMENT_MAX_SIZE)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "%s %s", what,
                   text == NULL ? "is missing" : "is longer than 4 MiB");
      return NULL;
    }

  document = parse (text, what, error);
  if (document == NULL)
    return NULL;

  node = xmlDocGetRootElement (document);
  if (node->ns != NULL || !xmlStrEqual (node->name, X (root)))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "%s begins with <%s>, not with <%s>", what, node->name, root);
      return NULL;
    }

  return g_steal_pointer (&document);
}

static xmlNode *
find (xmlNode       *node,
      const xmlChar *name)
{
  for (; node != NULL; node = node->next)
    {
      if (node->type == XML_ELEMENT_NODE && node->ns == NULL && xmlStrEqual (node->name, name))
        return node;
    }

  return NULL;
}

xmlNode *
mig_libvirt_document_child (xmlNode    *node,
                            const char *name)
{
  return node == NULL ? NULL : find (node->children, X (name));
}

xmlNode *
mig_libvirt_document_next (xmlNode *node)
{
  return node == NULL ? NULL : find (node->next, node->name);
}

/* Takes a string of libxml2's. */
static char *
adopt (xmlChar *text)
{
  char *copy = text == NULL || *text == '\0' ? NULL : g_strdup ((const char *) text);

  xmlFree (text);

  return copy;
}

char *
mig_libvirt_document_dup_attribute (xmlNode    *node,
                                    const char *name)
{
  return node == NULL ? NULL : adopt (xmlGetNoNsProp (node, X (name)));
}

char *
mig_libvirt_document_dup_text (xmlNode *node)
{
  return node == NULL ? NULL : adopt (xmlNodeGetContent (node));
}

/* libvirt's units: b, byte or bytes; k, M, G, T, P or E alone or with iB for powers of 1024, with B for powers of 1000;
 * in any case. Returns 0 for what is none of them. */
static gint64
parse_unit (const char *text)
{
  static const char letters[] = "kmgtpe";
  const char *letter;
  gint64 base, unit = 1;

  if (g_ascii_strcasecmp (text, "b") == 0 || g_ascii_strcasecmp (text, "byte") == 0 ||
      g_ascii_strcasecmp (text, "bytes") == 0)
    return 1;

  letter = *text != '\0' ? strchr (letters, g_ascii_tolower (*text)) : NULL;
  if (letter == NULL)
    return 0;

  if (text[1] == '\0' || g_ascii_strcasecmp (text + 1, "ib") == 0)
    base = 1024;
  else if (g_ascii_strcasecmp (text + 1, "b") == 0)
    base = 1000;
  else
    return 0;

  for (const char *i = letters; i <= letter; i++)
    unit *= base;

  return unit;
}

gboolean
mig_libvirt_document_read_size (xmlNode  *node,
                                gint64    unit,
                                gint64   *bytes,
                                GError  **error)
{
  g_autofree char *text = mig_libvirt_document_dup_text (node);
  g_autofree char *unit_text = mig_libvirt_document_dup_attribute (node, "unit");
  guint64 number;

  g_assert (node != NULL);

  if (unit_text != NULL)
    unit = parse_unit (unit_text);
  if (text == NULL || unit == 0 ||
      !g_ascii_string_to_unsigned (g_strstrip (text), 10, 0, G_MAXINT64 / unit, &number, NULL))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "<%s> is no size: “%s” of unit “%s”", node->name,
                   text != NULL ? text : "", unit_text != NULL ? unit_text : "none");
      return FALSE;
    }

  *bytes = (gint64) number * unit;

  return TRUE;
}

gboolean
mig_libvirt_document_check_text (const char  *text,
                                 const char  *what,
                                 GError     **error)
{
  gboolean good = text == NULL || g_utf8_validate (text, -1, NULL);

  for (const char *at = text; good && at != NULL && *at != '\0'; at = g_utf8_next_char (at))
    good = xmlIsCharQ (g_utf8_get_char (at));

  if (!good)
    {
      g_autofree char *shown = g_strescape (text, NULL);

      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s “%s” has characters that libvirt cannot be told",
                   what, shown);
    }

  return good;
}

xmlDoc *
mig_libvirt_document_new (const char *root,
                          const char *text)
{
  xmlDoc *document = xmlNewDoc (X ("1.0"));

  xmlDocSetRootElement (document, xmlNewDocRawNode (document, NULL, X (root), X (text)));

  return document;
}

xmlNode *
mig_libvirt_document_add (xmlNode    *parent,
                          const char *name,
                          const char *text)
{
  return xmlNewTextChild (parent, NULL, X (name), X (text));
}

void
mig_libvirt_document_set (xmlNode    *node,
                          const char *name,
                          const char *value)
{
  if (value != NULL)
    xmlNewProp (node, X (name), X (value));
}

char *
mig_libvirt_document_to_text (xmlDoc *document)
{
  xmlBuffer *buffer = xmlBufferCreate ();
  char *text;

  xmlNodeDump (buffer, document, xmlDocGetRootElement (document), 0, 0);
  text = g_strdup ((const char *) xmlBufferContent (buffer));
  xmlBufferFree (buffer);

  return text;
}
