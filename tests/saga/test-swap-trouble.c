/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What goes wrong while a swap is switched, undone or recovered. */

#include "config.h"

#include "swap-kit.h"

/* Somebody else's mirror */

static gboolean
pivot_and_vanish (MigBlockJobDriver   *self,
                  MigHost             *where,
                  const char          *domain,
                  const char          *target,
                  MigBlockAbortFlags   flags,
                  GCancellable        *cancellable,
                  GError             **error)
{
  if ((flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) == 0)
    return kit.jobs.abort (self, where, domain, target, flags, cancellable, error);

  kit.jobs.abort (self, where, domain, target, flags, cancellable, NULL);
  g_atomic_int_set (&kit.away, TRUE);

  return !swap_kit_is_away (error);
}

static gboolean
vanish (MigBlockJobDriver   *self,
        MigHost             *where,
        const char          *domain,
        const char          *target,
        MigBlockAbortFlags   flags,
        GCancellable        *cancellable,
        GError             **error)
{
  if ((flags & MIG_BLOCK_ABORT_FLAGS_PIVOT) == 0)
    return kit.jobs.abort (self, where, domain, target, flags, cancellable, error);

  g_atomic_int_set (&kit.away, TRUE);

  return !swap_kit_is_away (error);
}

static void
copy_to (const char *path)
{
  g_autoptr (MigDiskSource) destination = mig_disk_source_parse (path, "raw", NULL);
  g_autoptr (MigBlockCopyRequest) request = NULL;
  g_autoptr (GError) error = NULL;

  request = g_object_new (MIG_TYPE_BLOCK_COPY_REQUEST, "host", kit.host, "domain", kit.uuid, "target", "vda", "verb",
                          MIG_BLOCK_JOB_VERB_COPY, "destination", destination, "flags",
                          MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB, NULL);
  ck_assert (kit.jobs.start (MIG_BLOCK_JOB_DRIVER (kit.driver), request, NULL, &error));
}

static gboolean
is_ready (gpointer data G_GNUC_UNUSED)
{
  g_autoptr (MigDomainInfo) domain = swap_kit_look ();

  return mig_disk_is_mirror_ready (mig_domain_info_find_disk (domain, "vda"));
}

START_TEST (foreign_mirror_is_let_alone)
{
  GError *end = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) domain = NULL;

  swap_kit_jobs ()->abort = vanish;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &kit.away, 10);
  swap_kit_leave ();
  swap_kit_jobs ()->abort = kit.jobs.abort;

  ck_assert (kit.jobs.abort (MIG_BLOCK_JOB_DRIVER (kit.driver), kit.host, kit.uuid, "vda", 0, NULL, &error));
  copy_to ("/local/theirs.raw");
  mig_test_wait (NULL, is_ready, NULL, 10);

  kit.operation = swap_kit_recover ();
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
  swap_kit_check_source ("vda", "/local/old.raw");
  domain = swap_kit_look ();
  ck_assert_str_eq (mig_disk_source_get_path (mig_disk_get_mirror (mig_domain_info_find_disk (domain, "vda"))),
                    "/local/theirs.raw");
  ck_assert (!swap_kit_exists ("/local/new.raw"));
  g_clear_error (&end);
}
END_TEST

/* The switch was made, and its process died. */
START_TEST (nothing_is_compared_after_the_switch)
{
  GError *end = NULL;
  g_autoptr (GError) error = NULL;

  swap_kit_jobs ()->abort = pivot_and_vanish;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"verify\": true}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &kit.away, 10);
  swap_kit_leave ();
  ck_assert_int_eq (kit.n_pauses, 1);

  kit.operation = swap_kit_recover ();
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  mig_assert_no_error (error);
  swap_kit_check_source ("vda", "/local/new.raw");
  ck_assert_int_eq (kit.n_pauses, 1);
  g_clear_error (&end);
}
END_TEST

/* Undoing */

static gboolean
is_copying (gpointer data G_GNUC_UNUSED)
{
  g_autoptr (MigDomainInfo) domain = swap_kit_look ();

  return mig_disk_get_mirror (mig_domain_info_find_disk (domain, "vda")) != NULL;
}

static gpointer
come_back (gpointer data G_GNUC_UNUSED)
{
  g_atomic_int_set (&kit.away, FALSE);

  return NULL;
}

START_TEST (roll_back_waits_for_the_daemon)
{
  GError *end = NULL;
  g_autoptr (GError) error = NULL;

  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"bandwidth\": 1024}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, is_copying, NULL, 10);
  g_atomic_int_set (&kit.away, TRUE);
  swap_kit_do_later (3, come_back);
  ck_assert (mig_operation_abort (kit.operation, &error));
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  swap_kit_join ();
  mig_assert_error (end, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  ck_assert (!is_copying (NULL));
  ck_assert (!swap_kit_exists ("/local/new.raw"));
  g_clear_error (&end);
}
END_TEST

static GPtrArray *
list_in_vain (MigComputeDriver  *driver,
              MigHost           *host,
              GCancellable      *cancellable,
              GError           **error)
{
  if (g_str_equal (mig_host_get_name (host), "a"))
    return kit.compute.get_domains (driver, host, cancellable, error);

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_TIMED_OUT, "the host takes its time");

  return NULL;
}

/* What was made here is no matter of a host that hangs. */
START_TEST (roll_back_does_not_need_the_others)
{
  GError *end = NULL;
  g_autoptr (GError) error = NULL;

  swap_kit_compute ()->get_domains = list_in_vain;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"bandwidth\": 1024}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, is_copying, NULL, 10);
  ck_assert (mig_operation_abort (kit.operation, &error));
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  mig_assert_error (end, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  ck_assert (!swap_kit_exists ("/local/new.raw"));
  g_clear_error (&end);
}
END_TEST

static MigVolume *
create_nothing (MigVolumeBackend  *self G_GNUC_UNUSED,
                MigHost           *where G_GNUC_UNUSED,
                MigDiskSource     *source G_GNUC_UNUSED,
                gint64             capacity G_GNUC_UNUSED,
                const char        *token G_GNUC_UNUSED,
                GCancellable      *cancellable G_GNUC_UNUSED,
                GError           **error)
{
  g_atomic_int_set (&kit.away, TRUE);
  swap_kit_is_away (error);

  return NULL;
}

/* The process died before it created its volume, and somebody else made one there. */
START_TEST (g2_what_others_made_is_kept)
{
  GError *end = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *theirs = NULL;

  swap_kit_volumes ()->create = create_nothing;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &kit.away, 10);
  swap_kit_leave ();
  swap_kit_volumes ()->create = kit.volumes.create;

  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/local/new.raw", SWAP_LENGTH, &error));
  theirs = mig_sim_driver_add_domain (kit.driver, "a", "o",
                                      "{\"transient\": true, \"disks\": [\"vda=/local/new.raw\"]}", &error);
  mig_assert_no_error (error);
  ck_assert (kit.compute.destroy (MIG_COMPUTE_DRIVER (kit.driver), kit.host, theirs, NULL, &error));

  kit.operation = swap_kit_recover ();
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  swap_kit_check_source ("vda", "/local/old.raw");
  ck_assert (swap_kit_exists ("/local/new.raw"));
  g_clear_error (&end);
}
END_TEST

/* Its answer is lost with the process, and a back end that keeps no tokens cannot tell whose it is. */
static MigVolume *
create_and_vanish (MigVolumeBackend  *backend,
                   MigHost           *host,
                   MigDiskSource     *source,
                   gint64             capacity,
                   const char        *token,
                   GCancellable      *cancellable,
                   GError           **error)
{
  g_autoptr (MigVolume) volume = kit.volumes.create (backend, host, source, capacity, token, cancellable, NULL);

  ck_assert_ptr_nonnull (volume);
  g_atomic_int_set (&kit.away, TRUE);
  swap_kit_is_away (error);

  return NULL;
}

static MigVolume *
create_again (MigVolumeBackend  *backend G_GNUC_UNUSED,
              MigHost           *host G_GNUC_UNUSED,
              MigDiskSource     *source G_GNUC_UNUSED,
              gint64             capacity G_GNUC_UNUSED,
              const char        *token G_GNUC_UNUSED,
              GCancellable      *cancellable G_GNUC_UNUSED,
              GError           **error)
{
  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CONFLICT, "it exists");

  return NULL;
}

START_TEST (an_empty_volume_is_taken_for_its_own)
{
  GError *end = NULL;
  g_autoptr (GError) error = NULL;

  swap_kit_volumes ()->create = create_and_vanish;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"format\": \"raw\"}");
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, swap_kit_is_set, &kit.away, 10);
  swap_kit_leave ();
  swap_kit_volumes ()->create = create_again;

  ck_assert (swap_kit_exists ("/local/new.raw"));
  kit.operation = swap_kit_recover ();
  /* Forward if the first process left the step pending, back if it had begun to undo it. */
  if (mig_operation_run (kit.operation, NULL, &error))
    {
      swap_kit_check_source ("vda", "/local/new.raw");
    }
  else
    {
      swap_kit_check_source ("vda", "/local/old.raw");
      ck_assert (!swap_kit_exists ("/local/new.raw"));
    }
  g_clear_error (&end);
}
END_TEST

/* Two swaps of one disk */

static int reached, released;

static MigVolume *
lookup_and_wait (MigVolumeBackend  *backend,
                 MigHost           *host,
                 MigDiskSource     *source,
                 GCancellable      *cancellable,
                 GError           **error)
{
  gint64 until = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  if (g_strcmp0 (mig_disk_source_get_path (source), "/local/late.raw") == 0)
    {
      g_atomic_int_set (&reached, TRUE);
      while (!g_atomic_int_get (&released) && g_get_monotonic_time () < until)
        g_thread_yield ();
    }

  return kit.volumes.lookup (backend, host, source, cancellable, error);
}

/* Both find the disk without a job; the store lets one of them begin. */
START_TEST (two_swaps_of_one_disk)
{
  g_autoptr (MigOperation) second = NULL;
  g_autoptr (GError) error = NULL;
  GError *end = NULL;
  GError *second_end = NULL;

  swap_kit_volumes ()->lookup = lookup_and_wait;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"bandwidth\": 1024}");
  second = swap_kit_new ("vda", "/local/late.raw", "{}");
  mig_operation_run_async (second, NULL, swap_kit_on_run, &second_end);
  mig_test_wait (NULL, swap_kit_is_set, &reached, 10);
  mig_operation_run_async (kit.operation, NULL, swap_kit_on_run, &end);
  mig_test_wait (NULL, is_copying, NULL, 10);
  g_atomic_int_set (&released, TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &second_end, 20);
  mig_assert_error (second_end, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert (!swap_kit_exists ("/local/late.raw"));
  ck_assert (is_copying (NULL));

  ck_assert (mig_operation_abort (kit.operation, &error));
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 20);
  mig_assert_error (end, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  swap_kit_check_source ("vda", "/local/old.raw");
  g_clear_error (&end);
  g_clear_error (&second_end);
}
END_TEST

/* The first has ended before the second, which looked at the disk before, claims it. */
START_TEST (another_swap_in_between)
{
  g_autoptr (MigOperation) second = NULL;
  g_autoptr (GError) error = NULL;
  GError *second_end = NULL;

  swap_kit_volumes ()->lookup = lookup_and_wait;
  second = swap_kit_new ("vda", "/local/late.raw", "{}");
  mig_operation_run_async (second, NULL, swap_kit_on_run, &second_end);
  mig_test_wait (NULL, swap_kit_is_set, &reached, 10);
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  g_atomic_int_set (&released, TRUE);
  mig_test_wait (NULL, mig_test_pointer_is_set, &second_end, 20);
  mig_assert_error (second_end, MIG_ERROR, MIG_ERROR_CONFLICT);
  swap_kit_check_source ("vda", "/local/new.raw");
  ck_assert (!swap_kit_exists ("/local/late.raw"));
  g_clear_error (&second_end);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("swap-trouble");
  TCase *tcase = mig_test_add_case (suite, "trouble");

  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, swap_kit_set_up, swap_kit_tear_down);
  tcase_add_test (tcase, foreign_mirror_is_let_alone);
  tcase_add_test (tcase, nothing_is_compared_after_the_switch);
  tcase_add_test (tcase, roll_back_waits_for_the_daemon);
  tcase_add_test (tcase, roll_back_does_not_need_the_others);
  tcase_add_test (tcase, g2_what_others_made_is_kept);
  tcase_add_test (tcase, an_empty_volume_is_taken_for_its_own);
  tcase_add_test (tcase, two_swaps_of_one_disk);
  tcase_add_test (tcase, another_swap_in_between);

  return suite;
}

MIG_TEST_MAIN (create_suite)
