/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-world-private.h"

#include <libmig/mig-error.h>

/* The world as one GVariant, for a file that several processes share. The file lives as long as a test, so its format
 * has a number and no history. */

#define FORMAT 2

/* The youngest; a process that looks as seldom as to miss some gets by without. */
#define MAX_EVENTS 128

#define PLACE "(imsmsmsxx)" /* kind, path, format, host, port, slice */
#define DISKS "a(s" PLACE ")"
#define CLIENT "(xtt)"
#define VOLUME "(" PLACE "xmsmst)"
#define COPY "(sbbtims" DISKS "bims" DISKS "xxxxx)"
#define GUEST "(ssxxba{su}a" COPY ")"
#define HOST "(sbua" VOLUME ")"
#define MIGRATION "(tsssbuasxd" CLIENT "bbiibxxxxxxxxxd)"
#define MIRROR "(tsss" PLACE "xxxxxbb)"
#define CALL "(umsmsmsmsmsm" PLACE "asuxdbb" CLIENT "xt)"
#define EVENT "(tssis)"
#define RESULT "(t" CLIENT "ims)"
#define SETTINGS "(xdddddddx)"
#define WORLD                                                                                                          \
  "(u(xttt)" SETTINGS "a" HOST "a" GUEST "a" VOLUME "a{sx}a" MIGRATION "a" MIRROR "a" CALL "a" RESULT "a" EVENT "s)"
#define WORLD_PARTS                                                                                                    \
  "@" SETTINGS "@a" HOST "@a" GUEST "@a" VOLUME "@a{sx}@a" MIGRATION "@a" MIRROR "@a" CALL "@a" RESULT "@a" EVENT

static GVariant *
put_place (MigDiskSource *source)
{
  return g_variant_new (PLACE, (int) mig_disk_source_get_kind (source), mig_disk_source_get_path (source),
                        mig_disk_source_get_format (source), mig_disk_source_get_host (source),
                        (gint64) mig_disk_source_get_port (source), mig_disk_source_get_slice (source));
}

static MigDiskSource *
get_place (GVariant *variant)
{
  g_autoptr (GVariant) owned = variant;
  const char *path;
  const char *format;
  const char *host;
  gint64 port;
  gint64 slice;
  int kind;

  g_variant_get (variant, "(im&sm&sm&sxx)", &kind, &path, &format, &host, &port, &slice);

  return g_object_new (MIG_TYPE_DISK_SOURCE,
                       "kind", kind,
                       "path", path,
                       "format", format,
                       "host", host,
                       "port", port,
                       "slice", slice,
                       NULL);
}

static GVariant *
put_disks (GPtrArray *disks)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE (DISKS));
  for (guint i = 0; i < disks->len; i++)
    {
      MigSimDisk *disk = g_ptr_array_index (disks, i);

      g_variant_builder_add (&builder, "(s@" PLACE ")", disk->target, put_place (disk->source));
    }

  return g_variant_builder_end (&builder);
}

static void
get_disks (GVariant  *variant,
           GPtrArray *disks)
{
  g_autoptr (GVariant) owned = variant;
  GVariantIter iter;
  GVariant *place;
  const char *target;

  g_variant_iter_init (&iter, variant);
  while (g_variant_iter_next (&iter, "(&s@" PLACE ")", &target, &place))
    {
      g_autoptr (MigDiskSource) source = get_place (place);

      mig_sim_disks_add (disks, target, source);
    }
}

static GVariant *
put_client (const MigSimClient *client)
{
  return g_variant_new (CLIENT, client->pid, client->start, client->nonce);
}

static void
get_client (GVariant     *variant,
            MigSimClient *client)
{
  g_autoptr (GVariant) owned = variant;

  g_variant_get (variant, CLIENT, &client->pid, &client->start, &client->nonce);
}

static GVariant *
put_volumes (GHashTable *volumes)
{
  GVariantBuilder builder;
  GHashTableIter iter;
  MigSimVolume *volume;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a" VOLUME));
  g_hash_table_iter_init (&iter, volumes);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &volume))
    g_variant_builder_add (&builder, "(@" PLACE "xmsmst)", put_place (volume->source), volume->capacity, volume->token,
                           volume->content, volume->version);

  return g_variant_builder_end (&builder);
}

static void
get_volumes (MigSimWorld *world,
             GVariant    *variant,
             MigSimHost  *host)
{
  g_autoptr (GVariant) owned = variant;
  GVariantIter iter;
  GVariant *place;
  gint64 capacity;
  guint64 version;
  char *token;
  char *content;

  g_variant_iter_init (&iter, variant);
  while (g_variant_iter_next (&iter, "(@" PLACE "xmsmst)", &place, &capacity, &token, &content, &version))
    {
      g_autoptr (MigDiskSource) source = get_place (place);
      MigSimVolume *volume = mig_sim_world_add_volume (world, host, source, capacity);

      volume->token = token;
      volume->content = content;
      volume->version = version;
    }
}

static GVariant *
put_hosts (MigSimWorld *world)
{
  GVariantBuilder builder;
  GHashTableIter iter;
  MigSimHost *host;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a" HOST));
  g_hash_table_iter_init (&iter, world->hosts);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &host))
    g_variant_builder_add (&builder, "(sbu@a" VOLUME ")", host->name, host->reachable, host->incarnation,
                           put_volumes (host->volumes));

  return g_variant_builder_end (&builder);
}

static void
get_hosts (MigSimWorld *world,
           GVariant    *variant)
{
  g_autoptr (GVariant) owned = variant;
  GVariantIter iter;
  GVariant *volumes;
  gboolean reachable;
  guint incarnation;
  const char *name;

  g_variant_iter_init (&iter, variant);
  while (g_variant_iter_next (&iter, "(&sbu@a" VOLUME ")", &name, &reachable, &incarnation, &volumes))
    {
      MigSimHost *host = mig_sim_world_add_host (world, name);

      host->reachable = reachable;
      host->incarnation = incarnation;
      get_volumes (world, volumes, host);
    }
}

static GVariant *
put_copies (GPtrArray *copies)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a" COPY));
  for (guint i = 0; i < copies->len; i++)
    {
      MigSimCopy *copy = g_ptr_array_index (copies, i);

      g_variant_builder_add (&builder, "(sbbtims@" DISKS "bims@" DISKS "xxxxx)", copy->host->name, copy->live,
                             copy->incoming, copy->run, (int) copy->state, copy->mark, put_disks (copy->disks),
                             copy->defined, (int) copy->off_state, copy->defined_mark, put_disks (copy->defined_disks),
                             copy->elapsed, copy->downtime, copy->moved_memory, copy->moved_disk, copy->n_passes);
    }

  return g_variant_builder_end (&builder);
}

static void
get_copies (MigSimWorld *world,
            GVariant    *variant,
            MigSimGuest *guest)
{
  g_autoptr (GVariant) owned = variant;
  GVariantIter iter;
  GVariant *entry;

  g_variant_iter_init (&iter, variant);
  while ((entry = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_autoptr (GVariant) owned_entry = entry;
      const char *host;
      MigSimCopy *copy;
      GVariant *disks;
      GVariant *defined_disks;
      int state;
      int off_state;

      g_variant_get_child (entry, 0, "&s", &host);
      copy = mig_sim_world_add_copy (world, g_hash_table_lookup (world->hosts, host), guest);
      g_variant_get (entry, "(&sbbtims@" DISKS "bims@" DISKS "xxxxx)", &host, &copy->live, &copy->incoming,
                     &copy->run, &state, &copy->mark, &disks, &copy->defined, &off_state, &copy->defined_mark,
                     &defined_disks, &copy->elapsed, &copy->downtime, &copy->moved_memory, &copy->moved_disk,
                     &copy->n_passes);
      copy->state = state;
      copy->off_state = off_state;
      get_disks (disks, copy->disks);
      get_disks (defined_disks, copy->defined_disks);
    }
}

static GVariant *
put_guests (MigSimWorld *world)
{
  GVariantBuilder builder;
  GHashTableIter iter;
  MigSimGuest *guest;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a" GUEST));
  g_hash_table_iter_init (&iter, world->guests);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &guest))
    {
      GVariantBuilder versions;
      GHashTableIter disks;
      gpointer target;
      gpointer version;

      g_variant_builder_init (&versions, G_VARIANT_TYPE ("a{su}"));
      g_hash_table_iter_init (&disks, guest->versions);
      while (g_hash_table_iter_next (&disks, &target, &version))
        g_variant_builder_add (&versions, "{su}", target, GPOINTER_TO_UINT (version));
      g_variant_builder_add (&builder, "(ssxxba{su}@a" COPY ")", guest->uuid, guest->name, guest->memory,
                             guest->dirty_rate, guest->alive, &versions, put_copies (guest->copies));
    }

  return g_variant_builder_end (&builder);
}

static void
get_guests (MigSimWorld *world,
            GVariant    *variant)
{
  g_autoptr (GVariant) owned = variant;
  GVariantIter iter;
  const char *uuid;
  const char *name;
  gint64 memory;
  gint64 dirty_rate;
  gboolean alive;
  GVariantIter *versions;
  GVariant *copies;

  g_variant_iter_init (&iter, variant);
  while (g_variant_iter_next (&iter, "(&s&sxxba{su}@a" COPY ")", &uuid, &name, &memory, &dirty_rate, &alive, &versions,
                              &copies))
    {
      MigSimGuest *guest = mig_sim_world_add_guest (world, uuid, name);
      char *target;
      guint version;

      guest->memory = memory;
      guest->dirty_rate = dirty_rate;
      guest->alive = alive;
      while (g_variant_iter_next (versions, "{su}", &target, &version))
        g_hash_table_insert (guest->versions, target, GUINT_TO_POINTER (version));
      g_variant_iter_free (versions);
      get_copies (world, copies, guest);
    }
}

static GVariant *
put_links (MigSimWorld *world)
{
  GVariantBuilder builder;
  GHashTableIter iter;
  gpointer link;
  gint64 *rate;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sx}"));
  g_hash_table_iter_init (&iter, world->links);
  while (g_hash_table_iter_next (&iter, &link, (gpointer *) &rate))
    g_variant_builder_add (&builder, "{sx}", link, *rate);

  return g_variant_builder_end (&builder);
}

static void
get_links (MigSimWorld *world,
           GVariant    *variant)
{
  g_autoptr (GVariant) owned = variant;
  GVariantIter iter;
  char *link;
  gint64 rate;

  g_variant_iter_init (&iter, variant);
  while (g_variant_iter_next (&iter, "{sx}", &link, &rate))
    {
      gint64 *value = g_new (gint64, 1);

      *value = rate;
      g_hash_table_insert (world->links, link, value);
    }
}

static GVariant *
put_strv (char **strv)
{
  return g_variant_new_strv ((const char * const *) strv, strv == NULL ? 0 : -1);
}

static GVariant *
put_migrations (MigSimWorld *world)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a" MIGRATION));
  for (guint i = 0; i < world->migrations->len; i++)
    {
      MigSimMigration *job = g_ptr_array_index (world->migrations, i);

      g_variant_builder_add (&builder, "(tsssbu@asxd@" CLIENT "bbiibxxxxxxxxxd)", job->id, job->guest->uuid,
                             job->source->name, job->destination->name, job->direct, (guint) job->flags,
                             put_strv (job->copy_disks), job->bandwidth, job->max_downtime, put_client (&job->client),
                             job->client_gone, job->silent, (int) job->stage, (int) job->before, job->failing,
                             job->started, job->stage_start, job->stage_end, job->window_start, job->rate,
                             job->remaining, job->processed, job->disk_total, job->iteration, job->throttle);
    }

  return g_variant_builder_end (&builder);
}

static void
get_migrations (MigSimWorld *world,
                GVariant    *variant)
{
  g_autoptr (GVariant) owned = variant;
  GVariantIter iter;
  GVariant *entry;

  g_variant_iter_init (&iter, variant);
  while ((entry = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_autoptr (GVariant) owned_entry = entry;
      MigSimMigration *job = g_new0 (MigSimMigration, 1);
      const char *uuid;
      const char *source;
      const char *destination;
      GVariant *client;
      guint flags;
      int stage;
      int before;

      g_variant_get (entry, "(t&s&s&sbu^asxd@" CLIENT "bbiibxxxxxxxxxd)", &job->id, &uuid, &source, &destination,
                     &job->direct, &flags, &job->copy_disks, &job->bandwidth, &job->max_downtime, &client,
                     &job->client_gone, &job->silent, &stage, &before, &job->failing, &job->started,
                     &job->stage_start, &job->stage_end, &job->window_start, &job->rate, &job->remaining,
                     &job->processed, &job->disk_total, &job->iteration, &job->throttle);
      job->guest = g_hash_table_lookup (world->guests, uuid);
      job->source = g_hash_table_lookup (world->hosts, source);
      job->destination = g_hash_table_lookup (world->hosts, destination);
      job->flags = flags;
      job->stage = stage;
      job->before = before;
      get_client (client, &job->client);
      g_ptr_array_add (world->migrations, job);
    }
}

static GVariant *
put_mirrors (MigSimWorld *world)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a" MIRROR));
  for (guint i = 0; i < world->mirrors->len; i++)
    {
      MigSimMirror *mirror = g_ptr_array_index (world->mirrors, i);

      g_variant_builder_add (&builder, "(tsss@" PLACE "xxxxxbb)", mirror->id, mirror->uuid, mirror->target,
                             mirror->host->name, put_place (mirror->destination), mirror->end, mirror->base,
                             mirror->base_time, mirror->bandwidth, mirror->due, mirror->doomed, mirror->ready);
    }

  return g_variant_builder_end (&builder);
}

static void
get_mirrors (MigSimWorld *world,
             GVariant    *variant)
{
  g_autoptr (GVariant) owned = variant;
  GVariantIter iter;
  GVariant *entry;

  g_variant_iter_init (&iter, variant);
  while ((entry = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_autoptr (GVariant) owned_entry = entry;
      MigSimMirror *mirror = g_new0 (MigSimMirror, 1);
      const char *host;
      GVariant *place;

      g_variant_get (entry, "(tss&s@" PLACE "xxxxxbb)", &mirror->id, &mirror->uuid, &mirror->target, &host, &place,
                     &mirror->end, &mirror->base, &mirror->base_time, &mirror->bandwidth, &mirror->due, &mirror->doomed,
                     &mirror->ready);
      mirror->host = g_hash_table_lookup (world->hosts, host);
      mirror->destination = get_place (place);
      g_ptr_array_add (world->mirrors, mirror);
    }
}

static GVariant *
put_late (MigSimWorld *world)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a" CALL));
  for (guint i = 0; i < world->late->len; i++)
    {
      MigSimCall *call = g_ptr_array_index (world->late, i);

      g_variant_builder_add (&builder, "(umsmsmsmsmsm@" PLACE "@asuxdbb@" CLIENT "xt)", call->verb, call->host,
                             call->domain, call->target, call->text, call->destination,
                             call->source != NULL ? put_place (call->source) : NULL, put_strv (call->disks),
                             call->flags, call->number, call->value, call->direct, call->silent,
                             put_client (&call->client), call->due, call->blocked_at);
    }

  return g_variant_builder_end (&builder);
}

static void
get_late (MigSimWorld *world,
          GVariant    *variant)
{
  g_autoptr (GVariant) owned = variant;
  GVariantIter iter;
  GVariant *entry;

  g_variant_iter_init (&iter, variant);
  while ((entry = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_autoptr (GVariant) owned_entry = entry;
      MigSimCall *call = g_new0 (MigSimCall, 1);
      GVariant *place;
      GVariant *client;

      g_variant_get (entry, "(umsmsmsmsmsm@" PLACE "^asuxdbb@" CLIENT "xt)", &call->verb, &call->host, &call->domain,
                     &call->target, &call->text, &call->destination, &place, &call->disks, &call->flags, &call->number,
                     &call->value, &call->direct, &call->silent, &client, &call->due, &call->blocked_at);
      if (place != NULL)
        call->source = get_place (place);
      get_client (client, &call->client);
      g_ptr_array_add (world->late, call);
    }
}

static GVariant *
put_results (MigSimWorld *world)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a" RESULT));
  for (guint i = 0; i < world->results->len; i++)
    {
      MigSimResult *result = g_ptr_array_index (world->results, i);

      g_variant_builder_add (&builder, "(t@" CLIENT "ims)", result->id, put_client (&result->client), result->code,
                             result->message);
    }

  return g_variant_builder_end (&builder);
}

static void
get_results (MigSimWorld *world,
             GVariant    *variant)
{
  g_autoptr (GVariant) owned = variant;
  MigSimResult result = { 0 };
  GVariantIter iter;
  GVariant *client;

  g_variant_iter_init (&iter, variant);
  while (g_variant_iter_next (&iter, "(t@" CLIENT "ims)", &result.id, &client, &result.code, &result.message))
    {
      get_client (client, &result.client);
      g_ptr_array_add (world->results, g_memdup2 (&result, sizeof result));
    }
}

static GVariant *
put_events (MigSimWorld *world)
{
  guint n_events = g_queue_get_length (world->events);
  guint skipped = n_events > MAX_EVENTS ? n_events - MAX_EVENTS : 0;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a" EVENT));
  for (GList *link = g_queue_peek_nth_link (world->events, skipped); link != NULL; link = link->next)
    {
      MigSimEvent *event = link->data;

      g_variant_builder_add (&builder, EVENT, event->serial, event->host, event->domain, (int) event->event,
                             event->detail);
    }

  return g_variant_builder_end (&builder);
}

static void
get_events (MigSimWorld *world,
            GVariant    *variant)
{
  g_autoptr (GVariant) owned = variant;
  MigSimEvent event = { 0 };
  GVariantIter iter;
  int kind;

  g_variant_iter_init (&iter, variant);
  while (g_variant_iter_next (&iter, EVENT, &event.serial, &event.host, &event.domain, &kind, &event.detail))
    {
      event.event = kind;
      g_queue_push_tail (world->events, g_memdup2 (&event, sizeof event));
    }
}

static GVariant *
put_settings (MigSimSettings *settings)
{
  return g_variant_new (SETTINGS, settings->rate, settings->setup, settings->switch_over, settings->ready_lag,
                        settings->late_delay, settings->link_timeout, settings->call_time, settings->call_deadline,
                        settings->max_moves);
}

static void
get_settings (GVariant       *variant,
              MigSimSettings *settings)
{
  g_autoptr (GVariant) owned = variant;

  g_variant_get (variant, SETTINGS, &settings->rate, &settings->setup, &settings->switch_over, &settings->ready_lag,
                 &settings->late_delay, &settings->link_timeout, &settings->call_time, &settings->call_deadline,
                 &settings->max_moves);
}

GVariant *
mig_sim_world_to_variant (MigSimWorld *self)
{
  GVariant *variant;

  variant = g_variant_new ("(u(xttt)" WORLD_PARTS "s)",
                           FORMAT, self->now, self->n_changes, self->last_id, self->last_serial,
                           put_settings (self->settings), put_hosts (self), put_guests (self),
                           put_volumes (self->shared), put_links (self), put_migrations (self), put_mirrors (self),
                           put_late (self), put_results (self), put_events (self), self->violations->str);

  return g_variant_ref_sink (variant);
}

MigSimWorld *
mig_sim_world_from_bytes (GBytes  *bytes,
                          GError **error)
{
  g_autoptr (GVariant) variant = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (WORLD), bytes, FALSE));
  g_autoptr (MigSimWorld) self = mig_sim_world_new ();
  GVariant *parts[10];
  const char *violations;
  guint64 n_changes;
  guint format;

  if (!g_variant_is_normal_form (variant))
    {
      g_set_error_literal (error, MIG_ERROR, MIG_ERROR_CORRUPT, "the file is no simulated world");
      return NULL;
    }

  g_variant_get (variant, "(u(xttt)" WORLD_PARTS "&s)",
                 &format, &self->now, &n_changes, &self->last_id, &self->last_serial, &parts[9], &parts[0], &parts[1],
                 &parts[2], &parts[3], &parts[4], &parts[5], &parts[6], &parts[7], &parts[8], &violations);
  get_settings (parts[9], self->settings);
  get_hosts (self, parts[0]);
  get_guests (self, parts[1]);
  get_volumes (self, parts[2], NULL);
  get_links (self, parts[3]);
  get_migrations (self, parts[4]);
  get_mirrors (self, parts[5]);
  get_late (self, parts[6]);
  get_results (self, parts[7]);
  get_events (self, parts[8]);
  g_string_assign (self->violations, violations);
  self->n_changes = n_changes;
  if (format != FORMAT)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "the simulated world has format %u, not %d", format, FORMAT);
      return NULL;
    }

  return g_steal_pointer (&self);
}
