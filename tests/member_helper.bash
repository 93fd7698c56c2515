# member_helper.bash: members of groups in the background, and where their
# places are; `load member_helper` after helper.

place_is()
{
	[ "$(place "${@:2}")" = "$1" ]
}

# member NAME COMMAND...: run it in the background; its pid in $pids[NAME].
declare -gA pids=()
member()
{
	local name=$1

	shift
	"$@" >"$name.out" 2>"$name.err" 3>&- 4>&- 6>&- &
	pids[$name]=$!
}

# until_true COMMAND...: it becomes true within 10 seconds.
until_true()
{
	local try

	for ((try = 0; try < 1000; try++)); do
		! "$@" 2>/dev/null || return 0
		sleep 0.01
	done
	echo "never true: $*"
	tail -n 3 ./*.err
	return 1
}

lines_are()
{
	[ "$(cat "${@:2}" | wc -l)" -eq "$1" ]
}

owners_are()
{
	[ "$(grep -o '"owner":"[^"]*"' \
		"$STREAMLOG_DIR/@groups/$1/assignment.json" | sort | uniq -c |
		awk '{ print $1 }' | sort | paste -sd ' ')" = "$2" ]
}

teardown()
{
	for pid in "${pids[@]}"; do
		kill -CONT "$pid" 2>/dev/null || true
		kill -9 "$pid" 2>/dev/null || true
	done
	[ -z "${follower:-}" ] || kill "$follower" 2>/dev/null || true
	engine_down
}
