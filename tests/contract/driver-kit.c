/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "driver-kit.h"

#include <libmig/mig-enum-types.h>

#include "libmig/core/mig-waiter-private.h"

const DriverKit *driver_kit;
DriverKitBed driver_kit_bed;

static MigWaiter *news;

static void
wake (MigComputeDriver *driver,
      MigHost          *host,
      const char       *domain,
      MigDriverEvent    event,
      const char       *detail,
      gpointer          waiter)
{
  ck_assert (MIG_IS_HOST (host));
  ck_assert_ptr_nonnull (domain);
  ck_assert_ptr_nonnull (detail);
  mig_waiter_wake (waiter);
}

static void
set_up (void)
{
  driver_kit_bed = (DriverKitBed) { 0 };
  driver_kit->set_up (&driver_kit_bed);
  news = mig_waiter_new ();
  g_signal_connect_data (driver_kit_bed.driver, "event", G_CALLBACK (wake), mig_waiter_ref (news),
                         (GClosureNotify) (void (*) (void)) mig_waiter_unref, 0);
}

static void
tear_down (void)
{
  driver_kit->tear_down (&driver_kit_bed);
  g_clear_object (&driver_kit_bed.driver);
  g_clear_object (&driver_kit_bed.backend);
  g_clear_object (&driver_kit_bed.source);
  g_clear_object (&driver_kit_bed.destination);
  g_clear_object (&driver_kit_bed.unreachable);
  g_clear_pointer (&driver_kit_bed.place, g_free);
  g_clear_pointer (&news, mig_waiter_unref);
}

MigDomainInfo *
driver_kit_look (MigHost    *host,
                 const char *domain)
{
  g_autoptr (GError) error = NULL;
  MigDomainInfo *info = mig_compute_driver_get_domain (driver_kit_bed.driver, host, domain, NULL, &error);

  mig_assert_no_error (error);
  ck_assert_ptr_nonnull (info);

  return info;
}

static const char *
nick_of (MigDomainState state)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (MIG_TYPE_DOMAIN_STATE);

  return g_enum_get_value (klass, state)->value_nick;
}

void
driver_kit_expect (MigHost        *host,
                   const char     *domain,
                   MigDomainState  state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigDomainInfo) info = NULL;

  info = mig_compute_driver_get_domain (driver_kit_bed.driver, host, domain, NULL, &error);
  if (state == MIG_DOMAIN_STATE_UNKNOWN)
    {
      ck_assert_msg (info == NULL, "%s is still on %s", domain, mig_host_get_name (host));
      mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);
      return;
    }

  mig_assert_no_error (error);
  ck_assert_msg (mig_domain_info_get_state (info) == state, "%s on %s is %s, not %s", domain, mig_host_get_name (host),
                 nick_of (mig_domain_info_get_state (info)), nick_of (state));
}

void
driver_kit_wait (const char         *what,
                 DriverKitCondition  condition,
                 gpointer            data)
{
  gint64 deadline = g_get_monotonic_time () + 10 * G_TIME_SPAN_SECOND;
  guint64 ticket = mig_waiter_ticket (news);

  while (!condition (data))
    {
      gint64 now = g_get_monotonic_time ();

      ck_assert_msg (now < deadline, "waited in vain for: %s", what);
      mig_waiter_wait (news, ticket, now + 5 * G_TIME_SPAN_MILLISECOND, NULL);
      ticket = mig_waiter_ticket (news);
    }
}

Suite *
driver_kit_create_suite (const DriverKit *kit)
{
  Suite *suite = suite_create (kit->name);
  TCase *compute = mig_test_add_case (suite, "compute");
  TCase *storage = mig_test_add_case (suite, "storage");

  driver_kit = kit;
  tcase_add_checked_fixture (compute, set_up, tear_down);
  tcase_add_checked_fixture (storage, set_up, tear_down);
  driver_kit_add_compute_cases (compute);
  driver_kit_add_storage_cases (storage);

  return suite;
}
