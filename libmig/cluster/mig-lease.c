/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/cluster/mig-lease-private.h"
#include "libmig/cluster/mig-process-private.h"
#include "libmig/core/mig-clock-private.h"
#include "libmig/core/mig-json-reader-private.h"
#include "libmig/core/mig-log-private.h"
#include "libmig/core/mig-waiter-private.h"

#include <unistd.h>

#define RECORD_VERSION 1
#define MAX_SIZE 4096

/* What another owner's record showed, and since when. */
typedef struct
{
  guint64  revision;
  gint64   since; /* mig_clock_boottime() */
  gboolean renewed; /* it was another revision before */
} Sighting;

struct _MigLease
{
  MigStateStore *store;
  double         ttl;
  char          *owner;
  char          *key;
  char          *boot_id;
  char          *pid_namespace;
  gint64         start;

  GMutex         hold_mutex; /* taken first; holding and releasing are one at a time */
  guint          n_holders;
  GThread       *keeper;
  MigWaiter     *waiter; /* wakes the keeper to its end */

  GMutex         mutex;
  gboolean       stop;
  guint64        revision; /* of the record; 0 = absent */
  guint64        count;
  gint64         valid_until; /* mig_clock_boottime() */
  guint          n_lapses;
  GHashTable    *sightings;   /* owner → Sighting */
};

char *
mig_lease_key (const char *owner)
{
  return g_strconcat ("lease/", owner, NULL);
}

MigLease *
mig_lease_new (MigStateStore *store,
               const char    *owner,
               double         ttl)
{
  MigLease *self = g_atomic_rc_box_new0 (MigLease);

  self->store = g_object_ref (store);
  self->owner = g_strdup (owner);
  self->ttl = ttl;
  self->boot_id = mig_process_dup_boot_id ();
  self->pid_namespace = mig_process_dup_pid_namespace ();
  self->start = mig_process_get_start_time (getpid ());
  self->key = mig_lease_key (self->owner);
  self->waiter = mig_waiter_new ();
  self->sightings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_mutex_init (&self->hold_mutex);
  g_mutex_init (&self->mutex);

  return self;
}

static void
lease_clear (gpointer data)
{
  MigLease *self = data;

  g_assert (self->keeper == NULL);
  g_object_unref (self->store);
  g_free (self->owner);
  g_free (self->key);
  g_free (self->boot_id);
  g_free (self->pid_namespace);
  mig_waiter_unref (self->waiter);
  g_hash_table_unref (self->sightings);
  g_mutex_clear (&self->hold_mutex);
  g_mutex_clear (&self->mutex);
}

void
mig_lease_unref (MigLease *self)
{
  g_atomic_rc_box_release_full (self, lease_clear);
}

static char *
describe (MigLease *self,
          guint64   count)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "v", RECORD_VERSION);
  json_object_set_string_member (object, "host", g_get_host_name ());
  json_object_set_string_member (object, "boot-id", self->boot_id);
  json_object_set_string_member (object, "pid-namespace", self->pid_namespace);
  json_object_set_int_member (object, "pid", getpid ());
  json_object_set_int_member (object, "start", self->start);
  json_object_set_double_member (object, "ttl", self->ttl);
  json_object_set_int_member (object, "count", (gint64) count);
  json_node_take_object (node, object);

  return mig_json_to_text (node);
}

/* The revision of our own record, which nobody else writes, but which a contender may have deleted. */
static gboolean
look_up_revision (MigLease *self,
                  guint64  *revision,
                  GError  **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (MigRecord) record = mig_state_store_get (self->store, self->key, NULL, &local);

  if (record == NULL && !g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }

  *revision = record != NULL ? mig_record_get_revision (record) : 0;
  return TRUE;
}

static guint64
commit_bump (MigLease *self,
             guint64   revision,
             guint64   count,
             GError  **error)
{
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();
  g_autofree char *value = describe (self, count);

  mig_transaction_require (transaction, self->key, revision);
  mig_transaction_put (transaction, self->key, value);

  return mig_state_store_commit (self->store, transaction, NULL, error);
}

/* Only the keeper, or who holds hold_mutex while there is no keeper, bumps. */
static gboolean
bump (MigLease *self,
      GError  **error)
{
  /* Taken before the commit: others see the new revision later than this, and count one ttl from then. */
  gint64 now = mig_clock_boottime ();
  g_autoptr (GError) local = NULL;
  guint64 revision, written;
  gboolean replaced;

  g_mutex_lock (&self->mutex);
  revision = self->revision;
  self->count++;
  g_mutex_unlock (&self->mutex);

  written = commit_bump (self, revision, self->count, &local);
  replaced = g_error_matches (local, MIG_ERROR, MIG_ERROR_CONFLICT);
  if (replaced)
    {
      g_clear_error (&local);
      if (look_up_revision (self, &revision, &local))
        written = commit_bump (self, revision, self->count, &local);
    }
  if (written == 0)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }

  g_mutex_lock (&self->mutex);
  /* Whoever deletes the record has judged this owner dead, and may have its operations. */
  if (replaced || (self->valid_until != 0 && mig_clock_boottime () >= self->valid_until))
    self->n_lapses++;
  self->revision = written;
  self->valid_until = now + (gint64) (self->ttl * G_USEC_PER_SEC);
  g_mutex_unlock (&self->mutex);

  return TRUE;
}

static gboolean
is_stopped (MigLease *self)
{
  gboolean stop;

  g_mutex_lock (&self->mutex);
  stop = self->stop;
  g_mutex_unlock (&self->mutex);

  return stop;
}

static gpointer
keep (gpointer data)
{
  MigLease *self = data;
  const gint64 period = (gint64) (self->ttl * G_USEC_PER_SEC / 3);
  gboolean ok = TRUE;

  while (!is_stopped (self))
    {
      guint64 ticket = mig_waiter_ticket (self->waiter);
      g_autoptr (GError) error = NULL;

      /* After a failed bump sooner: every one that succeeds before the ttl is over is in time. */
      if (!is_stopped (self))
        mig_waiter_wait (self->waiter, ticket, g_get_monotonic_time () + (ok ? period : period / 4), NULL);
      if (is_stopped (self))
        break;

      ok = bump (self, &error);
      if (!ok)
        mig_log_warning (NULL, "lease of %s cannot be renewed: %s", self->owner, error->message);
    }

  return NULL;
}

static void
remove_record (MigLease   *self,
               const char *key,
               guint64     revision)
{
  g_autoptr (MigTransaction) transaction = mig_transaction_new ();
  g_autoptr (GError) error = NULL;

  mig_transaction_require (transaction, key, revision);
  mig_transaction_delete (transaction, key);
  /* A record that stays is harmless: it is seen to be dead, and somebody buries it later. */
  if (mig_state_store_commit (self->store, transaction, NULL, &error) == 0)
    mig_log_debug (NULL, "%s stays: %s", key, error->message);
}

/* With hold_mutex, and no keeper. */
static gboolean
start_keeper (MigLease  *self,
              GError   **error)
{
  g_autoptr (GError) local = NULL;

  self->stop = FALSE; /* nobody else reads it yet */
  self->keeper = g_thread_try_new ("mig-lease", keep, self, &local);
  if (self->keeper != NULL)
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_BUSY, "no thread could be started: %s", local->message);

  return FALSE;
}

/* With hold_mutex, and no keeper. */
static void
forget_record (MigLease *self)
{
  remove_record (self, self->key, self->revision);
  g_mutex_lock (&self->mutex);
  self->revision = 0;
  self->valid_until = 0;
  g_mutex_unlock (&self->mutex);
}

gboolean
mig_lease_hold (MigLease  *self,
                GError   **error)
{
  gboolean ok = TRUE;

  g_mutex_lock (&self->hold_mutex);
  if (self->n_holders == 0)
    {
      ok = bump (self, error);
      if (ok && !start_keeper (self, error))
        {
          forget_record (self);
          ok = FALSE;
        }
    }
  if (ok)
    self->n_holders++;
  g_mutex_unlock (&self->hold_mutex);

  return ok;
}

void
mig_lease_release (MigLease *self)
{
  g_mutex_lock (&self->hold_mutex);
  g_assert (self->n_holders > 0);
  self->n_holders--;
  if (self->n_holders == 0)
    {
      g_mutex_lock (&self->mutex);
      self->stop = TRUE;
      g_mutex_unlock (&self->mutex);
      mig_waiter_wake (self->waiter);
      g_thread_join (g_steal_pointer (&self->keeper));
      forget_record (self);
    }
  g_mutex_unlock (&self->hold_mutex);
}

gint64
mig_lease_get_end (MigLease *self)
{
  gint64 until;

  g_mutex_lock (&self->mutex);
  until = self->valid_until;
  g_mutex_unlock (&self->mutex);

  return until;
}

double
mig_lease_get_margin (MigLease *self)
{
  return (mig_lease_get_end (self) - mig_clock_boottime ()) / (double) G_USEC_PER_SEC;
}

guint
mig_lease_get_lapses (MigLease *self)
{
  guint n_lapses;

  g_mutex_lock (&self->mutex);
  n_lapses = self->n_lapses;
  g_mutex_unlock (&self->mutex);

  return n_lapses;
}

/* Whether the owner's process provably has gone; it has to be of this boot and in this PID namespace. */
static gboolean
has_gone (MigLease      *self,
          MigJsonReader *reader)
{
  const char *boot_id = mig_json_reader_need_string (reader, "boot-id");
  const char *pid_namespace = mig_json_reader_need_string (reader, "pid-namespace");
  gint64 pid = mig_json_reader_int (reader, "pid", 1, -1);
  gint64 start = mig_json_reader_int (reader, "start", -1, -1);

  if (pid < 0 || start < 0 || *boot_id == '\0' || *pid_namespace == '\0' || !g_str_equal (boot_id, self->boot_id) ||
      !g_str_equal (pid_namespace, self->pid_namespace))
    return FALSE;

  return mig_process_judge (pid, start) == MIG_PROCESS_GONE;
}

/* What cannot be read is judged by the passing of time alone. */
static gboolean
read_record (MigLease  *self,
             MigRecord *record,
             double    *ttl)
{
  static const char *const names[] = { "v", "host", "boot-id", "pid-namespace", "pid", "start", "ttl", "count", NULL };
  g_autoptr (JsonNode) node = NULL;
  MigJsonReader reader;
  gboolean gone;
  double stated;

  *ttl = self->ttl;
  node = mig_json_parse (mig_record_get_value (record), MAX_SIZE, MIG_ERROR_CORRUPT, "lease", NULL);
  if (node == NULL)
    return FALSE;

  mig_json_reader_begin (&reader, node, MIG_ERROR_CORRUPT, "lease", names);
  gone = has_gone (self, &reader);
  stated = mig_json_reader_double (&reader, "ttl", 0, self->ttl);
  if (!mig_json_reader_end (&reader, NULL))
    return FALSE;

  *ttl = stated;
  return gone;
}

static Sighting
note_sighting (MigLease   *self,
               const char *owner,
               guint64     revision)
{
  Sighting *sighting, copy;

  g_mutex_lock (&self->mutex);
  sighting = g_hash_table_lookup (self->sightings, owner);
  if (sighting == NULL)
    {
      sighting = g_new0 (Sighting, 1);
      g_hash_table_insert (self->sightings, g_strdup (owner), sighting);
    }
  if (sighting->revision != revision)
    {
      sighting->renewed = sighting->revision != 0;
      sighting->revision = revision;
      sighting->since = mig_clock_boottime ();
    }
  copy = *sighting;
  g_mutex_unlock (&self->mutex);

  return copy;
}

MigOwner
mig_lease_judge (MigLease    *self,
                 const char  *name,
                 GError     **error)
{
  g_autofree char *key = mig_lease_key (name);
  MigOwner owner = { MIG_OWNER_UNSURE, 0 };
  g_autoptr (MigRecord) record = NULL;
  g_autoptr (GError) local = NULL;
  Sighting sighting;
  gboolean gone;
  double ttl;

  record = mig_state_store_get (self->store, key, NULL, &local);
  if (g_str_equal (name, self->owner))
    owner.state = MIG_OWNER_SELF;
  else if (g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    owner.state = MIG_OWNER_DEAD;
  else if (record == NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  if (record == NULL)
    return owner;

  owner.revision = mig_record_get_revision (record);
  if (owner.state == MIG_OWNER_SELF)
    return owner;

  /* That its process is there says nothing: it may hang. */
  gone = read_record (self, record, &ttl);
  sighting = note_sighting (self, name, owner.revision);
  if (gone || mig_clock_boottime () >= sighting.since + (gint64) (ttl * G_USEC_PER_SEC))
    owner.state = MIG_OWNER_DEAD;
  else if (sighting.renewed)
    owner.state = MIG_OWNER_ALIVE;

  return owner;
}

void
mig_lease_bury (MigLease   *self,
                const char *owner,
                guint64     revision)
{
  g_autofree char *key = mig_lease_key (owner);

  if (revision != 0)
    remove_record (self, key, revision);

  g_mutex_lock (&self->mutex);
  g_hash_table_remove (self->sightings, owner);
  g_mutex_unlock (&self->mutex);
}
