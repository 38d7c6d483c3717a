/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-compute-driver.h>

#include "libmig/iface/mig-contract-private.h"

/* The calls of MigComputeDriver about a migration; the others are in mig-compute-driver.c. */

/**
 * mig_compute_driver_migrate:
 * @self: a driver
 * @request: what is to be moved, where, and how
 * @cancellable: (nullable): a cancellable, which ends the waiting and not the migration
 * @error: return location for an error
 *
 * Starts a migration and blocks until the hypervisor's call has returned, which may take hours. The result is never
 * the verdict: look at both hosts.
 *
 * Returns: whether the call returned a success; else an error
 *
 * Since: 0.1
 */
gboolean
mig_compute_driver_migrate (MigComputeDriver   *self,
                            MigMigrateRequest  *request,
                            GCancellable       *cancellable,
                            GError            **error)
{
  MigComputeDriverInterface *iface;
  GError *local = NULL;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_COMPUTE_DRIVER (self), FALSE);
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (request), FALSE);

  iface = MIG_COMPUTE_DRIVER_GET_IFACE (self);
  if (mig_migrate_request_get_domain (request) == NULL || mig_migrate_request_get_source (request) == NULL ||
      mig_migrate_request_get_destination (request) == NULL)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                           "a request to migrate needs a domain, a source and a destination");
      return FALSE;
    }
  if (!mig_contract_check_domain (mig_migrate_request_get_domain (request), error))
    return FALSE;
  if (iface->migrate == NULL)
    return mig_contract_missing (self, "migrate", error);

  ok = iface->migrate (self, request, cancellable, &local);

  return mig_contract_check (self, "migrate", ok, local, error);
}

/**
 * mig_compute_driver_get_job:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @completed: the last job that ended well instead of the present one
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Reads the statistics of a domain's job.
 *
 * Returns: (transfer full): the statistics, of kind %MIG_JOB_KIND_NONE when there is no such job; or %NULL, an error
 *
 * Since: 0.1
 */
MigJobStats *
mig_compute_driver_get_job (MigComputeDriver  *self,
                            MigHost           *host,
                            const char        *domain,
                            gboolean           completed,
                            GCancellable      *cancellable,
                            GError           **error)
{
  MigComputeDriverInterface *iface;
  g_autoptr (MigJobStats) stats = NULL;
  GError *local = NULL;

  g_return_val_if_fail (MIG_IS_COMPUTE_DRIVER (self), NULL);
  g_return_val_if_fail (MIG_IS_HOST (host), NULL);
  g_return_val_if_fail (domain != NULL, NULL);

  iface = MIG_COMPUTE_DRIVER_GET_IFACE (self);
  if (!mig_contract_check_domain (domain, error))
    return NULL;
  if (iface->get_job == NULL)
    {
      mig_contract_missing (self, "get_job", error);
      return NULL;
    }

  stats = iface->get_job (self, host, domain, completed, cancellable, &local);

  return mig_contract_check (self, "get_job", stats != NULL, local, error) ? g_steal_pointer (&stats) : NULL;
}

/**
 * mig_compute_driver_abort_job:
 * @self: a driver
 * @host: the host that the domain is being moved away from
 * @domain: the UUID of a domain, or its name
 * @within: seconds from now, after which the hypervisor is not asked any more; -1 for no limit
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Asks for the end of a domain's migration, and does not wait for it.
 *
 * Returns: whether the request was accepted; else an error: %MIG_ERROR_INVALID_STATE when there is no job, or it cannot
 *   be aborted any more; %MIG_ERROR_BUSY when it took too long to ask: look again
 *
 * Since: 0.1
 */
gboolean
mig_compute_driver_abort_job (MigComputeDriver  *self,
                              MigHost           *host,
                              const char        *domain,
                              double             within,
                              GCancellable      *cancellable,
                              GError           **error)
{
  MigComputeDriverInterface *iface;
  GError *local = NULL;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_COMPUTE_DRIVER (self), FALSE);
  g_return_val_if_fail (MIG_IS_HOST (host), FALSE);
  g_return_val_if_fail (domain != NULL, FALSE);
  g_return_val_if_fail (within >= 0 || within == -1, FALSE);

  iface = MIG_COMPUTE_DRIVER_GET_IFACE (self);
  if (!mig_contract_check_domain (domain, error))
    return FALSE;
  if (iface->abort_job == NULL)
    return mig_contract_missing (self, "abort_job", error);

  ok = iface->abort_job (self, host, domain, within, cancellable, &local);

  return mig_contract_check (self, "abort_job", ok, local, error);
}

/**
 * mig_compute_driver_tune:
 * @self: a driver
 * @host: the host that the domain is being moved away from
 * @domain: the UUID of a domain, or its name
 * @tunable: what to change
 * @value: the new value, in the unit that [enum@Tunable] states
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Changes a running migration.
 *
 * Returns: whether it is so now; else an error: %MIG_ERROR_INVALID_ARGUMENT for a negative value,
 *   %MIG_ERROR_INVALID_STATE when no migration runs, or it does not allow this
 *
 * Since: 0.1
 */
gboolean
mig_compute_driver_tune (MigComputeDriver  *self,
                         MigHost           *host,
                         const char        *domain,
                         MigTunable         tunable,
                         double             value,
                         GCancellable      *cancellable,
                         GError           **error)
{
  MigComputeDriverInterface *iface;
  GError *local = NULL;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_COMPUTE_DRIVER (self), FALSE);
  g_return_val_if_fail (MIG_IS_HOST (host), FALSE);
  g_return_val_if_fail (domain != NULL, FALSE);

  iface = MIG_COMPUTE_DRIVER_GET_IFACE (self);
  if (!mig_contract_check_domain (domain, error))
    return FALSE;
  if (tunable != MIG_TUNABLE_POST_COPY && !(value >= 0))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "a limit cannot be %g", value);
      return FALSE;
    }
  if (iface->tune == NULL)
    return mig_contract_missing (self, "tune", error);

  ok = iface->tune (self, host, domain, tunable, value, cancellable, &local);

  return mig_contract_check (self, "tune", ok, local, error);
}
