/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-disk.h>

G_BEGIN_DECLS

#define MIG_TYPE_DOMAIN_INFO (mig_domain_info_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigDomainInfo, mig_domain_info, MIG, DOMAIN_INFO, GObject)

MIG_AVAILABLE_IN_ALL
const char    *mig_domain_info_get_uuid                  (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
const char    *mig_domain_info_get_name                  (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
MigDomainState mig_domain_info_get_state                 (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
gint64         mig_domain_info_get_id                    (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
gboolean       mig_domain_info_is_persistent             (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
gint64         mig_domain_info_get_memory                (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
const char    *mig_domain_info_get_mark                  (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
MigJobKind     mig_domain_info_get_job                   (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
gboolean       mig_domain_info_has_snapshots             (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
GPtrArray     *mig_domain_info_get_disks                 (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
GPtrArray     *mig_domain_info_get_persistent_disks      (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
MigDisk       *mig_domain_info_find_disk                 (MigDomainInfo *self,
                                                          const char    *target);
MIG_AVAILABLE_IN_ALL
const char    *mig_domain_info_get_definition            (MigDomainInfo *self);
MIG_AVAILABLE_IN_ALL
const char    *mig_domain_info_get_persistent_definition (MigDomainInfo *self);

MIG_AVAILABLE_IN_ALL
MigDomainInfo *mig_domain_info_with_disks                (MigDomainInfo *self,
                                                          GPtrArray     *disks,
                                                          GPtrArray     *persistent_disks) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
