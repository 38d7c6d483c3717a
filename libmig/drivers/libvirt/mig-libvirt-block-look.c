/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-block-private.h"

#include <stdlib.h>

#include "libmig/drivers/libvirt/mig-libvirt-domain-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-xml-private.h"

/* What libvirt says of a disk and of its job. */

/* The disk in the domain's live XML; NOT_FOUND when there is none. */
static MigDisk *
read_disk (virDomainPtr   domain,
           const char    *target,
           GError       **error)
{
  char *xml = virDomainGetXMLDesc (domain, 0);
  g_autoptr (MigDomainInfo) info = NULL;
  MigDisk *disk;

  if (xml == NULL)
    {
      mig_libvirt_error_set (error, "Cannot read the definition of a domain");
      return NULL;
    }
  info = mig_libvirt_xml_parse (xml, NULL, MIG_DOMAIN_STATE_RUNNING, MIG_JOB_KIND_NONE, FALSE, NULL, error);
  free (xml);
  if (info == NULL)
    return NULL;

  disk = mig_domain_info_find_disk (info, target);
  if (disk == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "The domain %s has no disk %s",
                   mig_domain_info_get_name (info), target);
      return NULL;
    }

  return g_object_ref (disk);
}

static MigBlockJobKind
map_kind (int type)
{
  switch (type)
    {
    case VIR_DOMAIN_BLOCK_JOB_TYPE_PULL:
      return MIG_BLOCK_JOB_KIND_PULL;
    case VIR_DOMAIN_BLOCK_JOB_TYPE_COPY:
      return MIG_BLOCK_JOB_KIND_COPY;
    case VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT:
      return MIG_BLOCK_JOB_KIND_COMMIT;
    case VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT:
      return MIG_BLOCK_JOB_KIND_ACTIVE_COMMIT;
    default:
      return MIG_BLOCK_JOB_KIND_OTHER;
    }
}

static MigDiskError
map_disk_error (int error)
{
  switch (error)
    {
    case VIR_DOMAIN_DISK_ERROR_NONE:
      return MIG_DISK_ERROR_NONE;
    case VIR_DOMAIN_DISK_ERROR_NO_SPACE:
      return MIG_DISK_ERROR_NO_SPACE;
    case VIR_DOMAIN_DISK_ERROR_UNSPEC:
    default:
      return MIG_DISK_ERROR_UNSPECIFIED;
    }
}

/* It is no more than a help: a host that cannot say it has answered what it was asked. */
static MigDiskError
read_disk_error (virDomainPtr  domain,
                 const char   *target)
{
  int n = virDomainGetDiskErrors (domain, NULL, 0, 0);
  g_autofree virDomainDiskError *errors = n > 0 ? g_new0 (virDomainDiskError, n) : NULL;
  MigDiskError found = MIG_DISK_ERROR_NONE;

  n = errors != NULL ? virDomainGetDiskErrors (domain, errors, (unsigned) n, 0) : 0;
  for (int i = 0; i < n; i++)
    {
      if (g_strcmp0 (errors[i].disk, target) == 0)
        found = map_disk_error (errors[i].error);
      free (errors[i].disk);
    }

  return found;
}

/* libvirt's answer: there is a job, none, or, below 0, an error. */
static int
read_job (virDomainPtr            domain,
          const char             *target,
          virDomainBlockJobInfo  *info,
          GError                **error)
{
  int found = virDomainGetBlockJobInfo (domain, target, info, VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES);

  if (found < 0)
    mig_libvirt_error_set (error, "Cannot ask for the job of disk %s", target);

  return found;
}

/* Whether it is ready is in the definition only. */
static MigBlockJobInfo *
make_job (const virDomainBlockJobInfo *info,
          MigDisk                     *disk)
{
  return g_object_new (MIG_TYPE_BLOCK_JOB_INFO,
                       "kind", map_kind (info->type),
                       "current", (gint64) info->cur,
                       "end", (gint64) info->end,
                       "bandwidth", (gint64) info->bandwidth,
                       "ready", mig_disk_is_mirror_ready (disk),
                       NULL);
}

static MigBlockJobInfo *
make_no_job (MigDiskError disk_error)
{
  return g_object_new (MIG_TYPE_BLOCK_JOB_INFO, "kind", MIG_BLOCK_JOB_KIND_NONE, "disk-error", disk_error, NULL);
}

static gpointer
call_get_info (virConnectPtr   connection,
               gpointer        data,
               GError        **error)
{
  MigLibvirtBlockCall *call = data;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, call->domain, error);
  g_autoptr (GError) local = NULL;
  g_autoptr (MigDisk) disk = NULL;
  virDomainBlockJobInfo info = { 0 };
  int found;

  if (domain == NULL)
    return NULL;

  found = read_job (domain, call->target, &info, &local);
  /* Whether there is such a disk is in the definition, too. */
  disk = read_disk (domain, call->target, error);
  if (disk == NULL)
    return NULL;
  if (found < 0)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }

  return found > 0 ? make_job (&info, disk) : make_no_job (read_disk_error (domain, call->target));
}

static const MigLibvirtVerb get_info_verb = {
  .what = "asking for a block job",
  .lane = MIG_LIBVIRT_LANE_CONTROL,
  .seconds = MIG_LIBVIRT_QUERY_SECONDS,
  .func = call_get_info,
  .free_data = mig_libvirt_block_call_free,
  .free_result = g_object_unref,
};

MigBlockJobInfo *
mig_libvirt_block_get_info (MigBlockJobDriver  *driver,
                            MigHost            *host,
                            const char         *domain,
                            const char         *target,
                            GCancellable       *cancellable,
                            GError            **error)
{
  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &get_info_verb,
                                  mig_libvirt_block_call_new (domain, target), cancellable, error);
}

/* Both in one call: each question to the daemon costs a tenth of a millisecond. */
typedef struct
{
  MigDomainInfo   *domain; /* owned */
  MigBlockJobInfo *job;    /* owned; or NULL */
} Seen;

static void
seen_free (gpointer data)
{
  Seen *self = data;

  g_clear_object (&self->domain);
  g_clear_object (&self->job);
  g_free (self);
}

/* A guest whose disk has met an error is paused until somebody resumes it. */
static gboolean
may_have_error (MigDomainInfo *domain)
{
  MigDomainState state = mig_domain_info_get_state (domain);

  return state == MIG_DOMAIN_STATE_PAUSED || state == MIG_DOMAIN_STATE_PAUSED_IO_ERROR;
}

/* It may have ended since its job was looked at. */
static gboolean
is_off (MigDomainInfo *domain)
{
  MigDomainState state = mig_domain_info_get_state (domain);

  return state == MIG_DOMAIN_STATE_SHUT_OFF || state == MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED;
}

/* FALSE: an error that is more than that there is no such disk, or no guest that runs. */
static gboolean
add_job (Seen                        *self,
         virDomainPtr                 domain,
         const char                  *target,
         int                          found,
         const virDomainBlockJobInfo *info,
         GError                      *failure)
{
  MigDisk *disk = mig_domain_info_find_disk (self->domain, target);

  if (disk == NULL || is_off (self->domain))
    return TRUE;
  if (found > 0)
    self->job = make_job (info, disk);
  else if (found == 0)
    self->job = make_no_job (may_have_error (self->domain) ? read_disk_error (domain, target) : MIG_DISK_ERROR_NONE);

  return found >= 0 || g_error_matches (failure, MIG_ERROR, MIG_ERROR_NOT_FOUND) ||
         g_error_matches (failure, MIG_ERROR, MIG_ERROR_INVALID_STATE);
}

static gpointer
call_look (virConnectPtr   connection,
           gpointer        data,
           GError        **error)
{
  MigLibvirtBlockCall *call = data;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, call->domain, error);
  g_autoptr (GError) local = NULL;
  virDomainBlockJobInfo info = { 0 };
  Seen *seen;
  int found = 0;

  if (domain == NULL)
    return NULL;

  if (call->with_job)
    found = read_job (domain, call->target, &info, &local);
  seen = g_new0 (Seen, 1);
  seen->domain = mig_libvirt_read_domain (domain, call->with_job ? MIG_LIBVIRT_DEPTH_JOB : MIG_LIBVIRT_DEPTH_DISKS,
                                          error);
  if (seen->domain != NULL && (!call->with_job || add_job (seen, domain, call->target, found, &info, local)))
    return seen;

  if (seen->domain != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  seen_free (seen);

  return NULL;
}

static const MigLibvirtVerb look_verb = {
  .what = "looking at a disk",
  .lane = MIG_LIBVIRT_LANE_CONTROL,
  .seconds = MIG_LIBVIRT_QUERY_SECONDS,
  .func = call_look,
  .free_data = mig_libvirt_block_call_free,
  .free_result = seen_free,
};

MigDomainInfo *
mig_libvirt_block_look (MigBlockJobDriver  *driver,
                        MigHost            *host,
                        const char         *domain,
                        const char         *target,
                        MigBlockJobInfo   **job,
                        GCancellable       *cancellable,
                        GError            **error)
{
  MigLibvirtBlockCall *call = mig_libvirt_block_call_new (domain, target);
  MigDomainInfo *found;
  Seen *seen;

  call->with_job = job != NULL;
  seen = mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &look_verb, call, cancellable, error);
  if (seen == NULL)
    return NULL;

  found = g_steal_pointer (&seen->domain);
  if (job != NULL)
    *job = g_steal_pointer (&seen->job);
  seen_free (seen);

  return found;
}

static gpointer
call_get_length (virConnectPtr   connection,
                 gpointer        data,
                 GError        **error)
{
  MigLibvirtBlockCall *call = data;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, call->domain, error);
  g_autoptr (GError) local = NULL;
  g_autoptr (MigDisk) disk = NULL;
  virDomainBlockInfo info;
  gint64 *length;

  if (domain == NULL)
    return NULL;

  if (virDomainGetBlockInfo (domain, call->target, &info, 0) == 0)
    {
      length = g_new (gint64, 1);
      *length = (gint64) info.capacity;
      return length;
    }

  mig_libvirt_error_set (&local, "Cannot ask for the length of disk %s", call->target);
  disk = read_disk (domain, call->target, error);
  if (disk != NULL)
    g_propagate_error (error, g_steal_pointer (&local));

  return NULL;
}

static const MigLibvirtVerb get_length_verb = {
  .what = "asking for the length of a disk",
  .lane = MIG_LIBVIRT_LANE_CONTROL,
  .seconds = MIG_LIBVIRT_QUERY_SECONDS,
  .func = call_get_length,
  .free_data = mig_libvirt_block_call_free,
  .free_result = g_free,
};

gint64
mig_libvirt_block_get_length (MigBlockJobDriver  *driver,
                              MigHost            *host,
                              const char         *domain,
                              const char         *target,
                              GCancellable       *cancellable,
                              GError            **error)
{
  g_autofree gint64 *length = mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &get_length_verb,
                                                       mig_libvirt_block_call_new (domain, target), cancellable, error);

  return length != NULL ? *length : -1;
}
