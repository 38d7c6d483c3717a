/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-enums.h>
#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_OPERATION_INFO (mig_operation_info_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigOperationInfo, mig_operation_info, MIG, OPERATION_INFO, GObject)

MIG_AVAILABLE_IN_ALL
const char         *mig_operation_info_get_id          (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
const char         *mig_operation_info_get_key         (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
const char         *mig_operation_info_get_kind        (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
const char         *mig_operation_info_get_subject     (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
const char         *mig_operation_info_get_source      (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
const char         *mig_operation_info_get_destination (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
MigPhase            mig_operation_info_get_phase       (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
MigStatus           mig_operation_info_get_status      (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
guint               mig_operation_info_get_attempt     (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
gint64              mig_operation_info_get_created     (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
gint64              mig_operation_info_get_updated     (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
const char         *mig_operation_info_get_owner       (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
const GError       *mig_operation_info_get_error       (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
const char * const *mig_operation_info_get_debts       (MigOperationInfo *self);
MIG_AVAILABLE_IN_ALL
gboolean            mig_operation_info_is_finished     (MigOperationInfo *self);

G_END_DECLS
