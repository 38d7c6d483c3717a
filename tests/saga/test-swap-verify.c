/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The proof that a copy is equal, and the pause that it takes. */

#include "config.h"

#include "swap-kit.h"

/* The pause */

static gpointer
pause_late (gpointer data G_GNUC_UNUSED)
{
  ck_assert (kit.compute.pause (MIG_COMPUTE_DRIVER (kit.driver), kit.host, kit.uuid, NULL, NULL));
  g_atomic_int_inc (&kit.n_pauses);

  return NULL;
}

/* The call is abandoned when its caller does not wait for it; it takes effect all the same. */
static gboolean
pause_while_it_is_aborted (MigComputeDriver  *self,
                           MigHost           *where,
                           const char        *domain,
                           GCancellable      *cancellable,
                           GError           **error)
{
  ck_assert (mig_operation_abort (kit.operation, NULL));
  if (cancellable == NULL)
    return swap_kit_pause (self, where, domain, NULL, error);

  swap_kit_do_later (0.5, pause_late);
  g_cancellable_set_error_if_cancelled (cancellable, error);

  return FALSE;
}

static gboolean
pause_without_answer (MigComputeDriver  *self G_GNUC_UNUSED,
                      MigHost           *where G_GNUC_UNUSED,
                      const char        *domain G_GNUC_UNUSED,
                      GCancellable      *cancellable G_GNUC_UNUSED,
                      GError           **error)
{
  swap_kit_do_later (0.5, pause_late);
  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_TIMED_OUT, "no answer");

  return FALSE;
}

static void
check_it_runs_on (void)
{
  swap_kit_join ();
  ck_assert_int_eq (kit.n_pauses, 1);
  ck_assert (swap_kit_is_running (NULL));
  swap_kit_check_source ("vda", "/local/old.raw");
}

START_TEST (g1_abort_while_the_guest_is_paused)
{
  g_autoptr (GError) error = NULL;

  swap_kit_compute ()->pause = pause_while_it_is_aborted;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"verify\": true}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  check_it_runs_on ();
}
END_TEST

START_TEST (g1_pause_takes_effect_late)
{
  g_autoptr (GError) error = NULL;

  swap_kit_compute ()->pause = pause_without_answer;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"verify\": true}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
  check_it_runs_on ();
}
END_TEST

/* What cuts a comparison short */

static int comparing, cut_short;

/* As long as it may. */
static gint64
compare_for_ever (MigVolumeBackend  *backend G_GNUC_UNUSED,
                  MigHost           *host G_GNUC_UNUSED,
                  MigDiskSource     *one G_GNUC_UNUSED,
                  MigDiskSource     *other G_GNUC_UNUSED,
                  gint64             length,
                  GCancellable      *cancellable,
                  GError           **error)
{
  gint64 until = g_get_monotonic_time () + 15 * G_USEC_PER_SEC;

  if (length == 0)
    return 0;

  g_atomic_int_set (&comparing, TRUE);
  while (!g_cancellable_is_cancelled (cancellable) && g_get_monotonic_time () < until)
    g_thread_yield ();
  g_atomic_int_set (&cut_short, g_cancellable_set_error_if_cancelled (cancellable, error));

  return swap_kit_is_set (&cut_short) ? -1 : length;
}

static void
begin_to_compare (GError **end)
{
  swap_kit_volumes ()->compare = compare_for_ever;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"verify\": true, \"max-pause\": 600}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, end);
  mig_test_wait (NULL, swap_kit_is_set, &comparing, 10);
  ck_assert (!swap_kit_is_running (NULL));
}

START_TEST (g1_abort_ends_the_comparison)
{
  g_autoptr (GError) error = NULL;
  GError *end = NULL;

  begin_to_compare (&end);
  ck_assert (mig_operation_abort (kit.operation, &error));
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  mig_assert_error (end, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  ck_assert (swap_kit_is_set (&cut_short));
  ck_assert (swap_kit_is_running (NULL));
  swap_kit_check_source ("vda", "/local/old.raw");
  g_clear_error (&end);
}
END_TEST

START_TEST (g1_process_that_leaves_ends_the_comparison)
{
  g_autoptr (GError) error = NULL;
  GError *end = NULL;

  begin_to_compare (&end);
  swap_kit_leave ();
  ck_assert (swap_kit_is_set (&cut_short));
  ck_assert (swap_kit_is_running (NULL));

  swap_kit_volumes ()->compare = swap_kit_compare;
  kit.operation = swap_kit_recover ();
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  mig_assert_no_error (error);
  ck_assert_int_eq (kit.n_compares, 1);
  swap_kit_check_source ("vda", "/local/new.raw");
  g_clear_error (&end);
}
END_TEST

/* The guest stands still meanwhile, perhaps. */
static gboolean
pause_for_long (MigComputeDriver  *driver,
                MigHost           *host,
                const char        *domain,
                GCancellable      *cancellable,
                GError           **error)
{
  gint64 until = g_get_monotonic_time () + G_USEC_PER_SEC;

  while (g_get_monotonic_time () < until)
    g_thread_yield ();

  return swap_kit_pause (driver, host, domain, cancellable, error);
}

START_TEST (pausing_takes_of_the_time)
{
  g_autoptr (GError) error = NULL;

  swap_kit_compute ()->pause = pause_for_long;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"verify\": true, \"max-pause\": 0.1}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
  ck_assert_int_eq (kit.n_compares, 0);
  check_it_runs_on ();
}
END_TEST

static guint64 (*commit) (MigStateStore *, MigTransaction *, GCancellable *, GError **);

static guint64
commit_for_long (MigStateStore   *store,
                 MigTransaction  *transaction,
                 GCancellable    *cancellable,
                 GError         **error)
{
  gint64 until = g_get_monotonic_time () + 3 * G_USEC_PER_SEC;

  while (mig_operation_get_phase (kit.operation) == MIG_PHASE_SWITCHOVER && kit.n_pauses == 0 &&
         g_get_monotonic_time () < until)
    g_thread_yield ();

  return commit (store, transaction, cancellable, error);
}

/* The guest runs meanwhile. */
START_TEST (the_journal_takes_nothing_of_the_time)
{
  MigStateStoreInterface *slots = MIG_STATE_STORE_GET_IFACE (kit.store);
  g_autoptr (GError) error = NULL;

  commit = slots->commit;
  slots->commit = commit_for_long;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"verify\": true, \"max-pause\": 2}");
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  slots->commit = commit;
  mig_assert_no_error (error);
  ck_assert_int_eq (kit.n_compares, 1);
}
END_TEST

/* Comparing */

static gint64
compare_while_others_resume (MigVolumeBackend  *backend,
                             MigHost           *host,
                             MigDiskSource     *one,
                             MigDiskSource     *other,
                             gint64             length,
                             GCancellable      *cancellable,
                             GError           **error)
{
  if (length > 0 && kit.n_compares == 0)
    {
      ck_assert (kit.compute.resume (MIG_COMPUTE_DRIVER (kit.driver), host, kit.uuid, NULL, NULL));
      kit.n_compares++;
      return 17;
    }

  return swap_kit_compare (backend, host, one, other, length, cancellable, error);
}

START_TEST (comparison_of_a_guest_that_runs_is_void)
{
  g_autoptr (GError) error = NULL;

  swap_kit_volumes ()->compare = compare_while_others_resume;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"verify\": true}");
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  ck_assert_int_eq (kit.n_compares, 2);
  swap_kit_check_source ("vda", "/local/new.raw");
  ck_assert (swap_kit_is_running (NULL));
}
END_TEST

static int n_comparing, n_waited;

static gboolean
has_second_pause (gpointer data G_GNUC_UNUSED)
{
  return g_atomic_int_get (&n_comparing) > 1;
}

/* Gives another swap of the guest time to come in between. */
static gint64
compare_slowly (MigVolumeBackend  *self G_GNUC_UNUSED,
                MigHost           *where G_GNUC_UNUSED,
                MigDiskSource     *one G_GNUC_UNUSED,
                MigDiskSource     *other G_GNUC_UNUSED,
                gint64             length,
                GCancellable      *cancellable G_GNUC_UNUSED,
                GError           **error G_GNUC_UNUSED)
{
  gint64 until = g_get_monotonic_time () + G_USEC_PER_SEC / 2;

  if (length == 0)
    return 0;

  g_atomic_int_inc (&n_comparing);
  while (!has_second_pause (NULL) && g_get_monotonic_time () < until)
    g_thread_yield ();
  if (g_atomic_int_get (&n_comparing) > 1 || swap_kit_is_running (NULL))
    g_atomic_int_inc (&n_waited);
  g_atomic_int_add (&n_comparing, -1);
  g_atomic_int_inc (&kit.n_compares);

  return length;
}

START_TEST (disks_of_one_guest_are_compared_in_turn)
{
  g_autoptr (MigOperation) second = NULL;
  GError *end = NULL;
  GError *second_end = NULL;

  swap_kit_volumes ()->compare = compare_slowly;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"verify\": true}");
  second = swap_kit_new ("vdb", "/local/other.raw", "{\"verify\": true}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_operation_run_async (second, NULL, swap_kit_on_run, &second_end);
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  mig_test_wait (NULL, mig_test_pointer_is_set, &second_end, 20);
  swap_kit_assert_success (end);
  swap_kit_assert_success (second_end);
  ck_assert_int_eq (kit.n_compares, 2);
  ck_assert_int_eq (n_waited, 0);
  ck_assert (swap_kit_is_running (NULL));
  g_clear_error (&end);
  g_clear_error (&second_end);
}
END_TEST

static int n_refused;
static gint64 held_until;

static gboolean
is_dirty (void)
{
  int n = g_atomic_int_get (&n_refused);

  return n > 0 && n < 5;
}

static gboolean
refuse_while_dirty (MigBlockJobDriver   *driver,
                    MigHost             *host,
                    const char          *domain,
                    const char          *target,
                    MigBlockAbortFlags   flags,
                    GCancellable        *cancellable,
                    GError             **error)
{
  if ((flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) == 0 || !g_str_equal (target, "vda") ||
      g_atomic_int_add (&n_refused, 1) >= 4)
    return kit.jobs.abort (driver, host, domain, target, flags, cancellable, error);

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_BUSY, "it is not ready for pivot yet");

  return FALSE;
}

static MigDomainInfo *
get_domain_while_dirty (MigComputeDriver  *driver,
                        MigHost           *host,
                        const char        *domain,
                        GCancellable      *cancellable,
                        GError           **error)
{
  g_autoptr (MigDomainInfo) found = kit.compute.get_domain (driver, host, domain, cancellable, error);
  g_autoptr (GPtrArray) disks = g_ptr_array_new_with_free_func (g_object_unref);

  if (found == NULL || !is_dirty ())
    return g_steal_pointer (&found);

  for (guint i = 0; i < mig_domain_info_get_disks (found)->len; i++)
    {
      MigDisk *disk = g_ptr_array_index (mig_domain_info_get_disks (found), i);

      g_ptr_array_add (disks, g_object_new (MIG_TYPE_DISK, "target", mig_disk_get_target (disk), "source",
                                            mig_disk_get_source (disk), "mirror", mig_disk_get_mirror (disk),
                                            "mirror-ready", mig_disk_is_mirror_ready (disk) &&
                                            g_strcmp0 (mig_disk_get_target (disk), "vda") != 0, NULL));
    }

  return g_object_new (MIG_TYPE_DOMAIN_INFO, "uuid", mig_domain_info_get_uuid (found), "name", "g", "state",
                       mig_domain_info_get_state (found), "persistent", TRUE, "disks", disks, "persistent-disks",
                       mig_domain_info_get_persistent_disks (found), NULL);
}

/* While it has the turn, the other disk of the guest cannot be switched. */
static gint64
compare_until_later (MigVolumeBackend  *backend,
                     MigHost           *host,
                     MigDiskSource     *one,
                     MigDiskSource     *other,
                     gint64             length,
                     GCancellable      *cancellable,
                     GError           **error)
{
  if (length > 0)
    g_atomic_int_set (&comparing, TRUE);
  while (length > 0 && g_get_monotonic_time () < held_until)
    g_thread_yield ();

  return swap_kit_compare (backend, host, one, other, length, cancellable, error);
}

static gboolean
has_ended (gpointer location)
{
  g_signal_emit_by_name (kit.driver, "event", kit.host, kit.uuid, MIG_DRIVER_EVENT_SUSPENDED, NULL);

  return mig_test_pointer_is_set (location);
}

/* A mirror that is not ready any more is waited for, for twice the settle time; the other swap's time is not in it. */
START_TEST (waiting_for_the_turn_is_not_counted)
{
  g_autoptr (MigOperation) second = NULL;
  GError *end = NULL;
  GError *second_end = NULL;

  swap_kit_jobs ()->abort = refuse_while_dirty;
  swap_kit_compute ()->get_domain = get_domain_while_dirty;
  swap_kit_volumes ()->compare = compare_until_later;
  second = swap_kit_new ("vdb", "/local/other.raw", "{\"verify\": true}");
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &n_refused, 10);
  held_until = g_get_monotonic_time () + 3 * G_USEC_PER_SEC;
  mig_operation_run_async (second, NULL, swap_kit_on_run, &second_end);
  mig_test_wait (NULL, swap_kit_is_set, &comparing, 10);
  mig_test_wait (NULL, has_ended, &end, 20);
  mig_test_wait (NULL, mig_test_pointer_is_set, &second_end, 20);
  swap_kit_assert_success (end);
  swap_kit_assert_success (second_end);
  g_clear_error (&end);
  g_clear_error (&second_end);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("swap-verify");
  TCase *tcase = mig_test_add_case (suite, "verify");

  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, swap_kit_set_up, swap_kit_tear_down);
  tcase_add_test (tcase, g1_abort_while_the_guest_is_paused);
  tcase_add_test (tcase, g1_pause_takes_effect_late);
  tcase_add_test (tcase, g1_abort_ends_the_comparison);
  tcase_add_test (tcase, g1_process_that_leaves_ends_the_comparison);
  tcase_add_test (tcase, pausing_takes_of_the_time);
  tcase_add_test (tcase, the_journal_takes_nothing_of_the_time);
  tcase_add_test (tcase, comparison_of_a_guest_that_runs_is_void);
  tcase_add_test (tcase, waiting_for_the_turn_is_not_counted);
  tcase_add_test (tcase, disks_of_one_guest_are_compared_in_turn);

  return suite;
}

MIG_TEST_MAIN (create_suite)
