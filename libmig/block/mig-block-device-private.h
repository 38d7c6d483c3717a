/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-block-device.h>

#include "libmig/block/mig-block-monitor-private.h"

G_BEGIN_DECLS

struct _MigBlockDevice
{
  GObject parent_instance;

  MigCluster      *cluster;
  MigHost         *host;
  char            *domain;
  char            *target;

  GMutex           mutex;   /* of what follows */
  MigBlockMonitor *monitor; /* of the last job; or NULL */
  GSource         *source;  /* in that context, while it has not told the news; or NULL */
  GMainContext    *context; /* where its news is told */
  GQueue           news;    /* MigBlockNews, not told yet */
  gboolean         draining;
};

/* For callbacks that do not keep the device. */
GWeakRef        *mig_block_device_new_weak_ref   (MigBlockDevice          *self);
void             mig_block_device_free_weak_ref  (gpointer                 data);
/* What the cluster tells whoever follows a job. */
void             mig_block_device_add_facts      (MigBlockDevice          *self,
                                                  MigBlockJobFacts        *facts);
/* The error of a call about the disk; OUTCOME_UNKNOWN if it may have had its effect all the same. Takes @local. */
void             mig_block_device_propagate_unclear (const MigBlockRef    *ref,
                                                     const char           *what,
                                                     GError               *local,
                                                     GError              **error);
/* Emits the signal that the news is, in this thread. */
void             mig_block_device_emit           (MigBlockDevice          *self,
                                                  const MigBlockNews      *news);

/* Finds the guest and its disk, or says what is missing. The reference that comes back has the guest's UUID. */
MigBlockRef     *mig_block_device_find           (MigBlockDevice          *self,
                                                  gboolean                 with_job,
                                                  MigBlockSight           *sight,
                                                  GCancellable            *cancellable,
                                                  GError                 **error);
/* The same for a verb that changes something: the guest has to be active, and no swap on the disk. */
MigBlockRef     *mig_block_device_find_to_change (MigBlockDevice          *self,
                                                  gboolean                 with_job,
                                                  MigBlockSight           *sight,
                                                  GCancellable            *cancellable,
                                                  GError                 **error);

/* A monitor that tells its news by the device's signals, and listens from now on. */
MigBlockMonitor *mig_block_device_listen         (MigBlockDevice          *self,
                                                  const MigBlockRef       *ref);
/* The job was started, and is the device's from now on. @last: what mig_block_device_ref_monitor() gave before. */
void             mig_block_device_follow         (MigBlockDevice          *self,
                                                  MigBlockMonitor         *monitor,
                                                  const MigBlockJobFacts  *facts,
                                                  MigBlockMonitor         *last);
/* Of the last job; or NULL. */
MigBlockMonitor *mig_block_device_ref_monitor    (MigBlockDevice          *self);

G_END_DECLS
