/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What has been committed is there, and whole, whatever happened: the process killed at any moment, no space left,
 * several processes starting at once. */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
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

  return store;
}

static guint64
number_of (MigStateStore *store,
           const char    *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigRecord) record = mig_state_store_get (store, key, NULL, &error);

  ck_assert (record != NULL || g_error_matches (error, MIG_ERROR, MIG_ERROR_NOT_FOUND));

  return record != NULL ? g_ascii_strtoull (mig_record_get_value (record), NULL, 10) : 0;
}

static guint
count_files (void)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  guint n_files = 0;

  while (g_dir_read_name (dir) != NULL)
    n_files++;

  return n_files;
}

/* SQLite itself finds nothing wrong with the file. */
static void
assert_sound (void)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;

  ck_assert_int_eq (sqlite3_open (path, &db), SQLITE_OK);
  ck_assert_int_eq (sqlite3_prepare_v2 (db, "PRAGMA integrity_check", -1, &statement, NULL), SQLITE_OK);
  ck_assert_int_eq (sqlite3_step (statement), SQLITE_ROW);
  ck_assert_str_eq ((const char *) sqlite3_column_text (statement, 0), "ok");
  sqlite3_finalize (statement);
  ck_assert_int_eq (sqlite3_close (db), SQLITE_OK);
}

/* --- Killed --- */

/* Counts on for ever: each commit writes the number twice, and a record of its own. Says so after each commit. */
static void
count_for_ever (int fd)
{
  g_autoptr (MigStateStore) store = mig_sqlite_store_new (path, NULL);

  for (guint64 i = store != NULL ? number_of (store, "a") + 1 : 0;; i++)
    {
      g_autoptr (MigTransaction) transaction = mig_transaction_new ();
      g_autofree char *number = g_strdup_printf ("%" G_GUINT64_FORMAT, i);
      g_autofree char *key = g_strdup_printf ("journal/%08" G_GUINT64_FORMAT, i);
      g_autofree char *filler = g_strnfill (i * 997 % 20000, 'x');

      mig_transaction_put (transaction, "a", number);
      mig_transaction_put (transaction, key, filler);
      mig_transaction_put (transaction, "b", number);
      if (mig_state_store_commit (store, transaction, NULL, NULL) == 0 || write (fd, &i, sizeof i) != sizeof i)
        _exit (1);
    }
}

/* Reads what the child said: at most @n_wanted, or all that is left when it is 0. Returns the last one. */
static guint64
read_numbers (int     fd,
              guint   n_wanted,
              guint64 last)
{
  guint64 number;

  for (guint n = 0; (n_wanted == 0 || n < n_wanted) && read (fd, &number, sizeof number) == sizeof number; n++)
    last = number;

  return last;
}

static guint64
count_until_killed (guint   n_commits,
                    guint   microseconds,
                    guint64 last)
{
  struct timespec delay = { 0, microseconds * 1000 };
  int ends[2];
  int status;
  pid_t child;

  ck_assert_int_eq (pipe (ends), 0);
  child = mig_test_fork ();
  if (child == 0)
    count_for_ever (ends[1]);
  close (ends[1]);

  /* Somewhere within the commit after the last one that is read, or, at first, while the file is made. */
  last = read_numbers (ends[0], n_commits + 1, last);
  ppoll (NULL, 0, &delay, NULL);
  ck_assert_int_eq (kill (child, SIGKILL), 0);
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert (WIFSIGNALED (status));
  last = read_numbers (ends[0], 0, last);
  close (ends[0]);

  return last;
}

static void
assert_counted (guint64 said)
{
  g_autoptr (MigStateStore) store = open_store ();
  g_autoptr (GPtrArray) journal = mig_state_store_list (store, "journal/", NULL, 0, NULL, NULL);
  guint64 found = number_of (store, "a");

  ck_assert_msg (found == said || found == said + 1, "%" G_GUINT64_FORMAT " was said, %" G_GUINT64_FORMAT " is there",
                 said, found);
  ck_assert_uint_eq (number_of (store, "b"), found);
  ck_assert_uint_eq (journal->len, found);
}

START_TEST (killed_at_any_moment)
{
  guint64 said = 0;

  for (guint round = 0; round < 30; round++)
    {
      said = count_until_killed (round % 13, round * 73 % 1500, said);
      assert_counted (said);
      assert_sound ();
      ck_assert_uint_eq (count_files (), 1);

      {
        g_autoptr (MigStateStore) store = open_store ();

        said = number_of (store, "a");
      }
    }
  ck_assert_uint_gt (said, 30);
}
END_TEST

static void
make_and_exit (void)
{
  g_autoptr (MigStateStore) store = mig_sqlite_store_new (path, NULL);

  _exit (store != NULL ? 0 : 1);
}

START_TEST (killed_while_the_file_is_made)
{
  guint n_killed = 0;

  for (guint round = 0; round < 20; round++)
    {
      struct timespec delay = { 0, round * 100 * 1000 };
      g_autoptr (MigStateStore) store = NULL;
      pid_t child = mig_test_fork ();
      int status;

      if (child == 0)
        make_and_exit ();
      ppoll (NULL, 0, &delay, NULL);
      kill (child, SIGKILL);
      ck_assert_int_eq (waitpid (child, &status, 0), child);
      n_killed += WIFSIGNALED (status);

      /* Whole, or not there at all. */
      store = open_store ();
      ck_assert_uint_eq (number_of (store, "a"), 0);
      g_clear_object (&store);
      mig_test_remove_directory (directory);
      ck_assert_int_eq (g_mkdir (directory, 0700), 0);
    }
  ck_assert_uint_gt (n_killed, 0);
}
END_TEST

/* --- Several at once --- */

static void
make_and_put (guint number)
{
  g_autoptr (MigStateStore) store = mig_sqlite_store_new (path, NULL);
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();
  g_autofree char *key = g_strdup_printf ("process/%u", number);

  mig_transaction_require (transaction, key, 0);
  mig_transaction_put (transaction, key, "here");
  if (store == NULL || mig_state_store_commit (store, transaction, NULL, NULL) == 0)
    _exit (1);
  g_clear_object (&store);
  _exit (0);
}

START_TEST (many_that_start_at_once_share_one_file)
{
  enum { N = 8 };

  for (guint round = 0; round < 5; round++)
    {
      g_autoptr (MigStateStore) store = NULL;
      g_autoptr (GPtrArray) records = NULL;
      pid_t children[N];

      for (guint i = 0; i < N; i++)
        {
          children[i] = mig_test_fork ();
          if (children[i] == 0)
            make_and_put (i);
        }
      for (guint i = 0; i < N; i++)
        {
          int status;

          ck_assert_int_eq (waitpid (children[i], &status, 0), children[i]);
          ck_assert_int_eq (status, 0);
        }

      store = open_store ();
      records = mig_state_store_list (store, "process/", NULL, 0, NULL, NULL);
      ck_assert_uint_eq (records->len, N);
      g_clear_object (&store);
      ck_assert_uint_eq (count_files (), 1);
      g_unlink (path);
    }
}
END_TEST

static gpointer
use_for_a_while (gpointer user_data)
{
  MigStateStore *store = user_data;

  for (guint i = 0; i < 40; i++)
    {
      g_autoptr (MigTransaction) transaction = mig_transaction_new ();
      g_autofree char *key = g_strdup_printf ("thread/%p/%u", g_thread_self (), i);
      g_autoptr (GPtrArray) records = NULL;

      mig_transaction_require (transaction, key, 0);
      mig_transaction_put (transaction, key, "here");
      ck_assert_uint_ne (mig_state_store_commit (store, transaction, NULL, NULL), 0);
      records = mig_state_store_list (store, "thread/", NULL, 0, NULL, NULL);
      ck_assert_uint_gt (records->len, i);
    }

  return NULL;
}

START_TEST (threads_share_one_object)
{
  g_autoptr (MigStateStore) store = open_store ();
  g_autoptr (GPtrArray) records = NULL;
  GThread *threads[4];

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("use", use_for_a_while, store);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  records = mig_state_store_list (store, "thread/", NULL, 0, NULL, NULL);
  ck_assert_uint_eq (records->len, 160);
}
END_TEST

/* --- No space --- */

static gboolean
write_text (const char *file,
            const char *text)
{
  int fd = open (file, O_WRONLY | O_CLOEXEC);
  gboolean written = fd >= 0 && write (fd, text, strlen (text)) == (gssize) strlen (text);

  if (fd >= 0)
    close (fd);

  return written;
}

/* A file system of its own for this process, so small that it fills up; FALSE where that is not allowed. */
static gboolean
mount_small (const char *where)
{
  gboolean is_root = geteuid () == 0;
  g_autofree char *map = g_strdup_printf ("0 %d 1", (int) geteuid ());

  if (unshare (is_root ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
    return FALSE;
  if (!is_root && !write_text ("/proc/self/uid_map", map))
    return FALSE;

  return mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount ("small", where, "tmpfs", 0, "size=400k,mode=0700") == 0;
}

static gboolean
can_mount (void)
{
  pid_t child = fork ();
  int status = -1;

  if (child == 0)
    _exit (mount_small ("/tmp") ? 0 : 1);

  return child > 0 && waitpid (child, &status, 0) == child && status == 0;
}

/* Commits until that fails; returns how often it did not. */
static guint
fill_up (MigStateStore  *store,
         GError        **error)
{
  g_autofree char *filler = g_strnfill (10000, 'x');

  for (guint i = 1; i < 1000; i++)
    {
      g_autoptr (MigTransaction) transaction = mig_transaction_new ();
      g_autofree char *number = g_strdup_printf ("%u", i);
      g_autofree char *key = g_strdup_printf ("journal/%08u", i);

      mig_transaction_put (transaction, "a", number);
      mig_transaction_put (transaction, key, filler);
      mig_transaction_put (transaction, "b", number);
      if (mig_state_store_commit (store, transaction, NULL, error) == 0)
        return i - 1;
    }

  return 1000;
}

START_TEST (no_space_is_told_and_survived)
{
  g_autoptr (MigStateStore) store = NULL;
  g_autoptr (GError) error = NULL;
  guint n_commits;

  ck_assert (mount_small (directory));
  store = open_store ();
  n_commits = fill_up (store, &error);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_FAILED);
  ck_assert_ptr_nonnull (strstr (error->message, path));
  ck_assert_ptr_nonnull (strstr (error->message, "full"));
  ck_assert_uint_gt (n_commits, 5);

  /* Nothing of the last one is there, now or after a crash. */
  ck_assert_uint_eq (number_of (store, "a"), n_commits);
  ck_assert_uint_eq (number_of (store, "b"), n_commits);
  g_clear_object (&store);
  store = open_store ();
  ck_assert_uint_eq (number_of (store, "a"), n_commits);

  /* With space, it goes on where it was. */
  ck_assert_int_eq (mount (NULL, directory, NULL, MS_REMOUNT, "size=20m"), 0);
  g_clear_error (&error);
  ck_assert_uint_eq (fill_up (store, &error), 1000);
  mig_assert_no_error (error);
  g_clear_object (&store);
  assert_sound ();
  ck_assert_int_eq (umount2 (directory, MNT_DETACH), 0);
}
END_TEST

START_TEST (no_space_for_a_new_file)
{
  g_autofree char *filler = g_build_filename (directory, "filler", NULL);
  g_autofree char *text = g_strnfill (4096, 'x');
  g_autoptr (GError) error = NULL;
  int fd;

  ck_assert (mount_small (directory));
  fd = open (filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  while (write (fd, text, 4096) > 0)
    ;
  close (fd);

  ck_assert_ptr_null (mig_sqlite_store_new (path, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_FAILED);
  ck_assert_ptr_nonnull (strstr (error->message, path));
  ck_assert_uint_eq (count_files (), 1);
  ck_assert_int_eq (umount2 (directory, MNT_DETACH), 0);
}
END_TEST

/* Where nothing may be mounted: a limit on the length of files, which fails in another way. */
START_TEST (file_that_may_not_grow)
{
  struct rlimit limit;
  g_autoptr (MigStateStore) store = open_store ();
  g_autoptr (GError) error = NULL;
  guint n_commits;

  signal (SIGXFSZ, SIG_IGN);
  ck_assert_int_eq (getrlimit (RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = 300 * 1024;
  ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
  n_commits = fill_up (store, &error);
  ck_assert_uint_lt (n_commits, 1000);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_FAILED);
  ck_assert_ptr_nonnull (strstr (error->message, path));
  ck_assert_uint_eq (number_of (store, "a"), n_commits);

  limit.rlim_cur = limit.rlim_max;
  ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
  g_clear_error (&error);
  ck_assert_uint_eq (fill_up (store, &error), 1000);
  g_clear_object (&store);
  assert_sound ();
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("sqlite-crash");
  TCase *tcase = mig_test_add_case (suite, "all");

  tcase_add_checked_fixture (tcase, make_directory, remove_directory);
  tcase_add_test (tcase, killed_at_any_moment);
  tcase_add_test (tcase, killed_while_the_file_is_made);
  tcase_add_test (tcase, many_that_start_at_once_share_one_file);
  tcase_add_test (tcase, threads_share_one_object);
  tcase_add_test (tcase, file_that_may_not_grow);
  /* Not in every container. */
  if (can_mount ())
    {
      tcase_add_test (tcase, no_space_is_told_and_survived);
      tcase_add_test (tcase, no_space_for_a_new_file);
    }

  return suite;
}

MIG_TEST_MAIN (create_suite)
