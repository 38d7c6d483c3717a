/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-volume-private.h"

#include "libmig/drivers/libvirt/mig-libvirt-error-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-file-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-pool-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-probe-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-storage-xml-private.h"

/* libvirt makes qcow2 volumes in whole KiB. */
#define QCOW2_UNIT 1024

/* What a function does in a pool */

typedef struct
{
  MigDiskSource *source;
  const char    *name;
  gint64         capacity;
  gboolean       made;   /* by this call */
  MigVolume     *volume; /* the result */
} Work;

static MigDiskSource *
change (MigDiskSource *source,
        const char    *path,
        const char    *format)
{
  return g_object_new (MIG_TYPE_DISK_SOURCE,
                       "kind", mig_disk_source_get_kind (source),
                       "path", path,
                       "format", format,
                       "host", mig_disk_source_get_host (source),
                       "port", (gint64) mig_disk_source_get_port (source),
                       "slice", mig_disk_source_get_slice (source),
                       NULL);
}

static gboolean
check_type (const MigLibvirtVolumeInfo *info,
            MigDiskSource              *source,
            GError                    **error)
{
  const char *wanted = mig_disk_source_get_kind (source) == MIG_DISK_SOURCE_KIND_BLOCK ? "block" : "file";

  if (info->type == NULL || g_str_equal (info->type, wanted))
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "“%s” is not a %s but a %s",
               mig_disk_source_get_path (source), wanted, info->type);

  return FALSE;
}

static MigVolume *
make_file (MigDiskSource              *source,
           const MigLibvirtVolumeInfo *volume,
           const MigLibvirtPoolInfo   *pool,
           gboolean                    ours)
{
  const char *wanted = mig_disk_source_get_format (source);
  /* Whoever says raw gets the bytes, whatever a guest has written into the first of them. */
  const char *format = g_strcmp0 (wanted, "raw") == 0 || volume->format == NULL ? wanted : volume->format;
  g_autoptr (MigDiskSource) found = change (source, mig_disk_source_get_path (source), format);
  g_autofree char *identity = mig_libvirt_pool_info_identify (pool, volume->name);
  /* For the same reason raw data stands on nothing. */
  g_autoptr (MigDiskSource) backing = g_strcmp0 (format, "raw") == 0 ? NULL : mig_libvirt_volume_info_backing (volume);

  return g_object_new (MIG_TYPE_VOLUME,
                       "source", found,
                       "pool", ours ? NULL : pool->name,
                       "name", volume->name,
                       "capacity", mig_libvirt_volume_info_length (volume, format),
                       "allocation", volume->allocation,
                       "available", pool->available,
                       "identity", identity,
                       "backing", backing,
                       "backing-known", TRUE,
                       "encrypted", volume->encrypted,
                       NULL);
}

static char *
take_text (char *text)
{
  char *copy = g_strdup (text);

  free (text);

  return copy;
}

/* What the pool says of the volume. libvirt looks at a file again for that; of a device it says what it has read when
 * it made its list. */
static MigLibvirtPoolEnd
read_pool (virStoragePoolPtr      pool,
           virStorageVolPtr       handle,
           MigDiskSource         *source,
           MigLibvirtVolumeInfo **volume_info,
           MigLibvirtPoolInfo   **pool_info,
           GError               **error)
{
  g_autofree char *volume_xml = take_text (virStorageVolGetXMLDesc (handle, 0));
  g_autofree char *pool_xml = NULL;

  if (volume_xml == NULL)
    return mig_libvirt_pool_failed (pool, "look at the volume", error);
  pool_xml = take_text (virStoragePoolGetXMLDesc (pool, 0));
  if (pool_xml == NULL)
    return mig_libvirt_pool_failed (pool, "look at the pool", error);

  *volume_info = mig_libvirt_volume_info_parse (volume_xml, error);
  if (*volume_info == NULL || !check_type (*volume_info, source, error))
    return MIG_LIBVIRT_POOL_FAILED;
  *pool_info = mig_libvirt_pool_info_parse (pool_xml, error);

  return *pool_info != NULL ? MIG_LIBVIRT_POOL_DONE : MIG_LIBVIRT_POOL_FAILED;
}

static MigLibvirtPoolEnd
describe_file (virStoragePoolPtr   pool,
               virStorageVolPtr    handle,
               MigDiskSource      *source,
               MigVolume         **volume,
               GError            **error)
{
  g_autoptr (MigLibvirtVolumeInfo) volume_info = NULL;
  g_autoptr (MigLibvirtPoolInfo) pool_info = NULL;
  MigLibvirtPoolEnd end = read_pool (pool, handle, source, &volume_info, &pool_info, error);

  if (end == MIG_LIBVIRT_POOL_DONE)
    *volume = make_file (source, volume_info, pool_info, mig_libvirt_scratch_owns_pool (pool));

  return end;
}

/* Looking up */

static MigLibvirtPoolEnd
find_in_pool (virStoragePoolPtr  pool,
              gpointer           data,
              GError           **error)
{
  Work *work = data;
  g_autoptr (virStorageVol) handle = virStorageVolLookupByName (pool, work->name);

  if (handle == NULL)
    return mig_libvirt_pool_failed (pool, "find the volume", error);

  return describe_file (pool, handle, work->source, &work->volume, error);
}

static MigVolume *
lookup_file (const MigLibvirtPlace  *place,
             MigDiskSource          *source,
             GError                **error)
{
  g_auto (MigLibvirtFile) file = { NULL };
  Work work = { source };

  if (!mig_libvirt_file_parse (&file, mig_disk_source_get_path (source), error))
    return NULL;

  work.name = file.name;
  if (!mig_libvirt_pool_run (place, file.directory, find_in_pool, &work, error))
    {
      g_prefix_error (error, "%s: ", mig_disk_source_get_path (source));
      return NULL;
    }

  return work.volume;
}

/* The device in the list, just read, of the active pool over its directory, if that is a volume group: one of another
 * kind may be used by many, and has nothing made behind its back. */
static virStorageVolPtr
find_in_group (const MigLibvirtPlace *place,
               const char            *path,
               virStoragePoolPtr     *pool)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  g_autoptr (MigLibvirtPoolInfo) info = NULL;

  *pool = virStoragePoolLookupByTargetPath (place->connection, directory);
  info = *pool != NULL ? mig_libvirt_pool_read (*pool, NULL) : NULL;
  if (info == NULL || !mig_libvirt_pool_info_is_group (info) ||
      mig_libvirt_pool_refresh (*pool, NULL) != MIG_LIBVIRT_POOL_DONE)
    return NULL;

  return virStorageVolLookupByName (*pool, name);
}

/* A device that is a volume of an active pool, or NULL when no pool says so. */
static virStorageVolPtr
find_device (const MigLibvirtPlace  *place,
             MigDiskSource          *source,
             virStoragePoolPtr      *pool)
{
  const char *path = mig_disk_source_get_path (source);
  g_autoptr (virStorageVol) handle = NULL;

  if (mig_disk_source_get_kind (source) != MIG_DISK_SOURCE_KIND_BLOCK || path == NULL)
    return NULL;

  handle = virStorageVolLookupByPath (place->connection, path);
  if (handle == NULL)
    return find_in_group (place, path, pool);

  *pool = virStoragePoolLookupByVolume (handle);

  return *pool != NULL ? g_steal_pointer (&handle) : NULL;
}

/* @volume and @pool: NULL when no pool says so. A device has many paths, of which the pool knows one: whoever compares
 * places compares that. */
static MigVolume *
make_device (MigDiskSource              *source,
             const MigLibvirtDevice     *device,
             const MigLibvirtVolumeInfo *volume,
             const MigLibvirtPoolInfo   *pool)
{
  const char *path = volume != NULL && volume->path != NULL ? volume->path : mig_disk_source_get_path (source);
  const char *wanted = mig_disk_source_get_format (source);
  const char *format = wanted != NULL ? wanted : "raw";
  g_autofree char *name = volume != NULL ? g_strdup (volume->name) : g_path_get_basename (path != NULL ? path : "");
  g_autofree char *identity = pool != NULL ? mig_libvirt_pool_info_identify (pool, name) : NULL;
  g_autoptr (MigDiskSource) found = change (source, path, format);

  return g_object_new (MIG_TYPE_VOLUME,
                       "source", found,
                       "pool", pool != NULL ? pool->name : NULL,
                       "name", name,
                       "capacity", device->capacity,
                       "allocation", device->allocation,
                       "available", pool != NULL ? pool->available : (gint64) -1,
                       "identity", identity,
                       "encrypted", device->encrypted,
                       "backing-known", g_str_equal (format, "raw"),
                       NULL);
}

/* What it is a pool tells, what it is like the device itself. */
static MigVolume *
lookup_device (const MigLibvirtPlace  *place,
               MigDiskSource          *source,
               GError                **error)
{
  g_autoptr (virStoragePool) pool = NULL;
  g_autoptr (virStorageVol) handle = NULL;
  const char *path = mig_disk_source_get_path (source);
  g_autoptr (MigLibvirtVolumeInfo) volume_info = NULL;
  g_autoptr (MigLibvirtPoolInfo) pool_info = NULL;
  g_autoptr (GError) local = NULL;
  MigLibvirtDevice device;

  if (!mig_libvirt_probe_run (place, source, &device, &local))
    {
      if (!g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND) || path == NULL ||
          mig_libvirt_pool_check_asleep (place, path, error))
        g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  if (device.capacity == 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "“%s” has no length: it is no disk, or is empty",
                   path != NULL ? path : "");
      return NULL;
    }

  handle = find_device (place, source, &pool);
  if (handle != NULL &&
      read_pool (pool, handle, source, &volume_info, &pool_info, NULL) != MIG_LIBVIRT_POOL_DONE)
    g_clear_pointer (&volume_info, mig_libvirt_volume_info_free);

  return make_device (source, &device, volume_info, pool_info);
}

static gboolean
refuse (MigDiskSource  *source,
        const char     *what,
        GError        **error)
{
  const char *path = mig_disk_source_get_path (source);

  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "Storage pools cannot %s “%s”", what,
               path != NULL ? path : "");

  return FALSE;
}

MigVolume *
mig_libvirt_volume_lookup (const MigLibvirtPlace  *place,
                           MigDiskSource          *source,
                           GError                **error)
{
  switch (mig_disk_source_get_kind (source))
    {
    case MIG_DISK_SOURCE_KIND_FILE:
      return lookup_file (place, source, error);
    case MIG_DISK_SOURCE_KIND_BLOCK:
    case MIG_DISK_SOURCE_KIND_NBD:
      return lookup_device (place, source, error);
    case MIG_DISK_SOURCE_KIND_NONE:
    case MIG_DISK_SOURCE_KIND_NETWORK:
    case MIG_DISK_SOURCE_KIND_OTHER:
    default:
      refuse (source, "look at", error);
      return NULL;
    }
}

/* Creating */

/* Whatever the reason that libvirt gives: a volume that is larger than the free space was too large. */
static void
blame_space (virStoragePoolPtr   pool,
             gint64              capacity,
             GError            **error)
{
  virStoragePoolInfo info;

  if (error != NULL && g_error_matches (*error, MIG_ERROR, MIG_ERROR_FAILED) &&
      virStoragePoolGetInfo (pool, &info) == 0 && (guint64) capacity > info.available)
    (*error)->code = MIG_ERROR_NO_CAPACITY;
}

static MigLibvirtPoolEnd
make_in_pool (virStoragePoolPtr   pool,
              Work               *work,
              virStorageVolPtr   *handle,
              GError            **error)
{
  const char *format = mig_disk_source_get_format (work->source);
  gboolean qcow2 = g_strcmp0 (format, "qcow2") == 0;
  gint64 first = qcow2 ? work->capacity / QCOW2_UNIT * QCOW2_UNIT : work->capacity;
  g_autofree char *xml = mig_libvirt_storage_xml_volume (work->name, first, qcow2 ? "qcow2" : "raw", error);
  gboolean exists;
  MigLibvirtPoolEnd end;

  if (xml == NULL)
    return MIG_LIBVIRT_POOL_FAILED;

  *handle = virStorageVolCreateXML (pool, xml, 0);
  work->made = *handle != NULL;
  if (*handle == NULL)
    {
      exists = mig_libvirt_error_is (VIR_ERR_OPERATION_INVALID);
      end = mig_libvirt_pool_failed (pool, "create the volume", error);
      if (exists && end == MIG_LIBVIRT_POOL_FAILED && error != NULL)
        (*error)->code = MIG_ERROR_CONFLICT;
      blame_space (pool, work->capacity, error);
      return end;
    }
  if (first == work->capacity || virStorageVolResize (*handle, (guint64) work->capacity, 0) == 0)
    return MIG_LIBVIRT_POOL_DONE;

  /* libvirt does not resize what is shorter than its own header. */
  end = mig_libvirt_pool_failed (pool, "give the volume its length", error);
  if (error != NULL && g_error_matches (*error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT))
    (*error)->code = MIG_ERROR_NOT_SUPPORTED;

  return end;
}

static gboolean
check_length (Work    *work,
              GError **error)
{
  gint64 length = mig_volume_get_capacity (work->volume);

  if (length == work->capacity)
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "The volume got %" G_GINT64_FORMAT " bytes instead of %"
               G_GINT64_FORMAT, length, work->capacity);

  return FALSE;
}

static MigLibvirtPoolEnd
create_in_pool (virStoragePoolPtr   pool,
                gpointer            data,
                GError            **error)
{
  Work *work = data;
  g_autoptr (virStorageVol) handle = NULL;
  MigLibvirtPoolEnd end = MIG_LIBVIRT_POOL_DONE;

  /* Made already when the pool went away after that. */
  if (work->made)
    handle = virStorageVolLookupByName (pool, work->name);
  else
    end = make_in_pool (pool, work, &handle, error);
  if (end == MIG_LIBVIRT_POOL_DONE && handle == NULL)
    return mig_libvirt_pool_failed (pool, "find the new volume", error);

  if (end == MIG_LIBVIRT_POOL_DONE)
    end = describe_file (pool, handle, work->source, &work->volume, error);
  if (end == MIG_LIBVIRT_POOL_DONE && !check_length (work, error))
    end = MIG_LIBVIRT_POOL_FAILED;
  if (end == MIG_LIBVIRT_POOL_FAILED && work->made)
    {
      /* What this very call has made, and nobody has seen. */
      g_clear_object (&work->volume);
      virStorageVolDelete (handle, 0);
    }

  return end;
}

MigVolume *
mig_libvirt_volume_create (const MigLibvirtPlace  *place,
                           MigDiskSource          *source,
                           gint64                  capacity,
                           GError                **error)
{
  g_auto (MigLibvirtFile) file = { NULL };
  const char *format = mig_disk_source_get_format (source);
  Work work = { source, NULL, capacity };

  if (mig_disk_source_get_kind (source) != MIG_DISK_SOURCE_KIND_FILE ||
      (format != NULL && !g_str_equal (format, "raw") && !g_str_equal (format, "qcow2")))
    {
      refuse (source, "create", error);
      return NULL;
    }
  if (!mig_libvirt_file_parse (&file, mig_disk_source_get_path (source), error))
    return NULL;

  work.name = file.name;
  if (!mig_libvirt_pool_run (place, file.directory, create_in_pool, &work, error))
    {
      g_prefix_error (error, "%s: ", mig_disk_source_get_path (source));
      return NULL;
    }

  return work.volume;
}

/* Deleting */

static MigLibvirtPoolEnd
delete_volume (virStoragePoolPtr   pool,
               virStorageVolPtr    handle,
               MigDiskSource      *source,
               GError            **error)
{
  g_autoptr (MigLibvirtVolumeInfo) volume_info = NULL;
  g_autoptr (MigLibvirtPoolInfo) pool_info = NULL;
  MigLibvirtPoolEnd end = read_pool (pool, handle, source, &volume_info, &pool_info, error);

  if (end != MIG_LIBVIRT_POOL_DONE)
    return end;
  if (virStorageVolDelete (handle, 0) < 0)
    return mig_libvirt_pool_failed (pool, "delete the volume", error);

  return MIG_LIBVIRT_POOL_DONE;
}

static MigLibvirtPoolEnd
delete_in_pool (virStoragePoolPtr   pool,
                gpointer            data,
                GError            **error)
{
  Work *work = data;
  g_autoptr (virStorageVol) handle = virStorageVolLookupByName (pool, work->name);

  if (handle == NULL)
    return mig_libvirt_pool_failed (pool, "find the volume", error);

  return delete_volume (pool, handle, work->source, error);
}

static gboolean
remove_device (const MigLibvirtPlace  *place,
               MigDiskSource          *source,
               GError                **error)
{
  g_autoptr (virStoragePool) pool = NULL;
  g_autoptr (virStorageVol) handle = find_device (place, source, &pool);
  g_autoptr (MigVolume) volume = NULL;
  g_autoptr (GError) local = NULL;

  if (handle != NULL && delete_volume (pool, handle, source, &local) == MIG_LIBVIRT_POOL_DONE)
    return TRUE;

  /* Not in a pool, or not any more. */
  if (local == NULL || g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    {
      g_clear_error (&local);
      volume = lookup_device (place, source, &local);
      if (volume != NULL)
        return refuse (source, "delete what is no volume of theirs:", error);
    }
  if (local->domain == MIG_ERROR && local->code == MIG_ERROR_NOT_FOUND)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

gboolean
mig_libvirt_volume_remove (const MigLibvirtPlace  *place,
                           MigDiskSource          *source,
                           GError                **error)
{
  g_auto (MigLibvirtFile) file = { NULL };
  g_autoptr (GError) local = NULL;
  Work work = { source };

  if (mig_disk_source_get_kind (source) == MIG_DISK_SOURCE_KIND_BLOCK)
    return remove_device (place, source, error);
  if (mig_disk_source_get_kind (source) != MIG_DISK_SOURCE_KIND_FILE)
    return refuse (source, "delete", error);
  if (!mig_libvirt_file_parse (&file, mig_disk_source_get_path (source), error))
    return FALSE;

  work.name = file.name;
  if (mig_libvirt_pool_run (place, file.directory, delete_in_pool, &work, &local) ||
      g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return TRUE;

  g_propagate_prefixed_error (error, g_steal_pointer (&local), "%s: ", mig_disk_source_get_path (source));

  return FALSE;
}
