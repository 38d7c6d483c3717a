# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes: who they are, whether they still are, and how to run one."""

import ctypes
import functools
import os
import signal
import subprocess
from dataclasses import dataclass

from .errors import LabError

PR_SET_PDEATHSIG = 1


def start_time(pid):
    """When the process started, in clock ticks since boot; None if there is none (a zombie counts as none).

    Together with the pid and the boot it names a process for good, since pids are used again."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


@functools.lru_cache(maxsize=None)
def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def identify(pid):
    return {"pid": pid, "start": start_time(pid), "boot": boot_id()}


def is_alive(identity):
    if identity is None or identity["start"] is None or identity["boot"] != boot_id():
        return False
    return start_time(identity["pid"]) == identity["start"]


def send_signal(identity, number):
    """Signals that very process; False when it has gone."""
    try:
        fd = os.pidfd_open(identity["pid"])
    except ProcessLookupError:
        return False
    try:
        if not is_alive(identity):
            return False
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def die_with_parent():
    """For the time between fork and exec: the kernel kills the child when its parent dies."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def environment():
    """What programs of the lab see of ours: nothing of a test's preloads and debugging switches."""
    kept = ("HOME", "LANG", "PATH", "TERM", "TMPDIR", "MIG_LAB", "MIG_LAB_BASE")
    return {"LC_ALL": "C.UTF-8", **{name: os.environ[name] for name in kept if name in os.environ}}


def run(argv, *, check=True, text=True, timeout=120, **options):
    """subprocess.run with the output captured and an error that shows it."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    result = subprocess.run(argv, check=False, text=text, timeout=timeout, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **{"env": environment(), **options})
    if check and result.returncode != 0:
        said = result.stderr if text else result.stderr.decode(errors="replace")
        raise LabError(f"{' '.join(map(str, argv))}: exit {result.returncode}: {said.strip()}")
    return result


@dataclass(frozen=True)
class Process:
    """A process of a host: its pid outside, its pid inside, and its command line."""
    pid: int
    inner_pid: int
    argv: tuple

    @property
    def name(self):
        return os.path.basename(self.argv[0])


def _inner_pid(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
        for line in status:
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    return pid


def in_namespace(namespace):
    """The live processes in a PID namespace, given as the text of its /proc/PID/ns/pid link."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if os.readlink(f"/proc/{entry}/ns/pid") != namespace:
                continue
            with open(f"/proc/{entry}/cmdline", encoding="utf-8", errors="replace") as cmdline:
                argv = tuple(cmdline.read().rstrip("\0").split("\0"))
            if argv != ("",) and start_time(entry) is not None:
                found.append(Process(int(entry), _inner_pid(entry), argv))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue                            # gone, or somebody's with more rights than ours
    return sorted(found, key=lambda process: process.inner_pid)
