/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/block/mig-swap-private.h"

#include <libmig/mig-error.h>

/* "old", "path": the fact "old-path" */
static const char *
get_part (MigFacts   *facts,
          const char *name,
          const char *part)
{
  g_autofree char *fact = g_strconcat (name, "-", part, NULL);

  return mig_facts_get_string (facts, fact);
}

static gint64
get_number (MigFacts   *facts,
            const char *name,
            const char *part,
            gint64      fallback)
{
  g_autofree char *fact = g_strconcat (name, "-", part, NULL);

  return mig_facts_get_int (facts, fact, fallback);
}

static void
set_part (MigFacts   *facts,
          const char *name,
          const char *part,
          const char *value)
{
  g_autofree char *fact = g_strconcat (name, "-", part, NULL);

  mig_facts_set_string (facts, fact, value);
}

static void
set_number (MigFacts   *facts,
            const char *name,
            const char *part,
            gint64      value,
            gboolean    known)
{
  g_autofree char *fact = g_strconcat (name, "-", part, NULL);

  if (known)
    mig_facts_set_int (facts, fact, value);
  else
    mig_facts_remove (facts, fact);
}

void
mig_swap_save_source (MigFacts      *facts,
                      const char    *name,
                      MigDiskSource *source)
{
  g_autofree char *text = mig_disk_source_to_string (source);
  guint port = mig_disk_source_get_port (source);
  gint64 slice = mig_disk_source_get_slice (source);

  mig_facts_set_string (facts, name, text);
  set_number (facts, name, "kind", mig_disk_source_get_kind (source), TRUE);
  set_part (facts, name, "format", mig_disk_source_get_format (source));
  set_part (facts, name, "path", mig_disk_source_get_path (source));
  set_part (facts, name, "server", mig_disk_source_get_host (source));
  set_number (facts, name, "port", port, port > 0);
  set_number (facts, name, "slice", slice, slice >= 0);
}

MigDiskSource *
mig_swap_load_source (MigFacts   *facts,
                      const char *name)
{
  gint64 kind = get_number (facts, name, "kind", -1);

  if (kind < 0)
    return NULL;

  return g_object_new (MIG_TYPE_DISK_SOURCE,
                       "kind", (int) kind,
                       "path", get_part (facts, name, "path"),
                       "format", get_part (facts, name, "format"),
                       "host", get_part (facts, name, "server"),
                       "port", get_number (facts, name, "port", 0),
                       "slice", get_number (facts, name, "slice", -1),
                       NULL);
}

static MigDiskSource *
with_format (MigDiskSource *source,
             const char    *format)
{
  if (format == NULL)
    return g_object_ref (source);

  return g_object_new (MIG_TYPE_DISK_SOURCE,
                       "kind", mig_disk_source_get_kind (source),
                       "path", mig_disk_source_get_path (source),
                       "format", format,
                       "host", mig_disk_source_get_host (source),
                       "port", (gint64) mig_disk_source_get_port (source),
                       "slice", mig_disk_source_get_slice (source),
                       NULL);
}

gboolean
mig_swap_open (MigSwap       *self,
               MigOperation  *operation,
               MigStepRun    *run,
               GError       **error)
{
  const char *uuid;

  *self = (MigSwap) { .operation = operation, .run = run };
  self->request = mig_volume_swap_get_request (MIG_VOLUME_SWAP (operation));
  self->facts = mig_step_run_get_facts (run);
  self->cluster = mig_operation_get_cluster (operation);
  self->backend = mig_cluster_get_volume_backend (self->cluster);
  self->cancellable = mig_step_run_get_cancellable (run);

  uuid = mig_facts_get_string (self->facts, MIG_SWAP_FACT_UUID);
  self->ref = mig_block_ref_new (mig_cluster_get_driver (self->cluster), self->request->host,
                                 uuid != NULL ? uuid : self->request->domain, self->request->target, error);
  if (self->ref == NULL)
    return FALSE;

  self->old = mig_swap_load_source (self->facts, MIG_SWAP_FACT_OLD);
  self->destination = with_format (self->request->destination,
                                   mig_facts_get_string (self->facts, MIG_SWAP_FACT_FORMAT));

  return TRUE;
}

void
mig_swap_clear (MigSwap *self)
{
  g_clear_pointer (&self->ref, mig_block_ref_free);
  g_clear_object (&self->old);
  g_clear_object (&self->destination);
}

char *
mig_swap_describe (MigSwap *self)
{
  const char *name = mig_facts_get_string (self->facts, MIG_SWAP_FACT_NAME);

  return g_strdup_printf ("disk %s of %s", self->request->target, name != NULL ? name : self->request->domain);
}

char *
mig_swap_describe_destination (MigSwap *self)
{
  return mig_disk_source_to_string (self->request->destination);
}

gint64
mig_swap_get_length (MigSwap *self)
{
  return mig_facts_get_int (self->facts, MIG_SWAP_FACT_LENGTH, -1);
}

gboolean
mig_swap_set_detached (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "the process leaves the swap to recovery");

  return FALSE;
}

gboolean
mig_swap_is_ambiguous (const GError *error)
{
  return g_error_matches (error, MIG_ERROR, MIG_ERROR_CONNECTION) ||
         g_error_matches (error, MIG_ERROR, MIG_ERROR_TIMED_OUT) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

void
mig_swap_wait (MigSwap *self,
               guint64  ticket,
               double   seconds)
{
  gint64 until = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);

  mig_waiter_wait (mig_step_run_get_waiter (self->run), ticket, until, NULL);
}

static G_DEFINE_QUARK (mig-swap-watch, watch)

void
mig_swap_keep_watch (MigSwap       *self,
                     MigBlockWatch *watch)
{
  g_object_set_qdata_full (G_OBJECT (self->operation), watch_quark (), watch, (GDestroyNotify) mig_block_watch_free);
}

MigBlockWatch *
mig_swap_take_watch (MigSwap *self)
{
  MigBlockWatch *watch = g_object_steal_qdata (G_OBJECT (self->operation), watch_quark ());

  return watch != NULL ? watch : mig_block_watch_new (self->ref, mig_step_run_get_waiter (self->run));
}
