/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/cluster/mig-cluster-private.h"
#include "libmig/saga/mig-operation-core-private.h"

/* What the engine asks of the cluster: the lease, and a place to run in. */

MigLease *
mig_cluster_get_lease (MigCluster *self)
{
  MigLease *lease;

  g_mutex_lock (&self->mutex);
  if (self->lease == NULL)
    self->lease = mig_lease_new (self->store, mig_engine_get_owner (self->engine), self->lease_ttl);
  lease = self->lease;
  g_mutex_unlock (&self->mutex);

  return lease;
}

gboolean
mig_cluster_hold_lease (MigCluster  *self,
                        double       margin,
                        GError     **error)
{
  MigLease *lease = mig_cluster_get_lease (self);
  gboolean surplus;

  g_mutex_lock (&self->mutex);
  surplus = self->holding;
  g_mutex_unlock (&self->mutex);

  if (!surplus)
    {
      if (!mig_lease_hold (lease, error))
        return FALSE;

      g_mutex_lock (&self->mutex);
      surplus = self->holding;
      self->holding = TRUE;
      g_mutex_unlock (&self->mutex);
      if (surplus) /* two threads came at once */
        mig_lease_release (lease);
    }

  if (mig_lease_get_margin (lease) >= MIN (margin, self->lease_ttl / 3))
    return TRUE;

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_BUSY,
                       "the lease of this process could not be renewed in time: another may take over");

  return FALSE;
}

void
mig_cluster_drop_lease (MigCluster *self)
{
  gboolean holding;

  g_mutex_lock (&self->mutex);
  holding = self->holding;
  self->holding = FALSE;
  g_mutex_unlock (&self->mutex);

  if (holding)
    mig_lease_release (self->lease);
}

static gboolean
hold (GObject  *cluster,
      double    margin,
      GError  **error)
{
  return mig_cluster_hold_lease (MIG_CLUSTER (cluster), margin, error);
}

static gint64
held (GObject *cluster,
      double   margin)
{
  MigCluster *self = MIG_CLUSTER (cluster);

  return mig_lease_get_end (mig_cluster_get_lease (self)) -
         (gint64) (MIN (margin, self->lease_ttl / 3) * G_USEC_PER_SEC);
}

static guint
lapses (GObject *cluster)
{
  return mig_lease_get_lapses (mig_cluster_get_lease (MIG_CLUSTER (cluster)));
}

static gboolean
admit (GObject      *cluster,
       MigOperation *operation)
{
  MigCluster *self = MIG_CLUSTER (cluster);

  /* What was begun already goes on, however full it is. */
  gboolean now = mig_operation_get_role (operation) == MIG_ROLE_CLAIMED || mig_turns_enter (self->turns, operation);

  mig_keeper_wake (self->keeper);

  return now;
}

static void
leave (GObject      *cluster,
       MigOperation *operation)
{
  mig_turns_leave (MIG_CLUSTER (cluster)->turns, operation);
}

static void
observe (GObject      *cluster,
         MigOperation *operation)
{
  mig_keeper_observe (MIG_CLUSTER (cluster)->keeper, operation);
}

static void
attend (GObject *cluster)
{
  mig_keeper_wake (MIG_CLUSTER (cluster)->keeper);
}

const MigEngineHooks mig_cluster_hooks = {
  .hold = hold,
  .held = held,
  .lapses = lapses,
  .admit = admit,
  .leave = leave,
  .observe = observe,
  .attend = attend,
};
