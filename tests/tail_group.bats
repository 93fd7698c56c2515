#!/usr/bin/env bats
# streamlog-tail -g: members of a group, their places, what they share.
# (What becomes of a pipeline whose stages are killed: pipelines.bats.)
load helper
load member_helper

# ---- One member ----

@test "a new group begins at the beginning, and goes on from its place" {
	events 1 3 | streamlog-append orders
	t streamlog-tail -g billing orders
	expect 0 "$(events 1 3)" ""
	t streamlog-tail -g billing orders
	expect 0 "" ""
	events 4 5 | streamlog-append orders
	t streamlog-tail -g billing orders
	expect 0 "$(events 4 5)" ""
	[ "$(place billing orders-0)" = 5 ]
}

@test "--first says where a new group begins, and a topic that is new to it" {
	events 1 3 | streamlog-append orders
	t streamlog-tail -g late --first end orders
	expect 0 "" ""
	events 4 4 | streamlog-append orders
	t streamlog-tail -g late --first beginning orders
	expect 0 "$(events 4 4)" ""
	events 5 6 | streamlog-append new
	t streamlog-tail -g late --first end new
	expect 0 "" ""
	t streamlog-tail -g late --first middle new
	expect 2 "" "streamlog-tail: --first: 'middle' is none of beginning, end, s@TIME"
}

@test "--first s@TIME begins at the first event from then on" {
	streamlog-append --time-field t timed <<-'END'
		{"t":"2026-01-01T00:00:00Z"}
		{"t":"2026-01-02T00:00:00Z"}
	END
	t streamlog-tail -g late --first s@2026-01-01T12:00 timed
	expect 0 '{"t":"2026-01-02T00:00:00Z"}' ""
}

@test "a place in another topic of that name is not gone on from: 65" {
	events 1 5 | streamlog-append orders
	streamlog-tail -g g -c 3 --first beginning orders >/dev/null
	streamlog-topic delete --execute orders
	events 11 19 | streamlog-append orders
	t streamlog-tail -g g orders
	[ "$status" = 65 ]
	[ "$output" = "" ]
	[[ $stderr == *"topic 'orders': partition 0: the place is one in a topic of that name that was replaced; 'streamlog-group reset "* ]]
	streamlog-group reset -q --to-earliest --execute g orders
	[ "$(streamlog-tail -g g orders)" = "$(events 11 19)" ]
}

@test "a partition that is added later is read from its beginning" {
	events 1 3 | streamlog-append orders
	t streamlog-tail -g g --first end orders
	streamlog-topic alter --partitions 2 orders
	events 4 4 | streamlog-append -p 1 orders
	t streamlog-tail -g g --first end orders
	expect 0 "$(events 4 4)" ""
}

@test "groups are independent; filters move the place over what they leave out" {
	printf '{"k":"%s"}\n' a b a b | streamlog-append -k k orders
	t streamlog-tail -g one --key b orders
	expect 0 $'{"k":"b"}\n{"k":"b"}' ""
	[ "$(place one orders-0)" = 4 ]
	t streamlog-tail -g two -c 1 orders
	expect 0 '{"k":"a"}' ""
	[ "$(place two orders-0)" = 1 ]
	t streamlog-tail -g two -J -c 1 orders
	[ "$status" = 0 ]
	[[ $output == '{"topic":"orders","partition":0,"offset":1,'*'"key":"b"'* ]]
}

@test "a command gets each batch, with its names in the environment" {
	events 1 5 | streamlog-append orders
	# shellcheck disable=SC2016 # the command's variables
	t streamlog-tail -g g --batch 2 orders -- sh -c \
		'echo "$STREAMLOG_GROUP $STREAMLOG_TOPIC $STREAMLOG_PARTITION $STREAMLOG_OFFSET $STREAMLOG_COUNT"; cat'
	expect 0 "g orders 0 0 2
$(events 1 2)
g orders 0 2 2
$(events 3 4)
g orders 0 4 1
$(events 5 5)" ""
	[ "$(place g orders-0)" = 5 ]
}

@test "each batch is another partition's turn" {
	topic 2 orders
	events 1 100 | streamlog-append -p 0 orders
	events 1 1 | streamlog-append -p 1 orders
	# shellcheck disable=SC2016 # the command's
	t streamlog-tail -g g --batch 10 orders -- sh -c 'echo "$STREAMLOG_PARTITION"'
	[ "$status" = 0 ]
	[ "$(head -n 2 <<<"$output" | sort | paste -sd ' ')" = "0 1" ]
}

@test "a bounded run that finds all partitions taken ends, and says nothing" {
	events 1 1 | streamlog-append orders
	member a streamlog-tail -f -g g orders -- cat
	until_true lines_are 1 a.out
	t streamlog-tail -g g orders
	expect 0 "" ""
}

@test "a command that fails commits nothing, and tail ends with its status" {
	events 1 3 | streamlog-append orders
	t streamlog-tail -g g --batch 2 orders -- sh -c 'grep -v 3; exit 7'
	expect 7 "$(events 1 2)" \
		"streamlog-tail: group 'g': topic 'orders': partition 0: 'sh' ended with 7; offsets 0 to 1 (2 events) are not committed and come again"
	[ "$(place g orders-0)" = 0 ]
	t streamlog-tail -g g --batch 2 orders -- grep -v 3
	expect 1 "$(events 1 2)" \
		"streamlog-tail: group 'g': topic 'orders': partition 0: 'grep' ended with 1; offset 2 (1 event) is not committed and comes again"
	[ "$(place g orders-0)" = 2 ]
	t streamlog-tail -g g orders -- sh -c 'kill -9 $$'
	expect 137 "" \
		"streamlog-tail: group 'g': topic 'orders': partition 0: 'sh' was killed by SIGKILL; offset 2 (1 event) is not committed and comes again"
	t sh -c 'streamlog-tail -g g orders -- ./nosuch; echo $?'
	expect 0 127 "streamlog-tail: './nosuch': no such file or directory"
	touch there
	t streamlog-tail -g g orders -- ./there
	expect 126 "" "streamlog-tail: './there': permission denied"
}

@test "SIGCHLD that is ignored doesn't take a command's status away" {
	events 1 3 | streamlog-append orders
	t env --ignore-signal=CHLD streamlog-tail -g g orders -- sh -c 'exit 7'
	expect 7 "" \
		"streamlog-tail: group 'g': topic 'orders': partition 0: 'sh' ended with 7; offsets 0 to 2 (3 events) are not committed and come again"
	[ "$(place g orders-0)" = 0 ]
}

@test "a last commit that the group's lock keeps out is told, and is no success" {
	events 1 3 | streamlog-append orders
	# Who holds the lock exclusively, and is stopped there.
	cat >holder <<'END'
import fcntl, os, struct, time
fd = os.open(os.environ["LOCK"], os.O_RDWR)
fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 1, 0))
open("held", "w").close()
time.sleep(60)
END
	export LOCK=$STREAMLOG_DIR/@groups/g/lock
	t streamlog-tail -g g orders -- sh -c 'cat; python3 holder >/dev/null 2>&1 3>&- 4>&- &
		echo $! >holder.pid; until [ -e held ]; do sleep 0.01; done'
	kill "$(cat holder.pid)"
	expect 75 "$(events 1 3)" \
		"streamlog-tail: group 'g': its lock is held by another process, which may be stopped
streamlog-tail: group 'g': topic 'orders': partition 0: offsets 0 to 2 are not committed and come again"
	[ "$(place g orders-0)" = 0 ]
}

@test "two members that write into one pipe tear no event of each other" {
	topic 2 orders
	events 1 20000 | streamlog-append -k n orders
	{
		streamlog-tail -g g orders &
		streamlog-tail -g g orders &
		wait
	} 3>&- 4>&- | {
		sleep 1
		cat
	} >out
	[ "$(grep -c '^{"n":[0-9]*}$' out)" = 20000 ]
	[ "$(wc -l <out)" = 20000 ]
}

@test "a script without a first line that says of what runs as in a shell" {
	events 1 2 | streamlog-append orders
	# shellcheck disable=SC2016 # the script's
	echo 'cat; echo "$1"; exit 3' >script
	chmod +x script
	t streamlog-tail -g g orders -- ./script arg
	[ "$status" = 3 ]
	[ "$output" = "$(events 1 2; echo arg)" ]
}

@test "a member may open as many files as is allowed, its command as before" {
	topic 64 wide
	events 1 100 | streamlog-append -k n wide
	# shellcheck disable=SC2016 # the inner shell's
	t bash -c 'ulimit -Sn 64; streamlog-tail -g g wide -- sh -c "ulimit -n" | sort -u'
	expect 0 64 ""
}

@test "a command inherits no descriptor and has signals as usual" {
	events 1 1 | streamlog-append orders
	look='ls /proc/self/fd | tr "\n" " "'
	t sh -c "$look" </dev/null
	as_usual=$output
	t streamlog-tail -g g orders -- sh -c "$look"
	expect 0 "$as_usual" ""
	# SIGPIPE and SIGXFSZ end it; the C library ignores two of its own.
	events 3 3 | streamlog-append orders
	t streamlog-tail -g g orders -- sed -n 's/^SigIgn:.//p' /proc/self/status
	[ $((0x$output & 0x1001000)) = 0 ]
	events 2 2 | streamlog-append orders
	t streamlog-tail -g g orders -- readlink /proc/self/fd/0
	expect 0 '/memfd:batch (deleted)' ""
}

# ---- Several members ----

@test "two members share the partitions of many topics evenly" {
	for n in 1 2 3 4 5 6 7 8 9 10; do
		events "$n" "$n" | streamlog-append "t$n"
	done
	member a streamlog-tail -f -g g 't*'
	until_true lines_are 10 a.out
	member b streamlog-tail -f -g g 't*'
	until_true owners_are g '5 5'
	for n in 1 2 3 4 5 6 7 8 9 10; do
		events "1$n" "1$n" | streamlog-append "t$n"
	done
	until_true lines_are 20 a.out b.out
	lines_are 5 b.out
	sort a.out b.out | uniq -d >twice
	[ ! -s twice ]
}

@test "kill -9: another goes on from the place; SIGTERM: it is handed over" {
	topic 4 orders
	member a streamlog-tail -f -g g orders -- cat
	member b streamlog-tail -f -g g orders -- cat
	until_true owners_are g '2 2'
	for p in 0 1 2 3; do
		events "$p" "$p" | streamlog-append -p $p orders
	done
	until_true lines_are 4 a.out b.out
	kill -9 "${pids[b]}"
	for p in 0 1 2 3; do
		events "1$p" "1$p" | streamlog-append -p $p orders
	done
	until_true lines_are 8 a.out b.out
	member c streamlog-tail -f -g g orders -- cat
	until_true owners_are g '2 2'
	kill -TERM "${pids[a]}"
	wait "${pids[a]}" || status=$?
	[ "$status" = 143 ]
	until_true owners_are g 4
	for p in 0 1 2 3; do
		events "2$p" "2$p" | streamlog-append -p $p orders
	done
	until_true lines_are 12 a.out b.out c.out
	cat a.out b.out c.out | sort | uniq -d >twice
	[ ! -s twice ]
	[ "$(cat a.err b.err c.err)" = "" ]
}

@test "a member that is stopped for too long is fenced, told, and comes in again" {
	topic 2 orders
	member a streamlog-tail -f -g g --session-timeout 1s orders -- cat
	events 1 1 | streamlog-append -p 0 orders
	until_true lines_are 1 a.out
	kill -STOP "${pids[a]}"
	member b streamlog-tail -f -g g --session-timeout 1s orders -- cat
	events 2 2 | streamlog-append -p 0 orders
	until_true lines_are 1 b.out
	[ "$(cat b.out)" = "$(events 2 2)" ]
	kill -CONT "${pids[a]}"
	until_true owners_are g '1 1'
	until_true grep -q 'another member has it now, for this one was silent too long' a.err
	events 3 3 | streamlog-append -p 0 orders
	events 4 4 | streamlog-append -p 1 orders
	until_true lines_are 4 a.out b.out
}

@test "one member too many stands by, and takes over" {
	events 1 1 | streamlog-append orders
	member a streamlog-tail -f -g one orders -- cat
	until_true lines_are 1 a.out
	member b streamlog-tail -f -g one orders -- cat
	until_true place_is 1 one orders-0
	kill -9 "${pids[a]}"
	events 2 2 | streamlog-append orders
	until_true lines_are 1 b.out
}

@test "one member too many says what helps" {
	events 1 1 | streamlog-append orders
	member a streamlog-tail -f -g one orders -- cat
	until_true lines_are 1 a.out
	member b streamlog-tail -f -g one orders -- cat
	until_true grep -qx "streamlog-tail: group 'one': 1 partition, 2 members: standing by; 'streamlog-topic alter --partitions 4 orders' lets more of them work (keys move)" b.err
}

@test "new partitions and topics are shared out while members follow" {
	events 1 1 | streamlog-append web.a
	member a streamlog-tail -f -g g 'web.*' -- cat
	member b streamlog-tail -f -g g 'web.*' -- cat
	until_true lines_are 1 a.out b.out
	events 2 2 | streamlog-append web.b
	until_true lines_are 2 a.out b.out
	streamlog-topic alter --partitions 4 web.a
	events 3 3 | streamlog-append -p 3 web.a
	until_true lines_are 3 a.out b.out
	until_true owners_are g '2 3'
}

@test "--exclusive: 75 while the group has a member, and nobody beside it" {
	events 1 1 | streamlog-append orders
	member a streamlog-tail -f -g g orders
	until_true lines_are 1 a.out
	t streamlog-tail -g g --exclusive orders
	[ "$status" = 75 ]
	[[ $stderr == "streamlog-tail: group 'g': member "*" is there" ]]
	kill "${pids[a]}"
	wait "${pids[a]}" || true
	member a streamlog-tail -f -g g --exclusive orders -- cat
	events 2 2 | streamlog-append orders
	until_true lines_are 1 a.out
	t streamlog-tail -g g orders
	[ "$status" = 75 ]
	[[ $stderr == *" is there, which is to be alone" ]]
}

# ---- Acknowledgements ----

@test "--ack-fd: the place is the lowest not acknowledged, in any order" {
	events 1 5 | streamlog-append orders
	mkfifo ack
	exec 9<>ack
	follow 5 streamlog-tail -f -g g --ack-fd 9 orders
	for n in 1 2 3 4 5; do
		hear 5 "$(events $n $n)"
	done
	printf '%s\n' 'orders 0 0' '{"topic":"orders","partition":0,"offset":2}' >&9
	until_true place_is 1 g orders-0
	printf 'orders 0 4\norders 0 1\n' >&9
	until_true place_is 3 g orders-0
	printf 'orders 0 3\n' >&9
	until_true place_is 5 g orders-0
	exec 9>&-
}

@test "--ack-fd without -f ends once all is acknowledged; bad lines are told" {
	events 1 2 | streamlog-append orders
	mkfifo ack
	exec 9<>ack
	follow 5 streamlog-tail -g g --ack-fd 9 orders
	hear 5 '{"n":1}'
	hear 5 '{"n":2}'
	printf '%s\n' 'nonsense' 'orders 7 7' 'orders 0 0' 'orders 0 1' >&9
	ends 65
	exec 9>&-
	told "streamlog-tail: --ack-fd 9: 'nonsense': not TOPIC PARTITION OFFSET, and no JSON object
streamlog-tail: --ack-fd 9: 'orders 7 7': no event that was handed on and is this member's"
	[ "$(place g orders-0)" = 2 ]
}

@test "--max-unacked bounds what is handed on; who acknowledges going is told" {
	events 1 9 | streamlog-append orders
	mkfifo ack
	# Its reader takes three events, acknowledges one, and closes both.
	(exec 8>ack; head -n 3 >got; echo 'orders 0 0' >&8) < <(
		streamlog-tail -f -g g --ack-fd 7 --max-unacked 3 orders \
			7<ack 2>err || echo $? >code
	)
	until_true test -s code
	lines_are 3 got
	[ "$(cat code)" = 1 ]
	[[ $(cat err) == "streamlog-tail: group 'g': topic 'orders': partition 0: who acknowledges is gone; "*"; the place is 1" ]]
	[ "$(place g orders-0)" = 1 ]
}

# ---- Names, rights, usage ----

@test "who may not write there keeps a group elsewhere, with --state-dir" {
	[ "$(id -u)" = 0 ] || skip "needs root, to be somebody else"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" 2>/dev/null || true
	events 1 2 | streamlog-append orders
	state=$(mktemp -d /tmp/state.XXXXXX)
	chown nobody "$state"
	as_nobody() { setpriv --reuid=nobody --clear-groups \
		env PATH="$PATH" STREAMLOG_DIR="$STREAMLOG_DIR" "$@"; }
	t as_nobody streamlog-tail -g g orders
	[ "$status" = 74 ]
	[[ $stderr == "streamlog-tail: group 'g': make it in '$STREAMLOG_DIR/@groups' (--state-dir keeps it elsewhere): permission denied" ]]
	t as_nobody streamlog-tail -g g --state-dir "$state" orders
	expect 0 "$(events 1 2)" ""
	t as_nobody streamlog-tail -g g --state-dir "$state" orders
	expect 0 "" ""
	streamlog-tail -g g orders >out
	t as_nobody streamlog-tail -g g orders
	[ "$status" = 74 ]
	[[ $stderr == *"--state-dir"* ]]
	rm -rf "$state"
}

@test "the topics of a group lie in one log directory" {
	events 1 1 | streamlog-append orders
	events 2 2 | streamlog-append ./elsewhere/orders
	t streamlog-tail -g g orders ./elsewhere/orders
	[ "$status" = 2 ]
	[[ $stderr == *"the topics of a group lie in one log directory" ]]
	ln -s "$STREAMLOG_DIR" other
	events 3 3 | streamlog-append second
	t streamlog-tail -g g orders other/second
	[ "$status" = 0 ]
	[ -d "$STREAMLOG_DIR/@groups/g" ]
	t streamlog-tail -g g elsewhere/orders
	expect 0 "$(events 2 2)" ""
	[ -d elsewhere/@groups/g ]
}

@test "what makes no sense with -g, or without it, is usage" {
	topic 1 orders
	for option in -a '-n 5' '-o end' '-p 0' '--since -1h' '--until now' -5; do
		# shellcheck disable=SC2086 # words
		t streamlog-tail -g g $option orders
		expect 2 "" "streamlog-tail: a group goes on from its place: no -a, -n, -o, -p, --since or --until with -g; 'streamlog-group reset g' moves the place, --first says where a new one is"
	done
	for option in '--batch 2' '--first end' '--ack-fd 0' --exclusive \
		--no-commit '--state-dir x' '--on-gap go'; do
		# shellcheck disable=SC2086 # words
		t streamlog-tail $option orders
		expect 2 "" "streamlog-tail: ${option%% *} is an option of a group's members: -g GROUP lacks"
	done
	t streamlog-tail orders -- cat
	expect 2 "" "streamlog-tail: '--' begins a command, which only a group's events go to (-g GROUP)"
	t streamlog-tail -g g orders --
	expect 2 "" "streamlog-tail: '--': which command?"
	t streamlog-tail -g g orders --ack-fd 1
	expect 2 "" "streamlog-tail: --ack-fd: nothing can be read from descriptor 1"
	t streamlog-tail -g ../x orders
	expect 2 "" "streamlog-tail: group '../x': a name can't begin with '.'"
	t streamlog-tail -g g --print-place p orders
	expect 2 "" "streamlog-tail: --print-place needs --no-commit"
	t streamlog-tail -g g nosuch
	expect 66 "" "streamlog-tail: topic 'nosuch': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is"
	[ ! -e log/@groups ]
}

@test "a topic that is deleted ends a member with 66; -F waits for the next" {
	events 1 1 | streamlog-append orders
	member a streamlog-tail -f -g g orders
	until_true lines_are 1 a.out
	streamlog-topic delete --execute orders
	status=0
	wait "${pids[a]}" || status=$?
	[ "$status" = 66 ]
	[ "$(cat a.err)" = "streamlog-tail: topic 'orders': it was deleted" ]
	member b streamlog-tail -F -g new later -- cat
	until_true grep -q waiting b.err
	events 1 1 | streamlog-append later
	until_true lines_are 1 b.out
}

@test "--no-commit leaves the place; --print-place writes where it would be" {
	events 1 3 | streamlog-append orders
	t streamlog-tail -g g --no-commit --print-place p orders
	expect 0 "$(events 1 3)" ""
	[ "$(place g orders-0)" = 0 ]
	id=$(streamlog-topic describe --json orders |
		sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
	[ "$(cat p)" = "{\"topic\":\"orders\",\"topic_id\":\"$id\",\"partition\":0,\"offset\":3}" ]
}

@test "--print-place has a line for each partition, also of one with nothing new" {
	topic 3 orders
	events 1 1 | streamlog-append -p 1 orders
	t streamlog-tail -g g --no-commit --print-place - orders
	[ "$(grep -c '^{"topic":"orders",' <<<"$output")" = 3 ]
	[ "$(sed -n 's/.*"partition":\(.*\)}$/\1/p' <<<"$output" | sort | paste -sd ' ')" \
		= '0,"offset":0 1,"offset":1 2,"offset":0' ]
	mkfifo fifo
	cat fifo >copy &
	streamlog-tail -g g --no-commit --print-place fifo orders >out
	wait
	[ -p fifo ]
	[ "$(wc -l <copy)" = 3 ]
	echo old >file
	ln -s file link
	streamlog-tail -g g --no-commit --print-place link orders >out
	[ -L link ]
	[ "$(wc -l <file)" = 3 ]
}

@test "-c, --idle-timeout and --pid end a member, its places committed" {
	events 1 5 | streamlog-append orders
	t streamlog-tail -f -g g -c 2 orders
	expect 0 "$(events 1 2)" ""
	t streamlog-tail -f -g g --idle-timeout 100ms orders
	expect 0 "$(events 3 5)" ""
	[ "$(place g orders-0)" = 5 ]
	true &
	pid=$!
	wait $pid
	events 6 6 | streamlog-append orders
	t streamlog-tail -f -g g --pid $pid orders
	expect 0 "$(events 6 6)" ""
	t streamlog-tail -g g --exit-status orders
	expect 1 "" ""
}

@test "nothing half made is left, and dead members' files go" {
	events 1 1 | streamlog-append orders
	member a streamlog-tail -f -g g orders
	until_true lines_are 1 a.out
	kill -9 "${pids[a]}"
	wait "${pids[a]}" || true
	[ "$(find "$STREAMLOG_DIR/@groups/g/members" -type f | wc -l)" = 1 ]
	streamlog-tail -g g orders >out
	[ "$(find "$STREAMLOG_DIR/@groups/g/members" -type f | wc -l)" = 0 ]
	[ "$(find "$STREAMLOG_DIR" -name '~*' | wc -l)" = 0 ]
}
