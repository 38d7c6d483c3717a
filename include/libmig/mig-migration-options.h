/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-enums.h>
#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_MIGRATION_OPTIONS (mig_migration_options_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigMigrationOptions, mig_migration_options, MIG, MIGRATION_OPTIONS, GObject)

MIG_AVAILABLE_IN_ALL
MigMigrationOptions *mig_migration_options_new           (void) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigMigrationOptions *mig_migration_options_new_from_json (const char           *json,
                                                          GError              **error) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
char                *mig_migration_options_to_json       (MigMigrationOptions  *self) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
