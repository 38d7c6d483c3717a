/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "sim-test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libmig/core/mig-waiter-private.h"

SimTest sim;

void
sim_set_up (void)
{
  sim.directory = mig_test_make_directory ();
  sim.path = g_build_filename (sim.directory, "world", NULL);
  sim.a = g_object_new (MIG_TYPE_HOST, "name", "a", "uri", "sim:///a", "peer-uri", "sim:///a", NULL);
  sim.b = g_object_new (MIG_TYPE_HOST, "name", "b", "uri", "sim:///b", "peer-uri", "sim:///b", NULL);
}

void
sim_tear_down (void)
{
  g_clear_object (&sim.a);
  g_clear_object (&sim.b);
  g_clear_pointer (&sim.uuid, g_free);
  g_clear_pointer (&sim.path, g_free);
  mig_test_remove_directory (sim.directory);
  g_clear_pointer (&sim.directory, g_free);
}

MigSimDriver *
sim_open (const char *world)
{
  g_autoptr (GError) error = NULL;
  MigSimDriver *driver = mig_sim_driver_new (world, &error);

  mig_assert_no_error (error);

  return driver;
}

/* Two hosts, a volume for both, one for each, and a guest on the first. */
MigSimDriver *
sim_make (const char *world,
          const char *guest)
{
  g_autoptr (GError) error = NULL;
  MigSimDriver *driver = sim_open (world);

  mig_sim_driver_add_host (driver, "a", &error);
  mig_sim_driver_add_host (driver, "b", &error);
  mig_sim_driver_add_volume (driver, NULL, "/shared/g.raw", MiB, &error);
  mig_sim_driver_add_volume (driver, "a", "/local/g.raw", MiB, &error);
  mig_assert_no_error (error);
  sim.uuid = mig_sim_driver_add_domain (driver, "a", "g", guest, &error);
  mig_assert_no_error (error);

  return driver;
}

MigMigrateRequest *
sim_new_request (MigMigrateMode      mode,
                 MigMigrateFlags     flags,
                 const char * const *copy_disks)
{
  return g_object_new (MIG_TYPE_MIGRATE_REQUEST,
                       "source", sim.a,
                       "destination", sim.b,
                       "domain", sim.uuid,
                       "mode", mode,
                       "flags", flags | MIG_MIGRATE_FLAGS_UNSAFE | MIG_MIGRATE_FLAGS_PERSIST,
                       "copy-disks", copy_disks,
                       "max-downtime", 0.001,
                       "token", "test",
                       NULL);
}

gboolean
sim_migrate (MigSimDriver    *driver,
             MigMigrateMode   mode,
             MigMigrateFlags  flags,
             GError         **error)
{
  g_autoptr (MigMigrateRequest) request = sim_new_request (mode, flags, NULL);

  return mig_compute_driver_migrate (MIG_COMPUTE_DRIVER (driver), request, NULL, error);
}

/* MIG_DOMAIN_STATE_UNKNOWN: not there. */
MigDomainState
sim_state_of (MigSimDriver *driver,
              MigHost      *host)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) info = mig_compute_driver_get_domain (MIG_COMPUTE_DRIVER (driver), host, "g", NULL, &error);

  if (info == NULL)
    mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);

  return info != NULL ? mig_domain_info_get_state (info) : MIG_DOMAIN_STATE_UNKNOWN;
}

void
sim_expect_violation (MigSimDriver *driver,
                      const char   *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = mig_sim_driver_dup_violations (driver, &error);

  mig_assert_no_error (error);
  ck_assert_pstr_eq (found, expected);
}

void
sim_wait_idle (MigSimDriver *driver)
{
  g_autoptr (GError) error = NULL;

  mig_sim_driver_wait_idle (driver, 10, NULL, &error);
  mig_assert_no_error (error);
}

/* Looks again and again until the source is in that state. */
void
sim_wait_state (MigSimDriver   *driver,
                MigHost        *host,
                MigDomainState  state)
{
  g_autoptr (MigWaiter) waiter = mig_waiter_new ();
  gint64 deadline = g_get_monotonic_time () + 10 * G_TIME_SPAN_SECOND;

  while (sim_state_of (driver, host) != state)
    {
      ck_assert_msg (g_get_monotonic_time () < deadline, "the domain never was in state %d", state);
      mig_waiter_wait (waiter, 0, g_get_monotonic_time () + G_TIME_SPAN_MILLISECOND, NULL);
    }
}

pid_t
sim_start_child (void (*func) (void))
{
  pid_t pid = mig_test_fork ();

  if (pid == 0)
    {
      func ();
      _exit (0);
    }

  return pid;
}

/* While the world is locked here: a child that were stopped with the lock in its hands would stop the world. */
void
sim_stop_child (pid_t pid)
{
  g_autofree char *lock_path = g_strconcat (sim.path, ".lock", NULL);
  int fd = open (lock_path, O_RDWR | O_CLOEXEC);
  int status;

  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (flock (fd, LOCK_EX), 0);
  ck_assert_int_eq (kill (pid, SIGSTOP), 0);
  ck_assert_int_eq (waitpid (pid, &status, WUNTRACED), pid);
  ck_assert (WIFSTOPPED (status));
  close (fd);
}
