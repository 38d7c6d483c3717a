/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined (MIG_INSIDE) && !defined (MIG_COMPILATION)
# error "Only <libmig/mig.h> can be included directly."
#endif

#include <glib.h>

#include <libmig/mig-block-enums.h>
#include <libmig/mig-driver-enums.h>

G_BEGIN_DECLS

/* Numbers are explicit and never change; one enumerator a line (glib-mkenums skips an enumeration on one line); no
 * "_LAST". Values may be appended in any release, so a switch over them needs a default. */

/**
 * MigPhase:
 * @MIG_PHASE_NONE: not begun
 * @MIG_PHASE_CHECK: verifying that the operation can succeed; nothing has been touched
 * @MIG_PHASE_SCHEDULE: choosing the destination
 * @MIG_PHASE_PREPARE: preparing the destination: storage, volume connections, ports
 * @MIG_PHASE_TRANSFER: moving memory and data
 * @MIG_PHASE_SWITCHOVER: the guest changes hands
 * @MIG_PHASE_FINISH: after the decision: ownership, ports, removal of what has been superseded
 * @MIG_PHASE_ROLLBACK: before the decision: undoing what was done
 * @MIG_PHASE_DONE: ended, in whatever way [enum@Mig.Status] says
 *
 * What an operation is doing.
 *
 * An operation passes through its phases in this order. It leaves out those that it has nothing to do in, and goes to
 * %MIG_PHASE_ROLLBACK from any phase before the decision.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_PHASE_NONE = 0,
  MIG_PHASE_CHECK = 1,
  MIG_PHASE_SCHEDULE = 2,
  MIG_PHASE_PREPARE = 3,
  MIG_PHASE_TRANSFER = 4,
  MIG_PHASE_SWITCHOVER = 5,
  MIG_PHASE_FINISH = 6,
  MIG_PHASE_ROLLBACK = 7,
  MIG_PHASE_DONE = 8,
} MigPhase;

/**
 * MigStatus:
 * @MIG_STATUS_ACCEPTED: recorded, not yet queued
 * @MIG_STATUS_QUEUED: waiting for its turn
 * @MIG_STATUS_PREPARING: running, and nothing is being moved yet
 * @MIG_STATUS_RUNNING: memory or data is being moved
 * @MIG_STATUS_POST_COPY: the guest runs at the destination while the rest of its memory follows
 * @MIG_STATUS_RECOVERING: being carried to its end by a process that found it unfinished
 * @MIG_STATUS_COMPLETED: ended, successfully; debts may be left, see [property@Mig.Operation:debts]
 * @MIG_STATUS_CANCELLED: ended because somebody asked for it; the world is as before
 * @MIG_STATUS_FAILED: ended by an error; the world is as before
 * @MIG_STATUS_ERROR: ended, and it is not known whether it happened (%MIG_ERROR_OUTCOME_UNKNOWN) or not everything
 *   could be undone (%MIG_ERROR_ROLLBACK_FAILED)
 *
 * How an operation stands.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_STATUS_ACCEPTED = 0,
  MIG_STATUS_QUEUED = 1,
  MIG_STATUS_PREPARING = 2,
  MIG_STATUS_RUNNING = 3,
  MIG_STATUS_POST_COPY = 4,
  MIG_STATUS_RECOVERING = 5,
  MIG_STATUS_COMPLETED = 6,
  MIG_STATUS_CANCELLED = 7,
  MIG_STATUS_FAILED = 8,
  MIG_STATUS_ERROR = 9,
} MigStatus;

/**
 * MigMigrateMode:
 * @MIG_MIGRATE_MODE_AUTO: peer-to-peer when the destination's peer URI is known, else direct
 * @MIG_MIGRATE_MODE_PEER_TO_PEER: the source's daemon talks to the destination's
 * @MIG_MIGRATE_MODE_DIRECT: this process talks to both daemons
 *
 * Who manages a migration.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_MIGRATE_MODE_AUTO = 0,
  MIG_MIGRATE_MODE_PEER_TO_PEER = 1,
  MIG_MIGRATE_MODE_DIRECT = 2,
} MigMigrateMode;

/**
 * MigDiskMode:
 * @MIG_DISK_MODE_AUTO: shared where both hosts report the same network storage, else copied
 * @MIG_DISK_MODE_SHARED: no disk is copied
 * @MIG_DISK_MODE_COPY: every writable local disk is copied
 *
 * What a migration does with the guest's disks.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_DISK_MODE_AUTO = 0,
  MIG_DISK_MODE_SHARED = 1,
  MIG_DISK_MODE_COPY = 2,
} MigDiskMode;

/**
 * MigStoreFeatures:
 * @MIG_STORE_FEATURES_NONE: none of the others
 * @MIG_STORE_FEATURES_DURABLE: what was committed survives the process
 * @MIG_STORE_FEATURES_SHARED: several processes may use it at once
 * @MIG_STORE_FEATURES_NOTIFIES: `changed` is also emitted for commits of other processes
 *
 * What a state store can do.
 *
 * Since: 0.1
 */
typedef enum /*< flags >*/
{
  MIG_STORE_FEATURES_NONE = 0,
  MIG_STORE_FEATURES_DURABLE = 1 << 0,
  MIG_STORE_FEATURES_SHARED = 1 << 1,
  MIG_STORE_FEATURES_NOTIFIES = 1 << 2,
} MigStoreFeatures;

/**
 * MigCloseMode:
 * @MIG_CLOSE_MODE_WAIT: running operations go on to their end
 * @MIG_CLOSE_MODE_DETACH: operations are left as they are for recovery; direct moves are waited for
 * @MIG_CLOSE_MODE_ABORT: running operations are aborted where they still can be, and waited for
 *
 * What closing a cluster does with the operations that it runs.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_CLOSE_MODE_WAIT = 0,
  MIG_CLOSE_MODE_DETACH = 1,
  MIG_CLOSE_MODE_ABORT = 2,
} MigCloseMode;

G_END_DECLS
