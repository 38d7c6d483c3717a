# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process behind a lab: `supervisor.py DIR|- OWNER_PID|- REPLY_FD`.

It builds the lab, answers with one line on REPLY_FD ("ready DIR" or "error TEXT"), then waits for SIGTERM, or for the
owner's death when the lab is tied to one, and removes the lab with everything in it.  The hosts die with it at once
(PR_SET_PDEATHSIG), whatever happens to it; then only files are left, for `lab sweep`."""

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable=wrong-import-position
from miglab import layout, proc, teardown
from miglab.errors import LabError
from miglab.host import Host
from miglab.network import Network

START_SECONDS = 30
INIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "init.py")
NAMESPACES = ["--mount", "--uts", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc",
              "--propagation", "private"]


class Stopped(Exception):
    """Somebody wants the lab to go before it is up."""


class Supervisor:
    """Builds, holds and removes one lab."""

    def __init__(self, directory, owner):
        self._owner = owner
        self._wake, wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_end)
        self._stopping = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *unused: None)
        self.directory = self._make_directory(directory)
        self._state = {"version": 1, "directory": self.directory, "created": int(time.time()),
                       "supervisor": proc.identify(os.getpid()),
                       "owner": proc.identify(owner) if owner is not None else None, "ready": False, "hosts": {}}
        layout.write_state(self.directory, self._state)
        self._channels = {}
        self._control = None

    def _stop(self, *unused):
        self._stopping = True

    @staticmethod
    def _make_directory(directory):
        if directory is None:
            directory = tempfile.mkdtemp(prefix=layout.PREFIX, dir=layout.base_directory())
            layout.check_path(directory)
            return directory
        layout.check_path(directory)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        if os.listdir(directory):
            raise LabError(f"{directory} is not empty")
        return directory

    def build(self):
        layout.populate(self.directory)
        pending = {name: self._start_host(name) for name in layout.HOSTS}
        for name, (process, channel) in pending.items():
            self._register(name, process, channel)
        hosts = {name: Host(self.directory, name) for name in layout.HOSTS}
        Network(hosts).plug()
        for host in hosts.values():
            if self._stopping or (self._owner is not None and not proc.is_alive(self._state["owner"])):
                raise Stopped("nobody wants it any more")
            host.daemon.start()
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._control.bind(f"{self.directory}/{layout.CONTROL_SOCKET}")
        self._control.listen()
        self._state["ready"] = True
        layout.write_state(self.directory, self._state)

    def _register(self, name, process, channel):
        self._state["hosts"][name] = {"init": proc.identify(self._init_pid(name, channel)),
                                      "holder": proc.identify(process.pid)}
        self._channels[name] = channel
        layout.write_state(self.directory, self._state)

    def _boot(self, name):
        """Starts a host that was powered off."""
        hosts = {name: Host(self.directory, name) for name in layout.HOSTS}
        if hosts[name].is_running():
            raise LabError(f"{name} is running already")
        layout.empty_run(self.directory, name)
        self._channels.pop(name).close()
        self._register(name, *self._start_host(name))
        if all(host.is_running() for host in hosts.values()):
            Network(hosts).plug()
        hosts[name].daemon.start()

    def _serve(self):
        """One request, "boot HOST", answered by "ok" or by what went wrong."""
        connection, _ = self._control.accept()
        with connection:
            connection.settimeout(START_SECONDS)
            try:
                word, _, name = connection.recv(100).decode().strip().partition(" ")
                if word != "boot" or name not in layout.HOSTS:
                    raise LabError("not a request")
                self._boot(name)
                answer = "ok"
            except (LabError, OSError) as error:
                answer = str(error)
            with contextlib.suppress(OSError):
                connection.sendall(answer.encode())

    def _start_host(self, name):
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        ours.settimeout(START_SECONDS)
        with theirs, open(f"{self.directory}/{name}/log/init.log", "ab") as log:
            # pylint: disable=subprocess-popen-preexec-fn,consider-using-with
            process = subprocess.Popen(
                ["unshare", *NAMESPACES, "--", sys.executable, "-B", "-I", "-S", INIT,
                 self.directory, name, str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=proc.die_with_parent)
        return process, ours

    def _init_pid(self, name, channel):
        data, ancillary, _, _ = channel.recvmsg(1, socket.CMSG_SPACE(struct.calcsize("3i")))
        for level, kind, content in ancillary:
            if data == b"1" and level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                return struct.unpack("3i", content[:struct.calcsize("3i")])[0]
        with open(f"{self.directory}/{name}/log/init.log", encoding="utf-8", errors="replace") as log:
            raise LabError(f"{name} did not start: {log.read().strip()}")

    def hold(self):
        """Returns when the lab is to go."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        owner_fd = None
        if self._owner is not None:
            try:
                owner_fd = os.pidfd_open(self._owner)
            except ProcessLookupError:
                return
            poll.register(owner_fd, select.POLLIN)
            if not proc.is_alive(self._state["owner"]):
                return
        while not self._stopping:
            ready = [fd for fd, _ in poll.poll()]
            if owner_fd in ready:
                return
            if self._wake in ready:
                os.read(self._wake, 4096)
            self._reap()
            if self._control.fileno() in ready:
                self._serve()

    @staticmethod
    def _reap():
        try:
            while os.waitpid(-1, os.WNOHANG)[0] != 0:
                pass
        except ChildProcessError:
            pass

    def remove(self):
        teardown.remove_lab(self.directory, self._state)
        self._reap()


def detach():
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def reply(fd, text):
    """False when nobody is listening any more."""
    try:
        os.write(fd, (text.replace("\n", " ") + "\n").encode())
    except BrokenPipeError:
        return False
    finally:
        os.close(fd)
    return True


def main():
    directory, owner, reply_fd = (None if text == "-" else text for text in sys.argv[1:4])
    detach()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    supervisor = None
    try:
        supervisor = Supervisor(directory, int(owner) if owner is not None else None)
        supervisor.build()
    except Exception as error:                  # pylint: disable=broad-exception-caught
        if supervisor is not None:
            supervisor.remove()
        text = str(error) if isinstance(error, LabError) else traceback.format_exc()
        reply(int(reply_fd), f"error {text}")
        sys.exit(1)
    if reply(int(reply_fd), f"ready {supervisor.directory}"):
        supervisor.hold()
    supervisor.remove()


if __name__ == "__main__":
    main()
