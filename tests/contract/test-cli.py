#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What users script against, as far as it shows without hosts: usage errors, exit codes, JSON lines, the store."""

import json
import os
import re
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import tap  # noqa: E402
from clibed import MIG, Place, result_of  # noqa: E402

suite = tap.Suite()

USAGE = {
    "no command": [],
    "an unknown command": ["teleport"],
    "an unknown option": ["list", "--sideways"],
    "too few arguments": ["live-migrate", "--from", "hosta"],
    "too many arguments": ["live-migrate", "one", "two", "--from", "hosta"],
    "no --from": ["live-migrate", "guest", "--to", "hostb"],
    "no --on": ["swap-volume", "guest", "vda", "/new.img"],
    "a bad --mode": ["live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--mode", "fast"],
    "a bad --disks": ["live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--disks", "all"],
    "bad seconds": ["live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--max-downtime", "soon"],
    "negative seconds": ["live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--deadline=-1"],
    "bad bytes": ["live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--bandwidth", "10X"],
    "too many bytes": ["live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--bandwidth", "9999999999T"],
    "an unknown host": ["live-migrate", "guest", "--from", "nowhere", "--to", "hostb"],
    "a relative destination": ["swap-volume", "guest", "vda", "new.img", "--on", "hosta"],
    "a malformed NBD address": ["swap-volume", "guest", "vda", "nbd://", "--on", "hosta"],
    "source = destination": ["live-migrate", "guest", "--from", "hosta", "--to", "hosta"],
    "an empty domain": ["live-migrate", "", "--from", "hosta", "--to", "hostb"],
    "an empty target": ["swap-volume", "guest", "", "/new.img", "--on", "hosta"],
    "a format that is none": ["swap-volume", "guest", "vda", "/new.img", "--on", "hosta", "--format", "vmdk"],
    "a length that is none": ["swap-volume", "guest", "vda", "/new.img", "--on", "hosta", "--resize-to", "1000"],
    "a granularity that is none": ["swap-volume", "guest", "vda", "/new.img", "--on", "hosta", "--granularity", "3"],
    "a bandwidth that is none": ["live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--bandwidth", "2048T"],
    "an empty key": ["live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--key", ""],
    "a destination with ..": ["swap-volume", "guest", "vda", "/a/../b", "--on", "hosta"],
    "a name that is not UTF-8": ["live-migrate", "g\udcffst", "--from", "hosta", "--to", "hostb"],
    "a key and an operation": ["show", "some-operation", "--key", "some-key"],
    "an option before the command that is none of all": ["--on", "hosta", "list"],
    "an empty host": ["live-migrate", "guest", "--from", "", "--to", "hostb"],
    "a malformed URI": ["live-migrate", "guest", "--from", "hosta", "--to", "://b"],
    "an unknown host of a disk": ["block-job", "guest", "vda", "--on", "nowhere"],
    "--abort with --pivot": ["block-job", "guest", "vda", "--on", "hosta", "--abort", "--pivot"],
}

for title, words in USAGE.items():
    @suite.case(f"usage: {title}: exit 2 and a JSON result")
    def usage(words=tuple(words)):
        with Place() as place:
            done = place.mig(*words, "--json")
            tap.check_equal(done.returncode, 2, "exit code")
            result = result_of(done)
            tap.check_equal(result["v"], 1, "version")
            tap.check_equal(result["operation"], None, "operation")
            tap.check(not os.path.exists(f"{place.top}/state"), "nothing was opened")
            tap.check_equal(result["error"]["domain"], "mig-error-quark", "error domain")
            code = "not-found" if "nowhere" in words else "invalid-argument"
            tap.check_equal(result["error"]["code"], code, "error code")

BAD_CLUSTERS = {
    "not JSON": ("{", "cluster.json"),
    "no JSON in a line": ('{"hosts": [],\n  "limits" = {}}', "(line 2, column 12)"),
    "JSON that does not parse": ('{"hosts": [],\n "limits" 5}', ":2:"),
    "an unknown key": (json.dumps({"hosts": [], "colour": 1}), "colour"),
    "a host without a URI": (json.dumps({"hosts": [{"name": "hosta"}]}), "uri"),
    "an empty URI": (json.dumps({"hosts": [{"name": "hosta", "uri": ""}]}), "uri"),
    "a wrong type": (json.dumps({"hosts": [{"name": 5, "uri": "qemu:///system"}]}), "name"),
    "a name twice": (json.dumps({"hosts": [{"name": "a", "uri": "qemu:///system"}] * 2}), "a"),
}

for title, (text, named) in BAD_CLUSTERS.items():
    @suite.case(f"a cluster file with {title}: exit 2, and the message names it")
    def bad_cluster(text=text, named=named):
        with Place() as place:
            path = place.write("cluster.json", text)
            done = place.mig("recover", "--json", cluster=path)
            tap.check_equal(done.returncode, 2, "exit code")
            tap.check(not os.path.exists(f"{place.top}/state"), "nothing was opened")
            message = result_of(done)["error"]["message"]
            tap.check(named in message, f"the message names {named}", message)


@suite.case("a cluster file that is not there: exit 2")
def no_cluster():
    with Place() as place:
        done = place.mig("recover", "--json", cluster=f"{place.top}/none.json")
        tap.check_equal(done.returncode, 2, "exit code")
        tap.check("none.json" in result_of(done)["error"]["message"], "the message names the file")


@suite.case("a store that is no database: exit 2, and the file is as before")
def bad_store():
    with Place() as place:
        os.mkdir(f"{place.top}/state")
        with open(place.store, "w", encoding="utf-8") as file:
            file.write("certainly no database, but long enough to be looked at" * 100)
        before = open(place.store, "rb").read()
        done = place.mig("list", "--json")
        tap.check_equal(done.returncode, 2, "exit code")
        tap.check("operations.db" in result_of(done)["error"]["message"], "the message names the file")
        tap.check_equal(open(place.store, "rb").read(), before, "content")


@suite.case("the store: its file is 0600, its directory 0700")
def modes():
    with Place() as place:
        place.database().close()
        tap.check_equal(stat.S_IMODE(os.stat(place.store).st_mode), 0o600, "mode of the file")
        tap.check_equal(stat.S_IMODE(os.stat(f"{place.top}/state").st_mode), 0o700, "mode of the directory")


@suite.case("the store defaults to $XDG_STATE_HOME/libmig/state.db")
def default_store():
    with Place() as place:
        done = subprocess.run([MIG, "live-migrate", "guest", "--from", "qemu:///a", "--to", "qemu:///b"],
                              capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "XDG_STATE_HOME": place.top})
        tap.check_equal(done.returncode, 1, "exit code")
        tap.check(os.path.exists(f"{place.top}/libmig/state.db"), "it is there")


@suite.case("recover with nothing to recover: exit 0, count 0")
def nothing():
    with Place() as place:
        place.database().close()
        done = place.mig("recover", "--json")
        tap.check_equal(done.returncode, 0, "exit code")
        line = json.loads(done.stdout)
        tap.check_equal((line["event"], line["count"]), ("recovered", 0), "the line")
        tap.check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"]), "RFC 3339 with microseconds",
                  line["time"])


@suite.case("an operation that is not there: exit 1, not found")
def unknown_operation():
    with Place() as place:
        place.database().close()
        for words in (("no-such-operation",), ("--key", "no-such-key")):
            for verb in ("show", "abort", "wait", "force-complete"):
                done = place.mig(verb, *words, "--json")
                tap.check_equal(done.returncode, 1, f"exit code of {verb}")
                tap.check_equal(result_of(done)["error"]["code"], "not-found", "error code")
                tap.check(words[-1] in result_of(done)["error"]["message"], "its name", done.stdout)


@suite.case("what looks at a store makes none: exit 2, and the message names it")
def no_store():
    with Place() as place:
        for words in (("list",), ("show", "x"), ("abort", "x"), ("wait", "x"), ("force-complete", "x"), ("recover",)):
            done = place.mig(*words)
            tap.check_equal((done.returncode, done.stdout, done.stderr),
                            (2, "", f"mig: there is no store {place.store}\n"), words[0])
            tap.check(not os.path.exists(f"{place.top}/state"), "none is made")


@suite.case("a store on a read-only file system can be listed and shown")
def read_only():
    with Place() as place:
        place.store = f"{place.top}/st 50% ü?#/operations.db"
        _code, lines = place.lines("live-migrate", "guest", "--from", "hosta", "--to", "hostb")
        script = 'd=$1; shift; mount --bind "$d" "$d" && mount -o remount,bind,ro "$d" || exit 99; exec "$@"'
        codes = {}
        for words in (("list",), ("show", lines[-1]["operation"]), ("abort", lines[-1]["operation"])):
            done = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh",
                                   os.path.dirname(place.store), *place.words(*words, "--json")],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
            if "unshare:" in done.stderr or done.returncode == 99:
                raise tap.Skip(f"there is no mount namespace to be had: {done.stderr}")
            codes[words[0]] = done.returncode
            tap.check(lines[-1]["operation"] in done.stdout or words[0] == "abort", "the operation", done)
        tap.check_equal(codes, {"list": 0, "show": 0, "abort": 2}, "exit codes")


@suite.case("names are UTF-8 and paths bytes, whatever the locale")
def locales():
    with Place() as place:
        place.store = f"{place.top}/st\udcffre.db"
        hosts = {"hosts": [{"name": name, "uri": f"qemu+unix:///system?socket=/nonexistent/{name}"} for name in "äö"]}
        cluster = place.write("häuser.json", json.dumps(hosts))
        for locale in ("C", "C.UTF-8", ""):
            env = {"LC_ALL": locale, "LANG": ""}
            key = f"schlüssel {locale}"
            done = place.mig("live-migrate", "gäst ü", "--from", "ä", "--to", "ö", "--key", key, "--json",
                             cluster=cluster, env=env)
            tap.check_equal((done.returncode, result_of(done)["error"]["code"]), (1, "connection"), done.stdout)
            done = place.mig("list", "--key", key, cluster=cluster, env=env)
            tap.check(done.stdout.splitlines()[1].endswith("gäst ü  ä -> ö"), "the list", done.stdout)
            tap.check_equal(len(done.stdout.splitlines()), 3, "header, operation, error")
        for destination, code in (("/tmp/ü.img", "connection"), ("/tmp/\udcff.img", "invalid-argument")):
            done = place.mig("swap-volume", "gäst", "vda", destination, "--on", "ä", "--json", cluster=cluster,
                             env={"LC_ALL": "C"})
            tap.check_equal(result_of(done)["error"]["code"], code, destination)
            tap.check(code == "connection" or "DESTINATION" in done.stdout, "which", done.stdout)


@suite.case("control characters of names do not reach a terminal")
def control():
    with Place() as place:
        name = "\033[31mred\n\u0085\u202e"
        done = place.mig("live-migrate", name, "--from", "hosta", "--to", "hostb", "--key", name)
        tap.check_equal(done.returncode, 1, "exit code")
        listed = place.mig("list", "--key", name).stdout
        missing = place.mig("show", name).stderr
        for text in (done.stdout, done.stderr, listed, missing):
            tap.check(all(char == "\n" or char.isprintable() for char in text), "printable", text)
        for text in (listed, missing):
            tap.check("\\x1b[31mred\\n\\x85\\u202e" in text, "the name", text)


@suite.case("standard output that cannot be written is told; list and show have failed then")
def full():
    with Place() as place:
        _code, lines = place.lines("live-migrate", "guest", "--from", "hosta", "--to", "hostb")
        words = [("list",), ("show", lines[-1]["operation"]), ("wait", lines[-1]["operation"])]
        for command in words + [(*one, "--json") for one in words]:
            with open("/dev/full", "wb") as device:
                done = subprocess.run(place.words(*command), stdout=device, stderr=subprocess.PIPE, text=True,
                                      timeout=60, check=False)
            tap.check_equal(done.returncode, 1, f"exit code of {command}")
            tap.check("cannot write to standard output: No space left" in done.stderr, "the reason", done.stderr)


@suite.case("the options of all commands may stand before the command")
def before():
    with Place() as place:
        done = subprocess.run([MIG, "--json", "--store", place.store, "--cluster", place.cluster, "live-migrate",
                               "guest", "--from", "hosta", "--to", "hostb"], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=60, check=False)
        tap.check_equal((done.returncode, result_of(done)["error"]["code"]), (1, "connection"), "the result")


@suite.case("--key names the operation")
def by_key():
    with Place() as place:
        for key in ("one", "two"):
            place.mig("live-migrate", key, "--from", "hosta", "--to", "hostb", "--key", key)
        _code, lines = place.lines("list", "--key", "two")
        tap.check_equal([line["subject"] for line in lines], ["two"], "the list")
        for verb, wanted in (("show", 0), ("wait", 1), ("abort", 1)):
            code, told = place.lines(verb, "--key", "two")
            tap.check_equal(code, wanted, verb)
            tap.check(lines[0]["operation"] in json.dumps(told[0]), "its id", told)


@suite.case("a key that was used for another request: the result is not that of the first operation")
def other_request():
    with Place() as place:
        words = ("live-migrate", "--from", "hosta", "--to", "hostb", "--key", "one")
        _code, first = place.lines(*words, "guest")
        _code, again = place.lines(*words, "guest")
        tap.check_equal((again[-1]["operation"], again[-1]["status"]), (first[-1]["operation"], "failed"), "again")
        code, other = place.lines(*words, "another")
        tap.check_equal((code, [line["event"] for line in other], other[0]["operation"], other[0]["error"]["code"]),
                        (1, ["result"], None, "conflict"), "another request")


@suite.case("each failure is told once, in words")
def told_once():
    with Place() as place:
        done = place.mig("live-migrate", "guest", "--from", "hosta", "--to", "hostb")
        tap.check_equal((done.returncode, done.stderr.count("Failed to connect")), (1, 1), done.stderr)
        tap.check("%" not in done.stderr, "no progress yet", done.stderr)


@suite.case("hosts that cannot be reached: the operation fails, is recorded, and says which host")
def unreachable():
    with Place() as place:
        done = place.mig("live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--json")
        tap.check_equal(done.returncode, 1, "exit code")
        result = result_of(done)
        tap.check_equal(result["error"]["code"], "connection", "error code")
        tap.check("hosta" in result["error"]["message"], "the message names the host", result["error"]["message"])
        tap.check_equal(result["status"], "failed", "status")

        listed = [json.loads(line) for line in place.mig("list", "--json").stdout.splitlines()]
        tap.check_equal([row["operation"] for row in listed], [result["operation"]], "the list")
        shown = [json.loads(line) for line in place.mig("show", result["operation"], "--json").stdout.splitlines()]
        tap.check_equal(shown[0]["event"], "operation", "first line of show")
        tap.check(all(row["event"] == "journal" for row in shown[1:]), "then its journal")

        waited = place.mig("wait", result["operation"], "--json")
        tap.check_equal(waited.returncode, 1, "waiting for it ends as it did")


@suite.case("hosts may be URIs, without a cluster file; names may not")
def uris():
    with Place() as place:
        uri = "qemu+unix:///system?socket=/nonexistent/{}"
        done = place.mig("live-migrate", "guest", "--from", uri.format("a"), "--to", uri.format("b"), "--json",
                         cluster=False)
        tap.check_equal((done.returncode, result_of(done)["error"]["code"]), (1, "connection"), "two URIs")
        done = place.mig("block-job", "guest", "vda", "--on", uri.format("a"), "--json", cluster=False)
        tap.check_equal((done.returncode, result_of(done)["error"]["code"]), (1, "connection"), "a disk")
        done = place.mig("live-migrate", "guest", "--from", "hosta", "--to", uri.format("b"), "--json", cluster=False)
        tap.check_equal((done.returncode, result_of(done)["error"]["code"]), (2, "not-found"), "a name")
        tap.check("hosta" in done.stdout and "--cluster" in done.stdout, "what is missing", done.stdout)
        # Nor does what another process runs need its hosts.
        done = place.mig("live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--json")
        done = place.mig("wait", result_of(done)["operation"], "--json", cluster=False)
        tap.check_equal((done.returncode, result_of(done)["status"]), (1, "failed"), "waiting without a cluster file")


@suite.case("paths are relative to the working directory")
def relative():
    with Place() as place:
        place.write("hosts.json", json.dumps({"hosts": [
            {"name": "hosta", "uri": "qemu+unix:///system?socket=a.sock"},
            {"name": "hostb", "uri": "qemu:///session"}]}))
        done = subprocess.run([MIG, "live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--json", "--cluster",
                               "hosts.json", "--store", "here/state.db"], cwd=place.top, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        tap.check_equal((done.returncode, result_of(done)["error"]["code"]), (1, "connection"), "the result")
        tap.check(os.path.exists(f"{place.top}/here/state.db"), "the store is there")


@suite.case("BYTES take K, M, G and T, SECONDS a fraction; options arrive")
def options_arrive():
    with Place() as place:
        cases = {"7": 7, "3k": 3 << 10, "3K": 3 << 10, "3M": 3 << 20, "3G": 3 << 30, "3T": 3 << 40}
        for text, number in cases.items():
            done = place.mig("live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--bandwidth", text,
                             "--max-downtime", "0.25", "--deadline", "1.5", "--post-copy", "--throttle", "--mode",
                             "p2p", "--disks", "copy", "--unsafe", "--keep-source-disks", "--json")
            tap.check_equal(done.returncode, 1, f"exit code of {text}")
            record = place.record("op/" + result_of(done)["operation"])
            tap.check_equal(json.loads(record["request"]["options"]), {
                "bandwidth": number, "max-downtime": 0.25, "deadline": 1.5, "post-copy": True, "throttle": True,
                "mode": "peer-to-peer", "disks": "copy", "unsafe": True, "keep-source-disks": True}, text)
        done = place.mig("swap-volume", "guest", "vda", "/new.img", "--on", "hosta", "--reuse", "--format", "qcow2",
                         "--bandwidth", "1M", "--resize-to", "1G", "--verify", "--max-pause", "0.5", "--time-limit",
                         "9.5", "--synchronous", "--granularity", "64K", "--json")
        tap.check_equal(done.returncode, 1, "exit code of the swap")
        record = place.record("op/" + result_of(done)["operation"])
        tap.check_equal(json.loads(record["request"]["options"]), {
            "reuse": True, "bandwidth": 1 << 20, "resize-to": 1 << 30, "verify": True, "max-pause": 0.5,
            "time-limit": 9.5, "synchronous": True, "granularity": 64 << 10}, "the swap's options")
        tap.check_equal(record["request"]["destination-format"], "qcow2", "its format")


@suite.case("every JSON line has its members, and what is unknown is null")
def members():
    common = {"v", "event", "time", "operation"}
    error = {"domain", "code", "message"}
    wanted = {"phase": {"old", "new", "attempt"}, "step": {"step", "seconds", "error"},
              "result": {"status", "seconds", "downtime-seconds", "bytes", "source", "destination", "debts", "error"},
              "operation": {"key", "kind", "subject", "source", "destination", "phase", "status", "attempt", "created",
                            "updated", "owner", "error", "debts"}, "journal": {"line"}}
    with Place() as place:
        _code, lines = place.lines("live-migrate", "guest", "--from", "hosta", "--to", "hostb")
        _code, shown = place.lines("show", lines[-1]["operation"])
        for line in lines + shown:
            tap.check_equal(set(line) - common, wanted[line["event"]], line["event"])
            tap.check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"]), "the time", line["time"])
            for one in (line.get("error"), line.get("line", {}).get("error")):
                if one is not None:
                    tap.check_equal(set(one), error, "the error")
                    tap.check_equal(one["code"], "connection", "its code")
        tap.check("error" in shown[-1]["line"] and shown[0]["error"], "there are errors", shown)
        result = lines[-1]
        tap.check_equal((result["downtime-seconds"], result["bytes"], result["debts"]), (None, None, []), "unknown")
        tap.check_equal((result["source"], result["destination"]), ("hosta", "hostb"), "what was asked for")
        _code, waited = place.lines("wait", result["operation"])
        tap.check_equal({**waited[-1], "time": 0}, {**result, "time": 0}, "the result of waiting for it")


@suite.case("numbers have as many digits as they need")
def digits():
    with Place() as place:
        done = place.mig("live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--json")
        seconds = re.findall(r'"seconds":([^,}]*)', done.stdout)
        tap.check(seconds and all(re.fullmatch(r"\d+\.\d{1,6}", one) for one in seconds), "seconds", seconds)


@suite.case("a reader that goes away does not matter")
def no_reader():
    with Place() as place:
        process = subprocess.Popen(place.words("live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--json"),
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.close()
        tap.check_equal(process.wait(timeout=60), 1, "exit code")


@suite.case("nothing but JSON on standard output, nothing on standard error, when all is told in JSON")
def quiet():
    with Place() as place:
        done = place.mig("live-migrate", "guest", "--from", "hosta", "--to", "hostb", "--json")
        for line in done.stdout.splitlines():
            json.loads(line)
        tap.check_equal(done.stderr, "", "standard error")


@suite.case("--help: exit 0, and every command has one")
def helps():
    for words in ([], ["live-migrate"], ["swap-volume"], ["block-job"], ["list"], ["recover"]):
        for asked in ([*words, "--help"], ["--help", *words], words or ["help"]):
            if asked != words:
                done = subprocess.run([MIG, *asked], capture_output=True, text=True, timeout=60, check=False)
                tap.check_equal(done.returncode, 0, "exit code")
                tap.check("Usage" in done.stdout, "it shows the usage", done.stdout)
    done = subprocess.run([MIG, "--version"], capture_output=True, text=True, timeout=60, check=False)
    tap.check(done.returncode == 0 and re.fullmatch(r"mig \d+\.\d+\.\d+\n", done.stdout), "the version", done)


if __name__ == "__main__":
    sys.exit(suite.main())
