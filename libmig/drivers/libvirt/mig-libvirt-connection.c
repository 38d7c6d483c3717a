/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-connection-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-error-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-event-loop-private.h"

/* A daemon that says nothing for so long is given up. Only a loop that turns sends what this takes. */
#define KEEPALIVE_SECONDS 5
#define KEEPALIVE_COUNT 3

struct _MigLibvirtConnection
{
  GMutex             mutex;
  virConnectPtr      connection; /* taken out, with the lock, when it is closed */
  gboolean           events; /* constant: an event loop turned when it was opened */
  gboolean           tells;  /* constant once it is open: all events are registered */
  gboolean           hooked; /* constant: its close callback is registered */
  GArray            *watches;
  MigLibvirtLostFunc lost;
  gpointer           data;
  GDestroyNotify     free_data;
  int                dead; /* atomic */
};

typedef struct
{
  MigLibvirtAskFunc ask;
  gpointer          data;
} Asking;

/* What we can be asked for. What is not here (the external agent of polkit above all) libvirt refuses by itself. */
static int credentials[] = {
  VIR_CRED_USERNAME,
  VIR_CRED_AUTHNAME,
  VIR_CRED_PASSPHRASE,
  VIR_CRED_ECHOPROMPT,
  VIR_CRED_NOECHOPROMPT,
  VIR_CRED_REALM,
};

static int
on_credentials (virConnectCredentialPtr  questions,
                unsigned int             n_questions,
                void                    *data)
{
  Asking *asking = data;

  for (unsigned int i = 0; i < n_questions; i++)
    {
      gboolean secret = questions[i].type == VIR_CRED_PASSPHRASE || questions[i].type == VIR_CRED_NOECHOPROMPT;

      /* libvirt frees it with free(), which is what g_free() is. */
      questions[i].result = asking->ask (questions[i].prompt, secret, asking->data);
      if (questions[i].result == NULL)
        return -1;
      questions[i].resultlen = (unsigned int) strlen (questions[i].result);
    }

  return 0;
}

/* What libvirt shall open, or NULL. An empty name would make it open whatever the environment says; ssh would ask at
 * the terminal. */
static char *
check_uri (const char  *uri,
           GError     **error)
{
  g_autoptr (GUri) parsed = NULL;
  const char *query;

  parsed = uri != NULL ? g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED, NULL) : NULL;
  if (parsed == NULL)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "“%s” is not a URI of libvirt",
                   uri != NULL ? uri : "");
      return NULL;
    }

  query = g_uri_get_query (parsed);
  if (!g_str_has_suffix (g_uri_get_scheme (parsed), "+ssh") || (query != NULL && strstr (query, "no_tty=") != NULL))
    return g_strdup (uri);

  return g_strdup_printf ("%s%cno_tty=1", uri, query != NULL ? '&' : '?');
}

static void
on_close (virConnectPtr  connection,
          int            reason,
          void          *data)
{
  mig_libvirt_connection_mark_dead (data);
}

static void
use_event_loop (MigLibvirtConnection *self)
{
  if (!mig_libvirt_event_loop_turns ())
    return;

  self->events = TRUE;
  /* Neither is worth failing for: hypervisors without a daemon have none of it. */
  virConnectSetKeepAlive (self->connection, KEEPALIVE_SECONDS, KEEPALIVE_COUNT);
  self->hooked = virConnectRegisterCloseCallback (self->connection, on_close, self, NULL) == 0;
}

MigLibvirtConnection *
mig_libvirt_connection_open (const char          *uri,
                             MigLibvirtAskFunc    ask,
                             MigLibvirtLostFunc   lost,
                             gpointer             data,
                             GDestroyNotify       free_data,
                             GError             **error)
{
  g_autofree char *wanted = check_uri (uri, error);
  Asking asking = { ask, data };
  virConnectAuth auth = { credentials, G_N_ELEMENTS (credentials), on_credentials, &asking };
  virConnectPtr connection = NULL;
  MigLibvirtConnection *self;

  if (wanted != NULL)
    connection = virConnectOpenAuth (wanted, &auth, 0);
  if (connection == NULL)
    {
      if (wanted != NULL)
        mig_libvirt_error_set_open (error, uri);
      free_data (data);
      return NULL;
    }

  virConnSetErrorFunc (connection, NULL, mig_libvirt_error_quiet);
  self = g_atomic_rc_box_new0 (MigLibvirtConnection);
  g_mutex_init (&self->mutex);
  self->connection = connection;
  self->watches = g_array_new (FALSE, FALSE, sizeof (int));
  self->lost = lost;
  self->data = data;
  self->free_data = free_data;
  use_event_loop (self);

  return self;
}

static void
connection_clear (gpointer data)
{
  MigLibvirtConnection *self = data;

  g_assert (self->connection == NULL);
  self->free_data (self->data);
  g_mutex_clear (&self->mutex);
}

MigLibvirtConnection *
mig_libvirt_connection_ref (MigLibvirtConnection *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
mig_libvirt_connection_unref (MigLibvirtConnection *self)
{
  g_atomic_rc_box_release_full (self, connection_clear);
}

void
mig_libvirt_connection_close (MigLibvirtConnection *self)
{
  virConnectPtr connection;

  g_mutex_lock (&self->mutex);
  connection = g_steal_pointer (&self->connection);
  g_mutex_unlock (&self->mutex);
  if (connection == NULL)
    return;

  /* No longer news. */
  g_atomic_int_set (&self->dead, TRUE);
  for (guint i = 0; i < self->watches->len; i++)
    virConnectDomainEventDeregisterAny (connection, g_array_index (self->watches, int, i));
  g_array_unref (self->watches);
  if (self->hooked)
    virConnectUnregisterCloseCallback (connection, on_close);
  virConnectClose (connection);
}

virConnectPtr
mig_libvirt_connection_get (MigLibvirtConnection *self)
{
  return self->connection;
}

gboolean
mig_libvirt_connection_has_events (MigLibvirtConnection *self)
{
  return self->events;
}

gboolean
mig_libvirt_connection_tells (MigLibvirtConnection *self)
{
  return self->tells;
}

void
mig_libvirt_connection_set_tells (MigLibvirtConnection *self,
                                  gboolean              tells)
{
  self->tells = tells;
}

void
mig_libvirt_connection_mark_dead (MigLibvirtConnection *self)
{
  if (g_atomic_int_compare_and_exchange (&self->dead, FALSE, TRUE))
    self->lost (self, self->data);
}

gboolean
mig_libvirt_connection_is_alive (MigLibvirtConnection *self)
{
  return !g_atomic_int_get (&self->dead) && virConnectIsAlive (self->connection) != 0;
}

gboolean
mig_libvirt_connection_watch (MigLibvirtConnection                  *self,
                              int                                    event,
                              virConnectDomainEventGenericCallback   callback,
                              gpointer                               data,
                              GDestroyNotify                         free_data,
                              GError                               **error)
{
  int id = virConnectDomainEventRegisterAny (self->connection, NULL, event, callback, data, free_data);

  if (id < 0)
    {
      free_data (data);
      return mig_libvirt_error_set (error, "Cannot register for events");
    }
  g_array_append_val (self->watches, id);

  return TRUE;
}

gboolean
mig_libvirt_connection_greet (MigLibvirtConnection  *self,
                              GError               **error)
{
  virConnectPtr connection;
  unsigned long version;
  gboolean ok;

  /* Whoever waits for the answer may give up, and the connection be closed meanwhile. */
  g_mutex_lock (&self->mutex);
  connection = self->connection;
  if (connection != NULL)
    virConnectRef (connection);
  g_mutex_unlock (&self->mutex);

  ok = connection != NULL && virConnectGetLibVersion (connection, &version) == 0;
  if (!ok)
    mig_libvirt_error_set (error, "The connection is broken");
  if (connection != NULL)
    virConnectClose (connection);

  return ok;
}
