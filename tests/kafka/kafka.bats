#!/usr/bin/env bats
# The files are Kafka's: its own dump-log and an independent decoder read what
# several processes wrote at once, and both notice damage.

load kafka_helper

# Of each of the four writers, in pieces of 100, so that batches interleave.
EVENTS=3000
PARTITIONS=3

setup_file()
{
	export STREAMLOG_DIR=$BATS_FILE_TMPDIR/logs
	streamlog-topic create --partitions "$PARTITIONS" \
		--set segment.bytes=64KiB orders
	write plain json_events -k user &
	write lz4 json_events -k user -z lz4 &
	write zstd json_events -z zstd &
	write envelope envelopes -J &
	wait
	rm -f "$BATS_FILE_TMPDIR"/*.piece.*
	find "$STREAMLOG_DIR/orders" -name '[0-9]*.*' | LC_ALL=C sort \
		>"$BATS_FILE_TMPDIR/files"
	# A reader that ends with a failure still says what it found.
	dump_log >"$BATS_FILE_TMPDIR/dump" 2>"$BATS_FILE_TMPDIR/faults" || true
	dump_log --data >"$BATS_FILE_TMPDIR/data" || true
}

setup()
{
	cd "$BATS_FILE_TMPDIR" || return
}

# write NAME SOURCE OPTION...: append this writer's events, piece by piece.
write()
{
	local name=$1 source=$2 piece
	shift 2
	"$source" "$name" | split -a 3 -l 100 - \
		"$BATS_FILE_TMPDIR/$name.piece."
	for piece in "$BATS_FILE_TMPDIR/$name.piece."*; do
		streamlog-append --sync none "$@" orders "$piece" ||
			echo "$name: exit $?" >>"$BATS_FILE_TMPDIR/failures"
	done 2>>"$BATS_FILE_TMPDIR/failures"
}

# dump_log [--data]: of all that the writers left
dump_log()
{
	local files
	mapfile -t files <"$BATS_FILE_TMPDIR/files"
	"$BATS_TEST_DIRNAME/dump-log" "$@" "${files[@]}"
}

# flip FILE BYTE: change one bit; a BYTE below 0 counts from the end.
flip()
{
	local at=$2 byte
	[ "$at" -ge 0 ] || at=$((at + $(stat -c %s "$1")))
	byte=$(od -An -tu1 -j "$at" -N 1 "$1")
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\x$(printf %02x $((byte ^ 1)))" |
		dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

# notices WORDS KIND BYTE: with one bit flipped in the file of that kind, the
# check of its segment fails, and says this.
notices()
{
	local base copy=$BATS_TEST_TMPDIR/copy
	base=$(find "$STREAMLOG_DIR/orders/0" -name '*.index' -size +0 |
		LC_ALL=C sort | sed -n '2s/\.index$//p')
	mkdir "$copy"
	cp "$base".* "$copy"
	base=$copy/$(basename "$base")
	"$BATS_TEST_DIRNAME/dump-log" "$copy"/*.{log,index,timeindex}
	flip "$base.$2" "$3"
	run --separate-stderr -1 \
		"$BATS_TEST_DIRNAME/dump-log" "$copy"/*.{log,index,timeindex}
	[[ $stderr == *"$1"* ]]
}

@test "four writers at once end well" {
	cat failures
	[ ! -s failures ]
}

@test "segments roll, and are indexed" {
	for ((partition = 0; partition < PARTITIONS; partition++)); do
		[ "$(grep -c "/orders/$partition/.*\.log$" files)" -ge 3 ]
	done
	[ "$(grep -c '\.log$' files)" -eq "$(grep -c '\.index$' files)" ]
	[ "$(grep -c '\.log$' files)" -eq "$(grep -c '\.timeindex$' files)" ]
	[ "$(grep -c '^offset: ' dump)" -ge 20 ]
	[ "$(grep -c '^timestamp: ' dump)" -ge 20 ]
}

@test "dump-log finds no fault in log, index and time index" {
	cat faults
	[ ! -s faults ]
	[ "$(grep -c '^| offset: ' dump)" -eq $((4 * EVENTS)) ]
}

@test "dump-log sees batches of every compression" {
	for codec in none lz4 zstd; do
		grep -iq "^baseOffset: .* compresscodec: $codec " dump
	done
}

@test "Kafka reads the keys, times and values that streamlog-tail prints" {
	sed -nE 's/^\| offset: ([0-9]+) CreateTime: ([0-9]+) .* key: ([^ ]*) payload: /\1 \2 \3 /p' data |
		grep -aE '"from":"(plain|lz4)"' | sort >theirs
	for ((partition = 0; partition < PARTITIONS; partition++)); do
		streamlog-tail -a -p "$partition" --format '%o %T %k %s\n' orders
	done | grep -aE '"from":"(plain|lz4)"' | sort >ours
	[ "$(wc -l <ours)" -eq $((2 * EVENTS)) ]
	cmp theirs ours
}

@test "python3-kafka reads the events that streamlog-tail prints" {
	streamlog-tail -a -J orders >envelopes
	run -0 "$BATS_TEST_DIRNAME/same-events" "$STREAMLOG_DIR/orders" \
		"$PARTITIONS" <envelopes
	[ "$output" = $((4 * EVENTS)) ]
}

@test "python3-kafka notices an event that was printed otherwise" {
	streamlog-tail -a -J orders | sed '777s/"ts":1/"ts":2/' >other
	run -1 "$BATS_TEST_DIRNAME/same-events" "$STREAMLOG_DIR/orders" \
		"$PARTITIONS" <other
}

@test "the log of rejected lines is Kafka's, too" {
	run -65 streamlog-append orders <<<'no event'
	"$BATS_TEST_DIRNAME/dump-log" \
		"$STREAMLOG_DIR"/orders/rejected/*.{log,index,timeindex}
}

@test "dump-log finds no fault in compacted segments and their indexes" {
	local files
	TMPDIR=$BATS_TEST_TMPDIR "${BUILD:-$BATS_TEST_DIRNAME/../../build}/tests/test_compact" \
		leave-logs
	for partition in "$BATS_TEST_TMPDIR"/streamlog-test-*/0; do
		files=("$partition"/*.{log,index,timeindex})
		[ ${#files[@]} -gt 6 ]
		"$BATS_TEST_DIRNAME/dump-log" --compacted "${files[@]}" >dumped
		grep -q 'isvalid: true' dumped
		grep -q ' deleteHorizonMs: OptionalLong\[' dumped
	done
}

@test "one bit in a log is noticed" {
	notices 'isvalid: false' log -20
}

@test "one bit in an index is noticed" {
	notices 'Mismatches in' index -5
}

@test "one bit of a time in a time index is noticed" {
	notices 'Found timestamp mismatch in' timeindex -5
}

@test "one bit of an offset in a time index is noticed" {
	notices 'indexed offsets are not found in' timeindex -1
}

@test "a log that was cut is noticed" {
	local log=$BATS_TEST_TMPDIR/00000000000000000000.log
	head -c -1 "$STREAMLOG_DIR/orders/0/${log##*/}" >"$log"
	run --separate-stderr -1 "$BATS_TEST_DIRNAME/dump-log" "$log"
	[[ $stderr == *'invalid bytes at the end of'* ]]
}
