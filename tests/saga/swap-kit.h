/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <libmig/mig-block-device.h>
#include <libmig/mig-memory-store.h>
#include <libmig/mig-sim-driver.h>

#include "mig-test.h"

#include "libmig/block/mig-block-sight-private.h"

G_BEGIN_DECLS

/* Swaps on simulated hosts whose driver is made to do what real ones do once in a thousand times: a test replaces its
 * slots, in this process. Host a has a guest g with the disks vda=/local/old.raw and vdb=/local/second.raw; there is a
 * host b too. */

#define SWAP_LENGTH (G_GINT64_CONSTANT (1) << 20)

typedef struct
{
  MigStateStore *store;
  MigSimDriver  *driver;
  MigCluster    *cluster;
  MigHost       *host;
  MigHost       *other_host;
  char          *uuid;
  MigOperation  *operation; /* of the test; dropped at its end */

  /* The slots as they were. */
  MigComputeDriverInterface  compute;
  MigBlockJobDriverInterface jobs;
  MigVolumeBackendInterface  volumes;

  int n_pauses;
  int n_compares;
  int away; /* atomic: no domain and no volume can be looked at */
} SwapKit;

extern SwapKit kit;

void           swap_kit_set_up        (void);
void           swap_kit_tear_down     (void);

#define swap_kit_compute() MIG_COMPUTE_DRIVER_GET_IFACE (kit.driver)
#define swap_kit_jobs() MIG_BLOCK_JOB_DRIVER_GET_IFACE (kit.driver)
#define swap_kit_volumes() MIG_VOLUME_BACKEND_GET_IFACE (kit.driver)

MigOperation  *swap_kit_new_of        (const char         *domain,
                                       const char         *target,
                                       const char         *destination,
                                       const char         *options);
/* Of the guest. */
MigOperation  *swap_kit_new           (const char         *target,
                                       const char         *destination,
                                       const char         *options);
MigDomainInfo *swap_kit_look          (void);
gboolean       swap_kit_is_running    (gpointer            unused);
/* In both definitions. */
void           swap_kit_check_source  (const char         *target,
                                       const char         *path);
gboolean       swap_kit_exists        (const char         *path);
/* TRUE, with an error, while nothing answers. */
gboolean       swap_kit_is_away       (GError            **error);
gboolean       swap_kit_is_set        (gpointer            number); /* int, atomic */

/* Slots, which count. */
gboolean       swap_kit_pause         (MigComputeDriver   *driver,
                                       MigHost            *host,
                                       const char         *domain,
                                       GCancellable       *cancellable,
                                       GError            **error);
gint64         swap_kit_compare       (MigVolumeBackend   *backend,
                                       MigHost            *host,
                                       MigDiskSource      *one,
                                       MigDiskSource      *other,
                                       gint64              length,
                                       GCancellable       *cancellable,
                                       GError            **error);

/* The callback of mig_operation_run_async(): @end is a GError **. */
void           swap_kit_on_run        (GObject            *source,
                                       GAsyncResult       *result,
                                       gpointer            end);
#define swap_kit_assert_success(error) mig_assert_error ((error), G_IO_ERROR, G_IO_ERROR_EXISTS)

/* The process that ran the operation is gone, and another one takes over. */
void           swap_kit_leave         (void);
MigOperation  *swap_kit_recover       (void);

/* Runs @func in a thread, later; joined at the end of the test if not before. */
void           swap_kit_do_later      (double              seconds,
                                       GThreadFunc         func);
void           swap_kit_join          (void);

G_END_DECLS
