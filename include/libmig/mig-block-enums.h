/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined (MIG_INSIDE) && !defined (MIG_COMPILATION)
# error "Only <libmig/mig.h> can be included directly."
#endif

#include <glib.h>

G_BEGIN_DECLS

/* The rules of mig-enums.h hold here too. */

/**
 * MigBlockJobKind:
 * @MIG_BLOCK_JOB_KIND_NONE: no job
 * @MIG_BLOCK_JOB_KIND_PULL: data is pulled from the backing file
 * @MIG_BLOCK_JOB_KIND_COPY: the disk is mirrored
 * @MIG_BLOCK_JOB_KIND_COMMIT: data is committed into a backing file
 * @MIG_BLOCK_JOB_KIND_ACTIVE_COMMIT: the active layer is committed; ends with a pivot
 * @MIG_BLOCK_JOB_KIND_OTHER: backup and what comes later
 *
 * The job that occupies a disk.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_BLOCK_JOB_KIND_NONE = 0,
  MIG_BLOCK_JOB_KIND_PULL = 1,
  MIG_BLOCK_JOB_KIND_COPY = 2,
  MIG_BLOCK_JOB_KIND_COMMIT = 3,
  MIG_BLOCK_JOB_KIND_ACTIVE_COMMIT = 4,
  MIG_BLOCK_JOB_KIND_OTHER = 5,
} MigBlockJobKind;

/**
 * MigBlockJobVerb:
 * @MIG_BLOCK_JOB_VERB_COPY: copy to a described destination
 * @MIG_BLOCK_JOB_VERB_REBASE: libvirt's older verb: pull from a base, or copy to a path
 * @MIG_BLOCK_JOB_VERB_COMMIT: commit a part of the chain
 *
 * What a block job starts as.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_BLOCK_JOB_VERB_COPY = 0,
  MIG_BLOCK_JOB_VERB_REBASE = 1,
  MIG_BLOCK_JOB_VERB_COMMIT = 2,
} MigBlockJobVerb;

/**
 * MigBlockCopyFlags:
 * @MIG_BLOCK_COPY_FLAGS_NONE: none of the others
 * @MIG_BLOCK_COPY_FLAGS_SHALLOW: only the top of the chain
 * @MIG_BLOCK_COPY_FLAGS_REUSE: the destination exists; nothing is created
 * @MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB: allow it for a persistent domain: the job does not survive the guest's end
 * @MIG_BLOCK_COPY_FLAGS_SYNCHRONOUS: guest writes reach the destination before they are acknowledged
 * @MIG_BLOCK_COPY_FLAGS_COPY: rebase: copy instead of pull
 * @MIG_BLOCK_COPY_FLAGS_COPY_RAW: rebase: the copy is raw
 * @MIG_BLOCK_COPY_FLAGS_COPY_DEVICE: rebase: the destination is a block device
 * @MIG_BLOCK_COPY_FLAGS_RELATIVE: keep relative names of backing files
 * @MIG_BLOCK_COPY_FLAGS_ACTIVE: commit: the active layer
 * @MIG_BLOCK_COPY_FLAGS_DELETE: commit: delete the files that were committed
 *
 * How a block job works.
 *
 * Since: 0.1
 */
typedef enum /*< flags >*/
{
  MIG_BLOCK_COPY_FLAGS_NONE = 0,
  MIG_BLOCK_COPY_FLAGS_SHALLOW = 1 << 0,
  MIG_BLOCK_COPY_FLAGS_REUSE = 1 << 1,
  MIG_BLOCK_COPY_FLAGS_TRANSIENT_JOB = 1 << 2,
  MIG_BLOCK_COPY_FLAGS_SYNCHRONOUS = 1 << 3,
  MIG_BLOCK_COPY_FLAGS_COPY = 1 << 4,
  MIG_BLOCK_COPY_FLAGS_COPY_RAW = 1 << 5,
  MIG_BLOCK_COPY_FLAGS_COPY_DEVICE = 1 << 6,
  MIG_BLOCK_COPY_FLAGS_RELATIVE = 1 << 7,
  MIG_BLOCK_COPY_FLAGS_ACTIVE = 1 << 8,
  MIG_BLOCK_COPY_FLAGS_DELETE = 1 << 9,
} MigBlockCopyFlags;

/**
 * MigDiskError:
 * @MIG_DISK_ERROR_NONE: none is known
 * @MIG_DISK_ERROR_UNSPECIFIED: reading or writing failed
 * @MIG_DISK_ERROR_NO_SPACE: a write found no space left
 *
 * What a hypervisor holds against a disk of a guest.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_DISK_ERROR_NONE = 0,
  MIG_DISK_ERROR_UNSPECIFIED = 1,
  MIG_DISK_ERROR_NO_SPACE = 2,
} MigDiskError;

/**
 * MigBlockAbortFlags:
 * @MIG_BLOCK_ABORT_FLAGS_NONE: cancel, and return when the job has gone
 * @MIG_BLOCK_ABORT_FLAGS_ASYNC: return at once; the event tells the end
 * @MIG_BLOCK_ABORT_FLAGS_PIVOT: end a job that is ready by switching to the copy
 *
 * How a block job is ended.
 *
 * Since: 0.1
 */
typedef enum /*< flags >*/
{
  MIG_BLOCK_ABORT_FLAGS_NONE = 0,
  MIG_BLOCK_ABORT_FLAGS_ASYNC = 1 << 0,
  MIG_BLOCK_ABORT_FLAGS_PIVOT = 1 << 1,
} MigBlockAbortFlags;

/**
 * MigBlockOutcome:
 * @MIG_BLOCK_OUTCOME_COMPLETED: the job did what it was started for
 * @MIG_BLOCK_OUTCOME_ABORTED: ended because this object asked for it
 * @MIG_BLOCK_OUTCOME_ABORTED_ELSEWHERE: ended because somebody else asked for it
 * @MIG_BLOCK_OUTCOME_FAILED: ended by an error
 * @MIG_BLOCK_OUTCOME_GUEST_STOPPED: the guest stopped, and its jobs with it
 * @MIG_BLOCK_OUTCOME_DOMAIN_GONE: the domain does not exist any more
 * @MIG_BLOCK_OUTCOME_UNKNOWN: the job is gone, and nothing tells how it ended
 *
 * How a block job ended.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_BLOCK_OUTCOME_COMPLETED = 0,
  MIG_BLOCK_OUTCOME_ABORTED = 1,
  MIG_BLOCK_OUTCOME_ABORTED_ELSEWHERE = 2,
  MIG_BLOCK_OUTCOME_FAILED = 3,
  MIG_BLOCK_OUTCOME_GUEST_STOPPED = 4,
  MIG_BLOCK_OUTCOME_DOMAIN_GONE = 5,
  MIG_BLOCK_OUTCOME_UNKNOWN = 6,
} MigBlockOutcome;

/**
 * MigDiskSourceKind:
 * @MIG_DISK_SOURCE_KIND_NONE: an empty drive
 * @MIG_DISK_SOURCE_KIND_FILE: a file
 * @MIG_DISK_SOURCE_KIND_BLOCK: a block device
 * @MIG_DISK_SOURCE_KIND_NBD: an export of an NBD server
 * @MIG_DISK_SOURCE_KIND_NETWORK: another network disk
 * @MIG_DISK_SOURCE_KIND_OTHER: what this version does not know
 *
 * Where the data of a disk is.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_DISK_SOURCE_KIND_NONE = 0,
  MIG_DISK_SOURCE_KIND_FILE = 1,
  MIG_DISK_SOURCE_KIND_BLOCK = 2,
  MIG_DISK_SOURCE_KIND_NBD = 3,
  MIG_DISK_SOURCE_KIND_NETWORK = 4,
  MIG_DISK_SOURCE_KIND_OTHER = 5,
} MigDiskSourceKind;

G_END_DECLS
