"""What is recorded: tests/trust's scenes, the same again after a kill, and
stories of several commands, a line each, in which one program builds on what
another has not synced."""

import dataclasses
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "../trust"))
import scenes  # noqa: E402
from scenes import (MAKE, SMALL, TABLE, Scene, keyed,  # noqa: E402
                    numbers, wide)

# Their ends are not all or nothing, which is what is judged here: lines are
# rejected, events go as they come, places go one after the other.
OTHERS = {"append with a line that is none",
          "append of envelopes, and of what is none",
          "append of more lines that are none",
          "append while the disk is too full",
          "check --mend of a torn batch",
          "group whose place is printed, and committed",
          "group delete of a topic's places", "group delete",
          "group that is acknowledged"}
# What may go is known here by what went in the end.
SCENES = [dataclasses.replace(scene, may_go=scenes.nothing)
          for scene in scenes.SCENES if scene.name not in OTHERS]
APPEND = "streamlog-append --receipt"
# Also what is killed is recorded up to then, half a write and all.
KILL = ("LD_PRELOAD=\"$BUILD/trust/shim.so $LD_PRELOAD\" "
        "TRUST_PROGRAM=%s TRUST_CALL=change TRUST_AT=%d TRUST_HOW=%s ")
GROUP = "streamlog-tail -g g --batch 3 t -- sh -c 'cat >>out'"
ODD = ("sed 's/.*\"k\":\\([0-9]*\\).*/{\"key\":\"\\1\",\"payload\":null}/;"
       "7,$d' held | ")


def line_by_line(count, options=""):
    """A batch for each event, and no sync between them."""
    return [f"sed -n {n}p in | streamlog-append -q --sync none {options} t"
            for n in range(1, count + 1)]


def story(name, *commands, **more):
    return Scene(name, "", "\n".join(commands), **more)


def killed(at, how, command="streamlog-append -q t in",
           program="streamlog-append"):
    return KILL % (program, at, how) + command


STORIES = SCENES + [
    story("append, three partitions that roll, each synced",
          f"{APPEND} --sync each -k k t in",
          made="streamlog-topic create --set segment.bytes=4KiB "
          "--partitions 3 t", sent=[b'{"k":%d,"p":"%s"}' % (n, b"x" * 900)
                                    for n in range(16)]),
    story("two append at once, each synced",
          f"{APPEND} --sync each t in & {APPEND} --sync each t held >two; "
          "wait", made=SMALL + "true", held=wide(1, 5), sent=wide(6, 10)),
    story("append after a kill half-way", killed(3, "half"),
          f"{APPEND} t in", made=MAKE, held=numbers(1, 10),
          sent=numbers(11, 30)),
    story("append after three kills", killed(3, "half"), killed(4, "half"),
          killed(2, "after"), f"{APPEND} --sync batch t in",
          made=SMALL + MAKE, held=wide(1, 4), sent=wide(5, 12)),
    story("batch by batch, not synced", *line_by_line(12),
          f"{APPEND} t held", GROUP, made=MAKE, held=numbers(1, 3),
          sent=numbers(4, 15)),
    story("wide batch by batch, not synced", *line_by_line(10), GROUP,
          f"{APPEND} t held", made="streamlog-topic create "
          "--set index.interval.bytes=1 t", held=numbers(1, 3),
          sent=wide(4, 13)),
    story("batch by batch, not synced, that rolls", *line_by_line(12),
          f"{APPEND} t held", GROUP, made="streamlog-topic create "
          "--set segment.bytes=8KiB --set index.interval.bytes=1 t",
          held=wide(1, 2), sent=wide(3, 14)),
    story("batch by batch over partitions, not synced",
          *line_by_line(12, "-k k"), GROUP, f"{APPEND} -k k t held",
          made="streamlog-topic create --partitions 3 t",
          held=keyed(1, 3, 3), sent=[b'{"k":%d,"p":"%s"}' % (n, b"x" * 500)
                                     for n in range(4, 16)]),
    story("a group reads what is not synced",
          "streamlog-append -q --sync none t in", GROUP,
          f"{APPEND} --sync none t held", GROUP, made=MAKE,
          held=numbers(1, 10), sent=numbers(11, 24)),
    story("a group reads what is not synced, and rolled",
          "streamlog-append -q --sync none t in", GROUP, made=SMALL + MAKE,
          held=wide(1, 3), sent=wide(4, 12)),
    story("a group over partitions that are not synced",
          "streamlog-append -q --sync none -k k t in", GROUP,
          made="streamlog-topic create --partitions 3 t",
          sent=keyed(1, 30, 7)),
    story("a group is new, and goes on", "streamlog-append -q t in",
          "streamlog-tail -g g -c 4 t >>out", "streamlog-tail -g g t >>out",
          "streamlog-group reset -q --to-offset 2 --execute g t",
          "streamlog-group delete -q --execute g", sent=numbers(1, 10)),
    story("a topic comes, goes, and comes again",
          "streamlog-topic create t", f"{APPEND} t in",
          "streamlog-topic delete -q --execute t",
          "streamlog-topic create --partitions 2 t", f"{APPEND} -p 1 t held",
          held=numbers(1, 5), sent=numbers(6, 20), over=True),
    story("a topic is altered between appends", f"{APPEND} t in",
          "streamlog-topic alter --set segment.bytes=4KiB --partitions 2 t",
          f"{APPEND} -p 1 t held", made="streamlog-topic create t",
          held=wide(1, 4), sent=wide(5, 9)),
    story("a table is appended to, unsynced, and compacted",
          "streamlog-append -q -k k --sync none t in",
          "streamlog-compact -q t", f"{APPEND} -k k t held", made=TABLE,
          held=keyed(1, 300, 9), sent=keyed(301, 500, 9)),
    story("a table is compacted while it is appended to",
          f"streamlog-compact -q t & {APPEND} -k k --sync batch t in; wait",
          made=TABLE, held=keyed(1, 500, 13), sent=keyed(501, 700, 13)),
    story("a table's keys are deleted, and it is compacted twice",
          f"{ODD}{APPEND} -J t", "streamlog-compact -q t",
          f"{APPEND} -k k t in", "streamlog-compact -q t",
          made=TABLE + " && streamlog-topic alter "
          "--set delete.retention.ms=1ms t",
          held=keyed(1, 300, 11), sent=keyed(301, 420, 3)),
    story("a compaction is killed, and another follows",
          killed(12, "before", "streamlog-compact -q t", "streamlog-compact"),
          killed(20, "after", "streamlog-compact -q t", "streamlog-compact"),
          "streamlog-compact -q t", made=TABLE, held=keyed(1, 700, 13)),
    story("retention after appends that are not synced",
          "streamlog-append -q --sync none t in", "streamlog-compact -q t",
          f"{APPEND} t held", "streamlog-compact -q t",
          made=SMALL + MAKE + " && streamlog-topic alter "
          "--set retention.bytes=16KiB --set file.delete.delay.ms=0 t",
          held=wide(1, 8), sent=wide(9, 20)),
]

# Those that are told again after a kill: who comes then finds names that
# nobody has synced.
AGAIN = SCENES + [
    dataclasses.replace(scene, name="append after topic create",
                        again=f"{APPEND} t in", sent=numbers(1, 5))
    for scene in SCENES if scene.name == "topic create"
]


def again_after(scene, at):
    """The scene's program is killed at one of its calls, and run again."""
    return dataclasses.replace(
        scene, name=f"{scene.name}, killed at call {at}, and again",
        killed="\n".join((killed(at, "after", scene.killed, scene.program),
                          scene.again or scene.killed)))
