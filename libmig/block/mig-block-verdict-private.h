/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-enums.h>

G_BEGIN_DECLS

/* What follows from what was seen of a disk's job: pure functions over const tables, so that each cell is tested. */

/* Where the job's position stands against its end. It takes no part in any verdict: a job was seen ready one byte
 * before its end, and at its end while it was not ready. It is an input only so that the table says so. */
typedef enum {
  MIG_BLOCK_CURSOR_NONE,   /* 0 of 0: the job has not counted yet */
  MIG_BLOCK_CURSOR_BEFORE,
  MIG_BLOCK_CURSOR_AT_END,
} MigBlockCursor;

/* What the definition of the running guest says of the disk. */
typedef enum {
  MIG_BLOCK_MIRROR_ABSENT,
  MIG_BLOCK_MIRROR_COPYING,
  MIG_BLOCK_MIRROR_READY,
} MigBlockMirror;

typedef enum {
  MIG_BLOCK_PLACE_UNKNOWN, /* the host did not answer */
  MIG_BLOCK_PLACE_ACTIVE,
  MIG_BLOCK_PLACE_STOPPED, /* defined, not running */
  MIG_BLOCK_PLACE_GONE,
} MigBlockPlace;

/* Which of the two places the disk's data is in: by the live definition while the guest is active, else by the
 * persistent one. */
typedef enum {
  MIG_BLOCK_SOURCE_NONE, /* nothing tells */
  MIG_BLOCK_SOURCE_OLD,
  MIG_BLOCK_SOURCE_NEW,
  MIG_BLOCK_SOURCE_OTHER,
} MigBlockSource;

/* The last event of the job, if one was seen. */
typedef enum {
  MIG_BLOCK_WORD_NONE,
  MIG_BLOCK_WORD_COMPLETED,
  MIG_BLOCK_WORD_CANCELLED,
  MIG_BLOCK_WORD_FAILED,
} MigBlockWord;

/* The files below a disk, which a pull, or a commit of lower ones, takes out of its chain in the end, and in no other
 * case. */
typedef enum {
  MIG_BLOCK_LAYERS_UNKNOWN,
  MIG_BLOCK_LAYERS_THERE, /* as many as there were */
  MIG_BLOCK_LAYERS_GONE,  /* fewer, or there were none */
} MigBlockLayers;

typedef struct {
  MigBlockPlace    place;
  MigBlockJobKind  job;     /* what the disk's job is now */
  MigBlockJobKind  started; /* what it was when it was last seen */
  MigBlockSource   source;  /* of a copy or an active commit; else of no interest */
  MigBlockWord     word;
  gboolean         asked;   /* this process asked for its end, without a pivot */
  MigBlockLayers   layers;  /* of a pull or a commit that ends by itself; else of no interest */
} MigBlockEvidence;

#define MIG_BLOCK_STILL_RUNNING (-1)

/* TRUE when there is nothing left to wait for: the job may pivot, or there is none. */
gboolean mig_block_job_is_complete (MigBlockJobKind          job,
                                    MigBlockCursor           cursor,
                                    MigBlockMirror           mirror);
/* A MigBlockOutcome, or MIG_BLOCK_STILL_RUNNING. */
int      mig_block_judge           (const MigBlockEvidence  *evidence);

/* TRUE for the jobs that stay at their end until they pivot or are aborted. */
gboolean mig_block_job_pivots      (MigBlockJobKind          job);

G_END_DECLS
