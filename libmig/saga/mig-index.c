/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-index-private.h"

#include "libmig/core/mig-clock-private.h"
#include "libmig/saga/mig-request-private.h"

/* One that is made between this and the commit stays, and does no harm: nobody hears it, and it is forgotten with the
 * operation, or when another one of this id begins. */
static gboolean
forget_requests (MigEngine       *engine,
                 const char      *id,
                 MigTransaction  *transaction,
                 GError         **error)
{
  g_autoptr (GPtrArray) requests = mig_request_list (engine, id, error);

  for (guint i = 0; requests != NULL && i < requests->len; i++)
    mig_transaction_delete (transaction, mig_record_get_key (g_ptr_array_index (requests, i)));

  return requests != NULL;
}

gboolean
mig_index_begin (MigEngine       *engine,
                 const char      *id,
                 MigTransaction  *transaction,
                 GError         **error)
{
  g_autofree char *key = g_strconcat (MIG_INDEX_UNFINISHED, id, NULL);

  mig_transaction_put (transaction, key, "{\"v\":1}");

  return forget_requests (engine, id, transaction, error);
}

void
mig_index_end (MigEngine          *engine,
               MigOperationRecord *record,
               MigTransaction     *transaction)
{
  g_autofree char *unfinished = g_strconcat (MIG_INDEX_UNFINISHED, record->id, NULL);
  g_autofree char *finished = NULL;
  g_autofree char *time = NULL;

  if (!mig_operation_record_is_over (record))
    return; /* whoever recovers it has to know what was asked of it */

  forget_requests (engine, record->id, transaction, NULL);
  time = mig_clock_format (g_get_real_time ());
  finished = g_strdup_printf (MIG_INDEX_FINISHED "%s/%s", time, record->id);
  mig_transaction_delete (transaction, unfinished);
  mig_transaction_put (transaction, finished, "{\"v\":1}");
}

/* All that there is of one operation, in one commit; whoever else forgets it at the same moment does nothing. */
static gboolean
forget (MigEngine  *engine,
        MigRecord  *row,
        const char *id)
{
  MigStateStore *store = mig_engine_get_store (engine);
  g_autofree char *key = mig_operation_record_key (id);
  g_autofree char *prefix = g_strconcat (key, "/", NULL);
  g_autoptr (GPtrArray) lines = mig_state_store_list (store, prefix, NULL, 0, NULL, NULL);
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();

  if (lines == NULL || !forget_requests (engine, id, transaction, NULL))
    return FALSE;

  mig_transaction_require (transaction, mig_record_get_key (row), mig_record_get_revision (row));
  mig_transaction_delete (transaction, mig_record_get_key (row));
  mig_transaction_delete (transaction, key);
  for (guint i = 0; i < lines->len; i++)
    mig_transaction_delete (transaction, mig_record_get_key (g_ptr_array_index (lines, i)));

  return mig_state_store_commit (store, transaction, NULL, NULL) != 0;
}

static gboolean
is_old (const char *key,
        const char *id,
        gint64      max_age)
{
  const char *from = key + strlen (MIG_INDEX_FINISHED);
  g_autofree char *text = g_strndup (from, (gsize) (id - 1 - from));
  gint64 time;

  return mig_clock_parse (text, &time) && time < g_get_real_time () - max_age;
}

guint
mig_index_prune (MigEngine *engine,
                 gint64     max_age,
                 guint      max_finished,
                 guint      max)
{
  /* The oldest come first; to know how many there are takes the whole list. */
  guint limit = max_finished > 0 ? max_finished + max : max;
  g_autoptr (GPtrArray) rows = mig_state_store_list (mig_engine_get_store (engine), MIG_INDEX_FINISHED, NULL, limit,
                                                     NULL, NULL);
  guint n_forgotten = 0;

  for (guint i = 0; rows != NULL && i < MIN (rows->len, max); i++)
    {
      MigRecord *row = g_ptr_array_index (rows, i);
      const char *id = strrchr (mig_record_get_key (row), '/') + 1;
      gboolean surplus = max_finished > 0 && rows->len - i > max_finished;

      if (!surplus && !is_old (mig_record_get_key (row), id, max_age))
        break;
      if (forget (engine, row, id))
        n_forgotten++;
    }

  return n_forgotten;
}
