/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <unistd.h>

#include "libmig/drivers/libvirt/mig-auth-request-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-block-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-domain-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-driver-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-event-loop-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-host-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-migrate-private.h"

/**
 * MigLibvirtDriver:
 *
 * The driver of hosts that run libvirt with QEMU. It opens [property@Host:uri] and needs nothing on the host but
 * libvirt's daemon.
 *
 * # Connections
 *
 * A host gets one control connection, which stays open for queries and events, and further ones for calls that block;
 * those are closed when they are idle. Calls that a daemon does not answer are given up after a while: their threads
 * and connections remain until the daemon closes the connection, and [property@LibvirtDriver:max-abandoned-calls]
 * limits them for each host. A host that has stopped answering is asked again over a new connection.
 *
 * Migrations keep a daemon's workers busy, of which it needs one for everything else: only so many run at once, see
 * [property@LibvirtDriver:max-moves].
 *
 * # Events
 *
 * Events arrive when libvirt has an event loop that turns: [func@libvirt_start_event_thread], or the application's
 * own. Whether one does is looked at whenever a connection is opened, and later now and then: when it turns at last,
 * the connection is replaced by one that has events.
 *
 * # What libvirt would print
 *
 * libvirt prints its errors to stderr unless told otherwise. It is told so for the connections of this driver, and,
 * because failed attempts to connect are reported globally, for the process, when the first driver is made; see
 * [property@LibvirtDriver:keep-libvirt-error-func].
 *
 * May be used from any thread. Nothing of it works in a forked child: calls give %MIG_ERROR_INVALID_STATE there.
 *
 * Since: 0.1
 */

#define MAX_ABANDONED_CALLS 64
#define MAX_MOVES 4
#define CONNECT_SECONDS 10
/* Calls that return on their own end quickly; a daemon that hangs is not waited for. */
#define CLOSE_SECONDS 2

enum {
  PROP_0,
  PROP_KEEP_LIBVIRT_ERROR_FUNC,
  PROP_MAX_ABANDONED_CALLS,
  PROP_MAX_MOVES,
  PROP_CONNECT_TIMEOUT,
  PROP_ABANDONED_CALLS,
  PROP_HAS_EVENTS,
  N_PROPERTIES
};

enum {
  AUTHENTICATE,
  N_SIGNALS
};

struct _MigLibvirtDriver
{
  GObject parent_instance;

  pid_t            pid; /* constant */
  gboolean         keep_error_func;
  double           connect_timeout; /* constant, seconds */
  guint            max_abandoned; /* with the lock */
  guint            max_moves;     /* likewise */
  MigLibvirtCalls *calls;
  GMutex           mutex;
  GHashTable      *endpoints; /* "name\nURI" -> MigLibvirtEndpoint */
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

static void compute_driver_init (MigComputeDriverInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MigLibvirtDriver, mig_libvirt_driver, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_BLOCK_JOB_DRIVER, mig_libvirt_block_init)
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_COMPUTE_DRIVER, compute_driver_init))

/* Before its first call libvirt has no place of its own for the errors of a thread: whoever asks for one gets, and
 * frees, what some other library keeps there. */
static void
initialize_libvirt (void)
{
  static gsize once;

  if (g_once_init_enter (&once))
    {
      virInitialize ();
      g_once_init_leave (&once, 1);
    }
}

static void
quieten_libvirt (void)
{
  static gsize once;

  if (g_once_init_enter (&once))
    {
      virSetErrorFunc (NULL, mig_libvirt_error_quiet);
      g_once_init_leave (&once, 1);
    }
}

static void
mig_libvirt_driver_constructed (GObject *object)
{
  MigLibvirtDriver *self = MIG_LIBVIRT_DRIVER (object);

  G_OBJECT_CLASS (mig_libvirt_driver_parent_class)->constructed (object);

  initialize_libvirt ();
  if (!self->keep_error_func)
    quieten_libvirt ();
}

static void
mig_libvirt_driver_dispose (GObject *object)
{
  MigLibvirtDriver *self = MIG_LIBVIRT_DRIVER (object);
  g_autoptr (GPtrArray) endpoints = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_libvirt_endpoint_unref);
  GHashTableIter iter;
  gpointer endpoint;

  g_mutex_lock (&self->mutex);
  g_hash_table_iter_init (&iter, self->endpoints);
  while (g_hash_table_iter_next (&iter, NULL, &endpoint))
    g_ptr_array_add (endpoints, mig_libvirt_endpoint_ref (endpoint));
  g_hash_table_remove_all (self->endpoints);
  g_mutex_unlock (&self->mutex);

  /* A forked child has the books, but neither the threads nor a right to the sockets. */
  if (self->pid == getpid ())
    {
      for (guint i = 0; i < endpoints->len; i++)
        mig_libvirt_endpoint_close (g_ptr_array_index (endpoints, i));
      mig_libvirt_calls_close (self->calls, CLOSE_SECONDS);
    }

  G_OBJECT_CLASS (mig_libvirt_driver_parent_class)->dispose (object);
}

static void
mig_libvirt_driver_finalize (GObject *object)
{
  MigLibvirtDriver *self = MIG_LIBVIRT_DRIVER (object);

  g_hash_table_unref (self->endpoints);
  mig_libvirt_calls_unref (self->calls);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (mig_libvirt_driver_parent_class)->finalize (object);
}

static void
set_max_moves (MigLibvirtDriver *self,
               guint             max_moves)
{
  GHashTableIter iter;
  gpointer endpoint;

  g_mutex_lock (&self->mutex);
  self->max_moves = max_moves;
  g_hash_table_iter_init (&iter, self->endpoints);
  while (g_hash_table_iter_next (&iter, NULL, &endpoint))
    mig_libvirt_moves_set_max (mig_libvirt_endpoint_get_moves (endpoint), max_moves);
  g_mutex_unlock (&self->mutex);
}

static void
mig_libvirt_driver_set_property (GObject      *object,
                                 guint         id,
                                 const GValue *value,
                                 GParamSpec   *pspec)
{
  MigLibvirtDriver *self = MIG_LIBVIRT_DRIVER (object);

  switch (id)
    {
    case PROP_KEEP_LIBVIRT_ERROR_FUNC:
      self->keep_error_func = g_value_get_boolean (value);
      break;
    case PROP_CONNECT_TIMEOUT:
      self->connect_timeout = g_value_get_double (value);
      break;
    case PROP_MAX_MOVES:
      set_max_moves (self, g_value_get_uint (value));
      break;
    case PROP_MAX_ABANDONED_CALLS:
      g_mutex_lock (&self->mutex);
      self->max_abandoned = g_value_get_uint (value);
      mig_libvirt_calls_set_max (self->calls, self->max_abandoned);
      g_mutex_unlock (&self->mutex);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
    }
}

static gboolean
has_deaf_host (MigLibvirtDriver *self)
{
  gboolean deaf = FALSE;
  GHashTableIter iter;
  gpointer endpoint;

  g_mutex_lock (&self->mutex);
  g_hash_table_iter_init (&iter, self->endpoints);
  while (!deaf && g_hash_table_iter_next (&iter, NULL, &endpoint))
    deaf = mig_libvirt_endpoint_is_deaf (endpoint);
  g_mutex_unlock (&self->mutex);

  return deaf;
}

static void
mig_libvirt_driver_get_property (GObject    *object,
                                 guint       id,
                                 GValue     *value,
                                 GParamSpec *pspec)
{
  MigLibvirtDriver *self = MIG_LIBVIRT_DRIVER (object);

  switch (id)
    {
    case PROP_KEEP_LIBVIRT_ERROR_FUNC:
      g_value_set_boolean (value, self->keep_error_func);
      break;
    case PROP_MAX_ABANDONED_CALLS:
      g_mutex_lock (&self->mutex);
      g_value_set_uint (value, self->max_abandoned);
      g_mutex_unlock (&self->mutex);
      break;
    case PROP_CONNECT_TIMEOUT:
      g_value_set_double (value, self->connect_timeout);
      break;
    case PROP_MAX_MOVES:
      g_mutex_lock (&self->mutex);
      g_value_set_uint (value, self->max_moves);
      g_mutex_unlock (&self->mutex);
      break;
    case PROP_ABANDONED_CALLS:
      g_value_set_uint (value, mig_libvirt_driver_get_abandoned_calls (self));
      break;
    case PROP_HAS_EVENTS:
      g_value_set_boolean (value, mig_libvirt_event_loop_turns () && !has_deaf_host (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
    }
}

static void
mig_libvirt_driver_class_init (MigLibvirtDriverClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mig_libvirt_driver_constructed;
  object_class->dispose = mig_libvirt_driver_dispose;
  object_class->finalize = mig_libvirt_driver_finalize;
  object_class->set_property = mig_libvirt_driver_set_property;
  object_class->get_property = mig_libvirt_driver_get_property;

  /**
   * MigLibvirtDriver:keep-libvirt-error-func:
   *
   * Leave libvirt's global error function as it is: the application has set its own, or wants to see on stderr what
   * libvirt prints by default when a host cannot be reached.
   *
   * Since: 0.1
   */
  properties[PROP_KEEP_LIBVIRT_ERROR_FUNC] =
    g_param_spec_boolean ("keep-libvirt-error-func", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MigLibvirtDriver:max-abandoned-calls:
   *
   * How many calls to one host may have been given up without having returned; with so many of them, further calls to
   * that host give %MIG_ERROR_BUSY. Each keeps a thread and a connection.
   *
   * Since: 0.1
   */
  properties[PROP_MAX_ABANDONED_CALLS] =
    g_param_spec_uint ("max-abandoned-calls", NULL, NULL, 1, G_MAXUINT, MAX_ABANDONED_CALLS,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);

  /**
   * MigLibvirtDriver:max-moves:
   *
   * How many migrations away from one host are in the hands of its daemon at once; further ones wait for one of them
   * to end. Each occupies one of the daemon's workers, without which it answers neither queries nor aborts. libvirtd
   * begins with 5 of them (`min_workers` in libvirtd.conf), and although it may have more (`max_workers`) it does not
   * get them when several requests arrive at once: it then answers nobody until a migration has ended. So no more than
   * one less than `min_workers` is safe. A post-copy whose connection broke does not wait when it is taken up again,
   * for its guest stands still.
   *
   * Since: 0.1
   */
  properties[PROP_MAX_MOVES] =
    g_param_spec_uint ("max-moves", NULL, NULL, 1, G_MAXUINT, MAX_MOVES,
                       G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);

  /**
   * MigLibvirtDriver:connect-timeout:
   *
   * How many seconds connecting to a host may take.
   *
   * Since: 0.1
   */
  properties[PROP_CONNECT_TIMEOUT] =
    g_param_spec_double ("connect-timeout", NULL, NULL, 0.001, 3600, CONNECT_SECONDS,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  /**
   * MigLibvirtDriver:abandoned-calls:
   *
   * How many calls to all hosts have been given up and have not returned yet. No notification is emitted.
   *
   * Since: 0.1
   */
  properties[PROP_ABANDONED_CALLS] =
    g_param_spec_uint ("abandoned-calls", NULL, NULL, 0, G_MAXUINT, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MigLibvirtDriver:has-events:
   *
   * Whether libvirt has an event loop that turns, and every host that the driver is connected to tells of events. Else
   * hosts are asked often instead. Reading it may take a second when there is a loop that does not turn. No
   * notification is emitted.
   *
   * Since: 0.1
   */
  properties[PROP_HAS_EVENTS] =
    g_param_spec_boolean ("has-events", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  /**
   * MigLibvirtDriver::authenticate:
   * @self: the driver
   * @request: what the host asks
   *
   * A host wants to know who we are. It is emitted in a thread of the driver. A handler answers the request, or takes
   * a reference and has it answered later; what nobody answers is refused.
   *
   * Since: 0.1
   */
  signals[AUTHENTICATE] = g_signal_new ("authenticate", MIG_TYPE_LIBVIRT_DRIVER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, MIG_TYPE_AUTH_REQUEST);
}

static void
mig_libvirt_driver_init (MigLibvirtDriver *self)
{
  self->pid = getpid ();
  self->calls = mig_libvirt_calls_new (MAX_ABANDONED_CALLS);
  g_mutex_init (&self->mutex);
  self->endpoints = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify) mig_libvirt_endpoint_unref);
}

static const char *
get_name (MigComputeDriver *driver)
{
  return "libvirt";
}

static void
compute_driver_init (MigComputeDriverInterface *iface)
{
  iface->get_name = get_name;
  iface->get_host_info = mig_libvirt_get_host_info;
  iface->get_domain = mig_libvirt_get_domain;
  iface->set_mark = mig_libvirt_set_mark;
  iface->migrate = mig_libvirt_migrate;
  iface->get_job = mig_libvirt_get_job;
  iface->abort_job = mig_libvirt_abort_job;
  iface->tune = mig_libvirt_tune;
  iface->pause = mig_libvirt_pause;
  iface->resume = mig_libvirt_resume;
  iface->destroy = mig_libvirt_destroy;
  iface->define = mig_libvirt_define;
  iface->undefine = mig_libvirt_undefine;
  iface->get_domains = mig_libvirt_get_domains;
}

MigLibvirtEndpoint *
mig_libvirt_driver_ref_endpoint (MigLibvirtDriver  *self,
                                 MigHost           *host,
                                 GError           **error)
{
  g_autofree char *key = NULL;
  MigLibvirtEndpoint *endpoint;

  if (self->pid != getpid ())
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE,
                           "The driver was made before this process was forked");
      return NULL;
    }

  key = g_strdup_printf ("%s\n%s", mig_host_get_name (host), mig_host_get_uri (host));
  g_mutex_lock (&self->mutex);
  endpoint = g_hash_table_lookup (self->endpoints, key);
  if (endpoint == NULL)
    {
      endpoint = mig_libvirt_endpoint_new (self, self->calls, host, self->max_moves, self->connect_timeout);
      g_hash_table_insert (self->endpoints, g_steal_pointer (&key), endpoint);
    }
  mig_libvirt_endpoint_ref (endpoint);
  g_mutex_unlock (&self->mutex);

  return endpoint;
}

gpointer
mig_libvirt_driver_call (MigLibvirtDriver      *self,
                         MigHost               *host,
                         const MigLibvirtVerb  *verb,
                         gpointer               data,
                         GCancellable          *cancellable,
                         GError               **error)
{
  g_autoptr (MigLibvirtEndpoint) endpoint = mig_libvirt_driver_ref_endpoint (self, host, error);

  if (endpoint != NULL)
    return mig_libvirt_verb_call (verb, endpoint, data, cancellable, error);

  if (data != NULL && verb->free_data != NULL)
    verb->free_data (data);

  return NULL;
}

char *
mig_libvirt_driver_ask (MigLibvirtDriver *self,
                        const char       *uri,
                        const char       *prompt,
                        gboolean          secret)
{
  g_autoptr (MigAuthAnswer) answer = mig_auth_answer_new ();
  MigAuthRequest *request = mig_auth_request_new (uri, prompt, secret, answer);

  g_signal_emit (self, signals[AUTHENTICATE], 0, request);
  g_object_unref (request);

  return mig_auth_answer_wait (answer);
}

/**
 * mig_libvirt_driver_new:
 *
 * Makes a driver. It connects to a host when it is first asked for something there.
 *
 * Returns: (transfer full) (type MigLibvirtDriver): a driver
 *
 * Since: 0.1
 */
MigComputeDriver *
mig_libvirt_driver_new (void)
{
  return g_object_new (MIG_TYPE_LIBVIRT_DRIVER, NULL);
}

/**
 * mig_libvirt_driver_get_abandoned_calls:
 * @self: a driver
 *
 * Tells how many calls have been given up and have not returned yet.
 *
 * Returns: how many calls have been given up and have not returned yet
 *
 * Since: 0.1
 */
guint
mig_libvirt_driver_get_abandoned_calls (MigLibvirtDriver *self)
{
  g_return_val_if_fail (MIG_IS_LIBVIRT_DRIVER (self), 0);

  return mig_libvirt_calls_get_abandoned (self->calls);
}
