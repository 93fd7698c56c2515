#!/usr/bin/env bats
# Names that lead to Apache Kafka: which they are, what they load, and what is
# said where that isn't there. Nothing here needs a broker.

load helper

plugin=${bin%/bin}/lib/streamlog/kafka.so

# Only where streamlog was built with librdkafka-dev.
needs_plugin()
{
	[ -e "$plugin" ] || skip 'streamlog was built without librdkafka'
}

# No broker is there: port 1 of the loopback.
nowhere=kafka://127.0.0.1:1

@test "a name of Kafka that is none is a usage error" {
	for name in kafka:// kafka://a kafka://a/ kafka://a/b/c; do
		t streamlog-append "$name" </dev/null
		[ "$status" -eq 2 ]
		[[ $stderr == "streamlog-append: '$name': which topic? kafka://HOST[:PORT][,HOST...]/TOPIC" ]]
	done
	t streamlog-append kafka:///orders </dev/null
	expect 2 '' "streamlog-append: 'kafka:///orders': not kafka://HOST[:PORT][,HOST...][/TOPIC]"
	for name in kafka:/a/b Kafka://a/b; do
		t streamlog-append "$name" </dev/null
		expect 2 '' "streamlog-append: '$name': not kafka://HOST[:PORT][,HOST...][/TOPIC]; './$name' is a path"
		t streamlog-topic list -d "$name"
		expect 2 '' "streamlog-topic: '$name': not kafka://HOST[:PORT][,HOST...][/TOPIC]; './$name' is a path"
	done
	t env STREAMLOG_DIR=kafka://a/b streamlog-topic list
	expect 2 '' "streamlog-topic: 'kafka://a/b': not kafka://HOST[:PORT][,HOST...][/TOPIC]"
}

@test "an address that can't be one is a slip: 2" {
	needs_plugin
	local dir

	for dir in kafka:// kafka://a:b kafka://a: kafka://:9092 kafka://a,,b \
		kafka://a:0 kafka://a:65536 kafka://a:9092x,b 'kafka://a,'; do
		t streamlog-topic list -d "$dir"
		expect 2 '' "streamlog-topic: '$dir': not kafka://HOST[:PORT][,HOST...][/TOPIC]"
	done
	for dir in 'kafka://[::1]:1' 'kafka://[::1]' kafka://127.0.0.1:1,127.0.0.2:1; do
		t streamlog-topic list -d "$dir"
		[ "$status" -eq 75 ]
	done
}

@test "programs on files never load librdkafka" {
	local program

	for program in "$bin"/streamlog-*; do
		[[ $(ldd "$program") != *rdkafka* ]]
	done
	ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=openat,open -o trace \
		sh -c 'echo "{}" | streamlog-append orders && streamlog-tail orders'
	grep -q orders trace
	run ! grep -q 'rdkafka\|kafka\.so' trace
}

@test "the engine is found beside the programs, built or installed" {
	needs_plugin
	t env ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=openat -o trace streamlog-tail "$nowhere/x"
	[ "$status" -eq 75 ]
	grep -q "\"$bin/../lib/streamlog/kafka.so\"" trace
	mkdir -p away/bin away/lib/streamlog
	cp "$bin/streamlog-tail" away/bin
	cp "$plugin" away/lib/streamlog
	t env ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=openat -o trace away/bin/streamlog-tail "$nowhere/x"
	[ "$status" -eq 75 ]
	grep -q "\"$PWD/away/bin/../lib/streamlog/kafka.so\"" trace
}

@test "without the engine, or librdkafka, the package is named" {
	mkdir -p alone/bin broken
	cp "$bin/streamlog-tail" alone/bin
	t alone/bin/streamlog-tail "$nowhere/x"
	[ "$status" -eq 2 ]
	[[ $stderr == 'streamlog-tail: kafka://: no engine for it ('*'streamlog is to be built where librdkafka-dev is installed' ]]
	needs_plugin
	: >broken/librdkafka.so.1
	t env LD_LIBRARY_PATH="$PWD/broken" streamlog-tail "$nowhere/x"
	[ "$status" -eq 2 ]
	[[ $stderr == *"librdkafka isn't here ("*"'apt-get install librdkafka1' as root" ]]
}

@test "where no broker is, that is said at once: 75" {
	needs_plugin
	local why="$nowhere: no broker answers: 127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused"

	SECONDS=0
	t streamlog-tail "$nowhere/orders"
	expect 75 '' "streamlog-tail: $why"
	echo '{}' >in
	t streamlog-append -d "$nowhere" orders in
	expect 75 '' "streamlog-append: $why"
	t env STREAMLOG_DIR="$nowhere" streamlog-group list
	[ "$status" -eq 75 ]
	t streamlog-topic create -d "$nowhere" orders
	expect 75 '' "streamlog-topic: $why"
	t streamlog-tail kafka://no.such.host.invalid/orders
	[ "$status" -eq 75 ]
	[[ $stderr == *'no broker answers: '*'no.such.host.invalid'* ]]
	[ "$SECONDS" -lt 20 ]
}

@test "streamlog.yaml and -X set the client, and a secret is shown to nobody" {
	needs_plugin
	mkdir log
	printf 'partitions: 2\nkafka.no.such: 1\n' >log/streamlog.yaml
	t streamlog-tail "$nowhere/orders"
	expect 2 '' "streamlog-tail: kafka: 'no.such': no such setting of librdkafka $(rdkafka_version)"
	echo '{}' | streamlog-append orders # its defaults are files' own
	streamlog-topic describe --json orders | grep -q '"partitions":2'
	echo 'kafka.session.timeout.ms: soon' >log/streamlog.yaml
	t streamlog-tail "$nowhere/orders"
	[ "$status" -eq 2 ]
	[[ $stderr == *"kafka: 'session.timeout.ms': "* ]]
	t streamlog-tail -X session.timeout.ms=9000 "$nowhere/orders"
	[ "$status" -eq 2 ] # the file's is no good whatever comes over it
	echo 'kafka.sasl.password: hunter2' >log/streamlog.yaml
	t streamlog-tail -X sasl.mechanism=hunter2 -X security.protocol=sasl_plaintext \
		-X sasl.username=u "$nowhere/orders"
	[[ $stderr != *hunter2* || $stderr == *mechanism* ]]
	t streamlog-tail -X ssl.key.password:hunter2 "$nowhere/orders"
	expect 2 '' "streamlog-tail: -X: not NAME=VALUE"
}

# The version of the library that is loaded.
@test "places on a cluster are set by its own tool, whose line sets none yet" {
	needs_plugin
	for option in --to-latest --to-earliest "--to-offset 3 --execute"; do
		# shellcheck disable=SC2086 # words
		t streamlog-group reset -d "$nowhere" $option billing
		expect 2 '' "streamlog-group: group 'billing': a cluster's own tool does it: 'kafka-consumer-groups.sh --bootstrap-server 127.0.0.1:1 --reset-offsets --group billing --topic TOPIC --to-...'"
	done
}

rdkafka_version()
{
	streamlog-tail -X no=1 "$nowhere/x" 2>&1 | sed 's/.*librdkafka //'
}

@test "a secret of -X is wiped from the list of processes, and from advice" {
	mkfifo fifo
	streamlog-append -X sasl.password=hunter2 orders <fifo >out 2>err 3>&- &
	local pid=$! try

	exec 6>fifo
	for ((try = 0; try < 500; try++)); do
		! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q 'sasl.password=\*\*\*\*' || break
		sleep 0.02
	done
	exec 6>&-
	wait "$pid" || true
	[ "$try" -lt 500 ]
	run ! grep -q hunter2 out err
}
