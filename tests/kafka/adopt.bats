#!/usr/bin/env bats
# A real broker adopts segments as they are, and topics take in a broker's: by
# the lines of streamlog-kafka(7), literally, but for the names of a topic, a
# directory and a host.

load kafka_helper

EVENTS=2000
PARTITIONS=3
TOPICS=(orders late table mended spoilt)
BORN=(born zipped aborted compacted)
FORMAT='%o %T %K %k %S %s %h\n'

setup_file()
{
	local topic

	cd "$BATS_FILE_TMPDIR" || return
	export STREAMLOG_DIR=$PWD/logs KAFKA=$PWD/kafka ADDRESS
	ADDRESS=$(broker start "$KAFKA" num.partitions="$PARTITIONS" \
		log.cleaner.backoff.ms=200)
	stand_ins
	for topic in "${TOPICS[@]}" "${BORN[@]}"; do
		"make_$topic"
	done
	adopt >placed
}

teardown_file()
{
	broker kill "$KAFKA"
}

setup()
{
	cd "$BATS_FILE_TMPDIR" || return
}

# ---- What the page says ----

# stand_in NAME: a program of that name, on stdin, found before all others.
stand_in()
{
	mkdir -p bin
	cat >"bin/$1"
	chmod +x "bin/$1"
}

stand_ins()
{
	stand_in systemctl <<-END
		#!/bin/sh
		exec "$BATS_TEST_DIRNAME/broker" "\$1" "$KAFKA"
	END
	stand_in kafka-topics.sh <<-END
		#!/bin/sh
		exec "$BATS_TEST_DIRNAME/tool" org.apache.kafka.tools.TopicCommand "\$@"
	END
	stand_in kafka-consumer-groups.sh <<-END
		#!/bin/sh
		exec "$BATS_TEST_DIRNAME/tool" \
			org.apache.kafka.tools.consumer.group.ConsumerGroupCommand "\$@"
	END
	export PATH=$PWD/bin:$PATH
}

# lines SECTION N: the Nth literal display of that subsection, as typed.
lines()
{
	awk -v section=".Ss $1" -v wanted="$2" '
		/^\.S[hs] / { here = $0 == section }
		/^\.Bd -literal/ && here { inside = ++number == wanted; next }
		/^\.Ed/ { inside = 0 }
		inside' "$BATS_TEST_DIRNAME/../../man/streamlog-kafka.7" | sed 's/\\e/\\/g'
}

# as TOPIC: of lines, with what is of this test in place of the page's names.
as()
{
	sed "s|orders|$1|g; s|localhost:9092|$ADDRESS|g
		s|/var/lib/kafka/data|$KAFKA/data|g"
}

# ---- The topics ----

make_orders()
{
	streamlog-topic create --partitions "$PARTITIONS" \
		--set segment.bytes=64KiB orders
	json_events plain | streamlog-append -k user orders
	json_events lz4 | streamlog-append -k user -z lz4 orders
	envelopes | streamlog-append -J orders
	streamlog-tail -g billing -c 3000 orders >/dev/null
	json_events zstd | streamlog-append -z zstd orders
}

# Its first events are gone.
make_late()
{
	streamlog-topic create --partitions "$PARTITIONS" \
		--set segment.bytes=4KiB --set retention.count=200 late
	json_events late | streamlog-append -k user -z zstd late
	streamlog-compact -q late
}

# A table that was compacted, and went on.
make_table()
{
	local round

	streamlog-topic create --partitions "$PARTITIONS" \
		--set segment.bytes=4KiB --set cleanup.policy=compact table
	for round in 1 2 3 4; do
		seq 0 "$round" "$EVENTS" |
			sed "s/.*/{\"user\":\"u&\",\"round\":$round}/" |
			streamlog-append -k user -z lz4 table
		printf '{"key":"u%d","payload":null}\n' 1 3 5 7 |
			streamlog-append -J table
	done
	streamlog-compact -q table
	json_events last | head -n 200 | streamlog-append -k user table
}

# In the middle a byte was spoilt, and moved aside: offsets are missing. And its
# last writer was killed in the middle of a batch.
make_mended()
{
	local log=$STREAMLOG_DIR/mended/0/00000000000000000000.log half

	streamlog-topic create --partitions "$PARTITIONS" mended
	json_events mended | split -l 100 --filter='streamlog-append -p 0 mended'
	spoil "$log"
	streamlog-check -q --mend mended
	log=$(find "$STREAMLOG_DIR/mended/0" -name '*.log' | sort | tail -n 1)
	half=$(mktemp)
	head -c 500 "$log" >"$half"
	cat "$half" >>"$log"
}

# A byte will be spoilt on the way.
make_spoilt()
{
	streamlog-topic create --partitions "$PARTITIONS" spoilt
	json_events spoilt | split -l 100 --filter='streamlog-append -p 0 spoilt'
}

# spoil FILE
spoil()
{
	printf x | dd of="$1" bs=1 seek=20000 conv=notrunc status=none
}

# What a broker had: with each compression that is known on both sides.
make_born()
{
	local codec

	for codec in none lz4 zstd; do
		json_events "$codec" | kcat -P -b "$ADDRESS" -t born -z "$codec" \
			-H from="$codec" -H empty= -K ,
	done
}

make_zipped()
{
	json_events gzip | kcat -P -b "$ADDRESS" -t zipped -z gzip
}

# A transaction whose producer was killed, and one of the next that has its name.
make_aborted()
{
	local producer

	mkfifo fifo
	kcat -P -b "$ADDRESS" -t aborted -X transactional.id=t <fifo 3>&- 4>&- &
	producer=$!
	exec 6>fifo
	json_events lost >&6
	until consume aborted -X isolation.level=read_uncommitted | grep -q lost; do
		sleep 0.1
	done
	kill -9 "$producer"
	exec 6>&-
	wait "$producer" || true
	json_events kept | kcat -P -b "$ADDRESS" -t aborted \
		-X transactional.id=t
}

# The first of its batches are gone.
make_compacted()
{
	kafka-topics.sh --bootstrap-server "$ADDRESS" --create --topic compacted \
		--partitions "$PARTITIONS" --config cleanup.policy=compact \
		--config min.cleanable.dirty.ratio=0.01 --config segment.ms=300
	until [ "$(offsets compacted -p 0 -c 1)" -gt 0 ]; do
		json_events again | kcat -P -b "$ADDRESS" -t compacted -p 0 -K ,
		sleep 0.1
	done
}

# stopped SECTION N TOPIC...: the lines of that display up to where the broker
# starts again, for all topics.
stopped()
{
	local topic

	for topic in "${@:3}"; do
		lines "$1" "$2" | sed '/^systemctl start/,$d' | as "$topic" |
			bash -e
	done
}

# started SECTION N TOPIC: the others.
started()
{
	lines "$1" "$2" | sed '/^systemctl start/,$!d' | as "$3" | bash -e
}

# Both ways between one stop and one start.
adopt()
{
	local topic to='As files, to a broker'

	for topic in "${TOPICS[@]}"; do
		lines "$to" 1 | as "$topic" | bash -e
	done
	stopped "$to" 2 "${TOPICS[@]}"
	spoil "$KAFKA/data/spoilt-0/00000000000000000000.log"
	stopped 'As files, from a broker' 1 "${BORN[@]}"
	started "$to" 2 orders
	lines "$to" 3 | as orders | bash -e
}

# ---- What is served ----

# holds TOPIC: kcat reads from the broker what is in the files, byte for byte,
# at the same offsets. Prints how many.
holds()
{
	local partition

	for ((partition = 0; partition < PARTITIONS; partition++)); do
		consume "$1" -p "$partition" -f "$FORMAT" >theirs
		as-kcat "$STREAMLOG_DIR/$1/$partition" | cmp - theirs
	done
	offsets "$1" | wc -l
}

# offsets TOPIC OPTION...: of each event that the broker has.
offsets()
{
	consume "$1" -f '%o\n' "${@:2}"
}

# offset_at TOPIC MS: the first at that time or later in partition 0; -2: of all.
offset_at()
{
	kcat -Q -b "$ADDRESS" -t "$1:0:$2" | sed 's/.* //'
}

@test "all keys, values, headers, times, tombstones and offsets are the same" {
	[ "$(holds orders)" = $((4 * EVENTS)) ]
}

@test "a topic whose first events are gone begins where it did" {
	[ "$(holds late)" -gt 0 ]
	offset_at late -2 >first
	[ "$(cat first)" -gt 0 ]
	streamlog-tail -p 0 -o beginning -c 1 --format '%o\n' late | cmp - first
}

@test "a table keeps its holes" {
	[ "$(holds table)" -gt "$EVENTS" ]
	offsets table -p 0 | awk 'NR > 1 && $1 > last + 1 { holes++ }
		{ last = $1 } END { exit holes < 100 }'
}

@test "where damage was moved aside there is a gap, and no more" {
	[ "$(holds mended)" = $((EVENTS - 100)) ]
}

@test "behind damage a broker throws all away" {
	[ "$(offsets spoilt | wc -l)" = 200 ]
}

@test "an offset is found by its time" {
	local ms

	ms=$(streamlog-tail -p 0 -o 1000 -c 1 --format %T mended)
	streamlog-tail -p 0 -o "s@$ms" -c 1 --format '%o\n' mended >ours
	offset_at mended "$ms" | cmp - ours
	[ "$(cat ours)" -gt 300 ]
}

@test "a group goes on where it was" {
	local partition place

	for ((partition = 0; partition < PARTITIONS; partition++)); do
		place=$(sed -n "s/^orders,$partition,//p" places.csv)
		grep -E "^billing +orders +$partition +$place\$" placed
	done
	kcat -b "$ADDRESS" -G billing -q -e -f '%p %o\n' orders 2>told | sort -n >theirs
	streamlog-tail -g billing --no-commit --format '%p %o\n' orders | sort -n >ours
	[ "$(wc -l <ours)" = $((4 * EVENTS - 3000)) ]
	cmp ours theirs
}

@test "the broker appends behind the last event, and keeps it all when it is killed" {
	local last

	last=$(streamlog-tail -p 1 -n 1 --format %o orders)
	echo more | kcat -P -b "$ADDRESS" -t orders -p 1
	[ "$(consume orders -p 1 -o -1 -f '%o %s')" = "$((last + 1)) more" ]
	broker kill "$KAFKA"
	[ "$(broker start "$KAFKA")" = "$ADDRESS" ]
	consume orders -p 1 -f "$FORMAT" | sed '$d' >theirs
	as-kcat "$STREAMLOG_DIR/orders/1" | cmp - theirs
}

# state TOPIC: of each key but one of our own the last value, or none.
state()
{
	consume "$1" -f '%k %S %s\n' | awk '{ last[$1] = $0 }
		END { for (key in last) print last[key] }' | grep -v '^extra ' | sort
}

@test "a broker's cleaner goes on where ours stopped" {
	local before partition

	state table >ours
	tool kafka.admin.ConfigCommand --bootstrap-server "$ADDRESS" --alter \
		--entity-type topics --entity-name table --add-config \
		cleanup.policy=compact,segment.ms=300,min.cleanable.dirty.ratio=0.01
	for ((partition = 0; partition < PARTITIONS; partition++)); do
		before=$(offsets table -p "$partition" | wc -l)
		until [ "$(offsets table -p "$partition" | wc -l)" -lt "$before" ]; do
			echo more | kcat -P -b "$ADDRESS" -t table \
				-p "$partition" -k extra
			sleep 0.1
		done
	done
	state table | cmp ours -
}

@test "what was moved takes no more" {
	run -2 streamlog-append orders <<<'{}'
}

# taken TOPIC: what a broker had, how the page's last lines end.
taken()
{
	run started 'As files, from a broker' 1 "$1"
}

@test "what a broker had is whole as a topic, and goes on" {
	taken born
	[ "$status" = 0 ]
	[ "$(holds born)" = $((3 * EVENTS)) ]
	streamlog-append -p 0 --receipt born <<<'{}' >receipt
	grep "\"first_offset\":$(offsets born -p 0 | wc -l)," receipt
	streamlog-check -q born
}

@test "what a broker had is refused where it is compressed as we don't know" {
	taken zipped
	[ "$status" = 65 ]
	[[ $output == *": compressed with gzip, which streamlog does not read; "* ]]
}

@test "what a broker compacted is refused where batches are missing" {
	taken compacted
	[ "$status" = 65 ]
	[[ $output == *": a batch begins at offset "*", expected 0; "* ]]
}

@test "of what a broker had the aborted events come, too" {
	taken aborted
	[ "$status" = 0 ]
	[ "$(consume aborted | wc -l)" = "$EVENTS" ]
	[ "$(streamlog-tail -a aborted | wc -l)" -gt "$EVENTS" ]
	[ "$(streamlog-tail -a -J aborted | grep -c payload_base64)" = 0 ]
}
