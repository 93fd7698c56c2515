#!/usr/bin/env bats
# streamlog-compact keeps topics within their bounds: what goes, what is said of
# it, and what a kill leaves. In topics of these tests each event has a segment
# of its own, since two of them don't fit into one of the least size.

load helper

padding=$(printf 'x%.0s' {1..2500})

# dated MS N: an event of an envelope, so large, dated MS.
dated()
{
	printf '{"ts":%s,"payload":{"n":%d,"p":"%s"}}\n' "$1" "$2" "$padding"
}

# topic SETTING...: topic `logs`.
topic()
{
	streamlog-topic create --set segment.bytes=4KiB "${@/#/--set=}" logs
}

# fill FROM TO [MS]: events of these numbers, dated MS.
fill()
{
	local n

	for ((n = $1; n <= $2; n++)); do
		dated "${3:-1700000000000}" "$n"
	done | streamlog-append -J "${@:4}" logs
}

# holds FIRST N...: the topic's events, dense from offset FIRST on.
holds()
{
	local first=$1

	shift
	streamlog-tail -a -J logs |
		sed -E 's/.*"offset":([0-9]+),.*"n":([0-9]+).*/\1 \2/' >held
	printf '%s\n' "$@" | awk -v at="$first" 'NF { print at++, $1 }' |
		diff - held
}

# names: the files of partition 0, but for indexes.
names()
{
	(cd "$STREAMLOG_DIR/logs/0" && ls) | grep -Ev 'index|^ends$' | paste -sd ' '
}

# usage ARGUMENTS... MESSAGE: a mistake of usage.
usage()
{
	local message=${*: -1}

	t streamlog-compact "${@:1:$#-1}"
	expect 2 "" "streamlog-compact: $message"
}

@test "compact names mistakes of usage" {
	usage "which topic? or --all"
	usage --all logs "--all: takes no topics beside it"
	usage --frob "unknown option '--frob'; 'streamlog-compact --help' lists them"
	t streamlog-compact nosuch
	expect 66 "" "streamlog-compact: topic 'nosuch': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is"
	mkdir -p "$STREAMLOG_DIR"
	t streamlog-compact 'no*'
	expect 66 "" "streamlog-compact: 'no*': no topic matches; 'streamlog-topic list' shows what is"
}

@test "compact --help fits a screen" {
	t streamlog-compact --help
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -le 24 ]
	[ "$(printf '%s\n' "${lines[@]}" | wc -L)" -le 80 ]
}

@test "compact is silent where there is nothing to do" {
	mkdir "$STREAMLOG_DIR"
	t streamlog-compact --all
	expect 0 "" ""
	topic
	fill 1 3
	before=$(names)
	for arguments in --all logs "--dry-run logs" "--json logs"; do
		# shellcheck disable=SC2086 # words
		t streamlog-compact $arguments
		expect 0 "" ""
	done
	[ "$(names)" = "$before" ]
	streamlog-topic alter --set retention.ms=36500d logs
	t streamlog-compact --all
	expect 0 "" ""
	holds 0 1 2 3
}

@test "compact deletes what is older than retention.ms, by the events' times" {
	local now

	now=$(date +%s)000
	topic retention.ms=7d
	fill 1 1 1700000000000
	fill 2 2 $((now - 8 * 86400000))
	fill 3 3 "$now"
	fill 4 4 "$now"
	# The first roll of the writer cleaned: the name has gone.
	[ "$(names)" = "00000000000000000000.log.deleted 00000000000000000001.log.deleted 00000000000000000002.log 00000000000000000003.log lock" ]
	holds 2 3 4
	t streamlog-compact logs
	expect 0 "" ""
	t streamlog-tail -o 0 logs
	[ "$status" = 3 ]
	[ "$stderr" = "streamlog-tail: topic 'logs': partition 0: offsets 0 to 1 were deleted before they were read (2 events); going on at 2" ]
	streamlog-topic alter --set file.delete.delay.ms=0 logs
	t streamlog-compact --all
	[[ $output =~ ^"logs: "[0-9.]+" KiB freed"$ ]]
	[ "$(names)" = "00000000000000000002.log 00000000000000000003.log 00000000000000000004.log lock" ]
}

@test "compact --dry-run says what would go and why, and changes nothing" {
	topic
	fill 1 4
	streamlog-topic alter --set retention.count=3 logs
	before=$(names)
	t streamlog-compact --dry-run --all
	[ "$status" = 0 ]
	[[ ${lines[0]} =~ ^"logs 0: would delete 00000000000000000000.log ("[0-9.]+" KiB, 1 event: retention.count=3)"$ ]]
	[[ ${lines[1]} =~ ^"logs: would delete 1 segment, 1 event, "[0-9.]+" KiB"$ ]]
	[ "${#lines[@]}" = 2 ]
	streamlog-topic alter --set retention.ms=1d logs
	t streamlog-compact --dry-run logs
	[ "${#lines[@]}" = 5 ]
	[[ ${lines[3]} =~ ^"logs 0: would delete 00000000000000000003.log ("[0-9.]+" KiB, 1 event, newest "[0-9]+" d old: retention.ms=1d)"$ ]]
	t streamlog-compact --dry-run --json logs
	[[ ${lines[0]} =~ ^'{"topic":"logs","partition":0,"delete":"00000000000000000000.log","reason":"retention.ms","first_offset":0,"events":1,"bytes":'[0-9]+',"newest_time":"2023-11-14T22:13:20Z","dry_run":true}'$ ]] ||
		[[ ${lines[0]} =~ '"newest_time":"2023-11-14T22:13:20.000Z","dry_run":true}'$ ]]
	[[ ${lines[4]} =~ ^'{"topic":"logs","segments":4,"events":4,"bytes":'[0-9]+',"passed_events":0,"freed_bytes":0,"archived_segments":0,"archived_events":0,"archived_bytes":0,"dry_run":true}'$ ]]
	[ "$(names)" = "$before" ]
	t streamlog-compact logs
	[[ $output =~ ^"logs: deleted 4 segments, 4 events, "[0-9.]+" KiB; 0 B freed"$ ]]
	[ "$stderr" = "" ]
	streamlog-append logs <<<'{"n":5}'
	holds 4 5
}

@test "compact --quiet says nothing of what it did, -v each segment" {
	topic
	fill 1 3
	streamlog-topic alter --set retention.count=2 logs
	t streamlog-compact -q logs
	expect 0 "" ""
	holds 1 2 3
	streamlog-topic alter --set retention.count=1 logs
	t streamlog-compact -v logs
	[[ $stderr =~ ^"streamlog-compact: logs 0: deleted 00000000000000000001.log ("[0-9.]+" KiB, 1 event: retention.count=1)"$ ]]
}

@test "retention.bytes: the writer alone keeps the topic within it" {
	topic retention.bytes=64KiB
	fill 1 100
	[ "$(du -b --exclude=lock "$STREAMLOG_DIR/logs/0" | cut -f1)" -lt $((80 * 1024)) ]
	[[ $(names) != *deleted* ]]
	t streamlog-compact logs
	expect 0 "" ""
	streamlog-tail -a logs | tail -n 1 | grep -q '^{"n":100,'
}

@test "retention.total.bytes: the oldest of all partitions go" {
	streamlog-topic create --partitions 2 --set segment.bytes=4KiB logs
	fill 1 4 1700000005000 -p 0
	fill 5 8 1700000000000 -p 1
	streamlog-topic alter --set retention.total.bytes=16KiB logs
	t streamlog-compact --dry-run --all
	[[ ${lines[0]} == "logs 1: would delete 00000000000000000000.log ("*": retention.total.bytes=16KiB)" ]]
	[[ ${lines[1]} == "logs 1: would delete 00000000000000000001.log ("* ]]
	[ "${#lines[@]}" = 3 ]
	t streamlog-compact --all
	[[ $output =~ ^"logs: deleted 2 segments, 2 events, "([0-9.]+)" KiB; "([0-9.]+)" KiB freed"$ ]]
	[ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
	[ "$(streamlog-tail -a logs | wc -l)" = 6 ]
	t streamlog-compact --all
	expect 0 "" ""
}

@test "min.free.bytes: all but what is being written goes" {
	topic min.free.bytes=1024TiB
	fill 1 5
	holds 4 5
	t streamlog-compact --all
	expect 0 "" ""
}

@test "an idle topic is closed by the wall clock, and its events go" {
	topic
	streamlog-append -J logs <<<'{"ts":1700000000000,"payload":{"n":1}}'
	streamlog-topic alter --set retention.ms=1h logs
	t streamlog-compact --all
	[[ $output == "logs: deleted 1 segment, 1 event, "*"; 0 B freed" ]]
	t streamlog-tail -a logs
	expect 0 "" ""
	t streamlog-topic describe --json logs
	[[ $output == *'"first_offset":1,"next_offset":1,"events":0,'* ]]
	streamlog-append logs <<<'{"n":2}'
	holds 1 2
}

@test "compact --all skips a partition in work; named it is 75" {
	topic
	fill 1 3
	streamlog-topic alter --set retention.count=1 logs
	# The clean lock, byte 2, held by another.
	python3 - "$STREAMLOG_DIR/logs/0/lock" <<-'END' 3>&- 4>&- &
		import fcntl, os, struct, sys, time
		fd = os.open(sys.argv[1], os.O_RDWR)
		lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 2, 1, 0)
		fcntl.fcntl(fd, 37, lock)  # F_OFD_SETLK
		open("held", "w").close()
		time.sleep(60)
	END
	holder=$!
	until [ -e held ]; do sleep 0.02; done
	t streamlog-compact --all
	expect 0 "" ""
	t streamlog-compact logs
	expect 75 "" "streamlog-compact: topic 'logs': partition 0: another process is cleaning it; try again"
	# A writer goes on, and leaves the cleaning to who is at it.
	fill 4 5
	rm held
	holds 0 1 2 3 4 5
	kill "$holder"
	wait "$holder" || true
	t streamlog-compact logs
	[[ $output == "logs: deleted 4 segments, 4 events, "* ]]
	holds 4 5
}

@test "what is dated in the future pins nothing, and is reported" {
	topic message.timestamp.after.max.ms=-1
	fill 1 1 4000000000000
	fill 2 2 1700000000000
	fill 3 3 1700000000000
	streamlog-topic alter --set retention.ms=1h logs
	streamlog-topic alter --set message.timestamp.after.max.ms=1h logs
	t streamlog-compact --all
	[[ $output == "logs: deleted 3 segments, 3 events, "* ]]
	[ "$stderr" = "streamlog-compact: logs 0: 00000000000000000000.log is dated in the future: it counts as old as what is before it" ]
}

@test "rejected lines have 64 MiB" {
	head -c 60000 /dev/zero | tr '\0' 'x' >line
	echo >>line
	for ((n = 0; n < 40; n++)); do
		cat line
	done >lines
	for ((n = 0; n < 30; n++)); do
		cat lines
	done >in
	t streamlog-append -q logs in
	[ "$status" = 65 ]
	[ "$(du -b "$STREAMLOG_DIR/logs/rejected" | cut -f1)" -lt $((66 << 20)) ]
}

# inject SPEC COMMAND...: run it with a fault in its system calls; strace(1).
inject()
{
	local spec=$1

	shift
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace --inject="$spec" "$@"
}

@test "a full disk: the oldest events of a bounded topic go, and it goes on" {
	local first=00000000000000000002.log

	topic retention.ms=36500d
	fill 1 3
	dated 1700000000000 4 >in
	# The write fails, and once more after the first segment has gone.
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace \
		--inject=pwrite64:error=ENOSPC:when=1..2 \
		-P "$STREAMLOG_DIR/logs/0/00000000000000000003.log" \
		-P 00000000000000000003.log streamlog-append -J logs in
	holds 2 3 4
	[ "$(names)" = "$first 00000000000000000003.log lock" ]
	# Nothing may go where on.full says so, or there is no bound.
	streamlog-topic alter --set on.full=refuse logs
	t inject pwrite64:error=ENOSPC:when=2+ streamlog-append -J logs in
	[ "$status" = 75 ]
	holds 2 3 4
	streamlog-topic alter --set on.full=drop-oldest --set retention.ms=-1 logs
	t inject pwrite64:error=ENOSPC:when=2+ streamlog-append -J logs in
	[ "$status" = 75 ]
	holds 2 3 4
	# And where only what is being written is left.
	streamlog-topic alter --set retention.ms=36500d logs
	t inject pwrite64:error=ENOSPC:when=2+ streamlog-append -J logs in
	[ "$status" = 75 ]
	holds 3 4
}

@test "a full disk: what can't be closed doesn't keep the rest from going" {
	topic
	fill 1 3
	streamlog-topic alter --set retention.ms=1d \
		--set file.delete.delay.ms=0 logs
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace \
		--inject=openat:error=ENOSPC -P 00000000000000000003.log \
		streamlog-compact logs >said
	grep -Eq '^logs: deleted 2 segments, 2 events, .*; [0-9.]+ KiB freed$' said
	holds 2 3
	streamlog-compact -q logs
	t streamlog-tail -a logs
	expect 0 "" ""
}

@test "killed anywhere in an append that cleans: nothing is lost or comes twice" {
	local call n killed kills=0 found

	topic file.delete.delay.ms=0
	fill 1 4
	streamlog-topic alter --set retention.count=4 logs
	dated 1700000000000 5 >in
	mv "$STREAMLOG_DIR" ready
	for call in renameat unlinkat fsync fdatasync openat fcntl; do
		n=0
		killed=137
		while [ "$killed" = 137 ]; do
			n=$((n + 1))
			rm -rf "$STREAMLOG_DIR"
			cp -a ready "$STREAMLOG_DIR"
			killed=0
			inject "$call:signal=KILL:when=$n" \
				streamlog-append -J logs in || killed=$?
			[ "$killed" = 0 ] || kills=$((kills + 1))
			found=$(streamlog-tail -a logs |
				sed -E 's/^\{"n":([0-9]+).*/\1/' | paste -sd ' ')
			case "$killed $found" in
			"137 1 2 3 4" | "137 1 2 3 4 5" | "137 2 3 4 5" | "0 2 3 4 5") ;;
			*)
				echo "kill at $call $n: exit $killed: $found"
				return 1
				;;
			esac
			streamlog-append logs <<<'{"n":6}'
			streamlog-tail -a logs | tail -n 1 | grep -qx '{"n":6}'
			streamlog-compact -q logs
			[[ $(names) != *deleted* ]]
		done
	done
	echo "killed $kills times"
	[ "$kills" -gt 40 ]
}

@test "killed anywhere in a deletion: nothing twice, nothing missing" {
	local call n killed kills=0 had found

	topic
	fill 1 6
	streamlog-topic alter --set retention.count=3 \
		--set file.delete.delay.ms=0 logs
	mv "$STREAMLOG_DIR" ready
	for call in openat renameat ftruncate unlinkat fsync fdatasync fcntl \
		getdents64 pwrite64 newfstatat; do
		n=0
		killed=137
		had=$kills
		while [ "$killed" = 137 ]; do
			n=$((n + 1))
			rm -rf "$STREAMLOG_DIR"
			cp -a ready "$STREAMLOG_DIR"
			killed=0
			inject "$call:signal=KILL:when=$n" \
				streamlog-compact -q logs || killed=$?
			[ "$killed" = 0 ] || kills=$((kills + 1))
			# It opens, complete from some event on, up to the last.
			found=$(streamlog-tail -a logs |
				sed -E 's/^\{"n":([0-9]+).*/\1/' | paste -sd ' ')
			case $found in
			"1 2 3 4 5 6" | "2 3 4 5 6" | "3 4 5 6" | "4 5 6") ;;
			*)
				echo "kill at $call $n: exit $killed: $found"
				return 1
				;;
			esac
			# The next run does the rest, and sweeps.
			streamlog-append logs <<<'{"n":7}'
			streamlog-compact -q logs
			holds 4 5 6 7
			[ "$(names)" = "00000000000000000004.log 00000000000000000005.log 00000000000000000006.log 00000000000000000007.log lock" ]
			[ "$(find "$STREAMLOG_DIR/logs/0" -name '*index*' |
				wc -l)" -le 8 ]
		done
		echo "$call: killed $((kills - had)) times"
	done
	[ "$kills" -gt 60 ]
}

@test "on.full=refuse: 75 at the bound, and nothing goes" {
	topic retention.bytes=64KiB on.full=refuse
	fill 1 20
	for ((n = 21; n <= 40; n++)); do
		dated 1700000000000 "$n"
	done >in
	t streamlog-append -J logs in
	[ "$status" = 75 ]
	[[ $stderr =~ ^"streamlog-append: topic 'logs': partition 0: full: it would pass retention.bytes=65536, and nothing may go (on.full=refuse); "([0-9]+)" lines are done; go on with: " ]]
	done=${BASH_REMATCH[1]}
	[ "$done" -gt 0 ]
	# shellcheck disable=SC2046 # numbers
	holds 0 $(seq 1 $((20 + done)))
	[ "$(du -b --exclude=lock "$STREAMLOG_DIR/logs/0" | cut -f1)" -lt $((72 * 1024)) ]
	t streamlog-compact logs
	expect 0 "" ""
	# shellcheck disable=SC2046
	holds 0 $(seq 1 $((20 + done)))
	# Room comes from another bound.
	streamlog-topic alter --set retention.ms=1d logs
	t streamlog-append -J logs in
	[ "$status" = 0 ]
}

@test "on.full=wait: the writer waits for the slowest group" {
	topic retention.bytes=64KiB on.full=wait
	streamlog-group reset --to-earliest --execute slow logs
	streamlog-group reset --to-earliest --execute fast logs
	for ((n = 1; n <= 60; n++)); do
		dated 1700000000000 "$n"
	done >in
	t streamlog-append --wait=200ms -J logs in
	[ "$status" = 75 ]
	[[ $stderr == *"its groups have not read what could go (on.full=wait)"* ]]
	left=$(sed -E 's/.*tail -n \+([0-9]+) .*/\1/' <<<"${stderr##*$'\n'}")
	tail -n "+$left" in >rest
	follow 5 streamlog-append -J logs rest
	telling "; waiting"
	streamlog-tail -g fast logs -- cat >read.fast
	kill -0 "$follower"
	for ((try = 0; try < 200; try++)); do
		streamlog-tail -g slow logs -- cat >>read.slow
		streamlog-tail -g fast logs -- cat >>read.fast
		[ "$(wc -l <read.slow)" -lt 60 ] || break
	done
	ends 0
	diff <(seq 60) <(sed -E 's/^\{"n":([0-9]+),.*/\1/' read.slow)
	diff read.slow read.fast
}

@test "on.full=wait waits for nobody where no group reads" {
	topic retention.bytes=64KiB on.full=wait
	fill 1 60
	streamlog-tail -a logs | tail -n 1 | grep -q '^{"n":60,'
	[ "$(streamlog-tail -a logs | wc -l)" -lt 30 ]
}

@test "a protection needs a bound in bytes" {
	t streamlog-topic create --set retention.ms=0 \
		--set retention.protect.groups=billing logs
	expect 2 "" "streamlog-topic: topic 'logs': retention.protect.groups: needs a bound in bytes beside it, such as retention.bytes, so that a dead reader can't fill the disk"
}

@test "a queue: events go once the protected group has read them" {
	topic retention.ms=0 file.delete.delay.ms=0 retention.bytes=64KiB \
		retention.protect.groups=billing
	fill 1 5
	streamlog-compact -q logs
	holds 0 1 2 3 4 5
	streamlog-tail -c 3 -g billing logs -- cat >/dev/null
	streamlog-compact -q logs
	holds 3 4 5
	streamlog-tail -g billing logs -- cat >/dev/null
	streamlog-compact -q --all
	t streamlog-tail -a logs
	expect 0 "" ""
	# A reader that is dead can't fill the disk.
	fill 6 80
	[ "$(du -b --exclude=lock "$STREAMLOG_DIR/logs/0" | cut -f1)" -lt $((72 * 1024)) ]
	t streamlog-tail -g billing logs -- cat
	[ "$status" = 3 ]
}
