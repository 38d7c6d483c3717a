# SPDX-License-Identifier: LGPL-2.1-or-later
"""A directory in which examples/mig is called without hosts, and a store whose records a test writes itself; mig on a
terminal."""

import fcntl
import json
import os
import pty
import re
import sqlite3
import struct
import subprocess
import tempfile
import termios
import uuid

import tap

MIG = os.environ["MIG_PROGRAM"]

HOSTS = {"hosts": [{"name": "hosta", "uri": "qemu+unix:///system?socket=/nonexistent/a"},
                   {"name": "hostb", "uri": "qemu+unix:///system?socket=/nonexistent/b"}],
         "settle-time": 0}
TIME = "2026-01-02T03:04:05.000006Z"


class Place:
    """A directory with a cluster file and a place for a store."""

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="mig-cli-")
        self.top = self._directory.name
        self.store = f"{self.top}/state/operations.db"
        self.cluster = self.write("cluster.json", json.dumps(HOSTS))
        return self

    def __exit__(self, *unused):
        self._directory.cleanup()

    def write(self, name, text):
        path = f"{self.top}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def words(self, *words, cluster=None):
        """`cluster`: another file than the place's, or False for none."""
        more = [] if cluster is False else ["--cluster", cluster or self.cluster]
        return [MIG, *words, "--store", self.store, *more]

    def mig(self, *words, cluster=None, env=None):
        return subprocess.run(self.words(*words, cluster=cluster), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False, env=env and {**os.environ, **env})

    def lines(self, *words, cluster=None):
        """Exit code, and the lines of --json."""
        done = self.mig(*words, "--json", cluster=cluster)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    # The store

    def database(self):
        if not os.path.exists(self.store):
            self.mig("block-job", "guest", "vda", "--on", "hosta")      # which has to fail, with a store
        return sqlite3.connect(self.store, isolation_level=None)

    def put(self, records):
        database = self.database()
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE counter SET revision = revision + 1")
        for key, value in records.items():
            database.execute("INSERT OR REPLACE INTO record SELECT ?, revision, ? FROM counter",
                             (key, json.dumps(value)))
        database.execute("COMMIT")
        database.close()

    def delete(self, key):
        database = self.database()
        tap.check_equal(database.execute("DELETE FROM record WHERE key = ?", (key,)).rowcount, 1, f"{key} was there")
        database.close()

    def keys(self, prefix):
        database = self.database()
        found = [key for key, in database.execute("SELECT key FROM record ORDER BY key") if key.startswith(prefix)]
        database.close()
        return found

    def record(self, key):
        database = self.database()
        value, = database.execute("SELECT value FROM record WHERE key = ?", (key,)).fetchone()
        database.close()
        return json.loads(value)

    def operation(self, status, phase="done", *, owner=None, begun=(), journal=(), request=None, **more):
        """Writes a migration; `begun`: the steps of which the journal has an intent, and done of all but the last;
        `journal`: further lines."""
        name = str(uuid.uuid4())
        lines, journal = journal, [{"kind": "accepted"}]
        for step in begun:
            journal.append({"kind": "intent", "step": step, "facts": {"source": "hosta", "destination": "hostb",
                                                                      "uuid": name}})
            if step != begun[-1]:
                journal.append({"kind": "done", "step": step})
        journal.extend(lines)
        over = status in ("completed", "cancelled", "failed")
        records = {f"op/{name}/journal/{number:08}": {"v": 1, "number": number, "epoch": 1, "time": TIME, **line}
                   for number, line in enumerate(journal, 1)}
        records[f"op/{name}"] = {
            "v": 1, "kind": "live-migration", "revision": 1, "key": name, "subject": "guest", "source": "hosta",
            "destination": "hostb", "phase": phase, "status": status, "attempt": 1, "epoch": 1, "created": TIME,
            "updated": TIME, "lines": len(journal), **({"owner": owner} if owner else {}),
            "request": {"domain": "guest", "source": "hosta", "destination": "hostb", "options": "{}"}, **more}
        records[f"finished/{TIME}/{name}" if over else f"unfinished/{name}"] = {"v": 1}
        if request is not None:
            records[f"request/{name}/{request}"] = {"v": 1, "time": TIME}
        self.put(records)
        return name

    def lease(self, owner, ttl):
        """Of a process on another machine, which does not renew it."""
        self.put({f"lease/{owner}": {"v": 1, "host": "elsewhere", "boot-id": "another", "pid-namespace": "another",
                                     "pid": 1, "start": 1, "ttl": ttl, "count": 1}})


def catches(pid, number):
    """Whether the process has a handler for that signal by now."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        mask = next(line for line in file if line.startswith("SigCgt:"))
    return bool(int(mask.split()[1], 16) >> (number - 1) & 1)


def on_terminal(columns, words):
    """Calls mig on a terminal of that width: its exit code, and what it wrote there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    text = b""
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        try:
            while chunk := os.read(master, 4096):
                text += chunk
        except OSError:             # nobody has the other end any more
            pass
        os.close(master)
        return process.wait(timeout=60), text.decode()


def widths(text):
    """Of what stood on a line at any moment."""
    return [len(re.sub(r"\033\[[0-9;]*[mK]", "", line)) for line in re.split("[\r\n]+", text)]


def result_of(done):
    """The last line of --json, which is always the result."""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    tap.check(lines, "there is a line on standard output", done)
    tap.check_equal(lines[-1]["event"], "result", "the last event")
    return lines[-1]
