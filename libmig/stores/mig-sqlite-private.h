/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* What MigSqliteStore is made of: the file, and connections to it. */

#define MIG_SQLITE_APPLICATION_ID 0x4d696753 /* "MigS" */
#define MIG_SQLITE_FORMAT 1

typedef enum {
  MIG_SQLITE_BEGIN,
  MIG_SQLITE_COMMIT,
  MIG_SQLITE_ROLLBACK,
  MIG_SQLITE_GET,         /* key → key, revision, value */
  MIG_SQLITE_LIST,        /* least key → key, revision, value, in order */
  MIG_SQLITE_FIND,        /* key → revision */
  MIG_SQLITE_PUT,         /* key, revision, value */
  MIG_SQLITE_DELETE,      /* key */
  MIG_SQLITE_GET_COUNTER, /* → revision */
  MIG_SQLITE_SET_COUNTER, /* revision */
  MIG_SQLITE_N_STATEMENTS
} MigSqliteStatement;

/* A connection is used by one thread at a time: the one that has taken it. */
typedef struct
{
  GMutex        lock;
  GCond         given_back;
  gboolean      taken;
  sqlite3      *db;
  sqlite3_stmt *statements[MIG_SQLITE_N_STATEMENTS];
} MigSqliteConnection;

/* "<path>: cannot <verb>: <what SQLite and the system say>"; always FALSE. @db may be NULL. */
gboolean mig_sqlite_set_error            (const char           *path,
                                          sqlite3              *db,
                                          int                   result,
                                          const char           *verb,
                                          GError              **error);

/* Makes the file, and its directory, unless it is there. */
gboolean mig_sqlite_ensure_file          (const char           *path,
                                          GError              **error);

/* Refuses a file that is not a store, or has a later format, before anything in it is changed. After a failure the
 * connection still has to be closed. */
gboolean mig_sqlite_connection_open      (MigSqliteConnection  *self,
                                          const char           *path,
                                          gboolean              read_only,
                                          int                   busy_timeout,
                                          GError              **error);
void     mig_sqlite_connection_close     (MigSqliteConnection  *self);

/* Waits for the connection, at most @busy_timeout milliseconds; what is left of them may be spent on waiting for other
 * processes. */
gboolean mig_sqlite_connection_take      (MigSqliteConnection  *self,
                                          const char           *path,
                                          int                   busy_timeout,
                                          GError              **error);
void     mig_sqlite_connection_give_back (MigSqliteConnection  *self);

/* The text has to live until the statement has run. */
void     mig_sqlite_bind_text            (sqlite3_stmt         *statement,
                                          int                   index,
                                          const char           *text);
/* Runs a statement that gives no row, or one number (0 when there is no row), and returns SQLITE_OK or an error. */
int      mig_sqlite_run                  (sqlite3_stmt         *statement,
                                          gint64               *number);
/* Must follow the last step of a statement that was stepped by hand. */
void     mig_sqlite_reset                (sqlite3_stmt         *statement);

G_END_DECLS
