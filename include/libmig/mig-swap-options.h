/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-enums.h>
#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_SWAP_OPTIONS (mig_swap_options_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigSwapOptions, mig_swap_options, MIG, SWAP_OPTIONS, GObject)

MIG_AVAILABLE_IN_ALL
MigSwapOptions *mig_swap_options_new           (void) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigSwapOptions *mig_swap_options_new_from_json (const char      *json,
                                                GError         **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
char           *mig_swap_options_to_json       (MigSwapOptions  *self) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
