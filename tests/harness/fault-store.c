/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fault-store.h"

#include <unistd.h>

struct _FaultStore
{
  GObject        parent_instance;
  MigStateStore *real;
  GMutex         mutex;
  guint          n_commits;
  Fault          fault;
  guint          first;
  guint          last;
  FaultFunc      func;
  gpointer       data;
};

static void fault_store_init_iface (MigStateStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (FaultStore, fault_store, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MIG_TYPE_STATE_STORE, fault_store_init_iface))

static const char *
get_name (MigStateStore *store)
{
  return "fault";
}

static MigStoreFeatures
get_features (MigStateStore *store)
{
  return mig_state_store_get_features (FAULT_STORE (store)->real);
}

static gboolean
answers (FaultStore  *self,
         const char  *verb,
         const char  *key,
         GError     **error)
{
  FaultFunc func;
  gpointer data;

  g_mutex_lock (&self->mutex);
  func = self->func;
  data = self->data;
  g_mutex_unlock (&self->mutex);
  if (func == NULL || !func (verb, key, data))
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_CONNECTION, "%s of %s: no answer", verb, key);

  return FALSE;
}

static MigRecord *
get_record (MigStateStore  *store,
            const char     *key,
            GCancellable   *cancellable,
            GError        **error)
{
  if (!answers (FAULT_STORE (store), "get", key, error))
    return NULL;

  return mig_state_store_get (FAULT_STORE (store)->real, key, cancellable, error);
}

static GPtrArray *
list_records (MigStateStore  *store,
              const char     *prefix,
              const char     *after,
              guint           limit,
              GCancellable   *cancellable,
              GError        **error)
{
  if (!answers (FAULT_STORE (store), "list", prefix, error))
    return NULL;

  return mig_state_store_list (FAULT_STORE (store)->real, prefix, after, limit, cancellable, error);
}

static Fault
count (FaultStore *self)
{
  Fault fault;

  g_mutex_lock (&self->mutex);
  self->n_commits++;
  fault = self->n_commits >= self->first && self->n_commits <= self->last ? self->fault : FAULT_NONE;
  g_mutex_unlock (&self->mutex);

  return fault;
}

static guint64
commit (MigStateStore   *store,
        MigTransaction  *transaction,
        GCancellable    *cancellable,
        GError         **error)
{
  FaultStore *self = FAULT_STORE (store);
  const char *first = "";
  guint64 revision;
  Fault fault;

  if (mig_transaction_get_n_changes (transaction) > 0)
    first = mig_transaction_get_change_key (transaction, 0);
  if (!answers (self, "commit", first, error))
    return 0;
  fault = g_str_has_prefix (first, "lease/") ? FAULT_NONE : count (self);
  if (fault == FAULT_DIE_BEFORE)
    _exit (98);
  if (fault == FAULT_FAIL)
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_FAILED, "the disk is full");
  if (fault == FAULT_UNKNOWN)
    g_set_error_literal (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN, "no answer");
  if (fault == FAULT_FAIL || fault == FAULT_UNKNOWN)
    return 0;

  revision = mig_state_store_commit (self->real, transaction, cancellable, error);
  if (fault == FAULT_DIE_AFTER)
    _exit (98);
  if (fault == FAULT_MUTE)
    {
      g_clear_error (error);
      return 0;
    }
  if (fault == FAULT_LOST)
    {
      g_clear_error (error);
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_OUTCOME_UNKNOWN, "no answer");
      return 0;
    }

  return revision;
}

static void
fault_store_init_iface (MigStateStoreInterface *iface)
{
  iface->get_name = get_name;
  iface->get_features = get_features;
  iface->get = get_record;
  iface->list_records = list_records;
  iface->commit = commit;
}

static void
fault_store_finalize (GObject *object)
{
  FaultStore *self = FAULT_STORE (object);

  g_object_unref (self->real);
  g_mutex_clear (&self->mutex);

  G_OBJECT_CLASS (fault_store_parent_class)->finalize (object);
}

static void
fault_store_class_init (FaultStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = fault_store_finalize;
}

static void
fault_store_init (FaultStore *self)
{
  g_mutex_init (&self->mutex);
}

FaultStore *
fault_store_new (MigStateStore *real)
{
  FaultStore *self = g_object_new (FAULT_TYPE_STORE, NULL);

  self->real = g_object_ref (real);

  return self;
}

void
fault_store_arm (FaultStore *self,
                 Fault       fault,
                 guint       first,
                 guint       times)
{
  g_mutex_lock (&self->mutex);
  self->fault = fault;
  self->first = self->n_commits + first;
  self->last = times == 0 ? G_MAXUINT : self->first + times - 1;
  g_mutex_unlock (&self->mutex);
}

void
fault_store_watch (FaultStore *self,
                   FaultFunc   func,
                   gpointer    data)
{
  g_mutex_lock (&self->mutex);
  self->func = func;
  self->data = data;
  g_mutex_unlock (&self->mutex);
}

guint
fault_store_n_commits (FaultStore *self)
{
  guint n_commits;

  g_mutex_lock (&self->mutex);
  n_commits = self->n_commits;
  g_mutex_unlock (&self->mutex);

  return n_commits;
}
