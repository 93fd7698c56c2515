"""What was sent and acknowledged, kept outside of what is cut; the judge.

A token stands for an event: its value, or what a tombstone's header says. No
two events that are sent have the same.
"""

import collections
import os

import disk

# A topic: "log" keeps all, "ring" lets the oldest go, "table" keeps each key's
# last.
Topic = collections.namedtuple("Topic", "name partitions kind settings")


class Log:
    """One partition: what must be there, and what is."""

    def __init__(self, topic, number, path):
        self.topic = topic
        self.name = f"{topic.name} {number}"
        self.partition = disk.Partition(path)
        self.promised = {}  # offset: token; acknowledged, or left by a cut
        self.acknowledged = 0
        self.newest = {}    # key: (offset, token) among these
        self.named = []     # (from, to): a check said that they are gone
        self.is_damaged = False  # a check said so, and nobody mended it yet

    def promise(self, offset, key, token):
        """What is wrong with it; None: nothing."""
        if self.promised.setdefault(offset, token) != token:
            return f"{self.name}: offset {offset} is given again"
        if key not in self.newest or self.newest[key][0] < offset:
            self.newest[key] = (offset, token)
        return None

    def judge_named(self):
        """What is said to be lost is."""
        for first, end in self.named:
            for offset in range(first, end):
                if offset in self.partition.found:
                    return f"{self.name}: {offset} is said to be lost"
        return None

    def is_named(self, first, end):
        return any(a <= first and end <= b for a, b in self.named)


class Ledger:
    def __init__(self, root, topics):
        self.root = root
        self.sent = {}    # token: (its producer, its number, its key)
        self.orders = {}  # producer: its (token, key)s as they were sent
        self.buried = {}  # key: the number of its last tombstone
        self.homes = {}   # (topic, key): its partition
        self.handled = {}  # (topic, partition): {offset: token}
        self.told = {}    # (group, place): told to be committed
        self.tells = 0
        self.places = {}  # (group, place): what was there the last time
        self.logs = {}
        self.topics = {}
        for topic in topics:
            self.add(topic)

    def add(self, topic):
        self.topics[topic.name] = topic
        for number in range(topic.partitions):
            path = os.path.join(self.root, topic.name, str(number))
            self.logs[topic.name, number] = Log(topic, number, path)

    def drop(self, topic):
        del self.topics[topic.name]
        for number in range(topic.partitions):
            del self.logs[topic.name, number]

    def send(self, producer, number, key, token):
        self.sent[token] = (producer, number, key)
        if token.startswith(b"~"):
            self.buried[key] = number
        self.orders.setdefault(producer, []).append((token, key))

    def acknowledge(self, producer, topic, rows):
        """A run's receipts, in order; what is wrong with them."""
        order = self.orders.get(producer, [])
        queues = {}
        for row in rows:
            number = row["partition"]
            log = self.logs[topic, number]
            if number not in queues:
                queues[number] = iter(
                    [(token, key) for token, key in order
                     if self.homes.get((topic, key), 0) == number])
            for offset in range(row["first_offset"],
                                row["first_offset"] + row["count"]):
                token, key = next(queues[number], (None, None))
                if token is None:
                    return f"{log.name}: a receipt for what was not sent"
                if row["synced"]:
                    log.acknowledged += 1
                    wrong = log.promise(offset, key, token)
                    if wrong:
                        return wrong
        return None

    def tell(self, group, place, offset):
        self.told[group, place] = offset
        self.tells += 1

    def read(self):
        for log in self.logs.values():
            log.partition.read()

    def judge(self):
        """Of what was read: the first thing that is wrong, or None."""
        for (topic, number), log in self.logs.items():
            wrong = self.judge_events(topic, number, log)
            if not wrong:
                wrong = judge_gaps(log)
            if not wrong:
                wrong = (self.judge_table if log.topic.kind == "table"
                         else judge_log)(log)
            if wrong:
                return f"{log.name}: {wrong}"
        return None

    def judge_events(self, topic, number, log):
        """Each was sent, is there once, in its partition, in order."""
        last, seen = {}, set()
        for offset, (key, token) in log.partition.found.items():
            if token not in self.sent:
                return f"offset {offset}: nobody sent {token[:60]}"
            if token in seen:
                return f"offset {offset}: {token[:60]} is there twice"
            seen.add(token)
            producer, at, own_key = self.sent[token]
            if last.get(producer, -1) >= at:
                return f"offset {offset}: {token[:60]} after a later one"
            last[producer] = at
            if own_key != key:
                return f"offset {offset}: the key is {key}"
            if self.homes.setdefault((topic, key), number) != number:
                return f"offset {offset}: key {key} is not at home here"
        return None

    def keep(self):
        """What a cut left is on disk, and must stay; what is wrong then."""
        for log in self.logs.values():
            for offset, (key, token) in log.partition.found.items():
                wrong = log.promise(offset, key, token)
                if wrong:
                    return wrong
        return None

    def judge_table(self, log):
        """The last value of each key stays; what is there is what was. A
        tombstone, also one that nobody was told of, may have gone with all
        that was before it."""
        found, newest = log.partition.found, {}
        for offset, (key, token) in found.items():
            newest[key] = offset
            if log.promised.get(offset, token) != token:
                return f"offset {offset} was {log.promised[offset][:60]}"
        for key, (offset, token) in log.newest.items():
            there = newest.get(key)
            if there is None and \
                    self.buried.get(key, -1) >= self.sent[token][1]:
                continue
            if there is None or there < offset:
                return (f"key {key} ended at offset {offset} with "
                        f"{token[:60]}, and ends at {there}")
        return None

    def judge_places(self, groups):
        """After keep(): no place is beyond the end, behind what was told, or
        past what nobody handled."""
        for group in groups:
            path = os.path.join(self.root, "@groups", group, "places")
            found = disk.places(path)
            for name, told in self.told.items():
                if name[0] == group and found.get(name[1]) is None:
                    return f"{group}: no place {name[1]}, told was {told}"
            for name, offset in found.items():
                wrong = self.judge_place(group, name, offset)
                if wrong:
                    return f"{group}: place {name}: {wrong}"
        return None

    def judge_place(self, group, name, offset):
        topic, _, number = name.rpartition("-")
        log = self.logs[topic, int(number)]
        least = max(self.told.get((group, name), 0),
                    self.places.get((group, name), 0))
        if offset is None:
            return "is damaged"
        if offset < least:
            return f"{offset}, and was {least}"
        if offset > log.partition.end:
            return f"{offset}, and the log ends at {log.partition.end}"
        if group == "handlers":
            handled = self.handled.get((topic, int(number)), {})
            for at in range(self.places.get((group, name), 0), offset):
                token = log.partition.found.get(at, (None, None))[1]
                if token is not None and handled.get(at) != token:
                    return f"{offset}, and {at} was not handled"
        self.places[group, name] = offset
        return None


def judge_log(log):
    """What was promised is there, but for what a bound lets go."""
    found, first = log.partition.found, 0
    if log.topic.kind == "ring":
        first = log.partition.first
        kept = log.partition.bytes
        if first > 0 and kept < log.topic.settings["least"]:
            return f"retention left {kept} bytes"
    for offset, token in log.promised.items():
        if offset >= first and found.get(offset, (None, None))[1] != token:
            there = found.get(offset, (None, b"nothing"))[1]
            return (f"offset {offset} was {token[:60]}, "
                    f"and is {there[:60]}")
    return None


def judge_gaps(log):
    for first, end, is_bad in log.partition.gaps:
        if not is_bad and not log.is_named(first, end):
            return f"offsets {first} to {end - 1} lack, and nobody says so"
    return None
