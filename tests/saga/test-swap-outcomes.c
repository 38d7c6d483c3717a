/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a swap says of its end, and what it leaves in the definitions. */

#include "config.h"

#include "swap-kit.h"

#include "libmig/block/mig-swap-private.h"

/* While both images are compared the mirror is ready and the switch is still to come. */
static gint64
abort_instead (MigVolumeBackend  *backend G_GNUC_UNUSED,
               MigHost           *host,
               MigDiskSource     *one G_GNUC_UNUSED,
               MigDiskSource     *other G_GNUC_UNUSED,
               gint64             length,
               GCancellable      *cancellable G_GNUC_UNUSED,
               GError           **error G_GNUC_UNUSED)
{
  if (length > 0)
    ck_assert (kit.jobs.abort (MIG_BLOCK_JOB_DRIVER (kit.driver), host, kit.uuid, "vda", MIG_BLOCK_ABORT_FLAGS_NONE,
                               NULL, NULL));

  return length;
}

START_TEST (aborted_by_others_before_the_switch)
{
  g_autoptr (GError) error = NULL;

  swap_kit_volumes ()->compare = abort_instead;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"verify\": true}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  swap_kit_check_source ("vda", "/local/old.raw");
  ck_assert (swap_kit_is_running (NULL));
  ck_assert (!swap_kit_exists ("/local/new.raw"));
}
END_TEST

static char *transient;

static gint64
end_guest_instead (MigVolumeBackend  *backend G_GNUC_UNUSED,
                   MigHost           *host,
                   MigDiskSource     *one G_GNUC_UNUSED,
                   MigDiskSource     *other G_GNUC_UNUSED,
                   gint64             length,
                   GCancellable      *cancellable G_GNUC_UNUSED,
                   GError           **error G_GNUC_UNUSED)
{
  if (length > 0)
    ck_assert (kit.compute.destroy (MIG_COMPUTE_DRIVER (kit.driver), host, transient, NULL, NULL));

  return length;
}

START_TEST (guest_ends_before_the_switch)
{
  g_autoptr (GError) error = NULL;

  ck_assert (mig_sim_driver_add_volume (kit.driver, "a", "/local/t.raw", SWAP_LENGTH, &error));
  transient = mig_sim_driver_add_domain (kit.driver, "a", "t",
                                         "{\"transient\": true, \"disks\": [\"vda=/local/t.raw\"]}", &error);
  mig_assert_no_error (error);
  swap_kit_volumes ()->compare = end_guest_instead;
  kit.operation = swap_kit_new_of ("t", "vda", "/local/new.raw", "{\"verify\": true}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  ck_assert_int_eq (mig_operation_get_status (kit.operation), MIG_STATUS_FAILED);
  ck_assert (!swap_kit_exists ("/local/new.raw"));
  g_clear_pointer (&transient, g_free);
}
END_TEST

/* After the switch the guest has moved on to a host that does not answer. */
static MigDomainInfo *
get_domain_that_moved (MigComputeDriver  *driver,
                       MigHost           *host,
                       const char        *domain,
                       GCancellable      *cancellable,
                       GError           **error)
{
  if (mig_operation_get_phase (kit.operation) != MIG_PHASE_FINISH)
    return kit.compute.get_domain (driver, host, domain, cancellable, error);

  if (g_strcmp0 (mig_host_get_name (host), "a") == 0)
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "no such domain");
  else
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CONNECTION, "no answer");

  return NULL;
}

START_TEST (a_guest_that_cannot_be_found_is_a_debt)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) debts = NULL;

  swap_kit_compute ()->get_domain = get_domain_that_moved;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  debts = mig_operation_dup_debts (kit.operation);
  ck_assert_uint_eq (g_strv_length (debts), 1);
  ck_assert_msg (g_str_has_prefix (debts[0], "disk.verify: ") && strstr (debts[0], "does not answer") != NULL, "%s",
                 debts[0]);
}
END_TEST

/* The right place, and wrong words for it. */
static gboolean
pivot_and_misname (MigBlockJobDriver   *driver,
                   MigHost             *host,
                   const char          *domain,
                   const char          *target,
                   MigBlockAbortFlags   flags,
                   GCancellable        *cancellable,
                   GError             **error)
{
  g_autoptr (MigDiskSource) wrong = mig_disk_source_parse ("/local/new.raw", "qcow2", NULL);

  return kit.jobs.abort (driver, host, domain, target, flags, cancellable, error) &&
         kit.jobs.define_source (driver, host, domain, target, wrong, NULL, error);
}

START_TEST (a_wrong_format_in_the_definition_is_corrected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) domain = NULL;
  g_auto (GStrv) debts = NULL;
  MigDisk *defined;

  swap_kit_jobs ()->abort = pivot_and_misname;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"format\": \"raw\"}");
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  debts = mig_operation_dup_debts (kit.operation);
  ck_assert_uint_eq (g_strv_length (debts), 0);
  domain = swap_kit_look ();
  defined = mig_block_find_disk (mig_domain_info_get_persistent_disks (domain), "vda");
  ck_assert_str_eq (mig_disk_source_get_format (mig_disk_get_source (defined)), "raw");
}
END_TEST

static char *decision;

static void
on_decision (MigOperation *operation G_GNUC_UNUSED,
             const char   *text,
             GVariant     *inputs G_GNUC_UNUSED,
             gpointer      data G_GNUC_UNUSED)
{
  g_free (decision);
  decision = g_strdup (text);
}

static void
define (const char *path)
{
  g_autoptr (MigDiskSource) source = mig_disk_source_parse (path, "raw", NULL);
  g_autoptr (GError) error = NULL;

  kit.jobs.define_source (MIG_BLOCK_JOB_DRIVER (kit.driver), kit.host, kit.uuid, "vda", source, NULL, &error);
  mig_assert_no_error (error);
}

static int n_definitions;

static gboolean
count_and_define (MigBlockJobDriver  *driver,
                  MigHost            *host,
                  const char         *domain,
                  const char         *target,
                  MigDiskSource      *source,
                  GCancellable       *cancellable,
                  GError            **error)
{
  g_atomic_int_inc (&n_definitions);

  return kit.jobs.define_source (driver, host, domain, target, source, cancellable, error);
}

/* The hypervisor lets a definition alone that names another volume than the guest's. */
static gboolean
pivot_but_not_in_the_definition (MigBlockJobDriver   *driver,
                                 MigHost             *host,
                                 const char          *domain,
                                 const char          *target,
                                 MigBlockAbortFlags   flags,
                                 GCancellable        *cancellable,
                                 GError             **error)
{
  if (!kit.jobs.abort (driver, host, domain, target, flags, cancellable, error))
    return FALSE;
  define ("/local/theirs.raw");

  return TRUE;
}

/* While the copy goes on, or before it. */
START_TEST (another_definition_is_let_alone)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) domain = NULL;
  g_auto (GStrv) debts = NULL;
  MigDisk *defined;

  if (_i > 0)
    define ("/local/theirs.raw");
  swap_kit_jobs ()->abort = pivot_but_not_in_the_definition;
  swap_kit_jobs ()->define_source = count_and_define;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"format\": \"raw\"}");
  g_signal_connect (kit.operation, "decision", G_CALLBACK (on_decision), NULL);
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  debts = mig_operation_dup_debts (kit.operation);
  ck_assert_uint_eq (g_strv_length (debts), 0);
  ck_assert_int_eq (n_definitions, 0);
  domain = swap_kit_look ();
  defined = mig_block_find_disk (mig_domain_info_get_persistent_disks (domain), "vda");
  ck_assert_str_eq (mig_disk_source_get_path (mig_disk_get_source (defined)), "/local/theirs.raw");
  ck_assert_ptr_nonnull (decision);
  ck_assert_msg (strstr (decision, "/local/theirs.raw") != NULL, "%s", decision);
  g_clear_pointer (&decision, g_free);
}
END_TEST

/* One that shall be from the next boot on. */
static MigDomainInfo *
get_domain_with_serial (MigComputeDriver  *driver,
                        MigHost           *host,
                        const char        *domain,
                        GCancellable      *cancellable,
                        GError           **error)
{
  g_autoptr (MigDomainInfo) found = kit.compute.get_domain (driver, host, domain, cancellable, error);
  g_autoptr (GPtrArray) defined = g_ptr_array_new_with_free_func (g_object_unref);

  if (found == NULL)
    return NULL;

  for (guint i = 0; i < mig_domain_info_get_persistent_disks (found)->len; i++)
    {
      MigDisk *disk = g_ptr_array_index (mig_domain_info_get_persistent_disks (found), i);

      g_ptr_array_add (defined, g_object_new (MIG_TYPE_DISK, "target", mig_disk_get_target (disk), "source",
                                              mig_disk_get_source (disk), "serial", "next", NULL));
    }

  return g_object_new (MIG_TYPE_DOMAIN_INFO, "uuid", mig_domain_info_get_uuid (found), "name", "g", "state",
                       mig_domain_info_get_state (found), "persistent", TRUE, "disks",
                       mig_domain_info_get_disks (found), "persistent-disks", defined, NULL);
}

START_TEST (each_definition_keeps_its_serial_number)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) debts = NULL;

  swap_kit_compute ()->get_domain = get_domain_with_serial;
  swap_kit_jobs ()->define_source = count_and_define;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{\"format\": \"raw\"}");
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  debts = mig_operation_dup_debts (kit.operation);
  ck_assert_msg (debts[0] == NULL, "%s", debts[0]);
  ck_assert_int_eq (n_definitions, 0);
}
END_TEST

static MigDomainInfo *
get_domain_with_lun (MigComputeDriver  *driver,
                     MigHost           *host,
                     const char        *domain,
                     GCancellable      *cancellable,
                     GError           **error)
{
  g_autoptr (MigDomainInfo) found = kit.compute.get_domain (driver, host, domain, cancellable, error);
  g_autoptr (GPtrArray) disks = g_ptr_array_new_with_free_func (g_object_unref);

  if (found == NULL)
    return NULL;

  g_ptr_array_add (disks, g_object_new (MIG_TYPE_DISK, "target", "vda", "device", "lun", "source",
                                        mig_disk_get_source (mig_domain_info_find_disk (found, "vda")), NULL));

  return g_object_new (MIG_TYPE_DOMAIN_INFO, "uuid", mig_domain_info_get_uuid (found), "name", "g", "state",
                       mig_domain_info_get_state (found), "disks", disks, NULL);
}

START_TEST (lun_is_refused)
{
  g_autoptr (GError) error = NULL;

  swap_kit_compute ()->get_domain = get_domain_with_lun;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  ck_assert (!mig_operation_run (kit.operation, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED);
  ck_assert_ptr_nonnull (strstr (error->message, "(lun)"));
}
END_TEST

typedef struct
{
  MigDiskSourceKind kind;
  const char       *path;
  const char       *format;
  const char       *host;
  gint64            port;
  gint64            slice;
} SourceRow;

static const SourceRow source_rows[] = {
  { MIG_DISK_SOURCE_KIND_FILE, "/img/a b%20?.raw", "raw", NULL, 0, -1 },
  { MIG_DISK_SOURCE_KIND_BLOCK, "/dev/vg/lv", NULL, NULL, 0, 4096 },
  { MIG_DISK_SOURCE_KIND_NBD, "50%?x#y", "qcow2", "storage", 10809, -1 },
  { MIG_DISK_SOURCE_KIND_NBD, "", "raw", "::1", 10810, -1 },
  { MIG_DISK_SOURCE_KIND_NETWORK, "rbd:pool/image", "raw", "monitor", 6789, -1 },
  { MIG_DISK_SOURCE_KIND_NETWORK, "nbd:export", "raw", "/run/nbd.sock", 0, -1 },
  { MIG_DISK_SOURCE_KIND_NETWORK, "iscsi:iqn.2026-11.example:t/1", "raw", "target", 3260, -1 },
};

START_TEST (sources_survive_the_journal)
{
  const SourceRow *row = &source_rows[_i];
  g_autoptr (MigFacts) facts = mig_facts_new ();
  g_autoptr (MigDiskSource) loaded = NULL;
  g_autoptr (MigDiskSource) source = NULL;

  source = g_object_new (MIG_TYPE_DISK_SOURCE, "kind", row->kind, "path", row->path, "format", row->format, "host",
                         row->host, "port", row->port, "slice", row->slice, NULL);
  mig_swap_save_source (facts, "old", source);
  loaded = mig_swap_load_source (facts, "old");
  ck_assert (mig_block_same_place (source, loaded));
  ck_assert (mig_disk_source_equal (source, loaded));
  ck_assert (g_strcmp0 (mig_disk_source_get_format (loaded), row->format) == 0);
  ck_assert_int_eq (mig_disk_source_get_slice (loaded), row->slice);
}
END_TEST

/* Also when the last step does not apply. */
START_TEST (g9_ends_with_all_of_it)
{
  g_autoptr (MigProgress) progress = NULL;
  g_autoptr (GError) error = NULL;

  swap_kit_volumes ()->detach = NULL;
  kit.operation = swap_kit_new ("vda", "/local/new.raw", "{}");
  ck_assert (mig_operation_run (kit.operation, NULL, &error));
  g_object_get (kit.operation, "progress", &progress, NULL);
  ck_assert_double_eq (mig_progress_get_fraction (progress), 1);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("swap-outcomes");
  TCase *tcase = mig_test_add_case (suite, "outcomes");

  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, swap_kit_set_up, swap_kit_tear_down);
  tcase_add_test (tcase, aborted_by_others_before_the_switch);
  tcase_add_test (tcase, guest_ends_before_the_switch);
  tcase_add_test (tcase, a_guest_that_cannot_be_found_is_a_debt);
  tcase_add_test (tcase, a_wrong_format_in_the_definition_is_corrected);
  tcase_add_loop_test (tcase, another_definition_is_let_alone, 0, 2);
  tcase_add_test (tcase, each_definition_keeps_its_serial_number);
  tcase_add_test (tcase, lun_is_refused);
  tcase_add_test (tcase, g9_ends_with_all_of_it);
  tcase_add_loop_test (tcase, sources_survive_the_journal, 0, G_N_ELEMENTS (source_rows));

  return suite;
}

MIG_TEST_MAIN (create_suite)
