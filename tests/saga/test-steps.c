/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"
#include "toy.h"

#include <libmig/mig-memory-store.h>

#include "libmig/block/mig-swap-private.h"
#include "libmig/saga/mig-emitter-private.h"
#include "libmig/saga/mig-operation-state-private.h"
#include "libmig/task/mig-live-private.h"

/* Every table keeps the rules that the engine builds on; and progress on its way to a listener. */

static const MigStepTable * const tables[] = { &toy_table, &mig_live_table, &mig_swap_table };

START_TEST (table_keeps_the_rules)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (mig_step_table_check (tables[_i], &error), "%s", error != NULL ? error->message : "?");
}
END_TEST

static gboolean
act (MigOperation  *operation,
     MigStepRun    *run,
     GError       **error)
{
  return TRUE;
}

static MigProbe
look (MigOperation  *operation,
      MigStepRun    *run,
      GError       **error)
{
  return MIG_PROBE_DONE;
}

#define GOOD { "good.one", MIG_PHASE_PREPARE, 1, 0, act, act, look }

static const struct
{
  MigStep     steps[2];
  const char *flaw;
} flawed[] = {
  { { GOOD, { "bad", MIG_PHASE_PREPARE, 1, 0, act, act, NULL } }, "area.verb" },
  { { GOOD, { "good.one", MIG_PHASE_PREPARE, 1, 0, act, act, NULL } }, "twice" },
  { { GOOD, { "bad.one", MIG_PHASE_CHECK, 1, 0, act, act, NULL } }, "phase" },
  { { GOOD, { "bad.one", MIG_PHASE_PREPARE, 1, 0, NULL, act, NULL } }, "nothing" },
  { { GOOD, { "bad.one", MIG_PHASE_PREPARE, 1, 0, act, NULL, NULL } }, "no undo" },
  { { GOOD, { "bad.one", MIG_PHASE_PREPARE, 1, MIG_STEP_PURE, act, act, NULL } }, "pure" },
  { { GOOD, { "bad.one", MIG_PHASE_PREPARE, 1, MIG_STEP_DECIDES, act, act, NULL } }, "decides" },
  { { GOOD, { "bad.one", MIG_PHASE_PREPARE, 1, MIG_STEP_SETTLES, act, act, NULL } }, "settles" },
  { { GOOD, { "bad.one", MIG_PHASE_PREPARE, 1, MIG_STEP_FORWARD, act, NULL, NULL } }, "before the decision" },
  { { { "good.one", MIG_PHASE_PREPARE, 1, MIG_STEP_DECIDES, act, act, look },
      { "bad.one", MIG_PHASE_FINISH, 1, 0, act, act, NULL } }, "after the decision" },
};

START_TEST (flaw_is_found)
{
  const MigStepTable table = { "flawed", 1, flawed[_i].steps, 2 };
  g_autoptr (GError) error = NULL;

  ck_assert (!mig_step_table_check (&table, &error));
  ck_assert_msg (strstr (error->message, flawed[_i].flaw) != NULL, "%s", error->message);
}
END_TEST

static char *world;
static MigCluster *cluster;
static MigOperation *operation;

static void
set_up (void)
{
  g_autoptr (MigStateStore) store = NULL;

  world = mig_test_make_directory ();
  store = mig_memory_store_new ();
  cluster = toy_cluster_new (store);
  operation = MIG_OPERATION (toy_operation_new (cluster, NULL, world));
}

static void
tear_down (void)
{
  g_clear_object (&operation);
  g_clear_object (&cluster);
  mig_test_remove_directory (world);
  g_clear_pointer (&world, g_free);
}

static void
on_progress (MigOperation *source,
             MigProgress  *progress,
             GString      *heard)
{
  g_string_append_printf (heard, " %d", (int) (mig_progress_get_fraction (progress) * 100));
}

static void
on_phase (MigOperation *source,
          MigPhase      old_phase,
          MigPhase      new_phase,
          GString      *heard)
{
  g_string_append_printf (heard, " %d>%d", old_phase, new_phase);
}

static void
on_ended (MigEmitter *emitter,
          gpointer    ended)
{
  *(gboolean *) ended = TRUE;
}

static void
push (MigEmitter  *emitter,
      MigEventKind kind,
      double       fraction,
      MigPhase     phase)
{
  g_autoptr (MigEvent) event = mig_event_new (kind);

  event->new_phase = phase;
  if (kind == MIG_EVENT_PROGRESS)
    event->progress = g_object_new (MIG_TYPE_PROGRESS, "fraction", fraction, NULL);
  mig_emitter_push (emitter, event);
}

/* A flood becomes one, and the last one before each change of phase is kept, in its place. */
START_TEST (g9_progress_is_coalesced_and_not_lost)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (MigEmitter) emitter = NULL;
  g_autoptr (GString) heard = g_string_new (NULL);
  gboolean ended = FALSE;

  g_signal_connect (operation, "progress", G_CALLBACK (on_progress), heard);
  g_signal_connect (operation, "phase-changed", G_CALLBACK (on_phase), heard);
  emitter = mig_emitter_new (operation, context, FALSE, on_ended, &ended);
  for (int i = 1; i <= 25; i++)
    push (emitter, MIG_EVENT_PROGRESS, i / 100.0, 0);
  push (emitter, MIG_EVENT_PHASE, 0, MIG_PHASE_TRANSFER);
  push (emitter, MIG_EVENT_PHASE, 0, MIG_PHASE_SWITCHOVER);
  push (emitter, MIG_EVENT_PROGRESS, 0.5, 0);
  push (emitter, MIG_EVENT_FINISHED, 0, 0);
  while (!ended)
    g_main_context_iteration (context, TRUE);

  ck_assert_str_eq (heard->str, " 25 0>4 0>5 50");
}
END_TEST

/* Without anything else to say it comes five times a second. */
START_TEST (progress_has_its_pace)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (MigEmitter) emitter = NULL;
  g_autoptr (GString) heard = g_string_new (NULL);
  gint64 began = g_get_monotonic_time ();
  gboolean ended = FALSE;
  guint n = 0;

  g_signal_connect (operation, "progress", G_CALLBACK (on_progress), heard);
  emitter = mig_emitter_new (operation, context, FALSE, on_ended, &ended);
  while (g_get_monotonic_time () - began < G_USEC_PER_SEC / 2)
    {
      push (emitter, MIG_EVENT_PROGRESS, 0.01, 0);
      while (g_main_context_iteration (context, FALSE))
        continue;
    }
  for (const char *at = heard->str; *at != '\0'; at++)
    n += *at == ' ' ? 1 : 0;
  ck_assert_uint_ge (n, 1);
  ck_assert_uint_le (n, 4);
  mig_emitter_stop (emitter);
}
END_TEST

/* Whoever closes it removes it where it is; where it comes later it is not taken. */
START_TEST (closed_it_is_not_taken)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (MigOperationState) state = mig_operation_state_new ();
  g_autoptr (MigOperationState) next = mig_operation_state_new ();
  g_autoptr (MigEmitter) emitter = NULL;

  emitter = mig_emitter_new (operation, context, FALSE, on_ended, NULL);
  if (_i == 1)
    mig_operation_state_add_emitter (state, emitter);
  mig_emitter_close (emitter);
  if (_i == 0)
    mig_operation_state_add_emitter (state, emitter);
  else
    mig_operation_state_follow (state, next);
  ck_assert (!mig_operation_state_has_emitters (_i == 0 ? state : next));
  mig_emitter_stop (emitter);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("steps");
  TCase *rules = mig_test_add_case (suite, "tables");
  TCase *emitting = mig_test_add_case (suite, "emitter");

  tcase_add_loop_test (rules, table_keeps_the_rules, 0, G_N_ELEMENTS (tables));
  tcase_add_loop_test (rules, flaw_is_found, 0, G_N_ELEMENTS (flawed));
  tcase_add_checked_fixture (emitting, set_up, tear_down);
  tcase_add_test (emitting, g9_progress_is_coalesced_and_not_lost);
  tcase_add_test (emitting, progress_has_its_pace);
  tcase_add_loop_test (emitting, closed_it_is_not_taken, 0, 2);

  return suite;
}

MIG_TEST_MAIN (create_suite)
