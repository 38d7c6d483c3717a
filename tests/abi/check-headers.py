#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compiles the public headers as a user's compiler would.

  check-headers.py SOURCE_ROOT BUILD_ROOT CC [ARGUMENTS OF CC]      prints TAP

A header joins the umbrella together with the .c file of its name."""

import concurrent.futures
import os
import shutil
import subprocess
import sys

WARNINGS = ['-Wall', '-Wextra', '-Wundef', '-Wstrict-prototypes', '-Wredundant-decls', '-Werror', '-fsyntax-only']
CXX_WARNINGS = [flag for flag in WARNINGS if flag != '-Wstrict-prototypes']


def pkg_config_flags():
    command = ['pkg-config', '--cflags', 'gio-2.0']
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def run_case(case):
    """Returns whether the compiler accepted the text, and what it said; None if there is no such compiler."""
    command, language, text = case[1:4]
    if command is None:
        return None, ''
    done = subprocess.run(command + ['-x', language, '-'], input=text, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stderr


def names_under(folder, ending):
    return {name for where, folders, names in os.walk(folder) for name in names if name.endswith(ending)}


def cases(source_root, build_root, cc):
    folders = [os.path.join(root, 'include') for root in (source_root, build_root)]
    headers = sorted(name for folder in folders for name in os.listdir(os.path.join(folder, 'libmig'))
                     if name.endswith('.h'))
    sources = names_under(os.path.join(source_root, 'libmig'), '.c')
    flags = pkg_config_flags() + ['-I' + folder for folder in folders]

    # Inside the library a header may be included alone; there the guard is open.
    for name in headers:
        command = cc + WARNINGS + ['-std=c99', '-DMIG_COMPILATION'] + flags
        yield name + ' alone', command, 'c', '#include <libmig/%s>\n' % name, True

    umbrella = '#include <libmig/mig.h>\nint main (void) { return (int) mig_error_quark (); }\n'
    for standard in ('c99', 'c11', 'gnu2x'):
        yield 'the umbrella as ' + standard, cc + WARNINGS + ['-std=' + standard] + flags, 'c', umbrella, True
    cxx = shutil.which('g++') or shutil.which('c++') or shutil.which('clang++')
    for standard in ('c++11', 'c++20'):
        command = [cxx or 'c++'] + CXX_WARNINGS + ['-std=' + standard] + flags
        yield 'the umbrella as ' + standard, command if cxx else None, 'c++', umbrella, True

    for name in headers:
        if name != 'mig.h':
            yield name + ' refuses direct inclusion', cc + ['-fsyntax-only', '-Wfatal-errors'] + flags, 'c', \
                '#include <libmig/%s>\n' % name, False

    # A header that the umbrella left out refuses now.
    command = cc + WARNINGS + flags
    implemented = [name for name in headers if name[:-2] + '.c' in sources]
    yield 'the umbrella includes every header that has a source', command, 'c', \
        '#include <libmig/mig.h>\n' + ''.join('#include <libmig/%s>\n' % name for name in implemented), True

    for floor, ceiling, good in [('MIG_VERSION_0_1', 'MIG_VERSION_0_1', True), ('0', 'MIG_VERSION_0_1', False),
                                 ('MIG_ENCODE_VERSION(99,0,0)', 'MIG_ENCODE_VERSION(99,0,0)', False),
                                 ('MIG_VERSION_0_1', '0', False)]:
        range_flags = ['-DMIG_VERSION_MIN_REQUIRED=' + floor, '-DMIG_VERSION_MAX_ALLOWED=' + ceiling]
        yield 'versions %s to %s are %s' % (floor, ceiling, 'accepted' if good else 'refused'), \
            command + range_flags, 'c', umbrella, good


def main():
    todo = list(cases(sys.argv[1], sys.argv[2], sys.argv[3:]))
    failed = False
    print('1..%d' % len(todo))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, (case, result) in enumerate(zip(todo, pool.map(run_case, todo)), 1):
            (accepted, message), wanted = result, case[4]
            if accepted is None:
                print('ok %d - %s # SKIP no C++ compiler' % (number, case[0]))
                continue
            failed = failed or accepted != wanted
            print('%s %d - %s' % ('ok' if accepted == wanted else 'not ok', number, case[0]), flush=True)
            if accepted != wanted:
                print(''.join('# %s\n' % line for line in message.splitlines()), end='')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
