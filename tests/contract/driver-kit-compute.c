/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "driver-kit.h"

#include <libmig/mig-enum-types.h>

#include "libmig/core/mig-waiter-private.h"

#define NOBODY "5d9f2a52-7a1c-4d64-9c0e-2f4b1b7c9e55"

#define DRIVER driver_kit_bed.driver
#define SOURCE driver_kit_bed.source
#define DESTINATION driver_kit_bed.destination

static char *
add_guest (const DriverKitGuest *wish)
{
  return driver_kit->add_guest (&driver_kit_bed, "kit", wish);
}

static MigMigrateRequest *
new_request (MigHost         *from,
             MigHost         *to,
             const char      *domain,
             MigMigrateFlags  flags,
             gint64           bandwidth)
{
  return g_object_new (MIG_TYPE_MIGRATE_REQUEST,
                       "source", from,
                       "destination", to,
                       "domain", domain,
                       "mode", MIG_MIGRATE_MODE_PEER_TO_PEER,
                       "flags", flags | MIG_MIGRATE_FLAGS_UNSAFE,
                       "bandwidth", bandwidth,
                       "token", "kit",
                       NULL);
}

static void
migrate (MigHost         *from,
         MigHost         *to,
         const char      *domain,
         MigMigrateFlags  flags)
{
  g_autoptr (MigMigrateRequest) request = new_request (from, to, domain, flags, 0);
  g_autoptr (GError) error = NULL;
  gboolean ok = mig_compute_driver_migrate (DRIVER, request, NULL, &error);

  mig_assert_no_error (error);
  ck_assert (ok);
}

START_TEST (hosts_introduce_themselves)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigHostInfo) source = mig_compute_driver_get_host_info (DRIVER, SOURCE, NULL, &error);
  g_autoptr (MigHostInfo) destination = mig_compute_driver_get_host_info (DRIVER, DESTINATION, NULL, &error);

  mig_assert_no_error (error);
  ck_assert_ptr_nonnull (mig_host_info_get_uuid (source));
  ck_assert_str_ne (mig_host_info_get_uuid (source), mig_host_info_get_uuid (destination));
  ck_assert_str_ne (mig_compute_driver_get_name (DRIVER), "");
}
END_TEST

START_TEST (unreachable_is_not_absent)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) info = NULL;
  g_autoptr (GPtrArray) domains = NULL;

  info = mig_compute_driver_get_domain (DRIVER, driver_kit_bed.unreachable, NOBODY, NULL, &error);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONNECTION);
  ck_assert_ptr_null (info);
  g_clear_error (&error);

  domains = mig_compute_driver_list_domains (DRIVER, driver_kit_bed.unreachable, NULL, &error);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONNECTION);
  ck_assert_ptr_null (domains);
}
END_TEST

START_TEST (absent_is_proved)
{
  driver_kit_expect (SOURCE, NOBODY, MIG_DOMAIN_STATE_UNKNOWN);
  driver_kit_expect (SOURCE, "nobody of that name", MIG_DOMAIN_STATE_UNKNOWN);
}
END_TEST

START_TEST (domain_is_found_by_uuid_and_name)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = FALSE });
  g_autoptr (MigDomainInfo) by_uuid = driver_kit_look (SOURCE, uuid);
  g_autoptr (MigDomainInfo) by_name = driver_kit_look (SOURCE, "kit");
  MigDisk *disk = mig_domain_info_find_disk (by_uuid, "vda");

  ck_assert_str_eq (mig_domain_info_get_uuid (by_name), uuid);
  ck_assert_str_eq (mig_domain_info_get_name (by_uuid), "kit");
  ck_assert_int_eq (mig_domain_info_get_state (by_uuid), MIG_DOMAIN_STATE_RUNNING);
  ck_assert (mig_domain_info_is_persistent (by_uuid));
  ck_assert_int_gt (mig_domain_info_get_memory (by_uuid), 0);
  ck_assert_int_eq (mig_domain_info_get_job (by_uuid), MIG_JOB_KIND_NONE);
  ck_assert_ptr_null (mig_domain_info_get_mark (by_uuid));
  ck_assert_ptr_nonnull (mig_domain_info_get_definition (by_uuid));
  ck_assert_ptr_nonnull (mig_domain_info_get_persistent_definition (by_uuid));
  ck_assert_ptr_nonnull (disk);
  ck_assert_ptr_nonnull (mig_disk_get_source (disk));
  ck_assert_ptr_null (mig_disk_get_mirror (disk));
}
END_TEST

static gboolean
is_listed (MigHost    *host,
           const char *uuid)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) domains = mig_compute_driver_list_domains (DRIVER, host, NULL, &error);

  mig_assert_no_error (error);
  for (guint i = 0; i < domains->len; i++)
    {
      if (g_str_equal (mig_domain_info_get_uuid (g_ptr_array_index (domains, i)), uuid))
        return TRUE;
    }

  return FALSE;
}

START_TEST (list_has_running_and_defined)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = FALSE });
  g_autoptr (GError) error = NULL;

  ck_assert (is_listed (SOURCE, uuid));
  ck_assert (!is_listed (DESTINATION, uuid));
  ck_assert (mig_compute_driver_destroy (DRIVER, SOURCE, uuid, NULL, &error));
  mig_assert_no_error (error);
  ck_assert (is_listed (SOURCE, uuid));
}
END_TEST

static void
set_mark (const char *uuid,
          const char *mark)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) info = NULL;

  ck_assert (mig_compute_driver_set_mark (DRIVER, SOURCE, uuid, mark, NULL, &error));
  mig_assert_no_error (error);
  info = driver_kit_look (SOURCE, uuid);
  ck_assert_pstr_eq (mig_domain_info_get_mark (info), mark);
}

START_TEST (mark_is_written_replaced_and_removed)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = _i == 0 });

  set_mark (uuid, "one <&> “two”");
  set_mark (uuid, "one <&> “two”");
  set_mark (uuid, "another");
  set_mark (uuid, NULL);
  set_mark (uuid, NULL);
}
END_TEST

START_TEST (mark_needs_a_domain)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!mig_compute_driver_set_mark (DRIVER, SOURCE, NOBODY, "mark", NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
}
END_TEST

START_TEST (pause_and_resume_can_be_repeated)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = TRUE });
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 2; i++)
    {
      ck_assert (mig_compute_driver_pause (DRIVER, SOURCE, uuid, NULL, &error));
      driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_PAUSED);
    }
  for (int i = 0; i < 2; i++)
    {
      ck_assert (mig_compute_driver_resume (DRIVER, SOURCE, uuid, NULL, &error));
      driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_RUNNING);
    }
}
END_TEST

START_TEST (transient_guest_moves)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = TRUE, .paused = _i == 1 });
  MigDomainState state = _i == 1 ? MIG_DOMAIN_STATE_PAUSED : MIG_DOMAIN_STATE_RUNNING;

  migrate (SOURCE, DESTINATION, uuid, MIG_MIGRATE_FLAGS_NONE);
  driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_UNKNOWN);
  driver_kit_expect (DESTINATION, uuid, state);
  migrate (DESTINATION, SOURCE, uuid, MIG_MIGRATE_FLAGS_NONE);
  driver_kit_expect (SOURCE, uuid, state);
  driver_kit_expect (DESTINATION, uuid, MIG_DOMAIN_STATE_UNKNOWN);
}
END_TEST

START_TEST (each_run_has_a_number)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = FALSE });
  g_autoptr (MigDomainInfo) first = driver_kit_look (SOURCE, uuid);
  g_autoptr (MigDomainInfo) paused = NULL;
  g_autoptr (MigDomainInfo) left = NULL;
  g_autoptr (MigDomainInfo) back = NULL;
  g_autoptr (MigDomainInfo) off = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert_int_ge (mig_domain_info_get_id (first), 0);
  ck_assert (mig_compute_driver_pause (DRIVER, SOURCE, uuid, NULL, &error));
  paused = driver_kit_look (SOURCE, uuid);
  ck_assert_int_eq (mig_domain_info_get_id (paused), mig_domain_info_get_id (first));
  ck_assert (mig_compute_driver_resume (DRIVER, SOURCE, uuid, NULL, &error));

  migrate (SOURCE, DESTINATION, uuid, MIG_MIGRATE_FLAGS_NONE);
  left = driver_kit_look (SOURCE, uuid);
  ck_assert_int_eq (mig_domain_info_get_id (left), -1);
  migrate (DESTINATION, SOURCE, uuid, MIG_MIGRATE_FLAGS_NONE);
  back = driver_kit_look (SOURCE, uuid);
  ck_assert_int_ge (mig_domain_info_get_id (back), 0);
  ck_assert_int_ne (mig_domain_info_get_id (back), mig_domain_info_get_id (first));

  ck_assert (mig_compute_driver_destroy (DRIVER, SOURCE, uuid, NULL, &error));
  off = driver_kit_look (SOURCE, uuid);
  ck_assert_int_eq (mig_domain_info_get_id (off), -1);
}
END_TEST

START_TEST (definition_follows)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = FALSE });
  g_autoptr (MigDomainInfo) info = NULL;

  migrate (SOURCE, DESTINATION, uuid, MIG_MIGRATE_FLAGS_PERSIST);
  driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_UNKNOWN);
  driver_kit_expect (DESTINATION, uuid, MIG_DOMAIN_STATE_RUNNING);
  info = driver_kit_look (DESTINATION, uuid);
  ck_assert (mig_domain_info_is_persistent (info));
  ck_assert_int_eq (mig_domain_info_get_persistent_disks (info)->len, 1);
}
END_TEST

START_TEST (definition_stays)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = FALSE });
  g_autoptr (MigDomainInfo) info = NULL;

  migrate (SOURCE, DESTINATION, uuid, MIG_MIGRATE_FLAGS_NONE);
  driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED);
  info = driver_kit_look (DESTINATION, uuid);
  ck_assert (!mig_domain_info_is_persistent (info));

  migrate (DESTINATION, SOURCE, uuid, MIG_MIGRATE_FLAGS_NONE);
  driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_RUNNING);
}
END_TEST

START_TEST (mark_travels)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = _i == 0 });
  g_autoptr (MigDomainInfo) info = NULL;
  g_autoptr (GError) error = NULL;

  set_mark (uuid, "the owner");
  migrate (SOURCE, DESTINATION, uuid, _i == 0 ? MIG_MIGRATE_FLAGS_NONE : MIG_MIGRATE_FLAGS_PERSIST);
  info = driver_kit_look (DESTINATION, uuid);
  ck_assert_pstr_eq (mig_domain_info_get_mark (info), "the owner");
  ck_assert (mig_compute_driver_set_mark (DRIVER, DESTINATION, uuid, NULL, NULL, &error));
  mig_assert_no_error (error);
}
END_TEST

START_TEST (figures_are_left_at_the_destination)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = TRUE });
  g_autoptr (GError) error = NULL;

  migrate (SOURCE, DESTINATION, uuid, MIG_MIGRATE_FLAGS_NONE);
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (MigJobStats) done = mig_compute_driver_get_job (DRIVER, DESTINATION, uuid, TRUE, NULL, &error);
      g_autoptr (MigJobStats) now = mig_compute_driver_get_job (DRIVER, DESTINATION, uuid, FALSE, NULL, &error);

      mig_assert_no_error (error);
      ck_assert_int_ne (mig_job_stats_get_kind (done), MIG_JOB_KIND_NONE);
      ck_assert (mig_job_stats_is_completed (done));
      ck_assert_int_gt (mig_job_stats_get_memory_processed (done), 0);
      ck_assert_int_eq (mig_job_stats_get_kind (now), MIG_JOB_KIND_NONE);
    }
}
END_TEST

START_TEST (senseless_migrations_are_refused)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = TRUE });
  g_autoptr (MigMigrateRequest) nobody = new_request (SOURCE, DESTINATION, NOBODY, MIG_MIGRATE_FLAGS_NONE, 0);
  g_autoptr (MigMigrateRequest) nowhere = new_request (SOURCE, SOURCE, uuid, MIG_MIGRATE_FLAGS_NONE, 0);
  g_autoptr (GError) error = NULL;

  ck_assert (!mig_compute_driver_migrate (DRIVER, nobody, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  g_clear_error (&error);
  ck_assert (!mig_compute_driver_migrate (DRIVER, nowhere, NULL, &error));
  ck_assert_ptr_nonnull (error);
  driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_RUNNING);
}
END_TEST

START_TEST (nothing_to_abort_or_tune)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = TRUE });
  g_autoptr (GError) error = NULL;

  ck_assert (!mig_compute_driver_abort_job (DRIVER, SOURCE, uuid, -1, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  g_clear_error (&error);
  ck_assert (!mig_compute_driver_abort_job (DRIVER, SOURCE, NOBODY, -1, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  g_clear_error (&error);
  ck_assert (!mig_compute_driver_tune (DRIVER, SOURCE, uuid, MIG_TUNABLE_POST_COPY, 0, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
}
END_TEST

/* A migration on a thread of its own, slow enough to be looked at. */
typedef struct
{
  MigMigrateRequest *request;
  GCancellable *cancellable;
  GThread *thread;
  GError *error;
  gboolean ok;
} SlowMove;

static gpointer
run_slow_move (gpointer data)
{
  SlowMove *move = data;

  move->ok = mig_compute_driver_migrate (DRIVER, move->request, move->cancellable, &move->error);

  return NULL;
}

static gboolean
has_moved_memory (gpointer uuid)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigJobStats) stats = mig_compute_driver_get_job (DRIVER, SOURCE, uuid, FALSE, NULL, &error);

  mig_assert_no_error (error);

  return mig_job_stats_get_kind (stats) == MIG_JOB_KIND_MIGRATION_OUT &&
         mig_job_stats_get_memory_processed (stats) > 0;
}

static void
begin_slow_move (SlowMove   *move,
                 const char *uuid)
{
  move->request = new_request (SOURCE, DESTINATION, uuid, MIG_MIGRATE_FLAGS_NONE, driver_kit_bed.bandwidth);
  move->cancellable = g_cancellable_new ();
  move->thread = g_thread_new ("move", run_slow_move, move);
  driver_kit_wait ("memory moves", has_moved_memory, (gpointer) uuid);
}

static void
clear_slow_move (SlowMove *move)
{
  g_clear_pointer (&move->thread, g_thread_join);
  g_clear_object (&move->request);
  g_clear_object (&move->cancellable);
  g_clear_error (&move->error);
}

static gboolean
has_gone (gpointer uuid)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) info = mig_compute_driver_get_domain (DRIVER, DESTINATION, uuid, NULL, &error);

  return g_error_matches (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
}

START_TEST (everything_answers_while_a_guest_moves)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = TRUE });
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) source = NULL;
  g_autoptr (MigDomainInfo) destination = NULL;
  g_autoptr (MigMigrateRequest) again = NULL;
  SlowMove move = { 0 };

  begin_slow_move (&move, uuid);
  source = driver_kit_look (SOURCE, uuid);
  ck_assert_int_eq (mig_domain_info_get_state (source), MIG_DOMAIN_STATE_RUNNING);
  ck_assert_int_eq (mig_domain_info_get_job (source), MIG_JOB_KIND_MIGRATION_OUT);
  destination = driver_kit_look (DESTINATION, uuid);
  ck_assert_int_eq (mig_domain_info_get_state (destination), MIG_DOMAIN_STATE_PAUSED_MIGRATION);
  ck_assert (mig_compute_driver_tune (DRIVER, SOURCE, uuid, MIG_TUNABLE_MAX_DOWNTIME, 0.2, NULL, &error));
  mig_assert_no_error (error);

  again = new_request (SOURCE, DESTINATION, uuid, MIG_MIGRATE_FLAGS_NONE, 0);
  ck_assert (!mig_compute_driver_migrate (DRIVER, again, NULL, &error));
  ck_assert_ptr_nonnull (error);
  g_clear_error (&error);
  ck_assert (has_moved_memory (uuid));

  /* Without the limit it is over soon. */
  ck_assert (mig_compute_driver_tune (DRIVER, SOURCE, uuid, MIG_TUNABLE_BANDWIDTH, G_MAXINT32, NULL, &error));
  mig_assert_no_error (error);
  g_clear_pointer (&move.thread, g_thread_join);
  mig_assert_no_error (move.error);
  ck_assert (move.ok);
  driver_kit_expect (DESTINATION, uuid, MIG_DOMAIN_STATE_RUNNING);
  clear_slow_move (&move);
}
END_TEST

START_TEST (abort_leaves_the_guest_where_it_was)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = TRUE });
  g_autoptr (GError) error = NULL;
  SlowMove move = { 0 };

  begin_slow_move (&move, uuid);
  ck_assert (!mig_compute_driver_abort_job (DRIVER, SOURCE, uuid, 0, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  g_clear_error (&error);
  ck_assert (mig_compute_driver_abort_job (DRIVER, SOURCE, uuid, 60, NULL, &error));
  mig_assert_no_error (error);
  g_clear_pointer (&move.thread, g_thread_join);
  ck_assert (!move.ok);
  ck_assert_ptr_nonnull (move.error);
  driver_kit_wait ("the destination goes", has_gone, uuid);
  driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_RUNNING);
  clear_slow_move (&move);
}
END_TEST

START_TEST (cancelling_ends_the_wait_and_not_the_move)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = TRUE });
  g_autoptr (GError) error = NULL;
  SlowMove move = { 0 };

  begin_slow_move (&move, uuid);
  g_cancellable_cancel (move.cancellable);
  g_clear_pointer (&move.thread, g_thread_join);
  mig_assert_error (move.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  ck_assert (has_moved_memory (uuid));

  ck_assert (mig_compute_driver_abort_job (DRIVER, SOURCE, uuid, -1, NULL, &error));
  mig_assert_no_error (error);
  driver_kit_wait ("the destination goes", has_gone, uuid);
  driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_RUNNING);
  clear_slow_move (&move);
}
END_TEST

static gboolean
is_held (gpointer request)
{
  return mig_migrate_request_is_held (request);
}

/* The caller does not know whether the guest is its own to move: it never finds out, or it does. */
START_TEST (a_move_waits_until_it_may_be_sent)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = TRUE });
  SlowMove move = { 0 };

  move.request = new_request (SOURCE, DESTINATION, uuid, MIG_MIGRATE_FLAGS_NONE, 0);
  move.cancellable = g_cancellable_new ();
  mig_migrate_request_set_until (move.request, 0);
  move.thread = g_thread_new ("move", run_slow_move, &move);
  driver_kit_wait ("it is held", is_held, move.request);
  driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_RUNNING);
  if (_i == 0)
    g_cancellable_cancel (move.cancellable);
  else
    mig_migrate_request_set_until (move.request, G_MAXINT64);
  g_clear_pointer (&move.thread, g_thread_join);
  if (_i == 0)
    mig_assert_error (move.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  else
    mig_assert_no_error (move.error);
  ck_assert_int_eq (mig_migrate_request_is_held (move.request), _i == 0);
  driver_kit_expect (_i == 0 ? SOURCE : DESTINATION, uuid, MIG_DOMAIN_STATE_RUNNING);
  clear_slow_move (&move);
}
END_TEST

START_TEST (cancelled_calls_do_nothing)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = TRUE });
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  ck_assert (!mig_compute_driver_destroy (DRIVER, SOURCE, uuid, cancellable, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_RUNNING);
}
END_TEST

START_TEST (destroyed_defined_and_undefined)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = FALSE });
  g_autoptr (MigDomainInfo) info = driver_kit_look (SOURCE, uuid);
  g_autoptr (MigDomainInfo) again = NULL;
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 2; i++)
    {
      ck_assert (mig_compute_driver_destroy (DRIVER, SOURCE, uuid, NULL, &error));
      driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_SHUT_OFF);
    }
  for (int i = 0; i < 2; i++)
    {
      ck_assert (mig_compute_driver_undefine (DRIVER, SOURCE, uuid, NULL, &error));
      driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_UNKNOWN);
    }
  for (int i = 0; i < 2; i++)
    {
      ck_assert (mig_compute_driver_define (DRIVER, SOURCE, mig_domain_info_get_persistent_definition (info), NULL,
                                            &error));
      driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_SHUT_OFF);
    }
  again = driver_kit_look (SOURCE, uuid);
  ck_assert_str_eq (mig_domain_info_get_name (again), "kit");
  ck_assert_ptr_nonnull (mig_domain_info_find_disk (again, "vda"));

  ck_assert (!mig_compute_driver_destroy (DRIVER, SOURCE, NOBODY, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  g_clear_error (&error);
  ck_assert (!mig_compute_driver_define (DRIVER, SOURCE, "no definition", NULL, &error));
  ck_assert_ptr_nonnull (error);
}
END_TEST

static void
note_event (MigComputeDriver *driver,
            MigHost          *host,
            const char       *domain,
            MigDriverEvent    event,
            const char       *detail,
            gpointer          seen)
{
  const char *where = mig_host_get_name (host);

  if (g_str_equal (where, mig_host_get_name (SOURCE)) && event == MIG_DRIVER_EVENT_STOPPED &&
      g_str_equal (detail, "migration"))
    g_atomic_int_or ((guint *) seen, 1);
  if (g_str_equal (where, mig_host_get_name (DESTINATION)) && event == MIG_DRIVER_EVENT_RESUMED)
    g_atomic_int_or ((guint *) seen, 2);
  if (event == MIG_DRIVER_EVENT_JOB_COMPLETED)
    g_atomic_int_or ((guint *) seen, 4);
}

static gboolean
has_seen_all (gpointer seen)
{
  return g_atomic_int_get ((guint *) seen) == 7;
}

START_TEST (events_tell_of_a_move)
{
  g_autofree char *uuid = add_guest (&(DriverKitGuest) { .transient = TRUE });
  guint seen = 0;
  gulong handler = g_signal_connect (DRIVER, "event", G_CALLBACK (note_event), &seen);

  migrate (SOURCE, DESTINATION, uuid, MIG_MIGRATE_FLAGS_NONE);
  if (driver_kit->has_events)
    driver_kit_wait ("events at both hosts", has_seen_all, &seen);
  g_signal_handler_disconnect (DRIVER, handler);
}
END_TEST

void
driver_kit_add_compute_cases (TCase *tcase)
{
  tcase_add_test (tcase, hosts_introduce_themselves);
  tcase_add_test (tcase, unreachable_is_not_absent);
  tcase_add_test (tcase, absent_is_proved);
  tcase_add_test (tcase, domain_is_found_by_uuid_and_name);
  tcase_add_test (tcase, list_has_running_and_defined);
  tcase_add_loop_test (tcase, mark_is_written_replaced_and_removed, 0, 2);
  tcase_add_test (tcase, mark_needs_a_domain);
  tcase_add_test (tcase, pause_and_resume_can_be_repeated);
  tcase_add_loop_test (tcase, transient_guest_moves, 0, 2);
  tcase_add_test (tcase, each_run_has_a_number);
  tcase_add_test (tcase, definition_follows);
  tcase_add_test (tcase, definition_stays);
  tcase_add_loop_test (tcase, mark_travels, 0, 2);
  tcase_add_test (tcase, figures_are_left_at_the_destination);
  tcase_add_test (tcase, senseless_migrations_are_refused);
  tcase_add_test (tcase, nothing_to_abort_or_tune);
  tcase_add_test (tcase, everything_answers_while_a_guest_moves);
  tcase_add_test (tcase, abort_leaves_the_guest_where_it_was);
  tcase_add_test (tcase, cancelling_ends_the_wait_and_not_the_move);
  tcase_add_loop_test (tcase, a_move_waits_until_it_may_be_sent, 0, 2);
  tcase_add_test (tcase, cancelled_calls_do_nothing);
  tcase_add_test (tcase, destroyed_defined_and_undefined);
  tcase_add_test (tcase, events_tell_of_a_move);
}
