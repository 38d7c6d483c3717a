# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small TAP producer for tests that are programs.

    suite = tap.Suite()

    @suite.case("the guest arrives", timeout=60)
    def arrives():
        tap.check(1 + 1 == 2, "arithmetic")

    sys.exit(suite.main())

Results go to standard output, everything else to standard error as lines that begin with "# ".  A case fails by any
exception; `raise tap.Skip (reason)` skips it.  Names given on the command line choose the cases to run."""

import contextlib
import faulthandler
import fnmatch
import io
import os
import signal
import sys
import time
import traceback


class Skip(Exception):
    """The case cannot run here, and this is why."""


class CaseTimeout(BaseException):
    """The case took too long.  No Exception, so that tests which catch those do not catch it."""


def check(condition, text, *details):
    """An assertion that is there also under `python -O`, and that shows what it saw."""
    if not condition:
        raise AssertionError(": ".join([text, *map(repr, details)]))


def check_equal(found, expected, text="values"):
    check(found == expected, f"{text}: {found!r} instead of {expected!r}")


@contextlib.contextmanager
def check_raises(kind, text=""):
    """The block must raise such an exception, with that in its message."""
    try:
        yield
    except kind as error:
        check(text in str(error), f"the message lacks {text!r}", str(error))
    else:
        raise AssertionError(f"no {kind.__name__}")


def diagnose(text):
    for line in str(text).splitlines() or [""]:
        print(f"# {line}", file=sys.stderr, flush=True)


class _Diagnostics(io.TextIOBase):
    """What a case prints must not look like a result."""

    def __init__(self):
        self._rest = ""

    def write(self, text):
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            diagnose(line)
        return len(text)

    def end(self):
        if self._rest:
            self.write("\n")


def skip_all_if(reason):
    """Ends a program that cannot run here.  For the top of it, before imports that may fail for the same reason."""
    if reason is not None:
        print(f"1..0 # SKIP {reason}", flush=True)
        sys.exit(0)


class Suite:
    """The cases of one program, in the order in which they were registered."""

    def __init__(self, grace=30):
        """`grace`: how long after its deadline a case may still be in a call that cannot be interrupted, such as one
        of libvirt.  After that the whole program is ended, with a traceback."""
        self._cases = []
        self._grace = grace
        self._teardown = []

    def case(self, name, timeout=120, skip=None):
        """Registers the function as a case.  `skip` is a reason known beforehand."""

        def register(function):
            self._cases.append((name, function, timeout, skip))
            return function

        return register

    def add(self, name, function, timeout=120, skip=None):
        self._cases.append((name, function, timeout, skip))

    def at_end(self, function):
        """To be called after the last case, also when cases failed; last registered, first called."""
        self._teardown.append(function)
        return function

    def main(self, argv=None):
        """Runs the cases and returns the exit status: 0, or 1 when one failed."""
        patterns = sys.argv[1:] if argv is None else argv
        cases = [case for case in self._cases
                 if not patterns or any(fnmatch.fnmatch(case[0], f"*{pattern}*") for pattern in patterns)]
        if not cases:
            print(f"Bail out! no case matches {' '.join(patterns)}", flush=True)
            return 1
        # SIGTERM becomes an exception, so that what the cases hold is let go of.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        print(f"1..{len(cases)}", flush=True)
        try:
            passed = [self._run(number, *case) for number, case in enumerate(cases, 1)]
        finally:
            clean = [self._tear_down(function) for function in reversed(self._teardown)]
        return 0 if all(passed) and all(clean) else 1

    @staticmethod
    def _tear_down(function):
        try:
            function()
        except Exception:                       # pylint: disable=broad-exception-caught
            diagnose(traceback.format_exc())
            print("Bail out! the clean-up failed", flush=True)
            return False
        return True

    def _run(self, number, name, function, timeout, skip):
        began = time.monotonic()
        reason = skip
        error = None
        if reason is None:
            output = _Diagnostics()
            try:
                with contextlib.redirect_stdout(output), self._deadline(timeout):
                    function()
            except Skip as skipped:
                reason = str(skipped)
            except (Exception, CaseTimeout):    # pylint: disable=broad-exception-caught
                error = traceback.format_exc()
            output.end()
        seconds = time.monotonic() - began
        if error is not None:
            print(f"not ok {number} - {name}", flush=True)
            diagnose(error)
        elif reason is not None:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        else:
            print(f"ok {number} - {name}", flush=True)
        if os.environ.get("TAP_TIMES"):
            diagnose(f"{name}: {seconds:.2f} s")
        return error is None

    @contextlib.contextmanager
    def _deadline(self, seconds):

        def expire(_number, _frame):
            raise CaseTimeout(f"no end after {seconds} s")

        previous = signal.signal(signal.SIGALRM, expire)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        faulthandler.dump_traceback_later(seconds + self._grace, exit=True, file=sys.__stderr__)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
