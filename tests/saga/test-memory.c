/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "live.h"
#include "toy.h"

#include <malloc.h>

/* What many operations at once cost, and that all of them end. */

#define N_OPERATIONS 1000
#define N_RUNNING 8
#define MAX_QUEUED (16 * 1024)    /* bytes for each operation that waits, with what the store in memory has of it */
#define MAX_RUNNING (1024 * 1024) /* and for each one that runs */

typedef struct
{
  guint n_ended;
  guint n_completed;
  gsize most; /* that was in use at once */
} Count;

/* Of one arena, so that it is all; 0 where a tool has malloc() of its own. */
static gsize
bytes_in_use (void)
{
  struct mallinfo2 info = mallinfo2 ();

  return info.uordblks + info.hblkhd;
}

static void
add_guests (LiveWorld *world)
{
  for (guint i = 0; i < N_OPERATIONS; i++)
    {
      g_autofree char *name = g_strdup_printf ("guest-%u", i);
      g_autofree char *uuid = NULL;
      g_autoptr (GError) error = NULL;

      uuid = mig_sim_driver_add_domain (world->sim, "a", name, "{\"memory\": 65536}", &error);
      mig_assert_no_error (error);
    }
}

static void
on_ended (GObject      *source,
          GAsyncResult *result,
          gpointer      data)
{
  Count *count = data;
  g_autoptr (GError) error = NULL;

  count->n_ended++;
  if (mig_operation_run_finish (MIG_OPERATION (source), result, &error))
    count->n_completed++;
  else
    g_test_message ("%s", error->message);
}

static void
run_all (LiveWorld *world,
         Count     *count)
{
  for (guint i = 0; i < N_OPERATIONS; i++)
    {
      g_autofree char *name = g_strdup_printf ("guest-%u", i);
      g_autoptr (MigMigrationTask) task = mig_migration_task_new (world->cluster, name, world->a, world->b, NULL);

      mig_operation_run_async (MIG_OPERATION (task), NULL, on_ended, count);
    }
}

/* The process that keeps the queue has written down all of them. */
static gboolean
are_recorded (gpointer data)
{
  LiveWorld *world = data;
  g_autoptr (GPtrArray) records = mig_state_store_list (world->store, "unfinished/", NULL, 0, NULL, NULL);

  return records->len == N_OPERATIONS + 1;
}

static gboolean
have_ended (gpointer data)
{
  Count *count = data;

  count->most = MAX (count->most, bytes_in_use ());

  return count->n_ended == N_OPERATIONS;
}

START_TEST (g11_many_operations)
{
  g_autofree char *directory = mig_test_make_directory ();
  g_autofree char *limits = g_strdup_printf ("{\"limits\": {\"running\": %d}}", N_RUNNING);
  g_autoptr (LiveWorld) world = NULL;
  g_autoptr (ToyOperation) toy = NULL;
  Count count = { 0 };
  gsize before, queued;

  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good */
  mig_test_settle_descriptors ();
  mallopt (M_ARENA_MAX, 1);
  world = live_world_new (LIVE_SHARED);
  add_guests (world);
  ck_assert (mig_cluster_configure (world->cluster, "{\"limits\": {\"running\": 1}}", NULL));

  /* The first one keeps the others waiting. */
  toy = toy_operation_new (world->cluster, NULL, directory);
  toy_script (toy, "run toy.a", TOY_FLAG, 0, 1);
  mig_operation_run_async (MIG_OPERATION (toy), NULL, NULL, NULL);
  while (!toy_has (directory, "toy.a"))
    g_thread_yield ();

  before = bytes_in_use ();
  run_all (world, &count);
  mig_test_wait (NULL, are_recorded, world, 60);
  queued = bytes_in_use ();
  ck_assert_uint_eq (count.n_ended, 0);
  ck_assert_msg (queued - before <= N_OPERATIONS * (gsize) MAX_QUEUED, "%zu bytes for each that waits",
                 (queued - before) / N_OPERATIONS);

  ck_assert (mig_cluster_configure (world->cluster, limits, NULL));
  toy_set (directory, "go", TRUE);
  mig_test_wait (NULL, have_ended, &count, 200);
  ck_assert_uint_eq (count.n_completed, N_OPERATIONS);
  ck_assert (mig_operation_wait (MIG_OPERATION (toy), NULL, NULL));
  live_world_check (world);
  /* The store keeps the journals; that is not the operations' own. */
  ck_assert_msg (count.most <= queued + N_OPERATIONS * (gsize) MAX_QUEUED + N_RUNNING * (gsize) MAX_RUNNING,
                 "%zu bytes at once, %zu when all waited", count.most, queued);
  g_print ("# %zu bytes for each that waits; %zu more at the most, with the journals\n",
           (queued - before) / N_OPERATIONS, count.most - queued);

  mig_test_remove_directory (directory);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("memory");
  TCase *tcase = mig_test_add_case (suite, "memory");

  tcase_set_timeout (tcase, 280);
  tcase_add_test (tcase, g11_many_operations);

  return suite;
}

MIG_TEST_MAIN (create_suite)
