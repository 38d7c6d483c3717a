/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-emitter-private.h"

#include "libmig/saga/mig-operation-core-private.h"

#define PROGRESS_INTERVAL (G_USEC_PER_SEC / 5)

struct _MigEmitter
{
  GSource          source;
  GMainContext    *context;   /* owned: who pushes uses it, also when whoever iterated it has gone already */
  MigOperation    *operation;
  gboolean         silent;
  MigEmitterEnded  ended;
  gpointer         user_data;

  GMutex           mutex; /* of what follows */
  GQueue           events;
  gint64           last_progress;
};

static gboolean
emitter_dispatch (GSource     *source,
                  GSourceFunc  callback G_GNUC_UNUSED,
                  gpointer     user_data G_GNUC_UNUSED)
{
  MigEmitter *self = (MigEmitter *) source;
  GQueue events = G_QUEUE_INIT;
  gboolean finished = FALSE;
  MigEvent *event;

  g_mutex_lock (&self->mutex);
  events = self->events;
  g_queue_init (&self->events);
  self->last_progress = g_get_monotonic_time ();
  g_source_set_ready_time (source, -1);
  g_mutex_unlock (&self->mutex);

  while ((event = g_queue_pop_head (&events)) != NULL)
    {
      if (!self->silent && !g_source_is_destroyed (source))
        mig_operation_emit (self->operation, event);
      finished = finished || event->kind == MIG_EVENT_FINISHED;
      mig_event_free (event);
    }

  if (finished && !g_source_is_destroyed (source))
    {
      /* Whoever still has a reference to this must not keep the operation alive with it. */
      g_clear_object (&self->operation);
      self->ended (self, self->user_data);
      return G_SOURCE_REMOVE;
    }

  return G_SOURCE_CONTINUE;
}

static void
emitter_finalize (GSource *source)
{
  MigEmitter *self = (MigEmitter *) source;

  g_queue_clear_full (&self->events, (GDestroyNotify) mig_event_free);
  g_mutex_clear (&self->mutex);
  g_clear_object (&self->operation);
  g_main_context_unref (self->context);
}

static GSourceFuncs emitter_funcs = {
  .dispatch = emitter_dispatch,
  .finalize = emitter_finalize,
};

MigEmitter *
mig_emitter_new (MigOperation    *operation,
                 GMainContext    *context,
                 gboolean         silent,
                 MigEmitterEnded  ended,
                 gpointer         user_data)
{
  GSource *source = g_source_new (&emitter_funcs, sizeof (MigEmitter));
  MigEmitter *self = (MigEmitter *) source;

  self->context = g_main_context_ref (context);
  self->operation = g_object_ref (operation);
  self->silent = silent;
  self->ended = ended;
  self->user_data = user_data;
  g_mutex_init (&self->mutex);
  g_queue_init (&self->events);
  g_source_set_static_name (source, "MigEmitter");
  g_source_attach (source, context);

  return self;
}

MigEmitter *
mig_emitter_ref (MigEmitter *self)
{
  g_source_ref (&self->source);

  return self;
}

void
mig_emitter_unref (MigEmitter *self)
{
  /* A source that goes locks its context, before and after it is finalized: the context has to outlive that. */
  g_autoptr (GMainContext) context = g_main_context_ref (self->context);

  g_source_unref (&self->source);
}

gboolean
mig_emitter_is_silent (MigEmitter *self)
{
  return self->silent;
}

MigOperation *
mig_emitter_get_operation (MigEmitter *self)
{
  return self->operation;
}

void
mig_emitter_close (MigEmitter *self)
{
  g_source_destroy (&self->source);
}

gboolean
mig_emitter_is_closed (MigEmitter *self)
{
  return g_source_is_destroyed (&self->source);
}

void
mig_emitter_stop (MigEmitter *self)
{
  mig_emitter_close (self);
  g_clear_object (&self->operation);
}

void
mig_emitter_push (MigEmitter     *self,
                  const MigEvent *event)
{
  MigEvent *tail;

  if (self->silent && event->kind != MIG_EVENT_FINISHED)
    return;

  g_mutex_lock (&self->mutex);

  tail = g_queue_peek_tail (&self->events);
  if (event->kind == MIG_EVENT_PROGRESS && tail != NULL && tail->kind == MIG_EVENT_PROGRESS)
    mig_event_free (g_queue_pop_tail (&self->events));
  g_queue_push_tail (&self->events, mig_event_copy (event));

  if (event->kind != MIG_EVENT_PROGRESS)
    g_source_set_ready_time (&self->source, 0);
  else if (g_source_get_ready_time (&self->source) < 0)
    g_source_set_ready_time (&self->source, self->last_progress + PROGRESS_INTERVAL);

  g_mutex_unlock (&self->mutex);
}
