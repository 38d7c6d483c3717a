#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""MigPoolBackend on real hosts: the contract of volume back ends, and what is libvirt's."""

import concurrent.futures
import contextlib
import os
import shutil
import subprocess
import sys
import threading

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TESTS, "lab"), os.path.join(TESTS, "contract")]

import tap  # noqa: E402
from miglab import require  # noqa: E402

if __name__ == "__main__":
    tap.skip_all_if(require.missing())

import gi  # noqa: E402

gi.require_version("Mig", "1")
import libvirt  # noqa: E402
from gi.repository import Gio, GLib, Mig  # noqa: E402

import volume_kit  # noqa: E402
from miglab import Disk, Lab, create, make_loop, serve_nbdkit, wait_for  # noqa: E402
from volume_kit import MIB, Place, check_code, fails  # noqa: E402

libvirt.registerErrorHandler(lambda *unused: None, None)
suite = tap.Suite()


class Bench:
    """A lab, shared by all cases; each gets a back end of its own, and a directory without a pool."""

    def __init__(self):
        self.lab = None
        self._count = 0

    def open(self):
        if self.lab is None:
            self.lab = Lab()
            self.lab.up()
            suite.at_end(self.lab.down)
        self._count += 1
        return self

    @property
    def host(self):
        return self.lab.host("hosta")

    def mig_host(self, name="hosta"):
        return Mig.Host.new(name, self.lab.host(name).uri)

    def directory(self, name="plain"):
        path = self.host.path(f"{name}{self._count}")
        os.mkdir(self.host.outside(path))
        return path

    def put(self, path, length, image_format):
        create(self.host, path, length, image_format)
        if image_format == "raw":
            with open(self.host.outside(path), "r+b") as file:
                file.write(b"somebody's")

    def drop(self, path):
        os.unlink(self.host.outside(path))

    def read(self, path):
        try:
            with open(self.host.outside(path), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def pools(self):
        with self.host.connect() as connection:
            return sorted(pool.name() for pool in connection.listAllStoragePools())

    def check_clean(self, pools=("local", "shared")):
        """No pool and no domain is left behind."""
        tap.check_equal(self.pools(), sorted(pools), "pools")
        tap.check_equal([name for name in self.host.domains() if name.startswith("libmig")], [], "domains")


bench = Bench()


def new_backend():
    return Mig.PoolBackend.new(Mig.LibvirtDriver.new())


@contextlib.contextmanager
def place_in(directory):
    """A Place in a directory of hosta."""
    yield Place(backend=new_backend(), host=bench.mig_host(),
                unreachable=Mig.Host.new("nowhere", "qemu+unix:///system?socket=/nonexistent/socket"),
                path=lambda name: f"{directory}/{name}",
                put=lambda name, length, image_format: bench.put(f"{directory}/{name}", length, image_format),
                drop=lambda name: bench.drop(f"{directory}/{name}"),
                read=lambda name: bench.read(f"{directory}/{name}"))
    bench.check_clean()


def place_with_pool():
    bench.open()
    bench.host.remove_files()
    return place_in(os.path.dirname(bench.host.path("x")))


def place_without_pool():
    bench.open()
    return place_in(bench.directory())


volume_kit.add_cases(suite, "in a pool", place_with_pool)
volume_kit.add_cases(suite, "without a pool", place_without_pool)


def dir_pool(name, directory):
    return f"<pool type='dir'><name>{name}</name><target><path>{directory}</path></target></pool>"


@suite.case("the pool is named, and what it has left")
def describes():
    with place_with_pool() as place:
        volume = place.create("v", MIB)
        tap.check_equal(volume.get_pool(), "local", "pool")
        tap.check(volume.get_available() > 0, "there is room")
        tap.check_equal(volume.get_identity(), None, "identity of local storage")
    with place_without_pool() as place:
        tap.check_equal(place.create("v", MIB).get_pool(), None, "pool")


@suite.case("below a pool that is defined but not active nothing is told, made or removed")
def inactive_pool():
    bench.open()
    directory = bench.directory()
    os.mkdir(f"{bench.host.outside(directory)}/inner")
    with bench.host.connect() as connection:
        pool = connection.storagePoolDefineXML(dir_pool("asleep", directory))
        for path in [directory, f"{directory}/inner"]:
            place = Place(new_backend(), bench.mig_host(), None, lambda name, path=path: f"{path}/{name}", None, None,
                          None)
            for call in [lambda: place.lookup("v"), lambda: place.create("v", MIB), lambda: place.remove("v")]:
                with fails("INVALID_STATE", naming="“asleep”"):
                    call()
        tap.check_equal(os.listdir(bench.host.outside(directory)), ["inner"], "files")
        tap.check_equal((pool.isActive(), pool.isPersistent()), (0, 1), "active and persistent")
        bench.check_clean(["asleep", "local", "shared"])

        with fails("NOT_FOUND"):
            new_backend().lookup(bench.mig_host(), Mig.DiskSource.parse(f"{directory}-2/v", None), None)
        pool.create(0)
        place = Place(new_backend(), bench.mig_host(), None, lambda name: f"{directory}/{name}", None, None, None)
        tap.check_equal(place.length("v"), None, "length of what an active pool does not have")
        place.create("v", MIB)
        tap.check(place.remove("v"), "it is removed")
        pool.destroy()
        pool.undefine()


@suite.case("a device that is not there, below a pool that is not active")
def inactive_group():
    bench.open()
    backend, host = new_backend(), bench.mig_host()
    source = Mig.DiskSource.new(Mig.DiskSourceKind.BLOCK, "/dev/nogroup/lv", "raw")
    with fails("NOT_FOUND"):
        backend.lookup(host, source, None)
    with bench.host.connect() as connection:
        pool = connection.storagePoolDefineXML("<pool type='logical'><name>group</name><source><name>nogroup</name>"
                                               "</source><target><path>/dev/nogroup</path></target></pool>")
        for call in [lambda: backend.lookup(host, source, None), lambda: backend.remove(host, source, "t", None)]:
            with fails("INVALID_STATE", naming="“group”"):
                call()
        pool.undefine()


LVM = """#!/bin/sh
# Stands in for LVM: what a directory says about one group.
here=DIRECTORY
echo "$(basename "$0") $*" >> "$here/calls"
case $(basename "$0") in
  lvs) if [ -e "$here/fails" ]; then rm "$here/fails"; exit 5; fi; cat "$here/volumes" ;;
  pvs) cat "$here/devices" ;;
  vgs) echo "1073741824:536870912" ;;
esac
"""


class Group:
    """A volume group `name` of hosta with one volume over a loop device, as far as libvirt can tell: there is no device
    mapper in a lab. `pool` is its pool, persistent and active."""

    def __init__(self):
        self.name = f"miggroup{os.getpid()}"
        self.volume = f"/dev/{self.name}/data"
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._stack as stack:
            tools = bench.directory("lvm")
            outside = bench.host.outside(tools)
            for name in ("lvs", "vgs", "pvs", "vgchange", "vgscan"):
                with open(f"{outside}/{name}", "w", encoding="ascii") as file:
                    file.write(LVM.replace("DIRECTORY", tools))
                os.chmod(f"{outside}/{name}", 0o755)
            self._top = outside
            self.device, self._file = make_loop(bench.host, bench.host.path("group.img"), "16M")
            os.mkdir(os.path.dirname(self.volume))
            stack.callback(shutil.rmtree, os.path.dirname(self.volume))
            os.symlink(self.device, self.volume)
            with open(f"{outside}/volumes", "w", encoding="ascii") as file:
                file.write(f"  data##u-u-i-d#{self.device}(0)#linear#1#16777216#4194304#16777216#-wi-a-----\n")
            with open(f"{outside}/devices", "w", encoding="ascii") as file:
                file.write(f"  {self.device} {self.name}\n")
            bench.host.run("mount", "-t", "overlay", "-o", f"lowerdir={tools}:/usr/sbin", "overlay", "/usr/sbin")
            stack.callback(bench.host.run, "umount", "-l", "/usr/sbin")
            connection = stack.enter_context(bench.host.connect())
            self.pool = connection.storagePoolDefineXML(
                f"<pool type='logical'><name>{self.name}</name><source><name>{self.name}</name></source>"
                f"<target><path>/dev/{self.name}</path></target></pool>")
            stack.callback(self.pool.undefine)
            self.pool.create(0)
            stack.callback(lambda: self.pool.isActive() and self.pool.destroy())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *what):
        return self._stack.__exit__(*what)

    def grow(self, size):
        """Behind the pool's back."""
        os.truncate(bench.host.outside(self._file), size)
        subprocess.run(["losetup", "-c", self.device], check=True)

    def fail(self):
        """The next time that the list is read."""
        with open(f"{self._top}/fails", "w", encoding="ascii"):
            pass

    def count(self, tool):
        with open(f"{self._top}/calls", encoding="ascii") as file:
            return sum(line.startswith(f"{tool} ") for line in file)


@suite.case("a device of a pool: the pool names it, but how long it is and how it begins the device tells")
def devices_of_pools():
    bench.open()
    bench.host.remove_files()
    backend, host = new_backend(), bench.mig_host()
    with Group() as group:
        found = backend.lookup(host, Mig.DiskSource.parse(group.volume, None), None)
        tap.check_equal((found.get_pool(), found.get_name(), found.get_capacity(), found.is_encrypted()),
                        (group.name, "data", 16 * MIB, False), "the volume")
        group.grow(32 * MIB)
        with open(group.device, "r+b") as file:
            file.write(b"LUKS\xba\xbe")
        found = backend.lookup(host, Mig.DiskSource.parse(group.volume, None), None)
        tap.check_equal((found.get_capacity(), found.is_encrypted()), (32 * MIB, True), "when it has changed")
        bench.check_clean(["local", "shared", group.name])


@suite.case("a pool that libvirt stopped because we could not read its list is started again")
def refresh_fails():
    bench.open()
    bench.host.remove_files()
    with Group() as group:
        other = f"{os.path.dirname(group.volume)}/other"        # which the pool does not know
        os.symlink(group.device, other)
        before = group.count("lvs")
        group.fail()
        found = new_backend().lookup(bench.mig_host(), Mig.DiskSource.parse(other, None), None)
        tap.check_equal((found.get_name(), found.get_capacity()), ("other", 16 * MIB), "what is found")
        tap.check_equal((group.count("lvs") - before, group.pool.isActive()), (2, 1), "looks, and active")


@suite.case("a pool that libvirt stopped because its directory was gone")
def stopped_pool():
    bench.open()
    directory = bench.directory()
    with bench.host.connect() as connection:
        pool = connection.storagePoolDefineXML(dir_pool("mounted", directory))
        pool.create(0)
        os.rmdir(bench.host.outside(directory))
        with fails("INVALID_STATE", naming="“mounted”"):
            new_backend().lookup(bench.mig_host(), Mig.DiskSource.parse(f"{directory}/v", None), None)
        tap.check_equal(pool.isActive(), 0, "active")
        pool.undefine()


@suite.case("a directory that does not exist is named, and not made")
def no_directory():
    bench.open()
    directory = bench.host.path("nowhere")
    with place_in(directory) as place:
        with fails("NOT_FOUND", naming=f"“{directory}”"):
            place.lookup("v")
        with fails("NOT_FOUND", naming=f"“{directory}”"):
            place.create("v", MIB)
        tap.check(place.remove("v"), "what cannot be there is absent")
    tap.check(not os.path.exists(bench.host.outside(directory)), "nobody has made it")
    bench.put(directory, MIB, "raw")
    with place_in(directory) as place:
        with fails("NOT_FOUND", naming=f"“{directory}”"):
            place.lookup("v")
    bench.drop(directory)


@suite.case("a pool whose directory vanished")
def vanished_directory():
    bench.open()
    directory = bench.directory()
    with bench.host.connect() as connection:
        pool = connection.storagePoolCreateXML(dir_pool("vanishing", directory))
        os.rmdir(bench.host.outside(directory))
        backend = new_backend()
        with fails("NOT_FOUND", naming=directory):
            backend.lookup(bench.mig_host(), Mig.DiskSource.parse(f"{directory}/v", None), None)
        bench.check_clean()
        del pool


@suite.case("only files are taken for files")
def wrong_types():
    with place_without_pool() as place:
        outside = bench.host.outside(place.path("d"))
        os.mkdir(outside)
        os.mkdir(f"{outside}/inner")
        for call in [lambda: place.lookup("d"), lambda: place.remove("d")]:
            with fails("INVALID_ARGUMENT", naming=place.path("d")):
                call()
        with fails("CONFLICT"):
            place.create("d", MIB)
        tap.check(os.path.isdir(f"{outside}/inner"), "the directory is still there")

        os.mkfifo(bench.host.outside(place.path("fifo")))
        os.symlink("/nowhere", bench.host.outside(place.path("dangling")))
        for name in ["fifo", "dangling"]:
            tap.check_equal(place.length(name), None, "length")
            with fails("CONFLICT"):
                place.create(name, MIB)
        tap.check(os.path.lexists(bench.host.outside(place.path("dangling"))), "the link is still there")


@suite.case("odd paths are refused before anything is touched")
def odd_paths():
    bench.open()
    backend, host = new_backend(), bench.mig_host()
    for path, code in [("/a/../b", "INVALID_ARGUMENT"), ("/a/./b", "INVALID_ARGUMENT"), ("/", "INVALID_ARGUMENT"),
                       ("a", "INVALID_ARGUMENT"), ("/a/\x01", "INVALID_ARGUMENT"), ("/proc/x", "NOT_SUPPORTED"),
                       ("/dev/x", "NOT_SUPPORTED")]:
        source = Mig.DiskSource.new(Mig.DiskSourceKind.FILE, path, None)
        with fails(code):
            backend.create(host, source, MIB, "t", None)
    with fails("INVALID_ARGUMENT"):
        backend.create(host, Mig.DiskSource.new(Mig.DiskSourceKind.FILE, bench.host.path("\x01"), None), MIB, "t", None)
    with fails("NOT_SUPPORTED"):
        backend.create(host, Mig.DiskSource.parse(bench.host.path("v"), "vmdk"), MIB, "t", None)


@suite.case("block devices: their length, used or not; they are not made and not deleted")
def block_devices():
    bench.open()
    bench.host.remove_files()
    device, _file = make_loop(bench.host, bench.host.path("loop.img"), "16M")
    backend, host = new_backend(), bench.mig_host()
    source = Mig.DiskSource.parse(device, "raw")
    tap.check_equal(backend.lookup(host, source, None).get_capacity(), 16 * MIB, "length")
    tap.check_equal(backend.lookup(host, source, None).get_name(), os.path.basename(device), "name")
    guest = bench.lab.start_guest("hosta", "g1", [Disk(device)])
    tap.check_equal(backend.lookup(host, source, None).get_capacity(), 16 * MIB, "length while it is used")
    guest.wait_progress(ticks=2, blocks=1)
    tap.check(guest.verify()["ok"], "the guest is whole")
    guest.destroy()

    with fails("NOT_FOUND", naming="/dev/nothing"):
        backend.lookup(host, Mig.DiskSource.parse("/dev/nothing", None), None)
    with fails("INVALID_ARGUMENT", naming="/dev/null"):
        backend.lookup(host, Mig.DiskSource.parse("/dev/null", None), None)
    with fails("INVALID_ARGUMENT"):
        backend.lookup(host, Mig.DiskSource.parse("/dev/shm", None), None)
    with fails("NOT_SUPPORTED", naming=device):
        backend.create(host, source, MIB, "t", None)
    with fails("NOT_SUPPORTED", naming=device):
        backend.remove(host, source, "t", None)
    tap.check(backend.remove(host, Mig.DiskSource.parse("/dev/nothing", None), "t", None), "nothing is there")
    bench.check_clean()


@suite.case("NBD exports: their length")
def nbd_exports():
    bench.open()
    server = serve_nbdkit(bench.host, ["memory", "5M"], port=10820, export="e")
    backend, host = new_backend(), bench.mig_host()
    source = Mig.DiskSource.parse(server.uri, "raw")
    volume = backend.lookup(host, source, None)
    tap.check_equal(volume.get_capacity(), 5 * MIB, "length")
    tap.check_equal(volume.get_source().to_string(), server.uri, "source")
    with fails("NOT_SUPPORTED"):
        backend.create(host, source, MIB, "t", None)
    with fails("NOT_SUPPORTED"):
        backend.remove(host, source, "t", None)
    server.stop()
    # A server that does not answer proves nothing.
    with fails("FAILED"):
        backend.lookup(host, source, None)
    bench.check_clean()


@suite.case("nobody sees the domains that ask about devices")
def probes_are_hidden():
    bench.open()
    bench.host.remove_files()
    device, _file = make_loop(bench.host, bench.host.path("loop.img"), "1M")
    driver = Mig.LibvirtDriver.new()
    backend, host, source = Mig.PoolBackend.new(driver), bench.mig_host(), Mig.DiskSource.parse(device, None)
    done = threading.Event()

    def watch():
        seen = []
        while not done.is_set():
            seen += [info.get_name() for info in driver.list_domains(host, None)]
        return seen

    def ask(_number):
        return [backend.lookup(host, source, None).get_capacity() for _ in range(10)]

    with concurrent.futures.ThreadPoolExecutor(9) as executor:
        watcher = executor.submit(watch)
        try:
            answers = list(executor.map(ask, range(8)))
        finally:
            done.set()
        tap.check_equal(watcher.result(), [], "domains seen")
    tap.check_equal(answers, [[MIB] * 10] * 8, "lengths")
    bench.check_clean()


@suite.case("what a crash left behind is swept, what is not ours is not")
def sweeps():
    bench.open()
    directories = [bench.directory(f"left{number}-") for number in range(3)]
    domain = ("<domain type='qemu'><name>{}</name><uuid>{}</uuid><memory>2048</memory><os><type>hvm</type></os>"
              "</domain>")
    uuid, other = "4d0e0f8b-5f0f-4b3c-8c1a-0a0b0c0d0e0f", "4d0e0f8b-5f0f-4b3c-8c1a-0a0b0c0d0e10"
    with bench.host.connect() as connection:
        connection.storagePoolCreateXML(dir_pool("libmig-pool-of-a-dead-process", directories[0]))
        connection.storagePoolDefineXML(dir_pool("libmig-pool-that-is-persistent", directories[1])).create()
        connection.defineXML(domain.format(f"libmig-probe-{uuid}", uuid))
        connection.defineXML(domain.format("libmig-probe-not-ours", other))
        backend = new_backend()
        with fails("NOT_FOUND"):
            backend.lookup(bench.mig_host(), Mig.DiskSource.parse(f"{directories[2]}/v", None), None)
        tap.check_equal(bench.pools(), ["libmig-pool-that-is-persistent", "local", "shared"], "pools")
        tap.check_equal(list(bench.host.domains()), ["libmig-probe-not-ours"], "domains")
        connection.lookupByUUIDString(other).undefine()
        pool = connection.storagePoolLookupByName("libmig-pool-that-is-persistent")
        pool.destroy()
        pool.undefine()
    tap.check(all(os.path.isdir(bench.host.outside(directory)) for directory in directories), "directories stay")


CHURN = """
import sys
import gi
gi.require_version ("Mig", "1")
from gi.repository import GLib, Mig
uri, directory, device, name = sys.argv[1:]
for round in range (40):
    backend = Mig.PoolBackend.new (Mig.LibvirtDriver.new ()) if round % 10 == 0 else backend
    host = Mig.Host.new ("hosta", uri)
    source = Mig.DiskSource.parse (f"{directory}/{name}", "raw")
    assert backend.create (host, source, 4096, "t", None).get_capacity () == 4096
    assert backend.lookup (host, source, None).get_capacity () == 4096
    assert backend.lookup (host, Mig.DiskSource.parse (device, None), None).get_capacity () == 1 << 20
    assert backend.remove (host, source, "t", None)
    try:
        backend.lookup (host, source, None)
        sys.exit ("it is still there")
    except GLib.Error as error:
        if not error.matches (Mig.error_quark (), Mig.Error.NOT_FOUND):
            raise
"""


@suite.case("several processes work in one directory, and sweep at each other")
def processes():
    bench.open()
    bench.host.remove_files()
    directory = bench.directory()
    device, _file = make_loop(bench.host, bench.host.path("loop.img"), "1M")
    running = [subprocess.Popen([sys.executable, "-c", CHURN, bench.host.uri, directory, device, f"v{number}"],
                                stderr=subprocess.PIPE, text=True) for number in range(6)]
    for process in running:
        _out, err = process.communicate(timeout=100)
        tap.check_equal(process.returncode, 0, f"exit status ({err})")
    # Two that remove one pool at once may each leave it to the other; the next one takes it away.
    with place_in(directory) as place:
        tap.check_equal(place.length("v"), None, "length")


@suite.case("the list of a pool is read again after libvirt itself made a volume")
def after_a_move():
    bench.open()
    bench.host.remove_files()
    path = bench.host.path("moving.img")
    backend, there = new_backend(), bench.mig_host("hostb")
    source = Mig.DiskSource.parse(path, "raw")
    guest = bench.lab.start_guest("hosta", "g1", [Disk(path, size="8M")])
    with guest.domain() as domain:
        domain.migrateToURI3(bench.lab.host("hostb").peer_uri, {},
                             libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER |
                             libvirt.VIR_MIGRATE_NON_SHARED_DISK)
    tap.check_equal(backend.lookup(there, source, None).get_capacity(), 8 * MIB, "length at the destination")
    guest.on(bench.lab.host("hostb")).destroy()
    os.unlink(bench.lab.host("hostb").outside(path))
    with fails("NOT_FOUND"):
        backend.lookup(there, source, None)
    with bench.lab.host("hostb").connect() as connection:
        tap.check_equal(connection.storagePoolLookupByName("local").listVolumes(), [], "the pool's own list")
    tap.check_equal(backend.create(there, source, MIB, "t", None).get_capacity(), MIB, "length of a new one")
    backend.remove(there, source, "t", None)


@suite.case("a pool in which a volume is being written is waited for")
def busy_pool():
    bench.open()
    bench.host.remove_files()
    path = bench.host.path("big.img")
    with open(bench.host.outside(path), "wb") as file:
        for _ in range(256):
            file.write(os.urandom(MIB))
    copy = ("<volume><name>copy.img</name><capacity unit='MiB'>256</capacity><target><format type='raw'/></target>"
            "</volume>")
    refused = 0
    with place_in(os.path.dirname(path)) as place, bench.host.connect() as connection:
        pool = connection.storagePoolLookupByName("local")
        pool.refresh()
        place.length("big.img")
        writer = threading.Thread(target=pool.createXMLFrom, args=(copy, pool.storageVolLookupByName("big.img")))
        writer.start()
        while writer.is_alive():
            with bench.host.connect() as another:
                try:
                    another.storagePoolLookupByName("local").refresh()
                except libvirt.libvirtError:
                    refused += 1
            tap.check_equal(place.length("big.img"), 256 * MIB, "length")
            tap.check_equal(place.length("nothing"), None, "length")
        writer.join()
        tap.check_equal(place.length("copy.img"), 256 * MIB, "length of the copy")
    tap.diagnose(f"libvirt refused to read the list {refused} times")
    bench.host.remove_files()


@suite.case("large files are compared, whatever is a hole in them")
def compared():
    def write(path, offset, data):
        with open(bench.host.outside(path), "r+b") as file:
            file.seek(offset)
            file.write(data)

    with place_without_pool() as place:
        sources = []
        for name in ("one", "two"):
            with open(bench.host.outside(place.path(name)), "wb") as file:
                file.truncate(300 * MIB + 512)
            sources.append(Mig.DiskSource.parse(place.path(name), "raw"))

        def compare(length=300 * MIB + 512):
            return place.backend.compare(place.host, *sources, length, None)

        tap.check_equal(compare(), 300 * MIB + 512, "equal bytes of two holes")
        for name in ("one", "two"):
            write(place.path(name), 200 * MIB - 3, b"the same")
        write(place.path("two"), 70 * MIB, bytes(MIB))
        tap.check_equal(compare(), 300 * MIB + 512, "equal bytes")
        write(place.path("one"), 300 * MIB + 511, b"x")
        tap.check_equal(compare(), 300 * MIB + 511, "equal bytes")
        tap.check_equal(compare(300 * MIB), 300 * MIB, "equal bytes of a part")
        write(place.path("two"), 128 * MIB, b"x")
        tap.check_equal(compare(), 128 * MIB, "equal bytes")


@suite.case("the daemon is killed in the middle")
def killed():
    bench.open()
    daemon = bench.lab.daemon("hosta")
    for _ in range(3):
        with place_without_pool() as place:
            place.put("v", MIB, "raw")
            done = threading.Event()
            answers, errors = [], []

            def ask(place=place, done=done, answers=answers, errors=errors):
                while not done.is_set():
                    try:
                        answers.append(place.lookup("v").get_capacity())
                    except GLib.Error as error:
                        errors.append(error)

            askers = [threading.Thread(target=ask) for _ in range(8)]
            for asker in askers:
                asker.start()
            wait_for(lambda answers=answers: len(answers) > 20, "some answers")
            daemon.kill()
            wait_for(lambda errors=errors: len(errors) > 20, "some errors")
            daemon.start()
            wait_for(lambda answers=answers, before=len(answers): len(answers) > before + 20, "answers again")
            done.set()
            for asker in askers:
                asker.join()
            for error in errors:
                check_code(error, "CONNECTION")
            tap.check_equal(set(answers), {MIB}, "lengths")
            # One of the calls may have left its pool; the next one sweeps.
            tap.check_equal(place.length("nothing"), None, "length")


@suite.case("a daemon that does not answer does not hold whoever cancels")
def frozen():
    with place_without_pool() as place:
        place.put("v", MIB, "raw")
        tap.check_equal(place.length("v"), MIB, "length")
        daemon = bench.lab.daemon("hosta")
        daemon.freeze()
        cancellable = Gio.Cancellable()
        timer = threading.Timer(0.3, cancellable.cancel)
        timer.start()
        try:
            place.backend.lookup(place.host, place.source("v"), cancellable)
            raise AssertionError("a frozen daemon answered")
        except GLib.Error as error:
            tap.check(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED), "cancelled", error.message)
        finally:
            daemon.thaw()
            timer.join()
        tap.check_equal(place.length("v"), MIB, "length afterwards")
        driver = place.backend.props.driver
        wait_for(lambda: driver.get_abandoned_calls() == 0, "the abandoned call to return")


if __name__ == "__main__":
    sys.exit(suite.main())
