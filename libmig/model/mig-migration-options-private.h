/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-migration-options.h>

G_BEGIN_DECLS

/* Open to the library: whoever runs by options has a copy of its own, and reads its fields. */
struct _MigMigrationOptions
{
  GObject parent_instance;

  MigMigrateMode mode;
  MigDiskMode    disks;
  gboolean       unsafe;
  double         max_downtime; /* seconds, -1: the hypervisor's */
  gboolean       keep_source_disks;
  double         deadline; /* seconds, -1: none */
  gboolean       post_copy;
  gboolean       throttle;
  gint64         bandwidth; /* bytes per second, 0: no limit */
};

/* INVALID_ARGUMENT names the option that cannot be meant. */
gboolean mig_migration_options_validate (MigMigrationOptions  *self,
                                         GError              **error);

G_END_DECLS
