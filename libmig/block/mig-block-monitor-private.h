/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-volume-backend.h>

#include "libmig/block/mig-block-sight-private.h"
#include "libmig/core/mig-waiter-private.h"

G_BEGIN_DECLS

/* Follows one job of one disk to its end, on a thread of its own. */

typedef struct _MigBlockMonitor MigBlockMonitor;

typedef enum {
  MIG_BLOCK_NEWS_PROGRESS,
  MIG_BLOCK_NEWS_READY,
  MIG_BLOCK_NEWS_FINISHED,
} MigBlockNewsKind;

/* One piece of news; owned by who receives it. */
typedef struct {
  MigBlockNewsKind  kind;
  MigBlockJobInfo  *info;    /* of PROGRESS */
  MigBlockOutcome   outcome; /* of FINISHED */
  GError           *error;   /* of FINISHED; NULL when it completed */
} MigBlockNews;

typedef void (*MigBlockNewsFunc) (MigBlockNews *news, gpointer data);

typedef struct {
  MigVolumeBackend *backend;     /* to find causes with; or NULL */
  MigBlockJobKind   kind;        /* of the job */
  MigDiskSource    *old_source;  /* of the disk */
  MigDiskSource    *destination; /* NULL: what the definition says */
  int               n_layers;    /* files below the disk before the job; -1: unknown */
  const char       *name;        /* of the domain, for messages */
  double            settle_time; /* of the cluster's engine, in seconds */
  double            wait_limit;  /* likewise */
} MigBlockJobFacts;

/* Listens from now on, so that nothing is missed; what the job is, is told by mig_block_monitor_start(). @tell is
 * called on the monitor's thread; what is told of @after's job, or NULL, comes first. */
MigBlockMonitor *mig_block_monitor_new         (const MigBlockRef      *ref,
                                                MigBlockNewsFunc        tell,
                                                gpointer                data,
                                                GDestroyNotify          free_data);
void             mig_block_monitor_start       (MigBlockMonitor        *self,
                                                const MigBlockJobFacts *facts,
                                                MigBlockMonitor        *after);
MigBlockMonitor *mig_block_monitor_ref         (MigBlockMonitor        *self);
void             mig_block_monitor_unref       (MigBlockMonitor        *self);
/* Ends it without waiting for its thread; nothing is told after that. Who waits for it looks for another one. */
void             mig_block_monitor_stop        (MigBlockMonitor        *self);
/* Its job has ended, for the disk has another one: its end is told soon, as far as it is known. */
void             mig_block_monitor_supersede   (MigBlockMonitor        *self);
/* This process is about to ask for the end of the job; FALSE: that was refused. */
void             mig_block_monitor_note_abort  (MigBlockMonitor        *self,
                                                gboolean                asked);
/* Something was done to the job: it is worth a look. */
void             mig_block_monitor_hurry       (MigBlockMonitor        *self);

/* Is woken by every change of what is below. */
MigWaiter       *mig_block_monitor_get_waiter  (MigBlockMonitor        *self);
gboolean         mig_block_monitor_is_stopped  (MigBlockMonitor        *self);
gboolean         mig_block_monitor_is_ready    (MigBlockMonitor        *self);
gboolean         mig_block_monitor_is_finished (MigBlockMonitor        *self,
                                                MigBlockOutcome        *outcome,
                                                GError                **error);
/* TRUE, with an error: the job could not be looked at for longer than is reasonable. It is looked for all the same. */
gboolean         mig_block_monitor_is_blind    (MigBlockMonitor        *self,
                                                GError                **error);

void             mig_block_news_free           (MigBlockNews           *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigBlockMonitor, mig_block_monitor_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigBlockNews, mig_block_news_free)

G_END_DECLS
