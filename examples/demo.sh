#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Installs what is missing, builds, and shows what libmig does: on two hosts of its own on this machine, a guest that
# counts in RAM and on disk is moved to the other host and back, and its disk is swapped for another while it writes.
#
# The build directory is build-demo, used again when it exists. Arguments are handed to tests/lab/demo.py.

set -euo pipefail

cd "$(dirname "$0")/.."
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"

tests/tools/setup.sh

build ()
{
  [ -e build-demo/build.ninja ] || meson setup build-demo -Dtests=false -Dintrospection=false -Dvapi=false
  ninja -C build-demo
}

echo "Building in build-demo."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
(build) >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm -f "$log"
trap - EXIT INT TERM HUP

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
exec "${as_root[@]}" /usr/bin/python3 tests/lab/demo.py --mig build-demo/examples/mig "$@"
