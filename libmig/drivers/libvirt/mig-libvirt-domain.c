/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <libmig/mig-enum-types.h>

#include "libmig/drivers/libvirt/mig-libvirt-domain-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-xml-private.h"

virDomainPtr
mig_libvirt_find_domain (virConnectPtr   connection,
                         const char     *domain,
                         GError        **error)
{
  virDomainPtr found = NULL;

  if (g_uuid_string_is_valid (domain))
    {
      found = virDomainLookupByUUIDString (connection, domain);
      if (found == NULL && !mig_libvirt_error_is (VIR_ERR_NO_DOMAIN))
        {
          mig_libvirt_error_set (error, "Cannot look up domain %s", domain);
          return NULL;
        }
    }

  if (found == NULL)
    found = virDomainLookupByName (connection, domain);
  if (found == NULL)
    mig_libvirt_error_set (error, "Cannot look up domain %s", domain);

  return found;
}

MigLibvirtDomainCall *
mig_libvirt_domain_call_new (const char *domain,
                             const char *text,
                             double      value)
{
  MigLibvirtDomainCall *call = g_new0 (MigLibvirtDomainCall, 1);

  call->domain = g_strdup (domain);
  call->text = g_strdup (text);
  call->value = value;

  return call;
}

void
mig_libvirt_domain_call_free (gpointer data)
{
  MigLibvirtDomainCall *call = data;

  g_free (call->text);
  g_free (call->domain);
  g_free (call);
}

static void
set_wrong_state (GError         **error,
                 const char      *what,
                 virDomainPtr     domain,
                 MigDomainState   state)
{
  g_autoptr (GEnumClass) klass = g_type_class_ref (MIG_TYPE_DOMAIN_STATE);

  g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "Cannot %s %s: its state is %s", what,
               virDomainGetName (domain), g_enum_get_value (klass, (int) state)->value_nick);
}

/* Mark */

static gpointer
call_set_mark (virConnectPtr   connection,
               gpointer        data,
               GError        **error)
{
  MigLibvirtDomainCall *call = data;
  const char *element = call->text;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, call->domain, error);
  int active = domain != NULL ? mig_libvirt_read_active (domain, error) : -1;
  int persistent = active >= 0 ? mig_libvirt_read_persistent (domain, error) : -1;
  unsigned int flags = 0;
  MigDomainState state;
  MigJobKind job;

  if (persistent < 0 || !mig_libvirt_read_state (domain, &state, &job, error))
    return NULL;

  /* libvirt would wait for the end of the move, and then miss the domain. */
  if (job == MIG_JOB_KIND_MIGRATION_OUT || job == MIG_JOB_KIND_MIGRATION_IN)
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_STATE, "Cannot mark %s: it is being migrated",
                   virDomainGetName (domain));
      return NULL;
    }

  if (active > 0)
    flags |= VIR_DOMAIN_AFFECT_LIVE;
  if (persistent > 0)
    flags |= VIR_DOMAIN_AFFECT_CONFIG;
  if (virDomainSetMetadata (domain, VIR_DOMAIN_METADATA_ELEMENT, element, MIG_LIBVIRT_MARK_KEY, MIG_LIBVIRT_MARK_URI,
                            flags) == 0)
    return MIG_LIBVIRT_DONE;
  if (element == NULL && mig_libvirt_error_is (VIR_ERR_NO_DOMAIN_METADATA))
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set_domain (error, "mark", domain);

  return NULL;
}

static const MigLibvirtVerb set_mark = {
  .what = "marking a domain",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_set_mark,
  .free_data = mig_libvirt_domain_call_free,
};

gboolean
mig_libvirt_set_mark (MigComputeDriver  *driver,
                      MigHost           *host,
                      const char        *domain,
                      const char        *mark,
                      GCancellable      *cancellable,
                      GError           **error)
{
  g_autofree char *element = mark != NULL ? mig_libvirt_xml_format_mark (mark, error) : NULL;

  if (mark != NULL && element == NULL)
    return FALSE;

  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &set_mark,
                                  mig_libvirt_domain_call_new (domain, element, 0), cancellable, error) != NULL;
}

/* Running and not running */

static gpointer
call_pause (virConnectPtr   connection,
            gpointer        data,
            GError        **error)
{
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, data, error);

  if (domain == NULL)
    return NULL;
  /* A success also when it is paused already. */
  if (virDomainSuspend (domain) == 0)
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set_domain (error, "pause", domain);

  return NULL;
}

static const MigLibvirtVerb pause_domain = {
  .what = "pausing a domain",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_pause,
  .free_data = g_free,
};

gboolean
mig_libvirt_pause (MigComputeDriver  *driver,
                   MigHost           *host,
                   const char        *domain,
                   GCancellable      *cancellable,
                   GError           **error)
{
  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &pause_domain, g_strdup (domain), cancellable,
                                  error) != NULL;
}

static gpointer
call_resume (virConnectPtr   connection,
             gpointer        data,
             GError        **error)
{
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, data, error);
  MigDomainState state;

  if (domain == NULL || !mig_libvirt_read_state (domain, &state, NULL, error))
    return NULL;

  switch (state)
    {
    case MIG_DOMAIN_STATE_RUNNING:
    case MIG_DOMAIN_STATE_POST_COPY:
      return MIG_LIBVIRT_DONE;
    case MIG_DOMAIN_STATE_PAUSED:
    case MIG_DOMAIN_STATE_PAUSED_MIGRATION:
    case MIG_DOMAIN_STATE_PAUSED_IO_ERROR:
      break;
    case MIG_DOMAIN_STATE_PAUSED_POST_COPY:
    case MIG_DOMAIN_STATE_POST_COPY_FAILED:
    case MIG_DOMAIN_STATE_SHUT_OFF:
    case MIG_DOMAIN_STATE_SHUT_OFF_MIGRATED:
    case MIG_DOMAIN_STATE_CRASHED:
    case MIG_DOMAIN_STATE_UNKNOWN:
    default:
      /* In post-copy the guest lives elsewhere, and libvirt would think about it for 30 s. */
      set_wrong_state (error, "resume", domain, state);
      return NULL;
    }

  if (virDomainResume (domain) == 0)
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set_domain (error, "resume", domain);

  return NULL;
}

static const MigLibvirtVerb resume = {
  .what = "resuming a domain",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_resume,
  .free_data = g_free,
};

gboolean
mig_libvirt_resume (MigComputeDriver  *driver,
                    MigHost           *host,
                    const char        *domain,
                    GCancellable      *cancellable,
                    GError           **error)
{
  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &resume, g_strdup (domain), cancellable,
                                  error) != NULL;
}

static gpointer
call_destroy (virConnectPtr   connection,
              gpointer        data,
              GError        **error)
{
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, data, error);

  if (domain == NULL)
    return NULL;
  /* It may end by itself between the look and the call. */
  if (virDomainIsActive (domain) == 0 || virDomainDestroy (domain) == 0)
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set_domain (error, "destroy", domain);
  if (virDomainIsActive (domain) != 0)
    return NULL;
  g_clear_error (error);

  return MIG_LIBVIRT_DONE;
}

static const MigLibvirtVerb destroy = {
  .what = "destroying a domain",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_destroy,
  .free_data = g_free,
};

gboolean
mig_libvirt_destroy (MigComputeDriver  *driver,
                     MigHost           *host,
                     const char        *domain,
                     GCancellable      *cancellable,
                     GError           **error)
{
  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &destroy, g_strdup (domain), cancellable,
                                  error) != NULL;
}

/* Definitions */

/* A definition that has been read has no secrets, which nobody else keeps either: a guest that is about to get its
 * definition back has them itself. */
static char *
complete_definition (virConnectPtr   connection,
                     const char     *definition,
                     GError        **error)
{
  g_autofree char *uuid = mig_libvirt_xml_read_uuid (definition);
  g_autoptr (virDomain) domain = uuid != NULL ? virDomainLookupByUUIDString (connection, uuid) : NULL;
  char *secure, *complete;

  if (domain == NULL)
    return g_strdup (definition);

  secure = virDomainGetXMLDesc (domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
  if (secure == NULL)
    {
      mig_libvirt_error_set_domain (error, "read the definition of", domain);
      return NULL;
    }
  complete = mig_libvirt_xml_add_secrets (definition, secure, error);
  free (secure);

  return complete;
}

static gpointer
call_define (virConnectPtr   connection,
             gpointer        data,
             GError        **error)
{
  g_autofree char *definition = complete_definition (connection, data, error);
  g_autoptr (virDomain) domain = definition != NULL ? virDomainDefineXML (connection, definition) : NULL;

  if (definition == NULL)
    return NULL;

  if (domain != NULL)
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set (error, "Cannot define the domain");

  return NULL;
}

static const MigLibvirtVerb define = {
  .what = "defining a domain",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_define,
  .free_data = g_free,
};

gboolean
mig_libvirt_define (MigComputeDriver  *driver,
                    MigHost           *host,
                    const char        *definition,
                    GCancellable      *cancellable,
                    GError           **error)
{
  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &define, g_strdup (definition), cancellable,
                                  error) != NULL;
}

static gpointer
call_undefine (virConnectPtr   connection,
               gpointer        data,
               GError        **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (virDomain) domain = mig_libvirt_find_domain (connection, data, &local);
  int persistent = domain != NULL ? mig_libvirt_read_persistent (domain, &local) : -1;
  int active = persistent > 0 ? mig_libvirt_read_active (domain, &local) : -1;

  if (persistent == 0 || g_error_matches (local, MIG_ERROR, MIG_ERROR_NOT_FOUND))
    return MIG_LIBVIRT_DONE;
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  if (active > 0)
    {
      set_wrong_state (error, "undefine", domain, MIG_DOMAIN_STATE_RUNNING);
      return NULL;
    }

  /* What the guest keeps beside its disks stays: the firmware's variables and the TPM belong to the guest, which may
   * be running elsewhere by now and come back. */
  if (virDomainUndefineFlags (domain, VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | VIR_DOMAIN_UNDEFINE_KEEP_TPM) == 0 ||
      mig_libvirt_error_is (VIR_ERR_NO_DOMAIN))
    return MIG_LIBVIRT_DONE;

  mig_libvirt_error_set_domain (error, "undefine", domain);

  return NULL;
}

static const MigLibvirtVerb undefine = {
  .what = "undefining a domain",
  .lane = MIG_LIBVIRT_LANE_WORK,
  .seconds = MIG_LIBVIRT_CHANGE_SECONDS,
  .func = call_undefine,
  .free_data = g_free,
};

gboolean
mig_libvirt_undefine (MigComputeDriver  *driver,
                      MigHost           *host,
                      const char        *domain,
                      GCancellable      *cancellable,
                      GError           **error)
{
  return mig_libvirt_driver_call (MIG_LIBVIRT_DRIVER (driver), host, &undefine, g_strdup (domain), cancellable,
                                  error) != NULL;
}
