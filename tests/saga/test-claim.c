/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "live.h"
#include "toy.h"

#include <libmig/mig-block-device.h>
#include <libmig/mig-memory-store.h>

#include "libmig/saga/mig-engine-private.h"

/* No two operations of one store work on the same thing at the same time. */

static char *world;
static MigStateStore *store;
static MigCluster *cluster;

static void
set_up (void)
{
  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good */
  mig_test_settle_descriptors ();
  world = mig_test_make_directory ();
  store = mig_memory_store_new ();
  cluster = toy_cluster_new (store);
}

static void
tear_down (void)
{
  toy_cluster_close (cluster);
  g_clear_object (&cluster);
  g_clear_object (&store);
  mig_test_remove_directory (world);
  g_clear_pointer (&world, g_free);
}

static guint
count_claims (MigStateStore *where)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) claims = mig_state_store_list (where, "guest/", NULL, 0, NULL, &error);

  mig_assert_no_error (error);

  return claims->len;
}

static ToyOperation *
make (const char *key,
      const char *claim,
      const char *wait)
{
  ToyOperation *toy = toy_operation_new (cluster, key, world);

  toy_claim (toy, claim, wait);

  return toy;
}

static gboolean
is_done (ToyOperation *toy)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = mig_operation_wait (MIG_OPERATION (toy), NULL, &error);

  if (ok)
    return TRUE;

  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (toy)), MIG_STATUS_FAILED);

  return FALSE;
}

static const struct
{
  const char *first;
  const char *second;
  gboolean    both;
} pairs[] = {
  { "guest/g", "guest/g", FALSE },
  { "guest/g", "guest/g:vda", FALSE },
  { "guest/g:vda", "guest/g", FALSE },
  { "guest/g:vda", "guest/g:vda", FALSE },
  { "guest/g:vda", "guest/g:vdb", TRUE },
  { "guest/g", "guest/h", TRUE },
};

static gboolean
has_failed (ToyOperation *toy)
{
  return mig_operation_get_status (MIG_OPERATION (toy)) == MIG_STATUS_FAILED;
}

static void
hurry (ToyOperation *toy)
{
  g_autoptr (GError) error = NULL;

  mig_operation_request (MIG_OPERATION (toy), "hurry", &error);
  mig_assert_no_error (error);
}

/* Both have looked, and seen nobody, before either has begun. */
START_TEST (at_the_same_moment)
{
  g_autoptr (ToyOperation) first = make ("first", pairs[_i].first, "seen-first");
  g_autoptr (ToyOperation) second = make ("second", pairs[_i].second, "seen-second");
  g_autofree char *calls = NULL;
  guint n_done;

  toy_script (first, "run toy.a", TOY_REQUEST, 0, 1);
  toy_script (second, "run toy.a", TOY_REQUEST, 0, 1);
  mig_operation_run_async (MIG_OPERATION (first), NULL, NULL, NULL);
  mig_operation_run_async (MIG_OPERATION (second), NULL, NULL, NULL);
  while (!toy_has (world, "seen-first") || !toy_has (world, "seen-second"))
    g_thread_yield ();
  toy_set (world, "go", TRUE);
  while (!pairs[_i].both && !has_failed (first) && !has_failed (second))
    g_thread_yield ();
  if (!has_failed (first))
    hurry (first);
  if (!has_failed (second))
    hurry (second);

  n_done = (is_done (first) ? 1 : 0) + (is_done (second) ? 1 : 0);
  ck_assert_uint_eq (n_done, pairs[_i].both ? 2 : 1);
  if (!pairs[_i].both)
    {
      calls = toy_calls (world);
      ck_assert_str_eq (calls, "a+ b+ move+ c+ d+"); /* the other one has touched nothing */
    }
  ck_assert_uint_eq (count_claims (store), 0);
}
END_TEST

/* Who comes later is told who was first. */
START_TEST (one_after_the_other)
{
  g_autoptr (ToyOperation) first = make ("first", pairs[_i].first, NULL);
  g_autoptr (ToyOperation) second = make ("second", pairs[_i].second, NULL);
  g_autoptr (GError) error = NULL;
  gboolean ok;

  toy_script (first, "run toy.a", TOY_FLAG, 0, 1);
  mig_operation_run_async (MIG_OPERATION (first), NULL, NULL, NULL);
  while (!toy_has (world, "toy.a"))
    g_thread_yield ();
  ck_assert_uint_eq (count_claims (store), 1);

  ok = mig_operation_run (MIG_OPERATION (second), NULL, &error);
  ck_assert_int_eq (ok, pairs[_i].both);
  if (!ok)
    {
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
      ck_assert_ptr_nonnull (strstr (error->message, mig_operation_get_id (MIG_OPERATION (first))));
    }
  toy_set (world, "go", TRUE);
  ck_assert (mig_operation_wait (MIG_OPERATION (first), NULL, NULL));
  ck_assert_uint_eq (count_claims (store), 0);
}
END_TEST

/* An operation that is left unfinished keeps its claim, and its recovery drops it; also when it is undone. */
START_TEST (outlives_the_process)
{
  g_autoptr (ToyOperation) first = make ("first", "guest/g", NULL);
  g_autoptr (ToyOperation) second = make ("second", "guest/g", NULL);
  g_autoptr (ToyOperation) third = make ("third", "guest/g", NULL);
  g_autoptr (ToyOperation) again = NULL;
  g_autoptr (GError) error = NULL;

  toy_script (first, "run toy.b", TOY_FAIL, MIG_ERROR_FAILED, 1);
  toy_script (first, "undo toy.a", TOY_FAIL, MIG_ERROR_NOT_SUPPORTED, 1);
  ck_assert (!mig_operation_run (MIG_OPERATION (first), NULL, NULL));
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (first)), MIG_STATUS_ERROR);
  ck_assert (!mig_operation_run (MIG_OPERATION (second), NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  g_clear_error (&error);
  ck_assert_uint_eq (count_claims (store), 1);

  again = toy_operation_claim (cluster, "first", world, &error);
  mig_assert_no_error (error);
  ck_assert (!mig_operation_run (MIG_OPERATION (again), NULL, NULL));
  ck_assert_int_eq (mig_operation_get_status (MIG_OPERATION (again)), MIG_STATUS_FAILED);
  ck_assert_uint_eq (count_claims (store), 0);

  ck_assert (mig_operation_run (MIG_OPERATION (third), NULL, &error));
  mig_assert_no_error (error);
}
END_TEST

/* A claim of an operation that nobody knows any more is none. */
START_TEST (forgotten)
{
  g_autoptr (ToyOperation) toy = make ("key", "guest/g", NULL);
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();
  g_autoptr (GError) error = NULL;

  mig_transaction_put (transaction, "guest/g", "{\"v\":1,\"holders\":{\"nobody\":\"\"}}");
  ck_assert_uint_ne (mig_state_store_commit (store, transaction, NULL, NULL), 0);
  ck_assert (mig_operation_run (MIG_OPERATION (toy), NULL, &error));
  mig_assert_no_error (error);
  ck_assert_uint_eq (count_claims (store), 0);
}
END_TEST

/* Moves and swaps of one guest. */

static MigOperation *
make_swap (LiveWorld  *live,
           const char *key)
{
  g_autoptr (MigBlockDevice) device = mig_block_device_new (live->cluster, live->a, "g", "vda");
  g_autoptr (MigDiskSource) destination = mig_disk_source_parse ("/disks/new.raw", "raw", NULL);

  return MIG_OPERATION (mig_block_device_new_swap (device, destination, NULL, key));
}

static void
run_other (MigOperation *operation,
           MigPhase      old,
           MigPhase      new,
           MigOperation *other)
{
  g_autoptr (GError) error = NULL;

  if (new != MIG_PHASE_TRANSFER)
    return;
  ck_assert (!mig_operation_run (other, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  g_object_set_data (G_OBJECT (operation), "met", other);
}

START_TEST (moves_and_swaps)
{
  g_autoptr (LiveWorld) live = live_world_new (LIVE_SLOW);
  g_autoptr (MigOperation) move = live_world_task (live, NULL);
  g_autoptr (MigOperation) other_move = live_world_task (live, NULL);
  g_autoptr (MigOperation) swap = make_swap (live, "first");
  g_autoptr (MigOperation) other_swap = make_swap (live, "second");
  MigOperation *first = _i < 2 ? swap : move;
  MigOperation *second = _i % 2 == 0 ? other_swap : other_move;
  g_autoptr (GError) error = NULL;

  g_signal_connect (first, "phase-changed", G_CALLBACK (run_other), second);
  ck_assert (mig_operation_run (first, NULL, &error));
  mig_assert_no_error (error);
  ck_assert_ptr_nonnull (g_object_get_data (G_OBJECT (first), "met"));
  ck_assert_uint_eq (count_claims (live->store), 0);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("claim");
  TCase *claims = mig_test_add_case (suite, "claims");
  TCase *guests = mig_test_add_case (suite, "guests");

  tcase_add_checked_fixture (claims, set_up, tear_down);
  tcase_add_loop_test (claims, at_the_same_moment, 0, G_N_ELEMENTS (pairs));
  tcase_add_loop_test (claims, one_after_the_other, 0, G_N_ELEMENTS (pairs));
  tcase_add_test (claims, outlives_the_process);
  tcase_add_test (claims, forgotten);
  tcase_add_loop_test (guests, moves_and_swaps, 0, 4);

  return suite;
}

MIG_TEST_MAIN (create_suite)
