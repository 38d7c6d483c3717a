/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig.h>

#include "libmig/model/mig-disk-source-private.h"

#include "mig-test.h"

static MigDiskSource *
new_source (MigDiskSourceKind  kind,
            const char        *path,
            const char        *host,
            gint64             slice)
{
  return g_object_new (MIG_TYPE_DISK_SOURCE, "kind", kind, "path", path, "host", host,
                       "port", (gint64) (host != NULL ? 10809 : 0), "slice", slice, NULL);
}

/* Names of exports, and how they are written. */
static const struct
{
  const char *export, *text;
} exports[] = {
  { "", "nbd://nas:10809/" },
  { "disk-one", "nbd://nas:10809/disk-one" },
  { "vg/lv", "nbd://nas:10809/vg/lv" },
  { "/lead/", "nbd://nas:10809//lead/" },
  { "100% full?#1", "nbd://nas:10809/100%25%20full%3F%231" },
  { "a%2Fb", "nbd://nas:10809/a%252Fb" },
  { "ü:@&=+$,;~", "nbd://nas:10809/ü:@&=+$,;~" },
  { "../x", "nbd://nas:10809/../x" },
};

START_TEST (exports_come_back)
{
  g_autoptr (MigDiskSource) source = new_source (MIG_DISK_SOURCE_KIND_NBD, exports[_i].export, "nas", -1);
  g_autofree char *text = mig_disk_source_to_string (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDiskSource) again = mig_disk_source_parse (text, NULL, &error);

  mig_assert_no_error (error);
  ck_assert_str_eq (text, exports[_i].text);
  ck_assert_str_eq (mig_disk_source_get_path (again), exports[_i].export);
  ck_assert (mig_disk_source_equal (source, again));
}
END_TEST

typedef struct
{
  MigDiskSourceKind kind;
  const char       *path, *host;
  gint64            slice;
} SourceRow;

/* Does using the one mean using the other? */
static const struct
{
  SourceRow    used, wanted;
  MigDiskMatch match;
} matches[] = {
  { { MIG_DISK_SOURCE_KIND_FILE, "/a/v", NULL, -1 }, { MIG_DISK_SOURCE_KIND_FILE, "/a/v", NULL, -1 },
    MIG_DISK_MATCH_SAME },
  { { MIG_DISK_SOURCE_KIND_FILE, "/a/v", NULL, 512 }, { MIG_DISK_SOURCE_KIND_FILE, "/a/v", NULL, -1 },
    MIG_DISK_MATCH_SAME },
  { { MIG_DISK_SOURCE_KIND_FILE, "/a/v", NULL, -1 }, { MIG_DISK_SOURCE_KIND_FILE, "/b/v", NULL, -1 },
    MIG_DISK_MATCH_NONE },
  { { MIG_DISK_SOURCE_KIND_FILE, "/dev/vg/v", NULL, -1 }, { MIG_DISK_SOURCE_KIND_BLOCK, "/dev/vg/v", NULL, -1 },
    MIG_DISK_MATCH_SAME },
  /* Whatever it is, it is there. */
  { { MIG_DISK_SOURCE_KIND_OTHER, "/a/v", NULL, -1 }, { MIG_DISK_SOURCE_KIND_FILE, "/a/v", NULL, -1 },
    MIG_DISK_MATCH_SAME },
  { { MIG_DISK_SOURCE_KIND_OTHER, "/a/v", NULL, 512 }, { MIG_DISK_SOURCE_KIND_FILE, "/a/v", NULL, -1 },
    MIG_DISK_MATCH_SAME },
  { { MIG_DISK_SOURCE_KIND_OTHER, "v", "nas", 512 }, { MIG_DISK_SOURCE_KIND_NBD, "v", "nas", -1 },
    MIG_DISK_MATCH_SAME },
  { { MIG_DISK_SOURCE_KIND_OTHER, NULL, NULL, -1 }, { MIG_DISK_SOURCE_KIND_FILE, "/a/v", NULL, -1 },
    MIG_DISK_MATCH_NONE },
  { { MIG_DISK_SOURCE_KIND_NETWORK, "rbd:p/v", "mon", -1 }, { MIG_DISK_SOURCE_KIND_FILE, "/a/v", NULL, -1 },
    MIG_DISK_MATCH_NONE },
  /* A volume that its pool does not know. */
  { { MIG_DISK_SOURCE_KIND_OTHER, "pool/v", NULL, -1 }, { MIG_DISK_SOURCE_KIND_FILE, "/a/v", NULL, -1 },
    MIG_DISK_MATCH_UNKNOWN },
  { { MIG_DISK_SOURCE_KIND_OTHER, "pool/w", NULL, -1 }, { MIG_DISK_SOURCE_KIND_FILE, "/a/v", NULL, -1 },
    MIG_DISK_MATCH_NONE },
  { { MIG_DISK_SOURCE_KIND_OTHER, "pool/unit:0:0:1", NULL, -1 }, { MIG_DISK_SOURCE_KIND_BLOCK, "/dev/sdb", NULL, -1 },
    MIG_DISK_MATCH_UNKNOWN },
  { { MIG_DISK_SOURCE_KIND_OTHER, "pool/v", NULL, -1 }, { MIG_DISK_SOURCE_KIND_NBD, "v", "nas", -1 },
    MIG_DISK_MATCH_NONE },
};

static MigDiskSource *
from_row (const SourceRow *row)
{
  return new_source (row->kind, row->path, row->host, row->slice);
}

START_TEST (uses_are_told)
{
  g_autoptr (MigDiskSource) used = from_row (&matches[_i].used);
  g_autoptr (MigDiskSource) wanted = from_row (&matches[_i].wanted);

  ck_assert_int_eq (mig_disk_source_match (used, wanted), matches[_i].match);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("disk-source");
  TCase *tcase = mig_test_add_case (suite, "sources");

  tcase_add_loop_test (tcase, exports_come_back, 0, G_N_ELEMENTS (exports));
  tcase_add_loop_test (tcase, uses_are_told, 0, G_N_ELEMENTS (matches));

  return suite;
}

MIG_TEST_MAIN (create_suite)
