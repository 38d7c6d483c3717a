/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* An immutable value object is a struct and a table: one row for each construct-only property. The table installs the
 * properties, fills the fields at construction, reads them, and frees them; a value type writes none of that itself. */

typedef enum {
  MIG_FIELD_STRING,  /* char *, owned */
  MIG_FIELD_STRV,    /* char **, owned */
  MIG_FIELD_BOOLEAN, /* gboolean */
  MIG_FIELD_INT64,   /* gint64; bytes, counts; -1 = unknown */
  MIG_FIELD_DOUBLE,  /* double; seconds, rates, fractions; -1 = unknown */
  MIG_FIELD_ENUM,    /* int */
  MIG_FIELD_FLAGS,   /* guint */
  MIG_FIELD_OBJECT,  /* GObject *, owned */
  MIG_FIELD_BOXED,   /* gpointer, owned */
} MigFieldKind;

typedef struct {
  const char   *name; /* property name */
  MigFieldKind  kind;
  gsize         offset;   /* of the field in the instance struct */
  GType       (*get_type) (void); /* for ENUM, FLAGS, OBJECT, BOXED */
  gint64        fallback; /* default of INT64, DOUBLE, ENUM, BOOLEAN */
} MigField;

/* The class's set_property, get_property and finalize are set here. @fields has @n_fields rows and lives for ever. */
void mig_value_class_install         (GObjectClass   *klass,
                                      const MigField *fields,
                                      gsize           n_fields);
/* The same for an object of options, whose properties may be written at any time. It is not locked: one thread at a
 * time. */
void mig_value_class_install_mutable (GObjectClass   *klass,
                                      const MigField *fields,
                                      gsize           n_fields);

G_END_DECLS
