# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every benchmark here needs: alternating runs, medians and quartiles, ratios, a table and a JSON file."""

import json
import os
import platform
import sqlite3
import statistics
import time


def spread(samples):
    """Median and quartiles, in the samples' unit."""
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive") if len(samples) > 1 else samples * 3
    return {"median": middle, "low": low, "high": high, "runs": len(samples)}


def alternate(runs, contestants, before=None):
    """{name: [seconds]} of each contestant, in turn, so that a machine that drifts drifts for all of them."""
    samples = {name: [] for name in contestants}
    for _ in range(runs):
        for name, run in contestants.items():
            if before is not None:
                before()
            samples[name].append(run())
    return samples


def commit_seconds(directory, runs=20):
    """The median time of one durable commit on this disk: what the library's store does, by the same SQLite."""
    path = f"{directory}/commit-time.db"
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (v TEXT);")
        samples = []
        for number in range(runs):
            began = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO t VALUES (?)", (f"{number} " + "x" * 1000,))
            connection.execute("COMMIT")
            samples.append(time.perf_counter() - began)
        return statistics.median(samples)
    finally:
        connection.close()
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(path + suffix):
                os.unlink(path + suffix)


def count_commits(store, run):
    """How many times the library's store in that file is committed to while `run` runs: it numbers its commits."""

    def read():
        connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
        try:
            return connection.execute("SELECT revision FROM counter").fetchone()[0]
        finally:
            connection.close()

    before = read()
    run()
    return read() - before


def machine():
    return {"cpus": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0]}


def figures_of(samples):
    return {name: spread(values) for name, values in samples.items()}


def write_json(path, figures):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=2, sort_keys=True)
        file.write("\n")


# Tables, in Markdown, as doc/benchmarks.md has them


def rows(head, lines):
    """A table from the words of its head and of its lines."""
    return "".join(f"| {' | '.join(words)} |\n" for words in [head, ["---"] * len(head), *lines])


def seconds(figure):
    """The median, and the quartiles."""
    return f"{figure['median']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def times(one, other):
    return f"{other['median'] / one['median']:.1f}"


def within(figure, bound):
    return "yes" if figure["median"] <= bound else "no"


def swap_bare(results):
    """What a swap takes beside the bare copy."""
    lines = []
    for size, result in results["swap"].items():
        figures, commits, commit = result["figures"], result["commits"], result["commit-seconds"]
        bare, library, blind = figures["bare"], figures["libmig"], figures["libmig-without-events"]
        bound = 1.15 * bare["median"] + commits * commit
        lines.append([size, seconds(bare), seconds(library), f"{commits} × {commit * 1000:.2f} ms", f"{bound:.3f}",
                      within(library, bound), seconds(blind), f"{blind['median'] / bare['median']:.2f}",
                      within(blind, 1.3 * bare["median"])])
    return rows(["disk", "bare copy, s", "libmig, s", "commits", "bound, s", "within", "no event loop, s", "ratio",
                 "within 1.3"], lines)


def swap_peers(results):
    """How much faster than others a swap is."""
    lines = []
    for size, result in results["swap"].items():
        figures = result["figures"]
        library, virsh, loop = figures["libmig"], figures["virsh"], figures["loop"]
        lines.append([size, seconds(library), seconds(virsh), times(library, virsh), seconds(loop),
                      times(library, loop)])
    return rows(["disk", "libmig, s", "virsh blockcopy, s", "times faster", "loop, each 0.5 s, s", "times faster"],
                lines)


def migrate(results):
    """What a whole process takes to move a guest."""
    result = results["migrate"]
    library, virsh = result["figures"]["libmig"], result["figures"]["virsh"]
    bound = virsh["median"] + 0.25
    return rows(["virsh migrate, s", "mig live-migrate, s", "over virsh, s", "commits", "bound, s", "within"],
                [[seconds(virsh), seconds(library), f"{library['median'] - virsh['median']:+.3f}",
                  f"{result['commits']} × {result['commit-seconds'] * 1000:.2f} ms", f"{bound:.3f}",
                  within(library, bound)]])


def engine(results):
    """What an operation costs whose steps do nothing."""
    return rows(["store", "operation, ms", "step, ms", "commit, ms"],
                [[name, *(f"{figure:.3f}" for figure in figures)] for name, figures in results["engine"].items()])


TABLES = {"swap-bare": swap_bare, "swap-peers": swap_peers, "migrate": migrate, "engine": engine}


def about(results):
    """Where and how the figures were taken."""
    found = results["machine"]
    return (f"{found['cpus']} CPUs, Linux {found['kernel']}, load {found['load']:.1f} before the first run; "
            f"{results['runs']['swap']} runs of each swap,\n{results['runs']['migrate']} of each move.\n")
