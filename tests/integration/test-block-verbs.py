#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bare verbs with their arguments, on real libvirt and QEMU; jobs that fail; and a client without events."""

import contextlib
import json
import os
import subprocess
import sys

from swaplab import Bench, GLib, Mig, check_raises, libvirt, make_suite, miglab, source, tap

suite = make_suite()

Flags = Mig.BlockCopyFlags
# A job at this rate, in bytes per second, does not end while a test looks.
SLOW = 4096


class End:
    """How a device's job ended."""

    def __init__(self, device):
        self.told = None
        device.connect("job-finished", self._finish)

    def _finish(self, _device, outcome, error):
        self.told = (outcome.value_nick, error.message if error is not None else None)

    def wait(self):
        context = GLib.MainContext.default()

        def heard():
            while context.iteration(False):
                pass
            return self.told is not None

        miglab.wait_for(heard, "the end of the job")
        return self.told


def chain_of(bench, path):
    """[(name in its own words)] of the files below an image, the nearest first."""
    found = json.loads(bench.hosta.run("qemu-img", "info", "-U", "--backing-chain", "--output", "json", path).stdout)
    return [layer["backing-filename"] for layer in found if "backing-filename" in layer]


def start_on_chain(bench, names):
    """A guest on an overlay; each file names the one below it from its own directory."""
    bench.volume(bench.path(names[0]))
    below = (names[0], "raw")
    for number, name in enumerate(names[1:]):
        miglab.create(bench.hosta, bench.path(name), "64M", "qcow2", backing=below)
        # Something to move, that no other file has, so that a limit shows.
        bench.hosta.run("qemu-io", "-f", "qcow2", "-c", f"write -q {32 + 2 * number}M 2M", bench.path(name))
        below = (name, "qcow2")
    return bench.lab.start_guest("hosta", "g1", [miglab.Disk(bench.path(names[-1]), "qcow2")])


def check_limited(device, kind):
    """The job is of that kind and goes at that rate; then it may go as fast as it can."""
    info = device.get_job_info(None)
    tap.check_equal((info.get_kind().value_nick, info.get_bandwidth()), (kind, SLOW), "the job")
    check_raises("timed-out", lambda: device.wait_ready(0.2, None))
    device.set_bandwidth(0, None)
    device.wait_ready(60, None)


@suite.case("a pull down to a file in the middle, with a limit, that keeps names relative")
def pull_to_middle():
    with Bench() as bench:
        guest = start_on_chain(bench, ("base.img", "low.qcow2", "high.qcow2", "top.qcow2"))
        device = bench.device()
        end = End(device)
        device.rebase(bench.path("low.qcow2"), Flags.RELATIVE, SLOW, None)
        check_limited(device, "pull")
        tap.check_equal(end.wait(), ("completed", None), "the end")
        tap.check_equal(chain_of(bench, bench.path("top.qcow2")), ["low.qcow2", "base.img"], "files below")
        tap.check("high.qcow2" not in guest.xml(), "the file between is not named any more")
        bench.check_on(guest, bench.path("top.qcow2"), "qcow2")


@suite.case("a shallow copy by the older verb")
def shallow_rebase():
    with Bench() as bench:
        guest = start_on_chain(bench, ("base.img", "top.qcow2"))
        device = bench.device()
        device.rebase(bench.path("new.qcow2"), Flags.COPY | Flags.SHALLOW, 0, None)
        device.wait_ready(30, None)
        device.pivot(None)
        tap.check_equal([os.path.basename(name) for name in chain_of(bench, bench.path("new.qcow2"))], ["base.img"],
                        "files below")
        bench.check_on(guest, bench.path("new.qcow2"), "qcow2")


@suite.case("a commit from one file to another, with a limit, that deletes what it has moved")
def commit_between():
    with Bench() as bench:
        guest = start_on_chain(bench, ("base.img", "low.qcow2", "high.qcow2", "top.qcow2"))
        device = bench.device()
        end = End(device)
        device.commit(bench.path("low.qcow2"), bench.path("high.qcow2"), Flags.DELETE | Flags.RELATIVE, SLOW, None)
        check_limited(device, "commit")
        tap.check_equal(end.wait(), ("completed", None), "the end")
        tap.check_equal(chain_of(bench, bench.path("top.qcow2")), ["low.qcow2", "base.img"], "files below")
        miglab.wait_for(lambda: bench.path("high.qcow2") not in bench.hosta.files(), "the file to be deleted")
        bench.check_on(guest, bench.path("top.qcow2"), "qcow2")


@suite.case("copies to a loop device and to an NBD export")
def copies_elsewhere():
    with Bench() as bench:
        guest = bench.start(fill=32)
        loop, _ = miglab.make_loop(bench.hosta, bench.path("loop.img"), "64M")
        server = miglab.serve_nbdkit(bench.hosta, ["memory", "64M"], export="there")
        device = bench.device()
        for destination in (loop, server.uri, bench.path("back.img")):
            end = End(device)
            device.copy(source(destination, "raw"), 0 if destination.endswith(".img") else Flags.REUSE, 0, None)
            device.wait_ready(30, None)
            device.pivot(None)
            tap.check_equal(end.wait(), ("completed", None), "the end")
            guest.wait_progress(blocks=2)
            bench.check_on(guest, destination)


@suite.case("a destination that cannot be written to, and a disk that cannot be read")
def io_errors():
    with Bench() as bench:
        guest = bench.start(fill=32)
        server = miglab.serve_nbdkit(bench.hosta, ["memory", "64M", "error-pwrite=EIO", "error-pwrite-rate=100%"],
                                     export="bad", filters=["error"])
        device = bench.device()
        end = End(device)
        device.copy(source(server.uri, "raw"), Flags.REUSE, 0, None)
        check_raises("failed", lambda: device.wait_ready(30, None), "I/O error")
        tap.check_equal(end.wait()[0], "failed", "the end")
        check_raises("failed", lambda: bench.swap(server.uri, reuse=True), "I/O error")
        bench.check_on(guest, bench.path("g1-a.img"))

        bad = miglab.serve_nbdkit(bench.hosta, ["memory", "64M", "error-pread=EIO", "error-pread-rate=100%",
                                                f"error-pread-file={bench.path('trigger')}"],
                                  port=10810, export="source", filters=["error"])
        bench.lab.start_guest("hosta", "g2", [miglab.Disk(bad.uri)], memory=32, fill=16)
        bench.volume(bench.path("trigger"), 0)
        device = bench.device("g2")
        end = End(device)
        device.copy(source(bench.path("new.img"), "raw"), 0, 0, None)
        check_raises("failed", lambda: device.wait_ready(30, None), "I/O error")
        tap.check_equal(end.wait()[0], "failed", "the end")


def is_complete(device):
    """False also when nobody answers yet."""
    with contextlib.suppress(GLib.Error):
        return device.is_job_complete(None)[1]
    return False


@suite.case("a host that does not answer any more is not waited for without end, and is found again", timeout=180)
def silent_host():
    with Bench(settle_time=0.5) as bench:
        guest = bench.start(fill=32)
        device = bench.device()
        device.copy(source(bench.path("new.img"), "raw"), Flags.TRANSIENT_JOB, SLOW, None)
        bench.hosta.daemon.freeze()
        try:
            check_raises("connection", lambda: device.wait_ready(-1, None), "disk vda of g1", "hosta")
        finally:
            bench.hosta.daemon.thaw()
        bench.hurry()
        miglab.wait_for(lambda: is_complete(device), "the copy to be ready")
        device.pivot(None)
        bench.check_on(guest, bench.path("new.img"))


@suite.case("a client that has no events")
def without_events():
    with Bench() as bench:
        guest = bench.start(fill=32)
        script = """
import json, sys
import gi
gi.require_version("Mig", "1")
from gi.repository import GLib, Mig
driver = Mig.LibvirtDriver()
assert not driver.get_property("has-events")
cluster = Mig.Cluster.new(Mig.MemoryStore.new(), driver)
cluster.set_property("volume-backend", Mig.PoolBackend.new(driver))
cluster.configure(sys.argv[1])
device = Mig.BlockDevice.new(cluster, cluster.find_host("hosta"), "g1", "vda")
ends, progress = [], []
device.connect("job-finished", lambda _device, outcome, error: ends.append(outcome.value_nick))
device.connect("job-progress", lambda _device, info: progress.append(GLib.get_monotonic_time()))
context = GLib.MainContext.default()
def finish(outcome):
    while len(ends) == 0:
        context.iteration(True)
    assert ends.pop() == outcome, ends
def check_rate():
    # Five a second, and the last one besides.
    assert len(progress) <= (GLib.get_monotonic_time() - begun) / 200000 + 3, progress
def turn(seconds):
    until = GLib.get_monotonic_time() + seconds * 1e6
    GLib.timeout_add(int(seconds * 1000), lambda: False)
    while GLib.get_monotonic_time() < until:
        context.iteration(True)
begun = GLib.get_monotonic_time()
device.copy(Mig.DiskSource.parse(sys.argv[2], "qcow2"), 0, 0, None)
device.wait_ready(30, None)
turn(1)
check_rate()
device.pivot(None)
finish("completed")
device.copy(Mig.DiskSource.parse(sys.argv[3], "qcow2"), Mig.BlockCopyFlags.SHALLOW, 1 << 20, None)
device.abort_job(Mig.BlockAbortFlags.NONE, None)
finish("aborted")
print("aborted", flush=True)
sys.stdin.readline()
device.rebase(None, 0, 0, None)
device.wait_ready(30, None)
finish("completed")
cluster.close(Mig.CloseMode.ABORT, None)
print("done")
"""
        with subprocess.Popen([sys.executable, "-c", script, json.dumps(bench.lab.cluster(settle_time=2)),
                               bench.path("new.qcow2"), bench.path("aborted.qcow2")], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as process:
            tap.check_equal(process.stdout.readline().strip(), "aborted", "the client's word")
            with bench.domain() as domain:
                domain.snapshotCreateXML(
                    f"<domainsnapshot><disks><disk name='vda'><source file='{bench.path('top.qcow2')}'/></disk></disks>"
                    "</domainsnapshot>", libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
                    libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)
            out, _ = process.communicate("go\n", timeout=60)
        tap.check_equal((process.returncode, out.strip()), (0, "done"), "the client's end")
        tap.check_equal(chain_of(bench, bench.path("top.qcow2")), [], "files below")
        bench.check_on(guest, bench.path("top.qcow2"), "qcow2")


sys.exit(suite.main())
