# SPDX-License-Identifier: LGPL-2.1-or-later
"""A store at one of whose commits the process dies."""

import json
import os
import signal

from gi.repository import GObject, Mig


class DeadlyStore(GObject.Object, Mig.StateStore):
    """Dies by SIGKILL `when` ("before" or "after") the commit that writes the journal's line of that kind about that
    step."""

    def __init__(self, inner, when, kind, step):
        super().__init__()
        self._inner = inner
        self._when = when
        self._wanted = (kind, step)

    def do_get_name(self):
        return "deadly"

    def do_get_features(self):
        return self._inner.get_features()

    def do_get(self, key, cancellable):
        return self._inner.get(key, cancellable)

    def do_list_records(self, prefix, after, limit, cancellable):
        return self._inner.list(prefix, after, limit, cancellable)

    def _has_line(self, transaction):
        for index in range(transaction.get_n_changes()):
            value = transaction.get_change_value(index)
            if "/journal/" in transaction.get_change_key(index) and value is not None:
                line = json.loads(value)
                if (line.get("kind"), line.get("step")) == self._wanted:
                    return True
        return False

    def do_commit(self, transaction, cancellable):
        hit = self._has_line(transaction)
        if hit and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        revision = self._inner.commit(transaction, cancellable)
        if hit:
            os.kill(os.getpid(), signal.SIGKILL)
        return revision
