/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-record.h>

/**
 * MigRecord:
 *
 * One record of a state store: a key, a value, and the revision at which it was last written. Immutable; may be used
 * from any thread.
 *
 * Since: 0.1
 */

struct _MigRecord
{
  char    *key;
  char    *value;
  guint64  revision;
};

G_DEFINE_BOXED_TYPE (MigRecord, mig_record, mig_record_ref, mig_record_unref)

static void
record_clear (gpointer data)
{
  MigRecord *self = data;

  g_free (self->key);
  g_free (self->value);
}

/**
 * mig_record_new:
 * @key: the key
 * @revision: the revision at which it was last written, from 1
 * @value: the value: UTF-8 text
 *
 * Makes a record. This is for those who implement a [iface@StateStore].
 *
 * Returns: (transfer full): a record
 *
 * Since: 0.1
 */
MigRecord *
mig_record_new (const char *key,
                guint64     revision,
                const char *value)
{
  MigRecord *self;

  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (revision > 0, NULL);
  g_return_val_if_fail (value != NULL, NULL);

  self = g_atomic_rc_box_new0 (MigRecord);
  self->key = g_strdup (key);
  self->value = g_strdup (value);
  self->revision = revision;

  return self;
}

/**
 * mig_record_ref:
 * @self: a record
 *
 * Takes a reference.
 *
 * Returns: (transfer full): the record
 *
 * Since: 0.1
 */
MigRecord *
mig_record_ref (MigRecord *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return g_atomic_rc_box_acquire (self);
}

/**
 * mig_record_unref:
 * @self: (transfer full): a record
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
void
mig_record_unref (MigRecord *self)
{
  g_return_if_fail (self != NULL);

  g_atomic_rc_box_release_full (self, record_clear);
}

/**
 * mig_record_get_key:
 * @self: a record
 *
 * Gets its key.
 *
 * Returns: its key
 *
 * Since: 0.1
 */
const char *
mig_record_get_key (MigRecord *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->key;
}

/**
 * mig_record_get_revision:
 * @self: a record
 *
 * Gets the revision at which it was last written.
 *
 * Returns: the revision at which it was last written
 *
 * Since: 0.1
 */
guint64
mig_record_get_revision (MigRecord *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->revision;
}

/**
 * mig_record_get_value:
 * @self: a record
 *
 * Gets its value.
 *
 * Returns: its value
 *
 * Since: 0.1
 */
const char *
mig_record_get_value (MigRecord *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->value;
}
