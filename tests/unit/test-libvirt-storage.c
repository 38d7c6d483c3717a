/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"

#include <libmig/mig.h>

#include "libmig/drivers/libvirt/mig-libvirt-file-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-scratch-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-storage-xml-private.h"

/* The files pool-dir, volume-raw and volume-qcow2 are what libvirt 9.0 said. */

static char *
load (const char *name)
{
  g_autofree char *path = g_strdup_printf ("%s/data/xml/%s.xml", g_getenv ("G_TEST_SRCDIR"), name);
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  mig_assert_no_error (error);

  return text;
}

START_TEST (reads_a_real_pool)
{
  g_autofree char *text = load ("pool-dir");
  g_autoptr (GError) error = NULL;
  g_autoptr (MigLibvirtPoolInfo) info = mig_libvirt_pool_info_parse (text, &error);

  mig_assert_no_error (error);
  ck_assert_str_eq (info->name, "local");
  ck_assert_str_eq (info->type, "dir");
  ck_assert_str_eq (info->target, "/lab/local");
  ck_assert_int_gt (info->available, 0);
  ck_assert (info->place == NULL);
  ck_assert (mig_libvirt_pool_info_identify (info, "v") == NULL);
}
END_TEST

START_TEST (reads_real_volumes)
{
  g_autofree char *raw_text = load ("volume-raw");
  g_autofree char *qcow2_text = load ("volume-qcow2");
  g_autoptr (GError) error = NULL;
  g_autoptr (MigLibvirtVolumeInfo) raw = mig_libvirt_volume_info_parse (raw_text, &error);
  g_autoptr (MigLibvirtVolumeInfo) qcow2 = mig_libvirt_volume_info_parse (qcow2_text, &error);

  mig_assert_no_error (error);
  ck_assert_str_eq (raw->name, "g&1's <disk>.img");
  ck_assert_str_eq (raw->path, "/lab/local/g&1's <disk>.img");
  ck_assert_str_eq (raw->type, "file");
  ck_assert_str_eq (raw->format, "raw");
  ck_assert_int_eq (raw->capacity, 64 << 20);
  ck_assert_int_lt (raw->allocation, 64 << 20);

  ck_assert_str_eq (qcow2->format, "qcow2");
  ck_assert_int_eq (mig_libvirt_volume_info_length (qcow2, "qcow2"), 16 << 20);
  ck_assert_int_eq (mig_libvirt_volume_info_length (qcow2, NULL), 16 << 20);
  ck_assert_int_eq (mig_libvirt_volume_info_length (qcow2, "raw"), qcow2->physical);
  ck_assert_int_ne (qcow2->physical, qcow2->capacity);
}
END_TEST

/* What a volume says of what is below it: a row for each form. */
static const struct
{
  const char       *text;
  MigDiskSourceKind kind;
  const char       *path;
} layers[] = {
  { "<path>/lab/base.img</path><format type='raw'/>", MIG_DISK_SOURCE_KIND_FILE, "/lab/base.img" },
  { "<path>/lab/top/../base.img</path><format type='raw'/>", MIG_DISK_SOURCE_KIND_FILE, "/lab/base.img" },
  { "<path>/dev/vg/base</path><format type='raw'/>", MIG_DISK_SOURCE_KIND_BLOCK, "/dev/vg/base" },
  { "<path>nbd://h:10809/x</path><format type='raw'/>", MIG_DISK_SOURCE_KIND_NBD, "x" },
  { "<path>rbd:pool/x</path><format type='raw'/>", MIG_DISK_SOURCE_KIND_OTHER, "rbd:pool/x" },
  { "", MIG_DISK_SOURCE_KIND_NONE, NULL },
};

START_TEST (reads_what_is_below)
{
  g_autofree char *text = g_strdup_printf ("<volume><name>n</name><capacity>1</capacity><backingStore>%s"
                                           "</backingStore></volume>", layers[_i].text);
  g_autoptr (GError) error = NULL;
  g_autoptr (MigLibvirtVolumeInfo) info = mig_libvirt_volume_info_parse (text, &error);
  g_autoptr (MigDiskSource) below = NULL;

  mig_assert_no_error (error);
  ck_assert (!info->encrypted);
  below = mig_libvirt_volume_info_backing (info);
  ck_assert ((below != NULL) == (layers[_i].path != NULL));
  if (below == NULL)
    return;

  ck_assert_int_eq (mig_disk_source_get_kind (below), layers[_i].kind);
  ck_assert_str_eq (mig_disk_source_get_path (below), layers[_i].path);
  ck_assert_str_eq (mig_disk_source_get_format (below), "raw");
}
END_TEST

/* What libvirt 9.0 says of a raw file that begins with a header of LUKS. */
START_TEST (sees_encryption)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigLibvirtVolumeInfo) info = mig_libvirt_volume_info_parse (
    "<volume type='file'><name>luks.img</name><capacity unit='bytes'>8388608</capacity>"
    "<target><path>/lab/luks.img</path><format type='raw'/><encryption format='luks'></encryption></target></volume>",
    &error);

  mig_assert_no_error (error);
  ck_assert (info->encrypted);
}
END_TEST

START_TEST (refuses_nonsense)
{
  static const char *const pools[] = {
    "", "<volume/>", "<pool type='dir'/>", "<pool><name>n</name></pool>", "<pool type='dir'><name/></pool>",
    "<pool type='dir'><name>n</name><available>x</available></pool>",
    "<!DOCTYPE pool><pool type='dir'><name>n</name></pool>",
  };
  static const char *const volumes[] = {
    "", "<pool/>", "<volume><name>n</name></volume>", "<volume><capacity>1</capacity></volume>",
    "<volume><name>n</name><capacity>-1</capacity></volume>",
    "<volume><name>n</name><capacity unit='x'>1</capacity></volume>",
    "<volume><name>n</name><capacity>1</capacity><allocation/></volume>",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pools); i++)
    {
      g_autoptr (GError) error = NULL;

      ck_assert_msg (mig_libvirt_pool_info_parse (pools[i], &error) == NULL, "%s", pools[i]);
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (volumes); i++)
    {
      g_autoptr (GError) error = NULL;

      ck_assert_msg (mig_libvirt_volume_info_parse (volumes[i], &error) == NULL, "%s", volumes[i]);
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
    }
}
END_TEST

/* The identity of a volume in a pool with that source, or NULL. */
static char *
identify (const char *type,
          const char *source,
          const char *volume)
{
  g_autofree char *text = g_strdup_printf ("<pool type='%s'><name>n</name><source>%s</source></pool>", type, source);
  g_autoptr (GError) error = NULL;
  g_autoptr (MigLibvirtPoolInfo) info = mig_libvirt_pool_info_parse (text, &error);

  mig_assert_no_error (error);

  return mig_libvirt_pool_info_identify (info, volume);
}

#define HOST(name) "<host name='" name "'/>"
#define DIR(path) "<dir path='" path "'/>"
#define DEVICE(path) "<device path='" path "'/>"
#define NAME(text) "<name>" text "</name>"

/* Rows of one group are one storage; rows of different groups, and of group 0, are not. */
static const struct
{
  int         group;
  const char *type, *source;
} storages[] = {
  { 1, "netfs", HOST ("nas") DIR ("/export/a") },
  { 1, "netfs", DIR ("/export/a") HOST ("NAS") "<format type='auto'/>" },
  { 1, "netfs", HOST ("nas") DIR ("/export/a") "<format type='nfs'/>" },
  { 2, "netfs", HOST ("nas") DIR ("/export/a") "<format type='cifs'/>" },
  { 3, "netfs", HOST ("nas") DIR ("/export/b") },
  { 4, "netfs", HOST ("nas2") DIR ("/export/a") },
  { 5, "netfs", HOST ("nas /export/a") DIR ("") DIR ("x") },
  { 6, "rbd", HOST ("m1") HOST ("m2") NAME ("pool") },
  { 6, "rbd", HOST ("m2") HOST ("m1") NAME ("pool") "<auth type='ceph' username='other'/>" },
  { 7, "rbd", HOST ("m1") NAME ("pool") },
  { 8, "rbd", HOST ("m1") HOST ("m2") NAME ("pool2") },
  { 9, "iscsi", HOST ("t") DEVICE ("iqn.2026-01.org.example:a") },
  { 9, "iscsi", HOST ("t") DEVICE ("iqn.2026-01.org.example:a") "<initiator><iqn name='x'/></initiator>" },
  { 10, "iscsi", HOST ("t") DEVICE ("iqn.2026-01.org.example:b") },
  { 11, "iscsi", "<host name='t' port='3261'/>" DEVICE ("iqn.2026-01.org.example:a") },
  { 12, "gluster", HOST ("g") NAME ("vol") DIR ("/") },
  { 13, "gluster", HOST ("g") NAME ("vol") DIR ("/sub") },
  { 14, "sheepdog", HOST ("s") NAME ("vol") },
  { 0, "rbd", NAME ("pool") },
  { 0, "rbd", HOST ("m1") },
  { 0, "netfs", DIR ("/export/a") },
  /* Another machine to each who says it. */
  { 0, "netfs", HOST ("localhost") DIR ("/export/a") },
  { 0, "netfs", HOST ("LocalHost.localdomain") DIR ("/export/a") },
  { 0, "netfs", HOST ("127.0.0.1") DIR ("/export/a") },
  { 0, "netfs", HOST ("127.8.9.1") DIR ("/export/a") },
  { 0, "netfs", HOST ("::1") DIR ("/export/a") },
  { 0, "netfs", HOST ("") DIR ("/export/a") },
  { 0, "rbd", HOST ("m1") HOST ("localhost") NAME ("pool") },
  { 0, "iscsi", "<host name='127.0.0.1' port='3261'/>" DEVICE ("iqn.2026-01.org.example:a") },
  { 15, "netfs", HOST ("128.0.0.1") DIR ("/export/a") },
  { 16, "netfs", HOST ("localhost-of-ali") DIR ("/export/a") },
  { 0, "netfs", HOST ("nas") },
  { 0, "iscsi", HOST ("t") },
  { 0, "dir", HOST ("nas") DIR ("/export/a") },
  { 0, "fs", DEVICE ("/dev/sdb1") },
  { 0, "logical", NAME ("vg") DEVICE ("/dev/sdb") },
  { 0, "scsi", "<adapter name='host0'/>" },
  { 0, "of-the-future", HOST ("h") NAME ("n") },
};

START_TEST (identifies_network_storage)
{
  for (gsize i = 0; i < G_N_ELEMENTS (storages); i++)
    {
      g_autofree char *one = identify (storages[i].type, storages[i].source, "volume");

      /* A directory without a path is none. */
      if (storages[i].group == 0 || storages[i].group == 5)
        {
          ck_assert_msg (one == NULL, "%s: %s", storages[i].source, one);
          continue;
        }
      for (gsize j = 0; j < G_N_ELEMENTS (storages); j++)
        {
          g_autofree char *other = identify (storages[j].type, storages[j].source, "volume");
          g_autofree char *another = identify (storages[j].type, storages[j].source, "volume 2");

          ck_assert_msg ((g_strcmp0 (one, other) == 0) == (storages[i].group == storages[j].group), "%s and %s", one,
                         other);
          ck_assert_str_ne (one, another != NULL ? another : "");
        }
    }
}
END_TEST

/* Where the volume "v" of a pool with that source is; NULL: the pool has to be asked. */
static const struct
{
  const char        *type, *source;
  MigDiskSourceKind  kind;
  const char        *text;
} located[] = {
  { "dir", "", MIG_DISK_SOURCE_KIND_FILE, "/t/v" },
  { "fs", DEVICE ("/dev/sdb1"), MIG_DISK_SOURCE_KIND_FILE, "/t/v" },
  { "netfs", HOST ("nas") DIR ("/export/a"), MIG_DISK_SOURCE_KIND_FILE, "/t/v" },
  { "logical", NAME ("vg"), MIG_DISK_SOURCE_KIND_BLOCK, "/t/v" },
  { "rbd", "<host name='m1' port='6789'/>" HOST ("m2") NAME ("p"), MIG_DISK_SOURCE_KIND_NETWORK, "rbd:p/v" },
  { "rbd", HOST ("m1"), MIG_DISK_SOURCE_KIND_NONE, NULL },
  { "iscsi", HOST ("t") DEVICE ("iqn"), MIG_DISK_SOURCE_KIND_NONE, NULL },
  { "disk", DEVICE ("/dev/sdb"), MIG_DISK_SOURCE_KIND_NONE, NULL },
  { "gluster", HOST ("g") NAME ("n") DIR ("/"), MIG_DISK_SOURCE_KIND_NONE, NULL },
};

START_TEST (locates_volumes)
{
  g_autofree char *text = g_strdup_printf ("<pool type='%s'><name>n</name><source>%s</source><target><path>/t</path>"
                                           "</target></pool>", located[_i].type, located[_i].source);
  g_autoptr (GError) error = NULL;
  g_autoptr (MigLibvirtPoolInfo) info = mig_libvirt_pool_info_parse (text, &error);
  g_autoptr (MigDiskSource) source = NULL;

  mig_assert_no_error (error);
  source = mig_libvirt_pool_info_locate (info, "v", "qcow2");
  ck_assert (mig_libvirt_pool_info_is_group (info) == g_str_equal (located[_i].type, "logical"));
  ck_assert_int_eq (source != NULL ? mig_disk_source_get_kind (source) : MIG_DISK_SOURCE_KIND_NONE, located[_i].kind);
  if (source == NULL)
    return;

  ck_assert_str_eq (mig_disk_source_get_path (source), located[_i].text);
  ck_assert_str_eq (mig_disk_source_get_format (source), "qcow2");
  if (located[_i].kind == MIG_DISK_SOURCE_KIND_NETWORK)
    {
      ck_assert_str_eq (mig_disk_source_get_host (source), "m1");
      ck_assert_int_eq (mig_disk_source_get_port (source), 6789);
    }
}
END_TEST

START_TEST (separators_are_not_mixed_up)
{
  g_autofree char *a = identify ("rbd", HOST ("m") NAME ("a b"), "c");
  g_autofree char *b = identify ("rbd", HOST ("m") NAME ("a"), "b c");
  g_autofree char *c = identify ("rbd", HOST ("m") HOST ("x") NAME ("a"), "c");
  g_autofree char *d = identify ("rbd", HOST ("m x") NAME ("a"), "c");

  ck_assert_str_ne (a, b);
  ck_assert_str_ne (c, d);
}
END_TEST

START_TEST (writes_pools_and_volumes)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *pool = mig_libvirt_storage_xml_pool ("n", "/a&b/'<c>", &error);
  g_autofree char *raw = mig_libvirt_storage_xml_volume ("v<1>", G_GINT64_CONSTANT (1) << 40, "raw", &error);
  g_autofree char *qcow2 = mig_libvirt_storage_xml_volume ("v", 1024, "qcow2", &error);

  mig_assert_no_error (error);
  ck_assert_str_eq (pool, "<pool type=\"dir\"><name>n</name><target><path>/a&amp;b/'&lt;c&gt;</path></target></pool>");
  ck_assert_str_eq (raw, "<volume><name>v&lt;1&gt;</name><capacity unit=\"bytes\">1099511627776</capacity>"
                         "<allocation unit=\"bytes\">0</allocation><target><format type=\"raw\"/></target></volume>");
  ck_assert_str_eq (qcow2, "<volume><name>v</name><capacity unit=\"bytes\">1024</capacity>"
                           "<allocation unit=\"bytes\">0</allocation><target><format type=\"qcow2\"/>"
                           "<compat>1.1</compat></target></volume>");

  ck_assert (mig_libvirt_storage_xml_pool ("n", "/\xff", &error) == NULL);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  ck_assert (mig_libvirt_storage_xml_volume ("\x02", 1, "raw", &error) == NULL);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST (writes_a_probe)
{
  g_autoptr (MigDiskSource) device = mig_disk_source_new (MIG_DISK_SOURCE_KIND_BLOCK, "/dev/vg/lv", NULL);
  g_autoptr (MigDiskSource) volume = mig_disk_source_new (MIG_DISK_SOURCE_KIND_OTHER, "p/v", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = mig_libvirt_storage_xml_probe ("n", "u", device, &error);

  mig_assert_no_error (error);
  ck_assert_str_eq (text, "<domain type=\"qemu\"><name>n</name><uuid>u</uuid><memory unit=\"MiB\">2</memory>"
                          "<os><type>hvm</type></os><devices><disk type=\"block\"><source dev=\"/dev/vg/lv\"/>"
                          "<driver type=\"raw\"/><target dev=\"vda\" bus=\"virtio\"/><readonly/></disk>"
                          "<controller type=\"usb\" model=\"none\"/><memballoon model=\"none\"/></devices></domain>");
  ck_assert (mig_libvirt_storage_xml_probe ("n", "u", volume, &error) == NULL);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED);
}
END_TEST

START_TEST (takes_paths_apart)
{
  static const struct
  {
    const char *path, *directory, *name;
    MigError    code;
  } rows[] = {
    { "/a/b/c", "/a/b", "c", 0 },
    { "//a///b", "/a", "b", 0 },
    { "/a", "/", "a", 0 },
    { "/a/.b/..c/d..", "/a/.b/..c", "d..", 0 },
    { "/dev/shm/a", "/dev/shm", "a", 0 },
    { "/device/a", "/device", "a", 0 },
    { "/data/ü <&>/'\"", "/data/ü <&>", "'\"", 0 },
    { NULL, NULL, NULL, MIG_ERROR_INVALID_ARGUMENT },
    { "", NULL, NULL, MIG_ERROR_INVALID_ARGUMENT },
    { "/", NULL, NULL, MIG_ERROR_INVALID_ARGUMENT },
    { "a/b", NULL, NULL, MIG_ERROR_INVALID_ARGUMENT },
    { "/a/", NULL, NULL, MIG_ERROR_INVALID_ARGUMENT },
    { "/a/../b", NULL, NULL, MIG_ERROR_INVALID_ARGUMENT },
    { "/a/./b", NULL, NULL, MIG_ERROR_INVALID_ARGUMENT },
    { "/a/..", NULL, NULL, MIG_ERROR_INVALID_ARGUMENT },
    { "/a/\a", NULL, NULL, MIG_ERROR_INVALID_ARGUMENT },
    { "/latin\xe9/a", NULL, NULL, MIG_ERROR_INVALID_ARGUMENT },
    { "/dev/watchdog", NULL, NULL, MIG_ERROR_NOT_SUPPORTED },
    { "//dev//vg/lv", NULL, NULL, MIG_ERROR_NOT_SUPPORTED },
    { "/proc/1/mem", NULL, NULL, MIG_ERROR_NOT_SUPPORTED },
    { "/sys/power/state", NULL, NULL, MIG_ERROR_NOT_SUPPORTED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      MigLibvirtFile file = { NULL };
      g_autoptr (GError) error = NULL;
      gboolean good = mig_libvirt_file_parse (&file, rows[i].path, &error);

      ck_assert_msg (good == (rows[i].code == 0), "%s", rows[i].path);
      if (good)
        {
          ck_assert_str_eq (file.directory, rows[i].directory);
          ck_assert_str_eq (file.name, rows[i].name);
        }
      else
        mig_assert_error (error, MIG_ERROR, rows[i].code);
      mig_libvirt_file_clear (&file);
    }
}
END_TEST

START_TEST (counts_users)
{
  g_autoptr (MigLibvirtScratch) scratch = mig_libvirt_scratch_new ();
  MigLibvirtPlace here = { NULL, scratch, "here" }, there = { NULL, scratch, "there" };

  mig_libvirt_scratch_enter (&here, "a");
  mig_libvirt_scratch_enter (&here, "a");
  mig_libvirt_scratch_enter (&there, "a");
  ck_assert (!mig_libvirt_scratch_leave (&here, "a"));
  ck_assert (mig_libvirt_scratch_leave (&there, "a"));
  ck_assert (mig_libvirt_scratch_leave (&here, "a"));
  mig_libvirt_scratch_enter (&here, "a");
  ck_assert (mig_libvirt_scratch_leave (&here, "a"));
}
END_TEST

START_TEST (names_are_recognised)
{
  g_autofree char *one = mig_libvirt_scratch_make_uuid ("/dev/a");
  g_autofree char *same = mig_libvirt_scratch_make_uuid ("/dev/a");
  g_autofree char *other = mig_libvirt_scratch_make_uuid ("/dev/b");
  g_autofree char *name = g_strconcat (MIG_LIBVIRT_SCRATCH_DOMAIN, one, NULL);

  ck_assert (g_uuid_string_is_valid (one));
  ck_assert_str_eq (one, same);
  ck_assert_str_ne (one, other);
  ck_assert (mig_libvirt_scratch_owns_domain (name, one));
  ck_assert (!mig_libvirt_scratch_owns_domain (name, other));
  ck_assert (!mig_libvirt_scratch_owns_domain ("libmig", one));
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-storage");
  TCase *reading = mig_test_add_case (suite, "reading");
  TCase *writing = mig_test_add_case (suite, "writing");
  TCase *scratch = mig_test_add_case (suite, "scratch");

  tcase_add_test (reading, reads_a_real_pool);
  tcase_add_test (reading, reads_real_volumes);
  tcase_add_test (reading, sees_encryption);
  tcase_add_loop_test (reading, reads_what_is_below, 0, G_N_ELEMENTS (layers));
  tcase_add_test (reading, refuses_nonsense);
  tcase_add_test (reading, identifies_network_storage);
  tcase_add_loop_test (reading, locates_volumes, 0, G_N_ELEMENTS (located));
  tcase_add_test (reading, separators_are_not_mixed_up);
  tcase_add_test (reading, takes_paths_apart);
  tcase_add_test (writing, writes_pools_and_volumes);
  tcase_add_test (writing, writes_a_probe);
  tcase_add_test (scratch, counts_users);
  tcase_add_test (scratch, names_are_recognised);

  return suite;
}

MIG_TEST_MAIN (create_suite)
