"""What a group's files say, read without streamlog: see streamlog-format(5)."""

import collections
import json
import os
import re
import struct

SLOT_BYTES = 512
ROW_BYTES = 512
HEAD = struct.Struct(">qi")  # a batch: its base offset, the bytes behind these
COUNT = struct.Struct(">i")
COUNT_AT = 57
HEADER_BYTES = 61

Place = collections.namedtuple(
    "Place", "seq topic_id offset generation member time")


def make_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = make_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


SLOT = re.compile(
    rb'(\{"seq":(\d+),"topic_id":"([^"]+)","offset":(\d+),"generation":(\d+),'
    rb'"member":"([^"]*)","time":"([^"]+)"),"crc":"([0-9a-f]{8})"\} *\n')


def parse_slot(slot):
    """A Place, or None where it isn't a valid one."""
    match = SLOT.fullmatch(slot)
    if not match or len(slot) != SLOT_BYTES:
        return None
    text, seq, topic_id, offset, generation, member, time, crc = match.groups()
    if crc32c(text) != int(crc, 16):
        return None
    return Place(int(seq), topic_id.decode(), int(offset), int(generation),
                 member.decode(), time.decode())


def parse_places(data):
    """The valid Places of a file, the best one last."""
    slots = [parse_slot(data[at:at + SLOT_BYTES])
             for at in range(0, 2 * SLOT_BYTES, SLOT_BYTES)]
    return sorted((slot for slot in slots if slot), key=lambda p: p.seq)


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def read_assignment(group):
    """(generation, {(topic, partition): (owner, next)}); None: it is torn."""
    data = read_file(os.path.join(group, "lock"))
    generation, rows = None, {}
    if len(data) % ROW_BYTES:
        return None
    for at in range(0, len(data), ROW_BYTES):
        line = data[at:at + ROW_BYTES]
        if b"%08x\n" % crc32c(line[:-9]) != line[-9:]:
            return None
        words = line[:-9].decode().split()
        if at == 0:
            if words[:-1] != ["streamlog", "group", "1", "generation"]:
                return None
            generation = int(words[-1])
        elif words[1] != "-":
            owner, following = ("" if w == "-" else w for w in words[3:5])
            rows[words[1], int(words[2])] = (owner, following)
    return generation, rows


def read_copy(group):
    """assignment.json, which is there or isn't, but never half; raises."""
    try:
        data = read_file(os.path.join(group, "assignment.json"))
    except FileNotFoundError:
        return None
    copy = json.loads(data)
    for row in copy["partitions"]:
        if set(row) != {"topic", "partition", "owner", "next"}:
            raise ValueError("assignment.json: %r" % row)
    return copy


def member_name(member_id):
    """HOST:PID of HOST:PID-INCARNATION."""
    return member_id.rpartition("-")[0]


def scratch_names(group):
    """Names of files that are half made, or were left so."""
    found = []
    for path, directories, names in os.walk(group):
        found += [os.path.join(path, name) for name in directories + names
                  if name.startswith("~")]
    return found


class LogEnd:
    """The next offset of a partition, by the heads of its newest segment."""

    def __init__(self, path):
        self.path = path
        self.next = 0
        self.base = -1
        self.position = 0

    def look(self):
        newest = max((int(name[:-4]) for name in os.listdir(self.path)
                      if name.endswith(".log")), default=self.base)
        if newest != self.base:
            self.base, self.next, self.position = newest, newest, 0
        self.read()
        return self.next

    def read(self):
        try:
            with open(os.path.join(self.path, "%020d.log" % self.base),
                      "rb") as file:
                file.seek(self.position)
                data = file.read()
        except FileNotFoundError:
            return
        at = 0
        while at + HEADER_BYTES <= len(data):
            base, bytes_behind = HEAD.unpack_from(data, at)
            if at + 12 + bytes_behind > len(data) or base != self.next:
                break
            self.next += COUNT.unpack_from(data, at + COUNT_AT)[0]
            at += 12 + bytes_behind
        self.position += at
