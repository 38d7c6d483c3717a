#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A process that moves guests to another host, all at once, and may be made to die at a point of its journal.

  move-client.py SPEC       a JSON object: cluster (path of the description), store (path), domains, from, to (hosts),
                            options, and, to die, die: [before | after, kind, step]

It prints how each move ended, as a JSON object of domain and status or error."""

import json
import sys
import threading

import gi

gi.require_version("Mig", "1")
# pylint: disable=wrong-import-position
from gi.repository import GLib, Mig  # noqa: E402

from deadly import DeadlyStore  # noqa: E402


def main():
    spec = json.loads(sys.argv[1])
    Mig.libvirt_start_event_thread()
    store = Mig.SqliteStore.new(spec["store"])
    if "die" in spec:
        store = DeadlyStore(store, *spec["die"])
    driver = Mig.LibvirtDriver()
    cluster = Mig.Cluster.new(store, driver)
    cluster.set_property("volume-backend", Mig.PoolBackend.new(driver))
    with open(spec["cluster"], encoding="utf-8") as file:
        cluster.configure(file.read())
    hosts = cluster.find_host(spec["from"]), cluster.find_host(spec["to"])
    ends = {}

    def move(domain):
        options = Mig.MigrationOptions.new_from_json(json.dumps(spec["options"]))
        task = Mig.MigrationTask.new(cluster, domain, *hosts, options)
        try:
            task.run(None)
            ends[domain] = task.get_status().value_nick
        except GLib.Error as error:
            ends[domain] = error.message

    movers = [threading.Thread(target=move, args=[domain]) for domain in spec["domains"]]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    print(json.dumps(ends))
    cluster.close(Mig.CloseMode.WAIT, None)


main()
