#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every public class can be made in Python, says what is missing instead of crashing, and keeps what it was given."""

import os
import tempfile
import unittest

import gi

gi.require_version('Mig', '1')
from gi.repository import Gio, GLib, GObject, Mig

# A value for every writable property of a value object, by the property's name.
HOST = Mig.Host(name='a', uri='qemu+tcp://a/system', peer_uri='qemu+tcp://a/system', migration_uri='tcp://10.0.0.1')
SOURCE = Mig.DiskSource(kind=Mig.DiskSourceKind.NBD, host='store', port=10809, path='export', format='raw')


def make_cluster():
    return Mig.Cluster.new(Mig.MemoryStore.new(), Mig.LibvirtDriver.new())


# How the classes are made that need something.
MAKERS = {
    'BlockDevice': lambda: Mig.BlockDevice.new(make_cluster(), HOST, 'guest', 'vda'),
    'Cluster': make_cluster,
    'MigrationTask': lambda: Mig.MigrationTask.new(make_cluster(), 'guest', HOST, None, None),
    'PoolBackend': lambda: Mig.PoolBackend.new(Mig.LibvirtDriver.new()),
    'Record': lambda: Mig.Record.new('key', 1, 'value'),
    'SimDriver': lambda: Mig.SimDriver.new(None),
    'VolumeSwap': lambda: MAKERS['BlockDevice']().new_swap(SOURCE, None),
}

VALUES = ['BlockCopyRequest', 'BlockJobInfo', 'Disk', 'DiskSource', 'DomainInfo', 'Host', 'HostInfo', 'JobStats',
          'MigrateRequest', 'MigrationOptions', 'OperationInfo', 'Progress', 'SwapOptions', 'Volume']


def public_classes():
    """{name: class} of what can be made."""
    classes = {}
    for name in dir(Mig):
        member = getattr(Mig, name)
        if isinstance(member, type) and issubclass(member, (GObject.Object, GObject.GBoxed)):
            if not issubclass(member, GObject.GInterface) and not member.__gtype__.is_abstract():
                classes[name] = member
    return classes


def sample_of(spec):
    """Something that is not the default of a property; None if there is nothing simple."""
    kind = spec.value_type
    if kind == GObject.TYPE_STRING:
        return 'text of ' + spec.name
    if kind == GObject.TYPE_STRV:
        return ['a', 'b']
    if kind == GObject.TYPE_BOOLEAN:
        return not spec.default_value
    if kind in (GObject.TYPE_INT64, GObject.TYPE_UINT, GObject.TYPE_UINT64, GObject.TYPE_INT):
        return min(spec.maximum, 2 ** 40 + 1)
    if kind == GObject.TYPE_DOUBLE:
        return min(spec.maximum, 0.75)
    if kind.is_a(GObject.TYPE_ENUM):
        return max(spec.enum_class.__enum_values__.values())
    if kind.is_a(Mig.Host.__gtype__):
        return HOST
    if kind.is_a(Mig.DiskSource.__gtype__):
        return SOURCE
    return None


class Classes(unittest.TestCase):
    def test_every_class_can_be_made(self):
        for name, kind in public_classes().items():
            with self.subTest(name=name):
                self.assertIsInstance(MAKERS.get(name, kind)(), kind)

    def test_values_keep_what_they_are_given(self):
        n_checked = 0
        for name in VALUES:
            kind = getattr(Mig, name)
            given = {spec.name: sample_of(spec) for spec in kind.list_properties()}
            given = {key: value for key, value in given.items() if value is not None}
            value = kind(**{key.replace('-', '_'): sample for key, sample in given.items()})
            for key, sample in given.items():
                with self.subTest(name=name, property=key):
                    self.assertEqual(value.get_property(key), sample)
                    n_checked += 1
        self.assertGreater(n_checked, 60)

    def test_values_never_change(self):
        for name in VALUES:
            if name.endswith('Options'):
                continue
            for spec in getattr(Mig, name).list_properties():
                with self.subTest(name=name, property=spec.name):
                    self.assertTrue(spec.flags & GObject.ParamFlags.CONSTRUCT_ONLY or
                                    not spec.flags & GObject.ParamFlags.WRITABLE)

    def test_what_is_missing_is_told(self):
        for call in [lambda: Mig.MigrationTask().run(None), lambda: Mig.MigrationTask(domain='guest').run(None),
                     lambda: Mig.MigrationTask(cluster=make_cluster()).run(None),
                     lambda: Mig.VolumeSwap().run(None), lambda: Mig.VolumeSwap(cluster=make_cluster()).run(None),
                     lambda: make_cluster().add_host(Mig.Host()), lambda: make_cluster().find_host(''),
                     lambda: make_cluster().configure('{"hosts": 7}'), lambda: make_cluster().configure('nonsense'),
                     lambda: Mig.SqliteStore.new('')]:
            with self.assertRaises(Mig.InvalidArgumentError):
                call()
        for call in [lambda: Mig.MigrationTask().abort(), lambda: Mig.MigrationTask().force_complete(),
                     lambda: Mig.SqliteStore(path='/nowhere').get('key', None)]:
            with self.assertRaises(Mig.InvalidStateError):
                call()
        request = Mig.AuthRequest()
        request.return_value('secret')
        request.refuse()

    def test_lists_go_in_and_out(self):
        disks = [Mig.Disk(target=target, source=SOURCE) for target in ('vda', 'vdb')]
        info = Mig.DomainInfo(uuid='u', name='n', memory=2 ** 30, persistent=True, id=7, definition='<d/>')
        info = info.with_disks(disks, disks[:1])
        del disks
        self.assertEqual([disk.get_target() for disk in info.get_disks()], ['vda', 'vdb'])
        self.assertEqual([disk.get_target() for disk in info.get_persistent_disks()], ['vda'])
        self.assertEqual((info.get_uuid(), info.get_name(), info.get_memory(), info.is_persistent(),
                          info.get_id(), info.props.definition), ('u', 'n', 2 ** 30, True, 7, '<d/>'))
        self.assertEqual(Mig.DomainInfo().get_id(), -1)
        self.assertEqual(info.get_disks()[1].get_source().get_host(), 'store')


class Records(unittest.TestCase):
    def test_when_a_request_may_be_sent(self):
        request = Mig.MigrateRequest(source=HOST, destination=HOST, domain='guest')
        self.assertTrue(request.may_be_sent())
        self.assertFalse(request.is_held())
        request.set_until(0)
        self.assertFalse(request.may_be_sent())
        gone = Gio.Cancellable()
        gone.cancel()
        with self.assertRaises(GLib.Error) as caught:
            request.begin(gone)
        self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
        self.assertTrue(request.is_held())
        request.set_until(GLib.MAXINT64)
        self.assertTrue(request.begin(None))
        self.assertFalse(request.is_held())
        request.set_held(True)
        self.assertTrue(request.is_held())

    def test_what_is_known_of_a_volume(self):
        volume = Mig.Volume(source=SOURCE, backing=SOURCE, backing_known=True, encrypted=True)
        self.assertEqual(volume.get_backing().get_path(), 'export')
        self.assertTrue(volume.knows_backing() and volume.is_encrypted())
        bare = Mig.Volume(source=SOURCE)
        self.assertIsNone(bare.get_backing())
        self.assertFalse(bare.knows_backing() or bare.is_encrypted())
        self.assertEqual(Mig.BlockJobInfo(disk_error=Mig.DiskError.NO_SPACE).get_disk_error(), Mig.DiskError.NO_SPACE)

    def test_record(self):
        record = Mig.Record.new('key', 2 ** 63, 'žluť')
        self.assertEqual((record.get_key(), record.get_revision(), record.get_value()), ('key', 2 ** 63, 'žluť'))

    def test_transaction(self):
        transaction = Mig.Transaction.new()
        transaction.require('a', 5)
        transaction.put('a', 'new')
        transaction.delete('b')
        self.assertEqual((transaction.get_n_conditions(), transaction.get_condition_key(0),
                          transaction.get_condition_revision(0)), (1, 'a', 5))
        self.assertEqual([(transaction.get_change_key(n), transaction.get_change_value(n)) for n in range(2)],
                         [('a', 'new'), ('b', None)])

    def test_a_store_that_is_only_read_is_neither_made_nor_written(self):
        with tempfile.TemporaryDirectory(prefix='mig-objects-') as directory:
            path = f'{directory}/state.db'
            with self.assertRaises(GLib.Error):
                Mig.SqliteStore(path=path, read_only=True).init(None)
            self.assertEqual(os.listdir(directory), [])
            transaction = Mig.Transaction.new()
            transaction.put('key', 'value')
            Mig.SqliteStore.new(path).commit(transaction, None)
            store = Mig.SqliteStore(path=path, read_only=True)
            store.init(None)
            self.assertEqual(store.get('key', None).get_value(), 'value')
            with self.assertRaises(GLib.Error) as caught:
                store.commit(transaction, None)
            self.assertTrue(caught.exception.matches(Mig.error_quark(), Mig.Error.NOT_SUPPORTED))

    def test_options_to_json_and_back(self):
        options = Mig.MigrationOptions(max_downtime=0.25, bandwidth=2 ** 30, post_copy=True)
        again = Mig.MigrationOptions.new_from_json(options.to_json())
        self.assertEqual((again.props.max_downtime, again.props.bandwidth, again.props.post_copy),
                         (0.25, 2 ** 30, True))
        with self.assertRaises(GLib.Error) as caught:
            Mig.MigrationOptions.new_from_json('{"max-down-time": 1}')
        self.assertIn('max-down-time', caught.exception.message)


if __name__ == '__main__':
    unittest.main()
