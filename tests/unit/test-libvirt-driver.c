/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <gio/gunixsocketaddress.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libmig/mig.h>

#include "mig-test.h"

/* The driver on libvirt's own test hypervisor, which lives in this process, and on a socket that nobody answers. */

static const char world[] =
  "<node>"
  "<auth><user password='open sesame'>ali</user></auth>"
  "<domain type='test'><name>g1</name><uuid>00000000-0000-4000-8000-000000000001</uuid><memory>65536</memory>"
  "<os><type>hvm</type></os></domain>"
  "</node>";

static char *directory;

static void
set_up (void)
{
  directory = mig_test_make_directory ();
}

static void
tear_down (void)
{
  mig_test_remove_directory (directory);
  g_clear_pointer (&directory, g_free);
}

static MigHost *
test_host (void)
{
  return mig_host_new ("test", "test:///default");
}

static void
expect_no_host (const char *uri,
                MigError    code)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (MigHost) host = mig_host_new ("somewhere", uri);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (mig_compute_driver_get_host_info (driver, host, NULL, &error));
  mig_assert_error (error, MIG_ERROR, code);
  ck_assert_msg (*uri == '\0' || strstr (error->message, uri) != NULL, "the message does not name %s: %s", uri,
                 error->message);
}

static const struct
{
  const char *uri;
  MigError    code;
} bad_uris[] = {
  { "", MIG_ERROR_INVALID_ARGUMENT },
  { "hosta", MIG_ERROR_INVALID_ARGUMENT },
  { "://", MIG_ERROR_INVALID_ARGUMENT },
  { "qemu+tcp://[::1/system", MIG_ERROR_INVALID_ARGUMENT },
  { "qemu+tcp://127.0.0.1:1/system", MIG_ERROR_CONNECTION },
  { "qemu+unix:///system?socket=/nonexistent/socket", MIG_ERROR_CONNECTION },
  { "qemu+nonsense://127.0.0.1/system", MIG_ERROR_INVALID_ARGUMENT },
};

START_TEST (bad_uri_is_refused)
{
  expect_no_host (bad_uris[_i].uri, bad_uris[_i].code);
}
END_TEST

START_TEST (domains_are_found)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (MigHost) host = test_host ();
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) by_name = mig_compute_driver_get_domain (driver, host, "test", NULL, &error);
  g_autoptr (MigDomainInfo) by_uuid = NULL;
  g_autoptr (GPtrArray) all = NULL;

  mig_assert_no_error (error);
  ck_assert_int_eq (mig_domain_info_get_state (by_name), MIG_DOMAIN_STATE_RUNNING);
  ck_assert_int_eq (mig_domain_info_get_job (by_name), MIG_JOB_KIND_NONE);
  ck_assert (mig_domain_info_is_persistent (by_name));
  ck_assert_int_eq (mig_domain_info_get_memory (by_name), G_GINT64_CONSTANT (8388608) * 1024);

  by_uuid = mig_compute_driver_get_domain (driver, host, mig_domain_info_get_uuid (by_name), NULL, &error);
  mig_assert_no_error (error);
  ck_assert_str_eq (mig_domain_info_get_name (by_uuid), "test");
  all = mig_compute_driver_list_domains (driver, host, NULL, &error);
  mig_assert_no_error (error);
  ck_assert_uint_eq (all->len, 1);
}
END_TEST

START_TEST (absent_domain_is_proved)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (MigHost) host = test_host ();
  const char *uuid = "00000000-0000-4000-8000-00000000000f";
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (mig_compute_driver_get_domain (driver, host, uuid, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  ck_assert_msg (strstr (error->message, "[libvirt 42/") != NULL, "%s", error->message);
  ck_assert_msg (g_str_has_prefix (error->message, "test: "), "%s", error->message);
  g_clear_error (&error);

  ck_assert (!mig_compute_driver_destroy (driver, host, "nobody", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  g_clear_error (&error);
  ck_assert (mig_compute_driver_undefine (driver, host, "nobody", NULL, &error));
  mig_assert_no_error (error);
}
END_TEST

START_TEST (domain_is_changed)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (MigHost) host = test_host ();
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) paused = NULL;
  g_autoptr (MigDomainInfo) off = NULL;

  for (int i = 0; i < 2; i++)
    ck_assert (mig_compute_driver_resume (driver, host, "test", NULL, &error));
  ck_assert (mig_compute_driver_pause (driver, host, "test", NULL, &error));
  paused = mig_compute_driver_get_domain (driver, host, "test", NULL, &error);
  mig_assert_no_error (error);
  ck_assert_int_eq (mig_domain_info_get_state (paused), MIG_DOMAIN_STATE_PAUSED);
  ck_assert (mig_compute_driver_resume (driver, host, "test", NULL, &error));
  ck_assert (!mig_compute_driver_undefine (driver, host, "test", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  g_clear_error (&error);

  for (int i = 0; i < 2; i++)
    ck_assert (mig_compute_driver_destroy (driver, host, "test", NULL, &error));
  off = mig_compute_driver_get_domain (driver, host, "test", NULL, &error);
  mig_assert_no_error (error);
  ck_assert_int_eq (mig_domain_info_get_state (off), MIG_DOMAIN_STATE_SHUT_OFF);
  ck_assert (!mig_compute_driver_resume (driver, host, "test", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
}
END_TEST

START_TEST (no_migration_is_no_migration)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (MigHost) host = test_host ();
  g_autoptr (GError) error = NULL;

  ck_assert (!mig_compute_driver_abort_job (driver, host, "test", -1, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  g_clear_error (&error);
  ck_assert (!mig_compute_driver_tune (driver, host, "test", MIG_TUNABLE_MAX_DOWNTIME, 0.1, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
}
END_TEST

static const struct
{
  const char    *source, *destination;
  MigMigrateMode mode;
} bad_requests[] = {
  { "test:///default", "test:///default", MIG_MIGRATE_MODE_DIRECT },
  { "test:///default", "qemu+unix:///system", MIG_MIGRATE_MODE_PEER_TO_PEER },
};

START_TEST (bad_request_is_refused)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (MigHost) source = mig_host_new ("a", bad_requests[_i].source);
  g_autoptr (MigHost) destination = mig_host_new ("b", bad_requests[_i].destination);
  g_autoptr (MigMigrateRequest) request =
    g_object_new (MIG_TYPE_MIGRATE_REQUEST, "source", source, "destination", destination, "domain", "test", "mode",
                  bad_requests[_i].mode, NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (!mig_compute_driver_migrate (driver, request, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST (unsupported_is_said)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autofree char *path = g_build_filename (directory, "other.xml", NULL);
  g_autofree char *uri = g_strdup_printf ("test://%s", path);
  g_autoptr (MigHost) source = test_host ();
  g_autoptr (MigHost) destination = mig_host_new ("other", uri);
  g_autoptr (MigMigrateRequest) request =
    g_object_new (MIG_TYPE_MIGRATE_REQUEST, "source", source, "destination", destination, "domain", "test", "mode",
                  MIG_MIGRATE_MODE_DIRECT, NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (g_file_set_contents (path, "<node/>", -1, NULL));
  ck_assert (!mig_compute_driver_migrate (driver, request, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED);
}
END_TEST

/* Authentication */

static GThread *answerer;

static gpointer
answer_later (gpointer data)
{
  g_autoptr (MigAuthRequest) request = data;

  mig_auth_request_return_value (request, mig_auth_request_is_secret (request) ? "open sesame" : "ali");

  return NULL;
}

static void
on_authenticate (MigLibvirtDriver *driver,
                 MigAuthRequest   *request,
                 const char       *manner)
{
  ck_assert_msg (g_str_has_prefix (mig_auth_request_get_uri (request), "test:///"), "%s",
                 mig_auth_request_get_uri (request));
  ck_assert_ptr_nonnull (mig_auth_request_get_prompt (request));

  if (strcmp (manner, "refuse") == 0)
    mig_auth_request_refuse (request);
  else if (strcmp (manner, "wrong") == 0)
    mig_auth_request_return_value (request, "nonsense");
  else if (strcmp (manner, "later") == 0)
    {
      g_clear_pointer (&answerer, g_thread_join);
      answerer = g_thread_new (NULL, answer_later, g_object_ref (request));
    }
  else if (strcmp (manner, "right") == 0)
    {
      mig_auth_request_return_value (request, mig_auth_request_is_secret (request) ? "open sesame" : "ali");
      mig_auth_request_return_value (request, "only the first answer counts");
    }
}

static const struct
{
  const char *manner;
  gboolean    ok;
} manners[] = {
  { NULL, FALSE },
  { "silent", FALSE },
  { "refuse", FALSE },
  { "wrong", FALSE },
  { "right", TRUE },
  { "later", TRUE },
};

START_TEST (host_asks_who_we_are)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autofree char *path = g_build_filename (directory, "world.xml", NULL);
  g_autofree char *uri = g_strdup_printf ("test://%s", path);
  g_autoptr (MigHost) host = mig_host_new ("world", uri);
  g_autoptr (MigDomainInfo) info = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert (g_file_set_contents (path, world, -1, NULL));
  if (manners[_i].manner != NULL)
    g_signal_connect (driver, "authenticate", G_CALLBACK (on_authenticate), (gpointer) manners[_i].manner);
  info = mig_compute_driver_get_domain (driver, host, "g1", NULL, &error);
  g_clear_pointer (&answerer, g_thread_join);
  if (manners[_i].ok)
    {
      mig_assert_no_error (error);
      ck_assert_str_eq (mig_domain_info_get_name (info), "g1");
    }
  else
    mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONNECTION);
}
END_TEST

/* A daemon that says nothing */

static GSocket *
listen_silently (char **uri)
{
  g_autofree char *path = g_build_filename (directory, "socket", NULL);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);

  ck_assert (g_socket_bind (socket, address, TRUE, NULL));
  ck_assert (g_socket_listen (socket, NULL));
  *uri = g_strdup_printf ("qemu+unix:///system?socket=%s", path);

  return socket;
}

static MigComputeDriver *
impatient_driver (guint  max_abandoned,
                  double seconds)
{
  return g_object_new (MIG_TYPE_LIBVIRT_DRIVER, "connect-timeout", seconds, "max-abandoned-calls", max_abandoned, NULL);
}

static gboolean
none_is_out (gpointer driver)
{
  return mig_libvirt_driver_get_abandoned_calls (driver) == 0;
}

START_TEST (silence_ends_in_an_error)
{
  g_autofree char *uri = NULL;
  g_autoptr (GSocket) socket = listen_silently (&uri);
  g_autoptr (MigComputeDriver) driver = impatient_driver (10, 0.1);
  g_autoptr (MigHost) host = mig_host_new ("silent", uri);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (mig_compute_driver_get_host_info (driver, host, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONNECTION);
  ck_assert_uint_eq (mig_libvirt_driver_get_abandoned_calls (MIG_LIBVIRT_DRIVER (driver)), 1);
  g_clear_error (&error);

  /* While it hangs the next one fails at once; and when it has ended, trying is worth while again. */
  ck_assert_ptr_null (mig_compute_driver_get_host_info (driver, host, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONNECTION);
  ck_assert_uint_eq (mig_libvirt_driver_get_abandoned_calls (MIG_LIBVIRT_DRIVER (driver)), 1);
  g_socket_close (socket, NULL);
  mig_test_wait (NULL, none_is_out, driver, 10);
}
END_TEST

typedef struct
{
  MigComputeDriver *driver;
  MigHost          *host;
} Asker;

static gpointer
ask_for_host (gpointer data)
{
  Asker *asker = data;
  GError *error = NULL;

  ck_assert_ptr_null (mig_compute_driver_get_host_info (asker->driver, asker->host, NULL, &error));

  return error;
}

START_TEST (many_share_one_attempt)
{
  g_autofree char *uri = NULL;
  g_autoptr (GSocket) socket = listen_silently (&uri);
  g_autoptr (MigComputeDriver) driver = impatient_driver (10, 0.1);
  g_autoptr (MigHost) host = mig_host_new ("silent", uri);
  Asker asker = { driver, host };
  GThread *threads[12];

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new (NULL, ask_for_host, &asker);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_autoptr (GError) error = g_thread_join (threads[i]);

      mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONNECTION);
    }
  ck_assert_uint_eq (mig_libvirt_driver_get_abandoned_calls (MIG_LIBVIRT_DRIVER (driver)), 1);
  g_socket_close (socket, NULL);
  mig_test_wait (NULL, none_is_out, driver, 10);
}
END_TEST

static gboolean
host_is_busy (gpointer data)
{
  Asker *asker = data;
  g_autoptr (GError) error = ask_for_host (asker);

  return g_error_matches (error, MIG_ERROR, MIG_ERROR_BUSY);
}

START_TEST (hanging_calls_are_limited)
{
  g_autofree char *uri = NULL;
  g_autoptr (GSocket) socket = listen_silently (&uri);
  g_autoptr (MigComputeDriver) driver = impatient_driver (1, 0.5);
  g_autoptr (MigHost) host = mig_host_new ("silent", uri);
  g_autoptr (MigHost) other = test_host ();
  g_autoptr (MigDomainInfo) info = NULL;
  g_autoptr (GError) error = NULL;
  Asker asker = { driver, host };

  ck_assert_ptr_null (mig_compute_driver_get_host_info (driver, host, NULL, NULL));
  mig_test_wait (NULL, host_is_busy, &asker, 10);
  ck_assert_uint_eq (mig_libvirt_driver_get_abandoned_calls (MIG_LIBVIRT_DRIVER (driver)), 1);

  /* No other host is concerned. */
  info = mig_compute_driver_get_domain (driver, other, "test", NULL, &error);
  mig_assert_no_error (error);

  g_socket_close (socket, NULL);
  mig_test_wait (NULL, none_is_out, driver, 10);
}
END_TEST

static guint
count_threads (void)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (tasks) != NULL)
    n++;

  return n;
}

static gboolean
no_more_threads_than (gpointer n)
{
  return count_threads () <= GPOINTER_TO_UINT (n);
}

START_TEST (driver_goes_while_a_call_hangs)
{
  guint n_threads = count_threads ();
  g_autofree char *uri = NULL;
  g_autoptr (GSocket) socket = listen_silently (&uri);
  MigComputeDriver *driver = impatient_driver (10, 0.1);
  g_autoptr (MigHost) host = mig_host_new ("silent", uri);
  gint64 began;

  ck_assert_ptr_null (mig_compute_driver_get_host_info (driver, host, NULL, NULL));
  g_object_add_weak_pointer (G_OBJECT (driver), (gpointer *) &driver);
  began = g_get_monotonic_time ();
  g_object_unref (driver);
  ck_assert_ptr_null (driver);
  ck_assert_int_lt (g_get_monotonic_time () - began, G_USEC_PER_SEC);

  /* The thread must not be in libvirt when the process ends: the libraries below clean up then. */
  ck_assert_uint_gt (count_threads (), n_threads);
  g_socket_close (socket, NULL);
  mig_test_wait (NULL, no_more_threads_than, GUINT_TO_POINTER (n_threads), 10);
}
END_TEST

static gpointer
ask_cancellably (gpointer data)
{
  gpointer *arguments = data;
  GError *error = NULL;

  ck_assert_ptr_null (mig_compute_driver_get_host_info (arguments[0], arguments[1], arguments[2], &error));

  return error;
}

START_TEST (waiting_is_cancelled)
{
  g_autofree char *uri = NULL;
  g_autoptr (GSocket) socket = listen_silently (&uri);
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (MigHost) host = mig_host_new ("silent", uri);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GSocket) connection = NULL;
  g_autoptr (GError) error = NULL;
  gpointer arguments[] = { driver, host, cancellable };
  GThread *asker = g_thread_new (NULL, ask_cancellably, arguments);

  connection = g_socket_accept (socket, NULL, NULL);
  ck_assert_ptr_nonnull (connection);
  g_cancellable_cancel (cancellable);
  error = g_thread_join (asker);
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_socket_close (connection, NULL);
  mig_test_wait (NULL, none_is_out, driver, 10);
}
END_TEST

/* Being a guest in the process */

START_TEST (child_is_refused)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (MigHost) host = test_host ();
  g_autoptr (MigDomainInfo) info = mig_compute_driver_get_domain (driver, host, "test", NULL, NULL);
  int status;
  pid_t child;

  ck_assert_ptr_nonnull (info);
  child = fork ();
  if (child == 0)
    {
      g_autoptr (GError) error = NULL;
      gpointer found = mig_compute_driver_get_domain (driver, host, "test", NULL, &error);

      g_object_unref (driver);
      _exit (found == NULL && g_error_matches (error, MIG_ERROR, MIG_ERROR_INVALID_STATE) ? 0 : 1);
    }
  ck_assert_int_gt (child, 0);
  ck_assert_int_eq (waitpid (child, &status, 0), child);
  ck_assert_int_eq (status, 0);
}
END_TEST

START_TEST (nothing_is_printed)
{
  g_autofree char *path = g_build_filename (directory, "said", NULL);
  g_autofree char *said = NULL;
  int before = dup (STDERR_FILENO);
  FILE *file = fopen (path, "we");

  ck_assert_int_ge (dup2 (fileno (file), STDERR_FILENO), 0);
  expect_no_host ("qemu+tcp://127.0.0.1:1/system", MIG_ERROR_CONNECTION);
  expect_no_host ("qemu+unix:///system?socket=/nonexistent/socket", MIG_ERROR_CONNECTION);
  ck_assert_int_ge (dup2 (before, STDERR_FILENO), 0);
  close (before);
  fclose (file);

  ck_assert (g_file_get_contents (path, &said, NULL, NULL));
  ck_assert_str_eq (said, "");
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-driver");
  TCase *tcase = mig_test_add_case (suite, "hosts");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, bad_uri_is_refused, 0, G_N_ELEMENTS (bad_uris));
  tcase_add_loop_test (tcase, host_asks_who_we_are, 0, G_N_ELEMENTS (manners));
  tcase_add_test (tcase, silence_ends_in_an_error);
  tcase_add_test (tcase, many_share_one_attempt);
  tcase_add_test (tcase, hanging_calls_are_limited);
  tcase_add_test (tcase, driver_goes_while_a_call_hangs);
  tcase_add_test (tcase, waiting_is_cancelled);

  tcase = mig_test_add_case (suite, "domains");
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, domains_are_found);
  tcase_add_test (tcase, absent_domain_is_proved);
  tcase_add_test (tcase, domain_is_changed);
  tcase_add_test (tcase, no_migration_is_no_migration);
  tcase_add_loop_test (tcase, bad_request_is_refused, 0, G_N_ELEMENTS (bad_requests));
  tcase_add_test (tcase, unsupported_is_said);

  tcase = mig_test_add_case (suite, "guest");
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, child_is_refused);
  tcase_add_test (tcase, nothing_is_printed);

  return suite;
}

MIG_TEST_MAIN (create_suite)
