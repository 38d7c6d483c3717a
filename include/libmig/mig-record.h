/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_RECORD (mig_record_get_type ())

MIG_AVAILABLE_IN_ALL
GType       mig_record_get_type     (void) G_GNUC_CONST;
MIG_AVAILABLE_IN_ALL
MigRecord  *mig_record_new          (const char *key,
                                     guint64     revision,
                                     const char *value) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigRecord  *mig_record_ref          (MigRecord  *self);
MIG_AVAILABLE_IN_ALL
void        mig_record_unref        (MigRecord  *self);
MIG_AVAILABLE_IN_ALL
const char *mig_record_get_key      (MigRecord  *self);
MIG_AVAILABLE_IN_ALL
guint64     mig_record_get_revision (MigRecord  *self);
MIG_AVAILABLE_IN_ALL
const char *mig_record_get_value    (MigRecord  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigRecord, mig_record_unref)

G_END_DECLS
