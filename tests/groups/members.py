"""Members of a group, each with who handles its events, and who appends."""

import os
import signal
import subprocess
import time

from actors import Actor
import oracle

MODES = ("command", "command", "pipe", "ack")


class Member:
    """A streamlog-tail -g, and the reader of its stdout if it has one."""

    def __init__(self, stage, number, mode, words, options=(), follows=True,
                 handler_options=(), environment=(), group="g"):
        self.stage = stage
        self.number = number
        self.mode = mode
        self.words = words
        self.follows = follows
        self.record = os.path.join(stage.path, "record.%s" % number)
        self.said = os.path.join(stage.path, "said.%s" % number)
        self.handler = os.path.join(os.path.dirname(stage.programs), "groups",
                                    "handler")
        self.environment = dict(os.environ, **dict(environment))
        self.stops = []         # [from, to]; to is None while it lasts
        self.killed = None      # when it got SIGKILL
        self.command_killed = None
        self.told = None        # when it was told to leave
        self.wakes = None       # when a stop ends
        self.reader = None
        arguments = ["-g", group, *(["-f"] if follows else []), *options]
        with open(self.said, "wb") as said:
            self.begin(arguments, [str(o) for o in handler_options], said)
        self.started = time.monotonic()
        self.note("%s %s %s" % (mode, " ".join(arguments), " ".join(words)))
        self.ended = None

    def begin(self, arguments, handler_options, said):
        if self.mode == "command":
            self.process = self.stage.start(
                "tail", *arguments, *self.words, "--", self.handler, "batch",
                self.record, stderr=said, env=self.environment)
            return
        if self.mode == "file":
            with open(handler_options[0], "ab") as out:
                self.process = self.stage.start("tail", *arguments, "-J",
                                                *self.words, stdout=out,
                                                stderr=said)
            return
        out_read, out_write = os.pipe()
        ends = [out_read, out_write]
        if self.mode == "ack":
            ack_read, ack_write = os.pipe()
            ends += [ack_read, ack_write]
            arguments += ["--ack-fd", str(ack_read)]
            handler = [self.handler, "ack", self.record, str(ack_write)]
        else:
            handler = [self.handler, "pipe", self.record]
        self.process = self.stage.start(
            "tail", *arguments, "-J", *self.words, stdout=out_write,
            stderr=said, env=self.environment,
            pass_fds=[ack_read] if self.mode == "ack" else [])
        self.reader = subprocess.Popen(
            handler + handler_options, stdin=out_read, stderr=said,
            pass_fds=[ack_write] if self.mode == "ack" else [])
        self.stage.alive.append(self.reader)
        for fd in ends:
            os.close(fd)

    @property
    def is_running(self):
        return (self.killed is None and self.told is None and
                self.wakes is None and self.process.poll() is None)

    def note(self, what):
        self.stage.trace("member %s, %d: %s" % (self.number, self.process.pid,
                                                what))

    def kill(self):
        self.note("kill")
        self.killed = time.monotonic()
        self.process.kill()

    def commands(self):
        """The process of the command that runs just now, if one does."""
        path = "/proc/%d/task/%d/children" % (self.process.pid,
                                              self.process.pid)
        try:
            with open(path, encoding="ascii") as file:
                return [int(pid) for pid in file.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            return []

    def kill_command(self):
        """False: there is none."""
        begun = time.monotonic()
        pids = self.commands()
        try:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        if pids:
            self.command_killed = begun
        return bool(pids)

    def await_command(self, seconds):
        """So that what comes next comes while it runs."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.commands():
            time.sleep(0.001)

    def leave(self):
        self.note("leave")
        self.told = time.monotonic()
        self.process.terminate()
        self.resume()

    def stop(self, seconds):
        self.note("stop for %.2f s" % seconds)
        self.process.send_signal(signal.SIGSTOP)
        self.stops.append([time.monotonic(), None])
        self.wakes = self.stops[-1][0] + seconds

    def resume(self):
        if self.wakes is None:
            return
        self.note("continue")
        self.process.send_signal(signal.SIGCONT)
        self.stops[-1][1] = time.monotonic()
        self.wakes = None

    def finish(self, patience):
        """Wait for its end, and its reader's; the status of tail."""
        status = self.process.wait(patience)
        if self.reader:
            self.reader.wait(patience)
        self.ended = self.ended or time.monotonic()
        return status

    def long_stops(self, seconds):
        """
        Stops after which others may have taken it for dead: silence begins
        with the last heartbeat, each third of the time-out.
        """
        return [(begun, ended) for begun, ended in self.stops
                if ended is None or ended - begun > seconds * 2 / 3]

    def last_words(self):
        with open(self.said, "r", errors="replace", encoding="utf-8") as file:
            return file.read().strip()[-500:]


class Writer(Actor):
    """Appends a few events at a time to one topic or the other."""

    def __init__(self, stage, number, topics, nap=0.1):
        super().__init__(stage, number)
        self.topics = topics  # name: partitions
        self.nap_seconds = nap
        self.runs_begun = 0
        self.runs = {}  # (writer, run): (events, when they were appended)
        self.process = None

    def act(self):
        topic = self.random.choice(list(self.topics))
        count = self.random.choice([1, 1, 5, 20, 60])
        run = self.runs_begun + 1
        lines = [oracle.event(self.number, run, i,
                              "x" * self.random.randrange(100))
                 for i in range(count)]
        where = []
        if self.random.random() < 0.8:
            where = ["-p", str(self.random.randrange(self.topics[topic]))]
        self.is_killed = False
        self.process = self.stage.start("append", *where, "--no-create", topic,
                                        stdin=subprocess.PIPE)
        _, said = self.process.communicate(b"\n".join(lines) + b"\n")
        status = self.process.returncode
        self.runs_begun = run
        if status == 0:
            self.runs[self.number, run] = (count, time.monotonic())
        elif status != -signal.SIGKILL or not self.is_killed:
            self.wrong.append("append %s: exit %d: %s" % (topic, status,
                                                          said.decode()))
        self.nap(self.nap_seconds)

    def kill(self):
        """Its process, if one runs just now."""
        process = self.process
        if process and process.poll() is None:
            self.is_killed = True
            process.kill()
            return True
        return False
