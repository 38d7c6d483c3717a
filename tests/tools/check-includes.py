#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks who includes whom. doc/architecture.md says why; the tables below are the rule.

  check-includes.py [ROOT]      prints TAP, one line per folder"""

import os
import re
import sys

SEES = {
    'core': [],
    'model': ['core'],
    'iface': ['core', 'model'],
    # The engine knows nothing of virtual machines: of the interfaces it sees the store and the guard only.
    'saga': ['core', 'model', 'iface/mig-state-store', 'iface/mig-contract'],
    'cluster': ['core', 'model', 'iface', 'saga'],
    'block': ['core', 'model', 'iface', 'saga', 'cluster'],
    'volume': ['core', 'model', 'iface', 'saga', 'cluster', 'block'],
    'task': ['core', 'model', 'iface', 'saga', 'cluster', 'block', 'volume', 'filters'],
    'recovery': ['core', 'model', 'iface', 'saga', 'cluster', 'block', 'volume', 'filters', 'task'],
    # These stand beside the tower: they see the interfaces that they implement, and nobody sees them.
    'filters': ['core', 'model', 'iface'],
    'stores': ['core', 'model', 'iface'],
    'drivers/libvirt': ['core', 'model', 'iface'],
    'drivers/sim': ['core', 'model', 'iface'],
}

# Other people's headers: where under libmig/ they may be included.
THIRD_PARTY = {
    'json-glib/': ['model/', 'cluster/', 'saga/mig-journal-codec.c', 'core/mig-json'],
    'libvirt/': ['drivers/libvirt/'],
    'libxml/': ['drivers/libvirt/'],
    'sqlite3.h': ['stores/mig-sqlite-'],
}

SYSTEM = re.compile(r'(glib|glib-object|glib-unix|gmodule)\.h$|glib/\w+\.h$|gio/\w+\.h$|'
                    r'(sys|linux|arpa|net|netinet)/[\w/-]+\.h$|'
                    r'(assert|ctype|dirent|endian|errno|fcntl|grp|inttypes|limits|locale|math|poll|pthread|pwd|'
                    r'sched|signal|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|strings|termios|time|unistd)\.h$')

INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)[>"]')


def includes_of(path):
    with open(path, encoding='utf-8') as lines:
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if match is not None:
                yield number, match.group(1), match.group(2)


def sources_under(root, folder):
    """Paths relative to root of the C files in a folder and below it."""
    for where, folders, names in os.walk(os.path.join(root, folder)):
        folders.sort()
        for name in sorted(names):
            if name.endswith(('.c', '.h', '.h.in', '.template')):
                yield os.path.relpath(os.path.join(where, name), root)


def layer_of(path):
    """The layer of a path relative to libmig/, or None."""
    for layer in SEES:
        if path.startswith(layer + '/'):
            return layer
    return None


def find_homes(root):
    """Which file under libmig/ stands for a public header: {mig-host.h: model/mig-host.c}."""
    homes = {}
    for path in sources_under(root, 'libmig'):
        inside = os.path.relpath(path, 'libmig')
        if inside.endswith('.c'):
            homes[os.path.basename(inside)[:-2] + '.h'] = inside
    return homes


def may_see(layer, target):
    """May a file of the layer include what belongs to target, a path relative to libmig/?"""
    return layer_of(target) == layer or any(
        target.startswith(seen + '/') or target.startswith(seen + '-') or target.startswith(seen + '.')
        for seen in SEES[layer])


def third_party_of(name):
    for prefix, places in THIRD_PARTY.items():
        if name.startswith(prefix):
            return places
    return None


def wrong_in_library(inside, kind, name, homes):
    """Why a file, relative to libmig/, must not have this include; None if it may."""
    layer = layer_of(inside)
    if name == 'config.h':
        return None
    if kind == '"':
        target = name[len('libmig/'):] if name.startswith('libmig/') else ''
        if layer_of(target) is None:
            return 'write private includes with their folder, as in "libmig/core/mig-log-private.h"'
        return None if layer is None or may_see(layer, target) else '%s must not see %s' % (layer, target)
    if name == 'libmig/mig.h':
        return 'the umbrella header is for users'
    if name.startswith('libmig/'):
        # A public header belongs to the layer of the .c file of its name; types, enumerations and versions have none.
        home = homes.get(name[len('libmig/'):])
        allowed = home is None or layer is None or may_see(layer, home)
        return None if allowed else '%s must not see %s' % (layer, home)
    places = third_party_of(name)
    if places is not None:
        return None if inside.startswith(tuple(places)) else '<%s> is only for %s' % (name, ', '.join(places))
    return None if SYSTEM.match(name) else '<%s> is not in the dependency budget' % name


def wrong_in_public(kind, name):
    if kind == '"':
        return 'public headers include with <>'
    if name.startswith('libmig/') or re.match(r'(glib|glib-object)\.h$|gio/gio\.h$', name):
        return None
    return 'public headers include GLib, GIO and each other, and nothing else'


def wrong_in_example(kind, name):
    if name.startswith('libmig/'):
        return None if name == 'libmig/mig.h' else 'programs include <libmig/mig.h> only'
    if name == 'config.h' or '-private' in name:
        return 'programs see no private header'
    return None


def check_folder(root, folder):
    """Returns the list of what is wrong in libmig, include/libmig or examples."""
    homes = find_homes(root)
    wrong = []
    for path in sources_under(root, folder):
        for number, kind, name in includes_of(os.path.join(root, path)):
            if folder == 'include/libmig':
                reason = wrong_in_public(kind, name)
            elif folder == 'examples':
                reason = wrong_in_example(kind, name)
            else:
                reason = wrong_in_library(os.path.relpath(path, 'libmig'), kind, name, homes)
            if reason is not None:
                wrong.append('%s:%d: %s' % (path, number, reason))
    if folder == 'libmig':
        wrong += ['%s: a folder that the table of layers does not have' % path
                  for path in sources_under(root, folder)
                  if '/' in os.path.relpath(path, 'libmig') and layer_of(os.path.relpath(path, 'libmig')) is None]
    return wrong


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '..', '..')
    folders = ['include/libmig', 'libmig', 'examples']
    failed = False
    print('1..%d' % len(folders))
    for number, folder in enumerate(folders, 1):
        wrong = check_folder(root, folder)
        failed = failed or bool(wrong)
        print('%s %d - includes in %s' % ('not ok' if wrong else 'ok', number, folder))
        for line in wrong:
            print('# ' + line)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
