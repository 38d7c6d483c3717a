/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-verdict-private.h"

#include <libmig/mig-enum-types.h>

#include "mig-test.h"

/* Every cell of "is the job complete": one row for each kind of job, one letter for each state of the mirror (absent,
 * copying, ready). */
typedef struct
{
  MigBlockJobKind job;
  const char     *by_mirror;
} CompleteRow;

static const CompleteRow complete_rows[] = {
  { MIG_BLOCK_JOB_KIND_NONE, "yyy" },
  { MIG_BLOCK_JOB_KIND_PULL, "nnn" },
  { MIG_BLOCK_JOB_KIND_COPY, "nny" },
  { MIG_BLOCK_JOB_KIND_COMMIT, "nnn" },
  { MIG_BLOCK_JOB_KIND_ACTIVE_COMMIT, "nny" },
  { MIG_BLOCK_JOB_KIND_OTHER, "nnn" },
};

START_TEST (complete)
{
  const CompleteRow *row = &complete_rows[_i];

  ck_assert_uint_eq (row->job, _i);

  /* The cursor decides nothing: neither is a job at its end ready by that, nor one before its end unready. */
  for (int mirror = MIG_BLOCK_MIRROR_ABSENT; mirror <= MIG_BLOCK_MIRROR_READY; mirror++)
    for (int cursor = MIG_BLOCK_CURSOR_NONE; cursor <= MIG_BLOCK_CURSOR_AT_END; cursor++)
      ck_assert_msg (mig_block_job_is_complete (row->job, cursor, mirror) == (row->by_mirror[mirror] == 'y'),
                     "job %d, mirror %d, cursor %d", row->job, mirror, cursor);
}
END_TEST

START_TEST (every_kind_has_a_row)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (MIG_TYPE_BLOCK_JOB_KIND);

  ck_assert_uint_eq (klass->n_values, G_N_ELEMENTS (complete_rows));
}
END_TEST

#define P(place) MIG_BLOCK_PLACE_##place
#define J(job) MIG_BLOCK_JOB_KIND_##job
#define S(source) MIG_BLOCK_SOURCE_##source
#define W(word) MIG_BLOCK_WORD_##word
#define O(outcome) MIG_BLOCK_OUTCOME_##outcome
#define L(layers) MIG_BLOCK_LAYERS_##layers

typedef struct
{
  const char       *what;
  MigBlockEvidence  evidence;
  int               outcome;
} OutcomeRow;

static const OutcomeRow outcome_rows[] = {
  { "the mirror copies", { P (ACTIVE), J (COPY), J (COPY), S (OLD), W (NONE), FALSE }, MIG_BLOCK_STILL_RUNNING },
  { "the abort does not show", { P (ACTIVE), J (COPY), J (COPY), S (OLD), W (NONE), TRUE }, MIG_BLOCK_STILL_RUNNING },
  { "an older job's event", { P (ACTIVE), J (COPY), J (COPY), S (OLD), W (FAILED), FALSE }, MIG_BLOCK_STILL_RUNNING },
  { "a job that was found", { P (ACTIVE), J (PULL), J (NONE), S (NONE), W (NONE), FALSE }, MIG_BLOCK_STILL_RUNNING },

  { "pivoted", { P (ACTIVE), J (NONE), J (COPY), S (NEW), W (COMPLETED), FALSE }, O (COMPLETED) },
  { "pivoted, no event", { P (ACTIVE), J (NONE), J (COPY), S (NEW), W (NONE), FALSE }, O (COMPLETED) },
  { "pivoted although we aborted", { P (ACTIVE), J (NONE), J (COPY), S (NEW), W (CANCELLED), TRUE }, O (COMPLETED) },
  { "pivoted, then somebody pulls", { P (ACTIVE), J (PULL), J (COPY), S (NEW), W (NONE), FALSE }, O (COMPLETED) },
  { "pivoted, then stopped", { P (STOPPED), J (NONE), J (COPY), S (NEW), W (NONE), FALSE }, O (COMPLETED) },

  { "we aborted", { P (ACTIVE), J (NONE), J (COPY), S (OLD), W (CANCELLED), TRUE }, O (ABORTED) },
  { "we aborted, no event", { P (ACTIVE), J (NONE), J (COPY), S (OLD), W (NONE), TRUE }, O (ABORTED) },
  { "it failed before our abort", { P (ACTIVE), J (NONE), J (COPY), S (OLD), W (FAILED), TRUE }, O (FAILED) },
  { "aborted elsewhere", { P (ACTIVE), J (NONE), J (COPY), S (OLD), W (CANCELLED), FALSE }, O (ABORTED_ELSEWHERE) },
  { "it failed", { P (ACTIVE), J (NONE), J (COPY), S (OLD), W (FAILED), FALSE }, O (FAILED) },
  { "it is gone", { P (ACTIVE), J (NONE), J (COPY), S (OLD), W (NONE), FALSE }, O (UNKNOWN) },
  { "completed, yet not there", { P (ACTIVE), J (NONE), J (COPY), S (OLD), W (COMPLETED), FALSE }, O (UNKNOWN) },
  { "a third place", { P (ACTIVE), J (NONE), J (COPY), S (OTHER), W (COMPLETED), FALSE }, O (UNKNOWN) },
  { "active commit, done", { P (ACTIVE), J (NONE), J (ACTIVE_COMMIT), S (NONE), W (COMPLETED), FALSE }, O (COMPLETED) },

  { "guest stopped", { P (STOPPED), J (NONE), J (COPY), S (OLD), W (NONE), FALSE }, O (GUEST_STOPPED) },
  { "stopped as we aborted", { P (STOPPED), J (NONE), J (COPY), S (OLD), W (CANCELLED), TRUE }, O (GUEST_STOPPED) },
  { "guest stopped in a pull", { P (STOPPED), J (NONE), J (PULL), S (NEW), W (NONE), FALSE }, O (GUEST_STOPPED) },
  { "domain gone", { P (GONE), J (NONE), J (COPY), S (NONE), W (NONE), FALSE }, O (DOMAIN_GONE) },
  { "host does not answer", { P (UNKNOWN), J (COPY), J (COPY), S (NEW), W (COMPLETED), FALSE }, O (UNKNOWN) },

  { "pulled", { P (ACTIVE), J (NONE), J (PULL), S (NONE), W (COMPLETED), FALSE }, O (COMPLETED) },
  { "committed", { P (ACTIVE), J (NONE), J (COMMIT), S (OLD), W (COMPLETED), FALSE }, O (COMPLETED) },
  { "pull failed", { P (ACTIVE), J (NONE), J (PULL), S (NONE), W (FAILED), FALSE }, O (FAILED) },
  { "pull gone", { P (ACTIVE), J (NONE), J (PULL), S (OLD), W (NONE), FALSE }, O (UNKNOWN) },
  { "pull gone, chain whole", { P (ACTIVE), J (NONE), J (PULL), S (OLD), W (NONE), FALSE, L (THERE) }, O (UNKNOWN) },
  { "pulled, no event", { P (ACTIVE), J (NONE), J (PULL), S (OLD), W (NONE), FALSE, L (GONE) }, O (COMPLETED) },
  { "committed, no event", { P (ACTIVE), J (NONE), J (COMMIT), S (OLD), W (NONE), FALSE, L (GONE) }, O (COMPLETED) },
  { "pulled before our abort", { P (ACTIVE), J (NONE), J (PULL), S (OLD), W (NONE), TRUE, L (GONE) }, O (COMPLETED) },
  { "we aborted a pull", { P (ACTIVE), J (NONE), J (PULL), S (OLD), W (NONE), TRUE, L (THERE) }, O (ABORTED) },
  { "the chain of a copy", { P (ACTIVE), J (NONE), J (COPY), S (OLD), W (NONE), FALSE, L (GONE) }, O (UNKNOWN) },
  { "a pull still runs", { P (ACTIVE), J (PULL), J (PULL), S (OLD), W (NONE), FALSE, L (GONE) },
    MIG_BLOCK_STILL_RUNNING },
  { "pull cancelled", { P (ACTIVE), J (NONE), J (PULL), S (NONE), W (CANCELLED), FALSE }, O (ABORTED_ELSEWHERE) },
};

START_TEST (outcome)
{
  const OutcomeRow *row = &outcome_rows[_i];
  int found = mig_block_judge (&row->evidence);

  ck_assert_msg (found == row->outcome, "%s: %d instead of %d", row->what, found, row->outcome);
}
END_TEST

static gboolean
is_pivoting (MigBlockJobKind job)
{
  return job == MIG_BLOCK_JOB_KIND_COPY || job == MIG_BLOCK_JOB_KIND_ACTIVE_COMMIT;
}

/* What holds in every cell. */
static void
check_cell (const MigBlockEvidence *at)
{
  int found = mig_block_judge (at);
  gboolean there = at->job != J (NONE) && (at->started == J (NONE) || at->job == at->started);
  g_autofree char *cell = g_strdup_printf ("place %d, job %d, started %d, source %d, word %d, asked %d, layers %d: %d",
                                           at->place, at->job, at->started, at->source, at->word, at->asked, at->layers,
                                           found);

  ck_assert_msg (found >= MIG_BLOCK_STILL_RUNNING && found <= O (UNKNOWN), "%s", cell);
  ck_assert_msg ((found == MIG_BLOCK_STILL_RUNNING) == (at->place == P (ACTIVE) && there), "%s", cell);
  ck_assert_msg ((found == O (DOMAIN_GONE)) == (at->place == P (GONE)), "%s", cell);
  if (at->place == P (UNKNOWN))
    ck_assert_msg (found == O (UNKNOWN), "%s", cell);
  /* A disk that is where it was has not been swapped, whatever an event says. */
  if (is_pivoting (at->started) && (at->source == S (OLD) || at->source == S (OTHER)))
    ck_assert_msg (found != O (COMPLETED), "%s", cell);
  if (found == O (ABORTED))
    ck_assert_msg (at->asked, "%s", cell);
  if (found == O (ABORTED_ELSEWHERE))
    ck_assert_msg (!at->asked && at->word == W (CANCELLED), "%s", cell);
  if (found == O (FAILED))
    ck_assert_msg (at->word == W (FAILED), "%s", cell);
  if (found == O (GUEST_STOPPED))
    ck_assert_msg (at->place == P (STOPPED), "%s", cell);
}

START_TEST (every_cell)
{
  MigBlockEvidence at = { .place = _i };

  for (at.job = J (NONE); at.job <= J (OTHER); at.job++)
    for (at.started = J (NONE); at.started <= J (OTHER); at.started++)
      for (at.source = S (NONE); at.source <= S (OTHER); at.source++)
        for (at.word = W (NONE); at.word <= W (FAILED); at.word++)
          for (int flags = 0; flags < 2 * (L (GONE) + 1); flags++)
            {
              at.asked = flags % 2;
              at.layers = (MigBlockLayers) (flags / 2);
              check_cell (&at);
            }
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("block-verdict");
  TCase *tcase = mig_test_add_case (suite, "verdict");

  tcase_add_loop_test (tcase, complete, 0, G_N_ELEMENTS (complete_rows));
  tcase_add_test (tcase, every_kind_has_a_row);
  tcase_add_loop_test (tcase, outcome, 0, G_N_ELEMENTS (outcome_rows));
  tcase_add_loop_test (tcase, every_cell, MIG_BLOCK_PLACE_UNKNOWN, MIG_BLOCK_PLACE_GONE + 1);

  return suite;
}

MIG_TEST_MAIN (create_suite)
