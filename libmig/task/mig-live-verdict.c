/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/task/mig-live-verdict-private.h"

#define S(name)  (1u << MIG_LIVE_SOURCE_##name)
#define D(name)  (1u << MIG_LIVE_DESTINATION_##name)
#define V(name)  MIG_LIVE_VERDICT_##name
#define ANY_S    ((1u << MIG_LIVE_N_SOURCES) - 1)
#define ANY_D    ((1u << MIG_LIVE_N_DESTINATIONS) - 1)
#define GONE     (S (ABSENT) | S (SHUT_OFF_MIGRATED) | S (STOPPED))
#define HERE     (S (RUNNING) | S (PAUSED))
#define ARRIVED  (D (RUNNING) | D (PAUSED))

enum { ANY = -1, NO = 0, YES = 1 };

/* The order matters: the first row that holds decides. What a hypervisor never shows has a row all the same: two looks
 * at two hosts are not one moment, and daemons forget reasons when they restart. */
static const MigLiveVerdictRow rows[] = {
  /* Without a look there is no judgement. */
  { S (UNREACHABLE), ANY_D, ANY, ANY, ANY, V (WAIT), "the source does not answer" },
  { HERE, ANY_D, YES, ANY, ANY, V (RUNNING), "the source is sending the guest" },
  { ANY_S, D (UNREACHABLE), ANY, ANY, ANY, V (WAIT), "the destination does not answer" },

  /* The one end that is told whoever is still at work. */
  { GONE, ARRIVED, ANY, ANY, ANY, V (DONE), "the guest has left the source and is at the destination" },

  /* While the call may act, nobody else does. */
  { ANY_S, ANY_D, ANY, YES, ANY, V (RUNNING), "the call that moves the guest has not returned" },
  { S (PAUSED_MIGRATION) | S (POST_COPY), ANY_D & ~D (POST_COPY_FAILED), YES, NO, ANY, V (RUNNING),
    "the guest is changing hands" },

  /* Post-copy: the guest's memory is on both hosts, so that only forward is left. */
  { S (PAUSED_MIGRATION) | S (POST_COPY) | S (POST_COPY_FAILED), D (POST_COPY_FAILED), ANY, NO, ANY, V (RECOVER),
    "the connection broke during post-copy" },
  { S (POST_COPY_FAILED), ARRIVED | D (POST_COPY), ANY, NO, ANY, V (RECOVER),
    "the source lost its connection during post-copy" },
  { S (POST_COPY), ARRIVED | D (POST_COPY), NO, NO, ANY, V (RUNNING),
    "the last of the guest's memory is on its way" },
  { GONE | S (PAUSED_MIGRATION), D (POST_COPY), ANY, NO, ANY, V (RUNNING),
    "the destination waits for the last of the memory" },
  { S (POST_COPY) | S (POST_COPY_FAILED), ANY_D, ANY, NO, ANY, V (UNKNOWN),
    "the guest's memory was on both hosts, and it does not run at the destination" },
  { GONE, D (POST_COPY_FAILED), ANY, NO, ANY, V (UNKNOWN),
    "a part of the guest's memory was at the source, which has let it go" },

  /* Gone from the source. */
  { S (ABSENT) | S (SHUT_OFF_MIGRATED), D (STOPPED), ANY, NO, ANY, V (DONE),
    "the guest moved, and was shut off since" },
  { S (STOPPED), D (ABSENT), ANY, NO, ANY, V (ENDED),
    "the guest stopped at the source, and nothing is at the destination" },
  { GONE, D (ABSENT), ANY, NO, ANY, V (UNKNOWN), "the guest runs on neither host" },
  { GONE, D (PAUSED_INCOMING), ANY, NO, ANY, V (UNKNOWN),
    "the source has let the guest go, and whether all of it arrived cannot be told" },
  { S (STOPPED), D (STOPPED), ANY, NO, ANY, V (UNKNOWN), "the guest is off on both hosts" },

  /* Paused by the switch-over, and nobody left to end it. */
  { S (PAUSED_MIGRATION), ARRIVED, NO, NO, ANY, V (DONE),
    "the guest is at the destination, and its remains at the source" },
  { S (PAUSED_MIGRATION), D (ABSENT), NO, NO, NO, V (RESUME),
    "the switch-over was abandoned, and nothing is at the destination" },
  { S (PAUSED_MIGRATION), D (ABSENT), NO, NO, YES, V (NOT_STARTED), "the guest is at the source, paused as it was" },
  { S (PAUSED_MIGRATION), D (PAUSED_INCOMING), NO, NO, NO, V (DROP_RESUME),
    "the switch-over was abandoned on both hosts" },
  { S (PAUSED_MIGRATION), D (PAUSED_INCOMING), NO, NO, YES, V (DROP),
    "the switch-over of a paused guest was abandoned on both hosts" },
  { S (PAUSED_MIGRATION), D (STOPPED), NO, NO, ANY, V (UNKNOWN),
    "the guest may have run at the destination, where it is off now" },

  /* At the source, and no job. */
  { HERE, D (ABSENT), NO, NO, ANY, V (NOT_STARTED), "the guest is at the source, and nothing is at the destination" },
  { HERE, D (PAUSED_INCOMING) | D (STOPPED), NO, NO, ANY, V (DROP),
    "the guest is at the source, and a leftover at the destination" },
  { S (PAUSED), D (RUNNING), NO, NO, ANY, V (DONE),
    "the guest runs at the destination, and its remains are at the source" },
  { S (PAUSED), D (PAUSED), NO, NO, ANY, V (UNKNOWN), "the guest is paused on both hosts" },
  { HERE, ANY_D, NO, NO, ANY, V (UNKNOWN),
    "the guest is at the source, and what is at the destination is no incoming copy" },
};

static gboolean
agrees (int      wanted,
        gboolean is)
{
  return wanted == ANY || (wanted == YES) == (is != FALSE);
}

static gboolean
row_holds (const MigLiveVerdictRow *row,
           const MigLiveView       *view)
{
  return (row->sources & (1u << view->source)) != 0 && (row->destinations & (1u << view->destination)) != 0 &&
         agrees (row->job, view->job) && agrees (row->owner, view->owner) &&
         agrees (row->paused_before, view->paused_before);
}

const MigLiveVerdictRow *
mig_live_verdict_find (const MigLiveView *view)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (row_holds (&rows[i], view))
        return &rows[i];
    }

  /* A test walks through the whole product of the inputs. */
  g_assert_not_reached ();
}

const MigLiveVerdictRow *
mig_live_verdict_get_rows (gsize *n_rows)
{
  *n_rows = G_N_ELEMENTS (rows);

  return rows;
}

MigLiveSource
mig_live_source_of (MigDomainInfo *info)
{
  if (info == NULL)
    return MIG_LIVE_SOURCE_ABSENT;

  switch (mig_domain_info_get_state (info))
    {
    case MIG_DOMAIN_STATE_RUNNING:
    case MIG_DOMAIN_STATE_POST_COPY: /* of an earlier move, which brought it here: it runs */
      return MIG_LIVE_SOURCE_RUNNING;
    case MIG_DOMAIN_STATE_PAUSED:
    case MIG_DOMAIN_STATE_PAUSED_IO_ERROR:
      return MIG_LIVE_SOURCE_PAUSED;
    case MIG_DOMAIN_STATE_PAUSED_MIGRATION:
      return MIG_LIVE_SOURCE_PAUSED_MIGRATION;
    case MIG_DOMAIN_STATE_PAUSED_POST_COPY:
      return MIG_LIVE_SOURCE_POST_COPY;
    case MIG_DOMAIN_STATE_POST_COPY_FAILED:
      return MIG_LIVE_SOURCE_POST_COPY_FAILED;
    case MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED:
      return MIG_LIVE_SOURCE_SHUT_OFF_MIGRATED;
    case MIG_DOMAIN_STATE_SHUT_OFF:
    case MIG_DOMAIN_STATE_CRASHED:
      return MIG_LIVE_SOURCE_STOPPED;
    case MIG_DOMAIN_STATE_UNKNOWN:
    default:
      return MIG_LIVE_SOURCE_UNREACHABLE; /* an answer that says nothing */
    }
}

MigLiveDestination
mig_live_destination_of (MigDomainInfo *info)
{
  if (info == NULL)
    return MIG_LIVE_DESTINATION_ABSENT;

  switch (mig_domain_info_get_state (info))
    {
    case MIG_DOMAIN_STATE_RUNNING:
      return MIG_LIVE_DESTINATION_RUNNING;
    case MIG_DOMAIN_STATE_PAUSED:
    case MIG_DOMAIN_STATE_PAUSED_IO_ERROR:
      return MIG_LIVE_DESTINATION_PAUSED;
    case MIG_DOMAIN_STATE_PAUSED_MIGRATION:
      return MIG_LIVE_DESTINATION_PAUSED_INCOMING;
    case MIG_DOMAIN_STATE_POST_COPY:
    case MIG_DOMAIN_STATE_PAUSED_POST_COPY:
      return MIG_LIVE_DESTINATION_POST_COPY;
    case MIG_DOMAIN_STATE_POST_COPY_FAILED:
      return MIG_LIVE_DESTINATION_POST_COPY_FAILED;
    case MIG_DOMAIN_STATE_SHUT_OFF:
    case MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED:
    case MIG_DOMAIN_STATE_CRASHED:
      return MIG_LIVE_DESTINATION_STOPPED;
    case MIG_DOMAIN_STATE_UNKNOWN:
    default:
      return MIG_LIVE_DESTINATION_UNREACHABLE;
    }
}

const char *
mig_live_source_name (MigLiveSource source)
{
  static const char * const names[] = {
    "absent", "shut off (migrated)", "shut off (other)", "running", "paused (migration)", "paused (other)",
    "post-copy", "post-copy failed", "unreachable",
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (names) == MIG_LIVE_N_SOURCES);

  return names[source];
}

const char *
mig_live_destination_name (MigLiveDestination destination)
{
  static const char * const names[] = {
    "absent", "paused (incoming)", "running", "paused (other)", "post-copy", "post-copy failed", "shut off",
    "unreachable",
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (names) == MIG_LIVE_N_DESTINATIONS);

  return names[destination];
}

const char *
mig_live_verdict_name (MigLiveVerdict verdict)
{
  static const char * const names[] = {
    "wait", "running", "recover", "done", "not started", "ended", "resume", "drop", "drop and resume", "unknown",
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (names) == MIG_LIVE_N_VERDICTS);

  return names[verdict];
}
