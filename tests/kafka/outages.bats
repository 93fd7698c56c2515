#!/usr/bin/env bats
# The broker is killed with -9, or frozen, under those who write and read, and so
# are they; topics move to it and back. Nothing acknowledged is lost.

load kafka_helper

EVENTS=4000
PARTITIONS=3
KILLS=20

setup_file()
{
	export KAFKA=$BATS_FILE_TMPDIR/kafka ADDRESS
	ADDRESS=$(broker start "$KAFKA" num.partitions="$PARTITIONS")
}

teardown_file()
{
	broker kill "$KAFKA"
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	export STREAMLOG_DIR=kafka://$ADDRESS
}

teardown()
{
	[ -z "${follower:-}" ] || kill "$follower" 2>/dev/null || true
}

# slowly FROM TO: {"n":N}, 50 at a time.
slowly()
{
	local n

	for ((n = $1; n <= $2; n += 50)); do
		seq -f '{"n":%.0f}' "$n" $((n + 49))
		sleep 0.02
	done
}

outage()
{
	broker kill "$KAFKA"
	broker start "$KAFKA"
}

# received: partition and offset of each event that a receipt names.
received()
{
	sed -E 's/.*"partition":([0-9]+),"first_offset":([0-9]+),"count":([0-9]+).*/\1 \2 \3/' |
		awk '{ for (n = 0; n < $3; n++) print $1, $2 + n }' | sort
}

@test "an append goes on after its broker was killed: nothing is lost, nothing twice" {
	slowly 1 "$EVENTS" | streamlog-append --receipt crossing >receipts 3>&- 4>&- &
	follower=$!
	await has receipts 5
	outage
	wait "$follower"
	consume crossing | sort >theirs
	seq -f '{"n":%.0f}' "$EVENTS" | sort | cmp - theirs
	received <receipts >ours
	consume crossing -f '%p %o\n' | sort | cmp ours -
}

@test "what a killed append had receipts for is there" {
	slowly 1 "$EVENTS" | streamlog-append --receipt killed >receipts 3>&- 4>&- &
	follower=$!
	await has receipts 5
	kill -9 "$follower"
	wait "$follower" || true
	# The last line may be half.
	sed '$d' receipts | received >ours
	[ -s ours ]
	consume killed -f '%p %o\n' | sort >theirs
	[ "$(comm -23 ours theirs | wc -l)" = 0 ]
}

@test "a follower and a member go on after the broker was killed" {
	streamlog-topic create --partitions "$PARTITIONS" outlived
	slowly 1 1000 | streamlog-append outlived
	streamlog-tail -f -a -c 2000 outlived >seen 3>&- 4>&- &
	follower=$!
	streamlog-tail -f -c 2000 -g member outlived -- sh -c 'cat >>taken' 3>&- 4>&- &
	member=$!
	await has seen 1000
	await has taken 1000
	outage
	slowly 1001 2000 | streamlog-append outlived
	wait "$follower"
	wait "$member"
	seq -f '{"n":%.0f}' 2000 | sort >ours
	sort seen | cmp ours -
	sort taken | cmp ours -
}

# killed_often COMMAND...: run it, with all that it runs, again and again, until
# it ends by itself; the first KILLS times it is killed after up to 0.4 seconds.
killed_often()
{
	local kills group

	for ((kills = 0; kills < KILLS; kills++)); do
		setsid "$@" 3>&- 4>&- &
		group=$!
		sleep "0.$(printf %03d $((RANDOM % 400)))"
		kill -9 -- "-$group" 2>/dev/null || break
		wait "$group" || true
	done
	echo "# killed $kills times" >&3
	"$@"
}

# moved FROM TO: files of keys and events. All is there, and where it came first
# those of a key are in their order.
moved()
{
	sort "$1" >ours
	sort -u "$2" | cmp ours -
	awk '!seen[$0]++ { match($0, /"n":[0-9]+/)
		n = substr($0, RSTART + 4, RLENGTH - 4) + 0
		if (n < last[$1]) exit 1
		last[$1] = n }' "$2"
	echo "# $(wc -l <"$1") events moved, $(wc -l <"$2") came" >&3
}

@test "a topic moves to Kafka and back, killed at many moments: nothing is lost" {
	local files=$PWD/files back=$PWD/back

	streamlog-topic create -d "$files" --partitions "$PARTITIONS" orders
	json_events moved | streamlog-append -d "$files" -k user orders
	streamlog-tail -d "$files" -a --format '%k %s\n' orders >here
	killed_often streamlog-tail -d "$files" -g move --batch 20 -J orders -- \
		streamlog-append -d "kafka://$ADDRESS" -J orders
	consume orders -f '%k %s\n' >there
	moved here there
	streamlog-topic create -d "$back" --partitions "$PARTITIONS" orders
	killed_often streamlog-tail -d "kafka://$ADDRESS" -g move --batch 20 \
		--session-timeout 1s -J orders -- \
		streamlog-append -d "$back" -J orders
	streamlog-tail -d "$back" -a --format '%k %s\n' orders >home
	moved here home
}

# frozen COMMAND...: SIGTERM while the broker doesn't answer ends it within 4
# seconds, by the signal.
frozen()
{
	local status=0 broker

	broker=$(cat "$KAFKA/pid")
	streamlog-append frozen <<<'{}'
	"$@" >out 2>err 3>&- 4>&- 6>&- &
	follower=$!
	sleep 2
	kill -STOP "$broker"
	sleep 0.2
	kill "$follower"
	SECONDS=0
	wait "$follower" || status=$?
	follower=
	kill -CONT "$broker"
	[ "$status" -eq 143 ]
	[ "$SECONDS" -le 4 ]
}

@test "a signal is not kept waiting by a broker that doesn't answer" {
	mkfifo quiet
	exec 6<>quiet
	frozen streamlog-append frozen quiet
	frozen streamlog-tail -f -g a frozen
	frozen streamlog-tail -f -g b frozen -- sh -c 'cat >/dev/null; sleep 3'
	# What was on its way comes again, or was committed.
	streamlog-append frozen <<<'{"last":1}'
	timeout 60 streamlog-tail -g a --session-timeout 6s frozen | grep -qF '{"last":1}'
}
