#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The harness fails what it is there to fail: the descriptors, the waits, the errors, the crashes of sample.c."""

import os
import re
import subprocess
import sys
import tempfile
import textwrap
import unittest

SAMPLE = sys.argv[1]
TAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'tap.py')


def run_sample(**environment):
    return subprocess.run([SAMPLE], capture_output=True, text=True, check=False, env={**os.environ, **environment})


class CHarness(unittest.TestCase):
    def test_each_case_ends_as_its_name_says(self):
        done = run_sample()
        results = re.findall(r'^(ok|not ok) \d+ - [^:]+:[^:]+:(\w+):', done.stdout, re.M)
        self.assertGreater(len(results), 10, done.stdout)
        for result, name in results:
            with self.subTest(name=name):
                self.assertEqual(result, 'ok' if name.startswith('passes_') else 'not ok', done.stdout)
        self.assertIn('1..%d' % len(results), done.stdout)
        self.assertNotEqual(done.returncode, 0)

    def test_leak_is_named(self):
        self.assertIn('/dev/zero', run_sample().stdout)

    def test_requirement_skips_the_program(self):
        done = run_sample(MIG_SAMPLE_SKIP='no reason')
        self.assertEqual(done.stdout, '1..0 # SKIP no reason\n')
        self.assertEqual(done.returncode, 0)


class PythonHarness(unittest.TestCase):
    def run_file(self, text):
        with tempfile.TemporaryDirectory(prefix='mig-') as folder:
            path = os.path.join(folder, 'test-a.py')
            with open(path, 'w', encoding='utf-8') as file:
                file.write('import unittest\n' + textwrap.dedent(text))
            return subprocess.run([sys.executable, TAP, path], capture_output=True, text=True, check=False)

    def test_results(self):
        done = self.run_file('''
            class A(unittest.TestCase):
                def test_1_ok(self):
                    pass
                def test_2_fails(self):
                    self.fail('because')
                def test_3_raises(self):
                    raise ValueError('oh')
                @unittest.skip('reason')
                def test_4_skipped(self):
                    pass
                def test_5_sub(self):
                    for n in range(2):
                        with self.subTest(n=n):
                            self.assertEqual(n, 0)
            ''')
        lines = [line for line in done.stdout.splitlines() if not line.startswith('#')]
        self.assertEqual(lines, ['ok 1 - A.test_1_ok', 'not ok 2 - A.test_2_fails', 'not ok 3 - A.test_3_raises',
                                 'ok 4 - A.test_4_skipped # SKIP reason', 'not ok 5 - A.test_5_sub', '1..5'])
        self.assertEqual(done.returncode, 1)

    def test_broken_fixture_fails(self):
        done = self.run_file('''
            class A(unittest.TestCase):
                @classmethod
                def setUpClass(cls):
                    raise ValueError('oh')
                def test_1(self):
                    pass
            ''')
        self.assertIn('not ok 1', done.stdout)
        self.assertEqual(done.returncode, 1)

    def test_file_that_cannot_be_imported_fails(self):
        self.assertNotEqual(self.run_file('import no_such_module').returncode, 0)

    def test_file_without_tests_fails(self):
        self.assertNotEqual(self.run_file('pass').returncode, 0)

    def test_file_can_be_skipped(self):
        done = self.run_file("raise unittest.SkipTest('no lab')")
        self.assertEqual((done.stdout, done.returncode), ('1..0 # SKIP no lab\n', 0))


if __name__ == '__main__':
    unittest.main()
