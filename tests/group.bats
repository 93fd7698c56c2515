#!/usr/bin/env bats
# streamlog-group looks at places: list, describe, lag, wait; and at those that
# are damaged.

load helper
load group_helper
load places_helper

@test "group names mistakes of usage" {
	usage "which command? list, describe, lag, wait, reset, commit or delete"
	usage describ "unknown command 'describ'; did you mean 'describe'?"
	usage subscribe-to "unknown command 'subscribe-to'; there are list, describe, lag, wait, reset, commit and delete"
	usage list a b "list: takes one pattern; quote it, so that the shell leaves it alone"
	usage list --execute "list: takes no '--execute'"
	usage describe --prometheus "describe: takes no '--prometheus'"
	usage lag --json --prometheus "lag: one of --json, --prometheus and --nagios"
	usage lag --warn 3 "lag: --warn and --crit are for --nagios"
	usage wait --until-empty "wait: which group?"
	usage wait x "wait: until what? --until-empty or --max-lag"
	usage wait --until-empty --max-lag 3 x "wait: until what? --until-empty or --max-lag"
	usage wait --max-lag -1 x "--max-lag: '-1' is not a whole number"
	usage reset x "reset: where to? --to-earliest, --to-latest, --to-offset, --to-datetime or --from-file"
	usage reset --to-latest --to-offset 3 x "reset: one of --to-earliest, --to-latest, --to-offset, --to-datetime and --from-file"
	usage reset --to-latest "reset: which group?"
	usage reset --to-latest 'x*' "reset: 'x*' is a pattern; name one group"
	usage reset --to-latest x a/b "reset: topic 'a/b': its name alone; --dir says where it lies"
	usage reset --to-latest a/b "group 'a/b': a name has letters, digits, '.', '_' and '-' only"
	usage commit x "commit: what? --from-file"
	usage commit --from-file f x y "commit: takes one group; its topics stand in the file"
	usage delete "delete: which group?"
	usage --frob "unknown option '--frob'; 'streamlog-group --help' lists them"
}

@test "group --help fits a screen" {
	t streamlog-group --help
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -le 35 ]
	[ "$(printf '%s\n' "${lines[@]}" | wc -L)" -le 80 ]
}

@test "group list prints names, and JSON" {
	t streamlog-group list
	expect 66 "" "streamlog-group: '$STREAMLOG_DIR': not there"
	mkdir "$STREAMLOG_DIR"
	t streamlog-group list
	expect 0 "" ""
	t streamlog-group list 'b*'
	expect 0 "" ""
	some >/dev/null
	streamlog-group reset --to-latest --execute audit orders
	t streamlog-group list
	expect 0 $'audit\nbilling' ""
	t streamlog-group list 'b*'
	expect 0 "billing" ""
	t streamlog-group list --json
	expect 0 '{"group":"audit","members":0}
{"group":"billing","members":0}' ""
}

# ---- describe ----

@test "group describe shows each place" {
	some >/dev/null
	t streamlog-group describe billing
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[ "${lines[0]}" = "TOPIC   PARTITION  COMMITTED  END  LAG  BEHIND  HEADROOM  MEMBER  AT" ]
	[[ ${lines[1]} =~ ^"clicks          0         10   25   15   "[0-9]\.[0-9]" s         -  -       20"[0-9-]+T[0-9:]+Z$ ]]
	[[ ${lines[3]} =~ ^"orders          0          5    5    0       -         -  -       20"[0-9-]+T[0-9:]+Z$ ]]
	[ "${#lines[@]}" -eq 4 ]
	t streamlog-group describe billing 'or*'
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[1]} == "orders          0          5    5    0 "* ]]
}

@test "group describe shows several groups below their names" {
	some >/dev/null
	streamlog-group reset --to-latest --execute audit orders
	t streamlog-group describe
	[ "$status" -eq 0 ]
	[ "$(columns 1 2 3)" = "audit:  
TOPIC PARTITION COMMITTED
orders 0 5
  
billing:  
TOPIC PARTITION COMMITTED
clicks 0 10
clicks 1 10
orders 0 5" ]
	t streamlog-group describe '*' clicks
	[ "${lines[0]}" = "billing:" ]
	[ "${#lines[@]}" -eq 4 ]
}

@test "group describe --json has a row for each place" {
	some >/dev/null
	t streamlog-group describe --json billing clicks
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} =~ ^'{"group":"billing","topic":"clicks","partition":0,"offset":10,"end_offset":25,"lag_events":15,"lag_bytes":'[0-9]+',"behind_ms":'[0-9]+',"headroom_ms":null,"gone_events":0,"state":"ok","member":null,"committed_time":"20'[0-9-]+T[0-9:]+\.[0-9]{3}'Z"}'$ ]]
	t streamlog-group describe --json billing orders
	[[ $output == *'"lag_events":0,"lag_bytes":0,"behind_ms":0,'* ]]
}

@test "group behind is the age of the first event that is unread" {
	ms=$(($(date +%s%3N) - 3 * 3600 * 1000))
	printf '{"ts":%d,"payload":{}}\n' "$((ms - 50 * 3600 * 1000))" "$ms" \
		"$((ms + 2 * 3600 * 1000 + 30 * 60 * 1000))" |
		streamlog-append -J orders
	n=0
	for expected in '2 d' '3 h' '30 min' '- -'; do
		streamlog-group reset --to-offset "$((n++))" --execute g orders
		t streamlog-group describe g
		[ "$(columns 6 7 | tail -n 1)" = "$expected" ]
	done
	streamlog-group reset --to-offset 1 --execute g orders
	behind=$(streamlog-group lag --json g |
		sed 's/.*"behind_ms":\([0-9]*\).*/\1/')
	[ "$behind" -ge 10800000 ]
	[ "$behind" -lt 10860000 ]
}

@test "group that isn't there is 66" {
	none="not in '$STREAMLOG_DIR/@groups'; 'streamlog-group list' shows what is"
	streamlog-topic create orders
	for command in describe lag "wait --until-empty" "reset --to-latest" delete "delete --execute"; do
		# shellcheck disable=SC2086 # they are words
		t streamlog-group $command nosuch
		expect 66 "" "streamlog-group: group 'nosuch': $none"
	done
	t streamlog-group describe 'no*'
	expect 66 "" "streamlog-group: 'no*': no group matches; 'streamlog-group list' shows what is"
	t streamlog-group describe
	expect 0 "" ""
}

@test "group and a topic that it has no place in is 66, the others are shown" {
	some >/dev/null
	t streamlog-group lag --json billing orders nosuch
	[ "$status" -eq 66 ]
	[ "${#lines[@]}" -eq 1 ]
	[ "$stderr" = "streamlog-group: topic 'nosuch': no place of group 'billing' is in it; 'streamlog-group describe' shows where they are" ]
}

@test "group describe shows a partition that is new as none, and counts it" {
	some >/dev/null
	streamlog-topic alter --partitions 2 orders
	events 1 3 | streamlog-append -p 1 orders
	t streamlog-group describe billing orders
	[ "$status" -eq 0 ]
	[ "$(columns 1 2 3 4 5)" = "TOPIC PARTITION COMMITTED END LAG
orders 0 5 5 0
orders 1 none 3 3" ]
	t streamlog-group wait --until-empty --timeout 0 billing orders
	[ "$status" -eq 75 ]
	t streamlog-group reset --to-latest --execute billing orders
	expect 0 'orders 0: 5 (stays)
orders 1: none -> 3
billing: 1 place set' ""
	t streamlog-group wait --until-empty billing orders
	expect 0 "" ""
}

# ---- Damage ----

@test "group place that is empty, or cut, is damaged, and mended" {
	some >/dev/null
	for size in 0 1 100 511; do
		truncate -s "$size" "$(place clicks-1)"
		hurt_and_mend
	done
}

@test "group place with other bytes is damaged, and mended" {
	some >/dev/null
	for bytes in '\0' x '\377'; do
		# shellcheck disable=SC2059 # it is one
		yes "$(printf "${bytes/\\0/.}")" | head -c 1024 | tr -d '\n' \
			>"$(place clicks-1)"
		hurt_and_mend
	done
	head -c 1024 /dev/zero >"$(place clicks-1)"
	hurt_and_mend
}

@test "group place whose every bit may flip is right, or damaged" {
	some >/dev/null
	cp "$(place clicks-1)" original
	size=$(stat -c %s original)
	for ((at = 0; at < size; at += 37)); do
		cp original "$(place clicks-1)"
		byte=$(od -An -tu1 -j "$at" -N 1 original)
		poke "$(place clicks-1)" "$at" "\\$(printf %o "$((byte ^ 4))")"
		case $(places) in
		$'clicks 0 10\nclicks 1 10\norders 0 5') ;;
		$'clicks 0 10\nclicks 1 null\norders 0 5') ;;
		*) places && echo "byte $at" && false ;;
		esac
	done
}

@test "group place that is a directory is damaged" {
	some >/dev/null
	rm "$(place clicks-1)"
	mkdir "$(place clicks-1)"
	t streamlog-group describe billing clicks
	[ "$(columns 2 3)" = $'PARTITION COMMITTED\n0 10\n1 damaged' ]
}

@test "group place that may not be read is damaged, and mended" {
	some >/dev/null
	chmod 0 "$(place clicks-1)"
	hurt_and_mend as_user
}

@test "group place that was removed is none" {
	some >/dev/null
	rm "$(place clicks-1)"
	t streamlog-group describe billing clicks
	[ "$(columns 2 3 5)" = $'PARTITION COMMITTED LAG\n0 10 15\n1 none 25' ]
}

@test "group place beyond the end is told" {
	some >/dev/null
	rm -r "$STREAMLOG_DIR/orders"/0/*.log
	: >"$STREAMLOG_DIR/orders/0/00000000000000000000.log"
	t streamlog-group describe billing orders
	[ "$status" -eq 0 ]
	[[ ${lines[1]} =~ ^"orders          0          5    0  beyond end " ]]
	t streamlog-group describe --json billing orders
	[[ $output == *'"offset":5,"end_offset":0,"lag_events":null,'*'"state":"beyond end",'* ]]
	t streamlog-group reset --to-latest billing orders
	expect 0 $'orders 0: 5 -> 0 (the end)\nbilling: would set 1 place; --execute does it' ""
}

@test "group shows a topic that isn't there, and waits for none" {
	some >/dev/null
	streamlog-topic delete --execute orders
	t streamlog-group describe billing
	[ "$status" -eq 0 ]
	[ "$(columns 1 2 3 4 5)" = "TOPIC PARTITION COMMITTED END LAG
clicks 0 10 25 15
clicks 1 10 25 15
orders 0 5 - -" ]
	t streamlog-group describe --json billing orders
	[[ $output == *'"offset":5,"end_offset":null,"lag_events":null,'*'"state":"no topic",'* ]]
	t streamlog-group wait --until-empty billing
	expect 66 "" "streamlog-group: group 'billing': topic 'orders' isn't there; 'streamlog-group delete billing orders' forgets its places"
	t streamlog-group reset --to-earliest billing
	[ "$status" -eq 66 ]
	[ "${lines[0]}" = "clicks 0: 10 -> 0 (10 events again)" ]
	[ "$stderr" = "streamlog-group: topic 'orders': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is" ]
	t streamlog-group delete --execute billing orders
	expect 0 "" ""
	[ "$(places)" = $'clicks 0 10\nclicks 1 10' ]
}

@test "group place in a topic that was replaced is told, and set anew" {
	some >/dev/null
	streamlog-topic delete --execute clicks
	events 1 7 | streamlog-append clicks
	t streamlog-group describe billing clicks
	[ "$(columns 1 2 3 4 5)" = "TOPIC PARTITION COMMITTED END LAG
clicks 0 replaced 7 -
clicks 1 replaced - -" ]
	t streamlog-group wait --until-empty billing clicks
	expect 65 "" "streamlog-group: group 'billing': topic 'clicks': partition 0: the place is replaced; 'streamlog-group reset' sets it"
	t streamlog-group reset --to-earliest --execute billing clicks
	expect 0 $'clicks 0: replaced -> 0\nbilling: 1 place set' ""
	t streamlog-group lag billing clicks
	[ "$(columns 2 4)" = $'TOPIC LAG\nclicks 7' ]
}

@test "group with a damaged log: that partition alone is not measured" {
	some >/dev/null
	rm "$STREAMLOG_DIR/clicks/0"/*.log
	t streamlog-group describe billing
	[ "$status" -eq 65 ]
	[ "$(columns 1 2 3 4 5)" = "TOPIC PARTITION COMMITTED END LAG
clicks 0 10 - -
clicks 1 10 25 15
orders 0 5 5 0" ]
	[ "$stderr" = "streamlog-group: topic 'clicks': partition 0: no segment is there: it was damaged from outside" ]
}

# ---- lag ----

@test "group lag has a row for a group and topic" {
	some >/dev/null
	t streamlog-group lag
	[ "$status" -eq 0 ]
	[[ ${lines[0]} =~ ^"GROUP    TOPIC   PARTITIONS  LAG "" "+"BYTES  BEHIND  HEADROOM  MEMBERS"$ ]]
	[[ ${lines[1]} =~ ^"billing  clicks           2   30 "" "+[0-9.]+" "(B|KiB)"   "[0-9]\.[0-9]" s         -        0"$ ]]
	[[ ${lines[2]} =~ ^"billing  orders           1    0 "" "+"0 B       -         -        0"$ ]]
	t streamlog-group lag --json billing
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} =~ ^'{"group":"billing","topic":"clicks","partitions":2,"lag_events":30,"lag_bytes":'[0-9]+',"behind_ms":'[0-9]+',"headroom_ms":null,"members":0}'$ ]]
	[ "${lines[1]}" = '{"group":"billing","topic":"orders","partitions":1,"lag_events":0,"lag_bytes":0,"behind_ms":0,"headroom_ms":null,"members":0}' ]
}

# headroom TOPIC: in ms, of group g.
headroom()
{
	streamlog-group lag --json g "$1" |
		sed 's/.*"headroom_ms":\([^,]*\).*/\1/'
}

# dated FROM_S TO_S: an event a second, so many seconds ago.
dated()
{
	seq "$1" -1 "$2" | awk -v "now=$(date +%s)" \
		'{ printf "{\"ts\":%d000,\"payload\":{}}\n", now - $1 }'
}

@test "group headroom by age is until the first unread event is too old" {
	streamlog-topic create --set retention.ms=7d orders
	dated 3600 3600 | streamlog-append -J orders
	events 1 1 | streamlog-append orders
	streamlog-group reset --to-offset 1 --execute g orders
	t streamlog-group describe g
	[[ ${lines[1]} =~ " 6 d  -  " ]]
	streamlog-group reset --to-offset 0 --execute g orders
	t streamlog-group lag g
	[[ ${lines[1]} =~ " 6 d        0"$ ]]
	[ "$(headroom orders)" -gt $(((7 * 24 - 1) * 3600000 - 60000)) ]
	[ "$(headroom orders)" -le $(((7 * 24 - 1) * 3600000)) ]
	streamlog-group reset --to-latest --execute g orders
	[ "$(headroom orders)" = $((7 * 24 * 3600000)) ]
	streamlog-group lag --prometheus g | grep -qxF \
		'streamlog_group_headroom_seconds{group="g",topic="orders",partition="0"} 604800.000'
	streamlog-topic alter --set retention.ms=30m orders
	streamlog-group reset --to-offset 0 --execute g orders
	[ "$(headroom orders)" = 0 ]
	# A table deletes nothing for its age.
	streamlog-topic alter --set cleanup.policy=compact orders
	[ "$(headroom orders)" = null ]
}

@test "group headroom by number and bytes goes by the rate so far" {
	streamlog-topic create --set retention.count=300 orders
	dated 99 0 | streamlog-append -J orders
	streamlog-group reset --to-earliest --execute g orders
	[ "$(headroom orders)" = 198000 ]
	streamlog-group reset --to-latest --execute g orders
	[ "$(headroom orders)" = 297000 ]
	streamlog-topic alter --set retention.count=100 orders
	streamlog-group reset --to-offset 0 --execute g orders
	[ "$(headroom orders)" = 0 ]
	# In bytes: ten times what is there is reached in ten times the time.
	bytes=$(cat "$STREAMLOG_DIR"/orders/0/0* | wc -c)
	for bound in retention.bytes retention.total.bytes; do
		streamlog-topic alter --set retention.count=-1 \
			--set retention.bytes=-1 --set retention.total.bytes=-1 \
			--set "$bound=$((10 * bytes))" orders
		streamlog-group reset --to-latest --execute g orders
		[ "$(headroom orders)" = 990000 ]
		streamlog-group reset --to-earliest --execute g orders
		[ "$(headroom orders)" -ge 891000 ]
		[ "$(headroom orders)" -lt 990000 ]
	done
	# The least of all, and none where room is not made by deleting.
	streamlog-topic alter --set retention.count=300 orders
	[ "$(headroom orders)" = 198000 ]
	streamlog-topic alter --set retention.count=-1 \
		--set on.full=refuse orders
	[ "$(headroom orders)" = null ]
}

@test "group headroom is not known without a bound, a rate or a need" {
	streamlog-topic create orders
	dated 99 0 | streamlog-append -J orders
	streamlog-group reset --to-earliest --execute g orders
	[ "$(headroom orders)" = null ]
	streamlog-topic create --set retention.bytes=1GiB fresh
	events 1 5 | streamlog-append fresh
	streamlog-group reset --to-earliest --execute g fresh
	[ "$(headroom fresh)" = null ]
	# What a protected group has not read stays, but for the bytes.
	streamlog-topic alter --set retention.ms=7d \
		--set retention.bytes=1GiB --set retention.protect.groups=g orders
	[ "$(headroom orders)" -gt $((7 * 24 * 3600000)) ]
}

@test "group lag in bytes is the size of the batches to the end" {
	for i in 1 2 3 4; do
		events "$i" "$i" | streamlog-append orders
	done
	size=$(stat -c %s "$STREAMLOG_DIR/orders/0/00000000000000000000.log")
	for i in 0 1 2 3 4; do
		streamlog-group reset --to-offset "$i" --execute g orders
		[[ $(streamlog-group lag --json g) == *'"lag_bytes":'"$((size * (4 - i) / 4))",* ]]
	done
}

@test "group lag --prometheus is the text exposition format" {
	some >/dev/null
	: >"$(place clicks-1)"
	t streamlog-group lag --prometheus
	[ "$status" -eq 0 ]
	seen=$(sed -E 's/^(.*_(lag_bytes|behind_seconds)\{.*) [0-9.]+$/\1 N/' <<<"$output")
	diff - <(echo "$seen") <<-'END'
		# HELP streamlog_group_lag_events Events from the group's place to the end.
		# TYPE streamlog_group_lag_events gauge
		streamlog_group_lag_events{group="billing",topic="clicks",partition="0"} 15
		streamlog_group_lag_events{group="billing",topic="orders",partition="0"} 0
		# HELP streamlog_group_lag_bytes Bytes, as stored, from the group's place to the end.
		# TYPE streamlog_group_lag_bytes gauge
		streamlog_group_lag_bytes{group="billing",topic="clicks",partition="0"} N
		streamlog_group_lag_bytes{group="billing",topic="orders",partition="0"} N
		# HELP streamlog_group_behind_seconds Age of the first event that is not read.
		# TYPE streamlog_group_behind_seconds gauge
		streamlog_group_behind_seconds{group="billing",topic="clicks",partition="0"} N
		streamlog_group_behind_seconds{group="billing",topic="orders",partition="0"} N
		# HELP streamlog_group_committed_offset Offset that the group reads next.
		# TYPE streamlog_group_committed_offset gauge
		streamlog_group_committed_offset{group="billing",topic="clicks",partition="0"} 10
		streamlog_group_committed_offset{group="billing",topic="orders",partition="0"} 5
		# HELP streamlog_group_end_offset Offset that the partition's next event gets.
		# TYPE streamlog_group_end_offset gauge
		streamlog_group_end_offset{group="billing",topic="clicks",partition="0"} 25
		streamlog_group_end_offset{group="billing",topic="clicks",partition="1"} 25
		streamlog_group_end_offset{group="billing",topic="orders",partition="0"} 5
		# HELP streamlog_group_place_ok Whether the group can read on from its place.
		# TYPE streamlog_group_place_ok gauge
		streamlog_group_place_ok{group="billing",topic="clicks",partition="0"} 1
		streamlog_group_place_ok{group="billing",topic="clicks",partition="1"} 0
		streamlog_group_place_ok{group="billing",topic="orders",partition="0"} 1
		# HELP streamlog_group_members Members of the group that live.
		# TYPE streamlog_group_members gauge
		streamlog_group_members{group="billing"} 0
	END
}

@test "group lag --output replaces a file whole" {
	some >/dev/null
	echo old >lag.prom
	exec 5<lag.prom
	umask 027
	t streamlog-group lag --prometheus --output lag.prom billing
	expect 0 "" ""
	read -r old <&5
	[ "$old" = old ]
	grep -qx '# TYPE streamlog_group_lag_events gauge' lag.prom
	[ "$(stat -c %a lag.prom)" = 640 ]
	[ "$(ls -d lag.*)" = lag.prom ]
	umask 022
	t streamlog-group lag --json --output "$PWD/lag.json" billing orders
	expect 0 "" ""
	[ "$(wc -l <lag.json)" -eq 1 ]
	[ "$(stat -c %a lag.json)" = 644 ]
}

@test "a mistyped log directory leaves the metrics as they were" {
	echo kept >metrics
	t streamlog-group lag -d nowhere --prometheus --output metrics
	expect 66 "" "streamlog-group: 'nowhere': not there"
	[ "$(cat metrics)" = kept ]
}

@test "group lag --output into what is no file writes there; - is stdout" {
	some >/dev/null
	mkfifo fifo
	cat fifo >copy &
	t streamlog-group lag --output fifo
	expect 0 "" ""
	wait
	[ -p fifo ]
	[ "$(cut -c1-20 copy)" = "$(streamlog-group lag | cut -c1-20)" ]
	t streamlog-group lag --output -
	[ "$status" = 0 ]
	[ "$(cut -c1-20 <<<"$output")" = "$(cut -c1-20 copy)" ]
	[ ! -e - ]
	t streamlog-group lag --output /dev/full
	expect 74 "" "streamlog-group: '/dev/full': no space left on device"
	[ -c /dev/full ]
}

@test "group lag --output leaves the file where there is nothing to tell" {
	echo old >lag.prom
	t streamlog-group lag --prometheus --output lag.prom nosuch
	[ "$status" -eq 66 ]
	[ "$(cat lag.prom)" = old ]
	some >/dev/null
	t streamlog-group lag --prometheus --output lag.prom billing nosuch
	[ "$status" -eq 66 ]
	[ "$(cat lag.prom)" = old ]
	[ "$(ls -d lag.*)" = lag.prom ]
	t streamlog-group lag --output no/lag billing
	expect 74 "" "streamlog-group: 'no/lag': no such file or directory"
	mkdir dir
	t streamlog-group lag --output dir billing
	expect 74 "" "streamlog-group: 'dir': a directory, not a file"
	[ "$(ls -d dir* lag.*)" = $'dir\nlag.prom' ]
}

@test "group lag --nagios judges each group and topic" {
	some >/dev/null
	data="|'billing/clicks'=30;%s;0 'billing/orders'=0;%s;0"
	t streamlog-group lag --nagios --warn 30 --crit 30
	expect 0 "STREAMLOG OK - billing/clicks is 30 events behind${data//%s/30;30}" ""
	t streamlog-group lag --nagios --warn 29 --crit 30
	expect 1 "STREAMLOG WARNING - billing/clicks is 30 events behind${data//%s/29;30}" ""
	t streamlog-group lag --nagios --warn 3 --crit 29
	expect 2 "STREAMLOG CRITICAL - billing/clicks is 30 events behind${data//%s/3;29}" ""
	t streamlog-group lag --nagios --warn 3 --crit 29 billing orders
	expect 0 "STREAMLOG OK - billing/orders is 0 events behind|'billing/orders'=0;3;29;0" ""
	: >"$(place orders-0)"
	t streamlog-group lag --nagios --warn 30 --crit 30 billing
	expect 3 "STREAMLOG UNKNOWN - billing/orders: the place in partition 0: damaged|'billing/clicks'=30;30;30;0" ""
	t streamlog-group lag --nagios --warn 3 --crit 3 billing
	expect 2 "STREAMLOG CRITICAL - billing/clicks is 30 events behind|'billing/clicks'=30;3;3;0" ""
}

@test "group lag --nagios: all that goes wrong is UNKNOWN, on stdout" {
	# unknown ARGUMENTS... MESSAGE
	unknown()
	{
		t streamlog-group "${@:1:$#-1}"
		expect 3 "STREAMLOG UNKNOWN - ${*: -1}" ""
	}
	limits=(--warn 1 --crit 2)
	unknown lag --nagios "${limits[@]}" "'$STREAMLOG_DIR': not there"
	mkdir "$STREAMLOG_DIR"
	unknown lag --nagios "${limits[@]}" "no place to measure"
	unknown lag --nagios "${limits[@]}" nosuch "group 'nosuch': not in '$STREAMLOG_DIR/@groups'; 'streamlog-group list' shows what is"
	unknown lag --nagios "lag: --nagios needs --warn and --crit"
	unknown lag --nag --warn 1 "lag: --nagios needs --warn and --crit"
	unknown lag --nagios --warn 3 --crit 2 "lag: --warn is more than --crit"
	unknown lag --frob --nagios "unknown option '--frob'; 'streamlog-group --help' lists them"
	unknown lag --warn x --nagios "--warn: 'x' is not a whole number"
	unknown --nagios "which command? list, describe, lag, wait, reset, commit or delete"
	unknown describe --nagios "describe: takes no '--nagios'"
	some >/dev/null
	unknown lag --nagios "${limits[@]}" billing nosuch "topic 'nosuch': no place of group 'billing' is in it; 'streamlog-group describe' shows where they are"
	rm "$STREAMLOG_DIR/clicks/0"/*.log
	unknown lag --nagios "${limits[@]}" billing "topic 'clicks': partition 0: no segment is there: it was damaged from outside"
	run bash -c "streamlog-group lag --nagios --warn 1 --crit 2 billing orders >/dev/full"
	[ "$status" -eq 3 ]
}

# ---- wait ----

@test "group wait ends when all is read, and with 75 at the time-out" {
	some >/dev/null
	t streamlog-group wait --until-empty billing orders
	expect 0 "" ""
	t streamlog-group wait --max-lag 30 billing
	expect 0 "" ""
	t streamlog-group wait --max-lag 29 --timeout 20ms billing
	[ "$status" -eq 75 ]
	[ "$output" = "" ]
	[[ $stderr =~ ^"streamlog-group: group 'billing': the time is up; it is 30 events ("[0-9.]+" "(B|KiB)") behind"$ ]]
	t streamlog-group wait --until-empty --timeout 0 billing nosuch
	expect 66 "" "streamlog-group: topic 'nosuch': no place of group 'billing' is in it; 'streamlog-group describe' shows where they are"
}

@test "group wait sees places move" {
	some >/dev/null
	follow 5 streamlog-group wait --until-empty --timeout 10s billing
	streamlog-group reset --to-latest --execute billing
	ends 0
	told ""
}

