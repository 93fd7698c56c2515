"""The rows of the bench about cleaning: each yields Row after Row."""

import os
import select
import shutil
import subprocess
import threading
import time

from measure import PAIRS, QUICK, Row, Wrong, median, median_ratio, pairs, sh
from measure import spread, text_of, timed, timed_sh
from rows import peak, rate

TABLE_BYTES = (128 if QUICK else 1024) << 20
KEYS = 10**5 if QUICK else 10**6
TABLE_PAIRS = 3
ROUNDS = 3 if QUICK else 9
EVENT_BYTES = 256
SEGMENTS = 1000  # that are deleted
SEGMENT_BYTES = (64 if QUICK else 256) << 10
MANY_SEGMENTS = 1000 if QUICK else 10000
DROP_CACHES = "/proc/sys/vm/drop_caches"
TICK_S = 0.002
PATIENCE_S = 10


def topic_path(name):
    return os.path.join(os.environ["STREAMLOG_DIR"], name)


def forget_pages():
    """Drop the page cache, of clean pages; False: that isn't allowed."""
    os.sync()
    try:
        with open(DROP_CACHES, "w", encoding="ascii") as file:
            file.write("3\n")
    except OSError:
        return False
    return True


def changes(path, total_bytes, keys):
    """A file of changes to so many keys, in an order that leaps about."""
    with open(path, "w", encoding="ascii") as file:
        for number in range(total_bytes // EVENT_BYTES):
            head = (f'{{"k":"key-{number * 7919 % keys:07d}",'
                    f'"n":{number},"text":"')
            filler = EVENT_BYTES - len(head) - len('"}\n')
            file.write(f'{head}{text_of(number, filler)}"}}\n')


def make_topic(name, settings, path, options=""):
    shutil.rmtree(topic_path(name), ignore_errors=True)
    words = " ".join(f"--set {setting}" for setting in settings)
    sh(f"streamlog-topic create {words} {name}")
    sh(f"streamlog-append -q --sync exit {options} {name} {path}")


def fresh_copy(name, of):
    """A topic as it was made, on disk."""
    shutil.rmtree(topic_path(name), ignore_errors=True)
    shutil.copytree(topic_path(of), topic_path(name))
    os.sync()


def make_table():
    """The topic that is compacted, made when it is first asked for."""
    if os.path.exists(topic_path("table-made")):
        return
    changes("changes", TABLE_BYTES, KEYS)
    make_topic("table-made", ["cleanup.policy=compact"], "changes", "-k k")
    os.unlink("changes")


def check_table(name, most):
    """Each key is there; `most`: events, of which more were to go."""
    keys, events = (int(word) for word in sh(
        f"streamlog-tail -a --format '%k\\n' {name} | awk '!seen[$0]++ "
        "{ keys++ } END { print keys, NR }'").split())
    if keys != KEYS or events > most:
        raise Wrong(f"compaction: {events} events of {keys} keys for {KEYS}")


def compaction_rows():
    """Compaction by key, against cat of the same files."""
    make_table()
    logs = f"{topic_path('table')}/0/*.log"
    state = "cold cache" if forget_pages() else "warm"

    def base():
        fresh_copy("table", "table-made")
        forget_pages()
        return timed_sh(f"cat {logs} >/dev/null")

    def ours():
        fresh_copy("table", "table-made")
        forget_pages()
        return timed(["streamlog-compact", "-q", "table"])

    base_seconds, our_seconds = pairs(base, ours, TABLE_PAIRS)
    check_table("table-made", TABLE_BYTES)
    size = int(sh(f"cat {topic_path('table-made')}/0/*.log | wc -c"))
    name = f"compact {size / 2**30:.1f} GiB, {KEYS:.0e} keys"
    yield Row(f"{name}, against cat, {state}",
              median_ratio(base_seconds, our_seconds), 0.25, 0.5,
              more_is_better=True, base=rate(size, base_seconds),
              ours=rate(size, our_seconds), noise=spread(base_seconds))
    fresh_copy("table", "table-made")
    yield Row(f"memory of {name}", peak("streamlog-compact -q table"), None,
              None, more_is_better=False, unit="MiB")
    check_table("table", KEYS)


class Writer:
    """One event each two milliseconds, synced, each after the receipt before:
    when it was written, and how long its receipt took."""

    def __init__(self, topic):
        self.process = subprocess.Popen(
            ["streamlog-append", "-q", "--receipt", "--sync", "each", "-k",
             "k", topic], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.taken = []
        self.failure = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        into = self.process.stdin.fileno()
        back = self.process.stdout.fileno()
        due = time.monotonic()
        number = 0
        while not self.over.is_set():
            time.sleep(max(0, due - time.monotonic()))
            start = time.monotonic()
            os.write(into, b'{"k":"key-%07d","w":%d}\n' % (number % 1000,
                                                          number))
            if not select.select([back], [], [], PATIENCE_S)[0] or \
                    not os.read(back, 4096).endswith(b'"synced":true}\n'):
                self.failure = f"no receipt of event {number}"
                return
            now = time.monotonic()
            self.taken.append((start, now - start))
            number += 1
            due = max(due + TICK_S, now)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.process.stdin.close()
        if self.process.wait() != 0 or self.failure:
            raise Wrong(f"writer: {self.failure or 'it failed'}")

    def between(self, start, end):
        return [seconds for at, seconds in self.taken if start <= at < end]


def p99(values):
    return sorted(values)[(len(values) - 1) * 99 // 100]


def beside(topic, prepare):
    """A writer's times without and with a cleaning beside it, each round."""
    without, with_it = [], []
    for _ in range(ROUNDS):
        prepare()
        with Writer(topic) as writer:
            time.sleep(1)  # what was copied has settled
            calm = time.monotonic()
            time.sleep(3)
            start = time.monotonic()
            sh(f"streamlog-compact -q {topic}")
            time.sleep(0.25)  # its work reaches the disk
            end = time.monotonic()
        without.append(writer.between(calm, start))
        with_it.append(writer.between(start, end))
    return without, with_it


def beside_row(name, without, with_it):
    """The p99 of all rounds: in one of them few events are beside it."""
    base, ours = p99(sum(without, [])), p99(sum(with_it, []))
    return Row(f"p99 of --sync each beside {name}, against without",
               ours / base, 2.0, None, more_is_better=False,
               base=f"{base * 1e3:.2f} ms", ours=f"{ours * 1e3:.2f} ms",
               noise=spread([p99(values) for values in without]))


def beside_rows():
    """The p99 of a writer's synced append, while its topic is cleaned."""
    make_table()
    yield beside_row("compaction", *beside(
        "table", lambda: fresh_copy("table", "table-made")))

    bound = 256 * SEGMENT_BYTES
    changes("changes", (SEGMENTS + 256) * SEGMENT_BYTES, KEYS)
    make_topic("old-made", [f"segment.bytes={SEGMENT_BYTES}"], "changes",
               "-k k")
    os.unlink("changes")
    # So that the writer is not who deletes: it fills no segment.
    sh(f"streamlog-topic alter --set segment.bytes=1GiB --set "
       f"retention.bytes={bound} --set file.delete.delay.ms=0 old-made")
    there = count_segments("old-made")
    found = beside("old", lambda: fresh_copy("old", "old-made"))
    gone = there - count_segments("old")
    if gone < SEGMENTS * 0.9:
        raise Wrong(f"deletion: {gone} segments of {there} went")
    yield beside_row(f"{gone} deletions", *found)


def count_segments(name):
    return sum(file.endswith(".log")
               for file in os.listdir(os.path.join(topic_path(name), "0")))


def segments_rows():
    """The last event of topics of very different numbers of segments."""
    counts = (10, MANY_SEGMENTS)
    taken = {}
    for count in counts:
        with open("wide", "w", encoding="ascii") as file:
            for number in range(count):
                file.write(f'{{"n":{number},"text":"{"x" * 4000}"}}\n')
        make_topic(f"segments-{count}", ["segment.bytes=4KiB"], "wide")
        taken[count] = []
        there = count_segments(f"segments-{count}")
        if there < count:
            raise Wrong(f"segments: {there} for {count}")
    os.unlink("wide")
    for turn in range(10 * PAIRS + 1):
        for count in counts:
            seconds = timed(["streamlog-tail", "-n", "1",
                             f"segments-{count}"], stdout="found")
            with open("found", encoding="ascii") as file:
                if not file.read().startswith(f'{{"n":{count - 1},'):
                    raise Wrong("segments: not the last event")
            if turn > 0:
                taken[count].append(seconds)
    few, many = taken[counts[0]], taken[counts[1]]
    yield Row(f"tail -n 1 of {counts[1]} segments", median(many) * 1e3, 5, None,
              more_is_better=False, unit="ms",
              base=f"{median(few) * 1e3:.2f} ms",
              ours=f"{median(many) * 1e3:.2f} ms", noise=spread(few))


ALL = (compaction_rows, beside_rows, segments_rows)
