/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/model/mig-swap-options-private.h"

#include <libmig/mig-error.h>

#include "libmig/core/mig-value-private.h"
#include "libmig/model/mig-options-json-private.h"

#include <math.h>

/**
 * MigSwapOptions:
 *
 * How the volume below a guest's disk is swapped for another.
 *
 * The properties may be set at any time; a [class@VolumeSwap] takes a copy when it runs. In JSON the options are one
 * object, with the properties' names as keys: `{"reuse": true, "bandwidth": 104857600}`.
 *
 * Not thread-safe: one thread at a time.
 *
 * Since: 0.1
 */

/* The journal's text of a request is compared with the one of a repetition; see mig_options_save_json(). */

#define MAX_BYTES (G_GINT64_CONSTANT (1) << 60)
#define MAX_BANDWIDTH (G_GINT64_CONSTANT (1) << 50)

/* What QEMU's mirror accepts. */
#define MIN_GRANULARITY 512
#define MAX_GRANULARITY (64 * 1024 * 1024)

/* What every format and device can be long. */
#define SECTOR 512

G_DEFINE_FINAL_TYPE (MigSwapOptions, mig_swap_options, G_TYPE_OBJECT)

#define FIELD(kind, member) MIG_FIELD_##kind, G_STRUCT_OFFSET (MigSwapOptions, member)

static const MigField fields[] = {
  { "reuse", FIELD (BOOLEAN, reuse), NULL, FALSE },
  { "format", FIELD (STRING, format), NULL, 0 },
  { "bandwidth", FIELD (INT64, bandwidth), NULL, 0 },
  { "resize-to", FIELD (INT64, resize_to), NULL, 0 },
  { "verify", FIELD (BOOLEAN, verify), NULL, FALSE },
  { "max-pause", FIELD (DOUBLE, max_pause), NULL, 10 },
  { "synchronous", FIELD (BOOLEAN, synchronous), NULL, FALSE },
  { "time-limit", FIELD (DOUBLE, time_limit), NULL, -1 },
  { "granularity", FIELD (INT64, granularity), NULL, 0 },
};

static void
mig_swap_options_class_init (MigSwapOptionsClass *klass)
{
  /**
   * MigSwapOptions:reuse:
   *
   * The destination exists and is overwritten. It must be as long as the disk, or as [property@SwapOptions:resize-to]
   * says, and no domain of the cluster may use it, nor stand on it as a backing file: for a domain that does not run,
   * the volumes are asked, and where they cannot tell the destination is not used. One that begins with a header of
   * LUKS is not overwritten. Without this option a destination that exists is refused. One that is the destination of
   * another swap, which has not ended, is refused with %MIG_ERROR_BUSY.
   *
   * Whether two hosts mean the same storage by one path is for the back end of volumes to say, by identities or by
   * lengths; where it cannot, the destination counts as used. Other names of a place are known as far as the back end
   * knows them: those of devices that are volumes of a pool, but neither links to files nor other names of other
   * devices.
   *
   * Since: 0.1
   */
  /**
   * MigSwapOptions:format:
   *
   * The destination's format, `raw` or `qcow2`; %NULL for the one that the destination's description states, and if
   * that states none for the format of the disk.
   *
   * Since: 0.1
   */
  /**
   * MigSwapOptions:bandwidth:
   *
   * What the copy may use, in bytes per second; 0 for no limit.
   *
   * Since: 0.1
   */
  /**
   * MigSwapOptions:resize-to:
   *
   * How long the disk shall be afterwards, in bytes, a multiple of 512; 0 to leave its length as it is. A disk is
   * never shortened. A destination that is created has the disk's length, and the disk grows when it is on it; when
   * that fails the swap has succeeded all the same, with a debt. A destination that exists and is longer than the
   * disk needs the disk to grow before the copy; then the disk stays grown also when the swap fails.
   *
   * Since: 0.1
   */
  /**
   * MigSwapOptions:verify:
   *
   * Compare both images, byte by byte, before the guest is switched over. The guest is paused meanwhile, for at most
   * [property@SwapOptions:max-pause]. A guest that somebody else resumes meanwhile is paused and compared anew, three
   * times at most; then the swap is undone. Where they can't be compared the swap is refused with
   * %MIG_ERROR_NOT_SUPPORTED.
   *
   * Since: 0.1
   */
  /**
   * MigSwapOptions:max-pause:
   *
   * How long the guest may be paused by [property@SwapOptions:verify], in seconds. When the comparison has not ended
   * by then, the guest goes on and the swap is undone.
   *
   * Since: 0.1
   */
  /**
   * MigSwapOptions:synchronous:
   *
   * What the guest writes reaches the destination before the guest is told that it is written. The copy of a disk that
   * is written faster than it is copied then ends, and the guest's writes are slower.
   *
   * Since: 0.1
   */
  /**
   * MigSwapOptions:time-limit:
   *
   * Give up when the copy is not ready for the switch after so many seconds; -1 for no limit. The time goes on when
   * another process takes the swap over, by the clocks of the two machines.
   *
   * Since: 0.1
   */
  /**
   * MigSwapOptions:granularity:
   *
   * How many bytes are tracked as one, a power of two from 512 to 64 MiB; 0 for the hypervisor's choice.
   *
   * Since: 0.1
   */
  mig_value_class_install_mutable (G_OBJECT_CLASS (klass), fields, G_N_ELEMENTS (fields));
}

static void
mig_swap_options_init (MigSwapOptions *self)
{
}

/**
 * mig_swap_options_new:
 *
 * Options with their defaults.
 *
 * Returns: (transfer full): new options
 *
 * Since: 0.1
 */
MigSwapOptions *
mig_swap_options_new (void)
{
  return g_object_new (MIG_TYPE_SWAP_OPTIONS, NULL);
}

/**
 * mig_swap_options_new_from_json:
 * @json: the text of one JSON object
 * @error: return location for an error
 *
 * Options from JSON; what the text leaves out has its default.
 *
 * Fails with %MIG_ERROR_INVALID_ARGUMENT when the text is not JSON, and for a key that is unknown or has a value of
 * the wrong type or out of range; the message names the key.
 *
 * Returns: (transfer full): new options, or %NULL with an error
 *
 * Since: 0.1
 */
MigSwapOptions *
mig_swap_options_new_from_json (const char  *json,
                                GError     **error)
{
  g_autoptr (MigSwapOptions) self = NULL;

  g_return_val_if_fail (json != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  self = mig_swap_options_new ();
  if (!mig_options_load_json (G_OBJECT (self), json, "swap options", error) || !mig_swap_options_validate (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

/**
 * mig_swap_options_to_json:
 * @self: options
 *
 * One JSON object on one line, with the options that differ from their defaults.
 *
 * Returns: (transfer full): JSON
 *
 * Since: 0.1
 */
char *
mig_swap_options_to_json (MigSwapOptions *self)
{
  g_return_val_if_fail (MIG_IS_SWAP_OPTIONS (self), NULL);

  return mig_options_save_json (G_OBJECT (self));
}

static gboolean
is_power_of_two (gint64 number)
{
  return number > 0 && (number & (number - 1)) == 0;
}

static const char *
find_wrong (MigSwapOptions *self)
{
  if (self->format != NULL && g_strcmp0 (self->format, "raw") != 0 && g_strcmp0 (self->format, "qcow2") != 0)
    return "“format” must be “raw” or “qcow2”";
  if (self->bandwidth < 0 || self->bandwidth > MAX_BANDWIDTH)
    return "“bandwidth” must be from 0 to 2^50 bytes per second";
  if (self->resize_to < 0 || self->resize_to > MAX_BYTES || self->resize_to % SECTOR != 0)
    return "“resize-to” must be a multiple of 512 bytes, at most 2^60, or 0";
  /* Written so that NaN is refused too. */
  if (!(self->max_pause > 0 && isfinite (self->max_pause)))
    return "“max-pause” must be more than 0 seconds";
  if (self->time_limit != -1 && !(self->time_limit > 0 && isfinite (self->time_limit)))
    return "“time-limit” must be more than 0 seconds, or -1";
  if (self->granularity != 0 && (!is_power_of_two (self->granularity) || self->granularity < MIN_GRANULARITY ||
                                 self->granularity > MAX_GRANULARITY))
    return "“granularity” must be a power of two from 512 to 67108864 bytes, or 0";

  return NULL;
}

gboolean
mig_swap_options_validate (MigSwapOptions  *self,
                           GError         **error)
{
  const char *wrong = find_wrong (self);

  if (wrong == NULL)
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "swap options: %s", wrong);

  return FALSE;
}
