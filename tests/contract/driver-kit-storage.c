/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "driver-kit.h"

#include <libmig/mig-enum-types.h>

#define SOURCE driver_kit_bed.source
#define DESTINATION driver_kit_bed.destination
#define BACKEND driver_kit_bed.backend

static MigBlockJobDriver *
driver (void)
{
  return MIG_BLOCK_JOB_DRIVER (driver_kit_bed.driver);
}

static MigDiskSource *
new_place (void)
{
  g_autoptr (GError) error = NULL;
  MigDiskSource *place = mig_disk_source_parse (driver_kit_bed.place, "raw", &error);

  mig_assert_no_error (error);

  return place;
}

static gint64
length_at (MigHost       *host,
           MigDiskSource *place)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigVolume) volume = mig_volume_backend_lookup (BACKEND, host, place, NULL, &error);

  if (volume == NULL)
    {
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
      return -1;
    }

  return mig_volume_get_capacity (volume);
}

static void
create (MigHost       *host,
        MigDiskSource *place,
        gint64         length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigVolume) volume = mig_volume_backend_create (BACKEND, host, place, length, "kit", NULL, &error);

  mig_assert_no_error (error);
  ck_assert_int_eq (mig_volume_get_capacity (volume), length);
}

static void
remove_volume (MigHost       *host,
               MigDiskSource *place)
{
  g_autoptr (GError) error = NULL;

  ck_assert (mig_volume_backend_remove (BACKEND, host, place, "kit", NULL, &error));
  mig_assert_no_error (error);
}

START_TEST (volume_comes_and_goes)
{
  g_autoptr (MigDiskSource) place = new_place ();
  g_autoptr (MigVolume) other = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (length_at (DESTINATION, place), -1);
  create (DESTINATION, place, 1 << 20);
  ck_assert_int_eq (length_at (DESTINATION, place), 1 << 20);

  other = mig_volume_backend_create (BACKEND, DESTINATION, place, 1 << 21, "another", NULL, &error);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
  ck_assert_ptr_null (other);
  ck_assert_int_eq (length_at (DESTINATION, place), 1 << 20);

  for (int i = 0; i < 2; i++)
    {
      remove_volume (DESTINATION, place);
      ck_assert_int_eq (length_at (DESTINATION, place), -1);
    }
  create (DESTINATION, place, 1 << 21);
  remove_volume (DESTINATION, place);
}
END_TEST

static char *
disk_of (MigHost    *host,
         const char *uuid,
         gboolean    persistent)
{
  g_autoptr (MigDomainInfo) info = driver_kit_look (host, uuid);
  GPtrArray *disks = persistent ? mig_domain_info_get_persistent_disks (info) : mig_domain_info_get_disks (info);

  ck_assert_int_eq (disks->len, 1);

  return mig_disk_source_to_string (mig_disk_get_source (g_ptr_array_index (disks, 0)));
}

START_TEST (length_is_what_the_guest_sees)
{
  g_autofree char *uuid = driver_kit->add_guest (&driver_kit_bed, "kit", &(DriverKitGuest) { .transient = TRUE });
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (mig_block_job_driver_get_length (driver (), SOURCE, uuid, "vda", NULL, &error),
                    driver_kit->disk_length);
  mig_assert_no_error (error);
  ck_assert_int_eq (mig_block_job_driver_get_length (driver (), SOURCE, uuid, "vdz", NULL, &error), -1);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
}
END_TEST

static MigBlockJobInfo *
get_info (const char *uuid)
{
  g_autoptr (GError) error = NULL;
  MigBlockJobInfo *info = mig_block_job_driver_get_info (driver (), SOURCE, uuid, "vda", NULL, &error);

  mig_assert_no_error (error);

  return info;
}

static gboolean
has_no_job (gpointer uuid)
{
  g_autoptr (MigBlockJobInfo) info = get_info (uuid);

  return mig_block_job_info_get_kind (info) == MIG_BLOCK_JOB_KIND_NONE;
}

static gboolean
is_ready (gpointer uuid)
{
  g_autoptr (MigBlockJobInfo) info = get_info (uuid);

  return mig_block_job_info_is_ready (info);
}

static gboolean
start (const char     *uuid,
       MigDiskSource  *place,
       gint64          bandwidth,
       GError        **error)
{
  g_autoptr (MigBlockCopyRequest) request =
    g_object_new (MIG_TYPE_BLOCK_COPY_REQUEST,
                  "host", SOURCE,
                  "domain", uuid,
                  "target", "vda",
                  "destination", place,
                  "flags", MIG_BLOCK_COPY_FLAGS_REUSE | MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB,
                  "bandwidth", bandwidth,
                  NULL);

  return mig_block_job_driver_start (driver (), request, NULL, error);
}

/* What a look shows, and what the two questions do that it stands for. */
static void
assert_look (const char      *uuid,
             MigBlockJobKind  kind,
             gboolean         ready)
{
  g_autoptr (MigDomainInfo) domain = driver_kit_look (SOURCE, uuid);
  g_autoptr (MigDomainInfo) quick = NULL;
  g_autoptr (MigDomainInfo) seen = NULL;
  g_autoptr (MigBlockJobInfo) job = NULL;
  g_autoptr (GError) error = NULL;

  seen = mig_block_job_driver_look (driver (), SOURCE, uuid, "vda", &job, NULL, &error);
  mig_assert_no_error (error);
  quick = mig_block_job_driver_look (driver (), SOURCE, uuid, "vda", NULL, NULL, &error);
  mig_assert_no_error (error);

  ck_assert_int_eq (mig_block_job_info_get_kind (job), kind);
  ck_assert_int_eq (mig_block_job_info_is_ready (job), ready);
  ck_assert_int_eq (mig_domain_info_get_job (seen), mig_domain_info_get_job (domain));
  ck_assert_str_eq (mig_domain_info_get_definition (seen), mig_domain_info_get_definition (domain));
  ck_assert_str_eq (mig_domain_info_get_definition (quick), mig_domain_info_get_definition (domain));
  ck_assert_pstr_eq (mig_domain_info_get_persistent_definition (quick),
                     mig_domain_info_get_persistent_definition (domain));
  ck_assert_int_eq (mig_domain_info_get_state (quick), mig_domain_info_get_state (domain));
  ck_assert_int_eq (mig_domain_info_get_id (quick), mig_domain_info_get_id (domain));
}

START_TEST (look_tells_of_disk_and_domain)
{
  g_autofree char *uuid = driver_kit->add_guest (&driver_kit_bed, "kit", &(DriverKitGuest) { .transient = _i == 0 });
  g_autoptr (MigDiskSource) place = new_place ();
  g_autoptr (MigDomainInfo) seen = NULL;
  g_autoptr (MigDomainInfo) nothing = NULL;
  g_autoptr (MigBlockJobInfo) job = NULL;
  g_autoptr (GError) error = NULL;

  assert_look (uuid, MIG_BLOCK_JOB_KIND_NONE, FALSE);
  create (SOURCE, place, driver_kit->disk_length);
  ck_assert (start (uuid, place, 0, &error));
  driver_kit_wait ("the copy is ready", is_ready, uuid);
  assert_look (uuid, MIG_BLOCK_JOB_KIND_COPY, TRUE);

  seen = mig_block_job_driver_look (driver (), SOURCE, uuid, "vdz", &job, NULL, &error);
  mig_assert_no_error (error);
  ck_assert_str_eq (mig_domain_info_get_uuid (seen), uuid);
  ck_assert_ptr_null (job);
  nothing = mig_block_job_driver_look (driver (), SOURCE, "nobody", "vda", &job, NULL, &error);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  ck_assert_ptr_null (nothing);
  ck_assert_ptr_null (job);
}
END_TEST

START_TEST (disk_without_a_job)
{
  g_autofree char *uuid = driver_kit->add_guest (&driver_kit_bed, "kit", &(DriverKitGuest) { .transient = TRUE });
  g_autoptr (MigBlockJobInfo) nothing = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert (has_no_job (uuid));
  ck_assert (!mig_block_job_driver_abort (driver (), SOURCE, uuid, "vda", MIG_BLOCK_ABORT_FLAGS_NONE, NULL, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  g_clear_error (&error);
  nothing = mig_block_job_driver_get_info (driver (), SOURCE, uuid, "vdz", NULL, &error);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
}
END_TEST

START_TEST (copy_becomes_ready_and_pivots)
{
  g_autofree char *uuid = driver_kit->add_guest (&driver_kit_bed, "kit", &(DriverKitGuest) { .transient = _i == 0 });
  g_autoptr (MigDiskSource) place = new_place ();
  g_autofree char *live = NULL;
  g_autoptr (GError) error = NULL;

  create (SOURCE, place, driver_kit->disk_length);
  ck_assert (start (uuid, place, 0, &error));
  mig_assert_no_error (error);
  driver_kit_wait ("the copy is ready", is_ready, uuid);
  ck_assert (mig_block_job_driver_abort (driver (), SOURCE, uuid, "vda", MIG_BLOCK_ABORT_FLAGS_PIVOT, NULL, &error));
  mig_assert_no_error (error);
  driver_kit_wait ("the job has gone", has_no_job, uuid);
  live = disk_of (SOURCE, uuid, FALSE);
  ck_assert_str_eq (live, driver_kit_bed.place);
  if (_i == 1)
    {
      g_autofree char *persistent = disk_of (SOURCE, uuid, TRUE);

      ck_assert_str_eq (persistent, driver_kit_bed.place);
    }
}
END_TEST

START_TEST (definition_takes_another_source)
{
  g_autofree char *uuid = driver_kit->add_guest (&driver_kit_bed, "kit", &(DriverKitGuest) { .transient = _i == 0 });
  g_autofree char *live = disk_of (SOURCE, uuid, FALSE);
  g_autoptr (MigDiskSource) place = new_place ();
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 2; i++)
    {
      g_autofree char *after = NULL;
      g_autofree char *persistent = NULL;

      if (_i == 0)
        {
          ck_assert (!mig_block_job_driver_define_source (driver (), SOURCE, uuid, "vda", place, NULL, &error));
          mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE);
          return;
        }
      ck_assert (mig_block_job_driver_define_source (driver (), SOURCE, uuid, "vda", place, NULL, &error));
      mig_assert_no_error (error);
      persistent = disk_of (SOURCE, uuid, TRUE);
      ck_assert_str_eq (persistent, driver_kit_bed.place);
      after = disk_of (SOURCE, uuid, FALSE);
      ck_assert_str_eq (after, live);
    }
}
END_TEST

START_TEST (cancelled_copy_changes_nothing)
{
  g_autofree char *uuid = driver_kit->add_guest (&driver_kit_bed, "kit", &(DriverKitGuest) { .transient = TRUE });
  g_autofree char *before = disk_of (SOURCE, uuid, FALSE);
  g_autoptr (MigDiskSource) place = new_place ();
  g_autofree char *after = NULL;
  g_autoptr (MigDomainInfo) info = NULL;
  g_autoptr (GError) error = NULL;
  MigDisk *disk;

  create (SOURCE, place, driver_kit->disk_length);
  ck_assert (start (uuid, place, 0, &error));
  info = driver_kit_look (SOURCE, uuid);
  disk = mig_domain_info_find_disk (info, "vda");
  ck_assert_ptr_nonnull (mig_disk_get_mirror (disk));
  ck_assert_str_eq (mig_disk_source_get_path (mig_disk_get_mirror (disk)), driver_kit_bed.place);

  ck_assert (!start (uuid, place, 0, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  g_clear_error (&error);
  ck_assert (mig_block_job_driver_set_bandwidth (driver (), SOURCE, uuid, "vda", 1 << 30, NULL, &error));
  mig_assert_no_error (error);

  ck_assert (mig_block_job_driver_abort (driver (), SOURCE, uuid, "vda", MIG_BLOCK_ABORT_FLAGS_NONE, NULL, &error));
  mig_assert_no_error (error);
  ck_assert (has_no_job (uuid));
  after = disk_of (SOURCE, uuid, FALSE);
  ck_assert_str_eq (after, before);
}
END_TEST

START_TEST (copy_of_another_length_dies)
{
  g_autofree char *uuid = driver_kit->add_guest (&driver_kit_bed, "kit", &(DriverKitGuest) { .transient = TRUE });
  g_autofree char *before = disk_of (SOURCE, uuid, FALSE);
  g_autoptr (MigDiskSource) place = new_place ();
  g_autofree char *after = NULL;
  g_autoptr (GError) error = NULL;

  create (SOURCE, place, driver_kit->disk_length + (1 << 20));
  /* Whether the call fails or the job does is up to the hypervisor. */
  start (uuid, place, 0, &error);
  driver_kit_wait ("the job has gone", has_no_job, uuid);
  after = disk_of (SOURCE, uuid, FALSE);
  ck_assert_str_eq (after, before);
}
END_TEST

START_TEST (local_disk_moves_with_its_guest)
{
  const char *copy_disks[] = { "vda", NULL };
  g_autofree char *uuid = driver_kit->add_guest (&driver_kit_bed, "kit",
                                                 &(DriverKitGuest) { .transient = TRUE, .local_disk = TRUE });
  g_autofree char *path = disk_of (SOURCE, uuid, FALSE);
  g_autoptr (MigDiskSource) place = mig_disk_source_parse (path, "raw", NULL);
  g_autofree char *after = NULL;
  g_autoptr (MigMigrateRequest) request = NULL;
  g_autoptr (GError) error = NULL;

  request = g_object_new (MIG_TYPE_MIGRATE_REQUEST,
                          "source", SOURCE,
                          "destination", DESTINATION,
                          "domain", uuid,
                          "mode", MIG_MIGRATE_MODE_PEER_TO_PEER,
                          "flags", MIG_MIGRATE_FLAGS_UNSAFE,
                          "copy-disks", copy_disks,
                          "token", "kit",
                          NULL);
  ck_assert_int_eq (length_at (DESTINATION, place), -1);
  create (DESTINATION, place, driver_kit->disk_length);
  ck_assert (mig_compute_driver_migrate (driver_kit_bed.driver, request, NULL, &error));
  mig_assert_no_error (error);
  driver_kit_expect (DESTINATION, uuid, MIG_DOMAIN_STATE_RUNNING);
  driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_UNKNOWN);
  after = disk_of (DESTINATION, uuid, FALSE);
  ck_assert_str_eq (after, path);
  ck_assert_int_eq (length_at (SOURCE, place), driver_kit->disk_length);
}
END_TEST

START_TEST (copy_of_a_disk_must_have_its_length)
{
  const char *copy_disks[] = { "vda", NULL };
  g_autofree char *uuid = driver_kit->add_guest (&driver_kit_bed, "kit",
                                                 &(DriverKitGuest) { .transient = TRUE, .local_disk = TRUE });
  g_autofree char *path = disk_of (SOURCE, uuid, FALSE);
  g_autoptr (MigDiskSource) place = mig_disk_source_parse (path, "raw", NULL);
  g_autoptr (MigMigrateRequest) request = NULL;
  g_autoptr (GError) error = NULL;

  request = g_object_new (MIG_TYPE_MIGRATE_REQUEST,
                          "source", SOURCE,
                          "destination", DESTINATION,
                          "domain", uuid,
                          "mode", MIG_MIGRATE_MODE_PEER_TO_PEER,
                          "flags", MIG_MIGRATE_FLAGS_UNSAFE,
                          "copy-disks", copy_disks,
                          "token", "kit",
                          NULL);
  create (DESTINATION, place, driver_kit->disk_length + (1 << 20));
  ck_assert (!mig_compute_driver_migrate (driver_kit_bed.driver, request, NULL, &error));
  ck_assert_ptr_nonnull (error);
  driver_kit_expect (SOURCE, uuid, MIG_DOMAIN_STATE_RUNNING);
  driver_kit_expect (DESTINATION, uuid, MIG_DOMAIN_STATE_UNKNOWN);
}
END_TEST

void
driver_kit_add_storage_cases (TCase *tcase)
{
  tcase_add_test (tcase, volume_comes_and_goes);
  tcase_add_test (tcase, length_is_what_the_guest_sees);
  tcase_add_loop_test (tcase, look_tells_of_disk_and_domain, 0, 2);
  tcase_add_test (tcase, disk_without_a_job);
  tcase_add_loop_test (tcase, copy_becomes_ready_and_pivots, 0, 2);
  tcase_add_loop_test (tcase, definition_takes_another_source, 0, 2);
  tcase_add_test (tcase, cancelled_copy_changes_nothing);
  tcase_add_test (tcase, copy_of_another_length_dies);
  tcase_add_test (tcase, local_disk_moves_with_its_guest);
  tcase_add_test (tcase, copy_of_a_disk_must_have_its_length);
}
