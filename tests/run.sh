#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Installs what is missing, builds, and runs all tests; the last line is the count of cases.
#
#   tests/run.sh            everything: the quick tests, the quick tests under ASan and UBSan, the two-host lab
#   tests/run.sh --quick    the quick tests only
#
# The build directories are build-test and build-asan, used again when they exist. With CI=true a lab test that could
# not run has failed.

set -euo pipefail

cd "$(dirname "$0")/.."
export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"

quick=no
case "${1-}" in
  --quick) quick=yes ;;
  '') ;;
  *) echo "usage: tests/run.sh [--quick]" >&2; exit 2 ;;
esac

strict=()
[ "${CI-}" != true ] || strict=(--strict)

# The lab takes root; the rest is done as whoever runs this.
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo --preserve-env=CI)

current=

stop ()
{
  trap '' INT TERM HUP
  if [ -n "$current" ]; then
    kill -TERM "$current" 2>/dev/null || "${as_root[@]}" kill -TERM "$current" 2>/dev/null || true
    wait "$current" 2>/dev/null || true
  fi
  exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM
trap 'stop 129' HUP

# Runs in the background, as a trap waits for the end of what runs in the foreground.
attend ()
{
  local status=0
  "$@" </dev/null &
  current=$!
  wait "$current" || status=$?
  current=
  return "$status"
}

# quietly LOG COMMAND... shows what the command says only when it fails.
quietly ()
{
  local log=$1
  shift
  if attend "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    cat "$log"
    return 1
  fi
}

# build DIRECTORY OPTION...
build ()
{
  local directory=$1
  shift
  mkdir -p "$directory"
  if [ ! -e "$directory/build.ninja" ]; then
    quietly "$directory/setup.log" meson setup "$directory" "$@" || return 1
  fi
  quietly "$directory/build.log" ninja -C "$directory"
}

results=()
prefix=()

# lane LABEL DIRECTORY SETUP [SUITE]: the words in prefix run it as root.
lane ()
{
  local label=$1
  shift
  results+=("$1/results-$label.json")
  attend "${prefix[@]}" /usr/bin/python3 tests/tools/run-tests.py run "${strict[@]}" --label "$label" \
    --results "$1/results-$label.json" "$@" || true
}

# broken LABEL DIRECTORY WHY
broken ()
{
  mkdir -p "$2"
  results+=("$2/results-$1.json")
  python3 tests/tools/run-tests.py broken --label "$1" --results "$2/results-$1.json" "$3" || true
}

tests ()
{
  if ! attend tests/tools/setup.sh; then
    command -v python3 >/dev/null || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
    broken normal build-test "the set-up failed"
    return
  fi
  if ! build build-test; then
    broken normal build-test "the build in build-test failed"
    return
  fi
  lane normal build-test quick
  [ $quick = no ] || return 0

  # During the build g-ir-scanner runs a program of its own that loads the library. It leaks, and it has to be linked
  # like an instrumented program, or AddressSanitizer starts too late in it: within newlocale(), which it blocks.
  export ASAN_OPTIONS=detect_leaks=0 LDFLAGS=-fsanitize=address,undefined
  if build build-asan -Db_sanitize=address,undefined -Db_lundef=false -Dvapi=false; then
    unset ASAN_OPTIONS LDFLAGS
    lane sanitized build-asan sanitized
  else
    unset ASAN_OPTIONS LDFLAGS
    broken sanitized build-asan "the build in build-asan failed"
  fi

  prefix=("${as_root[@]}")
  lane lab build-test lab integration
  [ ${#as_root[@]} -eq 0 ] || "${as_root[@]}" chown -R "$(id -u):$(id -g)" build-test
}

tests
python3 tests/tools/run-tests.py report "${results[@]}"
