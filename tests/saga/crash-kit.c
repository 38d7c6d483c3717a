/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "crash-case.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <libmig/mig-enum-types.h>

/* Most of a case's time is waiting, so there are more of them at once than processors. */
#define MAX_AT_ONCE 24

#define MAX_COMPLAINTS 5

/* Beyond what the undisturbed run needed: how often is polled is a matter of luck. */
#define MORE_CALLS 1

static char *base;
static GPtrArray *cases;

static void
case_free (CrashCase *self)
{
  g_free (self->directory);
  g_free (self);
}

void
crash_kit_set_up (void)
{
  base = g_strdup ("/dev/shm/mig-XXXXXX");
  if (g_mkdtemp (base) == NULL)
    {
      g_free (base);
      base = mig_test_make_directory ();
    }
  cases = g_ptr_array_new_with_free_func ((GDestroyNotify) case_free);
}

void
crash_kit_tear_down (void)
{
  g_clear_pointer (&cases, g_ptr_array_unref);
  mig_test_remove_directory (base);
  g_clear_pointer (&base, g_free);
}

void
crash_reference_free (CrashReference *self)
{
  g_free (self->before);
  g_free (self->after);
  g_strfreev (self->calls);
  g_free (self);
}

static CrashCase *
case_new (const CrashScenario  *scenario,
          const CrashReference *reference,
          const CrashAccident  *accident)
{
  CrashCase *self = g_new0 (CrashCase, 1);
  static guint number;

  self->scenario = scenario;
  self->reference = reference;
  if (accident != NULL)
    self->accident = *accident;
  self->directory = g_strdup_printf ("%s/%u", base, number++);
  g_assert_true (g_mkdir (self->directory, 0700) == 0);

  return self;
}

CrashReference *
crash_kit_run_undisturbed (const CrashScenario *scenario)
{
  g_autoptr (CrashReference) reference = g_new0 (CrashReference, 1);
  CrashCase *self = case_new (scenario, NULL, NULL);
  g_autofree char *calls = NULL;
  g_autofree char *n_commits = NULL;
  g_autofree char *report = NULL;
  int status;

  ck_assert_int_eq (crash_case_play (self, crash_case_make_world), 0);
  status = crash_case_play (self, crash_case_run_undisturbed);
  report = crash_case_read (self, "report");
  ck_assert_msg (status == 0, "%s, undisturbed: ended with %d: %s", scenario->name, status, report);
  reference->before = crash_case_read (self, "before");
  reference->after = crash_case_read (self, "after");
  calls = crash_case_read (self, "calls");
  reference->calls = g_strsplit (calls, "\n", -1);
  n_commits = crash_case_read (self, "commits");
  reference->n_commits = (guint) g_ascii_strtoull (n_commits, NULL, 10);
  ck_assert_str_ne (reference->before, reference->after);
  case_free (self);

  return g_steal_pointer (&reference);
}

void
crash_kit_add (const CrashScenario  *scenario,
               const CrashReference *reference,
               const CrashAccident  *accident)
{
  g_ptr_array_add (cases, case_new (scenario, reference, accident));
}

static const char * const looks[] = {
  "get_host_info", "get_domain",       "get_domains",   "get_job",
  "block.get_info", "block.get_length", "volume.lookup", NULL,
};

static guint
count_calls (char       **calls,
             const char  *name,
             guint        n_calls)
{
  guint count = 0;

  for (guint i = 0; i < n_calls; i++)
    count += g_str_equal (calls[i], name);

  return count;
}

void
crash_kit_add_calls (const CrashScenario  *scenario,
                     const CrashReference *reference,
                     MigSimFault           fault,
                     gboolean              only_changes)
{
  guint n_calls = g_strv_length (reference->calls);

  for (guint i = 0; i < n_calls; i++)
    {
      const char *name = reference->calls[i];
      guint nth = count_calls (reference->calls, name, i) + 1;
      gboolean last = nth == count_calls (reference->calls, name, n_calls);

      if (only_changes && g_strv_contains (looks, name))
        continue;
      for (guint more = 0; more <= (last ? MORE_CALLS : 0); more++)
        crash_kit_add (scenario, reference, &(CrashAccident) { CRASH_CALL, name, fault, 0, nth + more, NULL, 0 });
    }
}

void
crash_kit_add_all_calls (const CrashScenario  *scenario,
                         const CrashReference *reference,
                         gboolean              only_changes)
{
  for (MigSimFault fault = MIG_SIM_FAULT_FAIL; fault <= MIG_SIM_FAULT_EXIT_LATE; fault++)
    crash_kit_add_calls (scenario, reference, fault, only_changes);
}

void
crash_kit_add_all_commits (const CrashScenario  *scenario,
                           const CrashReference *reference)
{
  for (Fault fault = FAULT_FAIL; fault <= FAULT_DIE_AFTER; fault++)
    {
      for (guint nth = 1; nth <= reference->n_commits; nth++)
        crash_kit_add (scenario, reference, &(CrashAccident) { CRASH_COMMIT, NULL, 0, fault, nth, NULL, 0 });
    }
}

void
crash_kit_add_undo (const CrashScenario  *scenario,
                    const CrashReference *reference,
                    const char           *failing,
                    guint                 n_calls)
{
  static const MigSimFault faults[] = { MIG_SIM_FAULT_EXIT_BEFORE, MIG_SIM_FAULT_EXIT_AFTER, MIG_SIM_FAULT_EXIT_LATE,
                                        MIG_SIM_FAULT_ANSWER_LOST };
  guint first = 1;

  while (reference->calls[first - 1] != NULL && !g_str_equal (reference->calls[first - 1], failing))
    first++;
  for (guint nth = first + 1; nth <= first + n_calls; nth++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
        crash_kit_add (scenario, reference, &(CrashAccident) { CRASH_CALL, "*", faults[i], 0, nth, failing, 0 });
    }
}

void
crash_kit_add_recovery (const CrashScenario  *scenario,
                        const CrashReference *reference,
                        guint                 n_calls)
{
  for (guint i = 0; reference->calls[i] != NULL; i++)
    {
      const char *name = reference->calls[i];
      guint nth = count_calls (reference->calls, name, i) + 1;

      for (guint again = 1; !g_strv_contains (looks, name) && again <= n_calls; again++)
        crash_kit_add (scenario, reference,
                       &(CrashAccident) { CRASH_CALL, name, MIG_SIM_FAULT_EXIT_AFTER, 0, nth, NULL, again });
    }
}

static char *
describe (CrashCase *self)
{
  const CrashAccident *accident = &self->accident;
  static const char * const store_faults[] = { "nothing", "fails", "does not know", "loses its answer", "dies before",
                                               "dies after" };
  GString *text;

  if (accident->kind == CRASH_COMMIT)
    return g_strdup_printf ("%s, commit %u %s", self->scenario->name, accident->nth,
                            store_faults[accident->store_fault]);

  text = g_string_new (NULL);
  g_string_append_printf (text, "%s, %s #%u %s", self->scenario->name, accident->call, accident->nth,
                          crash_case_nick (MIG_TYPE_SIM_FAULT, accident->sim_fault));
  if (accident->failing != NULL)
    g_string_append_printf (text, ", after %s has failed", accident->failing);
  if (accident->recovery_nth > 0)
    g_string_append_printf (text, ", recovery's call #%u exit-after", accident->recovery_nth);

  return g_string_free (text, FALSE);
}

static void
start (CrashCase *self)
{
  self->pid = mig_test_fork ();
  ck_assert_int_ge (self->pid, 0);
  if (self->pid == 0)
    _exit (crash_case_live_through (self));
}

static CrashCase *
find_case (pid_t pid)
{
  for (guint i = 0; i < cases->len; i++)
    {
      CrashCase *candidate = g_ptr_array_index (cases, i);

      if (candidate->pid == pid)
        return candidate;
    }

  return NULL;
}

/* Waits for any of them. */
static void
finish_one (GString *text,
            guint   *n_wrong)
{
  int status;
  pid_t pid = waitpid (-1, &status, 0);
  CrashCase *self;

  ck_assert_int_gt (pid, 0);
  self = find_case (pid);
  ck_assert_ptr_nonnull (self);
  if (status != 0)
    {
      g_autofree char *report = crash_case_read (self, "report");
      g_autofree char *what = describe (self);

      if (++*n_wrong <= MAX_COMPLAINTS)
        g_string_append_printf (text, "\n== %s:\n%s", what, report != NULL ? report : "no report\n");
      else
        g_string_append_printf (text, "\n== %s", what);
    }
  mig_test_remove_directory (self->directory);
  self->pid = 0;
}

guint
crash_kit_run (char **complaints)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint n_wrong = 0;
  guint n_running = 0;
  guint n_cases = cases->len;

  for (guint i = 0; i < cases->len || n_running > 0;)
    {
      if (i < cases->len && n_running < MAX_AT_ONCE)
        {
          start (g_ptr_array_index (cases, i++));
          n_running++;
          continue;
        }
      finish_one (text, &n_wrong);
      n_running--;
    }

  *complaints = n_wrong > 0 ? g_strdup_printf ("%u of %u cases went wrong:%s", n_wrong, n_cases, text->str) : NULL;
  g_ptr_array_set_size (cases, 0);

  return n_cases;
}

void
crash_kit_expect_success (void)
{
  g_autofree char *complaints = NULL;
  guint n_cases = crash_kit_run (&complaints);

  ck_assert_uint_gt (n_cases, 0);
  ck_assert_msg (complaints == NULL, "%s", complaints);
}
