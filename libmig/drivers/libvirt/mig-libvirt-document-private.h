/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <libxml/tree.h>

#include <libmig/mig-error.h>

G_BEGIN_DECLS

/* Reading and writing small XML documents. What is read comes from a daemon that may be of any version, or broken, or
 * worse: a text has a size limit and may not have a document type, so there are no entities to expand and nothing to
 * load. Functions that take a node to look into also take NULL, and then answer NULL. */

#define MIG_LIBVIRT_DOCUMENT_MAX_SIZE (4 * 1024 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC (xmlDoc, xmlFreeDoc)

/* @root: the name that the document's root must have. @what names the text in messages ("the domain's definition").
 * Error: CORRUPT. */
xmlDoc  *mig_libvirt_document_parse         (const char  *text,
                                             const char  *root,
                                             const char  *what,
                                             GError     **error);
/* The first child element of that name, and the next one beside it with the name of this one. Elements in namespaces
 * are not seen. */
xmlNode *mig_libvirt_document_child         (xmlNode     *node,
                                             const char  *name);
xmlNode *mig_libvirt_document_next          (xmlNode     *node);
/* NULL also when it is empty. */
char    *mig_libvirt_document_dup_attribute (xmlNode     *node,
                                             const char  *name);
char    *mig_libvirt_document_dup_text      (xmlNode     *node);
/* A number of bytes, which the element states in the unit of its attribute "unit", by default @unit. Error: CORRUPT. */
gboolean mig_libvirt_document_read_size     (xmlNode     *node,
                                             gint64       unit,
                                             gint64      *bytes,
                                             GError     **error);

/* Can XML say this text? Else INVALID_ARGUMENT. */
gboolean mig_libvirt_document_check_text    (const char  *text,
                                             const char  *what,
                                             GError     **error);
/* A root element or a new last child; @text may be NULL. */
xmlDoc  *mig_libvirt_document_new           (const char  *root,
                                             const char  *text);
xmlNode *mig_libvirt_document_add           (xmlNode     *parent,
                                             const char  *name,
                                             const char  *text);
/* Nothing happens when the value is NULL. */
void     mig_libvirt_document_set           (xmlNode     *node,
                                             const char  *name,
                                             const char  *value);
/* The root element alone: without an XML declaration. */
char    *mig_libvirt_document_to_text       (xmlDoc      *document);

G_END_DECLS
