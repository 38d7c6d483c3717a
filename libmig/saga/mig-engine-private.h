/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-operation.h>
#include <libmig/mig-state-store.h>

#include "libmig/saga/mig-operation-record-private.h"

G_BEGIN_DECLS

/* What operations run on: the store, the operations that this process runs, their threads. A cluster owns one and
 * attaches it to itself; the hooks are what the engine asks the cluster for, so that this layer need not know it. */

typedef struct _MigEngine MigEngine;

typedef struct
{
  /* This process is the owner for at least another @margin seconds; BUSY when it may not be. */
  gboolean (*hold)    (GObject *cluster, double margin, GError **error);
  /* Until when that holds; mig_clock_boottime(), and perhaps past. */
  gint64   (*held)    (GObject *cluster, double margin);
  /* How often that was not so for a while. */
  guint    (*lapses)  (GObject *cluster);
  /* May it start now? If not, mig_operation_admit() is called when there is room. */
  gboolean (*admit)   (GObject *cluster, MigOperation *operation);
  /* It has ended, or is not run here any more. */
  void     (*leave)   (GObject *cluster, MigOperation *operation);
  /* Somebody else runs it: its record is to be watched, and its state published, until it ends. */
  void     (*observe) (GObject *cluster, MigOperation *operation);
  /* Something is to be done soon that must not block here: an operation's abort is to be recorded, say. */
  void     (*attend)  (GObject *cluster);
} MigEngineHooks;

typedef void (*MigEngineFunc) (gpointer data);

MigEngine     *mig_engine_attach          (GObject              *cluster,
                                           MigStateStore        *store,
                                           const MigEngineHooks *hooks);
MigEngine     *mig_engine_of              (GObject              *cluster); /* borrowed */

MigStateStore *mig_engine_get_store       (MigEngine            *self);
/* Who this is in the records. */
const char    *mig_engine_get_owner       (MigEngine            *self);
double         mig_engine_get_settle_time (MigEngine            *self);
void           mig_engine_set_settle_time (MigEngine            *self,
                                           double                seconds);
/* What is too long to wait for a host that does not answer, seconds. */
double         mig_engine_get_wait_limit  (MigEngine            *self);
/* The first pause between two attempts at something that failed for a reason that may pass. */
double         mig_engine_get_retry_pause (MigEngine            *self);
void           mig_engine_set_retry_pause (MigEngine            *self,
                                           double                seconds);
const MigEngineHooks *mig_engine_get_hooks (MigEngine           *self);

/* NULL: it is registered, and kept alive, from now on; otherwise the one that already has its id (owned). With an
 * error: the engine is closed. */
MigOperation  *mig_engine_register        (MigEngine            *self,
                                           MigOperation         *operation,
                                           GError              **error);
void           mig_engine_unregister      (MigEngine            *self,
                                           MigOperation         *operation);
MigOperation  *mig_engine_lookup          (MigEngine            *self,
                                           const char           *id); /* owned */
GPtrArray     *mig_engine_list            (MigEngine            *self); /* owned, of owned */
/* An operation that this process owns, or is about to, and nobody has run yet; it is not kept alive. FALSE: another
 * object of this id is, or runs. */
gboolean       mig_engine_note_claim      (MigEngine            *self,
                                           MigOperation         *operation);
/* Whether it runs here, or somebody here has claimed it. */
gboolean       mig_engine_has             (MigEngine            *self,
                                           const char           *id);

/* Threads are joined when the next one starts, and at the end. */
gboolean       mig_engine_spawn           (MigEngine            *self,
                                           const char           *name,
                                           MigEngineFunc         func,
                                           gpointer              data,
                                           GError              **error);
/* No operation is registered any more. */
void           mig_engine_close           (MigEngine            *self);
gboolean       mig_engine_is_closed       (MigEngine            *self);
/* Waits until nothing is registered; FALSE: cancelled. */
gboolean       mig_engine_wait            (MigEngine            *self,
                                           GCancellable         *cancellable,
                                           GError              **error);
void           mig_engine_join            (MigEngine            *self);

G_END_DECLS
