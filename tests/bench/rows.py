"""The rows of the bench: each yields Row after Row, or raises Wrong."""

import json
import os
import subprocess
import time

from measure import (BUILD, PAIRS, QUICK, Row, Wrong, check_topic, fresh_topic,
                     make_events, median, median_ratio, pairs, sh, spread,
                     timed, timed_sh)

FILE_BYTES = (64 if QUICK else 128) << 20
SIZES = ((120, "120 B"), (1024, "1 KB"))


def rate(size, seconds):
    return f"{size / median(seconds) / 1e6:.0f} MB/s"


def events_file(event_bytes):
    """The file of events of that size, made when it is first asked for."""
    path = f"events-{event_bytes}"
    if not os.path.exists(path):
        make_events(path, FILE_BYTES, event_bytes)
    return path


def append_rows():
    """append of a file, on disk at exit, against cat and sync."""
    for event_bytes, label in SIZES:
        path = events_file(event_bytes)
        yield append_row(f"append {label}", path, "", 0.6, 1.0)
        yield append_row(f"append {label} -k user", path, "-k user ", 0.55, 0.9)


def append_row(name, path, options, bar, aim):
    def base():
        if os.path.exists("out"):
            os.unlink("out")
        os.sync()
        seconds = timed_sh(f"cat {path} >>out && sync out")
        sh(f"cmp out {path}")
        return seconds

    def ours():
        fresh_topic("bench")
        seconds = timed_sh(f"streamlog-append -q {options}bench {path}")
        check_topic("bench", path)
        return seconds

    base_seconds, our_seconds = pairs(base, ours)
    os.unlink("out")
    size = os.path.getsize(path)
    return Row(f"{name}, against cat >>out && sync",
               median_ratio(base_seconds, our_seconds), bar, aim,
               more_is_better=True, base=rate(size, base_seconds),
               ours=rate(size, our_seconds), noise=spread(base_seconds))


def tail_rows():
    """tail -a into a pipe, against cat of the same lines."""
    for event_bytes, label in SIZES:
        path = events_file(event_bytes)
        fresh_topic("bench")
        sh(f"streamlog-append -q bench {path}")
        check_topic("bench", path)
        size = os.path.getsize(path)

        def into_pipe(command):
            return lambda: timed_into_pipe(command, size)

        base_seconds, our_seconds = pairs(into_pipe(["cat", path]),
                                          into_pipe(["streamlog-tail", "-a",
                                                     "bench"]))
        yield Row(f"tail -a {label} | cat, against cat FILE | cat",
                  median_ratio(base_seconds, our_seconds), 0.85, 1.0,
                  more_is_better=True, base=rate(size, base_seconds),
                  ours=rate(size, our_seconds), noise=spread(base_seconds))


def timed_into_pipe(command, size):
    """Seconds of `COMMAND | cat >/dev/null`, of which cat read `size`."""
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as source:
        with subprocess.Popen(["cat"], stdin=source.stdout,
                              stdout=subprocess.DEVNULL) as sink:
            source.stdout.close()
            os.waitid(os.P_PID, sink.pid, os.WEXITED | os.WNOWAIT)
            seconds = time.monotonic() - start
            # Until it is reaped, what it read can be asked for.
            with open(f"/proc/{sink.pid}/io", encoding="ascii") as file:
                read = int(file.readline().split()[1])
    if source.returncode != 0 or not size <= read < size + 65536:
        raise Wrong(f"{' '.join(command)}: exit {source.returncode}, "
                    f"{read} bytes for {size}")
    return seconds


def latency_rows():
    """A line from the writer's stdin to the follower's stdout."""
    count = 1000 if QUICK else 5000
    systems = {"cat": follow_plain_by_cat, "direct": follow_plain,
               "ours": follow_topic}
    taken = {name: [] for name in systems}
    for number in range(PAIRS):
        names = list(systems)
        for name in names if number % 2 else reversed(names):
            taken[name].append(systems[name](count))
    against = {"cat": "cat >>f; tail -f f", "direct": "write to f; tail -f f"}
    for base, words in against.items():
        for percentile in ("p50_us", "p99_us"):
            theirs = [run[percentile] for run in taken[base]]
            own = [run[percentile] for run in taken["ours"]]
            judged = base == "cat"
            yield Row(f"follow 1,000/s, {percentile[:3]}, against {words}",
                      median_ratio(own, theirs), 1.0 if judged else None,
                      0.5 if judged else None, more_is_better=False,
                      base=f"{median(theirs):.0f} us",
                      ours=f"{median(own):.0f} us", noise=spread(theirs))


def follow_topic(count):
    fresh_topic("live")
    result = probe(count, ["streamlog-append", "-q", "live"],
                   ["streamlog-tail", "-f", "live"])
    there = int(sh("streamlog-tail -a live | wc -l"))
    if there != count + 1:
        raise Wrong(f"follow: {there} events for {count + 1}")
    return result


def follow_plain_by_cat(count):
    with open("plain", "wb"):
        pass
    return probe(count, ["sh", "-c", "exec cat >>plain"],
                 ["tail", "-f", "plain"])


def follow_plain(count):
    with open("plain", "wb"):
        pass
    return probe(count, None, ["tail", "-f", "plain"])


def probe(count, writer, follower, interval_us=1000):
    """Latencies from `writer`'s stdin (None: the plain file itself)."""
    follow = subprocess.Popen(follower, stdout=subprocess.PIPE)
    write = None
    if writer is None:
        to = os.open("plain", os.O_WRONLY | os.O_APPEND)
    else:
        write = subprocess.Popen(writer, stdin=subprocess.PIPE)
        to = write.stdin.fileno()
    source = follow.stdout.fileno()
    try:
        done = subprocess.run([f"{BUILD}/bench/latency", str(to), str(source),
                               str(count), str(interval_us)],
                              pass_fds=(to, source),
                              stdout=subprocess.PIPE, check=False)
    finally:
        if write is None:
            os.close(to)
        else:
            write.stdin.close()
            write.wait()
        follow.terminate()
        follow.wait()
        follow.stdout.close()
    if done.returncode != 0 or (write is not None and write.returncode != 0):
        raise Wrong(f"{follower}: events lost or changed on the way")
    return json.loads(done.stdout)


def single_rows():
    """One event by one command, synced."""
    count = 50 if QUICK else 200
    event = '{"user":"u1","amount":3}'
    fresh_topic("single")
    with open("event", "w", encoding="ascii") as file:
        file.write(f"{event}\n")
    with open("single-out", "wb"):
        pass
    line = f"echo '{event}' >>single-out && sync -d single-out"

    def ours():
        return timed(["streamlog-append", "single"], stdin="event")

    base_seconds, our_seconds = pairs(lambda: timed_sh(line), ours, count)
    lines = int(sh("streamlog-tail -a single | wc -l"))
    if lines != count + 1 or int(sh("wc -l <single-out")) != count + 1:
        raise Wrong(f"single: {lines} events for {count + 1}")
    yield Row("one event, against sh -c 'echo >>f; sync -d f'",
              median_ratio(our_seconds, base_seconds), 2.0, 1.3,
              more_is_better=False, base=f"{median(base_seconds) * 1e3:.2f} ms",
              ours=f"{median(our_seconds) * 1e3:.2f} ms",
              noise=spread(base_seconds))


def each_rows():
    """Writers that sync after each event, at the same time."""
    lines, writers = 1500, 32
    with open("each-in", "w", encoding="ascii") as file:
        file.writelines(f'{{"user":"u{n:05d}","amount":{n}}}\n'
                        for n in range(lines))
    append = "streamlog-append -q --sync each each each-in"

    def run(count):
        fresh_topic("each")
        seconds = timed_sh(f"{append} & " * count + "wait")
        there = int(sh("streamlog-tail -a each | wc -l"))
        if there != count * lines:
            raise Wrong(f"each: {there} events for {count * lines}")
        return seconds / count / lines

    alone, together = pairs(lambda: run(1), lambda: run(writers))
    yield Row(f"--sync each, {writers} writers; base: one",
              1 / median(together), 20000, 40000, more_is_better=True,
              unit="/s", base=f"{1 / median(alone):.0f}/s",
              ours=f"{1 / median(together):.0f}/s", noise=spread(alone))


FIRST_MS = 1700000000000


def make_dated(path, count):
    """Small events, one a millisecond, each with its number."""
    with open(path, "w", encoding="ascii") as file:
        for start in range(0, count, 10000):
            file.write("".join(
                f'{{"n":{number},"t":{FIRST_MS + number}}}\n'
                for number in range(start, min(start + 10000, count))))


def seek_rows():
    """Finding a place in topics of very different sizes takes the same time."""
    counts = (10**5, 10**6) if QUICK else (10**5, 10**6, 10**7)
    for count in counts:
        make_dated("dated", count)
        fresh_topic(f"seek-{count}")
        sh(f"streamlog-append -q --time-field t seek-{count} dated")
        os.unlink("dated")
    for name, place in (("-o N", "{number}"), ("-o s@TIME", "s@{time}")):
        taken = seek_times(counts, place)
        smallest, largest = taken[counts[0]], taken[counts[-1]]
        yield Row(f"tail {name} in {counts[-1]:.0e}, against 1e+05",
                  median_ratio(largest, smallest), 1.25, None,
                  more_is_better=False, base=f"{median(smallest) * 1e3:.2f} ms",
                  ours=f"{median(largest) * 1e3:.2f} ms",
                  noise=spread(smallest))
        yield Row(f"tail {name} in {counts[-1]:.0e}: the whole command",
                  median(largest) * 1e3, None, 2.0, more_is_better=False,
                  unit="ms")


def seek_times(counts, place):
    """Seconds of `tail -c 1` for places all over each topic, in turn."""
    taken = {count: [] for count in counts}
    for turn in range(31):
        for count in counts:
            number = (turn * 7919 + 1) * count // (31 * 7920)
            where = place.format(number=number, time=FIRST_MS + number)
            command = ["streamlog-tail", "-c", "1", "-o", where,
                       f"seek-{count}"]
            seconds = timed(command, stdout="found")
            with open("found", encoding="ascii") as file:
                found = file.read()
            wanted = f'{{"n":{number},"t":{FIRST_MS + number}}}\n'
            if found != wanted:
                raise Wrong(f"{command}: {found} for {wanted}")
            if turn > 0:
                taken[count].append(seconds)
    return taken


def memory_rows():
    """Peak memory at 8 partitions."""
    for event_bytes, label in SIZES:
        path = events_file(event_bytes)
        fresh_topic("wide", partitions=8)
        append = peak(f"streamlog-append -q -k user wide {path}")
        tail = peak("streamlog-tail -a wide >wide-out")
        sh(f"sort {path} >sorted && sort wide-out | cmp - sorted")
        for name, value in (("append", append), ("tail -a", tail)):
            yield Row(f"memory of {name}, {label}, 8 partitions", value, 16, 8,
                      more_is_better=False, unit="MiB")


def peak(command):
    """The most MiB that a command had resident."""
    sh(f"{BUILD}/bench/peak peak-kib {command}")
    with open("peak-kib", encoding="ascii") as file:
        return int(file.read()) / 1024


ALL = (append_rows, tail_rows, latency_rows, single_rows, each_rows, seek_rows,
       memory_rows)
