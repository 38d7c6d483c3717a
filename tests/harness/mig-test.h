/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <check.h>
#include <gio/gio.h>

G_BEGIN_DECLS

/* What every C test is written on. Only this file and its .c know how Check runs tests.
 *
 *   static Suite *
 *   create_suite (void)
 *   {
 *     Suite *suite = suite_create ("journal");
 *     TCase *tcase = mig_test_add_case (suite, "codec");
 *
 *     tcase_add_test (tcase, round_trip);
 *     return suite;
 *   }
 *
 *   MIG_TEST_MAIN (create_suite)
 *
 * Each test runs in a forked child. No thread, main loop or libvirt connection may exist before that: use checked
 * fixtures (tcase_add_checked_fixture), never unchecked ones. */

/* Returns NULL if the program can run here, or the reason (static) why not. */
typedef const char *(*MigTestRequirement) (void);

typedef gboolean (*MigTestCondition) (gpointer user_data);

int    mig_test_run      (Suite              *(*create_suite) (void),
                          MigTestRequirement  requirement);

/* A case with a timeout of 30 seconds, which fails when a test leaves more or fewer descriptors open than it found. */
TCase *mig_test_add_case (Suite              *suite,
                          const char         *name);

/* Takes the descriptors open now as what the test started with: for what a process opens once and never closes. */
void   mig_test_settle_descriptors (void);

/* Iterates the context (NULL: the default one) until the condition holds, and fails the test if that takes longer than
 * the deadline. A condition that another thread makes true need not wake the context. */
#define mig_test_wait(context, condition, user_data, seconds) \
  mig_test_wait_at (__FILE__, __LINE__, #condition, (context), (condition), (user_data), (seconds))

void   mig_test_wait_at  (const char         *file,
                          int                 line,
                          const char         *what,
                          GMainContext       *context,
                          MigTestCondition    condition,
                          gpointer            user_data,
                          double              seconds);

/* The condition "this pointer is not NULL any more", and "this flag is set". */
gboolean mig_test_pointer_is_set (gpointer location);
gboolean mig_test_flag_is_set    (gpointer location);

/* fork(), which fails the test where a thread runs already: it may hold a lock (of the sanitizers' allocator, say) that
 * stays locked in the child for ever. So a test makes its children first. */
pid_t    mig_test_fork           (void);

/* Stops a child that works with the SQLite store at @path, but not while it writes there: nobody else could do so
 * then. */
void     mig_test_stop_child     (pid_t       pid,
                                  const char *path);

/* Waits for the end of a child. Returns its exit code, or the negated signal that ended it. */
int      mig_test_wait_child     (pid_t pid);

/* Like g_log_set_writer_func(), which a process may call only once, and so not in each test when they do not fork. NULL
 * gives what is logged to GLib's default writer again. */
void   mig_test_set_log_writer (GLogWriterFunc writer);

/* A GAsyncReadyCallback that puts a reference to the result where user_data points; wait for it with
 * mig_test_pointer_is_set(). */
void   mig_test_store_result (GObject        *source,
                              GAsyncResult   *result,
                              gpointer        user_data);

/* From now on no thread can be started in this process. FALSE: that cannot be had here. */
gboolean mig_test_starve_threads (void);

/* A new empty directory under /tmp with a short name, and its removal with all that is in it. */
char  *mig_test_make_directory   (void);
void   mig_test_remove_directory (const char *path);

#define mig_assert_no_error(error) \
  G_STMT_START { \
    const GError *_error = (error); \
    ck_assert_msg (_error == NULL, "unexpected error: %s %d: %s", \
                   _error == NULL ? "" : g_quark_to_string (_error->domain), _error == NULL ? 0 : _error->code, \
                   _error == NULL ? "" : _error->message); \
  } G_STMT_END

#define mig_assert_error(error, a_domain, a_code) \
  G_STMT_START { \
    const GError *_error = (error); \
    ck_assert_msg (_error != NULL, "no error, but %s was expected", #a_code); \
    ck_assert_msg (g_error_matches (_error, (a_domain), (a_code)), "%s was expected, not %s %d: %s", #a_code, \
                   g_quark_to_string (_error->domain), _error->code, _error->message); \
  } G_STMT_END

#define MIG_TEST_MAIN(create_suite) \
  MIG_TEST_MAIN_IF (create_suite, NULL)

/* The program is skipped as a whole if the requirement gives a reason. */
#define MIG_TEST_MAIN_IF(create_suite, requirement) \
  int \
  main (void) \
  { \
    return mig_test_run ((create_suite), (requirement)); \
  }

G_END_DECLS
