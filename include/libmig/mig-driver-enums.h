/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined (MIG_INSIDE) && !defined (MIG_COMPILATION)
# error "Only <libmig/mig.h> can be included directly."
#endif

#include <glib.h>

G_BEGIN_DECLS

/* The rules of mig-enums.h hold here too. */

/**
 * MigDomainState:
 * @MIG_DOMAIN_STATE_UNKNOWN: the hypervisor reports a state that this version does not know
 * @MIG_DOMAIN_STATE_RUNNING: its processors run here
 * @MIG_DOMAIN_STATE_PAUSED: paused, not by a migration
 * @MIG_DOMAIN_STATE_PAUSED_MIGRATION: paused by a migration: a source in its switch-over, or a destination that
 *   receives
 * @MIG_DOMAIN_STATE_PAUSED_POST_COPY: a source whose guest runs at the destination in post-copy
 * @MIG_DOMAIN_STATE_POST_COPY: runs here, while the rest of its memory is still at the source
 * @MIG_DOMAIN_STATE_POST_COPY_FAILED: either side of a post-copy migration whose connection broke
 * @MIG_DOMAIN_STATE_SHUT_OFF: defined, not running
 * @MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED: defined, not running here since it migrated away
 * @MIG_DOMAIN_STATE_CRASHED: its process ended by itself
 * @MIG_DOMAIN_STATE_PAUSED_IO_ERROR: paused by an error of one of its disks
 *
 * What a domain does on one host. Absence is not a state but %MIG_ERROR_NOT_FOUND.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_DOMAIN_STATE_UNKNOWN = 0,
  MIG_DOMAIN_STATE_RUNNING = 1,
  MIG_DOMAIN_STATE_PAUSED = 2,
  MIG_DOMAIN_STATE_PAUSED_MIGRATION = 3,
  MIG_DOMAIN_STATE_PAUSED_POST_COPY = 4,
  MIG_DOMAIN_STATE_POST_COPY = 5,
  MIG_DOMAIN_STATE_POST_COPY_FAILED = 6,
  MIG_DOMAIN_STATE_SHUT_OFF = 7,
  MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED = 8,
  MIG_DOMAIN_STATE_CRASHED = 9,
  MIG_DOMAIN_STATE_PAUSED_IO_ERROR = 10,
} MigDomainState;

/**
 * MigJobKind:
 * @MIG_JOB_KIND_NONE: no job
 * @MIG_JOB_KIND_MIGRATION_OUT: the domain is being migrated away
 * @MIG_JOB_KIND_MIGRATION_IN: the domain is being received
 * @MIG_JOB_KIND_OTHER: another job: snapshot, save, dump, backup
 *
 * The job that occupies a domain.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_JOB_KIND_NONE = 0,
  MIG_JOB_KIND_MIGRATION_OUT = 1,
  MIG_JOB_KIND_MIGRATION_IN = 2,
  MIG_JOB_KIND_OTHER = 3,
} MigJobKind;

/**
 * MigMigrateFlags:
 * @MIG_MIGRATE_FLAGS_NONE: none of the others
 * @MIG_MIGRATE_FLAGS_PERSIST: define the domain at the destination and undefine it at the source
 * @MIG_MIGRATE_FLAGS_UNSAFE: skip the hypervisor's check of shared storage
 * @MIG_MIGRATE_FLAGS_POST_COPY: a switch to post-copy is possible later
 * @MIG_MIGRATE_FLAGS_THROTTLE: the guest may be slowed so that the migration converges
 * @MIG_MIGRATE_FLAGS_RESUME: take up a post-copy migration whose connection broke; nothing else is begun
 *
 * How a migration works.
 *
 * Since: 0.1
 */
typedef enum /*< flags >*/
{
  MIG_MIGRATE_FLAGS_NONE = 0,
  MIG_MIGRATE_FLAGS_PERSIST = 1 << 0,
  MIG_MIGRATE_FLAGS_UNSAFE = 1 << 1,
  MIG_MIGRATE_FLAGS_POST_COPY = 1 << 2,
  MIG_MIGRATE_FLAGS_THROTTLE = 1 << 3,
  MIG_MIGRATE_FLAGS_RESUME = 1 << 4,
} MigMigrateFlags;

/**
 * MigTunable:
 * @MIG_TUNABLE_MAX_DOWNTIME: seconds that the guest may stand still at the switch-over
 * @MIG_TUNABLE_BANDWIDTH: bytes per second
 * @MIG_TUNABLE_POST_COPY: switches to post-copy; the value is ignored
 *
 * What can be changed of a running migration.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_TUNABLE_MAX_DOWNTIME = 0,
  MIG_TUNABLE_BANDWIDTH = 1,
  MIG_TUNABLE_POST_COPY = 2,
} MigTunable;

/**
 * MigDriverEvent:
 * @MIG_DRIVER_EVENT_ITERATION: a migration began another pass over memory; the detail is its number
 * @MIG_DRIVER_EVENT_SUSPENDED: the domain was paused; the detail is the reason: `migration`, `post-copy`,
 *   `post-copy-failed`, `io-error` or `other`
 * @MIG_DRIVER_EVENT_RESUMED: the domain runs; the detail as for suspended
 * @MIG_DRIVER_EVENT_STARTED: the domain exists here; the detail is `migration` or `other`
 * @MIG_DRIVER_EVENT_STOPPED: the domain has ended here; the detail is `migration`, `failed`, `crashed` or `other`
 * @MIG_DRIVER_EVENT_JOB_COMPLETED: a migration job ended well; its statistics can be read
 * @MIG_DRIVER_EVENT_BLOCK_JOB_READY: the disk in the detail is mirrored and may pivot
 * @MIG_DRIVER_EVENT_BLOCK_JOB_COMPLETED: the job of the disk in the detail ended well
 * @MIG_DRIVER_EVENT_BLOCK_JOB_CANCELLED: the job of the disk in the detail was cancelled
 * @MIG_DRIVER_EVENT_BLOCK_JOB_FAILED: the job of the disk in the detail failed
 * @MIG_DRIVER_EVENT_CONNECTION_LOST: the connection to the host broke; the domain is `*`
 *
 * What a hypervisor reports by itself.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_DRIVER_EVENT_ITERATION = 0,
  MIG_DRIVER_EVENT_SUSPENDED = 1,
  MIG_DRIVER_EVENT_RESUMED = 2,
  MIG_DRIVER_EVENT_STARTED = 3,
  MIG_DRIVER_EVENT_STOPPED = 4,
  MIG_DRIVER_EVENT_JOB_COMPLETED = 5,
  MIG_DRIVER_EVENT_BLOCK_JOB_READY = 6,
  MIG_DRIVER_EVENT_BLOCK_JOB_COMPLETED = 7,
  MIG_DRIVER_EVENT_BLOCK_JOB_CANCELLED = 8,
  MIG_DRIVER_EVENT_BLOCK_JOB_FAILED = 9,
  MIG_DRIVER_EVENT_CONNECTION_LOST = 10,
} MigDriverEvent;

/**
 * MigSimFault:
 * @MIG_SIM_FAULT_FAIL: the call fails and does nothing
 * @MIG_SIM_FAULT_EXIT_BEFORE: the process ends before the call takes effect
 * @MIG_SIM_FAULT_EXIT_AFTER: the process ends after the call has taken effect
 * @MIG_SIM_FAULT_ANSWER_LOST: the call takes effect, and the caller gets a connection error
 * @MIG_SIM_FAULT_LATE: the caller gets a connection error; the call takes effect a while later
 * @MIG_SIM_FAULT_HANG: the call does nothing and returns when it is cancelled, or at its deadline
 * @MIG_SIM_FAULT_EXIT_LATE: the process ends; the call takes effect a while later
 *
 * How a call of [class@SimDriver] goes wrong.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_SIM_FAULT_FAIL = 0,
  MIG_SIM_FAULT_EXIT_BEFORE = 1,
  MIG_SIM_FAULT_EXIT_AFTER = 2,
  MIG_SIM_FAULT_ANSWER_LOST = 3,
  MIG_SIM_FAULT_LATE = 4,
  MIG_SIM_FAULT_HANG = 5,
  MIG_SIM_FAULT_EXIT_LATE = 6,
} MigSimFault;

G_END_DECLS
