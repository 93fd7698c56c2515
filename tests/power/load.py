"""The programs that run when the power goes, and what they said until then."""

import json
import os
import re
import select
import signal
import subprocess
import time

PIPE_BYTES = 1 << 16
FIRST_WORD_S = 2  # it is awaited no longer
ENVELOPE = re.compile(
    rb'\{"topic":"([^"]+)","partition":(\d+),"offset":(\d+),"ts":\d+'
    rb'(?:,"key":"[^"]*")?(?:,"headers":\{"id":"([^"]*)"\})?,"payload":(.*)\}')
HANDED = re.compile(rb"@ (\S+) (\d+) (\d+) (\d+)")
HAND_ON = ('echo "@ $STREAMLOG_TOPIC $STREAMLOG_PARTITION $STREAMLOG_OFFSET '
           '$STREAMLOG_COUNT"; exec cat')


def tombstone(identity):
    """Its token: how its header stands in a record."""
    return b"~\x02\x04id%c%s" % (2 * len(identity), identity)


class Program:
    """One of them; all are in one process group, to be killed at once."""

    def __init__(self, name, words, env, group, fed=False):
        self.name = name
        self.process = subprocess.Popen(
            words, env=env, process_group=group, stdout=subprocess.PIPE,
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        self.pid = self.process.pid
        self.streams = {"out": self.process.stdout, "err": self.process.stderr}
        for stream in self.streams.values():
            os.set_blocking(stream.fileno(), False)
        if fed:
            os.set_blocking(self.process.stdin.fileno(), False)
        self.said = {"out": b"", "err": b""}
        self.before = 0  # how much of it was said before the cut
        self.status = None

    def drain(self):
        """Read what it said, up to now."""
        for name, stream in self.streams.items():
            try:
                while True:
                    part = os.read(stream.fileno(), PIPE_BYTES)
                    if not part:
                        break
                    self.said[name] += part
            except BlockingIOError:
                pass

    def count(self):
        """What comes from now on may be of after the cut."""
        self.drain()
        self.before = len(self.said["out"])

    def told(self):
        """Its whole lines of before the cut."""
        return self.said["out"][:self.before].split(b"\n")[:-1]

    def end(self, status):
        """So that subprocess doesn't wait for it, too."""
        self.status = self.process.returncode = status

    def close(self):
        for stream in (self.process.stdin, *self.streams.values()):
            if stream:
                stream.close()

    def feed(self, _):
        """It isn't fed."""
        return None

    def tell(self, _):
        """What it said is of no matter; what is wrong with it."""
        return None

    def may_end(self, _):
        """Of its own will, with this status."""
        return False


class Appender(Program):
    """It is given events, a few at a time, and gives receipts."""

    def __init__(self, name, topic, options, source, env, group):
        super().__init__(name, ["streamlog-append", "-q", "--receipt",
                                *options, topic], env, group, fed=True)
        self.topic = topic
        self.source = source  # gives lines, and notes them as sent
        self.rest = b""
        self.due = 0.0

    def feed(self, now):
        """When to come again; None: never."""
        if now >= self.due:
            if not self.rest:
                self.rest, pause = self.source()
                self.due = now + pause
            try:
                done = os.write(self.process.stdin.fileno(), self.rest)
                self.rest = self.rest[done:]
            except BlockingIOError:
                self.due = now + 0.001
            except BrokenPipeError:
                return None
        return self.due

    def tell(self, ledger):
        rows = [json.loads(line) for line in self.told()]
        return ledger.acknowledge(self.name, self.topic, rows)


class Member(Program):
    """It hands batches to a command, which repeats what it got."""

    def __init__(self, topics, options, env, group):
        super().__init__("member", [
            "streamlog-tail", "-f", "-J", "-g", "handlers", *options, *topics,
            "--", "sh", "-c", HAND_ON], env, group)

    def tell(self, ledger):
        """With the next batch it tells that the last one is committed. What
        was handled counts to the end: its commit may be of before the cut."""
        batch, told = None, len(self.told())
        for at, line in enumerate(self.said["out"].split(b"\n")[:-1]):
            handed = HANDED.fullmatch(line)
            if handed:
                if batch and at < told:
                    ledger.tell("handlers", f"{batch[0]}-{batch[1]}",
                                batch[2] + batch[3])
                batch = (handed[1].decode(), *map(int, handed.groups()[1:]))
                continue
            row = ENVELOPE.fullmatch(line)
            if not row:
                return f"a member prints {line[:80]}"
            token = tombstone(row[4]) if row[5] == b"null" else row[5]
            ledger.handled.setdefault((row[1].decode(), int(row[2])), {})[
                int(row[3])] = token
        return None

    def may_end(self, is_damaged):
        return is_damaged and self.status in (65, 3)


class Committer(Program):
    """Reads to the end, commits that, and tells, over and over."""

    def __init__(self, topics, work, env, group):
        path = os.path.join(work, "place")
        super().__init__("committer", ["sh", "-c", f"""
            while kill -0 {os.getpid()}; do
                streamlog-tail -q -g readers --no-commit --print-place {path} \
                    {' '.join(topics)} >/dev/null
                status=$?
                [ $status = 0 ] || [ $status = 3 ] || exit $status
                streamlog-group commit -q --from-file {path} readers ||
                    exit
                cat {path} || exit
            done"""], env, group)

    def tell(self, ledger):
        for line in self.told():
            row = json.loads(line)
            ledger.tell("readers", f"{row['topic']}-{row['partition']}",
                        row["offset"])
        return None

    def may_end(self, is_damaged):
        return is_damaged and self.status in (65, 3)


class Compactor(Program):
    """Cleans, over and over; 75 is another who does."""

    def __init__(self, topics, env, group):
        super().__init__("compactor", ["sh", "-c", f"""
            while kill -0 {os.getpid()}; do
                streamlog-compact -q {' '.join(topics)}
                status=$?
                [ $status = 0 ] || [ $status = 75 ] || exit $status
            done"""], env, group)

    def may_end(self, is_damaged):
        return is_damaged and self.status == 65


class Load:
    """Programs that run beside each other until they are killed."""

    def __init__(self):
        self.programs = []
        self.is_alive = False

    def group(self):
        """The process group that the next one joins; 0: it makes it."""
        return self.programs[0].pid if self.programs else 0

    def add(self, program):
        self.programs.append(program)
        self.is_alive = True

    def run(self, seconds, is_awaited, disturb):
        """So long, from the first word of one of them on where that is
        awaited. disturb() is called now and then: what writes pages back."""
        end = time.monotonic() + (FIRST_WORD_S if is_awaited else seconds)
        fds = [stream for program in self.programs
               for stream in program.streams.values()]
        while True:
            now = time.monotonic()
            if now >= end:
                return
            due = [program.feed(now) for program in self.programs]
            due = min([at for at in due if at is not None] + [end])
            select.select(fds, [], [], max(0.0, min(due, now + 0.005) - now))
            for program in self.programs:
                program.drain()
                if is_awaited and program.said["out"]:
                    is_awaited = False
                    end = time.monotonic() + seconds
            fds = [stream for program in self.programs
                   if program.status is None
                   for stream in program.streams.values()]
            self.reap(os.WNOHANG)
            disturb()

    def reap(self, flags):
        """Note who has ended; who is nobody's child any more is ours."""
        while True:
            try:
                pid, status = os.waitpid(-1, flags)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for program in self.programs:
                if program.pid == pid:
                    program.end(os.waitstatus_to_exitcode(status))

    def who_ended(self, is_damaged):
        """What is wrong: each was to run until the cut."""
        self.count()
        self.reap(os.WNOHANG)
        for program in self.programs:
            if program.status is not None and not program.may_end(is_damaged):
                program.drain()
                return (f"{program.name}: exit {program.status}: "
                        f"{program.said['err'].decode(errors='replace')}")
        return None

    def kill(self):
        """All of them, and wait until the last one is dead."""
        if self.is_alive:
            self.is_alive = False
            os.killpg(self.programs[0].pid, signal.SIGKILL)
        self.reap(0)

    def count(self):
        for program in self.programs:
            program.count()

    def tell(self, ledger):
        """What they said before the cut counts; what is wrong with it."""
        for program in self.programs:
            wrong = program.tell(ledger)
            if wrong:
                return wrong
        return None

    def close(self):
        for program in self.programs:
            program.close()
