# SPDX-License-Identifier: LGPL-2.1-or-later
"""Removing a lab, in whatever state it is.  Used by the supervisor, and by others when there is no supervisor left."""

import glob
import os
import shutil
import signal

from . import layout, proc
from .errors import LabError
from .wait import wait_for


def kill_hosts(state):
    """Killing the first process of a PID namespace takes all the others, and their mounts and networks, with it."""
    hosts = state["hosts"].values()
    for host in hosts:
        proc.send_signal(host["init"], signal.SIGKILL)
    # The holder ends by itself when it has reaped the first process; killed before, it would leave a zombie.
    wait_for(lambda: not any(proc.is_alive(identity) for host in hosts for identity in host.values()),
             "the hosts to end")


def loop_devices(directory):
    """The loop devices that stand on files of this lab."""
    found = []
    for path in glob.glob("/sys/block/loop*/loop/backing_file"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                backing = file.read().rstrip("\n").removesuffix(" (deleted)")
        except OSError:
            continue                            # detached meanwhile
        if backing.startswith(f"{directory}/"):
            found.append((f"/dev/{path.split('/')[3]}", backing))
    return sorted(found)


def detach_loops(directory):
    for device, _ in loop_devices(directory):
        proc.run(["losetup", "-d", device], check=False)
    wait_for(lambda: not loop_devices(directory), f"the loop devices of {directory} to go", timeout=10)


def remove_tree(directory):
    for path, directories, _ in os.walk(directory):
        for name in directories:
            if os.path.ismount(f"{path}/{name}"):
                raise LabError(f"{path}/{name} is a mount point: not removing {directory}")
    # The record goes last, so that a removal that was interrupted can be found and finished.
    for name in os.listdir(directory):
        path = f"{directory}/{name}"
        if name == layout.STATE_FILE:
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    shutil.rmtree(directory)


def remove_lab(directory, state):
    kill_hosts(state)
    detach_loops(directory)
    if os.path.isdir(directory):
        remove_tree(directory)


def take_down(directory):
    """Removes a lab from outside: asks its supervisor, or does the work if that has gone."""
    state = layout.read_state(directory)
    if state is None:
        if os.path.lexists(directory):
            raise LabError(f"{directory} is not a lab")
        return
    supervisor = state["supervisor"]
    if proc.send_signal(supervisor, signal.SIGTERM):
        wait_for(lambda: not proc.is_alive(supervisor), f"the supervisor of {directory} to end", timeout=60)
    if layout.read_state(directory) is not None:
        remove_lab(directory, layout.read_state(directory) or state)


def sweep():
    """Removes the labs whose supervisor has gone, and returns their directories."""
    removed = []
    for directory in layout.labs():
        state = layout.read_state(directory)
        if state is not None and not proc.is_alive(state["supervisor"]):
            remove_lab(directory, state)
            removed.append(directory)
    return removed
