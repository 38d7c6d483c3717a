/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-disk-source.h>
#include <libmig/mig-enum-types.h>
#include <libmig/mig-error.h>

#include "libmig/core/mig-value-private.h"
#include "libmig/model/mig-disk-source-private.h"

/**
 * MigDiskSource:
 *
 * Where the data of a disk is: a file, a block device, or an export of an NBD server, as the host sees it. Immutable.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigDiskSource
{
  GObject parent_instance;

  int     kind;
  char   *path;
  char   *format;
  char   *host;
  gint64  port;
  gint64  slice;
};

G_DEFINE_FINAL_TYPE (MigDiskSource, mig_disk_source, G_TYPE_OBJECT)

#define NBD_PORT 10809 /* assigned by IANA */

/* What a URI's path may have as it is, beside letters, digits and the like. */
#define PATH_CHARACTERS G_URI_RESERVED_CHARS_ALLOWED_IN_PATH

static const MigField fields[] = {
  { "kind", MIG_FIELD_ENUM, G_STRUCT_OFFSET (MigDiskSource, kind), mig_disk_source_kind_get_type, 0 },
  { "path", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigDiskSource, path), NULL, 0 },
  { "format", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigDiskSource, format), NULL, 0 },
  { "host", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigDiskSource, host), NULL, 0 },
  { "port", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigDiskSource, port), NULL, 0 },
  { "slice", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigDiskSource, slice), NULL, -1 },
};

static void
mig_disk_source_class_init (MigDiskSourceClass *klass)
{
  /**
   * MigDiskSource:kind:
   *
   * What kind of place it is.
   *
   * Since: 0.1
   */
  /**
   * MigDiskSource:path:
   *
   * The path of the file or device on the host, or the name of the export.
   *
   * Since: 0.1
   */
  /**
   * MigDiskSource:format:
   *
   * `raw`, `qcow2` or another format name of the hypervisor; %NULL when it is not stated.
   *
   * Since: 0.1
   */
  /**
   * MigDiskSource:host:
   *
   * The server of a network disk; else %NULL.
   *
   * Since: 0.1
   */
  /**
   * MigDiskSource:port:
   *
   * The port of the server of a network disk.
   *
   * Since: 0.1
   */
  /**
   * MigDiskSource:slice:
   *
   * Use only so many bytes from its beginning; -1: all of it.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_disk_source_init (MigDiskSource *self)
{
}

/**
 * mig_disk_source_new:
 * @kind: what kind of place
 * @path: the path on the host
 * @format: (nullable): the format, or %NULL when it is not stated
 *
 * Describes a file or a block device. For an export of an NBD server use [func@DiskSource.parse] or construct
 * properties.
 *
 * Returns: (transfer full): a disk source
 *
 * Since: 0.1
 */
MigDiskSource *
mig_disk_source_new (MigDiskSourceKind  kind,
                     const char        *path,
                     const char        *format)
{
  return g_object_new (MIG_TYPE_DISK_SOURCE, "kind", kind, "path", path, "format", format, NULL);
}

/* Taken apart only: a parsed URI would have lost the dots of a path. */
static MigDiskSource *
parse_nbd (const char  *text,
           const char  *format,
           GError     **error)
{
  g_autofree char *user = NULL;
  g_autofree char *host = NULL;
  g_autofree char *path = NULL;
  g_autofree char *query = NULL;
  g_autofree char *fragment = NULL;
  int port = -1;

  if (!g_uri_split (text, G_URI_FLAGS_NONE, NULL, &user, &host, &port, &path, &query, &fragment, NULL) ||
      host == NULL || *host == '\0' || user != NULL || query != NULL || fragment != NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                   "“%s” is not of the form nbd://host:port/export", text);
      return NULL;
    }

  return g_object_new (MIG_TYPE_DISK_SOURCE,
                       "kind", MIG_DISK_SOURCE_KIND_NBD,
                       "path", *path == '/' ? path + 1 : path,
                       "format", format,
                       "host", host,
                       "port", (gint64) (port > 0 ? port : NBD_PORT),
                       NULL);
}

/**
 * mig_disk_source_parse:
 * @text: an absolute path, a path below `/dev/`, or `nbd://host:port/export`, escaped like any URI
 * @format: (nullable): the format, or %NULL when it is not stated
 * @error: return location of an error
 *
 * Reads the form in which people write a destination. A path below `/dev/` is a block device, every other path a file.
 *
 * Errors: %MIG_ERROR_INVALID_ARGUMENT.
 *
 * Returns: (transfer full): a disk source, or %NULL on error
 *
 * Since: 0.1
 */
MigDiskSource *
mig_disk_source_parse (const char  *text,
                       const char  *format,
                       GError     **error)
{
  g_return_val_if_fail (text != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (g_str_has_prefix (text, "nbd://"))
    return parse_nbd (text, format, error);

  if (!g_path_is_absolute (text) || g_str_has_suffix (text, "/"))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                   "“%s” is neither the absolute path of a file or device nor of the form nbd://host:port/export",
                   text);
      return NULL;
    }

  return mig_disk_source_new (g_str_has_prefix (text, "/dev/") ? MIG_DISK_SOURCE_KIND_BLOCK : MIG_DISK_SOURCE_KIND_FILE,
                              text, format);
}

/**
 * mig_disk_source_get_kind:
 * @self: a disk source
 *
 * Tells what kind of place it is.
 *
 * Returns: what kind of place it is
 *
 * Since: 0.1
 */
MigDiskSourceKind
mig_disk_source_get_kind (MigDiskSource *self)
{
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (self), MIG_DISK_SOURCE_KIND_NONE);

  return self->kind;
}

/**
 * mig_disk_source_get_path:
 * @self: a disk source
 *
 * Gets the path on the host.
 *
 * Returns: (nullable): the path on the host, or the name of the export
 *
 * Since: 0.1
 */
const char *
mig_disk_source_get_path (MigDiskSource *self)
{
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (self), NULL);

  return self->path;
}

/**
 * mig_disk_source_get_format:
 * @self: a disk source
 *
 * Gets the format.
 *
 * Returns: (nullable): the format, or %NULL when it is not stated
 *
 * Since: 0.1
 */
const char *
mig_disk_source_get_format (MigDiskSource *self)
{
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (self), NULL);

  return self->format;
}

/**
 * mig_disk_source_get_host:
 * @self: a disk source
 *
 * Gets the server of a network disk.
 *
 * Returns: (nullable): the server of a network disk
 *
 * Since: 0.1
 */
const char *
mig_disk_source_get_host (MigDiskSource *self)
{
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (self), NULL);

  return self->host;
}

/**
 * mig_disk_source_get_port:
 * @self: a disk source
 *
 * Gets the port of the server of a network disk, else 0.
 *
 * Returns: the port of the server of a network disk, else 0
 *
 * Since: 0.1
 */
guint
mig_disk_source_get_port (MigDiskSource *self)
{
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (self), 0);

  return (guint) self->port;
}

/**
 * mig_disk_source_get_slice:
 * @self: a disk source
 *
 * Tells how many bytes from its beginning are used.
 *
 * Returns: how many bytes from its beginning are used; -1: all
 *
 * Since: 0.1
 */
gint64
mig_disk_source_get_slice (MigDiskSource *self)
{
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (self), -1);

  return self->slice;
}

/**
 * mig_disk_source_equal:
 * @self: a disk source
 * @other: another
 *
 * Tells whether both name the same place on the same host. Formats and slices do not count.
 *
 * Returns: whether they are the same place
 *
 * Since: 0.1
 */
gboolean
mig_disk_source_equal (MigDiskSource *self,
                       MigDiskSource *other)
{
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (self), FALSE);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (other), FALSE);

  return self->kind == other->kind && self->port == other->port && g_strcmp0 (self->path, other->path) == 0 &&
         g_strcmp0 (self->host, other->host) == 0;
}

static gboolean
is_absolute (MigDiskSource *self)
{
  return self->path != NULL && g_path_is_absolute (self->path);
}

static gboolean
is_local (MigDiskSource *self)
{
  return is_absolute (self) && (self->kind == MIG_DISK_SOURCE_KIND_FILE || self->kind == MIG_DISK_SOURCE_KIND_BLOCK ||
                                self->kind == MIG_DISK_SOURCE_KIND_OTHER);
}

gboolean
mig_disk_source_is_lost (MigDiskSource *self)
{
  return self->kind == MIG_DISK_SOURCE_KIND_OTHER && self->path != NULL && self->host == NULL && !is_absolute (self);
}

gboolean
mig_disk_source_is_piece (MigDiskSource *self)
{
  return self->kind == MIG_DISK_SOURCE_KIND_OTHER && self->slice >= 0;
}

static gboolean
is_piece_of (MigDiskSource *self,
             MigDiskSource *other)
{
  return mig_disk_source_is_piece (self) && self->port == other->port && g_strcmp0 (self->path, other->path) == 0 &&
         g_strcmp0 (self->host, other->host) == 0;
}

/* A volume that is a file has the file's name; a device may have any. */
static gboolean
may_be_found_at (MigDiskSource *lost,
                 MigDiskSource *wanted)
{
  g_autofree char *volume = g_path_get_basename (lost->path);
  g_autofree char *name = NULL;

  if (wanted->kind != MIG_DISK_SOURCE_KIND_FILE || wanted->path == NULL)
    return wanted->kind != MIG_DISK_SOURCE_KIND_NBD && wanted->kind != MIG_DISK_SOURCE_KIND_NONE;

  name = g_path_get_basename (wanted->path);

  return g_str_equal (volume, name);
}

MigDiskMatch
mig_disk_source_match (MigDiskSource *used,
                       MigDiskSource *wanted)
{
  if (mig_disk_source_equal (used, wanted) || is_piece_of (used, wanted) ||
      (is_local (used) && is_local (wanted) && g_str_equal (used->path, wanted->path)))
    return MIG_DISK_MATCH_SAME;
  if (mig_disk_source_is_lost (used) && may_be_found_at (used, wanted))
    return MIG_DISK_MATCH_UNKNOWN;

  return MIG_DISK_MATCH_NONE;
}

/**
 * mig_disk_source_to_string:
 * @self: a disk source
 *
 * Writes it in the form that [func@DiskSource.parse] reads. The format is not in it.
 *
 * Returns: (transfer full): the text
 *
 * Since: 0.1
 */
char *
mig_disk_source_to_string (MigDiskSource *self)
{
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (self), NULL);

  if (self->host != NULL)
    {
      const char *scheme = self->kind == MIG_DISK_SOURCE_KIND_NBD ? "nbd" : "network";
      g_autofree char *uri = g_uri_join (G_URI_FLAGS_NONE, scheme, NULL, self->host, (int) self->port, "", NULL, NULL);
      g_autofree char *path = g_uri_escape_string (self->path != NULL ? self->path : "", PATH_CHARACTERS, TRUE);

      return g_strdup_printf ("%s/%s", uri, path);
    }

  return g_strdup (self->path != NULL ? self->path : "");
}
