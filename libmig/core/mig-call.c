/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/core/mig-call-private.h"

#include <libmig/mig-error.h>

struct _MigCall
{
  MigCallFunc     func;
  gpointer        data;
  GDestroyNotify  free_data;
  MigWaiter      *waiter;
  GCancellable   *cancellable;

  gint            returned; /* atomic; what follows is written before it is set */
  gboolean        ok;
  GError         *error;
};

static void
call_clear (gpointer data)
{
  MigCall *self = data;

  mig_waiter_unref (self->waiter);
  g_object_unref (self->cancellable);
  g_clear_error (&self->error);
}

static void
end_call (MigCall *self)
{
  if (self->free_data != NULL)
    self->free_data (self->data);
  self->data = NULL;
  g_atomic_int_set (&self->returned, TRUE);
  mig_waiter_wake (self->waiter);
}

static gpointer
run_call (gpointer data)
{
  g_autoptr (MigCall) self = data;

  self->ok = self->func (self->data, self->cancellable, &self->error);
  end_call (self);

  return NULL;
}

MigCall *
mig_call_start (const char     *name,
                MigCallFunc     func,
                gpointer        data,
                GDestroyNotify  free_data,
                MigWaiter      *waiter)
{
  MigCall *self = g_atomic_rc_box_new0 (MigCall);
  g_autoptr (GError) local = NULL;
  GThread *thread;

  self->func = func;
  self->data = data;
  self->free_data = free_data;
  self->waiter = mig_waiter_ref (waiter);
  self->cancellable = g_cancellable_new ();

  thread = g_thread_try_new (name, run_call, mig_call_ref (self), &local);
  if (thread != NULL)
    {
      g_thread_unref (thread);
      return self;
    }

  mig_call_unref (self); /* the thread's */
  g_set_error (&self->error, MIG_ERROR, MIG_ERROR_BUSY, "no thread could be started: %s", local->message);
  end_call (self);

  return self;
}

MigCall *
mig_call_ref (MigCall *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
mig_call_unref (MigCall *self)
{
  g_atomic_rc_box_release_full (self, call_clear);
}

gboolean
mig_call_has_returned (MigCall *self)
{
  return g_atomic_int_get (&self->returned);
}

gboolean
mig_call_get_result (MigCall  *self,
                     GError  **error)
{
  if (!mig_call_has_returned (self))
    return FALSE;

  if (self->error != NULL)
    g_propagate_error (error, g_error_copy (self->error));

  return self->ok;
}

void
mig_call_cancel (MigCall *self)
{
  g_cancellable_cancel (self->cancellable);
}
