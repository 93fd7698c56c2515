"""Those who append and follow, each in a thread of its own, and are killed."""

import json
import os
import random
import re
import signal
import subprocess
import threading
import time

import oracle

PATIENCE = 60  # seconds that a program may take at most


class Actor(threading.Thread):
    """Does one thing after the other until it is told to stop."""

    def __init__(self, stage, number):
        super().__init__()
        self.stage = stage
        self.number = number
        self.random = random.Random(stage.seed * 1000 + number)
        self.over = threading.Event()
        self.wrong = []

    def run(self):
        while not self.over.is_set():
            try:
                self.act()
            except Exception as problem:
                self.wrong.append("%s %d: %r" % (type(self).__name__,
                                                 self.number, problem))
                return

    def nap(self, most):
        self.over.wait(self.random.uniform(0, most))


class Stage:
    """A log directory, and the programs that work in it."""

    def __init__(self, path, programs, seed, seconds):
        self.path = path
        self.log = os.path.join(path, "log")
        self.programs = programs
        self.seed = seed
        self.seconds = seconds
        self.random = random.Random(seed)
        self.alive = []
        os.makedirs(self.log)

    def command(self, program, *arguments):
        return [os.path.join(self.programs, "streamlog-" + program),
                "--dir", self.log, *arguments]

    def start(self, program, *arguments, **streams):
        return self.spawn(self.command(program, *arguments), **streams)

    def spawn(self, words, **streams):
        streams.setdefault("stdin", subprocess.DEVNULL)
        streams.setdefault("stdout", subprocess.DEVNULL)
        streams.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen(words, **streams)
        self.alive = [p for p in self.alive if p.returncode is None]
        self.alive.append(process)
        return process

    def end(self):
        """Nobody outlives the scene, however it ended."""
        for process in self.alive:
            process.kill()
            process.wait()

    def run(self, program, *arguments, text=b""):
        return subprocess.run(self.command(program, *arguments), input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE, check=False)

    def leftovers(self):
        return [name for name in os.listdir(self.log) if name[0] == "~"]


class Appender(Actor):
    """One run of streamlog-append after the other; some end by a signal."""

    may_fail = ()  # statuses that are no fault, besides 0 and signals

    def __init__(self, stage, number, topic):
        super().__init__(stage, number)
        self.topic = topic
        self.runs = {}  # (writer, run): (sent, acknowledged, begun, ended)
        self.statuses = {}

    def act(self):
        count = self.random.choice([1, 1, 20, 200, 400])
        lines = [oracle.event(self.number, len(self.runs) + 1, i,
                              "x" * self.random.randrange(200))
                 for i in range(count)]
        way = self.random.choice([self.from_file, self.from_pipe,
                                  self.from_pipe])
        begun = time.monotonic()
        status, acknowledged = way(lines)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status not in (0, -signal.SIGKILL, -signal.SIGTERM, *self.may_fail):
            self.wrong.append("appender %d: exit %d" % (self.number, status))
        self.runs[self.number, len(self.runs) + 1] = (
            count, acknowledged, begun, time.monotonic())
        self.nap(0.15)

    def end(self, process, signals, receipts=None):
        """Wait or kill; (status, events acknowledged, but for exit 0)."""
        for number in signals:
            process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
        status = process.returncode
        if status in self.may_fail or status >= 0:
            self.said = said.decode(errors="replace").strip()
        if receipts is not None:
            return status, self.count_receipts(receipts)
        done = re.search(rb"; (\d+) lines? (?:is|are) done", said)
        if status == -signal.SIGTERM and done:
            return status, int(done.group(1))
        return status, 0

    @staticmethod
    def count_receipts(path):
        count = 0
        with open(path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                receipt = json.loads(line)
                count += receipt["count"] if receipt["synced"] else 0
        os.unlink(path)
        return count

    def from_file(self, lines):
        path = os.path.join(self.stage.path, "in.%d" % self.number)
        with open(path, "wb") as file:
            file.write(b"\n".join(lines) + b"\n")
        process = self.stage.start("append", self.topic, path)
        signals = []
        if self.random.random() < 0.4:
            try:
                process.wait(self.random.uniform(0, 0.03))
            except subprocess.TimeoutExpired:
                signals = [self.random.choice([signal.SIGKILL, signal.SIGKILL,
                                               signal.SIGTERM])]
        status, acknowledged = self.end(process, signals)
        return status, len(lines) if status == 0 else acknowledged

    def from_pipe(self, lines):
        options = self.random.choice([[], ["--sync", "batch", "--receipt"],
                                      ["--sync", "each", "--receipt"],
                                      ["--sync", "none"]])
        receipts = None
        streams = {"stdin": subprocess.PIPE}
        if "--receipt" in options:
            receipts = os.path.join(self.stage.path, "out.%d" % self.number)
            streams["stdout"] = open(receipts, "wb")
        process = self.stage.start("append", *options, self.topic, **streams)
        if receipts:
            streams["stdout"].close()
        signals = self.feed(process, b"\n".join(lines) + b"\n")
        status, acknowledged = self.end(process, signals, receipts)
        if status == 0 and receipts and acknowledged != len(lines):
            self.wrong.append("appender %d: receipts for %d of %d events" %
                              (self.number, acknowledged, len(lines)))
        return status, len(lines) if status == 0 else acknowledged

    def feed(self, process, text):
        """In pieces that end anywhere; returns the signal to end it with."""
        pieces = self.random.randrange(1, 12)
        cuts = sorted(self.random.randrange(len(text)) for _ in range(pieces))
        killed_at = self.random.randrange(3 * pieces)
        stopped_at = self.random.randrange(6 * pieces)
        try:
            for i, (begin, end) in enumerate(zip([0, *cuts],
                                                 [*cuts, len(text)])):
                process.stdin.write(text[begin:end])
                process.stdin.flush()
                if i == stopped_at:
                    process.send_signal(signal.SIGSTOP)
                    time.sleep(self.random.uniform(0, 0.2))
                    process.send_signal(signal.SIGCONT)
                if i == killed_at:
                    return [self.random.choice([signal.SIGKILL,
                                                signal.SIGTERM])]
                time.sleep(self.random.uniform(0, 0.02))
        except BrokenPipeError:
            pass  # it has ended: its status says why
        return []


class Idler(Appender):
    """Holds one append open: an event, a rest in which others roll, the next.

    Its memory of the active segment is of one long finished (RULE 2).
    """

    def act(self):
        number = len(self.runs) + 1
        process = self.stage.start("append", "--sync", "batch", self.topic,
                                   stdin=subprocess.PIPE)
        sent = 0
        begun = time.monotonic()
        for _ in range(8):
            line = oracle.event(self.number, number, sent, "idle")
            process.stdin.write(line + b"\n")
            process.stdin.flush()
            sent += 1
            if self.over.wait(self.random.uniform(0.1, 1)):
                break
        status, _ = self.end(process, [])
        if status != 0:
            self.wrong.append("idler: exit %d: %s" % (status, self.said))
        self.runs[self.number, number] = (sent, sent if status == 0 else 0,
                                          begun, time.monotonic())


class Follower(Actor):
    """`streamlog-tail -f` from the beginning, killed and begun again."""

    def __init__(self, stage, number, topic, options, lives):
        super().__init__(stage, number)
        self.arguments = [*options, topic]
        self.outputs = []
        self.lives = lives  # seconds that one lives at most
        self.process = None

    def begin(self):
        path = os.path.join(self.stage.path, "tail.%d.%d" %
                            (self.number, len(self.outputs)))
        with open(path, "wb") as file:
            self.process = self.stage.start("tail", *self.arguments,
                                            stdout=file,
                                            stderr=subprocess.DEVNULL)
        self.outputs.append(path)

    def act(self):
        if self.process is None:
            self.begin()
        if self.over.wait(self.random.uniform(0, self.lives)):
            return
        if self.process.poll() is not None:
            self.wrong.append("follower %d: ended by itself, exit %d" %
                              (self.number, self.process.returncode))
        self.process.kill()
        self.process.wait()
        self.process = None

    def finish(self, expected):
        """Wait until the last one has printed it all; compare all output."""
        if self.process is None:
            self.begin()
        last = self.outputs.pop()
        deadline = time.monotonic() + PATIENCE / 2
        while (os.path.getsize(last) < len(expected) and
               self.process.poll() is None and time.monotonic() < deadline):
            time.sleep(0.02)
        time.sleep(0.05)  # it must not print anything more
        self.process.terminate()
        self.process.wait()
        if self.read(last) != expected:
            self.wrong.append("follower %d, %s: not what the log holds, or "
                              "not all of it" % (self.number, last))
        for path in self.outputs:
            if not expected.startswith(self.read(path)):
                self.wrong.append("follower %d, %s: torn, repeated or out of "
                                  "order" % (self.number, path))

    @staticmethod
    def read(path):
        with open(path, "rb") as file:
            return file.read()
