/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined (MIG_INSIDE) && !defined (MIG_COMPILATION)
# error "Only <libmig/mig.h> can be included directly."
#endif

#include <gio/gio.h>

#include <libmig/mig-enums.h>
#include <libmig/mig-error.h>
#include <libmig/mig-version-macros.h>

G_BEGIN_DECLS

/* One typedef a line, sorted: headers name each other's types through this file instead of including each other. */
typedef struct _MigAuthRequest MigAuthRequest;
typedef struct _MigBlockCopyRequest MigBlockCopyRequest;
typedef struct _MigBlockDevice MigBlockDevice;
typedef struct _MigBlockJobDriver MigBlockJobDriver;
typedef struct _MigBlockJobInfo MigBlockJobInfo;
typedef struct _MigCluster MigCluster;
typedef struct _MigComputeDriver MigComputeDriver;
typedef struct _MigDisk MigDisk;
typedef struct _MigDiskSource MigDiskSource;
typedef struct _MigDomainInfo MigDomainInfo;
typedef struct _MigHost MigHost;
typedef struct _MigHostInfo MigHostInfo;
typedef struct _MigJobStats MigJobStats;
typedef struct _MigLibvirtDriver MigLibvirtDriver;
typedef struct _MigMemoryStore MigMemoryStore;
typedef struct _MigMigrateRequest MigMigrateRequest;
typedef struct _MigMigrationOptions MigMigrationOptions;
typedef struct _MigMigrationTask MigMigrationTask;
typedef struct _MigOperation MigOperation;
typedef struct _MigOperationInfo MigOperationInfo;
typedef struct _MigPoolBackend MigPoolBackend;
typedef struct _MigProgress MigProgress;
typedef struct _MigRecord MigRecord;
typedef struct _MigSimDriver MigSimDriver;
typedef struct _MigSqliteStore MigSqliteStore;
typedef struct _MigStateStore MigStateStore;
typedef struct _MigSwapOptions MigSwapOptions;
typedef struct _MigTransaction MigTransaction;
typedef struct _MigVolume MigVolume;
typedef struct _MigVolumeBackend MigVolumeBackend;
typedef struct _MigVolumeSwap MigVolumeSwap;

/**
 * MIG_DECLARE_CLOSED_TYPE: (skip)
 * @ObjName: name of the class, such as `MigOperation`
 * @obj_name: prefix of its functions, such as `mig_operation`
 * @MODULE: `MIG`
 * @OBJ_NAME: the rest of its name in macros, such as `OPERATION`
 *
 * For libmig's own headers: declares a class that is public and closed.
 *
 * Its struct and its class struct are private, also where libmig itself derives from it. Like
 * `G_DECLARE_FINAL_TYPE()`, which would need the parent's class struct.
 *
 * Since: 0.1
 */
#define MIG_DECLARE_CLOSED_TYPE(ObjName, obj_name, MODULE, OBJ_NAME)                                                   \
  GType obj_name##_get_type (void);                                                                                    \
  typedef struct _##ObjName##Class ObjName##Class;                                                                     \
  G_DEFINE_AUTOPTR_CLEANUP_FUNC (ObjName, g_object_unref)                                                              \
  G_GNUC_UNUSED static inline ObjName *MODULE##_##OBJ_NAME (gpointer ptr)                                              \
  {                                                                                                                    \
    return G_TYPE_CHECK_INSTANCE_CAST (ptr, obj_name##_get_type (), ObjName);                                          \
  }                                                                                                                    \
  G_GNUC_UNUSED static inline gboolean MODULE##_IS_##OBJ_NAME (gpointer ptr)                                           \
  {                                                                                                                    \
    return G_TYPE_CHECK_INSTANCE_TYPE (ptr, obj_name##_get_type ());                                                   \
  }

G_END_DECLS
