# places_helper.bash: bad places and damaged files; load it behind helper.

# as_user COMMAND...: without root's right to pass over permissions.
as_user()
{
	if [ "$EUID" -eq 0 ]; then
		setpriv --bounding-set -dac_override,-dac_read_search \
			--inh-caps -all "$@"
	else
		"$@"
	fi
}

# with_mounts SCRIPT: a shell that may mount on `log`, for as long as it lives.
with_mounts()
{
	local shell=(bash -euc)

	[ "$EUID" -eq 0 ] || shell=(unshare -rm "${shell[@]}")
	"${shell[@]}" "trap 'umount -l log 2>/dev/null' EXIT; $1"
}

# poke FILE POSITION BYTES: overwrite, BYTES as printf takes them.
poke()
{
	# shellcheck disable=SC2059 # escapes are meant
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# make_log: topic `t` has three batches of three events: offsets 0 to 2, 3 to 5,
# 6 to 8. Sets $segment and $batch, the bytes of each.
make_log()
{
	rm -rf log/t
	events 0 2 | streamlog-append t
	events 3 5 | streamlog-append t
	events 6 8 | streamlog-append t
	# shellcheck disable=SC2034 # the tests use both
	segment=log/t/0/00000000000000000000.log
	# shellcheck disable=SC2034
	batch=$(($(stat -c %s "$segment") / 3))
}

# next_offset: what an append gets; its event is {"new":1}.
next_offset()
{
	streamlog-append --receipt t <<<'{"new":1}' |
		sed -E 's/.*"first_offset":([0-9]+).*/\1/'
}

# offsets OPTIONS...: those that tail prints, on one line.
offsets()
{
	streamlog-tail -n +1 --format '%o\n' "$@" t | paste -sd ' '
}
