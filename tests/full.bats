#!/usr/bin/env bats
# A writer at full speed on a small file system that fills up, a compactor
# beside it half the time: FULL_SECONDS each (default 2). And root's
# cleaning of what is a user's.
# shellcheck disable=SC2016 # what stands in single quotes is for another shell

load helper
load places_helper
load member_helper

seconds=${FULL_SECONDS:-2}

# small_disk KIND: 24 MiB, at `log`. Where root's rights are needed and aren't
# there, the test is skipped, which is a failure where CI=true.
small_disk()
{
	[ "$EUID" -eq 0 ] || skip "not root: can't mount"
	mkdir log
	if [ "$1" = tmpfs ]; then
		mount -t tmpfs -o size=24m none log
	else
		truncate -s 28M image
		mkfs.ext4 -q -m 0 image
		mount -o loop image log
		rmdir log/lost+found
	fi
}

teardown()
{
	local pid

	for pid in ${writer:-} ${compactor:-} ${sampler:-}; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	! mountpoint -q log || umount log || umount -l log
}

# feed KEYS: events {"k":...,"n":N}, N from 0 on, for so many seconds; what it
# printed last is in `last`.
feed()
{
	awk -v keys="$1" -v seconds="$seconds" 'BEGIN {
		pad = sprintf("%150s", "")
		srand(); srand(); until = srand() + seconds
		for (n = 0; ; n++) {
			if (n % 1000 == 0) {
				srand()
				if (srand() > until)
					break
			}
			printf "{\"k\":\"%d\",\"n\":%d,\"p\":\"%s\"}\n", \
				n % keys, n, pad
		}
		print n - 1 >"last"
	}'
}

# compactor: half of the time it cleans, with and without the topic's name. Told
# to end, it first ends what it cleans: nothing goes after that.
compactor()
{
	local status until

	trap 'exit 0' TERM
	while :; do
		sleep 0.5
		until=$((${EPOCHREALTIME/./} + 500000))
		while [ "${EPOCHREALTIME/./}" -lt "$until" ]; do
			for topic in --all logs; do
				status=0
				streamlog-compact -q "$topic" 2>said || status=$?
				echo "$status $(paste -sd ' ' said)"
			done
		done
	done >compacted
}

# sampler: the bytes of the topic, the most of them in `most`.
sampler()
{
	local most=0 bytes

	while :; do
		bytes=$(du -sb log/logs 2>/dev/null | cut -f 1) || true
		if [ "${bytes:-0}" -gt "$most" ]; then
			most=$bytes
			echo "$most" >most
		fi
		sleep 0.02
	done
}

# press KEYS LIMIT SETTING...: topic `logs` and its writer, until it has ended;
# it never has more than LIMIT bytes.
press()
{
	local keys=$1 limit=$2 status=0

	streamlog-topic create "${@:3}" logs
	(set -o pipefail
		feed "$keys" | streamlog-append -k k --receipt logs) \
		>receipts 2>errors 3>&- &
	writer=$!
	compactor 3>&- &
	compactor=$!
	sampler 3>&- &
	sampler=$!
	wait "$writer" || status=$?
	kill "$compactor" "$sampler"
	wait "$compactor" "$sampler" || true
	writer='' compactor='' sampler=''
	cat errors
	[ "$status" -eq 0 ]
	last=$(cat last)
	figures
	complaints "$@" && return 1
	[ "$(cat most)" -le "$limit" ]
	# Each of the events has a receipt.
	grep -o '"count":[0-9]*' receipts | cut -d : -f 2 |
		awk -v last="$last" '{ n += $1 } END { exit n != last + 1 }'
}

# complaints ARGUMENTS: what a compactor said but that others clean, and, of a
# table, that there is no room for what stays of it.
complaints()
{
	local usual='another process is cleaning'

	[[ $* != *policy=compact* ]] || usual+='|no space left on device$'
	grep -v '^0 $' compacted | grep -vE "^75 .*($usual)"
}

# figures: what was done, for who runs it for a minute.
figures()
{
	[ -z "${FULL_SECONDS:-}" ] || {
		echo "# $BATS_TEST_DESCRIPTION: $((last + 1)) events," \
			"$(awk '{ n[$1]++ } END { for (s in n)
			printf "exit %d: %d times ", s, n[s] }' compacted)" \
			"compacted; most $(($(cat most) >> 10)) KiB," \
			"$(du -sb log/logs | cut -f 1) B at the end"
	} >&3
}

# whole LEAST: of one partition, there are the events behind the first to the
# last, dense, in order, and at least so many bytes of them.
whole()
{
	streamlog-tail -a --format '%o %s\n' logs >got
	sed -E 's/^([0-9]+) .*"n":([0-9]+),.*/\1 \2/' got |
		awk -v last="$last" '
		NR > 1 && $1 != at + 1 || $1 != $2 {
			print "offset " $1 ", n " $2 " behind " at; exit 1
		}
		{ at = $1 }
		END { if (at != last) { print at " is last"; exit 1 } }'
	[ "$(stat -c %s got)" -ge "$1" ]
	goes_on
}

# goes_on [COMMAND]: afterwards an event can be appended, and nothing is left
# behind where that cleans.
goes_on()
{
	streamlog-append -k k logs <<<'{"k":"z","n":"after"}'
	[ "$(streamlog-tail -n 1 logs)" = '{"k":"z","n":"after"}' ] ||
		streamlog-tail -a logs | grep -qxF '{"k":"z","n":"after"}'
	${1:-streamlog-compact -q logs}
	[ -z "$(find log/logs -name '*.cleaned')" ]
}

# compact_table: or there is no room for what stays of it.
compact_table()
{
	local status=0

	streamlog-compact -q logs 2>said || status=$?
	[ "$status" -ne 0 ] || return 0
	cat said
	[ "$status" -eq 75 ] && grep -q ': no space left on device$' said
}

MiB=1048576

@test "a disk smaller than the bound: the writer never fails, no holes" {
	small_disk tmpfs
	press 1000 $((24 * MiB)) --set retention.bytes=64MiB
	whole $((6 * MiB))
}

@test "a bound near the disk's size, two partitions, on ext4" {
	small_disk ext4
	press 1000 $((24 * MiB)) --set retention.total.bytes=20MiB \
		--partitions 2
	# Each of them is dense.
	streamlog-tail -a --format '%p %o %s\n' logs |
		sed -E 's/^([0-9] [0-9]+) .*"n":([0-9]+),.*/\1 \2/' |
		awk -v last="$last" '
		$1 in at && ($2 != at[$1] + 1 || $3 <= n[$1]) { exit 1 }
		{ at[$1] = $2; n[$1] = $3; if ($3 > most) most = $3 }
		END { exit most != last || at[0] + at[1] + 1 != last }'
	goes_on
}

@test "a bound of the topic's, on ext4: within it and two segments" {
	small_disk ext4
	press 1000 $((10 * MiB)) --set retention.bytes=8MiB
	whole $((5 * MiB))
}

@test "a table on a disk smaller than its bound: each key's last is there" {
	small_disk ext4
	press 1000 $((28 * MiB)) --set cleanup.policy=compact,delete \
		--set retention.bytes=64MiB
	# The last of each key, but of those that retention has passed.
	streamlog-tail -a --format '%o %s\n' logs |
		sed -E 's/^([0-9]+) .*"n":([0-9]+),.*/\1 \2/' |
		awk -v last="$last" '
		$1 != $2 || NR > 1 && $1 <= at { print; exit 1 }
		{ at = $1 }
		$1 > last - 1000 { n++ }
		END { exit n != 1000 }'
	goes_on compact_table
}

# by_nobody COMMAND...: as that user.
by_nobody()
{
	setpriv --reuid nobody --regid nogroup --clear-groups "$@"
}

@test "root's cron leaves no file of root's in a user's topics" {
	[ "$EUID" -eq 0 ] || skip "not root"
	# The directories above are root's, and closed to others.
	work=$(mktemp -d /tmp/streamlog.XXXXXX)
	chmod 755 "$work"
	install -d -o nobody -g nogroup "$work/log"
	export STREAMLOG_DIR=$work/log HOME="$work"
	(
		cd "$work"
		by_nobody streamlog-topic create --partitions 2 \
			--set segment.bytes=16KiB \
			--set cleanup.policy=compact,delete \
			--set retention.bytes=256KiB \
			--set file.delete.delay.ms=0 table
		by_nobody streamlog-topic create \
			--set retention.bytes=64KiB --set sync=exit logs
		seq 1 9000 | awk '{ printf "{\"k\":\"%d\",\"n\":%d}\n", \
			$1 % 3000, $1 }' >in
		by_nobody streamlog-append -k k table in
		by_nobody streamlog-append logs in
		by_nobody streamlog-append logs <<<'no event' || true
		by_nobody streamlog-tail -g g --first beginning table \
			-- cat >/dev/null
		by_nobody streamlog-topic alter --set retention.bytes=32KiB logs
		sleep 1
		streamlog-compact -q table
		streamlog-compact -q --all
		streamlog-group reset -q --to-earliest --execute g
		find log ! -user nobody -o ! -group nogroup
		[ -z "$(find log ! -user nobody -o ! -group nogroup)" ]
		# And the user goes on.
		by_nobody streamlog-append -k k table in
		by_nobody streamlog-compact -q table logs
		[ "$(by_nobody streamlog-tail -a table | grep -c '"n":9000}')" = 1 ]
		by_nobody streamlog-tail -g g table -- cat >got
		[ -s got ]
	)
	rm -rf "$work"
}
