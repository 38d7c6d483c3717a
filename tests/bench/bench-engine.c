/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include <libmig/mig-cluster.h>
#include <libmig/mig-memory-store.h>
#include <libmig/mig-sqlite-store.h>

#include "libmig/saga/mig-operation-private.h"

/* What the engine itself costs: operations whose steps do nothing, on the two built-in stores.
 *
 *   bench-engine [OPERATIONS]
 *
 * Prints, for each store, the median of the seconds per operation and per step, and what one commit takes. */

#define N_STEPS 7

typedef struct
{
  MigOperation parent_instance;
} Idle;

typedef struct
{
  MigOperationClass parent_class;
} IdleClass;

static GType idle_get_type (void);

G_DEFINE_TYPE (Idle, idle, MIG_TYPE_OPERATION)

static gboolean
do_nothing (MigOperation  *operation,
            MigStepRun    *run,
            GError       **error)
{
  mig_facts_set_int (mig_step_run_get_facts (run), mig_step_run_get_step (run)->id, 1);

  return TRUE;
}

static MigProbe
look (MigOperation  *operation,
      MigStepRun    *run,
      GError       **error)
{
  return MIG_PROBE_DONE;
}

static const MigStep steps[N_STEPS] = {
  { "idle.a", MIG_PHASE_PREPARE, 1, 0, do_nothing, do_nothing, NULL },
  { "idle.b", MIG_PHASE_PREPARE, 1, 0, do_nothing, do_nothing, NULL },
  { "idle.c", MIG_PHASE_PREPARE, 1, 0, do_nothing, do_nothing, NULL },
  { "idle.move", MIG_PHASE_TRANSFER, 10, MIG_STEP_DECIDES, do_nothing, do_nothing, look },
  { "idle.d", MIG_PHASE_FINISH, 1, MIG_STEP_FORWARD, do_nothing, NULL, NULL },
  { "idle.e", MIG_PHASE_FINISH, 1, MIG_STEP_FORWARD, do_nothing, NULL, NULL },
  { "idle.f", MIG_PHASE_FINISH, 1, MIG_STEP_FORWARD, do_nothing, NULL, NULL },
};

static const MigStepTable table = { "idle", 1, steps, N_STEPS };

static gboolean
validate (MigOperation  *operation,
          GError       **error)
{
  return TRUE;
}

static void
save_request (MigOperation *operation,
              MigFacts     *request)
{
  mig_facts_set_string (request, "nothing", "at all");
}

static char *
dup_subject (MigOperation *operation)
{
  return g_strdup ("nothing");
}

static void
idle_class_init (IdleClass *klass)
{
  klass->parent_class.table = &table;
  klass->parent_class.validate = validate;
  klass->parent_class.save_request = save_request;
  klass->parent_class.dup_subject = dup_subject;
}

static void
idle_init (Idle *self)
{
}

static int
compare (gconstpointer a,
         gconstpointer b)
{
  double first = *(const double *) a;
  double second = *(const double *) b;

  return (first > second) - (first < second);
}

static double
median_of (GArray *samples)
{
  g_array_sort (samples, compare);

  return g_array_index (samples, double, samples->len / 2);
}

static double
seconds_since (gint64 before)
{
  return (double) (g_get_monotonic_time () - before) / G_USEC_PER_SEC;
}

static double
measure_operations (MigStateStore *store,
                    guint          n)
{
  g_autoptr (MigCluster) cluster = mig_cluster_new (store, NULL);
  g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (double));

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (MigOperation) operation = g_object_new (idle_get_type (), "cluster", cluster, NULL);
      gint64 before = g_get_monotonic_time ();
      gboolean done = mig_operation_run (operation, NULL, NULL);
      double seconds = seconds_since (before);

      if (!done)
        exit (EXIT_FAILURE);
      g_array_append_val (samples, seconds);
    }
  mig_cluster_close (cluster, MIG_CLOSE_MODE_WAIT, NULL, NULL);

  return median_of (samples);
}

static double
measure_commits (MigStateStore *store,
                 guint          n)
{
  g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (double));

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (MigTransaction) transaction = mig_transaction_new ();
      gint64 before = g_get_monotonic_time ();
      double seconds;

      mig_transaction_put (transaction, "bench/commit", "{\"some\":\"value\"}");
      if (mig_state_store_commit (store, transaction, NULL, NULL) == 0)
        exit (EXIT_FAILURE);
      seconds = seconds_since (before);
      g_array_append_val (samples, seconds);
    }

  return median_of (samples);
}

static void
measure (const char    *name,
         MigStateStore *store,
         guint          n)
{
  double operation = measure_operations (store, n);
  double commit = measure_commits (store, n);

  g_print ("%-8s %10.3f %10.3f %10.3f\n", name, operation * 1000, operation / N_STEPS * 1000, commit * 1000);
}

int
main (int    argc,
      char **argv)
{
  guint n = argc > 1 ? (guint) atoi (argv[1]) : 200;
  g_autofree char *directory = g_dir_make_tmp ("mig-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "state.db", NULL);
  g_autoptr (MigStateStore) memory = mig_memory_store_new ();
  MigStateStore *sqlite = mig_sqlite_store_new (path, NULL);
  g_autofree char *wal = g_strconcat (path, "-wal", NULL);
  g_autofree char *shm = g_strconcat (path, "-shm", NULL);
  const char * const files[] = { path, wal, shm, directory };

  if (n == 0 || sqlite == NULL)
    return EXIT_FAILURE;

  g_print ("%u operations of %d steps that do nothing; medians in ms\n", n, N_STEPS);
  g_print ("store     operation       step     commit\n");
  measure ("memory", memory, n);
  measure ("sqlite", sqlite, n);

  g_object_unref (sqlite);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    remove (files[i]);

  return EXIT_SUCCESS;
}
