/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <libmig/mig-sim-driver.h>

#include "mig-test.h"

G_BEGIN_DECLS

/* A simulated world for a test: two hosts, a, b, and a guest g at a. */

#define MiB (G_GINT64_CONSTANT (1) << 20)

/* One for each test, in its own process. */
typedef struct
{
  char    *directory;
  char    *path; /* for a world in a file */
  MigHost *a;
  MigHost *b;
  char    *uuid; /* of the guest */
} SimTest;

extern SimTest sim;

void               sim_set_up           (void);
void               sim_tear_down        (void);

/* @world: sim.path, or NULL. */
MigSimDriver      *sim_open             (const char         *world);
/* Two hosts, a volume /shared/g.raw for both, /local/g.raw at a, and a guest of these parameters. */
MigSimDriver      *sim_make             (const char         *world,
                                         const char         *guest);

MigMigrateRequest *sim_new_request      (MigMigrateMode      mode,
                                         MigMigrateFlags     flags,
                                         const char * const *copy_disks);
gboolean           sim_migrate          (MigSimDriver       *driver,
                                         MigMigrateMode      mode,
                                         MigMigrateFlags     flags,
                                         GError            **error);

/* Of the guest; MIG_DOMAIN_STATE_UNKNOWN: it is not there. */
MigDomainState     sim_state_of         (MigSimDriver       *driver,
                                         MigHost            *host);
#define sim_expect_states(driver, at_a, at_b) \
  G_STMT_START { \
    ck_assert_int_eq (sim_state_of ((driver), sim.a), (at_a)); \
    ck_assert_int_eq (sim_state_of ((driver), sim.b), (at_b)); \
  } G_STMT_END
/* NULL: none. */
void               sim_expect_violation (MigSimDriver       *driver,
                                         const char         *expected);
void               sim_wait_idle        (MigSimDriver       *driver);
void               sim_wait_state       (MigSimDriver       *driver,
                                         MigHost            *host,
                                         MigDomainState      state);

/* Runs @func in a child, which then ends with 0. It opens the world for itself: nothing of a driver survives fork(), so
 * none may be open. */
pid_t              sim_start_child      (void (*func) (void));
/* Stops it, and returns when it stands still. */
void               sim_stop_child       (pid_t               pid);
/* The exit status, or minus the signal. */

G_END_DECLS
