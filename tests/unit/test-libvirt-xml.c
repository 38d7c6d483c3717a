/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"

#include <libmig/mig.h>

#include "libmig/drivers/libvirt/mig-libvirt-document-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-xml-private.h"

/* The files domain-live, -persistent, -ready, -slice and capabilities are what libvirt 9.0 said of one guest. */

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

static MigDomainInfo *
parse_text (const char  *live,
            const char  *persistent,
            GError     **error)
{
  return mig_libvirt_xml_parse (live, persistent, MIG_DOMAIN_STATE_RUNNING, MIG_JOB_KIND_NONE, FALSE, NULL, error);
}

static MigDomainInfo *
parse_file (const char *live_name,
            const char *persistent_name)
{
  g_autofree char *live = load (live_name);
  g_autofree char *persistent = persistent_name != NULL ? load (persistent_name) : NULL;
  g_autoptr (GError) error = NULL;
  MigDomainInfo *info = parse_text (live, persistent, &error);

  mig_assert_no_error (error);

  return info;
}

/* "kind path format host port slice", with - for what is not there. */
static char *
describe (MigDiskSource *source)
{
  if (source == NULL)
    return g_strdup ("none");

  return g_strdup_printf ("%d %s %s %s %u %" G_GINT64_FORMAT, mig_disk_source_get_kind (source),
                          mig_disk_source_get_path (source) != NULL ? mig_disk_source_get_path (source) : "-",
                          mig_disk_source_get_format (source) != NULL ? mig_disk_source_get_format (source) : "-",
                          mig_disk_source_get_host (source) != NULL ? mig_disk_source_get_host (source) : "-",
                          mig_disk_source_get_port (source), mig_disk_source_get_slice (source));
}

static void
check_source (MigDiskSource *source,
              const char    *expected)
{
  g_autofree char *description = describe (source);

  ck_assert_str_eq (description, expected);
}

static MigDisk *
disk_of (MigDomainInfo *info,
         const char    *target)
{
  MigDisk *disk = mig_domain_info_find_disk (info, target);

  ck_assert_msg (disk != NULL, "no disk %s", target);

  return disk;
}

START_TEST (reads_a_real_domain)
{
  static const struct
  {
    const char *target, *device, *source;
    gboolean    read_only, backing;
  } rows[] = {
    { "vda", "disk", "1 /lab/local/g&1's <disk>.img raw - 0 -1", FALSE, FALSE },
    { "vdb", "disk", "1 /lab/local/over.qcow2 qcow2 - 0 -1", FALSE, TRUE },
    { "vdc", "disk", "2 /dev/loop0 raw - 0 -1", FALSE, FALSE },
    { "vdd", "disk", "3 disk-one raw 10.99.0.1 10809 -1", FALSE, FALSE },
    { "vdz", "disk", "5 local/vol.img raw - 0 -1", FALSE, FALSE },
    { "hda", "cdrom", "none", TRUE, FALSE },
  };
  g_autofree char *live = load ("domain-live");
  g_autofree char *persistent = load ("domain-persistent");
  g_autoptr (MigDomainInfo) info = parse_file ("domain-live", "domain-persistent");

  ck_assert_str_eq (mig_domain_info_get_name (info), "g1");
  ck_assert_uint_eq (strlen (mig_domain_info_get_uuid (info)), 36);
  ck_assert_int_eq (mig_domain_info_get_memory (info), 64 << 20);
  ck_assert_int_eq (mig_domain_info_get_id (info), 1);
  ck_assert_str_eq (mig_domain_info_get_mark (info), "a<b&\"c\"");
  ck_assert (mig_domain_info_is_persistent (info));
  ck_assert_str_eq (mig_domain_info_get_definition (info), live);
  ck_assert_str_eq (mig_domain_info_get_persistent_definition (info), persistent);
  ck_assert_uint_eq (mig_domain_info_get_disks (info)->len, G_N_ELEMENTS (rows));
  ck_assert_uint_eq (mig_domain_info_get_persistent_disks (info)->len, G_N_ELEMENTS (rows));

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      MigDisk *disk = g_ptr_array_index (mig_domain_info_get_disks (info), i);

      ck_assert_str_eq (mig_disk_get_target (disk), rows[i].target);
      ck_assert_str_eq (mig_disk_get_device (disk), rows[i].device);
      check_source (mig_disk_get_source (disk), rows[i].source);
      ck_assert_int_eq (mig_disk_is_read_only (disk), rows[i].read_only);
      ck_assert_int_eq (mig_disk_has_backing (disk), rows[i].backing);
      ck_assert (!mig_disk_is_encrypted (disk) && !mig_disk_is_shareable (disk));
      ck_assert (mig_disk_get_mirror (disk) == NULL && !mig_disk_is_mirror_ready (disk));
    }
  ck_assert_str_eq (mig_disk_get_serial (disk_of (info, "vda")), "SER1");
  ck_assert (mig_disk_get_serial (disk_of (info, "vdb")) == NULL);
}
END_TEST

START_TEST (hands_on_what_it_is_told)
{
  g_autofree char *live = load ("domain-live");
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) info = mig_libvirt_xml_parse (live, NULL, MIG_DOMAIN_STATE_PAUSED_MIGRATION,
                                                          MIG_JOB_KIND_MIGRATION_IN, TRUE, NULL, &error);

  mig_assert_no_error (error);
  ck_assert_int_eq (mig_domain_info_get_state (info), MIG_DOMAIN_STATE_PAUSED_MIGRATION);
  ck_assert_int_eq (mig_domain_info_get_job (info), MIG_JOB_KIND_MIGRATION_IN);
  ck_assert (mig_domain_info_has_snapshots (info));
  ck_assert (!mig_domain_info_is_persistent (info));
  ck_assert (mig_domain_info_get_persistent_definition (info) == NULL);
  ck_assert_uint_eq (mig_domain_info_get_persistent_disks (info)->len, 0);
}
END_TEST

START_TEST (reads_mirrors_and_slices)
{
  g_autoptr (MigDomainInfo) ready = parse_file ("domain-ready", NULL);
  g_autoptr (MigDomainInfo) slice = parse_file ("domain-slice", NULL);

  check_source (mig_disk_get_mirror (disk_of (ready, "vda")), "1 /lab/local/copy.img raw - 0 -1");
  ck_assert (mig_disk_is_mirror_ready (disk_of (ready, "vda")));
  check_source (mig_disk_get_mirror (disk_of (ready, "vdb")), "1 /lab/local/copy.qcow2 qcow2 - 0 -1");
  ck_assert (!mig_disk_is_mirror_ready (disk_of (ready, "vdb")));
  check_source (mig_disk_get_mirror (disk_of (slice, "vda")), "1 /lab/local/big.img raw - 0 67108864");
}
END_TEST

START_TEST (reads_the_backing_chain)
{
  g_autoptr (MigDomainInfo) info = parse_file ("domain-live", NULL);
  g_autoptr (MigDomainInfo) odd = parse_file ("domain-odd", NULL);
  GPtrArray *chain = mig_disk_get_backing_chain (disk_of (info, "vdb"));

  ck_assert_uint_eq (chain->len, 1);
  check_source (g_ptr_array_index (chain, 0), "1 /lab/local/base.qcow2 qcow2 - 0 -1");
  ck_assert_uint_eq (mig_disk_get_backing_chain (disk_of (info, "vda"))->len, 0);

  chain = mig_disk_get_backing_chain (disk_of (odd, "vdg"));
  ck_assert_uint_eq (chain->len, 2);
  check_source (g_ptr_array_index (chain, 0), "2 /dev/middle qcow2 - 0 -1");
  check_source (g_ptr_array_index (chain, 1), "3 base raw nas 10810 -1");
}
END_TEST

START_TEST (reads_odd_disks)
{
  static const struct
  {
    const char *target, *device, *source;
    gboolean    encrypted;
  } rows[] = {
    { "sda", "cdrom", "none", FALSE },
    { "sdb", "cdrom", "none", FALSE },
    { "sdc", "lun", "2 /dev/sdz - - 0 -1", FALSE },
    { "vda", "disk", "4 rbd:pool/image raw mon1 6789 -1", TRUE },
    { "vdb", "disk", "3  - ::1 10809 -1", FALSE },
    { "vdc", "disk", "4 nbd:x - /run/nbd.sock 0 -1", FALSE },
    { "vdd", "disk", "5 p/v - - 0 -1", TRUE },
    { "vde", "disk", "5 - - - 0 -1", FALSE },
    { "vdf", "disk", "5 /run/vhost.sock - - 0 -1", FALSE },
    { "vdg", "disk", "1 /a/top qcow2 - 0 -1", TRUE },
    { "vdh", "disk", "none", FALSE },
    { "vdi", "disk", "5 - - - 0 -1", FALSE },
    { "vdj", "disk", "5 /a/piece - - 0 1024", FALSE },
    { "vdk", "disk", "5 x - nas 10809 1024", FALSE },
  };
  g_autoptr (MigDomainInfo) info = parse_file ("domain-odd", NULL);

  ck_assert_int_eq (mig_domain_info_get_memory (info), G_GINT64_CONSTANT (3000000000));
  ck_assert (mig_domain_info_get_mark (info) == NULL);
  ck_assert_uint_eq (mig_domain_info_get_disks (info)->len, G_N_ELEMENTS (rows));
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      MigDisk *disk = disk_of (info, rows[i].target);

      ck_assert_str_eq (mig_disk_get_device (disk), rows[i].device);
      check_source (mig_disk_get_source (disk), rows[i].source);
      ck_assert_int_eq (mig_disk_is_encrypted (disk), rows[i].encrypted);
    }
  ck_assert (mig_disk_is_shareable (disk_of (info, "sdc")));
  /* Its pivot is under way: it may not pivot again. */
  ck_assert (!mig_disk_is_mirror_ready (disk_of (info, "vdg")));
}
END_TEST

static MigDiskSource *
find_volume (const char *pool,
             const char *volume,
             const char *format,
             gpointer    data)
{
  if (strcmp (pool, data) != 0)
    return NULL;

  ck_assert_str_eq (volume, "vol.img");
  ck_assert_str_eq (format, "raw");

  return mig_disk_source_new (MIG_DISK_SOURCE_KIND_FILE, "/found", format);
}

START_TEST (asks_where_volumes_are)
{
  static const char *const pools[] = { "local", "other" };
  g_autofree char *live = load ("domain-live");

  for (gsize i = 0; i < G_N_ELEMENTS (pools); i++)
    {
      MigLibvirtResolver resolver = { find_volume, (gpointer) pools[i] };
      g_autoptr (GError) error = NULL;
      g_autoptr (MigDomainInfo) info = mig_libvirt_xml_parse (live, live, MIG_DOMAIN_STATE_RUNNING, MIG_JOB_KIND_NONE,
                                                              FALSE, &resolver, &error);

      mig_assert_no_error (error);
      check_source (mig_disk_get_source (disk_of (info, "vdz")),
                    i == 0 ? "1 /found raw - 0 -1" : "5 local/vol.img raw - 0 -1");
    }
}
END_TEST

/* A domain with an innocent rest. */
#define DOMAIN(text) "<domain>" text "</domain>"
#define HEAD "<name>n</name><uuid>u</uuid>"
#define MEMORY "<memory>1</memory>"

START_TEST (refuses_nonsense)
{
  static const struct
  {
    const char *text, *reason;
  } rows[] = {
    { "", "not well-formed" },
    { "<domain", "not well-formed" },
    { "\xff\xfe<domain/>", "not well-formed" },
    { DOMAIN (HEAD MEMORY) "<domain/>", "not well-formed" },
    { DOMAIN (HEAD "<memory>&bomb;</memory>"), "not well-formed" },
    { "<network/>", "begins with <network>" },
    { "<d:domain xmlns:d='urn:d'/>", "begins with <domain>" },
    { "<!DOCTYPE domain>" DOMAIN (HEAD MEMORY), "document type" },
    { "<!DOCTYPE domain SYSTEM 'file:///etc/passwd'>" DOMAIN (HEAD MEMORY), "document type" },
    { DOMAIN ("<name>n</name>" MEMORY), "no <uuid>" },
    { DOMAIN ("<name>n</name><uuid/>" MEMORY), "no <uuid>" },
    { DOMAIN ("<uuid>u</uuid>" MEMORY), "no <name>" },
    { DOMAIN (HEAD), "no <memory>" },
    { DOMAIN (HEAD "<memory/>"), "no size" },
    { DOMAIN (HEAD "<memory>-1</memory>"), "no size" },
    { DOMAIN (HEAD "<memory>1.5</memory>"), "no size" },
    { DOMAIN (HEAD "<memory unit='furlongs'>1</memory>"), "no size" },
    { DOMAIN (HEAD "<memory unit='KiBs'>1</memory>"), "no size" },
    { DOMAIN (HEAD "<memory unit='EiB'>8</memory>"), "no size" },
    { DOMAIN (HEAD "<memory>9223372036854775807</memory>"), "no size" },
    { DOMAIN (HEAD MEMORY "<devices><disk type='file'><source file='/x'/></disk></devices>"), "no target" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) live_error = NULL;
      g_autoptr (GError) persistent_error = NULL;

      ck_assert (parse_text (rows[i].text, NULL, &live_error) == NULL);
      mig_assert_error (live_error, MIG_ERROR, MIG_ERROR_CORRUPT);
      ck_assert_msg (strstr (live_error->message, rows[i].reason) != NULL, "%s: %s", rows[i].text, live_error->message);
      ck_assert (g_str_has_prefix (live_error->message, "the domain's definition"));
      ck_assert (g_utf8_validate (live_error->message, -1, NULL));

      ck_assert (parse_text (DOMAIN (HEAD MEMORY), rows[i].text, &persistent_error) == NULL);
      mig_assert_error (persistent_error, MIG_ERROR, MIG_ERROR_CORRUPT);
      ck_assert (g_str_has_prefix (persistent_error->message, "the domain's persistent definition"));
    }
}
END_TEST

START_TEST (defuses_entities)
{
  g_autofree char *text = load ("entities");
  g_autoptr (GError) error = NULL;

  ck_assert (parse_text (text, NULL, &error) == NULL);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
  ck_assert (strstr (error->message, "document type") != NULL);
}
END_TEST

/* A domain of exactly so many bytes. */
START_TEST (tells_runs_apart)
{
  static const struct
  {
    const char *attribute;
    gint64      id;
  } rows[] = {
    { "", -1 }, { "id='0'", 0 }, { "id='12'", 12 }, { "id='-1'", -1 }, { "id=''", -1 }, { "id='one'", -1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *text = g_strdup_printf ("<domain %s>" HEAD MEMORY "</domain>", rows[i].attribute);
      g_autoptr (GError) error = NULL;
      g_autoptr (MigDomainInfo) info = parse_text (text, DOMAIN (HEAD MEMORY), &error);

      mig_assert_no_error (error);
      ck_assert_int_eq (mig_domain_info_get_id (info), rows[i].id);
    }
}
END_TEST

static char *
domain_of_size (gsize size)
{
  static const char tail[] = "</metadata></domain>";
  GString *text = g_string_new ("<domain>" HEAD MEMORY "<metadata>");

  while (text->len + strlen (tail) < size)
    g_string_append_c (text, text->len % 100 == 0 ? '\n' : 'x');
  g_string_append (text, tail);

  return g_string_free (text, FALSE);
}

START_TEST (limits_the_size)
{
  g_autofree char *largest = domain_of_size (MIG_LIBVIRT_DOCUMENT_MAX_SIZE);
  g_autofree char *larger = domain_of_size (MIG_LIBVIRT_DOCUMENT_MAX_SIZE + 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) info = parse_text (largest, NULL, &error);

  mig_assert_no_error (error);
  ck_assert_int_eq (mig_domain_info_get_memory (info), 1024);
  ck_assert (parse_text (larger, NULL, &error) == NULL);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
  ck_assert (strstr (error->message, "longer than") != NULL);
}
END_TEST

START_TEST (survives_depth)
{
  GString *text = g_string_new ("<domain>" HEAD MEMORY "<devices>");
  g_autofree char *deep = NULL;
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 100000; i++)
    g_string_append (text, "<disk>");
  deep = g_string_free (text, FALSE);
  ck_assert (parse_text (deep, NULL, &error) == NULL);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
}
END_TEST

START_TEST (knows_the_units)
{
  static const struct
  {
    const char *unit;
    gint64      bytes;
  } rows[] = {
    { "b", 1 }, { "bytes", 1 }, { "byte", 1 }, { "KB", 1000 }, { "k", 1024 }, { "KiB", 1024 }, { "kib", 1024 },
    { "MB", 1000000 }, { "M", 1 << 20 }, { "MiB", 1 << 20 }, { "GB", 1000000000 }, { "G", 1 << 30 }, { "GiB", 1 << 30 },
    { "TB", G_GINT64_CONSTANT (1000000000000) }, { "TiB", G_GINT64_CONSTANT (1) << 40 },
    { "PiB", G_GINT64_CONSTANT (1) << 50 }, { "EiB", G_GINT64_CONSTANT (1) << 60 },
    { "EB", G_GINT64_CONSTANT (1000000000000000000) },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *text = g_strdup_printf (DOMAIN (HEAD "<memory unit='%s'>7</memory>"), rows[i].unit);
      g_autoptr (GError) error = NULL;
      g_autoptr (MigDomainInfo) info = parse_text (text, NULL, &error);

      mig_assert_no_error (error);
      ck_assert_int_eq (mig_domain_info_get_memory (info), 7 * rows[i].bytes);
    }
}
END_TEST

START_TEST (marks_come_back)
{
  static const char *const marks[] = { "op 1/store 2", "a<b>&'\"]]>", "", "zwei\nZeilen\tü", " blank " };

  for (gsize i = 0; i < G_N_ELEMENTS (marks); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *element = mig_libvirt_xml_format_mark (marks[i], &error);
      g_autofree char *mark = NULL, *domain = NULL;
      g_autoptr (MigDomainInfo) info = NULL;

      mig_assert_no_error (error);
      mark = mig_libvirt_xml_parse_mark (element, &error);
      mig_assert_no_error (error);
      ck_assert_str_eq (mark, marks[i]);

      /* libvirt puts the element into a namespace by giving it a prefix; that is the default one here. */
      domain = g_strdup_printf (DOMAIN (HEAD MEMORY "<metadata><mark xmlns='urn:other'>no</mark>"
                                        "<mark>no</mark><mark xmlns='%s'%s</metadata>"),
                                MIG_LIBVIRT_MARK_URI, element + strlen ("<mark"));
      info = parse_text (domain, NULL, &error);
      if (*marks[i] != '\0')
        ck_assert_str_eq (mig_domain_info_get_mark (info), marks[i]);
      else
        ck_assert (info == NULL || mig_domain_info_get_mark (info) == NULL);
    }
}
END_TEST

START_TEST (writes_disks)
{
  static const struct
  {
    MigDiskSourceKind kind;
    const char       *path, *format, *host;
    gint64            port, slice;
    const char       *default_format, *expected;
  } rows[] = {
    { MIG_DISK_SOURCE_KIND_FILE, "/a/b", "qcow2", NULL, 0, -1, "raw",
      "<disk type=\"file\"><source file=\"/a/b\"/><driver type=\"qcow2\"/></disk>" },
    { MIG_DISK_SOURCE_KIND_FILE, "/a\"<&>'\nb", NULL, NULL, 0, -1, "raw",
      "<disk type=\"file\"><source file=\"/a&quot;&lt;&amp;&gt;'&#10;b\"/><driver type=\"raw\"/></disk>" },
    { MIG_DISK_SOURCE_KIND_BLOCK, "/dev/vg/lv", NULL, NULL, 0, -1, NULL,
      "<disk type=\"block\"><source dev=\"/dev/vg/lv\"/></disk>" },
    { MIG_DISK_SOURCE_KIND_BLOCK, "/dev/x", "raw", NULL, 0, 4096, NULL,
      "<disk type=\"block\"><source dev=\"/dev/x\"><slices><slice type=\"storage\" offset=\"0\" size=\"4096\"/>"
      "</slices></source><driver type=\"raw\"/></disk>" },
    { MIG_DISK_SOURCE_KIND_NBD, "export", "raw", "nas", 10809, -1, NULL,
      "<disk type=\"network\"><source protocol=\"nbd\" name=\"export\"><host name=\"nas\" port=\"10809\"/></source>"
      "<driver type=\"raw\"/></disk>" },
    { MIG_DISK_SOURCE_KIND_NBD, "", NULL, "::1", 0, -1, NULL,
      "<disk type=\"network\"><source protocol=\"nbd\" name=\"\"><host name=\"::1\"/></source></disk>" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MigDiskSource) source = g_object_new (MIG_TYPE_DISK_SOURCE, "kind", rows[i].kind, "path", rows[i].path,
                                                       "format", rows[i].format, "host", rows[i].host,
                                                       "port", rows[i].port, "slice", rows[i].slice, NULL);
      g_autoptr (GError) error = NULL;
      g_autofree char *text = mig_libvirt_xml_disk (source, rows[i].default_format, &error);

      mig_assert_no_error (error);
      ck_assert_str_eq (text, rows[i].expected);
    }
}
END_TEST

START_TEST (refuses_other_disks)
{
  static const struct
  {
    MigDiskSourceKind kind;
    const char       *path;
    MigError          code;
  } rows[] = {
    { MIG_DISK_SOURCE_KIND_NONE, NULL, MIG_ERROR_NOT_SUPPORTED },
    { MIG_DISK_SOURCE_KIND_NETWORK, "rbd:pool/image", MIG_ERROR_NOT_SUPPORTED },
    { MIG_DISK_SOURCE_KIND_OTHER, "pool/volume", MIG_ERROR_NOT_SUPPORTED },
    { MIG_DISK_SOURCE_KIND_FILE, NULL, MIG_ERROR_INVALID_ARGUMENT },
    { MIG_DISK_SOURCE_KIND_FILE, "relative", MIG_ERROR_INVALID_ARGUMENT },
    { MIG_DISK_SOURCE_KIND_FILE, "/bell\a", MIG_ERROR_INVALID_ARGUMENT },
    { MIG_DISK_SOURCE_KIND_FILE, "/latin\xe9", MIG_ERROR_INVALID_ARGUMENT },
    { MIG_DISK_SOURCE_KIND_BLOCK, "sda", MIG_ERROR_INVALID_ARGUMENT },
    { MIG_DISK_SOURCE_KIND_NBD, "export-without-server", MIG_ERROR_INVALID_ARGUMENT },
  };
  g_autoptr (GError) mark_error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MigDiskSource) source = mig_disk_source_new (rows[i].kind, rows[i].path, NULL);
      g_autoptr (GError) error = NULL;

      ck_assert (mig_libvirt_xml_disk (source, "raw", &error) == NULL);
      mig_assert_error (error, MIG_ERROR, rows[i].code);
      ck_assert (g_utf8_validate (error->message, -1, NULL));
    }

  ck_assert (mig_libvirt_xml_format_mark ("\x01", &mark_error) == NULL);
  mig_assert_error (mark_error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST (reads_the_hosts_uuid)
{
  g_autofree char *text = load ("capabilities");
  g_autoptr (GError) error = NULL;
  g_autofree char *uuid = mig_libvirt_xml_host_uuid (text, &error);

  mig_assert_no_error (error);
  ck_assert (g_uuid_string_is_valid (uuid));
  ck_assert (mig_libvirt_xml_host_uuid ("<capabilities><uuid>u</uuid></capabilities>", &error) == NULL);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CORRUPT);
  ck_assert (strstr (error->message, "no <uuid>") != NULL);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-xml");
  TCase *domains = mig_test_add_case (suite, "domains");
  TCase *nasty = mig_test_add_case (suite, "nasty");
  TCase *writing = mig_test_add_case (suite, "writing");

  tcase_add_test (domains, reads_a_real_domain);
  tcase_add_test (domains, hands_on_what_it_is_told);
  tcase_add_test (domains, reads_mirrors_and_slices);
  tcase_add_test (domains, reads_the_backing_chain);
  tcase_add_test (domains, reads_odd_disks);
  tcase_add_test (domains, asks_where_volumes_are);
  tcase_add_test (domains, knows_the_units);
  tcase_add_test (domains, tells_runs_apart);
  tcase_add_test (domains, reads_the_hosts_uuid);
  tcase_add_test (nasty, refuses_nonsense);
  tcase_add_test (nasty, defuses_entities);
  tcase_add_test (nasty, limits_the_size);
  tcase_add_test (nasty, survives_depth);
  tcase_add_test (writing, marks_come_back);
  tcase_add_test (writing, writes_disks);
  tcase_add_test (writing, refuses_other_disks);

  return suite;
}

MIG_TEST_MAIN (create_suite)
