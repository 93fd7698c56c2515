"""The scene `pipeline`: stdout into a pipe, a file, with acknowledgements, and
without a commit; a stage is killed each run, and what stands is compared."""

import collections
import json
import os
import signal
import time

import files
import oracle
from members import Member

PATIENCE = 20
KILLS_A_SECOND = 2


class Line:
    """One topic of one partition, its group's place, and what was handled."""

    def __init__(self, stage, kind, number, counts):
        self.stage = stage
        self.random = stage.random
        self.kind = kind
        self.counts = counts
        self.topic = "%s%d" % (kind, number)
        self.group = self.topic
        self.wrong = []
        self.sent = 0
        self.runs = 0
        self.torn = 0
        self.output = os.path.join(stage.path, self.topic + ".out")
        self.taken = set()  # offsets that a reader took
        stage.run("topic", "create", "--set", "segment.bytes=64KiB",
                  self.topic)

    def append(self, count):
        lines = [oracle.event(0, 1, self.sent + i, "x" *
                              self.random.randrange(300))
                 for i in range(count)]
        done = self.stage.run("append", "--no-create", self.topic,
                              text=b"\n".join(lines) + b"\n")
        if done.returncode != 0:
            raise RuntimeError("append: %r" % done)
        self.sent += count

    def log(self):
        path = os.path.join(self.stage.log, self.topic, "0")
        return oracle.read_partition(path)[0]

    def envelopes(self):
        return oracle.envelopes(self.topic, self.log()).splitlines(True)

    def place(self):
        path = os.path.join(self.stage.log, "@groups", self.group, "places",
                            self.topic + "-0")
        if not os.path.exists(path):
            return 0
        return files.parse_places(files.read_file(path))[-1].offset

    def complain(self, text, *values):
        self.wrong.append("%s, run %d: " % (self.topic, self.runs) +
                          text % values)

    def start(self, mode, options, handler_options=()):
        member = Member(self.stage, "%s.%d" % (self.topic, self.runs), mode,
                        [self.topic], options, handler_options=handler_options,
                        group=self.group)
        self.runs += 1
        return member

    # ---- One run of each kind ----

    def through_pipe(self):
        """A pipe: what the reader has taken out is committed, and no more."""
        start = self.place()
        member = self.start("pipe", [], [self.random.choice([0, 300, 3000])])
        time.sleep(self.random.uniform(0, 0.15))
        stage = self.disturb(member)
        member.process.wait(PATIENCE)
        os.waitid(os.P_PID, member.reader.pid, os.WEXITED | os.WNOWAIT)
        taken = self.bytes_taken(member)
        member.finish(PATIENCE)
        lines = self.envelopes()[start:]
        count = 0
        while count < len(lines) and taken >= len(lines[count]):
            taken -= len(lines[count])
            count += 1
        place = self.place()
        if place > start + count:
            self.complain("%s killed: the place is %d, but the reader took "
                          "%d events from %d", stage, place, count, start)
        if place < start + count and stage in ("reader", "leave"):
            self.complain("%s: the place is only %d, though the reader took "
                          "%d events from %d: %s", stage, place, count, start,
                          member.last_words())
        self.taken.update(range(start, start + count))

    @staticmethod
    def bytes_taken(member):
        """How much of the pipe its reader read, which is dead by now."""
        with open("/proc/%d/io" % member.reader.pid, encoding="ascii") as file:
            read = int(file.readline().split()[1])
        if not os.path.exists(member.record):
            return 0
        for line in files.read_file(member.record).split(b"\n"):
            if line.startswith(b"R "):
                return read - int(line[2:])
        return 0

    def with_acks(self):
        """Acknowledgements: nothing is committed that was not recorded."""
        start = self.place()
        member = self.start("ack", ["--max-unacked", self.random.choice(
            ["1", "50", "10000"])], [self.random.choice([0, 300, 3000])])
        time.sleep(self.random.uniform(0, 0.15))
        stage = self.disturb(member)
        member.finish(PATIENCE)
        offsets = self.recorded(member.record)
        self.taken.update(offsets)
        missing = set(range(start, self.place())) - offsets
        if missing:
            self.complain("%s killed: the place is %d, but of those from %d "
                          "%d were not recorded, first %d", stage,
                          self.place(), start, len(missing), min(missing))

    def recorded(self, path):
        """Offsets of whole lines that are what the log holds."""
        lines = self.envelopes()
        offsets = set()
        if not os.path.exists(path):
            return offsets
        # Behind the last newline stands what is being written, or was torn.
        for line in files.read_file(path).split(b"\n")[:-1]:
            if not line.startswith(b"{"):
                continue
            offset = json.loads(line)["offset"]
            if lines[offset] != line + b"\n":
                self.complain("torn or wrong: %r", line)
            offsets.add(offset)
        return offsets

    def into_file(self):
        """A file: all that is committed is there, in whole lines."""
        member = self.start("file", [], [self.output])
        time.sleep(self.random.uniform(0, 0.05))
        stage = self.random.choice(["tail", "tail", "leave"])
        self.end(member, stage)
        self.torn += stage == "tail"
        self.counts["file " + stage] += 1
        member.finish(PATIENCE)
        self.check_file()

    def check_file(self):
        lines = self.envelopes()
        data = files.read_file(self.output)
        for line in data.split(b"\n"):
            whole = line + b"\n"
            if whole in lines_of(self, lines):
                self.taken.add(self.index[whole])
            elif line:
                self.torn -= 1
                if not any(other.startswith(line) for other in lines):
                    self.complain("no event and no part of one: %r", line)
        missing = set(range(self.place())) - self.taken
        if missing:
            self.complain("committed to %d, and %d are not there: %d ...",
                          self.place(), len(missing), min(missing))

    index = {}

    def without_commit(self):
        """--no-commit: the place stays; FILE says what the reader took."""
        start = self.place()
        path = os.path.join(self.stage.path, self.topic + ".places")
        if os.path.exists(path):
            os.unlink(path)
        member = self.start("pipe", ["--no-commit", "--print-place", path],
                            [self.random.choice([0, 300])])
        time.sleep(self.random.uniform(0, 0.15))
        stage = self.disturb(member)
        status = member.finish(PATIENCE)
        if self.place() != start:
            self.complain("the place went from %d to %d", start, self.place())
        self.taken.update(self.recorded(member.record))
        if not os.path.exists(path):
            if stage == "leave" and status == -signal.SIGTERM:
                pass  # nothing was taken, or it had not joined yet
            return
        for line in files.read_file(path).splitlines():
            said = json.loads(line)
            if set(said) != {"topic", "topic_id", "partition", "offset"}:
                self.complain("--print-place: %r", line)
            missing = set(range(start, said["offset"])) - self.taken
            if stage != "reader" and missing:
                self.complain("%s: --print-place %r, but %d were not taken",
                              stage, line, min(missing))

    # ---- Killing ----

    def disturb(self, member):
        stage = self.random.choice(["tail", "reader", "both", "leave"])
        self.end(member, stage)
        self.counts["%s %s" % (self.kind, stage)] += 1
        return stage

    def end(self, member, stage):
        if stage in ("tail", "both"):
            member.kill()
        if stage in ("reader", "both"):
            member.reader.kill()
        if stage == "leave":
            member.leave()

    # ---- All of it ----

    def run_once(self):
        if self.sent - self.place() < 2000:
            self.append(self.random.choice([1, 300, 3000]))
        {"pipe": self.through_pipe, "ack": self.with_acks,
         "file": self.into_file, "print": self.without_commit}[self.kind]()

    def read_rest(self):
        """A last, bounded run takes all that is left."""
        start = self.place()
        member = Member(self.stage, self.topic + ".last", "ack" if self.kind ==
                        "ack" else "pipe", [self.topic], follows=False,
                        group=self.group)
        status = member.finish(3 * PATIENCE)
        offsets = self.recorded(member.record)
        if status != 0 or offsets != set(range(start, self.sent)):
            self.complain("the last run: exit %d, %d events from %d: %s",
                          status, len(offsets), start, member.last_words())
        if self.place() != self.sent:
            self.complain("the place is %d in the end", self.place())
        lost = set(range(self.sent)) - self.taken - offsets
        if lost:
            self.complain("%d events were never taken: %d ...", len(lost),
                          min(lost))
        return self.wrong


def lines_of(line, lines):
    """The log's lines by their text, for many questions."""
    if len(line.index) != len(lines):
        line.index = {text: offset for offset, text in enumerate(lines)}
    return line.index


NAMES = {"pipe": "into a pipe: no more is committed than was taken, and all of "
                 "it where the reader was killed",
         "ack": "--ack-fd: only what was acknowledged is committed",
         "file": "into a file: what is committed is there, whole lines",
         "print": "--no-commit: the place stays, --print-place says what was "
                  "taken"}


def pipeline(stage, tally):
    counts = collections.Counter()
    lines = [Line(stage, kind, 0, counts) for kind in NAMES]
    deadline = time.monotonic() + stage.seconds
    while time.monotonic() < deadline:
        for line in lines:
            line.run_once()
    print("# pipeline: killed in %d s: %s; %d events" % (
        stage.seconds, ", ".join("%d %s" % (count, name) for name, count in
                                 sorted(counts.items())),
        sum(line.sent for line in lines)))
    tally.check("pipeline: enough was killed", []
                if sum(counts.values()) >= KILLS_A_SECOND * int(stage.seconds)
                else [repr(counts)])
    for line in lines:
        tally.check("pipeline: " + NAMES[line.kind], line.read_rest())
