/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "live.h"

#include <libmig/mig-memory-store.h>

MigComputeDriverInterface live_slots;

static MigHost *
add_host (LiveWorld      *self,
          const char     *name,
          LiveWorldFlags  flags)
{
  g_autofree char *uri = g_strdup_printf ("sim://%s/", name);
  g_autoptr (GError) error = NULL;
  MigHost *host = g_object_new (MIG_TYPE_HOST,
                                "name", name,
                                "uri", uri,
                                "peer-uri", (flags & LIVE_DIRECT) != 0 ? NULL : uri,
                                NULL);

  mig_sim_driver_add_host (self->sim, name, &error);
  mig_assert_no_error (error);
  mig_cluster_add_host (self->cluster, host, &error);
  mig_assert_no_error (error);

  return host;
}

static void
add_guest (LiveWorld      *self,
           LiveWorldFlags  flags)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *json = NULL;

  mig_sim_driver_add_volume (self->sim, (flags & LIVE_LOCAL) != 0 ? "a" : NULL, "/disks/g.raw", LIVE_DISK_LENGTH,
                             &error);
  mig_assert_no_error (error);
  json = g_strdup_printf ("{\"uuid\": \"3a5b0c1e-0000-4000-8000-000000000001\", \"disks\": [\"vda=/disks/g.raw\"], "
                          "\"transient\": %s, \"state\": \"%s\", \"memory\": 4194304, \"dirty-rate\": %d}",
                          (flags & LIVE_TRANSIENT) != 0 ? "true" : "false",
                          (flags & LIVE_PAUSED) != 0 ? "paused" : "running",
                          (flags & LIVE_BUSY) != 0      ? 16 * 1024 * 1024
                          : (flags & LIVE_WRITING) != 0 ? 65536
                                                        : 0);
  self->uuid = mig_sim_driver_add_domain (self->sim, "a", "g", json, &error);
  mig_assert_no_error (error);
}

LiveWorld *
live_world_new (LiveWorldFlags flags)
{
  LiveWorld *self = g_new0 (LiveWorld, 1);
  g_autoptr (GError) error = NULL;

  self->sim = mig_sim_driver_new (NULL, &error);
  mig_assert_no_error (error);
  mig_sim_driver_configure (self->sim,
                            (flags & (LIVE_SLOW | LIVE_BUSY)) != 0 ? "{\"rate\": 8388608, \"call-deadline\": 0.2}"
                                                                   : "{\"call-deadline\": 0.2}", &error);
  mig_assert_no_error (error);
  self->store = mig_memory_store_new ();
  self->cluster = mig_cluster_new (self->store, MIG_COMPUTE_DRIVER (self->sim));
  g_object_set (self->cluster, "settle-time", 0.08, "volume-backend", self->sim, NULL);
  self->a = add_host (self, "a", flags);
  self->b = add_host (self, "b", flags);
  self->c = add_host (self, "c", flags);
  add_guest (self, flags);

  return self;
}

void
live_world_free (LiveWorld *self)
{
  g_autoptr (GError) error = NULL;

  mig_cluster_close (self->cluster, MIG_CLOSE_MODE_WAIT, NULL, &error);
  mig_assert_no_error (error);
  if (self->has_slots)
    *MIG_COMPUTE_DRIVER_GET_IFACE (self->sim) = live_slots;
  g_object_unref (self->a);
  g_object_unref (self->b);
  g_object_unref (self->c);
  g_object_unref (self->cluster);
  g_object_unref (self->store);
  g_object_unref (self->sim);
  g_free (self->uuid);
  g_free (self);
}

void
live_world_configure (LiveWorld  *self,
                      const char *json)
{
  g_autoptr (GError) error = NULL;

  mig_sim_driver_configure (self->sim, json, &error);
  mig_assert_no_error (error);
}

void
live_world_set_link (LiveWorld *self,
                     gint64     rate)
{
  g_autoptr (GError) error = NULL;

  mig_sim_driver_set_link (self->sim, "a", "b", rate, &error);
  mig_assert_no_error (error);
}

MigOperation *
live_world_task (LiveWorld  *self,
                 const char *json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MigMigrationOptions) options = mig_migration_options_new_from_json (json != NULL ? json : "{}", &error);

  mig_assert_no_error (error);

  return MIG_OPERATION (mig_migration_task_new (self->cluster, "g", self->a, self->b, options));
}

GError *
live_run (MigOperation *task)
{
  GError *error = NULL;
  gboolean ok = mig_operation_run (task, NULL, &error);

  ck_assert_int_eq (ok, error == NULL);
  ck_assert_int_eq (ok, mig_operation_get_status (task) == MIG_STATUS_COMPLETED);

  return error;
}

char *
live_world_text (LiveWorld *self)
{
  g_autoptr (GError) error = NULL;
  char *text = mig_sim_driver_dup_world (self->sim, &error);

  mig_assert_no_error (error);

  return text;
}

char *
live_moved_text (LiveWorldFlags flags)
{
  g_autoptr (LiveWorld) world = live_world_new (flags);
  g_autoptr (MigOperation) task = live_world_task (world, NULL);
  g_autoptr (GError) error = live_run (task);

  mig_assert_no_error (error);

  return live_world_text (world);
}

void
live_world_check (LiveWorld *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *violations = mig_sim_driver_dup_violations (self->sim, &error);

  mig_assert_no_error (error);
  ck_assert_msg (violations == NULL || *violations == '\0', "%s", violations);
}

MigComputeDriverInterface *
live_world_get_slots (LiveWorld *self)
{
  MigComputeDriverInterface *slots = MIG_COMPUTE_DRIVER_GET_IFACE (self->sim);

  if (!self->has_slots)
    live_slots = *slots;
  self->has_slots = TRUE;

  return slots;
}

MigDomainInfo *
live_world_look (LiveWorld *self,
                 MigHost   *host)
{
  g_autoptr (GError) error = NULL;
  MigDomainInfo *info = mig_compute_driver_get_domain (MIG_COMPUTE_DRIVER (self->sim), host, self->uuid, NULL, &error);

  if (info == NULL)
    mig_assert_error (error, MIG_ERROR, MIG_ERROR_NOT_FOUND);

  return info;
}

static GVariant *
look_up (MigOperation *task,
         const char   *name)
{
  g_autoptr (GVariant) result = mig_operation_dup_result (task);

  return result != NULL ? g_variant_lookup_value (result, name, NULL) : NULL;
}

gint64
live_result_int (MigOperation *task,
                 const char   *name)
{
  g_autoptr (GVariant) value = look_up (task, name);

  ck_assert_msg (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64), "no integer %s", name);

  return g_variant_get_int64 (value);
}

char *
live_result_string (MigOperation *task,
                    const char   *name)
{
  g_autoptr (GVariant) value = look_up (task, name);

  ck_assert_msg (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING), "no text %s", name);

  return g_variant_dup_string (value, NULL);
}
