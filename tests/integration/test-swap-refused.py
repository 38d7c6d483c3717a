#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Swaps that are refused, each with its reason, before anything is touched."""

import contextlib
import os
import shutil
import signal
import sys

from swaplab import Bench, GLib, MIB, Run, check_raises, libvirt, make_suite, miglab, tap

suite = make_suite()


def check_untouched(bench, guest, *files):
    bench.check_on(guest, bench.path("g1-a.img"))
    bench.check_files(bench.path("g1-a.img"), *files)
    bench.check_no_scratch()


@suite.case("names that nobody has")
def unknown_names():
    with Bench() as bench:
        guest = bench.start()
        check_raises("not-found", lambda: bench.swap(bench.path("n.img"), name="nobody"), "nobody", "hosta")
        check_raises("not-found", lambda: bench.swap(bench.path("n.img"), target="vdx"), "vdx")
        check_raises("not-found", lambda: bench.swap(bench.path("n.img"), reuse=True), bench.path("n.img"))
        check_raises("not-found", lambda: bench.swap("/dev/no-such-device", reuse=True), "/dev/no-such-device")
        check_raises("not-found", lambda: bench.swap("/dev/no-such-device"), "/dev/no-such-device")
        check_untouched(bench, guest)


@suite.case("a directory that does not exist, and an NBD server that does not answer")
def unreachable_destinations():
    with Bench() as bench:
        guest = bench.start()
        for destination in ("/nonexistent/n.img", "nbd://10.99.0.1:19999/x"):
            try:
                bench.swap(destination, reuse="nbd" in destination)
            except GLib.Error as error:
                tap.check(destination.split("/")[2] in error.message, "the destination is named", error.message)
            else:
                raise AssertionError(f"a swap to {destination} succeeded")
        check_untouched(bench, guest)


@suite.case("an existing destination without reuse")
def exists():
    with Bench() as bench:
        guest = bench.start()
        bench.volume(bench.path("there.img"))
        check_raises("conflict", lambda: bench.swap(bench.path("there.img")), bench.path("there.img"), "reuse")
        device, path = miglab.make_loop(bench.hosta, bench.path("loop.img"), "64M")
        check_raises("conflict", lambda: bench.swap(device), device)
        check_untouched(bench, guest, bench.path("there.img"), path)


@suite.case("a destination of another length: both lengths are named")
def lengths():
    with Bench() as bench:
        guest = bench.start()
        for name, size in (("small.img", 32 * MIB), ("large.img", 128 * MIB), ("odd.img", 64 * MIB + 512)):
            bench.volume(bench.path(name), size)
            check_raises("invalid-argument", lambda name=name: bench.swap(bench.path(name), reuse=True),
                         str(size), str(64 * MIB))
        bench.volume(bench.path("large.qcow2"), "128M", "qcow2")
        check_raises("invalid-argument", lambda: bench.swap(bench.path("large.qcow2"), "qcow2", reuse=True),
                     str(128 * MIB), str(64 * MIB))
        check_raises("invalid-argument", lambda: bench.swap(bench.path("n.img"), resize_to=32 * MIB),
                     str(32 * MIB), str(64 * MIB))
        server = miglab.serve_nbdkit(bench.hosta, ["memory", "96M"], export="x")
        check_raises("invalid-argument", lambda: bench.swap(server.uri, reuse=True), str(96 * MIB), str(64 * MIB))
        check_untouched(bench, guest, *(bench.path(name) for name in ("small.img", "large.img", "odd.img",
                                                                      "large.qcow2")))


@suite.case("a destination that a guest uses")
def used():
    with Bench() as bench:
        guest = bench.start()
        other = bench.start("g2", image_format="qcow2", memory=32, persistent=True, blocks=16)
        with bench.domain("g2") as domain:
            domain.snapshotCreateXML(
                f"<domainsnapshot><disks><disk name='vda'><source file='{bench.path('top.qcow2')}'/></disk></disks>"
                "</domainsnapshot>", libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
                libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)
        check_raises("conflict", lambda: bench.swap(bench.path("top.qcow2"), "qcow2", reuse=True), "g2", "source")
        check_raises("conflict", lambda: bench.swap(bench.path("g2-a.img"), "qcow2", reuse=True), "g2", "backing")
        check_raises("conflict", lambda: bench.swap(bench.path("top.qcow2"), reuse=True, format="qcow2"), "g2")
        other.destroy(undefine=False)
        check_raises("conflict", lambda: bench.swap(bench.path("top.qcow2"), "qcow2", reuse=True), "g2")
        bench.check_on(guest, bench.path("g1-a.img"))


@suite.case("a destination that a guest which does not run stands on")
def used_below_stopped():
    with Bench() as bench:
        guest = bench.start()
        for name in ("base.img", "free.img"):
            bench.volume(bench.path(name))
        # One names what is below it by its path, the other from its own directory.
        miglab.create(bench.hosta, bench.path("middle.qcow2"), "64M", "qcow2", backing=("base.img", "raw"))
        miglab.create(bench.hosta, bench.path("top.qcow2"), "64M", "qcow2",
                      backing=(bench.path("middle.qcow2"), "qcow2"))
        disk = miglab.Disk(bench.path("top.qcow2"), "qcow2")
        bench.lab.start_guest("hosta", "g2", [disk], memory=32, blocks=16, persistent=True).destroy(undefine=False)
        check_raises("conflict", lambda: bench.swap(bench.path("base.img"), reuse=True), "g2", "backing")
        check_raises("conflict", lambda: bench.swap(bench.path("middle.qcow2"), "qcow2", reuse=True), "g2", "backing")
        bench.swap(bench.path("free.img"), reuse=True)
        bench.check_on(guest, bench.path("free.img"))


@suite.case("nobody can tell what a guest which does not run stands on")
def cannot_be_told():
    with Bench() as bench:
        guest = bench.start()
        bench.volume(bench.path("there.img"))
        for image_format in ("qcow2", "raw"):
            with bench.hosta.connect() as connection:
                domain = connection.defineXML(
                    "<domain type='qemu'><name>g2</name><memory unit='MiB'>32</memory><os><type>hvm</type></os>"
                    f"<devices><disk type='network' device='disk'><driver name='qemu' type='{image_format}'/>"
                    "<source protocol='nbd' name='x'><host name='10.99.0.1' port='19999'/></source>"
                    "<target dev='vda' bus='virtio'/></disk></devices></domain>")
            if image_format == "qcow2":
                check_raises("conflict", lambda: bench.swap(bench.path("there.img"), reuse=True), "g2", "told")
            else:
                bench.swap(bench.path("there.img"), reuse=True)
            domain.undefine()
        bench.check_on(guest, bench.path("there.img"))


@suite.case("a destination that a job of another guest writes to")
def used_by_mirror():
    with Bench() as bench:
        guest = bench.start()
        bench.start("g2", memory=32, blocks=16)
        bench.volume(bench.path("m.img"))
        bench.copy_by_hand("g2", bench.path("m.img"), MIB, libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT)
        check_raises("conflict", lambda: bench.swap(bench.path("m.img"), reuse=True), "g2", "job")
        bench.check_on(guest, bench.path("g1-a.img"))


@suite.case("a destination that a guest of another host uses")
def used_elsewhere():
    with Bench() as bench:
        guest = bench.start()
        disk = miglab.Disk(bench.lab.shared("there.img"), size="64M")
        bench.lab.start_guest("hostb", "g2", [disk], memory=32, blocks=16)
        check_raises("conflict", lambda: bench.swap(disk.path, reuse=True), "g2", "hostb")
        bench.hostb.daemon.kill()
        check_raises("connection", lambda: bench.swap(disk.path, reuse=True), "hostb")
        bench.check_on(guest, bench.path("g1-a.img"))


@suite.case("a guest that does not run")
def stopped():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        guest.destroy(undefine=False)
        check_raises("invalid-state", lambda: bench.swap(bench.path("n.img")), "g1", "not available yet")
        bench.check_files(bench.path("g1-a.img"))


@suite.case("a disk that is already there")
def same():
    with Bench() as bench:
        guest = bench.start()
        check_raises("invalid-argument", lambda: bench.swap(bench.path("g1-a.img"), reuse=True), "already")
        check_untouched(bench, guest)


DRIVES = """
<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{iso}'/><target dev='sda' bus='scsi'/>
<readonly/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{ro}'/><target dev='vdr' bus='virtio'/>
<readonly/></disk>"""


@suite.case("a cdrom and a read-only disk")
def read_only():
    with Bench() as bench:
        iso, ro = (bench.volume(bench.path(name), "1M") for name in ("cd.iso", "ro.img"))
        bench.start(devices=DRIVES.format(iso=iso, ro=ro))
        check_raises("not-supported", lambda: bench.swap(bench.path("n.img"), target="sda"), "sda")
        check_raises("not-supported", lambda: bench.swap(bench.path("n.img"), target="vdr"), "read-only")


@suite.case("a disk with a job already, ours or somebody else's")
def second_job():
    with Bench() as bench:
        guest = bench.start()
        bench.volume(bench.path("m.img"))
        bench.copy_by_hand("g1", bench.path("m.img"), MIB, libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT)
        with bench.domain() as domain:
            check_raises("busy", lambda: bench.swap(bench.path("n.img")), "vda", "job")
            domain.blockJobAbort("vda")
        check_untouched(bench, guest, bench.path("m.img"))


@suite.case("a second swap of the disk")
def second_swap():
    with Bench() as bench:
        guest = bench.start()
        first = bench.new_swap(bench.path("n.img"), bandwidth=MIB)
        run = Run(first.run, None)
        miglab.wait_for(bench.job, "the mirror to begin")
        check_raises("busy", lambda: bench.swap(bench.path("m.img")))
        bench.hurry()
        tap.check(run.finish(), "the first swap's result")
        bench.check_on(guest, bench.path("n.img"))
        bench.check_files(bench.path("g1-a.img"), bench.path("n.img"))


def drain(reader):
    """Reads a pipe to its end."""
    os.set_blocking(reader, True)
    while os.read(reader, MIB):
        pass


def into_pipe(bench, begin):
    """A job of the domain that writes into a pipe which is not read: it is refused meanwhile."""
    guest = bench.start()
    pipe = bench.path("pipe")
    os.mkfifo(bench.hosta.outside(pipe))
    reader = os.open(bench.hosta.outside(pipe), os.O_RDONLY | os.O_NONBLOCK)
    with bench.domain() as domain, bench.domain() as other:
        job = Run(lambda: catch(begin, domain, pipe))
        miglab.wait_for(lambda: other.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE, "the job to begin")
        check_raises("busy", lambda: bench.swap(bench.path("n.img")), "g1", "job")
        # A dump cannot be aborted; it ends when it has been read.
        catch(other.abortJob)
        Run(drain, reader).finish()
        job.finish()
    os.close(reader)
    os.unlink(bench.hosta.outside(pipe))
    check_untouched(bench, guest)


@suite.case("a guest whose memory is being dumped")
def dumping():
    with Bench() as bench:
        into_pipe(bench, lambda domain, pipe: domain.coreDump(pipe, libvirt.VIR_DUMP_MEMORY_ONLY |
                                                              libvirt.VIR_DUMP_LIVE))


@suite.case("a guest that is being saved")
def saving():
    with Bench() as bench:
        into_pipe(bench, lambda domain, pipe: domain.saveFlags(pipe, None, 0))


IO_HELPER = "/usr/lib/libvirt/libvirt_iohelper"


@contextlib.contextmanager
def hold_io_helper(host):
    """What libvirt writes memory with stops before it does, on this host, whose mounts outlive a case."""
    script = host.path("iohelper")
    shutil.copy(IO_HELPER, host.outside(f"{script}.real"))
    with open(host.outside(script), "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nkill -STOP $$\nexec {script}.real \"$@\"\n")
    os.chmod(host.outside(script), 0o755)
    host.run("mount", "--bind", script, IO_HELPER)
    try:
        yield script
    finally:
        host.run("umount", IO_HELPER)


@suite.case("a guest of which a snapshot is being taken")
def snapshot():
    with Bench() as bench:
        guest = bench.start()
        xml = (f"<domainsnapshot><memory snapshot='external' file='{bench.path('memory')}'/>"
               f"<disks><disk name='vda' snapshot='external'><source file='{bench.path('overlay')}'/></disk></disks>"
               "</domainsnapshot>")
        with hold_io_helper(bench.hosta) as script, bench.domain() as domain, bench.domain() as other:
            job = Run(lambda: domain.snapshotCreateXML(xml))
            helper = miglab.wait_for(lambda: next((process for process in bench.hosta.processes()
                                                   if IO_HELPER in process.argv), None), "the snapshot to begin")
            miglab.wait_for(lambda: other.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE, "the job to begin")
            check_raises("busy", lambda: bench.swap(bench.path("n.img")), "g1", "job")
            miglab.proc.send_signal(miglab.proc.identify(helper.pid), signal.SIGCONT)
            tap.check(job.finish() is not None, "the snapshot is taken")
        bench.check_on(guest, bench.path("overlay"), "qcow2")
        bench.check_files(bench.path("g1-a.img"), bench.path("overlay"), bench.path("memory"), script,
                          f"{script}.real")


@suite.case("a guest that was saved and is to be restored")
def managed_saved():
    with Bench() as bench:
        guest = bench.start(persistent=True)
        with bench.domain() as domain:
            domain.managedSave()
            check_raises("invalid-state", lambda: bench.swap(bench.path("n.img")), "g1")
            tap.check(domain.hasManagedSaveImage(), "what was saved is there still")
            domain.create()
        check_untouched(bench, guest)


@suite.case("a block device for a longer one: it does not grow")
def longer_device():
    with Bench() as bench:
        device, path = miglab.make_loop(bench.hosta, bench.path("loop.img"), "64M")
        longer, longer_path = miglab.make_loop(bench.hosta, bench.path("longer.img"), "96M")
        guest = bench.lab.start_guest("hosta", "g1", [miglab.Disk(device)], fill=4)
        check_raises("invalid-argument", lambda: bench.swap(longer, reuse=True), str(64 * MIB), str(96 * MIB))
        check_raises("not-supported", lambda: bench.swap(longer, reuse=True, resize_to=96 * MIB), device, "longer")
        bench.check_on(guest, device)
        bench.check_files(path, longer_path)


@suite.case("a guest that is being migrated")
def migrating():
    with Bench() as bench:
        disk = miglab.Disk(bench.lab.shared("s.img"), size="64M")
        guest = bench.lab.start_guest("hosta", "g1", [disk], rate="flat")
        bench.lab.net.rate("50mbit")
        with bench.domain() as domain:
            flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_UNSAFE
            # A job of the domain that goes on until it is aborted.
            move = Run(lambda: catch(domain.migrateToURI3, bench.hostb.peer_uri, {}, flags))
            out = libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT
            miglab.wait_for(lambda: domain.jobStats().get("operation") == out, "the migration to begin")
            check_raises("busy", lambda: bench.swap(bench.path("n.img")), "migrat")
            domain.abortJob()
            move.finish()
        bench.check_on(guest, disk.path)


def catch(function, *arguments):
    try:
        return function(*arguments)
    except libvirt.libvirtError as error:
        return error


@suite.case("a shared disk with another writer")
def shared_disk():
    with Bench() as bench:
        disk = miglab.Disk(bench.lab.shared("s.img"), size="64M", shareable=True)
        guest = bench.lab.start_guest("hosta", "g1", [disk], blocks=16)
        bench.swap(bench.path("alone.img"))
        bench.swap(disk.path, reuse=True)
        bench.lab.start_guest("hostb", "g2", [disk], memory=32, blocks=16, wait=False)
        check_raises("not-supported", lambda: bench.swap(bench.path("n.img")), "g2", "hostb")
        tap.check_equal(guest.disks()["vda"].path, disk.path, "source")


def make_luks(bench, name, size="64M"):
    """An encrypted image; returns the UUID of the secret that opens it."""
    with bench.hosta.connect() as connection:
        secret = connection.secretDefineXML("<secret ephemeral='yes' private='no'><usage type='volume'>"
                                            f"<volume>{bench.path(name)}</volume></usage></secret>")
        secret.setValue(b"passphrase")
        uuid = secret.UUIDString()
    # qemu-img measures how fast it is, and fails where the clock of its processor time did not tick meanwhile: on
    # a fast machine one time in three.
    for attempt in range(20):
        made = bench.hosta.run("qemu-img", "create", "-q", "-f", "luks", "--object", "secret,id=s,data=passphrase",
                               "-o", "key-secret=s,iter-time=10", bench.path(name), size, check=attempt == 19)
        if made.returncode == 0:
            break
    return uuid


@suite.case("a disk that the hypervisor decrypts")
def luks():
    with Bench() as bench:
        uuid = make_luks(bench, "luks.img", "8M")
        bench.start(devices="<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
                            f"<source file='{bench.path('luks.img')}'><encryption format='luks'>"
                            f"<secret type='passphrase' uuid='{uuid}'/></encryption></source>"
                            "<target dev='vdl' bus='virtio'/></disk>")
        check_raises("not-supported", lambda: bench.swap(bench.path("n.img"), target="vdl"), "LUKS")
        check_raises("not-supported", lambda: bench.swap(bench.path("n.img"), "luks"), "LUKS")


@suite.case("an encrypted destination, and an encrypted backing file")
def luks_below():
    with Bench() as bench:
        guest = bench.start()
        make_luks(bench, "luks.img")
        header = bench.hosta.run("head", "-c", "4096", bench.path("luks.img"), text=False).stdout
        check_raises("not-supported", lambda: bench.swap(bench.path("luks.img"), "raw", reuse=True), "LUKS")
        tap.check(bench.hosta.run("head", "-c", "4096", bench.path("luks.img"), text=False).stdout == header,
                  "its header is still there")
        device, _file = miglab.make_loop(bench.hosta, bench.path("device.img"), "64M")
        with open(device, "r+b") as file:
            file.write(header)
        check_raises("not-supported", lambda: bench.swap(device, "raw", reuse=True), "LUKS")
        with open(device, "rb") as file:
            tap.check(file.read(len(header)) == header, "the device's header is still there")
        uuid = make_luks(bench, "base.img")
        miglab.create(bench.hosta, bench.path("top.qcow2"), "64M", "qcow2", backing=("base.img", "raw"))
        guest.destroy()
        bench.start("g2", devices=(
            "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
            f"<source file='{bench.path('top.qcow2')}'/>"
            f"<backingStore type='file'><format type='raw'/><source file='{bench.path('base.img')}'>"
            f"<encryption format='luks'><secret type='passphrase' uuid='{uuid}'/></encryption></source>"
            "<backingStore/></backingStore><target dev='vdl' bus='virtio'/></disk>"))
        check_raises("not-supported", lambda: bench.swap(bench.path("n.img"), name="g2", target="vdl"), "LUKS")


@suite.case("a comparison of what cannot be read as the guest sees it")
def not_comparable():
    with Bench() as bench:
        guest = bench.start()
        device, path = miglab.make_loop(bench.hosta, bench.path("loop.img"), "64M")
        server = miglab.serve_nbdkit(bench.hosta, ["memory", "64M"], export="x")
        for destination, image_format, reuse in ((device, None, True), (server.uri, None, True),
                                                 (bench.path("n.qcow2"), "qcow2", False)):
            check_raises("not-supported", lambda destination=destination, image_format=image_format, reuse=reuse:
                         bench.swap(destination, image_format, reuse=reuse, verify=True), destination)
        check_untouched(bench, guest, path)


@suite.case("options that cannot be meant")
def bad_options():
    with Bench() as bench:
        guest = bench.start()
        for name, value in (("format", "vmdk"), ("bandwidth", 1 << 60), ("granularity", 1000), ("resize_to", 1000),
                            ("max_pause", 0.0), ("time_limit", 0.0)):
            check_raises("invalid-argument", lambda name=name, value=value: bench.swap(bench.path("n.img"),
                                                                                       **{name: value}),
                         name.replace("_", "-"))
        check_untouched(bench, guest)


sys.exit(suite.main())
