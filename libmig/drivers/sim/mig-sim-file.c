/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "libmig/drivers/sim/mig-sim-keeper-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <libmig/mig-error.h>

/* The file is replaced as a whole by rename, so that a process which dies at any instruction leaves the old world or
 * the new one. Its first 16 bytes are a mark and the number of changes, by which others see whether they have to read
 * on; then comes the GVariant of variant.c. The lock is on a file of its own, for the world's is another one after each
 * change. Nothing is synced: the world survives the process, not the machine. */

struct _MigSimFile
{
  char   *path;
  char   *next_path;
  int     lock_fd;
  guint64 n_changes; /* of the world that the caller has */
  gboolean known;
};

typedef struct
{
  char    magic[8];
  guint64 n_changes;
} Header;

static const char magic[8] = "MigSim1";

G_STATIC_ASSERT (sizeof (Header) == 16);

static void
set_errno (GError     **error,
           const char  *path,
           int          saved)
{
  g_set_error (error, MIG_ERROR, MIG_ERROR_FAILED, "simulated world %s: %s", path, g_strerror (saved));
}

MigSimFile *
mig_sim_file_open (const char  *path,
                   GError     **error)
{
  g_autoptr (MigSimFile) self = g_new0 (MigSimFile, 1);
  g_autofree char *lock_path = g_strconcat (path, ".lock", NULL);

  self->path = g_strdup (path);
  self->next_path = g_strconcat (path, ".next", NULL);
  self->lock_fd = open (lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (self->lock_fd < 0)
    {
      set_errno (error, lock_path, errno);
      return NULL;
    }

  return g_steal_pointer (&self);
}

void
mig_sim_file_close (MigSimFile *self)
{
  if (self->lock_fd >= 0)
    close (self->lock_fd);
  g_free (self->path);
  g_free (self->next_path);
  g_free (self);
}

gboolean
mig_sim_file_lock (MigSimFile  *self,
                   GError     **error)
{
  while (flock (self->lock_fd, LOCK_EX) != 0)
    {
      if (errno != EINTR)
        {
          set_errno (error, self->path, errno);
          return FALSE;
        }
    }

  return TRUE;
}

void
mig_sim_file_unlock (MigSimFile *self)
{
  flock (self->lock_fd, LOCK_UN);
}

/* Nothing in @header: there is no file yet. */
static gboolean
read_header (MigSimFile  *self,
             Header      *header,
             GError     **error)
{
  int fd = open (self->path, O_RDONLY | O_CLOEXEC);
  gssize length;

  if (fd < 0 && errno == ENOENT)
    return TRUE;
  length = fd < 0 ? -1 : read (fd, header, sizeof *header);
  if (length < 0)
    set_errno (error, self->path, errno);
  else if (length < (gssize) sizeof *header || memcmp (header->magic, magic, sizeof magic) != 0)
    g_set_error (error, MIG_ERROR, MIG_ERROR_CORRUPT, "%s is no simulated world", self->path);
  if (fd >= 0)
    close (fd);

  return length == (gssize) sizeof *header && memcmp (header->magic, magic, sizeof magic) == 0;
}

gboolean
mig_sim_file_load (MigSimFile   *self,
                   MigSimWorld **world,
                   GError      **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GBytes) bytes = NULL;
  MigSimWorld *loaded;
  Header header = { .n_changes = 0 };
  gsize length;

  if (!read_header (self, &header, error))
    return FALSE;
  if (header.n_changes == 0 || (self->known && header.n_changes == self->n_changes))
    return TRUE;

  /* The lock is held, so the path still leads to this file. */
  if (!g_file_get_contents (self->path, &text, &length, error))
    return FALSE;
  bytes = g_bytes_new (text + sizeof header, length - sizeof header);
  loaded = mig_sim_world_from_bytes (bytes, error);
  if (loaded == NULL)
    return FALSE;

  mig_sim_world_free (*world);
  *world = loaded;
  self->n_changes = header.n_changes;
  self->known = TRUE;

  return TRUE;
}

static gboolean
write_all (int         fd,
           const void *data,
           gsize       length)
{
  const char *at = data;

  while (length > 0)
    {
      gssize written = write (fd, at, length);

      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return FALSE;
      at += written;
      length -= written;
    }

  return TRUE;
}

gboolean
mig_sim_file_save (MigSimFile   *self,
                   MigSimWorld  *world,
                   GError      **error)
{
  g_autoptr (GVariant) variant = NULL;
  Header header = { .n_changes = world->n_changes };
  gboolean ok;
  int fd;

  if (self->known && self->n_changes == world->n_changes)
    return TRUE;

  variant = mig_sim_world_to_variant (world);
  memcpy (header.magic, magic, sizeof magic);
  fd = open (self->next_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      set_errno (error, self->next_path, errno);
      return FALSE;
    }
  ok = write_all (fd, &header, sizeof header) &&
       write_all (fd, g_variant_get_data (variant), g_variant_get_size (variant));
  if (close (fd) != 0 || !ok || rename (self->next_path, self->path) != 0)
    {
      set_errno (error, self->next_path, errno);
      return FALSE;
    }
  self->n_changes = world->n_changes;
  self->known = TRUE;

  return TRUE;
}
