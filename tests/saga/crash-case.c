/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "crash-case.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libmig/mig-enum-types.h>
#include <libmig/mig-sqlite-store.h>

#include "libmig/saga/mig-engine-private.h"

/* Seconds; a process of a case that takes longer hangs. */
#define PATIENCE 20

static char *
path_of (const char *directory,
         const char *name)
{
  return g_build_filename (directory, name, NULL);
}

static void
put (const char *directory,
     const char *name,
     const char *text)
{
  g_autofree char *path = path_of (directory, name);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

char *
crash_case_read (CrashCase  *self,
                 const char *name)
{
  g_autofree char *path = path_of (self->directory, name);
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);

  return text;
}

/* What a process of a case has open. */
typedef struct
{
  MigSimDriver *driver;
  FaultStore *store;
  MigCluster *cluster;
} Room;

static void
add_host (MigCluster *cluster,
          const char *name)
{
  g_autofree char *uri = g_strconcat ("sim:///", name, NULL);
  g_autoptr (MigHost) host = g_object_new (MIG_TYPE_HOST, "name", name, "uri", uri, "peer-uri", uri, NULL);
  g_autoptr (GError) error = NULL;

  mig_cluster_add_host (cluster, host, &error);
  g_assert_no_error (error);
}

static void
open_room (Room                *room,
           const CrashScenario *scenario,
           const char          *directory)
{
  g_autofree char *world = path_of (directory, "world");
  g_autofree char *state = path_of (directory, "state.db");
  double settle_time = scenario->settle_time < 0 ? scenario->late_delay * 2 : scenario->settle_time;
  g_autoptr (MigStateStore) real = NULL;
  g_autoptr (GError) error = NULL;

  room->driver = mig_sim_driver_new (world, &error);
  g_assert_no_error (error);
  real = mig_sqlite_store_new (state, &error);
  g_assert_no_error (error);
  room->store = fault_store_new (real);
  room->cluster = mig_cluster_new (MIG_STATE_STORE (room->store), MIG_COMPUTE_DRIVER (room->driver));
  g_object_set (room->cluster, "settle-time", settle_time, NULL);
  mig_engine_set_retry_pause (mig_engine_of (G_OBJECT (room->cluster)), 0.001);
  add_host (room->cluster, "a");
  add_host (room->cluster, "b");
}

static void
close_room (Room *room)
{
  mig_cluster_close (room->cluster, MIG_CLOSE_MODE_WAIT, NULL, NULL);
  g_clear_object (&room->cluster);
  g_clear_object (&room->store);
  g_clear_object (&room->driver);
}

int
crash_case_play (CrashCase  *self,
                 int        (*part) (CrashCase *self))
{
  pid_t pid = mig_test_fork ();
  int status;

  if (pid == 0)
    {
      /* Check's handler, which this process has inherited, would kill all of its group. */
      signal (SIGALRM, SIG_DFL);
      alarm (PATIENCE);
      _exit (part (self));
    }
  while (waitpid (pid, &status, 0) < 0)
    g_assert_true (errno == EINTR);

  return WIFEXITED (status) ? WEXITSTATUS (status) : -WTERMSIG (status);
}

int
crash_case_make_world (CrashCase *self)
{
  g_autofree char *path = path_of (self->directory, "world");
  g_autofree char *settings = NULL;
  g_autofree char *before = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MigSimDriver) driver = mig_sim_driver_new (path, &error);

  g_assert_no_error (error);
  settings = g_strdup_printf ("{\"late-delay\": %g, \"call-deadline\": %g}", self->scenario->late_delay,
                              self->scenario->late_delay);
  mig_sim_driver_configure (driver, settings, &error);
  g_assert_no_error (error);
  mig_sim_driver_add_host (driver, "a", &error);
  mig_sim_driver_add_host (driver, "b", &error);
  g_assert_no_error (error);
  self->scenario->make_world (driver);
  before = mig_sim_driver_dup_world (driver, &error);
  g_assert_no_error (error);
  put (self->directory, "before", before);

  return 0;
}

int
crash_case_run_undisturbed (CrashCase *self)
{
  g_autoptr (MigOperation) operation = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *after = NULL;
  g_autofree char *calls = NULL;
  g_autofree char *n_commits = NULL;
  g_auto (GStrv) debts = NULL;
  g_auto (GStrv) names = NULL;
  Room room;

  open_room (&room, self->scenario, self->directory);
  operation = self->scenario->make_operation (room.cluster);
  if (!mig_operation_run (operation, NULL, &error))
    {
      put (self->directory, "report", error->message);
      return 1;
    }

  debts = mig_operation_dup_debts (operation);
  after = mig_sim_driver_dup_violations (room.driver, NULL);
  if (debts[0] != NULL || after != NULL)
    {
      put (self->directory, "report", debts[0] != NULL ? debts[0] : after);
      return 1;
    }
  after = mig_sim_driver_dup_world (room.driver, &error);
  g_assert_no_error (error);
  put (self->directory, "after", after);
  names = mig_sim_driver_dup_calls (room.driver);
  calls = g_strjoinv ("\n", names);
  put (self->directory, "calls", calls);
  n_commits = g_strdup_printf ("%u", fault_store_n_commits (room.store));
  put (self->directory, "commits", n_commits);
  g_clear_object (&operation);
  close_room (&room);

  return 0;
}

/* The process to which it happens. */
static int
suffer (CrashCase *self)
{
  const CrashAccident *accident = &self->accident;
  g_autoptr (MigOperation) operation = NULL;
  gboolean ok;
  Room room;

  open_room (&room, self->scenario, self->directory);
  if (accident->kind == CRASH_CALL)
    mig_sim_driver_set_fault (room.driver, accident->call, accident->nth, accident->sim_fault);
  if (accident->failing != NULL)
    mig_sim_driver_set_fault (room.driver, accident->failing, 1, MIG_SIM_FAULT_FAIL);
  if (accident->kind == CRASH_COMMIT)
    fault_store_arm (room.store, accident->store_fault, accident->nth, 1);
  operation = self->scenario->make_operation (room.cluster);
  ok = mig_operation_run (operation, NULL, NULL);
  g_clear_object (&operation);
  close_room (&room);

  return ok ? 0 : 1;
}

static void
recover (Room    *room,
         GString *report)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) operations = mig_cluster_recover_all (room->cluster, NULL, &error);

  if (operations == NULL)
    g_string_append_printf (report, "recovery failed: %s\n", error->message);
}

/* Whoever recovers may die as well. */
static int
recover_badly (CrashCase *self)
{
  g_autoptr (GString) report = g_string_new (NULL);
  Room room;

  open_room (&room, self->scenario, self->directory);
  mig_sim_driver_set_fault (room.driver, "*", self->accident.recovery_nth, MIG_SIM_FAULT_EXIT_AFTER);
  recover (&room, report);
  close_room (&room);

  return 0;
}

const char *
crash_case_nick (GType type,
                 int   value)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (type);

  return g_enum_get_value (klass, value)->value_nick;
}

static void
judge_record (CrashCase        *self,
              MigOperationInfo *info,
              const char       *world,
              GString          *report)
{
  MigStatus status = mig_operation_info_get_status (info);
  const char * const *debts = mig_operation_info_get_debts (info);
  const char *expected = status == MIG_STATUS_COMPLETED ? self->reference->after : self->reference->before;
  const GError *error = mig_operation_info_get_error (info);
  const char *error_text = error != NULL ? error->message : "no error";

  if (status != MIG_STATUS_COMPLETED && status != MIG_STATUS_FAILED && status != MIG_STATUS_CANCELLED)
    g_string_append_printf (report, "the operation is %s: %s\n", crash_case_nick (MIG_TYPE_STATUS, status),
                            error_text);
  if (debts != NULL && debts[0] != NULL)
    g_string_append_printf (report, "there are debts: %s\n", debts[0]);
  if (strcmp (world, expected) != 0)
    g_string_append_printf (report, "the operation is %s (%s), and the world is:\n%sinstead of:\n%s",
                            crash_case_nick (MIG_TYPE_STATUS, status), error_text, world,
                            expected);
}

static void
append_journal (GString    *report,
                MigCluster *cluster,
                const char *id)
{
  g_autofree char *journal = mig_cluster_dup_journal (cluster, id, NULL, NULL);

  g_string_append_printf (report, "journal:\n%s\n", journal);
}

/* What the caller gave up counts as empty. */
static char *
forgive (CrashCase *self,
         char      *world)
{
  g_autofree char *line = NULL;
  g_autofree char *pattern = NULL;
  g_autoptr (GRegex) regex = NULL;
  g_autofree char *owned = world;

  if (self->scenario->given_up == NULL)
    return g_steal_pointer (&owned);

  line = g_regex_escape_string (self->scenario->given_up, -1);
  pattern = g_strdup_printf ("(volume %s [0-9]+): a part of a copy", line);
  regex = g_regex_new (pattern, 0, 0, NULL);

  return g_regex_replace (regex, world, -1, 0, "\\1: empty", 0, NULL);
}

static void
judge (CrashCase *self,
       Room      *room,
       GString   *report)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) infos = NULL;
  g_autofree char *world = NULL;
  g_autofree char *violations = NULL;

  if (!mig_sim_driver_wait_idle (room->driver, 5, NULL, &error))
    g_string_append_printf (report, "the world does not come to rest: %s\n", error->message);
  if (self->scenario->sabotage != NULL)
    self->scenario->sabotage (room->driver);
  world = forgive (self, mig_sim_driver_dup_world (room->driver, NULL));
  violations = mig_sim_driver_dup_violations (room->driver, NULL);
  if (violations != NULL)
    g_string_append_printf (report, "what must never be was: %s", violations);

  infos = mig_cluster_list_operations (room->cluster, NULL, NULL);
  if (infos->len > 1)
    g_string_append_printf (report, "there are %u records\n", infos->len);
  if (infos->len == 0 && strcmp (world, self->reference->before) != 0)
    g_string_append_printf (report, "there is no record, and the world is:\n%sinstead of:\n%s", world,
                            self->reference->before);
  for (guint i = 0; i < infos->len; i++)
    judge_record (self, g_ptr_array_index (infos, i), world, report);
  if (report->len > 0 && infos->len == 1)
    append_journal (report, room->cluster, mig_operation_info_get_id (g_ptr_array_index (infos, 0)));
}

static int
recover_and_judge (CrashCase *self)
{
  g_autoptr (GString) report = g_string_new (NULL);
  Room room;

  open_room (&room, self->scenario, self->directory);
  recover (&room, report);
  judge (self, &room, report);
  if (report->len > 0)
    put (self->directory, "report", report->str);
  close_room (&room);

  return report->len > 0 ? 1 : 0;
}

int
crash_case_live_through (CrashCase *self)
{
  g_autofree char *text = NULL;
  int status = crash_case_play (self, crash_case_make_world);

  if (status == 0)
    status = crash_case_play (self, suffer);
  /* 98 is the fault store's way to go. */
  if (status != 0 && status != 1 && status != MIG_SIM_EXIT_STATUS && status != 98)
    {
      text = g_strdup_printf ("the process that suffered it ended with %d\n", status);
      put (self->directory, "report", text);
      return 1;
    }
  if (self->accident.recovery_nth > 0)
    crash_case_play (self, recover_badly);

  status = crash_case_play (self, recover_and_judge);
  if (status != 0 && status != 1)
    {
      text = g_strdup_printf ("the process that recovered ended with %d\n", status);
      put (self->directory, "report", text);
    }

  return status == 0 ? 0 : 1;
}
