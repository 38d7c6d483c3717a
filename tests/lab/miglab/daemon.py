# SPDX-License-Identifier: LGPL-2.1-or-later
"""The libvirtd of one host."""

import signal

import libvirt

from . import proc
from .errors import LabError
from .wait import attempt, wait_for

PID_FILE = "/run/libvirtd.pid"
LOG_FILE = "/var/log/libvirt/libvirtd.log"


class Daemon:
    """Starts, stops, kills and freezes a libvirtd."""

    def __init__(self, host):
        self._host = host

    @property
    def process(self):
        """The running libvirtd as a Process, or None."""
        for process in self._host.processes():
            if process.name == "libvirtd":
                return process
        return None

    def is_running(self):
        return self.process is not None

    def start(self, timeout=30):
        """Returns once the daemon answers and has started the storage pools."""
        if self.is_running():
            raise LabError(f"libvirtd of {self._host.name} is running already")
        self._host.run("libvirtd", "--listen", "-d", "-p", PID_FILE)
        self.wait_ready(timeout)

    def wait_ready(self, timeout=30):
        wait_for(attempt(self._answers, libvirt.libvirtError), f"libvirtd of {self._host.name}", timeout)

    def _answers(self):
        if not self.is_running():
            raise LabError(f"libvirtd of {self._host.name} died: {self.last_words()}")
        with self._host.connect() as connection:
            pools = connection.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART)
            return all(pool.isActive() for pool in pools)

    def last_words(self):
        """The end of its log."""
        with open(self._host.outside(LOG_FILE), encoding="utf-8", errors="replace") as log:
            return " | ".join(log.read().splitlines()[-3:])

    def _signal(self, number):
        process = self.process
        if process is None:
            raise LabError(f"libvirtd of {self._host.name} is not running")
        identity = proc.identify(process.pid)
        proc.send_signal(identity, number)
        return identity

    def _end(self, number, timeout):
        identity = self._signal(number)
        wait_for(lambda: not proc.is_alive(identity), f"libvirtd of {self._host.name} to end", timeout)

    def stop(self, timeout=60):
        """Asks politely; with a migration running that takes libvirtd 30 s."""
        self._end(signal.SIGTERM, timeout)

    def kill(self):
        self._end(signal.SIGKILL, 10)

    def restart(self):
        """Kills it if it runs, then starts it: the guests go on meanwhile."""
        if self.is_running():
            self.kill()
        self.start()

    def freeze(self):
        """Stops it from answering while its connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self):
        self._signal(signal.SIGCONT)
