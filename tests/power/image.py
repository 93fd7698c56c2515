"""One file system's life: worked on, cut and looked at, over and over."""

import collections
import itertools
import json
import os
import random
import shutil
import subprocess

import disk
import load
from ledger import Ledger, Topic
from machine import Machine

TOPICS = [
    Topic("plain", 1, "log", {"segment.bytes": "16KiB"}),
    Topic("keyed", 3, "log", {"segment.bytes": "8KiB"}),
    Topic("table", 1, "table", {
        "segment.bytes": "4KiB", "cleanup.policy": "compact",
        "delete.retention.ms": "0"}),
    Topic("ring", 1, "ring", {
        "segment.bytes": "4KiB", "retention.bytes": "64KiB",
        "file.delete.delay.ms": "0", "least": (64 - 3 * 4) << 10}),
]
CLEANED = ["table", "ring"]
READ = ["plain", "keyed", "table"]
GROUPS = ["handlers", "readers"]
KEYS = 13
SAME_BOOT = 0.2   # so often the boot id stays the same
UNDER_LIFE = 0.3  # so often power goes while the programs run
MENDED = 0.6      # so often damage is mended; else the next cut comes first
AWAITED = 0.8     # so often power goes when they have begun to say something
WAIT_S = 60       # for a program that is to end by itself
RUN_MS = (5, 60)


def options_of(topic):
    return {"keyed": ["-k", "k"], "table": ["-J"]}.get(topic.name, [])


class Wrong(Exception):
    """What no cut may leave."""


class Image:
    def __init__(self, root, kind, seed, build):
        self.choose = random.Random(seed)
        self.machine = Machine(root, kind, self.choose)
        self.logs = os.path.join(self.machine.disk, "logs")
        self.env = dict(os.environ, STREAMLOG_DIR=self.logs, HOME=root,
                        XDG_RUNTIME_DIR=self.machine.memory, TZ="UTC",
                        LC_ALL="C.UTF-8",
                        PATH=f"{build}/bin:{os.environ['PATH']}")
        self.ledger = Ledger(self.logs, TOPICS)
        self.figures = collections.Counter()
        self.numbers = itertools.count()
        self.cycle = 0
        self.boots = ""  # R: a reboot; S: the boot stayed the same

    # ---- Events ----

    def line(self, producer, topic, most):
        """An event, noted as sent, as its line of input."""
        number = next(self.numbers)
        identity = f"{producer}.{number}".encode()
        key = b"k%d" % self.choose.randrange(KEYS)
        padding = b"x" * self.choose.randrange(most)
        value = b'{"k":"%s","id":"%s","p":"%s"}' % (key, identity, padding)
        if topic.kind == "table":
            if self.choose.random() < 0.2:
                self.ledger.send(producer, number, key,
                                 load.tombstone(identity))
                value = b"null"
            else:
                self.ledger.send(producer, number, key, value)
            return (b'{"key":"%s","headers":{"id":"%s"},"payload":%s}\n' %
                    (key, identity, value))
        self.ledger.send(producer, number,
                         key if topic.name == "keyed" else None, value)
        return value + b"\n"

    def source(self, producer, topic):
        """Gives some lines, and says when to give more."""
        most = self.choose.choice((20, 200, 200, 2000))
        few = self.choose.choice((1, 4, 30))
        pause = self.choose.choice((0.0, 0.001, 0.003))

        def give():
            lines = [self.line(producer, topic, most)
                     for _ in range(self.choose.randint(1, few))]
            return b"".join(lines), pause
        return give

    def append(self, group, letter, topic, sync):
        producer = f"{letter}{self.cycle}"
        return load.Appender(producer, topic.name,
                             [*options_of(topic), "--sync", sync],
                             self.source(producer, topic), self.env, group)

    # ---- Programs that end ----

    def do(self, *words, given=None, may=(0,)):
        done = subprocess.run(words, env=self.env, input=given, timeout=WAIT_S,
                              stdin=None if given else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        if done.returncode not in may:
            raise Wrong(f"{' '.join(words)}: exit {done.returncode}: "
                        f"{done.stderr.decode(errors='replace')}")
        return done

    def judge(self, wrong):
        if wrong:
            raise Wrong(wrong)

    def make(self):
        """The topics, and an event of each key, which tells its partition."""
        for topic in TOPICS:
            settings = [f"--set={name}={value}" for name, value in
                        topic.settings.items() if name != "least"]
            self.do("streamlog-topic", "create", "-q", "--partitions",
                    str(topic.partitions), *settings, topic.name)
        keyed = TOPICS[1]
        lines = []
        for number in range(KEYS):
            value = b'{"k":"k%d","id":"0.%d","p":""}' % (number, number)
            self.ledger.send("0", number, b"k%d" % number, value)
            lines.append(value + b"\n")
        self.do("streamlog-append", "-q", "-k", "k", keyed.name,
                given=b"".join(lines))
        self.ledger.read()
        self.judge(self.ledger.judge() or self.ledger.keep())

    # ---- A cycle ----

    def start(self):
        """The programs of this time, and the topic that some of them make."""
        choose, loads = self.choose, load.Load()
        plain, keyed, table, ring = TOPICS
        often, seldom = ("batch", "batch", "each", "none"), ("none", "exit")
        plans = [("b", keyed, choose.choice(often)),
                 ("c", table, choose.choice(often)),
                 ("a", plain, choose.choice(seldom if choose.random() < 0.3
                                            else ("each",)))]
        if choose.random() < 0.4:
            plans.append(("d", plain, choose.choice(("batch", *seldom))))
        if choose.random() < 0.5:
            plans.append(("e", ring, choose.choice(often)))
        made = None
        if choose.random() < 0.25:
            made = Topic(f"made{self.cycle}", 1, "log", {})
            plans.append(("m", made, "each"))
        for letter, topic, sync in plans:
            loads.add(self.append(loads.group(), letter, topic, sync))
        if choose.random() < 0.7:
            # Small batches fall behind; large ones reach what isn't synced.
            loads.add(load.Member(
                choose.choice((READ, READ[:1])),
                ["--batch", choose.choice(("5", "1000", "1000"))], self.env,
                loads.group()))
        if choose.random() < 0.3:
            loads.add(load.Committer(READ[:2], self.machine.root, self.env,
                                     loads.group()))
        if choose.random() < 0.8:
            loads.add(load.Compactor(CLEANED, self.env, loads.group()))
        return loads, made

    def disturb(self):
        """Some pages are written back, as the kernel does in its own time."""
        if self.choose.random() > 0.2:
            return
        log = self.choose.choice(list(self.ledger.logs.values()))
        try:
            name = max(name for name in os.listdir(log.partition.path)
                       if name.endswith(".log"))
            file = os.open(os.path.join(log.partition.path, name),
                           os.O_RDONLY)
        except (OSError, ValueError):  # a topic that is only being made
            return
        pages = max(1, os.fstat(file).st_size >> 12)
        at = self.choose.randrange(pages) << 12
        os.posix_fadvise(file, at, self.choose.choice((4096, 8192, 0)),
                         os.POSIX_FADV_DONTNEED)
        os.close(file)

    def is_damaged(self):
        return any(log.is_damaged for log in self.ledger.logs.values())

    def found(self):
        """Tokens that are in the logs."""
        return {token for log in self.ledger.logs.values()
                for _, token in log.partition.found.values()}

    def cut(self, loads):
        """What was said before the cut is promised."""
        ledger, before = self.ledger, None
        is_alive = self.choose.random() < UNDER_LIFE
        self.judge(loads.who_ended(self.is_damaged()))
        if is_alive:
            self.machine.cut()
            loads.kill()
            for program in loads.programs:
                program.drain()
        else:
            loads.kill()
            loads.count()
            ledger.read()
            before = self.found()
            self.machine.cut()
        self.judge(loads.tell(ledger))
        loads.close()
        self.figures["cut while they ran" if is_alive else
                     "cut when they were dead"] += 1
        return before

    def count(self, before):
        """What the cut left of what nobody was told of."""
        figures = self.figures
        promised = {token for log in self.ledger.logs.values()
                    for token in log.promised.values()}
        after = self.found()
        figures["unsynced events that stayed"] += len(after - promised)
        if before is not None:
            table = self.ledger.logs["table", 0].promised.values()
            figures["events that vanished"] += len(before - after -
                                                   set(table))
        for log in self.ledger.logs.values():
            partition = log.partition
            figures["torn tails"] += bool(partition.torn)
            figures["swaps interrupted"] += bool(partition.scratch)
            figures["logs with new holes"] += (bool(partition.bads) and
                                               not log.is_damaged)

    def probe(self):
        """The next appends, to all topics at once, just work."""
        probes = []
        for topic in self.ledger.topics.values():
            producer = f"p{self.cycle}{topic.name}"
            given = b"".join(self.line(producer, topic, 50)
                             for _ in range(3 * topic.partitions))
            probes.append((producer, topic, given, subprocess.Popen(
                ["streamlog-append", "-q", "--receipt", *options_of(topic),
                 topic.name], env=self.env, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)))
        for producer, topic, given, process in probes:
            out, said = process.communicate(given, timeout=WAIT_S)
            if process.returncode != 0 or said:
                raise Wrong(f"append after it: exit {process.returncode}: "
                            f"{said.decode(errors='replace')}")
            self.judge(self.ledger.acknowledge(
                producer, topic.name,
                [json.loads(line) for line in out.splitlines()]))

    def settle(self):
        """Clean, check, and mend what that names."""
        cleaned = self.do("streamlog-compact", "-q", *CLEANED, may=(0, 65))
        is_bad = self.check()
        if cleaned.returncode != 0 and not is_bad:
            raise Wrong(f"compact: {cleaned.stderr.decode()}")
        if is_bad and self.choose.random() < MENDED:
            self.check("--mend")
            if self.check():
                raise Wrong("it is mended, and damaged")
            self.figures["mended"] += 1

    def check(self, *options):
        """What it names counts as said; whether anything is damaged."""
        done = self.do("streamlog-check", "--json", *options, may=(0, 65))
        logs_of = self.ledger.logs
        damaged = set()
        for line in done.stdout.splitlines():
            row = json.loads(line)
            log = logs_of[row["topic"], row["partition"]]
            if row.get("found") == "index":
                raise Wrong(f"check: {line.decode()}")
            if row.get("found") == "damage":
                damaged.add((row["topic"], row["partition"]))
            if row.get("found") in ("damage", "gone"):
                log.named.append((row["first_offset"],
                                  row["first_offset"] + row["lost_offsets"]))
        if (done.returncode == 65) != bool(damaged):
            raise Wrong(f"check: exit {done.returncode}: "
                        f"{done.stdout.decode()}{done.stderr.decode()}")
        if options:
            return bool(damaged)
        self.ledger.read()
        for place, log in logs_of.items():
            log.is_damaged = place in damaged
            self.judge(log.judge_named())
            if bool(log.partition.bads) != log.is_damaged:
                raise Wrong(f"check on {log.name}: "
                            f"{done.stdout.decode()}, and there are "
                            f"{log.partition.bads} places of bad bytes")
        return bool(damaged)

    def compare(self):
        """A reader sees what is there, no more and no less."""
        done = self.do("streamlog-tail", "-a", "-J", "-q",
                       "--on-damage=skip", *self.ledger.topics,
                       may=(0, 3, 65))
        seen = {}
        for line in done.stdout.splitlines():
            row = load.ENVELOPE.fullmatch(line)
            if not row:
                raise Wrong(f"tail prints {line[:80]}")
            seen[row[1].decode(), int(row[2]), int(row[3])] = (
                load.tombstone(row[4]) if row[5] == b"null" else row[5])
        there = {(*place, offset): token
                 for place, log in self.ledger.logs.items()
                 for offset, (_, token) in log.partition.found.items()}
        if seen != there:
            other = {key for key in seen.keys() | there.keys()
                     if seen.get(key) != there.get(key)}
            raise Wrong(f"tail: {len(other)} events are others than on the "
                        f"disk: {min(other)}")

    def forget(self, made):
        """What was made is removed for good."""
        self.ledger.drop(made)
        shutil.rmtree(os.path.join(self.logs, made.name), ignore_errors=True)
        top = os.open(self.logs, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(top)
        os.close(top)

    def once(self):
        choose, ledger = self.choose, self.ledger
        self.cycle += 1
        is_reboot = choose.random() >= SAME_BOOT
        loads, made = self.start()
        if made:
            ledger.add(made)
        try:
            loads.run(choose.uniform(*RUN_MS) / 1000,
                      choose.random() < AWAITED, self.disturb)
            before = self.cut(loads)
        finally:
            loads.kill()
        self.boots += "R" if is_reboot else "S"
        self.machine.start(is_reboot, choose)
        self.figures["reboots" if is_reboot else
                     "cuts of the disk alone"] += 1
        if made:
            self.figures["topics made" if os.path.isdir(os.path.join(
                self.logs, made.name)) else "topics not made"] += 1
        ledger.read()
        self.count(before)
        self.judge(ledger.judge() or ledger.keep() or
                   ledger.judge_places(GROUPS))
        self.probe()
        self.settle()
        self.judge(ledger.judge() or ledger.keep() or
                   ledger.judge_places(GROUPS))
        if choose.random() < 0.1:
            self.compare()
        if made:
            self.forget(made)

    def live(self, cuts):
        """What went wrong, or None."""
        try:
            self.make()
            for _ in range(cuts):
                self.once()
            self.compare()
            return None
        except (Wrong, disk.Broken, subprocess.TimeoutExpired) as wrong:
            return f"cut {self.cycle} of {self.boots}: {wrong}"
        finally:
            self.figures["acknowledged events"] += sum(
                log.acknowledged for log in self.ledger.logs.values())
            self.figures["events sent"] += len(self.ledger.sent)
            self.figures["commits told"] += self.ledger.tells

    def evidence(self, where):
        """The logs as they are now, to be looked at."""
        self.machine.start(False, self.choose)  # it may be cut as yet
        shutil.copytree(self.logs, where, symlinks=True)
