/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-journal-private.h"

#include "libmig/saga/mig-journal-codec-private.h"

#define MAX_LINES 99999999

struct _MigJournal
{
  MigEngine          *engine;
  MigOperationRecord *record;
  char               *record_key;
  guint64             revision; /* of the record in the store; 0: it is not there yet */
  GPtrArray          *lines;    /* read */
  GPtrArray          *pending;  /* of MigJournalLine */
  MigFacts           *facts;    /* as the steps see them */
  MigFacts           *durable;  /* as the store has them */
  char               *doubtful; /* the value of a record that may or may not have been written... */
  MigFacts           *doubtful_facts; /* ... and the facts as they are then; NULL when there is none */
};

static MigJournal *
journal_new (MigEngine *engine,
             char      *record_key,
             MigFacts  *facts)
{
  MigJournal *self = g_new0 (MigJournal, 1);

  self->engine = engine;
  self->record_key = record_key;
  self->lines = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_journal_line_free);
  self->pending = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_journal_line_free);
  self->facts = mig_facts_ref (facts);

  return self;
}

MigJournal *
mig_journal_new (MigEngine          *engine,
                 MigOperationRecord *record,
                 MigFacts           *facts)
{
  MigJournal *self = journal_new (engine, mig_operation_record_key (record->id), facts);

  self->record = record;
  self->durable = mig_facts_new ();

  return self;
}

void
mig_journal_free (MigJournal *self)
{
  g_clear_pointer (&self->record, mig_operation_record_free);
  g_free (self->record_key);
  g_ptr_array_unref (self->lines);
  g_ptr_array_unref (self->pending);
  mig_facts_unref (self->facts);
  g_clear_pointer (&self->durable, mig_facts_unref);
  g_free (self->doubtful);
  g_clear_pointer (&self->doubtful_facts, mig_facts_unref);
  g_free (self);
}

MigOperationRecord *
mig_journal_get_record (MigJournal *self)
{
  return self->record;
}

GPtrArray *
mig_journal_get_lines (MigJournal *self)
{
  return self->lines;
}

static gboolean
read_record (MigJournal  *self,
             const char  *id,
             GError     **error)
{
  g_autoptr (MigRecord) stored = mig_state_store_get (mig_engine_get_store (self->engine), self->record_key, NULL,
                                                      error);

  if (stored == NULL)
    return FALSE;

  g_clear_pointer (&self->record, mig_operation_record_free);
  self->revision = mig_record_get_revision (stored);
  self->record = mig_journal_decode_record (id, mig_record_get_value (stored), error);

  return self->record != NULL;
}

static gboolean
check_line (MigJournal      *self,
            MigJournalLine  *line,
            GError         **error)
{
  MigJournalLine *last = self->lines->len > 0 ? g_ptr_array_index (self->lines, self->lines->len - 1) : NULL;
  const char *wrong = NULL;

  if (line->number != self->lines->len + 1)
    wrong = "is not the next one: lines are missing";
  else if (last != NULL && line->epoch < last->epoch)
    wrong = "was written by an owner that had been replaced";

  if (wrong != NULL)
    g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "the journal of %s: line %u %s", self->record->id, line->number,
                 wrong);

  return wrong == NULL;
}

static gboolean
read_lines (MigJournal  *self,
            GError     **error)
{
  g_autofree char *prefix = mig_journal_line_prefix (self->record->id);
  g_autoptr (GPtrArray) stored = mig_state_store_list (mig_engine_get_store (self->engine), prefix, NULL, 0, NULL,
                                                       error);

  if (stored == NULL)
    return FALSE;

  g_ptr_array_set_size (self->lines, 0);
  for (guint i = 0; i < stored->len; i++)
    {
      MigRecord *record = g_ptr_array_index (stored, i);
      g_autoptr (MigJournalLine) line = mig_journal_decode_line (mig_record_get_key (record),
                                                                 mig_record_get_value (record), error);

      if (line == NULL || !check_line (self, line, error))
        return FALSE;
      g_ptr_array_add (self->lines, g_steal_pointer (&line));
    }

  if (self->lines->len == self->record->n_lines)
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "the journal of %s has %u lines, but its record counts %u",
               self->record->id, self->lines->len, self->record->n_lines);

  return FALSE;
}

static void
replay_facts (MigJournal *self)
{
  for (guint i = 0; i < self->lines->len; i++)
    {
      MigJournalLine *line = g_ptr_array_index (self->lines, i);

      mig_facts_merge (self->facts, line->facts);
      for (char **name = line->removed; *name != NULL; name++)
        mig_facts_remove (self->facts, *name);
    }

  self->durable = mig_facts_copy (self->facts);
}

MigJournal *
mig_journal_open (MigEngine   *engine,
                  const char  *id,
                  MigFacts    *facts,
                  GError     **error)
{
  g_autoptr (MigJournal) self = journal_new (engine, mig_operation_record_key (id), facts);

  if (!read_record (self, id, error) || !read_lines (self, error))
    return NULL;

  replay_facts (self);

  return g_steal_pointer (&self);
}

MigJournalLine *
mig_journal_add (MigJournal *self,
                 const char *kind,
                 const char *step)
{
  MigJournalLine *line = mig_journal_line_new (kind, step, self->record->epoch);

  g_ptr_array_add (self->pending, line);

  return line;
}

gboolean
mig_journal_take_back (MigJournal     *self,
                       MigJournalLine *line)
{
  return self->doubtful == NULL && g_ptr_array_remove (self->pending, line);
}

static void
note_changed_facts (MigJournal     *self,
                    MigJournalLine *line)
{
  g_auto (GStrv) now = mig_facts_list_names (self->facts);
  g_auto (GStrv) before = mig_facts_list_names (self->durable);
  g_autoptr (GPtrArray) removed = g_ptr_array_new_with_free_func (g_free);

  g_clear_pointer (&line->facts, mig_facts_unref);
  g_clear_pointer (&line->removed, g_strfreev);

  line->facts = mig_facts_new ();
  for (char **name = now; *name != NULL; name++)
    {
      GVariant *value = mig_facts_get_variant (self->facts, *name);
      GVariant *old = mig_facts_get_variant (self->durable, *name);

      if (old == NULL || !g_variant_equal (old, value))
        mig_facts_set_variant (line->facts, *name, value);
    }
  for (char **name = before; *name != NULL; name++)
    {
      if (!mig_facts_has (self->facts, *name))
        g_ptr_array_add (removed, g_strdup (*name));
    }
  g_ptr_array_add (removed, NULL);
  line->removed = (char **) g_ptr_array_steal (removed, NULL);
}

static void
put_lines (MigJournal     *self,
           MigTransaction *transaction)
{
  for (guint i = 0; i < self->pending->len; i++)
    {
      MigJournalLine *line = g_ptr_array_index (self->pending, i);
      g_autofree char *key = NULL;
      g_autofree char *value = NULL;

      line->number = self->record->n_lines + i + 1;
      if (i == 0)
        note_changed_facts (self, line);
      key = mig_journal_line_key (self->record->id, line->number);
      value = mig_journal_encode_line (line);
      mig_transaction_put (transaction, key, value);
    }
}

static void
settle_commit (MigJournal *self,
               guint64     revision)
{
  self->revision = revision;
  g_ptr_array_set_size (self->pending, 0);
  g_clear_pointer (&self->durable, mig_facts_unref);
  self->durable = mig_facts_copy (self->facts);
}

/* The store could not say whether it wrote @value: looks. Its revision if it did; 0 if not, with CONNECTION or
 * CONFLICT, or when it cannot be told: then @unknown is TRUE. */
static guint64
find_out (MigJournal  *self,
          const char  *value,
          gboolean    *unknown,
          GError     **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (MigRecord) stored = mig_state_store_get (mig_engine_get_store (self->engine), self->record_key, NULL,
                                                      &local);

  *unknown = FALSE;
  if (stored != NULL && strcmp (mig_record_get_value (stored), value) == 0)
    return mig_record_get_revision (stored);

  if ((stored == NULL && self->revision == 0 && g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND)) ||
      (stored != NULL && mig_record_get_revision (stored) == self->revision))
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CONNECTION, "the store did not take the journal");
  else if (stored != NULL)
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CONFLICT, "somebody else has written the operation's record");
  else
    {
      *unknown = TRUE;
      g_propagate_prefixed_error (error, g_steal_pointer (&local), "the store may or may not have taken the journal: ");
    }

  return 0;
}

static void
drop_doubt (MigJournal *self)
{
  g_clear_pointer (&self->doubtful, g_free);
  g_clear_pointer (&self->doubtful_facts, mig_facts_unref);
}

/* The lines that were written are the first of those that still wait. */
static gboolean
adopt_doubtful (MigJournal  *self,
                guint64      revision,
                GError     **error)
{
  g_autoptr (MigOperationRecord) written = mig_journal_decode_record (self->record->id, self->doubtful, error);

  if (written == NULL)
    return FALSE;

  g_ptr_array_remove_range (self->pending, 0, written->n_lines - self->record->n_lines);
  self->record->n_lines = written->n_lines;
  self->revision = revision;
  mig_facts_unref (self->durable);
  self->durable = g_steal_pointer (&self->doubtful_facts);

  return TRUE;
}

/* What the last commit tried to write has to be known before the next one: which lines and which facts are there? */
static gboolean
clear_doubt (MigJournal  *self,
             GError     **error)
{
  g_autoptr (GError) local = NULL;
  gboolean unknown, clear = TRUE;
  guint64 revision;

  if (self->doubtful == NULL)
    return TRUE;

  revision = find_out (self, self->doubtful, &unknown, &local);
  if (revision != 0)
    clear = adopt_doubtful (self, revision, error);
  else if (unknown || !g_error_matches (local, MIG_ERROR, MIG_ERROR_CONNECTION))
    {
      clear = FALSE;
      g_propagate_error (error, g_steal_pointer (&local));
    }
  if (!unknown)
    drop_doubt (self);

  return clear;
}

/* A store that fails without saying why may have written all the same. */
static gboolean
is_doubtful (const GError *error)
{
  return g_error_matches (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_CONTRACT);
}

gboolean
mig_journal_commit (MigJournal      *self,
                    MigTransaction  *transaction,
                    GError         **error)
{
  g_autoptr (MigTransaction) all = transaction != NULL ? mig_transaction_ref (transaction) : mig_transaction_new ();
  g_autoptr (GError) local = NULL;
  g_autofree char *value = NULL;
  gboolean unknown = FALSE;
  guint n_lines;
  guint64 revision;

  if (!clear_doubt (self, error))
    return FALSE;
  if (self->record->n_lines + self->pending->len > MAX_LINES)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CORRUPT, "the journal has too many lines");
      return FALSE;
    }

  mig_transaction_require (all, self->record_key, self->revision);
  put_lines (self, all);
  n_lines = self->record->n_lines;
  self->record->n_lines += self->pending->len;
  self->record->updated = g_get_real_time ();
  value = mig_journal_encode_record (self->record);
  mig_transaction_put (all, self->record_key, value);

  revision = mig_state_store_commit (mig_engine_get_store (self->engine), all, NULL, &local);
  if (revision == 0 && is_doubtful (local))
    {
      g_clear_error (&local);
      revision = find_out (self, value, &unknown, &local);
    }
  if (revision != 0)
    {
      settle_commit (self, revision);
      return TRUE;
    }

  self->record->n_lines = n_lines;
  if (unknown)
    {
      self->doubtful = g_steal_pointer (&value);
      self->doubtful_facts = mig_facts_copy (self->facts);
    }
  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

gboolean
mig_journal_check (MigJournal  *self,
                   GError     **error)
{
  MigStateStore *store = mig_engine_get_store (self->engine);
  g_autoptr (MigRecord) stored = NULL;
  g_autoptr (GError) local = NULL;

  if (!clear_doubt (self, error))
    return FALSE;

  stored = mig_state_store_get (store, self->record_key, NULL, &local);
  if (stored != NULL && mig_record_get_revision (stored) == self->revision)
    return TRUE;

  if (stored != NULL || g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CONFLICT, "somebody else has written the operation's record");
  else
    g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}
