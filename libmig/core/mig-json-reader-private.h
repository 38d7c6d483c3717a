/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/core/mig-json-private.h"

G_BEGIN_DECLS

/* Reads the members of one object. The first thing that is wrong is kept, and everything after it gives fallbacks, so
 * that a decoder asks for all that it wants and looks at mig_json_reader_end() once. Messages name the member. */

typedef struct
{
  JsonObject *object; /* borrowed; NULL once something was wrong with the whole */
  const char *what;   /* begins each message */
  MigError    code;
  GError     *error;
} MigJsonReader;

/* Nothing but an object whose members are among @names (NULL-terminated; NULL: any). */
void         mig_json_reader_begin       (MigJsonReader      *self,
                                          JsonNode           *node,
                                          MigError            code,
                                          const char         *what,
                                          const char * const *names);
gboolean     mig_json_reader_end         (MigJsonReader      *self,
                                          GError            **error);

void         mig_json_reader_fail        (MigJsonReader      *self,
                                          const char         *name,
                                          const char         *why);
JsonNode    *mig_json_reader_member      (MigJsonReader      *self,
                                          const char         *name); /* NULL when absent */
/* Absent: NULL, -1 or the fallback. */
const char  *mig_json_reader_string      (MigJsonReader      *self,
                                          const char         *name);
const char  *mig_json_reader_need_string (MigJsonReader      *self,
                                          const char         *name); /* not empty; "" after a mistake */
gint64       mig_json_reader_int         (MigJsonReader      *self,
                                          const char         *name,
                                          gint64              minimum,
                                          gint64              fallback);
double       mig_json_reader_double      (MigJsonReader      *self,
                                          const char         *name,
                                          double              minimum,
                                          double              fallback);
char       **mig_json_reader_strv        (MigJsonReader      *self,
                                          const char         *name); /* owned; NULL when absent */

G_END_DECLS
