# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where everything is in a lab's directory, and what its configuration files say.

LAB/lab.json       who runs the lab; rewritten as a whole, by the supervisor only
LAB/control        where the supervisor takes requests
LAB/shared         the same directory on both hosts, under the same path
LAB/HOST/local     what the host sees as LAB/local
LAB/HOST/run …     what the host sees as /run, /etc/libvirt, /var/lib/libvirt, /var/cache/libvirt, /var/log/libvirt
"""

import json
import os
import shutil
import uuid

from .errors import LabError

ADDRESSES = {"hosta": "10.99.0.1", "hostb": "10.99.0.2"}
HOSTS = tuple(ADDRESSES)
PREFIX = "mig-"
STATE_FILE = "lab.json"
CONTROL_SOCKET = "control"
# 108 bytes for the address of a Unix socket, its terminating zero included.
LONGEST_DIRECTORY = 107 - len("/hosta/run/libvirt/libvirt-sock-ro")

MOUNTS = {
    "run": "/run",
    "etc": "/etc/libvirt",
    "var": "/var/lib/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
}

LIBVIRTD_CONF = """\
listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "{uuid}"
keepalive_interval = 2
keepalive_count = 3
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
"""

QEMU_CONF = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
seccomp_sandbox = 0
stdio_handler = "file"
keepalive_interval = 2
keepalive_count = 3
default_tls_x509_cert_dir = "/etc/libvirt/pki"
migrate_tls_x509_cert_dir = "/etc/libvirt/pki"
"""

POOL_XML = """\
<pool type='dir'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <source/>
  <target>
    <path>{path}</path>
  </target>
</pool>
"""


def base_directory():
    return os.environ.get("MIG_LAB_BASE", "/tmp")


def check_path(directory):
    if not os.path.isabs(directory):
        raise LabError(f"{directory}: the lab's directory needs an absolute path")
    if len(os.fsencode(directory)) > LONGEST_DIRECTORY:
        raise LabError(f"{directory}: too long for a lab; its sockets allow {LONGEST_DIRECTORY} bytes")


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def populate(directory):
    """Makes everything that is there before the first process of a host starts."""
    os.mkdir(f"{directory}/shared")
    os.mkdir(f"{directory}/local")
    for host in HOSTS:
        top = f"{directory}/{host}"
        for part in (*MOUNTS, "local", "run/lock", "etc/qemu", "etc/pki", "etc/storage/autostart"):
            os.makedirs(f"{top}/{part}")
        _write(f"{top}/hosts", "".join(f"{address} {name}\n" for name, address in
                                       [("localhost", "127.0.0.1"), *ADDRESSES.items()]))
        _write(f"{top}/etc/libvirtd.conf", LIBVIRTD_CONF.format(uuid=uuid.uuid4()))
        _write(f"{top}/etc/qemu.conf", QEMU_CONF)
        for pool in ("local", "shared"):
            _write(f"{top}/etc/storage/{pool}.xml",
                   POOL_XML.format(name=pool, uuid=uuid.uuid4(), path=f"{directory}/{pool}"))
            os.symlink(f"/etc/libvirt/storage/{pool}.xml", f"{top}/etc/storage/autostart/{pool}.xml")


def empty_run(directory, host):
    """What a boot does to /run."""
    shutil.rmtree(f"{directory}/{host}/run")
    os.makedirs(f"{directory}/{host}/run/lock")


def write_state(directory, state):
    path = f"{directory}/{STATE_FILE}"
    _write(f"{path}.new", json.dumps(state, indent=2) + "\n")
    os.rename(f"{path}.new", path)


def read_state(directory):
    """The lab's own record, or None if this is no lab."""
    try:
        with open(f"{directory}/{STATE_FILE}", encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None


def labs():
    """Directories of all labs under the base directory, dead or alive."""
    base = base_directory()
    return [path for path in sorted(os.path.join(base, name) for name in os.listdir(base) if name.startswith(PREFIX))
            if os.path.isfile(f"{path}/{STATE_FILE}")]
