/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mig-test.h"

#include <libmig/mig-cluster.h>
#include <libmig/mig-migration-task.h>
#include <libmig/mig-sim-driver.h>
#include <libmig/mig-sqlite-store.h>

/* Moves of a process that dies, or stands still for a while, and what another one makes of them. */

static void
close_cluster (MigCluster   *cluster,
               MigCloseMode  mode)
{
  g_autoptr (GError) error = NULL;

  ck_assert (mig_cluster_close (cluster, mode, NULL, &error));
  mig_assert_no_error (error);
}

static gpointer
run (gpointer data)
{
  GError *error = NULL;

  mig_operation_run (data, NULL, &error);

  return error;
}

/* What a process has open of a world in a directory. */
typedef struct
{
  MigSimDriver  *sim;
  MigStateStore *store;
  MigCluster    *cluster;
} Room;

static void
room_open (Room       *room,
           const char *directory,
           gboolean    direct)
{
  const char * const names[] = { "a", "b" };
  g_autofree char *world = g_build_filename (directory, "world", NULL);
  g_autofree char *state = g_build_filename (directory, "state.db", NULL);
  g_autoptr (GError) error = NULL;

  room->sim = mig_sim_driver_new (world, &error);
  mig_assert_no_error (error);
  room->store = mig_sqlite_store_new (state, &error);
  mig_assert_no_error (error);
  room->cluster = mig_cluster_new (room->store, MIG_COMPUTE_DRIVER (room->sim));
  g_object_set (room->cluster, "settle-time", 0.05, "lease-ttl", 2.0, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      const char *uri = names[i][0] == 'a' ? "sim://a/" : "sim://b/";
      g_autoptr (MigHost) host = g_object_new (MIG_TYPE_HOST, "name", names[i], "uri", uri, "peer-uri",
                                               direct ? NULL : uri, NULL);

      mig_cluster_add_host (room->cluster, host, &error);
      mig_assert_no_error (error);
    }
}

static void
room_close (Room *room)
{
  close_cluster (room->cluster, MIG_CLOSE_MODE_WAIT);
  g_clear_object (&room->cluster);
  g_clear_object (&room->store);
  g_clear_object (&room->sim);
}

static void
write_held (MigOperation *task,
            const char   *text,
            GVariant     *inputs,
            const char   *path)
{
  if (strstr (text, "waiting for other migrations") != NULL)
    g_file_set_contents (path, "", 0, NULL);
}

/* A process that moves two guests, of which the second waits for its turn: then there is a file "held". */
static void
move_two (const char *directory)
{
  const char * const names[] = { "g", "h" };
  g_autoptr (MigHost) a = NULL;
  g_autoptr (MigHost) b = NULL;
  g_autofree char *held = g_build_filename (directory, "held", NULL);
  MigOperation *tasks[2];
  GThread *threads[2];
  Room room;

  room_open (&room, directory, FALSE);
  mig_sim_driver_configure (room.sim, "{\"max-moves\": 1, \"rate\": 4194304}", NULL);
  mig_sim_driver_add_host (room.sim, "a", NULL);
  mig_sim_driver_add_host (room.sim, "b", NULL);
  a = mig_cluster_find_host (room.cluster, "a", NULL);
  b = mig_cluster_find_host (room.cluster, "b", NULL);
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *uuid = mig_sim_driver_add_domain (room.sim, "a", names[i], "{}", NULL);
      gboolean begun = FALSE;

      tasks[i] = MIG_OPERATION (mig_migration_task_new (room.cluster, names[i], a, b, NULL));
      g_signal_connect (tasks[i], "decision", G_CALLBACK (write_held), held);
      threads[i] = g_thread_new ("move", run, tasks[i]);
      while (!begun)
        {
          g_autoptr (MigDomainInfo) info = mig_compute_driver_get_domain (MIG_COMPUTE_DRIVER (room.sim), b, "g", NULL,
                                                                          NULL);

          begun = info != NULL;
        }
    }
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) failure = g_thread_join (threads[i]);

      if (i == 1)
        _exit (failure != NULL ? failure->code : 0);
    }
}

/* After the child is made: this starts a thread. */
static void
settle (void)
{
  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good */
  mig_test_settle_descriptors ();
}

static gboolean
exists (gpointer path)
{
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* But not while it holds the lock of the world: nobody else could use it then. */
static void
stop (pid_t       child,
      const char *directory)
{
  g_autofree char *state = g_build_filename (directory, "state.db", NULL);
  g_autofree char *lock_path = g_build_filename (directory, "world.lock", NULL);
  int lock = open (lock_path, O_RDWR | O_CLOEXEC);

  ck_assert_int_ge (lock, 0);
  ck_assert_int_eq (flock (lock, LOCK_EX), 0);
  mig_test_stop_child (child, state);
  close (lock);
}

/* It stands still, and somebody else carries its operations on. When it goes on the place is free, and it sends
 * nothing. */
START_TEST (stopped_while_held)
{
  g_autofree char *directory = mig_test_make_directory ();
  g_autofree char *held = g_build_filename (directory, "held", NULL);
  g_autoptr (GPtrArray) recovered = NULL;
  g_autoptr (MigDomainInfo) info = NULL;
  g_autoptr (MigHost) a = NULL;
  g_autoptr (GError) error = NULL;
  pid_t child = mig_test_fork ();
  Room room;
  int status;

  if (child == 0)
    move_two (directory);
  settle ();
  mig_test_wait (NULL, exists, held, 20);
  room_open (&room, directory, FALSE);
  stop (child, directory);
  recovered = mig_cluster_recover_all (room.cluster, NULL, &error);
  mig_assert_no_error (error);
  ck_assert_uint_eq (recovered->len, 2);
  ck_assert_int_eq (kill (child, SIGCONT), 0);
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == MIG_ERROR_CONFLICT);
  mig_sim_driver_wait_idle (room.sim, 20, NULL, &error);
  mig_assert_no_error (error);
  a = mig_cluster_find_host (room.cluster, "a", NULL);
  info = mig_compute_driver_get_domain (MIG_COMPUTE_DRIVER (room.sim), a, "h", NULL, &error);
  mig_assert_no_error (error);
  ck_assert_int_eq (mig_domain_info_get_state (info), MIG_DOMAIN_STATE_RUNNING);
  g_clear_pointer (&recovered, g_ptr_array_unref);
  room_close (&room);
  mig_test_remove_directory (directory);
}
END_TEST

/* A process that dies in the switch-over of the direct move that it carries. */
static void
move_and_die (const char *directory)
{
  g_autoptr (MigOperation) task = NULL;
  g_autoptr (MigHost) a = NULL;
  g_autoptr (MigHost) b = NULL;
  g_autofree char *uuid = NULL;
  Room room;

  room_open (&room, directory, TRUE);
  mig_sim_driver_configure (room.sim, "{\"call-deadline\": 0.05}", NULL);
  mig_sim_driver_add_host (room.sim, "a", NULL);
  mig_sim_driver_add_host (room.sim, "b", NULL);
  uuid = mig_sim_driver_add_domain (room.sim, "a", "g", "{}", NULL);
  a = mig_cluster_find_host (room.cluster, "a", NULL);
  b = mig_cluster_find_host (room.cluster, "b", NULL);
  mig_sim_driver_set_fault (room.sim, "switch-over", 1, MIG_SIM_FAULT_EXIT_AFTER);
  task = MIG_OPERATION (mig_migration_task_new (room.cluster, "g", a, b, NULL));
  mig_operation_run (task, NULL, NULL);
  _exit (1);
}

/* The guest stands still at the source, and the host never answers the call that lets it go on: that ends, and is said.
 * Or it answers. */
START_TEST (resumed_in_vain)
{
  g_autofree char *directory = mig_test_make_directory ();
  g_autoptr (GPtrArray) recovered = NULL;
  g_autoptr (MigDomainInfo) info = NULL;
  g_autoptr (MigHost) a = NULL;
  g_autoptr (GError) error = NULL;
  pid_t child = mig_test_fork ();
  Room room;
  int status;

  if (child == 0)
    move_and_die (directory);
  settle ();
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert (WIFEXITED (status)); /* with the status of the fault, but under a checker of leaks */

  room_open (&room, directory, TRUE);
  for (guint i = 1; _i == 0 && i <= 200; i++)
    mig_sim_driver_set_fault (room.sim, "resume", i, MIG_SIM_FAULT_HANG);
  recovered = mig_cluster_recover_all (room.cluster, NULL, &error);
  mig_assert_no_error (error);
  ck_assert_uint_eq (recovered->len, 1);
  ck_assert_int_eq (mig_operation_get_status (g_ptr_array_index (recovered, 0)),
                    _i == 0 ? MIG_STATUS_ERROR : MIG_STATUS_FAILED);
  a = mig_cluster_find_host (room.cluster, "a", NULL);
  info = mig_compute_driver_get_domain (MIG_COMPUTE_DRIVER (room.sim), a, "g", NULL, &error);
  mig_assert_no_error (error);
  ck_assert_int_eq (mig_domain_info_get_state (info),
                    _i == 0 ? MIG_DOMAIN_STATE_PAUSED_MIGRATION : MIG_DOMAIN_STATE_RUNNING);
  g_clear_pointer (&recovered, g_ptr_array_unref);
  room_close (&room);
  mig_test_remove_directory (directory);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("live-processes");
  TCase *tcase = mig_test_add_case (suite, "processes");

  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, stopped_while_held);
  tcase_add_loop_test (tcase, resumed_in_vain, 0, 2);

  return suite;
}

MIG_TEST_MAIN (create_suite)
