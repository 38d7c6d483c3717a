#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Moves of a real guest between two real hosts, and what becomes of them when somebody dies on the way."""

import os
import signal
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import tap  # noqa: E402
from miglab import require  # noqa: E402

tap.skip_all_if(require.missing())

# pylint: disable=wrong-import-position
import miglab  # noqa: E402
from miglab import wait_for  # noqa: E402
from movelab import MIG, MoveLab  # noqa: E402

suite = tap.Suite()


def run_in_child(case, value):
    """Its pid.  Not a thread: what one thread of a process forks inherits what another has open."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            case(value)
            status = 0
        except BaseException:                   # pylint: disable=broad-exception-caught
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return pid


def side_by_side(case, values):
    """The case for each of the values, at the same time, for most of it is waiting. Each has a lab of its own."""
    children = [run_in_child(case, value) for value in values]
    failed = 0
    try:
        while children:
            failed += os.waitpid(children[0], 0)[1] != 0
            children.pop(0)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGTERM)
        for pid in children:
            os.waitpid(pid, 0)
    tap.check_equal(failed, 0, "how many of them failed")


PAUSED_MIGRATION = (3, 2)       # VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION
PAUSED_POST_COPY = (3, 12)      # VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY
RUNNING_POST_COPY = (1, 10)     # VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY
MODES = {"peer-to-peer": True, "direct": False}

for mode, peer in MODES.items():
    for local in (False, True):
        for persistent in (False, True):
            @suite.case(f"there and back: {mode}, {'local' if local else 'shared'} disk, "
                        f"{'persistent' if persistent else 'transient'}")
            def there_and_back(peer=peer, local=local, persistent=persistent):
                with MoveLab(rate="5M", local=local, persistent=persistent, peer=peer, fill=16) as place:
                    result = place.move("hosta", "hostb")
                    tap.check(result["downtime-seconds"] > 0 and result["bytes"] > 0, "figures", result)
                    place.intact("hostb")
                    tap.check_equal(place.lab.host("hostb").domains()["g1"]["persistent"], persistent, "persistent")
                    place.move("hostb", "hosta")
                    place.intact("hosta")


@suite.case("a paused guest stays paused")
def paused():
    def move(peer):
        with MoveLab(peer=peer, paused=False) as place:
            with place.guest.domain() as domain:
                domain.suspend()
            place.move("hosta", "hostb")
            tap.check_equal(place.state("hostb"), (3, 1), "paused by its user")
            place.intact("hostb", paused=True)

    side_by_side(move, MODES.values())


@suite.case("the source's disk is kept when it is asked for")
def kept():
    with MoveLab(local=True) as place:
        place.move("hosta", "hostb", "--keep-source-disks")
        tap.check(os.path.exists(place.lab.host("hosta").outside(place.disk)), "it is there")


# Killing the process, G1 G2 G6. What a daemon does with a call whose caller died takes seconds on a busy machine: a
# settle time that is too short for it would leave behind what the call made after the undo.
SETTLE_TIME = 10

def kill_at(place, phase, *words):
    process = place.start_move(*words)
    place.read_until(process, "phase", new=phase)
    place.kill(process)


for mode, peer in MODES.items():
    @suite.case(f"G6: killed in PREPARE: {mode}, shared and local disk", timeout=120)
    def killed_in_prepare(peer=peer):
        def kill(local):
            with MoveLab(local=local, peer=peer, persistent=True, settle_time=SETTLE_TIME) as place:
                kill_at(place, "prepare")
                _status, host = place.recover()
                place.intact(host)

        side_by_side(kill, (False, True))

    @suite.case(f"G6: killed in TRANSFER: {mode}, shared and local disk", timeout=120)
    def killed_in_transfer(peer=peer):
        def kill(local):
            with MoveLab(local=local, peer=peer, rate="2M", net="200mbit", fill=32,
                         settle_time=SETTLE_TIME) as place:
                kill_at(place, "transfer")
                _status, host = place.recover()
                place.intact(host)

        side_by_side(kill, (False, True))


@suite.case("G1 G6: killed in TRANSFER, direct: the daemon gives up, the guest stays")
def direct_gives_up():
    with MoveLab(peer=False, rate="flat", net="50mbit") as place:
        process = place.start_move()
        place.read_until(process, "progress", phase="transfer")
        place.wait_states((1, 1), PAUSED_MIGRATION)
        place.kill(process)
        status, host = place.recover()
        tap.check_equal((status, host), ("failed", "hosta"), "the outcome")
        place.intact("hosta")


@suite.case("G1 G6: killed in TRANSFER, peer-to-peer: the daemons go on, and recovery watches them to the end")
def peers_go_on():
    with MoveLab(rate="2M", net="100mbit", memory=128) as place:
        process = place.start_move()
        place.read_until(process, "phase", new="transfer")
        place.wait_states((1, 1), PAUSED_MIGRATION)
        place.kill(process)
        status, host = place.recover()
        tap.check_equal((status, host), ("completed", "hostb"), "the outcome")
        place.intact("hostb")


# A guest that dirties all of its memory, a slow link and a long standstill: the switch-over takes seconds.
LONG_SWITCH_OVER = {"rate": "flat", "memory": 96, "net": "200mbit"}


@suite.case("G1 G6: direct, stopped in the window in which both sides are paused, then killed: the source runs again")
def both_paused_killed():
    def kill(local):
        with MoveLab(peer=False, local=local, **LONG_SWITCH_OVER) as place:
            process = place.start_move("--max-downtime", "20")
            place.read_until(process, "phase", new="switchover")
            process.send_signal(signal.SIGSTOP)
            place.wait_states(PAUSED_MIGRATION, PAUSED_MIGRATION)
            place.kill(process)
            status, host = place.recover()
            tap.check_equal((status, host), ("failed", "hosta"), "the outcome")
            place.intact("hosta")

    side_by_side(kill, (False, True))


@suite.case("G1: direct, stopped in that window and continued: the move completes")
def both_paused_continued():
    with MoveLab(peer=False, **LONG_SWITCH_OVER) as place:
        process = place.start_move("--max-downtime", "20")
        place.read_until(process, "phase", new="switchover")
        process.send_signal(signal.SIGSTOP)
        place.wait_states(PAUSED_MIGRATION, PAUSED_MIGRATION)
        time.sleep(3)           # as long as it is stopped: both stay so
        tap.check_equal((place.state("hosta"), place.state("hostb")), (PAUSED_MIGRATION, PAUSED_MIGRATION), "states")
        process.send_signal(signal.SIGCONT)
        result, code = place.end(process)
        tap.check_equal((code, result["status"]), (0, "completed"), "the move")
        place.intact("hostb")


@suite.case("G1 G6: killed in the switch-over, peer-to-peer, shared and local disks: the daemons complete it")
def switch_over_killed():
    def kill(local):
        with MoveLab(local=local, **LONG_SWITCH_OVER) as place:
            process = place.start_move("--max-downtime", "20")
            place.read_until(process, "phase", new="switchover")
            place.kill(process)
            status, host = place.recover()
            tap.check_equal((status, host), ("completed", "hostb"), "the outcome")
            place.intact("hostb")

    side_by_side(kill, (False, True))


# What breaks on the way

@suite.case("the link is cut in TRANSFER: the move fails, the guest stays, nothing is left")
def link_cut():
    def move(peer):
        with MoveLab(peer=peer, rate="flat", net="50mbit", local=True) as place:
            process = place.start_move()
            # Not before: QEMU waits for ever for an NBD server that falls silent while they shake hands.
            place.read_until(process, "progress", lambda line: (line["memory"]["processed"] or 0) > 0)
            place.lab.net.cut()
            result, code = place.end(process)
            tap.check_equal((code, result["status"]), (1, "failed"), "the move")
            place.lab.net.heal()
            place.intact("hosta")

    side_by_side(move, MODES.values())


@suite.case("the destination's libvirtd is killed in TRANSFER: the guest stays; nothing is left once it is back")
def destination_daemon_killed():
    with MoveLab(rate="flat", net="50mbit") as place:
        process = place.start_move()
        place.wait_states((1, 1), PAUSED_MIGRATION)
        daemon = place.lab.host("hostb").daemon
        daemon.kill()
        daemon.start()
        result, code = place.end(process)
        tap.check_equal((code, result["status"]), (1, "failed"), "the move")
        place.intact("hosta")


@suite.case("the source's libvirtd is killed in TRANSFER and started again: one whole guest")
def source_daemon_killed():
    with MoveLab(rate="2M", net="100mbit", memory=128) as place:
        process = place.start_move()
        place.wait_states((1, 1), PAUSED_MIGRATION)
        daemon = place.lab.host("hosta").daemon
        daemon.kill()
        daemon.start()
        result, code = place.end(process)
        tap.check(code in (0, 1), "wholly done or wholly undone", code, result)
        place.intact("hostb" if code == 0 else "hosta")


@suite.case("the destination's QEMU is killed in TRANSFER: the guest stays")
def destination_qemu_killed():
    with MoveLab(rate="flat", net="50mbit", local=True) as place:
        process = place.start_move()
        place.wait_states((1, 1), PAUSED_MIGRATION)
        place.lab.host("hostb").kill_qemu("g1")
        result, code = place.end(process)
        tap.check_equal((code, result["status"]), (1, "failed"), "the move")
        place.intact("hosta")


@suite.case("an abort while disks are copied: cancelled, and the destination's volume is gone")
def abort_in_disks():
    def abort(peer):
        with MoveLab(peer=peer, local=True, net="100mbit", fill=64) as place:
            process = place.start_move()
            place.read_until(process, "progress", phase="transfer")
            process.send_signal(signal.SIGINT)
            result, code = place.end(process)
            tap.check_equal((code, result["status"]), (3, "cancelled"), "the move")
            place.intact("hosta")

    side_by_side(abort, MODES.values())


@suite.case("stopped so that it ends, and aborted before it does: the guest runs on at the source")
def abort_when_stopped():
    with MoveLab(rate="flat", net="50mbit") as place:
        process = place.start_move()
        line = place.read_until(process, "progress", phase="transfer")
        place.wait_states((1, 1), PAUSED_MIGRATION)
        place.run("force-complete", line["operation"])
        place.read_until(process, "decision", text="the guest was stopped so that the migration ends")
        process.send_signal(signal.SIGINT)
        result, code = place.end(process)
        tap.check_equal((code, result["status"]), (3, "cancelled"), "the move")
        place.intact("hosta")


@suite.case("a destination that has a volume of that name: refused, and the volume is as before")
def volume_in_the_way():
    with MoveLab(local=True) as place:
        there = place.lab.host("hostb")
        miglab.create(there, place.disk, "128M")
        with open(there.outside(place.disk), "r+b") as file:
            file.write(b"somebody's data")
        code, lines, _err = place.run(*place.move_words())
        tap.check_equal((code, lines[-1]["error"]["code"]), (1, "conflict"), "refused")
        with open(there.outside(place.disk), "rb") as file:
            tap.check_equal(file.read(15), b"somebody's data", "the volume")


@suite.case("G2 G6: killed when the volume is there and the journal does not know: recovery leaves none behind")
def volume_made_and_forgotten():
    with MoveLab(local=True) as place:
        process = place.start_client(["g1"], die=("before", "done", "volume.create"))
        place.end_of_client(process, killed=True)
        tap.check(os.path.exists(place.lab.host("hostb").outside(place.disk)), "the volume was made")
        _status, host = place.recover()
        place.intact(host)
        # And what it left is in nobody's way.
        place.move(host, "hosta" if host == "hostb" else "hostb")


@suite.case("post-copy whose connection breaks is taken up by the task itself", timeout=180)
def post_copy_breaks():
    with MoveLab(rate="flat", settle_time=10) as place:
        process = place.start_move("--post-copy", "--bandwidth", "4M")
        line = place.read_until(process, "progress", phase="transfer")
        place.run("force-complete", line["operation"])
        wait_for(lambda: (place.state("hosta"), place.state("hostb")) == (PAUSED_POST_COPY, RUNNING_POST_COPY),
                 "the guest to run there", timeout=60)
        place.lab.net.reset()
        place.read_until(process, "decision", text="post-copy broke and is taken up again")
        result, code = place.end(process)
        tap.check_equal((code, result["status"]), (0, "completed"), "the move")
        place.intact("hostb")


@suite.case("30 simultaneous moves from one host, with libvirtd's default limits; and back, all by one process",
            timeout=500)
def thirty():
    with MoveLab(settle_time=35) as place:
        place.lab.warm_up()
        names = [f"m{number:02d}" for number in range(30)]
        guests = [place.lab.start_guest("hosta", name, [miglab.Disk(place.lab.shared(f"{name}.img"), size="8M")],
                                        memory=8, wait=False) for name in names]
        for guest in guests:
            guest.wait_counting(60)
        movers = [subprocess.Popen([MIG, "live-migrate", name, "--from", "hosta", "--to", "hostb", "--disks", "shared",
                                    "--unsafe", "--quiet", "--cluster", place.cluster, "--store", place.store],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True) for name in names]
        ends = [(mover.communicate(timeout=300)[1], mover.returncode) for mover in movers]
        tap.check_equal([end for end in ends if end != ("", 0)], [], "moves that failed")
        there = place.lab.host("hostb")
        bad = [guest.name for guest in guests if not guest.on(there).verify()["ok"]]
        tap.check_equal(bad, [], "guests that are damaged")

        # Back they wait for each other longer than a call may take that does nothing: eight settle times.
        place.cluster = place.lab.cluster_file(settle_time=1)
        place.lab.net.rate("40mbit")
        process = place.start_client(names, **{"from": "hostb", "to": "hosta"})
        ends = place.end_of_client(process, timeout=300)
        tap.check_equal(ends, {name: "completed" for name in names}, "how the moves back ended")
        bad = [guest.name for guest in guests if not guest.verify()["ok"]]
        tap.check_equal(bad, [], "guests that are damaged")


if __name__ == "__main__":
    sys.exit(suite.main())
