"""Runs a story under record.c; then what each moment of it promises."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess

import disk
import judge
from files import parse_places  # tests/groups

BUILD = os.environ["BUILD"]
KEPT = ("logs", "archive")
ARCHIVED = 0x10000
PATIENCE_S = 60
HEAD_BYTES = 61
MAGIC_AT = 16
FOREIGN_BOOT = b"00000000-0000-4000-8000-000000000000"
LOCK_BEGINS = b"streamlog lock 1\n"
BOOT_AT = 50
ENOUGH = 10**9
SPOILT = b"XXXX"  # by tests/trust/scenes.py


class Refused(Exception):
    """The story itself does not go as it should."""


@dataclasses.dataclass(frozen=True)
class Promise:
    """What programs have said up to a moment; None: nothing of that."""
    number: int
    topic: object = None   # is it there?
    yaml: object = None    # what its settings are, as a digest
    group: object = None
    events: dict = dataclasses.field(default_factory=dict)
    ends: dict = dataclasses.field(default_factory=dict)
    places: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Story:
    """All that is known of one, as it is handed from stage to stage."""
    name: str
    cuts: list = dataclasses.field(default_factory=list)
    promises: list = dataclasses.field(default_factory=list)  # by the cut
    told: list = dataclasses.field(default_factory=list)      # what follows it
    known: dict = dataclasses.field(default_factory=dict)
    stays: set = dataclasses.field(default_factory=set)
    damaged: set = dataclasses.field(default_factory=set)  # before all began
    wishes: int = 0
    spoilt: bytes = b""  # damage that must not go, but may be moved aside
    is_table: bool = False

    def capacity(self):
        """How many states there are, roughly and at most."""
        count = 0
        for cut in self.cuts:
            ways = 2 ** len(cut.changes)
            for inode in cut.open_files:
                versions = cut.files[inode]
                sectors = -(-max(map(len, versions)) // disk.SECTORS[0])
                ways *= len(versions) ** min(sectors + 1, 64)
            count += min(ways, ENOUGH)
        return count


def environment(work, **more):
    env = dict(os.environ, STREAMLOG_DIR=os.path.join(work, "logs"),
               LC_ALL="C.UTF-8", TZ="UTC", HOME=work, **more)
    env["PATH"] = f"{BUILD}/bin:{env['PATH']}"
    return env


def shell(command, work, stdout=subprocess.PIPE, **more):
    """(status, stdout, stderr); what hangs is killed with all it began."""
    with subprocess.Popen(["sh", "-c", command], cwd=work,
                          env=environment(work, **more),
                          stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE,
                          start_new_session=True) as process:
        try:
            out, said = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, out, said.decode()


def run_commands(scene, work, trace):
    """Each with its end in the trace."""
    with open(trace, "wb"):
        pass
    for command in scene.killed.split("\n"):
        with open(os.path.join(work, "acks"), "ab") as acks:
            status, _, said = shell(command, work, acks, CUTS_TRACE=trace,
                                    LD_PRELOAD=f"{BUILD}/cuts/record.so")
        if status != 0 and "TRUST_AT" not in command:
            raise Refused(f"{command}: exit {status}: {said}")
        with open(trace, "ab") as file:
            file.write(disk.end_record(status))


def boot(data):
    """A power cut is followed by another boot (RULE 2)."""
    if not data.startswith(LOCK_BEGINS) or len(data) < 512:
        return data
    return (data[:BOOT_AT] + FOREIGN_BOOT +
            data[BOOT_AT + len(FOREIGN_BOOT):])


def state_of(cut, lost, files, cache):
    """[(path, digest, inode)] and {digest: bytes}; cache: of this cut."""
    rows, blobs = [], {}
    for path, inode in cut.tree(lost):
        if inode is None:
            rows.append((path, None, 0))
            continue
        versions = cut.files[inode]
        choice = files.get(inode) or ("a", len(versions) - 1)
        entry = cache.get((inode, choice))
        if entry is None:
            data = boot(disk.content(versions, choice))
            entry = disk.digest(data), data
            if choice[0] != "m":
                cache[inode, choice] = entry
        blobs[entry[0]] = entry[1]
        rows.append((path, entry[0], inode))
    return rows, blobs


def partition_of(model, inode):
    """The partition in whose directory a file is now, or None."""
    for parent, names in model.live.items():
        if inode in names.values():
            break
    else:
        return None
    for names in model.live.values():
        for name, below in names.items():
            if below == parent:
                return int(name) if name.isdigit() else None
    return None


def promise_receipts(promise, text, found):
    """What a program's lines say is synced."""
    events, ends = dict(promise.events), dict(promise.ends)
    for line in text.split(b"\n"):
        if b'"first_offset"' not in line:
            continue
        row = json.loads(line)
        if not row["synced"]:
            continue
        part, first = row["partition"], row["first_offset"]
        for offset in range(first, first + row["count"]):
            if (part, offset) not in found:
                raise Refused(f"a receipt for {part}, {offset}, not there")
            events[part, offset] = found[part, offset]
        ends[part] = max(ends.get(part, 0), first + row["count"])
    return dataclasses.replace(promise, number=promise.number + 1,
                               events=events, ends=ends)


def promise_end(promise, command, answer, seen):
    """What a command that ended with 0 says by that, of what is seen then."""
    places = seen.places
    changes = {"number": promise.number + 1}
    if "= 66" in command:  # it may have found nothing to do
        return promise
    for program, verb in re.findall(r"streamlog-(\w+)(?: (\w+))?", command):
        if program == "append" or (program, verb) in (("topic", "create"),
                                                      ("topic", "alter")):
            changes.update(topic=True, yaml=seen.yaml)
        elif (program, verb) == ("topic", "delete"):
            changes.update(topic=False, yaml=None, events={}, ends={})
        elif program == "tail":
            events = dict(promise.events)
            ends = dict(promise.ends)
            for part, gone, offset, value, key in judge.events_of(
                    answer.events):
                if offset < places.get(part, 0):
                    events[part, offset] = gone, value, key
            for part, offset in places.items():
                ends[part] = max(ends.get(part, 0), offset)
            changes.update(group=True, places=places, events=events,
                           ends=ends)
        elif (program, verb) == ("group", "reset"):
            changes.update(group=True, places=places)
        elif (program, verb) == ("group", "delete"):
            changes.update(group=False, places={})
    return dataclasses.replace(promise, **changes)


def promise_begin(promise, command):
    """What a command takes back by beginning."""
    changes = {}
    if re.search("streamlog-group (reset|delete)", command):
        changes.update(group=None, places={})
    if "streamlog-topic delete" in command:
        changes.update(topic=None)
    if "streamlog-topic alter" in command:
        changes.update(yaml=None)
    if "streamlog-topic create" in command and promise.topic is False:
        changes.update(topic=None)
    if "streamlog-append" in command and promise.topic is False:
        changes.update(topic=None)
    if "streamlog-tail -g" in command and promise.group is False:
        changes.update(group=None)
    if not changes:
        return promise
    return dataclasses.replace(promise, number=promise.number + 1, **changes)


class Seen:
    """What some files say, read here: places as {partition: offset}, None
    where no slot is good; and topic.yaml."""

    def __init__(self, rows, blobs):
        self.places = places_of(rows, blobs)
        self.yaml = next((found for path, found, _ in rows
                          if path == b"logs/t/topic.yaml"), None)

    def key(self):
        return tuple(self.places.items()), self.yaml


def places_of(rows, blobs):
    places = {}
    for path, found, _ in rows:
        name = re.fullmatch(rb"logs/@groups/g/places/t-(\d+)", path)
        if name:
            slots = parse_places(blobs[found])
            places[int(name[1])] = slots[-1].offset if slots else None
    return places


def live_look(model, expert):
    """(answer, {(partition, offset): event}, Seen): what there is now."""
    rows, blobs = state_of(model.cut(0), frozenset(), {}, {})
    answer = expert.ask(judge.LOOK, rows, blobs)
    return answer, {(part, offset): (gone, value, key) for
                    part, gone, offset, value, key in
                    judge.events_of(answer.events)}, Seen(rows, blobs)


def note_written(story, model, expert, event):
    """The events of batches that are written: they may be seen from now on."""
    data = event.name
    if len(data) < HEAD_BYTES or data[MAGIC_AT] != 2:
        return
    part = partition_of(model, event.inode)
    if part is None:
        return
    for _, gone, offset, value, key in judge.events_of(expert.parse(data)):
        story.known.setdefault((part, offset), set()).add((gone, value, key))


def follow(story, scene, model, expert, events):
    """Walk the trace: the cuts, and what is promised at each."""
    commands = iter(scene.killed.split("\n"))
    answer, found, seen = live_look(model, expert)
    promise = Promise(0, bool(answer.topic) or None, seen.yaml,
                      bool(answer.group) or None, found,
                      dict(enumerate(answer.ends)), seen.places)
    for place, event in found.items():
        part = place[0] % ARCHIVED
        story.known.setdefault((part, place[1]), set()).add(event)
    story.damaged = {(flaw[0], flaw[2]) for flaw in answer.flaws}
    command = next(commands)
    promise = promise_begin(promise, command)
    for number, event in enumerate(events):
        if event.kind == "a" and b'"first_offset"' in event.name:
            found = live_look(model, expert)[1]
            promise = promise_receipts(promise, event.name, found)
        elif event.kind == "e":
            if event.to == 0:
                answer, _, seen = live_look(model, expert)
                promise = promise_end(promise, command, answer, seen)
            command = next(commands, None)
            if command:
                promise = promise_begin(promise, command)
        if event.kind == "w":
            note_written(story, model, expert, event)
        before = model.cut(number)
        if model.apply(event):
            story.cuts.append(before)
            story.promises.append(promise)
            story.told.append(f"{event.kind} {event.name[:40]!r}"
                              if event.kind in "cdur" else
                              f"{event.kind} {event.to}")
    story.cuts.append(model.cut(len(events)))
    story.promises.append(promise)
    story.told.append("the end")
    story.stays = set(live_look(model, expert)[1])


def fnv(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001b3) & 0xFFFFFFFFFFFFFFFF
    return value | 1


def check_known(story, scene):
    sent = {fnv(value) for value in scene.sent + scene.held}
    for place, events in story.known.items():
        for gone, value, _ in events:
            if not gone and value not in sent:
                raise Refused(f"{place}: nobody sent what was written there")


def make(scene, work):
    """What is there before the story."""
    os.makedirs(work)
    for name, values in (("in", scene.sent), ("held", scene.held)):
        with open(os.path.join(work, name), "wb") as file:
            file.write(b"".join(value + b"\n" for value in values))
    if scene.made:
        status, _, said = shell(scene.made, work)
        if status != 0:
            raise Refused(f"{scene.made}: {said}")


# What tests/trust/shim.c counts as changes.
CHANGES = ("pwrite write create mkdir unlink rename ftruncate fdatasync "
           "fsync").split()


def count_calls(scene, root):
    """At how many of its calls can a scene's program be killed?"""
    work, count = os.path.join(root, "work"), os.path.join(root, "count")
    make(scene, work)
    shell(scene.killed, work, LD_PRELOAD=f"{BUILD}/trust/shim.so",
          TRUST_PROGRAM=scene.program, TRUST_AT="0", TRUST_COUNT=count)
    with open(count, encoding="ascii") as file:
        counts = dict(line.split() for line in file)
    return sum(int(counts[call]) for call in CHANGES)


def record(scene, root):
    """The Story of a scene; what it needs is left in `root`."""
    work = os.path.join(root, "work")
    make(scene, work)
    model = disk.Disk(work, KEPT)
    trace = os.path.join(root, "trace")
    run_commands(scene, work, trace)
    os.makedirs(os.path.join(root, "look"))
    expert = judge.Judge(f"{BUILD}/cuts/judge", os.path.join(root, "look"))
    story = Story(scene.name)
    try:
        follow(story, scene, model, expert, disk.read_trace(trace))
    finally:
        expert.stop()
    check_known(story, scene)
    story.is_table = "cleanup.policy=compact" in scene.made
    story.spoilt = SPOILT if scene.damaged else b""
    if "topic delete" in scene.killed:
        story.wishes |= judge.DYING
    if "retention." in scene.made:
        story.wishes |= judge.BOUNDED
    shutil.rmtree(work)
    return story
