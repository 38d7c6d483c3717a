/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-disk-source.h>

G_BEGIN_DECLS

/* What can be told of two places on one host. */
typedef enum {
  MIG_DISK_MATCH_NONE,
  MIG_DISK_MATCH_SAME,
  MIG_DISK_MATCH_UNKNOWN, /* the driver could not find out where it is */
} MigDiskMatch;

/* How a source of kind OTHER says what is known of it: an absolute path is the place, however it is used; a volume of a
 * pool that did not know it is "pool/volume"; with a slice it is a piece of the file or device. */

/* Whether the driver could not find out where it is. */
gboolean     mig_disk_source_is_lost  (MigDiskSource *self);
/* Whether it is a piece from somewhere in the middle of a file or device. */
gboolean     mig_disk_source_is_piece (MigDiskSource *self);
/* Whether using the one means using the other. A path is one place, whether it is called a file or a device. */
MigDiskMatch mig_disk_source_match    (MigDiskSource *used,
                                       MigDiskSource *wanted);

G_END_DECLS
