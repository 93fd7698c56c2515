"""All that anybody saw, by partition and offset, and may it be so."""

import bisect
import collections
import re

TOLD = re.compile(r"topic '([^']+)': partition (\d+): offsets (\d+) to (\d+) "
                  r"were deleted before they were read")
SPAN_WORDS = 7
KEYS = 64  # of a writer, by its sequence (event.h)

Span = collections.namedtuple("Span", "offset writer run sequence count")
Batch = collections.namedtuple("Batch", "time pid key offset count")


def parse_span(words):
    """((topic, partition), Span)."""
    offset, writer, run, sequence, count = map(int, words[2:])
    return ((words[0], int(words[1])),
            Span(offset, writer, run, sequence, count))


def told_ranges(text):
    """{(topic, partition): [(from, to)]}, `to` is not in it."""
    found = collections.defaultdict(list)
    for topic, partition, first, last in TOLD.findall(text):
        found[topic, int(partition)].append((int(first), int(last) + 1))
    return found


def is_covered(first, end, ranges):
    """Are all of [first, end) in these?"""
    for low, high in sorted(ranges):
        if low <= first < high:
            first = high
    return first >= end


def uncovered(first, end, ranges):
    """What of [first, end) is in none of these."""
    for low, high in [*sorted(ranges), (end, end)]:
        if first < min(low, end):
            yield first, min(low, end)
        first = max(first, high)


class History:
    def __init__(self):
        self.wrong = []
        self.spans = collections.defaultdict(list)  # as they were seen
        self.merged = {}
        self.batches = []
        self.read = collections.Counter()   # events by who read them
        self.group = collections.defaultdict(list)  # key: [(from, to)]

    def complain(self, text, *values):
        self.wrong.append(text % values)

    def see(self, who, words):
        key, span = parse_span(words)
        self.spans[key].append(span)
        self.read[who] += span.count
        return key, span

    # ---- Who saw it ----

    def take_follower(self, who, path, told):
        """Its lives: N begins one, K is one that was killed."""
        due = {}
        torn = None
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file:
                words = line.split() or [""]
                if words[0] == "N":
                    if torn:
                        self.complain("%s: a torn line: %s", who, torn)
                    torn = None
                    start = int(words[1])
                    due = {}
                elif words[0] == "K":
                    torn = None
                elif words[0] == "T":
                    torn = line.strip()
                elif words[0] == "X":
                    self.complain("%s: %s", who, line.strip())
                elif len(words) == SPAN_WORDS:
                    key, span = self.see(who, words)
                    self.follow(who, key, span, due.get(key, start), told[key])
                    due[key] = span.offset + span.count
        if torn:
            self.complain("%s: a torn line: %s", who, torn)

    def follow(self, who, key, span, due, told):
        if span.offset < due:
            self.complain("%s: %s-%d: offset %d after %d", who, *key,
                          span.offset, due - 1)
        elif not is_covered(due, span.offset, told):
            self.complain("%s: %s-%d: %d to %d left out, and not told", who,
                          *key, due, span.offset - 1)

    def take_batches(self, who, path):
        """Of a group's commands; one that was killed left none, or half."""
        with open(path, encoding="ascii", errors="replace") as file:
            for text in file.read().split("\nB ")[1:]:
                lines = text.split("\n")
                if lines[-2:] == ["E", ""]:
                    self.take_batch(who, lines[0].split(), lines[1:-2])

    def take_batch(self, who, head, lines):
        batch = Batch(int(head[0]) / 1e9, int(head[1]),
                      (head[2], int(head[3])), int(head[4]), int(head[5]))
        self.batches.append(batch)
        due, count = batch.offset, 0
        for line in lines:
            if line[0] in "XT":
                self.complain("%s: %r: %s", who, batch, line)
                return
            key, span = self.see(who, line.split())
            if (key != batch.key or span.offset < due or
                    span.offset > due and key[0] != "table"):
                self.complain("%s: %r: offset %d of %s-%d", who, batch,
                              span.offset, *key)
            due = span.offset + span.count
            count += span.count
        self.group[batch.key].append((batch.offset, due))
        if count != batch.count:
            self.complain("%s: %r: %d events", who, batch, count)

    def take_log(self, key, lines):
        """What is in the segments at the end: [Span], and the end."""
        spans, end = [], None
        for line in lines:
            if line[0] == "X":
                self.complain("%s", line)
            elif line[0] == "E":
                end = int(line.split()[1])
            else:
                spans.append(self.see("log", line.split())[1])
        return spans, end

    # ---- Verdicts ----

    def merge(self):
        """One view of each partition; nobody saw another event there."""
        for key, spans in self.spans.items():
            merged = []
            for span in sorted(spans):
                last = merged[-1] if merged else None
                is_next = last and (
                    span.writer == last.writer and span.run == last.run and
                    span.sequence - span.offset ==
                    last.sequence - last.offset)
                if last is None or span.offset >= last.offset + last.count:
                    if is_next and span.offset == last.offset + last.count:
                        merged[-1] = last._replace(
                            count=last.count + span.count)
                    else:
                        merged.append(span)
                elif not is_next:
                    self.complain("%s-%d: %r and %r", *key, last, span)
                else:
                    merged[-1] = last._replace(count=max(
                        last.count, span.offset + span.count - last.offset))
            self.merged[key] = merged

    def check_dense(self, key, end, told):
        """No offset was left out, but what every reader was told is gone."""
        due = 0
        for span in [*self.merged.get(key, []), Span(end, 0, 0, 0, 0)]:
            if not is_covered(due, span.offset, told):
                self.complain("%s-%d: offsets %d to %d were never there",
                              *key, due, span.offset - 1)
            due = span.offset + span.count

    def check_order(self):
        """A writer's events rise within a partition."""
        for key, spans in self.merged.items():
            last = {}
            for span in spans:
                before = last.get(span.writer, (0, -1))
                if (span.run, span.sequence) <= before:
                    self.complain("%s-%d: %r after run %d event %d", *key,
                                  span, *before)
                last[span.writer] = (span.run,
                                     span.sequence + span.count - 1)

    def check_sent(self, runs):
        """Nobody saw what wasn't sent, or one thing sent at two offsets."""
        by_run = collections.defaultdict(list)
        for key, spans in self.merged.items():
            for span in spans:
                by_run[span.writer, span.run].append((span.sequence, span,
                                                      key))
        for who, found in by_run.items():
            run = runs.get(who)
            due = total = 0
            for sequence, span, key in sorted(found):
                if run is None or key[0] != run.topic or \
                        sequence + span.count > run.sent:
                    self.complain("%s-%d: %r: nobody sent it", *key, span)
                if sequence < due:
                    self.complain("%s-%d: %r: it is there twice", *key, span)
                due = sequence + span.count
                total += span.count
            if run and run.status in (0, 75) and total > run.acked:
                self.complain("writer %d run %d: exit %d, %d events done, %d "
                              "are there", *who, run.status, run.acked, total)

    def check_receipts(self, runs):
        """
        What had its receipt is at that offset, where anybody saw it; how many
        nobody did. Of a table see check_table().
        """
        firsts = {key: [span.offset for span in spans]
                  for key, spans in self.merged.items()}
        unseen = 0
        for run in runs.values():
            for partition, offset, sequence, count in run.receipts:
                key = (run.topic, partition)
                spans = self.merged.get(key, [])
                at = max(bisect.bisect_right(firsts.get(key, []), offset) - 1,
                         0)
                left = count
                while at < len(spans) and spans[at].offset < offset + count:
                    span = spans[at]
                    low = max(span.offset, offset)
                    high = min(span.offset + span.count, offset + count)
                    at += 1
                    if low >= high:
                        continue
                    left -= high - low
                    if (span.writer, span.run, span.sequence + low -
                            span.offset) != (run.writer, run.number,
                                             sequence + low - offset):
                        self.complain("%s-%d offset %d: %r, and the receipt "
                                      "is of writer %d run %d event %d", *key,
                                      low, span, run.writer, run.number,
                                      sequence + low - offset)
                unseen += left if run.topic != "table" else 0
        return unseen

    def check_group(self, key, end, told):
        """All was handled, but what a member was told is gone."""
        for low, high in uncovered(0, end, [*self.group[key], *told]):
            self.complain("%s-%d: %d to %d were never handled", *key, low,
                          high - 1)

    def check_repeats(self, samples, is_late):
        """
        What was seen committed is not handled again, but by who `is_late`;
        how many events were handled more than once.
        """
        for batch in self.batches:
            seen = samples.get(batch.key, [])
            at = bisect.bisect_right(seen, batch.time,
                                     key=lambda sample: sample.time) - 1
            if (at >= 0 and seen[at].place.offset > batch.offset and
                    not is_late(batch, seen[at].time)):
                self.complain("%r: the place was %d by then", batch,
                              seen[at].place.offset)
        return sum(batch.count for batch in self.batches
                   if batch.key[0] != "table") - sum(
            length(ranges) for key, ranges in self.group.items()
            if key[0] != "table")

    # ---- A table ----

    def check_table(self, key, runs, spans):
        """
        The last event of each key is one that had its receipt, or that anybody
        saw, or a later one; returns the last of each.
        """
        last, due = {}, {}
        for span in spans:
            note_keys(last, span)
        for span in self.merged.get(key, []):
            note_keys(due, span)
        for run in runs.values():
            for partition, offset, sequence, count in run.receipts:
                if (run.topic, partition) == key:
                    note_keys(due, Span(offset, run.writer, run.number,
                                        sequence, count))
        for who, event in due.items():
            if last.get(who, (-1, -1)) < event:
                self.complain("%s-%d: key %d.%d: run %d event %d is lost",
                              *key, *who, *event)
        return last


def note_keys(last, span):
    """The last event of each of the span's keys."""
    end = span.sequence + span.count
    for sequence in range(max(span.sequence, end - KEYS), end):
        who = (span.writer, sequence % KEYS)
        last[who] = max(last.get(who, (-1, -1)), (span.run, sequence))


def length(ranges):
    """How much they cover together."""
    total = due = 0
    for low, high in sorted(ranges):
        total += max(0, high - max(low, due))
        due = max(due, high)
    return total
