#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the version script of the library from its GIR, or checks the one that is checked in.

  generate-map.py GIR MAP                     writes MAP
  generate-map.py --check LIBRARY GIR MAP     compares MAP, GIR and what LIBRARY exports; prints TAP

The GIR says since when each symbol has been there. A symbol without a "Since:" in its doc comment is an error."""

import argparse
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

CORE = '{http://www.gtk.org/introspection/core/1.0}'
C = '{http://www.gtk.org/introspection/c/1.0}'
GLIB = '{http://www.gtk.org/introspection/glib/1.0}'

CALLABLES = {CORE + 'function', CORE + 'method', CORE + 'constructor'}

HEADER = '/* Generated from the GIR by tests/tools/generate-map.py: ninja -C build update-map */\n'


def read_gir(path):
    """Returns {symbol: version, or None if its doc comment has no Since}."""
    symbols = {}

    def note(symbol, version):
        # A function may be listed twice, once as a method; either may carry the version.
        if symbols.get(symbol) is None:
            symbols[symbol] = version

    for element in ET.parse(path).getroot().iter():
        if element.tag in CALLABLES and element.get(C + 'identifier') is not None:
            note(element.get(C + 'identifier'), element.get('version'))
        get_type = element.get(GLIB + 'get-type')
        if get_type is not None and get_type != 'intern':
            note(get_type, element.get('version'))

    return symbols


def series_of(version):
    """'0.1', '0.1.0' and '0.1.2' are of the series (0, 1)."""
    parts = [int(part) for part in version.split('.')]
    return tuple(parts[:2])


def node_name(series):
    return 'LIBMIG_%d.%d' % series


def format_map(symbols):
    series = sorted({series_of(version) for version in symbols.values()})
    text = HEADER
    previous = None
    for one in series:
        names = sorted(name for name, version in symbols.items() if series_of(version) == one)
        text += '\n%s {\n  global:\n' % node_name(one)
        text += ''.join('    %s;\n' % name for name in names)
        text += '}%s;\n' % (' ' + node_name(previous) if previous is not None else '')
        previous = one
    return text


def read_map(path):
    """Returns {symbol: node}."""
    symbols = {}
    node = None
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            start = re.match(r'(\w[\w.]*) \{', line)
            if start is not None:
                node = start.group(1)
            name = re.match(r'\s+(\w+);', line)
            if name is not None:
                symbols[name.group(1)] = node
    return symbols


def read_exports(library):
    """Returns {symbol: (type, version node or None)} of what the dynamic symbol table defines."""
    command = ['nm', '--dynamic', '--defined-only', '--with-symbol-versions', library]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    exports = {}
    for line in text.splitlines():
        kind, name = line.split()[-2:]
        name, _, version = name.partition('@')
        # Absolute symbols are the version nodes themselves.
        if kind != 'A':
            exports[name] = (kind, version.lstrip('@') or None)
    return exports


def compare(gir, in_map, exports):
    """Yields (what is checked, the list of what is wrong)."""
    yield 'every symbol says since when', sorted(
        name for name, version in gir.items() if version is None)
    yield 'every exported symbol begins with mig_', sorted(
        '%s (%s)' % (name, kind) for name, (kind, version) in exports.items() if not name.startswith('mig_'))
    yield 'the map has every symbol of the GIR', sorted(set(gir) - set(in_map))
    yield 'the map has no other symbols', sorted(set(in_map) - set(gir))
    yield 'the map has each symbol in the node of its version', sorted(
        name for name in set(gir) & set(in_map)
        if gir[name] is not None and in_map[name] != node_name(series_of(gir[name])))
    yield 'the library exports every symbol of the GIR', sorted(set(gir) - set(exports))
    yield 'the library exports nothing else', sorted(set(exports) - set(gir))
    yield 'the library exports each symbol under the node of the map', sorted(
        name for name in set(exports) & set(in_map) if exports[name][1] != in_map[name])


def check(library, gir_path, map_path):
    n_failed = 0
    results = list(compare(read_gir(gir_path), read_map(map_path), read_exports(library)))
    print('1..%d' % len(results))
    for number, (what, wrong) in enumerate(results, 1):
        print('%s %d - %s' % ('not ok' if wrong else 'ok', number, what))
        n_failed += bool(wrong)
        for name in wrong:
            print('# ' + name)
    if n_failed:
        print('# after adding or renaming symbols: ninja -C build update-map')
    return n_failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--check', metavar='LIBRARY')
    parser.add_argument('gir')
    parser.add_argument('map')
    args = parser.parse_args()

    if args.check:
        return 1 if check(args.check, args.gir, args.map) else 0

    symbols = read_gir(args.gir)
    undated = sorted(name for name, version in symbols.items() if version is None)
    if undated:
        sys.exit('no "Since:" in the doc comment of: ' + ', '.join(undated))
    with open(args.map, 'w', encoding='utf-8') as out:
        out.write(format_map(symbols))
    return 0


if __name__ == '__main__':
    sys.exit(main())
