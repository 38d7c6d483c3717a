/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-host.h>

#include "libmig/cluster/mig-admission-private.h"

G_BEGIN_DECLS

/* What mig_cluster_configure() reads:
 *
 *   {"hosts": [{"name": …, "uri": …, "peer-uri": …, "migration-uri": …}, …],
 *    "limits": {"running": N, "outgoing": N, "incoming": N}, "settle-time": seconds, "lease-ttl": seconds}
 *
 * Every member but a host's name and uri may be left out; unknown ones are errors. */
typedef struct
{
  GPtrArray *hosts; /* of MigHost */
  gboolean   has_limits;
  MigLimits  limits;
  double     settle_time; /* seconds; -1 = not given */
  double     lease_ttl;   /* likewise */
} MigClusterConfig;

gboolean mig_cluster_config_parse (const char        *json,
                                   MigClusterConfig  *config,
                                   GError           **error);
void     mig_cluster_config_clear (MigClusterConfig  *config);

/* INVALID_ARGUMENT, naming @what, unless @uri has the form of a URI with a scheme. */
gboolean mig_uri_check            (const char        *uri,
                                   const char        *what,
                                   GError           **error);

/* INVALID_ARGUMENT unless it has a name, which is no URI, and URIs that are. */
gboolean mig_host_check           (MigHost           *host,
                                   GError           **error);

G_END_DECLS
