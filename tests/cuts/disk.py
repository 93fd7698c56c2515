"""What a disk may hold after a power cut, from the trace of record.c.

The model is the strict one of POSIX. What was written is on disk for sure
once its own file was synced, a name once its directory was. Until then each
512 bytes of a file may be as after any of the writes since, and so may its
size, on its own; each change of a name may have come or not, for itself. A
rename comes as a whole.
"""

import collections
import hashlib
import os
import random
import struct

RECORD = struct.Struct("<IIQQQII")
SECTORS = (512, 4096)
EVENTS_MOST = 100_000

# Kinds: c create, d make a directory, u unlink, r rename, w write, t truncate,
# s sync; a something was said on stdout, e a program ended (by us, with its
# status in `to`); ? what nobody here does.
Event = collections.namedtuple("Event", "kind inode dir to name more")
# A change of names: what it takes from a directory, and what it puts there;
# either may be None.
Change = collections.namedtuple("Change", "take put")
Entry = collections.namedtuple("Entry", "dir name inode")


def read_trace(path):
    with open(path, "rb") as file:
        data = file.read()
    at, events = 0, []
    while at < len(data):
        kind, _, inode, parent, to, size, more = RECORD.unpack_from(data, at)
        at += RECORD.size
        first = data[at:at + size]
        second = data[at + size:at + size + more]
        at += size + more
        events.append(Event(chr(kind), inode, parent, to, first, second))
        if events[-1].kind == "?":
            raise SystemExit(f"{path}: {first.decode()}() isn't modelled")
    if at != len(data) or len(events) > EVENTS_MOST:
        raise SystemExit(f"{path}: a trace that makes no sense")
    return events


def end_record(status):
    return RECORD.pack(ord("e"), os.getpid(), 0, 0, status, 0, 0)


class Cut:
    """What is for sure and what is open at one moment."""

    def __init__(self, number, root, names, changes, files):
        self.number = number
        self.root = root
        self.names = names      # {dir inode: {name: inode}}, on disk for sure
        self.changes = changes  # (Change, ...) since
        self.files = files      # {inode: (bytes, ...)}: since its last sync
        self.open_files = [inode for inode, versions in files.items()
                           if len(versions) > 1]
        self.trees = {}

    def tree(self, lost):
        """[(path, inode)] where these changes, by number, didn't come; with
        None for a directory, and each before what it holds."""
        found = self.trees.get(lost)
        if found is None:
            found = self.trees[lost] = self.make_tree(lost)
        return found

    def make_tree(self, lost):
        names = dict(self.names)
        mine = set()
        for at, (take, put) in enumerate(self.changes):
            if at in lost:
                continue
            for entry in (take, put):
                if entry and entry.dir not in mine:
                    mine.add(entry.dir)
                    names[entry.dir] = dict(names.get(entry.dir, ()))
            if take and names[take.dir].get(take.name) == take.inode:
                del names[take.dir][take.name]
            if put:
                names[put.dir][put.name] = put.inode
        rows = []

        def walk(inode, path):
            for name, below in sorted(names[inode].items()):
                if below in self.files:
                    rows.append((path + name, below))
                else:
                    rows.append((path + name, None))
                    walk(below, path + name + b"/")
        walk(self.root, b"")
        return rows


class Disk:
    """Follows a trace from a directory that is all on disk."""

    def __init__(self, root, kept):
        self.root = os.stat(root).st_ino
        self.names, self.files = {}, {}
        self.live = {}
        self.changes = []
        self.scan(root, kept)

    def scan(self, path, kept=None):
        inode = os.stat(path).st_ino
        self.names[inode], self.live[inode] = {}, {}
        for entry in os.scandir(path):
            if kept is not None and entry.name not in kept:
                continue
            name = entry.name.encode()
            self.names[inode][name] = self.live[inode][name] = entry.inode()
            if entry.is_dir():
                self.scan(entry.path)
            else:
                with open(entry.path, "rb") as file:
                    self.files[entry.inode()] = (file.read(),)

    def change(self, take, put):
        if take:
            self.live[take.dir].pop(take.name, None)
        if put:
            self.live[put.dir][put.name] = put.inode
        self.changes.append(Change(take, put))

    def apply(self, event):
        """True if it changes what may be on the disk."""
        kind, inode = event.kind, event.inode
        if kind in "cd" and event.dir in self.live:
            if inode in self.files or inode in self.live:
                raise SystemExit("inode numbers come back on this file "
                                 "system: CUTS_DIR must lie on a tmpfs")
            self.change(None, Entry(event.dir, event.name, inode))
            if kind == "c":
                self.files[inode] = (b"",)
            else:
                self.names[inode], self.live[inode] = {}, {}
        elif kind == "u" and event.dir in self.live:
            self.change(Entry(event.dir, event.name, inode), None)
        elif kind == "r" and event.dir in self.live:
            if event.to not in self.live:
                raise SystemExit("a rename out of what is recorded")
            self.change(Entry(event.dir, event.name, inode),
                        Entry(event.to, event.more, inode))
        elif kind in "wt" and inode in self.files:
            versions = self.files[inode]
            self.files[inode] = versions + (self.written(versions[-1], event),)
        elif kind == "s" and inode in self.files:
            self.files[inode] = self.files[inode][-1:]
        elif kind == "s" and inode in self.live:
            self.sync_names(inode)
        else:
            return False
        return True

    @staticmethod
    def written(old, event):
        if event.kind == "t":
            return old[:event.to].ljust(event.to, b"\0")
        end = event.to + len(event.name)
        old = old.ljust(event.to, b"\0")
        return old[:event.to] + event.name + old[end:]

    def sync_names(self, inode):
        """A rename from one directory to another is there with either."""
        names = dict(self.names)
        left = []
        for change in self.changes:
            if not any(entry and entry.dir == inode for entry in change):
                left.append(change)
                continue
            for entry in change:
                if entry:
                    names[entry.dir] = dict(names[entry.dir])
            if change.take:
                names[change.take.dir].pop(change.take.name, None)
            if change.put:
                names[change.put.dir][change.put.name] = change.put.inode
        self.names, self.changes = names, left

    def cut(self, number):
        return Cut(number, self.root, dict(self.names), tuple(self.changes),
                   dict(self.files))


# How a file came out, as tuples that a recipe can hold:
# (a, i)          all as after its write i; 0: as when it was last synced
# (s, i, j)       the size as after i, the bytes as after j, zeros behind them
# (t, g, i, j, b) the first b times g bytes as after i, the rest as after j
# (p, g, i, b)    as after i, but only b times g bytes of it
# (m, g, i, seed) the size as after i, each g bytes as after any write

def content(versions, choice):
    kind = choice[0]
    if kind == "a":
        return versions[choice[1]]
    if kind == "s":
        size = len(versions[choice[1]])
        return versions[choice[2]][:size].ljust(size, b"\0")
    if kind == "t":
        _, grain, i, j, border = choice
        size = len(versions[max(i, j)])
        at = border * grain
        head = versions[i][:at].ljust(at, b"\0")
        return (head + versions[j][at:])[:size].ljust(size, b"\0")
    if kind == "p":
        return versions[choice[2]][:choice[1] * choice[3]]
    _, grain, i, seed = choice
    size = len(versions[i])
    draw = random.Random(seed)
    return b"".join(
        versions[draw.randrange(len(versions))][at:at + grain]
        .ljust(grain, b"\0") for at in range(0, size, grain))[:size]


def borders(versions, grain, i, j):
    """Where two versions can part within what differs."""
    first, second = versions[i], versions[j]
    parts = (max(len(first), len(second)) - 1) // grain + 1
    same = 0
    while same < parts and (first[same * grain:(same + 1) * grain] ==
                            second[same * grain:(same + 1) * grain]):
        same += 1
    return range(same + 1, parts)


MANY = 6


def some(draw, numbers, most=MANY):
    return list(numbers) if len(numbers) <= most else \
        draw.sample(numbers, most)


def alternatives(versions, draw):
    """The telling ways for a file to come out, but for the latest."""
    last = len(versions) - 1
    found = [("a", i) for i in {0, last - 1} |
             set(some(draw, range(last)))]
    found += [("s", last, j) for j in {0, last - 1}]
    if last > 1:
        found += [("s", i, last) for i in {0, draw.randrange(last)}]
    for grain in SECTORS:
        for i, j in {(last, 0), (last, last - 1), (0, last), (last - 1, last)}:
            found += [("t", grain, i, j, border)
                      for border in some(draw, borders(versions, grain, i, j))]
        shortest = min(map(len, versions))
        found += [("p", grain, last, border) for border in
                  some(draw, range(-(-shortest // grain),
                                   (len(versions[last]) - 1) // grain + 1))]
    return found


def any_way(versions, draw):
    """One way for a file to come out, by chance."""
    last = len(versions) - 1
    kind = draw.choice("aasttpmm")
    i, j = draw.randrange(last + 1), draw.randrange(last + 1)
    grain = draw.choice(SECTORS)
    if kind == "s":
        return ("s", i, j)
    if kind == "t":
        parts = borders(versions, grain, i, j) if i != j else ()
        if parts:
            return ("t", grain, i, j, draw.choice(parts))
    if kind == "p":
        parts = range(-(-min(map(len, versions)) // grain),
                      (len(versions[i]) - 1) // grain + 1)
        if parts:
            return ("p", grain, i, draw.choice(parts))
    if kind == "m":
        return ("m", grain, i, draw.getrandbits(32))
    return ("a", i)


def telling_states(cut, draw):
    """(lost changes, {inode: choice}) where one or two things went another
    way than the rest, be that all there or all lost; then pairs of names."""
    changes = range(len(cut.changes))
    latest = {}
    durable = {inode: ("a", 0) for inode in cut.open_files}
    ways = {inode: alternatives(cut.files[inode], draw)
            for inode in cut.open_files}
    for lost, files in ((frozenset(), latest), (frozenset(changes), durable),
                        (frozenset(), durable), (frozenset(changes), latest)):
        yield lost, files
        for at in changes:
            yield lost ^ {at}, files
        for inode in cut.open_files:
            last = len(cut.files[inode]) - 1
            for way in ways[inode] + [("a", last)]:
                yield lost, {**files, inode: way}
    for border in changes:  # the changes of names as a journal has them
        yield frozenset(range(border, len(cut.changes))), latest
        yield frozenset(range(border, len(cut.changes))), durable


def random_state(cut, draw):
    share = draw.choice((0.1, 0.5, 0.9))
    lost = frozenset(at for at in range(len(cut.changes))
                     if draw.random() < share)
    share = draw.choice((0.2, 0.6, 1))
    return lost, {inode: any_way(cut.files[inode], draw)
                  for inode in cut.open_files if draw.random() < share}


def digest(data):
    return hashlib.blake2b(data, digest_size=16).digest()
