#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A state store of one's own, here around a dictionary; a database takes its place in earnest.

libmig calls the slots (do_…) from its own threads, several at once: the lock stands for a database's transaction. Keys
and values have been checked before, what is returned is checked afterwards. A slot that fails raises GLib.Error."""

import threading

import gi

gi.require_version('Mig', '1')
from gi.repository import GLib, GObject, Mig  # noqa: E402


def fail(code, message):
    raise GLib.Error.new_literal(Mig.error_quark(), message, code)


class DictStore(GObject.Object, Mig.StateStore):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
        self.records = {}
        self.revision = 1

    def do_get_name(self):
        return 'dict'

    def do_get_features(self):
        return Mig.StoreFeatures.NONE

    def do_get(self, key, cancellable):
        with self.lock:
            if key not in self.records:
                fail(Mig.Error.NOT_FOUND, 'there is no record “%s”' % key)
            return Mig.Record.new(key, *self.records[key])

    def do_list_records(self, prefix, after, limit, cancellable):
        with self.lock:
            keys = [key for key in self.records if key.startswith(prefix)
                    and (after is None or key.encode() > after.encode())]
            keys.sort(key=str.encode)
            return [Mig.Record.new(key, *self.records[key]) for key in keys[:limit or None]]

    def do_commit(self, transaction, cancellable):
        if cancellable is not None:
            cancellable.set_error_if_cancelled()
        with self.lock:
            self.check_conditions(transaction)
            changed = self.apply(transaction)
            revision = self.revision
        for key in changed:
            self.emit_changed(key)
        return revision

    def check_conditions(self, transaction):
        for n in range(transaction.get_n_conditions()):
            key = transaction.get_condition_key(n)
            found = self.records[key][0] if key in self.records else 0
            if found != transaction.get_condition_revision(n):
                fail(Mig.Error.CONFLICT, 'the record “%s” is at revision %d' % (key, found))

    def apply(self, transaction):
        keys = [transaction.get_change_key(n) for n in range(transaction.get_n_changes())]
        if keys:
            self.revision += 1
        for n, key in enumerate(keys):
            value = transaction.get_change_value(n)
            if value is None:
                self.records.pop(key, None)
            else:
                self.records[key] = (self.revision, value)
        return set(keys)


def main():
    store = DictStore()
    store.connect('changed', lambda _store, key: print('changed:', key))

    transaction = Mig.Transaction.new()
    transaction.require('greeting', 0)
    transaction.put('greeting', 'hello')
    # The method of the interface, not the slot: this is how libmig calls it.
    revision = Mig.StateStore.commit(store, transaction, None)
    record = Mig.StateStore.get(store, 'greeting', None)
    print('%s = %s, at revision %d (of the commit: %d)' % (
        record.get_key(), record.get_value(), record.get_revision(), revision))
    try:
        Mig.StateStore.commit(store, transaction, None)
    except GLib.Error as error:
        print('refused:', error.message)


if __name__ == '__main__':
    main()
