/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"

#include "libmig/task/mig-live-verdict-private.h"

/* Every cell, written down a second time by hand. A line is a source; its letters are the destinations in their order:
 * absent, paused (incoming), running, paused (other), post-copy, post-copy failed, shut off, unreachable.
 *
 *   W wait  R running  C recover  D done  N not started  E ended  S resume  P drop  Q drop and resume  U unknown */
static const char letters[] = "WRCDNESPQU";

G_STATIC_ASSERT (sizeof letters - 1 == MIG_LIVE_N_VERDICTS);

typedef struct
{
  gboolean    job, owner, paused_before;
  const char *cells[MIG_LIVE_N_SOURCES];
} Grid;

static const Grid grids[] = {
  { FALSE, FALSE, FALSE,
    { /* absent */ "UUDDRUDW", /* migrated */ "UUDDRUDW", /* stopped */ "EUDDRUUW", /* running */ "NPUUUUPW",
      /* paused (migration) */ "SQDDRCUW", /* paused */ "NPDUUUPW", /* post-copy */ "UURRRCUW",
      /* post-copy failed */ "UUCCCCUW", /* unreachable */ "WWWWWWWW" } },
  { FALSE, FALSE, TRUE,
    { /* absent */ "UUDDRUDW", /* migrated */ "UUDDRUDW", /* stopped */ "EUDDRUUW", /* running */ "NPUUUUPW",
      /* paused (migration) */ "NPDDRCUW", /* paused */ "NPDUUUPW", /* post-copy */ "UURRRCUW",
      /* post-copy failed */ "UUCCCCUW", /* unreachable */ "WWWWWWWW" } },
  { TRUE, FALSE, FALSE,
    { /* absent */ "UUDDRUDW", /* migrated */ "UUDDRUDW", /* stopped */ "EUDDRUUW", /* running */ "RRRRRRRR",
      /* paused (migration) */ "RRRRRCRW", /* paused */ "RRRRRRRR", /* post-copy */ "RRRRRCRW",
      /* post-copy failed */ "UUCCCCUW", /* unreachable */ "WWWWWWWW" } },
  { TRUE, FALSE, TRUE,
    { /* absent */ "UUDDRUDW", /* migrated */ "UUDDRUDW", /* stopped */ "EUDDRUUW", /* running */ "RRRRRRRR",
      /* paused (migration) */ "RRRRRCRW", /* paused */ "RRRRRRRR", /* post-copy */ "RRRRRCRW",
      /* post-copy failed */ "UUCCCCUW", /* unreachable */ "WWWWWWWW" } },
  { FALSE, TRUE, FALSE,
    { /* absent */ "RRDDRRRW", /* migrated */ "RRDDRRRW", /* stopped */ "RRDDRRRW", /* running */ "RRRRRRRW",
      /* paused (migration) */ "RRRRRRRW", /* paused */ "RRRRRRRW", /* post-copy */ "RRRRRRRW",
      /* post-copy failed */ "RRRRRRRW", /* unreachable */ "WWWWWWWW" } },
  { FALSE, TRUE, TRUE,
    { /* absent */ "RRDDRRRW", /* migrated */ "RRDDRRRW", /* stopped */ "RRDDRRRW", /* running */ "RRRRRRRW",
      /* paused (migration) */ "RRRRRRRW", /* paused */ "RRRRRRRW", /* post-copy */ "RRRRRRRW",
      /* post-copy failed */ "RRRRRRRW", /* unreachable */ "WWWWWWWW" } },
  { TRUE, TRUE, FALSE,
    { /* absent */ "RRDDRRRW", /* migrated */ "RRDDRRRW", /* stopped */ "RRDDRRRW", /* running */ "RRRRRRRR",
      /* paused (migration) */ "RRRRRRRW", /* paused */ "RRRRRRRR", /* post-copy */ "RRRRRRRW",
      /* post-copy failed */ "RRRRRRRW", /* unreachable */ "WWWWWWWW" } },
  { TRUE, TRUE, TRUE,
    { /* absent */ "RRDDRRRW", /* migrated */ "RRDDRRRW", /* stopped */ "RRDDRRRW", /* running */ "RRRRRRRR",
      /* paused (migration) */ "RRRRRRRW", /* paused */ "RRRRRRRR", /* post-copy */ "RRRRRRRW",
      /* post-copy failed */ "RRRRRRRW", /* unreachable */ "WWWWWWWW" } },
};

#define N_CELLS (MIG_LIVE_N_SOURCES * MIG_LIVE_N_DESTINATIONS)

static MigLiveView
view_of (int i)
{
  const Grid *grid = &grids[i / N_CELLS];

  return (MigLiveView) {
    .source = i % N_CELLS / MIG_LIVE_N_DESTINATIONS,
    .destination = i % MIG_LIVE_N_DESTINATIONS,
    .job = grid->job,
    .owner = grid->owner,
    .paused_before = grid->paused_before,
  };
}

static char *
describe (const MigLiveView *view)
{
  return g_strdup_printf ("%s, %s%s%s%s", mig_live_source_name (view->source),
                          mig_live_destination_name (view->destination), view->job ? ", job" : "",
                          view->owner ? ", owner" : "", view->paused_before ? ", paused before" : "");
}

START_TEST (every_cell)
{
  for (gsize i = 0; i < G_N_ELEMENTS (grids) * N_CELLS; i++)
    {
      MigLiveView view = view_of (i);
      g_autofree char *name = describe (&view);
      char wanted = grids[i / N_CELLS].cells[view.source][view.destination];
      char found = letters[mig_live_verdict_find (&view)->verdict];

      ck_assert_msg (found == wanted, "%s: %c instead of %c", name, found, wanted);
    }
}
END_TEST

/* The grids are the whole product: each combination of the three flags once. */
START_TEST (the_whole_product)
{
  guint seen = 0;

  ck_assert_uint_eq (G_N_ELEMENTS (grids), 8);
  for (gsize i = 0; i < G_N_ELEMENTS (grids); i++)
    {
      seen |= 1u << (grids[i].job * 4 + grids[i].owner * 2 + grids[i].paused_before);
      for (gsize source = 0; source < MIG_LIVE_N_SOURCES; source++)
        ck_assert_uint_eq (strlen (grids[i].cells[source]), MIG_LIVE_N_DESTINATIONS);
    }
  ck_assert_uint_eq (seen, 0xff);
}
END_TEST

START_TEST (no_dead_row)
{
  gsize n_rows;
  const MigLiveVerdictRow *rows = mig_live_verdict_get_rows (&n_rows);
  g_autofree gboolean *used = g_new0 (gboolean, n_rows);

  for (gsize i = 0; i < G_N_ELEMENTS (grids) * N_CELLS; i++)
    {
      MigLiveView view = view_of (i);

      used[mig_live_verdict_find (&view) - rows] = TRUE;
    }
  for (gsize i = 0; i < n_rows; i++)
    ck_assert_msg (used[i], "no view reaches row %u: %s", (guint) i, rows[i].reason);
}
END_TEST

/* What no row may ever allow, whatever the table says. */
START_TEST (never)
{
  for (gsize i = 0; i < G_N_ELEMENTS (grids) * N_CELLS; i++)
    {
      MigLiveView view = view_of (i);
      g_autofree char *name = describe (&view);
      MigLiveVerdict verdict = mig_live_verdict_find (&view)->verdict;
      gboolean resumes = verdict == MIG_LIVE_VERDICT_RESUME || verdict == MIG_LIVE_VERDICT_DROP_RESUME;
      gboolean drops = verdict == MIG_LIVE_VERDICT_DROP || verdict == MIG_LIVE_VERDICT_DROP_RESUME;
      gboolean unreachable = view.source == MIG_LIVE_SOURCE_UNREACHABLE ||
                             view.destination == MIG_LIVE_DESTINATION_UNREACHABLE;
      gboolean gone = view.source <= MIG_LIVE_SOURCE_STOPPED;
      gboolean may_run_there = view.destination == MIG_LIVE_DESTINATION_RUNNING ||
                               view.destination == MIG_LIVE_DESTINATION_POST_COPY ||
                               view.destination == MIG_LIVE_DESTINATION_POST_COPY_FAILED;

      ck_assert_msg (!(resumes || drops) || !(view.job || view.owner), "acts beside an owner: %s", name);
      ck_assert_msg (!(resumes || drops) || !unreachable, "acts blindly: %s", name);
      ck_assert_msg (!resumes || view.source == MIG_LIVE_SOURCE_PAUSED_MIGRATION,
                     "resumes what it did not pause: %s", name);
      ck_assert_msg (!resumes || !view.paused_before, "resumes a paused guest: %s", name);
      ck_assert_msg (!(resumes || drops) || !may_run_there, "acts while the destination may run: %s", name);
      ck_assert_msg (!drops || !gone, "ends the only copy: %s", name);
      ck_assert_msg (verdict != MIG_LIVE_VERDICT_DONE || view.source != MIG_LIVE_SOURCE_RUNNING, "two run: %s", name);
      ck_assert_msg (verdict != MIG_LIVE_VERDICT_DONE || !unreachable, "done unseen: %s", name);
      ck_assert_msg (verdict != MIG_LIVE_VERDICT_NOT_STARTED || view.destination == MIG_LIVE_DESTINATION_ABSENT,
                     "not started, and not absent: %s", name);
    }
}
END_TEST

typedef struct
{
  int                state; /* -1: absent */
  MigLiveSource      source;
  MigLiveDestination destination;
} StateRow;

#define STATE(state, source, destination) \
  { MIG_DOMAIN_STATE_##state, MIG_LIVE_SOURCE_##source, MIG_LIVE_DESTINATION_##destination }

static const StateRow state_rows[] = {
  { -1, MIG_LIVE_SOURCE_ABSENT, MIG_LIVE_DESTINATION_ABSENT },
  STATE (UNKNOWN, UNREACHABLE, UNREACHABLE),
  STATE (RUNNING, RUNNING, RUNNING),
  STATE (PAUSED, PAUSED, PAUSED),
  STATE (PAUSED_IO_ERROR, PAUSED, PAUSED),
  STATE (PAUSED_MIGRATION, PAUSED_MIGRATION, PAUSED_INCOMING),
  STATE (PAUSED_POST_COPY, POST_COPY, POST_COPY),
  STATE (POST_COPY, RUNNING, POST_COPY),
  STATE (POST_COPY_FAILED, POST_COPY_FAILED, POST_COPY_FAILED),
  STATE (SHUT_OFF, STOPPED, STOPPED),
  STATE (SHUT_OFF_MIGRATED, SHUT_OFF_MIGRATED, STOPPED),
  STATE (CRASHED, STOPPED, STOPPED),
};

START_TEST (states)
{
  const StateRow *row = &state_rows[_i];
  g_autoptr (MigDomainInfo) info = NULL;

  if (row->state >= 0)
    info = g_object_new (MIG_TYPE_DOMAIN_INFO, "state", row->state, NULL);
  ck_assert_int_eq (mig_live_source_of (info), row->source);
  ck_assert_int_eq (mig_live_destination_of (info), row->destination);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("live-verdict");
  TCase *table = mig_test_add_case (suite, "table");
  TCase *inputs = mig_test_add_case (suite, "inputs");

  tcase_add_test (table, every_cell);
  tcase_add_test (table, the_whole_product);
  tcase_add_test (table, no_dead_row);
  tcase_add_test (table, never);
  tcase_add_loop_test (inputs, states, 0, G_N_ELEMENTS (state_rows));

  return suite;
}

MIG_TEST_MAIN (create_suite)
