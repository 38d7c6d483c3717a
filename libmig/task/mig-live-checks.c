/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-enum-types.h>

#include "libmig/task/mig-live-private.h"

/* What has to hold before anything is touched. Nothing in this file changes the world. */

static const char *
nick_of (GType type,
         int   value)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (type);
  GEnumValue *found = g_enum_get_value (klass, value);

  return found != NULL ? found->value_nick : "unknown";
}

static gboolean
is_alive (MigDomainInfo *info)
{
  switch (mig_domain_info_get_state (info))
    {
    case MIG_DOMAIN_STATE_SHUT_OFF:
    case MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED:
    case MIG_DOMAIN_STATE_CRASHED:
      return FALSE;
    case MIG_DOMAIN_STATE_UNKNOWN:
    case MIG_DOMAIN_STATE_RUNNING:
    case MIG_DOMAIN_STATE_PAUSED:
    case MIG_DOMAIN_STATE_PAUSED_MIGRATION:
    case MIG_DOMAIN_STATE_PAUSED_POST_COPY:
    case MIG_DOMAIN_STATE_POST_COPY:
    case MIG_DOMAIN_STATE_POST_COPY_FAILED:
    case MIG_DOMAIN_STATE_PAUSED_IO_ERROR:
    default:
      return TRUE;
    }
}

/* Looks for the domain on every host. A definition that a guest left behind does not count where the guest itself is
 * found. */
static MigDomainInfo *
search_hosts (MigLive  *self,
              MigHost **found_at,
              GError  **error)
{
  MigCluster *cluster = mig_operation_get_cluster (MIG_OPERATION (self->task));
  const char *domain = mig_migration_task_get_domain (self->task);
  g_autoptr (GPtrArray) hosts = mig_cluster_list_hosts (cluster);
  g_autoptr (MigDomainInfo) best = NULL;
  g_autoptr (MigHost) best_host = NULL;
  g_autoptr (GError) silent = NULL;

  for (guint i = 0; i < hosts->len; i++)
    {
      MigHost *host = g_ptr_array_index (hosts, i);
      g_autoptr (GError) local = NULL;
      g_autoptr (MigDomainInfo) info = NULL;

      info = mig_compute_driver_get_domain (self->driver, host, domain, self->cancellable, &local);
      if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return NULL;
        }
      if (info == NULL && silent == NULL && !g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
        g_propagate_prefixed_error (&silent, g_steal_pointer (&local), "host “%s”: ", mig_host_get_name (host));
      if (info == NULL || (best != NULL && !is_alive (info)))
        continue;

      if (best != NULL && is_alive (best))
        {
          g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "domain “%s” runs on both “%s” and “%s”; name its source",
                       domain, mig_host_get_name (best_host), mig_host_get_name (host));
          return NULL;
        }
      g_set_object (&best, info);
      g_set_object (&best_host, host);
    }

  if (best == NULL && silent != NULL)
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&silent),
                                  "domain “%s” was not found, and not every host answered: ", domain);
      return NULL;
    }
  if (best == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "there is no domain “%s” on any of the %u hosts", domain,
                   hosts->len);
      return NULL;
    }

  *found_at = g_steal_pointer (&best_host);

  return g_steal_pointer (&best);
}

static MigDomainInfo *
find_domain (MigLive  *self,
             GError  **error)
{
  g_autoptr (MigHost) given = mig_migration_task_ref_source (self->task);
  const char *domain = mig_migration_task_get_domain (self->task);
  g_autoptr (GError) local = NULL;
  MigDomainInfo *info;

  if (given == NULL)
    return search_hosts (self, &self->source, error);

  g_set_object (&self->source, given);
  info = mig_compute_driver_get_domain (self->driver, given, domain, self->cancellable, &local);
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "there is no domain “%s” on host “%s”", domain,
                 mig_host_get_name (given));
  else if (info == NULL)
    g_propagate_prefixed_error (error, g_steal_pointer (&local), "host “%s”: ", mig_host_get_name (given));

  return info;
}

static gboolean
check_state (MigLive        *self,
             MigDomainInfo  *info,
             GError        **error)
{
  MigDomainState state = mig_domain_info_get_state (info);
  const char *name = mig_domain_info_get_name (info);
  const char *host = mig_host_get_name (self->source);
  MigJobKind job = mig_domain_info_get_job (info);

  if (job != MIG_JOB_KIND_NONE)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "domain “%s” on “%s” has another job: %s", name, host,
                   nick_of (MIG_TYPE_JOB_KIND, job));
      return FALSE;
    }

  if (state != MIG_DOMAIN_STATE_RUNNING && state != MIG_DOMAIN_STATE_PAUSED)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE,
                   "domain “%s” on “%s” is %s; it has to be running or paused", name, host,
                   nick_of (MIG_TYPE_DOMAIN_STATE, state));
      return FALSE;
    }

  if (mig_domain_info_has_snapshots (info))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE,
                   "domain “%s” on “%s” has snapshot metadata, which cannot move with it", name, host);
      return FALSE;
    }

  return TRUE;
}

static gboolean
check_block_jobs (MigLive        *self,
                  MigDomainInfo  *info,
                  GError        **error)
{
  GPtrArray *disks = mig_domain_info_get_disks (info);

  for (guint i = 0; i < disks->len; i++)
    {
      MigDisk *disk = g_ptr_array_index (disks, i);

      if (mig_disk_get_mirror (disk) == NULL)
        continue;
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "disk “%s” of domain “%s” on “%s” has a block job",
                   mig_disk_get_target (disk), mig_domain_info_get_name (info), mig_host_get_name (self->source));
      return FALSE;
    }

  return TRUE;
}

/* A mark says that somebody moves the guest, or died doing so. */
static gboolean
check_mark (MigLive        *self,
            MigDomainInfo  *info,
            GError        **error)
{
  MigCluster *cluster = mig_operation_get_cluster (MIG_OPERATION (self->task));
  const char *mark = mig_domain_info_get_mark (info);
  g_autofree char *own = mig_live_make_mark (self, error);
  g_autofree char *holder = NULL;
  gboolean known;

  if (own == NULL)
    return FALSE;
  mig_facts_set_string (self->facts, MIG_LIVE_FACT_MARK, own);
  if (mark == NULL || g_str_equal (mark, own) || mig_live_mark_is_stale (cluster, mark, own))
    return TRUE;

  holder = g_strndup (mark, strcspn (mark, "@"));
  known = g_strcmp0 (strchr (mark, '@'), strchr (own, '@')) == 0;
  g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "domain “%s” on “%s” bears the mark of operation %s, %s",
               mig_domain_info_get_name (info), mig_host_get_name (self->source), holder,
               known ? "which has not ended" : "which is in another store");

  return FALSE;
}

static void
note_source (MigLive       *self,
             MigDomainInfo *info)
{
  mig_facts_set_string (self->facts, MIG_FACT_SOURCE, mig_host_get_name (self->source));
  mig_facts_set_string (self->facts, MIG_LIVE_FACT_UUID, mig_domain_info_get_uuid (info));
  mig_facts_set_string (self->facts, MIG_LIVE_FACT_NAME, mig_domain_info_get_name (info));
  mig_facts_set_int (self->facts, MIG_LIVE_FACT_MEMORY, mig_domain_info_get_memory (info));
  mig_facts_set_boolean (self->facts, MIG_LIVE_FACT_PERSISTENT, mig_domain_info_is_persistent (info));
  mig_facts_set_boolean (self->facts, MIG_LIVE_FACT_PAUSED_BEFORE,
                         mig_domain_info_get_state (info) == MIG_DOMAIN_STATE_PAUSED);
  mig_migration_task_set_source (self->task, self->source);
}

static MigHostInfo *
ask_host (MigLive  *self,
          MigHost  *host,
          GError  **error)
{
  g_autoptr (GError) local = NULL;
  MigHostInfo *info = mig_compute_driver_get_host_info (self->driver, host, self->cancellable, &local);

  if (info == NULL)
    g_propagate_prefixed_error (error, g_steal_pointer (&local), "host “%s”: ", mig_host_get_name (host));

  return info;
}

/* The mark is seen by whoever looks at the guest; the claim keeps out whoever looked at the same moment. */
gboolean
mig_live_claim_guest (MigLive  *self,
                      GError  **error)
{
  g_autofree char *claim = g_strconcat ("guest/", mig_live_uuid (self), NULL);

  return mig_step_run_claim (self->run, claim, error);
}

gboolean
mig_live_find_source (MigLive  *self,
                      GError  **error)
{
  g_autoptr (MigDomainInfo) info = find_domain (self, error);
  g_autoptr (MigHostInfo) host = NULL;

  if (info == NULL)
    return FALSE;

  host = ask_host (self, self->source, error);
  if (host == NULL || !check_state (self, info, error) || !check_block_jobs (self, info, error) ||
      !check_mark (self, info, error))
    return FALSE;
  note_source (self, info);

  return mig_live_claim_guest (self, error);
}

/* Two names or URIs can lead to one host; its UUID tells, where the driver knows it. */
static gboolean
check_distinct (MigLive      *self,
                MigHost      *destination,
                GError      **error)
{
  g_autoptr (MigHostInfo) there = ask_host (self, destination, error);
  g_autoptr (MigHostInfo) here = NULL;

  if (there == NULL)
    return FALSE;
  here = ask_host (self, self->source, error);
  if (here == NULL)
    return FALSE;

  if (mig_host_info_get_uuid (here) == NULL ||
      g_strcmp0 (mig_host_info_get_uuid (here), mig_host_info_get_uuid (there)) != 0)
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "“%s” and “%s” are the same host (UUID %s)",
               mig_host_get_name (self->source), mig_host_get_name (destination), mig_host_info_get_uuid (here));

  return FALSE;
}

static gboolean
check_absent (MigLive     *self,
              MigHost     *destination,
              const char  *domain,
              GError     **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (MigDomainInfo) info = NULL;

  info = mig_compute_driver_get_domain (self->driver, destination, domain, self->cancellable, &local);
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return TRUE;

  if (info == NULL)
    g_propagate_prefixed_error (error, g_steal_pointer (&local), "host “%s”: ", mig_host_get_name (destination));
  else if (mig_live_claim_guest (self, error)) /* another move of it may have brought it there since we looked */
    g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "there is a domain “%s” (%s) on “%s” already",
                 mig_domain_info_get_name (info), mig_domain_info_get_uuid (info), mig_host_get_name (destination));

  return FALSE;
}

static gboolean
choose_mode (MigLive  *self,
             MigHost  *destination,
             GError  **error)
{
  MigMigrateMode mode = self->options->mode;

  if (mode == MIG_MIGRATE_MODE_PEER_TO_PEER && mig_host_get_peer_uri (destination) == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED,
                   "host “%s” has no peer URI, which a peer-to-peer migration needs", mig_host_get_name (destination));
      return FALSE;
    }

  if (mode == MIG_MIGRATE_MODE_AUTO)
    mode = mig_host_get_peer_uri (destination) != NULL ? MIG_MIGRATE_MODE_PEER_TO_PEER : MIG_MIGRATE_MODE_DIRECT;
  mig_facts_set_string (self->facts, MIG_LIVE_FACT_MODE, nick_of (MIG_TYPE_MIGRATE_MODE, mode));

  return TRUE;
}

gboolean
mig_live_check_destination (MigLive  *self,
                            MigHost  *destination,
                            GError  **error)
{
  const char *name = mig_facts_get_string (self->facts, MIG_LIVE_FACT_NAME);

  if (!check_distinct (self, destination, error) || !choose_mode (self, destination, error) ||
      !check_absent (self, destination, mig_live_uuid (self), error))
    return FALSE;

  /* Another domain may have the name. */
  return check_absent (self, destination, name, error);
}
