#!/usr/bin/env bats
# A log directory that a Unix group shares, and who is not of the group.

load helper

setup()
{
	[ "$EUID" -eq 0 ] || skip "not root: there are no others to be"
	# The directories above a test's own are closed to others.
	work=$(mktemp -d /tmp/streamlog.XXXXXX)
	chmod 755 "$work"
	cd "$work" || return
	export STREAMLOG_DIR=$work/log HOME=$work
	unset XDG_RUNTIME_DIR
	install -d -m 2775 -o 61001 -g 61000 log
}

teardown()
{
	cd / && rm -rf "$work" /dev/shm/streamlog-6100?
}

# as N UMASK COMMAND...: user 6100N; 1 and 2 are of the group, 3 is not.
as()
{
	local groups=(--groups 61000) user=6100$1 mask=$2

	[ "$1" != 3 ] || groups=(--clear-groups)
	shift 2
	(umask "$mask" && setpriv --reuid "$user" --regid "$user" \
		"${groups[@]}" "$@")
}

@test "a group shares a topic, whatever the umask of who makes and writes it" {
	as 1 077 streamlog-topic create --set segment.bytes=4KiB \
		--set cleanup.policy=compact,delete --set retention.bytes=1MiB t
	seq 1 200 | sed 's/.*/{"k":&}/' >in
	as 1 077 streamlog-append -q -k k t in
	as 2 077 streamlog-append -q -k k t in
	as 2 027 streamlog-append -q -k k new in
	as 1 022 streamlog-append -q --sync each -k k new in
	as 1 077 streamlog-tail -g g -c 100 t -- cat >got.1
	as 2 077 streamlog-tail -g g t -- cat >got.2
	as 2 077 streamlog-compact -q t
	as 1 077 streamlog-append -q -k k t in
	as 1 077 streamlog-compact -q t
	as 2 077 streamlog-topic alter -q --set retention.bytes=2MiB t
	as 1 077 streamlog-check -q t new
	[ "$(cat got.1 got.2 | wc -l)" = 400 ]
	[ "$(as 1 077 streamlog-tail -a t | wc -l)" = 200 ]
	find log ! -perm -g+rw
	[ -z "$(find log ! -perm -g+rw)" ]
	[ -z "$(find log -type d ! -perm -g+rwxs)" ]
	[ -z "$(find log ! -group 61000)" ]
}

@test "who is not of the group reads, and can hold up nobody" {
	as 1 002 streamlog-append t <<<'{}'
	t as 3 022 streamlog-tail -a t
	expect 0 '{}' ''
	t as 3 022 streamlog-append t <<<'{}'
	[ "$status" = 74 ]
	[ "$output" = "" ]
	t as 3 022 streamlog-topic create more
	[ "$status" = 74 ]
	[ -z "$(find log -name lock -perm /o+rwx)" ]
	[ -z "$(find log -perm /o+w)" ]
	as 2 022 streamlog-append t <<<'{}'
}
