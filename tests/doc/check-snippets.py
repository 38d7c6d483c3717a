#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs in README.md and doc/ compile, and name only what the library has.

  check-snippets.py SOURCE_ROOT BUILD_ROOT CC [ARGUMENTS OF CC]      prints TAP"""

import glob
import os
import re
import subprocess
import sys

BLOCK = re.compile(r'^```(\w+)\n(.*?)^```$', re.M | re.S)


def find_snippets(root):
    """Yields (where, language, text)."""
    for path in [os.path.join(root, 'README.md')] + sorted(glob.glob(os.path.join(root, 'doc', '*.md'))):
        with open(path, encoding='utf-8') as file:
            text = file.read()
        for match in BLOCK.finditer(text):
            line = text.count('\n', 0, match.start()) + 1
            yield '%s:%d' % (os.path.relpath(path, root), line), match.group(1), match.group(2)


def check_c(text, root, build_root, cc):
    flags = subprocess.run(['pkg-config', '--cflags', 'gio-2.0'], check=True, capture_output=True, text=True).stdout
    command = cc + ['-std=c11', '-Wall', '-Werror', '-fsyntax-only', '-x', 'c', '-I', os.path.join(root, 'include'),
                    '-I', os.path.join(build_root, 'include')] + flags.split() + ['-']
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.stderr.splitlines() if done.returncode != 0 else []


def look_up(name):
    """Why Mig.A.b is not there; None if it is."""
    import gi
    gi.require_version('Mig', '1')
    from gi.repository import Mig

    found = Mig
    for part in name.split('.')[1:]:
        found = getattr(found, part, None)
        if found is None:
            return 'there is no ' + name
    return None


def check_python(text):
    try:
        compile(text, 'snippet', 'exec')
    except SyntaxError as error:
        return [str(error)]
    return [wrong for wrong in map(look_up, sorted(set(re.findall(r'\bMig(?:\.\w+)+', text)))) if wrong is not None]


def main():
    root, build_root = sys.argv[1:3]
    number = n_failed = 0
    for where, language, text in find_snippets(root):
        if language == 'c' and '#include' in text:
            wrong = check_c(text, root, build_root, sys.argv[3:])
        elif language == 'python':
            wrong = check_python(text)
        else:
            continue
        number += 1
        n_failed += bool(wrong)
        print('%s %d - %s (%s)' % ('not ok' if wrong else 'ok', number, where, language))
        print(''.join('# %s\n' % line for line in wrong), end='')
    print('1..%d' % number)
    return 1 if n_failed or number == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
