/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-error.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "libmig/stores/mig-sqlite-private.h"

/* How the file of a store comes to be. It is an SQLite database with an application id, a format number (SQLite's user
 * version), and these tables. A later format raises the number; there is none before 1.
 *
 *   record    one row for each record
 *   counter   one row: the revision of the last commit that changed something; 1 in a new file
 */
static const char create_sql[] =
  "BEGIN;"
  "CREATE TABLE record (key TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;"
  "CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 0), revision INTEGER NOT NULL);"
  "INSERT INTO counter VALUES (0, 1);"
  "PRAGMA application_id = " G_STRINGIFY (MIG_SQLITE_APPLICATION_ID) ";"
  "PRAGMA user_version = " G_STRINGIFY (MIG_SQLITE_FORMAT) ";"
  "COMMIT;"
  /* Last: it only changes the header, so there is no log yet that would have to be moved with the file. */
  "PRAGMA journal_mode = WAL;";

static gboolean
set_errno (const char  *path,
           const char  *verb,
           int          number,
           GError     **error)
{
  g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "%s: cannot %s: %s", path, verb, g_strerror (number));

  return FALSE;
}

static gboolean
fill_file (const char  *path,
           GError     **error)
{
  sqlite3 *db = NULL;
  int result = sqlite3_open_v2 (path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  gboolean filled;

  if (result == SQLITE_OK)
    {
      sqlite3_extended_result_codes (db, TRUE);
      result = sqlite3_exec (db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    }
  if (result == SQLITE_OK)
    result = sqlite3_exec (db, create_sql, NULL, NULL, NULL);
  filled = result == SQLITE_OK || mig_sqlite_set_error (path, db, result, "create", error);
  sqlite3_close (db);

  return filled;
}

static void
remove_files (const char *path)
{
  const char * const endings[] = { "", "-journal", "-wal", "-shm" };

  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      g_autofree char *name = g_strconcat (path, endings[i], NULL);

      g_unlink (name);
    }
}

static gboolean
sync_directory (const char  *path,
                GError     **error)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean synced = fd >= 0 && fsync (fd) == 0;

  if (!synced)
    set_errno (path, "synchronise", errno, error);
  if (fd >= 0)
    close (fd);

  return synced;
}

/* Under another name first, and linked to its own when it is complete: nobody ever sees half a file, two processes
 * that start at once get the same one, and a failure leaves nothing. Another reason is that closing a descriptor of a
 * database drops the locks that this process has on it: nobody can have any yet. */
static gboolean
create_file (const char  *path,
             GError     **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *name = g_strconcat (path, ".XXXXXX", NULL);
  gboolean created;
  int fd;

  if (g_mkdir_with_parents (directory, 0700) != 0)
    return set_errno (directory, "create", errno, error);
  fd = g_mkstemp_full (name, O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0)
    return set_errno (path, "create", errno, error);
  close (fd);

  created = fill_file (name, error);
  if (created && link (name, path) != 0 && errno != EEXIST)
    created = set_errno (path, "create", errno, error);
  remove_files (name);

  return created && sync_directory (directory, error);
}

gboolean
mig_sqlite_ensure_file (const char  *path,
                        GError     **error)
{
  g_autofree char *log = g_strconcat (path, "-wal", NULL);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;

  /* SQLite would apply the log of the lost file to the new one. The order of the two looks matters: a process that
   * makes the file now has it in place before its log. */
  if (g_file_test (log, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT,
                   "%s is missing, but its log %s is there: put the file back, or remove the log to start afresh", path,
                   log);
      return FALSE;
    }

  return create_file (path, error);
}
