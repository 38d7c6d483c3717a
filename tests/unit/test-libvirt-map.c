/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <libmig/mig.h>

#include "libmig/drivers/libvirt/mig-libvirt-domain-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-job-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-migrate-private.h"

#include "mig-test.h"

/* States, in libvirt's numbers as the lab has shown them. */

static const struct
{
  int            state, reason;
  MigDomainState means;
} state_rows[] = {
  { 0, 0, MIG_DOMAIN_STATE_UNKNOWN },
  { 1, 0, MIG_DOMAIN_STATE_RUNNING },
  { 1, 1, MIG_DOMAIN_STATE_RUNNING },          /* booted */
  { 1, 2, MIG_DOMAIN_STATE_RUNNING },          /* arrived */
  { 1, 6, MIG_DOMAIN_STATE_RUNNING },          /* migration cancelled */
  { 1, 10, MIG_DOMAIN_STATE_POST_COPY },
  { 1, 11, MIG_DOMAIN_STATE_POST_COPY_FAILED },
  { 1, 99, MIG_DOMAIN_STATE_RUNNING },
  { 2, 0, MIG_DOMAIN_STATE_RUNNING },          /* blocked */
  { 3, 0, MIG_DOMAIN_STATE_PAUSED },
  { 3, 1, MIG_DOMAIN_STATE_PAUSED },           /* by its user */
  { 3, 2, MIG_DOMAIN_STATE_PAUSED_MIGRATION },
  { 3, 5, MIG_DOMAIN_STATE_PAUSED_IO_ERROR },
  { 3, 10, MIG_DOMAIN_STATE_CRASHED },
  { 3, 11, MIG_DOMAIN_STATE_PAUSED },          /* starting up */
  { 3, 12, MIG_DOMAIN_STATE_PAUSED_POST_COPY },
  { 3, 13, MIG_DOMAIN_STATE_POST_COPY_FAILED },
  { 4, 0, MIG_DOMAIN_STATE_UNKNOWN },          /* shutting down */
  { 5, 0, MIG_DOMAIN_STATE_SHUT_OFF },
  { 5, 2, MIG_DOMAIN_STATE_SHUT_OFF },         /* destroyed */
  { 5, 3, MIG_DOMAIN_STATE_CRASHED },
  { 5, 4, MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED },
  { 6, 1, MIG_DOMAIN_STATE_CRASHED },          /* panicked */
  { 7, 0, MIG_DOMAIN_STATE_PAUSED },           /* asleep */
  { 99, 0, MIG_DOMAIN_STATE_UNKNOWN },
};

START_TEST (state_is_mapped)
{
  ck_assert_int_eq (mig_libvirt_domain_state_map (state_rows[_i].state, state_rows[_i].reason), state_rows[_i].means);
}
END_TEST

/* Units */

static const struct
{
  double  bytes;
  guint64 mebibytes;
} bandwidth_rows[] = {
  { 1, 1 },
  { 1048576, 1 },
  { 1048577, 2 },
  { 104857600, 100 },
  { 0, 8796093022207 },
  { 9.3e18, 8796093022207 },
};

START_TEST (bandwidth_is_rounded_up)
{
  ck_assert_uint_eq (mig_libvirt_bandwidth (bandwidth_rows[_i].bytes), bandwidth_rows[_i].mebibytes);
}
END_TEST

static const struct
{
  double  seconds;
  guint64 milliseconds;
} downtime_rows[] = {
  { 0, 1 },
  { 0.0001, 1 },
  { 0.001, 1 },
  { 0.0011, 2 },
  { 0.1, 100 },
  { 0.3, 300 },
  { 2, 2000 },
};

START_TEST (downtime_is_rounded_up)
{
  ck_assert_uint_eq (mig_libvirt_downtime (downtime_rows[_i].seconds), downtime_rows[_i].milliseconds);
}
END_TEST

/* Flags */

static const char * const no_disks[] = { NULL };
static const char * const two_disks[] = { "vda", "vdb", NULL };

#define LIVE (1 << 0)
#define PEER (1 << 1)
#define PERSIST ((1 << 3) | (1 << 4))

static const struct
{
  MigMigrateMode       mode;
  gboolean             peer_uri;
  MigMigrateFlags      flags;
  const char * const  *disks;
  unsigned int         expected;
} flag_rows[] = {
  { MIG_MIGRATE_MODE_PEER_TO_PEER, TRUE, 0, no_disks, LIVE | PEER },
  { MIG_MIGRATE_MODE_DIRECT, TRUE, 0, no_disks, LIVE },
  { MIG_MIGRATE_MODE_AUTO, TRUE, 0, no_disks, LIVE | PEER },
  { MIG_MIGRATE_MODE_AUTO, FALSE, 0, no_disks, LIVE },
  { MIG_MIGRATE_MODE_DIRECT, TRUE, MIG_MIGRATE_FLAGS_PERSIST, no_disks, LIVE | PERSIST },
  { MIG_MIGRATE_MODE_DIRECT, TRUE, MIG_MIGRATE_FLAGS_UNSAFE, no_disks, LIVE | 1 << 9 },
  { MIG_MIGRATE_MODE_DIRECT, TRUE, MIG_MIGRATE_FLAGS_POST_COPY, no_disks, LIVE | 1 << 15 },
  { MIG_MIGRATE_MODE_DIRECT, TRUE, MIG_MIGRATE_FLAGS_THROTTLE, no_disks, LIVE | 1 << 13 },
  { MIG_MIGRATE_MODE_PEER_TO_PEER, TRUE, MIG_MIGRATE_FLAGS_RESUME, no_disks, LIVE | PEER | 1 << 15 | 1 << 19 },
  { MIG_MIGRATE_MODE_PEER_TO_PEER, TRUE, MIG_MIGRATE_FLAGS_PERSIST | MIG_MIGRATE_FLAGS_UNSAFE, two_disks,
    LIVE | PEER | PERSIST | 1 << 9 | 1 << 6 },
};

START_TEST (flags_follow_the_request)
{
  g_autoptr (MigHost) source = mig_host_new ("a", "qemu+unix:///system");
  g_autoptr (MigHost) destination = g_object_new (MIG_TYPE_HOST, "name", "b", "uri", "qemu+tcp://b/system", "peer-uri",
                                                  flag_rows[_i].peer_uri ? "qemu+tcp://b/system" : NULL, NULL);
  g_autoptr (MigMigrateRequest) request =
    g_object_new (MIG_TYPE_MIGRATE_REQUEST, "source", source, "destination", destination, "domain", "d", "mode",
                  flag_rows[_i].mode, "flags", flag_rows[_i].flags, "copy-disks", flag_rows[_i].disks, NULL);

  ck_assert_uint_eq (mig_libvirt_move_flags (request), flag_rows[_i].expected);
  ck_assert_int_eq (mig_libvirt_is_peer (request), (flag_rows[_i].expected & PEER) != 0);
}
END_TEST

/* Jobs */

static MigJobStats *
make_stats (int      type,
            int      operation,
            gboolean completed,
            gboolean bare)
{
  static const struct
  {
    const char *name;
    guint64     value;
  } numbers[] = {
    { "time_elapsed", 2500 },
    { "time_elapsed_net", 2400 },
    { "downtime", 150 },
    { "downtime_net", 120 },
    { "memory_total", 67108864 },
    { "memory_processed", 50000000 },
    { "memory_remaining", 17108864 },
    { "memory_bps", 1000000 },
    { "memory_dirty_rate", 100 },
    { "memory_page_size", 4096 },
    { "memory_iteration", 3 },
    { "disk_total", 1073741824 },
    { "disk_processed", 536870912 },
    { "disk_remaining", 536870912 },
    { "disk_bps", 2000000 },
  };
  virTypedParameterPtr parameters = NULL;
  int n = 0, max = 0;
  MigJobStats *stats;

  ck_assert_int_eq (virInitialize (), 0);
  ck_assert_int_eq (virTypedParamsAddInt (&parameters, &n, &max, "operation", operation), 0);
  for (gsize i = 0; !bare && i < G_N_ELEMENTS (numbers); i++)
    ck_assert_int_eq (virTypedParamsAddULLong (&parameters, &n, &max, numbers[i].name, numbers[i].value), 0);
  stats = mig_libvirt_job_stats_new (type, parameters, n, completed);
  virTypedParamsFree (parameters, n);

  return stats;
}

START_TEST (running_job_is_read)
{
  g_autoptr (MigJobStats) stats = make_stats (VIR_DOMAIN_JOB_UNBOUNDED, VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, FALSE,
                                              FALSE);

  ck_assert_int_eq (mig_job_stats_get_kind (stats), MIG_JOB_KIND_MIGRATION_OUT);
  ck_assert (!mig_job_stats_is_completed (stats));
  ck_assert_double_eq (mig_job_stats_get_elapsed (stats), 2.5);
  ck_assert_double_eq (mig_job_stats_get_downtime (stats), 0.15);
  ck_assert_int_eq (mig_job_stats_get_memory_total (stats), 67108864);
  ck_assert_int_eq (mig_job_stats_get_memory_processed (stats), 50000000);
  ck_assert_int_eq (mig_job_stats_get_memory_remaining (stats), 17108864);
  ck_assert_int_eq (mig_job_stats_get_disk_total (stats), 1073741824);
  ck_assert_int_eq (mig_job_stats_get_disk_processed (stats), 536870912);
  ck_assert_int_eq (mig_job_stats_get_disk_remaining (stats), 536870912);
  ck_assert_double_eq (mig_job_stats_get_rate (stats), 3000000);
  ck_assert_double_eq (mig_job_stats_get_dirty_rate (stats), 409600);
  ck_assert_int_eq (mig_job_stats_get_iteration (stats), 3);
}
END_TEST

START_TEST (completed_job_is_without_the_clocks)
{
  g_autoptr (MigJobStats) stats = make_stats (VIR_DOMAIN_JOB_COMPLETED, VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN, TRUE,
                                              FALSE);

  ck_assert_int_eq (mig_job_stats_get_kind (stats), MIG_JOB_KIND_MIGRATION_IN);
  ck_assert (mig_job_stats_is_completed (stats));
  ck_assert_double_eq (mig_job_stats_get_elapsed (stats), 2.4);
  ck_assert_double_eq (mig_job_stats_get_downtime (stats), 0.12);
}
END_TEST

START_TEST (what_is_left_out_is_unknown)
{
  g_autoptr (MigJobStats) stats = make_stats (VIR_DOMAIN_JOB_UNBOUNDED, VIR_DOMAIN_JOB_OPERATION_DUMP, FALSE, TRUE);
  g_autoptr (MigJobStats) none = make_stats (VIR_DOMAIN_JOB_NONE, VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, FALSE, FALSE);

  ck_assert_int_eq (mig_job_stats_get_kind (stats), MIG_JOB_KIND_OTHER);
  ck_assert_double_eq (mig_job_stats_get_elapsed (stats), -1);
  ck_assert_double_eq (mig_job_stats_get_downtime (stats), -1);
  ck_assert_int_eq (mig_job_stats_get_memory_total (stats), -1);
  ck_assert_double_eq (mig_job_stats_get_rate (stats), -1);
  ck_assert_double_eq (mig_job_stats_get_dirty_rate (stats), -1);

  ck_assert_int_eq (mig_job_stats_get_kind (none), MIG_JOB_KIND_NONE);
  ck_assert_int_eq (mig_job_stats_get_memory_total (none), -1);
}
END_TEST

START_TEST (history_keeps_the_newest)
{
  MigLibvirtHistory *history = mig_libvirt_history_new (2);
  g_autoptr (MigJobStats) first = make_stats (VIR_DOMAIN_JOB_COMPLETED, 5, TRUE, FALSE);
  g_autoptr (MigJobStats) second = make_stats (VIR_DOMAIN_JOB_COMPLETED, 5, TRUE, TRUE);
  g_autoptr (MigJobStats) by_uuid = NULL;
  g_autoptr (MigJobStats) by_name = NULL;

  mig_libvirt_history_add (history, "uuid-a", "a", first);
  mig_libvirt_history_add (history, "uuid-b", "b", first);
  mig_libvirt_history_add (history, "uuid-a", "a", second);
  by_uuid = mig_libvirt_history_lookup (history, "UUID-A");
  by_name = mig_libvirt_history_lookup (history, "b");
  ck_assert (by_uuid == second);
  ck_assert (by_name == first);

  mig_libvirt_history_add (history, "uuid-c", "c", first);
  ck_assert_ptr_null (mig_libvirt_history_lookup (history, "uuid-b"));
  ck_assert_ptr_null (mig_libvirt_history_lookup (history, "A"));
  mig_libvirt_history_remove (history, "c");
  ck_assert_ptr_null (mig_libvirt_history_lookup (history, "uuid-c"));
  mig_libvirt_history_free (history);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-map");
  TCase *tcase = mig_test_add_case (suite, "tables");

  tcase_add_loop_test (tcase, state_is_mapped, 0, G_N_ELEMENTS (state_rows));
  tcase_add_loop_test (tcase, bandwidth_is_rounded_up, 0, G_N_ELEMENTS (bandwidth_rows));
  tcase_add_loop_test (tcase, downtime_is_rounded_up, 0, G_N_ELEMENTS (downtime_rows));
  tcase_add_loop_test (tcase, flags_follow_the_request, 0, G_N_ELEMENTS (flag_rows));

  tcase = mig_test_add_case (suite, "jobs");
  tcase_add_test (tcase, running_job_is_read);
  tcase_add_test (tcase, completed_job_is_without_the_clocks);
  tcase_add_test (tcase, what_is_left_out_is_unknown);
  tcase_add_test (tcase, history_keeps_the_newest);

  return suite;
}

MIG_TEST_MAIN (create_suite)
