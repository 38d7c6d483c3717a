/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Microseconds since this machine was started, time asleep included: for judging whether another machine is silent. */
gint64   mig_clock_boottime (void);

/* Microseconds since 1970 UTC, to and from the one form of RFC 3339 that records have:
 * 2026-11-20T11:52:25.123456Z. */
char    *mig_clock_format   (gint64      time);
gboolean mig_clock_parse    (const char *text,
                             gint64     *time);

G_END_DECLS
