/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

/* Swaps of several disks of one guest run side by side, except where they meet in the guest: one that found it paused
 * by another would compare what changes once that one resumes it; and who writes the persistent definition writes all
 * of it. So they take turns, within one cluster object. */

/* Between two looks whether the process leaves, in seconds. */
#define WAIT_INTERVAL 1.0

typedef struct
{
  GMutex      mutex;
  GHashTable *taken;   /* "host\nUUID" */
  GPtrArray  *waiters; /* MigWaiter, of those who wait */
} Turns;

static G_DEFINE_QUARK (mig-swap-turns, turns)

static void
turns_free (gpointer data)
{
  Turns *self = data;

  g_hash_table_unref (self->taken);
  g_ptr_array_unref (self->waiters);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/* The cluster's, made when it is first needed. */
static Turns *
get_turns (MigCluster *cluster)
{
  Turns *self = g_object_get_qdata (G_OBJECT (cluster), turns_quark ());

  if (self != NULL)
    return self;

  self = g_new0 (Turns, 1);
  g_mutex_init (&self->mutex);
  self->taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->waiters = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_waiter_unref);
  if (!g_object_replace_qdata (G_OBJECT (cluster), turns_quark (), NULL, self, turns_free, NULL))
    turns_free (self);

  return g_object_get_qdata (G_OBJECT (cluster), turns_quark ());
}

static char *
make_name (MigSwap *self)
{
  return g_strdup_printf ("%s\n%s", mig_host_get_name (self->ref->host), self->ref->domain);
}

/* Whoever does not get it is woken when it is given back. */
static gboolean
try_to_take (Turns     *turns,
             char      *name,
             MigWaiter *waiter)
{
  gboolean free_now;

  g_mutex_lock (&turns->mutex);
  free_now = !g_hash_table_contains (turns->taken, name);
  if (free_now)
    g_hash_table_add (turns->taken, g_strdup (name));
  else if (!g_ptr_array_find (turns->waiters, waiter, NULL))
    g_ptr_array_add (turns->waiters, mig_waiter_ref (waiter));
  g_mutex_unlock (&turns->mutex);

  return free_now;
}

gboolean
mig_swap_take_turn (MigSwap  *self,
                    GError  **error)
{
  MigWaiter *waiter = mig_step_run_get_waiter (self->run);
  Turns *turns = get_turns (self->cluster);
  g_autofree char *name = make_name (self);

  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (waiter);

      if (try_to_take (turns, name, waiter))
        return TRUE;
      if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
        return FALSE;
      if (mig_step_run_is_detaching (self->run))
        return mig_swap_set_detached (error);
      mig_swap_wait (self, ticket, WAIT_INTERVAL);
    }
}

void
mig_swap_leave_turn (MigSwap *self)
{
  Turns *turns = get_turns (self->cluster);
  g_autofree char *name = make_name (self);

  g_mutex_lock (&turns->mutex);
  g_hash_table_remove (turns->taken, name);
  for (guint i = 0; i < turns->waiters->len; i++)
    mig_waiter_wake (g_ptr_array_index (turns->waiters, i));
  g_ptr_array_set_size (turns->waiters, 0);
  g_mutex_unlock (&turns->mutex);
}
