/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-state-store.h>

G_BEGIN_DECLS

/* Who owns operations, and whether an owner still lives.
 *
 * An owner is one cluster object of one process. While it owns operations it holds the record `lease/<owner>`
 *
 *   {"v": 1, "host": …, "boot-id": …, "pid-namespace": …, "pid": N, "start": N, "ttl": seconds, "count": N}
 *
 * and writes it anew every third of its ttl. Whoever wants the operations of another owner may have them when that
 * owner's record has gone, when its process provably has (same boot, same PID namespace, no such process), or after
 * seeing the same revision of the record for one ttl by its own clock; that a process is there does not count, for it
 * may hang. That only decides who tries: what makes it safe is that every commit of an operation is conditional on the
 * revision of the operation's record, and that taking over is conditional on that of the lease that was judged. */

typedef struct _MigLease MigLease;

typedef enum {
  MIG_OWNER_SELF,
  MIG_OWNER_ALIVE,
  MIG_OWNER_UNSURE, /* only time will tell */
  MIG_OWNER_DEAD,
} MigOwnerState;

typedef struct
{
  MigOwnerState state;
  guint64       revision; /* of the owner's record when it was judged; 0 = absent */
} MigOwner;

MigLease     *mig_lease_new        (MigStateStore  *store,
                                    const char     *owner, /* that nobody else has */
                                    double          ttl);  /* seconds */
void          mig_lease_unref      (MigLease       *self);
/* Counted. The first holder writes the record and starts the thread that keeps it; the last one deletes it. */
gboolean      mig_lease_hold       (MigLease       *self,
                                    GError        **error);
void          mig_lease_release    (MigLease       *self);
/* Until when nobody may take over: mig_clock_boottime(). From any thread. */
gint64        mig_lease_get_end    (MigLease       *self);
/* The same, in seconds from now; negative once somebody may. */
double        mig_lease_get_margin (MigLease       *self);
/* How often the lease had run out, or its record had been deleted, before it was renewed: each time somebody may have
 * taken over. */
guint         mig_lease_get_lapses (MigLease       *self);
/* What can be said of an owner now; with an error, UNSURE. */
MigOwner      mig_lease_judge      (MigLease       *self,
                                    const char     *owner,
                                    GError        **error);
char         *mig_lease_key        (const char     *owner); /* "lease/<owner>" */
/* Removes the record of an owner that was judged dead at that revision: not that of one that lives again. */
void          mig_lease_bury       (MigLease       *self,
                                    const char     *owner,
                                    guint64         revision);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigLease, mig_lease_unref)

G_END_DECLS
