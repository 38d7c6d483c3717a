/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-pool-backend.h>

#include "libmig/drivers/libvirt/mig-libvirt-compare-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-driver-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-volume-private.h"

/**
 * MigPoolBackend:
 *
 * The back end of volumes that libvirt's storage drivers reach; nothing else is needed on a host.
 *
 * # Files
 *
 * A file is looked for in the active storage pool over its directory, whose list is read anew for that. Where there is
 * no such pool, one is made for the moment; it never makes, empties or removes the directory. But where a pool is
 * defined over it, or over a directory above it, and not active, nobody knows what would be there: every call fails
 * with %MIG_ERROR_INVALID_STATE and names the pool. To read a list, libvirt
 * opens every file of the directory, so that a directory of thousands of images takes its time; below `/dev`, `/proc`
 * and `/sys` no directory is looked into.
 *
 * Volumes are made sparse, of exactly the length that is asked for, as raw or qcow2. A volume's source states the
 * format that it really has: a lookup of a qcow2 image that finds raw data says so. But a source that says `raw` is
 * taken at its word, and its length is that of the file: what begins like another format may be the work of a guest.
 *
 * # Block devices and NBD exports
 *
 * They can be looked up. A device's length, and whether it begins with a header of LUKS, libvirt reads from the device
 * itself, for a domain that is defined for that moment only and never started; an active pool that lists it gives its
 * name, path and identity. An NBD export is opened by a paused domain without memory to speak of, which takes half a
 * second, and what it begins with is not seen. Deleting works for devices that are volumes of a pool, making them does
 * not: they would not read zero.
 *
 * # Comparing
 *
 * Raw files are compared through this process, with libvirt's streams: some hundred megabytes a second, and holes take
 * no time. Other formats, devices and exports cannot be read so.
 *
 * # Identity
 *
 * Volumes of network storage (netfs, rbd, gluster, iscsi and the like) have an identity, made of what the pool's
 * definition says about its source: it is the same on two hosts that name the same storage in the same words. A
 * directory may be on network storage too, but libvirt cannot tell; such volumes have none.
 *
 * # Tokens
 *
 * A volume that this object has created is known with its token until it is removed: creating it again under that token
 * succeeds. Another process sees only that the volume is there, and reports %MIG_ERROR_CONFLICT.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

/* Reading a list means opening every file of a directory. */
#define LOOKUP_SECONDS 30
/* So many tokens are remembered; the oldest are forgotten first. */
#define MAX_TOKENS 4096

struct _MigPoolBackend
{
  GObject parent_instance;

  MigLibvirtDriver  *driver;
  MigLibvirtScratch *scratch;
  GMutex             mutex;
  GHashTable        *tokens; /* "URI\npath" -> "token\nformat\ncapacity" */
  GQueue             order;  /* of the keys in @tokens, the newest last */
};

enum {
  PROP_0,
  PROP_DRIVER,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void volume_backend_init (MigVolumeBackendInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MigPoolBackend, mig_pool_backend, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_VOLUME_BACKEND, volume_backend_init))

/* Tokens */

static char *
make_token_key (MigHost       *host,
                MigDiskSource *source)
{
  return g_strdup_printf ("%s\n%s", mig_host_get_uri (host), mig_disk_source_get_path (source));
}

static char *
make_token_value (MigDiskSource *source,
                  gint64         capacity,
                  const char    *token)
{
  const char *format = mig_disk_source_get_format (source);

  return g_strdup_printf ("%s\n%s\n%" G_GINT64_FORMAT, token, format != NULL ? format : "raw", capacity);
}

/* With the lock. */
static void
drop_token (MigPoolBackend *self,
            const char     *key)
{
  GList *link = g_queue_find_custom (&self->order, key, (GCompareFunc) g_strcmp0);

  if (link != NULL)
    g_queue_delete_link (&self->order, link);
  g_hash_table_remove (self->tokens, key);
}

/* @value: NULL forgets it. */
static void
remember_token (MigPoolBackend *self,
                const char     *key,
                const char     *value)
{
  g_mutex_lock (&self->mutex);
  if (g_hash_table_contains (self->tokens, key))
    drop_token (self, key);
  if (value != NULL)
    {
      char *owned = g_strdup (key);

      g_hash_table_insert (self->tokens, owned, g_strdup (value));
      g_queue_push_tail (&self->order, owned);
    }
  if (g_queue_get_length (&self->order) > MAX_TOKENS)
    drop_token (self, g_queue_peek_head (&self->order));
  g_mutex_unlock (&self->mutex);
}

static gboolean
is_repeated (MigPoolBackend *self,
             const char     *key,
             const char     *value)
{
  gboolean repeated;

  g_mutex_lock (&self->mutex);
  repeated = g_strcmp0 (g_hash_table_lookup (self->tokens, key), value) == 0;
  g_mutex_unlock (&self->mutex);

  return repeated;
}

/* Calls */

typedef struct
{
  MigLibvirtScratch *scratch;
  char              *host;
  MigDiskSource     *source;
  gint64             capacity;
  MigDiskSource     *other;       /* to compare with; or NULL */
  GCancellable      *cancellable; /* for a call that looks at it; or NULL */
} Request;

static Request *
request_new (MigPoolBackend *self,
             MigHost        *host,
             MigDiskSource  *source,
             gint64          capacity)
{
  Request *request = g_new0 (Request, 1);

  request->scratch = mig_libvirt_scratch_ref (self->scratch);
  request->host = g_strdup (mig_host_get_uri (host));
  request->source = g_object_ref (source);
  request->capacity = capacity;

  return request;
}

static void
request_free (gpointer data)
{
  Request *request = data;

  mig_libvirt_scratch_unref (request->scratch);
  g_free (request->host);
  g_object_unref (request->source);
  g_clear_object (&request->other);
  g_clear_object (&request->cancellable);
  g_free (request);
}

static MigLibvirtPlace
request_start (Request       *request,
               virConnectPtr  connection)
{
  MigLibvirtPlace place = { connection, request->scratch, request->host };

  mig_libvirt_scratch_sweep (&place);

  return place;
}

static gpointer
lookup_volume (virConnectPtr   connection,
               gpointer        data,
               GError        **error)
{
  Request *request = data;
  MigLibvirtPlace place = request_start (request, connection);

  return mig_libvirt_volume_lookup (&place, request->source, error);
}

static const MigLibvirtVerb lookup_verb = {
  "looking up a volume", MIG_LIBVIRT_LANE_WORK, LOOKUP_SECONDS, lookup_volume, request_free, g_object_unref
};

static gpointer
create_volume (virConnectPtr   connection,
               gpointer        data,
               GError        **error)
{
  Request *request = data;
  MigLibvirtPlace place = request_start (request, connection);

  return mig_libvirt_volume_create (&place, request->source, request->capacity, error);
}

static const MigLibvirtVerb create_verb = {
  "creating a volume", MIG_LIBVIRT_LANE_WORK, MIG_LIBVIRT_CHANGE_SECONDS, create_volume, request_free, g_object_unref
};

static gpointer
remove_volume (virConnectPtr   connection,
               gpointer        data,
               GError        **error)
{
  Request *request = data;
  MigLibvirtPlace place = request_start (request, connection);

  return mig_libvirt_volume_remove (&place, request->source, error) ? MIG_LIBVIRT_DONE : NULL;
}

static const MigLibvirtVerb remove_verb = {
  "deleting a volume", MIG_LIBVIRT_LANE_WORK, MIG_LIBVIRT_CHANGE_SECONDS, remove_volume, request_free, NULL
};

static gpointer
compare_volumes (virConnectPtr   connection,
                 gpointer        data,
                 GError        **error)
{
  Request *request = data;
  MigLibvirtPlace place = request_start (request, connection);
  gint64 offset = mig_libvirt_compare (&place, request->source, request->other, request->capacity,
                                       request->cancellable, error);
  gint64 *result = offset >= 0 ? g_new (gint64, 1) : NULL;

  if (result != NULL)
    *result = offset;

  return result;
}

/* As long as it takes: whoever waits has a limit of his own. */
static const MigLibvirtVerb compare_verb = {
  "comparing volumes", MIG_LIBVIRT_LANE_WORK, -1, compare_volumes, request_free, g_free
};

static gpointer
call (MigPoolBackend        *self,
      MigHost               *host,
      const MigLibvirtVerb  *verb,
      Request               *request,
      GCancellable          *cancellable,
      GError               **error)
{
  GError *local = NULL;
  gpointer result = mig_libvirt_driver_call (self->driver, host, verb, request, cancellable, &local);

  /* For a back end, an answer that does not come is a storage that cannot be asked. */
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_TIMED_OUT))
    local->code = MIG_ERROR_CONNECTION;
  if (local != NULL)
    g_propagate_error (error, local);

  return result;
}

/* Slots */

static const char *
get_name (MigVolumeBackend *backend)
{
  return "storage pools";
}

static MigVolume *
lookup (MigVolumeBackend  *backend,
        MigHost           *host,
        MigDiskSource     *source,
        GCancellable      *cancellable,
        GError           **error)
{
  MigPoolBackend *self = MIG_POOL_BACKEND (backend);

  return call (self, host, &lookup_verb, request_new (self, host, source, -1), cancellable, error);
}

static MigVolume *
create (MigVolumeBackend  *backend,
        MigHost           *host,
        MigDiskSource     *source,
        gint64             capacity,
        const char        *token,
        GCancellable      *cancellable,
        GError           **error)
{
  MigPoolBackend *self = MIG_POOL_BACKEND (backend);
  g_autofree char *key = make_token_key (host, source);
  g_autofree char *value = make_token_value (source, capacity, token);
  GError *local = NULL;
  MigVolume *volume = call (self, host, &create_verb, request_new (self, host, source, capacity), cancellable, &local);

  if (volume != NULL)
    remember_token (self, key, value);
  else if (g_error_matches (local, MIG_ERROR, MIG_ERROR_CONFLICT) && is_repeated (self, key, value))
    {
      g_clear_error (&local);
      volume = lookup (backend, host, source, cancellable, &local);
    }
  if (local != NULL)
    g_propagate_error (error, local);

  return volume;
}

/* Not to be called remove: that is a function of the C library. */
static gboolean
delete (MigVolumeBackend  *backend,
        MigHost           *host,
        MigDiskSource     *source,
        const char        *token,
        GCancellable      *cancellable,
        GError           **error)
{
  MigPoolBackend *self = MIG_POOL_BACKEND (backend);
  g_autofree char *key = make_token_key (host, source);

  /* Whatever becomes of it, it is not the volume any more that was made under the token. */
  remember_token (self, key, NULL);

  return call (self, host, &remove_verb, request_new (self, host, source, -1), cancellable, error) != NULL;
}

static gint64
compare (MigVolumeBackend  *backend,
         MigHost           *host,
         MigDiskSource     *one,
         MigDiskSource     *other,
         gint64             length,
         GCancellable      *cancellable,
         GError           **error)
{
  MigPoolBackend *self = MIG_POOL_BACKEND (backend);
  Request *request = request_new (self, host, one, length);
  g_autofree gint64 *offset = NULL;

  request->other = g_object_ref (other);
  request->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  offset = call (self, host, &compare_verb, request, cancellable, error);

  return offset != NULL ? *offset : -1;
}

static void
volume_backend_init (MigVolumeBackendInterface *iface)
{
  iface->get_name = get_name;
  iface->lookup = lookup;
  iface->create = create;
  iface->remove = delete;
  iface->compare = compare;
}

/* The object */

static void
mig_pool_backend_set_property (GObject      *object,
                               guint         id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  MigPoolBackend *self = MIG_POOL_BACKEND (object);

  switch (id)
    {
    case PROP_DRIVER:
      self->driver = g_value_dup_object (value);
      if (self->driver == NULL)
        self->driver = MIG_LIBVIRT_DRIVER (mig_libvirt_driver_new ());
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
    }
}

static void
mig_pool_backend_get_property (GObject    *object,
                               guint       id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  MigPoolBackend *self = MIG_POOL_BACKEND (object);

  switch (id)
    {
    case PROP_DRIVER:
      g_value_set_object (value, self->driver);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
    }
}

static void
mig_pool_backend_finalize (GObject *object)
{
  MigPoolBackend *self = MIG_POOL_BACKEND (object);

  g_clear_object (&self->driver);
  mig_libvirt_scratch_unref (self->scratch);
  g_queue_clear (&self->order);
  g_hash_table_unref (self->tokens);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (mig_pool_backend_parent_class)->finalize (object);
}

static void
mig_pool_backend_class_init (MigPoolBackendClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = mig_pool_backend_set_property;
  object_class->get_property = mig_pool_backend_get_property;
  object_class->finalize = mig_pool_backend_finalize;

  /**
   * MigPoolBackend:driver:
   *
   * The driver whose connections are used; one of its own when none is given.
   *
   * Since: 0.1
   */
  properties[PROP_DRIVER] = g_param_spec_object ("driver", NULL, NULL, MIG_TYPE_LIBVIRT_DRIVER,
                                                 G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
mig_pool_backend_init (MigPoolBackend *self)
{
  self->scratch = mig_libvirt_scratch_new ();
  g_mutex_init (&self->mutex);
  self->tokens = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_queue_init (&self->order);
}

/**
 * mig_pool_backend_new:
 * @driver: the driver whose connections it uses
 *
 * Makes a back end over the storage pools of the driver's hosts.
 *
 * Returns: (transfer full) (type MigPoolBackend): a back end
 *
 * Since: 0.1
 */
MigVolumeBackend *
mig_pool_backend_new (MigLibvirtDriver *driver)
{
  g_return_val_if_fail (MIG_IS_LIBVIRT_DRIVER (driver), NULL);

  return g_object_new (MIG_TYPE_POOL_BACKEND, "driver", driver, NULL);
}
