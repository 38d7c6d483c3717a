/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-verdict-private.h"

#define ANY (-1)

typedef struct {
  int      job; /* MigBlockJobKind or ANY */
  int      mirror;
  gboolean complete;
} CompleteRow;

/* The first row that fits decides. The cursor has no column: it decides nothing. */
static const CompleteRow complete_rows[] = {
  /* No job: nothing to wait for. How it ended is another question, which mig_block_judge() answers. */
  { MIG_BLOCK_JOB_KIND_NONE,          ANY,                    TRUE  },
  { MIG_BLOCK_JOB_KIND_COPY,          MIG_BLOCK_MIRROR_READY, TRUE  },
  { MIG_BLOCK_JOB_KIND_ACTIVE_COMMIT, MIG_BLOCK_MIRROR_READY, TRUE  },
  /* A pull, a commit of lower layers and whatever comes later end by themselves. */
  { ANY,                              ANY,                    FALSE },
};

typedef struct {
  int place;  /* MigBlockPlace or ANY, and so on */
  int there;  /* whether the job that was started is still there */
  int pivots; /* whether what was started ends by a pivot */
  int source;
  int word;
  int asked;
  int layers;
  int outcome;
} OutcomeRow;

#define UNKNOWN MIG_BLOCK_OUTCOME_UNKNOWN
#define COMPLETED MIG_BLOCK_OUTCOME_COMPLETED
#define ABORTED MIG_BLOCK_OUTCOME_ABORTED
#define ELSEWHERE MIG_BLOCK_OUTCOME_ABORTED_ELSEWHERE
#define FAILED MIG_BLOCK_OUTCOME_FAILED
#define STOPPED MIG_BLOCK_OUTCOME_GUEST_STOPPED
#define GONE MIG_BLOCK_OUTCOME_DOMAIN_GONE
#define RUNNING MIG_BLOCK_STILL_RUNNING
#define DROP MIG_BLOCK_LAYERS_GONE

/* The first row that fits decides. What the disk's source is outweighs every event, and events tell apart what looks
 * alike: an abort, somebody else's abort and a failure all leave the disk as it was. */
static const OutcomeRow outcome_rows[] = {
  /* place                   there   pivots source                  word                      asked  layers outcome */
  { MIG_BLOCK_PLACE_UNKNOWN, ANY,    ANY,   ANY,                    ANY,                      ANY,   ANY,   UNKNOWN   },

  /* A pivot may have been the last thing before the guest ended. */
  { MIG_BLOCK_PLACE_STOPPED, ANY,    TRUE,  MIG_BLOCK_SOURCE_NEW,   ANY,                      ANY,   ANY,   COMPLETED },
  { MIG_BLOCK_PLACE_GONE,    ANY,    ANY,   ANY,                    ANY,                      ANY,   ANY,   GONE      },
  { MIG_BLOCK_PLACE_STOPPED, ANY,    ANY,   ANY,                    ANY,                      ANY,   ANY,   STOPPED   },

  /* Another kind of job than the one that was started is somebody else's, and ours has ended. */
  { MIG_BLOCK_PLACE_ACTIVE,  TRUE,   ANY,   ANY,                    ANY,                      ANY,   ANY,   RUNNING   },

  { MIG_BLOCK_PLACE_ACTIVE,  FALSE,  TRUE,  MIG_BLOCK_SOURCE_NEW,   ANY,                      ANY,   ANY,   COMPLETED },
  { MIG_BLOCK_PLACE_ACTIVE,  FALSE,  TRUE,  MIG_BLOCK_SOURCE_OTHER, ANY,                      ANY,   ANY,   UNKNOWN   },
  { MIG_BLOCK_PLACE_ACTIVE,  FALSE,  ANY,   ANY,                    MIG_BLOCK_WORD_FAILED,    ANY,   ANY,   FAILED    },
  { MIG_BLOCK_PLACE_ACTIVE,  FALSE,  ANY,   ANY,                    MIG_BLOCK_WORD_CANCELLED, TRUE,  ANY,   ABORTED   },
  { MIG_BLOCK_PLACE_ACTIVE,  FALSE,  ANY,   ANY,                    MIG_BLOCK_WORD_CANCELLED, FALSE, ANY,   ELSEWHERE },
  { MIG_BLOCK_PLACE_ACTIVE,  FALSE,  TRUE,  MIG_BLOCK_SOURCE_NONE,  MIG_BLOCK_WORD_COMPLETED, ANY,   ANY,   COMPLETED },
  { MIG_BLOCK_PLACE_ACTIVE,  FALSE,  FALSE, ANY,                    MIG_BLOCK_WORD_COMPLETED, ANY,   ANY,   COMPLETED },
  { MIG_BLOCK_PLACE_ACTIVE,  FALSE,  FALSE, ANY,                    MIG_BLOCK_WORD_NONE,      ANY,   DROP,  COMPLETED },
  { MIG_BLOCK_PLACE_ACTIVE,  FALSE,  ANY,   ANY,                    MIG_BLOCK_WORD_NONE,      TRUE,  ANY,   ABORTED   },
  /* "Completed", and the disk is where it was: contradictory. Or no event at all. */
  { MIG_BLOCK_PLACE_ACTIVE,  FALSE,  ANY,   ANY,                    ANY,                      ANY,   ANY,   UNKNOWN   },
};

gboolean
mig_block_job_pivots (MigBlockJobKind job)
{
  return job == MIG_BLOCK_JOB_KIND_COPY || job == MIG_BLOCK_JOB_KIND_ACTIVE_COMMIT;
}

static gboolean
fits (int row,
      int seen)
{
  return row == ANY || row == seen;
}

gboolean
mig_block_job_is_complete (MigBlockJobKind job,
                           MigBlockCursor  cursor G_GNUC_UNUSED,
                           MigBlockMirror  mirror)
{
  for (gsize i = 0; i < G_N_ELEMENTS (complete_rows); i++)
    if (fits (complete_rows[i].job, (int) job) && fits (complete_rows[i].mirror, (int) mirror))
      return complete_rows[i].complete;

  return FALSE;
}

static gboolean
is_there (const MigBlockEvidence *evidence)
{
  return evidence->job != MIG_BLOCK_JOB_KIND_NONE &&
         (evidence->started == MIG_BLOCK_JOB_KIND_NONE || evidence->job == evidence->started);
}

int
mig_block_judge (const MigBlockEvidence *evidence)
{
  int there = is_there (evidence);
  int pivots = mig_block_job_pivots (evidence->started);

  for (gsize i = 0; i < G_N_ELEMENTS (outcome_rows); i++)
    {
      const OutcomeRow *row = &outcome_rows[i];

      if (fits (row->place, (int) evidence->place) && fits (row->there, there) && fits (row->pivots, pivots) &&
          fits (row->source, (int) evidence->source) && fits (row->word, (int) evidence->word) &&
          fits (row->asked, evidence->asked != FALSE) && fits (row->layers, (int) evidence->layers))
        return row->outcome;
    }

  return MIG_BLOCK_OUTCOME_UNKNOWN;
}
