#!/usr/bin/env bats
# streamlog-check says what is wrong with a log, and what it costs; --mend moves
# damage aside and keeps the rest.

load helper

# small FROM TO: topic `t` in segments of 4 KiB.
small()
{
	streamlog-topic create --if-not-exists --set segment.bytes=4KiB t
	events "$1" "$2" | streamlog-append t
}

# segment N: the path of partition 0's N-th segment.
segment()
{
	find "$STREAMLOG_DIR/t/0" -name '*.log' | sort | sed -n "$1p"
}

# spoil FILE BYTE: four bytes of it.
spoil()
{
	printf 'XXXX' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# base FILE: the offset it is named for.
base()
{
	local name=${1##*/}

	echo $((10#${name%%.*}))
}

# numbers: what of the topic can be read.
numbers()
{
	streamlog-tail -a -q --on-damage=skip t 2>/dev/null |
		sed -E 's/.*:([0-9]+)}/\1/'
}

@test "check --help fits a screen" {
	run -0 streamlog-check --help
	[ "$(printf '%s\n' "${lines[@]}" | wc -L)" -le 80 ]
	[ "${#lines[@]}" -le 24 ]
}

@test "check: a whole topic is said to be, and 0" {
	small 1 2000
	t streamlog-check t
	[ "$status" = 0 ]
	[[ $output =~ ^"t 0: "[0-9]+" segments, 2,000 events, all whole"$ ]]
	[ "$stderr" = "" ]
	t streamlog-check -q
	expect 0 '' ''
	t streamlog-check nosuch
	expect 66 '' "streamlog-check: topic 'nosuch': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is"
}

@test "check names damage by file, byte and offset, and says what it costs" {
	local file first next

	small 1 2000
	file=$(segment 3)
	first=$(base "$file")
	next=$(base "$(segment 4)")
	spoil "$file" 200
	t streamlog-check t
	[ "$status" = 65 ]
	[ "$stderr" = "streamlog-check: topic 't': partition 0: '${file##*/}': byte 0: bad checksum; offsets $first to $((next - 1)) can't be read" ]
	[[ $output == "t 0: "*", 1 batch damaged ($((next - first)) events); 'streamlog-check --mend t' moves it aside and keeps the rest" ]]
	t streamlog-check --json t
	[ "$status" = 65 ]
	[ "${lines[0]}" = '{"topic":"t","partition":0,"found":"damage","file":"'"${file##*/}"'","byte":0,"bytes":'"$(stat -c %s "$file")"',"first_offset":'"$first"',"lost_offsets":'$((next - first))',"reason":"bad checksum"}' ]
	[[ ${lines[1]} == '{"topic":"t","partition":0,"segments":'*',"damages":1,"lost_offsets":'$((next - first))',"bad_indexes":0}' ]]
}

@test "check --mend: what is good stays at its offset, what isn't is kept" {
	local file first next

	small 1 2000
	file=$(segment 3)
	first=$(base "$file")
	next=$(base "$(segment 4)")
	spoil "$file" 200
	cp "$file" damaged
	numbers >before
	t streamlog-check --mend t
	[ "$status" = 0 ]
	[ "${lines[0]}" = "topic 't': partition 0: byte 0: $(stat -c %s damaged) bytes (offsets $first to $((next - 1))) moved to lost+found/$(basename "$file" .log)-0" ]
	cmp damaged "$STREAMLOG_DIR/t/0/lost+found/$(basename "$file" .log)-0"
	t streamlog-check t
	[ "$status" = 0 ]
	[ "$stderr" = "streamlog-check: topic 't': partition 0: offsets $first to $((next - 1)): no segment has them; nothing is to be done" ]
	numbers | cmp - before
	t streamlog-tail -a t
	[ "$status" = 3 ]
	events 2001 2002 | streamlog-append t
	[ "$(streamlog-tail -n 1 --format '%o' t)" = 2001 ]
}

@test "check --mend: in the middle of the segment that is being written" {
	local file

	for n in 1 2 3 4 5; do
		events $((n * 10 - 9)) $((n * 10)) | streamlog-append t
	done
	file=$(segment 1)
	spoil "$file" $(($(stat -c %s "$file") / 2))
	numbers >before
	[ "$(wc -l <before)" = 40 ]
	streamlog-check --mend -q t
	streamlog-check -q t
	numbers | cmp - before
	[ "$(find "$STREAMLOG_DIR/t/0" -name '*.log' | wc -l)" = 2 ]
	events 51 60 | streamlog-append t
	[ "$(streamlog-tail -n 1 --format '%o %s' t)" = '59 {"n":60}' ]
	[ "$(streamlog-tail -o 35 -c 1 t)" = '{"n":36}' ]
}

@test "check --mend: damage at the end; no offset is given again" {
	local file size

	for n in 1 2 3; do
		events $((n * 10 - 9)) $((n * 10)) | streamlog-append t
	done
	file=$(segment 1)
	size=$(stat -c %s "$file")
	spoil "$file" $((size - 20))
	t streamlog-check t
	[ "$status" = 65 ]
	[[ $stderr == *"bad checksum; offsets 20 to 29 can't be read" ]]
	streamlog-check -q --mend t
	streamlog-check -q t
	[ "$(numbers)" = "$(seq 20)" ]
	events 31 32 | streamlog-append t
	[ "$(streamlog-tail -n 2 --format '%o %s\n' t)" = $'30 {"n":31}\n31 {"n":32}' ]
}

@test "check: bytes that a killed writer left are no damage" {
	local file

	events 1 10 | streamlog-append t
	file=$(segment 1)
	cp "$file" whole
	head -c 70 whole >>"$file"
	t streamlog-check t
	[ "$status" = 0 ]
	[[ $stderr == *"70 bytes of a batch that was not finished; the next append cuts them" ]]
	streamlog-check -q --mend t
	events 11 12 | streamlog-append t
	[ "$(streamlog-tail -a t)" = "$(events 1 12)" ]
}

@test "check: an index that lies, or isn't there, costs time; --mend makes it anew" {
	local file

	streamlog-topic create --set segment.bytes=64KiB t
	events 1 20000 | streamlog-append t
	file=$(segment 2)
	spoil "${file%.log}.timeindex" 9
	rm "$(segment 3 | sed 's/log$/index/')"
	streamlog-check --json t >out || [ $? = 65 ]
	[ "$(grep -c '"found":"index"' out)" = 2 ]
	grep -q '"file":"'"$(basename "${file%.log}").timeindex"'","byte":0,.*"an entry names no batch"' out
	t streamlog-check t
	[ "$status" = 65 ]
	[[ $output == *", 2 bad indexes; "* ]]
	streamlog-check -q --mend t
	t streamlog-check t
	[ "$status" = 0 ]
	[ "$stderr" = "" ]
}

@test "what a crash left of the active indexes: its next writer makes them anew" {
	local at=0/00000000000000000000
	# A time of a batch that is lost, and no entry of offsets.
	streamlog-append t <<<'{"n":1}'
	printf '\0\0\x01\xa2\0\0\0\0\0\0\0\x09' >"$STREAMLOG_DIR/t/$at.timeindex"
	streamlog-append t <<<'{"n":2}'
	# Its size was written, and the last entry wasn't.
	printf '{"n":"%05000d"}\n' 1 2 | streamlog-append --sync each u
	[ "$(stat -c %s "$STREAMLOG_DIR/u/$at.index")" = 8 ]
	truncate -s 16 "$STREAMLOG_DIR/u/$at.index"
	streamlog-append u <<<'{"n":3}'
	streamlog-topic alter -q --set retention.count=1000 t
	streamlog-topic alter -q --set retention.count=1000 u
	streamlog-compact t u
	[ "$(find "$STREAMLOG_DIR" -name '*.log' | wc -l)" = 4 ]
	t streamlog-check -q
	expect 0 '' ''
}

@test "check --mend: 75 while a writer has it open; check goes on" {
	small 1 1000
	spoil "$(segment 2)" 100
	mkfifo in
	streamlog-append t <in &
	exec 5>in
	events 1001 1002 >&5
	until_true grep -q 'live' "$STREAMLOG_DIR/t/0/lock"
	until_true ends_with '{"n":1002}'
	t streamlog-check --mend t
	[ "$status" = 75 ]
	[ "$stderr" = "streamlog-check: topic 't': partition 0: a writer has it open; stop it first" ]
	run streamlog-check -q t
	[ "$status" = 65 ]
	exec 5>&-
	wait
	streamlog-check -q --mend t
}

# ends_with EVENT: it is the last one of `t`.
ends_with()
{
	[ "$(streamlog-tail -n 1 -q t)" = "$1" ]
}

# until_true COMMAND...: within ten seconds.
until_true()
{
	local i

	for ((i = 0; i < 500; i++)); do
		if "$@"; then return; fi
		sleep 0.02
	done
	return 1
}

@test "check --mend: a compacted topic, its last batch behind a hole" {
	local file

	streamlog-topic create --set cleanup.policy=compact t
	# Each a batch of its own; the first two are passed.
	for n in a b a c b d e; do
		echo '{"k":"'$n'"}' | streamlog-append -k k t
	done
	streamlog-compact -q t
	[ "$(streamlog-tail -a --format '%o' t)" = 23456 ]
	streamlog-check -q t
	# What is behind the first that stayed, which itself lies behind a hole.
	file=$(segment 1)
	spoil "$file" $((61 + 10 + 61 + 10))
	streamlog-tail -a --on-damage=skip --format '%o ' t >before 2>/dev/null ||
		[ $? = 65 ]
	streamlog-check -q --mend t
	streamlog-check -q t
	streamlog-tail -a --format '%o ' t >after 2>/dev/null || [ $? = 3 ]
	cmp before after
	echo '{"k":"f"}' | streamlog-append -k k t
	streamlog-compact -q t
	streamlog-check -q t
}

@test "check --mend: what was the end of a compacted segment goes" {
	local key
	streamlog-topic create --set cleanup.policy=compact t
	for key in 1 2 2; do
		streamlog-append -k k t <<<"{\"k\":$key}"
	done
	streamlog-compact -q t
	# Offset 2 lies behind a hole, and the segment 3 confirms that it may.
	streamlog-append -k k t <<<'{"k":3}'
	spoil "$(segment 2)" 70
	streamlog-check -q --mend t
	t streamlog-check -q t
	expect 0 '' ''
	streamlog-append -k k t <<<'{"k":4}'
	t streamlog-tail -a --format '%o\n' t
	expect 3 $'0\n2\n4' "streamlog-tail: topic 't': partition 0: offsets 3 to 3 are not there (1 event); going on at 4"
}

@test "check --dump prints batches and records" {
	printf '%s\n' '{"ts":1700000000123,"key":"u1","payload":{"n":1}}' \
		'{"ts":1700000000456,"payload":{"n":22}}' |
		streamlog-append -J t
	t streamlog-check --dump t
	[ "$status" = 0 ]
	[[ ${lines[0]} =~ ^"00000000000000000000.log: byte 0: offsets 0 to 1, 2 records, "[0-9]+" bytes, none, crc "[0-9a-f]{8}", 2023-11-14T22:13:20.123Z to 2023-11-14T22:13:20.456Z"$ ]]
	[ "${lines[1]}" = "  offset 0: 2023-11-14T22:13:20.123Z, key of 2 bytes, 7 bytes" ]
	[ "${lines[2]}" = "  offset 1: 2023-11-14T22:13:20.456Z, no key, 8 bytes" ]
	[ "${lines[3]}" = "t 0: 1 segment, 2 events, all whole" ]
	streamlog-check --dump --json t >out
	grep -q '"batch":"00000000000000000000.log","byte":0,.*"records":2,"compression":"none",' out
	grep -q '"offset":1,"time":"2023-11-14T22:13:20.456Z","key_bytes":null,"headers":0,"value_bytes":8}' out
	t streamlog-check --dump --mend t
	[ "$status" = 2 ]
}

@test "check: the rejected lines, too" {
	events 1 3 | streamlog-append t
	printf 'no\n{"n":4}\n' | streamlog-append -q t || [ $? = 65 ]
	t streamlog-check
	[ "$status" = 0 ]
	[ "${lines[1]}" = "t rejected: 1 segment, 1 event, all whole" ]
}

@test "check: while it is written to, deleted from and compacted" {
	streamlog-topic create --set segment.bytes=16KiB \
		--set cleanup.policy=compact,delete --set retention.bytes=256KiB \
		--set file.delete.delay.ms=0 t
	seq -f '{"k":%.0f}' 1 60000 | awk '{ print "{\"k\":" (NR % 500) ",\"n\":" NR "}" }' |
		streamlog-append -k k t &
	while kill -0 $! 2>/dev/null; do
		streamlog-compact -q t 2>/dev/null || [ $? = 75 ]
		streamlog-check -q t
	done
	wait
	streamlog-check t
}

@test "kill -9 of a mending: nothing more is lost, and the next run ends it" {
	local call when

	small 1 1500
	spoil "$(segment 2)" 100
	events 1501 1503 | streamlog-append t
	events 1504 1506 | streamlog-append t
	spoil "$(find "$STREAMLOG_DIR/t/0" -name '*.log' | sort | tail -n 1)" 70
	numbers >before
	cp -r "$STREAMLOG_DIR" copy
	for call in pwrite64 fdatasync fsync rename,renameat,renameat2 \
		unlink,unlinkat ftruncate openat; do
		for when in 1 2 3 4 5 6 8 11 15 20; do
			rm -rf "$STREAMLOG_DIR" && cp -r copy "$STREAMLOG_DIR"
			strace -f -o /dev/null -e "trace=$call" -e \
				"inject=$call:signal=KILL:when=$when" \
				streamlog-check -q --mend t >out 2>&1 || true
			numbers | cmp - before
			streamlog-check -q --mend t
			numbers | cmp - before
			streamlog-check -q t
			echo '{"n":1507}' | streamlog-append t
			[ "$(streamlog-tail -n 1 --format '%o' t)" = 1506 ]
		done
	done
}
