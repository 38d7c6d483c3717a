/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-block-private.h"

#include <stdlib.h>

#include "libmig/drivers/libvirt/mig-libvirt-xml-private.h"

/* libvirt's verbs on block jobs. Whatever changes something waits for the domain's job and so goes over a work
 * connection; all lengths are bytes and all rates bytes per second, which libvirt has to be asked for each time. */

MigLibvirtBlockCall *
mig_libvirt_block_call_new (const char *domain,
                            const char *target)
{
  MigLibvirtBlockCall *call = g_new0 (MigLibvirtBlockCall, 1);

  call->domain = g_strdup (domain);
  call->target = g_strdup (target);

  return call;
}

void
mig_libvirt_block_call_free (gpointer data)
{
  MigLibvirtBlockCall *call = data;

  g_free (call->domain);
  g_free (call->target);
  g_clear_object (&call->source);
  g_clear_object (&call->request);
  g_free (call);
}

static gboolean
call_driver (MigBlockJobDriver     *driver,
             MigHost               *host,
             const MigLibvirtVerb  *verb,
             MigLibvirtBlockCall             *call,
             GCancellable          *cancellable,
             GError               **error)
{
  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, verb, call, cancellable, error) != NULL;
}

/* Starting */

typedef struct
{
  MigBlockCopyFlags flag;
  unsigned int      copy, rebase, commit; /* libvirt's flags; 0 where it has none */
} FlagRow;

static const FlagRow flag_rows[] = {
  { MIG_BLOCK_COPY_FLAGS_SHALLOW, VIR_DOMAIN_BLOCK_COPY_SHALLOW, VIR_DOMAIN_BLOCK_REBASE_SHALLOW,
    VIR_DOMAIN_BLOCK_COMMIT_SHALLOW },
  { MIG_BLOCK_COPY_FLAGS_REUSE, VIR_DOMAIN_BLOCK_COPY_REUSE_EXT, VIR_DOMAIN_BLOCK_REBASE_REUSE_EXT, 0 },
  { MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB, VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB, 0, 0 },
  { MIG_BLOCK_COPY_FLAGS_SYNCHRONOUS, VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES, 0, 0 },
  { MIG_BLOCK_COPY_FLAGS_COPY, 0, VIR_DOMAIN_BLOCK_REBASE_COPY, 0 },
  { MIG_BLOCK_COPY_FLAGS_COPY_RAW, 0, VIR_DOMAIN_BLOCK_REBASE_COPY_RAW, 0 },
  { MIG_BLOCK_COPY_FLAGS_COPY_DEVICE, 0, VIR_DOMAIN_BLOCK_REBASE_COPY_DEV, 0 },
  { MIG_BLOCK_COPY_FLAGS_RELATIVE, 0, VIR_DOMAIN_BLOCK_REBASE_RELATIVE, VIR_DOMAIN_BLOCK_COMMIT_RELATIVE },
  { MIG_BLOCK_COPY_FLAGS_ACTIVE, 0, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE },
  { MIG_BLOCK_COPY_FLAGS_DELETE, 0, 0, VIR_DOMAIN_BLOCK_COMMIT_DELETE },
};

/* INVALID_ARGUMENT for a flag that the verb does not have: libvirt would do something else than was asked. */
static gboolean
map_flags (MigBlockCopyRequest  *request,
           unsigned int         *flags,
           GError              **error)
{
  MigBlockJobVerb verb = mig_block_copy_request_get_verb (request);
  MigBlockCopyFlags left = mig_block_copy_request_get_flags (request);

  *flags = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (flag_rows); i++)
    {
      const FlagRow *row = &flag_rows[i];
      unsigned int mapped = verb == MIG_BLOCK_JOB_VERB_COPY   ? row->copy
                            : verb == MIG_BLOCK_JOB_VERB_REBASE ? row->rebase
                                                                : row->commit;

      if ((left & row->flag) == 0 || mapped == 0)
        continue;
      *flags |= mapped;
      left &= ~row->flag;
    }
  if (left == 0)
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "A block job of this kind does not have the flags %#x",
               left);

  return FALSE;
}

static int
start_copy (virDomainPtr          domain,
            MigBlockCopyRequest  *request,
            unsigned int          flags,
            GError              **error)
{
  MigDiskSource *destination = mig_block_copy_request_get_destination (request);
  g_autofree char *xml = NULL;
  virTypedParameterPtr parameters = NULL;
  int n_parameters = 0, max_parameters = 0;
  int result;

  if (destination == NULL)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "A copy needs a destination");
      return -1;
    }
  xml = mig_libvirt_xml_disk (destination, NULL, error);
  if (xml == NULL)
    return -1;

  if (mig_block_copy_request_get_bandwidth (request) > 0)
    virTypedParamsAddULLong (&parameters, &n_parameters, &max_parameters, VIR_DOMAIN_BLOCK_COPY_BANDWIDTH,
                             (unsigned long long) mig_block_copy_request_get_bandwidth (request));
  if (mig_block_copy_request_get_granularity (request) > 0)
    virTypedParamsAddUInt (&parameters, &n_parameters, &max_parameters, VIR_DOMAIN_BLOCK_COPY_GRANULARITY,
                           (unsigned int) mig_block_copy_request_get_granularity (request));
  if (mig_block_copy_request_get_buffer_size (request) > 0)
    virTypedParamsAddULLong (&parameters, &n_parameters, &max_parameters, VIR_DOMAIN_BLOCK_COPY_BUF_SIZE,
                             (unsigned long long) mig_block_copy_request_get_buffer_size (request));

  result = virDomainBlockCopy (domain, mig_block_copy_request_get_target (request), xml, parameters, n_parameters,
                               flags);
  if (result < 0)
    mig_libvirt_error_set (error, "Cannot mirror disk %s", mig_block_copy_request_get_target (request));
  virTypedParamsFree (parameters, n_parameters);

  return result;
}

static int
start_other (virDomainPtr          domain,
             MigBlockCopyRequest  *request,
             unsigned int          flags,
             GError              **error)
{
  const char *target = mig_block_copy_request_get_target (request);
  const char *base = mig_block_copy_request_get_base (request);
  unsigned long bandwidth = (unsigned long) mig_block_copy_request_get_bandwidth (request);
  int result;

  if (mig_block_copy_request_get_verb (request) == MIG_BLOCK_JOB_VERB_REBASE)
    result = virDomainBlockRebase (domain, target, base, bandwidth, flags | VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES);
  else
    result = virDomainBlockCommit (domain, target, base, mig_block_copy_request_get_top (request), bandwidth,
                                   flags | VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES);
  if (result < 0)
    mig_libvirt_error_set (error, "Cannot start a job of disk %s", target);

  return result;
}

static gpointer
call_start (virConnectPtr   connection,
            gpointer        data,
            GError        **error)
{
  MigLibvirtBlockCall *call = data;
  g_autoptr (virDomain) domain = NULL;
  unsigned int flags;
  int result;

  if (!map_flags (call->request, &flags, error))
    return NULL;
  domain = mig_libvirt_find_domain (connection, call->domain, error);
  if (domain == NULL)
    return NULL;

  if (mig_block_copy_request_get_verb (call->request) == MIG_BLOCK_JOB_VERB_COPY)
    result = start_copy (domain, call->request, flags, error);
  else
    result = start_other (domain, call->request, flags, error);

  return result == 0 ? MIG_LIBVIRT_DONE : NULL;
}

static const MigLibvirtVerb start_verb = {
  .what = "starting a block job",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_start,
  .free_data = mig_libvirt_block_call_free,
};

static gboolean
start (MigBlockJobDriver    *driver,
       MigBlockCopyRequest  *request,
       GCancellable         *cancellable,
       GError              **error)
{
  MigLibvirtBlockCall *call = mig_libvirt_block_call_new (mig_block_copy_request_get_domain (request),
                                    mig_block_copy_request_get_target (request));

  call->request = g_object_ref (request);

  return call_driver (driver, mig_block_copy_request_get_host (request), &start_verb, call, cancellable, error);
}

/* Ending */

/* libvirt's errors for a disk without a job differ from version to version: what is there is asked. */
static gboolean
has_job (virDomainPtr  domain,
         const char   *target)
{
  virDomainBlockJobInfo info;

  return virDomainGetBlockJobInfo (domain, target, &info, 0) != 0;
}

static gpointer
call_abort (virConnectPtr   connection,
            gpointer        data,
            GError        **error)
{
  MigLibvirtBlockCall *call = data;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, call->domain, error);
  g_autoptr (GError) local = NULL;

  if (domain == NULL)
    return NULL;
  if (virDomainBlockJobAbort (domain, call->target, call->flags) == 0)
    return MIG_LIBVIRT_DONE;

  if (mig_libvirt_error_is (VIR_ERR_BLOCK_COPY_ACTIVE))
    {
      mig_libvirt_error_set (&local, "The job of disk %s cannot pivot yet", call->target);
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, local->message);
      return NULL;
    }

  mig_libvirt_error_set (&local, "Cannot end the job of disk %s", call->target);
  if (has_job (domain, call->target))
    g_propagate_error (error, g_steal_pointer (&local));
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "Disk %s has no job: %s", call->target, local->message);

  return NULL;
}

static const MigLibvirtVerb abort_verb = {
  .what = "ending a block job",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_abort,
  .free_data = mig_libvirt_block_call_free,
};

static gboolean
abort_job (MigBlockJobDriver   *driver,
           MigHost             *host,
           const char          *domain,
           const char          *target,
           MigBlockAbortFlags   flags,
           GCancellable        *cancellable,
           GError             **error)
{
  MigLibvirtBlockCall *call = mig_libvirt_block_call_new (domain, target);

  if ((flags & MIG_BLOCK_ABORT_FLAGS_ASYNC) != 0)
    call->flags |= VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC;
  if ((flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) != 0)
    call->flags |= VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT;

  return call_driver (driver, host, &abort_verb, call, cancellable, error);
}

/* Changing */

static gpointer
call_set_bandwidth (virConnectPtr   connection,
                    gpointer        data,
                    GError        **error)
{
  MigLibvirtBlockCall *call = data;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, call->domain, error);
  g_autoptr (GError) local = NULL;

  if (domain == NULL)
    return NULL;
  if (virDomainBlockJobSetSpeed (domain, call->target, (unsigned long) call->number,
                                 VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES) == 0)
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set (&local, "Cannot limit the job of disk %s", call->target);
  if (has_job (domain, call->target))
    g_propagate_error (error, g_steal_pointer (&local));
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "Disk %s has no job: %s", call->target, local->message);

  return NULL;
}

static const MigLibvirtVerb set_bandwidth_verb = {
  .what = "limiting a block job",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_set_bandwidth,
  .free_data = mig_libvirt_block_call_free,
};

static gboolean
set_bandwidth (MigBlockJobDriver  *driver,
               MigHost            *host,
               const char         *domain,
               const char         *target,
               gint64              bandwidth,
               GCancellable       *cancellable,
               GError            **error)
{
  MigLibvirtBlockCall *call = mig_libvirt_block_call_new (domain, target);

  call->number = bandwidth;

  return call_driver (driver, host, &set_bandwidth_verb, call, cancellable, error);
}

static gpointer
call_resize (virConnectPtr   connection,
             gpointer        data,
             GError        **error)
{
  MigLibvirtBlockCall *call = data;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, call->domain, error);

  if (domain == NULL)
    return NULL;
  if (virDomainBlockResize (domain, call->target, (unsigned long long) call->number,
                            VIR_DOMAIN_BLOCK_RESIZE_BYTES) == 0)
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set (error, "Cannot resize disk %s", call->target);

  return NULL;
}

static const MigLibvirtVerb resize_verb = {
  .what = "resizing a disk",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_resize,
  .free_data = mig_libvirt_block_call_free,
};

static gboolean
resize (MigBlockJobDriver  *driver,
        MigHost            *host,
        const char         *domain,
        const char         *target,
        gint64              length,
        GCancellable       *cancellable,
        GError            **error)
{
  MigLibvirtBlockCall *call = mig_libvirt_block_call_new (domain, target);

  call->number = length;

  return call_driver (driver, host, &resize_verb, call, cancellable, error);
}

/* The persistent definition */

static gpointer
call_define_source (virConnectPtr   connection,
                    gpointer        data,
                    GError        **error)
{
  MigLibvirtBlockCall *call = data;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, call->domain, error);
  g_autoptr (virDomain) defined = NULL;
  g_autofree char *definition = NULL;
  char *xml;

  if (domain == NULL)
    return NULL;
  if (virDomainIsPersistent (domain) == 0)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "The domain has no persistent definition");
      return NULL;
    }

  /* With its secrets: what is written back must not lack them. */
  xml = virDomainGetXMLDesc (domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
  if (xml == NULL)
    {
      mig_libvirt_error_set (error, "Cannot read the persistent definition");
      return NULL;
    }
  definition = mig_libvirt_xml_replace_source (xml, call->target, call->source, error);
  free (xml);
  if (definition == NULL)
    return NULL;

  defined = virDomainDefineXML (connection, definition);
  if (defined != NULL)
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set (error, "Cannot write the persistent definition");

  return NULL;
}

static const MigLibvirtVerb define_source_verb = {
  .what = "writing a disk's source",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_define_source,
  .free_data = mig_libvirt_block_call_free,
};

static gboolean
define_source (MigBlockJobDriver  *driver,
               MigHost            *host,
               const char         *domain,
               const char         *target,
               MigDiskSource      *source,
               GCancellable       *cancellable,
               GError            **error)
{
  MigLibvirtBlockCall *call = mig_libvirt_block_call_new (domain, target);

  call->source = g_object_ref (source);

  return call_driver (driver, host, &define_source_verb, call, cancellable, error);
}

void
mig_libvirt_block_init (MigBlockJobDriverInterface *iface)
{
  iface->start = start;
  iface->abort = abort_job;
  iface->get_info = mig_libvirt_block_get_info;
  iface->set_bandwidth = set_bandwidth;
  iface->resize = resize;
  iface->get_length = mig_libvirt_block_get_length;
  iface->define_source = define_source;
  iface->look = mig_libvirt_block_look;
}
