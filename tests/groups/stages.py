"""The scene `command`: each stage of a pipeline is killed, again and again."""

import collections
import os
import signal
import subprocess
import time

import judge
from members import Member, Writer
from witness import Witness

PATIENCE = 60
KILLS_A_SECOND = 2  # fewer are no test
MEMBERS = 3
TOPICS = {"jobs": 3, "mail": 1}


class Kitchen:
    """Members whose commands take a while, and who kills them."""

    def __init__(self, stage):
        self.stage = stage
        self.random = stage.random
        self.members = []
        self.wrong = []
        self.counts = collections.Counter()
        for topic, partitions in TOPICS.items():
            stage.run("topic", "create", "--partitions", str(partitions),
                      "--set", "segment.bytes=16KiB", topic)
        self.witness = Witness(os.path.join(stage.log, "@groups", "g"),
                               stage.log)
        stage.trace = self.witness.trace
        self.writer = Writer(stage, 0, TOPICS, 0.02)

    def join(self):
        batch = self.random.choice(["1", "10", "1000"])
        environment = {"HANDLER_US": str(self.random.choice(
            [0, 2000, 20000]))}
        member = Member(self.stage, len(self.members), "command",
                        ["jobs", "mail"], ["--batch", batch],
                        environment=environment)
        member.expected = set()
        self.members.append(member)

    def alive(self):
        return [m for m in self.members
                if not m.expected and m.process.poll() is None]

    def kill_one(self):
        member = self.random.choice(self.alive())
        stage = self.random.choice(["tail", "command", "writer", "all"])
        killed = 0
        if stage in ("command", "all") and member.kill_command():
            killed += 1
            member.expected = {128 + signal.SIGKILL}
        if stage in ("tail", "all"):
            # Where the command went first, its status may have come first.
            killed += 1
            member.expected = {-signal.SIGKILL, *member.expected}
            member.kill()
        if stage in ("writer", "all"):
            killed += self.writer.kill()
        if stage == "command" and killed:
            killed = self.has_ended(member)
        self.counts[stage] += killed > 0

    @staticmethod
    def has_ended(member):
        """False: its command had ended before it was killed."""
        try:
            member.process.wait(1)
            return True
        except subprocess.TimeoutExpired:
            member.expected = set()
            member.command_killed = None
            return False

    def run(self, seconds):
        begun = time.monotonic()
        self.witness.start()
        self.writer.start()
        while time.monotonic() - begun < seconds:
            while len(self.alive()) < MEMBERS:
                self.join()
            time.sleep(self.random.uniform(0, 0.1))
            if self.alive():
                self.kill_one()
        self.writer.over.set()
        self.writer.join()
        self.wrong += self.writer.wrong
        for member in self.alive():
            member.leave()
            member.expected = {-signal.SIGTERM}
        for member in self.members:
            self.check_end(member)
        self.join()
        last = self.members[-1]
        last.expected = {-signal.SIGTERM}
        self.await_end_of_log()
        last.leave()
        self.check_end(last)
        self.witness.over.set()
        self.witness.join()
        self.wrong += self.witness.wrong

    def await_end_of_log(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            time.sleep(0.1)
            lags = {key: end.look() - self.witness.samples[key][-1].place.offset
                    for key, end in self.witness.ends.items()}
            if lags and not any(lags.values()):
                return
        self.wrong.append("lag: %r" % lags)

    def check_end(self, member):
        status = member.finish(PATIENCE)
        if status not in (member.expected or {0}):
            self.wrong.append("member %d: ended with %d: %s" % (
                member.number, status, member.last_words()))


def command(stage, tally):
    kitchen = Kitchen(stage)
    kitchen.run(stage.seconds)
    kills = sum(kitchen.counts.values())
    print("# command: killed in %d s: %s" % (stage.seconds, ", ".join(
        "%d %s" % (count, name)
        for name, count in sorted(kitchen.counts.items()))))
    tally.check("command: enough was killed", []
                if kills >= KILLS_A_SECOND * int(stage.seconds)
                else ["%d in %d s" % (kills, stage.seconds)])
    tally.check("command: each ends as it should", kitchen.wrong)
    history = judge.History(stage.log, TOPICS)
    for member in kitchen.members:
        history.check_order(history.read(member), 45)
    history.check_appended(kitchen.writer.runs)
    history.check_all_handled()
    tally.check("command: each of %d events was handled, in order" %
                history.events, history.wrong)
    history.wrong = []
    history.check_commits(kitchen.witness.samples)
    tally.check("command: each batch was handled to its end before its commit",
                history.wrong)
    history.wrong = []
    repeats = history.check_repeats(kitchen.witness.samples, 45)
    tally.check("command: only what was not committed is repeated (%d events)" %
                repeats, history.wrong)
