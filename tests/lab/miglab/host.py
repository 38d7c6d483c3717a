# SPDX-License-Identifier: LGPL-2.1-or-later
"""One host of the lab, seen from outside."""

import contextlib
import os
import signal
import socket

import libvirt

from . import layout, proc
from .daemon import Daemon
from .errors import LabError
from .wait import wait_for

# Failures are exceptions here; libvirt's default is to print them as well.
libvirt.registerErrorHandler(lambda context, error: None, None)

STATES = {
    libvirt.VIR_DOMAIN_RUNNING: "running", libvirt.VIR_DOMAIN_BLOCKED: "blocked", libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTDOWN: "shutdown", libvirt.VIR_DOMAIN_SHUTOFF: "shutoff",
    libvirt.VIR_DOMAIN_CRASHED: "crashed", libvirt.VIR_DOMAIN_PMSUSPENDED: "pmsuspended",
}


class Host:
    """Runs things on a host, and lists what is on it."""

    def __init__(self, directory, name):
        self.directory = directory
        self.name = name
        self.top = f"{directory}/{name}"
        self.address = layout.ADDRESSES[name]
        self.daemon = Daemon(self)

    @property
    def init(self):
        """Identity of the host's first process."""
        state = layout.read_state(self.directory)
        identity = state["hosts"].get(self.name, {}).get("init") if state is not None else None
        if not proc.is_alive(identity):
            raise LabError(f"{self.name} of {self.directory} is not running")
        return identity

    @property
    def pid(self):
        return self.init["pid"]

    def is_running(self):
        with contextlib.suppress(LabError):
            return self.pid > 0
        return False

    def power_off(self):
        """Like pulling the plug: everything on the host ends at once, and its end of the cable goes dead."""
        proc.send_signal(self.init, signal.SIGKILL)
        wait_for(lambda: not self.is_running(), f"the end of {self.name}")

    def power_on(self):
        """Boots the host after `power_off`; what was on its disks is there again.  Undoes `net.cut` and `net.rate`."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(60)
            control.connect(f"{self.directory}/{layout.CONTROL_SOCKET}")
            control.sendall(f"boot {self.name}".encode())
            answer = control.recv(1000).decode()
        if answer != "ok":
            raise LabError(f"{self.name} did not boot: {answer}")

    # Names

    @property
    def uri(self):
        """What a client outside the lab opens."""
        return f"qemu+unix:///system?socket={self.top}/run/libvirt/libvirt-sock"

    @property
    def peer_uri(self):
        """What the other host's libvirtd opens."""
        return f"qemu+tcp://{self.name}/system"

    @property
    def migration_uri(self):
        return f"tcp://{self.address}"

    def path(self, name):
        """The path, as the host sees it, of a name in its local directory."""
        return f"{self.directory}/local/{name}"

    def outside(self, path):
        """Where a path of the host is for us."""
        views = {f"{self.directory}/local": f"{self.top}/local"}
        views.update({target: f"{self.top}/{part}" for part, target in layout.MOUNTS.items()})
        for inside, outside in views.items():
            if path == inside or path.startswith(f"{inside}/"):
                return outside + path[len(inside):]
        return path

    # Running things

    def enter(self, namespaces="muinp"):
        """The words that put a command into the host's namespaces."""
        return ["nsenter", "-t", str(self.pid), *(f"-{letter}" for letter in namespaces), "--"]

    def run(self, *argv, **options):
        """Runs a program on the host to its end; see proc.run."""
        return proc.run([*self.enter(), *argv], **options)

    def processes(self):
        """Everything that runs on the host, its first process left out."""
        namespace = os.readlink(f"/proc/{self.pid}/ns/pid")
        return [process for process in proc.in_namespace(namespace) if process.inner_pid != 1]

    def qemus(self):
        """The QEMU processes of guests, by the guest's name."""
        found = {}
        for process in self.processes():
            if process.name.startswith("qemu-system") and "-name" in process.argv:
                words = process.argv[process.argv.index("-name") + 1].split(",")
                found[words[0].removeprefix("guest=")] = process
        return found

    def kill_qemu(self, name):
        """Kills the QEMU of a guest, as a crash of it would."""
        process = self.qemus().get(name)
        if process is None:
            raise LabError(f"no QEMU of {name} on {self.name}")
        identity = proc.identify(process.pid)
        proc.send_signal(identity, signal.SIGKILL)
        wait_for(lambda: not proc.is_alive(identity), f"QEMU of {name} to end")

    # libvirt

    @contextlib.contextmanager
    def connect(self):
        connection = libvirt.open(self.uri)
        try:
            yield connection
        finally:
            with contextlib.suppress(libvirt.libvirtError):
                connection.close()

    def domains(self):
        """Every domain of the host, running or only defined, by name."""
        found = {}
        with self.connect() as connection:
            for domain in connection.listAllDomains():
                try:
                    state, reason = domain.state()
                    found[domain.name()] = {
                        "uuid": domain.UUIDString(), "state": STATES.get(state, str(state)), "reason": reason,
                        "active": bool(domain.isActive()), "persistent": bool(domain.isPersistent()),
                    }
                except libvirt.libvirtError as error:
                    if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                        raise
        return found

    def volumes(self, pool="local"):
        """Names of the volumes in a pool, after a refresh."""
        with self.connect() as connection:
            found = connection.storagePoolLookupByName(pool)
            found.refresh()
            return sorted(found.listVolumes())

    def files(self):
        """Paths, as the host sees them, of all files in its local and in the shared directory."""
        found = []
        for inside in (f"{self.directory}/local", f"{self.directory}/shared"):
            outside = self.outside(inside)
            for top, _, names in os.walk(outside):
                found += [inside + top[len(outside):] + "/" + name for name in names]
        return sorted(found)

    def remove_files(self):
        """Empties its local directory and the shared one."""
        for path in self.files():
            os.unlink(self.outside(path))
