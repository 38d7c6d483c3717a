/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-job-private.h"

typedef struct
{
  virTypedParameterPtr parameters;
  int                  n;
} Parameters;

/* The value, whatever integer type this version of libvirt gives it; -1 when it is not there. */
static gint64
get_number (const Parameters *self,
            const char       *name)
{
  virTypedParameterPtr found = virTypedParamsGet (self->parameters, self->n, name);

  if (found == NULL)
    return -1;

  switch (found->type)
    {
    case VIR_TYPED_PARAM_INT:
      return found->value.i;
    case VIR_TYPED_PARAM_UINT:
      return found->value.ui;
    case VIR_TYPED_PARAM_LLONG:
      return found->value.l;
    case VIR_TYPED_PARAM_ULLONG:
      return (gint64) MIN (found->value.ul, (unsigned long long) G_MAXINT64);
    default:
      return -1;
    }
}

static double
get_seconds (const Parameters *self,
             const char       *net,
             const char       *gross)
{
  gint64 milliseconds = net != NULL ? get_number (self, net) : -1;

  if (milliseconds < 0)
    milliseconds = get_number (self, gross);

  return milliseconds < 0 ? -1 : milliseconds / 1000.0;
}

/* Memory and disks have a rate each, which is left out while it is 0. */
static double
get_rate (const Parameters *self)
{
  gint64 memory = get_number (self, VIR_DOMAIN_JOB_MEMORY_BPS);
  gint64 disk = get_number (self, VIR_DOMAIN_JOB_DISK_BPS);

  if (memory < 0 && disk < 0)
    return -1;

  return (double) MAX (memory, 0) + (double) MAX (disk, 0);
}

static double
get_dirty_rate (const Parameters *self)
{
  gint64 pages = get_number (self, VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE);
  gint64 page_size = get_number (self, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE);

  return pages < 0 || page_size <= 0 ? -1 : (double) pages * (double) page_size;
}

static MigJobKind
get_kind (int               type,
          const Parameters *self)
{
  if (type == VIR_DOMAIN_JOB_NONE)
    return MIG_JOB_KIND_NONE;

  switch (get_number (self, VIR_DOMAIN_JOB_OPERATION))
    {
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT:
      return MIG_JOB_KIND_MIGRATION_OUT;
    case VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN:
      return MIG_JOB_KIND_MIGRATION_IN;
    default:
      return MIG_JOB_KIND_OTHER;
    }
}

MigJobStats *
mig_libvirt_job_stats_new (int                  type,
                           virTypedParameterPtr parameters,
                           int                  n_parameters,
                           gboolean             completed)
{
  Parameters all = { parameters, n_parameters };
  MigJobKind kind = get_kind (type, &all);
  const char *net_time = completed ? VIR_DOMAIN_JOB_TIME_ELAPSED_NET : NULL;
  const char *net_downtime = completed ? VIR_DOMAIN_JOB_DOWNTIME_NET : NULL;

  if (kind == MIG_JOB_KIND_NONE)
    return g_object_new (MIG_TYPE_JOB_STATS, NULL);

  /* The gross times of a finished move have the difference of the two hosts' clocks in them. */
  return g_object_new (MIG_TYPE_JOB_STATS,
                       "kind", kind,
                       "completed", completed,
                       "elapsed", get_seconds (&all, net_time, VIR_DOMAIN_JOB_TIME_ELAPSED),
                       "downtime", get_seconds (&all, net_downtime, VIR_DOMAIN_JOB_DOWNTIME),
                       "memory-total", get_number (&all, VIR_DOMAIN_JOB_MEMORY_TOTAL),
                       "memory-processed", get_number (&all, VIR_DOMAIN_JOB_MEMORY_PROCESSED),
                       "memory-remaining", get_number (&all, VIR_DOMAIN_JOB_MEMORY_REMAINING),
                       "disk-total", get_number (&all, VIR_DOMAIN_JOB_DISK_TOTAL),
                       "disk-processed", get_number (&all, VIR_DOMAIN_JOB_DISK_PROCESSED),
                       "disk-remaining", get_number (&all, VIR_DOMAIN_JOB_DISK_REMAINING),
                       "rate", get_rate (&all),
                       "dirty-rate", get_dirty_rate (&all),
                       "iteration", get_number (&all, VIR_DOMAIN_JOB_MEMORY_ITERATION),
                       NULL);
}

typedef struct
{
  char        *uuid;
  char        *name;
  MigJobStats *stats;
} Entry;

struct _MigLibvirtHistory
{
  GMutex mutex;
  GQueue entries; /* of Entry, the newest first */
  guint  max;
};

static void
entry_free (Entry *entry)
{
  g_object_unref (entry->stats);
  g_free (entry->name);
  g_free (entry->uuid);
  g_free (entry);
}

MigLibvirtHistory *
mig_libvirt_history_new (guint max)
{
  MigLibvirtHistory *self = g_new0 (MigLibvirtHistory, 1);

  g_mutex_init (&self->mutex);
  g_queue_init (&self->entries);
  self->max = max;

  return self;
}

void
mig_libvirt_history_free (MigLibvirtHistory *self)
{
  g_queue_clear_full (&self->entries, (GDestroyNotify) entry_free);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

/* With the lock. */
static GList *
find_entry (MigLibvirtHistory *self,
            const char        *domain)
{
  GList *link;

  for (link = self->entries.head; link != NULL; link = link->next)
    {
      Entry *entry = link->data;

      if (g_ascii_strcasecmp (entry->uuid, domain) == 0 || g_strcmp0 (entry->name, domain) == 0)
        return link;
    }

  return NULL;
}

void
mig_libvirt_history_add (MigLibvirtHistory *self,
                         const char        *uuid,
                         const char        *name,
                         MigJobStats       *stats)
{
  Entry *entry = g_new0 (Entry, 1);
  GList *old;

  entry->uuid = g_strdup (uuid);
  entry->name = g_strdup (name);
  entry->stats = g_object_ref (stats);

  g_mutex_lock (&self->mutex);
  old = find_entry (self, uuid);
  if (old == NULL && g_queue_get_length (&self->entries) >= self->max)
    old = self->entries.tail;
  if (old != NULL)
    {
      entry_free (old->data);
      g_queue_delete_link (&self->entries, old);
    }
  g_queue_push_head (&self->entries, entry);
  g_mutex_unlock (&self->mutex);
}

void
mig_libvirt_history_remove (MigLibvirtHistory *self,
                            const char        *domain)
{
  GList *link;

  g_mutex_lock (&self->mutex);
  link = find_entry (self, domain);
  if (link != NULL)
    {
      entry_free (link->data);
      g_queue_delete_link (&self->entries, link);
    }
  g_mutex_unlock (&self->mutex);
}

MigJobStats *
mig_libvirt_history_lookup (MigLibvirtHistory *self,
                            const char        *domain)
{
  MigJobStats *stats = NULL;
  GList *link;

  g_mutex_lock (&self->mutex);
  link = find_entry (self, domain);
  if (link != NULL)
    stats = g_object_ref (((Entry *) link->data)->stats);
  g_mutex_unlock (&self->mutex);

  return stats;
}
