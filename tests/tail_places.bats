#!/usr/bin/env bats
# streamlog-tail -g where a place can't be used, or must not move.
load helper
load member_helper
load places_helper

@test "events deleted before they were read: told, exit 3; --on-gap=fail stops" {
	streamlog-topic create --set segment.bytes=4KiB ring
	big() { seq -f '{"n":%.0f,"x":"'"$(printf 'x%.0s' {1..1000})"'"}' "$@"; }
	for n in 1 2 3; do
		big $((10 * n)) $((10 * n + 4)) | streamlog-append ring
	done
	t streamlog-tail -g slow -c 1 ring
	segments=("$STREAMLOG_DIR"/ring/0/*.log)
	first=$(basename "${segments[1]}" .log)
	first=$((10#$first))
	rm "$STREAMLOG_DIR/ring/0/00000000000000000000."*
	t streamlog-tail -g slow --on-gap fail ring
	gap="group 'slow': topic 'ring': partition 0: offsets 1 to $((first - 1)) were deleted before they were read ($((first - 1)) events); going on at $first"
	expect 3 "" "streamlog-tail: $gap"
	t streamlog-tail -g slow ring
	[ "$status" = 3 ]
	[ "$stderr" = "streamlog-tail: $gap" ]
	[ "$(wc -l <<<"$output")" -eq $((15 - first)) ]
	[ "$(place slow ring-0)" = 15 ]
	t streamlog-tail -g slow ring
	expect 0 "" ""
}

@test "what was read before damage or a gap is handed on, then the run ends" {
	local n end damaged="streamlog-tail: group 'g': topic 't': partition 0: '00000000000000000000.log': byte"

	make_log
	events 9 11 | streamlog-append t
	poke "$segment" $((2 * batch + 70)) '\xff'
	follow 5 streamlog-tail -f -g g t
	for n in 0 1 2 3 4 5; do
		hear 5 "{\"n\":$n}"
	done
	ends 65
	told "$damaged $((2 * batch)): bad checksum"
	[ "$(place g t-0)" = 6 ]
	streamlog-check -q --mend t
	for end in '| cat' ">out || { was=\$?; cat out; exit \$was; }"; do
		streamlog-group reset -q --to-earliest --execute g
		t bash -c "set -o pipefail
			streamlog-tail --on-gap=fail -g g t $end"
		expect 3 "$(events 0 5)" \
			"streamlog-tail: group 'g': topic 't': partition 0: offsets 6 to 8 are not there (3 events); going on at 9"
		[ "$(place g t-0)" = 6 ]
	done
}

@test "what retention takes behind damage that is skipped is told" {
	streamlog-topic create --set segment.bytes=2MiB \
		--set file.delete.delay.ms=0 t
	seq -f '{"n":%.0f,"x":"'"$(printf 'x%.0s' {1..1000})"'"}' 4000 |
		streamlog-append -q t
	poke log/t/0/00000000000000000000.log 520000 XXXX
	cat >handler <<-"END"
		#!/bin/sh
		echo "$STREAMLOG_OFFSET $STREAMLOG_COUNT"
		[ "$STREAMLOG_OFFSET" != 0 ] ||
			streamlog-topic alter --set retention.bytes=100KiB t &&
			streamlog-compact -q t
	END
	chmod +x handler
	t streamlog-tail -g g --on-damage=skip --on-gap=fail t -- ./handler
	[ "$status" = 65 ]
	first=${output#0 }
	[ "${stderr##*$'\n'}" = "streamlog-tail: group 'g': topic 't': partition 0: offsets $first to 3999 were deleted before they were read ($((4000 - first)) events); going on at 4000" ]
	[ "$(place g t-0)" = "$first" ]
}

@test "--on-damage=skip where nothing lies behind the damage ends a bounded run" {
	local segment=log/t/0/00000000000000000000.log size dead n

	events 1 3 | streamlog-append t
	size=$(stat -c %s "$segment")
	events 4 6 | streamlog-append t
	poke "$segment" $((size + 70)) '\xff'
	for n in 1 2; do
		t timeout 10 streamlog-tail -g g --on-damage=skip t
		[ "$status" = 65 ]
		[ "$(place g t-0)" = 3 ]
	done
	true &
	dead=$!
	wait "$dead"
	t timeout 10 streamlog-tail -f -g h --pid "$dead" --on-damage=skip t
	[ "$status" = 65 ]
	t timeout 10 streamlog-tail -f -a --pid "$dead" --on-damage=skip t
	[ "$status" = 65 ]
	[ "$output" = "$(events 1 3)" ]
	# What a writer puts behind it is read, and the group is at the end.
	streamlog-append t <<<'{"new":1}'
	t timeout 10 streamlog-tail -g g --on-damage=skip t
	[ "$status" = 65 ]
	[ "$output" = '{"new":1}' ]
	streamlog-group wait --until-empty --timeout 5s g
}

@test "a place in a topic that was replaced, and one beyond the end: refused" {
	events 1 3 | streamlog-append orders
	streamlog-tail -g g orders >out
	cp -r "$STREAMLOG_DIR/orders" "$STREAMLOG_DIR/copy"
	streamlog-topic delete --execute orders
	events 1 3 | streamlog-append orders
	t streamlog-tail -g g orders
	expect 65 "" "streamlog-tail: group 'g': topic 'orders': partition 0: the place is one in a topic of that name that was replaced; 'streamlog-group reset --to-earliest --execute g orders', or --to-latest and others, sets it anew"
	streamlog-topic delete --execute orders
	mv "$STREAMLOG_DIR/copy" "$STREAMLOG_DIR/orders"
	: >"$STREAMLOG_DIR/orders/0/00000000000000000000.log"
	t streamlog-tail -g g orders
	[ "$status" = 65 ]
	[[ $stderr == *"partition 0: the place, 3, is beyond the end, 0, as if events had been lost; 'streamlog-group reset "* ]]
}

@test "a place whose file is damaged: one line is enough, none is refused" {
	local file=$STREAMLOG_DIR/@groups/g/places/orders-0

	events 1 3 | streamlog-append orders
	streamlog-tail -g g orders >out
	cp "$file" good
	for damage in 'truncate -s 700' "sed -i 2s/seq/sex/" "sed -i 1s/off/oft/"; do
		cp good "$file"
		$damage "$file"
		t streamlog-tail -g g orders
		[ "$status" = 0 ]
	done
	for damage in 'truncate -s 0' 'truncate -s 300' 'sed -i s/seq/sex/' \
		'shred -n 1'; do
		cp good "$file"
		$damage "$file"
		t streamlog-tail -g g orders
		expect 65 "" "streamlog-tail: group 'g': '$STREAMLOG_DIR/@groups/g/places/orders-0': damaged; 'streamlog-group reset --to-earliest --execute g orders', or --to-latest and others, sets it anew"
	done
	rm "$file" && mkdir "$file"
	t streamlog-tail -g g orders
	[ "$status" = 65 ]
}

@test "a sync that failed stops the place where doubt begins" {
	local first=00000000000000000000

	events 1 2 | streamlog-append orders
	bytes=$(stat -c %s "$STREAMLOG_DIR/orders/0/$first.log")
	events 3 4 | streamlog-append orders
	echo "a sync failed: from byte $bytes, offset 2 on, the disk may not hold what was written" \
		>"$STREAMLOG_DIR/orders/0/$first.suspect"
	t streamlog-tail -g g orders -- cat
	[ "$status" = 74 ]
	[[ $stderr == *"a sync failed: what was written from byte $bytes on is in doubt" ]]
	[ "$(place g orders-0)" -le 2 ]
}

@test "a place doesn't pass doubt in a segment that was read to its end" {
	local first=00000000000000000000

	streamlog-topic create --set segment.bytes=16KiB orders
	events 1 3000 | streamlog-append orders
	[ "$(find "$STREAMLOG_DIR/orders/0" -name '*.log' | wc -l)" -gt 2 ]
	echo "a sync failed: from byte 100, offset 2 on, the disk may not hold what was written" \
		>"$STREAMLOG_DIR/orders/0/$first.suspect"
	t streamlog-tail -g g orders
	[ "$status" = 74 ]
	[[ $stderr == *"'$first.log': a sync failed: what was written from byte 100 on is in doubt" ]]
	[ "$(place g orders-0)" = 0 ]
}
