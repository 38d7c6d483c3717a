/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <glib.h>

#include "libmig/drivers/libvirt/mig-libvirt-host-private.h"

/* libvirt tells nothing about its daemon's life. But the kernel knows who is at the other end of a Unix socket, and
 * our connections have one: a daemon that was restarted is another process. */

/* Where libvirt looks for the daemon when the URI does not say. */
static const char * const default_sockets[] = {
  "/var/run/libvirt/libvirt-sock",
  "/run/libvirt/libvirt-sock",
  "/var/run/libvirt/virtqemud-sock",
  "/run/libvirt/virtqemud-sock",
};

/* A socket that was made by systemd belongs to systemd, whoever reads it. */
static const char * const daemons[] = { "libvirtd", "virtqemud" };

/* The path in the URI, or NULL; @local tells whether it is a URI of a Unix socket of this machine at all. */
static char *
socket_of_uri (const char *text,
               gboolean   *local)
{
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED_QUERY, NULL);
  g_autoptr (GHashTable) parameters = NULL;
  const char *scheme = uri != NULL ? g_uri_get_scheme (uri) : "";
  const char *transport = strchr (scheme, '+');
  const char *host = uri != NULL ? g_uri_get_host (uri) : NULL;

  *local = uri != NULL && (transport == NULL || strcmp (transport, "+unix") == 0) && (host == NULL || *host == '\0');
  if (!*local || g_uri_get_query (uri) == NULL)
    return NULL;

  parameters = g_uri_parse_params (g_uri_get_query (uri), -1, "&;", G_URI_PARAMS_NONE, NULL);

  return parameters != NULL ? g_strdup (g_hash_table_lookup (parameters, "socket")) : NULL;
}

static gboolean
is_same_file (const char *path,
              const char *other)
{
  struct stat one, two;

  return stat (path, &one) == 0 && stat (other, &two) == 0 && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

/* The kernel tells the path that the daemon gave its socket: where it lives in a container of its own, the file may
 * have another name for us. */
static gboolean
is_daemon_socket (const char *path,
                  pid_t       pid,
                  const char *wanted)
{
  g_autofree char *inside = NULL;

  if (wanted != NULL)
    {
      inside = g_strdup_printf ("/proc/%d/root%s", (int) pid, path);
      return strcmp (path, wanted) == 0 || is_same_file (inside, wanted);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (default_sockets); i++)
    {
      if (strcmp (path, default_sockets[i]) == 0)
        return TRUE;
    }

  return FALSE;
}

/* The process at the other end of a descriptor, if that is one of the daemon's sockets; else 0. */
static pid_t
peer_of (int         fd,
         const char *wanted)
{
  struct sockaddr_un address = { 0 };
  struct ucred peer = { 0 };
  socklen_t length = sizeof address - 1; /* so that the path ends */
  socklen_t peer_length = sizeof peer;

  if (getpeername (fd, (struct sockaddr *) &address, &length) < 0 || address.sun_family != AF_UNIX ||
      *address.sun_path != '/' || getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_length) < 0 || peer.pid <= 0)
    return 0;

  return is_daemon_socket (address.sun_path, peer.pid, wanted) ? peer.pid : 0;
}

/* "<pid>/<start time in ticks since boot>" of a daemon that lives, else NULL. */
static char *
identify (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pid);
  g_autofree char *stat = NULL;
  g_auto (GStrv) fields = NULL;
  gboolean known = FALSE;
  char *begin, *end;

  if (pid <= 0 || !g_file_get_contents (path, &stat, NULL, NULL))
    return NULL;

  begin = strchr (stat, '(');
  end = strrchr (stat, ')');
  if (begin == NULL || end == NULL)
    return NULL;
  *end = '\0';
  for (gsize i = 0; i < G_N_ELEMENTS (daemons); i++)
    known = known || strcmp (begin + 1, daemons[i]) == 0;

  /* Behind the name comes field 3, the state; the start time is field 22. */
  fields = g_strsplit (end + 2, " ", -1);
  if (!known || g_strv_length (fields) < 20 || *fields[0] == 'Z')
    return NULL;

  return g_strdup_printf ("%d/%s", (int) pid, fields[19]);
}

/* Dead connections may still be open beside the living one; two living daemons cannot be told apart. */
char *
mig_libvirt_daemon_incarnation (const char *uri)
{
  g_autofree char *found = NULL;
  g_autofree char *boot_id = NULL;
  g_autofree char *wanted = NULL;
  g_autoptr (GDir) descriptors = NULL;
  const char *name;
  gboolean local;

  wanted = socket_of_uri (uri, &local);
  descriptors = local ? g_dir_open ("/proc/self/fd", 0, NULL) : NULL;
  if (descriptors == NULL || !g_file_get_contents ("/proc/sys/kernel/random/boot_id", &boot_id, NULL, NULL))
    return NULL;

  while ((name = g_dir_read_name (descriptors)) != NULL)
    {
      g_autofree char *identity = identify (peer_of (atoi (name), wanted));

      if (identity == NULL || g_strcmp0 (identity, found) == 0)
        continue;
      if (found != NULL)
        return NULL;
      found = g_steal_pointer (&identity);
    }

  return found != NULL ? g_strdup_printf ("%s/%s", g_strstrip (boot_id), found) : NULL;
}
