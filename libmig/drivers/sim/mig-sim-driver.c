/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-driver-private.h"

#include <libmig/mig-error.h>

#include "libmig/model/mig-options-json-private.h"

/**
 * MigSimDriver:
 *
 * A simulated hypervisor with simulated storage, for testing without hosts: of libmig itself, and of whatever is built
 * on it.
 *
 * It implements [iface@ComputeDriver], [iface@BlockJobDriver] and [iface@VolumeBackend] over a world of hosts, domains,
 * volumes, links and running jobs. Migrations and block jobs behave as those of libvirt and QEMU do, including what
 * is unpleasant:
 *
 * - Time passes by itself. A peer-to-peer migration goes on when its client dies. A direct one is cancelled then; if
 *   its client dies in the switch-over, the destination is destroyed and the source stays paused.
 * - What a call returns and what happens are two things: an answer may be lost, a call may take effect long after its
 *   caller is gone, a block job may be accepted and die at once.
 * - A mark can't be written while a migration runs. A disk's length must be equal to its copy's. A local disk's
 *   migration that is aborted in the switch-over crashes the source.
 *
 * Unlike real hosts it knows what must never happen, and writes it down at the moment when it does: two running copies
 * of a guest, a guest that is nowhere, a guest that runs on a disk which is not there or not up to date. See
 * [method@SimDriver.dup_violations].
 *
 * A world is in memory, or in a file, which any number of processes can open and which survives them: then a test can
 * let a process end in the middle of a migration, and recover in another one.
 *
 * ```c
 * driver = mig_sim_driver_new (NULL, &error);
 * mig_sim_driver_add_host (driver, "a", &error);
 * mig_sim_driver_add_host (driver, "b", &error);
 * mig_sim_driver_add_volume (driver, NULL, "/shared/g1.raw", 1 << 20, &error);
 * uuid = mig_sim_driver_add_domain (driver, "a", "g1", "{\"disks\": [\"vda=/shared/g1.raw\"]}", &error);
 * cluster = mig_cluster_new (store, MIG_COMPUTE_DRIVER (driver));
 * ```
 *
 * The names of hosts are those of [class@Host] objects; their URIs do not matter, except that a peer-to-peer migration
 * needs a destination with a peer URI.
 *
 * May be used from any thread. A process that uses it must not go on in a child after fork().
 *
 * Since: 0.1
 */

enum {
  PROP_0,
  PROP_WORLD,
  PROP_EVENTS,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void mig_sim_driver_init_initable (GInitableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MigSimDriver, mig_sim_driver, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, mig_sim_driver_init_initable)
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_COMPUTE_DRIVER, mig_sim_driver_init_compute)
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_BLOCK_JOB_DRIVER, mig_sim_driver_init_block)
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_VOLUME_BACKEND, mig_sim_driver_init_volume))

static void
mig_sim_driver_set_property (GObject      *object,
                             guint         id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  MigSimDriver *self = MIG_SIM_DRIVER (object);

  switch (id)
    {
    case PROP_WORLD:
      self->path = g_value_dup_string (value);
      break;
    case PROP_EVENTS:
      self->events = g_value_get_boolean (value);
      if (self->keeper != NULL)
        mig_sim_keeper_set_events (self->keeper, self->events);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mig_sim_driver_get_property (GObject    *object,
                             guint       id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  MigSimDriver *self = MIG_SIM_DRIVER (object);

  switch (id)
    {
    case PROP_WORLD:
      g_value_set_string (value, self->path);
      break;
    case PROP_EVENTS:
      g_value_set_boolean (value, self->events);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mig_sim_driver_dispose (GObject *object)
{
  MigSimDriver *self = MIG_SIM_DRIVER (object);

  /* The thread that tells of events holds no reference: it must have ended while the object is still whole. */
  if (self->keeper != NULL)
    mig_sim_keeper_close (self->keeper);

  G_OBJECT_CLASS (mig_sim_driver_parent_class)->dispose (object);
}

static void
mig_sim_driver_finalize (GObject *object)
{
  MigSimDriver *self = MIG_SIM_DRIVER (object);

  g_clear_pointer (&self->keeper, mig_sim_keeper_unref);
  g_free (self->path);

  G_OBJECT_CLASS (mig_sim_driver_parent_class)->finalize (object);
}

static void
mig_sim_driver_class_init (MigSimDriverClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = mig_sim_driver_set_property;
  object_class->get_property = mig_sim_driver_get_property;
  object_class->dispose = mig_sim_driver_dispose;
  object_class->finalize = mig_sim_driver_finalize;

  /**
   * MigSimDriver:world:
   *
   * The path of the file that holds the world; %NULL for a world in memory.
   *
   * Since: 0.1
   */
  properties[PROP_WORLD] =
    g_param_spec_string ("world", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * MigSimDriver:events:
   *
   * Whether [signal@ComputeDriver::event] is emitted. Without it the driver is one whose hosts send no events.
   *
   * Since: 0.1
   */
  properties[PROP_EVENTS] =
    g_param_spec_boolean ("events", NULL, NULL, TRUE, G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mig_sim_driver_init (MigSimDriver *self)
{
}

static gboolean
initialize (GInitable     *initable,
            GCancellable  *cancellable,
            GError       **error)
{
  MigSimDriver *self = MIG_SIM_DRIVER (initable);

  self->keeper = mig_sim_keeper_new (self->path, error);
  if (self->keeper == NULL)
    return FALSE;
  mig_sim_keeper_set_events (self->keeper, self->events);
  mig_sim_keeper_set_driver (self->keeper, MIG_COMPUTE_DRIVER (self));

  return TRUE;
}

static void
mig_sim_driver_init_initable (GInitableIface *iface)
{
  iface->init = initialize;
}

/**
 * mig_sim_driver_new:
 * @world: (nullable) (type filename): a file that holds the world, which is made when it is not there, or %NULL for a
 *   world in memory
 * @error: return location for an error
 *
 * Opens or makes a world. A new one is empty.
 *
 * Beside the file, two more are used: one of the same name with `.lock`, and for moments one with `.next`.
 * A process that is stopped in the middle of a change stops the world for the others, too: a test that stops processes
 * takes the lock (`flock()` on the file `.lock`) first, and lets it go when the process stands still.
 *
 * Returns: (transfer full): a driver, or %NULL with an error: %MIG_ERROR_CORRUPT when the file is something else,
 *   %MIG_ERROR_FAILED when it cannot be read or written
 *
 * Since: 0.1
 */
MigSimDriver *
mig_sim_driver_new (const char  *world,
                    GError     **error)
{
  return g_initable_new (MIG_TYPE_SIM_DRIVER, NULL, error, "world", world, NULL);
}

/**
 * mig_sim_driver_configure:
 * @self: a driver
 * @json: an object with some of the keys below
 * @error: return location for an error
 *
 * Sets how the world works. Settings belong to the world; those that are not named keep what they are. Times are
 * seconds, fractions allowed.
 *
 * - `rate`: bytes per second of every link and every mirror (4294967296)
 * - `setup`: from the start of a migration to its first byte (0.001)
 * - `switch-over`: how long both sides of a migration stand still, at least (0.001)
 * - `ready-lag`: between the last byte of a mirror and its being ready (0.001)
 * - `late-delay`: until a call with the fault %MIG_SIM_FAULT_LATE or %MIG_SIM_FAULT_EXIT_LATE takes effect (0.05)
 * - `link-timeout`: until a migration notices that its link is cut (0.02)
 * - `call-time`: how long every call takes (0); one that is cancelled meanwhile takes effect all the same, after the
 *   `late-delay`
 * - `max-moves`: how many migrations of one driver leave a host at a time, while the others are held back (0: no limit)
 * - `call-deadline`: when a call that waits for a domain's job, or hangs, is given up with %MIG_ERROR_TIMED_OUT (5)
 *
 * Returns: whether that was possible; else an error: %MIG_ERROR_INVALID_ARGUMENT names the key
 *
 * Since: 0.1
 */
gboolean
mig_sim_driver_configure (MigSimDriver  *self,
                          const char    *json,
                          GError       **error)
{
  g_autoptr (MigSimSettings) settings = NULL;
  MigSimWorld *world;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), FALSE);
  g_return_val_if_fail (json != NULL, FALSE);

  world = mig_sim_keeper_enter (self->keeper, error);
  if (world == NULL)
    return FALSE;

  settings = mig_options_copy (world->settings);
  ok = mig_options_load_json (G_OBJECT (settings), json, "simulated world", error) &&
       mig_sim_settings_check (settings, error);
  if (ok)
    {
      g_set_object (&world->settings, settings);
      mig_sim_world_changed (world);
    }

  return mig_sim_keeper_leave (self->keeper, ok ? error : NULL) && ok;
}

/**
 * mig_sim_driver_add_host:
 * @self: a driver
 * @name: a name
 * @error: return location for an error
 *
 * Adds a host without domains.
 *
 * Returns: whether that was possible; else an error: %MIG_ERROR_CONFLICT when there is a host of that name
 *
 * Since: 0.1
 */
gboolean
mig_sim_driver_add_host (MigSimDriver  *self,
                         const char    *name,
                         GError       **error)
{
  MigSimWorld *world;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), FALSE);
  g_return_val_if_fail (name != NULL && *name != '\0', FALSE);

  world = mig_sim_keeper_enter (self->keeper, error);
  if (world == NULL)
    return FALSE;

  ok = !g_hash_table_contains (world->hosts, name);
  if (ok)
    mig_sim_world_add_host (world, name);
  else
    g_set_error (error, MIG_ERROR, MIG_ERROR_CONFLICT, "there is a host “%s” already", name);

  return mig_sim_keeper_leave (self->keeper, ok ? error : NULL) && ok;
}

/**
 * mig_sim_driver_add_volume:
 * @self: a driver
 * @host: (nullable): the host that has it, or %NULL for storage that all hosts share
 * @place: an absolute path, a path below `/dev/`, or `nbd://host:port/export`
 * @capacity: its length in bytes
 * @error: return location for an error
 *
 * Adds a volume that reads zero.
 *
 * Returns: whether that was possible; else an error: %MIG_ERROR_NOT_FOUND, %MIG_ERROR_CONFLICT or
 *   %MIG_ERROR_INVALID_ARGUMENT
 *
 * Since: 0.1
 */
gboolean
mig_sim_driver_add_volume (MigSimDriver  *self,
                           const char    *host,
                           const char    *place,
                           gint64         capacity,
                           GError       **error)
{
  g_autoptr (MigDiskSource) source = NULL;
  MigSimWorld *world;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), FALSE);
  g_return_val_if_fail (place != NULL, FALSE);
  g_return_val_if_fail (capacity >= 0, FALSE);

  source = mig_disk_source_parse (place, "raw", error);
  world = source != NULL ? mig_sim_keeper_enter (self->keeper, error) : NULL;
  if (world == NULL)
    return FALSE;
  ok = mig_sim_world_place_volume (world, host, source, capacity, error);

  return mig_sim_keeper_leave (self->keeper, ok ? error : NULL) && ok;
}

/**
 * mig_sim_driver_add_domain:
 * @self: a driver
 * @host: the name of a host
 * @name: the name of the domain
 * @json: (nullable): an object with some of the keys below
 * @error: return location for an error
 *
 * Adds a domain.
 *
 * - `uuid`: its UUID (a random one)
 * - `memory`: bytes (4194304)
 * - `dirty-rate`: bytes per second that the guest writes into its memory (0)
 * - `transient`: true for one without a persistent definition (false)
 * - `state`: `running`, `paused` or `shut-off` (`running`)
 * - `disks`: a list of texts `target=place`; the volumes must be there, and are the guest's from then on
 *
 * A UUID that another host's domain has makes a second copy of that guest.
 *
 * Returns: (transfer full): its UUID, or %NULL with an error: %MIG_ERROR_NOT_FOUND, %MIG_ERROR_CONFLICT or
 *   %MIG_ERROR_INVALID_ARGUMENT
 *
 * Since: 0.1
 */
char *
mig_sim_driver_add_domain (MigSimDriver  *self,
                           const char    *host,
                           const char    *name,
                           const char    *json,
                           GError       **error)
{
  g_autoptr (MigSimGuestOptions) options = g_object_new (MIG_TYPE_SIM_GUEST_OPTIONS, NULL);
  g_autofree char *uuid = NULL;
  MigSimWorld *world;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), NULL);
  g_return_val_if_fail (host != NULL, NULL);
  g_return_val_if_fail (name != NULL && *name != '\0', NULL);

  if (json != NULL && !mig_options_load_json (G_OBJECT (options), json, "simulated domain", error))
    return NULL;

  world = mig_sim_keeper_enter (self->keeper, error);
  if (world == NULL)
    return NULL;
  uuid = mig_sim_world_place_domain (world, host, name, options, error);
  if (!mig_sim_keeper_leave (self->keeper, uuid != NULL ? error : NULL))
    return NULL;

  return g_steal_pointer (&uuid);
}

/**
 * mig_sim_driver_set_reachable:
 * @self: a driver
 * @host: the name of a host
 * @reachable: whether it answers
 * @error: return location for an error
 *
 * Cuts a host off from those who manage it, or connects it again. Its domains run on; migrations that a client drives
 * lose that client, others go on.
 *
 * Returns: whether that was possible; else an error: %MIG_ERROR_NOT_FOUND
 *
 * Since: 0.1
 */
gboolean
mig_sim_driver_set_reachable (MigSimDriver  *self,
                              const char    *host,
                              gboolean       reachable,
                              GError       **error)
{
  MigSimWorld *world;
  MigSimHost *found;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), FALSE);
  g_return_val_if_fail (host != NULL, FALSE);

  world = mig_sim_keeper_enter (self->keeper, error);
  if (world == NULL)
    return FALSE;

  found = mig_sim_world_require_host (world, host, error);
  if (found != NULL)
    {
      found->reachable = reachable;
      mig_sim_world_changed (world);
      if (!reachable)
        mig_sim_host_lose_clients (world, found);
    }

  return mig_sim_keeper_leave (self->keeper, found != NULL ? error : NULL) && found != NULL;
}

/**
 * mig_sim_driver_set_link:
 * @self: a driver
 * @from: the name of a host
 * @to: the name of another host
 * @rate: bytes per second in that direction; 0 cuts the link
 * @error: return location for an error
 *
 * Sets how fast one host sends to another. A migration uses the rate at which a pass begins; those of one source share
 * it. A cut link fails the migrations on it, or breaks them if they are in post-copy.
 *
 * Returns: whether that was possible; else an error: %MIG_ERROR_NOT_FOUND
 *
 * Since: 0.1
 */
gboolean
mig_sim_driver_set_link (MigSimDriver  *self,
                         const char    *from,
                         const char    *to,
                         gint64         rate,
                         GError       **error)
{
  MigSimWorld *world;
  gboolean ok;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), FALSE);
  g_return_val_if_fail (from != NULL && to != NULL, FALSE);
  g_return_val_if_fail (rate >= 0, FALSE);

  world = mig_sim_keeper_enter (self->keeper, error);
  if (world == NULL)
    return FALSE;

  ok = mig_sim_world_require_host (world, from, error) != NULL && mig_sim_world_require_host (world, to, error) != NULL;
  if (ok)
    mig_sim_world_set_link (world, from, to, rate);

  return mig_sim_keeper_leave (self->keeper, ok ? error : NULL) && ok;
}

/**
 * mig_sim_driver_restart_daemon:
 * @self: a driver
 * @host: the name of a host
 * @error: return location for an error
 *
 * Restarts the host's hypervisor daemon: calls that would have taken effect late are lost, its migrations are cancelled
 * unless they are in post-copy, its domains and block jobs go on, and its incarnation changes.
 *
 * Returns: whether that was possible; else an error: %MIG_ERROR_NOT_FOUND
 *
 * Since: 0.1
 */
gboolean
mig_sim_driver_restart_daemon (MigSimDriver  *self,
                               const char    *host,
                               GError       **error)
{
  MigSimWorld *world;
  MigSimHost *found;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), FALSE);
  g_return_val_if_fail (host != NULL, FALSE);

  world = mig_sim_keeper_enter (self->keeper, error);
  if (world == NULL)
    return FALSE;

  found = mig_sim_world_require_host (world, host, error);
  if (found != NULL)
    mig_sim_host_restart (world, found);

  return mig_sim_keeper_leave (self->keeper, found != NULL ? error : NULL) && found != NULL;
}

/**
 * mig_sim_driver_set_fault:
 * @self: a driver
 * @call: the name of a call, or `*`
 * @nth: which one, from 1, since this driver object was made
 * @fault: what happens to it
 *
 * Lets a call of this driver object go wrong, once. It does not concern other objects of the same world.
 *
 * Calls have the names of slots: those of [iface@ComputeDriver] as they are (`migrate`), those of
 * [iface@BlockJobDriver] and [iface@VolumeBackend] with a prefix (`block.start`, `volume.create`). `*` counts all of
 * them. `switch-over` stands for a migration of this object reaching its switch-over; whatever the fault, the process
 * ends there.
 *
 * Since: 0.1
 */
void
mig_sim_driver_set_fault (MigSimDriver *self,
                          const char   *call,
                          guint         nth,
                          MigSimFault   fault)
{
  g_return_if_fail (MIG_IS_SIM_DRIVER (self));
  g_return_if_fail (call != NULL);
  g_return_if_fail (nth > 0);

  mig_sim_keeper_lock (self->keeper);
  mig_sim_faults_add (mig_sim_keeper_get_faults (self->keeper), call, nth, fault);
  mig_sim_keeper_unlock (self->keeper);
}

/**
 * mig_sim_driver_get_n_calls:
 * @self: a driver
 *
 * Counts the calls of this driver object's slots so far.
 *
 * Returns: how many
 *
 * Since: 0.1
 */
guint
mig_sim_driver_get_n_calls (MigSimDriver *self)
{
  guint n_calls;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), 0);

  mig_sim_keeper_lock (self->keeper);
  n_calls = mig_sim_faults_get_n_calls (mig_sim_keeper_get_faults (self->keeper));
  mig_sim_keeper_unlock (self->keeper);

  return n_calls;
}

/**
 * mig_sim_driver_dup_calls:
 * @self: a driver
 *
 * Lists the calls of this driver object's slots so far.
 *
 * Returns: (transfer full) (array zero-terminated=1): their names, in order
 *
 * Since: 0.1
 */
char **
mig_sim_driver_dup_calls (MigSimDriver *self)
{
  char **calls;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), NULL);

  mig_sim_keeper_lock (self->keeper);
  calls = mig_sim_faults_dup_calls (mig_sim_keeper_get_faults (self->keeper));
  mig_sim_keeper_unlock (self->keeper);

  return calls;
}

/**
 * mig_sim_driver_dup_world:
 * @self: a driver
 * @error: return location for an error
 *
 * Describes the world: hosts, domains with their states, marks and disks, volumes and whether they hold the newest
 * state of a disk. It says nothing of times, so two worlds in which everything is the same way give the same text.
 *
 * Returns: (transfer full): a text for people and for comparing, of a line each, or %NULL with an error
 *
 * Since: 0.1
 */
char *
mig_sim_driver_dup_world (MigSimDriver  *self,
                          GError       **error)
{
  MigSimWorld *world;
  char *text;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), NULL);

  world = mig_sim_keeper_enter (self->keeper, error);
  if (world == NULL)
    return NULL;
  text = mig_sim_world_to_text (world);
  mig_sim_keeper_leave (self->keeper, NULL);

  return text;
}

/**
 * mig_sim_driver_dup_violations:
 * @self: a driver
 * @error: return location for an error
 *
 * Tells what happened in this world that must never happen, at any time since it was made: a guest that ran in two
 * places, was lost, or ran on a disk that was not there or not up to date. To destroy the only copy of a running guest
 * counts as losing it.
 *
 * Returns: (transfer full) (nullable): a line each; %NULL when there was nothing, or with an error
 *
 * Since: 0.1
 */
char *
mig_sim_driver_dup_violations (MigSimDriver  *self,
                               GError       **error)
{
  MigSimWorld *world;
  char *text;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), NULL);

  world = mig_sim_keeper_enter (self->keeper, error);
  if (world == NULL)
    return NULL;
  text = world->violations->len > 0 ? g_strdup (world->violations->str) : NULL;
  mig_sim_keeper_leave (self->keeper, NULL);

  return text;
}

static gboolean
is_idle (MigSimWorld *world)
{
  return world->migrations->len == 0 && world->late->len == 0;
}

/**
 * mig_sim_driver_wait_idle:
 * @self: a driver
 * @timeout: seconds
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Waits until no migration runs and no late call is still to come, so that the world stays as it is. Mirrors do not
 * count: they wait for somebody.
 *
 * Returns: whether it is so; else an error: %MIG_ERROR_TIMED_OUT
 *
 * Since: 0.1
 */
gboolean
mig_sim_driver_wait_idle (MigSimDriver  *self,
                          double         timeout,
                          GCancellable  *cancellable,
                          GError       **error)
{
  gint64 deadline = g_get_monotonic_time () + mig_sim_seconds (MAX (timeout, 0));
  MigSimWorld *world;

  g_return_val_if_fail (MIG_IS_SIM_DRIVER (self), FALSE);

  world = mig_sim_keeper_enter (self->keeper, error);
  while (world != NULL && !is_idle (world))
    {
      if (!mig_sim_keeper_wait_for_news (self->keeper, deadline, cancellable, "waiting for the world", error))
        return FALSE;
      world = mig_sim_keeper_get_world (self->keeper);
    }

  return world != NULL && mig_sim_keeper_leave (self->keeper, error);
}
