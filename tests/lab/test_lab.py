#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab itself: it comes up, does what its verbs say, and leaves nothing behind, however it ends."""

import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest.mock

import tap
from miglab import require

tap.skip_all_if(require.missing())

# pylint: disable=wrong-import-position
import libvirt

from miglab import (Disk, Lab, LabError, create, make_loop, proc, serve_nbdkit, teardown, wait_for)
from miglab import cli, layout
from miglab.errors import EXIT_MISSING

HERE = os.path.dirname(os.path.abspath(__file__))
LIVE = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_UNSAFE
suite = tap.Suite()


def use_own_base():
    """Other labs may be up on this machine: ours are under a directory of our own."""
    base = tempfile.mkdtemp(prefix="migt-", dir="/tmp")
    os.environ["MIG_LAB_BASE"] = base
    os.environ.pop("MIG_LAB", None)
    suite.at_end(lambda: os.rmdir(base))
    suite.at_end(lambda: [teardown.take_down(path) for path in layout.labs()])


class Traces:
    """What a lab consists of, noted while it is up, to be looked for when it is gone."""

    def __init__(self, lab):
        self.directory = lab.directory
        status = lab.status()
        pids = [status["supervisor"], *(host["pid"] for host in status["hosts"].values())]
        pids += [process.pid for host in lab.hosts.values() for process in host.processes()]
        self.processes = [proc.identify(pid) for pid in pids]
        self.namespaces = {os.readlink(path) for host in lab.hosts.values()
                           for path in glob.glob(f"/proc/{host.pid}/ns/*")}
        self.namespaces -= {os.readlink(path) for path in glob.glob("/proc/self/ns/*")}
        tap.check(len(self.namespaces) >= 10, "namespaces", self.namespaces)
        self.noted = time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK")

    def was_there(self, pid):
        """The kernel gives the number of a namespace that is gone to the next one, which may be another lab's."""
        started = proc.start_time(pid)
        return started is not None and started <= self.noted

    def left(self):
        found = [f"process {identity['pid']}" for identity in self.processes if proc.is_alive(identity)]
        for path in glob.glob("/proc/[0-9]*/ns/*"):
            with contextlib.suppress(OSError):
                if os.readlink(path) in self.namespaces and self.was_there(int(path.split("/")[2])):
                    found.append(f"namespace {path}")
        with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
            found += [f"mount {line}" for line in mounts if self.directory in line]
        found += [f"loop device {device}" for device, _ in teardown.loop_devices(self.directory)]
        if os.path.lexists(self.directory):
            found.append(f"directory {self.directory}")
        return found

    def check_gone(self):
        tap.check_equal(self.left(), [], "left behind")


def busy_lab(**options):
    """A lab with something of everything in it."""
    lab = Lab(**options)
    lab.up()
    lab.start_guest("hosta", "g", [Disk(lab.shared("g.img"), size="8M")])
    make_loop(lab.host("hosta"), lab.host("hosta").path("loop.img"), "4M")
    serve_nbdkit(lab.host("hostb"), ["memory", "1M"])
    return lab


def run_lab(*words, expect=0):
    result = subprocess.run([sys.executable, f"{HERE}/lab", *words], check=False, capture_output=True, text=True,
                            timeout=60, stdin=subprocess.DEVNULL)
    tap.check_equal(result.returncode, expect, f"lab {' '.join(words)}: {result.stderr}")
    return result.stdout.strip()


@suite.case("says why it cannot run, with a status of its own")
def says_why():
    for target, value, text in (("os.geteuid", lambda: 1000, "root"),
                                ("shutil.which", lambda program: None, "not installed"),
                                ("os.path.isdir", lambda path: False, "libvirt-daemon-system")):
        require.missing.cache_clear()
        try:
            with unittest.mock.patch(target, value):
                reason = require.missing()
                tap.check(reason is not None and text in reason, "reason", reason)
                with unittest.mock.patch("sys.stderr"):
                    tap.check_equal(cli.main(["up"]), EXIT_MISSING)
        finally:
            require.missing.cache_clear()
    tap.check_equal(require.missing(), None)


@suite.case("comes up and goes down, twice")
def twice():
    for _ in range(2):
        with Lab() as lab:
            traces = Traces(lab)
            for name, host in lab.hosts.items():
                tap.check_equal(host.run("hostname").stdout.strip(), name)
                tap.check_equal(host.volumes("local"), [])
                tap.check_equal(lab.other(name).run("virsh", "-c", host.peer_uri, "hostname").stdout.strip(), name)
            tap.check(traces.left(), "blind")
        traces.check_gone()
        tap.check_equal(layout.labs(), [])


@suite.case("a busy lab goes down whole")
def busy():
    lab = busy_lab()
    traces = Traces(lab)
    lab.down()
    traces.check_gone()


@suite.case("two labs at once do not meet")
def two():
    with Lab() as one, Lab() as other:
        tap.check(one.directory != other.directory, "same directory")
        first = one.start_guest("hosta", "g", [Disk(one.shared("g.img"), size="8M")])
        second = other.start_guest("hosta", "g", [Disk(other.shared("g.img"), size="8M")])
        one.net.cut()
        tap.check_equal((one.net.state()["up"], other.net.state()["up"]), (False, True))
        with second.domain() as domain:
            domain.migrateToURI3(other.host("hostb").peer_uri, {}, LIVE)
        tap.check(other.locate("g").verify()["ok"] and first.verify()["ok"], "not whole")
        traces = Traces(one)
        one.down()
        traces.check_gone()
        tap.check(other.locate("g").verify()["ok"], "the other lab's guest")


@suite.case("hosts have local directories of their own under one path, and a shared one")
def directories():
    with Lab() as lab:
        hosta, hostb = lab.host("hosta"), lab.host("hostb")
        create(hosta, hosta.path("x"), "1M")
        create(hosta, lab.shared("y"), "1M")
        tap.check_equal((hosta.volumes("local"), hosta.volumes("shared")), (["x"], ["y"]))
        tap.check_equal((hostb.volumes("local"), hostb.volumes("shared")), ([], ["y"]))
        tap.check_equal(hosta.files(), [hosta.path("x"), lab.shared("y")])
        tap.check(os.path.exists(hosta.outside(hosta.path("x"))), "outside", hosta.outside(hosta.path("x")))
        tap.check_equal(os.path.exists(hosta.path("x")), False, "on the machine itself")


def peer_answers(lab, timeout=3):
    try:
        lab.host("hosta").run("virsh", "-c", lab.host("hostb").peer_uri, "hostname", timeout=timeout)
    except (LabError, subprocess.TimeoutExpired):
        return False
    return True


@suite.case("the link can be cut and healed, reset and slowed")
def network():
    with Lab() as lab:
        hosta, hostb = lab.host("hosta"), lab.host("hostb")
        lab.net.cut()
        tap.check_equal(peer_answers(lab), False, "while cut")
        lab.net.heal()
        wait_for(lambda: peer_answers(lab), "the healed link")
        guest = lab.start_guest("hosta", "g", [Disk(lab.shared("g.img"), size="8M")], random=1000)
        lab.net.rate("200mbit")
        tap.check_equal(lab.net.state()["rate"], "200Mbit")
        with guest.domain() as domain:
            domain.migrateToURI3(hostb.peer_uri, {}, LIVE)
        with guest.on(hostb).domain() as domain:
            seconds = domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)["time_elapsed"] / 1000
        tap.check(2 <= seconds <= 10, "seconds for 61 MiB at 200 Mbit/s", seconds)
        guest = guest.on(hostb)
        tap.check_equal(guest.verify()["ok"], True)
        lab.net.rate("20mbit")
        move = subprocess.Popen(["virsh", "-c", hostb.uri, "migrate", "--live", "--p2p", "--unsafe", "g",
                                 hosta.peer_uri], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        with move:
            wait_for(lambda: migrating(guest), "the migration to run")
            lab.net.reset()
            said = move.communicate(timeout=30)[0]
        tap.check(move.returncode != 0, "migrated over a dead connection", said)
        lab.net.rate(None)
        tap.check_equal(lab.net.state(), {"up": True, "rate": None})
        tap.check_equal(guest.verify()["ok"], True)
        wait_for(lambda: lab.leftovers((guest, [lab.shared("g.img")])) == [], "the destination to be clean")


def migrating(guest):
    with guest.domain() as domain:
        return domain.jobStats().get("data_processed", 0) > 0


@suite.case("libvirtd can be killed, started and frozen; guests go on")
def daemons():
    with Lab() as lab:
        guest = lab.start_guest("hosta", "g", [Disk(lab.shared("g.img"), size="8M")])
        daemon = lab.daemon("hosta")
        before = daemon.process.pid
        daemon.kill()
        tap.check_equal(daemon.is_running(), False)
        tap.check_equal(list(lab.host("hosta").qemus()), ["g"])
        try:
            guest.state()
            tap.check(False, "libvirtd answers though it is dead")
        except libvirt.libvirtError:
            pass
        daemon.start()
        tap.check(daemon.process.pid != before, "same process")
        tap.check_equal(guest.verify()["ok"], True)
        daemon.stop()
        daemon.restart()
        daemon.freeze()
        with tap.check_raises(subprocess.TimeoutExpired):
            subprocess.run(["virsh", "-c", lab.host("hosta").uri, "list"], check=False, timeout=1,
                           capture_output=True)
        daemon.thaw()
        tap.check_equal(guest.verify()["ok"], True)
        with tap.check_raises(LabError):
            daemon.start()


@suite.case("a host can lose power and boot again")
def power():
    with Lab() as lab:
        hosta, hostb = lab.host("hosta"), lab.host("hostb")
        guest = lab.start_guest("hosta", "g", [Disk(hosta.path("g.img"), size="8M")], persistent=True)
        hosta.power_off()
        tap.check_equal(lab.status()["hosts"]["hosta"]["running"], False)
        tap.check_equal(hostb.daemon.is_running(), True)
        hosta.power_on()
        tap.check_equal(hosta.domains()["g"]["active"], False)
        with guest.domain() as domain:
            domain.create()
        guest.wait_counting()
        tap.check_equal(guest.verify()["ok"], True)
        wait_for(lambda: peer_answers(lab), "the link")
        traces = Traces(lab)
        hosta.kill_qemu("g")
        wait_for(lambda: not hosta.domains()["g"]["active"], "libvirt to notice")
    traces.check_gone()


OWNER = """
import sys
sys.path.insert(0, {here!r})
import test_lab
lab = test_lab.busy_lab()
print(lab.directory, flush=True)
sys.stdin.read()
"""


def owner():
    """Another process with a busy lab of its own."""
    process = subprocess.Popen([sys.executable, "-B", "-c", OWNER.format(here=HERE)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    return process, Lab.attach(process.stdout.readline().strip())


@suite.case("everything goes when its owner is killed")
def owner_killed():
    for number in (signal.SIGKILL, signal.SIGTERM):
        process, lab = owner()
        traces = Traces(lab)
        with process:
            process.send_signal(number)
        wait_for(lambda: not traces.left(), "the lab to follow its owner", timeout=20)
        tap.check_equal(layout.labs(), [])


def started_here():
    """Other processes that have our base directory in their environment."""
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            pid = int(path.split("/")[2])
            if layout.base_directory().encode() in file.read() and pid != os.getpid():
                found.append(pid)
    return found


@suite.case("nothing stays when the owner is killed while the lab comes up")
def owner_killed_early():
    for seconds in ("0.02", "0.06", "0.1", "0.15", "0.2", "0.25"):
        process = subprocess.Popen([sys.executable, "-B", "-c", OWNER.format(here=HERE)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, start_new_session=True)
        with process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1 + float(seconds))
            process.kill()
        wait_for(lambda: not started_here(), "the lab's processes to follow its owner", timeout=20)
        tap.check_equal(os.listdir(layout.base_directory()), [])


@suite.case("killing the supervisor kills the hosts, and sweep removes the rest")
def supervisor_killed():
    with busy_lab() as lab, Lab() as other:
        traces = Traces(lab)
        os.kill(lab.status()["supervisor"], signal.SIGKILL)
        wait_for(lambda: not any(map(proc.is_alive, traces.processes)), "the hosts to die")
        tap.check_equal(run_lab("sweep"), lab.directory)
        # The orphans are reaped by the machine's first process, in its own time.
        wait_for(lambda: not traces.left(), "the rest to go", timeout=10)
        tap.check_equal(layout.labs(), [other.directory], "a live lab")


@suite.case("a half-dead lab can be taken down")
def half_dead():
    with busy_lab() as lab:
        traces = Traces(lab)
        os.kill(lab.host("hosta").pid, signal.SIGKILL)
        run_lab("down", "--dir", lab.directory)
        traces.check_gone()


@suite.case("a lab that cannot come up leaves nothing and says why")
def cannot_come_up():
    base = layout.base_directory()
    with tap.check_raises(LabError, "too long"):
        Lab(f"{base}/{'x' * 100}").up()
    os.mkdir(f"{base}/full")
    os.mkdir(f"{base}/full/something")
    with tap.check_raises(LabError, "not empty"):
        Lab(f"{base}/full").up()
    tap.check_equal(os.listdir(f"{base}/full"), ["something"])
    with tap.check_raises(LabError, "not a lab"):
        teardown.take_down(f"{base}/full")
    shutil.rmtree(f"{base}/full")
    with unittest.mock.patch.dict(os.environ, {"PATH": f"{base}/bin:{os.environ['PATH']}"}):
        os.mkdir(f"{base}/bin")
        with open(f"{base}/bin/libvirtd", "w", encoding="ascii") as file:
            file.write("#!/bin/sh\necho out of order >&2\nexit 3\n")
        os.chmod(f"{base}/bin/libvirtd", 0o755)
        with tap.check_raises(LabError, "out of order"):
            Lab().up()
    shutil.rmtree(f"{base}/bin")
    tap.check_equal(os.listdir(base), [])


@suite.case("the command line does all of it")
def command_line():
    directory = run_lab("up", "--dir", f"{layout.base_directory()}/mine")
    traces = Traces(Lab.attach(directory))
    use = ["--dir", directory]
    tap.check_equal(run_lab("exec", *use, "hostb", "hostname"), "hostb")
    tap.check_equal(run_lab("exec", *use, "hostb", "sh", "-c", "exit 9", expect=9), "")
    status = json.loads(run_lab("status", *use, "--json"))
    tap.check(all(host["daemon"] for host in status["hosts"].values()), "status", status)
    cluster = json.loads(run_lab("cluster", *use))
    tap.check_equal([host["name"] for host in cluster["hosts"]], ["hosta", "hostb"])
    tap.check_equal(cluster["hosts"][0], {
        "name": "hosta", "uri": run_lab("uri", *use, "hosta"), "peer-uri": "qemu+tcp://hosta/system",
        "migration-uri": "tcp://10.99.0.1"})
    tap.check_equal((cluster["limits"], cluster["settle-time"]), ({}, 35))
    with open(run_lab("cluster", *use, "--direct", "--settle-time", "0.5", "--write"), encoding="utf-8") as file:
        cluster = json.load(file)
    tap.check(all("peer-uri" not in host for host in cluster["hosts"]), "direct", cluster)
    tap.check_equal(cluster["settle-time"], 0.5)
    command_line_guest(use, directory)
    run_lab("net", *use, "rate", "100mbit")
    run_lab("net", *use, "rate", "off")
    run_lab("net", *use, "cut")
    tap.check(re.search("network: cut", run_lab("status", *use)), "status")
    run_lab("net", *use, "heal")
    for action in ("kill", "start", "restart", "stop"):
        run_lab("daemon", *use, "hosta", action)
    tap.check("hosta: running, libvirtd down" in run_lab("status", *use), "status")
    run_lab("power", *use, "hosta", "off")
    run_lab("power", *use, "hosta", "on")
    run_lab("frobnicate", expect=2)
    run_lab("down", *use)
    traces.check_gone()
    run_lab("down", *use)
    run_lab("status", *use, expect=1)


def command_line_guest(use, directory):
    run_lab("disk", *use, "hosta", f"{directory}/local/b.qcow2", "16M", "--format", "qcow2")
    run_lab("guest", *use, "start", "hosta", "--name", "g", "--disk", f"{directory}/shared/a.img,size=16M,serial=abc",
            "--disk", f"{directory}/local/b.qcow2,qcow2", "--rate", "10M", "--memory", "32", "--fill", "1",
            "--persistent", "--uuid", "0b4e2a5c-7c39-4d3c-8f4a-0f8a2f1d2b3c")
    info = json.loads(run_lab("guest", *use, "info", "hosta", "g"))
    tap.check(info["uuid"].startswith("0b4e2a5c") and info["persistent"] and info["counters"]["pass"] > 1,
              "info", info)
    tap.check_equal(info["disks"]["vda"]["serial"], "abc")
    report = json.loads(run_lab("guest", *use, "verify", "hosta", "g", "--disk"))
    tap.check(report["ok"] and report["ram_ok"] and report["disk_ok"], "report", report)
    device = run_lab("disk", *use, "hosta", f"{directory}/local/loop.img", "4M", "--loop")
    tap.check(device.startswith("/dev/loop"), "loop", device)
    run_lab("guest", *use, "destroy", "hosta", "g")
    run_lab("guest", *use, "info", "hosta", "g", expect=1)
    run_lab("guest", *use, "start", "hosta", "--name", "g", "--disk", "/x,nonsense", expect=1)


@suite.case("a lab of the command line can be tied to a process")
def tied():
    process = subprocess.Popen(["sleep", "600"])
    with process:
        try:
            directory = run_lab("up", "--tie", str(process.pid))
            traces = Traces(Lab.attach(directory))
            tap.check_equal(run_lab("status").split(":")[0], directory, "found without --dir")
        finally:
            process.kill()
    wait_for(lambda: not traces.left(), "the lab to follow", timeout=20)


if __name__ == "__main__":
    use_own_base()
    sys.exit(suite.main())
