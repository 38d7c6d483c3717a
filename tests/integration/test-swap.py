#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Swapping the volume below a disk of a running guest, on real libvirt and QEMU, where all goes well."""

import itertools
import json
import sys
import xml.etree.ElementTree as ElementTree

from swaplab import (Bench, Lifecycle, MIB, Run, check_raises, libvirt, make_suite, miglab, options, source, steps_of,
                     tap)

suite = make_suite()


def check_swapped(bench, guest, swap, path, image_format="raw", persistent=False):
    tap.check_equal(swap.get_status().value_nick, "completed", "status")
    tap.check_equal(swap.dup_debts(), [], "debts")
    bench.check_on(guest, path, image_format, persistent=persistent)
    bench.check_no_scratch()


def check_recorded(bench, swap, before):
    """The definitions from before the swap are in the journal, line for line."""
    recorded = {}
    for line in json.loads(bench.cluster.dup_journal(swap.get_id(), None)):
        recorded.update(line.get("facts", {}))
    for name, xml in before.items():
        tap.check_equal(recorded.get(name, "").splitlines(), xml.splitlines(), name)


@suite.case("a persistent guest: both definitions follow, the old volume stays, eight commits at most")
def persistent():
    with Bench() as bench:
        guest = bench.start(persistent=True, fill=32)
        before = {"definition": guest.xml(), "persistent-definition": guest.xml(inactive=True)}
        commits = bench.store.commits
        with Lifecycle(bench.hosta) as lifecycle:
            swap = bench.swap(bench.path("new.img"))
            lifecycle.settle()
        tap.check_equal(lifecycle.count("g1", libvirt.VIR_DOMAIN_EVENT_UNDEFINED), 0, "the domain was undefined")
        check_recorded(bench, swap, before)
        tap.check(bench.store.commits - commits <= 8, "commits", bench.store.commits - commits)
        check_swapped(bench, guest, swap, bench.path("new.img"), persistent=True)
        bench.check_files(bench.path("g1-a.img"), bench.path("new.img"))
        tap.check_equal(guest.disks()["vda"].serial, "g1-0", "serial")
        tap.check_equal(guest.disks(inactive=True)["vda"].serial, "g1-0", "serial in the definition")
        tap.check(miglab.check_image(bench.hosta, bench.path("g1-a.img"))["ok"], "the old volume is whole")
        tap.check_equal(steps_of(bench.cluster, swap)[-1], ("end", None), "the end of the journal")


@suite.case("a transient guest, from volume to volume and back")
def transient():
    with Bench() as bench:
        guest = bench.start()
        for name in ("b.img", "c.img"):
            check_swapped(bench, guest, bench.swap(bench.path(name)), bench.path(name))
        check_swapped(bench, guest, bench.swap(bench.path("g1-a.img"), reuse=True), bench.path("g1-a.img"))


def check_formats(old, new):
    with Bench() as bench:
        guest = bench.start(image_format=old, persistent=True)
        # The destination's format is the disk's unless another is asked for.
        swap = bench.swap(bench.path("new.img"), new if new != old else None)
        check_swapped(bench, guest, swap, bench.path("new.img"), new, persistent=True)
        tap.check_equal(miglab.virtual_size(bench.hosta, bench.path("new.img"), new), 64 * MIB, "length")


for pair in itertools.product(("raw", "qcow2"), repeat=2):
    suite.add(f"{pair[0]} to {pair[1]}", lambda pair=pair: check_formats(*pair))


@suite.case("the format as an option")
def format_option():
    with Bench() as bench:
        guest = bench.start()
        check_swapped(bench, guest, bench.swap(bench.path("new.img"), format="qcow2"), bench.path("new.img"), "qcow2")


@suite.case("an overlay becomes one volume, without its base")
def overlay():
    with Bench() as bench:
        guest = bench.start(image_format="qcow2")
        with bench.domain() as domain:
            domain.snapshotCreateXML(
                f"<domainsnapshot><disks><disk name='vda'><source file='{bench.path('top.qcow2')}'/></disk></disks>"
                "</domainsnapshot>", libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
                libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)
        guest.wait_progress(blocks=2)
        check_swapped(bench, guest, bench.swap(bench.path("new.qcow2")), bench.path("new.qcow2"), "qcow2")
        tap.check("g1-a.img" not in guest.xml(), "the base is not named any more")
        text = bench.hosta.run("qemu-img", "info", "-U", bench.path("new.qcow2")).stdout
        tap.check("backing" not in text, "no backing file", text)


@suite.case("to a loop device and back to a file")
def loop_device():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        device, path = miglab.make_loop(bench.hosta, bench.path("loop.img"), "64M")
        swap = bench.swap(device, reuse=True)
        check_swapped(bench, guest, swap, device, persistent=True)
        tap.check("type='block'" in guest.xml(), "a block device in the definition")
        check_swapped(bench, guest, bench.swap(bench.path("back.img")), bench.path("back.img"), persistent=True)
        tap.check(miglab.check_image(bench.hosta, path)["ok"], "what is left on the device")


@suite.case("to an export of an NBD server and back to a file")
def nbd():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        server = miglab.serve_nbdkit(bench.hosta, ["memory", "64M"], export="there")
        check_swapped(bench, guest, bench.swap(server.uri, reuse=True), server.uri, persistent=True)
        guest.wait_progress(blocks=2)
        check_swapped(bench, guest, bench.swap(bench.path("back.img")), bench.path("back.img"), persistent=True)
        server.stop()


@suite.case("a paused guest stays paused")
def paused():
    with Bench() as bench:
        guest = bench.start()
        with bench.domain() as domain:
            domain.suspend()
            bench.swap(bench.path("new.img"))
            tap.check_equal(domain.state()[0], libvirt.VIR_DOMAIN_PAUSED, "state")
            domain.resume()
        bench.check_on(guest, bench.path("new.img"))


@suite.case("several disks of one guest at once")
def several_disks():
    with Bench() as bench:
        guest = bench.start(disks=3, persistent=True)
        targets = ("vda", "vdb", "vdc")
        swaps = [bench.new_swap(bench.path(f"new-{target}.img"), target=target, bandwidth=MIB) for target in targets]
        runs = [Run(swap.run, None) for swap in swaps]
        bench.wait_jobs(*(("g1", target) for target in targets))
        for target, run in zip(targets, runs):
            bench.hurry(target)
            tap.check(run.finish(), "the swap's result")
        for target in targets:
            bench.check_on(guest, bench.path(f"new-{target}.img"), target=target, persistent=True)


@suite.case("ten guests at once")
def several_guests():
    with Bench() as bench:
        names = [f"g{number}" for number in range(10)]
        small = {"memory": 32, "blocks": 16, "fill": 4, "size": "8M"}
        guests = {name: bench.start(name, wait=False, **small) for name in names}
        for guest in guests.values():
            guest.wait_counting()
        swaps = {name: bench.new_swap(bench.path(f"new-{name}.img"), name=name, bandwidth=MIB >> 2) for name in names}
        runs = {name: Run(swap.run, None) for name, swap in swaps.items()}
        bench.wait_jobs(*((name, "vda") for name in names))
        for name in names:
            bench.hurry(name=name)
        for name in names:
            tap.check(runs[name].finish(), "the swap's result")
            bench.check_on(guests[name], bench.path(f"new-{name}.img"))


@suite.case("bandwidth, granularity and synchronous writes reach the hypervisor")
def knobs():
    with Bench() as bench:
        guest = bench.start()
        asked = bench.new_swap(bench.path("new.img"), bandwidth=3 * MIB, granularity=131072, synchronous=True)
        tap.check_equal(look_at_mirror(bench, asked), (3 * MIB, [131072], True), "what was asked for")
        bench.check_on(guest, bench.path("new.img"))
        plain = bench.new_swap(bench.path("g1-a.img"), bandwidth=2 * MIB, reuse=True)
        tap.check_equal(look_at_mirror(bench, plain), (2 * MIB, [65536], False), "what was not")
        bench.check_on(guest, bench.path("g1-a.img"))


def look_at_mirror(bench, swap):
    """Speed, granularities and whether it is synchronous: what QEMU and libvirtd say of the mirror of a swap, which is
    then let run to its end."""
    run = Run(swap.run, None)
    miglab.wait_for(bench.job, "the mirror to begin")
    speed = bench.qmp("query-block-jobs")[0]["speed"]
    granularities = sorted({bitmap["granularity"] for node in bench.qmp("query-named-block-nodes")
                            for bitmap in node.get("dirty-bitmaps", [])})
    # QEMU does not tell its copy mode. libvirtd writes down with what flags it made the job.
    with open(bench.hosta.outside("/run/libvirt/qemu/g1.xml"), encoding="utf-8") as file:
        job = ElementTree.parse(file).find(".//blockjobs/blockjob")
    flags = int(job.get("jobflags"), 0)
    bench.hurry()
    tap.check(run.finish(), "the swap's result")
    return speed, granularities, flags & libvirt.VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES != 0


@suite.case("progress goes up to the end, in bytes")
def progress():
    with Bench() as bench:
        bench.start(fill=48)
        swap = bench.new_swap(bench.path("new.img"), bandwidth=16 * MIB)
        seen = []
        swap.connect("progress", lambda _swap, what: seen.append(
            (what.get_fraction(), what.get_disk_processed(), what.get_disk_total())))
        swap.run(None)
        fractions = [fraction for fraction, _, _ in seen]
        tap.check_equal(fractions, sorted(fractions), "fractions")
        tap.check_equal(fractions[-1], 1.0, "the last fraction")
        moving = [(processed, total) for _, processed, total in seen if total > 0]
        tap.check(any(0 < processed < total for processed, total in moving), "progress in between", moving)
        tap.check(all(total >= 48 * MIB for _, total in moving), "totals", moving)


@suite.case("the disk grows when it is on its new volume")
def resize():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        swap = bench.swap(bench.path("new.img"), resize_to=96 * MIB)
        check_swapped(bench, guest, swap, bench.path("new.img"), persistent=True)
        with bench.domain() as domain:
            tap.check_equal(domain.blockInfo("vda")[0], 96 * MIB, "length")
        tap.check_equal(miglab.virtual_size(bench.hosta, bench.path("g1-a.img")), 64 * MIB, "length of the old volume")


@suite.case("a device that is longer than the disk: the disk grows first")
def grow_first():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        device, _ = miglab.make_loop(bench.hosta, bench.path("loop.img"), "96M")
        check_raises("invalid-argument", lambda: bench.swap(device, reuse=True), str(64 * MIB), str(96 * MIB))
        swap = bench.swap(device, reuse=True, resize_to=96 * MIB)
        check_swapped(bench, guest, swap, device, persistent=True)
        with bench.domain() as domain:
            tap.check_equal(domain.blockInfo("vda")[0], 96 * MIB, "length")


def check_longer(image_format):
    with Bench() as bench:
        guest = bench.start(persistent=True, image_format=image_format)
        there = bench.volume(bench.path("longer.img"), "96M", image_format)
        swap = bench.swap(there, image_format, reuse=True, resize_to=96 * MIB)
        check_swapped(bench, guest, swap, there, image_format, persistent=True)
        with bench.domain() as domain:
            tap.check_equal(domain.blockInfo("vda")[0], 96 * MIB, "length")


for kind in ("raw", "qcow2"):
    suite.add(f"a file of {kind} that is longer than the disk: the disk grows first",
              lambda kind=kind: check_longer(kind))


@suite.case("a disk of qcow2 grows when it is on its new volume")
def resize_qcow2():
    with Bench() as bench:
        guest = bench.start()
        swap = bench.swap(bench.path("new.qcow2"), "qcow2", resize_to=96 * MIB)
        check_swapped(bench, guest, swap, bench.path("new.qcow2"), "qcow2")
        tap.check_equal(miglab.virtual_size(bench.hosta, bench.path("new.qcow2"), "qcow2"), 96 * MIB, "length")


@suite.case("growing that fails is a debt, and the guest stays on its new volume")
def resize_fails():
    with Bench() as bench:
        guest = bench.start()
        device, _ = miglab.make_loop(bench.hosta, bench.path("loop.img"), "64M")
        swap = bench.swap(device, reuse=True, resize_to=96 * MIB)
        tap.check_equal(swap.get_status().value_nick, "completed", "status")
        debts = swap.dup_debts()
        tap.check(len(debts) == 1 and "disk.resize" in debts[0] and str(96 * MIB) in debts[0], "debts", debts)
        bench.check_on(guest, device)


@suite.case("both images are compared before the switch")
def verify():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        swap = bench.swap(bench.path("new.img"), verify=True)
        check_swapped(bench, guest, swap, bench.path("new.img"), persistent=True)
        with bench.domain() as domain:
            tap.check_equal(domain.state()[0], libvirt.VIR_DOMAIN_RUNNING, "state")


@suite.case("asking twice with one key")
def key():
    with Bench() as bench:
        guest = bench.start()
        bench.swap(bench.path("new.img"), key="k1")
        commits = bench.store.commits
        again = bench.swap(bench.path("new.img"), key="k1")
        tap.check_equal(again.get_status().value_nick, "completed", "status")
        tap.check_equal(bench.store.commits, commits, "commits")
        check_raises("conflict", lambda: bench.swap(bench.path("other.img"), key="k1"))
        bench.check_on(guest, bench.path("new.img"))


@suite.case("the device repeats the swap's signals")
def signals():
    with Bench() as bench:
        bench.start()
        device, phases, seen = bench.device(), [], []
        device.connect("phase-changed", lambda _device, _old, new: phases.append(new.value_nick))
        device.connect("progress", lambda _device, what: seen.append(what.get_fraction()))
        tap.check(device.swap(source(bench.path("new.img")), options(), None), "the swap's result")
        tap.check_equal(phases, ["check", "prepare", "transfer", "switchover", "finish", "done"], "phases")
        tap.check_equal(seen[-1], 1.0, "the last fraction")


@suite.case("a probe that is left behind is found")
def probe_left_behind():
    with Bench() as bench, bench.hostb.connect() as connection:
        bench.check_no_scratch()
        probe = connection.defineXML("<domain type='qemu'><name>libmig-probe-1</name><memory>1024</memory><os>"
                                     "<type arch='x86_64'>hvm</type></os></domain>")
        with tap.check_raises(AssertionError, "libmig-probe-1"):
            bench.check_no_scratch()
        probe.undefine()


sys.exit(suite.main())
