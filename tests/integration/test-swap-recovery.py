#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process that runs a swap is killed at every point of it; another one carries it to its end."""

import glob
import json
import signal
import socket
import sys

from swaplab import Bench, MIB, Mig, Run, libvirt, make_suite, miglab, run_client, start_client, tap

suite = make_suite()

# Where the process dies, and how the swap ends.
POINTS = [
    ("after", "accepted", None, "failed"),
    ("after", "intent", "volume.create", "failed"),
    ("before", "done", "volume.create", "completed"),
    ("after", "done", "volume.create", "failed"),
    ("before", "done", "disk.mirror", "completed"),
    ("after", "intent", "disk.pivot", "completed"),
    ("before", "done", "disk.pivot", "completed"),
    ("after", "done", "disk.pivot", "completed"),
    ("before", "done", "disk.verify", "completed"),
    ("before", "end", None, "completed"),
]


class Monitor:
    """QEMU's own monitor, which is free while libvirtd is not there."""

    def __init__(self, host, name):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(30)
        paths = glob.glob(host.outside(f"/var/lib/libvirt/qemu/domain-*-{name}/monitor.sock"))
        tap.check_equal(len(paths), 1, "monitors")
        self._socket.connect(paths[0])
        self._file = self._socket.makefile("r", encoding="utf-8")
        self._answer("QMP")
        self.ask("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self._file.close()
        self._socket.close()

    def _answer(self, key):
        while True:
            said = json.loads(self._file.readline())
            if key in said or "error" in said:
                return said[key]

    def ask(self, command, **arguments):
        self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        return self._answer("return")


def recover(bench, status):
    """What another process does with what is left, and how that ends."""
    cluster = bench.open(Mig.SqliteStore.new(f"{bench.lab.directory}/ops.db"))
    infos = cluster.list_operations(None)
    tap.check_equal(len(infos), 1, "operations")
    operations = cluster.recover_all(None)
    tap.check_equal([operation.get_status().value_nick for operation in operations], [status], "status")
    again = cluster.recover_all(None)
    tap.check_equal(len(again), 0, "what is left to recover")
    cluster.close(Mig.CloseMode.WAIT, None)


def check_end(bench, guest, status, persistent=False):
    new = status == "completed"
    bench.check_on(guest, bench.path("n.img" if new else "g1-a.img"), persistent=persistent)
    bench.check_files(bench.path("g1-a.img"), *([bench.path("n.img")] if new else []))
    bench.check_no_scratch()


def check_point(when, kind, step, status):
    with Bench() as bench:
        guest = bench.start(persistent=True)
        run_client(bench, {"store": f"{bench.lab.directory}/ops.db", "destination": bench.path("n.img"),
                           "die": [when, kind, step]}, killed=True)
        guest.wait_progress(blocks=2)
        recover(bench, status)
        check_end(bench, guest, status, persistent=True)


for point in POINTS:
    suite.add(f"killed {point[0]} the line “{point[1]}{' ' + point[2] if point[2] else ''}”: {point[3]}",
              lambda point=point: check_point(*point))


@suite.case("killed while the guest is paused for the comparison: it goes on, and is compared again")
def paused():
    with Bench() as bench:
        guest = bench.start(size="256M", fill=128, persistent=True)
        spec = {"store": f"{bench.lab.directory}/ops.db", "destination": bench.path("n.img"),
                "options": {"verify": True}}
        with start_client(bench, spec) as process, bench.domain() as domain:
            miglab.wait_for(lambda: domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED, "the pause", interval=0.002)
            process.send_signal(signal.SIGKILL)
            process.wait()
            tap.check_equal(domain.state()[0], libvirt.VIR_DOMAIN_PAUSED, "state")
        recover(bench, "completed")
        with bench.domain() as domain:
            tap.check_equal(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING, "state")
        check_end(bench, guest, "completed", persistent=True)


def die_in_the_middle(bench, **extra):
    spec = {"store": f"{bench.lab.directory}/ops.db", "destination": bench.path("n.img"),
            "options": {"bandwidth": 8 * MIB}, **extra}
    with start_client(bench, spec) as process:
        miglab.wait_for(lambda: bench.job().get("cur", 0) > 0, "the mirror to copy")
        process.send_signal(signal.SIGKILL)


@suite.case("killed while the mirror copies: it goes on, and is taken over")
def in_the_middle():
    with Bench() as bench:
        guest = bench.start(fill=24)
        die_in_the_middle(bench)
        tap.check(bench.job(), "the mirror goes on")
        recover(bench, "completed")
        check_end(bench, guest, "completed")


@suite.case("the same, and libvirtd is killed too")
def in_the_middle_of_both():
    with Bench() as bench:
        guest = bench.start(fill=24)
        die_in_the_middle(bench)
        bench.hosta.daemon.restart()
        recover(bench, "completed")
        check_end(bench, guest, "completed")


@suite.case("the same, and libvirtd is down when recovery begins")
def in_the_middle_without_daemon():
    with Bench() as bench:
        guest = bench.start(fill=24)
        die_in_the_middle(bench)
        bench.hosta.daemon.kill()
        recovery = Run(recover, bench, "completed")
        recovery.join(1)
        tap.check(recovery.is_alive(), "recovery waits for the host", recovery.error)
        bench.hosta.daemon.start()
        recovery.finish(100)
        check_end(bench, guest, "completed")


@suite.case("the same, and somebody aborts the job: it is undone")
def aborted_meanwhile():
    with Bench() as bench:
        guest = bench.start(fill=24)
        die_in_the_middle(bench)
        with bench.domain() as domain:
            domain.blockJobAbort("vda")
        recover(bench, "failed")
        check_end(bench, guest, "failed")


@suite.case("the same, and the guest ends: what was made for it is deleted")
def guest_gone_meanwhile():
    with Bench() as bench:
        guest = bench.start(fill=24)
        die_in_the_middle(bench)
        guest.destroy()
        recover(bench, "failed")
        bench.check_files(bench.path("g1-a.img"))


def start_again(bench, guest):
    with bench.domain() as domain:
        domain.create()
    guest.wait_counting()
    tap.check_equal(guest.disks()["vda"].path, bench.path("g1-a.img"), "the running guest's source")


def recover_doubtful(bench):
    """Recovery says that it cannot tell; and when it is asked again it leaves the guest where it is, and the volume."""
    cluster = bench.open(Mig.SqliteStore.new(f"{bench.lab.directory}/ops.db"))
    for status in ("error", "failed"):
        operations = cluster.recover_all(None)
        tap.check_equal([operation.get_status().value_nick for operation in operations], [status], "status")
        bench.check_files(bench.path("g1-a.img"), bench.path("n.img"))
    tap.check_equal(len(cluster.recover_all(None)), 0, "what is left to recover")
    cluster.close(Mig.CloseMode.WAIT, None)


@suite.case("killed in the switch, and the guest is started again before recovery: the new volume is kept")
def started_again():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        run_client(bench, {"store": f"{bench.lab.directory}/ops.db", "destination": bench.path("n.img"),
                           "die": ["after", "intent", "disk.pivot"]}, killed=True)
        guest.destroy(undefine=False)
        start_again(bench, guest)
        recover_doubtful(bench)
        bench.check_on(guest, bench.path("g1-a.img"), persistent=True)


@suite.case("the same, and libvirtd did not hear of the switch before the guest ended")
def switched_behind_libvirt():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        run_client(bench, {"store": f"{bench.lab.directory}/ops.db", "destination": bench.path("n.img"),
                           "die": ["after", "intent", "disk.pivot"]}, killed=True)
        bench.hosta.daemon.kill()
        with Monitor(bench.hosta, "g1") as monitor:
            monitor.ask("block-job-complete", device=monitor.ask("query-block-jobs")[0]["device"])
            miglab.wait_for(lambda: monitor.ask("query-jobs")[0]["status"] == "concluded", "the switch")
            names = [block["inserted"]["file"] for block in monitor.ask("query-block") if "inserted" in block]
            tap.check(any("n.img" in name for name in names), "the guest is on its new volume", names)
        bench.hosta.kill_qemu("g1")
        bench.hosta.daemon.start()
        start_again(bench, guest)
        recover_doubtful(bench)
        bench.check_on(guest, bench.path("g1-a.img"), persistent=True)


@suite.case("killed after the switch, and the guest moves on before recovery: it keeps its volume")
def moved_meanwhile():
    with Bench() as bench:
        disk = miglab.Disk(bench.lab.shared("g1.img"), size="64M")
        guest = bench.lab.start_guest("hosta", "g1", [disk], fill=16)
        run_client(bench, {"store": f"{bench.lab.directory}/ops.db", "destination": bench.lab.shared("n.img"),
                           "die": ["before", "done", "disk.pivot"]}, killed=True)
        with bench.domain() as domain:
            flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_UNSAFE
            domain.migrateToURI3(bench.hostb.peer_uri, {}, flags)
        recover(bench, "completed")
        guest = guest.on(bench.hostb)
        tap.check_equal(guest.disks()["vda"].path, bench.lab.shared("n.img"), "source")
        bench.check_whole(guest)


@suite.case("a reused destination survives the undoing")
def reused():
    with Bench() as bench:
        guest = bench.start(fill=24)
        bench.volume(bench.path("n.img"))
        die_in_the_middle(bench, options={"bandwidth": 8 * MIB, "reuse": True})
        with bench.domain() as domain:
            domain.blockJobAbort("vda")
        recover(bench, "failed")
        bench.check_on(guest, bench.path("g1-a.img"))
        bench.check_files(bench.path("g1-a.img"), bench.path("n.img"))


@suite.case("detached: the mirror runs on for another process")
def detached():
    with Bench() as bench:
        guest = bench.start(fill=24)
        path = f"{bench.lab.directory}/ops.db"
        cluster = bench.open(Mig.SqliteStore.new(path))
        device = Mig.BlockDevice.new(cluster, cluster.find_host("hosta"), "g1", "vda")
        swap = device.new_swap(Mig.DiskSource.parse(bench.path("n.img"), None),
                               Mig.SwapOptions(bandwidth=8 * MIB), None)
        swap.run_async(None, None)
        miglab.wait_for(lambda: bench.job().get("cur", 0) > 0, "the mirror to copy")
        cluster.close(Mig.CloseMode.DETACH, None)
        tap.check(bench.job(), "the mirror goes on")
        tap.check(json.loads(cluster.dup_journal(swap.get_id(), None))[-1]["kind"] != "end", "it has not ended")
        recover(bench, "completed")
        check_end(bench, guest, "completed")


sys.exit(suite.main())
