"""The scenes: a log directory that is made once, and a command that is broken.

A Scene's `made` are commands that make it. `killed` is run under the knife, and
`again` after that (the same, unless said): then all of `sent` is in the topic,
but for what `may_go` (a test of a value) lets retention or compaction take.
Commands are the shell's, in a directory where `in` holds the events `sent`, and
`held` those that were there before. Scenes that only read are in readers.py.
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


def large(first, last):
    return [b'{"n":%d,"p":"%s"}' % (n, b"y" * 15000)
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
    reads: bool = False  # it changes nothing: what it prints is judged
    varies: bytes = b""  # what of that is another each time: an expression
    degrades: bool = False  # of what can't be read it prints what it knows
    status: int = 0      # what the command ends with
    statuses: tuple = ()  # and with a fault, beside those of calls.py
    keeps: bool = True  # what had a receipt stays, at first
    proof: str = ""  # a command that ends with 0 when all was done

    def constant(self, printed):
        """What it printed, without what is another each time."""
        return re.sub(self.varies, b"", printed) if self.varies else printed


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

ENVELOPES = ("sed 's/.*/{\"topic\":\"t\",\"headers\":{\"a\":\"b\"},"
             "\"payload\":&}/;5a{\"payload\":' in")
# Of a line that its writer's death left unfinished nothing is handled.
WHOLE = "while IFS= read -r line; do echo \"$line\"; done %s >>out"
PLACE = ("streamlog-group describe --json g | grep -q '\"offset\":%d,'")

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
    append("that rolls, in several partitions", "--sync batch",
           held=wide(1, 6), sent=wide(7, 30), made="streamlog-topic create "
           "--partitions 3 --set segment.bytes=4KiB t && " + MAKE),
    append("behind a torn batch", held=numbers(1, 10), sent=numbers(11, 30),
           made=MAKE + " && streamlog-append -q t in && truncate -s -20 "
           "\"$STREAMLOG_DIR/t/0/00000000000000000000.log\""),
    append("behind damage", made=f"{MAKE} && streamlog-append -q t held && "
           + SPOIL % (100, 1), held=numbers(1, 10), sent=numbers(11, 30),
           damaged=True),
    Scene("append with a line that is none", "streamlog-append",
          "sed '5a{' in | streamlog-append --receipt t", made=MAKE,
          held=numbers(1, 10), sent=numbers(11, 20), status=65),
    Scene("append of envelopes, and of what is none", "streamlog-append",
          ENVELOPES + " | streamlog-append --receipt -J t", made=MAKE,
          held=numbers(1, 10), sent=numbers(11, 20), status=65),
    Scene("append of more lines that are none", "streamlog-append",
          "sed 's/.*/{/' in | streamlog-append -q t; s=$?; [ $s = 65 ] || "
          "exit $s; streamlog-append -q t in || s=$?; exit $s", held=numbers(1, 10),
          made=MAKE + " ; { echo '{' | streamlog-append -q t; } || true",
          sent=numbers(11, 20), status=65),
    append("of large batches", "--sync batch", made=MAKE,
           held=numbers(1, 10), sent=large(11, 20)),
    append("while the disk is too full", held=wide(1, 12), sent=wide(13, 24),
           made=SMALL + MAKE + " && streamlog-topic alter --set "
           "min.free.bytes=1024TiB t", may_go=anything, keeps=False),
    append("to a bounded topic that refuses", "-q", held=wide(1, 12),
           sent=wide(13, 20), may_go=below(13), made="streamlog-topic create "
           "--set retention.total.bytes=32KiB --set on.full=refuse t && "
           + MAKE, again="streamlog-topic alter "
           "--set retention.total.bytes=1MiB t && streamlog-append -q t in"),
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
    compact("by key and by age", made=TABLE + " && streamlog-topic alter --set "
            "cleanup.policy=compact,delete --set retention.count=200 "
            "--set file.delete.delay.ms=0 t", held=keyed(1, 900, 13),
            may_go=anything),
    Scene("compact of all topics", "streamlog-compact",
          "streamlog-compact -q --all", held=keyed(1, 600, 13),
          may_go=passed(keyed(1, 600, 13)), made=TABLE + " && streamlog-topic "
          "create --set retention.count=10 --set segment.bytes=4KiB u && "
          "streamlog-append -q u held"),
    compact("to an archive, again", "--archive \"$PWD/archive\"",
            made=SMALL + "head -n 9 held | streamlog-append -q t && "
            "streamlog-compact -q --archive \"$PWD/archive\" t && "
            "tail -n +10 held | streamlog-append -q t && streamlog-topic "
            "alter --set retention.count=3 --set file.delete.delay.ms=0 t",
            held=wide(1, 16), may_go=anything, archive=True),
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
    Scene("check --mend of the first batch", "streamlog-check",
          "streamlog-check -q --mend t", held=wide(1, 12), damaged=True,
          made=SMALL + MAKE + " && " + SPOIL % (30, 1)),
    Scene("check --mend in two places", "streamlog-check",
          "streamlog-check -q --mend t", held=wide(1, 24), damaged=True,
          made=SMALL + MAKE + " && " + SPOIL % (300, 2) + " && "
          + SPOIL % (1800, 4)),
    Scene("check --mend of a torn batch", "streamlog-check",
          "streamlog-check -q --mend t", held=numbers(1, 10), damaged=True,
          made=MAKE + " && streamlog-append -q t held && truncate -s -20 "
          "\"$STREAMLOG_DIR/t/0/00000000000000000000.log\""),
    Scene("check --mend of a table", "streamlog-check",
          "streamlog-check -q --mend t", held=keyed(1, 900, 300),
          damaged=True, may_go=passed(keyed(1, 900, 300)),
          made=TABLE + " && streamlog-compact -q t && " + SPOIL % (300, 1)),
    Scene("check --mend of indexes", "streamlog-check",
          "streamlog-check -q --mend t", held=wide(1, 16),
          made=SMALL + MAKE + " && cd \"$STREAMLOG_DIR/t/0\" && "
          "for file in *.index *.timeindex; do printf X | dd bs=1 "
          "conv=notrunc status=none of=$file; done"),
    Scene("topic create", "streamlog-topic",
          "streamlog-topic create --if-not-exists t", topic_may_lack=True),
    Scene("topic create with settings", "streamlog-topic",
          "streamlog-topic create --if-not-exists --partitions 5 --set "
          "retention.ms=7d t", made="mkdir logs && "
          "echo 'segment.bytes: 4KiB' >logs/streamlog.yaml",
          topic_may_lack=True, proof="streamlog-topic describe --json t | "
          "grep -q '\"partitions\":5.*\"retention.ms\"'"),
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
          held=numbers(1, 20), out=True, statuses=(1,)),
    Scene("group to a file", "streamlog-tail",
          "streamlog-tail -g g t >>out", made=MAKE, held=numbers(1, 20),
          out=True),
    Scene("group to a pipe", "streamlog-tail", "mkfifo -m 600 pipe 2>pipes; "
          + WHOLE % "<pipe" + " & streamlog-tail -g g t >pipe; s=$?; wait; exit $s",
          made=MAKE, held=numbers(1, 20), out=True, statuses=(1, 2)),
    Scene("group that is acknowledged", "streamlog-tail",
          "mkfifo pipe acks 2>pipes; { tee acks <pipe 5<>acks | sed -u "
          "'s/.*\"payload\"://;s/}}$/}/' | " + WHOLE % ""
          + "; } & streamlog-tail -g g -J "
          "--ack-fd 4 t 4<>acks >pipe; s=$?; wait; exit $s",
          made=MAKE, held=numbers(1, 20), out=True, statuses=(1, 2)),
    Scene("group whose place is printed, and committed", "streamlog-tail",
          "streamlog-tail -g g --no-commit --print-place place t >>out && "
          "streamlog-group commit --from-file place g", made=MAKE,
          held=numbers(1, 20), out=True, statuses=(74,)),
    Scene("group commit from a file", "streamlog-group",
          "streamlog-group commit --from-file place g",
          made=MAKE + " && streamlog-tail -g g -c 3 t >out && "
          "streamlog-tail -g g --no-commit --print-place place t >>out",
          held=numbers(1, 20), proof=PLACE % 20),
    Scene("group over partitions", "streamlog-tail",
          "streamlog-tail -g g --batch 3 t -- sh -c 'cat >>out'",
          made="streamlog-append -q --partitions 3 -k k t held",
          held=keyed(1, 40, 7), out=True, statuses=(1,)),
    Scene("group that goes on", "streamlog-tail",
          "streamlog-tail -g g --batch 3 t -- sh -c 'cat >>out'",
          made=MAKE + " && streamlog-tail -g g -c 7 t >out",
          held=numbers(1, 20), out=True, statuses=(1,)),
    Scene("group reset", "streamlog-group",
          "streamlog-group reset -q --to-offset 5 --execute g t",
          made=MAKE + " && streamlog-tail -g g t >/dev/null",
          held=numbers(1, 20)),
    Scene("group reset of several places", "streamlog-group",
          "streamlog-group reset -q --to-earliest --execute g",
          made="streamlog-append -q --partitions 4 -k k t held && "
          "streamlog-tail -g g t >/dev/null", held=keyed(1, 40, 9),
          proof="[ $(streamlog-group describe --json g | "
          "grep -c '\"offset\":0,') = 4 ]"),
    Scene("group delete of a topic's places", "streamlog-group",
          "streamlog-group delete -q --execute g t",
          made="streamlog-append -q --partitions 3 -k k t held && "
          "streamlog-append -q u held && "
          "streamlog-tail -g g t u >/dev/null", held=keyed(1, 40, 9),
          again="streamlog-group delete -q --execute g t || [ $? = 66 ]",
          proof="[ $(streamlog-group describe --json g | wc -l) = 1 ]"),
    Scene("group delete", "streamlog-group",
          "streamlog-group delete -q --execute g",
          made=MAKE + " && streamlog-tail -g g t >/dev/null",
          again="streamlog-group delete -q --execute g || [ $? = 66 ]",
          held=numbers(1, 20)),
]
