/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libmig/drivers/sim/mig-sim-world-private.h"

G_BEGIN_DECLS

typedef enum {
  MIG_SIM_VERB_GET_HOST_INFO,
  MIG_SIM_VERB_GET_DOMAIN,
  MIG_SIM_VERB_GET_DOMAINS,
  MIG_SIM_VERB_SET_MARK,
  MIG_SIM_VERB_MIGRATE,
  MIG_SIM_VERB_GET_JOB,
  MIG_SIM_VERB_ABORT_JOB,
  MIG_SIM_VERB_TUNE,
  MIG_SIM_VERB_PAUSE,
  MIG_SIM_VERB_RESUME,
  MIG_SIM_VERB_DESTROY,
  MIG_SIM_VERB_DEFINE,
  MIG_SIM_VERB_UNDEFINE,
  MIG_SIM_VERB_BLOCK_START,
  MIG_SIM_VERB_BLOCK_ABORT,
  MIG_SIM_VERB_BLOCK_GET_INFO,
  MIG_SIM_VERB_BLOCK_SET_BANDWIDTH,
  MIG_SIM_VERB_BLOCK_RESIZE,
  MIG_SIM_VERB_BLOCK_GET_LENGTH,
  MIG_SIM_VERB_BLOCK_DEFINE_SOURCE,
  MIG_SIM_VERB_VOLUME_LOOKUP,
  MIG_SIM_VERB_VOLUME_CREATE,
  MIG_SIM_VERB_VOLUME_REMOVE,
} MigSimVerb;

#define MIG_SIM_N_VERBS 23

typedef struct
{
  gpointer object; /* a GObject */
  GPtrArray *array;
  gint64   number;
  gboolean blocked; /* not now: the domain has a job */
} MigSimReply;

/* What a verb does. FALSE without an error: blocked. */
typedef gboolean MigSimVerbFunc (MigSimWorld  *world,
                                 MigSimCall   *call,
                                 MigSimReply  *reply,
                                 GError      **error);

const char *mig_sim_verb_get_name (MigSimVerb    verb);
gboolean    mig_sim_verb_changes  (MigSimVerb    verb);

MigSimCall *mig_sim_call_new      (MigSimVerb    verb,
                                   const char   *host,
                                   const char   *domain);
gboolean    mig_sim_call_apply    (MigSimWorld  *world,
                                   MigSimCall   *call,
                                   MigSimReply  *reply,
                                   GError      **error);
void        mig_sim_reply_clear   (MigSimReply  *reply);

MigSimCopy *mig_sim_call_find_copy  (MigSimWorld  *world,
                                     MigSimCall   *call,
                                     GError      **error);
/* Verbs that need the domain's job lock wait for the end of a migration. */
gboolean    mig_sim_call_is_blocked (MigSimWorld  *world,
                                     MigSimCopy   *copy,
                                     MigSimReply  *reply);

/* call-storage.c */
MigSimVerbFunc mig_sim_block_start;
MigSimVerbFunc mig_sim_block_abort;
MigSimVerbFunc mig_sim_block_get_info;
MigSimVerbFunc mig_sim_block_set_bandwidth;
MigSimVerbFunc mig_sim_block_resize;
MigSimVerbFunc mig_sim_block_get_length;
MigSimVerbFunc mig_sim_block_define_source;
MigSimVerbFunc mig_sim_volume_lookup;
MigSimVerbFunc mig_sim_volume_create;
MigSimVerbFunc mig_sim_volume_remove;

/* describe.c */
MigDomainInfo *mig_sim_copy_describe         (MigSimWorld   *world,
                                              MigSimCopy    *copy);
/* What the definition of a domain says, as a text that define takes. */
char          *mig_sim_copy_print_definition (MigSimCopy    *copy,
                                              gboolean       persistent);
gboolean       mig_sim_host_define           (MigSimWorld   *world,
                                              MigSimHost    *host,
                                              const char    *definition,
                                              GError       **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MigSimReply, mig_sim_reply_clear)

G_END_DECLS
