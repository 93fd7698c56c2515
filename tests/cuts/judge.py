"""Speaks with judge.c."""

import collections
import struct
import subprocess

LOOK, CHECK, MEND, BUILD, PARSE, DYING, BOUNDED = (1 << i for i in range(7))
GONE, DIRECTORY, FILE = range(3)
QUESTION = struct.Struct("<II")
SLOT = struct.Struct("<IIIIQ")
ANSWER = struct.Struct("<IIIIIIII")
EVENT = struct.Struct("<IIQQQ")
FLAW = struct.Struct("<IIQQ")
END = struct.Struct("<Q")
RECEIPT = struct.Struct("<IIQ")

Answer = collections.namedtuple(
    "Answer", "wrong topic group events flaws ends receipts places")


class Died(Exception):
    """It crashed, or an assertion did not hold."""


class Judge:
    """A judge and the directory that it has."""

    def __init__(self, program, root):
        self.command = [program, root]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.slots = {}    # {path: number}
        self.current = {}  # {path: what it holds, as a digest}

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
        self.process = None

    def take(self, size):
        data = self.process.stdout.read(size)
        if len(data) != size:
            said = self.process.communicate()[1].decode().strip()
            status, self.process = self.process.returncode, None
            raise Died(f"it died ({status}): {said}")
        return data

    def rows(self, form, count):
        return list(form.iter_unpack(self.take(form.size * count)))

    def ask(self, wishes, rows, blobs):
        """rows: [(path, digest, inode)], the digest None for a directory;
        blobs: {digest: bytes}."""
        if self.process is None:
            self.start()
        parts = []
        wanted = {path: found for path, found, _ in rows}
        for path in self.current.keys() - wanted.keys():
            parts.append(SLOT.pack(self.slots[path], GONE, 0, 0, 0))
        for path, found, inode in rows:
            if path in self.current and self.current[path] == found:
                continue
            name = b""
            if path not in self.slots:
                self.slots[path] = len(self.slots)
                name = path
            data = b"" if found is None else blobs[found]
            parts.append(SLOT.pack(
                self.slots[path], DIRECTORY if found is None else FILE,
                len(name), len(data), inode or 0) + name + data)
        self.current = wanted
        return self.exchange(
            [QUESTION.pack(wishes, len(parts))] + parts)

    def parse(self, data):
        """The events of batches."""
        if self.process is None:
            self.start()
        return self.exchange([QUESTION.pack(PARSE, len(data)), data]).events

    def exchange(self, parts):
        try:
            self.process.stdin.write(b"".join(parts))
            self.process.stdin.flush()
        except BrokenPipeError:
            self.take(1)
        (wrong, topic, group, events, flaws, ends, receipts,
         places) = ANSWER.unpack(self.take(ANSWER.size))
        return Answer(self.take(wrong).decode(), topic, group,
                      self.take(EVENT.size * events), self.rows(FLAW, flaws),
                      [end for end, in self.rows(END, ends)],
                      self.rows(RECEIPT, receipts),
                      self.rows(RECEIPT, places))


def events_of(data):
    """[(partition, is_tombstone, offset, value, key)]"""
    return list(EVENT.iter_unpack(data))
