#!/usr/bin/env bats
# streamlog-append: what is an event, what becomes of it, what is said.

load helper

# append MESSAGE-OR-EMPTY STATUS ARGUMENTS...: events from stdin.
append()
{
	local message=$1 status=$2

	shift 2
	t streamlog-append "$@"
	expect "$status" "" "$message"
}

# envelopes TOPIC: all of it, without topic, offset and time.
envelopes()
{
	streamlog-tail -a -J "$1" |
		sed -E 's/"topic":"[^"]*",//; s/"offset":[0-9]+,"ts":[0-9]+,//'
}

# rejected TOPIC: its rejected lines, without time.
rejected()
{
	streamlog-tail -a --rejected "$1" | sed -E 's/"time":"[^"]*",//'
}

# usage MESSAGE ARGUMENTS...
usage()
{
	t streamlog-append "${@:2}" <<<'{}'
	expect 2 "" "streamlog-append: $1"
}

@test "append takes objects, one a line, and keeps them byte for byte" {
	printf '%s\n' '{"a":1}' ' { "b" : [ 1.50 , null ] } ' >in
	printf '\n{"s":"\\ud800 \\u00e9é"}\r\n\n{"last":true}' >>in
	append "" 0 orders <in
	t streamlog-tail -a orders
	expect 0 "$(grep . in)" ""
}

@test "append names what is no event, keeps it aside, and takes the rest" {
	printf '%s\n' '{"a":1}' hello '{"a":' '   ' '[1]' '{"a":1}' >in
	append "\
streamlog-append: line 2: byte 1: not JSON: expected a value
streamlog-append: line 3: byte 6: not JSON: the line ends inside an object
streamlog-append: line 4: byte 4: not JSON: the line is blank
streamlog-append: line 5: an event is a JSON object; --any takes other values
streamlog-append: topic 'orders': 2 events appended, 4 lines rejected ('streamlog-tail --rejected orders' shows them)" \
		65 orders <in
	t streamlog-tail -a orders
	expect 0 $'{"a":1}\n{"a":1}' ""
	t rejected orders
	expect 0 '{"source":"-","line":2,"byte":1,"reason":"not JSON: expected a value","input":"hello","input_bytes":5}
{"source":"-","line":3,"byte":6,"reason":"not JSON: the line ends inside an object","input":"{\"a\":","input_bytes":5}
{"source":"-","line":4,"byte":4,"reason":"not JSON: the line is blank","input":"   ","input_bytes":3}
{"source":"-","line":5,"byte":null,"reason":"an event is a JSON object; --any takes other values","input":"[1]","input_bytes":3}' ""
}

@test "append refuses bytes that are not UTF-8, NULs and control characters" {
	printf '{"a":"\xff"}\n{"a":"\0"}\n{"a":"\t"}\n\xef\xbb\xbf{}\n' >in
	append "\
streamlog-append: 'in': line 1: byte 7: not JSON: not UTF-8
streamlog-append: 'in': line 2: byte 7: not JSON: a control character in a string
streamlog-append: 'in': line 3: byte 7: not JSON: a control character in a string
streamlog-append: 'in': line 4: byte 1: not JSON: a byte order mark
streamlog-append: topic 'orders': 0 events appended, 4 lines rejected ('streamlog-tail --rejected orders' shows them)
streamlog-append: no line is an event: streamlog-append(1) says what an event is" \
		65 orders in
	rejected orders | grep -qF '"input_base64":"eyJhIjoi/yJ9","input_bytes":9}'
	rejected orders | grep -qF '"input":"{\"a\":\"\u0000\"}"'
	seq 200 >numbers
	t streamlog-append stopped numbers
	[ "$(streamlog-tail -a --rejected stopped | wc -l)" -eq 100 ]
}

@test "append takes 512 levels of nesting, and refuses bombs of them" {
	{
		printf '{"a":%.0s' {1..512}
		echo "1$(printf '}%.0s' {1..512})"
		printf '[%.0s' {1..100000}
		echo
	} >in
	append "\
streamlog-append: line 2: byte 513: not JSON: nested deeper than 512
streamlog-append: topic 'orders': 1 event appended, 1 line rejected" \
		65 --on-error skip orders <in
}

@test "append tells 10 bad lines, and their count; after 100 it stops" {
	seq -f 'line %g' 100000 >in
	t streamlog-append --on-error skip orders in
	[ "$status" -eq 65 ]
	[ "$(grep -c 'not JSON' <<<"$stderr")" -eq 10 ]
	[ "$(tail -n 2 <<<"$stderr")" = "\
streamlog-append: topic 'orders': 0 events appended, 100 lines rejected
streamlog-append: stopped: the first 100 lines are no events: this looks like plain text; --raw takes any lines" ]

	{ events 1 1; seq -f 'line %g' 300; } >in
	t streamlog-append --on-error skip goes-on <in
	[ "$status" -eq 65 ]
	[ "$(wc -l <<<"$stderr")" -eq 11 ]
	[[ $stderr == *"1 event appended, 300 lines rejected"* ]]
}

@test "append says what hopeless input looks like" {
	printf '{\n  "a": 1,\n  "b": [\n    true ]\n}\n%.0s' {1..40} >pretty
	t streamlog-append --on-error skip orders pretty
	[ "${stderr##*: }" = "this looks like JSON over several lines; 'jq -c .' makes lines of it" ]
	seq 200 >numbers
	t streamlog-append --on-error skip orders numbers
	[ "${stderr##*: }" = "this looks like JSON values; --any takes them" ]
}

@test "append --on-error=skip keeps nothing aside; fail ends there" {
	printf '%s\n' '{"n":1}' bad '{"n":2}' >in
	append "\
streamlog-append: line 2: byte 1: not JSON: expected a value
streamlog-append: topic 'orders': 2 events appended, 1 line rejected" \
		65 --on-error skip orders <in
	[ ! -e log/orders/rejected ]
	append "\
streamlog-append: line 2: byte 1: not JSON: expected a value
streamlog-append: topic 'orders': 1 event appended, 1 line rejected" \
		65 --on-error=fail orders <in
	t streamlog-tail -a orders
	expect 0 $'{"n":1}\n{"n":2}\n{"n":1}' ""
}

@test "append --on-error=fail takes all before its line, in any partition" {
	local keys
	topic 4 orders
	keys=$(printf '{"k":"%s"}\n' {a..p})
	printf '%s\n' "$keys" bad '{"k":"z"}' worse >in
	append "\
streamlog-append: line 17: byte 1: not JSON: expected a value
streamlog-append: topic 'orders': 16 events appended, 1 line rejected" \
		65 -k k --on-error=fail orders <in
	t streamlog-tail -a orders
	[ "$(sort <<<"$output")" = "$keys" ]
}

@test "append --any takes every JSON value, --raw any bytes" {
	printf '1\nnull\n"x"\n[]\n' >in
	append "" 0 --any any <in
	t envelopes any
	expect 0 '{"partition":0,"payload":1}
{"partition":0,"payload_base64":"bnVsbA=="}
{"partition":0,"payload":"x"}
{"partition":0,"payload":[]}' ""
	printf 'plain\n\xff\0\xfe\n\nlast' >in
	append "" 0 --raw raw <in
	streamlog-tail -a raw | cmp - <(printf 'plain\n\xff\0\xfe\nlast\n')
}

@test "append -0 takes events that hold newlines" {
	printf '{"a":\n1}\0{"b":2}\0\0{"c":3}' >in
	append "" 0 -0 orders <in
	streamlog-tail -a -0 orders |
		cmp - <(printf '{"a":\n1}\0{"b":2}\0{"c":3}\0')
}

@test "append -k takes the key from each event, unescaped" {
	printf '%s\n' '{"u":"a\u0041"}' '{"u":5}' '{"u":null}' '{}' \
		'{"u":{"x":1}}' '{"u":""}' '{"u":"\ud800"}' >in
	append "\
streamlog-append: line 7: the key has an escaped lone surrogate
streamlog-append: topic 'orders': 6 events appended, 1 line rejected" \
		65 -k u --on-error skip orders <in
	t envelopes orders
	expect 0 '{"partition":0,"key":"aA","payload":{"u":"a\u0041"}}
{"partition":0,"key":"5","payload":{"u":5}}
{"partition":0,"payload":{"u":null}}
{"partition":0,"payload":{}}
{"partition":0,"key":"{\"x\":1}","payload":{"u":{"x":1}}}
{"partition":0,"key":"","payload":{"u":""}}' ""
	append "streamlog-append: no event had a key at '/no/such'" 0 \
		-k /no/such orders <<<'{"no":1}'
	append "" 0 -q -k /no/such orders <<<'{"no":1}'
}

@test "append -K splits the key from its event" {
	printf '%s\n' 'k1::{"a":1}' nodelim '::{"b":2}' 'k::bad' >in
	append "\
streamlog-append: line 2: there is no '::' behind a key
streamlog-append: line 4: byte 4: not JSON: expected a value
streamlog-append: topic 'orders': 2 events appended, 2 lines rejected" \
		65 -K :: --on-error skip orders <in
	t envelopes orders
	expect 0 '{"partition":0,"key":"k1","payload":{"a":1}}
{"partition":0,"key":"","payload":{"b":2}}' ""
	append "\
streamlog-append: line 1: there is no '=' behind a key
streamlog-append: topic 'raw': 0 events appended, 1 line rejected" \
		65 --raw -K = --on-error skip raw <<<plain
}

@test "append --key and --header set what every event gets" {
	append "" 0 --key K --header a=1 --header a= --header b=x=y orders <<<'{}'
	t envelopes orders
	expect 0 '{"partition":0,"key":"K","headers":{"a":["1",""],"b":"x=y"},"payload":{}}' ""
}

@test "append --time-field takes ISO 8601, seconds and milliseconds" {
	printf '%s\n' '{"t":"2026-01-01T00:00:00Z"}' '{"t":1700000000.5}' \
		'{"t":1700000000500}' '{}' '{"t":"x"}' '{"t":-5}' \
		'{"t":"2026-01-01\u0000"}' '{"t":{}}' >in
	append "\
streamlog-append: line 4: there is no time at 't'
streamlog-append: line 5: 't': 'x': not a time, such as 2026-11-22T10:00, yesterday, -2h or @1546300800
streamlog-append: line 6: its time is before 1970, which Kafka's log can't hold
streamlog-append: line 7: 't' is not a time
streamlog-append: line 8: 't' is not a time
streamlog-append: topic 'orders': 3 events appended, 5 lines rejected" \
		65 --time-field t --on-error skip orders <in
	t streamlog-tail -a --format '%T\n' orders
	expect 0 $'1767225600000\n1700000000500\n1700000000500' ""
}

@test "append refuses what is dated more than an hour ahead" {
	printf '{"t":%d}\n' "$(($(date +%s) + 3500))" \
		"$(($(date +%s) + 7200))" >in
	t streamlog-append --time-field t orders <in
	[[ $stderr =~ ^"streamlog-append: line 2: its time is "7(19[0-9]|200)" s ahead of the clock; message.timestamp.after.max.ms is 3600000"$'\n' ]]
	[ "$status" -eq 65 ]
	streamlog-topic create --set message.timestamp.after.max.ms=7d far
	printf '{"t":%d}\n' "$(($(date +%s) + 86400))" >in
	append "" 0 --time-field t far <in
}

@test "append refuses events above max.message.bytes, and keeps 64 KiB of them" {
	{
		printf '{"a":"%s"}\n' "$(printf '%01048576d' 0)"
		printf '%3000000s\n' x
		printf '%065535d\303\251tail\n' 0
		events 1 1
	} >in
	append "\
streamlog-append: line 1: the event has 1048584 bytes: with its frame 1048658, and max.message.bytes is 1048588
streamlog-append: line 2: a line of 3000000 bytes is larger than any event may be
streamlog-append: line 3: byte 1: not JSON: a number begins with 0
streamlog-append: topic 'orders': 1 event appended, 3 lines rejected ('streamlog-tail --rejected orders' shows them)" \
		65 orders <in
	t streamlog-tail -a --rejected orders
	[[ ${lines[0]} == *'"input_bytes":1048584}' ]]
	[ "${#lines[0]}" -lt 66000 ]
	[[ ${lines[1]} == *'"input_bytes":3000000}' ]]
	# Cut before a character, not in it.
	[[ ${lines[2]} == *'000","input_bytes":65541}' ]]
	streamlog-topic create --set max.message.bytes=1KiB small
	append "\
streamlog-append: line 2: the event has 1008 bytes: with its frame 1078, and max.message.bytes is 1024
streamlog-append: topic 'small': 1 event appended, 1 line rejected ('streamlog-tail --rejected small' shows it)" \
		65 small < <(printf '{"a":"%s"}\n' x "$(printf %01000d 0)")
}

@test "append takes a line of 2 GB in constant memory" {
	local status=0
	mkfifo input
	streamlog-append --on-error skip orders <input 2>message 3>&- &
	exec 6>input
	{
		events 1 1
		head -c 2G /dev/zero | tr '\0' x
		echo
		events 2 2
	} >&6
	until [ "$(streamlog-tail orders | wc -l)" -eq 2 ]; do :; done
	# In KiB; 3 MiB, and what sanitizers add.
	[ "$(awk '/VmHWM/ { print $2 }' "/proc/$!/status")" -lt 65536 ]
	exec 6>&-
	wait "$!" || status=$?
	[ "$status" -eq 65 ]
	diff message - <<<"\
streamlog-append: line 2: a line of 2147483648 bytes is larger than any event may be
streamlog-append: topic 'orders': 2 events appended, 1 line rejected"
	t streamlog-tail orders
	expect 0 $'{"n":1}\n{"n":2}' ""
}

@test "append -J reads envelopes; a payload of null is a tombstone" {
	printf '%s\n' '{"topic":"x","partition":7,"offset":9,"ts":5,"key":"","headers":{"h":[null,"v"]},"payload":{"a": 1}}' \
		'{"key":"k","payload":null}' '{"payload_base64":""}' \
		'{"payload_base64":"bnVsbA=="}' '{"key_base64":"/w==","payload":1}' \
		'{"payload":1,"payload_base64":"eA=="}' '{"key":1,"payload":1}' \
		'{"payload_base64":"?"}' '{}' '[]' >in
	append "\
streamlog-append: line 6: both payload and payload_base64
streamlog-append: line 7: key: not a string
streamlog-append: line 8: payload_base64: not base64
streamlog-append: line 9: payload is missing
streamlog-append: line 10: an envelope is a JSON object
streamlog-append: topic 'copy': 5 events appended, 5 lines rejected" \
		65 -J --on-error skip copy <in
	t envelopes copy
	expect 0 '{"partition":0,"key":"","headers":{"h":[null,"v"]},"payload":{"a": 1}}
{"partition":0,"key":"k","payload":null}
{"partition":0,"payload_base64":""}
{"partition":0,"payload_base64":"bnVsbA=="}
{"partition":0,"key_base64":"/w==","payload":1}' ""
}

@test "tail -a -J into append -J is a copy, binary and all" {
	topic 3 from to
	head -c 20000 /dev/urandom | streamlog-append --raw -p 2 from
	printf '%s\n' '{"k":"a"}' '{"k":"b"}' '{"k":"c"}' |
		streamlog-append -k k --header h=v -z zstd from
	printf '%s\n' '{"key":"a","payload":null}' '{"payload_base64":"bnVsbA=="}' |
		streamlog-append -J from
	streamlog-tail -a -J from | sed 's/"topic":"from"/"topic":"to"/' >sent
	append "" 0 -J to <sent
	streamlog-tail -a -J to | diff sent -
}

@test "append -p writes there; keys go where Kafka puts them" {
	topic 3 orders
	append "" 0 -p 2 --key a orders <<<'{}'
	append "" 0 --key a orders <<<'{}'
	append "" 0 --key b orders <<<'{}'
	t streamlog-tail -a --format '%p %k\n' orders
	expect 0 $'2 a\n1 a\n2 b' ""
}

@test "append --partitions and --no-create decide about a new topic" {
	append "" 0 --partitions 3 orders <<<'{}'
	append "" 0 --partitions 3 orders <<<'{}'
	usage "topic 'orders' has 3 partitions, not 4; 'streamlog-topic alter --partitions 4 orders' changes that" --partitions 4 orders
	usage "topic 'orders' has 3 partitions, not 2; they can only grow" --partitions 2 orders
	usage "topic 'orders' has no partition 3, only 0 to 2" -p 3 orders
	append "streamlog-append: topic 'new': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is" 66 --no-create new <<<'{}'
	t streamlog-topic list
	expect 0 orders ""
}

@test "append --receipt tells each batch once it is on disk" {
	t streamlog-append --receipt orders < <(events 1 3)
	expect 0 '{"topic":"orders","partition":0,"first_offset":0,"count":3,"bytes":103,"synced":true}' ""
	t streamlog-append --receipt --sync each orders < <(events 4 5)
	expect 0 '{"topic":"orders","partition":0,"first_offset":3,"count":1,"bytes":75,"synced":true}
{"topic":"orders","partition":0,"first_offset":4,"count":1,"bytes":75,"synced":true}' ""
	t streamlog-append --receipt --sync none orders < <(events 6 6)
	expect 0 '{"topic":"orders","partition":0,"first_offset":5,"count":1,"bytes":75,"synced":false}' ""
	t streamlog-append --receipt orders </dev/null
	expect 0 "" ""
}

@test "append --sync: how often, and never weaker than the topic says" {
	# syncs LEVEL TOPIC: fdatasyncs of a run of three events.
	syncs()
	{
		events 1 3 | ASAN_OPTIONS=detect_leaks=0 strace -f -qq \
			-e trace=fdatasync -o trace \
			streamlog-append --sync "$1" "$2" || return
		grep -c fdatasync trace || true
	}
	streamlog-topic create orders
	streamlog-topic create --set sync=batch strict
	[ "$(syncs none orders)" -eq 0 ]
	[ "$(syncs exit orders)" -eq 1 ]
	[ "$(syncs each orders)" -eq 3 ]
	[ "$(syncs none strict)" -eq 1 ]
}

@test "append compresses as -z says" {
	local codec
	for codec in none lz4 zstd; do
		events 1 1000 | streamlog-append -z "$codec" "$codec"
		streamlog-tail -a "$codec" | diff - <(events 1 1000)
	done
	usage "-z: 'gzip': no such compression; there are none, lz4 and zstd" -z gzip x
}

@test "append -z makes the files smaller" {
	local codec
	for codec in lz4 zstd; do
		events 1 1000 | streamlog-append -z "$codec" "$codec"
		[ "$(stat -c %s log/$codec/0/*.log)" -lt 10000 ]
	done
}

@test "append reads files in turn, - among them; a last line needs no end" {
	printf '{"n":1}\n{"n":2}' >a
	printf '{"n":4}' >b
	append "" 0 orders a - b <<<'{"n":3}'
	t streamlog-tail -a orders
	expect 0 "$(events 1 4)" ""
	append "streamlog-append: topic 'new': input 'nosuch': no such file or directory" 74 new nosuch
	t streamlog-topic list
	expect 0 orders ""
	append "streamlog-append: '.': a directory, not a file" 74 orders .
	append "streamlog-append: topic 'orders': input 'nosuch': no such file or directory" \
		74 orders a nosuch b
	[ "$(streamlog-tail -a orders | wc -l)" -eq 4 ]
}

@test "append --help fits a screen" {
	t streamlog-append --help
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -le 30 ]
	[ "$(printf '%s\n' "${lines[@]}" | wc -L)" -le 80 ]
}

@test "append names mistakes of usage" {
	usage "which topic?"
	usage "-k, -K and --key contradict each other" -k a --key b x
	usage "-K: the delimiter can't be empty" -K "" x
	usage "-K and -J contradict each other" -K : -J x
	usage "-k needs JSON events" --raw -k a x
	usage "--time-field needs JSON events" -J --time-field a x
	usage "--header: 'x' is not NAME=VALUE" --header x x
	usage "--sync: 'never': not a level of syncing: none, exit, batch or each" --sync never x
	usage "--on-error: 'die' is none of divert, skip, fail" --on-error die x
	usage "--wait: 'x': not a duration, such as 30s or 7d" --wait=x x
	usage "-p: '4096' is not from 0 to 4095" -p 4096 x
	usage "-k: '/bad~' is no JSON Pointer: a '~' is written '~0'" -k /bad~ x
	usage "'kafka://a': which topic? kafka://HOST[:PORT][,HOST...]/TOPIC" kafka://a
}

@test "append shows its progress on a terminal, and wipes it" {
	echo '{"n":1}' >in
	script -qec "for i in 1 2 3 4; do cat in; sleep 0.4; done | streamlog-append orders" \
		/dev/null >screen </dev/null
	grep -q "orders .* B/s" screen
	[ "$(tr '\r' '\n' <screen | tail -n 1)" = $'\e[K' ]
	[ "$(streamlog-tail -a orders | wc -l)" -eq 4 ]
}

@test "append --time-field tells seconds, ms, us and ns by their size" {
	printf '{"t":%s}\n' 1700000000 '"1700000000"' 1700000000123 \
		'"1700000000123456"' 1700000000123456789 20231114 >in
	append "\
streamlog-append: line 6: 't' is not a time
streamlog-append: topic 'orders': 5 events appended, 1 line rejected" \
		65 --time-field t --on-error skip orders <in
	t streamlog-tail -a --format '%T\n' orders
	expect 0 $'1700000000000\n1700000000000\n1700000000123\n1700000000123\n1700000000123' ""
}

@test "append --on-error=fail makes few batches, in many partitions, too" {
	events 1 1000 >in
	append "" 0 -q --on-error=fail --partitions 4 -k n orders <in
	[ "$(streamlog-check --dump orders | grep -c ' records, ')" -eq 4 ]
	[ "$(streamlog-tail -a orders | sort)" = "$(sort in)" ]
}

@test "append --on-error=fail appends nothing behind the line, whatever its partition" {
	topic 4 orders
	{
		events 1 2
		printf '{"n":3,"s":"%01100000d"}\n' 0
		events 4 12
	} >in
	append "\
streamlog-append: line 3: the event has 1100014 bytes: with its frame 1100089, and max.message.bytes is 1048588
streamlog-append: topic 'orders': 2 events appended, 1 line rejected" \
		65 --on-error fail -k n orders <in
	# Of two partitions within one millisecond.
	[ "$(streamlog-tail -a orders | sort)" = "$(events 1 2)" ]
}
