/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-state-store.h>

G_BEGIN_DECLS

#define MIG_TYPE_SQLITE_STORE (mig_sqlite_store_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigSqliteStore, mig_sqlite_store, MIG, SQLITE_STORE, GObject)

MIG_AVAILABLE_IN_ALL
MigStateStore *mig_sqlite_store_new      (const char      *path,
                                          GError         **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
const char    *mig_sqlite_store_get_path (MigSqliteStore  *self);

G_END_DECLS
