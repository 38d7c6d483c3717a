/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* How long a job that cannot be looked at has been waited for; all 0: the last look saw something. */
typedef struct {
  gint64 blind_since;
  gint64 refused_since; /* 0: or there was no answer */
} MigBlockPatience;

/* Nobody answered, or too many calls are still out for another one. */
gboolean mig_block_patience_is_silence (const GError     *failure);
/* Another look has failed. Silence is waited for as long as recovery would; what another error says may still pass, but
 * not so long, counted from when it was first said. */
gboolean mig_block_patience_lasts      (MigBlockPatience *self,
                                        double            wait_limit,  /* of the cluster's engine, in seconds */
                                        double            settle_time, /* likewise */
                                        const GError     *failure);

G_END_DECLS
