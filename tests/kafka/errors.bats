#!/usr/bin/env bats
# What a cluster may do to its clients, and what kcat and streamlog make of what
# the other one wrote. The cluster is a mock; ENGINE is kafka in any case.

ENGINE=kafka
BROKERS=3
load ../helper

teardown()
{
	[ -z "${follower:-}" ] || kill -KILL "$follower" 2>/dev/null || true
	engine_down
}

# servers: the cluster's, as kcat takes them.
servers()
{
	echo "${STREAMLOG_DIR#kafka://}"
}

# read_by_kcat TOPIC FORMAT: all that the topic holds.
read_by_kcat()
{
	kcat -q -C -b "$(servers)" -t "$1" -o beginning -e -f "$2"
}

# holds TOPIC FROM TO: {"n":FROM} to {"n":TO}, each once and in order.
holds()
{
	diff <(read_by_kcat "$1" '%s\n') <(events "$2" "$3")
}

# begin ARGUMENTS...: append in the background, its input to be written to fd 6.
begin()
{
	mkfifo input
	streamlog-append "$@" <input 2>message 3>&- 4>&- &
	follower=$!
	exec 6>input
}

# dies STATUS: append ends so.
dies()
{
	local got=0

	wait "$follower" || got=$?
	follower=
	[ "$got" -eq "$1" ] || {
		echo "status: $got, not $1"
		cat message
		return 1
	}
}

# there TOPIC COUNT: so many events came there within 10 seconds.
there()
{
	local try

	for ((try = 0; try < 200; try++)); do
		[ "$(read_by_kcat "$1" '%s\n' | wc -l)" -lt "$2" ] || return 0
		sleep 0.05
	done
	cat message
	return 1
}

# says STATUS WORDS COMMAND...: it ends so within 20 seconds, prints nothing,
# and tells it in one line that has these words.
says()
{
	local status_expected=$1 words=$2 begin=$SECONDS

	shift 2
	t "$@"
	echo "status: $status, after $((SECONDS - begin)) s"
	echo "$stderr"
	[ "$status" -eq "$status_expected" ]
	[ "$output" = "" ]
	[[ $stderr == *"$words"* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[ "$((SECONDS - begin))" -lt 20 ]
}

# ---- No cluster ----

@test "nobody listens there: 75, and the address is named" {
	echo '{}' >in
	says 75 127.0.0.1:1 streamlog-append -d kafka://127.0.0.1:1 orders in
	says 75 127.0.0.1:1 streamlog-tail kafka://127.0.0.1:1/orders
	says 75 127.0.0.1:1 streamlog-topic -d kafka://127.0.0.1:1 list
}

@test "a host that has no address: 75, and its name is named" {
	echo '{}' >in
	says 75 nosuch.invalid streamlog-append -d kafka://nosuch.invalid orders in
	says 75 nosuch.invalid streamlog-tail kafka://nosuch.invalid/orders
}

@test "who listens there and is no broker is not waited for without end: 75" {
	python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(9)
print(s.getsockname()[1], flush=True); time.sleep(60)' >port 3>&- 4>&- &
	follower=$!
	until [ -s port ]; do sleep 0.01; done
	says 75 "127.0.0.1:$(cat port)" streamlog-tail \
		"kafka://127.0.0.1:$(cat port)/orders"
}

# ---- Errors ----

@test "errors that pass: nothing is lost, and nothing there twice" {
	local error

	for error in NOT_LEADER_FOR_PARTITION REQUEST_TIMED_OUT _TRANSPORT \
		LEADER_NOT_AVAILABLE NOT_ENOUGH_REPLICAS COORDINATOR_LOAD_IN_PROGRESS; do
		mock error Produce "$error" "$error"
		t streamlog-append "$error" < <(events 1 500)
		expect 0 "" ""
		holds "$error" 1 500
	done
}

@test "a cluster that makes no topics: 66" {
	mock refuse closed UNKNOWN_TOPIC_OR_PART
	says 66 "topic 'closed'" streamlog-append closed <<<'{}'
	says 66 "topic 'closed'" streamlog-tail closed
}

@test "a topic that one may not see: 74, and why" {
	mock refuse secret TOPIC_AUTHORIZATION_FAILED
	says 74 "uthoriz" streamlog-append secret <<<'{}'
	says 74 "uthoriz" streamlog-tail secret
}

@test "a topic that one may not write to: 74, and why" {
	mock error Produce TOPIC_AUTHORIZATION_FAILED
	says 74 "uthoriz" streamlog-append orders <<<'{}'
	[ "$(read_by_kcat orders x)" = "" ]
}

@test "an event that is too large for the cluster: 65" {
	mock error Produce MSG_SIZE_TOO_LARGE
	t streamlog-append orders <<<'{"large":true}'
	[ "$status" -eq 65 ]
	[[ $stderr == *"large"* ]]
	[ "$(read_by_kcat orders x)" = "" ]
}

@test "an event that is too large for the client: 65, the others are there" {
	{
		events 1 1
		printf '{"n":"%02000000d"}\n' 0
		events 2 2
	} >in
	t streamlog-append --on-error skip orders in
	[ "$status" -eq 65 ]
	[[ $stderr == *"line 2: "*"2000008"* ]]
	holds orders 1 2
}

@test "a broker that goes in the middle and comes back: all is there, once" {
	begin orders
	events 1 1000 >&6
	there orders 1000
	mock down -1
	events 1001 2000 >&6
	sleep 0.5
	mock up -1
	events 2001 3000 >&6
	exec 6>&-
	dies 0
	holds orders 1 3000
}

@test "a broker that goes for good: 75, and what was not sent is not there" {
	begin -X message.timeout.ms=2000 orders
	events 1 1000 >&6
	there orders 1000
	mock down -1
	events 1001 2000 >&6
	exec 6>&-
	dies 75
	grep -q "topic 'orders': .*; 1,000 lines are done" message
	mock up -1
	holds orders 1 1000
}

@test "a broker that never answers: 74, for it may be there all the same" {
	begin -X message.timeout.ms=2000 orders
	events 1 1000 >&6
	there orders 1000
	# An hour, of the mock's.
	mock rtt -1 3600000
	events 1001 2000 >&6
	exec 6>&-
	dies 74
	grep -q "topic 'orders': partition 0: in doubt, .*; 1,000 lines are done" message
	mock rtt -1 0
	local left
	left=$(read_by_kcat orders '%s\n' | wc -l)
	[ "$left" -gt 1000 ]
	holds orders 1 "$left"
}

@test "another broker leads: append and tail go on there" {
	topic 1 orders
	mock leader orders 0 1
	begin orders
	follow 5 streamlog-tail -f -a orders
	for leader in 2 3 1; do
		echo "{\"n\":$leader}" >&6
		hear 5 "{\"n\":$leader}"
		mock leader orders 0 "$leader"
	done
	exec 6>&-
	exec 5<&-
}

@test "tail -f goes on when the broker is back" {
	events 1 2 | streamlog-append orders
	follow 5 streamlog-tail -f orders
	hear 5 '{"n":1}'
	hear 5 '{"n":2}'
	mock down -1
	sleep 0.3
	mock up -1
	events 3 3 | streamlog-append orders
	hear 5 '{"n":3}'
	exec 5<&-
	ends 0
}

# fixed PROPERTY COMMAND...: the user's value is refused.
fixed()
{
	local was=0

	"${@:2}" 2>message || was=$?
	[ "$was" -eq 2 ]
	[[ $(cat message) == *": kafka: '$1': it can't be set, and is '"*"'; streamlog-kafka(7) says what can" ]]
}

@test "a property that promises rest on is not set otherwise" {
	events 1 3 | streamlog-append orders
	fixed acks streamlog-append -X acks=1 orders /dev/null
	fixed acks streamlog-append -X request.required.acks=0 orders /dev/null
	fixed linger.ms streamlog-append -X queue.buffering.max.ms=9 orders /dev/null
	fixed bootstrap.servers streamlog-tail -X metadata.broker.list=b orders
	fixed enable.auto.commit streamlog-tail -X enable.auto.commit=true orders
	fixed auto.offset.reset streamlog-tail -X auto.offset.reset=latest orders
	fixed enable.partition.eof \
		streamlog-tail -X enable.partition.eof=false -g g orders
	fixed group.id streamlog-tail -X group.id=other -g g orders
	# What it is anyway may be said.
	events 4 4 | streamlog-append -X acks=all -X linger.ms=1000 orders
	t streamlog-tail -X enable.auto.commit=false orders
	expect 0 "$(events 1 4)" ""
}

@test "a fetch that fails is tried again" {
	events 1 10 | streamlog-append orders
	mock error Fetch NOT_LEADER_FOR_PARTITION _TRANSPORT KAFKA_STORAGE_ERROR \
		UNKNOWN
	t streamlog-tail -a orders
	expect 0 "$(events 1 10)" ""
}

@test "a commit that fails in passing is tried again" {
	local error

	for error in NOT_COORDINATOR COORDINATOR_LOAD_IN_PROGRESS _TRANSPORT; do
		events 1 3 | streamlog-append "$error"
		# shellcheck disable=SC2016 # the command's
		t streamlog-tail -g "$error" "$error" -- cat
		expect 0 "$(events 1 3)" ""
		[ "$(place "$error" "$error-0")" = 3 ]
	done
}

@test "a signal in the middle: what is told to be done is there, no more" {
	mkfifo input
	while :; do events 1 200; sleep 0.01; done >input 2>/dev/null 3>&- 4>&- &
	local feeder=$!
	streamlog-append orders <input 2>message 3>&- 4>&- &
	follower=$!
	there orders 1000
	kill -TERM "$follower"
	dies 143
	kill "$feeder" 2>/dev/null || true
	[[ $(cat message) =~ ^"streamlog-append: topic 'orders': stopped by SIGTERM; "([0-9,]+)" lines are done"$ ]]
	[ "$(read_by_kcat orders '%s\n' | wc -l)" -eq "${BASH_REMATCH[1]//,/}" ]
}

# ---- kcat and streamlog ----

@test "kcat reads what append wrote: keys, headers, times, tombstones" {
	topic 1 orders
	printf '%s\n' \
		'{"ts":1700000000000,"key":"k1","headers":{"a":"1","b":null},"payload":{"n":1}}' \
		'{"ts":1700000000001,"key":"k1","payload":null}' \
		'{"ts":1700000000002,"payload_base64":"bnVsbA=="}' \
		'{"ts":1700000000003,"key":"","payload":{"n":4}}' >in
	streamlog-append -J orders in
	diff <(read_by_kcat orders '%o %T %K:%k %h %S:%s\n') - <<-'END'
		0 1700000000000 2:k1 a=1,b=NULL 7:{"n":1}
		1 1700000000001 2:k1  -1:
		2 1700000000002 -1:  4:null
		3 1700000000003 0:  7:{"n":4}
	END
}

@test "keys go to the partitions of files, and of Kafka's own producer" {
	topic 7 ours kcats
	seq -f '{"k":"key %g é"}' 500 >in
	streamlog-append -k k ours in
	streamlog-append -d "$PWD/files" --partitions 7 -k k ours in
	read_by_kcat ours '%p %k\n' | sort >on_kafka
	streamlog-tail -d "$PWD/files" -a --format '%p %k\n' ours | sort >in_files
	diff on_kafka in_files
	seq -f 'key %g é:{}' 500 | kcat -P -b "$(servers)" -t kcats -K : \
		-X topic.partitioner=murmur2_random
	read_by_kcat kcats '%p %k\n' | sort | diff - in_files
	[ "$(cut -d ' ' -f 1 in_files | sort -u | wc -l)" -eq 7 ]
}

@test "tail reads what kcat wrote, in each compression" {
	local codec

	for codec in none gzip snappy lz4 zstd; do
		events 1 1000 | sed 's/.*/k:&/' | kcat -P -b "$(servers)" \
			-t "$codec" -K : -H h=v -H e= -z "$codec"
		streamlog-tail -a "$codec" | diff - <(events 1 1000)
	done
	t streamlog-tail -n 1 -J zstd
	[ "$(sed -E 's/"ts":[0-9]+,//' <<<"$output")" = \
		'{"topic":"zstd","partition":0,"offset":999,"key":"k","headers":{"h":"v","e":""},"payload":{"n":1000}}' ]
	printf 'k:\n' | kcat -P -b "$(servers)" -t none -K : -Z
	t streamlog-tail -n 1 -J none
	[[ $output == *'"key":"k","payload":null}' ]]
}

@test "kcat reads each compression that append writes" {
	local codec

	for codec in none lz4 zstd; do
		events 1 1000 | streamlog-append -z "$codec" "$codec"
		holds "$codec" 1 1000
	done
}
