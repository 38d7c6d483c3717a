/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-state-store.h>

#include <string.h>

#include "libmig/iface/mig-contract-private.h"

/**
 * MigStateStore:
 *
 * Where a cluster keeps what has to outlive a process: operations, their journals, leases, volumes.
 *
 * A store holds records. A record has a key, a value and the revision at which it was last written. It can be read by
 * its key, listed by a prefix of its key, and changed by a transaction: conditions and changes, all or nothing, durable
 * when the call returns. That is all that libmig asks for, so that an SQLite file ([class@SqliteStore]), etcd or an
 * embedder's own database can fill it alike; [class@MemoryStore] forgets, and is for tests.
 *
 * - Keys are UTF-8 text, not empty, of at most 512 bytes. Their order is the order of their bytes. By convention the
 *   parts of a key are separated by slashes: `op/<id>/journal/00000001`.
 * - Values are UTF-8 text of at most 512 KiB (524288 bytes). libmig writes JSON; a store does not look inside.
 * - Revisions are numbers from 1. Every commit that changes something takes a number above all before it, and gives
 *   it to all records that it wrote. So two reads that find one revision have found one value, also when the record
 *   was deleted and written again between them.
 *
 * All methods may be called from any thread. They block.
 *
 * # Contract
 *
 * Implementers fill the slots below; a slot is called from any thread, by several at once, never with a lock of libmig
 * held. Applications and libmig itself call the methods of the same names, which check the arguments first: a slot is
 * never given a key, prefix or value that breaks the rules above. A slot that fails sets an error; one that fails
 * without an error is reported as %MIG_ERROR_CONTRACT, a missing one as %MIG_ERROR_NOT_SUPPORTED.
 *
 * **get_name** returns a short text for messages ("sqlite", say). It is asked once for each object.
 *
 * **get_features** returns the same flags at any time.
 *
 * **get** returns the record of that key. A record that is not there is the error %MIG_ERROR_NOT_FOUND, never %NULL
 * alone: absence is a fact that recovery acts on, so it must be said, not concluded from an answer that failed. A
 * record whose commit has returned is found by every later call, from whatever thread or, with
 * %MIG_STORE_FEATURES_SHARED, process.
 *
 * **list_records** returns the records whose key begins with the prefix (which may be empty) and is greater than
 * `after` (if that is not %NULL), in ascending byte order of their keys, at most `limit` of them (0: all). What one
 * call returns is the state between two commits. A record that exists throughout is never missed by a caller that
 * pages, giving the last key of one page as `after` of the next.
 *
 * **commit** first looks at all conditions: a condition holds if the record has exactly that revision, or is absent
 * and the revision is 0. If any does not hold, nothing is changed and the error is %MIG_ERROR_CONFLICT; its message
 * names the key. Else all changes are applied in their order, in one step: no reader sees some of them only, and after
 * a crash at any moment either all are there or none. They are durable before the slot returns, if the store is
 * %MIG_STORE_FEATURES_DURABLE. Deleting a record that is not there is no error. A transaction without changes tests
 * its conditions and takes no new number. The slot returns the store's revision: that of the new records, or, without
 * changes, the one as it was, at least 1; 0 means failure. The cancellable is heeded only before anything has happened.
 * Any error means that nothing was changed, except %MIG_ERROR_OUTCOME_UNKNOWN: then the caller has to look.
 *
 * After a commit the store calls [method@StateStore.emit_changed] for what it changed, with no lock held.
 *
 * Since: 0.1
 */

#define MAX_KEY_BYTES 512
#define MAX_VALUE_BYTES (512 * 1024)

enum {
  CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_INTERFACE (MigStateStore, mig_state_store, G_TYPE_OBJECT)

static void
mig_state_store_default_init (MigStateStoreInterface *iface)
{
  /**
   * MigStateStore::changed:
   * @self: the store
   * @prefix: what the keys of the changed records begin with
   *
   * Records whose key begins with @prefix may have changed. A store emits this once for each record that a commit
   * changed, with the whole key, or, when it knows less, with whatever the keys have in common; "" means that
   * anything may have changed. So whoever cares for the keys that begin with P looks whether one of the two texts
   * begins with the other.
   *
   * This is a hint: it says that reading again is worth while, may be late, and may be out of order when several
   * threads commit. It is emitted in the thread that committed, or, for commits of other processes (only stores with
   * %MIG_STORE_FEATURES_NOTIFIES do that), in any thread.
   *
   * Since: 0.1
   */
  signals[CHANGED] = g_signal_new ("changed", MIG_TYPE_STATE_STORE, G_SIGNAL_RUN_LAST,
                                   G_STRUCT_OFFSET (MigStateStoreInterface, changed), NULL, NULL, NULL, G_TYPE_NONE, 1,
                                   G_TYPE_STRING);
}

/* Messages quote the beginning of a key, for a wrong one may be long or no text. */
static char *
quote (const char *key)
{
  g_autofree char *start = g_strndup (key, 80);
  g_autofree char *valid = g_utf8_make_valid (start, -1);

  return g_strconcat (valid, strlen (key) > 80 ? "…" : "", NULL);
}

static gboolean
check_key (const char  *what,
           const char  *key,
           GError     **error)
{
  gsize length = strlen (key);
  g_autofree char *quoted = NULL;

  if (length <= MAX_KEY_BYTES && g_utf8_validate (key, -1, NULL))
    return TRUE;

  quoted = quote (key);
  if (length > MAX_KEY_BYTES)
    g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s “%s” has %" G_GSIZE_FORMAT " bytes, at most %d",
                 what, quoted, length, MAX_KEY_BYTES);
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s “%s” is not UTF-8 text", what, quoted);

  return FALSE;
}

static gboolean
check_record_key (const char  *key,
                  GError     **error)
{
  if (*key == '\0')
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the key of a record is empty");
      return FALSE;
    }

  return check_key ("key", key, error);
}

static gboolean
check_value (const char  *key,
             const char  *value,
             GError     **error)
{
  gsize length = strlen (value);

  if (length > MAX_VALUE_BYTES)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                   "the value of “%s” has %" G_GSIZE_FORMAT " bytes, at most %d", key, length, MAX_VALUE_BYTES);
      return FALSE;
    }
  if (!g_utf8_validate (value, -1, NULL))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the value of “%s” is not UTF-8 text", key);
      return FALSE;
    }

  return TRUE;
}

static gboolean
check_transaction (MigTransaction  *transaction,
                   GError         **error)
{
  guint n_conditions = mig_transaction_get_n_conditions (transaction);
  guint n_changes = mig_transaction_get_n_changes (transaction);

  for (guint i = 0; i < n_conditions; i++)
    {
      if (!check_record_key (mig_transaction_get_condition_key (transaction, i), error))
        return FALSE;
    }

  for (guint i = 0; i < n_changes; i++)
    {
      const char *key = mig_transaction_get_change_key (transaction, i);
      const char *value = mig_transaction_get_change_value (transaction, i);

      if (!check_record_key (key, error))
        return FALSE;
      if (value != NULL && !check_value (key, value, error))
        return FALSE;
    }

  return TRUE;
}

/* Recovery reads journals through list(), so an implementation that mixes up their order must not pass for a journal
 * with a gap. */
static gboolean
check_list (MigStateStore  *self,
            GPtrArray      *records,
            const char     *prefix,
            const char     *after,
            guint           limit,
            GError        **error)
{
  const char *previous = after;

  if (limit > 0 && records->len > limit)
    return mig_contract_broken (self, "list_records", error, "returned %u records, at most %u were wanted",
                                records->len, limit);

  for (guint i = 0; i < records->len; i++)
    {
      const char *key = mig_record_get_key (g_ptr_array_index (records, i));

      if (!g_str_has_prefix (key, prefix))
        return mig_contract_broken (self, "list_records", error, "returned “%s”, which does not begin with “%s”", key,
                                    prefix);
      if (previous != NULL && strcmp (previous, key) >= 0)
        return mig_contract_broken (self, "list_records", error, "returned “%s” after “%s”", key, previous);
      previous = key;
    }

  return TRUE;
}

/**
 * mig_state_store_get_name:
 * @self: a store
 *
 * Gets a short name of the store, for messages.
 *
 * Returns: (transfer none): the name; the name of the type when the implementation gave none
 *
 * Since: 0.1
 */
const char *
mig_state_store_get_name (MigStateStore *self)
{
  g_return_val_if_fail (MIG_IS_STATE_STORE (self), NULL);

  return mig_contract_get_name (self, "MigStateStore",
                                (MigContractNameFunc) MIG_STATE_STORE_GET_IFACE (self)->get_name);
}

/**
 * mig_state_store_get_features:
 * @self: a store
 *
 * Tells what the store can do.
 *
 * Returns: flags; %MIG_STORE_FEATURES_NONE when the implementation does not say
 *
 * Since: 0.1
 */
MigStoreFeatures
mig_state_store_get_features (MigStateStore *self)
{
  MigStateStoreInterface *iface;

  g_return_val_if_fail (MIG_IS_STATE_STORE (self), MIG_STORE_FEATURES_NONE);

  iface = MIG_STATE_STORE_GET_IFACE (self);

  return iface->get_features != NULL ? iface->get_features (self) : MIG_STORE_FEATURES_NONE;
}

/**
 * mig_state_store_get:
 * @self: a store
 * @key: the key of a record
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Reads one record. Blocks. May be called from any thread.
 *
 * Returns: (transfer full): the record, or %NULL with an error: %MIG_ERROR_NOT_FOUND when there is none,
 *   %MIG_ERROR_INVALID_ARGUMENT for a key that breaks the rules of [iface@StateStore], or what the store says
 *
 * Since: 0.1
 */
MigRecord *
mig_state_store_get (MigStateStore  *self,
                     const char     *key,
                     GCancellable   *cancellable,
                     GError        **error)
{
  MigStateStoreInterface *iface;
  g_autoptr (MigRecord) record = NULL;
  GError *local = NULL;

  g_return_val_if_fail (MIG_IS_STATE_STORE (self), NULL);
  g_return_val_if_fail (key != NULL, NULL);

  iface = MIG_STATE_STORE_GET_IFACE (self);
  if (!check_record_key (key, error))
    return NULL;
  if (iface->get == NULL)
    {
      mig_contract_missing (self, "get", error);
      return NULL;
    }

  record = iface->get (self, key, cancellable, &local);
  if (!mig_contract_check (self, "get", record != NULL, local, error))
    return NULL;
  if (strcmp (mig_record_get_key (record), key) != 0)
    {
      mig_contract_broken (self, "get", error, "returned “%s” for “%s”", mig_record_get_key (record), key);
      return NULL;
    }

  return g_steal_pointer (&record);
}

/**
 * mig_state_store_list:
 * @self: a store
 * @prefix: what the keys begin with; "" for all
 * @after: (nullable): only keys greater than this one
 * @limit: at most so many records; 0 for all
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Reads the records whose key begins with a prefix, in byte order of their keys. Blocks. May be called from any
 * thread.
 *
 * Long lists are better read in pages: give the key of the last record of one page as @after of the next, until a page
 * has fewer than @limit records.
 *
 * Returns: (transfer container) (element-type MigRecord): the records, or %NULL with an error:
 *   %MIG_ERROR_INVALID_ARGUMENT for a prefix that breaks the rules of [iface@StateStore], or what the store says
 *
 * Since: 0.1
 */
GPtrArray *
mig_state_store_list (MigStateStore  *self,
                      const char     *prefix,
                      const char     *after,
                      guint           limit,
                      GCancellable   *cancellable,
                      GError        **error)
{
  MigStateStoreInterface *iface;
  g_autoptr (GPtrArray) records = NULL;
  GError *local = NULL;

  g_return_val_if_fail (MIG_IS_STATE_STORE (self), NULL);
  g_return_val_if_fail (prefix != NULL, NULL);

  iface = MIG_STATE_STORE_GET_IFACE (self);
  if (!check_key ("prefix", prefix, error))
    return NULL;
  if (after != NULL && !check_key ("key", after, error))
    return NULL;
  if (iface->list_records == NULL)
    {
      mig_contract_missing (self, "list_records", error);
      return NULL;
    }

  records = iface->list_records (self, prefix, after, limit, cancellable, &local);
  if (!mig_contract_check_array (self, "list_records", records, (GDestroyNotify) mig_record_unref, local, error))
    return NULL;
  if (!check_list (self, records, prefix, after, limit, error))
    return NULL;

  return g_steal_pointer (&records);
}

/**
 * mig_state_store_commit:
 * @self: a store
 * @transaction: what is to be changed, and under which conditions
 * @cancellable: (nullable): a cancellable; heeded only before anything has happened
 * @error: return location for an error
 *
 * Changes records: all that the transaction says, or nothing. What was changed is durable when this returns. Blocks.
 * May be called from any thread.
 *
 * Returns: the revision that the written records have now (for a transaction without changes: the store's), or 0 with
 *   an error: %MIG_ERROR_CONFLICT when a condition does not hold, %MIG_ERROR_INVALID_ARGUMENT for a key or value that
 *   breaks the rules of [iface@StateStore], %MIG_ERROR_BUSY when others kept the store locked for too long, or what
 *   the store says. After any error but %MIG_ERROR_OUTCOME_UNKNOWN and %MIG_ERROR_CONTRACT nothing was changed
 *
 * Since: 0.1
 */
guint64
mig_state_store_commit (MigStateStore   *self,
                        MigTransaction  *transaction,
                        GCancellable    *cancellable,
                        GError         **error)
{
  MigStateStoreInterface *iface;
  GError *local = NULL;
  guint64 revision;

  g_return_val_if_fail (MIG_IS_STATE_STORE (self), 0);
  g_return_val_if_fail (transaction != NULL, 0);

  iface = MIG_STATE_STORE_GET_IFACE (self);
  if (!check_transaction (transaction, error))
    return 0;
  if (iface->commit == NULL)
    {
      mig_contract_missing (self, "commit", error);
      return 0;
    }

  revision = iface->commit (self, transaction, cancellable, &local);

  return mig_contract_check (self, "commit", revision != 0, local, error) ? revision : 0;
}

/**
 * mig_state_store_emit_changed:
 * @self: a store
 * @prefix: the key of a record that changed, or what the keys of several begin with; "" when anything may have
 *   changed
 *
 * Emits [signal@StateStore::changed]. This is for those who implement a store: call it after each commit, with no
 * lock held, from any thread.
 *
 * Since: 0.1
 */
void
mig_state_store_emit_changed (MigStateStore *self,
                              const char    *prefix)
{
  g_return_if_fail (MIG_IS_STATE_STORE (self));
  g_return_if_fail (prefix != NULL);

  g_signal_emit (self, signals[CHANGED], 0, prefix);
}
