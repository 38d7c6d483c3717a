/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <libmig/mig-error.h>

G_BEGIN_DECLS

/* What a caller of libmig should do about an error of libvirt. Only its numbers decide; its text is for people. */
MigError mig_libvirt_error_map   (int           code,
                                  int           domain);

/* For the tests: the first row that is not where it belongs, or -1. */
int      mig_libvirt_error_check_tables (void);

/* Makes a GError of the calling thread's last libvirt error: "<prefix>: <libvirt's text> [libvirt CODE/DOMAIN]".
 * Returns FALSE. */
gboolean mig_libvirt_error_set   (GError      **error,
                                  const char   *format,
                                  ...) G_GNUC_PRINTF (2, 3);

/* The same, of a domain: "Cannot <what> <name>: …". Any call of libvirt forgets the error of the one before: so the
 * name of the domain, which is such a call, must not be an argument of the above. */
gboolean mig_libvirt_error_set_domain (GError       **error,
                                       const char    *what,
                                       virDomainPtr   domain);

/* The same for a failed attempt to connect, where whatever has no better code is CONNECTION. */
gboolean mig_libvirt_error_set_open (GError     **error,
                                     const char  *uri);

/* The same for calls about files and devices of the host: where a system call failed there, its errno decides. */
gboolean mig_libvirt_error_set_file (GError     **error,
                                     const char  *format,
                                     ...) G_GNUC_PRINTF (2, 3);

/* Is the calling thread's last libvirt error this one? */
gboolean mig_libvirt_error_is    (int           code);

/* A virErrorFunc that does nothing. */
void     mig_libvirt_error_quiet (void         *data,
                                  virErrorPtr   failure);

G_END_DECLS
