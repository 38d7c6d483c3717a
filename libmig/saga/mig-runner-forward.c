/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-runner-private.h"

/* Forward, step by step. */

#define MAX_TRIES 3    /* of a step after the decision */
#define MAX_ADOPTIONS 3 /* how often a deciding step is run again because its effect was found */

static void
enter_step (MigRunner *self,
            guint      index)
{
  const MigStep *step = &self->table->steps[index];
  MigStatus status = mig_operation_state_get_status (self->state);

  mig_operation_state_publish_phase (self->state, step->phase);
  if (status < MIG_STATUS_POST_COPY)
    mig_operation_state_publish_status (self->state, step->phase < MIG_PHASE_TRANSFER ? MIG_STATUS_PREPARING
                                                                                      : MIG_STATUS_RUNNING);
}

static void
show_fraction (MigRunner *self,
               guint      n_done)
{
  const MigProgressSample sample = MIG_PROGRESS_SAMPLE_INIT;
  double weight = 0;

  for (guint i = 0; i < n_done; i++)
    weight += self->table->steps[i].weight;
  mig_operation_state_publish_progress (self->state, weight / MAX (self->weight, 1), &sample);
}

static void
decide (MigRunner *self)
{
  self->decided = TRUE;
  g_clear_error (&self->cause);
  mig_operation_state_seal (self->state, "the point of no return has been passed, it only goes forward");
}

void
mig_runner_note_done (MigRunner *self,
                      guint      index)
{
  const MigStep *step = &self->table->steps[index];

  self->marks[index].mark = MIG_MARK_DONE;
  if ((step->flags & MIG_STEP_PURE) == 0)
    mig_journal_add (self->journal, MIG_LINE_DONE, step->id);
  if ((step->flags & MIG_STEP_DECIDES) != 0)
    decide (self);
  show_fraction (self, index + 1);
}

/* After such a failure the call may have taken effect, or may still: also one that was given up for an abort, or that
 * failed without saying why. */
static gboolean
is_unclear (const GError *error)
{
  return mig_runner_is_unanswered (error) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_CONTRACT) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* Before the decision a step gave up. FORWARD: run it again, for its effect is there. */
static MigCourse
judge_failure (MigRunner *self,
               guint      index,
               guint      n_tries,
               GError    *failure)
{
  const MigStep *step = &self->table->steps[index];
  gboolean decides = (step->flags & MIG_STEP_DECIDES) != 0;
  gboolean settle = (step->flags & MIG_STEP_SETTLES) != 0 && is_unclear (failure);
  /* The step did not mean to give up what runs. */
  gboolean blind = g_error_matches (failure, MIG_ERROR, MIG_ERROR_CONNECTION) ||
                   g_error_matches (failure, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN);
  gboolean resumes = blind && (step->flags & MIG_STEP_LONG) != 0 && !mig_operation_state_is_cancelled (self->state);
  g_autoptr (GError) unknown = NULL;

  if ((step->flags & MIG_STEP_PURE) != 0)
    return MIG_COURSE_UNDO;
  if (step->probe == NULL)
    return decides && g_error_matches (failure, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN) ? MIG_COURSE_STOP
                                                                                      : MIG_COURSE_UNDO;

  switch (mig_runner_probe (self, index, settle, decides || settle, &unknown))
    {
    case MIG_PROBE_NOT_STARTED:
      self->marks[index].mark = MIG_MARK_NONE;
      return MIG_COURSE_UNDO;
    case MIG_PROBE_DONE:
      if (!decides && !resumes)
        return MIG_COURSE_UNDO;
      if (n_tries >= MAX_ADOPTIONS)
        mig_runner_note_done (self, index);
      return MIG_COURSE_FORWARD;
    case MIG_PROBE_RUNNING:
      if (resumes || (decides && blind))
        return n_tries < MAX_ADOPTIONS ? MIG_COURSE_FORWARD : decides ? MIG_COURSE_STOP : MIG_COURSE_LEAVE;
      return MIG_COURSE_UNDO;
    case MIG_PROBE_FAILED:
    case MIG_PROBE_ABANDONED:
      return MIG_COURSE_UNDO;
    case MIG_PROBE_UNKNOWN:
    default:
      if (decides)
        return MIG_COURSE_STOP;
      /* As recovery does: what goes on there is not ended because nobody sees it. */
      return resumes && mig_runner_is_unanswered (unknown) ? MIG_COURSE_LEAVE : MIG_COURSE_UNDO;
    }
}

static MigCourse
take_undecided (MigRunner *self,
                guint      index)
{
  for (guint n_tries = 1;; n_tries++)
    {
      g_autoptr (GError) error = NULL;
      MigJournalLine *line;
      MigCourse course;
      gboolean done;

      if (!mig_runner_holds (self))
        return MIG_COURSE_LEAVE;
      done = mig_runner_call (self, index, FALSE, &error);
      if (self->lost) /* what was done is recorded by whoever has it now */
        return MIG_COURSE_LEAVE;
      if (done)
        {
          mig_runner_note_done (self, index);
          return MIG_COURSE_FORWARD;
        }
      if (!mig_runner_holds (self))
        return MIG_COURSE_LEAVE;

      line = mig_journal_add (self->journal, MIG_LINE_FAILED, self->table->steps[index].id);
      line->error = g_error_copy (error);
      course = judge_failure (self, index, n_tries, error);
      if (course != MIG_COURSE_FORWARD)
        {
          mig_runner_set_cause (self, error);
          return mig_operation_state_is_detached (self->state) ? MIG_COURSE_LEAVE : course;
        }
      if (self->marks[index].mark == MIG_MARK_DONE)
        return MIG_COURSE_FORWARD;
    }
}

static void
add_debt (MigRunner    *self,
          const char   *step,
          const GError *error)
{
  MigJournalLine *line = mig_journal_add (self->journal, MIG_LINE_DEBT, step);
  char *text = g_strdup_printf ("%s: %s", step, error->message);

  line->text = g_utf8_make_valid (text, -1);
  line->error = g_error_copy (error);
  g_ptr_array_insert (self->debts, (int) self->debts->len - 1, text);
  mig_operation_state_publish_debts (self->state, (const char * const *) self->debts->pdata);
}

/* After the decision what fails is owed, and the rest is done all the same. */
static MigCourse
take_decided (MigRunner *self,
              guint      index)
{
  const MigStep *step = &self->table->steps[index];
  double pause = mig_engine_get_retry_pause (self->engine);

  for (guint n_tries = 1;; n_tries++)
    {
      g_autoptr (GError) error = NULL;
      gboolean done;

      if (!mig_runner_holds (self))
        return MIG_COURSE_LEAVE;
      done = mig_runner_call (self, index, FALSE, &error);
      if (self->lost) /* what was done is recorded by whoever has it now */
        return MIG_COURSE_LEAVE;
      if (done)
        {
          mig_runner_note_done (self, index);
          return MIG_COURSE_FORWARD;
        }
      if (!mig_runner_holds (self))
        return MIG_COURSE_LEAVE;

      if (n_tries == MAX_TRIES || !mig_runner_may_pass (error))
        {
          add_debt (self, step->id, error);
          show_fraction (self, index + 1);
          return MIG_COURSE_FORWARD;
        }
      if (!mig_runner_pause (self, pause))
        return MIG_COURSE_LEAVE;
      pause *= 2;
    }
}

/* Nothing is done that the journal does not know of. */
static MigCourse
write_intent (MigRunner *self,
              guint      index)
{
  MigJournalLine *line = mig_journal_add (self->journal, MIG_LINE_INTENT, self->table->steps[index].id);
  g_autoptr (GError) error = NULL;
  gboolean written;

  self->marks[index].epoch = line->epoch;
  written = self->decided ? mig_runner_insist (self, NULL, &error) : mig_runner_commit (self, NULL, &error);
  if (written)
    {
      self->marks[index].mark = MIG_MARK_INTENT;
      return MIG_COURSE_FORWARD;
    }

  if (!mig_journal_take_back (self->journal, line))
    self->marks[index].mark = MIG_MARK_INTENT;
  /* After the decision the steps that are left are recovery's, when the store answers again. */
  if (self->decided || mig_runner_has_to_leave (self))
    return MIG_COURSE_LEAVE;

  mig_runner_set_cause (self, error);

  return MIG_COURSE_UNDO;
}

static MigCourse
take_step (MigRunner *self)
{
  guint index = self->next;
  const MigStep *step = &self->table->steps[index];
  MigCourse course;

  if (self->marks[index].mark == MIG_MARK_DONE || /* before this process came */
      (self->marks[index].mark == MIG_MARK_NONE && step->applies != NULL && !step->applies (self->operation)))
    {
      self->next++;
      show_fraction (self, self->next);
      return MIG_COURSE_FORWARD;
    }
  if (mig_operation_state_is_detached (self->state))
    return MIG_COURSE_LEAVE;
  /* A step that has begun hears of the abort itself: it knows whether it is still possible. */
  if (!self->decided && self->marks[index].mark != MIG_MARK_INTENT && mig_operation_state_is_cancelled (self->state))
    return MIG_COURSE_UNDO;

  enter_step (self, index);
  if ((step->flags & MIG_STEP_PURE) == 0 && self->marks[index].mark != MIG_MARK_INTENT)
    {
      course = write_intent (self, index);
      if (course != MIG_COURSE_FORWARD)
        return course;
      if (!self->decided && mig_operation_state_is_cancelled (self->state))
        {
          self->marks[index].mark = MIG_MARK_NONE; /* it has not been called */
          return MIG_COURSE_UNDO;
        }
    }

  course = self->decided ? take_decided (self, index) : take_undecided (self, index);
  if (course == MIG_COURSE_FORWARD)
    self->next++;

  return course;
}

MigCourse
mig_runner_forward (MigRunner *self)
{
  MigCourse course = MIG_COURSE_FORWARD;

  while (course == MIG_COURSE_FORWARD && self->next < self->table->n_steps)
    course = take_step (self);

  return course == MIG_COURSE_FORWARD ? MIG_COURSE_END : course;
}
