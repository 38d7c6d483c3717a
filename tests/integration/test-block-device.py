#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bare verbs on a disk's job, on real libvirt and QEMU."""

import sys

from swaplab import Bench, GLib, MIB, Mig, Run, check_raises, libvirt, make_suite, miglab, source, tap

suite = make_suite()

REUSE, SHALLOW = Mig.BlockCopyFlags.REUSE, Mig.BlockCopyFlags.SHALLOW
TRANSIENT_JOB = Mig.BlockCopyFlags.TRANSIENT_JOB


class Heard:
    """What a device has said, with the main loop turned while waiting."""

    def __init__(self, device):
        self.words = []
        self.finished = None
        device.connect("job-progress", lambda _device, info: self.words.append(("progress", info.get_current())))
        device.connect("job-ready", lambda _device: self.words.append("ready"))
        device.connect("job-finished", self._finish)

    def _finish(self, _device, outcome, error):
        self.words.append("finished")
        self.finished = (outcome.value_nick, error)

    def wait(self, word, timeout=30):
        """Turns the default main context until the word was heard."""
        context = GLib.MainContext.default()

        def heard():
            while context.iteration(False):
                pass
            return word in self.words

        miglab.wait_for(heard, f"“{word}”", timeout)


@suite.case("copy, wait until it is ready, pivot")
def copy_and_pivot():
    with Bench() as bench:
        guest = bench.start(fill=32)
        device = bench.device()
        heard = Heard(device)
        tap.check_equal(device.get_job_info(None).get_kind().value_nick, "none", "kind")
        tap.check_equal(device.is_job_complete(None), (True, True), "complete without a job")
        device.copy(source(bench.path("n.img"), "raw"), 0, 0, None)
        device.wait_ready(30, None)
        tap.check("ready" in heard.words, "the signal came while we waited", heard.words)
        info = device.get_job_info(None)
        tap.check_equal((info.get_kind().value_nick, info.is_ready()), ("copy", True), "the job")
        # It grows while the guest writes.
        tap.check(64 * MIB <= info.get_end() < 128 * MIB, "its end, in bytes", info.get_end())
        tap.check_equal(device.is_job_complete(None), (True, True), "complete when ready")
        device.pivot(None)
        heard.wait("finished")
        tap.check_equal(heard.finished, ("completed", None), "the end")
        bench.check_on(guest, bench.path("n.img"))


@suite.case("a persistent guest needs a transient job")
def persistent():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        device = bench.device()
        check_raises("invalid-state", lambda: device.copy(source(bench.path("n.img"), "raw"), 0, 0, None))
        device.copy(source(bench.path("n.img"), "raw"), TRANSIENT_JOB, 0, None)
        device.wait_ready(30, None)
        device.abort_job(Mig.BlockAbortFlags.PIVOT, None)
        bench.check_on(guest, bench.path("n.img"), persistent=True)


@suite.case("abort, at once and later")
def abort():
    with Bench() as bench:
        guest = bench.start(fill=32)
        for flags in (Mig.BlockAbortFlags.NONE, Mig.BlockAbortFlags.ASYNC):
            device = bench.device()
            heard = Heard(device)
            device.copy(source(bench.path(f"n{int(flags)}.img"), "raw"), 0, MIB, None)
            tap.check_equal(device.is_job_complete(None), (True, False), "complete while copying")
            check_raises("invalid-state", lambda device=device: device.pivot(None), "ready")
            device.abort_job(flags, None)
            heard.wait("finished")
            tap.check_equal(heard.finished[0], "aborted", "outcome")
            bench.check_on(guest, bench.path("g1-a.img"))
        check_raises("not-found", lambda: device.abort_job(Mig.BlockAbortFlags.NONE, None))
        check_raises("not-found", lambda: device.pivot(None))
        check_raises("cancelled", lambda: device.wait_ready(1, None))
        check_raises("not-found", lambda: bench.device().wait_ready(1, None))


@suite.case("somebody else aborts; the guest ends")
def other_ends():
    with Bench() as bench:
        guest = bench.start(fill=32, persistent=True)
        device = bench.device()
        for number, (end, outcome, code) in enumerate((
                (lambda: abort_by_hand(bench), "aborted-elsewhere", "conflict"),
                (lambda: guest.destroy(undefine=False), "guest-stopped", "invalid-state"))):
            heard = Heard(device)
            device.copy(source(bench.path(f"n{number}.img"), "raw"), TRANSIENT_JOB, MIB, None)
            wait = Run(device.wait_ready, -1, None)
            end()
            check_raises(code, wait.finish)
            heard.wait("finished")
            tap.check_equal(heard.finished[0], outcome, "outcome")
            tap.check(heard.finished[1] is not None, "an error goes with it")


def abort_by_hand(bench):
    with bench.domain() as domain:
        domain.blockJobAbort("vda")


@suite.case("the domain is gone")
def domain_gone():
    with Bench() as bench:
        guest = bench.start(fill=32)
        device = bench.device()
        device.copy(source(bench.path("n.img"), "raw"), 0, MIB, None)
        wait = Run(device.wait_ready, -1, None)
        guest.destroy()
        check_raises("not-found", wait.finish)
        check_raises("not-found", lambda: device.get_job_info(None))


@suite.case("a destination of another length is found out")
def wrong_length():
    with Bench() as bench:
        guest = bench.start()
        bench.volume(bench.path("large.img"), "128M")
        device = bench.device()
        heard = Heard(device)
        device.copy(source(bench.path("large.img"), "raw"), REUSE, 0, None)
        check_raises("failed", lambda: device.wait_ready(10, None), str(128 * MIB), str(64 * MIB))
        heard.wait("finished")
        tap.check_equal(heard.finished[0], "failed", "outcome")
        bench.check_on(guest, bench.path("g1-a.img"))


@suite.case("a limit that changes while it runs")
def bandwidth():
    with Bench() as bench:
        guest = bench.start(fill=48)
        device = bench.device()
        device.copy(source(bench.path("n.img"), "raw"), 0, MIB, None)
        tap.check_equal(device.get_job_info(None).get_bandwidth(), MIB, "the limit")
        check_raises("timed-out", lambda: device.wait_ready(0.5, None))
        device.set_bandwidth(512 * MIB, None)
        tap.check_equal(device.get_job_info(None).get_bandwidth(), 512 * MIB, "the new limit")
        device.wait_ready(30, None)
        device.pivot(None)
        check_raises("not-found", lambda: device.set_bandwidth(MIB, None))
        bench.check_on(guest, bench.path("n.img"))


@suite.case("resize of the live disk")
def resize():
    with Bench() as bench:
        guest = bench.start()
        bench.device().resize(80 * MIB, None)
        with bench.domain() as domain:
            tap.check_equal(domain.blockInfo("vda")[0], 80 * MIB, "length")
        bench.check_on(guest, bench.path("g1-a.img"))


@suite.case("rebase that copies: the older verb")
def rebase_copy():
    with Bench() as bench:
        guest = bench.start()
        device = bench.device()
        flags = Mig.BlockCopyFlags.COPY | Mig.BlockCopyFlags.COPY_RAW
        device.rebase(bench.path("n.img"), flags, 0, None)
        device.wait_ready(30, None)
        device.pivot(None)
        bench.check_on(guest, bench.path("n.img"))
        loop, _ = miglab.make_loop(bench.hosta, bench.path("loop.img"), "64M")
        device.rebase(loop, flags | REUSE | Mig.BlockCopyFlags.COPY_DEVICE, 0, None)
        device.wait_ready(30, None)
        device.pivot(None)
        bench.check_on(guest, loop)
        check_raises("invalid-argument", lambda: device.rebase(None, flags, 0, None))


def make_overlay(bench, name):
    with bench.domain() as domain:
        domain.snapshotCreateXML(
            f"<domainsnapshot><disks><disk name='vda'><source file='{bench.path(name)}'/></disk></disks>"
            "</domainsnapshot>", libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
            libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)


@suite.case("rebase that pulls ends by itself")
def rebase_pull():
    with Bench() as bench:
        guest = bench.start(image_format="qcow2")
        make_overlay(bench, "top.qcow2")
        device = bench.device()
        heard = Heard(device)
        device.rebase(None, 0, 0, None)
        device.wait_ready(30, None)
        heard.wait("finished")
        tap.check_equal(heard.finished, ("completed", None), "the end")
        bench.check_on(guest, bench.path("top.qcow2"), "qcow2")
        tap.check("g1-a.img" not in guest.xml(), "the base is not named any more")


@suite.case("commit of the active layer, with a pivot")
def commit_active():
    with Bench() as bench:
        guest = bench.start(image_format="qcow2")
        make_overlay(bench, "top.qcow2")
        guest.wait_progress(blocks=2)
        device = bench.device()
        heard = Heard(device)
        device.commit(None, None, Mig.BlockCopyFlags.ACTIVE, 0, None)
        device.wait_ready(30, None)
        tap.check_equal(device.get_job_info(None).get_kind().value_nick, "active-commit", "kind")
        device.pivot(None)
        heard.wait("finished")
        tap.check_equal(heard.finished, ("completed", None), "the end")
        bench.check_on(guest, bench.path("g1-a.img"), "qcow2")


@suite.case("commit of a lower layer ends by itself")
def commit_lower():
    with Bench() as bench:
        guest = bench.start(image_format="qcow2")
        for name in ("middle.qcow2", "top.qcow2"):
            make_overlay(bench, name)
            guest.wait_progress(blocks=2)
        device = bench.device()
        heard = Heard(device)
        device.commit(None, bench.path("middle.qcow2"), 0, 0, None)
        device.wait_ready(30, None)
        heard.wait("finished")
        tap.check_equal(heard.finished, ("completed", None), "the end")
        tap.check("middle.qcow2" not in guest.xml(), "the middle is not named any more")
        bench.check_on(guest, bench.path("top.qcow2"), "qcow2")


@suite.case("shallow copy of an overlay")
def shallow():
    with Bench() as bench:
        guest = bench.start(image_format="qcow2")
        make_overlay(bench, "top.qcow2")
        device = bench.device()
        device.copy(source(bench.path("n.qcow2"), "qcow2"), SHALLOW, 0, None)
        device.wait_ready(30, None)
        device.pivot(None)
        tap.check("g1-a.img" in guest.xml(), "the base is still below it")
        bench.check_on(guest, bench.path("n.qcow2"), "qcow2")


@suite.case("flags that the verb does not have")
def flags_of_others():
    with Bench() as bench:
        bench.start()
        device = bench.device()
        check_raises("invalid-argument", lambda: device.copy(source(bench.path("n.img"), "raw"),
                                                             Mig.BlockCopyFlags.ACTIVE, 0, None))
        check_raises("invalid-argument", lambda: device.rebase(None, TRANSIENT_JOB, 0, None))
        check_raises("invalid-argument", lambda: device.commit(None, None, REUSE, 0, None))


@suite.case("a second job, and verbs while a swap runs")
def busy():
    with Bench() as bench:
        guest = bench.start(fill=32)
        device = bench.device()
        device.copy(source(bench.path("n.img"), "raw"), 0, MIB, None)
        check_raises("busy", lambda: device.copy(source(bench.path("m.img"), "raw"), 0, 0, None))
        device.abort_job(Mig.BlockAbortFlags.NONE, None)
        swap = bench.new_swap(bench.path("s.img"), bandwidth=MIB)
        run = Run(swap.run, None)
        miglab.wait_for(bench.job, "the mirror to begin")
        for verb in (lambda: device.pivot(None), lambda: device.abort_job(Mig.BlockAbortFlags.NONE, None),
                     lambda: device.set_bandwidth(0, None), lambda: device.resize(96 * MIB, None),
                     lambda: device.copy(source(bench.path("m.img"), "raw"), 0, 0, None)):
            check_raises("busy", verb, "swap")
        tap.check_equal(device.get_job_info(None).get_kind().value_nick, "copy", "looking is allowed")
        swap.abort()
        check_raises("cancelled", run.finish)
        bench.check_on(guest, bench.path("g1-a.img"))


def check_look(bench, kind, state, target="vda"):
    """One question shows what the two do that it stands for; without the job it shows the domain."""
    driver, place = bench.cluster.get_property("driver"), (bench.cluster.find_host("hosta"), "g1")
    domain = driver.get_domain(*place, None)
    seen, job = driver.look(*place, target, None)
    tap.check_equal(job.get_kind().value_nick if job is not None else None, kind, "the disk's job")
    tap.check_equal((seen.get_state().value_nick, seen.get_job()), (state, domain.get_job()), "state and job")
    for read in (Mig.DomainInfo.get_definition, Mig.DomainInfo.get_persistent_definition, Mig.DomainInfo.get_id):
        tap.check_equal(read(seen), read(domain), read.__name__)
    return job


@suite.case("a look shows disk, job and domain at once")
def look():
    with Bench() as bench:
        guest = bench.start(fill=32, persistent=True)
        device = bench.device()
        check_look(bench, "none", "running")
        check_look(bench, None, "running", "vdz")
        device.copy(source(bench.path("n.img"), "raw"), TRANSIENT_JOB, 0, None)
        device.wait_ready(30, None)
        job = check_look(bench, "copy", "running")
        tap.check(job.is_ready() and job.get_current() > 0, "it is ready", job.get_current())
        device.abort_job(Mig.BlockAbortFlags.NONE, None)
        guest.destroy(undefine=False)
        check_look(bench, None, "shut-off")
        check_raises("not-found", lambda: bench.cluster.get_property("driver").look(
            bench.cluster.find_host("hosta"), "nobody", "vda", None))


@suite.case("a job that another process started")
def adopted():
    with Bench() as bench:
        guest = bench.start(fill=32)
        bench.copy_by_hand("g1", bench.path("n.img"), 32 * MIB)
        device = bench.device()
        heard = Heard(device)
        device.wait_ready(30, None)
        tap.check("ready" in heard.words, "the signal", heard.words)
        device.pivot(None)
        bench.check_on(guest, bench.path("n.img"))


@suite.case("signals come in the main context of who started the job")
def signals_in_context():
    with Bench() as bench:
        bench.start(fill=32)
        device = bench.device()
        heard = Heard(device)
        device.copy(source(bench.path("n.img"), "raw"), 0, 16 * MIB, None)
        heard.wait("ready")
        tap.check(any(word[0] == "progress" for word in heard.words), "progress", heard.words)
        device.abort_job(Mig.BlockAbortFlags.NONE, None)
        heard.wait("finished")
        tap.check_equal(heard.words[-1], "finished", "the last word")


sys.exit(suite.main())
