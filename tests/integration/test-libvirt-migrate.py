#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""MigLibvirtDriver moves guests between two real hosts: both modes, disks, limits, aborts, post-copy, thirty."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import tap  # noqa: E402
from miglab import require  # noqa: E402

tap.skip_all_if(require.missing())

from driver_bench import (Bench, Call, Code, Events, Kind, Mig, State, abort, absent, fails, request,  # noqa: E402
                          state, whole)
from gi.repository import Gio, GLib  # noqa: E402
import libvirt  # noqa: E402
from miglab import create, wait_for  # noqa: E402

UNSAFE = Mig.MigrateFlags.UNSAFE
PERSIST = Mig.MigrateFlags.PERSIST
POST_COPY = Mig.MigrateFlags.POST_COPY
# So slow that a guest which counts flat out never gets away by itself.
SLOW = 4 << 20

suite = tap.Suite()
bench = Bench(suite)


def under_way(driver, host, uuid):
    """Waits until the move is in its first pass, and returns its figures."""

    def look():
        stats = driver.get_job(host, uuid, False, None)
        return stats if stats.get_kind() == Kind.MIGRATION_OUT and stats.get_memory_processed() > 0 else None

    return wait_for(look, "the move to be under way")


def check_gone(driver, host, uuid, remains):
    if remains:
        tap.check_equal(state(driver, host, uuid), State.SHUT_OFF_MIGRATED)
    else:
        absent(driver, host, uuid)


def there_and_back(mode, persistent, flags):
    driver = Mig.LibvirtDriver()
    hosts = bench.hosts
    with bench.guest("g1", bench.shared("g1.img"), persistent=persistent, rate="2M") as guest:
        uuid = guest.uuid()
        driver.set_mark(hosts[0], uuid, "op/1", None)
        for source, destination in (hosts, hosts[::-1]):
            driver.migrate(request(source, destination, uuid, mode, flags), None)
            # What was defined here stays so, unless the definition follows the guest.
            check_gone(driver, source, uuid, persistent and source is hosts[0] and not flags & PERSIST)
            info = driver.get_domain(destination, uuid, None)
            tap.check_equal((info.get_state(), info.get_job(), info.get_mark()), (State.RUNNING, Kind.NONE, "op/1"))
            tap.check_equal(info.is_persistent(), bool(flags & PERSIST) or persistent and destination is hosts[0])
            stats = driver.get_job(destination, uuid, True, None)
            tap.check_equal((stats.get_kind(), stats.is_completed()), (Kind.MIGRATION_IN, True))
            tap.check(0 < stats.get_downtime() < 5 and stats.get_memory_total() > 64 << 20, "figures")
            whole(guest.on(bench.lab.host(destination.get_name())))


for one_mode in ("PEER_TO_PEER", "DIRECT", "AUTO"):
    suite.add(f"there and back, {one_mode}, transient",
              lambda mode=one_mode: there_and_back(mode, False, UNSAFE))
    suite.add(f"there and back, {one_mode}, the definition follows",
              lambda mode=one_mode: there_and_back(mode, True, UNSAFE | PERSIST))


@suite.case("a definition that is left behind says that its guest has moved")
def left_behind():
    there_and_back("PEER_TO_PEER", True, UNSAFE)


@suite.case("a guest that was paused arrives paused")
def paused():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    with bench.guest("g1") as guest:
        uuid = guest.uuid()
        driver.pause(hosta, uuid, None)
        driver.migrate(request(hosta, hostb, uuid), None)
        tap.check_equal(state(driver, hostb, uuid), State.PAUSED)
        driver.resume(hostb, uuid, None)
        whole(guest.on(bench.lab.host("hostb")))


def copy_disks(mode):
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    away, back = bench.lab.host("hostb"), bench.lab.host("hosta")
    disks = [bench.local("a.img", size="32M"), bench.local("b.qcow2", format="qcow2", size="32M"),
             bench.shared("c.img")]
    with bench.guest("g1", *disks, persistent=True, fill=8, rate="1M") as guest:
        uuid = guest.uuid()
        for disk in disks[:2]:
            create(away, disk.path, "32M", disk.format)
        driver.migrate(request(hosta, hostb, uuid, mode, UNSAFE | PERSIST, copy_disks=["vda", "vdb"]), None)
        guest = guest.on(away)
        whole(guest)
        # Back onto the disks that are there; and without the list not one is copied.
        with fails(Code.INVALID_ARGUMENT):
            driver.migrate(request(hostb, hosta, uuid, mode, UNSAFE, copy_disks=["vdx"]), None)
        driver.migrate(request(hostb, hosta, uuid, mode, UNSAFE | PERSIST, copy_disks=["vda", "vdb"]), None)
        whole(guest.on(back))


suite.add("local disks are copied, PEER_TO_PEER", lambda: copy_disks("PEER_TO_PEER"))
suite.add("local disks are copied, DIRECT", lambda: copy_disks("DIRECT"))


@suite.case("what libvirt refuses is said, and nothing has changed")
def refused():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    nowhere = Mig.Host(name="nowhere", uri="qemu+unix:///system?socket=/nonexistent",
                       peer_uri="qemu+tcp://10.99.0.9/system")
    itself = Mig.Host(name="itself", uri=f"{hosta.get_uri()}&x=1", peer_uri="qemu+tcp://hosta/system")
    with bench.guest("g1", bench.shared("g1.img")) as guest:
        uuid = guest.uuid()
        for wanted, codes in [
                (request(hosta, hostb, uuid, flags=Mig.MigrateFlags.NONE), [Code.INCOMPATIBLE]),     # unsafe
                (request(hosta, hostb, "nobody"), [Code.NOT_FOUND]),
                (request(hosta, hosta, uuid), [Code.INVALID_ARGUMENT]),
                (request(hosta, itself, uuid), [Code.FAILED]),
                (request(hosta, nowhere, uuid, "DIRECT"), [Code.CONNECTION]),
                (request(hosta, nowhere, uuid), [Code.CONNECTION]),
                (request(hosta, bench.host("hostb", peer_uri=None), uuid), [Code.INVALID_ARGUMENT]),
                (request(hosta, bench.host("hostb", migration_uri="http://hostb"), uuid), [Code.NOT_SUPPORTED]),
        ]:
            with fails(*codes):
                driver.migrate(wanted, None)
            tap.check_equal(driver.get_job(hosta, uuid, False, None).get_kind(), Kind.NONE)
        for verb in (lambda: driver.abort_job(hosta, uuid, -1, None),
                     lambda: driver.tune(hosta, uuid, Mig.Tunable.MAX_DOWNTIME, 1.0, None),
                     lambda: driver.tune(hosta, uuid, Mig.Tunable.POST_COPY, 0, None)):
            with fails(Code.INVALID_STATE):
                verb()
        for verb in (lambda: driver.abort_job(hostb, uuid, -1, None), lambda: driver.get_job(hostb, uuid, False, None)):
            with fails(Code.NOT_FOUND):
                verb()
        tap.check_equal(driver.get_job(hosta, uuid, True, None).get_kind(), Kind.NONE)
        whole(guest)


def watch_and_abort(mode):
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    with bench.guest("g1", bench.shared("g1.img"), rate="flat", persistent=True) as guest:
        uuid = guest.uuid()
        move = Call(driver.migrate, request(hosta, hostb, uuid, mode, bandwidth=SLOW, max_downtime=0.05), None)
        stats = under_way(driver, hosta, uuid)
        tap.check_equal((stats.is_completed(), stats.get_disk_total()), (False, 0))
        tap.check(stats.get_memory_total() > 64 << 20, "total", stats.get_memory_total())
        tap.check_equal(driver.get_domain(hosta, uuid, None).get_job(), Kind.MIGRATION_OUT)
        info = driver.get_domain(hostb, uuid, None)
        tap.check_equal((info.get_state(), info.get_job()), (State.PAUSED_MIGRATION, Kind.MIGRATION_IN))
        tap.check_equal(driver.get_job(hostb, uuid, False, None).get_kind(), Kind.MIGRATION_IN)
        tap.check_equal(driver.get_job(hosta, uuid, True, None).get_kind(), Kind.NONE)
        wait_for(lambda: 0 < driver.get_job(hosta, uuid, False, None).get_rate() <= 2 * SLOW, "a limited rate")
        # Not during a migration, and not at its other end.
        with fails(Code.INVALID_STATE):
            driver.set_mark(hosta, uuid, "late", None)
        for verb in (lambda: driver.abort_job(hostb, uuid, -1, None),
                     lambda: driver.tune(hostb, uuid, Mig.Tunable.MAX_DOWNTIME, 1.0, None)):
            with fails(Code.INVALID_STATE):
                verb()
        with fails(Code.INVALID_STATE, Code.BUSY):
            driver.migrate(request(hosta, hostb, uuid, mode), None)

        began = time.monotonic()
        abort(driver, hosta, uuid)
        tap.check(time.monotonic() - began < 1, "a slow abort", time.monotonic() - began)
        with fails(Code.FAILED):
            move.result(5)
        tap.check_equal(state(driver, hosta, uuid), State.RUNNING)
        wait_for(lambda: "g1" not in bench.lab.host("hostb").domains(), "the destination to go")
        whole(guest)


suite.add("watched and aborted, PEER_TO_PEER", lambda: watch_and_abort("PEER_TO_PEER"))
suite.add("watched and aborted, DIRECT", lambda: watch_and_abort("DIRECT"))


@suite.case("a running move is given more")
def tuned():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    with bench.guest("g1", rate="20M") as guest:
        uuid = guest.uuid()
        move = Call(driver.migrate, request(hosta, hostb, uuid, bandwidth=SLOW, max_downtime=0.001), None)
        under_way(driver, hosta, uuid)
        driver.tune(hosta, uuid, Mig.Tunable.BANDWIDTH, 100 << 20, None)
        wait_for(lambda: (driver.get_job(hosta, uuid, False, None).get_iteration() or 0) > 1, "another pass")
        driver.tune(hosta, uuid, Mig.Tunable.MAX_DOWNTIME, 5.0, None)
        driver.tune(hosta, uuid, Mig.Tunable.BANDWIDTH, 0, None)
        move.result(30)
        tap.check_equal(state(driver, hostb, uuid), State.RUNNING)
        whole(guest.on(bench.lab.host("hostb")))


@suite.case("a move that may not be sent waits until it may, or is given up")
def vouched_for():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    with bench.guest("g1", rate="2M") as guest:
        uuid = guest.uuid()
        for cancelled in (True, False):
            cancellable = Gio.Cancellable()
            wanted = request(hosta, hostb, uuid)
            wanted.set_until(0)
            move = Call(driver.migrate, wanted, cancellable)
            wait_for(wanted.is_held, "the move to be held")
            tap.check_equal(driver.get_domain(hosta, uuid, None).get_job(), Kind.NONE)
            if cancelled:
                cancellable.cancel()
                move.join(30)
                tap.check(move.error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED), move.error)
                tap.check_equal(state(driver, hosta, uuid), State.RUNNING)
            else:
                wanted.set_until(GLib.MAXINT64)
                move.result(30)
            tap.check_equal(wanted.is_held(), cancelled)
        whole(guest.on(bench.lab.host("hostb")))


@suite.case("a guest that writes too fast is moved in post-copy")
def post_copy():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    with bench.guest("g1", rate="flat") as guest:
        uuid = guest.uuid()
        move = Call(driver.migrate, request(hosta, hostb, uuid, flags=UNSAFE | POST_COPY, bandwidth=8 << 20), None)
        under_way(driver, hosta, uuid)
        driver.tune(hosta, uuid, Mig.Tunable.POST_COPY, 0, None)
        wait_for(lambda: state(driver, hosta, uuid) == State.PAUSED_POST_COPY, "the switch")
        tap.check_equal(driver.get_domain(hosta, uuid, None).get_job(), Kind.MIGRATION_OUT)
        wait_for(lambda: state(driver, hostb, uuid) == State.POST_COPY, "the guest to run there")
        tap.check_equal(driver.get_domain(hostb, uuid, None).get_job(), Kind.MIGRATION_IN)
        # The guest lives there: nothing brings it back.
        with fails(Code.INVALID_STATE):
            abort(driver, hosta, uuid)
        with fails(Code.INVALID_STATE):
            driver.resume(hosta, uuid, None)
        driver.tune(hosta, uuid, Mig.Tunable.BANDWIDTH, 0, None)
        move.result(60)
        absent(driver, hosta, uuid)
        tap.check_equal(state(driver, hostb, uuid), State.RUNNING)
        whole(guest.on(bench.lab.host("hostb")))


@suite.case("post-copy that breaks has a state of its own on both sides")
def post_copy_breaks():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    with bench.guest("g1", rate="flat") as guest:
        uuid = guest.uuid()
        move = Call(driver.migrate, request(hosta, hostb, uuid, flags=UNSAFE | POST_COPY, bandwidth=2 << 20), None)
        under_way(driver, hosta, uuid)
        driver.tune(hosta, uuid, Mig.Tunable.POST_COPY, 0, None)
        wait_for(lambda: state(driver, hosta, uuid) == State.PAUSED_POST_COPY, "the switch")
        wait_for(lambda: state(driver, hostb, uuid) == State.POST_COPY, "the guest to run there")
        bench.lab.net.reset()
        for host, kind in ((hosta, Kind.MIGRATION_OUT), (hostb, Kind.MIGRATION_IN)):
            wait_for(lambda one=host: state(driver, one, uuid) == State.POST_COPY_FAILED,
                     f"{host.get_name()} to notice")
            tap.check_equal(driver.get_domain(host, uuid, None).get_job(), kind)
        with fails(Code.FAILED, Code.CONNECTION):
            move.result(30)
        with fails(Code.INVALID_STATE):
            driver.resume(hosta, uuid, None)
        for host in (hostb, hosta):
            driver.destroy(host, uuid, None)


@suite.case("a waiter that loses interest leaves the move alone")
def abandoned():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    for mode in ("PEER_TO_PEER", "DIRECT"):
        with bench.guest("g1", rate="2M") as guest:
            uuid = guest.uuid()
            cancellable = Gio.Cancellable()
            move = Call(driver.migrate, request(hosta, hostb, uuid, mode, bandwidth=32 << 20), cancellable)
            under_way(driver, hosta, uuid)
            cancellable.cancel()
            move.join(2)
            tap.check(move.error is not None and move.error.domain == "g-io-error-quark", "not cancelled", move.error)
            tap.check_equal(driver.get_abandoned_calls(), 1)
            wait_for(lambda: guest.on(bench.lab.host("hostb")).exists(), "the destination")
            wait_for(lambda: driver.get_abandoned_calls() == 0, "the move to end")
            absent(driver, hosta, uuid)
            whole(guest.on(bench.lab.host("hostb")))


@suite.case("the link is cut: the guest stays where it is", timeout=90)
def cut():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    with bench.guest("g1", rate="flat") as guest:
        uuid = guest.uuid()
        move = Call(driver.migrate, request(hosta, hostb, uuid, bandwidth=SLOW), None)
        under_way(driver, hosta, uuid)
        bench.lab.net.cut()
        try:
            with fails(Code.CONNECTION, Code.FAILED):
                move.result(40)
        finally:
            bench.lab.net.heal()
        wait_for(lambda: driver.get_job(hosta, uuid, False, None).get_kind() == Kind.NONE, "the job to end")
        wait_for(lambda: "g1" not in bench.lab.host("hostb").domains(), "the destination to go")
        tap.check_equal(state(driver, hosta, uuid), State.RUNNING)
        whole(guest)


@suite.case("a daemon dies in the middle of a move")
def daemon_dies():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    for victim in ("hosta", "hostb"):
        with bench.guest("g1", rate="flat") as guest:
            uuid = guest.uuid()
            move = Call(driver.migrate, request(hosta, hostb, uuid, bandwidth=SLOW), None)
            under_way(driver, hosta, uuid)
            bench.lab.daemon(victim).kill()
            with fails(Code.CONNECTION):
                move.result(30)
            bench.lab.daemon(victim).start()

            def ended():
                try:
                    return driver.get_job(hosta, uuid, False, None).get_kind() == Kind.NONE
                except GLib.Error:
                    return False

            wait_for(ended, "the job to end")
            wait_for(lambda: "g1" not in bench.lab.host("hostb").domains(), "the destination to go")
            tap.check_equal(state(driver, hosta, uuid), State.RUNNING)
            whole(guest)


def thirty(driver, mode):
    """All arrive; and while they would not by themselves, each can be asked about and aborted at once."""
    hosta, hostb = bench.hosts
    for name in (f"g{number}" for number in range(30)):
        bench.lab.start_guest("hosta", name, memory=16, wait=False)
    guests = [bench.lab.guest("hosta", f"g{number}") for number in range(30)]
    try:
        for guest in guests:
            guest.wait_counting(60)
        uuids = [guest.uuid() for guest in guests]
        moves = [Call(driver.migrate, request(hosta, hostb, uuid, mode, bandwidth=1), None) for uuid in uuids]
        wait_for(lambda: sum(driver.get_job(hosta, uuid, False, None).get_kind() == Kind.MIGRATION_OUT
                             for uuid in uuids) >= 4, "moves to be under way", 60)
        questions = [Call(driver.get_job, hosta, uuid, False, None) for uuid in uuids for _ in range(4)]
        for question in questions:
            question.result(20)
        slowest = max(question.seconds for question in questions)
        tap.check(slowest < 5, "a slow answer", slowest)
        for uuid in uuids:
            began = time.monotonic()
            abort(driver, hosta, uuid)
            tap.check(time.monotonic() - began < 1, "a slow abort", time.monotonic() - began)
        for move in moves:
            with fails(Code.FAILED):
                move.result(20)
        wait_for(lambda: not bench.lab.host("hostb").domains(), "the destinations to go")
        for uuid in uuids:
            tap.check_equal(state(driver, hosta, uuid), State.RUNNING)

        moves = [Call(driver.migrate, request(hosta, hostb, uuid, mode), None) for uuid in uuids]
        for move in moves:
            move.result(120)
        for guest in guests:
            whole(guest.on(bench.lab.host("hostb")), disks=False)
    finally:
        for one in bench.lab.hosts.values():
            for name in one.domains():
                bench.lab.guest(one.name, name).destroy()
            one.remove_files()


suite.add("thirty at once, polling", lambda: thirty(Mig.LibvirtDriver(), "PEER_TO_PEER"), timeout=240)


# With an event loop from here on.


@suite.case("with an event loop: what a move tells")
def told():
    Mig.libvirt_start_event_thread()
    driver = Mig.LibvirtDriver()
    events = Events(driver)
    hosta, hostb = bench.hosts
    for mode in ("PEER_TO_PEER", "DIRECT"):
        for host in (hosta, hostb):
            driver.get_host_info(host, None)
        with bench.guest("g1", rate="2M", persistent=True) as guest:
            uuid = guest.uuid()
            driver.migrate(request(hosta, hostb, uuid, mode, UNSAFE | PERSIST), None)
            events.wait("hosta", "job-completed", "", uuid)
            events.wait("hosta", "stopped", "migration", uuid)
            events.wait("hostb", "resumed", "migration", uuid)
            events.wait("hostb", "started", "migration", uuid)
            events.wait("hosta", "suspended", "migration", uuid)
            events.wait("hosta", "iteration", "1", uuid)
            order = [(host, nick) for host, nick, detail in events.all(uuid) if detail in ("migration", "1")]
            tap.check_equal(order[0], ("hostb", "started"), "the first event")
            # The source does not know the guest any more, and still tells how it went.
            absent(driver, hosta, uuid)
            for domain in (uuid, "g1"):
                stats = driver.get_job(hosta, domain, True, None)
                tap.check_equal((stats.get_kind(), stats.is_completed()), (Kind.MIGRATION_OUT, True))
                tap.check(0 < stats.get_downtime() < 5, "downtime", stats.get_downtime())

            # Once it is back, what was told of its departure is not about this move; somebody else took those figures.
            driver.migrate(request(hostb, hosta, uuid, mode, UNSAFE | PERSIST), None)
            with guest.domain() as domain:
                domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
            tap.check_equal(driver.get_job(hosta, uuid, True, None).get_kind(), Kind.NONE)


@suite.case("with an event loop: disks tell when they are mirrored")
def disks_told():
    driver = Mig.LibvirtDriver()
    events = Events(driver)
    hosta, hostb = bench.hosts
    disk = bench.local("a.img", size="32M")
    with bench.guest("g1", disk, fill=8) as guest:
        uuid = guest.uuid()
        driver.get_host_info(hosta, None)
        create(bench.lab.host("hostb"), disk.path, "32M")
        move = Call(driver.migrate, request(hosta, hostb, uuid, copy_disks=["vda"], bandwidth=SLOW), None)
        stats = wait_for(lambda: (lambda found: found if found.get_disk_processed() > 0 else None)(
            driver.get_job(hosta, uuid, False, None)), "the disk to be copied")
        tap.check_equal((stats.get_kind(), stats.get_disk_total()), (Kind.MIGRATION_OUT, 32 << 20))
        driver.tune(hosta, uuid, Mig.Tunable.BANDWIDTH, 0, None)
        move.result(60)
        events.wait("hosta", "block-job-ready", "vda", uuid)
        events.wait("hosta", "block-job-completed", "vda", uuid)
        whole(guest.on(bench.lab.host("hostb")))


suite.add("thirty at once, with an event loop", lambda: thirty(Mig.LibvirtDriver(), "DIRECT"), timeout=240)

if __name__ == "__main__":
    sys.exit(suite.main())
