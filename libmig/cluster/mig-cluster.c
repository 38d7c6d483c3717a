/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/cluster/mig-cluster-private.h"

#include <unistd.h>

#include "libmig/cluster/mig-cluster-config-private.h"

/**
 * MigCluster:
 *
 * What an embedder builds once: the hosts, the store that keeps what must outlive the process, the driver that speaks
 * to the hypervisors, and the limits. Everything else is made for a cluster, and keeps a reference to it.
 *
 * Several clusters may exist in a process; they share nothing. All methods may be called from any thread. In a child of
 * the process that made it, after fork() without exec(), those that can fail do, with %MIG_ERROR_INVALID_STATE.
 *
 * Operations that a process left unfinished, because it ended or was killed, are found with [method@Cluster.recover].
 *
 * Since: 0.1
 */

#define LEASE_TTL 15.0

G_DEFINE_FINAL_TYPE (MigCluster, mig_cluster, G_TYPE_OBJECT)

enum {
  PROP_0,
  PROP_STORE,
  PROP_DRIVER,
  PROP_VOLUME_BACKEND,
  PROP_SETTLE_TIME,
  PROP_LEASE_TTL,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
mig_cluster_constructed (GObject *object)
{
  MigCluster *self = MIG_CLUSTER (object);

  G_OBJECT_CLASS (mig_cluster_parent_class)->constructed (object);

  if (self->volume_backend == NULL && MIG_IS_VOLUME_BACKEND (self->driver))
    self->volume_backend = g_object_ref (MIG_VOLUME_BACKEND (self->driver));

  self->engine = mig_engine_attach (object, self->store, &mig_cluster_hooks);
  self->keeper = mig_keeper_new (self->engine, self->turns);
  mig_engine_set_settle_time (self->engine, self->settle_time);
}

static void
mig_cluster_dispose (GObject *object)
{
  MigCluster *self = MIG_CLUSTER (object);

  mig_keeper_stop (self->keeper);
  mig_cluster_drop_lease (self);

  G_OBJECT_CLASS (mig_cluster_parent_class)->dispose (object);
}

static void
mig_cluster_finalize (GObject *object)
{
  MigCluster *self = MIG_CLUSTER (object);

  g_clear_object (&self->store);
  g_clear_object (&self->driver);
  g_clear_object (&self->volume_backend);
  g_ptr_array_unref (self->hosts);
  mig_keeper_unref (self->keeper);
  mig_turns_unref (self->turns);
  g_clear_pointer (&self->lease, mig_lease_unref);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (mig_cluster_parent_class)->finalize (object);
}

static double
read_double (MigCluster *self,
             double     *field)
{
  double value;

  g_mutex_lock (&self->mutex);
  value = *field;
  g_mutex_unlock (&self->mutex);

  return value;
}

static void
write_double (MigCluster *self,
              double     *field,
              double      value)
{
  g_mutex_lock (&self->mutex);
  *field = value;
  g_mutex_unlock (&self->mutex);
}

static void
set_settle_time (MigCluster *self,
                 double      seconds)
{
  write_double (self, &self->settle_time, seconds);
  if (self->engine != NULL) /* not yet while it is constructed */
    mig_engine_set_settle_time (self->engine, seconds);
}

static void
set_volume_backend (MigCluster       *self,
                    MigVolumeBackend *backend)
{
  g_autoptr (MigVolumeBackend) old = NULL;

  g_mutex_lock (&self->mutex);
  old = g_steal_pointer (&self->volume_backend);
  self->volume_backend = backend;
  g_mutex_unlock (&self->mutex);
}

static void
mig_cluster_set_property (GObject      *object,
                          guint         id,
                          const GValue *value,
                          GParamSpec   *pspec)
{
  MigCluster *self = MIG_CLUSTER (object);

  switch (id)
    {
    case PROP_STORE:
      self->store = g_value_dup_object (value);
      break;
    case PROP_DRIVER:
      self->driver = g_value_dup_object (value);
      break;
    case PROP_VOLUME_BACKEND:
      set_volume_backend (self, g_value_dup_object (value));
      break;
    case PROP_SETTLE_TIME:
      set_settle_time (self, g_value_get_double (value));
      break;
    case PROP_LEASE_TTL:
      write_double (self, &self->lease_ttl, g_value_get_double (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mig_cluster_get_property (GObject    *object,
                          guint       id,
                          GValue     *value,
                          GParamSpec *pspec)
{
  MigCluster *self = MIG_CLUSTER (object);

  switch (id)
    {
    case PROP_STORE:
      g_value_set_object (value, self->store);
      break;
    case PROP_DRIVER:
      g_value_set_object (value, self->driver);
      break;
    case PROP_VOLUME_BACKEND:
      g_value_set_object (value, mig_cluster_get_volume_backend (self));
      break;
    case PROP_SETTLE_TIME:
      g_value_set_double (value, read_double (self, &self->settle_time));
      break;
    case PROP_LEASE_TTL:
      g_value_set_double (value, read_double (self, &self->lease_ttl));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mig_cluster_class_init (MigClusterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags once = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;
  const GParamFlags always = G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS;

  object_class->constructed = mig_cluster_constructed;
  object_class->dispose = mig_cluster_dispose;
  object_class->finalize = mig_cluster_finalize;
  object_class->set_property = mig_cluster_set_property;
  object_class->get_property = mig_cluster_get_property;

  /**
   * MigCluster:store:
   *
   * Where operations are recorded. A cluster that was made without one refuses everything, with
   * %MIG_ERROR_INVALID_ARGUMENT.
   *
   * Since: 0.1
   */
  properties[PROP_STORE] = g_param_spec_object ("store", NULL, NULL, MIG_TYPE_STATE_STORE, once);
  /**
   * MigCluster:driver:
   *
   * What speaks to the hypervisors.
   *
   * Since: 0.1
   */
  properties[PROP_DRIVER] = g_param_spec_object ("driver", NULL, NULL, MIG_TYPE_COMPUTE_DRIVER, once);
  /**
   * MigCluster:volume-backend:
   *
   * What makes and removes volumes; without one, the driver, if it does that too. To be set before the first
   * operation is run.
   *
   * Since: 0.1
   */
  properties[PROP_VOLUME_BACKEND] = g_param_spec_object ("volume-backend", NULL, NULL, MIG_TYPE_VOLUME_BACKEND,
                                                         always);
  /**
   * MigCluster:settle-time:
   *
   * For how long, in seconds, a call that was sent to a hypervisor may take effect although nobody waits for its answer
   * any more. What is found not to have begun is believed only after this time. A host that does not answer is waited
   * for eight times as long.
   *
   * Since: 0.1
   */
  properties[PROP_SETTLE_TIME] = g_param_spec_double ("settle-time", NULL, NULL, 0, 86400, 35, always);
  /**
   * MigCluster:lease-ttl:
   *
   * After how many seconds of silence another process may take over the operations of this one. Counts from the first
   * operation on.
   *
   * Since: 0.1
   */
  properties[PROP_LEASE_TTL] = g_param_spec_double ("lease-ttl", NULL, NULL, 0.1, 86400, LEASE_TTL, always);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mig_cluster_init (MigCluster *self)
{
  g_mutex_init (&self->mutex);
  self->pid = getpid ();
  self->hosts = g_ptr_array_new_with_free_func (g_object_unref);
  self->turns = mig_turns_new ();
}

gboolean
mig_cluster_check_usable (MigCluster  *self,
                          GError     **error)
{
  if (self->pid != getpid ())
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "the cluster belongs to the process before fork()");
  else if (self->store == NULL)
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the cluster has no store");
  else
    return TRUE;

  return FALSE;
}

/**
 * mig_cluster_new:
 * @store: where operations are recorded
 * @driver: (nullable): what speaks to the hypervisors
 *
 * Makes a cluster without hosts.
 *
 * Returns: (transfer full): a cluster
 *
 * Since: 0.1
 */
MigCluster *
mig_cluster_new (MigStateStore    *store,
                 MigComputeDriver *driver)
{
  g_return_val_if_fail (MIG_IS_STATE_STORE (store), NULL);
  g_return_val_if_fail (driver == NULL || MIG_IS_COMPUTE_DRIVER (driver), NULL);

  return g_object_new (MIG_TYPE_CLUSTER, "store", store, "driver", driver, NULL);
}

/* With the lock held. */
static MigHost *
find_host_locked (MigCluster *self,
                  const char *name)
{
  for (guint i = 0; i < self->hosts->len; i++)
    {
      MigHost *host = g_ptr_array_index (self->hosts, i);

      if (g_str_equal (mig_host_get_name (host), name))
        return host;
    }

  return NULL;
}

/**
 * mig_cluster_add_host:
 * @self: a cluster
 * @host: a host
 * @error: return location for a #GError
 *
 * Makes a host known. %MIG_ERROR_INVALID_ARGUMENT: its name is empty or taken, or one of its URIs is not one.
 *
 * Returns: %TRUE if it was added
 *
 * Since: 0.1
 */
gboolean
mig_cluster_add_host (MigCluster  *self,
                      MigHost     *host,
                      GError     **error)
{
  const char *name;
  gboolean taken;

  g_return_val_if_fail (MIG_IS_CLUSTER (self), FALSE);
  g_return_val_if_fail (MIG_IS_HOST (host), FALSE);

  if (!mig_cluster_check_usable (self, error) || !mig_host_check (host, error))
    return FALSE;

  name = mig_host_get_name (host);
  g_mutex_lock (&self->mutex);
  taken = find_host_locked (self, name) != NULL;
  if (!taken)
    g_ptr_array_add (self->hosts, g_object_ref (host));
  g_mutex_unlock (&self->mutex);

  if (taken)
    g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "there is a host named “%s” already", name);

  return !taken;
}

static MigHost *
find_uri_locked (MigCluster *self,
                 const char *uri)
{
  for (guint i = 0; i < self->hosts->len; i++)
    {
      MigHost *host = g_ptr_array_index (self->hosts, i);

      if (g_str_equal (mig_host_get_uri (host), uri))
        return host;
    }

  return NULL;
}

/**
 * mig_cluster_find_host:
 * @self: a cluster
 * @name: the name of a host, or a URI, which has `://` in it
 * @error: return location for a #GError
 *
 * Finds a host by its name. A URI gives the host that has it, or else one that is described by nothing but the URI,
 * which is its name too.
 *
 * %MIG_ERROR_NOT_FOUND: no host has this name. %MIG_ERROR_INVALID_ARGUMENT: it is neither a name nor a URI.
 *
 * Returns: (transfer full): the host
 *
 * Since: 0.1
 */
MigHost *
mig_cluster_find_host (MigCluster  *self,
                       const char  *name,
                       GError     **error)
{
  gboolean is_uri;
  MigHost *host;

  g_return_val_if_fail (MIG_IS_CLUSTER (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  if (!mig_cluster_check_usable (self, error))
    return NULL;

  is_uri = strstr (name, "://") != NULL;
  g_mutex_lock (&self->mutex);
  host = find_host_locked (self, name);
  if (host == NULL && is_uri)
    host = find_uri_locked (self, name);
  if (host != NULL)
    g_object_ref (host);
  g_mutex_unlock (&self->mutex);

  if (host != NULL)
    return host;
  if (is_uri)
    return mig_uri_check (name, "host", error) ? mig_host_new (name, name) : NULL;

  if (*name == '\0')
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the name of a host is empty");
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "no host is named “%s”", name);

  return NULL;
}

/**
 * mig_cluster_list_hosts:
 * @self: a cluster
 *
 * Lists the hosts, in the order in which they were added.
 *
 * Returns: (transfer container) (element-type MigHost): the hosts
 *
 * Since: 0.1
 */
GPtrArray *
mig_cluster_list_hosts (MigCluster *self)
{
  GPtrArray *hosts;

  g_return_val_if_fail (MIG_IS_CLUSTER (self), NULL);

  hosts = g_ptr_array_new_with_free_func (g_object_unref);
  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->hosts->len; i++)
    g_ptr_array_add (hosts, g_object_ref (g_ptr_array_index (self->hosts, i)));
  g_mutex_unlock (&self->mutex);

  return hosts;
}

/* All of a description or nothing of it. */
static gboolean
add_hosts (MigCluster  *self,
           GPtrArray   *hosts,
           GError     **error)
{
  const char *taken = NULL;

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < hosts->len && taken == NULL; i++)
    {
      const char *name = mig_host_get_name (g_ptr_array_index (hosts, i));

      taken = find_host_locked (self, name) != NULL ? name : NULL;
    }
  for (guint i = 0; i < hosts->len && taken == NULL; i++)
    g_ptr_array_add (self->hosts, g_object_ref (g_ptr_array_index (hosts, i)));
  g_mutex_unlock (&self->mutex);

  if (taken != NULL)
    g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "there is a host named “%s” already", taken);

  return taken == NULL;
}

/**
 * mig_cluster_configure:
 * @self: a cluster
 * @json: a description
 * @error: return location for a #GError
 *
 * Reads a description of a cluster: `{"hosts": [{"name", "uri", "peer-uri", "migration-uri"}, …], "limits":
 * {"running", "outgoing", "incoming"}, "settle-time": seconds, "lease-ttl": seconds}`. A host has to have a name and a
 * URI; all else may be left out. The limits say how many operations may run at once: in all, from one host, and to
 * one host; 0 is no limit, which is the default.
 *
 * %MIG_ERROR_INVALID_ARGUMENT, naming the member: one that is not known, is missing, or is not what it should be, or a
 * host's name that is taken. Then nothing has changed.
 *
 * Returns: %TRUE if all of it was taken
 *
 * Since: 0.1
 */
gboolean
mig_cluster_configure (MigCluster  *self,
                       const char  *json,
                       GError     **error)
{
  MigClusterConfig config = { 0 };
  gboolean ok;

  g_return_val_if_fail (MIG_IS_CLUSTER (self), FALSE);
  g_return_val_if_fail (json != NULL, FALSE);

  if (!mig_cluster_check_usable (self, error) || !mig_cluster_config_parse (json, &config, error))
    return FALSE;

  ok = add_hosts (self, config.hosts, error);
  if (ok && config.settle_time >= 0)
    g_object_set (self, "settle-time", config.settle_time, NULL);
  if (ok && config.lease_ttl >= 0)
    g_object_set (self, "lease-ttl", config.lease_ttl, NULL);
  if (ok && config.has_limits)
    mig_turns_set_limits (self->turns, &config.limits);
  mig_cluster_config_clear (&config);

  return ok;
}

/**
 * mig_cluster_get_store:
 * @self: a cluster
 *
 * Tells where operations are recorded.
 *
 * Returns: (transfer none): where operations are recorded
 *
 * Since: 0.1
 */
MigStateStore *
mig_cluster_get_store (MigCluster *self)
{
  g_return_val_if_fail (MIG_IS_CLUSTER (self), NULL);

  return self->store;
}

/**
 * mig_cluster_get_driver:
 * @self: a cluster
 *
 * Tells what speaks to the hypervisors.
 *
 * Returns: (transfer none) (nullable): what speaks to the hypervisors
 *
 * Since: 0.1
 */
MigComputeDriver *
mig_cluster_get_driver (MigCluster *self)
{
  g_return_val_if_fail (MIG_IS_CLUSTER (self), NULL);

  return self->driver;
}

/**
 * mig_cluster_get_volume_backend:
 * @self: a cluster
 *
 * Tells what makes and removes volumes.
 *
 * Returns: (transfer none) (nullable): what makes and removes volumes
 *
 * Since: 0.1
 */
MigVolumeBackend *
mig_cluster_get_volume_backend (MigCluster *self)
{
  MigVolumeBackend *backend;

  g_return_val_if_fail (MIG_IS_CLUSTER (self), NULL);

  g_mutex_lock (&self->mutex);
  backend = self->volume_backend;
  g_mutex_unlock (&self->mutex);

  return backend;
}
