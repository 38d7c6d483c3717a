/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <libmig/mig-sim-driver.h>

#include "sim-bed.h"

static void
put_world (DriverKitBed *bed,
           const char   *path)
{
  g_autoptr (GError) error = NULL;
  MigSimDriver *driver = mig_sim_driver_new (path, &error);

  mig_assert_no_error (error);
  mig_sim_driver_add_host (driver, "a", &error);
  mig_sim_driver_add_host (driver, "b", &error);
  mig_sim_driver_add_host (driver, "c", &error);
  mig_sim_driver_set_reachable (driver, "c", FALSE, &error);
  mig_assert_no_error (error);

  bed->driver = MIG_COMPUTE_DRIVER (driver);
  bed->backend = g_object_ref (MIG_VOLUME_BACKEND (driver));
  bed->source = g_object_new (MIG_TYPE_HOST, "name", "a", "uri", "sim:///a", "peer-uri", "sim:///a", NULL);
  bed->destination = g_object_new (MIG_TYPE_HOST, "name", "b", "uri", "sim:///b", "peer-uri", "sim:///b", NULL);
  bed->unreachable = mig_host_new ("c", "sim:///c");
  bed->place = g_strdup ("/kit/other.raw");
  bed->bandwidth = 1 << 20;
}

void
sim_bed_set_up_memory (DriverKitBed *bed)
{
  put_world (bed, NULL);
}

void
sim_bed_set_up_file (DriverKitBed *bed)
{
  g_autofree char *path = NULL;

  bed->world = mig_test_make_directory ();
  path = g_build_filename (bed->world, "world", NULL);
  put_world (bed, path);
}

void
sim_bed_tear_down (DriverKitBed *bed)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *violations = mig_sim_driver_dup_violations (MIG_SIM_DRIVER (bed->driver), &error);

  mig_assert_no_error (error);
  /* A test that destroys a guest loses it. */
  ck_assert_msg (violations == NULL || g_str_equal (violations, "kit is lost\n"), "%s", violations);
  if (bed->world != NULL)
    mig_test_remove_directory (bed->world);
  g_free (bed->world);
}

char *
sim_bed_add_guest (DriverKitBed         *bed,
                   const char           *name,
                   const DriverKitGuest *wish)
{
  MigSimDriver *driver = MIG_SIM_DRIVER (bed->driver);
  g_autofree char *place = g_strdup_printf ("/kit/%s.raw", name);
  g_autofree char *json = NULL;
  g_autoptr (GError) error = NULL;
  char *uuid;

  json = g_strdup_printf ("{\"memory\": 4194304, \"transient\": %s, \"state\": \"%s\", \"disks\": [\"vda=%s\"]}",
                          wish->transient ? "true" : "false", wish->paused ? "paused" : "running", place);
  mig_sim_driver_add_volume (driver, wish->local_disk ? "a" : NULL, place, SIM_BED_DISK_LENGTH, &error);
  mig_assert_no_error (error);
  uuid = mig_sim_driver_add_domain (driver, "a", name, json, &error);
  mig_assert_no_error (error);

  return uuid;
}
