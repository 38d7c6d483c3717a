/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-error.h>

#include "libmig/core/mig-waiter-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-moves-private.h"

typedef enum {
  WAITING,
  INSIDE,
  EXPELLED, /* the host knows nothing of it any more, although its call has not returned */
  WITHDRAWN,
} PlaceState;

typedef struct
{
  char      *domain;
  PlaceState state;
  gint64     entered;  /* when it came in... */
  gint64     listed;   /* ... when somebody was last told to ask for it... */
  gboolean   missed;   /* ... and whether the host knew nothing of it then */
} Place;

struct _MigLibvirtMoves
{
  MigWaiter *waiter;
  GMutex     mutex;
  GPtrArray *places; /* of Place, in the order in which they came */
  guint      max;
};

static void
place_free (gpointer data)
{
  Place *place = data;

  g_free (place->domain);
  g_free (place);
}

static void
moves_clear (gpointer data)
{
  MigLibvirtMoves *self = data;

  g_ptr_array_unref (self->places);
  g_mutex_clear (&self->mutex);
  mig_waiter_unref (self->waiter);
}

MigLibvirtMoves *
mig_libvirt_moves_new (guint max)
{
  MigLibvirtMoves *self = g_atomic_rc_box_new0 (MigLibvirtMoves);

  self->waiter = mig_waiter_new ();
  g_mutex_init (&self->mutex);
  self->places = g_ptr_array_new_with_free_func (place_free);
  self->max = max;

  return self;
}

MigLibvirtMoves *
mig_libvirt_moves_ref (MigLibvirtMoves *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
mig_libvirt_moves_unref (MigLibvirtMoves *self)
{
  g_atomic_rc_box_release_full (self, moves_clear);
}

/* With the lock. */
static guint
count (MigLibvirtMoves *self,
       PlaceState       state)
{
  guint n = 0;

  for (guint i = 0; i < self->places->len; i++)
    {
      Place *place = g_ptr_array_index (self->places, i);

      if (place->state == state)
        n++;
    }

  return n;
}

/* With the lock: as many as there is room for, the oldest first. */
static void
let_in (MigLibvirtMoves *self)
{
  guint n_inside = count (self, INSIDE);

  for (guint i = 0; i < self->places->len && n_inside < self->max; i++)
    {
      Place *place = g_ptr_array_index (self->places, i);

      if (place->state != WAITING)
        continue;
      place->state = INSIDE;
      place->entered = g_get_monotonic_time ();
      n_inside++;
    }
}

void
mig_libvirt_moves_set_max (MigLibvirtMoves *self,
                           guint            max)
{
  g_mutex_lock (&self->mutex);
  self->max = max;
  let_in (self);
  g_mutex_unlock (&self->mutex);
  mig_waiter_wake (self->waiter);
}

/* With the lock: takes a place out. */
static void
give_up (MigLibvirtMoves *self,
         Place           *place)
{
  g_ptr_array_remove (self->places, place);
  let_in (self);
}

/* With the lock. */
static Place *
add_place (MigLibvirtMoves *self,
           const char      *domain)
{
  Place *place = g_new0 (Place, 1);

  place->domain = g_strdup (domain);
  g_ptr_array_add (self->places, place);

  return place;
}

void
mig_libvirt_moves_enter_at_once (MigLibvirtMoves *self,
                                 const char      *domain)
{
  Place *place;

  g_mutex_lock (&self->mutex);
  place = add_place (self, domain);
  place->state = INSIDE;
  place->entered = g_get_monotonic_time ();
  g_mutex_unlock (&self->mutex);
}

gboolean
mig_libvirt_moves_enter (MigLibvirtMoves  *self,
                         const char       *domain,
                         GCancellable     *cancellable,
                         GError          **error)
{
  return mig_libvirt_moves_enter_full (self, domain, -1, NULL, NULL, cancellable, error);
}

gboolean
mig_libvirt_moves_enter_full (MigLibvirtMoves      *self,
                              const char           *domain,
                              double                seconds,
                              MigLibvirtAuditFunc   audit,
                              gpointer              data,
                              GCancellable         *cancellable,
                              GError              **error)
{
  gint64 interval = (gint64) (seconds * G_USEC_PER_SEC);
  gint64 next_audit = audit != NULL ? g_get_monotonic_time () + interval : -1;
  gboolean inside = FALSE, withdrawn = FALSE, cancelled = FALSE;
  Place *place;

  g_mutex_lock (&self->mutex);
  place = add_place (self, domain);
  let_in (self);
  g_mutex_unlock (&self->mutex);

  while (!inside && !withdrawn && !cancelled)
    {
      guint64 ticket = mig_waiter_ticket (self->waiter);

      g_mutex_lock (&self->mutex);
      inside = place->state == INSIDE;
      withdrawn = place->state == WITHDRAWN;
      cancelled = !inside && !withdrawn && g_cancellable_is_cancelled (cancellable);
      if (withdrawn || cancelled)
        give_up (self, place);
      g_mutex_unlock (&self->mutex);

      if (inside || withdrawn || cancelled)
        break;
      mig_waiter_wait (self->waiter, ticket, next_audit, cancellable);
      if (audit != NULL && g_get_monotonic_time () >= next_audit)
        {
          audit (data);
          next_audit = g_get_monotonic_time () + interval;
        }
    }

  if (cancelled)
    return !g_cancellable_set_error_if_cancelled (cancellable, error);
  if (withdrawn)
    g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "The migration of %s was aborted before it began", domain);

  return inside;
}

/* With the lock: the first of that domain in that state. */
static Place *
find_place (MigLibvirtMoves *self,
            const char      *domain,
            PlaceState       state)
{
  for (guint i = 0; i < self->places->len; i++)
    {
      Place *place = g_ptr_array_index (self->places, i);

      if (place->state == state && g_strcmp0 (place->domain, domain) == 0)
        return place;
    }

  return NULL;
}

void
mig_libvirt_moves_leave (MigLibvirtMoves *self,
                         const char      *domain)
{
  Place *place;

  g_mutex_lock (&self->mutex);
  place = find_place (self, domain, INSIDE);
  if (place == NULL)
    place = find_place (self, domain, EXPELLED);
  give_up (self, place);
  g_mutex_unlock (&self->mutex);
  mig_waiter_wake (self->waiter);
}

char **
mig_libvirt_moves_list_old (MigLibvirtMoves *self,
                            double           seconds)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  gint64 now = g_get_monotonic_time ();
  gint64 limit = now - (gint64) (seconds * G_USEC_PER_SEC);

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->places->len; i++)
    {
      Place *place = g_ptr_array_index (self->places, i);

      if (place->state != INSIDE || place->entered > limit || place->listed > limit)
        continue;
      place->listed = now;
      g_strv_builder_add (builder, place->domain);
    }
  g_mutex_unlock (&self->mutex);

  return g_strv_builder_end (builder);
}

void
mig_libvirt_moves_note (MigLibvirtMoves *self,
                        const char      *domain,
                        gboolean         moving)
{
  Place *place;

  g_mutex_lock (&self->mutex);
  place = find_place (self, domain, INSIDE);
  if (place != NULL && !moving && place->missed)
    place->state = EXPELLED;
  if (place != NULL)
    place->missed = !moving;
  let_in (self);
  g_mutex_unlock (&self->mutex);
  mig_waiter_wake (self->waiter);
}

guint
mig_libvirt_moves_get_n_waiting (MigLibvirtMoves *self)
{
  guint n;

  g_mutex_lock (&self->mutex);
  n = count (self, WAITING);
  g_mutex_unlock (&self->mutex);

  return n;
}

gboolean
mig_libvirt_moves_withdraw (MigLibvirtMoves *self,
                            const char      *domain)
{
  Place *place;

  g_mutex_lock (&self->mutex);
  place = find_place (self, domain, WAITING);
  if (place != NULL)
    place->state = WITHDRAWN;
  g_mutex_unlock (&self->mutex);
  mig_waiter_wake (self->waiter);

  return place != NULL;
}

gboolean
mig_libvirt_moves_is_inside (MigLibvirtMoves *self,
                             const char      *domain,
                             double           seconds)
{
  gint64 until = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  gboolean inside, in_time;

  do
    {
      guint64 ticket = mig_waiter_ticket (self->waiter);

      g_mutex_lock (&self->mutex);
      inside = find_place (self, domain, INSIDE) != NULL;
      g_mutex_unlock (&self->mutex);

      in_time = inside && mig_waiter_wait (self->waiter, ticket, until, NULL);
    }
  while (in_time);

  return inside;
}
