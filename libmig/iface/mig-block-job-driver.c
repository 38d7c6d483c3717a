/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-block-job-driver.h>

#include <libmig/mig-compute-driver.h>

#include "libmig/iface/mig-contract-private.h"

/**
 * MigBlockJobDriver:
 *
 * What libmig needs of a hypervisor to swap, copy or shorten the disk of a running guest.
 *
 * It is implemented by the same object as [iface@ComputeDriver], whose `event` signal tells when a job is ready or has
 * ended. A disk is named by its target, which is its name in the guest's definition: `vda`, say. Lengths are bytes,
 * rates are bytes per second.
 *
 * All methods may be called from any thread. They block.
 *
 * # Contract
 *
 * The rules of [iface@ComputeDriver] for all slots hold here too: any thread, several at once, errors of %MIG_ERROR,
 * %MIG_ERROR_NOT_FOUND only for what is proved absent, %MIG_ERROR_CONNECTION for a host that cannot be asked. After any
 * error of a slot that changes something, the change may have happened: the caller looks.
 *
 * **start** starts a job and returns once it exists. A disk that has a job already is %MIG_ERROR_BUSY, also when that
 * job is the very one that is asked for: the caller looks first. Some hypervisors accept a job that then dies at once,
 * because the lengths differ, say; so a success is not the verdict. Without %MIG_BLOCK_COPY_FLAGS_REUSE a destination
 * that is a file is created.
 *
 * **abort** ends the job: cancels it, so that the guest stays on its old disk, or, with %MIG_BLOCK_ABORT_FLAGS_PIVOT,
 * switches the guest to the copy, in the live and in the persistent definition. %MIG_ERROR_NOT_FOUND if the disk has no
 * job; %MIG_ERROR_INVALID_STATE if it cannot pivot yet. It returns when the job has gone, or with
 * %MIG_BLOCK_ABORT_FLAGS_ASYNC at once.
 *
 * **get_info** returns the job of the disk. A disk without a job has one of kind %MIG_BLOCK_JOB_KIND_NONE; no such disk
 * or domain is %MIG_ERROR_NOT_FOUND. Ready means that the hypervisor says so, never that two numbers are equal.
 *
 * **set_bandwidth** changes the limit of the running job; 0 is no limit. %MIG_ERROR_NOT_FOUND if the disk has no job.
 *
 * **resize** sets the length of the guest's disk.
 *
 * **get_length** returns the length of the disk as the guest sees it, which is what a copy has to be equal to.
 *
 * **define_source** makes the persistent definition of the domain name another source for the disk, and leaves the
 * rest of it as it is. %MIG_ERROR_INVALID_STATE if the domain has none, %MIG_ERROR_NOT_FOUND if that has no such
 * disk. libmig calls it when a pivot did not do that.
 *
 * **look** returns what the slot get_domain of [iface@ComputeDriver] does, but may leave out whether the domain has
 * snapshots and, unless the disk's job is asked for, the domain's own job. The disk's job is looked at first: of one
 * that ends meanwhile the domain shows the effect. A disk that is not there, or whose domain does not run, has no job
 * at all. A driver that has no quicker way than to ask twice leaves the slot out; then [method@BlockJobDriver.look]
 * does.
 *
 * Since: 0.1
 */

G_DEFINE_INTERFACE (MigBlockJobDriver, mig_block_job_driver, G_TYPE_OBJECT)

static void
mig_block_job_driver_default_init (MigBlockJobDriverInterface *iface)
{
}

static gboolean
check_disk (const char  *domain,
            const char  *target,
            GError     **error)
{
  if (*domain != '\0' && *target != '\0')
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the name of a %s is empty",
               *domain == '\0' ? "domain" : "disk");

  return FALSE;
}

/**
 * mig_block_job_driver_start:
 * @self: a driver
 * @request: which disk, what to do, and where to
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Starts a job on a disk, and returns once it exists.
 *
 * Returns: whether the call returned a success, after which the job may still have died at once; else an error:
 *   %MIG_ERROR_BUSY when the disk has a job
 *
 * Since: 0.1
 */
gboolean
mig_block_job_driver_start (MigBlockJobDriver    *self,
                            MigBlockCopyRequest  *request,
                            GCancellable         *cancellable,
                            GError              **error)
{
  MigBlockJobDriverInterface *iface;
  GError *local = NULL;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_BLOCK_JOB_DRIVER (self), FALSE);
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (request), FALSE);

  iface = MIG_BLOCK_JOB_DRIVER_GET_IFACE (self);
  if (mig_block_copy_request_get_host (request) == NULL || mig_block_copy_request_get_domain (request) == NULL ||
      mig_block_copy_request_get_target (request) == NULL)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                           "a request for a block job needs a host, a domain and a target");
      return FALSE;
    }
  if (!check_disk (mig_block_copy_request_get_domain (request), mig_block_copy_request_get_target (request), error))
    return FALSE;
  if (iface->start == NULL)
    return mig_contract_missing (self, "start", error);

  ok = iface->start (self, request, cancellable, &local);

  return mig_contract_check (self, "start", ok, local, error);
}

/**
 * mig_block_job_driver_abort:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @target: the name of a disk in the guest
 * @flags: how to end the job
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Ends the job of a disk: cancels it, or switches the guest to the copy.
 *
 * Returns: whether the job has ended that way, or, with %MIG_BLOCK_ABORT_FLAGS_ASYNC, is ending; else an error:
 *   %MIG_ERROR_NOT_FOUND when the disk has no job, %MIG_ERROR_INVALID_STATE when it cannot pivot yet
 *
 * Since: 0.1
 */
gboolean
mig_block_job_driver_abort (MigBlockJobDriver   *self,
                            MigHost             *host,
                            const char          *domain,
                            const char          *target,
                            MigBlockAbortFlags   flags,
                            GCancellable        *cancellable,
                            GError             **error)
{
  MigBlockJobDriverInterface *iface;
  GError *local = NULL;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_BLOCK_JOB_DRIVER (self), FALSE);
  g_return_val_if_fail (MIG_IS_HOST (host), FALSE);
  g_return_val_if_fail (domain != NULL, FALSE);
  g_return_val_if_fail (target != NULL, FALSE);

  iface = MIG_BLOCK_JOB_DRIVER_GET_IFACE (self);
  if (!check_disk (domain, target, error))
    return FALSE;
  if (iface->abort == NULL)
    return mig_contract_missing (self, "abort", error);

  ok = iface->abort (self, host, domain, target, flags, cancellable, &local);

  return mig_contract_check (self, "abort", ok, local, error);
}

/**
 * mig_block_job_driver_get_info:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @target: the name of a disk in the guest
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Looks at the job of a disk.
 *
 * Returns: (transfer full): the job, of kind %MIG_BLOCK_JOB_KIND_NONE when the disk has none, or %NULL with an error:
 *   %MIG_ERROR_NOT_FOUND when there is no such domain or disk
 *
 * Since: 0.1
 */
MigBlockJobInfo *
mig_block_job_driver_get_info (MigBlockJobDriver  *self,
                               MigHost            *host,
                               const char         *domain,
                               const char         *target,
                               GCancellable       *cancellable,
                               GError            **error)
{
  MigBlockJobDriverInterface *iface;
  g_autoptr (MigBlockJobInfo) info = NULL;
  GError *local = NULL;

  g_return_val_if_fail (MIG_IS_BLOCK_JOB_DRIVER (self), NULL);
  g_return_val_if_fail (MIG_IS_HOST (host), NULL);
  g_return_val_if_fail (domain != NULL, NULL);
  g_return_val_if_fail (target != NULL, NULL);

  iface = MIG_BLOCK_JOB_DRIVER_GET_IFACE (self);
  if (!check_disk (domain, target, error))
    return NULL;
  if (iface->get_info == NULL)
    {
      mig_contract_missing (self, "get_info", error);
      return NULL;
    }

  info = iface->get_info (self, host, domain, target, cancellable, &local);

  return mig_contract_check (self, "get_info", info != NULL, local, error) ? g_steal_pointer (&info) : NULL;
}

/* The slots that set one number of a disk. */
typedef gboolean (*Setter) (MigBlockJobDriver  *self,
                            MigHost            *host,
                            const char         *domain,
                            const char         *target,
                            gint64              value,
                            GCancellable       *cancellable,
                            GError            **error);

#define SLOT(name) G_STRUCT_OFFSET (MigBlockJobDriverInterface, name)

static gboolean
call_setter (MigBlockJobDriver  *self,
             const char         *slot,
             gsize               offset,
             MigHost            *host,
             const char         *domain,
             const char         *target,
             gint64              value,
             GCancellable       *cancellable,
             GError            **error)
{
  GError *local = NULL;
  Setter setter;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_BLOCK_JOB_DRIVER (self), FALSE);
  g_return_val_if_fail (MIG_IS_HOST (host), FALSE);
  g_return_val_if_fail (domain != NULL, FALSE);
  g_return_val_if_fail (target != NULL, FALSE);

  setter = G_STRUCT_MEMBER (Setter, MIG_BLOCK_JOB_DRIVER_GET_IFACE (self), offset);
  if (!check_disk (domain, target, error))
    return FALSE;
  if (value < 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s: disk “%s” cannot be given %" G_GINT64_FORMAT,
                   slot, target, value);
      return FALSE;
    }
  if (setter == NULL)
    return mig_contract_missing (self, slot, error);

  ok = setter (self, host, domain, target, value, cancellable, &local);

  return mig_contract_check (self, slot, ok, local, error);
}

/**
 * mig_block_job_driver_set_bandwidth:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @target: the name of a disk in the guest
 * @bandwidth: bytes per second; 0 for no limit
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Changes how fast the job of a disk may go.
 *
 * Returns: whether it is so now; else an error: %MIG_ERROR_NOT_FOUND when the disk has no job
 *
 * Since: 0.1
 */
gboolean
mig_block_job_driver_set_bandwidth (MigBlockJobDriver  *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    const char         *target,
                                    gint64              bandwidth,
                                    GCancellable       *cancellable,
                                    GError            **error)
{
  return call_setter (self, "set_bandwidth", SLOT (set_bandwidth), host, domain, target, bandwidth, cancellable, error);
}

/**
 * mig_block_job_driver_resize:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @target: the name of a disk in the guest
 * @length: the new length in bytes
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Sets the length of a guest's disk.
 *
 * Returns: whether it is so now; else an error
 *
 * Since: 0.1
 */
gboolean
mig_block_job_driver_resize (MigBlockJobDriver  *self,
                             MigHost            *host,
                             const char         *domain,
                             const char         *target,
                             gint64              length,
                             GCancellable       *cancellable,
                             GError            **error)
{
  return call_setter (self, "resize", SLOT (resize), host, domain, target, length, cancellable, error);
}

/**
 * mig_block_job_driver_get_length:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @target: the name of a disk in the guest
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Reads the length of a guest's disk, as the guest sees it.
 *
 * Returns: the length in bytes, or -1 with an error: %MIG_ERROR_NOT_FOUND when there is no such domain or disk
 *
 * Since: 0.1
 */
gint64
mig_block_job_driver_get_length (MigBlockJobDriver  *self,
                                 MigHost            *host,
                                 const char         *domain,
                                 const char         *target,
                                 GCancellable       *cancellable,
                                 GError            **error)
{
  MigBlockJobDriverInterface *iface;
  GError *local = NULL;
  gint64 length;

  g_return_val_if_fail (MIG_IS_BLOCK_JOB_DRIVER (self), -1);
  g_return_val_if_fail (MIG_IS_HOST (host), -1);
  g_return_val_if_fail (domain != NULL, -1);
  g_return_val_if_fail (target != NULL, -1);

  iface = MIG_BLOCK_JOB_DRIVER_GET_IFACE (self);
  if (!check_disk (domain, target, error))
    return -1;
  if (iface->get_length == NULL)
    {
      mig_contract_missing (self, "get_length", error);
      return -1;
    }

  length = iface->get_length (self, host, domain, target, cancellable, &local);

  /* No disk has the length 0, which is also what an interpreter returns when its slot failed. */
  return mig_contract_check (self, "get_length", length > 0, local, error) ? length : -1;
}

/**
 * mig_block_job_driver_define_source:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @target: the name of a disk in the guest
 * @source: where the disk's data is
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Writes another source of a disk into the persistent definition of its domain.
 *
 * Returns: whether the definition names it now; else an error: %MIG_ERROR_INVALID_STATE when the domain has no
 *   persistent definition
 *
 * Since: 0.1
 */
gboolean
mig_block_job_driver_define_source (MigBlockJobDriver  *self,
                                    MigHost            *host,
                                    const char         *domain,
                                    const char         *target,
                                    MigDiskSource      *source,
                                    GCancellable       *cancellable,
                                    GError            **error)
{
  MigBlockJobDriverInterface *iface;
  GError *local = NULL;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_BLOCK_JOB_DRIVER (self), FALSE);
  g_return_val_if_fail (MIG_IS_HOST (host), FALSE);
  g_return_val_if_fail (domain != NULL, FALSE);
  g_return_val_if_fail (target != NULL, FALSE);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (source), FALSE);

  iface = MIG_BLOCK_JOB_DRIVER_GET_IFACE (self);
  if (!check_disk (domain, target, error))
    return FALSE;
  if (iface->define_source == NULL)
    return mig_contract_missing (self, "define_source", error);

  ok = iface->define_source (self, host, domain, target, source, cancellable, &local);

  return mig_contract_check (self, "define_source", ok, local, error);
}

/* A guest may end between the two questions: then its disk has no job, and the domain says why. */
static MigDomainInfo *
ask_twice (MigBlockJobDriver  *self,
           MigHost            *host,
           const char         *domain,
           const char         *target,
           MigBlockJobInfo   **job,
           GCancellable       *cancellable,
           GError            **error)
{
  g_autoptr (GError) local = NULL;

  if (job != NULL)
    *job = mig_block_job_driver_get_info (self, host, domain, target, cancellable, &local);
  if (local != NULL && !g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND) &&
      !g_error_matches (local, MIG_ERROR, MIG_ERROR_INVALID_STATE))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }

  return mig_compute_driver_get_domain (MIG_COMPUTE_DRIVER (self), host, domain, cancellable, error);
}

/**
 * mig_block_job_driver_look:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @target: the name of a disk in the guest
 * @job: (out) (optional) (nullable) (transfer full): return location for the disk's job: %NULL when there is no such
 *   disk or the domain does not run
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Looks at a domain for the sake of one of its disks, and at the job of the disk if that is asked for.
 *
 * It may be quicker than [method@ComputeDriver.get_domain] and [method@BlockJobDriver.get_info], and tell less: whether
 * the domain has snapshots is left open, and so is the domain's own job (%MIG_JOB_KIND_OTHER) unless @job is given.
 *
 * Returns: (transfer full): the domain, or %NULL with an error: %MIG_ERROR_NOT_FOUND when it is proved that the host
 *   has no such domain
 *
 * Since: 0.1
 */
MigDomainInfo *
mig_block_job_driver_look (MigBlockJobDriver  *self,
                           MigHost            *host,
                           const char         *domain,
                           const char         *target,
                           MigBlockJobInfo   **job,
                           GCancellable       *cancellable,
                           GError            **error)
{
  MigBlockJobDriverInterface *iface;
  g_autoptr (MigBlockJobInfo) seen = NULL;
  g_autoptr (MigDomainInfo) info = NULL;
  GError *local = NULL;

  g_return_val_if_fail (MIG_IS_BLOCK_JOB_DRIVER (self), NULL);
  g_return_val_if_fail (MIG_IS_HOST (host), NULL);
  g_return_val_if_fail (domain != NULL, NULL);
  g_return_val_if_fail (target != NULL, NULL);

  if (job != NULL)
    *job = NULL;
  iface = MIG_BLOCK_JOB_DRIVER_GET_IFACE (self);
  if (!check_disk (domain, target, error))
    return NULL;

  if (iface->look == NULL && !MIG_IS_COMPUTE_DRIVER (self))
    {
      mig_contract_missing (self, "look", error);
      return NULL;
    }
  if (iface->look == NULL)
    {
      info = ask_twice (self, host, domain, target, job != NULL ? &seen : NULL, cancellable, error);
      if (info == NULL)
        return NULL;
    }
  else
    {
      info = iface->look (self, host, domain, target, job != NULL ? &seen : NULL, cancellable, &local);
      if (!mig_contract_check (self, "look", info != NULL, local, error) ||
          !mig_contract_check_info (self, "look", info, domain, error))
        return NULL;
    }
  if (job != NULL)
    *job = g_steal_pointer (&seen);

  return g_steal_pointer (&info);
}
