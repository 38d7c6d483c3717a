/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/cluster/mig-cluster-private.h"

#include <libmig/mig-operation-info.h>

#include "libmig/saga/mig-index-private.h"
#include "libmig/saga/mig-journal-codec-private.h"

/* What the store tells of operations, whoever runs them. */

static MigOperationInfo *
describe (MigOperationRecord *record)
{
  return g_object_new (MIG_TYPE_OPERATION_INFO,
                       "id", record->id,
                       "key", record->key,
                       "kind", record->kind,
                       "subject", record->subject,
                       "source", record->source,
                       "destination", record->destination,
                       "phase", record->phase,
                       "status", record->status,
                       "attempt", (gint64) record->attempt,
                       "created", record->created,
                       "updated", record->updated,
                       "owner", record->owner,
                       "error", record->error,
                       "debts", record->debts,
                       NULL);
}

/* Nobody can tell how it stands; only the index says whether it had ended. */
static MigOperationInfo *
describe_damaged (const char   *id,
                  const char   *index,
                  const GError *error)
{
  return g_object_new (MIG_TYPE_OPERATION_INFO,
                       "id", id,
                       "phase", g_str_equal (index, MIG_INDEX_FINISHED) ? MIG_PHASE_DONE : MIG_PHASE_NONE,
                       "status", MIG_STATUS_ERROR,
                       "error", error,
                       NULL);
}

/* The last part of an index record's key is an id. */
static gboolean
add_indexed (MigStateStore  *store,
             const char     *index,
             GPtrArray      *infos,
             GCancellable   *cancellable,
             GError        **error)
{
  g_autoptr (GPtrArray) rows = mig_state_store_list (store, index, NULL, 0, cancellable, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const char *id = strrchr (mig_record_get_key (g_ptr_array_index (rows, i)), '/') + 1;
      g_autofree char *key = mig_operation_record_key (id);
      g_autoptr (MigOperationRecord) record = NULL;
      g_autoptr (MigRecord) stored = NULL;
      g_autoptr (GError) local = NULL;

      stored = mig_state_store_get (store, key, cancellable, &local);
      if (stored != NULL)
        record = mig_journal_decode_record (id, mig_record_get_value (stored), &local);
      if (record != NULL)
        g_ptr_array_add (infos, describe (record));
      else if (g_error_matches (local, MIG_ERROR, MIG_ERROR_CORRUPT))
        g_ptr_array_add (infos, describe_damaged (id, index, local));
      else if (!g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND)) /* pruned meanwhile */
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
    }

  return rows != NULL;
}

static int
compare_created (gconstpointer a,
                 gconstpointer b)
{
  gint64 first = mig_operation_info_get_created (*(MigOperationInfo *const *) a);
  gint64 second = mig_operation_info_get_created (*(MigOperationInfo *const *) b);

  return (first > second) - (first < second);
}

/**
 * mig_cluster_list_operations:
 * @self: a cluster
 * @cancellable: (nullable): ends the call
 * @error: return location for a #GError
 *
 * Lists all operations in the store, those of other processes and those that have ended too, oldest first. One whose
 * record cannot be read has the error %MIG_ERROR_CORRUPT and no kind; it comes before all others.
 *
 * Errors: those of the store, and %MIG_ERROR_INVALID_STATE in a forked child.
 *
 * Returns: (transfer container) (element-type MigOperationInfo): the operations, or %NULL on error
 *
 * Since: 0.1
 */
GPtrArray *
mig_cluster_list_operations (MigCluster    *self,
                             GCancellable  *cancellable,
                             GError       **error)
{
  g_autoptr (GPtrArray) infos = g_ptr_array_new_with_free_func (g_object_unref);
  MigStateStore *store;

  g_return_val_if_fail (MIG_IS_CLUSTER (self), NULL);

  store = mig_cluster_get_store (self);
  if (!mig_cluster_check_usable (self, error) ||
      !add_indexed (store, MIG_INDEX_FINISHED, infos, cancellable, error) ||
      !add_indexed (store, MIG_INDEX_UNFINISHED, infos, cancellable, error))
    return NULL;

  g_ptr_array_sort (infos, compare_created);

  return g_steal_pointer (&infos);
}

GPtrArray *
mig_cluster_list_unfinished (MigCluster    *self,
                             GCancellable  *cancellable,
                             GError       **error)
{
  g_autoptr (GPtrArray) infos = g_ptr_array_new_with_free_func (g_object_unref);

  if (!mig_cluster_check_usable (self, error) ||
      !add_indexed (mig_cluster_get_store (self), MIG_INDEX_UNFINISHED, infos, cancellable, error))
    return NULL;

  g_ptr_array_sort (infos, compare_created);

  return g_steal_pointer (&infos);
}

MigOperationRecord *
mig_cluster_read_record (MigCluster    *self,
                         const char    *id,
                         GCancellable  *cancellable,
                         GError       **error)
{
  g_autofree char *key = mig_operation_record_key (id);
  g_autoptr (GError) local = NULL;
  g_autoptr (MigRecord) stored = mig_state_store_get (mig_cluster_get_store (self), key, cancellable, &local);

  if (stored != NULL)
    return mig_journal_decode_record (id, mig_record_get_value (stored), error);

  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "there is no operation “%s”", id);
  else
    g_propagate_error (error, g_steal_pointer (&local));

  return NULL;
}

/* All that the record counts; more may have come since it was read. */
static GPtrArray *
list_lines (MigCluster          *self,
            MigOperationRecord  *record,
            GCancellable        *cancellable,
            GError             **error)
{
  g_autofree char *prefix = mig_journal_line_prefix (record->id);
  g_autoptr (GPtrArray) lines = NULL;

  lines = mig_state_store_list (mig_cluster_get_store (self), prefix, NULL, 0, cancellable, error);
  for (guint i = 0; lines != NULL && i < MAX (lines->len, record->n_lines); i++)
    {
      g_autofree char *key = mig_journal_line_key (record->id, i + 1);

      if (i < lines->len && g_str_equal (mig_record_get_key (g_ptr_array_index (lines, i)), key))
        continue;
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "the journal of %s: line %u is missing", record->id, i + 1);
      return NULL;
    }

  return g_steal_pointer (&lines);
}

/**
 * mig_cluster_dup_journal:
 * @self: a cluster
 * @id: the id of an operation
 * @cancellable: (nullable): ends the call
 * @error: return location for a #GError
 *
 * Gets the journal of an operation: a JSON array of its lines, in the order in which they were written.
 *
 * Errors: %MIG_ERROR_NOT_FOUND, %MIG_ERROR_CORRUPT when the record or a line cannot be read or a line is missing, those
 * of the store, and %MIG_ERROR_INVALID_STATE in a forked child.
 *
 * Returns: (transfer full): the journal, or %NULL on error
 *
 * Since: 0.1
 */
char *
mig_cluster_dup_journal (MigCluster    *self,
                         const char    *id,
                         GCancellable  *cancellable,
                         GError       **error)
{
  g_autoptr (MigOperationRecord) record = NULL;
  g_autoptr (GPtrArray) lines = NULL;
  g_autoptr (GString) text = NULL;

  g_return_val_if_fail (MIG_IS_CLUSTER (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);

  if (!mig_cluster_check_usable (self, error))
    return NULL;

  record = mig_cluster_read_record (self, id, cancellable, error);
  lines = record != NULL ? list_lines (self, record, cancellable, error) : NULL;
  if (lines == NULL)
    return NULL;

  text = g_string_new ("[");
  for (guint i = 0; i < lines->len; i++)
    {
      MigRecord *stored = g_ptr_array_index (lines, i);
      g_autoptr (MigJournalLine) line = mig_journal_decode_line (mig_record_get_key (stored),
                                                                 mig_record_get_value (stored), error);

      if (line == NULL)
        return NULL;
      g_string_append_printf (text, "%s%s", i > 0 ? "," : "", mig_record_get_value (stored));
    }
  g_string_append_c (text, ']');

  return g_string_free (g_steal_pointer (&text), FALSE);
}
