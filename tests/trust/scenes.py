"""The scenes: a log directory that is made once, and a command that is killed.

A Scene's `made` are commands that make it. `killed` is run under the knife, and
`again` after that (the same, unless said): then all of `sent` is in the topic,
but for what `may_go` (a test of a value) lets retention or compaction take.
Commands are the shell's, in a directory where `in` holds the events `sent`, and
`held` those that were there before.
"""

import dataclasses
import re
from typing import Callable, Optional


def numbers(first, last):
    return [b'{"n":%d}' % n for n in range(first, last + 1)]


def keyed(first, last, keys):
    return [b'{"k":%d,"n":%d}' % (n % keys, n) for n in range(first, last + 1)]


def wide(first, last):
    return [b'{"n":%d,"p":"%s"}' % (n, b"x" * 1500)
            for n in range(first, last + 1)]


def nothing(_):
    return False


@dataclasses.dataclass
class Scene:
    name: str
    program: str
    killed: str
    made: str = ""
    again: Optional[str] = None
    held: list = dataclasses.field(default_factory=list)
    sent: list = dataclasses.field(default_factory=list)
    may_go: Callable = nothing
    topic: str = "t"
    topic_may_lack: bool = False  # after the kill, or after all
    over: bool = False  # when done the topic is gone
    out: bool = False   # `out` holds what a group handled: all in the end
    archive: bool = False  # what went is in the archive
    damaged: bool = False  # a batch was spoilt


def number_of(value):
    return int(re.search(rb'"n":(\d+)', value)[1])


def below(limit):
    return lambda value: number_of(value) < limit


def anything(_):
    return True


MAKE = "streamlog-append -q t held"
SMALL = "streamlog-topic create --set segment.bytes=4KiB t && "
OLD = ("sed 's/^/{\"ts\":1700000000000,\"payload\":/;s/$/}/' held | "
       "streamlog-append -q -J t")
AGED = (f"{OLD} && streamlog-topic alter --set retention.ms=7d "
        "--set file.delete.delay.ms=0 t")
TABLE = ("streamlog-topic create --set segment.bytes=4KiB "
         "--set cleanup.policy=compact t && streamlog-append -q -k k t held")


def append(name, options="", **more):
    return Scene(f"append {name}", "streamlog-append",
                 f"streamlog-append --receipt {options} t in", **more)


def compact(name, options="", **more):
    return Scene(f"compact {name}", "streamlog-compact",
                 f"streamlog-compact -q {options} t", **more)


def passed(events):
    """Of these, those that a later one of their key passed may go."""
    last = {}
    for value in events:
        last[re.search(rb'"k":(\d+)', value)[1]] = value
    stay = set(last.values())
    return lambda value: value not in stay


SPOIL = ("printf XXXX | dd bs=1 conv=notrunc status=none seek=%d "
         "of=\"$STREAMLOG_DIR/t/0/$(ls \"$STREAMLOG_DIR/t/0\" | "
         "grep 'log$' | sed -n %dp)\"")

SCENES = [
    append("that makes the topic", sent=numbers(1, 20), topic_may_lack=True),
    append("that makes a topic of 3 partitions", "--partitions 3 -k k",
           sent=keyed(1, 60, 7), topic_may_lack=True),
    append("to a topic", made=MAKE, held=numbers(1, 10),
           sent=numbers(11, 30)),
    append("of one event", made=MAKE, held=numbers(1, 10),
           sent=numbers(11, 11)),
    append("each synced", "--sync each", made=MAKE, held=numbers(1, 10),
           sent=numbers(11, 18)),
    append("each batch synced", "--sync batch", made=MAKE,
           held=numbers(1, 10), sent=wide(11, 30)),
    append("not synced", "--sync none", made=MAKE, held=numbers(1, 10),
           sent=numbers(11, 30)),
    append("that rolls", made=SMALL + MAKE, held=wide(1, 5),
           sent=wide(6, 20)),
    append("that rolls, each synced", "--sync each", made=SMALL + MAKE,
           held=wide(1, 5), sent=wide(6, 14)),
    append("behind a torn batch", held=numbers(1, 10), sent=numbers(11, 30),
           made=MAKE + " && streamlog-append -q t in && truncate -s -20 "
           "\"$STREAMLOG_DIR/t/0/00000000000000000000.log\""),
    append("behind damage", made=f"{MAKE} && streamlog-append -q t held && "
           + SPOIL % (100, 1), held=numbers(1, 10), sent=numbers(11, 30),
           damaged=True),
    append("with a line that is none", made=MAKE, held=numbers(1, 10),
           sent=numbers(11, 20), again=f"{MAKE} ; streamlog-append -q t in"),
    append("of many partitions", "-k k", held=keyed(1, 80, 11),
           made="streamlog-append -q --partitions 4 -k k t held",
           sent=keyed(81, 160, 11)),
    append("that lets the oldest go", held=wide(1, 12), sent=wide(13, 30),
           made="streamlog-topic create --set retention.bytes=32KiB t && "
           + MAKE, may_go=below(13)),
    append("to a table", "-k k", made=TABLE, held=keyed(1, 300, 9),
           sent=keyed(301, 400, 9)),
    compact("by age", made=AGED, held=wide(1, 12), may_go=anything),
    compact("by age, with a delay", held=wide(1, 12), may_go=anything,
            made=f"{OLD} && streamlog-topic alter --set retention.ms=7d t"),
    compact("by bytes", held=wide(1, 20), may_go=anything,
            made=SMALL + MAKE + " && streamlog-topic alter "
            "--set retention.bytes=16KiB --set file.delete.delay.ms=0 t"),
    compact("by count", held=wide(1, 20), may_go=anything,
            made=SMALL + MAKE + " && streamlog-topic alter "
            "--set retention.count=7 --set file.delete.delay.ms=0 t"),
    compact("by key", made=TABLE, held=keyed(1, 900, 13),
            may_go=passed(keyed(1, 900, 13))),
    compact("by key, in passes", "--memory 64KiB", made=TABLE,
            held=keyed(1, 900, 700), may_go=passed(keyed(1, 900, 700))),
    compact("by key, again", held=keyed(1, 900, 13),
            sent=keyed(901, 1300, 13), may_go=passed(keyed(1, 1300, 13)),
            made=TABLE + " && streamlog-compact -q t && "
            "streamlog-append -q -k k t in"),
    compact("to an archive", "--archive \"$PWD/archive\"", made=AGED,
            held=wide(1, 12), may_go=anything, archive=True),
    compact("of a table, to an archive", "--archive \"$PWD/archive\"",
            made=TABLE, held=keyed(1, 400, 9), archive=True,
            may_go=passed(keyed(1, 400, 9))),
    Scene("check --mend in the middle", "streamlog-check",
          "streamlog-check -q --mend t", held=wide(1, 12), damaged=True,
          made=SMALL + MAKE + " && " + SPOIL % (300, 2)),
    Scene("check --mend in the active segment", "streamlog-check",
          "streamlog-check -q --mend t", held=numbers(1, 10), damaged=True,
          made=f"{MAKE} && {MAKE} && {MAKE} && " + SPOIL % (400, 1)),
    Scene("topic create", "streamlog-topic",
          "streamlog-topic create --if-not-exists t", topic_may_lack=True),
    Scene("topic alter", "streamlog-topic",
          "streamlog-topic alter --partitions 3 --set retention.ms=70d t",
          made=MAKE, held=numbers(1, 10)),
    Scene("topic delete", "streamlog-topic",
          "streamlog-topic delete --execute t", made=MAKE,
          again="streamlog-topic delete -q --execute t || [ $? = 66 ]",
          held=numbers(1, 10), topic_may_lack=True, over=True,
          may_go=anything),
    Scene("group to a command", "streamlog-tail",
          "streamlog-tail -g g --batch 3 t -- sh -c 'cat >>out'", made=MAKE,
          held=numbers(1, 20), out=True),
    Scene("group to a file", "streamlog-tail",
          "streamlog-tail -g g t >>out", made=MAKE, held=numbers(1, 20),
          out=True),
    Scene("group over partitions", "streamlog-tail",
          "streamlog-tail -g g --batch 3 t -- sh -c 'cat >>out'",
          made="streamlog-append -q --partitions 3 -k k t held",
          held=keyed(1, 40, 7), out=True),
    Scene("group that goes on", "streamlog-tail",
          "streamlog-tail -g g --batch 3 t -- sh -c 'cat >>out'",
          made=MAKE + " && streamlog-tail -g g -c 7 t >out",
          held=numbers(1, 20), out=True),
    Scene("group reset", "streamlog-group",
          "streamlog-group reset -q --to-offset 5 --execute g t",
          made=MAKE + " && streamlog-tail -g g t >/dev/null",
          held=numbers(1, 20)),
    Scene("group delete", "streamlog-group",
          "streamlog-group delete -q --execute g",
          made=MAKE + " && streamlog-tail -g g t >/dev/null",
          again="streamlog-group delete -q --execute g || [ $? = 66 ]",
          held=numbers(1, 20)),
]
