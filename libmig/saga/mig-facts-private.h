/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What an operation knows: names to values that JSON has too (string, integer, number, boolean, list of strings), so
 * that the journal keeps them exactly. A request (what the caller asked for) and the facts (what steps found or made)
 * are both such sets. Not locked: a set belongs to one thread at a time. */

typedef struct _MigFacts MigFacts;

MigFacts           *mig_facts_new         (void);
/* From and to an a{sv}; what is of another type becomes text. */
MigFacts           *mig_facts_new_from_variant (GVariant      *dictionary);
GVariant           *mig_facts_to_variant  (MigFacts           *self); /* owned */
MigFacts           *mig_facts_ref         (MigFacts           *self);
void                mig_facts_unref       (MigFacts           *self);
MigFacts           *mig_facts_copy        (MigFacts           *self);
gboolean            mig_facts_equal       (MigFacts           *self,
                                           MigFacts           *other);
gboolean            mig_facts_has         (MigFacts           *self,
                                           const char         *name);
char              **mig_facts_list_names  (MigFacts           *self); /* sorted */
void                mig_facts_remove      (MigFacts           *self,
                                           const char         *name);
/* Every value of @other replaces the one of the same name. */
void                mig_facts_merge       (MigFacts           *self,
                                           MigFacts           *other);
GVariant           *mig_facts_get_variant (MigFacts           *self,
                                           const char         *name); /* borrowed: s, x, d, b or as; NULL when absent */
void                mig_facts_set_variant (MigFacts           *self,
                                           const char         *name,
                                           GVariant           *value);

void                mig_facts_set_string  (MigFacts           *self,
                                           const char         *name,
                                           const char         *value); /* NULL removes */
void                mig_facts_set_int     (MigFacts           *self,
                                           const char         *name,
                                           gint64              value);
void                mig_facts_set_double  (MigFacts           *self,
                                           const char         *name,
                                           double              value);
void                mig_facts_set_boolean (MigFacts           *self,
                                           const char         *name,
                                           gboolean            value);
void                mig_facts_set_strv    (MigFacts           *self,
                                           const char         *name,
                                           const char * const *value);

/* The fallback when the name is absent or has another type (an integer is accepted where a double is wanted). */
const char         *mig_facts_get_string  (MigFacts           *self,
                                           const char         *name); /* or NULL */
gint64              mig_facts_get_int     (MigFacts           *self,
                                           const char         *name,
                                           gint64              fallback);
double              mig_facts_get_double  (MigFacts           *self,
                                           const char         *name,
                                           double              fallback);
gboolean            mig_facts_get_boolean (MigFacts           *self,
                                           const char         *name);
char              **mig_facts_dup_strv    (MigFacts           *self,
                                           const char         *name); /* never NULL */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigFacts, mig_facts_unref)

G_END_DECLS
