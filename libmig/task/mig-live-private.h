/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/saga/mig-step-private.h"
#include "libmig/task/mig-live-verdict-private.h"
#include "libmig/task/mig-migration-task-private.h"

G_BEGIN_DECLS

/* What the steps of a live migration share. mig-live-steps.c has the table; the other files have what is too long for a
 * step function. */

/* Facts, beside those that every operation has. On disk: never renamed. */
#define MIG_LIVE_FACT_UUID          "uuid"
#define MIG_LIVE_FACT_NAME          "name"
#define MIG_LIVE_FACT_MEMORY        "memory"         /* of the guest, bytes */
#define MIG_LIVE_FACT_PERSISTENT    "persistent"
#define MIG_LIVE_FACT_PAUSED_BEFORE "paused-before"
#define MIG_LIVE_FACT_MODE          "mode"           /* nick of MigMigrateMode, not automatic */
#define MIG_LIVE_FACT_MARK          "mark"
#define MIG_LIVE_FACT_DISKS         "disks"          /* targets of the disks that are copied */
#define MIG_LIVE_FACT_DISK_PATHS    "disk-paths"     /* one for each of them, and so on */
#define MIG_LIVE_FACT_DISK_KINDS    "disk-kinds"     /* "file" or "block" */
#define MIG_LIVE_FACT_DISK_FORMATS  "disk-formats"
#define MIG_LIVE_FACT_DISK_LENGTHS  "disk-lengths"
#define MIG_LIVE_FACT_CREATED       "created"        /* targets whose volumes were made, or may have been */
#define MIG_LIVE_FACT_STOPPED       "stopped"        /* the guest was paused so that the migration ends */
#define MIG_LIVE_FACT_STOP_ASKED    "stop-asked"     /* ... by a call that was not answered: it may still be */
#define MIG_LIVE_FACT_COMMITTED     "committed"      /* post-copy was asked for */
#define MIG_LIVE_FACT_OVER          "over"           /* the call has been executed: it takes effect no more */

#define MIG_LIVE_REQUEST_FORCE_COMPLETE "force-complete"

extern const MigStepTable mig_live_table;

/* One call of a step function, with what it needs at hand. */
typedef struct
{
  MigMigrationTask    *task;
  MigStepRun          *run;
  MigFacts            *facts;
  MigMigrationOptions *options;
  MigComputeDriver    *driver;
  MigVolumeBackend    *backend;     /* or NULL */
  GCancellable        *cancellable; /* or NULL */
  MigHost             *source;      /* owned; NULL before it is found */
  MigHost             *destination; /* owned; NULL before it is chosen */
} MigLive;

/* Fails when the cluster lacks what the operation needs: whoever recovers it may have configured less. */
gboolean    mig_live_open       (MigLive       *self,
                                 MigOperation  *operation,
                                 MigStepRun    *run,
                                 GError       **error);
void        mig_live_clear      (MigLive       *self);
const char *mig_live_uuid       (MigLive       *self);
const char *mig_live_mark       (MigLive       *self);
/* "“name” (uuid)", or what is known of it. */
char       *mig_live_describe   (MigLive       *self);
gboolean    mig_live_is_direct  (MigLive       *self);
gboolean    mig_live_copies_disks (MigLive     *self);
double      mig_live_settle_time (MigLive      *self);
/* What is too long to wait for a host that does not answer, seconds. */
double      mig_live_wait_limit  (MigLive      *self);
/* The first pause between two attempts, seconds. */
double      mig_live_retry_pause (MigLive      *self);
double      mig_live_seconds_since (gint64      moment);
gint64      mig_live_known       (gint64        value); /* a figure of which -1 says that it is not known: 0 then */
/* After such an error a call may have taken effect, or may still. */
gboolean    mig_live_is_ambiguous (const GError *error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MigLive, mig_live_clear)

/* The text in the guest's metadata that says whose it is: "<operation>@<store>". */
char       *mig_live_make_mark       (MigLive     *self,
                                      GError     **error);
/* The mark of an operation of the same store that is over. */
gboolean    mig_live_mark_is_stale   (MigCluster  *cluster,
                                      const char  *mark,
                                      const char  *own);

/* Checks: they only look. */
gboolean    mig_live_claim_guest       (MigLive  *self,
                                        GError  **error);
gboolean    mig_live_find_source       (MigLive  *self,
                                        GError  **error);
gboolean    mig_live_check_destination (MigLive  *self,
                                        MigHost  *destination,
                                        GError  **error);
gboolean    mig_live_check_disks       (MigLive  *self,
                                        MigHost  *destination,
                                        GError  **error);

/* A disk that is copied; the path is the same on both hosts. */
typedef struct
{
  char          *target;
  MigDiskSource *source;
  gint64         length;
} MigLiveDisk;

GPtrArray  *mig_live_list_disks     (MigLive  *self); /* owned, of owned MigLiveDisk */
gboolean    mig_live_create_volumes (MigLive  *self,
                                     GError  **error);
gboolean    mig_live_remove_created (MigLive  *self,
                                     GError  **error);
MigProbe    mig_live_probe_volumes  (MigLive  *self,
                                     GError  **error);
gboolean    mig_live_remove_superseded (MigLive  *self,
                                        GError  **error);

/* What both hosts show, and what it means. */
typedef struct
{
  MigDomainInfo           *source;      /* owned; NULL: absent or unreachable */
  MigDomainInfo           *destination;
  GError                  *trouble;     /* why a host did not answer */
  MigLiveView              view;
  const MigLiveVerdictRow *row;
} MigLiveLook;

/* @owner: the call that moves the guest has not returned to who watches it. Who undoes or probes does not watch one any
 * more: a call that was given up is seen by the job that it makes, and else what it may still do is the settle time's
 * affair. */
void        mig_live_look        (MigLive     *self,
                                  gboolean     owner,
                                  MigLiveLook *look);
void        mig_live_look_clear  (MigLiveLook *self);
/* "running on “a”, absent from “b”: ..." for messages. */
char       *mig_live_look_describe (MigLive     *self,
                                    MigLiveLook *look);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MigLiveLook, mig_live_look_clear)

/* How long one verdict has been seen without a break. All zero: none yet. */
typedef struct
{
  gboolean       any;
  MigLiveVerdict verdict;
  gint64         since;
} MigLivePatience;

double      mig_live_patience    (MigLivePatience *self,
                                  MigLiveVerdict   verdict); /* seconds */
/* OUTCOME_UNKNOWN with what was seen. */
void        mig_live_set_unknown (MigLive         *self,
                                  MigLiveLook     *look,
                                  GError         **error);

/* The transfer: starts it unless it runs, watches it, judges. */
gboolean    mig_live_transfer    (MigLive  *self,
                                  GError  **error);
MigProbe    mig_live_probe       (MigLive  *self,
                                  GError  **error);
/* Brings the guest back to what it was at the source, and proves the destination absent. */
gboolean    mig_live_restore     (MigLive  *self,
                                  GError  **error);

/* After the decision. */
gboolean    mig_live_settle_in   (MigLive  *self,
                                  GError  **error);

G_END_DECLS
