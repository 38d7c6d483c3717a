/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/task/mig-migration-task-private.h"

#include "libmig/cluster/mig-cluster-config-private.h"
#include "libmig/model/mig-options-json-private.h"
#include "libmig/task/mig-live-private.h"

/**
 * MigMigrationTask:
 *
 * Moves one running or paused guest from one host to another.
 *
 * The guest is checked, its disks are compared, and where the hosts do not share them volumes are made for their
 * copies; then the guest moves, with or without its disks, and goes on where it was. A guest that was paused stays
 * paused. The persistent definition follows a persistent guest. Volumes that were copied are deleted at the source
 * once the guest is proved to run from the copies, unless [property@Mig.MigrationOptions:keep-source-disks].
 *
 * Until the guest has changed hands the operation can be aborted, and whatever fails leaves the world as it was. Once
 * the switch-over has begun [method@Operation.abort] fails with %MIG_ERROR_INVALID_STATE: aborting then could lose the
 * guest. What fails afterwards, at tidying up, never turns a moved guest into an error: it is in
 * [property@Operation:debts].
 *
 * The result has, beside what every operation's has, `source` and `destination` (names), `downtime` (seconds) and
 * `bytes`, as far as they are known.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

/* Members of the request. On disk: never renamed. */
#define REQUEST_DOMAIN      "domain"
#define REQUEST_SOURCE      "source"
#define REQUEST_DESTINATION "destination"
#define REQUEST_OPTIONS     "options"

struct _MigMigrationTask
{
  MigOperation parent_instance;

  char                *domain;
  MigMigrationOptions *options; /* as given, perhaps still being written */
  MigHost             *given_source; /* or NULL */
  MigHost             *given_destination; /* or NULL */

  GMutex               mutex; /* of what follows */
  MigMigrationOptions *frozen;
  MigHost             *source;
  MigHost             *destination;
  gboolean             may_start;
};

struct _MigMigrationTaskClass
{
  MigOperationClass parent_class;
};

G_DEFINE_TYPE (MigMigrationTask, mig_migration_task, MIG_TYPE_OPERATION)

enum {
  PROP_0,
  PROP_DOMAIN,
  PROP_SOURCE,
  PROP_DESTINATION,
  PROP_OPTIONS,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static gboolean
check_host (MigHost     *host,
            const char  *role,
            GError     **error)
{
  const char *name = host != NULL ? mig_host_get_name (host) : NULL;
  g_autofree char *what = NULL;

  if (host == NULL)
    return TRUE;
  if (name == NULL || *name == '\0')
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the %s host has no name", role);
      return FALSE;
    }

  if (mig_host_get_uri (host) == NULL) /* see load_host() */
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND, "no host is named “%s”", name);
      return FALSE;
    }

  what = g_strdup_printf ("the URI of host “%s”", name);

  return mig_uri_check (mig_host_get_uri (host), what, error);
}

static gboolean
mig_migration_task_validate (MigOperation  *operation,
                             GError       **error)
{
  MigMigrationTask *self = MIG_MIGRATION_TASK (operation);
  MigHost *source = self->given_source, *destination = self->given_destination;

  if (self->domain == NULL || *self->domain == '\0')
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "no domain was named");
      return FALSE;
    }
  if (!check_host (source, "source", error) || !check_host (destination, "destination", error))
    return FALSE;

  if (source != NULL && destination != NULL &&
      (g_str_equal (mig_host_get_name (source), mig_host_get_name (destination)) ||
       g_str_equal (mig_host_get_uri (source), mig_host_get_uri (destination))))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                   "source and destination of domain “%s” are the same host: “%s”", self->domain,
                   mig_host_get_name (source));
      return FALSE;
    }

  return mig_migration_options_validate (mig_migration_task_get_options (self), error);
}

/* The name is enough for a host that the cluster knows, or can make of a URI. */
static void
save_host (MigCluster *cluster,
           MigHost    *host,
           const char *role,
           MigFacts   *request)
{
  g_autoptr (MigHost) known = NULL;
  g_autofree char *uri = g_strconcat (role, "-uri", NULL);
  g_autofree char *peer_uri = g_strconcat (role, "-peer-uri", NULL);
  g_autofree char *migration_uri = g_strconcat (role, "-migration-uri", NULL);

  if (host == NULL)
    return;

  mig_facts_set_string (request, role, mig_host_get_name (host));
  known = mig_cluster_find_host (cluster, mig_host_get_name (host), NULL);
  if (known != NULL && g_strcmp0 (mig_host_get_uri (known), mig_host_get_uri (host)) == 0)
    return;
  mig_facts_set_string (request, uri, mig_host_get_uri (host));
  mig_facts_set_string (request, peer_uri, mig_host_get_peer_uri (host));
  mig_facts_set_string (request, migration_uri, mig_host_get_migration_uri (host));
}

/* Whoever only watches a task need not know its hosts: one that the cluster does not know has no URI. Then the task
 * cannot be run, for validate() refuses it. */
static gboolean
load_host (MigCluster  *cluster,
           const char  *role,
           MigFacts    *request,
           MigHost    **host,
           GError     **error)
{
  const char *name = mig_facts_get_string (request, role);
  g_autoptr (GError) local = NULL;
  g_autofree char *uri = g_strconcat (role, "-uri", NULL);
  g_autofree char *peer_uri = g_strconcat (role, "-peer-uri", NULL);
  g_autofree char *migration_uri = g_strconcat (role, "-migration-uri", NULL);

  *host = NULL;
  if (name == NULL)
    return TRUE;
  if (mig_facts_has (request, uri))
    *host = g_object_new (MIG_TYPE_HOST,
                          "name", name,
                          "uri", mig_facts_get_string (request, uri),
                          "peer-uri", mig_facts_get_string (request, peer_uri),
                          "migration-uri", mig_facts_get_string (request, migration_uri),
                          NULL);
  else
    *host = mig_cluster_find_host (cluster, name, &local);
  if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    *host = g_object_new (MIG_TYPE_HOST, "name", name, NULL);
  else if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));

  return *host != NULL;
}

static void
mig_migration_task_save_request (MigOperation *operation,
                                 MigFacts     *request)
{
  MigMigrationTask *self = MIG_MIGRATION_TASK (operation);
  MigCluster *cluster = mig_operation_get_cluster (operation);
  g_autofree char *options = mig_migration_options_to_json (mig_migration_task_get_options (self));

  mig_facts_set_string (request, REQUEST_DOMAIN, self->domain);
  save_host (cluster, self->given_source, REQUEST_SOURCE, request);
  save_host (cluster, self->given_destination, REQUEST_DESTINATION, request);
  mig_facts_set_string (request, REQUEST_OPTIONS, options);
}

static char *
mig_migration_task_dup_subject (MigOperation *operation)
{
  return g_strdup (MIG_MIGRATION_TASK (operation)->domain);
}

static void
mig_migration_task_set_property (GObject      *object,
                                 guint         id,
                                 const GValue *value,
                                 GParamSpec   *pspec)
{
  MigMigrationTask *self = MIG_MIGRATION_TASK (object);

  switch (id)
    {
    case PROP_DOMAIN:
      self->domain = g_value_dup_string (value);
      break;
    case PROP_SOURCE:
      self->given_source = g_value_dup_object (value);
      break;
    case PROP_DESTINATION:
      self->given_destination = g_value_dup_object (value);
      break;
    case PROP_OPTIONS:
      self->options = g_value_dup_object (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mig_migration_task_get_property (GObject    *object,
                                 guint       id,
                                 GValue     *value,
                                 GParamSpec *pspec)
{
  MigMigrationTask *self = MIG_MIGRATION_TASK (object);

  switch (id)
    {
    case PROP_DOMAIN:
      g_value_set_string (value, self->domain);
      break;
    case PROP_SOURCE:
      g_value_take_object (value, mig_migration_task_ref_source (self));
      break;
    case PROP_DESTINATION:
      g_value_take_object (value, mig_migration_task_ref_destination (self));
      break;
    case PROP_OPTIONS:
      g_value_set_object (value, self->options);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mig_migration_task_constructed (GObject *object)
{
  MigMigrationTask *self = MIG_MIGRATION_TASK (object);

  G_OBJECT_CLASS (mig_migration_task_parent_class)->constructed (object);

  if (self->options == NULL)
    self->options = mig_migration_options_new ();
}

static void
mig_migration_task_finalize (GObject *object)
{
  MigMigrationTask *self = MIG_MIGRATION_TASK (object);

  g_free (self->domain);
  g_clear_object (&self->options);
  g_clear_object (&self->frozen);
  g_clear_object (&self->given_source);
  g_clear_object (&self->given_destination);
  g_clear_object (&self->source);
  g_clear_object (&self->destination);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (mig_migration_task_parent_class)->finalize (object);
}

static void
mig_migration_task_class_init (MigMigrationTaskClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MigOperationClass *operation_class = &klass->parent_class;
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->set_property = mig_migration_task_set_property;
  object_class->get_property = mig_migration_task_get_property;
  object_class->constructed = mig_migration_task_constructed;
  object_class->finalize = mig_migration_task_finalize;

  operation_class->table = &mig_live_table;
  operation_class->validate = mig_migration_task_validate;
  operation_class->save_request = mig_migration_task_save_request;
  operation_class->dup_subject = mig_migration_task_dup_subject;

  /**
   * MigMigrationTask:domain:
   *
   * The guest: its UUID, or its name.
   *
   * Since: 0.1
   */
  properties[PROP_DOMAIN] = g_param_spec_string ("domain", NULL, NULL, NULL, flags);

  /**
   * MigMigrationTask:source:
   *
   * The host where the guest is; %NULL to look for it on all of the cluster's hosts. Once it has been found it is here.
   *
   * Since: 0.1
   */
  properties[PROP_SOURCE] = g_param_spec_object ("source", NULL, NULL, MIG_TYPE_HOST, flags);

  /**
   * MigMigrationTask:destination:
   *
   * The host where the guest goes; %NULL to have one chosen. Once it has been chosen it is here.
   *
   * Since: 0.1
   */
  properties[PROP_DESTINATION] = g_param_spec_object ("destination", NULL, NULL, MIG_TYPE_HOST, flags);

  /**
   * MigMigrationTask:options:
   *
   * How the guest is moved. A copy is taken when the task runs.
   *
   * Since: 0.1
   */
  properties[PROP_OPTIONS] = g_param_spec_object ("options", NULL, NULL, MIG_TYPE_MIGRATION_OPTIONS, flags);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mig_migration_task_init (MigMigrationTask *self)
{
  g_mutex_init (&self->mutex);
}

/**
 * mig_migration_task_new:
 * @cluster: the cluster that runs it
 * @domain: the UUID of the guest, or its name
 * @source: (nullable): where it is, or %NULL to look for it
 * @destination: (nullable): where it goes, or %NULL to have a host chosen
 * @options: (nullable): how; %NULL for the defaults
 *
 * A task that moves a guest; [method@Operation.run] it.
 *
 * Returns: (transfer full): a new task
 *
 * Since: 0.1
 */
MigMigrationTask *
mig_migration_task_new (MigCluster          *cluster,
                        const char          *domain,
                        MigHost             *source,
                        MigHost             *destination,
                        MigMigrationOptions *options)
{
  g_return_val_if_fail (MIG_IS_CLUSTER (cluster), NULL);
  g_return_val_if_fail (domain != NULL, NULL);
  g_return_val_if_fail (source == NULL || MIG_IS_HOST (source), NULL);
  g_return_val_if_fail (destination == NULL || MIG_IS_HOST (destination), NULL);
  g_return_val_if_fail (options == NULL || MIG_IS_MIGRATION_OPTIONS (options), NULL);

  return g_object_new (MIG_TYPE_MIGRATION_TASK,
                       "cluster", cluster,
                       "domain", domain,
                       "source", source,
                       "destination", destination,
                       "options", options,
                       NULL);
}

/**
 * mig_migration_task_get_domain:
 * @self: a task
 *
 * Gets the guest as it was named.
 *
 * Returns: (transfer none): a UUID or a name
 *
 * Since: 0.1
 */
const char *
mig_migration_task_get_domain (MigMigrationTask *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATION_TASK (self), NULL);

  return self->domain;
}

static MigHost *
ref_host (MigMigrationTask  *self,
          MigHost           *given,
          MigHost          **found)
{
  MigHost *host = given;

  g_mutex_lock (&self->mutex);
  if (host == NULL)
    host = *found;
  if (host != NULL)
    g_object_ref (host);
  g_mutex_unlock (&self->mutex);

  return host;
}

/**
 * mig_migration_task_ref_source:
 * @self: a task
 *
 * Gets the host where the guest is, or was.
 *
 * Returns: (transfer full) (nullable): a host, or %NULL while it has not been found
 *
 * Since: 0.1
 */
MigHost *
mig_migration_task_ref_source (MigMigrationTask *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATION_TASK (self), NULL);

  return ref_host (self, self->given_source, &self->source);
}

/**
 * mig_migration_task_ref_destination:
 * @self: a task
 *
 * Gets the host where the guest goes.
 *
 * Returns: (transfer full) (nullable): a host, or %NULL while none has been chosen
 *
 * Since: 0.1
 */
MigHost *
mig_migration_task_ref_destination (MigMigrationTask *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATION_TASK (self), NULL);

  return ref_host (self, self->given_destination, &self->destination);
}

/**
 * mig_migration_task_force_complete:
 * @self: a running task
 * @error: return location for an error
 *
 * Asks for an end of the transfer at the cost of the guest's speed.
 *
 * With [property@Mig.MigrationOptions:post-copy] the guest is switched over at once and the rest of its memory
 * follows; the task cannot be aborted any more. Otherwise the guest is paused, so that the transfer ends, and runs
 * again at the destination, or, if the transfer fails, at the source. A limit of the bandwidth
 * ([property@Mig.MigrationOptions:bandwidth]) is lifted then, for the guest stands still meanwhile, and the task cannot
 * be aborted any more either. A task that is being aborted, or whose deadline has passed, is not made to end so any
 * more. Returns when the request has been noted.
 *
 * Fails with %MIG_ERROR_INVALID_STATE when the task is not running.
 *
 * Returns: whether the request was noted
 *
 * Since: 0.1
 */
gboolean
mig_migration_task_force_complete (MigMigrationTask  *self,
                                   GError           **error)
{
  g_return_val_if_fail (MIG_IS_MIGRATION_TASK (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return mig_operation_request (MIG_OPERATION (self), MIG_LIVE_REQUEST_FORCE_COMPLETE, error);
}

MigOperation *
mig_migration_task_revive (MigCluster  *cluster,
                           const char  *id,
                           const char  *key,
                           MigFacts    *request,
                           GError     **error)
{
  const char *json = mig_facts_get_string (request, REQUEST_OPTIONS);
  g_autoptr (MigMigrationOptions) options = NULL;
  g_autoptr (MigHost) source = NULL;
  g_autoptr (MigHost) destination = NULL;

  options = mig_migration_options_new_from_json (json != NULL ? json : "{}", error);
  if (options == NULL || !load_host (cluster, REQUEST_SOURCE, request, &source, error) ||
      !load_host (cluster, REQUEST_DESTINATION, request, &destination, error))
    return NULL;

  return g_object_new (MIG_TYPE_MIGRATION_TASK,
                       "cluster", cluster,
                       "id", id,
                       "key", key,
                       "domain", mig_facts_get_string (request, REQUEST_DOMAIN),
                       "source", source,
                       "destination", destination,
                       "options", options,
                       NULL);
}

MigMigrationOptions *
mig_migration_task_get_options (MigMigrationTask *self)
{
  MigMigrationOptions *frozen;

  g_mutex_lock (&self->mutex);
  if (self->frozen == NULL)
    self->frozen = mig_options_copy (self->options);
  frozen = self->frozen;
  g_mutex_unlock (&self->mutex);

  return frozen;
}

static gboolean
has_name (MigHost    *host,
          const char *name)
{
  return host != NULL && g_strcmp0 (mig_host_get_name (host), name) == 0;
}

MigHost *
mig_migration_task_find_host (MigMigrationTask  *self,
                              const char        *name,
                              GError           **error)
{
  if (has_name (self->given_source, name))
    return g_object_ref (self->given_source);
  if (has_name (self->given_destination, name))
    return g_object_ref (self->given_destination);

  return mig_cluster_find_host (mig_operation_get_cluster (MIG_OPERATION (self)), name, error);
}

static void
set_host (MigMigrationTask  *self,
          MigHost          **found,
          MigHost           *host)
{
  g_mutex_lock (&self->mutex);
  g_set_object (found, host);
  g_mutex_unlock (&self->mutex);
}

void
mig_migration_task_set_source (MigMigrationTask *self,
                               MigHost          *source)
{
  set_host (self, &self->source, source);
}

void
mig_migration_task_set_destination (MigMigrationTask *self,
                                    MigHost          *destination)
{
  set_host (self, &self->destination, destination);
}

void
mig_migration_task_allow_start (MigMigrationTask *self)
{
  g_mutex_lock (&self->mutex);
  self->may_start = TRUE;
  g_mutex_unlock (&self->mutex);
}

gboolean
mig_migration_task_take_start (MigMigrationTask *self)
{
  gboolean taken;

  g_mutex_lock (&self->mutex);
  taken = self->may_start;
  self->may_start = FALSE;
  g_mutex_unlock (&self->mutex);

  return taken;
}
