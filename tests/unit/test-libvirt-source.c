/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-block-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-xml-private.h"

#include "mig-test.h"

static const char definition[] =
  "<domain type='kvm'><name>g1</name><uuid>11111111-2222-4333-8444-555555555555</uuid>"
  "<memory unit='KiB'>65536</memory><devices>"
  "<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source file='/old.qcow2'/>"
  "<backingStore type='file'><format type='raw'/><source file='/base.img'/><backingStore/></backingStore>"
  "<mirror type='file' job='copy'><source file='/m.img'/></mirror>"
  "<target dev='vda' bus='virtio'/><serial>S1</serial><boot order='1'/></disk>"
  "<disk type='block' device='disk'><source dev='/dev/vg/b'/><target dev='vdb' bus='virtio'/></disk>"
  "<graphics type='vnc' passwd='secret'/></devices></domain>";

/* Where a disk is put, and what of its element must and must not be there afterwards. */
typedef struct
{
  const char *target;
  const char *text;
  const char *format;
  const char *has[4];
} SourceRow;

static const SourceRow source_rows[] = {
  { "vda", "/new.img", "raw", { "type=\"file\"><driver name=\"qemu\" cache=\"none\" type=\"raw\"/>",
                                "<source file=\"/new.img\"/>" } },
  { "vda", "/dev/vg/a", "raw", { "<disk device=\"disk\" type=\"block\">", "<source dev=\"/dev/vg/a\"/>" } },
  { "vda", "nbd://s:10810/e", "raw", { "<disk device=\"disk\" type=\"network\">", "protocol=\"nbd\"", "name=\"e\"",
                                       "<host name=\"s\" port=\"10810\"/>" } },
  { "vdb", "/new.qcow2", "qcow2", { "<disk device=\"disk\" type=\"file\">", "<driver type=\"qcow2\"/>",
                                    "<source file=\"/new.qcow2\"/>" } },
};

START_TEST (replace)
{
  const SourceRow *row = &source_rows[_i];
  g_autoptr (MigDiskSource) source = mig_disk_source_parse (row->text, row->format, NULL);
  g_autoptr (MigDomainInfo) info = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = mig_libvirt_xml_replace_source (definition, row->target, source, &error);

  mig_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (row->has) && row->has[i] != NULL; i++)
    ck_assert_msg (strstr (text, row->has[i]) != NULL, "“%s” is not in %s", row->has[i], text);

  info = mig_libvirt_xml_parse (text, NULL, MIG_DOMAIN_STATE_RUNNING, MIG_JOB_KIND_NONE, FALSE, NULL, &error);
  mig_assert_no_error (error);
  for (guint i = 0; i < mig_domain_info_get_disks (info)->len; i++)
    {
      MigDisk *disk = g_ptr_array_index (mig_domain_info_get_disks (info), i);
      gboolean changed = g_str_equal (mig_disk_get_target (disk), row->target);

      ck_assert (mig_disk_source_equal (mig_disk_get_source (disk), source) == changed);
      if (changed)
        ck_assert_str_eq (mig_disk_source_get_format (mig_disk_get_source (disk)), row->format);
      ck_assert (!changed || (mig_disk_get_mirror (disk) == NULL && mig_disk_get_backing_chain (disk)->len == 0));
    }
  /* What the guest sees, and what else the definition has, stays. */
  ck_assert_ptr_nonnull (strstr (text, "<serial>S1</serial><boot order=\"1\"/>"));
  ck_assert_ptr_nonnull (strstr (text, "passwd=\"secret\""));
}
END_TEST

START_TEST (no_such_disk)
{
  g_autoptr (MigDiskSource) source = mig_disk_source_new (MIG_DISK_SOURCE_KIND_FILE, "/new.img", "raw");
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (mig_libvirt_xml_replace_source (definition, "vdc", source, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
}
END_TEST

START_TEST (bad_source)
{
  g_autoptr (MigDiskSource) source = mig_disk_source_new (MIG_DISK_SOURCE_KIND_FILE, "new.img", "raw");
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (mig_libvirt_xml_replace_source (definition, "vda", source, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
}
END_TEST

#define DOMAIN(displays) "<domain><uuid>u</uuid><devices>" displays "</devices></domain>"

/* A definition, what the host says of the secrets, and what the definition has then. */
static const struct
{
  const char *definition, *secure, *has;
} secret_rows[] = {
  { DOMAIN ("<graphics type='vnc' port='-1'/>"), DOMAIN ("<graphics type='vnc' passwd='a&amp;b' passwdValidTo='t'/>"),
    "<graphics type=\"vnc\" port=\"-1\" passwd=\"a&amp;b\" passwdValidTo=\"t\"/>" },
  { DOMAIN ("<graphics type='vnc' passwd='own'/>"), DOMAIN ("<graphics type='vnc' passwd='x' passwdValidTo='t'/>"),
    "<graphics type=\"vnc\" passwd=\"own\"/>" },
  { DOMAIN ("<graphics type='spice'/><graphics type='vnc'/>"),
    DOMAIN ("<graphics type='vnc' passwd='v'/><graphics type='spice' passwd='s' connected='keep'/>"),
    "<graphics type=\"spice\" passwd=\"s\" connected=\"keep\"/><graphics type=\"vnc\" passwd=\"v\"/>" },
  { DOMAIN ("<graphics type='vnc'/>"), DOMAIN ("<graphics type='spice' passwd='s'/>"), "<graphics type=\"vnc\"/>" },
  { DOMAIN ("<disk/>"), DOMAIN ("<graphics type='spice' passwd='s'/>"), "<devices><disk/></devices>" },
};

START_TEST (secrets_are_added)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = mig_libvirt_xml_add_secrets (secret_rows[_i].definition, secret_rows[_i].secure, &error);
  g_autofree char *uuid = mig_libvirt_xml_read_uuid (secret_rows[_i].definition);

  mig_assert_no_error (error);
  ck_assert_msg (strstr (text, secret_rows[_i].has) != NULL, "“%s” is not in %s", secret_rows[_i].has, text);
  ck_assert_str_eq (uuid, "u");
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-source");
  TCase *tcase = mig_test_add_case (suite, "source");

  tcase_add_loop_test (tcase, replace, 0, G_N_ELEMENTS (source_rows));
  tcase_add_loop_test (tcase, secrets_are_added, 0, G_N_ELEMENTS (secret_rows));
  tcase_add_test (tcase, no_such_disk);
  tcase_add_test (tcase, bad_source);

  return suite;
}

MIG_TEST_MAIN (create_suite)
