/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined (MIG_INSIDE) && !defined (MIG_COMPILATION)
# error "Only <libmig/mig.h> can be included directly."
#endif

#include <glib.h>

#include <libmig/mig-version-macros.h>

G_BEGIN_DECLS

MIG_AVAILABLE_IN_ALL
guint    mig_get_major_version (void) G_GNUC_CONST;
MIG_AVAILABLE_IN_ALL
guint    mig_get_minor_version (void) G_GNUC_CONST;
MIG_AVAILABLE_IN_ALL
guint    mig_get_micro_version (void) G_GNUC_CONST;
MIG_AVAILABLE_IN_ALL
gboolean mig_check_version     (guint major,
                                guint minor,
                                guint micro) G_GNUC_CONST;

G_END_DECLS
