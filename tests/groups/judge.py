"""What was handled, by the records of who handled it, and may it be so."""

import bisect
import collections
import os
import re

import files
import oracle

ENVELOPE = re.compile(rb'\{"topic":"([^"]*)","partition":(\d+),"offset":(\d+),'
                      rb'"ts":-?\d+,(?:"key":"[^"]*",)?"payload":(.*)\}')
COMMIT_SECONDS = 0.2  # a reader looks at the clock only when it has read
LOOK_SECONDS = 1.5  # members look each second whether the others live
LATE_SECONDS = 2  # who comes back sees within this that it was put out

# `end` is None where the batch was not handled to its end.
Handling = collections.namedtuple("Handling", "key offset begin end member")


class History:
    """All handlings of some members, held against the log."""

    def __init__(self, log, topics):
        self.wrong = []
        self.log = {}       # (topic, partition): [value]
        self.handled = collections.defaultdict(list)  # (key, offset)
        self.begins = collections.defaultdict(list)
        self.events = 0
        for topic, partitions in topics.items():
            for partition in range(partitions):
                path = os.path.join(log, topic, str(partition))
                found, _ = oracle.read_partition(path, is_settled=False)
                self.log[topic, partition] = [v for _, _, v in found]
                self.events += len(found)

    # ---- Records ----

    def read(self, member):
        """All that one member's handler took, in its order."""
        if not os.path.exists(member.record):
            return []
        taken = []
        if member.mode == "command":
            self.read_batches(member, taken)
        else:
            self.read_lines(member, taken)
        for handling in taken:
            self.handled[handling.key, handling.offset].append(handling)
        return taken

    def take(self, member, key, offset, value, times):
        log = self.log.get(key, [])
        if offset >= len(log) or log[offset] != value:
            self.wrong.append("member %d: %s-%d offset %d: not what the log "
                              "holds: %r" % (member.number, *key, offset,
                                             value))
        return Handling(key, offset, *times, member)

    def read_batches(self, member, taken):
        """Each record: "B NS TOPIC PARTITION OFFSET COUNT", lines, "E NS"."""
        for text in files.read_file(member.record).split(b"\nB ")[1:]:
            head, _, body = text.partition(b"\n")
            begin, topic, partition, offset, count = head.split()
            body, ended, end = body.rpartition(b"\nE ")
            if not ended:
                body = end  # the command was killed, or failed
            lines = body.split(b"\n")
            if ended and (len(lines) != int(count) + 1 or lines[-1]):
                self.wrong.append("member %d: %d lines of %s" %
                                  (member.number, len(lines) - 1, count))
            times = (int(begin) / 1e9, int(end) / 1e9 if ended else None)
            key = (topic.decode(), int(partition))
            taken += [self.take(member, key, int(offset) + number, line, times)
                      for number, line in enumerate(lines[:-1])]

    def read_lines(self, member, taken):
        at = 0.0
        for line in files.read_file(member.record).split(b"\n"):
            match = ENVELOPE.fullmatch(line)
            if match:
                topic, partition, offset, value = match.groups()
                taken.append(self.take(
                    member, (topic.decode(), int(partition)), int(offset),
                    value, (at, at)))
            elif line.startswith(b"P "):
                at = int(line[2:]) / 1e9
            elif line and not line.startswith(b"R "):
                self.wrong.append("member %d: torn: %r" %
                                  (member.number, line))

    # ---- Verdicts ----

    def check_appended(self, runs):
        """Each event of a run that ended well is in the log once."""
        found = collections.Counter(
            oracle.identity(value)[:2] for values in self.log.values()
            for value in values)
        for run, (count, _) in runs.items():
            if found[run] != count:
                self.wrong.append("writer %d run %d: %d events of %d" %
                                  (*run, found[run], count))

    def check_commits(self, samples):
        """What was seen committed was handled to its end before."""
        for key, seen in samples.items():
            offset, latest = 0, 0
            for sample in seen:
                while offset < sample.place.offset:
                    ends = [h.end for h in self.handled.get((key, offset), [])
                            if h.end is not None]
                    latest = max(latest, min(ends, default=float("inf")))
                    offset += 1
                if latest > sample.time + COMMIT_SECONDS:
                    self.wrong.append("%s-%d: %r was there at %.3f, but that "
                                      "was handled at %.3f" % (
                                          *key, sample.place, sample.time,
                                          latest))
                    break

    def check_order(self, taken, time_out):
        """Offsets of a partition rise, but where it was lost in between."""
        last = {}
        for handling in taken:
            before = last.get(handling.key)
            last[handling.key] = handling
            if (before and handling.offset <= before.offset and
                    not was_away(handling.member, before, handling, time_out)):
                self.wrong.append("member %d: %s-%d: offset %d after %d" % (
                    handling.member.number, *handling.key, handling.offset,
                    before.offset))

    def check_all_handled(self):
        for key, values in self.log.items():
            for offset in range(len(values)):
                if not any(h.end is not None
                           for h in self.handled.get((key, offset), [])):
                    self.wrong.append("%s-%d offset %d was never handled" %
                                      (*key, offset))

    def check_repeats(self, samples, time_out):
        """How many events were handled again, as they may be."""
        repeats = 0
        committed = Committed(samples)
        for handlings in self.handled.values():
            handlings.sort(key=lambda h: h.begin)
            for first, again in zip(handlings, handlings[1:]):
                repeats += 1
                why = refuse(first, again, committed, time_out)
                if why:
                    self.wrong.append(
                        "%s-%d offset %d: handled at %.3f by %s and again at "
                        "%.3f by %s: %s" %
                        (*first.key, first.offset, first.begin, tell(first),
                         again.begin, tell(again), why))
        return repeats

    def progress(self):
        """When something was handled, of each partition."""
        if not self.begins:
            for (key, _), handlings in self.handled.items():
                self.begins[key] += [h.begin for h in handlings]
            for begins in self.begins.values():
                begins.sort()
        return self.begins

    def standstills(self, key, appended, until):
        """
        Times without a handling while an event waited that was appended
        `until` then, (from, to).
        """
        progress = self.progress().get(key, [])
        for offset, value in enumerate(self.log[key]):
            begun = appended[oracle.identity(value)[:2]]
            if begun > until:
                continue
            handled = min((h.begin for h in
                           self.handled.get((key, offset), [])),
                          default=until)
            handled = min(handled, until)
            at = bisect.bisect_left(progress, handled) - 1
            if at >= 0:
                begun = max(begun, progress[at])
            if begun < handled:
                yield begun, handled


def excused(begun, ended, tenures, members, time_out):
    """
    How long of that time an owner was stopped, and the others still had to wait
    for it.
    """
    seconds = 0
    bounds = [at for at, _ in tenures[1:]] + [float("inf")]
    for (start, owner), end in zip(tenures, bounds):
        start, end = max(start, begun), min(end, ended)
        if start >= end:
            continue
        pid = files.member_name(owner).rpartition(":")[2]
        for member in members.get(pid, []):
            for stopped, resumed in member.stops:
                since = max(stopped, start - time_out - LOOK_SECONDS)
                seconds += max(0, min(end, resumed or end,
                                      max(since, start) + time_out +
                                      LOOK_SECONDS) - max(stopped, start))
    return seconds


class Committed:
    """What was seen committed, and when."""

    def __init__(self, samples):
        self.times, self.offsets = {}, {}
        for key, seen in samples.items():
            self.times[key] = [sample.time for sample in seen]
            self.offsets[key] = [sample.place.offset for sample in seen]

    def has(self, key, offset, time):
        at = bisect.bisect_right(self.times.get(key, []), time) - 1
        return at >= 0 and self.offsets[key][at] > offset


def tell(handling):
    member = handling.member
    return "member %d (%s, pid %d, killed %s, told %s, stopped %s)" % (
        member.number, member.mode, member.process.pid, member.killed,
        member.told, member.stops)


def was_away(member, first, again, time_out):
    """Was it taken for dead before the second, and back after the first?"""
    return any(begun <= again.begin and
               (ended is None or ended >= first.begin - LATE_SECONDS)
               for begun, ended in member.long_stops(time_out))


def is_late(handling, time_out):
    """
    It comes out of a pipe of one that is dead, or away, already; or a command
    of it only begins.
    """
    member = handling.member
    if member.killed is not None and handling.begin >= member.killed - 0.05:
        return True
    return any(begun <= handling.begin and
               (ended is None or handling.begin <= ended + LATE_SECONDS)
               for begun, ended in member.long_stops(time_out))


def refuse(first, again, committed, time_out):
    """Why an event may not be handled again; None: it may."""
    for handling in (first, again):
        if is_late(handling, time_out):
            return None
    if committed.has(first.key, first.offset, again.begin):
        return "it was committed"
    member = first.member
    if first.end is None:
        return None  # the command didn't end well
    # A command may be killed between its last word and its end.
    for killed in (member.killed, member.command_killed):
        if killed is not None and killed >= first.begin - 0.05:
            return None
    if was_away(member, first, again, time_out):
        return None
    return "the first lives, or left"
