/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-runner-private.h"

#include "libmig/core/mig-log-private.h"
#include "libmig/saga/mig-claim-private.h"

/* What an operation makes durable, and how often that is tried. */

#define MAX_COMMITS 6 /* tries of one */
#define MAX_RIVALS 16 /* how often others may change a claim in between */

static void
fill_record (MigRunner *self)
{
  MigOperationRecord *record = mig_journal_get_record (self->journal);
  g_auto (MigSnapshot) now = { 0 };

  mig_operation_state_read (self->state, &now);
  if (!self->ending)
    {
      record->phase = now.phase;
      record->status = now.status;
    }
  record->attempt = now.attempt;
  g_strfreev (record->debts);
  record->debts = g_steal_pointer (&now.debts);

  if (mig_facts_get_string (self->facts, MIG_FACT_SOURCE) != NULL)
    {
      g_free (record->source);
      record->source = g_strdup (mig_facts_get_string (self->facts, MIG_FACT_SOURCE));
    }
  if (mig_facts_get_string (self->facts, MIG_FACT_DESTINATION) != NULL)
    {
      g_free (record->destination);
      record->destination = g_strdup (mig_facts_get_string (self->facts, MIG_FACT_DESTINATION));
    }
}

static gboolean
is_wanted (MigRunner  *self,
           const char *claim)
{
  return self->wanted != NULL && g_ptr_array_find_with_equal_func (self->wanted, claim, g_str_equal, NULL);
}

gboolean
mig_runner_claim (MigRunner   *self,
                  const char  *claim,
                  GError     **error)
{
  g_auto (GStrv) had = mig_facts_dup_strv (self->facts, MIG_FACT_CLAIMS);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) claims = NULL;
  gboolean has = g_strv_contains ((const char * const *) had, claim);

  if (has && !is_wanted (self, claim))
    return TRUE;
  /* Who comes too late is told before it has done anything; and again by the commit. */
  if (!mig_claim_take (self->engine, mig_operation_get_id (self->operation), claim, NULL, error))
    return FALSE;
  if (has)
    return TRUE;

  g_strv_builder_addv (builder, (const char **) had);
  g_strv_builder_add (builder, claim);
  claims = g_strv_builder_end (builder);
  mig_facts_set_strv (self->facts, MIG_FACT_CLAIMS, (const char * const *) claims);
  if (self->wanted == NULL)
    self->wanted = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->wanted, g_strdup (claim));

  return TRUE;
}

/* Somebody else was quicker: what was claimed already stays. */
static void
renounce (MigRunner *self)
{
  g_auto (GStrv) claims = mig_facts_dup_strv (self->facts, MIG_FACT_CLAIMS);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) kept = NULL;

  for (char **claim = claims; *claim != NULL; claim++)
    {
      if (!is_wanted (self, *claim))
        g_strv_builder_add (builder, *claim);
    }
  kept = g_strv_builder_end (builder);
  mig_facts_set_strv (self->facts, MIG_FACT_CLAIMS, *kept != NULL ? (const char * const *) kept : NULL);
  g_clear_pointer (&self->wanted, g_ptr_array_unref);
}

static gboolean
take_claims (MigRunner       *self,
             MigTransaction  *transaction,
             GError         **error)
{
  for (guint i = 0; self->wanted != NULL && i < self->wanted->len; i++)
    {
      if (!mig_claim_take (self->engine, mig_operation_get_id (self->operation), g_ptr_array_index (self->wanted, i),
                           transaction, error))
        return FALSE;
    }

  return TRUE;
}

static gboolean
drop_claims (MigRunner       *self,
             MigTransaction  *transaction,
             GError         **error)
{
  g_auto (GStrv) claims = mig_facts_dup_strv (self->facts, MIG_FACT_CLAIMS);

  for (char **claim = claims; *claim != NULL; claim++)
    {
      g_autoptr (GError) local = NULL;

      if (mig_claim_drop (self->engine, mig_operation_get_id (self->operation), *claim, transaction, &local))
        continue;
      if (!g_error_matches (local, MIG_ERROR, MIG_ERROR_CORRUPT))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      mig_log_warning (NULL, "%s stays: %s", *claim, local->message);
    }

  return TRUE;
}

/* An operation that ends without being over keeps what it has claimed: recovery carries it on. */
static gboolean
add_claims (MigRunner       *self,
            MigTransaction  *transaction,
            GError         **error)
{
  if (!self->ending)
    return take_claims (self, transaction, error);

  return !mig_operation_record_is_over (mig_journal_get_record (self->journal)) ||
         drop_claims (self, transaction, error);
}

static gboolean
commit_once (MigRunner       *self,
             MigRunnerExtra   extra,
             GError         **error)
{
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();
  g_autoptr (GError) local = NULL;

  fill_record (self);
  if (add_claims (self, transaction, &local))
    {
      if (extra != NULL)
        extra (self, transaction);
      if (mig_journal_commit (self->journal, transaction, error))
        {
          g_clear_pointer (&self->wanted, g_ptr_array_unref);
          return TRUE;
        }
      return FALSE;
    }

  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_BUSY))
    renounce (self);
  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

gboolean
mig_runner_commit (MigRunner       *self,
                   MigRunnerExtra   extra,
                   GError         **error)
{
  for (guint n_tries = 1;; n_tries++)
    {
      g_autoptr (GError) local = NULL;

      if (commit_once (self, extra, &local))
        return TRUE;

      /* Either the operation is somebody else's now, or a claim has been changed since it was read. */
      if (g_error_matches (local, MIG_ERROR, MIG_ERROR_CONFLICT))
        {
          g_autoptr (GError) unread = NULL;
          gboolean current = mig_journal_check (self->journal, &unread);

          if (current && n_tries < MAX_RIVALS)
            continue;
          self->lost = self->lost || g_error_matches (unread, MIG_ERROR, MIG_ERROR_CONFLICT);
        }

      if (!g_error_matches (local, MIG_ERROR, MIG_ERROR_BUSY))
        g_prefix_error (&local, "the journal could not be written: ");
      g_propagate_error (error, g_steal_pointer (&local));

      return FALSE;
    }
}

gboolean
mig_runner_insist (MigRunner       *self,
                   MigRunnerExtra   extra,
                   GError         **error)
{
  double pause = mig_engine_get_retry_pause (self->engine);

  for (guint n_tries = 1;; n_tries++)
    {
      g_autoptr (GError) local = NULL;

      if (mig_runner_commit (self, extra, &local))
        return TRUE;
      /* Who leaves does not wait, but a store that was busy for a moment is asked once more. */
      if (self->lost || n_tries == MAX_COMMITS || (!mig_runner_pause (self, pause) && n_tries > 1))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      pause *= 2;
    }
}
