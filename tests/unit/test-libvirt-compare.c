/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig.h>

#include "libmig/drivers/libvirt/mig-libvirt-compare-private.h"

#include "mig-test.h"

/* Comparing two volumes, with libvirt's functions played by these. */

#define MIB G_GINT64_CONSTANT (1048576)
#define TIB (MIB * MIB)
/* What a stream may have to keep of what was ordered. */
#define LIMIT (64 * MIB)
#define SENT_AT_ONCE (256 * 1024)

/* A volume: data of one value in one place, else holes; and one byte that is different. */
typedef struct
{
  gint64 begin, end;
  guint8 value;
  gint64 odd; /* -1: none */
} Volume;

static Volume volumes[2];
static gint64 volume_length;
static guint  n_orders;
static gint64 most_sent;

struct _virStream
{
  const Volume *volume;
  gint64        at, end;
  gint64        sent;
};

virStoragePoolPtr
virStoragePoolLookupByTargetPath (virConnectPtr connection,
                                  const char   *path)
{
  return (virStoragePoolPtr) volumes;
}

virStoragePoolPtr
virStoragePoolLookupByName (virConnectPtr connection,
                            const char   *name)
{
  return NULL;
}

int
virStoragePoolRefresh (virStoragePoolPtr pool,
                       unsigned int      flags)
{
  return 0;
}

int
virStoragePoolFree (virStoragePoolPtr pool)
{
  return 0;
}

virStorageVolPtr
virStorageVolLookupByName (virStoragePoolPtr pool,
                           const char       *name)
{
  return (virStorageVolPtr) &volumes[g_str_equal (name, "a") ? 0 : 1];
}

int
virStorageVolFree (virStorageVolPtr volume)
{
  return 0;
}

virStreamPtr
virStreamNew (virConnectPtr connection,
              unsigned int  flags)
{
  return g_new0 (struct _virStream, 1);
}

int
virStorageVolDownload (virStorageVolPtr   volume,
                       virStreamPtr       stream,
                       unsigned long long offset,
                       unsigned long long length,
                       unsigned int       flags)
{
  stream->volume = (const Volume *) volume;
  stream->at = (gint64) offset;
  stream->end = (gint64) (offset + length);
  ck_assert_int_le (stream->end, volume_length);
  n_orders++;

  return 0;
}

int
virStreamRecvFlags (virStreamPtr  stream,
                    char         *data,
                    size_t        n_bytes,
                    unsigned int  flags)
{
  const Volume *volume = stream->volume;
  gint64 end = MIN (volume->end, stream->end);
  gint64 count = MIN (MIN (end - stream->at, SENT_AT_ONCE), (gint64) n_bytes);

  if (stream->at == stream->end)
    return 0;
  if (stream->at < volume->begin || stream->at >= volume->end)
    return -3;

  memset (data, volume->value, (size_t) count);
  if (volume->odd >= stream->at && volume->odd < stream->at + count)
    data[volume->odd - stream->at]++;
  stream->at += count;
  stream->sent += count;
  most_sent = MAX (most_sent, stream->sent);

  return (int) count;
}

int
virStreamRecvHole (virStreamPtr  stream,
                   long long    *length,
                   unsigned int  flags)
{
  gint64 end = stream->at < stream->volume->begin ? MIN (stream->volume->begin, stream->end) : stream->end;

  *length = end - stream->at;
  stream->at = end;

  return 0;
}

int
virStreamAbort (virStreamPtr stream)
{
  return 0;
}

int
virStreamFree (virStreamPtr stream)
{
  g_free (stream);

  return 0;
}

static const struct
{
  const char *name;
  gint64      length;
  Volume      one, other;
  gint64      equal;  /* bytes from the first on */
  guint       orders; /* at most */
} rows[] = {
  { "nothing", 0, { 0, 0, 0, -1 }, { 0, 0, 0, -1 }, 0, 0 },
  { "less than a window", 1000, { 0, 1000, 7, -1 }, { 0, 1000, 7, -1 }, 1000, 2 },
  { "several windows", 200 * MIB + 1, { 0, 200 * MIB + 1, 7, -1 }, { 0, 200 * MIB + 1, 7, -1 }, 200 * MIB + 1, 8 },
  { "a difference in the first", 200 * MIB, { 0, 200 * MIB, 7, 5 }, { 0, 200 * MIB, 7, -1 }, 5, 2 },
  { "a difference in the last", 200 * MIB, { 0, 200 * MIB, 7, -1 }, { 0, 200 * MIB, 7, 200 * MIB - 1 }, 200 * MIB - 1,
    8 },
  { "a difference where a window ends", 200 * MIB, { 0, 200 * MIB, 7, 64 * MIB }, { 0, 200 * MIB, 7, -1 }, 64 * MIB,
    4 },
  { "zeros that are a hole here", 200 * MIB, { 0, 200 * MIB, 0, -1 }, { 0, 0, 0, -1 }, 200 * MIB, 12 },
  { "almost", 200 * MIB, { 0, 200 * MIB, 0, 150 * MIB + 3 }, { 0, 0, 0, -1 }, 150 * MIB + 3, 10 },
  { "a hole for the most part", 4 * TIB, { TIB, TIB + 100 * MIB, 9, -1 }, { TIB, TIB + 100 * MIB, 9, -1 }, 4 * TIB,
    12 },
  { "a difference far out", 4 * TIB, { TIB, TIB + MIB, 9, -1 }, { TIB, TIB + MIB, 9, TIB + 77 }, TIB + 77, 6 },
  { "data against a hole", 4 * TIB, { TIB, TIB + MIB, 9, -1 }, { 0, 0, 0, -1 }, TIB, 6 },
};

START_TEST (volumes_are_compared)
{
  g_autoptr (MigLibvirtScratch) scratch = mig_libvirt_scratch_new ();
  MigLibvirtPlace place = { NULL, scratch, "here" };
  g_autoptr (MigDiskSource) one = mig_disk_source_new (MIG_DISK_SOURCE_KIND_FILE, "/d/a", "raw");
  g_autoptr (MigDiskSource) other = mig_disk_source_new (MIG_DISK_SOURCE_KIND_FILE, "/d/b", "raw");
  g_autoptr (GError) error = NULL;
  gint64 equal;

  ck_assert_int_eq (virInitialize (), 0);
  volumes[0] = rows[_i].one;
  volumes[1] = rows[_i].other;
  volume_length = rows[_i].length;
  equal = mig_libvirt_compare (&place, one, other, volume_length, NULL, &error);
  mig_assert_no_error (error);
  ck_assert_msg (equal == rows[_i].equal, "%s: %" G_GINT64_FORMAT, rows[_i].name, equal);
  ck_assert_msg (n_orders <= rows[_i].orders, "%s: ordered %u times", rows[_i].name, n_orders);
  ck_assert_msg (most_sent <= LIMIT, "%s: one stream sent %" G_GINT64_FORMAT " bytes", rows[_i].name, most_sent);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-compare");
  TCase *tcase = mig_test_add_case (suite, "volumes");

  tcase_add_loop_test (tcase, volumes_are_compared, 0, G_N_ELEMENTS (rows));

  return suite;
}

MIG_TEST_MAIN (create_suite)
