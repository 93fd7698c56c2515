#!/usr/bin/env bats
# What damage costs: its batch alone. It is named by file and byte, append goes
# on behind it, and no offset is given twice.

load helper
load places_helper

# costs LEFT NEXT REASON: of the topic only the offsets LEFT can be read; tail
# says REASON, and is 65; append goes on at NEXT.
costs()
{
	local left=$1 next=$2 before=() n
	local text="streamlog-tail: topic 't': partition 0: '00000000000000000000.log': $3"

	for n in $left; do
		[ "$n" -eq "${#before[@]}" ] || break
		before+=("$n")
	done
	t offsets
	[ "$output" = "${before[*]}" ]
	[ "$stderr" = "$text" ]
	t streamlog-tail -a t
	[ "$status" -eq 65 ]
	t streamlog-tail -a --on-damage=skip --format '%o\n' t
	expect 65 "${left// /$'\n'}" "$text"
	[ "$(next_offset)" = "$next" ]
	[ "$(next_offset)" = "$((next + 1))" ]
	t offsets --on-damage=skip
	expect 0 "${left:+$left }$next $((next + 1))" "$text"
	# Each event has kept its offset.
	streamlog-tail -a --on-damage=skip -J t 2>/dev/null |
		grep -v new | sed -E 's/.*"offset":([0-9]+).*"n":/\1 /; s/}}$//' |
		awk '$1 != $2 { exit 1 }'
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	make_log
}

@test "a flipped bit in a record costs its batch" {
	poke "$segment" $((batch + 70)) '\xff'
	costs "0 1 2 6 7 8" 9 "byte $batch: bad checksum"
}

@test "a flipped bit in the last batch costs it, and no offset comes again" {
	poke "$segment" $((2 * batch + 70)) '\xff'
	costs "0 1 2 3 4 5" 9 "byte $((2 * batch)): bad checksum"
}

@test "a flipped bit in the first batch costs it" {
	poke "$segment" 70 '\xff'
	costs "3 4 5 6 7 8" 9 "byte 0: bad checksum"
}

@test "a base offset that is too high costs its batch" {
	poke "$segment" $((batch + 2)) '\x01'
	costs "0 1 2 6 7 8" 9 "byte $batch: a batch begins at offset 1099511627779, expected 3"
}

@test "a base offset that is a little too high costs its batch" {
	poke "$segment" $((batch + 7)) '\x07'
	costs "0 1 2 6 7 8" 9 "byte $batch: a batch begins at offset 7, expected 3"
}

@test "a base offset that is too low costs its batch" {
	poke "$segment" $((batch + 7)) '\x02'
	costs "0 1 2 6 7 8" 9 "byte $batch: a batch begins at offset 2, expected 3"
}

@test "a wrong base offset of the last batch costs it" {
	poke "$segment" $((2 * batch + 7)) '\x02'
	costs "0 1 2 3 4 5" 9 "byte $((2 * batch)): a batch begins at offset 2, expected 6"
	make_log
	poke "$segment" $((2 * batch + 1)) '\x40'
	costs "0 1 2 3 4 5" 9 "byte $((2 * batch)): a batch begins at offset 18014398509481990, expected 6"
}

@test "a length beyond the file's end costs its batch" {
	poke "$segment" $((batch + 9)) '\x01'
	costs "0 1 2 6 7 8" 9 "byte $batch: a length of 65639 bytes where $batch are"
	make_log
	poke "$segment" $((2 * batch + 9)) '\x01'
	costs "0 1 2 3 4 5" 9 "byte $((2 * batch)): a length of 65639 bytes where $batch are"
}

@test "a length that is too short, or out of all bounds, costs its batch" {
	poke "$segment" $((batch + 11)) '\x50'
	costs "0 1 2 6 7 8" 9 "byte $batch: bad checksum"
	make_log
	poke "$segment" $((batch + 8)) '\xff'
	costs "0 1 2 6 7 8" 9 "byte $batch: the batch length is -16777125"
}

@test "a wrong magic byte costs its batch; where it is last, offsets are left out" {
	poke "$segment" $((batch + 16)) '\x03'
	costs "0 1 2 6 7 8" 9 "byte $batch: the magic byte is 3, not 2"
	make_log
	poke "$segment" $((2 * batch + 16)) '\x01'
	costs "0 1 2 3 4 5" $((6 + batch / 7)) "byte $((2 * batch)): the magic byte is 1, not 2"
}

@test "a wrong count costs its batch" {
	poke "$segment" $((batch + 60)) '\x02'
	costs "0 1 2 6 7 8" 9 "byte $batch: bad checksum"
	make_log
	poke "$segment" $((2 * batch + 60)) '\x02'
	costs "0 1 2 3 4 5" $((6 + batch / 7)) "byte $((2 * batch)): bad checksum"
}

@test "zeros cost the batches they reach into" {
	dd if=/dev/zero of="$segment" bs=1 seek=$((batch - 4)) count=$((batch + 4)) conv=notrunc status=none
	t streamlog-tail -a --on-damage=skip --format '%o\n' t
	expect 65 $'6\n7\n8' "streamlog-tail: topic 't': partition 0: '00000000000000000000.log': byte 0: bad checksum"
	make_log
	dd if=/dev/zero of="$segment" bs=1 seek="$batch" count="$batch" conv=notrunc status=none
	costs "0 1 2 6 7 8" 9 "byte $batch: the batch length is 0"
}

@test "zeros up into the base offset of a batch don't make it an earlier one" {
	dd if=/dev/zero of="$segment" bs=1 seek=76 count=$((2 * batch - 68)) conv=notrunc status=none
	t streamlog-tail -a --on-damage=skip t
	expect 65 "" "streamlog-tail: topic 't': partition 0: '00000000000000000000.log': byte 0: bad checksum"
	[ "$(next_offset)" -eq $((3 + 2 * batch / 7)) ]
}

@test "a segment full of zeros costs all of it; zeros behind the end cost nothing" {
	truncate -s 0 "$segment"
	truncate -s $((3 * batch)) "$segment"
	costs "" $((3 * batch / 7)) "byte 0: the batch length is 0"
	make_log
	truncate -s $((3 * batch + 70)) "$segment"
	costs "0 1 2 3 4 5 6 7 8" 19 "byte $((3 * batch)): the batch length is 0"
}

@test "a batch cut off anywhere is a torn one: saved, then cut, and nothing said" {
	local at
	for at in 1 11 12 30 60 61 62 $((batch - 1)); do
		make_log
		truncate -s $((2 * batch + at)) "$segment"
		tail -c "$at" "$segment" >torn
		t offsets
		expect 0 "0 1 2 3 4 5" ""
		[ "$(next_offset)" = 6 ]
		cmp torn "log/t/0/lost+found/00000000000000000000-$((2 * batch))"
		t offsets
		expect 0 "0 1 2 3 4 5 6" ""
	done
}

@test "an empty segment and a missing index cost nothing that is left" {
	truncate -s 0 "$segment"
	t streamlog-tail t
	expect 0 "" ""
	[ "$(next_offset)" = 0 ]
	rm log/t/0/*index
	t streamlog-tail t
	expect 0 '{"new":1}' ""
	[ "$(next_offset)" = 1 ]
}

@test "a partition without a segment is damage, never offset 0 again" {
	rm "$segment"
	t streamlog-tail t
	expect 65 "" "streamlog-tail: topic 't': partition 0: no segment is there: it was damaged from outside"
	t streamlog-append t <<<'{}'
	expect 65 "" "streamlog-append: topic 't': partition 0: no segment is there: it was damaged from outside; 0 lines are done"
}

@test "a directory or a FIFO in a segment's place is named, and left" {
	local make
	for make in mkdir mkfifo; do
		rm -rf "$segment"
		"$make" "$segment"
		t timeout 10 streamlog-tail t
		expect 65 "" "streamlog-tail: topic 't': partition 0: '00000000000000000000.log': not a regular file"
		t timeout 10 streamlog-tail -a --on-damage=skip t
		expect 65 "" "streamlog-tail: topic 't': partition 0: '00000000000000000000.log': not a regular file"
		t timeout 10 streamlog-append t <<<'{}'
		expect 65 "" "streamlog-append: topic 't': partition 0: '00000000000000000000.log': not a regular file; 0 lines are done"
	done
}

# Three segments, of ten events each: 0 to 9, 10 to 19, 20 to 29.
make_segments()
{
	rm -rf log/t
	streamlog-topic create --set segment.bytes=1MiB t
	local n
	for n in 0 1 2; do
		events $((n * 10)) $((n * 10 + 9)) | streamlog-append t
		[ "$n" -eq 2 ] || touch_roll $(((n + 1) * 10))
	done
}

# The next append goes to a segment of its own.
touch_roll()
{
	: >"log/t/0/$(printf %020d "$1").log"
}

@test "a directory in the place of an earlier segment costs that segment" {
	make_segments
	rm log/t/0/00000000000000000010.log
	mkdir log/t/0/00000000000000000010.log
	t timeout 10 streamlog-tail -a --on-damage=skip --format '%o\n' t
	expect 65 "$(seq 0 9; seq 20 29)" "streamlog-tail: topic 't': partition 0: '00000000000000000010.log': not a regular file"
	t timeout 10 streamlog-tail -a --format '%o\n' t
	expect 65 "$(seq 0 9)" "streamlog-tail: topic 't': partition 0: '00000000000000000010.log': not a regular file"
	[ "$(next_offset)" = 30 ]
}

@test "a segment that is gone, or ends early, is said to be gone: 3" {
	make_segments
	rm log/t/0/00000000000000000010.log
	t streamlog-tail -a --format '%o\n' t
	expect 3 "$(seq 0 9; seq 20 29)" "streamlog-tail: topic 't': partition 0: offsets 10 to 19 are not there (10 events); going on at 20"
	make_segments
	rm log/t/0/00000000000000000000.log
	t streamlog-tail -o 0 --format '%o\n' t
	expect 3 "$(seq 10 29)" "streamlog-tail: topic 't': partition 0: offsets 0 to 9 were deleted before they were read (10 events); going on at 10"
}

@test "an earlier segment that ends inside a batch is damage" {
	make_segments
	truncate -s -5 log/t/0/00000000000000000010.log
	t streamlog-tail -a --on-damage=skip --format '%o\n' t
	expect 65 "$(seq 0 9; seq 20 29)" "streamlog-tail: topic 't': partition 0: '00000000000000000010.log': byte 0: the file ends inside a batch"
}

@test "who begins behind damage is not told of it" {
	poke "$segment" 70 '\xff'
	t offsets -o 3
	expect 0 "3 4 5 6 7 8" ""
	t offsets -o 1 --on-damage=skip
	expect 0 "3 4 5 6 7 8" "streamlog-tail: topic 't': partition 0: '00000000000000000000.log': byte 0: bad checksum"
	t streamlog-tail -n 6 t
	expect 0 "$(events 3 8)" ""
}

@test "a time behind damage is found" {
	local n size
	rm -rf log/t
	for n in 1000 2000 3000 4000; do
		echo "{\"ts\":$n,\"payload\":{\"n\":$n}}" | streamlog-append -J t
	done
	size=$(($(stat -c %s "$segment") / 4))
	poke "$segment" $((size + 16)) '\xff'
	t streamlog-tail -o s@00000003500 t
	expect 0 '{"n":4000}' ""
	# The damaged one may be as late.
	t streamlog-tail -o s@00000002500 --on-damage=skip t
	expect 65 $'{"n":3000}\n{"n":4000}' "streamlog-tail: topic 't': partition 0: '00000000000000000000.log': byte $size: the magic byte is 255, not 2"
	# Nor does a header mislead whose checksum is wrong.
	rm -rf log/t
	for n in 1000 2000 3000 4000; do
		echo "{\"ts\":$n,\"payload\":{\"n\":$n}}" | streamlog-append -J t
	done
	poke "$segment" $((size + 24)) '\x10'
	t streamlog-tail -o s@00000003500 t
	expect 0 '{"n":4000}' ""
}

# 100 batches of one event, {"n":I}, a second apart, each with its index entries.
make_indexed()
{
	rm -rf log/t
	streamlog-topic create --set index.interval.bytes=100 t
	local n
	for n in {0..99}; do
		printf '{"ts":%d,"payload":{"n":%d}}\n' $((n * 1000 + 1000000000000)) "$n"
	done | streamlog-append -J --sync each t
}

# finds_all: every offset and time leads where it should.
finds_all()
{
	local n
	for n in 0 1 49 50 98 99; do
		t streamlog-tail -o "$n" -c 1 t
		expect 0 "{\"n\":$n}" ""
		t streamlog-tail -o "s@$((n * 1000 + 1000000000000))" -c 1 t
		expect 0 "{\"n\":$n}" ""
	done
	t streamlog-tail -n 1 t
	expect 0 '{"n":99}' ""
}

@test "an index that is missing, short, garbage or a directory slows, never misleads" {
	local index suffix
	make_indexed
	finds_all
	for suffix in index timeindex; do
		index=log/t/0/00000000000000000000.$suffix
		cp "$index" whole
		truncate -s -3 "$index"
		finds_all
		truncate -s 5 "$index"
		finds_all
		rm "$index"
		finds_all
		mkdir "$index"
		finds_all
		rmdir "$index"
		head -c "$(stat -c %s whole)" /dev/urandom >"$index"
		finds_all
		head -c "$(stat -c %s whole)" /dev/zero >"$index"
		finds_all
		# Entries of one batch earlier: each lies a little.
		{ tail -c +25 whole; tail -c 24 whole; } >"$index"
		finds_all
		cp whole "$index"
	done
}

@test "append makes a lying index anew" {
	make_indexed
	cp log/t/0/00000000000000000000.index whole
	head -c "$(stat -c %s whole)" /dev/urandom >log/t/0/00000000000000000000.index
	rm log/t/0/00000000000000000000.timeindex
	echo '{"ts":1000000100000,"payload":{"n":100}}' | streamlog-append -J t
	cmp -n "$(stat -c %s whole)" whole log/t/0/00000000000000000000.index
	t streamlog-tail -o s@1000000099000 t
	expect 0 "$(events 99 100)" ""
}

@test "a lock file that is missing, empty, or garbage is written anew" {
	: >log/t/0/lock
	[ "$(next_offset)" = 9 ]
	head -c 5000 /dev/urandom >log/t/0/lock
	[ "$(next_offset)" = 10 ]
	rm log/t/0/lock
	[ "$(next_offset)" = 11 ]
	head -n 1 log/t/0/lock | grep -qx 'streamlog lock 1'
	rm log/t/0/lock
	mkdir log/t/0/lock
	t streamlog-append t <<<'{}'
	expect 65 "" "streamlog-append: topic 't': partition 0: 'lock': not a regular file"
}

@test "a follower is told of damage, and with skip goes on behind it" {
	poke "$segment" $((2 * batch + 70)) '\xff'
	follow 5 streamlog-tail -f -a --on-damage=skip t
	local n
	for n in 0 1 2 3 4 5; do
		hear 5 "{\"n\":$n}"
	done
	telling "byte $((2 * batch)): bad checksum"
	[ "$(next_offset)" = 9 ]
	hear 5 '{"new":1}'
	told "streamlog-tail: topic 't': partition 0: '00000000000000000000.log': byte $((2 * batch)): bad checksum"
}

@test "append killed at any moment: what was said to be there is there once" {
	local n pid
	mkfifo feed
	for n in {1..15}; do
		streamlog-append --receipt --sync batch t <feed >receipts 3>&- &
		pid=$!
		{ seq -f "{\"run\":$n,\"i\":%g,\"x\":\"$(printf %0500d 0)\"}" 20000 2>/dev/null || true; } >feed &
		while [ ! -s receipts ]; do :; done
		# On a busy machine it may have come to its end.
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" || true
		wait
		sed -E 's/.*"first_offset":([0-9]+),"count":([0-9]+).*/\1 \2/' receipts | grep -v topic >>given || true
		: >receipts
	done
	next_offset >/dev/null
	streamlog-tail -a -J t >all
	# Dense, and each receipt's offsets are there, of one run.
	sed -E 's/.*"offset":([0-9]+).*/\1/' all | awk '$1 != NR - 1 { exit 1 }'
	[ "$(grep -c new all)" -eq 1 ]
	grep -o '"run":[0-9]*,"i":[0-9]*' all | sort | uniq -d >twice
	[ ! -s twice ]
	awk '{ if ($1 < last) exit 1; last = $1 + $2 }' given
	[ "$(wc -l <all)" -gt "$(awk 'END { print $1 + $2 }' given)" ]
}
