#!/usr/bin/env bats
# streamlog-compact by key: of each key the last event stays, at its offset.
load helper
load member_helper

# table TOPIC: its keys and last values as they are read from the beginning.
table()
{
	streamlog-tail -a --format '%k %s\n' "$1" |
		awk '{ last[$1] = $0 } END { for (k in last) print last[k] }' |
		sort
}

# changes FROM TO KEYS: an event for each number, of so many keys in turn.
changes()
{
	seq "$1" "$2" | awk -v keys="$3" \
		'{ printf "{\"k\":\"key%d\",\"n\":%d}\n", $1 % keys, $1 }'
}

@test "a table of ten keys in a small topic compacts to ten events" {
	streamlog-topic create --set cleanup.policy=compact t
	changes 1 100 10 | streamlog-append -k k t
	before=$(table t)
	t streamlog-compact t
	[ "$status" = 0 ]
	[[ $output == "t: dropped 90 events that later ones of their keys passed; "*" freed" ]]
	[ "$(streamlog-tail -a t | wc -l)" = 10 ]
	[ "$(table t)" = "$before" ]
	t streamlog-compact t
	expect 0 "" ""
	# Nothing is renumbered, and it goes on behind.
	[ "$(streamlog-tail -a --format '%o ' t)" = '90 91 92 93 94 95 96 97 98 99 ' ]
	changes 101 101 10 | streamlog-append -k k t
	[ "$(streamlog-tail -n 1 --format '%o' t)" = 100 ]
	streamlog-compact -q t
	[ "$(streamlog-tail -a t | wc -l)" = 10 ]
}

@test "more keys than memory holds take more passes, and none is lost" {
	streamlog-topic create --set cleanup.policy=compact \
		--set segment.bytes=64KiB t
	changes 1 30000 9000 | streamlog-append -k k t
	before=$(table t)
	t streamlog-compact --memory 64KiB t
	[ "$status" = 0 ]
	[ "$(table t)" = "$before" ]
	[ "$(streamlog-tail -a t | wc -l)" = 9000 ]
	t streamlog-compact --memory 1KiB t
	expect 2 "" "streamlog-compact: --memory: at least 64KiB"
}

@test "a tombstone goes delete.retention.ms after it was first compacted" {
	streamlog-topic create --set cleanup.policy=compact \
		--set delete.retention.ms=0 t
	changes 1 20 2 | streamlog-append -k k t
	echo '{"key":"key1","payload":null}' | streamlog-append -J t
	streamlog-compact -q t
	[ "$(streamlog-tail -a t)" = '{"k":"key0","n":20}' ]
	[ "$(streamlog-tail -a -J t | grep -c '"payload":null')" -le 1 ]
	changes 21 21 2 | streamlog-append -k k t
	streamlog-compact -q t
	[ "$(streamlog-tail -a -J t | grep -c '"payload":null')" = 0 ]
	# One within its time stays for readers to see.
	streamlog-topic alter --set delete.retention.ms=1d t
	echo '{"key":"key0","payload":null}' | streamlog-append -J t
	streamlog-compact -q t
	[ "$(streamlog-tail -a -J t | grep -c '"payload":null')" = 1 ]
	[ "$(streamlog-tail -a t)" = '{"k":"key1","n":21}' ]
}

@test "an event without a key is refused by a compacted topic" {
	streamlog-topic create --set cleanup.policy=compact t
	t streamlog-append t <<<'{"a":1}'
	expect 65 "" "streamlog-append: line 1: no key: of a compacted topic the last event of each key stays
streamlog-append: topic 't': 0 events appended, 1 line rejected ('streamlog-tail --rejected t' shows it)"
	t streamlog-append -k a t <<<'{"a":1}'
	expect 0 "" ""
}

@test "--all compacts once enough is new, and skips what isn't compacted" {
	streamlog-topic create --set cleanup.policy=compact \
		--set segment.bytes=16KiB t
	streamlog-topic create plain
	changes 1 1000 10 | streamlog-append plain
	changes 1 3000 10 | streamlog-append -k k t
	t streamlog-compact --all
	[ "$status" = 0 ]
	[[ $output == "t: dropped "*" freed" ]]
	[ "$(streamlog-tail -a plain | wc -l)" = 1000 ]
	changes 3001 3010 10 | streamlog-append -k k t
	t streamlog-compact --all
	expect 0 "" ""
}

@test "a dry run tells and changes nothing; --json has a row" {
	streamlog-topic create --set cleanup.policy=compact \
		--set segment.bytes=16KiB t
	changes 1 3000 10 | streamlog-append -k k t
	find "$STREAMLOG_DIR" -type f -exec cksum {} + | sort >before
	t streamlog-compact --dry-run t
	[ "$status" = 0 ]
	# Segment by segment, what is being written, too.
	[[ ${lines[0]} == "t 0: would drop "*" of "*" events of 00000000000000000000.log, which later ones of their keys passed" ]]
	[[ ${lines[-1]} == "t: would drop 2,990 events that later ones of their keys passed" ]]
	find "$STREAMLOG_DIR" -type f -exec cksum {} + | sort | cmp - before
	t streamlog-compact --json t
	[ "$status" = 0 ]
	[[ ${lines[0]} == '{"topic":"t","partition":0,"compact":"00000000000000000000.log","first_offset":0,"events":'*',"passed_events":'*',"dry_run":false}' ]]
	[[ ${lines[-2]} == '{"topic":"t","partition":0,"passed_events":2990,"bytes":'*',"dry_run":false}' ]]
	[[ ${lines[-1]} == '{"topic":"t",'*'"passed_events":2990,'* ]]
}

@test "a group and a follower go on while what they read is compacted" {
	streamlog-topic create --partitions 2 --set cleanup.policy=compact \
		--set segment.bytes=32KiB t
	changes 1 5000 50 | streamlog-append -k k t
	member follower streamlog-tail -f -a t
	member group streamlog-tail -f -g g t -- cat
	for round in 1 2 3 4 5; do
		changes $((5000 * round + 1)) $((5000 * round + 5000)) 50 |
			streamlog-append -k k t
		streamlog-compact -q t
	done
	streamlog-group wait --until-empty --timeout 20s g
	for name in follower group; do
		until_true grep -q '"n":30000}' $name.out
		kill "${pids[$name]}"
		wait "${pids[$name]}" || true
		[ "$(cat $name.err)" = "" ]
		# At least the last of each key, nothing twice, nothing else.
		[ -z "$(sort $name.out | uniq -d)" ]
		[ "$(sort -t: -k3n $name.out | awk -F'"' '{ l[$4] = $0 }
			END { for (k in l) print l[k] }' | sort)" = "$(table t |
			cut -d' ' -f2- | sort)" ]
	done
}

@test "a group is at the end where its last events were compacted away" {
	streamlog-topic create --set cleanup.policy=compact \
		--set delete.retention.ms=0 t
	printf '{"key":"%s","payload":%s}\n' a '{"n":1}' b '{"n":2}' b null |
		streamlog-append -q -J t
	streamlog-compact -q t
	streamlog-compact -q t
	[ "$(streamlog-tail -g g t)" = '{"n":1}' ]
	streamlog-group wait --until-empty --timeout 5s g
	streamlog-tail --no-commit --print-place place -g h t
	grep -q '"offset":3}' place
	# Who acknowledges goes once it has done so for all.
	streamlog-tail -g i --ack-fd 7 t 7< <(sleep 0.2; echo t 0 0) >seen
	streamlog-group wait --until-empty --timeout 5s i
}

@test "kill -9 of a compaction leaves the same table, and the next run clears up" {
	streamlog-topic create --set cleanup.policy=compact \
		--set segment.bytes=16KiB t
	changes 1 3000 100 | streamlog-append -k k t
	before=$(table t)
	cp -r "$STREAMLOG_DIR" copy
	for call in pwrite64 fdatasync fsync rename,renameat,renameat2 \
		unlink,unlinkat; do
		for when in 1 2 3 5 8 13; do
			rm -rf "$STREAMLOG_DIR" && cp -r copy "$STREAMLOG_DIR"
			strace -f -o /dev/null -e "trace=$call" -e \
				"inject=$call:signal=KILL:when=$when" \
				streamlog-compact -q t >out 2>&1 || true
			[ "$(table t)" = "$before" ]
			streamlog-compact -q t
			[ "$(table t)" = "$before" ]
			[ "$(streamlog-tail -a t | wc -l)" = 100 ]
			[ -z "$(find "$STREAMLOG_DIR/t" -name '*.cleaned')" ]
		done
	done
}
