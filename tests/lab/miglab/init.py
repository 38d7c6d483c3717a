# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first process of a host, run in its new namespaces: `init.py LAB HOST SOCKET_FD`.

It gives the host its name and its view of the file system, reports by one byte on the socket (the kernel adds our
credentials, and so our pid as the other side sees it), then reaps orphans until the other side goes away.  Reaping
matters: libvirt waits for the QEMU processes that it has orphaned, and to a zombie it waits for seconds.

Uses the standard library only, so that it starts quickly."""

import ctypes
import os
import select
import signal
import socket
import sys

MS_BIND = 4096
MNT_DETACH = 2


def mount(source, target, kind=None, flags=0):
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    if libc.mount(*arguments, ctypes.c_ulong(flags), None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {source} on {target}: {os.strerror(code)}")


def unmount(target):
    """Takes everything below with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(target), MNT_DETACH) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"umount {target}: {os.strerror(code)}")


def set_sysctl(name, value):
    try:
        with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
            file.write(value)
    except FileNotFoundError:
        pass                                    # no IPv6 in this kernel


def set_up(lab, host):
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from miglab import layout                   # pylint: disable=import-outside-toplevel

    socket.sethostname(host)
    for part, target in layout.MOUNTS.items():
        mount(f"{lab}/{host}/{part}", target, flags=MS_BIND)
    mount(f"{lab}/{host}/local", f"{lab}/local", flags=MS_BIND)
    mount(f"{lab}/{host}/hosts", "/etc/hosts", flags=MS_BIND)
    # Our network's /sys; and the machine's control groups, mounted below the old one, are none of libvirtd's business.
    unmount("/sys")
    mount("sysfs", "/sys", "sysfs")
    # A link that was cut is to be noticed within seconds, not within a quarter of an hour.
    set_sysctl("ipv4/tcp_retries2", "3")
    set_sysctl("ipv4/tcp_syn_retries", "2")
    set_sysctl("ipv6/conf/default/disable_ipv6", "1")
    set_sysctl("ipv6/conf/all/disable_ipv6", "1")


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def main():
    lab, host = sys.argv[1:3]
    channel = socket.socket(fileno=int(sys.argv[3]))
    wake, wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_end)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    os.chdir("/")
    os.umask(0o022)
    set_up(lab, host)
    channel.sendall(b"1")
    while True:
        ready = select.select([wake, channel], [], [])[0]
        if channel in ready:
            sys.exit(0)
        os.read(wake, 4096)
        reap()


if __name__ == "__main__":
    main()
