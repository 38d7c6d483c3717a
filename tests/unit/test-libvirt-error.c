/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <libmig/mig.h>

#include "libmig/drivers/libvirt/mig-libvirt-error-private.h"

#include "mig-test.h"

/* What the lab has shown of libvirt 9.0, and what a caller should do about it. */
static const struct
{
  int      code;
  int      domain;
  MigError error;
} seen[] = {
  { 1, 10, MIG_ERROR_FAILED },           /* Attempt to migrate guest to the same host UUID */
  { 1, 7, MIG_ERROR_CONNECTION },        /* client socket is closed */
  { 3, 18, MIG_ERROR_NOT_SUPPORTED },    /* no storage in an embedded driver */
  { 8, 10, MIG_ERROR_INVALID_ARGUMENT }, /* disk target vdx not found */
  { 9, 10, MIG_ERROR_FAILED },           /* migration of disk vda failed */
  { 9, 18, MIG_ERROR_CONFLICT },         /* Storage source conflict with pool */
  { 9, 20, MIG_ERROR_FAILED },           /* domain is not running; domain already exists */
  { 38, 7, MIG_ERROR_CONNECTION },       /* Connection refused; End of file while reading data */
  { 38, 10, MIG_ERROR_FAILED },          /* missing destination file for disk vda */
  { 38, 18, MIG_ERROR_FAILED },          /* Cannot access storage file */
  { 42, 10, MIG_ERROR_NOT_FOUND },       /* Domain not found */
  { 45, 7, MIG_ERROR_CONNECTION },       /* authentication failed */
  { 49, 18, MIG_ERROR_NOT_FOUND },       /* Storage pool not found */
  { 50, 18, MIG_ERROR_NOT_FOUND },       /* Storage volume not found */
  { 55, 10, MIG_ERROR_INVALID_STATE },   /* no job is active on the domain */
  { 67, 20, MIG_ERROR_INCOMPATIBLE },    /* Target domain max memory does not match source */
  { 68, 0, MIG_ERROR_BUSY },             /* cannot acquire state change lock */
  { 74, 0, MIG_ERROR_NOT_SUPPORTED },    /* parameter not supported */
  { 78, 10, MIG_ERROR_FAILED },          /* operation aborted: canceled by client */
  { 80, 10, MIG_ERROR_NOT_FOUND },       /* metadata not found */
  { 81, 10, MIG_ERROR_INCOMPATIBLE },    /* Unsafe migration */
  { 83, 10, MIG_ERROR_BUSY },            /* block copy still active */
  { 84, 10, MIG_ERROR_NOT_SUPPORTED },   /* statistics are available only on the source host */
  { 90, 18, MIG_ERROR_CONFLICT },        /* storage volume exists already */
  { 91, 31, MIG_ERROR_INCOMPATIBLE },    /* the CPU is incompatible with host CPU */
};

START_TEST (seen_code_is_mapped)
{
  ck_assert_int_eq (mig_libvirt_error_map (seen[_i].code, seen[_i].domain), seen[_i].error);
}
END_TEST

START_TEST (every_code_gives_a_known_error)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (MIG_TYPE_ERROR);

  for (int code = -1; code <= VIR_ERR_MULTIPLE_DOMAINS + 1; code++)
    for (int domain = VIR_FROM_NONE; domain <= VIR_FROM_CH + 1; domain++)
      ck_assert_ptr_nonnull (g_enum_get_value (klass, (int) mig_libvirt_error_map (code, domain)));
}
END_TEST

START_TEST (rows_are_in_order)
{
  ck_assert_int_eq (mig_libvirt_error_check_tables (), -1);
}
END_TEST

START_TEST (later_code_is_failed)
{
  ck_assert_int_eq (mig_libvirt_error_map (VIR_ERR_MULTIPLE_DOMAINS + 1, VIR_FROM_QEMU), MIG_ERROR_FAILED);
  ck_assert_int_eq (mig_libvirt_error_map (-1, VIR_FROM_QEMU), MIG_ERROR_FAILED);
}
END_TEST

START_TEST (message_ends_in_the_numbers)
{
  g_autoptr (GError) error = NULL;
  virConnectPtr connection;

  virSetErrorFunc (NULL, mig_libvirt_error_quiet);
  connection = virConnectOpen ("test:///default");
  ck_assert_ptr_nonnull (connection);
  ck_assert_ptr_null (virDomainLookupByName (connection, "nobody"));
  ck_assert (mig_libvirt_error_is (VIR_ERR_NO_DOMAIN));
  ck_assert (!mig_libvirt_error_set (&error, "Cannot do %d things", 2));
  ck_assert_msg (g_str_has_prefix (error->message, "Cannot do 2 things: "), "%s", error->message);
  ck_assert_msg (g_str_has_suffix (error->message, " [libvirt 42/12]"), "%s", error->message);
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
  virConnectClose (connection);
}
END_TEST

START_TEST (no_error_is_still_an_error)
{
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (virInitialize (), 0);
  virResetLastError ();
  ck_assert (!mig_libvirt_error_set (&error, "Something"));
  mig_assert_error (error, MIG_ERROR, MIG_ERROR_FAILED);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-error");
  TCase *tcase = mig_test_add_case (suite, "map");

  tcase_add_loop_test (tcase, seen_code_is_mapped, 0, G_N_ELEMENTS (seen));
  tcase_add_test (tcase, every_code_gives_a_known_error);
  tcase_add_test (tcase, rows_are_in_order);
  tcase_add_test (tcase, later_code_is_failed);

  tcase = mig_test_add_case (suite, "message");
  tcase_add_test (tcase, message_ends_in_the_numbers);
  tcase_add_test (tcase, no_error_is_still_an_error);

  return suite;
}

MIG_TEST_MAIN (create_suite)
