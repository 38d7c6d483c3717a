/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/saga/mig-engine-private.h"

G_BEGIN_DECLS

/* Records `request/<id>/<name>`: what somebody asks of an operation that perhaps another process runs. The owner finds
 * them; they stay until the operation is over, for whoever might have to carry it on. */

#define MIG_REQUEST_ABORT "abort"

char     *mig_request_key    (const char  *id,
                              const char  *name);
/* NOT_FOUND when there is no such operation, INVALID_STATE when it has ended, or is seen to be past being aborted. */
gboolean  mig_request_put    (MigEngine   *engine,
                              const char  *id,
                              const char  *name,
                              GError     **error);
/* The records of what is asked of an operation, and the name of one. */
GPtrArray  *mig_request_list (MigEngine   *engine,
                              const char  *id,
                              GError     **error);
const char *mig_request_name (MigRecord   *record);

G_END_DECLS
