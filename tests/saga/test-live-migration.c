/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "live.h"

/* Moves that go well, in every kind of world, and requests that must be refused. */

static void
on_phase (MigOperation *task,
          MigPhase      old,
          MigPhase      new,
          gpointer      data)
{
  GString *phases = data;

  g_string_append_printf (phases, "%d", new);
}

/* The store counts its commits. */
static guint64
count_commits (LiveWorld *world)
{
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();
  g_autoptr (GError) error = NULL;
  guint64 revision;

  mig_transaction_put (transaction, "test", "1");
  revision = mig_state_store_commit (world->store, transaction, NULL, &error);
  mig_assert_no_error (error);

  return revision;
}

/* The flags of a world, and options for it. */
typedef struct
{
  LiveWorldFlags  flags;
  const char     *json;
  const char     *phases; /* MigPhase after MigPhase */
} GoodRow;

static const GoodRow good_rows[] = {
  { LIVE_SHARED, "{}", "134568" },
  { LIVE_SHARED | LIVE_DIRECT, "{}", "134568" },
  { LIVE_SHARED, "{\"mode\": \"direct\"}", "134568" },
  { LIVE_SHARED | LIVE_TRANSIENT, "{}", "134568" },
  { LIVE_SHARED | LIVE_PAUSED, "{}", NULL },
  { LIVE_SHARED, "{\"disks\": \"shared\", \"unsafe\": true}", NULL },
  { LIVE_LOCAL, "{}", "134568" },
  { LIVE_LOCAL, "{\"disks\": \"copy\"}", NULL },
  { LIVE_LOCAL | LIVE_DIRECT, "{}", "134568" },
  { LIVE_LOCAL | LIVE_TRANSIENT, "{}", NULL },
  { LIVE_LOCAL | LIVE_PAUSED | LIVE_DIRECT, "{}", NULL },
};

START_TEST (good)
{
  const GoodRow *row = &good_rows[_i];
  g_autoptr (LiveWorld) world = live_world_new (row->flags);
  g_autoptr (MigOperation) task = live_world_task (world, row->json);
  g_autoptr (GString) phases = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) here = NULL;
  g_autoptr (MigDomainInfo) there = NULL;
  g_autofree char *destination = NULL;

  g_signal_connect (task, "phase-changed", G_CALLBACK (on_phase), phases);
  error = live_run (task);
  mig_assert_no_error (error);
  live_world_check (world);

  here = live_world_look (world, world->a);
  there = live_world_look (world, world->b);
  ck_assert_ptr_null (here);
  ck_assert_ptr_nonnull (there);
  ck_assert_int_eq (mig_domain_info_get_state (there), (row->flags & LIVE_PAUSED) != 0 ? MIG_DOMAIN_STATE_PAUSED
                                                                                         : MIG_DOMAIN_STATE_RUNNING);
  ck_assert_int_eq (mig_domain_info_is_persistent (there), (row->flags & LIVE_TRANSIENT) == 0);
  ck_assert_ptr_null (mig_domain_info_get_mark (there));

  if (row->phases != NULL)
    ck_assert_str_eq (phases->str, row->phases);
  destination = live_result_string (task, "destination");
  ck_assert_str_eq (destination, "b");
  ck_assert_int_ge (live_result_int (task, "bytes"), 4194304 + ((row->flags & LIVE_LOCAL) != 0 ? LIVE_DISK_LENGTH : 0));
}
END_TEST

static gboolean
volume_is_there (LiveWorld *world,
                 MigHost   *host)
{
  g_autoptr (MigDiskSource) source = mig_disk_source_new (MIG_DISK_SOURCE_KIND_FILE, "/disks/g.raw", "raw");
  g_autoptr (GError) error = NULL;
  g_autoptr (MigVolume) volume = NULL;

  volume = mig_volume_backend_lookup (MIG_VOLUME_BACKEND (world->sim), host, source, NULL, &error);
  if (volume == NULL)
    mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);

  return volume != NULL;
}

START_TEST (source_volume_is_removed)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autoptr (GError) error = live_run (task);

  mig_assert_no_error (error);
  ck_assert (!volume_is_there (world, world->a));
  ck_assert (volume_is_there (world, world->b));
}
END_TEST

START_TEST (source_volume_is_kept)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL);
  g_autoptr (MigOperation) task = live_world_task (world, "{\"keep-source-disks\": true}");
  g_autoptr (GError) error = live_run (task);

  mig_assert_no_error (error);
  ck_assert (volume_is_there (world, world->a));
  ck_assert (volume_is_there (world, world->b));
}
END_TEST

/* Superseded, but not proved so: another domain has it. */
START_TEST (used_source_volume_is_owed)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) debts = NULL;
  g_autofree char *other = NULL;

  other = mig_sim_driver_add_domain (world->sim, "a", "other",
                                     "{\"state\": \"shut-off\", \"disks\": [\"vda=/disks/g.raw\"]}", &error);
  mig_assert_no_error (error);
  error = live_run (task);
  mig_assert_no_error (error);
  ck_assert (volume_is_there (world, world->a));
  debts = mig_operation_dup_debts (task);
  ck_assert_uint_eq (g_strv_length (debts), 1);
  ck_assert_ptr_nonnull (strstr (debts[0], "/disks/g.raw"));
  ck_assert_ptr_nonnull (strstr (debts[0], "other"));
}
END_TEST

START_TEST (found_and_scheduled)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_SHARED);
  g_autoptr (MigMigrationTask) task = NULL;
  g_autoptr (MigHost) source = NULL;
  g_autoptr (MigHost) destination = NULL;
  g_autoptr (MigDomainInfo) there = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *squatter = NULL;

  /* b has a domain of that name: c it is. */
  squatter = mig_sim_driver_add_domain (world->sim, "b", "g", "{\"state\": \"shut-off\"}", &error);
  mig_assert_no_error (error);
  task = mig_migration_task_new (world->cluster, world->uuid, NULL, NULL, NULL);
  error = live_run (MIG_OPERATION (task));
  mig_assert_no_error (error);
  source = mig_migration_task_ref_source (task);
  destination = mig_migration_task_ref_destination (task);
  ck_assert_str_eq (mig_host_get_name (source), "a");
  ck_assert_str_eq (mig_host_get_name (destination), "c");
  there = live_world_look (world, world->c);
  ck_assert_ptr_nonnull (there);
}
END_TEST

START_TEST (no_host_will_do)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_SHARED);
  g_autoptr (MigMigrationTask) task = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *squatter = NULL;

  squatter = mig_sim_driver_add_domain (world->sim, "b", "g", "{\"state\": \"shut-off\"}", &error);
  mig_assert_no_error (error);
  mig_sim_driver_set_reachable (world->sim, "c", FALSE, &error);
  mig_assert_no_error (error);
  task = mig_migration_task_new (world->cluster, "g", world->a, NULL, NULL);
  error = live_run (MIG_OPERATION (task));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NO_CAPACITY);
  ck_assert_ptr_nonnull (strstr (error->message, "b: "));
  ck_assert_ptr_nonnull (strstr (error->message, "c: "));
}
END_TEST

/* There and back, with the definition and the disks following. */
START_TEST (there_and_back)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL);
  g_autofree char *before = live_world_text (world);
  g_autofree char *after = NULL;
  MigHost *hosts[] = { world->a, world->b };

  for (int i = 0; i < 4; i++)
    {
      g_autoptr (MigMigrationTask) task = mig_migration_task_new (world->cluster, "g", hosts[i % 2], hosts[(i + 1) % 2],
                                                                  NULL);
      g_autoptr (GError) error = live_run (MIG_OPERATION (task));

      mig_assert_no_error (error);
    }
  after = live_world_text (world);
  ck_assert_str_eq (after, before);
  live_world_check (world);
}
END_TEST

/* Steps that share commits keep a migration below eleven of them. */
START_TEST (few_commits)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL);
  g_autoptr (MigMigrationTask) warm_up = mig_migration_task_new (world->cluster, "g", world->a, world->b, NULL);
  g_autoptr (MigMigrationTask) task = mig_migration_task_new (world->cluster, "g", world->b, world->a, NULL);
  g_autoptr (GError) error = live_run (MIG_OPERATION (warm_up));
  guint64 before, after;

  mig_assert_no_error (error);
  before = count_commits (world);
  error = live_run (MIG_OPERATION (task));
  mig_assert_no_error (error);
  after = count_commits (world);
  ck_assert_uint_ge (after - before - 1, 3);
  ck_assert_msg (after - before - 1 <= 10, "%" G_GUINT64_FORMAT " commits", after - before - 1);
}
END_TEST

/* What must be refused: by which code, and what the message names. Then the world is as it was. */
typedef struct
{
  const char     *name;
  LiveWorldFlags  flags;
  const char     *domain;
  const char     *source; /* name of a host, or NULL */
  const char     *destination;
  const char     *options;
  const char     *unreachable; /* host, or NULL */
  const char     *guest;       /* JSON of another guest, named "h"... */
  const char     *guest_host;  /* ... on this host, or NULL */
  MigError        code;
  const char     *message;
} BadRow;

static const BadRow bad_rows[] = {
  { "unknown domain", LIVE_SHARED, "nobody", "a", "b", "{}", NULL, NULL, NULL, MIG_ERROR_NOT_FOUND, "“nobody”" },
  { "nowhere", LIVE_SHARED, "nobody", NULL, "b", "{}", NULL, NULL, NULL, MIG_ERROR_NOT_FOUND, "“nobody”" },
  { "on another host", LIVE_SHARED, "g", "b", "c", "{}", NULL, NULL, NULL, MIG_ERROR_NOT_FOUND, "“b”" },
  { "no name", LIVE_SHARED, "", "a", "b", "{}", NULL, NULL, NULL, MIG_ERROR_INVALID_ARGUMENT, "domain" },
  { "same host", LIVE_SHARED, "g", "a", "a", "{}", NULL, NULL, NULL, MIG_ERROR_INVALID_ARGUMENT, "“a”" },
  { "same host, found", LIVE_SHARED, "g", NULL, "a", "{}", NULL, NULL, NULL, MIG_ERROR_INVALID_ARGUMENT, "same host" },
  { "unreachable source", LIVE_SHARED, "g", "a", "b", "{}", "a", NULL, NULL, MIG_ERROR_CONNECTION, "“a”" },
  { "unreachable destination", LIVE_SHARED, "g", "a", "b", "{}", "b", NULL, NULL, MIG_ERROR_CONNECTION, "“b”" },
  { "unreachable, perhaps there", LIVE_SHARED, "nobody", NULL, "b", "{}", "c", NULL, NULL, MIG_ERROR_CONNECTION,
    "“c”" },
  { "no peer URI", LIVE_DIRECT, "g", "a", "b", "{\"mode\": \"peer-to-peer\"}", NULL, NULL, NULL,
    MIG_ERROR_NOT_SUPPORTED, "“b”" },
  { "shut off", LIVE_SHARED, "h", "a", "b", "{}", NULL, "{\"state\": \"shut-off\"}", "a", MIG_ERROR_INVALID_STATE,
    "shut-off" },
  { "name is taken", LIVE_SHARED, "g", "a", "b", "{}", NULL, "{\"state\": \"shut-off\"}", "b!", MIG_ERROR_CONFLICT,
    "“b”" },
  { "UUID is taken", LIVE_SHARED, "g", "a", "b", "{}", NULL,
    "{\"state\": \"shut-off\", \"uuid\": \"3a5b0c1e-0000-4000-8000-000000000001\"}", "b!", MIG_ERROR_CONFLICT,
    "3a5b0c1e" },
  { "ambiguous", LIVE_SHARED, "g", NULL, "c", "{}", NULL, "{}", "b!", MIG_ERROR_CONFLICT, "both “a” and “b”" },
  { "copy of what is shared", LIVE_SHARED, "g", "a", "b", "{\"disks\": \"copy\"}", NULL, NULL, NULL,
    MIG_ERROR_INVALID_ARGUMENT, "“vda”" },
  { "bad option", LIVE_SHARED, "g", "a", "b", NULL, NULL, NULL, NULL, MIG_ERROR_INVALID_ARGUMENT, "“deadline”" },
};

static MigHost *
host_of (LiveWorld  *world,
         const char *name)
{
  return name == NULL ? NULL : *name == 'a' ? world->a : *name == 'b' ? world->b : world->c;
}

static void
furnish (LiveWorld    *world,
         const BadRow *row)
{
  g_autoptr (GError) error = NULL;

  if (row->guest_host != NULL)
    {
      g_autofree char *host = g_strndup (row->guest_host, 1);
      g_autofree char *uuid = NULL;

      /* With a "!" it has the guest's own name. */
      uuid = mig_sim_driver_add_domain (world->sim, host, row->guest_host[1] == '!' ? "g" : "h", row->guest, &error);
      mig_assert_no_error (error);
    }
  if (row->unreachable != NULL)
    mig_sim_driver_set_reachable (world->sim, row->unreachable, FALSE, &error);
  mig_assert_no_error (error);
}

START_TEST (bad)
{
  const BadRow *row = &bad_rows[_i];
  g_autoptr (LiveWorld) world = live_world_new (row->flags);
  g_autoptr (MigMigrationOptions) options = NULL;
  g_autoptr (MigMigrationTask) task = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  furnish (world, row);
  before = live_world_text (world);
  options = mig_migration_options_new_from_json (row->options != NULL ? row->options : "{}", &error);
  mig_assert_no_error (error);
  if (row->options == NULL)
    g_object_set (options, "deadline", 0.0, NULL);
  task = mig_migration_task_new (world->cluster, row->domain, host_of (world, row->source),
                                 host_of (world, row->destination), options);

  error = live_run (MIG_OPERATION (task));
  ck_assert_msg (error != NULL, "%s: accepted", row->name);
  ck_assert_msg (g_error_matches (error, MIG_ERROR, row->code), "%s: %s %d: %s", row->name,
                 g_quark_to_string (error->domain), error->code, error->message);
  ck_assert_msg (strstr (error->message, row->message) != NULL, "%s: “%s” is not in: %s", row->name, row->message,
                 error->message);
  after = live_world_text (world);
  ck_assert_str_eq (after, before);
  live_world_check (world);
}
END_TEST

/* A volume that is there already is never overwritten. */
START_TEST (volume_in_the_way)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  mig_sim_driver_add_volume (world->sim, "b", "/disks/g.raw", LIVE_DISK_LENGTH, &error);
  mig_assert_no_error (error);
  before = live_world_text (world);
  error = live_run (task);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_CONFLICT);
  ck_assert_ptr_nonnull (strstr (error->message, "/disks/g.raw"));
  after = live_world_text (world);
  ck_assert_str_eq (after, before);
}
END_TEST

/* A guest that belongs to somebody else is left alone; one whose operation is over is not. */
START_TEST (foreign_mark)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_SHARED);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autoptr (GError) error = NULL;

  mig_compute_driver_set_mark (MIG_COMPUTE_DRIVER (world->sim), world->a, "g", "op@elsewhere", NULL, &error);
  mig_assert_no_error (error);
  error = live_run (task);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_ptr_nonnull (strstr (error->message, "operation op, which is in another store"));
}
END_TEST

static struct
{
  LiveWorld    *world;
  MigOperation *winner;
  GThread      *thread;
  int           begun; /* atomic */
  GMutex        mutex;
  GCond         cond;
  gboolean      made; /* the winner's volume */
} race;

static void
note_made (MigOperation *task,
           MigPhase      old,
           MigPhase      new,
           gpointer      data)
{
  if (new != MIG_PHASE_TRANSFER)
    return;

  g_mutex_lock (&race.mutex);
  race.made = TRUE;
  g_cond_signal (&race.cond);
  g_mutex_unlock (&race.mutex);
}

static gpointer
run_winner (gpointer data)
{
  return live_run (race.winner);
}

/* The first who asks has seen a guest that is nobody's; until he goes on, another one has begun to move it. */
static void
be_overtaken (MigHost *host)
{
  /* The winner asks too, perhaps before its thread has been noted. */
  if (host != race.world->b || !g_atomic_int_compare_and_exchange (&race.begun, FALSE, TRUE))
    return;

  race.thread = g_thread_new ("winner", run_winner, NULL);
  g_mutex_lock (&race.mutex);
  while (!race.made)
    g_cond_wait (&race.cond, &race.mutex);
  g_mutex_unlock (&race.mutex);
}

static MigHostInfo *
get_host_info (MigComputeDriver  *driver,
               MigHost           *host,
               GCancellable      *cancellable,
               GError           **error)
{
  be_overtaken (host);

  return live_slots.get_host_info (driver, host, cancellable, error);
}

static MigDomainInfo *
get_domain (MigComputeDriver  *driver,
            MigHost           *host,
            const char        *domain,
            GCancellable      *cancellable,
            GError           **error)
{
  MigDomainInfo *info = live_slots.get_domain (driver, host, domain, cancellable, error);

  be_overtaken (host);

  return info;
}

/* Whoever comes upon what another move has made for the same guest is told of that move. */
START_TEST (overtaken)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_LOCAL | LIVE_SLOW);
  g_autoptr (MigOperation) loser = live_world_task (world, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) end = NULL;

  race.world = world;
  race.winner = live_world_task (world, NULL);
  g_signal_connect (race.winner, "phase-changed", G_CALLBACK (note_made), NULL);
  if (_i == 0)
    live_world_get_slots (world)->get_host_info = get_host_info;
  else
    live_world_get_slots (world)->get_domain = get_domain;
  error = live_run (loser);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_BUSY);
  ck_assert_ptr_nonnull (strstr (error->message, mig_operation_get_id (race.winner)));
  end = g_thread_join (race.thread);
  mig_assert_no_error (end);
  g_clear_object (&race.winner);
}
END_TEST

START_TEST (stale_mark)
{
  g_autoptr (LiveWorld) world = live_world_new (LIVE_SHARED);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autoptr (MigRecord) store_id = NULL;
  g_autofree char *mark = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MigMigrationTask) first = mig_migration_task_new (world->cluster, "g", world->a, world->b, NULL);
  g_autoptr (MigMigrationTask) back = mig_migration_task_new (world->cluster, "g", world->b, world->a, NULL);

  error = live_run (MIG_OPERATION (first));
  mig_assert_no_error (error);
  error = live_run (MIG_OPERATION (back));
  mig_assert_no_error (error);

  store_id = mig_state_store_get (world->store, "store/id", NULL, &error);
  mig_assert_no_error (error);
  mark = g_strdup_printf ("%s@%s", mig_operation_get_id (MIG_OPERATION (first)), mig_record_get_value (store_id));
  mig_compute_driver_set_mark (MIG_COMPUTE_DRIVER (world->sim), world->a, "g", mark, NULL, &error);
  mig_assert_no_error (error);
  error = live_run (task);
  mig_assert_no_error (error);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("live-migration");
  TCase *goes_well = mig_test_add_case (suite, "good");
  TCase *refused = mig_test_add_case (suite, "bad");

  tcase_add_loop_test (goes_well, good, 0, G_N_ELEMENTS (good_rows));
  tcase_add_test (goes_well, source_volume_is_removed);
  tcase_add_test (goes_well, source_volume_is_kept);
  tcase_add_test (goes_well, used_source_volume_is_owed);
  tcase_add_test (goes_well, found_and_scheduled);
  tcase_add_test (goes_well, there_and_back);
  tcase_add_test (goes_well, few_commits);
  tcase_add_test (refused, no_host_will_do);
  tcase_add_loop_test (refused, bad, 0, G_N_ELEMENTS (bad_rows));
  tcase_add_test (refused, volume_in_the_way);
  tcase_add_test (refused, foreign_mark);
  tcase_add_loop_test (refused, overtaken, 0, 2);
  tcase_add_test (refused, stale_mark);

  return suite;
}

MIG_TEST_MAIN (create_suite)
