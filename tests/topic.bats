#!/usr/bin/env bats
# streamlog-topic: create, list, describe, alter, delete.

load helper

# usage ARGUMENTS... MESSAGE: a mistake of usage.
usage()
{
	local message=${*: -1}

	t streamlog-topic "${@:1:$#-1}"
	expect 2 "" "streamlog-topic: $message"
}

@test "topic names mistakes of usage" {
	usage "which command? create, list, describe, alter or delete"
	usage crate x "unknown command 'crate'; did you mean 'create'?"
	usage remove x "unknown command 'remove'; there are create, list, describe, alter and delete"
	usage create "create: which topic?"
	usage delete "delete: which topic?"
	usage alter x "alter: what? --partitions or --set"
	usage list a b "list: takes one pattern; quote it, so that the shell leaves it alone"
	usage list --partitions 3 "list: takes no '--partitions'"
	usage create --execute x "create: takes no '--execute'"
	usage create --partitions 0 x "--partitions: '0' is not from 1 to 4096"
	usage create --partitions 4k x "--partitions: '4k' is not a whole number"
	usage create --set x y "--set: 'x' is not NAME=VALUE"
	usage create --frob y "unknown option '--frob'; 'streamlog-topic --help' lists them"
}

@test "topic --help fits a screen" {
	t streamlog-topic --help
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -le 24 ]
	[ "$(printf '%s\n' "${lines[@]}" | wc -L)" -le 80 ]
}

@test "topic create is silent; twice is 1, and 0 with --if-not-exists" {
	t streamlog-topic create orders
	expect 0 "" ""
	t streamlog-topic create orders other
	expect 1 "" "streamlog-topic: topic 'orders': it is there already"
	t streamlog-topic create --if-not-exists orders
	expect 0 "" ""
	t streamlog-topic list
	expect 0 $'orders\nother' ""
}

@test "topic list takes one pattern, and prints JSON" {
	t streamlog-topic list
	expect 0 "" ""
	streamlog-topic create web.de web.fr orders
	t streamlog-topic list 'web.*'
	expect 0 $'web.de\nweb.fr' ""
	t streamlog-topic list 'no*'
	expect 0 "" ""
	t streamlog-topic list --json 'o*'
	expect 0 '{"topic":"orders"}' ""
}

@test "topic create refuses names and settings that can't be" {
	t streamlog-topic create ..
	expect 2 "" "streamlog-topic: topic '..': a name can't begin with '.'"
	t streamlog-topic create 'a b'
	expect 2 "" "streamlog-topic: topic 'a b': a name has letters, digits, '.', '_' and '-' only"
	t streamlog-topic create -- -a
	expect 2 "" "streamlog-topic: topic '-a': a name can't begin with '-'"
	t streamlog-topic create --set segment.byte=1MiB orders
	[ "$status" -eq 2 ]
	[[ $stderr == *"'segment.byte': no such setting; is 'segment.bytes' meant?" ]]
	t streamlog-topic create --set segment.bytes=1 orders
	[ "$status" -eq 2 ]
	t streamlog-topic list
	expect 0 "" ""
}

@test "topic describe shows sizes, offsets, times and what was set" {
	streamlog-topic create --partitions 2 --set segment.bytes=1MiB logs
	echo '{"ts":1700000000000,"payload":{}}' |
		streamlog-append -J -p 1 logs
	echo '{"ts":1700090000000,"payload":{}}' |
		streamlog-append -J -p 1 logs
	t streamlog-topic describe logs
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[[ ${lines[0]} =~ ^"logs: 2 partitions, "[0-9.]+" "(B|KiB|MiB)", 2 events, 2023-11-14 to 2023-11-15"$ ]]
	[ "$(awk '{ print $1, $2, $3, $4 }' <<<"${lines[1]}")" = "PARTITION FIRST NEXT SEGMENTS" ]
	[ "$(awk '{ print $1, $2, $3, $4, $7, $8 }' <<<"${lines[2]}")" = "0 0 0 1 - -" ]
	[ "$(awk '{ print $1, $2, $3, $4, $7, $8 }' <<<"${lines[3]}")" = "1 0 2 1 2023-11-14T22:13:20Z 2023-11-15T23:13:20Z" ]
	[ "${lines[4]}" = "segment.bytes=1048576" ]
	[ "${#lines[@]}" -eq 5 ]
}

@test "topic describe says now of what is being written" {
	streamlog-topic create orders
	t streamlog-topic describe orders
	[[ ${lines[0]} =~ ^"orders: 1 partition, "[0-9.]+" "(B|KiB|MiB)", 0 events"$ ]]
	echo '{}' | streamlog-append orders
	t streamlog-topic describe orders
	[[ ${lines[0]} =~ ", 1 event, "[0-9-]+" to now"$ ]]
}

@test "topic describe tells the bounds" {
	streamlog-topic create --partitions 2 --set retention.ms=7d \
		--set retention.total.bytes=4GiB logs
	t streamlog-topic describe logs
	[ "${lines[0]}" = "logs: 2 partitions, 0 B of 4 GiB, 0 events, delete after 7 d" ]
	streamlog-topic alter --set retention.bytes=1GiB logs
	t streamlog-topic describe logs
	[ "${lines[0]}" = "logs: 2 partitions, 0 B of 2 GiB, 0 events, delete after 7 d" ]
}

@test "topic describe --json has a row for the topic and each partition" {
	streamlog-topic create --partitions 2 logs
	echo '{"ts":1700000000123,"payload":{}}' |
		streamlog-append -J -p 1 logs
	t streamlog-topic describe --json
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[0]} == '{"topic":"logs","id":"'*'","partitions":2,"events":1,"rejected_lines":0,"segments":2,"bytes":'*',"first_time":"2023-11-14T22:13:20.123Z","last_time":"2023-11-14T22:13:20.123Z","settings":{"segment.bytes":"67108864",'*'}}' ]]
	[[ ${lines[1]} == '{"topic":"logs","partition":0,"first_offset":0,"next_offset":0,"events":0,"segments":1,"bytes":'*',"first_time":null,"last_time":null}' ]]
	[[ ${lines[2]} == '{"topic":"logs","partition":1,"first_offset":0,"next_offset":1,"events":1,"segments":1,"bytes":'*',"first_time":"2023-11-14T22:13:20.123Z","last_time":"2023-11-14T22:13:20.123Z"}' ]]
}

@test "topic describe of what isn't there is 66, the others are shown" {
	streamlog-topic create orders
	t streamlog-topic describe nosuch orders 'x*'
	[ "$status" -eq 66 ]
	[[ $output == "orders: 1 partition, "* ]]
	[ "$stderr" = "streamlog-topic: topic 'nosuch': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is
streamlog-topic: 'x*': no topic matches; 'streamlog-topic list' shows what is" ]
}

@test "all topics of a log directory that isn't there are 66, but for list" {
	local command
	for command in "topic describe" "check -q" "compact --all -q"; do
		# shellcheck disable=SC2086 # words
		t streamlog-$command
		expect 66 "" "streamlog-${command%% *}: '$STREAMLOG_DIR': not there"
		# shellcheck disable=SC2086 # words
		t streamlog-$command -d nowhere
		expect 66 "" "streamlog-${command%% *}: 'nowhere': not there"
	done
	t streamlog-topic list
	expect 0 "" ""
	mkdir "$STREAMLOG_DIR"
	for command in "topic describe" "check -q" "compact --all -q"; do
		# shellcheck disable=SC2086 # words
		t streamlog-$command
		expect 0 "" ""
	done
}

@test "read.only stops a writer that has the topic open, too" {
	# shellcheck disable=SC2016 # the other shell's
	t timeout 10 bash -c '{
		echo "{}"
		until [ "$(streamlog-tail orders)" ]; do sleep 0.02; done
		streamlog-topic alter --set read.only=true orders
		while echo "{}"; do sleep 0.05; done
	} 2>/dev/null | streamlog-append orders'
	[ "$status" = 2 ]
	[[ $stderr == "streamlog-append: topic 'orders': it takes no events (read.only=true); "*" lines are done"* ]]
}

@test "topic alter raises partitions and changes settings" {
	streamlog-topic create orders
	t streamlog-topic alter --partitions 4 --set segment.bytes=2MiB orders
	expect 0 "" ""
	t streamlog-topic describe orders
	[[ ${lines[0]} == "orders: 4 partitions, "* ]]
	[ "${lines[6]}" = "segment.bytes=2097152" ]
	t streamlog-topic alter --partitions 2 orders
	expect 2 "" "streamlog-topic: topic 'orders': 2 partitions: there are 4, which can only grow, up to 4096"
	t streamlog-topic alter --partitions 2 nosuch
	expect 66 "" "streamlog-topic: topic 'nosuch': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is"
}

@test "topic delete prints the plan; --execute does it" {
	echo '{}' | streamlog-append orders
	streamlog-topic create web.de web.fr
	t streamlog-topic delete orders
	[ "$status" -eq 0 ]
	[[ $output =~ ^"orders: would delete 1 partition, "[0-9.]+" "(B|KiB|MiB)", 1 event; --execute does it"$ ]]
	t streamlog-topic delete --execute orders 'web.*'
	expect 0 "" ""
	t streamlog-topic list
	expect 0 "" ""
	[ -z "$(ls -A "$STREAMLOG_DIR")" ]
	t streamlog-topic delete --execute orders
	expect 66 "" "streamlog-topic: topic 'orders': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is"
}

@test "topic delete is 75 while a writer has it open" {
	streamlog-topic create orders
	mkfifo in
	streamlog-append orders in 3>&- 4>&- &
	follower=$!
	exec 6<>in
	echo '{"n":1}' >&6
	follow 5 streamlog-tail -f orders
	hear 5 '{"n":1}'
	t streamlog-topic delete --execute orders
	expect 75 "" "streamlog-topic: topic 'orders': a writer has partition 0 open; stop it first"
	t streamlog-tail orders
	expect 0 '{"n":1}' ""
	exec 6>&-
}

@test "topic needs a log directory: 2 where no variable says one" {
	t env -u STREAMLOG_DIR -u HOME streamlog-topic list
	expect 2 "" "streamlog-topic: no log directory: set STREAMLOG_DIR or HOME, or say --dir"
}

@test "topic describe tells of rejected lines" {
	t streamlog-append -q orders <<<'{"a":'
	t streamlog-topic describe orders
	[[ $output == *"
1 rejected line: 'streamlog-tail --rejected orders'"* ]]
	t streamlog-topic describe --json orders
	[[ ${lines[0]} == *',"rejected_lines":1,'* ]]
}
