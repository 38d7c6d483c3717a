/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-request-private.h"

#include "libmig/core/mig-clock-private.h"
#include "libmig/saga/mig-journal-codec-private.h"

#define MAX_TRIES 10

char *
mig_request_key (const char *id,
                 const char *name)
{
  return g_strdup_printf ("request/%s/%s", id, name);
}

/* As far as the record tells. The process that runs the operation knows better, and may still refuse. */
static const char *
find_obstacle (MigOperationRecord *record,
               const char         *name)
{
  if (record->status >= MIG_STATUS_COMPLETED)
    return "the operation has ended";
  if (!g_str_equal (name, MIG_REQUEST_ABORT))
    return NULL;
  if (record->status == MIG_STATUS_POST_COPY)
    return "it has begun to change hands";
  if (record->phase == MIG_PHASE_SWITCHOVER)
    return "it is changing hands";

  return record->phase == MIG_PHASE_FINISH ? "the point of no return has been passed, it only goes forward" : NULL;
}

/* The record of the operation is a condition, so that no request is left behind one that has just ended. */
static gboolean
put_once (MigStateStore  *store,
          const char     *id,
          const char     *name,
          GError        **error)
{
  g_autofree char *record_key = mig_operation_record_key (id);
  g_autofree char *key = mig_request_key (id, name);
  g_autofree char *time = mig_clock_format (g_get_real_time ());
  g_autofree char *value = g_strdup_printf ("{\"v\":1,\"time\":\"%s\"}", time);
  g_autoptr (MigRecord) stored = mig_state_store_get (store, record_key, NULL, error);
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();
  g_autoptr (MigOperationRecord) record = NULL;
  const char *obstacle;

  if (stored == NULL)
    return FALSE;

  record = mig_journal_decode_record (id, mig_record_get_value (stored), error);
  if (record == NULL)
    return FALSE;
  obstacle = find_obstacle (record, name);
  if (obstacle != NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "cannot %s: %s", name, obstacle);
      return FALSE;
    }

  mig_transaction_require (transaction, record_key, mig_record_get_revision (stored));
  mig_transaction_put (transaction, key, value);

  return mig_state_store_commit (store, transaction, NULL, error) != 0;
}

gboolean
mig_request_put (MigEngine   *engine,
                 const char  *id,
                 const char  *name,
                 GError     **error)
{
  for (guint tries = 1;; tries++)
    {
      g_autoptr (GError) local = NULL;

      if (put_once (mig_engine_get_store (engine), id, name, &local))
        return TRUE;

      if (!g_error_matches (local, MIG_ERROR, MIG_ERROR_CONFLICT) || tries == MAX_TRIES)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
    }
}

GPtrArray *
mig_request_list (MigEngine   *engine,
                  const char  *id,
                  GError     **error)
{
  g_autofree char *prefix = mig_request_key (id, "");

  return mig_state_store_list (mig_engine_get_store (engine), prefix, NULL, 0, NULL, error);
}

const char *
mig_request_name (MigRecord *record)
{
  return strrchr (mig_record_get_key (record), '/') + 1;
}
