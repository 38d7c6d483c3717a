#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Moves a running guest from host to host:  migrate.py CLUSTER.json STORE.db DOMAIN FROM TO [OPTIONS]

OPTIONS are JSON, such as '{"max-downtime": 0.2}'."""
import sys

import gi

gi.require_version('Mig', '1')
from gi.repository import GLib, Mig  # noqa: E402


def main(path, store, domain, source, destination, options='{}'):
    Mig.libvirt_start_event_thread()
    driver = Mig.LibvirtDriver.new()
    # The back end makes and removes the files or volumes of local disks, in the hosts' storage pools.
    with Mig.Cluster(store=Mig.SqliteStore.new(store), driver=driver,
                     volume_backend=Mig.PoolBackend.new(driver)) as cluster:
        with open(path, encoding='utf-8') as file:
            cluster.configure(file.read())
        task = Mig.MigrationTask.new(cluster, domain, cluster.find_host(source), cluster.find_host(destination),
                                     Mig.MigrationOptions.new_from_json(options))
        task.connect('phase-changed', lambda _task, old, new: print(old.value_nick, '->', new.value_nick))
        task.connect('progress', lambda _task, now: print('%5.1f %%, %.1f MB/s' % (
            100 * now.get_fraction(), max(now.get_rate(), 0) / 1e6)))
        task.connect('decision', lambda _task, text, _inputs: print(text))
        task.run(None)
        print(task.get_status().value_nick, task.dup_result().unpack())


if __name__ == '__main__':
    if len(sys.argv) not in (6, 7):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (GLib.Error, OSError) as error:
        sys.exit('migrate.py: %s' % getattr(error, 'message', error))
