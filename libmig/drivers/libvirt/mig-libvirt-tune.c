/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-domain-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-migrate-private.h"

/* A move that has entered has a job in a moment: so long an abort waits for it, and so often it looks. */
#define ABORT_SECONDS 1.0
#define ABORT_INTERVAL 0.02

static gboolean
set_no_job (GError     **error,
            const char  *domain)
{
  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "%s is not being migrated away", domain);

  return FALSE;
}

/* On a call thread: refuses what would meet a job that is none of ours. */
static gboolean
is_moving (virDomainPtr   domain,
           const char    *name,
           GError       **error)
{
  MigDomainState state;
  MigJobKind job;

  if (!mig_libvirt_read_state (domain, &state, &job, error))
    return FALSE;
  if (job == MIG_JOB_KIND_MIGRATION_OUT)
    return TRUE;

  return set_no_job (error, name);
}

/* Statistics */

static gpointer
call_get_job (virConnectPtr   connection,
              gpointer        data,
              GError        **error)
{
  MigLibvirtDomainCall *call = data;
  gboolean completed = call->value != 0;
  unsigned int flags = completed ? VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED : 0;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, call->domain, error);
  virTypedParameterPtr parameters = NULL;
  int n_parameters = 0;
  MigJobStats *stats;
  int type;

  if (domain == NULL)
    return NULL;

  if (virDomainGetJobStats (domain, &type, &parameters, &n_parameters, flags) == 0)
    {
      stats = mig_libvirt_job_stats_new (type, parameters, n_parameters, completed);
      virTypedParamsFree (parameters, n_parameters);
      return stats;
    }

  /* A destination keeps no statistics before the end; a domain that does not run has no job. */
  if (mig_libvirt_error_is (VIR_ERR_OPERATION_UNSUPPORTED))
    return g_object_new (MIG_TYPE_JOB_STATS, "kind", MIG_JOB_KIND_MIGRATION_IN, NULL);
  if (mig_libvirt_error_is (VIR_ERR_OPERATION_INVALID))
    return g_object_new (MIG_TYPE_JOB_STATS, NULL);

  mig_libvirt_error_set (error, "Cannot read the job of %s", call->domain);

  return NULL;
}

static const MigLibvirtVerb get_job = {
  .what = "reading a job",
  .lane = MIG_LIBVIRT_LANE_CONTROL,
  .seconds = MIG_LIBVIRT_QUERY_SECONDS,
  .func = call_get_job,
  .free_data = mig_libvirt_domain_call_free,
  .free_result = g_object_unref,
};

MigJobStats *
mig_libvirt_ask_job (MigLibvirtEndpoint  *endpoint,
                     const char          *domain,
                     gboolean             completed,
                     GCancellable        *cancellable,
                     GError             **error)
{
  return mig_libvirt_verb_call (&get_job, endpoint, mig_libvirt_domain_call_new (domain, NULL, completed), cancellable,
                                error);
}

/* What the host says counts; but a source that knows the domain no more has told its last job beforehand. One that
 * knows it has it back: what it told was of another move. */
MigJobStats *
mig_libvirt_get_job (MigComputeDriver  *driver,
                     MigHost           *host,
                     const char        *domain,
                     gboolean           completed,
                     GCancellable      *cancellable,
                     GError           **error)
{
  g_autoptr (MigLibvirtEndpoint) endpoint =
    mig_libvirt_driver_ref_endpoint (MIG_LIBVIRT_DRIVER (driver), host, error);
  g_autoptr (MigJobStats) stats = NULL;
  g_autoptr (GError) local = NULL;
  MigJobStats *told = NULL;

  if (endpoint == NULL)
    return NULL;

  stats = mig_libvirt_ask_job (endpoint, domain, completed, cancellable, &local);
  if (completed && g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    told = mig_libvirt_history_lookup (mig_libvirt_endpoint_get_history (endpoint), domain);
  if (told != NULL)
    return told;

  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));

  return g_steal_pointer (&stats);
}

/* Aborting */

typedef struct
{
  char  *domain;
  gint64 until; /* -1: for ever */
} Abort;

static Abort *
abort_new (const char *domain,
           gint64      until)
{
  Abort *self = g_new0 (Abort, 1);

  self->domain = g_strdup (domain);
  self->until = until;

  return self;
}

static void
abort_free (gpointer data)
{
  Abort *self = data;

  g_free (self->domain);
  g_free (self);
}

static gpointer
call_abort (virConnectPtr   connection,
            gpointer        data,
            GError        **error)
{
  Abort *call = data;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, call->domain, error);

  if (domain == NULL || !is_moving (domain, call->domain, error))
    return NULL;
  if (call->until >= 0 && g_get_monotonic_time () >= call->until)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "The migration of %s is not aborted: it took too long to ask",
                   call->domain);
      return NULL;
    }
  if (virDomainAbortJob (domain) == 0)
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set_domain (error, "abort the migration of", domain);

  return NULL;
}

/* A query, but one that does not wait behind others. */
static const MigLibvirtVerb abort_job = {
  .what = "aborting a job",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_QUERY_SECONDS,
  .func = call_abort,
  .free_data = abort_free,
};

gboolean
mig_libvirt_abort_job (MigComputeDriver  *driver,
                       MigHost           *host,
                       const char        *domain,
                       double             within,
                       GCancellable      *cancellable,
                       GError           **error)
{
  gint64 now = g_get_monotonic_time ();
  gint64 until = now + (gint64) (ABORT_SECONDS * G_USEC_PER_SEC);
  gint64 last = within < 0 ? -1 : now + (gint64) (within * G_USEC_PER_SEC);
  g_autoptr (MigLibvirtEndpoint) endpoint =
    mig_libvirt_driver_ref_endpoint (MIG_LIBVIRT_DRIVER (driver), host, error);
  MigLibvirtMoves *moves;

  if (endpoint == NULL)
    return FALSE;

  moves = mig_libvirt_endpoint_get_moves (endpoint);
  if (mig_libvirt_moves_withdraw (moves, domain))
    return TRUE;

  while (TRUE)
    {
      g_autoptr (GError) local = NULL;

      if (mig_libvirt_verb_call (&abort_job, endpoint, abort_new (domain, last), cancellable, &local) != NULL)
        return TRUE;
      if (!g_error_matches (local, MIG_ERROR, MIG_ERROR_INVALID_STATE) || g_get_monotonic_time () >= until ||
          !mig_libvirt_moves_is_inside (moves, domain, ABORT_INTERVAL))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
    }
}

/* Tuning */

static int
set_bandwidth (virDomainPtr domain,
               double       value)
{
  unsigned long limit = (unsigned long) mig_libvirt_bandwidth (value);

  /* Post-copy has a limit of its own, which a move without post-copy has no use for. */
  virDomainMigrateSetMaxSpeed (domain, limit, VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY);

  return virDomainMigrateSetMaxSpeed (domain, limit, 0);
}

typedef struct
{
  MigTunable tunable;
  char      *domain;
  double     value;
} Tuning;

static void
tuning_free (gpointer data)
{
  Tuning *tuning = data;

  g_free (tuning->domain);
  g_free (tuning);
}

static gpointer
call_tune (virConnectPtr   connection,
           gpointer        data,
           GError        **error)
{
  Tuning *tuning = data;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, tuning->domain, error);
  int status = -1;

  if (domain == NULL || !is_moving (domain, tuning->domain, error))
    return NULL;

  switch (tuning->tunable)
    {
    case MIG_TUNABLE_MAX_DOWNTIME:
      status = virDomainMigrateSetMaxDowntime (domain, mig_libvirt_downtime (tuning->value), 0);
      break;
    case MIG_TUNABLE_BANDWIDTH:
      status = set_bandwidth (domain, tuning->value);
      break;
    case MIG_TUNABLE_POST_COPY:
      status = virDomainMigrateStartPostCopy (domain, 0);
      break;
    default:
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "Nothing is known of tunable %d", (int) tuning->tunable);
      return NULL;
    }
  if (status == 0)
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set_domain (error, "change the migration of", domain);

  return NULL;
}

static const MigLibvirtVerb tune = {
  .what = "changing a migration",
  .lane = MIG_LIBVIRT_LANE_CONTROL,
  .seconds = MIG_LIBVIRT_QUERY_SECONDS,
  .func = call_tune,
  .free_data = tuning_free,
};

gboolean
mig_libvirt_tune (MigComputeDriver  *driver,
                  MigHost           *host,
                  const char        *domain,
                  MigTunable         tunable,
                  double             value,
                  GCancellable      *cancellable,
                  GError           **error)
{
  Tuning *tuning = g_new0 (Tuning, 1);

  tuning->tunable = tunable;
  tuning->domain = g_strdup (domain);
  tuning->value = value;

  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &tune, tuning, cancellable, error) != NULL;
}
