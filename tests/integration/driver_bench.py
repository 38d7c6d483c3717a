# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of MigLibvirtDriver share: a lab, its hosts as libmig knows them, guests, events."""

import contextlib
import os
import threading
import time

import gi

gi.require_version("Mig", "1")
from gi.repository import GLib, Mig  # noqa: E402

from miglab import Disk, Lab, wait_for  # noqa: E402
import tap  # noqa: E402

State = Mig.DomainState
Kind = Mig.JobKind
Code = Mig.Error


@contextlib.contextmanager
def fails(*codes):
    """The block must fail with one of these codes of libmig."""
    try:
        yield
    except GLib.Error as error:
        tap.check(error.domain == "mig-error-quark", "of another domain", error.domain, error.message)
        tap.check(any(error.code == int(code) for code in codes), "another code", error.code, error.message)
    else:
        raise AssertionError(f"no error, instead of {[code.value_nick for code in codes]}")


class Events:
    """What a driver has told."""

    def __init__(self, driver):
        self._lock = threading.Lock()
        self._heard = []
        self._handler = driver.connect("event", self._on_event)

    def _on_event(self, _driver, host, domain, event, detail):
        with self._lock:
            self._heard.append((host.get_name(), domain, event, detail))

    def all(self, domain=None):
        with self._lock:
            return [(host, event.value_nick, detail) for host, uuid, event, detail in self._heard
                    if domain in (None, uuid)]

    def has(self, host, nick, detail=None, domain=None):
        return any(one == host and event == nick and detail in (None, more) for one, event, more in self.all(domain))

    def wait(self, host, nick, detail=None, domain=None, timeout=10):
        wait_for(lambda: self.has(host, nick, detail, domain), f"{nick} {detail} of {host}, heard: {self.all(domain)}",
                 timeout)


class Call(threading.Thread):
    """A call on a thread of its own; `result` raises what it raised."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self._function, self._arguments = function, arguments
        self._value = self.error = None
        self.seconds = None
        self.start()

    def run(self):
        began = time.monotonic()
        try:
            self._value = self._function(*self._arguments)
        except GLib.Error as error:
            self.error = error
        self.seconds = time.monotonic() - began

    def result(self, timeout=60):
        self.join(timeout)
        tap.check(not self.is_alive(), f"no end after {timeout} s")
        if self.error is not None:
            raise self.error
        return self._value


def abort(driver, host, uuid):
    """Aborts a move, and asks again while a busy machine takes too long to ask."""

    def ask():
        try:
            return driver.abort_job(host, uuid, -1, None)
        except GLib.Error as error:
            if not error.matches(GLib.quark_from_string("mig-error-quark"), int(Code.BUSY)):
                raise
            return False

    wait_for(ask, "an abort in time")


class Bench:
    """One lab for all cases of a program."""

    def __init__(self, suite):
        self._suite = suite
        self._lab = None

    @property
    def lab(self):
        if self._lab is None:
            self._lab = Lab()
            self._lab.up()
            self._suite.at_end(self._lab.down)
            self._lab.warm_up()
        return self._lab

    def host(self, name, **changes):
        host = self.lab.host(name)
        properties = {"name": name, "uri": host.uri, "peer_uri": host.peer_uri, "migration_uri": host.migration_uri}
        return Mig.Host(**{**properties, **changes})

    @property
    def hosts(self):
        return self.host("hosta"), self.host("hostb")

    @contextlib.contextmanager
    def guest(self, name, *disks, host="hosta", **options):
        """A guest that is gone afterwards, wherever it went, and its disks with it."""
        guest = self.lab.start_guest(host, name, disks, **options)
        try:
            yield guest
        finally:
            for one in self.lab.hosts.values():
                if name in one.domains():
                    guest.on(one).destroy()
                one.remove_files()

    def shared(self, name, **options):
        return Disk(self.lab.shared(name), **{"size": "16M", **options})

    def local(self, name, host="hosta", **options):
        return Disk(self.lab.host(host).path(name), **{"size": "16M", **options})


def request(source, destination, uuid, mode="PEER_TO_PEER", flags=Mig.MigrateFlags.UNSAFE, **properties):
    return Mig.MigrateRequest(source=source, destination=destination, domain=uuid, mode=getattr(Mig.MigrateMode, mode),
                              flags=flags, token="token", **properties)


def whole(guest, **options):
    report = guest.verify(**options)
    tap.check(report["ok"] and report["ram_ok"] and report["progressing"], "not whole", report)


def state(driver, host, uuid):
    return driver.get_domain(host, uuid, None).get_state()


def absent(driver, host, uuid):
    with fails(Code.NOT_FOUND):
        driver.get_domain(host, uuid, None)
    return True


def descriptors():
    """What is open, but for what the listing itself opens."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found[name] = os.readlink(f"/proc/self/fd/{name}")
    return {name: target for name, target in found.items() if not target.endswith("/fd")}


def count_threads():
    return len(os.listdir("/proc/self/task"))
