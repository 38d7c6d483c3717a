/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-state-store.h>

G_BEGIN_DECLS

/* A store in front of another one, in which a commit goes wrong. */

#define FAULT_TYPE_STORE (fault_store_get_type ())

G_DECLARE_FINAL_TYPE (FaultStore, fault_store, FAULT, STORE, GObject)

typedef enum {
  FAULT_NONE,
  FAULT_FAIL,       /* nothing was written, and it says so */
  FAULT_UNKNOWN,    /* nothing was written, and it does not know */
  FAULT_LOST,       /* it was written, but it does not know */
  FAULT_MUTE,       /* it was written, but it says that it failed, and not why */
  FAULT_DIE_BEFORE, /* the process ends instead */
  FAULT_DIE_AFTER,
} Fault;

FaultStore *fault_store_new       (MigStateStore *real);
/* From the @first commit (1: the next one) on, @times of them; 0: all. Reading stays possible, leases are let be. */
void        fault_store_arm       (FaultStore    *self,
                                   Fault          fault,
                                   guint          first,
                                   guint          times);
/* Asked before each access, in the thread that makes it: @verb is "get", "list" or "commit", @key what is read, or the
 * first that is changed. TRUE: the store does not answer. NULL: nobody is asked. */
typedef gboolean (*FaultFunc) (const char *verb,
                               const char *key,
                               gpointer    data);

void        fault_store_watch     (FaultStore    *self,
                                   FaultFunc      func,
                                   gpointer       data);
/* How many commits there were, those of leases left out. */
guint       fault_store_n_commits (FaultStore    *self);

G_END_DECLS
