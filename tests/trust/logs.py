"""What the segments of a log directory hold, read without streamlog."""

import functools
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, "../soak"), os.path.join(HERE, "../groups")]
from files import crc32c  # noqa: E402
from oracle import records  # noqa: E402

HEAD = struct.Struct(">qiibIhiqqqhii")
CRC_AT = 21  # what the checksum covers begins here


class Broken(Exception):
    """What no kill may leave."""


@functools.lru_cache(maxsize=65536)
def is_whole(batch):
    """Most batches are looked at again and again, and a sum is slow here."""
    return crc32c(batch[CRC_AT:]) == struct.unpack_from(">I", batch, 17)[0]


@functools.lru_cache(maxsize=65536)
def events(batch, count, base, base_ms):
    return {offset: value for offset, _, value in
            records(batch, HEAD.size, count, base, base_ms)}


def batches(data, path, is_last, may_be_damaged):
    """(base, last delta, count, base time, batch); a prefix may end the last
    segment, and nothing else that is no batch may be there. What was spoilt on
    purpose, behind its head, has no records."""
    at = 0
    while at < len(data):
        rest = len(data) - at
        if rest >= HEAD.size:
            (base, length, _, magic, _, _, delta, base_ms, _, _, _, _,
             count) = HEAD.unpack_from(data, at)
        if rest < HEAD.size or 12 + length > rest:
            if is_last:
                return
            raise Broken(f"{path}: byte {at}: half a batch")
        batch = data[at:at + 12 + length]
        at += 12 + length
        if magic == 2 and is_whole(batch):
            yield base, delta, count, base_ms, batch
        elif not may_be_damaged:
            raise Broken(f"{path}: damage before byte {at}")


def partition(path, may_be_damaged):
    """{offset: value} of what is whole; offsets rise over all segments."""
    names = sorted(name for name in os.listdir(path) if name.endswith(".log"))
    if not names:
        raise Broken(f"{path}: no segment")
    found, due = {}, 0
    for name in names:
        with open(os.path.join(path, name), "rb") as file:
            data = file.read()
        for base, delta, count, base_ms, batch in batches(
                data, os.path.join(path, name), name == names[-1],
                may_be_damaged):
            if base + delta < due:
                continue  # a merge that isn't over has taken it in
            if base < due:
                raise Broken(f"{path}/{name}: offset {base} twice")
            due = base + delta + 1
            found.update(events(batch, count, base, base_ms))
    return found


def topic(path, may_be_damaged=False):
    """{(partition, offset): value}, rejected lines left out."""
    return {(int(name), offset): value
            for name in os.listdir(path) if name.isdigit()
            for offset, value in partition(os.path.join(path, name),
                                           may_be_damaged).items()}
