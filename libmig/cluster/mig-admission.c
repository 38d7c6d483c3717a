/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/cluster/mig-admission-private.h"

typedef struct
{
  guint64    ticket;
  char      *source;
  char      *destination;
  gboolean   admitted;
  void     (*admit) (gpointer data);
  gpointer   data;
} Entry;

struct _MigAdmission
{
  GMutex      mutex;
  MigLimits   limits;
  GQueue      entries; /* of Entry, in the order of their coming */
  guint64     last_ticket;
  guint       n_running;
  GHashTable *outgoing; /* name of a host → how many run from it */
  GHashTable *incoming;
};

static void
entry_free (Entry *entry)
{
  g_free (entry->source);
  g_free (entry->destination);
  g_free (entry);
}

MigAdmission *
mig_admission_new (void)
{
  MigAdmission *self = g_new0 (MigAdmission, 1);

  g_mutex_init (&self->mutex);
  g_queue_init (&self->entries);
  self->outgoing = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->incoming = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  return self;
}

void
mig_admission_free (MigAdmission *self)
{
  g_queue_clear_full (&self->entries, (GDestroyNotify) entry_free);
  g_hash_table_unref (self->outgoing);
  g_hash_table_unref (self->incoming);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

static guint
count_of (GHashTable *counts,
          const char *host)
{
  return host != NULL ? GPOINTER_TO_UINT (g_hash_table_lookup (counts, host)) : 0;
}

static void
change_count (GHashTable *counts,
              const char *host,
              int         by)
{
  guint count = count_of (counts, host) + (guint) by;

  if (host == NULL)
    return;

  if (count > 0)
    g_hash_table_replace (counts, g_strdup (host), GUINT_TO_POINTER (count));
  else
    g_hash_table_remove (counts, host);
}

static gboolean
is_below (guint count,
          guint limit)
{
  return limit == 0 || count < limit;
}

static gboolean
has_room (MigAdmission *self,
          Entry        *entry)
{
  return is_below (self->n_running, self->limits.running) &&
         (entry->source == NULL || is_below (count_of (self->outgoing, entry->source), self->limits.outgoing)) &&
         (entry->destination == NULL || is_below (count_of (self->incoming, entry->destination),
                                                  self->limits.incoming));
}

static void
occupy (MigAdmission *self,
        Entry        *entry,
        int           by)
{
  self->n_running += (guint) by;
  change_count (self->outgoing, entry->source, by);
  change_count (self->incoming, entry->destination, by);
}

typedef struct
{
  void     (*admit) (gpointer data);
  gpointer   data;
} Call;

/* Marks who may run now; with the lock held. The calls are made by the caller after it let go of the lock: by then
 * an entry may have left again and been freed, so they do not refer to entries. */
static GArray *
admit_waiting (MigAdmission *self)
{
  GArray *calls = g_array_new (FALSE, FALSE, sizeof (Call));

  for (GList *link = self->entries.head; link != NULL; link = link->next)
    {
      Entry *entry = link->data;
      Call call = { entry->admit, entry->data };

      if (entry->admitted || !has_room (self, entry))
        continue;

      entry->admitted = TRUE;
      occupy (self, entry, 1);
      g_array_append_val (calls, call);
    }

  return calls;
}

static void
make_calls (GArray *calls)
{
  for (guint i = 0; i < calls->len; i++)
    {
      Call *call = &g_array_index (calls, Call, i);

      call->admit (call->data);
    }

  g_array_unref (calls);
}

void
mig_admission_set_limits (MigAdmission    *self,
                          const MigLimits *limits)
{
  GArray *calls;

  g_mutex_lock (&self->mutex);
  self->limits = *limits;
  calls = admit_waiting (self);
  g_mutex_unlock (&self->mutex);

  make_calls (calls);
}

void
mig_admission_enter (MigAdmission  *self,
                     const char    *source,
                     const char    *destination,
                     void         (*admit) (gpointer data),
                     gpointer       data,
                     guint64       *ticket)
{
  Entry *entry = g_new0 (Entry, 1);
  GArray *calls;

  entry->source = g_strdup (source);
  entry->destination = g_strdup (destination);
  entry->admit = admit;
  entry->data = data;

  g_mutex_lock (&self->mutex);
  entry->ticket = ++self->last_ticket;
  if (ticket != NULL)
    *ticket = entry->ticket;
  g_queue_push_tail (&self->entries, entry);
  calls = admit_waiting (self);
  g_mutex_unlock (&self->mutex);

  make_calls (calls);
}

static gboolean
remove_entry (MigAdmission *self,
              guint64       ticket,
              gboolean      also_admitted)
{
  gboolean waited = FALSE;
  GArray *calls;

  g_mutex_lock (&self->mutex);
  for (GList *link = self->entries.head; link != NULL; link = link->next)
    {
      Entry *entry = link->data;

      if (entry->ticket != ticket)
        continue;

      waited = !entry->admitted;
      if (entry->admitted && !also_admitted)
        break;
      if (entry->admitted)
        occupy (self, entry, -1);
      g_queue_delete_link (&self->entries, link);
      entry_free (entry);
      break;
    }
  calls = admit_waiting (self);
  g_mutex_unlock (&self->mutex);

  make_calls (calls);

  return waited;
}

gboolean
mig_admission_leave (MigAdmission *self,
                     guint64       ticket)
{
  return remove_entry (self, ticket, TRUE);
}

gboolean
mig_admission_withdraw (MigAdmission *self,
                        guint64       ticket)
{
  return remove_entry (self, ticket, FALSE);
}
