# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of block devices and volume swaps share: a lab with a guest, and the library through its typelib.

A program has one lab for all its cases, since to bring one up, and libvirtd's first use of QEMU, take longer than most
cases do. What a case leaves there is cleared away after it; a lab in which something failed is not used again."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lab"))

# pylint: disable=wrong-import-position
import tap
from miglab import require

tap.skip_all_if(require.missing())

import gi
import libvirt
import libvirt_qemu

import miglab
from miglab import proc, teardown

gi.require_version("Mig", "1")
from gi.repository import Gio, GLib, GObject, Mig  # noqa: E402

MIB = 1 << 20
# What the library makes on a host for the time of one call.
SCRATCH = ("libmig-pool-", "libmig-probe-")
CLIENT = os.path.join(HERE, "swap-client.py")


def options(**values):
    """Swap options; "resize_to" is "resize-to"."""
    return Mig.SwapOptions(**values)


def source(text, image_format=None):
    return Mig.DiskSource.parse(text, image_format)


def code_of(error):
    """The nick of an error of the library."""
    if error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED):
        return "cancelled"
    tap.check(error.domain == "mig-error-quark", "an error of another domain", error.domain, error.message)
    return Mig.Error(error.code).value_nick


def check_raises(code, function, *parts):
    """Calls the function, which must fail with this code and with a message that has all the parts."""
    try:
        result = function()
    except GLib.Error as error:
        tap.check_equal(code_of(error), code, f"code of “{error.message}”")
        for part in parts:
            tap.check(part in error.message, f"“{part}” in the message", error.message)
        return error.message
    raise AssertionError(f"returned {result!r} instead of failing with {code}")


class Run(threading.Thread):
    """A call that blocks, on a thread of its own."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self._call = lambda: function(*arguments)
        self.result = None
        self.error = None
        self.start()

    def run(self):
        try:
            self.result = self._call()
        except GLib.Error as error:
            self.error = error

    def finish(self, timeout=60):
        """The result, or the call's own exception."""
        self.join(timeout)
        tap.check(not self.is_alive(), f"the call did not return within {timeout} s")
        if self.error is not None:
            raise self.error
        return self.result


class CountingStore(GObject.Object, Mig.StateStore):
    """A store that counts the commits which go through it, and calls `before_line (kind, step)` before each of the
    journal's lines is written."""

    def __init__(self, inner):
        super().__init__()
        self._inner = inner
        self.commits = 0
        self.before_line = None

    def do_get_name(self):
        return "counting"

    def do_get_features(self):
        return self._inner.get_features()

    def do_get(self, key, cancellable):
        return self._inner.get(key, cancellable)

    def do_list_records(self, prefix, after, limit, cancellable):
        return self._inner.list(prefix, after, limit, cancellable)

    def _tell_lines(self, transaction):
        for index in range(transaction.get_n_changes()):
            if "/journal/" in transaction.get_change_key(index):
                line = json.loads(transaction.get_change_value(index))
                self.before_line(line["kind"], line.get("step"))

    def do_commit(self, transaction, cancellable):
        if self.before_line is not None:
            self._tell_lines(transaction)
        revision = self._inner.commit(transaction, cancellable)
        if any(transaction.get_change_key(index).startswith("op/") for index in range(transaction.get_n_changes())):
            self.commits += 1
        return revision


class SharedLab:
    """The lab of this program: brought up for the first case that wants one, and for the next after it was dropped."""

    def __init__(self):
        self._lab = None

    def get(self):
        if self._lab is None:
            self._lab = miglab.Lab().__enter__()
        return self._lab

    def drop(self):
        lab, self._lab = self._lab, None
        if lab is not None:
            lab.down()

    def clear(self):
        """Leaves of the lab what was there when it had come up."""
        lab = self._lab
        for host in lab.hosts.values():
            with host.connect() as connection:
                clear_libvirt(connection)
            end_servers(host)
            unmount(host)
        lab.net.rate(None)
        teardown.detach_loops(lab.directory)
        for host in lab.hosts.values():
            clear_directory(host.outside(host.path("")))
        clear_directory(lab.shared(""))
        for name in os.listdir(lab.directory):
            if name.startswith("ops.db"):
                os.unlink(f"{lab.directory}/{name}")


def clear_libvirt(connection):
    for domain in connection.listAllDomains():
        active, persistent = domain.isActive(), domain.isPersistent()
        if active:
            domain.destroy()
        if persistent:
            domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE |
                                 libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)
    for secret in connection.listAllSecrets():
        secret.undefine()


def end_servers(host):
    for process in host.processes():
        if process.name in ("nbdkit", "qemu-nbd"):
            identity = proc.identify(process.pid)
            proc.send_signal(identity, signal.SIGKILL)
            miglab.wait_for(lambda identity=identity: not proc.is_alive(identity), f"the end of {process.name}")


def unmount(host):
    with open(f"/proc/{host.pid}/mounts", encoding="utf-8") as file:
        places = [line.split()[1] for line in file]
    for place in reversed(places):
        if place.startswith(host.path("")):
            host.run("umount", place)


def clear_directory(directory):
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


shared_lab = SharedLab()


def make_suite():
    """A suite whose lab goes down after the last case."""
    suite = tap.Suite()
    suite.at_end(shared_lab.drop)
    return suite


class Lifecycle:
    """What libvirt tells of the lives of a host's domains: `words` are pairs of a name and an event's number."""

    def __init__(self, host):
        self._host = host
        self.words = []

    def __enter__(self):
        self._connection = libvirt.open(self._host.uri)
        self._handle = self._connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                               self._hear, None)
        return self

    def __exit__(self, *what):
        self._connection.domainEventDeregisterAny(self._handle)
        self._connection.close()

    def _hear(self, _connection, domain, event, _detail, _opaque):
        self.words.append((domain.name(), event))

    def count(self, name, event):
        return self.words.count((name, event))

    def settle(self):
        """What had happened before has been heard: another event, made for that, comes after it."""
        with self._host.connect() as connection:
            connection.defineXML("<domain type='qemu'><name>last-word</name><memory>1024</memory><os>"
                                 "<type arch='x86_64'>hvm</type></os></domain>").undefine()
        miglab.wait_for(lambda: self.count("last-word", libvirt.VIR_DOMAIN_EVENT_UNDEFINED), "the last event")


class Bench:
    """The lab with nothing in it, and a cluster of its two hosts.

    `with Bench () as bench:` has no guest yet; bench.start () makes one."""

    def __init__(self, store=None, settle_time=2):
        self._store = store
        self._settle_time = settle_time

    def __enter__(self):
        Mig.libvirt_start_event_thread()
        self.lab = shared_lab.get()
        self.hosta, self.hostb = self.lab.host("hosta"), self.lab.host("hostb")
        self.store = self._store if self._store is not None else CountingStore(Mig.MemoryStore.new())
        self.cluster = self.open(self.store)
        return self

    def __exit__(self, kind, *_what):
        whole = False
        try:
            self.cluster.close(Mig.CloseMode.ABORT, None)
            if kind is None and all(host.daemon.is_running() for host in self.lab.hosts.values()):
                self.check_no_scratch()
                shared_lab.clear()
                whole = True
        finally:
            if not whole:
                shared_lab.drop()

    def open(self, store):
        """A cluster of the lab's hosts on a store."""
        driver = Mig.LibvirtDriver()
        cluster = Mig.Cluster.new(store, driver)
        cluster.set_property("volume-backend", Mig.PoolBackend.new(driver))
        cluster.configure(json.dumps(self.lab.cluster(settle_time=self._settle_time)))
        return cluster

    def start(self, name="g1", disks=1, size="64M", image_format="raw", **settings):
        """A guest on hosta; its disks are NAME-a.img and so on, and it writes to all of them."""
        specs = [miglab.Disk(self.path(f"{name}-{'abcdefgh'[index]}.img"), image_format, size=size,
                             serial=f"{name}-{index}") for index in range(disks)]
        return self.lab.start_guest("hosta", name, specs, **{"fill": 16, **settings})

    def path(self, name):
        return self.hosta.path(name)

    def device(self, name="g1", target="vda", host="hosta"):
        return Mig.BlockDevice.new(self.cluster, self.cluster.find_host(host), name, target)

    def new_swap(self, destination, image_format=None, name="g1", target="vda", key=None, **settings):
        return self.device(name, target).new_swap(source(destination, image_format), options(**settings), key)

    def swap(self, destination, image_format=None, **settings):
        """Swaps and returns the operation."""
        swap = self.new_swap(destination, image_format, **settings)
        swap.run(None)
        return swap

    def volume(self, path, size="64M", image_format="raw"):
        """A volume that is there already."""
        return miglab.create(self.hosta, path, size, image_format)

    @contextlib.contextmanager
    def domain(self, name="g1"):
        with self.hosta.connect() as connection:
            yield connection.lookupByName(name)

    def copy_by_hand(self, name, path, bandwidth, flags=0):
        """A mirror that the library knows nothing of."""
        with self.domain(name) as domain:
            domain.blockCopy("vda", f"<disk type='file'><source file='{path}'/><driver type='raw'/></disk>",
                             {"bandwidth": bandwidth}, flags)

    def qmp(self, command, name="g1", **arguments):
        """What QEMU itself answers."""
        with self.domain(name) as domain:
            said = libvirt_qemu.qemuMonitorCommand(domain, json.dumps({"execute": command, "arguments": arguments}), 0)
            return json.loads(said)["return"]

    def wait_jobs(self, *jobs):
        """Returns once each of these pairs of a guest and a target has a job, all at the same time."""
        miglab.wait_for(lambda: all(self.job(target, name) for name, target in jobs), f"all of {len(jobs)} jobs",
                        interval=0.05)

    def hurry(self, target="vda", name="g1"):
        """Takes away the limit of a job."""
        with self.domain(name) as domain:
            domain.blockJobSetSpeed(target, 0)

    def job(self, target="vda", name="g1"):
        """libvirt's own word on the disk's job."""
        with self.domain(name) as domain:
            return domain.blockJobInfo(target)

    # Checking

    def check_on(self, guest, path, image_format="raw", target="vda", persistent=False):
        """The guest is whole and runs on that volume, which both definitions name; it has no job."""
        tap.check_equal(guest.disks()[target].path, path, "the running guest's source")
        tap.check_equal(guest.disks()[target].format, image_format, "the running guest's format")
        if persistent:
            tap.check_equal(guest.disks(inactive=True)[target].path, path, "the definition's source")
            tap.check_equal(guest.disks(inactive=True)[target].format, image_format, "the definition's format")
        self.check_whole(guest)
        tap.check_equal(self.job(target, guest.name), {}, "the disk's job")

    @staticmethod
    def check_whole(guest):
        report = guest.verify()
        tap.check(report["ok"], "the guest is whole", report)

    def check_files(self, *paths):
        """There are these files on hosta, and no others but firmware's."""
        found = [path for path in self.hosta.files() if not path.endswith(".boot")]
        tap.check_equal(found, sorted(paths), "files")

    def check_no_scratch(self):
        """What was made to look at a directory or a disk has gone, on both hosts."""
        for host in self.lab.hosts.values():
            with host.connect() as connection:
                names = [thing.name() for thing in connection.listAllStoragePools() + connection.listAllDomains()]
            tap.check_equal([name for name in names if name.startswith(SCRATCH)], [], f"what is left on {host.name}")


def steps_of(cluster, swap):
    """The journal as [(kind, step)]."""
    return [(line["kind"], line.get("step")) for line in json.loads(cluster.dup_journal(swap.get_id(), None))]


def start_client(bench, spec, **options):
    """A process that runs a swap as the spec says; see swap-client.py."""
    spec = {"hosts": bench.lab.cluster(settle_time=2), **spec}
    # pylint: disable=consider-using-with
    return subprocess.Popen([sys.executable, CLIENT, json.dumps(spec)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, text=True, **options)


def run_client(bench, spec, killed=False):
    """Runs it to its end, which is its own death when it is to be killed."""
    process = start_client(bench, spec)
    out, _ = process.communicate(timeout=100)
    tap.check_equal(process.returncode, -signal.SIGKILL if killed else 0, f"exit status, after {out}")
    return out


__all__ = ["Bench", "CountingStore", "Gio", "GLib", "Lifecycle", "Mig", "MIB", "Run", "check_raises", "code_of",
           "libvirt", "make_suite", "miglab", "options", "run_client", "source", "start_client", "steps_of", "tap"]
