/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How many operations may run at once; whoever is beyond that waits in a queue, without a thread. First come, first
 * served, except that one who waits for a busy host holds up nobody who needs other hosts. */

typedef struct
{
  guint running;  /* in this cluster object; 0 = no limit, as for the others */
  guint outgoing; /* from one source host */
  guint incoming; /* to one destination host */
} MigLimits;

typedef struct _MigAdmission MigAdmission;

MigAdmission *mig_admission_new        (void);
void          mig_admission_free       (MigAdmission    *self);
void          mig_admission_set_limits (MigAdmission    *self,
                                        const MigLimits *limits);
/* @admit is called once, now or later, by whichever thread made room, without a lock held. Hosts are names; NULL
 * counts for no host. @ticket, if not NULL, is written before @admit is called. */
void          mig_admission_enter      (MigAdmission    *self,
                                        const char      *source,
                                        const char      *destination,
                                        void           (*admit) (gpointer data),
                                        gpointer         data,
                                        guint64         *ticket);
/* Gives the place back, or leaves the queue. TRUE: @admit has not been called and never will be. */
gboolean      mig_admission_leave      (MigAdmission    *self,
                                        guint64          ticket);

/* Leaves the queue, if @admit has not been called and will not be: TRUE. Otherwise nothing changes. */
gboolean      mig_admission_withdraw   (MigAdmission    *self,
                                        guint64          ticket);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigAdmission, mig_admission_free)

G_END_DECLS
