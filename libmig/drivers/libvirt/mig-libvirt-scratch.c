/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libvirt/virterror.h>

#include "libmig/drivers/libvirt/mig-libvirt-scratch-private.h"

struct _MigLibvirtScratch
{
  GMutex      mutex;
  GHashTable *users; /* "host\nname" -> how many */
  GHashTable *clean; /* hosts where nothing is left behind, as far as we know */
};

static void
scratch_clear (gpointer data)
{
  MigLibvirtScratch *self = data;

  g_hash_table_unref (self->users);
  g_hash_table_unref (self->clean);
  g_mutex_clear (&self->mutex);
}

MigLibvirtScratch *
mig_libvirt_scratch_new (void)
{
  MigLibvirtScratch *self = g_atomic_rc_box_new0 (MigLibvirtScratch);

  g_mutex_init (&self->mutex);
  self->users = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->clean = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  return self;
}

MigLibvirtScratch *
mig_libvirt_scratch_ref (MigLibvirtScratch *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
mig_libvirt_scratch_unref (MigLibvirtScratch *self)
{
  g_atomic_rc_box_release_full (self, scratch_clear);
}

/* Names */

char *
mig_libvirt_scratch_make_uuid (const char *text)
{
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);

  /* Version 8 of RFC 9562: made by the application's own rule. */
  return g_strdup_printf ("%.8s-%.4s-8%.3s-8%.3s-%.12s", digest, digest + 8, digest + 12, digest + 15, digest + 18);
}

gboolean
mig_libvirt_scratch_owns_pool (virStoragePoolPtr pool)
{
  return g_str_has_prefix (virStoragePoolGetName (pool), MIG_LIBVIRT_SCRATCH_POOL) &&
         virStoragePoolIsPersistent (pool) == 0;
}

gboolean
mig_libvirt_scratch_owns_domain (const char *name,
                                 const char *uuid)
{
  return g_str_has_prefix (name, MIG_LIBVIRT_SCRATCH_DOMAIN) &&
         g_strcmp0 (name + strlen (MIG_LIBVIRT_SCRATCH_DOMAIN), uuid) == 0;
}

/* The books */

static char *
make_key (const MigLibvirtPlace *place,
          const char            *name)
{
  return g_strdup_printf ("%s\n%s", place->host, name);
}

void
mig_libvirt_scratch_enter (const MigLibvirtPlace *place,
                           const char            *name)
{
  MigLibvirtScratch *self = place->scratch;
  g_autofree char *key = make_key (place, name);
  guint n;

  g_mutex_lock (&self->mutex);
  n = GPOINTER_TO_UINT (g_hash_table_lookup (self->users, key));
  g_hash_table_replace (self->users, g_steal_pointer (&key), GUINT_TO_POINTER (n + 1));
  g_mutex_unlock (&self->mutex);
}

gboolean
mig_libvirt_scratch_leave (const MigLibvirtPlace *place,
                           const char            *name)
{
  MigLibvirtScratch *self = place->scratch;
  g_autofree char *key = make_key (place, name);
  guint n;

  g_mutex_lock (&self->mutex);
  n = GPOINTER_TO_UINT (g_hash_table_lookup (self->users, key));
  g_assert (n > 0);
  if (n > 1)
    g_hash_table_replace (self->users, g_steal_pointer (&key), GUINT_TO_POINTER (n - 1));
  else
    g_hash_table_remove (self->users, key);
  g_mutex_unlock (&self->mutex);

  return n == 1;
}

static gboolean
is_used (const MigLibvirtPlace *place,
         const char            *name)
{
  MigLibvirtScratch *self = place->scratch;
  g_autofree char *key = make_key (place, name);
  gboolean used;

  g_mutex_lock (&self->mutex);
  used = g_hash_table_contains (self->users, key);
  g_mutex_unlock (&self->mutex);

  return used;
}

void
mig_libvirt_scratch_soil (const MigLibvirtPlace *place)
{
  g_mutex_lock (&place->scratch->mutex);
  g_hash_table_remove (place->scratch->clean, place->host);
  g_mutex_unlock (&place->scratch->mutex);
}

/* Sweeping */

/* FALSE when one could not be removed. */
static gboolean
sweep_pools (const MigLibvirtPlace *place)
{
  virStoragePoolPtr *pools = NULL;
  int n = virConnectListAllStoragePools (place->connection, &pools, VIR_CONNECT_LIST_STORAGE_POOLS_TRANSIENT);
  gboolean clean = n >= 0;

  for (int i = 0; i < n; i++)
    {
      if (mig_libvirt_scratch_owns_pool (pools[i]) && !is_used (place, virStoragePoolGetName (pools[i])) &&
          virStoragePoolDestroy (pools[i]) < 0 && virGetLastErrorCode () != VIR_ERR_NO_STORAGE_POOL)
        clean = FALSE;
      virStoragePoolFree (pools[i]);
    }
  free (pools);

  return clean;
}

static gboolean
remove_domain (virDomainPtr domain)
{
  int active = virDomainIsActive (domain);

  if (active == 1 && virDomainDestroy (domain) == 0)
    return TRUE;
  if (active == 0 && virDomainUndefine (domain) == 0)
    return TRUE;

  return virGetLastErrorCode () == VIR_ERR_NO_DOMAIN;
}

static gboolean
sweep_domains (const MigLibvirtPlace *place)
{
  virDomainPtr *domains = NULL;
  int n = virConnectListAllDomains (place->connection, &domains, 0);
  gboolean clean = n >= 0;

  for (int i = 0; i < n; i++)
    {
      char uuid[VIR_UUID_STRING_BUFLEN] = "";

      virDomainGetUUIDString (domains[i], uuid);
      if (mig_libvirt_scratch_owns_domain (virDomainGetName (domains[i]), uuid) &&
          !is_used (place, virDomainGetName (domains[i])) && !remove_domain (domains[i]))
        clean = FALSE;
      virDomainFree (domains[i]);
    }
  free (domains);

  return clean;
}

void
mig_libvirt_scratch_sweep (const MigLibvirtPlace *place)
{
  gboolean clean;

  /* First the entry, then the look: what is soiled meanwhile is swept next time. */
  g_mutex_lock (&place->scratch->mutex);
  clean = !g_hash_table_add (place->scratch->clean, g_strdup (place->host));
  g_mutex_unlock (&place->scratch->mutex);
  if (clean)
    return;

  clean = sweep_pools (place);
  if (!sweep_domains (place) || !clean)
    mig_libvirt_scratch_soil (place);
}
