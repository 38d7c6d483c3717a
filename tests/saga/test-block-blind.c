/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs on block jobs while the guest cannot be looked at, and what was heard is not so. */

#include "config.h"

#include "swap-kit.h"

#define SETTLE_TIME 0.3
/* A job at this rate does not end while a test looks. */
#define SLOW 1024

static MigBlockDevice *device;
static int odd; /* atomic: looking fails, and not for want of an answer */

static MigDomainInfo *
get_domain (MigComputeDriver  *driver,
            MigHost           *host,
            const char        *domain,
            GCancellable      *cancellable,
            GError           **error)
{
  if (swap_kit_is_away (error))
    return NULL;
  if (g_atomic_int_get (&odd))
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_FAILED, "something odd");
      return NULL;
    }

  return kit.compute.get_domain (driver, host, domain, cancellable, error);
}

static void
set_up (void)
{
  swap_kit_set_up ();
  g_object_set (kit.cluster, "settle-time", SETTLE_TIME, NULL);
  swap_kit_compute ()->get_domain = get_domain;
  device = mig_block_device_new (kit.cluster, kit.host, "g", "vda");
}

static void
tear_down (void)
{
  g_clear_object (&device);
  swap_kit_tear_down ();
}

static void
copy (gint64 bandwidth)
{
  g_autoptr (MigDiskSource) destination = mig_disk_source_parse ("/local/new.raw", "raw", NULL);
  g_autoptr (GError) error = NULL;

  ck_assert (mig_block_device_copy (device, destination, MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB, bandwidth, NULL, &error));
  mig_assert_no_error (error);
}

static void
check_names (const GError *error)
{
  ck_assert_msg (strstr (error->message, "disk vda") != NULL && strstr (error->message, " on a ") != NULL, "%s",
                 error->message);
}

static double
seconds_since (gint64 begun)
{
  return (double) (g_get_monotonic_time () - begun) / G_USEC_PER_SEC;
}

/* The job is there all the same, and is waited for when it can be seen again. */
static void
see_again (int *fault)
{
  g_autoptr (GError) error = NULL;

  g_atomic_int_set (fault, FALSE);
  kit.jobs.set_bandwidth (MIG_BLOCK_JOB_DRIVER (kit.driver), kit.host, kit.uuid, "vda", 0, NULL, &error);
  mig_assert_no_error (error);
  while (!mig_block_device_wait_ready (device, 10, NULL, &error))
    {
      /* Nobody has looked yet. */
      ck_assert (!g_error_matches (error, MIG_ERROR, MIG_ERROR_TIMED_OUT));
      g_clear_error (&error);
      g_thread_yield ();
    }
}

START_TEST (silence_is_not_waited_for_without_end)
{
  gint64 begun = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;

  copy (SLOW);
  g_atomic_int_set (&kit.away, TRUE);
  ck_assert (!mig_block_device_wait_ready (device, -1, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONNECTION);
  check_names (error);
  ck_assert (seconds_since (begun) >= 8 * SETTLE_TIME);
  see_again (&kit.away);
}
END_TEST

START_TEST (another_error_may_pass)
{
  gint64 begun = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;

  copy (SLOW);
  g_atomic_int_set (&odd, TRUE);
  ck_assert (!mig_block_device_wait_ready (device, -1, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN);
  check_names (error);
  ck_assert (seconds_since (begun) >= SETTLE_TIME && seconds_since (begun) < 8 * SETTLE_TIME);
  see_again (&odd);
}
END_TEST

/* It comes from the job before. */
START_TEST (ready_is_seen_not_heard)
{
  g_autoptr (GError) error = NULL;

  copy (SLOW);
  g_signal_emit_by_name (kit.driver, "event", kit.host, kit.uuid, MIG_DRIVER_EVENT_BLOCK_JOB_READY, "vda");
  ck_assert (!mig_block_device_wait_ready (device, 0.3, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
}
END_TEST

/* The pivot */

static gboolean
vanish (MigBlockJobDriver   *driver,
        MigHost             *host,
        const char          *domain,
        const char          *target,
        MigBlockAbortFlags   flags,
        GCancellable        *cancellable,
        GError             **error)
{
  ck_assert (kit.jobs.abort (driver, host, domain, target, flags, cancellable, error));
  g_atomic_int_set (&kit.away, TRUE);

  return !swap_kit_is_away (error);
}

static gpointer
come_back (gpointer unused G_GNUC_UNUSED)
{
  g_atomic_int_set (&kit.away, FALSE);

  return NULL;
}

START_TEST (the_pivot_is_looked_at_when_the_host_is_back)
{
  g_autoptr (GError) error = NULL;

  copy (0);
  ck_assert (mig_block_device_wait_ready (device, 10, NULL, &error));
  swap_kit_jobs ()->abort = vanish;
  if (_i == 0)
    swap_kit_do_later (1, come_back);
  ck_assert (mig_block_device_pivot (device, NULL, &error) == (_i == 0));
  if (_i > 0)
    {
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN);
      check_names (error);
    }
  g_atomic_int_set (&kit.away, FALSE);
  swap_kit_check_source ("vda", "/local/new.raw");
}
END_TEST

START_TEST (a_start_without_an_answer)
{
  g_autoptr (MigDiskSource) destination = mig_disk_source_parse ("/local/new.raw", "raw", NULL);
  g_autoptr (GError) error = NULL;

  mig_sim_driver_set_fault (kit.driver, "block.start", 1, _i == 0 ? MIG_SIM_FAULT_ANSWER_LOST : MIG_SIM_FAULT_LATE);
  ck_assert (!mig_block_device_copy (device, destination, MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB, 0, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN);
  check_names (error);
}
END_TEST

/* What the hypervisor's daemon has overlooked */

/* libvirt's driver gives the first for a copy that is not ready. */
static const MigError refusals[] = { MIG_ERROR_INVALID_STATE, MIG_ERROR_BUSY };
static int n_refusals;
static int refusal;

static gboolean
refuse_once (MigBlockJobDriver   *driver,
             MigHost             *host,
             const char          *domain,
             const char          *target,
             MigBlockAbortFlags   flags,
             GCancellable        *cancellable,
             GError             **error)
{
  if (g_atomic_int_add (&n_refusals, 1) > 0)
    return kit.jobs.abort (driver, host, domain, target, flags, cancellable, error);

  g_set_error_literal (error, MIG_ERROR, refusal, "it is not ready yet");

  return FALSE;
}

static MigDomainInfo *
get_domain_not_ready (MigComputeDriver  *driver,
                      MigHost           *host,
                      const char        *domain,
                      GCancellable      *cancellable,
                      GError           **error)
{
  g_autoptr (MigDomainInfo) found = kit.compute.get_domain (driver, host, domain, cancellable, error);
  g_autoptr (GPtrArray) disks = g_ptr_array_new_with_free_func (g_object_unref);

  if (found == NULL || g_atomic_int_get (&n_refusals) > 0)
    return g_steal_pointer (&found);

  for (guint i = 0; i < mig_domain_info_get_disks (found)->len; i++)
    {
      MigDisk *disk = g_ptr_array_index (mig_domain_info_get_disks (found), i);

      g_ptr_array_add (disks, g_object_new (MIG_TYPE_DISK, "target", mig_disk_get_target (disk), "source",
                                            mig_disk_get_source (disk), "mirror", mig_disk_get_mirror (disk), NULL));
    }

  return g_object_new (MIG_TYPE_DOMAIN_INFO, "uuid", mig_domain_info_get_uuid (found), "name", "g", "state",
                       mig_domain_info_get_state (found), "persistent", TRUE, "disks", disks, "persistent-disks",
                       mig_domain_info_get_persistent_disks (found), NULL);
}

START_TEST (ready_is_lost)
{
  g_autoptr (GError) error = NULL;

  refusal = (int) refusals[_i];
  swap_kit_compute ()->get_domain = get_domain_not_ready;
  swap_kit_jobs ()->abort = refuse_once;
  copy (0);
  ck_assert (mig_block_device_wait_ready (device, 10, NULL, &error));
  mig_assert_no_error (error);
  ck_assert (mig_block_device_pivot (device, NULL, &error));
  mig_assert_no_error (error);
  ck_assert_int_eq (n_refusals, 2);
  swap_kit_check_source ("vda", "/local/new.raw");
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("block-blind");
  TCase *tcase = mig_test_add_case (suite, "blind");

  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, silence_is_not_waited_for_without_end);
  tcase_add_test (tcase, another_error_may_pass);
  tcase_add_test (tcase, ready_is_seen_not_heard);
  tcase_add_loop_test (tcase, the_pivot_is_looked_at_when_the_host_is_back, 0, 2);
  tcase_add_loop_test (tcase, a_start_without_an_answer, 0, 2);
  tcase_add_loop_test (tcase, ready_is_lost, 0, G_N_ELEMENTS (refusals));

  return suite;
}

MIG_TEST_MAIN (create_suite)
