/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-runner-private.h"

#include "libmig/core/mig-log-private.h"
#include "libmig/saga/mig-index-private.h"
#include "libmig/saga/mig-journal-codec-private.h"

#define LEASE_MARGIN 1.0 /* seconds: what it takes to start a call */
#define LEASE_PATIENCE (5 * G_USEC_PER_SEC)
#define LEASE_POLL 0.05

gboolean
mig_runner_pause (MigRunner *self,
                  double     seconds)
{
  MigWaiter *waiter = mig_operation_state_get_waiter (self->state);
  gint64 until = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);

  while (!mig_operation_state_is_detached (self->state))
    {
      guint64 ticket = mig_waiter_ticket (waiter);

      if (g_get_monotonic_time () >= until)
        return TRUE;
      mig_waiter_wait (waiter, ticket, until, NULL);
    }

  return FALSE;
}

gboolean
mig_runner_may_pass (const GError *error)
{
  if (error->domain != MIG_ERROR)
    return TRUE;

  switch (error->code)
    {
    case MIG_ERROR_FAILED:
    case MIG_ERROR_BUSY:
    case MIG_ERROR_CONFLICT:
    case MIG_ERROR_TIMED_OUT:
    case MIG_ERROR_CONNECTION:
    case MIG_ERROR_OUTCOME_UNKNOWN:
      return TRUE;
    default:
      return FALSE;
    }
}

gboolean
mig_runner_is_unanswered (const GError *error)
{
  return g_error_matches (error, MIG_ERROR, MIG_ERROR_CONNECTION) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
}

void
mig_runner_set_cause (MigRunner    *self,
                      const GError *error)
{
  if (self->cause == NULL)
    self->cause = g_error_copy (error);
}

static gboolean
set_taken_over (MigRunner  *self,
                GError    **error)
{
  self->lost = TRUE;
  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CONFLICT, "another process has taken it over");

  return FALSE;
}

/* Whenever the lease had run out, somebody may have taken over before it was renewed: the record says so. */
static gboolean
check_lapses (MigRunner  *self,
              GError    **error)
{
  guint n_lapses = mig_engine_get_hooks (self->engine)->lapses (self->cluster);
  g_autoptr (GError) local = NULL;

  if (n_lapses == self->n_lapses || mig_journal_check (self->journal, &local))
    {
      self->n_lapses = n_lapses;
      return TRUE;
    }
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_CONFLICT))
    return set_taken_over (self, error);

  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

gboolean
mig_runner_owns (MigRunner  *self,
                 GError    **error)
{
  const MigEngineHooks *hooks = mig_engine_get_hooks (self->engine);
  gint64 until = g_get_monotonic_time () + LEASE_PATIENCE;

  if (self->lost)
    return set_taken_over (self, error);

  /* After this process has stood still its lease is renewed as soon as it goes on. */
  for (;;)
    {
      g_autoptr (GError) local = NULL;

      if (hooks->hold (self->cluster, LEASE_MARGIN, &local) && check_lapses (self, &local))
        return TRUE;
      if (self->lost || g_get_monotonic_time () >= until || !mig_runner_pause (self, LEASE_POLL))
        {
          mig_log_warning (NULL, "nothing is done for %s: %s", mig_operation_get_id (self->operation), local->message);
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
    }
}

/* A store that does not answer for a while has not given the operation to anybody else. */
gboolean
mig_runner_holds (MigRunner *self)
{
  gint64 until = g_get_monotonic_time () + (gint64) (mig_engine_get_wait_limit (self->engine) * G_USEC_PER_SEC);

  while (!mig_runner_has_to_leave (self) && !mig_runner_owns (self, NULL))
    self->adrift = !self->lost && g_get_monotonic_time () >= until;

  return !mig_runner_has_to_leave (self);
}

gboolean
mig_runner_has_to_leave (MigRunner *self)
{
  return self->lost || self->adrift || mig_operation_state_is_detached (self->state);
}

/* The time is taken first: it has passed if this process stands still from here on. */
gint64
mig_runner_owns_until (MigRunner  *self,
                       GError    **error)
{
  gint64 until = mig_engine_get_hooks (self->engine)->held (self->cluster, LEASE_MARGIN);
  g_autoptr (GError) local = NULL;

  if (self->lost)
    {
      set_taken_over (self, error);
      return -1;
    }
  if (mig_operation_state_is_detached (self->state))
    return 0;
  if (check_lapses (self, &local))
    return MAX (until, 0);
  if (!self->lost)
    return 0;

  g_propagate_error (error, g_steal_pointer (&local));

  return -1;
}

static void
note_result (MigRunner    *self,
             const char   *step,
             gint64        began,
             const GError *error)
{
  double seconds = (double) (g_get_monotonic_time () - began) / G_USEC_PER_SEC;
  const MigLogFields fields = { .operation = mig_operation_get_id (self->operation), .step = step };
  MigEvent event = { .kind = MIG_EVENT_STEP, .text = (char *) step, .seconds = seconds, .error = (GError *) error };

  mig_log_debug (&fields, "%s: %s, %.3f s", step, error != NULL ? error->message : "done", seconds);
  mig_operation_state_publish_event (self->state, &event);
}

gboolean
mig_runner_call (MigRunner  *self,
                 guint       index,
                 gboolean    undo,
                 GError    **error)
{
  const MigStep *step = &self->table->steps[index];
  g_autoptr (GError) local = NULL;
  gint64 began = g_get_monotonic_time ();
  MigStepRun run;
  gboolean done;

  mig_step_run_begin (&run, self, index, undo);
  done = undo ? step->undo (self->operation, &run, &local) : step->run (self->operation, &run, &local);
  mig_step_run_end (&run);

  if (done)
    g_clear_error (&local);
  else if (local == NULL)
    g_set_error (&local, MIG_ERROR, MIG_ERROR_CONTRACT, "it failed without saying why");
  if (!done && undo)
    g_prefix_error (&local, "undoing %s: ", step->id);
  else if (!done)
    g_prefix_error (&local, "%s: ", step->id);

  note_result (self, step->id, began, local);
  if (!done)
    g_propagate_error (error, g_steal_pointer (&local));

  return done;
}

static MigProbe
probe_once (MigRunner  *self,
            guint       index,
            gboolean    settle,
            GError    **error)
{
  const MigStep *step = &self->table->steps[index];
  MigStepRun run;
  MigProbe probe;

  mig_step_run_begin (&run, self, index, FALSE);
  probe = settle ? mig_step_run_settle (&run, error) : step->probe (self->operation, &run, error);
  mig_step_run_end (&run);

  return probe;
}

MigProbe
mig_runner_probe (MigRunner  *self,
                  guint       index,
                  gboolean    settle,
                  gboolean    patient,
                  GError    **error)
{
  gint64 begun = g_get_monotonic_time ();
  double pause = mig_engine_get_retry_pause (self->engine);

  for (;;)
    {
      g_autoptr (GError) local = NULL;
      MigProbe probe = probe_once (self, index, settle, &local);
      double limit, age = (double) (g_get_monotonic_time () - begun) / G_USEC_PER_SEC;

      if ((probe == MIG_PROBE_FAILED || probe == MIG_PROBE_ABANDONED) && local != NULL)
        g_propagate_error (error, g_steal_pointer (&local));
      if (probe != MIG_PROBE_UNKNOWN)
        return probe;
      if (local == NULL)
        g_set_error (&local, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN, "%s: how it stands is not known",
                     self->table->steps[index].id);

      limit = mig_runner_is_unanswered (local) ? mig_engine_get_wait_limit (self->engine)
                                               : mig_engine_get_settle_time (self->engine);
      if (!patient || age >= limit || !mig_runner_pause (self, pause))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return probe;
        }
      pause = MIN (pause * 2, 2);
    }
}

static MigOperationRecord *
make_record (MigOperation *operation)
{
  MigOperationRecord *record = mig_operation_record_new (mig_operation_get_id (operation));
  MigFacts *request = mig_operation_get_request (operation);

  record->kind = g_strdup (mig_operation_get_kind (operation));
  record->revision = MIG_OPERATION_GET_CLASS (operation)->table->revision;
  record->key = g_strdup (mig_operation_get_key (operation));
  record->subject = mig_operation_dup_subject (operation);
  record->source = g_strdup (mig_facts_get_string (request, MIG_FACT_SOURCE));
  record->destination = g_strdup (mig_facts_get_string (request, MIG_FACT_DESTINATION));
  record->request = mig_facts_ref (request);
  record->owner = g_strdup (mig_engine_get_owner (mig_operation_get_engine (operation)));
  record->created = g_get_real_time ();
  record->status = mig_operation_get_status (operation);

  return record;
}

/* Its key has been used: by the same request, or by another. */
static gboolean
meet_record (MigOperation  *operation,
             GError       **error)
{
  MigEngine *engine = mig_operation_get_engine (operation);
  const char *id = mig_operation_get_id (operation);
  g_autofree char *key = mig_operation_record_key (id);
  g_autoptr (MigRecord) stored = mig_state_store_get (mig_engine_get_store (engine), key, NULL, error);
  g_autoptr (MigOperationRecord) record = NULL;

  if (stored == NULL)
    return FALSE;
  record = mig_journal_decode_record (id, mig_record_get_value (stored), error);
  if (record == NULL || !mig_operation_matches (operation, record, error))
    return FALSE;

  mig_operation_set_role (operation, MIG_ROLE_OBSERVER);
  if (!mig_operation_show_record (operation, record))
    mig_engine_get_hooks (engine)->observe (G_OBJECT (mig_operation_get_cluster (operation)), operation);

  return TRUE;
}

MigJournal *
mig_runner_accept (MigOperation  *operation,
                   GError       **error)
{
  MigEngine *engine = mig_operation_get_engine (operation);
  GObject *cluster = G_OBJECT (mig_operation_get_cluster (operation));
  g_autoptr (MigOperationState) state = mig_operation_ref_state (operation);
  g_autoptr (MigJournal) journal = NULL;
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();

  if (!mig_engine_get_hooks (engine)->hold (cluster, LEASE_MARGIN, error))
    return NULL;

  journal = mig_journal_new (engine, make_record (operation), mig_operation_get_facts (operation));
  mig_journal_add (journal, MIG_LINE_ACCEPTED, NULL);
  if (!mig_index_begin (engine, mig_operation_get_id (operation), transaction, error) ||
      !mig_journal_commit (journal, transaction, error))
    return NULL;

  mig_operation_state_note_accepted (state);

  return g_steal_pointer (&journal);
}

static void
let_go (MigRunner *self)
{
  mig_engine_get_hooks (self->engine)->leave (self->cluster, self->operation);
  mig_engine_unregister (self->engine, self->operation);
}

/* An operation that is accepted nowhere: nothing has been touched. */
static void
refuse (MigRunner *self,
        GError    *failure)
{
  g_autoptr (GError) unmet = NULL;

  let_go (self);
  self->end.error = failure;
  if (g_error_matches (failure, MIG_ERROR, MIG_ERROR_CONFLICT))
    {
      if (meet_record (self->operation, &unmet))
        {
          g_clear_error (&self->end.error);
          return;
        }
      if (!g_error_matches (unmet, MIG_ERROR, MIG_ERROR_NOT_FOUND))
        {
          g_clear_error (&self->end.error);
          self->end.error = g_steal_pointer (&unmet);
        }
    }

  self->end.known = TRUE;
  self->end.status = MIG_STATUS_FAILED;
}

static void
runner_init (MigRunner    *self,
             MigOperation *operation)
{
  *self = (MigRunner) {
    .operation = operation,
    .engine = mig_operation_get_engine (operation),
    .cluster = G_OBJECT (mig_operation_get_cluster (operation)),
    .state = mig_operation_ref_state (operation),
    .table = MIG_OPERATION_GET_CLASS (operation)->table,
    .facts = mig_operation_get_facts (operation),
    .debts = g_ptr_array_new_with_free_func (g_free),
  };

  self->n_lapses = mig_engine_get_hooks (self->engine)->lapses (self->cluster);
  self->marks = g_new0 (MigStepMark, self->table->n_steps);
  for (guint i = 0; i < self->table->n_steps; i++)
    self->weight += self->table->steps[i].weight;
  g_ptr_array_add (self->debts, NULL);
}

static void
runner_clear (MigRunner *self)
{
  g_clear_pointer (&self->journal, mig_journal_free);
  g_clear_pointer (&self->marks, g_free);
  g_clear_pointer (&self->state, mig_operation_state_unref);
  g_clear_pointer (&self->debts, g_ptr_array_unref);
  g_clear_pointer (&self->wanted, g_ptr_array_unref);
  g_clear_error (&self->cause);
  if (self->undone_not != NULL)
    g_string_free (g_steal_pointer (&self->undone_not), TRUE);
}

static void
carry_through (MigRunner *self,
               MigCourse  course)
{
  while (course == MIG_COURSE_FORWARD || course == MIG_COURSE_UNDO)
    course = course == MIG_COURSE_FORWARD ? mig_runner_forward (self) : mig_runner_undo (self);

  if (course == MIG_COURSE_LEAVE)
    mig_runner_leave (self);
  else
    mig_runner_end (self, course);
  let_go (self);
}

static void
run_claimed (MigRunner *self)
{
  MigCourse course;

  if (mig_runner_resume (self, &course, &self->end.error))
    {
      carry_through (self, course);
      return;
    }

  /* Its journal makes no sense: nothing is touched, and nothing is written that could be taken for more. */
  self->end.known = TRUE;
  self->end.status = MIG_STATUS_ERROR;
  if (self->lost || mig_runner_may_pass (self->end.error))
    mig_runner_leave (self);
  let_go (self);
}

static void
run_new (MigRunner *self)
{
  g_autoptr (GError) error = NULL;

  self->journal = mig_operation_take_journal (self->operation);
  if (self->journal == NULL)
    self->journal = mig_runner_accept (self->operation, &error);

  if (self->journal != NULL)
    carry_through (self, MIG_COURSE_FORWARD);
  else
    refuse (self, g_steal_pointer (&error));
}

static void
publish_end (MigOperationState *state,
             MigRunnerEnd      *end)
{
  if (end->known && end->left)
    mig_operation_state_publish_left (state, end->error);
  else if (end->known)
    mig_operation_state_publish_end (state, end->status, end->error, end->result);

  g_clear_error (&end->error);
  g_clear_pointer (&end->result, g_variant_unref);
}

void
mig_runner_main (gpointer data)
{
  MigOperation *operation = data;
  g_autoptr (MigOperationState) state = mig_operation_ref_state (operation);
  MigRunnerEnd end;
  MigRunner self;

  runner_init (&self, operation);
  if (mig_operation_get_role (operation) == MIG_ROLE_CLAIMED)
    run_claimed (&self);
  else
    run_new (&self);
  end = self.end;
  runner_clear (&self);
  g_object_unref (operation);

  publish_end (state, &end);
}
