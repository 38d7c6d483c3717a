/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-runner-private.h"

/* What a step's function may ask and do while it runs. */

#define SETTLE_POLL 1.0

void
mig_step_run_begin (MigStepRun *self,
                    MigRunner  *runner,
                    guint       index,
                    gboolean    undoing)
{
  self->runner = runner;
  self->index = index;
  self->undoing = undoing;
  self->token = g_strdup_printf ("%s/%s/%" G_GUINT64_FORMAT, mig_operation_get_id (runner->operation),
                                 runner->table->steps[index].id, runner->marks[index].epoch);
  self->taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

void
mig_step_run_end (MigStepRun *self)
{
  g_clear_pointer (&self->token, g_free);
  g_clear_pointer (&self->taken, g_hash_table_unref);
}

const MigStep *
mig_step_run_get_step (MigStepRun *self)
{
  return &self->runner->table->steps[self->index];
}

const char *
mig_step_run_get_token (MigStepRun *self)
{
  return self->token;
}

MigFacts *
mig_step_run_get_facts (MigStepRun *self)
{
  return self->runner->facts;
}

GCancellable *
mig_step_run_get_cancellable (MigStepRun *self)
{
  if (self->undoing || self->runner->decided)
    return NULL;

  return mig_operation_state_get_cancellable (self->runner->state);
}

gboolean
mig_step_run_is_cancelled (MigStepRun *self)
{
  return g_cancellable_is_cancelled (mig_step_run_get_cancellable (self));
}

gboolean
mig_step_run_is_recovering (MigStepRun *self)
{
  MigRunner *runner = self->runner;

  return runner->recovering && runner->marks[self->index].epoch < mig_journal_get_record (runner->journal)->epoch;
}

gboolean
mig_step_run_is_detaching (MigStepRun *self)
{
  return mig_operation_state_is_detached (self->runner->state);
}

gboolean
mig_step_run_holds (MigStepRun  *self,
                    GError     **error)
{
  return mig_runner_owns (self->runner, error);
}

gint64
mig_step_run_holds_until (MigStepRun  *self,
                          GError     **error)
{
  return mig_runner_owns_until (self->runner, error);
}

gboolean
mig_step_run_claim (MigStepRun  *self,
                    const char  *claim,
                    GError     **error)
{
  return mig_runner_claim (self->runner, claim, error);
}

void
mig_step_run_publish_phase (MigStepRun *self,
                            MigPhase    phase)
{
  mig_operation_state_publish_phase (self->runner->state, phase);
}

void
mig_step_run_publish_status (MigStepRun *self,
                             MigStatus   status)
{
  mig_operation_state_publish_status (self->runner->state, status);
}

void
mig_step_run_publish_progress (MigStepRun              *self,
                               const MigProgressSample *sample)
{
  const MigStepTable *table = self->runner->table;
  double weight = 0;

  for (guint i = 0; i < self->index; i++)
    weight += table->steps[i].weight;
  if (!self->undoing)
    weight += table->steps[self->index].weight * CLAMP (sample->fraction, 0, 1);

  mig_operation_state_publish_progress (self->runner->state, weight / MAX (self->runner->weight, 1), sample);
}

void
mig_step_run_decide (MigStepRun *self,
                     const char *text,
                     GVariant   *inputs)
{
  g_autoptr (GVariant) owned = inputs != NULL ? g_variant_ref_sink (inputs) : NULL;
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  MigJournalLine *line = mig_journal_add (self->runner->journal, MIG_LINE_DECISION,
                                          self->runner->table->steps[self->index].id);
  const MigEvent event = { .kind = MIG_EVENT_DECISION, .text = valid, .inputs = owned };

  line->text = g_strdup (valid);
  if (owned != NULL)
    line->inputs = mig_facts_new_from_variant (owned);
  mig_operation_state_publish_event (self->runner->state, &event);
}

void
mig_step_run_forbid_abort (MigStepRun *self,
                           const char *reason)
{
  mig_operation_state_forbid_abort (self->runner->state, reason);
}

gboolean
mig_step_run_commit (MigStepRun  *self,
                     const char  *kind,
                     GError     **error)
{
  MigJournalLine *line = mig_journal_add (self->runner->journal, kind, self->runner->table->steps[self->index].id);

  if (mig_runner_commit (self->runner, NULL, error))
    return TRUE;

  mig_journal_take_back (self->runner->journal, line);

  return FALSE;
}

gboolean
mig_step_run_take_request (MigStepRun *self,
                           const char *name)
{
  guint serial = mig_operation_state_get_request (self->runner->state, name);

  if (serial == 0 || serial == GPOINTER_TO_UINT (g_hash_table_lookup (self->taken, name)))
    return FALSE;

  g_hash_table_replace (self->taken, g_strdup (name), GUINT_TO_POINTER (serial));

  return TRUE;
}

MigWaiter *
mig_step_run_get_waiter (MigStepRun *self)
{
  return mig_operation_state_get_waiter (self->runner->state);
}

void
mig_step_run_wait (MigStepRun *self,
                   guint64     ticket,
                   double      seconds)
{
  gint64 until = g_get_monotonic_time () + (gint64) (MIN (seconds, 86400) * G_USEC_PER_SEC);

  mig_waiter_wait (mig_step_run_get_waiter (self), ticket, until, mig_step_run_get_cancellable (self));
}

MigProbe
mig_step_run_settle (MigStepRun  *self,
                     GError     **error)
{
  const MigStep *step = mig_step_run_get_step (self);
  double settle_time = mig_engine_get_settle_time (self->runner->engine);
  gint64 first = -1;

  for (;;)
    {
      gint64 before = g_get_monotonic_time ();
      MigProbe probe = step->probe (self->runner->operation, self, error);
      double age;

      if (probe != MIG_PROBE_NOT_STARTED)
        return probe;

      if (first < 0)
        first = g_get_monotonic_time ();
      age = (double) (before - first) / G_USEC_PER_SEC;
      if (age >= settle_time)
        return probe;
      if (!mig_runner_pause (self->runner, MIN (settle_time - MAX (age, 0), SETTLE_POLL)))
        {
          g_set_error_literal (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN,
                               "the process leaves before it is certain that nothing has begun");
          return MIG_PROBE_UNKNOWN;
        }
    }
}
