/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-domain-info.h>

G_BEGIN_DECLS

/* What the driver reads of libvirt's documents about hosts and domains, and what it writes. No connection is used.
 * Texts of libvirt's that make no sense are CORRUPT. */

/* The place of the ownership mark in a domain's metadata: for virDomainSetMetadata(). */
#define MIG_LIBVIRT_MARK_URI "urn:libmig:mark:1"
#define MIG_LIBVIRT_MARK_KEY "mig"

/* Finds out where a volume of a pool is, for disks that are described by their pool. NULL: not known. */
typedef struct
{
  MigDiskSource *(*find_volume) (const char *pool,
                                 const char *volume,
                                 const char *format,
                                 gpointer    data);
  gpointer         data;
} MigLibvirtResolver;

/* A domain as its two documents show it. @persistent_xml: NULL for a transient domain. A domain that does not run has
 * one document: then it is both.
 *
 * A network disk that is not NBD over TCP gets its protocol in front of the path, as in "rbd:pool/image"; its host is
 * the first one, or the socket. A volume of a pool is what @resolver, which may be NULL, says; else of kind OTHER,
 * its path "pool/volume". A piece that does not begin at the beginning is of kind OTHER too, and has a slice. */
MigDomainInfo *mig_libvirt_xml_parse       (const char                *live_xml,
                                            const char                *persistent_xml,
                                            MigDomainState             state,
                                            MigJobKind                 job,
                                            gboolean                   has_snapshots,
                                            const MigLibvirtResolver  *resolver,
                                            GError                   **error);

/* The element for virDomainSetMetadata(). Error: INVALID_ARGUMENT. */
char          *mig_libvirt_xml_format_mark (const char                *mark,
                                            GError                   **error);
/* Reads the mark back from what virDomainGetMetadata() returned. */
char          *mig_libvirt_xml_parse_mark  (const char                *element,
                                            GError                   **error);

/* The document for virDomainBlockCopy(). @default_format, or NULL, is for a source that states none. Errors:
 * INVALID_ARGUMENT; NOT_SUPPORTED for what is not a file, a block device or an NBD export. */
char          *mig_libvirt_xml_disk        (MigDiskSource             *source,
                                            const char                *default_format,
                                            GError                   **error);

/* The domain's UUID, from its definition; NULL when that has none, or makes no sense. */
char          *mig_libvirt_xml_read_uuid   (const char                *definition);
/* The definition with what a document of the same domain that has its secrets says of them: the passwords of its
 * displays, where the definition has none. */
char          *mig_libvirt_xml_add_secrets (const char                *definition,
                                            const char                *secure,
                                            GError                   **error);

/* The host's UUID, from its capabilities. */
char          *mig_libvirt_xml_host_uuid   (const char                *capabilities,
                                            GError                   **error);

G_END_DECLS
