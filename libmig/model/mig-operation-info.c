/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-operation-info.h>

#include <libmig/mig-enum-types.h>

#include "libmig/core/mig-value-private.h"

/**
 * MigOperationInfo:
 *
 * An operation as the store records it. Immutable.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigOperationInfo
{
  GObject parent_instance;

  char  *id;
  char  *key;
  char  *kind;
  char  *subject;
  char  *source;
  char  *destination;
  int    phase;
  int    status;
  gint64 attempt;
  gint64 created;
  gint64 updated;
  char  *owner;
  GError *error;
  char **debts;
};

static const char * const none[] = { NULL };

G_DEFINE_FINAL_TYPE (MigOperationInfo, mig_operation_info, G_TYPE_OBJECT)

static const MigField fields[] = {
  { "id", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigOperationInfo, id), NULL, 0 },
  { "key", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigOperationInfo, key), NULL, 0 },
  { "kind", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigOperationInfo, kind), NULL, 0 },
  { "subject", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigOperationInfo, subject), NULL, 0 },
  { "source", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigOperationInfo, source), NULL, 0 },
  { "destination", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigOperationInfo, destination), NULL, 0 },
  { "phase", MIG_FIELD_ENUM, G_STRUCT_OFFSET (MigOperationInfo, phase), mig_phase_get_type, 0 },
  { "status", MIG_FIELD_ENUM, G_STRUCT_OFFSET (MigOperationInfo, status), mig_status_get_type, 0 },
  { "attempt", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigOperationInfo, attempt), NULL, 1 },
  { "created", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigOperationInfo, created), NULL, -1 },
  { "updated", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigOperationInfo, updated), NULL, -1 },
  { "owner", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigOperationInfo, owner), NULL, 0 },
  { "error", MIG_FIELD_BOXED, G_STRUCT_OFFSET (MigOperationInfo, error), g_error_get_type, 0 },
  { "debts", MIG_FIELD_STRV, G_STRUCT_OFFSET (MigOperationInfo, debts), NULL, 0 },
};

static void
mig_operation_info_class_init (MigOperationInfoClass *klass)
{
  /**
   * MigOperationInfo:id:
   *
   * Its id.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:key:
   *
   * The caller's key.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:kind:
   *
   * Such as `live-migration`.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:subject:
   *
   * What it moves.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:source:
   *
   * Where from, or %NULL.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:destination:
   *
   * Where to, or %NULL.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:phase:
   *
   * Its phase.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:status:
   *
   * Its status.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:attempt:
   *
   * The attempt, from 1.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:created:
   *
   * When it was accepted: microseconds since 1970 UTC.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:updated:
   *
   * When its record last changed: microseconds since 1970 UTC.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:owner:
   *
   * The process that runs it, or %NULL.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:error:
   *
   * Why it failed, or %NULL.
   *
   * Since: 0.1
   */
  /**
   * MigOperationInfo:debts:
   *
   * What is left to be tidied up.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_operation_info_init (MigOperationInfo *self)
{
}

/**
 * mig_operation_info_get_id:
 * @self: a value
 *
 * Gets its id.
 *
 * Returns: its id
 *
 * Since: 0.1
 */
const char *
mig_operation_info_get_id (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), NULL);

  return self->id;
}

/**
 * mig_operation_info_get_key:
 * @self: a value
 *
 * Gets the caller's key.
 *
 * Returns: the caller's key
 *
 * Since: 0.1
 */
const char *
mig_operation_info_get_key (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), NULL);

  return self->key;
}

/**
 * mig_operation_info_get_kind:
 * @self: a value
 *
 * Gets the kind of operation, such as `live-migration`.
 *
 * Returns: such as `live-migration`
 *
 * Since: 0.1
 */
const char *
mig_operation_info_get_kind (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), NULL);

  return self->kind;
}

/**
 * mig_operation_info_get_subject:
 * @self: a value
 *
 * Tells what it moves.
 *
 * Returns: what it moves
 *
 * Since: 0.1
 */
const char *
mig_operation_info_get_subject (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), NULL);

  return self->subject;
}

/**
 * mig_operation_info_get_source:
 * @self: a value
 *
 * Tells where from.
 *
 * Returns: (nullable): where from, or %NULL
 *
 * Since: 0.1
 */
const char *
mig_operation_info_get_source (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), NULL);

  return self->source;
}

/**
 * mig_operation_info_get_destination:
 * @self: a value
 *
 * Tells where to.
 *
 * Returns: (nullable): where to, or %NULL
 *
 * Since: 0.1
 */
const char *
mig_operation_info_get_destination (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), NULL);

  return self->destination;
}

/**
 * mig_operation_info_get_phase:
 * @self: a value
 *
 * Gets its phase.
 *
 * Returns: its phase
 *
 * Since: 0.1
 */
MigPhase
mig_operation_info_get_phase (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), 0);

  return self->phase;
}

/**
 * mig_operation_info_get_status:
 * @self: a value
 *
 * Gets its status.
 *
 * Returns: its status
 *
 * Since: 0.1
 */
MigStatus
mig_operation_info_get_status (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), 0);

  return self->status;
}

/**
 * mig_operation_info_get_attempt:
 * @self: a value
 *
 * Gets the attempt, from 1.
 *
 * Returns: the attempt, from 1
 *
 * Since: 0.1
 */
guint
mig_operation_info_get_attempt (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), 0);

  return (guint) self->attempt;
}

/**
 * mig_operation_info_get_created:
 * @self: a value
 *
 * Tells when it was accepted: microseconds since 1970 UTC.
 *
 * Returns: when it was accepted: microseconds since 1970 UTC
 *
 * Since: 0.1
 */
gint64
mig_operation_info_get_created (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), -1);

  return self->created;
}

/**
 * mig_operation_info_get_updated:
 * @self: a value
 *
 * Tells when its record last changed: microseconds since 1970 UTC.
 *
 * Returns: when its record last changed: microseconds since 1970 UTC
 *
 * Since: 0.1
 */
gint64
mig_operation_info_get_updated (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), -1);

  return self->updated;
}

/**
 * mig_operation_info_get_owner:
 * @self: a value
 *
 * Gets the process that runs it.
 *
 * Returns: (nullable): the process that runs it, or %NULL
 *
 * Since: 0.1
 */
const char *
mig_operation_info_get_owner (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), NULL);

  return self->owner;
}

/**
 * mig_operation_info_get_error:
 * @self: a value
 *
 * Gets why it failed. Of an operation whose record cannot be read this is %MIG_ERROR_CORRUPT, and its kind is %NULL.
 *
 * Returns: (transfer none) (nullable): why it failed, or %NULL
 *
 * Since: 0.1
 */
const GError *
mig_operation_info_get_error (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), NULL);

  return self->error;
}

/**
 * mig_operation_info_get_debts:
 * @self: a value
 *
 * Tells what is left to be tidied up.
 *
 * Returns: (transfer none) (array zero-terminated=1): what is left to be tidied up
 *
 * Since: 0.1
 */
const char * const *
mig_operation_info_get_debts (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), NULL);

  return self->debts != NULL ? (const char * const *) self->debts : none;
}

/**
 * mig_operation_info_is_finished:
 * @self: a value
 *
 * Tells whether the operation has ended, in whatever way.
 *
 * Returns: whether it has ended
 *
 * Since: 0.1
 */
gboolean
mig_operation_info_is_finished (MigOperationInfo *self)
{
  g_return_val_if_fail (MIG_IS_OPERATION_INFO (self), FALSE);

  return self->status >= MIG_STATUS_COMPLETED;
}
