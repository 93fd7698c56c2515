"""Who watches a group's files from outside, while its members work."""

import collections
import os
import threading
import time

import files

NAP_SECONDS = 0.02
TORN_SECONDS = 1  # what isn't valid for so long is no write under way

Sample = collections.namedtuple("Sample", "time place")


class Witness(threading.Thread):
    """Looks at all places and the assignment again and again."""

    def __init__(self, group, log):
        super().__init__()
        self.told = open(os.path.join(log, "../trace"), "w",
                         encoding="utf-8")
        self.rows = {}
        self.tenures = {}  # (topic, partition): [(from, owner)]
        self.group = group
        self.log = log
        self.over = threading.Event()
        self.wrong = []
        self.samples = {}  # (topic, partition): [Sample], each a new place
        self.bytes = {}    # as they were seen last
        self.ends = {}
        self.torn = {}     # path: since when
        self.before = None  # the assignment before the places seen last
        self.fresh = []    # (partition, place) not yet judged
        self.looks = self.judged = 0
        self.scratch = {}  # name: since when

    def trace(self, text):
        """To be read where something failed."""
        self.told.write("%.3f %s\n" % (time.monotonic(), text))
        self.told.flush()

    def run(self):
        try:
            while not self.over.wait(NAP_SECONDS):
                if os.path.isdir(self.group):
                    self.look()
        except Exception as problem:
            self.wrong.append("witness: %r" % problem)
            raise

    def look(self):
        self.looks += 1
        assignment = self.read_assignment()
        self.judge_committers(assignment)
        for name in os.listdir(os.path.join(self.group, "places")):
            if not name.startswith("~"):
                self.look_at_place(name)
        self.before = assignment
        if self.looks % 8 == 0:
            files.read_copy(self.group)
            self.look_for_scratch()

    def read_assignment(self):
        for _ in range(3):
            assignment = files.read_assignment(self.group)
            if assignment is not None:
                break
        self.note_torn("lock", assignment is None)
        if assignment:
            for key, row in assignment[1].items():
                if self.rows.get(key) != row:
                    self.trace("%s-%d: %s" % (*key, row))
                    self.tenures.setdefault(key, []).append(
                        (time.monotonic(), row[0]))
            self.rows = assignment[1]
        return assignment

    def note_torn(self, name, is_torn):
        if not is_torn:
            self.torn.pop(name, None)
            return
        since = self.torn.setdefault(name, time.monotonic())
        if time.monotonic() - since > TORN_SECONDS:
            self.wrong.append("%s: not valid for %d s" % (name, TORN_SECONDS))
            self.torn[name] = float("inf")

    def look_for_scratch(self):
        now = time.monotonic()
        names = files.scratch_names(self.group)
        self.scratch = {name: self.scratch.get(name, now) for name in names}

    def left_scratch(self, seconds):
        """Half made files that have been there for so long."""
        now = time.monotonic()
        return [name for name, since in self.scratch.items()
                if now - since > seconds and os.path.exists(name)]

    def look_at_place(self, name):
        data = files.read_file(os.path.join(self.group, "places", name))
        if self.bytes.get(name) == data:
            return
        places = files.parse_places(data)
        self.note_torn(name, not places)
        if not places:
            return
        self.bytes[name] = data
        topic, _, partition = name.rpartition("-")
        self.take_place((topic, int(partition)), places)

    def take_place(self, key, places):
        best = places[-1]
        samples = self.samples.setdefault(key, [])
        if samples:
            last = samples[-1].place
            self.judge_move(key, last, best)
            self.fresh += [(key, place) for place in places
                           if place.seq > last.seq]
        self.trace("%s-%d: place %d, seq %d of %s, generation %d" % (
            *key, best.offset, best.seq, best.member, best.generation))
        samples.append(Sample(time.monotonic(), best))
        if key not in self.ends:
            self.ends[key] = files.LogEnd(os.path.join(self.log, key[0],
                                                       str(key[1])))
        end = self.ends[key].look()
        if best.offset > end:
            self.wrong.append("%s-%d: place %d is beyond the log's end, %d" %
                              (*key, best.offset, end))

    def judge_move(self, key, last, best):
        text = "%s-%d: " % key + "%r after %r" % (best, last)
        if best.seq == last.seq and best != last:
            self.wrong.append("the same seq again: " + text)
        if best.seq < last.seq or best.offset < last.offset:
            self.wrong.append("moved back: " + text)
        if best.generation < last.generation:
            self.wrong.append("an older generation: " + text)
        if best.topic_id != last.topic_id:
            self.wrong.append("another topic: " + text)

    def judge_committers(self, after):
        """
        Where the assignment was the same before and after, all that was
        committed meanwhile is the owners'.
        """
        before, fresh, self.fresh = self.previous, self.fresh, []
        self.previous = self.before
        if not before or not after or before[0] != after[0]:
            return
        for key, place in fresh:
            row = before[1].get(key, ("", ""))
            if row != after[1].get(key, ("", "")):
                continue
            self.judged += 1
            if files.member_name(row[0]) != place.member:
                self.wrong.append("%s-%d: %r was committed while '%s' was the "
                                  "owner" % (*key, place, row[0]))

    previous = None  # the assignment before that
