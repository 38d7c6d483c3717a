#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Swaps the volume below a running guest's disk: the library beside the bare event-driven copy, beside `virsh blockcopy
--wait --pivot`, and beside a loop that polls each half second.  Needs the lab and the library's typelib.  Never a test:
it prints figures and judges nothing.

The library is measured as a call on warm connections, journalled in SQLite; once in a process with libvirt's event loop
and once in one without.  The bare copy is blockCopy, the READY event, and the pivot, and nothing else."""

import argparse
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import gi  # noqa: E402
import libvirt  # noqa: E402

import miglab  # noqa: E402
import table  # noqa: E402

gi.require_version("Mig", "1")
from gi.repository import Mig  # noqa: E402

MIB = 1 << 20
NAME = "bench"
POLL_SECONDS = 0.5


class Library:
    """A cluster on a durable store, with its connections warm."""

    def __init__(self, hosts, store, events):
        if events:
            Mig.libvirt_start_event_thread()
        driver = Mig.LibvirtDriver()
        self._cluster = Mig.Cluster.new(Mig.SqliteStore.new(store), driver)
        self._cluster.set_property("volume-backend", Mig.PoolBackend.new(driver))
        self._cluster.configure(json.dumps(hosts))
        self._device = Mig.BlockDevice.new(self._cluster, self._cluster.find_host("hosta"), NAME, "vda")

    def swap(self, path):
        destination = Mig.DiskSource.parse(path, "raw")
        began = time.perf_counter()
        self._device.swap(destination, None, None)
        return time.perf_counter() - began


class Worker:
    """The library in a process that has no event loop."""

    def __init__(self, hosts, store):
        # pylint: disable=consider-using-with
        self._process = subprocess.Popen([sys.executable, __file__, "--worker", json.dumps(hosts), store], text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def swap(self, path):
        print(path, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def end(self):
        self._process.stdin.close()
        self._process.wait()


def work(hosts, store):
    library = Library(json.loads(hosts), store, events=False)
    for line in sys.stdin:
        print(library.swap(line.rstrip("\n")), flush=True)


class ByHand:
    """python3-libvirt on one warm connection, which hears events through the loop that the library has started."""

    def __init__(self, host):
        self._host = host
        self._connection = libvirt.open(host.uri)
        self._domain = self._connection.lookupByName(NAME)
        self._ready = threading.Event()
        self._connection.domainEventRegisterAny(self._domain, libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, self._hear, None)

    def _hear(self, _connection, _domain, _target, _kind, status, _opaque):
        if status == libvirt.VIR_DOMAIN_BLOCK_JOB_READY:
            self._ready.set()

    def _start(self, path, flags=0):
        self._ready.clear()
        self._domain.blockCopy("vda", f"<disk type='file'><source file='{path}'/><driver type='raw'/></disk>", {},
                               libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB | flags)

    def _pivot(self):
        self._domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)

    def by_event(self, path):
        """Into a file that somebody has made before, which takes libvirt longer than the pool of the library."""
        with open(self._host.outside(path), "wb") as file:
            file.truncate(self._domain.blockInfo("vda")[0])
        began = time.perf_counter()
        self._start(path, libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT)
        if not self._ready.wait(300):
            raise miglab.LabError("no READY event")
        self._pivot()
        return time.perf_counter() - began

    def by_polling(self, path):
        """As Nova does it: complete when the position is at the end and the definition says "ready"."""
        began = time.perf_counter()
        self._start(path)
        # An event that is never set: nothing but the time passes.
        nothing = threading.Event()
        while True:
            job = self._domain.blockJobInfo("vda")
            if job and job["end"] and job["cur"] == job["end"] and "ready='yes'" in self._domain.XMLDesc():
                break
            nothing.wait(POLL_SECONDS)
        self._pivot()
        return time.perf_counter() - began

    def close(self):
        self._connection.close()


def virsh(uri, path):
    began = time.perf_counter()
    subprocess.run(["virsh", "-q", "-c", uri, "blockcopy", NAME, "vda", path, "--format", "raw", "--transient-job",
                    "--wait", "--pivot"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def fill(host, path, size):
    """A disk of incompressible data from its first byte to its last."""
    with open(host.outside(path), "wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))


class Contest:
    """One guest with a dense disk, and everybody who swaps it."""

    def __init__(self, lab, size):
        self._host = lab.host("hosta")
        self._count = 0
        self._path = self._host.path("0.img")
        fill(self._host, self._path, size)
        self.guest = lab.start_guest("hosta", NAME, [miglab.Disk(self._path)], blocks=64, every=18)
        hosts, store = lab.cluster(), f"{lab.directory}/operations.db"
        library = Library(hosts, store, events=True)
        self._worker = Worker(hosts, store)
        self._by_hand = ByHand(self._host)
        self.contestants = {name: lambda run=run: self._swap(run) for name, run in (
            ("bare", self._by_hand.by_event), ("libmig", library.swap), ("libmig-without-events", self._worker.swap),
            ("virsh", lambda path: virsh(self._host.uri, path)), ("loop", self._by_hand.by_polling))}
        self.store = store

    def _swap(self, run):
        """To a file that is not there yet; the one that is left is deleted."""
        self._count += 1
        old, self._path = self._path, self._host.path(f"{self._count}.img")
        seconds = run(self._path)
        os.unlink(self._host.outside(old))
        os.sync()
        return seconds

    def end(self):
        self._worker.end()
        self._by_hand.close()
        intact = self.guest.verify()["ok"]
        self.guest.destroy()
        os.unlink(self._host.outside(self._path))
        return intact


def run_size(text, runs):
    with miglab.Lab() as lab:
        contest = Contest(lab, miglab.parse_size(text))
        table.alternate(1, contest.contestants)  # a warm-up
        commits = table.count_commits(contest.store, contest.contestants["libmig"])
        samples = table.alternate(runs, contest.contestants)
        commit = table.commit_seconds(lab.directory)
        intact = contest.end()
    return {"figures": table.figures_of(samples), "commits": commits, "commit-seconds": commit, "intact": intact}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="64M,512M,2G")
    parser.add_argument("--runs", type=int, default=9, help="of each")
    parser.add_argument("--json")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    if arguments.worker is not None:
        work(*arguments.worker)
        return
    results = {"swap": {text: run_size(text, arguments.runs) for text in arguments.sizes.split(",")}}
    print(table.swap_bare(results))
    print(table.swap_peers(results))
    print(f"guests intact: {all(result['intact'] for result in results['swap'].values())}")
    if arguments.json:
        table.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
