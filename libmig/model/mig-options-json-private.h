/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* An object of options is a GObject whose writable properties are the options: true or false, integers, numbers,
 * strings, lists of strings, and enumerations by their nicks. In JSON it is one object with the properties' names as
 * keys. */

/* Sets the properties that the text has. INVALID_ARGUMENT names the key that is unknown, of the wrong type or out of
 * range, after
 * @what ("migration options"); some properties may have been set then, so load into an object of your own. */
gboolean mig_options_load_json (GObject    *options,
                                const char *json,
                                const char *what,
                                GError    **error);

/* Only what differs from its default, in the order in which the class installs its properties: the same options give
 * the same text, also in a later version that has more of them. */
char    *mig_options_save_json (GObject    *options);

/* Another object of the same type with the same values. */
gpointer mig_options_copy      (gpointer    options);

G_END_DECLS
