/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "live.h"

#include "libmig/saga/mig-engine-private.h"

/* Answers that are not what happened: a guest that is stopped later, or although that was refused; a host that is
 * silent when it matters; and how long all that is waited for. */

static struct
{
  LiveWorld    *world;
  MigOperation *task;
  int           n_looks; /* while it is undone; atomic */
} scene;

static void
set_reachable (const char *host,
               gboolean    reachable)
{
  g_autoptr (GError) error = NULL;

  mig_sim_driver_set_reachable (scene.world->sim, host, reachable, &error);
  mig_assert_no_error (error);
}

static void
expect_at (LiveWorld      *world,
           MigHost        *host,
           MigDomainState  state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) info = NULL;

  mig_sim_driver_wait_idle (world->sim, 10, NULL, &error);
  mig_assert_no_error (error);
  live_world_check (world);
  info = live_world_look (world, host);
  ck_assert_ptr_nonnull (info);
  ck_assert_int_eq (mig_domain_info_get_state (info), state);
}

static void
open_scene (LiveWorldFlags  flags,
            const char     *options)
{
  memset (&scene, 0, sizeof scene);
  scene.world = live_world_new (flags);
  scene.task = live_world_task (scene.world, options);
}

static void
close_scene (void)
{
  g_clear_object (&scene.task);
  g_clear_pointer (&scene.world, live_world_free);
}

static void
force_at_transfer (MigOperation *task,
                   MigPhase      old,
                   MigPhase      new,
                   gpointer      data)
{
  g_autoptr (GError) error = NULL;

  if (new != MIG_PHASE_TRANSFER)
    return;
  mig_migration_task_force_complete (MIG_MIGRATION_TASK (task), &error);
  mig_assert_no_error (error);
}

static void
abort_at_decision (MigOperation *task,
                   const char   *text,
                   GVariant     *inputs,
                   gpointer      data)
{
  g_autoptr (GError) error = NULL;

  if (strstr (text, data) == NULL)
    return;
  mig_operation_abort (task, &error);
  mig_assert_no_error (error);
}

/* Whoever waits for the end of what is forced, and aborts it when it is told of that. */
static void
force_and_abort (const char *decision)
{
  live_world_set_link (scene.world, 1024 * 1024);
  g_signal_connect (scene.task, "phase-changed", G_CALLBACK (force_at_transfer), NULL);
  g_signal_connect (scene.task, "decision", G_CALLBACK (abort_at_decision), (gpointer) decision);
}

static const char * const decisions[] = { "not be forced", "the guest was stopped" };

/* The call that stops the guest is not answered, and comes when the move has been given up: at once, or after another
 * one that was answered. The guest runs in the end. */
START_TEST (stopped_late)
{
  g_autoptr (GError) failure = NULL;

  open_scene (LIVE_BUSY, "{\"max-downtime\": 0.1}");
  g_object_set (scene.world->cluster, "settle-time", 3.0, NULL);
  live_world_configure (scene.world, "{\"late-delay\": 2}");
  mig_sim_driver_set_fault (scene.world->sim, "pause", 1, MIG_SIM_FAULT_LATE);
  force_and_abort (decisions[_i]);
  failure = live_run (scene.task);
  mig_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  expect_at (scene.world, scene.world->a, MIG_DOMAIN_STATE_RUNNING);
  close_scene ();
}
END_TEST

static gboolean
pause_and_fail (MigComputeDriver  *driver,
                MigHost           *host,
                const char        *domain,
                GCancellable      *cancellable,
                GError           **error)
{
  if (live_slots.pause (driver, host, domain, cancellable, error))
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_FAILED, "it stopped, and something went wrong then");

  return FALSE;
}

/* It stops the guest, and says that it failed. That is our doing then, and no switch-over. */
START_TEST (stopped_all_the_same)
{
  g_autoptr (GError) failure = NULL;

  open_scene (LIVE_BUSY, "{\"max-downtime\": 0.1}");
  live_world_get_slots (scene.world)->pause = pause_and_fail;
  force_and_abort ("not be forced");
  failure = live_run (scene.task);
  mig_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  expect_at (scene.world, scene.world->a, MIG_DOMAIN_STATE_RUNNING);
  close_scene ();
}
END_TEST

static guint
count (const char *text,
       const char *word)
{
  guint n = 0;

  for (text = strstr (text, word); text != NULL; text = strstr (text + 1, word))
    n++;

  return n;
}

/* The first call is not heard, and all others are refused: five of them, and that is said once. */
START_TEST (refused_for_good)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *journal = NULL;
  g_auto (GStrv) calls = NULL;
  guint n_calls = 0;

  open_scene (LIVE_BUSY, "{\"max-downtime\": 0.001, \"deadline\": 3}");
  mig_engine_set_retry_pause (mig_engine_of (G_OBJECT (scene.world->cluster)), 0.01);
  mig_sim_driver_set_fault (scene.world->sim, "pause", 1, MIG_SIM_FAULT_HANG);
  for (guint i = 2; i <= 40; i++)
    mig_sim_driver_set_fault (scene.world->sim, "pause", i, MIG_SIM_FAULT_FAIL);
  g_signal_connect (scene.task, "phase-changed", G_CALLBACK (force_at_transfer), NULL);
  failure = live_run (scene.task);
  mig_assert_error (failure, MIG_ERROR, MIG_ERROR_NOT_CONVERGING);
  calls = mig_sim_driver_dup_calls (scene.world->sim);
  for (char **call = calls; *call != NULL; call++)
    n_calls += g_str_equal (*call, "pause");
  ck_assert_uint_eq (n_calls, 6);
  journal = mig_cluster_dup_journal (scene.world->cluster, mig_operation_get_id (scene.task), NULL, &error);
  mig_assert_no_error (error);
  ck_assert_msg (count (journal, "cannot be forced") == 1, "%s", journal);
  expect_at (scene.world, scene.world->a, MIG_DOMAIN_STATE_RUNNING);
  close_scene ();
}
END_TEST

/* What is asked last before the step that follows the decision. */
static MigJobStats *
lose_source (MigComputeDriver  *driver,
             MigHost           *host,
             const char        *domain,
             gboolean           completed,
             GCancellable      *cancellable,
             GError           **error)
{
  MigJobStats *stats = live_slots.get_job (driver, host, domain, completed, cancellable, error);
  g_autoptr (GError) failure = NULL;

  if (completed)
    {
      ck_assert (live_slots.pause (driver, host, domain, NULL, &failure));
      set_reachable ("a", FALSE);
    }

  return stats;
}

/* The guest arrives as it left, stopped by us, and the source is silent then. It goes on all the same. */
START_TEST (goes_on_without_the_source)
{
  g_autoptr (GError) failure = NULL;
  g_auto (GStrv) debts = NULL;

  open_scene (LIVE_BUSY, "{\"max-downtime\": 0.001}");
  live_world_get_slots (scene.world)->get_job = lose_source;
  g_signal_connect (scene.task, "phase-changed", G_CALLBACK (force_at_transfer), NULL);
  failure = live_run (scene.task);
  mig_assert_no_error (failure);
  debts = mig_operation_dup_debts (scene.task);
  ck_assert_ptr_nonnull (debts[0]);
  set_reachable ("a", TRUE);
  expect_at (scene.world, scene.world->b, MIG_DOMAIN_STATE_RUNNING);
  close_scene ();
}
END_TEST

/* A call that neither begins nor returns, and a time that is over: both are told. */
START_TEST (why_and_what_is_told)
{
  g_autoptr (GError) failure = NULL;

  open_scene (LIVE_SHARED, "{\"deadline\": 0.1}");
  mig_sim_driver_set_fault (scene.world->sim, "migrate", 1, MIG_SIM_FAULT_HANG);
  failure = live_run (scene.task);
  ck_assert_ptr_nonnull (failure);
  ck_assert_msg (strstr (failure->message, "not done after 0.1 s") != NULL, "%s", failure->message);
  ck_assert_msg (strstr (failure->message, "no answer came") != NULL, "%s", failure->message);
  expect_at (scene.world, scene.world->a, MIG_DOMAIN_STATE_RUNNING);
  close_scene ();
}
END_TEST

/* While it is undone the source shows a guest that is to be let run, and which can't be, and then nothing, in turns. */
static MigDomainInfo *
come_and_go (MigComputeDriver  *driver,
             MigHost           *host,
             const char        *domain,
             GCancellable      *cancellable,
             GError           **error)
{
  if (mig_operation_get_phase (scene.task) != MIG_PHASE_ROLLBACK || !g_str_equal (mig_host_get_name (host), "a"))
    return live_slots.get_domain (driver, host, domain, cancellable, error);

  if (g_atomic_int_add (&scene.n_looks, 1) % 2 == 0)
    return g_object_new (MIG_TYPE_DOMAIN_INFO, "uuid", scene.world->uuid, "name", "g", "state",
                         MIG_DOMAIN_STATE_PAUSED_MIGRATION, NULL);
  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CONNECTION, "gone again");

  return NULL;
}

static gboolean
resume_in_vain (MigComputeDriver  *driver,
                MigHost           *host,
                const char        *domain,
                GCancellable      *cancellable,
                GError           **error)
{
  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CONNECTION, "no answer");

  return FALSE;
}

static void
abort_in_memory (MigOperation *task,
                 MigProgress  *progress,
                 gpointer      data)
{
  if (mig_progress_get_memory_processed (progress) > 0)
    mig_operation_abort (task, NULL);
}

static void
count_tries (MigOperation *task,
             const char   *step,
             double        seconds,
             GError       *error,
             gpointer      data)
{
  if (g_str_equal (step, "vm.migrate"))
    ++*(guint *) data;
}

/* That ends when it has taken too long, and is not tried again then. */
START_TEST (ends_though_it_changes)
{
  g_autoptr (GError) failure = NULL;
  guint n_tries = 0;

  open_scene (LIVE_BUSY, "{\"max-downtime\": 0.001}");
  live_world_get_slots (scene.world)->get_domain = come_and_go;
  live_world_get_slots (scene.world)->resume = resume_in_vain;
  mig_engine_set_retry_pause (mig_engine_of (G_OBJECT (scene.world->cluster)), 0.01);
  g_signal_connect (scene.task, "progress", G_CALLBACK (abort_in_memory), NULL);
  g_signal_connect (scene.task, "step-finished", G_CALLBACK (count_tries), &n_tries);
  failure = live_run (scene.task);
  ck_assert_ptr_nonnull (failure);
  ck_assert_int_eq (mig_operation_get_status (scene.task), MIG_STATUS_ERROR);
  ck_assert_uint_eq (n_tries, 2); /* once forward, once back */
  close_scene ();
}
END_TEST

static MigDomainInfo *
vanish (MigComputeDriver  *driver,
        MigHost           *host,
        const char        *domain,
        GCancellable      *cancellable,
        GError           **error)
{
  if (mig_operation_get_phase (scene.task) == MIG_PHASE_ROLLBACK && g_atomic_int_add (&scene.n_looks, 1) == 0)
    set_reachable ("a", FALSE);

  return live_slots.get_domain (driver, host, domain, cancellable, error);
}

static gboolean
waits (gpointer data)
{
  return g_atomic_int_get (&scene.n_looks) > 2;
}

/* A process that leaves does not wait for a host which it would wait for with patience otherwise. */
START_TEST (leaves_while_it_waits)
{
  g_autoptr (GError) error = NULL;
  GAsyncResult *result = NULL;

  open_scene (LIVE_BUSY, "{\"max-downtime\": 0.001}");
  g_object_set (scene.world->cluster, "settle-time", 100.0, NULL);
  live_world_get_slots (scene.world)->get_domain = vanish;
  g_signal_connect (scene.task, "progress", G_CALLBACK (abort_in_memory), NULL);
  mig_operation_run_async (scene.task, NULL, mig_test_store_result, &result);
  mig_test_wait (NULL, waits, NULL, 10);
  mig_cluster_close (scene.world->cluster, MIG_CLOSE_MODE_DETACH, NULL, &error);
  mig_assert_no_error (error);
  mig_test_wait (NULL, mig_test_pointer_is_set, &result, 10);
  ck_assert (!mig_operation_run_finish (scene.task, result, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  g_object_unref (result);
  close_scene ();
}
END_TEST

static MigHostInfo *
get_nameless (MigComputeDriver  *driver,
              MigHost           *host,
              GCancellable      *cancellable,
              GError           **error)
{
  return g_object_new (MIG_TYPE_HOST_INFO, "hostname", mig_host_get_name (host), NULL);
}

/* Hosts that do not tell who they are need not be the same. */
START_TEST (hosts_without_uuid)
{
  g_autoptr (GError) failure = NULL;

  open_scene (LIVE_SHARED, NULL);
  live_world_get_slots (scene.world)->get_host_info = get_nameless;
  failure = live_run (scene.task);
  mig_assert_no_error (failure);
  expect_at (scene.world, scene.world->b, MIG_DOMAIN_STATE_RUNNING);
  close_scene ();
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
  Suite *suite = suite_create ("live-answers");
  TCase *stopped = mig_test_add_case (suite, "stopped");
  TCase *silent = mig_test_add_case (suite, "silent");

  tcase_set_timeout (stopped, 60);
  tcase_set_timeout (silent, 30);
  tcase_add_checked_fixture (stopped, set_up, NULL);
  tcase_add_checked_fixture (silent, set_up, NULL);
  tcase_add_loop_test (stopped, stopped_late, 0, G_N_ELEMENTS (decisions));
  tcase_add_test (stopped, stopped_all_the_same);
  tcase_add_test (stopped, refused_for_good);
  tcase_add_test (stopped, goes_on_without_the_source);
  tcase_add_test (silent, why_and_what_is_told);
  tcase_add_test (silent, ends_though_it_changes);
  tcase_add_test (silent, leaves_while_it_waits);
  tcase_add_test (silent, hosts_without_uuid);

  return suite;
}

MIG_TEST_MAIN (create_suite)
