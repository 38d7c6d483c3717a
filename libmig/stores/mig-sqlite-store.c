/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-sqlite-store.h>

#include <string.h>
#include <unistd.h>

#include "libmig/stores/mig-sqlite-private.h"
#include "libmig/stores/mig-store-private.h"

/**
 * MigSqliteStore:
 *
 * A state store in one SQLite file, for one machine.
 *
 * The file is made when it is not there, readable by its owner only, in a directory which is made too (mode 0700) when
 * it is missing. Beside it SQLite keeps two more, with the endings `-wal` and `-shm`; the three belong together. The
 * file has to be on a local file system.
 *
 * A commit is on the disk when the call returns (write-ahead log, one fdatasync), and whole or absent after a crash at
 * any moment, of the process or of the machine. Readers never wait for writers. Several stores, in one process or in
 * many, may have one file open; writers take turns, and one that has waited for [property@SqliteStore:busy-timeout]
 * gets %MIG_ERROR_BUSY.
 *
 * The store does not have %MIG_STORE_FEATURES_NOTIFIES: [signal@StateStore::changed] tells of commits made through the
 * same object only. Whoever waits for another process reads the record again from time to time; reading one record
 * takes some ten microseconds, and touches no disk as long as nothing has changed.
 *
 * May be used from any thread. It must not be used after fork() without exec(): every call is %MIG_ERROR_INVALID_STATE
 * there, and dropping the last reference closes nothing. All descriptors are closed by exec().
 *
 * Since: 0.1
 */

struct _MigSqliteStore
{
  GObject parent_instance;

  char                *path;
  gboolean             read_only;
  gint                 busy_timeout; /* milliseconds; atomic */
  pid_t                pid;          /* 0: not opened */
  MigSqliteConnection  reader;       /* its own, so that reading never waits for a commit */
  MigSqliteConnection  writer;
};

enum {
  PROP_PATH = 1,
  PROP_READ_ONLY,
  PROP_BUSY_TIMEOUT,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void mig_sqlite_store_init_store (MigStateStoreInterface *iface);
static void mig_sqlite_store_init_initable (GInitableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MigSqliteStore, mig_sqlite_store, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_STATE_STORE, mig_sqlite_store_init_store)
                               G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, mig_sqlite_store_init_initable))

static gboolean
check_usable (MigSqliteStore  *self,
              GCancellable    *cancellable,
              GError         **error)
{
  if (self->pid == 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "the store %s has not been opened",
                   self->path != NULL ? self->path : "without a path");
      return FALSE;
    }
  if (self->pid != getpid ())
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE,
                   "the store %s was opened by process %d; it cannot be used by a copy made by fork", self->path,
                   (int) self->pid);
      return FALSE;
    }

  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

static gboolean
take (MigSqliteStore       *self,
      MigSqliteConnection  *connection,
      GCancellable         *cancellable,
      GError              **error)
{
  return check_usable (self, cancellable, error) &&
         mig_sqlite_connection_take (connection, self->path, g_atomic_int_get (&self->busy_timeout), error);
}

/* The record of the row that the statement is at; NULL when the file holds what was never written there. */
static MigRecord *
read_row (sqlite3_stmt *statement)
{
  const char *key = (const char *) sqlite3_column_text (statement, 0);
  gint64 revision = sqlite3_column_int64 (statement, 1);
  const char *value = (const char *) sqlite3_column_text (statement, 2);

  return key != NULL && revision > 0 && value != NULL ? mig_record_new (key, revision, value) : NULL;
}

static MigRecord *
read_one (MigSqliteStore  *self,
          const char      *key,
          GError         **error)
{
  sqlite3_stmt *statement = self->reader.statements[MIG_SQLITE_GET];
  MigRecord *record = NULL;
  int result;

  mig_sqlite_bind_text (statement, 1, key);
  result = sqlite3_step (statement);
  if (result == SQLITE_ROW)
    {
      record = read_row (statement);
      if (record == NULL)
        mig_sqlite_set_error (self->path, NULL, SQLITE_CORRUPT, "read", error);
    }
  else if (result == SQLITE_DONE)
    mig_store_set_not_found (key, error);
  else
    mig_sqlite_set_error (self->path, self->reader.db, result, "read", error);
  mig_sqlite_reset (statement);

  return record;
}

static GPtrArray *
read_many (MigSqliteStore  *self,
           const char      *prefix,
           const char      *after,
           guint            limit,
           GError         **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_record_unref);
  sqlite3_stmt *statement = self->reader.statements[MIG_SQLITE_LIST];
  gboolean complete = FALSE;
  int result = SQLITE_ROW;

  mig_sqlite_bind_text (statement, 1, after != NULL && strcmp (after, prefix) > 0 ? after : prefix);
  while (result == SQLITE_ROW && !complete)
    {
      g_autoptr (MigRecord) record = NULL;

      result = sqlite3_step (statement);
      if (result == SQLITE_ROW)
        record = read_row (statement);

      if (result == SQLITE_ROW && record == NULL)
        result = SQLITE_CORRUPT;
      else if (record == NULL || !g_str_has_prefix (mig_record_get_key (record), prefix))
        complete = result == SQLITE_ROW || result == SQLITE_DONE;
      else if (after == NULL || strcmp (mig_record_get_key (record), after) > 0)
        {
          g_ptr_array_add (found, g_steal_pointer (&record));
          complete = found->len == limit;
        }
    }
  if (!complete)
    mig_sqlite_set_error (self->path, self->reader.db, result, "read", error);
  mig_sqlite_reset (statement);

  return complete ? g_steal_pointer (&found) : NULL;
}

static gboolean
check_conditions (MigSqliteStore  *self,
                  MigTransaction  *transaction,
                  GError         **error)
{
  guint n_conditions = mig_transaction_get_n_conditions (transaction);

  for (guint i = 0; i < n_conditions; i++)
    {
      const char *key = mig_transaction_get_condition_key (transaction, i);
      guint64 wanted = mig_transaction_get_condition_revision (transaction, i);
      sqlite3_stmt *find = self->writer.statements[MIG_SQLITE_FIND];
      gint64 found;
      int result;

      mig_sqlite_bind_text (find, 1, key);
      result = mig_sqlite_run (find, &found);
      if (result != SQLITE_OK)
        return mig_sqlite_set_error (self->path, self->writer.db, result, "read", error);
      if ((guint64) found != wanted)
        {
          mig_store_set_conflict (key, wanted, found, error);
          return FALSE;
        }
    }

  return TRUE;
}

static int
apply_change (MigSqliteStore *self,
              const char     *key,
              const char     *value,
              gint64          revision)
{
  sqlite3_stmt *statement = self->writer.statements[value != NULL ? MIG_SQLITE_PUT : MIG_SQLITE_DELETE];

  mig_sqlite_bind_text (statement, 1, key);
  if (value != NULL)
    {
      sqlite3_bind_int64 (statement, 2, revision);
      mig_sqlite_bind_text (statement, 3, value);
    }

  return mig_sqlite_run (statement, NULL);
}

/* Within a transaction of SQLite. Gives the store's revision. */
static gboolean
apply_transaction (MigSqliteStore  *self,
                   MigTransaction  *transaction,
                   gint64          *revision,
                   GError         **error)
{
  sqlite3_stmt * const *statements = self->writer.statements;
  guint n_changes = mig_transaction_get_n_changes (transaction);
  int result;

  if (!check_conditions (self, transaction, error))
    return FALSE;

  result = mig_sqlite_run (statements[MIG_SQLITE_GET_COUNTER], revision);
  if (result == SQLITE_OK && *revision < 1)
    result = SQLITE_CORRUPT;
  if (result == SQLITE_OK && n_changes > 0)
    {
      *revision += 1;
      sqlite3_bind_int64 (statements[MIG_SQLITE_SET_COUNTER], 1, *revision);
      result = mig_sqlite_run (statements[MIG_SQLITE_SET_COUNTER], NULL);
    }
  for (guint i = 0; i < n_changes && result == SQLITE_OK; i++)
    result = apply_change (self, mig_transaction_get_change_key (transaction, i),
                           mig_transaction_get_change_value (transaction, i), *revision);

  return result == SQLITE_OK || mig_sqlite_set_error (self->path, self->writer.db, result, "write", error);
}

/* Once all is written, a failure (to synchronise, or to tell other processes) leaves a log that may yet be found
 * complete after a crash. */
static gboolean
end_transaction (MigSqliteStore  *self,
                 GError         **error)
{
  int result = mig_sqlite_run (self->writer.statements[MIG_SQLITE_COMMIT], NULL);

  if (result == SQLITE_OK)
    return TRUE;
  if ((result & 0xff) != SQLITE_IOERR || result == SQLITE_IOERR_WRITE)
    return mig_sqlite_set_error (self->path, self->writer.db, result, "commit", error);

  g_set_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN, "%s: cannot commit: %s: %s", self->path,
               sqlite3_errstr (result), g_strerror (sqlite3_system_errno (self->writer.db)));

  return FALSE;
}

static const char *
mig_sqlite_store_get_name (MigStateStore *store)
{
  return "sqlite";
}

static MigStoreFeatures
mig_sqlite_store_get_features (MigStateStore *store)
{
  return MIG_STORE_FEATURES_DURABLE | MIG_STORE_FEATURES_SHARED;
}

static MigRecord *
mig_sqlite_store_get (MigStateStore  *store,
                      const char     *key,
                      GCancellable   *cancellable,
                      GError        **error)
{
  MigSqliteStore *self = MIG_SQLITE_STORE (store);
  MigRecord *record;

  if (!take (self, &self->reader, cancellable, error))
    return NULL;
  record = read_one (self, key, error);
  mig_sqlite_connection_give_back (&self->reader);

  return record;
}

static GPtrArray *
mig_sqlite_store_list (MigStateStore  *store,
                       const char     *prefix,
                       const char     *after,
                       guint           limit,
                       GCancellable   *cancellable,
                       GError        **error)
{
  MigSqliteStore *self = MIG_SQLITE_STORE (store);
  GPtrArray *records;

  if (!take (self, &self->reader, cancellable, error))
    return NULL;
  records = read_many (self, prefix, after, limit, error);
  mig_sqlite_connection_give_back (&self->reader);

  return records;
}

static guint64
mig_sqlite_store_commit (MigStateStore   *store,
                         MigTransaction  *transaction,
                         GCancellable    *cancellable,
                         GError         **error)
{
  MigSqliteStore *self = MIG_SQLITE_STORE (store);
  gint64 revision = 0;
  gboolean committed;
  int result;

  if (self->read_only)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "the store %s was opened to read it only", self->path);
      return 0;
    }
  if (!take (self, &self->writer, cancellable, error))
    return 0;

  result = mig_sqlite_run (self->writer.statements[MIG_SQLITE_BEGIN], NULL);
  committed = result == SQLITE_OK || mig_sqlite_set_error (self->path, self->writer.db, result, "lock", error);
  committed = committed && apply_transaction (self, transaction, &revision, error) && end_transaction (self, error);
  /* Some failures have rolled back already. */
  if (!committed && !sqlite3_get_autocommit (self->writer.db))
    mig_sqlite_run (self->writer.statements[MIG_SQLITE_ROLLBACK], NULL);
  mig_sqlite_connection_give_back (&self->writer);

  if (committed)
    mig_store_emit_changes (store, transaction);

  return committed ? revision : 0;
}

static void
mig_sqlite_store_init_store (MigStateStoreInterface *iface)
{
  iface->get_name = mig_sqlite_store_get_name;
  iface->get_features = mig_sqlite_store_get_features;
  iface->get = mig_sqlite_store_get;
  iface->list_records = mig_sqlite_store_list;
  iface->commit = mig_sqlite_store_commit;
}

static gboolean
mig_sqlite_store_initable_init (GInitable     *initable,
                                GCancellable  *cancellable,
                                GError       **error)
{
  MigSqliteStore *self = MIG_SQLITE_STORE (initable);
  int busy_timeout = g_atomic_int_get (&self->busy_timeout);

  if (self->pid != 0)
    return check_usable (self, cancellable, error);
  if (self->path == NULL)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the path of the store is empty");
      return FALSE;
    }
  if (sqlite3_threadsafe () == 0)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "this build of SQLite has no threads");
      return FALSE;
    }

  if ((!self->read_only &&
       (!mig_sqlite_ensure_file (self->path, error) ||
        !mig_sqlite_connection_open (&self->writer, self->path, FALSE, busy_timeout, error))) ||
      !mig_sqlite_connection_open (&self->reader, self->path, self->read_only, busy_timeout, error))
    {
      mig_sqlite_connection_close (&self->reader);
      mig_sqlite_connection_close (&self->writer);
      return FALSE;
    }
  self->pid = getpid ();

  return TRUE;
}

static void
mig_sqlite_store_init_initable (GInitableIface *iface)
{
  iface->init = mig_sqlite_store_initable_init;
}

static void
mig_sqlite_store_set_property (GObject      *object,
                               guint         prop_id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  MigSqliteStore *self = MIG_SQLITE_STORE (object);

  switch (prop_id)
    {
    case PROP_PATH:
      /* Absolute, so that chdir() changes nothing; SQLite's special names begin with no slash. */
      if (g_value_get_string (value) != NULL && *g_value_get_string (value) != '\0')
        self->path = g_canonicalize_filename (g_value_get_string (value), NULL);
      break;

    case PROP_READ_ONLY:
      self->read_only = g_value_get_boolean (value);
      break;

    case PROP_BUSY_TIMEOUT:
      g_atomic_int_set (&self->busy_timeout, (int) (g_value_get_double (value) * 1000));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mig_sqlite_store_get_property (GObject    *object,
                               guint       prop_id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  MigSqliteStore *self = MIG_SQLITE_STORE (object);

  switch (prop_id)
    {
    case PROP_PATH:
      g_value_set_string (value, self->path);
      break;

    case PROP_READ_ONLY:
      g_value_set_boolean (value, self->read_only);
      break;

    case PROP_BUSY_TIMEOUT:
      g_value_set_double (value, g_atomic_int_get (&self->busy_timeout) / 1000.0);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mig_sqlite_store_finalize (GObject *object)
{
  MigSqliteStore *self = MIG_SQLITE_STORE (object);

  /* In a copy made by fork, closing could take away the log under the process that uses it. */
  if (self->pid == getpid ())
    {
      mig_sqlite_connection_close (&self->reader);
      mig_sqlite_connection_close (&self->writer);
    }
  g_free (self->path);

  G_OBJECT_CLASS (mig_sqlite_store_parent_class)->finalize (object);
}

static void
mig_sqlite_store_class_init (MigSqliteStoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = mig_sqlite_store_set_property;
  object_class->get_property = mig_sqlite_store_get_property;
  object_class->finalize = mig_sqlite_store_finalize;

  /**
   * MigSqliteStore:path:
   *
   * The path of the file, absolute.
   *
   * Since: 0.1
   */
  properties[PROP_PATH] =
    g_param_spec_string ("path", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MigSqliteStore:read-only:
   *
   * Whether the store is only read: it has to be there then, may be on a file system that nobody can write to, and
   * every commit is %MIG_ERROR_NOT_SUPPORTED.
   *
   * Since: 0.1
   */
  properties[PROP_READ_ONLY] =
    g_param_spec_boolean ("read-only", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MigSqliteStore:busy-timeout:
   *
   * How long, in seconds, a call waits for others that have the file locked, in this process or another, before it
   * gives up with %MIG_ERROR_BUSY. May be changed at any time, from any thread.
   *
   * Since: 0.1
   */
  properties[PROP_BUSY_TIMEOUT] =
    g_param_spec_double ("busy-timeout", NULL, NULL, 0.001, 3600, 10,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
mig_sqlite_store_init (MigSqliteStore *self)
{
}

/**
 * mig_sqlite_store_new:
 * @path: (type filename): where the file is, or is to be made
 * @error: return location for an error
 *
 * Opens a store, or makes a new one where there is no file. Blocks.
 *
 * Nothing is changed, and no file is left behind, when it fails: with %MIG_ERROR_CORRUPT when the file is not such a
 * store (an empty file is none) or cannot be read, %MIG_ERROR_INVALID_STATE when a later version of libmig made it
 * (the message names both formats), %MIG_ERROR_BUSY when others kept it locked for too long,
 * %MIG_ERROR_INVALID_ARGUMENT when the path is empty, %MIG_ERROR_NOT_SUPPORTED when the file system cannot do what is
 * needed, and %MIG_ERROR_FAILED when the system refuses; the message names the file.
 *
 * Returns: (transfer full) (type MigSqliteStore): a store, or %NULL with an error
 *
 * Since: 0.1
 */
MigStateStore *
mig_sqlite_store_new (const char  *path,
                      GError     **error)
{
  g_return_val_if_fail (path != NULL, NULL);

  return g_initable_new (MIG_TYPE_SQLITE_STORE, NULL, error, "path", path, NULL);
}

/**
 * mig_sqlite_store_get_path:
 * @self: a store
 *
 * Gets the path of the file.
 *
 * Returns: (transfer none) (type filename): the path, absolute
 *
 * Since: 0.1
 */
const char *
mig_sqlite_store_get_path (MigSqliteStore *self)
{
  g_return_val_if_fail (MIG_IS_SQLITE_STORE (self), NULL);

  return self->path;
}
