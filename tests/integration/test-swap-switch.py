#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Between the moment when a copy is ready and the switch to it, and while the guest is paused to be compared."""

import contextlib
import sys
import threading

from swaplab import Bench, Lifecycle, Run, check_raises, libvirt, make_suite, miglab, tap

suite = make_suite()
PIVOTING = ("intent", "disk.pivot")
PAUSING = ("pausing", "disk.pivot")
SUSPENDED, RESUMED = libvirt.VIR_DOMAIN_EVENT_SUSPENDED, libvirt.VIR_DOMAIN_EVENT_RESUMED


def before_line(bench, wanted, function):
    """Calls the function once, before that line of a journal is written."""
    done = []

    def tell(kind, step):
        if (kind, step) == wanted and not done:
            done.append(True)
            function()

    bench.store.before_line = tell


def abort_by_hand(bench):
    with bench.domain() as domain:
        domain.blockJobAbort("vda")


def check_undone(bench, guest, swap, status="failed"):
    tap.check_equal(swap.get_status().value_nick, status, "status")
    tap.check_equal(guest.state()[0], libvirt.VIR_DOMAIN_RUNNING, "state")
    bench.check_on(guest, bench.path("g1-a.img"))
    bench.check_files(bench.path("g1-a.img"))


# What ends the mirror when it is ready, without the guest being switched: the same three outcomes as while it copies,
# with and without a comparison.


def check_aborted(line, **settings):
    with Bench() as bench:
        guest = bench.start()
        before_line(bench, line, lambda: abort_by_hand(bench))
        swap = bench.new_swap(bench.path("n.img"), **settings)
        check_raises("conflict", lambda: swap.run(None), "somebody else")
        check_undone(bench, guest, swap)


def check_stopped(line, **settings):
    with Bench() as bench:
        guest = bench.start(persistent=True)
        before_line(bench, line, lambda: guest.destroy(undefine=False))
        swap = bench.new_swap(bench.path("n.img"), **settings)
        check_raises("invalid-state", lambda: swap.run(None), "stopped")
        tap.check_equal(guest.disks(inactive=True)["vda"].path, bench.path("g1-a.img"), "the definition's source")
        with bench.domain() as domain:
            domain.create()
        guest.wait_counting()
        check_undone(bench, guest, swap)


def check_gone(line, **settings):
    with Bench() as bench:
        guest = bench.start()
        before_line(bench, line, guest.destroy)
        swap = bench.new_swap(bench.path("n.img"), **settings)
        check_raises("not-found", lambda: swap.run(None), "does not exist")
        tap.check_equal(swap.get_status().value_nick, "failed", "status")
        bench.check_files(bench.path("g1-a.img"))


for what, check in (("somebody else aborts the job", check_aborted), ("the guest is shut off", check_stopped),
                    ("the guest is gone", check_gone)):
    suite.add(f"{what} when the copy is ready", lambda check=check: check(PIVOTING))
    suite.add(f"{what} just before it would be paused", lambda check=check: check(PAUSING, verify=True))


# In the pause


@contextlib.contextmanager
def pause_of(bench, function):
    """As soon as the guest is paused in this block, the function is called; and it has been, at its end."""
    called = threading.Event()
    with Lifecycle(bench.hosta) as lifecycle:

        def watch():
            miglab.wait_for(lambda: lifecycle.count("g1", SUSPENDED), "the pause", 60, interval=0.001)
            function()
            called.set()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        yield lifecycle
        thread.join(60)
    tap.check(called.is_set(), "what was to be done in the pause was done")


def start_to_compare(bench, **settings):
    """A guest whose comparison takes a while."""
    return bench.start(size="128M", fill=64, **settings)


@suite.case("the guest stands still from the pause to the switch, and goes on after it")
def stands_still():
    with Bench() as bench:
        guest = bench.start(fill=32)
        with Lifecycle(bench.hosta) as lifecycle:
            swap = bench.swap(bench.path("n.img"), verify=True)
            lifecycle.settle()
        tap.check_equal(swap.get_status().value_nick, "completed", "status")
        words = [event for name, event in lifecycle.words if name == "g1"]
        tap.check_equal(words, [SUSPENDED, RESUMED], "one pause, and its end")
        tap.check_equal(guest.state()[0], libvirt.VIR_DOMAIN_RUNNING, "state")
        bench.check_on(guest, bench.path("n.img"))


@suite.case("aborted in the pause: the guest goes on where it was")
def aborted_in_pause():
    with Bench() as bench:
        guest = start_to_compare(bench)
        swap = bench.new_swap(bench.path("n.img"), verify=True)
        with pause_of(bench, swap.abort):
            check_raises("cancelled", lambda: swap.run(None))
        check_undone(bench, guest, swap, "cancelled")


@suite.case("somebody lets the guest go on in the pause: it is paused and compared again")
def resumed_in_pause():
    with Bench() as bench:
        guest = start_to_compare(bench)

        def resume():
            with bench.domain() as domain:
                domain.resume()

        with pause_of(bench, resume) as lifecycle:
            swap = bench.swap(bench.path("n.img"), verify=True)
            lifecycle.settle()
        tap.check(lifecycle.count("g1", SUSPENDED) > 1, "it was paused again", lifecycle.words)
        tap.check_equal(swap.get_status().value_nick, "completed", "status")
        tap.check_equal(guest.state()[0], libvirt.VIR_DOMAIN_RUNNING, "state")
        bench.check_on(guest, bench.path("n.img"))


@suite.case("the guest ends in the pause")
def gone_in_pause():
    with Bench() as bench:
        guest = start_to_compare(bench)
        swap = bench.new_swap(bench.path("n.img"), verify=True)
        with pause_of(bench, guest.destroy):
            check_raises("not-found", lambda: swap.run(None), "does not exist")
        bench.check_files(bench.path("g1-a.img"))


@suite.case("somebody else aborts the job in the pause")
def job_aborted_in_pause():
    with Bench() as bench:
        guest = start_to_compare(bench)
        swap = bench.new_swap(bench.path("n.img"), verify=True)
        with pause_of(bench, lambda: abort_by_hand(bench)):
            check_raises("conflict", lambda: swap.run(None), "somebody else")
        check_undone(bench, guest, swap)


@suite.case("three disks of one guest are compared at once")
def three_compared():
    with Bench() as bench:
        guest = bench.start(disks=3, persistent=True, fill=8)
        targets = ("vda", "vdb", "vdc")
        swaps = [bench.new_swap(bench.path(f"n-{target}.img"), target=target, verify=True) for target in targets]
        for run in [Run(swap.run, None) for swap in swaps]:
            tap.check(run.finish(), "the swap's result")
        tap.check_equal(guest.state()[0], libvirt.VIR_DOMAIN_RUNNING, "state")
        for target in targets:
            bench.check_on(guest, bench.path(f"n-{target}.img"), target=target, persistent=True)


# The switch


@suite.case("somebody else switches the guest when the copy is ready")
def switched_elsewhere():
    with Bench() as bench:
        guest = bench.start(persistent=True)

        def switch():
            with bench.domain() as domain:
                domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)

        before_line(bench, PIVOTING, switch)
        swap = bench.swap(bench.path("n.img"))
        tap.check_equal(swap.get_status().value_nick, "completed", "status")
        bench.check_on(guest, bench.path("n.img"), persistent=True)


@suite.case("libvirtd is killed with the switch in its hands")
def daemon_killed_before():
    with Bench() as bench:
        guest = bench.start(persistent=True)

        def replace():
            bench.hosta.daemon.kill()
            bench.hosta.daemon.start()

        timer = threading.Timer(0.3, replace)

        def freeze():
            bench.hosta.daemon.freeze()
            timer.start()

        before_line(bench, PIVOTING, freeze)
        swap = bench.swap(bench.path("n.img"))
        timer.join()
        tap.check_equal(swap.dup_debts(), [], "debts")
        bench.check_on(guest, bench.path("n.img"), persistent=True)


@suite.case("libvirtd is killed when it has switched, before that is written down")
def daemon_killed_after():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        before_line(bench, ("done", "disk.pivot"), bench.hosta.daemon.restart)
        swap = bench.swap(bench.path("n.img"))
        tap.check_equal(swap.dup_debts(), [], "debts")
        bench.check_on(guest, bench.path("n.img"), persistent=True)


sys.exit(suite.main())
