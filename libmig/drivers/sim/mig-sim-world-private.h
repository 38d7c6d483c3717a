/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libmig/mig-disk-source.h>
#include <libmig/mig-domain-info.h>
#include <libmig/mig-job-stats.h>
#include <libmig/mig-migrate-request.h>

#include "libmig/drivers/sim/mig-sim-settings-private.h"

G_BEGIN_DECLS

/* The simulated world: plain data, without locks, threads or clock of its own. Whoever holds it sets the time
 * (mig_sim_world_advance) and then acts. Times are microseconds of CLOCK_BOOTTIME, the same in every process, so that
 * jobs go on while nobody looks.
 *
 * world.c makes and finds things; migration.c and mirror.c are the jobs; clock.c moves time;
 * call.c is what can be asked of a host; check.c looks for what must never be; variant.c and text.c write it down. */

#define MIG_SIM_NEVER G_MAXINT64

typedef struct _MigSimCopy MigSimCopy;
typedef struct _MigSimHost MigSimHost;
typedef struct _MigSimWorld MigSimWorld;

/* A process that asks, as a hypervisor knows it: by its connection. */
typedef struct
{
  gint64  pid;
  guint64 start; /* of the process, as /proc has it */
  guint64 nonce; /* of the driver object */
} MigSimClient;

typedef struct
{
  char          *target;
  MigDiskSource *source;
} MigSimDisk;

typedef struct
{
  char          *key; /* text of the source */
  MigDiskSource *source;
  gint64         capacity;
  char          *token;   /* under which it was made, or NULL */
  char          *content; /* "<guest>/<target>", or NULL when it reads zero */
  guint64        version; /* of that content; the guest's disk knows which is the newest */
} MigSimVolume;

/* A guest, wherever it is. */
typedef struct
{
  char       *uuid;
  char       *name;
  gint64      memory;
  gint64      dirty_rate; /* bytes per second */
  gboolean    alive;      /* it has run, so it must not get lost */
  GHashTable *versions;   /* target → the newest version of that disk's content (guint, in the pointer) */
  GPtrArray  *copies;     /* MigSimCopy, owned: one for each host that knows it */
} MigSimGuest;

/* What one host knows of a guest: what runs there, and what is defined there. */
struct _MigSimCopy
{
  MigSimGuest *guest;
  MigSimHost  *host;

  gboolean       live;
  gboolean       incoming; /* being received: not a whole guest yet */
  MigDomainState state;    /* when live */
  guint64        run;      /* when live: no other run of any guest has this number */
  char          *mark;
  GPtrArray     *disks; /* MigSimDisk */

  gboolean       defined;
  MigDomainState off_state; /* when not live */
  char          *defined_mark;
  GPtrArray     *defined_disks;

  /* The last migration that ended well here, if n_passes > 0. */
  gint64 elapsed;
  gint64 downtime;
  gint64 moved_memory;
  gint64 moved_disk;
  gint64 n_passes;
};

struct _MigSimHost
{
  char       *name;
  gboolean    reachable;
  guint       incarnation;
  GHashTable *copies;  /* UUID → MigSimCopy, borrowed */
  GHashTable *volumes; /* key → MigSimVolume */
};

typedef enum {
  MIG_SIM_STAGE_SETUP,
  MIG_SIM_STAGE_DISKS,
  MIG_SIM_STAGE_PASS,
  MIG_SIM_STAGE_SWITCH_OVER,
  MIG_SIM_STAGE_POST_COPY,
  MIG_SIM_STAGE_BROKEN, /* post-copy whose connection is gone */
  MIG_SIM_STAGE_ENDED,
} MigSimStage;

typedef struct
{
  guint64         id;
  MigSimGuest    *guest;
  MigSimHost     *source;
  MigSimHost     *destination;
  gboolean        direct;
  MigMigrateFlags flags;
  char          **copy_disks;
  gint64          bandwidth;
  double          max_downtime;
  MigSimClient    client;
  gboolean        client_gone;
  gboolean        silent; /* nobody waits for its result */

  MigSimStage     stage;
  MigDomainState  before; /* of the source */
  gboolean        failing; /* the link is cut: fails at the end of the stage */
  gint64          started;
  gint64          stage_start;
  gint64          stage_end;
  gint64          window_start;
  gint64          rate;      /* of this stage */
  gint64          remaining; /* at the start of this stage; memory, or disks while these are copied */
  gint64          processed; /* memory, in the stages before */
  gint64          disk_total;
  gint64          iteration;
  double          throttle; /* what is left of the guest's speed */
} MigSimMigration;

typedef struct
{
  guint64 id;
  char   *uuid;
  char   *target;
  MigSimHost    *host;
  MigDiskSource *destination;
  gint64   end; /* bytes */
  gint64   base; /* bytes copied at base_time */
  gint64   base_time;
  gint64   bandwidth;
  gint64   due; /* when it becomes ready, or dies */
  gboolean doomed;
  gboolean ready;
} MigSimMirror;

/* What somebody asked of a host. Unused members are zero. */
typedef struct
{
  guint          verb; /* MigSimVerb */
  char          *host;
  char          *domain;
  char          *target;      /* of a disk */
  char          *text;        /* mark, definition, token */
  char          *destination; /* host */
  MigDiskSource *source;
  MigMigrateRequest *request; /* borrowed, while it is performed */
  char         **disks;
  guint          flags;
  gint64         number;
  double         value;
  gboolean       direct;
  gboolean       silent;
  MigSimClient   client;

  gint64         until;      /* it is not asked for any more then; 0: always */
  gint64         due;        /* of a late one */
  guint64        blocked_at; /* the world's count of changes when it could not be done yet */
} MigSimCall;

typedef struct
{
  guint64        serial;
  char          *host;
  char          *domain;
  MigDriverEvent event;
  char          *detail;
} MigSimEvent;

/* How a migration ended; kept until whoever waits for it has taken it. */
typedef struct
{
  guint64      id;
  MigSimClient client;
  int          code; /* MigError, or -1 */
  char        *message;
} MigSimResult;

struct _MigSimWorld
{
  gint64          now;
  guint64         n_changes; /* since it began */
  guint64         last_id;
  guint64         last_serial; /* of events */
  MigSimClient    self;           /* not stored: who looks */
  guint           n_switch_overs; /* not stored: that migrations of this client have reached and nobody has counted */
  gboolean        halts;          /* not stored: time stands still when one is reached */
  MigSimSettings *settings;
  GHashTable     *hosts;  /* name → MigSimHost */
  GHashTable     *guests; /* UUID → MigSimGuest */
  GHashTable     *shared; /* key → MigSimVolume, seen by every host */
  GHashTable     *links;  /* "from>to" → gint64 rate, 0: cut */
  GPtrArray      *migrations;
  GPtrArray      *mirrors;
  GPtrArray      *late; /* MigSimCall */
  GPtrArray      *results;
  GQueue         *events;
  GString        *violations; /* a line each */
};

/* world.c */
MigSimWorld     *mig_sim_world_new            (void);
void             mig_sim_world_free           (MigSimWorld       *self);
MigSimHost      *mig_sim_world_add_host       (MigSimWorld       *self,
                                               const char        *name);
MigSimHost      *mig_sim_world_find_host      (MigSimWorld       *self,
                                               const char        *name,
                                               GError           **error);
MigSimGuest     *mig_sim_world_add_guest      (MigSimWorld       *self,
                                               const char        *uuid,
                                               const char        *name);
MigSimCopy      *mig_sim_world_add_copy       (MigSimWorld       *self,
                                               MigSimHost        *host,
                                               MigSimGuest       *guest);
/* Frees the copy unless it still is something: live or defined. */
void             mig_sim_world_drop_copy      (MigSimWorld       *self,
                                               MigSimCopy        *copy);
MigSimCopy      *mig_sim_host_find_copy       (MigSimHost        *self,
                                               const char        *domain,
                                               GError           **error);
MigSimDisk      *mig_sim_find_disk            (GPtrArray         *disks,
                                               const char        *target,
                                               GError           **error);
GPtrArray       *mig_sim_disks_new            (void);
GPtrArray       *mig_sim_disks_copy           (GPtrArray         *disks);
void             mig_sim_disks_add            (GPtrArray         *disks,
                                               const char        *target,
                                               MigDiskSource     *source);
/* The host's own volume, else a shared one; NULL when there is none. */
MigSimVolume    *mig_sim_world_find_volume    (MigSimWorld       *self,
                                               MigSimHost        *host,
                                               MigDiskSource     *source);
/* @host NULL: on every host. */
MigSimVolume    *mig_sim_world_add_volume     (MigSimWorld       *self,
                                               MigSimHost        *host,
                                               MigDiskSource     *source,
                                               gint64             capacity);
gboolean         mig_sim_volume_is_shared     (MigSimWorld       *self,
                                               MigSimVolume      *volume);
/* The volume holds the newest state of the guest's disk from now on, and nothing else does. */
void             mig_sim_volume_take          (MigSimVolume      *self,
                                               MigSimGuest       *guest,
                                               const char        *target);
void             mig_sim_volume_spoil         (MigSimVolume      *self);
gint64           mig_sim_world_get_link       (MigSimWorld       *self,
                                               MigSimHost        *from,
                                               MigSimHost        *to);
void             mig_sim_world_changed        (MigSimWorld       *self);
void             mig_sim_world_emit           (MigSimWorld       *self,
                                               MigSimHost        *host,
                                               const char        *domain,
                                               MigDriverEvent     event,
                                               const char        *detail);
gint64           mig_sim_seconds              (double             seconds);

/* migration-start.c, migration.c: the jobs that move a guest. */
gboolean         mig_sim_migration_start      (MigSimWorld       *world,
                                               MigSimCall        *call,
                                               guint64           *id,
                                               GError           **error);
/* The result is not wanted any more, whether it is there or not. */
void             mig_sim_migration_forget     (MigSimWorld       *world,
                                               guint64            id);
MigSimMigration *mig_sim_migration_find       (MigSimWorld       *world,
                                               MigSimGuest       *guest);
MigSimCopy      *mig_sim_migration_get_source (MigSimMigration   *self);
MigSimCopy      *mig_sim_migration_get_destination (MigSimMigration *self);
/* A stage that moves so many bytes, and takes at least so many seconds. */
void             mig_sim_migration_begin_stage (MigSimWorld      *world,
                                               MigSimMigration   *self,
                                               MigSimStage        stage,
                                               gint64             bytes,
                                               double             seconds);
void             mig_sim_migration_turn       (MigSimWorld       *world,
                                               MigSimMigration   *self);
void             mig_sim_migration_fail       (MigSimWorld       *world,
                                               MigSimMigration   *self,
                                               MigError           code,
                                               const char        *reason);
gboolean         mig_sim_migration_abort      (MigSimWorld       *world,
                                               MigSimMigration   *self,
                                               GError           **error);
/* The client of a direct migration is no more. */
void             mig_sim_migration_orphan     (MigSimWorld       *world,
                                               MigSimMigration   *self);
gboolean         mig_sim_migration_tune       (MigSimWorld       *world,
                                               MigSimMigration   *self,
                                               MigTunable         tunable,
                                               double             value,
                                               GError           **error);
void             mig_sim_migration_cut        (MigSimWorld       *world,
                                               MigSimMigration   *self);
/* One of its two copies has been ended by somebody. */
void             mig_sim_migration_bereave    (MigSimWorld       *world,
                                               MigSimMigration   *self,
                                               MigSimCopy        *gone);
void             mig_sim_migration_free       (MigSimMigration   *self);

/* describe.c */
MigJobStats     *mig_sim_copy_get_job         (MigSimWorld       *world,
                                               MigSimCopy        *copy,
                                               gboolean           completed);

/* mirror.c: the jobs that copy a disk. */
gboolean         mig_sim_mirror_start         (MigSimWorld       *world,
                                               MigSimCall        *call,
                                               GError           **error);
MigSimMirror    *mig_sim_mirror_find          (MigSimWorld       *world,
                                               MigSimCopy        *copy,
                                               const char        *target);
gint64           mig_sim_mirror_get_current   (MigSimWorld       *world,
                                               MigSimMirror      *self);
void             mig_sim_mirror_set_bandwidth (MigSimWorld       *world,
                                               MigSimMirror      *self,
                                               gint64             bandwidth);
void             mig_sim_mirror_turn          (MigSimWorld       *world,
                                               MigSimMirror      *self);
void             mig_sim_mirror_cancel        (MigSimWorld       *world,
                                               MigSimMirror      *self);
gboolean         mig_sim_mirror_pivot         (MigSimWorld       *world,
                                               MigSimMirror      *self,
                                               GError           **error);
void             mig_sim_mirror_drop_all      (MigSimWorld       *world,
                                               MigSimCopy        *copy);
void             mig_sim_mirror_free          (MigSimMirror      *self);

/* clock.c */
void             mig_sim_world_advance        (MigSimWorld       *self,
                                               gint64             now);
/* When something happens by itself, or MIG_SIM_NEVER. */
gint64           mig_sim_world_get_next_due   (MigSimWorld       *self);
gboolean         mig_sim_client_equal         (const MigSimClient *self,
                                               const MigSimClient *other);
gboolean         mig_sim_client_is_alive      (const MigSimClient *self);
void             mig_sim_client_init          (MigSimClient      *self);

/* scenario.c: what befalls a world from outside. */
MigSimHost      *mig_sim_world_require_host   (MigSimWorld       *world,
                                               const char        *name,
                                               GError           **error);
/* @host NULL: on every host. */
gboolean         mig_sim_world_place_volume   (MigSimWorld       *world,
                                               const char        *host,
                                               MigDiskSource     *source,
                                               gint64             capacity,
                                               GError           **error);
/* The UUID, owned. */
char            *mig_sim_world_place_domain   (MigSimWorld       *world,
                                               const char        *host,
                                               const char        *name,
                                               MigSimGuestOptions *options,
                                               GError           **error);
void             mig_sim_world_set_link       (MigSimWorld       *self,
                                               const char        *from,
                                               const char        *to,
                                               gint64             rate);
void             mig_sim_host_lose_clients    (MigSimWorld       *world,
                                               MigSimHost        *host);
void             mig_sim_host_restart         (MigSimWorld       *world,
                                               MigSimHost        *host);

/* check.c */
void             mig_sim_check_guest          (MigSimWorld       *world,
                                               MigSimGuest       *guest);
void             mig_sim_check_all            (MigSimWorld       *world);

/* text.c: one line a thing, sorted, nothing that changes with time. */
char            *mig_sim_world_to_text        (MigSimWorld       *self);

/* variant.c */
GVariant        *mig_sim_world_to_variant     (MigSimWorld       *self);
MigSimWorld     *mig_sim_world_from_bytes     (GBytes            *bytes,
                                               GError           **error);

void             mig_sim_call_free            (MigSimCall        *self);
void             mig_sim_event_free           (MigSimEvent       *self);
void             mig_sim_result_free          (MigSimResult      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigSimCall, mig_sim_call_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MigSimWorld, mig_sim_world_free)

G_END_DECLS
