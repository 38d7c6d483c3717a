/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-volume-backend.h>

#include "libmig/iface/mig-contract-private.h"

/**
 * MigVolumeBackend:
 *
 * What libmig needs of storage: finding volumes, creating them where a guest's disks are going to be, deleting them.
 *
 * A volume is named by the host that sees it and a [class@DiskSource], as a disk of a domain names it. Built in is
 * [class@PoolBackend], over libvirt's storage pools. Lengths are bytes.
 *
 * All methods may be called from any thread. They block.
 *
 * # Contract
 *
 * Implementers fill the slots below; applications and libmig itself call the methods of the same names, which check
 * the arguments first. For all slots:
 *
 * - Any thread, several at once, never with a lock of libmig held.
 * - Idempotent under the token: a call with the token of an earlier one that took effect succeeds, in another process
 *   too. This is how recovery repeats what may have happened. A back end that cannot keep tokens with its volumes
 *   answers by what it sees; then `create` may only succeed for a volume that was not there.
 * - Errors are of %MIG_ERROR, or of the back end's own domain. %MIG_ERROR_NOT_FOUND says that the volume is *proved*
 *   absent; %MIG_ERROR_CONNECTION that the storage could not be asked, or the answer did not come. After any error of a
 *   slot that changes something, the change may have happened: the caller looks.
 * - A slot that fails sets an error; one that fails without is reported as %MIG_ERROR_CONTRACT, and one that is missing
 *   as %MIG_ERROR_NOT_SUPPORTED.
 *
 * **get_name** returns a short text for messages. It is asked once for each object.
 *
 * **lookup** returns what is at the source now; not what a list said that was read earlier. What is below a volume
 * ([property@Volume:backing], [property@Volume:backing-known]) matters too: a volume that a domain may stand on is
 * never overwritten.
 *
 * **create** makes a volume of exactly the stated capacity, in the source's format, and reads zero in all of it.
 * Something that is there already, and was not made under this token, is %MIG_ERROR_CONFLICT and stays as it is.
 * %MIG_ERROR_NO_CAPACITY when there is no room; nothing is left then. A token is forgotten with its volume.
 *
 * **remove** deletes the volume with its data. A volume that is not there is a success. libmig calls it only for what
 * its journal says it made, or what is proved superseded.
 *
 * **compare** reads the first so many bytes of two volumes that one host sees, as a guest would see them, and returns
 * the offset of the first byte that differs, or the length when none does. %MIG_ERROR_NOT_SUPPORTED where it cannot
 * read them so. A running guest may be paused meanwhile: it returns soon when it is cancelled.
 *
 * **attach** does what a host needs before a guest on it can open the volume: logs in to the target, maps the device.
 * Once more for a volume that is attached already is a success, under any token. **detach** takes that back; a volume
 * that is not attached is a success. It is called for what was attached, also after an error of `attach` or in another
 * process, and for the volume that a guest has left; never for one that a disk of a domain names. Storage that every
 * host sees by itself leaves both slots out: both methods succeed then. A volume that is not attached can still be
 * looked up.
 *
 * Since: 0.1
 */

G_DEFINE_INTERFACE (MigVolumeBackend, mig_volume_backend, G_TYPE_OBJECT)

static void
mig_volume_backend_default_init (MigVolumeBackendInterface *iface)
{
}

static gboolean
check_volume (MigVolumeBackend  *self,
              const char        *slot,
              MigVolume         *volume,
              GError           **error)
{
  if (mig_volume_get_source (volume) == NULL)
    return mig_contract_broken (self, slot, error, "returned a volume without a source");

  return TRUE;
}

/**
 * mig_volume_backend_get_name:
 * @self: a back end
 *
 * Gets a short name of the back end, for messages.
 *
 * Returns: (transfer none): the name; the name of the type when the implementation gave none
 *
 * Since: 0.1
 */
const char *
mig_volume_backend_get_name (MigVolumeBackend *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME_BACKEND (self), NULL);

  return mig_contract_get_name (self, "MigVolumeBackend",
                                (MigContractNameFunc) MIG_VOLUME_BACKEND_GET_IFACE (self)->get_name);
}

/**
 * mig_volume_backend_lookup:
 * @self: a back end
 * @host: a host that sees the storage
 * @source: where the data is
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Looks at a volume.
 *
 * Returns: (transfer full): the volume, or %NULL with an error: %MIG_ERROR_NOT_FOUND when it is proved that nothing is
 *   there, %MIG_ERROR_NOT_SUPPORTED when the back end knows nothing of such places
 *
 * Since: 0.1
 */
MigVolume *
mig_volume_backend_lookup (MigVolumeBackend  *self,
                           MigHost           *host,
                           MigDiskSource     *source,
                           GCancellable      *cancellable,
                           GError           **error)
{
  MigVolumeBackendInterface *iface;
  g_autoptr (MigVolume) volume = NULL;
  GError *local = NULL;

  g_return_val_if_fail (MIG_IS_VOLUME_BACKEND (self), NULL);
  g_return_val_if_fail (MIG_IS_HOST (host), NULL);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (source), NULL);

  iface = MIG_VOLUME_BACKEND_GET_IFACE (self);
  if (iface->lookup == NULL)
    {
      mig_contract_missing (self, "lookup", error);
      return NULL;
    }

  volume = iface->lookup (self, host, source, cancellable, &local);
  if (!mig_contract_check (self, "lookup", volume != NULL, local, error))
    return NULL;

  return check_volume (self, "lookup", volume, error) ? g_steal_pointer (&volume) : NULL;
}

/**
 * mig_volume_backend_create:
 * @self: a back end
 * @host: a host that sees the storage
 * @source: where the volume is to be, and its format
 * @capacity: its length in bytes, as a guest will see it
 * @token: what tells a repetition of this call from another one
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Makes a volume.
 *
 * Returns: (transfer full): the volume, or %NULL with an error: %MIG_ERROR_CONFLICT when something is there that was
 *   not made under this token, %MIG_ERROR_NO_CAPACITY when there is no room
 *
 * Since: 0.1
 */
MigVolume *
mig_volume_backend_create (MigVolumeBackend  *self,
                           MigHost           *host,
                           MigDiskSource     *source,
                           gint64             capacity,
                           const char        *token,
                           GCancellable      *cancellable,
                           GError           **error)
{
  MigVolumeBackendInterface *iface;
  g_autoptr (MigVolume) volume = NULL;
  GError *local = NULL;

  g_return_val_if_fail (MIG_IS_VOLUME_BACKEND (self), NULL);
  g_return_val_if_fail (MIG_IS_HOST (host), NULL);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (source), NULL);
  g_return_val_if_fail (token != NULL, NULL);

  iface = MIG_VOLUME_BACKEND_GET_IFACE (self);
  if (capacity < 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "a volume cannot have %" G_GINT64_FORMAT " bytes",
                   capacity);
      return NULL;
    }
  if (iface->create == NULL)
    {
      mig_contract_missing (self, "create", error);
      return NULL;
    }

  volume = iface->create (self, host, source, capacity, token, cancellable, &local);
  if (!mig_contract_check (self, "create", volume != NULL, local, error))
    return NULL;

  return check_volume (self, "create", volume, error) ? g_steal_pointer (&volume) : NULL;
}

/**
 * mig_volume_backend_remove:
 * @self: a back end
 * @host: a host that sees the storage
 * @source: where the volume is
 * @token: what tells a repetition of this call from another one
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Deletes a volume with its data. Succeeds when it is not there.
 *
 * Returns: whether nothing is there now; else an error
 *
 * Since: 0.1
 */
gboolean
mig_volume_backend_remove (MigVolumeBackend  *self,
                           MigHost           *host,
                           MigDiskSource     *source,
                           const char        *token,
                           GCancellable      *cancellable,
                           GError           **error)
{
  MigVolumeBackendInterface *iface;
  GError *local = NULL;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_VOLUME_BACKEND (self), FALSE);
  g_return_val_if_fail (MIG_IS_HOST (host), FALSE);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (source), FALSE);
  g_return_val_if_fail (token != NULL, FALSE);

  iface = MIG_VOLUME_BACKEND_GET_IFACE (self);
  if (iface->remove == NULL)
    return mig_contract_missing (self, "remove", error);

  ok = iface->remove (self, host, source, token, cancellable, &local);

  return mig_contract_check (self, "remove", ok, local, error);
}

/**
 * mig_volume_backend_compare:
 * @self: a back end
 * @host: a host that sees the storage
 * @one: where the first volume is
 * @other: where the second volume is
 * @length: how many bytes to compare
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Compares the contents of two volumes, as a guest would see them.
 *
 * Returns: the offset of the first byte that differs, or @length when none does; -1 with an error:
 *   %MIG_ERROR_NOT_SUPPORTED when they cannot be read so
 *
 * Since: 0.1
 */
gint64
mig_volume_backend_compare (MigVolumeBackend  *self,
                            MigHost           *host,
                            MigDiskSource     *one,
                            MigDiskSource     *other,
                            gint64             length,
                            GCancellable      *cancellable,
                            GError           **error)
{
  MigVolumeBackendInterface *iface;
  GError *local = NULL;
  gboolean failed;
  gint64 offset;

  g_return_val_if_fail (MIG_IS_VOLUME_BACKEND (self), -1);
  g_return_val_if_fail (MIG_IS_HOST (host), -1);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (one), -1);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (other), -1);
  g_return_val_if_fail (length >= 0, -1);

  iface = MIG_VOLUME_BACKEND_GET_IFACE (self);
  if (iface->compare == NULL)
    {
      mig_contract_missing (self, "compare", error);
      return -1;
    }

  offset = iface->compare (self, host, one, other, length, cancellable, &local);
  /* 0 is also what an interpreter returns when its slot failed; without an error it says that all differs. */
  failed = offset < 0 || (offset == 0 && local != NULL);

  return mig_contract_check (self, "compare", !failed, local, error) ? offset : -1;
}

/**
 * mig_volume_backend_attach:
 * @self: a back end
 * @host: the host
 * @source: where the volume is, as a disk of a domain on that host names it
 * @token: what tells a repetition of this call from another one
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Makes a volume usable by the guests of a host. Succeeds when it is already, and when the back end has nothing to do
 * for that.
 *
 * Returns: whether the volume can be used now; else an error
 *
 * Since: 0.1
 */
gboolean
mig_volume_backend_attach (MigVolumeBackend  *self,
                           MigHost           *host,
                           MigDiskSource     *source,
                           const char        *token,
                           GCancellable      *cancellable,
                           GError           **error)
{
  MigVolumeBackendInterface *iface;
  GError *local = NULL;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_VOLUME_BACKEND (self), FALSE);
  g_return_val_if_fail (MIG_IS_HOST (host), FALSE);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (source), FALSE);
  g_return_val_if_fail (token != NULL, FALSE);

  iface = MIG_VOLUME_BACKEND_GET_IFACE (self);
  if (iface->attach == NULL)
    return TRUE;

  ok = iface->attach (self, host, source, token, cancellable, &local);

  return mig_contract_check (self, "attach", ok, local, error);
}

/**
 * mig_volume_backend_detach:
 * @self: a back end
 * @host: the host
 * @source: where the volume is, as a disk of a domain on that host names it
 * @token: what tells a repetition of this call from another one
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Takes a volume away from a host that does not use it any more. Succeeds when it is not there, and when the back end
 * has nothing to do for that.
 *
 * Returns: whether the volume is not attached now; else an error
 *
 * Since: 0.1
 */
gboolean
mig_volume_backend_detach (MigVolumeBackend  *self,
                           MigHost           *host,
                           MigDiskSource     *source,
                           const char        *token,
                           GCancellable      *cancellable,
                           GError           **error)
{
  MigVolumeBackendInterface *iface;
  GError *local = NULL;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_VOLUME_BACKEND (self), FALSE);
  g_return_val_if_fail (MIG_IS_HOST (host), FALSE);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (source), FALSE);
  g_return_val_if_fail (token != NULL, FALSE);

  iface = MIG_VOLUME_BACKEND_GET_IFACE (self);
  if (iface->detach == NULL)
    return TRUE;

  ok = iface->detach (self, host, source, token, cancellable, &local);

  return mig_contract_check (self, "detach", ok, local, error);
}
