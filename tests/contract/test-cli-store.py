#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/mig and what stores tell: how operations of other processes ended, or stand; recovery, its exit codes and
its time."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import tap  # noqa: E402
from clibed import Place, catches, on_terminal, widths  # noqa: E402
from miglab.wait import wait_for  # noqa: E402

suite = tap.Suite()

UNKNOWN = ("mark.write", "vm.migrate")      # begun, and no host can be asked what became of it


def results(lines):
    return sorted(line["status"] for line in lines if line["event"] == "result")


@suite.case("wait: the exit code is that of the operation, with and without a cluster file")
def waits():
    error = {"domain": "mig-error-quark", "code": 0, "message": "the floor was wet"}
    with Place() as place:
        cases = [("completed", 0, {"debts": ["source.clean-up: later"]}), ("failed", 1, {"error": error}),
                 ("cancelled", 3, {"error": error}), ("error", 4, {"error": error})]
        for status, wanted, more in cases:
            name = place.operation(status, **more)
            for cluster in (None, False):
                code, lines = place.lines("wait", name, "--timeout", "0", cluster=cluster)
                tap.check_equal((code, lines[-1]["status"], lines[-1]["debts"], lines[-1]["operation"]),
                                (wanted, status, more.get("debts", []), name), status)


@suite.case("wait: the seconds are the operation's")
def seconds():
    with Place() as place:
        name = place.operation("completed", result={"seconds": 123.25, "source": "hosta", "destination": "hostb"})
        _code, lines = place.lines("wait", name)
        tap.check_equal(lines[-1]["seconds"], 123.25, "in JSON")
        tap.check("completed from hosta to hostb in 123.25 s\n" in place.mig("wait", name).stdout, "in words")


@suite.case("wait: an operation that still runs: exit 5 when time is up, or at a signal")
def waits_for_nothing():
    with Place() as place:
        place.lease("elsewhere", 60)
        name = place.operation("running", "transfer", owner="elsewhere")
        for timeout in ("0", "0.2"):
            code, lines = place.lines("wait", name, "--timeout", timeout, cluster=False)
            tap.check_equal((code, lines[-1]["status"], lines[-1]["error"]["code"]), (5, "running", "timed-out"),
                            timeout)
        with subprocess.Popen(place.words("wait", name), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            wait_for(lambda: catches(process.pid, signal.SIGHUP), "the program to wait for signals")
            process.send_signal(signal.SIGINT)
            tap.check_equal(process.wait(timeout=30), 5, "exit code at a signal")


@suite.case("abort and force-complete leave a request, without a cluster file; after the decision abort is refused")
def requests():
    with Place() as place:
        place.lease("elsewhere", 60)
        name = place.operation("running", "transfer", owner="elsewhere")
        for verb in ("abort", "force-complete"):
            code, _lines = place.lines(verb, name, cluster=False)
            tap.check_equal(code, 0, f"exit code of {verb}")
            done = place.mig(verb, name, cluster=False)
            tap.check(re.fullmatch(rf".* of operation {name} requested\n", done.stdout), "in words", done.stdout)
        tap.check_equal(place.keys("request/"), [f"request/{name}/abort", f"request/{name}/force-complete"], "requests")

        for status, phase in (("running", "finish"), ("running", "switchover"), ("post-copy", "transfer"),
                              ("completed", "done")):
            name = place.operation(status, phase, owner="elsewhere")
            code, lines = place.lines("abort", name, cluster=False)
            tap.check_equal((code, lines[-1]["error"]["code"], lines[-1]["operation"], lines[-1]["status"]),
                            (1, "invalid-state", None, "failed"), f"{status} {phase}")
            done = place.mig("abort", name, cluster=False)
            tap.check_equal(done.stdout, "", "in words")
            tap.check(name in done.stderr, "its name", done.stderr)
            tap.check_equal(place.keys(f"request/{name}"), [], "no request")


@suite.case("recover: a result for each, and the first of 4, 5, 1, 3, 0 that occurred")
def precedence():
    cases = [
        ([{"status": "running", "phase": "prepare"}], 1, ["failed"]),
        ([{"status": "running", "phase": "prepare", "request": "abort"}], 3, ["cancelled"]),
        ([{"status": "running", "phase": "prepare", "request": "abort"}, {"status": "running", "phase": "prepare"}],
         1, ["cancelled", "failed"]),
        ([{"status": "running", "phase": "prepare"}, {"status": "running", "phase": "transfer", "begun": UNKNOWN[1:]}],
         4, ["error", "failed"]),
    ]
    for operations, wanted, statuses in cases:
        with Place() as place:
            for operation in operations:
                place.operation(owner="dead", **operation)
            code, lines = place.lines("recover")
            tap.check_equal((code, results(lines)), (wanted, statuses), f"{operations}")
            tap.check_equal((lines[-1]["event"], lines[-1]["count"]), ("recovered", len(operations)), "the last line")
            names = {line["operation"] for line in lines if line["event"] == "phase"}
            tap.check_equal(len(names), len(operations), "the phases of all of them")


DECIDED = [{"kind": "intent", "step": "vm.migrate", "facts": {"source": "hosta", "destination": "hostb",
                                                                "uuid": "guest"}},
           {"kind": "done", "step": "vm.migrate"}]


@suite.case("recover: after the decision it completes, with debts, also at a signal, and says so")
def decided():
    for signalled in (False, True):
        with Place() as place:
            place.operation("running", "finish", owner="dead", journal=DECIDED)
            process = subprocess.Popen(place.words("recover", "--json"), stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
            process.stdout.readline()
            if signalled:
                process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            result = json.loads(out.splitlines()[-2])
            tap.check_equal((process.returncode, result["status"]), (0, "completed"), "the result")
            tap.check(result["debts"], "what is left to do", result)
            tap.check(not signalled or "goes on to its end" in err, "what it says", err)


@suite.case("the progress bar keeps to the terminal's width, is without colour on demand, and not there when quiet")
def bar():
    for columns, more in ((80, ()), (40, ("--no-color",)), (20, ("--no-color",)), (80, ("--quiet",))):
        with Place() as place:
            place.operation("running", "finish", owner="dead", journal=DECIDED)
            code, text = on_terminal(columns, place.words("recover", *more))
            bars = re.findall(r"\r(?:\033\[36m)?finish [^\r\n]*", text)
            tap.check_equal((code, bool(bars)), (0, more != ("--quiet",)), f"exit code, and a bar: {text}")
            tap.check("[36m" in text if not more else "[36m" not in text, "its colour", text)
            tap.check(all(max(widths(one)) < columns for one in bars), f"it fits in {columns}", bars)


@suite.case("recover: what cannot be run here is left alone")
def left_alone():
    with Place() as place:
        name = place.operation("running", "prepare", owner="dead")
        place.operation("failed")
        code, lines = place.lines("recover", cluster=False)      # which knows no hosta
        tap.check_equal([line["event"] for line in lines], ["result", "recovered"], "the lines")
        left = lines[0]
        tap.check_equal((code, lines[-1]["count"], left["operation"], left["status"], left["error"]["code"]),
                        (5, 0, name, "running", "not-found"), "nothing recovered")
        tap.check("hosta" in left["error"]["message"], "the host", left)
        tap.check_equal(place.record(f"op/{name}")["owner"], "dead", "its owner")


@suite.case("recover: what another process runs is not told of")
def alive():
    with Place() as place:
        place.lease("elsewhere", 2)
        stop = threading.Event()

        def renew():
            count = 1
            while not stop.wait(0.1):
                count += 1
                place.put({"lease/elsewhere": {**place.record("lease/elsewhere"), "count": count}})

        place.operation("running", "prepare", owner="elsewhere")
        thread = threading.Thread(target=renew)
        thread.start()
        code, lines = place.lines("recover")
        stop.set()
        thread.join()
        tap.check_equal((code, len(lines), lines[-1]["count"]), (0, 1, 0), "nothing to recover")


def break_record(place, name):
    place.put({f"op/{name}": {"v": 1, "kind": "live-migration"}})


def break_line(place, name):
    place.put({f"op/{name}/journal/00000001": {"v": 1, "number": "one"}})


def lose_line(place, name):
    place.delete(f"op/{name}/journal/00000001")


def lose_last_line(place, name):
    place.delete(f"op/{name}/journal/00000003")


for damage in (break_record, break_line, lose_line, lose_last_line):
    @suite.case(f"an operation that is damaged is told of, and nothing is guessed: {damage.__name__}")
    def damaged(damage=damage):
        for status, wanted in (("running", 4), ("failed", 0)):
            with Place() as place:
                name = place.operation(status, "prepare", owner="dead", begun=("mark.write",),
                                       journal=[{"kind": "end"}])
                other = place.operation("failed")
                damage(place, name)

                code, lines = place.lines("show", name)
                tap.check_equal((code, lines[-1]["error"]["code"]), (1, "corrupt"), "show")
                tap.check_equal([line["event"] for line in lines], ["operation", "result"], "no line of the journal")
                code, lines = place.lines("list")
                tap.check_equal({line["operation"] for line in lines[:2]}, {name, other}, "list")
                if damage == break_record:
                    tap.check_equal((code, lines[0]["kind"], lines[0]["status"], lines[0]["error"]["code"],
                                     lines[-1]["error"]["code"]), (1, None, None, "corrupt", "corrupt"), "list")
                    tap.check(name in place.mig("list").stdout, "in words")
                else:
                    tap.check_equal(code, 0, "list")
                code, lines = place.lines("recover")
                tap.check_equal(code, wanted, "recover")
                tap.check_equal([(line["operation"], line["error"]["code"]) for line in lines[:-1]],
                                [(name, "corrupt")] if wanted else [], "what recover tells")


@suite.case("recover: a silent owner is waited for, not longer than asked, and taken over when it stays silent")
def silent():
    with Place() as place:
        place.lease("silent", 3)
        slow = place.operation("running", "prepare", owner="silent")
        place.operation("running", "prepare", owner="dead")
        began = time.monotonic()
        code, lines = place.lines("recover", "--timeout", "1")
        tap.check_equal((code, results(lines), lines[-1]["count"]), (5, ["failed", "running"], 1),
                        "time was too short for one")
        left = next(line for line in lines if line.get("status") == "running")
        tap.check_equal((left["operation"], left["error"]["code"]), (slow, "busy"), "which was left")
        tap.check(time.monotonic() - began < 3, "no longer than asked")
        code, lines = place.lines("recover")
        tap.check_equal((code, results(lines), lines[-1]["count"]), (1, ["failed"], 1), "with time enough")


@suite.case("recover: a signal ends it, with all results and the last line")
def signalled():
    with Place() as place:
        place.lease("silent", 60)
        place.operation("running", "prepare", owner="silent")
        place.operation("running", "prepare", owner="dead")
        process = subprocess.Popen(place.words("recover", "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        seen = ""
        while '"result"' not in seen:
            seen = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        out, _err = process.communicate(timeout=30)
        tap.check_equal(process.returncode, 5, "exit code")
        tap.check('"recovered"' in out.splitlines()[-1], "the last line", out)


@suite.case("recover: what cannot be left when time is up is told when it has ended; until then signals are heard")
def late():
    with Place() as place, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{place.top}/silent")
        silent.listen()
        silent.settimeout(30)
        hosts = [{"name": name, "uri": f"qemu+unix:///system?socket={place.top}/{path}"}
                 for name, path in (("hosta", "silent"), ("hostb", "none"))]
        cluster = place.write("silent.json", json.dumps({"hosts": hosts, "settle-time": 0}))
        place.operation("running", "transfer", owner="dead", begun=UNKNOWN[1:])
        process = subprocess.Popen(place.words("recover", "--json", "--timeout", "0.1", cluster=cluster), text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        daemon, _address = silent.accept()
        wait_for(lambda: "cannot be left yet" in process.stderr.readline(), "the word that it takes long")
        tap.check(not select.select([process.stdout], [], [], 0)[0], "no result yet")
        process.send_signal(signal.SIGINT)
        wait_for(lambda: "aborting" in process.stderr.readline(), "the word of the signal")
        silent.close()
        daemon.close()
        out, _err = process.communicate(timeout=30)
        lines = [json.loads(line) for line in out.splitlines()[-2:]]
        tap.check_equal((process.returncode, lines[0]["event"], lines[0]["error"]["code"], lines[1].get("count")),
                        (5, "result", "busy", 0), "the end")


@suite.case("a signal that is ignored when the program begins stays so")
def ignored():
    def ignore():
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    with Place() as place:
        place.lease("elsewhere", 60)
        name = place.operation("running", "transfer", owner="elsewhere")
        # pylint: disable=subprocess-popen-preexec-fn
        with subprocess.Popen(place.words("wait", name), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              preexec_fn=ignore) as process:
            wait_for(lambda: catches(process.pid, signal.SIGTERM), "the program to wait for signals")
            caught = [number for number in (signal.SIGINT, signal.SIGHUP) if catches(process.pid, number)]
            process.send_signal(signal.SIGTERM)
            tap.check_equal((process.wait(timeout=30), caught), (5, []), "exit code, and what else it waited for")


@suite.case("a store that others keep locked: exit 5")
def locked():
    with Place() as place:
        database = place.database()
        database.execute("BEGIN IMMEDIATE")
        code, lines = place.lines("live-migrate", "guest", "--from", "hosta", "--to", "hostb")
        database.execute("ROLLBACK")
        database.close()
        tap.check_equal((code, lines[-1]["error"]["code"]), (5, "busy"), "the result")


if __name__ == "__main__":
    sys.exit(suite.main())
