/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-error.h>

#include <errno.h>
#include <unistd.h>

#include "libmig/stores/mig-sqlite-private.h"

static const char * const statement_sql[] = {
  [MIG_SQLITE_BEGIN] = "BEGIN IMMEDIATE",
  [MIG_SQLITE_COMMIT] = "COMMIT",
  [MIG_SQLITE_ROLLBACK] = "ROLLBACK",
  [MIG_SQLITE_GET] = "SELECT key, revision, value FROM record WHERE key = ?1",
  [MIG_SQLITE_LIST] = "SELECT key, revision, value FROM record WHERE key >= ?1 ORDER BY key",
  [MIG_SQLITE_FIND] = "SELECT revision FROM record WHERE key = ?1",
  [MIG_SQLITE_PUT] = "INSERT OR REPLACE INTO record (key, revision, value) VALUES (?1, ?2, ?3)",
  [MIG_SQLITE_DELETE] = "DELETE FROM record WHERE key = ?1",
  [MIG_SQLITE_GET_COUNTER] = "SELECT revision FROM counter",
  [MIG_SQLITE_SET_COUNTER] = "UPDATE counter SET revision = ?1",
};
G_STATIC_ASSERT (G_N_ELEMENTS (statement_sql) == MIG_SQLITE_N_STATEMENTS);

static MigError
error_code (int result)
{
  switch (result & 0xff)
    {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return MIG_ERROR_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return MIG_ERROR_CORRUPT;
    default:
      return MIG_ERROR_FAILED;
    }
}

/* SQLite's text says what kind of thing went wrong, the system's what did. */
gboolean
mig_sqlite_set_error (const char  *path,
                      sqlite3     *db,
                      int          result,
                      const char  *verb,
                      GError     **error)
{
  int number = db != NULL ? sqlite3_system_errno (db) : 0;
  gboolean is_system = number != 0 && ((result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN);

  g_set_error (error, MIG_ERROR, error_code (result), "%s: cannot %s: %s%s%s", path, verb, sqlite3_errstr (result),
               is_system ? ": " : "", is_system ? g_strerror (number) : "");

  return FALSE;
}

static int
query_integer (sqlite3    *db,
               const char *sql,
               gint64     *value)
{
  sqlite3_stmt *statement = NULL;
  int result = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL);

  if (result == SQLITE_OK)
    result = mig_sqlite_run (statement, value);
  sqlite3_finalize (statement);

  return result;
}

static gboolean
check_format (const char  *path,
              sqlite3     *db,
              gboolean     read_only,
              GError     **error)
{
  gint64 id = 0;
  gint64 format = 0;
  int result;

  if (!read_only && sqlite3_db_readonly (db, "main") == 1)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "%s: cannot write: it is read-only", path);
      return FALSE;
    }

  result = query_integer (db, "PRAGMA application_id", &id);
  if (result == SQLITE_OK)
    result = query_integer (db, "PRAGMA user_version", &format);
  if (result != SQLITE_OK)
    return mig_sqlite_set_error (path, db, result, "read", error);

  if (id != MIG_SQLITE_APPLICATION_ID || format < 1)
    {
      /* Also an empty file: that may be all that is left of a full one. */
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "%s is not a state store of libmig", path);
      return FALSE;
    }
  if (format > MIG_SQLITE_FORMAT)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE,
                   "%s has format %" G_GINT64_FORMAT "; this version of libmig can use format %d only", path, format,
                   MIG_SQLITE_FORMAT);
      return FALSE;
    }

  return TRUE;
}

/* SQLite answers with the mode that there is, which may be the old one, without an error. */
static gboolean
set_mode (const char  *path,
          sqlite3     *db,
          GError     **error)
{
  sqlite3_stmt *statement = NULL;
  gboolean is_log = FALSE;
  int result = sqlite3_exec (db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);

  if (result == SQLITE_OK)
    result = sqlite3_prepare_v2 (db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
  if (result == SQLITE_OK)
    {
      result = sqlite3_step (statement);
      is_log = result == SQLITE_ROW && g_strcmp0 ((const char *) sqlite3_column_text (statement, 0), "wal") == 0;
    }
  sqlite3_finalize (statement);

  if (result == SQLITE_ROW && !is_log)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "%s: this file system cannot have a write-ahead log",
                   path);
      return FALSE;
    }

  return is_log || mig_sqlite_set_error (path, db, result, "open", error);
}

/* SQLite wants to make a log before it reads; where nobody can write it need not, unless there is one. */
static gboolean
is_immutable (const char *path)
{
  g_autofree char *log = g_strconcat (path, "-wal", NULL);

  return access (path, W_OK) != 0 && errno == EROFS && !g_file_test (log, G_FILE_TEST_EXISTS);
}

static int
open_file (MigSqliteConnection *self,
           const char          *path,
           gboolean             read_only)
{
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  g_autofree char *escaped = NULL;
  g_autofree char *uri = NULL;

  if (!read_only)
    return sqlite3_open_v2 (path, &self->db, flags | SQLITE_OPEN_READWRITE, NULL);

  escaped = g_uri_escape_string (path, "/", FALSE);
  uri = g_strconcat ("file:", escaped, is_immutable (path) ? "?immutable=1" : "", NULL);

  return sqlite3_open_v2 (uri, &self->db, flags | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
}

gboolean
mig_sqlite_connection_open (MigSqliteConnection  *self,
                            const char           *path,
                            gboolean              read_only,
                            int                   busy_timeout,
                            GError              **error)
{
  int result = open_file (self, path, read_only);

  if (result != SQLITE_OK)
    return mig_sqlite_set_error (path, self->db, result, "open", error);

  sqlite3_extended_result_codes (self->db, TRUE);
  sqlite3_busy_timeout (self->db, busy_timeout);
  /* The mode is set in case that the file is a copy that was made in another one. */
  if (!check_format (path, self->db, read_only, error) || !(read_only || set_mode (path, self->db, error)))
    return FALSE;

  for (gsize i = 0; i < MIG_SQLITE_N_STATEMENTS && result == SQLITE_OK; i++)
    result = sqlite3_prepare_v3 (self->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &self->statements[i],
                                 NULL);
  /* The statements are right, so a table is missing. */
  if ((result & 0xff) == SQLITE_ERROR)
    result = SQLITE_CORRUPT;

  return result == SQLITE_OK || mig_sqlite_set_error (path, self->db, result, "open", error);
}

void
mig_sqlite_connection_close (MigSqliteConnection *self)
{
  for (gsize i = 0; i < MIG_SQLITE_N_STATEMENTS; i++)
    g_clear_pointer (&self->statements[i], sqlite3_finalize);
  g_clear_pointer (&self->db, sqlite3_close);
}

gboolean
mig_sqlite_connection_take (MigSqliteConnection  *self,
                            const char           *path,
                            int                   busy_timeout,
                            GError              **error)
{
  gint64 deadline = g_get_monotonic_time () + busy_timeout * G_GINT64_CONSTANT (1000);
  gboolean in_time = TRUE;
  gboolean taken;
  int moved = 0;

  g_mutex_lock (&self->lock);
  while (self->taken && in_time)
    in_time = g_cond_wait_until (&self->given_back, &self->lock, deadline);
  taken = !self->taken;
  self->taken = TRUE;
  g_mutex_unlock (&self->lock);

  if (!taken)
    return mig_sqlite_set_error (path, NULL, SQLITE_BUSY, "lock", error);

  /* What is written to a file without a name is lost, and SQLite would not say so. */
  if (sqlite3_file_control (self->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved)
    {
      mig_sqlite_connection_give_back (self);
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "%s has been moved or deleted while it is in use", path);
      return FALSE;
    }
  sqlite3_busy_timeout (self->db, (int) MAX ((deadline - g_get_monotonic_time ()) / 1000, 1));

  return TRUE;
}

void
mig_sqlite_connection_give_back (MigSqliteConnection *self)
{
  g_mutex_lock (&self->lock);
  self->taken = FALSE;
  g_cond_signal (&self->given_back);
  g_mutex_unlock (&self->lock);
}

void
mig_sqlite_bind_text (sqlite3_stmt *statement,
                      int           index,
                      const char   *text)
{
  sqlite3_bind_text (statement, index, text, -1, SQLITE_STATIC);
}

int
mig_sqlite_run (sqlite3_stmt *statement,
                gint64       *number)
{
  int result = sqlite3_step (statement);

  if (number != NULL)
    *number = result == SQLITE_ROW ? sqlite3_column_int64 (statement, 0) : 0;
  mig_sqlite_reset (statement);

  return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

void
mig_sqlite_reset (sqlite3_stmt *statement)
{
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
}
