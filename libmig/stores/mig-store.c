/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/stores/mig-store-private.h"

void
mig_store_emit_changes (MigStateStore  *store,
                        MigTransaction *transaction)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  guint n_changes = mig_transaction_get_n_changes (transaction);

  for (guint i = 0; i < n_changes; i++)
    {
      const char *key = mig_transaction_get_change_key (transaction, i);

      if (g_hash_table_add (seen, (gpointer) key))
        mig_state_store_emit_changed (store, key);
    }
}

void
mig_store_set_not_found (const char  *key,
                         GError     **error)
{
  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "there is no record “%s”", key);
}

void
mig_store_set_conflict (const char  *key,
                        guint64      wanted,
                        guint64      found,
                        GError     **error)
{
  if (found == 0)
    g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT,
                 "the record “%s” does not exist; revision %" G_GUINT64_FORMAT " was expected", key, wanted);
  else if (wanted == 0)
    g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT,
                 "the record “%s” exists already, at revision %" G_GUINT64_FORMAT, key, found);
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT,
                 "the record “%s” is at revision %" G_GUINT64_FORMAT ", not %" G_GUINT64_FORMAT, key, found, wanted);
}
