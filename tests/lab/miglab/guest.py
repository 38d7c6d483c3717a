# SPDX-License-Identifier: LGPL-2.1-or-later
"""The counting guest as a libvirt domain: starting it, and checking that it is whole."""

import contextlib
import os
import tempfile
import time
import uuid as uuids
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

import libvirt

from . import counter, disk
from .errors import LabError
from .wait import Timeout, wait_for

IDLE = "idle"
FLAT_OUT = "flat"


@dataclass(frozen=True)
class Disk:
    """One disk of a guest; `path` is as its host sees it, or an nbd:// URI."""
    path: str
    format: str = "raw"
    size: object = None                         # to create it with
    serial: str = None
    cache: str = None
    shareable: bool = False


def parse_rate(text):
    """Pages per tick from "flat", "500p" (pages per tick) or "38M" (bytes per second); IDLE for "idle"."""
    if text in (IDLE, None):
        return IDLE
    if text == FLAT_OUT:
        return 0
    if isinstance(text, int):
        return text
    if text.endswith("p") and text[:-1].isdigit():
        return int(text[:-1])
    return max(1, round(disk.parse_size(text) / counter.PAGE / counter.TICKS_PER_SECOND))


def _disk_xml(spec, target, order, default_cache):
    kind = disk.kind_of(spec.path)
    if kind == "network":
        scheme, rest = spec.path.split("://", 1)
        place, _, export = rest.partition("/")
        name, _, port = place.rpartition(":")
        source = (f"<source protocol={quoteattr(scheme)} name={quoteattr(export)}>"
                  f"<host name={quoteattr(name)} port={quoteattr(port)}/></source>")
    else:
        source = f"<source {'dev' if kind == 'block' else 'file'}={quoteattr(spec.path)}/>"
    return (f"<disk type='{kind}' device='disk'>"
            f"<driver name='qemu' type={quoteattr(spec.format)} cache={quoteattr(spec.cache or default_cache)}/>"
            f"{source}"
            f"<target dev='{target}' bus='virtio'/>"
            + (f"<serial>{spec.serial}</serial>" if spec.serial else "")
            + ("<shareable/>" if spec.shareable else "")
            + f"<boot order='{order}'/></disk>")


def domain_xml(name, uuid, memory, disks, *, cache, boot=None, kind="qemu", devices=""):
    """A machine with nothing in it but its disks.  `boot` is a read-only image to start from when there are none."""
    lines = [_disk_xml(spec, f"vd{chr(ord('a') + index)}", index + 1, cache) for index, spec in enumerate(disks)]
    if boot is not None:
        lines.append(f"<disk type='file' device='floppy'><driver name='qemu' type='raw'/>"
                     f"<source file={quoteattr(boot)}/><target dev='fda'/><readonly/><boot order='1'/></disk>")
    return (f"<domain type='{kind}'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>{memory}</memory>"
            "<vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>"
            "<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>"
            f"<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{''.join(lines)}"
            "<controller type='usb' model='none'/><serial type='null'/><memballoon model='none'/>"
            f"{devices}</devices></domain>")


class Guest:
    """A counting guest.  It may be on either host; `host` is where we last knew it to be."""

    def __init__(self, lab, host, name):
        self._lab = lab
        self.host = host
        self.name = name

    @classmethod
    def start(cls, lab, host, name, disks=(), *, memory=64, rate=IDLE, random=0, persistent=False, uuid=None,
              blocks=256, every=2, fill=0, seed=None, paused=False, kind="qemu", devices="", cache=None, wait=True):
        """Creates what is missing of the disks, puts the guest on them, and returns once it counts.

        `rate`: see parse_rate; `fill`: MiB of known data on each disk, to have something to copy; `every`: ticks
        (55 ms) between writes."""
        disks = [spec if isinstance(spec, Disk) else Disk(spec) for spec in disks]
        pages = memory * counter.MIB // counter.PAGE - counter.FIRST_PAGE - counter.PAGES_AT_TOP
        if pages < 1:
            raise LabError(f"{memory} MiB are too few for a guest")
        rate = parse_rate(rate)
        parameters = counter.Parameters(
            start=counter.FIRST_PAGE, pages=pages, rate=0 if rate == IDLE else rate, random=random,
            passes=1 if rate == IDLE else 0, blocks=blocks if disks else 0, every=every, disks=len(disks),
            fill=fill if disks else 0, seed=seed if seed is not None else int.from_bytes(os.urandom(4), "little"))
        guest = cls(lab, host, name)
        guest._prepare_disks(disks, parameters)
        boot = guest._boot_image(parameters) if not disks else None
        if cache is None:
            cache = "none" if disk.supports_direct_io(lab.directory) else "writeback"
        xml = domain_xml(name, uuid or uuids.uuid4(), memory, disks, cache=cache, boot=boot, kind=kind,
                         devices=devices)
        with host.connect() as connection:
            flags = libvirt.VIR_DOMAIN_START_PAUSED if paused else 0
            if persistent:
                connection.defineXML(xml).createWithFlags(flags)
            else:
                connection.createXML(xml, flags)
        if wait and not paused:
            guest.wait_counting()
        return guest

    def _prepare_disks(self, disks, parameters):
        for index, spec in enumerate(disks):
            kind = disk.kind_of(spec.path)
            if kind == "file" and not os.path.exists(self.host.outside(spec.path)):
                if spec.size is None:
                    raise LabError(f"{spec.path} does not exist on {self.host.name}, and no size is given")
                disk.create(self.host, spec.path, spec.size, spec.format)
            if disk.virtual_size(self.host, spec.path, spec.format) < parameters.disk_bytes:
                raise LabError(f"{spec.path} is too small: the guest needs {parameters.disk_bytes} bytes")
            disk.write_at(self.host, spec.path, spec.format, counter.initial_contents(parameters, index))

    def _boot_image(self, parameters):
        path = self._lab.shared(f"{self.name}.boot")
        with open(path, "wb") as file:
            file.write(counter.image(parameters).ljust(1440 * 1024, b"\0"))
        return path

    # Where and what it is

    @contextlib.contextmanager
    def domain(self):
        """The libvirt domain on the guest's host."""
        with self.host.connect() as connection:
            yield connection.lookupByName(self.name)

    def on(self, host):
        """The same guest, expected on another host."""
        return Guest(self._lab, host, self.name)

    def uuid(self):
        with self.domain() as domain:
            return domain.UUIDString()

    def state(self):
        """libvirt's pair (state, reason)."""
        with self.domain() as domain:
            return tuple(domain.state())

    def xml(self, inactive=False):
        with self.domain() as domain:
            return domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE if inactive else 0)

    def disks(self, inactive=False):
        """Its writable disks as {target: Disk}, in the order of their targets."""
        return parse_disks(self.xml(inactive))

    def block_jobs(self):
        """Targets of the disks that have a block job."""
        with self.domain() as domain:
            return [target for target in self.disks() if domain.blockJobInfo(target)]

    def exists(self):
        try:
            return self.uuid() is not None
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return False
            raise

    def destroy(self, undefine=True):
        with self.domain() as domain:
            persistent = domain.isPersistent()
            if domain.isActive():
                domain.destroy()
            if persistent and undefine:
                domain.undefine()

    # What it says

    def _peek(self, domain, address, length):
        return domain.memoryPeek(address, length, libvirt.VIR_MEMORY_PHYSICAL)

    def counters(self):
        """The guest's Counters, or None while it boots.  Does not disturb it."""
        with self.domain() as domain:
            return counter.Counters.unpack(self._peek(domain, counter.COUNTERS_ADDRESS, counter.Counters.BYTES))

    def wait_counting(self, timeout=30):
        """Returns once the first pass is over and, with disks, the first block is written."""

        def counting():
            found = self.counters()
            return found is not None and found.number > 1 and (not self._writes() or found.seq > 0)

        wait_for(counting, f"{self.name} to count", timeout)

    def _writes(self):
        return self.parameters().blocks > 0

    def parameters(self):
        with self.domain() as domain:
            return counter.Parameters.unpack(self._peek(domain, counter.IMAGE_ADDRESS, counter.IMAGE_BYTES))

    def wait_progress(self, ticks=1, blocks=0, timeout=30):
        """Returns once it has counted on by so many ticks and blocks."""
        before = self.counters()

        def progressed():
            now = self.counters()
            return now.ticks - before.ticks >= ticks and now.seq - before.seq >= blocks

        wait_for(progressed, f"{self.name} to go on counting", timeout)

    # Whether it is whole

    @contextlib.contextmanager
    def standing_still(self):
        """Pauses it if it runs, and lets it go on afterwards.  In between its disks are flushed."""
        with self.domain() as domain:
            running = domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
            if running:
                domain.suspend()
            try:
                yield domain
            finally:
                if running:
                    domain.resume()

    def _memory(self, domain, address, length):
        """RAM in bulk: libvirt's own peek moves 10 MB/s only."""
        with tempfile.TemporaryDirectory(dir=f"{self.host.top}/run") as directory:
            inside = f"/run/{os.path.basename(directory)}/memory"
            said = monitor(domain, f"pmemsave {address} {length} \"{inside}\"")
            if said.strip():
                raise LabError(f"pmemsave: {said.strip()}")
            with open(f"{directory}/memory", "rb") as file:
                return file.read()

    def verify(self, ram=True, disks=True, progress=True, timeout=30):
        """Checks RAM and disks against the counters; returns a report whose `ok` sums it up.  Leaves it as it was."""
        began = time.monotonic()
        with self.standing_still() as domain:
            parameters = counter.Parameters.unpack(self._peek(domain, counter.IMAGE_ADDRESS, counter.IMAGE_BYTES))
            counters = counter.Counters.unpack(
                self._peek(domain, counter.COUNTERS_ADDRESS, counter.Counters.BYTES))
            if counters is None:
                raise LabError(f"{self.name} does not count yet")
            report = {"guest": self.name, "host": self.host.name, "uuid": domain.UUIDString(), **counters.as_dict()}
            memory, on_disk = counter.Findings(), counter.Findings()
            if ram:
                counter.check_ram(self._memory(domain, parameters.start * counter.PAGE,
                                               parameters.pages * counter.PAGE), parameters, counters, memory)
            if disks:
                self._check_disks(domain, parameters, counters, on_disk)
        report["ram_ok"] = memory.count == 0 if ram else None
        report["disk_ok"] = on_disk.count == 0 and counters.errors == 0 if disks and parameters.blocks else None
        report["progressing"] = self._progressing(timeout) if progress else None
        report["bad_pages"], report["bad_blocks"] = memory.count, on_disk.count
        report["errors"] = memory.texts + on_disk.texts
        report["seconds"] = round(time.monotonic() - began, 3)
        report["ok"] = all(report[key] is not False for key in ("ram_ok", "disk_ok", "progressing"))
        return report

    def _check_disks(self, domain, parameters, counters, findings):
        found = list(parse_disks(domain.XMLDesc()).values())[:parameters.disks]
        if len(found) < parameters.disks:
            findings.add(f"{parameters.disks - len(found)} of its disks are gone")
        for index, spec in enumerate(found):
            check_disk(self.host, spec, index, parameters, counters, findings)

    def _progressing(self, timeout):
        """None for a guest that is not running: it has no business to progress."""
        if self.state()[0] != libvirt.VIR_DOMAIN_RUNNING:
            return None
        with contextlib.suppress(Timeout):
            self.wait_progress(timeout=timeout)
            return True
        return False


def check_disk(host, spec, index, parameters, counters, findings):
    with disk.reading(host, spec.path, spec.format, parameters.disk_bytes) as read:
        if read(0, counter.IMAGE_BYTES) != counter.image(parameters):
            findings.add(f"disk {index}: its boot sectors are not this guest's")
        newest = counter.check_slots(read(counter.DATA_OFFSET, parameters.blocks * counter.SLOT),
                                     parameters, counters, index, findings)
        counter.check_fill(read, parameters, index, findings)
    return newest


def check_image(host, path, image_format="raw", index=0):
    """Checks a disk that no guest is on, as far as it can be told from itself: {ok, seq, errors}."""
    with disk.reading(host, path, image_format, counter.IMAGE_BYTES) as read:
        sectors = read(0, counter.IMAGE_BYTES)
    try:
        parameters = counter.Parameters.unpack(sectors)
    except LabError as error:
        return {"path": path, "ok": False, "seq": 0, "errors": [str(error)]}
    findings = counter.Findings()
    newest = check_disk(host, Disk(path, image_format), index, parameters, None, findings)
    return {"path": path, "ok": findings.count == 0, "seq": newest, "errors": findings.texts}


def parse_disks(xml):
    """{target: Disk} of the writable hard disks in a domain's XML."""
    found = {}
    for element in ElementTree.fromstring(xml).iterfind("./devices/disk[@device='disk']"):
        source, driver = element.find("source"), element.find("driver")
        if source is None or element.find("readonly") is not None:
            continue
        if element.get("type") == "network":
            place = source.find("host")
            path = (f"{source.get('protocol')}://{place.get('name')}:{place.get('port')}/"
                    f"{source.get('name') or ''}")
        else:
            path = source.get("file") or source.get("dev")
        found[element.find("target").get("dev")] = Disk(
            path, driver.get("type"), serial=element.findtext("serial"), cache=driver.get("cache"),
            shareable=element.find("shareable") is not None)
    return dict(sorted(found.items()))


def monitor(domain, command):
    """A command of QEMU's human monitor."""
    import libvirt_qemu                         # pylint: disable=import-outside-toplevel
    return libvirt_qemu.qemuMonitorCommand(domain, command, libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)
