/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "libmig/drivers/libvirt/mig-libvirt-error-private.h"

typedef struct
{
  int      code;
  MigError error;
} CodeRow;

typedef struct
{
  int      code;
  int      domain;
  MigError error;
} DomainRow;

/* Indexed by libvirt's code. Several codes have a dozen meanings (55 above all): the row then says what fits them
 * all, and who needs to know more looks at the world. */
static const CodeRow codes[] = {
  { VIR_ERR_OK, MIG_ERROR_FAILED },
  { VIR_ERR_INTERNAL_ERROR, MIG_ERROR_FAILED },
  { VIR_ERR_NO_MEMORY, MIG_ERROR_FAILED },
  { VIR_ERR_NO_SUPPORT, MIG_ERROR_NOT_SUPPORTED },
  { VIR_ERR_UNKNOWN_HOST, MIG_ERROR_CONNECTION },
  { VIR_ERR_NO_CONNECT, MIG_ERROR_INVALID_ARGUMENT }, /* no driver for that URI */
  { VIR_ERR_INVALID_CONN, MIG_ERROR_CONNECTION },
  { VIR_ERR_INVALID_DOMAIN, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_INVALID_ARG, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_OPERATION_FAILED, MIG_ERROR_FAILED },
  { VIR_ERR_GET_FAILED, MIG_ERROR_FAILED },
  { VIR_ERR_POST_FAILED, MIG_ERROR_FAILED },
  { VIR_ERR_HTTP_ERROR, MIG_ERROR_FAILED },
  { VIR_ERR_SEXPR_SERIAL, MIG_ERROR_FAILED },
  { VIR_ERR_NO_XEN, MIG_ERROR_FAILED },
  { VIR_ERR_XEN_CALL, MIG_ERROR_FAILED },
  { VIR_ERR_OS_TYPE, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_KERNEL, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_ROOT, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_SOURCE, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_TARGET, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_NAME, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_OS, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_DEVICE, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_XENSTORE, MIG_ERROR_FAILED },
  { VIR_ERR_DRIVER_FULL, MIG_ERROR_FAILED },
  { VIR_ERR_CALL_FAILED, MIG_ERROR_NOT_SUPPORTED },
  { VIR_ERR_XML_ERROR, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_DOM_EXIST, MIG_ERROR_CONFLICT },
  { VIR_ERR_OPERATION_DENIED, MIG_ERROR_NOT_SUPPORTED },
  { VIR_ERR_OPEN_FAILED, MIG_ERROR_FAILED },
  { VIR_ERR_READ_FAILED, MIG_ERROR_FAILED },
  { VIR_ERR_PARSE_FAILED, MIG_ERROR_FAILED },
  { VIR_ERR_CONF_SYNTAX, MIG_ERROR_FAILED },
  { VIR_ERR_WRITE_FAILED, MIG_ERROR_FAILED },
  { VIR_ERR_XML_DETAIL, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_INVALID_NETWORK, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NETWORK_EXIST, MIG_ERROR_CONFLICT },
  { VIR_ERR_SYSTEM_ERROR, MIG_ERROR_FAILED },
  { VIR_ERR_RPC, MIG_ERROR_CONNECTION },
  { VIR_ERR_GNUTLS_ERROR, MIG_ERROR_CONNECTION },
  { VIR_WAR_NO_NETWORK, MIG_ERROR_FAILED },
  { VIR_ERR_NO_DOMAIN, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_NO_NETWORK, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_INVALID_MAC, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_AUTH_FAILED, MIG_ERROR_CONNECTION },
  { VIR_ERR_INVALID_STORAGE_POOL, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_INVALID_STORAGE_VOL, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_WAR_NO_STORAGE, MIG_ERROR_FAILED },
  { VIR_ERR_NO_STORAGE_POOL, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_NO_STORAGE_VOL, MIG_ERROR_NOT_FOUND },
  { VIR_WAR_NO_NODE, MIG_ERROR_FAILED },
  { VIR_ERR_INVALID_NODE_DEVICE, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_NODE_DEVICE, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_NO_SECURITY_MODEL, MIG_ERROR_INCOMPATIBLE },
  { VIR_ERR_OPERATION_INVALID, MIG_ERROR_INVALID_STATE },
  { VIR_WAR_NO_INTERFACE, MIG_ERROR_FAILED },
  { VIR_ERR_NO_INTERFACE, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_INVALID_INTERFACE, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_MULTIPLE_INTERFACES, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_WAR_NO_NWFILTER, MIG_ERROR_FAILED },
  { VIR_ERR_INVALID_NWFILTER, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_NWFILTER, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_BUILD_FIREWALL, MIG_ERROR_FAILED },
  { VIR_WAR_NO_SECRET, MIG_ERROR_FAILED },
  { VIR_ERR_INVALID_SECRET, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_SECRET, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_CONFIG_UNSUPPORTED, MIG_ERROR_INCOMPATIBLE },
  { VIR_ERR_OPERATION_TIMEOUT, MIG_ERROR_BUSY }, /* libvirt waited 30 s for the domain's job */
  { VIR_ERR_MIGRATE_PERSIST_FAILED, MIG_ERROR_OUTCOME_UNKNOWN },
  { VIR_ERR_HOOK_SCRIPT_FAILED, MIG_ERROR_FAILED },
  { VIR_ERR_INVALID_DOMAIN_SNAPSHOT, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_DOMAIN_SNAPSHOT, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_INVALID_STREAM, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_ARGUMENT_UNSUPPORTED, MIG_ERROR_NOT_SUPPORTED },
  { VIR_ERR_STORAGE_PROBE_FAILED, MIG_ERROR_FAILED },
  { VIR_ERR_STORAGE_POOL_BUILT, MIG_ERROR_CONFLICT },
  { VIR_ERR_SNAPSHOT_REVERT_RISKY, MIG_ERROR_INVALID_STATE },
  { VIR_ERR_OPERATION_ABORTED, MIG_ERROR_FAILED },
  { VIR_ERR_AUTH_CANCELLED, MIG_ERROR_CONNECTION },
  { VIR_ERR_NO_DOMAIN_METADATA, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_MIGRATE_UNSAFE, MIG_ERROR_INCOMPATIBLE },
  { VIR_ERR_OVERFLOW, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_BLOCK_COPY_ACTIVE, MIG_ERROR_BUSY },
  { VIR_ERR_OPERATION_UNSUPPORTED, MIG_ERROR_NOT_SUPPORTED },
  { VIR_ERR_SSH, MIG_ERROR_CONNECTION },
  { VIR_ERR_AGENT_UNRESPONSIVE, MIG_ERROR_FAILED },
  { VIR_ERR_RESOURCE_BUSY, MIG_ERROR_BUSY },
  { VIR_ERR_ACCESS_DENIED, MIG_ERROR_FAILED },
  { VIR_ERR_DBUS_SERVICE, MIG_ERROR_FAILED },
  { VIR_ERR_STORAGE_VOL_EXIST, MIG_ERROR_CONFLICT },
  { VIR_ERR_CPU_INCOMPATIBLE, MIG_ERROR_INCOMPATIBLE },
  { VIR_ERR_XML_INVALID_SCHEMA, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_MIGRATE_FINISH_OK, MIG_ERROR_OUTCOME_UNKNOWN },
  { VIR_ERR_AUTH_UNAVAILABLE, MIG_ERROR_CONNECTION },
  { VIR_ERR_NO_SERVER, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_NO_CLIENT, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_AGENT_UNSYNCED, MIG_ERROR_FAILED },
  { VIR_ERR_LIBSSH, MIG_ERROR_CONNECTION },
  { VIR_ERR_DEVICE_MISSING, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_INVALID_NWFILTER_BINDING, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_NWFILTER_BINDING, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_INVALID_DOMAIN_CHECKPOINT, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NO_DOMAIN_CHECKPOINT, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_NO_DOMAIN_BACKUP, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_INVALID_NETWORK_PORT, MIG_ERROR_INVALID_ARGUMENT },
  { VIR_ERR_NETWORK_PORT_EXIST, MIG_ERROR_CONFLICT },
  { VIR_ERR_NO_NETWORK_PORT, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_NO_HOSTNAME, MIG_ERROR_NOT_FOUND },
  { VIR_ERR_CHECKPOINT_INCONSISTENT, MIG_ERROR_INVALID_STATE },
  { VIR_ERR_MULTIPLE_DOMAINS, MIG_ERROR_INVALID_ARGUMENT },
};

/* A row for each code that libvirt 9.0 knows; a later one is FAILED until it has its row here. */
G_STATIC_ASSERT (G_N_ELEMENTS (codes) == VIR_ERR_MULTIPLE_DOMAINS + 1);

/* Where the part of libvirt that reports it gives a code another meaning. Sorted by code, then domain. */
static const DomainRow exceptions[] = {
  { VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, MIG_ERROR_CONNECTION },     /* the socket was closed under the call */
  { VIR_ERR_OPERATION_FAILED, VIR_FROM_STORAGE, MIG_ERROR_CONFLICT }, /* another pool has that target */
  { VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, MIG_ERROR_CONNECTION },       /* refused, unreachable, end of file */
};

MigError
mig_libvirt_error_map (int code,
                       int domain)
{
  for (gsize i = 0; i < G_N_ELEMENTS (exceptions); i++)
    {
      if (exceptions[i].code == code && exceptions[i].domain == domain)
        return exceptions[i].error;
    }

  if (code < 0 || (gsize) code >= G_N_ELEMENTS (codes))
    return MIG_ERROR_FAILED;

  return codes[code].error;
}

int
mig_libvirt_error_check_tables (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      if (codes[i].code != (int) i)
        return (int) i;
    }

  for (gsize i = 1; i < G_N_ELEMENTS (exceptions); i++)
    {
      const DomainRow *last = &exceptions[i - 1], *row = &exceptions[i];

      if (last->code > row->code || (last->code == row->code && last->domain >= row->domain))
        return (int) i;
    }

  return -1;
}

static void
set_error (GError      **error,
           virErrorPtr   failure,
           MigError      code,
           const char   *prefix)
{
  const char *text = failure != NULL && failure->message != NULL ? failure->message : "unknown error";

  g_set_error (error, MIG_ERROR, code, "%s: %s [libvirt %d/%d]", prefix, text, failure != NULL ? failure->code : 0,
               failure != NULL ? failure->domain : 0);
}

gboolean
mig_libvirt_error_set (GError     **error,
                       const char  *format,
                       ...)
{
  virErrorPtr failure = virGetLastError ();
  g_autofree char *prefix = NULL;
  va_list args;

  va_start (args, format);
  prefix = g_strdup_vprintf (format, args);
  va_end (args);

  set_error (error, failure,
             failure != NULL ? mig_libvirt_error_map (failure->code, failure->domain) : MIG_ERROR_FAILED, prefix);

  return FALSE;
}

gboolean
mig_libvirt_error_set_domain (GError       **error,
                              const char    *what,
                              virDomainPtr   domain)
{
  virErrorPtr failure = virSaveLastError ();
  const char *name = virDomainGetName (domain);
  g_autofree char *prefix = g_strdup_printf ("Cannot %s %s", what, name != NULL ? name : "the domain");

  set_error (error, failure,
             failure != NULL ? mig_libvirt_error_map (failure->code, failure->domain) : MIG_ERROR_FAILED, prefix);
  virFreeError (failure);

  return FALSE;
}

gboolean
mig_libvirt_error_set_open (GError     **error,
                            const char  *uri)
{
  virErrorPtr failure = virGetLastError ();
  MigError code = failure != NULL ? mig_libvirt_error_map (failure->code, failure->domain) : MIG_ERROR_CONNECTION;
  g_autofree char *prefix = g_strdup_printf ("Cannot connect to %s", uri);

  if (code != MIG_ERROR_INVALID_ARGUMENT && code != MIG_ERROR_NOT_SUPPORTED)
    code = MIG_ERROR_CONNECTION;
  set_error (error, failure, code, prefix);

  return FALSE;
}

/* What the errno of a system call on a file or device says; FAILED when nothing in particular. libvirt hands it on
 * in the error's first number. */
static MigError
map_errno (int number)
{
  switch (number)
    {
    case ENOENT:
    case ENOTDIR:
      return MIG_ERROR_NOT_FOUND;
    case EEXIST:
      return MIG_ERROR_CONFLICT;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return MIG_ERROR_NO_CAPACITY;
    case EISDIR:
    case ENAMETOOLONG:
      return MIG_ERROR_INVALID_ARGUMENT;
    default:
      return MIG_ERROR_FAILED;
    }
}

gboolean
mig_libvirt_error_set_file (GError     **error,
                            const char  *format,
                            ...)
{
  virErrorPtr failure = virGetLastError ();
  MigError code = failure != NULL ? mig_libvirt_error_map (failure->code, failure->domain) : MIG_ERROR_FAILED;
  g_autofree char *prefix = NULL;
  va_list args;

  va_start (args, format);
  prefix = g_strdup_vprintf (format, args);
  va_end (args);

  if (failure != NULL && failure->code == VIR_ERR_SYSTEM_ERROR && failure->domain != VIR_FROM_RPC)
    code = map_errno (failure->int1);
  set_error (error, failure, code, prefix);

  return FALSE;
}

gboolean
mig_libvirt_error_is (int code)
{
  return virGetLastErrorCode () == code;
}

void
mig_libvirt_error_quiet (void        *data,
                         virErrorPtr  failure)
{
}
