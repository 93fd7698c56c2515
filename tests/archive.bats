#!/usr/bin/env bats
# streamlog-compact --archive: what is complete is copied before any of it goes,
# and reads as a topic.

load helper

archive=$BATS_TEST_TMPDIR/archive

# topic SETTING...: topic `t` of small segments.
topic()
{
	streamlog-topic create --set segment.bytes=4KiB "${@/#/--set=}" t
}

# old FROM TO: events of these numbers, of long ago; the writer, which deletes
# too, sees no bound.
old()
{
	streamlog-topic alter --set retention.ms=-1 t
	seq -f '{"ts":1700000000000,"payload":{"n":%.0f}}' "$1" "$2" |
		streamlog-append -J "${@:3}" t
	streamlog-topic alter --set retention.ms=7d t
}

# archived FROM TO: the archive has these, at the offsets they had.
archived()
{
	streamlog-tail -a --format '%o %s\n' -d "$archive" t >held
	seq "$1" "$2" | awk '{ printf "%d {\"n\":%d}\n", $1 - 1, $1 }' |
		diff - held
}

@test "--archive: what goes is in the archive, which reads as a topic" {
	topic
	old 1 1000
	t streamlog-compact --archive "$archive" t
	[ "$status" = 0 ]
	[[ ${lines[0]} =~ ^"t: archived "[0-9]+" segments, 1,000 events, "[0-9.]+" KiB"$ ]]
	[[ ${lines[1]} =~ ^"t: deleted "[0-9]+" segments, 1,000 events, " ]]
	[ -z "$(streamlog-tail -a t)" ]
	archived 1 1000
	[ "$(streamlog-tail -o 500 -c 1 "$archive/t")" = '{"n":501}' ]
	[ "$(streamlog-tail -n 1 "$archive/t")" = '{"n":1000}' ]
	# Again: nothing is to do. And then with what came since.
	t streamlog-compact --archive "$archive" t
	expect 0 '' ''
	old 1001 1500
	streamlog-compact -q --archive "$archive" t
	archived 1 1500
	[ -z "$(find "$archive" -name '~*')" ]
}

@test "--archive: nothing else is written there, and nothing goes" {
	topic
	old 1 100
	streamlog-compact -q --archive "$archive" t
	t streamlog-append -d "$archive" t <<<'{}'
	expect 2 '' "streamlog-append: topic 't': it takes no events (read.only=true)"
	streamlog-compact -d "$archive" --all
	streamlog-compact -d "$archive" t
	archived 1 100
}

@test "--archive: a place of a group goes on in the archive" {
	topic file.delete.delay.ms=0
	old 1 1000
	[ "$(streamlog-tail -g g --batch 10 t -- head -n 10 | tail -n 1)" = '{"n":1000}' ]
	streamlog-group reset --to-offset 600 --execute g t
	streamlog-compact -q --archive "$archive" t
	mkdir -p "$archive/@groups"
	cp -r "$STREAMLOG_DIR/@groups/g" "$archive/@groups/"
	[ "$(streamlog-tail -d "$archive" -g g t | wc -l)" = 400 ]
}

@test "--archive: a table's history, whatever compaction merges" {
	local i

	topic cleanup.policy=compact
	for i in 1 2 3 4; do
		seq -f '{"k":%.0f,"round":'$i'}' 1 200 | streamlog-append -k k t
		if [ "$i" = 2 ]; then
			# Merged with what isn't archived yet.
			streamlog-compact -q t
		else
			streamlog-compact -q --archive "$archive" t
		fi
	done
	[ "$(streamlog-tail -a t | wc -l)" = 200 ]
	streamlog-tail -a "$archive/t" >held
	# Only what went before it was archived lacks: none of rounds 1, 3 and 4,
	# for the second passed the first's, which were archived by then.
	[ "$(grep -c '"round":1' held)" = 200 ]
	[ "$(grep -c '"round":2' held)" = 200 ]
	[ "$(grep -c '"round":3' held)" = 200 ]
	[ "$(grep -c '"round":4' held)" = 200 ]
	[ "$(wc -l <held)" = 800 ]
	[ -z "$(sort held | uniq -d)" ]
}

@test "--archive: what went before is said, and is no damage" {
	topic
	old 1 1000
	streamlog-compact -q --archive "$archive" t
	old 1001 1400
	streamlog-compact -q t
	old 1401 1500
	t streamlog-compact -q --archive "$archive" t
	[ "$stderr" = "" ]
	t streamlog-tail -a --format '%o\n' "$archive/t"
	[ "$status" = 3 ]
	[ "$output" = "$(seq 0 999; seq 1400 1499)" ]
	old 1501 1600
	streamlog-compact -q t
	old 1601 1700
	t streamlog-compact --archive "$archive" t
	[ "$stderr" = "streamlog-compact: t 0: offsets 1500 to 1599 had gone before they were archived" ]
}

@test "--archive --dry-run says what it would copy, and copies nothing" {
	topic
	old 1 300
	t streamlog-compact --dry-run --archive "$archive" t
	[ "$status" = 0 ]
	[[ ${lines[0]} == "t 0: would archive 00000000000000000000.log ("*" events)" ]]
	[[ $output == *"t: would archive "*" segments, 300 events, "* ]]
	[ ! -e "$archive" ]
	streamlog-compact -q --archive "$archive" t
	old 301 600
	streamlog-compact --json --dry-run --archive "$archive" t >out
	[ "$(grep -c '"archive":' out)" -gt 1 ]
	[ "$(tail -n 1 out | jqless archived_events)" = 300 ]
	archived 1 300
}

# jqless NAME: a number of an object.
jqless()
{
	sed -E "s/.*\"$1\":([0-9]+).*/\1/"
}

@test "--archive refuses what is no archive of the topic" {
	topic
	old 1 10
	t streamlog-compact --archive "$STREAMLOG_DIR" t
	expect 2 '' "streamlog-compact: archive of 't': '$STREAMLOG_DIR/t' is no archive: read.only isn't set"
	streamlog-compact -q --archive "$archive" t
	streamlog-topic delete --execute t
	topic
	old 1 10
	t streamlog-compact --archive "$archive" t
	expect 2 '' "streamlog-compact: archive of 't': '$archive/t' is another topic, or of one that was deleted"
	[ "$(streamlog-tail -a t | wc -l)" = 10 ]
}

@test "--archive: partitions that came later, and topics without a bound" {
	streamlog-topic create t u
	old 1 10
	seq 1 3 | streamlog-append --any u
	streamlog-compact -q --all --archive "$archive"
	[ ! -e "$archive/u" ]
	streamlog-topic alter --partitions 3 t
	old 11 20 -p 2
	streamlog-compact -q --archive "$archive" t
	[ "$(streamlog-tail -a "$archive/t" | wc -l)" = 20 ]
	[ "$(streamlog-tail -a -p 2 "$archive/t" | wc -l)" = 10 ]
}

@test "--archive: where it can't be written nothing goes" {
	topic
	old 1 300
	t env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace \
		--inject=fdatasync:error=EIO:when=5+ \
		streamlog-compact --archive "$archive" t
	[ "$status" = 74 ]
	[ "$(streamlog-tail -a t | wc -l)" = 300 ]
	t env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace \
		--inject=pwrite64:error=ENOSPC:when=4+ \
		streamlog-compact --archive "$archive" t
	[ "$status" = 75 ]
	[ "$(streamlog-tail -a t | wc -l)" = 300 ]
	streamlog-compact -q --archive "$archive" t
	archived 1 300
	[ -z "$(streamlog-tail -a t)" ]
}

@test "kill -9 while it is archived: nothing lost, nothing twice" {
	local call when

	topic file.delete.delay.ms=0
	old 1 600
	cp -r "$STREAMLOG_DIR" copy
	for call in pwrite64 fdatasync fsync rename,renameat,renameat2 \
		unlink,unlinkat openat; do
		for when in 1 2 3 5 8 13 21 34; do
			rm -rf "$STREAMLOG_DIR" "$archive"
			cp -r copy "$STREAMLOG_DIR"
			strace -f -o /dev/null -e "trace=$call" -e \
				"inject=$call:signal=KILL:when=$when" \
				streamlog-compact -q --archive "$archive" t \
				>out 2>&1 || true
			# All is in one of them.
			{
				[ ! -e "$archive/t" ] ||
					streamlog-tail -a -q "$archive/t"
				streamlog-tail -a -q t
			} | sort -u >held
			[ "$(wc -l <held)" = 600 ]
			streamlog-compact -q --archive "$archive" t
			archived 1 600
			[ -z "$(find "$archive/t" -name '~*')" ]
		done
	done
}
