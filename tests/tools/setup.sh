#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Installs what is missing from Debian's packages, and says nothing when nothing is. As root, or through sudo.

set -euo pipefail

packages=(
  # the library and its bindings
  gcc libc6-dev meson ninja-build pkg-config
  libglib2.0-dev libjson-glib-dev libsqlite3-dev libvirt-dev libxml2-dev
  gobject-introspection libgirepository1.0-dev valac gi-docgen
  # the tests
  binutils check g++ git python3 python3-gi
  # the lab
  iproute2 libvirt-clients libvirt-daemon-driver-qemu libvirt-daemon-system mount nasm nbdkit python3-libvirt
  qemu-system-x86 qemu-utils util-linux
)

is_installed ()
{
  [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "This is not Debian: please install what is the same as these packages: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "These packages are missing, and installing them takes root or sudo: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
policy_is_ours=no

clean_up ()
{
  rm -f "$log"
  [ $policy_is_ours = no ] || "${as_root[@]}" rm -f "$policy"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Where no systemd runs (a container, a chroot) a daemon's package would try to start it in another way, and may fail.
if [ ! -d /run/systemd/system ] && [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  policy_is_ours=yes
  "${as_root[@]}" chmod 755 "$policy"
fi

apt ()
{
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" \
    </dev/null >"$log" 2>&1
}

echo "Installing ${#missing[@]} packages: ${missing[*]}"
if ! apt update || ! apt install --yes --no-install-recommends "${missing[@]}"; then
  cat "$log" >&2
  exit 1
fi
