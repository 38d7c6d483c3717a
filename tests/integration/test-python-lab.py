#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Python example moves a guest between two real hosts through the typelib: local disks there, shared ones too, and
back."""

import os
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(FOLDER, '..', 'lab'))

import tap  # noqa: E402
from miglab import require  # noqa: E402

tap.skip_all_if(require.missing())

import miglab  # noqa: E402

EXAMPLE = os.path.join(FOLDER, '..', '..', 'examples', 'migrate.py')
suite = tap.Suite()


def move(lab, cluster, *words):
    """Runs the example; returns its exit code, its lines and what it said on standard error."""
    # GObject's importer warns about itself in Python's development mode.
    command = [sys.executable, '-W', 'ignore::ImportWarning', EXAMPLE, cluster, lab.directory + '/operations.db',
               *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr


def check_moved(lab, code, lines, err, host):
    tap.check_equal((code, err), (0, ''), 'exit code and standard error')
    phases = [line.split(' -> ')[1] for line in lines if ' -> ' in line]
    wanted = ['check', 'prepare', 'transfer', 'switchover', 'finish', 'done']
    tap.check_equal([phase for phase in phases if phase in wanted], wanted, 'the phases in their order')
    percent = [float(line.split(' %')[0]) for line in lines if ' %, ' in line]
    tap.check(percent and percent == sorted(percent), 'progress', percent)
    tap.check(lines[-1].startswith('completed '), 'the last line', lines[-1])
    there = lab.locate('g1')
    tap.check_equal(there.host.name, host, 'where the guest is')
    report = there.verify()
    tap.check(report['ok'], 'memory and disk are whole', report)


@suite.case('there and back, with the disk in each host\'s own directory', timeout=250)
def local_disks():
    with miglab.Lab() as lab:
        cluster = lab.cluster_file(settle_time=2)
        lab.start_guest('hosta', 'g1', [miglab.Disk(lab.host('hosta').path('g1.img'), size='64M')], rate='idle')
        check_moved(lab, *move(lab, cluster, 'g1', 'hosta', 'hostb'), 'hostb')
        check_moved(lab, *move(lab, cluster, 'g1', 'hostb', 'hosta'), 'hosta')


@suite.case('with a shared disk, and a cable of 400 Mbit/s', timeout=250)
def shared_disk():
    with miglab.Lab() as lab:
        cluster = lab.cluster_file(settle_time=2)
        lab.start_guest('hosta', 'g1', [miglab.Disk(lab.shared('g1.img'), size='64M')], rate='10M')
        lab.net.rate('400mbit')
        check_moved(lab, *move(lab, cluster, 'g1', 'hosta', 'hostb', '{"disks": "shared", "unsafe": true}'), 'hostb')


@suite.case('what cannot be is told in one line, and nothing happens')
def refused():
    with miglab.Lab() as lab:
        cluster = lab.cluster_file(settle_time=2)
        lab.start_guest('hosta', 'g1', [miglab.Disk(lab.host('hosta').path('g1.img'), size='64M')])
        for words, named in [(('nobody', 'hosta', 'hostb'), 'nobody'), (('g1', 'hosta', 'elsewhere'), 'elsewhere'),
                             (('g1', 'hosta', 'hosta'), 'hosta'),
                             (('g1', 'hosta', 'hostb', '{"unsafe": 1}'), 'unsafe')]:
            code, _lines, err = move(lab, cluster, *words)
            tap.check_equal((code, err.count('\n')), (1, 1), 'exit code of %s: %s' % (words, err))
            tap.check(named in err, 'the message names ' + named, err)
        tap.check(lab.locate('g1').verify()['ok'], 'the guest is as before')


if __name__ == '__main__':
    sys.exit(suite.main())
