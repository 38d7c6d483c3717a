/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-cluster.h>

#include "libmig/cluster/mig-cluster-private.h"
#include "libmig/core/mig-clock-private.h"
#include "libmig/core/mig-log-private.h"
#include "libmig/core/mig-waiter-private.h"
#include "libmig/recovery/mig-revive-private.h"
#include "libmig/saga/mig-index-private.h"
#include "libmig/saga/mig-journal-codec-private.h"
#include "libmig/saga/mig-runner-private.h"

/* Finding operations that nobody runs any more, and making them ours. What becomes of them the engine decides by the
 * journal and by looking at the world. */

#define LOOK_AGAIN (G_USEC_PER_SEC / 4)
#define LEASE_MARGIN 1.0
#define PATIENCE (5 * G_USEC_PER_SEC)

typedef struct
{
  MigCluster *cluster;
  MigLease   *lease;
  GPtrArray  *operations; /* claimed */
  GHashTable *dead;       /* owner whose operations were taken over → guint64, the revision of its lease */
  gint64      patience;   /* until when a store that does not answer is asked again; monotonic */
  GError     *unanswered; /* what it said last, when it was asked no more */
} Recovery;

static MigOperationRecord *
read_record (Recovery    *self,
             const char  *id,
             GError     **error)
{
  g_autofree char *key = mig_operation_record_key (id);
  g_autoptr (MigRecord) stored = mig_state_store_get (mig_cluster_get_store (self->cluster), key, NULL, error);

  return stored != NULL ? mig_journal_decode_record (id, mig_record_get_value (stored), error) : NULL;
}

/* Writes this process into the record as its owner; whoever else wanted to at the same moment gets CONFLICT. So does
 * this process, if the owner has given a sign of life since it was judged. */
static gboolean
take_over (Recovery            *self,
           MigOperationRecord  *stale,
           guint64              lease_revision,
           GError             **error)
{
  MigEngine *engine = mig_engine_of (G_OBJECT (self->cluster));
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();
  g_autoptr (MigFacts) facts = mig_facts_new ();
  g_autoptr (MigJournal) journal = NULL;
  MigOperationRecord *record;

  if (!mig_cluster_hold_lease (self->cluster, LEASE_MARGIN, error))
    return FALSE;

  journal = mig_journal_open (engine, stale->id, facts, error);
  if (journal == NULL)
    return FALSE;

  if (stale->owner != NULL && g_strcmp0 (stale->owner, mig_engine_get_owner (engine)) != 0)
    {
      g_autofree char *key = mig_lease_key (stale->owner);

      mig_transaction_require (transaction, key, lease_revision);
    }

  /* It may have changed hands since its owner was judged. */
  record = mig_journal_get_record (journal);
  if (record->epoch != stale->epoch || g_strcmp0 (record->owner, stale->owner) != 0 ||
      mig_operation_record_is_over (record))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "somebody else has taken operation %s over", stale->id);
      return FALSE;
    }

  g_free (record->owner);
  record->owner = g_strdup (mig_engine_get_owner (engine));
  record->epoch++;
  record->status = MIG_STATUS_RECOVERING;
  mig_journal_add (journal, MIG_LINE_CLAIMED, NULL);

  return mig_journal_commit (journal, transaction, error);
}

/* TRUE: the operation is left as it is; otherwise it is to be considered again. */
static gboolean
give_up (Recovery     *self,
         const char   *id,
         const GError *error)
{
  if (mig_runner_may_pass (error))
    {
      if (g_get_monotonic_time () < self->patience)
        return FALSE;
      g_clear_error (&self->unanswered);
      self->unanswered = g_error_copy (error);
    }

  mig_log_warning (NULL, "operation %s cannot be recovered: %s", id, error->message);

  return TRUE;
}

/* Made, and looked at, before it is claimed: what this libmig or this cluster cannot run it leaves to one that can. */
static MigOperation *
revive (Recovery            *self,
        MigOperationRecord  *record,
        GError             **error)
{
  g_autoptr (MigOperation) operation = mig_revive (self->cluster, record, error);

  if (operation == NULL || !MIG_OPERATION_GET_CLASS (operation)->validate (operation, error))
    return NULL;

  return g_steal_pointer (&operation);
}

/* TRUE: it is settled whether the operation is ours. */
static gboolean
claim (Recovery           *self,
       MigOperationRecord *record,
       MigOwner            owner)
{
  g_autoptr (MigOperation) operation = NULL;
  g_autoptr (GError) error = NULL;

  operation = revive (self, record, &error);
  /* Another thread may have done that since it was looked for. */
  if (operation != NULL && !mig_engine_note_claim (mig_engine_of (G_OBJECT (self->cluster)), operation))
    return TRUE;
  if (operation != NULL && take_over (self, record, owner.revision, &error))
    {
      if (owner.state == MIG_OWNER_DEAD && record->owner != NULL)
        g_hash_table_replace (self->dead, g_strdup (record->owner),
                              g_memdup2 (&owner.revision, sizeof owner.revision));
      mig_operation_claim (operation, record);
      g_ptr_array_add (self->operations, g_steal_pointer (&operation));
      return TRUE;
    }

  /* Somebody else was quicker. */
  return g_error_matches (error, MIG_ERROR, MIG_ERROR_CONFLICT) || give_up (self, record->id, error);
}

/* TRUE: it is settled whether the operation is ours. */
static gboolean
consider (Recovery    *self,
          const char  *id)
{
  MigEngine *engine = mig_engine_of (G_OBJECT (self->cluster));
  g_autoptr (MigOperationRecord) record = NULL;
  g_autoptr (GError) error = NULL;
  MigOwner owner = { MIG_OWNER_DEAD, 0 };

  /* It runs here, or somebody here has it already and has not run it yet. */
  if (mig_engine_has (engine, id))
    return TRUE;

  record = read_record (self, id, &error);
  if (record == NULL)
    return g_error_matches (error, MIG_ERROR, MIG_ERROR_NOT_FOUND) || give_up (self, id, error);
  if (mig_operation_record_is_over (record))
    return TRUE;

  if (record->owner != NULL)
    owner = mig_lease_judge (self->lease, record->owner, &error);
  if (error != NULL)
    return give_up (self, id, error);
  /* What is our own, and does not run, was let go of: claimed and dropped, or left when the store did not answer. */
  if (owner.state == MIG_OWNER_DEAD || owner.state == MIG_OWNER_SELF)
    return claim (self, record, owner);

  return owner.state != MIG_OWNER_UNSURE;
}

static GPtrArray *
list_unfinished (MigCluster    *cluster,
                 GCancellable  *cancellable,
                 GError       **error)
{
  g_autoptr (GPtrArray) rows = NULL;
  GPtrArray *ids;

  rows = mig_state_store_list (mig_cluster_get_store (cluster), MIG_INDEX_UNFINISHED, NULL, 0, cancellable, error);
  if (rows == NULL)
    return NULL;

  ids = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < rows->len; i++)
    g_ptr_array_add (ids, g_strdup (mig_record_get_key (g_ptr_array_index (rows, i)) + strlen (MIG_INDEX_UNFINISHED)));

  return ids;
}

static void
bury_owners (Recovery *self)
{
  GHashTableIter iter;
  gpointer owner, revision;

  g_hash_table_iter_init (&iter, self->dead);
  while (g_hash_table_iter_next (&iter, &owner, &revision))
    mig_lease_bury (self->lease, owner, *(guint64 *) revision);
}

static gboolean
check_open (MigCluster  *cluster,
            GError     **error)
{
  if (!mig_engine_is_closed (mig_engine_of (G_OBJECT (cluster))))
    return TRUE;

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "the cluster has been closed");

  return FALSE;
}

/* Until it is known of every owner whether it lives, which takes one ttl at the most. */
static gboolean
consider_all (Recovery      *self,
              GPtrArray     *ids,
              GCancellable  *cancellable,
              GError       **error)
{
  g_autoptr (MigWaiter) waiter = mig_waiter_new (); /* only the cancellable wakes it */

  for (;;)
    {
      if (!check_open (self->cluster, error))
        return FALSE;
      for (guint i = 0; i < ids->len;)
        {
          if (consider (self, g_ptr_array_index (ids, i)))
            g_ptr_array_remove_index_fast (ids, i);
          else
            i++;
        }

      if (ids->len == 0)
        return TRUE;
      if (g_cancellable_is_cancelled (cancellable) && self->operations->len > 0)
        return TRUE;
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      mig_waiter_wait (waiter, mig_waiter_ticket (waiter), g_get_monotonic_time () + LOOK_AGAIN, cancellable);
    }
}

/**
 * mig_cluster_recover:
 * @self: a cluster
 * @cancellable: (nullable): ends the call
 * @error: return location for a #GError
 *
 * Finds the operations whose process has ended, or has been silent for its [property@Cluster:lease-ttl], and makes them
 * this cluster's. They do not run yet: connect to their signals, then run each with [method@Operation.run_async].
 * Each then goes on to its end, or back to its beginning, or ends with %MIG_ERROR_OUTCOME_UNKNOWN and says what
 * could not be proved.
 *
 * That a process on this machine has ended is seen at once. Otherwise the call takes as long as the other's lease to
 * see that it is silent, and a third of that to see that it is not, wherever that process is: it may hang. A store that
 * does not answer is asked again for some seconds. When the call is cancelled meanwhile it returns what it has claimed
 * by then.
 *
 * Errors: those of the store, also when it has not answered for some seconds and nothing could be claimed,
 * %G_IO_ERROR_CANCELLED when nothing had been claimed, and %MIG_ERROR_INVALID_STATE in a forked child and when the
 * cluster has been closed. An operation that cannot be read, or names a host that this
 * cluster does not know, is left as it is, with a warning in the log.
 *
 * Returns: (transfer container) (element-type MigOperation): the operations, or %NULL on error
 *
 * Since: 0.1
 */
GPtrArray *
mig_cluster_recover (MigCluster    *self,
                     GCancellable  *cancellable,
                     GError       **error)
{
  g_autoptr (GPtrArray) operations = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GHashTable) dead = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GPtrArray) ids = NULL;
  Recovery recovery;

  g_return_val_if_fail (MIG_IS_CLUSTER (self), NULL);

  if (!mig_cluster_check_usable (self, error) || !check_open (self, error))
    return NULL;

  ids = list_unfinished (self, cancellable, error);
  if (ids == NULL)
    return NULL;

  recovery = (Recovery) {
    .cluster = self,
    .lease = mig_cluster_get_lease (self),
    .operations = operations,
    .dead = dead,
    .patience = g_get_monotonic_time () + PATIENCE,
  };
  if (!consider_all (&recovery, ids, cancellable, error))
    {
      g_clear_error (&recovery.unanswered);
      return NULL;
    }
  bury_owners (&recovery);

  /* What was claimed can be carried on; if that is nothing, the store is what the caller has to know of. */
  if (recovery.unanswered != NULL && operations->len == 0)
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&recovery.unanswered), "nothing can be recovered now: ");
      return NULL;
    }
  g_clear_error (&recovery.unanswered);

  return g_steal_pointer (&operations);
}

static void
recover_now (GTask *task)
{
  GError *error = NULL;
  GPtrArray *operations = mig_cluster_recover (g_task_get_source_object (task), g_task_get_cancellable (task), &error);

  if (operations != NULL)
    g_task_return_pointer (task, operations, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

/**
 * mig_cluster_recover_async:
 * @self: a cluster
 * @cancellable: (nullable): ends the call
 * @callback: (scope async): called when the operations are claimed
 * @user_data: for @callback
 *
 * Does what [method@Cluster.recover] does, without blocking.
 *
 * Since: 0.1
 */
void
mig_cluster_recover_async (MigCluster          *self,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MIG_IS_CLUSTER (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mig_cluster_recover_async);
  g_task_set_check_cancellable (task, FALSE); /* what was claimed is returned all the same */
  mig_cluster_run_task (task, recover_now);
}

/**
 * mig_cluster_recover_finish:
 * @self: a cluster
 * @result: what the callback got
 * @error: return location for a #GError
 *
 * Ends [method@Cluster.recover_async].
 *
 * Returns: (transfer container) (element-type MigOperation): the operations, or %NULL on error
 *
 * Since: 0.1
 */
GPtrArray *
mig_cluster_recover_finish (MigCluster    *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  g_return_val_if_fail (MIG_IS_CLUSTER (self), NULL);
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * mig_cluster_recover_all:
 * @self: a cluster
 * @cancellable: (nullable): ends the waiting; the operations go on
 * @error: return location for a #GError
 *
 * Does what [method@Cluster.recover] does, runs all that it found at the same time, and returns when all have ended.
 * How each ended is told by the operation; they emit no signals.
 *
 * Errors: those of [method@Cluster.recover], and %G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer container) (element-type MigOperation): the operations, or %NULL on error
 *
 * Since: 0.1
 */
GPtrArray *
mig_cluster_recover_all (MigCluster    *self,
                         GCancellable  *cancellable,
                         GError       **error)
{
  g_autoptr (GPtrArray) operations = mig_cluster_recover (self, cancellable, error);

  if (operations == NULL)
    return NULL;

  for (guint i = 0; i < operations->len; i++)
    mig_operation_start (g_ptr_array_index (operations, i));
  for (guint i = 0; i < operations->len; i++)
    {
      mig_operation_wait (g_ptr_array_index (operations, i), cancellable, NULL);
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
    }

  return g_steal_pointer (&operations);
}
