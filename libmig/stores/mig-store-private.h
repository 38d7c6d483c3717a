/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-state-store.h>

G_BEGIN_DECLS

/* What the built-in stores have in common. */

/* Emits "changed" once for each key that the transaction changes. Call it with no lock held. */
void mig_store_emit_changes  (MigStateStore   *store,
                              MigTransaction  *transaction);

void mig_store_set_not_found (const char      *key,
                              GError         **error);
/* A condition wants @wanted, and the record has @found; either is 0 for absent. */
void mig_store_set_conflict  (const char      *key,
                              guint64          wanted,
                              guint64          found,
                              GError         **error);

G_END_DECLS
