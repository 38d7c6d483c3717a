/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The driver kit on the simulated hypervisor, with the world in a file. */

#include "config.h"

#include "sim-bed.h"

static const DriverKit kit = {
  .name = "sim driver in a file",
  .disk_length = SIM_BED_DISK_LENGTH,
  .has_events = TRUE,
  .set_up = sim_bed_set_up_file,
  .tear_down = sim_bed_tear_down,
  .add_guest = sim_bed_add_guest,
};

static Suite *
create_suite (void)
{
  return driver_kit_create_suite (&kit);
}

MIG_TEST_MAIN (create_suite)
