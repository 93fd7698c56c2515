"""The rows of the bench about groups: each yields Row after Row."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time

from measure import (BUILD, PAIRS, QUICK, Row, Wrong, fresh_topic, median,
                     median_ratio, pairs, say, sh, spread, timed, timed_sh)
from rows import events_file

KILLS = 60 if QUICK else 300
JOINS = 15 if QUICK else 51
COMMITS = 2000 if QUICK else 10000
PATIENCE = 10
KAFKA = "Kafka 45 s"  # session.timeout.ms, and so its default


def percentile(values, percent):
    return sorted(values)[(len(values) - 1) * percent // 100]


class Feed:
    """An event each millisecond, to the partitions in turn."""

    def __init__(self, topic, partitions):
        self.over = threading.Event()
        self.writers = [subprocess.Popen(
            ["streamlog-append", "-q", "--sync", "none", "-p", str(number),
             topic], stdin=subprocess.PIPE) for number in range(partitions)]
        self.thread = threading.Thread(target=self.run)

    def run(self):
        number = 0
        while not self.over.wait(0.001):
            for writer in self.writers:
                writer.stdin.write(b'{"number":%d}\n' % number)
                writer.stdin.flush()
            number += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        for writer in self.writers:
            writer.stdin.close()
            writer.wait()


class Member:
    """A member whose events are handled by whoever reads `out`."""

    def __init__(self, group, topic):
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            ["streamlog-tail", "-q", "-g", group, "-f", topic],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.out = self.process.stdout.fileno()
        self.drain = None

    def first_event(self):
        """When it was there."""
        if not os.read(self.out, 65536):
            raise Wrong("a member ended by itself")
        now = time.monotonic()
        self.drain = threading.Thread(target=self.read_on)
        self.drain.start()
        return now

    def read_on(self):
        while os.read(self.out, 65536):
            continue

    def end(self, number):
        self.process.send_signal(number)
        if self.drain:
            self.drain.join()
        else:
            self.read_on()
        self.process.wait()
        self.process.stdout.close()


def await_members(group, count):
    path = os.path.join(os.environ["STREAMLOG_DIR"], "@groups", group,
                        "members")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if os.path.isdir(path) and len(os.listdir(path)) == count:
            time.sleep(0.02)  # all have seen it, and sleep
            return
        time.sleep(0.002)
    raise Wrong(f"not {count} members in {PATIENCE} s")


def failovers(kills):
    """Seconds from a kill -9 of a member to the next event at another."""
    fresh_topic("fail")
    taken = []
    with Feed("fail", 1):
        owner = Member("fail", "fail")
        owner.first_event()
        for _ in range(kills):
            heir = Member("fail", "fail")
            await_members("fail", 2)
            killed = time.monotonic()
            owner.process.kill()
            taken.append(heir.first_event() - killed)
            owner.end(signal.SIGKILL)
            owner = heir
        owner.end(signal.SIGTERM)
    return taken


def failover_rows():
    """kill -9 of a member to the next event of its partition at another."""
    taken = failovers(KILLS)
    for percent, aim in ((50, 5), (99, 50)):
        yield Row(f"kill -9 to the next event by another, p{percent} of "
                  f"{KILLS}", percentile(taken, percent) * 1e3, None, aim,
                  more_is_better=False, unit="ms", base=KAFKA)


def join_rows():
    """The start of a member's process to the first event it handles."""
    fresh_topic("join", partitions=2)
    alone, among = [], []
    with Feed("join", 2):
        for number in range(JOINS):
            member = Member(f"join-{number}", "join")
            alone.append(member.first_event() - member.began)
            member.end(signal.SIGTERM)
        first = Member("join", "join")
        first.first_event()
        for number in range(JOINS):
            member = Member("join", "join")
            among.append(member.first_event() - member.began)
            member.end(signal.SIGTERM)
            await_members("join", 1)
        first.end(signal.SIGTERM)
    for name, values in (("the first of a new group", alone),
                         ("the second, 1 of 2 partitions", among)):
        yield Row(f"join to the first event, {name}", median(values) * 1e3,
                  None, None, more_is_better=False, unit="ms",
                  ours=f"p99 {percentile(values, 99) * 1e3:.1f} ms",
                  noise=spread(values))


def commit_rows():
    """Durable commits of each event, by the library."""
    fresh_topic("commit")
    with open("small", "w", encoding="ascii") as file:
        file.writelines(f'{{"n":{n}}}\n' for n in range(COMMITS))
    sh("streamlog-append -q commit small")
    rates, syncs = [], []
    for number in range(PAIRS):
        syncs.append(plain_syncs())
        said = json.loads(sh(f"{BUILD}/bench/commit commit-{number} commit "
                             f"{COMMITS}"))
        rates.append(said["count"] / said["seconds"])
    yield Row("durable commits a second, one member", median(rates), None,
              5000, more_is_better=True, unit="/s",
              base=f"sync {median(syncs):.0f}/s",
              ours=f"{median(rates):.0f}/s", noise=spread(rates))


def plain_syncs():
    """How often the disk can write 512 bytes and sync them."""
    fd = os.open("synced", os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, bytes(1024))
    os.fsync(fd)
    begun = time.monotonic()
    for number in range(1000):
        os.pwrite(fd, b"x" * 512, 512 * (number & 1))
        os.fdatasync(fd)
    seconds = time.monotonic() - begun
    os.close(fd)
    return 1000 / seconds


def command_rows():
    """
    Events through `-- cat`. The fairest beside it is split --filter: it, too,
    gives each process 1,000 lines on stdin; xargs gives them as arguments.
    """
    path = events_file(120)
    count = int(sh(f"wc -l <{path}"))
    fresh_topic("bench")
    sh(f"streamlog-append -q bench {path}")
    number = iter(range(1000000))

    def ours():
        return timed(["streamlog-tail", "-q", "-g", f"cat-{next(number)}",
                      "bench", "--", "cat"], stdout="cat-out")

    def rate(seconds):
        return f"{count / median(seconds) / 1e3:.0f} k/s"

    bases = {"split -l 1000 --filter=cat": f"split -l 1000 --filter=cat {path}"
             " >split-out",
             "xargs -d '\\n' -n 1000": f"xargs -a {path} -d '\\n' -n 1000 true"}
    for name, line in bases.items():
        base_seconds, our_seconds = pairs(lambda: timed_sh(line), ours)
        sh(f"cmp cat-out {path}")
        yield Row(f"tail -g -- cat, against {name}",
                  median_ratio(base_seconds, our_seconds), None, 1.0,
                  more_is_better=True, base=rate(base_seconds),
                  ours=rate(our_seconds), noise=spread(base_seconds))


def lag_rows():
    """The lag of many groups, all at once."""
    groups = 100 if QUICK else 1000
    if not os.path.exists(f"{BUILD}/bin/streamlog-group"):
        say(f"# NOT MEASURED: streamlog-group lag of {groups} groups: there is "
            "no streamlog-group")
        return
    fresh_topic("lag", partitions=64)
    with Feed("lag", 64):
        time.sleep(0.2)
    sh("streamlog-tail -g lag-0 -c 1 lag")
    path = os.path.join(os.environ["STREAMLOG_DIR"], "@groups")
    for name in os.listdir(path):
        if name != "lag-0":
            shutil.rmtree(os.path.join(path, name))
    for number in range(1, groups):
        shutil.copytree(os.path.join(path, "lag-0"),
                        os.path.join(path, f"lag-{number}"))
    os.sync()
    seconds = [timed(["streamlog-group", "lag", "--json"], stdout="lag-out")
               for _ in range(PAIRS)]
    lines = int(sh("wc -l <lag-out"))
    if lines < groups:
        raise Wrong(f"streamlog-group lag: {lines} lines of {groups} groups")
    yield Row(f"streamlog-group lag of {groups} groups x 64 partitions",
              median(seconds) * 1e3, None, 100, more_is_better=False,
              unit="ms", noise=spread(seconds))


ALL = (failover_rows, join_rows, commit_rows, command_rows, lag_rows)
