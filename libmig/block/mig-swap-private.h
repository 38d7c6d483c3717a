/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-cluster.h>

#include "libmig/block/mig-block-sight-private.h"
#include "libmig/block/mig-block-verdict-private.h"
#include "libmig/block/mig-block-watch-private.h"
#include "libmig/block/mig-volume-swap-private.h"
#include "libmig/model/mig-swap-options-private.h"
#include "libmig/saga/mig-step-private.h"

G_BEGIN_DECLS

/* What the steps of a swap share. mig-swap-steps.c has the table; the other files have what is too long for a step
 * function. */

/* Facts, beside those that every operation has. On disk: never renamed. */
#define MIG_SWAP_FACT_UUID                  "uuid"
#define MIG_SWAP_FACT_NAME                  "name"
#define MIG_SWAP_FACT_LENGTH                "length"     /* of the disk, in bytes */
#define MIG_SWAP_FACT_FORMAT                "format"     /* of the destination */
#define MIG_SWAP_FACT_OLD                   "old"        /* the disk's source before: mig_swap_save_source() */
#define MIG_SWAP_FACT_OLD_CHAIN             "old-chain"  /* the places below it */
#define MIG_SWAP_FACT_RUN                   "run"        /* the guest's number on its host; missing: unknown */
#define MIG_SWAP_FACT_SERIAL                "serial"
#define MIG_SWAP_FACT_PERSISTENT_SERIAL     "persistent-serial"
#define MIG_SWAP_FACT_CREATE                "create"     /* nothing was at the destination: what will be is ours */
#define MIG_SWAP_FACT_MADE                  "made"       /* it was made by us, or nothing was in it when we took it */
#define MIG_SWAP_FACT_GROW                  "grow"       /* the disk has to grow to this before the copy */
#define MIG_SWAP_FACT_BEGUN                 "begun"      /* when the copy began, by g_get_real_time() */
#define MIG_SWAP_FACT_PAUSED                "paused"     /* the guest ran, and may have been paused by us */
#define MIG_SWAP_FACT_PAUSE_ANSWERED        "pause-answered" /* it stands still: no call is on its way */
#define MIG_SWAP_FACT_SWITCHING             "switching"  /* a call to switch the guest may have, or get, its effect */
#define MIG_SWAP_FACT_DOUBTFUL              "doubtful"   /* the guest ended, perhaps on the new volume */
#define MIG_SWAP_FACT_DEFINITION            "definition" /* live, as it was */
#define MIG_SWAP_FACT_PERSISTENT_DEFINITION "persistent-definition"

extern const MigStepTable mig_swap_table;

/* What the caller asked for; it does not change once the operation is made. */
typedef struct
{
  MigHost        *host;
  char           *domain;
  char           *target;
  MigDiskSource  *destination; /* as it was given: its format may be missing */
  MigSwapOptions *options;
} MigSwapRequest;

const MigSwapRequest *mig_volume_swap_get_request (MigVolumeSwap *self);

/* One call of a step function, with what it needs at hand. */
typedef struct
{
  MigOperation         *operation;
  MigStepRun           *run;
  const MigSwapRequest *request;
  MigFacts             *facts;
  MigCluster           *cluster;
  MigVolumeBackend     *backend;     /* or NULL */
  GCancellable         *cancellable; /* or NULL */
  MigBlockRef          *ref;         /* owned; with the guest's UUID, once that is known */
  MigDiskSource        *old;         /* owned; NULL before the disk was looked at */
  MigDiskSource        *destination; /* owned; with its format, once that is known */
  gboolean              ended;       /* the mirror had gone when it was to be compared */
} MigSwap;

gboolean   mig_swap_open              (MigSwap        *self,
                                       MigOperation   *operation,
                                       MigStepRun     *run,
                                       GError        **error);
void       mig_swap_clear             (MigSwap        *self);
/* "disk vda of g1" */
char      *mig_swap_describe          (MigSwap        *self);
char      *mig_swap_describe_destination (MigSwap   *self);
gint64     mig_swap_get_length        (MigSwap        *self);
/* A disk's source as facts: "old", "old-kind", "old-path" and so on. The text is for people; names of exports do not
 * survive it. NULL when it was not saved. */
void           mig_swap_save_source   (MigFacts       *facts,
                                       const char     *name,
                                       MigDiskSource  *source);
MigDiskSource *mig_swap_load_source   (MigFacts       *facts,
                                       const char     *name);
/* For news, at most so long. Unlike mig_step_run_wait() it is not cut short for ever by an abort. */
void       mig_swap_wait              (MigSwap        *self,
                                       guint64         ticket,
                                       double          seconds);
/* FALSE: the process leaves; what was begun goes on, and another process carries it to its end. */
gboolean   mig_swap_set_detached      (GError        **error);
/* After such an error a call may have taken effect, or may still. */
gboolean   mig_swap_is_ambiguous      (const GError   *error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MigSwap, mig_swap_clear)

/* Checks: they only look, and note what they found. */
gboolean   mig_swap_check_disk        (MigSwap        *self,
                                       GError        **error);
gboolean   mig_swap_check_destination (MigSwap        *self,
                                       GError        **error);
/* CONFLICT unless no domain of the cluster uses what is at @source, which is @volume. Other paths to it count too, as
 * far as the back end knows them. A host that cannot be asked is an error. */
gboolean   mig_swap_prove_unused      (MigSwap        *self,
                                       MigDiskSource  *source,
                                       MigVolume      *volume,
                                       GError        **error);
/* The same for what we made ourselves, where nothing was before: other hosts are asked if they answer. */
gboolean   mig_swap_check_still_unused (MigSwap       *self,
                                       MigDiskSource  *source,
                                       GError        **error);
/* NOT_SUPPORTED when a disk that may be shared has another writer. */
gboolean   mig_swap_check_one_writer  (MigSwap        *self,
                                       MigDisk        *disk,
                                       GError        **error);

/* The destination: made, or the disk grown to its length. */
gboolean   mig_swap_prepare           (MigSwap        *self,
                                       GError        **error);
gboolean   mig_swap_undo_prepare      (MigSwap        *self,
                                       GError        **error);
MigProbe   mig_swap_probe_prepare     (MigSwap        *self,
                                       GError        **error);

/* The destination made usable on the guest's host, and the old volume not any more: for back ends that have something
 * to do for that. */
gboolean   mig_swap_attach            (MigSwap        *self,
                                       GError        **error);
gboolean   mig_swap_undo_attach       (MigSwap        *self,
                                       GError        **error);
gboolean   mig_swap_detach_old        (MigSwap        *self,
                                       GError        **error);

/* The mirror, until it is ready, and its end without a switch. */
gboolean   mig_swap_mirror            (MigSwap        *self,
                                       GError        **error);
gboolean   mig_swap_end_mirror        (MigSwap        *self,
                                       GError        **error);
MigProbe   mig_swap_probe_mirror      (MigSwap        *self,
                                       GError        **error);
/* What is told of the mirror between its step and the next must not be lost: the watch is handed on. */
void       mig_swap_keep_watch        (MigSwap        *self,
                                       MigBlockWatch  *watch);
MigBlockWatch *mig_swap_take_watch    (MigSwap        *self);
/* The disk has a block job to another destination than ours: it is somebody else's. */
gboolean   mig_swap_is_foreign        (MigSwap        *self,
                                       const MigBlockSight *sight);
/* What has become of our mirror: a MigBlockOutcome, or MIG_BLOCK_STILL_RUNNING. */
int        mig_swap_judge             (MigSwap        *self,
                                       const MigBlockSight *sight,
                                       MigBlockWord    word);
/* The run of the guest that is seen is the one that the swap is about. */
void       mig_swap_note_run          (MigSwap        *self,
                                       const MigBlockSight *sight);
/* The guest that is seen at @ref may have been started anew since: nothing proves that it is the same run. FALSE if an
 * earlier attempt to end this swap has told of a doubt: it is not held up for ever. */
gboolean   mig_swap_is_another_run    (MigSwap        *self,
                                       const MigBlockSight *sight,
                                       const MigBlockRef *ref);
/* OUTCOME_UNKNOWN: the guest has ended, and was perhaps on the new volume by then, which is kept from now on. */
void       mig_swap_doubt             (MigSwap        *self,
                                       const MigBlockSight *sight,
                                       GError        **error);
/* Sets the error that the outcome is, with its cause. */
void       mig_swap_explain           (MigSwap        *self,
                                       MigBlockOutcome outcome,
                                       GError        **error);

/* The proof that the copy is equal, if it was asked for. The guest is paused for it, and resumed in any case. */
gboolean   mig_swap_check_comparable  (MigSwap        *self,
                                       MigVolume      *volume, /* at the destination; NULL: it will be made */
                                       GError        **error);
/* TRUE too, with @ended set, when there is no mirror any more: where the guest is now is for others to say. */
gboolean   mig_swap_compare           (MigSwap        *self,
                                       GError        **error);
/* Does nothing unless the guest is, or may be, paused by us. */
gboolean   mig_swap_resume            (MigSwap        *self,
                                       GError        **error);

/* One at a time for each guest: whatever pauses it, or changes its persistent definition. FALSE when the process leaves
 * or the operation is aborted first. */
gboolean   mig_swap_take_turn         (MigSwap        *self,
                                       GError        **error);
void       mig_swap_leave_turn        (MigSwap        *self);

/* The switch, after the proof. */
gboolean   mig_swap_pivot             (MigSwap        *self,
                                       GError        **error);
MigProbe   mig_swap_probe_pivot       (MigSwap        *self,
                                       GError        **error);

/* Where the guest is: it may have moved since, and then it took its disk along. @found, if not NULL: that host, owned.
 * That it is nowhere is believed only when all hosts say so. */
gboolean   mig_swap_look_everywhere   (MigSwap        *self,
                                       MigBlockSight  *sight,
                                       MigBlockRef   **found,
                                       GError        **error);

/* After the decision. */
gboolean   mig_swap_verify            (MigSwap        *self,
                                       GError        **error);
gboolean   mig_swap_resize            (MigSwap        *self,
                                       GError        **error);

G_END_DECLS
