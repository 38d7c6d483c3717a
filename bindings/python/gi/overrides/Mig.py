# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the introspection data cannot say for Python:

- each code of Mig.Error is an exception class too: `except Mig.BusyError`. They are subclasses of GLib.Error, so that
  `except GLib.Error` and matches() go on to work, and implementations of the interfaces may raise them;
- `await operation` runs it on a thread of its own, where its signals are emitted, too. Cancelling the task that awaits
  it aborts it, and waits until everything is undone; cancelling it once more only ends the wait;
- `with Mig.Cluster.new(...) as cluster:` closes it at the end: operations are waited for, or aborted if the block was
  left by an exception."""

import asyncio
import concurrent.futures
import functools

from gi.repository import GLib

from ..module import get_introspection_module

Mig = get_introspection_module('Mig')

__all__ = []

_DOMAIN = GLib.quark_to_string(Mig.error_quark())


def _make_exception(value):
    """The code BUSY gives the class BusyError; BusyError('text') has its domain and code."""
    def __init__(self, message='', domain=_DOMAIN, code=int(value)):
        GLib.Error.__init__(self, message, domain, code)

    name = ''.join(word.capitalize() for word in value.value_nick.split('-')) + 'Error'
    return type(name, (GLib.Error,), {'__init__': __init__, '__module__': 'gi.repository.Mig'})


_by_code = {code: _make_exception(value) for code, value in Mig.Error.__enum_values__.items()}
for _class in _by_code.values():
    globals()[_class.__name__] = _class
    __all__.append(_class.__name__)


def _wrap(function):
    """Raises the class of the error's code in place of the plain GLib.Error."""
    @functools.wraps(function)
    def call(*args, **keywords):
        try:
            return function(*args, **keywords)
        except GLib.Error as error:
            if type(error) is not GLib.Error or error.domain != _DOMAIN or error.code not in _by_code:
                raise
            raise _by_code[error.code](error.message) from None
    return call


def _wrap_members(owner):
    for name, member in list(vars(owner).items()):
        if not name.startswith('do_') and getattr(member, 'can_throw_gerror', bool)():
            if member.is_method():
                setattr(owner, name, _wrap(member))
            else:
                setattr(owner, name, staticmethod(_wrap(getattr(owner, name))))


for _name in dir(Mig):
    _member = getattr(Mig, _name)
    if isinstance(_member, type):
        _wrap_members(_member)
    elif getattr(_member, 'can_throw_gerror', bool)():
        globals()[_name] = _wrap(_member)
        __all__.append(_name)


async def _run(operation):
    # Left without waiting, also when the one who waits is cancelled for a second time: that would stop the loop.
    executor = concurrent.futures.ThreadPoolExecutor(1)
    try:
        running = asyncio.get_running_loop().run_in_executor(executor, operation.run, None)
    finally:
        executor.shutdown(wait=False)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        try:
            operation.abort()
        except GLib.Error:
            # Past the decision there is no way back, and what goes forward is waited for all the same.
            pass
        try:
            await asyncio.wait([running])
        finally:
            # Whoever waits no more has no use for what becomes of it.
            if not running.cancel():
                running.exception()
        raise


def _enter(cluster):
    return cluster


def _exit(cluster, kind, value, traceback):
    cluster.close(Mig.CloseMode.WAIT if kind is None else Mig.CloseMode.ABORT, None)


Mig.Operation.__await__ = lambda operation: _run(operation).__await__()
if hasattr(Mig, 'Cluster'):
    Mig.Cluster.__enter__ = _enter
    Mig.Cluster.__exit__ = _exit
