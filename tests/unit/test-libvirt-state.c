/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <libmig/mig.h>

#include "libmig/drivers/libvirt/mig-libvirt-domain-private.h"

#include "mig-test.h"

/* What is concluded from a domain's state and the statistics of its job, with libvirt's functions played by these. */

typedef struct
{
  int state, reason;
  int type; /* of the job; -1: the call fails... */
  int code; /* ... with this */
  int active;
} Look;

/* Each reading of the state takes the next look, the last one for ever. */
static const Look *looks;
static guint       n_looks;
static const Look *now;
static int         last_code;

int
virDomainGetState (virDomainPtr  domain,
                   int          *state,
                   int          *reason,
                   unsigned int  flags)
{
  now = looks;
  if (n_looks > 1)
    {
      looks++;
      n_looks--;
    }
  *state = now->state;
  *reason = now->reason;

  return 0;
}

int
virDomainGetJobStats (virDomainPtr          domain,
                      int                  *type,
                      virTypedParameterPtr *parameters,
                      int                  *n_parameters,
                      unsigned int          flags)
{
  int max = 0;

  last_code = now->code;
  if (now->type < 0)
    return -1;

  *type = now->type;
  virTypedParamsAddInt (parameters, n_parameters, &max, VIR_DOMAIN_JOB_OPERATION,
                        VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);

  return 0;
}

int
virDomainIsActive (virDomainPtr domain)
{
  return now->active;
}

const char *
virDomainGetName (virDomainPtr domain)
{
  return "g";
}

int
virGetLastErrorCode (void)
{
  return last_code;
}

virErrorPtr
virSaveLastError (void)
{
  virErrorPtr failure = calloc (1, sizeof *failure);

  failure->code = last_code;

  return failure;
}

#define RUNNING VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED
#define OFF VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DESTROYED
#define CRASHED VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED
#define STARTING VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP

static const struct
{
  const char    *name;
  Look           looks[2];
  guint          n_looks;
  MigDomainState state;
  MigJobKind     job;
  int            code; /* -1: no error */
} rows[] = {
  { "a move", { { RUNNING, VIR_DOMAIN_JOB_UNBOUNDED, 0, 1 } }, 1, MIG_DOMAIN_STATE_RUNNING,
    MIG_JOB_KIND_MIGRATION_OUT, -1 },
  { "no job", { { RUNNING, VIR_DOMAIN_JOB_NONE, 0, 1 } }, 1, MIG_DOMAIN_STATE_RUNNING, MIG_JOB_KIND_NONE, -1 },
  { "a hypervisor without jobs", { { RUNNING, -1, VIR_ERR_NO_SUPPORT, 1 } }, 1, MIG_DOMAIN_STATE_RUNNING,
    MIG_JOB_KIND_NONE, -1 },
  { "arriving", { { STARTING, -1, VIR_ERR_OPERATION_UNSUPPORTED, 1 } }, 1, MIG_DOMAIN_STATE_PAUSED_MIGRATION,
    MIG_JOB_KIND_MIGRATION_IN, -1 },
  { "its job is taken", { { RUNNING, -1, VIR_ERR_OPERATION_TIMEOUT, 1 } }, 1, MIG_DOMAIN_STATE_RUNNING,
    MIG_JOB_KIND_OTHER, -1 },
  { "off", { { OFF, -1, VIR_ERR_OPERATION_INVALID, 0 } }, 1, MIG_DOMAIN_STATE_SHUT_OFF, MIG_JOB_KIND_NONE, -1 },
  { "crashed", { { CRASHED, -1, VIR_ERR_OPERATION_INVALID, 0 } }, 1, MIG_DOMAIN_STATE_CRASHED, MIG_JOB_KIND_NONE, -1 },
  /* Between the two calls. */
  { "ended", { { RUNNING, -1, VIR_ERR_OPERATION_INVALID, 0 }, { OFF, -1, VIR_ERR_OPERATION_INVALID, 0 } }, 2,
    MIG_DOMAIN_STATE_SHUT_OFF, MIG_JOB_KIND_NONE, -1 },
  { "started", { { CRASHED, -1, VIR_ERR_OPERATION_INVALID, 1 }, { RUNNING, VIR_DOMAIN_JOB_UNBOUNDED, 0, 1 } }, 2,
    MIG_DOMAIN_STATE_RUNNING, MIG_JOB_KIND_MIGRATION_OUT, -1 },
  { "neither nor", { { RUNNING, -1, VIR_ERR_OPERATION_INVALID, 1 } }, 1, 0, 0, MIG_ERROR_BUSY },
  { "the daemon died", { { RUNNING, -1, VIR_ERR_RPC, 1 } }, 1, 0, 0, MIG_ERROR_CONNECTION },
  { "the domain went", { { RUNNING, -1, VIR_ERR_NO_DOMAIN, 1 } }, 1, 0, 0, MIG_ERROR_NOT_FOUND },
  { "whatever", { { RUNNING, -1, VIR_ERR_INTERNAL_ERROR, 1 } }, 1, 0, 0, MIG_ERROR_FAILED },
  { "arriving, or not", { { STARTING, -1, VIR_ERR_RPC, 1 } }, 1, 0, 0, MIG_ERROR_CONNECTION },
};

START_TEST (states_are_read)
{
  g_autoptr (GError) error = NULL;
  MigDomainState state;
  MigJobKind job;
  gboolean known;

  ck_assert_int_eq (virInitialize (), 0);
  looks = rows[_i].looks;
  n_looks = rows[_i].n_looks;
  known = mig_libvirt_read_state (NULL, &state, &job, &error);
  ck_assert_int_eq (known, error == NULL);
  if (rows[_i].code >= 0)
    {
      ck_assert_msg (!known, "%s: a state was told", rows[_i].name);
      mig_assert_error (error, MIG_ERROR, rows[_i].code);
      return;
    }

  mig_assert_no_error (error);
  ck_assert_msg (state == rows[_i].state && job == rows[_i].job, "%s: state %d, job %d", rows[_i].name, state, job);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-state");
  TCase *tcase = mig_test_add_case (suite, "states");

  tcase_add_loop_test (tcase, states_are_read, 0, G_N_ELEMENTS (rows));

  return suite;
}

MIG_TEST_MAIN (create_suite)
