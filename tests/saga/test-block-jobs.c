/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block devices and swaps on simulated hosts: signals, refusals, outcomes. */

#include "config.h"

#include <libmig/mig-block-device.h>
#include <libmig/mig-memory-store.h>
#include <libmig/mig-sim-driver.h>

#include "mig-test.h"

#include "libmig/block/mig-block-monitor-private.h"

#define LENGTH (G_GINT64_CONSTANT (1) << 20)
/* A job at this rate does not end while a test looks. */
#define SLOW 1024

static MigSimDriver *driver;
static MigCluster *cluster;
static MigHost *host;
static MigBlockDevice *device;
static char *uuid;

/* What the device said. */
static GString *heard;
static MigBlockOutcome outcome;

static void
on_ready (MigBlockDevice *self G_GNUC_UNUSED,
          gpointer        data G_GNUC_UNUSED)
{
  g_string_append (heard, "ready ");
}

static void
on_finished (MigBlockDevice  *self G_GNUC_UNUSED,
             MigBlockOutcome  how,
             const GError    *error,
             gpointer         data G_GNUC_UNUSED)
{
  outcome = how;
  ck_assert ((error == NULL) == (how == MIG_BLOCK_OUTCOME_COMPLETED));
  g_string_append (heard, "finished ");
}

static gboolean
has_finished (gpointer data G_GNUC_UNUSED)
{
  return strstr (heard->str, "finished") != NULL;
}

static gboolean
is_ready (gpointer data G_GNUC_UNUSED)
{
  return g_str_has_suffix (heard->str, "ready ");
}

static int
count_heard (const char *word)
{
  g_auto (GStrv) parts = g_strsplit (heard->str, word, -1);

  return (int) g_strv_length (parts) - 1;
}

static gboolean
is_gone (gpointer weak)
{
  g_autoptr (GObject) object = g_weak_ref_get (weak);

  return object == NULL;
}

static void
set_up (void)
{
  g_autoptr (MigStateStore) store = mig_memory_store_new ();
  g_autoptr (GError) error = NULL;

  driver = mig_sim_driver_new (NULL, &error);
  mig_assert_no_error (error);
  cluster = mig_cluster_new (store, MIG_COMPUTE_DRIVER (driver));
  g_object_set (cluster, "volume-backend", driver, NULL);
  host = mig_host_new ("a", "sim://a");
  ck_assert (mig_sim_driver_add_host (driver, "a", &error) && mig_cluster_add_host (cluster, host, &error));
  ck_assert (mig_sim_driver_add_volume (driver, "a", "/local/old.raw", LENGTH, &error));
  uuid = mig_sim_driver_add_domain (driver, "a", "g", "{\"disks\": [\"vda=/local/old.raw\"]}", &error);
  mig_assert_no_error (error);
  device = mig_block_device_new (cluster, host, "g", "vda");
  heard = g_string_new (NULL);
  g_signal_connect (device, "job-ready", G_CALLBACK (on_ready), NULL);
  g_signal_connect (device, "job-finished", G_CALLBACK (on_finished), NULL);
}

static void
tear_down (void)
{
  mig_cluster_close (cluster, MIG_CLOSE_MODE_ABORT, NULL, NULL);
  g_clear_object (&device);
  g_clear_object (&host);
  g_clear_object (&cluster);
  g_clear_object (&driver);
  g_clear_pointer (&uuid, g_free);
  g_string_free (heard, TRUE);
}

static MigDiskSource *
file (const char *path)
{
  return mig_disk_source_new (MIG_DISK_SOURCE_KIND_FILE, path, "raw");
}

static void
copy (const char *path,
      gint64      bandwidth)
{
  g_autoptr (MigDiskSource) destination = file (path);
  g_autoptr (GError) error = NULL;

  ck_assert (mig_block_device_copy (device, destination, MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB, bandwidth, NULL, &error));
  mig_assert_no_error (error);
}

static void
check_source (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) domain = mig_compute_driver_get_domain (MIG_COMPUTE_DRIVER (driver), host, uuid, NULL,
                                                                    &error);
  MigDisk *live, *defined;

  mig_assert_no_error (error);
  live = mig_domain_info_find_disk (domain, "vda");
  defined = mig_block_find_disk (mig_domain_info_get_persistent_disks (domain), "vda");
  ck_assert_str_eq (mig_disk_source_get_path (mig_disk_get_source (live)), path);
  ck_assert_str_eq (mig_disk_source_get_path (mig_disk_get_source (defined)), path);
  ck_assert_ptr_null (mig_disk_get_mirror (live));
}

START_TEST (copy_and_pivot)
{
  g_autoptr (GError) error = NULL;
  gboolean complete = FALSE;

  copy ("/local/new.raw", 0);
  ck_assert (mig_block_device_wait_ready (device, 10, NULL, &error));
  mig_assert_no_error (error);
  ck_assert_str_eq (heard->str, "ready ");
  ck_assert (mig_block_device_is_job_complete (device, &complete, NULL, &error) && complete);
  ck_assert (mig_block_device_pivot (device, NULL, &error));
  mig_assert_no_error (error);
  mig_test_wait (NULL, has_finished, NULL, 10);
  ck_assert_int_eq (outcome, MIG_BLOCK_OUTCOME_COMPLETED);
  check_source ("/local/new.raw");
}
END_TEST

START_TEST (abort_before_ready)
{
  g_autoptr (GError) error = NULL;
  gboolean complete = TRUE;

  copy ("/local/new.raw", SLOW);
  ck_assert (mig_block_device_is_job_complete (device, &complete, NULL, &error) && !complete);
  ck_assert (!mig_block_device_pivot (device, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  g_clear_error (&error);
  ck_assert (!mig_block_device_wait_ready (device, 0.05, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
  g_clear_error (&error);

  ck_assert (mig_block_device_abort_job (device, MIG_BLOCK_ABORT_FLAGS_NONE, NULL, &error));
  mig_test_wait (NULL, has_finished, NULL, 10);
  ck_assert_int_eq (outcome, MIG_BLOCK_OUTCOME_ABORTED);
  check_source ("/local/old.raw");
  ck_assert (!mig_block_device_wait_ready (device, 1, NULL, NULL));
  ck_assert (!mig_block_device_abort_job (device, MIG_BLOCK_ABORT_FLAGS_NONE, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
}
END_TEST

/* A call without an answer may have had its effect, or have it later: that is no failure. */
START_TEST (no_answer)
{
  gboolean pivot = _i < 2, lost = _i % 2 == 0;
  g_autoptr (GError) error = NULL;
  gboolean done;

  copy ("/local/new.raw", pivot ? 0 : SLOW);
  if (pivot)
    mig_test_wait (NULL, is_ready, NULL, 10);
  mig_sim_driver_set_fault (driver, "block.abort", 1, lost ? MIG_SIM_FAULT_ANSWER_LOST : MIG_SIM_FAULT_LATE);
  done = pivot ? mig_block_device_pivot (device, NULL, &error) :
                 mig_block_device_abort_job (device, MIG_BLOCK_ABORT_FLAGS_NONE, NULL, &error);

  /* A pivot is looked at. */
  ck_assert (done == (pivot && lost));
  if (!done)
    mig_assert_error (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN);
}
END_TEST

START_TEST (aborted_by_somebody_else)
{
  g_autoptr (GError) error = NULL;

  copy ("/local/new.raw", SLOW);
  ck_assert (mig_block_job_driver_abort (MIG_BLOCK_JOB_DRIVER (driver), host, uuid, "vda", MIG_BLOCK_ABORT_FLAGS_NONE,
                                         NULL, &error));
  ck_assert (!mig_block_device_wait_ready (device, 10, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
  ck_assert_str_eq (heard->str, "finished ");
  ck_assert_int_eq (outcome, MIG_BLOCK_OUTCOME_ABORTED_ELSEWHERE);
}
END_TEST

static void
tell (MigDriverEvent  event,
      const char     *detail)
{
  g_signal_emit_by_name (driver, "event", host, uuid, event, detail);
}

/* What can be seen already is told late, and other news comes before it. */
START_TEST (late_word)
{
  g_autoptr (GError) error = NULL;

  copy ("/local/new.raw", SLOW);
  g_object_set (driver, "events", FALSE, NULL);
  ck_assert (mig_block_job_driver_abort (MIG_BLOCK_JOB_DRIVER (driver), host, uuid, "vda", MIG_BLOCK_ABORT_FLAGS_NONE,
                                         NULL, &error));
  for (int i = 0; i < 20; i++)
    {
      tell (MIG_DRIVER_EVENT_SUSPENDED, NULL);
      ck_assert (!mig_block_device_wait_ready (device, 0.005, NULL, &error));
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
      g_clear_error (&error);
    }
  tell (MIG_DRIVER_EVENT_BLOCK_JOB_CANCELLED, "vda");
  ck_assert (!mig_block_device_wait_ready (device, 10, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
  ck_assert_int_eq (outcome, MIG_BLOCK_OUTCOME_ABORTED_ELSEWHERE);
}
END_TEST

static MigBlockMonitor *monitor;
static int n_early;

static void
on_news (MigBlockNews *news,
         gpointer      data G_GNUC_UNUSED)
{
  if (news->kind == MIG_BLOCK_NEWS_READY && mig_block_monitor_is_ready (monitor))
    g_atomic_int_inc (&n_early);
  if (news->kind == MIG_BLOCK_NEWS_FINISHED && mig_block_monitor_is_finished (monitor, NULL, NULL))
    g_atomic_int_inc (&n_early);
  mig_block_news_free (news);
}

static gboolean
monitor_is_ready (gpointer data G_GNUC_UNUSED)
{
  return mig_block_monitor_is_ready (monitor);
}

static gboolean
monitor_is_finished (gpointer data G_GNUC_UNUSED)
{
  return mig_block_monitor_is_finished (monitor, NULL, NULL);
}

/* Who sees the state finds the word told. */
START_TEST (the_word_comes_before_the_state)
{
  g_autoptr (MigBlockRef) ref = NULL;
  g_autoptr (MigDiskSource) destination = file ("/local/new.raw");
  MigBlockJobFacts facts = { .kind = MIG_BLOCK_JOB_KIND_COPY, .destination = destination, .n_layers = -1, .name = "g",
                             .settle_time = 10, .wait_limit = 10 };
  g_autoptr (GError) error = NULL;

  ref = mig_block_ref_new (MIG_COMPUTE_DRIVER (driver), host, uuid, "vda", &error);
  mig_assert_no_error (error);
  monitor = mig_block_monitor_new (ref, on_news, NULL, NULL);
  copy ("/local/new.raw", 0);
  mig_block_monitor_start (monitor, &facts, NULL);
  mig_test_wait (NULL, monitor_is_ready, NULL, 10);
  ck_assert (mig_block_device_pivot (device, NULL, &error));
  mig_test_wait (NULL, monitor_is_finished, NULL, 10);
  ck_assert_int_eq (n_early, 0);
  g_clear_pointer (&monitor, mig_block_monitor_unref);
}
END_TEST

START_TEST (guest_ends)
{
  g_autoptr (GError) error = NULL;

  copy ("/local/new.raw", SLOW);
  ck_assert (mig_compute_driver_destroy (MIG_COMPUTE_DRIVER (driver), host, uuid, NULL, &error));
  ck_assert (!mig_block_device_wait_ready (device, 10, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
  ck_assert_int_eq (outcome, MIG_BLOCK_OUTCOME_GUEST_STOPPED);
}
END_TEST

/* The disk has another job before the end of the first has been told: it is told all the same, and first. */
START_TEST (copies_that_follow_each_other)
{
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 20; i++)
    {
      g_autofree char *path = g_strdup_printf ("/local/new%d.raw", i);

      copy (path, SLOW);
      ck_assert (mig_block_device_abort_job (device, MIG_BLOCK_ABORT_FLAGS_NONE, NULL, &error));
      mig_assert_no_error (error);
    }
  copy ("/local/new.raw", 0);
  mig_test_wait (NULL, is_ready, NULL, 10);
  ck_assert_int_eq (count_heard ("finished "), 20);
  ck_assert (g_str_has_suffix (heard->str, "finished ready "));
  ck_assert_int_eq (outcome, MIG_BLOCK_OUTCOME_ABORTED);
}
END_TEST

static gpointer
wait_for_end (gpointer data G_GNUC_UNUSED)
{
  GError *error = NULL;

  ck_assert (!mig_block_device_wait_ready (device, -1, NULL, &error));

  return error;
}

/* Several threads that come upon a job of somebody else's, one that waits for a job of ours which another one follows:
 * all are told. */
START_TEST (many_wait)
{
  g_autoptr (MigDiskSource) destination = file ("/local/new.raw");
  g_autoptr (MigBlockCopyRequest) request =
    g_object_new (MIG_TYPE_BLOCK_COPY_REQUEST, "host", host, "domain", uuid, "target", "vda", "verb",
                  MIG_BLOCK_JOB_VERB_COPY, "destination", destination, "flags", MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB,
                  "bandwidth", (gint64) SLOW, NULL);
  GThread *threads[8];
  GError *error = NULL;

  if (_i == 0)
    ck_assert (mig_block_job_driver_start (MIG_BLOCK_JOB_DRIVER (driver), request, NULL, &error));
  else
    copy ("/local/new.raw", SLOW);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("wait", wait_for_end, NULL);
  ck_assert (!mig_block_device_wait_ready (device, 0.1, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_TIMED_OUT);
  g_clear_error (&error);

  ck_assert (mig_block_device_abort_job (device, MIG_BLOCK_ABORT_FLAGS_NONE, NULL, &error));
  if (_i > 0)
    copy ("/local/newer.raw", SLOW);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      error = g_thread_join (threads[i]);
      mig_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&error);
    }
}
END_TEST

/* A program without a main loop. */
START_TEST (nothing_is_kept_by_news)
{
  g_autoptr (GMainContext) other = g_main_context_new ();
  g_autoptr (GError) error = NULL;
  GWeakRef weak;

  for (int i = 0; i < 5; i++)
    {
      g_autofree char *path = g_strdup_printf ("/local/new%d.raw", i);

      copy (path, 0);
      ck_assert (mig_block_device_wait_ready (device, 10, NULL, &error));
      ck_assert (mig_block_device_pivot (device, NULL, &error));
      mig_assert_no_error (error);
    }
  g_weak_ref_init (&weak, device);
  g_clear_object (&device);
  mig_test_wait (other, is_gone, &weak, 10);
  g_weak_ref_clear (&weak);
}
END_TEST

/* An abort that was refused is none: who aborts later is somebody else. */
START_TEST (refused_abort_is_forgotten)
{
  g_autoptr (GError) error = NULL;

  copy ("/local/new.raw", SLOW);
  mig_sim_driver_set_fault (driver, "block.abort", 1, MIG_SIM_FAULT_FAIL);
  ck_assert (!mig_block_device_abort_job (device, MIG_BLOCK_ABORT_FLAGS_NONE, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_FAILED);
  g_clear_error (&error);
  ck_assert (mig_block_job_driver_abort (MIG_BLOCK_JOB_DRIVER (driver), host, uuid, "vda", MIG_BLOCK_ABORT_FLAGS_NONE,
                                         NULL, &error));
  ck_assert (!mig_block_device_wait_ready (device, 10, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
}
END_TEST

START_TEST (resize_during_a_job)
{
  g_autoptr (GError) error = NULL;

  copy ("/local/new.raw", SLOW);
  ck_assert (!mig_block_device_resize (device, 2 * LENGTH, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
}
END_TEST

START_TEST (device_dropped_while_it_copies)
{
  copy ("/local/new.raw", SLOW);
  g_clear_object (&device);
  ck_assert_str_eq (heard->str, "");
}
END_TEST

START_TEST (swap_and_back)
{
  g_autoptr (MigDiskSource) new_volume = file ("/local/new.raw");
  g_autoptr (MigDiskSource) old_volume = file ("/local/old.raw");
  g_autoptr (MigSwapOptions) options = mig_swap_options_new ();
  g_autoptr (GError) error = NULL;

  ck_assert (mig_block_device_swap (device, new_volume, NULL, NULL, &error));
  mig_assert_no_error (error);
  check_source ("/local/new.raw");

  ck_assert (!mig_block_device_swap (device, old_volume, NULL, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
  g_clear_error (&error);
  g_object_set (options, "reuse", TRUE, NULL);
  ck_assert (mig_block_device_swap (device, old_volume, options, NULL, &error));
  mig_assert_no_error (error);
  check_source ("/local/old.raw");
}
END_TEST

static void
on_swapped (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  GError **error = data;

  ck_assert (!mig_block_device_swap_finish (MIG_BLOCK_DEVICE (source), result, error));
}

static gboolean
is_copying (gpointer data G_GNUC_UNUSED)
{
  g_autoptr (MigBlockJobInfo) info = mig_block_device_get_job_info (device, NULL, NULL);

  return info != NULL && mig_block_job_info_get_kind (info) == MIG_BLOCK_JOB_KIND_COPY;
}

START_TEST (verbs_while_a_swap_runs)
{
  g_autoptr (MigDiskSource) destination = file ("/local/new.raw");
  g_autoptr (MigSwapOptions) options = mig_swap_options_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GError *end = NULL;

  /* The first task starts a thread of GLib's that stays. */
  g_type_ensure (G_TYPE_TASK);
  mig_test_settle_descriptors ();

  g_object_set (options, "bandwidth", (gint64) SLOW, NULL);
  mig_block_device_swap_async (device, destination, options, cancellable, on_swapped, &end);
  mig_test_wait (NULL, is_copying, NULL, 10);
  ck_assert (!mig_block_device_abort_job (device, MIG_BLOCK_ABORT_FLAGS_NONE, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  g_clear_error (&error);
  ck_assert (!mig_block_device_resize (device, 2 * LENGTH, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);

  g_cancellable_cancel (cancellable);
  mig_test_wait (NULL, mig_test_pointer_is_set, &end, 10);
  mig_assert_error (end, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&end);
  check_source ("/local/old.raw");
}
END_TEST

/* What a swap refuses before it touches anything. */
typedef struct
{
  const char *domain;
  const char *target;
  const char *destination;
  const char *options;
  MigError    code;
} RefusalRow;

static const RefusalRow refusal_rows[] = {
  { "nobody", "vda", "/local/new.raw", "{}", MIG_ERROR_NOT_FOUND },
  { "g", "vdb", "/local/new.raw", "{}", MIG_ERROR_NOT_FOUND },
  { "", "vda", "/local/new.raw", "{}", MIG_ERROR_INVALID_ARGUMENT },
  { "g", "", "/local/new.raw", "{}", MIG_ERROR_INVALID_ARGUMENT },
  { "g", "vda", "new.raw", "{}", MIG_ERROR_INVALID_ARGUMENT },
  { "g", "vda", "/local/old.raw", "{}", MIG_ERROR_INVALID_ARGUMENT },
  { "g", "vda", "/local/new.raw", "{\"reuse\":true}", MIG_ERROR_NOT_FOUND },
  { "g", "vda", "/local/short.raw", "{}", MIG_ERROR_CONFLICT },
  { "g", "vda", "/local/short.raw", "{\"reuse\":true}", MIG_ERROR_INVALID_ARGUMENT },
  { "g", "vda", "/local/other.raw", "{\"reuse\":true}", MIG_ERROR_CONFLICT },
  { "g", "vda", "/local/new.raw", "{\"resize-to\":512}", MIG_ERROR_INVALID_ARGUMENT },
  { "off", "vda", "/local/new.raw", "{}", MIG_ERROR_INVALID_STATE },
};

START_TEST (refusals)
{
  const RefusalRow *row = &refusal_rows[_i];
  g_autoptr (MigDiskSource) destination = file (row->destination);
  g_autoptr (MigSwapOptions) options = mig_swap_options_new_from_json (row->options, NULL);
  g_autoptr (MigBlockDevice) asked = mig_block_device_new (cluster, host, row->domain, row->target);
  g_autoptr (GError) error = NULL;
  g_autofree char *other = NULL;
  g_autofree char *off = NULL;

  ck_assert (mig_sim_driver_add_volume (driver, "a", "/local/short.raw", LENGTH / 2, &error));
  ck_assert (mig_sim_driver_add_volume (driver, "a", "/local/other.raw", LENGTH, &error));
  ck_assert (mig_sim_driver_add_volume (driver, "a", "/local/off.raw", LENGTH, &error));
  other = mig_sim_driver_add_domain (driver, "a", "o", "{\"disks\": [\"vda=/local/other.raw\"]}", &error);
  off = mig_sim_driver_add_domain (driver, "a", "off", "{\"state\": \"shut-off\", \"disks\": [\"vda=/local/off.raw\"]}",
                                   &error);
  mig_assert_no_error (error);

  ck_assert (!mig_block_device_swap (asked, destination, options, NULL, &error));
  ck_assert_msg (g_error_matches (error, MIG_ERROR, (int) row->code), "%d: %s", error->code, error->message);
  check_source ("/local/old.raw");
}
END_TEST

/* The thread that ran the swap may let go of it last, at the same time. */
START_TEST (device_dropped_after_a_swap)
{
  g_autoptr (MigDiskSource) destination = file ("/local/new.raw");

  for (int i = 0; i < 200; i++)
    {
      g_autoptr (MigBlockDevice) asked = mig_block_device_new (cluster, host, "nobody", "vda");
      g_autoptr (GError) error = NULL;

      ck_assert (!mig_block_device_swap (asked, destination, NULL, NULL, &error));
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
    }
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("block-device");
  TCase *tcase = mig_test_add_case (suite, "device");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, copy_and_pivot);
  tcase_add_loop_test (tcase, no_answer, 0, 4);
  tcase_add_test (tcase, abort_before_ready);
  tcase_add_test (tcase, aborted_by_somebody_else);
  tcase_add_test (tcase, late_word);
  tcase_add_test (tcase, the_word_comes_before_the_state);
  tcase_add_test (tcase, guest_ends);
  tcase_add_test (tcase, copies_that_follow_each_other);
  tcase_add_loop_test (tcase, many_wait, 0, 2);
  tcase_add_test (tcase, nothing_is_kept_by_news);
  tcase_add_test (tcase, refused_abort_is_forgotten);
  tcase_add_test (tcase, resize_during_a_job);
  tcase_add_test (tcase, device_dropped_while_it_copies);
  tcase_add_test (tcase, swap_and_back);
  tcase_add_test (tcase, device_dropped_after_a_swap);
  tcase_add_test (tcase, verbs_while_a_swap_runs);
  tcase_add_loop_test (tcase, refusals, 0, G_N_ELEMENTS (refusal_rows));

  return suite;
}

MIG_TEST_MAIN (create_suite)
