/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-settings-private.h"

#include <libmig/mig-enum-types.h>
#include <libmig/mig-error.h>

#include "libmig/core/mig-value-private.h"

/* mig_sim_driver_configure() and mig_sim_driver_add_domain() document these. */

G_DEFINE_FINAL_TYPE (MigSimSettings, mig_sim_settings, G_TYPE_OBJECT)

#define MiB (G_GINT64_CONSTANT (1) << 20)

#define SETTING(kind, member) MIG_FIELD_##kind, G_STRUCT_OFFSET (MigSimSettings, member), NULL

static const MigField setting_fields[] = {
  { "rate", SETTING (INT64, rate), 4096 * MiB },
  { "setup", SETTING (DOUBLE, setup), 0 },
  { "switch-over", SETTING (DOUBLE, switch_over), 0 },
  { "ready-lag", SETTING (DOUBLE, ready_lag), 0 },
  { "late-delay", SETTING (DOUBLE, late_delay), 0 },
  { "link-timeout", SETTING (DOUBLE, link_timeout), 0 },
  { "call-time", SETTING (DOUBLE, call_time), 0 },
  { "call-deadline", SETTING (DOUBLE, call_deadline), 5 },
  { "max-moves", SETTING (INT64, max_moves), 0 },
};

static void
mig_sim_settings_class_init (MigSimSettingsClass *klass)
{
  mig_value_class_install_mutable (G_OBJECT_CLASS (klass), setting_fields, G_N_ELEMENTS (setting_fields));
}

static void
mig_sim_settings_init (MigSimSettings *self)
{
}

G_DEFINE_FINAL_TYPE (MigSimGuestOptions, mig_sim_guest_options, G_TYPE_OBJECT)

#define OPTION(kind, member) MIG_FIELD_##kind, G_STRUCT_OFFSET (MigSimGuestOptions, member)

static const MigField option_fields[] = {
  { "uuid", OPTION (STRING, uuid), NULL, 0 },
  { "memory", OPTION (INT64, memory), NULL, 4 * MiB },
  { "dirty-rate", OPTION (INT64, dirty_rate), NULL, 0 },
  { "transient", OPTION (BOOLEAN, transient), NULL, FALSE },
  { "state", OPTION (ENUM, state), mig_domain_state_get_type, MIG_DOMAIN_STATE_RUNNING },
  { "disks", OPTION (STRV, disks), NULL, 0 },
};

static void
mig_sim_guest_options_class_init (MigSimGuestOptionsClass *klass)
{
  mig_value_class_install_mutable (G_OBJECT_CLASS (klass), option_fields, G_N_ELEMENTS (option_fields));
}

static void
mig_sim_guest_options_init (MigSimGuestOptions *self)
{
}

gboolean
mig_sim_settings_check (MigSimSettings  *settings,
                        GError         **error)
{
  const double times[] = {
    settings->setup,        settings->switch_over, settings->ready_lag,     settings->late_delay,
    settings->link_timeout, settings->call_time,   settings->call_deadline,
  };
  gboolean ok = settings->rate >= 1 && settings->max_moves >= 0;

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    ok &= times[i] >= 0;
  if (ok)
    return TRUE;

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT,
                       "simulated world: nothing can be negative, and the rate must be at least 1");

  return FALSE;
}
