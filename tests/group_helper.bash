# group_helper.bash: groups to look at; load it behind helper.
# shellcheck disable=SC2154 # bats sets lines, output, status, stderr

# usage ARGUMENTS... MESSAGE: a mistake of usage.
usage()
{
	local message=${*: -1}

	t streamlog-group "${@:1:$#-1}"
	expect 2 "" "streamlog-group: $message"
}

# clicks has 2 partitions with 25 events each, orders 1 with 5; billing reads
# both, and is at 10, 10 and 5.
some()
{
	streamlog-topic create --partitions 2 clicks
	events 1 25 | streamlog-append -p 0 clicks
	events 26 50 | streamlog-append -p 1 clicks
	events 1 5 | streamlog-append orders
	streamlog-group reset --to-offset 10 --execute billing clicks
	streamlog-group reset --to-latest --execute billing orders
}

# columns NUMBER...: these of each line of $output.
columns()
{
	awk -v "which=$*" 'BEGIN { count = split(which, at, " ") } {
		for (i = 1; i <= count; i++)
			printf "%s%s", $at[i], i < count ? " " : "\n"
	}' <<<"$output"
}

# places: where billing is, a line a place.
places()
{
	streamlog-group describe --json billing |
		sed -E 's/.*"topic":"([^"]*)","partition":([0-9]+),"offset":([^,]*),.*/\1 \2 \3/'
}

# place NAME: the path of one of billing's.
place()
{
	echo "$STREAMLOG_DIR/@groups/billing/places/$1"
}

# hurt_and_mend [COMMAND...]: clicks-1 is damaged; that is shown, and a reset
# mends it. COMMAND runs the programs.
hurt_and_mend()
{
	t "$@" streamlog-group describe billing clicks
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[ "$(columns 1 2 3 4 5)" = "TOPIC PARTITION COMMITTED END LAG
clicks 0 10 25 15
clicks 1 damaged 25 -" ]
	t "$@" streamlog-group describe --json billing clicks
	[[ ${lines[1]} == *'"partition":1,"offset":null,"end_offset":25,"lag_events":null,"lag_bytes":null,"behind_ms":null,"headroom_ms":null,"gone_events":null,"state":"damaged","member":null,"committed_time":null}' ]]
	t "$@" streamlog-group lag billing clicks
	[ "$(columns 2 4)" = $'TOPIC LAG\nclicks damaged' ]
	t "$@" streamlog-group wait --until-empty billing
	expect 65 "" "streamlog-group: group 'billing': topic 'clicks': partition 1: the place is damaged; 'streamlog-group reset' sets it"
	t "$@" streamlog-group reset --to-offset 10 --execute billing clicks
	expect 0 'clicks 0: 10 (stays)
clicks 1: damaged -> 10
billing: 1 place set' ""
	[ "$(places)" = $'clicks 0 10\nclicks 1 10\norders 0 5' ]
}
