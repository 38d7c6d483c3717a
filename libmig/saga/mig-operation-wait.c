/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-operation-core-private.h"

/* Waiting for the end of an operation that somebody else has run. */

/* Counted: the context in which it ends may turn in another thread while this one still begins it. */
typedef struct
{
  MigOperationState *state;
  MigEmitter        *emitter;
  GSource           *cancelled; /* or NULL */
  gint               over;      /* atomic */
  GTask             *task;      /* NULL when a thread blocks, else it holds a reference of its own to this */
} Wait;

static void
wait_clear (gpointer data)
{
  Wait *self = data;

  g_clear_pointer (&self->cancelled, g_source_unref);
  g_clear_pointer (&self->emitter, mig_emitter_unref);
  g_clear_pointer (&self->state, mig_operation_state_unref);
  g_clear_object (&self->task);
}

static void
wait_unref (Wait *self)
{
  g_atomic_rc_box_release_full (self, wait_clear);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Wait, wait_unref)

/* Once, in the thread in which the context turns. */
static void
finish (Wait *self)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->task);
  g_autoptr (GError) error = NULL;

  g_atomic_int_set (&self->over, TRUE);
  if (self->cancelled != NULL)
    g_source_destroy (self->cancelled);
  if (task == NULL)
    return;

  wait_unref (self); /* the task's */
  if (g_task_return_error_if_cancelled (task))
    return;
  if (mig_operation_conclude (g_task_get_source_object (task), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
on_ended (MigEmitter *emitter G_GNUC_UNUSED,
          gpointer    data)
{
  finish (data);
}

static gboolean
on_cancelled (GCancellable *cancellable G_GNUC_UNUSED,
              gpointer      data)
{
  Wait *self = data;

  mig_emitter_close (self->emitter);
  mig_operation_state_remove_emitter (self->state, self->emitter);
  mig_emitter_stop (self->emitter);
  finish (self);

  return G_SOURCE_REMOVE;
}

static Wait *
make_wait (MigOperation *operation,
           GMainContext *context,
           GCancellable *cancellable,
           GTask        *task)
{
  Wait *self = g_atomic_rc_box_new0 (Wait);
  gboolean observer = mig_operation_get_role (operation) == MIG_ROLE_OBSERVER;

  self->state = mig_operation_ref_state (operation);
  /* Who watches what another process runs hears of it here; otherwise run() is where it is heard. */
  self->emitter = mig_emitter_new (operation, context,
                                   !observer || mig_operation_state_has_voice (self->state, operation), on_ended, self);
  if (cancellable != NULL)
    {
      self->cancelled = g_cancellable_source_new (cancellable);
      g_source_set_callback (self->cancelled, G_SOURCE_FUNC (on_cancelled), self, NULL);
    }
  if (task != NULL)
    {
      self->task = task;
      g_atomic_rc_box_acquire (self);
    }

  return self;
}

/* From the first source on, it may be over at any moment. */
static void
begin (Wait         *self,
       MigOperation *operation,
       GMainContext *context)
{
  if (self->cancelled != NULL)
    g_source_attach (self->cancelled, context);
  mig_operation_state_add_emitter (self->state, self->emitter);

  if (mig_operation_get_role (operation) == MIG_ROLE_OBSERVER && !mig_operation_state_has_ended (self->state))
    mig_engine_get_hooks (mig_operation_get_engine (operation))
        ->observe (G_OBJECT (mig_operation_get_cluster (operation)), operation);
}

/**
 * mig_operation_wait:
 * @self: an operation
 * @cancellable: (nullable): ends the waiting, not the operation
 * @error: return location for a #GError
 *
 * Waits for the end of an operation that was run elsewhere: in another thread, or in another process.
 *
 * Errors are those of [method@Operation.run].
 *
 * Returns: %TRUE if the operation completed; debts may be left
 *
 * Since: 0.1
 */
gboolean
mig_operation_wait (MigOperation  *self,
                    GCancellable  *cancellable,
                    GError       **error)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (MigOperationState) state = NULL;
  g_autoptr (Wait) wait = NULL;

  g_return_val_if_fail (MIG_IS_OPERATION (self), FALSE);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  context = g_main_context_new ();
  wait = make_wait (self, context, cancellable, NULL);
  begin (wait, self, context);
  while (!g_atomic_int_get (&wait->over))
    g_main_context_iteration (context, TRUE);

  state = mig_operation_ref_state (self);
  if (!mig_operation_state_has_ended (state))
    {
      g_cancellable_set_error_if_cancelled (cancellable, error);
      return FALSE;
    }

  return mig_operation_conclude (self, error);
}

/**
 * mig_operation_wait_async:
 * @self: an operation
 * @cancellable: (nullable): ends the waiting, not the operation
 * @callback: (scope async): called when the operation has ended
 * @user_data: for @callback
 *
 * Waits like [method@Operation.wait], without blocking.
 *
 * Since: 0.1
 */
void
mig_operation_wait_async (MigOperation        *self,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (Wait) wait = NULL;
  GTask *task;

  g_return_if_fail (MIG_IS_OPERATION (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mig_operation_wait_async);
  context = g_main_context_ref (g_task_get_context (task));
  wait = make_wait (self, context, cancellable, task);
  begin (wait, self, context);
}

/**
 * mig_operation_wait_finish:
 * @self: an operation
 * @result: what the callback got
 * @error: return location for a #GError
 *
 * Gets what came of [method@Operation.wait_async].
 *
 * Returns: %TRUE if the operation completed; debts may be left
 *
 * Since: 0.1
 */
gboolean
mig_operation_wait_finish (MigOperation  *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (MIG_IS_OPERATION (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
