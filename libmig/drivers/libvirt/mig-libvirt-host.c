/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>

#include "libmig/drivers/libvirt/mig-libvirt-host-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-xml-private.h"

static char *
read_uuid (virConnectPtr   connection,
           GError        **error)
{
  char *capabilities = virConnectGetCapabilities (connection);
  char *uuid = NULL;

  if (capabilities == NULL)
    mig_libvirt_error_set (error, "Cannot read the host's capabilities");
  else
    uuid = mig_libvirt_xml_host_uuid (capabilities, error);
  free (capabilities);

  return uuid;
}

static gpointer
call_get_host_info (virConnectPtr   connection,
                    gpointer        data,
                    GError        **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *incarnation = mig_libvirt_daemon_incarnation (data);
  g_autofree char *uuid = read_uuid (connection, &local);
  unsigned long long free_memory;
  MigHostInfo *info;
  char *hostname;

  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  hostname = virConnectGetHostname (connection);
  if (hostname == NULL)
    {
      mig_libvirt_error_set (error, "Cannot read the host's name");
      return NULL;
    }

  /* 0 on failure. */
  free_memory = virNodeGetFreeMemory (connection);
  info = g_object_new (MIG_TYPE_HOST_INFO,
                       "uuid", uuid,
                       "hostname", hostname,
                       "daemon-incarnation", incarnation,
                       "free-memory", free_memory > 0 ? (gint64) MIN (free_memory, G_MAXINT64) : G_GINT64_CONSTANT (-1),
                       NULL);
  free (hostname);

  return info;
}

/* A daemon that has not yet been asked for its capabilities runs every QEMU of its host to find out what it can do. */
#define FIRST_SECONDS 30

static const MigLibvirtVerb get_host_info = {
  .what = "reading facts about the host",
  .lane = MIG_LIBVIRT_LANE_CONTROL,
  .seconds = FIRST_SECONDS,
  .func = call_get_host_info,
  .free_data = g_free,
  .free_result = g_object_unref,
};

MigHostInfo *
mig_libvirt_get_host_info (MigComputeDriver  *driver,
                           MigHost           *host,
                           GCancellable      *cancellable,
                           GError           **error)
{
  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &get_host_info, g_strdup (mig_host_get_uri (host)),
                                  cancellable, error);
}
