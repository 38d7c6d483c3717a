/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-enums.h>
#include <libmig/mig-types.h>

G_BEGIN_DECLS

/* The two objects of options of a simulated world, as JSON gives them: of the whole, and of one guest. */

#define MIG_TYPE_SIM_SETTINGS (mig_sim_settings_get_type ())
G_DECLARE_FINAL_TYPE (MigSimSettings, mig_sim_settings, MIG, SIM_SETTINGS, GObject)

struct _MigSimSettings
{
  GObject parent_instance;

  gint64 rate;          /* of every link and disk that has no rate of its own; bytes per second */
  double setup;         /* seconds from the start of a migration to its first byte */
  double switch_over;   /* seconds that both sides of a migration stand still, at least */
  double ready_lag;     /* seconds between the last byte of a mirror and its being ready */
  double late_delay;    /* seconds after which a late call takes effect */
  double link_timeout;  /* seconds until a cut link is noticed */
  double call_time;     /* seconds that every call takes */
  double call_deadline; /* seconds after which a call that hangs is given up */
  gint64 max_moves;     /* migrations of one driver that leave a host at a time; 0 = no limit */
};

gboolean mig_sim_settings_check (MigSimSettings  *settings,
                                 GError         **error);

#define MIG_TYPE_SIM_GUEST_OPTIONS (mig_sim_guest_options_get_type ())
G_DECLARE_FINAL_TYPE (MigSimGuestOptions, mig_sim_guest_options, MIG, SIM_GUEST_OPTIONS, GObject)

struct _MigSimGuestOptions
{
  GObject parent_instance;

  char    *uuid;
  gint64   memory;
  gint64   dirty_rate;
  gboolean transient;
  int      state; /* MigDomainState */
  char   **disks; /* target=place */
};

G_END_DECLS
