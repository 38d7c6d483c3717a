/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-migrate-request.h>

#include <libmig/mig-enum-types.h>

#include "libmig/core/mig-clock-private.h"
#include "libmig/core/mig-value-private.h"
#include "libmig/core/mig-waiter-private.h"

/**
 * MigMigrateRequest:
 *
 * What a driver is asked to migrate, and how. Immutable, but for what driver and caller tell each other with it:
 * whether the driver holds the migration back ([method@Mig.MigrateRequest.set_held]), and until when it may still be
 * sent ([method@Mig.MigrateRequest.set_until]).
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigMigrateRequest
{
  GObject parent_instance;

  MigHost *source;
  MigHost *destination;
  char    *domain;
  int      mode;
  guint    flags;
  char   **copy_disks;
  gint64   bandwidth;
  double   max_downtime;
  char    *token;

  int        held;   /* atomic */
  MigWaiter *waiter; /* for @until */
  GMutex     mutex;
  gint64     until;  /* mig_clock_boottime() */
};

static const char * const none[] = { NULL };

G_DEFINE_FINAL_TYPE (MigMigrateRequest, mig_migrate_request, G_TYPE_OBJECT)

static const MigField fields[] = {
  { "source", MIG_FIELD_OBJECT, G_STRUCT_OFFSET (MigMigrateRequest, source), mig_host_get_type, 0 },
  { "destination", MIG_FIELD_OBJECT, G_STRUCT_OFFSET (MigMigrateRequest, destination), mig_host_get_type, 0 },
  { "domain", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigMigrateRequest, domain), NULL, 0 },
  { "mode", MIG_FIELD_ENUM, G_STRUCT_OFFSET (MigMigrateRequest, mode), mig_migrate_mode_get_type, 0 },
  { "flags", MIG_FIELD_FLAGS, G_STRUCT_OFFSET (MigMigrateRequest, flags), mig_migrate_flags_get_type, 0 },
  { "copy-disks", MIG_FIELD_STRV, G_STRUCT_OFFSET (MigMigrateRequest, copy_disks), NULL, 0 },
  { "bandwidth", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigMigrateRequest, bandwidth), NULL, 0 },
  { "max-downtime", MIG_FIELD_DOUBLE, G_STRUCT_OFFSET (MigMigrateRequest, max_downtime), NULL, -1 },
  { "token", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigMigrateRequest, token), NULL, 0 },
};

static void (*finalize_fields) (GObject *object);

static void
mig_migrate_request_finalize (GObject *object)
{
  MigMigrateRequest *self = MIG_MIGRATE_REQUEST (object);

  mig_waiter_unref (self->waiter);
  g_mutex_clear (&self->mutex);

  finalize_fields (object);
}

static void
mig_migrate_request_class_init (MigMigrateRequestClass *klass)
{
  /**
   * MigMigrateRequest:source:
   *
   * Where the domain runs.
   *
   * Since: 0.1
   */
  /**
   * MigMigrateRequest:destination:
   *
   * Where it shall run.
   *
   * Since: 0.1
   */
  /**
   * MigMigrateRequest:domain:
   *
   * Its UUID.
   *
   * Since: 0.1
   */
  /**
   * MigMigrateRequest:mode:
   *
   * Peer-to-peer or direct; never automatic.
   *
   * Since: 0.1
   */
  /**
   * MigMigrateRequest:flags:
   *
   * How.
   *
   * Since: 0.1
   */
  /**
   * MigMigrateRequest:copy-disks:
   *
   * The targets of the disks to copy; empty: none is copied.
   *
   * Since: 0.1
   */
  /**
   * MigMigrateRequest:bandwidth:
   *
   * Bytes per second, 0 for no limit.
   *
   * Since: 0.1
   */
  /**
   * MigMigrateRequest:max-downtime:
   *
   * Seconds of standstill allowed, -1 for the hypervisor's default.
   *
   * Since: 0.1
   */
  /**
   * MigMigrateRequest:token:
   *
   * The same for every repetition of the same request.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
  finalize_fields = G_OBJECT_CLASS (klass)->finalize;
  G_OBJECT_CLASS (klass)->finalize = mig_migrate_request_finalize;
}

static void
mig_migrate_request_init (MigMigrateRequest *self)
{
  g_mutex_init (&self->mutex);
  self->waiter = mig_waiter_new ();
  self->until = G_MAXINT64;
}

/**
 * mig_migrate_request_get_source:
 * @self: a value
 *
 * Tells where the domain runs.
 *
 * Returns: (transfer none): where the domain runs
 *
 * Since: 0.1
 */
MigHost *
mig_migrate_request_get_source (MigMigrateRequest *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), NULL);

  return self->source;
}

/**
 * mig_migrate_request_get_destination:
 * @self: a value
 *
 * Tells where it shall run.
 *
 * Returns: (transfer none): where it shall run
 *
 * Since: 0.1
 */
MigHost *
mig_migrate_request_get_destination (MigMigrateRequest *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), NULL);

  return self->destination;
}

/**
 * mig_migrate_request_get_domain:
 * @self: a value
 *
 * Gets its UUID.
 *
 * Returns: its UUID
 *
 * Since: 0.1
 */
const char *
mig_migrate_request_get_domain (MigMigrateRequest *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), NULL);

  return self->domain;
}

/**
 * mig_migrate_request_get_mode:
 * @self: a value
 *
 * Tells who manages the migration.
 *
 * Returns: peer-to-peer or direct; never automatic
 *
 * Since: 0.1
 */
MigMigrateMode
mig_migrate_request_get_mode (MigMigrateRequest *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), 0);

  return self->mode;
}

/**
 * mig_migrate_request_get_flags:
 * @self: a value
 *
 * Tells how the migration works.
 *
 * Returns: how
 *
 * Since: 0.1
 */
MigMigrateFlags
mig_migrate_request_get_flags (MigMigrateRequest *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), 0);

  return self->flags;
}

/**
 * mig_migrate_request_get_copy_disks:
 * @self: a value
 *
 * Gets the targets of the disks to copy.
 *
 * Returns: (transfer none) (array zero-terminated=1): the targets of the disks to copy; empty: none is copied
 *
 * Since: 0.1
 */
const char * const *
mig_migrate_request_get_copy_disks (MigMigrateRequest *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), NULL);

  return self->copy_disks != NULL ? (const char * const *) self->copy_disks : none;
}

/**
 * mig_migrate_request_get_bandwidth:
 * @self: a value
 *
 * Gets the limit in bytes per second, 0 for none.
 *
 * Returns: bytes per second, 0 for no limit
 *
 * Since: 0.1
 */
gint64
mig_migrate_request_get_bandwidth (MigMigrateRequest *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), -1);

  return self->bandwidth;
}

/**
 * mig_migrate_request_get_max_downtime:
 * @self: a value
 *
 * Gets seconds of standstill allowed.
 *
 * Returns: seconds of standstill allowed, -1 for the hypervisor's default
 *
 * Since: 0.1
 */
double
mig_migrate_request_get_max_downtime (MigMigrateRequest *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), -1);

  return self->max_downtime;
}

/**
 * mig_migrate_request_get_token:
 * @self: a value
 *
 * Gets a text that is the same for every repetition of the same request.
 *
 * Returns: the same for every repetition of the same request
 *
 * Since: 0.1
 */
const char *
mig_migrate_request_get_token (MigMigrateRequest *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), NULL);

  return self->token;
}

/**
 * mig_migrate_request_is_held:
 * @self: a value
 *
 * Tells whether the driver holds the migration back: nothing of it has been sent to a hypervisor.
 *
 * Returns: whether nothing has been sent yet; %FALSE too when the driver does not say
 *
 * Since: 0.1
 */
gboolean
mig_migrate_request_is_held (MigMigrateRequest *self)
{
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), FALSE);

  return g_atomic_int_get (&self->held) != 0;
}

/**
 * mig_migrate_request_set_held:
 * @self: a value
 * @held: %TRUE while nothing has been sent
 *
 * For a driver that lets only so many migrations begin at once: it says so before it lets one wait;
 * [method@Mig.MigrateRequest.begin] takes it back. Whoever waits counts no time until then, and knows that a migration
 * which is given up while it is held has no effect, now or later. A driver that never holds anything back says nothing.
 *
 * Since: 0.1
 */
void
mig_migrate_request_set_held (MigMigrateRequest *self,
                              gboolean           held)
{
  g_return_if_fail (MIG_IS_MIGRATE_REQUEST (self));

  g_atomic_int_set (&self->held, held != FALSE);
}

/**
 * mig_migrate_request_set_until:
 * @self: a value
 * @until: microseconds of CLOCK_BOOTTIME; the past: not now
 *
 * For the caller of a driver: until when the migration may still be sent. As long as the driver has not sent it the
 * caller sets it anew now and then, if the guest is still its own to move. A process that stood still for a while, and
 * whose operations another one has carried on since, so finds that the time has passed, whichever of its threads goes
 * on first. A request that has never been given a time may always be sent.
 *
 * Since: 0.1
 */
void
mig_migrate_request_set_until (MigMigrateRequest *self,
                               gint64             until)
{
  g_return_if_fail (MIG_IS_MIGRATE_REQUEST (self));

  g_mutex_lock (&self->mutex);
  self->until = until;
  g_mutex_unlock (&self->mutex);
  mig_waiter_wake (self->waiter);
}

/**
 * mig_migrate_request_may_be_sent:
 * @self: a value
 *
 * Tells whether the migration may be sent to a hypervisor at this moment.
 *
 * Returns: whether it may
 *
 * Since: 0.1
 */
gboolean
mig_migrate_request_may_be_sent (MigMigrateRequest *self)
{
  gint64 until;

  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), FALSE);

  g_mutex_lock (&self->mutex);
  until = self->until;
  g_mutex_unlock (&self->mutex);

  return mig_clock_boottime () < until;
}

/**
 * mig_migrate_request_begin:
 * @self: a value
 * @cancellable: (nullable): ends the wait
 * @error: return location for an error
 *
 * For a driver, directly before it sends the first of the migration to a hypervisor: waits until it may be sent, and
 * says that it is not held any more. While it waits, and after an error, it is held.
 *
 * Returns: %TRUE: the migration may be sent, at once; %FALSE: it was cancelled, and nothing of it is sent any more
 *
 * Since: 0.1
 */
gboolean
mig_migrate_request_begin (MigMigrateRequest  *self,
                           GCancellable       *cancellable,
                           GError            **error)
{
  g_return_val_if_fail (MIG_IS_MIGRATE_REQUEST (self), FALSE);

  for (;;)
    {
      guint64 ticket = mig_waiter_ticket (self->waiter);

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        {
          mig_migrate_request_set_held (self, TRUE);
          return FALSE;
        }
      if (mig_migrate_request_may_be_sent (self))
        {
          mig_migrate_request_set_held (self, FALSE);
          return TRUE;
        }
      mig_migrate_request_set_held (self, TRUE);
      mig_waiter_wait (self->waiter, ticket, -1, cancellable);
    }
}
