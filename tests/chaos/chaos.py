"""The chaos itself: all work at once, and someone is always hit."""

import collections
import glob
import os
import signal
import time

from actors import PATIENCE
from cast import (Appender, Compactor, Follower, Holder, Seat, TOPICS,
                  Watcher, tool)
import cast
from disk import Filler
import files
from witness import Witness

APPENDERS = 8
MEMBERS = 4
HIT_SECONDS = (0.005, 0.010)
KILLS = 0.4              # of all hits; the others are stops
LOOK_SECONDS = 0.05
STALL_SECONDS = 4        # we slept ourselves: so did who was stopped
LAG_MOST = {"events": 200000, "jobs": 100000, "table": 50000}
SPRINTS = 0.05           # of the time nobody cares how far readers are
SPRINT_SECONDS = 1
DRAIN_SECONDS = 60
SETTINGS = {
    "events": ["retention.total.bytes=48MiB", "file.delete.delay.ms=2s"],
    # A queue: what the group has read may go, and nothing else.
    "jobs": ["retention.ms=0", "retention.bytes=16MiB", "on.full=refuse",
             "segment.bytes=1MiB", "file.delete.delay.ms=0"],
    "table": ["cleanup.policy=compact", "segment.bytes=256KiB",
              "min.cleanable.dirty.ratio=0.2"],
}
RUNTIME = "runtime"
LAST_EVENTS = 6  # that each partition gets after all


class Chaos:
    def __init__(self, stage, disk):
        self.stage = stage
        self.random = stage.random
        self.over = self.is_read = False
        self.wrong = []
        self.runs = {}     # (writer, run): Run
        self.members = []
        self.sent = 0
        self.ends = collections.Counter()
        self.kills = self.stops = 0
        self.asleep = []   # (when it wakes, pid)
        self.ends_of_readers = []
        self.seconds = 0.0
        self.stalled = 0.0  # until then we were
        self.words = 0      # of group commit, at most
        self.sprints = False
        self.sprint_until = 0.0
        self.lags = dict.fromkeys(TOPICS, 0)
        self.sizes = {}    # what: [(descriptors, resident KiB)]
        self.make_topics()
        self.filler = Filler(disk, self.random)
        self.witness = Witness(os.path.join(stage.log, "@groups", "g"),
                               stage.log)
        stage.trace = lambda _: None
        self.logs = {(topic, partition): files.LogEnd(
            os.path.join(stage.log, topic, str(partition)))
            for topic, count in TOPICS.items() for partition in range(count)}
        self.followers = [Follower(self, number) for number in range(2)]
        self.watcher = Watcher(self, 0)
        self.holder = Holder(self, APPENDERS)
        self.seats = [Seat(self, number) for number in range(MEMBERS)]
        self.writers = [Appender(self, number) for number in range(APPENDERS)]
        self.compactor = Compactor(self, 0)
        self.slots = [*self.seats, *self.followers, self.watcher, self.holder,
                      *self.writers, self.compactor]

    def make_topics(self):
        runtime = os.path.join(self.stage.path, RUNTIME)
        os.mkdir(runtime, 0o700)
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=runtime)
        for topic, count in TOPICS.items():
            words = [word for setting in SETTINGS[topic]
                     for word in ("--set", setting)]
            self.must("topic", "create", "--partitions", str(count), *words,
                      topic)
        self.must("topic", "alter", "--set", "retention.protect.groups=g",
                  "jobs")

    def must(self, program, *arguments, text=b""):
        done = self.stage.run(program, *arguments, text=text)
        if done.returncode != 0:
            self.complain("%s %s: exit %d: %s", program, " ".join(arguments),
                          done.returncode, done.stderr.decode().strip())
        return done

    def complain(self, text, *values):
        self.wrong.append(text % values)

    def was_full(self, since):
        return self.filler.was_full(since)

    def was_stalled(self, since):
        return self.stalled >= since

    # ---- So that retention doesn't take all before it is read ----

    def is_behind(self, topic):
        return self.lags[topic] > LAG_MOST[topic] and not self.sprints

    def look_at_lags(self, now):
        if now >= self.sprint_until:
            self.sprint_until = now + SPRINT_SECONDS
            self.sprints = self.random.random() < SPRINTS
        lags = dict.fromkeys(TOPICS, 0)
        for (topic, partition), log in self.logs.items():
            end = log.look()
            samples = self.witness.samples.get((topic, partition))
            read = [samples[-1].place.offset if samples else 0]
            if topic == "events":
                read.append(self.followers[partition].seen())
            lags[topic] = max(lags[topic], end - min(read))
        self.lags = lags

    # ---- Hitting ----

    def wake(self, now):
        for when, pid in self.asleep:
            if when <= now:
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass  # it was killed in its sleep
        self.asleep = [(when, pid) for when, pid in self.asleep if when > now]

    def hit(self):
        """Kill one of all who are there, or stop it for a while."""
        slot = self.random.choice(self.slots)
        targets = slot.targets()
        if not targets:
            return
        slot, pid = self.random.choice(targets)
        is_kill = self.random.random() < KILLS
        try:
            seconds = slot.hit(pid, is_kill)
        except ProcessLookupError:
            return  # a command that was over meanwhile
        if seconds:
            self.stops += 1
            self.asleep.append((time.monotonic() + seconds, pid))

    def words_left(self):
        """Where those meet who sync together."""
        return glob.glob(os.path.join(self.stage.path, RUNTIME, "streamlog",
                                      "*"))

    def measure(self, slot):
        """What one that is never killed holds."""
        if slot.process is None:
            return
        path = "/proc/%d/" % slot.process.pid
        try:
            with open(path + "statm", encoding="ascii") as file:
                pages = int(file.read().split()[1])
            count = len(os.listdir(path + "fd"))
        except OSError:
            return
        self.sizes.setdefault(slot.name, []).append(
            (count, pages * os.sysconf("SC_PAGE_SIZE") // 1024))

    def look(self, now):
        self.wake(now)
        for slot in self.slots:
            slot.look(now)

    def play(self, is_enough):
        """Until it `is_enough`: called with the seconds so far."""
        self.witness.start()
        begun = time.monotonic()
        hits = looks = begun + 1  # all have begun by then
        while True:
            now = time.monotonic()
            if now - begun - self.seconds > STALL_SECONDS:
                self.stalled = now
            self.seconds = now - begun
            if is_enough(self):
                break
            self.look(now)
            if now >= looks:
                looks = now + LOOK_SECONDS
                self.filler.look(now)
                self.look_at_lags(now)
                self.words = max(self.words, len(self.words_left()))
                self.measure(self.watcher)
                self.measure(self.holder)
            while now >= hits:
                hits += self.random.uniform(*HIT_SECONDS)
                self.hit()
            time.sleep(0.002)

    # ---- Quiet ----

    def until(self, what, is_done, seconds=DRAIN_SECONDS):
        deadline = time.monotonic() + seconds
        while not is_done():
            now = time.monotonic()
            if now > deadline:
                self.complain("%s: not within %d s", what, seconds)
                return
            self.look(now)
            time.sleep(0.005)

    def is_drained(self):
        self.look_at_lags(time.monotonic())
        return not any(self.lags.values())

    def calm(self):
        """All end their work, and nobody is hit any more."""
        self.over = True
        self.filler.end()
        self.wake(float("inf"))
        if self.holder.process is not None:
            self.holder.process.terminate()
            self.holder.expect = self.expect_of_holder
        self.until("the last runs", lambda: not any(
            slot.process for slot in (*self.writers, self.holder,
                                      self.compactor)))
        self.until("the group and the followers come to the end",
                   self.is_drained)
        self.is_read = True
        self.ends_of_readers = [-signal.SIGTERM]
        for slot in (*self.seats, *self.followers, self.watcher):
            if slot.process is not None:
                slot.process.terminate()
        self.until("the readers' end", lambda: not any(
            slot.process for slot in self.slots), PATIENCE)
        self.witness.over.set()
        self.witness.join()

    def expect_of_holder(self, status, said, *_):
        self.ends["holder", status] += 1
        if status != -signal.SIGTERM:
            self.complain("holder: %d: %s", status, said.strip())

    def append_last(self):
        """The next append to each partition works, without a manual step."""
        number = 0
        for topic, count in TOPICS.items():
            for partition in range(count):
                for _ in range(2):
                    number += 1
                    self.append_one(topic, partition, number,
                                    LAST_EVENTS // 2)

    def append_one(self, topic, partition, number, count):
        writer = self.holder.number + 1 + partition
        run = cast.Run(topic, writer, number, count)
        path = os.path.join(self.stage.path, "last")
        keys = ["-k", "k"] if topic == "table" else []
        with open(path, "wb") as receipts, open(path + ".said", "wb") as said:
            process = self.stage.spawn(
                [tool(self.stage, "feed"), str(writer), str(number),
                 str(count), "key" if keys else "plain", "file",
                 *self.stage.command("append", "--receipt", "--sync", "each",
                                     "-p", str(partition), *keys, topic)],
                stdout=receipts, stderr=said, env=self.environment)
        status = process.wait(PATIENCE)
        run.take_receipts(path)
        run.status = status
        self.runs[writer, number] = run
        if status != 0 or run.acked != count:
            self.complain("an append after all: exit %d: %s", status,
                          cast.read_text(path + ".said"))
