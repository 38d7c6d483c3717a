/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-call-private.h"

#include <string.h>

#include <libmig/mig-error.h>
#include <libmig/mig-host-info.h>

/* Everything that can be asked of a host. One entry, so that faults, late calls and the real thing take one way. */

MigSimCall *
mig_sim_call_new (MigSimVerb  verb,
                  const char *host,
                  const char *domain)
{
  MigSimCall *self = g_new0 (MigSimCall, 1);

  self->verb = verb;
  self->host = g_strdup (host);
  self->domain = g_strdup (domain);

  return self;
}

void
mig_sim_reply_clear (MigSimReply *reply)
{
  g_clear_object (&reply->object);
  g_clear_pointer (&reply->array, g_ptr_array_unref);
}

MigSimCopy *
mig_sim_call_find_copy (MigSimWorld  *world,
                        MigSimCall   *call,
                        GError      **error)
{
  MigSimHost *host = mig_sim_world_find_host (world, call->host, error);

  return host != NULL ? mig_sim_host_find_copy (host, call->domain, error) : NULL;
}

/* The job that a host knows of: a guest's migration concerns its two hosts only. */
static MigSimMigration *
find_migration (MigSimWorld *world,
                MigSimCopy  *copy)
{
  MigSimMigration *migration = mig_sim_migration_find (world, copy->guest);

  if (migration == NULL || (migration->source != copy->host && migration->destination != copy->host))
    return NULL;

  return migration;
}

/* Verbs that need the domain's job lock wait for the end of a migration. */
gboolean
mig_sim_call_is_blocked (MigSimWorld *world,
                         MigSimCopy  *copy,
                         MigSimReply *reply)
{
  reply->blocked = find_migration (world, copy) != NULL;

  return reply->blocked;
}

static gboolean
get_host_info (MigSimWorld  *world,
               MigSimCall   *call,
               MigSimReply  *reply,
               GError      **error)
{
  MigSimHost *host = mig_sim_world_find_host (world, call->host, error);
  g_autofree char *incarnation = NULL;
  g_autofree char *uuid = NULL;

  if (host == NULL)
    return FALSE;

  incarnation = g_strdup_printf ("%s/%u", host->name, host->incarnation);
  uuid = g_strdup_printf ("00000000-0000-4000-8000-0000%08x", g_str_hash (host->name));
  reply->object = g_object_new (MIG_TYPE_HOST_INFO,
                                "uuid", uuid,
                                "hostname", host->name,
                                "daemon-incarnation", incarnation,
                                NULL);

  return TRUE;
}

static gboolean
get_domain (MigSimWorld  *world,
            MigSimCall   *call,
            MigSimReply  *reply,
            GError      **error)
{
  MigSimCopy *copy = mig_sim_call_find_copy (world, call, error);

  if (copy != NULL)
    reply->object = mig_sim_copy_describe (world, copy);

  return copy != NULL;
}

static gboolean
get_domains (MigSimWorld  *world,
             MigSimCall   *call,
             MigSimReply  *reply,
             GError      **error)
{
  MigSimHost *host = mig_sim_world_find_host (world, call->host, error);
  GHashTableIter iter;
  MigSimCopy *copy;

  if (host == NULL)
    return FALSE;

  reply->array = g_ptr_array_new_with_free_func (g_object_unref);
  g_hash_table_iter_init (&iter, host->copies);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &copy))
    g_ptr_array_add (reply->array, mig_sim_copy_describe (world, copy));

  return TRUE;
}

static void
set_text (char       **at,
          const char  *text)
{
  g_free (*at);
  *at = g_strdup (text);
}

static gboolean
set_mark (MigSimWorld  *world,
          MigSimCall   *call,
          MigSimReply  *reply,
          GError      **error)
{
  MigSimCopy *copy = mig_sim_call_find_copy (world, call, error);

  if (copy == NULL || mig_sim_call_is_blocked (world, copy, reply))
    return FALSE;

  if (copy->live)
    set_text (&copy->mark, call->text);
  if (copy->defined)
    set_text (&copy->defined_mark, call->text);
  mig_sim_world_changed (world);

  return TRUE;
}

static gboolean
migrate (MigSimWorld  *world,
         MigSimCall   *call,
         MigSimReply  *reply,
         GError      **error)
{
  guint64 id;

  if (!mig_sim_migration_start (world, call, &id, error))
    return FALSE;
  reply->number = (gint64) id;

  return TRUE;
}

static gboolean
get_job (MigSimWorld  *world,
         MigSimCall   *call,
         MigSimReply  *reply,
         GError      **error)
{
  MigSimCopy *copy = mig_sim_call_find_copy (world, call, error);

  if (copy != NULL)
    reply->object = mig_sim_copy_get_job (world, copy, call->number != 0);

  return copy != NULL;
}

/* The migration away from the host that the call names. */
static MigSimMigration *
find_outgoing (MigSimWorld  *world,
               MigSimCall   *call,
               GError      **error)
{
  MigSimCopy *copy = mig_sim_call_find_copy (world, call, error);
  MigSimMigration *migration = copy != NULL ? find_migration (world, copy) : NULL;

  if (copy == NULL)
    return NULL;
  if (migration == NULL || migration->source != copy->host)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "no migration of %s away from %s is running",
                   copy->guest->name, copy->host->name);
      return NULL;
    }

  return migration;
}

static gboolean
abort_job (MigSimWorld  *world,
           MigSimCall   *call,
           MigSimReply  *reply,
           GError      **error)
{
  MigSimMigration *migration = find_outgoing (world, call, error);

  return migration != NULL && mig_sim_migration_abort (world, migration, error);
}

static gboolean
tune (MigSimWorld  *world,
      MigSimCall   *call,
      MigSimReply  *reply,
      GError      **error)
{
  MigSimMigration *migration = find_outgoing (world, call, error);

  return migration != NULL && mig_sim_migration_tune (world, migration, call->number, call->value, error);
}

static gboolean
check_live (MigSimCopy  *copy,
            GError     **error)
{
  if (copy->live)
    return TRUE;

  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "%s does not run on %s", copy->guest->name, copy->host->name);

  return FALSE;
}

static gboolean
pause_domain (MigSimWorld  *world,
              MigSimCall   *call,
              MigSimReply  *reply,
              GError      **error)
{
  MigSimCopy *copy = mig_sim_call_find_copy (world, call, error);
  MigSimMigration *migration;

  if (copy == NULL || !check_live (copy, error))
    return FALSE;
  migration = find_migration (world, copy);
  if (copy->state == MIG_DOMAIN_STATE_PAUSED ||
      (migration == NULL && copy->state == MIG_DOMAIN_STATE_PAUSED_IO_ERROR))
    return TRUE;

  /* A source may be paused while its memory is copied: then it converges, and says that the migration stopped it. */
  if (migration != NULL && (migration->source != copy->host || copy->state != MIG_DOMAIN_STATE_RUNNING))
    {
      reply->blocked = TRUE;
      return FALSE;
    }
  copy->state = migration != NULL ? MIG_DOMAIN_STATE_PAUSED_MIGRATION : MIG_DOMAIN_STATE_PAUSED;
  mig_sim_world_emit (world, copy->host, copy->guest->uuid, MIG_DRIVER_EVENT_SUSPENDED,
                      migration != NULL ? "migration" : "other");

  return TRUE;
}

static gboolean
resume (MigSimWorld  *world,
        MigSimCall   *call,
        MigSimReply  *reply,
        GError      **error)
{
  MigSimCopy *copy = mig_sim_call_find_copy (world, call, error);

  if (copy == NULL || !check_live (copy, error))
    return FALSE;
  if (copy->state == MIG_DOMAIN_STATE_RUNNING)
    return TRUE;
  if (copy->state != MIG_DOMAIN_STATE_PAUSED && mig_sim_call_is_blocked (world, copy, reply))
    return FALSE;
  if (copy->state == MIG_DOMAIN_STATE_POST_COPY_FAILED)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "%s is half here and half elsewhere", copy->guest->name);
      return FALSE;
    }

  copy->state = MIG_DOMAIN_STATE_RUNNING;
  mig_sim_world_emit (world, copy->host, copy->guest->uuid, MIG_DRIVER_EVENT_RESUMED, "other");

  return TRUE;
}

static gboolean
destroy (MigSimWorld  *world,
         MigSimCall   *call,
         MigSimReply  *reply,
         GError      **error)
{
  MigSimCopy *copy = mig_sim_call_find_copy (world, call, error);
  MigSimMigration *migration;

  if (copy == NULL)
    return FALSE;
  if (!copy->live)
    return TRUE;

  migration = find_migration (world, copy);
  mig_sim_mirror_drop_all (world, copy);
  copy->live = FALSE;
  copy->incoming = FALSE;
  copy->off_state = MIG_DOMAIN_STATE_SHUT_OFF;
  mig_sim_world_emit (world, copy->host, copy->guest->uuid, MIG_DRIVER_EVENT_STOPPED, "other");
  if (migration != NULL)
    mig_sim_migration_bereave (world, migration, copy);
  mig_sim_world_drop_copy (world, copy);

  return TRUE;
}

static gboolean
define (MigSimWorld  *world,
        MigSimCall   *call,
        MigSimReply  *reply,
        GError      **error)
{
  MigSimHost *host = mig_sim_world_find_host (world, call->host, error);

  return host != NULL && mig_sim_host_define (world, host, call->text, error);
}

static gboolean
undefine (MigSimWorld  *world,
          MigSimCall   *call,
          MigSimReply  *reply,
          GError      **error)
{
  MigSimHost *host = mig_sim_world_find_host (world, call->host, error);
  MigSimCopy *copy;

  if (host == NULL)
    return FALSE;

  copy = mig_sim_host_find_copy (host, call->domain, NULL);
  if (copy == NULL || !copy->defined)
    return TRUE;
  if (mig_sim_call_is_blocked (world, copy, reply))
    return FALSE;
  copy->defined = FALSE;
  g_clear_pointer (&copy->defined_mark, g_free);
  g_ptr_array_set_size (copy->defined_disks, 0);
  mig_sim_world_drop_copy (world, copy);

  return TRUE;
}

static const struct
{
  const char     *name;
  gboolean        changes;
  MigSimVerbFunc *func;
} verbs[] = {
  [MIG_SIM_VERB_GET_HOST_INFO] = { "get_host_info", FALSE, get_host_info },
  [MIG_SIM_VERB_GET_DOMAIN] = { "get_domain", FALSE, get_domain },
  [MIG_SIM_VERB_GET_DOMAINS] = { "get_domains", FALSE, get_domains },
  [MIG_SIM_VERB_SET_MARK] = { "set_mark", TRUE, set_mark },
  [MIG_SIM_VERB_MIGRATE] = { "migrate", TRUE, migrate },
  [MIG_SIM_VERB_GET_JOB] = { "get_job", FALSE, get_job },
  [MIG_SIM_VERB_ABORT_JOB] = { "abort_job", TRUE, abort_job },
  [MIG_SIM_VERB_TUNE] = { "tune", TRUE, tune },
  [MIG_SIM_VERB_PAUSE] = { "pause", TRUE, pause_domain },
  [MIG_SIM_VERB_RESUME] = { "resume", TRUE, resume },
  [MIG_SIM_VERB_DESTROY] = { "destroy", TRUE, destroy },
  [MIG_SIM_VERB_DEFINE] = { "define", TRUE, define },
  [MIG_SIM_VERB_UNDEFINE] = { "undefine", TRUE, undefine },
  [MIG_SIM_VERB_BLOCK_START] = { "block.start", TRUE, mig_sim_block_start },
  [MIG_SIM_VERB_BLOCK_ABORT] = { "block.abort", TRUE, mig_sim_block_abort },
  [MIG_SIM_VERB_BLOCK_GET_INFO] = { "block.get_info", FALSE, mig_sim_block_get_info },
  [MIG_SIM_VERB_BLOCK_SET_BANDWIDTH] = { "block.set_bandwidth", TRUE, mig_sim_block_set_bandwidth },
  [MIG_SIM_VERB_BLOCK_RESIZE] = { "block.resize", TRUE, mig_sim_block_resize },
  [MIG_SIM_VERB_BLOCK_GET_LENGTH] = { "block.get_length", FALSE, mig_sim_block_get_length },
  [MIG_SIM_VERB_BLOCK_DEFINE_SOURCE] = { "block.define_source", TRUE, mig_sim_block_define_source },
  [MIG_SIM_VERB_VOLUME_LOOKUP] = { "volume.lookup", FALSE, mig_sim_volume_lookup },
  [MIG_SIM_VERB_VOLUME_CREATE] = { "volume.create", TRUE, mig_sim_volume_create },
  [MIG_SIM_VERB_VOLUME_REMOVE] = { "volume.remove", TRUE, mig_sim_volume_remove },
};

G_STATIC_ASSERT (G_N_ELEMENTS (verbs) == MIG_SIM_N_VERBS);

const char *
mig_sim_verb_get_name (MigSimVerb verb)
{
  return verbs[verb].name;
}

gboolean
mig_sim_verb_changes (MigSimVerb verb)
{
  return verbs[verb].changes;
}

gboolean
mig_sim_call_apply (MigSimWorld  *world,
                    MigSimCall   *call,
                    MigSimReply  *reply,
                    GError      **error)
{
  MigSimHost *host = g_hash_table_lookup (world->hosts, call->host);
  MigSimCopy *copy = host != NULL && call->domain != NULL ? mig_sim_host_find_copy (host, call->domain, NULL) : NULL;
  MigSimGuest *guest = copy != NULL ? copy->guest : NULL;
  gboolean ok = verbs[call->verb].func (world, call, reply, error);

  if (guest != NULL && verbs[call->verb].changes)
    mig_sim_check_guest (world, guest);

  return ok;
}
