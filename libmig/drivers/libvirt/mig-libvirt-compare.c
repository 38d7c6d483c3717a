/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-compare-private.h"

#include <string.h>

#include <libmig/mig-error.h>

#include "libmig/drivers/libvirt/mig-libvirt-error-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-file-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-pool-private.h"

/* More than libvirt sends at once. */
#define PIECE (256 * 1024)
/* libvirt takes whatever the daemon sends, and keeps in memory what has not been asked for: while the one volume is
 * read, all of the other one that was ordered. So no more than this is ordered at once. */
#define WINDOW (64 * G_GINT64_CONSTANT (1024) * 1024)

#define STREAM_HOLE (-3) /* what virStreamRecvFlags() returns at a hole */

/* One volume, read from its beginning: as much of it as is at hand is either data or a hole. */
typedef struct
{
  virStreamPtr  stream;
  const char   *path;
  guint8       *buffer;
  gint64        at;   /* in the buffer */
  gint64        data; /* bytes at hand */
  gint64        hole; /* bytes of a hole at hand; they are all 0 */
} Reader;

typedef struct
{
  const MigLibvirtPlace *place;
  MigDiskSource         *sources[2];
  MigLibvirtFile         files[2];
  virStorageVolPtr       volumes[2];
  gint64                 length;
  GCancellable          *cancellable;
  gint64                 offset; /* the result */
} Comparison;

/* Reading */

static gboolean
reader_open (Reader            *self,
             virConnectPtr      connection,
             virStorageVolPtr   volume,
             const char        *path,
             gint64             offset,
             gint64             length,
             GError           **error)
{
  self->path = path;
  self->buffer = g_malloc (PIECE);
  self->stream = virStreamNew (connection, 0);
  if (self->stream != NULL &&
      virStorageVolDownload (volume, self->stream, (unsigned long long) offset, (unsigned long long) length,
                             VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM) == 0)
    return TRUE;

  mig_libvirt_error_set (error, "Cannot read %s", path);
  g_clear_pointer (&self->stream, virStreamFree);

  return FALSE;
}

static void
reader_close (Reader *self)
{
  if (self->stream != NULL)
    {
      /* It has not been read to its end: that is no failure. */
      virStreamAbort (self->stream);
      virStreamFree (self->stream);
    }
  g_free (self->buffer);
}

/* There is something at hand, or an error. */
static gboolean
reader_fill (Reader  *self,
             GError **error)
{
  while (self->data == 0 && self->hole == 0)
    {
      long long hole = 0;
      int got = virStreamRecvFlags (self->stream, (char *) self->buffer, PIECE, VIR_STREAM_RECV_STOP_AT_HOLE);

      if (got == STREAM_HOLE && virStreamRecvHole (self->stream, &hole, 0) == 0)
        {
          self->hole = hole;
          continue;
        }
      if (got == 0)
        {
          g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "%s ends too early", self->path);
          return FALSE;
        }
      if (got < 0)
        return mig_libvirt_error_set (error, "Cannot read %s", self->path);

      self->at = 0;
      self->data = got;
    }

  return TRUE;
}

static gint64
reader_at_hand (Reader *self)
{
  return self->data > 0 ? self->data : self->hole;
}

static void
reader_pass (Reader *self,
             gint64  count)
{
  if (self->data > 0)
    {
      self->at += count;
      self->data -= count;
    }
  else
    self->hole -= count;
}

/* Comparing */

static gint64
find_difference (const guint8 *one,
                 const guint8 *other, /* NULL: all 0 */
                 gint64        count)
{
  for (gint64 i = 0; i < count; i++)
    if (one[i] != (other != NULL ? other[i] : 0))
      return i;

  return count;
}

/* How many of so many bytes at hand are equal from the first on. */
static gint64
compare_at_hand (Reader *one,
                 Reader *other,
                 gint64  count)
{
  static const guint8 zeros[4096];
  const guint8 *a = one->data > 0 ? one->buffer + one->at : NULL;
  const guint8 *b = other->data > 0 ? other->buffer + other->at : NULL;

  if (a == NULL && b == NULL)
    return count;
  if (a != NULL && b != NULL)
    return memcmp (a, b, (size_t) count) == 0 ? count : find_difference (a, b, count);

  if (a == NULL)
    a = b;
  for (gint64 i = 0; i < count; i += (gint64) sizeof zeros)
    {
      gint64 part = MIN (count - i, (gint64) sizeof zeros);

      if (memcmp (a + i, zeros, (size_t) part) != 0)
        return i + find_difference (a + i, NULL, part);
    }

  return count;
}

/* A part of both volumes. */
typedef struct
{
  gint64   offset;
  gint64   end;
  gboolean holes; /* as long as both have holes: the first data end it */
  gboolean data;  /* there were some */
  gboolean differs;
} Window;

/* Moves the beginning of the window on for as long as both are equal. */
static gboolean
compare_streams (Comparison *self,
                 Window     *window,
                 Reader     *one,
                 Reader     *other,
                 GError    **error)
{
  while (window->offset < window->end && !window->differs)
    {
      gint64 count, equal;

      if (g_cancellable_set_error_if_cancelled (self->cancellable, error) || !reader_fill (one, error) ||
          !reader_fill (other, error))
        return FALSE;

      window->data = window->data || one->data > 0 || other->data > 0;
      if (window->holes && window->data)
        break;
      count = MIN (MIN (reader_at_hand (one), reader_at_hand (other)), window->end - window->offset);
      equal = compare_at_hand (one, other, count);
      window->offset += equal;
      window->differs = equal < count;
      reader_pass (one, count);
      reader_pass (other, count);
    }

  return TRUE;
}

static gboolean
compare_window (Comparison *self,
                Window     *window,
                GError    **error)
{
  virConnectPtr connection = self->place->connection;
  Reader readers[2] = { 0 };
  gboolean ok = TRUE;

  for (gsize i = 0; i < G_N_ELEMENTS (readers) && ok; i++)
    ok = reader_open (&readers[i], connection, self->volumes[i], mig_disk_source_get_path (self->sources[i]),
                      window->offset, window->end - window->offset, error);
  ok = ok && compare_streams (self, window, &readers[0], &readers[1], error);

  reader_close (&readers[0]);
  reader_close (&readers[1]);

  return ok;
}

/* Where a window had no data, the next one reaches to the first data after it. */
static gint64
compare_volumes (Comparison *self,
                 GError    **error)
{
  Window window = { .data = TRUE };

  while (window.offset < self->length && !window.differs)
    {
      window.holes = !window.data;
      window.end = window.holes ? self->length : MIN (window.offset + WINDOW, self->length);
      window.data = FALSE;
      if (!compare_window (self, &window, error))
        return -1;
    }

  return window.offset;
}

/* Finding the volumes: files in the pools over their directories, one within the other. */

static MigLibvirtPoolEnd
find_other (virStoragePoolPtr  pool,
            gpointer           data,
            GError           **error)
{
  Comparison *self = data;
  g_autoptr (virStorageVol) volume = virStorageVolLookupByName (pool, self->files[1].name);

  if (volume == NULL)
    return mig_libvirt_pool_failed (pool, "find the volume", error);

  self->volumes[1] = volume;
  self->offset = compare_volumes (self, error);
  self->volumes[1] = NULL;

  return self->offset >= 0 ? MIG_LIBVIRT_POOL_DONE : MIG_LIBVIRT_POOL_FAILED;
}

static MigLibvirtPoolEnd
find_one (virStoragePoolPtr  pool,
          gpointer           data,
          GError           **error)
{
  Comparison *self = data;
  g_autoptr (virStorageVol) volume = virStorageVolLookupByName (pool, self->files[0].name);
  gboolean ok;

  if (volume == NULL)
    return mig_libvirt_pool_failed (pool, "find the volume", error);

  self->volumes[0] = volume;
  ok = mig_libvirt_pool_run (self->place, self->files[1].directory, find_other, self, error);
  self->volumes[0] = NULL;

  return ok ? MIG_LIBVIRT_POOL_DONE : MIG_LIBVIRT_POOL_FAILED;
}

/* Devices have no streams unless they are volumes of a pool. */
static gboolean
find_source (Comparison  *self,
             int          index,
             GError     **error)
{
  MigDiskSource *source = self->sources[index];
  const char *path = mig_disk_source_get_path (source);
  const char *format = mig_disk_source_get_format (source);

  if (g_strcmp0 (format, "raw") != 0 || mig_disk_source_get_kind (source) != MIG_DISK_SOURCE_KIND_FILE)
    {
      g_autofree char *text = mig_disk_source_to_string (source);

      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED,
                   "Only raw files can be read as a guest sees them, not “%s”", text);
      return FALSE;
    }

  return mig_libvirt_file_parse (&self->files[index], path, error);
}

gint64
mig_libvirt_compare (const MigLibvirtPlace  *place,
                     MigDiskSource          *one,
                     MigDiskSource          *other,
                     gint64                  length,
                     GCancellable           *cancellable,
                     GError                **error)
{
  Comparison self = { .place = place, .sources = { one, other }, .length = length, .cancellable = cancellable,
                      .offset = -1 };

  if (find_source (&self, 0, error) && find_source (&self, 1, error))
    mig_libvirt_pool_run (place, self.files[0].directory, find_one, &self, error);

  mig_libvirt_file_clear (&self.files[0]);
  mig_libvirt_file_clear (&self.files[1]);

  return self.offset;
}
