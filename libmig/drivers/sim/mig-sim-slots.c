/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-driver-private.h"

#include <libmig/mig-error.h>

/* The slots of the three interfaces: each makes a call of the keeper, and takes from the reply what it returns. */

static gboolean
perform (gpointer       driver,
         MigSimCall    *call,
         MigSimReply   *reply,
         GCancellable  *cancellable,
         GError       **error)
{
  return mig_sim_keeper_perform (MIG_SIM_DRIVER (driver)->keeper, call, reply, cancellable, error);
}

static gboolean
perform_verb (gpointer       driver,
              MigSimCall    *call,
              GCancellable  *cancellable,
              GError       **error)
{
  g_auto (MigSimReply) reply = { 0 };

  return perform (driver, call, &reply, cancellable, error);
}

/* An object, owned, or NULL. */
static gpointer
perform_query (gpointer       driver,
               MigSimCall    *call,
               GCancellable  *cancellable,
               GError       **error)
{
  g_auto (MigSimReply) reply = { 0 };

  return perform (driver, call, &reply, cancellable, error) ? g_steal_pointer (&reply.object) : NULL;
}

static const char *
get_name (MigComputeDriver *driver)
{
  return "sim";
}

static MigHostInfo *
get_host_info (MigComputeDriver  *driver,
               MigHost           *host,
               GCancellable      *cancellable,
               GError           **error)
{
  return perform_query (driver, mig_sim_call_new (MIG_SIM_VERB_GET_HOST_INFO, mig_host_get_name (host), NULL),
                        cancellable, error);
}

static MigDomainInfo *
get_domain (MigComputeDriver  *driver,
            MigHost           *host,
            const char        *domain,
            GCancellable      *cancellable,
            GError           **error)
{
  return perform_query (driver, mig_sim_call_new (MIG_SIM_VERB_GET_DOMAIN, mig_host_get_name (host), domain),
                        cancellable, error);
}

static GPtrArray *
get_domains (MigComputeDriver  *driver,
             MigHost           *host,
             GCancellable      *cancellable,
             GError           **error)
{
  g_auto (MigSimReply) reply = { 0 };
  MigSimCall *call = mig_sim_call_new (MIG_SIM_VERB_GET_DOMAINS, mig_host_get_name (host), NULL);

  return perform (driver, call, &reply, cancellable, error) ? g_steal_pointer (&reply.array) : NULL;
}

static gboolean
set_mark (MigComputeDriver  *driver,
          MigHost           *host,
          const char        *domain,
          const char        *mark,
          GCancellable      *cancellable,
          GError           **error)
{
  MigSimCall *call = mig_sim_call_new (MIG_SIM_VERB_SET_MARK, mig_host_get_name (host), domain);

  call->text = g_strdup (mark);

  return perform_verb (driver, call, cancellable, error);
}

static gboolean
migrate (MigComputeDriver   *driver,
         MigMigrateRequest  *request,
         GCancellable       *cancellable,
         GError            **error)
{
  MigHost *destination = mig_migrate_request_get_destination (request);
  gboolean has_peer = mig_host_get_peer_uri (destination) != NULL;
  g_auto (MigSimReply) reply = { 0 };
  MigSimCall *call;

  if (mig_migrate_request_get_mode (request) == MIG_MIGRATE_MODE_PEER_TO_PEER && !has_peer)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "host %s has no peer URI",
                   mig_host_get_name (destination));
      return FALSE;
    }

  call = mig_sim_call_new (MIG_SIM_VERB_MIGRATE, mig_host_get_name (mig_migrate_request_get_source (request)),
                           mig_migrate_request_get_domain (request));
  call->request = request;
  call->destination = g_strdup (mig_host_get_name (destination));
  call->direct = mig_migrate_request_get_mode (request) == MIG_MIGRATE_MODE_DIRECT || !has_peer;
  call->flags = mig_migrate_request_get_flags (request);
  call->disks = g_strdupv ((char **) mig_migrate_request_get_copy_disks (request));
  call->number = mig_migrate_request_get_bandwidth (request);
  call->value = mig_migrate_request_get_max_downtime (request);
  if (!perform (driver, call, &reply, cancellable, error))
    return FALSE;

  return mig_sim_keeper_wait_result (MIG_SIM_DRIVER (driver)->keeper, (guint64) reply.number, cancellable, error);
}

static MigJobStats *
get_job (MigComputeDriver  *driver,
         MigHost           *host,
         const char        *domain,
         gboolean           completed,
         GCancellable      *cancellable,
         GError           **error)
{
  MigSimCall *call = mig_sim_call_new (MIG_SIM_VERB_GET_JOB, mig_host_get_name (host), domain);

  call->number = completed;

  return perform_query (driver, call, cancellable, error);
}

static gboolean
abort_job (MigComputeDriver  *driver,
           MigHost           *host,
           const char        *domain,
           double             within,
           GCancellable      *cancellable,
           GError           **error)
{
  MigSimCall *call = mig_sim_call_new (MIG_SIM_VERB_ABORT_JOB, mig_host_get_name (host), domain);

  call->until = within < 0 ? 0 : g_get_monotonic_time () + mig_sim_seconds (within);

  return perform_verb (driver, call, cancellable, error);
}

static gboolean
tune (MigComputeDriver  *driver,
      MigHost           *host,
      const char        *domain,
      MigTunable         tunable,
      double             value,
      GCancellable      *cancellable,
      GError           **error)
{
  MigSimCall *call = mig_sim_call_new (MIG_SIM_VERB_TUNE, mig_host_get_name (host), domain);

  call->number = tunable;
  call->value = value;

  return perform_verb (driver, call, cancellable, error);
}

static gboolean
pause_domain (MigComputeDriver  *driver,
              MigHost           *host,
              const char        *domain,
              GCancellable      *cancellable,
              GError           **error)
{
  return perform_verb (driver, mig_sim_call_new (MIG_SIM_VERB_PAUSE, mig_host_get_name (host), domain), cancellable,
                       error);
}

static gboolean
resume (MigComputeDriver  *driver,
        MigHost           *host,
        const char        *domain,
        GCancellable      *cancellable,
        GError           **error)
{
  return perform_verb (driver, mig_sim_call_new (MIG_SIM_VERB_RESUME, mig_host_get_name (host), domain), cancellable,
                       error);
}

static gboolean
destroy (MigComputeDriver  *driver,
         MigHost           *host,
         const char        *domain,
         GCancellable      *cancellable,
         GError           **error)
{
  return perform_verb (driver, mig_sim_call_new (MIG_SIM_VERB_DESTROY, mig_host_get_name (host), domain), cancellable,
                       error);
}

static gboolean
define (MigComputeDriver  *driver,
        MigHost           *host,
        const char        *definition,
        GCancellable      *cancellable,
        GError           **error)
{
  MigSimCall *call = mig_sim_call_new (MIG_SIM_VERB_DEFINE, mig_host_get_name (host), NULL);

  call->text = g_strdup (definition);

  return perform_verb (driver, call, cancellable, error);
}

static gboolean
undefine (MigComputeDriver  *driver,
          MigHost           *host,
          const char        *domain,
          GCancellable      *cancellable,
          GError           **error)
{
  return perform_verb (driver, mig_sim_call_new (MIG_SIM_VERB_UNDEFINE, mig_host_get_name (host), domain), cancellable,
                       error);
}

void
mig_sim_driver_init_compute (MigComputeDriverInterface *iface)
{
  iface->get_name = get_name;
  iface->get_host_info = get_host_info;
  iface->get_domain = get_domain;
  iface->set_mark = set_mark;
  iface->migrate = migrate;
  iface->get_job = get_job;
  iface->abort_job = abort_job;
  iface->tune = tune;
  iface->pause = pause_domain;
  iface->resume = resume;
  iface->destroy = destroy;
  iface->define = define;
  iface->undefine = undefine;
  iface->get_domains = get_domains;
}

static MigSimCall *
new_disk_call (MigSimVerb  verb,
               MigHost    *host,
               const char *domain,
               const char *target)
{
  MigSimCall *call = mig_sim_call_new (verb, mig_host_get_name (host), domain);

  call->target = g_strdup (target);

  return call;
}

/* The destination of libvirt's older verb is a path, unless it is described. */
static MigDiskSource *
dup_destination (MigBlockCopyRequest  *request,
                 GError              **error)
{
  MigDiskSource *destination = mig_block_copy_request_get_destination (request);
  MigBlockCopyFlags flags = mig_block_copy_request_get_flags (request);
  const char *base = mig_block_copy_request_get_base (request);

  if (mig_block_copy_request_get_verb (request) == MIG_BLOCK_JOB_VERB_COMMIT ||
      (mig_block_copy_request_get_verb (request) == MIG_BLOCK_JOB_VERB_REBASE &&
       (flags & MIG_BLOCK_COPY_FLAGS_COPY) == 0))
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "simulated disks have no backing files");
      return NULL;
    }
  if (destination != NULL)
    return g_object_ref (destination);
  if (base != NULL)
    return mig_disk_source_parse (base, (flags & MIG_BLOCK_COPY_FLAGS_COPY_RAW) != 0 ? "raw" : NULL, error);

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "a copy needs a destination");

  return NULL;
}

static gboolean
start (MigBlockJobDriver    *driver,
       MigBlockCopyRequest  *request,
       GCancellable         *cancellable,
       GError              **error)
{
  g_autoptr (MigDiskSource) destination = dup_destination (request, error);
  MigSimCall *call;

  if (destination == NULL)
    return FALSE;

  call = new_disk_call (MIG_SIM_VERB_BLOCK_START, mig_block_copy_request_get_host (request),
                        mig_block_copy_request_get_domain (request), mig_block_copy_request_get_target (request));
  call->source = g_steal_pointer (&destination);
  call->flags = mig_block_copy_request_get_flags (request);
  call->number = mig_block_copy_request_get_bandwidth (request);

  return perform_verb (driver, call, cancellable, error);
}

static gboolean
abort_block (MigBlockJobDriver   *driver,
             MigHost             *host,
             const char          *domain,
             const char          *target,
             MigBlockAbortFlags   flags,
             GCancellable        *cancellable,
             GError             **error)
{
  MigSimCall *call = new_disk_call (MIG_SIM_VERB_BLOCK_ABORT, host, domain, target);

  call->flags = flags;

  return perform_verb (driver, call, cancellable, error);
}

static MigBlockJobInfo *
get_info (MigBlockJobDriver  *driver,
          MigHost            *host,
          const char         *domain,
          const char         *target,
          GCancellable       *cancellable,
          GError            **error)
{
  return perform_query (driver, new_disk_call (MIG_SIM_VERB_BLOCK_GET_INFO, host, domain, target), cancellable, error);
}

static gboolean
set_number (gpointer       driver,
            MigSimVerb     verb,
            MigHost       *host,
            const char    *domain,
            const char    *target,
            gint64         number,
            GCancellable  *cancellable,
            GError       **error)
{
  MigSimCall *call = new_disk_call (verb, host, domain, target);

  call->number = number;

  return perform_verb (driver, call, cancellable, error);
}

static gboolean
set_bandwidth (MigBlockJobDriver  *driver,
               MigHost            *host,
               const char         *domain,
               const char         *target,
               gint64              bandwidth,
               GCancellable       *cancellable,
               GError            **error)
{
  return set_number (driver, MIG_SIM_VERB_BLOCK_SET_BANDWIDTH, host, domain, target, bandwidth, cancellable, error);
}

static gboolean
resize (MigBlockJobDriver  *driver,
        MigHost            *host,
        const char         *domain,
        const char         *target,
        gint64              length,
        GCancellable       *cancellable,
        GError            **error)
{
  return set_number (driver, MIG_SIM_VERB_BLOCK_RESIZE, host, domain, target, length, cancellable, error);
}

static gint64
get_length (MigBlockJobDriver  *driver,
            MigHost            *host,
            const char         *domain,
            const char         *target,
            GCancellable       *cancellable,
            GError            **error)
{
  g_auto (MigSimReply) reply = { 0 };
  MigSimCall *call = new_disk_call (MIG_SIM_VERB_BLOCK_GET_LENGTH, host, domain, target);

  return perform (driver, call, &reply, cancellable, error) ? reply.number : -1;
}

static gboolean
define_source (MigBlockJobDriver  *driver,
               MigHost            *host,
               const char         *domain,
               const char         *target,
               MigDiskSource      *source,
               GCancellable       *cancellable,
               GError            **error)
{
  MigSimCall *call = new_disk_call (MIG_SIM_VERB_BLOCK_DEFINE_SOURCE, host, domain, target);

  call->source = g_object_ref (source);

  return perform_verb (driver, call, cancellable, error);
}

void
mig_sim_driver_init_block (MigBlockJobDriverInterface *iface)
{
  iface->start = start;
  iface->abort = abort_block;
  iface->get_info = get_info;
  iface->set_bandwidth = set_bandwidth;
  iface->resize = resize;
  iface->get_length = get_length;
  iface->define_source = define_source;
}

static const char *
get_backend_name (MigVolumeBackend *backend)
{
  return "sim";
}

static MigSimCall *
new_volume_call (MigSimVerb     verb,
                 MigHost       *host,
                 MigDiskSource *source,
                 const char    *token)
{
  MigSimCall *call = mig_sim_call_new (verb, mig_host_get_name (host), NULL);

  call->source = g_object_ref (source);
  call->text = g_strdup (token);

  return call;
}

static MigVolume *
lookup (MigVolumeBackend  *backend,
        MigHost           *host,
        MigDiskSource     *source,
        GCancellable      *cancellable,
        GError           **error)
{
  return perform_query (backend, new_volume_call (MIG_SIM_VERB_VOLUME_LOOKUP, host, source, NULL), cancellable, error);
}

static MigVolume *
create (MigVolumeBackend  *backend,
        MigHost           *host,
        MigDiskSource     *source,
        gint64             capacity,
        const char        *token,
        GCancellable      *cancellable,
        GError           **error)
{
  MigSimCall *call = new_volume_call (MIG_SIM_VERB_VOLUME_CREATE, host, source, token);

  call->number = capacity;

  return perform_query (backend, call, cancellable, error);
}

static gboolean
remove_volume (MigVolumeBackend  *backend,
               MigHost           *host,
               MigDiskSource     *source,
               const char        *token,
               GCancellable      *cancellable,
               GError           **error)
{
  return perform_verb (backend, new_volume_call (MIG_SIM_VERB_VOLUME_REMOVE, host, source, token), cancellable, error);
}

void
mig_sim_driver_init_volume (MigVolumeBackendInterface *iface)
{
  iface->get_name = get_backend_name;
  iface->lookup = lookup;
  iface->create = create;
  iface->remove = remove_volume;
}
