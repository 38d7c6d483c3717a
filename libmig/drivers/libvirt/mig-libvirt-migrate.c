/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <math.h>

#include "libmig/drivers/libvirt/mig-libvirt-domain-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-migrate-private.h"

/* Longer than libvirt waits for a domain's job before a move begins. */
#define AUDIT_SECONDS 40.0

#define MIB (1024.0 * 1024.0)
#define MAX_BANDWIDTH ((guint64) (G_MAXINT64 / (1024 * 1024)))

guint64
mig_libvirt_bandwidth (double bytes_per_second)
{
  double mebibytes = ceil (bytes_per_second / MIB);

  if (mebibytes <= 0 || mebibytes >= (double) MAX_BANDWIDTH)
    return MAX_BANDWIDTH;

  return (guint64) mebibytes;
}

guint64
mig_libvirt_downtime (double seconds)
{
  double milliseconds = ceil (seconds * 1000.0 - 1e-6);

  return milliseconds < 1 ? 1 : (guint64) milliseconds;
}

gboolean
mig_libvirt_is_peer (MigMigrateRequest *request)
{
  switch (mig_migrate_request_get_mode (request))
    {
    case MIG_MIGRATE_MODE_PEER_TO_PEER:
      return TRUE;
    case MIG_MIGRATE_MODE_DIRECT:
      return FALSE;
    case MIG_MIGRATE_MODE_AUTO:
    default:
      return mig_host_get_peer_uri (mig_migrate_request_get_destination (request)) != NULL;
    }
}

/* Change protection needs no flag: libvirt has it wherever both daemons know it. */
unsigned int
mig_libvirt_move_flags (MigMigrateRequest *request)
{
  MigMigrateFlags wanted = mig_migrate_request_get_flags (request);
  unsigned int flags = VIR_MIGRATE_LIVE;

  if (mig_libvirt_is_peer (request))
    flags |= VIR_MIGRATE_PEER2PEER;
  if ((wanted & MIG_MIGRATE_FLAGS_PERSIST) != 0)
    flags |= VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE;
  if ((wanted & MIG_MIGRATE_FLAGS_UNSAFE) != 0)
    flags |= VIR_MIGRATE_UNSAFE;
  if ((wanted & MIG_MIGRATE_FLAGS_POST_COPY) != 0)
    flags |= VIR_MIGRATE_POSTCOPY;
  if ((wanted & MIG_MIGRATE_FLAGS_THROTTLE) != 0)
    flags |= VIR_MIGRATE_AUTO_CONVERGE;
  /* libvirt wants both: it is a post-copy that is taken up. */
  if ((wanted & MIG_MIGRATE_FLAGS_RESUME) != 0)
    flags |= VIR_MIGRATE_POSTCOPY | VIR_MIGRATE_POSTCOPY_RESUME;
  /* Without the list of disks libvirt would copy every writable one; and the list without the flag it ignores. */
  if (*mig_migrate_request_get_copy_disks (request) != NULL)
    flags |= VIR_MIGRATE_NON_SHARED_DISK;

  return flags;
}

/* One move, on its way through libvirt. */
typedef struct
{
  MigMigrateRequest    *request;
  MigLibvirtMoves      *moves;
  MigLibvirtEndpoint   *destination;
  MigLibvirtConnection *connection; /* to the destination; NULL when the daemons talk to each other */
  GCancellable         *cancellable; /* or NULL */
} Move;

/* Only now, when the call has really returned, its place is free. */
static void
move_free (gpointer data)
{
  Move *move = data;

  mig_libvirt_moves_leave (move->moves, mig_migrate_request_get_domain (move->request));
  mig_libvirt_moves_unref (move->moves);
  if (move->connection != NULL)
    mig_libvirt_endpoint_release (move->destination, move->connection);
  mig_libvirt_endpoint_unref (move->destination);
  g_clear_object (&move->cancellable);
  g_object_unref (move->request);
  g_free (move);
}

typedef struct
{
  virTypedParameterPtr items;
  int                  n;
  int                  max;
} Parameters;

static void
parameters_clear (Parameters *parameters)
{
  virTypedParamsFree (parameters->items, parameters->n);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Parameters, parameters_clear)

static gboolean
add_string (Parameters  *self,
            const char  *name,
            const char  *value,
            GError     **error)
{
  if (virTypedParamsAddString (&self->items, &self->n, &self->max, name, value) == 0)
    return TRUE;

  return mig_libvirt_error_set (error, "Cannot prepare the migration");
}

static gboolean
add_number (Parameters  *self,
            const char  *name,
            guint64      value,
            GError     **error)
{
  if (virTypedParamsAddULLong (&self->items, &self->n, &self->max, name, value) == 0)
    return TRUE;

  return mig_libvirt_error_set (error, "Cannot prepare the migration");
}

static gboolean
fill_parameters (MigMigrateRequest  *request,
                 Parameters         *parameters,
                 GError            **error)
{
  const char *uri = mig_host_get_migration_uri (mig_migrate_request_get_destination (request));
  gint64 bandwidth = mig_migrate_request_get_bandwidth (request);

  if (uri != NULL && !add_string (parameters, VIR_MIGRATE_PARAM_URI, uri, error))
    return FALSE;
  for (const char * const *disk = mig_migrate_request_get_copy_disks (request); *disk != NULL; disk++)
    {
      if (!add_string (parameters, VIR_MIGRATE_PARAM_MIGRATE_DISKS, *disk, error))
        return FALSE;
    }

  if (bandwidth <= 0)
    return TRUE;
  if (!add_number (parameters, VIR_MIGRATE_PARAM_BANDWIDTH, mig_libvirt_bandwidth ((double) bandwidth), error))
    return FALSE;
  /* In post-copy libvirt goes by a limit of its own, which is none by default. */
  if ((mig_migrate_request_get_flags (request) & MIG_MIGRATE_FLAGS_POST_COPY) == 0)
    return TRUE;

  return add_number (parameters, VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, mig_libvirt_bandwidth ((double) bandwidth),
                     error);
}

/* There is no parameter for it: it is a property of the domain, and holds for the job that follows. */
static gboolean
set_downtime (virDomainPtr         domain,
              MigMigrateRequest   *request,
              GError             **error)
{
  double seconds = mig_migrate_request_get_max_downtime (request);

  /* In post-copy the standstill is over. */
  if ((mig_migrate_request_get_flags (request) & MIG_MIGRATE_FLAGS_RESUME) != 0)
    return TRUE;
  if (seconds < 0 || virDomainMigrateSetMaxDowntime (domain, mig_libvirt_downtime (seconds), 0) == 0)
    return TRUE;

  return mig_libvirt_error_set_domain (error, "limit the downtime of", domain);
}

static gpointer
call_migrate (virConnectPtr   connection,
              gpointer        data,
              GError        **error)
{
  Move *move = data;
  MigMigrateRequest *request = move->request;
  const char *peer_uri = mig_host_get_peer_uri (mig_migrate_request_get_destination (request));
  unsigned int flags = mig_libvirt_move_flags (request);
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, mig_migrate_request_get_domain (request), error);
  g_autoptr (virDomain) moved = NULL;
  g_auto (Parameters) parameters = { 0 };
  gboolean ok;

  if (domain == NULL || !fill_parameters (request, &parameters, error) || !set_downtime (domain, request, error))
    return NULL;
  /* Once more: the connection may have been opened only now. */
  if (!mig_migrate_request_begin (request, move->cancellable, error))
    return NULL;

  if (move->connection == NULL)
    {
      ok = virDomainMigrateToURI3 (domain, peer_uri, parameters.items, (unsigned int) parameters.n, flags) == 0;
    }
  else
    {
      moved = virDomainMigrate3 (domain, mig_libvirt_connection_get (move->connection), parameters.items,
                                 (unsigned int) parameters.n, flags);
      ok = moved != NULL;
    }
  if (ok)
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set_domain (error, "migrate", domain);

  return NULL;
}

/* It takes as long as it takes; who started it decides when it is enough. */
static const MigLibvirtVerb migrate = {
  .what = "migrating a domain",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = -1,
  .func = call_migrate,
  .free_data = move_free,
};

static gboolean
check_request (MigMigrateRequest  *request,
               GError            **error)
{
  MigHost *source = mig_migrate_request_get_source (request);
  MigHost *destination = mig_migrate_request_get_destination (request);

  if (g_strcmp0 (mig_host_get_name (source), mig_host_get_name (destination)) == 0 ||
      g_strcmp0 (mig_host_get_uri (source), mig_host_get_uri (destination)) == 0)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "%s is the source and the destination",
                   mig_host_get_name (source));
      return FALSE;
    }
  if (mig_libvirt_is_peer (request) && mig_host_get_peer_uri (destination) == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                   "%s has no peer URI, which a peer-to-peer migration needs", mig_host_get_name (destination));
      return FALSE;
    }

  return TRUE;
}

/* Whether those that are inside still move. */
static gpointer
audit (gpointer   data,
       GError   **error)
{
  MigLibvirtEndpoint *source = data;
  MigLibvirtMoves *moves = mig_libvirt_endpoint_get_moves (source);
  g_auto (GStrv) domains = mig_libvirt_moves_list_old (moves, AUDIT_SECONDS);

  for (gsize i = 0; domains[i] != NULL; i++)
    {
      g_autoptr (GError) local = NULL;
      g_autoptr (MigJobStats) stats = mig_libvirt_ask_job (source, domains[i], FALSE, NULL, &local);
      gboolean moving = stats != NULL ? mig_job_stats_get_kind (stats) == MIG_JOB_KIND_MIGRATION_OUT
                                      : !g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND);

      mig_libvirt_moves_note (moves, domains[i], moving);
    }

  return MIG_LIBVIRT_DONE;
}

/* While a move waits for its place, which it may lose interest in at any time. */
static void
audit_later (gpointer data)
{
  MigLibvirtEndpoint *source = data;

  mig_libvirt_calls_push (mig_libvirt_endpoint_get_calls (source), audit, mig_libvirt_endpoint_ref (source),
                          (GDestroyNotify) mig_libvirt_endpoint_unref);
}

/* Waits for a place. A post-copy that is taken up gets one at once: its guest stands still at the first page that is
 * missing. */
static gboolean
enter (MigLibvirtEndpoint  *source,
       MigMigrateRequest   *request,
       GCancellable        *cancellable,
       GError             **error)
{
  MigLibvirtMoves *moves = mig_libvirt_endpoint_get_moves (source);
  const char *domain = mig_migrate_request_get_domain (request);

  if ((mig_migrate_request_get_flags (request) & MIG_MIGRATE_FLAGS_RESUME) != 0)
    {
      mig_libvirt_moves_enter_at_once (moves, domain);
      return TRUE;
    }
  mig_migrate_request_set_held (request, TRUE);

  return mig_libvirt_moves_enter_full (moves, domain, AUDIT_SECONDS, audit_later, source, cancellable, error);
}

gboolean
mig_libvirt_migrate (MigComputeDriver   *driver,
                     MigMigrateRequest  *request,
                     GCancellable       *cancellable,
                     GError            **error)
{
  MigLibvirtDriver *self = MIG_LIBVIRT_DRIVER (driver);
  g_autoptr (MigLibvirtEndpoint) source = NULL;
  g_autoptr (MigLibvirtEndpoint) destination = NULL;
  MigLibvirtConnection *connection = NULL;
  const char *domain = mig_migrate_request_get_domain (request);
  MigLibvirtMoves *moves;
  Move *move;

  if (!check_request (request, error))
    return FALSE;
  source = mig_libvirt_driver_ref_endpoint (self, mig_migrate_request_get_source (request), error);
  if (source == NULL)
    return FALSE;
  destination = mig_libvirt_driver_ref_endpoint (self, mig_migrate_request_get_destination (request), error);
  if (destination == NULL)
    return FALSE;

  mig_libvirt_history_remove (mig_libvirt_endpoint_get_history (source), domain);
  moves = mig_libvirt_endpoint_get_moves (source);
  if (!enter (source, request, cancellable, error))
    return FALSE;
  if (!mig_libvirt_is_peer (request))
    {
      connection = mig_libvirt_endpoint_acquire (destination, MIG_LIBVIRT_LANE_WORK, -1, cancellable, error);
      if (connection == NULL)
        {
          mig_libvirt_moves_leave (moves, domain);
          return FALSE;
        }
    }

  move = g_new0 (Move, 1);
  move->request = g_object_ref (request);
  move->moves = mig_libvirt_moves_ref (moves);
  move->destination = g_steal_pointer (&destination);
  move->connection = connection;
  if (cancellable != NULL)
    move->cancellable = g_object_ref (cancellable);
  if (!mig_migrate_request_begin (request, cancellable, error))
    {
      move_free (move);
      return FALSE;
    }

  return mig_libvirt_verb_call (&migrate, source, move, cancellable, error) != NULL;
}
