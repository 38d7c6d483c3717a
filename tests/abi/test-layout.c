/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pins every public struct that others fill in: the interfaces. An implementer's compiled code has these numbers in it.
 * A new slot takes one from the padding, so a size never changes; this file is edited only to add a row. */

#include "config.h"

#include <libmig/mig-block-job-driver.h>
#include <libmig/mig-compute-driver.h>
#include <libmig/mig-state-store.h>
#include <libmig/mig-volume-backend.h>

#include "mig-test.h"

typedef struct
{
  const char *name;
  gsize size;
  gsize expected_size;
} SizeRow;

typedef struct
{
  const char *name;
  gsize offset;
  gsize expected_offset;
} SlotRow;

/* A struct with a GTypeInterface and this many pointers, the padding among them. */
#define SIZE(Type, n_pointers) \
  { #Type, sizeof (Type), sizeof (GTypeInterface) + (n_pointers) * sizeof (gpointer) }

/* The slot is the n-th pointer after the GTypeInterface, from 0. */
#define SLOT(Type, slot, n) \
  { #Type "." #slot, G_STRUCT_OFFSET (Type, slot), sizeof (GTypeInterface) + (n) * sizeof (gpointer) }

static const SizeRow sizes[] = {
  SIZE (MigBlockJobDriverInterface, 14),
  SIZE (MigComputeDriverInterface, 22),
  SIZE (MigStateStoreInterface, 14),
  SIZE (MigVolumeBackendInterface, 16),
};

static const SlotRow slots[] = {
  SLOT (MigBlockJobDriverInterface, start, 0),
  SLOT (MigBlockJobDriverInterface, abort, 1),
  SLOT (MigBlockJobDriverInterface, get_info, 2),
  SLOT (MigBlockJobDriverInterface, set_bandwidth, 3),
  SLOT (MigBlockJobDriverInterface, resize, 4),
  SLOT (MigBlockJobDriverInterface, get_length, 5),
  SLOT (MigBlockJobDriverInterface, define_source, 6),
  SLOT (MigBlockJobDriverInterface, look, 7),
  SLOT (MigBlockJobDriverInterface, padding, 8),

  SLOT (MigComputeDriverInterface, event, 0),
  SLOT (MigComputeDriverInterface, get_name, 1),
  SLOT (MigComputeDriverInterface, get_host_info, 2),
  SLOT (MigComputeDriverInterface, get_domain, 3),
  SLOT (MigComputeDriverInterface, set_mark, 4),
  SLOT (MigComputeDriverInterface, migrate, 5),
  SLOT (MigComputeDriverInterface, get_job, 6),
  SLOT (MigComputeDriverInterface, abort_job, 7),
  SLOT (MigComputeDriverInterface, tune, 8),
  SLOT (MigComputeDriverInterface, pause, 9),
  SLOT (MigComputeDriverInterface, resume, 10),
  SLOT (MigComputeDriverInterface, destroy, 11),
  SLOT (MigComputeDriverInterface, define, 12),
  SLOT (MigComputeDriverInterface, undefine, 13),
  SLOT (MigComputeDriverInterface, get_domains, 14),
  SLOT (MigComputeDriverInterface, padding, 15),

  SLOT (MigStateStoreInterface, changed, 0),
  SLOT (MigStateStoreInterface, get_name, 1),
  SLOT (MigStateStoreInterface, get_features, 2),
  SLOT (MigStateStoreInterface, get, 3),
  SLOT (MigStateStoreInterface, list_records, 4),
  SLOT (MigStateStoreInterface, commit, 5),
  SLOT (MigStateStoreInterface, padding, 6),

  SLOT (MigVolumeBackendInterface, get_name, 0),
  SLOT (MigVolumeBackendInterface, lookup, 1),
  SLOT (MigVolumeBackendInterface, create, 2),
  SLOT (MigVolumeBackendInterface, remove, 3),
  SLOT (MigVolumeBackendInterface, compare, 4),
  SLOT (MigVolumeBackendInterface, attach, 5),
  SLOT (MigVolumeBackendInterface, detach, 6),
  SLOT (MigVolumeBackendInterface, padding, 7),
};

START_TEST (size_is_fixed)
{
  ck_assert_msg (sizes[_i].size == sizes[_i].expected_size, "%s has %" G_GSIZE_FORMAT " bytes, not %" G_GSIZE_FORMAT,
                 sizes[_i].name, sizes[_i].size, sizes[_i].expected_size);
}
END_TEST

START_TEST (slot_stays_in_its_place)
{
  ck_assert_msg (slots[_i].offset == slots[_i].expected_offset, "%s is at %" G_GSIZE_FORMAT ", not %" G_GSIZE_FORMAT,
                 slots[_i].name, slots[_i].offset, slots[_i].expected_offset);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("layout");
  TCase *tcase = mig_test_add_case (suite, "interfaces");

  tcase_add_loop_test (tcase, size_is_fixed, 0, G_N_ELEMENTS (sizes));
  tcase_add_loop_test (tcase, slot_stays_in_its_place, 0, G_N_ELEMENTS (slots));

  return suite;
}

MIG_TEST_MAIN (create_suite)
