/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "live.h"

#include "libmig/cluster/mig-cluster-private.h"
#include "libmig/core/mig-waiter-private.h"

/* An abort against what else happens at that moment: the end of the move, the force that was asked for, a store that
 * does not answer, events that are not true. The slots of the driver are the clock: what the runner asks next, it asks
 * after that. */

static struct
{
  LiveWorld    *world;
  MigOperation *task;
  gboolean      force; /* what is to be asked for when memory flows */
  gboolean      abort;
  gboolean      post_copy; /* what somebody else does then */
  gboolean      done;
  int           n_looks; /* at the source; atomic */
} scene;

static void
expect_at (LiveWorld *world,
           MigHost   *host)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) info = NULL;

  mig_sim_driver_wait_idle (world->sim, 10, NULL, &error);
  mig_assert_no_error (error);
  live_world_check (world);
  info = live_world_look (world, host);
  ck_assert_ptr_nonnull (info);
  ck_assert_int_eq (mig_domain_info_get_state (info), MIG_DOMAIN_STATE_RUNNING);
}

static gboolean
was_called (LiveWorld  *world,
            const char *call)
{
  g_auto (GStrv) calls = mig_sim_driver_dup_calls (world->sim);

  return g_strv_contains ((const char * const *) calls, call);
}

/* On the thread of the runner, who has not yet seen that there is memory on its way. */
static void
act (void)
{
  g_autoptr (GError) error = NULL;

  g_atomic_int_set (&scene.done, TRUE);
  if (scene.force)
    mig_migration_task_force_complete (MIG_MIGRATION_TASK (scene.task), &error);
  mig_assert_no_error (error);
  if (scene.post_copy)
    live_slots.tune (MIG_COMPUTE_DRIVER (scene.world->sim), scene.world->a, scene.world->uuid, MIG_TUNABLE_POST_COPY, 0,
                     NULL, &error);
  mig_assert_no_error (error);
  if (scene.abort)
    mig_operation_abort (scene.task, &error);
  mig_assert_no_error (error);
}

static MigJobStats *
get_job (MigComputeDriver  *driver,
         MigHost           *host,
         const char        *domain,
         gboolean           completed,
         GCancellable      *cancellable,
         GError           **error)
{
  MigJobStats *stats = live_slots.get_job (driver, host, domain, completed, cancellable, error);

  if (!g_atomic_int_get (&scene.done) && stats != NULL && mig_job_stats_get_memory_total (stats) > 0)
    act ();

  return stats;
}

static const char * const ways[] = { "{\"max-downtime\": 0.001}", "{\"max-downtime\": 0.001, \"post-copy\": true}" };

static void
open_scene (LiveWorldFlags  flags,
            const char     *options)
{
  memset (&scene, 0, sizeof scene);
  scene.world = live_world_new (flags);
  scene.task = live_world_task (scene.world, options);
  live_world_get_slots (scene.world)->get_job = get_job;
}

static void
close_scene (void)
{
  g_clear_object (&scene.task);
  g_clear_pointer (&scene.world, live_world_free);
}

/* Both are asked for in one moment: what was promised to be aborted is not made to end. */
START_TEST (wins_over_force)
{
  g_autoptr (GError) failure = NULL;

  open_scene (LIVE_BUSY, ways[_i]);
  scene.force = scene.abort = TRUE;
  failure = live_run (scene.task);
  mig_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  ck_assert (!was_called (scene.world, _i == 0 ? "pause" : "tune"));
  expect_at (scene.world, scene.world->a);
  close_scene ();
}
END_TEST

/* Nor is that whose time is over. */
START_TEST (deadline_wins_over_force)
{
  g_autoptr (MigOperation) task = NULL;
  g_autoptr (GError) failure = NULL;

  open_scene (LIVE_BUSY, _i == 0 ? "{\"max-downtime\": 0.001, \"deadline\": 0.000001}"
                                 : "{\"max-downtime\": 0.001, \"deadline\": 0.000001, \"post-copy\": true}");
  /* Nobody can abort before. */
  scene.force = TRUE;
  live_world_configure (scene.world, "{\"setup\": 0}");
  failure = live_run (scene.task);
  ck_assert (g_error_matches (failure, MIG_ERROR, MIG_ERROR_TIMED_OUT) ||
             g_error_matches (failure, MIG_ERROR, MIG_ERROR_NOT_CONVERGING));
  ck_assert (!was_called (scene.world, _i == 0 ? "pause" : "tune"));
  expect_at (scene.world, scene.world->a);
  close_scene ();
}
END_TEST

/* Somebody else has begun post-copy, and no event tells: there is nothing to abort any more. */
START_TEST (not_in_post_copy)
{
  g_autoptr (GError) failure = NULL;

  open_scene (LIVE_BUSY, ways[1]);
  g_object_set (scene.world->sim, "events", FALSE, NULL);
  live_world_set_link (scene.world, 4 * 1024 * 1024);
  scene.post_copy = scene.abort = TRUE;
  failure = live_run (scene.task);
  mig_assert_no_error (failure);
  ck_assert (!was_called (scene.world, "abort_job"));
  expect_at (scene.world, scene.world->b);
  close_scene ();
}
END_TEST

static MigDomainInfo *
get_domain (MigComputeDriver  *driver,
            MigHost           *host,
            const char        *domain,
            GCancellable      *cancellable,
            GError           **error)
{
  MigDomainInfo *info = live_slots.get_domain (driver, host, domain, cancellable, error);

  if (g_str_equal (mig_host_get_name (host), "a"))
    g_atomic_int_inc (&scene.n_looks);

  return info;
}

static gboolean
was_looked_at (gpointer data)
{
  return g_atomic_int_get (&scene.n_looks) >= GPOINTER_TO_INT (data);
}

static gboolean
flows (gpointer data)
{
  return g_atomic_int_get (&scene.done);
}

/* An event says that the migration stopped the guest, and that is not so, or not so any more. */
START_TEST (after_an_untrue_event)
{
  g_autoptr (GError) failure = NULL;
  GAsyncResult *result = NULL;

  open_scene (LIVE_BUSY, "{\"max-downtime\": 0.001}");
  live_world_get_slots (scene.world)->get_domain = get_domain;
  mig_operation_run_async (scene.task, NULL, mig_test_store_result, &result);
  mig_test_wait (NULL, flows, NULL, 10);
  mig_compute_driver_emit_event (MIG_COMPUTE_DRIVER (scene.world->sim), scene.world->a, scene.world->uuid,
                                 MIG_DRIVER_EVENT_SUSPENDED, "migration");
  /* Two may have been begun before, one is to be judged. */
  mig_test_wait (NULL, was_looked_at, GINT_TO_POINTER (g_atomic_int_get (&scene.n_looks) + 4), 20);
  ck_assert_int_eq (mig_operation_get_phase (scene.task), MIG_PHASE_TRANSFER);
  mig_operation_abort (scene.task, &failure);
  mig_assert_no_error (failure);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 20);
  ck_assert (!mig_operation_run_finish (scene.task, result, &failure));
  mig_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  expect_at (scene.world, scene.world->a);
  g_object_unref (result);
  close_scene ();
}
END_TEST

/* A store that keeps the lease's renewal waiting. */

static MigStateStoreInterface real_store;
static int blocked; /* atomic */
static MigWaiter *unblocked;

static guint64
commit (MigStateStore   *store,
        MigTransaction  *transaction,
        GCancellable    *cancellable,
        GError         **error)
{
  gboolean of_lease = mig_transaction_get_n_changes (transaction) > 0 &&
                      g_str_has_prefix (mig_transaction_get_change_key (transaction, 0), "lease/");
  gint64 until = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  while (of_lease)
    {
      guint64 ticket = mig_waiter_ticket (unblocked);

      if (!g_atomic_int_get (&blocked) || g_get_monotonic_time () >= until)
        break;
      mig_waiter_wait (unblocked, ticket, until, NULL);
    }

  return real_store.commit (store, transaction, cancellable, error);
}

static gboolean
lease_is_late (gpointer data)
{
  MigLease *lease = mig_cluster_get_lease (scene.world->cluster);

  return g_atomic_int_get (&scene.done) && mig_lease_get_margin (lease) < 0.3;
}

static gboolean
is_switching_over (gpointer data)
{
  g_autoptr (MigDomainInfo) info = live_world_look (scene.world, scene.world->a);

  return info == NULL || mig_domain_info_get_state (info) != MIG_DOMAIN_STATE_RUNNING;
}

/* The guest begins to change hands while it is found out whether the operation is still this process's. */
START_TEST (while_the_store_is_away)
{
  MigStateStoreInterface *slots;
  g_autoptr (GError) failure = NULL;
  GAsyncResult *result = NULL;

  open_scene (LIVE_LOCAL, "{\"max-downtime\": 0.05}");
  slots = MIG_STATE_STORE_GET_IFACE (scene.world->store);
  real_store = *slots;
  unblocked = mig_waiter_new ();
  slots->commit = commit;
  g_object_set (scene.world->cluster, "lease-ttl", 1.0, NULL);
  live_world_configure (scene.world, "{\"switch-over\": 4}");
  live_world_set_link (scene.world, 1024 * 1024);
  mig_operation_run_async (scene.task, NULL, mig_test_store_result, &result);
  mig_test_wait (NULL, flows, NULL, 10);

  g_atomic_int_set (&blocked, TRUE);
  mig_test_wait (NULL, lease_is_late, NULL, 10);
  mig_operation_abort (scene.task, &failure);
  mig_assert_no_error (failure);
  mig_test_wait (NULL, is_switching_over, NULL, 20);
  g_atomic_int_set (&blocked, FALSE);
  mig_waiter_wake (unblocked);

  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 20);
  mig_operation_run_finish (scene.task, result, &failure);
  mig_assert_no_error (failure);
  expect_at (scene.world, scene.world->b);
  g_object_unref (result);
  *slots = real_store;
  close_scene ();
  mig_waiter_unref (unblocked);
}
END_TEST

static void
set_up (void)
{
  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good */
  mig_test_settle_descriptors ();
}

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("live-abort");
  TCase *tcase = mig_test_add_case (suite, "abort");

  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, set_up, NULL);
  tcase_add_loop_test (tcase, wins_over_force, 0, 2);
  tcase_add_loop_test (tcase, deadline_wins_over_force, 0, 2);
  tcase_add_test (tcase, not_in_post_copy);
  tcase_add_test (tcase, after_an_untrue_event);
  tcase_add_test (tcase, while_the_store_is_away);

  return suite;
}

MIG_TEST_MAIN (create_suite)
