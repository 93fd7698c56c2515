#!/usr/bin/env bats
# README.md says what is so.

load helper

setup()
{
	export BUILD=${bin%/bin}
	readme=$BATS_TEST_DIRNAME/../README.md
	cd "$BATS_TEST_TMPDIR" || return
}

# block SECTION N: the Nth fenced block below the heading "## SECTION".
block()
{
	awk -v section="## $1" -v wanted="$2" '
		/^## / { here = $0 == section }
		/^```/ { inside = !inside; number += inside && here; next }
		inside && here && number == wanted' "$readme"
}

@test "the minute's tour prints what README says it prints" {
	block 'A minute' 1 >tour
	block 'A minute' 2 >expected
	[ -s tour ]
	run bash -c 'set -u; TMPDIR=$PWD . ./tour 2>&1'
	[ "$status" -eq 0 ]
	[ "$output" = "$(cat expected)" ]
}

@test "the address to clone stands in one place" {
	[ "$(grep -c 'git clone' "$readme")" -eq 1 ]
	block 'Set up' 1 | grep -q 'git clone URL streamlog'
}

@test "README names every program, and only those" {
	named=$(grep -o '^| `streamlog-[a-z]*' "$readme" | sed 's/.*`//' | sort)
	[ "$named" = "$(cd "$BUILD/bin" && printf '%s\n' streamlog-*)" ]
}

@test "README and streamlog(7) have the same figures of trust" {
	local page figure
	page=$(tr '\n' ' ' <"$BATS_TEST_DIRNAME/../man/streamlog.7")
	sed -n '/^| stage/,/^$/s/^|.*| \([^|]*[0-9][^|]*\) |$/\1/p' "$readme" >figures
	[ "$(wc -l <figures)" = 11 ]
	while read -r figure; do
		echo "$figure"
		[[ $page == *"$figure"* ]]
	done <figures
}

@test "topics lie where README says" {
	unset STREAMLOG_DIR XDG_STATE_HOME
	export HOME=$BATS_TEST_TMPDIR
	echo '{}' | streamlog-append one
	[ -f .local/state/streamlog/one/topic.yaml ]
	echo '{}' | XDG_STATE_HOME=$PWD/state streamlog-append one
	[ -f state/streamlog/one/topic.yaml ]
	echo '{}' | STREAMLOG_DIR=$PWD/dir streamlog-append one
	[ -f dir/one/0/00000000000000000000.log ]
	echo '{}' | STREAMLOG_DIR=$PWD/other streamlog-append -d "$PWD/d" one
	[ -f d/one/topic.yaml ]
	[ ! -e other ]
}

@test "append from cron is silent when all is well" {
	run env -i HOME="$PWD" PATH=/usr/bin:/bin \
		sh -c "echo '{}' | '$BUILD/bin/streamlog-append' metrics 2>&1"
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
}

@test "the limits are as README has them" {
	export STREAMLOG_DIR=$PWD/logs
	nested()
	{
		printf '{"a":%s1%s}\n' "$(printf '[%.0s' $(seq "$1"))" \
			"$(printf ']%.0s' $(seq "$1"))"
	}
	nested 511 | streamlog-append deep
	run -65 bash -c "echo '$(nested 512)' | streamlog-append deep"
	run -2 streamlog-topic create --partitions 4097 more
	[[ $output == *4096* ]]
	echo '{}' | streamlog-append "$(printf 'n%.0s' $(seq 249))"
	run -2 bash -c "echo '{}' | streamlog-append $(printf 'n%.0s' $(seq 250))"
	head -c 1100000 /dev/zero | tr '\0' x | sed 's/.*/{"a":"&"}/' >large
	run -65 streamlog-append deep large
	head -c 1000000 /dev/zero | tr '\0' x | sed 's/.*/{"a":"&"}/' >fits
	streamlog-append deep fits
}

@test "make demo works, leaves nothing, and ends with what puts it on the PATH" {
	mkdir tmp
	TMPDIR=$PWD/tmp run --separate-stderr "$BATS_TEST_DIRNAME/demo"
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[[ $output == *"5000 everything.jsonl"* ]]
	[[ $output == *"export PATH=\"$BUILD/bin:\$PATH\""* ]]
	[ "${lines[-1]}" = "    make install PREFIX=\"\$HOME/.local\"" ]
	[ "$(ls tmp)" = "" ]
}
