/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "toy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "libmig/recovery/mig-revive-private.h"
#include "libmig/saga/mig-journal-private.h"
#include "libmig/saga/mig-operation-core-private.h"

typedef struct
{
  ToyAct act;
  int    code;
  guint  times; /* left; 0 = always */
} Script;

struct _ToyOperation
{
  MigOperation  parent_instance;
  char         *world;
  GMutex        mutex;
  GHashTable   *scripts; /* "run toy.a" to Script */
  GHashTable   *probes;  /* "toy.a" to Script, the code being the answer */
  char         *claim;
  char         *claimed; /* file */
};

struct _ToyOperationClass
{
  MigOperationClass parent_class;
};

G_DEFINE_TYPE (ToyOperation, toy_operation, MIG_TYPE_OPERATION)

enum {
  PROP_0,
  PROP_WORLD,
};

gboolean
toy_has (const char *world,
         const char *step)
{
  g_autofree char *path = g_build_filename (world, step, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

void
toy_set (const char *world,
         const char *step,
         gboolean    there)
{
  g_autofree char *path = g_build_filename (world, step, NULL);

  if (there)
    g_assert_true (g_file_set_contents (path, "", 0, NULL));
  else
    g_unlink (path);
}

/* One write for each line: processes append at the same time. */
static void
note (const char *world,
      const char *call,
      const char *sign)
{
  g_autofree char *path = g_build_filename (world, "log", NULL);
  g_autofree char *line = g_strconcat (strrchr (call, '.') + 1, sign, "\n", NULL);
  int fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, line, strlen (line)), ==, (gssize) strlen (line));
  close (fd);
}

char *
toy_calls (const char *world)
{
  g_autofree char *path = g_build_filename (world, "log", NULL);
  char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return g_strdup ("");

  return g_strstrip (g_strdelimit (text, "\n", ' '));
}

int
toy_outcome (const char *world)
{
  static const char * const steps[] = { "toy.a", "toy.b", "toy.move", "toy.c", "toy.d" };
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    n += toy_has (world, steps[i]) ? 1 : 0;

  return n == G_N_ELEMENTS (steps) ? 1 : n == 0 ? 0 : -1;
}

static Script
take_script (ToyOperation *self,
             GHashTable   *scripts,
             const char   *key)
{
  Script none = { TOY_WORK, -1, 0 };
  Script *script;

  g_mutex_lock (&self->mutex);
  script = g_hash_table_lookup (scripts, key);
  if (script != NULL)
    {
      none = *script;
      if (script->times > 0 && --script->times == 0)
        g_hash_table_remove (scripts, key);
    }
  g_mutex_unlock (&self->mutex);

  return none;
}

static void
add_script (ToyOperation *self,
            GHashTable   *scripts,
            const char   *key,
            Script        script)
{
  g_mutex_lock (&self->mutex);
  g_hash_table_replace (scripts, g_strdup (key), g_memdup2 (&script, sizeof script));
  g_mutex_unlock (&self->mutex);
}

void
toy_script (ToyOperation *self,
            const char   *call,
            ToyAct        act,
            int           code,
            guint         times)
{
  add_script (self, self->scripts, call, (Script) { act, code, times });
}

void
toy_script_probe (ToyOperation *self,
                  const char   *step,
                  int           answer,
                  guint         times)
{
  add_script (self, self->probes, step, (Script) { TOY_WORK, answer, times });
}

void
toy_claim (ToyOperation *self,
           const char   *claim,
           const char   *wait)
{
  self->claim = g_strdup (claim);
  self->claimed = g_strdup (wait);
}

static gboolean
fail (const char *call,
      int         code,
      GError    **error)
{
  if (code < 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
  else
    g_set_error (error, MIG_ERROR, code, "%s was told to fail", call);

  return FALSE;
}

static gboolean
is_over (ToyOperation *self,
         MigStepRun   *run,
         ToyAct        act)
{
  if (mig_step_run_is_cancelled (run) || mig_step_run_is_detaching (run))
    return TRUE;
  if (act == TOY_REQUEST)
    return mig_step_run_take_request (run, "hurry");

  return (act == TOY_FLAG || act == TOY_ASK || act == TOY_NOTE) && toy_has (self->world, "go");
}

static gboolean
wait_for_it (ToyOperation *self,
             MigStepRun   *run,
             ToyAct        act,
             GError      **error)
{
  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (mig_step_run_get_waiter (run));

      if (is_over (self, run, act))
        break;
      mig_step_run_wait (run, ticket, 0.02);
    }

  if (mig_step_run_is_cancelled (run))
    return fail ("it", -1, error);
  if (mig_step_run_is_detaching (run))
    return fail ("it", MIG_ERROR_BUSY, error);

  return TRUE;
}

static gboolean
act_out (ToyOperation *self,
         MigStepRun   *run,
         const char   *verb,
         gboolean      there,
         GError      **error)
{
  const char *id = mig_step_run_get_step (run)->id;
  g_autofree char *call = g_strconcat (verb, " ", id, NULL);
  Script script = take_script (self, self->scripts, call);

  if (script.act == TOY_DIE)
    _exit (99);
  if (script.act == TOY_FAIL)
    return fail (call, script.code, error);

  if (script.act == TOY_ASK || script.act == TOY_NOTE)
    {
      toy_set (self->world, id, there);
      if (!wait_for_it (self, run, script.act, error))
        return FALSE;
      if (script.act == TOY_NOTE)
        mig_step_run_commit (run, "noted", NULL);
      if (!mig_step_run_holds (run, error))
        return FALSE;
    }
  note (self->world, id, there ? "+" : "-");
  if (script.act == TOY_FAIL_SLOWLY)
    {
      gint64 until = g_get_monotonic_time () + G_USEC_PER_SEC / 4;

      while (g_get_monotonic_time () < until)
        mig_step_run_wait (run, mig_waiter_ticket (mig_step_run_get_waiter (run)), 0.05);
      return fail (call, script.code, error);
    }
  if (script.act == TOY_WAIT || script.act == TOY_REQUEST || script.act == TOY_FLAG)
    {
      toy_set (self->world, id, there);
      if (!wait_for_it (self, run, script.act, error))
        return FALSE;
    }
  toy_set (self->world, id, there);
  if (script.act == TOY_DIE_LATE)
    _exit (99);
  if (script.act == TOY_FAIL_LATE)
    return fail (call, script.code, error);

  return TRUE;
}

static gboolean
claim_it (ToyOperation  *self,
          MigStepRun    *run,
          GError       **error)
{
  if (!mig_step_run_claim (run, self->claim, error))
    return FALSE;
  if (self->claimed == NULL)
    return TRUE;

  toy_set (self->world, self->claimed, TRUE);

  return wait_for_it (self, run, TOY_FLAG, error);
}

static gboolean
toy_check (MigOperation  *operation,
           MigStepRun    *run,
           GError       **error)
{
  g_autofree char *call = g_strconcat ("run ", mig_step_run_get_step (run)->id, NULL);
  Script script = take_script (TOY_OPERATION (operation), TOY_OPERATION (operation)->scripts, call);

  if (script.act == TOY_FAIL)
    return fail (call, script.code, error);
  mig_facts_set_string (mig_step_run_get_facts (run), MIG_FACT_SOURCE, "here");

  return TOY_OPERATION (operation)->claim == NULL || claim_it (TOY_OPERATION (operation), run, error);
}

static gboolean
toy_run (MigOperation  *operation,
         MigStepRun    *run,
         GError       **error)
{
  return act_out (TOY_OPERATION (operation), run, "run", TRUE, error);
}

static gboolean
toy_move (MigOperation  *operation,
          MigStepRun    *run,
          GError       **error)
{
  MigProgressSample sample = MIG_PROGRESS_SAMPLE_INIT;

  mig_facts_set_int (mig_step_run_get_facts (run), MIG_FACT_BYTES, 4096);
  for (int i = 0; i <= 10; i++)
    {
      sample.fraction = i / 10.0;
      sample.memory_processed = i * 100;
      mig_step_run_publish_progress (run, &sample);
    }
  mig_step_run_publish_phase (run, MIG_PHASE_SWITCHOVER);

  return act_out (TOY_OPERATION (operation), run, "run", TRUE, error);
}

static gboolean
toy_undo (MigOperation  *operation,
          MigStepRun    *run,
          GError       **error)
{
  g_assert_null (mig_step_run_get_cancellable (run));

  return act_out (TOY_OPERATION (operation), run, "undo", FALSE, error);
}

static MigProbe
toy_probe (MigOperation  *operation,
           MigStepRun    *run,
           GError       **error)
{
  ToyOperation *self = TOY_OPERATION (operation);
  const char *id = mig_step_run_get_step (run)->id;
  Script script = take_script (self, self->probes, id);

  if (script.code == MIG_PROBE_UNKNOWN)
    g_set_error (error, MIG_ERROR, MIG_ERROR_CONNECTION, "%s can't be seen", id);
  if (script.code >= 0)
    return (MigProbe) script.code;

  return toy_has (self->world, id) ? MIG_PROBE_DONE : MIG_PROBE_NOT_STARTED;
}

static const MigStep toy_steps[] = {
  { "check.toy", MIG_PHASE_CHECK, 1, MIG_STEP_PURE, toy_check, NULL, NULL },
  { "toy.a", MIG_PHASE_PREPARE, 2, 0, toy_run, toy_undo, toy_probe },
  { "toy.b", MIG_PHASE_PREPARE, 2, MIG_STEP_SETTLES, toy_run, toy_undo, toy_probe },
  { "toy.move", MIG_PHASE_TRANSFER, 90, MIG_STEP_LONG | MIG_STEP_DECIDES | MIG_STEP_SETTLES, toy_move, toy_undo,
    toy_probe },
  { "toy.c", MIG_PHASE_FINISH, 3, MIG_STEP_FORWARD, toy_run, NULL, NULL },
  { "toy.d", MIG_PHASE_FINISH, 2, MIG_STEP_FORWARD, toy_run, NULL, NULL },
};

const MigStepTable toy_table = { "toy", 1, toy_steps, G_N_ELEMENTS (toy_steps) };

static gboolean
toy_operation_validate (MigOperation  *operation,
                        GError       **error)
{
  if (*TOY_OPERATION (operation)->world == '/')
    return TRUE;

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "a world is an absolute path");

  return FALSE;
}

static void
toy_operation_save_request (MigOperation *operation,
                            MigFacts     *request)
{
  mig_facts_set_string (request, "world", TOY_OPERATION (operation)->world);
}

static char *
toy_operation_dup_subject (MigOperation *operation)
{
  return g_path_get_basename (TOY_OPERATION (operation)->world);
}

static void
toy_operation_set_property (GObject      *object,
                            guint         id,
                            const GValue *value,
                            GParamSpec   *pspec)
{
  TOY_OPERATION (object)->world = g_value_dup_string (value);
}

static void
toy_operation_finalize (GObject *object)
{
  ToyOperation *self = TOY_OPERATION (object);

  g_free (self->world);
  g_free (self->claim);
  g_free (self->claimed);
  g_hash_table_unref (self->scripts);
  g_hash_table_unref (self->probes);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (toy_operation_parent_class)->finalize (object);
}

static void
toy_operation_class_init (ToyOperationClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MigOperationClass *operation_class = &klass->parent_class;

  object_class->set_property = toy_operation_set_property;
  object_class->finalize = toy_operation_finalize;
  operation_class->table = &toy_table;
  operation_class->validate = toy_operation_validate;
  operation_class->save_request = toy_operation_save_request;
  operation_class->dup_subject = toy_operation_dup_subject;

  g_object_class_install_property (object_class, PROP_WORLD,
                                   g_param_spec_string ("world", NULL, NULL, NULL,
                                                        G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY));
}

static void
toy_operation_init (ToyOperation *self)
{
  g_mutex_init (&self->mutex);
  self->scripts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->probes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

ToyOperation *
toy_operation_new (MigCluster *cluster,
                   const char *key,
                   const char *world)
{
  return g_object_new (TOY_TYPE_OPERATION, "cluster", cluster, "key", key, "world", world, NULL);
}

ToyOperation *
toy_operation_claim (MigCluster  *cluster,
                     const char  *key,
                     const char  *world,
                     GError     **error)
{
  MigEngine *engine = mig_engine_of (G_OBJECT (cluster));
  g_autoptr (ToyOperation) self = toy_operation_new (cluster, key, world);
  g_autoptr (MigFacts) facts = mig_facts_new ();
  g_autoptr (MigJournal) journal = mig_journal_open (engine, mig_operation_get_id (MIG_OPERATION (self)), facts, error);
  MigOperationRecord *record;

  if (journal == NULL || !mig_engine_get_hooks (engine)->hold (G_OBJECT (cluster), 0, error))
    return NULL;

  record = mig_journal_get_record (journal);
  g_free (record->owner);
  record->owner = g_strdup (mig_engine_get_owner (engine));
  record->epoch++;
  record->status = MIG_STATUS_RECOVERING;
  mig_journal_add (journal, MIG_LINE_CLAIMED, NULL);
  if (!mig_journal_commit (journal, NULL, error))
    return NULL;
  mig_operation_claim (MIG_OPERATION (self), record);

  return g_steal_pointer (&self);
}

static MigOperation *
toy_operation_revive (MigCluster  *cluster,
                      const char  *id,
                      const char  *key,
                      MigFacts    *request,
                      GError     **error)
{
  return g_object_new (TOY_TYPE_OPERATION, "cluster", cluster, "id", id, "key", key, "world",
                       mig_facts_get_string (request, "world"), NULL);
}

MigCluster *
toy_cluster_new (MigStateStore *store)
{
  MigCluster *cluster = mig_cluster_new (store, NULL);

  mig_revive_teach (cluster, "toy", toy_operation_revive);
  g_object_set (cluster, "settle-time", 0.02, NULL);
  mig_engine_set_retry_pause (mig_engine_of (G_OBJECT (cluster)), 0.001);

  return cluster;
}

void
toy_cluster_close (MigCluster *cluster)
{
  g_assert_true (mig_cluster_close (cluster, MIG_CLOSE_MODE_WAIT, NULL, NULL));
}
