/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-types.h>

G_BEGIN_DECLS

#define MIG_TYPE_TRANSACTION (mig_transaction_get_type ())

MIG_AVAILABLE_IN_ALL
GType           mig_transaction_get_type               (void) G_GNUC_CONST;
MIG_AVAILABLE_IN_ALL
MigTransaction *mig_transaction_new                    (void) G_GNUC_WARN_UNUSED_RESULT;
MIG_AVAILABLE_IN_ALL
MigTransaction *mig_transaction_ref                    (MigTransaction *self);
MIG_AVAILABLE_IN_ALL
void            mig_transaction_unref                  (MigTransaction *self);

MIG_AVAILABLE_IN_ALL
void            mig_transaction_require                (MigTransaction *self,
                                                        const char     *key,
                                                        guint64         revision);
MIG_AVAILABLE_IN_ALL
void            mig_transaction_put                    (MigTransaction *self,
                                                        const char     *key,
                                                        const char     *value);
MIG_AVAILABLE_IN_ALL
void            mig_transaction_delete                 (MigTransaction *self,
                                                        const char     *key);

MIG_AVAILABLE_IN_ALL
guint           mig_transaction_get_n_conditions       (MigTransaction *self);
MIG_AVAILABLE_IN_ALL
const char     *mig_transaction_get_condition_key      (MigTransaction *self,
                                                        guint           index);
MIG_AVAILABLE_IN_ALL
guint64         mig_transaction_get_condition_revision (MigTransaction *self,
                                                        guint           index);
MIG_AVAILABLE_IN_ALL
guint           mig_transaction_get_n_changes          (MigTransaction *self);
MIG_AVAILABLE_IN_ALL
const char     *mig_transaction_get_change_key         (MigTransaction *self,
                                                        guint           index);
MIG_AVAILABLE_IN_ALL
const char     *mig_transaction_get_change_value       (MigTransaction *self,
                                                        guint           index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigTransaction, mig_transaction_unref)

G_END_DECLS
