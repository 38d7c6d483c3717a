/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-probe-private.h"

#include <string.h>

#include "libmig/drivers/libvirt/mig-libvirt-error-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-storage-xml-private.h"

/* What each version of LUKS begins with. */
static const char luks_magic[] = { 'L', 'U', 'K', 'S', '\xba', '\xbe' };

/* Another process that probes the same device may remove the domain that we share; and whoever sweeps, any. */
#define MAX_ATTEMPTS 20

G_DEFINE_AUTOPTR_CLEANUP_FUNC (virDomain, virDomainFree)

typedef struct
{
  const MigLibvirtPlace *place;
  MigDiskSource         *source; /* all of it: no slice */
  gboolean               start;
  char                  *name;
  char                  *xml;
} Probe;

static void
probe_clear (Probe *self)
{
  g_object_unref (self->source);
  g_free (self->name);
  g_free (self->xml);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Probe, probe_clear)

static MigDiskSource *
copy_without_slice (MigDiskSource *source)
{
  return g_object_new (MIG_TYPE_DISK_SOURCE,
                       "kind", mig_disk_source_get_kind (source),
                       "path", mig_disk_source_get_path (source),
                       "format", mig_disk_source_get_format (source),
                       "host", mig_disk_source_get_host (source),
                       "port", (gint64) mig_disk_source_get_port (source),
                       NULL);
}

/* All who ask for one device use one domain, so that what a crash left behind has a name that is known. */
static char *
choose_uuid (Probe *self)
{
  const char *format = mig_disk_source_get_format (self->source);
  g_autofree char *text = NULL;

  if (self->start)
    return g_uuid_string_random ();

  text = g_strdup_printf ("%s\n%s", format != NULL ? format : "raw", mig_disk_source_get_path (self->source));

  return mig_libvirt_scratch_make_uuid (text);
}

static virDomainPtr
make_domain (Probe *self)
{
  if (self->start)
    return virDomainCreateXML (self->place->connection, self->xml,
                               VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY);

  return virDomainDefineXML (self->place->connection, self->xml);
}

/* libvirt reads local devices itself, as raw bytes only. */
static gboolean
begins_as_luks (virDomainPtr domain)
{
  char start[sizeof luks_magic];

  return virDomainBlockPeek (domain, "vda", 0, sizeof start, start, 0) == 0 &&
         memcmp (start, luks_magic, sizeof start) == 0;
}

/* *@gone: the domain was removed under us. */
static gboolean
look (Probe             *self,
      virDomainPtr       domain,
      MigLibvirtDevice  *device,
      gboolean          *gone,
      GError           **error)
{
  virDomainBlockInfo info;

  if (domain != NULL && virDomainGetBlockInfo (domain, "vda", &info, 0) == 0)
    {
      device->capacity = (gint64) info.capacity;
      device->allocation = (gint64) info.physical;
      device->encrypted = !self->start && begins_as_luks (domain);
      return TRUE;
    }

  /* It may also be about to be removed when we define it. */
  *gone = mig_libvirt_error_is (VIR_ERR_NO_DOMAIN) ||
          (domain == NULL && mig_libvirt_error_is (VIR_ERR_OPERATION_FAILED));

  return mig_libvirt_error_set_file (error, "Cannot open “%s”", mig_disk_source_get_path (self->source));
}

static void
remove_domain (Probe        *self,
               virDomainPtr  domain)
{
  int result = 0;

  if (!mig_libvirt_scratch_leave (self->place, self->name) || domain == NULL)
    return;

  result = self->start ? virDomainDestroy (domain) : virDomainUndefine (domain);
  if (result < 0 && !mig_libvirt_error_is (VIR_ERR_NO_DOMAIN))
    mig_libvirt_scratch_soil (self->place);
}

static gboolean
attempt (Probe             *self,
         MigLibvirtDevice  *device,
         gboolean          *gone,
         GError           **error)
{
  g_autoptr (virDomain) domain = NULL;
  gboolean seen;

  mig_libvirt_scratch_enter (self->place, self->name);
  domain = make_domain (self);
  seen = look (self, domain, device, gone, error);
  remove_domain (self, domain);

  return seen;
}

gboolean
mig_libvirt_probe_run (const MigLibvirtPlace  *place,
                       MigDiskSource          *source,
                       MigLibvirtDevice       *device,
                       GError                **error)
{
  g_auto (Probe) self = { place, copy_without_slice (source) };
  g_autofree char *uuid = NULL;
  g_autoptr (GError) local = NULL;
  gboolean gone = FALSE, seen;

  self.start = mig_disk_source_get_kind (source) == MIG_DISK_SOURCE_KIND_NBD;
  uuid = choose_uuid (&self);
  self.name = g_strconcat (MIG_LIBVIRT_SCRATCH_DOMAIN, uuid, NULL);
  self.xml = mig_libvirt_storage_xml_probe (self.name, uuid, self.source, error);
  if (self.xml == NULL)
    return FALSE;

  for (guint n = 0; n < MAX_ATTEMPTS; n++)
    {
      g_clear_error (&local);
      gone = FALSE;
      seen = attempt (&self, device, &gone, &local);
      if (seen || !gone)
        break;
    }

  /* The domain, not the device, was not found. */
  if (!seen && gone)
    local->code = MIG_ERROR_BUSY;
  if (!seen)
    g_propagate_error (error, g_steal_pointer (&local));

  return seen;
}
