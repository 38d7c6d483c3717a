/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "mig-test.h"

#include "libmig/cluster/mig-cluster-config-private.h"

START_TEST (reads_everything)
{
  static const char text[] =
      "{\"hosts\": [{\"name\": \"hosta\", \"uri\": \"qemu+unix:///system?socket=/tmp/x/libvirt-sock\","
      " \"peer-uri\": \"qemu+tcp://hosta/system\", \"migration-uri\": \"tcp://10.99.0.1\"},"
      " {\"name\": \"hostb\", \"uri\": \"qemu:///system\"}],"
      " \"limits\": {\"running\": 3, \"outgoing\": 2, \"incoming\": 1}, \"settle-time\": 1.5, \"lease-ttl\": 20}";
  g_autoptr (GError) error = NULL;
  MigClusterConfig config;
  MigHost *host;

  ck_assert (mig_cluster_config_parse (text, &config, &error));
  mig_assert_no_error (error);
  ck_assert_uint_eq (config.hosts->len, 2);
  host = g_ptr_array_index (config.hosts, 0);
  ck_assert_str_eq (mig_host_get_name (host), "hosta");
  ck_assert_str_eq (mig_host_get_peer_uri (host), "qemu+tcp://hosta/system");
  ck_assert_str_eq (mig_host_get_migration_uri (host), "tcp://10.99.0.1");
  host = g_ptr_array_index (config.hosts, 1);
  ck_assert_ptr_null (mig_host_get_peer_uri (host));
  ck_assert (config.has_limits);
  ck_assert_uint_eq (config.limits.running, 3);
  ck_assert_uint_eq (config.limits.outgoing, 2);
  ck_assert_uint_eq (config.limits.incoming, 1);
  ck_assert_double_eq (config.settle_time, 1.5);
  ck_assert_double_eq (config.lease_ttl, 20);

  mig_cluster_config_clear (&config);
}
END_TEST

START_TEST (everything_may_be_left_out)
{
  g_autoptr (GError) error = NULL;
  MigClusterConfig config;

  ck_assert (mig_cluster_config_parse ("{}", &config, &error));
  ck_assert_uint_eq (config.hosts->len, 0);
  ck_assert (!config.has_limits);
  ck_assert_double_eq (config.settle_time, -1);
  mig_cluster_config_clear (&config);
}
END_TEST

/* What is wrong, and what the message must name. */
static const struct
{
  const char *text;
  const char *named;
} bad[] = {
  { "", "description" },
  { "[]", "description" },
  { "{\"colour\": 1}", "colour" },
  { "{\"hosts\": {}}", "hosts" },
  { "{\"hosts\": [1]}", "hosts[0]" },
  { "{\"hosts\": [{\"name\": \"a\"}]}", "uri" },
  { "{\"hosts\": [{\"uri\": \"qemu:///system\"}]}", "name" },
  { "{\"hosts\": [{\"name\": \"\", \"uri\": \"qemu:///system\"}]}", "name" },
  { "{\"hosts\": [{\"name\": 1, \"uri\": \"qemu:///system\"}]}", "name" },
  { "{\"hosts\": [{\"name\": \"a\", \"uri\": \"\"}]}", "uri" },
  { "{\"hosts\": [{\"name\": \"a\", \"uri\": \"no uri\"}]}", "no uri" },
  { "{\"hosts\": [{\"name\": \"a\", \"uri\": \"qemu:///system\", \"peer-uri\": \"::\"}]}", "peer-uri" },
  { "{\"hosts\": [{\"name\": \"a\", \"uri\": \"qemu:///system\", \"port\": 1}]}", "port" },
  { "{\"hosts\": [{\"name\": \"a\", \"uri\": \"b:///\"}, {\"name\": \"a\", \"uri\": \"c:///\"}]}",
    "“a” is there twice" },
  { "{\"hosts\": [{\"name\": \"a://b\", \"uri\": \"qemu:///system\"}]}", "a://b" },
  { "{\"limits\": 3}", "limits" },
  { "{\"limits\": {\"running\": -1}}", "running" },
  { "{\"limits\": {\"running\": \"many\"}}", "running" },
  { "{\"limits\": {\"sideways\": 1}}", "sideways" },
  { "{\"settle-time\": \"long\"}", "settle-time" },
  { "{\"settle-time\": -1}", "settle-time" },
  { "{\"lease-ttl\": 0}", "lease-ttl" },
};

START_TEST (bad_input_is_named)
{
  g_autoptr (GError) error = NULL;
  MigClusterConfig config;

  ck_assert (!mig_cluster_config_parse (bad[_i].text, &config, &error));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT);
  ck_assert_msg (strstr (error->message, bad[_i].named) != NULL, "“%s” does not name %s", error->message,
                 bad[_i].named);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("cluster-config");
  TCase *tcase = mig_test_add_case (suite, "parse");

  tcase_add_test (tcase, reads_everything);
  tcase_add_test (tcase, everything_may_be_left_out);
  tcase_add_loop_test (tcase, bad_input_is_named, 0, G_N_ELEMENTS (bad));

  return suite;
}

MIG_TEST_MAIN (create_suite)
