# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every store that there is fulfils the contract: the built-in ones, and one written in Python."""

import importlib.util
import os
import shutil
import tempfile
import unittest

from state_store_kit import Mig, StateStoreKit


def load_example(name):
    path = os.path.join(os.path.dirname(__file__), '..', '..', 'examples', name)
    spec = importlib.util.spec_from_file_location(name.replace('-', '_')[:-len('.py')], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


custom_store = load_example('custom-store.py')


class MemoryStoreTest(StateStoreKit, unittest.TestCase):
    def make_store(self):
        return Mig.MemoryStore.new()


class SqliteStoreTest(StateStoreKit, unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='mig-', dir='/tmp')
        self.path = os.path.join(self.folder, 'state.db')
        super().setUp()

    def tearDown(self):
        super().tearDown()
        shutil.rmtree(self.folder)

    def make_store(self):
        return Mig.SqliteStore.new(self.path)

    def reopen_store(self):
        return Mig.SqliteStore.new(self.path)

    def child_source(self):
        return 'store = Mig.SqliteStore.new(%r)' % self.path


class PythonStoreTest(StateStoreKit, unittest.TestCase):
    def make_store(self):
        return custom_store.DictStore()


if __name__ == '__main__':
    unittest.main()
