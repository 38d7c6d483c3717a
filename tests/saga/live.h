/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-cluster.h>
#include <libmig/mig-migration-task.h>
#include <libmig/mig-sim-driver.h>

#include "mig-test.h"

G_BEGIN_DECLS

/* A small world for tests of live migrations: hosts a, b and c, and whatever guest a test wants, on the simulated
 * driver with a store in memory. */

typedef struct
{
  MigSimDriver  *sim;
  MigStateStore *store;
  MigCluster    *cluster;
  MigHost       *a, *b, *c;
  char          *uuid; /* of the guest "g" on a */
  gboolean       has_slots; /* some of the driver's are the test's */
} LiveWorld;

/* What the world looks like. */
typedef enum {
  LIVE_SHARED = 0,
  LIVE_LOCAL = 1 << 0,     /* the guest's disk is a's own, else on shared storage */
  LIVE_DIRECT = 1 << 1,    /* no host has a peer URI */
  LIVE_PAUSED = 1 << 2,
  LIVE_TRANSIENT = 1 << 3,
  LIVE_SLOW = 1 << 4,      /* the guest takes half a second to move */
  LIVE_BUSY = 1 << 5,      /* it writes faster than it can be moved */
  LIVE_WRITING = 1 << 6,   /* it writes a little */
} LiveWorldFlags;

#define LIVE_DISK_LENGTH (1 << 20)

LiveWorld    *live_world_new       (LiveWorldFlags   flags);
void          live_world_free      (LiveWorld       *self);

/* From a to b, or with @json as its options. */
MigOperation *live_world_task      (LiveWorld       *self,
                                    const char      *json);
/* Runs it; what it ended with, or NULL. */
GError       *live_run             (MigOperation    *task);

void          live_world_configure (LiveWorld       *self,
                                    const char      *json);
/* From a to b, bytes per second. */
void          live_world_set_link  (LiveWorld       *self,
                                    gint64           rate);

/* The text of the world: equal for equal worlds. */
char         *live_world_text      (LiveWorld       *self);
/* What a world of these flags looks like when the guest has moved; made by moving it without any fault. */
char         *live_moved_text      (LiveWorldFlags   flags);
/* Nothing happened that must never happen. */
void          live_world_check     (LiveWorld       *self);

/* The slots of the simulated driver, of which a test may replace some until the world is freed; a slot is called on the
 * thread of who asks. live_slots has the real ones. */
extern MigComputeDriverInterface live_slots;

MigComputeDriverInterface *live_world_get_slots (LiveWorld *self);

MigDomainInfo *live_world_look     (LiveWorld       *self,
                                    MigHost         *host); /* NULL: not there */
gint64        live_result_int      (MigOperation    *task,
                                    const char      *name);
char         *live_result_string   (MigOperation    *task,
                                    const char      *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LiveWorld, live_world_free)

G_END_DECLS
