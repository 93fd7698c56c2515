"""The scenes that only read: what they print is judged, and that it is all.

One log directory has it all: `t` with keys and headers in three partitions, a
table that was compacted, compressed topics, one that is damaged, one with
rejected lines, and a group that has read a part.
"""

from scenes import Scene, keyed

MADE = r"""
streamlog-topic create --partitions 3 --set segment.bytes=4KiB t
sed 's/.*/{"ts":17000000&,"key":&,"headers":{"h":"v"},"payload":&}/
    s/:17000000{"k":[0-9]*,"n":\([0-9]*\)}/:1700000000\1/
    s/"key":{"k":\([0-9]*\)[^}]*}/"key":"\1"/' held | streamlog-append -q -J t
streamlog-topic create --set segment.bytes=4KiB --set cleanup.policy=compact table
streamlog-append -q -k k table held
streamlog-compact -q table
streamlog-append -q -z zstd zstd held
streamlog-append -q -z lz4 lz4 held
streamlog-append -q bad held
sed 's/}//' held | head -n 20 | streamlog-append -q bad || true
streamlog-topic create --set segment.bytes=4KiB spoilt
streamlog-append -q spoilt held
printf XXXX | dd bs=1 conv=notrunc status=none seek=300 \
    of="$(ls "$STREAMLOG_DIR"/spoilt/0/*.log | sed -n 2p)"
streamlog-tail -g g -c 90 t table >/dev/null
streamlog-tail -g all t >/dev/null
"""
# What the clock says, and the groups' members.
TIMES = rb'"(behind|headroom)_ms":[^,]*,|behind_seconds\S* [0-9.e+]+|[0-9.]+ s\b'


def reads(command, **more):
    program = command.split()[0]
    return Scene(f"{command}", program, command, made=MADE, reads=True,
                 held=keyed(100, 399, 40), **more)


READERS = [
    reads("streamlog-tail t"),
    reads("streamlog-tail -a -q t"),
    reads("streamlog-tail -n 7 -J -p 1 t"),
    reads("streamlog-tail -a --key 13 --header h=v -J t"),
    reads("streamlog-tail --since @1700000000 --until @1700000003 t"),
    reads("streamlog-tail -o -5 --format '%t %p %o %k %s %h %T\\n' t"),
    reads("streamlog-tail -o s@1700000000250 t"),
    reads("streamlog-tail -a --synced t"),
    reads("streamlog-tail -f -c 300 -o beginning t | sort",
          varies=rb"(?s).*"),
    reads("streamlog-tail -a table"),
    reads("streamlog-tail -a zstd"),
    reads("streamlog-tail -a -J lz4"),
    reads("streamlog-tail -a 'z*' 't*'"),
    reads("streamlog-tail -a --rejected bad"),
    reads("streamlog-tail -a spoilt", status=65),
    reads("streamlog-tail -a --on-damage=skip spoilt", status=65),
    reads("streamlog-tail none", status=66),
    reads("streamlog-topic list --json"),
    reads("streamlog-topic describe", varies=rb" to [^\n]*",
          degrades=True),
    reads("streamlog-topic describe --json t table", degrades=True),
    reads("streamlog-group list"),
    reads("streamlog-group describe", varies=TIMES,
          degrades=True),
    reads("streamlog-group describe --json g", varies=TIMES,
          degrades=True),
    reads("streamlog-group lag", varies=TIMES,
          degrades=True),
    reads("streamlog-group lag --prometheus g", varies=TIMES,
          degrades=True),
    reads("streamlog-group wait --max-lag 1000 g"),
    reads("streamlog-group reset --to-earliest g", degrades=True),
    reads("streamlog-group reset --to-datetime @1700000000 g t",
          degrades=True),
    reads("streamlog-group delete g"),
    reads("streamlog-compact --dry-run --json t table"),
    reads("streamlog-topic delete t"),
    reads("streamlog-check t table zstd lz4"),
    reads("streamlog-check --json spoilt", status=65),
    reads("streamlog-check --dump t zstd"),
    reads("streamlog-check --dump --json table"),
]
