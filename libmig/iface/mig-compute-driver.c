/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-compute-driver.h>

#include <libmig/mig-enum-types.h>

#include "libmig/iface/mig-contract-private.h"

/**
 * MigComputeDriver:
 *
 * What libmig needs of a hypervisor: looking at domains, moving them, and a few verbs to tidy up with.
 *
 * Everything of one technology is in one driver object; each call names the host. A driver yields values
 * ([class@DomainInfo], [class@JobStats]) and takes intent ([class@Mig.MigrateRequest]); the hypervisor's own language,
 * XML say, never leaves it, except as text that only the driver reads again ([property@DomainInfo:definition]). Built
 * in are [class@LibvirtDriver], and [class@SimDriver] for tests without hosts. If the object is a
 * [iface@BlockJobDriver] too, it can also swap disks.
 *
 * All methods may be called from any thread. They block.
 *
 * # Contract
 *
 * Implementers fill the slots below; applications and libmig itself call the methods of the same names, which check
 * the arguments first and judge what comes back. For all slots:
 *
 * - Any thread, several at once, never with a lock of libmig held. In particular every other slot has to get through
 *   while `migrate` blocks.
 * - Idempotent: a slot that finds its effect there already succeeds, so that recovery can repeat it.
 * - Errors are of %MIG_ERROR. %MIG_ERROR_NOT_FOUND says that the host answered and the domain is *proved* absent
 *   there; libmig destroys and resumes by that. %MIG_ERROR_CONNECTION says that the host could not be asked, or that
 *   the connection broke before the answer came; %MIG_ERROR_TIMED_OUT, that the call was given up. After any error of a
 *   slot that changes something, the change may have happened or may happen later: the caller looks.
 * - A slot that fails sets an error; one that fails without is reported as %MIG_ERROR_CONTRACT, and one that is missing
 *   as %MIG_ERROR_NOT_SUPPORTED.
 * - Cancelling makes a slot return soon, with %G_IO_ERROR_CANCELLED. What has been sent to the hypervisor is not taken
 *   back by that.
 * - But for `migrate`, no slot blocks for longer than a hypervisor under load needs to answer: a driver gives up calls
 *   that never return.
 * - A domain is named by its UUID, or, where there is no such UUID, by its name.
 *
 * The slots:
 *
 * **get_name** returns a short text for messages ("libvirt", say). It is asked once for each object.
 *
 * **get_host_info** returns facts about the host. That it returns anything is the test that the host answers.
 *
 * **get_domain** returns the domain as it is now, not as it was when it was last asked for.
 *
 * **get_domains** returns every domain of the host, also those that are only defined. If one of them cannot be read
 * the whole call fails: what is missing in the list would be taken for unused.
 *
 * **set_mark** writes the text into the domain's metadata, in the live and in the persistent definition, or removes it
 * when it is %NULL. It travels with the guest. Hypervisors cannot do this during a migration; the slot fails then.
 *
 * **migrate** starts the migration that the request describes and blocks until the hypervisor's call has returned.
 * Whether it returned a success or an error is news, never the verdict: the caller looks at both hosts then. Cancelling
 * abandons the call: the slot returns, the migration goes on (a direct one is kept going by the driver), and only
 * `abort_job` ends it. A second call for a domain that is being migrated fails, with %MIG_ERROR_BUSY where the
 * hypervisor tells, and leaves the first alone. When it has succeeded the domain is gone from the source or shut off
 * there; with %MIG_MIGRATE_FLAGS_PERSIST it is defined at the destination and no longer at the source. A guest that was
 * paused by its user is paused at the destination. The request's token is the same in a repetition. Directly before the
 * first of it is sent the driver calls [method@Mig.MigrateRequest.begin], which waits while the caller cannot tell
 * whether the guest is still its own to move, and sends nothing if that fails.
 *
 * **get_job** returns the statistics of the domain's job, of kind %MIG_JOB_KIND_NONE if it has none. With `completed`
 * it returns those of the last job that ended well, as far as this host still knows them, again of kind
 * %MIG_JOB_KIND_NONE if it does not; they can be read more than once.
 *
 * **abort_job** asks for the end of the domain's migration and returns at once. %MIG_ERROR_NOT_FOUND if there is no
 * such domain, %MIG_ERROR_INVALID_STATE if it has no job or the job cannot be aborted any more. What the caller saw
 * holds for `within` seconds: after that the slot does not ask, and fails with %MIG_ERROR_BUSY.
 *
 * **tune** changes the running migration. %MIG_ERROR_INVALID_STATE if there is none, or it does not allow it.
 *
 * **pause** stops the guest's processors, **resume** lets them run, also after a migration left them stopped.
 *
 * **destroy** ends a running domain at once, as if its plug was pulled; its definition stays, if it has one.
 * %MIG_ERROR_NOT_FOUND if there is no such domain. A domain that does not run is a success.
 *
 * **define** writes a persistent definition, in the place of an older one. **undefine** removes that of a domain which
 * does not run. For undefine, a domain without a definition is a success, and so is no such domain.
 *
 * While connected to a host, a driver calls [method@ComputeDriver.emit_event] for what it learns by itself. Events make
 * libmig fast; it is correct without any. While a property `has-events` of the driver is %FALSE, hosts are asked often.
 *
 * Since: 0.1
 */

enum {
  EVENT,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_INTERFACE (MigComputeDriver, mig_compute_driver, G_TYPE_OBJECT)

static void
mig_compute_driver_default_init (MigComputeDriverInterface *iface)
{
  /**
   * MigComputeDriver::event:
   * @self: the driver
   * @host: the host; not always the object that was given to a call, but of the same name
   * @domain: the UUID of the domain; `*` for an event of the host
   * @event: what happened
   * @detail: more about it, as [enum@DriverEvent] says; "" when there is nothing to say
   *
   * Something happened to a domain. This is a hint: events may be late, lost, repeated and out of order.
   *
   * It may be emitted in any thread. Handlers return quickly and do not call the driver.
   *
   * Since: 0.1
   */
  signals[EVENT] = g_signal_new ("event", MIG_TYPE_COMPUTE_DRIVER, G_SIGNAL_RUN_LAST,
                                 G_STRUCT_OFFSET (MigComputeDriverInterface, event), NULL, NULL, NULL, G_TYPE_NONE, 4,
                                 MIG_TYPE_HOST, G_TYPE_STRING, MIG_TYPE_DRIVER_EVENT, G_TYPE_STRING);
}

/**
 * mig_compute_driver_get_name:
 * @self: a driver
 *
 * Gets a short name of the driver, for messages.
 *
 * Returns: (transfer none): the name; the name of the type when the implementation gave none
 *
 * Since: 0.1
 */
const char *
mig_compute_driver_get_name (MigComputeDriver *self)
{
  g_return_val_if_fail (MIG_IS_COMPUTE_DRIVER (self), NULL);

  return mig_contract_get_name (self, "MigComputeDriver",
                                (MigContractNameFunc) MIG_COMPUTE_DRIVER_GET_IFACE (self)->get_name);
}

/**
 * mig_compute_driver_get_host_info:
 * @self: a driver
 * @host: a host
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Asks a host for facts about itself, and thereby whether it answers.
 *
 * Returns: (transfer full): the facts, or %NULL with an error: %MIG_ERROR_CONNECTION when the host does not answer
 *
 * Since: 0.1
 */
MigHostInfo *
mig_compute_driver_get_host_info (MigComputeDriver  *self,
                                  MigHost           *host,
                                  GCancellable      *cancellable,
                                  GError           **error)
{
  MigComputeDriverInterface *iface;
  g_autoptr (MigHostInfo) info = NULL;
  GError *local = NULL;

  g_return_val_if_fail (MIG_IS_COMPUTE_DRIVER (self), NULL);
  g_return_val_if_fail (MIG_IS_HOST (host), NULL);

  iface = MIG_COMPUTE_DRIVER_GET_IFACE (self);
  if (iface->get_host_info == NULL)
    {
      mig_contract_missing (self, "get_host_info", error);
      return NULL;
    }

  info = iface->get_host_info (self, host, cancellable, &local);

  return mig_contract_check (self, "get_host_info", info != NULL, local, error) ? g_steal_pointer (&info) : NULL;
}

/**
 * mig_compute_driver_get_domain:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Looks at a domain.
 *
 * Returns: (transfer full): the domain, or %NULL with an error: %MIG_ERROR_NOT_FOUND when it is proved that the host
 *   has no such domain, %MIG_ERROR_CONNECTION when the host could not be asked
 *
 * Since: 0.1
 */
MigDomainInfo *
mig_compute_driver_get_domain (MigComputeDriver  *self,
                               MigHost           *host,
                               const char        *domain,
                               GCancellable      *cancellable,
                               GError           **error)
{
  MigComputeDriverInterface *iface;
  g_autoptr (MigDomainInfo) info = NULL;
  GError *local = NULL;

  g_return_val_if_fail (MIG_IS_COMPUTE_DRIVER (self), NULL);
  g_return_val_if_fail (MIG_IS_HOST (host), NULL);
  g_return_val_if_fail (domain != NULL, NULL);

  iface = MIG_COMPUTE_DRIVER_GET_IFACE (self);
  if (!mig_contract_check_domain (domain, error))
    return NULL;
  if (iface->get_domain == NULL)
    {
      mig_contract_missing (self, "get_domain", error);
      return NULL;
    }

  info = iface->get_domain (self, host, domain, cancellable, &local);
  if (!mig_contract_check (self, "get_domain", info != NULL, local, error))
    return NULL;

  return mig_contract_check_info (self, "get_domain", info, domain, error) ? g_steal_pointer (&info) : NULL;
}

/**
 * mig_compute_driver_list_domains:
 * @self: a driver
 * @host: a host
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Looks at every domain of a host, running or only defined.
 *
 * Returns: (transfer container) (element-type MigDomainInfo): the domains, in no order, or %NULL with an error:
 *   %MIG_ERROR_CONNECTION when the host could not be asked
 *
 * Since: 0.1
 */
GPtrArray *
mig_compute_driver_list_domains (MigComputeDriver  *self,
                                 MigHost           *host,
                                 GCancellable      *cancellable,
                                 GError           **error)
{
  MigComputeDriverInterface *iface;
  g_autoptr (GPtrArray) domains = NULL;
  GError *local = NULL;

  g_return_val_if_fail (MIG_IS_COMPUTE_DRIVER (self), NULL);
  g_return_val_if_fail (MIG_IS_HOST (host), NULL);

  iface = MIG_COMPUTE_DRIVER_GET_IFACE (self);
  if (iface->get_domains == NULL)
    {
      mig_contract_missing (self, "get_domains", error);
      return NULL;
    }

  domains = iface->get_domains (self, host, cancellable, &local);
  if (!mig_contract_check_array (self, "get_domains", domains, g_object_unref, local, error))
    return NULL;
  for (guint i = 0; i < domains->len; i++)
    {
      if (!mig_contract_check_info (self, "get_domains", g_ptr_array_index (domains, i), NULL, error))
        return NULL;
    }

  return g_steal_pointer (&domains);
}

/**
 * mig_compute_driver_set_mark:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @mark: (nullable): a text, not empty, or %NULL to remove what is there
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Writes the ownership mark into a domain's metadata, from where [method@DomainInfo.get_mark] reads it, or removes it.
 *
 * Returns: whether it is so now; else an error
 *
 * Since: 0.1
 */
gboolean
mig_compute_driver_set_mark (MigComputeDriver  *self,
                             MigHost           *host,
                             const char        *domain,
                             const char        *mark,
                             GCancellable      *cancellable,
                             GError           **error)
{
  MigComputeDriverInterface *iface;
  GError *local = NULL;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_COMPUTE_DRIVER (self), FALSE);
  g_return_val_if_fail (MIG_IS_HOST (host), FALSE);
  g_return_val_if_fail (domain != NULL, FALSE);
  g_return_val_if_fail (mark == NULL || *mark != '\0', FALSE);

  iface = MIG_COMPUTE_DRIVER_GET_IFACE (self);
  if (!mig_contract_check_domain (domain, error))
    return FALSE;
  if (iface->set_mark == NULL)
    return mig_contract_missing (self, "set_mark", error);

  ok = iface->set_mark (self, host, domain, mark, cancellable, &local);

  return mig_contract_check (self, "set_mark", ok, local, error);
}

/* The verbs that take no more than a host and a text: a domain, or its definition. */
typedef gboolean (*Verb) (MigComputeDriver  *self,
                          MigHost           *host,
                          const char        *text,
                          GCancellable      *cancellable,
                          GError           **error);

static gboolean
call_verb (MigComputeDriver  *self,
           const char        *slot,
           gsize              offset,
           MigHost           *host,
           const char        *text,
           GCancellable      *cancellable,
           GError           **error)
{
  GError *local = NULL;
  Verb verb;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_COMPUTE_DRIVER (self), FALSE);
  g_return_val_if_fail (MIG_IS_HOST (host), FALSE);
  g_return_val_if_fail (text != NULL, FALSE);

  verb = G_STRUCT_MEMBER (Verb, MIG_COMPUTE_DRIVER_GET_IFACE (self), offset);
  if (*text == '\0')
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s: the domain is empty", slot);
      return FALSE;
    }
  if (verb == NULL)
    return mig_contract_missing (self, slot, error);

  ok = verb (self, host, text, cancellable, &local);

  return mig_contract_check (self, slot, ok, local, error);
}

#define SLOT(name) G_STRUCT_OFFSET (MigComputeDriverInterface, name)

/**
 * mig_compute_driver_pause:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Stops a guest's processors. Succeeds when they are stopped already.
 *
 * Returns: whether it is so now; else an error
 *
 * Since: 0.1
 */
gboolean
mig_compute_driver_pause (MigComputeDriver  *self,
                          MigHost           *host,
                          const char        *domain,
                          GCancellable      *cancellable,
                          GError           **error)
{
  return call_verb (self, "pause", SLOT (pause), host, domain, cancellable, error);
}

/**
 * mig_compute_driver_resume:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Lets a guest's processors run. Succeeds when they run already.
 *
 * Returns: whether it is so now; else an error
 *
 * Since: 0.1
 */
gboolean
mig_compute_driver_resume (MigComputeDriver  *self,
                           MigHost           *host,
                           const char        *domain,
                           GCancellable      *cancellable,
                           GError           **error)
{
  return call_verb (self, "resume", SLOT (resume), host, domain, cancellable, error);
}

/**
 * mig_compute_driver_destroy:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Ends a running domain at once. Its definition stays, if it has one.
 *
 * Returns: whether it does not run now; else an error: %MIG_ERROR_NOT_FOUND when there is no such domain
 *
 * Since: 0.1
 */
gboolean
mig_compute_driver_destroy (MigComputeDriver  *self,
                            MigHost           *host,
                            const char        *domain,
                            GCancellable      *cancellable,
                            GError           **error)
{
  return call_verb (self, "destroy", SLOT (destroy), host, domain, cancellable, error);
}

/**
 * mig_compute_driver_define:
 * @self: a driver
 * @host: a host
 * @definition: what [method@DomainInfo.get_persistent_definition] returned, of the same driver
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Writes the persistent definition of a domain, in the place of an older one.
 *
 * Returns: whether it is so now; else an error
 *
 * Since: 0.1
 */
gboolean
mig_compute_driver_define (MigComputeDriver  *self,
                           MigHost           *host,
                           const char        *definition,
                           GCancellable      *cancellable,
                           GError           **error)
{
  return call_verb (self, "define", SLOT (define), host, definition, cancellable, error);
}

/**
 * mig_compute_driver_undefine:
 * @self: a driver
 * @host: a host
 * @domain: the UUID of a domain, or its name
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Removes the persistent definition of a domain that does not run. Succeeds when there is no such definition, or no
 * such domain.
 *
 * Returns: whether it is so now; else an error
 *
 * Since: 0.1
 */
gboolean
mig_compute_driver_undefine (MigComputeDriver  *self,
                             MigHost           *host,
                             const char        *domain,
                             GCancellable      *cancellable,
                             GError           **error)
{
  return call_verb (self, "undefine", SLOT (undefine), host, domain, cancellable, error);
}

/**
 * mig_compute_driver_emit_event:
 * @self: a driver
 * @host: the host
 * @domain: the UUID of the domain; `*` for an event of the host
 * @event: what happened
 * @detail: (nullable): more about it, as [enum@DriverEvent] says
 *
 * Emits [signal@ComputeDriver::event]. This is for those who implement a driver: call it from any thread, with no lock
 * held.
 *
 * Since: 0.1
 */
void
mig_compute_driver_emit_event (MigComputeDriver *self,
                               MigHost          *host,
                               const char       *domain,
                               MigDriverEvent    event,
                               const char       *detail)
{
  g_return_if_fail (MIG_IS_COMPUTE_DRIVER (self));
  g_return_if_fail (MIG_IS_HOST (host));
  g_return_if_fail (domain != NULL);

  g_signal_emit (self, signals[EVENT], 0, host, domain, event, detail != NULL ? detail : "");
}
