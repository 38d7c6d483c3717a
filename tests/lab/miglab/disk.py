# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disk images, loop devices and NBD exports for tests, and reading a disk behind a running guest."""

import contextlib
import json
import os
import re
import shlex
import tempfile

from . import counter, proc, teardown
from .errors import LabError
from .wait import wait_for

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(text):
    """Bytes from "64M" or 67108864."""
    if isinstance(text, int):
        return text
    match = re.fullmatch(r"(\d+)([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise LabError(f"{text}: not a size")
    return int(match[1]) * UNITS[match[2].upper()]


def kind_of(path):
    """libvirt's word for where a disk's bytes are."""
    if "://" in path:
        return "network"
    return "block" if path.startswith("/dev/") else "file"


def supports_direct_io(directory):
    """Whether QEMU can open files there with cache=none."""
    with tempfile.NamedTemporaryFile(dir=directory) as file:
        try:
            os.close(os.open(file.name, os.O_RDONLY | os.O_DIRECT))
        except OSError:
            return False
    return True


def create(host, path, size, image_format="raw", backing=None, full=False):
    """A new image at a path of the host.  raw is sparse unless `full`."""
    outside = host.outside(path)
    if os.path.exists(outside):
        raise LabError(f"{path} exists already on {host.name}")
    if image_format == "raw" and backing is None:
        # What qemu-img does, only faster: tests make many.
        with open(outside, "xb") as file:
            os.truncate(file.fileno(), parse_size(size))
            if full:
                os.posix_fallocate(file.fileno(), 0, parse_size(size))
        return path
    options = ["-b", backing[0], "-F", backing[1]] if backing is not None else []
    if full:
        options += ["-o", "preallocation=falloc"]
    host.run("qemu-img", "create", "-q", "-f", image_format, *options, path, str(parse_size(size)))
    return path


def make_loop(host, path, size):
    """A loop device over a new file of the host; returns (device, path).  The lab detaches it when it goes down."""
    create(host, path, size, full=True)
    device = proc.run(["losetup", "-f", "--show", host.outside(path)]).stdout.strip()
    return device, path


def drop_loop(device):
    proc.run(["losetup", "-d", device])
    wait_for(lambda: all(device != found for found, _ in teardown.loop_devices("")), f"{device} to go")


class NbdServer:
    """An NBD export on a host of the lab, served by nbdkit or qemu-nbd inside the host's namespaces."""

    def __init__(self, host, argv, address, port, export, pid_file):
        self._host = host
        self.uri = f"nbd://{address}:{port}/{export}"
        # Servers leave their file behind, and write a new one when they are in the background already.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(host.outside(pid_file))
        host.run(*argv)
        inner = int(wait_for(lambda: self._read(host.outside(pid_file)), f"the NBD server on {host.name}"))
        process = next((process for process in host.processes() if process.inner_pid == inner), None)
        if process is None:
            raise LabError(f"the NBD server on {host.name} ended at once")
        self._identity = proc.identify(process.pid)

    @staticmethod
    def _read(path):
        with contextlib.suppress(FileNotFoundError):
            with open(path, encoding="ascii") as file:
                return file.read().strip()
        return None

    def stop(self):
        proc.send_signal(self._identity, 15)
        wait_for(lambda: not proc.is_alive(self._identity), "the NBD server to end")

    def kill(self):
        proc.send_signal(self._identity, 9)
        wait_for(lambda: not proc.is_alive(self._identity), "the NBD server to end")


def serve_nbdkit(host, plugin, port=10809, export="", filters=()):
    """nbdkit with the plugin's words, as in ["memory", "64M"] or ["file", PATH]."""
    pid_file = f"/run/nbdkit-{port}.pid"
    words = [word for name in filters for word in (f"--filter={name}",)]
    return NbdServer(host, ["nbdkit", "-P", pid_file, "-i", host.address, "-p", str(port), "-e", export,
                            *words, *plugin], host.address, port, export, pid_file)


def serve_qemu_nbd(host, path, image_format="raw", port=10809, export="disk", shared=8):
    pid_file = f"/run/qemu-nbd-{port}.pid"
    return NbdServer(host, ["qemu-nbd", "--fork", "--pid-file", pid_file, "-b", host.address, "-p", str(port),
                            "-x", export, "-e", str(shared), "-t", "-f", image_format, path],
                     host.address, port, export, pid_file)


def write_at(host, path, image_format, pieces):
    """Writes (offset, bytes) pieces into a disk that nobody uses."""
    if image_format == "raw" and kind_of(path) != "network":
        with open(host.outside(path), "r+b") as file:
            for offset, data in pieces:
                file.seek(offset)
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return
    with tempfile.TemporaryDirectory(dir=f"{host.top}/run") as directory:
        commands = []
        for index, (offset, data) in enumerate(pieces):
            piece = f"{directory}/{index}"
            with open(piece, "wb") as file:
                file.write(data)
            inside = "/run" + piece[len(f"{host.top}/run"):]
            commands += ["-c", f"write -s {shlex.quote(inside)} {offset} {len(data)}"]
        host.run("qemu-io", "-f", image_format, *commands, "-c", "flush", path)


@contextlib.contextmanager
def reading(host, path, image_format, length):
    """Gives `read (offset, length)` for the first bytes of a disk, also of one that a paused guest has open."""
    if image_format == "raw" and kind_of(path) != "network":
        with open(host.outside(path), "rb") as file:
            yield lambda offset, count: os.pread(file.fileno(), count, offset)
        return
    with tempfile.TemporaryDirectory(dir=f"{host.top}/run") as directory:
        copy = f"{directory}/copy"
        inside = "/run" + copy[len(f"{host.top}/run"):]
        host.run("qemu-img", "dd", "-U", "-f", image_format, "-O", "raw", f"bs={counter.MIB}",
                 f"count={-(-length // counter.MIB)}", f"if={path}", f"of={inside}")
        with open(copy, "rb") as file:
            yield lambda offset, count: os.pread(file.fileno(), count, offset)


def virtual_size(host, path, image_format="raw"):
    """What a guest sees as the disk's length."""
    if image_format == "raw" and kind_of(path) != "network":
        with open(host.outside(path), "rb") as file:
            return file.seek(0, os.SEEK_END)
    text = host.run("qemu-img", "info", "-U", "--output=json", "-f", image_format, path).stdout
    return json.loads(text)["virtual-size"]
