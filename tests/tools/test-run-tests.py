#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The runner counts what became of each case, and leaves nothing running. A script stands in for meson."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'run-tests.py')
spec = importlib.util.spec_from_file_location('run_tests', RUNNER)
run_tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run_tests)


def record(stdout, result='OK', returncode=0, name='libmig:unit / a'):
    return {'name': name, 'stdout': stdout, 'result': result, 'returncode': returncode}


class Judgement(unittest.TestCase):
    def judged(self, *args, strict=False, **keywords):
        suite, name, cases = run_tests.judge(record(*args, **keywords), strict)
        return run_tests.count(cases)

    def test_counts_cases(self):
        text = 'ok 1 - a.c:b:c: Passed\nnot ok 2 - d: 1 # 2\nok 3 - e # SKIP reason\n# noise\nnoise\n1..3\n'
        self.assertEqual(self.judged(text, 'FAIL', 1), [1, 1, 1])
        self.assertEqual(self.judged('1..2\nok\nok - named\n'), [2, 0, 0])

    def test_suite_and_name(self):
        self.assertEqual(run_tests.judge(record('1..1\nok 1\n', name='libmig:saga+slow / b c'), False)[:2],
                         ('saga', 'b c'))

    def test_program_that_went_wrong_is_one_more_failure(self):
        for text, result, returncode in [
                ('ok 1 - a\n', 'ERROR', -11),
                ('', 'ERROR', 127),
                ('ok 1 - a\n1..2\n', 'ERROR', 0),
                ('1..2\nok 1 - a\n', 'ERROR', 0),
                ('1..1\nok 1 - a\n', 'ERROR', 1),
                ('ok 1 - a\n1..1\n', 'TIMEOUT', -15),
                ('ok 1 - a\n', 'INTERRUPT', -15)]:
            with self.subTest(text=text, result=result):
                self.assertEqual(self.judged(text, result, returncode), [text.count('ok 1'), 1, 0])
        self.assertEqual(self.judged('1..0\n'), [0, 1, 0])
        self.assertEqual(self.judged('ok 1\nBail out! oh\n', 'ERROR', 1), [1, 2, 0])

    def test_skipped_program(self):
        text = '1..0 # SKIP no lab\n'
        self.assertEqual(self.judged(text, 'SKIP'), [0, 0, 1])
        self.assertEqual(self.judged(text, 'SKIP', strict=True), [0, 0, 1])
        self.assertEqual(self.judged(text, 'SKIP', strict=True, name='libmig:integration / a'), [0, 1, 0])


class Lane(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='mig-')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.results = os.path.join(self.folder, 'results.json')
        os.mkdir(os.path.join(self.folder, 'meson-logs'))

    def start(self, script, *options):
        """Runs a lane with this shell script as meson."""
        path = os.path.join(self.folder, 'meson')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('#!/bin/bash\ncd %s\n%s' % (self.folder, textwrap.dedent(script)))
        os.chmod(path, 0o700)
        command = [sys.executable, RUNNER, 'run', *options, '--label', 'one', '--results', self.results, self.folder,
                   'quick']
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                env={**os.environ, 'PATH': self.folder + ':' + os.environ['PATH']})

    def finish(self, process):
        with process:
            process.communicate(timeout=50)
        return process.returncode

    def report(self):
        done = subprocess.run([sys.executable, RUNNER, 'report', self.results], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout

    def log(self, *records):
        return ''.join("echo '%s' >>meson-logs/mig-one-quick.json\n" % json.dumps(one) for one in records)

    def test_last_line_counts(self):
        script = self.log(record('ok 1 - a\\n1..1\\n'), record('not ok 1 - because\\n# why\\n1..1\\n', 'FAIL', 1))
        self.assertEqual(self.finish(self.start(script.replace('\\\\n', '\\n'))), 1)
        status, text = self.report()
        self.assertEqual(text.splitlines()[-1], '1 passed, 1 failed, 0 skipped')
        self.assertIn('FAILED: one / unit / a: because', text)
        self.assertIn('# why', text)
        self.assertEqual(status, 1)

    def test_good_lane(self):
        script = self.log(record('ok 1 - a\\n1..1\\n')).replace('\\\\n', '\\n')
        self.assertEqual(self.finish(self.start(script)), 0)
        status, text = self.report()
        self.assertEqual((status, text.splitlines()[-1]), (0, '1 passed, 0 failed, 0 skipped'))

    def test_old_log_is_not_counted(self):
        with open(os.path.join(self.folder, 'meson-logs', 'mig-one-quick.json'), 'w', encoding='utf-8') as file:
            file.write(json.dumps(record('ok 1\n1..1\n')) + '\n')
        self.assertEqual(self.finish(self.start('exit 1\n')), 1)
        self.assertEqual(self.report()[1].splitlines()[-1], '0 passed, 1 failed, 0 skipped')

    def test_lane_that_cannot_run_is_a_failure(self):
        subprocess.run([sys.executable, RUNNER, 'broken', '--label', 'one', '--results', self.results, 'no build'],
                       check=False)
        status, text = self.report()
        self.assertEqual((status, text.splitlines()[-1]), (1, '0 passed, 1 failed, 0 skipped'))
        self.assertIn('no build', text)

    def is_running(self, pid_file):
        with open(os.path.join(self.folder, pid_file), encoding='utf-8') as file:
            return os.path.exists('/proc/%s' % file.read().strip())

    def test_process_left_running_is_a_failure(self):
        script = self.log(record('ok 1 - a\\n1..1\\n')).replace('\\\\n', '\\n')
        script += 'setsid sleep 300 >/dev/null & echo $! >pid\n'
        self.assertEqual(self.finish(self.start(script)), 1)
        text = self.report()[1]
        self.assertIn('sleep', text)
        self.assertEqual(text.splitlines()[-1], '1 passed, 1 failed, 0 skipped')
        self.assertFalse(self.is_running('pid'))

    def test_orphan_that_ends_is_collected_at_once(self):
        script = self.log(record('ok 1 - a\\n1..1\\n')).replace('\\\\n', '\\n')
        script += '(setsid sleep 0.1 >/dev/null & echo $! >pid)\nwhile [ -e /proc/$(cat pid) ]; do sleep 0.05; done\n'
        self.assertEqual(self.finish(self.start(script)), 0)

    def test_interrupt_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number=number):
                process = self.start('''
                    setsid sleep 300 >/dev/null & echo $! >pid
                    trap 'touch asked; exit 1' TERM
                    echo ready
                    while :; do sleep 0.05; done
                    ''')
                self.assertEqual(process.stdout.readline(), 'ready\n')
                process.send_signal(number)
                self.assertEqual(self.finish(process), 128 + number)
                self.assertTrue(os.path.exists(os.path.join(self.folder, 'asked')))
                self.assertFalse(self.is_running('pid'))
                os.remove(os.path.join(self.folder, 'asked'))


if __name__ == '__main__':
    unittest.main()
