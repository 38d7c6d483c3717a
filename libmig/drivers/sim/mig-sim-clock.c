/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-call-private.h"
#include "libmig/drivers/sim/mig-sim-world-private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The state of a process and when it started, from /proc. FALSE: there is no such process. */
static gboolean
read_process (gint64   pid,
              char    *state,
              guint64 *start)
{
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/stat", pid);
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;
  const char *rest;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;

  /* The second word is the program's name, in parentheses, and may hold anything. */
  rest = strrchr (text, ')');
  if (rest == NULL || strlen (rest) < 3)
    return FALSE;
  words = g_strsplit (rest + 2, " ", -1);
  if (g_strv_length (words) < 20)
    return FALSE;

  *state = words[0][0];
  *start = g_ascii_strtoull (words[19], NULL, 10);

  return TRUE;
}

void
mig_sim_client_init (MigSimClient *self)
{
  char state;

  self->pid = getpid ();
  if (!read_process (self->pid, &state, &self->start))
    self->start = 0;
  self->nonce = ((guint64) g_random_int () << 32) | g_random_int ();
}

gboolean
mig_sim_client_equal (const MigSimClient *self,
                      const MigSimClient *other)
{
  return self->pid == other->pid && self->start == other->start && self->nonce == other->nonce;
}

/* A process that was killed, and that nobody has waited for yet, is dead too. */
gboolean
mig_sim_client_is_alive (const MigSimClient *self)
{
  guint64 start;
  char state;

  return read_process (self->pid, &state, &start) && start == self->start && state != 'Z' && state != 'X';
}

static void
bury_clients (MigSimWorld *self)
{
  for (guint i = 0; i < self->migrations->len; i++)
    {
      MigSimMigration *migration = g_ptr_array_index (self->migrations, i);

      if (migration->stage == MIG_SIM_STAGE_ENDED || !migration->direct)
        continue;
      if (migration->client_gone ||
          (!mig_sim_client_equal (&migration->client, &self->self) && !mig_sim_client_is_alive (&migration->client)))
        {
          mig_sim_migration_orphan (self, migration);
          mig_sim_check_guest (self, migration->guest);
        }
    }

  for (guint i = self->results->len; i > 0; i--)
    {
      MigSimResult *result = g_ptr_array_index (self->results, i - 1);

      if (!mig_sim_client_equal (&result->client, &self->self) && !mig_sim_client_is_alive (&result->client))
        g_ptr_array_remove_index (self->results, i - 1);
    }
}

/* A direct migration waits in its switch-over for its client, whatever time it is. */
static gint64
migration_due (MigSimWorld     *self,
               MigSimMigration *migration)
{
  if (migration->stage == MIG_SIM_STAGE_BROKEN || migration->stage == MIG_SIM_STAGE_ENDED)
    return MIG_SIM_NEVER;
  if (migration->direct && migration->stage == MIG_SIM_STAGE_SWITCH_OVER && !migration->failing &&
      !mig_sim_client_equal (&migration->client, &self->self))
    return MIG_SIM_NEVER;

  return migration->stage_end;
}

typedef struct
{
  gint64           due;
  MigSimMigration *migration;
  MigSimMirror    *mirror;
  MigSimCall      *late;
} Turn;

static Turn
find_next_turn (MigSimWorld *self)
{
  Turn turn = { .due = MIG_SIM_NEVER };

  for (guint i = 0; i < self->migrations->len; i++)
    {
      MigSimMigration *migration = g_ptr_array_index (self->migrations, i);
      gint64 due = migration_due (self, migration);

      if (due < turn.due)
        turn = (Turn) { .due = due, .migration = migration };
    }
  for (guint i = 0; i < self->mirrors->len; i++)
    {
      MigSimMirror *mirror = g_ptr_array_index (self->mirrors, i);

      if (mirror->due < turn.due)
        turn = (Turn) { .due = mirror->due, .mirror = mirror };
    }
  for (guint i = 0; i < self->late->len; i++)
    {
      MigSimCall *call = g_ptr_array_index (self->late, i);

      /* One that found its domain busy is tried again when anything has changed. */
      if (call->due < turn.due && call->blocked_at != self->n_changes)
        turn = (Turn) { .due = call->due, .late = call };
    }

  return turn;
}

static void
run_late (MigSimWorld *self,
          MigSimCall  *call)
{
  g_autoptr (GError) error = NULL;
  MigSimReply reply = { 0 };

  if (!mig_sim_call_apply (self, call, &reply, &error) && reply.blocked)
    {
      call->blocked_at = self->n_changes;
      return;
    }

  /* Nobody is there any more to hear how it went. */
  mig_sim_reply_clear (&reply);
  g_ptr_array_remove (self->late, call);
  mig_sim_world_changed (self);
}

static void
drop_ended (MigSimWorld *self)
{
  for (guint i = self->migrations->len; i > 0; i--)
    {
      MigSimMigration *migration = g_ptr_array_index (self->migrations, i - 1);

      if (migration->stage == MIG_SIM_STAGE_ENDED)
        g_ptr_array_remove_index (self->migrations, i - 1);
    }
}

void
mig_sim_world_advance (MigSimWorld *self,
                       gint64       now)
{
  bury_clients (self);

  while (TRUE)
    {
      Turn turn = find_next_turn (self);

      if (turn.due > now || (self->halts && self->n_switch_overs > 0))
        break;
      self->now = MAX (self->now, turn.due);
      if (turn.migration != NULL)
        {
          MigSimGuest *guest = turn.migration->guest;

          mig_sim_migration_turn (self, turn.migration);
          mig_sim_check_guest (self, guest);
        }
      else if (turn.mirror != NULL)
        mig_sim_mirror_turn (self, turn.mirror);
      else
        run_late (self, turn.late);
    }

  drop_ended (self);
  self->now = MAX (self->now, now);
}

gint64
mig_sim_world_get_next_due (MigSimWorld *self)
{
  return find_next_turn (self).due;
}
