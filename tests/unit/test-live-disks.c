/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig.h>

#include "libmig/model/mig-migration-options-private.h"
#include "libmig/task/mig-live-private.h"

#include "mig-test.h"

/* Which disks are copied: what a driver and a back end say, and what becomes of it. */

#define UUID "3a5b0c1e-0000-4000-8000-000000000001"

/* What the driver and the back end show. A volume is described by its identity: NULL: there is none; "": without. */
typedef struct
{
  const char       *name;
  MigDiskMode       mode;
  MigDiskSourceKind kind;
  const char       *path;
  gint64            slice;
  gboolean          encrypted;
  const char       *here, *there;
  int               code; /* -1: accepted */
  gboolean          copied;
} Row;

static const Row rows[] = {
  { "a file of the host's own", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_FILE, "/d/v", -1, FALSE, "", NULL, -1, TRUE },
  { "in memory", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_FILE, "/dev/shm/v", -1, FALSE, "", NULL, -1, TRUE },
  { "a device", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_BLOCK, "/mapper/v", -1, FALSE, "", NULL, -1, TRUE },
  { "something is in its place", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_FILE, "/d/v", -1, FALSE, "", "",
    MIG_ERROR_CONFLICT, FALSE },
  { "shared", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_FILE, "/d/v", -1, FALSE, "nas", "nas", -1, FALSE },
  { "shared and encrypted", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_FILE, "/d/v", -1, TRUE, "nas", "nas", -1, FALSE },
  { "two shares", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_FILE, "/d/v", -1, FALSE, "nas", "other", MIG_ERROR_CONFLICT,
    FALSE },
  { "not mounted there", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_FILE, "/d/v", -1, FALSE, "nas", NULL,
    MIG_ERROR_INVALID_STATE, FALSE },
  { "mounted otherwise", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_FILE, "/d/v", -1, FALSE, "nas", "",
    MIG_ERROR_INVALID_STATE, FALSE },
  { "not mounted there, copy", MIG_DISK_MODE_COPY, MIG_DISK_SOURCE_KIND_FILE, "/d/v", -1, FALSE, "nas", NULL,
    MIG_ERROR_INVALID_STATE, FALSE },
  { "not mounted here", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_FILE, "/d/v", -1, FALSE, "", "nas",
    MIG_ERROR_INVALID_STATE, FALSE },
  { "encrypted", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_FILE, "/d/v", -1, TRUE, "", NULL, MIG_ERROR_NOT_SUPPORTED,
    FALSE },
  { "a piece", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_OTHER, "/d/v", 512, FALSE, "", NULL, MIG_ERROR_NOT_SUPPORTED,
    FALSE },
  { "lost", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_OTHER, "pool/v", -1, FALSE, "", NULL, MIG_ERROR_NOT_SUPPORTED,
    FALSE },
  { "lost, taken for shared", MIG_DISK_MODE_SHARED, MIG_DISK_SOURCE_KIND_OTHER, "pool/v", -1, FALSE, "", NULL, -1,
    FALSE },
  { "a socket", MIG_DISK_MODE_AUTO, MIG_DISK_SOURCE_KIND_OTHER, "/run/vhost.sock", -1, FALSE, "", NULL, -1, FALSE },
};

#define TWIN_TYPE (twin_get_type ())
G_DECLARE_FINAL_TYPE (Twin, twin, TWIN, DRIVER, GObject)

struct _Twin
{
  GObject    parent_instance;
  const Row *row;
};

static const char *
get_name (MigComputeDriver *driver)
{
  return "twin";
}

static MigDomainInfo *
get_domain (MigComputeDriver  *driver,
            MigHost           *host,
            const char        *domain,
            GCancellable      *cancellable,
            GError           **error)
{
  const Row *row = TWIN_DRIVER (driver)->row;
  g_autoptr (MigDiskSource) source = g_object_new (MIG_TYPE_DISK_SOURCE, "kind", row->kind, "path", row->path,
                                                   "format", "raw", "slice", row->slice, NULL);
  g_autoptr (GPtrArray) disks = g_ptr_array_new_with_free_func (g_object_unref);

  g_ptr_array_add (disks, g_object_new (MIG_TYPE_DISK, "target", "vda", "device", "disk", "source", source,
                                        "encrypted", row->encrypted, NULL));

  return g_object_new (MIG_TYPE_DOMAIN_INFO, "uuid", UUID, "name", "g", "state", MIG_DOMAIN_STATE_RUNNING,
                       "disks", disks, NULL);
}

static void
compute_init (MigComputeDriverInterface *iface)
{
  iface->get_name = get_name;
  iface->get_domain = get_domain;
}

static gint64
get_length (MigBlockJobDriver  *driver,
            MigHost            *host,
            const char         *domain,
            const char         *target,
            GCancellable       *cancellable,
            GError            **error)
{
  return 1 << 20;
}

static void
block_init (MigBlockJobDriverInterface *iface)
{
  iface->get_length = get_length;
}

static MigVolume *
lookup (MigVolumeBackend  *backend,
        MigHost           *host,
        MigDiskSource     *source,
        GCancellable      *cancellable,
        GError           **error)
{
  const Row *row = TWIN_DRIVER (backend)->row;
  const char *identity = g_str_equal (mig_host_get_name (host), "a") ? row->here : row->there;

  if (identity != NULL)
    return g_object_new (MIG_TYPE_VOLUME, "source", source, "capacity", (gint64) 1 << 20,
                         "identity", *identity != '\0' ? identity : NULL, NULL);

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "nothing is there");

  return NULL;
}

static void
backend_init (MigVolumeBackendInterface *iface)
{
  iface->lookup = lookup;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (Twin, twin, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_COMPUTE_DRIVER, compute_init)
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_BLOCK_JOB_DRIVER, block_init)
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_VOLUME_BACKEND, backend_init))

static void
twin_class_init (TwinClass *klass)
{
}

static void
twin_init (Twin *self)
{
}

START_TEST (disks_are_chosen)
{
  const Row *row = &rows[_i];
  g_autoptr (Twin) twin = g_object_new (TWIN_TYPE, NULL);
  g_autoptr (MigHost) a = mig_host_new ("a", "twin://a/");
  g_autoptr (MigHost) b = mig_host_new ("b", "twin://b/");
  g_autoptr (MigMigrationOptions) options = g_object_new (MIG_TYPE_MIGRATION_OPTIONS, "disks", row->mode, NULL);
  g_autoptr (MigFacts) facts = mig_facts_new ();
  MigLive live = { .facts = facts, .options = options, .driver = MIG_COMPUTE_DRIVER (twin),
                   .backend = MIG_VOLUME_BACKEND (twin), .source = a, .destination = b };
  g_autoptr (GPtrArray) disks = NULL;
  g_autoptr (GError) error = NULL;

  twin->row = row;
  mig_facts_set_string (facts, MIG_LIVE_FACT_UUID, UUID);
  mig_facts_set_string (facts, MIG_LIVE_FACT_NAME, "g");
  if (!mig_live_check_disks (&live, b, &error))
    {
      ck_assert_msg (row->code >= 0, "%s: %s", row->name, error->message);
      mig_assert_error (error, MIG_ERROR, row->code);
      ck_assert_msg (strstr (error->message, row->path) != NULL, "%s: %s", row->name, error->message);
      return;
    }

  ck_assert_msg (row->code < 0, "%s: accepted", row->name);
  disks = mig_live_list_disks (&live);
  ck_assert_uint_eq (disks->len, row->copied ? 1 : 0);
  if (row->copied)
    {
      MigLiveDisk *disk = g_ptr_array_index (disks, 0);

      ck_assert_int_eq (mig_disk_source_get_kind (disk->source), row->kind);
      ck_assert_str_eq (mig_disk_source_get_path (disk->source), row->path);
      ck_assert_str_eq (mig_disk_source_get_format (disk->source), "raw");
    }
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("live-disks");
  TCase *tcase = mig_test_add_case (suite, "disks");

  tcase_add_loop_test (tcase, disks_are_chosen, 0, G_N_ELEMENTS (rows));

  return suite;
}

MIG_TEST_MAIN (create_suite)
