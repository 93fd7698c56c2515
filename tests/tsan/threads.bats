#!/usr/bin/env bats
# `make check-tsan`: the programs that begin threads, on pipelines that make
# them do so. A report of the thread sanitizer fails its test, whichever program
# of the pipeline made it.

load ../helper

EVENTS=200000

# Enough that append takes a second worker and tail a thread that writes.
setup_file()
{
	events 1 "$EVENTS" | sed 's/}/,"k":"0123456789"}/' \
		>"$BATS_FILE_TMPDIR/many"
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	many=$BATS_FILE_TMPDIR/many
	export TSAN_OPTIONS="exitcode=86 log_path=$BATS_TEST_TMPDIR/report"
}

teardown()
{
	[ -z "${follower:-}" ] || kill "$follower" 2>/dev/null || true
	if compgen -G 'report.*' >/dev/null; then
		head -n 60 report.*
		return 1
	fi
}

@test "the sanitizer is in the programs" {
	nm "$(type -P streamlog-append)" | grep -q __tsan_init
}

@test "two workers append, a thread writes, and all comes out" {
	streamlog-append t "$many"
	streamlog-tail -a t | cmp - "$many"
	streamlog-tail -a t >out
	cmp out "$many"
}

@test "two workers with keys, compression and receipts, in several partitions" {
	cat "$many" "$many" | streamlog-append --partitions 4 -k n -z zstd \
		--receipt t >receipts
	[ "$(grep -c '"synced":true' receipts)" -gt 0 ]
	streamlog-tail -a -J t | streamlog-append -J -z lz4 copy
	[ "$(streamlog-tail -a copy | wc -l)" -eq $((EVENTS * 2)) ]
}

@test "two workers, and lines that are none" {
	t bash -c "sed '1~1000s/:/;/' '$many' | streamlog-append -q t"
	[ "$status" -eq 65 ]
	[ "$(streamlog-tail -a t | wc -l)" -eq $((EVENTS * 999 / 1000)) ]
	[ "$(streamlog-tail -a --rejected t | wc -l)" -eq $((EVENTS / 1000)) ]
}

@test "two workers stop at a bad line, and at a signal" {
	t bash -c "sed '150000s/:/;/' '$many' |
		streamlog-append -q --on-error fail t"
	[ "$status" -eq 65 ]
	[ "$(streamlog-tail -a t | wc -l)" -eq 149999 ]
	mkfifo fifo
	follow 5 streamlog-append t fifo
	exec 6>fifo
	cat "$many" >&6
	kill -TERM "$follower"
	ends 143
	exec 6>&-
}

@test "each sync level beside a follower" {
	local level

	: | streamlog-append t
	follow 5 streamlog-tail -f -a -c 22400 t
	cat <&5 >out &
	for level in none exit batch each; do
		case $level in
		each) head -n 400 "$many" ;;
		batch) head -n 2000 "$many" ;;
		*) head -n 10000 "$many" ;;
		esac | streamlog-append --sync "$level" t
	done
	ends 0
	wait
	[ "$(wc -l <out)" -eq 22400 ]
}

@test "whoever reads what a thread writes is gone" {
	streamlog-append t "$many"
	t bash -c 'set -o pipefail
		streamlog-tail -a t | head -n 150000 | tail -n 1'
	expect 0 "$(sed -n 150000p "$many")" ""
	t bash -c 'streamlog-tail -a t >/dev/full'
	[ "$status" -eq 74 ]
}

@test "a group's command and its reader, of many events" {
	streamlog-append t "$many"
	streamlog-tail -g command --batch 1000 -c 20000 t -- cat >out
	cmp out <(head -n 20000 "$many")
	streamlog-tail -g reader t | cmp - "$many"
}

@test "threads look at many groups" {
	local group

	events 1 100 | streamlog-append t
	streamlog-tail -g g1 -c 9 t >/dev/null
	for group in {2..40}; do
		cp -R "$STREAMLOG_DIR/@groups/g1" "$STREAMLOG_DIR/@groups/g$group"
	done
	[ "$(streamlog-group list --json | wc -l)" -eq 40 ]
	[ "$(streamlog-group lag --json | grep -c '"lag_events":91')" -eq 40 ] || {
		streamlog-group lag --json | head -n 3
		false
	}
}

@test "compaction and retention of many events" {
	streamlog-topic create --set segment.bytes=256KiB \
		--set cleanup.policy=compact table
	seq "$EVENTS" | awk '{ printf "{\"k\":%d,\"n\":%d}\n", $1 % 97, $1 }' |
		streamlog-append -k k table
	streamlog-compact table
	streamlog-check -q table
	[ "$(streamlog-tail -a table | wc -l)" -eq 97 ]
}
