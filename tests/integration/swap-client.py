#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A process that runs one swap, and may be made to die at an exact point of its journal.

  swap-client.py SPEC       a JSON object: hosts (what a cluster is configured with), store (path), domain, target,
                            destination, format, options, key, and, to die, die: [before | after, kind, step]

It dies by SIGKILL: before or after the commit that writes the journal's line of that kind about that step."""

import json
import sys

import gi

gi.require_version("Mig", "1")
# pylint: disable=wrong-import-position
from gi.repository import Mig  # noqa: E402

from deadly import DeadlyStore  # noqa: E402


def main():
    spec = json.loads(sys.argv[1])
    if spec.get("events", True):
        Mig.libvirt_start_event_thread()
    store = Mig.SqliteStore.new(spec["store"])
    if "die" in spec:
        store = DeadlyStore(store, *spec["die"])
    driver = Mig.LibvirtDriver()
    cluster = Mig.Cluster.new(store, driver)
    cluster.set_property("volume-backend", Mig.PoolBackend.new(driver))
    cluster.configure(json.dumps(spec["hosts"]))
    device = Mig.BlockDevice.new(cluster, cluster.find_host("hosta"), spec.get("domain", "g1"),
                                 spec.get("target", "vda"))
    destination = Mig.DiskSource.parse(spec["destination"], spec.get("format"))
    swap = device.new_swap(destination, Mig.SwapOptions(**spec.get("options", {})), spec.get("key"))
    swap.connect("phase-changed", lambda _swap, _old, new: print(new.value_nick, flush=True))
    swap.run(None)
    cluster.close(Mig.CloseMode.WAIT, None)


main()
