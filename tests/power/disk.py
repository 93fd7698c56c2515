"""What is on the disk, read without streamlog: also what a cut left of it."""

import os
import re
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../trust"))
import logs  # noqa: E402
from files import crc32c, parse_places  # noqa: E402
from oracle import varint  # noqa: E402

HEAD = logs.HEAD
Broken = logs.Broken
MAGIC_AT = 16
LENGTH = struct.Struct(">qi")
HOLES = re.compile(rb"streamlog cleaned 1\nholes (\d{20})\n")
# Of a batch no one is larger, nor are these tests' files.
BATCH_BYTES_MAX = 100 << 20


def records(data, at, count, base):
    """(offset, key, token) of each: its value, or a tombstone's header."""
    for _ in range(count):
        length, at = varint(data, at)
        end = at + length
        _, at = varint(data, at + 1)
        delta, at = varint(data, at)
        size, at = varint(data, at)
        key = data[at:at + size] if size >= 0 else None
        at += max(size, 0)
        size, at = varint(data, at)
        token = data[at:at + size] if size >= 0 else b"~" + data[at:end]
        yield base + delta, key, token
        at = end


def batch_at(data, at):
    """(base, last delta, count, end) if a valid batch stands there."""
    if len(data) - at < HEAD.size:
        return None
    (base, length, _, magic, crc, _, delta, _, _, _, _, _,
     count) = HEAD.unpack_from(data, at)
    end = at + 12 + length
    if magic != 2 or length < HEAD.size - 12 or end > len(data):
        return None
    if crc32c(data[at + logs.CRC_AT:end]) != crc:
        return None
    return base, delta, count, end


def is_torn(data, at):
    """What is there may be how a batch begins, and the file ends before it."""
    if len(data) - at < LENGTH.size:
        return True
    length = LENGTH.unpack_from(data, at)[1]
    return HEAD.size - 12 <= length <= BATCH_BYTES_MAX and \
        at + 12 + length > len(data) and \
        data[at + MAGIC_AT:at + MAGIC_AT + 1] in (b"", b"\x02")


class Segment:
    """A file's batches; read on from where it was whole the last time."""

    def __init__(self):
        self.data = b""
        self.batches = []  # (base, last delta, records), or None: bad bytes
        self.whole = 0
        self.torn = 0

    def read(self, path):
        with open(path, "rb") as file:
            data = file.read()
        if self.torn or None in self.batches or \
                not data.startswith(self.data):
            self.__init__()
        self.data = data
        self.parse()

    def parse(self):
        at = self.whole
        while at < len(self.data):
            found = batch_at(self.data, at)
            if not found:
                at = self.pass_bad(at)
                continue
            base, delta, count, end = found
            self.batches.append((base, delta, list(records(
                self.data, at + HEAD.size, count, base))))
            at = self.whole = end

    def pass_bad(self, at):
        """To the next batch that is valid; a torn one is none's fault."""
        found = self.data.find(b"\x02", at + 1 + MAGIC_AT)
        while found >= 0:
            if batch_at(self.data, found - MAGIC_AT):
                self.batches.append(None)
                return found - MAGIC_AT
            found = self.data.find(b"\x02", found + 1)
        if is_torn(self.data, at):
            self.torn = len(self.data) - at
        else:
            self.batches.append(None)
        return len(self.data)


class Partition:
    """What one holds: read() again and again, over the cuts."""

    def __init__(self, path):
        self.path = path
        self.segments = {}
        self.clear()

    def clear(self):
        self.found = {}    # offset: (key, token), rising
        self.gaps = []     # (from, to, whether bad bytes are there)
        self.bads = 0      # places of bad bytes
        self.torn = 0
        self.first = None  # the first segment's name
        self.end = 0       # the next offset
        self.bytes = 0
        self.scratch = 0   # files of a swap that isn't over
        self.is_bad = False  # the last segment ended in bad bytes

    def holes_below(self):
        try:
            with open(os.path.join(self.path, "cleaned"), "rb") as file:
                match = HOLES.match(file.read())
        except FileNotFoundError:
            return 0
        if not match:
            raise Broken(f"{self.path}/cleaned: is torn")
        return int(match[1])

    def read(self):
        """A topic that isn't there has nothing; one that is is whole."""
        self.clear()
        if not os.path.isdir(os.path.dirname(self.path)):
            return
        listed = os.listdir(self.path)
        self.scratch = sum(name.endswith(".cleaned") for name in listed)
        names = sorted(name for name in listed if name.endswith(".log"))
        if not names:
            raise Broken(f"{self.path}: no segment")
        self.first = self.end = int(names[0][:-4])
        self.segments = {name: self.segments.get(name, Segment())
                         for name in names}
        holes = self.holes_below()
        for name, segment in self.segments.items():
            segment.read(os.path.join(self.path, name))
            self.bytes += len(segment.data)
            self.take(name, segment, int(name[:-4]) < holes,
                      name == names[-1])

    def take(self, name, segment, has_holes, is_last):
        if segment.torn and not is_last and None not in segment.batches:
            raise Broken(f"{self.path}/{name}: half a batch, and "
                         "another segment behind it")
        self.torn += bool(segment.torn)
        is_bad, is_entered = self.is_bad, False
        self.step(int(name[:-4]), is_bad, False)
        is_bad = False
        for batch in segment.batches:
            if batch and has_holes and not is_entered and \
                    batch[0] + batch[1] < self.end:
                continue  # a merge that isn't over has taken it in
            # No checksum covers a base; half of one may be zeros, too.
            if not batch or batch[0] < self.end or not (
                    batch[0] == self.end or is_bad or has_holes):
                self.bads += 1
                is_bad = True
                continue
            base, delta, entries = batch
            self.step(base, is_bad, has_holes)
            is_bad, is_entered = False, True
            self.end = base + delta + 1
            for offset, key, token in entries:
                self.found[offset] = (key, token)
        # Behind a hole nothing is cut, for the writer has gone on elsewhere.
        self.is_bad = is_bad or bool(segment.torn)

    def step(self, base, is_bad, may_lack):
        """What is between the last batch and this one."""
        if base > self.end:
            if not may_lack:
                self.gaps.append((self.end, base, is_bad))
            self.end = base


def places(path):
    """A group's places: {file's name: offset}; None: neither slot is one."""
    found = {}
    if os.path.isdir(path):
        for name in os.listdir(path):
            if name.startswith("~"):
                continue
            with open(os.path.join(path, name), "rb") as file:
                best = parse_places(file.read())
            found[name] = best[-1].offset if best else None
    return found
