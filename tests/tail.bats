#!/usr/bin/env bats
# streamlog-tail: what it prints, where it begins and ends, what it says.

load helper

# record TOPIC PARTITION MS KEY PAYLOAD: append one record at a time of day.
record()
{
	local key=${4:+\"key\":\"$4\",}

	echo "{\"partition\":$2,\"ts\":$3,$key\"payload\":$5}" |
		streamlog-append -J -p "$2" "$1"
}

@test "tail prints the last ten, as tail(1) does" {
	events 1 12 | streamlog-append orders
	t streamlog-tail orders
	expect 0 "$(events 3 12)" ""
}

@test "tail of fewer events prints them all" {
	events 1 3 | streamlog-append orders
	t streamlog-tail orders
	expect 0 "$(events 1 3)" ""
}

@test "tail -n, -N and +N count as tail(1) does" {
	events 1 30 | streamlog-append orders
	t streamlog-tail -n 2 orders
	expect 0 "$(events 29 30)" ""
	t streamlog-tail -n2 orders
	expect 0 "$(events 29 30)" ""
	t streamlog-tail -3 orders
	expect 0 "$(events 28 30)" ""
	t streamlog-tail orders --lines=-4
	expect 0 "$(events 27 30)" ""
	t streamlog-tail +29 orders
	expect 0 "$(events 29 30)" ""
	t streamlog-tail --lin +30 orders
	expect 0 "$(events 30 30)" ""
	t streamlog-tail -n 0 orders
	expect 0 "" ""
	t streamlog-tail -n +0 orders
	expect 0 "$(events 1 30)" ""
}

@test "tail -a prints all, byte for byte" {
	printf '%s\n' '{"a": 1}' '{ "b":"é\u00e9" }' '{}' >in
	streamlog-append orders in
	streamlog-tail -a orders | cmp - in
}

@test "tail -c prints the first N" {
	events 1 30 | streamlog-append orders
	t streamlog-tail -c 3 orders
	expect 0 "$(events 1 3)" ""
	t streamlog-tail -c 3 -n 5 orders
	expect 0 "$(events 26 28)" ""
	t streamlog-tail -c 0 orders
	expect 0 "" ""
}

@test "tail -o takes kcat's offsets" {
	events 0 9 | streamlog-append orders
	t streamlog-tail -o beginning orders
	expect 0 "$(events 0 9)" ""
	t streamlog-tail -o end orders
	expect 0 "" ""
	t streamlog-tail -o 8 orders
	expect 0 "$(events 8 9)" ""
	t streamlog-tail -o 800 orders
	expect 0 "" "streamlog-tail: topic 'orders': partition 0: there is no offset 800 yet; the next is 10"
	t streamlog-tail -a --since today orders
	expect 2 "" "streamlog-tail: -a, -o and --since: one of them says where to begin"
	t streamlog-tail -o -3 orders
	expect 0 "$(events 7 9)" ""
	t streamlog-tail -o -300 orders
	expect 0 "$(events 0 9)" ""
	t streamlog-tail -o 2 -n 1 orders
	expect 0 "$(events 9 9)" ""
}

@test "tail -o s@ and e@, --since and --until: ends are exclusive" {
	local n

	for n in 1 2 3 4; do
		record orders 0 "$((1700000000000 + n * 1000))" "" "{\"n\":$n}"
	done
	t streamlog-tail -o s@1700000002000 orders
	expect 0 "$(events 2 4)" ""
	t streamlog-tail -o s@@1700000002 -o e@@1700000004 orders
	expect 0 "$(events 2 3)" ""
	t streamlog-tail --since 2023-11-14T22:13:23Z orders
	expect 0 "$(events 3 4)" ""
	t streamlog-tail --until "2023-11-14 22:13:22" orders
	expect 0 "$(events 1 1)" ""
	t streamlog-tail --since -1h orders
	expect 0 "" ""
	t streamlog-tail -n 1 --until now orders
	expect 0 "$(events 4 4)" ""
}

@test "tail orders partitions and topics by time, and by offset within" {
	topic 2 a
	record a 0 1000 "" '{"n":1}'
	record a 1 2000 "" '{"n":2}'
	record b 0 2000 "" '{"n":3}'
	record a 0 3000 "" '{"n":4}'
	record a 0 500 "" '{"n":5}'
	record b 0 2500 "" '{"n":6}'
	t streamlog-tail -a b a
	expect 0 "$(printf '{"n":%d}\n' 1 2 3 6 4 5)" ""
	t streamlog-tail -n 4 b a
	expect 0 "$(printf '{"n":%d}\n' 3 6 4 5)" ""
	t streamlog-tail +5 b a
	expect 0 "$(printf '{"n":%d}\n' 4 5)" ""
	t streamlog-tail -p 1 -a a
	expect 0 '{"n":2}' ""
	t streamlog-tail -p 1 -p 0 a
	expect 0 "$(printf '{"n":%d}\n' 1 2 4 5)" ""
}

@test "tail --key and --header filter before -n counts" {
	local n

	for ((n = 0; n < 300; n++)); do
		echo "{\"key\":\"k$((n % 3))\",\"headers\":{\"odd\":\"$((n % 2))\",\"x\":null},\"payload\":{\"n\":$n}}"
	done | streamlog-append -J orders
	t streamlog-tail --key k0 -n 2 orders
	expect 0 "$(printf '{"n":%d}\n' 294 297)" ""
	t streamlog-tail --key k1 -c 2 orders
	expect 0 "$(printf '{"n":%d}\n' 1 4)" ""
	t streamlog-tail --key k1 --header odd=1 -n 2 orders
	expect 0 "$(printf '{"n":%d}\n' 289 295)" ""
	t streamlog-tail --header odd=1 --header odd=0 orders
	expect 0 "" ""
	t streamlog-tail --header x= orders
	expect 0 "" ""
	t streamlog-tail --exit-status --key k orders
	expect 1 "" ""
}

@test "tail -n finds rare matches far back" {
	{
		echo '{"key":"rare","payload":{"n":1}}'
		seq -f '{"key":"often","payload":{"n":%.0f}}' 20000
	} | streamlog-append -J orders
	t streamlog-tail -n 5 --key rare orders
	expect 0 '{"n":1}' ""
}

@test "tail skips tombstones, also in counting; -J and --format show them" {
	{
		events 1 3 | sed 's/.*/{"key":"k","payload":&}/'
		echo '{"key":"k","ts":5,"payload":null}'
		echo '{"key":"k","ts":6,"payload":null}'
	} | streamlog-append -J orders
	t streamlog-tail -n 2 orders
	expect 0 "$(events 2 3)" ""
	t streamlog-tail -n 1 -J orders
	expect 0 '{"topic":"orders","partition":0,"offset":4,"ts":6,"key":"k","payload":null}' ""
	t streamlog-tail -n 2 --format '%o %S\n' orders
	expect 0 $'3 -1\n4 -1' ""
}

@test "tail -J is append -J's input: an exact copy" {
	cat >in <<-'END'
	{"topic":"a","partition":0,"offset":0,"ts":1,"key":"u1","headers":{"k":"v","r":["1",null,"2"]},"payload":{"amount":3}}
	{"topic":"a","partition":0,"offset":1,"ts":2,"key_base64":"/w==","payload":null}
	{"topic":"a","partition":0,"offset":2,"ts":3,"payload_base64":"bnVsbA=="}
	{"topic":"a","partition":0,"offset":3,"ts":4,"headers":{"b":{"base64":"/w=="}},"payload_base64":"WzEsCjJd"}
	{"topic":"a","partition":0,"offset":4,"ts":5,"key":"","payload_base64":""}
	END
	streamlog-append -J a in
	streamlog-tail -a -J a | cmp - in
	streamlog-tail -a -J a | streamlog-append -J b
	streamlog-tail -a -J b | sed 's/"topic":"b"/"topic":"a"/' | cmp - in
	streamlog-tail -a -J -0 a | streamlog-append -J -0 c
	streamlog-tail -a --json c | sed 's/"topic":"c"/"topic":"a"/' | cmp - in
}

@test "tail -0 ends events with NUL" {
	events 1 2 | streamlog-append orders
	streamlog-tail -0 orders | cmp - <(printf '{"n":1}\0{"n":2}\0')
}

@test "tail --format knows kcat's tokens" {
	echo '{"ts":7,"key":"k1","headers":{"a":"1","b":null},"payload":{"n":1}}' |
		streamlog-append -J orders
	streamlog-tail --format '%t %p %o %T %k %K %h %s %S%%%R\t\x41\\\r\0\n' \
		orders >out
	printf 'orders 0 0 7 k1 2 a=1,b=NULL {"n":1} 7%%\0\0\0\7\tA\\\r\0\n' |
		cmp - out
	echo '{"payload":{}}' | streamlog-append -J orders
	t streamlog-tail -n 1 --format '[%k]%K[%h]' orders
	expect 0 '[]-1[]' ""
}

@test "tail prints large events whole" {
	local size

	for size in 32000 32766 32767 32768 32769 65536 500000; do
		printf '{"a":"%*s"}\n' "$size" x
	done >in
	streamlog-append orders in
	streamlog-tail -a orders | cmp - in
	streamlog-tail -a orders >out
	cmp out in
}

@test "tail takes globs and paths" {
	echo '{"n":1}' | streamlog-append web.de
	echo '{"n":2}' | streamlog-append web.fr
	echo '{"n":3}' | streamlog-append other
	t streamlog-tail 'web.*'
	expect 0 "$(events 1 2)" ""
	t streamlog-tail 'web.*' web.de 'w*'
	expect 0 "$(events 1 2)" ""
	t env -u STREAMLOG_DIR HOME=/nonexistent \
		streamlog-tail "$STREAMLOG_DIR/other" "$STREAMLOG_DIR/web.?e/"
	expect 0 "$(printf '{"n":%d}\n' 1 3)" ""
	t streamlog-tail -d "$STREAMLOG_DIR" other
	expect 0 "$(events 3 3)" ""
}

@test "tail of a topic that isn't there is 66 and names the way to see" {
	echo '{}' | streamlog-append orders
	t streamlog-tail orders nosuch
	expect 66 "" "streamlog-tail: topic 'nosuch': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is"
	t streamlog-tail 'no*'
	expect 66 "" "streamlog-tail: 'no*': no topic matches; 'streamlog-topic list' shows what is"
	t streamlog-tail -f nosuch
	expect 66 "" "streamlog-tail: topic 'nosuch': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is"
}

@test "tail of a topic without events is empty and 0" {
	topic 1 orders
	t streamlog-tail orders
	expect 0 "" ""
	t streamlog-tail --exit-status orders
	expect 1 "" ""
}

# usage ARGUMENTS... MESSAGE: a mistake of usage.
usage()
{
	local message=${*: -1}

	t streamlog-tail "${@:1:$#-1}"
	expect 2 "" "streamlog-tail: $message"
}

@test "tail names mistakes of usage" {
	echo '{}' | streamlog-append orders
	usage "which topic? 'streamlog-topic list' shows what is"
	usage --foo "unknown option '--foo'; 'streamlog-tail --help' lists them"
	usage -x orders "unknown option '-x'; 'streamlog-tail --help' lists them"
	usage --lines "option '--lines' needs an argument: N"
	usage -n "option '-n' needs an argument: N"
	usage --all=3 "option '--all' takes no argument"
	usage --e "option '--e' is ambiguous: '--end', '--envelope'"
	usage -n x orders "-n: 'x' is not a whole number"
	usage -p 4096 orders "-p: '4096' is not from 0 to 4095"
	usage -p 1 orders "topic 'orders': no partition 1: it has 1 (0 to 0)"
	usage -o x orders "-o 'x' is none of beginning, end, N, -N, s@TIME, e@TIME"
	usage -o 1 -o 2 orders "-o '2': only s@TIME and e@TIME go together"
	usage --header x orders "--header: 'x' is not NAME=VALUE"
	usage --format %x orders "'%x' is none of %s %S %R %k %K %T %h %t %p %o %%"
	usage --format '\q' orders "'\\q' is none of \\n \\r \\t \\\\ \\0 \\xNN"
	usage --on-damage=no orders "--on-damage: 'no' is neither stop nor skip"
	usage -e -f orders "-e and -f contradict each other"
	usage -f --until now orders "--until and -f contradict each other"
	usage --pid 1 orders "--pid needs -f"
	usage --idle-timeout 1 orders "--idle-timeout needs -f"
	usage --rejected -p 0 orders "--rejected and -p contradict each other"
	usage --format %s -0 orders "--format says itself what ends an event: \\0, not -0"
	usage orders -- cat "'--' begins a command, which only a group's events go to (-g GROUP)"
}

@test "tail --help fits a screen, --version names the libraries" {
	t streamlog-tail --help
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -le 50 ]
	[ "$(printf '%s\n' "${lines[@]}" | wc -L)" -le 80 ]
	t streamlog-tail --version
	[[ ${lines[0]} == "streamlog-tail "* && ${lines[1]} == *libyaml* ]]
	t bash -c 'streamlog-tail --help >/dev/full'
	expect 74 "" "streamlog-tail: stdout: no space left on device"
}

@test "tail ends quietly when stdout's reader goes" {
	events 1 100000 | streamlog-append orders
	t bash -c 'set -o pipefail; streamlog-tail -a orders | head -n 1'
	expect 0 '{"n":1}' ""
}

@test "tail says that stdout is closed or full: 74" {
	events 1 20 | streamlog-append orders
	t bash -c 'streamlog-tail orders >&-'
	expect 74 "" "streamlog-tail: stdout is closed"
	t bash -c 'streamlog-tail orders >/dev/full'
	expect 74 "" "streamlog-tail: stdout: no space left on device"
	t bash -c 'streamlog-tail orders <&- 2>&-'
	expect 0 "$(events 11 20)" ""
}

@test "tail -f prints what is there, then what comes" {
	events 1 2 | streamlog-append orders
	follow 5 streamlog-tail -f orders
	hear 5 '{"n":1}'
	hear 5 '{"n":2}'
	echo '{"n":3}' | streamlog-append orders
	hear 5 '{"n":3}'
	events 4 5 | streamlog-append orders
	hear 5 '{"n":4}'
	hear 5 '{"n":5}'
}

@test "tail -f ends quietly when stdout closes, also while idle" {
	echo '{"n":1}' | streamlog-append orders
	follow 5 streamlog-tail -f orders
	hear 5 '{"n":1}'
	exec 5<&-
	ends 0
	told ""
}

@test "tail -f -c ends after N" {
	echo '{"n":1}' | streamlog-append orders
	follow 5 streamlog-tail -f -c 2 orders
	hear 5 '{"n":1}'
	events 2 3 | streamlog-append orders
	hear 5 '{"n":2}'
	ends 0
}

@test "tail -f --idle-timeout ends by itself" {
	echo '{"n":1}' | streamlog-append orders
	t streamlog-tail -f --idle-timeout 100ms orders
	expect 0 '{"n":1}' ""
}

# listings COMMAND...: how often it reads names of a partition; 1: never.
listings()
{
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace -y \
		-e trace=getdents64 "$@" >/dev/null
	grep -c '/0>' trace
}

@test "who opens a topic of many segments lists nothing" {
	streamlog-topic create --set segment.bytes=4KiB t
	events 1 8000 | streamlog-append --sync exit t
	[ "$(find "$STREAMLOG_DIR/t/0" -name '*.log' | wc -l)" -gt 20 ]
	run ! listings streamlog-tail -n 3 t
	run ! listings streamlog-append t <<<'{"n":8001}'
	run ! listings streamlog-tail -o -2 -f -c 2 t
	[ "$(streamlog-tail -n 1 t)" = '{"n":8001}' ]
	[ "$(streamlog-tail -a t | md5sum)" = "$(events 1 8001 | md5sum)" ]
	# A copy may have been made while it was written to: it is listed.
	cp -r "$STREAMLOG_DIR/t" "$STREAMLOG_DIR/u"
	[ "$(streamlog-tail -n 1 u)" = '{"n":8001}' ]
	listings streamlog-tail -n 1 u
	echo '{"n":1}' | streamlog-append u
	[ "$(streamlog-tail -n 1 --format %o u)" = 8001 ]
}

@test "tail -f --pid ends after a last look" {
	local pid

	echo '{"n":1}' | streamlog-append orders
	mkfifo hold
	cat hold >/dev/null 3>&- &
	pid=$!
	exec 6<>hold
	follow 5 streamlog-tail -f --pid "$pid" orders
	hear 5 '{"n":1}'
	echo '{"n":2}' | streamlog-append orders
	hear 5 '{"n":2}'
	exec 6>&-
	ends 0
	# A process that was dead before: what is there, and the end.
	t streamlog-tail -f --pid "$pid" orders
	expect 0 "$(events 1 2)" ""
}

@test "tail -f reads new partitions" {
	echo '{"n":1}' | streamlog-append orders
	follow 5 streamlog-tail -f orders
	hear 5 '{"n":1}'
	streamlog-topic alter --partitions 2 orders
	echo '{"n":2}' | streamlog-append -p 1 orders
	hear 5 '{"n":2}'
}

@test "tail -f of a deleted topic drains it, says so and is 66" {
	echo '{"n":1}' | streamlog-append orders
	follow 5 streamlog-tail -f orders
	hear 5 '{"n":1}'
	streamlog-topic delete --execute orders
	ends 66
	told "streamlog-tail: topic 'orders': it was deleted"
}

@test "tail -F waits for a topic" {
	follow 5 streamlog-tail -F orders
	telling "streamlog-tail: topic 'orders': not there yet; waiting"
	echo '{"n":1}' | streamlog-append orders
	hear 5 '{"n":1}'
	exec 5<&-
	ends 0
	told "streamlog-tail: topic 'orders': not there yet; waiting
streamlog-tail: topic 'orders': there now; reading it from its beginning"
}

@test "tail -F waits for the next topic of that name" {
	echo '{"n":1}' | streamlog-append orders
	follow 5 streamlog-tail -F orders
	hear 5 '{"n":1}'
	streamlog-topic delete --execute orders
	telling "streamlog-tail: topic 'orders': it was deleted; waiting for the next of that name"
	echo '{"n":2}' | streamlog-append orders
	hear 5 '{"n":2}'
	exec 5<&-
	ends 0
	told "streamlog-tail: topic 'orders': it was deleted; waiting for the next of that name
streamlog-tail: topic 'orders': there now; reading it from its beginning"
}

@test "tail -F sees a topic that was removed by hand and made anew" {
	echo '{"n":1}' | streamlog-append orders
	follow 5 streamlog-tail -F orders
	hear 5 '{"n":1}'
	rm -r "$STREAMLOG_DIR/orders"
	echo '{"n":2}' | streamlog-append orders
	hear 5 '{"n":2}'
	exec 5<&-
	ends 0
}

@test "tail -f takes new topics that match a glob" {
	follow 5 streamlog-tail -f 'web.*'
	echo '{"n":1}' | streamlog-append web.de
	hear 5 '{"n":1}'
	echo '{"n":2}' | streamlog-append other
	echo '{"n":3}' | streamlog-append web.fr
	hear 5 '{"n":3}'
}

@test "tail -f goes on with the other topics of a glob when one is deleted" {
	echo '{"n":1}' | streamlog-append web.de
	echo '{"n":2}' | streamlog-append web.fr
	follow 5 streamlog-tail -f 'web.*'
	hear 5 '{"n":1}'
	hear 5 '{"n":2}'
	streamlog-topic delete --execute web.fr
	telling "streamlog-tail: topic 'web.fr': it was deleted"
	echo '{"n":4}' | streamlog-append web.de
	hear 5 '{"n":4}'
}

# damage BYTE: flip a bit of the topic's first segment.
damage()
{
	local file=$STREAMLOG_DIR/orders/0/00000000000000000000.log value

	value=$(od -An -tu1 -j "$1" -N 1 "$file")
	printf '%b' "\\x$(printf %x "$((value ^ 1))")" |
		dd of="$file" bs=1 seek="$1" conv=notrunc status=none
}

@test "tail stops at damage with what is good before it; skip goes on" {
	local size

	echo '{"n":1}' | streamlog-append orders
	size=$(stat -c %s "$STREAMLOG_DIR/orders/0/00000000000000000000.log")
	echo '{"n":2}' | streamlog-append orders
	echo '{"n":3}' | streamlog-append orders
	damage "$((size + 70))"
	t streamlog-tail -a orders
	[ "$status" -eq 65 ]
	[ "$output" = '{"n":1}' ]
	[[ $stderr == "streamlog-tail: topic 'orders': partition 0: '00000000000000000000.log': byte $size: "* ]]
	t streamlog-tail -a --on-damage=skip orders
	[ "$status" -eq 65 ]
	[ "$output" = $'{"n":1}\n{"n":3}' ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "tail tells what was gone before it was read, and goes on: 3" {
	local dir=$STREAMLOG_DIR/ring/0 first next

	streamlog-topic create --set segment.bytes=4KiB ring
	events 0 199 | streamlog-append ring
	events 200 399 | streamlog-append ring
	first=00000000000000000000
	next=$(basename "$(find "$dir" -name '*.log' | sort | sed -n 2p)" .log)
	rm "$dir/$first".*
	next=$((10#$next))
	t streamlog-tail -o 0 ring
	expect 3 "$(events "$next" 399)" "streamlog-tail: topic 'ring': partition 0: offsets 0 to $((next - 1)) were deleted before they were read ($next events); going on at $next"
	t streamlog-tail -a ring
	expect 0 "$(events "$next" 399)" ""
	t streamlog-tail -n 3 ring
	expect 0 "$(events 397 399)" ""
}

@test "tail -f -o beyond the end waits for that offset" {
	events 0 3 | streamlog-append orders
	follow 5 streamlog-tail -f -o 6 orders
	events 4 7 | streamlog-append orders
	hear 5 '{"n":6}'
	hear 5 '{"n":7}'
}

@test "tail --rejected shows the lines that were no events, -f as they come" {
	streamlog-topic create orders
	t streamlog-tail --rejected orders
	expect 0 "" ""
	follow 5 streamlog-tail -f --rejected --format '%s\n' orders
	run ! streamlog-append orders <<<'bad'
	IFS= read -r -t 10 -u 5 line
	[[ $line == '{"time":"'*'"line":1,"byte":1,"reason":"not JSON: '*'"input":"bad","input_bytes":3}' ]]
	t streamlog-tail --rejected orders
	expect 0 "$line" ""
	t streamlog-tail --rejected -J orders
	[[ $output == '{"topic":"orders","offset":0,"ts":'*',"payload":{"time":'* ]]
}

@test "tail --synced prints what others wrote, synced first" {
	events 1 3 | streamlog-append --sync none orders
	t streamlog-tail --synced orders
	expect 0 "$(events 1 3)" ""
}

@test "tail -v says what it reads" {
	events 1 3 | streamlog-append orders
	t streamlog-tail -v -n 1 orders
	expect 0 '{"n":3}' "streamlog-tail: topic 'orders': partition 0: from 2 to 3"
}

@test "tail is idle while nothing comes: one look a second" {
	local before after most=4

	# Each look asks a cluster, and the answer is waited for.
	[ "${ENGINE:-files}" != kafka ] || most=20
	echo '{"n":1}' | streamlog-append orders
	follow 5 streamlog-tail -f orders
	hear 5 '{"n":1}'
	before=$(awk '/^voluntary/ { print $2 }' "/proc/$follower/status")
	sleep 2
	after=$(awk '/^voluntary/ { print $2 }' "/proc/$follower/status")
	[ "$((after - before))" -le "$most" ]
}
