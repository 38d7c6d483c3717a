/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-transaction.h>

/**
 * MigTransaction:
 *
 * What is to be written to a state store, all of it or nothing: conditions on records, and changes of records. It is
 * built by one thread; once it has been given to [method@StateStore.commit] it must not be changed any more.
 *
 * Since: 0.1
 */

typedef struct
{
  char    *key;
  char    *value;    /* of a change; NULL deletes */
  guint64  revision; /* of a condition; 0 = absent */
} Row;

struct _MigTransaction
{
  GArray *conditions;
  GArray *changes;
};

G_DEFINE_BOXED_TYPE (MigTransaction, mig_transaction, mig_transaction_ref, mig_transaction_unref)

static void
row_clear (gpointer data)
{
  Row *row = data;

  g_free (row->key);
  g_free (row->value);
}

static GArray *
rows_new (void)
{
  GArray *rows = g_array_new (FALSE, TRUE, sizeof (Row));

  g_array_set_clear_func (rows, row_clear);

  return rows;
}

static void
transaction_clear (gpointer data)
{
  MigTransaction *self = data;

  g_array_unref (self->conditions);
  g_array_unref (self->changes);
}

/**
 * mig_transaction_new:
 *
 * Makes an empty transaction.
 *
 * Returns: (transfer full): a transaction
 *
 * Since: 0.1
 */
MigTransaction *
mig_transaction_new (void)
{
  MigTransaction *self = g_atomic_rc_box_new0 (MigTransaction);

  self->conditions = rows_new ();
  self->changes = rows_new ();

  return self;
}

/**
 * mig_transaction_ref:
 * @self: a transaction
 *
 * Takes a reference.
 *
 * Returns: (transfer full): the transaction
 *
 * Since: 0.1
 */
MigTransaction *
mig_transaction_ref (MigTransaction *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return g_atomic_rc_box_acquire (self);
}

/**
 * mig_transaction_unref:
 * @self: (transfer full): a transaction
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
void
mig_transaction_unref (MigTransaction *self)
{
  g_return_if_fail (self != NULL);

  g_atomic_rc_box_release_full (self, transaction_clear);
}

/**
 * mig_transaction_require:
 * @self: a transaction
 * @key: the key of a record
 * @revision: the revision that it must have; 0: it must be absent
 *
 * Adds a condition.
 *
 * Since: 0.1
 */
void
mig_transaction_require (MigTransaction *self,
                         const char     *key,
                         guint64         revision)
{
  Row row = { g_strdup (key), NULL, revision };

  g_return_if_fail (self != NULL);
  g_return_if_fail (key != NULL);

  g_array_append_val (self->conditions, row);
}

/**
 * mig_transaction_put:
 * @self: a transaction
 * @key: the key of a record
 * @value: its new value: UTF-8 text, at most 512 KiB
 *
 * Adds a change: the record is written, whether it was there or not. Of two changes of one key the later counts.
 *
 * Since: 0.1
 */
void
mig_transaction_put (MigTransaction *self,
                     const char     *key,
                     const char     *value)
{
  Row row = { g_strdup (key), g_strdup (value), 0 };

  g_return_if_fail (self != NULL);
  g_return_if_fail (key != NULL);
  g_return_if_fail (value != NULL);

  g_array_append_val (self->changes, row);
}

/**
 * mig_transaction_delete:
 * @self: a transaction
 * @key: the key of a record
 *
 * Adds a change: the record is deleted; a record that is not there is no error.
 *
 * Since: 0.1
 */
void
mig_transaction_delete (MigTransaction *self,
                        const char     *key)
{
  Row row = { g_strdup (key), NULL, 0 };

  g_return_if_fail (self != NULL);
  g_return_if_fail (key != NULL);

  g_array_append_val (self->changes, row);
}

/**
 * mig_transaction_get_n_conditions:
 * @self: a transaction
 *
 * Tells how many conditions it has.
 *
 * Returns: how many conditions it has
 *
 * Since: 0.1
 */
guint
mig_transaction_get_n_conditions (MigTransaction *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->conditions->len;
}

/**
 * mig_transaction_get_condition_key:
 * @self: a transaction
 * @index: the number of a condition, from 0
 *
 * Gets the key that it is about.
 *
 * Returns: the key that it is about
 *
 * Since: 0.1
 */
const char *
mig_transaction_get_condition_key (MigTransaction *self,
                                   guint           index)
{
  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (index < self->conditions->len, NULL);

  return g_array_index (self->conditions, Row, index).key;
}

/**
 * mig_transaction_get_condition_revision:
 * @self: a transaction
 * @index: the number of a condition, from 0
 *
 * Gets the revision that the record must have.
 *
 * Returns: the revision that the record must have; 0: it must be absent
 *
 * Since: 0.1
 */
guint64
mig_transaction_get_condition_revision (MigTransaction *self,
                                        guint           index)
{
  g_return_val_if_fail (self != NULL, 0);
  g_return_val_if_fail (index < self->conditions->len, 0);

  return g_array_index (self->conditions, Row, index).revision;
}

/**
 * mig_transaction_get_n_changes:
 * @self: a transaction
 *
 * Tells how many changes it has.
 *
 * Returns: how many changes it has
 *
 * Since: 0.1
 */
guint
mig_transaction_get_n_changes (MigTransaction *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->changes->len;
}

/**
 * mig_transaction_get_change_key:
 * @self: a transaction
 * @index: the number of a change, from 0; they apply in this order
 *
 * Gets the key that it changes.
 *
 * Returns: the key that it changes
 *
 * Since: 0.1
 */
const char *
mig_transaction_get_change_key (MigTransaction *self,
                                guint           index)
{
  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (index < self->changes->len, NULL);

  return g_array_index (self->changes, Row, index).key;
}

/**
 * mig_transaction_get_change_value:
 * @self: a transaction
 * @index: the number of a change, from 0
 *
 * Gets the new value.
 *
 * Returns: (nullable): the new value, or %NULL when the record is to be deleted
 *
 * Since: 0.1
 */
const char *
mig_transaction_get_change_value (MigTransaction *self,
                                  guint           index)
{
  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (index < self->changes->len, NULL);

  return g_array_index (self->changes, Row, index).value;
}
