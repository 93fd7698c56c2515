#!/usr/bin/env bats
# streamlog-group sets places: reset, commit, and files of places; delete.

load helper
load group_helper

# ---- reset ----

@test "group reset prints the plan; --execute does it" {
	some >/dev/null
	plan='clicks 0: 10 -> 0 (10 events again)
clicks 1: 10 -> 0 (10 events again)'
	t streamlog-group reset --to-earliest billing clicks
	expect 0 "$plan"$'\nbilling: would set 2 places; --execute does it' ""
	[ "$(places)" = $'clicks 0 10\nclicks 1 10\norders 0 5' ]
	t streamlog-group reset --to-earliest --execute billing clicks
	expect 0 "$plan"$'\nbilling: 2 places set' ""
	[ "$(places)" = $'clicks 0 0\nclicks 1 0\norders 0 5' ]
	t streamlog-group reset --to-latest --execute billing
	expect 0 'clicks 0: 0 -> 25 (25 events skipped)
clicks 1: 0 -> 25 (25 events skipped)
orders 0: 5 (stays)
billing: 2 places set' ""
	t streamlog-group reset --to-latest --execute billing
	expect 0 'clicks 0: 25 (stays)
clicks 1: 25 (stays)
orders 0: 5 (stays)
billing: nothing to set' ""
}

@test "group reset stays within the log, and says so" {
	some >/dev/null
	t streamlog-group reset --to-offset 9 --execute billing
	expect 0 'clicks 0: 10 -> 9 (1 event again)
clicks 1: 10 -> 9 (1 event again)
orders 0: 5 (stays; 9 is beyond the end)
billing: 2 places set' ""
	t streamlog-group reset --to-offset 2500 billing clicks
	expect 0 'clicks 0: 9 -> 25 (the end; 2500 is beyond it)
clicks 1: 9 -> 25 (the end; 2500 is beyond it)
billing: would set 2 places; --execute does it' ""
	events 1 3000 | streamlog-append orders
	streamlog-group reset --to-latest --execute billing orders
	t streamlog-group reset --to-offset 5 billing orders
	expect 0 'orders 0: 3005 -> 5 (3,000 events again)
billing: would set 1 place; --execute does it' ""
}

@test "group reset to a time goes to the first event that is not before it" {
	for i in 1 2 3; do
		printf '{"ts":%d,"payload":{}}\n' "$((1700000000000 + i * 60000))"
	done | streamlog-append -J orders
	t streamlog-group reset --to-datetime 2023-11-14T22:15:20Z g orders
	expect 0 $'orders 0: none -> 1\ng: would set 1 place; --execute does it' ""
	t streamlog-group reset --to-datetime @1700000061 g orders
	expect 0 $'orders 0: none -> 1\ng: would set 1 place; --execute does it' ""
	t streamlog-group reset --to-datetime now g orders
	expect 0 $'orders 0: none -> 3\ng: would set 1 place; --execute does it' ""
	t streamlog-group reset --to-datetime whenever g orders
	[ "$status" -eq 2 ]
}

@test "group reset makes a group where topics are named" {
	some >/dev/null
	t streamlog-group reset --to-earliest new 'c*' orders
	expect 0 'clicks 0: none -> 0
clicks 1: none -> 0
orders 0: none -> 0
new: would set 3 places; --execute does it' ""
	t streamlog-group list
	expect 0 billing ""
	t streamlog-group reset --to-earliest --execute new 'c*' orders
	[ "$status" -eq 0 ]
	t streamlog-group lag new
	[ "$(columns 1 2 3 4)" = "GROUP TOPIC PARTITIONS LAG
new clicks 2 50
new orders 1 5" ]
	t streamlog-group reset --to-latest other nosuch
	expect 66 "" "streamlog-group: topic 'nosuch': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is"
	t streamlog-group reset --to-latest other 'x*'
	expect 66 "" "streamlog-group: 'x*': no topic matches; 'streamlog-topic list' shows what is"
}

@test "group --state-dir keeps groups elsewhere" {
	some >/dev/null
	t streamlog-group reset --to-latest --execute --state-dir mine/groups g orders
	expect 0 $'orders 0: none -> 5\ng: 1 place set' ""
	t streamlog-group list
	expect 0 billing ""
	t streamlog-group list --state-dir mine/groups
	expect 0 g ""
	[ -d mine/groups/g ]
	t streamlog-group lag --state-dir mine/groups
	[ "$(columns 1 2 4)" = $'GROUP TOPIC LAG\ng orders 0' ]
	t streamlog-group delete --execute --state-dir mine/groups g
	expect 0 "" ""
	t streamlog-group list --state-dir mine/groups
	expect 0 "" ""
}

# ---- Files of places ----

@test "group reset --from-file takes words, CSV and JSON" {
	some >/dev/null
	printf '%s\n' 'clicks 0 1' '' '  clicks,1,2' \
		'{"partition":0,"offset":3,"topic":"orders","x":[1]}' >f
	t streamlog-group reset --from-file f --execute billing
	expect 0 'clicks 0: 10 -> 1 (9 events again)
clicks 1: 10 -> 2 (8 events again)
orders 0: 5 -> 3 (2 events again)
billing: 3 places set' ""
	printf 'clicks\t0\t7\r\nclicks, 1, 900' >f
	t streamlog-group reset --from-file - billing <f
	expect 0 'clicks 0: 1 -> 7 (6 events skipped)
clicks 1: 2 -> 25 (the end; 900 is beyond it)
billing: would set 2 places; --execute does it' ""
	t streamlog-group reset --from-file f billing orders
	expect 66 "" "streamlog-group: topic 'orders': no line of 'f' has it"
	t streamlog-group reset --from-file /dev/null billing
	expect 0 "billing: nothing to set" ""
	t streamlog-group reset --from-file nosuch billing
	expect 74 "" "streamlog-group: 'nosuch': no such file or directory"
}

@test "group describe --json can be reset from, also by a copy" {
	some >/dev/null
	streamlog-group describe --json billing >f
	t streamlog-group reset --from-file f --execute copy
	expect 0 'clicks 0: none -> 10
clicks 1: none -> 10
orders 0: none -> 5
copy: 3 places set' ""
	streamlog-group reset --to-latest --execute billing
	t streamlog-group reset --from-file f --execute billing clicks
	expect 0 'clicks 0: 25 -> 10 (15 events again)
clicks 1: 25 -> 10 (15 events again)
billing: 2 places set' ""
	: >"$(place clicks-1)"
	streamlog-group describe --json billing >f
	t streamlog-group reset --from-file f billing
	expect 65 "" "streamlog-group: 'f': line 2: offset: null: that place was not known; take the line out, or set it by --to-offset"
}

@test "group names a line that is no place, and does nothing" {
	some >/dev/null
	# bad LINE MESSAGE
	bad()
	{
		printf '%s\n' 'clicks 0 1' "$1" 'orders 0 1' >f
		for command in "reset --execute" commit; do
			# shellcheck disable=SC2086 # they are words
			t streamlog-group $command --from-file f billing
			expect 65 "" "streamlog-group: 'f': line 2: $2"
		done
	}
	bad 'clicks 1' "not TOPIC PARTITION OFFSET, and no JSON object"
	bad 'clicks 1 2 3' "not TOPIC PARTITION OFFSET, and no JSON object"
	bad 'clicks one 2' "partition: 'one' is not a whole number"
	bad 'clicks 1 -2' "offset: '-2' is not a whole number"
	bad 'clicks 1 99999999999999999999' "offset: '99999999999999999999' is larger than 9223372036854775807"
	bad 'clicks 4096 2' "partition: '4096' is larger than 4095"
	bad 'clicks 2 2' "topic 'clicks' has no partition 2, only 2 in all"
	bad 'clicks 0 2' "partition 0 of topic 'clicks' was on line 1 already"
	bad '../x 1 2' "topic '../x': a name can't begin with '.'"
	bad '{"topic":"clicks","partition":1}' "it has no member 'offset'"
	bad '{"topic":"clicks","partition":1,"offset":1.5}' "offset: '1.5' is not a whole number"
	bad '{"topic":"clicks","partition":1,"offset":"1"}' "offset: '\"1\"' is not a whole number"
	bad '{"topic":7,"partition":1,"offset":1}' "topic: 7 is not a name"
	bad '{"topic":"clicks","partition":1,' "byte 33: not JSON: the line ends inside an object"
	bad '{"topic":"clicks","topic_id":"AAAA","partition":1,"offset":1}' \
		"topic 'clicks' was replaced by another of that name: its id is '$(streamlog-topic describe --json clicks | sed -n '1s/.*"id":"\([^"]*\)".*/\1/p')', not 'AAAA'"
	bad "$(printf 'x%.0s' {1..5000})" "not a line of text of less than 4096 bytes"
	[ "$(places)" = $'clicks 0 10\nclicks 1 10\norders 0 5' ]
	echo 'nosuch 0 1' >f
	t streamlog-group reset --from-file f billing
	expect 66 "" "streamlog-group: 'f': line 1: topic 'nosuch': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is"
}

@test "group takes a line with the topic's own id" {
	some >/dev/null
	id=$(streamlog-topic describe --json orders | sed -n '1s/.*"id":"\([^"]*\)".*/\1/p')
	printf '{"topic":"orders","topic_id":"%s","partition":0,"offset":2}\n' "$id" |
		streamlog-group reset --from-file - --execute billing
	[ "$(places)" = $'clicks 0 10\nclicks 1 10\norders 0 2' ]
}

# ---- commit ----

@test "group commit sets places forward, all or none" {
	some >/dev/null
	t streamlog-group commit --from-file - billing <<<$'clicks 0 12\nclicks,1,10'
	expect 0 "" ""
	[ "$(places)" = $'clicks 0 12\nclicks 1 10\norders 0 5' ]
	t streamlog-group commit --from-file - billing <<<$'clicks 1 20\nclicks 0 11'
	expect 2 "" "streamlog-group: group 'billing': topic 'clicks': partition 0: the place is at 12, past 11; 'streamlog-group reset' moves it back"
	t streamlog-group commit --from-file - billing <<<$'clicks 1 20\nclicks 0 26'
	expect 65 "" "streamlog-group: stdin: line 2: offset 26 is beyond the end of partition 0 of topic 'clicks', which is 25"
	[ "$(places)" = $'clicks 0 12\nclicks 1 10\norders 0 5' ]
	: >"$(place clicks-1)"
	t streamlog-group commit --from-file - billing <<<'clicks 1 20'
	[ "$status" -eq 65 ]
	t streamlog-group commit --from-file - nosuch <<<'clicks 1 20'
	expect 66 "" "streamlog-group: group 'nosuch': it isn't there; 'streamlog-group reset --from-file' makes it"
}

# ---- delete ----

@test "group delete prints the plan; --execute does it" {
	some >/dev/null
	streamlog-group reset --to-latest --execute audit orders
	t streamlog-group delete billing
	expect 0 "billing: would delete 3 places in 2 topics; --execute does it" ""
	t streamlog-group delete billing orders
	expect 0 "billing: would delete 1 place in 1 topic; --execute does it" ""
	t streamlog-group delete '*' orders nosuch
	expect 66 'audit: would delete 1 place in 1 topic; --execute does it
billing: would delete 1 place in 1 topic; --execute does it' \
		"streamlog-group: topic 'nosuch': no place of group '*' is in it; 'streamlog-group describe' shows where they are"
	t streamlog-group delete --execute billing 'cl*'
	expect 0 "" ""
	[ "$(places)" = 'orders 0 5' ]
	t streamlog-group delete --execute '*'
	expect 0 "" ""
	t streamlog-group list
	expect 0 "" ""
	[ -z "$(ls -A "$STREAMLOG_DIR/@groups")" ]
}
