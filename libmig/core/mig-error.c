/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <libmig/mig-error.h>

/**
 * mig_error_quark:
 *
 * Gets the error domain of libmig. May be called from any thread.
 *
 * Returns: the quark
 *
 * Since: 0.1
 */
G_DEFINE_QUARK (mig-error-quark, mig_error)
