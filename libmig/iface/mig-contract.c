/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/iface/mig-contract-private.h"

#include <libmig/mig-error.h>

#include "libmig/core/mig-log-private.h"

gboolean
mig_contract_missing (gpointer     instance,
                      const char  *slot,
                      GError     **error)
{
  g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "%s does not implement %s", G_OBJECT_TYPE_NAME (instance),
               slot);

  return FALSE;
}

/* Whether this is the first time for the type. Two threads may both be told so; that costs a second warning. */
static gboolean
is_first_time (gpointer    instance,
               const char *slot)
{
  g_autofree char *name = g_strconcat ("mig-contract-warned-", slot, NULL);
  GQuark quark = g_quark_from_string (name);
  GType type = G_OBJECT_TYPE (instance);

  if (g_type_get_qdata (type, quark) != NULL)
    return FALSE;
  g_type_set_qdata (type, quark, GINT_TO_POINTER (TRUE));

  return TRUE;
}

gboolean
mig_contract_check (gpointer     instance,
                    const char  *slot,
                    gboolean     ok,
                    GError      *local,
                    GError     **error)
{
  const MigLogFields fields = { .message_id = MIG_LOG_ID_CONTRACT_BROKEN };

  if (!ok && local == NULL)
    return mig_contract_broken (instance, slot, error, "failed without saying why");

  if (!ok)
    {
      g_propagate_error (error, local);
      return FALSE;
    }

  if (local != NULL)
    {
      if (is_first_time (instance, slot))
        mig_log_warning (&fields, "%s: %s succeeded, yet set an error, which is ignored: %s",
                         G_OBJECT_TYPE_NAME (instance), slot, local->message);
      g_error_free (local);
    }

  return TRUE;
}

gboolean
mig_contract_check_array (gpointer         instance,
                          const char      *slot,
                          GPtrArray       *array,
                          GDestroyNotify   unref,
                          GError          *local,
                          GError         **error)
{
  gboolean has_null = FALSE;

  if (!mig_contract_check (instance, slot, array != NULL, local, error))
    return FALSE;

  while (g_ptr_array_remove_fast (array, NULL))
    has_null = TRUE;
  g_ptr_array_set_free_func (array, unref);

  return !has_null || mig_contract_broken (instance, slot, error, "returned NULL in its list");
}

gboolean
mig_contract_check_info (gpointer        instance,
                         const char     *slot,
                         MigDomainInfo  *info,
                         const char     *domain,
                         GError        **error)
{
  if (info == NULL)
    return mig_contract_broken (instance, slot, error, "returned NULL for a domain");
  if (mig_domain_info_get_uuid (info) == NULL || mig_domain_info_get_name (info) == NULL)
    return mig_contract_broken (instance, slot, error, "returned a domain without UUID or name");
  if (domain == NULL || g_ascii_strcasecmp (mig_domain_info_get_uuid (info), domain) == 0 ||
      g_str_equal (mig_domain_info_get_name (info), domain))
    return TRUE;

  return mig_contract_broken (instance, slot, error, "returned “%s” for “%s”", mig_domain_info_get_name (info), domain);
}

gboolean
mig_contract_broken (gpointer     instance,
                     const char  *slot,
                     GError     **error,
                     const char  *format,
                     ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, MIG_ERROR, MIG_ERROR_CONTRACT, "%s: %s %s", G_OBJECT_TYPE_NAME (instance), slot, text);

  return FALSE;
}

const char *
mig_contract_get_name (gpointer             instance,
                       const char          *interface,
                       MigContractNameFunc  get_name)
{
  g_autofree char *key = g_strconcat ("mig-contract-name-", interface, NULL);
  GQuark quark = g_quark_from_string (key);
  const char *name = g_object_get_qdata (instance, quark);
  g_autofree char *copy = NULL;

  if (name != NULL)
    return name;

  name = get_name != NULL ? get_name (instance) : NULL;
  if (name == NULL || *name == '\0' || !g_utf8_validate (name, -1, NULL))
    name = G_OBJECT_TYPE_NAME (instance);

  /* Another thread may have been first; then its copy stays, which somebody may hold already. */
  copy = g_strdup (name);
  if (g_object_replace_qdata (instance, quark, NULL, copy, g_free, NULL))
    g_steal_pointer (&copy);

  return g_object_get_qdata (instance, quark);
}

gboolean
mig_contract_check_domain (const char  *domain,
                           GError     **error)
{
  if (*domain != '\0')
    return TRUE;

  g_set_error_literal (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "the name of a domain is empty");

  return FALSE;
}
