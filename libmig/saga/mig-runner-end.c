/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-runner-private.h"

#include <libmig/mig-enum-types.h>

#include "libmig/core/mig-log-private.h"
#include "libmig/saga/mig-index-private.h"

/* How an operation ends, and what is kept of it. */

static MigStatus
choose_status (MigRunner *self,
               MigCourse  course,
               GError   **error)
{
  const char *cause = self->cause != NULL ? self->cause->message : "it was aborted";

  if (course == MIG_COURSE_STOP)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN, "it can't be proved whether it happened: %s", cause);
      return MIG_STATUS_ERROR;
    }
  /* A table without a deciding step is complete when all of it is done. */
  if (self->decided || (self->cause == NULL && self->next == self->table->n_steps))
    return MIG_STATUS_COMPLETED;
  if (self->undone_not != NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_ROLLBACK_FAILED, "not everything could be undone (%s) after: %s",
                   self->undone_not->str, cause);
      return MIG_STATUS_ERROR;
    }
  if (mig_operation_state_is_cancelled (self->state) ||
      g_error_matches (self->cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "%s", cause);
      return MIG_STATUS_CANCELLED;
    }

  if (error != NULL)
    *error = g_error_copy (self->cause);

  return MIG_STATUS_FAILED;
}

static MigFacts *
make_result (MigRunner *self)
{
  static const char * const names[] = { MIG_FACT_SOURCE, MIG_FACT_DESTINATION, MIG_FACT_DOWNTIME, MIG_FACT_BYTES };
  MigFacts *result = mig_facts_new ();
  MigOperationRecord *record = mig_journal_get_record (self->journal);

  /* As they were asked for, in case that nothing came of it. */
  mig_facts_set_string (result, MIG_FACT_SOURCE, record->source);
  mig_facts_set_string (result, MIG_FACT_DESTINATION, record->destination);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      if (mig_facts_has (self->facts, names[i]))
        mig_facts_set_variant (result, names[i], mig_facts_get_variant (self->facts, names[i]));
    }
  mig_facts_set_double (result, "seconds", (double) (g_get_real_time () - record->created) / G_USEC_PER_SEC);

  return result;
}

static void
add_index (MigRunner      *self,
           MigTransaction *transaction)
{
  mig_index_end (self->engine, mig_journal_get_record (self->journal), transaction);
}

/* Returns what could not be recorded of the end, or NULL. */
static GError *
record_end (MigRunner    *self,
            MigStatus     status,
            const GError *error,
            MigFacts     *result)
{
  MigOperationRecord *record = mig_journal_get_record (self->journal);
  MigJournalLine *line = mig_journal_add (self->journal, MIG_LINE_END, NULL);
  g_autoptr (GError) unrecorded = NULL;

  g_clear_error (&record->error);
  if (error != NULL)
    {
      record->error = g_error_copy (error);
      line->error = g_error_copy (error);
    }
  g_clear_pointer (&record->result, mig_facts_unref);
  record->result = mig_facts_ref (result);
  record->phase = MIG_PHASE_DONE;
  record->status = status;
  g_clear_pointer (&record->owner, g_free);
  self->ending = TRUE;

  return mig_runner_insist (self, add_index, &unrecorded) ? NULL : g_steal_pointer (&unrecorded);
}

static void
log_end (MigRunner    *self,
         MigStatus     status,
         const GError *error)
{
  g_autofree char *subject = mig_operation_dup_subject (self->operation);
  g_autoptr (GEnumClass) klass = g_type_class_ref (MIG_TYPE_STATUS);
  const char *nick = g_enum_get_value (klass, (int) status)->value_nick;
  const MigLogFields fields = { .message_id = self->recovering ? MIG_LOG_ID_RECOVERED : NULL,
                                .operation = mig_operation_get_id (self->operation),
                                .domain = subject };

  /* Not above info: the end is an event of the object, and what is above goes to stderr by default. */
  mig_log_info (&fields, "%s of %s: %s%s%s", self->table->kind, subject != NULL ? subject : "?", nick,
                error != NULL ? ": " : "", error != NULL ? error->message : "");
}

/* Looking for old ones costs little; to count them costs a list of all, so that is done now and then only. */
static void
prune (MigRunner *self)
{
  gboolean count = g_random_int_range (0, 64) == 0;

  mig_index_prune (self->engine, MIG_INDEX_MAX_AGE, count ? MIG_INDEX_MAX_FINISHED : 0, count ? 128 : 4);
}

/* Somebody else carries the operation on: another process has it already, or recovery will. */
void
mig_runner_leave (MigRunner *self)
{
  g_autoptr (GError) reason = g_steal_pointer (&self->end.error);

  if (self->lost)
    g_set_error_literal (&self->end.error, MIG_ERROR, MIG_ERROR_CONFLICT,
                         "another process has taken the operation over");
  else
    g_set_error (&self->end.error, MIG_ERROR, MIG_ERROR_BUSY, "the operation was left as it is, for recovery%s%s",
                 reason != NULL ? ": " : "", reason != NULL ? reason->message : "");
  self->end.known = TRUE;
  self->end.left = TRUE;
}

void
mig_runner_end (MigRunner *self,
                MigCourse  course)
{
  g_autoptr (MigFacts) result = make_result (self);
  g_autoptr (GError) unrecorded = NULL;

  self->end.known = TRUE;
  self->end.status = choose_status (self, course, &self->end.error);
  self->end.result = mig_facts_to_variant (result);

  unrecorded = record_end (self, self->end.status, self->end.error, result);
  if (self->lost)
    {
      mig_runner_leave (self);
      return;
    }
  if (unrecorded != NULL)
    mig_log_warning (NULL, "the end of %s could not be recorded: %s", mig_operation_get_id (self->operation),
                     unrecorded->message);

  log_end (self, self->end.status, self->end.error);
  prune (self);
}
