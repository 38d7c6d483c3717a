#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the tables in the pages of doc/ against those in the library.

  check-tables.py [--update] PRINTER FOLDER     prints TAP, one line per table

A table stands between the lines "<!-- table: NAME -->" and "<!-- end of table -->"."""

import os
import re
import subprocess
import sys

TABLE = re.compile(r'(<!-- table: ([\w-]+) -->\n)(.*?)(<!-- end of table -->\n)', re.S)


def print_table(printer, name):
    return subprocess.run([printer, name], check=True, capture_output=True, text=True).stdout


def check_page(printer, path, update):
    """Yields (name, is the table current) for each table of a page."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    current = TABLE.sub(lambda match: match[1] + print_table(printer, match[2]) + match[4], text)
    for old, new in zip(TABLE.finditer(text), TABLE.finditer(current)):
        yield old[2], old[3] == new[3]
    if update and current != text:
        with open(path, 'w', encoding='utf-8') as file:
            file.write(current)


def main():
    arguments = sys.argv[1:]
    update = arguments[0] == '--update'
    printer, folder = arguments[1:] if update else arguments
    results = []
    for page in sorted(name for name in os.listdir(folder) if name.endswith('.md')):
        results += [(page, name, good) for name, good in check_page(printer, os.path.join(folder, page), update)]
    print('1..%d' % len(results))
    for number, (page, name, good) in enumerate(results, 1):
        print('%sok %d - %s of %s' % ('' if good or update else 'not ', number, name, page))
        if not good and not update:
            print('# run: meson compile update-tables')
    return 0 if results and (update or all(good for page, name, good in results)) else 1


if __name__ == '__main__':
    sys.exit(main())
