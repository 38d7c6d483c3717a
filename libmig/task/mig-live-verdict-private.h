/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-domain-info.h>

G_BEGIN_DECLS

/* How a live migration stands, told from what both hosts show, and from nothing else: one const table, total over its
 * inputs. It is printed into doc/recovery.md, where each row has its reason. */

typedef enum {
  MIG_LIVE_SOURCE_ABSENT,
  MIG_LIVE_SOURCE_SHUT_OFF_MIGRATED, /* defined, and not running since it migrated away */
  MIG_LIVE_SOURCE_STOPPED,           /* defined, and not running for another reason, or for one that was forgotten */
  MIG_LIVE_SOURCE_RUNNING,
  MIG_LIVE_SOURCE_PAUSED_MIGRATION,
  MIG_LIVE_SOURCE_PAUSED, /* not by a migration */
  MIG_LIVE_SOURCE_POST_COPY,
  MIG_LIVE_SOURCE_POST_COPY_FAILED,
  MIG_LIVE_SOURCE_UNREACHABLE,
} MigLiveSource;

#define MIG_LIVE_N_SOURCES 9

typedef enum {
  MIG_LIVE_DESTINATION_ABSENT,
  MIG_LIVE_DESTINATION_PAUSED_INCOMING,
  MIG_LIVE_DESTINATION_RUNNING,
  MIG_LIVE_DESTINATION_PAUSED, /* not by a migration */
  MIG_LIVE_DESTINATION_POST_COPY,
  MIG_LIVE_DESTINATION_POST_COPY_FAILED,
  MIG_LIVE_DESTINATION_STOPPED, /* defined, not running */
  MIG_LIVE_DESTINATION_UNREACHABLE,
} MigLiveDestination;

#define MIG_LIVE_N_DESTINATIONS 8

typedef enum {
  MIG_LIVE_VERDICT_WAIT,        /* a host does not answer: look again; UNKNOWN when that takes too long */
  MIG_LIVE_VERDICT_RUNNING,     /* it goes on: watch */
  MIG_LIVE_VERDICT_RECOVER,     /* post-copy whose connection broke: take it up again */
  MIG_LIVE_VERDICT_DONE,        /* the guest is at the destination; what is left at the source is remains */
  MIG_LIVE_VERDICT_NOT_STARTED, /* the guest is at the source as before, and nothing is at the destination */
  MIG_LIVE_VERDICT_ENDED,       /* the guest is off at the source, by itself, and nothing is at the destination */
  MIG_LIVE_VERDICT_RESUME,      /* let the guest run at the source again */
  MIG_LIVE_VERDICT_DROP,        /* end what is at the destination, prove it absent */
  MIG_LIVE_VERDICT_DROP_RESUME, /* both, in this order */
  MIG_LIVE_VERDICT_UNKNOWN,     /* nothing proves where the guest is whole: touch nothing */
} MigLiveVerdict;

#define MIG_LIVE_N_VERDICTS 10

typedef struct
{
  MigLiveSource      source;
  MigLiveDestination destination;
  gboolean           job;           /* the source reports an outgoing migration */
  gboolean           owner;         /* the call that runs the migration may still act: it has not returned */
  gboolean           paused_before; /* the guest was paused when the operation began */
} MigLiveView;

/* -1 in the last three: the row holds for both. */
typedef struct
{
  guint          sources;      /* bits 1 << MigLiveSource */
  guint          destinations; /* bits 1 << MigLiveDestination */
  int            job;
  int            owner;
  int            paused_before;
  MigLiveVerdict verdict;
  const char    *reason; /* for people: a clause that says what is seen */
} MigLiveVerdictRow;

/* The first row that holds for a view decides; never NULL. */
const MigLiveVerdictRow *mig_live_verdict_find       (const MigLiveView *view);
const MigLiveVerdictRow *mig_live_verdict_get_rows   (gsize             *n_rows);

/* @info NULL: the domain was proved absent. */
MigLiveSource            mig_live_source_of          (MigDomainInfo     *info);
MigLiveDestination       mig_live_destination_of     (MigDomainInfo     *info);

const char              *mig_live_source_name        (MigLiveSource      source);
const char              *mig_live_destination_name   (MigLiveDestination destination);
const char              *mig_live_verdict_name       (MigLiveVerdict     verdict);

G_END_DECLS
