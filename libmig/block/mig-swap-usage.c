/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

#include <libmig/mig-error.h>

#include "libmig/model/mig-disk-source-private.h"

/* Who uses a volume: every disk of every domain of every host of the cluster is looked at, in the live and in the
 * persistent definitions. What a disk stands on is in the definition of a running guest only; else the volumes say
 * it. */

/* A chain of files that is longer has a loop. */
#define MAX_CHAIN 200

typedef struct
{
  MigSwap       *swap;
  MigDiskSource *wanted;           /* as the guest's host sees it */
  MigVolume     *volume;           /* what is there, owned; NULL: not asked yet, or not known */
  gboolean       asked;
  gboolean       skip_unreachable; /* hosts other than the guest's */
  gboolean       skip_unknown;     /* chains that cannot be told */
} Search;

/* FALSE, with an error, when the disk is what must not be. */
typedef gboolean (*DiskFunc) (Search   *search,
                              MigHost        *host,
                              MigDomainInfo  *domain,
                              MigDisk        *disk,
                              GError        **error);

static gboolean
visit_disks (Search   *search,
             DiskFunc        func,
             MigHost        *host,
             MigDomainInfo  *domain,
             GPtrArray      *disks,
             GError        **error)
{
  for (guint i = 0; i < disks->len; i++)
    if (!func (search, host, domain, g_ptr_array_index (disks, i), error))
      return FALSE;

  return TRUE;
}

static gboolean
is_own_host (MigSwap *self,
             MigHost *host)
{
  return g_strcmp0 (mig_host_get_name (host), mig_host_get_name (self->ref->host)) == 0;
}

/* A running guest's disks: the live ones, and those of the persistent definition that are others. */
static gboolean
visit_domain (Search   *search,
              DiskFunc        func,
              MigHost        *host,
              MigDomainInfo  *domain,
              GError        **error)
{
  GPtrArray *live = mig_domain_info_get_disks (domain);
  GPtrArray *persistent = mig_domain_info_get_persistent_disks (domain);
  g_autoptr (GPtrArray) others = g_ptr_array_new ();

  if (!mig_block_domain_is_active (domain))
    return visit_disks (search, func, host, domain, mig_domain_info_is_persistent (domain) ? persistent : live, error);

  for (guint i = 0; i < persistent->len; i++)
    {
      MigDisk *disk = g_ptr_array_index (persistent, i);
      MigDisk *same = mig_block_find_disk (live, mig_disk_get_target (disk));

      if (same == NULL || !mig_block_same_place (mig_disk_get_source (disk), mig_disk_get_source (same)))
        g_ptr_array_add (others, disk);
    }

  return visit_disks (search, func, host, domain, live, error) &&
         visit_disks (search, func, host, domain, others, error);
}

static gboolean
visit_host (Search  *search,
            DiskFunc       func,
            MigHost       *host,
            GError       **error)
{
  MigSwap *self = search->swap;
  g_autoptr (GPtrArray) domains = NULL;
  g_autoptr (GError) local = NULL;

  domains = mig_compute_driver_list_domains (self->ref->driver, host, self->cancellable, &local);
  if (domains == NULL && search->skip_unreachable && !is_own_host (self, host) &&
      (g_error_matches (local, MIG_ERROR, MIG_ERROR_CONNECTION) ||
       g_error_matches (local, MIG_ERROR, MIG_ERROR_TIMED_OUT)))
    return TRUE;
  if (domains == NULL)
    {
      g_autofree char *text = mig_disk_source_to_string (search->wanted);

      g_propagate_prefixed_error (error, g_steal_pointer (&local), "it cannot be told whether a domain on %s uses %s: ",
                                  mig_host_get_name (host), text);
      return FALSE;
    }

  for (guint i = 0; i < domains->len; i++)
    if (!visit_domain (search, func, host, g_ptr_array_index (domains, i), error))
      return FALSE;

  return TRUE;
}

static gboolean
visit_cluster (Search  *search,
               DiskFunc       func,
               GError       **error)
{
  MigHost *own = search->swap->ref->host;
  g_autoptr (GPtrArray) hosts = mig_cluster_list_hosts (search->swap->cluster);
  gboolean own_visited = FALSE;

  for (guint i = 0; i < hosts->len; i++)
    {
      MigHost *host = g_ptr_array_index (hosts, i);

      own_visited |= is_own_host (search->swap, host);
      if (!visit_host (search, func, host, error))
        return FALSE;
    }

  /* A host may be used without being on the cluster's list. */
  return own_visited || visit_host (search, func, own, error);
}

static gboolean
is_path (MigDiskSource *source)
{
  MigDiskSourceKind kind = mig_disk_source_get_kind (source);

  return (kind == MIG_DISK_SOURCE_KIND_FILE || kind == MIG_DISK_SOURCE_KIND_BLOCK) &&
         mig_disk_source_get_path (source) != NULL;
}

static gboolean
is_device (MigDiskSource *source)
{
  return mig_disk_source_get_kind (source) == MIG_DISK_SOURCE_KIND_BLOCK;
}

/* What the back end says of the wanted place. It is asked only when it matters. */
static MigVolume *
get_volume (Search *search)
{
  MigSwap *self = search->swap;

  if (!search->asked && search->volume == NULL && self->backend != NULL)
    search->volume = mig_volume_backend_lookup (self->backend, self->ref->host, search->wanted, self->cancellable,
                                                NULL);
  search->asked = TRUE;

  return search->volume;
}

static MigVolume *
look_up (Search        *search,
         MigHost       *host,
         MigDiskSource *source,
         GError       **error)
{
  MigSwap *self = search->swap;

  return self->backend != NULL ? mig_volume_backend_lookup (self->backend, host, source, self->cancellable, error)
                               : NULL;
}

/* The wanted path on another host is the same storage only if it is shared. Identities tell, and lengths tell apart. */
static MigDiskMatch
compare_hosts (Search  *search,
               MigHost *host)
{
  MigVolume *here = get_volume (search);
  g_autoptr (MigVolume) there = here != NULL ? look_up (search, host, search->wanted, NULL) : NULL;

  if (there == NULL)
    return MIG_DISK_MATCH_UNKNOWN;
  if (mig_volume_get_identity (here) != NULL && mig_volume_get_identity (there) != NULL)
    return g_strcmp0 (mig_volume_get_identity (here), mig_volume_get_identity (there)) == 0 ? MIG_DISK_MATCH_SAME
                                                                                            : MIG_DISK_MATCH_NONE;
  if (mig_volume_get_capacity (here) >= 0 && mig_volume_get_capacity (there) >= 0 &&
      mig_volume_get_capacity (here) != mig_volume_get_capacity (there))
    return MIG_DISK_MATCH_NONE;

  return MIG_DISK_MATCH_UNKNOWN;
}

/* Nothing is there, or nothing that could be a volume. Below a pool that is not active, for one, nothing is told. */
static gboolean
is_told (const GError *error)
{
  return error == NULL || g_error_matches (error, MIG_ERROR, MIG_ERROR_NOT_FOUND) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
}

static gboolean
has_same_name (MigDiskSource *one,
               MigDiskSource *other)
{
  g_autofree char *name = g_path_get_basename (mig_disk_source_get_path (one));
  g_autofree char *other_name = g_path_get_basename (mig_disk_source_get_path (other));

  return g_strcmp0 (name, other_name) == 0;
}

/* Under another path: a device may have many on one host. Network storage may have another one on every host; but a
 * file keeps its name, and storage that is not the network's has no identity. */
static MigDiskMatch
compare_paths (Search        *search,
               MigHost       *host,
               MigDiskSource *source)
{
  gboolean devices = is_own_host (search->swap, host) && is_device (source) && is_device (search->wanted);
  MigVolume *here = devices || has_same_name (source, search->wanted) ? get_volume (search) : NULL;
  g_autoptr (MigVolume) there = NULL;
  g_autoptr (GError) local = NULL;

  if (here == NULL || (!devices && mig_volume_get_identity (here) == NULL))
    return MIG_DISK_MATCH_NONE;

  there = look_up (search, host, source, &local);
  if (there == NULL)
    return is_told (local) ? MIG_DISK_MATCH_NONE : MIG_DISK_MATCH_UNKNOWN;
  if (devices && mig_block_same_place (mig_volume_get_source (there), mig_volume_get_source (here)))
    return MIG_DISK_MATCH_SAME;

  return mig_volume_get_identity (here) != NULL &&
         g_strcmp0 (mig_volume_get_identity (there), mig_volume_get_identity (here)) == 0 ? MIG_DISK_MATCH_SAME
                                                                                          : MIG_DISK_MATCH_NONE;
}

static MigDiskMatch
match (Search        *search,
       MigHost       *host,
       MigDiskSource *source)
{
  MigDiskMatch found = source != NULL ? mig_disk_source_match (source, search->wanted) : MIG_DISK_MATCH_NONE;

  if (found == MIG_DISK_MATCH_NONE && mig_block_same_place (source, search->wanted))
    found = MIG_DISK_MATCH_SAME;
  if (found == MIG_DISK_MATCH_SAME && is_path (search->wanted) && !is_own_host (search->swap, host))
    return compare_hosts (search, host);
  if (found == MIG_DISK_MATCH_NONE && source != NULL && is_path (source) && is_path (search->wanted))
    return compare_paths (search, host, source);

  return found;
}

/* How a disk uses what is searched for, in words, by how well the two match; NULL: it does not. */
static const char *const use_as_source[] = {
  NULL, "is the source of", "cannot be told from the source of",
};
static const char *const use_as_mirror[] = {
  NULL, "is the destination of a block job of", "cannot be told from the destination of a block job of",
};
static const char *const use_as_backing[] = {
  NULL, "is a backing file of", "cannot be told from a backing file of",
};

static const char *
use_by_disk (Search *search,
             MigHost      *host,
             MigDisk      *disk)
{
  GPtrArray *chain = mig_disk_get_backing_chain (disk);
  const char *use = use_as_source[match (search, host, mig_disk_get_source (disk))];

  if (use == NULL)
    use = use_as_mirror[match (search, host, mig_disk_get_mirror (disk))];
  for (guint i = 0; i < chain->len && use == NULL; i++)
    use = use_as_backing[match (search, host, g_ptr_array_index (chain, i))];

  return use;
}

/* The last layer that its definition names; NULL when that names all of them, as a running guest's does. */
static MigDiskSource *
last_known_layer (MigDomainInfo *domain,
                  MigDisk       *disk)
{
  GPtrArray *chain = mig_disk_get_backing_chain (disk);

  if (mig_block_domain_is_active (domain) &&
      disk == mig_block_find_disk (mig_domain_info_get_disks (domain), mig_disk_get_target (disk)))
    return NULL;

  return chain->len > 0 ? g_ptr_array_index (chain, chain->len - 1) : mig_disk_get_source (disk);
}

static gboolean
refuse (Search   *search,
        const char     *use,
        MigHost        *host,
        MigDomainInfo  *domain,
        MigDisk        *disk,
        GError        **error)
{
  g_autofree char *text = mig_disk_source_to_string (search->wanted);

  g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "%s %s disk %s of %s on %s", text, use,
               mig_disk_get_target (disk), mig_domain_info_get_name (domain), mig_host_get_name (host));

  return FALSE;
}

static gboolean
refuse_unknown (Search   *search,
                MigHost        *host,
                MigDomainInfo  *domain,
                MigDisk        *disk,
                const GError   *why,
                GError        **error)
{
  g_autofree char *text = NULL;

  if (search->skip_unknown)
    return TRUE;

  text = mig_disk_source_to_string (search->wanted);
  g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT,
               "it cannot be told whether %s is a backing file of disk %s of %s on %s, which does not run: %s", text,
               mig_disk_get_target (disk), mig_domain_info_get_name (domain), mig_host_get_name (host),
               why != NULL ? why->message : "nothing tells what that disk stands on");

  return FALSE;
}

/* The layers of a disk that its definition does not name: each volume names the next. */
static gboolean
refuse_use_below (Search   *search,
                  MigHost        *host,
                  MigDomainInfo  *domain,
                  MigDisk        *disk,
                  MigDiskSource  *first,
                  GError        **error)
{
  g_autoptr (MigDiskSource) layer = g_object_ref (first);

  for (guint i = 0; i < MAX_CHAIN; i++)
    {
      const char *use;
      g_autoptr (GError) local = NULL;
      g_autoptr (MigVolume) volume = mig_volume_backend_lookup (search->swap->backend, host, layer,
                                                                search->swap->cancellable, &local);

      if (g_cancellable_set_error_if_cancelled (search->swap->cancellable, error))
        return FALSE;
      if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
        return TRUE;
      if (volume == NULL || !mig_volume_knows_backing (volume))
        return refuse_unknown (search, host, domain, disk, local, error);
      if (mig_volume_get_backing (volume) == NULL)
        return TRUE;

      g_set_object (&layer, mig_volume_get_backing (volume));
      use = use_as_backing[match (search, host, layer)];
      if (use != NULL)
        return refuse (search, use, host, domain, disk, error);
      if (g_strcmp0 (mig_disk_source_get_format (layer), "raw") == 0)
        return TRUE;
    }

  return refuse_unknown (search, host, domain, disk, NULL, error);
}

static gboolean
refuse_use (Search   *search,
            MigHost        *host,
            MigDomainInfo  *domain,
            MigDisk        *disk,
            GError        **error)
{
  const char *use = use_by_disk (search, host, disk);
  MigDiskSource *last = last_known_layer (domain, disk);

  if (use != NULL)
    return refuse (search, use, host, domain, disk, error);

  return last == NULL || g_strcmp0 (mig_disk_source_get_format (last), "raw") == 0 ||
         refuse_use_below (search, host, domain, disk, last, error);
}

static gboolean
refuse_writer (Search         *search,
               MigHost        *host,
               MigDomainInfo  *domain,
               MigDisk        *disk,
               GError        **error)
{
  MigSwap *self = search->swap;
  const char *uuid = mig_facts_get_string (self->facts, MIG_SWAP_FACT_UUID);
  gboolean own = g_strcmp0 (mig_domain_info_get_uuid (domain), uuid) == 0 &&
                 g_strcmp0 (mig_disk_get_target (disk), self->ref->target) == 0;
  MigDiskMatch found;

  if (own || mig_disk_is_read_only (disk))
    return TRUE;
  found = match (search, host, mig_disk_get_source (disk));
  if (found == MIG_DISK_MATCH_NONE)
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED,
               "disk %s %s shared with disk %s of %s on %s, which may write to it: its volume cannot be swapped",
               self->ref->target, found == MIG_DISK_MATCH_SAME ? "is" : "may be", mig_disk_get_target (disk),
               mig_domain_info_get_name (domain), mig_host_get_name (host));

  return FALSE;
}

static gboolean
run_search (Search    *search,
            DiskFunc   func,
            GError   **error)
{
  gboolean ok = visit_cluster (search, func, error);

  g_clear_object (&search->volume);

  return ok;
}

gboolean
mig_swap_prove_unused (MigSwap        *self,
                       MigDiskSource  *source,
                       MigVolume      *volume,
                       GError        **error)
{
  Search search = { self, source, g_object_ref (volume), TRUE, FALSE, FALSE };

  return run_search (&search, refuse_use, error);
}

gboolean
mig_swap_check_still_unused (MigSwap        *self,
                             MigDiskSource  *source,
                             GError        **error)
{
  Search search = { self, source, NULL, FALSE, TRUE, TRUE };

  return run_search (&search, refuse_use, error);
}

gboolean
mig_swap_check_one_writer (MigSwap  *self,
                           MigDisk  *disk,
                           GError  **error)
{
  Search search = { self, mig_disk_get_source (disk), NULL, FALSE, FALSE, TRUE };

  return run_search (&search, refuse_writer, error);
}
