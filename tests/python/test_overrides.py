#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors as exception classes, operations that can be awaited, clusters that close themselves."""

import asyncio
import threading
import unittest

import gi

gi.require_version('Mig', '1')
from gi.repository import GLib, GObject, Mig


class Errors(unittest.TestCase):
    def test_each_code_has_a_class(self):
        for code, value in Mig.Error.__enum_values__.items():
            name = ''.join(word.capitalize() for word in value.value_nick.split('-')) + 'Error'
            with self.subTest(name=name):
                error = getattr(Mig, name)('text')
                self.assertIsInstance(error, GLib.Error)
                self.assertTrue(error.matches(Mig.error_quark(), code))
                self.assertEqual(error.message, 'text')

    def test_function_raises_the_class(self):
        with self.assertRaises(Mig.InvalidArgumentError) as caught:
            Mig.DiskSource.parse('not/absolute', None)
        self.assertIn('not/absolute', caught.exception.message)
        self.assertTrue(caught.exception.matches(Mig.error_quark(), Mig.Error.INVALID_ARGUMENT))

    def test_function_still_works(self):
        self.assertEqual(Mig.DiskSource.parse('/srv/a.img', 'raw').get_path(), '/srv/a.img')
        self.assertIsInstance(Mig.MigrationOptions.new_from_json('{"max-downtime": 0.5}'), Mig.MigrationOptions)

    def test_implementation_may_raise_it(self):
        class Store(GObject.Object, Mig.StateStore):
            def do_get(self, key, cancellable):
                raise Mig.BusyError('not now: ' + key)

        with self.assertRaises(Mig.BusyError) as caught:
            Store().get('a', None)
        self.assertEqual(caught.exception.message, 'not now: a')

    def test_error_of_the_library_is_caught_as_glib_error(self):
        with self.assertRaises(GLib.Error):
            Mig.MigrationOptions.new_from_json('{"max-downtime": "long"}')


class Stubborn:
    """What does not end when it is aborted."""

    def __init__(self):
        self.goes_on = threading.Event()
        self.running = threading.Event()
        self.aborted = 0

    def run(self, cancellable):
        self.running.set()
        self.goes_on.wait(60)
        return True

    def abort(self):
        self.aborted += 1

    def __await__(self):
        return Mig.Operation.__await__(self)


class Awaiting(unittest.TestCase):
    def test_cancelling_twice_does_not_stop_the_loop(self):
        operation = Stubborn()

        async def main():
            async def run():
                await operation

            loop = asyncio.get_running_loop()
            task = asyncio.ensure_future(run())
            await loop.run_in_executor(None, operation.running.wait)
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=0.2)
            self.assertFalse(done)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await asyncio.wait_for(task, 30)
            # The loop went on while the operation did not end.
            self.assertFalse(operation.goes_on.is_set())

        timer = threading.Timer(20, operation.goes_on.set)
        timer.start()
        asyncio.run(main())
        self.assertEqual(operation.aborted, 1)
        self.assertFalse(operation.goes_on.is_set())
        timer.cancel()
        operation.goes_on.set()


if __name__ == '__main__':
    unittest.main()
