/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "live.h"

/* What is asked for in the middle of a move: an abort, which must never come late, and an end that is forced; and
 * post-copy that breaks. */

static void
expect_at (LiveWorld      *world,
           MigHost        *host,
           MigDomainState  state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) info = NULL;

  mig_sim_driver_wait_idle (world->sim, 5, NULL, &error);
  mig_assert_no_error (error);
  live_world_check (world);
  info = live_world_look (world, host);
  ck_assert_ptr_nonnull (info);
  ck_assert_int_eq (mig_domain_info_get_state (info), state);
}

typedef struct
{
  LiveWorld *world;
  gboolean   tried;
  gboolean   refused;
} Late;

static void
try_abort (MigOperation *task,
           Late         *late)
{
  g_autoptr (GError) error = NULL;

  late->tried = TRUE;
  if (!mig_operation_abort (task, &error))
    {
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
      late->refused = TRUE;
    }
}

static void
abort_in_memory (MigOperation *task,
                 MigProgress  *progress,
                 gpointer      data)
{
  Late *late = data;

  /* The disk lags behind while the guest writes. */
  if (!late->refused && mig_progress_get_memory_processed (progress) > 0 &&
      mig_progress_get_disk_remaining (progress) > 0)
    try_abort (task, late);
}

/* Less than a downtime is left, though the disks never get to nothing: an abort would end the guest. Neither is it
 * accepted, nor is one that came in before done now. */
START_TEST (late_while_disks_lag)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL | LIVE_WRITING);
  g_autoptr (MigOperation) task = live_world_task (world, "{\"max-downtime\": 5}");
  g_autoptr (GError) failure = NULL;
  Late late = { world, FALSE, FALSE };

  live_world_configure (world, "{\"switch-over\": 0.3}");
  live_world_set_link (world, 4 * 1024 * 1024);
  g_signal_connect (task, "progress", G_CALLBACK (abort_in_memory), &late);
  failure = live_run (task);
  ck_assert (late.tried);
  mig_assert_no_error (failure);
  expect_at (world, world->b, MIG_DOMAIN_STATE_RUNNING);
}
END_TEST

/* What is left is just more than what a downtime carries: early enough. */
START_TEST (early_while_disks_lag)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL | LIVE_WRITING);
  g_autoptr (MigOperation) task = live_world_task (world, "{\"max-downtime\": 0.1}");
  g_autoptr (GError) failure = NULL;
  Late late = { world, FALSE, FALSE };

  live_world_set_link (world, 1024 * 1024);
  g_signal_connect (task, "progress", G_CALLBACK (abort_in_memory), &late);
  failure = live_run (task);
  mig_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  expect_at (world, world->a, MIG_DOMAIN_STATE_RUNNING);
}
END_TEST

static void
abort_at_once (MigOperation *task,
               MigProgress  *progress,
               gpointer      data)
{
  Late *late = data;

  if (late->tried || mig_progress_get_memory_processed (progress) <= 0)
    return;

  live_world_set_link (late->world, 64 * 1024);
  live_world_configure (late->world, "{\"call-time\": 0.3}");
  try_abort (task, late);
}

/* A host that is far away takes its time for every answer; it is given it, where there is enough. */
START_TEST (early_from_far_away)
{
  g_autoptr (LiveWorld) world = live_world_new (_i == 0 ? LIVE_SHARED : LIVE_LOCAL | LIVE_WRITING);
  g_autoptr (MigOperation) task = live_world_task (world, "{\"max-downtime\": 0.1}");
  g_autoptr (GError) failure = NULL;
  Late late = { world, FALSE, FALSE };

  live_world_set_link (world, 1024 * 1024);
  g_signal_connect (task, "progress", G_CALLBACK (abort_at_once), &late);
  failure = live_run (task);
  mig_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  expect_at (world, world->a, MIG_DOMAIN_STATE_RUNNING);
}
END_TEST

static void
tell_of_an_iteration (MigOperation *task,
                      MigPhase      old,
                      MigPhase      new,
                      gpointer      data)
{
  Late *late = data;

  /* Some event comes, but not the one that tells of the switch-over. */
  if (new == MIG_PHASE_TRANSFER)
    mig_compute_driver_emit_event (MIG_COMPUTE_DRIVER (late->world->sim), late->world->a, late->world->uuid,
                                   MIG_DRIVER_EVENT_ITERATION, "1");
  if (new == MIG_PHASE_SWITCHOVER)
    try_abort (task, late);
}

START_TEST (late_without_the_event)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_SHARED);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autoptr (GError) failure = NULL;
  Late late = { world, FALSE, FALSE };

  g_object_set (world->sim, "events", FALSE, NULL);
  live_world_configure (world, "{\"switch-over\": 3}");
  g_signal_connect (task, "phase-changed", G_CALLBACK (tell_of_an_iteration), &late);
  failure = live_run (task);
  ck_assert (late.tried);
  mig_assert_no_error (failure);
  expect_at (world, world->b, MIG_DOMAIN_STATE_RUNNING);
}
END_TEST

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
abort_when_stopped (MigOperation *task,
                    const char   *text,
                    GVariant     *inputs,
                    gpointer      data)
{
  if (strstr (text, "the guest was stopped") != NULL)
    try_abort (task, data);
}

/* The guest stands still so that the move ends, and the hypervisor says that the migration stopped it; but it will be a
 * while until it changes hands. */
START_TEST (aborted_after_it_was_stopped)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_BUSY | (_i == 0 ? LIVE_SHARED : LIVE_LOCAL));
  g_autoptr (MigOperation) task = live_world_task (world, "{\"max-downtime\": 0.1}");
  g_autoptr (GError) failure = NULL;
  Late late = { world, FALSE, FALSE };

  live_world_set_link (world, 1024 * 1024);
  g_signal_connect (task, "phase-changed", G_CALLBACK (force_at_transfer), NULL);
  g_signal_connect (task, "decision", G_CALLBACK (abort_when_stopped), &late);
  failure = live_run (task);
  ck_assert (late.tried && !late.refused);
  mig_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  expect_at (world, world->a, MIG_DOMAIN_STATE_RUNNING);
}
END_TEST

static void
note_unknown (MigOperation *task,
              MigProgress  *progress,
              gpointer      data)
{
  if (mig_operation_get_phase (task) == MIG_PHASE_TRANSFER)
    *(gboolean *) data |= mig_progress_get_memory_total (progress) == 0;
}

/* A guest that stands still is not held up by a limit that was set while it ran; and never is it said that there is no
 * memory. */
START_TEST (forced_without_a_limit)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_BUSY);
  g_autoptr (MigOperation) task = live_world_task (world, "{\"max-downtime\": 0.001, \"bandwidth\": 1024}");
  g_autoptr (GError) failure = NULL;
  g_auto (GStrv) calls = NULL;
  gboolean none = FALSE;

  g_signal_connect (task, "phase-changed", G_CALLBACK (force_at_transfer), NULL);
  g_signal_connect (task, "progress", G_CALLBACK (note_unknown), &none);
  failure = live_run (task);
  mig_assert_no_error (failure);
  ck_assert (!none);
  calls = mig_sim_driver_dup_calls (world->sim);
  ck_assert (g_strv_contains ((const char * const *) calls, "tune"));
  expect_at (world, world->b, MIG_DOMAIN_STATE_RUNNING);
}
END_TEST

/* The switch to post-copy gets no answer, and has no effect; or the guest is not stopped: it is asked for again. */
START_TEST (unheard)
{
  const char *options[] = { "{\"max-downtime\": 0.001}", "{\"max-downtime\": 0.001, \"post-copy\": true}" };
  g_autoptr (LiveWorld) world = live_world_new (LIVE_BUSY);
  g_autoptr (MigOperation) task = live_world_task (world, options[_i]);
  g_autoptr (GError) failure = NULL;

  mig_sim_driver_set_fault (world->sim, _i == 0 ? "pause" : "tune", 1, MIG_SIM_FAULT_HANG);
  g_signal_connect (task, "phase-changed", G_CALLBACK (force_at_transfer), NULL);
  failure = live_run (task);
  mig_assert_no_error (failure);
  expect_at (world, world->b, MIG_DOMAIN_STATE_RUNNING);
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

/* A host that never switches: that is written down once, and does not keep the move from being given up. */
START_TEST (always_refused)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_BUSY);
  g_autoptr (MigOperation) task = live_world_task (world, "{\"max-downtime\": 0.001, \"post-copy\": true, "
                                                          "\"deadline\": 4}");
  g_autoptr (GError) failure = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *journal = NULL;

  for (guint i = 1; i <= 20; i++)
    mig_sim_driver_set_fault (world->sim, "tune", i, MIG_SIM_FAULT_FAIL);
  g_signal_connect (task, "phase-changed", G_CALLBACK (force_at_transfer), NULL);
  failure = live_run (task);
  mig_assert_error (failure, MIG_ERROR, MIG_ERROR_NOT_CONVERGING);
  journal = mig_cluster_dup_journal (world->cluster, mig_operation_get_id (task), NULL, &error);
  mig_assert_no_error (error);
  ck_assert_msg (count (journal, "\"kind\":\"committed\"") == 1, "%s", journal);
  ck_assert_msg (count (journal, "could not be forced") == 1, "%s", journal);
  expect_at (world, world->a, MIG_DOMAIN_STATE_RUNNING);
}
END_TEST

static void
break_when_switched (MigOperation *task,
                     GParamSpec   *pspec,
                     gpointer      data)
{
  if (mig_operation_get_status (task) == MIG_STATUS_POST_COPY)
    live_world_set_link (data, 0);
}

static void
heal_when_broken (MigOperation *task,
                  const char   *text,
                  GVariant     *inputs,
                  gpointer      data)
{
  if (strstr (text, "taken up again") != NULL)
    live_world_set_link (data, 8 * 1024 * 1024);
}

/* Post-copy whose connection breaks is taken up when there is a way again; and if there is none, that is said. */
START_TEST (broken_post_copy)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_BUSY);
  g_autoptr (MigOperation) task = live_world_task (world, "{\"max-downtime\": 0.001, \"post-copy\": true}");
  g_autoptr (GError) failure = NULL;

  g_object_set (world->cluster, "settle-time", _i == 0 ? 2.0 : 0.05, NULL);
  g_signal_connect (task, "phase-changed", G_CALLBACK (force_at_transfer), NULL);
  g_signal_connect (task, "notify::status", G_CALLBACK (break_when_switched), world);
  if (_i == 0)
    g_signal_connect (task, "decision", G_CALLBACK (heal_when_broken), world);
  failure = live_run (task);
  if (_i == 0)
    {
      mig_assert_no_error (failure);
      expect_at (world, world->b, MIG_DOMAIN_STATE_RUNNING);
      return;
    }

  mig_assert_error (failure, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN);
  ck_assert_msg (strstr (failure->message, "recover the operation") != NULL, "%s", failure->message);
  live_world_check (world);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("live-control");
  TCase *aborts = mig_test_add_case (suite, "aborts");
  TCase *forced = mig_test_add_case (suite, "forced");

  tcase_set_timeout (aborts, 60);
  tcase_set_timeout (forced, 60);
  tcase_add_test (aborts, late_while_disks_lag);
  tcase_add_test (aborts, early_while_disks_lag);
  tcase_add_loop_test (aborts, early_from_far_away, 0, 2);
  tcase_add_test (aborts, late_without_the_event);
  tcase_add_loop_test (aborts, aborted_after_it_was_stopped, 0, 2);
  tcase_add_test (aborts, forced_without_a_limit);
  tcase_add_loop_test (forced, unheard, 0, 2);
  tcase_add_test (forced, always_refused);
  tcase_add_loop_test (forced, broken_post_copy, 0, 2);

  return suite;
}

MIG_TEST_MAIN (create_suite)
