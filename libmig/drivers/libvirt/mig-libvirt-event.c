/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-compute-driver.h>

#include "libmig/drivers/libvirt/mig-libvirt-event-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-job-private.h"

/* A row says what the driver tells of one of libvirt's events. */
typedef struct
{
  int            event;
  int            detail; /* or ANY */
  MigDriverEvent tells;
  const char    *reason;
} LifecycleRow;

#define ANY -1
#define ROW(EVENT, DETAIL, reason) \
  { VIR_DOMAIN_EVENT_##EVENT, VIR_DOMAIN_EVENT_##EVENT##_##DETAIL, MIG_DRIVER_EVENT_##EVENT, reason }
#define OTHER(EVENT) { VIR_DOMAIN_EVENT_##EVENT, ANY, MIG_DRIVER_EVENT_##EVENT, "other" }

/* The first row that fits. What is not here is not told. */
static const LifecycleRow lifecycle[] = {
  ROW (STARTED, MIGRATED, "migration"),
  OTHER (STARTED),
  ROW (SUSPENDED, MIGRATED, "migration"),
  ROW (SUSPENDED, POSTCOPY, "post-copy"),
  ROW (SUSPENDED, POSTCOPY_FAILED, "post-copy-failed"),
  ROW (SUSPENDED, IOERROR, "io-error"),
  OTHER (SUSPENDED),
  ROW (RESUMED, MIGRATED, "migration"),
  ROW (RESUMED, POSTCOPY, "post-copy"),
  ROW (RESUMED, POSTCOPY_FAILED, "post-copy-failed"),
  OTHER (RESUMED),
  ROW (STOPPED, MIGRATED, "migration"),
  ROW (STOPPED, FAILED, "failed"),
  ROW (STOPPED, CRASHED, "crashed"),
  OTHER (STOPPED),
};

static void
tell (MigLibvirtEndpoint *endpoint,
      virDomainPtr        domain,
      MigDriverEvent      event,
      const char         *detail)
{
  g_autoptr (MigLibvirtDriver) driver = mig_libvirt_endpoint_ref_driver (endpoint);
  char uuid[VIR_UUID_STRING_BUFLEN];

  if (driver == NULL || virDomainGetUUIDString (domain, uuid) < 0)
    return;

  mig_compute_driver_emit_event (MIG_COMPUTE_DRIVER (driver), mig_libvirt_endpoint_get_host (endpoint), uuid, event,
                                 detail);
}

static int
on_lifecycle (virConnectPtr  connection,
              virDomainPtr   domain,
              int            event,
              int            detail,
              void          *data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (lifecycle); i++)
    {
      const LifecycleRow *row = &lifecycle[i];

      if (row->event == event && (row->detail == detail || row->detail == ANY))
        {
          tell (data, domain, row->tells, row->reason);
          break;
        }
    }

  return 0;
}

static void
on_iteration (virConnectPtr  connection,
              virDomainPtr   domain,
              int            iteration,
              void          *data)
{
  g_autofree char *detail = g_strdup_printf ("%d", iteration);

  tell (data, domain, MIG_DRIVER_EVENT_ITERATION, detail);
}

static void
on_job_completed (virConnectPtr         connection,
                  virDomainPtr          domain,
                  virTypedParameterPtr  parameters,
                  int                   n_parameters,
                  void                 *data)
{
  MigLibvirtEndpoint *endpoint = data;
  g_autoptr (MigJobStats) stats =
    mig_libvirt_job_stats_new (VIR_DOMAIN_JOB_COMPLETED, parameters, n_parameters, TRUE);
  char uuid[VIR_UUID_STRING_BUFLEN];

  if (mig_job_stats_get_kind (stats) == MIG_JOB_KIND_OTHER || virDomainGetUUIDString (domain, uuid) < 0)
    return;

  mig_libvirt_history_add (mig_libvirt_endpoint_get_history (endpoint), uuid, virDomainGetName (domain), stats);
  tell (endpoint, domain, MIG_DRIVER_EVENT_JOB_COMPLETED, NULL);
}

static void
on_block_job (virConnectPtr  connection,
              virDomainPtr   domain,
              const char    *target,
              int            type,
              int            status,
              void          *data)
{
  switch (status)
    {
    case VIR_DOMAIN_BLOCK_JOB_READY:
      tell (data, domain, MIG_DRIVER_EVENT_BLOCK_JOB_READY, target);
      break;
    case VIR_DOMAIN_BLOCK_JOB_COMPLETED:
      tell (data, domain, MIG_DRIVER_EVENT_BLOCK_JOB_COMPLETED, target);
      break;
    case VIR_DOMAIN_BLOCK_JOB_CANCELED:
      tell (data, domain, MIG_DRIVER_EVENT_BLOCK_JOB_CANCELLED, target);
      break;
    case VIR_DOMAIN_BLOCK_JOB_FAILED:
      tell (data, domain, MIG_DRIVER_EVENT_BLOCK_JOB_FAILED, target);
      break;
    default:
      break;
    }
}

static const struct
{
  int                                  event;
  virConnectDomainEventGenericCallback callback;
} registrations[] = {
  { VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK (on_lifecycle) },
  { VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, VIR_DOMAIN_EVENT_CALLBACK (on_iteration) },
  { VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, VIR_DOMAIN_EVENT_CALLBACK (on_job_completed) },
  /* The second form names the disk by its target, which stays the same over a pivot. */
  { VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, VIR_DOMAIN_EVENT_CALLBACK (on_block_job) },
};

gboolean
mig_libvirt_event_register (MigLibvirtConnection *connection,
                            MigLibvirtEndpoint   *endpoint)
{
  gboolean all = TRUE;

  for (gsize i = 0; i < G_N_ELEMENTS (registrations); i++)
    all = mig_libvirt_connection_watch (connection, registrations[i].event, registrations[i].callback,
                                        mig_libvirt_endpoint_ref (endpoint),
                                        (GDestroyNotify) mig_libvirt_endpoint_unref, NULL) && all;

  return all;
}
