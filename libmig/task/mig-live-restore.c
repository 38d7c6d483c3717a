/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/task/mig-live-private.h"

/* What the hypervisors' own clean-up left to do: before the decision at the source, after it at the destination. Both
 * loop: look, do what the verdict asks for, look again, until there is nothing to do, or for too long. */

#define FIRST_TICK 0.02 /* seconds between looks: doubling from here... */
#define LAST_TICK  1.0  /* ... to here */

typedef enum {
  TURN_AGAIN, /* something was done: look at once, the first time */
  TURN_WAIT,
  TURN_DONE,
  TURN_FAILED,
} Turn;

static gboolean
is_absent_error (const GError *error)
{
  return g_error_matches (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
}

/* @ok, or an error that says that there is nothing to act on. Others are not final: the next look tells. */
static Turn
acted (gboolean   ok,
       GError    *local,
       GError   **error)
{
  if (ok || is_absent_error (local) || mig_live_is_ambiguous (local))
    {
      g_clear_error (&local);
      return ok ? TURN_AGAIN : TURN_WAIT;
    }

  g_propagate_error (error, local);

  return TURN_FAILED;
}

static Turn
resume_at (MigLive  *self,
           MigHost  *host,
           GError  **error)
{
  GError *local = NULL;
  gboolean ok;

  if (!mig_step_run_holds (self->run, error))
    return TURN_FAILED;
  ok = mig_compute_driver_resume (self->driver, host, mig_live_uuid (self), NULL, &local);

  return acted (ok, local, error);
}

static Turn
destroy_at (MigLive  *self,
            MigHost  *host,
            GError  **error)
{
  GError *local = NULL;
  gboolean ok;

  if (!mig_step_run_holds (self->run, error))
    return TURN_FAILED;
  ok = mig_compute_driver_destroy (self->driver, host, mig_live_uuid (self), NULL, &local);

  return acted (ok, local, error);
}

static Turn
undefine_at (MigLive  *self,
             MigHost  *host,
             GError  **error)
{
  GError *local = NULL;
  gboolean ok;

  if (!mig_step_run_holds (self->run, error))
    return TURN_FAILED;
  ok = mig_compute_driver_undefine (self->driver, host, mig_live_uuid (self), NULL, &local);

  return acted (ok, local, error);
}

/* Ends what a lost migration left at the destination. Only what bears our mark: it came with the guest. */
static Turn
drop_destination (MigLive      *self,
                  MigLiveLook  *look,
                  GError      **error)
{
  const char *mark = mig_domain_info_get_mark (look->destination);

  if (g_strcmp0 (mark, mig_live_mark (self)) != 0)
    {
      g_autofree char *guest = mig_live_describe (self);

      g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT,
                   "domain %s on “%s” is left alone: it does not bear this operation's mark", guest,
                   mig_host_get_name (self->destination));
      return TURN_FAILED;
    }

  return look->view.destination == MIG_LIVE_DESTINATION_STOPPED ? undefine_at (self, self->destination, error)
                                                                : destroy_at (self, self->destination, error);
}

/* Lets a guest run that was stopped for the migration to end; once, for whoever stops it after that has a reason. One
 * that stopped by itself for an error of its disk would stop again. DONE: there is nothing to do. */
static Turn
let_run (MigLive        *self,
         MigHost        *host,
         MigDomainInfo  *info,
         GError        **error)
{
  Turn turn;

  if (!mig_facts_get_boolean (self->facts, MIG_LIVE_FACT_STOPPED) ||
      mig_domain_info_get_state (info) != MIG_DOMAIN_STATE_PAUSED)
    return TURN_DONE;

  turn = resume_at (self, host, error);
  if (turn == TURN_AGAIN)
    mig_facts_set_boolean (self->facts, MIG_LIVE_FACT_STOPPED, FALSE);

  return turn;
}

/* Likewise at the source, where a call to stop it may still be on its way: until it is certain that none comes, the
 * guest is looked at, and let run again. */
static Turn
let_run_here (MigLive          *self,
              MigLiveLook      *look,
              MigLivePatience  *patience,
              GError          **error)
{
  gboolean asked = mig_facts_get_boolean (self->facts, MIG_LIVE_FACT_STOP_ASKED);
  Turn turn = let_run (self, self->source, look->source, error);

  if (turn != TURN_DONE)
    {
      patience->any = FALSE; /* it counts from when the guest is seen to run */
      if (asked)
        mig_facts_set_boolean (self->facts, MIG_LIVE_FACT_STOPPED, TRUE);
      return turn;
    }
  if (asked && mig_live_patience (patience, look->row->verdict) < mig_live_settle_time (self))
    return TURN_WAIT;
  mig_facts_set_boolean (self->facts, MIG_LIVE_FACT_STOP_ASKED, FALSE);

  return TURN_DONE;
}

static Turn
doubt (MigLive      *self,
       MigLiveLook  *look,
       double        seconds,
       double        limit,
       GError      **error)
{
  if (seconds < limit)
    return TURN_WAIT;
  mig_live_set_unknown (self, look, error);

  return TURN_FAILED;
}

static Turn
restore_once (MigLive          *self,
              MigLiveLook      *look,
              MigLivePatience  *patience,
              GError          **error)
{
  double seconds = mig_live_patience (patience, look->row->verdict);

  switch (look->row->verdict)
    {
    case MIG_LIVE_VERDICT_NOT_STARTED:
      return let_run_here (self, look, patience, error);
    case MIG_LIVE_VERDICT_ENDED:
      return TURN_DONE;
    case MIG_LIVE_VERDICT_RESUME:
      return resume_at (self, self->source, error);
    case MIG_LIVE_VERDICT_DROP:
    case MIG_LIVE_VERDICT_DROP_RESUME:
      /* A daemon that has just lost its client or its peer tidies up by itself; and a last answer may be on its way. */
      return seconds < mig_live_settle_time (self) ? TURN_WAIT : drop_destination (self, look, error);
    case MIG_LIVE_VERDICT_WAIT:
    case MIG_LIVE_VERDICT_RUNNING:
    case MIG_LIVE_VERDICT_RECOVER:
      return TURN_WAIT;
    case MIG_LIVE_VERDICT_DONE:
      return doubt (self, look, seconds, 0, error); /* a late call moved it: the engine goes forward */
    case MIG_LIVE_VERDICT_UNKNOWN:
    default:
      return doubt (self, look, seconds, mig_live_settle_time (self), error);
    }
}

typedef Turn (*TurnFunc) (MigLive          *self,
                          MigLiveLook      *look,
                          MigLivePatience  *patience,
                          GError          **error);

static gboolean
loop (MigLive   *self,
      TurnFunc   func,
      GError   **error)
{
  MigLivePatience patience = { FALSE };
  MigWaiter *waiter = mig_step_run_get_waiter (self->run);
  gint64 begun = g_get_monotonic_time ();
  double tick = FIRST_TICK;
  gboolean acted = FALSE;

  for (;;)
    {
      g_auto (MigLiveLook) look = { 0 };
      guint64 ticket = mig_waiter_ticket (waiter);
      Turn turn;

      mig_live_look (self, FALSE, &look);
      turn = func (self, &look, &patience, error);
      if (turn == TURN_DONE || turn == TURN_FAILED)
        return turn == TURN_DONE;
      if (mig_live_seconds_since (begun) >= mig_live_wait_limit (self))
        {
          mig_live_set_unknown (self, &look, error);
          return FALSE;
        }
      if (mig_step_run_is_detaching (self->run))
        {
          g_set_error_literal (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN, "what is left to do is left to recovery");
          return FALSE;
        }

      /* What was done and did not help is not done without a pause. */
      if (turn == TURN_WAIT || acted)
        {
          mig_step_run_wait (self->run, ticket, tick);
          tick = MIN (2 * tick, LAST_TICK);
        }
      acted = turn == TURN_AGAIN;
    }
}

gboolean
mig_live_restore (MigLive  *self,
                  GError  **error)
{
  return loop (self, restore_once, error);
}

/* After the decision. */

/* At the destination the guest has its definition. */
static Turn
define_destination (MigLive      *self,
                    MigLiveLook  *look,
                    GError      **error)
{
  MigDomainInfo *info = look->destination;
  const char *definition = NULL;
  GError *local = NULL;
  gboolean ok;

  if (!mig_facts_get_boolean (self->facts, MIG_LIVE_FACT_PERSISTENT) || mig_domain_info_is_persistent (info))
    return TURN_DONE;

  if (look->source != NULL)
    definition = mig_domain_info_get_persistent_definition (look->source);
  if (definition == NULL)
    definition = mig_domain_info_get_definition (info);
  if (!mig_step_run_holds (self->run, error))
    return TURN_FAILED;
  ok = mig_compute_driver_define (self->driver, self->destination, definition, NULL, &local);

  return acted (ok, local, error);
}

/* At the source nothing is left: neither remains of the guest, nor its definition. */
static Turn
settle_source (MigLive      *self,
               MigLiveLook  *look,
               GError      **error)
{
  switch (look->view.source)
    {
    case MIG_LIVE_SOURCE_ABSENT:
      return TURN_DONE;
    case MIG_LIVE_SOURCE_SHUT_OFF_MIGRATED:
    case MIG_LIVE_SOURCE_STOPPED:
      return undefine_at (self, self->source, error);
    case MIG_LIVE_SOURCE_PAUSED_MIGRATION:
    case MIG_LIVE_SOURCE_PAUSED:
      return destroy_at (self, self->source, error);
    case MIG_LIVE_SOURCE_RUNNING:
    case MIG_LIVE_SOURCE_POST_COPY:
    case MIG_LIVE_SOURCE_POST_COPY_FAILED:
    case MIG_LIVE_SOURCE_UNREACHABLE:
    default:
      return TURN_WAIT;
    }
}

static Turn
settle_in_once (MigLive          *self,
                MigLiveLook      *look,
                MigLivePatience  *patience,
                GError          **error)
{
  double seconds = mig_live_patience (patience, look->row->verdict);
  gboolean silent = look->view.source == MIG_LIVE_SOURCE_UNREACHABLE;
  Turn turn = TURN_DONE;

  /* That the guest is at the destination has been proved: a source that does not answer does not keep it stopped. */
  if ((look->row->verdict == MIG_LIVE_VERDICT_DONE || silent) && look->destination != NULL &&
      !look->view.paused_before)
    turn = let_run (self, self->destination, look->destination, error);
  if (turn != TURN_DONE)
    return turn;
  if (look->row->verdict != MIG_LIVE_VERDICT_DONE)
    return doubt (self, look, seconds, mig_live_settle_time (self), error);

  turn = define_destination (self, look, error);

  return turn == TURN_DONE ? settle_source (self, look, error) : turn;
}

gboolean
mig_live_settle_in (MigLive  *self,
                    GError  **error)
{
  return loop (self, settle_in_once, error);
}
