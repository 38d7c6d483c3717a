/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-block-copy-request.h>

#include <libmig/mig-enum-types.h>

#include "libmig/core/mig-value-private.h"

/**
 * MigBlockCopyRequest:
 *
 * What a driver is asked to do with one disk. Immutable.
 *
 * May be used from any thread.
 *
 * Since: 0.1
 */

struct _MigBlockCopyRequest
{
  GObject parent_instance;

  MigHost       *host;
  char          *domain;
  char          *target;
  int            verb;
  MigDiskSource *destination;
  char          *base;
  char          *top;
  guint          flags;
  gint64         bandwidth;
  gint64         granularity;
  gint64         buffer_size;
};

G_DEFINE_FINAL_TYPE (MigBlockCopyRequest, mig_block_copy_request, G_TYPE_OBJECT)

static const MigField fields[] = {
  { "host", MIG_FIELD_OBJECT, G_STRUCT_OFFSET (MigBlockCopyRequest, host), mig_host_get_type, 0 },
  { "domain", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigBlockCopyRequest, domain), NULL, 0 },
  { "target", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigBlockCopyRequest, target), NULL, 0 },
  { "verb", MIG_FIELD_ENUM, G_STRUCT_OFFSET (MigBlockCopyRequest, verb), mig_block_job_verb_get_type, 0 },
  { "destination", MIG_FIELD_OBJECT, G_STRUCT_OFFSET (MigBlockCopyRequest, destination), mig_disk_source_get_type, 0 },
  { "base", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigBlockCopyRequest, base), NULL, 0 },
  { "top", MIG_FIELD_STRING, G_STRUCT_OFFSET (MigBlockCopyRequest, top), NULL, 0 },
  { "flags", MIG_FIELD_FLAGS, G_STRUCT_OFFSET (MigBlockCopyRequest, flags), mig_block_copy_flags_get_type, 0 },
  { "bandwidth", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigBlockCopyRequest, bandwidth), NULL, 0 },
  { "granularity", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigBlockCopyRequest, granularity), NULL, 0 },
  { "buffer-size", MIG_FIELD_INT64, G_STRUCT_OFFSET (MigBlockCopyRequest, buffer_size), NULL, 0 },
};

static void
mig_block_copy_request_class_init (MigBlockCopyRequestClass *klass)
{
  /**
   * MigBlockCopyRequest:host:
   *
   * Where the domain runs.
   *
   * Since: 0.1
   */
  /**
   * MigBlockCopyRequest:domain:
   *
   * Its UUID.
   *
   * Since: 0.1
   */
  /**
   * MigBlockCopyRequest:target:
   *
   * The disk.
   *
   * Since: 0.1
   */
  /**
   * MigBlockCopyRequest:verb:
   *
   * Copy, rebase or commit.
   *
   * Since: 0.1
   */
  /**
   * MigBlockCopyRequest:destination:
   *
   * Copy: where to.
   *
   * Since: 0.1
   */
  /**
   * MigBlockCopyRequest:base:
   *
   * Rebase, commit: the base image, or %NULL.
   *
   * Since: 0.1
   */
  /**
   * MigBlockCopyRequest:top:
   *
   * Commit: the topmost image, %NULL for the active one.
   *
   * Since: 0.1
   */
  /**
   * MigBlockCopyRequest:flags:
   *
   * How.
   *
   * Since: 0.1
   */
  /**
   * MigBlockCopyRequest:bandwidth:
   *
   * Bytes per second, 0 for no limit.
   *
   * Since: 0.1
   */
  /**
   * MigBlockCopyRequest:granularity:
   *
   * Bytes tracked as one, a power of two; 0 for the default.
   *
   * Since: 0.1
   */
  /**
   * MigBlockCopyRequest:buffer-size:
   *
   * Bytes in flight; 0 for the default.
   *
   * Since: 0.1
   */
  mig_value_class_install (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_block_copy_request_init (MigBlockCopyRequest *self)
{
}

/**
 * mig_block_copy_request_get_host:
 * @self: a value
 *
 * Tells where the domain runs.
 *
 * Returns: (transfer none): where the domain runs
 *
 * Since: 0.1
 */
MigHost *
mig_block_copy_request_get_host (MigBlockCopyRequest *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (self), NULL);

  return self->host;
}

/**
 * mig_block_copy_request_get_domain:
 * @self: a value
 *
 * Gets its UUID.
 *
 * Returns: its UUID
 *
 * Since: 0.1
 */
const char *
mig_block_copy_request_get_domain (MigBlockCopyRequest *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (self), NULL);

  return self->domain;
}

/**
 * mig_block_copy_request_get_target:
 * @self: a value
 *
 * Gets the disk.
 *
 * Returns: the disk
 *
 * Since: 0.1
 */
const char *
mig_block_copy_request_get_target (MigBlockCopyRequest *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (self), NULL);

  return self->target;
}

/**
 * mig_block_copy_request_get_verb:
 * @self: a value
 *
 * Tells what the job starts as.
 *
 * Returns: copy, rebase or commit
 *
 * Since: 0.1
 */
MigBlockJobVerb
mig_block_copy_request_get_verb (MigBlockCopyRequest *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (self), 0);

  return self->verb;
}

/**
 * mig_block_copy_request_get_destination:
 * @self: a value
 *
 * Tells where a copy goes.
 *
 * Returns: (transfer none): copy: where to
 *
 * Since: 0.1
 */
MigDiskSource *
mig_block_copy_request_get_destination (MigBlockCopyRequest *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (self), NULL);

  return self->destination;
}

/**
 * mig_block_copy_request_get_base:
 * @self: a value
 *
 * Gets the base image of a rebase or commit.
 *
 * Returns: (nullable): rebase, commit: the base image, or %NULL
 *
 * Since: 0.1
 */
const char *
mig_block_copy_request_get_base (MigBlockCopyRequest *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (self), NULL);

  return self->base;
}

/**
 * mig_block_copy_request_get_top:
 * @self: a value
 *
 * Gets the topmost image of a commit.
 *
 * Returns: (nullable): commit: the topmost image, %NULL for the active one
 *
 * Since: 0.1
 */
const char *
mig_block_copy_request_get_top (MigBlockCopyRequest *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (self), NULL);

  return self->top;
}

/**
 * mig_block_copy_request_get_flags:
 * @self: a value
 *
 * Tells how the job works.
 *
 * Returns: how
 *
 * Since: 0.1
 */
MigBlockCopyFlags
mig_block_copy_request_get_flags (MigBlockCopyRequest *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (self), 0);

  return self->flags;
}

/**
 * mig_block_copy_request_get_bandwidth:
 * @self: a value
 *
 * Gets the limit in bytes per second, 0 for none.
 *
 * Returns: bytes per second, 0 for no limit
 *
 * Since: 0.1
 */
gint64
mig_block_copy_request_get_bandwidth (MigBlockCopyRequest *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (self), -1);

  return self->bandwidth;
}

/**
 * mig_block_copy_request_get_granularity:
 * @self: a value
 *
 * Gets how many bytes are tracked as one, a power of two.
 *
 * Returns: bytes tracked as one, a power of two; 0 for the default
 *
 * Since: 0.1
 */
gint64
mig_block_copy_request_get_granularity (MigBlockCopyRequest *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (self), -1);

  return self->granularity;
}

/**
 * mig_block_copy_request_get_buffer_size:
 * @self: a value
 *
 * Gets how many bytes may be in flight.
 *
 * Returns: bytes in flight; 0 for the default
 *
 * Since: 0.1
 */
gint64
mig_block_copy_request_get_buffer_size (MigBlockCopyRequest *self)
{
  g_return_val_if_fail (MIG_IS_BLOCK_COPY_REQUEST (self), -1);

  return self->buffer_size;
}
