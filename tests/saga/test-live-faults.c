/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "live.h"

/* Moves that are disturbed: by every call going wrong in every way, by an abort at every moment, by hosts and links. In
 * the end the world is wholly as before, or wholly as after a move without disturbance. */

#define AT_ONCE 6 /* moves */

typedef struct
{
  const char     *name;
  LiveWorldFlags  flags;
} WorldRow;

static const WorldRow worlds[] = {
  { "shared, peer-to-peer", LIVE_SHARED },
  { "shared, direct", LIVE_SHARED | LIVE_DIRECT },
  { "local, peer-to-peer", LIVE_LOCAL },
  { "local, direct", LIVE_LOCAL | LIVE_DIRECT },
  { "local, transient", LIVE_LOCAL | LIVE_TRANSIENT },
  { "shared, paused, direct", LIVE_SHARED | LIVE_PAUSED | LIVE_DIRECT },
};

static const struct
{
  MigSimFault  fault;
  const char  *name;
} faults[] = {
  { MIG_SIM_FAULT_FAIL, "fails" },
  { MIG_SIM_FAULT_ANSWER_LOST, "is not answered" },
  { MIG_SIM_FAULT_LATE, "takes effect late" },
  { MIG_SIM_FAULT_HANG, "hangs" },
};

static void
judge_world (LiveWorld    *world,
             MigOperation *task,
             const GError *failure,
             const char   *before,
             const char   *moved,
             const char   *what)
{
  g_auto (GStrv) debts = mig_operation_dup_debts (task);
  g_autoptr (GError) error = NULL;
  g_autofree char *after = NULL;
  MigStatus status = mig_operation_get_status (task);
  const char *wanted = status == MIG_STATUS_COMPLETED ? moved : before;

  mig_sim_driver_wait_idle (world->sim, 5, NULL, &error);
  mig_assert_no_error (error);
  live_world_check (world);
  ck_assert_msg (status == MIG_STATUS_COMPLETED || status == MIG_STATUS_FAILED || status == MIG_STATUS_CANCELLED,
                 "%s: status %d: %s", what, status, failure != NULL ? failure->message : "");
  after = live_world_text (world);
  /* A debt says what is left; nothing else may be. */
  if (status != MIG_STATUS_COMPLETED || *debts == NULL)
    ck_assert_msg (g_str_equal (after, wanted), "%s: %s\n%s\ninstead of\n%s", what,
                   failure != NULL ? failure->message : "completed", after, wanted);
}

/* How many calls a move makes that is not disturbed. */
static guint
count_calls (LiveWorldFlags flags)
{
  g_autoptr (LiveWorld) world = live_world_new (flags);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autoptr (GError) failure = live_run (task);

  mig_assert_no_error (failure);

  return mig_sim_driver_get_n_calls (world->sim);
}

/* Runs @func for each number from @first to @last, each in a world of its own; several at once, as most of the time is
 * waiting. */
static void
run_each (GFunc    func,
          gpointer data,
          guint    first,
          guint    last)
{
  g_autoptr (GError) error = NULL;
  GThreadPool *pool = g_thread_pool_new (func, data, AT_ONCE, TRUE, &error);

  mig_assert_no_error (error);
  /* A pool cannot be given a 0. */
  for (guint n = first; n <= last; n++)
    g_thread_pool_push (pool, GUINT_TO_POINTER (n + 1), NULL);
  g_thread_pool_free (pool, FALSE, TRUE);
}

#define TO_NUMBER(item) (GPOINTER_TO_UINT (item) - 1)

typedef struct
{
  const WorldRow *row;
  MigSimFault     fault;
  const char     *fault_name;
  const char     *moved;
} Disturbance;

static void
disturb_call (gpointer item,
              gpointer data)
{
  const Disturbance *self = data;
  guint n = TO_NUMBER (item);
  g_autoptr (LiveWorld) world = live_world_new (self->row->flags);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autofree char *before = live_world_text (world);
  g_autofree char *what = NULL;
  g_autoptr (GError) failure = NULL;
  g_auto (GStrv) calls = NULL;

  mig_sim_driver_set_fault (world->sim, "*", n, self->fault);
  failure = live_run (task);
  calls = mig_sim_driver_dup_calls (world->sim);
  what = g_strdup_printf ("%s: call %u (%s) %s", self->row->name, n, n <= g_strv_length (calls) ? calls[n - 1] : "none",
                          self->fault_name);
  judge_world (world, task, failure, before, self->moved, what);
}

/* The n-th call of all goes wrong; for every n that there is. */
START_TEST (every_call)
{
  const WorldRow *row = &worlds[_i / (int) G_N_ELEMENTS (faults)];
  g_autofree char *moved = live_moved_text (row->flags);
  guint n_calls = count_calls (row->flags);
  Disturbance disturbance = {
    .row = row,
    .fault = faults[_i % (int) G_N_ELEMENTS (faults)].fault,
    .fault_name = faults[_i % (int) G_N_ELEMENTS (faults)].name,
    .moved = moved,
  };

  run_each (disturb_call, &disturbance, 1, n_calls);
}
END_TEST

static void
abort_at_phase (MigOperation *task,
                MigPhase      old,
                MigPhase      new,
                gpointer      data)
{
  if ((int) new == GPOINTER_TO_INT (data))
    mig_operation_abort (task, NULL); /* may be refused: it is too late, then */
}

static void
abort_in_phase (gpointer item,
                gpointer data)
{
  const WorldRow *row = data;
  MigPhase phase = TO_NUMBER (item);
  g_autofree char *moved = live_moved_text (row->flags);
  g_autoptr (LiveWorld) world = live_world_new (row->flags | LIVE_SLOW);
  /* So that the end is not near from the beginning. */
  g_autoptr (MigOperation) task = live_world_task (world, "{\"max-downtime\": 0.05}");
  g_autofree char *before = live_world_text (world);
  g_autofree char *what = g_strdup_printf ("%s: aborted in phase %d", row->name, phase);
  g_autoptr (GError) failure = NULL;
  g_autoptr (GError) error = NULL;

  mig_sim_driver_set_link (world->sim, "a", "b", 4 * 1024 * 1024, &error);
  mig_assert_no_error (error);

  g_signal_connect (task, "phase-changed", G_CALLBACK (abort_at_phase), GINT_TO_POINTER (phase));
  failure = live_run (task);
  judge_world (world, task, failure, before, moved, what);
  if (failure != NULL)
    mig_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  /* Whoever asked before the transfer is heard. */
  if (phase > MIG_PHASE_NONE && phase < MIG_PHASE_TRANSFER && phase != MIG_PHASE_SCHEDULE)
    ck_assert_int_eq (mig_operation_get_status (task), MIG_STATUS_CANCELLED);
}

/* Aborted as each phase begins. */
START_TEST (abort_in_every_phase)
{
  run_each (abort_in_phase, (gpointer) &worlds[_i], MIG_PHASE_NONE, MIG_PHASE_FINISH);
}
END_TEST

static void
abort_at_progress (MigOperation *task,
                   MigProgress  *progress,
                   gpointer      data)
{
  if (mig_progress_get_fraction (progress) >= 0.3)
    mig_operation_abort (task, NULL);
}

static void
abort_in_the_middle (gpointer item,
                     gpointer data)
{
  const WorldRow *row = &worlds[TO_NUMBER (item)];
  g_autoptr (LiveWorld) world = live_world_new (row->flags | LIVE_SLOW);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autofree char *before = live_world_text (world);
  g_autoptr (GError) failure = NULL;
  g_autoptr (GError) error = NULL;

  mig_sim_driver_set_link (world->sim, "a", "b", 1024 * 1024, &error);
  mig_assert_no_error (error);
  g_signal_connect (task, "progress", G_CALLBACK (abort_at_progress), NULL);
  failure = live_run (task);
  mig_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  judge_world (world, task, failure, before, "", row->name);
}

/* In the middle of the transfer, over a link so slow that there is a middle. */
START_TEST (abort_every_world_in_the_middle)
{
  run_each (abort_in_the_middle, NULL, 0, G_N_ELEMENTS (worlds) - 1);
}
END_TEST

START_TEST (deadline)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL | LIVE_SLOW);
  g_autoptr (MigOperation) task = live_world_task (world, "{\"deadline\": 0.3}");
  g_autofree char *before = live_world_text (world);
  g_autoptr (GError) failure = NULL;
  g_autoptr (GError) error = NULL;

  mig_sim_driver_set_link (world->sim, "a", "b", 1024 * 1024, &error);
  mig_assert_no_error (error);
  failure = live_run (task);
  mig_assert_error (failure, MIG_ERROR, MIG_ERROR_TIMED_OUT);
  judge_world (world, task, failure, before, "", "deadline");
}
END_TEST

/* The guest writes faster than the link carries. */
START_TEST (not_converging)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_BUSY);
  g_autoptr (MigOperation) task = live_world_task (world, "{\"deadline\": 2, \"max-downtime\": 0.001}");
  g_autofree char *before = live_world_text (world);
  g_autoptr (GError) failure = live_run (task);

  mig_assert_error (failure, MIG_ERROR, MIG_ERROR_NOT_CONVERGING);
  judge_world (world, task, failure, before, "", "not converging");
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
note_status (MigOperation *task,
             GParamSpec   *pspec,
             gpointer      data)
{
  if (mig_operation_get_status (task) == MIG_STATUS_POST_COPY)
    *(gboolean *) data = TRUE;
}

/* A guest that would never converge is made to: by post-copy, or by standing still. Either way it runs in the end. */
START_TEST (forced)
{
  const char *options[] = { "{\"max-downtime\": 0.001}", "{\"max-downtime\": 0.001, \"post-copy\": true}" };
  g_autofree char *moved = live_moved_text (LIVE_SHARED);
  g_autoptr (LiveWorld) world = live_world_new (LIVE_BUSY);
  g_autoptr (MigOperation) task = live_world_task (world, options[_i]);
  g_autoptr (GError) failure = NULL;
  gboolean post_copy = FALSE;

  g_signal_connect (task, "phase-changed", G_CALLBACK (force_at_transfer), NULL);
  g_signal_connect (task, "notify::status", G_CALLBACK (note_status), &post_copy);
  failure = live_run (task);
  mig_assert_no_error (failure);
  ck_assert_int_eq (post_copy, _i == 1);
  judge_world (world, task, NULL, "", moved, "forced");
}
END_TEST

static void
cut_at_transfer (MigOperation *task,
                 MigPhase      old,
                 MigPhase      new,
                 gpointer      data)
{
  g_autoptr (GError) error = NULL;

  if (new != MIG_PHASE_TRANSFER)
    return;
  mig_sim_driver_set_link (data, "a", "b", 0, &error);
  mig_assert_no_error (error);
}

START_TEST (link_is_cut)
{
  g_autofree char *moved = live_moved_text (worlds[_i].flags);
  g_autoptr (LiveWorld) world = live_world_new (worlds[_i].flags | LIVE_SLOW);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autofree char *before = live_world_text (world);
  g_autoptr (GError) failure = NULL;

  g_signal_connect (task, "phase-changed", G_CALLBACK (cut_at_transfer), world->sim);
  failure = live_run (task);
  ck_assert_ptr_nonnull (failure);
  judge_world (world, task, failure, before, moved, worlds[_i].name);
}
END_TEST

static gboolean
make_reachable (gpointer data)
{
  g_autoptr (GError) error = NULL;

  mig_sim_driver_set_reachable (data, "b", TRUE, &error);
  mig_assert_no_error (error);

  return G_SOURCE_REMOVE;
}

static gpointer
heal_later (gpointer data)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  g_autoptr (GSource) heal = g_timeout_source_new (400);
  g_autoptr (GSource) quit = g_timeout_source_new (401);

  g_source_set_callback (heal, make_reachable, data, NULL);
  g_source_set_callback (quit, (GSourceFunc) (void (*) (void)) g_main_loop_quit, loop, NULL);
  g_source_attach (heal, context);
  g_source_attach (quit, context);
  g_main_loop_run (loop);

  return NULL;
}

static void
lose_at_transfer (MigOperation *task,
                  MigPhase      old,
                  MigPhase      new,
                  gpointer      data)
{
  g_autoptr (GError) error = NULL;

  if (new != MIG_PHASE_TRANSFER)
    return;
  mig_sim_driver_set_reachable (data, "b", FALSE, &error);
  mig_assert_no_error (error);
  g_thread_unref (g_thread_new ("heal", heal_later, data));
}

/* A host that does not answer for a while is waited for, and nothing is concluded meanwhile. */
START_TEST (host_is_away)
{
  g_autofree char *moved = live_moved_text (worlds[_i].flags);
  g_autoptr (LiveWorld) world = live_world_new (worlds[_i].flags | LIVE_SLOW);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autofree char *before = live_world_text (world);
  g_autoptr (GError) failure = NULL;

  g_signal_connect (task, "phase-changed", G_CALLBACK (lose_at_transfer), world->sim);
  failure = live_run (task);
  judge_world (world, task, failure, before, moved, worlds[_i].name);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("live-faults");
  TCase *calls = mig_test_add_case (suite, "calls");
  TCase *aborts = mig_test_add_case (suite, "aborts");
  TCase *disturbed = mig_test_add_case (suite, "disturbed");

  tcase_set_timeout (calls, 240);
  tcase_set_timeout (disturbed, 60);
  tcase_add_loop_test (calls, every_call, 0, G_N_ELEMENTS (worlds) * G_N_ELEMENTS (faults));
  tcase_set_timeout (aborts, 60);
  tcase_add_loop_test (aborts, abort_in_every_phase, 0, G_N_ELEMENTS (worlds));
  tcase_add_test (aborts, abort_every_world_in_the_middle);
  tcase_add_test (disturbed, deadline);
  tcase_add_test (disturbed, not_converging);
  tcase_add_loop_test (disturbed, forced, 0, 2);
  tcase_add_loop_test (disturbed, link_is_cut, 0, G_N_ELEMENTS (worlds));
  tcase_add_loop_test (disturbed, host_is_away, 0, G_N_ELEMENTS (worlds));

  return suite;
}

MIG_TEST_MAIN (create_suite)
