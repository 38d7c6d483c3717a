#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Moves an idle 64 MiB guest with shared disks, peer-to-peer, there and back: `mig live-migrate` beside `virsh
migrate`, the whole process from exec to exit.  Needs the lab.  Never a test: it prints figures and judges nothing."""

import argparse
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import miglab  # noqa: E402
import table  # noqa: E402


class Contest:
    def __init__(self, mig, lab):
        self.mig = mig
        self.lab = lab
        self.cluster = lab.cluster_file()
        self.store = f"{lab.directory}/operations.db"
        self.guest = lab.start_guest("hosta", "bench", [miglab.Disk(lab.shared("bench.img"), size="64M")], memory=64)
        self.here = "hosta"

    def _timed(self, make):
        """One move from where the guest is to the other host."""
        there = self.lab.other(self.here).name
        began = time.perf_counter()
        subprocess.run(make(self.here, there), check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
        self.here = there
        return seconds

    def libmig(self):
        return self._timed(lambda here, there: [
            self.mig, "live-migrate", "bench", "--from", here, "--to", there, "--disks", "shared", "--unsafe",
            "--quiet", "--cluster", self.cluster, "--store", self.store])

    def virsh(self):
        return self._timed(lambda here, there: [
            "virsh", "-c", self.lab.host(here).uri, "migrate", "--live", "--p2p", "--unsafe", "bench",
            self.lab.host(there).peer_uri])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mig", required=True)
    parser.add_argument("--runs", type=int, default=10, help="of each, an even number")
    parser.add_argument("--json")
    arguments = parser.parse_args()

    with miglab.Lab() as lab:
        contest = Contest(os.path.abspath(arguments.mig), lab)
        for run in (contest.libmig, contest.libmig, contest.virsh, contest.virsh):  # a warm-up each way
            run()
        commits = table.count_commits(contest.store, contest.libmig)
        contest.virsh()
        # An odd number of contestants' runs a round would always give one of them the same direction: two each.
        samples = {"libmig": [], "virsh": []}
        for _ in range(max(1, arguments.runs // 2)):
            for name, run in (("libmig", contest.libmig), ("virsh", contest.virsh)):
                samples[name] += [run(), run()]
        commit = table.commit_seconds(lab.directory)
        intact = contest.guest.on(lab.host(contest.here)).verify()["ok"]

    results = {"migrate": {"figures": table.figures_of(samples), "commits": commits, "commit-seconds": commit,
                           "intact": intact}}
    print(table.migrate(results))
    print(f"guest intact: {intact}")
    if arguments.json:
        table.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
