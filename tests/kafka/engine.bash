# engine.bash: Kafka under the tests; helper.bash takes it where ENGINE=kafka.
# Each test has a mock cluster of its own, tests/kafka/mock.c; what can't hold
# there is in tests/kafka/skips, with its reason; KAFKA_SKIPS=/dev/null runs it.

# How much faster the mock's clock goes, and how often a member is to be heard of
# then: a group's first member waits for 0.15 s, not 3, and one that was killed,
# or that a loaded machine kept from its heartbeats, is out after 2.3 s, not 45.
MOCK_TIMES=${MOCK_TIMES:-20}
HEARTBEAT_MS=300

engine_up()
{
	local reason servers at=$BATS_TEST_TMPDIR/mock

	reason=$(file=${BATS_TEST_FILENAME##*/} name=$BATS_TEST_DESCRIPTION \
		awk -F '\t' '$1 == ENVIRON["file"] &&
		    ($2 == "*" || $2 == ENVIRON["name"]) { print $3 }' \
		"${KAFKA_SKIPS:-$root/tests/kafka/skips}") || return
	[ -z "$reason" ] || skip "not on Kafka: $reason"
	mkdir -p "$at/streamlog" && mkfifo "$at/in" "$at/out" || return
	echo "kafka.heartbeat.interval.ms: $HEARTBEAT_MS" \
		>"$at/streamlog/streamlog.yaml"
	"${BUILD:-$root/build}/kafka/mock" -x "$MOCK_TIMES" -b "${BROKERS:-1}" \
		<>"$at/in" 1<>"$at/out" 2>"$at/err" 3>&- 4>&- &
	mock=$!
	disown "$mock" # a test waits for all of its own
	if ! read -r -t 10 servers <>"$at/out"; then
		cat "$at/err"
		return 1
	fi
	export STREAMLOG_DIR=kafka://$servers XDG_STATE_HOME=$at
}

engine_down()
{
	[ -n "${mock:-}" ] || return 0
	kill "$mock"
	mock=
}

# mock_says COMMAND...: what the mock answers.
mock_says()
{
	local answer

	echo "$*" 1<>"$BATS_TEST_TMPDIR/mock/in"
	read -r -t 10 answer <>"$BATS_TEST_TMPDIR/mock/out" || answer=nothing
	echo "$answer"
}

# mock COMMAND...: the mock does it.
mock()
{
	local answer

	answer=$(mock_says "$@")
	[ "$answer" = ok ] || {
		echo "mock: $*: $answer"
		return 1
	}
}

topic()
{
	local name

	for name in "${@:2}"; do
		mock topic "$name" "$1" || return
	done
}

place()
{
	mock_says place "$1" "${2%-*}" "${2##*-}"
}
