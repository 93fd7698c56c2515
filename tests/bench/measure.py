"""What the rows of the bench are made of: events, runs, pairs, one row."""

import os
import shutil
import statistics
import subprocess
import sys
import time

BUILD = os.environ["BUILD"]
QUICK = os.environ.get("BENCH_QUICK") == "1"
PAIRS = 5 if QUICK else 9


class Wrong(Exception):
    """A run did something else than what it was timed for."""


def sh(command, **options):
    """Run a line of shell; a failure is Wrong."""
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          **options)
    if done.returncode != 0 or done.stderr:
        raise Wrong(f"{command}: exit {done.returncode}: "
                    f"{done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def timed(argv, stdin=os.devnull, stdout=None):
    """Seconds that a command takes from its start to its end."""
    actions = [(os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0)]
    if stdout:
        actions.append((os.POSIX_SPAWN_OPEN, 1, stdout,
                        os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    start = time.monotonic()
    child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - start
    if status != 0:
        raise Wrong(f"{' '.join(argv)}: status {status}")
    return seconds


def timed_sh(command):
    return timed(["sh", "-c", command])


def make_events(path, total_bytes, event_bytes):
    """A file of events, each that long with its newline; returns how many."""
    count = total_bytes // event_bytes
    with open(path, "w", encoding="ascii") as file:
        for number in range(count):
            amount = number * 7919 % 9973 + 10000
            head = (f'{{"id":{10**7 + number},"type":"order",'
                    f'"amount":{amount}.25,"user":"u{number % 5003:05d}",'
                    f'"paid":true,"text":"')
            filler = event_bytes - len(head) - len('"}\n')
            file.write(f"{head}{text_of(number, filler)}\"}}\n")
    return count


WORDS = "the quick brown fox jumps over a lazy dog, then sleeps well; " * 20


def text_of(number, length):
    at = number % 61
    return WORDS[at:at + length]


def fresh_topic(name, partitions=1):
    """An empty topic; what was there is gone and no longer being written."""
    shutil.rmtree(os.path.join(os.environ["STREAMLOG_DIR"], name),
                  ignore_errors=True)
    sh(f"streamlog-topic create --partitions {partitions} {name}")
    os.sync()


def check_topic(name, path):
    """A topic of one partition holds the lines of a file, all and in order."""
    sh(f"streamlog-tail -a {name} | cmp - {path}")


def pairs(base, ours, count=PAIRS):
    """
    Run both, one after the other, in turn the one and the other first.
    Returns the seconds of each.
    """
    base(), ours()
    base_seconds, our_seconds = [], []
    both = [(base, base_seconds), (ours, our_seconds)]
    for number in range(count):
        for command, seconds in both if number % 2 else reversed(both):
            seconds.append(command())
    return base_seconds, our_seconds


def median(values):
    return statistics.median(values)


def median_ratio(left, right):
    """The median over the pairs of left / right."""
    return median([a / b for a, b in zip(left, right)])


def spread(values):
    """How far apart runs of the same thing were: the noise."""
    return (max(values) - min(values)) / median(values)


class Row:
    """
    One measurement. `value` is held against the bar and the aim: at least them
    where `more_is_better`, else at most. None: there is none.
    """

    def __init__(self, name, value, bar, aim, *, more_is_better, unit="x",
                 base="", ours="", noise=None):
        self.name, self.value, self.bar, self.aim = name, value, bar, aim
        self.more_is_better, self.unit = more_is_better, unit
        self.base, self.ours, self.noise = base, ours, noise

    def reaches(self, mark):
        if self.more_is_better:
            return self.value >= mark
        return self.value <= mark

    def verdict(self):
        if self.bar is not None and not self.reaches(self.bar):
            return "MISS"
        if self.aim is not None and self.reaches(self.aim):
            return "aim"
        return "-" if self.bar is None else "pass"

    def as_json(self):
        return {"name": self.name, "value": round(self.value, 3),
                "unit": self.unit, "bar": self.bar, "aim": self.aim,
                "more_is_better": self.more_is_better,
                "verdict": self.verdict(), "base": self.base,
                "ours": self.ours,
                "noise": None if self.noise is None else round(self.noise, 3)}

    def as_text(self):
        sign = ">=" if self.more_is_better else "<="
        bar, aim = ("" if mark is None else f"{sign} {mark:g}"
                    for mark in (self.bar, self.aim))
        noise = "" if self.noise is None else f"{self.noise:.0%}"
        return (f"{self.name:<52} {self.value:>7.2f} {self.unit:<4}"
                f"{bar:>8} {aim:>8}  {self.verdict():<5}"
                f"{self.base:>12} {self.ours:>12} {noise:>6}")


HEADING = (f"{'what':<52} {'value':>12}{'bar':>8} {'aim':>8}  {'is':<5}"
           f"{'base':>12} {'streamlog':>12} {'noise':>6}")


def say(text):
    print(text, flush=True)


def progress(text):
    if sys.stderr.isatty():
        print(f"  {text}", file=sys.stderr, flush=True)
