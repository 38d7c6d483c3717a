#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Swaps in which something goes wrong: each ends in the world as it was before, or on the new volume, and says why."""

import contextlib
import os
import re
import subprocess
import sys
import time

from swaplab import Bench, MIB, Run, check_raises, libvirt, make_suite, miglab, run_client, start_client, tap

suite = make_suite()
SLOW = {"bandwidth": 8 * MIB}


def start_slow(bench, destination, **settings):
    """A swap that has begun to copy and will take a few seconds."""
    swap = bench.new_swap(destination, **{**SLOW, **settings})
    run = Run(swap.run, None)
    miglab.wait_for(lambda: not run.is_alive() or bench.job(), "the mirror to begin")
    tap.check(run.is_alive(), "the swap runs", run.error)
    return swap, run


def check_undone(bench, guest, swap, status, *files):
    tap.check_equal(swap.get_status().value_nick, status, "status")
    bench.check_on(guest, bench.path("g1-a.img"))
    bench.check_files(bench.path("g1-a.img"), *files)
    bench.check_no_scratch()


def make_small(bench):
    """A directory of hosta with little room."""
    small = bench.path("small")
    bench.hosta.run("mkdir", small)
    bench.hosta.run("mount", "-t", "tmpfs", "-o", "size=16M", "tmpfs", small)
    return small


@suite.case("the destination is full")
def full():
    with Bench() as bench:
        guest = bench.start(fill=32)
        small = make_small(bench)
        swap = bench.new_swap(f"{small}/n.img")
        check_raises("failed", lambda: swap.run(None), "no space left", f"{small}/n.img")
        check_undone(bench, guest, swap, "failed")
        tap.check_equal(bench.hosta.run("ls", small).stdout, "", "what is left there")


@suite.case("the destination is full, and its format is qcow2")
def full_qcow2():
    with Bench() as bench:
        guest = bench.start(fill=32)
        small = make_small(bench)
        swap = bench.new_swap(f"{small}/n.qcow2", "qcow2")
        check_raises("failed", lambda: swap.run(None), "no space left", f"{small}/n.qcow2")
        check_undone(bench, guest, swap, "failed")
        tap.check_equal(bench.hosta.run("ls", small).stdout, "", "what is left there")


@suite.case("the destination cannot be written")
def destination_fails():
    with Bench() as bench:
        guest = bench.start()
        server = miglab.serve_nbdkit(bench.hosta, ["memory", "64M", "error-pwrite-rate=100%"], filters=["error"])
        swap = bench.new_swap(server.uri, reuse=True)
        check_raises("failed", lambda: swap.run(None), "I/O error", server.uri)
        check_undone(bench, guest, swap, "failed")


@suite.case("the old volume cannot be read")
def source_fails():
    with Bench() as bench:
        failing = bench.path("failing")
        server = miglab.serve_nbdkit(bench.hosta, ["memory", "64M", "error-pread-rate=100%",
                                                   f"error-pread-file={failing}"], filters=["error"])
        guest = bench.lab.start_guest("hosta", "g1", [miglab.Disk(server.uri)], fill=16)
        with open(bench.hosta.outside(failing), "wb"):
            pass
        swap = bench.new_swap(bench.path("n.img"))
        check_raises("failed", lambda: swap.run(None), "vda", "I/O error")
        os.unlink(bench.hosta.outside(failing))
        tap.check_equal(swap.get_status().value_nick, "failed", "status")
        bench.check_on(guest, server.uri)
        bench.check_files()


def start_in_pool(bench):
    """A guest whose definition names its volume by a pool; and that pool."""
    guest = bench.start(persistent=True)
    guest.destroy(undefine=False)
    path, place = bench.path("g1-a.img"), bench.path("data/g1-a.img")
    os.mkdir(bench.hosta.outside(bench.path("data")))
    os.rename(bench.hosta.outside(path), bench.hosta.outside(place))
    with bench.hosta.connect() as connection:
        pool = connection.storagePoolDefineXML(
            f"<pool type='dir'><name>data</name><target><path>{os.path.dirname(place)}</path></target></pool>")
        pool.create()
        definition, count = re.subn(rf"<disk type='file'([^>]*>(?:(?!</disk>).)*)<source file='{path}'[^>]*/>",
                                    r"<disk type='volume'\1<source pool='data' volume='g1-a.img'/>",
                                    guest.xml(inactive=True), flags=re.DOTALL)
        tap.check_equal(count, 1, "disks of the definition")
        connection.defineXML(definition).create()
    guest.wait_counting()
    return guest, place


@contextlib.contextmanager
def pool_of(bench):
    with bench.hosta.connect() as connection:
        yield connection.storagePoolLookupByName("data")


def drop_pool(bench):
    with pool_of(bench) as pool:
        pool.destroy()
        pool.undefine()


@suite.case("the pool that a definition names is gone: the guest is swapped all the same")
def pool_lost():
    with Bench() as bench:
        guest, place = start_in_pool(bench)
        drop_pool(bench)
        tap.check("pool='data'" in guest.xml(), "the definition names the pool")
        swap = bench.swap(bench.path("n.img"))
        tap.check_equal(swap.dup_debts(), [], "debts")
        bench.check_on(guest, bench.path("n.img"), persistent=True)
        bench.check_files(place, bench.path("n.img"))


@suite.case("the volume was deleted under the guest: QEMU does not switch, and the error says why")
def volume_deleted():
    with Bench() as bench:
        guest, place = start_in_pool(bench)
        with pool_of(bench) as pool:
            pool.storageVolLookupByName("g1-a.img").delete(0)
        swap = bench.new_swap(bench.path("n.img"))
        check_raises("failed", lambda: swap.run(None), place, "vda", "does not exist any more")
        tap.check_equal(swap.get_status().value_nick, "failed", "status")
        tap.check("volume='g1-a.img'" in guest.xml(), "the guest is where it was", guest.xml())
        check_running(bench)
        tap.check_equal(bench.job(), {}, "the disk's job")
        bench.check_files()
        drop_pool(bench)


@suite.case("the user aborts it")
def aborted():
    with Bench() as bench:
        guest = bench.start()
        swap, run = start_slow(bench, bench.path("n.img"))
        began = time.monotonic()
        tap.check(swap.abort(), "abort is accepted")
        check_raises("cancelled", run.finish)
        tap.check(time.monotonic() - began < 2, "the abort is quick", time.monotonic() - began)
        check_undone(bench, guest, swap, "cancelled")


@suite.case("a reused destination is not deleted when the swap is undone")
def aborted_reuse():
    with Bench() as bench:
        guest = bench.start()
        bench.volume(bench.path("n.img"))
        swap, run = start_slow(bench, bench.path("n.img"), reuse=True)
        swap.abort()
        check_raises("cancelled", run.finish)
        check_undone(bench, guest, swap, "cancelled", bench.path("n.img"))


@suite.case("after the end abort is refused")
def abort_late():
    with Bench() as bench:
        guest = bench.start()
        swap = bench.swap(bench.path("n.img"))
        check_raises("invalid-state", swap.abort)
        bench.check_on(guest, bench.path("n.img"))


@suite.case("it takes longer than it may")
def time_limit():
    with Bench() as bench:
        guest = bench.start()
        swap = bench.new_swap(bench.path("n.img"), bandwidth=MIB, time_limit=0.5)
        check_raises("timed-out", lambda: swap.run(None), "vda", "0.5")
        check_undone(bench, guest, swap, "failed")


@suite.case("somebody else aborts the job")
def aborted_elsewhere():
    with Bench() as bench:
        guest = bench.start()
        swap, run = start_slow(bench, bench.path("n.img"))
        with bench.domain() as domain:
            domain.blockJobAbort("vda")
        check_raises("conflict", run.finish, "somebody else")
        check_undone(bench, guest, swap, "failed")


@suite.case("the guest is destroyed in the middle: a transient one is gone")
def destroyed_transient():
    with Bench() as bench:
        guest = bench.start()
        swap, run = start_slow(bench, bench.path("n.img"))
        guest.destroy()
        check_raises("not-found", run.finish, "does not exist")
        tap.check_equal(swap.get_status().value_nick, "failed", "status")
        bench.check_files(bench.path("g1-a.img"))


@suite.case("the guest is destroyed in the middle: a persistent one is shut off, on its old volume")
def destroyed_persistent():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        swap, run = start_slow(bench, bench.path("n.img"))
        guest.destroy(undefine=False)
        check_raises("invalid-state", run.finish, "stopped")
        tap.check_equal(swap.get_status().value_nick, "failed", "status")
        tap.check_equal(guest.disks(inactive=True)["vda"].path, bench.path("g1-a.img"), "the definition's source")
        bench.check_files(bench.path("g1-a.img"))
        with bench.domain() as domain:
            domain.create()
        guest.wait_counting()
        bench.check_on(guest, bench.path("g1-a.img"))


@suite.case("the guest's QEMU dies in the middle")
def crashed():
    with Bench() as bench:
        bench.start()
        swap, run = start_slow(bench, bench.path("n.img"))
        bench.hosta.kill_qemu("g1")
        check_raises("not-found", run.finish)
        tap.check_equal(swap.get_status().value_nick, "failed", "status")
        bench.check_files(bench.path("g1-a.img"))


@suite.case("libvirtd is killed in the middle and comes back")
def daemon_killed():
    with Bench() as bench:
        guest = bench.start(fill=32)
        swap, run = start_slow(bench, bench.path("n.img"))
        bench.hosta.daemon.kill()
        bench.hosta.daemon.start()
        tap.check(run.finish(), "the swap's result")
        tap.check_equal(swap.get_status().value_nick, "completed", "status")
        bench.check_on(guest, bench.path("n.img"))


@suite.case("libvirtd is killed while a swap is being aborted")
def daemon_killed_in_abort():
    with Bench() as bench:
        guest = bench.start(fill=32)
        swap, run = start_slow(bench, bench.path("n.img"))
        # Frozen, it takes the request and does nothing about it.
        bench.hosta.daemon.freeze()
        swap.abort()
        run.join(0.5)
        bench.hosta.daemon.restart()
        check_raises("cancelled", run.finish)
        check_undone(bench, guest, swap, "cancelled")


@suite.case("libvirtd is killed in the middle, and the mirror is ready when it comes back")
def daemon_killed_long():
    with Bench() as bench:
        guest = bench.start(fill=16)
        _, run = start_slow(bench, bench.path("n.img"))
        bench.hosta.daemon.kill()
        # 16 MiB at 8 MiB/s: by then QEMU has it all.
        run.join(3)
        tap.check(run.is_alive(), "the swap waits", run.error)
        bench.hosta.daemon.start()
        tap.check(run.finish(), "the swap's result")
        bench.check_on(guest, bench.path("n.img"))


@suite.case("libvirtd stands still in the middle for longer than a query may take", timeout=180)
def daemon_frozen():
    with Bench() as bench:
        guest = bench.start(fill=32)
        _, run = start_slow(bench, bench.path("n.img"), bandwidth=4 * MIB)
        bench.hosta.daemon.freeze()
        run.join(12)
        tap.check(run.is_alive(), "the swap waits", run.error)
        bench.hosta.daemon.thaw()
        tap.check(run.finish(), "the swap's result")
        bench.check_on(guest, bench.path("n.img"))


@suite.case("no event ever comes")
def no_events():
    with Bench() as bench:
        guest = bench.start(fill=32, persistent=True)
        out = run_client(bench, {"store": f"{bench.lab.directory}/ops.db", "destination": bench.path("n.img"),
                                 "events": False})
        tap.check_equal(out.split(), ["check", "prepare", "transfer", "switchover", "finish", "done"], "phases")
        bench.check_on(guest, bench.path("n.img"), persistent=True)


@suite.case("the same, and somebody aborts the job: it ends, and says that nothing tells why")
def no_events_aborted():
    with Bench() as bench:
        guest = bench.start(fill=32)
        process = start_client(bench, {"store": f"{bench.lab.directory}/ops.db", "destination": bench.path("n.img"),
                                       "events": False, "options": SLOW}, stderr=subprocess.PIPE)
        miglab.wait_for(bench.job, "the mirror to begin")
        with bench.domain() as domain:
            domain.blockJobAbort("vda")
        _, said = process.communicate(timeout=60)
        tap.check(process.returncode == 1, "exit status", process.returncode)
        tap.check("nothing tells whether somebody aborted it or it failed" in said, "why it ended", said)
        bench.check_on(guest, bench.path("g1-a.img"))


@suite.case("two swaps to one destination: one wins")
def same_destination():
    with Bench() as bench:
        guests = [bench.start(name, memory=32, blocks=32) for name in ("g1", "g2")]
        bench.volume(bench.path("n.img"))
        swaps = [bench.new_swap(bench.path("n.img"), name=guest.name, reuse=True, **SLOW) for guest in guests]
        runs = [Run(swap.run, None) for swap in swaps]
        for run in runs:
            run.join(60)
        codes = sorted("" if run.error is None else run.error.message for run in runs)
        tap.check_equal(codes[0], "", "the winner's error")
        tap.check(bench.path("n.img") in codes[1], "the loser's error", codes[1])
        for guest, run in zip(guests, runs):
            path = bench.path("n.img" if run.error is None else f"{guest.name}-a.img")
            bench.check_on(guest, path)


@suite.case("the copy differs: the comparison finds the byte, and the guest goes on where it was")
def copy_differs():
    with Bench() as bench:
        guest = bench.start(fill=16)

        def spoil(kind, _step):
            if kind == "pausing":
                with open(bench.hosta.outside(bench.path("n.img")), "r+b") as file:
                    file.seek(50 * MIB)
                    file.write(b"spoilt")

        bench.store.before_line = spoil
        swap = bench.new_swap(bench.path("n.img"), verify=True)
        check_raises("failed", lambda: swap.run(None), "differs", str(50 * MIB))
        check_running(bench)
        check_undone(bench, guest, swap, "failed")


def check_running(bench):
    with bench.domain() as domain:
        tap.check_equal(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING, "state")


@suite.case("the comparison takes longer than the guest may stand still")
def pause_too_long():
    with Bench() as bench:
        guest = bench.start(fill=48)
        swap = bench.new_swap(bench.path("n.img"), verify=True, max_pause=0.005)
        check_raises("timed-out", lambda: swap.run(None), "0.005")
        check_running(bench)
        check_undone(bench, guest, swap, "failed")


def define_meanwhile(bench, guest, path):
    """Swaps, while the persistent definition comes to name another path; returns what was decided."""
    swap = bench.new_swap(bench.path("n.img"), **SLOW)
    decisions = []
    swap.connect("decision", lambda _swap, text, _inputs: decisions.append(text))
    run = Run(swap.run, None)
    miglab.wait_for(bench.job, "the mirror to begin")
    with bench.hosta.connect() as connection:
        connection.defineXML(guest.xml(inactive=True).replace(bench.path("g1-a.img"), path))
    tap.check(run.finish(), "the swap's result")
    tap.check_equal(swap.dup_debts(), [], "debts")
    return decisions


@suite.case("a definition that libvirt did not rewrite is rewritten")
def definition_follows():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        # libvirt rewrites a definition only if it names the old volume as the running guest did.
        decisions = define_meanwhile(bench, guest, bench.path("/g1-a.img"))
        bench.check_on(guest, bench.path("n.img"), persistent=True)
        tap.check_equal(decisions, [], "decisions")


@suite.case("a definition that comes to name another volume on purpose is left alone")
def definition_leaves():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        decisions = define_meanwhile(bench, guest, "/elsewhere.img")
        tap.check_equal(guest.disks(inactive=True)["vda"].path, "/elsewhere.img", "the definition's source")
        bench.check_on(guest, bench.path("n.img"))
        tap.check(any("/elsewhere.img" in text for text in decisions), "a decision", decisions)


@suite.case("a definition that names another volume on purpose is left alone")
def definition_apart():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        with bench.hosta.connect() as connection:
            connection.defineXML(guest.xml(inactive=True).replace(bench.path("g1-a.img"), "/elsewhere.img"))
        swap = bench.swap(bench.path("n.img"))
        tap.check_equal(swap.dup_debts(), [], "debts")
        tap.check_equal(guest.disks(inactive=True)["vda"].path, "/elsewhere.img", "the definition's source")
        bench.check_on(guest, bench.path("n.img"))


sys.exit(suite.main())
