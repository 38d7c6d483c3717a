#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Swaps of a guest that another job of libvirt's holds: then its block jobs can be neither switched nor ended, and that
they are ready is not noticed. libvirt waits 30 s for such a job by itself, and so does each case here."""

import os
import sys

from swaplab import Bench, MIB, Run, check_raises, libvirt, make_suite, miglab, tap

suite = make_suite()
LOCKED = "cannot acquire state change lock"


class Dump:
    """A guest's memory on its way into a pipe that is not read. The guest stands still meanwhile."""

    def __init__(self, bench):
        self._bench = bench
        self._pipe = bench.hosta.outside(bench.path("pipe"))
        os.mkfifo(self._pipe)
        self._reader = os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK)
        self._run = Run(self._write)
        with bench.domain() as domain:
            miglab.wait_for(lambda: domain.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE, "the dump to begin")

    def _write(self):
        with self._bench.domain() as domain:
            domain.coreDump(self._bench.path("pipe"), libvirt.VIR_DUMP_LIVE | libvirt.VIR_DUMP_MEMORY_ONLY)

    def _drain(self):
        os.set_blocking(self._reader, True)
        while os.read(self._reader, MIB):
            pass

    def end(self):
        """Lets it come to its end."""
        Run(self._drain).finish()
        self._run.finish()
        os.close(self._reader)
        os.unlink(self._pipe)


class Holder:
    """Begins a dump when asked to, and ends it at the latest when it is left."""

    def __init__(self, bench):
        self._bench = bench
        self._dump = None

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.let_go()

    def hold(self):
        self._dump = Dump(self._bench)

    def hold_at_switch(self):
        """When the copy is ready, and directly before the guest is switched."""
        def begin(kind, step):
            if (kind, step) == ("intent", "disk.pivot"):
                self.hold()

        self._bench.store.before_line = begin

    def let_go(self):
        dump, self._dump = self._dump, None
        if dump is not None:
            dump.end()


def listen(swap):
    """What the swap decides."""
    decisions = []
    swap.connect("decision", lambda _swap, text, _inputs: decisions.append(text))
    return decisions


@suite.case("a pivot is refused, and made when the other job has ended")
def refused_once():
    with Bench(settle_time=10) as bench, Holder(bench) as holder:
        guest = bench.start(persistent=True)
        holder.hold_at_switch()
        swap = bench.new_swap(bench.path("n.img"))
        decisions = listen(swap)
        run = Run(swap.run, None)
        miglab.wait_for(lambda: not run.is_alive() or decisions, "the pivot to be refused", timeout=60)
        tap.check(run.is_alive(), "the swap waits", run.error)
        tap.check(LOCKED in decisions[0], "the decision", decisions)
        tap.check_equal(guest.disks()["vda"].path, bench.path("g1-a.img"), "the running guest's source")
        holder.let_go()
        tap.check(run.finish(), "the swap's result")
        tap.check_equal(len(decisions), 1, "decisions")
        bench.check_on(guest, bench.path("n.img"), persistent=True)
        bench.check_files(bench.path("g1-a.img"), bench.path("n.img"))


@suite.case("a pivot is refused for too long: the guest stays where it was, and nothing is left of the swap")
def refused_for_long():
    with Bench(settle_time=2) as bench, Holder(bench) as holder:
        guest = bench.start(persistent=True)
        holder.hold_at_switch()
        swap = bench.new_swap(bench.path("n.img"))
        run = Run(swap.run, None)
        miglab.wait_for(lambda: not run.is_alive() or swap.get_phase().value_nick == "rollback", "the swap's undoing",
                        timeout=60)
        holder.let_go()
        check_raises("busy", run.finish, "switching disk vda of g1", LOCKED)
        tap.check_equal(swap.get_status().value_nick, "failed", "status")
        bench.check_on(guest, bench.path("g1-a.img"), persistent=True)
        bench.check_files(bench.path("g1-a.img"))
        bench.check_no_scratch()


@suite.case("somebody else aborts the job directly before the pivot")
def aborted_at_switch():
    with Bench() as bench:
        guest = bench.start()

        def end(kind, step):
            if (kind, step) == ("intent", "disk.pivot"):
                with bench.domain() as domain:
                    domain.blockJobAbort("vda")

        bench.store.before_line = end
        swap = bench.new_swap(bench.path("n.img"))
        check_raises("conflict", lambda: swap.run(None), "somebody else")
        tap.check_equal(swap.get_status().value_nick, "failed", "status")
        bench.check_on(guest, bench.path("g1-a.img"))
        bench.check_files(bench.path("g1-a.img"))


def count_refusals(bench):
    """In the log of hosta's libvirt."""
    with open(bench.hosta.outside("/var/log/libvirt/libvirtd.log"), encoding="utf-8", errors="replace") as log:
        return log.read().count(LOCKED)


def is_ready(bench):
    return any(job["ready"] for job in bench.qmp("query-block-jobs"))


@suite.case("that the copy is ready is lost on libvirt, and the swap goes on all the same")
def ready_is_lost():
    with Bench() as bench, Holder(bench) as holder:
        guest = bench.start(fill=32)
        swap = bench.new_swap(bench.path("n.img"), bandwidth=16 * MIB)
        run = Run(swap.run, None)
        miglab.wait_for(lambda: not run.is_alive() or bench.job(), "the mirror to begin")
        holder.hold()
        n_refusals = count_refusals(bench)
        tap.check(not is_ready(bench), "it still copies")
        miglab.wait_for(lambda: count_refusals(bench) > n_refusals, "libvirt to give up", timeout=60)
        tap.check(is_ready(bench), "it is ready")
        tap.check(run.is_alive(), "the swap waits", run.error)
        holder.let_go()
        tap.check(run.finish(30), "the swap's result")
        bench.check_on(guest, bench.path("n.img"))


sys.exit(suite.main())
