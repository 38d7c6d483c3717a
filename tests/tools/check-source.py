#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the source against the rules of doc/hacking.md that a machine can check.

  check-source.py [ROOT]      prints TAP, one line per rule"""

import ast
import os
import re
import sys

FOLDERS = ['include', 'libmig', 'examples', 'bindings', 'tests', 'doc', '.ci']
TOP_FILES = ['README.md', 'NEWS', 'meson.build', 'meson_options.txt']
KINDS = ('.c', '.h', '.h.in', '.template', '.py', '.sh', '.md', '.build', '.vala', '.supp')

LICENCE = 'SPDX-License-Identifier: LGPL-2.1-or-later'

MAX_FUNCTION = 80
MAX_NESTING = 4
MAX_COLUMNS = 120

# In two pieces, so that this file does not break its own rule.
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|X' r'XX|HA' r'CK|st' r'ub(bed|s)?|not imple' r'mented)\b')

# What a library in somebody else's process must not do. A slot of an interface may be called abort.
NOT_A_GUEST = re.compile(
    r'(?<!->)\b(g_print|g_printerr|printf|vprintf|puts|putchar|perror|g_error|g_log_set_\w+|g_set_print\w*_handler|'
    r'exit|_exit|abort|signal|sigaction|g_unix_signal_\w+|setenv|g_setenv|chdir|umask|setlocale|atexit|daemon|fork|'
    r'virEventRegisterDefaultImpl|virEventRunDefaultImpl)\s*\(|'
    r'\bvirConnectAuthPtrDefault\b|__attribute__\s*\(\(\s*constructor|G_DEFINE_CONSTRUCTOR|fprintf\s*\(\s*std')

# The one place that ends the process, because a test has asked for it.
MAY_EXIT = 'libmig/drivers/sim/mig-sim-fault.c'

BLIND_WAIT = re.compile(r'\b(g_usleep|usleep|sleep|nanosleep|clock_nanosleep)\s*\(')
BLIND_WAIT_PY = re.compile(r'\btime\.sleep\s*\(')


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def list_files(root):
    """Paths relative to root; build directories have other names than those looked at."""
    found = [name for name in TOP_FILES if os.path.exists(os.path.join(root, name))]
    for folder in FOLDERS:
        for where, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = sorted(name for name in folders if not name.startswith(('build', '__pycache__', '.')))
            found += [os.path.relpath(os.path.join(where, name), root)
                      for name in sorted(names) if name.endswith(KINDS) or name == 'run']
    return found


def blank_out(match):
    return re.sub(r'[^\n]', ' ', match.group(0))


def strip_c(text):
    """Replaces comments, strings and characters by blanks; line and column numbers stay."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank_out, text, flags=re.S)


def is_c(path):
    return path.endswith(('.c', '.h', '.h.in'))


def max_lines(path):
    if path.startswith('include/'):
        return 250
    if path.startswith('tests/') and os.path.basename(path).startswith('test-') and path.endswith('.c'):
        return 600
    return 700


def c_functions(code):
    """Yields (first line number, lines) of each block that opens and closes in the first column."""
    lines = code.splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith('{'):
            start = number
        elif line.startswith('}') and start is not None:
            # Only functions: a struct or a table ends in "};" or in a name.
            if line.rstrip() == '}':
                yield start, lines[start - 1:number]
            start = None


def nesting_of(lines):
    depth = deepest = 0
    for line in lines[1:-1]:
        if line.strip() == '{':
            depth += 1
            deepest = max(deepest, depth)
        elif re.match(r'\s*\}(\s*while\b.*)?\s*$', line):
            depth -= 1
    return deepest


def rule_licence(path, text):
    """The first lines name the licence"""
    if path.endswith(('.md', '.supp')) or path == 'NEWS':
        return
    if LICENCE not in '\n'.join(text.splitlines()[:3]):
        yield 1, 'no "%s"' % LICENCE


def rule_text(path, text):
    """No tabs, trailing blanks or lines over the limit"""
    for number, line in enumerate(text.splitlines(), 1):
        if '\t' in line:
            yield number, 'a tab'
        if line != line.rstrip():
            yield number, 'blanks at the end'
        if len(line) > MAX_COLUMNS and not path.endswith('.md') and 'http' not in line:
            yield number, '%d columns, at most %d' % (len(line), MAX_COLUMNS)
    if text and not text.endswith('\n'):
        yield text.count('\n') + 1, 'no newline at the end'


def rule_file_length(path, text):
    """No file is too long"""
    n_lines = text.count('\n')
    if n_lines > max_lines(path) and not path.endswith('.md'):
        yield n_lines, '%d lines, at most %d: split it by noun' % (n_lines, max_lines(path))


def rule_function_length(path, text):
    """No function is too long"""
    if is_c(path):
        for start, lines in c_functions(strip_c(text)):
            # The doc comments of properties and signals stand where these are installed; they do not count.
            n_lines = sum(1 for line in lines if line.strip() or not line)
            if n_lines > MAX_FUNCTION:
                yield start, '%d lines, at most %d' % (n_lines, MAX_FUNCTION)
    elif path.endswith('.py'):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                n_lines = node.end_lineno - node.lineno + 1
                if n_lines > MAX_FUNCTION:
                    yield node.lineno, '%d lines, at most %d' % (n_lines, MAX_FUNCTION)


def rule_nesting(path, text):
    """Blocks are not nested too deeply"""
    if is_c(path):
        for start, lines in c_functions(strip_c(text)):
            if nesting_of(lines) > MAX_NESTING:
                yield start, 'blocks nested %d deep, at most %d' % (nesting_of(lines), MAX_NESTING)


def match_lines(pattern, text, reason):
    for number, line in enumerate(text.splitlines(), 1):
        match = pattern.search(line)
        if match is not None:
            yield number, reason % match.group(0).strip()


def rule_goto(path, text):
    """No goto"""
    if is_c(path):
        yield from match_lines(re.compile(r'\bgoto\b'), strip_c(text), '%s')


def rule_guest(path, text):
    """The library prints nothing and leaves the process alone"""
    if path.startswith('libmig/') and is_c(path):
        code = strip_c(text)
        yield from match_lines(NOT_A_GUEST, code.replace('_exit (', '') if path == MAY_EXIT else code,
                               '%s: not in a library')


def rule_unfinished(path, text):
    """Nothing is left for later"""
    yield from match_lines(UNFINISHED, text, '"%s"')


def rule_blind_wait(path, text):
    """Nobody waits by sleeping"""
    if is_c(path):
        yield from match_lines(BLIND_WAIT, strip_c(text), '%s: wait for the thing itself, with a deadline')
    elif path.startswith('tests/python/'):
        yield from match_lines(BLIND_WAIT_PY, text, '%s: wait for the thing itself, with a deadline')


def rule_preamble(path, text):
    """Sources include config.h first, headers are guarded"""
    if path.startswith('libmig/') and path.endswith('.c'):
        first = re.search(r'^\s*#\s*include\s+(\S+)', text, re.M)
        if first is None or first.group(1) != '"config.h"':
            yield 1, 'the first include is not "config.h", which exports the symbols'
    elif path.endswith(('.h', '.h.in')):
        if '#pragma once' not in text:
            yield 1, 'no "#pragma once"'
        if path.startswith('include/libmig/mig-') and not re.search(r'!defined ?\(MIG_INSIDE\)', text):
            yield 1, 'no guard against direct inclusion'


def rule_layout(path, text):
    """The layout of every public struct with slots is pinned"""
    if path.startswith('include/'):
        for match in re.finditer(r'^struct _(Mig\w+Interface|Mig\w+Class)\b', text, re.M):
            if match.group(1) not in rule_layout.pinned:
                yield text.count('\n', 0, match.start()) + 1, 'tests/abi/test-layout.c does not pin ' + match.group(1)


rule_layout.pinned = ''


def rule_links(path, text):
    """Links to types whose names begin like the namespace spell it out"""
    yield from match_lines(re.compile(r'\[[a-z]+@Mig(?!\.)\w+'), text, '%s: write "@Mig." and the name without Mig')

RULES = [rule_licence, rule_text, rule_file_length, rule_function_length, rule_nesting, rule_goto, rule_guest,
         rule_unfinished, rule_blind_wait, rule_preamble, rule_layout, rule_links]


def check(root):
    """Returns {rule: the list of what breaks it}."""
    layout = os.path.join(root, 'tests/abi/test-layout.c')
    rule_layout.pinned = read(layout) if os.path.exists(layout) else ''
    wrong = {rule: [] for rule in RULES}
    for path in list_files(root):
        text = read(os.path.join(root, path))
        for rule in RULES:
            wrong[rule] += ['%s:%d: %s' % (path, number, reason) for number, reason in rule(path, text)]
    return wrong


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '..', '..')
    results = check(root)
    print('1..%d' % len(results))
    for number, (rule, wrong) in enumerate(results.items(), 1):
        print('%s %d - %s' % ('not ok' if wrong else 'ok', number, rule.__doc__))
        for line in wrong:
            print('# ' + line)
    return 1 if any(results.values()) else 0


if __name__ == '__main__':
    sys.exit(main())
