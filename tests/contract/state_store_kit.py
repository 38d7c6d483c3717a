# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contract of a state store, as tests. Whoever writes one derives a unittest case from StateStoreKit:

    class MyStoreTest(StateStoreKit, unittest.TestCase):
        def make_store(self):
            return MyStore()

A store with the feature DURABLE also defines reopen_store(), which gives another object on the same records, and one
with the feature SHARED child_source(), Python source that sets `store` in another process."""

import subprocess
import sys
import threading
import unittest

import gi

gi.require_version('Mig', '1')
from gi.repository import Gio, GLib, Mig  # noqa: E402

MAX_KEY = 512
MAX_VALUE = 512 * 1024

# A process that counts up a record by compare-and-swap, so often as it is told.
COUNT = '''
import sys
import gi
gi.require_version('Mig', '1')
from gi.repository import GLib, Mig
%s
for n in range(int(sys.argv[1])):
    while True:
        record = Mig.StateStore.get(store, 'counter', None)
        transaction = Mig.Transaction.new()
        transaction.require('counter', record.get_revision())
        transaction.put('counter', str(int(record.get_value()) + 1))
        try:
            Mig.StateStore.commit(store, transaction, None)
            break
        except GLib.Error as error:
            if not error.matches(Mig.error_quark(), Mig.Error.CONFLICT):
                raise
'''


def transaction_of(puts=(), deletes=(), require=()):
    transaction = Mig.Transaction.new()
    for key, revision in require:
        transaction.require(key, revision)
    for key, value in puts:
        transaction.put(key, value)
    for key in deletes:
        transaction.delete(key)
    return transaction


class StateStoreKit:
    """Mixed into a unittest.TestCase."""

    def make_store(self):
        """A new store without records."""
        raise NotImplementedError

    def setUp(self):
        self.store = self.make_store()

    def tearDown(self):
        self.store = None

    # The methods of the interface by their own names: an implementer in Python may have others of these names.

    def commit(self, puts=(), deletes=(), require=(), store=None, cancellable=None):
        return Mig.StateStore.commit(store or self.store, transaction_of(puts, deletes, require), cancellable)

    def put(self, key, value):
        return self.commit([(key, value)])

    def get(self, key, store=None):
        return Mig.StateStore.get(store or self.store, key, None)

    def list(self, prefix='', after=None, limit=0, store=None):
        return Mig.StateStore.list(store or self.store, prefix, after, limit, None)

    def keys(self, *args, **kwargs):
        return [record.get_key() for record in self.list(*args, **kwargs)]

    def contents(self):
        return {record.get_key(): (record.get_revision(), record.get_value()) for record in self.list()}

    def has_feature(self, feature):
        return bool(Mig.StateStore.get_features(self.store) & feature)

    def assert_error(self, code, call, *args, naming=None, domain=None, **kwargs):
        with self.assertRaises(GLib.Error) as caught:
            call(*args, **kwargs)
        error = caught.exception
        self.assertTrue(error.matches(domain or Mig.error_quark(), code), '%s %d: %s' % (
            error.domain, error.code, error.message))
        if naming is not None:
            self.assertIn(naming, error.message)

    # Reading and writing

    def test_describes_itself(self):
        self.assertGreater(len(Mig.StateStore.get_name(self.store)), 0)
        self.assertIsInstance(Mig.StateStore.get_features(self.store), Mig.StoreFeatures)

    def test_new_store_is_empty(self):
        self.assertEqual(self.keys(), [])
        self.assert_error(Mig.Error.NOT_FOUND, self.get, 'op/1', naming='op/1')

    def test_put_is_got(self):
        for value in ['', 'text', '{"a": [1, 2.5, null]}', 'žluťoučký kůň\n\t"\\', "'; DROP TABLE record; --"]:
            revision = self.put('op/1', value)
            record = self.get('op/1')
            self.assertEqual(record.get_key(), 'op/1')
            self.assertEqual(record.get_value(), value)
            self.assertEqual(record.get_revision(), revision)

    def test_longest_key_and_value(self):
        for key, value in [('k' * MAX_KEY, 'short'), ('ß' * (MAX_KEY // 2), 'short'), ('big', 'x' * MAX_VALUE)]:
            self.put(key, value)
            self.assertEqual(self.get(key).get_value(), value)

    def test_revisions_grow(self):
        seen = [self.put('a', '1'), self.put('b', '1'), self.put('a', '2'), self.commit(deletes=['a']),
                self.put('a', '1')]
        self.assertGreaterEqual(seen[0], 1)
        self.assertEqual(seen, sorted(set(seen)))
        self.assertEqual(self.get('b').get_revision(), seen[1])
        self.assertEqual(self.get('a').get_revision(), seen[4])

    def test_records_of_a_commit_share_its_revision(self):
        self.put('a', 'old')
        revision = self.commit([('a', '1'), ('b', '2'), ('c', '3')])
        self.assertEqual(self.contents(), {'a': (revision, '1'), 'b': (revision, '2'), 'c': (revision, '3')})

    def test_deleted_is_gone(self):
        self.commit([('a', '1'), ('b', '2')])
        self.commit(deletes=['a'])
        self.assert_error(Mig.Error.NOT_FOUND, self.get, 'a')
        self.assertEqual(self.keys(), ['b'])
        self.commit(deletes=['a', 'never-there'])

    def test_later_change_of_a_key_counts(self):
        transaction = Mig.Transaction.new()
        transaction.put('put-put', '1')
        transaction.put('put-put', '2')
        transaction.put('put-delete', '1')
        transaction.delete('put-delete')
        transaction.delete('delete-put')
        transaction.put('delete-put', '1')
        revision = Mig.StateStore.commit(self.store, transaction, None)
        self.assertEqual(self.contents(), {'put-put': (revision, '2'), 'delete-put': (revision, '1')})

    # Conditions

    def test_conditions_that_hold(self):
        first = self.commit([('a', '1')], require=[('a', 0)])
        second = self.commit([('a', '2'), ('b', '1')], require=[('a', first), ('b', 0)])
        self.commit([('c', '1')], require=[('a', second), ('b', second), ('a', second)])
        self.assertEqual(self.keys(), ['a', 'b', 'c'])

    def test_condition_that_fails_changes_nothing(self):
        first = self.put('a', '1')
        second = self.put('a', '2')
        before = self.contents()
        for key, revision in [('a', 0), ('a', first), ('a', second + 1), ('a', 2 ** 60), ('missing', 1),
                              ('missing', second)]:
            self.assert_error(Mig.Error.CONFLICT, self.commit, [('a', '3'), ('b', '1')], ['a'],
                              [('other', 0), (key, revision)], naming=key)
            self.assertEqual(self.contents(), before)

    def test_conditions_are_about_what_was_before(self):
        revision = self.put('a', '1')
        self.commit([('a', '2')], deletes=['a'], require=[('a', revision)])
        self.assert_error(Mig.Error.CONFLICT, self.commit, [('a', '2')], require=[('a', revision)], naming='a')

    def test_written_again_is_not_the_same(self):
        revision = self.put('a', '1')
        self.commit(deletes=['a'])
        self.put('a', '1')
        self.assert_error(Mig.Error.CONFLICT, self.commit, [('b', '1')], require=[('a', revision)], naming='a')

    def test_no_changes(self):
        self.assertGreaterEqual(self.commit(), 1)
        revision = self.put('a', '1')
        self.assertEqual(self.commit(), revision)
        self.assertEqual(self.commit(require=[('a', revision), ('b', 0)]), revision)
        self.assert_error(Mig.Error.CONFLICT, self.commit, require=[('b', 1)], naming='b')
        self.assertEqual(self.contents(), {'a': (revision, '1')})

    # Lists

    NAMES = ['', '!', '/', '0', '1', '10', '2', 'A', 'Z', 'a', 'a/', 'a/b', 'a0', 'aa', 'z', '~', 'é', '中',
             '\U0001f600']

    def test_list_is_in_byte_order(self):
        self.commit([('p' + name, name) for name in reversed(self.NAMES)])
        expected = sorted(('p' + name for name in self.NAMES), key=lambda key: key.encode())
        self.assertEqual(self.keys(), expected)
        self.assertEqual(self.keys('p'), expected)
        self.assertEqual([record.get_value() for record in self.list('p')], [key[1:] for key in expected])

    def test_prefix(self):
        self.commit([(key, '') for key in ['op', 'op/1', 'op/1/journal/1', 'op/10', 'op/2', 'op0', 'oq', 'volume/1']])
        for prefix, expected in [('op/1', ['op/1', 'op/1/journal/1', 'op/10']), ('op/1/', ['op/1/journal/1']),
                                 ('op/', ['op/1', 'op/1/journal/1', 'op/10', 'op/2']), ('op/3', []), ('p', []),
                                 ('volume/1', ['volume/1']), ('o%', []), ('_p', []), ('OP', [])]:
            self.assertEqual(self.keys(prefix), expected, prefix)

    def test_after(self):
        self.commit([(key, '') for key in ['a/1', 'a/2', 'a/3', 'b/1']])
        for after, expected in [('', ['a/1', 'a/2', 'a/3']), ('a/', ['a/1', 'a/2', 'a/3']), ('a/1', ['a/2', 'a/3']),
                                ('a/15', ['a/2', 'a/3']), ('a/3', []), ('b', []), ('z', []),
                                ('A', ['a/1', 'a/2', 'a/3'])]:
            self.assertEqual(self.keys('a/', after), expected, after)

    def test_limit(self):
        self.commit([('a/%d' % n, '') for n in range(5)])
        for limit, n_expected in [(0, 5), (1, 1), (4, 4), (5, 5), (6, 5), (2 ** 32 - 1, 5)]:
            self.assertEqual(len(self.list('a/', None, limit)), n_expected)

    def test_ten_thousand_records_in_pages(self):
        keys = ['op/%05d' % n for n in range(10000)]
        self.commit([(key, key) for key in keys] + [('o', ''), ('oq', '')])
        found = []
        after = None
        while True:
            page = self.keys('op/', after, 999)
            found += page
            if len(page) < 999:
                break
            after = page[-1]
        self.assertEqual(found, keys)

    # Bad input

    def test_bad_keys_and_values(self):
        before = self.contents()
        for key in ['', 'k' * (MAX_KEY + 1), 'ß' * (MAX_KEY // 2) + 'k']:
            self.assert_error(Mig.Error.INVALID_ARGUMENT, self.get, key)
            self.assert_error(Mig.Error.INVALID_ARGUMENT, self.put, key, 'value')
            self.assert_error(Mig.Error.INVALID_ARGUMENT, self.commit, [('good', '')], deletes=[key])
            self.assert_error(Mig.Error.INVALID_ARGUMENT, self.commit, [('good', '')], require=[(key, 0)])
        self.assert_error(Mig.Error.INVALID_ARGUMENT, self.list, 'k' * (MAX_KEY + 1))
        self.assert_error(Mig.Error.INVALID_ARGUMENT, self.list, '', 'k' * (MAX_KEY + 1))
        self.assert_error(Mig.Error.INVALID_ARGUMENT, self.commit, [('good', ''), ('big', 'x' * (MAX_VALUE + 1))],
                          naming='big')
        self.assertEqual(self.contents(), before)

    def test_cancelled_before(self):
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        self.assert_error(Gio.IOErrorEnum.CANCELLED, self.commit, [('a', '1')], cancellable=cancellable,
                          domain=Gio.io_error_quark())
        self.assertEqual(self.contents(), {})

    # Signals

    def test_changes_are_told(self):
        told = []
        self.store.connect('changed', lambda store, prefix: told.append(prefix))
        self.commit([('a/1', ''), ('b', ''), ('a/1', 'x')], deletes=['c'])
        for key in ['a/1', 'b']:
            self.assertTrue(any(key.startswith(prefix) for prefix in told), (key, told))
        del told[:]
        self.assert_error(Mig.Error.CONFLICT, self.commit, [('b', '')], require=[('b', 0)])
        self.commit(require=[('x', 0)])
        self.assertEqual(told, [])

    def test_no_lock_is_held_while_changes_are_told(self):
        def follow(store, prefix):
            # Deadlocks, were a lock held; another thread would too.
            if prefix == 'a':
                thread = threading.Thread(target=lambda: seen.append(self.get('a').get_value()))
                thread.start()
                thread.join()
                self.commit([('b', '1')])

        seen = []
        self.store.connect('changed', follow)
        self.put('a', '1')
        self.assertEqual(seen, ['1'])
        self.assertEqual(self.keys(), ['a', 'b'])

    # Several at once

    def run_threads(self, *functions):
        problems = []

        def run(function):
            try:
                function()
            except Exception as error:  # whatever it is, it belongs to the test
                problems.append(error)

        threads = [threading.Thread(target=run, args=[function]) for function in functions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])

    def count_up(self, n_times, store=None):
        for _ in range(n_times):
            while True:
                record = self.get('counter', store)
                value = str(int(record.get_value()) + 1)
                try:
                    self.commit([('counter', value)], require=[('counter', record.get_revision())], store=store)
                    break
                except GLib.Error as error:
                    if not error.matches(Mig.error_quark(), Mig.Error.CONFLICT):
                        raise

    def test_threads_compare_and_swap(self):
        self.put('counter', '0')
        self.run_threads(*[lambda: self.count_up(20)] * 4)
        self.assertEqual(self.get('counter').get_value(), '80')

    def test_readers_see_whole_commits(self):
        def write():
            for n in range(1, 50):
                self.commit([('pair/a', str(n)), ('pair/b', str(n))])
            done.set()

        def read():
            while not done.is_set():
                values = [(record.get_value(), record.get_revision()) for record in self.list('pair/')]
                self.assertEqual(len(values), 2)
                self.assertEqual(values[0], values[1])

        done = threading.Event()
        self.commit([('pair/a', '0'), ('pair/b', '0')])
        self.run_threads(write, read, read)

    # What only some stores can do

    def test_contents_outlive_the_object(self):
        if not self.has_feature(Mig.StoreFeatures.DURABLE):
            self.skipTest('the store is not durable')
        self.commit([('a', '1'), ('b', '2')])
        last = self.commit(deletes=['b'])
        before = self.contents()
        self.store = None
        self.store = self.reopen_store()
        self.assertEqual(self.contents(), before)
        self.assertGreater(self.put('b', '2'), last)

    def test_two_objects_on_the_same_records(self):
        if not self.has_feature(Mig.StoreFeatures.SHARED):
            self.skipTest('the store is not shared')
        other = self.reopen_store()
        revision = self.put('counter', '0')
        self.assertEqual(self.get('counter', other).get_revision(), revision)
        self.commit([('counter', '1')], store=other)
        self.assert_error(Mig.Error.CONFLICT, self.commit, [('counter', '9')], require=[('counter', revision)])
        self.run_threads(lambda: self.count_up(20), lambda: self.count_up(20, other))
        self.assertEqual(self.get('counter').get_value(), '41')

    def test_two_processes_compare_and_swap(self):
        if not self.has_feature(Mig.StoreFeatures.SHARED):
            self.skipTest('the store is not shared')
        self.put('counter', '0')
        command = [sys.executable, '-c', COUNT % self.child_source(), '30']
        children = [subprocess.Popen(command) for _ in range(2)]
        for child in children:
            self.assertEqual(child.wait(60), 0)
        self.assertEqual(self.get('counter').get_value(), '60')


if __name__ == '__main__':
    unittest.main()
