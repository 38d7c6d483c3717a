/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the contract does not say: the file, and what can be wrong with it; locks; fork. */

#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <libmig/mig-sqlite-store.h>
#include <sqlite3.h>

#include "mig-test.h"

static char *directory;
static char *path;

static void
make_directory (void)
{
  directory = mig_test_make_directory ();
  path = g_build_filename (directory, "state.db", NULL);
}

static void
remove_directory (void)
{
  mig_test_remove_directory (directory);
  g_clear_pointer (&directory, g_free);
  g_clear_pointer (&path, g_free);
}

static MigStateStore *
open_store (void)
{
  g_autoptr (GError) error = NULL;
  MigStateStore *store = mig_sqlite_store_new (path, &error);

  mig_assert_no_error (error);
  ck_assert (MIG_IS_SQLITE_STORE (store));

  return store;
}

static guint64
put (MigStateStore  *store,
     const char     *key,
     const char     *value,
     GError        **error)
{
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();

  mig_transaction_put (transaction, key, value);

  return mig_state_store_commit (store, transaction, NULL, error);
}

static void
put_well (MigStateStore *store,
          const char    *key,
          const char    *value)
{
  g_autoptr (GError) error = NULL;

  ck_assert_uint_ne (put (store, key, value, &error), 0);
  mig_assert_no_error (error);
}

static void
assert_value (MigStateStore *store,
              const char    *key,
              const char    *value)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigRecord) record = mig_state_store_get (store, key, NULL, &error);

  mig_assert_no_error (error);
  ck_assert_str_eq (mig_record_get_value (record), value);
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

/* The names in the directory, sorted, with a blank between. */
static char *
list_files (const char *where)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (where, 0, NULL);
  const char *name;

  ck_assert_ptr_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);

  return g_strjoinv (" ", (char **) names->pdata);
}

static void
assert_files (const char *expected)
{
  g_autofree char *found = list_files (directory);

  ck_assert_str_eq (found, expected);
}

static int
mode_of (const char *file)
{
  GStatBuf info;

  ck_assert_int_eq (g_stat (file, &info), 0);

  return info.st_mode & 0777;
}

static void
run_sql (const char *file,
         const char *sql)
{
  sqlite3 *db = NULL;

  ck_assert_int_eq (sqlite3_open (file, &db), SQLITE_OK);
  ck_assert_int_eq (sqlite3_exec (db, sql, NULL, NULL, NULL), SQLITE_OK);
  ck_assert_int_eq (sqlite3_close (db), SQLITE_OK);
}

START_TEST (file_is_for_its_owner_only)
{
  g_autofree char *outer = g_build_filename (directory, "a", NULL);
  g_autofree char *inner = g_build_filename (outer, "b", NULL);
  g_autofree char *file = g_build_filename (inner, "state.db", NULL);
  g_autofree char *log = g_strconcat (file, "-wal", NULL);
  g_autofree char *found = NULL;
  g_autoptr (MigStateStore) store = NULL;

  umask (0);
  store = mig_sqlite_store_new (file, NULL);
  put_well (store, "a", "1");
  ck_assert_int_eq (mode_of (outer), 0700);
  ck_assert_int_eq (mode_of (inner), 0700);
  ck_assert_int_eq (mode_of (file), 0600);
  ck_assert_int_eq (mode_of (log), 0600);

  g_clear_object (&store);
  found = list_files (inner);
  ck_assert_str_eq (found, "state.db");
}
END_TEST

START_TEST (descriptors_are_closed_by_exec)
{
  g_autoptr (MigStateStore) store = open_store ();
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;
  guint n_found = 0;

  put_well (store, "a", "1");
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *link = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (link, NULL);

      if (target == NULL || !g_str_has_prefix (target, path))
        continue;
      n_found++;
      ck_assert_msg ((fcntl (atoi (name), F_GETFD) & FD_CLOEXEC) != 0, "%s stays open", target);
    }
  ck_assert_uint_ge (n_found, 3);
}
END_TEST

START_TEST (path_is_absolute)
{
  g_autoptr (MigStateStore) store = NULL;
  g_autoptr (MigStateStore) odd = NULL;
  g_autofree char *odd_path = g_build_filename (directory, ":memory:", NULL);

  ck_assert_int_eq (chdir (directory), 0);
  store = mig_sqlite_store_new ("x/../state.db", NULL);
  ck_assert_str_eq (mig_sqlite_store_get_path (MIG_SQLITE_STORE (store)), path);
  odd = mig_sqlite_store_new (":memory:", NULL);
  ck_assert_int_eq (chdir ("/"), 0);
  put_well (store, "a", "1");
  assert_value (store, "a", "1");
  ck_assert (g_file_test (odd_path, G_FILE_TEST_IS_REGULAR));
}
END_TEST

/* --- What is there, and should not be opened --- */

static void
write_text (void)
{
  ck_assert (g_file_set_contents (path, "hello\n", -1, NULL));
}

static void
write_long_text (void)
{
  g_autofree char *text = g_strnfill (10000, 'x');

  ck_assert (g_file_set_contents (path, text, -1, NULL));
}

static void
write_nothing (void)
{
  ck_assert (g_file_set_contents (path, "", 0, NULL));
}

static void
write_other_database (void)
{
  run_sql (path, "CREATE TABLE record (key TEXT); INSERT INTO record VALUES ('a')");
}

static void
write_later_format (void)
{
  g_object_unref (open_store ());
  run_sql (path, "PRAGMA user_version = 7");
}

static void
write_no_format (void)
{
  g_object_unref (open_store ());
  run_sql (path, "PRAGMA user_version = 0");
}

static void
write_without_tables (void)
{
  g_object_unref (open_store ());
  run_sql (path, "DROP TABLE record");
}

static void
cut_short (void)
{
  g_object_unref (open_store ());
  ck_assert_int_eq (truncate (path, 4096 + 100), 0);
}

static void
make_folder (void)
{
  ck_assert_int_eq (g_mkdir (path, 0700), 0);
}

static void
leave_log (void)
{
  g_autofree char *log = g_strconcat (path, "-wal", NULL);

  ck_assert (g_file_set_contents (log, "log", -1, NULL));
}

typedef struct
{
  void (*prepare) (void);
  MigError code;
  const char *message; /* part of it, besides the path */
} BadRow;

static const BadRow bad[] = {
  { write_text, MIG_ERROR_CORRUPT, "" },
  { write_long_text, MIG_ERROR_CORRUPT, "not a database" },
  { write_nothing, MIG_ERROR_CORRUPT, "is not a state store of libmig" },
  { write_other_database, MIG_ERROR_CORRUPT, "is not a state store of libmig" },
  { write_later_format, MIG_ERROR_INVALID_STATE, "has format 7; this version of libmig can use format 1 only" },
  { write_no_format, MIG_ERROR_CORRUPT, "is not a state store of libmig" },
  { write_without_tables, MIG_ERROR_CORRUPT, "malformed" },
  { cut_short, MIG_ERROR_CORRUPT, "malformed" },
  { make_folder, MIG_ERROR_FAILED, "cannot open" },
  { leave_log, MIG_ERROR_CORRUPT, "-wal is there" },
};

START_TEST (bad_file_is_refused_and_left_alone)
{
  const BadRow *row = &bad[_i];
  g_autoptr (GError) error = NULL;
  g_autofree char *files = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  gsize length = 0;
  gsize length_after = 0;

  row->prepare ();
  files = list_files (directory);
  g_file_get_contents (path, &before, &length, NULL);

  ck_assert_ptr_null (mig_sqlite_store_new (path, &error));
  mig_assert_error (error, MIG_ERROR, row->code);
  ck_assert_msg (strstr (error->message, path) != NULL, "no path in: %s", error->message);
  ck_assert_msg (strstr (error->message, row->message) != NULL, "“%s” is not in: %s", row->message, error->message);

  assert_files (files);
  g_file_get_contents (path, &after, &length_after, NULL);
  ck_assert_uint_eq (length, length_after);
  ck_assert (before == NULL || memcmp (before, after, length) == 0);
}
END_TEST

START_TEST (bad_path_is_refused)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *below_file = g_build_filename (path, "state.db", NULL);

  ck_assert_ptr_null (mig_sqlite_store_new ("", &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  write_text ();
  ck_assert_ptr_null (mig_sqlite_store_new (below_file, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_FAILED);
  ck_assert_ptr_nonnull (strstr (error->message, path));
}
END_TEST

START_TEST (no_permission_is_told)
{
  const int modes[] = { 0644, 0600 };
  const char * const messages[] = { "read-only", "Permission denied" };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autofree char *file = g_strdup_printf ("%s-%d", path, modes[i]);

      g_object_unref (mig_sqlite_store_new (file, NULL));
      ck_assert_int_eq (g_chmod (file, geteuid () == 0 ? modes[i] : modes[i] & 0444), 0);
    }
  /* Root may do everything; somebody else may look into the directory. */
  ck_assert_int_eq (g_chmod (directory, 0555), 0);
  ck_assert (geteuid () != 0 || seteuid (65534) == 0);

  ck_assert_ptr_null (mig_sqlite_store_new (path, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_FAILED);
  ck_assert_ptr_nonnull (strstr (error->message, "Permission denied"));
  assert_files ("state.db-384 state.db-420");

  for (gsize i = 0; i < G_N_ELEMENTS (modes) && getuid () == 0; i++)
    {
      g_autofree char *file = g_strdup_printf ("%s-%d", path, modes[i]);

      g_clear_error (&error);
      ck_assert_ptr_null (mig_sqlite_store_new (file, &error));
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_FAILED);
      ck_assert_msg (strstr (error->message, messages[i]) != NULL, "%s", error->message);
    }
  ck_assert (getuid () != 0 || seteuid (0) == 0);
  ck_assert_int_eq (g_chmod (directory, 0700), 0);
}
END_TEST

START_TEST (damage_is_told_when_it_is_met)
{
  g_autoptr (MigStateStore) store = open_store ();
  g_autofree char *value = g_strnfill (3000, 'x');
  g_autofree char *garbage = g_strnfill (4096, '\xee');
  g_autoptr (GError) error = NULL;
  int fd;

  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *key = g_strdup_printf ("op/%u", i);

      put_well (store, key, value);
    }
  g_clear_object (&store);

  fd = open (path, O_WRONLY | O_CLOEXEC);
  for (off_t page = 4; page < 30; page++)
    ck_assert_int_eq (pwrite (fd, garbage, 4096, page * 4096), 4096);
  close (fd);

  store = open_store ();
  ck_assert_ptr_null (mig_state_store_list (store, "", NULL, 0, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
  ck_assert_ptr_nonnull (strstr (error->message, path));
}
END_TEST

static void
rename_file (void)
{
  g_autofree char *other = g_strconcat (path, ".old", NULL);

  ck_assert_int_eq (g_rename (path, other), 0);
}

static void
delete_file (void)
{
  ck_assert_int_eq (g_unlink (path), 0);
}

static void (* const take_away[]) (void) = { rename_file, delete_file };

START_TEST (file_that_is_taken_away_is_missed)
{
  g_autoptr (MigStateStore) store = open_store ();
  g_autoptr (GError) error = NULL;

  put_well (store, "a", "1");
  take_away[_i] ();

  ck_assert_uint_eq (put (store, "a", "2", &error), 0);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
  ck_assert_ptr_nonnull (strstr (error->message, path));
  g_clear_error (&error);
  ck_assert_ptr_null (mig_state_store_get (store, "a", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
  g_clear_error (&error);

  /* Nor is a new one begun over the old one's log. */
  ck_assert_ptr_null (mig_sqlite_store_new (path, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
}
END_TEST

START_TEST (object_that_was_not_opened_is_useless_but_safe)
{
  g_autoptr (MigSqliteStore) store = g_object_new (MIG_TYPE_SQLITE_STORE, "path", path, NULL);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (mig_state_store_get (MIG_STATE_STORE (store), "a", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  g_clear_error (&error);
  ck_assert_uint_eq (put (MIG_STATE_STORE (store), "a", "1", &error), 0);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  assert_files ("");

  g_clear_error (&error);
  ck_assert (g_initable_init (G_INITABLE (store), NULL, &error));
  ck_assert (g_initable_init (G_INITABLE (store), NULL, &error));
  put_well (MIG_STATE_STORE (store), "a", "1");
}
END_TEST

/* --- Locks --- */

START_TEST (locked_file_is_busy_but_readable)
{
  g_autoptr (MigStateStore) store = open_store ();
  g_autoptr (GError) error = NULL;
  sqlite3 *db = NULL;
  gint64 start;
  double seconds;

  put_well (store, "a", "1");
  g_object_set (store, "busy-timeout", 0.2, NULL);
  ck_assert_int_eq (sqlite3_open (path, &db), SQLITE_OK);
  ck_assert_int_eq (sqlite3_exec (db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);

  start = g_get_monotonic_time ();
  ck_assert_uint_eq (put (store, "a", "2", &error), 0);
  seconds = (g_get_monotonic_time () - start) / (double) G_USEC_PER_SEC;
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_ptr_nonnull (strstr (error->message, path));
  ck_assert_msg (seconds > 0.1 && seconds < 5, "it took %g s", seconds);
  assert_value (store, "a", "1");

  ck_assert_int_eq (sqlite3_exec (db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  put_well (store, "a", "2");
  ck_assert_int_eq (sqlite3_close (db), SQLITE_OK);
}
END_TEST

static gpointer
put_and_fail (gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  return GINT_TO_POINTER (put (user_data, "a", "2", &error) == 0 && g_error_matches (error, MIG_ERROR, MIG_ERROR_BUSY));
}

/* The wait for other threads and the wait for other processes do not add up. */
START_TEST (queue_of_threads_waits_no_longer_than_one)
{
  g_autoptr (MigStateStore) store = open_store ();
  GThread *threads[10];
  sqlite3 *db = NULL;
  gint64 start = g_get_monotonic_time ();
  double seconds;

  g_object_set (store, "busy-timeout", 0.3, NULL);
  ck_assert_int_eq (sqlite3_open (path, &db), SQLITE_OK);
  ck_assert_int_eq (sqlite3_exec (db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("put", put_and_fail, store);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    ck_assert_int_eq (GPOINTER_TO_INT (g_thread_join (threads[i])), TRUE);
  seconds = (g_get_monotonic_time () - start) / (double) G_USEC_PER_SEC;
  ck_assert_msg (seconds < 0.3 * G_N_ELEMENTS (threads) / 2, "it took %g s", seconds);
  ck_assert_int_eq (sqlite3_close (db), SQLITE_OK);
}
END_TEST

/* A reader that kept its snapshot would keep the log from being emptied for ever. */
START_TEST (log_stays_short)
{
  g_autoptr (MigStateStore) store = open_store ();
  g_autofree char *value = g_strnfill (16 * 1024, 'x');
  g_autofree char *log = g_strconcat (path, "-wal", NULL);
  GStatBuf info;

  for (guint i = 0; i < 1000; i++)
    {
      g_autoptr (GPtrArray) records = NULL;

      put_well (store, "a", value);
      assert_value (store, "a", value);
      records = mig_state_store_list (store, "", NULL, 1, NULL, NULL);
      ck_assert_uint_eq (records->len, 1);
    }
  ck_assert_int_eq (g_stat (log, &info), 0);
  ck_assert_int_lt (info.st_size, 6 * 1024 * 1024);
}
END_TEST

/* --- Fork --- */

static int
use_in_child (MigStateStore *store)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigRecord) record = mig_state_store_get (store, "a", NULL, &error);

  if (record != NULL || !g_error_matches (error, MIG_ERROR, MIG_ERROR_INVALID_STATE))
    return 1;
  g_clear_error (&error);
  if (put (store, "a", "2", &error) != 0 || !g_error_matches (error, MIG_ERROR, MIG_ERROR_INVALID_STATE))
    return 2;
  g_object_unref (store);

  return 0;
}

START_TEST (copy_made_by_fork_is_refused)
{
  g_autoptr (MigStateStore) store = open_store ();
  g_autoptr (MigStateStore) again = NULL;
  pid_t child;
  int status;

  put_well (store, "a", "1");
  child = mig_test_fork ();
  if (child == 0)
    _exit (use_in_child (store));
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert_int_eq (status, 0);

  /* The end of the child took nothing away from the parent. */
  put_well (store, "a", "3");
  again = open_store ();
  assert_value (again, "a", "3");
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("sqlite-store");
  TCase *tcase = mig_test_add_case (suite, "file");

  tcase_add_checked_fixture (tcase, make_directory, remove_directory);
  tcase_add_test (tcase, file_is_for_its_owner_only);
  tcase_add_test (tcase, descriptors_are_closed_by_exec);
  tcase_add_test (tcase, path_is_absolute);
  tcase_add_loop_test (tcase, bad_file_is_refused_and_left_alone, 0, G_N_ELEMENTS (bad));
  tcase_add_test (tcase, bad_path_is_refused);
  tcase_add_test (tcase, no_permission_is_told);
  tcase_add_test (tcase, damage_is_told_when_it_is_met);
  tcase_add_loop_test (tcase, file_that_is_taken_away_is_missed, 0, G_N_ELEMENTS (take_away));
  tcase_add_test (tcase, object_that_was_not_opened_is_useless_but_safe);
  tcase_add_test (tcase, locked_file_is_busy_but_readable);
  tcase_add_test (tcase, queue_of_threads_waits_no_longer_than_one);
  tcase_add_test (tcase, log_stays_short);
  tcase_add_test (tcase, copy_made_by_fork_is_refused);

  return suite;
}

MIG_TEST_MAIN (create_suite)
