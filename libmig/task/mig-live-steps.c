/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/task/mig-live-private.h"

/* A live migration: first the whole of it, then its steps in their order, do beside undo. What is too long for a step
 * is in the other mig-live files. */

#define STEP(name) \
  static gboolean name (MigOperation *operation, MigStepRun *run, GError **error)
#define PROBE(name) \
  static MigProbe name (MigOperation *operation, MigStepRun *run, GError **error)

STEP (check_source);
STEP (check_destination);
STEP (check_disks);
STEP (schedule_destination);
STEP (mark_guest);
STEP (unmark_source);
PROBE (probe_mark);
STEP (create_volumes);
STEP (remove_volumes);
PROBE (probe_volumes);
STEP (migrate);
STEP (restore);
PROBE (probe_migration);
STEP (verify_source);
STEP (remove_superseded);
STEP (unmark_guest);

static const MigStep steps[] = {
  { "check.source", MIG_PHASE_CHECK, 1, MIG_STEP_PURE, check_source, NULL, NULL },
  { "check.destination", MIG_PHASE_CHECK, 1, MIG_STEP_PURE, check_destination, NULL, NULL },
  { "check.disks", MIG_PHASE_CHECK, 1, MIG_STEP_PURE, check_disks, NULL, NULL },
  /* It publishes the phase of scheduling when there is something to choose. */
  { "schedule.destination", MIG_PHASE_CHECK, 1, MIG_STEP_PURE, schedule_destination, NULL, NULL },
  { "guest.mark", MIG_PHASE_PREPARE, 1, MIG_STEP_SETTLES, mark_guest, unmark_source, probe_mark },
  { "volume.create", MIG_PHASE_PREPARE, 3, MIG_STEP_SETTLES, create_volumes, remove_volumes, probe_volumes },
  { "vm.migrate", MIG_PHASE_TRANSFER, 86, MIG_STEP_LONG | MIG_STEP_DECIDES | MIG_STEP_SETTLES, migrate, restore,
    probe_migration },
  { "source.verify", MIG_PHASE_FINISH, 2, MIG_STEP_FORWARD, verify_source, NULL, NULL },
  { "source.volumes", MIG_PHASE_FINISH, 3, MIG_STEP_FORWARD, remove_superseded, NULL, NULL },
  { "guest.unmark", MIG_PHASE_FINISH, 1, MIG_STEP_FORWARD, unmark_guest, NULL, NULL },
};

const MigStepTable mig_live_table = { MIG_MIGRATION_TASK_KIND, 1, steps, G_N_ELEMENTS (steps) };

/* check.source: the guest is found, runs or is paused, and nobody else is at work on it. */
static gboolean
check_source (MigOperation *operation,
              MigStepRun   *run,
              GError      **error)
{
  g_auto (MigLive) live = { 0 };

  return mig_live_open (&live, operation, run, error) && mig_live_find_source (&live, error);
}

static void
choose_destination (MigLive *live,
                    MigHost *host)
{
  mig_facts_set_string (live->facts, MIG_FACT_DESTINATION, mig_host_get_name (host));
  mig_migration_task_set_destination (live->task, host);
}

/* check.destination: it answers, is another host, and has no domain of that UUID or name. */
static gboolean
check_destination (MigOperation *operation,
                   MigStepRun   *run,
                   GError      **error)
{
  g_autoptr (MigHost) host = mig_migration_task_ref_destination (MIG_MIGRATION_TASK (operation));
  g_auto (MigLive) live = { 0 };

  if (host == NULL)
    return TRUE;
  if (!mig_live_open (&live, operation, run, error) || !mig_live_check_destination (&live, host, error))
    return FALSE;
  choose_destination (&live, host);

  return TRUE;
}

/* check.disks: which are copied, how long they are, and that there is room for the copies. */
static gboolean
check_disks (MigOperation *operation,
             MigStepRun   *run,
             GError      **error)
{
  g_auto (MigLive) live = { 0 };
  g_autoptr (GError) local = NULL;

  if (!mig_live_open (&live, operation, run, error))
    return FALSE;
  if (live.destination == NULL)
    return TRUE; /* the scheduler looks */

  if (mig_live_check_disks (&live, live.destination, &local))
    return TRUE;

  /* It may be another move of this guest that has made what is in the way, since we looked. */
  if (!g_error_matches (local, MIG_ERROR, MIG_ERROR_CONFLICT) || mig_live_claim_guest (&live, error))
    g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

/* schedule.destination: where none was given, the first host that passes the same checks. */
static gboolean
schedule_destination (MigOperation *operation,
                      MigStepRun   *run,
                      GError      **error)
{
  g_autoptr (GPtrArray) hosts = NULL;
  g_autoptr (GString) reasons = g_string_new (NULL);
  g_auto (MigLive) live = { 0 };

  if (mig_facts_has (mig_step_run_get_facts (run), MIG_FACT_DESTINATION))
    return TRUE;
  if (!mig_live_open (&live, operation, run, error))
    return FALSE;

  mig_step_run_publish_phase (run, MIG_PHASE_SCHEDULE);
  hosts = mig_cluster_list_hosts (mig_operation_get_cluster (operation));
  for (guint i = 0; i < hosts->len; i++)
    {
      MigHost *host = g_ptr_array_index (hosts, i);
      g_autoptr (GError) local = NULL;

      if (g_strcmp0 (mig_host_get_name (host), mig_host_get_name (live.source)) == 0)
        continue;
      if (g_cancellable_set_error_if_cancelled (live.cancellable, error))
        return FALSE;
      if (mig_live_check_destination (&live, host, &local) && mig_live_check_disks (&live, host, &local))
        {
          choose_destination (&live, host);
          return TRUE;
        }
      g_string_append_printf (reasons, "%s%s: %s", reasons->len > 0 ? "; " : "", mig_host_get_name (host),
                              local->message);
    }

  g_set_error (error, MIG_ERROR, MIG_ERROR_NO_CAPACITY, "no host can take the guest: %s",
               reasons->len > 0 ? reasons->str : "the cluster has no other");

  return FALSE;
}

/* guest.mark: before anything else is touched, the guest says whose it is. */
static gboolean
mark_guest (MigOperation *operation,
            MigStepRun   *run,
            GError      **error)
{
  g_auto (MigLive) live = { 0 };

  if (!mig_live_open (&live, operation, run, error))
    return FALSE;

  /* Not given up for an abort: its answer tells whether there is something to undo. */
  return mig_compute_driver_set_mark (live.driver, live.source, mig_live_uuid (&live), mig_live_mark (&live), NULL,
                                      error);
}

/* Removes the mark if it is ours; a guest that is not there has none. */
static gboolean
unmark_at (MigLive  *live,
           MigHost  *host,
           GError  **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (MigDomainInfo) info = NULL;

  info = mig_compute_driver_get_domain (live->driver, host, mig_live_uuid (live), NULL, &local);
  if (info != NULL && g_strcmp0 (mig_domain_info_get_mark (info), mig_live_mark (live)) != 0)
    return TRUE;
  if (info != NULL && mig_compute_driver_set_mark (live->driver, host, mig_live_uuid (live), NULL, NULL, &local))
    return TRUE;
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

static gboolean
unmark_source (MigOperation *operation,
               MigStepRun   *run,
               GError      **error)
{
  g_auto (MigLive) live = { 0 };

  return mig_live_open (&live, operation, run, error) && unmark_at (&live, live.source, error);
}

static MigProbe
probe_mark (MigOperation *operation,
            MigStepRun   *run,
            GError      **error)
{
  g_autoptr (MigDomainInfo) info = NULL;
  g_auto (MigLive) live = { 0 };

  if (!mig_live_open (&live, operation, run, error))
    return MIG_PROBE_UNKNOWN;
  info = mig_compute_driver_get_domain (live.driver, live.source, mig_live_uuid (&live), NULL, error);
  if (info == NULL)
    return MIG_PROBE_UNKNOWN;

  if (g_strcmp0 (mig_domain_info_get_mark (info), mig_live_mark (&live)) != 0)
    return MIG_PROBE_NOT_STARTED;

  return MIG_PROBE_DONE;
}

/* volume.create: empty volumes of exactly the disks' lengths, where the copies go. */
static gboolean
create_volumes (MigOperation *operation,
                MigStepRun   *run,
                GError      **error)
{
  g_auto (MigLive) live = { 0 };

  if (!mig_live_open (&live, operation, run, error) || !mig_live_create_volumes (&live, error))
    return FALSE;
  /* So that the next step is begun by this process, and has not been by another. */
  mig_migration_task_allow_start (live.task);

  return TRUE;
}

static gboolean
remove_volumes (MigOperation *operation,
                MigStepRun   *run,
                GError      **error)
{
  g_auto (MigLive) live = { 0 };

  return mig_live_open (&live, operation, run, error) && mig_live_remove_created (&live, error);
}

static MigProbe
probe_volumes (MigOperation *operation,
               MigStepRun   *run,
               GError      **error)
{
  g_auto (MigLive) live = { 0 };

  return mig_live_open (&live, operation, run, error) ? mig_live_probe_volumes (&live, error) : MIG_PROBE_UNKNOWN;
}

/* vm.migrate: the guest changes hosts. This decides. */
static gboolean
migrate (MigOperation *operation,
         MigStepRun   *run,
         GError      **error)
{
  g_auto (MigLive) live = { 0 };

  return mig_live_open (&live, operation, run, error) && mig_live_transfer (&live, error);
}

static gboolean
restore (MigOperation *operation,
         MigStepRun   *run,
         GError      **error)
{
  g_auto (MigLive) live = { 0 };

  return mig_live_open (&live, operation, run, error) && mig_live_restore (&live, error);
}

static MigProbe
probe_migration (MigOperation *operation,
                 MigStepRun   *run,
                 GError      **error)
{
  g_auto (MigLive) live = { 0 };

  return mig_live_open (&live, operation, run, error) ? mig_live_probe (&live, error) : MIG_PROBE_UNKNOWN;
}

/* source.verify: the guest is at the destination as it was here, and nothing of it is left here. */
static gboolean
verify_source (MigOperation *operation,
               MigStepRun   *run,
               GError      **error)
{
  g_auto (MigLive) live = { 0 };

  return mig_live_open (&live, operation, run, error) && mig_live_settle_in (&live, error);
}

/* source.volumes: what was copied is superseded. */
static gboolean
remove_superseded (MigOperation *operation,
                   MigStepRun   *run,
                   GError      **error)
{
  g_auto (MigLive) live = { 0 };

  return mig_live_open (&live, operation, run, error) && mig_live_remove_superseded (&live, error);
}

/* guest.unmark: the guest is nobody's again. */
static gboolean
unmark_guest (MigOperation *operation,
              MigStepRun   *run,
              GError      **error)
{
  g_auto (MigLive) live = { 0 };

  return mig_live_open (&live, operation, run, error) && unmark_at (&live, live.destination, error);
}
