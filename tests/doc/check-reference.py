#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The reference manual can be built without a warning, and everything public is documented.

  check-reference.py CONFIG CONTENT_DIR GIR      prints TAP"""

import os
import re
import shutil
import subprocess
import sys
import tempfile


def run(command):
    """Returns the warnings of gi-docgen, and whether it failed."""
    # Python's own warnings about gi-docgen are nothing that we could mend.
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONDEVMODE'}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    text = re.sub(r'\x1b\[[0-9;]*m', '', done.stdout + done.stderr)
    return [line for line in text.splitlines() if not line.startswith('INFO')], done.returncode != 0


def main():
    config, content, gir = sys.argv[1:]
    if shutil.which('gi-docgen') is None:
        print('1..0 # SKIP gi-docgen is not installed')
        return 0

    with tempfile.TemporaryDirectory(prefix='mig-') as folder:
        found = [
            ('everything is documented', run(['gi-docgen', 'check', '--config', config, gir])),
            ('the manual has no warnings', run([
                'gi-docgen', 'generate', '--quiet', '--no-namespace-dir', '--config', config, '--output-dir', folder,
                '--content-dir', content, '--add-include-path', os.path.dirname(gir), gir])),
        ]

    print('1..%d' % len(found))
    for number, (what, (lines, failed)) in enumerate(found, 1):
        print('%s %d - %s' % ('not ok' if lines or failed else 'ok', number, what))
        print(''.join('# %s\n' % line for line in lines), end='')
    return 1 if any(lines or failed for what, (lines, failed) in found) else 0


if __name__ == '__main__':
    sys.exit(main())
