/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-runner-private.h"

#include "libmig/core/mig-log-private.h"

/* Backwards: the last step first. */

#define MAX_TRIES 4
#define MAX_PAUSE 5.0 /* between two of them, seconds */

static gboolean
is_undoable (MigRunner *self,
             guint      index)
{
  const MigStep *step = &self->table->steps[index];
  MigMark mark = self->marks[index].mark;

  return step->undo != NULL && (step->flags & (MIG_STEP_PURE | MIG_STEP_FORWARD)) == 0 && mark != MIG_MARK_NONE &&
         mark != MIG_MARK_UNDONE;
}

/* A host that does not answer is waited for. So is whatever keeps the deciding step from being undone: a guest may
 * stand still until that is gone. */
static gboolean
is_worth_waiting (MigRunner    *self,
                  guint         index,
                  const GError *error)
{
  if ((self->table->steps[index].flags & MIG_STEP_DECIDES) != 0 && g_error_matches (error, MIG_ERROR, MIG_ERROR_FAILED))
    return TRUE;

  return mig_runner_is_unanswered (error) || g_error_matches (error, MIG_ERROR, MIG_ERROR_BUSY);
}

static gboolean
call_undo (MigRunner  *self,
           guint       index,
           GError    **error)
{
  gint64 limit = (gint64) (mig_engine_get_wait_limit (self->engine) * G_USEC_PER_SEC);
  gint64 until = g_get_monotonic_time () + limit;
  double pause = mig_engine_get_retry_pause (self->engine);

  for (guint n_tries = 1;; n_tries++)
    {
      gint64 began = g_get_monotonic_time ();
      g_autoptr (GError) local = NULL;
      gboolean again;

      if (!mig_runner_holds (self))
        {
          g_set_error_literal (error, MIG_ERROR, MIG_ERROR_BUSY, "it is not known whose the operation is");
          return FALSE;
        }
      if (mig_runner_call (self, index, TRUE, &local) && !self->lost)
        return TRUE;

      /* One that has waited for so long by itself is not tried again. */
      again = local != NULL && mig_runner_may_pass (local) && g_get_monotonic_time () - began < limit &&
              (n_tries < MAX_TRIES || (is_worth_waiting (self, index, local) && g_get_monotonic_time () < until));
      if (self->lost || !again || !mig_runner_pause (self, pause))
        {
          if (local != NULL)
            g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      pause = MIN (pause * 2, MAX_PAUSE);
    }
}

static void
note_undo_failed (MigRunner    *self,
                  guint         index,
                  const GError *error)
{
  MigJournalLine *line = mig_journal_add (self->journal, MIG_LINE_UNDO_FAILED, self->table->steps[index].id);

  line->error = g_error_copy (error);
  self->marks[index].mark = MIG_MARK_UNDO_FAILED;
  if (self->undone_not == NULL)
    self->undone_not = g_string_new (NULL);
  else
    g_string_append (self->undone_not, "; ");
  g_string_append (self->undone_not, error->message);
}

/* What came before the deciding step may be in use by what it began: it is undone only when it is proved that nothing
 * is left of that. */
static MigCourse
judge_decider (MigRunner    *self,
               guint         index,
               const GError *failure)
{
  const MigStep *step = &self->table->steps[index];
  g_autoptr (GError) unknown = NULL;
  MigProbe probe = MIG_PROBE_UNKNOWN;

  if (step->probe != NULL)
    probe = mig_runner_probe (self, index, (step->flags & MIG_STEP_SETTLES) != 0, TRUE, &unknown);
  if (mig_operation_state_is_detached (self->state))
    return MIG_COURSE_LEAVE;

  switch (probe)
    {
    case MIG_PROBE_DONE:
      /* It was too late: what was to be undone is complete. The step itself takes over what it finds. */
      self->marks[index].mark = MIG_MARK_INTENT;
      self->next = index;
      return MIG_COURSE_FORWARD;
    case MIG_PROBE_NOT_STARTED:
    case MIG_PROBE_FAILED:
      mig_journal_add (self->journal, MIG_LINE_UNDO_DONE, step->id);
      self->marks[index].mark = MIG_MARK_UNDONE;
      return MIG_COURSE_UNDO;
    case MIG_PROBE_ABANDONED:
      note_undo_failed (self, index, failure);
      return MIG_COURSE_END;
    case MIG_PROBE_RUNNING:
    case MIG_PROBE_UNKNOWN:
    default:
      note_undo_failed (self, index, failure);
      return MIG_COURSE_STOP;
    }
}

static MigCourse
undo_step (MigRunner *self,
           guint      index)
{
  const MigStep *step = &self->table->steps[index];
  g_autoptr (GError) error = NULL;

  if (mig_operation_state_is_detached (self->state))
    return MIG_COURSE_LEAVE;

  if (self->marks[index].mark != MIG_MARK_UNDOING)
    {
      MigJournalLine *line = mig_journal_add (self->journal, MIG_LINE_UNDO_INTENT, step->id);

      if (!mig_runner_insist (self, NULL, &error))
        {
          mig_journal_take_back (self->journal, line);
          if (mig_runner_has_to_leave (self))
            return MIG_COURSE_LEAVE;
          note_undo_failed (self, index, error);
          return MIG_COURSE_END;
        }
      self->marks[index].mark = MIG_MARK_UNDOING;
    }

  if (call_undo (self, index, &error))
    {
      mig_journal_add (self->journal, MIG_LINE_UNDO_DONE, step->id);
      self->marks[index].mark = MIG_MARK_UNDONE;
      return MIG_COURSE_UNDO;
    }
  if (mig_runner_has_to_leave (self))
    return MIG_COURSE_LEAVE;
  if ((step->flags & MIG_STEP_DECIDES) != 0)
    return judge_decider (self, index, error);

  note_undo_failed (self, index, error);

  return MIG_COURSE_UNDO;
}

static gboolean
has_undoable (MigRunner *self)
{
  for (guint i = 0; i < self->table->n_steps; i++)
    {
      if (is_undoable (self, i))
        return TRUE;
    }

  return FALSE;
}

MigCourse
mig_runner_undo (MigRunner *self)
{
  const MigEvent rolled_back = { .kind = MIG_EVENT_ROLLED_BACK };
  const MigLogFields fields = { .message_id = MIG_LOG_ID_ROLLED_BACK,
                                .operation = mig_operation_get_id (self->operation) };

  if (mig_operation_state_is_cancelled (self->state) && !self->recovering)
    mig_journal_add (self->journal, MIG_LINE_ABORTED, NULL);
  mig_operation_state_seal (self->state, "it is being undone already");
  if (has_undoable (self)) /* a phase with nothing to do is left out */
    mig_operation_state_publish_phase (self->state, MIG_PHASE_ROLLBACK);

  for (guint i = self->table->n_steps; i > 0; i--)
    {
      MigCourse course = is_undoable (self, i - 1) ? undo_step (self, i - 1) : MIG_COURSE_UNDO;

      if (course != MIG_COURSE_UNDO)
        return course;
    }

  if (self->undone_not == NULL)
    {
      mig_log_info (&fields, "rolled back");
      mig_operation_state_publish_event (self->state, &rolled_back);
    }

  return MIG_COURSE_END;
}
