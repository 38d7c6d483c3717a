/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A copy goes on that cannot be looked at. */

#include "config.h"

#include "fault-store.h"
#include "swap-kit.h"

static int n_decisions, failing;

static void
on_decision (MigOperation *operation G_GNUC_UNUSED,
             const char   *text G_GNUC_UNUSED,
             GVariant     *inputs G_GNUC_UNUSED,
             gpointer      data G_GNUC_UNUSED)
{
  g_atomic_int_inc (&n_decisions);
}

static gboolean
is_copying (gpointer data G_GNUC_UNUSED)
{
  g_autoptr (MigDomainInfo) domain = swap_kit_look ();

  return mig_disk_get_mirror (mig_domain_info_find_disk (domain, "vda")) != NULL;
}

static void
begin_to_copy (GError **end)
{
  g_object_set (kit.cluster, "settle-time", 0.5, NULL);
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"bandwidth\": 1024}");
  g_signal_connect (kit.operation, "decision", G_CALLBACK (on_decision), NULL);
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, end);
  mig_test_wait (NULL, is_copying, NULL, 10);
}

static void
hurry (void)
{
  g_autoptr (GError) error = NULL;

  kit.jobs.set_bandwidth (MIG_BLOCK_JOB_DRIVER (kit.driver), kit.host, kit.uuid, "vda", 0, NULL, &error);
  mig_assert_no_error (error);
}

static void
come_back (void)
{
  g_atomic_int_set (&kit.away, FALSE);
  hurry ();
}

START_TEST (it_is_told_and_waited_for)
{
  GError *end = NULL;

  begin_to_copy (&end);
  g_atomic_int_set (&kit.away, TRUE);
  mig_test_wait (NULL, swap_kit_is_set, &n_decisions, 10);
  come_back ();
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  swap_kit_assert_success (end);
  ck_assert_int_eq (n_decisions, 1);
  swap_kit_check_source ("vda", "/local/new.raw");
  g_clear_error (&end);
}
END_TEST

/* The host may come back one day, and the mirror with it. */
START_TEST (it_is_left_to_recovery)
{
  g_autoptr (GError) error = NULL;
  GError *end = NULL;

  begin_to_copy (&end);
  g_atomic_int_set (&kit.away, TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 30);
  mig_assert_error (end, MIG_ERROR, MIG_ERROR_BUSY);
  g_clear_error (&end);
  g_clear_object (&kit.operation);
  come_back ();

  kit.operation = swap_kit_recover ();
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  mig_assert_no_error (error);
  swap_kit_check_source ("vda", "/local/new.raw");
}
END_TEST

static void
on_step (MigOperation *operation G_GNUC_UNUSED,
         const char   *step,
         double        seconds G_GNUC_UNUSED,
         GError       *error,
         gpointer      data G_GNUC_UNUSED)
{
  if (error != NULL && g_str_equal (step, "disk.mirror"))
    come_back ();
}

/* What the step gave up was the looking, not the copy. */
START_TEST (it_is_found_again)
{
  GError *end = NULL;

  begin_to_copy (&end);
  g_signal_connect (kit.operation, "step-finished", G_CALLBACK (on_step), NULL);
  g_atomic_int_set (&kit.away, TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 30);
  swap_kit_assert_success (end);
  swap_kit_check_source ("vda", "/local/new.raw");
  g_clear_error (&end);
}
END_TEST

static MigDomainInfo *
get_domain_in_vain (MigComputeDriver  *driver,
                    MigHost           *host,
                    const char        *domain,
                    GCancellable      *cancellable,
                    GError           **error)
{
  if (g_atomic_int_get (&failing) == 0 || mig_operation_get_phase (kit.operation) != MIG_PHASE_TRANSFER)
    return kit.compute.get_domain (driver, host, domain, cancellable, error);

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CORRUPT, "the definition makes no sense");

  return NULL;
}

/* This does not pass. */
START_TEST (it_is_given_up)
{
  GError *end = NULL;

  swap_kit_compute ()->get_domain = get_domain_in_vain;
  begin_to_copy (&end);
  g_atomic_int_set (&failing, TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 30);
  mig_assert_error (end, MIG_ERROR, MIG_ERROR_CORRUPT);
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  swap_kit_check_source ("vda", "/local/old.raw");
  ck_assert (!swap_kit_exists ("/local/new.raw"));
  g_clear_error (&end);
}
END_TEST

static const int odd_answers[][4] = {
  { MIG_ERROR_CONNECTION, MIG_ERROR_CONNECTION, MIG_ERROR_CONNECTION, MIG_ERROR_CORRUPT },
  { MIG_ERROR_BUSY, MIG_ERROR_BUSY, MIG_ERROR_BUSY, MIG_ERROR_BUSY },
};
static const int *answers;
static int n_answers;

static MigDomainInfo *
get_domain_oddly (MigComputeDriver  *driver,
                  MigHost           *host,
                  const char        *domain,
                  GCancellable      *cancellable,
                  GError           **error)
{
  if (g_atomic_int_get (&failing) == 0 || n_answers == 4)
    return kit.compute.get_domain (driver, host, domain, cancellable, error);

  g_set_error_literal (error, MIG_ERROR, answers[n_answers++], "it is coming up");
  if (n_answers == 4)
    hurry ();

  return NULL;
}

/* One answer after a silence that is longer than the settle time. */
START_TEST (one_odd_answer_passes)
{
  GError *end = NULL;

  answers = odd_answers[_i];
  swap_kit_compute ()->get_domain = get_domain_oddly;
  begin_to_copy (&end);
  g_atomic_int_set (&failing, TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 30);
  swap_kit_assert_success (end);
  swap_kit_check_source ("vda", "/local/new.raw");
  g_clear_error (&end);
}
END_TEST

/* What was said of another job */

static int n_looks;

static MigBlockJobInfo *
get_info (MigBlockJobDriver  *driver,
          MigHost            *host,
          const char         *domain,
          const char         *target,
          GCancellable       *cancellable,
          GError            **error)
{
  g_atomic_int_inc (&n_looks);

  return kit.jobs.get_info (driver, host, domain, target, cancellable, error);
}

static gboolean
has_looked (gpointer unused G_GNUC_UNUSED)
{
  g_signal_emit_by_name (kit.driver, "event", kit.host, kit.uuid, MIG_DRIVER_EVENT_SUSPENDED, NULL);

  return g_atomic_int_get (&n_looks) >= 3;
}

/* It comes from the job before. */
START_TEST (ready_is_seen_not_heard)
{
  GError *end = NULL;

  swap_kit_jobs ()->get_info = get_info;
  begin_to_copy (&end);
  g_signal_emit_by_name (kit.driver, "event", kit.host, kit.uuid, MIG_DRIVER_EVENT_BLOCK_JOB_READY, "vda");
  g_atomic_int_set (&n_looks, 0);
  mig_test_wait (NULL, has_looked, NULL, 10);
  ck_assert_int_eq (mig_operation_get_phase (kit.operation), MIG_PHASE_TRANSFER);
  hurry ();
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  swap_kit_assert_success (end);
  g_clear_error (&end);
}
END_TEST

/* The start */

static int n_failed, starts;

static gboolean
start_without_an_answer (MigBlockJobDriver    *driver,
                         MigBlockCopyRequest  *request,
                         GCancellable         *cancellable,
                         GError              **error)
{
  if (starts)
    ck_assert (kit.jobs.start (driver, request, cancellable, NULL));
  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_TIMED_OUT, "no answer");

  return FALSE;
}

static gboolean
start_for_long (MigBlockJobDriver    *driver,
                MigBlockCopyRequest  *request,
                GCancellable         *cancellable,
                GError              **error)
{
  gint64 until = g_get_monotonic_time () + G_USEC_PER_SEC;

  while (g_get_monotonic_time () < until)
    g_thread_yield ();

  return start_without_an_answer (driver, request, cancellable, error);
}

/* It is the copy's, not the looking's. */
START_TEST (the_time_limit_goes_on)
{
  g_autoptr (GError) error = NULL;

  starts = TRUE;
  swap_kit_jobs ()->start = start_for_long;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"time-limit\": 0.9}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  swap_kit_check_source ("vda", "/local/old.raw");
}
END_TEST

static gboolean
is_lease (const char *verb,
          const char *key,
          gpointer    silent)
{
  return g_atomic_int_get ((int *) silent) && g_str_equal (verb, "commit") && g_str_has_prefix (key, "lease/");
}

static int silent, was_silent;

/* From the first look of the step that switches on the lease cannot be renewed; it is over when the look returns. */
static MigDomainInfo *
look_for_long (MigComputeDriver  *driver,
               MigHost           *host,
               const char        *domain,
               GCancellable      *cancellable,
               GError           **error)
{
  if (mig_operation_get_phase (kit.operation) == MIG_PHASE_SWITCHOVER && !was_silent)
    {
      gint64 end = g_get_monotonic_time () + G_USEC_PER_SEC;

      was_silent = TRUE;
      g_atomic_int_set (&silent, TRUE);
      while (g_get_monotonic_time () < end)
        g_thread_yield ();
    }

  return kit.compute.get_domain (driver, host, domain, cancellable, error);
}

static gboolean
has_passed (gpointer moment)
{
  return g_get_monotonic_time () >= *(gint64 *) moment;
}

/* The lease cannot be renewed when the guest is to be switched: what has been copied is not thrown away for that. */
START_TEST (the_store_is_away_at_the_switch)
{
  g_autoptr (FaultStore) store = fault_store_new (kit.store);
  g_autoptr (MigCluster) cluster = mig_cluster_new (MIG_STATE_STORE (store), MIG_COMPUTE_DRIVER (kit.driver));
  MigCluster *own = kit.cluster;
  g_autoptr (GError) error = NULL;
  GError *end = NULL;
  gint64 moment;

  fault_store_watch (store, is_lease, &silent);
  ck_assert (mig_cluster_add_host (cluster, kit.host, &error));
  g_object_set (cluster, "settle-time", 30.0, "lease-ttl", 0.6, "volume-backend", kit.driver, NULL);
  kit.cluster = cluster;
  swap_kit_compute ()->get_domain = look_for_long;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &silent, 20);
  moment = g_get_monotonic_time () + 8 * G_USEC_PER_SEC; /* who waits for a lease is patient */
  mig_test_wait (NULL, has_passed, &moment, 20);
  swap_kit_check_source ("vda", "/local/old.raw");

  g_atomic_int_set (&silent, FALSE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 30);
  swap_kit_assert_success (end);
  g_clear_error (&end);
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_COMPLETED);
  swap_kit_check_source ("vda", "/local/new.raw");
  g_clear_object (&kit.operation);
  kit.cluster = own;
  ck_assert (mig_cluster_close (cluster, MIG_CLOSE_MODE_WAIT, NULL, &error));
}
END_TEST

static void
count_failed (MigOperation *operation G_GNUC_UNUSED,
              const char   *step,
              double        seconds G_GNUC_UNUSED,
              GError       *error,
              gpointer      data G_GNUC_UNUSED)
{
  if (error != NULL && g_str_equal (step, "disk.mirror"))
    n_failed++;
}

/* Whether it began is found out once, by the engine. */
START_TEST (nobody_waits_twice)
{
  GError *end = NULL;

  g_object_set (kit.cluster, "settle-time", 600.0, NULL);
  swap_kit_jobs ()->start = start_without_an_answer;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  g_signal_connect (kit.operation, "step-finished", G_CALLBACK (count_failed), NULL);
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &n_failed, 10);
  swap_kit_leave ();
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  g_clear_error (&end);
}
END_TEST

START_TEST (what_began_goes_on)
{
  g_autoptr (GError) error = NULL;

  starts = TRUE;
  swap_kit_jobs ()->start = start_without_an_answer;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  mig_assert_no_error (error);
  swap_kit_check_source ("vda", "/local/new.raw");
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("swap-blind");
  TCase *tcase = mig_test_add_case (suite, "blind");

  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, swap_kit_set_up, swap_kit_tear_down);
  tcase_add_test (tcase, it_is_told_and_waited_for);
  tcase_add_test (tcase, it_is_left_to_recovery);
  tcase_add_test (tcase, it_is_found_again);
  tcase_add_test (tcase, it_is_given_up);
  tcase_add_loop_test (tcase, one_odd_answer_passes, 0, G_N_ELEMENTS (odd_answers));
  tcase_add_test (tcase, ready_is_seen_not_heard);
  tcase_add_test (tcase, the_time_limit_goes_on);
  tcase_add_test (tcase, the_store_is_away_at_the_switch);
  tcase_add_test (tcase, nobody_waits_twice);
  tcase_add_test (tcase, what_began_goes_on);

  return suite;
}

MIG_TEST_MAIN (create_suite)
