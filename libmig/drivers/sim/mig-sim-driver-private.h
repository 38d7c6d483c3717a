/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-sim-driver.h>

#include "libmig/drivers/sim/mig-sim-keeper-private.h"

G_BEGIN_DECLS

struct _MigSimDriver
{
  GObject parent_instance;

  char         *path;
  gboolean      events;
  MigSimKeeper *keeper;
};

/* slots.c */
void mig_sim_driver_init_compute (MigComputeDriverInterface  *iface);
void mig_sim_driver_init_block   (MigBlockJobDriverInterface *iface);
void mig_sim_driver_init_volume  (MigVolumeBackendInterface  *iface);

G_END_DECLS
