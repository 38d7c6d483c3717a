/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined (MIG_INSIDE) && !defined (MIG_COMPILATION)
# error "Only <libmig/mig.h> can be included directly."
#endif

#include <glib.h>

#include <libmig/mig-version.h>

/* When a minor is added: its MIG_VERSION_x_y and its MIG_AVAILABLE_…_IN_x_y. The first symbol that is deprecated in it
 * brings MIG_DEPRECATED_IN_x_y. */

#ifndef _MIG_EXTERN
# define _MIG_EXTERN extern
#endif

/**
 * MIG_VERSION_0_1: (skip)
 *
 * The version 0.1 for `MIG_VERSION_MIN_REQUIRED` and `MIG_VERSION_MAX_ALLOWED`.
 *
 * Since: 0.1
 */
#define MIG_VERSION_0_1 (MIG_ENCODE_VERSION (0, 1, 0))

/* Evaluates to the release series of these headers, without the micro. */
#define _MIG_VERSION_CURRENT (MIG_ENCODE_VERSION (MIG_MAJOR_VERSION, MIG_MINOR_VERSION, 0))

/**
 * MIG_VERSION_MIN_REQUIRED: (skip)
 *
 * The oldest series that a program wants to build with; defined by the program before it includes libmig.
 *
 * What was deprecated in that series or before it gives a warning. The default is the series of the headers.
 *
 * Since: 0.1
 */
#ifndef MIG_VERSION_MIN_REQUIRED
# define MIG_VERSION_MIN_REQUIRED _MIG_VERSION_CURRENT
#endif

/**
 * MIG_VERSION_MAX_ALLOWED: (skip)
 *
 * The newest series whose symbols a program wants to use; defined by the program before it includes libmig.
 *
 * What was added after that series gives a warning. The default is the series of the headers.
 *
 * Since: 0.1
 */
#ifndef MIG_VERSION_MAX_ALLOWED
# define MIG_VERSION_MAX_ALLOWED _MIG_VERSION_CURRENT
#endif

#if MIG_VERSION_MIN_REQUIRED < MIG_VERSION_0_1
# error "MIG_VERSION_MIN_REQUIRED must be MIG_VERSION_0_1 or later"
#endif
#if MIG_VERSION_MAX_ALLOWED < MIG_VERSION_MIN_REQUIRED
# error "MIG_VERSION_MAX_ALLOWED must not be older than MIG_VERSION_MIN_REQUIRED"
#endif
#if MIG_VERSION_MIN_REQUIRED > _MIG_VERSION_CURRENT
# error "MIG_VERSION_MIN_REQUIRED is newer than these headers"
#endif

#define MIG_AVAILABLE_IN_ALL _MIG_EXTERN

#if MIG_VERSION_MAX_ALLOWED < MIG_VERSION_0_1
# define MIG_AVAILABLE_IN_0_1 G_UNAVAILABLE (0, 1) _MIG_EXTERN
# define MIG_AVAILABLE_ENUMERATOR_IN_0_1 G_UNAVAILABLE (0, 1)
#else
# define MIG_AVAILABLE_IN_0_1 _MIG_EXTERN
# define MIG_AVAILABLE_ENUMERATOR_IN_0_1
#endif
