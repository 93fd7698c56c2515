#!/usr/bin/env bats
# The disk fails, or the writer is killed, at each step of an append: what was
# acknowledged stays, and the next append works without a manual step.

load helper

# Two of these don't fit into a segment of the least size, 4 KiB.
padding=$(printf 'x%.0s' {1..2500})

# big N: an event so large.
big()
{
	printf '{"n":%d,"p":"%s"}\n' "$1" "$padding"
}

# inject NAME SPEC COMMAND...: run it with faults in its system calls on the
# file NAME of partition 0 ('' for any file); see strace(1) for SPEC.
inject()
{
	local only=() name=$1 spec=$2

	shift 2
	[ -z "$name" ] || only=(-P "$STREAMLOG_DIR/orders/0/$name" -P "$name")
	# A leak can't be looked for in a process that is traced.
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace \
		--inject="$spec" "${only[@]}" "$@"
}

first=00000000000000000000
lost="from offset 2 on in doubt: fdatasync: input/output error"

# holds N...: the topic holds these numbers, dense from offset 0 on.
holds()
{
	streamlog-tail -a -J orders |
		sed -E 's/.*"offset":([0-9]+),.*"n":([0-9]+).*/\1 \2/' >held
	printf '%s\n' "$@" | awk '{ print NR - 1, $1 }' | diff - held
}

@test "a full disk: 75, nothing of the batch is seen, and then it goes on" {
	events 1 2 | streamlog-append orders
	events 3 4 >in
	t inject "$first.log" pwrite64:error=ENOSPC:when=1 \
		streamlog-append --receipt orders in
	expect 75 "" "streamlog-append: topic 'orders': partition 0: write: no \
space left on device; 0 lines are done; go on with: tail -n +1 in | \
streamlog-append --receipt orders"
	holds 1 2
	streamlog-append orders in
	holds 1 2 3 4
}

@test "a disk that fills up: what was synced before has its receipt" {
	events 1 3 >in
	t inject "$first.log" pwrite64:error=ENOSPC:when=3 \
		streamlog-append --sync each --receipt orders in
	[ "$status" = 75 ]
	[[ ${lines[0]} == *'"first_offset":0,"count":1,'*'"synced":true}' ]]
	[[ ${lines[1]} == *'"first_offset":1,"count":1,'*'"synced":true}' ]]
	[ "${#lines[@]}" = 2 ]
	echo "$stderr"
	[[ $stderr == *"2 lines are done; go on with: tail -n +3 in "* ]]
	holds 1 2
}

@test "a short write, as the limit on file size makes it, is cut back" {
	local size=0

	for n in 1 2 3 4; do
		big "$n"
	done >in
	streamlog-append orders in
	size=$(stat -c %s "$STREAMLOG_DIR/orders/0/$first.log")
	big 5 >in
	(ulimit -f 11 && streamlog-append orders in)
	[ "$(stat -c %s "$STREAMLOG_DIR/orders/0/$first.log")" = "$size" ]
	holds 1 2 3 4 5
	run bash -c "ulimit -f 5 && streamlog-append --raw orders $bin/*"
	[ "$status" = 75 ]
	streamlog-append orders <<<'{"n":6}'
	holds 1 2 3 4 5 6
}

@test "a sync that fails: 74, no receipt, a verdict, and a new segment" {
	local partition=$STREAMLOG_DIR/orders/0

	events 1 2 | streamlog-append orders
	events 3 4 >in
	t inject "$first.log" fdatasync:error=EIO:when=1 \
		streamlog-append --receipt orders in
	[ "$status" = 74 ]
	[ "$output" = "" ]
	[[ $stderr == *"'$first.log': $lost; 0 lines are done; go on with: "* ]]
	grep -Eq '^suspect 0{20} 0*[1-9][0-9]* 0{19}2$' "$partition/lock"
	grep -q 'offset 2 on' "$partition/$first.suspect"
	streamlog-append orders <<<'{"n":5}'
	[ -s "$partition/00000000000000000004.log" ]
	holds 1 2 3 4 5
	# A reader's own sync knows nothing of it, so it must not vouch.
	t streamlog-tail -a --synced orders
	[ "$status" = 74 ]
	[ "$output" = "$(events 1 2)" ]
	[[ $stderr == *"'$first.log': a sync failed: what was written from byte "*" on is in doubt" ]]
}

@test "a sync that failed is not tried again at the end of the run" {
	events 1 2 >in
	for level in batch each; do
		rm -rf "$STREAMLOG_DIR"
		t inject "$first.log" fdatasync:error=EIO:when=1 \
			streamlog-append --sync $level --receipt orders in
		[ "$status" = 74 ]
		[ "$output" = "" ]
		[[ $stderr == *"in doubt: fdatasync: input/output error; 0 \
lines are done"* ]]
		[ "$(grep -c fdatasync trace)" = 1 ]
	done
}

@test "a sync that fails in a roll is not tried again as if it were good" {
	streamlog-topic create --set segment.bytes=4KiB orders
	big 1 | streamlog-append --sync none orders
	big 2 >in
	t inject "$first.log" fdatasync:error=EIO:when=1 \
		streamlog-append --receipt orders in
	[ "$status" = 74 ]
	[ "$output" = "" ]
	[[ $stderr == *"in doubt: fdatasync: input/output error"* ]]
	grep -q '^suspect 0' "$STREAMLOG_DIR/orders/0/lock"
	streamlog-append orders in
	holds 1 2
}

@test "no room for the next segment: 75, and the log is as it was" {
	streamlog-topic create --set segment.bytes=4KiB orders
	big 1 | streamlog-append orders
	big 2 >in
	t inject 00000000000000000001.log openat:error=ENOSPC \
		streamlog-append orders in
	[ "$status" = 75 ]
	holds 1
	t inject 00000000000000000001.index openat:error=ENOSPC \
		streamlog-append orders in
	[ "$status" = 75 ]
	holds 1
	streamlog-append orders in
	holds 1 2
}

@test "a directory that can't be synced: 74, and then it goes on" {
	streamlog-topic create --set segment.bytes=4KiB orders
	big 1 | streamlog-append orders
	big 2 >in
	t inject "" fsync:error=EIO:when=1 streamlog-append orders in
	[ "$status" = 74 ]
	streamlog-append orders in
	holds 1 2
}

@test "a topic whose deletion fails takes events again" {
	streamlog-append orders <<<'{"n":1}'
	t inject "" renameat2:error=EACCES:when=1 \
		streamlog-topic delete --execute orders
	[ "$status" = 74 ]
	streamlog-append orders <<<'{"n":2}'
	holds 1 2
	streamlog-topic delete --execute orders
	[ -z "$(ls -A "$STREAMLOG_DIR")" ]
}

@test "an index that can't be written costs no event" {
	streamlog-topic create --set index.interval.bytes=1KiB orders
	big 1 | streamlog-append orders
	big 2 >in
	inject "$first.index" pwrite64:error=ENOSPC streamlog-append orders in
	[ ! -s "$STREAMLOG_DIR/orders/0/$first.index" ]
	holds 1 2
	big 3 | streamlog-append orders
	[ "$(stat -c %s "$STREAMLOG_DIR/orders/0/$first.index")" = 16 ]
	holds 1 2 3
}

@test "a torn tail that can't be cut or kept stays, and nothing is appended" {
	events 1 1 | streamlog-append orders
	events 2 2 | streamlog-append orders
	truncate -s -1 "$STREAMLOG_DIR/orders/0/$first.log"
	events 3 3 >in
	t inject "$first.log" ftruncate:error=EIO:when=1 \
		streamlog-append orders in
	[ "$status" = 74 ]
	holds 1
	t inject "" mkdirat:error=ENOSPC:when=1 streamlog-append orders in
	[ "$status" = 75 ]
	streamlog-append orders in
	holds 1 3
	[ -n "$(ls "$STREAMLOG_DIR/orders/0/lost+found")" ]
}

# killed_at_each BEFORE: append event 2 to the log directory ready/, killed at
# each of its system calls that may change something; then append event 3. What
# BEFORE says was there must be, 2 may be (must, where it was not killed).
killed_at_each()
{
	local call n kills=0 killed found

	for call in openat pwrite64 ftruncate mkdirat renameat2 unlinkat \
		fdatasync fsync fcntl getdents64; do
		n=0
		killed=137
		while [ "$killed" = 137 ]; do
			n=$((n + 1))
			rm -rf "$STREAMLOG_DIR"
			cp -a ready "$STREAMLOG_DIR"
			killed=0
			inject "" "$call:signal=KILL:when=$n" \
				streamlog-append orders in || killed=$?
			streamlog-append orders <<<'{"n":3}'
			found=$(streamlog-tail -a orders |
				sed -E 's/^\{"n":([0-9]+).*/\1/' | tr '\n' ' ')
			case "$killed $found" in
			"137 $1""3 " | "137 $1""2 3 ") kills=$((kills + 1)) ;;
			"0 $1""2 3 ") ;;
			*)
				echo "kill at $call $n: exit $killed: $found"
				return 1
				;;
			esac
			# shellcheck disable=SC2086 # numbers
			holds $found
		done
	done
	echo "killed $kills times"
	[ "$kills" -gt 20 ]
}

@test "killed anywhere in an append that cuts a torn tail and rolls" {
	streamlog-topic create --set segment.bytes=4KiB orders
	big 1 | streamlog-append orders
	streamlog-append orders <<<'{"n":9}'
	truncate -s -1 "$STREAMLOG_DIR/orders/0/$first.log"
	mv "$STREAMLOG_DIR" ready
	big 2 >in
	killed_at_each "1 "
}

@test "killed anywhere in the append that makes the topic" {
	mkdir ready
	big 2 >in
	killed_at_each ""
}
