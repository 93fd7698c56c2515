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

PROGRAMS=(append tail topic)

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
	sed -n '/^\.Sh SYN/,/^\.Sh DES/s/^\.Op //p' "man/streamlog-$1.1" |
		grep -oE 'Fl [^ ]+' | cut -d' ' -f2 | grep -vx Ns |
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

# A line, and what its last word can become. OTHER is another log directory.
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
		streamlog-topic |alter create delete describe list
		streamlog-topic create |
		streamlog-topic describe |clicks orders
		streamlog-topic delete -d OTHER |elsewhere
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
	streamlog-topic create clicks orders
	streamlog-topic create -d "$other" elsewhere
	while IFS='|' read -r line expected; do
		same "'$line'" "$expected" "$("$1" "${line//OTHER/$other}" |
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

@test "the examples of streamlog-topic(1) run" {
	examples streamlog-topic.1
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
