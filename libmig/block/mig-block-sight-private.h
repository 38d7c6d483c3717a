/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-block-job-driver.h>
#include <libmig/mig-compute-driver.h>

#include "libmig/block/mig-block-verdict-private.h"

G_BEGIN_DECLS

/* Which disk is meant. The driver is a MigBlockJobDriver too. */
typedef struct
{
  MigComputeDriver *driver;
  MigHost          *host;
  char             *domain; /* the UUID, or what the caller called it before it was looked up */
  char             *target;
} MigBlockRef;

/* What a look at one disk saw. */
typedef struct
{
  MigBlockPlace    place;
  MigDomainInfo   *domain; /* NULL when it is gone */
  MigDisk         *disk;   /* borrowed; of the definition that counts: the live one, else the persistent one; or NULL */
  MigBlockJobInfo *job;    /* NULL when it was not asked for, or the guest is not active */
} MigBlockSight;

#define MIG_BLOCK_SIGHT_INIT { MIG_BLOCK_PLACE_UNKNOWN, NULL, NULL, NULL }

/* NOT_SUPPORTED when the driver has no block jobs. */
MigBlockRef       *mig_block_ref_new          (MigComputeDriver     *driver,
                                               MigHost              *host,
                                               const char           *domain,
                                               const char           *target,
                                               GError              **error);
MigBlockRef       *mig_block_ref_copy         (const MigBlockRef    *self);
void               mig_block_ref_free         (MigBlockRef          *self);
MigBlockJobDriver *mig_block_ref_get_jobs     (const MigBlockRef    *self);

/* Whether the driver tells by itself what happens; if it does not, it must be asked often. A driver whose events depend
 * on something has a boolean property "has-events"; of others it is assumed that they tell. */
gboolean           mig_block_has_events       (MigComputeDriver     *driver);

/* Asks for the domain, and @with_job for its job and the disk's too. A domain that is gone is a sight, not an error. */
gboolean           mig_block_look             (const MigBlockRef    *ref,
                                               gboolean              with_job,
                                               MigBlockSight        *sight,
                                               GCancellable         *cancellable,
                                               GError              **error);
void               mig_block_sight_clear      (MigBlockSight        *self);
MigBlockMirror     mig_block_sight_mirror     (const MigBlockSight  *self);
/* Sets @since to when it was first seen that nothing is left to copy, though nobody says that the mirror is ready, and
 * to 0 when another job holds the guest. libvirt does not notice meanwhile that a mirror is ready, and forgets it when
 * that takes 30 s; what it missed it sees when it is asked to pivot. */
void               mig_block_sight_note_whole (const MigBlockSight  *self,
                                               gint64               *since);
MigBlockJobKind    mig_block_sight_job        (const MigBlockSight  *self);
MigBlockSource     mig_block_sight_source     (const MigBlockSight  *self,
                                               MigDiskSource        *old_source,
                                               MigDiskSource        *new_source);

/* @n_before: how many files were below the disk when its job began; -1: unknown. */
MigBlockLayers     mig_block_sight_layers     (const MigBlockSight  *self,
                                               int                   n_before);

gboolean           mig_block_domain_is_active (MigDomainInfo        *domain);
MigDisk           *mig_block_find_disk        (GPtrArray            *disks,
                                               const char           *target);
/* The same data: a path is one place, whether it is called a file or a device, and with however many slashes it is
 * written. Of two hosts' paths it says nothing. */
gboolean           mig_block_same_place       (MigDiskSource        *one,
                                               MigDiskSource        *other);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigBlockRef, mig_block_ref_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MigBlockSight, mig_block_sight_clear)

G_END_DECLS
