/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-operation.h>

#include <libmig/mig-enum-types.h>

#include "libmig/saga/mig-operation-core-private.h"

/**
 * MigOperation:
 *
 * Something that takes a while, and that is journalled: it can be watched, aborted, and, when the process that ran it
 * has ended, carried to its end by another.
 *
 * An operation is constructed, its signals are connected, and it is run, once: with [method@Operation.run], which
 * blocks, or with [method@Operation.run_async]. It then ends in one of four ways, which
 * [property@Operation:status] tells: completed; failed or cancelled, the world being as before; or in error, when that
 * could not be achieved or not be proved. Dropping the last reference to a running operation neither aborts nor frees
 * it: the cluster holds it until its end.
 *
 * Asking twice is harmless. An operation has a key; another operation of the same key that asks for the same is not
 * run, but shows the first one: attached to it while it runs, with its result when it has ended. One of the same key
 * that asks for something else fails with %MIG_ERROR_CONFLICT. The id is made from the key.
 *
 * All methods may be called from any thread; properties are snapshots. Signals, and notifications of properties, are
 * emitted by `run` in the calling thread, while it blocks, and for `run_async` in the thread-default main context of
 * the call. An operation that another process runs, which [method@Cluster.open_operation] gives, emits during `wait`
 * and after `wait_async` in the same manner, and coarsely: what the store tells of it.
 *
 * There is no way to derive from this class outside of libmig.
 *
 * Since: 0.1
 */

/* Of a layer above; only the type is needed here. */
GType mig_cluster_get_type (void);

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (MigOperation, mig_operation, G_TYPE_OBJECT)

enum {
  PROP_0,
  PROP_CLUSTER,
  PROP_ID,
  PROP_KEY,
  PROP_KIND,
  PROP_SUBJECT,
  PROP_PHASE,
  PROP_STATUS,
  PROP_PROGRESS,
  PROP_ATTEMPT,
  PROP_ERROR,
  PROP_CAN_ABORT,
  PROP_DEBTS,
  PROP_RESULT,
  N_PROPS
};

enum {
  PHASE_CHANGED,
  PROGRESS,
  STEP_FINISHED,
  DECISION,
  ROLLED_BACK,
  FINISHED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

MigOperationPrivate *
mig_operation_get_private (MigOperation *self)
{
  return mig_operation_get_instance_private (self);
}

/* The same key gives the same id, in any process: so the store itself sees to it that a key is used once. */
static char *
make_id (const char *key)
{
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, key, -1);

  return g_strdup_printf ("%.8s-%.4s-8%.3s-8%.3s-%.12s", sum, sum + 8, sum + 12, sum + 15, sum + 18);
}

static void
mig_operation_constructed (GObject *object)
{
  MigOperationPrivate *priv = mig_operation_get_private (MIG_OPERATION (object));

  G_OBJECT_CLASS (mig_operation_parent_class)->constructed (object);

  if (priv->key == NULL)
    priv->key = g_uuid_string_random ();
  if (priv->id == NULL)
    priv->id = make_id (priv->key);
}

static void
mig_operation_finalize (GObject *object)
{
  MigOperationPrivate *priv = mig_operation_get_private (MIG_OPERATION (object));

  mig_operation_state_unref (priv->state);
  mig_facts_unref (priv->facts);
  g_clear_pointer (&priv->request, mig_facts_unref);
  g_clear_pointer (&priv->journal, mig_journal_free);
  g_free (priv->subject);
  g_free (priv->id);
  g_free (priv->key);
  g_mutex_clear (&priv->mutex);
  g_clear_object (&priv->cluster);

  G_OBJECT_CLASS (mig_operation_parent_class)->finalize (object);
}

static void
mig_operation_set_property (GObject      *object,
                            guint         id,
                            const GValue *value,
                            GParamSpec   *pspec)
{
  MigOperationPrivate *priv = mig_operation_get_private (MIG_OPERATION (object));

  switch (id)
    {
    case PROP_CLUSTER:
      priv->cluster = g_value_dup_object (value);
      break;
    case PROP_ID:
      priv->id = g_value_dup_string (value);
      break;
    case PROP_KEY:
      priv->key = g_value_dup_string (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mig_operation_get_property (GObject    *object,
                            guint       id,
                            GValue     *value,
                            GParamSpec *pspec)
{
  MigOperation *self = MIG_OPERATION (object);
  MigOperationPrivate *priv = mig_operation_get_private (self);
  g_autoptr (MigOperationState) state = mig_operation_ref_state (self);
  g_auto (MigSnapshot) now = { 0 };

  mig_operation_state_read (state, &now);

  switch (id)
    {
    case PROP_CLUSTER:
      g_value_set_object (value, priv->cluster);
      break;
    case PROP_ID:
      g_value_set_string (value, priv->id);
      break;
    case PROP_KEY:
      g_value_set_string (value, priv->key);
      break;
    case PROP_KIND:
      g_value_set_string (value, mig_operation_get_kind (self));
      break;
    case PROP_SUBJECT:
      g_value_take_string (value, mig_operation_dup_subject (self));
      break;
    case PROP_PHASE:
      g_value_set_enum (value, now.phase);
      break;
    case PROP_STATUS:
      g_value_set_enum (value, now.status);
      break;
    case PROP_PROGRESS:
      g_value_set_object (value, now.progress);
      break;
    case PROP_ATTEMPT:
      g_value_set_uint (value, now.attempt);
      break;
    case PROP_ERROR:
      g_value_set_boxed (value, now.error);
      break;
    case PROP_CAN_ABORT:
      g_value_set_boolean (value, now.can_abort);
      break;
    case PROP_DEBTS:
      g_value_set_boxed (value, now.debts);
      break;
    case PROP_RESULT:
      g_value_set_variant (value, now.result);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
install_properties (GObjectClass *klass)
{
  const GParamFlags construct = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;
  const GParamFlags shown = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  /**
   * MigOperation:cluster:
   *
   * The cluster that it belongs to.
   *
   * Since: 0.1
   */
  properties[PROP_CLUSTER] = g_param_spec_object ("cluster", NULL, NULL, mig_cluster_get_type (), construct);
  /**
   * MigOperation:id:
   *
   * Its name in the store. Made from the key; not meant to be set.
   *
   * Since: 0.1
   */
  properties[PROP_ID] = g_param_spec_string ("id", NULL, NULL, NULL, construct);
  /**
   * MigOperation:key:
   *
   * The caller's name for what it asks, by which asking twice is recognised; a random one when none is given. It is
   * valid UTF-8, and not empty.
   *
   * Since: 0.1
   */
  properties[PROP_KEY] = g_param_spec_string ("key", NULL, NULL, NULL, construct);
  /**
   * MigOperation:kind:
   *
   * Which kind of operation it is, such as `live-migration`.
   *
   * Since: 0.1
   */
  properties[PROP_KIND] = g_param_spec_string ("kind", NULL, NULL, NULL, shown);
  /**
   * MigOperation:subject:
   *
   * What it moves.
   *
   * Since: 0.1
   */
  properties[PROP_SUBJECT] = g_param_spec_string ("subject", NULL, NULL, NULL, shown);
  /**
   * MigOperation:phase:
   *
   * What it is doing.
   *
   * Since: 0.1
   */
  properties[PROP_PHASE] = g_param_spec_enum ("phase", NULL, NULL, MIG_TYPE_PHASE, MIG_PHASE_NONE, shown);
  /**
   * MigOperation:status:
   *
   * How it stands.
   *
   * Since: 0.1
   */
  properties[PROP_STATUS] = g_param_spec_enum ("status", NULL, NULL, MIG_TYPE_STATUS, MIG_STATUS_ACCEPTED, shown);
  /**
   * MigOperation:progress:
   *
   * How far it is; never %NULL.
   *
   * Since: 0.1
   */
  properties[PROP_PROGRESS] = g_param_spec_object ("progress", NULL, NULL, MIG_TYPE_PROGRESS, shown);
  /**
   * MigOperation:attempt:
   *
   * Which attempt this is, from 1.
   *
   * Since: 0.1
   */
  properties[PROP_ATTEMPT] = g_param_spec_uint ("attempt", NULL, NULL, 1, G_MAXUINT, 1, shown);
  /**
   * MigOperation:error:
   *
   * Why it did not complete; %NULL before the end, and when it did.
   *
   * Since: 0.1
   */
  properties[PROP_ERROR] = g_param_spec_boxed ("error", NULL, NULL, G_TYPE_ERROR, shown);
  /**
   * MigOperation:can-abort:
   *
   * Whether [method@Operation.abort] is possible now.
   *
   * Since: 0.1
   */
  properties[PROP_CAN_ABORT] = g_param_spec_boolean ("can-abort", NULL, NULL, FALSE, shown);
  /**
   * MigOperation:debts:
   *
   * What was left to be tidied up, each with its cause, in words; never %NULL.
   *
   * Since: 0.1
   */
  properties[PROP_DEBTS] = g_param_spec_boxed ("debts", NULL, NULL, G_TYPE_STRV, shown);
  /**
   * MigOperation:result:
   *
   * What came of it, see [method@Operation.dup_result]; %NULL before the end.
   *
   * Since: 0.1
   */
  properties[PROP_RESULT] = g_param_spec_variant ("result", NULL, NULL, G_VARIANT_TYPE_VARDICT, NULL, shown);

  g_object_class_install_properties (klass, N_PROPS, properties);
}

static guint
install_signal (const char *name,
                guint       n_types,
                GType       first,
                GType       second,
                GType       third)
{
  return g_signal_new (name, MIG_TYPE_OPERATION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, n_types, first,
                       second, third);
}

static void
install_signals (void)
{
  /**
   * MigOperation::phase-changed:
   * @self: the operation
   * @old: the phase that it leaves
   * @new: the phase that it enters
   *
   * None is ever left out.
   *
   * Since: 0.1
   */
  signals[PHASE_CHANGED] = install_signal ("phase-changed", 2, MIG_TYPE_PHASE, MIG_TYPE_PHASE, G_TYPE_NONE);
  /**
   * MigOperation::progress:
   * @self: the operation
   * @progress: how far it is
   *
   * At most about five times a second; the last one before a change of phase is never left out.
   *
   * Since: 0.1
   */
  signals[PROGRESS] = install_signal ("progress", 1, MIG_TYPE_PROGRESS, G_TYPE_NONE, G_TYPE_NONE);
  /**
   * MigOperation::step-finished:
   * @self: the operation
   * @step: the id of the step
   * @seconds: how long it took
   * @error: (nullable): why it failed, or %NULL
   *
   * A step has been done, or has failed.
   *
   * Since: 0.1
   */
  signals[STEP_FINISHED] = install_signal ("step-finished", 3, G_TYPE_STRING, G_TYPE_DOUBLE, G_TYPE_ERROR);
  /**
   * MigOperation::decision:
   * @self: the operation
   * @text: what was decided
   * @inputs: (nullable): an `a{sv}` of what it was decided by
   *
   * The operation chose a way. The journal keeps it too.
   *
   * Since: 0.1
   */
  signals[DECISION] = install_signal ("decision", 2, G_TYPE_STRING, G_TYPE_VARIANT, G_TYPE_NONE);
  /**
   * MigOperation::rolled-back:
   * @self: the operation
   *
   * Everything that had been done was undone.
   *
   * Since: 0.1
   */
  signals[ROLLED_BACK] = install_signal ("rolled-back", 0, G_TYPE_NONE, G_TYPE_NONE, G_TYPE_NONE);
  /**
   * MigOperation::finished:
   * @self: the operation
   *
   * The last signal: [property@Operation:status] is final.
   *
   * Since: 0.1
   */
  signals[FINISHED] = install_signal ("finished", 0, G_TYPE_NONE, G_TYPE_NONE, G_TYPE_NONE);
}

static void
mig_operation_class_init (MigOperationClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = mig_operation_constructed;
  object_class->finalize = mig_operation_finalize;
  object_class->set_property = mig_operation_set_property;
  object_class->get_property = mig_operation_get_property;

  install_properties (object_class);
  install_signals ();
}

static void
mig_operation_init (MigOperation *self)
{
  MigOperationPrivate *priv = mig_operation_get_private (self);

  g_mutex_init (&priv->mutex);
  priv->state = mig_operation_state_new ();
  priv->facts = mig_facts_new ();
}

static void
notify (MigOperation *self,
        guint         property)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
}

static void
emit_finished (MigOperation *self)
{
  notify (self, PROP_ERROR);
  notify (self, PROP_DEBTS);
  notify (self, PROP_RESULT);
  g_signal_emit (self, signals[FINISHED], 0);
}

void
mig_operation_emit (MigOperation   *self,
                    const MigEvent *event)
{
  switch (event->kind)
    {
    case MIG_EVENT_STATUS:
      notify (self, PROP_STATUS);
      break;
    case MIG_EVENT_CAN_ABORT:
      notify (self, PROP_CAN_ABORT);
      break;
    case MIG_EVENT_PHASE:
      notify (self, PROP_PHASE);
      g_signal_emit (self, signals[PHASE_CHANGED], 0, event->old_phase, event->new_phase);
      break;
    case MIG_EVENT_PROGRESS:
      notify (self, PROP_PROGRESS);
      g_signal_emit (self, signals[PROGRESS], 0, event->progress);
      break;
    case MIG_EVENT_STEP:
      g_signal_emit (self, signals[STEP_FINISHED], 0, event->text, event->seconds, event->error);
      break;
    case MIG_EVENT_DECISION:
      g_signal_emit (self, signals[DECISION], 0, event->text, event->inputs);
      break;
    case MIG_EVENT_ROLLED_BACK:
      g_signal_emit (self, signals[ROLLED_BACK], 0);
      break;
    case MIG_EVENT_FINISHED:
      emit_finished (self);
      break;
    default:
      g_assert_not_reached ();
    }
}

MigEngine *
mig_operation_get_engine (MigOperation *self)
{
  return mig_engine_of (mig_operation_get_private (self)->cluster);
}

MigOperationState *
mig_operation_ref_state (MigOperation *self)
{
  MigOperationPrivate *priv = mig_operation_get_private (self);
  MigOperationState *state;

  g_mutex_lock (&priv->mutex);
  state = mig_operation_state_ref (priv->state);
  g_mutex_unlock (&priv->mutex);

  return state;
}

void
mig_operation_share_state (MigOperation      *self,
                           MigOperationState *state)
{
  MigOperationPrivate *priv = mig_operation_get_private (self);
  g_autoptr (MigOperationState) old = NULL;

  g_mutex_lock (&priv->mutex);
  old = g_steal_pointer (&priv->state);
  priv->state = mig_operation_state_ref (state);
  g_mutex_unlock (&priv->mutex);

  /* Who began to wait for it before. */
  mig_operation_state_follow (old, state);
}

/* Asked for without the lock, for the class's function may read properties; who is first counts. */
MigFacts *
mig_operation_get_request (MigOperation *self)
{
  MigOperationPrivate *priv = mig_operation_get_private (self);
  g_autoptr (MigFacts) fresh = NULL;
  MigFacts *request;

  g_mutex_lock (&priv->mutex);
  request = priv->request;
  g_mutex_unlock (&priv->mutex);
  if (request != NULL)
    return request;

  fresh = mig_facts_new ();
  MIG_OPERATION_GET_CLASS (self)->save_request (self, fresh);

  g_mutex_lock (&priv->mutex);
  if (priv->request == NULL)
    priv->request = g_steal_pointer (&fresh);
  request = priv->request;
  g_mutex_unlock (&priv->mutex);

  return request;
}

static void
stand_for (MigOperation       *self,
           MigOperationRecord *record,
           MigRole             role)
{
  MigOperationPrivate *priv = mig_operation_get_private (self);

  g_mutex_lock (&priv->mutex);
  priv->role = role;
  g_clear_pointer (&priv->request, mig_facts_unref);
  priv->request = mig_facts_ref (record->request);
  g_free (priv->subject);
  priv->subject = g_strdup (record->subject);
  g_mutex_unlock (&priv->mutex);
}

void
mig_operation_claim (MigOperation       *self,
                     MigOperationRecord *record)
{
  MigOperationPrivate *priv = mig_operation_get_private (self);

  stand_for (self, record, MIG_ROLE_CLAIMED);
  mig_operation_state_note_accepted (priv->state);
  mig_operation_state_publish_phase (priv->state, record->phase);
  mig_operation_state_publish_status (priv->state, MIG_STATUS_RECOVERING);
  mig_engine_note_claim (mig_operation_get_engine (self), self);
}

void
mig_operation_observe (MigOperation       *self,
                       MigOperationRecord *record)
{
  stand_for (self, record, MIG_ROLE_OBSERVER);
  mig_operation_show_record (self, record);
}

MigRole
mig_operation_get_role (MigOperation *self)
{
  MigOperationPrivate *priv = mig_operation_get_private (self);
  MigRole role;

  g_mutex_lock (&priv->mutex);
  role = priv->role;
  g_mutex_unlock (&priv->mutex);

  return role;
}

void
mig_operation_set_role (MigOperation *self,
                        MigRole       role)
{
  MigOperationPrivate *priv = mig_operation_get_private (self);

  g_mutex_lock (&priv->mutex);
  priv->role = role;
  g_mutex_unlock (&priv->mutex);
}

void
mig_operation_give_journal (MigOperation *self,
                            MigJournal   *journal)
{
  MigOperationPrivate *priv = mig_operation_get_private (self);

  g_mutex_lock (&priv->mutex);
  priv->journal = journal;
  g_mutex_unlock (&priv->mutex);
}

MigJournal *
mig_operation_take_journal (MigOperation *self)
{
  MigOperationPrivate *priv = mig_operation_get_private (self);
  MigJournal *journal;

  g_mutex_lock (&priv->mutex);
  journal = g_steal_pointer (&priv->journal);
  g_mutex_unlock (&priv->mutex);

  return journal;
}

gboolean
mig_operation_take_run (MigOperation *self)
{
  MigOperationPrivate *priv = mig_operation_get_private (self);
  gboolean first;

  g_mutex_lock (&priv->mutex);
  first = !priv->run;
  priv->run = TRUE;
  g_mutex_unlock (&priv->mutex);

  return first;
}

MigFacts *
mig_operation_get_facts (MigOperation *self)
{
  return mig_operation_get_private (self)->facts;
}
