"""What the files say, read without streamlog, and what should be in them.

An event is {"w":writer,"r":run,"s":sequence,"h":hash,"p":padding}: who made it,
in which of its runs, as which event of the run, and a hash over all of it.
"""

import hashlib
import json
import os
import struct

HEAD = struct.Struct(">qiibIhiqqqhii")


def event(writer, run, sequence, padding):
    text = "%d.%d.%d.%s" % (writer, run, sequence, padding)
    digest = hashlib.sha1(text.encode()).hexdigest()[:16]
    return b'{"w":%d,"r":%d,"s":%d,"h":"%s","p":"%s"}' % (
        writer, run, sequence, digest.encode(), padding.encode())


def identity(value):
    """(writer, run, sequence) of a value; raises where it isn't whole."""
    fields = json.loads(value)
    whole = event(fields["w"], fields["r"], fields["s"], fields["p"])
    if whole != value:
        raise ValueError("not as it was appended: %r" % value)
    return fields["w"], fields["r"], fields["s"]


def varint(data, at):
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at


def records(data, at, count, base, base_ms):
    """The records of a batch without compression, keys and headers."""
    for _ in range(count):
        length, at = varint(data, at)
        end = at + length
        delta_ms, at = varint(data, at + 1)
        delta, at = varint(data, at)
        key_bytes, at = varint(data, at)
        at += max(key_bytes, 0)
        value_bytes, at = varint(data, at)
        yield base + delta, base_ms + delta_ms, data[at:at + value_bytes]
        at = end


def read_index(path, may_miss):
    """An index's bytes; nothing where it may be missing and is."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        if not may_miss:
            raise ValueError("%s is missing" % path) from None
        return b""


def check_indexes(stem, ends, is_settled):
    """Each index entry names a batch and its last offset."""
    base = int(os.path.basename(stem))
    entries = read_index(stem + ".index", not is_settled)
    for relative, position in struct.iter_unpack(">ii", entries):
        if ends.get(position) != base + relative:
            raise ValueError("%s.index: entry %d, %d lies" %
                             (stem, relative, position))
    times = [ms for ms, _ in struct.iter_unpack(
        ">qi", read_index(stem + ".timeindex", not is_settled))]
    if times != sorted(set(times)):
        raise ValueError("%s.timeindex: times don't rise" % stem)
    if is_settled and entries and not times:
        raise ValueError("%s.timeindex: no entry" % stem)


def read_segment(path, expected, is_settled):
    """All (offset, ms, value) of a segment whose offsets must be dense."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    found = []
    ends = {}
    while at < len(data):
        (base, length, _, magic, _, attributes, last, base_ms, _, _, _, _,
         count) = HEAD.unpack_from(data, at)
        if magic != 2 or at + 12 + length > len(data) or attributes & 7:
            raise ValueError("%s: byte %d: no whole batch" % (path, at))
        if base != expected or count != last + 1:
            raise ValueError("%s: byte %d: offset %d, expected %d" %
                             (path, at, base, expected))
        found += records(data, at + HEAD.size, count, base, base_ms)
        ends[at] = base + last
        expected += count
        at += 12 + length
    check_indexes(path[:-4], ends, is_settled)
    return found


def read_partition(path, is_settled=True):
    """All (offset, ms, value) of a partition, and how many segments it has.

    Not settled: a writer killed in the last segment left indexes that the next
    one completes.
    """
    names = sorted(n for n in os.listdir(path) if n.endswith(".log"))
    found = []
    for name in names:
        if int(name[:-4]) != len(found):
            raise ValueError("%s/%s: begins where %d was expected" %
                             (path, name, len(found)))
        found += read_segment(os.path.join(path, name), len(found),
                              is_settled or name != names[-1])
    return found, len(names)


def envelopes(topic, found):
    """What `streamlog-tail -J` prints for these records."""
    head = b'{"topic":"%s","partition":0,"offset":' % topic.encode()
    return b"".join(b'%s%d,"ts":%d,"payload":%s}\n' % (head, offset, ms, value)
                    for offset, ms, value in found)


def plain(found):
    return b"".join(value + b"\n" for _, _, value in found)


def check_runs(found, runs):
    """What is wrong with the events of these runs, as lines of text.

    `runs` has (writer, run): (events sent, events acknowledged, whether the run
    may be missing as a whole). Those of a run that are there must be its first
    ones, each once, in order, and no fewer than were acknowledged; and a
    writer's runs follow each other.
    """
    wrong = []
    present = {}
    last_run = {}
    for offset, _, value in found:
        writer, run, sequence = identity(value)
        if sequence != present.get((writer, run), 0):
            wrong.append("offset %d: writer %d run %d: event %d after %d" %
                         (offset, writer, run, sequence,
                          present.get((writer, run), 0) - 1))
        present[writer, run] = sequence + 1
        if run < last_run.get(writer, 0):
            wrong.append("offset %d: writer %d: run %d after run %d" %
                         (offset, writer, run, last_run[writer]))
        last_run[writer] = run
    for (writer, run), (sent, acknowledged, may_miss) in runs.items():
        there = present.pop((writer, run), 0)
        if there > sent:
            wrong.append("writer %d run %d: %d events, sent %d" %
                         (writer, run, there, sent))
        if there < acknowledged and not (may_miss and there == 0):
            wrong.append("writer %d run %d: %d events, acknowledged %d" %
                         (writer, run, there, acknowledged))
    wrong += ["writer %d run %d: nobody sent it" % who for who in present]
    return wrong
