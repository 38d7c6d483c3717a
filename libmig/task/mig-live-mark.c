/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-state-store.h>

#include "libmig/saga/mig-journal-codec-private.h"
#include "libmig/task/mig-live-private.h"

/* Whose a guest is. The mark is in the guest's own metadata, so that it travels with it; it names the operation, and
 * the store in which that is found. */

#define STORE_ID_KEY "store/id"

/* Made by whoever asks first. */
static char *
dup_store_id (MigStateStore  *store,
              GError        **error)
{
  for (;;)
    {
      g_autoptr (MigTransaction) transaction = mig_transaction_new ();
      g_autofree char *id = g_uuid_string_random ();
      g_autoptr (GError) local = NULL;
      g_autoptr (MigRecord) record = mig_state_store_get (store, STORE_ID_KEY, NULL, &local);

      if (record != NULL)
        return g_strdup (mig_record_get_value (record));
      if (!g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return NULL;
        }

      g_clear_error (&local);
      mig_transaction_require (transaction, STORE_ID_KEY, 0);
      mig_transaction_put (transaction, STORE_ID_KEY, id);
      if (mig_state_store_commit (store, transaction, NULL, &local) != 0)
        return g_steal_pointer (&id);
      if (!g_error_matches (local, MIG_ERROR, MIG_ERROR_CONFLICT))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return NULL;
        }
    }
}

char *
mig_live_make_mark (MigLive  *self,
                    GError  **error)
{
  MigCluster *cluster = mig_operation_get_cluster (MIG_OPERATION (self->task));
  g_autofree char *store = dup_store_id (mig_cluster_get_store (cluster), error);

  if (store == NULL)
    return NULL;

  return g_strdup_printf ("%s@%s", mig_operation_get_id (MIG_OPERATION (self->task)), store);
}

gboolean
mig_live_mark_is_stale (MigCluster *cluster,
                        const char *mark,
                        const char *own)
{
  const char *at = strchr (mark, '@');
  g_autofree char *id = NULL;
  g_autofree char *key = NULL;
  g_autoptr (MigRecord) record = NULL;
  g_autoptr (MigOperationRecord) operation = NULL;
  g_autoptr (GError) error = NULL;

  /* An operation of another store cannot be asked how it stands. */
  if (at == NULL || g_strcmp0 (at, strchr (own, '@')) != 0)
    return FALSE;

  id = g_strndup (mark, at - mark);
  key = mig_operation_record_key (id);
  record = mig_state_store_get (mig_cluster_get_store (cluster), key, NULL, &error);
  if (record == NULL)
    return g_error_matches (error, MIG_ERROR, MIG_ERROR_NOT_FOUND); /* ended so long ago that it is forgotten */
  operation = mig_journal_decode_record (id, mig_record_get_value (record), NULL);

  return operation != NULL && mig_operation_record_is_over (operation);
}
