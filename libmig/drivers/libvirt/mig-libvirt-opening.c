/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-compute-driver.h>
#include <libmig/mig-error.h>

#include "libmig/drivers/libvirt/mig-libvirt-driver-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-event-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-opening-private.h"


typedef enum {
  UNDER_WAY,
  RETURNED,
  HANGING,
} OpeningState;

/* Shared by who waits for the connection and the thread that opens it. */
typedef struct
{
  MigLibvirtEndpoint *endpoint;
  MigLibvirtHangs    *hangs;
  MigLibvirtLane      lane;
  int                 state; /* atomic, OpeningState */
} Opening;

static void
opening_clear (gpointer data)
{
  Opening *opening = data;

  mig_libvirt_endpoint_unref (opening->endpoint);
}

static void
opening_unref (Opening *opening)
{
  g_atomic_rc_box_release_full (opening, opening_clear);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Opening, opening_unref)

/* The thread's end of it. */
static void
opening_returned (gpointer data)
{
  Opening *opening = data;

  if (!g_atomic_int_compare_and_exchange (&opening->state, UNDER_WAY, RETURNED))
    g_atomic_int_add (&opening->hangs->n, -1);
  opening_unref (opening);
}

static char *
ask (const char *prompt,
     gboolean    secret,
     gpointer    data)
{
  MigLibvirtEndpoint *endpoint = data;
  g_autoptr (MigLibvirtDriver) driver = mig_libvirt_endpoint_ref_driver (endpoint);
  const char *uri = mig_host_get_uri (mig_libvirt_endpoint_get_host (endpoint));

  return driver != NULL ? mig_libvirt_driver_ask (driver, uri, prompt, secret) : NULL;
}

static void
on_work_lost (MigLibvirtConnection *connection,
              gpointer              data)
{
  mig_libvirt_endpoint_wake (data);
}

static void
on_control_lost (MigLibvirtConnection *connection,
                 gpointer              data)
{
  MigLibvirtEndpoint *endpoint = data;
  g_autoptr (MigLibvirtDriver) driver = mig_libvirt_endpoint_ref_driver (endpoint);

  mig_libvirt_endpoint_wake (endpoint);
  if (driver != NULL)
    mig_compute_driver_emit_event (MIG_COMPUTE_DRIVER (driver), mig_libvirt_endpoint_get_host (endpoint), "*",
                                   MIG_DRIVER_EVENT_CONNECTION_LOST, NULL);
}

static gpointer
open_connection (gpointer   data,
                 GError   **error)
{
  Opening *opening = data;
  MigLibvirtEndpoint *endpoint = opening->endpoint;
  gboolean control = opening->lane == MIG_LIBVIRT_LANE_CONTROL;
  MigLibvirtConnection *connection;

  connection = mig_libvirt_connection_open (mig_host_get_uri (mig_libvirt_endpoint_get_host (endpoint)), ask,
                                            control ? on_control_lost : on_work_lost,
                                            mig_libvirt_endpoint_ref (endpoint),
                                            (GDestroyNotify) mig_libvirt_endpoint_unref, error);
  if (connection != NULL && control && mig_libvirt_connection_has_events (connection))
    mig_libvirt_connection_set_tells (connection, mig_libvirt_event_register (connection, endpoint));

  return connection;
}

static void
discard_connection (gpointer data)
{
  mig_libvirt_connection_close (data);
  mig_libvirt_connection_unref (data);
}

/* After as long as one attempt may take, for each attempt that still hangs, another one is made. */
static gboolean
may_open (MigLibvirtHangs *hangs,
          double           connect_seconds)
{
  int n = g_atomic_int_get (&hangs->n);
  gint64 last;

  g_mutex_lock (&hangs->mutex);
  last = hangs->last;
  g_mutex_unlock (&hangs->mutex);

  return n <= 0 || (double) (g_get_monotonic_time () - last) >= n * connect_seconds * G_USEC_PER_SEC;
}

static void
note_hanging (Opening *opening)
{
  MigLibvirtHangs *hangs = opening->hangs;

  g_mutex_lock (&hangs->mutex);
  hangs->last = g_get_monotonic_time ();
  g_mutex_unlock (&hangs->mutex);
  if (g_atomic_int_compare_and_exchange (&opening->state, UNDER_WAY, HANGING))
    g_atomic_int_inc (&hangs->n);
}

MigLibvirtConnection *
mig_libvirt_opening_run (MigLibvirtEndpoint  *endpoint,
                         MigLibvirtLane       lane,
                         MigLibvirtHangs     *hangs,
                         GCancellable        *cancellable,
                         GError             **error)
{
  g_autoptr (Opening) opening = NULL;
  const char *uri = mig_host_get_uri (mig_libvirt_endpoint_get_host (endpoint));
  double seconds = mig_libvirt_endpoint_get_connect_seconds (endpoint);
  MigLibvirtConnection *connection;
  MigLibvirtCallEnd end;

  if (!may_open (hangs, seconds))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONNECTION, "%s does not answer", uri);
      return NULL;
    }

  opening = g_atomic_rc_box_new0 (Opening);
  opening->endpoint = mig_libvirt_endpoint_ref (endpoint);
  opening->hangs = hangs;
  opening->lane = lane;
  connection = mig_libvirt_calls_run (mig_libvirt_endpoint_get_calls (endpoint),
                                      mig_libvirt_endpoint_get_tally (endpoint), "connecting", open_connection,
                                      g_atomic_rc_box_acquire (opening), opening_returned, discard_connection,
                                      seconds, cancellable, &end, error);
  if (end == MIG_LIBVIRT_CALL_LATE)
    {
      note_hanging (opening);
      g_clear_error (error);
      g_set_error (error, MIG_ERROR, MIG_ERROR_CONNECTION, "No answer from %s within %g s", uri, seconds);
    }

  return connection;
}
