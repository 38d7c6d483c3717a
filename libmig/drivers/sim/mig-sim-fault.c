/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-keeper-private.h"

#include <string.h>
#include <unistd.h>

#include <libmig/mig-error.h>
#include <libmig/mig-sim-driver.h>

/* How a call of this process goes: well, or as a fault says. Faults belong to the driver object, not to the world: the
 * process that recovers meets none unless it asks for them. */

typedef struct
{
  char        *call;
  guint        nth;
  MigSimFault  fault;
} Fault;

struct _MigSimFaults
{
  GArray     *faults;
  GPtrArray  *calls; /* interned names, in order */
  GHashTable *counts;
};

static void
clear_fault (gpointer data)
{
  Fault *fault = data;

  g_free (fault->call);
}

MigSimFaults *
mig_sim_faults_new (void)
{
  MigSimFaults *self = g_new0 (MigSimFaults, 1);

  self->faults = g_array_new (FALSE, FALSE, sizeof (Fault));
  g_array_set_clear_func (self->faults, clear_fault);
  self->calls = g_ptr_array_new ();
  self->counts = g_hash_table_new (g_str_hash, g_str_equal);

  return self;
}

void
mig_sim_faults_free (MigSimFaults *self)
{
  g_array_unref (self->faults);
  g_ptr_array_unref (self->calls);
  g_hash_table_unref (self->counts);
  g_free (self);
}

void
mig_sim_faults_add (MigSimFaults *self,
                    const char   *call,
                    guint         nth,
                    MigSimFault   fault)
{
  Fault entry = { g_strdup (call), nth, fault };

  g_array_append_val (self->faults, entry);
}

gboolean
mig_sim_faults_awaits (MigSimFaults *self,
                       const char   *call)
{
  for (guint i = 0; i < self->faults->len; i++)
    {
      if (strcmp (g_array_index (self->faults, Fault, i).call, call) == 0)
        return TRUE;
    }

  return FALSE;
}

gboolean
mig_sim_faults_count (MigSimFaults *self,
                      const char   *call,
                      MigSimFault  *fault)
{
  guint count = GPOINTER_TO_UINT (g_hash_table_lookup (self->counts, call)) + 1;

  /* Names are literals. The stand-in is no call. */
  g_hash_table_insert (self->counts, (gpointer) call, GUINT_TO_POINTER (count));
  if (strcmp (call, MIG_SIM_SWITCH_OVER) != 0)
    g_ptr_array_add (self->calls, (gpointer) call);

  for (guint i = 0; i < self->faults->len; i++)
    {
      Fault *entry = &g_array_index (self->faults, Fault, i);

      if ((strcmp (entry->call, call) == 0 && entry->nth == count) ||
          (strcmp (entry->call, "*") == 0 && entry->nth == self->calls->len))
        {
          *fault = entry->fault;
          g_array_remove_index (self->faults, i);
          return TRUE;
        }
    }

  return FALSE;
}

char **
mig_sim_faults_dup_calls (MigSimFaults *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < self->calls->len; i++)
    g_strv_builder_add (builder, g_ptr_array_index (self->calls, i));

  return g_strv_builder_end (builder);
}

guint
mig_sim_faults_get_n_calls (MigSimFaults *self)
{
  return self->calls->len;
}

void
mig_sim_end_process (void)
{
  _exit (MIG_SIM_EXIT_STATUS);
}

static gint64
deadline_of (MigSimWorld *world,
             double       seconds)
{
  return seconds < 0 ? G_MAXINT64 : g_get_monotonic_time () + mig_sim_seconds (seconds);
}

typedef enum {
  OUTCOME_OK,
  OUTCOME_FAILED,
  OUTCOME_LEFT, /* failed, and the world has been left */
} Outcome;

/* Does what is asked, when the domain's job allows it. */
static Outcome
apply (MigSimKeeper  *keeper,
       MigSimCall    *call,
       MigSimReply   *reply,
       GCancellable  *cancellable,
       GError       **error)
{
  MigSimWorld *world = mig_sim_keeper_get_world (keeper);
  gint64 deadline = deadline_of (world, world->settings->call_deadline);

  while (!mig_sim_call_apply (mig_sim_keeper_get_world (keeper), call, reply, error))
    {
      if (!reply->blocked)
        return OUTCOME_FAILED;
      reply->blocked = FALSE;
      if (!mig_sim_keeper_wait_for_news (keeper, deadline, cancellable, mig_sim_verb_get_name (call->verb), error))
        return OUTCOME_LEFT;
    }

  return OUTCOME_OK;
}

/* What was sent takes effect when nobody expects it any more. A direct migration needs its client, so it does not. */
static void
put_off (MigSimWorld *world,
         MigSimCall  *call)
{
  MigSimCall *late;

  if (!mig_sim_verb_changes (call->verb) || (call->verb == MIG_SIM_VERB_MIGRATE && call->direct))
    return;

  late = g_memdup2 (call, sizeof *call);
  late->host = g_strdup (call->host);
  late->domain = g_strdup (call->domain);
  late->target = g_strdup (call->target);
  late->text = g_strdup (call->text);
  late->destination = g_strdup (call->destination);
  late->source = call->source != NULL ? g_object_ref (call->source) : NULL;
  late->disks = g_strdupv (call->disks);
  late->request = NULL;
  late->silent = TRUE;
  late->due = world->now + mig_sim_seconds (world->settings->late_delay);
  g_ptr_array_add (world->late, late);
  mig_sim_world_changed (world);
}

static void
lose_client (MigSimWorld *world,
             guint64      id)
{
  for (guint i = 0; i < world->migrations->len; i++)
    {
      MigSimMigration *migration = g_ptr_array_index (world->migrations, i);

      if (migration->id == id)
        migration->client_gone = TRUE;
    }
  mig_sim_world_changed (world);
}

static Outcome
lose_answer (MigSimKeeper  *keeper,
             MigSimCall    *call,
             MigSimReply   *reply,
             GCancellable  *cancellable,
             GError       **error)
{
  g_autoptr (GError) ignored = NULL;
  Outcome outcome;

  call->silent = TRUE;
  outcome = apply (keeper, call, reply, cancellable, &ignored);
  if (outcome == OUTCOME_OK && call->verb == MIG_SIM_VERB_MIGRATE)
    lose_client (mig_sim_keeper_get_world (keeper), (guint64) reply->number);
  mig_sim_reply_clear (reply);
  g_set_error (error, MIG_ERROR, MIG_ERROR_CONNECTION, "%s: the connection to %s broke",
               mig_sim_verb_get_name (call->verb), call->host);

  return outcome == OUTCOME_OK ? OUTCOME_FAILED : outcome;
}

static Outcome
hang (MigSimKeeper  *keeper,
      MigSimCall    *call,
      GCancellable  *cancellable,
      GError       **error)
{
  MigSimWorld *world = mig_sim_keeper_get_world (keeper);
  double seconds = call->verb == MIG_SIM_VERB_MIGRATE ? -1 : world->settings->call_deadline;
  gint64 deadline = deadline_of (world, seconds);

  while (mig_sim_keeper_wait_for_news (keeper, deadline, cancellable, mig_sim_verb_get_name (call->verb), error))
    ;

  return OUTCOME_LEFT;
}

static Outcome
fail (MigSimKeeper  *keeper,
      MigSimFault    fault,
      MigSimCall    *call,
      MigSimReply   *reply,
      GCancellable  *cancellable,
      GError       **error)
{
  const char *name = mig_sim_verb_get_name (call->verb);

  switch (fault)
    {
    case MIG_SIM_FAULT_EXIT_BEFORE:
      mig_sim_keeper_end_process (keeper);
      break;
    case MIG_SIM_FAULT_EXIT_AFTER:
      if (apply (keeper, call, reply, cancellable, NULL) == OUTCOME_LEFT)
        mig_sim_end_process ();
      mig_sim_keeper_end_process (keeper);
      break;
    case MIG_SIM_FAULT_EXIT_LATE:
      put_off (mig_sim_keeper_get_world (keeper), call);
      mig_sim_keeper_end_process (keeper);
      break;
    case MIG_SIM_FAULT_ANSWER_LOST:
      return lose_answer (keeper, call, reply, cancellable, error);
    case MIG_SIM_FAULT_LATE:
      put_off (mig_sim_keeper_get_world (keeper), call);
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONNECTION, "%s: the connection to %s broke", name, call->host);
      return OUTCOME_FAILED;
    case MIG_SIM_FAULT_HANG:
      return hang (keeper, call, cancellable, error);
    case MIG_SIM_FAULT_FAIL:
    default:
      break;
    }
  g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "%s: failed because it was told to", name);

  return OUTCOME_FAILED;
}

/* A call cannot be called back: one that is given up meanwhile takes effect all the same. */
static Outcome
take_time (MigSimKeeper  *keeper,
           MigSimCall    *call,
           GCancellable  *cancellable,
           GError       **error)
{
  MigSimWorld *world = mig_sim_keeper_get_world (keeper);
  gint64 until = g_get_monotonic_time () + mig_sim_seconds (world->settings->call_time);

  while (g_get_monotonic_time () < until)
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        {
          put_off (mig_sim_keeper_get_world (keeper), call);
          return OUTCOME_FAILED;
        }
      if (mig_sim_keeper_wait (keeper, until, error) == NULL)
        return OUTCOME_LEFT;
    }

  if (call->until == 0 || g_get_monotonic_time () < call->until)
    return OUTCOME_OK;

  g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "%s: it took too long to ask", mig_sim_verb_get_name (call->verb));

  return OUTCOME_FAILED;
}

static gboolean
has_room (MigSimWorld *world,
          MigSimCall  *call)
{
  gint64 n_leaving = 0;

  for (guint i = 0; i < world->migrations->len; i++)
    {
      MigSimMigration *migration = g_ptr_array_index (world->migrations, i);

      if (migration->stage != MIG_SIM_STAGE_ENDED && mig_sim_client_equal (&migration->client, &call->client) &&
          g_strcmp0 (migration->source->name, call->host) == 0)
        n_leaving++;
    }

  return world->settings->max_moves == 0 || n_leaving < world->settings->max_moves;
}

/* As a driver that lets only so many begin. Nothing is sent meanwhile. FALSE: there is nothing to leave. */
static gboolean
wait_for_room (MigSimKeeper  *keeper,
               MigSimCall    *call,
               GCancellable  *cancellable,
               GError       **error)
{
  if ((call->flags & MIG_MIGRATE_FLAGS_RESUME) != 0)
    return TRUE;

  while (!has_room (mig_sim_keeper_get_world (keeper), call))
    {
      mig_migrate_request_set_held (call->request, TRUE);
      if (!mig_sim_keeper_wait_for_news (keeper, G_MAXINT64, cancellable, mig_sim_verb_get_name (call->verb), error))
        return FALSE;
    }

  return TRUE;
}

/* Until a migration may be sent; any other call at once. FALSE: there is nothing to leave. */
static gboolean
enter (MigSimKeeper  *keeper,
       MigSimCall    *call,
       GCancellable  *cancellable,
       GError       **error)
{
  for (;;)
    {
      if (mig_sim_keeper_enter (keeper, error) == NULL)
        return FALSE;
      if (call->request == NULL)
        return TRUE;
      if (!wait_for_room (keeper, call, cancellable, error))
        return FALSE;
      if (mig_migrate_request_may_be_sent (call->request))
        break;
      if (!mig_sim_keeper_leave (keeper, error) || !mig_migrate_request_begin (call->request, cancellable, error))
        return FALSE;
    }
  mig_migrate_request_set_held (call->request, FALSE);

  return TRUE;
}

static gboolean
perform (MigSimKeeper  *keeper,
         MigSimCall    *call,
         MigSimReply   *reply,
         GCancellable  *cancellable,
         GError       **error)
{
  MigSimFault fault;
  Outcome outcome;

  if (!enter (keeper, call, cancellable, error))
    return FALSE;

  outcome = take_time (keeper, call, cancellable, error);
  if (outcome == OUTCOME_OK &&
      mig_sim_faults_count (mig_sim_keeper_get_faults (keeper), mig_sim_verb_get_name (call->verb), &fault))
    outcome = fail (keeper, fault, call, reply, cancellable, error);
  else if (outcome == OUTCOME_OK)
    outcome = apply (keeper, call, reply, cancellable, error);
  if (outcome == OUTCOME_LEFT)
    return FALSE;

  return mig_sim_keeper_leave (keeper, outcome == OUTCOME_OK ? error : NULL) && outcome == OUTCOME_OK;
}

static void
wake (GCancellable *cancellable,
      gpointer      keeper)
{
  mig_sim_keeper_wake (keeper);
}

gboolean
mig_sim_keeper_perform (MigSimKeeper  *self,
                        MigSimCall    *call,
                        MigSimReply   *reply,
                        GCancellable  *cancellable,
                        GError       **error)
{
  g_autoptr (MigSimCall) owned = call;
  gulong handler = 0;
  gboolean ok;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  call->client = *mig_sim_keeper_get_client (self);
  if (cancellable != NULL)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (wake), self, NULL);
  ok = perform (self, call, reply, cancellable, error);
  g_cancellable_disconnect (cancellable, handler);

  return ok;
}

/* Whether the migration has ended; takes its result. */
static gboolean
take_result (MigSimWorld  *world,
             guint64       id,
             gboolean     *ok,
             GError      **error)
{
  for (guint i = 0; i < world->results->len; i++)
    {
      MigSimResult *result = g_ptr_array_index (world->results, i);

      if (result->id != id)
        continue;
      *ok = result->code < 0;
      if (!*ok)
        g_set_error_literal (error, MIG_ERROR, result->code, result->message);
      g_ptr_array_remove_index (world->results, i);
      mig_sim_world_changed (world);
      return TRUE;
    }

  return FALSE;
}

static gboolean
wait_result (MigSimKeeper  *keeper,
             guint64        id,
             GCancellable  *cancellable,
             GError       **error)
{
  MigSimWorld *world = mig_sim_keeper_enter (keeper, error);
  gboolean ok = FALSE;

  while (world != NULL && !take_result (world, id, &ok, error))
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        {
          mig_sim_migration_forget (world, id);
          break;
        }
      world = mig_sim_keeper_wait (keeper, G_MAXINT64, error);
    }

  return world != NULL && mig_sim_keeper_leave (keeper, ok ? error : NULL) && ok;
}

gboolean
mig_sim_keeper_wait_result (MigSimKeeper  *self,
                            guint64        id,
                            GCancellable  *cancellable,
                            GError       **error)
{
  gulong handler = 0;
  gboolean ok;

  if (cancellable != NULL)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (wake), self, NULL);
  ok = wait_result (self, id, cancellable, error);
  g_cancellable_disconnect (cancellable, handler);

  return ok;
}
