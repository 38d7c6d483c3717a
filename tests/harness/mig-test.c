/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "mig-test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <libmig/mig-sqlite-store.h>

/* What a descriptor that is open shows in /proc/self/fd, by its number. */
static GHashTable *descriptors_before;

static GHashTable *
list_descriptors (void)
{
  GHashTable *found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;

  ck_assert_ptr_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", name, NULL);
      char *target = g_file_read_link (path, NULL);

      /* The descriptor of the directory itself is closed again when the list is complete. */
      if (target != NULL && g_str_has_suffix (target, "/fd"))
        g_free (target);
      else if (target != NULL)
        g_hash_table_insert (found, g_strdup (name), target);
    }

  return found;
}

void
mig_test_settle_descriptors (void)
{
  g_clear_pointer (&descriptors_before, g_hash_table_unref);
  descriptors_before = list_descriptors ();
}

static void
note_descriptors (void)
{
  /* The default context keeps a descriptor once it exists. */
  g_main_context_default ();
  mig_test_settle_descriptors ();
}

static void
append_missing (GString    *text,
                GHashTable *from,
                GHashTable *in,
                const char *what)
{
  GHashTableIter iter;
  gpointer name, target;

  g_hash_table_iter_init (&iter, from);
  while (g_hash_table_iter_next (&iter, &name, &target))
    {
      if (!g_hash_table_contains (in, name))
        g_string_append_printf (text, "; %s: %s -> %s", what, (char *) name, (char *) target);
    }
}

static gboolean
wake_up (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

static gboolean
wait_until (GMainContext     *context,
            MigTestCondition  condition,
            gpointer          user_data,
            double            seconds)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  GSource *ticker = g_timeout_source_new (5);
  gboolean holds;

  /* The ticker looks at conditions that another thread makes true, and at the deadline. */
  g_source_set_callback (ticker, wake_up, NULL, NULL);
  g_source_attach (ticker, context);
  while (!(holds = condition (user_data)) && g_get_monotonic_time () < deadline)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (ticker);
  g_source_unref (ticker);

  return holds;
}

/* What differs from before the test, or nothing. */
static char *
describe_difference (void)
{
  g_autoptr (GHashTable) after = list_descriptors ();
  g_autoptr (GString) text = g_string_new (NULL);

  append_missing (text, after, descriptors_before, "left open");
  append_missing (text, descriptors_before, after, "closed");

  return g_strdup (text->str);
}

static gboolean
descriptors_are_as_before (gpointer user_data)
{
  g_autofree char *difference = describe_difference ();

  return *difference == '\0';
}

static void
compare_descriptors (void)
{
  g_autofree char *difference = NULL;

  /* A thread that has been told to end may have something open for another moment. */
  wait_until (NULL, descriptors_are_as_before, NULL, 2);
  difference = describe_difference ();
  ck_assert_msg (*difference == '\0', "descriptors differ from before the test%s", difference);
  g_clear_pointer (&descriptors_before, g_hash_table_unref);
}

TCase *
mig_test_add_case (Suite      *suite,
                   const char *name)
{
  TCase *tcase = tcase_create (name);

  tcase_set_timeout (tcase, 30);
  tcase_add_checked_fixture (tcase, note_descriptors, compare_descriptors);
  suite_add_tcase (suite, tcase);

  return tcase;
}

int
mig_test_run (Suite              *(*create_suite) (void),
              MigTestRequirement  requirement)
{
  const char *reason = requirement != NULL ? requirement () : NULL;
  SRunner *runner;
  int n_failed;

  if (reason != NULL)
    {
      g_print ("1..0 # SKIP %s\n", reason);
      return EXIT_SUCCESS;
    }

  runner = srunner_create (create_suite ());
  srunner_run_all (runner, CK_ENV);
  n_failed = srunner_ntests_failed (runner);
  srunner_free (runner);

  return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static guint
count_threads (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint count = 0;

  ck_assert_ptr_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    count++;

  return count;
}

pid_t
mig_test_fork (void)
{
  ck_assert_uint_eq (count_threads (), 1);

  return fork ();
}

void
mig_test_stop_child (pid_t       pid,
                     const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigStateStore) store = mig_sqlite_store_new (path, &error);
  guint64 written = 0;
  int status;

  mig_assert_no_error (error);
  g_object_set (store, "busy-timeout", 0.1, NULL);
  while (written == 0)
    {
      g_autoptr (MigTransaction) transaction = mig_transaction_new ();

      ck_assert_int_eq (kill (pid, SIGSTOP), 0);
      ck_assert_int_eq (waitpid (pid, &status, WUNTRACED), pid);
      ck_assert (WIFSTOPPED (status));
      mig_transaction_put (transaction, "test/free", "{}");
      written = mig_state_store_commit (store, transaction, NULL, &error);
      if (written != 0)
        continue;
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
      g_clear_error (&error);
      ck_assert_int_eq (kill (pid, SIGCONT), 0);
    }
}

int
mig_test_wait_child (pid_t pid)
{
  int status;

  ck_assert_int_eq (waitpid (pid, &status, 0), pid);

  return WIFEXITED (status) ? WEXITSTATUS (status) : -WTERMSIG (status);
}

static GLogWriterFunc log_writer;

static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  if (log_writer != NULL)
    return log_writer (level, fields, n_fields, NULL);

  return g_log_writer_default (level, fields, n_fields, NULL);
}

void
mig_test_set_log_writer (GLogWriterFunc writer)
{
  static gsize installed;

  log_writer = writer;
  if (g_once_init_enter (&installed))
    {
      g_log_set_writer_func (write_log, NULL, NULL);
      g_once_init_leave (&installed, 1);
    }
}

void
mig_test_wait_at (const char       *file,
                  int               line,
                  const char       *what,
                  GMainContext     *context,
                  MigTestCondition  condition,
                  gpointer          user_data,
                  double            seconds)
{
  ck_assert_msg (wait_until (context, condition, user_data, seconds), "%s:%d: %s did not hold within %g s", file, line,
                 what, seconds);
}

gboolean
mig_test_pointer_is_set (gpointer location)
{
  return g_atomic_pointer_get ((gpointer *) location) != NULL;
}

gboolean
mig_test_flag_is_set (gpointer location)
{
  return g_atomic_int_get ((gint *) location) != 0;
}

void
mig_test_store_result (GObject      *source,
                       GAsyncResult *result,
                       gpointer      user_data)
{
  g_atomic_pointer_set ((gpointer *) user_data, g_object_ref (result));
}

char *
mig_test_make_directory (void)
{
  g_autofree char *path = g_strdup ("/tmp/mig-XXXXXX");

  ck_assert_ptr_nonnull (g_mkdtemp (path));

  return g_steal_pointer (&path);
}

void
mig_test_remove_directory (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_file_test (child, G_FILE_TEST_IS_DIR) && !g_file_test (child, G_FILE_TEST_IS_SYMLINK))
        mig_test_remove_directory (child);
      else
        g_unlink (child);
    }

  g_rmdir (path);
}

/* No room for a stack. A sanitizer needs more room than anybody could leave it. */
gboolean
mig_test_starve_threads (void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return FALSE;
#else
  g_autofree char *text = NULL;
  struct rlimit limit;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL) || getrlimit (RLIMIT_AS, &limit) != 0)
    return FALSE;

  limit.rlim_cur = (rlim_t) g_ascii_strtoull (text, NULL, 10) * (rlim_t) sysconf (_SC_PAGESIZE) + 4 * 1024 * 1024;

  return setrlimit (RLIMIT_AS, &limit) == 0;
#endif
}
