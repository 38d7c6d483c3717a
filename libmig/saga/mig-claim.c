/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-claim-private.h"

#include "libmig/saga/mig-journal-codec-private.h"

/* A claim's record, as it was read. */
typedef struct
{
  char       *key;
  const char *part;     /* within the claim; "": the whole */
  guint64     revision; /* 0: it is not there */
  MigFacts   *holders;  /* ids of operations, and the part that each has */
} Claim;

static void
claim_clear (Claim *self)
{
  g_clear_pointer (&self->key, g_free);
  g_clear_pointer (&self->holders, mig_facts_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Claim, claim_clear)

static gboolean
claim_read (Claim       *self,
            MigEngine   *engine,
            const char  *claim,
            GError     **error)
{
  const char *colon = strchr (claim, ':');
  g_autoptr (MigRecord) stored = NULL;
  g_autoptr (GError) local = NULL;

  self->key = colon != NULL ? g_strndup (claim, (gsize) (colon - claim)) : g_strdup (claim);
  self->part = colon != NULL ? colon + 1 : "";

  stored = mig_state_store_get (mig_engine_get_store (engine), self->key, NULL, &local);
  if (stored == NULL && !g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }

  self->revision = stored != NULL ? mig_record_get_revision (stored) : 0;
  self->holders = stored != NULL ? mig_journal_decode_holders (self->key, mig_record_get_value (stored), error)
                                 : mig_facts_new ();

  return self->holders != NULL;
}

static void
claim_write (Claim          *self,
             MigTransaction *transaction)
{
  g_auto (GStrv) ids = mig_facts_list_names (self->holders);
  g_autofree char *value = mig_journal_encode_holders (self->holders);

  mig_transaction_require (transaction, self->key, self->revision);
  if (*ids != NULL)
    mig_transaction_put (transaction, self->key, value);
  else
    mig_transaction_delete (transaction, self->key);
}

static gboolean
excludes (const char *part,
          const char *other)
{
  return *part == '\0' || *other == '\0' || g_str_equal (part, other);
}

/* FALSE: the operation @id is not over, or that cannot be told. */
static gboolean
is_over (Claim       *self,
         MigEngine   *engine,
         const char  *id,
         GError     **error)
{
  g_autofree char *key = mig_operation_record_key (id);
  g_autoptr (GError) local = NULL;
  g_autoptr (MigRecord) stored = mig_state_store_get (mig_engine_get_store (engine), key, NULL, &local);
  g_autoptr (MigOperationRecord) record = NULL;

  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return TRUE;

  if (stored != NULL)
    record = mig_journal_decode_record (id, mig_record_get_value (stored), &local);
  if (record == NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  else if (mig_operation_record_is_over (record))
    return TRUE;
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "%s%s%s belongs to operation %s (%s of %s), which has not ended",
                 self->key, *self->part != '\0' ? ":" : "", self->part, id, record->kind,
                 record->subject != NULL ? record->subject : "?");

  return FALSE;
}

gboolean
mig_claim_take (MigEngine       *engine,
                const char      *id,
                const char      *claim,
                MigTransaction  *transaction,
                GError         **error)
{
  g_auto (Claim) self = { NULL };
  g_auto (GStrv) ids = NULL;

  if (!claim_read (&self, engine, claim, error))
    return FALSE;
  if (g_strcmp0 (mig_facts_get_string (self.holders, id), self.part) == 0)
    return TRUE;

  ids = mig_facts_list_names (self.holders);
  for (char **other = ids; *other != NULL; other++)
    {
      const char *part = mig_facts_get_string (self.holders, *other);

      if (g_str_equal (*other, id) || part == NULL || !excludes (self.part, part))
        continue;
      if (!is_over (&self, engine, *other, error))
        return FALSE;
      mig_facts_remove (self.holders, *other);
    }

  mig_facts_set_string (self.holders, id, self.part);
  if (transaction != NULL)
    claim_write (&self, transaction);

  return TRUE;
}

gboolean
mig_claim_drop (MigEngine       *engine,
                const char      *id,
                const char      *claim,
                MigTransaction  *transaction,
                GError         **error)
{
  g_auto (Claim) self = { NULL };

  if (!claim_read (&self, engine, claim, error))
    return FALSE;

  if (mig_facts_has (self.holders, id))
    {
      mig_facts_remove (self.holders, id);
      claim_write (&self, transaction);
    }

  return TRUE;
}
