#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The counting guest: it counts, it survives being moved, and its checks find what is wrong."""

import contextlib
import os
import sys

import tap
from miglab import require

tap.skip_all_if(require.missing())

# pylint: disable=wrong-import-position
import libvirt

from miglab import (Disk, Lab, check_image, create, drop_loop, make_loop, parse_disks, serve_nbdkit, serve_qemu_nbd,
                    wait_for)
from miglab import counter
from miglab.guest import monitor, parse_rate

LIVE = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_ABORT_ON_ERROR
suite = tap.Suite()
labs = contextlib.ExitStack()
suite.at_end(labs.close)


def the_lab(_cache=[]):
    if not _cache:
        _cache.append(labs.enter_context(Lab()))
    return _cache[0]


@contextlib.contextmanager
def a_guest(name, *disks, host="hosta", **options):
    """A guest that is gone afterwards, wherever it went, and its disks with it."""
    lab = the_lab()
    guest = lab.start_guest(host, name, disks, **options)
    try:
        yield guest
    finally:
        for one in lab.hosts.values():
            if name in one.domains():
                guest.on(one).destroy()
            one.remove_files()


def whole(guest, **options):
    report = guest.verify(**options)
    tap.check(report["ok"] and report["ram_ok"] and report["progressing"], "not whole", report)
    return report


def migrate(guest, to, flags=libvirt.VIR_MIGRATE_UNSAFE, **parameters):
    with guest.domain() as domain:
        domain.migrateToURI3(to.peer_uri, parameters, LIVE | flags)
    return guest.on(to)


def poke(domain, address, data):
    """Writes into the guest's RAM behind its back; returns what was there."""
    where = int(monitor(domain, f"gpa2hva {address:#x}").split()[-1], 16)
    process = the_lab().host("hosta").qemus()[domain.name()]
    with open(f"/proc/{process.pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(where)
        before = memory.read(len(data))
        memory.seek(where)
        memory.write(data)
    return before


@suite.case("counts in RAM and on two disks")
def counts():
    lab = the_lab()
    with a_guest("g", Disk(lab.shared("a.img"), size="16M"), Disk(lab.shared("b.qcow2"), "qcow2", size="16M"),
                 rate="500p", random=20, fill=4, every=1) as guest:
        tap.check_equal(guest.state()[0], libvirt.VIR_DOMAIN_RUNNING)
        first = whole(guest)
        guest.wait_progress(ticks=10, blocks=10)
        second = whole(guest)
        tap.check(second["seq"] > first["seq"] and second["ticks"] > first["ticks"], "stands still", first, second)
        tap.check_equal(second["disk_ok"], True)
        tap.check_equal(guest.state()[0], libvirt.VIR_DOMAIN_RUNNING, "state afterwards")


@suite.case("goes round its slots on disk")
def wraps():
    with a_guest("g", Disk(the_lab().shared("a.img"), size="8M"), blocks=4, every=1) as guest:
        guest.wait_progress(blocks=10)
        tap.check_equal(whole(guest)["disk_ok"], True)


@suite.case("dirties as much as it was told")
def dirties():
    tap.check_equal(parse_rate("500p"), 500)
    tap.check_equal(parse_rate("flat"), 0)
    tap.check_equal(parse_rate("10M"), 141)
    with a_guest("g", rate="300p") as guest:
        pages = guest.parameters().pages

        def written(found):
            return (found.number - 1) * pages + found.cur

        before = guest.counters()
        guest.wait_progress(ticks=20)
        after = guest.counters()
        per_tick = (written(after) - written(before)) / (after.ticks - before.ticks)
        tap.check(270 <= per_tick <= 330, "pages per tick", per_tick)


@suite.case("idles after one pass, and still counts ticks")
def idles():
    with a_guest("g", rate="idle") as guest:
        before = guest.counters()
        guest.wait_progress(ticks=5)
        after = guest.counters()
        tap.check_equal((after.number, after.cur), (2, 0))
        tap.check(after.ticks >= before.ticks + 5, "ticks", before, after)
        whole(guest)


@suite.case("needs no disk")
def diskless():
    with a_guest("g", rate="flat", random=200) as guest:
        tap.check_equal(whole(guest)["disk_ok"], None)


@suite.case("stays paused when it was paused")
def paused():
    with a_guest("g", Disk(the_lab().shared("a.img"), size="8M")) as guest:
        with guest.domain() as domain:
            domain.suspend()
        report = guest.verify()
        tap.check(report["ok"] and report["progressing"] is None, "report", report)
        tap.check_equal(guest.state()[0], libvirt.VIR_DOMAIN_PAUSED)


@suite.case("moves there and back on shared disks, raw and qcow2")
def moves_shared():
    lab = the_lab()
    for rate, image in (("idle", "raw"), ("38M", "qcow2")):
        path = lab.shared(f"disk.{image}")
        with a_guest("g", Disk(path, image, size="16M"), rate=rate, fill=2, every=1) as guest:
            before = guest.counters()
            for to in ("hostb", "hosta"):
                guest = migrate(guest, lab.host(to))
                report = whole(guest)
                tap.check_equal(lab.leftovers((guest, [path])), [], f"left over on the way to {to}")
            tap.check(report["seq"] > before.seq, "wrote nothing", before, report)
            tap.check_equal(report["nonce"], before.nonce, "it booted again")


@suite.case("moves with two local disks, and the definition follows")
def moves_local():
    lab = the_lab()
    hostb = lab.host("hostb")
    paths = [lab.host("hosta").path(name) for name in ("a.img", "b.qcow2")]
    with a_guest("g", Disk(paths[0], size="16M"), Disk(paths[1], "qcow2", size="16M"), persistent=True,
                 rate="500p", fill=8, every=1) as guest:
        create(hostb, paths[0], "16M")
        create(hostb, paths[1], "16M", "qcow2")
        guest = migrate(guest, hostb, libvirt.VIR_MIGRATE_NON_SHARED_DISK | libvirt.VIR_MIGRATE_PERSIST_DEST
                        | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE)
        report = whole(guest)
        tap.check_equal(report["disk_ok"], True)
        left = lab.leftovers((guest, paths))
        tap.check_equal(left, [f"file {path} on hosta" for path in paths])
        tap.check_equal(hostb.domains()["g"]["persistent"], True)
        for path, image in zip(paths, ("raw", "qcow2")):
            found = check_image(lab.host("hosta"), path, image, paths.index(path))
            tap.check(found["ok"] and 0 < found["seq"] <= report["seq"], "the source's image", found)


@suite.case("is whole before, during and after a swap of its disk")
def swaps():
    lab = the_lab()
    old, new = lab.shared("old.img"), lab.shared("new.qcow2")
    with a_guest("g", Disk(old, size="64M"), every=1, fill=16) as guest, guest.domain() as domain:
        domain.blockCopy("vda", f"<disk type='file'><source file='{new}'/><driver type='qcow2'/></disk>", {},
                         libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)
        tap.check_equal(guest.block_jobs(), ["vda"])
        whole(guest)
        wait_for(lambda: "ready='yes'" in domain.XMLDesc(), "the mirror to be ready")
        domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        guest.wait_progress(blocks=5)
        tap.check_equal(guest.disks()["vda"].path, new)
        tap.check_equal(whole(guest)["disk_ok"], True)
        tap.check_equal(check_image(guest.host, old)["ok"], True, "the old disk")
        tap.check_equal(lab.leftovers((guest, [new]), other_files=[old]), [])


@suite.case("lives on a loop device and on NBD")
def devices():
    lab = the_lab()
    hosta, hostb = lab.host("hosta"), lab.host("hostb")
    device, _ = make_loop(hosta, hosta.path("loop.img"), "16M")
    servers = [serve_nbdkit(hostb, ["memory", "16M"]),
               serve_qemu_nbd(hostb, create(hostb, hostb.path("n.qcow2"), "16M", "qcow2"), "qcow2", port=10810)]
    for index, place in enumerate((device, *(server.uri for server in servers))):
        guest = lab.start_guest("hosta", f"g{index}", [Disk(place)], fill=1)
        tap.check_equal(parse_disks(guest.xml())["vda"].path, place)
        tap.check_equal(whole(guest)["disk_ok"], True)
        guest.destroy()
    for server in servers:
        server.stop()
    drop_loop(device)
    hosta.remove_files()
    hostb.remove_files()


# The checks must be able to fail.

def refuses(guest, key, text):
    report = guest.verify()
    tap.check(not report["ok"] and report[key] is False, f"{key} did not notice", report)
    tap.check(any(text in error for error in report["errors"]) or text == "", "said", report["errors"])


@suite.case("finds RAM that is wrong")
def finds_ram():
    with a_guest("g", random=50) as guest, guest.domain() as domain:
        parameters = guest.parameters()
        page = 1000
        base = (parameters.start + page) * counter.PAGE
        for offset, data, text in ((0, b"\1\0\0\1", "pass 16777217"), (4, b"\0\0", "index 0"),
                                   (40, b"\xaa\x55\xaa\x55", "do not add up"), (8, b"\0\1\2\3", "do not add up"),
                                   (2048, b"\1", "not zero"), (4095, b"\0", "closing word")):
            before = poke(domain, base + offset, data)
            refuses(guest, "ram_ok", text)
            tap.check(f"page {page}:" in guest.verify()["errors"][0], "another page")
            poke(domain, base + offset, before)
            whole(guest)
        before = poke(domain, base, bytes(counter.PAGE))
        refuses(guest, "ram_ok", f"page {page}")


@suite.case("finds RAM that is a pass behind, also while it counts")
def finds_old_ram():
    with a_guest("g", rate="100p") as guest, guest.domain() as domain:
        parameters = guest.parameters()
        domain.suspend()
        found = guest.counters()
        stale = (found.cur + 5000) % parameters.pages
        base = (parameters.start + stale) * counter.PAGE
        old = (found.number - 2 if stale > found.cur else found.number - 1)
        poke(domain, base, old.to_bytes(4, "little"))
        poke(domain, base + 4092, (old ^ 0xffffffff).to_bytes(4, "little"))
        domain.resume()
        refuses(guest, "ram_ok", f"page {stale}:")


@suite.case("finds disks that are wrong, raw and qcow2")
def finds_disk():
    lab = the_lab()
    for image in ("raw", "qcow2"):
        with a_guest("g", Disk(lab.shared("a.img"), image, size="16M"), Disk(lab.shared("b.img"), image, size="16M"),
                     fill=2, every=1, blocks=8) as guest, guest.domain() as domain:
            guest.wait_progress(blocks=20)
            domain.suspend()
            parameters, found = guest.parameters(), guest.counters()
            tap.check_equal(guest.verify()["ok"], True, "before")
            slot = counter.DATA_OFFSET + (found.seq - 2) % 8 * counter.SLOT
            for target, offset, length, text in (
                    ("vda", slot, 4096, "not a block"), ("vdb", slot + 512, 512, "torn"),
                    ("vda", 0, 512, "boot sector"),
                    ("vdb", parameters.fill_offset + counter.MIB, 512, "MiB 1 of the data")):
                write_beside(domain, target, offset, length, 0x55)
                refuses(guest, "disk_ok", text)


def write_beside(domain, target, offset, length, pattern):
    """Writes through the guest's own QEMU, but not as the guest."""
    alias = f"/machine/peripheral/virtio-disk{ord(target[-1]) - ord('a')}/virtio-backend"
    monitor(domain, f'qemu-io -d {alias} "write -P {pattern:#x} {offset} {length}"')


@suite.case("finds a write that was lost")
def finds_lost_write():
    lab = the_lab()
    path = lab.shared("a.img")
    with a_guest("g", Disk(path, size="16M"), every=1, blocks=4) as guest, guest.domain() as domain:
        guest.wait_progress(blocks=8)
        domain.suspend()
        with open(path, "rb") as file:
            file.seek(counter.DATA_OFFSET)
            before = file.read(4 * counter.SLOT)
        domain.resume()
        guest.wait_progress(blocks=8)
        domain.suspend()
        slot = guest.counters().seq % 4
        with open(path, "r+b") as file:
            file.seek(counter.DATA_OFFSET + slot * counter.SLOT)
            file.write(before[slot * counter.SLOT:(slot + 1) * counter.SLOT])
        refuses(guest, "disk_ok", f"where {guest.counters().seq} belongs")


@suite.case("finds a guest that runs but does not go on")
def finds_hang():
    with a_guest("g", rate="100p") as guest, guest.domain() as domain:
        # With so much to do per tick, it never gets to look at the clock again.
        rate = counter.IMAGE_ADDRESS + counter.IMAGE_BYTES - len(guest.parameters().pack()) + 12
        before = poke(domain, rate, b"\xff\xff\xff\xff")
        tap.check_equal(int.from_bytes(before, "little"), 100, "where the rate stands")
        wait_for(lambda: guest.verify(timeout=1)["progressing"] is False, "its end", timeout=10)
        report = guest.verify(timeout=1)
        tap.check(report["progressing"] is False and not report["ok"] and report["ram_ok"], "report", report)


@suite.case("counts under KVM", skip=None if os.access("/dev/kvm", os.R_OK | os.W_OK) else "no /dev/kvm")
def kvm():
    lab = the_lab()
    try:
        with a_guest("g", Disk(lab.shared("a.img"), size="8M"), memory=4, kind="kvm") as guest:
            tap.check_equal(whole(guest)["disk_ok"], True)
            whole(migrate(guest, lab.host("hostb")))
    except libvirt.libvirtError as error:
        raise tap.Skip(f"KVM does not work here: {error}") from error


if __name__ == "__main__":
    sys.exit(suite.main())
