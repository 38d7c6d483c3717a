#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/mig against two real hosts: what scripts see of a move and of a swap, signals, and asking from elsewhere."""

import os
import re
import signal
import subprocess
import sys

for folder in ("contract", "lab"):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", folder))

import tap  # noqa: E402
from miglab import require  # noqa: E402

tap.skip_all_if(require.missing())

# pylint: disable=wrong-import-position
import libvirt  # noqa: E402
import miglab  # noqa: E402
from clibed import on_terminal, widths  # noqa: E402
from miglab import proc, wait_for  # noqa: E402
from movelab import MIG, MoveLab  # noqa: E402

suite = tap.Suite()

STREAM = {"total", "processed", "remaining"}
TRANSIENT_JOB = 1 << 2          # VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB, as in libvirt.h
PROGRESS = {"phase", "fraction", "memory", "disk", "rate", "dirty-rate", "iteration", "expected-downtime", "eta"}


def check_members(lines):
    for line in lines:
        members = set(line) - {"v", "event", "time", "operation"}
        if line["event"] == "progress":
            tap.check_equal(members, PROGRESS, "progress")
            tap.check_equal((set(line["memory"]), set(line["disk"])), (STREAM, STREAM), "streams")
        if line["event"] == "decision":
            tap.check_equal(members, {"text", "inputs"}, "decision")
    tap.check({"progress", "phase", "step", "result"} <= {line["event"] for line in lines}, "the events")


def move_on_terminal(bench, columns, words, *more):
    """A move that has to succeed, on a terminal of that width; what mig wrote there."""
    code, text = on_terminal(columns, [MIG, *words, "--cluster", bench.cluster, "--store", bench.store, *more])
    tap.check_equal(code, 0, f"exit code: {text}")
    return text


@suite.case("a move tells phases, progress, steps and a result; list and show tell it afterwards")
def a_move():
    with MoveLab(rate="10M", net="400mbit") as bench:
        code, lines, err = bench.run("live-migrate", "g1", "--from", "hosta", "--to", "hostb", "--disks", "shared",
                                     "--unsafe", "--key", "monday")
        tap.check_equal((code, err), (0, ""), "exit code and standard error")
        result = lines[-1]
        tap.check_equal((result["event"], result["status"], result["source"], result["destination"], result["error"],
                         result["debts"]), ("result", "completed", "hosta", "hostb", None, []), "the result")
        tap.check(0 <= result["downtime-seconds"] < 5, "downtime", result)
        tap.check(result["bytes"] > 0 and result["seconds"] > 0, "bytes and seconds", result)

        phases = [line["new"] for line in lines if line["event"] == "phase"]
        wanted = ["check", "prepare", "transfer", "switchover", "finish", "done"]
        tap.check_equal([phase for phase in phases if phase in wanted], wanted, "the phases in their order")
        fractions = [line["fraction"] for line in lines if line["event"] == "progress"]
        tap.check(fractions and fractions == sorted(fractions), "G9: the fraction never decreases", fractions)
        check_members(lines)
        tap.check({"vm.migrate"} <= {line["step"] for line in lines if line["event"] == "step"}, "the steps")
        tap.check(all(line["operation"] == result["operation"] and line["v"] == 1 for line in lines), "id and version")
        bench.intact("hostb")

        code, listed, _err = bench.run("list")
        tap.check_equal([(row["key"], row["status"], row["kind"]) for row in listed],
                        [("monday", "completed", "live-migration")], "the list")
        code, shown, _err = bench.run("show", result["operation"])
        kinds = [row["line"]["kind"] for row in shown if row["event"] == "journal"]
        tap.check(kinds[0] == "accepted" and kinds[-1] == "end", "the journal", kinds)

        # G4: the same request under the same key is the same operation, also from another process.
        code, again, _err = bench.run("live-migrate", "g1", "--from", "hosta", "--to", "hostb", "--disks", "shared",
                                      "--unsafe", "--key", "monday")
        tap.check_equal((code, again[-1]["operation"]), (0, result["operation"]), "asked again")
        code, other, _err = bench.run("live-migrate", "g1", "--from", "hostb", "--to", "hosta", "--disks", "shared",
                                      "--unsafe", "--key", "monday")
        tap.check_equal((code, other[-1]["error"]["code"], other[-1]["operation"]), (1, "conflict", None),
                        "another request under that key")
        bench.intact("hostb")

        # On a terminal a line never wraps.
        wide = move_on_terminal(bench, 80, bench.move_words("hostb", "hosta"))
        tap.check("\033[36m" in wide and "] " in wide and "memory" in wide, "a bar in colour", wide)
        tap.check(max(widths(wide)) < 80, "it fits", wide)
        narrow = move_on_terminal(bench, 40, bench.move_words("hosta", "hostb"), "--no-color")
        tap.check("] " in narrow and not re.search(r"\033\[[0-9;]*m", narrow), "a bar without colour", narrow)
        tap.check(max(widths(narrow)) < 40, "it fits", narrow)
        quiet = move_on_terminal(bench, 80, bench.move_words("hostb", "hosta"), "--quiet")
        tap.check_equal(quiet, "", "nothing when quiet")

        # Hosts by URI need no cluster file; nobody knows peers then, so this process manages the move.
        done = subprocess.run([MIG, "live-migrate", "g1", "--from", bench.lab.host("hosta").uri, "--to",
                               bench.lab.host("hostb").uri, "--disks", "shared", "--unsafe", "--store", bench.store,
                               "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False)
        tap.check_equal(done.returncode, 0, f"exit code: {done.stdout}")
        bench.intact("hostb")


@suite.case("G5: SIGINT during the move aborts it: exit 3, the world as before")
def interrupted():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with MoveLab(rate="flat", net="50mbit") as bench:
            process = bench.start_move()
            bench.read_until(process, "phase", new="transfer")
            process.send_signal(number)
            result, code = bench.end(process)
            tap.check_equal((code, result["status"]), (3, "cancelled"), "the result")
            bench.intact("hosta")


@suite.case("a second signal leaves the move to recovery: exit 5 with its id, and recover completes it")
def detached():
    with MoveLab(rate="10M", memory=256, net="200mbit") as bench:
        process = bench.start_move("--bandwidth", "8M")
        bench.read_until(process, "phase", new="transfer")
        bench.lab.host("hosta").daemon.freeze()      # so that the abort gets no answer
        try:
            process.send_signal(signal.SIGINT)
            wait_for(lambda: "aborting" in process.stderr.readline(), "the word of the first signal")
            process.send_signal(signal.SIGINT)
            result, code = bench.end(process)
        finally:
            bench.lab.host("hosta").daemon.thaw()
        tap.check_equal(code, 5, "exit code")
        tap.check(result["operation"], "its id", result)

        code, lines, _err = bench.run("recover")
        tap.check_equal(lines[-1]["event"], "recovered", "the last line")
        daemon = bench.lab.host("hosta").daemon
        if code == 4 and not daemon.is_running():
            # Continued after a stop, a libvirtd 9.0 now and then crashes in its timers. Whatever starts daemons on a
            # host starts it again.
            daemon.start()
            code, lines, _err = bench.run("recover")
        tap.check_equal(lines[-1]["count"], 1, "how many")
        tap.check(code in (0, 3), "it ended one way or the other", code, lines)
        bench.intact("hostb" if code == 0 else "hosta")


@suite.case("abort and wait from another process")
def from_elsewhere():
    with MoveLab(rate="flat", net="50mbit") as bench:
        process = bench.start_move()
        line = bench.read_until(process, "phase", new="transfer")
        waiting = bench.start("wait", line["operation"])

        code, lines, _err = bench.run("wait", line["operation"], "--timeout", "0.5")
        tap.check_equal((code, lines[-1]["error"]["code"]), (5, "timed-out"), "a wait that is too short")
        code, _lines, err = bench.run("abort", line["operation"])
        tap.check_equal(code, 0, f"exit code of abort: {err}")

        result, code = bench.end(process)
        tap.check_equal((code, result["status"]), (3, "cancelled"), "the move")
        result, code = bench.end(waiting)
        tap.check_equal((code, result["status"]), (3, "cancelled"), "the wait")
        bench.intact("hosta")


@suite.case("force-complete from another process ends a move that would never end")
def forced():
    with MoveLab(rate="flat", memory=128, net="100mbit") as bench:
        process = bench.start_move()
        line = bench.read_until(process, "phase", new="transfer")
        code, _lines, err = bench.run("force-complete", line["operation"])
        tap.check_equal(code, 0, f"exit code: {err}")
        result, code = bench.end(process)
        tap.check_equal((code, result["status"]), (0, "completed"), "the move")
        bench.intact("hostb")


@suite.case("a swap, and the job of a disk seen from elsewhere")
def a_swap():
    with MoveLab() as bench:
        new = bench.lab.shared("new.img")
        code, lines, err = bench.run("swap-volume", "g1", "vda", new, "--on", "hosta")
        tap.check_equal((code, err), (0, ""), "exit code and standard error")
        result = lines[-1]
        tap.check_equal((result["status"], result["source"], result["destination"]), ("completed", "hosta", new),
                        "the result")
        tap.check_equal(bench.guest.disks()["vda"].path, new, "the disk")
        tap.check(bench.guest.verify()["ok"], "memory and disk are whole")
        tap.check(os.path.exists(bench.disk), "the old disk is kept")

        code, lines, _err = bench.run("block-job", "g1", "vda", "--on", "hosta")
        tap.check_equal((code, lines[0]["event"], lines[0]["kind"]), (0, "block-job", "none"), "no job any more")
        code, lines, _err = bench.run("block-job", "g1", "vda", "--on", "hosta", "--abort")
        tap.check_equal((code, lines[-1]["error"]["code"]), (1, "not-found"), "nothing to abort")

        # With every option; onto an image that is there.
        again = bench.lab.shared("again.qcow2")
        code, lines, err = bench.run("swap-volume", "g1", "vda", again, "--on", "hosta", "--format", "qcow2",
                                     "--bandwidth", "1G", "--time-limit", "60", "--synchronous",
                                     "--granularity", "64K", "--resize-to", "160M")
        tap.check_equal(code, 0, f"exit code: {err or lines[-1]}")
        check_members(lines)
        disk = bench.guest.disks()["vda"]
        length = miglab.virtual_size(bench.lab.host("hosta"), again, "qcow2")
        tap.check_equal((disk.path, disk.format, length), (again, "qcow2", 160 << 20), "the disk")
        reused = bench.lab.shared("reused.img")
        miglab.create(bench.lab.host("hosta"), reused, "160M")
        code, lines, err = bench.run("swap-volume", "g1", "vda", reused, "--on", "hosta", "--reuse", "--format", "raw")
        tap.check_equal(code, 0, f"exit code: {err or lines[-1]}")
        tap.check(bench.guest.verify()["ok"], "memory and disk are whole")

        # A job that somebody else began.
        for verb, where in (("--abort", reused), ("--pivot", bench.lab.shared("copy-pivot.img"))):
            copy = bench.lab.shared(f"copy{verb[1:]}.img")
            with bench.guest.domain() as domain:
                domain.blockCopy("vda", f"<disk type='file'><source file='{copy}'/><driver type='raw'/></disk>",
                                 flags=TRANSIENT_JOB)
            wait_for(lambda: bench.run("block-job", "g1", "vda", "--on", "hosta")[1][0]["ready"], "the copy")
            code, lines, _err = bench.run("block-job", "g1", "vda", "--on", "hosta")
            tap.check_equal((code, lines[0]["kind"], lines[0]["current"]), (0, "copy", lines[0]["end"]), "the job")
            code, lines, err = bench.run("block-job", "g1", "vda", "--on", "hosta", verb)
            tap.check_equal((code, lines[-1]["status"]), (0, "completed"), f"{verb}: {err}")
            tap.check_equal(bench.guest.disks()["vda"].path, where, f"the disk after {verb}")


@suite.case("the abort of a job that gets no answer: exit 4")
def unanswered():
    with MoveLab() as bench:
        host = bench.lab.host("hosta")
        with bench.guest.domain() as domain:
            domain.blockCopy("vda", f"<disk type='file'><source file='{bench.lab.shared('copy.img')}'/>"
                             "<driver type='raw'/></disk>", flags=TRANSIENT_JOB)
            qemu = proc.identify(host.qemus()["g1"].pid)
            proc.send_signal(qemu, signal.SIGSTOP)
            try:
                process = bench.start("block-job", "g1", "vda", "--on", "hosta", "--abort")
                wait_for(lambda: domain.controlInfo()[0] != libvirt.VIR_DOMAIN_CONTROL_OK, "the call to be out")
                host.daemon.kill()
                result, code = bench.end(process)
            finally:
                proc.send_signal(qemu, signal.SIGCONT)
        seen = (code, result["status"], result["error"]["code"])
        tap.check_equal(seen, (4, "error", "outcome-unknown"), "the result")
        host.daemon.start()


@suite.case("what cannot be: unknown guest, unknown disk, the host itself, a destination that is in use")
def refused():
    with MoveLab() as bench:
        used = bench.lab.shared("g2.img")
        other = bench.lab.start_guest("hostb", "g2", [miglab.Disk(used, size="128M")])
        itself = bench.lab.host("hosta").uri
        cases = [
            (("live-migrate", "nobody", "--from", "hosta", "--to", "hostb"), 1, "not-found", "nobody"),
            (("live-migrate", "g1", "--from", "hosta", "--to", itself), 2, "invalid-argument", "hosta"),
            (("swap-volume", "g1", "vdz", "/tmp/x.img", "--on", "hosta"), 1, "not-found", "vdz"),
            (("swap-volume", "g1", "vda", bench.disk, "--on", "hosta"), 1, "invalid-argument", "g1.img"),
            (("swap-volume", "g1", "vda", used, "--on", "hosta"), 1, "conflict", "g2.img"),
            (("swap-volume", "g1", "vda", used, "--on", "hosta", "--reuse"), 1, "conflict", "g2"),
        ]
        for words, wanted, error, named in cases:
            code, lines, _err = bench.run(*words)
            tap.check_equal(code, wanted, f"exit code of {words}: {lines[-1]}")
            tap.check_equal(lines[-1]["error"]["code"], error, f"{words}: {lines[-1]['error']['message']}")
            tap.check(named in lines[-1]["error"]["message"], f"the message names {named}", lines[-1]["error"])
            bench.intact("hosta", others=[(other, [used])])


DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab", "demo.py")


@suite.case("the demonstration ends at Ctrl-C with a word, and leaves nothing")
def demo_interrupted():
    for word in ("Two hosts", "$ mig live-migrate"):
        with subprocess.Popen([sys.executable, DEMO, "--mig", MIG], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, start_new_session=True) as process:
            lines = [process.stdout.readline()]
            place = lines[0].split()[-1].rstrip(".")
            while not lines[-1].startswith(word):
                lines.append(process.stdout.readline())
            os.killpg(process.pid, signal.SIGINT)
            text = process.stdout.read()
            tap.check_equal(process.wait(timeout=60), 130, f"exit code: {text}")
        tap.check("interrupted" in text and "Traceback" not in text, "what it says", text)
        tap.check(not os.path.exists(place), "the lab is gone")


@suite.case("the demonstration of the README ends well")
def demo():
    done = subprocess.run([sys.executable, DEMO, "--mig", MIG], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=110, check=False)
    tap.check_equal(done.returncode, 0, f"exit code: {done.stdout} {done.stderr}")
    rows = [line.split() for line in done.stdout.splitlines()[-3:]]
    tap.check_equal([row[-1] for row in rows], ["ok"] * 3, "memory and disk after each act")


if __name__ == "__main__":
    sys.exit(suite.main())
