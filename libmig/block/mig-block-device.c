/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-device-private.h"

#include <libmig/mig-enum-types.h>

#include "libmig/block/mig-volume-swap-private.h"

/* The object and its swap; the verbs on block jobs are in mig-block-jobs.c. */

/**
 * MigBlockDevice:
 *
 * One disk of one guest: the hypervisor's verbs on its block jobs, and the whole swap of the volume below it.
 *
 * The verbs (copy, rebase, commit, pivot and so on) are bare: they are not journalled, and nothing carries them to an
 * end when the process dies. [method@BlockDevice.swap] does all of it safely. While a swap runs on the disk, the
 * verbs that change something are refused with %MIG_ERROR_BUSY.
 *
 * A job that one of the verbs started is followed to its end. [signal@BlockDevice::job-progress],
 * [signal@BlockDevice::job-ready] and [signal@BlockDevice::job-finished] are emitted in the thread-default main context
 * of the thread that started it, or by [method@BlockDevice.wait_ready] in the thread that waits.
 *
 * May be used from any thread. All methods but those that end in `_async` block.
 *
 * Since: 0.1
 */

enum {
  PROP_CLUSTER = 1,
  PROP_HOST,
  PROP_DOMAIN,
  PROP_TARGET,
  N_PROPERTIES
};

enum {
  JOB_PROGRESS,
  JOB_READY,
  JOB_FINISHED,
  PHASE_CHANGED,
  PROGRESS,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (MigBlockDevice, mig_block_device, G_TYPE_OBJECT)

static void
mig_block_device_dispose (GObject *object)
{
  MigBlockDevice *self = MIG_BLOCK_DEVICE (object);

  if (self->monitor != NULL)
    mig_block_monitor_stop (self->monitor);
  g_clear_pointer (&self->monitor, mig_block_monitor_unref);

  G_OBJECT_CLASS (mig_block_device_parent_class)->dispose (object);
}

static void
mig_block_device_finalize (GObject *object)
{
  MigBlockDevice *self = MIG_BLOCK_DEVICE (object);

  if (self->source != NULL)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  g_queue_clear_full (&self->news, (GDestroyNotify) mig_block_news_free);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_clear_object (&self->cluster);
  g_clear_object (&self->host);
  g_free (self->domain);
  g_free (self->target);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (mig_block_device_parent_class)->finalize (object);
}

static void
mig_block_device_set_property (GObject      *object,
                               guint         id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  MigBlockDevice *self = MIG_BLOCK_DEVICE (object);

  switch (id)
    {
    case PROP_CLUSTER:
      self->cluster = g_value_dup_object (value);
      break;
    case PROP_HOST:
      self->host = g_value_dup_object (value);
      break;
    case PROP_DOMAIN:
      self->domain = g_value_dup_string (value);
      break;
    case PROP_TARGET:
      self->target = g_value_dup_string (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mig_block_device_get_property (GObject    *object,
                               guint       id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  MigBlockDevice *self = MIG_BLOCK_DEVICE (object);

  switch (id)
    {
    case PROP_CLUSTER:
      g_value_set_object (value, self->cluster);
      break;
    case PROP_HOST:
      g_value_set_object (value, self->host);
      break;
    case PROP_DOMAIN:
      g_value_set_string (value, self->domain);
      break;
    case PROP_TARGET:
      g_value_set_string (value, self->target);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
install_properties (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  /**
   * MigBlockDevice:cluster:
   *
   * The cluster that the guest's host belongs to.
   *
   * Since: 0.1
   */
  properties[PROP_CLUSTER] = g_param_spec_object ("cluster", NULL, NULL, MIG_TYPE_CLUSTER, flags);
  /**
   * MigBlockDevice:host:
   *
   * Where the guest is.
   *
   * Since: 0.1
   */
  properties[PROP_HOST] = g_param_spec_object ("host", NULL, NULL, MIG_TYPE_HOST, flags);
  /**
   * MigBlockDevice:domain:
   *
   * The guest, by UUID or by name.
   *
   * Since: 0.1
   */
  properties[PROP_DOMAIN] = g_param_spec_string ("domain", NULL, NULL, NULL, flags);
  /**
   * MigBlockDevice:target:
   *
   * The name of the disk in the guest, such as `vda`.
   *
   * Since: 0.1
   */
  properties[PROP_TARGET] = g_param_spec_string ("target", NULL, NULL, NULL, flags);

  g_object_class_install_properties (klass, N_PROPERTIES, properties);
}

static void
install_job_signals (GType type)
{
  /**
   * MigBlockDevice::job-progress:
   * @self: the device
   * @info: the job
   *
   * The job has come further. At most five times a second.
   *
   * Since: 0.1
   */
  signals[JOB_PROGRESS] = g_signal_new ("job-progress", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                        MIG_TYPE_BLOCK_JOB_INFO);
  /**
   * MigBlockDevice::job-ready:
   * @self: the device
   *
   * The destination is equal to the disk and is kept so: the job may pivot.
   *
   * Since: 0.1
   */
  signals[JOB_READY] = g_signal_new ("job-ready", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  /**
   * MigBlockDevice::job-finished:
   * @self: the device
   * @outcome: how it ended
   * @error: (nullable): why, in words; %NULL when it completed
   *
   * The job has ended.
   *
   * Since: 0.1
   */
  signals[JOB_FINISHED] = g_signal_new ("job-finished", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2,
                                        MIG_TYPE_BLOCK_OUTCOME, G_TYPE_ERROR);
}

static void
mig_block_device_class_init (MigBlockDeviceClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  object_class->dispose = mig_block_device_dispose;
  object_class->finalize = mig_block_device_finalize;
  object_class->set_property = mig_block_device_set_property;
  object_class->get_property = mig_block_device_get_property;

  install_properties (object_class);
  install_job_signals (type);

  /**
   * MigBlockDevice::phase-changed:
   * @self: the device
   * @old_phase: the phase that was left
   * @new_phase: the phase that was entered
   *
   * A swap of this disk entered another phase: [signal@Operation::phase-changed] of a [class@VolumeSwap] that this
   * object made.
   *
   * Since: 0.1
   */
  signals[PHASE_CHANGED] = g_signal_new ("phase-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2,
                                         MIG_TYPE_PHASE, MIG_TYPE_PHASE);
  /**
   * MigBlockDevice::progress:
   * @self: the device
   * @progress: how far it is
   *
   * A swap of this disk came further: [signal@Operation::progress] of a [class@VolumeSwap] that this object made.
   *
   * Since: 0.1
   */
  signals[PROGRESS] = g_signal_new ("progress", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                    MIG_TYPE_PROGRESS);
}

static void
mig_block_device_init (MigBlockDevice *self)
{
  g_mutex_init (&self->mutex);
  g_queue_init (&self->news);
}

/**
 * mig_block_device_new:
 * @cluster: the cluster that the host belongs to
 * @host: where the guest is
 * @domain: the guest, by UUID or by name
 * @target: the name of the disk in the guest, such as `vda`
 *
 * Names a disk. Nobody is asked whether it exists.
 *
 * Returns: (transfer full): a block device
 *
 * Since: 0.1
 */
MigBlockDevice *
mig_block_device_new (MigCluster *cluster,
                      MigHost    *host,
                      const char *domain,
                      const char *target)
{
  g_return_val_if_fail (MIG_IS_CLUSTER (cluster), NULL);
  g_return_val_if_fail (MIG_IS_HOST (host), NULL);
  g_return_val_if_fail (domain != NULL, NULL);
  g_return_val_if_fail (target != NULL, NULL);

  return g_object_new (MIG_TYPE_BLOCK_DEVICE, "cluster", cluster, "host", host, "domain", domain, "target", target,
                       NULL);
}

/**
 * mig_block_device_get_host:
 * @self: a block device
 *
 * Tells where the guest is.
 *
 * Returns: (transfer none): where the guest is
 *
 * Since: 0.1
 */
MigHost *
mig_block_device_get_host (MigBlockDevice *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), NULL);

  return self->host;
}

/**
 * mig_block_device_get_domain:
 * @self: a block device
 *
 * Gets the guest, by UUID or by name, as it was given.
 *
 * Returns: the guest, by UUID or by name, as it was given
 *
 * Since: 0.1
 */
const char *
mig_block_device_get_domain (MigBlockDevice *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), NULL);

  return self->domain;
}

/**
 * mig_block_device_get_target:
 * @self: a block device
 *
 * Gets the name of the disk in the guest.
 *
 * Returns: the name of the disk in the guest
 *
 * Since: 0.1
 */
const char *
mig_block_device_get_target (MigBlockDevice *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), NULL);

  return self->target;
}

void
mig_block_device_emit (MigBlockDevice     *self,
                       const MigBlockNews *news)
{
  switch (news->kind)
    {
    case MIG_BLOCK_NEWS_PROGRESS:
      g_signal_emit (self, signals[JOB_PROGRESS], 0, news->info);
      break;
    case MIG_BLOCK_NEWS_READY:
      g_signal_emit (self, signals[JOB_READY], 0);
      break;
    case MIG_BLOCK_NEWS_FINISHED:
      g_signal_emit (self, signals[JOB_FINISHED], 0, news->outcome, news->error);
      break;
    default:
      g_assert_not_reached ();
    }
}

static void
on_phase_changed (MigOperation *swap G_GNUC_UNUSED,
                  MigPhase      old_phase,
                  MigPhase      new_phase,
                  gpointer      data)
{
  g_autoptr (MigBlockDevice) self = g_weak_ref_get (data);

  if (self != NULL)
    g_signal_emit (self, signals[PHASE_CHANGED], 0, old_phase, new_phase);
}

static void
on_progress (MigOperation *swap G_GNUC_UNUSED,
             MigProgress  *progress,
             gpointer      data)
{
  g_autoptr (MigBlockDevice) self = g_weak_ref_get (data);

  if (self != NULL)
    g_signal_emit (self, signals[PROGRESS], 0, progress);
}

static void
drop_weak_ref (gpointer  data,
               GClosure *closure G_GNUC_UNUSED)
{
  mig_block_device_free_weak_ref (data);
}

/* g_signal_connect_object() is not made for two objects that are let go of at the same time, in two threads. */
static void
hand_on (MigBlockDevice *self,
         MigVolumeSwap  *swap,
         const char     *signal,
         GCallback       callback)
{
  g_signal_connect_data (swap, signal, callback, mig_block_device_new_weak_ref (self), drop_weak_ref, 0);
}

/**
 * mig_block_device_new_swap:
 * @self: a block device
 * @destination: where the disk's data shall be
 * @options: (nullable): how; %NULL for the defaults. They are copied
 * @key: (nullable): a name for the request, so that asking twice is harmless; %NULL for a new one
 *
 * Makes the operation that swaps the volume below the disk while the guest runs. It does nothing before
 * [method@Operation.run].
 *
 * Returns: (transfer full): a swap
 *
 * Since: 0.1
 */
MigVolumeSwap *
mig_block_device_new_swap (MigBlockDevice *self,
                           MigDiskSource  *destination,
                           MigSwapOptions *options,
                           const char     *key)
{
  MigVolumeSwap *swap;

  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), NULL);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (destination), NULL);
  g_return_val_if_fail (options == NULL || MIG_IS_SWAP_OPTIONS (options), NULL);

  swap = mig_volume_swap_new (self->cluster, self->host, self->domain, self->target, destination, options, key);
  hand_on (self, swap, "phase-changed", G_CALLBACK (on_phase_changed));
  hand_on (self, swap, "progress", G_CALLBACK (on_progress));

  return swap;
}

/**
 * mig_block_device_swap:
 * @self: a block device
 * @destination: where the disk's data shall be
 * @options: (nullable): how; %NULL for the defaults
 * @cancellable: (nullable): cancelling it aborts the swap, which then undoes what it did
 * @error: return location for an error
 *
 * Swaps the volume below the disk while the guest runs: [method@BlockDevice.new_swap], then [method@Operation.run].
 * The old volume is kept.
 *
 * Errors: those of [method@Operation.run]. %MIG_ERROR_CONFLICT when the destination exists and may not be overwritten,
 * %MIG_ERROR_INVALID_STATE when the guest does not run, %MIG_ERROR_BUSY when the disk or the guest has another job or
 * another operation works on it or on the destination, %MIG_ERROR_NOT_SUPPORTED for an encrypted disk.
 *
 * Returns: whether the guest runs on the new volume
 *
 * Since: 0.1
 */
gboolean
mig_block_device_swap (MigBlockDevice  *self,
                       MigDiskSource   *destination,
                       MigSwapOptions  *options,
                       GCancellable    *cancellable,
                       GError         **error)
{
  g_autoptr (MigVolumeSwap) swap = NULL;

  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), FALSE);
  g_return_val_if_fail (MIG_IS_DISK_SOURCE (destination), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  swap = mig_block_device_new_swap (self, destination, options, NULL);

  return mig_operation_run (MIG_OPERATION (swap), cancellable, error);
}

static void
on_swapped (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;

  if (mig_operation_run_finish (MIG_OPERATION (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * mig_block_device_swap_async:
 * @self: a block device
 * @destination: where the disk's data shall be
 * @options: (nullable): how; %NULL for the defaults
 * @cancellable: (nullable): cancelling it aborts the swap, which then undoes what it did
 * @callback: (nullable): called when the swap has ended
 * @user_data: for @callback
 *
 * [method@BlockDevice.swap] without blocking.
 *
 * Since: 0.1
 */
void
mig_block_device_swap_async (MigBlockDevice      *self,
                             MigDiskSource       *destination,
                             MigSwapOptions      *options,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_autoptr (MigVolumeSwap) swap = NULL;
  GTask *task;

  g_return_if_fail (MIG_IS_BLOCK_DEVICE (self));
  g_return_if_fail (MIG_IS_DISK_SOURCE (destination));

  swap = mig_block_device_new_swap (self, destination, options, NULL);
  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mig_block_device_swap_async);
  /* The operation says how it ended, also after it was cancelled. */
  g_task_set_check_cancellable (task, FALSE);
  mig_operation_run_async (MIG_OPERATION (swap), cancellable, on_swapped, task);
}

/**
 * mig_block_device_swap_finish:
 * @self: a block device
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends [method@BlockDevice.swap_async].
 *
 * Returns: whether the guest runs on the new volume
 *
 * Since: 0.1
 */
gboolean
mig_block_device_swap_finish (MigBlockDevice  *self,
                              GAsyncResult    *result,
                              GError         **error)
{
  g_return_val_if_fail (MIG_IS_BLOCK_DEVICE (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mig_block_device_swap_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
