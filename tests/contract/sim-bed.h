/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "driver-kit.h"

G_BEGIN_DECLS

/* Somewhere to play for the driver kit: a simulated world. */

#define SIM_BED_DISK_LENGTH (1 << 20)

void  sim_bed_set_up_memory (DriverKitBed         *bed);
void  sim_bed_set_up_file   (DriverKitBed         *bed);
void  sim_bed_tear_down     (DriverKitBed         *bed);
char *sim_bed_add_guest     (DriverKitBed         *bed,
                             const char           *name,
                             const DriverKitGuest *wish);

G_END_DECLS
