#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the unittest cases of one file and prints TAP: one line per test method.

  tap.py FILE [ARGUMENTS]      the file finds its arguments in sys.argv[1:]

A file that cannot run here raises unittest.SkipTest when it is imported, with the reason."""

import importlib.util
import os
import sys
import traceback
import unittest


class TapResult(unittest.TestResult):
    """Prints each result when the test has ended, so that a crash shows where it happened."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.problems = []
        self.skip_reason = None

    def startTest(self, test):
        super().startTest(test)
        self.problems = []
        self.skip_reason = None

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.problems.append(self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.problems.append(self.errors[-1][1])
        # A fixture of a class or module is not a test of its own, and nothing of it was started.
        if not isinstance(test, unittest.TestCase):
            self.print_line(str(test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skip_reason = reason
        if not isinstance(test, unittest.TestCase):
            self.print_line(str(test))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.problems.append('%s\n%s' % (subtest, ''.join(traceback.format_exception(*err))))

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.problems.append('it was expected to fail')

    def stopTest(self, test):
        super().stopTest(test)
        self.print_line('.'.join(test.id().split('.')[-2:]))

    def print_line(self, name):
        self.number += 1
        skip = ' # SKIP %s' % self.skip_reason if self.skip_reason is not None and not self.problems else ''
        print('%s %d - %s%s' % ('not ok' if self.problems else 'ok', self.number, name, skip))
        for problem in self.problems:
            for line in problem.splitlines():
                print('# ' + line)
        sys.stdout.flush()
        self.problems = []
        self.skip_reason = None


def load(path):
    """Imports the file under its own name, with its folder and this one on the path."""
    name = os.path.basename(path)[:-len('.py')].replace('-', '_')
    sys.path[:0] = [os.path.dirname(os.path.abspath(path)), os.path.dirname(os.path.abspath(__file__))]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def main():
    path = sys.argv[1]
    sys.argv = sys.argv[1:]
    try:
        module = load(path)
    except unittest.SkipTest as reason:
        print('1..0 # SKIP %s' % reason)
        return 0

    result = TapResult()
    unittest.defaultTestLoader.loadTestsFromModule(module).run(result)
    print('1..%d' % result.number)
    return 0 if result.wasSuccessful() and result.number > 0 else 1


if __name__ == '__main__':
    sys.exit(main())
