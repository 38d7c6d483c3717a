/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/saga/mig-operation-state-private.h"

/* What was asked for under one name. */
typedef struct
{
  guint   serial;   /* how often */
  guint64 revision; /* of its record, when it was heard last; 0: it was asked for in this process */
} Asked;

struct _MigOperationState
{
  GCancellable      *cancellable;
  MigWaiter         *waiter;

  GMutex             mutex; /* of all that follows; nothing is called out to under it */
  MigPhase           phase;
  MigStatus          status;
  guint              attempt;
  double             fraction;
  gint64             memory_processed;
  gint64             disk_processed;
  MigProgress       *progress;
  GError            *error;
  char             **debts;
  GVariant          *result;
  gboolean           ended;
  gboolean           accepted;
  gboolean           detached;
  char              *forbidden; /* why it can't be aborted */
  gboolean           sealed;    /* and never again can */
  gboolean           abort_wanted;
  gboolean           abort_noted; /* in the store */
  GHashTable        *requests; /* name → Asked */
  GPtrArray         *emitters;
  MigOperationState *successor; /* NULL: none; those who listen here are told what happens there */
};

MigOperationState *
mig_operation_state_new (void)
{
  MigOperationState *self = g_atomic_rc_box_new0 (MigOperationState);

  g_mutex_init (&self->mutex);
  self->cancellable = g_cancellable_new ();
  self->waiter = mig_waiter_new ();
  self->attempt = 1;
  self->memory_processed = -1;
  self->disk_processed = -1;
  self->progress = g_object_new (MIG_TYPE_PROGRESS, NULL);
  self->forbidden = g_strdup ("it has not been run");

  return self;
}

MigOperationState *
mig_operation_state_ref (MigOperationState *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
state_clear (gpointer data)
{
  MigOperationState *self = data;

  g_object_unref (self->cancellable);
  mig_waiter_unref (self->waiter);
  g_object_unref (self->progress);
  g_clear_error (&self->error);
  g_strfreev (self->debts);
  g_clear_pointer (&self->result, g_variant_unref);
  g_free (self->forbidden);
  g_clear_pointer (&self->requests, g_hash_table_unref);
  g_clear_pointer (&self->emitters, g_ptr_array_unref);
  g_clear_pointer (&self->successor, mig_operation_state_unref);
  g_mutex_clear (&self->mutex);
}

void
mig_operation_state_unref (MigOperationState *self)
{
  g_atomic_rc_box_release_full (self, state_clear);
}

static gboolean
can_abort_locked (MigOperationState *self)
{
  return !self->ended && self->forbidden == NULL && !g_cancellable_is_cancelled (self->cancellable);
}

void
mig_operation_state_read (MigOperationState *self,
                          MigSnapshot       *snapshot)
{
  g_mutex_lock (&self->mutex);
  snapshot->phase = self->phase;
  snapshot->status = self->status;
  snapshot->attempt = self->attempt;
  snapshot->can_abort = can_abort_locked (self);
  snapshot->ended = self->ended;
  snapshot->progress = g_object_ref (self->progress);
  snapshot->error = self->error != NULL ? g_error_copy (self->error) : NULL;
  snapshot->debts = self->debts != NULL ? g_strdupv (self->debts) : g_new0 (char *, 1);
  snapshot->result = self->result != NULL ? g_variant_ref (self->result) : NULL;
  g_mutex_unlock (&self->mutex);
}

void
mig_snapshot_clear (MigSnapshot *self)
{
  g_clear_object (&self->progress);
  g_clear_error (&self->error);
  g_clear_pointer (&self->debts, g_strfreev);
  g_clear_pointer (&self->result, g_variant_unref);
}

MigPhase
mig_operation_state_get_phase (MigOperationState *self)
{
  MigPhase phase;

  g_mutex_lock (&self->mutex);
  phase = self->phase;
  g_mutex_unlock (&self->mutex);

  return phase;
}

MigStatus
mig_operation_state_get_status (MigOperationState *self)
{
  MigStatus status;

  g_mutex_lock (&self->mutex);
  status = self->status;
  g_mutex_unlock (&self->mutex);

  return status;
}

gboolean
mig_operation_state_has_ended (MigOperationState *self)
{
  gboolean ended;

  g_mutex_lock (&self->mutex);
  ended = self->ended;
  g_mutex_unlock (&self->mutex);

  return ended;
}

static void
push_locked (MigOperationState *self,
             const MigEvent    *event)
{
  for (guint i = 0; self->emitters != NULL && i < self->emitters->len; i++)
    mig_emitter_push (g_ptr_array_index (self->emitters, i), event);
}

static void
push_kind_locked (MigOperationState *self,
                  MigEventKind       kind)
{
  const MigEvent event = { .kind = kind };

  push_locked (self, &event);
}

static MigOperationState *
ref_successor_locked (MigOperationState *self)
{
  return self->successor != NULL ? mig_operation_state_ref (self->successor) : NULL;
}

void
mig_operation_state_add_emitter (MigOperationState *self,
                                 MigEmitter        *emitter)
{
  const MigEvent finished = { .kind = MIG_EVENT_FINISHED };
  g_autoptr (MigOperationState) successor = NULL;

  g_mutex_lock (&self->mutex);
  successor = ref_successor_locked (self);
  if (successor == NULL && self->ended)
    mig_emitter_push (emitter, &finished);
  else if (successor == NULL && !mig_emitter_is_closed (emitter)) /* or whoever closed it removes it in vain */
    {
      if (self->emitters == NULL)
        self->emitters = g_ptr_array_new_with_free_func ((GDestroyNotify) mig_emitter_unref);
      g_ptr_array_add (self->emitters, mig_emitter_ref (emitter));
    }
  g_mutex_unlock (&self->mutex);

  if (successor != NULL)
    mig_operation_state_add_emitter (successor, emitter);
}

void
mig_operation_state_remove_emitter (MigOperationState *self,
                                    MigEmitter        *emitter)
{
  g_autoptr (MigEmitter) removed = NULL; /* let go without the lock: it may hold the last reference to the operation */
  g_autoptr (MigOperationState) successor = NULL;

  g_mutex_lock (&self->mutex);
  successor = ref_successor_locked (self);
  for (guint i = 0; self->emitters != NULL && i < self->emitters->len && removed == NULL; i++)
    {
      if (g_ptr_array_index (self->emitters, i) == emitter)
        {
          removed = mig_emitter_ref (emitter);
          g_ptr_array_remove_index (self->emitters, i);
        }
    }
  g_mutex_unlock (&self->mutex);

  if (successor != NULL)
    mig_operation_state_remove_emitter (successor, emitter);
}

void
mig_operation_state_follow (MigOperationState *self,
                            MigOperationState *successor)
{
  g_autoptr (GPtrArray) emitters = NULL;

  g_mutex_lock (&self->mutex);
  g_assert (self->successor == NULL && self != successor);
  self->successor = mig_operation_state_ref (successor);
  emitters = g_steal_pointer (&self->emitters);
  g_mutex_unlock (&self->mutex);

  for (guint i = 0; emitters != NULL && i < emitters->len; i++)
    mig_operation_state_add_emitter (successor, g_ptr_array_index (emitters, i));
}

gboolean
mig_operation_state_has_emitters (MigOperationState *self)
{
  gboolean found;

  g_mutex_lock (&self->mutex);
  found = self->emitters != NULL && self->emitters->len > 0;
  g_mutex_unlock (&self->mutex);

  return found;
}

gboolean
mig_operation_state_has_voice (MigOperationState *self,
                               MigOperation      *operation)
{
  gboolean found = FALSE;

  g_mutex_lock (&self->mutex);
  for (guint i = 0; self->emitters != NULL && i < self->emitters->len; i++)
    {
      MigEmitter *emitter = g_ptr_array_index (self->emitters, i);

      found = found || (!mig_emitter_is_silent (emitter) && mig_emitter_get_operation (emitter) == operation);
    }
  g_mutex_unlock (&self->mutex);

  return found;
}

void
mig_operation_state_publish_phase (MigOperationState *self,
                                   MigPhase           phase)
{
  g_mutex_lock (&self->mutex);
  if (phase != self->phase && !self->ended)
    {
      const MigEvent event = { .kind = MIG_EVENT_PHASE, .old_phase = self->phase, .new_phase = phase };

      self->phase = phase;
      push_locked (self, &event);
    }
  g_mutex_unlock (&self->mutex);
}

void
mig_operation_state_publish_status (MigOperationState *self,
                                    MigStatus          status)
{
  g_mutex_lock (&self->mutex);
  if (status != self->status && !self->ended)
    {
      self->status = status;
      push_kind_locked (self, MIG_EVENT_STATUS);
    }
  g_mutex_unlock (&self->mutex);
}

void
mig_operation_state_publish_queued (MigOperationState *self)
{
  g_mutex_lock (&self->mutex);
  if (self->status == MIG_STATUS_ACCEPTED && self->phase == MIG_PHASE_NONE && !self->ended)
    {
      self->status = MIG_STATUS_QUEUED;
      push_kind_locked (self, MIG_EVENT_STATUS);
    }
  g_mutex_unlock (&self->mutex);
}

static MigProgress *
make_progress_locked (MigOperationState       *self,
                      const MigProgressSample *sample)
{
  self->memory_processed = MAX (self->memory_processed, sample->memory_processed);
  self->disk_processed = MAX (self->disk_processed, sample->disk_processed);

  return g_object_new (MIG_TYPE_PROGRESS,
                       "phase", self->phase,
                       "fraction", self->fraction,
                       "memory-total", sample->memory_total,
                       "memory-processed", self->memory_processed,
                       "memory-remaining", sample->memory_remaining,
                       "disk-total", sample->disk_total,
                       "disk-processed", self->disk_processed,
                       "disk-remaining", sample->disk_remaining,
                       "rate", sample->rate,
                       "dirty-rate", sample->dirty_rate,
                       "iteration", sample->iteration,
                       "expected-downtime", sample->expected_downtime,
                       "eta", sample->eta,
                       NULL);
}

void
mig_operation_state_publish_progress (MigOperationState       *self,
                                      double                   fraction,
                                      const MigProgressSample *sample)
{
  g_mutex_lock (&self->mutex);
  if (!self->ended)
    {
      MigEvent event = { .kind = MIG_EVENT_PROGRESS };

      self->fraction = MAX (self->fraction, MIN (fraction, 1));
      g_object_unref (self->progress);
      self->progress = event.progress = make_progress_locked (self, sample);
      push_locked (self, &event);
    }
  g_mutex_unlock (&self->mutex);
}

void
mig_operation_state_publish_debts (MigOperationState  *self,
                                   const char * const *debts)
{
  g_mutex_lock (&self->mutex);
  g_strfreev (self->debts);
  self->debts = g_strdupv ((char **) debts);
  g_mutex_unlock (&self->mutex);
}

void
mig_operation_state_publish_event (MigOperationState *self,
                                   const MigEvent    *event)
{
  g_mutex_lock (&self->mutex);
  if (!self->ended)
    push_locked (self, event);
  g_mutex_unlock (&self->mutex);
}

/* The emitters are let go without the lock. */
static GPtrArray *
end_locked (MigOperationState *self,
            const GError      *error,
            GVariant          *result)
{
  g_clear_error (&self->error);
  self->error = error != NULL ? g_error_copy (error) : NULL;
  g_clear_pointer (&self->result, g_variant_unref);
  self->result = result != NULL ? g_variant_ref_sink (result) : NULL;
  self->ended = TRUE;
  push_kind_locked (self, MIG_EVENT_CAN_ABORT);
  push_kind_locked (self, MIG_EVENT_FINISHED);

  return g_steal_pointer (&self->emitters);
}

void
mig_operation_state_publish_left (MigOperationState *self,
                                  const GError      *error)
{
  g_autoptr (GPtrArray) emitters = NULL;

  g_mutex_lock (&self->mutex);
  emitters = end_locked (self, error, NULL);
  g_mutex_unlock (&self->mutex);

  mig_waiter_wake (self->waiter);
}

void
mig_operation_state_publish_end (MigOperationState *self,
                                 MigStatus          status,
                                 const GError      *error,
                                 GVariant          *result)
{
  g_autoptr (GPtrArray) emitters = NULL;

  mig_operation_state_publish_phase (self, MIG_PHASE_DONE);
  mig_operation_state_publish_status (self, status);

  g_mutex_lock (&self->mutex);
  emitters = end_locked (self, error, result);
  g_mutex_unlock (&self->mutex);

  mig_waiter_wake (self->waiter);
}

/* TRUE: the caller has to cancel the cancellable, without the lock. */
static gboolean
take_abort_locked (MigOperationState *self)
{
  if (!self->abort_wanted || !can_abort_locked (self))
    return FALSE;

  push_kind_locked (self, MIG_EVENT_CAN_ABORT);

  return TRUE;
}

static void
cancel (MigOperationState *self)
{
  g_cancellable_cancel (self->cancellable);
  mig_waiter_wake (self->waiter);
}

gboolean
mig_operation_state_request_abort (MigOperationState *self,
                                   GError           **error)
{
  gboolean now = FALSE, possible = FALSE;

  g_mutex_lock (&self->mutex);
  if (self->ended)
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "cannot abort: the operation has ended");
  else if (!g_cancellable_is_cancelled (self->cancellable) && self->forbidden != NULL)
    g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "cannot abort: %s", self->forbidden);
  else
    {
      self->abort_wanted = TRUE;
      possible = TRUE;
      now = take_abort_locked (self);
    }
  g_mutex_unlock (&self->mutex);

  if (now)
    cancel (self);

  return possible;
}

void
mig_operation_state_want_abort (MigOperationState *self)
{
  gboolean now;

  g_mutex_lock (&self->mutex);
  self->abort_wanted = TRUE;
  now = take_abort_locked (self);
  g_mutex_unlock (&self->mutex);

  if (now)
    cancel (self);
}

gboolean
mig_operation_state_has_abort_to_note (MigOperationState *self)
{
  gboolean needed;

  g_mutex_lock (&self->mutex);
  needed = self->abort_wanted && !self->abort_noted && !self->ended;
  g_mutex_unlock (&self->mutex);

  return needed;
}

void
mig_operation_state_note_abort (MigOperationState *self)
{
  g_mutex_lock (&self->mutex);
  self->abort_noted = TRUE;
  g_mutex_unlock (&self->mutex);
}

static void
set_forbidden (MigOperationState *self,
               const char        *reason,
               gboolean           seal)
{
  gboolean now = FALSE;

  g_mutex_lock (&self->mutex);
  if (!self->sealed || seal)
    {
      gboolean before = can_abort_locked (self);

      g_free (self->forbidden);
      self->forbidden = g_strdup (reason);
      self->sealed = seal;
      if (can_abort_locked (self) != before)
        push_kind_locked (self, MIG_EVENT_CAN_ABORT);
      now = take_abort_locked (self);
    }
  g_mutex_unlock (&self->mutex);

  if (now)
    cancel (self);
}

void
mig_operation_state_forbid_abort (MigOperationState *self,
                                  const char        *reason)
{
  set_forbidden (self, reason, FALSE);
}

void
mig_operation_state_seal (MigOperationState *self,
                          const char        *reason)
{
  set_forbidden (self, reason, TRUE);
}

gboolean
mig_operation_state_is_cancelled (MigOperationState *self)
{
  return g_cancellable_is_cancelled (self->cancellable);
}

GCancellable *
mig_operation_state_get_cancellable (MigOperationState *self)
{
  return self->cancellable;
}

void
mig_operation_state_note_accepted (MigOperationState *self)
{
  g_mutex_lock (&self->mutex);
  self->accepted = TRUE;
  g_mutex_unlock (&self->mutex);
}

gboolean
mig_operation_state_is_accepted (MigOperationState *self)
{
  gboolean accepted;

  g_mutex_lock (&self->mutex);
  accepted = self->accepted;
  g_mutex_unlock (&self->mutex);

  return accepted;
}

void
mig_operation_state_detach (MigOperationState *self)
{
  g_mutex_lock (&self->mutex);
  self->detached = TRUE;
  g_mutex_unlock (&self->mutex);

  mig_waiter_wake (self->waiter);
}

gboolean
mig_operation_state_is_detached (MigOperationState *self)
{
  gboolean detached;

  g_mutex_lock (&self->mutex);
  detached = self->detached;
  g_mutex_unlock (&self->mutex);

  return detached;
}

void
mig_operation_state_add_request (MigOperationState *self,
                                 const char        *name,
                                 guint64            revision)
{
  Asked *asked;
  gboolean news;

  g_mutex_lock (&self->mutex);
  if (self->requests == NULL)
    self->requests = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  asked = g_hash_table_lookup (self->requests, name);
  if (asked == NULL)
    {
      asked = g_new0 (Asked, 1);
      g_hash_table_insert (self->requests, g_strdup (name), asked);
    }
  news = revision == 0 || revision != asked->revision;
  if (news)
    asked->serial++;
  if (revision != 0)
    asked->revision = revision;
  g_mutex_unlock (&self->mutex);

  if (news)
    mig_waiter_wake (self->waiter);
}

guint
mig_operation_state_get_request (MigOperationState *self,
                                 const char        *name)
{
  Asked *asked;
  guint serial;

  g_mutex_lock (&self->mutex);
  asked = self->requests != NULL ? g_hash_table_lookup (self->requests, name) : NULL;
  serial = asked != NULL ? asked->serial : 0;
  g_mutex_unlock (&self->mutex);

  return serial;
}

MigWaiter *
mig_operation_state_get_waiter (MigOperationState *self)
{
  return self->waiter;
}
