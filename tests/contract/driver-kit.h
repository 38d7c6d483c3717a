/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <libmig/mig-block-job-driver.h>
#include <libmig/mig-compute-driver.h>
#include <libmig/mig-volume-backend.h>

#include "mig-test.h"

G_BEGIN_DECLS

/* The cases that every driver has to pass: of hypervisors, of their block jobs, and of their storage. A program gives
 * the kit its driver and somewhere to play, and gets a suite. */

typedef struct
{
  gboolean transient;
  gboolean paused;
  gboolean local_disk; /* storage that the two hosts do not share; else they share it */
} DriverKitGuest;

typedef struct
{
  MigComputeDriver *driver; /* also a MigBlockJobDriver */
  MigVolumeBackend *backend;
  MigHost          *source;
  MigHost          *destination; /* with a peer URI */
  MigHost          *unreachable;
  char             *place;     /* an absolute path on both hosts that nothing is at */
  gint64            bandwidth; /* bytes per second; with this a guest's memory takes some seconds */
  gpointer          world;     /* the factory's own */
} DriverKitBed;

typedef struct
{
  const char *name;
  gint64      disk_length; /* of every guest's only disk, vda */
  gboolean    has_events;

  void        (*set_up)    (DriverKitBed *bed);
  void        (*tear_down) (DriverKitBed *bed);
  /* A guest at the source; its UUID, owned. Its name is @name. */
  char *      (*add_guest) (DriverKitBed         *bed,
                            const char           *name,
                            const DriverKitGuest *wish);
} DriverKit;

Suite *driver_kit_create_suite (const DriverKit *kit);

/* For the parts of the kit. */
extern const DriverKit *driver_kit;
extern DriverKitBed driver_kit_bed;

void           driver_kit_add_compute_cases (TCase         *tcase);
void           driver_kit_add_storage_cases (TCase         *tcase);

MigDomainInfo *driver_kit_look              (MigHost       *host,
                                             const char    *domain);
/* Fails the test unless the domain is in that state there; MIG_DOMAIN_STATE_UNKNOWN: unless it is proved absent. */
void           driver_kit_expect            (MigHost       *host,
                                             const char    *domain,
                                             MigDomainState state);

typedef gboolean (*DriverKitCondition) (gpointer data);

/* Looks until it holds, at most ten seconds; events make it faster. */
void           driver_kit_wait              (const char         *what,
                                             DriverKitCondition  condition,
                                             gpointer            data);

G_END_DECLS
