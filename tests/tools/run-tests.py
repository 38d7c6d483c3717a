#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs lanes of tests and counts cases.

  run-tests.py run [--strict] --label LABEL --results FILE BUILD_DIR SETUP [SUITE]
  run-tests.py broken --label LABEL --results FILE WHY
  run-tests.py report FILE...

"run" lets meson run a lane and writes what became of each case to FILE. "broken" writes that a lane could not be run,
which is one failure. "report" prints what failed, a table of lanes
and suites, and as its last line "N passed, N failed, N skipped": cases, the lines of the programs' TAP. A program that
crashes, runs out of time or ends before its plan is one more failure, and so is a lane without any tests, or one that
leaves processes behind.

With --strict a program of the suite integration that was skipped has failed."""

import argparse
import ctypes
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

RESULT = re.compile(r'(ok|not ok)\b(?:\s+\d+)?(?:\s*-)?\s*(.*?)\s*(?:#\s*(SKIP|TO' r'DO)\b\s*(.*))?$', re.I)
PLAN = re.compile(r'1\.\.(\d+)\s*(?:#\s*SKIP\S*\s*(.*))?$', re.I)

PR_SET_CHILD_SUBREAPER = 36

# Blocked, and waited for: nothing interrupts this program where it does not look.
WATCHED = {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP}

SHOWN_LINES = 60


def read_tap(text):
    """Returns the cases as (status, name, reason), the number planned, and why the whole was skipped; or None."""
    cases, planned, skip_reason = [], None, None
    for line in text.splitlines():
        plan = PLAN.match(line)
        if plan is not None:
            planned = int(plan.group(1))
            skip_reason = plan.group(2) if planned == 0 else None
            continue
        result = RESULT.match(line)
        if result is not None:
            word, name, directive, reason = result.groups()
            if directive is not None and directive.upper() == 'SKIP':
                cases.append(('skipped', name, reason))
            else:
                cases.append(('passed' if word == 'ok' else 'failed', name, ''))
        elif line.startswith('Bail out!'):
            cases.append(('failed', line, ''))
    return cases, planned, skip_reason


def judge(record, strict):
    """What became of one program of meson's log: (suite, name, cases)."""
    suite, _, name = record['name'].rpartition(' / ')
    suite = suite.split(':')[-1].split('+')[0]
    cases, planned, skip_reason = read_tap(record.get('stdout') or '')
    any_failed = any(status == 'failed' for status, case, reason in cases)

    if record['result'] in ('TIMEOUT', 'INTERRUPT'):
        cases.append(('failed', 'the program did not end', record['result'].lower()))
    elif planned is None:
        cases.append(('failed', 'the program ended without a plan', 'exit status %s' % record['returncode']))
    elif planned != len(cases):
        cases.append(('failed', 'the program planned %d cases and ran %d' % (planned, len(cases)), ''))
    elif record['returncode'] != 0 and not any_failed:
        cases.append(('failed', 'the program failed', 'exit status %s' % record['returncode']))
    elif planned == 0 and skip_reason is not None:
        must_run = strict and suite == 'integration'
        cases.append(('failed' if must_run else 'skipped', 'the whole program', skip_reason))
    elif planned == 0:
        cases.append(('failed', 'the program has no cases', ''))
    return suite, name, cases


def children_of(parent):
    """The processes whose parent is this one."""
    found = []
    for path in glob.glob('/proc/[0-9]*/stat'):
        try:
            with open(path, encoding='utf-8', errors='replace') as file:
                fields = file.read().rpartition(')')
        except OSError:
            continue
        if int(fields[2].split()[1]) == parent:
            found.append((int(path.split('/')[2]), fields[0].partition('(')[2]))
    return found


def reap_ended():
    """Collects the children that have ended and returns their process ids."""
    ended = []
    try:
        while True:
            pid = os.waitpid(-1, os.WNOHANG)[0]
            if pid == 0:
                return ended
            ended.append(pid)
    except ChildProcessError:
        return ended


def wait_for_children(seconds, which=None):
    """Waits until no child is left, or not this one; returns whether that came true."""
    deadline = time.monotonic() + seconds
    while True:
        reap_ended()
        left = [pid for pid, name in children_of(os.getpid())]
        if not left or which is not None and which not in left:
            return True
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return False
        signal.sigtimedwait([signal.SIGCHLD], remaining)


def end_children():
    """Kills what is left below this process, which adopts orphans, until nothing is. Returns the names."""
    names = []
    while True:
        left = children_of(os.getpid())
        if not left:
            return names
        for pid, name in left:
            names.append(name)
            os.kill(pid, signal.SIGKILL)
        wait_for_children(1)


def run_meson(command):
    """Runs meson to its end. When this program is interrupted, meson ends its tests; whatever it leaves is killed."""
    meson = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True,
                             preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, []))
    while True:
        number = signal.sigwait(WATCHED)
        if number == signal.SIGCHLD:
            # All that ends is collected at once: a test may wait for an orphan to be gone, and a zombie is not.
            if meson.pid in reap_ended():
                meson.returncode = 0
                return
        else:
            os.kill(meson.pid, signal.SIGTERM)
            wait_for_children(20, meson.pid)
            wait_for_children(1)
            end_children()
            meson.returncode = 0
            sys.exit(128 + number)


def lane_failure(suite, what, reason=''):
    """What goes wrong beside the programs is listed like one."""
    return {'suite': suite or 'none', 'name': 'lane', 'seconds': 0, 'output': '', 'cases': [('failed', what, reason)]}


def write_results(args, programs):
    with open(args.results, 'w', encoding='utf-8') as out:
        json.dump({'lane': args.label, 'programs': programs}, out)
    return 1 if any(case[0] == 'failed' for program in programs for case in program['cases']) else 0


def run(args):
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    for number in WATCHED:
        signal.signal(number, signal.SIG_DFL)

    base = 'mig-' + args.label
    pattern = os.path.join(args.build_dir, 'meson-logs', base + '*.json')
    for path in glob.glob(pattern):
        os.remove(path)
    command = ['meson', 'test', '-C', args.build_dir, '--no-rebuild', '--setup', args.setup, '--logbase', base]
    # A lane of one suite is that of the lab, whose guests need the processors; the other ones mostly wait.
    command += ['--suite', args.suite] if args.suite else ['--num-processes', str(2 * os.cpu_count())]
    run_meson(command)

    programs = []
    for path in glob.glob(pattern):
        with open(path, encoding='utf-8') as lines:
            for record in map(json.loads, lines):
                suite, name, cases = judge(record, args.strict)
                output = '%s\n%s' % (record.get('stdout') or '', record.get('stderr') or '')
                programs.append({'suite': suite, 'name': name, 'cases': cases,
                                 'seconds': record.get('duration') or 0, 'output': output})
    if not programs:
        programs.append(lane_failure(args.suite, 'the lane has no tests'))
    if not wait_for_children(5):
        programs.append(lane_failure(args.suite, 'processes were left running', ', '.join(sorted(end_children()))))
    return write_results(args, programs)


def count(cases):
    return [sum(1 for case in cases if case[0] == status) for status in ('passed', 'failed', 'skipped')]


def show_problems(lane, program):
    cases = program['cases']
    for status, name, reason in cases:
        if status != 'passed':
            print('%s: %s / %s / %s: %s%s' % (status.upper(), lane, program['suite'], program['name'], name,
                                              ' (%s)' % reason if reason else ''))
    if any(case[0] == 'failed' for case in cases):
        # Results that were good say nothing about those that were not.
        lines = [line for line in program['output'].splitlines() if line.strip() and not re.match(r'ok\b', line)]
        for line in lines[-SHOWN_LINES:]:
            print('    ' + line)


def report(paths):
    lanes = []
    for path in paths:
        with open(path, encoding='utf-8') as file:
            lanes.append(json.load(file))

    for lane in lanes:
        for program in lane['programs']:
            show_problems(lane['lane'], program)

    print('\n%-10s %-12s %8s %8s %8s %8s %9s' % ('lane', 'suite', 'programs', 'passed', 'failed', 'skipped', 'seconds'))
    everything = []
    for lane in lanes:
        for suite in sorted({program['suite'] for program in lane['programs']}):
            programs = [program for program in lane['programs'] if program['suite'] == suite]
            cases = [case for program in programs for case in program['cases']]
            everything += cases
            print('%-10s %-12s %8d %8d %8d %8d %9.1f' % (
                lane['lane'], suite, len(programs), *count(cases), sum(program['seconds'] for program in programs)))
    print('\n%d passed, %d failed, %d skipped' % tuple(count(everything)))
    return 1 if count(everything)[1] else 0


def main():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest='verb', required=True)
    verb = verbs.add_parser('run')
    verb.add_argument('--strict', action='store_true')
    verb.add_argument('--label', required=True)
    verb.add_argument('--results', required=True)
    verb.add_argument('build_dir')
    verb.add_argument('setup')
    verb.add_argument('suite', nargs='?')
    verb = verbs.add_parser('broken')
    verb.add_argument('--label', required=True)
    verb.add_argument('--results', required=True)
    verb.add_argument('why')
    verb = verbs.add_parser('report')
    verb.add_argument('results', nargs='+')
    args = parser.parse_args()
    if args.verb == 'broken':
        return write_results(args, [lane_failure(None, args.why)])
    return run(args) if args.verb == 'run' else report(args.results)


if __name__ == '__main__':
    sys.exit(main())
