/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined (MIG_INSIDE) && !defined (MIG_COMPILATION)
# error "Only <libmig/mig.h> can be included directly."
#endif

#include <glib.h>

#include <libmig/mig-version-macros.h>

G_BEGIN_DECLS

/**
 * MIG_ERROR:
 *
 * The error domain of libmig. Its codes are [error@Mig.Error].
 *
 * Since: 0.1
 */
#define MIG_ERROR (mig_error_quark ())

/**
 * MigError:
 * @MIG_ERROR_FAILED: something failed that has no better code; report the message
 * @MIG_ERROR_INVALID_ARGUMENT: the call is wrong; fix it
 * @MIG_ERROR_NOT_FOUND: the thing that was named does not exist; refresh the view of the world
 * @MIG_ERROR_NOT_SUPPORTED: this host, driver or back end cannot do it; pick another strategy or back end
 * @MIG_ERROR_INVALID_STATE: not possible in the present state, which the message names; do not call this now
 * @MIG_ERROR_BUSY: another job or owner holds it; wait
 * @MIG_ERROR_CONFLICT: somebody else was faster, or the same key was used for another request; re-read, then retry
 * @MIG_ERROR_INCOMPATIBLE: the guest cannot run on that host (CPU, machine type, network); choose another
 * @MIG_ERROR_NO_CAPACITY: no host or pool passed the filters
 * @MIG_ERROR_TIMED_OUT: it took longer than it was allowed to; retry with more time
 * @MIG_ERROR_NOT_CONVERGING: the guest writes memory or disk faster than it can be copied; throttle it, use
 *   post-copy, or give up
 * @MIG_ERROR_CONNECTION: a host could not be reached, and nothing has happened there; reconnect and retry
 * @MIG_ERROR_OUTCOME_UNKNOWN: it may or may not have happened; reconcile before anything else
 * @MIG_ERROR_CORRUPT: the journal or the store cannot be read; this needs an operator
 * @MIG_ERROR_CONTRACT: an implementation of an interface failed without saying why; fix the back end
 * @MIG_ERROR_ROLLBACK_FAILED: undoing did not succeed completely; this needs an operator, the journal says what is
 *   left
 *
 * Error codes of the domain `MIG_ERROR`.
 *
 * A code says what the caller should do next, not where something broke. Codes are only ever appended.
 *
 * A cancelled call gives `G_IO_ERROR_CANCELLED`. Errors of an embedder's back end keep their own domain and code, with
 * a prefix that names the step.
 *
 * Since: 0.1
 */
typedef enum
{
  MIG_ERROR_FAILED = 0,
  MIG_ERROR_INVALID_ARGUMENT = 1,
  MIG_ERROR_NOT_FOUND = 2,
  MIG_ERROR_NOT_SUPPORTED = 3,
  MIG_ERROR_INVALID_STATE = 4,
  MIG_ERROR_BUSY = 5,
  MIG_ERROR_CONFLICT = 6,
  MIG_ERROR_INCOMPATIBLE = 7,
  MIG_ERROR_NO_CAPACITY = 8,
  MIG_ERROR_TIMED_OUT = 9,
  MIG_ERROR_NOT_CONVERGING = 10,
  MIG_ERROR_CONNECTION = 11,
  MIG_ERROR_OUTCOME_UNKNOWN = 12,
  MIG_ERROR_CORRUPT = 13,
  MIG_ERROR_CONTRACT = 14,
  MIG_ERROR_ROLLBACK_FAILED = 15,
} MigError;

MIG_AVAILABLE_IN_ALL
GQuark mig_error_quark (void);

G_END_DECLS
