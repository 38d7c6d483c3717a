/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-watch-private.h"

#include "mig-test.h"

/* How long to wait before the next look: a row for each situation. */
typedef struct
{
  double   last;
  double   elapsed;
  double   fraction;
  gboolean ready;
  gboolean has_events;
  double   interval;
} IntervalRow;

static const IntervalRow interval_rows[] = {
  /* Beside events: slowly, always. */
  { 0, 0, -1, FALSE, TRUE, 1 },
  { 1, 5, 0.5, FALSE, TRUE, 1 },
  { 1, 5, 0.99, FALSE, TRUE, 1 },
  /* Without: 2 ms, doubling to 250 ms. */
  { 0, 0, -1, FALSE, FALSE, 0.002 },
  { 0, 0, 0.99, FALSE, FALSE, 0.002 },
  { 0.002, 0.002, 0, FALSE, FALSE, 0.004 },
  { 0.128, 0.26, 0.3, FALSE, FALSE, 0.25 },
  { 0.25, 1, 0.3, FALSE, FALSE, 0.25 },
  { 0.25, 1, -1, FALSE, FALSE, 0.25 },
  /* Nine tenths of the time that it seems to need. */
  { 0.032, 0.06, 0.6, FALSE, FALSE, 0.036 },
  { 0.25, 1, 0.9, FALSE, FALSE, 0.1 },
  /* But never so often that it would not make a difference. */
  { 0.004, 0.01, 0.99, FALSE, FALSE, 0.002 },
  { 0.25, 1, 1, FALSE, FALSE, 0.02 },
  { 0.25, 1, 1.5, FALSE, FALSE, 0.02 },
  { 0.25, 60, 0.999, FALSE, FALSE, 0.25 },
  /* Ready: nothing comes by itself any more. */
  { 0.002, 0.1, 1, TRUE, FALSE, 1 },
  { 0, 0, -1, TRUE, FALSE, 1 },
  { 1, 5, 1, TRUE, TRUE, 1 },
};

START_TEST (interval)
{
  const IntervalRow *row = &interval_rows[_i];

  ck_assert_double_eq_tol (mig_block_poll_interval (row->last, row->elapsed, row->fraction, row->ready,
                                                    row->has_events), row->interval, 1e-9);
}
END_TEST

/* Which places are one. */
typedef struct
{
  const char       *one;
  MigDiskSourceKind one_kind;
  const char       *other;
  MigDiskSourceKind other_kind;
  gboolean          same;
} PlaceRow;

#define F MIG_DISK_SOURCE_KIND_FILE
#define B MIG_DISK_SOURCE_KIND_BLOCK
#define N MIG_DISK_SOURCE_KIND_NBD

static const PlaceRow place_rows[] = {
  { "/a", F, "/a", F, TRUE },
  { "/a", F, "/b", F, FALSE },
  { "/dev/vg/a", B, "/dev/vg/a", F, TRUE },
  { "/dev/vg/a", B, "/dev/vg/b", B, FALSE },
  { "nbd://h:10809/x", N, "nbd://h/x", N, TRUE },
  { "nbd://h:10809/x", N, "nbd://h:10810/x", N, FALSE },
  { "nbd://h:10809/x", N, "nbd://i:10809/x", N, FALSE },
  { "nbd://h:10809/x", N, "/x", F, FALSE },
};

static MigDiskSource *
make_source (MigDiskSourceKind  kind,
             const char        *text)
{
  return kind == N ? mig_disk_source_parse (text, NULL, NULL) : mig_disk_source_new (kind, text, "raw");
}

START_TEST (same_place)
{
  const PlaceRow *row = &place_rows[_i];
  g_autoptr (MigDiskSource) one = make_source (row->one_kind, row->one);
  g_autoptr (MigDiskSource) other = make_source (row->other_kind, row->other);

  ck_assert (mig_block_same_place (one, other) == row->same);
  ck_assert (mig_block_same_place (other, one) == row->same);
  ck_assert (!mig_block_same_place (one, NULL));
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("block-watch");
  TCase *tcase = mig_test_add_case (suite, "rules");

  tcase_add_loop_test (tcase, interval, 0, G_N_ELEMENTS (interval_rows));
  tcase_add_loop_test (tcase, same_place, 0, G_N_ELEMENTS (place_rows));

  return suite;
}

MIG_TEST_MAIN (create_suite)
