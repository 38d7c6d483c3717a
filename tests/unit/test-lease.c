/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"

#include <libmig/mig-memory-store.h>

#include "libmig/cluster/mig-lease-private.h"
#include "libmig/cluster/mig-process-private.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static guint64
revision_of (MigStateStore *store,
             const char    *owner)
{
  g_autofree char *key = g_strconcat ("lease/", owner, NULL);
  g_autoptr (MigRecord) record = mig_state_store_get (store, key, NULL, NULL);

  return record != NULL ? mig_record_get_revision (record) : 0;
}

START_TEST (is_held_and_released)
{
  g_autoptr (MigStateStore) store = mig_memory_store_new ();
  g_autoptr (MigLease) lease = mig_lease_new (store, "one", 10);
  g_autoptr (GError) error = NULL;

  ck_assert_uint_eq (revision_of (store, "one"), 0);
  ck_assert_double_lt (mig_lease_get_margin (lease), 0);

  ck_assert (mig_lease_hold (lease, &error));
  ck_assert (mig_lease_hold (lease, &error));
  ck_assert_uint_ne (revision_of (store, "one"), 0);
  ck_assert_double_gt (mig_lease_get_margin (lease), 5);

  mig_lease_release (lease);
  ck_assert_uint_ne (revision_of (store, "one"), 0);
  mig_lease_release (lease);
  ck_assert_uint_eq (revision_of (store, "one"), 0);
}
END_TEST

typedef struct
{
  MigStateStore *store;
  guint64        old;
} Renewal;

static gboolean
is_renewed (gpointer data)
{
  Renewal *renewal = data;

  return revision_of (renewal->store, "one") != renewal->old;
}

START_TEST (is_renewed_by_itself)
{
  g_autoptr (MigStateStore) store = mig_memory_store_new ();
  g_autoptr (MigLease) lease = mig_lease_new (store, "one", 0.3);
  Renewal renewal = { store, 0 };

  ck_assert (mig_lease_hold (lease, NULL));
  for (int i = 0; i < 3; i++)
    {
      renewal.old = revision_of (store, "one");
      mig_test_wait (NULL, is_renewed, &renewal, 5);
    }
  mig_lease_release (lease);
}
END_TEST

START_TEST (survives_the_loss_of_its_record)
{
  g_autoptr (MigStateStore) store = mig_memory_store_new ();
  g_autoptr (MigLease) lease = mig_lease_new (store, "one", 3);
  g_autoptr (MigLease) contender = mig_lease_new (store, "other", 0.3);
  Renewal renewal = { store, 0 };

  ck_assert (mig_lease_hold (lease, NULL));
  /* Not what was not judged. */
  mig_lease_bury (contender, "one", revision_of (store, "one") - 1);
  ck_assert_uint_ne (revision_of (store, "one"), 0);
  mig_lease_bury (contender, "one", revision_of (store, "one"));
  ck_assert_uint_eq (revision_of (store, "one"), 0);
  ck_assert_uint_eq (mig_lease_get_lapses (lease), 0);
  mig_test_wait (NULL, is_renewed, &renewal, 5);
  mig_lease_release (lease);
  /* Whoever removed it may have taken something over. */
  ck_assert_uint_eq (mig_lease_get_lapses (lease), 1);
}
END_TEST

START_TEST (no_thread_to_keep_it)
{
  g_autoptr (MigStateStore) store = mig_memory_store_new ();
  g_autoptr (MigLease) lease = mig_lease_new (store, "one", 10);
  g_autoptr (GError) error = NULL;

  if (!mig_test_starve_threads ())
    return;
  ck_assert (!mig_lease_hold (lease, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_uint_eq (revision_of (store, "one"), 0);
  ck_assert_double_lt (mig_lease_get_margin (lease), 0);
}
END_TEST

typedef struct
{
  MigLease   *lease;
  const char *owner;
} Judgement;

static gboolean
is_dead (gpointer data)
{
  Judgement *judgement = data;

  return mig_lease_judge (judgement->lease, judgement->owner, NULL).state == MIG_OWNER_DEAD;
}

static gboolean
is_alive (gpointer data)
{
  Judgement *judgement = data;

  return mig_lease_judge (judgement->lease, judgement->owner, NULL).state == MIG_OWNER_ALIVE;
}

START_TEST (owners_are_told_apart)
{
  g_autoptr (MigStateStore) store = mig_memory_store_new ();
  g_autoptr (MigLease) one = mig_lease_new (store, "one", 10);
  g_autoptr (MigLease) other = mig_lease_new (store, "other", 1);
  Judgement judgement = { one, "other" };

  ck_assert_int_eq (mig_lease_judge (one, "one", NULL).state, MIG_OWNER_SELF);
  /* No record: nobody. */
  ck_assert_int_eq (mig_lease_judge (one, "other", NULL).state, MIG_OWNER_DEAD);

  /* Its process is there; whether it does anything shows when it renews its lease. */
  ck_assert (mig_lease_hold (other, NULL));
  ck_assert_int_eq (mig_lease_judge (one, "other", NULL).state, MIG_OWNER_UNSURE);
  mig_test_wait (NULL, is_alive, &judgement, 10);
  mig_lease_release (other);
}
END_TEST

static void
put_lease (MigStateStore *store,
           const char    *owner,
           const char    *boot_id,
           gint64         pid,
           gint64         start,
           double         ttl)
{
  g_autofree char *pid_namespace = mig_process_dup_pid_namespace ();
  g_autofree char *key = g_strconcat ("lease/", owner, NULL);
  g_autofree char *value =
      g_strdup_printf ("{\"v\": 1, \"host\": \"h\", \"boot-id\": \"%s\", \"pid-namespace\": \"%s\", "
                       "\"pid\": %" G_GINT64_FORMAT ", \"start\": %" G_GINT64_FORMAT ", \"ttl\": %g, \"count\": 1}",
                       boot_id, pid_namespace, pid, start, ttl);
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();

  mig_transaction_put (transaction, key, value);
  ck_assert_uint_ne (mig_state_store_commit (store, transaction, NULL, NULL), 0);
}

/* G6: after kill -9 nobody has to wait for a ttl on the same machine. */
START_TEST (a_dead_process_is_dead_at_once)
{
  g_autoptr (MigStateStore) store = mig_memory_store_new ();
  g_autoptr (MigLease) lease = mig_lease_new (store, "one", 1000);
  g_autofree char *boot_id = mig_process_dup_boot_id ();
  gint64 start = mig_process_get_start_time (getpid ());
  pid_t child = mig_test_fork ();

  if (child == 0)
    _exit (0);
  ck_assert_int_eq (waitpid (child, NULL, 0), child);

  put_lease (store, "gone", boot_id, child, 1, 1000);
  ck_assert_int_eq (mig_lease_judge (lease, "gone", NULL).state, MIG_OWNER_DEAD);
  /* Its number was given to another process. */
  put_lease (store, "reused", boot_id, getpid (), start - 1, 1000);
  ck_assert_int_eq (mig_lease_judge (lease, "reused", NULL).state, MIG_OWNER_DEAD);
  /* Another boot, or another machine: only time tells. */
  put_lease (store, "elsewhere", "another boot", child, 1, 1000);
  ck_assert_int_eq (mig_lease_judge (lease, "elsewhere", NULL).state, MIG_OWNER_UNSURE);
  put_lease (store, "alive", boot_id, getpid (), start, 1000);
  ck_assert_int_eq (mig_lease_judge (lease, "alive", NULL).state, MIG_OWNER_UNSURE);
}
END_TEST

/* What cannot be read is no proof. */
START_TEST (an_unreadable_process_is_not_dead)
{
  gint64 start = mig_process_get_start_time (getpid ());
  struct rlimit before, none;

  ck_assert_int_eq (mig_process_judge (getpid (), start), MIG_PROCESS_THERE);
  ck_assert_int_eq (mig_process_judge (getpid (), start + 1), MIG_PROCESS_GONE);

  ck_assert_int_eq (getrlimit (RLIMIT_NOFILE, &before), 0);
  none = (struct rlimit) { 0, before.rlim_max };
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &none), 0);
  ck_assert_int_eq (mig_process_judge (getpid (), start), MIG_PROCESS_UNKNOWN);
  ck_assert_int_eq (mig_process_judge (G_MAXINT32, start), MIG_PROCESS_GONE);
  ck_assert_int_eq (setrlimit (RLIMIT_NOFILE, &before), 0);
}
END_TEST

static void *
stay (void *data)
{
  for (;;)
    pause ();

  return data;
}

typedef struct
{
  gint64 pid;
  char   state;
} Watched;

static gboolean
has_state (gpointer data)
{
  Watched *watched = data;
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/stat", watched->pid);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) && strrchr (text, ')')[2] == watched->state;
}

/* A program whose first thread has ended is shown as a zombie, and lives. */
START_TEST (a_process_without_its_first_thread_lives)
{
  pid_t child = mig_test_fork ();
  Watched watched = { child, 'Z' };
  gint64 start;

  if (child == 0)
    {
      pthread_t thread;

      pthread_create (&thread, NULL, stay, NULL);
      pthread_exit (NULL);
    }

  start = mig_process_get_start_time (child);
  mig_test_wait (NULL, has_state, &watched, 10);
  ck_assert_int_eq (mig_process_judge (child, start), MIG_PROCESS_THERE);

  /* Nothing is left of it but its entry. */
  ck_assert_int_eq (kill (child, SIGKILL), 0);
  ck_assert_int_eq (waitid (P_PID, (id_t) child, NULL, WEXITED | WNOWAIT), 0);
  ck_assert_int_eq (mig_process_judge (child, start), MIG_PROCESS_GONE);
  ck_assert_int_eq (waitpid (child, NULL, 0), child);
  ck_assert_int_eq (mig_process_judge (child, start), MIG_PROCESS_GONE);
}
END_TEST

START_TEST (a_silent_owner_is_dead_after_one_ttl)
{
  g_autoptr (MigStateStore) store = mig_memory_store_new ();
  g_autoptr (MigLease) lease = mig_lease_new (store, "one", 1000);
  Judgement judgement = { lease, "silent" };

  put_lease (store, "silent", "another boot", 1, 1, 0.5);
  ck_assert_int_eq (mig_lease_judge (lease, "silent", NULL).state, MIG_OWNER_UNSURE);
  mig_test_wait (NULL, is_dead, &judgement, 10);

  /* A sign of life, and the count begins anew. */
  put_lease (store, "silent", "another boot", 1, 1, 0.5);
  ck_assert_int_eq (mig_lease_judge (lease, "silent", NULL).state, MIG_OWNER_ALIVE);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("lease");
  TCase *tcase = mig_test_add_case (suite, "lease");

  tcase_add_test (tcase, is_held_and_released);
  tcase_add_test (tcase, is_renewed_by_itself);
  tcase_add_test (tcase, survives_the_loss_of_its_record);
  tcase_add_test (tcase, no_thread_to_keep_it);
  tcase_add_test (tcase, owners_are_told_apart);
  tcase_add_test (tcase, a_dead_process_is_dead_at_once);
  tcase_add_test (tcase, an_unreadable_process_is_not_dead);
  tcase_add_test (tcase, a_process_without_its_first_thread_lives);
  tcase_add_test (tcase, a_silent_owner_is_dead_after_one_ttl);

  return suite;
}

MIG_TEST_MAIN (create_suite)
