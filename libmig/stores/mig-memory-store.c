/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-memory-store.h>

#include <string.h>

#include "libmig/stores/mig-store-private.h"

/**
 * MigMemoryStore:
 *
 * A state store that lives in memory, for tests and for control planes that keep nothing.
 *
 * What is in it is gone with the object: after a crash nothing can be recovered, so a move that was under way is left
 * as it is. Use [class@SqliteStore] where guests matter.
 *
 * May be used from any thread; its calls never block for long and ignore their cancellable once they have begun.
 *
 * Since: 0.1
 */

struct _MigMemoryStore
{
  GObject parent_instance;

  GMutex   lock;
  GTree   *records; /* key, borrowed from its record → MigRecord */
  guint64  revision;
};

static void mig_memory_store_init_iface (MigStateStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MigMemoryStore, mig_memory_store, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_STATE_STORE, mig_memory_store_init_iface))

static int
compare_keys (gconstpointer a,
              gconstpointer b,
              gpointer      user_data)
{
  return strcmp (a, b);
}

static const char *
mig_memory_store_get_name (MigStateStore *store)
{
  return "memory";
}

static MigStoreFeatures
mig_memory_store_get_features (MigStateStore *store)
{
  return MIG_STORE_FEATURES_NONE;
}

static MigRecord *
mig_memory_store_get (MigStateStore  *store,
                      const char     *key,
                      GCancellable   *cancellable,
                      GError        **error)
{
  MigMemoryStore *self = MIG_MEMORY_STORE (store);
  g_autoptr (GMutexLocker) locker = NULL;
  MigRecord *record;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;

  locker = g_mutex_locker_new (&self->lock);
  record = g_tree_lookup (self->records, key);
  if (record == NULL)
    {
      mig_store_set_not_found (key, error);
      return NULL;
    }

  return mig_record_ref (record);
}

static GPtrArray *
mig_memory_store_list (MigStateStore  *store,
                       const char     *prefix,
                       const char     *after,
                       guint           limit,
                       GCancellable   *cancellable,
                       GError        **error)
{
  MigMemoryStore *self = MIG_MEMORY_STORE (store);
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_record_unref);
  g_autoptr (GMutexLocker) locker = NULL;
  GTreeNode *node;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;

  locker = g_mutex_locker_new (&self->lock);
  if (after != NULL && strcmp (after, prefix) >= 0)
    node = g_tree_upper_bound (self->records, after);
  else
    node = g_tree_lower_bound (self->records, prefix);
  for (; node != NULL && (limit == 0 || found->len < limit); node = g_tree_node_next (node))
    {
      MigRecord *record = g_tree_node_value (node);

      if (!g_str_has_prefix (mig_record_get_key (record), prefix))
        break;
      g_ptr_array_add (found, mig_record_ref (record));
    }

  return g_steal_pointer (&found);
}

static gboolean
check_conditions (MigMemoryStore  *self,
                  MigTransaction  *transaction,
                  GError         **error)
{
  guint n_conditions = mig_transaction_get_n_conditions (transaction);

  for (guint i = 0; i < n_conditions; i++)
    {
      const char *key = mig_transaction_get_condition_key (transaction, i);
      guint64 wanted = mig_transaction_get_condition_revision (transaction, i);
      MigRecord *record = g_tree_lookup (self->records, key);
      guint64 found = record != NULL ? mig_record_get_revision (record) : 0;

      if (found != wanted)
        {
          mig_store_set_conflict (key, wanted, found, error);
          return FALSE;
        }
    }

  return TRUE;
}

static void
apply_changes (MigMemoryStore *self,
               MigTransaction *transaction)
{
  guint n_changes = mig_transaction_get_n_changes (transaction);

  for (guint i = 0; i < n_changes; i++)
    {
      const char *key = mig_transaction_get_change_key (transaction, i);
      const char *value = mig_transaction_get_change_value (transaction, i);

      if (value == NULL)
        {
          g_tree_remove (self->records, key);
        }
      else
        {
          MigRecord *record = mig_record_new (key, self->revision, value);

          /* Not insert: the key belongs to the record that goes. */
          g_tree_replace (self->records, (gpointer) mig_record_get_key (record), record);
        }
    }
}

static guint64
mig_memory_store_commit (MigStateStore   *store,
                         MigTransaction  *transaction,
                         GCancellable    *cancellable,
                         GError         **error)
{
  MigMemoryStore *self = MIG_MEMORY_STORE (store);
  gboolean changes = mig_transaction_get_n_changes (transaction) > 0;
  guint64 revision = 0;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return 0;

  g_mutex_lock (&self->lock);
  if (check_conditions (self, transaction, error))
    {
      if (changes)
        self->revision++;
      apply_changes (self, transaction);
      revision = self->revision;
    }
  g_mutex_unlock (&self->lock);

  if (revision != 0)
    mig_store_emit_changes (store, transaction);

  return revision;
}

static void
mig_memory_store_init_iface (MigStateStoreInterface *iface)
{
  iface->get_name = mig_memory_store_get_name;
  iface->get_features = mig_memory_store_get_features;
  iface->get = mig_memory_store_get;
  iface->list_records = mig_memory_store_list;
  iface->commit = mig_memory_store_commit;
}

static void
mig_memory_store_finalize (GObject *object)
{
  MigMemoryStore *self = MIG_MEMORY_STORE (object);

  g_tree_unref (self->records);
  g_mutex_clear (&self->lock);

  G_OBJECT_CLASS (mig_memory_store_parent_class)->finalize (object);
}

static void
mig_memory_store_class_init (MigMemoryStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mig_memory_store_finalize;
}

static void
mig_memory_store_init (MigMemoryStore *self)
{
  g_mutex_init (&self->lock);
  self->records = g_tree_new_full (compare_keys, NULL, NULL, (GDestroyNotify) mig_record_unref);
  self->revision = 1;
}

/**
 * mig_memory_store_new:
 *
 * Makes an empty store.
 *
 * Returns: (transfer full) (type MigMemoryStore): a store
 *
 * Since: 0.1
 */
MigStateStore *
mig_memory_store_new (void)
{
  return g_object_new (MIG_TYPE_MEMORY_STORE, NULL);
}
