"""Who takes part: each is a process, is hit, and is begun again."""

import json
import os
import re
import signal
import time

import members

STOP_SECONDS = (0.001, 0.06)
LONG_STOP_SECONDS = (1.5, 4)    # a member is taken for dead after 1 to 2
LONG_STOPS = 0.04               # of a member's
TOPICS = {"events": 2, "jobs": 2, "table": 2}  # and their partitions
SHARES = (("events", 0.8), ("jobs", 0.1), ("table", 0.1))
KILLED = -signal.SIGKILL
FULL = re.compile(r"no space left|no room|is full|bound of", re.I)
SPARED = 0.4                    # of who compacts
HELD = "append lock is held"
DONE = re.compile(r"; (\d+) lines? (?:is|are) done")


def tool(stage, name):
    return os.path.join(os.path.dirname(stage.programs), "chaos", name)


def read_text(path):
    with open(path, "r", errors="replace", encoding="utf-8") as file:
        return file.read()


class Slot:
    """One place in the cast; whoever had it before is over."""

    name = ""

    def __init__(self, chaos, number):
        self.chaos = chaos
        self.stage = chaos.stage
        self.random = chaos.random
        self.number = number
        self.lives = 0
        self.process = None
        self.killed = False
        self.begun = 0.0
        self.rests = 0.0  # begins no sooner than then

    def path(self, kind):
        return os.path.join(self.stage.path, "%s.%s%d" % (kind, self.name,
                                                          self.number))

    def look(self, now):
        """Notice an end, and begin again."""
        if self.process is not None and self.has_ended():
            process, self.process = self.process, None
            self.end(process.returncode)
        if self.process is None and now >= self.rests and self.may_begin():
            self.lives += 1
            self.killed = False
            self.begun = now
            self.begin()

    def has_ended(self):
        return self.process.poll() is not None

    def may_begin(self):
        return not self.chaos.over

    def expect(self, status, said, *statuses):
        """Is it an end that the situation explains?"""
        self.chaos.ends[self.name, status] += 1
        self.chaos.kills += status == KILLED
        if status == KILLED and self.killed or status in statuses:
            return
        self.chaos.complain("%s %d ended with %d: %s", self.name, self.number,
                            status, said.strip()[-400:])

    def targets(self):
        """(slot, pid) of each who can be hit."""
        return [(self, self.process.pid)] if self.process is not None else []

    def hit(self, pid, is_kill):
        """Kill; or stop, and for how long."""
        os.kill(pid, signal.SIGKILL if is_kill else signal.SIGSTOP)
        if is_kill and pid == self.process.pid:
            self.killed = True
        return None if is_kill else self.random.uniform(*STOP_SECONDS)


class Appender(Slot):
    """Run after run: some thousand events to one topic or another."""

    name = "appender"

    def begin(self):
        topic = self.random.choices([name for name, _ in SHARES],
                                    [share for _, share in SHARES])[0]
        if self.chaos.is_behind(topic):
            topic = "jobs" if topic == "events" else "events"
        if self.chaos.is_behind(topic):
            self.rests = time.monotonic() + 0.02
            self.lives -= 1
            return
        count, how, sync = self.plan()
        words = ["append", "--receipt", "--no-create"]
        if sync:
            words += ["--sync", sync]
        if topic == "table":
            # Each writer has keys of its own, in one partition.
            words += ["-k", "k", "-p", str(self.number % TOPICS[topic])]
        elif self.random.random() < 0.5:
            words += ["-p", str(self.random.randrange(TOPICS[topic]))]
        self.run = Run(topic, self.number, self.lives, count)
        with open(self.path("said"), "wb") as said, \
                open(self.path("receipts"), "wb") as receipts:
            self.process = self.stage.spawn(
                [tool(self.stage, "feed"), str(self.number), str(self.lives),
                 str(count), "key" if topic == "table" else "plain", *how,
                 *self.stage.command(*words, topic)],
                stdout=receipts, stderr=said, env=self.chaos.environment)

    def plan(self):
        """How many events, how they come, and how they are synced."""
        if self.random.random() < 0.15:
            count = self.random.choice([1, 20, 100])
            return count, [str(self.random.choice([1, 7])), "200"], "each"
        count = int(self.random.choice([2, 10, 20, 40]) * 1000 *
                    self.random.random()) + 1
        sync = self.random.choice(["batch", "batch", "exit", None])
        if self.random.random() < 0.2:
            return count, [str(self.random.choice([500, 2000])), "500"], sync
        return count, ["file"], sync

    def end(self, status):
        said = read_text(self.path("said"))
        run = self.run
        run.take_receipts(self.path("receipts"))
        run.status = status
        self.chaos.runs[run.writer, run.number] = run
        self.chaos.sent += run.sent
        statuses = [0]
        if FULL.search(said) and self.chaos.was_full(self.begun):
            statuses.append(75)
        if HELD in said and self.chaos.was_stalled(self.begun):
            statuses.append(75)
        self.expect(status, said, *statuses)
        told = DONE.search(said)
        if told and int(told[1]) != run.acked:
            self.chaos.complain("writer %d run %d: told that %s lines are "
                                "done, receipts for %d", run.writer,
                                run.number, told[1], run.acked)
        if status == 0 and run.acked != run.sent:
            self.chaos.complain("writer %d run %d: exit 0, receipts for %d "
                                "of %d", run.writer, run.number, run.acked,
                                run.sent)


class Run:
    """What one appender was given, and what it said of it."""

    def __init__(self, topic, writer, number, sent):
        self.topic = topic
        self.writer = writer
        self.number = number
        self.sent = sent
        self.receipts = []  # (partition, offset, first sequence, count)
        self.acked = 0
        self.status = None

    def take_receipts(self, path):
        with open(path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break  # it was killed
                row = json.loads(line)
                if row["topic"] != self.topic or not row["synced"]:
                    raise ValueError("a receipt of another: %r" % row)
                self.receipts.append((row["partition"], row["first_offset"],
                                      self.acked, row["count"]))
                self.acked += row["count"]


class Holder(Appender):
    """One appender that is never killed: what does it hold in the end?"""

    name = "holder"

    def plan(self):
        return 1 << 23, ["20", "10000"], "batch"

    def hit(self, pid, is_kill):
        return super().hit(pid, False)


class Follower(Slot):
    """`streamlog-tail -f` of one partition, and who looks at its output."""

    name = "follower"

    def __init__(self, chaos, number):
        super().__init__(chaos, number)
        self.next = 0
        self.seer = None
        self.seer_killed = False

    def selection(self):
        return ["-p", str(self.number), "-o", str(self.next)]

    def may_begin(self):
        return super().may_begin() or not self.chaos.is_read

    def begin(self):
        self.mark("N %d" % self.next)
        ours, theirs = os.pipe()
        with open(self.path("said"), "ab") as said:
            self.process = self.stage.start(
                "tail", "-f", "-J", *self.selection(), "events", stdout=theirs,
                stderr=said)
            self.seer = self.stage.spawn(
                [tool(self.stage, "see"), self.path("seen")], stdin=ours,
                stderr=said)
        self.seer_killed = False
        os.close(ours)
        os.close(theirs)

    def mark(self, text):
        with open(self.path("seen"), "a", encoding="ascii") as file:
            file.write("\n" + text + "\n")

    def has_ended(self):
        """Its reader, too, which comes to the end of the pipe then."""
        return super().has_ended() and self.seer.poll() is not None

    def end(self, status):
        self.chaos.kills += self.seer.returncode == KILLED
        if self.seer.returncode != 0 and not self.seer_killed:
            self.chaos.complain("see: %d", self.seer.returncode)
        self.next = self.seen()
        if self.killed or self.seer_killed:
            self.mark("K")
        self.expect(status, read_text(self.path("said")),
                    *self.chaos.ends_of_readers,
                    *((0, 3) if self.seer_killed else ()))

    def seen(self):
        """The offset behind the last span."""
        with open(self.path("seen"), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            for line in reversed(file.read().split(b"\n")[:-1]):
                words = line.split()
                if len(words) == 7:
                    return int(words[2]) + int(words[6])
                if words and words[0] == b"N":
                    return int(words[1])
        return self.next

    def targets(self):
        if self.process is None:
            return []
        return [(self, self.process.pid), (self, self.seer.pid)]

    def hit(self, pid, is_kill):
        if is_kill and pid == self.seer.pid:
            self.seer_killed = True
        return super().hit(pid, is_kill)


class Watcher(Follower):
    """One follower of all partitions that is never killed."""

    name = "watcher"

    def selection(self):
        return ["-o", "beginning"]

    def hit(self, pid, is_kill):
        return super().hit(pid, False)


class Compactor(Slot):
    """Some come to the end of their work."""

    name = "compactor"

    def begin(self):
        self.is_spared = self.random.random() < SPARED
        which = self.random.choice([["--all"], ["events", "jobs", "table"],
                                    ["table"]])
        with open(self.path("said"), "wb") as said:
            self.process = self.stage.start("compact", "-q", *which,
                                            stderr=said)

    def end(self, status):
        said = read_text(self.path("said"))
        statuses = [0]
        if "another process is cleaning" in said:
            statuses.append(75)
        elif FULL.search(said) and self.chaos.was_full(self.begun):
            statuses += [74, 75]
        self.expect(status, said, *statuses)
        self.rests = time.monotonic() + self.random.uniform(0, 0.2)

    def hit(self, pid, is_kill):
        return super().hit(pid, is_kill and not self.is_spared)


class Member(members.Member):
    """A member whose command is `see`."""

    def begin(self, arguments, handler_options, said):
        self.process = self.stage.start(
            "tail", *arguments, "-J", *self.words, "--", *handler_options,
            stderr=said, env=self.environment)


class Seat(Slot):
    """One member of the group after another."""

    name = "member"

    def may_begin(self):
        return not self.chaos.is_read

    def begin(self):
        options = ["--session-timeout", "1s", "--batch",
                   self.random.choice(["500", "5000", "20000"])]
        number = "%d.%d" % (self.number, self.lives)
        self.asleep_until = 0.0
        self.member = Member(
            self.stage, number, "command", list(TOPICS), options, group="g",
            handler_options=[tool(self.stage, "see"), self.path("seen")])
        self.process = self.member.process
        self.chaos.members.append(self.member)
        self.command_killed = False

    def end(self, status):
        self.member.finish(0)
        said = read_text(self.member.said)
        statuses = [*self.chaos.ends_of_readers]
        if self.command_killed:
            statuses.append(128 + signal.SIGKILL)
            self.chaos.kills += status == 128 + signal.SIGKILL
        if FULL.search(said) and self.chaos.was_full(self.begun):
            statuses += [74, 75]
        self.expect(status, said, *statuses)

    def targets(self):
        """None while it sleeps until the others take it for dead."""
        if self.process is None or time.monotonic() < self.asleep_until:
            return []
        found = [(self, self.process.pid)]
        return found + [(self, pid) for pid in self.member.commands()]

    def hit(self, pid, is_kill):
        seconds = super().hit(pid, is_kill)
        if pid != self.process.pid:
            self.command_killed |= is_kill
        elif seconds and self.random.random() < LONG_STOPS:
            seconds = self.random.uniform(*LONG_STOP_SECONDS)
            now = time.monotonic()
            self.asleep_until = now + seconds
            self.member.stops.append([now, now + seconds])
        return seconds
