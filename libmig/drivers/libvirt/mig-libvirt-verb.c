/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-error.h>

#include "libmig/drivers/libvirt/mig-libvirt-verb-private.h"

typedef struct
{
  MigLibvirtEndpoint   *endpoint;
  MigLibvirtConnection *connection;
  const MigLibvirtVerb *verb;
  gpointer              data;
} Job;

static void
job_free (gpointer data)
{
  Job *job = data;

  if (job->data != NULL && job->verb->free_data != NULL)
    job->verb->free_data (job->data);
  mig_libvirt_endpoint_release (job->endpoint, job->connection);
  mig_libvirt_endpoint_unref (job->endpoint);
  g_free (job);
}

static gpointer
job_run (gpointer   data,
         GError   **error)
{
  Job *job = data;
  g_autoptr (GError) local = NULL;
  gpointer result = job->verb->func (mig_libvirt_connection_get (job->connection), job->data, &local);

  if (result != NULL)
    return result;

  if (!mig_libvirt_connection_is_alive (job->connection))
    {
      mig_libvirt_connection_mark_dead (job->connection);
      if (local->domain == MIG_ERROR)
        local->code = MIG_ERROR_CONNECTION;
    }
  g_propagate_prefixed_error (error, g_steal_pointer (&local), "%s: ",
                              mig_host_get_name (mig_libvirt_endpoint_get_host (job->endpoint)));

  return NULL;
}

gpointer
mig_libvirt_verb_call (const MigLibvirtVerb  *verb,
                       MigLibvirtEndpoint    *endpoint,
                       gpointer               data,
                       GCancellable          *cancellable,
                       GError               **error)
{
  MigLibvirtConnection *connection = mig_libvirt_endpoint_acquire (endpoint, verb->lane, verb->seconds, cancellable,
                                                                   error);
  g_autoptr (MigLibvirtConnection) held = NULL;
  g_autoptr (GError) local = NULL;
  MigLibvirtCallEnd end;
  gpointer result;
  Job *job;

  if (connection == NULL)
    {
      if (data != NULL && verb->free_data != NULL)
        verb->free_data (data);
      return NULL;
    }

  held = mig_libvirt_connection_ref (connection);
  job = g_new0 (Job, 1);
  job->endpoint = mig_libvirt_endpoint_ref (endpoint);
  job->connection = connection;
  job->verb = verb;
  job->data = data;
  result = mig_libvirt_calls_run (mig_libvirt_endpoint_get_calls (endpoint), mig_libvirt_endpoint_get_tally (endpoint),
                                  verb->what, job_run, job, job_free, verb->free_result, verb->seconds, cancellable,
                                  &end, &local);
  if (end == MIG_LIBVIRT_CALL_LATE)
    {
      mig_libvirt_connection_mark_dead (held);
      if (verb->lane == MIG_LIBVIRT_LANE_CONTROL)
        local->code = MIG_ERROR_CONNECTION;
      g_prefix_error (&local, "%s: ", mig_host_get_name (mig_libvirt_endpoint_get_host (endpoint)));
    }
  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));

  return result;
}
