# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two libvirt hosts on one machine, for tests and demonstrations.

    with Lab() as lab:
        guest = lab.start_guest("hosta", "g1", [Disk(lab.shared("g1.img"), size="64M")], rate="38M")
        ...
        assert guest.on(lab.host("hostb")).verify()["ok"]
"""

from . import proc, require, teardown

require.use_system_path()

try:
    from .disk import (create, drop_loop, make_loop, parse_size, serve_nbdkit, serve_qemu_nbd, virtual_size)
    from .guest import Disk, Guest, check_image, parse_disks
    from .host import Host
    from .lab import Lab
except ModuleNotFoundError as error:
    # Without python3-libvirt there is no lab, but `require.missing` can still say so.
    if error.name not in ("libvirt", "libvirt_qemu"):
        raise
from .errors import EXIT_MISSING, LabError, MissingRequirement
from .wait import Timeout, wait_for
