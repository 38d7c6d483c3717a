/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Is a libvirt event loop registered in this process, and does it turn? May block for a second when one is registered
 * that does not. */
gboolean mig_libvirt_event_loop_turns (void);

G_END_DECLS
