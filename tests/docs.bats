#!/usr/bin/env bats
# What is written about the programs is true: --help, the manual pages and the
# completions list the same options, and the pages' examples run.
#
# An example is a line that begins with "$ " in a literal display of a page. All
# examples of a page run in their order, in an empty directory with an empty
# log directory. What follows, up to the next "$ " or the end of the display, is
# what the command prints, stderr included; "..." in a line stands for any text.
# It ends with exit status 0. A follower (streamlog-tail -f) gets an
# --idle-timeout from us, so that it ends.

bats_require_minimum_version 1.5.0
load helper

PROGRAMS=(append tail topic group compact check)

setup()
{
	cd "$BATS_TEST_DIRNAME/.." || return
}

require()
{
	command -v "$1" >/dev/null || skip "no $1 here"
}

# same WHAT EXPECTED ACTUAL: fail where two texts differ, and show how.
same()
{
	[ "$2" = "$3" ] || {
		echo "$1:"
		diff <(echo "$2") <(echo "$3")
	}
}

# ---- Options ----

# Lines of --help such as "  -J, --envelope, --json  ...", one option a line.
help_options()
{
	"streamlog-$1" --help | grep -oE '^ +(-., )?--[a-z-]+(, --[a-z-]+)*' |
		grep -oE -- '--?[A-Za-z0-9][a-z-]*' | sort
}

# ".It Fl n , Fl -lines Ar N" has two; ".It Fl Ns Ar N" is no option's name.
page_options()
{
	grep '^\.It Fl ' "man/streamlog-$1.1" | grep -oE '(It|,) Fl [^ ]+' |
		sed 's/.* Fl /-/' | grep -vxe -Ns | sort
}

# Those of the SYNOPSIS; "Fl 0aef" has four.
synopsis_options()
{
	sed -nE '/^\.Sh SYN/,/^\.Sh DES/s/^\.((Op|Brq) |(Fl ))/\3/p' \
		"man/streamlog-$1.1" | grep -oE 'Fl [^ ]+' | cut -d' ' -f2 | grep -vx Ns |
		sed -E '/^-/!s/./&\n/g' | sed -E '/^$/d; s/^-?/-&/' | sort -u
}

# complete_bash WORD...: what bash offers for the last of the words.
complete_bash()
{
	bash -c '
		. "completions/$1.bash"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		"$(complete -p "$1" | sed "s/.*-F \([^ ]*\) .*/\1/")"
		((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"
	' bash "$@" | sort -u
}

# complete_fish LINE, complete_zsh LINE: what they offer at the line's end.
complete_fish()
{
	# shellcheck disable=SC2016 # fish's variables
	fish --no-config -c '
		for file in completions/*.fish
			source $file
		end
		complete -C "$argv[1]"' "$1" | cut -f1 | sort -u
}

complete_zsh()
{
	tests/complete.zsh "$1" | sort
}

@test "each page lists the options of --help, and no other" {
	for program in "${PROGRAMS[@]}"; do
		same "$program" "$(help_options "$program")" \
			"$(page_options "$program")"
	done
}

@test "each SYNOPSIS has every option by its first name" {
	for program in "${PROGRAMS[@]}"; do
		first=$("streamlog-$program" --help |
			sed -nE 's/^ +(--?[A-Za-z0-9][a-z-]*).*/\1/p' |
			grep -vxe --help -e --version | sort)
		same "$program" "$first" "$(synopsis_options "$program")"
	done
}

@test "the bash completions list the options of --help, and no other" {
	for program in "${PROGRAMS[@]}"; do
		same "$program" "$(help_options "$program")" \
			"$(complete_bash "streamlog-$program" -)"
	done
}

@test "the fish completions list the options of --help, and no other" {
	require fish
	for program in "${PROGRAMS[@]}"; do
		same "$program" "$(help_options "$program")" \
			"$(complete_fish "streamlog-$program -")"
	done
}

@test "the zsh completions list the options of --help, and no other" {
	require zsh
	for program in "${PROGRAMS[@]}"; do
		same "$program" "$(help_options "$program")" \
			"$(complete_zsh "streamlog-$program -")"
	done
}

# ---- Words ----

# A line, and what its last word can become. OTHER is another log directory,
# STATE another place for groups.
lines()
{
	cat <<-'END'
		streamlog-append |clicks orders
		streamlog-append or|orders
		streamlog-append --raw |clicks orders
		streamlog-append -p 3 |clicks orders
		streamlog-append -d OTHER |elsewhere
		streamlog-append --dir=OTHER |elsewhere
		streamlog-append -d /nonexistent |
		streamlog-append orders Make|Makefile
		streamlog-append --sync |batch each exit none
		streamlog-append --sync=|batch each exit none
		streamlog-append --on-error |divert fail skip
		streamlog-append -z |lz4 none zstd
		streamlog-tail |clicks orders
		streamlog-tail orders |clicks orders
		streamlog-tail --dir OTHER |elsewhere
		streamlog-tail --on-damage |skip stop
		streamlog-tail --on-gap |fail go
		streamlog-tail --first |beginning end s@
		streamlog-tail -g |billing
		streamlog-tail orders --group bi|billing
		streamlog-tail -d OTHER -g |other
		streamlog-tail --state-dir=STATE -g |mine
		streamlog-tail -d /nonexistent -g |
		streamlog-tail -g billing orders -- streamlog-to|streamlog-topic
		streamlog-tail -g billing orders -- wc Make|Makefile
		streamlog-topic |alter create delete describe list
		streamlog-topic create |
		streamlog-topic describe |clicks orders
		streamlog-topic delete -d OTHER |elsewhere
		streamlog-compact |clicks orders
		streamlog-compact --all --dry-run or|orders
		streamlog-compact -d OTHER |elsewhere
		streamlog-check --mend or|orders
		streamlog-check |clicks orders
		streamlog-check -d OTHER |elsewhere
		streamlog-group |commit delete describe lag list reset wait
		streamlog-group describe |billing
		streamlog-group lag --json |billing
		streamlog-group reset --to-offset 3 billing |clicks orders
		streamlog-group reset billing clicks or|orders
		streamlog-group lag -d OTHER |other
		streamlog-group wait --state-dir=STATE |mine
		streamlog-group commit billing |
		streamlog-group commit --from-file Make|Makefile
		streamlog-group reset --to-datetime |now today yesterday
	END
}

# bash_words LINE: as readline splits it, "=" being a word of its own.
bash_words()
{
	local words
	read -ra words <<<"${1//=/ = }"
	[[ $1 != *[\ =] ]] || words+=("")
	complete_bash "${words[@]}"
}

# completes COMMAND: it prints what lines() says.
completes()
{
	local line expected other=$BATS_TEST_TMPDIR/other
	local state=$BATS_TEST_TMPDIR/state reset=(reset --to-latest --execute)
	streamlog-topic create clicks orders
	streamlog-topic create -d "$other" elsewhere
	streamlog-group "${reset[@]}" billing clicks
	streamlog-group "${reset[@]}" -d "$other" other elsewhere
	streamlog-group "${reset[@]}" --state-dir "$state" mine clicks
	while IFS='|' read -r line expected; do
		line=${line//OTHER/$other}
		same "'$line'" "$expected" "$("$1" "${line//STATE/$state}" |
			sed 's/^--.*=//' | paste -sd ' ')"
	done < <(lines)
}

@test "bash completes topics, commands, values and files" {
	completes bash_words
}

@test "fish completes topics, commands, values and files" {
	require fish
	completes complete_fish
}

@test "zsh completes topics, commands, values and files" {
	require zsh
	completes complete_zsh
}

@test "streamlog.yaml(5) and the completions have every setting" {
	streamlog-topic create any
	names=$(streamlog-topic describe --json any | head -n 1 |
		sed 's/.*"settings"://' | grep -oE '"[a-z.]+":' | tr -d '":')
	[ "$(wc -l <<<"$names")" -ge 7 ]
	same "the page" "id partitions $(paste -sd ' ' <<<"$names")" \
		"$(sed -n '/^\.Ss Settings/,/^\.Sh/s/^\.It Cm \([^ ]*\).*/\1/p' \
			man/streamlog.yaml.5 | paste -sd ' ')"
	same bash "$(sort <<<"${names//$'\n'/=$'\n'}=")" \
		"$(bash_words "streamlog-topic alter --set ")"
	for name in $names; do
		grep -qF -e "$name=" completions/streamlog-topic.fish
		grep -qF -e "$name" completions/_streamlog-topic
	done
}

# ---- Examples ----

# displays PAGE: its literal displays as a reader sees them, after each a "$ ".
displays()
{
	sed -n '/^\.Bd -literal/,/^\.Ed/{/^\.Bd/d;s/^\.Ed/$ /;p}' "man/$1" |
		sed 's/\\e/\\/g; s/\\&//g; s/\\(dq/"/g'
}

# show COMMAND EXPECTED ACTUAL
show()
{
	printf '$ %s\n--- the page says:\n%s--- it prints:\n%s' "$@"
	return 1
}

# try COMMAND EXPECTED: run it, and compare line by line.
try()
{
	local pattern actual status=0
	actual=$(bash -c "${1/tail -f/tail -f --idle-timeout 300ms}" 2>&1 &&
		echo .) || show "$1" "$2" "$actual, and fails"
	actual=${actual%.}
	pattern=$(sed 's/[][\\*?()]/\\&/g; s/\.\.\./*/g' <<<"$2.")
	# shellcheck disable=SC2053 # it is a pattern
	[[ $actual. == $pattern ]] || show "$1" "$2" "$actual"
}

# examples PAGE: run them all.
examples()
{
	local line command='' expected=''
	mkdir "$BATS_TEST_TMPDIR/work"
	while IFS= read -r line; do
		if [[ $line != '$ '* ]]; then
			expected+=$line$'\n'
			continue
		fi
		[ "$command" = "" ] ||
			(cd "$BATS_TEST_TMPDIR/work" && try "$command" "$expected")
		command=${line#'$ '} expected=
	done < <(displays "$1")
}

@test "the examples of streamlog(7) run" {
	examples streamlog.7
}

@test "the examples of streamlog-append(1) run" {
	examples streamlog-append.1
}

@test "the examples of streamlog-tail(1) run" {
	examples streamlog-tail.1
}

# stand_in NAME: a program of that name, on stdin, in the directory bin.
stand_in()
{
	mkdir -p bin
	{
		echo '#!/bin/sh'
		cat
	} >"bin/$1"
	chmod +x "bin/$1"
}

# Topics, and stand-ins for what the pipelines of streamlog-tail(1) and
# etc/crontab.example run.
prepare_pipelines()
{
	stand_in jq <<<'exec cat'
	stand_in curl <<<'exit 0'
	stand_in job <<<'exec cat >/dev/null'
	stand_in report <<<'exec cat >/dev/null'
	ln -s bin/job bin/report .
	export PATH=$PWD/bin:$PATH
	events 1 3 | streamlog-append orders
	events 1 3 | streamlog-append clicks
}

# consumed SCRIPT: group and topic that it names have nothing left to read.
consumed()
{
	local group topic

	group=$(grep -oP -- 'tail.*? -g \K\w+' <<<"$1")
	topic=$(grep -oE 'orders|clicks' <<<"$1" | head -n 1)
	[ -e "$STREAMLOG_DIR/@groups/$group" ]
	same "left of group $group" "" "$(streamlog-tail -g "$group" "$topic")"
}

@test "the pipelines of streamlog-tail(1) run as typed" {
	sed '/^\.Sh PIPELINES/,/^\.Sh/!d' man/streamlog-tail.1 |
		sed -n '/^\.Bd -literal/,/^\.Ed/{/^\.Bd/d;s/^\.Ed/\x00/;p}' |
		sed 's/\\e/\\/g' >"$BATS_TEST_TMPDIR/pipelines"
	cd "$BATS_TEST_TMPDIR"
	prepare_pipelines
	count=0
	while IFS= read -r -d '' script; do
		rm -rf "$STREAMLOG_DIR/@groups"
		t timeout 20 bash -c \
			"${script//tail -f/tail -f --idle-timeout 100ms}"
		same "$script" "0  " "$status $output $stderr"
		consumed "$script"
		count=$((count + 1))
	done <"$BATS_TEST_TMPDIR/pipelines"
	[ "$count" -eq 10 ]
}

# As cron does: \% is %, and there is nothing in the environment but what is in
# the table. Its paths are moved to here.
@test "the lines of etc/crontab.example run as cron runs them" {
	local words=(HOME="$BATS_TEST_TMPDIR" LOGNAME=us SHELL=/bin/sh)
	local line count=0 time='([0-9*/,-]+ ){5}'

	sed "s|/usr/local/lib/streamlog|$BATS_TEST_TMPDIR/bin|g
		s|/usr/local/bin|$bin|g; s|/srv|$BATS_TEST_TMPDIR/srv|g" \
		etc/crontab.example >"$BATS_TEST_TMPDIR/crontab"
	cd "$BATS_TEST_TMPDIR"
	mkdir -p srv/streamlog srv/report srv/copies
	ln -s srv/streamlog log # $STREAMLOG_DIR
	prepare_pipelines
	while IFS= read -r line; do
		[[ $line =~ ^[A-Z_]+= ]] && words+=("$line")
		[[ $line =~ ^$time ]] || continue
		line=${line#"${BASH_REMATCH[0]}"}
		[[ ! $line =~ [^\\]% ]]
		t env -i "${words[@]/PATH=/PATH=$PWD/bin:}" \
			sh -c "${line//\\%/%}"
		same "$line" "0  " "$status $output $stderr"
		[[ $line != *streamlog-tail* ]] || consumed "$line"
		count=$((count + 1))
	done <"$BATS_TEST_TMPDIR/crontab"
	[ "$count" -eq 5 ]
	[ -s "srv/copies/$(date +%F).jsonl" ]
}

@test "the examples of streamlog-topic(1) run" {
	examples streamlog-topic.1
}

@test "the examples of streamlog-compact(1) run" {
	examples streamlog-compact.1
}

@test "the examples of streamlog-check(1) run" {
	examples streamlog-check.1
}

@test "the examples of streamlog-group(1) run" {
	examples streamlog-group.1
}

@test "the examples of streamlog.yaml(5) run" {
	examples streamlog.yaml.5
}

@test "libstreamlog(3) names every function of streamlog.h" {
	for name in $(grep -hoE '\bsl_[a-z0-9_]+\(' lib/streamlog*.h | tr -d '('); do
		grep -qwF "$name" man/libstreamlog.3 || {
			echo "$name"
			false
		}
	done
}

@test "the example of libstreamlog(3) compiles and runs" {
	build=${BUILD:-build}
	flags=(-std=c11 -Wall -Wextra -Wpedantic -Werror -I lib)
	[[ $build != *-asan ]] || flags+=("-fsanitize=address,undefined")
	displays libstreamlog.3 | sed -n '/^#include/,/^\$ /{/^\$ /d;p}' \
		>"$BATS_TEST_TMPDIR/example.c"
	cc "${flags[@]}" -o "$BATS_TEST_TMPDIR/example" \
		"$BATS_TEST_TMPDIR/example.c" -L "$build/lib" -lstreamlog \
		-Wl,-rpath,"$(realpath "$build/lib")"
	run "$BATS_TEST_TMPDIR/example"
	[ "$output" = '{"amount":3}' ]
	[ "$status" -eq 0 ]
}

# Lines such as " 101  suspect ---": a byte's number, and what stands there.
@test "streamlog-format(5) draws the lock file as it is" {
	streamlog-topic create any
	seen=0
	while read -r byte word _; do
		same "byte $byte" "$word" "$(tail -c "+$((byte + 1))" \
			"$STREAMLOG_DIR/any/0/lock" | head -c "${#word}")"
		seen=$((seen + 1))
	done < <(sed -n '/^byte  text/,/^\.Ed/p' man/streamlog-format.5 |
		grep -E '^ *[0-9]+  [a-z]+ ')
	[ "$seen" -eq 6 ]
	[ "$(stat -c %s "$STREAMLOG_DIR/any/0/lock")" -eq 4096 ]
}

# fields WORD: of a table "byte  WORD" of streamlog-format(5) each line's byte
# and text.
fields()
{
	sed -n "/^byte  $1\$/,/^\(\.Ed\)*\$/p" man/streamlog-format.5 |
		grep -E '^ *[0-9]+  '
}

# field TABLE TEXT: the byte where that begins.
field()
{
	fields "$1" | grep -E "^ *[0-9]+  $2" | awk '{ print $1 }'
}

# text FILE POSITION BYTES
text()
{
	tail -c "+$(($2 + 1))" "$1" | head -c "$3"
}

# crc32c: of stdin, as 8 digits.
crc32c()
{
	python3 -c '
import sys
crc = 0xFFFFFFFF
for byte in sys.stdin.buffer.read():
    crc ^= byte
    for _ in range(8):
        crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
print("%08x" % (crc ^ 0xFFFFFFFF))'
}

@test "streamlog-format(5) draws the lock of a group as it is" {
	streamlog-topic create --partitions 2 any
	cd "$BATS_TEST_TMPDIR"
	follow 5 streamlog-tail -v -f -g billing any
	telling "partition 1: mine"
	cd "$BATS_TEST_DIRNAME/.."
	group=$STREAMLOG_DIR/@groups/billing
	lock=$group/lock
	member=$(ls "$group/members")
	[ "$(stat -c %s "$lock")" -eq 1536 ]
	[ "$(text "$lock" 0 "$(field head 20)")" = "streamlog group 1 generation " ]
	[[ $(text "$lock" "$(field head 20)" 20) =~ ^[0-9]{20}$ ]]
	[[ $(text "$lock" "$(field head blanks)" 454) =~ ^\ +$ ]]
	for line in 0 1 2; do
		at=$((line * 512))
		same "crc of line $line" "$(text "$lock" "$at" 503 | crc32c)" \
			"$(text "$lock" $((at + $(field head crc))) 8)"
		same "end of line $line" "$(printf '\n' | od -An -c)" \
			"$(text "$lock" $((at + $(field head newline))) 1 |
				od -An -c)"
	done
	at=1024
	[ "$(text "$lock" "$at" 4)" = "row " ]
	[ "$(text "$lock" $((at + $(field row topic))) 4)" = "any " ]
	[ "$(text "$lock" $((at + $(field row partition))) 4)" = "   1" ]
	[ "$(text "$lock" $((at + $(field row owner))) 80)" = \
		"$(printf %-80s "$member")" ]
	[ "$(text "$lock" $((at + $(field row next))) 80)" = \
		"$(printf %-80s -)" ]
	[[ $(text "$lock" $((at + $(field row blanks))) 83) =~ ^\ +$ ]]
	[[ $member =~ ^(.+:$follower)-[0-9a-f]{16}$ ]]
	same "its file" "$(sed -n 's/"atlas:4711"/NAME/; s/\["orders"\]/["any"]/
		/^{"member"/p' man/streamlog-format.5)" \
		"$(sed "s/\"${BASH_REMATCH[1]}\"/NAME/" "$group/members/$member")"
	same "the copy" '{"topic":"any","partition":1,"owner":"'"$member"'","next":null}' \
		"$(grep '"partition":1,' "$group/assignment.json")"
}

@test "streamlog-format(5) draws a place as it is" {
	streamlog-append any <<<'{}'
	streamlog-tail -g billing any -- true
	place=$STREAMLOG_DIR/@groups/billing/places/any-0
	[ "$(stat -c %s "$place")" -eq 1024 ]
	drawn=$(fields slot | grep -c .)
	[ "$drawn" -eq 4 ]
	for slot in 0 512; do
		line=$(text "$place" "$slot" "$(field slot newline | head -n 1)")
		[[ $line =~ ^(\{.*)',"crc":"'([0-9a-f]{8})'"}'\ +$ ]]
		same "crc" "$(printf %s "${BASH_REMATCH[1]}" | crc32c)" \
			"${BASH_REMATCH[2]}"
	done
	same "its members" "$(sed -n '/^byte  slot/,/^ 511/p' \
		man/streamlog-format.5 | grep -oE '"[a-z_]+":' | paste -sd ' ')" \
		"$(grep -oE '"[a-z_]+":' <<<"$line" | paste -sd ' ')"
	[[ $line == '{"seq":1,'*',"offset":1,'* ]] # the second is the newer
	drawn=$(sed -n '/^   0  {"seq"/,/}$/p' man/streamlog-format.5 | cut -c 7- |
		tr -d '\n')
	same "the crc drawn" "$(printf %s "${drawn%,\"crc\"*}" | crc32c)" \
		"$(grep -oE '[0-9a-f]{8}"}$' <<<"$drawn" | tr -d '"}')"
}
