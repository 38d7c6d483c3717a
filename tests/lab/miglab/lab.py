# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab as a whole."""

import concurrent.futures
import json
import os
import subprocess
import sys

from . import disk, layout, proc, require, teardown
from .errors import LabError
from .guest import Guest
from .host import Host
from .network import Network

SUPERVISOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "supervisor.py")


class Lab:
    """Two hosts and a cable.

    `with Lab() as lab:` brings one up, tied to this process, and takes it down again.  `Lab.attach (directory)` is one
    that is up already."""

    def __init__(self, directory=None, tie=True):
        require.demand()
        self._wanted = directory
        self._owner = os.getpid() if tie is True else (tie or None)
        self.directory = None
        self.hosts = {}
        self.net = None
        self._supervisor = None

    @classmethod
    def attach(cls, directory):
        lab = cls(directory)
        if layout.read_state(directory) is None:
            raise LabError(f"{directory} is not a lab")
        lab._adopt(directory)
        return lab

    def _adopt(self, directory):
        self.directory = directory
        self.hosts = {name: Host(directory, name) for name in layout.HOSTS}
        self.net = Network(self.hosts)

    def __enter__(self):
        if self.directory is None:
            self.up()
        return self

    def __exit__(self, *unused):
        self.down()

    def up(self):
        """Returns once both libvirtds answer; on an error nothing is left."""
        reply, reply_end = os.pipe()
        os.set_inheritable(reply_end, True)
        with os.fdopen(reply) as answer:
            # pylint: disable=consider-using-with
            self._supervisor = subprocess.Popen(
                [sys.executable, "-B", "-I", SUPERVISOR, self._wanted or "-", str(self._owner or "-"), str(reply_end)],
                pass_fds=[reply_end], stdin=subprocess.DEVNULL, start_new_session=True, env=proc.environment())
            os.close(reply_end)
            word, _, text = answer.readline().rstrip("\n").partition(" ")
        if word != "ready":
            self._supervisor.wait()
            raise LabError(f"the lab did not come up: {text or 'its supervisor died'}")
        self._adopt(text)
        return self

    def down(self):
        if self.directory is None:
            return
        teardown.take_down(self.directory)
        if self._supervisor is not None:
            self._supervisor.wait()
            self._supervisor = None
        self.directory = None

    def host(self, name):
        try:
            return self.hosts[name]
        except KeyError:
            raise LabError(f"no host {name}: there are {' and '.join(layout.HOSTS)}") from None

    def daemon(self, name):
        return self.host(name).daemon

    def other(self, name):
        """The host that `name` is not."""
        return next(host for host in self.hosts.values() if host.name != name)

    def shared(self, name):
        """The path of a name in the directory that both hosts and we see alike."""
        return f"{self.directory}/shared/{name}"

    def warm_up(self):
        """Lets both libvirtds ask QEMU what it can do, which they do once and takes them most of a second."""

        def ask(host):
            with host.connect() as connection:
                connection.getDomainCapabilities(None, "x86_64", None, "qemu")

        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(ask, self.hosts.values()))

    # Describing it to others

    def cluster(self, peer=True, settle_time=None, limits=None):
        """What examples/mig reads from its --cluster file.  Without `peer`, moves are managed by the client."""
        hosts = []
        for host in self.hosts.values():
            entry = {"name": host.name, "uri": host.uri}
            if peer:
                entry["peer-uri"] = host.peer_uri
            entry["migration-uri"] = host.migration_uri
            hosts.append(entry)
        return {"hosts": hosts, "limits": limits or {}, "settle-time": 35 if settle_time is None else settle_time}

    def cluster_file(self, name="cluster.json", **options):
        """Writes the cluster file into the lab and returns its path."""
        path = f"{self.directory}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.cluster(**options), file, indent=2)
            file.write("\n")
        return path

    def status(self):
        state = layout.read_state(self.directory)
        if state is None:
            raise LabError(f"{self.directory} is not a lab")
        alive = proc.is_alive(state["supervisor"])
        hosts = {}
        for name, host in self.hosts.items():
            running = host.is_running()
            daemon = host.daemon.process if running else None
            hosts[name] = {"running": running, "pid": host.pid if running else None,
                           "daemon": daemon.pid if daemon is not None else None,
                           "uri": host.uri, "guests": sorted(host.qemus()) if running else []}
        running = all(host["running"] for host in hosts.values())
        return {"directory": self.directory, "supervisor": state["supervisor"]["pid"] if alive else None,
                "owner": state["owner"]["pid"] if state["owner"] is not None else None, "ready": state["ready"],
                "hosts": hosts, "network": self.net.state() if running else None}

    # Guests

    def start_guest(self, host, name, disks=(), **options):
        """See Guest.start."""
        return Guest.start(self, self.host(host), name, disks, **options)

    def guest(self, host, name):
        return Guest(self, self.host(host), name)

    def locate(self, name):
        """The running guest, on whichever host it is; an error if it runs on none, or on both."""
        found = [host for host in self.hosts.values() if host.domains().get(name, {}).get("active")]
        if len(found) != 1:
            raise LabError(f"{name} runs on {len(found)} hosts: {[host.name for host in found]}")
        return Guest(self, found[0], name)

    def where(self, name):
        """Names of the hosts that know a domain of this name, running or defined."""
        return [host.name for host in self.hosts.values() if name in host.domains()]

    def leftovers(self, *guests, other_files=()):
        """What is there beside whole guests: a list of texts, empty when all is well.

        Each of `guests` is a pair of a Guest, on the host where it should be running, and of the paths of its disks;
        `other_files` are paths that may be there besides.  Paths are as the hosts see them."""
        problems = []
        for host in self.hosts.values():
            here = {guest.name: guest for guest, _ in guests if guest.host.name == host.name}
            domains = host.domains()
            problems += [f"domain {name} on {host.name}: {domains[name]}" for name in domains if name not in here]
            problems += [f"QEMU of {name} on {host.name}" for name in host.qemus() if name not in here]
            for name, guest in here.items():
                if domains.get(name, {}).get("state") != "running":
                    problems.append(f"{name} on {host.name} does not run: {domains.get(name)}")
                else:
                    problems += [f"block job on {target} of {name}" for target in guest.block_jobs()]
            problems += self._stray_files(host, guests, other_files)
        return problems

    def _stray_files(self, host, guests, other_files):
        disks = {path for guest, paths in guests for path in paths
                 if guest.host.name == host.name or path.startswith(f"{self.directory}/shared/")}
        files = set(host.files())
        missing = [path for path in sorted(disks - files) if disk.kind_of(path) == "file"]
        return ([f"file {path} on {host.name}" for path in sorted(files - disks - set(other_files))]
                + [f"no file {path} on {host.name}" for path in missing])
