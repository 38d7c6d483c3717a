#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples in Python run, as far as they do without hosts."""

import os
import subprocess
import sys
import tempfile
import unittest

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'examples')


def run(name, *words):
    # GObject's importer warns about itself in Python's development mode.
    command = [sys.executable, '-W', 'ignore::ImportWarning', os.path.join(FOLDER, name), *words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=50, check=False)


class Examples(unittest.TestCase):
    def test_custom_store(self):
        done = run('custom-store.py')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(done.stdout.splitlines(), [
            'changed: greeting', 'greeting = hello, at revision 2 (of the commit: 2)',
            'refused: the record “greeting” is at revision 2'])

    def test_migrate_without_arguments(self):
        done = run('migrate.py')
        self.assertEqual((done.returncode, done.stdout), (1, ''))
        self.assertIn('migrate.py CLUSTER.json', done.stderr)

    def test_migrate_with_bad_input(self):
        with tempfile.TemporaryDirectory(prefix='mig-', dir='/tmp') as folder:
            good = os.path.join(folder, 'good.json')
            bad = os.path.join(folder, 'bad.json')
            store = os.path.join(folder, 'state.db')
            socket = os.path.join(folder, 'no-socket')
            with open(good, 'w', encoding='utf-8') as file:
                file.write('{"hosts": [{"name": "a", "uri": "qemu+unix:///system?socket=%s"}]}' % socket)
            with open(bad, 'w', encoding='utf-8') as file:
                file.write('{"hosts": 7}')
            for words, named in [((os.path.join(folder, 'missing.json'), store, 'g', 'a', 'b'), 'missing.json'),
                                 ((bad, store, 'g', 'a', 'b'), 'hosts'), ((good, bad, 'g', 'a', 'b'), 'bad.json'),
                                 ((good, store, 'g', 'a', 'b'), 'b'), ((good, store, 'g', 'a', 'a'), 'a'),
                                 ((good, store, 'g', 'a', 'a', '{"unsafe": 1}'), 'unsafe')]:
                with self.subTest(words=words):
                    done = run('migrate.py', *words)
                    self.assertEqual((done.returncode, done.stderr.count('\n')), (1, 1), done.stderr)
                    self.assertIn(named, done.stderr)


if __name__ == '__main__':
    unittest.main()
