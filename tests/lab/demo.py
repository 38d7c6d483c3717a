#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main job, for people to watch: a guest that counts in memory and on its disk goes to another host and back, and
gets another disk while it writes; nothing is lost. """

import argparse
import os
import re
import signal
import subprocess
import sys

import miglab

MEMORY = 256                # MiB
RATE = 20                   # MiB dirtied per second
FILL = 96                   # MiB of data on the disk
SIZE = 256                  # MiB of the disk

RESULT = re.compile(r"in (?P<seconds>[0-9.]+) s(?:, downtime (?P<downtime>\d+) ms)?(?:, (?P<bytes>[0-9.]+ \S+) moved)?")


class Demo:
    def __init__(self, mig, lab):
        self.mig = mig
        self.lab = lab
        self.cluster = lab.cluster_file()
        self.store = f"{lab.directory}/state/operations.db"
        self.rows = []

    def call(self, *words):
        """Runs mig with its progress on the screen; returns its answer."""
        print(f"$ mig {' '.join(words)}", flush=True)
        done = subprocess.run([self.mig, *words, "--cluster", self.cluster, "--store", self.store],
                              stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout, end="", flush=True)
        if done.returncode != 0:
            raise SystemExit(f"mig {words[0]} ended with exit code {done.returncode}")
        return done.stdout

    def step(self, title, guest, *words):
        """One act, and the proof that the guest has come through it."""
        answer = RESULT.search(self.call(*words))
        report = guest.verify()
        said = "memory and disk verified" if report["ok"] else f"DAMAGED: {report['errors']}"
        print(f"  {guest.name} on {guest.host.name}: pass {report['pass']}, {report['seq']} blocks written, {said}\n",
              flush=True)
        downtime = answer["downtime"] and answer["downtime"] + " ms"
        self.rows.append((title, answer["seconds"] + " s", downtime or "-", answer["bytes"] or "-",
                          "ok" if report["ok"] else "DAMAGED"))
        return report["ok"]

    def summary(self):
        head = ("", "time", "downtime", "moved", "memory and disk")
        rows = [head, *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def play(mig, lab):
    first, second = lab.host("hosta"), lab.host("hostb")
    old, new = first.path("counter.img"), first.path("counter-new.img")
    demo = Demo(mig, lab)

    print(f"Two hosts, each with a libvirtd of its own, in {lab.directory}.", flush=True)
    lab.warm_up()
    guest = lab.start_guest("hosta", "counter", [miglab.Disk(old, size=f"{SIZE}M")], memory=MEMORY, rate=f"{RATE}M",
                            fill=FILL, persistent=True)
    print(f"The guest “counter” runs on hosta: {MEMORY} MiB of memory, {RATE} MiB/s of it dirtied; it writes to a "
          f"local disk of {SIZE} MiB.\nEach command has --cluster {demo.cluster}\nand --store {demo.store}, too.\n")

    moved = guest.on(second)
    ok = demo.step("there", moved, "live-migrate", "counter", "--from", "hosta", "--to", "hostb")
    ok = demo.step("back", guest, "live-migrate", "counter", "--from", "hostb", "--to", "hosta") and ok
    ok = demo.step("another disk", guest, "swap-volume", "counter", "vda", new, "--on", "hosta") and ok

    problems = lab.leftovers((guest, [old, new]))
    for problem in problems:
        print(f"left over: {problem}")
    demo.summary()

    return ok and not problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mig", required=True, help="the built examples/mig program")
    mig = os.path.abspath(parser.parse_args().mig)

    try:
        with miglab.Lab() as lab:
            return 0 if play(mig, lab) else 1
    except KeyboardInterrupt:
        print("\ninterrupted; nothing is left of the lab", file=sys.stderr)
        return 128 + signal.SIGINT
    except miglab.MissingRequirement as error:
        print(f"The demo needs a lab: {error}", file=sys.stderr)
        return miglab.EXIT_MISSING


if __name__ == "__main__":
    sys.exit(main())
