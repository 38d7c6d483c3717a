/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

/* The swap of the volume below a disk of a running guest. The guest's domain is never undefined for it, carries no mark
 * (the mirror in its definition and the journal name each other) and keeps its hardware; the old volume is kept. */

static gboolean
check_disk (MigOperation  *operation,
            MigStepRun    *run,
            GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_check_disk (&swap, error);
}

static gboolean
check_dest (MigOperation  *operation,
            MigStepRun    *run,
            GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_check_destination (&swap, error);
}

static gboolean
volume_create (MigOperation  *operation,
               MigStepRun    *run,
               GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_prepare (&swap, error);
}

static gboolean
volume_remove (MigOperation  *operation,
               MigStepRun    *run,
               GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_undo_prepare (&swap, error);
}

static MigProbe
volume_probe (MigOperation  *operation,
              MigStepRun    *run,
              GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) ? mig_swap_probe_prepare (&swap, error) : MIG_PROBE_UNKNOWN;
}

static gboolean
volume_attach (MigOperation  *operation,
               MigStepRun    *run,
               GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_attach (&swap, error);
}

static gboolean
volume_detach (MigOperation  *operation,
               MigStepRun    *run,
               GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_undo_attach (&swap, error);
}

/* Nothing tells whether a volume is attached; but attaching it again is harmless, and so is detaching what is not. */
static MigProbe
attach_probe (MigOperation  *operation G_GNUC_UNUSED,
              MigStepRun    *run G_GNUC_UNUSED,
              GError       **error G_GNUC_UNUSED)
{
  return MIG_PROBE_RUNNING;
}

static gboolean
disk_mirror (MigOperation  *operation,
             MigStepRun    *run,
             GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_mirror (&swap, error);
}

static gboolean
end_mirror (MigOperation  *operation,
                 MigStepRun    *run,
                 GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_resume (&swap, error) &&
         mig_swap_end_mirror (&swap, error);
}

static MigProbe
mirror_probe (MigOperation  *operation,
                   MigStepRun    *run,
                   GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) ? mig_swap_probe_mirror (&swap, error) : MIG_PROBE_UNKNOWN;
}

static gboolean
disk_pivot (MigOperation  *operation,
            MigStepRun    *run,
            GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_pivot (&swap, error);
}

static MigProbe
pivot_probe (MigOperation  *operation,
                  MigStepRun    *run,
                  GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) ? mig_swap_probe_pivot (&swap, error) : MIG_PROBE_UNKNOWN;
}

static gboolean
disk_verify (MigOperation  *operation,
             MigStepRun    *run,
             GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_verify (&swap, error);
}

static gboolean
disk_resize (MigOperation  *operation,
             MigStepRun    *run,
             GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_resize (&swap, error);
}

static gboolean
source_detach (MigOperation  *operation,
               MigStepRun    *run,
               GError       **error)
{
  g_auto (MigSwap) swap = { 0 };

  return mig_swap_open (&swap, operation, run, error) && mig_swap_detach_old (&swap, error);
}

static MigVolumeBackendInterface *
get_slots (MigOperation *operation)
{
  MigVolumeBackend *backend = mig_cluster_get_volume_backend (mig_operation_get_cluster (operation));

  return backend != NULL ? MIG_VOLUME_BACKEND_GET_IFACE (backend) : NULL;
}

static gboolean
attaches (MigOperation *operation)
{
  MigVolumeBackendInterface *slots = get_slots (operation);

  return slots != NULL && (slots->attach != NULL || slots->detach != NULL);
}

static gboolean
detaches (MigOperation *operation)
{
  MigVolumeBackendInterface *slots = get_slots (operation);

  return slots != NULL && slots->detach != NULL;
}

static gboolean
resizes (MigOperation *operation)
{
  return mig_volume_swap_get_request (MIG_VOLUME_SWAP (operation))->options->resize_to > 0;
}

#define PHASE(phase) MIG_PHASE_##phase
#define PURE MIG_STEP_PURE
#define LONG MIG_STEP_LONG
#define DECIDES MIG_STEP_DECIDES
#define FORWARD MIG_STEP_FORWARD
#define SETTLES MIG_STEP_SETTLES

/* A switch that has not happened cannot happen once the mirror is gone: that undoes both steps. */
static const MigStep steps[] = {
  /* id                  phase             weight flags        run             undo           probe         applies */
  { "check.disk",        PHASE (CHECK),      1, PURE,           check_disk,     NULL,          NULL         },
  { "check.destination", PHASE (CHECK),      1, PURE,           check_dest,     NULL,          NULL         },
  { "volume.create",     PHASE (PREPARE),    2, SETTLES,        volume_create,  volume_remove, volume_probe },
  { "volume.attach",     PHASE (PREPARE),    1, 0,              volume_attach,  volume_detach, attach_probe, attaches },
  { "disk.mirror",       PHASE (TRANSFER),  90, LONG | SETTLES, disk_mirror,    end_mirror,    mirror_probe },
  { "disk.pivot",        PHASE (SWITCHOVER), 3, DECIDES,        disk_pivot,     end_mirror,    pivot_probe  },
  { "disk.verify",       PHASE (FINISH),     2, FORWARD,        disk_verify,    NULL,          NULL         },
  { "disk.resize",       PHASE (FINISH),     1, FORWARD,        disk_resize,    NULL,          NULL,         resizes  },
  { "source.detach",     PHASE (FINISH),     1, FORWARD,        source_detach,  NULL,          NULL,         detaches },
};

const MigStepTable mig_swap_table = {
  .kind = MIG_VOLUME_SWAP_KIND,
  .revision = 2,
  .steps = steps,
  .n_steps = G_N_ELEMENTS (steps),
};
