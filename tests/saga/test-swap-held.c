/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Swaps of a guest that another job of the hypervisor's holds: a dump, for example. */

#include "config.h"

#include "swap-kit.h"

static int n_refusals, n_decisions, n_wanted;

static void
on_decision (MigOperation *operation G_GNUC_UNUSED,
             const char   *text,
             GVariant     *inputs G_GNUC_UNUSED,
             gpointer      unused G_GNUC_UNUSED)
{
  if (strstr (text, "it is held") != NULL)
    g_atomic_int_inc (&n_decisions);
}

/* A pivot is refused so often. */
static gboolean
refuse (MigBlockJobDriver   *driver,
        MigHost             *host,
        const char          *domain,
        const char          *target,
        MigBlockAbortFlags   flags,
        GCancellable        *cancellable,
        GError             **error)
{
  if ((flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) == 0 || g_atomic_int_get (&n_refusals) >= n_wanted)
    return kit.jobs.abort (driver, host, domain, target, flags, cancellable, error);

  g_atomic_int_inc (&n_refusals);
  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_BUSY, "it is held");

  return FALSE;
}

static gboolean
run (GError **error)
{
  g_object_set (kit.cluster, "settle-time", 0.5, NULL);
  swap_kit_jobs ()->abort = refuse;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  g_signal_connect (kit.operation, "decision", G_CALLBACK (on_decision), NULL);

  return mig_operation_run (kit.operation, NULL, error);
}

START_TEST (it_is_waited_for)
{
  g_autoptr (GError) error = NULL;

  n_wanted = 6;
  ck_assert (run (&error));
  mig_assert_no_error (error);
  ck_assert_int_eq (n_refusals, n_wanted);
  ck_assert_int_eq (n_decisions, 1);
  swap_kit_check_source ("vda", "/local/new.raw");
}
END_TEST

START_TEST (it_is_given_up)
{
  g_autoptr (GError) error = NULL;

  n_wanted = G_MAXINT;
  ck_assert (!run (&error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_ptr_nonnull (strstr (error->message, "it is held"));
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  swap_kit_check_source ("vda", "/local/old.raw");
  ck_assert (!swap_kit_exists ("/local/new.raw"));
}
END_TEST

/* That the copy is ready */

static gint64 held_until;

/* It is lost on the hypervisor's daemon until that is asked to switch the guest. */
static MigDomainInfo *
get_domain_not_ready (MigComputeDriver  *driver,
                      MigHost           *host,
                      const char        *domain,
                      GCancellable      *cancellable,
                      GError           **error)
{
  g_autoptr (MigDomainInfo) found = kit.compute.get_domain (driver, host, domain, cancellable, error);
  g_autoptr (GPtrArray) disks = g_ptr_array_new_with_free_func (g_object_unref);
  gboolean held = g_get_monotonic_time () < held_until;

  if (found == NULL || g_atomic_int_get (&n_refusals) > 0)
    return g_steal_pointer (&found);

  for (guint i = 0; i < mig_domain_info_get_disks (found)->len; i++)
    {
      MigDisk *disk = g_ptr_array_index (mig_domain_info_get_disks (found), i);

      g_ptr_array_add (disks, g_object_new (MIG_TYPE_DISK, "target", mig_disk_get_target (disk), "source",
                                            mig_disk_get_source (disk), "mirror", mig_disk_get_mirror (disk), NULL));
    }

  /* There is a mirror before there is another job: a swap would not begin. */
  return g_object_new (MIG_TYPE_DOMAIN_INFO, "uuid", mig_domain_info_get_uuid (found), "name", "g", "state",
                       mig_domain_info_get_state (found), "persistent", TRUE, "disks", disks, "persistent-disks",
                       mig_domain_info_get_persistent_disks (found), "job",
                       held && mig_disk_get_mirror (g_ptr_array_index (disks, 0)) != NULL ? MIG_JOB_KIND_OTHER :
                                                                                          MIG_JOB_KIND_NONE, NULL);
}

/* While the guest is held nobody is asked: that it is ready is then heard of, perhaps, when it is let go. */
START_TEST (ready_is_lost)
{
  g_autoptr (GError) error = NULL;
  gint64 begun = g_get_monotonic_time ();

  n_wanted = 1;
  held_until = begun + _i * 2 * G_USEC_PER_SEC;
  swap_kit_compute ()->get_domain = get_domain_not_ready;
  ck_assert (run (&error));
  mig_assert_no_error (error);
  ck_assert_int_eq (n_refusals, 1);
  ck_assert_int_ge (g_get_monotonic_time (), held_until);
  swap_kit_check_source ("vda", "/local/new.raw");
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("swap-held");
  TCase *tcase = mig_test_add_case (suite, "held");

  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, swap_kit_set_up, swap_kit_tear_down);
  tcase_add_test (tcase, it_is_waited_for);
  tcase_add_test (tcase, it_is_given_up);
  tcase_add_loop_test (tcase, ready_is_lost, 0, 2);

  return suite;
}

MIG_TEST_MAIN (create_suite)
