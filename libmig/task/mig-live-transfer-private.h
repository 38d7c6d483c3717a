/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/core/mig-call-private.h"
#include "libmig/task/mig-live-events-private.h"
#include "libmig/task/mig-live-private.h"

G_BEGIN_DECLS

/* One run of the step that moves the guest: mig-live-transfer.c starts and watches, mig-live-judge.c says how it
 * stands, mig-live-control.c shows its progress and hears what the user asks for meanwhile, mig-live-abort.c and
 * mig-live-force.c do it. */

typedef enum {
  MIG_LIVE_TURN_ON,     /* wait for news */
  MIG_LIVE_TURN_DONE,   /* the guest is at the destination */
  MIG_LIVE_TURN_FAILED, /* it is not, and won't be; or nobody knows, with the error set */
} MigLiveTurn;

/* In this order: what is doubtful at one host is doubtful. */
typedef enum {
  MIG_LIVE_EARLY,  /* an abort leaves the guest where it is */
  MIG_LIVE_UNSURE, /* nobody knows: not now */
  MIG_LIVE_LATE,   /* it may end the guest */
} MigLiveLateness;

typedef struct
{
  MigLive           *live;
  MigCall           *call;    /* owned; NULL when another process made it */
  MigMigrateRequest *request; /* owned; of that call */
  MigLiveEvents     *events; /* owned */
  MigLivePatience    patience;
  MigProgressSample  sample;
  GError            *reason; /* owned; why it is ended from here */
  gint64             begun;    /* when the call was sent */
  gint64             held;     /* since when it has been held back; 0 = it was not */
  gint64             looked;   /* when both hosts were looked at last */
  gint64             sampled;  /* when the statistics were read last */
  double             speed;    /* how fast what remains may shrink, bytes per second; -1 = unknown */
  gint64             refused;  /* since when there has been nothing to abort; 0 = there was */
  gint64             broken;   /* since when post-copy has been broken; 0 = it is not */
  gint64             taken_up; /* when a broken post-copy was taken up again last; 0 = never */
  double             take_up_pause;
  gint64             forced;   /* when it was tried to force its end last */
  double             force_pause;
  gint64             lifted;   /* when the limit of the bandwidth was, so that the end comes; 0 = it was not */
  gint64             late;     /* since when a held call may not be sent, for want of the lease; 0 = it may */
  guint              n_refusals; /* to force it, without a break */
  double             tick;
  gboolean           force_wanted;
  gboolean           force_written; /* the journal has the fact */
  gboolean           job_seen;
  gboolean           job_gone;
  gboolean           source_stopped; /* by the switch-over */
  gboolean           switched;       /* to post-copy */
  gboolean           abandoned;      /* the call */
  gboolean           told_forced;
  gboolean           told_held;
  gboolean           told_late;
  gboolean           told_limit;
  gboolean           told_slow;
  gboolean           told_refused;
  gboolean           told_waiting;
} MigLiveTransfer;

gboolean    mig_live_transfer_is_out  (MigLiveTransfer  *self); /* the call */
/* The driver has not sent anything of it yet. */
gboolean    mig_live_transfer_is_held (MigLiveTransfer  *self);
/* Post-copy whose connection broke: makes the call that takes it up, now and then. */
void        mig_live_transfer_take_up (MigLiveTransfer  *self);

/* Reads the job's statistics and publishes them; notes a switch-over. */
void        mig_live_transfer_observe (MigLiveTransfer  *self);
void        mig_live_transfer_note_stats (MigLiveTransfer *self,
                                          MigJobStats     *stats);
/* It is to be aborted: somebody asked, or its time is over. */
gboolean    mig_live_transfer_is_ending (MigLiveTransfer *self);
/* Abort, deadline, force-complete. */
void        mig_live_transfer_attend  (MigLiveTransfer  *self);
/* By what was seen last. */
MigLiveLateness mig_live_transfer_lateness (MigLiveTransfer *self);
/* Whether abort is allowed. */
void        mig_live_transfer_tell_lateness (MigLiveTransfer *self);
/* What the source's state says of the switch-over. @stop: mig_live_events_get_stop() before it was looked at. */
void        mig_live_transfer_note_source (MigLiveTransfer *self,
                                           MigDomainInfo   *info,
                                           int              stop);
/* Aborts if that is early, by a look at this moment. */
void        mig_live_transfer_try_abort (MigLiveTransfer *self);
/* Does, and does again, what brings the migration to its end, if that is wanted or was begun. */
void        mig_live_transfer_force   (MigLiveTransfer  *self);
/* Looks at both hosts. */
MigLiveTurn mig_live_transfer_judge   (MigLiveTransfer  *self,
                                       GError          **error);

G_END_DECLS
