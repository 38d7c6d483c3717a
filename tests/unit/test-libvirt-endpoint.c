/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <dlfcn.h>
#include <libvirt/libvirt.h>

#include <libmig/mig.h>

#include "mig-test.h"

/* Connections that die or hang at the wrong moment. Some of libvirt's functions are these, which call the real ones. */

static struct
{
  GMutex        mutex;
  GCond         cond;
  gboolean      slow;     /* greetings take until the gate is opened */
  gboolean      open;
  int           greeting; /* atomic: how many are under way */
  int           greeted;  /* atomic: how many have returned */
  int           closed;   /* atomic: how many connections were closed */
  int           violated; /* atomic: one went while it was greeted */
  virConnectPtr last;     /* the last one that was used */
  virConnectPtr doomed;   /* it is not alive */
  int           hanging;  /* atomic: how many look for a domain until the gate is opened */
} play;

static gpointer
real (const char *name)
{
  gpointer symbol = dlsym (RTLD_NEXT, name);

  ck_assert_ptr_nonnull (symbol);

  return symbol;
}

int
virConnectGetLibVersion (virConnectPtr  connection,
                         unsigned long *version)
{
  int (*function) (virConnectPtr, unsigned long *) = real ("virConnectGetLibVersion");
  int result;

  g_atomic_int_inc (&play.greeting);
  g_mutex_lock (&play.mutex);
  while (play.slow && !play.open)
    g_cond_wait (&play.cond, &play.mutex);
  g_mutex_unlock (&play.mutex);
  result = function (connection, version);
  g_atomic_int_add (&play.greeting, -1);
  g_atomic_int_inc (&play.greeted);

  return result;
}

int
virConnectClose (virConnectPtr connection)
{
  int (*function) (virConnectPtr) = real ("virConnectClose");
  gboolean greeted = g_atomic_int_get (&play.greeting) > 0;
  int result = function (connection);

  if (result == 0 && greeted && g_atomic_int_get (&play.greeting) > 0)
    g_atomic_int_set (&play.violated, TRUE);
  g_atomic_int_inc (&play.closed);

  return result;
}

int
virConnectIsAlive (virConnectPtr connection)
{
  int (*function) (virConnectPtr) = real ("virConnectIsAlive");

  return connection == g_atomic_pointer_get (&play.doomed) ? 0 : function (connection);
}

virDomainPtr
virDomainLookupByName (virConnectPtr  connection,
                       const char    *name)
{
  virDomainPtr (*function) (virConnectPtr, const char *) = real ("virDomainLookupByName");

  g_atomic_pointer_set (&play.last, connection);
  if (g_str_equal (name, "hang"))
    {
      g_atomic_int_inc (&play.hanging);
      g_mutex_lock (&play.mutex);
      while (!play.open)
        g_cond_wait (&play.cond, &play.mutex);
      g_mutex_unlock (&play.mutex);
    }

  return function (connection, name);
}

static void
open_gate (void)
{
  g_mutex_lock (&play.mutex);
  play.open = TRUE;
  g_cond_broadcast (&play.cond);
  g_mutex_unlock (&play.mutex);
}

static gboolean
ask (MigComputeDriver *driver,
     GCancellable     *cancellable)
{
  g_autoptr (MigHost) host = mig_host_new ("test", "test:///default");
  g_autoptr (MigDomainInfo) info = mig_compute_driver_get_domain (driver, host, "test", cancellable, NULL);

  return info != NULL;
}

static gboolean
time_has_come (gpointer data)
{
  return g_get_monotonic_time () >= *(gint64 *) data;
}

static gpointer
cancel_the_greeting (gpointer cancellable)
{
  mig_test_wait (NULL, mig_test_flag_is_set, &play.greeting, 20);
  g_cancellable_cancel (cancellable);

  return NULL;
}

/* A connection that was idle is greeted before it is used. */
START_TEST (greeted_connection_stays)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  gint64 stale;
  GThread *canceller;

  ck_assert (ask (driver, NULL));
  stale = g_get_monotonic_time () + 3 * G_USEC_PER_SEC / 2;
  mig_test_wait (NULL, time_has_come, &stale, 10);
  play.slow = TRUE;
  canceller = g_thread_new (NULL, cancel_the_greeting, cancellable);
  ck_assert (!ask (driver, cancellable));
  g_thread_join (canceller);

  /* It was given up, and is closed, while the answer is still awaited. */
  mig_test_wait (NULL, mig_test_flag_is_set, &play.closed, 10);
  ck_assert_int_eq (g_atomic_int_get (&play.greeted), 0);
  ck_assert (!g_atomic_int_get (&play.violated));
  open_gate ();
  mig_test_wait (NULL, mig_test_flag_is_set, &play.greeted, 10);
  ck_assert (ask (driver, NULL));
}
END_TEST

typedef struct
{
  MigComputeDriver *driver;
  GCancellable     *cancellable;
} Asker;

static gpointer
hang (gpointer data)
{
  Asker *asker = data;
  g_autoptr (MigHost) host = mig_host_new ("test", "test:///default");

  ck_assert_ptr_null (mig_compute_driver_get_domain (asker->driver, host, "hang", asker->cancellable, NULL));

  return NULL;
}

static gboolean
so_many_hang (gpointer n)
{
  return g_atomic_int_get (&play.hanging) == GPOINTER_TO_INT (n);
}

static gboolean
none_is_out (gpointer driver)
{
  return mig_libvirt_driver_get_abandoned_calls (driver) == 0;
}

/* One on the control connection, and as many as may borrow others. Nobody waits for them any more. */
#define HANGING 5

START_TEST (given_up_queries_make_room)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Asker asker = { driver, cancellable };
  GThread *threads[HANGING];

  for (int i = 0; i < HANGING; i++)
    {
      threads[i] = g_thread_new ("hang", hang, &asker);
      mig_test_wait (NULL, so_many_hang, GINT_TO_POINTER (i + 1), 10);
    }
  g_cancellable_cancel (cancellable);
  for (int i = 0; i < HANGING; i++)
    g_thread_join (threads[i]);
  ck_assert_uint_eq (mig_libvirt_driver_get_abandoned_calls (MIG_LIBVIRT_DRIVER (driver)), HANGING);

  ck_assert (ask (driver, NULL));
  open_gate ();
  mig_test_wait (NULL, none_is_out, driver, 10);
}
END_TEST

static int n_lost; /* atomic */

static void
on_event (MigComputeDriver *driver,
          MigHost          *host,
          const char       *domain,
          MigDriverEvent    event,
          const char       *detail)
{
  if (event != MIG_DRIVER_EVENT_CONNECTION_LOST)
    return;

  ck_assert (ask (driver, NULL));
  g_atomic_int_inc (&n_lost);
}

/* Whoever hears of a connection's end may go on asking. */
START_TEST (loss_is_told_without_locks)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();

  g_signal_connect (driver, "event", G_CALLBACK (on_event), NULL);
  ck_assert (ask (driver, NULL));
  g_atomic_pointer_set (&play.doomed, play.last);
  ck_assert (ask (driver, NULL));
  mig_test_wait (NULL, mig_test_flag_is_set, &n_lost, 10);
  ck_assert_int_eq (g_atomic_int_get (&n_lost), 1);
}
END_TEST

/* The same where the last reference may go with it. */
static void
on_last_event (MigComputeDriver  *driver,
               MigHost           *host,
               const char        *domain,
               MigDriverEvent     event,
               const char        *detail,
               MigComputeDriver **own)
{
  if (event == MIG_DRIVER_EVENT_CONNECTION_LOST)
    g_clear_object (own);
}

static gboolean
is_gone (gpointer driver)
{
  return g_atomic_pointer_get ((gpointer *) driver) == NULL;
}

START_TEST (driver_goes_when_it_hears_of_a_loss)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  MigComputeDriver *own = g_object_ref (driver);

  g_signal_connect (driver, "event", G_CALLBACK (on_last_event), &own);
  ck_assert (ask (driver, NULL));
  g_atomic_pointer_set (&play.doomed, play.last);
  ck_assert (ask (driver, NULL));
  g_clear_object (&driver);
  mig_test_wait (NULL, is_gone, &own, 10);
}
END_TEST

static gboolean
has_events (gpointer driver)
{
  gboolean has;

  ck_assert (ask (driver, NULL));
  g_object_get (driver, "has-events", &has, NULL);

  return has;
}

static void
on_pause (MigComputeDriver *driver,
          MigHost          *host,
          const char       *domain,
          MigDriverEvent    event,
          const char       *detail,
          int              *heard)
{
  if (event == MIG_DRIVER_EVENT_SUSPENDED)
    g_atomic_int_set (heard, TRUE);
}

/* A connection from before the loop is no connection with events. */
START_TEST (late_loop_is_used)
{
  g_autoptr (MigComputeDriver) driver = mig_libvirt_driver_new ();
  g_autoptr (MigHost) host = mig_host_new ("test", "test:///default");
  g_autoptr (GError) error = NULL;
  int heard = FALSE;
  gboolean has;

  g_signal_connect (driver, "event", G_CALLBACK (on_pause), &heard);
  ck_assert (!has_events (driver));
  mig_libvirt_start_event_thread (&error);
  mig_assert_no_error (error);
  mig_test_settle_descriptors ();
  g_object_get (driver, "has-events", &has, NULL);
  ck_assert (!has);

  /* As soon as it says so, it is so. */
  mig_test_wait (NULL, has_events, driver, 20);
  mig_compute_driver_pause (driver, host, "test", NULL, &error);
  mig_assert_no_error (error);
  mig_test_wait (NULL, mig_test_flag_is_set, &heard, 10);
}
END_TEST

static Suite *
create_suite (void)
{
  Suite *suite = suite_create ("libvirt-endpoint");
  TCase *tcase = mig_test_add_case (suite, "connections");

  tcase_add_test (tcase, greeted_connection_stays);
  tcase_add_test (tcase, given_up_queries_make_room);
  tcase_add_test (tcase, loss_is_told_without_locks);
  tcase_add_test (tcase, driver_goes_when_it_hears_of_a_loss);
  tcase_add_test (tcase, late_loop_is_used);

  return suite;
}

MIG_TEST_MAIN (create_suite)
