/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

#include <string.h>

#include <libmig/mig-error.h>

#include "libmig/cluster/mig-cluster-private.h"
#include "libmig/model/mig-options-json-private.h"
#include "libmig/saga/mig-engine-private.h"

/**
 * MigVolumeSwap:
 *
 * Puts another volume under a disk of a running guest, while the guest goes on writing: an [class@Operation] of the
 * kind `volume-swap`, made by [method@BlockDevice.new_swap].
 *
 * The disk is mirrored to the destination; when the mirror is ready the guest is switched to it, and both definitions
 * of its domain name the new volume. Until the switch the swap can be aborted, and undoes what it did: the guest stays
 * on its old volume, and a volume that was made for it is deleted. From the switch on it only goes forward. The old
 * volume is kept.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigVolumeSwap
{
  MigOperation parent_instance;

  MigSwapRequest request;
};

struct _MigVolumeSwapClass
{
  MigOperationClass parent_class;
};

enum {
  PROP_HOST = 1,
  PROP_DOMAIN,
  PROP_TARGET,
  PROP_DESTINATION,
  PROP_OPTIONS,
  N_PROPERTIES
};

/* In the request; on disk. The host is not under the name that limits of moves count by. */
#define REQUEST_HOST "host"
#define REQUEST_URI "uri"
#define REQUEST_DOMAIN "domain"
#define REQUEST_TARGET "target"
#define REQUEST_DESTINATION MIG_FACT_DESTINATION /* in parts: mig_swap_save_source() */
#define REQUEST_OPTIONS "options"

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE (MigVolumeSwap, mig_volume_swap, MIG_TYPE_OPERATION)

static void
mig_volume_swap_finalize (GObject *object)
{
  MigSwapRequest *request = &MIG_VOLUME_SWAP (object)->request;

  g_clear_object (&request->host);
  g_clear_object (&request->destination);
  g_clear_object (&request->options);
  g_free (request->domain);
  g_free (request->target);

  G_OBJECT_CLASS (mig_volume_swap_parent_class)->finalize (object);
}

static gboolean
is_path (MigDiskSource *source)
{
  MigDiskSourceKind kind = mig_disk_source_get_kind (source);

  return kind == MIG_DISK_SOURCE_KIND_FILE || kind == MIG_DISK_SOURCE_KIND_BLOCK;
}

/* One spelling for each path: definitions, records and back ends are compared with it. */
static MigDiskSource *
dup_plain (MigDiskSource *source)
{
  const char *path = source != NULL ? mig_disk_source_get_path (source) : NULL;
  g_autoptr (GString) plain = NULL;

  if (path == NULL || !is_path (source) || strstr (path, "//") == NULL)
    return source != NULL ? g_object_ref (source) : NULL;

  plain = g_string_new (path);
  while (g_string_replace (plain, "//", "/", 0) > 0)
    continue;

  return g_object_new (MIG_TYPE_DISK_SOURCE,
                       "kind", mig_disk_source_get_kind (source),
                       "path", plain->str,
                       "format", mig_disk_source_get_format (source),
                       "slice", mig_disk_source_get_slice (source),
                       NULL);
}

static void
mig_volume_swap_set_property (GObject      *object,
                              guint         id,
                              const GValue *value,
                              GParamSpec   *pspec)
{
  MigSwapRequest *request = &MIG_VOLUME_SWAP (object)->request;

  switch (id)
    {
    case PROP_HOST:
      request->host = g_value_dup_object (value);
      break;
    case PROP_DOMAIN:
      request->domain = g_value_dup_string (value);
      break;
    case PROP_TARGET:
      request->target = g_value_dup_string (value);
      break;
    case PROP_DESTINATION:
      request->destination = dup_plain (g_value_get_object (value));
      break;
    case PROP_OPTIONS:
      request->options = g_value_get_object (value) != NULL ? mig_options_copy (g_value_get_object (value)) :
                                                              mig_swap_options_new ();
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mig_volume_swap_get_property (GObject    *object,
                              guint       id,
                              GValue     *value,
                              GParamSpec *pspec)
{
  const MigSwapRequest *request = &MIG_VOLUME_SWAP (object)->request;

  switch (id)
    {
    case PROP_HOST:
      g_value_set_object (value, request->host);
      break;
    case PROP_DOMAIN:
      g_value_set_string (value, request->domain);
      break;
    case PROP_TARGET:
      g_value_set_string (value, request->target);
      break;
    case PROP_DESTINATION:
      g_value_set_object (value, request->destination);
      break;
    case PROP_OPTIONS:
      g_value_take_object (value, mig_options_copy (request->options));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

/* Neither "." nor ".." nor a slash at the end: what such a path means is for the host to say. */
static gboolean
is_plain_path (const char *path)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);

  return g_path_is_absolute (path) && !g_str_has_suffix (path, "/") &&
         !g_strv_contains ((const char * const *) names, ".") && !g_strv_contains ((const char * const *) names, "..");
}

static gboolean
mig_volume_swap_validate (MigOperation  *operation,
                          GError       **error)
{
  const MigSwapRequest *request = &MIG_VOLUME_SWAP (operation)->request;
  MigDiskSourceKind kind;
  const char *path;

  if (request->host == NULL || request->domain == NULL || request->target == NULL || request->destination == NULL)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                           "a swap needs a host, a domain, a disk and a destination");
      return FALSE;
    }

  kind = mig_disk_source_get_kind (request->destination);
  path = mig_disk_source_get_path (request->destination);
  if (*request->domain == '\0' || *request->target == '\0')
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the name of the %s is empty",
                   *request->domain == '\0' ? "domain" : "disk");
      return FALSE;
    }
  if (kind != MIG_DISK_SOURCE_KIND_FILE && kind != MIG_DISK_SOURCE_KIND_BLOCK && kind != MIG_DISK_SOURCE_KIND_NBD)
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED,
                           "a destination is a file, a block device or an export of an NBD server");
      return FALSE;
    }
  if (kind != MIG_DISK_SOURCE_KIND_NBD && (path == NULL || !is_plain_path (path)))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the destination “%s” is not a plain absolute path",
                   path != NULL ? path : "");
      return FALSE;
    }

  return mig_swap_options_validate (request->options, error);
}

static void
mig_volume_swap_save_request (MigOperation *operation,
                              MigFacts     *facts)
{
  const MigSwapRequest *request = &MIG_VOLUME_SWAP (operation)->request;
  g_autofree char *options = mig_swap_options_to_json (request->options);

  mig_facts_set_string (facts, REQUEST_HOST, mig_host_get_name (request->host));
  mig_facts_set_string (facts, REQUEST_URI, mig_host_get_uri (request->host));
  mig_facts_set_string (facts, REQUEST_DOMAIN, request->domain);
  mig_facts_set_string (facts, REQUEST_TARGET, request->target);
  mig_swap_save_source (facts, REQUEST_DESTINATION, request->destination);
  mig_facts_set_string (facts, REQUEST_OPTIONS, options);
}

static char *
mig_volume_swap_dup_subject (MigOperation *operation)
{
  const MigSwapRequest *request = &MIG_VOLUME_SWAP (operation)->request;

  return g_strdup_printf ("%s/%s", request->domain, request->target);
}

static void
mig_volume_swap_class_init (MigVolumeSwapClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MigOperationClass *operation_class = (MigOperationClass *) klass;
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->finalize = mig_volume_swap_finalize;
  object_class->set_property = mig_volume_swap_set_property;
  object_class->get_property = mig_volume_swap_get_property;
  operation_class->table = &mig_swap_table;
  operation_class->validate = mig_volume_swap_validate;
  operation_class->save_request = mig_volume_swap_save_request;
  operation_class->dup_subject = mig_volume_swap_dup_subject;

  /**
   * MigVolumeSwap:host:
   *
   * Where the guest is.
   *
   * Since: 0.1
   */
  properties[PROP_HOST] = g_param_spec_object ("host", NULL, NULL, MIG_TYPE_HOST, flags);
  /**
   * MigVolumeSwap:domain:
   *
   * The guest, by UUID or by name.
   *
   * Since: 0.1
   */
  properties[PROP_DOMAIN] = g_param_spec_string ("domain", NULL, NULL, NULL, flags);
  /**
   * MigVolumeSwap:target:
   *
   * The name of the disk in the guest, such as `vda`.
   *
   * Since: 0.1
   */
  properties[PROP_TARGET] = g_param_spec_string ("target", NULL, NULL, NULL, flags);
  /**
   * MigVolumeSwap:destination:
   *
   * Where the disk's data shall be.
   *
   * Since: 0.1
   */
  properties[PROP_DESTINATION] = g_param_spec_object ("destination", NULL, NULL, MIG_TYPE_DISK_SOURCE, flags);
  /**
   * MigVolumeSwap:options:
   *
   * How. Reading it gives a copy.
   *
   * Since: 0.1
   */
  properties[PROP_OPTIONS] = g_param_spec_object ("options", NULL, NULL, MIG_TYPE_SWAP_OPTIONS, flags);

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
mig_volume_swap_init (MigVolumeSwap *self)
{
}

const MigSwapRequest *
mig_volume_swap_get_request (MigVolumeSwap *self)
{
  return &self->request;
}

/**
 * mig_volume_swap_get_domain:
 * @self: a swap
 *
 * Gets the guest, by UUID or by name, as it was given.
 *
 * Returns: the guest, by UUID or by name, as it was given
 *
 * Since: 0.1
 */
const char *
mig_volume_swap_get_domain (MigVolumeSwap *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME_SWAP (self), NULL);

  return self->request.domain;
}

/**
 * mig_volume_swap_get_target:
 * @self: a swap
 *
 * Gets the name of the disk in the guest.
 *
 * Returns: the name of the disk in the guest
 *
 * Since: 0.1
 */
const char *
mig_volume_swap_get_target (MigVolumeSwap *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME_SWAP (self), NULL);

  return self->request.target;
}

/**
 * mig_volume_swap_get_destination:
 * @self: a swap
 *
 * Tells where the disk's data shall be.
 *
 * Returns: (transfer none): where the disk's data shall be
 *
 * Since: 0.1
 */
MigDiskSource *
mig_volume_swap_get_destination (MigVolumeSwap *self)
{
  g_return_val_if_fail (MIG_IS_VOLUME_SWAP (self), NULL);

  return self->request.destination;
}

MigVolumeSwap *
mig_volume_swap_new (MigCluster     *cluster,
                     MigHost        *host,
                     const char     *domain,
                     const char     *target,
                     MigDiskSource  *destination,
                     MigSwapOptions *options,
                     const char     *key)
{
  return g_object_new (MIG_TYPE_VOLUME_SWAP, "cluster", cluster, "key", key, "host", host, "domain", domain,
                       "target", target, "destination", destination, "options", options, NULL);
}

/* As the cluster knows it now; one that it does not know is opened as it was then. */
static MigHost *
load_host (MigCluster *cluster,
           MigFacts   *facts)
{
  const char *name = mig_facts_get_string (facts, REQUEST_HOST);
  const char *uri = mig_facts_get_string (facts, REQUEST_URI);
  MigHost *host;

  if (name == NULL)
    return NULL;

  host = mig_cluster_find_host (cluster, name, NULL);
  if (host == NULL && uri != NULL)
    host = mig_host_new (name, uri);

  return host;
}

MigOperation *
mig_volume_swap_revive (MigCluster  *cluster,
                        const char  *id,
                        const char  *key,
                        MigFacts    *request,
                        GError     **error)
{
  g_autoptr (MigHost) host = load_host (cluster, request);
  g_autoptr (MigDiskSource) destination = mig_swap_load_source (request, REQUEST_DESTINATION);
  g_autoptr (MigSwapOptions) options = NULL;
  const char *domain = mig_facts_get_string (request, REQUEST_DOMAIN);
  const char *target = mig_facts_get_string (request, REQUEST_TARGET);
  const char *json = mig_facts_get_string (request, REQUEST_OPTIONS);

  if (host == NULL || domain == NULL || target == NULL || destination == NULL || json == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "the request of the swap %s is not complete", id);
      return NULL;
    }

  options = mig_swap_options_new_from_json (json, error);
  if (options == NULL)
    {
      g_prefix_error (error, "the request of the swap %s: ", id);
      return NULL;
    }

  return g_object_new (MIG_TYPE_VOLUME_SWAP, "cluster", cluster, "id", id, "key", key, "host", host, "domain", domain,
                       "target", target, "destination", destination, "options", options, NULL);
}

static gboolean
is_about (MigOperationInfo  *info,
          const MigBlockRef *ref,
          const char        *name)
{
  g_autofree char *by_uuid = g_strdup_printf ("%s/%s", ref->domain, ref->target);
  g_autofree char *by_name = g_strdup_printf ("%s/%s", name, ref->target);
  const char *subject = mig_operation_info_get_subject (info);
  const char *host = mig_operation_info_get_source (info);

  /* The host is noted once the disk has been found. */
  return g_strcmp0 (mig_operation_info_get_kind (info), MIG_VOLUME_SWAP_KIND) == 0 &&
         (g_strcmp0 (subject, by_uuid) == 0 || g_strcmp0 (subject, by_name) == 0) &&
         (host == NULL || g_strcmp0 (host, mig_host_get_name (ref->host)) == 0);
}

gboolean
mig_volume_swap_check_none (MigCluster         *cluster,
                            const MigBlockRef  *ref,
                            const char         *name,
                            GCancellable       *cancellable,
                            GError            **error)
{
  g_autoptr (GPtrArray) infos = mig_cluster_list_unfinished (cluster, cancellable, error);

  if (infos == NULL)
    return FALSE;

  for (guint i = 0; i < infos->len; i++)
    {
      MigOperationInfo *info = g_ptr_array_index (infos, i);

      if (mig_operation_info_is_finished (info) || !is_about (info, ref, name))
        continue;

      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "the swap %s runs on disk %s of %s, or is to be recovered",
                   mig_operation_info_get_id (info), ref->target, name);
      return FALSE;
    }

  return TRUE;
}
