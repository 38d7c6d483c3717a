# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rules of the counting guest (tests/guest/counter.asm): what to put on its disk, what RAM and disks must hold."""

import functools
import os
import random
import struct
from dataclasses import asdict, astuple, dataclass

from . import proc
from .errors import LabError

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                      "guest", "counter.asm")
MAGIC = 0x4347494d
MIB = 1 << 20
PAGE = 4096
SLOT = 4096
SECTOR = 512
TICKS_PER_SECOND = 18.2065
IMAGE_BYTES = 1024
IMAGE_ADDRESS = 0x7c00
COUNTERS_ADDRESS = 0x600
# What firmware leaves alone: above the first MiB, and away from the tables at the top.
FIRST_PAGE = 2 * MIB // PAGE
PAGES_AT_TOP = MIB // PAGE
DATA_OFFSET = MIB                               # of the slots, on every disk
MAX_RANDOM_WORDS = 1020
MAX_ERRORS = 8                                  # findings named in a report


@dataclass(frozen=True)
class Parameters:
    """The guest's own parameters, in the order in which they stand at the end of its image."""
    start: int                                  # first page of the range it counts in
    pages: int
    rate: int = 0                               # pages per tick, 0: flat out
    random: int = 0                             # random words per page
    passes: int = 0                             # stop after so many, 0: never
    lba: int = DATA_OFFSET // SECTOR
    blocks: int = 256                           # slots on disk, 0: no writes
    every: int = 1                              # ticks from one block to the next
    disks: int = 1
    fill: int = 0                               # MiB of known data behind the slots
    seed: int = 0

    FORMAT = "<12I"

    def pack(self):
        return struct.pack(self.FORMAT, MAGIC, *astuple(self))

    @classmethod
    def unpack(cls, sectors):
        if len(sectors) < IMAGE_BYTES:
            raise LabError("there is no counting guest here")
        words = struct.unpack(cls.FORMAT, sectors[-struct.calcsize(cls.FORMAT):])
        if words[0] != MAGIC:
            raise LabError("there is no counting guest here")
        return cls(*words[1:])

    @property
    def fill_offset(self):
        return DATA_OFFSET + self.blocks * SLOT

    @property
    def disk_bytes(self):
        """How much of a disk has contents that are known."""
        return self.fill_offset + self.fill * MIB


@dataclass(frozen=True)
class Counters:
    """What the guest says about itself."""
    number: int                                 # the pass going on
    cur: int
    errors: int
    ticks: int
    started: int
    seq: int
    nonce: int

    FORMAT = "<8I"
    BYTES = 32

    @classmethod
    def unpack(cls, data):
        words = struct.unpack(cls.FORMAT, data[:cls.BYTES])
        return cls(*words[1:]) if words[0] == MAGIC else None

    def as_dict(self):
        found = asdict(self)
        found["pass"] = found.pop("number")
        found["disk_errors"] = found.pop("errors")
        return found


@functools.lru_cache(maxsize=None)
def assemble():
    """The guest's two sectors, with no parameters set."""
    binary = proc.run(["nasm", "-Wall", "-f", "bin", "-o", "/dev/stdout", SOURCE], text=False).stdout
    if len(binary) != IMAGE_BYTES or binary[SECTOR - 2:SECTOR] != b"\x55\xaa":
        raise LabError(f"{SOURCE} does not make two boot sectors")
    return binary


def image(parameters):
    packed = parameters.pack()
    return assemble()[:-len(packed)] + packed


def fill_chunk(seed, disk, index):
    """One MiB of the data behind the slots: incompressible, and known again from its place."""
    return random.Random(f"{seed}/{disk}/{index}").randbytes(MIB)


def initial_contents(parameters, disk):
    """What is on a disk before the guest starts, as (offset, bytes) pieces."""
    yield 0, image(parameters)
    yield DATA_OFFSET, bytes(parameters.blocks * SLOT)
    for index in range(parameters.fill):
        yield parameters.fill_offset + index * MIB, fill_chunk(parameters.seed, disk, index)


class Findings:
    """Collects what is wrong: the first few in words, all in number."""

    def __init__(self):
        self.count = 0
        self.texts = []

    def add(self, text):
        self.count += 1
        if len(self.texts) < MAX_ERRORS:
            self.texts.append(text)


def check_ram(memory, parameters, counters, findings):
    """`memory` is the guest's RAM from the first page of its range to the last, taken while it stood still."""
    zeros = bytes(PAGE)
    resting = parameters.passes != 0 and counters.number > parameters.passes
    for index in range(parameters.pages):
        page = memory[index * PAGE:(index + 1) * PAGE]
        if index == counters.cur and not resting:
            continue                            # may be half written
        want = counters.number if index < counters.cur else counters.number - 1
        if want == 0:
            continue                            # before the first pass: whatever was there
        words = memoryview(page).cast("I")
        end = 3 + parameters.random
        if words[0] != want or words[1] != index or words[1023] != want ^ 0xffffffff:
            findings.add(f"page {index}: pass {words[0]}, index {words[1]}, closing word {words[1023]:#x}; "
                         f"expected pass {want}")
        elif sum(words[3:end]) & 0xffffffff != words[2]:
            findings.add(f"page {index}: its random words do not add up")
        elif page[end * 4:-4] != zeros[end * 4:-4]:
            findings.add(f"page {index}: not zero where it should be")


def _slot_error(data, slot, disk):
    """What is wrong with a written slot in itself."""
    magic, seq, number, written_disk, _ = struct.unpack("<5I", data[:20])
    if magic != MAGIC:
        return "not a block of this guest"
    if number != slot or written_disk != disk:
        return f"holds slot {number} of disk {written_disk}"
    if data[20:] != struct.pack("<I", seq ^ 0xffffffff) * (SLOT // 4 - 5):
        return f"block {seq} is torn"
    return None


def check_slots(data, parameters, counters, disk, findings):
    """`data` holds the slots of a disk.  Without counters, each slot is checked only in itself and
    against the others."""
    newest = 0
    for slot in range(parameters.blocks):
        block = data[slot * SLOT:(slot + 1) * SLOT]
        if block == bytes(SLOT):
            seq, nonce, error = 0, None, None
        else:
            (seq, nonce), error = struct.unpack("<4xI8xI", block[:20]), _slot_error(block, slot, disk)
        newest = max(newest, seq)
        if error is None and counters is not None:
            error = _compare_slot(slot, seq, nonce, parameters, counters)
        if error is not None:
            findings.add(f"disk {disk}, slot {slot}: {error}")
    return newest


def _newest(last, slot, blocks):
    """The newest seq up to `last` that belongs into the slot; 0 if there is none yet."""
    return max(0, last - (last - slot) % blocks)


def _compare_slot(slot, seq, nonce, parameters, counters):
    done = _newest(counters.seq, slot, parameters.blocks)
    begun = _newest(counters.started, slot, parameters.blocks)
    if nonce == counters.nonce:
        if seq in (done, begun):
            return None
    elif done == 0:
        return None                             # empty, or left by an earlier boot
    return f"block {seq}{'' if nonce == counters.nonce else ' of another boot'} where {done} belongs"


def check_fill(read, parameters, disk, findings):
    """`read (offset, length)` gives the disk's bytes."""
    for index in range(parameters.fill):
        if read(parameters.fill_offset + index * MIB, MIB) != fill_chunk(parameters.seed, disk, index):
            findings.add(f"disk {disk}: MiB {index} of the data at rest has changed")
