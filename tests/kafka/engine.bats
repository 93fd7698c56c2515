#!/usr/bin/env bats
# The same commands on a real Apache Kafka, beside its own clients and kcat.

load kafka_helper

EVENTS=2000
PARTITIONS=3
TOOLS=org.apache.kafka.tools

setup_file()
{
	export KAFKA=$BATS_FILE_TMPDIR/kafka ADDRESS
	ADDRESS=$(broker start "$KAFKA" num.partitions="$PARTITIONS" \
		authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer \
		allow.everyone.if.no.acl.found=true)
}

teardown_file()
{
	broker kill "$KAFKA"
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	export STREAMLOG_DIR=kafka://$ADDRESS FILES=$PWD/files
}

teardown()
{
	# shellcheck disable=SC2086 # there may be several
	[ -z "${follower:-}" ] || kill $follower 2>/dev/null || true
}

# kafka CLASS ARGUMENTS...: one of Kafka's own programs, on this broker.
kafka()
{
	tool "$TOOLS.$1" --bootstrap-server "$ADDRESS" "${@:2}"
}

# keys: of every kind and length, a line each.
keys()
{
	seq 300
	printf 'key-%s\n' a b c é ü 日本語 "with blanks" "$(printf 'x%.0s' {1..300})"
}

# produced TOPIC: by Kafka's own producer from lines of key, TAB and event.
produced()
{
	kafka ConsoleProducer --topic "$1" --reader-property parse.key=true
}

# partitions TOPIC COUNT: so many, as a client sees it.
partitions()
{
	streamlog-topic describe --json "$1" | grep -q "\"partitions\":$2,"
}

# refused STATUS MESSAGE COMMAND...: how it ends, and its last word, a pattern.
refused()
{
	run --separate-stderr "${@:3}"
	[ "$status" = "$1" ]
	# shellcheck disable=SC2053 # as said
	[[ ${stderr_lines[-1]} == $2 ]]
}

# ---- Both ways ----

@test "kcat reads what was appended, in each compression" {
	local codec

	for codec in none lz4 zstd; do
		json_events "$codec" | streamlog-append -k user -z "$codec" plain
		json_events "$codec" | sed -E 's/^\{"user":"([^"]*)".*/\1 &/'
	done | sort >ours
	consume plain -f '%k %s\n' | sort | cmp ours -
}

@test "every form of key, header, time and payload goes to Kafka, and comes back" {
	envelopes | streamlog-append -J forms
	streamlog-topic create -d "$FILES" --partitions "$PARTITIONS" forms
	envelopes | streamlog-append -d "$FILES" -J forms
	for ((partition = 0; partition < PARTITIONS; partition++)); do
		as-kcat "$FILES/forms/$partition"
	done | sed -E 's/^[0-9]+ //' | sort >ours
	consume forms -f '%T %K %k %S %s %h\n' | sort | cmp ours -
	streamlog-tail -a -J forms | sed -E 's/"partition":.*"ts"/"ts"/' | sort >theirs
	streamlog-tail -d "$FILES" -a -J forms |
		sed -E 's/"partition":.*"ts"/"ts"/' | sort | cmp - theirs
}

@test "keys lie in the partitions where Kafka's own producer puts them" {
	keys | sed 's/.*/&\t{}/' >lines
	produced java <lines
	streamlog-append -K $'\t' ours lines
	consume java -f '%k %p\n' | sort >theirs
	[ "$(wc -l <theirs)" = "$(wc -l <lines)" ]
	consume ours -f '%k %p\n' | sort | cmp theirs -
}

@test "what kcat and Kafka's own producer wrote is read, with the same offsets" {
	json_events kcat | kcat -P -b "$ADDRESS" -t foreign -K , -z gzip -H a=b
	json_events java | sed 's/,/\t/' | produced foreign
	consume foreign -f '%p %o %T %k %s\n' | sort >theirs
	[ "$(wc -l <theirs)" = $((2 * EVENTS)) ]
	streamlog-tail -a --format '%p %o %T %k %s\n' foreign | sort |
		cmp theirs -
	streamlog-tail -a --header a=b foreign | wc -l >count
	[ "$(cat count)" = "$EVENTS" ]
}

@test "Kafka's own consumer reads what was appended" {
	json_events read | streamlog-append -k user read
	kafka consumer.ConsoleConsumer --topic read --from-beginning \
		--max-messages "$EVENTS" >theirs
	json_events read | sort >ours
	sort theirs | cmp ours -
}

@test "receipts name the offsets that the broker gave" {
	json_events receipts | streamlog-append -k user --receipt receipts >told
	consume receipts -f '%p %o\n' | sort -k 1,1n -k 2,2n >theirs
	sed -E 's/.*"partition":([0-9]+),"first_offset":([0-9]+),"count":([0-9]+).*/\1 \2 \3/' \
		told | awk '{ for (n = 0; n < $3; n++) print $1, $2 + n }' |
		sort -k 1,1n -k 2,2n | cmp - theirs
}

# ---- Where to read ----

@test "the last of the topic, offsets and times are as with kcat" {
	local ms

	json_events where | split -l 500 --filter='streamlog-append -p 1 where'
	consume where -p 1 -o 700 -c 5 >theirs
	streamlog-tail -p 1 -o 700 -c 5 where | cmp - theirs
	consume where -p 1 -o -7 >theirs
	streamlog-tail -n 7 where | cmp - theirs
	streamlog-tail -o -7 where | cmp - theirs
	ms=$(streamlog-tail -p 1 -o 1200 -c 1 --format %T where)
	kcat -Q -b "$ADDRESS" -t "where:1:$ms" | sed 's/.* //' >theirs
	streamlog-tail -o "s@$ms" -c 1 --format '%o\n' where | cmp - theirs
}

@test "a follower sees what comes, and ends at its count" {
	json_events before | head -n 10 | streamlog-append follow
	streamlog-tail -f -n 3 -c 5 follow >seen 3>&- 4>&- &
	follower=$!
	await has seen 3
	echo first | kcat -P -b "$ADDRESS" -t follow -p 0
	await has seen 4
	echo second | kcat -P -b "$ADDRESS" -t follow -p 2
	wait "$follower"
	tail -n 2 seen | cmp - <(printf '%s\n' first second)
}

@test "a cluster that is far away is found" {
	json_events far | head -n 10 | streamlog-append far
	far "$ADDRESS" 75 >door 3>&- 4>&- &
	follower=$!
	await has door 1
	streamlog-tail -a "kafka://$(cat door)/far" >seen
	[ "$(wc -l <seen)" = 10 ]
}

# ---- Groups ----

@test "a group's places are Kafka's, and Kafka's own tool shows them" {
	json_events grouped | streamlog-append -k user grouped
	streamlog-tail -g billing grouped -- cat | sort >ours
	json_events grouped | sort | cmp - ours
	[ "$(streamlog-tail -g billing grouped -- cat | wc -l)" = 0 ]
	kafka consumer.group.ConsumerGroupCommand --describe --group billing |
		awk '$2 == "grouped" { sum += $4; lag += $6 } END { print sum, lag }' |
		cmp - <(echo "$EVENTS 0")
	echo '{}' | streamlog-append -p 1 grouped
	streamlog-group lag --json billing | grep '"lag_events":1,'
	streamlog-group list | grep -x billing
	[ "$(kcat -b "$ADDRESS" -G billing -q -e -f '%p %s\n' grouped)" = '1 {}' ]
}

# share: give some more events; have both members had some?
share()
{
	round=$((round + 1))
	json_events "$round" | head -n 30 | tee -a given |
		streamlog-append -k user shared
	has 1 1 && has 2 1
}

# all_taken: what both have taken is what was given.
all_taken()
{
	sort 1 2 | cmp -s - <(sort given)
}

@test "two members share the partitions" {
	local member members=() round=0

	streamlog-topic create --partitions "$PARTITIONS" shared
	for member in 1 2; do
		streamlog-tail -f --session-timeout 6s -g two shared -- \
			sh -c "cat >>$member" 3>&- 4>&- &
		members+=("$!")
		follower=${members[*]}
	done
	await share
	await all_taken
}

@test "a group reads partitions that come while it follows" {
	streamlog-topic create --partitions 1 grown
	streamlog-append grown <<<'{"n":0}'
	streamlog-tail -f -g growing grown >seen 3>&- 4>&- &
	follower=$!
	await has seen 1
	kafka TopicCommand --alter --topic grown --partitions 3
	await partitions grown 3
	seq -f '{"n":%.0f}' 30 | streamlog-append grown
	await has seen 31
}

# heard FILE LINES WHY: its group was given it anew, or told that it is another.
heard()
{
	has "$1" "$2" || grep -q "the place 100 is beyond the end" "$3"
}

@test "a topic that was made anew is read from its beginning, and its group is told" {
	streamlog-topic create --partitions 1 anew
	json_events old | head -n 100 | streamlog-append anew
	streamlog-tail -F -a anew >seen 2>told 3>&- 4>&- &
	follower=$!
	streamlog-tail -f -g anew anew >taken 2>why 3>&- 4>&- &
	member=$!
	follower+=" $member"
	await has seen 100
	await has taken 100
	kafka TopicCommand --delete --topic anew
	streamlog-topic create --partitions 1 anew
	json_events new | head -n 50 | streamlog-append anew
	await heard taken 150 why
	await has seen 150
	tail -n 50 seen | cmp - <(json_events new | head -n 50)
}

@test "only what was committed is read, and a group is at the end behind what was not" {
	streamlog-topic create --partitions 1 money
	transact "$ADDRESS" money commit 3 abort 2 commit 1 abort 2
	timeout 20 streamlog-tail -a money >seen
	seq -f '{"n":%.0f}' 0 2 | cat - <(echo '{"n":5}') | cmp - seen
	[ "$(timeout 20 streamlog-tail -n 2 money)" = "$(tail -n 2 seen)" ]
	timeout 20 streamlog-tail -g books money | cmp - seen
	timeout 20 streamlog-group wait --until-empty books
	# An open one keeps back what lies behind it, until it ends.
	transact "$ADDRESS" money commit 1 open 2
	streamlog-append money <<<'{"behind":1}'
	[ "$(timeout 20 streamlog-tail -g books money)" = '{"n":0}' ]
	[ "$(timeout 20 streamlog-tail -X isolation.level=read_uncommitted \
		-n 3 money)" = $'{"n":1}\n{"n":2}\n{"behind":1}' ]
}

@test "kcat's batches are read, whatever they are compressed with" {
	local codec

	streamlog-topic create --partitions 1 packed
	for codec in none gzip snappy lz4 zstd; do
		json_events "$codec" | head -n 200 | tee -a given |
			kcat -P -b "$ADDRESS" -t packed -z "$codec"
	done
	streamlog-tail -a packed | cmp - given
}

# ---- Topics ----

@test "topics are made, listed and described" {
	streamlog-topic create --partitions 5 made
	streamlog-topic list | grep -x made
	kcat -L -b "$ADDRESS" -t made | grep 'topic "made" with 5 partitions'
	[ "$(streamlog-topic describe --json made | grep -c '"partition":')" = 5 ]
}

# ---- What is refused ----

@test "what a cluster's own tools do is refused with the line that does it" {
	local verb

	json_events kept | streamlog-append kept
	for verb in 'alter --partitions 7' 'delete --execute'; do
		# shellcheck disable=SC2086 # words
		refused 2 "*kafka-topics.sh --bootstrap-server $ADDRESS *" \
			streamlog-topic $verb kept
	done
	streamlog-compact kept
	[ "$(consume kept | wc -l)" = "$EVENTS" ]
}

@test "a topic that isn't there is not made by a reader, nor with --no-create" {
	refused 66 "streamlog-tail: topic 'nosuch': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is" \
		streamlog-tail nosuch
	refused 66 "streamlog-append: topic 'nosuch': not in '$STREAMLOG_DIR'; 'streamlog-topic list' shows what is" \
		streamlog-append --no-create nosuch <<<'{}'
	[ "$(streamlog-topic list | grep -cx nosuch)" = 0 ]
}

@test "an event that is too large for the topic costs itself alone" {
	streamlog-topic create --set max.message.bytes=2000 small
	printf '{"n":1}\n{"n":"%02000d"}\n{"n":3}\n' 2 >lines
	refused 65 "streamlog-append: topic 'small': 2 events appended, 1 line rejected" \
		streamlog-append --on-error skip small lines
	consume small -f '%s\n' | cmp - <(sed 2d lines)
}

@test "of partitions that are sent together one may be refused, and the rest is told" {
	streamlog-topic create --partitions 4 \
		--set message.timestamp.before.max.ms=3600000 together
	seq 0 15 | sed 's/.*/{"k":"k&","t":'"$(date +%s%3N)"'}/' >in
	sed -i 's/\("k7","t":\).*/\11700000000000}/' in
	refused 65 "*partition 0: *Invalid timestamp; 0 lines are done, and some behind them; go on with: *" \
		streamlog-append -k k --time-field t together in
	# All but those of its partition.
	[ "$(streamlog-tail -a --format '%p\n' together | sort | uniq -c |
		tr -s ' \n' ' ')" = ' 5 1 4 2 1 3 ' ]
}

@test "what the cluster doesn't allow ends with 74" {
	streamlog-append secret <<<'{}'
	kafka AclCommand --add --force --topic secret --group hidden \
		--deny-principal User:ANONYMOUS --operation All
	refused 74 "streamlog-append: topic 'secret': Broker: Topic authorization failed" \
		streamlog-append secret <<<'{}'
	refused 74 "streamlog-tail: topic 'secret': Broker: Topic authorization failed" \
		streamlog-tail secret
	streamlog-append open <<<'{}'
	refused 74 "streamlog-tail: group 'hidden': $STREAMLOG_DIR: Broker: Group authorization failed" \
		streamlog-tail -g hidden open
}
