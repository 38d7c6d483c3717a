/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_AUTH_REQUEST (mig_auth_request_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigAuthRequest, mig_auth_request, MIG, AUTH_REQUEST, GObject)

MIG_AVAILABLE_IN_ALL
const char *mig_auth_request_get_uri      (MigAuthRequest *self);
MIG_AVAILABLE_IN_ALL
const char *mig_auth_request_get_prompt   (MigAuthRequest *self);
MIG_AVAILABLE_IN_ALL
gboolean    mig_auth_request_is_secret    (MigAuthRequest *self);
MIG_AVAILABLE_IN_ALL
void        mig_auth_request_return_value (MigAuthRequest *self,
                                           const char     *value);
MIG_AVAILABLE_IN_ALL
void        mig_auth_request_refuse       (MigAuthRequest *self);

G_END_DECLS
