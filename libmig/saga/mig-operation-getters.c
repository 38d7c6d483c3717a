/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-operation-core-private.h"

/* What everybody may ask of an operation: snapshots of its state. */

static void
read_state (MigOperation *self,
            MigSnapshot  *snapshot)
{
  g_autoptr (MigOperationState) state = mig_operation_ref_state (self);

  mig_operation_state_read (state, snapshot);
}

/**
 * mig_operation_get_cluster:
 * @self: an operation
 *
 * Gets the cluster that it belongs to.
 *
 * Returns: (transfer none): the cluster that it belongs to
 *
 * Since: 0.1
 */
MigCluster *
mig_operation_get_cluster (MigOperation *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION (self), NULL);

  return (MigCluster *) mig_operation_get_private (self)->cluster;
}

/**
 * mig_operation_get_id:
 * @self: an operation
 *
 * Gets its name in the store.
 *
 * Returns: its name in the store
 *
 * Since: 0.1
 */
const char *
mig_operation_get_id (MigOperation *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION (self), NULL);

  return mig_operation_get_private (self)->id;
}

/**
 * mig_operation_get_key:
 * @self: an operation
 *
 * Gets the caller's key.
 *
 * Returns: the caller's key, or the one that was made for it
 *
 * Since: 0.1
 */
const char *
mig_operation_get_key (MigOperation *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION (self), NULL);

  return mig_operation_get_private (self)->key;
}

/**
 * mig_operation_get_kind:
 * @self: an operation
 *
 * Gets the kind of operation, such as `live-migration`.
 *
 * Returns: such as `live-migration`
 *
 * Since: 0.1
 */
const char *
mig_operation_get_kind (MigOperation *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION (self), NULL);

  return MIG_OPERATION_GET_CLASS (self)->table->kind;
}

/**
 * mig_operation_dup_subject:
 * @self: an operation
 *
 * Tells what it moves.
 *
 * Returns: (transfer full) (nullable): what it moves
 *
 * Since: 0.1
 */
char *
mig_operation_dup_subject (MigOperation *self)
{
  MigOperationPrivate *priv;
  char *subject;

  g_return_val_if_fail (MIG_IS_OPERATION (self), NULL);

  priv = mig_operation_get_private (self);
  g_mutex_lock (&priv->mutex);
  subject = g_strdup (priv->subject);
  g_mutex_unlock (&priv->mutex);

  return subject != NULL ? subject : MIG_OPERATION_GET_CLASS (self)->dup_subject (self);
}

/**
 * mig_operation_get_phase:
 * @self: an operation
 *
 * Tells what it is doing.
 *
 * Returns: what it is doing
 *
 * Since: 0.1
 */
MigPhase
mig_operation_get_phase (MigOperation *self)
{
  g_autoptr (MigOperationState) state = NULL;

  g_return_val_if_fail (MIG_IS_OPERATION (self), MIG_PHASE_NONE);

  state = mig_operation_ref_state (self);

  return mig_operation_state_get_phase (state);
}

/**
 * mig_operation_get_status:
 * @self: an operation
 *
 * Tells how it stands.
 *
 * Returns: how it stands
 *
 * Since: 0.1
 */
MigStatus
mig_operation_get_status (MigOperation *self)
{
  g_autoptr (MigOperationState) state = NULL;

  g_return_val_if_fail (MIG_IS_OPERATION (self), MIG_STATUS_ACCEPTED);

  state = mig_operation_ref_state (self);

  return mig_operation_state_get_status (state);
}

/**
 * mig_operation_get_attempt:
 * @self: an operation
 *
 * Tells which attempt this is, from 1.
 *
 * Returns: which attempt this is, from 1
 *
 * Since: 0.1
 */
guint
mig_operation_get_attempt (MigOperation *self)
{
  g_auto (MigSnapshot) now = { 0 };

  g_return_val_if_fail (MIG_IS_OPERATION (self), 0);

  read_state (self, &now);

  return now.attempt;
}

/**
 * mig_operation_can_abort:
 * @self: an operation
 *
 * Tells whether [method@Operation.abort] is possible now. By the time of the call it may not be any more: abort says
 * so.
 *
 * Returns: whether it can be aborted
 *
 * Since: 0.1
 */
gboolean
mig_operation_can_abort (MigOperation *self)
{
  g_auto (MigSnapshot) now = { 0 };

  g_return_val_if_fail (MIG_IS_OPERATION (self), FALSE);

  read_state (self, &now);

  return now.can_abort;
}

/**
 * mig_operation_ref_progress:
 * @self: an operation
 *
 * Tells how far it is.
 *
 * Returns: (transfer full): how far it is
 *
 * Since: 0.1
 */
MigProgress *
mig_operation_ref_progress (MigOperation *self)
{
  g_auto (MigSnapshot) now = { 0 };

  g_return_val_if_fail (MIG_IS_OPERATION (self), NULL);

  read_state (self, &now);

  return g_steal_pointer (&now.progress);
}

/**
 * mig_operation_dup_error:
 * @self: an operation
 *
 * Tells why it did not complete.
 *
 * Returns: (transfer full) (nullable): why it did not complete; %NULL before the end, and when it did
 *
 * Since: 0.1
 */
GError *
mig_operation_dup_error (MigOperation *self)
{
  g_auto (MigSnapshot) now = { 0 };

  g_return_val_if_fail (MIG_IS_OPERATION (self), NULL);

  read_state (self, &now);

  return g_steal_pointer (&now.error);
}

/**
 * mig_operation_dup_debts:
 * @self: an operation
 *
 * Tells what was left to be tidied up, each with its cause, in words.
 *
 * Returns: (transfer full) (array zero-terminated=1): what was left to be tidied up, each with its cause, in words
 *
 * Since: 0.1
 */
char **
mig_operation_dup_debts (MigOperation *self)
{
  g_auto (MigSnapshot) now = { 0 };

  g_return_val_if_fail (MIG_IS_OPERATION (self), NULL);

  read_state (self, &now);

  return g_steal_pointer (&now.debts);
}

/**
 * mig_operation_dup_result:
 * @self: an operation
 *
 * Gets what came of the operation: an `a{sv}` with the members `source` and `destination` (`s`: names of hosts),
 * `seconds` (`d`: from its acceptance to its end), `downtime` (`d`: seconds), `bytes` (`x`: moved); those that are not
 * known are missing.
 *
 * Returns: (transfer full) (nullable): the result; %NULL before the end
 *
 * Since: 0.1
 */
GVariant *
mig_operation_dup_result (MigOperation *self)
{
  g_auto (MigSnapshot) now = { 0 };

  g_return_val_if_fail (MIG_IS_OPERATION (self), NULL);

  read_state (self, &now);

  return g_steal_pointer (&now.result);
}
