/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-enums.h>
#include <libmig/mig-record.h>
#include <libmig/mig-transaction.h>

G_BEGIN_DECLS

#define MIG_TYPE_STATE_STORE (mig_state_store_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_INTERFACE (MigStateStore, mig_state_store, MIG, STATE_STORE, GObject)

/**
 * MigStateStoreInterface::list_records:
 *
 * Does the work of [method@StateStore.list]. It has another name because bindings pass on what it returns in another
 * way: an implementer gives the records away, while a caller owns the array only.
 *
 * Returns: (transfer full) (element-type MigRecord): the records, or %NULL with an error
 *
 * Since: 0.1
 */

/**
 * MigStateStoreInterface:
 * @changed: signal: a record whose key begins with the given prefix changed.
 * @get_name: a short name for messages; never %NULL.
 * @get_features: what the store can do.
 * @get: read one record; %MIG_ERROR_NOT_FOUND when there is none.
 * @list_records: records whose key begins with a prefix, in byte order of their keys, after a key, at most so many.
 * @commit: all conditions hold and all changes are applied, durable on return; or nothing happened.
 *
 * What a store of records has to do. See [iface@StateStore] for the contract of each slot.
 *
 * Since: 0.1
 */
struct _MigStateStoreInterface
{
  GTypeInterface g_iface;

  /* Signals */
  void                  (*changed)      (MigStateStore  *self,
                                         const char     *prefix);

  /* Virtual table */
  const char *          (*get_name)     (MigStateStore  *self);
  MigStoreFeatures      (*get_features) (MigStateStore  *self);
  MigRecord *           (*get)          (MigStateStore  *self,
                                         const char     *key,
                                         GCancellable   *cancellable,
                                         GError        **error);
  GPtrArray *           (*list_records) (MigStateStore  *self,
                                         const char     *prefix,
                                         const char     *after,
                                         guint           limit,
                                         GCancellable   *cancellable,
                                         GError        **error);
  guint64               (*commit)       (MigStateStore  *self,
                                         MigTransaction *transaction,
                                         GCancellable   *cancellable,
                                         GError        **error);

  /*< private >*/
  gpointer padding[8];
};

MIG_AVAILABLE_IN_ALL
const char       *mig_state_store_get_name     (MigStateStore   *self);
MIG_AVAILABLE_IN_ALL
MigStoreFeatures  mig_state_store_get_features (MigStateStore   *self);
MIG_AVAILABLE_IN_ALL
MigRecord        *mig_state_store_get          (MigStateStore   *self,
                                                const char      *key,
                                                GCancellable    *cancellable,
                                                GError         **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
GPtrArray        *mig_state_store_list         (MigStateStore   *self,
                                                const char      *prefix,
                                                const char      *after,
                                                guint            limit,
                                                GCancellable    *cancellable,
                                                GError         **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
guint64           mig_state_store_commit       (MigStateStore   *self,
                                                MigTransaction  *transaction,
                                                GCancellable    *cancellable,
                                                GError         **error);
MIG_AVAILABLE_IN_ALL
void              mig_state_store_emit_changed (MigStateStore   *self,
                                                const char      *prefix);

G_END_DECLS
