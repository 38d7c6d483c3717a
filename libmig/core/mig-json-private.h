/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include <libmig/mig-error.h>

G_BEGIN_DECLS

/* json-glib 1.6 has no strict mode: it takes comments, assignments and several values in one text, and it recurses as
 * deep as the text asks. This reads one value of RFC 8259, at most @max_size bytes long and MIG_JSON_MAX_DEPTH deep;
 * anything else is an error of MIG_ERROR with @code, the message beginning with @what. */

#define MIG_JSON_MAX_DEPTH 32

JsonNode   *mig_json_parse         (const char *text,
                                    gsize       max_size,
                                    MigError    code,
                                    const char *what,
                                    GError    **error);

/* What a node is, in words for a message: "a string", "null". */
const char *mig_json_describe_node (JsonNode   *node);

/* One line, no spaces; the members in the order in which they were added. */
char       *mig_json_to_text       (JsonNode   *node);

G_END_DECLS
