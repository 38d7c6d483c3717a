# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting for the world, always with a deadline."""

import time

from .errors import LabError


class Timeout(LabError):
    """What was waited for did not happen in time."""


def wait_for(predicate, what, timeout=30.0, interval=0.01):
    """Calls `predicate` until it returns something true, and returns that.

    Exceptions of the predicate end the wait: what may fail for a while must say so by returning False."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Timeout(f"waited {timeout:g} s in vain for {what}")
        time.sleep(interval)


def attempt(function, *exceptions):
    """Makes a predicate of `function`: the exceptions named mean "not yet"."""

    def predicate():
        try:
            return function()
        except exceptions:
            return None

    return predicate
