/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(MIG_INSIDE) && !defined(MIG_COMPILATION)
#error "Only <libmig/mig.h> can be included directly."
#endif

#include <libmig/mig-state-store.h>

G_BEGIN_DECLS

#define MIG_TYPE_MEMORY_STORE (mig_memory_store_get_type ())

MIG_AVAILABLE_IN_ALL
G_DECLARE_FINAL_TYPE (MigMemoryStore, mig_memory_store, MIG, MEMORY_STORE, GObject)

MIG_AVAILABLE_IN_ALL
MigStateStore *mig_memory_store_new (void) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
