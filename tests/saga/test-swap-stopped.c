/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The guest ends, and nothing tells whether it was on the new volume by then: the hypervisor writes that into the
 * persistent definition only when its daemon hears of the switch. */

#include "config.h"

#include "swap-kit.h"

static char *guest;

static void
end_guest (void)
{
  g_autoptr (GError) error = NULL;

  kit.compute.destroy (MIG_COMPUTE_DRIVER (kit.driver), kit.host, guest, NULL, &error);
  mig_assert_no_error (error);
}

/* The number of its run, or one that its host has not given yet. */
static gint64
get_run (gint64 later)
{
  g_autoptr (MigDomainInfo) domain = swap_kit_look ();

  return mig_domain_info_get_id (domain) + later;
}

static void
set_up (void)
{
  swap_kit_set_up ();
  guest = g_strdup (kit.uuid);
}

static void
tear_down (void)
{
  g_clear_pointer (&guest, g_free);
  swap_kit_tear_down ();
}

static void
check_unknown (const GError *error)
{
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN);
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_ERROR);
  ck_assert (swap_kit_exists ("/local/new.raw"));
}

/* The pivot */

static const MigError pivot_codes[] = { MIG_ERROR_CONNECTION, MIG_ERROR_TIMED_OUT, MIG_ERROR_FAILED };
static int pivot_code;

static gboolean
end_in_pivot (MigBlockJobDriver   *driver,
              MigHost             *host,
              const char          *domain,
              const char          *target,
              MigBlockAbortFlags   flags,
              GCancellable        *cancellable,
              GError             **error)
{
  if ((flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) == 0)
    return kit.jobs.abort (driver, host, domain, target, flags, cancellable, error);

  end_guest ();
  g_set_error_literal (error, MIG_ERROR, pivot_code, "the daemon says nothing useful");

  return FALSE;
}

START_TEST (in_a_pivot_without_an_answer)
{
  g_autoptr (GError) error = NULL;

  pivot_code = (int) pivot_codes[_i];
  swap_kit_jobs ()->abort = end_in_pivot;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  check_unknown (error);
}
END_TEST

/* The guest ended before the call: that is an answer. */
START_TEST (before_a_pivot)
{
  g_autoptr (GError) error = NULL;

  pivot_code = MIG_ERROR_INVALID_STATE;
  swap_kit_jobs ()->abort = end_in_pivot;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  ck_assert (!swap_kit_exists ("/local/new.raw"));
}
END_TEST

static int n_refusals;

static gboolean
refuse_once (MigBlockJobDriver   *driver,
             MigHost             *host,
             const char          *domain,
             const char          *target,
             MigBlockAbortFlags   flags,
             GCancellable        *cancellable,
             GError             **error)
{
  if ((flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) == 0)
    return kit.jobs.abort (driver, host, domain, target, flags, cancellable, error);

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "it is not ready");
  g_atomic_int_inc (&n_refusals);

  return FALSE;
}

static MigDomainInfo *
get_domain_that_ends (MigComputeDriver  *driver,
                      MigHost           *host,
                      const char        *domain,
                      GCancellable      *cancellable,
                      GError           **error)
{
  MigDomainInfo *info = kit.compute.get_domain (driver, host, domain, cancellable, error);

  /* Directly after the look that follows the refusal. */
  if (g_atomic_int_compare_and_exchange (&n_refusals, 1, 2))
    end_guest ();

  return info;
}

START_TEST (after_a_pivot_that_was_refused)
{
  g_autoptr (GError) error = NULL;

  swap_kit_jobs ()->abort = refuse_once;
  swap_kit_compute ()->get_domain = get_domain_that_ends;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  ck_assert (!swap_kit_exists ("/local/new.raw"));
}
END_TEST

/* Recovery */

static gboolean
vanish (MigBlockJobDriver   *driver,
        MigHost             *host,
        const char          *domain,
        const char          *target,
        MigBlockAbortFlags   flags,
        GCancellable        *cancellable,
        GError             **error)
{
  if ((flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) == 0)
    return kit.jobs.abort (driver, host, domain, target, flags, cancellable, error);

  g_atomic_int_set (&kit.away, TRUE);

  return !swap_kit_is_away (error);
}

static int started_again; /* atomic */
static gint64 run = -1;   /* its number then */

/* Somebody started it again, on what its definition names. */
static MigDomainInfo *
get_domain_that_runs (MigComputeDriver  *driver,
                      MigHost           *host,
                      const char        *domain,
                      GCancellable      *cancellable,
                      GError           **error)
{
  g_autoptr (MigDomainInfo) found = NULL;
  GPtrArray *disks;

  if (swap_kit_is_away (error))
    return NULL;

  found = kit.compute.get_domain (driver, host, domain, cancellable, error);
  if (found == NULL || !g_atomic_int_get (&started_again))
    return g_steal_pointer (&found);

  disks = mig_domain_info_get_persistent_disks (found);

  return g_object_new (MIG_TYPE_DOMAIN_INFO, "uuid", mig_domain_info_get_uuid (found), "name", "g", "state",
                       MIG_DOMAIN_STATE_RUNNING, "id", run, "persistent", TRUE, "disks", disks, "persistent-disks",
                       disks, NULL);
}

static MigBlockJobInfo *
get_no_info (MigBlockJobDriver  *driver G_GNUC_UNUSED,
             MigHost            *host G_GNUC_UNUSED,
             const char         *domain G_GNUC_UNUSED,
             const char         *target G_GNUC_UNUSED,
             GCancellable       *cancellable G_GNUC_UNUSED,
             GError            **error G_GNUC_UNUSED)
{
  return g_object_new (MIG_TYPE_BLOCK_JOB_INFO, NULL);
}

/* The process goes while the call to switch is out, and then the guest ends. */
static void
lose_both (void)
{
  GError *end = NULL;

  swap_kit_jobs ()->abort = vanish;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &kit.away, 10);
  swap_kit_leave ();
  swap_kit_jobs ()->abort = kit.jobs.abort;
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  g_clear_error (&end);
  end_guest ();
}

START_TEST (before_it_is_recovered)
{
  g_autoptr (GError) error = NULL;

  lose_both ();
  kit.operation = swap_kit_recover ();
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  check_unknown (error);
  g_clear_error (&error);
  g_clear_object (&kit.operation);

  swap_kit_compute ()->get_domain = get_domain_that_runs;
  g_atomic_int_set (&started_again, TRUE);
  swap_kit_jobs ()->get_info = get_no_info;
  kit.operation = swap_kit_recover ();
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  ck_assert (swap_kit_exists ("/local/new.raw"));
}
END_TEST

/* It was started again */

typedef struct
{
  gboolean known;
  gint64   later; /* so many runs */
  gboolean doubtful;
} RunRow;

static const RunRow run_rows[] = {
  { TRUE, 1, TRUE },
  { TRUE, 0, FALSE }, /* it did not end at all */
  { FALSE, 0, TRUE }, /* nothing proves that it did not */
};

static void
check_as_before (const GError *error)
{
  ck_assert_ptr_nonnull (error);
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  ck_assert (!swap_kit_exists ("/local/new.raw"));
}

static gboolean
restart_in_pivot (MigBlockJobDriver   *driver,
                  MigHost             *host,
                  const char          *domain,
                  const char          *target,
                  MigBlockAbortFlags   flags,
                  GCancellable        *cancellable,
                  GError             **error)
{
  if ((flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) == 0)
    return kit.jobs.abort (driver, host, domain, target, flags, cancellable, error);

  end_guest ();
  g_atomic_int_set (&started_again, TRUE);
  g_set_error_literal (error, MIG_ERROR, pivot_code, "the daemon says nothing useful");

  return FALSE;
}

START_TEST (and_started_in_a_pivot_without_an_answer)
{
  const RunRow *row = &run_rows[_i];
  g_autoptr (GError) error = NULL;

  pivot_code = MIG_ERROR_CONNECTION;
  run = row->known ? get_run (row->later) : -1;
  swap_kit_jobs ()->abort = restart_in_pivot;
  swap_kit_compute ()->get_domain = get_domain_that_runs;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  if (!row->doubtful)
    {
      check_as_before (error);
      return;
    }
  check_unknown (error);
  ck_assert_ptr_nonnull (strstr (error->message, "started again"));
}
END_TEST

/* The call that was refused has switched nothing. */
START_TEST (and_started_before_a_pivot)
{
  g_autoptr (GError) error = NULL;

  pivot_code = MIG_ERROR_INVALID_STATE;
  run = get_run (1);
  swap_kit_jobs ()->abort = restart_in_pivot;
  swap_kit_compute ()->get_domain = get_domain_that_runs;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  check_as_before (error);
}
END_TEST

START_TEST (and_started_before_it_is_recovered)
{
  const RunRow *row = &run_rows[_i];
  g_autoptr (GError) error = NULL;

  run = row->known ? get_run (row->later) : -1;
  lose_both ();
  swap_kit_compute ()->get_domain = get_domain_that_runs;
  g_atomic_int_set (&started_again, TRUE);
  kit.operation = swap_kit_recover ();
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  if (!row->doubtful)
    {
      check_as_before (error);
      return;
    }
  check_unknown (error);
  g_clear_error (&error);
  g_clear_object (&kit.operation);

  /* Whoever recovers it again has been told. */
  kit.operation = swap_kit_recover ();
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  ck_assert (swap_kit_exists ("/local/new.raw"));
}
END_TEST

/* It had ended and started before the copy began. */
static MigDomainInfo *
get_domain_of_two_runs (MigComputeDriver  *driver,
                        MigHost           *host,
                        const char        *domain,
                        GCancellable      *cancellable,
                        GError           **error)
{
  static int second; /* atomic */
  g_autoptr (MigDomainInfo) found = kit.compute.get_domain (driver, host, domain, cancellable, error);

  if (found == NULL)
    return NULL;

  if (mig_disk_get_mirror (mig_domain_info_find_disk (found, "vda")) != NULL)
    g_atomic_int_set (&second, TRUE);

  return g_object_new (MIG_TYPE_DOMAIN_INFO, "uuid", mig_domain_info_get_uuid (found), "name", "g", "state",
                       MIG_DOMAIN_STATE_RUNNING, "id", (gint64) (g_atomic_int_get (&second) ? 2 : 1), "persistent",
                       TRUE, "disks", mig_domain_info_get_disks (found), "persistent-disks",
                       mig_domain_info_get_persistent_disks (found), NULL);
}

static gboolean
end_mirror_in_pivot (MigBlockJobDriver   *driver,
                     MigHost             *host,
                     const char          *domain,
                     const char          *target,
                     MigBlockAbortFlags   flags,
                     GCancellable        *cancellable,
                     GError             **error)
{
  kit.jobs.abort (driver, host, domain, target, MIG_BLOCK_ABORT_FLAGS_NONE, cancellable, NULL);
  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CONNECTION, "the daemon says nothing useful");

  return FALSE;
}

START_TEST (and_started_before_the_copy)
{
  g_autoptr (GError) error = NULL;

  swap_kit_compute ()->get_domain = get_domain_of_two_runs;
  swap_kit_jobs ()->abort = end_mirror_in_pivot;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  check_as_before (error);
}
END_TEST

/* Whether it was moved or started there nobody can tell. */
static gboolean
move_in_pivot (MigBlockJobDriver   *driver,
               MigHost             *host,
               const char          *domain,
               const char          *target,
               MigBlockAbortFlags   flags,
               GCancellable        *cancellable,
               GError             **error)
{
  g_autoptr (MigMigrateRequest) request = NULL;
  g_autoptr (GError) local = NULL;

  if ((flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) == 0)
    return kit.jobs.abort (driver, host, domain, target, flags, cancellable, error);

  end_mirror_in_pivot (driver, host, domain, target, flags, cancellable, error);
  request = g_object_new (MIG_TYPE_MIGRATE_REQUEST, "source", host, "destination", kit.other_host, "domain", domain,
                          "mode", MIG_MIGRATE_MODE_DIRECT, "token", "test", NULL);
  kit.compute.migrate (MIG_COMPUTE_DRIVER (driver), request, NULL, &local);
  mig_assert_no_error (local);

  return FALSE;
}

START_TEST (moved_without_an_answer)
{
  g_autoptr (GError) error = NULL;

  ck_assert (mig_sim_driver_add_volume (kit.driver, NULL, "/shared/s.raw", SWAP_LENGTH, &error));
  g_free (guest);
  guest = mig_sim_driver_add_domain (kit.driver, "a", "s", "{\"disks\": [\"vda=/shared/s.raw\"]}", &error);
  mig_assert_no_error (error);
  swap_kit_jobs ()->abort = move_in_pivot;
  kit.operation = swap_kit_new_of ("s", "vda", "/local/new.raw", "{}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  check_unknown (error);
}
END_TEST

static gboolean
is_copying (gpointer data G_GNUC_UNUSED)
{
  g_autoptr (MigDomainInfo) domain = kit.compute.get_domain (MIG_COMPUTE_DRIVER (kit.driver), kit.host, guest, NULL,
                                                             NULL);

  return mig_disk_get_mirror (mig_domain_info_find_disk (domain, "vda")) != NULL;
}

/* The process before has not come so far. */
START_TEST (before_a_pivot_of_a_recovered_copy)
{
  g_autoptr (GError) error = NULL;
  GError *end = NULL;

  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"bandwidth\": 1024}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, is_copying, NULL, 10);
  swap_kit_leave ();
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  g_clear_error (&end);
  kit.jobs.set_bandwidth (MIG_BLOCK_JOB_DRIVER (kit.driver), kit.host, guest, "vda", 0, NULL, &error);
  mig_assert_no_error (error);

  pivot_code = MIG_ERROR_INVALID_STATE;
  swap_kit_jobs ()->abort = end_in_pivot;
  kit.operation = swap_kit_recover ();
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  ck_assert (!swap_kit_exists ("/local/new.raw"));
}
END_TEST

/* Somebody else switched it */

#define PERSISTENT "{\"disks\": [\"vda=/local/t.raw\"]}"
#define TRANSIENT "{\"transient\": true, \"disks\": [\"vda=/local/t.raw\"]}"

typedef struct
{
  const char *life;
  gboolean    aborted;
  gboolean    started_again;
} OthersRow;

static const OthersRow others_rows[] = {
  { PERSISTENT, FALSE, FALSE }, { TRANSIENT, FALSE, FALSE }, { PERSISTENT, TRUE, FALSE },
  { TRANSIENT, TRUE, FALSE },   { PERSISTENT, FALSE, TRUE }, { PERSISTENT, TRUE, TRUE },
};

START_TEST (after_a_switch_by_others)
{
  const OthersRow *row = &others_rows[_i];
  g_autoptr (GError) error = NULL;
  GError *end = NULL;

  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/local/t.raw", SWAP_LENGTH, &error));
  g_free (guest);
  guest = mig_sim_driver_add_domain (kit.driver, "a", "t", row->life, &error);
  mig_assert_no_error (error);
  run = get_run (100);
  swap_kit_compute ()->get_domain = get_domain_that_runs;
  kit.operation = swap_kit_new_of ("t", "vda", "/local/new.raw", "{\"bandwidth\": 1024}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, is_copying, NULL, 10);
  g_atomic_int_set (&kit.away, TRUE); /* what it tells and that it ended are seen together */
  g_signal_emit_by_name (kit.driver, "event", kit.host, guest, MIG_DRIVER_EVENT_BLOCK_JOB_COMPLETED, "vda");
  end_guest ();
  g_atomic_int_set (&started_again, row->started_again);
  g_atomic_int_set (&kit.away, FALSE);
  if (row->aborted)
    mig_operation_abort (kit.operation, NULL); /* or it has ended */
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_ERROR);
  ck_assert (swap_kit_exists ("/local/new.raw"));
  g_clear_error (&end);
}
END_TEST

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
  g_signal_emit_by_name (kit.driver, "event", kit.host, guest, MIG_DRIVER_EVENT_SUSPENDED, NULL);

  return g_atomic_int_get (&n_looks) >= 3;
}

/* The mirror is there still: it was another job that completed. */
START_TEST (after_the_end_of_another_job)
{
  GError *end = NULL;

  swap_kit_jobs ()->get_info = get_info;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"bandwidth\": 1024}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, is_copying, NULL, 10);
  g_signal_emit_by_name (kit.driver, "event", kit.host, guest, MIG_DRIVER_EVENT_BLOCK_JOB_COMPLETED, "vda");
  g_atomic_int_set (&n_looks, 0);
  mig_test_wait (NULL, has_looked, NULL, 10);
  end_guest ();
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  ck_assert (!swap_kit_exists ("/local/new.raw"));
  g_clear_error (&end);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("swap-stopped");
  TCase *tcase = mig_test_add_case (suite, "stopped");

  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, in_a_pivot_without_an_answer, 0, G_N_ELEMENTS (pivot_codes));
  tcase_add_test (tcase, before_a_pivot);
  tcase_add_test (tcase, after_a_pivot_that_was_refused);
  tcase_add_test (tcase, before_it_is_recovered);
  tcase_add_loop_test (tcase, and_started_in_a_pivot_without_an_answer, 0, G_N_ELEMENTS (run_rows));
  tcase_add_test (tcase, and_started_before_a_pivot);
  tcase_add_loop_test (tcase, and_started_before_it_is_recovered, 0, G_N_ELEMENTS (run_rows));
  tcase_add_test (tcase, and_started_before_the_copy);
  tcase_add_test (tcase, moved_without_an_answer);
  tcase_add_test (tcase, before_a_pivot_of_a_recovered_copy);
  tcase_add_loop_test (tcase, after_a_switch_by_others, 0, G_N_ELEMENTS (others_rows));
  tcase_add_test (tcase, after_the_end_of_another_job);

  return suite;
}

MIG_TEST_MAIN (create_suite)
