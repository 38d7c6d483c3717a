/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/libvirt/mig-libvirt-document-private.h"
#include "libmig/drivers/libvirt/mig-libvirt-file-private.h"

void
mig_libvirt_file_clear (MigLibvirtFile *self)
{
  g_free (self->directory);
  g_free (self->name);
}

static gboolean
is_below (const char *directory,
          const char *top)
{
  return g_str_has_prefix (directory, top) && (directory[strlen (top)] == '\0' || directory[strlen (top)] == '/');
}

/* To list a directory libvirt opens everything in it. That starts watchdogs, rewinds tapes and what not. */
static gboolean
check_directory (const char  *directory,
                 GError     **error)
{
  if ((is_below (directory, "/dev") && !is_below (directory, "/dev/shm")) || is_below (directory, "/proc") ||
      is_below (directory, "/sys"))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_NOT_SUPPORTED, "The directory “%s” does not hold disk images",
                   directory);
      return FALSE;
    }

  return TRUE;
}

gboolean
mig_libvirt_file_parse (MigLibvirtFile  *self,
                        const char      *path,
                        GError         **error)
{
  g_auto (GStrv) parts = g_strsplit (path != NULL ? path : "", "/", -1);
  g_autoptr (GString) directory = g_string_new (NULL);
  const char *name = NULL;
  gboolean odd = FALSE;

  for (guint i = 0; parts[i] != NULL; i++)
    {
      odd = odd || g_str_equal (parts[i], ".") || g_str_equal (parts[i], "..");
      if (name != NULL && *parts[i] != '\0')
        g_string_append_printf (directory, "/%s", name);
      if (*parts[i] != '\0')
        name = parts[i];
    }

  if (odd || name == NULL || *path != '/' || g_str_has_suffix (path, "/"))
    {
      g_set_error (error, MIG_ERROR, MIG_ERROR_INVALID_ARGUMENT, "“%s” is not the plain absolute path of a file",
                   path != NULL ? path : "");
      return FALSE;
    }

  if (directory->len == 0)
    g_string_append_c (directory, '/');
  self->directory = g_strdup (directory->str);
  self->name = g_strdup (name);

  return mig_libvirt_document_check_text (path, "the path", error) && check_directory (self->directory, error);
}
