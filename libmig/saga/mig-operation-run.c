/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-operation-core-private.h"
#include "libmig/saga/mig-request-private.h"

/* Starting an operation, and waiting for its end. */

typedef enum {
  PLAN_START, /* it is ours to run */
  PLAN_WATCH, /* somebody else runs it, or has run it */
  PLAN_FAIL,  /* it can't be run */
} Plan;

gboolean
mig_operation_conclude (MigOperation  *self,
                        GError       **error)
{
  g_autoptr (MigOperationState) state = mig_operation_ref_state (self);
  g_auto (MigSnapshot) now = { 0 };

  mig_operation_state_read (state, &now);
  if (now.error == NULL)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&now.error));

  return FALSE;
}

static gboolean
check_same (MigOperation  *self,
            const char    *kind,
            MigFacts      *request,
            GError       **error)
{
  if (g_strcmp0 (kind, mig_operation_get_kind (self)) == 0 &&
      mig_facts_equal (request, mig_operation_get_request (self)))
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "the key “%s” has been used for another request",
               mig_operation_get_key (self));

  return FALSE;
}

gboolean
mig_operation_matches (MigOperation        *self,
                       MigOperationRecord  *record,
                       GError             **error)
{
  return check_same (self, record->kind, record->request, error);
}

gboolean
mig_operation_show_record (MigOperation       *self,
                           MigOperationRecord *record)
{
  g_autoptr (MigOperationState) state = mig_operation_ref_state (self);
  g_autoptr (GVariant) result = NULL;

  mig_operation_state_publish_debts (state, (const char * const *) record->debts);
  if (record->status < MIG_STATUS_COMPLETED)
    {
      mig_operation_state_publish_phase (state, record->phase);
      mig_operation_state_publish_status (state, record->status);
      return FALSE;
    }

  if (record->result != NULL)
    result = mig_facts_to_variant (record->result);
  mig_operation_state_publish_end (state, record->status, record->error, result);

  return TRUE;
}

/* Another object of this id runs in this process. */
static Plan
attach (MigOperation  *self,
        MigOperation  *other,
        GError       **error)
{
  g_autoptr (MigOperationState) state = mig_operation_ref_state (other);

  if (!check_same (self, mig_operation_get_kind (other), mig_operation_get_request (other), error))
    return PLAN_FAIL;

  mig_operation_share_state (self, state);

  return PLAN_WATCH;
}

static Plan
make_plan (MigOperation  *self,
           GError       **error)
{
  MigRole role = mig_operation_get_role (self);
  const char *key = mig_operation_get_key (self);
  g_autoptr (MigOperation) other = NULL;
  g_autoptr (GError) local = NULL;

  if (role == MIG_ROLE_OBSERVER)
    return PLAN_WATCH;
  if (mig_operation_get_cluster (self) == NULL)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the operation has no cluster");
      return PLAN_FAIL;
    }
  if (mig_engine_get_store (mig_operation_get_engine (self)) == NULL)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the cluster has no store");
      return PLAN_FAIL;
    }
  if (role == MIG_ROLE_NEW && (*key == '\0' || !g_utf8_validate (key, -1, NULL)))
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                           "the key of an operation has to be valid UTF-8, and not empty");
      return PLAN_FAIL;
    }
  if (role == MIG_ROLE_NEW && !MIG_OPERATION_GET_CLASS (self)->validate (self, error))
    return PLAN_FAIL;

  other = mig_engine_register (mig_operation_get_engine (self), self, &local);
  if (other != NULL)
    return attach (self, other, error);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return PLAN_FAIL;
    }

  return PLAN_START;
}

/* It could not be started. What the store knows of has not ended by that: recovery will find it. */
static void
fail (MigOperation *self,
      const GError *error)
{
  g_autoptr (MigOperationState) state = mig_operation_ref_state (self);
  g_autoptr (MigJournal) journal = mig_operation_take_journal (self);
  g_autoptr (GError) left = NULL;

  if (journal == NULL && mig_operation_get_role (self) != MIG_ROLE_CLAIMED)
    {
      mig_operation_state_publish_end (state, MIG_STATUS_FAILED, error, NULL);
      return;
    }

  g_set_error (&left, MIG_ERROR, MIG_ERROR_BUSY, "the operation was left as it is, for recovery: %s", error->message);
  mig_operation_state_publish_left (state, left);
}

void
mig_operation_admit (MigOperation *self)
{
  MigEngine *engine = mig_operation_get_engine (self);
  g_autoptr (GError) error = NULL;

  if (mig_engine_spawn (engine, "mig-operation", mig_runner_main, g_object_ref (self), &error))
    return;

  g_object_unref (self); /* the thread's */
  mig_engine_get_hooks (engine)->leave (G_OBJECT (mig_operation_get_cluster (self)), self);
  mig_engine_unregister (engine, self);
  fail (self, error);
}

static void
watch (MigOperation *self)
{
  g_autoptr (MigOperationState) state = mig_operation_ref_state (self);
  GObject *cluster = G_OBJECT (mig_operation_get_cluster (self));

  if (mig_operation_get_role (self) == MIG_ROLE_OBSERVER && !mig_operation_state_has_ended (state))
    mig_engine_get_hooks (mig_operation_get_engine (self))->observe (cluster, self);
}

static void
start (MigOperation *self)
{
  MigEngine *engine = mig_operation_get_engine (self);
  g_autoptr (MigOperationState) state = mig_operation_ref_state (self);
  GObject *cluster = G_OBJECT (mig_operation_get_cluster (self));

  mig_operation_state_forbid_abort (state, NULL);
  if (mig_engine_get_hooks (engine)->admit (cluster, self))
    mig_operation_admit (self);
}

static void
carry_out (MigOperation *self,
           Plan          plan,
           const GError *error)
{
  if (plan == PLAN_START)
    start (self);
  else if (plan == PLAN_WATCH)
    watch (self);
  else
    fail (self, error);
}

void
mig_operation_start (MigOperation *self)
{
  g_autoptr (GError) error = NULL;

  if (mig_operation_take_run (self))
    {
      Plan plan = make_plan (self, &error);

      carry_out (self, plan, error);
    }
}

static void
on_run_cancelled (GCancellable *cancellable G_GNUC_UNUSED,
                  gpointer      operation)
{
  MigOperation *self = operation;
  g_autoptr (MigOperationState) state = mig_operation_ref_state (self);

  mig_operation_state_want_abort (state);
  if (mig_operation_get_cluster (self) == NULL) /* then it is not run either */
    return;

  mig_engine_get_hooks (mig_operation_get_engine (self))->attend (G_OBJECT (mig_operation_get_cluster (self)));
}

static gulong
connect_cancellable (MigOperation *self,
                     GCancellable *cancellable)
{
  if (cancellable == NULL)
    return 0;

  return g_cancellable_connect (cancellable, G_CALLBACK (on_run_cancelled), g_object_ref (self), g_object_unref);
}

static void
set_flag (MigEmitter *emitter G_GNUC_UNUSED,
          gpointer    flag)
{
  *(gboolean *) flag = TRUE;
}

static gboolean
take_run (MigOperation  *self,
          GError       **error)
{
  if (mig_operation_take_run (self))
    return TRUE;

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "the operation has been run before");

  return FALSE;
}

/**
 * mig_operation_run:
 * @self: an operation
 * @cancellable: (nullable): cancelling it is [method@Operation.abort]
 * @error: return location for a #GError
 *
 * Runs the operation, and returns when it has ended. Signals are emitted in the calling thread, without iterating its
 * main context.
 *
 * Cancelling means: stop, and undo what was done; the call returns when that has ended. After the point of no return
 * the operation completes all the same, and the call returns %TRUE.
 *
 * Errors are those of the operation, which [property@Operation:error] keeps, and %MIG_ERROR_INVALID_STATE when it has
 * been run before. %G_IO_ERROR_CANCELLED: it was aborted, and the world is as before. %MIG_ERROR_CONFLICT: the key has
 * been used for another request, or another process has taken the operation over. %MIG_ERROR_BUSY: it was left as it
 * is, for recovery, because the cluster was closed, or because what it depends on did not answer.
 *
 * Returns: %TRUE if the operation completed; debts may be left
 *
 * Since: 0.1
 */
gboolean
mig_operation_run (MigOperation  *self,
                   GCancellable  *cancellable,
                   GError       **error)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (MigOperationState) state = NULL;
  g_autoptr (MigEmitter) emitter = NULL;
  g_autoptr (GError) local = NULL;
  gboolean ended = FALSE;
  gulong handler;
  Plan plan;

  g_return_val_if_fail (MIG_IS_OPERATION (self), FALSE);

  if (!take_run (self, error))
    return FALSE;

  plan = make_plan (self, &local);
  state = mig_operation_ref_state (self);
  context = g_main_context_new ();
  emitter = mig_emitter_new (self, context, FALSE, set_flag, &ended);
  mig_operation_state_add_emitter (state, emitter);
  handler = connect_cancellable (self, cancellable);

  carry_out (self, plan, local);
  while (!ended)
    g_main_context_iteration (context, TRUE);

  if (handler != 0)
    g_cancellable_disconnect (cancellable, handler);

  return mig_operation_conclude (self, error);
}

typedef struct
{
  GTask        *task;
  GCancellable *cancellable;
  gulong        handler;
} RunCall;

static void
run_call_ended (MigEmitter *emitter G_GNUC_UNUSED,
                gpointer    data)
{
  RunCall *call = data;
  g_autoptr (GTask) task = call->task;
  g_autoptr (GError) error = NULL;

  if (call->handler != 0)
    g_cancellable_disconnect (call->cancellable, call->handler);
  g_clear_object (&call->cancellable);
  g_free (call);

  if (mig_operation_conclude (g_task_get_source_object (task), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/**
 * mig_operation_run_async:
 * @self: an operation
 * @cancellable: (nullable): cancelling it is [method@Operation.abort]
 * @callback: (scope async): called when the operation has ended, after its last signal
 * @user_data: for @callback
 *
 * Runs the operation like [method@Operation.run], without blocking. Signals are emitted in the thread-default main
 * context of this call; a context that does not turn delays them, but not the operation.
 *
 * Since: 0.1
 */
void
mig_operation_run_async (MigOperation        *self,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr (MigOperationState) state = NULL;
  g_autoptr (MigEmitter) emitter = NULL;
  g_autoptr (GError) error = NULL;
  RunCall *call;
  GTask *task;
  Plan plan;

  g_return_if_fail (MIG_IS_OPERATION (self));

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, mig_operation_run_async);
  if (!take_run (self, &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      g_object_unref (task);
      return;
    }

  call = g_new0 (RunCall, 1);
  call->task = task;
  plan = make_plan (self, &error);
  state = mig_operation_ref_state (self);
  emitter = mig_emitter_new (self, g_task_get_context (task), FALSE, run_call_ended, call);
  if (cancellable != NULL)
    {
      call->cancellable = g_object_ref (cancellable);
      call->handler = connect_cancellable (self, cancellable);
    }
  /* From here on the call may be over at any moment, in the thread in which the context turns. */
  mig_operation_state_add_emitter (state, emitter);

  carry_out (self, plan, error);
}

/**
 * mig_operation_run_finish:
 * @self: an operation
 * @result: what the callback got
 * @error: return location for a #GError
 *
 * Gets what came of [method@Operation.run_async].
 *
 * Returns: %TRUE if the operation completed; debts may be left
 *
 * Since: 0.1
 */
gboolean
mig_operation_run_finish (MigOperation  *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (MIG_IS_OPERATION (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mig_operation_abort:
 * @self: an operation
 * @error: return location for a #GError
 *
 * Asks the operation to stop and to undo what it did. The request is recorded, and the call returns: the end is
 * [signal@Operation::finished]. An operation that another process runs is asked through the store.
 *
 * %MIG_ERROR_INVALID_STATE, with the reason: it has not been run, it has ended, it has passed the point of no return,
 * or this is no moment at which it could be stopped safely.
 *
 * Returns: %TRUE if the request was taken
 *
 * Since: 0.1
 */
gboolean
mig_operation_abort (MigOperation  *self,
                     GError       **error)
{
  g_autoptr (MigOperationState) state = NULL;
  MigEngine *engine;

  g_return_val_if_fail (MIG_IS_OPERATION (self), FALSE);

  state = mig_operation_ref_state (self);
  if (mig_operation_get_role (self) != MIG_ROLE_OBSERVER && !mig_operation_state_request_abort (state, error))
    return FALSE;

  /* One without a cluster has never been run, so that has been refused. */
  engine = mig_operation_get_engine (self);
  if (mig_operation_get_role (self) == MIG_ROLE_OBSERVER)
    return mig_request_put (engine, mig_operation_get_id (self), MIG_REQUEST_ABORT, error);

  /* It is taken already; the record is for whoever carries on if this process should end before the operation does. If
   * it can't be written now the cluster tries again. */
  if (mig_operation_state_has_abort_to_note (state))
    {
      if (mig_request_put (engine, mig_operation_get_id (self), MIG_REQUEST_ABORT, NULL))
        mig_operation_state_note_abort (state);
      mig_engine_get_hooks (engine)->attend (G_OBJECT (mig_operation_get_cluster (self)));
    }

  return TRUE;
}

gboolean
mig_operation_request (MigOperation  *self,
                       const char    *name,
                       GError       **error)
{
  g_autoptr (MigOperationState) state = mig_operation_ref_state (self);
  gboolean has_cluster = mig_operation_get_cluster (self) != NULL;
  MigEngine *engine = has_cluster ? mig_operation_get_engine (self) : NULL;
  g_autoptr (MigOperation) running = has_cluster ? mig_engine_lookup (engine, mig_operation_get_id (self)) : NULL;

  if (mig_operation_get_role (self) == MIG_ROLE_OBSERVER)
    return mig_request_put (engine, mig_operation_get_id (self), name, error);

  if (running == NULL || mig_operation_state_has_ended (state))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "cannot %s: the operation is not running", name);
      return FALSE;
    }

  mig_operation_state_add_request (state, name, 0);

  return TRUE;
}
