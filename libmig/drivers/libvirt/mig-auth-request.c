/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-auth-request-private.h"

/**
 * MigAuthRequest:
 *
 * A question that a host asks before it lets us in. Answer it with [method@AuthRequest.return_value] or
 * [method@AuthRequest.refuse], now or later, from any thread. One that nobody answers is refused when its last
 * reference goes. The attempt to connect gives up after [property@LibvirtDriver:connect-timeout], answered or not.
 *
 * Since: 0.1
 */

struct _MigAuthAnswer
{
  GMutex   mutex;
  GCond    cond;
  gboolean given;
  char    *value;
};

struct _MigAuthRequest
{
  GObject parent_instance;

  char          *uri;
  char          *prompt;
  gboolean       secret;
  MigAuthAnswer *answer;
};

G_DEFINE_FINAL_TYPE (MigAuthRequest, mig_auth_request, G_TYPE_OBJECT)

static void
answer_clear (gpointer data)
{
  MigAuthAnswer *self = data;

  g_free (self->value);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->mutex);
}

MigAuthAnswer *
mig_auth_answer_new (void)
{
  MigAuthAnswer *self = g_atomic_rc_box_new0 (MigAuthAnswer);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);

  return self;
}

void
mig_auth_answer_unref (MigAuthAnswer *self)
{
  g_atomic_rc_box_release_full (self, answer_clear);
}

/* The first answer counts. */
static void
answer_give (MigAuthAnswer *self,
             const char    *value)
{
  g_mutex_lock (&self->mutex);
  if (!self->given)
    self->value = g_strdup (value);
  self->given = TRUE;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->mutex);
}

char *
mig_auth_answer_wait (MigAuthAnswer *self)
{
  char *value;

  g_mutex_lock (&self->mutex);
  while (!self->given)
    g_cond_wait (&self->cond, &self->mutex);
  value = g_steal_pointer (&self->value);
  g_mutex_unlock (&self->mutex);

  return value;
}

static void
mig_auth_request_finalize (GObject *object)
{
  MigAuthRequest *self = MIG_AUTH_REQUEST (object);

  answer_give (self->answer, NULL);
  mig_auth_answer_unref (self->answer);
  g_free (self->prompt);
  g_free (self->uri);

  G_OBJECT_CLASS (mig_auth_request_parent_class)->finalize (object);
}

static void
mig_auth_request_class_init (MigAuthRequestClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mig_auth_request_finalize;
}

static void
mig_auth_request_init (MigAuthRequest *self)
{
  /* So that one made with g_object_new() is useless, but safe. */
  self->answer = mig_auth_answer_new ();
}

MigAuthRequest *
mig_auth_request_new (const char    *uri,
                      const char    *prompt,
                      gboolean       secret,
                      MigAuthAnswer *answer)
{
  MigAuthRequest *self = g_object_new (MIG_TYPE_AUTH_REQUEST, NULL);

  self->uri = g_strdup (uri);
  self->prompt = g_strdup (prompt);
  self->secret = secret;
  mig_auth_answer_unref (self->answer);
  self->answer = g_atomic_rc_box_acquire (answer);

  return self;
}

/**
 * mig_auth_request_get_uri:
 * @self: a request
 *
 * Gets the URI that is being opened.
 *
 * Returns: the URI that is being opened
 *
 * Since: 0.1
 */
const char *
mig_auth_request_get_uri (MigAuthRequest *self)
{
  g_return_val_if_fail (MIG_IS_AUTH_REQUEST (self), NULL);

  return self->uri;
}

/**
 * mig_auth_request_get_prompt:
 * @self: a request
 *
 * Gets the question, for people.
 *
 * Returns: the question, for people
 *
 * Since: 0.1
 */
const char *
mig_auth_request_get_prompt (MigAuthRequest *self)
{
  g_return_val_if_fail (MIG_IS_AUTH_REQUEST (self), NULL);

  return self->prompt;
}

/**
 * mig_auth_request_is_secret:
 * @self: a request
 *
 * Tells whether the answer is a secret, a password say, and not a name.
 *
 * Returns: whether the answer is a secret, a password say, and not a name
 *
 * Since: 0.1
 */
gboolean
mig_auth_request_is_secret (MigAuthRequest *self)
{
  g_return_val_if_fail (MIG_IS_AUTH_REQUEST (self), FALSE);

  return self->secret;
}

/**
 * mig_auth_request_return_value:
 * @self: a request
 * @value: the answer
 *
 * Answers the request. Only the first answer counts.
 *
 * Since: 0.1
 */
void
mig_auth_request_return_value (MigAuthRequest *self,
                               const char     *value)
{
  g_return_if_fail (MIG_IS_AUTH_REQUEST (self));
  g_return_if_fail (value != NULL);

  answer_give (self->answer, value);
}

/**
 * mig_auth_request_refuse:
 * @self: a request
 *
 * Refuses to answer: connecting fails with %MIG_ERROR_CONNECTION.
 *
 * Since: 0.1
 */
void
mig_auth_request_refuse (MigAuthRequest *self)
{
  g_return_if_fail (MIG_IS_AUTH_REQUEST (self));

  answer_give (self->answer, NULL);
}
