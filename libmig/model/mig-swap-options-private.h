/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-swap-options.h>

G_BEGIN_DECLS

/* Open to the library: whoever runs by options has a copy of its own, and reads its fields. */
struct _MigSwapOptions
{
  GObject parent_instance;

  gboolean reuse;
  char    *format;    /* NULL: the disk's */
  gint64   bandwidth; /* bytes per second, 0: no limit */
  gint64   resize_to; /* bytes, 0: stays as it is */
  gboolean verify;
  double   max_pause; /* seconds */
  gboolean synchronous;
  double   time_limit; /* seconds, -1: none */
  gint64   granularity; /* bytes, 0: the hypervisor's */
};

/* INVALID_ARGUMENT names the option that cannot be meant. */
gboolean mig_swap_options_validate (MigSwapOptions  *self,
                                    GError         **error);

G_END_DECLS
