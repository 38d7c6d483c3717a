/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mig-cli.h"

#include <glib-unix.h>

/* Runs operations, or waits for them, while a main loop turns, so that their signals are shown as they come and the
 * signals of the terminal are answered: the first one aborts, the second one detaches. */

#define DETACH_PATIENCE 1000 /* milliseconds after which it is told why it takes so long */

struct _Drive
{
  Output       *output;
  MigCluster   *cluster;
  gboolean      waiting;   /* only waits: a signal ends the wait */
  GMainLoop    *loop;
  GPtrArray    *watches;
  GCancellable *stopped;   /* time is up, or a signal has come */
  guint         n_running; /* operations */
  guint         n_ended;   /* operations that have been carried to an end, whatever it is */
  guint         n_held;    /* other things that are not over, and soon will be */
  guint         n_signals;
  gboolean      timed_out;
  gboolean      detaching; /* what runs is to be left */
  gboolean      silent;    /* what comes now is not told any more */
  guint         sources[4]; /* three signals, and the timer */
  ExitCode      code;
};

typedef struct
{
  Drive        *drive;
  MigOperation *operation;
  gulong        handlers[4];
  gboolean      ended;     /* its callback has been called */
} Watch;

static void
on_phase (MigOperation *operation,
          MigPhase      old_phase,
          MigPhase      new_phase,
          Drive        *drive)
{
  /* It was refused, or had ended before it was asked for. */
  if (old_phase == MIG_PHASE_NONE && new_phase == MIG_PHASE_DONE)
    return;

  drive->output->operation = mig_operation_get_id (operation);
  output_phase (drive->output, old_phase, new_phase, mig_operation_get_attempt (operation));
  drive->output->operation = NULL;
}

static void
on_progress (MigOperation *operation,
             MigProgress  *progress,
             Drive        *drive)
{
  drive->output->operation = mig_operation_get_id (operation);
  output_progress (drive->output, progress);
  drive->output->operation = NULL;
}

static void
on_step (MigOperation *operation,
         const char   *step,
         double        seconds,
         GError       *error,
         Drive        *drive)
{
  drive->output->operation = mig_operation_get_id (operation);
  output_step (drive->output, step, seconds, error);
  drive->output->operation = NULL;
}

static void
on_decision (MigOperation *operation,
             const char   *text,
             GVariant     *inputs,
             Drive        *drive)
{
  drive->output->operation = mig_operation_get_id (operation);
  output_decision (drive->output, text, inputs);
  drive->output->operation = NULL;
}

/* It was not begun: what the store may have under its id is another request. */
static gboolean
is_refused (MigOperation *operation)
{
  g_autoptr (GVariant) result = mig_operation_dup_result (operation);

  return result == NULL && mig_operation_get_status (operation) == MIG_STATUS_FAILED;
}

/* An operation that has no end yet is somebody else's, or nobody's. */
static ExitCode
exit_code_of (MigOperation *operation,
              const GError *error)
{
  switch (mig_operation_get_status (operation))
    {
    case MIG_STATUS_COMPLETED:
      return EXIT_COMPLETED;
    case MIG_STATUS_CANCELLED:
      return EXIT_CANCELLED;
    case MIG_STATUS_ERROR:
      return EXIT_UNKNOWN;
    case MIG_STATUS_FAILED:
      if (g_error_matches (error, MIG_ERROR, MIG_ERROR_BUSY))
        return EXIT_ELSEWHERE;
      if (g_error_matches (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT) && is_refused (operation))
        return EXIT_USAGE;
      return EXIT_FAILED;
    case MIG_STATUS_ACCEPTED:
    case MIG_STATUS_QUEUED:
    case MIG_STATUS_PREPARING:
    case MIG_STATUS_RUNNING:
    case MIG_STATUS_POST_COPY:
    case MIG_STATUS_RECOVERING:
    default:
      return EXIT_ELSEWHERE;
    }
}

ExitCode
exit_code_join (ExitCode one,
                ExitCode other)
{
  static const ExitCode order[] = { EXIT_USAGE, EXIT_UNKNOWN, EXIT_ELSEWHERE, EXIT_FAILED, EXIT_CANCELLED };

  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    if (one == order[i] || other == order[i])
      return order[i];

  return EXIT_COMPLETED;
}

static void
tell_result (Watch        *watch,
             const GError *error)
{
  Output *output = watch->drive->output;
  ExitCode code = exit_code_of (watch->operation, error);

  if (!watch->drive->waiting && is_refused (watch->operation))
    {
      fail (output, code, error);
    }
  else
    {
      output->operation = mig_operation_get_id (watch->operation);
      output_result (output, enum_nick (MIG_TYPE_STATUS, mig_operation_get_status (watch->operation)),
                     watch->operation, error);
      output->operation = NULL;
    }
  drive_join (watch->drive, code);
  /* One that ended because something was busy has ended all the same. */
  if (code != EXIT_ELSEWHERE || mig_operation_get_status (watch->operation) == MIG_STATUS_FAILED)
    watch->drive->n_ended++;
}

static gboolean
is_over (Drive *self)
{
  gboolean given_up = self->waiting && (self->timed_out || self->n_signals > 0);

  return self->n_held == 0 && (self->n_running == 0 || given_up);
}

static void
quit_if_over (Drive *self)
{
  if (is_over (self))
    g_main_loop_quit (self->loop);
}

static void
settle (Watch        *watch,
        const GError *error)
{
  watch->ended = TRUE;
  if (!watch->drive->silent)
    tell_result (watch, error);
  watch->drive->n_running--;
  quit_if_over (watch->drive);
}

static void
on_run_done (GObject      *object,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr (GError) error = NULL;

  mig_operation_run_finish (MIG_OPERATION (object), result, &error);
  settle (data, error);
}

static void
on_wait_done (GObject      *object,
              GAsyncResult *result,
              gpointer      data)
{
  g_autoptr (GError) error = NULL;

  mig_operation_wait_finish (MIG_OPERATION (object), result, &error);
  settle (data, error);
}

void
drive_hold (Drive *self)
{
  self->n_held++;
}

void
drive_release (Drive *self)
{
  self->n_held--;
  quit_if_over (self);
}

static void
stop (Drive *self)
{
  g_cancellable_cancel (self->stopped);
  quit_if_over (self);
}

static void
abort_all (Drive *self)
{
  guint n_aborting = 0;

  for (guint i = 0; i < self->watches->len; i++)
    {
      Watch *watch = g_ptr_array_index (self->watches, i);
      g_autoptr (GError) error = NULL;

      if (watch->ended)
        continue;
      if (mig_operation_abort (watch->operation, &error))
        n_aborting++;
      else
        output_message (self->output, "%s; it goes on to its end", error->message);
    }
  if (n_aborting > 0)
    output_message (self->output, "aborting; once more to leave it to “mig recover”");
}

static void
on_closed (GObject      *object,
           GAsyncResult *result,
           gpointer      drive)
{
  mig_cluster_close_finish (MIG_CLUSTER (object), result, NULL);
  drive_release (drive);
}

static gboolean
on_detach_takes_long (gpointer data)
{
  Drive *self = data;

  if (self->n_running > 0)
    output_message (self->output, "it cannot be left yet: this process is needed until it has ended, or until a call "
                                  "of the hypervisor returns");

  return G_SOURCE_REMOVE;
}

/* The results come when it has been left, or has ended. */
static void
detach (Drive *self)
{
  if (self->detaching)
    return;

  self->detaching = TRUE;
  output_message (self->output, "leaving it to “mig recover”");
  drive_hold (self);
  mig_cluster_close_async (self->cluster, MIG_CLOSE_MODE_DETACH, NULL, on_closed, self);
  g_timeout_add (DETACH_PATIENCE, on_detach_takes_long, self);
}

static gboolean
on_signal (gpointer data)
{
  Drive *self = data;

  self->n_signals++;
  stop (self);
  if (!self->waiting && self->n_signals == 1)
    abort_all (self);
  else if (!self->waiting && self->n_signals == 2)
    detach (self);

  return G_SOURCE_CONTINUE;
}

static gboolean
on_timeout (gpointer data)
{
  Drive *self = data;

  self->timed_out = TRUE;
  self->sources[3] = 0;
  stop (self);
  if (!self->waiting && self->n_running > 0)
    detach (self);

  return G_SOURCE_REMOVE;
}

/* By nohup, or by a shell that does not want its job in the background to end with it. */
static gboolean
is_ignored (int number)
{
  struct sigaction inherited;

  return sigaction (number, NULL, &inherited) == 0 && inherited.sa_handler == SIG_IGN;
}

Drive *
drive_new (Output     *output,
           MigCluster *cluster,
           gboolean    waiting,
           double      timeout)
{
  static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
  Drive *self = g_new0 (Drive, 1);

  self->output = output;
  self->cluster = cluster;
  self->waiting = waiting;
  self->loop = g_main_loop_new (NULL, FALSE);
  self->watches = g_ptr_array_new_with_free_func (g_free);
  self->stopped = g_cancellable_new ();
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (!is_ignored (numbers[i]))
      self->sources[i] = g_unix_signal_add (numbers[i], on_signal, self);
  /* What has happened by then is heard first. */
  if (timeout >= 0)
    self->sources[3] = g_timeout_add_full (G_PRIORITY_LOW, (guint) MIN (timeout * 1000, G_MAXUINT / 2), on_timeout,
                                           self, NULL);

  return self;
}

GCancellable *
drive_get_stopped (Drive *self)
{
  return self->stopped;
}

void
drive_join (Drive    *self,
            ExitCode  code)
{
  self->code = exit_code_join (self->code, code);
}

gboolean
drive_has (Drive      *self,
           const char *id)
{
  for (guint i = 0; i < self->watches->len; i++)
    {
      Watch *watch = g_ptr_array_index (self->watches, i);

      if (g_str_equal (mig_operation_get_id (watch->operation), id))
        return TRUE;
    }

  return FALSE;
}

void
drive_add (Drive        *self,
           MigOperation *operation)
{
  Watch *watch = g_new0 (Watch, 1);

  watch->drive = self;
  watch->operation = g_object_ref (operation);
  watch->handlers[0] = g_signal_connect (operation, "phase-changed", G_CALLBACK (on_phase), self);
  watch->handlers[1] = g_signal_connect (operation, "progress", G_CALLBACK (on_progress), self);
  watch->handlers[2] = g_signal_connect (operation, "step-finished", G_CALLBACK (on_step), self);
  watch->handlers[3] = g_signal_connect (operation, "decision", G_CALLBACK (on_decision), self);
  g_ptr_array_add (self->watches, watch);
  self->output->several = self->watches->len > 1;

  if (!self->waiting && g_cancellable_is_cancelled (self->stopped)) /* too late: it is not begun */
    return;
  self->n_running++;
  if (self->waiting)
    mig_operation_wait_async (operation, self->stopped, on_wait_done, watch);
  else
    mig_operation_run_async (operation, NULL, on_run_done, watch);
}

/* Those that have no result yet. */
static void
tell_unended (Drive *self)
{
  for (guint i = 0; i < self->watches->len; i++)
    {
      Watch *watch = g_ptr_array_index (self->watches, i);
      g_autoptr (GError) error = NULL;

      if (watch->ended)
        continue;
      g_set_error (&error, MIG_ERROR, self->timed_out ? MIG_ERROR_TIMED_OUT : MIG_ERROR_BUSY,
                   self->waiting ? "operation %s has not ended" : "operation %s is left to “mig recover”",
                   mig_operation_get_id (watch->operation));
      tell_result (watch, error);
      drive_join (self, EXIT_ELSEWHERE);
    }
}

void
drive_run (Drive *self)
{
  while (!is_over (self))
    g_main_loop_run (self->loop);

  tell_unended (self);
  self->silent = TRUE;
}

guint
drive_get_n_ended (Drive *self)
{
  return self->n_ended;
}

/* Closes the cluster, too. */
ExitCode
drive_end (Drive *self)
{
  ExitCode code = self->code;

  for (guint i = 0; i < self->watches->len; i++)
    {
      Watch *watch = g_ptr_array_index (self->watches, i);

      for (guint j = 0; j < G_N_ELEMENTS (watch->handlers); j++)
        g_signal_handler_disconnect (watch->operation, watch->handlers[j]);
    }

  g_cancellable_cancel (self->stopped);
  mig_cluster_close (self->cluster, MIG_CLOSE_MODE_WAIT, NULL, NULL);
  while (self->n_running > 0) /* waits that were given up: all that is left to come are the callbacks */
    g_main_context_iteration (NULL, TRUE);

  for (guint i = 0; i < self->watches->len; i++)
    g_object_unref (((Watch *) g_ptr_array_index (self->watches, i))->operation);
  for (guint i = 0; i < G_N_ELEMENTS (self->sources); i++)
    if (self->sources[i] != 0)
      g_source_remove (self->sources[i]);
  while (g_source_remove_by_user_data (self)) /* a timer may be left */
    continue;
  g_ptr_array_unref (self->watches);
  g_object_unref (self->stopped);
  g_main_loop_unref (self->loop);
  g_object_unref (self->cluster);
  g_free (self);

  return code;
}

ExitCode
run_operation (Output       *output,
               MigCluster   *cluster,
               MigOperation *operation,
               gboolean      waiting,
               double        timeout)
{
  Drive *drive = drive_new (output, cluster, waiting, timeout);

  drive_add (drive, operation);
  g_object_unref (operation);
  drive_run (drive);

  return drive_end (drive);
}
