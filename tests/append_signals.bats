#!/usr/bin/env bats
# streamlog-append over time: quiet pipes, FIFOs, signals, waits.

load helper

# start ARGUMENTS...: append in the background, its input to be written to fd 6,
# its stdout in `out` and its stderr in `message`. Sets $follower.
start()
{
	mkfifo input
	# shellcheck disable=SC2094 # a FIFO
	streamlog-append "$@" <input >out 2>message 3>&- 4>&- &
	follower=$!
	exec 6>input
}

# seen COUNT [TOPIC]: until so many events can be read from the topic (t).
seen()
{
	until [ "$(streamlog-tail -a "${2:-t}" 2>/dev/null | wc -l)" -ge "$1" ]; do
		sleep 0.01
	done
}

# dies STATUS MESSAGE: append ends so.
dies()
{
	local got=0

	wait "$follower" || got=$?
	follower=
	[ "$got" -eq "$1" ]
	diff message <(printf '%s' "${2:+$2$'\n'}")
}

teardown()
{
	[ -z "${follower:-}" ] || kill -KILL "$follower" 2>/dev/null || true
	engine_down
}

# us_of_turns FIRST LAST: how long it takes to hear each of these events.
us_of_turns()
{
	local n begin=${EPOCHREALTIME/./}

	for ((n = $1; n <= $2; n++)); do
		echo "{\"n\":$n}" >&6
		hear 5 "{\"n\":$n}"
	done
	us=$((${EPOCHREALTIME/./} - begin))
}

@test "a lone event on a quiet pipe can be read at once" {
	local us=1000000 round

	start t
	echo '{"n":1}' >&6
	seen 1
	follow 5 streamlog-tail -f t
	hear 5 '{"n":1}'
	# Nothing lingers: twenty turns take nothing like a second, unless the
	# machine is busy with something else.
	for ((round = 1; us >= 1000000 && round <= 5; round++)); do
		us_of_turns $((20 * round)) $((20 * round + 19))
	done
	[ "$us" -lt 1000000 ]
	exec 6>&-
}

@test "an event is on disk within a second or so, without another" {
	mkfifo input
	strace -f -qq -r -e trace=pwrite64,fdatasync -o trace \
		streamlog-append t <input 3>&- &
	exec 6>input
	echo '{"n":1}' >&6
	seen 1
	until [[ $(tail -n 1 trace) == *fdatasync* ]]; do sleep 0.05; done
	awk 'END { exit !($2 > 0.5 && $2 < 3) }' trace
	exec 6>&-
	wait
}

@test "a FIFO whose writers come and go is one input" {
	mkfifo in
	streamlog-append t <>in 2>message 3>&- &
	follower=$!
	echo '{"n":1}' >in
	seen 1
	printf '{"n":' >in
	echo '2}' >in
	events 3 4 >in
	seen 4
	t streamlog-tail -a t
	expect 0 "$(events 1 4)" ""
	kill -TERM "$follower"
	dies 143 "streamlog-append: topic 't': stopped by SIGTERM; 4 lines are done"
}

@test "the end of input ends it: 0, with a last line that has no end" {
	start t
	printf '{"n":1}\n{"n":2}' >&6
	exec 6>&-
	dies 0 ""
	t streamlog-tail -a t
	expect 0 "$(events 1 2)" ""
}

@test "SIGTERM, SIGINT and SIGHUP end it by the signal, with what was read" {
	local name number
	for name in TERM:143 INT:130 HUP:129; do
		number=${name#*:} name=${name%:*}
		rm -f input
		mkfifo input
		# A shell has its background jobs ignore SIGINT.
		env "--default-signal=$name" \
			streamlog-append "$name" <input 2>message 3>&- 4>&- &
		follower=$!
		exec 6>input
		printf '{"n":1}\n{"n":2}\n{"n":' >&6
		seen 2 "$name"
		kill -"$name" "$follower"
		dies "$number" "streamlog-append: topic '$name': stopped by SIG$name; 2 lines are done"
		exec 6>&-
		t streamlog-tail -a "$name"
		expect 0 "$(events 1 2)" ""
	done
}

@test "what a signal ends is synced" {
	mkfifo input
	strace -D -f -qq -e trace=fdatasync -o trace \
		streamlog-append t <input 2>message 3>&- 4>&- &
	follower=$!
	exec 6>input
	events 1 2 >&6
	seen 2
	kill -TERM "$follower"
	dies 143 "streamlog-append: topic 't': stopped by SIGTERM; 2 lines are done"
	[ "$(grep -c 'fdatasync(.*= 0' trace)" -ge 1 ]
	exec 6>&-
}

@test "a signal in the middle of a flood: what is done is there, no more" {
	mkfifo input
	yes '{"n":1}' >input 2>/dev/null 3>&- &
	streamlog-append t <input 2>message 3>&- &
	follower=$!
	seen 1000
	kill -TERM "$follower"
	wait "$follower" || [ $? -eq 143 ]
	follower=
	[[ $(cat message) =~ ^"streamlog-append: topic 't': stopped by SIGTERM; "([0-9,]+)" lines are done"$ ]]
	[ "$(streamlog-tail -a t | wc -l)" -eq "${BASH_REMATCH[1]//,/}" ]
}

@test "a signal while files are read says how to go on" {
	events 1 3 >'a b'
	mkfifo in
	env --default-signal=INT streamlog-append -k n t 'a b' in 'a b' \
		2>message 3>&- &
	follower=$!
	exec 6>in
	echo '{"n":4}' >&6
	seen 4
	kill -INT "$follower"
	dies 130 "streamlog-append: topic 't': stopped by SIGINT; 1 line is done; go on with: tail -n +2 in | streamlog-append -k n t - 'a b'"
	exec 6>&-
}

@test "what nohup ignores stays ignored" {
	mkfifo input
	env --ignore-signal=HUP streamlog-append t <input 2>message 3>&- &
	follower=$!
	exec 6>input
	echo '{"n":1}' >&6
	seen 1
	kill -HUP "$follower"
	echo '{"n":2}' >&6
	seen 2
	exec 6>&-
	dies 0 ""
}

@test "a lock that is held is waited for, and named: 75" {
	streamlog-append t <<<'{"n":1}'
	# Holds the append lock for two seconds before it writes.
	strace -qq -o trace -e trace=pwrite64 \
		-e inject=pwrite64:delay_enter=2000000:when=1 \
		streamlog-append t <<<'{"n":2}' 3>&- &
	until [ -s trace ]; do sleep 0.01; done
	t streamlog-append --wait=0.2 t <<<'{"n":3}'
	[ "$status" -eq 75 ]
	[ "$(sed -E 's/held by [^ ]+:[0-9]+;/held by HOST:PID;/' <<<"$stderr")" = "\
streamlog-append: topic 't': partition 0: its append lock is held by HOST:PID; waiting
streamlog-append: topic 't': partition 0: its append lock is held by HOST:PID; 0 lines are done" ]
	t streamlog-append t <<<'{"n":4}'
	expect 0 "" ""
	wait
	t streamlog-tail -a t
	expect 0 $'{"n":1}\n{"n":2}\n{"n":4}' ""
}

@test "a signal ends --wait, by the signal" {
	streamlog-append t <<<'{"n":1}'
	strace -qq -o trace -e trace=pwrite64 \
		-e inject=pwrite64:delay_enter=1500000:when=1 \
		streamlog-append t <<<'{"n":2}' 3>&- &
	until [ -s trace ]; do sleep 0.01; done
	streamlog-append --wait t <<<'{"n":3}' 2>message 3>&- &
	follower=$!
	until [ -s message ]; do sleep 0.01; done
	kill -TERM "$follower"
	wait "$follower" || [ $? -eq 143 ]
	follower=
	wait
	[ "$(streamlog-tail -a t | wc -l)" -eq 2 ]
}

@test "whoever reads the receipts is gone: 74" {
	mkfifo receipts
	streamlog-append --receipt --sync each t < <(events 1 3; sleep 0.2; events 4 5) >receipts 2>message 3>&- &
	follower=$!
	head -n 1 receipts >first
	[[ $(cat first) == '{"topic":"t",'*'"synced":true}' ]]
	wait "$follower" || [ $? -eq 74 ]
	follower=
	grep -q "stdout: whoever read the receipts is gone" message
}

@test "two that make the same topic at once make one" {
	local n
	for n in 1 2 3 4 5 6; do
		streamlog-append --partitions 2 -p 0 t <<<"{\"n\":$n}" 2>>message 3>&- &
	done
	wait
	[ ! -s message ]
	[ "$(streamlog-tail -a t | wc -l)" -eq 6 ]
	[ "$(ls -A log)" = t ]
}

@test "settings that change while append waits count for what comes next" {
	streamlog-topic create --set max.message.bytes=1KiB t
	start t
	echo '{"n":1}' >&6
	seen 1
	streamlog-topic alter --set max.message.bytes=100KiB t
	sleep 2.5
	printf '{"n":2,"s":"%02000d"}\n' 0 >&6
	exec 6>&-
	dies 0 ""
	seen 2
}

@test "a second signal ends append even where nobody reads its receipts" {
	mkfifo receipts
	exec 7<>receipts
	yes '{"n":1}' | streamlog-append --sync each --receipt t >receipts 3>&- 4>&- 7>&- &
	follower=$!
	# Soon the FIFO takes no more.
	until [ "$(streamlog-tail -a t 2>/dev/null | wc -l)" -gt 20 ]; do
		sleep 0.05
	done
	sleep 0.5
	kill -TERM "$follower"
	sleep 0.3
	kill -TERM "$follower" 2>/dev/null || true
	local got=0
	wait "$follower" || got=$?
	follower=
	[ "$got" -eq 143 ]
	exec 7>&-
}
