/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-auth-request.h>

G_BEGIN_DECLS

/* Where the answer to a request arrives: it outlives the request. */
typedef struct _MigAuthAnswer MigAuthAnswer;

MigAuthAnswer  *mig_auth_answer_new   (void);
void            mig_auth_answer_unref (MigAuthAnswer *self);
/* Blocks until the request was answered or finalised. NULL: refused. */
char           *mig_auth_answer_wait  (MigAuthAnswer *self);

MigAuthRequest *mig_auth_request_new  (const char    *uri,
                                       const char    *prompt,
                                       gboolean       secret,
                                       MigAuthAnswer *answer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigAuthAnswer, mig_auth_answer_unref)

G_END_DECLS
