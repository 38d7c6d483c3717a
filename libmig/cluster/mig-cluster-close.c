/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/cluster/mig-cluster-private.h"

#include "libmig/saga/mig-operation-core-private.h"

static void
end_operations (MigCluster   *self,
                MigCloseMode  mode)
{
  g_autoptr (GPtrArray) operations = mig_engine_list (self->engine);

  for (guint i = 0; i < operations->len; i++)
    {
      g_autoptr (MigOperationState) state = mig_operation_ref_state (g_ptr_array_index (operations, i));

      if (mode == MIG_CLOSE_MODE_DETACH)
        mig_operation_state_detach (state);
      else if (mode == MIG_CLOSE_MODE_ABORT)
        mig_operation_state_want_abort (state);
    }
  mig_keeper_wake (self->keeper);
}

/**
 * mig_cluster_close:
 * @self: a cluster
 * @mode: what to do with the operations that run
 * @cancellable: (nullable): ends the waiting; no new operations are taken all the same
 * @error: return location for a #GError
 *
 * Ends the cluster's work: takes no new operations, and returns when none runs any more and all of its threads have
 * ended.
 *
 * %MIG_CLOSE_MODE_DETACH leaves peer-to-peer moves and mirrors to go on by themselves, for [method@Cluster.recover]
 * of another process to find; it waits for moves that need this process.
 *
 * %G_IO_ERROR_CANCELLED, and %MIG_ERROR_INVALID_STATE in a forked child.
 *
 * Returns: %TRUE if it is closed
 *
 * Since: 0.1
 */
gboolean
mig_cluster_close (MigCluster    *self,
                   MigCloseMode   mode,
                   GCancellable  *cancellable,
                   GError       **error)
{
  g_return_val_if_fail (MIG_IS_CLUSTER (self), FALSE);

  if (!mig_cluster_check_usable (self, error))
    return FALSE;

  mig_engine_close (self->engine);
  end_operations (self, mode);
  if (!mig_engine_wait (self->engine, cancellable, error))
    return FALSE;

  mig_engine_join (self->engine);
  mig_keeper_stop (self->keeper);
  mig_cluster_drop_lease (self);

  return TRUE;
}

typedef struct
{
  GTask *task;
  void (*func) (GTask *task);
} Call;

static gpointer
call_main (gpointer data)
{
  Call *call = data;

  call->func (call->task);
  g_object_unref (call->task);
  g_free (call);

  return NULL;
}

/* GTask's own pool is small and meant for short work. */
void
mig_cluster_run_task (GTask  *task,
                      void  (*func) (GTask *task))
{
  Call *call = g_new0 (Call, 1);
  g_autoptr (GError) error = NULL;
  GThread *thread;

  call->task = g_object_ref (task);
  call->func = func;
  thread = g_thread_try_new ("mig-cluster", call_main, call, &error);
  if (thread != NULL)
    {
      g_thread_unref (thread);
      return;
    }

  g_task_return_new_error (task, MIG_ERROR, MIG_ERROR_BUSY, "no thread could be started: %s", error->message);
  g_object_unref (call->task);
  g_free (call);
}

static void
close_now (GTask *task)
{
  MigCloseMode mode = GPOINTER_TO_INT (g_task_get_task_data (task));
  GError *error = NULL;

  if (mig_cluster_close (g_task_get_source_object (task), mode, g_task_get_cancellable (task), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * mig_cluster_close_async:
 * @self: a cluster
 * @mode: what to do with the operations that run
 * @cancellable: (nullable): ends the waiting: the cluster goes on closing
 * @callback: (scope async): called when it is closed
 * @user_data: for @callback
 *
 * Does what [method@Cluster.close] does, without blocking.
 *
 * Since: 0.1
 */
void
mig_cluster_close_async (MigCluster          *self,
                         MigCloseMode         mode,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MIG_IS_CLUSTER (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mig_cluster_close_async);
  g_task_set_task_data (task, GINT_TO_POINTER (mode), NULL);
  mig_cluster_run_task (task, close_now);
}

/**
 * mig_cluster_close_finish:
 * @self: a cluster
 * @result: what the callback got
 * @error: return location for a #GError
 *
 * Ends [method@Cluster.close_async].
 *
 * Returns: %TRUE if it is closed
 *
 * Since: 0.1
 */
gboolean
mig_cluster_close_finish (MigCluster    *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (MIG_IS_CLUSTER (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
