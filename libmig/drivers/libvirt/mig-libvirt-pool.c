/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <libmig/mig-error.h>

#include "libmig/core/mig-waiter-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-error-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-pool-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-storage-xml-private.h"

/* So long somebody else may make a pool unusable for us: by removing it again and again, or by writing a volume in
 * it. */
#define PATIENCE (20 * G_USEC_PER_SEC)
/* So often it is looked again at once; after that with a pause. */
#define QUICK_ATTEMPTS 10
#define PAUSE (20 * 1000)

MigLibvirtPoolEnd
mig_libvirt_pool_failed (virStoragePoolPtr   pool,
                         const char         *what,
                         GError            **error)
{
  gboolean gone = mig_libvirt_error_is (VIR_ERR_NO_STORAGE_POOL);
  /* One code for whatever does not fit the state: of the volume, or of the pool. */
  gboolean unclear = mig_libvirt_error_is (VIR_ERR_OPERATION_INVALID);

  mig_libvirt_error_set_file (error, "Cannot %s", what);
  if (gone || (unclear && virStoragePoolIsActive (pool) != 1))
    return MIG_LIBVIRT_POOL_GONE;

  return MIG_LIBVIRT_POOL_FAILED;
}

MigLibvirtPoolInfo *
mig_libvirt_pool_read (virStoragePoolPtr   pool,
                       GError            **error)
{
  /* Before: asking for it makes libvirt forget its last error. */
  const char *name = virStoragePoolGetName (pool);
  char *xml = virStoragePoolGetXMLDesc (pool, 0);
  MigLibvirtPoolInfo *info = NULL;

  if (xml != NULL)
    info = mig_libvirt_pool_info_parse (xml, error);
  else
    mig_libvirt_error_set (error, "Cannot look at the pool “%s”", name);
  free (xml);

  return info;
}

/* Reads its list, too. */
static gboolean
start_again (virStoragePoolPtr pool)
{
  return virStoragePoolIsActive (pool) == 0 && virStoragePoolIsPersistent (pool) == 1 &&
         virStoragePoolCreate (pool, 0) == 0;
}

MigLibvirtPoolEnd
mig_libvirt_pool_refresh (virStoragePoolPtr   pool,
                          GError            **error)
{
  g_autoptr (GError) local = NULL;
  gboolean busy, was_active, gone;
  MigLibvirtPoolEnd end;

  if (virStoragePoolRefresh (pool, 0) == 0)
    return MIG_LIBVIRT_POOL_DONE;

  /* While a volume is written, libvirt refuses to read the list, without a code of its own. */
  busy = mig_libvirt_error_is (VIR_ERR_INTERNAL_ERROR);
  was_active = !mig_libvirt_error_is (VIR_ERR_OPERATION_INVALID);
  end = mig_libvirt_pool_failed (pool, "read the list of volumes", &local);
  if (was_active && start_again (pool))
    return MIG_LIBVIRT_POOL_DONE;

  /* That its directory was missing proves nothing of the volumes: the next look meets the sleeping pool, or the
   * directory without any. */
  gone = g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  g_propagate_error (error, g_steal_pointer (&local));

  return busy || gone ? MIG_LIBVIRT_POOL_GONE : end;
}

/* Pools that are defined but not active. Nobody knows what their volumes are: what is mounted over their directory when
 * they are active is not there now. */


/* Both without a slash too many, as libvirt and we write them. */
static gboolean
contains (const char *directory,
          const char *path)
{
  gsize length = strlen (directory);

  while (length > 0 && directory[length - 1] == '/')
    length--;

  return strncmp (directory, path, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static gboolean
check_pool (virStoragePoolPtr   pool,
            const char         *path,
            GError            **error)
{
  g_autoptr (MigLibvirtPoolInfo) info = NULL;
  g_autoptr (GError) local = NULL;

  /* A scratch pool that is coming or going, of this process or another one: it mounts nothing. */
  if (g_str_has_prefix (virStoragePoolGetName (pool), MIG_LIBVIRT_SCRATCH_POOL))
    return TRUE;

  info = mig_libvirt_pool_read (pool, &local);
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND)) /* undefined meanwhile */
    return TRUE;
  if (info != NULL &&
      (info->target == NULL || !contains (info->target, path) || virStoragePoolIsActive (pool) == 1))
    return TRUE;

  if (info == NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "It cannot be told what is at “%s”: the storage pool “%s” "
                 "over “%s” is not active", path, virStoragePoolGetName (pool), info->target);

  return FALSE;
}

gboolean
mig_libvirt_pool_check_asleep (const MigLibvirtPlace  *place,
                               const char             *path,
                               GError                **error)
{
  virStoragePoolPtr *pools = NULL;
  int n = virConnectListAllStoragePools (place->connection, &pools, VIR_CONNECT_LIST_STORAGE_POOLS_INACTIVE);
  gboolean ok = n >= 0;

  if (!ok)
    mig_libvirt_error_set (error, "Cannot list the storage pools");
  for (int i = 0; i < n; i++)
    {
      ok = ok && check_pool (pools[i], path, error);
      virStoragePoolFree (pools[i]);
    }
  free (pools);

  return ok;
}

/* One attempt */

typedef struct
{
  const MigLibvirtPlace *place;
  const char            *directory;
  MigLibvirtPoolFunc     func;
  gpointer               data;
  char                  *name; /* of our pool there, if we make one */
} Attempt;

static char *
make_name (const char *directory)
{
  g_autofree char *uuid = mig_libvirt_scratch_make_uuid (directory);

  return g_strconcat (MIG_LIBVIRT_SCRATCH_POOL, uuid, NULL);
}

static MigLibvirtPoolEnd
make_pool (Attempt            *self,
           virStoragePoolPtr  *pool,
           GError            **error)
{
  g_autofree char *xml = mig_libvirt_storage_xml_pool (self->name, self->directory, error);
  gboolean conflict;

  if (xml == NULL || !mig_libvirt_pool_check_asleep (self->place, self->directory, error))
    return MIG_LIBVIRT_POOL_FAILED;

  *pool = virStoragePoolCreateXML (self->place->connection, xml, 0);
  if (*pool != NULL)
    return MIG_LIBVIRT_POOL_DONE;

  /* Somebody made or defined one in this moment. */
  conflict = mig_libvirt_error_is (VIR_ERR_OPERATION_FAILED);
  mig_libvirt_error_set_file (error, "Cannot look into the directory “%s”", self->directory);

  return conflict ? MIG_LIBVIRT_POOL_GONE : MIG_LIBVIRT_POOL_FAILED;
}

static MigLibvirtPoolEnd
attempt_run (Attempt  *self,
             GError  **error)
{
  g_autoptr (virStoragePool) pool = virStoragePoolLookupByTargetPath (self->place->connection, self->directory);
  MigLibvirtPoolEnd end;

  if (pool != NULL)
    {
      end = mig_libvirt_pool_refresh (pool, error);
    }
  else if (mig_libvirt_error_is (VIR_ERR_NO_STORAGE_POOL))
    {
      end = make_pool (self, &pool, error);
    }
  else
    {
      mig_libvirt_error_set (error, "Cannot look for the pool over the directory “%s”", self->directory);
      return MIG_LIBVIRT_POOL_FAILED;
    }

  return end == MIG_LIBVIRT_POOL_DONE ? self->func (pool, self->data, error) : end;
}

/* The last one turns off the light, whoever turned it on. */
static void
attempt_clean_up (Attempt *self)
{
  g_autoptr (virStoragePool) pool = NULL;

  if (!mig_libvirt_scratch_leave (self->place, self->name))
    return;

  pool = virStoragePoolLookupByName (self->place->connection, self->name);
  if (pool != NULL && (!mig_libvirt_scratch_owns_pool (pool) || virStoragePoolDestroy (pool) == 0))
    return;
  if (!mig_libvirt_error_is (VIR_ERR_NO_STORAGE_POOL))
    mig_libvirt_scratch_soil (self->place);
}

static void
attempt_clear (Attempt *self)
{
  g_free (self->name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Attempt, attempt_clear)

gboolean
mig_libvirt_pool_run (const MigLibvirtPlace  *place,
                      const char             *directory,
                      MigLibvirtPoolFunc      func,
                      gpointer                data,
                      GError                **error)
{
  g_auto (Attempt) attempt = { place, directory, func, data, make_name (directory) };
  g_autoptr (MigWaiter) nobody = mig_waiter_new ();
  g_autoptr (GError) local = NULL;
  gint64 until = g_get_monotonic_time () + PATIENCE;
  MigLibvirtPoolEnd end;
  guint n = 0;

  do
    {
      if (n++ >= QUICK_ATTEMPTS)
        mig_waiter_wait (nobody, mig_waiter_ticket (nobody), g_get_monotonic_time () + PAUSE, NULL);
      g_clear_error (&local);
      mig_libvirt_scratch_enter (place, attempt.name);
      end = attempt_run (&attempt, &local);
      attempt_clean_up (&attempt);
    }
  while (end == MIG_LIBVIRT_POOL_GONE && g_get_monotonic_time () < until);

  if (end == MIG_LIBVIRT_POOL_DONE)
    return TRUE;

  if (end == MIG_LIBVIRT_POOL_GONE && local->domain == MIG_ERROR)
    local->code = MIG_ERROR_BUSY;
  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}
