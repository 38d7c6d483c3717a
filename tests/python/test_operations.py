#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Operations through the typelib, on the simulated hypervisor: blocking, asynchronous, awaited."""

import asyncio
import threading
import unittest

import gi

gi.require_version('Mig', '1')
from gi.repository import Gio, GLib, Mig

DEADLINE = 30  # seconds


class World(unittest.TestCase):
    def setUp(self):
        self.driver = Mig.SimDriver.new(None)
        for name in ('a', 'b'):
            self.driver.add_host(name)
        self.driver.add_volume(None, '/shared/g.raw', 1 << 20)
        self.uuid = self.driver.add_domain('a', 'g', '{"disks": ["vda=/shared/g.raw"]}')
        self.hosts = [Mig.Host(name=name, uri='sim:///' + name, peer_uri='sim:///' + name) for name in ('a', 'b')]
        self.cluster = Mig.Cluster.new(Mig.MemoryStore.new(), self.driver)
        for host in self.hosts:
            self.cluster.add_host(host)

    def tearDown(self):
        self.cluster.close(Mig.CloseMode.ABORT, None)
        self.assertFalse(self.driver.dup_violations())

    def make_task(self, **options):
        options.setdefault('disks', Mig.DiskMode.SHARED)
        return Mig.MigrationTask.new(self.cluster, 'g', *self.hosts, Mig.MigrationOptions(**options))

    def assert_guest_is_at(self, index):
        for number, host in enumerate(self.hosts):
            if number == index:
                self.assertEqual(self.driver.get_domain(host, 'g', None).get_state(), Mig.DomainState.RUNNING)

    def slow_down(self):
        """From here on a migration takes longer than any test."""
        self.driver.configure('{"rate": 1000}')


class Blocking(World):
    def test_signals_come_in_the_calling_thread(self):
        task, phases, threads, fractions = self.make_task(), [], set(), []

        def changed(task, old, new):
            phases.append((old, new))
            threads.add(threading.get_ident())

        task.connect('phase-changed', changed)
        task.connect('progress', lambda task, progress: fractions.append(progress.get_fraction()))
        self.assertTrue(task.run(None))
        self.assertEqual(task.get_status(), Mig.Status.COMPLETED)
        self.assertEqual(phases[0][0], Mig.Phase.NONE)
        self.assertEqual(phases[-1][1], Mig.Phase.DONE)
        self.assertEqual([new for old, new in phases[:-1]], [old for old, new in phases[1:]])
        self.assertIn(Mig.Phase.TRANSFER, [new for old, new in phases])
        self.assertEqual(fractions, sorted(fractions))
        self.assertEqual(threads, {threading.get_ident()})
        self.assert_guest_is_at(1)

    def test_second_run_is_refused(self):
        task = self.make_task()
        task.run(None)
        with self.assertRaises(Mig.InvalidStateError):
            task.run(None)

    def test_unknown_domain(self):
        task = Mig.MigrationTask.new(self.cluster, 'nobody', *self.hosts, None)
        with self.assertRaises(Mig.NotFoundError) as caught:
            task.run(None)
        self.assertIn('nobody', caught.exception.message)
        self.assertEqual(task.get_status(), Mig.Status.FAILED)

    def test_no_store(self):
        cluster = Mig.Cluster(driver=self.driver)
        task = Mig.MigrationTask.new(cluster, 'g', *self.hosts, None)
        for call in (lambda: task.run(None), lambda: cluster.recover(None), lambda: cluster.list_operations(None),
                     lambda: cluster.open_operation('x', None), lambda: cluster.add_host(self.hosts[0])):
            with self.assertRaises(Mig.InvalidArgumentError) as caught:
                call()
            self.assertIn('no store', caught.exception.message)

    def test_other_threads_go_on(self):
        self.slow_down()
        task = self.make_task()
        thread = threading.Timer(0.2, task.abort)
        thread.start()
        with self.assertRaises(GLib.Error) as caught:
            task.run(None)
        thread.join()
        self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
        self.assertEqual(task.get_status(), Mig.Status.CANCELLED)
        self.assert_guest_is_at(0)


class Asynchronous(World):
    def run_loop(self, task):
        """Runs the task in the default context; returns its result and what was emitted there."""
        loop, results, phases = GLib.MainLoop(), [], []

        def done(task, result):
            results.append(result)
            loop.quit()

        task.connect('phase-changed', lambda task, old, new: phases.append((new, threading.get_ident())))
        task.run_async(None, done)
        deadline = GLib.timeout_add_seconds(DEADLINE, loop.quit)
        loop.run()
        GLib.source_remove(deadline)
        self.assertEqual(len(results), 1)
        return results[0], phases

    def test_signals_come_in_the_context_of_the_call(self):
        task = self.make_task()
        result, phases = self.run_loop(task)
        self.assertTrue(task.run_finish(result))
        self.assertEqual(phases[-1], (Mig.Phase.DONE, threading.get_ident()))
        self.assert_guest_is_at(1)

    def test_error_comes_in_finish(self):
        task = Mig.MigrationTask.new(self.cluster, 'nobody', *self.hosts, None)
        result, phases = self.run_loop(task)
        with self.assertRaises(Mig.NotFoundError):
            task.run_finish(result)


class Awaited(World):
    def test_await(self):
        async def move():
            return await self.make_task()

        self.assertTrue(asyncio.run(asyncio.wait_for(move(), DEADLINE)))
        self.assert_guest_is_at(1)

    def test_failure_is_raised(self):
        async def move():
            await Mig.MigrationTask.new(self.cluster, 'nobody', *self.hosts, None)

        with self.assertRaises(Mig.NotFoundError):
            asyncio.run(asyncio.wait_for(move(), DEADLINE))

    def test_cancelling_aborts_and_waits(self):
        self.slow_down()
        task = self.make_task()

        async def move():
            started = asyncio.Event()
            loop = asyncio.get_running_loop()
            task.connect('phase-changed', lambda task, old, new:
                         new == Mig.Phase.TRANSFER and loop.call_soon_threadsafe(started.set))

            async def run():
                await task

            running = asyncio.ensure_future(run())
            await asyncio.wait_for(started.wait(), DEADLINE)
            running.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await running

        asyncio.run(move())
        self.assertEqual(task.get_status(), Mig.Status.CANCELLED)
        self.assert_guest_is_at(0)


class Clusters(World):
    def test_with_waits(self):
        task = self.make_task()
        with self.cluster:
            task.run_async(None, None)
        self.assertEqual(task.get_status(), Mig.Status.COMPLETED)

    def test_with_aborts_after_an_exception(self):
        self.slow_down()
        task = self.make_task()
        with self.assertRaises(KeyError):
            with self.cluster:
                task.run_async(None, None)
                raise KeyError('of the program')
        self.assertEqual(task.get_status(), Mig.Status.CANCELLED)
        self.assert_guest_is_at(0)

    def test_operations_are_listed(self):
        task = self.make_task()
        task.run(None)
        listed = {info.get_id(): info for info in self.cluster.list_operations(None)}
        self.assertEqual(listed[task.get_id()].get_status(), Mig.Status.COMPLETED)
        self.assertEqual(listed[task.get_id()].get_destination(), 'b')
        self.assertIsNone(listed[task.get_id()].get_error())
        lost = Mig.MigrationTask.new(self.cluster, 'nobody', *self.hosts, None)
        with self.assertRaises(GLib.Error):
            lost.run(None)
        error = next(info for info in self.cluster.list_operations(None) if info.get_id() == lost.get_id()).get_error()
        self.assertTrue(error.matches(Mig.error_quark(), Mig.Error.NOT_FOUND))


if __name__ == '__main__':
    unittest.main()
