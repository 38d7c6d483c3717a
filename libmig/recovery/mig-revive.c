/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/recovery/mig-revive-private.h"

#include "libmig/block/mig-volume-swap-private.h"
#include "libmig/cluster/mig-cluster-private.h"
#include "libmig/saga/mig-journal-codec-private.h"
#include "libmig/saga/mig-operation-core-private.h"
#include "libmig/task/mig-migration-task-private.h"

typedef struct
{
  const char    *kind;
  MigReviveFunc  revive;
} Kind;

static const Kind kinds[] = {
  { MIG_MIGRATION_TASK_KIND, mig_migration_task_revive },
  { MIG_VOLUME_SWAP_KIND, mig_volume_swap_revive },
};

static GQuark
taught_quark (void)
{
  return g_quark_from_static_string ("mig-revive-taught");
}

void
mig_revive_teach (MigCluster    *cluster,
                  const char    *kind,
                  MigReviveFunc  revive)
{
  Kind *taught = g_new0 (Kind, 1);

  *taught = (Kind) { kind, revive };
  g_object_set_qdata_full (G_OBJECT (cluster), taught_quark (), taught, g_free);
}

MigOperation *
mig_revive (MigCluster          *cluster,
            MigOperationRecord  *record,
            GError             **error)
{
  const Kind *taught = g_object_get_qdata (G_OBJECT (cluster), taught_quark ());

  if (taught != NULL && g_strcmp0 (record->kind, taught->kind) == 0)
    return taught->revive (cluster, record->id, record->key, record->request, error);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_strcmp0 (record->kind, kinds[i].kind) == 0)
      return kinds[i].revive (cluster, record->id, record->key, record->request, error);

  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "operation %s is of the kind “%s”, which is not known here",
               record->id, record->kind);
  return NULL;
}

/**
 * mig_cluster_open_operation:
 * @self: a cluster
 * @id: the id of an operation
 * @cancellable: (nullable): ends the call
 * @error: return location for a #GError
 *
 * Gets an operation by its id. One that runs in this cluster object is that very operation. For any other the object
 * shows what the process that runs it records, and what is asked of it goes to that process through the store.
 *
 * Errors: %MIG_ERROR_NOT_FOUND, %MIG_ERROR_CORRUPT, %MIG_ERROR_NOT_SUPPORTED for a kind that is not known, those of the
 * store, and %MIG_ERROR_INVALID_STATE in a forked child.
 *
 * Returns: (transfer full): the operation, or %NULL on error
 *
 * Since: 0.1
 */
MigOperation *
mig_cluster_open_operation (MigCluster    *self,
                            const char    *id,
                            GCancellable  *cancellable,
                            GError       **error)
{
  g_autoptr (MigOperationRecord) record = NULL;
  MigOperation *operation;

  g_return_val_if_fail (MIG_IS_CLUSTER (self), NULL);
  g_return_val_if_fail (id != NULL, NULL);

  if (!mig_cluster_check_usable (self, error))
    return NULL;

  operation = mig_engine_lookup (mig_engine_of (G_OBJECT (self)), id);
  if (operation != NULL)
    return operation;

  record = mig_cluster_read_record (self, id, cancellable, error);
  operation = record != NULL ? mig_revive (self, record, error) : NULL;
  if (operation != NULL)
    mig_operation_observe (operation, record);

  return operation;
}
