#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The TAP producer, tested by what it prints."""

import os
import subprocess
import sys

import tap

HERE = os.path.dirname(os.path.abspath(__file__))
suite = tap.Suite()


def run(body, *arguments):
    """Runs a program around `body`, which has `suite` and `tap` at hand."""
    program = f"import sys, time\nsys.path.insert(0, {HERE!r})\nimport tap\nsuite = tap.Suite()\n{body}\n" \
              "sys.exit(suite.main())\n"
    return subprocess.run([sys.executable, "-B", "-c", program, *arguments], check=False, capture_output=True,
                          text=True, timeout=30)


@suite.case("a case that returns passes")
def passes():
    result = run("suite.add('one', lambda: None)\nsuite.add('two', lambda: None)")
    tap.check_equal(result.stdout, "1..2\nok 1 - one\nok 2 - two\n")
    tap.check_equal(result.returncode, 0)


@suite.case("a case that raises fails, and the next one runs")
def fails():
    result = run("suite.add('one', lambda: tap.check(False, 'reason'))\nsuite.add('two', lambda: None)")
    tap.check_equal(result.stdout, "1..2\nnot ok 1 - one\nok 2 - two\n")
    tap.check_equal(result.returncode, 1)
    tap.check("# AssertionError: reason" in result.stderr.splitlines(), "no diagnosis", result.stderr)


@suite.case("skipping gives the reason")
def skips():
    result = run("""
@suite.case('one')
def one():
    raise tap.Skip('no hardware')
suite.add('two', lambda: 1 / 0, skip='not today')
""")
    tap.check_equal(result.stdout, "1..2\nok 1 - one # SKIP no hardware\nok 2 - two # SKIP not today\n")
    tap.check_equal(result.returncode, 0)


@suite.case("skipping everything")
def skips_all():
    result = run("tap.skip_all_if(None)\ntap.skip_all_if('no root')\nimport no_such_module")
    tap.check_equal(result.stdout, "1..0 # SKIP no root\n")
    tap.check_equal(result.returncode, 0)


@suite.case("a case that hangs is ended, even if it catches every Exception")
def hangs():
    result = run("""
@suite.case('one', timeout=0.2)
def one():
    while True:
        try:
            time.sleep(20)
        except Exception:
            pass
suite.add('two', lambda: None)
""")
    tap.check_equal(result.stdout, "1..2\nnot ok 1 - one\nok 2 - two\n")
    tap.check_equal(result.returncode, 1)


@suite.case("a case that hangs where no signal reaches it ends the program")
def hangs_hard():
    result = run("""
import signal
suite = tap.Suite(grace=0.2)
@suite.case('one', timeout=0.2)
def one():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    time.sleep(20)
""")
    tap.check_equal(result.stdout, "1..1\n")
    tap.check(result.returncode != 0 and "Timeout" in result.stderr, "no traceback", result.stderr)


@suite.case("what a case prints becomes a diagnostic")
def prints():
    result = run("suite.add('one', lambda: print('ok 7 - not a result\\nmore', end=''))")
    tap.check_equal(result.stdout, "1..1\nok 1 - one\n")
    tap.check_equal(result.stderr, "# ok 7 - not a result\n# more\n")


@suite.case("names choose cases")
def chooses():
    body = "suite.add('red fish', lambda: None)\nsuite.add('blue fish', lambda: 1 / 0)"
    tap.check_equal(run(body, "red").stdout, "1..1\nok 1 - red fish\n")
    tap.check_equal(run(body, "fowl").returncode, 1)


@suite.case("the end comes after a failure too, and can fail itself")
def ends():
    body = "suite.at_end(lambda: print('# end', file=sys.stderr))\nsuite.add('one', lambda: 1 / 0)"
    tap.check("# end" in run(body).stderr, "not called")
    result = run("suite.at_end(lambda: 1 / 0)\nsuite.add('one', lambda: None)")
    tap.check_equal(result.returncode, 1)
    tap.check("Bail out!" in result.stdout, "silent", result.stdout)


@suite.case("SIGTERM lets the end run")
def terminated():
    result = run("""
import os, signal
suite.at_end(lambda: print('# end', file=sys.stderr))
suite.add('one', lambda: os.kill(os.getpid(), signal.SIGTERM))
""")
    tap.check("# end" in result.stderr, "not called", result.stderr)
    tap.check_equal(result.returncode, 143)


if __name__ == "__main__":
    sys.exit(suite.main())
