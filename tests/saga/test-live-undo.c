/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "live.h"
#include "sim-test.h"

#include <libmig/mig-block-device.h>
#include <libmig/mig-sqlite-store.h>

#include "libmig/core/mig-waiter-private.h"
#include "libmig/saga/mig-engine-private.h"

/* Roll-backs in a world that is not quick to obey: calls that were given up take effect, and what has to be undone
 * can't be for a while. */

#define CALL_TIME 0.02

static void
set_up (void)
{
  g_type_ensure (G_TYPE_TASK); /* opens a descriptor for good */
  mig_test_settle_descriptors ();
}

static MigOperation *
make_swap (LiveWorld *live)
{
  g_autoptr (MigBlockDevice) device = mig_block_device_new (live->cluster, live->a, "g", "vda");
  g_autoptr (MigDiskSource) destination = mig_disk_source_parse ("/disks/new.raw", "raw", NULL);

  return MIG_OPERATION (mig_block_device_new_swap (device, destination, NULL, NULL));
}

typedef struct
{
  MigOperation *operation;
  double        seconds;
} Abort;

static gpointer
abort_later (gpointer data)
{
  Abort *call = data;
  g_autoptr (MigWaiter) waiter = mig_waiter_new ();

  mig_waiter_wait (waiter, mig_waiter_ticket (waiter),
                   g_get_monotonic_time () + (gint64) (call->seconds * G_USEC_PER_SEC), NULL);
  mig_operation_abort (call->operation, NULL); /* may be refused: it is too late, then */

  return NULL;
}

static char *
disks_after (LiveWorldFlags flags,
             gboolean       swap)
{
  g_autoptr (LiveWorld) world = live_world_new (flags);
  g_autoptr (MigOperation) operation = swap ? make_swap (world) : live_world_task (world, NULL);
  g_autoptr (GError) failure = live_run (operation);

  mig_assert_no_error (failure);

  return live_world_text (world);
}

/* Aborted at one moment after the other: most calls are out then, and what they do comes later. */
START_TEST (g2_abort_while_a_call_is_out)
{
  gboolean swap = _i % 2 == 1;
  double seconds = (1 + _i / 2) * 1.5 * CALL_TIME;
  g_autofree char *settings = g_strdup_printf ("{\"call-time\": %g, \"late-delay\": 0.05}", CALL_TIME);
  g_autofree char *moved = disks_after (LIVE_LOCAL, swap);
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL);
  g_autoptr (MigOperation) operation = swap ? make_swap (world) : live_world_task (world, NULL);
  g_autofree char *before = live_world_text (world);
  g_autofree char *after = NULL;
  g_autoptr (GError) failure = NULL;
  Abort call = { operation, seconds };
  GThread *thread;

  mig_sim_driver_configure (world->sim, settings, &failure);
  mig_assert_no_error (failure);
  g_object_set (world->cluster, "settle-time", 0.3, NULL);
  mig_operation_run_async (operation, NULL, NULL, NULL);
  thread = g_thread_new ("abort", abort_later, &call);
  mig_operation_wait (operation, NULL, &failure);
  g_thread_join (thread);

  mig_sim_driver_wait_idle (world->sim, 10, NULL, NULL);
  live_world_check (world);
  after = live_world_text (world);
  ck_assert_msg (g_str_equal (after, failure == NULL ? moved : before), "%s after %g s: %s\n%s\ninstead of\n%s",
                 swap ? "swap" : "move", seconds, failure != NULL ? failure->message : "completed", after,
                 failure == NULL ? moved : before);
}
END_TEST

/* A switch-over that its client abandoned, and a guest that cannot be resumed for a while. */

typedef struct
{
  MigSimDriver *driver;
  MigCluster   *cluster;
} Room;

static void
room_clear (Room *self)
{
  if (self->cluster != NULL)
    mig_cluster_close (self->cluster, MIG_CLOSE_MODE_WAIT, NULL, NULL);
  g_clear_object (&self->cluster);
  g_clear_object (&self->driver);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Room, room_clear)

static void
room_open (Room *self)
{
  g_autofree char *path = g_build_filename (sim.directory, "state.db", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MigStateStore) store = mig_sqlite_store_new (path, &error);

  mig_assert_no_error (error);
  self->driver = sim_open (sim.path);
  self->cluster = mig_cluster_new (store, MIG_COMPUTE_DRIVER (self->driver));
  g_object_set (self->cluster, "settle-time", 0.1, NULL);
  mig_engine_set_retry_pause (mig_engine_of (G_OBJECT (self->cluster)), 0.005);
  mig_cluster_add_host (self->cluster, sim.a, NULL);
  mig_cluster_add_host (self->cluster, sim.b, NULL);
}

static void
move_in_child (void)
{
  g_auto (Room) room = { NULL };
  g_autoptr (MigMigrationOptions) options = mig_migration_options_new_from_json ("{\"mode\": \"direct\"}", NULL);
  g_autoptr (MigMigrationTask) task = NULL;

  room_open (&room);
  mig_sim_driver_set_fault (room.driver, "switch-over", 1, MIG_SIM_FAULT_EXIT_BEFORE);
  task = mig_migration_task_new (room.cluster, "g", sim.a, sim.b, options);
  mig_operation_run (MIG_OPERATION (task), NULL, NULL);
}

static MigOperation *
recover_one (Room *room)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = mig_cluster_recover (room->cluster, NULL, &error);

  mig_assert_no_error (error);
  ck_assert_uint_eq (found->len, 1);

  return g_object_ref (g_ptr_array_index (found, 0));
}

static const struct
{
  guint       n_faults;
  MigSimFault fault;
  MigStatus   status;
} resumes[] = {
  { 0, MIG_SIM_FAULT_FAIL, MIG_STATUS_FAILED },
  { 6, MIG_SIM_FAULT_FAIL, MIG_STATUS_FAILED }, /* an image is still locked for a moment */
  { 2000, MIG_SIM_FAULT_FAIL, MIG_STATUS_ERROR },
  { 2000, MIG_SIM_FAULT_LATE, MIG_STATUS_FAILED }, /* no answer, but it is heard */
};

START_TEST (g1_guest_that_cannot_be_resumed)
{
  g_autoptr (MigSimDriver) driver = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  sim_set_up ();
  driver = sim_make (sim.path, "{\"disks\": [\"vda=/shared/g.raw\"]}");
  before = mig_sim_driver_dup_world (driver, NULL);
  g_clear_object (&driver);
  ck_assert_int_eq (mig_test_wait_child (sim_start_child (move_in_child)), MIG_SIM_EXIT_STATUS);

  for (guint i = 0; i < 2; i++)
    {
      g_auto (Room) room = { NULL };
      g_autoptr (MigOperation) operation = NULL;
      MigStatus status = i == 0 ? resumes[_i].status : MIG_STATUS_FAILED;

      room_open (&room);
      sim_wait_idle (room.driver);
      if (i == 0)
        sim_expect_states (room.driver, MIG_DOMAIN_STATE_PAUSED_MIGRATION, MIG_DOMAIN_STATE_UNKNOWN);
      for (guint n = 1; i == 0 && n <= resumes[_i].n_faults; n++)
        mig_sim_driver_set_fault (room.driver, "resume", n, resumes[_i].fault);
      operation = recover_one (&room);
      ck_assert (!mig_operation_run (operation, NULL, &error));
      ck_assert_msg (mig_operation_get_status (operation) == status, "round %u: %d: %s", i,
                     mig_operation_get_status (operation), error->message);
      if (status == MIG_STATUS_FAILED)
        break;

      /* It says so, nothing else is undone, and the next one goes on. */
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_ROLLBACK_FAILED);
      sim_expect_states (room.driver, MIG_DOMAIN_STATE_PAUSED_MIGRATION, MIG_DOMAIN_STATE_UNKNOWN);
      g_clear_error (&error);
    }

  driver = sim_open (sim.path);
  sim_wait_idle (driver);
  after = mig_sim_driver_dup_world (driver, NULL);
  ck_assert_str_eq (after, before);
  sim_expect_violation (driver, NULL);
  g_clear_object (&driver);
  sim_tear_down ();
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("live-undo");
  TCase *aborts = mig_test_add_case (suite, "aborts");
  TCase *resumes_case = mig_test_add_case (suite, "resumes");

  tcase_add_checked_fixture (aborts, set_up, NULL);
  tcase_set_timeout (aborts, 60);
  tcase_set_timeout (resumes_case, 60);
  tcase_add_loop_test (aborts, g2_abort_while_a_call_is_out, 0, 24);
  tcase_add_loop_test (resumes_case, g1_guest_that_cannot_be_resumed, 0, G_N_ELEMENTS (resumes));

  return suite;
}

MIG_TEST_MAIN (create_suite)
