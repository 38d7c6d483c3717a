#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""MigLibvirtDriver and its hosts: connecting, daemons that die or say nothing, domains in all their states."""

import contextlib
import fcntl
import gc
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import tap  # noqa: E402
from miglab import require  # noqa: E402

tap.skip_all_if(require.missing())

from driver_bench import (Bench, Call, Code, Events, Kind, Mig, State, absent, count_threads, descriptors,  # noqa: E402
                          fails, state)
from gi.repository import Gio, GLib  # noqa: E402
import libvirt  # noqa: E402
from miglab import Disk, serve_nbdkit, wait_for  # noqa: E402
from miglab.guest import monitor  # noqa: E402

suite = tap.Suite()
bench = Bench(suite)


@contextlib.contextmanager
def configured(host, line):
    """The host's libvirtd with another line in its configuration, which keeps everybody out."""
    path = bench.lab.host(host).outside("/etc/libvirt/libvirtd.conf")
    with open(path, encoding="utf-8") as file:
        before = file.read()
    name = line.split()[0]
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub(f"^{name} .*\n", "", before, flags=re.M) + line + "\n")
    bench.lab.daemon(host).kill()
    # It has its socket before it goes into the background.
    bench.lab.host(host).run("libvirtd", "--listen", "-d", "-p", "/run/libvirtd.pid")
    try:
        yield
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(before)
        bench.lab.daemon(host).restart()


def reconnected(function, *arguments):
    """After a restart: without events the first call may find the old connection dead, but not the second."""
    try:
        return function(*arguments)
    except GLib.Error as error:
        tap.check(error.matches(GLib.quark_from_string("mig-error-quark"), Code.CONNECTION), "another error", error)
    return function(*arguments)


# Facts


@suite.case("a host tells who it is")
def host_info():
    driver = Mig.LibvirtDriver()
    for host in bench.hosts:
        lab_host = bench.lab.host(host.get_name())
        info = driver.get_host_info(host, None)
        with open(lab_host.outside("/etc/libvirt/libvirtd.conf"), encoding="utf-8") as file:
            wanted = re.search('^host_uuid = "(.*)"', file.read(), re.M).group(1)
        tap.check_equal(info.get_uuid(), wanted)
        tap.check_equal(info.get_hostname(), host.get_name())
        tap.check(0 < info.get_free_memory() < 1 << 50, "free memory", info.get_free_memory())


@suite.case("a daemon that was restarted is another incarnation")
def incarnation():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    first, other = (driver.get_host_info(host, None).get_daemon_incarnation() for host in (hosta, hostb))
    tap.check(first is not None and other is not None and first != other, "incarnations", first, other)
    tap.check_equal(driver.get_host_info(hosta, None).get_daemon_incarnation(), first)
    # Another process, or another driver, gets the same answer.
    tap.check_equal(Mig.LibvirtDriver().get_host_info(hosta, None).get_daemon_incarnation(), first)
    bench.lab.daemon("hosta").restart()
    second = reconnected(driver.get_host_info, hosta, None).get_daemon_incarnation()
    tap.check(second is not None and second != first, "after the restart", first, second)
    tap.check_equal(driver.get_host_info(hostb, None).get_daemon_incarnation(), other)


@suite.case("each run of a guest has a number of its own, also when libvirtd did not see the end of the one before")
def runs():
    driver = Mig.LibvirtDriver()
    hosta = bench.host("hosta")
    with bench.guest("g1", persistent=True) as guest:
        uuid = guest.uuid()

        def number():
            return reconnected(driver.get_domain, hosta, uuid, None).get_id()

        def start():
            with guest.domain() as domain:
                domain.create()
            return number()

        first = number()
        tap.check(first >= 0, "a number", first)
        bench.lab.daemon("hosta").restart()
        tap.check_equal(number(), first, "after libvirtd was restarted")
        guest.destroy(undefine=False)
        tap.check_equal(number(), -1, "when it does not run")
        second = start()
        bench.lab.daemon("hosta").kill()
        bench.lab.host("hosta").kill_qemu("g1")
        bench.lab.daemon("hosta").start()
        tap.check_equal(number(), -1, "when it does not run any more")
        third = start()
        tap.check_equal(len({first, second, third}), 3, f"different numbers of {first}, {second} and {third}")


# Not connecting


@suite.case("a host that is not there, and one that wants to know who we are")
def not_connecting():
    driver = Mig.LibvirtDriver()
    for uri, code in [("qemu+unix:///system?socket=/nonexistent", Code.CONNECTION),
                      ("qemu+tcp://127.0.0.1:1/system", Code.CONNECTION), ("", Code.INVALID_ARGUMENT),
                      ("hosta", Code.INVALID_ARGUMENT)]:
        with fails(code):
            driver.get_host_info(Mig.Host(name="nowhere", uri=uri), None)
    # SASL is asked for and not set up: nobody gets in.
    with configured("hosta", 'auth_unix_rw = "sasl"'):
        with fails(Code.CONNECTION):
            driver.get_host_info(bench.host("hosta"), None)
    tap.check(driver.get_host_info(bench.host("hosta"), None) is not None, "afterwards")


@suite.case("many who ask a silent daemon wait ten seconds for one attempt, and know when it is back", timeout=120)
def frozen():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    daemon = bench.lab.daemon("hosta")
    with bench.guest("g1", persistent=True) as guest:
        uuid = guest.uuid()
        tap.check_equal(state(driver, hosta, uuid), State.RUNNING)
        daemon.freeze()
        try:
            calls = [Call(driver.get_domain, hosta, uuid, None) for _ in range(8)]
            # The other host is not concerned.
            began = time.monotonic()
            absent(driver, hostb, uuid)
            tap.check(time.monotonic() - began < 3, "the other host waited too")
            for call in calls:
                with fails(Code.CONNECTION):
                    call.result(40)
                tap.check(call.seconds < 25, "too patient", call.seconds)
            tap.check(0 < driver.get_abandoned_calls() <= 16, "abandoned", driver.get_abandoned_calls())
        finally:
            daemon.thaw()
        wait_for(lambda: driver.get_abandoned_calls() == 0, "the abandoned calls to return")
        tap.check_equal(state(driver, hosta, uuid), State.RUNNING)


@suite.case("a driver goes while its calls hang", timeout=60)
def gone_while_frozen():
    hosta, _ = bench.hosts
    daemon = bench.lab.daemon("hosta")
    before = count_threads()
    driver = Mig.LibvirtDriver(connect_timeout=0.5)
    daemon.freeze()
    try:
        with fails(Code.CONNECTION):
            driver.get_host_info(hosta, None)
        began = time.monotonic()
        driver = None
        gc.collect()
        tap.check(time.monotonic() - began < 3, "the driver took long to go", time.monotonic() - began)
    finally:
        daemon.thaw()
    wait_for(lambda: count_threads() <= before, "the threads to end")


@suite.case("too many calls that hang are BUSY, but only for their host", timeout=60)
def busy():
    hosta, hostb = bench.hosts
    driver = Mig.LibvirtDriver(connect_timeout=0.5, max_abandoned_calls=1)
    daemon = bench.lab.daemon("hosta")

    def is_busy():
        try:
            driver.get_host_info(hosta, None)
        except GLib.Error as error:
            tap.check(error.code in (Code.CONNECTION, Code.BUSY), "another error", error)
            return error.code == Code.BUSY
        raise AssertionError("a frozen daemon answered")

    driver.get_host_info(hostb, None)
    daemon.freeze()
    try:
        wait_for(is_busy, "too many calls", 20)
        driver.get_host_info(hostb, None)
    finally:
        daemon.thaw()
    wait_for(lambda: driver.get_abandoned_calls() == 0, "the abandoned call to return")
    tap.check(driver.get_host_info(hosta, None) is not None, "no recovery")


def killed(driver):
    hosta, _ = bench.hosts
    daemon = bench.lab.daemon("hosta")
    with bench.guest("g1", persistent=True) as guest:
        uuid = guest.uuid()
        for _ in range(3):
            tap.check_equal(state(driver, hosta, uuid), State.RUNNING)
            daemon.kill()
            with fails(Code.CONNECTION):
                driver.get_domain(hosta, uuid, None)
            with fails(Code.CONNECTION):
                driver.pause(hosta, uuid, None)
            daemon.start()
        tap.check_equal(state(driver, hosta, uuid), State.RUNNING)


@suite.case("a daemon that dies is CONNECTION until it is back (no event loop)")
def killed_polling():
    killed(Mig.LibvirtDriver())


# Domains


@suite.case("domains in their states")
def states():
    driver = Mig.LibvirtDriver()
    hosta, _ = bench.hosts
    with bench.guest("g1", bench.shared("g1.img", serial="S1"), bench.local("g1.qcow2", format="qcow2"),
                     persistent=True, memory=32) as guest:
        uuid = guest.uuid()
        for name in (uuid, uuid.upper(), "g1"):
            info = driver.get_domain(hosta, name, None)
            tap.check_equal((info.get_uuid(), info.get_name()), (uuid, "g1"))
        tap.check_equal((info.get_state(), info.get_job()), (State.RUNNING, Kind.NONE))
        tap.check(info.is_persistent() and not info.has_snapshots(), "persistent, without snapshots")
        tap.check_equal(info.get_memory(), 32 << 20)
        live = {disk.get_target(): disk for disk in info.get_disks()}
        defined = {disk.get_target(): disk for disk in info.get_persistent_disks()}
        tap.check_equal((sorted(live), sorted(defined)), (["vda", "vdb"], ["vda", "vdb"]))
        tap.check_equal(live["vda"].get_source().get_path(), bench.lab.shared("g1.img"))
        tap.check_equal((live["vda"].get_serial(), live["vdb"].get_source().get_format()), ("S1", "qcow2"))
        tap.check("<domain" in info.get_definition() and "<domain" in info.get_persistent_definition(), "definitions")

        driver.pause(hosta, uuid, None)
        driver.pause(hosta, uuid, None)
        tap.check_equal(state(driver, hosta, uuid), State.PAUSED)
        driver.resume(hosta, uuid, None)
        driver.resume(hosta, uuid, None)
        tap.check_equal(state(driver, hosta, uuid), State.RUNNING)
        with fails(Code.INVALID_STATE):
            driver.undefine(hosta, uuid, None)
        with guest.domain() as domain:
            monitor(domain, "stop")                      # behind libvirt's back, as for an I/O error
        wait_for(lambda: state(driver, hosta, uuid) != State.RUNNING, "libvirt to notice")
        driver.resume(hosta, uuid, None)

        driver.destroy(hosta, uuid, None)
        driver.destroy(hosta, uuid, None)
        info = driver.get_domain(hosta, uuid, None)
        tap.check_equal((info.get_state(), info.get_job()), (State.SHUT_OFF, Kind.NONE))
        tap.check_equal(len(info.get_disks()), 2, "disks of the definition")
        with fails(Code.INVALID_STATE):
            driver.resume(hosta, uuid, None)
        definition = info.get_persistent_definition()
        driver.undefine(hosta, uuid, None)
        driver.undefine(hosta, uuid, None)
        absent(driver, hosta, uuid)
        for verb in (driver.pause, driver.resume, driver.destroy):
            with fails(Code.NOT_FOUND):
                verb(hosta, uuid, None)
        driver.define(hosta, definition, None)
        driver.define(hosta, definition, None)
        tap.check_equal(state(driver, hosta, uuid), State.SHUT_OFF)
        with fails(Code.INVALID_ARGUMENT):
            driver.define(hosta, "<domain/>", None)


@suite.case("a guest whose QEMU crashes, transient and persistent")
def crashed():
    driver = Mig.LibvirtDriver()
    hosta, _ = bench.hosts
    with bench.guest("g1", persistent=True) as guest, bench.guest("g2") as other:
        uuid, gone = guest.uuid(), other.uuid()
        tap.check(not driver.get_domain(hosta, gone, None).is_persistent(), "g2 is transient")
        for name in ("g1", "g2"):
            bench.lab.host("hosta").kill_qemu(name)
        wait_for(lambda: state(driver, hosta, uuid) == State.CRASHED, "libvirt to notice")
        wait_for(lambda: "g2" not in bench.lab.host("hosta").domains(), "g2 to go")
        absent(driver, hosta, gone)


@suite.case("a disk that fails pauses its guest")
def io_error():
    driver = Mig.LibvirtDriver()
    hosta, _ = bench.hosts
    server = serve_nbdkit(bench.lab.host("hostb"), ["memory", "16M"])
    with bench.guest("g1", Disk(server.uri), persistent=True) as guest:
        uuid = guest.uuid()
        definition = driver.get_domain(hosta, uuid, None).get_persistent_definition()
        guest.destroy(undefine=False)
        driver.define(hosta, definition.replace("<driver name='qemu'", "<driver name='qemu' error_policy='stop'"), None)
        with guest.domain() as domain:
            domain.create()
        guest.wait_counting()
        disk = driver.get_domain(hosta, uuid, None).find_disk("vda")
        tap.check_equal(disk.get_source().get_kind(), Mig.DiskSourceKind.NBD)
        # It would wait for its client.
        bench.lab.host("hostb").run("sh", "-c", "kill -KILL $(cat /run/nbdkit-10809.pid)")
        wait_for(lambda: state(driver, hosta, uuid) == State.PAUSED_IO_ERROR, "the guest to be paused")


@suite.case("a list has every domain, and survives one that goes meanwhile", timeout=90)
def listing():
    driver = Mig.LibvirtDriver()
    hosta, hostb = bench.hosts
    tap.check_equal(driver.list_domains(hostb, None), [])
    with bench.guest("g1", persistent=True), bench.guest("g2"), bench.guest("g3", memory=16):
        bench.lab.guest("hosta", "g1").destroy(undefine=False)
        found = {info.get_name(): info.get_state() for info in driver.list_domains(hosta, None)}
        tap.check_equal(found, {"g1": State.SHUT_OFF, "g2": State.RUNNING, "g3": State.RUNNING})
        calls = [Call(driver.list_domains, hosta, None) for _ in range(6)]
        bench.lab.guest("hosta", "g3").destroy()
        for call in calls:
            tap.check({"g1", "g2"} <= {info.get_name() for info in call.result()}, "missing in the list")


@suite.case("a volume of a pool is where the pool's definition says, also when the pool sleeps or does not know it")
def volumes_of_pools():
    driver, (hosta, _) = Mig.LibvirtDriver(), bench.hosts
    host = bench.lab.host("hosta")
    path = host.path("late/late.img")

    def sources(listed):
        info = driver.list_domains(hosta, None)[0] if listed else driver.get_domain(hosta, "v1", None)
        disks = [*info.get_disks(), *info.get_persistent_disks()]
        return {(disk.get_source().get_kind(), disk.get_source().get_path()) for disk in disks}

    def check(wanted, what):
        for listed in (True, False):
            tap.check_equal(sources(listed), {wanted}, what)

    there, lost = (Mig.DiskSourceKind.FILE, path), (Mig.DiskSourceKind.OTHER, "late/late.img")
    with host.connect() as connection:
        pool = connection.storagePoolDefineXML(
            f"<pool type='dir'><name>late</name><target><path>{os.path.dirname(path)}</path></target></pool>")
        domain = connection.defineXML(
            "<domain type='qemu'><name>v1</name><memory>16384</memory><os><type>hvm</type></os><devices>"
            "<disk type='volume'><driver name='qemu' type='raw'/><source pool='late' volume='late.img'/>"
            "<target dev='vda'/></disk></devices></domain>")
        os.mkdir(os.path.dirname(host.outside(path)))
        check(there, "before there is anything")
        pool.create(0)
        with open(host.outside(path), "wb") as file:
            file.truncate(1 << 20)
        pool.refresh(0)
        domain.create()
        check(there, "while it runs")
        pool.destroy()
        check(there, "while the pool sleeps")
        pool.undefine()
        check(lost, "without the pool")
        domain.destroy()
        domain.undefine()
    host.remove_files()


@suite.case("a guest that gets its definition back keeps the password of its display")
def passwords():
    driver, (hosta, _) = Mig.LibvirtDriver(), bench.hosts
    with bench.lab.host("hosta").connect() as connection:
        domain = connection.createXML(
            "<domain type='qemu'><name>v1</name><memory>16384</memory><os><type>hvm</type></os><devices>"
            "<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='s3cret'/></devices></domain>", 0)
        info = driver.get_domain(hosta, "v1", None)
        tap.check("s3cret" not in info.get_definition(), "a secret is handed out")
        driver.define(hosta, info.get_definition(), None)
        defined = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
        tap.check(domain.isPersistent() and "passwd='s3cret'" in defined, "the password is lost", defined)
        domain.destroy()
        domain.undefine()


@suite.case("marks are in both definitions, and survive the daemon")
def marks():
    driver = Mig.LibvirtDriver()
    hosta, _ = bench.hosts
    text = 'op/1 <&"\'> ü'
    with bench.guest("g1", persistent=True) as guest, bench.guest("g2") as other:
        for one in (guest, other):
            uuid = one.uuid()
            driver.set_mark(hosta, uuid, "first", None)
            driver.set_mark(hosta, uuid, text, None)
            tap.check_equal(driver.get_domain(hosta, uuid, None).get_mark(), text)
        tap.check("urn:libmig:mark:1" in guest.xml() and "urn:libmig:mark:1" in guest.xml(inactive=True), "both")
        bench.lab.daemon("hosta").restart()
        tap.check_equal(reconnected(driver.get_domain, hosta, other.uuid(), None).get_mark(), text)
        for one in (guest, other):
            driver.set_mark(hosta, one.uuid(), None, None)
            driver.set_mark(hosta, one.uuid(), None, None)
            tap.check_equal(driver.get_domain(hosta, one.uuid(), None).get_mark(), None)
        tap.check("libmig" not in guest.xml(inactive=True), "left over")
        guest.destroy(undefine=False)
        driver.set_mark(hosta, guest.uuid(), text, None)
        tap.check_equal(driver.get_domain(hosta, guest.uuid(), None).get_mark(), text)
        with fails(Code.NOT_FOUND):
            driver.set_mark(hosta, "nobody", text, None)


@suite.case("firmware variables survive undefining")
def nvram():
    driver = Mig.LibvirtDriver()
    hosta, _ = bench.hosts
    lab_host = bench.lab.host("hosta")
    with bench.guest("g1", persistent=True) as guest:
        uuid = guest.uuid()
        guest.destroy(undefine=False)
        code, variables = lab_host.path("code.fd"), lab_host.path("variables.fd")
        for path in (code, variables):
            with open(lab_host.outside(path), "wb") as file:
                file.write(bytes(4096))
        definition = driver.get_domain(hosta, uuid, None).get_persistent_definition()
        definition = re.sub("(<type [^>]*>hvm</type>)",
                            f"\\1<loader readonly='yes' type='pflash'>{code}</loader><nvram>{variables}</nvram>",
                            definition)
        driver.define(hosta, definition, None)
        driver.undefine(hosta, uuid, None)
        absent(driver, hosta, uuid)
        tap.check(variables in lab_host.files(), "the variables are gone")


# Being a guest in the process


@suite.case("descriptors are closed on exec; connections and threads go when they are idle", timeout=60)
def tidy():
    hosta, hostb = bench.hosts
    gc.collect()
    before, threads = descriptors(), count_threads()
    driver = Mig.LibvirtDriver()
    with bench.guest("g1") as guest:
        uuid = guest.uuid()
        calls = [Call(driver.set_mark, hosta, uuid, f"mark {number}", None) for number in range(20)]
        calls += [Call(driver.get_domain, hosta, uuid, None) for _ in range(20)]
        for call in calls:
            call.result()
        driver.get_host_info(hostb, None)
        opened = {name: target for name, target in descriptors().items() if before.get(name) != target}
        # A socket and an eventfd for each connection: two hosts, 20 changes at one a connection, and some queries.
        tap.check(4 <= len(opened) <= 2 * (2 + 20 + 8), "descriptors", opened)
        for name in opened:
            with contextlib.suppress(OSError):
                flags = fcntl.fcntl(int(name), fcntl.F_GETFD)
                tap.check(flags & fcntl.FD_CLOEXEC, "not closed on exec", name, opened[name])
        # One control connection for each host remains.
        wait_for(lambda: len(descriptors()) <= len(before) + 4, "the work connections to be closed", 20)
        wait_for(lambda: count_threads() <= threads, "the threads to end", 20)
    driver = calls = call = None
    gc.collect()
    wait_for(lambda: len(descriptors()) == len(before), "everything to be closed", 5)


@suite.case("a child that was forked is refused")
def forked():
    driver = Mig.LibvirtDriver()
    hosta, _ = bench.hosts
    driver.get_host_info(hosta, None)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with fails(Code.INVALID_STATE):
                driver.get_host_info(hosta, None)
            status = 0
        finally:
            os._exit(status)
    tap.check_equal(os.waitpid(child, 0)[1], 0)
    tap.check(driver.get_host_info(hosta, None) is not None, "the parent's connection")


@suite.case("a call that is cancelled returns at once")
def cancelled():
    hosta, _ = bench.hosts
    driver = Mig.LibvirtDriver()
    driver.get_host_info(hosta, None)
    daemon = bench.lab.daemon("hosta")
    cancellable = Gio.Cancellable()
    daemon.freeze()
    try:
        call = Call(driver.get_host_info, hosta, cancellable)
        wait_for(call.is_alive, "the call")
        cancellable.cancel()
        call.join(5)
        tap.check(call.error is not None and call.error.domain == "g-io-error-quark", "cancelled", call.error)
    finally:
        daemon.thaw()
    tap.check(driver.get_host_info(hosta, None) is not None, "afterwards")


# The rest with an event loop: once there is one, it stays.


@suite.case("with an event loop: a connection's end is told, and the next call makes another")
def killed_with_events():
    Mig.libvirt_start_event_thread()
    Mig.libvirt_start_event_thread()
    driver = Mig.LibvirtDriver()
    events = Events(driver)
    hosta, hostb = bench.hosts
    for host in (hosta, hostb):
        driver.get_host_info(host, None)
    bench.lab.daemon("hosta").kill()
    events.wait("hosta", "connection-lost", domain="*", timeout=5)
    bench.lab.daemon("hosta").start()
    killed(driver)
    tap.check(not events.has("hostb", "connection-lost"), "the other host", events.all())

    # Events come over the new connection.
    with bench.guest("g2") as guest:
        uuid = guest.uuid()
        events.wait("hosta", "started", "other", uuid)
        driver.pause(hosta, uuid, None)
        events.wait("hosta", "suspended", "other", uuid)
        driver.resume(hosta, uuid, None)
        events.wait("hosta", "resumed", "other", uuid)
        driver.destroy(hosta, uuid, None)
        events.wait("hosta", "stopped", "other", uuid)


@suite.case("with an event loop: each event once, also after many asked at the beginning")
def events_once():
    driver = Mig.LibvirtDriver()
    events = Events(driver)
    hosta, _ = bench.hosts
    for call in [Call(driver.list_domains, hosta, None) for _ in range(5)] + \
            [Call(driver.get_host_info, hosta, None) for _ in range(20)]:
        call.result()
    with bench.guest("g1") as guest:
        uuid = guest.uuid()
        for _ in range(3):
            driver.pause(hosta, uuid, None)
            driver.resume(hosta, uuid, None)
        driver.destroy(hosta, uuid, None)
        events.wait("hosta", "stopped", "other", uuid)
        heard = [event for _, event, _ in events.all(uuid)]
        tap.check_equal((heard.count("suspended"), heard.count("stopped")), (3, 1), heard)


@suite.case("with an event loop: a daemon that falls silent is noticed without asking", timeout=60)
def silent_with_events():
    driver = Mig.LibvirtDriver()
    events = Events(driver)
    hosta, _ = bench.hosts
    daemon = bench.lab.daemon("hosta")
    driver.get_host_info(hosta, None)
    daemon.freeze()
    try:
        events.wait("hosta", "connection-lost", timeout=40)
    finally:
        daemon.thaw()
    tap.check(driver.get_host_info(hosta, None) is not None, "no recovery")


if __name__ == "__main__":
    sys.exit(suite.main())
