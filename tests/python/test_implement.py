#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The interfaces implemented in Python: ones that work, raise, forget a slot, return nonsense, or block."""

import contextlib
import os
import threading
import unittest

import gi

gi.require_version('Mig', '1')
from gi.repository import Gio, GLib, GObject, Mig

DEADLINE = 30  # seconds

HOST = Mig.Host(name='a', uri='sim:///a', peer_uri='sim:///a')
SOURCE = Mig.DiskSource.parse('/shared/g.raw', 'raw')

# How each method of an interface is called; the slots have the same names, except the two that return lists.
CALLS = {
    Mig.StateStore: {
        'get': lambda it: it.get('key', None),
        'list_records': lambda it: Mig.StateStore.list(it, '', None, 0, None),
        'commit': lambda it: it.commit(Mig.Transaction.new(), None),
    },
    Mig.ComputeDriver: {
        'get_host_info': lambda it: it.get_host_info(HOST, None),
        'get_domain': lambda it: it.get_domain(HOST, 'g', None),
        'get_domains': lambda it: it.list_domains(HOST, None),
        'set_mark': lambda it: it.set_mark(HOST, 'g', 'mark', None),
        'migrate': lambda it: it.migrate(Mig.MigrateRequest(source=HOST, destination=HOST, domain='g'), None),
        'get_job': lambda it: it.get_job(HOST, 'g', False, None),
        'abort_job': lambda it: it.abort_job(HOST, 'g', -1, None),
        'tune': lambda it: it.tune(HOST, 'g', Mig.Tunable.BANDWIDTH, 1e6, None),
        'pause': lambda it: it.pause(HOST, 'g', None),
        'resume': lambda it: it.resume(HOST, 'g', None),
        'destroy': lambda it: it.destroy(HOST, 'g', None),
        'define': lambda it: it.define(HOST, 'text', None),
        'undefine': lambda it: it.undefine(HOST, 'g', None),
    },
    Mig.VolumeBackend: {
        'lookup': lambda it: it.lookup(HOST, SOURCE, None),
        'create': lambda it: it.create(HOST, SOURCE, 4096, 'token', None),
        'remove': lambda it: it.remove(HOST, SOURCE, 'token', None),
        'compare': lambda it: it.compare(HOST, SOURCE, SOURCE, 4096, None),
    },
    Mig.BlockJobDriver: {
        'start': lambda it: it.start(Mig.BlockCopyRequest(host=HOST, domain='g', target='vda', destination=SOURCE,
                                                          verb=Mig.BlockJobVerb.COPY), None),
        'abort': lambda it: it.abort(HOST, 'g', 'vda', Mig.BlockAbortFlags.NONE, None),
        'get_info': lambda it: it.get_info(HOST, 'g', 'vda', None),
        'set_bandwidth': lambda it: it.set_bandwidth(HOST, 'g', 'vda', 1000, None),
        'resize': lambda it: it.resize(HOST, 'g', 'vda', 4096, None),
        'get_length': lambda it: it.get_length(HOST, 'g', 'vda', None),
        'look': lambda it: it.look(HOST, 'g', 'vda', None),
    },
}

# What returns an object, a list or a number that cannot be 0: whatever else comes is no answer.
ANSWERS = {'get', 'list_records', 'commit', 'get_host_info', 'get_domain', 'get_domains', 'get_job', 'lookup', 'create',
           'get_info', 'get_length', 'look'}


def make_class(interface, name, slot_body=None):
    """A class whose slots all do the same; without slots if there is no body."""
    body = {'do_' + slot: slot_body for slot in CALLS[interface]} if slot_body is not None else {}
    return type(name, (GObject.Object, interface), {**body, '__gtype_name__': name})


@contextlib.contextmanager
def no_traceback():
    """What a slot raises besides GLib.Error is printed by PyGObject; here it is wanted."""
    kept = os.dup(2)
    with open(os.devnull, 'w', encoding='utf-8') as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class Guard(unittest.TestCase):
    def check_all(self, name, body, kind, text=None, only=None):
        for interface, calls in CALLS.items():
            it = make_class(interface, name + interface.__name__, body)()
            for slot, call in calls.items():
                if only is not None and slot not in only:
                    continue
                with self.subTest(interface=interface.__name__, slot=slot):
                    with no_traceback(), self.assertRaises(kind) as caught:
                        call(it)
                    self.assertIn(slot if text is None else text, caught.exception.message)

    def test_forgotten_slot(self):
        self.check_all('Forgetful', None, Mig.NotSupportedError)

    def test_error_of_the_library(self):
        def fail(*_args):
            raise Mig.BusyError('not now')
        self.check_all('Busy', fail, Mig.BusyError, 'not now')

    def test_error_of_its_own(self):
        def fail(*_args):
            raise GLib.Error.new_literal(Gio.io_error_quark(), 'the disk is gone', Gio.IOErrorEnum.NO_SPACE)
        self.check_all('Own', fail, GLib.Error, 'the disk is gone')

    def test_exception_that_is_no_error(self):
        def fail(*_args):
            raise RuntimeError('a mistake in the implementation')
        everything = {slot for calls in CALLS.values() for slot in calls}
        self.check_all('Raising', fail, Mig.ContractError, only=everything - {'compare'})
        # All that reaches libmig is a 0, which says that everything differs: the safe side.
        with no_traceback():
            self.assertEqual(CALLS[Mig.VolumeBackend]['compare'](make_class(Mig.VolumeBackend, 'Comparing', fail)()), 0)

    def test_nothing_is_returned(self):
        everything = {slot for calls in CALLS.values() for slot in calls}
        self.check_all('Silent', lambda *_args: None, Mig.ContractError, only=everything - {'compare'})

    def test_nonsense_is_returned(self):
        self.check_all('Nonsensical', lambda *_args: [None, 'text'], Mig.ContractError, only=ANSWERS)

    def test_name(self):
        kinds = [Mig.StateStore, Mig.ComputeDriver, Mig.VolumeBackend]
        for interface in kinds:
            self.assertEqual(make_class(interface, 'Nameless' + interface.__name__)().get_name(),
                             'Nameless' + interface.__name__)
            named = type('Named' + interface.__name__, (GObject.Object, interface),
                         {'do_get_name': lambda self: 'na' + 'me'})()
            # The text has to outlive the call of the slot.
            self.assertEqual([interface.get_name(named) for _ in range(3)], ['name'] * 3)


class Proxy(GObject.Object, Mig.ComputeDriver, Mig.BlockJobDriver, Mig.VolumeBackend):
    """A driver in Python that has somebody else do the work, and counts."""

    def __init__(self, driver):
        super().__init__()
        self.driver = driver
        self.n_calls = 0
        driver.connect('event', lambda _driver, *event: self.emit('event', *event))


def add_slots():
    def make_slot(interface, method):
        def slot(self, *args):
            self.n_calls += 1
            return getattr(interface, method)(self.driver, *args)
        return slot

    methods = {'get_domains': 'list_domains'}
    for interface in (Mig.ComputeDriver, Mig.BlockJobDriver, Mig.VolumeBackend):
        for slot in CALLS[interface]:
            yield 'do_' + slot, make_slot(interface, methods.get(slot, slot))


PythonDriver = type('PythonDriver', (Proxy,), dict(add_slots()))


class AttachingDriver(PythonDriver):
    """Storage that a host does not see by itself."""

    def __init__(self, driver):
        super().__init__(driver)
        self.attached, self.seen, self.fail = ['/local/g.raw'], [], False

    def do_attach(self, _host, source, _token, _cancellable):
        self.seen.append('attach ' + source.get_path())
        if self.fail:
            raise GLib.Error.new_literal(Mig.error_quark(), 'no path to the target', int(Mig.Error.FAILED))
        self.attached.append(source.get_path())
        return True

    def do_detach(self, _host, source, _token, _cancellable):
        self.seen.append('detach ' + source.get_path())
        if source.get_path() in self.attached:
            self.attached.remove(source.get_path())
        return True


class MemoryProxy(GObject.Object, Mig.StateStore):
    """A store in Python; it may be made to wait."""

    def __init__(self):
        super().__init__()
        self.store = Mig.MemoryStore.new()
        self.wait = lambda: None

    def do_get(self, key, cancellable):
        return self.store.get(key, cancellable)

    def do_list_records(self, prefix, after, limit, cancellable):
        return self.store.list(prefix, after, limit, cancellable)

    def do_commit(self, transaction, cancellable):
        self.wait()
        return self.store.commit(transaction, cancellable)


class Attaching(unittest.TestCase):
    def setUp(self):
        self.sim = Mig.SimDriver.new(None)
        self.sim.add_host('a')
        self.sim.add_volume('a', '/local/g.raw', 1 << 20)
        self.sim.add_domain('a', 'g', '{"disks": ["vda=/local/g.raw"]}')
        self.driver = AttachingDriver(self.sim)

    def swap(self):
        cluster = Mig.Cluster.new(Mig.MemoryStore.new(), self.driver)
        cluster.props.volume_backend = self.driver
        host = Mig.Host.new('a', 'sim://a')
        cluster.add_host(host)
        try:
            device = Mig.BlockDevice.new(cluster, host, 'g', 'vda')
            device.new_swap(Mig.DiskSource.parse('/local/new.raw', 'raw'), Mig.SwapOptions.new(), None).run(None)
        finally:
            cluster.close(Mig.CloseMode.ABORT, None)

    def test_swap(self):
        self.swap()
        self.assertEqual(self.driver.seen, ['attach /local/new.raw', 'detach /local/g.raw'])
        self.assertEqual(self.driver.attached, ['/local/new.raw'])

    def test_undo(self):
        self.sim.set_fault('block.start', 1, Mig.SimFault.FAIL)
        with self.assertRaises(GLib.Error):
            self.swap()
        self.assertEqual(self.driver.seen, ['attach /local/new.raw', 'detach /local/new.raw'])
        self.assertEqual(self.driver.attached, ['/local/g.raw'])

    def test_attach_fails(self):
        self.driver.fail = True
        with self.assertRaisesRegex(GLib.Error, 'no path to the target'):
            self.swap()
        self.assertEqual(self.driver.seen, ['attach /local/new.raw', 'detach /local/new.raw'])
        self.assertEqual(self.driver.attached, ['/local/g.raw'])


class Moving(unittest.TestCase):
    def setUp(self):
        self.sim = Mig.SimDriver.new(None)
        for name in ('a', 'b'):
            self.sim.add_host(name)
        self.sim.add_volume(None, '/shared/g.raw', 1 << 20)
        self.sim.add_domain('a', 'g', '{"disks": ["vda=/shared/g.raw"]}')
        self.hosts = [Mig.Host(name=name, uri='sim:///' + name, peer_uri='sim:///' + name) for name in ('a', 'b')]
        self.store = MemoryProxy()
        self.driver = PythonDriver(self.sim)

    def move(self, run):
        cluster = Mig.Cluster.new(self.store, self.driver)
        for host in self.hosts:
            cluster.add_host(host)
        try:
            run(Mig.MigrationTask.new(cluster, 'g', *self.hosts, Mig.MigrationOptions(disks=Mig.DiskMode.SHARED)))
        finally:
            cluster.close(Mig.CloseMode.ABORT, None)
        self.assertFalse(self.sim.dup_violations())

    def where(self):
        return [[info.get_name() for info in self.sim.list_domains(host, None)
                 if info.get_state() == Mig.DomainState.RUNNING] for host in self.hosts]

    def test_store_and_driver_in_python(self):
        self.move(lambda task: self.assertTrue(task.run(None)))
        self.assertEqual(self.where(), [[], ['g']])
        self.assertGreater(self.driver.n_calls, 3)
        self.assertGreater(len(self.store.list('op/', None, 0, None)), 0)

    def test_store_that_fails_moves_nothing(self):
        def fail():
            raise RuntimeError('a mistake in the implementation')

        def run(task):
            with no_traceback(), self.assertRaises(Mig.ContractError):
                task.run(None)
        self.store.wait = fail
        self.move(run)
        self.assertEqual(self.where(), [['g'], []])

    def test_loop_ticks_while_a_slot_blocks(self):
        """The store waits for the main loop, which therefore has to turn."""
        ticked = threading.Event()
        seen = []

        def tick():
            seen.append(len(seen))
            if len(seen) == 20:
                ticked.set()
            return len(seen) < 20

        def wait():
            seen.append(ticked.wait(DEADLINE))

        def run(task):
            loop, results = GLib.MainLoop(), []
            task.run_async(None, lambda task, result: (results.append(task.run_finish(result)), loop.quit()))
            GLib.timeout_add(1, tick)
            deadline = GLib.timeout_add_seconds(DEADLINE, loop.quit)
            loop.run()
            GLib.source_remove(deadline)
            self.assertEqual(results, [True])

        self.store.wait = wait
        self.move(run)
        self.assertNotIn(False, [one for one in seen if isinstance(one, bool)])
        self.assertEqual(self.where(), [[], ['g']])


if __name__ == '__main__':
    unittest.main()
