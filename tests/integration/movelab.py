# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab with one guest, and examples/mig that acts on it: what the tests of moves stand on."""

import json
import os
import signal
import subprocess
import sys

import tap
import miglab
from miglab import wait_for

MIG = os.environ["MIG_PROGRAM"]
MARK = "libmig"                 # in the metadata of a guest that an operation owns


class MoveLab:
    """`local`: the disk is on its host only, and is copied; otherwise both hosts share it."""

    def __init__(self, *, rate="idle", memory=64, net=None, local=False, persistent=False, paused=False, fill=0,
                 peer=True, settle_time=2):
        self._guest = {"rate": rate, "memory": memory, "persistent": persistent, "paused": paused, "fill": fill}
        self._net = net
        self._cluster = {"peer": peer, "settle_time": settle_time}
        self.local = local

    def __enter__(self):
        self.lab = miglab.Lab().__enter__()
        try:
            self.cluster = self.lab.cluster_file(**self._cluster)
            self.store = f"{self.lab.directory}/operations.db"
            self.disk = self.lab.host("hosta").path("g1.img") if self.local else self.lab.shared("g1.img")
            self.guest = self.lab.start_guest("hosta", "g1", [miglab.Disk(self.disk, size="128M")], **self._guest)
            if self._net is not None:
                self.lab.net.rate(self._net)
        except BaseException:
            self.lab.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *what):
        self.lab.__exit__(*what)

    # Calling mig

    def start(self, *words):
        return subprocess.Popen([MIG, *words, "--cluster", self.cluster, "--store", self.store, "--json"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words, timeout=100):
        """Exit code, JSON lines, standard error."""
        process = self.start(*words)
        out, err = process.communicate(timeout=timeout)
        return process.returncode, [json.loads(line) for line in out.splitlines()], err

    def move_words(self, source="hosta", destination="hostb"):
        disks = ("--disks", "copy") if self.local else ("--disks", "shared", "--unsafe")
        return ("live-migrate", "g1", "--from", source, "--to", destination, *disks)

    def start_move(self, *words):
        return self.start(*self.move_words(), *words)

    def move(self, source, destination, *words):
        """A move that has to succeed; its result."""
        code, lines, err = self.run(*self.move_words(source, destination), *words)
        tap.check_equal(code, 0, f"exit code: {err or lines[-1]}")
        return lines[-1]

    def start_client(self, domains, options=None, **more):
        """A process of its own that moves them all at once; see move-client.py."""
        if options is None:
            options = {"disks": "copy"} if self.local else {"disks": "shared", "unsafe": True}
        spec = {"cluster": self.cluster, "store": self.store, "domains": domains, "from": "hosta", "to": "hostb",
                "options": options, **more}
        return subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "move-client.py"),
                                 json.dumps(spec)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    @staticmethod
    def end_of_client(process, killed=False, timeout=100):
        """How its moves ended, by domain; nothing when it was to be killed."""
        out, err = process.communicate(timeout=timeout)
        tap.check_equal(process.returncode, -signal.SIGKILL if killed else 0, f"how it ended: {err}")
        return {} if killed else json.loads(out)

    @staticmethod
    def read_until(process, event, test=lambda line: True, **fields):
        """The line of a running mig that is wanted; those before it are read over."""
        for text in process.stdout:
            line = json.loads(text)
            if (line["event"] == event and all(line.get(name) == value for name, value in fields.items())
                    and test(line)):
                return line
        raise AssertionError(f"mig ended without {event} {fields}: {process.stderr.read()}")

    @staticmethod
    def end(process, timeout=90):
        """The result, and the exit code."""
        try:
            out, _err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"mig did not end: {out[-4000:]}{err}") from None
        return json.loads(out.splitlines()[-1]), process.returncode

    @staticmethod
    def kill(process):
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)

    def recover(self, timeout=100):
        """What became of the one operation that a dead process left: its status, and where the guest should be now."""
        code, lines, err = self.run("recover", timeout=timeout)
        tap.check_equal((lines[-1]["event"], lines[-1]["count"]), ("recovered", 1), f"the last line {err}")
        result = lines[-2]
        tap.check(code in (0, 1, 3), "wholly done or wholly undone", code, result)
        return result["status"], "hostb" if code == 0 else "hosta"

    # Looking

    def state(self, host):
        """The state of the guest on a host, as libvirt's pair; None where it is absent."""
        if "g1" not in self.lab.host(host).domains():
            return None
        return tuple(self.guest.on(self.lab.host(host)).state())

    def wait_states(self, source, destination, timeout=60):
        wait_for(lambda: (self.state("hosta"), self.state("hostb")) == (source, destination),
                 f"states {source} and {destination}", timeout=timeout)

    def intact(self, host, paused=False, others=()):
        """One whole guest on that host, and nothing else: no other copy, volume or mark, no unfinished operation."""
        there = self.guest.on(self.lab.host(host))
        report = there.verify(progress=not paused)
        tap.check(report["ok"], "memory and disk are whole", report)
        if paused:
            tap.check_equal([where for where in ("hosta", "hostb") if self.state(where) is not None], [host], "hosts")
        else:
            tap.check_equal(self.lab.leftovers((there, [self.disk]), *others), [], "what is left over")
        tap.check(MARK not in there.xml(), "its mark is gone")
        _code, lines, _err = self.run("list")
        tap.check(all(line["status"] in ("completed", "cancelled", "failed") for line in lines), "all has ended", lines)
