# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether this machine can run the lab."""

import functools
import importlib.util
import os
import shutil
import subprocess

from .errors import MissingRequirement

PROGRAMS = {
    "libvirtd": "libvirt-daemon-system",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "qemu-io": "qemu-utils",
    "nasm": "nasm",
    "ip": "iproute2",
    "ss": "iproute2",
    "tc": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "losetup": "mount",
}
DIRECTORIES = ("/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def use_system_path():
    """The administrator's programs are not on everybody's path, not even under every sudo."""
    known = os.environ.get("PATH", "").split(":")
    os.environ["PATH"] = ":".join(known + [part for part in SYSTEM_PATH.split(":") if part not in known])


@functools.lru_cache(maxsize=None)
def missing():
    """Why the lab cannot run here, as one line; None if it can."""
    if os.geteuid() != 0:
        return "root is needed for network and process namespaces: run it as root or with sudo"
    use_system_path()
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian package {package})"
    if importlib.util.find_spec("libvirt") is None:
        return "this Python has no libvirt module (Debian package python3-libvirt, for /usr/bin/python3)"
    for directory in DIRECTORIES:
        if not os.path.isdir(directory):
            return f"{directory} is missing (Debian package libvirt-daemon-system)"
    trial = subprocess.run(["unshare", "-m", "-u", "-n", "-i", "-p", "--fork", "--mount-proc", "true"],
                           check=False, capture_output=True, text=True)
    if trial.returncode != 0:
        return f"namespaces cannot be made here: {trial.stderr.strip()}"
    return None


def demand():
    reason = missing()
    if reason is not None:
        raise MissingRequirement(reason)
