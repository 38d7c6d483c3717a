/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-block-patience-private.h"

#include <libmig/mig-error.h>

gboolean
mig_block_patience_is_silence (const GError *failure)
{
  return g_error_matches (failure, MIG_ERROR, MIG_ERROR_CONNECTION) ||
         g_error_matches (failure, MIG_ERROR, MIG_ERROR_TIMED_OUT) ||
         g_error_matches (failure, MIG_ERROR, MIG_ERROR_BUSY);
}

static double
seconds_since (gint64 time)
{
  return (double) (g_get_monotonic_time () - time) / G_USEC_PER_SEC;
}

gboolean
mig_block_patience_lasts (MigBlockPatience *self,
                          double            wait_limit,
                          double            settle_time,
                          const GError     *failure)
{
  if (self->blind_since == 0)
    self->blind_since = g_get_monotonic_time ();

  if (mig_block_patience_is_silence (failure))
    {
      self->refused_since = 0;
      return seconds_since (self->blind_since) < wait_limit;
    }

  if (self->refused_since == 0)
    self->refused_since = g_get_monotonic_time ();

  return seconds_since (self->refused_since) < settle_time;
}
