# helper.bash: what the tests of the programs share; `load helper` in each.
# The programs come from $STREAMLOG_BIN (default build/bin); the log directory
# is the test's own. With ENGINE=kafka it is a Kafka cluster, the test's own too.
bats_require_minimum_version 1.5.0

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=${STREAMLOG_BIN:-${BUILD:-$root/build}/bin}
export PATH=$bin:$PATH
export STREAMLOG_DIR=$BATS_TEST_TMPDIR/log TZ=UTC LC_ALL=C.UTF-8
unset XDG_STATE_HOME

# expect STATUS STDOUT STDERR: what the last `run --separate-stderr` came to.
expect()
{
	local wrong=0

	if [ "$status" != "$1" ]; then
		echo "status: $status, not $1"
		wrong=1
	fi
	if [ "$output" != "$2" ]; then
		printf 'stdout:\n%s\nnot:\n%s\n' "$output" "$2"
		wrong=1
	fi
	# shellcheck disable=SC2154 # bats sets it
	if [ "$stderr" != "$3" ]; then
		printf 'stderr:\n%s\nnot:\n%s\n' "$stderr" "$3"
		wrong=1
	fi
	return "$wrong"
}

# t RUN...: `run` with stderr kept apart.
t()
{
	run --separate-stderr "$@"
}

# events FROM TO: {"n":FROM} to {"n":TO}, a line each.
events()
{
	seq -f '{"n":%.0f}' "$1" "$2"
}

# follow FD COMMAND...: run it in the background, its stdout to be read from FD
# and its stderr in $BATS_TEST_TMPDIR/stderr. Sets $follower. (bats has 3 and 4;
# 6 is a test's own, and no business of the follower's.)
follow()
{
	local fd=$1 fifo=$BATS_TEST_TMPDIR/fifo.$1

	shift
	mkfifo "$fifo"
	"$@" >"$fifo" 2>"$BATS_TEST_TMPDIR/stderr" 3>&- 4>&- 6>&- &
	follower=$!
	eval "exec $fd<\"\$fifo\""
}

# hear FD LINE: the next line from FD is LINE, and comes within 10 seconds.
hear()
{
	local line

	if ! IFS= read -r -t 10 -u "$1" line; then
		echo "nothing came; expected: $2"
		cat "$BATS_TEST_TMPDIR/stderr"
		return 1
	fi
	if [ "$line" != "$2" ]; then
		printf 'came: %s\nnot:  %s\n' "$line" "$2"
		return 1
	fi
}

# ends STATUS: the follower ends by itself with STATUS.
ends()
{
	local got=0

	wait "$follower" || got=$?
	follower=
	if [ "$got" != "$1" ]; then
		echo "status: $got, not $1"
		cat "$BATS_TEST_TMPDIR/stderr"
		return 1
	fi
}

# told TEXT: all that the follower said on stderr.
told()
{
	diff <(printf '%s' "${1:+$1$'\n'}") "$BATS_TEST_TMPDIR/stderr"
}

# telling TEXT: the follower says TEXT on stderr within 10 seconds.
telling()
{
	local try

	for ((try = 0; try < 500; try++)); do
		! grep -qF -- "$1" "$BATS_TEST_TMPDIR/stderr" || return 0
		sleep 0.02
	done
	echo "not told: $1"
	cat "$BATS_TEST_TMPDIR/stderr"
	return 1
}

# ---- What differs between the engines: tests/kafka/engine.bash has the other ----

# engine_up, engine_down: what each setup and teardown calls.
engine_up()
{
	:
}

engine_down()
{
	:
}

# topic PARTITIONS NAME...: make topics.
topic()
{
	streamlog-topic create --partitions "$@"
}

# place GROUP TOPIC-PARTITION: as it is on disk, the best of the two lines.
place()
{
	sort -t: -k2n "$STREAMLOG_DIR/@groups/$1/places/$2" |
		sed -n 's/.*"offset":\([0-9]*\),.*/\1/p' | tail -n 1
}

if [ "${ENGINE:-files}" = kafka ]; then
	. "$root/tests/kafka/engine.bash"
fi

setup()
{
	cd "$BATS_TEST_TMPDIR" && engine_up
}

teardown()
{
	[ -z "${follower:-}" ] || kill "$follower" 2>/dev/null || true
	engine_down
}
