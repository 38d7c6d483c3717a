/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-domain-private.h"

typedef struct
{
  int            state;
  int            reason; /* or ANY */
  MigDomainState means;
} StateRow;

#define ANY -1

/* A domain that ends or starts in this very moment is looked at again. */
#define MAX_LOOKS 5

/* The first row that fits. A domain that is shutting down is neither there nor gone: nothing is concluded from that. */
static const StateRow states[] = {
  { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY, MIG_DOMAIN_STATE_POST_COPY },
  { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY_FAILED, MIG_DOMAIN_STATE_POST_COPY_FAILED },
  { VIR_DOMAIN_RUNNING, ANY, MIG_DOMAIN_STATE_RUNNING },
  { VIR_DOMAIN_BLOCKED, ANY, MIG_DOMAIN_STATE_RUNNING },
  { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, MIG_DOMAIN_STATE_PAUSED_MIGRATION },
  { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY, MIG_DOMAIN_STATE_PAUSED_POST_COPY },
  { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED, MIG_DOMAIN_STATE_POST_COPY_FAILED },
  { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, MIG_DOMAIN_STATE_PAUSED_IO_ERROR },
  { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_CRASHED, MIG_DOMAIN_STATE_CRASHED },
  { VIR_DOMAIN_PAUSED, ANY, MIG_DOMAIN_STATE_PAUSED },
  { VIR_DOMAIN_PMSUSPENDED, ANY, MIG_DOMAIN_STATE_PAUSED },
  { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_MIGRATED, MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED },
  { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED, MIG_DOMAIN_STATE_CRASHED },
  { VIR_DOMAIN_SHUTOFF, ANY, MIG_DOMAIN_STATE_SHUT_OFF },
  { VIR_DOMAIN_CRASHED, ANY, MIG_DOMAIN_STATE_CRASHED },
};

MigDomainState
mig_libvirt_domain_state_map (int state,
                              int reason)
{
  for (gsize i = 0; i < G_N_ELEMENTS (states); i++)
    {
      if (states[i].state == state && (states[i].reason == reason || states[i].reason == ANY))
        return states[i].means;
    }

  return MIG_DOMAIN_STATE_UNKNOWN;
}

/* libvirt's own words for it. */
typedef struct
{
  int number;
  int reason;
} State;

static gboolean
read_pair (virDomainPtr   domain,
           State         *pair,
           GError       **error)
{
  if (virDomainGetState (domain, &pair->number, &pair->reason, 0) == 0)
    return TRUE;

  return mig_libvirt_error_set_domain (error, "read the state of", domain);
}

/* What the state alone says of the job; OTHER when it says nothing. The statistics are not asked for then: they need an
 * answer from a QEMU that may be waiting for its other half. */
static MigJobKind
job_of_state (const State *pair)
{
  switch (mig_libvirt_domain_state_map (pair->number, pair->reason))
    {
    case MIG_DOMAIN_STATE_PAUSED_POST_COPY:
      return MIG_JOB_KIND_MIGRATION_OUT;
    case MIG_DOMAIN_STATE_POST_COPY:
      return MIG_JOB_KIND_MIGRATION_IN;
    case MIG_DOMAIN_STATE_POST_COPY_FAILED:
      /* Either side: the one that runs is the destination. */
      return pair->number == VIR_DOMAIN_RUNNING ? MIG_JOB_KIND_MIGRATION_IN : MIG_JOB_KIND_MIGRATION_OUT;
    case MIG_DOMAIN_STATE_SHUT_OFF:
    case MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED:
      return MIG_JOB_KIND_NONE;
    case MIG_DOMAIN_STATE_UNKNOWN:
    case MIG_DOMAIN_STATE_RUNNING:
    case MIG_DOMAIN_STATE_PAUSED:
    case MIG_DOMAIN_STATE_PAUSED_MIGRATION:
    case MIG_DOMAIN_STATE_PAUSED_IO_ERROR:
    case MIG_DOMAIN_STATE_CRASHED:
    default:
      return MIG_JOB_KIND_OTHER;
    }
}

/* FALSE without an error: the domain does not run, or did not in that moment. */
static gboolean
read_job (virDomainPtr   domain,
          const State   *pair,
          MigJobKind    *job,
          GError       **error)
{
  g_autoptr (MigJobStats) stats = NULL;
  virTypedParameterPtr parameters = NULL;
  int n_parameters = 0;
  int type;

  *job = job_of_state (pair);
  if (*job != MIG_JOB_KIND_OTHER)
    return TRUE;

  if (virDomainGetJobStats (domain, &type, &parameters, &n_parameters, 0) == 0)
    {
      stats = mig_libvirt_job_stats_new (type, parameters, n_parameters, FALSE);
      virTypedParamsFree (parameters, n_parameters);
      *job = mig_job_stats_get_kind (stats);
      return TRUE;
    }

  switch (virGetLastErrorCode ())
    {
    case VIR_ERR_OPERATION_UNSUPPORTED:
      /* A destination keeps no statistics, and says so. */
      *job = MIG_JOB_KIND_MIGRATION_IN;
      return TRUE;
    case VIR_ERR_OPERATION_TIMEOUT:
      return TRUE;
    case VIR_ERR_NO_SUPPORT:
      /* A hypervisor without jobs. */
      *job = MIG_JOB_KIND_NONE;
      return TRUE;
    case VIR_ERR_OPERATION_INVALID:
      return FALSE;
    default:
      return mig_libvirt_error_set_domain (error, "read the job of", domain);
    }
}

/* FALSE without an error: it must be looked at again. */
static gboolean
look (virDomainPtr     domain,
      gboolean         with_job,
      MigDomainState  *state,
      MigJobKind      *job,
      GError         **error)
{
  g_autoptr (GError) local = NULL;
  gboolean starting, ok;
  State pair;
  int active;

  if (!read_pair (domain, &pair, error))
    return FALSE;

  /* QEMU of a destination is first "starting up", like any other, and only then "paused by a migration". */
  starting = pair.number == VIR_DOMAIN_PAUSED && pair.reason == VIR_DOMAIN_PAUSED_STARTING_UP;
  *job = MIG_JOB_KIND_OTHER;
  ok = (!with_job && !starting) || read_job (domain, &pair, job, &local);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (!ok)
    {
      active = mig_libvirt_read_active (domain, error);
      if (active != 0 || !read_pair (domain, &pair, error))
        return FALSE;
      *job = MIG_JOB_KIND_NONE;
    }
  *state = mig_libvirt_domain_state_map (pair.number, pair.reason);
  if (ok && starting && *job == MIG_JOB_KIND_MIGRATION_IN)
    *state = MIG_DOMAIN_STATE_PAUSED_MIGRATION;

  return TRUE;
}

gboolean
mig_libvirt_read_state (virDomainPtr     domain,
                        MigDomainState  *state,
                        MigJobKind      *job,
                        GError         **error)
{
  g_autoptr (GError) local = NULL;
  MigJobKind ignored;
  gboolean known = FALSE;

  for (int i = 0; i < MAX_LOOKS && !known && local == NULL; i++)
    known = look (domain, job != NULL, state, job != NULL ? job : &ignored, &local);
  if (known)
    return TRUE;

  if (local == NULL)
    g_set_error (&local, MIG_ERROR, MIG_ERROR_BUSY, "Cannot read the job of %s: it starts and ends all the time",
                 virDomainGetName (domain));
  g_propagate_error (error, g_steal_pointer (&local));

  return FALSE;
}

int
mig_libvirt_read_active (virDomainPtr   domain,
                         GError       **error)
{
  int active = virDomainIsActive (domain);

  if (active < 0)
    mig_libvirt_error_set_domain (error, "read the state of", domain);

  return active;
}

int
mig_libvirt_read_persistent (virDomainPtr   domain,
                             GError       **error)
{
  int persistent = virDomainIsPersistent (domain);

  if (persistent < 0)
    mig_libvirt_error_set_domain (error, "read the definition of", domain);

  return persistent;
}
