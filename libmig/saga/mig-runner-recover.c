/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-runner-private.h"

#include "libmig/saga/mig-request-private.h"

/* Where to go on with an operation that its process left unfinished: the journal says what was begun, and the probe of
 * the step that was pending says what came of it. */

typedef struct
{
  GError   *failure;   /* the last that a step gave up with */
  gboolean  undoing;
  gboolean  committed; /* no abort any more */
  gboolean  aborted;
} Past;

static int
find_step (MigRunner  *self,
           const char *id)
{
  for (guint i = 0; i < self->table->n_steps; i++)
    {
      if (g_str_equal (self->table->steps[i].id, id))
        return (int) i;
    }

  return -1;
}

static const struct
{
  const char *kind;
  MigMark     mark;
} marks[] = {
  { MIG_LINE_INTENT, MIG_MARK_INTENT },
  { MIG_LINE_DONE, MIG_MARK_DONE },
  { MIG_LINE_DEBT, MIG_MARK_DONE }, /* nobody does it any more */
  { MIG_LINE_UNDO_INTENT, MIG_MARK_UNDOING },
  { MIG_LINE_UNDO_DONE, MIG_MARK_UNDONE },
  { MIG_LINE_UNDO_FAILED, MIG_MARK_UNDO_FAILED },
};

static void
replay_mark (MigRunner      *self,
             MigJournalLine *line,
             guint           index,
             Past           *past)
{
  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    {
      if (!g_str_equal (line->kind, marks[i].kind))
        continue;

      self->marks[index].mark = marks[i].mark;
      if (marks[i].mark == MIG_MARK_INTENT)
        self->marks[index].epoch = line->epoch;
      past->undoing = marks[i].mark >= MIG_MARK_UNDOING;
      if (marks[i].mark == MIG_MARK_DONE && (self->table->steps[index].flags & MIG_STEP_DECIDES) != 0)
        self->decided = TRUE;
    }
}

static gboolean
replay_line (MigRunner       *self,
             MigJournalLine  *line,
             Past            *past,
             GError         **error)
{
  int index = line->step != NULL ? find_step (self, line->step) : -1;

  if (line->step != NULL && index < 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "the journal of %s: line %u: %s has no step “%s”",
                   mig_operation_get_id (self->operation), line->number, self->table->kind, line->step);
      return FALSE;
    }

  if (index >= 0)
    replay_mark (self, line, (guint) index, past);
  if (g_str_equal (line->kind, MIG_LINE_COMMITTED))
    past->committed = TRUE;
  if (g_str_equal (line->kind, MIG_LINE_ABORTED))
    past->aborted = TRUE;
  if (g_str_equal (line->kind, MIG_LINE_FAILED) && line->error != NULL)
    {
      g_clear_error (&past->failure);
      past->failure = g_error_copy (line->error);
    }
  if (g_str_equal (line->kind, MIG_LINE_DEBT))
    g_ptr_array_insert (self->debts, (int) self->debts->len - 1, g_strdup (line->text));

  return TRUE;
}

static gboolean
check_record (MigRunner  *self,
              GError    **error)
{
  MigOperationRecord *record = mig_journal_get_record (self->journal);

  if (record->revision != self->table->revision || g_strcmp0 (record->kind, self->table->kind) != 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT,
                   "%s was begun with revision %u of the steps of %s; this version has revision %u of %s", record->id,
                   record->revision, record->kind, self->table->revision, self->table->kind);
      return FALSE;
    }
  if (g_strcmp0 (record->owner, mig_engine_get_owner (self->engine)) != 0)
    {
      self->lost = TRUE;
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "another process has taken the operation over");
      return FALSE;
    }

  return TRUE;
}

static gboolean
replay (MigRunner  *self,
        Past       *past,
        GError    **error)
{
  GPtrArray *lines;

  self->journal = mig_journal_open (self->engine, mig_operation_get_id (self->operation), self->facts, error);
  if (self->journal == NULL || !check_record (self, error))
    return FALSE;

  lines = mig_journal_get_lines (self->journal);
  for (guint i = 0; i < lines->len; i++)
    {
      if (!replay_line (self, g_ptr_array_index (lines, i), past, error))
        return FALSE;
    }
  mig_operation_state_publish_debts (self->state, (const char * const *) self->debts->pdata);

  return TRUE;
}

/* What was asked of the process that is gone. */
static void
hear_requests (MigRunner *self,
               Past      *past)
{
  g_autoptr (GPtrArray) requests = mig_request_list (self->engine, mig_operation_get_id (self->operation), NULL);

  if (self->decided)
    mig_operation_state_seal (self->state, "the point of no return has been passed, it only goes forward");
  else if (past->committed)
    mig_operation_state_forbid_abort (self->state, "it has begun to change hands");

  for (guint i = 0; requests != NULL && i < requests->len; i++)
    {
      MigRecord *record = g_ptr_array_index (requests, i);

      if (g_str_equal (mig_request_name (record), MIG_REQUEST_ABORT))
        past->aborted = TRUE;
      else
        mig_operation_state_add_request (self->state, mig_request_name (record), mig_record_get_revision (record));
    }
  if (past->aborted)
    {
      mig_operation_state_note_abort (self->state);
      mig_operation_state_want_abort (self->state);
    }
}

static void
blame_the_past (MigRunner *self,
                Past      *past)
{
  g_autoptr (GError) ended = NULL;

  if (past->failure != NULL)
    {
      mig_runner_set_cause (self, past->failure);
      return;
    }

  ended = g_error_new_literal (MIG_ERROR, MIG_ERROR_FAILED, "the process that ran it ended");
  mig_runner_set_cause (self, ended);
}

static MigCourse
judge_pending (MigRunner *self,
               guint      index)
{
  const MigStep *step = &self->table->steps[index];
  gboolean decides = (step->flags & MIG_STEP_DECIDES) != 0;
  g_autoptr (GError) unknown = NULL;

  if (step->probe == NULL)
    return MIG_COURSE_UNDO;

  switch (mig_runner_probe (self, index, (step->flags & MIG_STEP_SETTLES) != 0, TRUE, &unknown))
    {
    case MIG_PROBE_RUNNING:
    case MIG_PROBE_DONE:
      /* The step takes over what it finds; only a deciding one is told of an abort, for it may be too late. */
      return decides || !mig_operation_state_is_cancelled (self->state) ? MIG_COURSE_FORWARD : MIG_COURSE_UNDO;
    case MIG_PROBE_NOT_STARTED:
      self->marks[index].mark = MIG_MARK_NONE;
      return MIG_COURSE_UNDO;
    case MIG_PROBE_FAILED:
    case MIG_PROBE_ABANDONED:
      if (unknown != NULL) /* why it failed */
        mig_runner_set_cause (self, unknown);
      return MIG_COURSE_UNDO;
    case MIG_PROBE_UNKNOWN:
    default:
      /* A host that does not answer is no reason to end what may go on there: recovery asks again another time. */
      if ((decides || (step->flags & MIG_STEP_LONG) != 0) && mig_runner_is_unanswered (unknown))
        return MIG_COURSE_LEAVE;
      if (decides)
        mig_runner_set_cause (self, unknown);
      return decides ? MIG_COURSE_STOP : MIG_COURSE_UNDO;
    }
}

static MigCourse
choose_course (MigRunner *self,
               Past      *past)
{
  MigCourse course = MIG_COURSE_UNDO;
  guint n_begun = 0;

  for (guint i = 0; i < self->table->n_steps; i++)
    {
      if (self->marks[i].mark != MIG_MARK_NONE)
        n_begun = i + 1;
    }

  if (self->decided)
    {
      self->next = 0; /* what is done is passed over */
      while ((self->table->steps[self->next].flags & MIG_STEP_DECIDES) == 0)
        self->next++;
      return MIG_COURSE_FORWARD;
    }

  if (!past->undoing && n_begun > 0 && self->marks[n_begun - 1].mark == MIG_MARK_INTENT)
    {
      self->next = n_begun - 1;
      course = judge_pending (self, self->next);
      if (mig_operation_state_is_detached (self->state))
        return MIG_COURSE_LEAVE;
    }
  if (course != MIG_COURSE_FORWARD)
    blame_the_past (self, past);

  return course;
}

gboolean
mig_runner_resume (MigRunner  *self,
                   MigCourse  *course,
                   GError    **error)
{
  Past past = { 0 };
  gboolean ok;

  self->recovering = TRUE;
  ok = replay (self, &past, error);
  if (ok)
    {
      hear_requests (self, &past);
      *course = choose_course (self, &past);
    }
  g_clear_error (&past.failure);

  return ok;
}
