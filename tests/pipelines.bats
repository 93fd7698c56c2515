#!/usr/bin/env bats
# The pipelines of streamlog-tail(1): a stage of each is killed in the middle of
# its work, then it is run again. What is lost and what comes again is what the
# page's tables say. One kill a test; the page's words stand above it.
#
# Nine events, of which a stage that is killed has taken four and handled two,
# unless a test says otherwise.

load helper
load member_helper

setup()
{
	cd "$BATS_TEST_TMPDIR" && engine_up || return
	mkdir bin
	export PATH=$BATS_TEST_TMPDIR/bin:$PATH
	make_scripts
	touch gate handled
	events 1 9 | streamlog-append orders
}

teardown()
{
	rm -f gate
	[ -z "${pipeline:-}" ] || kill "$pipeline" 2>/dev/null || true
	engine_down
}

script()
{
	{
		echo "#!/usr/bin/env bash"
		cat
	} >"bin/$1"
	chmod +x "bin/$1"
}

# The programs of the pipelines, whose pids are in NAME.pid for killed():
# as NAME COMMAND...: run it under that name.
# hold NAME: wait until the gate is gone.
# stage NAME: take four lines and pass two of them on; hold; pass the others on,
# and all that follow. Only the first of its name does so, others are cat.
# send EVENT: add it to `handled`; from the fourth on hold before.
make_scripts()
{
	script as <<-'END'
		echo $$ >"$1.new" && mv "$1.new" "$1.pid"
		shift
		exec "$@"
	END
	script hold <<-'END'
		echo "${2:-$$}" >"$1.new" && mv "$1.new" "$1.pid"
		for ((try = 0; try < 500; try++)); do
			[ -e gate ] || exit 0
			sleep 0.02
		done
		exit 1
	END
	script stage <<-'END'
		[ ! -e "$1.pid" ] || exec cat
		mapfile -t -n 4 lines
		printf '%s\n' "${lines[@]:0:2}"
		hold "$1" $$ <&- >&- 4>&- &&
			printf '%s\n' "${lines[@]:2}" && exec cat
	END
	script send <<-'END'
		n=${1##*\"n\":} n=${n%%\}*}
		[ "$n" -lt 4 ] || hold "send$n" $$ <&- >&- 4>&- || exit
		[ ! -e "fail$n" ] || exit 1
		printf '{"n":%s}\n' "$n" >>handled
	END
}

# begin SCRIPT: run it in the background; what its stages ended with is in
# `statuses`.
begin()
{
	bash -c "$1"$'\n''echo "${PIPESTATUS[*]}" >statuses' \
		2>>stderr 3>&- 4>&- 6>&- &
	pipeline=$!
}

# eventually COMMAND...: it succeeds within 10 seconds.
eventually()
{
	local try

	for ((try = 0; try < 500; try++)); do
		! "$@" || return 0
		sleep 0.02
	done
	echo "never: $*"
	cat stderr handled
	place g orders-0
	return 1
}

# there FILE
there()
{
	eventually [ -e "$1" ]
}

# placed N: the place is committed there.
placed()
{
	eventually place_is "$1" g orders-0 2>/dev/null
}

# has_lines N COMMAND...: it prints so many, or more.
has_lines()
{
	[ "$("${@:2}" 2>>stderr | wc -l)" -ge "$1" ]
}

# through N: so many came through into the topic `out`.
through()
{
	eventually has_lines "$1" streamlog-tail -a out
}

# orphans_end N: those that nobody waits for have handled N in all.
orphans_end()
{
	eventually has_lines "$1" cat handled
}

# is_gone PID: also one that is a zombie, for nobody waits for it.
is_gone()
{
	! grep -qs '^State:.[^ZX]' "/proc/$1/status"
}

# killed NAME
killed()
{
	there "$1.pid"
	kill -KILL "$(<"$1.pid")"
	eventually is_gone "$(<"$1.pid")"
}

# stopped NAME: it does nothing from now on.
stopped()
{
	there "$1.pid"
	kill -STOP "$(<"$1.pid")"
}

open_gate()
{
	rm gate
}

# ended STATUSES: the pipeline is over, and its stages ended so.
ended()
{
	wait "$pipeline" || true
	pipeline=
	[ "$(cat statuses)" = "$1" ] || {
		echo "statuses: $(cat statuses), not $1"
		cat stderr
		return 1
	}
}

# comes_again: what the next run gets is handled.
comes_again()
{
	streamlog-tail -g g orders >>handled
}

# tally LOST AGAIN: how many events were not handled, and how many twice.
tally()
{
	local lost again

	lost=$(events 1 9 | grep -cvxFf handled || true)
	again=$(sort handled | uniq -d | wc -l)
	[ "$lost $again" = "$1 $2" ] || {
		echo "lost: $lost, not $1; again: $again, not $2"
		cat handled stderr
		return 1
	}
}

# ---- until streamlog-tail -g ... -- ./job; do sleep 1; done ----

LOOP='until as tail streamlog-tail -g g orders -- stage job >>handled
do :; done'

@test "a loop: the job is killed: its batch comes again" {
	begin "$LOOP"
	killed job
	ended 0
	tally 0 2
	grep -qF "'stage' was killed by SIGKILL; offsets 0 to 8 (9 events) are not committed and come again" stderr
}

@test "a loop: tail is killed: the job goes on, and its batch comes again" {
	begin "$LOOP"
	there job.pid
	killed tail
	ended 0 # the second job has it all
	open_gate
	orphans_end 18
	tally 0 9
}

@test "a loop: the shell is killed: tail goes on, nothing comes again" {
	begin "as shell bash -c '${LOOP/as tail /}'"
	there job.pid
	killed shell
	open_gate
	orphans_end 9
	placed 9
	comes_again
	tally 0 0
}

# ---- cron: streamlog-tail -g ... --exclusive TOPIC -- ./report ----

CRON='as tail streamlog-tail -g g --exclusive orders -- stage report >>handled'

@test "cron: the report is killed: its batch comes with the next run" {
	begin "$CRON"
	killed report
	ended 137
	comes_again
	tally 0 2
}

@test "cron: tail is killed: the report goes on, its batch comes again" {
	begin "$CRON"
	there report.pid
	killed tail
	ended 137
	open_gate
	orphans_end 9
	comes_again
	tally 0 9
}

@test "cron: the shell is killed: tail goes on, nothing comes again" {
	begin "as shell sh -c 'streamlog-tail -g g --exclusive orders -- stage report; true' >>handled"
	there report.pid
	killed shell
	open_gate
	orphans_end 9
	placed 9
	comes_again
	tally 0 0
}

@test "cron: the next run finds the last one at work: 75, nothing is lost" {
	begin "$CRON"
	there report.pid
	t streamlog-tail -g g --exclusive orders
	expect 75 "" "streamlog-tail: group 'g': member $(uname -n):$(<tail.pid) is there, which is to be alone"
	open_gate
	ended 0
	comes_again
	tally 0 0
}

# ---- streamlog-tail -g ... | jq | streamlog-append ----

PIPE='as tail streamlog-tail -g g orders | stage jq |
	as append streamlog-append -q out'

@test "tail | jq | append: tail is killed: what jq had not taken comes again" {
	begin "$PIPE"
	placed 4
	killed tail
	open_gate
	ended "137 0 0"
	streamlog-tail -a out >handled
	comes_again
	tally 0 5
}

@test "tail | jq | append: jq is killed: what it had taken is lost" {
	begin "$PIPE"
	killed jq
	ended "1 137 0"
	streamlog-tail -a out >handled
	comes_again
	tally 2 0
	grep -qF "the reader of stdout is gone; 5 events not taken by it; the place is 4" stderr
}

@test "tail | jq | append: append is killed: what it had not appended is lost" {
	begin "$PIPE"
	there jq.pid
	through 2
	stopped append
	open_gate
	placed 9 # jq has taken it all
	killed append
	ended "0 0 137"
	streamlog-tail -a out >handled
	comes_again
	tally 7 0
}

# again_into_out: what the next run gets goes there, too.
again_into_out()
{
	streamlog-tail -g g orders -- streamlog-append -q out
	streamlog-tail -a out >handled
}

SAFE='as tail streamlog-tail -g g orders -- \
	as shell bash -o pipefail -c "stage jq | as append streamlog-append -q out"'

@test "-- bash -o pipefail -c 'jq | append': tail is killed: all comes again" {
	begin "$SAFE"
	there jq.pid
	killed tail
	ended 137
	open_gate
	through 9
	again_into_out
	tally 0 9
}

@test "-- bash -o pipefail -c 'jq | append': the shell is killed: all comes again" {
	begin "$SAFE"
	there jq.pid
	killed shell
	ended 137
	open_gate
	through 9
	again_into_out
	tally 0 9
}

@test "-- bash -o pipefail -c 'jq | append': jq is killed: what came through comes again" {
	begin "$SAFE"
	killed jq
	ended 137
	again_into_out
	tally 0 2
}

@test "-- bash -o pipefail -c 'jq | append': append is killed: what it had appended comes again" {
	begin "$SAFE"
	there jq.pid
	through 2
	stopped append
	open_gate
	killed append
	ended 137
	again_into_out
	tally 0 2
}

@test "-- sh -c 'jq | append', without pipefail: jq is killed: what it had not passed on is lost" {
	begin "${SAFE/-o pipefail /}"
	killed jq
	ended 0
	again_into_out
	tally 7 0
}

# ---- streamlog-tail -g ... | while read; do curl; done ----

# shellcheck disable=SC2016 # the script's own variables
READ='as tail streamlog-tail -g g orders |
	as loop bash -c "while IFS= read -r event; do send \"\$event\"; done"'

@test "tail | while read: tail is killed: what was not read comes again" {
	begin "$READ"
	placed 4
	killed tail
	open_gate
	ended "137 0"
	comes_again
	tally 0 5
}

@test "tail into a pipe: tail is killed: a torn last line comes again whole" {
	printf '{"n":"%0200000d"}\n' 0 >big.jsonl
	streamlog-append big big.jsonl
	begin 'as tail streamlog-tail -g g big |
		{ head -c 1; hold reader; exec cat; } >torn'
	there reader.pid
	killed tail
	open_gate
	ended "137 0"
	[ "$(wc -l <torn)" -eq 0 ]
	[ "$(wc -c <torn)" -lt 200000 ]
	streamlog-tail -g g big | cmp - big.jsonl
}

@test "tail | while read: curl is killed: its event is lost" {
	begin "$READ"
	killed send4
	open_gate
	ended "0 0"
	comes_again
	tally 1 0
}

@test "tail | while read: the loop is killed: the event it had read is lost" {
	begin "${READ/send /hold event; send }"
	there event.pid
	killed loop
	open_gate # what it ran has its stdin open
	ended "1 137"
	comes_again
	tally 1 0
	grep -qF "8 events not taken by it; the place is 1" stderr
}

# shellcheck disable=SC2016 # the script's own variables
ACKS='mkfifo acks
as tail streamlog-tail -g g -J --ack-fd 3 orders 3<acks |
	as loop bash -c "while IFS= read -r event; do
		send \"\$event\" || exit
		printf \"%s\n\" \"\$event\" >&4
	done" 4>acks'

@test "--ack-fd: tail is killed: the event that was not acknowledged comes again" {
	begin "$ACKS"
	there send4.pid
	placed 3
	killed tail
	open_gate
	ended "137 141"
	comes_again
	tally 0 1
}

@test "--ack-fd: curl is killed: its event comes again, and nothing else" {
	begin "$ACKS"
	there send4.pid
	killed send4
	ended "1 137"
	comes_again
	tally 0 0
	grep -qF "not acknowledged; the place is 3" stderr
}

@test "--ack-fd: the loop is killed: what it had sent and not acknowledged comes again" {
	begin "$ACKS"
	there send4.pid
	killed loop
	open_gate
	orphans_end 4
	ended "1 137"
	comes_again
	tally 0 1
}

@test "--ack-fd: who acknowledges is gone while somebody reads: told, 1" {
	# shellcheck disable=SC2016 # the script's own variables
	begin 'mkfifo acks
	as tail streamlog-tail -f -g g -J --ack-fd 3 orders 3<acks |
		{ head -n 1 >acks; exec cat >/dev/null; }'
	ended "1 0"
	grep -qF "who acknowledges is gone; 8 events not acknowledged; the place is 1" stderr
}

# ---- streamlog-tail -g ... >> file ----

# killed_writing: it is killed when the file has its events and is not synced.
killed_writing()
{
	export ASAN_OPTIONS=detect_leaks=0
	# shellcheck disable=SC2016 # the script's own variables
	begin 'strace -qq -o trace -e trace=fdatasync -P "$PWD/handled" \
		-e inject=fdatasync:signal=KILL:when=1 \
		streamlog-tail -g g orders >>handled'
	ended 137
	[ "$(wc -l <handled)" -eq 9 ]
}

@test "tail >>file: tail is killed: what was not synced comes again" {
	killed_writing
	comes_again
	tally 0 9
}

@test "tail >>file: a torn last line gets its end, and its event comes again" {
	killed_writing
	truncate -s -4 handled
	comes_again
	[ "$(sed -n 9p handled)" = '{"n"' ]
	[ "$(wc -l <handled)" -eq 18 ]
	tally 0 8
}

# ---- streamlog-tail -g ... | xargs -P ----

XARGS='as tail streamlog-tail -g g orders |
	as xargs xargs -d "\n" -P 2 -n 1 send'

@test "tail | xargs: tail is killed: nothing is lost" {
	begin "${XARGS/-g/-f -g}"
	there send4.pid
	placed 9 # xargs has taken it all
	killed tail
	open_gate
	ended "137 0"
	comes_again
	tally 0 0
}

@test "tail | xargs: xargs is killed: what it had taken and not begun is lost" {
	begin "$XARGS"
	there send4.pid
	there send5.pid
	killed xargs
	ended "0 137"
	open_gate
	orphans_end 5
	comes_again
	tally 4 0
}

@test "tail | xargs: a job is killed: its event is lost, and what xargs had taken" {
	begin "$XARGS"
	there send5.pid
	killed send4
	open_gate
	ended "0 125"
	comes_again
	tally 5 0
}

@test "tail | xargs: a job fails: its event is lost" {
	touch fail4
	begin "$XARGS"
	there send4.pid
	open_gate
	ended "0 123"
	rm fail4
	comes_again
	tally 1 0
}

BATCH='as tail streamlog-tail -g g orders -- \
	as xargs xargs -d "\n" -P 2 -n 1 send'

@test "-- xargs: tail is killed: xargs goes on, and its batch comes again" {
	begin "$BATCH"
	there send5.pid
	killed tail
	ended 137
	open_gate
	orphans_end 9
	comes_again
	tally 0 9
}

@test "-- xargs: xargs is killed: its batch comes again" {
	begin "$BATCH"
	there send4.pid
	there send5.pid
	killed xargs
	ended 137
	open_gate
	orphans_end 5
	comes_again
	tally 0 5
}

@test "-- xargs: a job is killed: its batch comes again" {
	begin "$BATCH"
	there send5.pid
	killed send4
	open_gate
	ended 125
	comes_again
	tally 0 4
}

@test "-- xargs: a job fails: its batch comes again" {
	touch fail4
	begin "$BATCH"
	there send4.pid
	open_gate
	ended 123
	comes_again
	tally 0 8
}

# ---- --no-commit --print-place ----

@test "--no-commit: whoever is killed, the place is where it was" {
	begin 'as tail streamlog-tail -g g --no-commit --print-place place orders |
		stage reader >>handled'
	there reader.pid
	killed tail
	open_gate
	ended "137 0"
	[ ! -e place ]
	comes_again
	tally 0 9
}
