/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>

#include "libmig/drivers/libvirt/mig-libvirt-domain-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-pool-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-xml-private.h"

/* A volume of a pool. Most pools say where it is by their definition; others are asked for it. */
static MigDiskSource *
find_volume (const char *pool_name,
             const char *volume_name,
             const char *format,
             gpointer    connection)
{
  g_autoptr (virStoragePool) pool = virStoragePoolLookupByName (connection, pool_name);
  g_autoptr (MigLibvirtPoolInfo) info = pool != NULL ? mig_libvirt_pool_read (pool, NULL) : NULL;
  MigDiskSource *source = info != NULL ? mig_libvirt_pool_info_locate (info, volume_name, format) : NULL;
  g_autoptr (virStorageVol) volume = NULL;
  virStorageVolInfo about;
  char *path = NULL;

  if (info == NULL || source != NULL)
    return source;

  /* What is elsewhere in the network would have another name as a disk that states its place itself. */
  volume = virStorageVolLookupByName (pool, volume_name);
  if (volume != NULL && virStorageVolGetInfo (volume, &about) == 0 &&
      (about.type == VIR_STORAGE_VOL_FILE || about.type == VIR_STORAGE_VOL_BLOCK))
    path = virStorageVolGetPath (volume);
  if (path != NULL)
    source = mig_disk_source_new (about.type == VIR_STORAGE_VOL_FILE ? MIG_DISK_SOURCE_KIND_FILE :
                                                                       MIG_DISK_SOURCE_KIND_BLOCK, path, format);
  free (path);

  return source;
}

static char *
read_xml (virDomainPtr   domain,
          unsigned int   flags,
          GError       **error)
{
  char *xml = virDomainGetXMLDesc (domain, flags);

  if (xml == NULL)
    mig_libvirt_error_set_domain (error, "read the definition of", domain);

  return xml;
}

/* Of a domain that changes meanwhile the state is newer than what it shows of the guest that runs, and the persistent
 * definition newer than the state: what a guest has left behind is not told from before its end. */
static MigDomainInfo *
read_in_order (virDomainPtr     domain,
               MigLibvirtDepth  depth,
               gboolean         persistent,
               char           **live_xml,
               char           **persistent_xml,
               GError         **error)
{
  MigLibvirtResolver resolver = { find_volume, virDomainGetConnect (domain) };
  MigJobKind job = MIG_JOB_KIND_OTHER;
  gboolean has_snapshots;
  MigDomainState state;

  *live_xml = read_xml (domain, 0, error);
  if (*live_xml == NULL)
    return NULL;

  /* A hypervisor without snapshots has none. */
  has_snapshots = depth == MIG_LIBVIRT_DEPTH_ALL && virDomainSnapshotNum (domain, 0) > 0;
  if (!mig_libvirt_read_state (domain, &state, depth != MIG_LIBVIRT_DEPTH_DISKS ? &job : NULL, error))
    return NULL;

  if (persistent)
    *persistent_xml = read_xml (domain, VIR_DOMAIN_XML_INACTIVE, error);
  if (persistent && *persistent_xml == NULL)
    return NULL;

  return mig_libvirt_xml_parse (*live_xml, *persistent_xml, state, job, has_snapshots, &resolver, error);
}

MigDomainInfo *
mig_libvirt_read_domain (virDomainPtr      domain,
                         MigLibvirtDepth   depth,
                         GError          **error)
{
  int persistent = mig_libvirt_read_persistent (domain, error);
  MigDomainInfo *info = NULL;
  char *persistent_xml = NULL;
  char *live_xml = NULL;

  if (persistent >= 0)
    info = read_in_order (domain, depth, persistent > 0, &live_xml, &persistent_xml, error);
  free (live_xml);
  free (persistent_xml);

  return info;
}

static gpointer
call_get_domain (virConnectPtr   connection,
                 gpointer        data,
                 GError        **error)
{
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, data, error);

  return domain != NULL ? mig_libvirt_read_domain (domain, MIG_LIBVIRT_DEPTH_ALL, error) : NULL;
}

static const MigLibvirtVerb get_domain = {
  .what = "reading a domain",
  .lane = MIG_LIBVIRT_LANE_CONTROL,
  .seconds = MIG_LIBVIRT_QUERY_SECONDS,
  .func = call_get_domain,
  .free_data = g_free,
  .free_result = g_object_unref,
};

MigDomainInfo *
mig_libvirt_get_domain (MigComputeDriver  *driver,
                        MigHost           *host,
                        const char        *domain,
                        GCancellable      *cancellable,
                        GError           **error)
{
  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &get_domain, g_strdup (domain), cancellable,
                                  error);
}

/* What the pool back end asks about a disk with is no guest. */
static gboolean
is_scratch (virDomainPtr domain)
{
  char uuid[VIR_UUID_STRING_BUFLEN];

  return virDomainGetUUIDString (domain, uuid) == 0 &&
         mig_libvirt_scratch_owns_domain (virDomainGetName (domain), uuid);
}

/* TRUE also for a domain that ended while the list was read: it is no longer one of the host's. */
static gboolean
add_domain (GPtrArray     *infos,
            virDomainPtr   domain,
            GError       **error)
{
  g_autoptr (GError) local = NULL;
  MigDomainInfo *info = mig_libvirt_read_domain (domain, MIG_LIBVIRT_DEPTH_ALL, &local);

  if (info != NULL)
    g_ptr_array_add (infos, info);
  if (info != NULL || g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

static gpointer
call_get_domains (virConnectPtr   connection,
                  gpointer        data,
                  GError        **error)
{
  g_autoptr (GPtrArray) infos = g_ptr_array_new_with_free_func (g_object_unref);
  virDomainPtr *domains = NULL;
  int n_domains = virConnectListAllDomains (connection, &domains, 0);
  gboolean ok = n_domains >= 0;

  if (!ok)
    mig_libvirt_error_set (error, "Cannot list the domains");
  for (int i = 0; i < n_domains; i++)
    {
      ok = ok && (is_scratch (domains[i]) || add_domain (infos, domains[i], error));
      virDomainFree (domains[i]);
    }
  free (domains);

  return ok ? g_steal_pointer (&infos) : NULL;
}

/* Not over the control connection: it asks several times for each domain. */
static const MigLibvirtVerb get_domains = {
  .what = "listing the domains",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_get_domains,
  .free_result = (GDestroyNotify) g_ptr_array_unref,
};

GPtrArray *
mig_libvirt_get_domains (MigComputeDriver  *driver,
                         MigHost           *host,
                         GCancellable      *cancellable,
                         GError           **error)
{
  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &get_domains, NULL, cancellable, error);
}
