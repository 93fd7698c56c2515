"""
The rows of the bench about Apache Kafka: files beside a cluster of one broker
on this machine, ours beside Kafka's own programs and kcat. Each yields Row
after Row.
"""

import csv
import itertools
import os
import re
import shutil
import subprocess
import time

from group_rows import failovers, percentile
from measure import (BUILD, QUICK, Row, Wrong, fresh_topic, make_events,
                     median, median_ratio, say, sh, spread, timed_sh)
from rows import check_topic, peak, probe, timed_into_pipe

HERE = os.path.dirname(os.path.abspath(__file__))
BROKER = os.path.join(HERE, "..", "kafka", "broker")
TOOL = os.path.join(HERE, "..", "kafka", "tool")
EVENT_BYTES = 310  # of a line, as of an access log
EVENTS = 60000 if QUICK else 200000
SIZE = EVENTS * EVENT_BYTES
ROUNDS = 3 if QUICK else 5
JAVA_ROUNDS = 1 if QUICK else 2
STARTS = 1 if QUICK else 2
PARTITIONS = 8  # of a topic of events with keys
LONE_US = 5000  # between events that come alone
LONE = 100 if QUICK else 200
KILLS = 20 if QUICK else 60
SESSIONS_S = (6, 45)  # the shortest that Kafka allows, and its default
SAFE = "-X enable.idempotence=true -X acks=all"
# As kafka-run-class.sh has them, in place of what makes tests start quickly.
JAVA = ("-XX:-UseSerialGC -XX:+UseG1GC -XX:TieredStopAtLevel=4 "
        "-XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 "
        "-XX:+ExplicitGCInvokesConcurrent -XX:MaxInlineLevel=15")
HEAP = "-Xms1G -Xmx1G"  # as kafka-server-start.sh has it
ABOUT = """\
# A broker does more than files: it serves many machines over a network, keeps
# replicas of each event on other machines and elects a new leader, and has
# quotas, access lists and transactions. By default it doesn't sync before it
# acknowledges: files are on disk at exit 0, Kafka's events in the memory of as
# many machines as there are replicas, here one."""


class Broker:
    """A broker of its own, made when it is started first."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        self.address = None

    def run(self, verb):
        done = subprocess.run(
            [BROKER, verb, self.path], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            env={**os.environ, "KAFKA_OPTS": f"{JAVA} {HEAP}"})
        if done.returncode != 0:
            raise Wrong(done.stderr.decode(errors="replace").strip())
        return done.stdout.decode().strip()

    def start(self):
        self.address = self.run("start")

    def stop(self):
        self.run("stop")

    def memory(self, name, file="status"):
        """MiB, by a line of what the kernel says of its process."""
        with open(f"{self.path}/pid", encoding="ascii") as pid:
            path = f"/proc/{pid.read().strip()}/{file}"
        with open(path, encoding="ascii") as lines:
            for line in lines:
                if line.startswith(f"{name}:"):
                    return int(line.split()[1]) / 1024
        raise Wrong(f"{path}: no {name}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if os.path.exists(f"{self.path}/pid"):
            self.stop()
        shutil.rmtree(self.path, ignore_errors=True)


class Cluster:
    """A broker that runs, and how each program is told of it."""

    def __init__(self, broker):
        self.broker = broker
        self.at = f"-d kafka://{broker.address}"
        self.kcat = f"kcat -q -b {broker.address}"
        self.numbers = itertools.count()

    def name(self):
        """Of a topic that isn't there."""
        return f"bench-{next(self.numbers)}"

    def topic(self, partitions=1, settings=""):
        name = self.name()
        sh(f"streamlog-topic create {self.at} --partitions {partitions} "
           f"{settings} {name}")
        os.sync()
        return name

    def read(self, name):
        """The command that prints a topic, with no wait at its end."""
        return (f"{self.kcat} -C -t {name} -o beginning -e "
                "-X fetch.wait.max.ms=10")

    def tool(self, name, *arguments):
        """Run a program of Kafka's; what it prints."""
        done = subprocess.run(
            [TOOL, f"org.apache.kafka.tools.{name}", "--bootstrap-server",
             self.broker.address, *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            env={**os.environ, "KAFKA_OPTS": JAVA})
        if done.returncode != 0:
            raise Wrong(f"{name}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode()


def in_turn(systems):
    """
    Each system is run once for nothing, then all in turn, there and back. A
    program of Java's takes long: fewer times. Returns the values of each.
    """
    values = {name: [] for name in systems}
    for system in systems.values():
        system()
    for number in range(ROUNDS):
        names = list(systems)
        for name in names if number % 2 else reversed(names):
            if number < JAVA_ROUNDS or not name.endswith("perf-test"):
                values[name].append(systems[name]())
    return values


def show(rate):
    return f"{rate:.0f} MB/s"


def rate_row(what, ours, base, values):
    """The rate of ours, in values by their names, against a base."""
    pairs = zip(values[ours], values[base])
    own, theirs = zip(*pairs)
    return Row(f"{what}, {ours}, against {base}", median_ratio(own, theirs),
               None, None, more_is_better=True, base=show(median(theirs)),
               ours=show(median(own)),
               noise=spread(theirs) if len(theirs) > 1 else None)


# ---- Appending ----

def append_rows(cluster):
    """append of a file: files, a broker, kcat, Kafka's producer."""
    for keyed in (False, True):
        what = f"append -k, {PARTITIONS} partitions" if keyed else "append"
        values = in_turn(append_systems(cluster, keyed))
        bases = [name for name in values if name not in ("files", "ours")]
        for base in bases:
            yield rate_row(what, "ours", base, values)
        yield rate_row(what, "files", "ours", values)


def append_systems(cluster, keyed):
    partitions = PARTITIONS if keyed else 1
    key = "-k user " if keyed else ""
    kcat = ("-X partitioner=murmur2_random -K '\t' -l events-keyed" if keyed
            else "-l events-310")

    def files():
        fresh_topic("bench", partitions)
        seconds = timed_sh(f"streamlog-append -q {key}bench events-310")
        if not keyed:
            check_topic("bench", "events-310")
        return SIZE / seconds / 1e6

    def to_broker(command, settings=""):
        def run():
            name = cluster.topic(partitions, settings)
            seconds = timed_sh(command.format(name=name))
            check(cluster, name, is_ordered=not keyed)
            return SIZE / seconds / 1e6
        return run

    ours = f"streamlog-append -q {cluster.at} {key}{{name}} events-310"
    kcat = f"{cluster.kcat} -P -t {{name}} {kcat}"
    systems = {"files": files, "ours": to_broker(ours),
               "kcat acks=all": to_broker(f"{kcat} {SAFE}"),
               "kcat": to_broker(kcat)}
    if keyed:  # which Kafka's program can't have
        return systems
    return {**systems,
            "ours, synced": to_broker(ours, "--set flush.messages=1"),
            "producer-perf-test": lambda: produce(cluster),
            "1 MiB producer-perf-test":
                lambda: produce(cluster, "batch.size=1000000",
                                "linger.ms=50")}


def produce(cluster, *settings):
    """By its own clock, which leaves out the start of Java and the reading."""
    name = cluster.topic()
    said = cluster.tool("ProducerPerformance", "--topic", name,
                        "--num-records", str(EVENTS), "--throughput", "-1",
                        "--payload-file", "events-310", "--command-property",
                        "acks=all", "enable.idempotence=true", *settings)
    found = re.findall(r"([0-9.]+) records/sec", said.splitlines()[-1])
    check(cluster, name, is_ordered=False)
    return float(found[0]) * EVENT_BYTES / 1e6


def check(cluster, name, is_ordered):
    """All is there; kcat reads it."""
    if is_ordered:
        sh(f"{cluster.read(name)} | cmp - events-310")
        return
    size = int(sh(f"{cluster.read(name)} | wc -c"))
    if size != SIZE:
        raise Wrong(f"{name}: {size} bytes for {SIZE}")


# ---- Reading ----

def tail_rows(cluster):
    """tail -a: files, a broker, kcat, Kafka's consumer."""
    name = cluster.topic()
    sh(f"streamlog-append -q {cluster.at} {name} events-310")
    fresh_topic("bench")
    sh("streamlog-append -q bench events-310")

    def piped(command):
        return lambda: SIZE / timed_into_pipe(command.split(), SIZE) / 1e6

    values = in_turn({
        "files": piped("streamlog-tail -a bench"),
        "ours": piped(f"streamlog-tail {cluster.at} -a {name}"),
        "kcat": piped(cluster.read(name)),
        "consumer-perf-test": lambda: consume(cluster, name)})
    yield rate_row("tail -a", "ours", "kcat", values)
    yield rate_row("tail -a", "ours", "consumer-perf-test", values)
    yield rate_row("tail -a", "files", "ours", values)


def consume(cluster, name):
    """By its own clock of the fetching, without the group's joining."""
    said = cluster.tool("ConsumerPerformance", "--topic", name,
                        "--num-records", str(EVENTS))
    row = next(csv.DictReader(said.splitlines(), skipinitialspace=True))
    if int(row["data.consumed.in.nMsg"]) < EVENTS:
        raise Wrong(f"consumer-perf-test: {said}")
    return float(row["fetch.nMsg.sec"]) * EVENT_BYTES / 1e6


# ---- Latency ----

def lone_rows(cluster):
    """
    A lone event from the writer's stdin to the follower's stdout. The writer
    is always ours: kcat -P sends what it reads of a pipe when the pipe ends.
    """
    taken = in_turn({
        "files": follow_files,
        "ours": lambda: follow_broker(
            cluster, "streamlog-tail -f {at} {name}"),
        "kcat -C": lambda: follow_broker(
            cluster, "{kcat} -C -u -t {name} -o beginning")})
    for what in ("p50_us", "p99_us"):
        values = {name: [run[what] for run in runs]
                  for name, runs in taken.items()}
        for own, base in (("ours", "kcat -C"), ("files", "ours")):
            yield Row(f"follow lone events, {what[:3]}, {own}, against {base}",
                      median_ratio(values[own], values[base]), None, None,
                      more_is_better=False,
                      base=f"{median(values[base]):.0f} us",
                      ours=f"{median(values[own]):.0f} us",
                      noise=spread(values[base]))


def follow_files():
    fresh_topic("live")
    return probe(LONE, ["streamlog-append", "-q", "live"],
                 ["streamlog-tail", "-f", "live"], LONE_US)


def follow_broker(cluster, follower):
    name = cluster.topic()
    command = follower.format(at=cluster.at, kcat=cluster.kcat, name=name)
    return probe(LONE, ["streamlog-append", "-q", *cluster.at.split(), name],
                 command.split(), LONE_US)


# ---- The rest ----

def failover_rows(_):
    """kill -9 of a group's member; Kafka's time-out is not waited for."""
    taken = failovers(KILLS)
    for session_s in SESSIONS_S:
        yield Row(f"kill -9 to the next event, files; Kafka's {session_s} s",
                  median(taken) * 1e3, None, None,
                  more_is_better=False, unit="ms", base=f"{session_s} s",
                  ours=f"p99 {percentile(taken, 99) * 1e3:.1f} ms")


def first_rows(cluster):
    """From nothing to the first event read."""
    with open("event", "w", encoding="ascii") as file:
        file.write('{"user":"u1","amount":3}\n')
    ours = ("streamlog-append -q {at} {name} event && "
            "streamlog-tail -n 1 {at} {name} >first")
    kcat = ("{kcat} -P -t {name} -l event && "
            "{kcat} -C -t {name} -o beginning -c 1 >first")

    def run(line, at):
        seconds = timed_sh(line.format(at=at.at, kcat=at.kcat, name=at.name()))
        sh("cmp event first")
        return seconds

    def files():
        shutil.rmtree(os.environ["STREAMLOG_DIR"], ignore_errors=True)
        seconds = timed_sh(ours.format(at="", name="first"))
        sh("cmp event first")
        return seconds

    values = in_turn({"files": files,
                      "ours": lambda: run(ours, cluster),
                      "kcat": lambda: run(kcat, cluster)})
    starts = {"ours": [], "kcat": []}
    for _ in range(STARTS):
        for name, line in (("ours", ours), ("kcat", kcat)):
            starts[name].append(start_and(lambda at, line=line: run(line, at)))
    for name, base in (("kcat", values["kcat"]), ("ours", values["ours"]),
                       ("kcat + start", starts["kcat"]),
                       ("ours + start", starts["ours"])):
        yield Row(f"nothing to the first event, files, against {name}",
                  median(base) / median(values["files"]), None, None,
                  more_is_better=True, base=f"{median(base) * 1e3:.0f} ms",
                  ours=f"{median(values['files']) * 1e3:.1f} ms",
                  noise=spread(base) if len(base) > 1 else None)


def start_and(run):
    """Seconds of a broker's start, from an empty directory, and `run`."""
    with Broker("first-broker") as broker:
        begun = time.monotonic()
        broker.start()
        started = time.monotonic()
        return started - begun + run(Cluster(broker))


def memory_rows(cluster):
    """Peak memory of all that must run; the broker's by all rows so far."""
    fresh_topic("bench")
    files = (peak("streamlog-append -q bench events-310") +
             peak("streamlog-tail -a bench >/dev/null"))
    name = cluster.topic()
    ours = (peak(f"streamlog-append -q {cluster.at} {name} events-310") +
            peak(f"streamlog-tail {cluster.at} -a {name} >/dev/null"))
    name = cluster.topic()
    kcat = (peak(f"{cluster.kcat} -P -t {name} {SAFE} -l events-310") +
            peak(f"{cluster.read(name)} >/dev/null"))
    broker = cluster.broker.memory("VmHWM")
    say(f"# the broker: {broker:.0f} MiB resident at most, now "
        f"{cluster.broker.memory('Pss', 'smaps_rollup'):.0f} MiB (PSS), with "
        f"{HEAP}")
    for what, own, base in (("files", files, 0),
                            ("ours + broker", ours, broker),
                            ("kcat + broker", kcat, broker)):
        yield Row(f"memory of append and tail -a, {what}", own + base, None,
                  None, more_is_better=False, unit="MiB",
                  base=f"{base:.0f} MiB" if base else "",
                  ours="" if what.startswith("kcat") else f"{own:.0f} MiB")


def what_lacks():
    """Why there can be no broker, or None."""
    if not os.path.exists(f"{BUILD}/lib/streamlog/kafka.so"):
        return "built without librdkafka-dev"
    if not shutil.which("kcat"):
        return "no kcat"
    done = subprocess.run([os.path.join(HERE, "..", "kafka", "jars")],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    return done.stderr.decode().strip() if done.returncode != 0 else None


def kafka_rows():
    """Files beside a broker, ours beside Kafka's own programs and kcat."""
    lacks = what_lacks()
    if lacks is not None:
        say(f"# NOT MEASURED: all rows about Apache Kafka: {lacks}")
        return
    make_events("events-310", SIZE, EVENT_BYTES)
    sh("sed 's/.*\"user\":\"\\([^\"]*\\)\".*/\\1\\t&/' events-310 "
       ">events-keyed")
    with Broker("broker") as broker:
        broker.start()
        cluster = Cluster(broker)
        say(f"# Kafka: one broker on the loopback, {EVENTS} events of "
            f"{EVENT_BYTES} bytes; ours and Kafka's producer: acks=all, "
            "idempotent;\n# programs of Java's by their own clock, without "
            "their start")
        say(ABOUT)
        for group in GROUPS:
            yield from group(cluster)


GROUPS = (append_rows, tail_rows, lone_rows, memory_rows, first_rows,
          failover_rows)


ALL = (kafka_rows,)
