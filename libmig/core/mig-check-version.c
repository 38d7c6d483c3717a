/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include <libmig/mig-check-version.h>

/**
 * mig_get_major_version:
 *
 * Gets the major version of the library that the process runs with.
 *
 * It may differ from `MIG_MAJOR_VERSION`, the version that the program was compiled with. May be called from any
 * thread.
 *
 * Returns: the major version
 *
 * Since: 0.1
 */
guint
mig_get_major_version (void)
{
  return MIG_MAJOR_VERSION;
}

/**
 * mig_get_minor_version:
 *
 * Gets the minor version of the library that the process runs with. May be called from any thread.
 *
 * Returns: the minor version
 *
 * Since: 0.1
 */
guint
mig_get_minor_version (void)
{
  return MIG_MINOR_VERSION;
}

/**
 * mig_get_micro_version:
 *
 * Gets the micro version of the library that the process runs with. May be called from any thread.
 *
 * Returns: the micro version
 *
 * Since: 0.1
 */
guint
mig_get_micro_version (void)
{
  return MIG_MICRO_VERSION;
}

/**
 * mig_check_version:
 * @major: the major version that is needed
 * @minor: the minor version that is needed
 * @micro: the micro version that is needed
 *
 * Checks that the library that the process runs with is at least of a version. May be called from any thread.
 *
 * Returns: %TRUE if the library is of that version or a later one
 *
 * Since: 0.1
 */
gboolean
mig_check_version (guint major,
                   guint minor,
                   guint micro)
{
  const guint wanted[] = { major, minor, micro };
  const guint running[] = { MIG_MAJOR_VERSION, MIG_MINOR_VERSION, MIG_MICRO_VERSION };

  for (gsize i = 0; i < G_N_ELEMENTS (wanted); i++)
    {
      if (wanted[i] != running[i])
        return wanted[i] < running[i];
    }

  return TRUE;
}
